/* SPDX-License-Identifier: ISC
 *
 * Signatures of files (PROTOCOL.sshsig): OpenSSH's own, ours, and the row "sshsig" of what is often
 * missed: the namespace is compared, SHA-256 and SHA-512 alone are taken, RSA signs with SHA-2; s20
 * (cut at every byte, each bit flipped).
 */
#include "proto/keys/nacre_keys.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t work[NACRE_WORK];

static struct nacre_bytes digest_of(uint8_t out[NACRE_HASH_MAX_LEN], const struct nacre_hash *h,
                                    struct nacre_bytes message)
{
    union nacre_hash_ctx ctx;

    h->init(&ctx);
    h->update(&ctx, message.p, message.n);
    h->final(out, &ctx);
    return (struct nacre_bytes){out, h->len};
}

static void name_of(char out[NACRE_SSHSIG_NAMESPACE_MAX + 1], struct nacre_bytes b)
{
    cr_assert(b.n <= NACRE_SSHSIG_NAMESPACE_MAX);
    memcpy(out, b.p, b.n);
    out[b.n] = '\0';
}

static struct nacre_bytes field(const struct vec *v, const char *key)
{
    struct nacre_bytes b;

    b.p = vec_get(v, key, &b.n);
    return b;
}

Test(sshsig, openssh)
{
    struct vec v;

    for (vec_open(&v, "sshsig_openssh.txt"); vec_next(&v);) {
        static uint8_t buf[2 * NACRE_SSHSIG_TEXT_MAX];
        uint8_t d[NACRE_HASH_MAX_LEN];
        char name[NACRE_SSHSIG_NAMESPACE_MAX + 1];
        struct nacre_sshsig s;
        struct nacre_bytes digest;

        cr_assert_eq(nacre_sshsig_decode(&s, field(&v, "file"), buf, sizeof buf, NULL), NACRE_OK);
        vec_expect(&v, "namespace", s.name_space.p, s.name_space.n);
        vec_expect(&v, "hash", s.hash.p, s.hash.n);
        vec_expect(&v, "key", s.key.p, s.key.n);
        vec_expect(&v, "plain", s.plain.p, s.plain.n);
        name_of(name, s.name_space);
        digest = digest_of(d, nacre_sshsig_hash(s.hash), field(&v, "message"));
        cr_assert_eq(nacre_sshsig_verify(&s, name, digest, work), NACRE_OK);
        d[0] ^= 1;
        cr_assert_neq(nacre_sshsig_verify(&s, name, digest, work), NACRE_OK);
    }
    vec_close(&v);
}

/* Row "sshsig": a signature for one purpose is none for another, whatever the case or the length.
 */
Test(sshsig, sshsig_namespace_compared)
{
    static const char *const others[] = {"", "gi", "gitt", "Git", "file", "git "};
    struct vec v;

    for (vec_open(&v, "sshsig_openssh.txt"); vec_next(&v);) {
        static uint8_t buf[2 * NACRE_SSHSIG_TEXT_MAX];
        uint8_t d[NACRE_HASH_MAX_LEN];
        struct nacre_sshsig s;
        struct nacre_bytes digest;

        cr_assert_eq(nacre_sshsig_decode(&s, field(&v, "file"), buf, sizeof buf, NULL), NACRE_OK);
        if (!nacre_bytes_is(s.name_space, "git"))
            continue;
        digest = digest_of(d, nacre_sshsig_hash(s.hash), field(&v, "message"));
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            cr_assert_eq(nacre_sshsig_verify(&s, others[i], digest, work), NACRE_ERR_SIG);
            s.name_space = nacre_bytes_str(others[i]); /* nor if the file says so */
            cr_assert_neq(nacre_sshsig_verify(&s, others[i], digest, work), NACRE_OK);
            s.name_space = nacre_bytes_str("git");
        }
    }
    vec_close(&v);
}

/* ---- Made here ---- */

struct made {
    struct nacre_privkey key;
    uint8_t text[NACRE_SSHSIG_TEXT_MAX];
    size_t n;
};

/* Signs "message" with alg under hash; the file names hash_name. */
static void make(struct made *m, const char *type, const char *alg, const char *hash)
{
    uint8_t message[512], sig[NACRE_SIG_BLOB_MAX], d[NACRE_HASH_MAX_LEN];
    struct nacre_bytes data = {message, 0};
    struct nacre_bytes blob = {sig, 0};

    cr_assert_eq(nacre_privkey_generate(&m->key, type, strcmp(type, "ssh-rsa") == 0 ? 2048 : 0,
                                        &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(nacre_sshsig_message(message, sizeof message, &data.n, "git", hash,
                                      digest_of(d, nacre_sshsig_hash(nacre_bytes_str(hash)),
                                                nacre_bytes_str("message"))),
                 NACRE_OK);
    cr_assert_eq(nacre_privkey_sign(&m->key, nacre_bytes_str(alg), data, sig, sizeof sig, &blob.n,
                                    &nacre_rng_os, work),
                 NACRE_OK);
    cr_assert_eq(nacre_sshsig_format(m->text, sizeof m->text, &m->n,
                                     nacre_privkey_public_blob(&m->key), "git", hash, blob),
                 NACRE_OK);
}

static nacre_err check(const uint8_t *text, size_t n)
{
    uint8_t *copy = malloc(n + (n == 0));
    uint8_t *buf = malloc(2 * n + 1);
    uint8_t d[NACRE_HASH_MAX_LEN];
    struct nacre_sshsig s;
    const char *what = NULL;
    nacre_err err;

    cr_assert(copy != NULL && buf != NULL);
    memcpy(copy, text, n);
    err = nacre_sshsig_decode(&s, (struct nacre_bytes){copy, n}, buf, 2 * n + 1, &what);
    if (err == NACRE_OK)
        err = nacre_sshsig_verify(
            &s, "git", digest_of(d, nacre_sshsig_hash(s.hash), nacre_bytes_str("message")), work);
    else
        cr_assert_not_null(what);
    free(copy);
    free(buf);
    return err;
}

Test(sshsig, ours)
{
    static const char *const types[][2] = {{"ssh-ed25519", "ssh-ed25519"},
                                           {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
                                           {"ssh-rsa", "rsa-sha2-256"},
                                           {"ssh-rsa", "rsa-sha2-512"},
                                           {"ssh-mldsa44-ed25519", "ssh-mldsa44-ed25519"}};
    static struct made m;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        make(&m, types[i][0], types[i][1], i % 2 == 0 ? "sha512" : "sha256");
        cr_assert_eq(check(m.text, m.n), NACRE_OK);
    }
}

/* Row "sshsig": a signature with SHA-1, as an old RSA key makes it, verifies nothing. */
Test(sshsig, sshsig_rsa_sha2_only)
{
#if !defined(NACRE_NO_LEGACY)
    static struct made m;

    make(&m, "ssh-rsa", "ssh-rsa", "sha512");
    cr_assert_eq(check(m.text, m.n), NACRE_ERR_UNKNOWN_ALG);
#endif
}

/* Row "sshsig": no other hash of the message, by whatever name. */
Test(sshsig, sshsig_sha256_and_sha512_only)
{
    static const char *const others[] = {"sha1", "sha384", "md5", "SHA512", "sha-512", "", "none"};
    static struct made m;
    uint8_t out[512];
    uint8_t d[NACRE_HASH_MAX_LEN] = {0};
    size_t n;

    cr_assert_eq(nacre_sshsig_hash(nacre_bytes_str("sha256")), &nacre_hash_sha256);
    cr_assert_eq(nacre_sshsig_hash(nacre_bytes_str("sha512")), &nacre_hash_sha512);
    make(&m, "ssh-ed25519", "ssh-ed25519", "sha512");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        static uint8_t buf[2 * NACRE_SSHSIG_TEXT_MAX];
        const char *what = NULL;
        struct nacre_sshsig s;

        cr_assert_null(nacre_sshsig_hash(nacre_bytes_str(others[i])));
        cr_assert_eq(nacre_sshsig_message(out, sizeof out, &n, "git", others[i],
                                          (struct nacre_bytes){d, 64}),
                     NACRE_ERR_USAGE);
        cr_assert_eq(nacre_sshsig_format(m.text, sizeof m.text, &m.n,
                                         nacre_privkey_public_blob(&m.key), "git", others[i],
                                         nacre_bytes_str("sig")),
                     NACRE_OK);
        cr_assert_eq(
            nacre_sshsig_decode(&s, (struct nacre_bytes){m.text, m.n}, buf, sizeof buf, &what),
            NACRE_ERR_UNKNOWN_ALG);
        cr_assert_str_eq(what, "hash of signature not understood");
        cr_assert_eq(s.key.n, 0);
    }
    /* a hash value of the other hash's length */
    cr_assert_eq(
        nacre_sshsig_message(out, sizeof out, &n, "git", "sha256", (struct nacre_bytes){d, 64}),
        NACRE_ERR_USAGE);
    cr_assert_eq(
        nacre_sshsig_message(out, sizeof out, &n, "", "sha256", (struct nacre_bytes){d, 32}),
        NACRE_ERR_USAGE);
}

Test(sshsig, s20_cut_at_every_byte)
{
    static struct made m;

    make(&m, "ssh-ed25519", "ssh-ed25519", "sha512");
    /* the END line's own line end may be missing */
    for (size_t n = 0; n + 1 < m.n; n++)
        cr_assert_neq(check(m.text, n), NACRE_OK, "cut at %zu of %zu", n, m.n);
    cr_assert_eq(check(m.text, m.n), NACRE_OK);
    m.text[m.n] = 'x';
    cr_assert_neq(check(m.text, m.n + 1), NACRE_OK);
}

Test(sshsig, s20_each_bit_flipped)
{
    static struct made m;
    size_t good = 0;

    make(&m, "ssh-ed25519", "ssh-ed25519", "sha512");
    for (size_t i = 0; i < 8 * m.n; i++) {
        m.text[i / 8] ^= (uint8_t)(1u << i % 8);
        good += check(m.text, m.n) == NACRE_OK;
        m.text[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    /* nothing but the reserved string's four bytes of length is not signed, and they must be right;
     * line ends may become other white space */
    cr_assert_leq(good, 16, "%zu", good);
}
