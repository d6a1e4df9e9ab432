/* SPDX-License-Identifier: ISC
 *
 * The exponents of RSA's Chinese remainder form, d mod p - 1 and d mod q - 1: RFC 8017 section 3.2.
 * Keys are kept without them and files of PKCS #1 have them.
 *
 * CT in d, p and q, but for the bit lengths of p and q, which are public.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "crypto/words.h"

#include <string.h>

/* Bits of a prime whose first byte is not 0. */
static size_t rsacrt_bits(struct nacre_num x)
{
    uint8_t first = x.p[0];
    NCR_CT_PUBLIC(&first, 1); /* the length fixes how long operations with the prime take */
    return ncr_num_bits_vartime((struct nacre_num){&first, 1}) + 8 * (x.n - 1);
}

bool nacre_rsa_crt_exponent(uint8_t *out, const struct nacre_rsa_key *key, struct nacre_num prime,
                            uint64_t *work)
{
    size_t bits, words, h;
    uint64_t *d, *less, *r, *t;
    if (prime.n == 0 || prime.n >= key->n.n || key->d.n > key->n.n ||
        key->n.n > NACRE_RSA_LEN_MAX) {
        return false;
    }
    bits = rsacrt_bits(prime);
    if (bits < 2 || (bits + 7) / 8 != prime.n) {
        return false;
    }
    words = NCR_WORDS(8 * key->n.n);
    h = NCR_WORDS(bits);
    d = work;
    less = d + words;
    r = less + h;
    t = r + h;
    ncr_words_load(d, words, key->d);
    ncr_words_load(less, h, prime);
    less[0] ^= 1; /* it is odd */
    ncr_words_mod(r, h, d, words, less, bits, t);
    ncr_words_store(out, prime.n, r, h);
    nacre_wipe(work, (size_t)(t + NCR_WORDS_MOD_SCRATCH(bits) - work) * sizeof *work);
    return true;
}
