/* SPDX-License-Identifier: ISC
 *
 * Other names that a host key is known by, for the question about an unknown one: who has met the
 * key elsewhere knows more than its fingerprint. As ssh tells them: file, line and the names that
 * stand there, or that they are hashed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/known_hosts_file.h"
#include "proto/posix/file.h"

#define NAMES_TOLD 8    /* as ssh */
#define NAMES_SHOWN 128 /* bytes of the names of one line */
#define NAMES_LINE_CAP (NCR_ESCAPE_ROOM(NAMES_SHOWN) + 4096 + 64)

struct names_scan {
    const char *file;
    struct nacre_bytes key; /* "type base64" */
    unsigned found;
    char *text;
    size_t n, cap;
};

/* Whether the line's key is the one; both texts have one blank between, as programs write them. */
static bool names_same_key(const struct names_scan *s, const struct nacre_host_entry *e)
{
    struct nacre_bytes key = e->type;

    key.n = (size_t)(e->key.p - e->type.p) + e->key.n;
    return key.n == s->key.n && memcmp(key.p, s->key.p, key.n) == 0;
}

static void names_line(void *ctx, uint32_t number, struct nacre_bytes whole)
{
    struct names_scan *s = ctx;
    struct nacre_host_entry e;
    struct nacre_bytes line = ncr_hosts_without_end(whole);
    char safe[NCR_ESCAPE_ROOM(NAMES_SHOWN)] = "[hashed name]";

    if (line.n > NACRE_LINE_MAX || nacre_known_hosts_parse(&e, line) != NACRE_OK || e.blank ||
        e.marker != NACRE_HOST_PLAIN || !names_same_key(s, &e) || s->found++ >= NAMES_TOLD)
        return;
    e.names.n = e.names.n < NAMES_SHOWN ? e.names.n : NAMES_SHOWN;
    if (!e.hashed)
        (void)ncr_escape(safe, sizeof safe, e.names, NCR_ESCAPE_LINE); /* fits */
    s->n += (size_t)snprintf(s->text + s->n, s->cap - s->n, "    %.4000s:%u: %s\n", s->file,
                             (unsigned)number, safe);
}

/* The result: "This key is not known by any other names." or a list; free(3) it. NULL: no memory.
 */
char *ncr_client_other_names(const struct nacre_client *c, struct nacre_bytes blob)
{
    static const struct nacre_bytes none;
    static const char list[] = "This host key is known by the following other names/addresses:\n";
    const size_t key_cap = NACRE_PUBKEY_TEXT_LEN(NACRE_KEY_BLOB_MAX, 0);
    struct names_scan s = {.cap = sizeof list + (NAMES_TOLD + 1) * NAMES_LINE_CAP};
    char *key = malloc(key_cap);
    struct ncr_file f;

    s.text = malloc(s.cap);
    if (s.text == NULL || key == NULL ||
        nacre_pubkey_format(key, key_cap, blob, none) != NACRE_OK) {
        free(s.text);
        free(key);
        return NULL;
    }
    s.key = nacre_bytes_str(key);
    s.n = (size_t)snprintf(s.text, s.cap, "%s", list);
    for (size_t i = 0; i < c->cfg.n_known_hosts; i++) {
        s.file = c->cfg.known_hosts[i];
        if (ncr_file_read(&f, s.file, NCR_HOSTS_FILE_MAX) != NACRE_OK)
            continue; /* the search has told of it */
        ncr_hosts_each_line((struct nacre_bytes){f.p, f.n}, names_line, &s);
        ncr_file_wipe(&f);
    }
    if (s.found > NAMES_TOLD)
        (void)snprintf(s.text + s.n, s.cap - s.n, "    (%u additional names omitted)\n",
                       s.found - NAMES_TOLD);
    if (s.found == 0)
        (void)snprintf(s.text, s.cap, "This key is not known by any other names.\n");
    free(key);
    return s.text;
}
