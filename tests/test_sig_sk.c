/* SPDX-License-Identifier: ISC
 *
 * Signatures of security keys: what OpenSSH takes and refuses, with and without a touch, of a
 * browser too; s20 (each blob cut at every length, extended, each bit flipped).
 */
#include "proto/limits.h"
#include "proto/sig_sk.h"
#include "proto/wire.h"
#include "tests/sig_rig.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static uint64_t sigsk_work[NACRE_WORK];

static const char sigsk_names[3][44] = {"sk-ssh-ed25519@openssh.com",
                                        "sk-ecdsa-sha2-nistp256@openssh.com",
                                        "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"};
static const struct ncr_sig *const sigsk_rows[3] = {&ncr_sig_sk_ed25519, &ncr_sig_sk_ecdsa,
                                                    &ncr_sig_webauthn_sk_ecdsa};

struct sigsk_case {
    const struct ncr_sig *row;
    struct nacre_bytes alg, key, data, sig;
};

static void sigsk_read(struct sigsk_case *x, struct vec *v)
{
    x->alg.p = vec_get(v, "alg", &x->alg.n);
    x->key.p = vec_get(v, "key", &x->key.n);
    x->data.p = vec_get(v, "data", &x->data.n);
    x->sig.p = vec_get(v, "sig", &x->sig.n);
    x->row = NULL;
    for (size_t i = 0; i < 3; i++) {
        if (nacre_bytes_is(x->alg, sigsk_names[i])) {
            x->row = sigsk_rows[i];
        }
    }
    cr_assert_not_null(x->row);
}

Test(sig_sk, rows)
{
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(sigsk_rows[i]->name, sigsk_names[i]);
        cr_assert_str_eq(sigsk_rows[i]->key_type, sigsk_names[i == 0 ? 0 : 1]);
        cr_assert_eq(sigsk_rows[i]->grade, NCR_GRADE_MODERN);
        cr_assert_eq(ncr_alg_sig(&nacre_algs_default, nacre_bytes_str(sigsk_names[i])),
                     sigsk_rows[i]);
    }
}

Test(sig_sk, as_openssh_judges)
{
    struct vec v;
    unsigned good = 0, bad = 0;
    for (vec_open(&v, "ssh_sk_python.txt"); vec_next(&v);) {
        struct sigsk_case x;
        sigsk_read(&x, &v);
        const bool valid = vec_uint(&v, "valid") != 0;
        cr_assert_eq(x.row->check_key(x.key), NACRE_OK, "line %u", v.line);
        nacre_err err = sig_verify_exact(x.row, x.key, x.data, x.sig);
        cr_assert(valid ? err == NACRE_OK : err == NACRE_ERR_SIG || err == NACRE_ERR_SIG_FORMAT,
                  "line %u: %d", v.line, err);
        good += valid;
        bad += !valid;
    }
    vec_close(&v);
    cr_assert(good >= 20 && bad >= 30);
}

/* authorized_keys' no-touch-required and verify-required: which flags are demanded. */
Test(sig_sk, flags_demanded)
{
    static const uint8_t demands[] = {0, NCR_SK_PRESENT, NCR_SK_VERIFIED,
                                      NCR_SK_PRESENT | NCR_SK_VERIFIED};
    struct vec v;
    unsigned count = 0;
    for (vec_open(&v, "ssh_sk_python.txt"); vec_next(&v);) {
        struct sigsk_case x;
        uint8_t flags = 0xa5;
        uint32_t counter = 0;
        sigsk_read(&x, &v);
        cr_assert_eq(ncr_sk_flags(&flags, &counter, x.sig), vec_has(&v, "flags"));
        if (!vec_has(&v, "flags")) {
            cr_assert(flags == 0 && counter == 0);
            continue;
        }
        cr_assert_eq(flags, vec_uint(&v, "flags"));
        cr_assert_neq(counter, 0);
        const bool without_touch =
            ncr_sk_verify(x.alg, x.key, x.data, x.sig, 0, sigsk_work) == NACRE_OK;
        cr_assert(without_touch || vec_uint(&v, "valid") == 0);
        for (size_t i = 0; i < sizeof demands; i++) {
            nacre_err err = ncr_sk_verify(x.alg, x.key, x.data, x.sig, demands[i], sigsk_work);
            const bool want = without_touch && (flags & demands[i]) == demands[i];
            cr_assert_eq(err == NACRE_OK, want, "line %u, demand %x", v.line, demands[i]);
        }
        count += without_touch && (flags & NCR_SK_PRESENT) == 0;
    }
    vec_close(&v);
    cr_assert_geq(count, 3);
    cr_assert_eq(ncr_sk_verify(nacre_bytes_str("ssh-ed25519"), (struct nacre_bytes){NULL, 0},
                               (struct nacre_bytes){NULL, 0}, (struct nacre_bytes){NULL, 0}, 0,
                               sigsk_work),
                 NACRE_ERR_UNKNOWN_ALG);
}

/* Keys of one type, algorithms of another. */
Test(sig_sk, keys_of_other_types)
{
    struct vec v;
    for (vec_open(&v, "ssh_sk_python.txt"); vec_next(&v);) {
        struct sigsk_case x;
        sigsk_read(&x, &v);
        for (size_t i = 0; i < 3; i++) {
            const struct ncr_sig *other = sigsk_rows[i];
            if (other == x.row) {
                continue;
            }
            const bool same_type = strcmp(other->key_type, x.row->key_type) == 0;
            cr_assert_eq(other->check_key(x.key), same_type ? NACRE_OK : NACRE_ERR_KEY_FORMAT);
            cr_assert_eq(other->verify(x.key, x.data, x.sig, sigsk_work) == NACRE_OK, false);
        }
    }
    vec_close(&v);
}

/* The first valid one of each algorithm, copied with room behind. */
static bool sigsk_next_of(struct vec *v, struct sigsk_case *x, size_t i)
{
    while (vec_next(v)) {
        sigsk_read(x, v);
        if (x->row == sigsk_rows[i] && vec_uint(v, "valid") != 0) {
            return true;
        }
    }
    return false;
}

static void sigsk_cut(const struct sigsk_case *x)
{
    uint8_t longer[4096] = {0};
    for (size_t n = 0; n < x->key.n; n++) {
        struct nacre_bytes key = {x->key.p, n};
        cr_assert_eq(sig_verify_exact(x->row, key, x->data, x->sig), NACRE_ERR_KEY_FORMAT);
        cr_assert_eq(x->row->check_key(key), NACRE_ERR_KEY_FORMAT);
    }
    for (size_t n = 0; n < x->sig.n; n++) {
        struct nacre_bytes sig = {x->sig.p, n};
        cr_assert_eq(sig_verify_exact(x->row, x->key, x->data, sig), NACRE_ERR_SIG_FORMAT);
    }
    memcpy(longer, x->key.p, x->key.n);
    cr_assert_eq(x->row->check_key((struct nacre_bytes){longer, x->key.n + 1}),
                 NACRE_ERR_KEY_FORMAT);
    memcpy(longer, x->sig.p, x->sig.n);
    cr_assert_eq(
        x->row->verify(x->key, x->data, (struct nacre_bytes){longer, x->sig.n + 1}, sigsk_work),
        NACRE_ERR_SIG_FORMAT);
}

static void sigsk_flip(const struct sigsk_case *x)
{
    uint8_t copy[4096];
    memcpy(copy, x->sig.p, x->sig.n);
    for (size_t bit = 0; bit < 8 * x->sig.n; bit += 3) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_neq(
            sig_verify_exact(x->row, x->key, x->data, (struct nacre_bytes){copy, x->sig.n}),
            NACRE_OK, "bit %zu", bit);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memcpy(copy, x->key.p, x->key.n);
    for (size_t bit = 0; bit < 8 * x->key.n; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_neq(
            sig_verify_exact(x->row, (struct nacre_bytes){copy, x->key.n}, x->data, x->sig),
            NACRE_OK, "bit %zu", bit);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memcpy(copy, x->data.p, x->data.n);
    for (size_t bit = 0; bit < 8 * x->data.n; bit += 5) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_neq(
            sig_verify_exact(x->row, x->key, (struct nacre_bytes){copy, x->data.n}, x->sig),
            NACRE_OK, "bit %zu", bit);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

Test(s20, security_key_blobs_cut_extended_and_flipped)
{
    for (size_t i = 0; i < 3; i++) {
        struct vec v;
        struct sigsk_case x;
        vec_open(&v, "ssh_sk_python.txt");
        cr_assert(sigsk_next_of(&v, &x, i));
        sigsk_cut(&x);
        sigsk_flip(&x);
        vec_close(&v);
    }
}

/* A NUL in an application, an Ed25519 key of small order or of another length, points off the
 * curve. */
Test(sig_sk, keys_refused)
{
    uint8_t p[200], pub[33] = {1};
    const struct nacre_bytes application = {(const uint8_t *)"s\0h:", 4};
    const struct nacre_bytes plain = nacre_bytes_str("ssh:");
    struct ncr_wr w = ncr_wr(p, sizeof p);
    ncr_wr_cstring(&w, sigsk_names[0]);
    ncr_wr_string(&w, (struct nacre_bytes){pub, 32}); /* order 1 */
    ncr_wr_string(&w, plain);
    cr_assert_eq(ncr_sig_sk_ed25519.check_key(ncr_wr_done(&w)), NACRE_ERR_KEY_REFUSED);
    for (size_t n = 31; n <= 33; n += 2) {
        w = ncr_wr(p, sizeof p);
        ncr_wr_cstring(&w, sigsk_names[0]);
        ncr_wr_string(&w, (struct nacre_bytes){pub, n});
        ncr_wr_string(&w, plain);
        cr_assert_eq(ncr_sig_sk_ed25519.check_key(ncr_wr_done(&w)), NACRE_ERR_KEY_FORMAT);
    }
    pub[0] = 9; /* some point */
    w = ncr_wr(p, sizeof p);
    ncr_wr_cstring(&w, sigsk_names[0]);
    ncr_wr_string(&w, (struct nacre_bytes){pub, 32});
    ncr_wr_string(&w, application);
    cr_assert_eq(ncr_sig_sk_ed25519.check_key(ncr_wr_done(&w)), NACRE_ERR_KEY_FORMAT);
}

Test(s25, points_of_security_keys)
{
    struct vec v;
    for (vec_open(&v, "ecdh_openssl.txt"); vec_next(&v);) {
        uint8_t p[400];
        struct ncr_wr w = ncr_wr(p, sizeof p);
        struct nacre_bytes point;
        point.p = vec_get(&v, "point", &point.n);
        const bool good = nacre_ec_check_vartime(&nacre_p256, point.p, point.n);
        ncr_wr_cstring(&w, sigsk_names[1]);
        ncr_wr_cstring(&w, "nistp256");
        ncr_wr_string(&w, point);
        ncr_wr_cstring(&w, "ssh:");
        cr_assert_eq(ncr_sig_sk_ecdsa.check_key(ncr_wr_done(&w)),
                     good ? NACRE_OK : NACRE_ERR_KEY_FORMAT, "line %u", v.line);
    }
    vec_close(&v);
}
