/* SPDX-License-Identifier: ISC
 *
 * Where an agent's keys may be used: s73 (two hops, wrong host, wrong user, unbound, badly bound),
 * as ssh-agent decides it (OpenSSH's PROTOCOL.agent). Lists cut at every length and damaged.
 */
#include "proto/keys/agent.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t agc_work[NACRE_WORK];
static const struct nacre_bytes agc_none = {NULL, 0};

enum { AGC_H1, AGC_H2, AGC_H3, AGC_CA, AGC_USER, AGC_KEYS };
static struct nacre_privkey agc_keys[AGC_KEYS];
#define AGC_NOW 1000000

static bool agc_fill(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    memset(out, 7, n);
    return true;
}
static const struct nacre_rng agc_rng = {agc_fill, NULL};

static void agc_setup(void)
{
    for (int i = 0; i < AGC_KEYS; i++) {
        uint8_t seed[NACRE_ED25519_SEED_LEN];
        memset(seed, i + 1, sizeof seed);
        nacre_privkey_from_seed(&agc_keys[i], seed);
    }
}
TestSuite(agent_constraint, .init = agc_setup);

static struct nacre_bytes agc_blob(int key)
{
    return nacre_privkey_public_blob(&agc_keys[key]);
}

/* A list under construction. */
struct agc_list {
    uint8_t p[4096];
    size_t n;
};

static struct nacre_bytes agc_bytes(const struct agc_list *l)
{
    return (struct nacre_bytes){l->p, l->n};
}

/* One destination; from NULL: the agent's machine. */
static void agc_add(struct agc_list *l, const char *from, int from_key, const char *user,
                    const char *to, int to_key, bool ca)
{
    struct agc_list a = {.n = 0}, b = {.n = 0};
    struct nacre_agent_dest d = {
        .to = {.user = nacre_bytes_str(user), .host = nacre_bytes_str(to)}};

    if (from != NULL) {
        d.from.host = nacre_bytes_str(from);
        cr_assert_eq(nacre_agent_keyspec_append(a.p, sizeof a.p, &a.n, agc_blob(from_key), false),
                     NACRE_OK);
        d.from.keys = agc_bytes(&a);
    }
    cr_assert_eq(nacre_agent_keyspec_append(b.p, sizeof b.p, &b.n, agc_blob(to_key), ca), NACRE_OK);
    d.to.keys = agc_bytes(&b);
    cr_assert_eq(nacre_agent_dest_append(l->p, sizeof l->p, &l->n, &d), NACRE_OK);
}

static struct nacre_agent_bind agc_bind(int host, const char *session, bool forwarded)
{
    struct nacre_agent_bind b = {agc_blob(host), nacre_bytes_str(session), forwarded};

    return b;
}

/* An authentication request; host -1: without the host's key. */
static struct nacre_bytes agc_auth(const char *session, const char *user, int host)
{
    static uint8_t out[1024];
    struct ncr_wr w = ncr_wr(out, sizeof out);

    ncr_wr_cstring(&w, session);
    ncr_wr_u8(&w, 50);
    ncr_wr_cstring(&w, user);
    ncr_wr_cstring(&w, "ssh-connection");
    ncr_wr_cstring(&w, host < 0 ? "publickey" : "publickey-hostbound-v00@openssh.com");
    ncr_wr_u8(&w, 1);
    ncr_wr_cstring(&w, "ssh-ed25519");
    ncr_wr_string(&w, agc_blob(AGC_USER));
    if (host >= 0) {
        ncr_wr_string(&w, agc_blob(host));
    }
    cr_assert(!w.bad);
    return ncr_wr_done(&w);
}

static bool agc_sign(const struct agc_list *l, const struct nacre_agent_path *path,
                     struct nacre_bytes data)
{
    struct nacre_bytes user;
    const char *what;
    const bool ok = nacre_agent_dests_permit_sign(agc_bytes(l), path, agc_blob(AGC_USER), data,
                                                  AGC_NOW, &what, &user);

    cr_assert_eq(ok, what == NULL);
    cr_assert(ok || user.n == 0);
    return ok;
}

static bool agc_see(const struct agc_list *l, const struct nacre_agent_path *path)
{
    return nacre_agent_dests_permit(agc_bytes(l), path, AGC_NOW);
}

/* ---- Decisions ---- */

Test(agent_constraint, free_keys_go_anywhere)
{
    const struct agc_list none = {.n = 0};
    const struct nacre_agent_bind binds[] = {agc_bind(AGC_H1, "s1", true)};
    const struct nacre_agent_path paths[] = {{NULL, 0, false}, {NULL, 0, true}, {binds, 1, true}};

    for (size_t i = 0; i < 3; i++) {
        cr_assert(agc_see(&none, &paths[i]));
        cr_assert(agc_sign(&none, &paths[i], nacre_bytes_str("any data")));
    }
}

Test(agent_constraint, s73_unbound_connections)
{
    struct agc_list l = {.n = 0};
    const struct nacre_agent_path local = {NULL, 0, false}, failed = {NULL, 0, true};

    agc_add(&l, NULL, 0, "", "h1", AGC_H1, false);
    cr_assert(agc_see(&l, &local)); /* its owner sees it */
    cr_assert(!agc_see(&l, &failed));
    cr_assert(!agc_sign(&l, &local, agc_auth("s1", "u", AGC_H1)));
    cr_assert(!agc_sign(&l, &failed, agc_auth("s1", "u", AGC_H1)));
}

Test(agent_constraint, s73_one_hop)
{
    struct agc_list l = {.n = 0};
    const struct nacre_agent_bind good[] = {agc_bind(AGC_H1, "s1", false)};
    const struct nacre_agent_bind wrong[] = {agc_bind(AGC_H2, "s1", false)};
    const struct nacre_agent_path path = {good, 1, true}, other = {wrong, 1, true};
    struct nacre_bytes user;

    agc_add(&l, NULL, 0, "", "h1", AGC_H1, false);
    cr_assert(agc_see(&l, &path));
    cr_assert(agc_sign(&l, &path, agc_auth("s1", "u", AGC_H1)));
    cr_assert(agc_sign(&l, &path, agc_auth("s1", "u", -1))); /* the first hop need not say */
    cr_assert(!agc_sign(&l, &path, agc_auth("s2", "u", AGC_H1)));
    cr_assert(!agc_sign(&l, &path, agc_auth("s1", "u", AGC_H2)));
    cr_assert(!agc_see(&l, &other));
    cr_assert(!agc_sign(&l, &other, agc_auth("s1", "u", AGC_H2)));
    cr_assert(!agc_sign(&l, &other, agc_auth("s1", "u", AGC_H1)));
    cr_assert(nacre_agent_dests_permit_sign(agc_bytes(&l), &path, agc_blob(AGC_USER),
                                            agc_auth("s1", "u", AGC_H1), AGC_NOW, NULL, &user));
    cr_assert(nacre_bytes_is(user, "u"));
}

Test(agent_constraint, s73_signs_nothing_but_logins)
{
    struct agc_list l = {.n = 0};
    const struct nacre_agent_bind good[] = {agc_bind(AGC_H1, "s1", false)};
    const struct nacre_agent_path path = {good, 1, true};
    const struct nacre_bytes right = agc_auth("s1", "u", AGC_H1);
    uint8_t copy[1024];

    agc_add(&l, NULL, 0, "", "h1", AGC_H1, false);
    cr_assert(!agc_sign(&l, &path, nacre_bytes_str("SSHSIG a file")));
    memcpy(copy, right.p, right.n);
    copy[right.n] = 0;
    for (size_t n = 0; n <= right.n + 1; n++) {
        uint8_t *exact = malloc(n + 1);
        cr_assert_not_null(exact);
        memcpy(exact, copy, n);
        cr_assert_eq(agc_sign(&l, &path, (struct nacre_bytes){exact, n}), n == right.n, "%zu", n);
        free(exact);
    }
    for (size_t i = 0; i < right.n; i++) { /* but for the user, who may be anyone here */
        copy[i] ^= 0x11;
        cr_assert_eq(agc_sign(&l, &path, (struct nacre_bytes){copy, right.n}), i == 11, "%zu", i);
        copy[i] ^= 0x11;
    }
    /* another key's request */
    cr_assert(!nacre_agent_dests_permit_sign(agc_bytes(&l), &path, agc_blob(AGC_CA), right, AGC_NOW,
                                             NULL, NULL));
}

Test(agent_constraint, s73_two_hops)
{
    struct agc_list l = {.n = 0};
    const struct nacre_agent_bind way[] = {agc_bind(AGC_H1, "s1", true),
                                           agc_bind(AGC_H2, "s2", false)};
    const struct nacre_agent_bind detour[] = {agc_bind(AGC_H3, "s1", true),
                                              agc_bind(AGC_H2, "s2", false)};
    const struct nacre_agent_bind beyond[] = {agc_bind(AGC_H1, "s1", true),
                                              agc_bind(AGC_H3, "s2", false)};
    const struct nacre_agent_path path = {way, 2, true}, first = {way, 1, true},
                                  round = {detour, 2, true}, wrong = {beyond, 2, true},
                                  skips = {way + 1, 1, true};

    agc_add(&l, NULL, 0, "", "h1", AGC_H1, false);
    agc_add(&l, "h1", AGC_H1, "", "h2", AGC_H2, false);
    cr_assert(agc_see(&l, &first));
    cr_assert(agc_see(&l, &path));
    cr_assert(agc_sign(&l, &path, agc_auth("s2", "u", AGC_H2)));
    cr_assert(!agc_sign(&l, &path, agc_auth("s2", "u", -1))); /* must say which host */
    cr_assert(!agc_sign(&l, &path, agc_auth("s1", "u", AGC_H1)));
    cr_assert(!agc_sign(&l, &path, agc_auth("s1", "u", AGC_H2)));
    cr_assert(!agc_see(&l, &round) && !agc_sign(&l, &round, agc_auth("s2", "u", AGC_H2)));
    cr_assert(!agc_see(&l, &wrong) && !agc_sign(&l, &wrong, agc_auth("s2", "u", AGC_H3)));
    /* h2 straight from here was not said */
    cr_assert(!agc_see(&l, &skips) && !agc_sign(&l, &skips, agc_auth("s2", "u", AGC_H2)));
}

Test(agent_constraint, s73_forwarding_and_signing_binds)
{
    struct agc_list l = {.n = 0};
    const struct nacre_agent_bind forward[] = {agc_bind(AGC_H1, "s1", true)};
    const struct nacre_agent_bind after[] = {agc_bind(AGC_H1, "s1", false),
                                             agc_bind(AGC_H2, "s2", false)};
    const struct nacre_agent_path on = {forward, 1, true}, over = {after, 2, true};

    agc_add(&l, NULL, 0, "", "h1", AGC_H1, false);
    /* good to get to h1, not from there: hidden there */
    cr_assert(!agc_see(&l, &on));
    cr_assert(!agc_sign(&l, &on, agc_auth("s1", "u", AGC_H1)));
    agc_add(&l, "h1", AGC_H1, "", "h2", AGC_H2, false);
    cr_assert(agc_see(&l, &on));
    cr_assert(!agc_sign(&l, &on, agc_auth("s1", "u", AGC_H1))); /* over a forwarding bind: never */
    cr_assert(!agc_see(&l, &over));
    cr_assert(!agc_sign(&l, &over, agc_auth("s2", "u", AGC_H2)));
}

Test(agent_constraint, s73_users)
{
    static const struct {
        const char *pattern, *user;
        bool ok;
    } cases[] = {{"", "anyone", true},   {"root", "root", true},   {"root", "Root", false},
                 {"root", "", false},    {"r*", "root", true},     {"*t", "root", true},
                 {"r?o?", "root", true}, {"r?o", "root", false},   {"root", "rootx", false},
                 {"*", "", true},        {"!root", "root", false}, {"a,root", "root", false}};
    const struct nacre_agent_bind binds[] = {agc_bind(AGC_H1, "s1", false)};
    const struct nacre_agent_path path = {binds, 1, true};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct agc_list l = {.n = 0};
        agc_add(&l, NULL, 0, cases[i].pattern, "h1", AGC_H1, false);
        cr_assert(agc_see(&l, &path));
        cr_assert_eq(agc_sign(&l, &path, agc_auth("s1", cases[i].user, AGC_H1)), cases[i].ok,
                     "%s %s", cases[i].pattern, cases[i].user);
    }
}

/* ---- Hosts with certificates ---- */

static struct nacre_bytes agc_host_cert(uint8_t out[1024], const char *name, uint64_t until,
                                        enum nacre_cert_kind kind)
{
    struct nacre_cert c;
    uint8_t principals[64];
    struct ncr_wr w = ncr_wr(principals, sizeof principals);
    size_t n;

    cr_assert_eq(nacre_cert_begin(&c, agc_blob(AGC_H1)), NACRE_OK);
    ncr_wr_cstring(&w, name);
    c.principals = ncr_wr_done(&w);
    c.kind = kind;
    c.valid_before = until;
    cr_assert_eq(nacre_cert_issue(out, 1024, &n, &c, &agc_keys[AGC_CA], NULL, &agc_rng, agc_work),
                 NACRE_OK);
    return (struct nacre_bytes){out, n};
}

Test(agent_constraint, s73_authorities)
{
    uint8_t cert[1024];
    struct agc_list ca = {.n = 0}, plain = {.n = 0}, other = {.n = 0}, elsewhere = {.n = 0};
    struct nacre_agent_bind b = agc_bind(AGC_H1, "s1", false);
    const struct nacre_agent_path path = {&b, 1, true};

    agc_add(&ca, NULL, 0, "", "h1.example", AGC_CA, true);
    agc_add(&plain, NULL, 0, "", "h1.example", AGC_CA, false);
    agc_add(&other, NULL, 0, "", "h1.example", AGC_H2, true);
    agc_add(&elsewhere, NULL, 0, "", "h2.example", AGC_CA, true);
    cr_assert(!agc_see(&ca, &path)); /* a plain key needs a plain entry */
    b.host_key = agc_host_cert(cert, "h1.example", AGC_NOW + 1, NACRE_CERT_HOST);
    cr_assert(agc_see(&ca, &path));
    cr_assert(!agc_see(&plain, &path) && !agc_see(&other, &path) && !agc_see(&elsewhere, &path));
    b.host_key = agc_host_cert(cert, "h1.example", AGC_NOW, NACRE_CERT_HOST);
    cr_assert(!agc_see(&ca, &path)); /* expired */
    b.host_key = agc_host_cert(cert, "h1.example", AGC_NOW + 1, NACRE_CERT_USER);
    cr_assert(!agc_see(&ca, &path));
    b.host_key = agc_host_cert(cert, "*.example", AGC_NOW + 1, NACRE_CERT_HOST);
    cr_assert(agc_see(&ca, &path) && agc_see(&elsewhere, &path));
    /* an authority's own key as a host key: no entry says so */
    b.host_key = agc_blob(AGC_CA);
    cr_assert(!agc_see(&ca, &path) && agc_see(&plain, &path));
}

/* ---- Lists ---- */

Test(agent_constraint, destinations_that_say_too_little)
{
    struct agc_list keys = {.n = 0}, l = {.n = 0};

    cr_assert_eq(
        nacre_agent_keyspec_append(keys.p, sizeof keys.p, &keys.n, agc_blob(AGC_H1), false),
        NACRE_OK);
    for (unsigned mask = 0; mask < 32; mask++) {
        struct nacre_agent_dest d;
        memset(&d, 0, sizeof d);
        d.from.host = mask & 1 ? nacre_bytes_str("h1") : agc_none;
        d.from.keys = mask & 2 ? agc_bytes(&keys) : agc_none;
        d.to.host = mask & 4 ? nacre_bytes_str("h2") : agc_none;
        d.to.keys = mask & 8 ? agc_bytes(&keys) : agc_none;
        d.from.user = mask & 16 ? nacre_bytes_str("u") : agc_none;
        const bool ok = mask == 12 || mask == 15;
        l.n = 0;
        cr_assert_eq(nacre_agent_dest_append(l.p, sizeof l.p, &l.n, &d),
                     ok ? NACRE_OK : NACRE_ERR_USAGE);
        cr_assert_eq(ncr_agent_dests_whole(agc_bytes(&l)), ok);
    }
}

Test(agent_constraint, lists_cut_and_damaged)
{
    struct agc_list l = {.n = 0};
    const struct nacre_agent_bind binds[] = {agc_bind(AGC_H1, "s1", false)};
    const struct nacre_agent_path path = {binds, 1, true};
    struct nacre_agent_dest d;

    agc_add(&l, NULL, 0, "u", "h1", AGC_H1, false);
    const size_t one = l.n;
    agc_add(&l, "h1", AGC_H1, "", "h2", AGC_H2, true);
    for (size_t n = 0; n <= l.n + 1; n++) {
        uint8_t *exact = malloc(n + 1);
        cr_assert_not_null(exact);
        memcpy(exact, l.p, n);
        const struct nacre_bytes b = {exact, n};
        cr_assert_eq(ncr_agent_dests_whole(b), n == one || n == l.n, "%zu", n);
        free(exact);
    }
    for (size_t bit = 0; bit < 8 * l.n; bit++) {
        l.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const bool whole = ncr_agent_dests_whole(agc_bytes(&l));
        struct nacre_bytes rest = agc_bytes(&l);
        size_t n = 0;
        while (rest.n > 0 && nacre_agent_dest_next(&rest, &d)) {
            n++;
        }
        cr_assert(!whole || n == 2, "bit %zu", bit);
        (void)agc_see(&l, &path); /* no crash; what it says depends on the bit */
        l.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* no room: nothing is written */
    for (size_t cap = 0; cap < one; cap++) {
        struct agc_list keys = {.n = 0}, small = {.n = 0};
        cr_assert_eq(
            nacre_agent_keyspec_append(keys.p, sizeof keys.p, &keys.n, agc_blob(AGC_H1), false),
            NACRE_OK);
        memset(&d, 0, sizeof d);
        d.to.user = nacre_bytes_str("u");
        d.to.host = nacre_bytes_str("h1");
        d.to.keys = agc_bytes(&keys);
        cr_assert_eq(nacre_agent_dest_append(small.p, cap, &small.n, &d), NACRE_ERR_NO_ROOM);
        cr_assert_eq(small.n, 0);
        small.n = 0;
        cr_assert(cap >= keys.n ||
                  nacre_agent_keyspec_append(small.p, cap, &small.n, agc_blob(AGC_H1), false) ==
                      NACRE_ERR_NO_ROOM);
    }
}

Test(agent_constraint, s73_number_of_destinations)
{
    struct agc_list one = {.n = 0};
    uint8_t *many;

    agc_add(&one, NULL, 0, "", "h1", AGC_H1, false);
    many = malloc(one.n * (NACRE_AGENT_DESTS_MAX + 1));
    cr_assert_not_null(many);
    for (size_t i = 0; i <= NACRE_AGENT_DESTS_MAX; i++) {
        memcpy(many + i * one.n, one.p, one.n);
    }
    cr_assert(ncr_agent_dests_whole((struct nacre_bytes){many, NACRE_AGENT_DESTS_MAX * one.n}));
    cr_assert(
        !ncr_agent_dests_whole((struct nacre_bytes){many, (NACRE_AGENT_DESTS_MAX + 1) * one.n}));
    free(many);
}

/* ssh-add -h h1.example -h 'h1.example>u*@h2.example' */
Test(agent_constraint, as_ssh_add_sends_them)
{
    struct vec v;
    unsigned seen = 0;

    for (vec_open(&v, "agent_openssh.txt"); vec_next(&v);) {
        struct nacre_agent_request r;
        struct nacre_agent_add a;
        struct nacre_privkey k;
        struct nacre_bytes msg, h1, h2;

        if (!vec_has(&v, "host1")) {
            continue;
        }
        msg.p = vec_get(&v, "message", &msg.n);
        h1.p = vec_get(&v, "host1", &h1.n);
        h2.p = vec_get(&v, "host2", &h2.n);
        cr_assert_eq(nacre_agent_request_decode(&r, msg), NACRE_OK);
        cr_assert_eq(nacre_agent_add_decode(&a, &k, &r, agc_work), NACRE_OK);
        const struct nacre_agent_bind on1[] = {{h1, nacre_bytes_str("s1"), true}};
        const struct nacre_agent_bind to2[] = {{h1, nacre_bytes_str("s1"), true},
                                               {h2, nacre_bytes_str("s2"), false}};
        const struct nacre_agent_bind straight[] = {{h2, nacre_bytes_str("s2"), false}};
        const struct nacre_agent_path p1 = {on1, 1, true}, p2 = {to2, 2, true},
                                      p3 = {straight, 1, true};
        cr_assert(nacre_agent_dests_permit(a.limits.dests, &p1, AGC_NOW));
        cr_assert(nacre_agent_dests_permit(a.limits.dests, &p2, AGC_NOW));
        cr_assert(!nacre_agent_dests_permit(a.limits.dests, &p3, AGC_NOW));
        seen++;
    }
    vec_close(&v);
    cr_assert_eq(seen, 2);
}

/* ---- Binds ---- */

static size_t agc_put_bind(uint8_t *out, size_t cap, struct nacre_bytes host, int signer,
                           struct nacre_bytes session)
{
    uint8_t sig[256];
    size_t n, sig_len;

    cr_assert_eq(nacre_privkey_sign(&agc_keys[signer], nacre_bytes_str("ssh-ed25519"), session, sig,
                                    sizeof sig, &sig_len, &agc_rng, agc_work),
                 NACRE_OK);
    cr_assert_eq(
        nacre_agent_put_bind(out, cap, &n, host, session, (struct nacre_bytes){sig, sig_len}, true),
        NACRE_OK);
    return n;
}

static nacre_err agc_read_bind(struct nacre_agent_bind *b, const uint8_t *out, size_t n)
{
    struct nacre_agent_request r;

    cr_assert_eq(nacre_agent_request_decode(
                     &r, (struct nacre_bytes){out + NACRE_AGENT_LEN, n - NACRE_AGENT_LEN}),
                 NACRE_OK);
    cr_assert(nacre_bytes_is(r.name, NACRE_AGENT_EXT_BIND));
    return nacre_agent_bind_decode(b, r.data, agc_work);
}

Test(agent_constraint, s73_binds_are_signed)
{
    static const uint8_t long_id[NACRE_AGENT_SESSION_ID_MAX + 1] = {1};
    const struct nacre_bytes id = nacre_bytes_str("session id");
    struct nacre_agent_bind b;
    uint8_t out[2048], cert[1024];
    size_t n = agc_put_bind(out, sizeof out, agc_blob(AGC_H1), AGC_H1, id);

    cr_assert_eq(agc_read_bind(&b, out, n), NACRE_OK);
    cr_assert(b.forwarded && nacre_bytes_is(b.session_id, "session id"));
    cr_assert(b.host_key.n == agc_blob(AGC_H1).n &&
              memcmp(b.host_key.p, agc_blob(AGC_H1).p, b.host_key.n) == 0);
    /* every bit of it counts, but for those of the flag */
    for (size_t bit = 8 * (NACRE_AGENT_LEN + 1 + 4 + 24); bit < 8 * (n - 1); bit++) {
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_neq(agc_read_bind(&b, out, n), NACRE_OK, "bit %zu", bit);
        cr_assert(b.host_key.n == 0 && b.session_id.n == 0 && !b.forwarded);
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = NACRE_AGENT_LEN + 1 + 4 + 24; cut < n; cut++) {
        cr_assert_neq(agc_read_bind(&b, out, cut), NACRE_OK);
    }
    n = agc_put_bind(out, sizeof out, agc_blob(AGC_H1), AGC_H2, id);
    cr_assert_eq(agc_read_bind(&b, out, n), NACRE_ERR_SIG);
    n = agc_put_bind(out, sizeof out, agc_blob(AGC_H1), AGC_H1, agc_none);
    cr_assert_eq(agc_read_bind(&b, out, n), NACRE_ERR_FORMAT);
    n = agc_put_bind(out, sizeof out, agc_blob(AGC_H1), AGC_H1,
                     (struct nacre_bytes){long_id, sizeof long_id - 1});
    cr_assert_eq(agc_read_bind(&b, out, n), NACRE_OK);
    n = agc_put_bind(out, sizeof out, agc_blob(AGC_H1), AGC_H1,
                     (struct nacre_bytes){long_id, sizeof long_id});
    cr_assert_eq(agc_read_bind(&b, out, n), NACRE_ERR_LIMIT);
    /* a host with a certificate, and one whose authority did not sign it */
    struct nacre_bytes host = agc_host_cert(cert, "h1", AGC_NOW, NACRE_CERT_HOST);
    n = agc_put_bind(out, sizeof out, host, AGC_H1, id);
    cr_assert_eq(agc_read_bind(&b, out, n), NACRE_OK);
    cert[host.n - 1] ^= 1;
    n = agc_put_bind(out, sizeof out, host, AGC_H1, id);
    cr_assert_neq(agc_read_bind(&b, out, n), NACRE_OK);
}

Test(agent_constraint, s73_what_may_be_bound)
{
    struct nacre_agent_bind binds[NACRE_AGENT_BINDS_MAX];
    char ids[NACRE_AGENT_BINDS_MAX][4];
    struct nacre_agent_path path = {binds, 0, true};
    struct nacre_agent_bind b = agc_bind(AGC_H1, "s1", true);

    cr_assert_eq(nacre_agent_path_check(&path, &b), NACRE_OK);
    binds[path.n++] = b;
    cr_assert_eq(nacre_agent_path_check(&path, &b), NACRE_ERR_USAGE); /* again: nothing to do */
    b = agc_bind(AGC_H2, "s1", true);
    cr_assert_eq(nacre_agent_path_check(&path, &b), NACRE_ERR_ORDER); /* two hosts, one session */
    b = agc_bind(AGC_H1, "s2", true);
    cr_assert_eq(nacre_agent_path_check(&path, &b), NACRE_OK); /* the same host again */
    binds[0].forwarded = false;
    cr_assert_eq(nacre_agent_path_check(&path, &b), NACRE_ERR_ORDER); /* behind a signature's */
    binds[0].forwarded = true;
    for (; path.n < NACRE_AGENT_BINDS_MAX; path.n++) {
        char *id = ids[path.n];
        id[0] = 'x';
        id[1] = (char)('a' + path.n);
        id[2] = '\0';
        binds[path.n] = agc_bind(AGC_H1, id, true);
    }
    cr_assert_eq(nacre_agent_path_check(&path, &b), NACRE_ERR_LIMIT);
}
