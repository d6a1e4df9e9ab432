/* SPDX-License-Identifier: ISC
 *
 * ssh-ed25519 blobs: signatures of others, then s32 (exact lengths, S < L, keys of small order) and
 * s20 (each blob cut at every length, extended, each length field wrong, each bit flipped).
 */
#include "tests/sig_rig.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

#define NAME_LEN 11 /* "ssh-ed25519" */
#define HEAD_LEN (4 + NAME_LEN + 4)

static void signed_case(struct sig_case *c)
{
    static const uint8_t seed[NACRE_ED25519_SEED_LEN] = {1, 2, 3};
    struct nacre_ed25519_key k;
    uint8_t sig[NACRE_ED25519_SIG_LEN];
    sig_case_begin(c, &ncr_sig_ed25519);
    nacre_ed25519_key_init(&k, seed);
    nacre_ed25519_sign(sig, &k, c->data, sizeof c->data);
    c->key = sig_blob_of(&ncr_sig_ed25519, k.pub, sizeof k.pub);
    c->sig = sig_blob_of(&ncr_sig_ed25519, sig, sizeof sig);
}

Test(sig_ed25519, asyncssh)
{
    struct vec v;
    for (vec_open(&v, "ssh_ed25519_asyncssh.txt"); vec_next(&v);) {
        struct nacre_bytes key, data, sig;
        key.p = vec_get(&v, "key", &key.n);
        data.p = vec_get(&v, "data", &data.n);
        sig.p = vec_get(&v, "sig", &sig.n);
        cr_assert_eq(sig_check_exact(&ncr_sig_ed25519, key), NACRE_OK);
        cr_assert_eq(sig_verify_exact(&ncr_sig_ed25519, key, data, sig), NACRE_OK);
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
        struct sig_blob key = sig_blob_of(&ncr_sig_ed25519, vec_fixed(&v, "public", 32), 32);
        bool trusted = sig_check_exact(&ncr_sig_ed25519, sig_bytes(&key)) == NACRE_OK;
        if (vec_has(&v, "trustworthy")) {
            cr_assert_eq(trusted, vec_uint(&v, "trustworthy") == 1);
        }
        if (!vec_has(&v, "signature")) {
            continue;
        }
        struct nacre_bytes data;
        data.p = vec_get(&v, "message", &data.n);
        struct sig_blob sig = sig_blob_of(&ncr_sig_ed25519, vec_fixed(&v, "signature", 64), 64);
        nacre_err err = sig_verify_exact(&ncr_sig_ed25519, sig_bytes(&key), data, sig_bytes(&sig));
        nacre_err want = vec_uint(&v, "valid") == 1 ? NACRE_OK : NACRE_ERR_SIG;
        cr_assert_eq(err, trusted ? want : NACRE_ERR_KEY_REFUSED, "line %u", v.line);
    }
    vec_close(&v);
}

Test(s32, lengths)
{
    struct sig_case c;
    uint8_t bytes[128];
    signed_case(&c);
    for (size_t n = 0; n <= 70; n++) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, c.key.p + HEAD_LEN, 32);
        struct sig_blob key = sig_blob_of(&ncr_sig_ed25519, bytes, n);
        nacre_err want = n == 32 ? NACRE_OK : NACRE_ERR_KEY_FORMAT;
        cr_assert_eq(sig_check_exact(&ncr_sig_ed25519, sig_bytes(&key)), want, "%zu", n);
        cr_assert_eq(sig_case_key(&c, &key), want, "%zu", n);
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, c.sig.p + HEAD_LEN, 64);
        struct sig_blob sig = sig_blob_of(&ncr_sig_ed25519, bytes, n);
        want = n == 64 ? NACRE_OK : NACRE_ERR_SIG_FORMAT;
        cr_assert_eq(sig_case_sig(&c, &sig), want, "%zu", n);
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
    struct sig_case c;
    signed_case(&c);
    for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
        uint8_t pub[32], sig[64] = {0};
        memset(pub, low[i].middle, sizeof pub);
        pub[0] = low[i].first;
        pub[31] = low[i].last;
        struct sig_blob key = sig_blob_of(&ncr_sig_ed25519, pub, 32);
        cr_assert_eq(sig_check_exact(&ncr_sig_ed25519, sig_bytes(&key)), NACRE_ERR_KEY_REFUSED,
                     "%zu", i);
        /* R = identity, S = 0 verifies any message where the key times h is the identity. */
        sig[0] = 1;
        struct sig_blob forged = sig_blob_of(&ncr_sig_ed25519, sig, 64);
        cr_assert_eq(sig_verify_exact(&ncr_sig_ed25519, sig_bytes(&key), c.msg, sig_bytes(&forged)),
                     NACRE_ERR_KEY_REFUSED);
    }
}

Test(s20, blobs_cut_extended_and_with_wrong_lengths)
{
    struct sig_case c;
    signed_case(&c);
    sig_cut_and_stretched(&c);
}

Test(s16, each_bit_of_key_data_and_signature)
{
    struct sig_case c;
    signed_case(&c);
    sig_bits_flipped(&c, 1);
}

/* The name inside the signature is compared, too: a good signature under another name fails. */
Test(sig_ed25519, other_names)
{
    static const char *const names[] = {"ssh-ed25518", "SSH-ED25519", "ssh-rsa\0\0\0\0"};
    struct sig_case c;
    signed_case(&c);
    sig_renamed(&c, names, sizeof names / sizeof names[0]);
}
