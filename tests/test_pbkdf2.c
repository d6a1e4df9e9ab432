/* SPDX-License-Identifier: ISC
 *
 * PBKDF2 against RFC 6070, RFC 7914 and OpenSSL, and the old PEM files' derivation against OpenSSL.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { PBKDF2_MAX = 5000 };

static const struct nacre_hash *const pbkdf2_rows[] = {&nacre_hash_sha1, &nacre_hash_sha256,
                                                       &nacre_hash_sha384, &nacre_hash_sha512};

static void pbkdf2_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    unsigned done = 0;
    for (vec_open(&v, file); vec_next(&v);) {
        size_t pass_len, salt_len, n;
        const uint8_t *pass = vec_get(&v, "pass", &pass_len),
                      *salt = vec_get(&v, "salt", &salt_len);
        for (size_t i = 0; i < sizeof pbkdf2_rows / sizeof *pbkdf2_rows; i++) {
            static uint8_t out[PBKDF2_MAX + 1];
            if (!vec_has(&v, pbkdf2_rows[i]->name)) {
                continue;
            }
            (void)vec_get(&v, pbkdf2_rows[i]->name, &n); /* for its length */
            cr_assert_leq(n, PBKDF2_MAX);
            memset(out, 0xa5, sizeof out);
            cr_assert(nacre_pbkdf2(out, n, pbkdf2_rows[i], pass, pass_len, salt, salt_len,
                                   (uint32_t)vec_uint(&v, "iterations")));
            vec_expect(&v, pbkdf2_rows[i]->name, out, n);
            cr_assert_eq(out[n], 0xa5);
            done++;
        }
    }
    cr_assert_geq(done, at_least);
    vec_close(&v);
}

Test(pbkdf2, rfc6070)
{
    pbkdf2_vectors("pbkdf2_rfc6070.txt", 5);
}

Test(pbkdf2, rfc7914)
{
    pbkdf2_vectors("pbkdf2_rfc7914.txt", 2);
}

Test(pbkdf2, edges)
{
    pbkdf2_vectors("pbkdf2_openssl.txt", 36);
}

/* A shorter output is the start of a longer one. */
Test(pbkdf2, every_length)
{
    static const uint8_t in[] = "salt";
    uint8_t whole[150], part[151];
    cr_assert(nacre_pbkdf2(whole, sizeof whole, &nacre_hash_sha1, in, 4, in, 4, 2));
    for (size_t n = 1; n <= sizeof whole; n++) {
        memset(part, 0xa5, sizeof part);
        cr_assert(nacre_pbkdf2(part, n, &nacre_hash_sha1, in, 4, in, 4, 2));
        cr_assert_arr_eq(part, whole, n);
        cr_assert_eq(part[n], 0xa5);
    }
}

Test(pbkdf2, refuses)
{
    static const uint8_t in[1];
    uint8_t out[2] = {1, 1};
    cr_assert(!nacre_pbkdf2(out, 1, &nacre_hash_sha256, in, 1, in, 1, 0));
    cr_assert(out[0] == 0 && out[1] == 1);
    cr_assert(!nacre_pbkdf2(out + 1, 0, &nacre_hash_sha256, in, 1, in, 1, 1));
    cr_assert_eq(out[1], 1);
}

Test(pbkdf2, ct_in_passphrase_and_salt)
{
    uint8_t pass[70], salt[16], out[100], again[100];
    memset(pass, 'p', sizeof pass);
    memset(salt, 's', sizeof salt);
    for (size_t i = 0; i < sizeof pbkdf2_rows / sizeof *pbkdf2_rows; i++) {
        cr_assert(nacre_pbkdf2(again, sizeof again, pbkdf2_rows[i], pass, sizeof pass, salt,
                               sizeof salt, 3));
        NCR_CT_SECRET(pass, sizeof pass);
        NCR_CT_SECRET(salt, sizeof salt);
        cr_assert(
            nacre_pbkdf2(out, sizeof out, pbkdf2_rows[i], pass, sizeof pass, salt, sizeof salt, 3));
        NCR_CT_PUBLIC(out, sizeof out);
        NCR_CT_PUBLIC(pass, sizeof pass);
        NCR_CT_PUBLIC(salt, sizeof salt);
        cr_assert_arr_eq(out, again, sizeof out);
    }
}

/* ---- Old PEM files ----------------------------------------------------------------------- */

Test(pem_kdf, openssl)
{
    struct vec v;
    for (vec_open(&v, "pem_kdf_openssl.txt"); vec_next(&v);) {
        size_t pass_len, n;
        const uint8_t *pass = vec_get(&v, "pass", &pass_len), *salt = vec_fixed(&v, "salt", 8);
        uint8_t out[65], *want = vec_get(&v, "out", &n);
        cr_assert_eq(n, 48);
        for (n = 0; n <= 48; n++) {
            memset(out, 0xa5, sizeof out);
            nacre_pem_kdf(out, n, pass, pass_len, salt);
            cr_assert_arr_eq(out, want, n);
            cr_assert_eq(out[n], 0xa5);
        }
    }
    cr_assert_geq(v.records, 4);
    vec_close(&v);
}

Test(pem_kdf, ct_in_passphrase)
{
    static const uint8_t salt[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t want[4] = {0xc9, 0xe5, 0xa1, 0xbd};
    uint8_t pass[6] = {'s', 'e', 'c', 'r', 'e', 't'}, out[32];
    NCR_CT_SECRET(pass, sizeof pass);
    nacre_pem_kdf(out, sizeof out, pass, sizeof pass, salt);
    NCR_CT_PUBLIC(out, sizeof out);
    cr_assert_arr_eq(out, want, sizeof want);
}
