/* SPDX-License-Identifier: ISC
 *
 * Triple DES in CBC mode against SP 800-20 (every entry of every S-box) and OpenSSL: both ways, in
 * every two-way split, in place and not, at odd addresses, and what is left alone.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

#ifndef NACRE_NO_LEGACY
enum { DES_MAX = 600 };

static void des_fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)((i + seed) * (i + 7) >> 1 ^ seed);
    }
}

/* The message in two parts, each to where it is, or from elsewhere. */
static void des_in_parts(uint8_t *out, const struct vec *v, bool encrypt, size_t cut, bool in_place)
{
    struct nacre_des3_cbc c;
    size_t n;
    const uint8_t *in = vec_get(v, encrypt ? "plain" : "cipher", &n);
    nacre_des3_cbc_init(&c, vec_fixed(v, "key", 24), vec_fixed(v, "iv", 8));
    if (in_place) {
        memcpy(out, in, n);
        in = out;
    }
    if (encrypt) {
        nacre_des3_cbc_encrypt(out, &c, in, cut);
        nacre_des3_cbc_encrypt(out + cut, &c, in + cut, n - cut);
    } else {
        nacre_des3_cbc_decrypt(out, &c, in, cut);
        nacre_des3_cbc_decrypt(out + cut, &c, in + cut, n - cut);
    }
}

static void des_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        uint8_t room[DES_MAX + 1], *out = room + 1;
        size_t n;
        vec_get(&v, "plain", &n);
        cr_assert(n % 8 == 0 && n < DES_MAX);
        for (size_t cut = 0; cut <= n; cut += 8) {
            des_in_parts(out, &v, true, cut, cut / 8 % 2 == 0);
            vec_expect(&v, "cipher", out, n);
            des_in_parts(out, &v, false, cut, cut / 8 % 2 == 0);
            vec_expect(&v, "plain", out, n);
        }
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(des, every_s_box_entry)
{
    des_vectors("des_sp800_20.txt", 19);
}

Test(des, cbc)
{
    des_vectors("des3_cbc_openssl.txt", 16);
}

/* Bytes after the last whole block are not touched, and the chain does not see them. */
Test(des, a_rest_is_left_alone)
{
    uint8_t key[24], iv[8], in[48], out[48], whole[48];
    des_fill(key, sizeof key, 1);
    des_fill(iv, sizeof iv, 2);
    des_fill(in, sizeof in, 3);
    for (int decrypt = 0; decrypt < 2; decrypt++) {
        void (*crypt)(uint8_t *, struct nacre_des3_cbc *, const uint8_t *, size_t) =
            decrypt ? nacre_des3_cbc_decrypt : nacre_des3_cbc_encrypt;
        struct nacre_des3_cbc c;
        nacre_des3_cbc_init(&c, key, iv);
        crypt(whole, &c, in, sizeof in);
        for (size_t n = 0; n < 40; n++) {
            size_t done = n / 8 * 8;
            memset(out, 0xee, sizeof out);
            nacre_des3_cbc_init(&c, key, iv);
            crypt(out, &c, in, n);
            cr_assert_arr_eq(out, whole, done);
            for (size_t at = done; at < sizeof out; at++) {
                cr_assert_eq(out[at], 0xee);
            }
            crypt(out + done, &c, in + done, 8);
            cr_assert_arr_eq(out, whole, done + 8);
        }
    }
}

/* Every bit of the key but the parity bits changes the ciphertext. */
Test(des, every_key_bit_counts)
{
    uint8_t key[24], iv[8] = {0}, in[8] = {0}, out[8], other[8];
    struct nacre_des3_cbc c;
    des_fill(key, sizeof key, 5);
    nacre_des3_cbc_init(&c, key, iv);
    nacre_des3_cbc_encrypt(out, &c, in, sizeof in);
    for (size_t bit = 0; bit < 8 * sizeof key; bit++) {
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        nacre_des3_cbc_init(&c, key, iv);
        nacre_des3_cbc_encrypt(other, &c, in, sizeof in);
        cr_assert_eq(memcmp(out, other, sizeof out) == 0, bit % 8 == 0, "bit %zu", bit);
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(des, ct_in_key_chain_and_message)
{
    uint8_t key[24], iv[8], in[80], again[80];
    struct nacre_des3_cbc c;
    des_fill(key, sizeof key, 1);
    des_fill(iv, sizeof iv, 2);
    des_fill(again, sizeof again, 3);
    memcpy(in, again, sizeof in);
    NCR_CT_SECRET(key, sizeof key);
    NCR_CT_SECRET(iv, sizeof iv);
    NCR_CT_SECRET(in, sizeof in);
    nacre_des3_cbc_init(&c, key, iv);
    nacre_des3_cbc_encrypt(in, &c, in, sizeof in);
    nacre_des3_cbc_init(&c, key, iv);
    nacre_des3_cbc_decrypt(in, &c, in, sizeof in);
    NCR_CT_PUBLIC(in, sizeof in);
    cr_assert_arr_eq(in, again, sizeof in);
}
#endif
