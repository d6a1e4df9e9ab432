/* SPDX-License-Identifier: ISC
 *
 * BLAKE2b against RFC 7693 and Python's values, its streaming, and its ranges.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static void digest(uint8_t *out, size_t out_len, const uint8_t *key, size_t key_len,
                   const uint8_t *m, size_t n)
{
    struct nacre_blake2b c;
    cr_assert(nacre_blake2b_init(&c, out_len, key, key_len));
    nacre_blake2b_update(&c, m, n);
    nacre_blake2b_final(out, &c);
}

static void run_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        size_t n, key_len, out_len;
        const uint8_t *m = vec_get(&v, "m", &n), *key = vec_get(&v, "key", &key_len);
        uint8_t out[NACRE_BLAKE2B_LEN_MAX];
        (void)vec_get(&v, "digest", &out_len);
        digest(out, out_len, key, key_len, m, n);
        vec_expect(&v, "digest", out, out_len);
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(blake2b, rfc7693_appendix_a)
{
    run_vectors("blake2b_rfc7693.txt", 1);
}

Test(blake2b, python)
{
    run_vectors("blake2b_python.txt", 100);
}

/* Appendix E: selftest_seq() */
static void sequence(uint8_t *out, size_t n, uint32_t seed)
{
    uint32_t a = 0xdead4bad * seed, b = 1;
    for (size_t i = 0; i < n; i++) {
        uint32_t t = a + b;
        a = b;
        b = t;
        out[i] = (uint8_t)(t >> 24);
    }
}

Test(blake2b, rfc7693_appendix_e)
{
    static const uint8_t expected[32] = {0xc2, 0x3a, 0x78, 0x00, 0xd9, 0x81, 0x23, 0xbd,
                                         0x10, 0xf5, 0x06, 0xc6, 0x1e, 0x29, 0xda, 0x56,
                                         0x03, 0xd7, 0x63, 0xb8, 0xbb, 0xad, 0x2e, 0x73,
                                         0x7f, 0x5e, 0x76, 0x5a, 0x7b, 0xcc, 0xd4, 0x75};
    static const size_t digests[] = {20, 32, 48, 64}, inputs[] = {0, 3, 128, 129, 255, 1024};
    struct nacre_blake2b all;
    uint8_t in[1024], md[64], key[64];
    cr_assert(nacre_blake2b_init(&all, 32, NULL, 0));
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 6; j++) {
            sequence(in, inputs[j], (uint32_t)inputs[j]);
            digest(md, digests[i], NULL, 0, in, inputs[j]);
            nacre_blake2b_update(&all, md, digests[i]);
            sequence(key, digests[i], (uint32_t)digests[i]);
            digest(md, digests[i], key, digests[i], in, inputs[j]);
            nacre_blake2b_update(&all, md, digests[i]);
        }
    }
    nacre_blake2b_final(md, &all);
    cr_assert_arr_eq(md, expected, sizeof expected);
}

/* Every length over two blocks, in two parts at every place, with a key and without. */
Test(blake2b, every_split)
{
    static uint8_t m[2 * 128 + 2];
    sequence(m, sizeof m, 5);
    for (size_t key_len = 0; key_len <= 64; key_len += 64) {
        for (size_t n = 0; n <= sizeof m; n++) {
            uint8_t whole[64], parts[64];
            digest(whole, 64, m, key_len, m, n);
            for (size_t cut = 0; cut <= n; cut++) {
                struct nacre_blake2b c;
                cr_assert(nacre_blake2b_init(&c, 64, m, key_len));
                nacre_blake2b_update(&c, m, cut);
                nacre_blake2b_update(&c, m + cut, n - cut);
                nacre_blake2b_final(parts, &c);
                cr_assert_arr_eq(whole, parts, sizeof parts, "%zu bytes cut at %zu", n, cut);
            }
        }
    }
}

Test(blake2b, ranges)
{
    static const uint8_t zero[sizeof(struct nacre_blake2b)];
    uint8_t key[65] = {0};
    struct nacre_blake2b c;
    memset(&c, 1, sizeof c);
    cr_assert_not(nacre_blake2b_init(&c, 0, NULL, 0));
    cr_assert_arr_eq(&c, zero, sizeof c);
    cr_assert_not(nacre_blake2b_init(&c, 65, NULL, 0));
    cr_assert_not(nacre_blake2b_init(&c, 32, key, 65));
}

Test(blake2b, ct_key_and_message)
{
    uint8_t key[32] = {1}, m[300] = {2}, out[64];
    NCR_CT_SECRET(key, sizeof key);
    NCR_CT_SECRET(m, sizeof m);
    digest(out, sizeof out, key, sizeof key, m, sizeof m);
    NCR_CT_PUBLIC(out, sizeof out);
    cr_assert(out[0] != out[1] || out[1] != out[2] || out[2] != out[3]);
}
