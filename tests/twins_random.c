/* SPDX-License-Identifier: ISC
 *
 * The forms of the ciphers and hashes (tests/twins.h) against each other on random calls, as a
 * program that needs no Criterion: make cross runs it on other machines' code, where test_twins.c
 * cannot go. Each call has random lengths, alignments and keys, often all ones or zeros, and
 * counters that carry.
 *
 * Usage: twins_random [CALLS], the number of calls of each primitive in each form; 2,000 unless
 * told, a million in make twins-arm. Exits 1 at the first difference.
 */
#include "crypto/cpu.h"
#include "tests/twins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_MAX = 2304, RANDOM_EDGE = 64 };

static uint64_t random_seed = 0x9e3779b97f4a7c15;

/* Marsaglia's xorshift64. */
static uint64_t random_word(void)
{
    random_seed ^= random_seed << 13;
    random_seed ^= random_seed >> 7;
    random_seed ^= random_seed << 17;
    return random_seed;
}

static size_t random_below(size_t n)
{
    return (size_t)(random_word() >> 20) % n;
}

/* 16 bytes each: zeros, ones, or random. */
static void random_bytes(uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n; at += 16) {
        uint64_t what = random_word() >> 61;
        for (size_t i = at; i < n && i < at + 16; i++) {
            p[i] = what == 0 ? 0 : what == 1 ? 0xff : (uint8_t)(random_word() >> 56);
        }
    }
}

/* What a call gets, and the place for what it makes. */
struct random_call {
    uint8_t key[32], nonce[16], in[RANDOM_MAX + RANDOM_EDGE];
    uint64_t counter;
    size_t n, cut, key_len, from;
};

/* In two parts, the first of whole blocks. */
static void random_make(struct random_call *c)
{
    static const size_t key_lens[3] = {16, 24, 32};
    static const size_t lens[8] = {RANDOM_MAX + 1, 600, 300, 300, 80, 80, 80, 80};
    random_bytes(c->key, sizeof c->key);
    random_bytes(c->nonce, sizeof c->nonce);
    random_bytes(c->in, sizeof c->in);
    c->n = random_below(lens[random_word() >> 61]);
    c->cut = random_below(c->n + 1) / 16 * 16;
    c->from = random_below(RANDOM_EDGE);
    c->key_len = key_lens[random_below(3)];
    c->counter = random_word() >> 62 == 0 ? 0 - random_below(40) : random_word() << 32;
    c->counter -= random_below(40);
}

/* Each fills out, at most RANDOM_MAX + 32 bytes of it. */
static void random_chacha20(uint8_t *out, const struct twin *t, const struct random_call *c)
{
    t->chacha20_xor(out, c->in + c->from, c->n, c->key, c->nonce, c->counter);
}

static void random_poly1305(uint8_t *out, const struct twin *t, const struct random_call *c)
{
    struct nacre_poly1305 p;
    t->poly1305_init(&p, c->key);
    t->poly1305_update(&p, c->in + c->from, c->cut);
    t->poly1305_update(&p, c->in + c->from + c->cut, c->n - c->cut);
    t->poly1305_final(out, &p);
}

static void random_aes_ctr(uint8_t *out, const struct twin *t, const struct random_call *c)
{
    struct nacre_aes_ctr k;
    if (t->aes_ctr_init(&k, c->key, c->key_len, c->nonce)) {
        t->aes_ctr_xor(out, &k, c->in + c->from, c->cut);
        t->aes_ctr_xor(out + c->cut, &k, c->in + c->from + c->cut, c->n - c->cut);
    }
}

static void random_aes_cbc(uint8_t *out, const struct twin *t, const struct random_call *c)
{
    struct nacre_aes_cbc k;
    size_t n = c->n / 16 * 16;
    if (t->aes_cbc_init(&k, c->key, c->key_len, c->nonce)) {
        t->aes_cbc_encrypt(out, &k, c->in + c->from, c->cut);
        t->aes_cbc_decrypt(out + c->cut, &k, c->in + c->from + c->cut, n - c->cut);
    }
}

static void random_gcm(uint8_t *out, const struct twin *t, const struct random_call *c)
{
    struct nacre_gcm k;
    if (t->gcm_init(&k, c->key, c->key_len)) {
        t->gcm_seal(out, out + RANDOM_MAX, &k, c->nonce, c->in, c->cut % 33, c->in + c->from, c->n);
        out[RANDOM_MAX + 16] =
            t->gcm_open(out, &k, c->nonce, c->in, c->cut % 33, out, c->n, out + RANDOM_MAX);
        t->gcm_seal(out, out + RANDOM_MAX, &k, c->nonce, c->in, c->cut % 33, c->in + c->from, c->n);
    }
}

static void random_umac(uint8_t *out, const struct twin *t, const struct random_call *c)
{
    static struct nacre_umac u;
    t->umac_init(&u, c->key_len == 16 ? 8 : 16, c->key);
    t->umac_update(&u, c->in + c->from, c->cut);
    t->umac_update(&u, c->in + c->from + c->cut, c->n - c->cut);
    t->umac_final(out, &u, c->nonce);
}

static void random_sha1(uint8_t *out, const struct twin *t, const struct random_call *c)
{
    struct nacre_sha1 h;
    t->sha1_init(&h);
    t->sha1_update(&h, c->in + c->from, c->cut);
    t->sha1_update(&h, c->in + c->from + c->cut, c->n - c->cut);
    t->sha1_final(out, &h);
}

static void random_sha256(uint8_t *out, const struct twin *t, const struct random_call *c)
{
    struct nacre_sha256 h;
    t->sha256_init(&h);
    t->sha256_update(&h, c->in + c->from, c->cut);
    t->sha256_update(&h, c->in + c->from + c->cut, c->n - c->cut);
    t->sha256_final(out, &h);
}

static const struct {
    const char *name;
    void (*run)(uint8_t *out, const struct twin *t, const struct random_call *c);
} random_primitives[] = {
    {"chacha20", random_chacha20}, {"poly1305", random_poly1305}, {"aes-ctr", random_aes_ctr},
    {"aes-cbc", random_aes_cbc},   {"gcm", random_gcm},           {"umac", random_umac},
    {"sha1", random_sha1},         {"sha256", random_sha256},
};

enum { RANDOM_PRIMITIVES = sizeof random_primitives / sizeof random_primitives[0] };

/* The forms that differ on a machine of this kind. */
static const struct twin *const random_forms[] = {
    &twin_default,
    &twin_baseline,
#if defined(__x86_64__)
    &twin_vaes256,
    &twin_avx2,
#endif
};

enum { RANDOM_FORMS = sizeof random_forms / sizeof random_forms[0] };

/* The same in every form, and nothing written that is not theirs to write. */
static int random_compare(size_t p, const struct random_call *c)
{
    static uint8_t want[RANDOM_MAX + RANDOM_EDGE], got[RANDOM_MAX + RANDOM_EDGE];
    memset(want, 0xa5, sizeof want);
    random_primitives[p].run(want, &twin_portable, c);
    for (size_t i = 0; i < RANDOM_FORMS; i++) {
        memset(got, 0xa5, sizeof got);
        random_primitives[p].run(got, random_forms[i], c);
        if (memcmp(got, want, sizeof got) != 0) {
            printf("%s: %s differs from portable, %zu bytes cut at %zu\n",
                   random_primitives[p].name, random_forms[i]->name, c->n, c->cut);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
    const unsigned features = ncr_cpu() & NCR_CPU_ALL; /* twins.c changes what is used */
    static struct random_call c;
    for (unsigned long i = 0; i < calls; i++) {
        random_make(&c);
        for (size_t p = 0; p < RANDOM_PRIMITIVES; p++) {
            if (random_compare(p, &c) != 0) {
                return 1;
            }
        }
    }
    printf("%lu calls of %d primitives, features %x\n", calls, (int)RANDOM_PRIMITIVES, features);
    return 0;
}
