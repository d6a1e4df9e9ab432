/* SPDX-License-Identifier: ISC
 *
 * Group exchange (RFC 4419): whole exchanges and re-exchanges over groups of several sizes, the
 * choice of the group, and every group, size and value that must be refused. s14 and s15 as in the
 * rows on Diffie-Hellman values: groups that a server makes up, values out of range.
 */
#include "proto/kex.h"
#include "tests/pair.h"

#include <criterion/criterion.h>
#include <string.h>

static void gex_pair(struct pair *p)
{
    pair_init(p);
    p->plan.stay = true;
    p->side[0].cfg.kex = p->side[1].cfg.kex = "diffie-hellman-group-exchange-sha256";
}

static unsigned agreed_bits(const struct pair *p, int side)
{
    return 8u * p->side[side].c->kex.p_len;
}

static bool keyed(const struct pair *p)
{
    return p->side[0].c->first_kex_done && p->side[1].c->first_kex_done;
}

/* ---- Exchanges that work ---- */

static const struct {
    uint16_t min, n, max;
    unsigned bits; /* of the group that comes of it */
} size_cases[] = {
    {0, 0, 0, 3072},          {2048, 2048, 8192, 2048}, {2048, 2049, 8192, 3072},
    {2048, 3073, 4096, 4096}, {2048, 8192, 3072, 0},    {2048, 4000, 4000, 3072},
    {1024, 1024, 8192, 2048}, {2048, 2048, 2048, 2048},
};

Test(kex_gex, sizes_are_chosen_as_asked, .timeout = 120)
{
    for (size_t i = 0; i < sizeof size_cases / sizeof size_cases[0]; i++) {
        struct pair p;
        gex_pair(&p);
        p.side[0].cfg.gex_min = size_cases[i].min;
        p.side[0].cfg.gex_n = size_cases[i].n;
        p.side[0].cfg.gex_max = size_cases[i].max;
        pair_start(&p);
        (void)pair_run(&p, 200);
        bool good = keyed(&p);
        cr_assert_eq(good, size_cases[i].bits != 0, "%zu", i);
        if (good) {
            cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->kex,
                             "diffie-hellman-group-exchange-sha256");
            cr_assert_eq(agreed_bits(&p, 0), size_cases[i].bits);
            cr_assert_eq(agreed_bits(&p, 1), size_cases[i].bits);
        } else {
            cr_assert_eq(nacre_conn_errinfo(p.side[1].c).err, NACRE_ERR_KEX);
        }
        pair_free(&p);
    }
}

Test(kex_gex, again_and_over_to_another_method, .timeout = 120)
{
    struct pair p;
    gex_pair(&p);
    p.side[0].cfg.gex_n = 2048;
    pair_session(&p);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nacre_conn_rekey(p.side[i % 2].c), NACRE_OK);
        cr_assert(pair_run(&p, 200));
        cr_assert_eq(nacre_conn_errinfo(p.side[0].c).err, NACRE_OK);
        cr_assert_not(p.side[0].c->kex.gex);
    }
    p.side[0].c->cfg.kex = p.side[1].c->cfg.kex = "curve25519-sha256";
    cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
    cr_assert(pair_run(&p, 200));
    cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->kex, "curve25519-sha256");
    pair_free(&p);
}

/* ---- Groups of a server's own ---- */

static uint8_t own_p[NACRE_DH_LEN_MAX + 8], own_g[NACRE_DH_LEN_MAX + 8];

static struct nacre_dh_group own_group(const struct nacre_dh_group *like)
{
    static const uint8_t two = 2;
    struct nacre_dh_group g = {{own_p, like->p.n}, {own_g, 1}, like->bits};
    memset(own_p, 0, sizeof own_p);
    memcpy(own_p, like->p.p, like->p.n);
    own_g[0] = two;
    return g;
}

/* What a client says to a server with that group alone. */
static nacre_err offer(const struct nacre_dh_group *group)
{
    struct pair p;
    gex_pair(&p);
    p.side[1].cfg.groups = group;
    p.side[1].cfg.n_groups = 1;
    p.side[0].cfg.gex_n = 2048;
    pair_start(&p);
    (void)pair_run(&p, 200);
    nacre_err err = nacre_conn_errinfo(p.side[0].c).err;
    cr_assert_eq(err == NACRE_OK, keyed(&p));
    pair_free(&p);
    return err;
}

Test(kex_gex, s24_groups_of_a_server_are_checked, .timeout = 120)
{
    struct nacre_dh_group g = own_group(&nacre_dh_group14);
    cr_assert_eq(offer(&g), NACRE_OK);
    g = own_group(&nacre_dh_group14);
    own_g[0] = 5;
    cr_assert_eq(offer(&g), NACRE_OK);
    g = own_group(&nacre_dh_group14); /* even */
    own_p[g.p.n - 1] &= 0xfe;
    cr_assert_eq(offer(&g), NACRE_ERR_KEX);
    for (unsigned v = 0; v < 2; v++) { /* g of 0 and 1 */
        g = own_group(&nacre_dh_group14);
        own_g[0] = (uint8_t)v;
        cr_assert_eq(offer(&g), NACRE_ERR_KEX);
    }
    g = own_group(&nacre_dh_group14); /* g = p - 1 */
    memcpy(own_g, own_p, g.p.n);
    own_g[g.p.n - 1] &= 0xfe;
    g.g.n = g.p.n;
    cr_assert_eq(offer(&g), NACRE_ERR_KEX);
    g = own_group(&nacre_dh_group14); /* g = p */
    memcpy(own_g, own_p, g.p.n);
    g.g.n = g.p.n;
    cr_assert_eq(offer(&g), NACRE_ERR_KEX);
    g = own_group(&nacre_dh_group1); /* 1,024 bits, which was not asked for */
    g.bits = 2048;
    cr_assert_eq(offer(&g), NACRE_ERR_KEX);
    g = own_group(&nacre_dh_group14); /* 2,047 bits */
    own_p[0] = 0x7f;
    cr_assert_eq(offer(&g), NACRE_ERR_KEX);
}

Test(kex_gex, a_server_takes_what_fits_best_of_its_own)
{
    struct nacre_dh_group groups[3] = {nacre_dh_group16, nacre_dh_group14, nacre_dh_group14};
    struct pair p;
    gex_pair(&p);
    p.side[1].cfg.groups = groups;
    p.side[1].cfg.n_groups = 3;
    p.side[0].cfg.gex_n = 2048;
    pair_session(&p);
    cr_assert_eq(agreed_bits(&p, 0), 2048u);
    pair_free(&p);
    gex_pair(&p);
    p.side[1].cfg.groups = groups + 1;
    p.side[1].cfg.n_groups = 2;
    p.side[0].cfg.gex_min = p.side[0].cfg.gex_n = 3072;
    pair_start(&p);
    (void)pair_run(&p, 200);
    cr_assert_eq(nacre_conn_errinfo(p.side[1].c).err, NACRE_ERR_KEX);
    pair_free(&p);
}

/* ---- Values ---- */

/* 0, 1, p - 1, p and p + 1. */
Test(kex_gex, s23_values_out_of_range_are_refused)
{
    static uint64_t work[NACRE_WORK];
    static const uint8_t small[2] = {0, 1};
    const struct nacre_dh_group *g = &nacre_dh_group14;
    uint8_t x[64], k[256], edge[3][256];
    const struct nacre_num peers[] = {{small, 0},     {small, 1},     {small, 2},
                                      {edge[0], 256}, {edge[1], 256}, {edge[2], 256}};
    memset(x, 0x81, sizeof x);
    for (int i = 0; i < 3; i++)
        memcpy(edge[i], g->p.p, sizeof edge[i]);
    edge[0][255] -= 1;
    memset(edge[2] + 248, 0, 8); /* p ends in 64 ones: one more carries */
    for (int i = 247; ++edge[2][i] == 0;)
        i--;
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        memset(k, 0xa5, sizeof k);
        cr_assert_not(nacre_dh_shared(k, g, (struct nacre_num){x, sizeof x}, peers[i], work));
        for (size_t j = 0; j < sizeof k; j++)
            cr_assert_eq(k[j], 0);
    }
}
