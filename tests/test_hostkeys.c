/* SPDX-License-Identifier: ISC
 *
 * Further host keys and their proofs (OpenSSH's PROTOCOL, 2.5): lists read and written, what is
 * signed, s49 (bad proofs, proofs of another session, too many keys) where it is bytes.
 */
#include "proto/keys/nacre_hostkeys.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t work[NACRE_WORK];
static uint8_t buf[NACRE_HOSTKEYS_PROOF_MAX];
static const struct nacre_bytes session = {(const uint8_t *)"the session's id, thirty-two byt", 32};
static const struct nacre_bytes other = {(const uint8_t *)"the session's id, thirty-two byT", 32};
#define ED "ssh-ed25519"

static void make(struct nacre_privkey *k, uint8_t fill)
{
    uint8_t seed[NACRE_ED25519_SEED_LEN];

    memset(seed, fill, sizeof seed);
    nacre_privkey_from_seed(k, seed);
}

static struct nacre_bytes prove(const struct nacre_privkey *k, const char *alg,
                                struct nacre_bytes id)
{
    static uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_bytes message = {buf, 0};
    size_t n;

    cr_assert_eq(
        nacre_hostkeys_message(buf, sizeof buf, &message.n, id, nacre_privkey_public_blob(k)),
        NACRE_OK);
    cr_assert_eq(nacre_privkey_sign(k, nacre_bytes_str(alg), message, sig, sizeof sig, &n,
                                    &nacre_rng_os, work),
                 NACRE_OK);
    return (struct nacre_bytes){sig, n};
}

static nacre_err verify(const struct nacre_privkey *k, struct nacre_bytes sig,
                        struct nacre_bytes id, const char *alg)
{
    return nacre_hostkeys_verify(nacre_privkey_public_blob(k), sig, id, alg, buf, sizeof buf, work);
}

/* ---- Lists ---- */

Test(hostkeys, list_there_and_back)
{
    static uint8_t out[NACRE_HOSTKEYS_MAX * 5 + 5];
    struct nacre_bytes blobs[NACRE_HOSTKEYS_MAX + 1];
    struct nacre_hostkeys h;
    size_t n;

    for (size_t i = 0; i <= NACRE_HOSTKEYS_MAX; i++)
        blobs[i] = (struct nacre_bytes){(const uint8_t *)"x", 1};
    for (size_t k = 0; k <= NACRE_HOSTKEYS_MAX; k++) {
        cr_assert_eq(nacre_hostkeys_encode(out, sizeof out, &n, blobs, k), NACRE_OK);
        cr_assert_eq(n, 5 * k);
        cr_assert_eq(nacre_hostkeys_decode(&h, (struct nacre_bytes){out, n}), NACRE_OK);
        cr_assert_eq(h.n, k);
    }
    cr_assert_eq(nacre_hostkeys_encode(out, sizeof out, &n, blobs, NACRE_HOSTKEYS_MAX + 1),
                 NACRE_ERR_LIMIT);
    cr_assert_eq(nacre_hostkeys_encode(out, 9, &n, blobs, 2), NACRE_ERR_NO_ROOM);
    cr_assert_eq(n, 0);
}

Test(hostkeys, s49_a_thousand_keys)
{
    static uint8_t data[1000 * 5];
    struct nacre_hostkeys h;

    for (size_t i = 0; i < 1000; i++)
        memcpy(data + 5 * i, "\0\0\0\1x", 5);
    cr_assert_eq(nacre_hostkeys_decode(&h, (struct nacre_bytes){data, sizeof data}),
                 NACRE_ERR_LIMIT);
    cr_assert_eq(h.n, 0);
}

Test(hostkeys, s49_too_many_bytes)
{
    static uint8_t data[NACRE_HOSTKEYS_BYTES_MAX + 4];
    struct nacre_hostkeys h;

    data[1] = 1; /* one string of 64 KiB */
    cr_assert_eq(nacre_hostkeys_decode(&h, (struct nacre_bytes){data, sizeof data}),
                 NACRE_ERR_LIMIT);
}

Test(hostkeys, s20_list_cut_extended_and_flipped)
{
    static const uint8_t data[] = "\0\0\0\3abc\0\0\0\1d\0\0\0\2ef";
    const size_t n = sizeof data - 1;
    struct nacre_hostkeys h;

    for (size_t cut = 0; cut <= n + 1; cut++) { /* the last one has the NUL too */
        uint8_t *copy = malloc(cut + 1);
        bool whole = cut == 0 || cut == 7 || cut == 12 || cut == n;

        memcpy(copy, data, cut);
        cr_assert_eq(nacre_hostkeys_decode(&h, (struct nacre_bytes){copy, cut}),
                     whole ? NACRE_OK : NACRE_ERR_FORMAT, "%zu", cut);
        cr_assert_eq(h.n, cut == n ? 3 : cut == 12 ? 2 : cut == 7 ? 1 : 0);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        uint8_t *copy = malloc(n);

        memcpy(copy, data, n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (nacre_hostkeys_decode(&h, (struct nacre_bytes){copy, n}) == NACRE_OK)
            cr_assert(h.n >= 1 && h.n <= 3);
        free(copy);
    }
    cr_assert_eq(nacre_hostkeys_decode(&h, (struct nacre_bytes){(const uint8_t *)"\0\0\0", 4}),
                 NACRE_ERR_FORMAT, "an empty key");
}

/* ---- Proofs ---- */

/* The layout by hand: three strings. */
Test(hostkeys, what_is_signed)
{
    static const char want[] = "\0\0\0\x1dhostkeys-prove-00@openssh.com\0\0\0\2id\0\0\0\4blob";
    struct nacre_bytes id = {(const uint8_t *)"id", 2};
    size_t n;

    cr_assert_eq(nacre_hostkeys_message(buf, sizeof buf, &n, id, nacre_bytes_str("blob")),
                 NACRE_OK);
    cr_assert_eq(n, sizeof want - 1);
    cr_assert_eq(memcmp(buf, want, n), 0);
    cr_assert_eq(nacre_hostkeys_message(buf, n, &n, id, nacre_bytes_str("blob")), NACRE_OK);
    cr_assert_eq(nacre_hostkeys_message(buf, n - 1, &n, id, nacre_bytes_str("blob")),
                 NACRE_ERR_NO_ROOM);
    cr_assert_eq(nacre_hostkeys_message(buf, sizeof buf, &n, (struct nacre_bytes){NULL, 0}, id),
                 NACRE_ERR_USAGE);
    cr_assert_eq(n, 0);
}

Test(hostkeys, s49_proofs)
{
    struct nacre_privkey a, b;
    struct nacre_bytes sig;
    uint8_t copy[256];

    make(&a, 1);
    make(&b, 2);
    sig = prove(&a, ED, session);
    cr_assert_eq(verify(&a, sig, session, ED), NACRE_OK);
    cr_assert_eq(verify(&a, sig, session, "rsa-sha2-512"), NACRE_OK);
    cr_assert_eq(verify(&a, sig, other, ED), NACRE_ERR_SIG, "another session's");
    cr_assert_eq(verify(&b, sig, session, ED), NACRE_ERR_SIG, "another key's");
    for (size_t bit = 0; bit < 8 * sig.n; bit++) {
        memcpy(copy, sig.p, sig.n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_neq(verify(&a, (struct nacre_bytes){copy, sig.n}, session, ED), NACRE_OK);
    }
    for (size_t cut = 0; cut < sig.n; cut++)
        cr_assert_neq(verify(&a, (struct nacre_bytes){sig.p, cut}, session, ED), NACRE_OK);
}

/* What a key exchange signs, a bare hash, is no proof. */
Test(hostkeys, s49_signature_of_something_else)
{
    struct nacre_privkey a;
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    size_t n;

    make(&a, 1);
    cr_assert_eq(nacre_privkey_sign(&a, nacre_bytes_str(ED), session, sig, sizeof sig, &n,
                                    &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(verify(&a, (struct nacre_bytes){sig, n}, session, ED), NACRE_ERR_SIG);
}

/* RSA by SHA-2, and by the negotiated hash where the host key is RSA. */
Test(hostkeys, rsa_as_negotiated)
{
    static struct nacre_privkey k;
    struct nacre_bytes rsa = nacre_bytes_str("ssh-rsa");

    cr_assert_str_eq(nacre_hostkeys_alg(rsa, "rsa-sha2-256"), "rsa-sha2-256");
    cr_assert_str_eq(nacre_hostkeys_alg(rsa, "rsa-sha2-256-cert-v01@openssh.com"), "rsa-sha2-256");
    cr_assert_str_eq(nacre_hostkeys_alg(rsa, ED), "rsa-sha2-512");
    cr_assert_str_eq(nacre_hostkeys_alg(rsa, "ssh-rsa"), "rsa-sha2-512");
    cr_assert_str_eq(nacre_hostkeys_alg(nacre_bytes_str(ED), "rsa-sha2-256"), ED);
    cr_assert_null(nacre_hostkeys_alg(nacre_bytes_str("x"), ED));
    cr_assert_eq(nacre_privkey_generate(&k, "ssh-rsa", 2048, &nacre_rng_os, work), NACRE_OK);
    cr_assert_eq(verify(&k, prove(&k, "rsa-sha2-256", session), session, "rsa-sha2-256"), NACRE_OK);
    cr_assert_eq(verify(&k, prove(&k, "rsa-sha2-512", session), session, "rsa-sha2-256"),
                 NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(verify(&k, prove(&k, "rsa-sha2-256", session), session, ED), NACRE_OK);
#if !defined(NACRE_NO_LEGACY)
    cr_assert_eq(verify(&k, prove(&k, "ssh-rsa", session), session, "ssh-rsa"),
                 NACRE_ERR_UNKNOWN_ALG);
#endif
}

/* No certificate and no unknown type is ever learned. */
Test(hostkeys, other_blobs)
{
    static const uint8_t x[] = "\0\0\0\1x\0\0\0\1y";
    static const uint8_t cert[] = "\0\0\0\x20ssh-ed25519-cert-v01@openssh.com";
    struct nacre_privkey a;
    struct nacre_bytes sig;

    make(&a, 1);
    sig = prove(&a, ED, session);
    cr_assert_neq(nacre_hostkeys_verify((struct nacre_bytes){x, sizeof x - 1}, sig, session, ED,
                                        buf, sizeof buf, work),
                  NACRE_OK);
    cr_assert_neq(nacre_hostkeys_verify((struct nacre_bytes){cert, sizeof cert - 1}, sig, session,
                                        ED, buf, sizeof buf, work),
                  NACRE_OK);
    cr_assert_eq(
        nacre_hostkeys_verify(nacre_privkey_public_blob(&a), sig, session, ED, buf, 20, work),
        NACRE_ERR_NO_ROOM);
}
