/* SPDX-License-Identifier: ISC
 *
 * The key types ecdsa-sha2-nistp* and those of security keys: files of ssh-keygen are read, written
 * back the same, signed with; scalars and points that do not fit are refused; a security key's file
 * signs nothing.
 */
#include "crypto/ct.h"
#include "proto/alg.h"
#include "proto/keys/key_type.h"
#include "proto/keys/nacre_keys.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

static uint64_t keyec_work[NACRE_WORK];
static uint8_t keyec_scratch[16384];

static const char keyec_names[3][20] = {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                        "ecdsa-sha2-nistp521"};
static const unsigned keyec_bits[3] = {256, 384, 521};

static bool keyec_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    while (n > 0 && *b == 0) {
        b++;
        n--;
    }
    return n == 0;
}

static nacre_err keyec_read(struct nacre_privkey *k, char *comment, struct nacre_bytes file)
{
    return nacre_keyfile_read(k, comment, NACRE_KEY_COMMENT_MAX + 1, file,
                              (struct nacre_bytes){NULL, 0}, keyec_scratch, sizeof keyec_scratch,
                              NULL, keyec_work);
}

/* The private section of k and of the same key read from it. */
static void keyec_round(const struct nacre_privkey *k)
{
    static struct nacre_privkey again;
    uint8_t p[2048], q[2048];
    struct ncr_wr w = ncr_wr(p, sizeof p), w2 = ncr_wr(q, sizeof q);
    k->type->write_private(&w, k);
    cr_assert_not(w.bad);
    struct ncr_rd r = ncr_rd(ncr_wr_done(&w));
    memset(&again, 0, sizeof again);
    cr_assert_eq(k->type->read_private(&again, &r, keyec_work), NACRE_OK);
    cr_assert(ncr_rd_end(&r));
    k->type->write_private(&w2, &again);
    cr_assert_eq(w.n, w2.n);
    cr_assert_arr_eq(p, q, w.n);
    cr_assert_eq(k->blob_len, again.blob_len);
    cr_assert_arr_eq(k->blob, again.blob, k->blob_len);
    for (size_t n = 0; n < w.n; n++) { /* cut anywhere: refused, or not at its end */
        r = ncr_rd((struct nacre_bytes){p, n});
        cr_assert(k->type->read_private(&again, &r, keyec_work) != NACRE_OK || !ncr_rd_end(&r));
    }
}

Test(key_ecdsa, files_of_openssh)
{
    struct vec v;
    unsigned count = 0;
    for (vec_open(&v, "keyfile_ecdsa_openssh.txt"); vec_next(&v); count++) {
        struct nacre_privkey k;
        struct nacre_pubkey pub;
        struct nacre_bytes file, blob, type;
        char comment[NACRE_KEY_COMMENT_MAX + 1];
        file.p = vec_get(&v, "file", &file.n);
        type.p = vec_get(&v, "type", &type.n);
        cr_assert_eq(keyec_read(&k, comment, file), NACRE_OK, "line %u", v.line);
        vec_expect(&v, "comment", (const uint8_t *)comment, strlen(comment));
        blob = nacre_privkey_public_blob(&k);
        vec_expect(&v, "blob", blob.p, blob.n);
        cr_assert_eq(nacre_pubkey_decode(&pub, blob), NACRE_OK);
        cr_assert(nacre_pubkey_trustworthy(&pub));
        cr_assert(nacre_bytes_is(type, k.type->name));
        keyec_round(&k);
        nacre_privkey_wipe(&k);
    }
    vec_close(&v);
    cr_assert_eq(count, 5);
}

Test(key_ecdsa, decode_says_bits_and_label)
{
    static const char *const labels[] = {"ECDSA", "ECDSA", "ECDSA", "ED25519-SK", "ECDSA-SK"};
    static const unsigned bits[] = {256, 384, 521, 256, 256};
    struct vec v;
    unsigned i = 0;
    for (vec_open(&v, "keyfile_ecdsa_openssh.txt"); vec_next(&v); i++) {
        struct nacre_pubkey pub;
        struct nacre_bytes blob;
        blob.p = vec_get(&v, "blob", &blob.n);
        cr_assert_eq(nacre_pubkey_decode(&pub, blob), NACRE_OK);
        cr_assert_eq(pub.bits, bits[i]);
        cr_assert_str_eq(nacre_pubkey_label(&pub), labels[i]);
        for (size_t n = 0; n < blob.n; n++) {
            cr_assert_eq(nacre_pubkey_decode(&pub, (struct nacre_bytes){blob.p, n}),
                         NACRE_ERR_KEY_FORMAT);
        }
    }
    vec_close(&v);
}

/* S25: a point off the curve is no key, whatever the type. */
Test(s25, points_of_public_key_blobs)
{
    struct vec v;
    for (vec_open(&v, "ecdh_openssl.txt"); vec_next(&v);) {
        const unsigned i = vec_uint(&v, "curve") == 256 ? 0 : vec_uint(&v, "curve") == 384 ? 1 : 2;
        const struct nacre_curve *const curves[3] = {&nacre_p256, &nacre_p384, &nacre_p521};
        struct nacre_pubkey pub;
        struct nacre_bytes point;
        uint8_t p[400];
        struct ncr_wr w = ncr_wr(p, sizeof p);
        point.p = vec_get(&v, "point", &point.n);
        ncr_wr_cstring(&w, keyec_names[i]);
        ncr_wr_cstring(&w, keyec_names[i] + strlen("ecdsa-sha2-"));
        ncr_wr_string(&w, point);
        cr_assert_eq(nacre_pubkey_decode(&pub, ncr_wr_done(&w)),
                     nacre_ec_check_vartime(curves[i], point.p, point.n) ? NACRE_OK
                                                                         : NACRE_ERR_KEY_FORMAT,
                     "line %u", v.line);
    }
    vec_close(&v);
}

/* Signatures verify under the row of that name, and under no other data. */
static void keyec_sign(const struct nacre_privkey *k, const char *alg)
{
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    size_t n, full;
    const struct nacre_bytes data = nacre_bytes_str("data");
    const struct ncr_sig *row = ncr_alg_sig(&nacre_algs_default, nacre_bytes_str(alg));
    cr_assert_not_null(row);
    cr_assert_eq(
        nacre_privkey_sign(k, nacre_bytes_str(alg), data, sig, sizeof sig, &n, NULL, keyec_work),
        NACRE_OK);
    cr_assert_eq(
        row->verify(nacre_privkey_public_blob(k), data, (struct nacre_bytes){sig, n}, keyec_work),
        NACRE_OK);
    cr_assert_eq(row->verify(nacre_privkey_public_blob(k), nacre_bytes_str("datb"),
                             (struct nacre_bytes){sig, n}, keyec_work),
                 NACRE_ERR_SIG);
    full = n;
    for (size_t cap = 0; cap < full; cap += 7) {
        cr_assert_eq(
            nacre_privkey_sign(k, nacre_bytes_str(alg), data, sig, cap, &n, NULL, keyec_work),
            NACRE_ERR_NO_ROOM);
        cr_assert_eq(n, 0);
    }
}

Test(key_ecdsa, generated_keys_sign)
{
    for (int i = 0; i < 3; i++) {
        struct nacre_privkey k;
        for (int round = 0; round < 3; round++) {
            cr_assert_eq(nacre_privkey_generate(&k, keyec_names[i], round == 0 ? 0 : keyec_bits[i],
                                                &nacre_rng_os, keyec_work),
                         NACRE_OK);
            cr_assert_str_eq(nacre_privkey_alg(&k, 0), keyec_names[i]);
            cr_assert_null(nacre_privkey_alg(&k, 1));
            keyec_sign(&k, keyec_names[i]);
            keyec_round(&k);
        }
        cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(keyec_names[(i + 1) % 3]),
                                        nacre_bytes_str("m"), keyec_scratch, sizeof keyec_scratch,
                                        &(size_t){0}, NULL, keyec_work),
                     NACRE_ERR_UNKNOWN_ALG);
    }
}

Test(key_ecdsa, generate_refuses)
{
    static const struct nacre_rng none;
    for (int i = 0; i < 3; i++) {
        struct nacre_privkey k;
        memset(&k, 0xa5, sizeof k);
        cr_assert_eq(nacre_privkey_generate(&k, keyec_names[i], 0, &none, keyec_work),
                     NACRE_ERR_RNG);
        cr_assert(keyec_zero(&k, sizeof k));
        cr_assert_eq(nacre_privkey_generate(&k, keyec_names[i], keyec_bits[(i + 1) % 3],
                                            &nacre_rng_os, keyec_work),
                     NACRE_ERR_USAGE);
        cr_assert(keyec_zero(&k, sizeof k));
    }
}

/* Files of the same key made again: ours are read by us. */
Test(key_ecdsa, files_of_ours)
{
    for (int i = 0; i < 3; i++) {
        struct nacre_privkey k, again;
        uint8_t file[NACRE_KEYFILE_TEXT_MAX];
        char comment[NACRE_KEY_COMMENT_MAX + 1];
        size_t n;
        cr_assert_eq(nacre_privkey_generate(&k, keyec_names[i], 0, &nacre_rng_os, keyec_work),
                     NACRE_OK);
        cr_assert_eq(nacre_keyfile_write(file, sizeof file, &n, &k, nacre_bytes_str("us"), NULL,
                                         &nacre_rng_os, keyec_work),
                     NACRE_OK);
        cr_assert_eq(keyec_read(&again, comment, (struct nacre_bytes){file, n}), NACRE_OK);
        cr_assert_str_eq(comment, "us");
        cr_assert_arr_eq(k.blob, again.blob, k.blob_len);
        cr_assert_arr_eq(k.secret.ecdsa.scalar, again.secret.ecdsa.scalar,
                         sizeof k.secret.ecdsa.scalar);
    }
}

/* A private section of scalar and point. */
static nacre_err keyec_private(int i, struct nacre_bytes scalar, struct nacre_bytes point)
{
    struct nacre_privkey k = {0};
    uint8_t p[400];
    struct ncr_wr w = ncr_wr(p, sizeof p);
    const struct ncr_key_type *type = ncr_key_type(nacre_bytes_str(keyec_names[i]));
    ncr_wr_cstring(&w, keyec_names[i] + strlen("ecdsa-sha2-"));
    ncr_wr_string(&w, point);
    ncr_wr_string(&w, scalar); /* as it is: also what is no mpint that we would write */
    struct ncr_rd r = ncr_rd(ncr_wr_done(&w));
    return type->read_private(&k, &r, keyec_work);
}

/* Scalars with the point of n - 1 or of 1, and with another's. */
Test(key_ecdsa, halves_that_do_not_fit)
{
    struct vec v;
    for (vec_open(&v, "ecp_openssl.txt"); vec_next(&v);) {
        const int i = vec_uint(&v, "curve") == 256 ? 0 : vec_uint(&v, "curve") == 384 ? 1 : 2;
        uint8_t wide[1 + NACRE_EC_LEN_MAX] = {0}, one[NACRE_EC_LEN_MAX] = {0};
        uint8_t base[NACRE_EC_POINT_MAX];
        const struct nacre_curve *const curves[3] = {&nacre_p256, &nacre_p384, &nacre_p521};
        struct nacre_bytes scalar = {wide, 0}, point;
        size_t n;
        const uint8_t *p = vec_get(&v, "scalar", &n);
        memcpy(wide + 1, p, n); /* a zero before it keeps it from being negative */
        scalar.n = 1 + n;
        one[n - 1] = 1;
        cr_assert(nacre_ec_public(base, curves[i], one, keyec_work));
        point = (struct nacre_bytes){base, 1 + 2 * n};
        if (!vec_has(&v, "point")) {
            cr_assert_eq(keyec_private(i, scalar, point), NACRE_ERR_KEY_FORMAT, "line %u", v.line);
            continue;
        }
        cr_assert_eq(keyec_private(i, scalar, point),
                     memcmp(p, one, n) == 0 ? NACRE_OK : NACRE_ERR_KEY_REFUSED, "line %u", v.line);
        point.p = vec_get(&v, "point", &point.n);
        cr_assert_eq(keyec_private(i, scalar, point), NACRE_OK, "line %u", v.line);
        wide[0] = 0xff; /* negative */
        cr_assert_eq(keyec_private(i, scalar, point), NACRE_ERR_KEY_FORMAT, "line %u", v.line);
    }
    vec_close(&v);
}

/* Every byte of a file: read as something else or refused, never another key. */
Test(key_ecdsa, damaged_files)
{
    struct vec v;
    for (vec_open(&v, "keyfile_ecdsa_openssh.txt"); vec_next(&v);) {
        struct nacre_bytes file;
        uint8_t copy[4096];
        char comment[NACRE_KEY_COMMENT_MAX + 1];
        file.p = vec_get(&v, "file", &file.n);
        memcpy(copy, file.p, file.n);
        for (size_t i = 40; i < file.n - 40; i++) {
            struct nacre_privkey k;
            copy[i] = file.p[i] == 'A' ? 'B' : 'A';
            if (keyec_read(&k, comment, (struct nacre_bytes){copy, file.n}) == NACRE_OK) {
                vec_expect(&v, "blob", k.blob, k.blob_len); /* the comment, a handle */
            } else {
                cr_assert(keyec_zero(&k, sizeof k));
            }
            copy[i] = file.p[i];
        }
    }
    vec_close(&v);
}

Test(key_sk, files_sign_nothing)
{
    struct vec v;
    for (vec_open(&v, "keyfile_ecdsa_openssh.txt"); vec_next(&v);) {
        struct nacre_privkey k;
        struct nacre_bytes file;
        char comment[NACRE_KEY_COMMENT_MAX + 1];
        size_t n = 1;
        file.p = vec_get(&v, "file", &file.n);
        cr_assert_eq(keyec_read(&k, comment, file), NACRE_OK);
        if (strncmp(k.type->name, "sk-", 3) != 0) {
            continue;
        }
        cr_assert(k.secret.sk.flags == 1 && k.secret.sk.handle_len == 64);
        for (size_t i = 0; nacre_privkey_alg(&k, i) != NULL; i++) {
            cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(nacre_privkey_alg(&k, i)),
                                            nacre_bytes_str("m"), keyec_scratch,
                                            sizeof keyec_scratch, &n, &nacre_rng_os, keyec_work),
                         NACRE_ERR_SIGNER);
            cr_assert_eq(n, 0);
        }
        cr_assert_eq(nacre_privkey_generate(&k, k.type->name, 0, &nacre_rng_os, keyec_work),
                     NACRE_ERR_UNKNOWN_ALG);
        cr_assert(keyec_zero(&k, sizeof k));
    }
    vec_close(&v);
}

/* A handle that is too long, something in the reserved string. */
Test(key_sk, private_sections_refused)
{
    static uint8_t handle[1100], p[2048];
    for (size_t n = 1020; n <= 1030; n++) {
        for (int reserved = 0; reserved <= 1; reserved++) {
            struct nacre_privkey k = {0};
            struct ncr_wr w = ncr_wr(p, sizeof p);
            uint8_t pub[32] = {9};
            ncr_wr_string(&w, (struct nacre_bytes){pub, 32});
            ncr_wr_cstring(&w, "ssh:");
            ncr_wr_u8(&w, 1);
            ncr_wr_string(&w, (struct nacre_bytes){handle, n});
            ncr_wr_cstring(&w, reserved != 0 ? "x" : "");
            struct ncr_rd r = ncr_rd(ncr_wr_done(&w));
            nacre_err err = ncr_key_type_sk_ed25519.read_private(&k, &r, keyec_work);
            cr_assert_eq(err, n <= 1024 && reserved == 0 ? NACRE_OK : NACRE_ERR_KEY_FORMAT);
        }
    }
}

/* Reading, signing and writing do not decide on the scalar. */
Test(key_ecdsa, ct_sign)
{
    for (int i = 0; i < 3; i++) {
        struct nacre_privkey k;
        uint8_t sig[256];
        size_t n;
        cr_assert_eq(nacre_privkey_generate(&k, keyec_names[i], 0, &nacre_rng_os, keyec_work),
                     NACRE_OK);
        cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str(keyec_names[i]), nacre_bytes_str("m"),
                                        sig, sizeof sig, &n, NULL, keyec_work),
                     NACRE_OK);
        cr_assert_gt(n, 60);
        nacre_privkey_wipe(&k);
    }
}
