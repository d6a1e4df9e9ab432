/* SPDX-License-Identifier: ISC
 *
 * scrypt against RFC 7914 and Python's values, and its ranges.
 */
#include "crypto/scrypt.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void run_vectors(const char *file, unsigned records)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        struct ncr_scrypt s = {.n = (uint32_t)vec_uint(&v, "n"),
                               .r = (uint32_t)vec_uint(&v, "r"),
                               .p = (uint32_t)vec_uint(&v, "p")};
        uint8_t out[128], *mem;
        size_t n, need = ncr_scrypt_memory(&s, SIZE_MAX);
        s.pass = vec_get(&v, "pass", &s.pass_len);
        s.salt = vec_get(&v, "salt", &s.salt_len);
        (void)vec_get(&v, "key", &n);
        mem = malloc(need + 1);
        cr_assert(mem != NULL);
        cr_assert(ncr_scrypt(out, n, &s, mem + 1, need)); /* unaligned */
        vec_expect(&v, "key", out, n);
        for (size_t i = 1; i <= need; i++) {
            cr_assert_eq(mem[i], 0);
        }
        cr_assert_not(ncr_scrypt(out, n, &s, mem, need - 1));
        free(mem);
    }
    cr_assert_eq(v.records, records);
    vec_close(&v);
}

Test(scrypt, rfc7914_section_12)
{
    run_vectors("scrypt_rfc7914.txt", 3);
}

Test(scrypt, python)
{
    run_vectors("scrypt_python.txt", 6);
}

Test(scrypt, ranges)
{
    static const struct {
        uint32_t n, r, p;
    } bad[] = {{0, 1, 1}, {1, 1, 1}, {3, 1, 1},         {2, 0, 1},
               {2, 1, 0}, {6, 1, 1}, {2, 32768, 32769}, {2, 0xffffffff, 1}};
    struct ncr_scrypt s = {.n = 0x80000000, .r = 8, .p = 1};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        s.n = bad[i].n;
        s.r = bad[i].r;
        s.p = bad[i].p;
        cr_assert_eq(ncr_scrypt_memory(&s, SIZE_MAX), 0, "%zu", i);
    }
    s.n = 16;
    s.r = 2;
    s.p = 3;
    cr_assert_eq(ncr_scrypt_memory(&s, SIZE_MAX), 128u * 2 * (16 + 3 + 1));
    cr_assert_eq(ncr_scrypt_memory(&s, 128 * 2 * (16 + 3 + 1) - 1), 0);
}
