/* SPDX-License-Identifier: ISC
 *
 * ML-DSA-44, the lattice signature of FIPS 204, pure form with a context string. Names are those of
 * its sections 6 and 7; no prehashing, no other parameter set.
 *
 * A coefficient is a residue modulo q in 32 bits without sign: 0 <= x < q where it is said to be
 * reduced, more in between, with the bound beside it. Products are Montgomery's, R = 2^32.
 *
 * Constant-time in the seed, in what it expands to (K, s1, s2, t0), in rnd and in the mask y: no
 * division, no branch and no address depends on them. What is released on the way is listed where
 * it happens. In loops over coefficients masks come from a shift by a count that the compiler does
 * not know, a barrier in front of the loop instead of one inside, so that loops become vectors.
 * Verification works on public values and is not constant-time.
 */
#include "crypto/ct.h"
#include "crypto/fast.h"
#include "crypto/keccak.h"
#include "crypto/load.h"
#include "crypto/mldsa44.h"
#include "crypto/nacre_crypto.h"

#include <string.h>

/* Section 4, table 1. */
#define MLDSA_Q UINT32_C(8380417)
#define MLDSA_N NCR_MLDSA_N
#define MLDSA_K 4 /* rows of A, which is square here: l = k */
#define MLDSA_TAU 39
#define MLDSA_GAMMA1 (UINT32_C(1) << 17)
#define MLDSA_GAMMA2 UINT32_C(95232) /* (q - 1) / 88 */
#define MLDSA_BETA UINT32_C(78)
#define MLDSA_OMEGA 80
#define MLDSA_ETA UINT32_C(2)
#define MLDSA_D 13

#define MLDSA_MINUS_Q_INV UINT32_C(4236238847) /* -1/q mod 2^32 */
#define MLDSA_HIGH_COUNT UINT32_C(44)          /* values of the high bits: (q - 1) / (2 gamma2) */
#define MLDSA_CTILDE_LEN 32
#define MLDSA_MU_LEN 64
#define MLDSA_T1_LEN 320 /* bytes of a polynomial of t1, of t0, of s1 or s2, of z, of w1 */
#define MLDSA_T0_LEN 416
#define MLDSA_S_LEN 96
#define MLDSA_Z_LEN 576
#define MLDSA_W1_LEN 192
#define MLDSA_HINT_AT (MLDSA_CTILDE_LEN + MLDSA_K * MLDSA_Z_LEN)
#define MLDSA_STREAM_BLOCKS 5 /* blocks of SHAKE256 that hold MLDSA_Z_LEN bytes */
/* Appendix C: tries after which signing may give up; good randomness needs more once in 2^256. */
#define MLDSA_TRIES_MAX 814

/* Streams of four polynomials, and the bytes that are being read. */
struct mldsa_streams {
    struct ncr_keccak_x4 x4;
    uint8_t buf[4][MLDSA_STREAM_BLOCKS * NACRE_SHAKE256_RATE];
};

/* What making keys and signing keep in the caller's work. */
struct mldsa_signer {
    struct ncr_mldsa_poly a[MLDSA_K][MLDSA_K];                   /* transformed */
    struct ncr_mldsa_poly s1[MLDSA_K], s2[MLDSA_K], t0[MLDSA_K]; /* transformed for signing */
    struct ncr_mldsa_poly y[MLDSA_K], z[MLDSA_K], w[MLDSA_K], c, t;
    struct mldsa_streams streams;
    struct nacre_keccak h;
    uint8_t pk[NACRE_MLDSA44_PK_LEN]; /* starts with rho */
    uint8_t k[32];
    uint8_t tr[64];
    uint8_t mu[MLDSA_MU_LEN];
    uint8_t expanded[128]; /* of the seed; then rho'' of section 6.2 in its first half */
    uint8_t ctilde[MLDSA_CTILDE_LEN];
    uint8_t w1[MLDSA_W1_LEN];
};

struct mldsa_verifier {
    struct ncr_mldsa_poly row[MLDSA_K], z[MLDSA_K], c, w, t;
    struct ncr_keccak_x4 x4;
    uint8_t buf[4][NACRE_SHAKE128_RATE];
    struct nacre_keccak h;
    uint8_t mu[MLDSA_MU_LEN];
    uint8_t ctilde[MLDSA_CTILDE_LEN];
    uint8_t w1[MLDSA_W1_LEN];
};

_Static_assert(sizeof(struct mldsa_signer) <= 8 * NCR_MLDSA44_USED, "fits the caller's work");
_Static_assert(sizeof(struct mldsa_verifier) <= 16384, "verification stays small");

/* ---- Residues ---------------------------------------------------------------------------- */

/* 31, of which the compiler does not know that x >> 31 is one bit. */
static inline unsigned mldsa_top(void)
{
    return ncr_ct_barrier32(31);
}

/* x / R mod q, below 2q, for x < q R: x + m q < 2 q R. */
static inline uint32_t mldsa_mont(uint64_t x)
{
    uint32_t m = (uint32_t)x * MLDSA_MINUS_Q_INV;
    return (uint32_t)((x + (uint64_t)m * MLDSA_Q) >> 32);
}

/* x < 2q reduced. top is mldsa_top(). */
static inline uint32_t mldsa_reduce(uint32_t x, unsigned top)
{
    uint32_t t = x - MLDSA_Q;
    return t + (MLDSA_Q & (0 - (t >> top)));
}

static void mldsa_reduce_all(struct ncr_mldsa_poly *a)
{
    unsigned top = mldsa_top();
    for (size_t i = 0; i < MLDSA_N; i++) {
        a->c[i] = mldsa_reduce(a->c[i], top);
    }
}

/* r = a + b reduced; a, b < q. */
static void mldsa_add(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *a,
                      const struct ncr_mldsa_poly *b)
{
    unsigned top = mldsa_top();
    for (size_t i = 0; i < MLDSA_N; i++) {
        r->c[i] = mldsa_reduce(a->c[i] + b->c[i], top);
    }
}

/* r = a - b reduced; a, b < q. */
static void mldsa_sub(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *a,
                      const struct ncr_mldsa_poly *b)
{
    unsigned top = mldsa_top();
    for (size_t i = 0; i < MLDSA_N; i++) {
        r->c[i] = mldsa_reduce(a->c[i] + (MLDSA_Q - b->c[i]), top);
    }
}

/* ---- Number theoretic transform: section 7.5 --------------------------------------------- */

/* Appendix B, times R. */
const uint32_t ncr_mldsa44_zetas[MLDSA_N] = {
    4193792, 25847,   5771523, 7861508, 237124,  7602457, 7504169, 466468,  1826347, 2353451,
    8021166, 6288512, 3119733, 5495562, 3111497, 2680103, 2725464, 1024112, 7300517, 3585928,
    7830929, 7260833, 2619752, 6271868, 6262231, 4520680, 6980856, 5102745, 1757237, 8360995,
    4010497, 280005,  2706023, 95776,   3077325, 3530437, 6718724, 4788269, 5842901, 3915439,
    4519302, 5336701, 3574422, 5512770, 3539968, 8079950, 2348700, 7841118, 6681150, 6736599,
    3505694, 4558682, 3507263, 6239768, 6779997, 3699596, 811944,  531354,  954230,  3881043,
    3900724, 5823537, 2071892, 5582638, 4450022, 6851714, 4702672, 5339162, 6927966, 3475950,
    2176455, 6795196, 7122806, 1939314, 4296819, 7380215, 5190273, 5223087, 4747489, 126922,
    3412210, 7396998, 2147896, 2715295, 5412772, 4686924, 7969390, 5903370, 7709315, 7151892,
    8357436, 7072248, 7998430, 1349076, 1852771, 6949987, 5037034, 264944,  508951,  3097992,
    44288,   7280319, 904516,  3958618, 4656075, 8371839, 1653064, 5130689, 2389356, 8169440,
    759969,  7063561, 189548,  4827145, 3159746, 6529015, 5971092, 8202977, 1315589, 1341330,
    1285669, 6795489, 7567685, 6940675, 5361315, 4499357, 4751448, 3839961, 2091667, 3407706,
    2316500, 3817976, 5037939, 2244091, 5933984, 4817955, 266997,  2434439, 7144689, 3513181,
    4860065, 4621053, 7183191, 5187039, 900702,  1859098, 909542,  819034,  495491,  6767243,
    8337157, 7857917, 7725090, 5257975, 2031748, 3207046, 4823422, 7855319, 7611795, 4784579,
    342297,  286988,  5942594, 4108315, 3437287, 5038140, 1735879, 203044,  2842341, 2691481,
    5790267, 1265009, 4055324, 1247620, 2486353, 1595974, 4613401, 1250494, 2635921, 4832145,
    5386378, 1869119, 1903435, 7329447, 7047359, 1237275, 5062207, 6950192, 7929317, 1312455,
    3306115, 6417775, 7100756, 1917081, 5834105, 7005614, 1500165, 777191,  2235880, 3406031,
    7838005, 5548557, 6709241, 6533464, 5796124, 4656147, 594136,  4603424, 6366809, 2432395,
    2454455, 8215696, 1957272, 3369112, 185531,  7173032, 5196991, 162844,  1616392, 3014001,
    810149,  1652634, 4686184, 6581310, 5341501, 3523897, 3866901, 269760,  2213111, 7404533,
    1717735, 472078,  7953734, 1723600, 6577327, 1910376, 6712985, 7276084, 8119771, 4546524,
    5441381, 6144432, 7959518, 6094090, 183443,  7403526, 1612842, 4834730, 7826001, 3919660,
    8332111, 7018208, 3937738, 1400424, 7534263, 1976782,
};

/* R^2 / 256 mod q: undoes the doubling of eight layers, and the 1/R of a product before. */
#define MLDSA_INVERSE_SCALE UINT32_C(41978)

/* One layer of butterflies over blocks of 2 len coefficients. Values grow by 2q. */
NCR_INLINE void mldsa_layer(uint32_t *a, size_t len)
{
    for (size_t b = 0; b < 128 / len; b++) {
        uint32_t zeta = ncr_mldsa44_zetas[128 / len + b];
        for (size_t j = 0; j < len; j++) {
            uint32_t t = mldsa_mont((uint64_t)zeta * a[j + len]);
            a[j + len] = a[j] + 2 * MLDSA_Q - t;
            a[j] += t;
        }
        a += 2 * len;
    }
}

/* Transforms in place, from below 2q to below 18q. */
static void mldsa_ntt(struct ncr_mldsa_poly *a)
{
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_AVX2) != 0) {
        ncr_mldsa44_ntt_avx2(a);
        return;
    }
#endif
    mldsa_layer(a->c, 128);
    mldsa_layer(a->c, 64);
    mldsa_layer(a->c, 32);
    mldsa_layer(a->c, 16);
    mldsa_layer(a->c, 8);
    mldsa_layer(a->c, 4);
    mldsa_layer(a->c, 2);
    mldsa_layer(a->c, 1);
}

/* The inverse of a layer, but for a factor of 2. Values are below 2 len q before and 4 len q after
 * it, so that the difference plus 2 len q is neither negative nor, at len = 128, over 512 q <
 * 2^32. */
NCR_INLINE void mldsa_inverse_layer(uint32_t *a, size_t len)
{
    uint32_t bound = (uint32_t)(2 * len) * MLDSA_Q;
    for (size_t b = 0; b < 128 / len; b++) {
        uint32_t zeta = ncr_mldsa44_zetas[256 / len - 1 - b];
        for (size_t j = 0; j < len; j++) {
            uint32_t t = a[j + len] + (bound - a[j]);
            a[j] += a[j + len];
            a[j + len] = mldsa_mont((uint64_t)zeta * t);
        }
        a += 2 * len;
    }
}

/* Transforms products (below 2q, with a factor 1/R) back, reduced and without the factor. */
static void mldsa_inverse(struct ncr_mldsa_poly *a)
{
    unsigned top = mldsa_top();
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_AVX2) != 0) {
        ncr_mldsa44_inverse_avx2(a);
        return;
    }
#endif
    mldsa_inverse_layer(a->c, 1);
    mldsa_inverse_layer(a->c, 2);
    mldsa_inverse_layer(a->c, 4);
    mldsa_inverse_layer(a->c, 8);
    mldsa_inverse_layer(a->c, 16);
    mldsa_inverse_layer(a->c, 32);
    mldsa_inverse_layer(a->c, 64);
    mldsa_inverse_layer(a->c, 128);
    for (size_t i = 0; i < MLDSA_N; i++) {
        a->c[i] = mldsa_reduce(mldsa_mont((uint64_t)MLDSA_INVERSE_SCALE * a->c[i]), top);
    }
}

/* r = a b, transformed; a, b < 18q: 18 * 18 q < R. */
static void mldsa_mul(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *a,
                      const struct ncr_mldsa_poly *b)
{
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_AVX2) != 0) {
        ncr_mldsa44_mul_avx2(r, a, b);
        return;
    }
#endif
    for (size_t i = 0; i < MLDSA_N; i++) {
        r->c[i] = mldsa_mont((uint64_t)a->c[i] * b->c[i]);
    }
}

/* r = row v, transformed; row < q, v < 18q: 4 * 18 q < R. */
static void mldsa_dot(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly row[MLDSA_K],
                      const struct ncr_mldsa_poly v[MLDSA_K])
{
#if NCR_X86
    if ((ncr_cpu() & NCR_CPU_AVX2) != 0) {
        ncr_mldsa44_dot_avx2(r, row, v);
        return;
    }
#endif
    for (size_t i = 0; i < MLDSA_N; i++) {
        uint64_t sum = (uint64_t)row[0].c[i] * v[0].c[i] + (uint64_t)row[1].c[i] * v[1].c[i] +
                       (uint64_t)row[2].c[i] * v[2].c[i] + (uint64_t)row[3].c[i] * v[3].c[i];
        r->c[i] = mldsa_mont(sum);
    }
}

/* ---- High and low bits, norms: section 7.4 ----------------------------------------------- */

/* HighBits of r < q: r rounded to a multiple of 2 gamma2 = 2^11 * 93, as the multiple, of which
 * the last wraps to 0. u < 4139, and u * 11276 >> 20 is u / 93 for all u < 11397, since 93 * 11276
 * = 2^20 + 92. */
static inline uint32_t mldsa_high(uint32_t r, unsigned top)
{
    uint32_t u = (r + MLDSA_GAMMA2 - 1) >> 11;
    uint32_t high = (u * 11276) >> 20;
    return high & (((MLDSA_HIGH_COUNT - 1 - high) >> top) - 1);
}

/* LowBits of r < q, reduced. */
static inline uint32_t mldsa_low(uint32_t r, unsigned top)
{
    uint32_t low = r - mldsa_high(r, top) * (2 * MLDSA_GAMMA2);
    return low + (MLDSA_Q & (0 - (low >> top)));
}

/* Top bit set if x < q stands for an integer below bound in absolute value, other bits undefined.
 */
static inline uint32_t mldsa_below(uint32_t x, uint32_t bound)
{
    return (x - bound) | (MLDSA_Q - bound - x);
}

/* 1 if the norm of a (reduced) is bound or more, else 0. */
static uint32_t mldsa_exceeds(const struct ncr_mldsa_poly *a, uint32_t bound)
{
    uint32_t all = UINT32_MAX;
    for (size_t i = 0; i < MLDSA_N; i++) {
        all &= mldsa_below(a->c[i], bound);
    }
    return 1 ^ all >> 31;
}

/* The same for the low bits of a. */
static uint32_t mldsa_low_exceeds(const struct ncr_mldsa_poly *a, uint32_t bound)
{
    unsigned top = mldsa_top();
    uint32_t all = UINT32_MAX;
    for (size_t i = 0; i < MLDSA_N; i++) {
        all &= mldsa_below(mldsa_low(a->c[i], top), bound);
    }
    return 1 ^ all >> 31;
}

/* ---- Bytes: sections 7.1, 7.2 ------------------------------------------------------------- */

/* r = top - a reduced, for small a, or for a that stands for an integer not far below or above 0:
 * the way between coefficients and what is packed, in both directions. */
static void mldsa_flip(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *a, uint32_t top)
{
    unsigned sign = mldsa_top();
    for (size_t i = 0; i < MLDSA_N; i++) {
        uint32_t x = top - a->c[i];
        r->c[i] = x + (MLDSA_Q & (0 - (x >> sign)));
    }
}

/* SimpleBitPack: integers of so many bits, at most 18, low bits first, in 32 * bits bytes. */
static void mldsa_pack(uint8_t *out, const struct ncr_mldsa_poly *a, unsigned bits)
{
    unsigned have = 0;
    uint64_t acc = 0;
    for (size_t i = 0; i < MLDSA_N; i++) {
        acc |= (uint64_t)a->c[i] << have;
        have += bits;
        if (have >= 32) {
            ncr_store32le(out, (uint32_t)acc);
            out += 4;
            acc >>= 32;
            have -= 32;
        }
    }
}

/* SimpleBitUnpack. */
static void mldsa_unpack(struct ncr_mldsa_poly *a, const uint8_t *in, unsigned bits)
{
    uint32_t mask = (UINT32_C(1) << bits) - 1;
    unsigned have = 0;
    uint64_t acc = 0;
    for (size_t i = 0; i < MLDSA_N; i++) {
        if (have < bits) {
            acc |= (uint64_t)ncr_load32le(in) << have;
            in += 4;
            have += 32;
        }
        a->c[i] = (uint32_t)acc & mask;
        acc >>= bits;
        have -= bits;
    }
}

/* BitPack of four polynomials, len bytes each; t is scratch. */
static void mldsa_pack_vector(uint8_t *out, size_t len, const struct ncr_mldsa_poly v[MLDSA_K],
                              unsigned bits, uint32_t top, struct ncr_mldsa_poly *t)
{
    for (size_t i = 0; i < MLDSA_K; i++) {
        mldsa_flip(t, &v[i], top);
        mldsa_pack(out + i * len, t, bits);
    }
}

static void mldsa_unpack_vector(struct ncr_mldsa_poly v[MLDSA_K], const uint8_t *in, size_t len,
                                unsigned bits, uint32_t top)
{
    for (size_t i = 0; i < MLDSA_K; i++) {
        mldsa_unpack(&v[i], in + i * len, bits);
        mldsa_flip(&v[i], &v[i], top);
    }
}

/* ---- Sampling: section 7.3 --------------------------------------------------------------- */

/* RejNTTPoly: appends coefficients from a block of SHAKE128 to the n that a has. Public. */
static size_t mldsa_take_uniform(struct ncr_mldsa_poly *a, size_t n, const uint8_t *in)
{
    for (size_t at = 0; at < NACRE_SHAKE128_RATE && n < MLDSA_N; at += 3) {
        uint32_t x = in[at] | (uint32_t)in[at + 1] << 8 | (uint32_t)(in[at + 2] & 0x7f) << 16;
        if (x < MLDSA_Q) {
            a->c[n++] = x;
        }
    }
    return n;
}

/* Row r of ExpandA: four polynomials from rho and the counters (column, r). buf is scratch. */
static void mldsa_expand_row(struct ncr_mldsa_poly row[MLDSA_K], const uint8_t rho[32], unsigned r,
                             struct ncr_keccak_x4 *x4, uint8_t *buf, size_t stride)
{
    size_t n[MLDSA_K] = {0}, least;
    uint16_t tail[MLDSA_K];
    for (unsigned i = 0; i < MLDSA_K; i++) {
        tail[i] = (uint16_t)(r << 8 | i);
    }
    ncr_keccak_x4_start(x4, NACRE_SHAKE128_RATE, rho, 32, tail, 2);
    do {
        ncr_keccak_x4_squeeze(buf, stride, x4, 1);
        least = MLDSA_N;
        for (size_t i = 0; i < MLDSA_K; i++) {
            n[i] = mldsa_take_uniform(&row[i], n[i], buf + i * stride);
            least = n[i] < least ? n[i] : least;
        }
    } while (least < MLDSA_N);
}

/* RejBoundedPoly: appends coefficients -2..2 from a block of SHAKE256 to the n that a has. */
static size_t mldsa_take_small(struct ncr_mldsa_poly *a, size_t n, const uint8_t *in)
{
    for (size_t at = 0; at < 2 * NACRE_SHAKE256_RATE && n < MLDSA_N; at++) {
        uint32_t x = (uint32_t)in[at / 2] >> 4 * (at % 2) & 15;
        uint32_t refused = ncr_ct_mask_eq32(x, 15);
        /* that a half byte is 15: tells nothing of the others, which alone are used */
        NCR_CT_PUBLIC(&refused, sizeof refused);
        if (refused == 0) {
            x -= (x * 205 >> 10) * 5; /* x mod 5: 205 x / 1024 is x / 5 for all x < 64 */
            a->c[n++] = x;
        }
    }
    return n;
}

/* ExpandS: four polynomials from the 64 bytes at seed and the counters from first on. */
static void mldsa_expand_small(struct ncr_mldsa_poly v[MLDSA_K], const uint8_t seed[64],
                               unsigned first, struct mldsa_streams *s)
{
    size_t n[MLDSA_K] = {0}, least;
    uint16_t tail[MLDSA_K];
    for (unsigned i = 0; i < MLDSA_K; i++) {
        tail[i] = (uint16_t)(first + i);
    }
    ncr_keccak_x4_start(&s->x4, NACRE_SHAKE256_RATE, seed, 64, tail, 2);
    do {
        ncr_keccak_x4_squeeze(s->buf[0], sizeof s->buf[0], &s->x4, 1);
        least = MLDSA_N;
        for (size_t i = 0; i < MLDSA_K; i++) {
            n[i] = mldsa_take_small(&v[i], n[i], s->buf[i]);
            least = n[i] < least ? n[i] : least;
        }
    } while (least < MLDSA_N);
    for (size_t i = 0; i < MLDSA_K; i++) {
        mldsa_flip(&v[i], &v[i], MLDSA_ETA);
    }
}

/* ExpandMask: y from rho'' and the counters from kappa on. */
static void mldsa_expand_mask(struct ncr_mldsa_poly y[MLDSA_K], const uint8_t seed[64],
                              unsigned kappa, struct mldsa_streams *s)
{
    uint16_t tail[MLDSA_K];
    for (unsigned i = 0; i < MLDSA_K; i++) {
        tail[i] = (uint16_t)(kappa + i);
    }
    ncr_keccak_x4_start(&s->x4, NACRE_SHAKE256_RATE, seed, 64, tail, 2);
    ncr_keccak_x4_squeeze(s->buf[0], sizeof s->buf[0], &s->x4, MLDSA_STREAM_BLOCKS);
    mldsa_unpack_vector(y, s->buf[0], sizeof s->buf[0], 18, MLDSA_GAMMA1);
}

/* SampleInBall: 39 coefficients of 1 or -1, given as residues, from c~. Public, see
 * mldsa_challenge. */
static void mldsa_ball(struct ncr_mldsa_poly *c, const uint8_t ctilde[MLDSA_CTILDE_LEN],
                       uint32_t one, uint32_t minus_one, struct nacre_keccak *h)
{
    uint8_t signs[8], j;
    uint64_t bits;
    memset(c, 0, sizeof *c);
    nacre_shake256_init(h);
    nacre_shake_absorb(h, ctilde, MLDSA_CTILDE_LEN);
    nacre_shake_squeeze(signs, h, sizeof signs);
    bits = ncr_load64le(signs);
    for (size_t i = MLDSA_N - MLDSA_TAU; i < MLDSA_N; i++) {
        do {
            nacre_shake_squeeze(&j, h, 1);
        } while (j > i);
        c->c[i] = c->c[j];
        c->c[j] = (bits & 1) != 0 ? minus_one : one;
        bits >>= 1;
    }
}

/* ---- Keys: section 6.1 ------------------------------------------------------------------- */

/* t = A s1 + s2, from s->a and plain s1 and s2, to t1 in the public key and t0 (Power2Round). */
static void mldsa_public_vector(struct mldsa_signer *s)
{
    unsigned top = mldsa_top();
    memcpy(s->z, s->s1, sizeof s->z);
    for (size_t i = 0; i < MLDSA_K; i++) {
        mldsa_ntt(&s->z[i]);
    }
    for (size_t r = 0; r < MLDSA_K; r++) {
        uint32_t *t0 = s->t0[r].c;
        mldsa_dot(&s->w[r], s->a[r], s->z);
        mldsa_inverse(&s->w[r]);
        mldsa_add(&s->w[r], &s->w[r], &s->s2[r]);
        for (size_t i = 0; i < MLDSA_N; i++) {
            s->t.c[i] = (s->w[r].c[i] + (UINT32_C(1) << (MLDSA_D - 1)) - 1) >> MLDSA_D;
            t0[i] = s->w[r].c[i] - (s->t.c[i] << MLDSA_D);
            t0[i] += MLDSA_Q & (0 - (t0[i] >> top));
        }
        mldsa_pack(s->pk + 32 + r * MLDSA_T1_LEN, &s->t, 10);
    }
}

static void mldsa_expand_matrix(struct mldsa_signer *s)
{
    for (unsigned r = 0; r < MLDSA_K; r++) {
        mldsa_expand_row(s->a[r], s->pk, r, &s->streams.x4, s->streams.buf[0],
                         sizeof s->streams.buf[0]);
    }
}

/* ML-DSA.KeyGen_internal: all of a key pair from its seed; s1, s2 and t0 are plain. */
static void mldsa_expand_seed(struct mldsa_signer *s, const uint8_t seed[NACRE_MLDSA44_SEED_LEN])
{
    static const uint8_t shape[2] = {MLDSA_K, MLDSA_K};
    nacre_shake256_init(&s->h);
    nacre_shake_absorb(&s->h, seed, NACRE_MLDSA44_SEED_LEN);
    nacre_shake_absorb(&s->h, shape, sizeof shape);
    nacre_shake_squeeze(s->expanded, &s->h, sizeof s->expanded);
    memcpy(s->pk, s->expanded, 32);
    memcpy(s->k, s->expanded + 96, 32);
    /* rho: the start of the public key */
    NCR_CT_PUBLIC(s->pk, 32);
    mldsa_expand_matrix(s);
    mldsa_expand_small(s->s1, s->expanded + 32, 0, &s->streams);
    mldsa_expand_small(s->s2, s->expanded + 32, MLDSA_K, &s->streams);
    mldsa_public_vector(s);
    /* t1: the rest of the public key */
    NCR_CT_PUBLIC(s->pk, sizeof s->pk);
    nacre_shake256_init(&s->h);
    nacre_shake_absorb(&s->h, s->pk, sizeof s->pk);
    nacre_shake_squeeze(s->tr, &s->h, sizeof s->tr);
}

/* skEncode. */
static void mldsa_encode_secret(uint8_t *sk, struct mldsa_signer *s)
{
    memcpy(sk, s->pk, 32);
    memcpy(sk + 32, s->k, 32);
    memcpy(sk + 64, s->tr, 64);
    sk += 128;
    mldsa_pack_vector(sk, MLDSA_S_LEN, s->s1, 3, MLDSA_ETA, &s->t);
    sk += MLDSA_K * MLDSA_S_LEN;
    mldsa_pack_vector(sk, MLDSA_S_LEN, s->s2, 3, MLDSA_ETA, &s->t);
    sk += MLDSA_K * MLDSA_S_LEN;
    mldsa_pack_vector(sk, MLDSA_T0_LEN, s->t0, MLDSA_D, UINT32_C(1) << (MLDSA_D - 1), &s->t);
}

/* skDecode, and the matrix. */
static void mldsa_decode_secret(struct mldsa_signer *s, const uint8_t sk[NACRE_MLDSA44_SK_LEN])
{
    memcpy(s->pk, sk, 32);
    memcpy(s->k, sk + 32, 32);
    memcpy(s->tr, sk + 64, 64);
    /* rho, and tr, the hash of the public key: known to whoever has that */
    NCR_CT_PUBLIC(s->pk, 32);
    NCR_CT_PUBLIC(s->tr, sizeof s->tr);
    sk += 128;
    mldsa_unpack_vector(s->s1, sk, MLDSA_S_LEN, 3, MLDSA_ETA);
    sk += MLDSA_K * MLDSA_S_LEN;
    mldsa_unpack_vector(s->s2, sk, MLDSA_S_LEN, 3, MLDSA_ETA);
    sk += MLDSA_K * MLDSA_S_LEN;
    mldsa_unpack_vector(s->t0, sk, MLDSA_T0_LEN, MLDSA_D, UINT32_C(1) << (MLDSA_D - 1));
    mldsa_expand_matrix(s);
}

void nacre_mldsa44_keygen(uint8_t pk[NACRE_MLDSA44_PK_LEN], uint8_t *sk,
                          const uint8_t seed[NACRE_MLDSA44_SEED_LEN], uint64_t *work)
{
    struct mldsa_signer *s = (void *)work;
    mldsa_expand_seed(s, seed);
    memcpy(pk, s->pk, sizeof s->pk);
    if (sk != NULL) {
        mldsa_encode_secret(sk, s);
    }
    nacre_wipe(s, sizeof *s);
}

/* ---- Signing: sections 5.2, 6.2 ---------------------------------------------------------- */

/* mu = H(tr || 0 || length of ctx || ctx || M): tr and the message as signed. */
static void mldsa_representative(uint8_t mu[MLDSA_MU_LEN], struct nacre_keccak *h,
                                 const uint8_t tr[64], const uint8_t *ctx, size_t ctx_len,
                                 const uint8_t *m, size_t n)
{
    uint8_t head[2] = {0, (uint8_t)ctx_len};
    nacre_shake256_init(h);
    nacre_shake_absorb(h, tr, 64);
    nacre_shake_absorb(h, head, sizeof head);
    nacre_shake_absorb(h, ctx, ctx_len);
    nacre_shake_absorb(h, m, n);
    nacre_shake_squeeze(mu, h, MLDSA_MU_LEN);
}

/* Whether a try is given up: the one place where signing tells of what it computes with secrets.
 *
 * That a try fails, at which of the three checks, and so how many there are, says nothing of the
 * key: y is uniform, so that z = y + c s1 falls into the accepted range with the same probability
 * for each key and c (each accepted z has exactly one y); the low bits of w - c s2 are taken to be
 * as independent of s2, as the proof of the scheme needs; c t0 and the hints follow from what
 * whoever has many signatures knows: t0 is secret by its encoding only. A failed try's y is never
 * used again and its z and r0 are not let out; only the verdict over all coefficients is, not which
 * of them failed. */
static bool mldsa_given_up(uint32_t failed)
{
    /* rejection: independent of the key, see above */
    NCR_CT_PUBLIC(&failed, sizeof failed);
    return failed != 0;
}

/* w1Encode of w (reduced), into the hash. t and out are scratch. */
static void mldsa_hash_high(struct nacre_keccak *h, const struct ncr_mldsa_poly *w,
                            struct ncr_mldsa_poly *t, uint8_t out[MLDSA_W1_LEN])
{
    unsigned top = mldsa_top();
    for (size_t i = 0; i < MLDSA_N; i++) {
        t->c[i] = mldsa_high(w->c[i], top);
    }
    mldsa_pack(out, t, 6);
    nacre_shake_absorb(h, out, MLDSA_W1_LEN);
}

/* The commitment w = A y and the challenge c = ball(c~), c~ = H(mu || w1), transformed. */
static void mldsa_challenge(struct mldsa_signer *s)
{
    memcpy(s->z, s->y, sizeof s->z);
    for (size_t i = 0; i < MLDSA_K; i++) {
        mldsa_ntt(&s->z[i]);
    }
    nacre_shake256_init(&s->h);
    nacre_shake_absorb(&s->h, s->mu, sizeof s->mu);
    for (size_t r = 0; r < MLDSA_K; r++) {
        mldsa_dot(&s->w[r], s->a[r], s->z);
        mldsa_inverse(&s->w[r]);
        mldsa_hash_high(&s->h, &s->w[r], &s->t, s->w1);
    }
    nacre_shake_squeeze(s->ctilde, &s->h, sizeof s->ctilde);
    /* c~: part of the signature; that of a failed try is a hash over w1, which has too much entropy
     * to be guessed, hence a random string to all who do not know y */
    NCR_CT_PUBLIC(s->ctilde, sizeof s->ctilde);
    mldsa_ball(&s->c, s->ctilde, 1, MLDSA_Q - 1, &s->h);
    mldsa_ntt(&s->c);
}

/* z = y + c s1; 1 if its norm is too large. */
static uint32_t mldsa_response(struct mldsa_signer *s)
{
    uint32_t failed = 0;
    for (size_t i = 0; i < MLDSA_K; i++) {
        mldsa_mul(&s->t, &s->c, &s->s1[i]);
        mldsa_inverse(&s->t);
        mldsa_add(&s->z[i], &s->y[i], &s->t);
        failed |= mldsa_exceeds(&s->z[i], MLDSA_GAMMA1 - MLDSA_BETA);
    }
    return failed;
}

/* w = w - c s2; 1 if the norm of its low bits is too large. */
static uint32_t mldsa_residue(struct mldsa_signer *s)
{
    uint32_t failed = 0;
    for (size_t r = 0; r < MLDSA_K; r++) {
        mldsa_mul(&s->t, &s->c, &s->s2[r]);
        mldsa_inverse(&s->t);
        mldsa_sub(&s->w[r], &s->w[r], &s->t);
        failed |= mldsa_low_exceeds(&s->w[r], MLDSA_GAMMA2 - MLDSA_BETA);
    }
    return failed;
}

/* w = MakeHint: 1 where adding c t0 to w changes the high bits; 1 if c t0 or the number of hints is
 * too large. */
static uint32_t mldsa_hints(struct mldsa_signer *s)
{
    unsigned top = mldsa_top();
    uint32_t failed = 0, count = 0;
    for (size_t r = 0; r < MLDSA_K; r++) {
        uint32_t *w = s->w[r].c;
        mldsa_mul(&s->t, &s->c, &s->t0[r]);
        mldsa_inverse(&s->t);
        failed |= mldsa_exceeds(&s->t, MLDSA_GAMMA2);
        for (size_t i = 0; i < MLDSA_N; i++) {
            uint32_t sum = mldsa_reduce(w[i] + s->t.c[i], top);
            w[i] = (0 - (mldsa_high(w[i], top) ^ mldsa_high(sum, top))) >> top;
            count += w[i];
        }
    }
    return failed | (MLDSA_OMEGA - count) >> top;
}

/* HintBitPack: the places of the hints of each row, then how many there are up to its end. */
static void mldsa_encode_hints(uint8_t *out, const struct ncr_mldsa_poly h[MLDSA_K])
{
    size_t n = 0;
    memset(out, 0, MLDSA_OMEGA + MLDSA_K);
    for (size_t r = 0; r < MLDSA_K; r++) {
        for (size_t i = 0; i < MLDSA_N; i++) {
            if (h[r].c[i] != 0) {
                out[n++] = (uint8_t)i;
            }
        }
        out[MLDSA_OMEGA + r] = (uint8_t)n;
    }
}

/* sigEncode of a try that passed. */
static void mldsa_encode_signature(uint8_t *sig, struct mldsa_signer *s)
{
    /* z and the hints of a try that passed: the signature */
    NCR_CT_PUBLIC(s->z, sizeof s->z);
    NCR_CT_PUBLIC(s->w, sizeof s->w);
    memcpy(sig, s->ctilde, sizeof s->ctilde);
    mldsa_pack_vector(sig + MLDSA_CTILDE_LEN, MLDSA_Z_LEN, s->z, 18, MLDSA_GAMMA1, &s->t);
    mldsa_encode_hints(sig + MLDSA_HINT_AT, s->w);
}

static bool mldsa_try(uint8_t *sig, struct mldsa_signer *s, unsigned kappa)
{
    mldsa_expand_mask(s->y, s->expanded, kappa, &s->streams);
    mldsa_challenge(s);
    if (mldsa_given_up(mldsa_response(s)) || mldsa_given_up(mldsa_residue(s)) ||
        mldsa_given_up(mldsa_hints(s))) {
        return false;
    }
    mldsa_encode_signature(sig, s);
    return true;
}

/* rho'' from K, rnd and mu; the secret vectors transformed. */
static void mldsa_start_tries(struct mldsa_signer *s, const uint8_t rnd[NACRE_MLDSA44_RND_LEN])
{
    nacre_shake256_init(&s->h);
    nacre_shake_absorb(&s->h, s->k, sizeof s->k);
    nacre_shake_absorb(&s->h, rnd, NACRE_MLDSA44_RND_LEN);
    nacre_shake_absorb(&s->h, s->mu, sizeof s->mu);
    nacre_shake_squeeze(s->expanded, &s->h, 64);
    for (size_t i = 0; i < MLDSA_K; i++) {
        mldsa_ntt(&s->s1[i]);
        mldsa_ntt(&s->s2[i]);
        mldsa_ntt(&s->t0[i]);
    }
}

/* ML-DSA.Sign_internal, with the key and mu in place. */
static bool mldsa_sign(uint8_t *sig, struct mldsa_signer *s,
                       const uint8_t rnd[NACRE_MLDSA44_RND_LEN])
{
    mldsa_start_tries(s, rnd);
    for (unsigned i = 0; i < MLDSA_TRIES_MAX; i++) {
        if (mldsa_try(sig, s, MLDSA_K * i)) {
            return true;
        }
    }
    return false;
}

/* Signs with either form of the key, the other being NULL. */
static bool mldsa_sign_with(uint8_t *sig, const uint8_t *seed, const uint8_t *sk,
                            const uint8_t *ctx, size_t ctx_len, const uint8_t *rnd,
                            const uint8_t *m, size_t n, uint64_t *work)
{
    struct mldsa_signer *s = (void *)work;
    bool ok = false;
    if (ctx_len <= NACRE_MLDSA44_CTX_MAX) {
        if (seed != NULL) {
            mldsa_expand_seed(s, seed);
        } else {
            mldsa_decode_secret(s, sk);
        }
        mldsa_representative(s->mu, &s->h, s->tr, ctx, ctx_len, m, n);
        ok = mldsa_sign(sig, s, rnd);
        nacre_wipe(s, sizeof *s);
    }
    if (!ok) {
        memset(sig, 0, NACRE_MLDSA44_SIG_LEN);
    }
    return ok;
}

bool nacre_mldsa44_sign(uint8_t sig[NACRE_MLDSA44_SIG_LEN],
                        const uint8_t seed[NACRE_MLDSA44_SEED_LEN], const uint8_t *ctx,
                        size_t ctx_len, const uint8_t rnd[NACRE_MLDSA44_RND_LEN], const uint8_t *m,
                        size_t n, uint64_t *work)
{
    return mldsa_sign_with(sig, seed, NULL, ctx, ctx_len, rnd, m, n, work);
}

bool nacre_mldsa44_sign_expanded(uint8_t sig[NACRE_MLDSA44_SIG_LEN],
                                 const uint8_t sk[NACRE_MLDSA44_SK_LEN], const uint8_t *ctx,
                                 size_t ctx_len, const uint8_t rnd[NACRE_MLDSA44_RND_LEN],
                                 const uint8_t *m, size_t n, uint64_t *work)
{
    return mldsa_sign_with(sig, NULL, sk, ctx, ctx_len, rnd, m, n, work);
}

/* ---- Verification: sections 5.3, 6.3 ----------------------------------------------------- */

/* HintBitUnpack's checks: the places of a row rise, counts do not fall and end within 80, and the
 * places that are not used are 0. */
static bool mldsa_hints_valid(const uint8_t *hints)
{
    size_t n = 0;
    for (size_t r = 0; r < MLDSA_K; r++) {
        size_t first = n, end = hints[MLDSA_OMEGA + r];
        if (end < n || end > MLDSA_OMEGA) {
            return false;
        }
        for (; n < end; n++) {
            if (n > first && hints[n] <= hints[n - 1]) {
                return false;
            }
        }
    }
    for (; n < MLDSA_OMEGA; n++) {
        if (hints[n] != 0) {
            return false;
        }
    }
    return true;
}

/* The part of UseHint for a coefficient of w that has one: its high bits one up, or one down if the
 * low bits are not positive, moved by changing w to the middle of that range. */
static uint32_t mldsa_use_hint(uint32_t w)
{
    unsigned top = mldsa_top();
    uint32_t high = mldsa_high(w, top), low = mldsa_low(w, top);
    bool up = low != 0 && low <= MLDSA_GAMMA2;
    high += up ? 1 : MLDSA_HIGH_COUNT - 1;
    return high % MLDSA_HIGH_COUNT * (2 * MLDSA_GAMMA2);
}

/* Row r of w' = A z - c t1 2^13, hints applied, into the hash. v->c is -c transformed. */
static void mldsa_verify_row(struct mldsa_verifier *v, const uint8_t *pk, unsigned r,
                             const uint8_t *hints)
{
    mldsa_expand_row(v->row, pk, r, &v->x4, v->buf[0], sizeof v->buf[0]);
    mldsa_unpack(&v->t, pk + 32 + r * MLDSA_T1_LEN, 10);
    for (size_t i = 0; i < MLDSA_N; i++) {
        v->t.c[i] <<= MLDSA_D; /* at most 1023 * 2^13 = q - 1 */
    }
    mldsa_ntt(&v->t);
    mldsa_dot(&v->w, v->row, v->z);
    mldsa_mul(&v->t, &v->t, &v->c);
    mldsa_reduce_all(&v->w);
    mldsa_reduce_all(&v->t);
    mldsa_add(&v->w, &v->w, &v->t);
    mldsa_inverse(&v->w);
    for (size_t n = r == 0 ? 0 : hints[MLDSA_OMEGA + r - 1]; n < hints[MLDSA_OMEGA + r]; n++) {
        v->w.c[hints[n]] = mldsa_use_hint(v->w.c[hints[n]]);
    }
    mldsa_hash_high(&v->h, &v->w, &v->t, v->w1);
}

/* ML-DSA.Verify_internal. */
static bool mldsa_verify(struct mldsa_verifier *v, const uint8_t *pk, const uint8_t *sig)
{
    uint32_t failed = 0;
    if (!mldsa_hints_valid(sig + MLDSA_HINT_AT)) {
        return false;
    }
    mldsa_unpack_vector(v->z, sig + MLDSA_CTILDE_LEN, MLDSA_Z_LEN, 18, MLDSA_GAMMA1);
    for (size_t i = 0; i < MLDSA_K; i++) {
        failed |= mldsa_exceeds(&v->z[i], MLDSA_GAMMA1 - MLDSA_BETA);
        mldsa_ntt(&v->z[i]);
    }
    if (failed != 0) {
        return false;
    }
    mldsa_ball(&v->c, sig, MLDSA_Q - 1, 1, &v->h);
    mldsa_ntt(&v->c);
    nacre_shake256_init(&v->h);
    nacre_shake_absorb(&v->h, v->mu, sizeof v->mu);
    for (unsigned r = 0; r < MLDSA_K; r++) {
        mldsa_verify_row(v, pk, r, sig + MLDSA_HINT_AT);
    }
    nacre_shake_squeeze(v->ctilde, &v->h, sizeof v->ctilde);
    return memcmp(v->ctilde, sig, sizeof v->ctilde) == 0;
}

bool nacre_mldsa44_verify_vartime(const uint8_t pk[NACRE_MLDSA44_PK_LEN], const uint8_t *ctx,
                                  size_t ctx_len, const uint8_t *m, size_t n,
                                  const uint8_t sig[NACRE_MLDSA44_SIG_LEN], uint64_t *work)
{
    struct mldsa_verifier *v = (void *)work;
    uint8_t tr[64];
    bool ok;
    if (ctx_len > NACRE_MLDSA44_CTX_MAX) {
        return false;
    }
    nacre_shake256_init(&v->h);
    nacre_shake_absorb(&v->h, pk, NACRE_MLDSA44_PK_LEN);
    nacre_shake_squeeze(tr, &v->h, sizeof tr);
    mldsa_representative(v->mu, &v->h, tr, ctx, ctx_len, m, n);
    ok = mldsa_verify(v, pk, sig);
    nacre_wipe(v, sizeof *v);
    return ok;
}
