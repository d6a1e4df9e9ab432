/* SPDX-License-Identifier: ISC
 *
 * sntrup761 against the submission's reference code, against a model in Python, and piece by piece
 * against slow arithmetic written here: with and without fast twins, and as machines without
 * vectors have it.
 */
#include "crypto/cpu.h"
#include "crypto/ct.h"
#include "crypto/nacre_crypto.h"
#include "crypto/sntrup761.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* ---- The code without vectors, and its inside --------------------------------------------- */

bool portable_sntrup761_keygen(uint8_t *pk, uint8_t *sk, const struct nacre_rng *rng,
                               uint64_t *work);
bool portable_sntrup761_encaps(uint8_t *ct, uint8_t *k, const uint8_t *pk,
                               const struct nacre_rng *rng, uint64_t *work);
void portable_sntrup761_decaps(uint8_t *k, const uint8_t *sk, const uint8_t *ct, uint64_t *work);

#if NCR_X86
#define SNTRUP_TEST_AVX2 1
#else
#define SNTRUP_TEST_AVX2 0
#endif
#undef NCR_X86
#define NCR_X86 0
#define ncr_lanes16 one_lane16
#define ncr_lanes32 one_lane32
#undef NCR_LANES16
#undef NCR_LANES32
#define NCR_LANES16 1
#define NCR_LANES32 1
typedef int16_t one_lane16;
typedef uint32_t one_lane32;
#define nacre_sntrup761_keygen portable_sntrup761_keygen
#define nacre_sntrup761_encaps portable_sntrup761_encaps
#define nacre_sntrup761_decaps portable_sntrup761_decaps
#include "crypto/sntrup761.c"
#undef nacre_sntrup761_keygen
#undef nacre_sntrup761_encaps
#undef nacre_sntrup761_decaps

enum {
    PK_LEN = NACRE_SNTRUP761_PK_LEN,
    SK_LEN = NACRE_SNTRUP761_SK_LEN,
    CT_LEN = NACRE_SNTRUP761_CT_LEN,
    K_LEN = NACRE_SNTRUP761_K_LEN,
    POLY_LEN = 4 * SNTRUP_P,
    KEYGEN_RND = 2 * POLY_LEN + 191
};

/* ---- Forms -------------------------------------------------------------------------------- */

struct form {
    const char *name;
    uint32_t features;
    bool (*keygen)(uint8_t *pk, uint8_t *sk, const struct nacre_rng *rng, uint64_t *work);
    bool (*encaps)(uint8_t *ct, uint8_t *k, const uint8_t *pk, const struct nacre_rng *rng,
                   uint64_t *work);
    void (*decaps)(uint8_t *k, const uint8_t *sk, const uint8_t *ct, uint64_t *work);
};
static const struct form forms[] = {
    {"default", NCR_CPU_ALL, nacre_sntrup761_keygen, nacre_sntrup761_encaps,
     nacre_sntrup761_decaps},
    {"avx2", NCR_CPU_AVX2, nacre_sntrup761_keygen, nacre_sntrup761_encaps, nacre_sntrup761_decaps},
    {"baseline", 0, nacre_sntrup761_keygen, nacre_sntrup761_encaps, nacre_sntrup761_decaps},
    {"portable", 0, portable_sntrup761_keygen, portable_sntrup761_encaps,
     portable_sntrup761_decaps},
};
enum { FORMS = sizeof forms / sizeof forms[0] };

static uint64_t sntrup_test_work[NACRE_SNTRUP761_WORK + 1];

/* The work area is wiped, and only what was asked for is touched. */
static void sntrup_test_work_is_clean(void)
{
    for (size_t i = 0; i < sizeof(struct sntrup_work) / 8; i++) {
        cr_assert_eq(sntrup_test_work[i], 0);
    }
    cr_assert_eq(sntrup_test_work[NACRE_SNTRUP761_WORK], 0x5a5a5a5a);
}

static void sntrup_test_use(const struct form *f)
{
    ncr_cpu_restrict(f->features);
    memset(sntrup_test_work, 0, sizeof sntrup_test_work);
    sntrup_test_work[NACRE_SNTRUP761_WORK] = 0x5a5a5a5a;
}

/* ---- Randomness --------------------------------------------------------------------------- */

/* These bytes, one after the other, as secrets; fails when they are used up. */
struct tape {
    uint8_t bytes[POLY_LEN + KEYGEN_RND];
    size_t n, at;
};

static bool tape_fill(void *ctx, uint8_t *out, size_t n)
{
    struct tape *t = ctx;
    if (t->n - t->at < n) {
        return false;
    }
    memcpy(out, t->bytes + t->at, n);
    t->at += n;
    NCR_CT_SECRET(out, n);
    return true;
}

static void tape_shake(struct tape *t, const uint8_t *seed, size_t seed_len, size_t n)
{
    struct nacre_keccak c;
    cr_assert_leq(t->n + n, sizeof t->bytes);
    nacre_shake256_init(&c);
    nacre_shake_absorb(&c, seed, seed_len);
    nacre_shake_squeeze(t->bytes + t->n, &c, n);
    t->n += n;
}

static const uint8_t *tape_field(struct tape *t, const struct vec *v, const char *seed,
                                 const char *byte, size_t n)
{
    t->at = 0;
    if (vec_has(v, byte)) {
        memset(t->bytes + t->n, *vec_fixed(v, byte, 1), n);
        t->n += n;
    } else {
        size_t len;
        const uint8_t *s = vec_get(v, seed, &len);
        tape_shake(t, s, len, n);
    }
    return t->bytes;
}

/* Words that make the coefficients x - 1, and zeros behind them, where g is drawn. */
static void tape_random_poly(struct tape *t, const uint8_t *x, size_t n)
{
    for (size_t i = 0; i < SNTRUP_P; i++) {
        const uint8_t top[3] = {0, 0x20, 0x30};
        memset(t->bytes + t->n, 0, 3);
        t->bytes[t->n + 3] = top[i < n ? x[i] : 1];
        t->n += 4;
    }
}

static void sntrup_test_digest(const struct vec *v, const char *key, const uint8_t *p, size_t n)
{
    struct nacre_sha256 h;
    uint8_t digest[NACRE_SHA256_LEN];
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, p, n);
    nacre_sha256_final(digest, &h);
    vec_expect(v, key, digest, sizeof digest);
}

/* ---- Vectors ------------------------------------------------------------------------------ */

static void sntrup_test_keygen(const struct vec *v, const struct form *f, uint8_t *pk, uint8_t *sk)
{
    struct tape t = {.n = 0};
    const struct nacre_rng rng = {tape_fill, &t};
    if (vec_has(v, "before")) {
        size_t n;
        const uint8_t *x = vec_get(v, "before", &n);
        tape_random_poly(&t, x, n);
    }
    tape_field(&t, v, "keygen_seed", "keygen_byte", KEYGEN_RND);
    sntrup_test_use(f);
    cr_assert(f->keygen(pk, sk, &rng, sntrup_test_work));
    sntrup_test_work_is_clean();
    cr_assert_eq(t.at, t.n, "all of it is used");
    NCR_CT_PUBLIC(sk, SK_LEN);
}

static void sntrup_test_decaps(const struct vec *v, const char *key, const struct form *f,
                               const uint8_t *sk, const uint8_t *ct)
{
    uint8_t secret[SK_LEN], k[K_LEN];
    memcpy(secret, sk, SK_LEN);
    NCR_CT_SECRET(secret, SK_LEN);
    sntrup_test_use(f);
    f->decaps(k, secret, ct, sntrup_test_work);
    sntrup_test_work_is_clean();
    NCR_CT_PUBLIC(k, K_LEN);
    vec_expect(v, key, k, K_LEN);
}

static void sntrup_test_exchange(const struct vec *v, const struct form *f)
{
    struct tape t = {.n = 0};
    const struct nacre_rng rng = {tape_fill, &t};
    const uint64_t flip = vec_uint(v, "flip");
    uint8_t pk[PK_LEN], sk[SK_LEN], ct[CT_LEN], k[K_LEN];
    sntrup_test_keygen(v, f, pk, sk);
    sntrup_test_digest(v, "pk_sha256", pk, PK_LEN);
    sntrup_test_digest(v, "sk_sha256", sk, SK_LEN);

    tape_field(&t, v, "encaps_seed", "encaps_byte", POLY_LEN);
    sntrup_test_use(f);
    cr_assert(f->encaps(ct, k, pk, &rng, sntrup_test_work));
    sntrup_test_work_is_clean();
    NCR_CT_PUBLIC(k, K_LEN);
    sntrup_test_digest(v, "ct_sha256", ct, CT_LEN);
    vec_expect(v, "k", k, K_LEN);

    sntrup_test_decaps(v, "k", f, sk, ct);
    ct[flip / 8] ^= (uint8_t)(1 << flip % 8);
    sntrup_test_decaps(v, "k_flipped", f, sk, ct);
}

static void sntrup_test_file(const char *name)
{
    struct vec v;
    for (vec_open(&v, name); vec_next(&v);) {
        for (size_t i = 0; i < FORMS; i++) {
            if (vec_has(&v, "ct")) {
                uint8_t pk[PK_LEN], sk[SK_LEN];
                sntrup_test_keygen(&v, &forms[i], pk, sk);
                sntrup_test_decaps(&v, "k", &forms[i], sk, vec_fixed(&v, "ct", CT_LEN));
            } else {
                sntrup_test_exchange(&v, &forms[i]);
            }
        }
    }
    vec_close(&v);
}

Test(sntrup761, ct_reference_vectors)
{
    sntrup_test_file("sntrup761_reference.txt");
}

Test(sntrup761, python_vectors)
{
    sntrup_test_file("sntrup761_python.txt");
}

/* ---- Randomness that ends ------------------------------------------------------------------ */

static bool sntrup_test_zeros(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Each draw fails once: the first g, the second, f, rho. */
Test(sntrup761, keygen_without_randomness)
{
    static const uint8_t no_g[1] = {1};
    static const size_t have[4] = {0, POLY_LEN, POLY_LEN * 2, POLY_LEN * 3 + 190};
    for (size_t i = 0; i < 4; i++) {
        struct tape t = {.n = 0};
        const struct nacre_rng rng = {tape_fill, &t};
        uint8_t pk[PK_LEN], sk[SK_LEN];
        memset(pk, 0xa5, sizeof pk);
        memset(sk, 0xa5, sizeof sk);
        tape_random_poly(&t, no_g, 1);
        tape_shake(&t, no_g, 1, KEYGEN_RND);
        t.n = have[i];
        sntrup_test_use(&forms[0]);
        cr_assert(!nacre_sntrup761_keygen(pk, sk, &rng, sntrup_test_work));
        cr_assert(sntrup_test_zeros(pk, sizeof pk));
        cr_assert(sntrup_test_zeros(sk, sizeof sk));
        sntrup_test_work_is_clean();
    }
}

Test(sntrup761, encaps_without_randomness)
{
    static const struct nacre_rng none;
    uint8_t pk[PK_LEN] = {0}, ct[CT_LEN], k[K_LEN];
    memset(ct, 0xa5, sizeof ct);
    memset(k, 0xa5, sizeof k);
    sntrup_test_use(&forms[0]);
    cr_assert(!nacre_sntrup761_encaps(ct, k, pk, &none, sntrup_test_work));
    cr_assert(sntrup_test_zeros(ct, sizeof ct));
    cr_assert(sntrup_test_zeros(k, sizeof k));
    sntrup_test_work_is_clean();
}

/* Every byte of a ciphertext counts, and a rejection's key depends on all of it too. */
Test(sntrup761, every_byte_of_a_ciphertext_counts)
{
    struct tape t = {.n = 0};
    const struct nacre_rng rng = {tape_fill, &t};
    uint8_t pk[PK_LEN], sk[SK_LEN], ct[CT_LEN], k[K_LEN], last[K_LEN], got[K_LEN];
    sntrup_test_use(&forms[0]);
    tape_shake(&t, (const uint8_t *)"counts", 6, POLY_LEN + KEYGEN_RND);
    cr_assert(nacre_sntrup761_keygen(pk, sk, &rng, sntrup_test_work));
    cr_assert(nacre_sntrup761_encaps(ct, k, pk, &rng, sntrup_test_work));
    memcpy(last, k, K_LEN);
    for (size_t i = 0; i < CT_LEN; i++) {
        ct[i] ^= (uint8_t)(1 << i % 8);
        nacre_sntrup761_decaps(got, sk, ct, sntrup_test_work);
        cr_assert(memcmp(got, k, K_LEN) != 0 && memcmp(got, last, K_LEN) != 0, "byte %zu", i);
        memcpy(last, got, K_LEN);
        ct[i] ^= (uint8_t)(1 << i % 8);
    }
    nacre_sntrup761_decaps(got, sk, ct, sntrup_test_work);
    cr_assert_arr_eq(got, k, K_LEN);
}

/* Public keys and ciphertexts are numbers below bounds, but any bytes are taken: here those whose
 * numbers are over them. All forms agree. */
Test(sntrup761, any_bytes_are_a_key_and_a_ciphertext)
{
    for (unsigned round = 0; round < 40; round++) {
        uint8_t pk[PK_LEN], sk[SK_LEN], ct[FORMS][CT_LEN], k[FORMS][K_LEN], got[FORMS][K_LEN];
        struct nacre_keccak c;
        const uint8_t seed = (uint8_t)round;
        nacre_shake256_init(&c);
        nacre_shake_absorb(&c, &seed, 1);
        nacre_shake_squeeze(pk, &c, sizeof pk);
        nacre_shake_squeeze(sk, &c, sizeof sk);
        memset(pk, 0xff, round % 2 == 0 ? PK_LEN / 2 : 0);
        for (size_t i = 0; i < FORMS; i++) {
            struct tape t = {.n = 0};
            const struct nacre_rng rng = {tape_fill, &t};
            tape_shake(&t, &seed, 1, POLY_LEN);
            sntrup_test_use(&forms[i]);
            cr_assert(forms[i].encaps(ct[i], k[i], pk, &rng, sntrup_test_work));
            forms[i].decaps(got[i], sk, ct[i], sntrup_test_work);
            cr_assert_arr_eq(ct[i], ct[0], CT_LEN, "%s", forms[i].name);
            cr_assert_arr_eq(k[i], k[0], K_LEN, "%s", forms[i].name);
            cr_assert_arr_eq(got[i], got[0], K_LEN, "%s", forms[i].name);
        }
    }
}

/* ---- Pieces ------------------------------------------------------------------------------- */

static uint64_t sntrup_test_state = 0x9e3779b97f4a7c15;

/* Marsaglia's xorshift64; a number below n. */
static uint32_t sntrup_test_random(uint32_t n)
{
    sntrup_test_state ^= sntrup_test_state << 13;
    sntrup_test_state ^= sntrup_test_state >> 7;
    sntrup_test_state ^= sntrup_test_state << 17;
    return (uint32_t)((sntrup_test_state >> 32) % n);
}

/* x modulo m as the number nearest to 0, m odd. */
static int slow_mod(int64_t x, int m)
{
    const int r = (int)((x % m + m) % m);
    return r > m / 2 ? r - m : r;
}

static void slow_mul(int16_t *r, const int16_t *f, const int16_t *g, int m)
{
    int64_t c[2 * SNTRUP_P] = {0};
    for (size_t i = 0; i < SNTRUP_P; i++) {
        for (size_t j = 0; j < SNTRUP_P; j++) {
            c[i + j] += f[i] * g[j];
        }
    }
    for (size_t i = 2 * SNTRUP_P - 1; i >= SNTRUP_P; i--) {
        c[i - SNTRUP_P] += c[i];
        c[i - SNTRUP_P + 1] += c[i];
    }
    for (size_t i = 0; i < SNTRUP_P; i++) {
        r[i] = (int16_t)slow_mod(c[i], m);
    }
}

Test(sntrup761, reductions_of_every_number)
{
    for (int x = INT16_MIN; x <= INT16_MAX; x++) {
        const int r = sntrup_reduce((int16_t)x);
        cr_assert_eq(slow_mod(r - x, SNTRUP_Q), 0);
        cr_assert(r >= -2542 && r <= 2542, "%d", x);
    }
    for (int x = -SNTRUP_Q / 2 - SNTRUP_Q; x <= SNTRUP_Q / 2 + SNTRUP_Q; x++) {
        cr_assert_eq(sntrup_center((int16_t)x), slow_mod(x, SNTRUP_Q));
    }
    for (int x = -SNTRUP_Q / 2; x <= SNTRUP_Q / 2; x++) {
        cr_assert_eq(sntrup_mod3((int16_t)x), slow_mod(x, 3));
    }
    for (uint32_t x = 0; x < UINT32_C(1) << 28; x += 1 + sntrup_test_random(500)) {
        const uint32_t r = sntrup_montgomery(x);
        cr_assert(r < 2 * SNTRUP_Q, "%u", x);
        cr_assert_eq(((uint64_t)r * 65536 - x) % SNTRUP_Q, 0, "%u", x);
    }
    cr_assert_lt(sntrup_montgomery((UINT32_C(1) << 28) - 1), 2 * SNTRUP_Q);
    for (uint32_t x = 1; x < 2 * SNTRUP_Q; x++) {
        cr_assert_eq(sntrup_below_q(x), x % SNTRUP_Q);
        if (x != SNTRUP_Q) {
            cr_assert_eq(sntrup_reciprocal(x) * (x % SNTRUP_Q) % SNTRUP_Q, 65536 % SNTRUP_Q);
        }
    }
}

Test(sntrup761, divisions)
{
    for (uint32_t m = 2; m < SNTRUP_LIMIT; m += 1 + m / 50) {
        const uint32_t inverse = UINT32_MAX / m;
        for (unsigned i = 0; i < 2000; i++) {
            uint32_t x = sntrup_test_random(UINT32_MAX) >> sntrup_test_random(32);
            x = i % 3 == 0 ? x / m * m - i % 2 : x;
            uint32_t quotient = x;
            cr_assert_eq(sntrup_divide(&quotient, m, inverse), x % m, "%u / %u", x, m);
            cr_assert_eq(quotient, x / m, "%u / %u", x, m);
        }
    }
}

/* f modulo m and g modulo 3: first those that make the largest sums, then random ones. */
static void sntrup_test_factors(int16_t *f, int16_t *g, unsigned round, int m)
{
    for (size_t i = 0; i < SNTRUP_P; i++) {
        f[i] = (int16_t)slow_mod(round < 4 ? m / 2 : (int)sntrup_test_random(SNTRUP_Q), m);
        f[i] = (int16_t)(round % 2 == 0 ? -f[i] : f[i]);
        g[i] = (int16_t)(round < 8 ? 1 - (int)(round & 2) : (int)sntrup_test_random(3) - 1);
    }
}

Test(sntrup761, products)
{
    static int16_t f[NCR_SNTRUP_ROOM], g[NCR_SNTRUP_ROOM], r[NCR_SNTRUP_ROOM], want[SNTRUP_P];
    static struct ncr_sntrup_product product;
    for (unsigned round = 0; round < 60; round++) {
        const int m = round % 4 == 3 ? 3 : SNTRUP_Q;
        sntrup_test_factors(f, g, round, m);
        slow_mul(want, f, g, m == 3 ? 1 << 20 | 1 : m);
        sntrup_mul(r, f, g, &product);
        cr_assert_arr_eq(r, want, sizeof want, "round %u", round);
        cr_assert(sntrup_test_zeros((uint8_t *)(r + SNTRUP_P), sizeof r - sizeof want));
        sntrup_mul(g, f, g, &product);
        cr_assert_arr_eq(g, want, sizeof want, "in place of the second");
    }
}

/* Random, but for some powers of x. */
static void sntrup_test_invertible(int16_t *a, unsigned round)
{
    for (size_t i = 0; i < SNTRUP_P; i++) {
        a[i] = (int16_t)((int)sntrup_test_random(3) - 1);
        a[i] = (int16_t)(round < 3 ? i == 380 * round : a[i]);
    }
}

Test(sntrup761, reciprocals)
{
    static int16_t a[NCR_SNTRUP_ROOM], r[NCR_SNTRUP_ROOM], one[SNTRUP_P];
    static struct ncr_sntrup_fgvr fgvr;
    static struct sntrup_trits trits[4];
    for (unsigned round = 0; round < 12; round++) {
        sntrup_test_invertible(a, round);
        cr_assert(sntrup_reciprocal_mod3(r, a, trits));
        slow_mul(one, a, r, 3);
        cr_assert_eq(one[0], 1);
        cr_assert(sntrup_test_zeros((uint8_t *)(one + 1), sizeof one - sizeof one[0]));
        sntrup_reciprocal_of_3(r, a, &fgvr);
        slow_mul(one, r, a, SNTRUP_Q);
        cr_assert_eq(slow_mod(3 * one[0], SNTRUP_Q), 1);
        cr_assert(sntrup_test_zeros((uint8_t *)(one + 1), sizeof one - sizeof one[0]));
    }
    memset(a, 0, sizeof a);
    cr_assert(!sntrup_reciprocal_mod3(r, a, trits));
}

#if SNTRUP_TEST_AVX2
/* NACRE_TWIN_CALLS, or so many. */
static unsigned sntrup_test_calls(unsigned unless_told)
{
    const char *n = getenv("NACRE_TWIN_CALLS");
    return n != NULL ? (unsigned)strtoul(n, NULL, 10) : unless_told;
}

static void sntrup_test_needs_avx2(void)
{
    if ((ncr_cpu() & NCR_CPU_AVX2) == 0) {
        cr_skip_test("no AVX2 here");
    }
}

/* Sums come out the same modulo q, and within what the twin promises. */
Test(sntrup761, twin_avx2_products)
{
    static struct ncr_sntrup_product fast, slow;
    static int16_t g[NCR_SNTRUP_ROOM];
    sntrup_test_needs_avx2();
    for (unsigned round = 0; round < sntrup_test_calls(1000); round++) {
        memset(&fast, 0, sizeof fast);
        sntrup_test_factors(fast.f + NCR_SNTRUP_PAD, g, round, SNTRUP_Q);
        slow = fast;
        sntrup_mul_groups(&slow, g);
        ncr_sntrup_mul_groups_avx2(&fast, g);
        for (size_t i = 0; i < sizeof fast.acc / sizeof fast.acc[0]; i++) {
            cr_assert(fast.acc[i] >= -2932 && fast.acc[i] <= 2932);
            cr_assert_eq((fast.acc[i] - slow.acc[i]) % SNTRUP_Q, 0, "round %u", round);
        }
    }
}

/* What is handed on: v / f(0). A call is 1,521 steps on 768 lanes, so a hundredth of them do. */
Test(sntrup761, twin_avx2_division_steps)
{
    static struct ncr_sntrup_fgvr fast, slow;
    static int16_t a[NCR_SNTRUP_ROOM];
    sntrup_test_needs_avx2();
    for (unsigned round = 0; round < sntrup_test_calls(5000) / 100; round++) {
        sntrup_test_invertible(a, round);
        sntrup_reciprocal_start(&fast, a);
        slow = fast;
        ncr_sntrup_steps_avx2(&fast);
        cr_assert_lt(fast.f[NCR_SNTRUP_PAD], 4 * SNTRUP_Q);
        sntrup_steps(&slow);
        const uint32_t f = sntrup_reciprocal(fast.f[NCR_SNTRUP_PAD]);
        const uint32_t s = sntrup_reciprocal(slow.f[NCR_SNTRUP_PAD]);
        for (size_t i = 0; i < SNTRUP_P; i++) {
            const uint32_t x = fast.v[NCR_SNTRUP_PAD + i], y = slow.v[NCR_SNTRUP_PAD + i];
            cr_assert_lt(x, 4 * SNTRUP_Q);
            cr_assert_eq(x * f % SNTRUP_Q, y * s % SNTRUP_Q, "round %u, place %zu", round, i);
        }
    }
}
#endif

static int sntrup_test_compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A network that sorts every sequence of zeros and ones sorts all; of those, some. */
Test(sntrup761, sorting)
{
    uint32_t x[SNTRUP_P], want[SNTRUP_P];
    for (uint32_t round = 0; round < 3000; round++) {
        for (uint32_t i = 0; i < SNTRUP_P; i++) {
            x[i] =
                round < SNTRUP_P ? i < round : sntrup_test_random(round % 2 == 0 ? 2 : UINT32_MAX);
            x[i] = round % 5 == 0 ? 0 - x[i] : x[i];
        }
        memcpy(want, x, sizeof x);
        qsort(want, SNTRUP_P, sizeof *want, sntrup_test_compare);
        sntrup_sort(x);
        cr_assert_arr_eq(x, want, sizeof x, "round %u", round);
    }
}

/* The decoder of the submission's specification, n numbers with bounds m from s on; the bytes used.
 * Numbers that come out are below their bounds. */
static size_t slow_decode(uint32_t *r, const uint8_t *s, const uint32_t *m, size_t n)
{
    uint32_t low[SNTRUP_P], size[SNTRUP_P], bound[SNTRUP_P], upper[SNTRUP_P];
    size_t at = 0;
    if (n == 1) {
        uint32_t x = 0;
        for (uint32_t b = *m; b > 1; b = (b + 255) / 256) {
            x |= (uint32_t)s[at] << 8 * at;
            at++;
        }
        *r = x % *m;
        return at;
    }
    for (size_t i = 0; i < (n + 1) / 2; i++) {
        low[i] = 0;
        size[i] = 1;
        bound[i] = 2 * i + 1 < n ? m[2 * i] * m[2 * i + 1] : m[2 * i];
        for (; 2 * i + 1 < n && bound[i] >= 16384; bound[i] = (bound[i] + 255) / 256) {
            low[i] += s[at++] * size[i];
            size[i] *= 256;
        }
    }
    at += slow_decode(upper, s + at, bound, (n + 1) / 2);
    for (size_t i = 0; i < n; i++) {
        const uint64_t x = low[i / 2] + (uint64_t)size[i / 2] * upper[i / 2];
        r[i] = (uint32_t)(i % 2 == 1 ? x / m[i - 1] % m[i] : x % m[i]);
    }
    return at;
}

Test(sntrup761, encodings)
{
    static const struct {
        uint32_t m;
        size_t len;
    } kinds[2] = {{SNTRUP_Q, PK_LEN}, {1531, SNTRUP_ROUNDED_LEN}};
    for (unsigned round = 0; round < 200; round++) {
        const uint32_t m = kinds[round % 2].m;
        uint32_t want[SNTRUP_P], bounds[SNTRUP_P];
        uint16_t list[SNTRUP_P];
        uint8_t s[PK_LEN], again[PK_LEN];
        for (size_t i = 0; i < PK_LEN; i++) {
            s[i] = (uint8_t)(round < 2 ? 255 : sntrup_test_random(256));
        }
        for (size_t i = 0; i < SNTRUP_P; i++) {
            bounds[i] = m;
        }
        cr_assert_eq(slow_decode(want, s, bounds, SNTRUP_P), kinds[round % 2].len);
        sntrup_decode(list, s, m);
        for (size_t i = 0; i < SNTRUP_P; i++) {
            cr_assert_eq(list[i], want[i], "round %u, number %zu", round, i);
        }
        memset(again, 0xa5, sizeof again);
        sntrup_encode(again, list, m);
        if (kinds[round % 2].len < PK_LEN) {
            cr_assert_eq(again[kinds[round % 2].len], 0xa5, "no byte more");
        }
        sntrup_decode(list, again, m);
        for (size_t i = 0; i < SNTRUP_P; i++) {
            cr_assert_eq(list[i], want[i], "round %u, number %zu", round, i);
        }
    }
}
