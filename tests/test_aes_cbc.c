/* SPDX-License-Identifier: ISC
 *
 * AES-CBC against SP 800-38A and OpenSSL: both ways, in every two-way split, in place and not, at
 * odd addresses, and what is left alone.
 */
#include "crypto/ct.h"
#include "tests/twins.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { AES_CBC_MAX = 1200 };

static void aes_cbc_fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)((i + seed) * (i + 7) >> 1 ^ seed);
    }
}

/* The message in two parts, each to where it is, or from elsewhere. */
static void aes_cbc_in_parts(const struct twin *t, uint8_t *out, const struct vec *v, bool encrypt,
                             size_t cut, bool in_place)
{
    struct nacre_aes_cbc c;
    size_t len, n;
    const uint8_t *key = vec_get(v, "key", &len), *iv = vec_fixed(v, "iv", 16);
    const uint8_t *in = vec_get(v, encrypt ? "plain" : "cipher", &n);
    cr_assert(t->aes_cbc_init(&c, key, len, iv));
    if (in_place) {
        memcpy(out, in, n);
        in = out;
    }
    if (encrypt) {
        t->aes_cbc_encrypt(out, &c, in, cut);
        t->aes_cbc_encrypt(out + cut, &c, in + cut, n - cut);
    } else {
        t->aes_cbc_decrypt(out, &c, in, cut);
        t->aes_cbc_decrypt(out + cut, &c, in + cut, n - cut);
    }
}

static void aes_cbc_check(const struct vec *v, const struct twin *t)
{
    uint8_t room[AES_CBC_MAX + 1], *out = room + 1;
    size_t n;
    vec_get(v, "plain", &n);
    cr_assert(n % 16 == 0 && n < AES_CBC_MAX);
    for (size_t cut = 0; cut <= n; cut += 16) {
        bool in_place = cut / 16 % 2 == 0;
        aes_cbc_in_parts(t, out, v, true, cut, in_place);
        vec_expect(v, "cipher", out, n);
        aes_cbc_in_parts(t, out, v, false, cut, in_place);
        vec_expect(v, "plain", out, n);
    }
}

static void aes_cbc_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        for (size_t i = 0; i < TWINS; i++) {
            aes_cbc_check(&v, twins[i]);
        }
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(aes_cbc, sp800_38a)
{
    aes_cbc_vectors("aes_cbc_sp800_38a.txt", 3);
}

Test(aes_cbc, openssl)
{
    aes_cbc_vectors("aes_cbc_openssl.txt", 15);
}

Test(aes_cbc, refuses_other_key_lengths)
{
    static const struct nacre_aes_cbc zero;
    uint8_t key[64] = {1}, iv[16] = {2};
    for (size_t n = 0; n <= sizeof key; n++) {
        struct nacre_aes_cbc c;
        memset(&c, 0xee, sizeof c);
        bool good = n == 16 || n == 24 || n == 32;
        cr_assert_eq(nacre_aes_cbc_init(&c, key, n, iv), good);
        cr_assert_eq(memcmp(&c, &zero, sizeof c) == 0, !good);
    }
}

/* Bytes after the last whole block are not touched, and the chain does not see them. */
Test(aes_cbc, a_rest_is_left_alone)
{
    uint8_t key[16], iv[16], in[80], out[80], whole[80];
    aes_cbc_fill(key, sizeof key, 1);
    aes_cbc_fill(iv, sizeof iv, 2);
    aes_cbc_fill(in, sizeof in, 3);
    for (size_t i = 0; i < 2 * TWINS; i++) {
        const struct twin *t = twins[i / 2];
        void (*crypt)(uint8_t *, struct nacre_aes_cbc *, const uint8_t *, size_t) =
            i % 2 == 0 ? t->aes_cbc_encrypt : t->aes_cbc_decrypt;
        struct nacre_aes_cbc c;
        cr_assert(t->aes_cbc_init(&c, key, sizeof key, iv));
        crypt(whole, &c, in, sizeof in);
        for (size_t n = 0; n < 64; n++) {
            size_t done = n / 16 * 16;
            memset(out, 0xee, sizeof out);
            cr_assert(t->aes_cbc_init(&c, key, sizeof key, iv));
            crypt(out, &c, in, n);
            cr_assert_arr_eq(out, whole, done);
            for (size_t at = done; at < sizeof out; at++) {
                cr_assert_eq(out[at], 0xee);
            }
            crypt(out + done, &c, in + done, 16);
            cr_assert_arr_eq(out, whole, done + 16);
        }
    }
}

Test(aes_cbc, ct_in_key_chain_and_message)
{
    uint8_t key[32], iv[16], in[640], out[640], again[640];
    aes_cbc_fill(key, sizeof key, 1);
    aes_cbc_fill(iv, sizeof iv, 2);
    aes_cbc_fill(again, sizeof again, 3);
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_aes_cbc c;
        memcpy(in, again, sizeof in);
        NCR_CT_SECRET(key, sizeof key);
        NCR_CT_SECRET(iv, sizeof iv);
        NCR_CT_SECRET(in, sizeof in);
        bool ok = twins[i]->aes_cbc_init(&c, key, sizeof key, iv);
        twins[i]->aes_cbc_encrypt(out, &c, in, sizeof in);
        ok = twins[i]->aes_cbc_init(&c, key, sizeof key, iv) && ok;
        twins[i]->aes_cbc_decrypt(out, &c, out, sizeof out);
        NCR_CT_PUBLIC(out, sizeof out);
        NCR_CT_PUBLIC(key, sizeof key);
        NCR_CT_PUBLIC(iv, sizeof iv);
        cr_assert(ok);
        cr_assert_arr_eq(out, again, sizeof out);
    }
}
