/* SPDX-License-Identifier: ISC
 *
 * SHA-3 and SHAKE against FIPS 202's examples and OpenSSL, their streaming in both directions
 * around every edge of words and blocks, and four streams side by side against one by one, in each
 * form that this CPU has.
 */
#include "crypto/keccak.h"
#include "crypto/cpu.h"
#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { KECCAK_OUT_MAX = 512, KECCAK_MSG_MAX = 1024 };

static const struct keccak_kind {
    const char *name;
    void (*init)(struct nacre_keccak *c);
    size_t rate, len; /* len 0: as much as is asked for */
} keccak_kinds[] = {
    {"sha3-256", nacre_sha3_256_init, 136, 32},
    {"sha3-512", nacre_sha3_512_init, 72, 64},
    {"shake128", nacre_shake128_init, NACRE_SHAKE128_RATE, 0},
    {"shake256", nacre_shake256_init, NACRE_SHAKE256_RATE, 0},
};

enum { KECCAK_KINDS = sizeof keccak_kinds / sizeof keccak_kinds[0] };

static void keccak_update(struct nacre_keccak *c, const struct keccak_kind *kind, const uint8_t *m,
                          size_t n)
{
    (kind->len > 0 ? nacre_sha3_update : nacre_shake_absorb)(c, m, n);
}

static void keccak_end(uint8_t *out, size_t len, struct nacre_keccak *c,
                       const struct keccak_kind *kind)
{
    if (kind->len > 0) {
        nacre_sha3_final(out, c);
    } else {
        nacre_shake_squeeze(out, c, len);
    }
}

static void keccak_digest(uint8_t *out, size_t len, const struct keccak_kind *kind,
                          const uint8_t *m, size_t n)
{
    struct nacre_keccak c;
    kind->init(&c);
    keccak_update(&c, kind, m, n);
    keccak_end(out, len, &c, kind);
}

/* The message of vectors/keccak_openssl.txt. */
static const uint8_t *keccak_message(void)
{
    static uint8_t m[KECCAK_MSG_MAX];
    for (size_t i = 0; i < sizeof m; i++) {
        m[i] = (uint8_t)(i * 131 + (i >> 8) * 7 + 5);
    }
    return m;
}

static void keccak_expect(const struct vec *v, const uint8_t *m, size_t n)
{
    for (size_t i = 0; i < KECCAK_KINDS; i++) {
        uint8_t out[KECCAK_OUT_MAX];
        size_t len;
        (void)vec_get(v, keccak_kinds[i].name, &len); /* for its length only */
        keccak_digest(out, len, &keccak_kinds[i], m, n);
        vec_expect(v, keccak_kinds[i].name, out, len);
    }
}

Test(keccak, fips202_examples)
{
    struct vec v;
    for (vec_open(&v, "keccak_fips202.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *m = vec_get(&v, "m", &n);
        keccak_expect(&v, m, n);
    }
    cr_assert_eq(v.records, 3);
    vec_close(&v);
}

/* One hash over the outputs for every length below a bound. */
static void keccak_expect_all(const struct vec *v, const uint8_t *m, size_t below)
{
    for (size_t i = 0; i < KECCAK_KINDS; i++) {
        const struct keccak_kind *kind = &keccak_kinds[i];
        size_t len = kind->len > 0 ? kind->len : 64;
        struct nacre_keccak all;
        uint8_t out[64];
        kind->init(&all);
        for (size_t n = 0; n < below; n++) {
            keccak_digest(out, len, kind, m, n);
            keccak_update(&all, kind, out, len);
        }
        keccak_end(out, len, &all, kind);
        vec_expect(v, kind->name, out, len);
    }
}

Test(keccak, every_length_as_openssl)
{
    struct vec v;
    for (vec_open(&v, "keccak_openssl.txt"); vec_next(&v);) {
        if (vec_has(&v, "below")) {
            keccak_expect_all(&v, keccak_message(), (size_t)vec_uint(&v, "below"));
        } else {
            keccak_expect(&v, keccak_message(), (size_t)vec_uint(&v, "n"));
        }
    }
    cr_assert_eq(v.records, 25);
    vec_close(&v);
}

/* Input in pieces of every size, and every split in two, gives the same. */
Test(keccak, absorbs_pieces_of_any_size)
{
    const uint8_t *m = keccak_message();
    const size_t n = 400;
    for (size_t i = 0; i < KECCAK_KINDS; i++) {
        const struct keccak_kind *kind = &keccak_kinds[i];
        uint8_t want[64], got[64];
        size_t len = kind->len > 0 ? kind->len : 64;
        keccak_digest(want, len, kind, m, n);
        for (size_t chunk = 1; chunk <= n; chunk++) {
            struct nacre_keccak c;
            kind->init(&c);
            for (size_t at = 0; at < n; at += chunk) {
                keccak_update(&c, kind, m + at, chunk < n - at ? chunk : n - at);
            }
            keccak_end(got, len, &c, kind);
            cr_assert_arr_eq(got, want, len, "%s in pieces of %zu", kind->name, chunk);
            kind->init(&c);
            keccak_update(&c, kind, m, chunk);
            keccak_update(&c, kind, NULL, 0);
            keccak_update(&c, kind, m + chunk, n - chunk);
            keccak_end(got, len, &c, kind);
            cr_assert_arr_eq(got, want, len, "%s split at %zu", kind->name, chunk);
        }
    }
}

/* Output in pieces of every size is the output in one. */
Test(keccak, squeezes_pieces_of_any_size)
{
    for (size_t i = 0; i < KECCAK_KINDS; i++) {
        const struct keccak_kind *kind = &keccak_kinds[i];
        uint8_t want[KECCAK_OUT_MAX], got[KECCAK_OUT_MAX];
        if (kind->len > 0) {
            continue;
        }
        keccak_digest(want, sizeof want, kind, keccak_message(), 33);
        for (size_t chunk = 1; chunk <= sizeof want; chunk++) {
            struct nacre_keccak c;
            kind->init(&c);
            nacre_shake_absorb(&c, keccak_message(), 33);
            for (size_t at = 0; at < sizeof got; at += chunk) {
                size_t left = sizeof got - at;
                nacre_shake_squeeze(got + at, &c, chunk < left ? chunk : left);
                nacre_shake_squeeze(NULL, &c, 0);
            }
            cr_assert_arr_eq(got, want, sizeof want, "%s in pieces of %zu", kind->name, chunk);
        }
    }
}

Test(keccak, final_wipes)
{
    static const struct nacre_keccak zero;
    for (size_t i = 0; i < 2; i++) {
        struct nacre_keccak c;
        uint8_t out[64];
        keccak_kinds[i].init(&c);
        nacre_sha3_update(&c, keccak_message(), 100);
        nacre_sha3_final(out, &c);
        cr_assert_arr_eq(&c, &zero, sizeof c);
    }
}

/* ---- Four streams ------------------------------------------------------------------------ */

static const uint32_t keccak_cpus[] = {NCR_CPU_ALL, NCR_CPU_AVX2, 0};

enum { KECCAK_CPUS = sizeof keccak_cpus / sizeof keccak_cpus[0] };

/* What stream i of ncr_keccak_x4_start gives, by one stream. */
static void keccak_single(uint8_t *out, size_t len, size_t rate, const uint8_t *seed, size_t n,
                          uint16_t tail, size_t tail_len)
{
    const uint8_t bytes[2] = {(uint8_t)tail, (uint8_t)(tail >> 8)};
    struct nacre_keccak c;
    (rate == NACRE_SHAKE128_RATE ? nacre_shake128_init : nacre_shake256_init)(&c);
    nacre_shake_absorb(&c, seed, n);
    nacre_shake_absorb(&c, bytes, tail_len);
    nacre_shake_squeeze(out, &c, len);
}

static void keccak_same_x4(size_t rate, size_t n, size_t tail_len)
{
    static const uint16_t tail[4] = {0x0201, 0xff00, 0x00ff, 0x8003};
    uint8_t got[4][KECCAK_MSG_MAX], want[KECCAK_MSG_MAX];
    struct ncr_keccak_x4 c;
    ncr_keccak_x4_start(&c, rate, keccak_message(), n, tail, tail_len);
    memset(got, 0xee, sizeof got);
    ncr_keccak_x4_squeeze(got[0], sizeof got[0], &c, 1);
    ncr_keccak_x4_squeeze(got[0] + rate, sizeof got[0], &c, 3);
    for (size_t i = 0; i < 4; i++) {
        keccak_single(want, 4 * rate, rate, keccak_message(), n, tail[i], tail_len);
        cr_assert_arr_eq(got[i], want, 4 * rate, "stream %zu, rate %zu, %zu bytes", i, rate, n);
        cr_assert_eq(got[i][4 * rate], 0xee);
    }
}

Test(keccak, four_streams_are_four_times_one)
{
    for (size_t f = 0; f < KECCAK_CPUS; f++) {
        ncr_cpu_restrict(keccak_cpus[f]);
        for (size_t tail_len = 1; tail_len <= 2; tail_len++) {
            for (size_t n = 0; n + tail_len < NACRE_SHAKE128_RATE; n++) {
                keccak_same_x4(NACRE_SHAKE128_RATE, n, tail_len);
                if (n + tail_len < NACRE_SHAKE256_RATE) {
                    keccak_same_x4(NACRE_SHAKE256_RATE, n, tail_len);
                }
            }
        }
    }
    ncr_cpu_restrict(NCR_CPU_ALL);
}

/* NACRE_TWIN_CALLS times, 20,000 unless told, a permutation of states that came from the last. */
static void keccak_long(uint32_t cpu)
{
    static const uint16_t tail[4] = {1, 2, 3, 4};
    static uint8_t got[4][10 * NACRE_SHAKE128_RATE], want[10 * NACRE_SHAKE128_RATE];
    const char *calls = getenv("NACRE_TWIN_CALLS");
    unsigned long n = calls != NULL ? strtoul(calls, NULL, 10) : 20000;
    struct ncr_keccak_x4 c;
    struct nacre_keccak one[4];
    if ((ncr_cpu() & cpu) != cpu) {
        cr_skip_test("not on this CPU");
    }
    ncr_cpu_restrict(cpu);
    ncr_keccak_x4_start(&c, NACRE_SHAKE128_RATE, NULL, 0, tail, 1);
    for (size_t i = 0; i < 4; i++) {
        const uint8_t byte = (uint8_t)tail[i];
        nacre_shake128_init(&one[i]);
        nacre_shake_absorb(&one[i], &byte, 1);
    }
    for (; n > 0; n = n > 10 ? n - 10 : 0) {
        ncr_keccak_x4_squeeze(got[0], sizeof got[0], &c, 10);
        for (size_t i = 0; i < 4; i++) {
            nacre_shake_squeeze(want, &one[i], sizeof want);
            cr_assert_arr_eq(got[i], want, sizeof want);
        }
    }
}

Test(keccak, twins_avx2)
{
    keccak_long(NCR_CPU_AVX2);
}

Test(keccak, twins_avx512)
{
    keccak_long(NCR_CPU_AVX2 | NCR_CPU_AVX512);
}

/* ---- Constant time ----------------------------------------------------------------------- */

Test(keccak, ct_in_message_and_output)
{
    for (size_t i = 0; i < KECCAK_KINDS; i++) {
        size_t len = keccak_kinds[i].len > 0 ? keccak_kinds[i].len : 300;
        uint8_t m[333], out[300], again[300];
        memcpy(m, keccak_message(), sizeof m);
        keccak_digest(again, len, &keccak_kinds[i], m, sizeof m);
        NCR_CT_SECRET(m, sizeof m);
        keccak_digest(out, len, &keccak_kinds[i], m, sizeof m);
        NCR_CT_PUBLIC(out, len);
        cr_assert_arr_eq(out, again, len);
    }
}

Test(keccak, ct_four_streams)
{
    static const uint16_t tail[4] = {1, 2, 3, 4};
    for (size_t f = 0; f < KECCAK_CPUS; f++) {
        uint8_t seed[32], out[4][NACRE_SHAKE256_RATE], want[NACRE_SHAKE256_RATE];
        struct ncr_keccak_x4 c;
        ncr_cpu_restrict(keccak_cpus[f]);
        memcpy(seed, keccak_message(), sizeof seed);
        keccak_single(want, sizeof want, NACRE_SHAKE256_RATE, seed, sizeof seed, 4, 1);
        NCR_CT_SECRET(seed, sizeof seed);
        ncr_keccak_x4_start(&c, NACRE_SHAKE256_RATE, seed, sizeof seed, tail, 1);
        ncr_keccak_x4_squeeze(out[0], sizeof out[0], &c, 1);
        NCR_CT_PUBLIC(out, sizeof out);
        cr_assert_arr_eq(out[3], want, sizeof want);
    }
    ncr_cpu_restrict(NCR_CPU_ALL);
}
