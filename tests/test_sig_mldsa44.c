/* SPDX-License-Identifier: ISC
 *
 * ssh-mldsa44-ed25519 blobs: signatures of OpenSSH, then s32 (exact lengths, an Ed25519 half of
 * small order), s20 (each blob cut, extended, each length field wrong) and s16 (bits of each part);
 * and sessions with such keys on both sides.
 */
#include "proto/keys/nacre_keys.h"
#include "tests/pair.h"
#include "tests/sig_rig.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static const char name[] = "ssh-mldsa44-ed25519";
enum { NAME_LEN = 19, HEAD_LEN = 4 + NAME_LEN + 4, PK_LEN = 1344, SIG_LEN = 2484, ED_AT = 1312 };

static uint64_t work[NACRE_WORK];

static void signed_case(struct sig_case *c)
{
    static const uint8_t seed[NACRE_MLDSA44_ED25519_SEED_LEN] = {1, 2, 3};
    uint8_t pk[PK_LEN], sig[SIG_LEN];
    sig_case_begin(c, &ncr_sig_mldsa44_ed25519);
    nacre_mldsa44_ed25519_keygen(pk, seed, work);
    cr_assert(
        nacre_mldsa44_ed25519_sign(sig, seed, NULL, 0, seed + 32, c->data, sizeof c->data, work));
    c->key = sig_blob_of(&ncr_sig_mldsa44_ed25519, pk, sizeof pk);
    c->sig = sig_blob_of(&ncr_sig_mldsa44_ed25519, sig, sizeof sig);
}

Test(sig_mldsa44, openssh)
{
    struct vec v;
    for (vec_open(&v, "ssh_mldsa44_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes key, data, sig;
        key.p = vec_get(&v, "blob", &key.n);
        data.p = vec_get(&v, "data", &data.n);
        sig.p = vec_get(&v, "sig", &sig.n);
        cr_assert_eq(sig_check_exact(&ncr_sig_mldsa44_ed25519, key), NACRE_OK);
        cr_assert_eq(sig_verify_exact(&ncr_sig_mldsa44_ed25519, key, data, sig), NACRE_OK);
        data.n--;
        cr_assert_eq(sig_verify_exact(&ncr_sig_mldsa44_ed25519, key, data, sig), NACRE_ERR_SIG);
    }
    vec_close(&v);
}

Test(sig_mldsa44, s32_lengths)
{
    static const int off[] = {-1344, -1312, -1000, -64, -32, -1, 0, 1, 32, 64, 100};
    struct sig_case c;
    uint8_t bytes[2600];
    signed_case(&c);
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        size_t n = (size_t)(PK_LEN + off[i]);
        nacre_err want = off[i] == 0 ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, c.key.p + HEAD_LEN, PK_LEN);
        struct sig_blob key = sig_blob_of(&ncr_sig_mldsa44_ed25519, bytes, n);
        cr_assert_eq(sig_check_exact(&ncr_sig_mldsa44_ed25519, sig_bytes(&key)), want, "%zu", n);
        cr_assert_eq(sig_case_key(&c, &key), want, "%zu", n);
        n = (size_t)(SIG_LEN + off[i]);
        want = off[i] == 0 ? NACRE_OK : NACRE_ERR_SIG_FORMAT;
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, c.sig.p + HEAD_LEN, SIG_LEN);
        struct sig_blob sig = sig_blob_of(&ncr_sig_mldsa44_ed25519, bytes, n);
        cr_assert_eq(sig_case_sig(&c, &sig), want, "%zu", n);
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
    struct sig_case c;
    signed_case(&c);
    memset(c.sig.p + HEAD_LEN + 2420, 0, 64);
    c.sig.p[HEAD_LEN + 2420] = 1;
    for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
        uint8_t *pub = c.key.p + HEAD_LEN + ED_AT;
        memset(pub, low[i].middle, 32);
        pub[0] = low[i].first;
        pub[31] = low[i].last;
        cr_assert_eq(sig_check_exact(&ncr_sig_mldsa44_ed25519, sig_bytes(&c.key)),
                     NACRE_ERR_KEY_REFUSED, "%zu", i);
        cr_assert_eq(sig_case_key(&c, &c.key), NACRE_ERR_KEY_REFUSED);
    }
    /* not a point, and one that is, but not this key's */
    memset(c.key.p + HEAD_LEN + ED_AT, 0, 32);
    c.key.p[HEAD_LEN + ED_AT] = 2;
    cr_assert_eq(sig_check_exact(&ncr_sig_mldsa44_ed25519, sig_bytes(&c.key)),
                 NACRE_ERR_KEY_REFUSED);
    c.key.p[HEAD_LEN + ED_AT] = 3;
    cr_assert_eq(sig_check_exact(&ncr_sig_mldsa44_ed25519, sig_bytes(&c.key)), NACRE_OK);
    cr_assert_eq(sig_case_key(&c, &c.key), NACRE_ERR_SIG);
}

Test(sig_mldsa44, s20_blobs_cut_extended_and_with_wrong_lengths)
{
    struct sig_case c;
    signed_case(&c);
    sig_cut_and_stretched(&c);
}

Test(sig_mldsa44, s16_bits_of_key_data_and_signature)
{
    struct sig_case c;
    signed_case(&c);
    sig_bits_flipped(&c, 37);
}

/* One half alone is no signature. */
Test(sig_mldsa44, s16_each_half_counts)
{
    struct sig_case c;
    signed_case(&c);
    for (int half = 0; half < 2; half++) {
        struct sig_blob b = c.sig;
        memset(b.p + HEAD_LEN + (half ? 2420 : 0), 0, half ? 64 : 2420);
        cr_assert_eq(sig_case_sig(&c, &b), NACRE_ERR_SIG);
    }
}

/* The name inside the signature is compared, too; those of OpenSSH 10.5 are others. */
Test(sig_mldsa44, other_names)
{
    static const char *const names[] = {"ssh-mldsa44-ed25518", "SSH-MLDSA44-ED25519",
                                        "ssh-mldsa44-ed2551\0", "ssh-mldsa65-ed25519"};
    struct sig_case c;
    signed_case(&c);
    sig_renamed(&c, names, sizeof names / sizeof names[0]);
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
