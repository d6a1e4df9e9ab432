/* SPDX-License-Identifier: ISC
 *
 * The steps of ML-KEM one by one, which the outside does not reach: the source is part of this
 * test, and what it defines is not taken from the library. Reductions of every number, compression
 * of every residue against FIPS 203's rule, the transform and its products against multiplication
 * as in school, the bounds that the comments claim, and the twins against the portable code.
 * NACRE_TWIN_CALLS is the number of calls per twin, 20,000 unless told.
 */
#include "crypto/mlkem.c"
#include "crypto/mlkem_ntt.c"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint64_t steps_seed = 0x9e3779b97f4a7c15;

/* Marsaglia's xorshift64. */
static uint64_t steps_random(void)
{
    steps_seed ^= steps_seed << 13;
    steps_seed ^= steps_seed >> 7;
    steps_seed ^= steps_seed << 17;
    return steps_seed;
}

/* A number of at most that magnitude, both ends often. */
static int16_t steps_number(int32_t most)
{
    uint64_t r = steps_random() >> 20;
    switch (r % 8) {
    case 0:
        return (int16_t)most;
    case 1:
        return (int16_t)-most;
    default:
        return (int16_t)((int32_t)((r >> 3) % (uint64_t)(2 * most + 1)) - most);
    }
}

static void steps_fill(int16_t *p, size_t n, int32_t most)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = steps_number(most);
    }
}

static int32_t steps_most(const int16_t *p, size_t n)
{
    int32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        most = p[i] > most ? p[i] : -p[i] > most ? -p[i] : most;
    }
    return most;
}

/* In 0..q-1. */
static int32_t steps_mod(int64_t x)
{
    return (int32_t)((x % MLKEM_Q + MLKEM_Q) % MLKEM_Q);
}

/* ---- Numbers ----------------------------------------------------------------------------- */

Test(mlkem_steps, reductions_of_every_number)
{
    for (int32_t x = INT16_MIN; x <= INT16_MAX; x++) {
        int16_t r = mlkem_reduce((int16_t)x);
        cr_assert(r >= -MLKEM_Q / 2 && r <= MLKEM_Q / 2 && steps_mod(r) == steps_mod(x), "%d", x);
        if (x >= -3 * MLKEM_Q) {
            cr_assert_eq((int32_t)mlkem_canonical((int16_t)x), steps_mod(x), "%d", x);
        }
    }
}

/* R redc(x) = x mod q, and the bound, up to what is allowed. */
Test(mlkem_steps, montgomery)
{
    const int32_t most = MLKEM_Q * 32768;
    for (int32_t i = 0; i < 1000000; i++) {
        int32_t x = i < 1000   ? most - 1 - i
                    : i < 2000 ? i - 1000 - most + 1
                               : (int32_t)(steps_random() >> 32) % most;
        int16_t r = mlkem_redc(x);
        cr_assert_eq(steps_mod((int64_t)r * 65536), steps_mod(x), "%d", x);
        cr_assert_leq(abs(r), abs(x) / 65536 + MLKEM_Q / 2 + 1, "%d", x);
    }
}

/* Round(2^d/q x) mod 2^d and Round(q/2^d y), halves upwards, equations 4.7 and 4.8. */
Test(mlkem_steps, compression_of_every_residue)
{
    static const unsigned d[] = {1, 4, 5, 10, 11};
    for (size_t i = 0; i < sizeof d / sizeof d[0]; i++) {
        uint32_t two = 1U << d[i];
        for (uint32_t x = 0; x < MLKEM_Q; x++) {
            uint32_t want = (2 * two * x + MLKEM_Q) / (2 * MLKEM_Q) % two;
            cr_assert_eq(mlkem_compress(x, d[i]), want, "%u of %u bits", x, d[i]);
        }
        for (uint32_t y = 0; y < two; y++) {
            uint32_t want = (2 * MLKEM_Q * y + two) / (2 * two);
            cr_assert_eq(mlkem_decompress(y, d[i]), (int16_t)want, "%u of %u bits", y, d[i]);
        }
    }
}

/* Algorithms 5 and 6, bit by bit. */
Test(mlkem_steps, encoding_is_bit_by_bit)
{
    static const unsigned d[] = {1, 4, 5, 10, 11, 12};
    for (size_t i = 0; i < sizeof d / sizeof d[0]; i++) {
        int16_t p[MLKEM_N], back[MLKEM_N];
        uint8_t bytes[32 * 12], want[32 * 12] = {0};
        for (unsigned n = 0; n < MLKEM_N; n++) {
            uint32_t y = (uint32_t)(steps_random() >> 40) & ((1U << d[i]) - 1);
            y = d[i] == 12 ? y % MLKEM_Q : y;
            p[n] = d[i] == 12 ? (int16_t)y : mlkem_decompress(y, d[i]);
            for (unsigned bit = n * d[i]; y != 0; y >>= 1, bit++) {
                want[bit / 8] |= (uint8_t)((y & 1) << bit % 8);
            }
        }
        memset(bytes, 0xee, sizeof bytes);
        mlkem_encode(bytes, p, d[i]);
        cr_assert_arr_eq(bytes, want, 32 * d[i], "%u bits", d[i]);
        mlkem_decode(back, bytes, d[i]);
        cr_assert_arr_eq(back, p, sizeof p, "%u bits", d[i]);
    }
}

/* Algorithm 8 bit by bit. */
Test(mlkem_steps, binomial_is_bits_less_bits)
{
    uint8_t in[128];
    int16_t p[MLKEM_N];
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i < 16 ? 17 * i : steps_random() >> 50);
    }
    mlkem_binomial(p, in);
    for (unsigned i = 0; i < MLKEM_N; i++) {
        int32_t want = 0;
        for (unsigned j = 0; j < 4; j++) {
            int32_t bit = in[(4 * i + j) / 8] >> (4 * i + j) % 8 & 1;
            want += j < 2 ? bit : -bit;
        }
        cr_assert_eq(p[i], want);
    }
}

/* Algorithm 7's loop: q - 1 is taken and q is not, what is over at the end is dropped. */
Test(mlkem_steps, sampling_refuses_q)
{
    static const uint8_t in[6] = {0x00, 0x1d, 0xd0, 0x01, 0xf0, 0xff}; /* d00 d01 001 fff */
    int16_t p[MLKEM_N + 1];
    p[MLKEM_N] = 77;
    cr_assert_eq(mlkem_accept(p, 0, in, 6), 2);
    cr_assert(p[0] == 0xd00 && p[1] == 1);
    cr_assert_eq(mlkem_accept(p, 255, in, 6), 256);
    cr_assert(p[255] == 0xd00 && p[256] == 77);
    cr_assert_eq(mlkem_accept(p, 254, in, 6), 256);
    cr_assert(p[254] == 0xd00 && p[255] == 1 && p[256] == 77);
    cr_assert_eq(mlkem_accept(p, 256, in, 6), 256);
}

/* ---- The transform ----------------------------------------------------------------------- */

static const uint32_t steps_cpus[] = {NCR_CPU_ALL, 0};

enum { STEPS_CPUS = sizeof steps_cpus / sizeof steps_cpus[0] };

static int32_t steps_power(int32_t base, unsigned e)
{
    int32_t r = 1;
    while (e-- > 0) {
        r = r * base % MLKEM_Q;
    }
    return r;
}

static unsigned steps_reversed(unsigned i)
{
    unsigned r = 0;
    for (unsigned bit = 0; bit < 7; bit++) {
        r |= (i >> bit & 1) << (6 - bit);
    }
    return r;
}

Test(mlkem_steps, zetas)
{
    for (unsigned i = 0; i < 128; i++) {
        int64_t want = (int64_t)steps_power(17, steps_reversed(i)) * 65536;
        cr_assert_eq(steps_mod(ncr_mlkem_zeta[i]), steps_mod(want));
        cr_assert(abs(ncr_mlkem_zeta[i]) <= MLKEM_Q / 2);
    }
    cr_assert_eq(steps_mod((int64_t)NCR_MLKEM_BACK * 128), steps_mod((int64_t)65536 * 65536));
    cr_assert_eq(NCR_MLKEM_BACK_ZETA, steps_mod((int64_t)NCR_MLKEM_BACK * steps_power(17, 64)));
    cr_assert_eq(MLKEM_R2, steps_mod((int64_t)65536 * 65536));
}

/* Entries 2i, 2i + 1 of the transform are p mod X^2 - 17^(2 BitRev7(i) + 1), section 4.3. */
Test(mlkem_steps, transform_is_remainders)
{
    for (size_t f = 0; f < STEPS_CPUS; f++) {
        int16_t p[MLKEM_N], t[MLKEM_N];
        ncr_cpu_restrict(steps_cpus[f]);
        steps_fill(p, MLKEM_N, MLKEM_Q);
        memcpy(t, p, sizeof t);
        ncr_mlkem_ntt(t);
        for (unsigned i = 0; i < 128; i++) {
            int32_t gamma = steps_power(17, 2 * steps_reversed(i) + 1), even = 0, odd = 0;
            for (unsigned j = MLKEM_N; j > 0; j -= 2) {
                even = steps_mod((int64_t)even * gamma + p[j - 2]);
                odd = steps_mod((int64_t)odd * gamma + p[j - 1]);
            }
            cr_assert(steps_mod(t[2 * i]) == even && steps_mod(t[2 * i + 1]) == odd);
        }
    }
}

/* sum of a[j] b[j] in Z_q[X]/(X^256 + 1). */
static void steps_school(int32_t out[MLKEM_N], mlkem_poly *a, mlkem_poly *b, size_t k)
{
    int64_t sum[2 * MLKEM_N] = {0};
    for (size_t n = 0; n < k; n++) {
        for (size_t i = 0; i < MLKEM_N; i++) {
            for (size_t j = 0; j < MLKEM_N; j++) {
                sum[i + j] += (int32_t)a[n][i] * b[n][j];
            }
        }
    }
    for (size_t i = 0; i < MLKEM_N; i++) {
        out[i] = steps_mod(sum[i] - sum[i + MLKEM_N]);
    }
}

/* There, multiplied, and back; scaled by R^2 / R the product in the other domain. */
static void steps_product(size_t k)
{
    mlkem_poly a[4], b[4], g[4], out;
    int32_t want[MLKEM_N];
    steps_fill(a[0], k * MLKEM_N, MLKEM_Q);
    steps_fill(b[0], k * MLKEM_N, 2);
    steps_school(want, a, b, k);
    for (size_t j = 0; j < k; j++) {
        ncr_mlkem_ntt(a[j]);
        ncr_mlkem_ntt(b[j]);
        ncr_mlkem_gamma(g[j], b[j]);
    }
    ncr_mlkem_dot(out, a[0], b[0], g[0], k);
    ncr_mlkem_ntt_back(out);
    for (size_t i = 0; i < MLKEM_N; i++) {
        cr_assert_eq(steps_mod(out[i]), want[i]);
    }
    ncr_mlkem_ntt(out);
    ncr_mlkem_dot(b[1], a[0], b[0], g[0], k);
    ncr_mlkem_scale(b[1], MLKEM_R2);
    for (size_t i = 0; i < MLKEM_N; i++) {
        cr_assert_eq(steps_mod(out[i]), steps_mod(b[1][i]));
    }
}

Test(mlkem_steps, products_are_those_of_school)
{
    for (size_t f = 0; f < STEPS_CPUS; f++) {
        ncr_cpu_restrict(steps_cpus[f]);
        for (size_t k = 2; k <= 4; k++) {
            for (unsigned n = 0; n < 10; n++) {
                steps_product(k);
            }
        }
    }
}

/* The inputs that header and comments allow give no more than they say. */
Test(mlkem_steps, bounds)
{
    for (unsigned n = 0; n < 2000; n++) {
        mlkem_poly a[4], b[4], g[4], out;
        ncr_cpu_restrict(steps_cpus[n % STEPS_CPUS]);
        steps_fill(out, MLKEM_N, 4 * MLKEM_Q);
        ncr_mlkem_ntt(out);
        cr_assert_leq(steps_most(out, MLKEM_N), MLKEM_Q / 2);
        steps_fill(out, MLKEM_N, 3017);
        ncr_mlkem_ntt_back(out);
        cr_assert_leq(steps_most(out, MLKEM_N), 3 * MLKEM_Q / 4);
        steps_fill(a[0], 4 * MLKEM_N, 4095);
        steps_fill(b[0], 4 * MLKEM_N, MLKEM_Q / 2);
        for (size_t j = 0; j < 4; j++) {
            ncr_mlkem_gamma(g[j], b[j]);
        }
        cr_assert_leq(steps_most(g[0], 4 * MLKEM_N), 1707);
        ncr_mlkem_dot(out, a[0], b[0], g[0], 4);
        cr_assert_leq(steps_most(out, MLKEM_N), 2518);
    }
}

/* ---- Twins ------------------------------------------------------------------------------- */

enum { STEPS_BATCH = 16 };

/* Inputs and outputs of the four functions, many times: to ask for another CPU is slow. */
struct steps_batch {
    mlkem_poly a[STEPS_BATCH][4], p[STEPS_BATCH][4], g[STEPS_BATCH][4];
    mlkem_poly forth[STEPS_BATCH], back[STEPS_BATCH], dot[STEPS_BATCH];
};

static void steps_run(struct steps_batch *b, uint32_t cpu)
{
    ncr_cpu_restrict(cpu);
    for (size_t i = 0; i < STEPS_BATCH; i++) {
        ncr_mlkem_ntt(b->forth[i]);
        ncr_mlkem_ntt_back(b->back[i]);
        for (size_t j = 0; j < 4; j++) {
            ncr_mlkem_gamma(b->g[i][j], b->p[i][j]);
        }
        ncr_mlkem_dot(b->dot[i], b->a[i][0], b->p[i][0], b->g[i][0], 1 + i % 4);
    }
}

Test(mlkem_steps, twins_agree)
{
    static struct steps_batch one, other;
    const char *calls = getenv("NACRE_TWIN_CALLS");
    unsigned long n = calls != NULL ? strtoul(calls, NULL, 10) : 20000;
    if ((ncr_cpu() & NCR_CPU_AVX2) == 0) {
        cr_skip_test("no AVX2 here");
    }
    for (; n > 0; n = n > STEPS_BATCH ? n - STEPS_BATCH : 0) {
        steps_fill(one.a[0][0], STEPS_BATCH * 4 * MLKEM_N, 4095);
        steps_fill(one.p[0][0], STEPS_BATCH * 4 * MLKEM_N, MLKEM_Q / 2);
        steps_fill(one.forth[0], STEPS_BATCH * MLKEM_N, 4 * MLKEM_Q);
        steps_fill(one.back[0], STEPS_BATCH * MLKEM_N, 3017);
        other = one;
        steps_run(&one, NCR_CPU_AVX2);
        steps_run(&other, 0);
        cr_assert_arr_eq(&one, &other, sizeof one);
    }
}
