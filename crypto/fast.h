/* SPDX-License-Identifier: ISC
 *
 * The fast twins of portable routines: same results, same rules on what may leak. Each exists where
 * NCR_X86 or NCR_ARM is 1, and may be called only if ncr_cpu() has the feature that its name ends
 * in (armv8: the cryptographic ones).
 */
#ifndef NCR_FAST_H
#define NCR_FAST_H

#include "crypto/cpu.h"
#include "crypto/nacre_crypto.h"

/* FIPS 180-4, section 4.2.2. */
extern const uint32_t ncr_sha256_k[64];

#if NCR_X86

/* Nacre's ChaCha20 with 16 blocks side by side; any n, as nacre_chacha20_xor. */
void ncr_chacha20_avx512(uint8_t *out, const uint8_t *in, size_t n,
                         const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                         const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter);
/* With 8 blocks: the whole batches of 512 bytes only; the bytes done. */
size_t ncr_chacha20_avx2(uint8_t *out, const uint8_t *in, size_t n,
                         const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                         const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter);

/* SHA-1's and SHA-256's compression of a number of blocks into h. */
void ncr_sha1_blocks_sha(uint32_t h[5], const uint8_t *m, size_t blocks);
void ncr_sha256_blocks_sha(uint32_t h[8], const uint8_t *m, size_t blocks);

/* XORs the key stream from c->ctr on over n bytes, any n; leaves c as it is. */
typedef void ncr_aes_ctr_twin(uint8_t *out, const struct nacre_aes_ctr *c, const uint8_t *in,
                              size_t n);
ncr_aes_ctr_twin ncr_aes_ctr_xor_aes, ncr_aes_ctr_xor_vaes256, ncr_aes_ctr_xor_vaes;

/* As nacre_aes_cbc_encrypt() and _decrypt(), n a multiple of 16. */
void ncr_aes_cbc_encrypt_aes(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n);
void ncr_aes_cbc_decrypt_aes(uint8_t *out, struct nacre_aes_cbc *c, const uint8_t *in, size_t n);

/* Encrypts and makes the tag, or (unless seal) decrypts and makes the tag that would be right. */
typedef void ncr_gcm_twin(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c,
                          const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad, size_t aad_len,
                          const uint8_t *in, size_t n, bool seal);
ncr_gcm_twin ncr_gcm_aes, ncr_gcm_vaes256, ncr_gcm_vaes;

/* h = (h + m + 2^128) * r for each block m, as in poly1305.c; blocks is a multiple of 4 with
 * AVX2, of 8 with IFMA, and not 0. */
void ncr_poly1305_blocks_avx2(uint64_t h[3], const uint64_t r[2], const uint8_t *m, size_t blocks);
void ncr_poly1305_blocks_ifma(uint64_t h[3], const uint64_t r[2], const uint8_t *m, size_t blocks);

/* x2 and z2 after X25519's ladder with a clamped k, on numbers modulo 2^255 - 19 in limbs of 51
 * bits (fe25519_64.c): x1 below 2^51 in each, x2 and z2 of weight 1. */
void ncr_x25519_ladder_ifma(uint64_t x2[5], uint64_t z2[5], const uint8_t k[32],
                            const uint64_t x1[5]);
/* The same on numbers below 2^256 in four words. */
void ncr_x25519_ladder_adx(uint64_t x2[4], uint64_t z2[4], const uint8_t k[32],
                           const uint64_t x1[4]);
/* Multiples of points as in ge25519.c, with its table: r = s B for the digits of s; r = a p + b B,
 * where row is the table's first. */
struct ncr_ge25519;
void ncr_ge25519_sum_base_ifma(struct ncr_ge25519 *r, const uint64_t table[32][8][12],
                               const int8_t digit[64]);
void ncr_ge25519_mul2_ifma_vartime(struct ncr_ge25519 *r, const uint8_t a[32],
                                   const struct ncr_ge25519 *p, const uint8_t b[32],
                                   const uint64_t row[8][12]);

/* As ncr_words_mul(), ncr_words_sqr(). */
void ncr_words_mul_adx(uint64_t *r, const uint64_t *a, size_t na, const uint64_t *b, size_t nb);
void ncr_words_sqr_adx(uint64_t *r, const uint64_t *a, size_t n);
/* t += the multiple of m that makes the lower n of its 2n words 0, n even; k is -1 / m modulo 2^64.
 * The carry out of t. */
uint64_t ncr_mont_rows_adx(uint64_t *t, const uint64_t *m, size_t n, uint64_t k);
/* As ncr_mont_exp(); false if the modulus, the exponent or the memory is not for it, and then r is
 * as it was. */
struct ncr_mont;
bool ncr_mont_exp_ifma(uint64_t *r, const uint64_t *x, struct nacre_num e, const struct ncr_mont *c,
                       uint64_t *work, size_t cap);

/* Keccak-f[1600] on four states, lane by lane, as in keccak.h. */
void ncr_keccak_f_x4_avx2(uint64_t a[25][4]);
void ncr_keccak_f_x4_avx512(uint64_t a[25][4]);

/* As the functions of mlkem.h without the ending. */
void ncr_mlkem_ntt_avx2(int16_t p[256]);
void ncr_mlkem_ntt_back_avx2(int16_t p[256]);
void ncr_mlkem_gamma_avx2(int16_t g[256], const int16_t p[256]);
void ncr_mlkem_dot_avx2(int16_t out[256], const int16_t *a, const int16_t *p, const int16_t *g,
                        size_t k);

/* UMAC's NH of n bytes (a multiple of 32, not 0) for 2 or 4 streams, as in umac.c; nh of the
 * streams that there are not becomes 0. */
void ncr_umac_nh_avx2(uint64_t nh[4], const uint32_t *key, unsigned streams, const uint8_t *m,
                      size_t n);

/* The transform of ML-DSA-44, its inverse, products of transformed polynomials, and of rows of
 * four: as in mldsa44.c. */
struct ncr_mldsa_poly;
void ncr_mldsa44_ntt_avx2(struct ncr_mldsa_poly *a);
void ncr_mldsa44_inverse_avx2(struct ncr_mldsa_poly *a);
void ncr_mldsa44_mul_avx2(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *a,
                          const struct ncr_mldsa_poly *b);
void ncr_mldsa44_dot_avx2(struct ncr_mldsa_poly *r, const struct ncr_mldsa_poly *row,
                          const struct ncr_mldsa_poly *v);

#endif

#if NCR_ARM
/* As those above for AVX2, with batches of 256 bytes and any multiple of 4 blocks. */
size_t ncr_chacha20_neon(uint8_t *out, const uint8_t *in, size_t n,
                         const uint8_t key[NACRE_CHACHA20_KEY_LEN],
                         const uint8_t nonce[NACRE_CHACHA20_NONCE_LEN], uint64_t counter);
void ncr_poly1305_blocks_neon(uint64_t h[3], const uint64_t r[2], const uint8_t *m, size_t blocks);
/* As those above, for Armv8 with the cryptographic extension. */
void ncr_sha256_blocks_armv8(uint32_t h[8], const uint8_t *m, size_t blocks);
void ncr_aes_ctr_xor_armv8(uint8_t *out, const struct nacre_aes_ctr *c, const uint8_t *in,
                           size_t n);
void ncr_gcm_armv8(uint8_t *out, uint8_t tag[NACRE_GCM_TAG_LEN], const struct nacre_gcm *c,
                   const uint8_t iv[NACRE_GCM_IV_LEN], const uint8_t *aad, size_t aad_len,
                   const uint8_t *in, size_t n, bool seal);
#endif

#endif
