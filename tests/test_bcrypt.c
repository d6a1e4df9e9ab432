/* SPDX-License-Identifier: ISC
 *
 * Blowfish and bcrypt_pbkdf against OpenSSL's and OpenBSD's values, the tables against pi itself,
 * and what bcrypt_pbkdf refuses.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/blowfish.h"
#include "crypto/load.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* ---- Blowfish ---------------------------------------------------------------------------- */

Test(blowfish, openssl)
{
    struct vec v;
    for (vec_open(&v, "blowfish_openssl.txt"); vec_next(&v);) {
        static struct ncr_blowfish c;
        size_t n;
        const uint8_t *key = vec_get(&v, "key", &n), *block = vec_fixed(&v, "block", 8);
        uint32_t words[NCR_BLOWFISH_P] = {0}, l = ncr_load32be(block), r = ncr_load32be(block + 4);
        uint8_t out[8];
        for (size_t i = 0; i < 4 * NCR_BLOWFISH_P; i++) {
            words[i / 4] = words[i / 4] << 8 | key[i % n];
        }
        ncr_blowfish_init(&c);
        ncr_blowfish_expand_vartime(&c, words);
        ncr_blowfish_encrypt_vartime(&c, &l, &r);
        ncr_store32be(out, l);
        ncr_store32be(out + 4, r);
        vec_expect(&v, "out", out, sizeof out);
    }
    cr_assert_geq(v.records, 57);
    vec_close(&v);
}

/* Two states side by side are the two states. */
Test(blowfish, side_by_side)
{
    static struct ncr_blowfish one[2], two[2];
    uint32_t key[2][NCR_BLOWFISH_P], salt[2][NCR_BLOWFISH_SALT] = {{0}};
    for (uint32_t i = 0; i < 2 * NCR_BLOWFISH_P; i++) {
        key[i / NCR_BLOWFISH_P][i % NCR_BLOWFISH_P] = i * 0x9e3779b9;
    }
    for (int k = 0; k < 2; k++) {
        ncr_blowfish_init(one + k);
        ncr_blowfish_init(two + k);
        ncr_blowfish_expand_vartime(one + k, key[k]);
    }
    ncr_blowfish_expand2_vartime(two, key[0], key[1]);
    cr_assert_arr_eq(one, two, sizeof one);
    /* A salt of zeros is none. */
    for (int k = 0; k < 2; k++) {
        ncr_blowfish_expand_vartime(one + k, key[1 - k]);
    }
    ncr_blowfish_expand2_salted_vartime(two, key[1], key[0], salt[0], salt[1]);
    cr_assert_arr_eq(one, two, sizeof one);
}

/* pi = 16 atan(1/5) - 4 atan(1/239) with fractions of PI_WORDS words, two of them to spare: the
 * errors of 7,000 truncated terms stay far below one word. */
enum { PI_WORDS = NCR_BLOWFISH_WORDS + 3 };

struct pi_number {
    uint32_t w[PI_WORDS]; /* the integer part, then the fraction, most significant first */
};

static void pi_divide(struct pi_number *x, uint32_t by)
{
    uint64_t rest = 0;
    for (size_t i = 0; i < PI_WORDS; i++) {
        rest = rest << 32 | x->w[i];
        x->w[i] = (uint32_t)(rest / by);
        rest %= by;
    }
}

/* x += y, or x -= y. */
static void pi_add(struct pi_number *x, const struct pi_number *y, bool minus)
{
    uint64_t carry = minus;
    for (size_t i = PI_WORDS; i-- > 0;) {
        carry += (uint64_t)x->w[i] + (minus ? ~y->w[i] : y->w[i]);
        x->w[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* sum += or -= times * atan(1/x), by its series. */
static void pi_add_atan(struct pi_number *sum, uint32_t times, uint32_t x, bool minus)
{
    static const struct pi_number zero;
    struct pi_number power = {{times}};
    pi_divide(&power, x);
    for (uint32_t n = 1; memcmp(&power, &zero, sizeof zero) != 0; n += 2) {
        struct pi_number term = power;
        pi_divide(&term, n);
        pi_add(sum, &term, minus != (n % 4 == 3));
        pi_divide(&power, x * x);
    }
}

Test(blowfish, tables_are_pi)
{
    struct pi_number *pi = calloc(1, sizeof *pi);
    static struct ncr_blowfish c;
    pi_add_atan(pi, 16, 5, false);
    pi_add_atan(pi, 4, 239, true);
    cr_assert_eq(pi->w[0], 3);
    ncr_blowfish_init(&c);
    for (size_t i = 0; i < NCR_BLOWFISH_WORDS; i++) {
        cr_assert_eq(c.w[i], pi->w[1 + i], "word %zu", i);
    }
    free(pi);
}

/* ---- bcrypt_pbkdf ------------------------------------------------------------------------ */

static uint64_t bcrypt_work[NACRE_BCRYPT_WORK];

static void bcrypt_vectors(const char *file, unsigned at_least)
{
    static const uint64_t zero[NACRE_BCRYPT_WORK];
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        uint8_t out[NACRE_BCRYPT_OUT_MAX + 1];
        size_t pass_len, salt_len, n;
        const uint8_t *pass = vec_get(&v, "pass", &pass_len),
                      *salt = vec_get(&v, "salt", &salt_len);
        (void)vec_get(&v, "out", &n); /* for its length */
        cr_assert_leq(n, NACRE_BCRYPT_OUT_MAX);
        memset(out, 0xa5, sizeof out);
        cr_assert(nacre_bcrypt_pbkdf(out, n, pass, pass_len, salt, salt_len,
                                     (uint32_t)vec_uint(&v, "rounds"), bcrypt_work));
        vec_expect(&v, "out", out, n);
        cr_assert_eq(out[n], 0xa5);
        cr_assert_arr_eq(bcrypt_work, zero, sizeof zero, "work is wiped");
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(bcrypt, openbsd)
{
    bcrypt_vectors("bcrypt_pbkdf_openbsd.txt", 15);
}

Test(bcrypt, longest_outputs)
{
    bcrypt_vectors("bcrypt_pbkdf_python.txt", 3);
}

Test(bcrypt, refuses)
{
    static const uint8_t zero[NACRE_BCRYPT_OUT_MAX + 1];
    static const struct {
        size_t n, pass, salt;
        uint32_t rounds;
    } bad[] = {{0, 1, 1, 1},
               {NACRE_BCRYPT_OUT_MAX + 1, 1, 1, 1},
               {32, 0, 1, 1},
               {32, 1, 0, 1},
               {32, 1, 1, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[NACRE_BCRYPT_OUT_MAX + 1];
        memset(out, 0xa5, sizeof out);
        cr_assert(!nacre_bcrypt_pbkdf(out, bad[i].n, zero, bad[i].pass, zero, bad[i].salt,
                                      bad[i].rounds, bcrypt_work));
        cr_assert_arr_eq(out, zero, bad[i].n);
        cr_assert_eq(out[bad[i].n == sizeof out ? 0 : bad[i].n], bad[i].n == sizeof out ? 0 : 0xa5);
    }
}
