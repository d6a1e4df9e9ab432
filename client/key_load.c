/* SPDX-License-Identifier: ISC
 *
 * Opening private key files with passphrases asked for and memory as needed: see key_load.h.
 */
#include "client/key_load.h"

#include <stdlib.h>
#include <string.h>

/* Memory that the reader works in. */
struct key_scratch {
    uint8_t *p;
    size_t n;
};

/* At least n bytes; false if there are none. What was there is not kept: the reader has wiped
 * it. */
static bool key_scratch_grow(struct key_scratch *s, size_t n)
{
    free(s->p);
    s->p = malloc(n + 1);
    s->n = s->p == NULL ? 0 : n;
    return s->p != NULL;
}

/* One reading, and a second one if the first says that it needs more memory. */
static nacre_err key_try(struct nacre_privkey *k, char *comment, size_t comment_cap,
                         struct nacre_bytes file, const char *pass, struct key_scratch *s,
                         struct nacre_keyfile_info *info, uint64_t *work)
{
    const struct nacre_bytes phrase = nacre_bytes_str(pass);
    nacre_err err =
        nacre_keyfile_read(k, comment, comment_cap, file, phrase, s->p, s->n, info, work);

    if (err != NACRE_ERR_NO_ROOM || info->scratch_needed <= s->n)
        return err;
    if (!key_scratch_grow(s, info->scratch_needed)) {
        info->what = "not enough memory for the file's key derivation";
        return NACRE_ERR_NO_MEMORY;
    }
    return nacre_keyfile_read(k, comment, comment_cap, file, phrase, s->p, s->n, info, work);
}

nacre_err ncr_key_load(struct nacre_privkey *k, char *comment, size_t comment_cap,
                       struct nacre_bytes file, struct ncr_key_pass *pass,
                       struct nacre_keyfile_info *info, uint64_t *work)
{
    struct key_scratch s = {NULL, 0};
    unsigned attempt = 0;
    nacre_err err;

    memset(info, 0, sizeof *info);
    info->what = nacre_err_text(NACRE_ERR_NO_MEMORY);
    pass->pass[0] = '\0';
    if (pass->given != NULL && strlen(pass->given) < sizeof pass->pass) /* else it is wrong */
        memcpy(pass->pass, pass->given, strlen(pass->given) + 1);
    if (!key_scratch_grow(&s, file.n)) {
        nacre_wipe(pass->pass, sizeof pass->pass);
        return NACRE_ERR_NO_MEMORY;
    }
    err = key_try(k, comment, comment_cap, file, pass->pass, &s, info, work);
    while (err == NACRE_ERR_PASSPHRASE && pass->given == NULL && pass->ask != NULL &&
           pass->ask(pass->ctx, ++attempt, pass->pass, sizeof pass->pass))
        err = key_try(k, comment, comment_cap, file, pass->pass, &s, info, work);
    if (err != NACRE_OK || !info->encrypted)
        nacre_wipe(pass->pass, sizeof pass->pass);
    free(s.p);
    return err;
}
