/* SPDX-License-Identifier: ISC
 *
 * Arithmetic modulo the order of the base point against values computed with Python integers.
 */
#include "crypto/sc25519.h"
#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static void sc25519_test_expect(const struct vec *v, const char *key, uint8_t r[32])
{
    NCR_CT_PUBLIC(r, 32);
    vec_expect(v, key, r, 32);
}

static void sc25519_test_reduce(const struct vec *v)
{
    uint8_t r[32], x[64];
    memcpy(x, vec_fixed(v, "wide", 64), 64);
    NCR_CT_SECRET(x, 64);
    ncr_sc25519_reduce(r, x);
    sc25519_test_expect(v, "reduced", r);
    ncr_sc25519_reduce(x, x);
    sc25519_test_expect(v, "reduced", x);
}

static void sc25519_test_muladd(const struct vec *v)
{
    static const char *const key[3] = {"a", "b", "c"};
    /* r apart, then in the place of each operand */
    for (int place = 0; place < 4; place++) {
        uint8_t x[4][32];
        for (int i = 0; i < 3; i++) {
            memcpy(x[i], vec_fixed(v, key[i], 32), 32);
            NCR_CT_SECRET(x[i], 32);
        }
        ncr_sc25519_muladd(x[(place + 3) % 4], x[0], x[1], x[2]);
        sc25519_test_expect(v, "result", x[(place + 3) % 4]);
    }
}

Test(sc25519, edges)
{
    struct vec v;
    for (vec_open(&v, "sc25519_edge.txt"); vec_next(&v);) {
        if (vec_has(&v, "wide")) {
            sc25519_test_reduce(&v);
        } else if (vec_has(&v, "scalar")) {
            bool canonical = vec_uint(&v, "canonical") != 0;
            const uint8_t *s = vec_fixed(&v, "scalar", 32);
            cr_assert_eq(ncr_sc25519_canonical_vartime(s), canonical, "line %u", v.line);
        } else {
            sc25519_test_muladd(&v);
        }
    }
    vec_close(&v);
}
