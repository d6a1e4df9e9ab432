/* SPDX-License-Identifier: ISC
 *
 * The binary packet protocol in every mode: packets of other implementations, then what an attacker
 * does. Tests named s<number> are the cases of that number: s13 a length believed, s14 short
 * packets with a right tag, s15 padding, s16 tampering, s18 counters.
 *
 * Each packet lies in memory of exactly its size, so that the sanitizers see a byte too far. CBC
 * with encrypt-and-MAC is in test_pkt_cbc.c.
 */
#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/limits.h"
#include "proto/pkt.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pkt_case {
    const char *name;
    const struct ncr_cipher *cipher; /* NULL: before the first keys */
    const struct ncr_mac *mac;
    size_t unit;
    /* packet_length values up to 64 that may pass, ends with 0 */
    uint32_t good[9];
};

static const struct pkt_case cases[] = {
    {"clear", NULL, NULL, 8, {12, 20, 28, 36, 44, 52, 60}},
    {"chapoly", &ncr_cipher_chapoly, NULL, 8, {8, 16, 24, 32, 40, 48, 56, 64}},
    {"gcm128", &ncr_cipher_aes128_gcm, NULL, 16, {16, 32, 48, 64}},
    {"gcm256", &ncr_cipher_aes256_gcm, NULL, 16, {16, 32, 48, 64}},
    {"ctr128 mac256", &ncr_cipher_aes128_ctr, &ncr_mac_sha2_256, 16, {12, 28, 44, 60}},
    {"ctr256 mac512", &ncr_cipher_aes256_ctr, &ncr_mac_sha2_512, 16, {12, 28, 44, 60}},
    {"ctr192 etm256", &ncr_cipher_aes192_ctr, &ncr_mac_sha2_256_etm, 16, {16, 32, 48, 64}},
    {"ctr128 etm512", &ncr_cipher_aes128_ctr, &ncr_mac_sha2_512_etm, 16, {16, 32, 48, 64}},
    {"ctr128 umac64", &ncr_cipher_aes128_ctr, &ncr_mac_umac_64, 16, {12, 28, 44, 60}},
    {"ctr192 umac128", &ncr_cipher_aes192_ctr, &ncr_mac_umac_128, 16, {12, 28, 44, 60}},
    {"ctr256 umac64 etm", &ncr_cipher_aes256_ctr, &ncr_mac_umac_64_etm, 16, {16, 32, 48, 64}},
    {"ctr128 umac128 etm", &ncr_cipher_aes128_ctr, &ncr_mac_umac_128_etm, 16, {16, 32, 48, 64}},
#ifndef NACRE_NO_LEGACY
    {"ctr128 sha1", &ncr_cipher_aes128_ctr, &ncr_mac_sha1, 16, {12, 28, 44, 60}},
    {"ctr192 sha1-96", &ncr_cipher_aes192_ctr, &ncr_mac_sha1_96, 16, {12, 28, 44, 60}},
    {"ctr256 md5", &ncr_cipher_aes256_ctr, &ncr_mac_md5, 16, {12, 28, 44, 60}},
    {"ctr128 sha1 etm", &ncr_cipher_aes128_ctr, &ncr_mac_sha1_etm, 16, {16, 32, 48, 64}},
    {"cbc128 sha1 etm", &ncr_cipher_aes128_cbc, &ncr_mac_sha1_etm, 16, {16, 32, 48, 64}},
    {"cbc256 etm512", &ncr_cipher_aes256_cbc, &ncr_mac_sha2_512_etm, 16, {16, 32, 48, 64}},
    {"3des etm256",
     &ncr_cipher_3des_cbc,
     &ncr_mac_sha2_256_etm,
     8,
     {8, 16, 24, 32, 40, 48, 56, 64}},
#endif
};
#define CASES (sizeof cases / sizeof cases[0])

static const char marker[] = "THE PLAINTEXT IS A SECRET OF THE TWO ENDS";

struct pair {
    struct ncr_dir tx, rx;
};

struct packet {
    uint8_t *p;
    size_t n;
};

static bool holds(const uint8_t *p, size_t n, const char *text, size_t text_n)
{
    for (size_t i = 0; n >= text_n && i <= n - text_n; i++) {
        if (memcmp(p + i, text, text_n) == 0) {
            return true;
        }
    }
    return false;
}

static void keyset_for(struct ncr_keyset *keys, const struct ncr_cipher *cipher,
                       const struct ncr_mac *mac, uint8_t seed)
{
    memset(keys, 0, sizeof *keys);
    for (size_t i = 0; i < NCR_KEY_LEN; i++) {
        keys->key[i] = (uint8_t)(seed + 3 * i);
        keys->mac[i] = (uint8_t)(seed + 5 * i + 1);
        keys->iv[i % NCR_IV_LEN] = (uint8_t)(seed + 7 * i + 2);
    }
    keys->cipher = cipher;
    keys->macrow = mac;
    keys->comp = &ncr_comp_none;
}

/* Both ends of one direction with the case's keys and sequence number 0. */
static void pair_start(struct pair *pr, const struct pkt_case *c)
{
    struct ncr_keyset keys;
    memset(pr, 0, sizeof *pr);
    if (c->cipher != NULL) {
        keyset_for(&keys, c->cipher, c->mac, 11);
        ncr_pkt_install(&pr->tx, &keys, true);
        keyset_for(&keys, c->cipher, c->mac, 11);
        ncr_pkt_install(&pr->rx, &keys, true);
    }
}

static void pad_bytes(uint8_t pad[NCR_PKT_PAD_MAX])
{
    for (uint8_t i = 0; i < NCR_PKT_PAD_MAX; i++) {
        pad[i] = (uint8_t)(0xa0 + i);
    }
}

static uint8_t payload_byte(size_t n, size_t i)
{
    return i < sizeof marker - 1 ? (uint8_t)marker[i] : (uint8_t)(n + 31 * i);
}

/* An honest packet of n payload bytes. */
static struct packet sealed(struct ncr_dir *tx, size_t n)
{
    uint8_t pad[NCR_PKT_PAD_MAX];
    size_t total;
    struct packet k = {malloc(ncr_pkt_sealed_len(tx, n)), ncr_pkt_sealed_len(tx, n)};
    cr_assert_not_null(k.p);
    for (size_t i = 0; i < n; i++) {
        k.p[NCR_PKT_HEAD + i] = payload_byte(n, i);
    }
    pad_bytes(pad);
    cr_assert_eq(ncr_pkt_seal(tx, k.p, n, pad, &total), NACRE_OK);
    cr_assert_eq(total, k.n);
    return k;
}

static bool payload_right(struct nacre_bytes got, size_t n)
{
    for (size_t i = 0; got.n == n && i < n; i++) {
        if (got.p[i] != payload_byte(n, i)) {
            return false;
        }
    }
    return got.n == n;
}

/* A packet with a right tag whatever packet_length and padding_length say. */
static struct packet forged(struct ncr_dir *tx, uint32_t len, uint8_t pad_len)
{
    struct packet k = {NULL, 4 + len + ncr_pkt_tag_len(tx)};
    k.p = calloc(1, k.n);
    cr_assert_not_null(k.p);
    ncr_store32be(k.p, len);
    for (uint32_t i = 0; i < len; i++) {
        k.p[4 + i] = i == 0 ? pad_len : (uint8_t)marker[(i - 1) % (sizeof marker - 1)];
    }
    ncr_pkt_mode(tx)->seal(tx, k.p, len);
    return k;
}

/* No more than what is needed to tell a packet's length, which says len. */
static struct packet forged_head(struct ncr_dir *tx, uint32_t len)
{
    static const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN] = {0};
    struct packet k = {NULL, ncr_pkt_mode(tx)->need};
    k.p = calloc(1, k.n);
    cr_assert_not_null(k.p);
    ncr_store32be(k.p, len);
    if (tx->cipher == &ncr_cipher_chapoly) {
        nacre_chacha20_xor(k.p, k.p, 4, tx->key.chapoly + 32, nonce, 0);
    } else if (ncr_pkt_mode(tx) == &ncr_pkt_mode_mac) {
        tx->cipher->encrypt(tx, k.p, k.n);
    }
    return k;
}

static bool good_len(const struct pkt_case *c, uint32_t len)
{
    size_t i = 0;
    while (c->good[i] != 0 && c->good[i] != len) {
        i++;
    }
    return c->good[i] != 0;
}

/* ---- Packets of others ---- */

Test(pkt, openssh_chapoly_packet)
{
    struct vec v;
    for (vec_open(&v, "ssh_chapoly_openssh.txt"); vec_next(&v);) {
        struct ncr_dir d = {0};
        struct ncr_keyset keys;
        struct nacre_bytes payload;
        size_t n, plain_n, used, total;
        keyset_for(&keys, &ncr_cipher_chapoly, NULL, 0);
        memcpy(keys.key, vec_fixed(&v, "key", 64), 64);
        ncr_pkt_install(&d, &keys, false);
        d.seq = (uint32_t)vec_uint(&v, "seq");
        uint8_t *wire = vec_get(&v, "wire", &n);
        const uint8_t *plain = vec_get(&v, "packet", &plain_n);
        uint8_t out[64] = {0};
        size_t payload_n = plain_n - NCR_PKT_HEAD - plain[4];
        memcpy(out, plain, plain_n);

        struct ncr_dir tx = d;
        uint8_t pad[NCR_PKT_PAD_MAX] = {0};
        memcpy(pad, plain + NCR_PKT_HEAD + payload_n, plain[4]);
        cr_assert_eq(ncr_pkt_seal(&tx, out, payload_n, pad, &total), NACRE_OK);
        vec_expect(&v, "wire", out, total);

        cr_assert_eq(ncr_pkt_open(&d, wire, n, 35000, &used, &payload), NACRE_OK);
        cr_assert_eq(used, n);
        cr_assert_eq(payload.n, payload_n);
        cr_assert_arr_eq(payload.p, plain + NCR_PKT_HEAD, payload_n);
    }
    vec_close(&v);
}

/* The MAC of the cases that has that name; NULL: none. */
static const struct ncr_mac *mac_named(struct nacre_bytes name)
{
    for (size_t i = 0; i < CASES; i++) {
        if (cases[i].mac != NULL && nacre_bytes_is(name, cases[i].mac->name)) {
            return cases[i].mac;
        }
    }
    return NULL;
}

static void vec_keys(const struct vec *v, struct ncr_keyset *keys)
{
    struct nacre_bytes name;
    size_t n;
    memset(keys, 0, sizeof *keys);
    name.p = vec_get(v, "cipher", &name.n);
    keys->cipher = ncr_alg_cipher(&nacre_algs_default, name);
    cr_assert_not_null(keys->cipher);
    name.p = vec_get(v, "mac", &name.n);
    keys->macrow = mac_named(name);
    memcpy(keys->key, vec_fixed(v, "key", keys->cipher->key_len), keys->cipher->key_len);
    const uint8_t *iv = vec_get(v, "iv", &n);
    memcpy(keys->iv, iv, n);
    if (keys->cipher->aead == NULL) {
        cr_assert_not_null(keys->macrow);
        memcpy(keys->mac, vec_fixed(v, "mac_key", keys->macrow->key_len), keys->macrow->key_len);
    }
}

static void asyncssh_packet(const struct vec *v, struct pair *pr, char digit)
{
    char payload_key[] = "payload0", pad_key[] = "pad0", wire_key[] = "wire0";
    uint8_t out[1024], pad[NCR_PKT_PAD_MAX] = {0};
    struct nacre_bytes got;
    size_t n, pad_n, wire_n, total, used;
    payload_key[7] = pad_key[3] = wire_key[4] = digit;
    const uint8_t *payload = vec_get(v, payload_key, &n);
    const uint8_t *pad_given = vec_get(v, pad_key, &pad_n);
    uint8_t *wire = vec_get(v, wire_key, &wire_n);
    cr_assert_leq(pad_n, sizeof pad);
    memcpy(pad, pad_given, pad_n);
    memcpy(out + NCR_PKT_HEAD, payload, n);
    cr_assert_leq(ncr_pkt_sealed_len(&pr->tx, n), sizeof out);
    cr_assert_eq(ncr_pkt_seal(&pr->tx, out, n, pad, &total), NACRE_OK);
    vec_expect(v, wire_key, out, total);
    cr_assert_eq(ncr_pkt_open(&pr->rx, wire, wire_n, 35000, &used, &got), NACRE_OK);
    cr_assert_eq(used, wire_n);
    vec_expect(v, payload_key, got.p, got.n);
}

static void asyncssh_packets(const char *file)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        struct pair pr = {0};
        struct ncr_keyset keys;
        vec_keys(&v, &keys);
        ncr_pkt_install(&pr.tx, &keys, false);
        vec_keys(&v, &keys);
        ncr_pkt_install(&pr.rx, &keys, false);
        pr.tx.seq = pr.rx.seq = (uint32_t)vec_uint(&v, "seq");
        for (char digit = '0'; digit <= '2'; digit++) {
            asyncssh_packet(&v, &pr, digit);
        }
    }
    vec_close(&v);
}

Test(pkt, asyncssh_packets)
{
    asyncssh_packets("ssh_packets_asyncssh.txt");
}

Test(pkt, asyncssh_gcm_packets)
{
    asyncssh_packets("ssh_gcm_asyncssh.txt");
}

Test(pkt, asyncssh_umac_packets)
{
    asyncssh_packets("ssh_umac_asyncssh.txt");
}

#ifndef NACRE_NO_LEGACY
Test(pkt, asyncssh_packets_of_old_devices)
{
    asyncssh_packets("ssh_mac_legacy_asyncssh.txt");
}
#endif

Test(pkt, clear_packet_is_as_rfc4253_6_writes_it)
{
    static const uint8_t want[16] = {0,    0,    0,    12,   10,   21,   0xa0, 0xa1,
                                     0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9};
    struct ncr_dir d = {0};
    uint8_t p[16] = {0}, pad[NCR_PKT_PAD_MAX];
    size_t total;
    p[NCR_PKT_HEAD] = 21; /* NEWKEYS */
    pad_bytes(pad);
    cr_assert_eq(ncr_pkt_seal(&d, p, 1, pad, &total), NACRE_OK);
    cr_assert_eq(total, sizeof want);
    cr_assert_arr_eq(p, want, sizeof want);
}

/* ---- Shape of what is sent ---- */

Test(s15, padding_sent_is_least_and_the_bytes_given)
{
    for (size_t i = 0; i < CASES; i++) {
        for (size_t n = 1; n <= 100; n++) {
            struct pair pr;
            struct nacre_bytes payload;
            size_t used;
            pair_start(&pr, &cases[i]);
            struct packet k = sealed(&pr.tx, n);
            size_t body = k.n - 4 - ncr_pkt_tag_len(&pr.tx);
            size_t counted = ncr_pkt_mode(&pr.tx)->len_apart ? body : body + 4;
            size_t pad = body - 1 - n;
            cr_assert_eq(counted % cases[i].unit, 0, "%s %zu", cases[i].name, n);
            cr_assert(pad >= 4 && pad < 4 + cases[i].unit, "%s %zu", cases[i].name, n);
            cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload), NACRE_OK);
            cr_assert_eq(k.p[4], pad);
            for (size_t j = 0; j < pad; j++) {
                cr_assert_eq(payload.p[n + j], 0xa0 + j, "padding is the bytes given");
            }
            free(k.p);
        }
    }
}

Test(pkt, payload_of_no_or_too_many_bytes_is_not_sealed)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair pr;
        uint8_t p[128] = {0}, pad[NCR_PKT_PAD_MAX] = {0};
        size_t total = 1;
        pair_start(&pr, &cases[i]);
        cr_assert_eq(ncr_pkt_seal(&pr.tx, p, 0, pad, &total), NACRE_ERR_USAGE);
        cr_assert_eq(total, 0);
        cr_assert_eq(ncr_pkt_seal(&pr.tx, p, NCR_PACKET_MAX_BULK + 1, pad, &total),
                     NACRE_ERR_USAGE);
        cr_assert(all_zero(p, sizeof p));
        cr_assert_eq(pr.tx.seq, 0);
    }
}

Test(pkt, counters_move_with_each_packet)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair pr;
        size_t sum = 0;
        pair_start(&pr, &cases[i]);
        for (uint32_t j = 1; j <= 5; j++) {
            struct nacre_bytes payload;
            size_t used;
            struct packet k = sealed(&pr.tx, 10 * j);
            sum += k.n;
            cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload), NACRE_OK);
            cr_assert(pr.tx.seq == j && pr.tx.packets == j);
            cr_assert(pr.tx.bytes == sum);
            cr_assert(pr.rx.seq == j && pr.rx.packets == j);
            cr_assert(pr.rx.bytes == sum);
            cr_assert_eq(pr.rx.len, 0);
            free(k.p);
        }
    }
}

/* ---- Arrival in pieces ---- */

static const size_t stream_sizes[] = {1, 44, 300, 5};
#define STREAM_PACKETS (sizeof stream_sizes / sizeof stream_sizes[0])

static struct packet stream_of(struct ncr_dir *tx)
{
    struct packet s = {NULL, 0};
    for (size_t i = 0; i < STREAM_PACKETS; i++) {
        struct packet k = sealed(tx, stream_sizes[i]);
        s.p = realloc(s.p, s.n + k.n);
        cr_assert_not_null(s.p);
        memcpy(s.p + s.n, k.p, k.n);
        s.n += k.n;
        free(k.p);
    }
    return s;
}

/* Takes every whole packet out of the first n bytes of the stream; counts in *seen. */
static void stream_take(struct ncr_dir *rx, const struct packet *s, size_t n, size_t *at,
                        size_t *seen)
{
    struct nacre_bytes payload;
    size_t used;
    do {
        cr_assert_eq(ncr_pkt_open(rx, s->p + *at, n - *at, 35000, &used, &payload), NACRE_OK);
        if (used != 0) {
            cr_assert(payload_right(payload, stream_sizes[*seen]), "packet %zu", *seen);
            ++*seen;
        } else {
            cr_assert_eq(payload.n, 0);
        }
        *at += used;
    } while (used != 0);
}

Test(pkt, byte_by_byte)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair pr;
        size_t at = 0, seen = 0;
        pair_start(&pr, &cases[i]);
        struct packet s = stream_of(&pr.tx);
        for (size_t n = 0; n <= s.n; n++) {
            stream_take(&pr.rx, &s, n, &at, &seen);
        }
        cr_assert_eq(seen, STREAM_PACKETS, "%s", cases[i].name);
        cr_assert_eq(at, s.n);
        free(s.p);
    }
}

Test(pkt, every_two_way_split)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair pr;
        pair_start(&pr, &cases[i]);
        struct packet s = stream_of(&pr.tx);
        for (size_t cut = 0; cut <= s.n; cut++) {
            size_t at = 0, seen = 0;
            struct packet copy = {malloc(s.n), s.n};
            cr_assert_not_null(copy.p);
            memcpy(copy.p, s.p, s.n);
            pair_start(&pr, &cases[i]);
            stream_take(&pr.rx, &copy, cut, &at, &seen);
            stream_take(&pr.rx, &copy, s.n, &at, &seen);
            cr_assert_eq(seen, STREAM_PACKETS, "%s cut at %zu", cases[i].name, cut);
            free(copy.p);
        }
        free(s.p);
    }
}

/* ---- S13 ---- */

/* What a packet that starts with this length gives, before any more of it has come. */
static nacre_err length_verdict(const struct pkt_case *c, uint32_t len, uint32_t max)
{
    struct pair pr;
    struct nacre_bytes payload;
    size_t used;
    pair_start(&pr, c);
    struct packet k = forged_head(&pr.tx, len);
    nacre_err err = ncr_pkt_open(&pr.rx, k.p, k.n, max, &used, &payload);
    cr_assert(used == 0 && payload.n == 0, "%s %u", c->name, len);
    cr_assert_eq(pr.rx.len, err == NACRE_OK ? len : 0);
    cr_assert(err == NACRE_OK || all_zero(k.p, k.n), "nothing decrypted is left");
    cr_assert_eq(pr.rx.seq, 0);
    free(k.p);
    return err;
}

Test(s13, length_believed)
{
    static const uint32_t huge[] = {0x7ffffff4, 0x7fffffff, 0x80000000, 0x80000001, 0x8000000c,
                                    0xfffffff0, 0xfffffff4, 0xfffffff8, 0xfffffffc, 0xffffffff};
    for (size_t i = 0; i < CASES; i++) {
        const struct pkt_case *c = &cases[i];
        for (uint32_t len = 0; len <= 64; len++) {
            cr_assert_eq(length_verdict(c, len, NCR_PACKET_MAX),
                         good_len(c, len) ? NACRE_OK : NACRE_ERR_PACKET_LEN, "%s %u", c->name, len);
        }
        for (size_t j = 0; j < sizeof huge / sizeof huge[0]; j++) {
            cr_assert_eq(length_verdict(c, huge[j], NCR_PACKET_MAX), NACRE_ERR_PACKET_LEN);
        }
    }
}

Test(s13, limit_is_the_largest)
{
    for (size_t i = 0; i < CASES; i++) {
        const struct pkt_case *c = &cases[i];
        uint32_t unit = (uint32_t)c->unit;
        uint32_t len = c->good[0] + 2000 * unit; /* aligned as the mode wants it */
        cr_assert_eq(length_verdict(c, len, len), NACRE_OK, "%s", c->name);
        cr_assert_eq(length_verdict(c, len, len + 1), NACRE_OK);
        cr_assert_eq(length_verdict(c, len, len - 1), NACRE_ERR_PACKET_LEN);
        cr_assert_eq(length_verdict(c, len + unit, len), NACRE_ERR_PACKET_LEN);
        for (uint32_t off = 1; off < unit; off++) {
            cr_assert_eq(length_verdict(c, len + off, len + unit), NACRE_ERR_PACKET_LEN);
        }
        cr_assert_eq(length_verdict(c, len, 0), NACRE_ERR_PACKET_LEN);
    }
}

/* ---- S14 ---- */

Test(s14, short_packets_with_a_right_tag)
{
    for (size_t i = 0; i < CASES; i++) {
        const struct pkt_case *c = &cases[i];
        for (uint32_t len = 0; len <= 64; len++) {
            struct pair pr;
            struct nacre_bytes payload;
            size_t used;
            pair_start(&pr, c);
            if (4 + len + ncr_pkt_tag_len(&pr.tx) < ncr_pkt_mode(&pr.tx)->need) {
                continue; /* s13 has it */
            }
            struct packet k = forged(&pr.tx, len, 4);
            nacre_err err = ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload);
            cr_assert_eq(err, good_len(c, len) ? NACRE_OK : NACRE_ERR_PACKET_LEN, "%s %u", c->name,
                         len);
            cr_assert_eq(used, good_len(c, len) ? k.n : 0);
            cr_assert_eq(payload.n, good_len(c, len) ? len - 5 : 0);
            free(k.p);
        }
    }
}

/* ---- S15 ---- */

static void padding_case(const struct pkt_case *c, uint32_t len, unsigned pad)
{
    struct pair pr;
    struct nacre_bytes payload;
    size_t used;
    bool good = pad >= 4 && pad <= len - 2;
    pair_start(&pr, c);
    struct packet k = forged(&pr.tx, len, (uint8_t)pad);
    nacre_err err = ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload);
    cr_assert_eq(err, good ? NACRE_OK : NACRE_ERR_PADDING, "%s %u %u", c->name, len, pad);
    cr_assert_eq(payload.n, good ? len - 1 - pad : 0);
    cr_assert_eq(used, good ? k.n : 0);
    cr_assert(good || all_zero(k.p + 4, len), "plaintext of a refused packet is wiped");
    free(k.p);
}

Test(s15, padding_is_checked)
{
    for (size_t i = 0; i < CASES; i++) {
        for (size_t j = 0; cases[i].good[j] != 0; j++) {
            for (unsigned pad = 0; pad <= 255; pad++) {
                padding_case(&cases[i], cases[i].good[j], pad);
            }
        }
        for (unsigned pad = 0; pad <= 255; pad++) {
            padding_case(&cases[i], cases[i].good[0] + 256, pad);
        }
    }
}

/* ---- S16 ---- */

/* The packet of 50 payload bytes with one bit flipped, followed by what a longer length would
 * need, is refused and leaves no plaintext. */
static void flipped_bit(const struct pkt_case *c, const struct packet *good, size_t bit)
{
    enum { MAX = 2048 };
    struct pair pr;
    struct nacre_bytes payload;
    size_t used;
    struct packet k = {calloc(1, good->n + MAX), good->n + MAX};
    cr_assert_not_null(k.p);
    memcpy(k.p, good->p, good->n);
    k.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    pair_start(&pr, c);
    nacre_err err = ncr_pkt_open(&pr.rx, k.p, k.n, MAX, &used, &payload);
    cr_assert(err == NACRE_ERR_MAC || (bit < 32 && err == NACRE_ERR_PACKET_LEN), "%s bit %zu: %d",
              c->name, bit, err);
    cr_assert(used == 0 && payload.n == 0 && payload.p == NULL);
    cr_assert(pr.rx.seq == 0 && pr.rx.packets == 0 && pr.rx.bytes == 0);
    for (size_t part = 0; part + 7 < sizeof marker; part++) {
        cr_assert_not(holds(k.p, k.n, marker + part, 7), "%s bit %zu", c->name, bit);
    }
    free(k.p);
}

Test(s16, each_bit_of_a_packet)
{
    for (size_t i = 1; i < CASES; i++) {
        struct pair pr;
        pair_start(&pr, &cases[i]);
        struct packet k = sealed(&pr.tx, 50);
        for (size_t bit = 0; bit < 8 * k.n; bit++) {
            flipped_bit(&cases[i], &k, bit);
        }
        free(k.p);
    }
}

/* Tampers with the last byte of a packet; true if the packet then looks as before. */
static bool forgery_left_alone(const struct pkt_case *c, bool *wiped)
{
    struct pair pr;
    struct nacre_bytes payload;
    size_t used;
    uint8_t before[256];
    pair_start(&pr, c);
    struct packet k = sealed(&pr.tx, 50);
    k.p[k.n - 1] ^= 1;
    memcpy(before, k.p, k.n);
    cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload), NACRE_ERR_MAC);
    bool alone = memcmp(k.p, before, k.n) == 0;
    *wiped = all_zero(k.p + 4, k.n - 4 - ncr_pkt_tag_len(&pr.rx));
    cr_assert(*wiped == false || c->cipher->aead != NULL || all_zero(k.p, 4));
    free(k.p);
    return alone;
}

/* Modes that check before they decrypt leave it as it is, the others wipe what they decrypted. */
Test(s16, body_of_a_forgery_is_not_decrypted_or_wiped)
{
    for (size_t i = 1; i < CASES; i++) {
        bool wiped, alone = forgery_left_alone(&cases[i], &wiped);
        const struct ncr_pkt_mode *mode =
            cases[i].mac != NULL ? cases[i].mac->mode : cases[i].cipher->aead;
        bool late = mode == &ncr_pkt_mode_mac || mode == &ncr_pkt_mode_gcm;
        cr_assert_eq(alone, !late, "%s", cases[i].name);
        cr_assert_eq(wiped, late, "%s", cases[i].name);
    }
}

/* A packet dropped, repeated or moved has another sequence number than its tag. */
Test(s16, packets_have_their_place)
{
    static const uint8_t orders[][2] = {{1, 2}, {0, 0}, {0, 2}};
    for (size_t i = 1; i < CASES; i++) {
        for (size_t o = 0; o < 3; o++) {
            struct pair pr;
            struct packet k[3];
            nacre_err err = NACRE_OK;
            pair_start(&pr, &cases[i]);
            for (size_t j = 0; j < 3; j++) {
                k[j] = sealed(&pr.tx, 20);
            }
            for (size_t j = 0; j < 2 && err == NACRE_OK; j++) {
                struct packet copy = {malloc(k[0].n), k[0].n};
                struct nacre_bytes payload;
                size_t used;
                cr_assert_not_null(copy.p);
                memcpy(copy.p, k[orders[o][j]].p, copy.n);
                err = ncr_pkt_open(&pr.rx, copy.p, copy.n, 35000, &used, &payload);
                free(copy.p);
            }
            /* With another key stream the length may fail before the tag can. */
            cr_assert(err == NACRE_ERR_MAC || err == NACRE_ERR_PACKET_LEN ||
                          (err == NACRE_OK && pr.rx.len != 0),
                      "%s order %zu", cases[i].name, o);
            for (size_t j = 0; j < 3; j++) {
                free(k[j].p);
            }
        }
    }
}

/* ---- S18 ---- */

Test(s18, no_packet_after_the_last_counter)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair pr;
        struct nacre_bytes payload;
        uint8_t p[256] = {0}, pad[NCR_PKT_PAD_MAX] = {0};
        size_t total, used;
        pair_start(&pr, &cases[i]);
        if (cases[i].cipher == NULL) {
            pr.tx.seq = pr.rx.seq = UINT32_MAX - 1;
        } else {
            pr.tx.packets = pr.rx.packets = NCR_SEQUENCE_STOP - 1;
        }
        struct packet k = sealed(&pr.tx, 20);
        cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload), NACRE_OK);
        cr_assert(payload_right(payload, 20));
        cr_assert_eq(ncr_pkt_seal(&pr.tx, p, 20, pad, &total), NACRE_ERR_SEQUENCE);
        cr_assert(total == 0 && all_zero(p, sizeof p), "nothing was sealed");
        cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, 0, 35000, &used, &payload), NACRE_OK,
                     "silence is no packet");
        cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload), NACRE_ERR_SEQUENCE);
        cr_assert(used == 0 && payload.n == 0);
        free(k.p);
    }
}

/* Not strict: the number runs on through new keys and wraps (RFC 4253 6.4). */
Test(s18, sequence_number_wraps_under_keys)
{
    for (size_t i = 1; i < CASES; i++) {
        struct pair pr;
        pair_start(&pr, &cases[i]);
        pr.tx.seq = pr.rx.seq = UINT32_MAX - 1;
        for (int j = 0; j < 4; j++) {
            struct nacre_bytes payload;
            size_t used;
            struct packet k = sealed(&pr.tx, 30);
            cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload), NACRE_OK);
            cr_assert(payload_right(payload, 30));
            free(k.p);
        }
        cr_assert(pr.tx.seq == 2 && pr.rx.seq == 2);
    }
}

Test(s18, new_keys_restart_the_counters)
{
    for (int strict = 0; strict <= 1; strict++) {
        struct ncr_dir d = {.seq = 77, .packets = 77, .bytes = 7777, .all_bytes = 7777, .len = 9};
        struct ncr_keyset keys;
        keyset_for(&keys, &ncr_cipher_chapoly, NULL, 1);
        ncr_pkt_install(&d, &keys, strict);
        cr_assert_eq(d.seq, strict ? 0u : 77u);
        cr_assert(d.packets == 0 && d.bytes == 0 && d.len == 0);
        cr_assert_eq(d.all_bytes, 7777);
    }
}

Test(s18, new_keys_change_every_byte_stream)
{
    for (size_t i = 1; i < CASES; i++) {
        struct pair pr;
        struct ncr_keyset keys;
        pair_start(&pr, &cases[i]);
        struct packet a = sealed(&pr.tx, 40);
        keyset_for(&keys, cases[i].cipher, cases[i].mac, 12);
        ncr_pkt_install(&pr.tx, &keys, true);
        struct packet b = sealed(&pr.tx, 40);
        cr_assert_neq(memcmp(a.p + 4, b.p + 4, 16), 0);
        cr_assert_neq(memcmp(a.p + a.n - 16, b.p + b.n - 16, 16), 0);
        free(a.p);
        free(b.p);
    }
}

/* ---- S64 ---- */

/* A direction that somebody else could write to: only what an honest engine leaves passes. */
Test(s64, lengths_and_counts_of_a_foreign_direction)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair pr;
        pair_start(&pr, &cases[i]);
        cr_assert(ncr_pkt_sound(&pr.rx, 35000) && ncr_pkt_sound(&pr.tx, 35000));
        for (pr.rx.len = 1; pr.rx.len <= 64; pr.rx.len++) {
            cr_assert_eq(ncr_pkt_sound(&pr.rx, 35000), good_len(&cases[i], pr.rx.len));
        }
        pr.rx.len = cases[i].good[0] + 16 * 100;
        cr_assert(ncr_pkt_sound(&pr.rx, pr.rx.len));
        cr_assert_not(ncr_pkt_sound(&pr.rx, pr.rx.len - 1));
        pr.rx.len = 0;
        if (cases[i].mac != NULL && cases[i].cipher->sound != NULL) {
            unsigned rounds = pr.rx.key.ctr.aes.rounds; /* where it is in a CBC's key too */
            for (unsigned n = 0; n < 40; n++) {
                pr.rx.key.ctr.aes.rounds = n;
                cr_assert_eq(ncr_pkt_sound(&pr.rx, 35000), n == rounds);
            }
        }
    }
}

/* What a MAC counts inside itself would be used as lengths and indices. */
Test(s64, counts_inside_a_foreign_mac)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair pr;
        pair_start(&pr, &cases[i]);
        if (cases[i].mac == NULL) {
            continue;
        }
        struct nacre_umac *u = &pr.rx.mac.umac;
        bool umac = cases[i].mac->compute == ncr_mac_umac_64.compute;
        cr_assert(cases[i].mac->sound(&pr.rx));
        struct packet k = sealed(&pr.tx, 40);
        free(k.p);
        cr_assert(cases[i].mac->sound(&pr.tx), "after a packet");
        for (unsigned n = 0; umac && n < 256; n++) {
            u->streams = (uint8_t)n;
            cr_assert_eq(cases[i].mac->sound(&pr.rx), n == cases[i].mac->tag_len / 4);
        }
        u->streams = (uint8_t)(cases[i].mac->tag_len / 4);
        for (unsigned n = 0; umac && n < 40; n++) {
            u->pad.aes.rounds = n;
            cr_assert_eq(cases[i].mac->sound(&pr.rx), n == 10);
        }
        u->pad.aes.rounds = 10;
        u->len = 1;
        cr_assert(!umac || !cases[i].mac->sound(&pr.rx));
        if (!umac) {
            pr.rx.mac.hmac.hash = NULL;
            cr_assert_not(cases[i].mac->sound(&pr.rx));
        }
    }
}

/* The tag of hmac-sha1-96 is the beginning of hmac-sha1's, and no byte more is written. */
#ifndef NACRE_NO_LEGACY
Test(pkt, tag_of_96_bits)
{
    static const struct pkt_case whole = {"", &ncr_cipher_aes128_ctr, &ncr_mac_sha1, 16, {0}};
    static const struct pkt_case cut = {"", &ncr_cipher_aes128_ctr, &ncr_mac_sha1_96, 16, {0}};
    struct pair a, b;
    pair_start(&a, &whole);
    pair_start(&b, &cut);
    struct packet ka = sealed(&a.tx, 40), kb = sealed(&b.tx, 40);
    cr_assert_eq(ka.n, kb.n + 8);
    cr_assert_arr_eq(ka.p, kb.p, kb.n);
    free(ka.p);
    free(kb.p);
}
#endif

/* ---- Constant time ---- */

/* Keys and what is sent are secret; what is on the wire is not, nor are lengths. */
Test(pkt, ct_in_keys_and_payload)
{
    for (size_t i = 0; i < CASES; i++) {
        struct pair pr;
        struct ncr_keyset keys;
        uint8_t pad[NCR_PKT_PAD_MAX];
        struct nacre_bytes got;
        size_t used, total, n = 300;
        memset(&pr, 0, sizeof pr);
        for (int end = 0; cases[i].cipher != NULL && end < 2; end++) {
            keyset_for(&keys, cases[i].cipher, cases[i].mac, 11);
            NCR_CT_SECRET(keys.key, sizeof keys.key);
            NCR_CT_SECRET(keys.mac, sizeof keys.mac);
            NCR_CT_SECRET(keys.iv, sizeof keys.iv);
            ncr_pkt_install(end == 0 ? &pr.tx : &pr.rx, &keys, true);
        }
        size_t room = ncr_pkt_sealed_len(&pr.tx, n);
        uint8_t *p = malloc(room);
        cr_assert_not_null(p);
        for (size_t j = 0; j < n; j++) {
            p[NCR_PKT_HEAD + j] = payload_byte(n, j);
        }
        pad_bytes(pad);
        NCR_CT_SECRET(p + NCR_PKT_HEAD, n);
        cr_assert_eq(ncr_pkt_seal(&pr.tx, p, n, pad, &total), NACRE_OK);
        NCR_CT_PUBLIC(p, room);
        cr_assert_eq(ncr_pkt_open(&pr.rx, p, room, 35000, &used, &got), NACRE_OK);
        NCR_CT_PUBLIC(p, room);
        cr_assert(payload_right(got, n), "%s", cases[i].name);
        free(p);
    }
}

/* ---- Keys ---- */

Test(pkt, install_wipes_the_key_set_and_the_old_keys)
{
    struct ncr_dir d = {0};
    struct ncr_keyset keys;
    keyset_for(&keys, &ncr_cipher_aes256_ctr, &ncr_mac_sha2_512, 200);
    ncr_pkt_install(&d, &keys, true);
    cr_assert(all_zero(&keys, sizeof keys));
    cr_assert_not(all_zero(&d.mac, sizeof d.mac));

    keyset_for(&keys, &ncr_cipher_chapoly, &ncr_mac_sha2_512, 100);
    ncr_pkt_install(&d, &keys, true);
    cr_assert(all_zero(&keys, sizeof keys));
    cr_assert(all_zero(&d.mac, sizeof d.mac), "an AEAD has no MAC key");
    cr_assert_null(d.macrow);
    cr_assert(all_zero((const uint8_t *)&d.key + NCR_KEY_LEN, sizeof d.key - NCR_KEY_LEN));
    cr_assert_eq(d.comp, &ncr_comp_none);
}

/* Every pair of modes before and after a key change (RFC 4253 9: all may change). */
Test(pkt, rekey_between_all_modes)
{
    for (size_t i = 0; i < CASES; i++) {
        for (size_t j = 1; j < CASES; j++) {
            struct pair pr;
            struct ncr_keyset keys;
            struct nacre_bytes payload;
            size_t used;
            pair_start(&pr, &cases[i]);
            struct packet k = sealed(&pr.tx, 33);
            cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload), NACRE_OK);
            free(k.p);
            keyset_for(&keys, cases[j].cipher, cases[j].mac, 90);
            ncr_pkt_install(&pr.tx, &keys, false);
            keyset_for(&keys, cases[j].cipher, cases[j].mac, 90);
            ncr_pkt_install(&pr.rx, &keys, false);
            k = sealed(&pr.tx, 99);
            cr_assert_eq(ncr_pkt_open(&pr.rx, k.p, k.n, 35000, &used, &payload), NACRE_OK,
                         "%s to %s", cases[i].name, cases[j].name);
            cr_assert(payload_right(payload, 99));
            cr_assert(pr.rx.seq == 2 && pr.rx.packets == 1);
            free(k.p);
        }
    }
}
