/* SPDX-License-Identifier: ISC
 *
 * Key derivation, RFC 4253 section 7.2: values of others, lengths, and which letter goes where.
 */
#include "proto/keys.h"
#include "proto/limits.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct nacre_hash *hash_named(struct nacre_bytes name)
{
    static const struct nacre_hash *const all[] = {&nacre_hash_sha256, &nacre_hash_sha384,
                                                   &nacre_hash_sha512};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (nacre_bytes_is(name, all[i]->name)) {
            return all[i];
        }
    }
    cr_assert_fail("unknown hash");
    return NULL;
}

static void derive_vectors(const char *file)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        struct nacre_bytes hash, k, h, letter, session_id;
        uint8_t out[256 + 1];
        size_t n;
        hash.p = vec_get(&v, "hash", &hash.n);
        k.p = vec_get(&v, "k", &k.n);
        h.p = vec_get(&v, "h", &h.n);
        letter.p = vec_get(&v, "letter", &letter.n);
        session_id.p = vec_get(&v, "session_id", &session_id.n);
        vec_get(&v, "key", &n);
        cr_assert_lt(n, sizeof out);
        memset(out, 0xee, sizeof out);
        ncr_keys_derive(out, n, hash_named(hash), k, h, (char)letter.p[0], session_id);
        vec_expect(&v, "key", out, n);
        cr_assert_eq(out[n], 0xee, "wrote too far");
    }
    vec_close(&v);
}

Test(keys, rfc4253_formula)
{
    derive_vectors("ssh_kdf_rfc4253.txt");
}

Test(keys, asyncssh)
{
    derive_vectors("ssh_kdf_asyncssh.txt");
}

static struct nacre_bytes some(uint8_t *p, size_t n, uint8_t seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(seed * (i + 1));
    }
    return (struct nacre_bytes){p, n};
}

/* A shorter key is the beginning of a longer one, and nothing behind it is touched. */
Test(keys, every_length_is_a_prefix)
{
    uint8_t kb[36], hb[32], sb[32], whole[200], out[200];
    struct nacre_bytes k = some(kb, sizeof kb, 3), h = some(hb, sizeof hb, 5);
    struct nacre_bytes s = some(sb, sizeof sb, 7);
    ncr_keys_derive(whole, sizeof whole, &nacre_hash_sha256, k, h, 'C', s);
    for (size_t n = 0; n <= sizeof out; n++) {
        memset(out, 0xee, sizeof out);
        ncr_keys_derive(out, n, &nacre_hash_sha256, k, h, 'C', s);
        cr_assert_arr_eq(out, whole, n);
        for (size_t i = n; i < sizeof out; i++) {
            cr_assert_eq(out[i], 0xee);
        }
    }
}

static void fill_case(const struct ncr_cipher *cipher, const struct ncr_mac *mac, int dir)
{
    uint8_t kb[36], hb[32], sb[32], want[NCR_KEY_LEN];
    struct nacre_bytes k = some(kb, sizeof kb, 3), h = some(hb, sizeof hb, 5);
    struct nacre_bytes s = some(sb, sizeof sb, 7);
    struct ncr_keyset set = {.cipher = cipher, .macrow = mac};
    union nacre_hash_ctx start;
    static const uint8_t zero[NCR_KEY_LEN];
    nacre_hash_sha256.init(&start);
    nacre_hash_sha256.update(&start, k.p, k.n);
    nacre_hash_sha256.update(&start, h.p, h.n);
    ncr_keys_fill(&set, dir, &nacre_hash_sha256, &start, s);
    ncr_keys_derive(want, cipher->iv_len, &nacre_hash_sha256, k, h, "AB"[dir], s);
    cr_assert_arr_eq(set.iv, want, cipher->iv_len);
    ncr_keys_derive(want, cipher->key_len, &nacre_hash_sha256, k, h, "CD"[dir], s);
    cr_assert_arr_eq(set.key, want, cipher->key_len);
    cr_assert_arr_eq(set.key + cipher->key_len, zero, sizeof set.key - cipher->key_len);
    if (mac == NULL) {
        cr_assert_arr_eq(set.mac, zero, sizeof set.mac);
        return;
    }
    ncr_keys_derive(want, mac->key_len, &nacre_hash_sha256, k, h, "EF"[dir], s);
    cr_assert_arr_eq(set.mac, want, mac->key_len);
    cr_assert_arr_eq(set.mac + mac->key_len, zero, sizeof set.mac - mac->key_len);
}

Test(keys, fill_uses_the_letters_of_its_direction)
{
    for (int dir = 0; dir <= 1; dir++) {
        fill_case(&ncr_cipher_chapoly, NULL, dir);
        fill_case(&ncr_cipher_aes256_gcm, NULL, dir);
        fill_case(&ncr_cipher_aes128_ctr, &ncr_mac_sha2_256, dir);
        fill_case(&ncr_cipher_aes192_ctr, &ncr_mac_sha2_256_etm, dir);
        fill_case(&ncr_cipher_aes256_ctr, &ncr_mac_sha2_512, dir);
    }
}

Test(s18, keys_differ_by_letter_exchange_and_session)
{
    uint8_t kb[36], hb[32], sb[32], out[9][32];
    struct nacre_bytes k = some(kb, sizeof kb, 3), h = some(hb, sizeof hb, 5);
    struct nacre_bytes s = some(sb, sizeof sb, 7);
    for (size_t i = 0; i < 6; i++) {
        ncr_keys_derive(out[i], 32, &nacre_hash_sha256, k, h, "ABCDEF"[i], s);
    }
    kb[35] ^= 1;
    ncr_keys_derive(out[6], 32, &nacre_hash_sha256, k, h, 'A', s);
    hb[31] ^= 1;
    ncr_keys_derive(out[7], 32, &nacre_hash_sha256, k, h, 'A', s);
    sb[31] ^= 1;
    ncr_keys_derive(out[8], 32, &nacre_hash_sha256, k, h, 'A', s);
    for (size_t i = 0; i < 9; i++) {
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(memcmp(out[i], out[j], 32), 0, "%zu %zu", i, j);
        }
    }
}
