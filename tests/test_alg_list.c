/* SPDX-License-Identifier: ISC
 *
 * Lists of algorithms as ssh_config(5) has them: +, -, ^, patterns, profiles, unknown names; what
 * is offered, what is asked for in vain, and what the error then says would help. The table is the
 * test's own, so that the answers do not move with the default one.
 */
#include "proto/alg_list.h"
#include "tests/pair.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct ncr_kex kex_pq = {.name = "pq-x", .post_quantum = true};
static const struct ncr_kex kex_a = {.name = "curve-a"};
static const struct ncr_kex kex_b = {.name = "curve-b"};
static const struct ncr_kex kex_named = {.name = "odd-c", .grade = NCR_GRADE_NAMED};
static const struct ncr_kex kex_old = {.name = "old-d-sha1", .grade = NCR_GRADE_LEGACY};
static const struct ncr_kex *const kexes[] = {&kex_pq, &kex_a, &kex_b, &kex_named, &kex_old, NULL};
static const struct nacre_algs algs = {.kex = kexes};

static const struct {
    enum nacre_profile profile;
    const char *spec, *want; /* want NULL: UNKNOWN_ALG */
} list_cases[] = {
    {NACRE_PROFILE_MODERN, NULL, "pq-x,curve-a,curve-b"},
    {NACRE_PROFILE_PQ_REQUIRED, NULL, "pq-x"},
    {NACRE_PROFILE_LEGACY_DEVICE, NULL, "pq-x,curve-a,curve-b,old-d-sha1"},
    {NACRE_PROFILE_MODERN, "curve-b,pq-x", "curve-b,pq-x"},
    {NACRE_PROFILE_MODERN, "curve-b,curve-b", "curve-b"},
    {NACRE_PROFILE_MODERN, "old-d-sha1", "old-d-sha1"},
    {NACRE_PROFILE_MODERN, "odd-c", "odd-c"},
    {NACRE_PROFILE_MODERN, "+old-d-sha1", "pq-x,curve-a,curve-b,old-d-sha1"},
    {NACRE_PROFILE_MODERN, "+curve-a", "pq-x,curve-a,curve-b"},
    {NACRE_PROFILE_MODERN, "^curve-b,odd-c", "curve-b,odd-c,pq-x,curve-a"},
    {NACRE_PROFILE_MODERN, "-curve-*", "pq-x"},
    {NACRE_PROFILE_MODERN, "-curve-a", "pq-x,curve-b"},
    {NACRE_PROFILE_MODERN, "-old-d-sha1", "pq-x,curve-a,curve-b"},
    {NACRE_PROFILE_LEGACY_DEVICE, "-*-sha1,pq-?", "curve-a,curve-b"},
    {NACRE_PROFILE_MODERN, "curve-*", "curve-a,curve-b"},
    {NACRE_PROFILE_MODERN, "*", "pq-x,curve-a,curve-b,odd-c,old-d-sha1"},
    {NACRE_PROFILE_MODERN, "*-b,*", "curve-b,pq-x,curve-a,odd-c,old-d-sha1"},
    {NACRE_PROFILE_MODERN, "none-*", ""},
    {NACRE_PROFILE_PQ_REQUIRED, "+curve-a", NULL},
    {NACRE_PROFILE_PQ_REQUIRED, "curve-a", NULL},
    {NACRE_PROFILE_PQ_REQUIRED, "*", "pq-x"},
    {NACRE_PROFILE_PQ_REQUIRED, "^pq-x", "pq-x"},
    {NACRE_PROFILE_MODERN, "curve-c", NULL},
    {NACRE_PROFILE_MODERN, "+curve-c", NULL},
    {NACRE_PROFILE_MODERN, "-curve-c", NULL},
    {NACRE_PROFILE_MODERN, "^pq-x,curve-c", NULL},
    {NACRE_PROFILE_MODERN, "CURVE-A", NULL},
    {NACRE_PROFILE_MODERN, "curve-a,", NULL},
    {NACRE_PROFILE_MODERN, ",curve-a", NULL},
    {NACRE_PROFILE_MODERN, "curve-a, curve-b", NULL},
    {NACRE_PROFILE_MODERN, "+", NULL},
    {NACRE_PROFILE_MODERN, "-", NULL},
    {NACRE_PROFILE_MODERN, "^", NULL},
    {NACRE_PROFILE_MODERN, "++pq-x", NULL},
};

Test(alg_list, expands_as_ssh_config_says)
{
    for (size_t i = 0; i < sizeof list_cases / sizeof list_cases[0]; i++) {
        char out[256] = "?";
        const char *spec = list_cases[i].spec;
        nacre_err err =
            nacre_algs_expand(out, sizeof out, &algs, NACRE_ALG_KEX, list_cases[i].profile, spec);
        cr_assert_eq(err, list_cases[i].want != NULL ? NACRE_OK : NACRE_ERR_UNKNOWN_ALG, "%s",
                     spec != NULL ? spec : "(default)");
        cr_assert_str_eq(out, list_cases[i].want != NULL ? list_cases[i].want : "", "%s",
                         spec != NULL ? spec : "(default)");
    }
}

/* Walking the list and asking for one name give the same answer. */
Test(alg_list, membership_agrees_with_the_list)
{
    for (size_t i = 0; i < sizeof list_cases / sizeof list_cases[0]; i++) {
        struct ncr_alg_list l = {&algs, NACRE_ALG_KEX, list_cases[i].profile, list_cases[i].spec};
        struct nacre_bytes want =
            nacre_bytes_str(list_cases[i].want != NULL ? list_cases[i].want : "");
        for (size_t k = 0; list_cases[i].want != NULL && kexes[k] != NULL; k++) {
            struct nacre_bytes name = nacre_bytes_str(kexes[k]->name);
            cr_assert_eq(ncr_alg_list_has(&l, name), ncr_list_has(want, name), "%s in %s",
                         kexes[k]->name, list_cases[i].spec);
        }
        cr_assert_not(ncr_alg_list_has(&l, nacre_bytes_str("curve-c")));
    }
}

Test(alg_list, needs_room_for_all)
{
    char out[32];
    for (size_t cap = 0; cap < sizeof out; cap++) {
        memset(out, '?', sizeof out);
        nacre_err err =
            nacre_algs_expand(out, cap, &algs, NACRE_ALG_KEX, NACRE_PROFILE_MODERN, NULL);
        cr_assert_eq(err, cap > strlen("pq-x,curve-a,curve-b") ? NACRE_OK : NACRE_ERR_NO_ROOM);
        cr_assert(cap == 0 || err == NACRE_OK || out[0] == '\0');
    }
}

/* ---- On the wire ---- */

Test(alg_list, what_would_help_is_told)
{
    struct pair p;
    struct nacre_errinfo info;
    pair_init(&p);
    p.side[0].cfg.ciphers = "aes256-ctr";
    p.side[1].cfg.ciphers = "-aes256-*";
    pair_start(&p);
    (void)pair_run(&p, 100);
    for (int i = 0; i < 2; i++) {
        info = nacre_conn_errinfo(p.side[i].c);
        cr_assert_eq(info.err, NACRE_ERR_NO_COMMON_ALG);
        cr_assert_str_eq(info.category, "cipher client to server");
        cr_assert_str_eq(info.would_help, i == 0 ? "chacha20-poly1305@openssh.com" : "aes256-ctr");
    }
    pair_free(&p);
}
