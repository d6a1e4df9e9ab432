/* SPDX-License-Identifier: ISC
 *
 * ML-KEM-768 and ML-KEM-1024: FIPS 203.
 *
 * The parameter sets are rows; both have eta1 = eta2 = 2. Polynomials are in mlkem_ntt.c, here are
 * the encodings (section 4.2.1), sampling (4.2.2), the encryption scheme (5), and the KEM (6, 7)
 * with its checks: of an encapsulation key the modulus check, of a decapsulation key the hash
 * check; lengths are the caller's. Divisions by q are multiplications. What is public is marked so
 * at three places, with the reason. All secrets live in the caller's `work`, which is wiped, and in
 * hash states on the stack, which are too.
 */
#include "crypto/mlkem.h"
#include "crypto/ct.h"
#include "crypto/keccak.h"
#include "crypto/load.h"
#include "crypto/nacre_crypto.h"

#include <string.h>

enum {
    MLKEM_N = NCR_MLKEM_N,
    MLKEM_Q = NCR_MLKEM_Q,
    MLKEM_KMAX = 4,
    MLKEM_R2 = 1353,          /* R^2 mod q */
    MLKEM_POLY_LEN = 12 * 32, /* a polynomial, not compressed */
    MLKEM_BLOCKS = 3,         /* of SHAKE128 at first: 336 candidates, 273 of which are below q */
    MLKEM_STREAM = MLKEM_BLOCKS * NACRE_SHAKE128_RATE
};

/* Table 2. */
struct mlkem_params {
    size_t k;
    unsigned du, dv;
    size_t ek_len, ct_len;
};

static const struct mlkem_params mlkem_768 = {3, 10, 4, NACRE_MLKEM768_EK_LEN,
                                              NACRE_MLKEM768_CT_LEN};
static const struct mlkem_params mlkem_1024 = {4, 11, 5, NACRE_MLKEM1024_EK_LEN,
                                               NACRE_MLKEM1024_CT_LEN};

typedef int16_t mlkem_poly[MLKEM_N];

/* What `work` holds. */
struct mlkem_mem {
    mlkem_poly a[MLKEM_KMAX * MLKEM_KMAX]; /* the matrix, row by row, or its transpose */
    mlkem_poly t[MLKEM_KMAX];              /* t, u */
    mlkem_poly s[MLKEM_KMAX];              /* s, y */
    mlkem_poly g[MLKEM_KMAX];              /* gamma of what a product multiplies by */
    mlkem_poly e[MLKEM_KMAX];              /* e, e1 */
    mlkem_poly v;
    struct nacre_keccak x1;  /* what is expanded alone, */
    struct ncr_keccak_x4 x4; /* and side by side */
    uint8_t stream[4][MLKEM_STREAM];
    uint8_t ct[NACRE_MLKEM1024_CT_LEN]; /* of the encryption that decapsulation repeats */
    uint8_t rho[32], kr[64], m[32], reject[32];
};

_Static_assert(sizeof(struct mlkem_mem) <= (size_t)8 * NACRE_MLKEM_WORK, "NACRE_MLKEM_WORK");

/* ---- Hashes of section 4.1 --------------------------------------------------------------- */

/* G, of a and b. */
static void mlkem_hash_g(uint8_t out[64], const uint8_t a[32], const uint8_t *b, size_t n)
{
    struct nacre_keccak c;
    nacre_sha3_512_init(&c);
    nacre_sha3_update(&c, a, 32);
    nacre_sha3_update(&c, b, n);
    nacre_sha3_final(out, &c);
}

static void mlkem_hash_h(uint8_t out[32], const uint8_t *a, size_t n)
{
    struct nacre_keccak c;
    nacre_sha3_256_init(&c);
    nacre_sha3_update(&c, a, n);
    nacre_sha3_final(out, &c);
}

/* J, of z and the ciphertext. */
static void mlkem_hash_j(uint8_t out[32], const uint8_t z[32], const uint8_t *ct, size_t n)
{
    struct nacre_keccak c;
    nacre_shake256_init(&c);
    nacre_shake_absorb(&c, z, 32);
    nacre_shake_absorb(&c, ct, n);
    nacre_shake_squeeze(out, &c, 32);
    nacre_wipe(&c, sizeof c);
}

/* ---- Encodings --------------------------------------------------------------------------- */

/* x mod q in 0 to q - 1, for -3q <= x. 20159 = 2^26/q + 447/q: the quotient is exact below 2^17. */
NCR_INLINE uint32_t mlkem_canonical(int16_t x)
{
    uint32_t y = (uint32_t)(x + 3 * MLKEM_Q);
    return y - (y * 20159 >> 26) * MLKEM_Q;
}

/* Compress_d, equation 4.7, for d < 12: (2^d x + 1664) / q, rounded down. 20642679 is 2^36/q and
 * less than 1 more, and the dividend is below 2^23, so the quotient is exact. */
NCR_INLINE uint32_t mlkem_compress(uint32_t x, unsigned d)
{
    uint64_t y = (uint64_t)(x << d) + MLKEM_Q / 2;
    return (uint32_t)(y * 20642679 >> 36) & ((1U << d) - 1);
}

/* Decompress_d, equation 4.8. */
NCR_INLINE int16_t mlkem_decompress(uint32_t y, unsigned d)
{
    return (int16_t)((y * MLKEM_Q + (1U << (d - 1))) >> d);
}

/* The n bytes, at most 8, of a word. */
NCR_INLINE void mlkem_put(uint8_t *out, uint64_t x, unsigned n)
{
    if (n == 8) {
        ncr_store64le(out, x);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        out[i] = (uint8_t)(x >> 8 * i);
    }
}

NCR_INLINE uint64_t mlkem_get(const uint8_t *in, unsigned n)
{
    uint64_t x = 0;
    if (n == 8) {
        return ncr_load64le(in);
    }
    for (unsigned i = 0; i < n; i++) {
        x |= (uint64_t)in[i] << 8 * i;
    }
    return x;
}

/* ByteEncode_d of Compress_d, algorithm 5; d = 12 does not compress. Eight numbers of d bits are d
 * bytes: four are at most 48 bits, and go into one word. */
NCR_INLINE void mlkem_encode_as(uint8_t *out, const int16_t p[MLKEM_N], unsigned d)
{
    const unsigned first = d < 8 ? d : 8;
    for (size_t i = 0; i < MLKEM_N; i += 8, out += d) {
        uint64_t half[2] = {0, 0};
        for (unsigned j = 0; j < 8; j++) {
            uint32_t x = mlkem_canonical(p[i + j]);
            half[j / 4] |= (uint64_t)(d == 12 ? x : mlkem_compress(x, d)) << d * (j % 4);
        }
        uint64_t low = half[0] | half[1] << 4 * d, high = half[1] >> (64 - 4 * d);
        mlkem_put(out, low, first);
        mlkem_put(out + first, high, d - first);
    }
}

/* Decompress_d of ByteDecode_d, algorithm 6; d = 12 does not decompress, nor reduce. */
NCR_INLINE void mlkem_decode_as(int16_t p[MLKEM_N], const uint8_t *in, unsigned d)
{
    const unsigned first = d < 8 ? d : 8;
    const uint32_t mask = (1U << d) - 1;
    for (size_t i = 0; i < MLKEM_N; i += 8, in += d) {
        uint64_t low = mlkem_get(in, first), high = mlkem_get(in + first, d - first);
        uint64_t half[2] = {low, low >> 4 * d | high << (64 - 4 * d)};
        for (unsigned j = 0; j < 8; j++) {
            uint32_t y = (uint32_t)(half[j / 4] >> d * (j % 4)) & mask;
            p[i + j] = d == 12 ? (int16_t)y : mlkem_decompress(y, d);
        }
    }
}

static void mlkem_encode(uint8_t *out, const int16_t p[MLKEM_N], unsigned d)
{
    switch (d) {
    case 1:
        mlkem_encode_as(out, p, 1);
        break;
    case 4:
        mlkem_encode_as(out, p, 4);
        break;
    case 5:
        mlkem_encode_as(out, p, 5);
        break;
    case 10:
        mlkem_encode_as(out, p, 10);
        break;
    case 11:
        mlkem_encode_as(out, p, 11);
        break;
    default:
        mlkem_encode_as(out, p, 12);
    }
}

static void mlkem_decode(int16_t p[MLKEM_N], const uint8_t *in, unsigned d)
{
    switch (d) {
    case 1:
        mlkem_decode_as(p, in, 1);
        break;
    case 4:
        mlkem_decode_as(p, in, 4);
        break;
    case 5:
        mlkem_decode_as(p, in, 5);
        break;
    case 10:
        mlkem_decode_as(p, in, 10);
        break;
    case 11:
        mlkem_decode_as(p, in, 11);
        break;
    default:
        mlkem_decode_as(p, in, 12);
    }
}

static void mlkem_encode_all(uint8_t *out, mlkem_poly *p, size_t k, unsigned d)
{
    for (size_t i = 0; i < k; i++) {
        mlkem_encode(out + i * 32 * d, p[i], d);
    }
}

static void mlkem_decode_all(mlkem_poly *p, const uint8_t *in, size_t k, unsigned d)
{
    for (size_t i = 0; i < k; i++) {
        mlkem_decode(p[i], in + i * 32 * d, d);
    }
}

/* The modulus check of section 7.2: that every number of the k encoded polynomials is below q. */
static bool mlkem_below_q(const uint8_t *in, size_t k)
{
    uint32_t over = 0;
    for (size_t i = 0; i < k * MLKEM_POLY_LEN; i += 3) {
        uint32_t x = (uint32_t)(in[i] | in[i + 1] << 8 | in[i + 2] << 16);
        over |= (MLKEM_Q - 1 - (x & 0xfff)) | (MLKEM_Q - 1 - (x >> 12));
    }
    return over >> 31 == 0;
}

/* ---- Sampling ---------------------------------------------------------------------------- */

/* Starts up to four streams of SHAKE on seed and their tails, low byte first. */
static void mlkem_start(struct mlkem_mem *m, size_t count, size_t rate, const uint8_t seed[32],
                        const uint16_t tail[4], size_t tail_len)
{
    const uint8_t one[2] = {(uint8_t)tail[0], (uint8_t)(tail[0] >> 8)};
    if (count > 1) {
        ncr_keccak_x4_start(&m->x4, rate, seed, 32, tail, tail_len);
        return;
    }
    (rate == NACRE_SHAKE128_RATE ? nacre_shake128_init : nacre_shake256_init)(&m->x1);
    nacre_shake_absorb(&m->x1, seed, 32);
    nacre_shake_absorb(&m->x1, one, tail_len);
}

static void mlkem_squeeze(struct mlkem_mem *m, size_t count, size_t rate, size_t blocks)
{
    if (count > 1) {
        ncr_keccak_x4_squeeze(m->stream[0], MLKEM_STREAM, &m->x4, blocks);
    } else {
        nacre_shake_squeeze(m->stream[0], &m->x1, rate * blocks);
    }
}

/* Algorithm 7's loop over len bytes, a multiple of 3; n coefficients are there. The new n. */
static size_t mlkem_accept(int16_t p[MLKEM_N], size_t n, const uint8_t *in, size_t len)
{
    for (const uint8_t *end = in + len; in < end && n < MLKEM_N; in += 3) {
        uint32_t x = (uint32_t)(in[0] | in[1] << 8 | in[2] << 16), low = x & 0xfff, high = x >> 12;
        p[n] = (int16_t)low;
        n += low < MLKEM_Q;
        if (n < MLKEM_N) {
            p[n] = (int16_t)high;
            n += high < MLKEM_Q;
        }
    }
    return n;
}

/* count (up to four) uniform polynomials, algorithm 7, from m->rho and their tails. */
static void mlkem_uniform(struct mlkem_mem *m, mlkem_poly *p, size_t count, const uint16_t tail[4])
{
    size_t n[4] = {0}, blocks = MLKEM_BLOCKS, full;
    mlkem_start(m, count, NACRE_SHAKE128_RATE, m->rho, tail, 2);
    do {
        mlkem_squeeze(m, count, NACRE_SHAKE128_RATE, blocks);
        full = 0;
        for (size_t i = 0; i < count; i++) {
            n[i] = mlkem_accept(p[i], n[i], m->stream[i], blocks * NACRE_SHAKE128_RATE);
            full += n[i] == MLKEM_N;
        }
        blocks = 1;
    } while (full < count);
}

/* The matrix of m->rho or its transpose: entry i, j is of rho || j || i, as algorithm 13 has it. */
static void mlkem_matrix(struct mlkem_mem *m, size_t k, bool transposed)
{
    for (size_t at = 0; at < k * k; at += 4) {
        size_t count = k * k - at < 4 ? k * k - at : 4;
        uint16_t tail[4] = {0};
        for (size_t i = 0; i < count; i++) {
            size_t row = (at + i) / k, column = (at + i) % k;
            tail[i] = (uint16_t)(transposed ? row | column << 8 : column | row << 8);
        }
        mlkem_uniform(m, m->a + at, count, tail);
    }
}

/* SamplePolyCBD_2, algorithm 8: per coefficient two bits less two bits. Sums of neighbouring bits
 * first, a byte then holds them for two coefficients. */
static void mlkem_binomial(int16_t p[MLKEM_N], const uint8_t in[128])
{
    for (size_t i = 0; i < MLKEM_N; i += 8) {
        uint32_t x = ncr_load32le(in + i / 2);
        x = (x & 0x55555555) + (x >> 1 & 0x55555555);
        for (unsigned j = 0; j < 8; j++) {
            p[i + j] = (int16_t)((int32_t)(x >> 4 * j & 3) - (int32_t)(x >> (4 * j + 2) & 3));
        }
    }
}

/* Where the noise of counter i goes: s or y first, then e or e1, then e2. */
static int16_t *mlkem_noise_at(struct mlkem_mem *m, size_t k, size_t i)
{
    return i < k ? m->s[i] : i < 2 * k ? m->e[i - k] : m->v;
}

/* The noise of counters 0 to n - 1. */
static void mlkem_noise(struct mlkem_mem *m, size_t k, size_t n, const uint8_t seed[32])
{
    for (size_t at = 0; at < n; at += 4) {
        size_t count = n - at < 4 ? n - at : 4;
        const uint16_t tail[4] = {(uint16_t)at, (uint16_t)(at + 1), (uint16_t)(at + 2),
                                  (uint16_t)(at + 3)};
        mlkem_start(m, count, NACRE_SHAKE256_RATE, seed, tail, 1);
        mlkem_squeeze(m, count, NACRE_SHAKE256_RATE, 1);
        for (size_t i = 0; i < count; i++) {
            mlkem_binomial(mlkem_noise_at(m, k, at + i), m->stream[i]);
        }
    }
}

/* ---- K-PKE: section 5 -------------------------------------------------------------------- */

static void mlkem_add(int16_t p[MLKEM_N], const int16_t a[MLKEM_N])
{
    for (size_t i = 0; i < MLKEM_N; i++) {
        p[i] = (int16_t)(p[i] + a[i]);
    }
}

/* p to NTT domain, ready to be multiplied by. */
static void mlkem_factors(struct mlkem_mem *m, mlkem_poly *p, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        ncr_mlkem_ntt(p[i]);
        ncr_mlkem_gamma(m->g[i], p[i]);
    }
}

/* Algorithm 13 with (rho, sigma) in m->rho and m->kr + 32: the encodings of t and rho, and of s. */
static void mlkem_pke_keygen(uint8_t *ek, uint8_t *dk, const struct mlkem_params *par,
                             struct mlkem_mem *m)
{
    const size_t k = par->k;
    mlkem_matrix(m, k, false);
    mlkem_noise(m, k, 2 * k, m->kr + 32);
    mlkem_factors(m, m->s, k);
    for (size_t i = 0; i < k; i++) {
        ncr_mlkem_dot(m->t[i], m->a[i * k], m->s[0], m->g[0], k);
        ncr_mlkem_scale(m->t[i], MLKEM_R2);
        ncr_mlkem_ntt(m->e[i]);
        mlkem_add(m->t[i], m->e[i]);
    }
    mlkem_encode_all(ek, m->t, k, 12);
    memcpy(ek + k * MLKEM_POLY_LEN, m->rho, 32);
    mlkem_encode_all(dk, m->s, k, 12);
}

/* Algorithm 14 of m->m with randomness m->kr + 32. u is at most 3q/4 + 2 before it is encoded, v
 * at most 3q/4 + 2 + (q + 1)/2. */
static void mlkem_pke_encrypt(uint8_t *ct, const struct mlkem_params *par, const uint8_t *ek,
                              struct mlkem_mem *m)
{
    const size_t k = par->k;
    memcpy(m->rho, ek + k * MLKEM_POLY_LEN, 32);
    NCR_CT_PUBLIC(m->rho, 32); /* the public key's, also where it was copied into the private one */
    mlkem_matrix(m, k, true);
    mlkem_noise(m, k, 2 * k + 1, m->kr + 32);
    mlkem_factors(m, m->s, k);
    for (size_t i = 0; i < k; i++) {
        ncr_mlkem_dot(m->t[i], m->a[i * k], m->s[0], m->g[0], k);
        ncr_mlkem_ntt_back(m->t[i]);
        mlkem_add(m->t[i], m->e[i]);
    }
    mlkem_encode_all(ct, m->t, k, par->du);
    mlkem_decode_all(m->t, ek, k, 12);
    ncr_mlkem_dot(m->e[0], m->t[0], m->s[0], m->g[0], k);
    ncr_mlkem_ntt_back(m->e[0]);
    mlkem_add(m->v, m->e[0]);
    mlkem_decode(m->e[0], m->m, 1);
    mlkem_add(m->v, m->e[0]);
    mlkem_encode(ct + k * 32 * par->du, m->v, par->dv);
}

/* Algorithm 15: into m->m. */
static void mlkem_pke_decrypt(const struct mlkem_params *par, const uint8_t *dk, const uint8_t *ct,
                              struct mlkem_mem *m)
{
    const size_t k = par->k;
    mlkem_decode_all(m->t, ct, k, par->du);
    mlkem_decode(m->v, ct + k * 32 * par->du, par->dv);
    mlkem_decode_all(m->s, dk, k, 12);
    mlkem_factors(m, m->t, k);
    ncr_mlkem_dot(m->e[0], m->s[0], m->t[0], m->g[0], k);
    ncr_mlkem_ntt_back(m->e[0]);
    for (size_t i = 0; i < MLKEM_N; i++) {
        m->v[i] = (int16_t)(m->v[i] - m->e[0][i]);
    }
    mlkem_encode(m->m, m->v, 1);
}

/* ---- ML-KEM: sections 6 and 7 ------------------------------------------------------------ */

/* Algorithm 16. The private key: s, the public key, its hash, z. */
static void mlkem_keygen(uint8_t *ek, uint8_t *dk, const struct mlkem_params *par,
                         const uint8_t seed[NACRE_MLKEM_SEED_LEN], struct mlkem_mem *m)
{
    const uint8_t k = (uint8_t)par->k;
    uint8_t *rest = dk + par->k * MLKEM_POLY_LEN;
    mlkem_hash_g(m->kr, seed, &k, 1);
    memcpy(m->rho, m->kr, 32);
    NCR_CT_PUBLIC(m->rho, 32); /* part of the public key */
    mlkem_pke_keygen(ek, dk, par, m);
    NCR_CT_PUBLIC(ek, par->ek_len); /* goes to the peer */
    memcpy(rest, ek, par->ek_len);
    mlkem_hash_h(rest + par->ek_len, ek, par->ek_len);
    memcpy(rest + par->ek_len + 32, seed + 32, 32);
    nacre_wipe(m, sizeof *m);
}

/* Algorithms 20 and 17. */
static bool mlkem_encaps(uint8_t *ct, uint8_t key[32], const struct mlkem_params *par,
                         const uint8_t *ek, const uint8_t msg[32], struct mlkem_mem *m)
{
    uint8_t h[32];
    if (!mlkem_below_q(ek, par->k)) {
        nacre_wipe(ct, par->ct_len);
        nacre_wipe(key, 32);
        return false;
    }
    memcpy(m->m, msg, 32);
    mlkem_hash_h(h, ek, par->ek_len);
    mlkem_hash_g(m->kr, m->m, h, sizeof h);
    mlkem_pke_encrypt(ct, par, ek, m);
    NCR_CT_PUBLIC(ct, par->ct_len); /* goes to the peer */
    memcpy(key, m->kr, 32);
    nacre_wipe(m, sizeof *m);
    return true;
}

/* Algorithm 18 after the hash check: the ciphertext is decrypted and the result encrypted again;
 * which of both keys the peer gets depends on whether that gives the same ciphertext. */
static void mlkem_open(uint8_t key[32], const struct mlkem_params *par, const uint8_t *dk,
                       const uint8_t *ct, struct mlkem_mem *m)
{
    const uint8_t *ek = dk + par->k * MLKEM_POLY_LEN, *h = ek + par->ek_len;
    mlkem_pke_decrypt(par, dk, ct, m);
    mlkem_hash_g(m->kr, m->m, h, 32);
    mlkem_hash_j(m->reject, h + 32, ct, par->ct_len);
    mlkem_pke_encrypt(m->ct, par, ek, m);
    uint32_t differ = ncr_ct_mask_nonzero32(ncr_ct_diff(ct, m->ct, par->ct_len));
    for (size_t i = 0; i < 32; i++) {
        key[i] = (uint8_t)ncr_ct_select32(differ, m->reject[i], m->kr[i]);
    }
}

/* Algorithm 21: the hash check of section 7.3 and algorithm 18. */
static bool mlkem_decaps(uint8_t key[32], const struct mlkem_params *par, const uint8_t *dk,
                         const uint8_t *ct, struct mlkem_mem *m)
{
    const uint8_t *ek = dk + par->k * MLKEM_POLY_LEN;
    bool whole;
    mlkem_hash_h(m->m, ek, par->ek_len);
    whole = nacre_ct_eq(m->m, ek + par->ek_len, 32);
    if (whole) {
        mlkem_open(key, par, dk, ct, m);
    } else {
        nacre_wipe(key, 32);
    }
    nacre_wipe(m, sizeof *m);
    return whole;
}

void nacre_mlkem768_keygen(uint8_t *ek, uint8_t *dk, const uint8_t seed[NACRE_MLKEM_SEED_LEN],
                           uint64_t *work)
{
    mlkem_keygen(ek, dk, &mlkem_768, seed, (void *)work);
}

bool nacre_mlkem768_encaps(uint8_t *ct, uint8_t k[NACRE_MLKEM_K_LEN], const uint8_t *ek,
                           const uint8_t m[32], uint64_t *work)
{
    return mlkem_encaps(ct, k, &mlkem_768, ek, m, (void *)work);
}

bool nacre_mlkem768_decaps(uint8_t k[NACRE_MLKEM_K_LEN], const uint8_t *dk, const uint8_t *ct,
                           uint64_t *work)
{
    return mlkem_decaps(k, &mlkem_768, dk, ct, (void *)work);
}

void nacre_mlkem1024_keygen(uint8_t *ek, uint8_t *dk, const uint8_t seed[NACRE_MLKEM_SEED_LEN],
                            uint64_t *work)
{
    mlkem_keygen(ek, dk, &mlkem_1024, seed, (void *)work);
}

bool nacre_mlkem1024_encaps(uint8_t *ct, uint8_t k[NACRE_MLKEM_K_LEN], const uint8_t *ek,
                            const uint8_t m[32], uint64_t *work)
{
    return mlkem_encaps(ct, k, &mlkem_1024, ek, m, (void *)work);
}

bool nacre_mlkem1024_decaps(uint8_t k[NACRE_MLKEM_K_LEN], const uint8_t *dk, const uint8_t *ct,
                            uint64_t *work)
{
    return mlkem_decaps(k, &mlkem_1024, dk, ct, (void *)work);
}
