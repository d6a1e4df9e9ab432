/* SPDX-License-Identifier: ISC
 *
 * Each fast twin against the portable code, on random calls: lengths around every batch, addresses
 * of every alignment, in place and not, counters that carry. Says which twins this CPU cannot show.
 * NACRE_TWIN_CALLS is the number of calls per twin (make twins: a million); unless told, 20,000 and
 * for the slower ones a share of that.
 */
#include "crypto/cpu.h"
#include "tests/twins.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { TWINS_MAX = 4608, TWINS_EDGE = 64 };

static uint64_t twins_seed = 0x9e3779b97f4a7c15;

/* Marsaglia's xorshift64. */
static uint64_t twins_random(void)
{
    twins_seed ^= twins_seed << 13;
    twins_seed ^= twins_seed >> 7;
    twins_seed ^= twins_seed << 17;
    return twins_seed;
}

static void twins_fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(twins_random() >> 56);
    }
}

/* All-zero and all-one parts among the random, which is where limbs are at their limits. */
static void twins_extremes(uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n; at += 16) {
        uint64_t what = twins_random() >> 61;
        if (what < 3) {
            memset(p + at, what == 0 ? 0 : 0xff, n - at < 16 ? n - at : 16);
        }
    }
}

static unsigned long twins_calls(unsigned share)
{
    const char *n = getenv("NACRE_TWIN_CALLS");
    return n != NULL ? strtoul(n, NULL, 10) : 20000 / share;
}

/* Half of them short, half of any length. */
static size_t twins_length(void)
{
    uint64_t x = twins_random() >> 20;
    return (size_t)((x & 1) != 0 ? (x >> 1) % 300 : (x >> 1) % (TWINS_MAX + 1));
}

/* Only these features from here on; the test is skipped where the CPU or the caller's NACRE_CPU
 * denies one. */
static void twins_only(uint32_t features, const char *name)
{
    if ((ncr_cpu() & features) != features) {
        cr_skip_test("no %s here", name);
    }
    ncr_cpu_restrict(features);
    cr_assert_eq(ncr_cpu() & NCR_CPU_ALL, features);
}

/* A random counter, often one that is about to carry out of word 12 or 13. */
static uint64_t twins_counter(void)
{
    uint64_t x = twins_random(), near = twins_random() >> 58;
    switch (x >> 62) {
    case 0:
        return (x << 32) - near;
    case 1:
        return 0 - near;
    default:
        return x >> (x >> 32 & 63);
    }
}

/* Memory around the n bytes at out + at is untouched. */
static void twins_edges(const uint8_t *out, size_t at, size_t n, size_t size)
{
    for (size_t i = 0; i < at; i++) {
        cr_assert_eq(out[i], 0xa5);
    }
    for (size_t i = at + n; i < size; i++) {
        cr_assert_eq(out[i], 0xa5);
    }
}

static void twins_chacha20(uint32_t features, const char *name)
{
    static uint8_t in[TWINS_MAX + TWINS_EDGE], out[TWINS_MAX + 2 * TWINS_EDGE], want[TWINS_MAX];
    twins_only(features, name);
    twins_fill(in, sizeof in);
    for (unsigned long i = twins_calls(1); i > 0; i--) {
        uint8_t key[32], nonce[8];
        size_t n = twins_length(), from = twins_random() >> 58, to = twins_random() >> 58;
        uint64_t counter = twins_counter();
        twins_fill(key, sizeof key);
        twins_fill(nonce, sizeof nonce);
        memset(out, 0xa5, sizeof out);
        twin_portable.chacha20_xor(want, in + from, n, key, nonce, counter);
        if (i % 2 == 0) {
            memcpy(out + to, in + from, n);
            nacre_chacha20_xor(out + to, out + to, n, key, nonce, counter);
        } else {
            nacre_chacha20_xor(out + to, in + from, n, key, nonce, counter);
        }
        cr_assert_arr_eq(out + to, want, n, "%zu bytes, counter %llx", n,
                         (unsigned long long)counter);
        twins_edges(out, to, n, to + n + TWINS_EDGE);
    }
}

Test(twins, chacha20_avx2)
{
    twins_chacha20(NCR_CPU_AVX2, "AVX2");
}

Test(twins, chacha20_avx512)
{
    twins_chacha20(NCR_CPU_AVX2 | NCR_CPU_AVX512, "AVX-512");
}

/* One stream in two calls, the first a number of whole blocks. */
static void twins_aes_ctr(uint32_t features, const char *name)
{
    static const size_t key_lens[3] = {16, 24, 32};
    static uint8_t in[TWINS_MAX + TWINS_EDGE], out[TWINS_MAX + 2 * TWINS_EDGE], want[TWINS_MAX];
    twins_only(features, name);
    twins_fill(in, sizeof in);
    for (unsigned long i = twins_calls(4); i > 0; i--) {
        struct nacre_aes_ctr fast, slow;
        uint8_t key[32], iv[16];
        size_t n = twins_length(), from = twins_random() >> 58, to = twins_random() >> 58;
        size_t cut = (size_t)(twins_random() >> 20) % (n + 1) / 16 * 16;
        uint64_t low = twins_counter();
        twins_fill(key, sizeof key);
        twins_fill(iv, sizeof iv);
        for (unsigned b = 0; b < 8; b++) {
            iv[15 - b] = (uint8_t)(low >> 8 * b);
            iv[7 - b] |= i % 16 == 0 ? 0xff : 0;
        }
        memset(out, 0xa5, sizeof out);
        memcpy(out + to, in + from, n);
        cr_assert(twin_portable.aes_ctr_init(&slow, key, key_lens[i % 3], iv));
        cr_assert(nacre_aes_ctr_init(&fast, key, key_lens[i % 3], iv));
        twin_portable.aes_ctr_xor(want, &slow, in + from, n);
        nacre_aes_ctr_xor(out + to, &fast, i % 2 == 0 ? out + to : in + from, cut);
        nacre_aes_ctr_xor(out + to + cut, &fast, i % 2 == 0 ? out + to + cut : in + from + cut,
                          n - cut);
        cr_assert_arr_eq(out + to, want, n, "%zu bytes, cut at %zu", n, cut);
        cr_assert_arr_eq(fast.ctr, slow.ctr, sizeof slow.ctr);
        twins_edges(out, to, n, to + n + TWINS_EDGE);
    }
}

Test(twins, aes_ctr_aesni)
{
    twins_aes_ctr(NCR_CPU_AES, "AES-NI");
}

Test(twins, aes_ctr_vaes)
{
    twins_aes_ctr(NCR_CPU_AVX512 | NCR_CPU_VAES, "VAES with AVX-512");
}

Test(twins, aes_ctr_vaes256)
{
    twins_aes_ctr(NCR_CPU_AVX2 | NCR_CPU_VAES256, "VAES with AVX2");
}

/* One stream in two calls of whole blocks, one way or the other, in place or not. */
Test(twins, aes_cbc_aesni)
{
    static const size_t key_lens[3] = {16, 24, 32};
    static uint8_t in[TWINS_MAX + TWINS_EDGE], out[TWINS_MAX + 2 * TWINS_EDGE], want[TWINS_MAX];
    twins_only(NCR_CPU_AES, "AES-NI");
    twins_fill(in, sizeof in);
    for (unsigned long i = twins_calls(8); i > 0; i--) {
        void (*crypt)(uint8_t *, struct nacre_aes_cbc *, const uint8_t *, size_t) =
            i % 8 == 0 ? nacre_aes_cbc_encrypt : nacre_aes_cbc_decrypt;
        struct nacre_aes_cbc fast, slow;
        uint8_t key[32], iv[16];
        size_t n = twins_length() / (i % 8 == 0 ? 8 : 1) / 16 * 16;
        size_t from = twins_random() >> 58, to = twins_random() >> 58;
        size_t cut = (size_t)(twins_random() >> 20) % (n + 1) / 16 * 16;
        twins_fill(key, sizeof key);
        twins_fill(iv, sizeof iv);
        memset(out, 0xa5, sizeof out);
        memcpy(out + to, in + from, n);
        cr_assert(twin_portable.aes_cbc_init(&slow, key, key_lens[i % 3], iv));
        cr_assert(nacre_aes_cbc_init(&fast, key, key_lens[i % 3], iv));
        (i % 8 == 0 ? twin_portable.aes_cbc_encrypt : twin_portable.aes_cbc_decrypt)(want, &slow,
                                                                                     in + from, n);
        crypt(out + to, &fast, i % 2 == 0 ? out + to : in + from, cut);
        crypt(out + to + cut, &fast, i % 2 == 0 ? out + to + cut : in + from + cut, n - cut);
        cr_assert_arr_eq(out + to, want, n, "%zu bytes, cut at %zu", n, cut);
        cr_assert_arr_eq(fast.iv, slow.iv, sizeof slow.iv);
        twins_edges(out, to, n, to + n + TWINS_EDGE);
    }
}

/* Sealed by the one and opened by the other; every eighth is a forgery. */
static void twins_gcm(uint32_t features, const char *name)
{
    static const size_t key_lens[3] = {16, 24, 32};
    static uint8_t in[TWINS_MAX + TWINS_EDGE], out[TWINS_MAX + 2 * TWINS_EDGE], want[TWINS_MAX];
    static const uint8_t zeros[TWINS_MAX];
    struct nacre_gcm c;
    bool keyed = false;
    twins_only(features, name);
    twins_fill(in, sizeof in);
    for (unsigned long i = twins_calls(4); i > 0; i--) {
        uint8_t key[32], iv[12], tag[16], want_tag[16];
        size_t n = twins_length(), from = twins_random() >> 58, to = twins_random() >> 58;
        size_t aad_len = i % 4 == 0 ? (size_t)(twins_random() >> 20) % 33 : 4;
        uint8_t *at = out + to;
        twins_fill(iv, sizeof iv);
        twins_fill(key, sizeof key);
        if (i % 16 == 0 || !keyed) {
            keyed = true;
            cr_assert(nacre_gcm_init(&c, key, key_lens[i / 16 % 3]));
            twins_extremes(in, i % 32 == 0 ? sizeof in : 0);
        }
        memset(out, 0xa5, sizeof out);
        memcpy(at, in + from, n);
        twin_portable.gcm_seal(want, want_tag, &c, iv, key, aad_len, in + from, n);
        nacre_gcm_seal(at, tag, &c, iv, key, aad_len, i % 2 == 0 ? at : in + from, n);
        cr_assert_arr_eq(at, want, n, "%zu bytes", n);
        cr_assert_arr_eq(tag, want_tag, sizeof tag, "%zu bytes", n);
        tag[i / 8 % 16] ^= i % 8 == 7;
        cr_assert_eq(nacre_gcm_open(at, &c, iv, key, aad_len, i % 2 == 0 ? at : want, n, tag),
                     i % 8 != 7);
        cr_assert_arr_eq(at, i % 8 == 7 ? zeros : in + from, n);
        twins_edges(out, to, n, to + n + TWINS_EDGE);
    }
}

Test(twins, gcm_aesni)
{
    twins_gcm(NCR_CPU_AES, "AES-NI");
}

Test(twins, gcm_vaes)
{
    twins_gcm(NCR_CPU_AVX512 | NCR_CPU_VAES, "VAES with AVX-512");
}

Test(twins, gcm_vaes256)
{
    twins_gcm(NCR_CPU_AVX2 | NCR_CPU_VAES256, "VAES with AVX2");
}

/* The message in two parts. */
static void twins_sha1_digest(uint8_t out[20], const struct twin *t, const uint8_t *m, size_t n,
                              size_t cut)
{
    struct nacre_sha1 c;
    t->sha1_init(&c);
    t->sha1_update(&c, m, cut);
    t->sha1_update(&c, m + cut, n - cut);
    t->sha1_final(out, &c);
}

Test(twins, sha1_shani)
{
    static uint8_t m[TWINS_MAX + TWINS_EDGE];
    static const struct twin library = {.sha1_init = nacre_sha1_init,
                                        .sha1_update = nacre_sha1_update,
                                        .sha1_final = nacre_sha1_final};
    twins_only(NCR_CPU_SHA, "SHA-NI");
    for (unsigned long i = twins_calls(1); i > 0; i--) {
        uint8_t out[20], want[20];
        size_t n = twins_length(), from = twins_random() >> 58;
        size_t cut = (size_t)(twins_random() >> 20) % (n + 1);
        twins_fill(m + (size_t)(twins_random() >> 20) % TWINS_MAX, TWINS_EDGE);
        twins_sha1_digest(want, &twin_portable, m + from, n, cut);
        twins_sha1_digest(out, &library, m + from, n, cut);
        cr_assert_arr_eq(out, want, sizeof out, "%zu bytes, cut at %zu", n, cut);
    }
}

static void twins_sha256_digest(uint8_t out[32], const struct twin *t, const uint8_t *m, size_t n,
                                size_t cut)
{
    struct nacre_sha256 c;
    t->sha256_init(&c);
    t->sha256_update(&c, m, cut);
    t->sha256_update(&c, m + cut, n - cut);
    t->sha256_final(out, &c);
}

Test(twins, sha256_shani)
{
    static uint8_t m[TWINS_MAX + TWINS_EDGE];
    static const struct twin library = {.sha256_init = nacre_sha256_init,
                                        .sha256_update = nacre_sha256_update,
                                        .sha256_final = nacre_sha256_final};
    twins_only(NCR_CPU_SHA, "SHA-NI");
    for (unsigned long i = twins_calls(1); i > 0; i--) {
        uint8_t out[32], want[32];
        size_t n = twins_length(), from = twins_random() >> 58;
        size_t cut = (size_t)(twins_random() >> 20) % (n + 1);
        twins_fill(m + (size_t)(twins_random() >> 20) % TWINS_MAX, TWINS_EDGE);
        twins_sha256_digest(want, &twin_portable, m + from, n, cut);
        twins_sha256_digest(out, &library, m + from, n, cut);
        cr_assert_arr_eq(out, want, sizeof out, "%zu bytes, cut at %zu", n, cut);
    }
}

/* One message in two parts; key bytes are often all ones, so that r is as large as it can be. */
static void twins_poly1305(uint32_t features, const char *name)
{
    static uint8_t m[TWINS_MAX + TWINS_EDGE];
    twins_only(features, name);
    for (unsigned long i = twins_calls(1); i > 0; i--) {
        struct nacre_poly1305 fast, slow;
        uint8_t key[32], tag[16], want[16];
        size_t n = twins_length(), from = twins_random() >> 58;
        size_t cut = (size_t)(twins_random() >> 20) % (n + 1);
        if (i % 16 == 0) {
            twins_fill(m, sizeof m);
            twins_extremes(m, i % 32 == 0 ? sizeof m : 0);
        }
        if (i % 64 == 0) {
            memset(m, 0xff, sizeof m);
        }
        twins_fill(key, sizeof key);
        twins_extremes(key, sizeof key);
        nacre_poly1305_init(&fast, key);
        nacre_poly1305_update(&fast, m + from, cut);
        nacre_poly1305_update(&fast, m + from + cut, n - cut);
        nacre_poly1305_final(tag, &fast);
        twin_portable.poly1305_init(&slow, key);
        twin_portable.poly1305_update(&slow, m + from, n);
        twin_portable.poly1305_final(want, &slow);
        cr_assert_arr_eq(tag, want, sizeof tag, "%zu bytes, cut at %zu", n, cut);
    }
}

Test(twins, poly1305_avx2)
{
    twins_poly1305(NCR_CPU_AVX2, "AVX2");
}

Test(twins, poly1305_ifma)
{
    twins_poly1305(NCR_CPU_AVX512 | NCR_CPU_IFMA, "AVX-512 IFMA");
}

/* One message in two parts under each tag length; key and message often all ones or zeros. */
Test(twins, umac_avx2)
{
    static uint8_t m[TWINS_MAX + TWINS_EDGE];
    twins_only(NCR_CPU_AVX2, "AVX2");
    for (unsigned long i = twins_calls(2); i > 0; i--) {
        static struct nacre_umac fast, slow;
        uint8_t key[16], nonce[8], tag[16], want[16];
        size_t n = twins_length(), from = twins_random() >> 58, tag_len = i % 2 == 0 ? 8 : 16;
        size_t cut = (size_t)(twins_random() >> 20) % (n + 1);
        if (i % 16 == 0) {
            twins_fill(m, sizeof m);
            twins_extremes(m, i % 32 == 0 ? sizeof m : 0);
        }
        twins_fill(key, sizeof key);
        twins_fill(nonce, sizeof nonce);
        nacre_umac_init(&fast, tag_len, key);
        nacre_umac_update(&fast, m + from, cut);
        nacre_umac_update(&fast, m + from + cut, n - cut);
        nacre_umac_final(tag, &fast, nonce);
        twin_portable.umac_init(&slow, tag_len, key);
        twin_portable.umac_update(&slow, m + from, n);
        twin_portable.umac_final(want, &slow, nonce);
        cr_assert_arr_eq(tag, want, tag_len, "%zu bytes, cut at %zu", n, cut);
    }
}

/* What a restriction takes away comes back, and nothing that the CPU lacks. */
Test(twins, restrict)
{
    uint32_t all = ncr_cpu();
    ncr_cpu_restrict(0);
    cr_assert_eq(ncr_cpu() & NCR_CPU_ALL, 0);
    ncr_cpu_restrict(all & NCR_CPU_AVX2);
    cr_assert_eq(ncr_cpu() & NCR_CPU_ALL, all & NCR_CPU_AVX2);
    ncr_cpu_restrict(all);
    cr_assert_eq(ncr_cpu(), all);
}
