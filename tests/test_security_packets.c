/* SPDX-License-Identifier: ISC
 *
 * Packets that a peer with or without the keys makes, against the whole engine; the framing alone
 * is in test_pkt.c. Each test bears the number of the class of vulnerability that it is about: s13
 * a length believed, s14 short packets, s15 padding, s16 tampering.
 */
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *cipher, *mac;
    bool clear_length; /* the length is not encrypted */
    size_t unit, head; /* head: bytes of length that count towards the unit */
} modes[] = {
    {"chacha20-poly1305@openssh.com", NULL, false, 8, 0},
    {"aes128-gcm@openssh.com", NULL, true, 16, 0},
    {"aes256-gcm@openssh.com", NULL, true, 16, 0},
    {"aes128-ctr", "hmac-sha2-256", false, 16, 4},
    {"aes256-ctr", "hmac-sha2-512", false, 16, 4},
    {"aes192-ctr", "hmac-sha2-256-etm@openssh.com", true, 16, 0},
    {"aes128-ctr", "hmac-sha2-512-etm@openssh.com", true, 16, 0},
};
#define MODES (sizeof modes / sizeof modes[0])

static void mode_start(struct rogue *r, size_t mode, int victim)
{
    rogue_init(r, (enum nacre_role)victim);
    r->me->cfg.ciphers = modes[mode].cipher;
    r->me->cfg.macs = modes[mode].mac;
    rogue_until(r, ROGUE_SERVICE);
    rogue_drop(r);
}

/* ---- S13, S14, S15 ---- */

/* Lengths with a right tag: what is not a whole number of units, too short or too long, ends at the
 * length and before anything else is looked at. */
static void length_case(size_t mode, uint32_t len)
{
    static uint8_t body[40000];
    struct rogue r;
    mode_start(&r, mode, len % 2 == 0);
    size_t n = len < sizeof body ? len : sizeof body;
    memset(body, 0, sizeof body);
    body[0] = 4;
    body[1] = 2; /* IGNORE */
    if (n > 20) {
        body[4] = (uint8_t)((n - 10) >> 8);
        body[5] = (uint8_t)(n - 10);
    } else if (n > 2) {
        body[0] = (uint8_t)(n - 2); /* number alone: does not decode, but opens */
        body[1] = 200;
    }
    bool fits =
        len >= 6 && len <= NCR_PACKET_MAX && (len + modes[mode].head) % modes[mode].unit == 0;
    rogue_forge(&r, body, n, len, SIZE_MAX, 0);
    if (fits) {
        rogue_expect_alive(&r);
    } else {
        rogue_expect_end(&r, NACRE_ERR_PACKET_LEN, 2);
    }
    rogue_free(&r);
}

Test(security, s13_s14_lengths_with_a_right_tag)
{
    static const uint32_t far[] = {34984,      34988,      34992,      35000,
                                   35001,      35004,      35008,      0x7fffffff,
                                   0x80000000, 0x80000001, 0xfffffffc, 0xffffffff};
    for (size_t mode = 0; mode < MODES; mode++) {
        for (uint32_t len = 0; len <= 64; len++) {
            if (modes[mode].clear_length || len > 11 || modes[mode].head == 0) {
                length_case(mode, len);
            }
        }
        for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
            length_case(mode, far[i]);
        }
    }
}

/* The same in the clear, before any key. */
Test(security, s13_lengths_before_the_first_keys)
{
    for (int victim = 0; victim < 2; victim++) {
        static const uint32_t lens[] = {0,  1,     4,     5,          6,          8,         11,
                                        13, 35001, 35004, 0x7fffffff, 0x80000000, 0xffffffff};
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            struct rogue r;
            uint8_t p[16] = {(uint8_t)(lens[i] >> 24),
                             (uint8_t)(lens[i] >> 16),
                             (uint8_t)(lens[i] >> 8),
                             (uint8_t)lens[i],
                             4,
                             2};
            rogue_init(&r, (enum nacre_role)victim);
            rogue_until(&r, ROGUE_VERSION);
            rogue_raw(&r, p, sizeof p);
            rogue_expect_end(&r, NACRE_ERR_PACKET_LEN, 2);
            rogue_free(&r);
        }
    }
}

Test(security, s15_padding)
{
    for (size_t mode = 0; mode < MODES; mode++) {
        size_t n = 64 - modes[mode].head;
        for (int pad = 0; pad < 256; pad++) {
            struct rogue r;
            uint8_t body[64] = {(uint8_t)pad, 200};
            mode_start(&r, mode, pad % 2);
            rogue_forge(&r, body, n, (uint32_t)n, SIZE_MAX, 0);
            if (pad >= 4 && pad <= (int)n - 2) {
                rogue_expect_alive(&r);
                cr_assert(rogue_next_is(&r, "3"));
            } else {
                rogue_expect_end(&r, NACRE_ERR_PADDING, 2);
            }
            rogue_free(&r);
        }
    }
}

/* ---- S16 ---- */

/* Each bit of a whole packet: the payload is never told, the error is of the tag, or of a length
 * that the mode has to believe enough to wait for. */
Test(security, s16_every_bit_of_a_packet)
{
    for (size_t mode = 0; mode < MODES; mode++) {
        size_t n = 32 - modes[mode].head, total = 4 + n + 64;
        for (size_t bit = 0; bit < 8 * total; bit++) {
            struct rogue r;
            uint8_t body[64] = {6, 192, 0, 0, 0, 1, 'p'};
            mode_start(&r, mode, 1);
            total = 4 + n + ncr_pkt_tag_len(&r.me->c->tx);
            body[0] = (uint8_t)(n - 7);
            if (bit < 8 * total) {
                rogue_forge(&r, body, n, (uint32_t)n, bit / 8, (uint8_t)(1 << bit % 8));
                nacre_err err = r.victim->err;
                cr_assert(!rogue_next_is(&r, "193"));
                cr_assert(bit < 32 || err == NACRE_ERR_MAC || !modes[mode].clear_length,
                          "mode %zu bit %zu: %s", mode, bit, nacre_err_name(err));
                cr_assert(err == NACRE_ERR_MAC || err == NACRE_ERR_PACKET_LEN ||
                          (err == NACRE_OK && bit < 32));
            }
            rogue_free(&r);
        }
    }
}

/* A packet of another connection, of the other direction, sent twice, and two in the wrong order.
 */
static size_t seal_ping(struct rogue *r, uint8_t out[256])
{
    static const uint8_t pad[NCR_PKT_PAD_MAX] = {0};
    static const uint8_t ping[] = {192, 0, 0, 0, 1, 'p'};
    size_t total;
    memcpy(out + NCR_PKT_HEAD, ping, sizeof ping);
    cr_assert_eq(ncr_pkt_seal(&r->me->c->tx, out, sizeof ping, pad, &total), NACRE_OK);
    return total;
}

static void expect_forgery(struct rogue *r)
{
    cr_assert(r->victim->err == NACRE_ERR_MAC || r->victim->err == NACRE_ERR_PACKET_LEN ||
              (r->victim->err == NACRE_OK && r->msgs.n == 0));
    cr_assert(!rogue_next_is(r, "193"));
}

Test(security, s16_packets_out_of_place)
{
    for (size_t mode = 0; mode < MODES; mode++) {
        struct rogue r;
        uint8_t a[256], b[256];
        size_t n;
        mode_start(&r, mode, 1);
        n = seal_ping(&r, a);
        memcpy(b, a, n);
        rogue_raw(&r, a, n);
        cr_assert(rogue_next_is(&r, "193 'p'"));
        rogue_raw(&r, b, n); /* again */
        expect_forgery(&r);
        rogue_free(&r);

        mode_start(&r, mode, 1);
        n = seal_ping(&r, a);
        n = seal_ping(&r, b);
        rogue_raw(&r, b, n); /* the second first */
        expect_forgery(&r);
        rogue_free(&r);

        mode_start(&r, mode, 1);
        cr_assert_eq(nacre_conn_debug(r.victim->c, true, "text"), NACRE_OK);
        struct nacre_bytes out = nacre_conn_out(r.victim->c);
        memcpy(a, out.p, out.n);
        rogue_raw(&r, a, out.n); /* its own, reflected */
        cr_assert_eq(r.victim->count[NACRE_EV_DEBUG], 0);
        expect_forgery(&r);
        rogue_free(&r);
    }
}

/* No plaintext of a packet that failed is left anywhere. */
Test(security, s16_no_plaintext_of_a_packet_that_failed)
{
    static const char marker[] = "MARKER OF THE PLAINTEXT";
    for (size_t mode = 0; mode < MODES; mode++) {
        struct rogue r;
        uint8_t body[64] = {0};
        size_t n = 64 - modes[mode].head;
        mode_start(&r, mode, 1);
        body[0] = 10;
        body[1] = 2;
        memcpy(body + 20, marker, sizeof marker);
        rogue_forge(&r, body, n, (uint32_t)n, 4 + n + 3, 1);
        rogue_expect_end(&r, NACRE_ERR_MAC, 5);
        cr_assert(!pair_holds(r.victim, (const uint8_t *)marker, 8));
        rogue_free(&r);
    }
}

/* RFC 4253 6.1: 35,000 octets are taken, in every mode. */
Test(security, rfc4253_6_1_largest_packet)
{
    for (size_t mode = 0; mode < MODES; mode++) {
        struct rogue r;
        struct pair_buf b = {0};
        mode_start(&r, mode, 1);
        rogue_text(&b, "2 l34900");
        rogue_send(&r, b.p, b.n);
        rogue_expect_alive(&r);
        pair_buf_free(&b);
        rogue_free(&r);
    }
}

#ifndef NACRE_NO_LEGACY
/* ---- S17 ---- */

/* Bytes that a victim takes of a stream of garbage before it ends. */
static size_t cbc_garbage(const char *cipher, const char *mac, int victim, uint8_t seed)
{
    struct rogue r;
    size_t eaten = 0;
    uint8_t p[100];
    rogue_init(&r, (enum nacre_role)victim);
    for (int i = 0; i < 2; i++) {
        r.p.side[i].cfg.algs = &nacre_algs_legacy;
    }
    r.p.side[0].cfg.ciphers = r.p.side[1].cfg.ciphers = cipher;
    r.p.side[0].cfg.macs = r.p.side[1].cfg.macs = mac;
    rogue_until(&r, ROGUE_SERVICE);
    rogue_drop(&r);
    for (; r.victim->err == NACRE_OK && eaten < 50000; eaten += sizeof p) {
        for (size_t i = 0; i < sizeof p; i++) {
            p[i] = (uint8_t)((i + eaten) * 31 + seed);
        }
        rogue_raw(&r, p, sizeof p);
    }
    rogue_expect_end(&r, NACRE_ERR_MAC, 5);
    rogue_free(&r);
    return eaten;
}

/* Whatever garbage decrypts to as a length, the whole engine takes as many bytes and says the same.
 */
Test(security, s17_cbc_garbage_ends_alike)
{
    static const char *const ciphers[3] = {"aes128-cbc", "aes256-cbc", "3des-cbc"};
    for (int i = 0; i < 96; i++) {
        size_t eaten = cbc_garbage(ciphers[i % 3], "hmac-sha1", i % 2, (uint8_t)i);
        cr_assert_eq(eaten, 35100, "%zu", eaten); /* 35,000 + 4 + 20 less a part of a block */
    }
}
#endif
