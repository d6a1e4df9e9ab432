/* SPDX-License-Identifier: ISC
 *
 * ssh-ed25519 blobs: signatures of others, then s32 (exact lengths, S < L, keys of small order) and
 * s20 (each blob cut at every length, extended, each length field wrong, each bit flipped).
 */
#include "crypto/load.h"
#include "proto/alg.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN 11 /* "ssh-ed25519" */
#define HEAD_LEN (4 + NAME_LEN + 4)

/* Blob of the form string "ssh-ed25519", string of n bytes. */
struct blob {
    uint8_t p[HEAD_LEN + 128];
    size_t n;
};

static struct blob blob_of(const uint8_t *p, size_t n)
{
    struct blob b = {.n = HEAD_LEN + n};
    cr_assert_leq(n, sizeof b.p - HEAD_LEN);
    ncr_store32be(b.p, NAME_LEN);
    memcpy(b.p + 4, "ssh-ed25519", NAME_LEN);
    ncr_store32be(b.p + 4 + NAME_LEN, (uint32_t)n);
    memcpy(b.p + HEAD_LEN, p, n);
    return b;
}

static struct nacre_bytes bytes_of(const struct blob *b)
{
    return (struct nacre_bytes){b->p, b->n};
}

/* check_key and verify on copies of exactly the blobs' sizes. */
static nacre_err check_exact(struct nacre_bytes key)
{
    uint8_t *copy = malloc(key.n + (key.n == 0));
    cr_assert_not_null(copy);
    memcpy(copy, key.p, key.n);
    nacre_err err = ncr_sig_ed25519.check_key((struct nacre_bytes){copy, key.n});
    free(copy);
    return err;
}

static nacre_err verify_exact(struct nacre_bytes key, struct nacre_bytes data,
                              struct nacre_bytes sig)
{
    uint8_t *copy = malloc(key.n + sig.n + 1);
    uint8_t *sig_copy = malloc(sig.n + (sig.n == 0));
    cr_assert(copy != NULL && sig_copy != NULL);
    memcpy(copy, key.p, key.n);
    memcpy(sig_copy, sig.p, sig.n);
    nacre_err err = ncr_sig_ed25519.verify((struct nacre_bytes){copy, key.n}, data,
                                           (struct nacre_bytes){sig_copy, sig.n}, NULL);
    free(copy);
    free(sig_copy);
    return err;
}

struct signed_case {
    struct blob key, sig;
    uint8_t data[40];
    struct nacre_bytes msg;
};

static void signed_case(struct signed_case *c)
{
    static const uint8_t seed[NACRE_ED25519_SEED_LEN] = {1, 2, 3};
    struct nacre_ed25519_key k;
    uint8_t sig[NACRE_ED25519_SIG_LEN];
    memset(c->data, 0x5a, sizeof c->data);
    c->msg = (struct nacre_bytes){c->data, sizeof c->data};
    nacre_ed25519_key_init(&k, seed);
    nacre_ed25519_sign(sig, &k, c->data, sizeof c->data);
    c->key = blob_of(k.pub, sizeof k.pub);
    c->sig = blob_of(sig, sizeof sig);
}

Test(sig_ed25519, asyncssh)
{
    struct vec v;
    for (vec_open(&v, "ssh_ed25519_asyncssh.txt"); vec_next(&v);) {
        struct nacre_bytes key, data, sig;
        key.p = vec_get(&v, "key", &key.n);
        data.p = vec_get(&v, "data", &data.n);
        sig.p = vec_get(&v, "sig", &sig.n);
        cr_assert_eq(check_exact(key), NACRE_OK);
        cr_assert_eq(verify_exact(key, data, sig), NACRE_OK);
    }
    vec_close(&v);
}

/* Valid by RFC 8032 is not enough: the key must be one that may be trusted. */
Test(s32, edge_signatures)
{
    struct vec v;
    for (vec_open(&v, "ed25519_edge.txt"); vec_next(&v);) {
        if (!vec_has(&v, "public")) {
            continue;
        }
        struct blob key = blob_of(vec_fixed(&v, "public", 32), 32);
        bool trusted = check_exact(bytes_of(&key)) == NACRE_OK;
        if (vec_has(&v, "trustworthy")) {
            cr_assert_eq(trusted, vec_uint(&v, "trustworthy") == 1);
        }
        if (!vec_has(&v, "signature")) {
            continue;
        }
        struct nacre_bytes data;
        data.p = vec_get(&v, "message", &data.n);
        struct blob sig = blob_of(vec_fixed(&v, "signature", 64), 64);
        nacre_err err = verify_exact(bytes_of(&key), data, bytes_of(&sig));
        nacre_err want = vec_uint(&v, "valid") == 1 ? NACRE_OK : NACRE_ERR_SIG;
        cr_assert_eq(err, trusted ? want : NACRE_ERR_KEY_REFUSED, "line %u", v.line);
    }
    vec_close(&v);
}

Test(s32, lengths)
{
    struct signed_case c;
    uint8_t bytes[128];
    signed_case(&c);
    for (size_t n = 0; n <= 70; n++) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, c.key.p + HEAD_LEN, 32);
        struct blob key = blob_of(bytes, n);
        nacre_err want = n == 32 ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
        cr_assert_eq(check_exact(bytes_of(&key)), want, "%zu", n);
        cr_assert_eq(verify_exact(bytes_of(&key), c.msg, bytes_of(&c.sig)), want, "%zu", n);
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, c.sig.p + HEAD_LEN, 64);
        struct blob sig = blob_of(bytes, n);
        want = n == 64 ? NACRE_OK : NACRE_ERR_SIG_FORMAT;
        cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&sig)), want, "%zu", n);
    }
}

Test(s32, keys_of_small_order_are_refused)
{
    /* y = 1, -1 and 0, with either sign bit, and with y = p + 1, p: orders 1, 2 and 4. */
    static const struct {
        uint8_t first, middle, last;
    } low[] = {{1, 0, 0},          {1, 0, 0x80},      {0xec, 0xff, 0x7f}, {0xec, 0xff, 0xff},
               {0, 0, 0},          {0, 0, 0x80},      {0xee, 0xff, 0x7f}, {0xee, 0xff, 0xff},
               {0xed, 0xff, 0x7f}, {0xed, 0xff, 0xff}};
    struct signed_case c;
    signed_case(&c);
    for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
        uint8_t pub[32], sig[64] = {0};
        memset(pub, low[i].middle, sizeof pub);
        pub[0] = low[i].first;
        pub[31] = low[i].last;
        struct blob key = blob_of(pub, 32);
        cr_assert_eq(check_exact(bytes_of(&key)), NACRE_ERR_KEY_REFUSED, "%zu", i);
        /* R = identity, S = 0 verifies any message where the key times h is the identity. */
        sig[0] = 1;
        struct blob forged = blob_of(sig, 64);
        cr_assert_eq(verify_exact(bytes_of(&key), c.msg, bytes_of(&forged)), NACRE_ERR_KEY_REFUSED);
    }
}

/* Each way to break a blob must give this error for that argument. */
static void broken(const struct signed_case *c, const struct blob *b, bool is_key)
{
    if (is_key) {
        cr_assert_eq(check_exact(bytes_of(b)), NACRE_ERR_KEY_FORMAT);
        cr_assert_eq(verify_exact(bytes_of(b), c->msg, bytes_of(&c->sig)), NACRE_ERR_KEY_FORMAT);
    } else {
        cr_assert_eq(verify_exact(bytes_of(&c->key), c->msg, bytes_of(b)), NACRE_ERR_SIG_FORMAT);
    }
}

static void break_lengths(const struct signed_case *c, const struct blob *good, bool is_key)
{
    static const size_t fields[] = {0, 4 + NAME_LEN};
    for (size_t i = 0; i < 2; i++) {
        uint32_t was = ncr_load32be(good->p + fields[i]);
        uint32_t left = (uint32_t)(good->n - fields[i] - 4);
        uint32_t values[] = {0,        was - 1,    was + 1,    left - 1,   left + 1,
                             left + 4, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            struct blob b = *good;
            ncr_store32be(b.p + fields[i], values[j]);
            if (values[j] != was) {
                broken(c, &b, is_key);
            }
        }
    }
}

Test(s20, blobs_cut_extended_and_with_wrong_lengths)
{
    struct signed_case c;
    signed_case(&c);
    for (int is_key = 0; is_key <= 1; is_key++) {
        const struct blob *good = is_key ? &c.key : &c.sig;
        struct blob b = *good;
        for (b.n = 0; b.n < good->n; b.n++) {
            broken(&c, &b, is_key);
        }
        for (b.n = good->n + 1; b.n <= good->n + 5; b.n++) {
            broken(&c, &b, is_key);
        }
        break_lengths(&c, good, is_key);
    }
}

Test(s16, each_bit_of_key_data_and_signature)
{
    struct signed_case c;
    signed_case(&c);
    cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&c.sig)), NACRE_OK);
    for (size_t bit = 0; bit < 8 * c.key.n; bit++) {
        struct blob b = c.key;
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        nacre_err err = verify_exact(bytes_of(&b), c.msg, bytes_of(&c.sig));
        cr_assert(bit < 8 * HEAD_LEN ? err == NACRE_ERR_KEY_FORMAT
                                     : err == NACRE_ERR_SIG || err == NACRE_ERR_KEY_REFUSED);
    }
    for (size_t bit = 0; bit < 8 * c.sig.n; bit++) {
        struct blob b = c.sig;
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&b)),
                     bit < 8 * HEAD_LEN ? NACRE_ERR_SIG_FORMAT : NACRE_ERR_SIG);
    }
    for (size_t bit = 0; bit < 8 * sizeof c.data; bit++) {
        c.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&c.sig)), NACRE_ERR_SIG);
        c.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* The name inside the signature is compared, too: a good signature under another name fails. */
Test(sig_ed25519, other_names)
{
    static const char *const names[] = {"ssh-ed25518", "SSH-ED25519", "ssh-rsa\0\0\0\0"};
    struct signed_case c;
    signed_case(&c);
    for (size_t i = 0; i < 3; i++) {
        struct blob b = c.sig;
        memcpy(b.p + 4, names[i], NAME_LEN);
        broken(&c, &b, false);
        b = c.key;
        memcpy(b.p + 4, names[i], NAME_LEN);
        broken(&c, &b, true);
    }
}
