/* SPDX-License-Identifier: ISC
 *
 * aes128-gcm@openssh.com and aes256-gcm@openssh.com: known packets, the nonce's counter, which is
 * not the sequence number, and what that means for packets cut off. What all modes have in common
 * is in test_pkt.c.
 */
#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/limits.h"
#include "proto/pkt.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct ncr_cipher *const rows[2] = {&ncr_cipher_aes128_gcm, &ncr_cipher_aes256_gcm};

static void dir_with(struct ncr_dir *d, const struct ncr_cipher *row, const uint8_t *key,
                     const uint8_t *iv, bool strict)
{
    struct ncr_keyset keys = {.cipher = row, .comp = &ncr_comp_none};
    memcpy(keys.key, key, row->key_len);
    memcpy(keys.iv, iv, row->iv_len);
    ncr_pkt_install(d, &keys, strict);
}

/* A direction with keys that no test cares for. */
static void dir_start(struct ncr_dir *d, const struct ncr_cipher *row)
{
    static const uint8_t key[32] = {1, 2, 3}, iv[NACRE_GCM_IV_LEN] = {4, 5, 6};
    memset(d, 0, sizeof *d);
    dir_with(d, row, key, iv, true);
}

/* A packet of 20 payload bytes, 52 in all. */
enum { WIRE = 4 + 32 + 16 };

static void seal20(struct ncr_dir *tx, uint8_t p[WIRE])
{
    static const uint8_t pad[NCR_PKT_PAD_MAX] = {0};
    size_t total;
    memset(p, 'x', WIRE);
    cr_assert_eq(ncr_pkt_seal(tx, p, 20, pad, &total), NACRE_OK);
    cr_assert_eq(total, WIRE);
}

static nacre_err open20(struct ncr_dir *rx, uint8_t p[WIRE])
{
    struct nacre_bytes payload;
    size_t used;
    nacre_err err = ncr_pkt_open(rx, p, WIRE, NCR_PACKET_MAX, &used, &payload);
    cr_assert(err != NACRE_OK || (used == WIRE && payload.n == 20 && payload.p[19] == 'x'));
    return err;
}

Test(pkt_gcm, known_packets)
{
    struct vec v;
    for (vec_open(&v, "ssh_gcm_openssl.txt"); vec_next(&v);) {
        struct ncr_dir tx = {0}, rx = {0};
        size_t n;
        const uint8_t *key = vec_fixed(&v, "key", 16), *iv = vec_fixed(&v, "iv", 12);
        const uint8_t *packet = vec_get(&v, "packet", &n);
        size_t payload_len = n - NCR_PKT_HEAD - packet[4];
        dir_with(&tx, rows[0], key, iv, false);
        dir_with(&rx, rows[0], key, iv, false);
        for (char digit = '0'; digit <= '1'; digit++) {
            char name[] = "wire0";
            uint8_t out[64] = {0}, pad[NCR_PKT_PAD_MAX] = {0};
            struct nacre_bytes payload;
            size_t total, used;
            name[4] = digit;
            memcpy(out, packet, n);
            memcpy(pad, packet + NCR_PKT_HEAD + payload_len, packet[4]);
            cr_assert_eq(ncr_pkt_seal(&tx, out, payload_len, pad, &total), NACRE_OK);
            vec_expect(&v, name, out, total);
            cr_assert_eq(ncr_pkt_open(&rx, out, total, NCR_PACKET_MAX, &used, &payload), NACRE_OK);
            cr_assert_eq(used, total);
            cr_assert_arr_eq(out, packet, n);
        }
    }
    cr_assert_eq(v.records, 1);
    vec_close(&v);
}

/* The first four bytes stay, the last eight count by one, round 2^64. */
Test(pkt_gcm, nonce_counts_in_its_last_eight_bytes)
{
    static const struct {
        uint64_t from, to;
    } steps[] = {{0, 1},
                 {0xff, 0x100},
                 {0xffffffff, 0x100000000},
                 {0xfffffffffffffffe, 0xffffffffffffffff},
                 {0xffffffffffffffff, 0}};
    static const uint8_t key[32] = {7};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        uint8_t iv[12] = {0xff, 0xff, 0xff, 0xff}, p[WIRE];
        struct ncr_dir tx = {0}, rx = {0};
        ncr_store64be(iv + 4, steps[i].from);
        dir_with(&tx, rows[i % 2], key, iv, true);
        dir_with(&rx, rows[i % 2], key, iv, true);
        cr_assert_arr_eq(tx.key.gcm.iv, iv, sizeof iv, "used as it is for the first packet");
        seal20(&tx, p);
        cr_assert_eq(open20(&rx, p), NACRE_OK);
        cr_assert_eq(ncr_load64be(tx.key.gcm.iv + 4), steps[i].to);
        cr_assert_arr_eq(tx.key.gcm.iv, iv, 4);
        cr_assert_arr_eq(rx.key.gcm.iv, tx.key.gcm.iv, sizeof iv);
    }
}

/* Under new keys the nonce is the new IV, with or without strict key exchange; the sequence number
 * does not enter. */
Test(pkt_gcm, sequence_number_does_not_matter)
{
    static const uint8_t key[32] = {7}, iv[12] = {8};
    for (int strict = 0; strict <= 1; strict++) {
        struct ncr_dir a = {.seq = 5}, b = {.seq = 4000000000};
        uint8_t p[WIRE], q[WIRE];
        dir_with(&a, rows[1], key, iv, strict);
        dir_with(&b, rows[1], key, iv, strict);
        cr_assert_arr_eq(a.key.gcm.iv, iv, sizeof iv);
        seal20(&a, p);
        seal20(&b, q);
        cr_assert_arr_eq(p, q, WIRE);
    }
}

/* S01: whatever packet is cut off or brought in, and whatever number the next one then has, its tag
 * is wrong. So these rows do not ask for strict key exchange. */
Test(pkt_gcm, s01_packets_cut_off_break_the_next_tag)
{
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t lost = 1; lost < 5; lost++) {
            struct ncr_dir tx, rx;
            uint8_t p[WIRE];
            dir_start(&tx, rows[i]);
            dir_start(&rx, rows[i]);
            for (uint32_t n = 0; n < lost; n++) {
                seal20(&tx, p);
            }
            rx.seq = lost; /* as packets before the keys could have made it */
            seal20(&tx, p);
            cr_assert_eq(open20(&rx, p), NACRE_ERR_MAC);
            cr_assert_not(rows[i]->needs_strict);
        }
    }
}

/* S16: a packet twice, or two in the wrong order. */
Test(pkt_gcm, s16_replayed_and_reordered)
{
    for (size_t i = 0; i < 2; i++) {
        struct ncr_dir tx, rx;
        uint8_t first[WIRE], again[WIRE], second[WIRE];
        dir_start(&tx, rows[i]);
        dir_start(&rx, rows[i]);
        seal20(&tx, first);
        memcpy(again, first, WIRE);
        seal20(&tx, second);
        cr_assert_eq(open20(&rx, first), NACRE_OK);
        cr_assert_eq(open20(&rx, again), NACRE_ERR_MAC);
        dir_start(&rx, rows[i]);
        cr_assert_eq(open20(&rx, second), NACRE_ERR_MAC);
    }
}

/* S18: the end of the numbers comes long before the nonce's counter has gone round. */
Test(pkt_gcm, s18_stops_before_the_nonce_repeats)
{
    struct ncr_dir tx, rx;
    uint8_t p[WIRE] = {0};
    static const uint8_t pad[NCR_PKT_PAD_MAX] = {0};
    size_t total;
    dir_start(&tx, rows[0]);
    dir_start(&rx, rows[0]);
    tx.packets = rx.packets = NCR_SEQUENCE_STOP - 1;
    seal20(&tx, p);
    cr_assert_eq(open20(&rx, p), NACRE_OK);
    cr_assert_eq(ncr_pkt_seal(&tx, p, 20, pad, &total), NACRE_ERR_SEQUENCE);
    cr_assert_eq(open20(&rx, p), NACRE_ERR_SEQUENCE);
}

/* S64: a direction that somebody else could write to. */
Test(pkt_gcm, s64_rounds)
{
    for (size_t i = 0; i < 2; i++) {
        struct ncr_dir d;
        dir_start(&d, rows[i]);
        unsigned rounds = d.key.gcm.gcm.aes.rounds;
        for (unsigned n = 0; n < 40; n++) {
            d.key.gcm.gcm.aes.rounds = n;
            cr_assert_eq(ncr_pkt_sound(&d, NCR_PACKET_MAX), n == rounds);
        }
    }
}

Test(pkt_gcm, ct_in_key_nonce_and_packet)
{
    for (size_t i = 0; i < 2; i++) {
        uint8_t key[32] = {9}, iv[12] = {10}, p[600], pad[NCR_PKT_PAD_MAX] = {0};
        struct ncr_dir tx = {0}, rx = {0};
        struct nacre_bytes payload;
        size_t total, used;
        memset(p, 'x', sizeof p);
        NCR_CT_SECRET(key, sizeof key);
        NCR_CT_SECRET(iv, sizeof iv);
        NCR_CT_SECRET(p, sizeof p);
        dir_with(&tx, rows[i], key, iv, true);
        dir_with(&rx, rows[i], key, iv, true);
        cr_assert_eq(ncr_pkt_seal(&tx, p, 500, pad, &total), NACRE_OK);
        cr_assert_eq(ncr_pkt_open(&rx, p, total, NCR_PACKET_MAX, &used, &payload), NACRE_OK);
        cr_assert_eq(payload.n, 500);
        cr_assert_eq(payload.p[499], 'x');
    }
}
