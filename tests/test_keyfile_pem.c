/* SPDX-License-Identifier: ISC
 *
 * Private keys in PEM and PKCS #8: OpenSSL's and ssh-keygen's files are read, and written again
 * byte for byte where the format leaves no choice; what is written encrypted is read; s20, s92; and
 * two traps of Paramiko's: it refuses every PKCS #8 file, and cannot write an Ed25519 key.
 */
#include "crypto/ct.h"
#include "proto/keys/asn1.h"
#include "proto/keys/der.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/pem.h"
#include "tests/keyfile_rig.h"
#include "tests/rngs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct nacre_bytes none;

static struct keyfile_got read_exact(const void *file, size_t n, struct nacre_bytes pass)
{
    return keyfile_read_exact(file, n, pass, 0);
}

/* ---- What others write ---- */

static void written_alike(const struct keyfile_got *g, const uint8_t *file, size_t n)
{
    static uint8_t out[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {.format = g->info.format};
    size_t m;

    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &m, &g->key, none, &opts, NULL, keyfile_work),
                 NACRE_OK);
    cr_assert_eq(m, n);
    cr_assert_arr_eq(out, file, n);
}

Test(keyfile_pem, openssl)
{
    unsigned alike = 0;
    struct vec v;

    for (vec_open(&v, "keyfile_pem_openssl.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);
        struct nacre_bytes pass;
        struct keyfile_got g;

        pass.p = vec_get(&v, "pass", &pass.n);
        g = read_exact(file, n, pass);
        cr_assert_eq(g.err, NACRE_OK, "record %u: %s", v.records, g.info.what);
        vec_expect(&v, "blob", g.key.blob, g.key.blob_len);
        cr_assert_eq(g.info.encrypted, pass.n > 0);
        if (vec_uint(&v, "canonical") != 0) {
            written_alike(&g, file, n);
            alike++;
        }
        if (pass.n == 0)
            continue;
        g = read_exact(file, n, none);
        cr_assert_eq(g.err, NACRE_ERR_PASSPHRASE);
        cr_assert_str_eq(g.info.what, "passphrase needed");
        g = read_exact(file, n, nacre_bytes_str("correct horsf"));
        cr_assert_eq(g.err, NACRE_ERR_PASSPHRASE);
        cr_assert_str_eq(g.info.what, "wrong passphrase");
    }
    cr_assert_geq(v.records, 20);
    cr_assert_geq(alike, 9);
    vec_close(&v);
}

/* At the edges each file is read right or refused with what is wrong with it. */
Test(keyfile_pem, edges)
{
    struct vec v;

    for (vec_open(&v, "keyfile_edge.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);
        struct nacre_bytes pass;
        struct keyfile_got g;

        pass.p = vec_get(&v, "pass", &pass.n);
        g = read_exact(file, n, pass);
        if (vec_has(&v, "blob")) {
            cr_assert_eq(g.err, NACRE_OK, "record %u: %s", v.records, g.info.what);
            vec_expect(&v, "blob", g.key.blob, g.key.blob_len);
        } else {
            cr_assert_neq(g.err, NACRE_OK, "record %u", v.records);
            vec_expect(&v, "what", (const uint8_t *)g.info.what, strlen(g.info.what));
        }
    }
    cr_assert_geq(v.records, 40);
    vec_close(&v);
}

Test(keyfile_pem, rfc8410_section_10)
{
    static uint8_t scratch[1024];
    struct vec v;

    for (vec_open(&v, "keyfile_rfc8410.txt"); vec_next(&v);) {
        struct nacre_bytes file;
        struct nacre_pubkey pub;

        if (vec_has(&v, "file")) {
            file.p = vec_get(&v, "file", &file.n);
            struct keyfile_got g = read_exact(file.p, file.n, none);

            cr_assert_eq(g.err, NACRE_OK, "%s", g.info.what);
            vec_expect(&v, "blob", g.key.blob, g.key.blob_len);
            continue;
        }
        file.p = vec_get(&v, "public", &file.n);
        cr_assert_eq(nacre_keyfile_read_public(&pub, NULL, file, scratch, sizeof scratch, NULL),
                     NACRE_OK);
        vec_expect(&v, "blob", pub.blob.p, pub.blob.n);
    }
    cr_assert_eq(v.records, 3);
    vec_close(&v);
}

#if !defined(NACRE_NO_LEGACY)
Test(keyfile_pem, triple_des)
{
    struct vec v;

    for (vec_open(&v, "keyfile_des3_openssl.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);
        struct nacre_bytes pass;
        struct keyfile_got g;

        pass.p = vec_get(&v, "pass", &pass.n);
        g = read_exact(file, n, pass);
        cr_assert_eq(g.err, NACRE_OK, "record %u: %s", v.records, g.info.what);
        vec_expect(&v, "blob", g.key.blob, g.key.blob_len);
        cr_assert_str_eq(g.info.cipher, "DES-EDE3-CBC");
        cr_assert_eq(read_exact(file, n, nacre_bytes_str("x")).err, NACRE_ERR_PASSPHRASE);
    }
    cr_assert_eq(v.records, 3);
    vec_close(&v);
}
#endif

/* scrypt needs memory behind the file, which is asked for. */
Test(keyfile_pem, scrypt)
{
    struct vec v;

    for (vec_open(&v, "keyfile_scrypt_openssl.txt"); vec_next(&v);) {
        struct nacre_keyfile_info info;
        struct nacre_bytes pass, file;
        struct nacre_privkey k;
        uint8_t *scratch;

        file.p = vec_get(&v, "file", &file.n);
        pass.p = vec_get(&v, "pass", &pass.n);
        cr_assert_eq(read_exact(file.p, file.n, none).err, NACRE_ERR_PASSPHRASE);
        struct keyfile_got g = read_exact(file.p, file.n, pass);
        cr_assert_eq(g.err, NACRE_ERR_NO_ROOM);
        cr_assert_str_eq(g.info.kdf, "scrypt");
        cr_assert_gt(g.info.scratch_needed, file.n);
        scratch = malloc(g.info.scratch_needed);
        cr_assert_not_null(scratch);
        cr_assert_eq(nacre_keyfile_read(&k, NULL, 0, file, nacre_bytes_str("x"), scratch,
                                        g.info.scratch_needed, &info, keyfile_work),
                     NACRE_ERR_PASSPHRASE);
        cr_assert_eq(nacre_keyfile_read(&k, NULL, 0, file, pass, scratch, g.info.scratch_needed,
                                        &info, keyfile_work),
                     NACRE_OK);
        vec_expect(&v, "blob", k.blob, k.blob_len);
        cr_assert(all_zero(scratch, g.info.scratch_needed));
        free(scratch);
    }
    cr_assert_eq(v.records, 2);
    vec_close(&v);
}

/* ---- Written and read ---- */

static const struct {
    const char *name;
    unsigned bits;
    enum nacre_keyfile_format pem; /* OPENSSH: the type has none */
} types[] = {{"ssh-ed25519", 0, NACRE_KEYFILE_OPENSSH},
             {"ecdsa-sha2-nistp256", 0, NACRE_KEYFILE_PEM_EC},
             {"ecdsa-sha2-nistp384", 0, NACRE_KEYFILE_PEM_EC},
             {"ecdsa-sha2-nistp521", 0, NACRE_KEYFILE_PEM_EC},
             {"ssh-rsa", 2048, NACRE_KEYFILE_PEM_RSA}};
#define TYPES (sizeof types / sizeof types[0])

static void write_and_read(const struct nacre_privkey *k, enum nacre_keyfile_format format,
                           const char *pass)
{
    static uint8_t out[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {
        .format = format, .passphrase = nacre_bytes_str(pass), .iterations = 3};
    struct keyfile_got g;
    size_t n;

    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, k, nacre_bytes_str("comment"), &opts,
                                     &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    g = read_exact(out, n, nacre_bytes_str(pass));
    cr_assert_eq(g.err, NACRE_OK, "%s", g.info.what);
    cr_assert_eq(memcmp(&g.key, k, sizeof *k), 0);
    cr_assert_eq(g.info.encrypted, pass[0] != '\0');
    cr_assert_eq(g.info.format, format == NACRE_KEYFILE_PKCS8 && pass[0] != '\0'
                                    ? NACRE_KEYFILE_PKCS8_ENCRYPTED
                                    : format);
    if (pass[0] != '\0')
        cr_assert_eq(read_exact(out, n, nacre_bytes_str("other")).err, NACRE_ERR_PASSPHRASE);
}

Test(keyfile_pem, written_and_read)
{
    struct nacre_privkey k;

    for (size_t i = 0; i < TYPES; i++) {
        cr_assert_eq(
            nacre_privkey_generate(&k, types[i].name, types[i].bits, &nacre_rng_os, keyfile_work),
            NACRE_OK);
        write_and_read(&k, NACRE_KEYFILE_PKCS8, "");
        write_and_read(&k, NACRE_KEYFILE_PKCS8, "a pass");
        if (types[i].pem == NACRE_KEYFILE_OPENSSH)
            continue;
        write_and_read(&k, types[i].pem, "");
        write_and_read(&k, types[i].pem, "a pass");
    }
}

/* Scalars whose first bytes are 0 keep their length, numbers lose theirs. */
Test(keyfile_pem, short_scalar)
{
    struct nacre_privkey k;

    do {
        cr_assert_eq(
            nacre_privkey_generate(&k, "ecdsa-sha2-nistp256", 0, &nacre_rng_os, keyfile_work),
            NACRE_OK);
    } while (k.secret.ecdsa.scalar[0] != 0);
    write_and_read(&k, NACRE_KEYFILE_PEM_EC, "");
    write_and_read(&k, NACRE_KEYFILE_PKCS8, "");
}

Test(keyfile_pem, paramiko_trap_pkcs8_is_read)
{
    struct nacre_privkey k;

    for (size_t i = 0; i < TYPES; i++) {
        cr_assert_eq(
            nacre_privkey_generate(&k, types[i].name, types[i].bits, &nacre_rng_os, keyfile_work),
            NACRE_OK);
        write_and_read(&k, NACRE_KEYFILE_PKCS8, "");
        write_and_read(&k, NACRE_KEYFILE_PKCS8, "secret");
    }
}

Test(keyfile_pem, paramiko_trap_ed25519_is_written)
{
    static const enum nacre_keyfile_format formats[] = {NACRE_KEYFILE_OPENSSH, NACRE_KEYFILE_PKCS8,
                                                        NACRE_KEYFILE_PPK};
    static uint8_t mem[64 * 1024], out[NACRE_KEYFILE_TEXT_MAX], scratch[sizeof out + sizeof mem];
    struct nacre_privkey k, again;

    cr_assert_eq(nacre_privkey_generate(&k, "ssh-ed25519", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    for (size_t i = 0; i < 3; i++) {
        for (int encrypted = 0; encrypted < 2; encrypted++) {
            struct nacre_keyfile_opts opts = {.format = formats[i],
                                              .rounds = 1,
                                              .iterations = 1,
                                              .passes = 1,
                                              .argon2_kib = 64,
                                              .mem = mem,
                                              .mem_len = sizeof mem,
                                              .passphrase = nacre_bytes_str(encrypted ? "x" : "")};
            size_t n;

            cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, &nacre_rng_os,
                                             keyfile_work),
                         NACRE_OK);
            cr_assert_eq(nacre_keyfile_read(&again, NULL, 0, (struct nacre_bytes){out, n},
                                            opts.passphrase, scratch, sizeof scratch, NULL,
                                            keyfile_work),
                         NACRE_OK);
            cr_assert_eq(memcmp(&again, &k, sizeof k), 0);
        }
    }
}

/* The largest key that there is, in every format, with the longest comment: a key of 16,384 bits
 * takes minutes to make, so that a made-up one stands in, which is written but cannot be read. */
Test(keyfile_pem, s57_rsa_16384_fits)
{
    static const enum nacre_keyfile_format formats[] = {
        NACRE_KEYFILE_OPENSSH, NACRE_KEYFILE_PEM_RSA, NACRE_KEYFILE_PKCS8, NACRE_KEYFILE_PPK};
    static uint8_t mem[64 * 1024], out[NACRE_KEYFILE_TEXT_MAX];
    static const uint16_t len[6] = {2048, 3, 2048, 1024, 1024, 1024};
    static struct nacre_privkey k, small;
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    size_t n;

    cr_assert_eq(nacre_privkey_generate(&small, "ssh-rsa", 2048, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    memset(comment, 'x', sizeof comment - 1);
    comment[sizeof comment - 1] = '\0';
    k.type = small.type;
    memcpy(k.secret.rsa.len, len, sizeof len);
    memset(k.secret.rsa.num, 0xff, sizeof k.secret.rsa.num);
    memset(k.blob, 0xff, sizeof k.blob);
    k.blob_len = 4 + 7 + 4 + 3 + 4 + 2049;
    for (size_t i = 0; i < 4; i++) {
        for (int encrypted = 0; encrypted < 2; encrypted++) {
            struct nacre_keyfile_opts opts = {.format = formats[i],
                                              .rounds = 1,
                                              .iterations = 1,
                                              .passes = 1,
                                              .argon2_kib = 64,
                                              .mem = mem,
                                              .mem_len = sizeof mem,
                                              .passphrase = nacre_bytes_str(encrypted ? "x" : "")};

            cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, nacre_bytes_str(comment),
                                             &opts, &nacre_rng_os, keyfile_work),
                         NACRE_OK, "format %zu", i);
            cr_assert_gt(n, (size_t)8000);
        }
    }
}

/* One byte more than the largest modulus, in a key and in its PKCS #8 form. */
Test(keyfile_pem, s57_rsa_too_large)
{
    static uint8_t der[8192], out[16384], num[NACRE_RSA_LEN_MAX + 1];
    struct ncr_der_wr w = ncr_der_wr(der, sizeof der);
    struct nacre_bytes b;
    struct keyfile_got g;

    memset(num, 0x55, sizeof num);
    for (int i = 0; i < 6; i++)
        ncr_der_put_small(&w, 3);
    ncr_der_put_small(&w, 65537);
    ncr_der_put_number(&w, num, sizeof num);
    ncr_der_put_small(&w, 0);
    ncr_der_put_head(&w, NCR_DER_SEQUENCE, sizeof der);
    for (int pkcs8 = 0; pkcs8 < 2; pkcs8++) {
        b = ncr_der_done(&w);
        memcpy(out, b.p, b.n);
        cr_assert_eq(
            ncr_pem_encode(out, sizeof out, &b.n, pkcs8 ? "PRIVATE KEY" : "RSA PRIVATE KEY", 64),
            NACRE_OK);
        g = read_exact(out, b.n, none);
        cr_assert_eq(g.err, NACRE_ERR_LIMIT, "%s", g.info.what);
        cr_assert_str_eq(g.info.what, "key too large");
        ncr_der_put_head(&w, NCR_DER_OCTET_STRING, sizeof der);
        ncr_der_put(&w, NCR_DER_SEQUENCE,
                    (const uint8_t *)"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 11);
        ncr_der_put_small(&w, 0);
        ncr_der_put_head(&w, NCR_DER_SEQUENCE, sizeof der);
    }
}

/* ---- What cannot be written ---- */

/* Fails at its n-th call. */
static bool fill_n(void *ctx, uint8_t *out, size_t n)
{
    int *left = ctx;

    memset(out, 3, n);
    return (*left)-- > 0;
}

Test(keyfile_pem, write_refuses)
{
    static uint8_t out[NACRE_KEYFILE_TEXT_MAX];
    const struct nacre_rng broken = {rng_broken_fill, NULL};
    static const enum nacre_keyfile_format formats[] = {
        NACRE_KEYFILE_PEM_RSA, NACRE_KEYFILE_PEM_EC,    NACRE_KEYFILE_PKCS8_ENCRYPTED,
        NACRE_KEYFILE_PUBLIC,  NACRE_KEYFILE_PEM_DSA,   NACRE_KEYFILE_SSH1,
        NACRE_KEYFILE_EMPTY,   NACRE_KEYFILE_CERT_X509, NACRE_KEYFILE_PUBLIC_4716};
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PKCS8};
    struct nacre_privkey k;
    size_t n = 1, full;

    cr_assert_eq(nacre_privkey_generate(&k, "ssh-mldsa44-ed25519", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, &nacre_rng_os, keyfile_work),
        NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(n, 0);
    cr_assert_eq(nacre_privkey_generate(&k, "ssh-ed25519", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        opts.format = formats[i];
        cr_assert_eq(
            nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, &nacre_rng_os, keyfile_work),
            NACRE_ERR_UNKNOWN_ALG);
    }
    cr_assert_eq(nacre_privkey_generate(&k, "ecdsa-sha2-nistp256", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    for (int pkcs8 = 0; pkcs8 < 2; pkcs8++) {
        opts.format = pkcs8 ? NACRE_KEYFILE_PKCS8 : NACRE_KEYFILE_PEM_EC;
        opts.iterations = 1;
        opts.passphrase = nacre_bytes_str("x");
        memset(out, 0xa5, sizeof out);
        cr_assert_eq(
            nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, &broken, keyfile_work),
            NACRE_ERR_RNG);
        cr_assert(n == 0 && all_zero(out, sizeof out));
        for (int i = 0; i < 2; i++) {
            int left = i;
            struct nacre_rng nth = {fill_n, &left};

            cr_assert_eq(
                nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, &nth, keyfile_work),
                NACRE_ERR_RNG);
        }
        for (int encrypted = 0; encrypted < 2; encrypted++) {
            opts.passphrase.n = (size_t)encrypted;
            cr_assert_eq(nacre_keyfile_write(out, sizeof out, &full, &k, none, &opts, &nacre_rng_os,
                                             keyfile_work),
                         NACRE_OK);
            for (size_t cap = 0; cap < full; cap++) {
                memset(out, 0xa5, sizeof out);
                cr_assert_eq(
                    nacre_keyfile_write(out, cap, &n, &k, none, &opts, &nacre_rng_os, keyfile_work),
                    NACRE_ERR_NO_ROOM);
                cr_assert(n == 0 && all_zero(out, cap));
            }
        }
    }
}

/* ---- s20: damage ---- */

/* Files of P-256 and Ed25519 keys, in clear and encrypted; both passes over the vectors see the
 * same. */
static bool small(const struct vec *v)
{
    size_t n;

    (void)vec_get(v, "file", &n);
    return n < 420;
}

static void cut_at_every_length(const char *name)
{
    struct vec v;

    for (vec_open(&v, name); vec_next(&v);) {
        struct nacre_bytes pass;
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);

        pass.p = vec_get(&v, "pass", &pass.n);
        for (size_t cut = 0; small(&v) && cut < n; cut++)
            cr_assert_neq(read_exact(file, cut, pass).err, NACRE_OK, "cut at %zu", cut);
    }
    vec_close(&v);
}

Test(keyfile_pem, s20_cut_at_every_length)
{
    cut_at_every_length("keyfile_pem_openssl.txt");
}

Test(keyfile_pem, s20_edges_cut_at_every_length)
{
    cut_at_every_length("keyfile_edge.txt");
}

/* The decoded file is cut and flipped, and armoured again: what is read then is the key, or
 * nothing. */
static void damage_der(const uint8_t *file, size_t n, const char *label, struct nacre_bytes pass)
{
    static uint8_t der[4096], out[8192];
    struct keyfile_got whole = read_exact(file, n, pass);
    const char *what;
    size_t len, m;

    cr_assert_eq(whole.err, NACRE_OK);
    cr_assert_eq(ncr_pem_decode(der, sizeof der, &len, (struct nacre_bytes){file, n}, label, &what),
                 NACRE_OK);
    for (size_t cut = 0; cut < len; cut++) {
        memcpy(out, der, m = cut);
        cr_assert_eq(ncr_pem_encode(out, sizeof out, &m, label, 64), NACRE_OK);
        cr_assert_neq(read_exact(out, m, pass).err, NACRE_OK, "cut at %zu", cut);
    }
    memcpy(out, der, len);
    out[len] = 0;
    m = len + 1;
    cr_assert_eq(ncr_pem_encode(out, sizeof out, &m, label, 64), NACRE_OK);
    cr_assert_neq(read_exact(out, m, pass).err, NACRE_OK, "a byte too many");
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(out, der, m = len);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(ncr_pem_encode(out, sizeof out, &m, label, 64), NACRE_OK);
        (void)read_exact(out, m, pass); /* what holds of every reading */
    }
}

Test(keyfile_pem, s20_der_damaged)
{
    static const char *const labels[] = {"EC PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"};
    unsigned seen = 0;
    struct vec v;

    for (vec_open(&v, "keyfile_pem_openssl.txt"); vec_next(&v);) {
        struct nacre_bytes pass;
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);

        pass.p = vec_get(&v, "pass", &pass.n);
        for (size_t i = 0; i < 3; i++) {
            const size_t len = strlen(labels[i]);

            /* one each; where the EC key has no headers and no parameters in front */
            if (!small(&v) || (seen & 1u << i) != 0 || memcmp(file + 11, labels[i], len) != 0 ||
                (i == 0 && pass.n > 0))
                continue;
            damage_der(file, n, labels[i], pass);
            seen |= 1u << i;
        }
    }
    cr_assert_eq(seen, 7);
    vec_close(&v);
}

/* ---- DER that is well formed and wrong ---- */

/* An EC PRIVATE KEY with a scalar of n bytes, on the curve of that OID, for another point if it is
 * given. */
static struct keyfile_got read_ec(const uint8_t *scalar, size_t n, const struct ncr_oid *curve,
                                  const uint8_t *point)
{
    uint8_t der[512], out[1024];
    struct ncr_der_wr w = ncr_der_wr(der, sizeof der);
    struct nacre_bytes b;
    size_t end = w.at;

    if (point != NULL) {
        ncr_der_put_bytes(&w, point, NACRE_EC_POINT_MAX);
        ncr_der_put_head(&w, NCR_DER_BIT_STRING, end);
        ncr_der_put_head(&w, NCR_DER_CONTEXT_1, end);
        end = w.at;
    }
    ncr_der_put(&w, NCR_DER_OID, curve->p, curve->n);
    ncr_der_put_head(&w, NCR_DER_CONTEXT_0, end);
    ncr_der_put(&w, NCR_DER_OCTET_STRING, scalar, n);
    ncr_der_put_small(&w, 1);
    ncr_der_put_head(&w, NCR_DER_SEQUENCE, sizeof der);
    b = ncr_der_done(&w);
    memcpy(out, b.p, b.n);
    cr_assert_eq(ncr_pem_encode(out, sizeof out, &b.n, "EC PRIVATE KEY", 64), NACRE_OK);
    return read_exact(out, b.n, none);
}

Test(keyfile_pem, s32_ec_keys_that_are_none)
{
    static const struct ncr_oid p256 = {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}};
    static const struct ncr_oid k256 = {5, {0x2b, 0x81, 4, 0, 0x0a}}; /* secp256k1 */
    uint8_t scalar[40], point[NACRE_EC_POINT_MAX] = {0, 4};
    struct keyfile_got g;

    memset(scalar, 0, sizeof scalar);
    scalar[31] = 1;
    cr_assert_eq(read_ec(scalar, 32, &p256, NULL).err, NACRE_OK);
    cr_assert_eq(read_ec(scalar + 31, 1, &p256, NULL).err, NACRE_OK, "zeros may be missing");
    g = read_ec(scalar, 32, &k256, NULL);
    cr_assert_eq(g.err, NACRE_ERR_UNKNOWN_ALG);
    cr_assert_str_eq(g.info.what, "curve not supported");
    cr_assert_eq(read_ec(scalar, 33, &p256, NULL).err, NACRE_ERR_FILE_FORMAT);
    scalar[31] = 0;
    g = read_ec(scalar, 32, &p256, NULL);
    cr_assert_eq(g.err, NACRE_ERR_KEY_FORMAT);
    cr_assert_str_eq(g.info.what, "damaged: private value out of range");
    memset(scalar, 0xff, 32);
    cr_assert_eq(read_ec(scalar, 32, &p256, NULL).err, NACRE_ERR_KEY_FORMAT);
    scalar[0] = 1;
    cr_assert_neq(read_ec(scalar, 32, &p256, point).err, NACRE_OK, "a point of another length");
}

/* The point of another key in an otherwise good file. */
Test(keyfile_pem, s32_halves_of_different_keys)
{
    static uint8_t out[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PKCS8};
    struct nacre_privkey k, other;
    struct keyfile_got g;
    size_t n;

    for (size_t i = 1; i < 4; i++) {
        cr_assert_eq(nacre_privkey_generate(&k, types[i].name, 0, &nacre_rng_os, keyfile_work),
                     NACRE_OK);
        cr_assert_eq(nacre_privkey_generate(&other, types[i].name, 0, &nacre_rng_os, keyfile_work),
                     NACRE_OK);
        memcpy(k.blob, other.blob, k.blob_len);
        cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, NULL, keyfile_work),
                     NACRE_OK);
        g = read_exact(out, n, none);
        cr_assert_eq(g.err, NACRE_ERR_KEY_REFUSED);
        cr_assert_str_eq(g.info.what, "the parts of the key do not belong together");
    }
}

Test(keyfile_pem, crt_exponent_of_no_key)
{
    static const uint8_t bytes[64] = {0, 1};
    struct nacre_rsa_key key = {.n = {bytes, 64}, .d = {bytes, 64}};
    uint8_t out[64];

    cr_assert_not(nacre_rsa_crt_exponent(out, &key, (struct nacre_num){bytes, 0}, keyfile_work));
    cr_assert_not(nacre_rsa_crt_exponent(out, &key, (struct nacre_num){bytes, 64}, keyfile_work));
    cr_assert_not(nacre_rsa_crt_exponent(out, &key, (struct nacre_num){bytes, 32}, keyfile_work),
                  "a zero byte leads");
    cr_assert_not(nacre_rsa_crt_exponent(out, &key, (struct nacre_num){bytes + 1, 1}, keyfile_work),
                  "1");
}

/* ---- s92, and headers ---- */

static size_t replaced(uint8_t *out, const char *file, const char *from, const char *to)
{
    const char *at = strstr(file, from);

    cr_assert_not_null(at, "%s", from);
    memcpy(out, file, (size_t)(at - file));
    strcpy((char *)out + (at - file), to);
    strcat((char *)out, at + strlen(from));
    return strlen((char *)out);
}

Test(keyfile_pem, headers)
{
    static const struct {
        const char *from, *to;
        nacre_err err;
    } cases[] = {
        {"DEK-Info: AES-128-CBC,", "DEK-Info: AES-128-CBC", NACRE_ERR_UNKNOWN_ALG},
        {"DEK-Info: AES-128-CBC,", "DEK-Info: DES-CBC,", NACRE_ERR_UNKNOWN_ALG},
        {"DEK-Info: AES-128-CBC,", "DEK-Info: AES-128-CBC,0", NACRE_ERR_FILE_FORMAT},
        {"DEK-Info: AES-128-CBC,", "DEK-Info: AES-128-CBC,x", NACRE_ERR_FILE_FORMAT},
        {"DEK-Info: ", "Dek-Info: ", NACRE_ERR_FILE_FORMAT},
        {"\n\n", "\n", NACRE_ERR_FILE_FORMAT},
    };
    static uint8_t out[NACRE_KEYFILE_TEXT_MAX], bad[NACRE_KEYFILE_TEXT_MAX + 64];
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PEM_EC,
                                      .passphrase = nacre_bytes_str("x")};
    struct nacre_privkey k;
    size_t n;

    cr_assert_eq(nacre_privkey_generate(&k, "ecdsa-sha2-nistp256", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out - 1, &n, &k, none, &opts, &nacre_rng_os, keyfile_work),
        NACRE_OK);
    out[n] = '\0';
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t m = replaced(bad, (char *)out, cases[i].from, cases[i].to);
        struct keyfile_got g = read_exact(bad, m, opts.passphrase);

        cr_assert_eq(g.err, cases[i].err, "%s: %s, %s", cases[i].to, nacre_err_name(g.err),
                     g.info.what);
    }
}

/* An ENCRYPTED PRIVATE KEY of 16 bytes of nothing, with a number of iterations as it is; or, if
 * that is NULL, with scrypt and its three costs. */
static size_t pbes2(uint8_t *out, size_t cap, const uint8_t *iterations, size_t n,
                    const uint32_t costs[3])
{
    const struct ncr_oid *kdf = iterations == NULL ? &ncr_oid_scrypt : &ncr_oid_pbkdf2;
    static const uint8_t zero[16];
    uint8_t der[256];
    struct ncr_der_wr w = ncr_der_wr(der, sizeof der);
    const size_t end = w.at;
    struct nacre_bytes b;
    size_t inner, params;

    ncr_der_put(&w, NCR_DER_OCTET_STRING, zero, sizeof zero);
    params = w.at;
    ncr_der_put(&w, NCR_DER_OCTET_STRING, zero, sizeof zero);
    ncr_der_put(&w, NCR_DER_OID, ncr_asn1_aes256.oid.p, ncr_asn1_aes256.oid.n);
    ncr_der_put_head(&w, NCR_DER_SEQUENCE, params);
    inner = w.at;
    for (int i = 2; i >= 0 && iterations == NULL; i--)
        ncr_der_put_small(&w, costs[i]);
    if (iterations != NULL)
        ncr_der_put(&w, NCR_DER_INTEGER, iterations, n);
    ncr_der_put(&w, NCR_DER_OCTET_STRING, zero, 8);
    ncr_der_put_head(&w, NCR_DER_SEQUENCE, inner);
    ncr_der_put(&w, NCR_DER_OID, kdf->p, kdf->n);
    ncr_der_put_head(&w, NCR_DER_SEQUENCE, inner);
    ncr_der_put_head(&w, NCR_DER_SEQUENCE, params);
    ncr_der_put(&w, NCR_DER_OID, ncr_oid_pbes2.p, ncr_oid_pbes2.n);
    ncr_der_put_head(&w, NCR_DER_SEQUENCE, params);
    ncr_der_put_head(&w, NCR_DER_SEQUENCE, end);
    b = ncr_der_done(&w);
    memcpy(out, b.p, b.n);
    cr_assert_eq(ncr_pem_encode(out, cap, &b.n, "ENCRYPTED PRIVATE KEY", 64), NACRE_OK);
    return b.n;
}

Test(keyfile_pem, s92_absurd_iterations, .timeout = 120)
{
    static const struct {
        uint8_t p[6];
        size_t n;
        nacre_err err;
    } cases[] = {
        {{1}, 1, NACRE_ERR_PASSPHRASE}, /* sixteen bytes of nothing */
        {{0}, 1, NACRE_ERR_FILE_FORMAT},
        {{0xff}, 1, NACRE_ERR_FILE_FORMAT},          /* negative */
        {{0, 1}, 2, NACRE_ERR_FILE_FORMAT},          /* not the shortest form */
        {{0, 0x98, 0x96, 0x81}, 4, NACRE_ERR_LIMIT}, /* 10,000,001 */
        {{0x7f, 0xff, 0xff, 0xff}, 4, NACRE_ERR_LIMIT},
        {{0, 0xff, 0xff, 0xff, 0xff}, 5, NACRE_ERR_LIMIT},
        {{1, 0, 0, 0, 1}, 5, NACRE_ERR_FILE_FORMAT},
    };
    uint8_t out[1024];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = pbes2(out, sizeof out, cases[i].p, cases[i].n, NULL);
        struct keyfile_got g = read_exact(out, n, nacre_bytes_str("x"));

        cr_assert_eq(g.err, cases[i].err, "%zu: %s, %s", i, nacre_err_name(g.err), g.info.what);
    }
}

Test(keyfile_pem, s92_absurd_memory)
{
    static const struct {
        uint32_t costs[3];
        nacre_err err;
    } cases[] = {
        {{16, 1, 1}, NACRE_ERR_NO_ROOM},
        {{1u << 20, 8, 1}, NACRE_ERR_NO_ROOM}, /* RFC 7914's last example: 1 GiB */
        {{1u << 21, 8, 1}, NACRE_ERR_LIMIT},
        {{1u << 31, 8, 1}, NACRE_ERR_LIMIT},
        {{1u << 20, 8, 9}, NACRE_ERR_LIMIT}, /* too long, not too large */
        {{2, 1u << 29, 1}, NACRE_ERR_LIMIT},
        {{17, 1, 1}, NACRE_ERR_FILE_FORMAT},
        {{0, 1, 1}, NACRE_ERR_FILE_FORMAT},
        {{16, 0, 1}, NACRE_ERR_FILE_FORMAT},
        {{16, 1, 0}, NACRE_ERR_FILE_FORMAT},
        {{16, 1u << 16, 1u << 16}, NACRE_ERR_FILE_FORMAT},
    };
    uint8_t out[1024];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = pbes2(out, sizeof out, NULL, 0, cases[i].costs);
        struct keyfile_got g = read_exact(out, n, nacre_bytes_str("x"));

        if (sizeof(size_t) < 8 && cases[i].err == NACRE_ERR_LIMIT)
            continue; /* no memory is that large: damage */
        cr_assert_eq(g.err, cases[i].err, "%zu: %s, %s", i, nacre_err_name(g.err), g.info.what);
    }
}

Test(keyfile_pem, ct_ec_private_key)
{
    static uint8_t out[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PEM_EC};
    struct nacre_privkey k;
    size_t n;

    cr_assert_eq(nacre_privkey_generate(&k, "ecdsa-sha2-nistp256", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    NCR_CT_SECRET(k.secret.ecdsa.scalar, 32);
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, NULL, keyfile_work),
                 NACRE_OK);
    NCR_CT_PUBLIC(out, sizeof out);
    opts.format = NACRE_KEYFILE_PKCS8;
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, NULL, keyfile_work),
                 NACRE_OK);
    NCR_CT_PUBLIC(out, sizeof out);
    cr_assert_gt(n, (size_t)100);
}

Test(keyfile_pem, ct_rsa_private_key)
{
    static uint8_t out[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PEM_RSA};
    struct nacre_privkey k;
    const uint16_t *len = k.secret.rsa.len;
    size_t n;

    cr_assert_eq(nacre_privkey_generate(&k, "ssh-rsa", 2048, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    NCR_CT_SECRET(k.secret.rsa.num + len[0] + len[1], (size_t)len[2] + len[3] + len[4] + len[5]);
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, none, &opts, NULL, keyfile_work),
                 NACRE_OK);
    NCR_CT_PUBLIC(out, sizeof out);
    cr_assert_gt(n, (size_t)1000);
}
