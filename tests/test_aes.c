/* SPDX-License-Identifier: ISC
 *
 * AES against FIPS 197 and SP 800-38A: single blocks both ways, every byte through the S-box,
 * counter mode with carries, lengths around a block and a batch, in place and not, chunked.
 */
#include "crypto/aes.h"
#include "tests/twins.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { AES_MAX = 1200 };

static const size_t aes_key_lens[3] = {16, 24, 32};

static void aes_fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)((i + seed) * (i + 3) >> 1 ^ seed);
    }
}

static void aes_check_blocks(const struct vec *v, const struct twin *t)
{
    struct nacre_aes c;
    size_t len, n;
    const uint8_t *key = vec_get(v, "key", &len), *plain = vec_get(v, "plain", &n);
    const uint8_t *cipher = vec_fixed(v, "cipher", n);
    uint8_t out[64];
    cr_assert(n % 16 == 0 && n <= sizeof out);
    cr_assert(t->aes_init(&c, key, len));
    for (size_t at = 0; at < n; at += 16) {
        t->aes_encrypt_block(out + at, &c, plain + at);
    }
    vec_expect(v, "cipher", out, n);
    for (size_t at = 0; at < n; at += 16) {
        t->aes_decrypt_block(out + at, &c, cipher + at);
    }
    vec_expect(v, "plain", out, n);
}

Test(aes, fips197)
{
    struct vec v;
    for (vec_open(&v, "aes_fips197.txt"); vec_next(&v);) {
        for (size_t i = 0; i < TWINS; i++) {
            aes_check_blocks(&v, twins[i]);
        }
    }
    cr_assert_geq(v.records, 7);
    vec_close(&v);
}

/* 1/x in GF(2^8) modulo 11b as x^254, and 0 for 0. */
static unsigned aes_field_inverse(unsigned x)
{
    unsigned y = 1;
    for (unsigned n = 0; n < 254; n++) {
        unsigned sum = 0, a = y;
        for (unsigned bit = 0; bit < 8; bit++) {
            sum ^= (x >> bit & 1) * a;
            a = a << 1 ^ (a >> 7) * 0x11b;
        }
        y = sum;
    }
    return y;
}

static uint8_t aes_sbox_by_definition(unsigned x)
{
    unsigned b = aes_field_inverse(x);
    return (uint8_t)(b ^ (b << 1 | b >> 7) ^ (b << 2 | b >> 6) ^ (b << 3 | b >> 5) ^
                     (b << 4 | b >> 4) ^ 0x63);
}

/* The S-box of section 5.1.1 on all 256 values, by way of the key schedule: with four equal words x
 * as a key, the first new word is w[0] + SubWord(RotWord(x)) + Rcon. It is seen in the context's
 * round key 1 of AES-128. */
Test(aes, sbox)
{
    for (size_t i = 0; i < TWINS; i++) {
        for (unsigned x = 0; x < 256; x++) {
            uint8_t key[16];
            struct nacre_aes c;
            memset(key, (int)x, sizeof key);
            cr_assert(twins[i]->aes_init(&c, key, sizeof key));
            uint8_t second = (uint8_t)(c.rk[2] >> 8); /* row 1, column 0 */
            cr_assert_eq(second ^ x, aes_sbox_by_definition(x), "%s: %02x", twins[i]->name, x);
        }
    }
}

/* Every block of a batch, both ways, and independent of what stands in the others. */
Test(aes, batch_is_blocks)
{
    static uint8_t io[NCR_AES_BATCH_LEN], plain[NCR_AES_BATCH_LEN];
    uint8_t key[32], one[16];
    aes_fill(key, sizeof key, 5);
    aes_fill(plain, sizeof plain, 6);
    for (size_t k = 0; k < 3; k++) {
        struct nacre_aes c;
        cr_assert(nacre_aes_init(&c, key, aes_key_lens[k]));
        memcpy(io, plain, sizeof io);
        ncr_aes_encrypt_batch(io, &c);
        for (size_t at = 0; at < sizeof io; at += 16) {
            nacre_aes_encrypt_block(one, &c, plain + at);
            cr_assert_arr_eq(io + at, one, 16);
        }
        ncr_aes_decrypt_batch(io, &c);
        cr_assert_arr_eq(io, plain, sizeof io);
    }
}

Test(aes, refuses_other_key_lengths)
{
    static const struct nacre_aes zero;
    static const struct nacre_aes_ctr zero_ctr;
    uint8_t key[64] = {1}, iv[16] = {2};
    for (size_t n = 0; n <= sizeof key; n++) {
        bool good = n == 16 || n == 24 || n == 32;
        struct nacre_aes c;
        struct nacre_aes_ctr ctr;
        memset(&c, 0xee, sizeof c);
        memset(&ctr, 0xee, sizeof ctr);
        cr_assert_eq(nacre_aes_init(&c, key, n), good);
        cr_assert_eq(nacre_aes_ctr_init(&ctr, key, n, iv), good);
        cr_assert_eq(memcmp(&c, &zero, sizeof c) == 0, !good);
        cr_assert_eq(memcmp(&ctr, &zero_ctr, sizeof ctr) == 0, !good);
    }
}

static void aes_ctr_check(const struct vec *v, const struct twin *t)
{
    struct nacre_aes_ctr c;
    size_t len, n;
    const uint8_t *key = vec_get(v, "key", &len), *plain = vec_get(v, "plain", &n);
    const uint8_t *iv = vec_fixed(v, "iv", 16);
    uint8_t out[AES_MAX];
    cr_assert_leq(n, sizeof out);
    cr_assert(t->aes_ctr_init(&c, key, len, iv));
    t->aes_ctr_xor(out, &c, plain, n);
    vec_expect(v, "cipher", out, n);
    cr_assert(t->aes_ctr_init(&c, key, len, iv));
    t->aes_ctr_xor(out, &c, out, n);
    vec_expect(v, "plain", out, n);

    for (size_t cut = 0; cut <= n; cut += 16) {
        cr_assert(t->aes_ctr_init(&c, key, len, iv));
        t->aes_ctr_xor(out, &c, plain, cut);
        t->aes_ctr_xor(out + cut, &c, plain + cut, n - cut);
        vec_expect(v, "cipher", out, n);
    }
}

static void aes_ctr_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        for (size_t i = 0; i < TWINS; i++) {
            aes_ctr_check(&v, twins[i]);
        }
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(aes_ctr, sp800_38a)
{
    aes_ctr_vectors("aes_ctr_sp800_38a.txt", 3);
}

Test(aes_ctr, counter_of_128_bits)
{
    aes_ctr_vectors("aes_ctr_openssl.txt", 10);
}

/* Every length is a prefix of the longest, touches nothing else, and uses up the blocks it began.
 */
Test(aes_ctr, every_length)
{
    uint8_t key[16], iv[16], in[AES_MAX], all[AES_MAX];
    aes_fill(key, sizeof key, 1);
    memset(iv, 0xff, sizeof iv);
    aes_fill(in, sizeof in, 3);
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_aes_ctr c;
        cr_assert(twins[i]->aes_ctr_init(&c, key, sizeof key, iv));
        twins[i]->aes_ctr_xor(all, &c, in, sizeof in);
        for (size_t n = 0; n + 32 < sizeof in; n++) {
            uint8_t out[AES_MAX + 2], next[16];
            size_t blocks = (n + 15) / 16;
            memset(out, 0xee, sizeof out);
            cr_assert(twins[i]->aes_ctr_init(&c, key, sizeof key, iv));
            twins[i]->aes_ctr_xor(out + 1, &c, in, n);
            cr_assert_arr_eq(out + 1, all, n);
            cr_assert(out[0] == 0xee && out[n + 1] == 0xee);
            twins[i]->aes_ctr_xor(next, &c, in + 16 * blocks, 16);
            cr_assert_arr_eq(next, all + 16 * blocks, 16);
        }
    }
}

Test(aes_ctr, ct_in_key_counter_and_message)
{
    uint8_t key[32], iv[16], in[600], out[600], again[600];
    aes_fill(key, sizeof key, 1);
    aes_fill(iv, sizeof iv, 2);
    aes_fill(in, sizeof in, 3);
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_aes_ctr c;
        cr_assert(twins[i]->aes_ctr_init(&c, key, sizeof key, iv));
        twins[i]->aes_ctr_xor(again, &c, in, sizeof in);
        NCR_CT_SECRET(key, sizeof key);
        NCR_CT_SECRET(iv, sizeof iv);
        NCR_CT_SECRET(in, sizeof in);
        bool ok = twins[i]->aes_ctr_init(&c, key, sizeof key, iv);
        twins[i]->aes_ctr_xor(out, &c, in, sizeof in);
        NCR_CT_PUBLIC(out, sizeof out);
        NCR_CT_PUBLIC(key, sizeof key);
        NCR_CT_PUBLIC(iv, sizeof iv);
        NCR_CT_PUBLIC(in, sizeof in);
        cr_assert(ok);
        cr_assert_arr_eq(out, again, sizeof out);
    }
}

Test(aes, ct_in_key_and_block)
{
    uint8_t key[32], in[16], out[16], again[16];
    aes_fill(key, sizeof key, 8);
    aes_fill(again, sizeof again, 9);
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_aes c;
        memcpy(in, again, sizeof in);
        NCR_CT_SECRET(key, sizeof key);
        NCR_CT_SECRET(in, sizeof in);
        bool ok = twins[i]->aes_init(&c, key, sizeof key);
        twins[i]->aes_encrypt_block(out, &c, in);
        twins[i]->aes_decrypt_block(out, &c, out);
        NCR_CT_PUBLIC(out, sizeof out);
        NCR_CT_PUBLIC(key, sizeof key);
        cr_assert(ok);
        cr_assert_arr_eq(out, again, sizeof out);
    }
}
