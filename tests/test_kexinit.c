/* SPDX-License-Identifier: ISC
 *
 * KEXINIT and negotiation, RFC 4253 section 7.1, seen from outside: what is proposed, what two
 * proposals agree upon, and what is said when they do not. Tests named s<number> are the cases of
 * that number: s06 guessed packets, s21 counts believed.
 */
#include "proto/kexinit.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT NACRE_CLIENT
#define SERVER NACRE_SERVER

/* A KEXINIT with these lists, the rest as we would send them. */
struct offer {
    const char *kex, *host_key, *cipher[2], *mac[2], *comp[2];
    const char *lang;
    uint8_t follows;
    uint32_t reserved;
};

static const struct offer usual = {"curve25519-sha256",
                                   "ssh-ed25519",
                                   {"aes128-ctr", "aes128-ctr"},
                                   {"hmac-sha2-256", "hmac-sha2-256"},
                                   {"none", "none"},
                                   "",
                                   0,
                                   0};

static void offer_add(struct pair_buf *b, const char *text)
{
    size_t n = strlen(text);
    uint8_t len[4] = {0, 0, (uint8_t)(n >> 8), (uint8_t)n};
    pair_buf_add(b, len, 4);
    pair_buf_add(b, text, n);
}

static void offer_put(struct pair_buf *b, const struct offer *o)
{
    const uint8_t tail[5] = {o->follows, 0, 0, 0, (uint8_t)o->reserved};
    rogue_text(b, "20 z16");
    offer_add(b, o->kex);
    offer_add(b, o->host_key);
    for (int i = 0; i < 2; i++) {
        offer_add(b, o->cipher[i]);
    }
    for (int i = 0; i < 2; i++) {
        offer_add(b, o->mac[i]);
    }
    for (int i = 0; i < 2; i++) {
        offer_add(b, o->comp[i]);
    }
    offer_add(b, o->lang);
    offer_add(b, o->lang);
    pair_buf_add(b, tail, 5);
}

static void offer_send(struct rogue *r, const struct offer *o)
{
    struct pair_buf b = {0};
    offer_put(&b, o);
    rogue_send(r, b.p, b.n);
    pair_buf_free(&b);
}

/* The offer meets a victim at the default configuration. */
static void offer_meets(enum nacre_role victim, const struct offer *o, nacre_err err)
{
    struct rogue r;
    rogue_init(&r, victim);
    rogue_until(&r, ROGUE_VERSION);
    offer_send(&r, o);
    if (err == NACRE_OK) {
        rogue_expect_alive(&r);
    } else {
        rogue_expect_end(&r, err, err == NACRE_ERR_NO_COMMON_ALG ? 3 : 2);
    }
    rogue_free(&r);
}

static const struct {
    struct offer o;
    nacre_err err;
} kexinit_cases[] = {
    {{"curve25519-sha256@libssh.org",
      "ssh-ed25519",
      {"aes256-ctr", "aes192-ctr"},
      {"hmac-sha2-512", "hmac-sha2-256-etm@openssh.com"},
      {"none", "none"},
      "",
      0,
      0},
     0},
    {{"x@y,curve25519-sha256",
      "ssh-rsa,ssh-ed25519",
      {"3des-cbc,aes128-ctr", "aes128-ctr"},
      {"hmac-md5,hmac-sha2-256", "hmac-sha2-256"},
      {"zlib,none", "none"},
      "",
      0,
      0},
     0},
    /* languages, the reserved word: ignored */
    {{"curve25519-sha256",
      "ssh-ed25519",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "en,de,,",
      0,
      1},
     0},
    /* no MAC is needed for an AEAD cipher, RFC 5647 5.1 as OpenSSH has it */
    {{"curve25519-sha256",
      "ssh-ed25519",
      {"chacha20-poly1305@openssh.com", "chacha20-poly1305@openssh.com"},
      {"", "hmac-md5"},
      {"none", "none"},
      "",
      0,
      0},
     0},
    {{"curve25519-sha256",
      "ssh-ed25519",
      {"aes128-ctr", "chacha20-poly1305@openssh.com"},
      {"hmac-md5", "hmac-md5"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_NO_COMMON_ALG},
    {{"diffie-hellman-group1-sha1",
      "ssh-ed25519",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_NO_COMMON_ALG},
    {{"curve25519-sha256",
      "ssh-rsa",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_NO_COMMON_ALG},
    {{"curve25519-sha256",
      "ssh-ed25519",
      {"aes128-ctr", "none"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_NO_COMMON_ALG},
    {{"curve25519-sha256",
      "ssh-ed25519",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "zlib"},
      "",
      0,
      0},
     NACRE_ERR_NO_COMMON_ALG},
    {{"",
      "ssh-ed25519",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_NO_COMMON_ALG},
    /* RFC 8308 2.1: indicators are never chosen */
    {{"ext-info-c,ext-info-s,kex-strict-s-v00@openssh.com,kex-strict-c-v00@openssh.com",
      "ssh-ed25519",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_NO_COMMON_ALG},
    /* RFC 4251 5, 6: no empty name, no blank, one '@' */
    {{"curve25519-sha256,,x",
      "ssh-ed25519",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_FORMAT},
    {{"curve25519-sha256,",
      "ssh-ed25519",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_FORMAT},
    {{"curve25519-sha256",
      "ssh ed25519",
      {"aes128-ctr", "aes128-ctr"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_FORMAT},
    {{"curve25519-sha256",
      "ssh-ed25519",
      {"aes128-ctr", "a@b@c"},
      {"hmac-sha2-256", "hmac-sha2-256"},
      {"none", "none"},
      "",
      0,
      0},
     NACRE_ERR_FORMAT},
};

Test(kexinit, what_agrees_and_what_does_not)
{
    for (size_t i = 0; i < sizeof kexinit_cases / sizeof kexinit_cases[0]; i++) {
        offer_meets(CLIENT, &kexinit_cases[i].o, kexinit_cases[i].err);
        offer_meets(SERVER, &kexinit_cases[i].o, kexinit_cases[i].err);
    }
}

/* The client's order wins, whoever is asked. */
Test(kexinit, clients_first_name_that_the_server_has)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    p.side[0].cfg.ciphers = "aes256-ctr,aes128-ctr,chacha20-poly1305@openssh.com";
    p.side[1].cfg.ciphers = "chacha20-poly1305@openssh.com,aes128-ctr";
    p.side[0].cfg.macs = "hmac-sha2-512,hmac-sha2-256";
    p.side[1].cfg.macs = "hmac-sha2-256,hmac-sha2-512";
    p.side[0].cfg.kex = "curve25519-sha256@libssh.org,curve25519-sha256";
    pair_session(&p);
    for (int i = 0; i < 2; i++) {
        const struct nacre_negotiated *n = nacre_conn_negotiated(p.side[i].c);
        cr_assert_str_eq(n->cipher[0], "aes128-ctr");
        cr_assert_str_eq(n->cipher[1], "aes128-ctr");
        cr_assert_str_eq(n->mac[0], "hmac-sha2-512");
        cr_assert_str_eq(n->kex, "curve25519-sha256@libssh.org");
        cr_assert_str_eq(n->host_key, "ssh-ed25519");
        cr_assert_str_eq(n->comp[0], "none");
    }
    pair_free(&p);
}

Test(kexinit, failure_says_what_to_change)
{
    struct pair p;
    pair_init(&p);
    p.side[0].cfg.ciphers_dir[1] = "aes256-ctr";
    p.side[1].cfg.ciphers = "aes128-ctr,aes192-ctr";
    pair_session(&p);
    int seen = 0;
    for (int i = 0; i < 2; i++) {
        struct nacre_errinfo info = nacre_conn_errinfo(p.side[i].c);
        if (info.err != NACRE_ERR_NO_COMMON_ALG) {
            continue;
        }
        seen++;
        cr_assert_str_eq(info.category, "cipher server to client");
        cr_assert_str_eq(info.msg_name, "KEXINIT");
        cr_assert(nacre_bytes_is(info.ours, i == 0 ? "aes256-ctr" : "aes128-ctr,aes192-ctr"));
        cr_assert(nacre_bytes_is(info.theirs, i == 1 ? "aes256-ctr" : "aes128-ctr,aes192-ctr"));
    }
    cr_assert(seen > 0);
    pair_free(&p);
}

Test(security, s21_lists_are_capped)
{
    static char many[64 * 3 + 1], more[65 * 3 + 1], wide[4097], name[66];
    struct offer o = usual;
    memset(many, 0, sizeof many);
    for (int i = 0; i < 65; i++) {
        snprintf(more + 3 * i, 4, "%c%c,", 'a' + i / 26, 'a' + i % 26);
    }
    memcpy(many, more, sizeof many - 1);
    many[sizeof many - 2] = more[sizeof more - 2] = 0; /* the last comma */
    o.lang = "";
    o.comp[0] = "none";
    o.mac[0] = many;
    offer_meets(SERVER, &o, NACRE_ERR_NO_COMMON_ALG);
    o.mac[0] = more;
    offer_meets(SERVER, &o, NACRE_ERR_FORMAT);
    memset(name, 'n', 65);
    o.mac[0] = name;
    offer_meets(SERVER, &o, NACRE_ERR_FORMAT);
    name[64] = 0;
    offer_meets(SERVER, &o, NACRE_ERR_NO_COMMON_ALG);
    memset(wide, 'w', 4096);
    o = usual;
    o.lang = wide;
    offer_meets(SERVER, &o, NACRE_ERR_LIMIT); /* twice that is over the limit of a KEXINIT */
}

/* ---- S06 ---- */

static const uint8_t guess[] = {30, 0, 0, 0, 32, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                0,  0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t wrong[] = {30, 255, 255, 255, 255, 1, 2, 3};

/* flag set: a wrong guess is dropped undecoded, once; a right one is the message. */
static void guessed(const struct offer *o, bool right)
{
    struct rogue r;
    rogue_init(&r, SERVER);
    r.victim->cfg.kex = "curve25519-sha256,curve25519-sha256@libssh.org";
    rogue_until(&r, ROGUE_VERSION);
    offer_send(&r, o);
    if (!right) {
        rogue_send(&r, wrong, sizeof wrong); /* does not even decode */
        rogue_expect_alive(&r);
        cr_assert_eq(r.victim->count[NACRE_EV_SIGN], 0);
    }
    rogue_send(&r, guess, sizeof guess);
    rogue_expect_alive(&r);
    cr_assert_eq(r.victim->count[NACRE_EV_SIGN], 1);
    rogue_free(&r);
}

Test(security, s06_wrong_and_right_guesses)
{
    struct offer o = usual;
    o.follows = 1;
    guessed(&o, true);
    o.follows = 77; /* any other than 0 is true */
    guessed(&o, true);
    o.kex = "ext-info-c,kex-strict-c-v00@openssh.com,curve25519-sha256"; /* these do not count */
    guessed(&o, true);
    o.kex = "curve25519-sha256@libssh.org,curve25519-sha256";
    guessed(&o, false);
    o.kex = "curve25519-sha256";
    o.host_key = "ssh-rsa,ssh-ed25519";
    guessed(&o, false);
}

/* Only one packet is dropped, and only one of the exchange. */
Test(security, s06_exactly_one_packet)
{
    struct offer o = usual;
    struct rogue r;
    o.follows = 1;
    o.kex = "other,curve25519-sha256";
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_VERSION);
    offer_send(&r, &o);
    rogue_send(&r, wrong, sizeof wrong);
    rogue_send(&r, wrong, sizeof wrong);
    rogue_expect_end(&r, NACRE_ERR_FORMAT, 2);
    rogue_free(&r);
    rogue_init(&r, SERVER);
    rogue_until(&r, ROGUE_VERSION);
    offer_send(&r, &o);
    rogue_say(&r, "50 'joe' 'ssh-connection' 'none'"); /* no guess: not dropped */
    rogue_expect_end(&r, NACRE_ERR_ORDER, 2);
    rogue_free(&r);
}

/* A server that guesses wrong is forgiven in the same way. */
Test(security, s06_guess_of_a_server)
{
    struct offer o = usual;
    struct rogue r;
    o.follows = 1;
    o.kex = "other,curve25519-sha256";
    rogue_init(&r, CLIENT);
    rogue_until(&r, ROGUE_VERSION);
    offer_send(&r, &o);
    rogue_say(&r, "31 /nonsense/");
    rogue_expect_alive(&r);
    rogue_say(&r, "31 /nonsense/");
    rogue_expect_end(&r, NACRE_ERR_FORMAT, 2);
    rogue_free(&r);
}

/* ---- Indicators ---- */

Test(kexinit, indicators_ride_in_the_first_kexinit_only)
{
    static const char *const want[2] = {
        "curve25519-sha256,curve25519-sha256@libssh.org,ext-info-c,kex-strict-c-v00@openssh.com",
        "curve25519-sha256,curve25519-sha256@libssh.org,ext-info-s,kex-strict-s-v00@openssh.com"};
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    p.side[0].cfg.kex = p.side[1].cfg.kex = "curve25519-sha256,curve25519-sha256@libssh.org";
    pair_start(&p);
    for (int i = 0; i < 2; i++) {
        cr_assert(nacre_bytes_is(ncr_kexinit_list(p.side[i].c, true, NCR_LIST_KEX), want[i]));
    }
    cr_assert(pair_run(&p, 1000));
    cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
    cr_assert(pair_run(&p, 1000));
    for (int i = 0; i < 2; i++) {
        cr_assert(nacre_bytes_is(ncr_kexinit_list(p.side[i].c, true, NCR_LIST_KEX),
                                 "curve25519-sha256,curve25519-sha256@libssh.org"));
    }
    pair_free(&p);
}

Test(kexinit, strict_and_ext_info_need_both)
{
    for (int mask = 0; mask < 16; mask++) {
        struct pair p;
        pair_init(&p);
        p.plan.stay = true;
        for (int i = 0; i < 2; i++) {
            p.side[i].cfg.no_strict = (mask >> i & 1) != 0;
            p.side[i].cfg.no_ext_info = (mask >> (2 + i) & 1) != 0;
        }
        pair_session(&p);
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(nacre_conn_negotiated(p.side[i].c)->strict, (mask & 3) == 0);
            cr_assert_eq(p.side[i].count[NACRE_EV_EXT_INFO], mask < 4);
        }
        cr_assert(nacre_conn_authenticated(p.side[0].c));
        pair_free(&p);
    }
}

/* KEXINIT cut at every length, extended, bits flipped: named errors or an agreement. */
Test(kexinit, damaged)
{
    struct pair_buf b = {0};
    offer_put(&b, &usual);
    for (size_t n = 1; n <= b.n + 1; n++) {
        struct rogue r;
        rogue_init(&r, SERVER);
        rogue_until(&r, ROGUE_VERSION);
        uint8_t *copy = calloc(1, n);
        memcpy(copy, b.p, n < b.n ? n : b.n);
        rogue_send(&r, copy, n);
        if (n == b.n) {
            rogue_expect_alive(&r);
        } else {
            rogue_expect_end(&r, NACRE_ERR_FORMAT, 2);
        }
        free(copy);
        rogue_free(&r);
    }
    for (size_t bit = 8; bit < 8 * b.n; bit++) {
        struct rogue r;
        rogue_init(&r, bit % 2 == 0 ? SERVER : CLIENT);
        rogue_until(&r, ROGUE_VERSION);
        b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        rogue_send(&r, b.p, b.n);
        cr_assert(r.victim->err == NACRE_OK || r.victim->err == NACRE_ERR_FORMAT ||
                  r.victim->err == NACRE_ERR_NO_COMMON_ALG);
        b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        rogue_free(&r);
    }
    pair_buf_free(&b);
}
