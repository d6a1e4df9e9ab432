/* SPDX-License-Identifier: ISC
 *
 * HMAC against RFC 4231 and RFC 2202, the edge between a key that fills a block and one that is
 * hashed, and reuse of a keyed context.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct nacre_hash *const hmac_rows[] = {
    &nacre_hash_sha256, &nacre_hash_sha384, &nacre_hash_sha512, &nacre_hash_sha1, &nacre_hash_md5};

enum { HMAC_ROWS = sizeof hmac_rows / sizeof hmac_rows[0] };

static void hmac_mac(uint8_t *out, const struct nacre_hash *hash, const uint8_t *key, size_t keylen,
                     const uint8_t *m, size_t n)
{
    struct nacre_hmac c;
    nacre_hmac_init(&c, hash, key, keylen);
    nacre_hmac_update(&c, m, n);
    nacre_hmac_final(out, &c);
}

/* Each record has a value for each hash of the file's. */
static void hmac_vectors(const char *file, unsigned at_least, const char *hashes)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        size_t keylen, n;
        const uint8_t *key = vec_get(&v, "key", &keylen), *m = vec_get(&v, "m", &n);
        for (size_t i = 0; i < HMAC_ROWS; i++) {
            uint8_t out[NACRE_HASH_MAX_LEN];
            if (strstr(hashes, hmac_rows[i]->name) == NULL) {
                continue;
            }
            size_t want = hmac_rows[i]->len; /* case 5 is truncated */
            (void)vec_get(&v, hmac_rows[i]->name, &want);
            hmac_mac(out, hmac_rows[i], key, keylen, m, n);
            cr_assert_leq(want, hmac_rows[i]->len);
            vec_expect(&v, hmac_rows[i]->name, out, want);
        }
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(hmac, rfc4231)
{
    hmac_vectors("hmac_rfc4231.txt", 7, "sha256 sha384 sha512");
}

Test(hmac, rfc2202_md5)
{
    hmac_vectors("hmac_rfc2202_md5.txt", 7, "md5");
}

Test(hmac, rfc2202_sha1)
{
    hmac_vectors("hmac_rfc2202_sha1.txt", 7, "sha1");
}

/* Keys of 0, block - 1, block and block + 1 bytes, values by OpenSSL. */
Test(hmac, key_lengths)
{
    hmac_vectors("hmac_openssl.txt", 8, "sha256 sha384 sha512");
}

/* By the definition: a key over the block's size is the same as its digest, one under it the same
 * as with zeros appended. */
Test(hmac, long_key_is_hashed_short_key_is_filled)
{
    uint8_t key[130], digest[NACRE_HASH_MAX_LEN], a[NACRE_HASH_MAX_LEN], b[NACRE_HASH_MAX_LEN];
    memset(key, 0x5a, sizeof key);
    for (size_t i = 0; i < HMAC_ROWS; i++) {
        const struct nacre_hash *hash = hmac_rows[i];
        union nacre_hash_ctx c;
        hash->init(&c);
        hash->update(&c, key, hash->block + 1);
        hash->final(digest, &c);
        hmac_mac(a, hash, key, hash->block + 1, key, 7);
        hmac_mac(b, hash, digest, hash->len, key, 7);
        cr_assert_arr_eq(a, b, hash->len);

        uint8_t filled[128] = {0};
        memcpy(filled, key, 20);
        hmac_mac(a, hash, key, 20, key, 7);
        hmac_mac(b, hash, filled, hash->block, key, 7);
        cr_assert_arr_eq(a, b, hash->len);
    }
}

Test(hmac, every_split_and_reuse)
{
    uint8_t key[32], m[300], whole[NACRE_HASH_MAX_LEN], parts[NACRE_HASH_MAX_LEN];
    memset(key, 3, sizeof key);
    memset(m, 4, sizeof m);
    for (size_t i = 0; i < HMAC_ROWS; i++) {
        const struct nacre_hash *hash = hmac_rows[i];
        struct nacre_hmac c;
        nacre_hmac_init(&c, hash, key, sizeof key);
        for (size_t n = 0; n <= sizeof m; n += 17) {
            hmac_mac(whole, hash, key, sizeof key, m, n);
            for (size_t cut = 0; cut <= n; cut++) {
                nacre_hmac_update(&c, m, cut);
                nacre_hmac_update(&c, m + cut, n - cut);
                nacre_hmac_final(parts, &c);
                cr_assert_arr_eq(whole, parts, hash->len);
            }
        }
    }
}

Test(hmac, ct_in_key_and_message)
{
    uint8_t key[129], m[100], out[NACRE_HASH_MAX_LEN], again[NACRE_HASH_MAX_LEN];
    memset(key, 9, sizeof key);
    memset(m, 8, sizeof m);
    hmac_mac(again, &nacre_hash_sha512, key, sizeof key, m, sizeof m);
    NCR_CT_SECRET(key, sizeof key);
    NCR_CT_SECRET(m, sizeof m);
    hmac_mac(out, &nacre_hash_sha512, key, sizeof key, m, sizeof m);
    NCR_CT_PUBLIC(out, sizeof out);
    cr_assert_arr_eq(out, again, NACRE_SHA512_LEN);
}
