/* SPDX-License-Identifier: ISC
 *
 * ssh-mldsa44-ed25519 blobs: signatures of OpenSSH, then s32 (exact lengths, an Ed25519 half of
 * small order), s20 (each blob cut, extended, each length field wrong) and s16 (bits of each part);
 * and sessions with such keys on both sides.
 */
#include "crypto/load.h"
#include "proto/alg.h"
#include "proto/keys/nacre_keys.h"
#include "tests/pair.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "ssh-mldsa44-ed25519";
enum { NAME_LEN = 19, HEAD_LEN = 4 + NAME_LEN + 4, PK_LEN = 1344, SIG_LEN = 2484, ED_AT = 1312 };

static uint64_t work[NACRE_WORK];

/* Blob of the form string name, string of n bytes. */
struct blob {
    uint8_t p[HEAD_LEN + 2600];
    size_t n;
};

static struct blob blob_of(const uint8_t *p, size_t n)
{
    struct blob b = {.n = HEAD_LEN + n};
    cr_assert_leq(n, sizeof b.p - HEAD_LEN);
    ncr_store32be(b.p, NAME_LEN);
    memcpy(b.p + 4, name, NAME_LEN);
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
    nacre_err err = ncr_sig_mldsa44_ed25519.check_key((struct nacre_bytes){copy, key.n});
    free(copy);
    return err;
}

static nacre_err verify_exact(struct nacre_bytes key, struct nacre_bytes data,
                              struct nacre_bytes sig)
{
    uint8_t *copy = malloc(key.n + 1);
    uint8_t *sig_copy = malloc(sig.n + (sig.n == 0));
    cr_assert(copy != NULL && sig_copy != NULL);
    memcpy(copy, key.p, key.n);
    memcpy(sig_copy, sig.p, sig.n);
    nacre_err err = ncr_sig_mldsa44_ed25519.verify((struct nacre_bytes){copy, key.n}, data,
                                                   (struct nacre_bytes){sig_copy, sig.n}, work);
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
    static const uint8_t seed[NACRE_MLDSA44_ED25519_SEED_LEN] = {1, 2, 3};
    uint8_t pk[PK_LEN], sig[SIG_LEN];
    memset(c->data, 0x5a, sizeof c->data);
    c->msg = (struct nacre_bytes){c->data, sizeof c->data};
    nacre_mldsa44_ed25519_keygen(pk, seed, work);
    cr_assert(
        nacre_mldsa44_ed25519_sign(sig, seed, NULL, 0, seed + 32, c->data, sizeof c->data, work));
    c->key = blob_of(pk, sizeof pk);
    c->sig = blob_of(sig, sizeof sig);
}

Test(sig_mldsa44, openssh)
{
    struct vec v;
    for (vec_open(&v, "ssh_mldsa44_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes key, data, sig;
        key.p = vec_get(&v, "blob", &key.n);
        data.p = vec_get(&v, "data", &data.n);
        sig.p = vec_get(&v, "sig", &sig.n);
        cr_assert_eq(check_exact(key), NACRE_OK);
        cr_assert_eq(verify_exact(key, data, sig), NACRE_OK);
        data.n--;
        cr_assert_eq(verify_exact(key, data, sig), NACRE_ERR_SIG);
    }
    vec_close(&v);
}

Test(sig_mldsa44, s32_lengths)
{
    static const int off[] = {-1344, -1312, -1000, -64, -32, -1, 0, 1, 32, 64, 100};
    struct signed_case c;
    uint8_t bytes[2600];
    signed_case(&c);
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        size_t n = (size_t)(PK_LEN + off[i]);
        nacre_err want = off[i] == 0 ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, c.key.p + HEAD_LEN, PK_LEN);
        struct blob key = blob_of(bytes, n);
        cr_assert_eq(check_exact(bytes_of(&key)), want, "%zu", n);
        cr_assert_eq(verify_exact(bytes_of(&key), c.msg, bytes_of(&c.sig)), want, "%zu", n);
        n = (size_t)(SIG_LEN + off[i]);
        want = off[i] == 0 ? NACRE_OK : NACRE_ERR_SIG_FORMAT;
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, c.sig.p + HEAD_LEN, SIG_LEN);
        struct blob sig = blob_of(bytes, n);
        cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&sig)), want, "%zu", n);
    }
}

/* R = identity, S = 0 verifies any message where the key times h is the identity; and the other
 * half is good. */
Test(sig_mldsa44, s32_small_order)
{
    static const struct {
        uint8_t first, middle, last;
    } low[] = {{1, 0, 0},          {1, 0, 0x80},      {0xec, 0xff, 0x7f}, {0xec, 0xff, 0xff},
               {0, 0, 0},          {0, 0, 0x80},      {0xee, 0xff, 0x7f}, {0xee, 0xff, 0xff},
               {0xed, 0xff, 0x7f}, {0xed, 0xff, 0xff}};
    struct signed_case c;
    signed_case(&c);
    memset(c.sig.p + HEAD_LEN + 2420, 0, 64);
    c.sig.p[HEAD_LEN + 2420] = 1;
    for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
        uint8_t *pub = c.key.p + HEAD_LEN + ED_AT;
        memset(pub, low[i].middle, 32);
        pub[0] = low[i].first;
        pub[31] = low[i].last;
        cr_assert_eq(check_exact(bytes_of(&c.key)), NACRE_ERR_KEY_REFUSED, "%zu", i);
        cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&c.sig)),
                     NACRE_ERR_KEY_REFUSED);
    }
    /* not a point, and one that is, but not this key's */
    memset(c.key.p + HEAD_LEN + ED_AT, 0, 32);
    c.key.p[HEAD_LEN + ED_AT] = 2;
    cr_assert_eq(check_exact(bytes_of(&c.key)), NACRE_ERR_KEY_REFUSED);
    c.key.p[HEAD_LEN + ED_AT] = 3;
    cr_assert_eq(check_exact(bytes_of(&c.key)), NACRE_OK);
    cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&c.sig)), NACRE_ERR_SIG);
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

Test(sig_mldsa44, s20_blobs_cut_extended_and_with_wrong_lengths)
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

Test(sig_mldsa44, s16_bits_of_key_data_and_signature)
{
    struct signed_case c;
    signed_case(&c);
    cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&c.sig)), NACRE_OK);
    for (size_t bit = 0; bit < 8 * c.key.n; bit += bit < 8 * HEAD_LEN ? 1 : 37) {
        struct blob b = c.key;
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        nacre_err err = verify_exact(bytes_of(&b), c.msg, bytes_of(&c.sig));
        cr_assert(bit < 8 * HEAD_LEN ? err == NACRE_ERR_KEY_FORMAT
                                     : err == NACRE_ERR_SIG || err == NACRE_ERR_KEY_REFUSED);
    }
    for (size_t bit = 0; bit < 8 * c.sig.n; bit += bit < 8 * HEAD_LEN ? 1 : 37) {
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

/* One half alone is no signature. */
Test(sig_mldsa44, s16_each_half_counts)
{
    struct signed_case c;
    signed_case(&c);
    for (int half = 0; half < 2; half++) {
        struct blob b = c.sig;
        memset(b.p + HEAD_LEN + (half ? 2420 : 0), 0, half ? 64 : 2420);
        cr_assert_eq(verify_exact(bytes_of(&c.key), c.msg, bytes_of(&b)), NACRE_ERR_SIG);
    }
}

/* The name inside the signature is compared, too; those of OpenSSH 10.5 are others. */
Test(sig_mldsa44, other_names)
{
    static const char *const names[] = {"ssh-mldsa44-ed25518", "SSH-MLDSA44-ED25519",
                                        "ssh-mldsa44-ed2551\0", "ssh-mldsa65-ed25519"};
    struct signed_case c;
    signed_case(&c);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct blob b = c.sig;
        memcpy(b.p + 4, names[i], NAME_LEN);
        broken(&c, &b, false);
        b = c.key;
        memcpy(b.p + 4, names[i], NAME_LEN);
        broken(&c, &b, true);
    }
}

Test(sig_mldsa44, rows_and_limits)
{
    cr_assert_eq(ncr_alg_sig(&nacre_algs_default, nacre_bytes_str(name)), &ncr_sig_mldsa44_ed25519);
    cr_assert_leq(HEAD_LEN + SIG_LEN, NCR_SIG_MAX);
}

/* ---- Sessions ---- */

/* The host's key and the user's. */
struct session_keys {
    struct nacre_privkey key[2];
    bool probe;
    unsigned signed_by[2], proved;
};

/* Without room now (a request that large is not held during a key exchange), later. */
static void session_answer(struct pair_side *s, const struct nacre_answer *a)
{
    nacre_err err = nacre_conn_answer(s->c, a);

    if (err == NACRE_ERR_NO_ROOM) {
        s->late[s->n_late++] = *a;
    } else {
        cr_assert_eq(err, NACRE_OK, "%s", nacre_err_name(err));
    }
}

static void session_sign(struct session_keys *k, struct pair_side *s, const struct nacre_event *ev)
{
    static uint8_t sig[2][NACRE_SIG_BLOB_MAX]; /* a late answer still points to it */
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};
    int who = ev->for_host ? 0 : 1;

    cr_assert(nacre_bytes_is(ev->alg, name));
    a.data.p = sig[who];
    cr_assert_eq(nacre_privkey_sign(&k->key[who], ev->alg, ev->data, sig[who], sizeof sig[who],
                                    &a.data.n, &nacre_rng_os, work),
                 NACRE_OK);
    k->signed_by[who]++;
    session_answer(s, &a);
}

static bool session_hook(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct session_keys *k = p->ctx;
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};

    switch (ev->type) {
    case NACRE_EV_SIGN:
        session_sign(k, s, ev);
        return true;
    case NACRE_EV_HOST_KEY:
        cr_assert_eq(ev->blob.n, k->key[0].blob_len);
        cr_assert_arr_eq(ev->blob.p, k->key[0].blob, k->key[0].blob_len);
        session_answer(s, &a);
        return true;
    case NACRE_EV_AUTH_NEXT:
        cr_assert_eq(nacre_auth_publickey(s->c, "joe", name, nacre_privkey_public_blob(&k->key[1]),
                                          k->probe),
                     NACRE_OK);
        return true;
    case NACRE_EV_AUTH_REQUEST:
        cr_assert(ev->stage == NACRE_STAGE_KEY_QUERY || ev->stage == NACRE_STAGE_KEY_PROVED);
        k->proved += ev->stage == NACRE_STAGE_KEY_PROVED;
        session_answer(s, &a);
        return true;
    default:
        return false;
    }
}

/* A session with a client of that size of buffers. */
static void session(size_t client_buf, bool probe, unsigned rekey_every)
{
    struct session_keys k = {.probe = probe};
    struct nacre_bytes host;
    struct pair p;

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nacre_privkey_generate(&k.key[i], name, 0, &nacre_rng_os, work), NACRE_OK);
    }
    host = nacre_privkey_public_blob(&k.key[0]);
    pair_init(&p);
    p.hook = session_hook;
    p.ctx = &k;
    p.plan.send = 100000;
    p.plan.rekey_every = rekey_every;
    p.side[0].mem_len = NACRE_CONN_MEM(8, client_buf, client_buf);
    p.side[1].cfg.host_keys = &host;
    pair_session(&p);
    cr_assert(pair_complete(&p), "%s, %s", nacre_err_name(p.side[0].err),
              nacre_err_name(p.side[1].err));
    cr_assert(k.signed_by[0] >= 1 && k.signed_by[1] == 1 && k.proved == 1);
    cr_assert(rekey_every == 0 || k.signed_by[0] > 1);
    pair_free(&p);
}

Test(sig_mldsa44, sessions)
{
    session(NACRE_BUF_STANDARD, false, 0);
    session(NACRE_BUF_STANDARD, true, 0);
    session(NACRE_BUF_STANDARD, true, 3);
    session(NACRE_BUF_BULK, false, 0);
}

/* A client with small buffers: the server's answer, and the request that is signed, have room. */
Test(sig_mldsa44, sessions_of_a_small_client)
{
    session(NACRE_BUF_SMALL, false, 0);
    session(NACRE_BUF_SMALL, true, 3);
}
