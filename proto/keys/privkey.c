/* SPDX-License-Identifier: ISC
 *
 * Private keys: generated, used and wiped, whatever their type; the types do the work (key_type.h).
 *
 * An empty or wiped key has no type and signs nothing.
 */
#include <string.h>

#include "proto/keys/key_type.h"

nacre_err nacre_privkey_generate(struct nacre_privkey *k, const char *type_name, unsigned bits,
                                 const struct nacre_rng *rng, uint64_t *work)
{
    const struct ncr_key_type *type = ncr_key_type(nacre_bytes_str(type_name));
    nacre_err err = NACRE_ERR_UNKNOWN_ALG;

    nacre_privkey_wipe(k);
    if (type != NULL)
        err = type->generate(k, bits, rng, work);
    if (err != NACRE_OK)
        nacre_privkey_wipe(k);
    return err;
}

struct nacre_bytes nacre_privkey_public_blob(const struct nacre_privkey *k)
{
    struct nacre_bytes b = {k->blob, k->type == NULL ? 0 : k->blob_len};

    return b;
}

const char *nacre_privkey_alg(const struct nacre_privkey *k, size_t i)
{
    return k->type == NULL ? NULL : nacre_key_type_alg(nacre_bytes_str(k->type->name), i);
}

nacre_err nacre_privkey_sign(const struct nacre_privkey *k, struct nacre_bytes alg,
                             struct nacre_bytes data, uint8_t *out, size_t cap, size_t *n,
                             const struct nacre_rng *rng, uint64_t *work)
{
    struct ncr_wr w = ncr_wr(out, cap);
    const char *plain = nacre_alg_plain(alg);
    const char *name = NULL;
    nacre_err err;
    size_t i;

    *n = 0;
    if (plain != NULL) /* a certificate's: what it names is in the request, not in the signature */
        alg = nacre_bytes_str(plain);
    for (i = 0; (name = nacre_privkey_alg(k, i)) != NULL; i++) {
        if (nacre_bytes_is(alg, name))
            break;
    }
    if (name == NULL)
        return NACRE_ERR_UNKNOWN_ALG;
    err = k->type->sign(&w, k, name, data, rng, work);
    if (err == NACRE_OK && w.bad)
        err = NACRE_ERR_NO_ROOM;
    if (err == NACRE_OK)
        *n = ncr_wr_done(&w).n;
    return err;
}

void nacre_privkey_wipe(struct nacre_privkey *k)
{
    nacre_wipe(k, sizeof *k);
}
