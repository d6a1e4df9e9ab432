/* SPDX-License-Identifier: ISC
 *
 * ChaCha20 against RFC 8439 and OpenSSL: both layouts of counter and nonce, lengths around a block
 * and a batch, in place and not, and a stream cut at every block.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/twins.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CHACHA20_MAX = 1100 };

static void chacha20_check(const struct vec *v, const uint8_t *nonce, uint64_t counter)
{
    size_t n;
    const uint8_t *key = vec_fixed(v, "key", 32), *plain = vec_get(v, "plain", &n);
    uint8_t out[CHACHA20_MAX];
    cr_assert_leq(n, sizeof out);
    for (size_t i = 0; i < TWINS; i++) {
        twins[i]->chacha20_xor(out, plain, n, key, nonce, counter);
        vec_expect(v, "cipher", out, n);
        twins[i]->chacha20_xor(out, out, n, key, nonce, counter);
        vec_expect(v, "plain", out, n);
    }
}

/* The first four bytes of the RFC's nonce are the upper half of the counter. */
Test(chacha20, rfc8439)
{
    struct vec v;
    for (vec_open(&v, "chacha20_rfc8439.txt"); vec_next(&v);) {
        const uint8_t *nonce = vec_fixed(&v, "nonce", 12);
        uint64_t high = (uint64_t)nonce[0] | (uint64_t)nonce[1] << 8 | (uint64_t)nonce[2] << 16 |
                        (uint64_t)nonce[3] << 24;
        chacha20_check(&v, nonce + 4, high << 32 | vec_uint(&v, "counter"));
    }
    cr_assert_geq(v.records, 10);
    vec_close(&v);
}

/* The counter carries from word 12 into word 13 at each place of a batch, and out of word 13. */
Test(chacha20, counter_of_64_bits)
{
    struct vec v;
    for (vec_open(&v, "chacha20_openssl.txt"); vec_next(&v);) {
        chacha20_check(&v, vec_fixed(&v, "nonce", 8), vec_uint(&v, "counter"));
    }
    cr_assert_geq(v.records, 11);
    vec_close(&v);
}

static void chacha20_fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 37 + 11);
    }
}

/* Every length is a prefix of the longest, touches nothing behind its end, and is the same in place
 * and at odd addresses. */
Test(chacha20, every_length)
{
    uint8_t key[32], nonce[8], in[600], all[600];
    chacha20_fill(key, sizeof key);
    chacha20_fill(nonce, sizeof nonce);
    chacha20_fill(in, sizeof in);
    for (size_t i = 0; i < TWINS; i++) {
        twins[i]->chacha20_xor(all, in, sizeof in, key, nonce, 7);
        for (size_t n = 0; n < sizeof in; n++) {
            uint8_t out[602];
            memset(out, 0xee, sizeof out);
            twins[i]->chacha20_xor(out + 1, in, n, key, nonce, 7);
            cr_assert_arr_eq(out + 1, all, n);
            cr_assert(out[0] == 0xee && out[n + 1] == 0xee);
            memcpy(out + 1, in, n);
            twins[i]->chacha20_xor(out + 1, out + 1, n, key, nonce, 7);
            cr_assert_arr_eq(out + 1, all, n);
            cr_assert(out[0] == 0xee && out[n + 1] == 0xee);
        }
    }
}

Test(chacha20, cut_at_every_block)
{
    uint8_t key[32], nonce[8], in[CHACHA20_MAX], all[CHACHA20_MAX], parts[CHACHA20_MAX];
    const uint64_t start = 0xfffffffa;
    chacha20_fill(key, sizeof key);
    chacha20_fill(nonce, sizeof nonce);
    chacha20_fill(in, sizeof in);
    twins[0]->chacha20_xor(all, in, sizeof in, key, nonce, start);
    for (size_t i = 0; i < TWINS; i++) {
        for (size_t cut = 0; cut <= sizeof in; cut += 64) {
            twins[i]->chacha20_xor(parts, in, cut, key, nonce, start);
            twins[i]->chacha20_xor(parts + cut, in + cut, sizeof in - cut, key, nonce,
                                   start + cut / 64);
            cr_assert_arr_eq(parts, all, sizeof all, "%s cut at %zu", twins[i]->name, cut);
        }
    }
}

Test(chacha20, ct_in_key_nonce_and_message)
{
    uint8_t key[32], nonce[8], in[CHACHA20_MAX], out[CHACHA20_MAX], again[CHACHA20_MAX];
    chacha20_fill(key, sizeof key);
    chacha20_fill(nonce, sizeof nonce);
    chacha20_fill(in, sizeof in);
    for (size_t i = 0; i < TWINS; i++) {
        twins[i]->chacha20_xor(again, in, sizeof in, key, nonce, 1);
        NCR_CT_SECRET(key, sizeof key);
        NCR_CT_SECRET(nonce, sizeof nonce);
        NCR_CT_SECRET(in, sizeof in);
        twins[i]->chacha20_xor(out, in, sizeof in, key, nonce, 1);
        NCR_CT_PUBLIC(out, sizeof out);
        NCR_CT_PUBLIC(key, sizeof key);
        NCR_CT_PUBLIC(nonce, sizeof nonce);
        NCR_CT_PUBLIC(in, sizeof in);
        cr_assert_arr_eq(out, again, sizeof out);
    }
}
