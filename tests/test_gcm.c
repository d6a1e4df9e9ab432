/* SPDX-License-Identifier: ISC
 *
 * AES-GCM against the cases of its authors and OpenSSL, with hash keys that bring GHASH's products
 * to their limits; every bit of what is authenticated; every length and alignment; in place and
 * not.
 */
#include "crypto/ct.h"
#include "tests/twins.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { GCM_MAX = 1200, GCM_LENGTHS = 600 };

static const size_t gcm_key_lens[3] = {16, 24, 32};

static void gcm_fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)((i + seed) * (i + 5) >> 1 ^ seed);
    }
}

static bool gcm_all_zero(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum |= p[i];
    }
    return sum == 0;
}

/* One message, to be sealed and opened. */
struct gcm_case {
    const uint8_t *key, *iv, *aad, *plain, *cipher, *tag;
    size_t key_len, aad_len, n;
};

static void gcm_read(struct gcm_case *m, const struct vec *v)
{
    m->key = vec_get(v, "key", &m->key_len);
    m->iv = vec_fixed(v, "iv", 12);
    m->aad = vec_get(v, "aad", &m->aad_len);
    m->plain = vec_get(v, "plain", &m->n);
    m->cipher = vec_fixed(v, "cipher", m->n);
    m->tag = vec_fixed(v, "tag", 16);
    cr_assert_leq(m->n, GCM_MAX);
}

static void gcm_check(const struct vec *v, const struct twin *t)
{
    struct nacre_gcm c;
    struct gcm_case m;
    uint8_t out[GCM_MAX], tag[16];
    gcm_read(&m, v);
    cr_assert(t->gcm_init(&c, m.key, m.key_len));
    t->gcm_seal(out, tag, &c, m.iv, m.aad, m.aad_len, m.plain, m.n);
    vec_expect(v, "cipher", out, m.n);
    vec_expect(v, "tag", tag, sizeof tag);
    cr_assert(t->gcm_open(out, &c, m.iv, m.aad, m.aad_len, m.cipher, m.n, m.tag));
    vec_expect(v, "plain", out, m.n);
    t->gcm_seal(out, tag, &c, m.iv, m.aad, m.aad_len, out, m.n);
    vec_expect(v, "cipher", out, m.n);
    vec_expect(v, "tag", tag, sizeof tag);
    cr_assert(t->gcm_open(out, &c, m.iv, m.aad, m.aad_len, out, m.n, tag));
    vec_expect(v, "plain", out, m.n);
}

static void gcm_vectors(const char *file, unsigned at_least)
{
    struct vec v;
    for (vec_open(&v, file); vec_next(&v);) {
        for (size_t i = 0; i < TWINS; i++) {
            gcm_check(&v, twins[i]);
        }
    }
    cr_assert_geq(v.records, at_least);
    vec_close(&v);
}

Test(gcm, mcgrew_viega)
{
    gcm_vectors("gcm_mcgrew_viega.txt", 12);
}

Test(gcm, lengths_and_limits)
{
    gcm_vectors("gcm_openssl.txt", 60);
}

/* Refused, with nothing but zeros to see. */
static void gcm_refuses(const struct twin *t, const struct nacre_gcm *c, const struct gcm_case *m)
{
    uint8_t out[GCM_MAX];
    memset(out, 0xee, sizeof out);
    cr_assert_not(t->gcm_open(out, c, m->iv, m->aad, m->aad_len, m->cipher, m->n, m->tag));
    cr_assert(gcm_all_zero(out, m->n));
    cr_assert_eq(out[m->n], 0xee);
    memcpy(out, m->cipher, m->n);
    cr_assert_not(t->gcm_open(out, c, m->iv, m->aad, m->aad_len, out, m->n, m->tag));
    cr_assert(gcm_all_zero(out, m->n));
}

/* Flips every bit of the n bytes at p, one at a time. */
static void gcm_flip(const struct twin *t, const struct nacre_gcm *c, const struct gcm_case *m,
                     uint8_t *p, size_t n)
{
    for (size_t bit = 0; bit < 8 * n; bit++) {
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        gcm_refuses(t, c, m);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(gcm, every_bit_counts)
{
    static const size_t lens[6] = {0, 1, 16, 60, 144, 288};
    uint8_t key[16], iv[12], aad[20], cipher[288], tag[16], out[288];
    gcm_fill(key, sizeof key, 1);
    gcm_fill(iv, sizeof iv, 2);
    gcm_fill(aad, sizeof aad, 3);
    for (size_t i = 0; i < 6 * TWINS; i++) {
        const struct twin *t = twins[i / 6];
        struct gcm_case m = {.iv = iv, .aad = aad, .cipher = cipher, .tag = tag};
        struct nacre_gcm c;
        m.n = lens[i % 6];
        m.aad_len = sizeof aad - i % 2 * 16;
        gcm_fill(cipher, m.n, 4);
        cr_assert(t->gcm_init(&c, key, sizeof key));
        t->gcm_seal(cipher, tag, &c, iv, aad, m.aad_len, cipher, m.n);
        gcm_flip(t, &c, &m, cipher, m.n);
        gcm_flip(t, &c, &m, tag, sizeof tag);
        gcm_flip(t, &c, &m, aad, m.aad_len);
        gcm_flip(t, &c, &m, iv, sizeof iv);
        cr_assert(t->gcm_open(out, &c, iv, aad, m.aad_len, cipher, m.n, tag));
    }
}

/* Bytes may not move between associated data and ciphertext, nor come or go at their ends. */
Test(gcm, lengths_count)
{
    uint8_t key[16], iv[12], both[96] = {0}, tag[16];
    gcm_fill(key, sizeof key, 1);
    gcm_fill(iv, sizeof iv, 2);
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_gcm c;
        cr_assert(twins[i]->gcm_init(&c, key, sizeof key));
        memset(both, 0, sizeof both);
        twins[i]->gcm_seal(both + 32, tag, &c, iv, both, 32, both + 32, 32);
        for (size_t split = 0; split <= 64; split++) {
            for (size_t end = split; end <= 80; end++) {
                struct gcm_case m = {.iv = iv, .aad = both, .aad_len = split, .tag = tag};
                m.cipher = both + split;
                m.n = end - split;
                if (split != 32 || end != 64) {
                    gcm_refuses(twins[i], &c, &m);
                }
            }
        }
    }
}

Test(gcm, refuses_other_key_lengths)
{
    static const struct nacre_gcm zero;
    uint8_t key[64] = {1};
    for (size_t i = 0; i < TWINS; i++) {
        for (size_t n = 0; n <= sizeof key; n++) {
            struct nacre_gcm c;
            memset(&c, 0xee, sizeof c);
            bool good = n == 16 || n == 24 || n == 32;
            cr_assert_eq(twins[i]->gcm_init(&c, key, n), good);
            cr_assert_eq(memcmp(&c, &zero, sizeof c) == 0, !good);
        }
    }
}

/* Every length against the portable form, from and to addresses of all alignments, and nothing
 * else is written. */
Test(gcm, every_length)
{
    uint8_t key[32], iv[12], aad[40], in[GCM_LENGTHS + 16], want[GCM_LENGTHS];
    gcm_fill(key, sizeof key, 1);
    gcm_fill(aad, sizeof aad, 3);
    gcm_fill(in, sizeof in, 4);
    for (size_t n = 0; n <= GCM_LENGTHS; n++) {
        struct nacre_gcm c;
        size_t key_len = gcm_key_lens[n % 3], from = n % 15, to = n * 7 % 17, aad_len = n % 41;
        uint8_t tag[16], want_tag[16];
        gcm_fill(iv, sizeof iv, (unsigned)n);
        cr_assert(twin_portable.gcm_init(&c, key, key_len));
        twin_portable.gcm_seal(want, want_tag, &c, iv, aad, aad_len, in + from, n);
        for (size_t i = 0; i < TWINS; i++) {
            uint8_t out[GCM_LENGTHS + 64];
            memset(out, 0xee, sizeof out);
            cr_assert(twins[i]->gcm_init(&c, key, key_len));
            twins[i]->gcm_seal(out + to, tag, &c, iv, aad, aad_len, in + from, n);
            cr_assert_arr_eq(out + to, want, n, "%s: %zu bytes", twins[i]->name, n);
            cr_assert_arr_eq(tag, want_tag, sizeof tag, "%s: %zu bytes", twins[i]->name, n);
            cr_assert(twins[i]->gcm_open(out + to, &c, iv, aad, aad_len, out + to, n, tag));
            cr_assert_arr_eq(out + to, in + from, n);
            for (size_t at = 0; at < to; at++) {
                cr_assert_eq(out[at], 0xee);
            }
            for (size_t at = to + n; at < sizeof out; at++) {
                cr_assert_eq(out[at], 0xee);
            }
        }
    }
}

/* A context is the same whatever made it, and any form may use it. */
Test(gcm, contexts_are_interchangeable)
{
    uint8_t key[32], iv[12] = {0}, in[300], out[300], want[300], tag[16], want_tag[16];
    gcm_fill(key, sizeof key, 1);
    gcm_fill(in, sizeof in, 2);
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_gcm mine, other;
        cr_assert(twins[i]->gcm_init(&mine, key, sizeof key));
        cr_assert(twin_portable.gcm_init(&other, key, sizeof key));
        cr_assert_eq(memcmp(&mine, &other, sizeof mine), 0);
        twins[i]->gcm_seal(out, tag, &other, iv, key, 4, in, sizeof in);
        twin_portable.gcm_seal(want, want_tag, &mine, iv, key, 4, in, sizeof in);
        cr_assert_arr_eq(out, want, sizeof out);
        cr_assert_arr_eq(tag, want_tag, sizeof tag);
    }
}

Test(gcm, ct_in_key_and_message)
{
    uint8_t key[32], iv[12], aad[4], in[600], again[600], tag[16];
    gcm_fill(key, sizeof key, 1);
    gcm_fill(iv, sizeof iv, 2);
    gcm_fill(aad, sizeof aad, 3);
    gcm_fill(again, sizeof again, 4);
    for (size_t i = 0; i < TWINS; i++) {
        struct nacre_gcm c;
        memcpy(in, again, sizeof in);
        NCR_CT_SECRET(key, sizeof key);
        NCR_CT_SECRET(aad, sizeof aad);
        NCR_CT_SECRET(in, sizeof in);
        bool ok = twins[i]->gcm_init(&c, key, sizeof key);
        twins[i]->gcm_seal(in, tag, &c, iv, aad, sizeof aad, in, sizeof in);
        ok = twins[i]->gcm_open(in, &c, iv, aad, sizeof aad, in, sizeof in, tag) && ok;
        NCR_CT_PUBLIC(in, sizeof in);
        NCR_CT_PUBLIC(key, sizeof key);
        NCR_CT_PUBLIC(aad, sizeof aad);
        cr_assert(ok);
        cr_assert_arr_eq(in, again, sizeof in);
    }
}
