/* SPDX-License-Identifier: ISC
 *
 * Argon2 against RFC 9106 and the reference implementation, its ranges, and what it leaves behind.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define TAG_MAX 256
static uint64_t work[NACRE_ARGON2_WORK];

static void run_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        struct nacre_argon2 a = {.type = (enum nacre_argon2_type)vec_uint(&v, "type"),
                                 .passes = (uint32_t)vec_uint(&v, "passes"),
                                 .kib = (uint32_t)vec_uint(&v, "kib"),
                                 .lanes = (uint32_t)vec_uint(&v, "lanes")};
        uint8_t tag[TAG_MAX], *mem;
        size_t n;
        a.pass = vec_get(&v, "pass", &a.pass_len);
        a.salt = vec_get(&v, "salt", &a.salt_len);
        a.secret = vec_get(&v, "secret", &a.secret_len);
        a.data = vec_get(&v, "data", &a.data_len);
        (void)vec_get(&v, "tag", &n);
        mem = malloc((size_t)a.kib * 1024 + 1);
        cr_assert(mem != NULL);
        cr_assert(nacre_argon2(tag, n, &a, mem, (size_t)a.kib * 1024, work));
        vec_expect(&v, "tag", tag, n);
        cr_assert(nacre_argon2(tag, n, &a, mem + 1, (size_t)a.kib * 1024, work), "unaligned");
        vec_expect(&v, "tag", tag, n);
        free(mem);
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(argon2, rfc9106_section_5)
{
    run_vectors("argon2_rfc9106.txt", 3);
}

Test(argon2, reference_implementation)
{
    run_vectors("argon2_reference.txt", 36);
}

static struct nacre_argon2 small(enum nacre_argon2_type type)
{
    static uint8_t pass[8], salt[8];
    struct nacre_argon2 a = {.type = type,
                             .passes = 1,
                             .kib = 8,
                             .lanes = 1,
                             .pass = pass,
                             .salt = salt,
                             .pass_len = sizeof pass,
                             .salt_len = sizeof salt};
    return a;
}

Test(argon2, ranges)
{
    static uint8_t mem[8 * 1024];
    static const uint8_t zero[32];
    const struct nacre_argon2 good = small(NACRE_ARGON2_ID);
    struct nacre_argon2 bad[8];
    uint8_t tag[32];
    cr_assert(nacre_argon2(tag, 32, &good, mem, sizeof mem, work));
    for (size_t i = 0; i < 8; i++) {
        bad[i] = good;
    }
    bad[0].passes = 0;
    bad[1].lanes = 0;
    bad[2].lanes = 2; /* 8 KiB each */
    bad[3].kib = 7;
    bad[4].kib = 9; /* more than there is */
    bad[5].salt_len = 7;
    bad[6].type = (enum nacre_argon2_type)3;
    bad[7].lanes = 1u << 24;
    for (size_t i = 0; i < 8; i++) {
        memset(tag, 1, sizeof tag);
        cr_assert_not(nacre_argon2(tag, 32, &bad[i], mem, sizeof mem, work), "%zu", i);
        cr_assert_arr_eq(tag, zero, sizeof tag);
    }
    cr_assert_not(nacre_argon2(tag, 3, &good, mem, sizeof mem, work));
}

Test(argon2, wipes_its_memory)
{
    static uint8_t mem[17 * 1024];
    struct nacre_argon2 a = small(NACRE_ARGON2_D);
    uint8_t tag[32];
    a.kib = 17;
    cr_assert(nacre_argon2(tag, 32, &a, mem, sizeof mem, work));
    for (size_t i = 0; i < sizeof mem; i++) {
        cr_assert_eq(mem[i], 0);
    }
    for (size_t i = 0; i < NACRE_ARGON2_WORK; i++) {
        cr_assert_eq(work[i], 0);
    }
}

Test(argon2, ct_pass_of_argon2i)
{
    static uint8_t mem[40 * 1024];
    struct nacre_argon2 a = small(NACRE_ARGON2_I);
    uint8_t pass[16] = {7}, secret[8] = {1}, tag[80];
    NCR_CT_SECRET(pass, sizeof pass);
    NCR_CT_SECRET(secret, sizeof secret);
    a.pass = pass;
    a.pass_len = sizeof pass;
    a.secret = secret;
    a.secret_len = sizeof secret;
    a.kib = 40;
    a.passes = 2;
    a.lanes = 2;
    cr_assert(nacre_argon2(tag, sizeof tag, &a, mem, sizeof mem, work));
    NCR_CT_PUBLIC(tag, sizeof tag);
    cr_assert(tag[0] != tag[1] || tag[1] != tag[2] || tag[2] != tag[3]);
}
