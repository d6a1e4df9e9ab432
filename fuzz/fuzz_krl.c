/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: key revocation lists (proto/keys/krl.c, krl_write.c).
 *
 * Input: a list. If it is read, its entries are listed and written again, and the list made of them
 * gives the same verdict on a key and has the same entries, sorted.
 */
#include "proto/keys/nacre_krl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_KRL_ENTRIES 1024
#define FUZZ_KRL_ROOM ((size_t)1 << 20)

static const uint8_t fuzz_krl_blob[] = {0, 0, 0, 3, 'k', 'e', 'y', 1, 2, 3};

static void fuzz_krl_check(bool good)
{
    if (!good)
        abort();
}

static bool fuzz_krl_same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* All entries of a list, sorted; FUZZ_KRL_ENTRIES: there are too many. */
static size_t fuzz_krl_entries(struct nacre_krl_entry *e, const struct nacre_krl *k)
{
    struct nacre_krl_iter i;
    size_t n = 0;

    for (nacre_krl_first(&i, k); n < FUZZ_KRL_ENTRIES && nacre_krl_next(&i, &e[n]);)
        n++;
    return n == FUZZ_KRL_ENTRIES ? n : nacre_krl_sort(e, n);
}

static void fuzz_krl_again(const struct nacre_krl *k)
{
    static struct nacre_krl_entry e[FUZZ_KRL_ENTRIES], back[FUZZ_KRL_ENTRIES];
    static uint8_t out[FUZZ_KRL_ROOM];
    const struct nacre_bytes blob = {fuzz_krl_blob, sizeof fuzz_krl_blob};
    size_t n = fuzz_krl_entries(e, k);
    struct nacre_krl two;
    size_t len;
    size_t i;
    nacre_err err;

    if (n == FUZZ_KRL_ENTRIES || nacre_krl_room(e, n, k->comment.n) > sizeof out)
        return;
    err = nacre_krl_write(out, sizeof out, &len, e, n, k);
    if (err == NACRE_ERR_USAGE) /* a key or authority that is no blob can be read, not written */
        return;
    fuzz_krl_check(err == NACRE_OK && len <= nacre_krl_room(e, n, k->comment.n));
    fuzz_krl_check(nacre_krl_decode(&two, (struct nacre_bytes){out, len}, NULL) == NACRE_OK);
    fuzz_krl_check(nacre_krl_check(k, blob) == nacre_krl_check(&two, blob));
    fuzz_krl_check(fuzz_krl_entries(back, &two) == n);
    for (i = 0; i < n; i++)
        fuzz_krl_check(e[i].kind == back[i].kind && e[i].lo == back[i].lo &&
                       e[i].hi == back[i].hi && fuzz_krl_same(e[i].ca, back[i].ca) &&
                       fuzz_krl_same(e[i].value, back[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct nacre_bytes blob = {fuzz_krl_blob, sizeof fuzz_krl_blob};
    struct nacre_krl k;
    nacre_err err = nacre_krl_decode(&k, (struct nacre_bytes){data, n}, NULL);

    if (err == NACRE_OK)
        fuzz_krl_again(&k);
    else
        fuzz_krl_check(nacre_krl_check(&k, blob) == NACRE_ERR_KEY_REFUSED);
    return 0;
}
