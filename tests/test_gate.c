/* SPDX-License-Identifier: ISC
 *
 * Limits before authentication (S71): numbers of the table of limits, counted with a clock and a
 * random source of the test's own.
 */
#include "server/gate.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

static bool gate_rng_fill(void *ctx, uint8_t *out, size_t n)
{
    uint8_t *next = ctx;
    for (size_t i = 0; i < n; i++) {
        out[i] = (*next)++;
    }
    return true;
}

static bool gate_rng_fail(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    (void)out;
    (void)n;
    return false;
}

static uint8_t gate_seed;
static const struct nacre_rng gate_rng = {gate_rng_fill, &gate_seed};

static void gate_source(uint8_t addr[NCR_GATE_ADDR_LEN], const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        ncr_gate_addr(addr, &in);
    } else {
        cr_assert_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
        ncr_gate_addr(addr, &in6);
    }
}

static struct ncr_gate gate_make_for(unsigned begin, unsigned rate, unsigned full, unsigned source)
{
    struct ncr_gate g;
    struct ncr_gate_cfg cfg = ncr_gate_default;
    cfg.begin = begin;
    cfg.rate = rate;
    cfg.full = full;
    cfg.per_source = source;
    cr_assert(ncr_gate_init(&g, &cfg, &gate_rng));
    return g;
}

Test(gate, S71_full_refuses_all)
{
    struct ncr_gate g = gate_make_for(3, 100, 3, 0);
    uint8_t a[NCR_GATE_ADDR_LEN];
    gate_source(a, "192.0.2.1");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_ADMIT);
    }
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_DROP_STARTUPS);
    ncr_gate_leave(&g, a, NCR_GATE_AUTHENTICATED, 0);
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_ADMIT);
    ncr_gate_free(&g);
}

Test(gate, S71_early_drop_grows)
{
    struct ncr_gate g = gate_make_for(10, 30, 100, 0);
    uint8_t a[NCR_GATE_ADDR_LEN];
    unsigned dropped = 0, tries = 0;
    gate_source(a, "192.0.2.1");
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_ADMIT, "below begin all are let in");
    }
    while (g.starting < 100 && tries < 100000) {
        dropped += ncr_gate_enter(&g, a, 0) == NCR_GATE_DROP_STARTUPS;
        tries++;
    }
    cr_assert_eq(g.starting, 100u);
    cr_assert_gt(dropped, 40u, "some were dropped on the way: %u of %u", dropped, tries);
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_DROP_STARTUPS);
    ncr_gate_free(&g);
}

Test(gate, S71_random_source_that_fails_drops)
{
    struct ncr_gate g = gate_make_for(1, 1, 100, 0);
    uint8_t a[NCR_GATE_ADDR_LEN];
    gate_source(a, "192.0.2.1");
    g.rng.fill = gate_rng_fail;
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_ADMIT);
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_DROP_STARTUPS);
    ncr_gate_free(&g);
}

Test(gate, S71_per_source)
{
    struct ncr_gate g = gate_make_for(100, 30, 200, 2);
    uint8_t a[NCR_GATE_ADDR_LEN], b[NCR_GATE_ADDR_LEN];
    gate_source(a, "192.0.2.1");
    gate_source(b, "192.0.2.2");
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_ADMIT);
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_ADMIT);
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_DROP_SOURCE);
    cr_assert_eq(ncr_gate_enter(&g, b, 0), NCR_GATE_ADMIT, "another source is not concerned");
    ncr_gate_leave(&g, a, NCR_GATE_QUIET, 0);
    cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_ADMIT);
    ncr_gate_free(&g);
}

/* Failures cost 5 s each; at 15 s the source is refused until all of it has run out. */
Test(gate, S71_penalties_add_up_and_run_out)
{
    struct ncr_gate g = gate_make_for(100, 30, 200, 0);
    uint8_t a[NCR_GATE_ADDR_LEN];
    gate_source(a, "192.0.2.1");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ncr_gate_enter(&g, a, 1000), NCR_GATE_ADMIT, "try %d", i);
        ncr_gate_leave(&g, a, NCR_GATE_AUTH_FAILED, 1000);
    }
    cr_assert_eq(ncr_gate_enter(&g, a, 1000), NCR_GATE_DROP_PENALTY);
    cr_assert_eq(ncr_gate_enter(&g, a, 15999), NCR_GATE_DROP_PENALTY);
    cr_assert_eq(ncr_gate_enter(&g, a, 16000), NCR_GATE_ADMIT);
    ncr_gate_free(&g);
}

Test(gate, S71_crash_acts_at_once_and_cap_holds)
{
    struct ncr_gate g = gate_make_for(100, 30, 200, 0);
    uint8_t a[NCR_GATE_ADDR_LEN];
    gate_source(a, "192.0.2.1");
    for (int i = 0; i < 100; i++) {
        ncr_gate_leave(&g, a, NCR_GATE_CRASH, 0);
    }
    cr_assert_eq(ncr_gate_enter(&g, a, 599999), NCR_GATE_DROP_PENALTY);
    cr_assert_eq(ncr_gate_enter(&g, a, 600000), NCR_GATE_ADMIT, "600 s at most");
    ncr_gate_free(&g);
}

Test(gate, success_costs_nothing)
{
    struct ncr_gate g = gate_make_for(100, 30, 200, 0);
    uint8_t a[NCR_GATE_ADDR_LEN];
    gate_source(a, "192.0.2.1");
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(ncr_gate_enter(&g, a, 0), NCR_GATE_ADMIT);
        ncr_gate_leave(&g, a, NCR_GATE_AUTHENTICATED, 0);
    }
    cr_assert_eq(g.starting, 0u);
    ncr_gate_free(&g);
}

/* One site holds 64 bits of IPv6 addresses; an IPv4 address in IPv6 clothing is that address. */
Test(gate, S71_what_one_source_is)
{
    uint8_t a[NCR_GATE_ADDR_LEN], b[NCR_GATE_ADDR_LEN];
    gate_source(a, "2001:db8:1:2:3:4:5:6");
    gate_source(b, "2001:db8:1:2:ffff::1");
    cr_assert_arr_eq(a, b, sizeof a);
    gate_source(b, "2001:db8:1:3:3:4:5:6");
    cr_assert_arr_neq(a, b, sizeof a);
    gate_source(a, "192.0.2.9");
    gate_source(b, "::ffff:192.0.2.9");
    cr_assert_arr_eq(a, b, sizeof a);
}

/* More sources than there are places: nothing grows, and those that are connected are not
 * forgotten. */
Test(gate, S71_table_is_bounded)
{
    struct ncr_gate g = gate_make_for(1000000, 30, 2000000, 1);
    struct sockaddr_in in = {.sin_family = AF_INET};
    uint8_t a[NCR_GATE_ADDR_LEN], kept[NCR_GATE_ADDR_LEN];
    gate_source(kept, "198.51.100.7");
    cr_assert_eq(ncr_gate_enter(&g, kept, 0), NCR_GATE_ADMIT);
    for (uint32_t i = 0; i < 200000; i++) {
        in.sin_addr.s_addr = htonl(0x0a000000u + i);
        ncr_gate_addr(a, &in);
        ncr_gate_leave(&g, a, NCR_GATE_NO_AUTH, i);
    }
    cr_assert_eq(ncr_gate_enter(&g, kept, 200000), NCR_GATE_DROP_SOURCE);
    ncr_gate_free(&g);
}
