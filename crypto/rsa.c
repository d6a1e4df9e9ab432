/* SPDX-License-Identifier: ISC
 *
 * RSA signatures, RSASSA-PKCS1-v1_5: RFC 8017 sections 5.2, 8.2 and 9.2.
 *
 * A signature is checked by building the one block that may come out and comparing all of it: the
 * block is never parsed, so that there is nothing to be lenient with.
 *
 * Signing works modulo p and q apart (section 5.1.2, 2b) on a message that is blinded with a random
 * factor, and the result is checked with the public exponent before it leaves: a result that is
 * wrong in one half tells the factors (Boneh, DeMillo, Lipton 1997). Of the private parts nothing
 * leaks but the lengths that they are given with, the bit lengths of p and q, and whether they are
 * a key at all. Exponents are not blinded: the powers are constant-time in them.
 */
#include "crypto/mont.h"

#include <string.h>

/* ---- The encoded message: section 9.2 ---------------------------------------------------- */

/* DER of DigestInfo before the digest, by the digest's length: note 1. */
static const struct {
    uint8_t len, n;
    uint8_t der[19];
} rsa_digest_info[] = {
    {NACRE_SHA1_LEN,
     15,
     {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}},
    {NACRE_SHA256_LEN,
     19,
     {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
      0x05, 0x00, 0x04, 0x20}},
    {NACRE_SHA384_LEN,
     19,
     {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
      0x05, 0x00, 0x04, 0x30}},
    {NACRE_SHA512_LEN,
     19,
     {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03,
      0x05, 0x00, 0x04, 0x40}},
};
enum { RSA_DIGESTS = sizeof rsa_digest_info / sizeof *rsa_digest_info };

/* 00 01 ff .. ff 00 DigestInfo, len bytes; false if there is no DigestInfo for the hash. A modulus
 * of 1,024 bits leaves at least 42 bytes ff (8 are asked for). */
static bool rsa_encode(uint8_t *em, size_t len, const struct nacre_hash *hash, const uint8_t *m,
                       size_t n)
{
    union nacre_hash_ctx c;
    size_t i = 0, at;
    while (i < RSA_DIGESTS && rsa_digest_info[i].len != hash->len) {
        i++;
    }
    if (i == RSA_DIGESTS) {
        return false;
    }
    at = len - hash->len - rsa_digest_info[i].n;
    em[0] = 0;
    em[1] = 1;
    memset(em + 2, 0xff, at - 3);
    em[at - 1] = 0;
    memcpy(em + at, rsa_digest_info[i].der, rsa_digest_info[i].n);
    hash->init(&c);
    hash->update(&c, m, n);
    hash->final(em + len - hash->len, &c);
    return true;
}

/* ---- The public key ---------------------------------------------------------------------- */

enum { RSA_LONG_EXPONENT_BITS = 64, RSA_LONG_EXPONENT_MODULUS_BITS = 3072 };

bool nacre_rsa_public_ok_vartime(struct nacre_num n, struct nacre_num e)
{
    size_t bits = ncr_num_bits_vartime(n), e_bits = ncr_num_bits_vartime(e);
    if (bits < NACRE_RSA_BITS_MIN || bits > NACRE_RSA_BITS_MAX || (n.p[n.n - 1] & 1) == 0) {
        return false;
    }
    if (e_bits < 2 || (e.p[e.n - 1] & 1) == 0 || ncr_num_compare_vartime(e, n) >= 0) {
        return false;
    }
    return bits <= RSA_LONG_EXPONENT_MODULUS_BITS || e_bits <= RSA_LONG_EXPONENT_BITS;
}

/* r = x^e mod n, plain; x below 2^(64 words). t has 3 times the words. r may be x. */
static void rsa_public(uint64_t *r, const uint64_t *x, struct nacre_num e, const struct ncr_mont *c,
                       uint64_t *t)
{
    uint64_t *form = t + 2 * c->n;
    ncr_mont_mul(form, x, c->r2, c, t);
    ncr_mont_exp_public(r, form, e, c, t);
    ncr_mont_leave(r, r, c, t);
}

bool nacre_rsa_verify_vartime(const struct nacre_hash *hash, struct nacre_num n, struct nacre_num e,
                              const uint8_t *m, size_t len, struct nacre_num sig, uint64_t *work)
{
    struct ncr_mont c;
    size_t bits = ncr_num_bits_vartime(n), words = NCR_WORDS_EVEN(bits), bytes = (bits + 7) / 8;
    uint64_t *modulus = work, *r2 = modulus + words, *s = r2 + words, *t = s + words;
    uint8_t *em = (uint8_t *)t, *got = (uint8_t *)s;
    if (!nacre_rsa_public_ok_vartime(n, e) || sig.n != bytes ||
        ncr_num_compare_vartime(sig, n) >= 0) {
        return false;
    }
    ncr_words_load(modulus, words, n);
    ncr_words_load(s, words, sig);
    if (ncr_mont_enter_short_vartime(r2, s, &c, modulus, bits)) {
        ncr_mont_exp_public(s, r2, e, &c, t);
        ncr_mont_leave(s, s, &c, t);
    } else {
        ncr_mont_init(&c, modulus, bits, r2, t);
        rsa_public(s, s, e, &c, t);
    }
    ncr_words_store(em, bytes, s, words);
    memcpy(got, em, bytes);
    bool ok = rsa_encode(em, bytes, hash, m, len) && nacre_ct_eq(em, got, bytes);
    nacre_wipe(work, NACRE_RSA_VERIFY_WORK(bits) * sizeof *work);
    return ok;
}

/* ---- The private key --------------------------------------------------------------------- */

/* A private operation's numbers in the caller's memory. Words: n for those modulo n, h for those
 * modulo a prime, where 2h >= n. */
struct rsa_work {
    const struct nacre_rsa_key *key;
    struct ncr_mont n, p; /* p is the prime that was loaded last */
    size_t bits, p_bits, q_bits, h;
    uint64_t *em;      /* encoded message, n words */
    uint64_t *c;       /* blinded message, then signature, n words */
    uint64_t *unblind; /* inverse of the blinding factor, n words */
    uint64_t *prime;   /* h words */
    uint64_t *dp;      /* d mod p - 1, as bytes, h words */
    uint64_t *sp, *sq; /* the two halves of the result, h words each */
    uint64_t *other;   /* the other prime, or iqmp, h words */
    uint64_t *t;       /* all the rest */
    size_t cap;        /* words of t */
};

/* Bits of x without leading zeros, for an x that is secret otherwise. */
static size_t rsa_bits(struct nacre_num x)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < 8 * x.n; i++) {
        uint64_t bit = ncr_ct_mask_bit64((uint64_t)x.p[x.n - 1 - i / 8] >> i % 8);
        bits = ncr_ct_select64(bit, i + 1, bits);
    }
    /* The bit lengths of p and q are public: they fix how long the operation takes. */
    NCR_CT_PUBLIC(&bits, sizeof bits);
    return (size_t)bits;
}

/* Loads x into n words; mask of x fitting in them. */
static uint64_t rsa_load(uint64_t *r, size_t n, struct nacre_num x)
{
    uint64_t more = 0;
    for (size_t i = 0; i + 8 * n < x.n; i++) {
        more |= x.p[i];
    }
    ncr_words_load(r, n, x);
    return ncr_ct_mask_zero64(more);
}

/* Divides the memory up; false if the sizes of the key's parts are not those of a key. */
static bool rsa_plan(struct rsa_work *w, const struct nacre_rsa_key *key, uint64_t *work)
{
    size_t words, most;
    if (!nacre_rsa_public_ok_vartime(key->n, key->e)) {
        return false;
    }
    w->key = key;
    w->bits = ncr_num_bits_vartime(key->n);
    w->p_bits = rsa_bits(key->p);
    w->q_bits = rsa_bits(key->q);
    words = NCR_WORDS_EVEN(w->bits);
    most = w->p_bits > w->q_bits ? w->p_bits : w->q_bits;
    w->h = NCR_WORDS_EVEN(most);
    if (w->p_bits < 2 || w->q_bits < 2 || w->p_bits + w->q_bits < w->bits || 2 * w->h > words + 4) {
        return false;
    }
    w->em = work + 2 * words;
    w->c = w->em + words;
    w->unblind = w->c + words;
    w->prime = w->unblind + words;
    w->dp = w->prime + 2 * w->h;
    w->sp = w->dp + w->h;
    w->sq = w->sp + w->h;
    w->other = w->sq + w->h;
    w->t = w->other + w->h;
    w->cap = (size_t)(work + NACRE_RSA_WORK(w->bits) - w->t);
    ncr_words_load(work, words, key->n);
    ncr_mont_init(&w->n, work, w->bits, work + words, w->t);
    return true;
}

/* Mask of p and q being odd, and p q = n. */
static uint64_t rsa_factors(struct rsa_work *w)
{
    uint64_t *product = w->t, ok;
    ok = rsa_load(w->prime, w->h, w->key->p) & rsa_load(w->other, w->h, w->key->q);
    ok &= ncr_ct_mask_bit64(w->prime[0]) & ncr_ct_mask_bit64(w->other[0]);
    ncr_words_mul(product, w->prime, w->h, w->other, w->h);
    ok &= ncr_words_eq(product, w->n.m, w->n.n);
    for (size_t i = w->n.n; i < 2 * w->h; i++) {
        ok &= ncr_ct_mask_zero64(product[i]);
    }
    return ok;
}

/* Loads a prime, and d modulo the prime less 1; mask of d not being too long. */
static uint64_t rsa_prime(struct rsa_work *w, struct nacre_num prime, size_t bits)
{
    uint64_t *r2 = w->prime + w->h, *d = w->t, *less = d + w->n.n, *t = less + w->h, ok;
    ncr_words_load(w->prime, w->h, prime);
    ok = rsa_load(d, w->n.n, w->key->d);
    memcpy(less, w->prime, w->h * sizeof *less);
    less[0] ^= 1; /* it is odd */
    ncr_words_mod(w->dp, w->h, d, w->n.n, less, bits, t);
    ncr_mont_init(&w->p, w->prime, bits, r2, w->t);
    return ok;
}

/* ---- Signing ----------------------------------------------------------------------------- */

/* unblind = 1 / r and c = em r^e for a random r. Whatever is drawn stands for a number modulo n.
 * False if rng fails, or draws an r that has no inverse: one of p's or q's multiples, or 0. */
static bool rsa_blind(struct rsa_work *w, const struct nacre_rng *rng)
{
    uint64_t *r = w->c, *power = w->t, *t = power + w->n.n, ok;
    if (!nacre_rng_fill(rng, (uint8_t *)r, w->n.n * sizeof *r)) {
        return false;
    }
    NCR_CT_SECRET(r, w->n.n * sizeof *r);
    ncr_mont_mul(r, r, w->n.r2, &w->n, t);
    ncr_mont_exp_public(power, r, w->key->e, &w->n, t);
    ncr_mont_leave(w->unblind, r, &w->n, t);
    ncr_mont_mul(w->c, w->em, power, &w->n, t);
    ok = ncr_modinv(w->unblind, w->unblind, w->n.m, w->n.n, w->bits, w->t);
    /* That r had no inverse is no secret: r is thrown away. */
    NCR_CT_PUBLIC(&ok, sizeof ok);
    return ok != 0;
}

/* s = c^d modulo one of the primes; mask of d not being too long. */
static uint64_t rsa_half(uint64_t *s, struct rsa_work *w, struct nacre_num prime, size_t bits)
{
    uint64_t ok = rsa_prime(w, prime, bits);
    struct nacre_num d = {(const uint8_t *)w->dp, (bits + 7) / 8};
    ncr_words_store((uint8_t *)w->t, d.n, w->dp, w->h);
    memcpy(w->dp, w->t, d.n);
    memset(s, 0, w->h * sizeof *s);
    ncr_mont_enter(s, w->c, w->n.n, &w->p, w->t);
    ncr_mont_exp(s, s, d, &w->p, w->t, w->cap);
    return ok;
}

/* c = sq + q ((sp - sq) iqmp mod p), times the inverse of the blinding factor; mask of iqmp not
 * being too long. p is the prime loaded last. */
static uint64_t rsa_combine(struct rsa_work *w)
{
    uint64_t *q = w->dp, *product = w->t, *form = w->t, *t = form + w->h, carry = 0, ok;
    ok = rsa_load(w->other, w->p.n, w->key->iqmp);
    ncr_mont_enter(form, w->sq, w->h, &w->p, t);
    ncr_mont_mul(w->sp, w->sp, w->p.r2, &w->p, t);
    ncr_mont_sub(w->sp, w->sp, form, &w->p);
    ncr_mont_mul(w->sp, w->sp, w->other, &w->p, t);
    ncr_words_load(q, w->h, w->key->q);
    ncr_words_mul(product, w->sp, w->h, q, w->h);
    for (size_t i = 0; i < 2 * w->h; i++) {
        product[i] = ncr_word_add(product[i], i < w->h ? w->sq[i] : 0, &carry);
    }
    memcpy(w->c, product, w->n.n * sizeof *product);
    ncr_mont_mul(w->c, w->c, w->n.r2, &w->n, w->t);
    ncr_mont_mul(w->c, w->c, w->unblind, &w->n, w->t);
    return ok;
}

/* c = em^d, if all goes well. */
static bool rsa_sign_run(struct rsa_work *w, const struct nacre_rng *rng)
{
    uint64_t ok = rsa_factors(w);
    /* That the parts are no key tells nothing of one. */
    NCR_CT_PUBLIC(&ok, sizeof ok);
    if (ok == 0 || !rsa_blind(w, rng)) {
        return false;
    }
    ok = rsa_half(w->sq, w, w->key->q, w->q_bits);
    ok &= rsa_half(w->sp, w, w->key->p, w->p_bits);
    ok &= rsa_combine(w);
    rsa_public(w->sp, w->c, w->key->e, &w->n, w->t);
    ok &= ncr_words_eq(w->sp, w->em, w->n.n);
    /* A signature that verifies is published, one that does not is thrown away: which, is known. */
    NCR_CT_PUBLIC(&ok, sizeof ok);
    return ok != 0;
}

bool nacre_rsa_sign(uint8_t *sig, const struct nacre_hash *hash, const struct nacre_rsa_key *key,
                    const uint8_t *m, size_t len, const struct nacre_rng *rng, uint64_t *work)
{
    struct rsa_work w;
    struct nacre_num em;
    size_t bytes = ncr_num_trim_vartime(key->n).n;
    bool ok = false;
    memset(sig, 0, bytes);
    if (!rsa_plan(&w, key, work)) {
        return false;
    }
    em.p = (const uint8_t *)w.t;
    em.n = bytes;
    if (w.bits >= NACRE_RSA_SIGN_BITS_MIN && rsa_encode((uint8_t *)w.t, bytes, hash, m, len)) {
        ncr_words_load(w.em, w.n.n, em);
        ok = rsa_sign_run(&w, rng);
    }
    if (ok) {
        ncr_words_store(sig, bytes, w.c, w.n.n);
    }
    nacre_wipe(work, NACRE_RSA_WORK(w.bits) * sizeof *work);
    return ok;
}

/* ---- Parts that belong together ---------------------------------------------------------- */

/* Mask of e d = 1 modulo a prime less 1. */
static uint64_t rsa_exponents(struct rsa_work *w, struct nacre_num prime, size_t bits)
{
    uint64_t ok = rsa_prime(w, prime, bits), *e = w->c, *product = w->t, *less, *t;
    size_t words = NCR_WORDS_EVEN(ncr_num_bits_vartime(w->key->e));
    ncr_words_load(e, words, w->key->e);
    ncr_words_mul(product, e, words, w->dp, w->h);
    less = product + words + w->h;
    t = less + w->h;
    memcpy(less, w->prime, w->h * sizeof *less);
    less[0] ^= 1;
    ncr_words_mod(w->sp, w->h, product, words + w->h, less, bits, t);
    return ok & ncr_words_eq_word(w->sp, 1, w->h);
}

/* Mask of q iqmp = 1 modulo p, the prime loaded last. */
static uint64_t rsa_coefficient(struct rsa_work *w)
{
    uint64_t ok = rsa_load(w->other, w->p.n, w->key->iqmp);
    ncr_words_load(w->sq, w->h, w->key->q);
    ncr_mont_enter(w->sp, w->sq, w->h, &w->p, w->t);
    ncr_mont_mul(w->sp, w->sp, w->other, &w->p, w->t);
    return ok & ncr_words_eq_word(w->sp, 1, w->p.n);
}

bool nacre_rsa_key_ok(const struct nacre_rsa_key *key, uint64_t *work)
{
    struct rsa_work w;
    uint64_t ok;
    if (!rsa_plan(&w, key, work)) {
        return false;
    }
    ok = rsa_factors(&w);
    /* That the parts are no key tells nothing of one. */
    NCR_CT_PUBLIC(&ok, sizeof ok);
    if (ok != 0) {
        ok = rsa_exponents(&w, key->q, w.q_bits);
        ok &= rsa_exponents(&w, key->p, w.p_bits);
        ok &= rsa_coefficient(&w);
        /* That the exponents or iqmp do not fit tells nothing of a key that is used. */
        NCR_CT_PUBLIC(&ok, sizeof ok);
    }
    nacre_wipe(work, NACRE_RSA_WORK(w.bits) * sizeof *work);
    return ok != 0;
}
