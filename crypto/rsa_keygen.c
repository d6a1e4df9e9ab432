/* SPDX-License-Identifier: ISC
 *
 * New RSA keys: FIPS 186-5, A.1.1 and A.1.3, with e = 65537.
 *
 * Candidates are drawn anew each time, so that what is seen of the ones that fail (that they did,
 * at which test, how many there were) says nothing of the one that is taken. All else is CT. Both
 * primes are 3 modulo 4 (A.1.3 lets a caller ask for residues modulo 8), which makes (p - 1) / 2
 * odd and Miller and Rabin's test a single power, and (p - 1) / 2 and (q - 1) / 2 have no common
 * divisor, so that lcm(p - 1, q - 1) is half their product. p is the greater one.
 */
#include "crypto/load.h"
#include "crypto/mont.h"

#include <string.h>

enum {
    PRIME_E = 65537,
    /* Rounds of Miller and Rabin's test with random bases. FIPS 186-5 table B.1 asks for 5 with
     * primes of 1,024 bits (2^-112 of them composite) and for fewer with longer ones. */
    PRIME_ROUNDS = 8,
    /* A.1.3, 4.7 and 5.8: candidates per bit of the prime before giving up; with 1,024 bits one in
     * 355 is prime, so that this is reached with a broken source only. */
    PRIME_TRIES = 20
};

/* The odd primes below 2,048. */
static const uint16_t prime_small[] = {
    3,    5,    7,    11,   13,   17,   19,   23,   29,   31,   37,   41,   43,   47,   53,   59,
    61,   67,   71,   73,   79,   83,   89,   97,   101,  103,  107,  109,  113,  127,  131,  137,
    139,  149,  151,  157,  163,  167,  173,  179,  181,  191,  193,  197,  199,  211,  223,  227,
    229,  233,  239,  241,  251,  257,  263,  269,  271,  277,  281,  283,  293,  307,  311,  313,
    317,  331,  337,  347,  349,  353,  359,  367,  373,  379,  383,  389,  397,  401,  409,  419,
    421,  431,  433,  439,  443,  449,  457,  461,  463,  467,  479,  487,  491,  499,  503,  509,
    521,  523,  541,  547,  557,  563,  569,  571,  577,  587,  593,  599,  601,  607,  613,  617,
    619,  631,  641,  643,  647,  653,  659,  661,  673,  677,  683,  691,  701,  709,  719,  727,
    733,  739,  743,  751,  757,  761,  769,  773,  787,  797,  809,  811,  821,  823,  827,  829,
    839,  853,  857,  859,  863,  877,  881,  883,  887,  907,  911,  919,  929,  937,  941,  947,
    953,  967,  971,  977,  983,  991,  997,  1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051,
    1061, 1063, 1069, 1087, 1091, 1093, 1097, 1103, 1109, 1117, 1123, 1129, 1151, 1153, 1163, 1171,
    1181, 1187, 1193, 1201, 1213, 1217, 1223, 1229, 1231, 1237, 1249, 1259, 1277, 1279, 1283, 1289,
    1291, 1297, 1301, 1303, 1307, 1319, 1321, 1327, 1361, 1367, 1373, 1381, 1399, 1409, 1423, 1427,
    1429, 1433, 1439, 1447, 1451, 1453, 1459, 1471, 1481, 1483, 1487, 1489, 1493, 1499, 1511, 1523,
    1531, 1543, 1549, 1553, 1559, 1567, 1571, 1579, 1583, 1597, 1601, 1607, 1609, 1613, 1619, 1621,
    1627, 1637, 1657, 1663, 1667, 1669, 1693, 1697, 1699, 1709, 1721, 1723, 1733, 1741, 1747, 1753,
    1759, 1777, 1783, 1787, 1789, 1801, 1811, 1823, 1831, 1847, 1861, 1867, 1871, 1873, 1877, 1879,
    1889, 1901, 1907, 1913, 1931, 1933, 1949, 1951, 1973, 1979, 1987, 1993, 1997, 1999, 2003, 2011,
    2017, 2027, 2029, 2039,
};
enum { PRIME_SMALL = sizeof prime_small / sizeof *prime_small };

/* A number that is x 2^(-64 n) modulo the odd m < 2^31, and at most m + 1: each step adds a digit
 * and q m, q < 2^32, and divides by 2^32, so that nothing exceeds 2^31 + 1 + 2^32 + 2^63. */
static uint64_t prime_residue(const uint64_t *x, size_t n, uint32_t m)
{
    uint32_t inverse = (uint32_t)(0 - ncr_word_inverse(m));
    uint64_t r = 0;
    for (size_t i = 0; i < 2 * n; i++) {
        r += (uint32_t)(x[i / 2] >> 32 * (i % 2));
        r = (r + (uint64_t)((uint32_t)r * inverse) * m) >> 32;
    }
    return r;
}

/* Mask of m dividing r: only then is r / m modulo 2^64 at most (2^64 - 1) / m. m is public and odd.
 */
static uint64_t prime_divides(uint32_t m, uint64_t r)
{
    return ~ncr_ct_mask_lt64(UINT64_MAX / m, r * ncr_word_inverse(m));
}

/* True if x has a small divisor. */
static bool prime_has_divisor(const uint64_t *x, size_t n)
{
    for (size_t i = 0, end; i < PRIME_SMALL; i = end) {
        uint64_t product = 1, found = 0, r;
        for (end = i; end < PRIME_SMALL && product * prime_small[end] >> 31 == 0; end++) {
            product *= prime_small[end];
        }
        r = prime_residue(x, n, (uint32_t)product);
        for (size_t j = i; j < end; j++) {
            found |= prime_divides(prime_small[j], r);
        }
        /* A candidate with a small divisor is thrown away. */
        NCR_CT_PUBLIC(&found, sizeof found);
        if (found != 0) {
            return true;
        }
    }
    return false;
}

/* What a search works with. All numbers have n words. */
struct prime_search {
    const struct nacre_rng *rng;
    size_t bits, n;
    const uint64_t *other; /* the prime found before, or NULL */
    uint64_t *half;        /* (candidate - 1) / 2 */
    uint64_t *r2, *x;
    uint64_t *bytes;
    uint64_t *t; /* all the rest */
    size_t cap;  /* words of t */
};

/* Fills x with random bits, all but the topmost of so many, which are a multiple of 8. */
static bool prime_random(uint64_t *x, const struct prime_search *s)
{
    struct nacre_num num = {(const uint8_t *)s->bytes, s->bits / 8};
    if (!nacre_rng_fill(s->rng, (uint8_t *)s->bytes, num.n)) {
        return false;
    }
    NCR_CT_SECRET(s->bytes, num.n);
    *(uint8_t *)s->bytes &= 0x7f;
    ncr_words_load(x, s->n, num);
    return true;
}

/* p 2^(64 - bits) >= 2^(63.5), rounded up: then p q has twice the bits of p and q. And |p - other|
 * >= 2^(bits - 99) (A.1.3, 5.4), seen in the bits from there upwards. */
static bool prime_in_range(const uint64_t *p, const struct prime_search *s)
{
    uint64_t top[2], borrow, ok;
    size_t n = s->n, low = s->bits - 99;
    memset(s->t, 0, 2 * n * sizeof *s->t);
    top[0] = s->bits % 64 == 0
                 ? p[s->bits / 64 - 1]
                 : p[s->bits / 64] << (64 - s->bits % 64) | p[s->bits / 64 - 1] >> s->bits % 64;
    ok = ~ncr_ct_mask_lt64(top[0], 0xb504f333f9de6485);
    if (s->other != NULL) {
        uint64_t *difference = s->t, *negative = s->t + n;
        borrow = ncr_words_sub(difference, p, s->other, n);
        (void)ncr_words_sub(negative, s->other, p, n); /* the opposite of borrow */
        ncr_words_select(difference, ncr_ct_mask_bit64(borrow), negative, difference, n);
        top[1] = difference[low / 64] >> low % 64;
        for (size_t i = low / 64 + 1; i < n; i++) {
            top[1] |= difference[i];
        }
        ok &= ncr_ct_mask_nonzero64(top[1]);
    }
    /* A candidate out of range is thrown away. */
    NCR_CT_PUBLIC(&ok, sizeof ok);
    return ok != 0;
}

/* One round of Miller and Rabin's test (B.3.1) for p = 3 modulo 4: b^((p - 1) / 2) = +-1, b a
 * random number of one bit less than p. */
static bool prime_round(bool *failed, const struct ncr_mont *c, const struct prime_search *s)
{
    struct nacre_num e = {(const uint8_t *)s->bytes, s->bits / 8};
    uint64_t ok;
    if (!prime_random(s->x, s)) {
        *failed = true;
        return false;
    }
    ncr_mont_mul(s->x, s->x, c->r2, c, s->t);
    ncr_words_store((uint8_t *)s->bytes, e.n, s->half, s->n);
    ncr_mont_exp(s->x, s->x, e, c, s->t, s->cap);
    ok = ncr_words_eq_word(s->x, 1, s->n);
    s->x[0] ^= 1; /* -1 is p - 1, p without its last bit */
    ok |= ncr_words_eq(s->x, c->m, s->n);
    /* A composite is thrown away; that the last candidate is prime is known. */
    NCR_CT_PUBLIC(&ok, sizeof ok);
    return ok != 0;
}

/* p, an odd number in range, is taken if it is prime, e does not divide p - 1, and (p - 1) / 2 has
 * no divisor in common with the other's. */
static bool prime_taken(bool *failed, const uint64_t *p, const struct prime_search *s)
{
    struct ncr_mont c;
    uint64_t bad;
    if (prime_has_divisor(p, s->n)) {
        return false;
    }
    ncr_words_shift_right(s->half, p, s->n, 1);
    bad = prime_divides(PRIME_E, prime_residue(s->half, s->n, PRIME_E));
    ncr_mont_init(&c, p, s->bits, s->r2, s->t);
    /* A candidate that e does not fit is thrown away. */
    NCR_CT_PUBLIC(&bad, sizeof bad);
    for (int i = 0; i < PRIME_ROUNDS; i++) {
        if (bad != 0 || !prime_round(failed, &c, s)) {
            return false;
        }
    }
    if (s->other != NULL) {
        uint64_t *m = s->t, *t = m + s->n;
        ncr_words_shift_right(m, s->other, s->n, 1);
        bad = ~ncr_modinv(s->x, s->half, m, s->n, s->bits - 1, t);
        /* A candidate with a common divisor is thrown away. */
        NCR_CT_PUBLIC(&bad, sizeof bad);
    }
    return bad == 0;
}

/* p = a new prime; false if rng fails or gives nothing useful. */
static bool prime_find(uint64_t *p, const struct prime_search *s)
{
    bool failed = false;
    for (size_t i = 0; i < PRIME_TRIES * s->bits && !failed; i++) {
        if (!prime_random(p, s)) {
            return false;
        }
        p[0] |= 3;
        p[(s->bits - 1) / 64] |= (uint64_t)1 << (s->bits - 1) % 64;
        if (prime_in_range(p, s) && prime_taken(&failed, p, s)) {
            return true;
        }
    }
    return false;
}

/* ---- The rest of the key ----------------------------------------------------------------- */

/* x modulo 65537, x < 2^32: 2^16 = -1. */
static uint32_t prime_mod_e(uint32_t x)
{
    uint32_t r = (x & 0xffff) - (x >> 16);
    return r + (PRIME_E & ncr_ct_mask_bit32(r >> 31));
}

/* 1 / x modulo e, a prime: x^(e - 2), e - 2 being sixteen ones. */
static uint32_t prime_invert_mod_e(uint32_t x)
{
    uint32_t r = 1;
    for (int i = 0; i < 16; i++) {
        uint64_t square = (uint64_t)r * r;
        r = prime_mod_e((uint32_t)(square & 0xffffffff)) + (uint32_t)(square >> 32);
        square = (uint64_t)prime_mod_e(r) * x;
        r = prime_mod_e((uint32_t)(square & 0xffffffff)) + (uint32_t)(square >> 32);
        r = prime_mod_e(r);
    }
    return r;
}

/* d = 1 / e modulo m, for m of n words that is even and no multiple of e: (1 + k m) / e, where k is
 * -1 / m modulo e. d has n words. t has n + 1. */
static void prime_exponent(uint64_t *d, const uint64_t *m, size_t n, uint64_t *t)
{
    const uint64_t inverse = ncr_word_inverse(PRIME_E);
    uint64_t carry = 0, rest = 0, k;
    uint32_t r = 0;
    for (size_t i = 4 * n; i-- > 0;) {
        uint32_t digit = (uint32_t)(m[i / 4] >> 16 * (i % 4)) & 0xffff;
        r = prime_mod_e(PRIME_E - r + digit); /* r 2^16 + digit */
    }
    k = PRIME_E - prime_invert_mod_e(r);
    for (size_t i = 0; i < n; i++) {
        t[i] = ncr_word_muladd(&carry, m[i], k, carry, i == 0);
    }
    t[n] = carry;
    /* exact, from the lowest word upwards: the quotient's word makes the word zero */
    for (size_t i = 0; i < n; i++) {
        uint64_t borrow = 0, word = ncr_word_sub(t[i], rest, &borrow);
        d[i] = word * inverse;
        (void)ncr_word_muladd(&rest, d[i], PRIME_E, 0, 0); /* the lower word is `word` */
        rest += borrow;
    }
}

/* n, d and iqmp from p > q, into memory of t; mask of all being as it should. */
static uint64_t prime_key(uint64_t *n, uint64_t *d, uint64_t *iqmp, const uint64_t *p,
                          const uint64_t *q, const struct prime_search *s)
{
    size_t h = s->n, low = s->bits;
    uint64_t *lcm = s->t, *t = lcm + 2 * h, *even = s->x, ok, above;
    ncr_words_shift_right(s->half, p, h, 1);
    memcpy(even, q, h * sizeof *even);
    even[0] ^= 1;
    ncr_words_mul(lcm, s->half, h, even, h);
    prime_exponent(d, lcm, 2 * h, t);
    /* A.1.1, 3: d > 2^(bits / 2) */
    above = d[low / 64] >> low % 64;
    for (size_t i = low / 64 + 1; i < 2 * h; i++) {
        above |= d[i];
    }
    ok = ncr_ct_mask_nonzero64(above);
    ncr_words_mul(n, p, h, q, h);
    return ok & ncr_modinv(iqmp, q, p, h, s->bits, t);
}

/* Exchanges a and b where mask is ones. */
static void prime_swap(uint64_t mask, uint64_t *a, uint64_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t differ = (a[i] ^ b[i]) & mask;
        a[i] ^= differ;
        b[i] ^= differ;
    }
}

bool nacre_rsa_generate(uint8_t *n, uint8_t *d, uint8_t *p, uint8_t *q, uint8_t *iqmp,
                        unsigned bits, const struct nacre_rng *rng, uint64_t *work)
{
    size_t h = NCR_WORDS_EVEN(bits / 2);
    uint64_t *wp = work, *wq = wp + h, *wi = wq + h, *wn = wi + h, *wd = wn + 2 * h, ok = 0;
    struct prime_search s = {.rng = rng, .bits = bits / 2, .n = h};
    if (bits < NACRE_RSA_SIGN_BITS_MIN || bits > NACRE_RSA_BITS_MAX || bits % 16 != 0) {
        return false;
    }
    s.half = wd + 2 * h;
    s.r2 = s.half + h;
    s.x = s.r2 + h;
    s.bytes = s.x + h;
    s.t = s.bytes + h;
    s.cap = (size_t)(work + NACRE_RSA_WORK(bits) - s.t);
    if (prime_find(wp, &s)) {
        s.other = wp;
        if (prime_find(wq, &s)) {
            prime_swap(ncr_words_lt(wp, wq, h), wp, wq, h);
            ok = prime_key(wn, wd, wi, wp, wq, &s);
            /* All but one key in 2^(bits / 2) are as they should; the others are thrown away. */
            NCR_CT_PUBLIC(&ok, sizeof ok);
            /* The modulus is the public key. */
            NCR_CT_PUBLIC(wn, 2 * h * sizeof *wn);
        }
    }
    size_t whole = ok != 0 ? 2 * h : 0, half = ok != 0 ? h : 0; /* of no words: zeros */
    ncr_words_store(n, bits / 8, wn, whole);
    ncr_words_store(d, bits / 8, wd, whole);
    ncr_words_store(p, bits / 16, wp, half);
    ncr_words_store(q, bits / 16, wq, half);
    ncr_words_store(iqmp, bits / 16, wi, half);
    nacre_wipe(work, NACRE_RSA_WORK(bits) * sizeof *work);
    return ok != 0;
}
