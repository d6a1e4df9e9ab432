/* SPDX-License-Identifier: ISC
 *
 * PuTTY's key files: those of puttygen are read, with every version, kdf and line end; what is
 * written is read again; s20 (cut at every length, extended, each bit flipped), s92 (absurd costs,
 * halves that do not belong together).
 */
#include "crypto/ct.h"
#include "crypto/load.h"
#include "proto/keys/base64.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/key_type.h"
#include "proto/wire.h"
#include "tests/keyfile_rig.h"
#include "tests/rngs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 8192
#define KIB 64 /* of Argon2 in files that are made here */

static struct keyfile_got read_exact(const void *file, size_t n, struct nacre_bytes pass)
{
    return keyfile_read_exact(file, n, pass, KEYFILE_COMMENT | KEYFILE_GROW);
}

static struct keyfile_got read_text(const char *text, const char *pass)
{
    return read_exact(text, strlen(text), nacre_bytes_str(pass));
}

static const struct nacre_bytes none;

/* ---- What puttygen writes ---- */

/* Copies the file with other line ends; *m is its length. */
static uint8_t *with_ends(const uint8_t *file, size_t n, const char *end, size_t *m)
{
    uint8_t *out = malloc(2 * n);

    cr_assert(out != NULL);
    *m = 0;
    for (size_t i = 0; i < n; i++) {
        if (file[i] != '\n') {
            out[(*m)++] = file[i];
            continue;
        }
        memcpy(out + *m, end, strlen(end));
        *m += strlen(end);
    }
    return out;
}

Test(keyfile_ppk, puttygen)
{
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    struct vec v;

    for (vec_open(&v, "keyfile_ppk_puttygen.txt"); vec_next(&v);) {
        size_t n, m;
        const uint8_t *file = vec_get(&v, "file", &n);
        struct nacre_bytes pass;
        struct keyfile_got g;

        pass.p = vec_get(&v, "pass", &pass.n);
        for (size_t i = 0; i < 3; i++) {
            uint8_t *copy = with_ends(file, n, ends[i], &m);

            g = read_exact(copy, m, pass);
            cr_assert_eq(g.err, NACRE_OK, "record %u: %s", v.records, g.info.what);
            vec_expect(&v, "blob", g.key.blob, g.key.blob_len);
            vec_expect(&v, "comment", (const uint8_t *)g.comment, strlen(g.comment));
            cr_assert_eq(g.info.encrypted, pass.n > 0);
            free(copy);
        }
        if (pass.n == 0)
            continue;
        cr_assert_eq(read_exact(file, n, none).err, NACRE_ERR_PASSPHRASE);
        g = read_exact(file, n, nacre_bytes_str("correct horsf"));
        cr_assert_eq(g.err, NACRE_ERR_PASSPHRASE);
        cr_assert_str_eq(g.info.what, "wrong passphrase");
        cr_assert_str_eq(g.info.cipher, "aes256-cbc");
    }
    cr_assert_geq(v.records, 24);
    vec_close(&v);
}

Test(keyfile_ppk, public_half_without_the_passphrase)
{
    struct vec v;

    for (vec_open(&v, "keyfile_ppk_puttygen.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);
        uint8_t *scratch = malloc(n);
        struct nacre_bytes comment;
        struct nacre_pubkey k;

        cr_assert_eq(nacre_keyfile_read_public(&k, &comment, (struct nacre_bytes){file, n}, scratch,
                                               n, NULL),
                     NACRE_OK);
        vec_expect(&v, "blob", k.blob.p, k.blob.n);
        vec_expect(&v, "comment", comment.p, comment.n);
        free(scratch);
    }
    vec_close(&v);
}

/* ---- Written and read ---- */

static size_t written(uint8_t out[NACRE_KEYFILE_TEXT_MAX], const struct nacre_privkey *k,
                      const char *comment, const char *pass)
{
    static uint8_t mem[KIB * 1024];
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PPK,
                                      .passphrase = nacre_bytes_str(pass),
                                      .passes = 1,
                                      .argon2_kib = KIB,
                                      .mem = mem,
                                      .mem_len = sizeof mem};
    size_t n;

    cr_assert_eq(nacre_keyfile_write(out, NACRE_KEYFILE_TEXT_MAX, &n, k, nacre_bytes_str(comment),
                                     &opts, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    cr_assert(all_zero(mem, sizeof mem));
    return n;
}

static const struct {
    const char *name;
    unsigned bits;
} types[] = {{"ssh-ed25519", 0},
             {"ecdsa-sha2-nistp256", 0},
             {"ecdsa-sha2-nistp384", 0},
             {"ecdsa-sha2-nistp521", 0},
             {"ssh-rsa", 2048}};

Test(keyfile_ppk, written_and_read)
{
    static uint8_t file[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_privkey k;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        cr_assert_eq(
            nacre_privkey_generate(&k, types[i].name, types[i].bits, &nacre_rng_os, keyfile_work),
            NACRE_OK);
        for (int encrypted = 0; encrypted < 2; encrypted++) {
            const char *pass = encrypted ? "a pass" : "";
            size_t n = written(file, &k, "us\xc3\xa9r: \"me\"", pass);
            struct keyfile_got g = read_exact(file, n, nacre_bytes_str(pass));

            cr_assert_eq(g.err, NACRE_OK, "%s: %s", types[i].name, g.info.what);
            cr_assert_eq(memcmp(&g.key, &k, sizeof k), 0);
            cr_assert_str_eq(g.comment, "us\xc3\xa9r: \"me\"");
            if (encrypted)
                cr_assert_eq(read_exact(file, n, nacre_bytes_str("b pass")).err,
                             NACRE_ERR_PASSPHRASE);
        }
    }
}

/* Scalars and seeds with zero bytes at either end. */
Test(keyfile_ppk, zeros_at_the_ends)
{
    static uint8_t file[NACRE_KEYFILE_TEXT_MAX];
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {0};
    struct nacre_privkey k;
    struct keyfile_got g;

    for (size_t i = 0; i < 4; i++) {
        seed[15] = 1;
        seed[31] = i & 1 ? 9 : 0;
        seed[0] = i & 2 ? 9 : 0;
        nacre_privkey_from_seed(&k, seed);
        g = read_exact(file, written(file, &k, "", "x"), nacre_bytes_str("x"));
        cr_assert_eq(g.err, NACRE_OK);
        cr_assert_arr_eq(g.key.blob, k.blob, k.blob_len);
    }
}

Test(keyfile_ppk, write_refuses)
{
    static uint8_t out[NACRE_KEYFILE_TEXT_MAX], mem[KIB * 1024];
    const struct nacre_rng broken = {rng_broken_fill, NULL};
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PPK,
                                      .passphrase = nacre_bytes_str("x"),
                                      .passes = 1,
                                      .argon2_kib = KIB,
                                      .mem = mem,
                                      .mem_len = sizeof mem};
    struct nacre_bytes comment = nacre_bytes_str("c");
    struct nacre_privkey k;
    size_t n = 7, full;

    cr_assert_eq(nacre_privkey_generate(&k, "ssh-mldsa44-ed25519", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, comment, &opts, &nacre_rng_os, keyfile_work),
        NACRE_ERR_UNKNOWN_ALG);
    cr_assert_eq(n, 0);
    cr_assert_eq(nacre_privkey_generate(&k, "ssh-ed25519", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, nacre_bytes_str("a\nb"), &opts,
                                     &nacre_rng_os, keyfile_work),
                 NACRE_ERR_USAGE);
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, comment, &opts, &broken, keyfile_work),
        NACRE_ERR_RNG);
    opts.mem_len--;
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, comment, &opts, &nacre_rng_os, keyfile_work),
        NACRE_ERR_NO_ROOM);
    opts.mem_len++;
    opts.argon2_kib = NACRE_KEYFILE_ARGON2_KIB_MAX + 1;
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, comment, &opts, &nacre_rng_os, keyfile_work),
        NACRE_ERR_USAGE);
    opts.argon2_kib = KIB;
    opts.passes = NACRE_KEYFILE_ARGON2_FILL_MAX / KIB + 1;
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, comment, &opts, &nacre_rng_os, keyfile_work),
        NACRE_ERR_USAGE);
    opts.passes = 1;
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &full, &k, comment, &opts, &nacre_rng_os,
                                     keyfile_work),
                 NACRE_OK);
    for (size_t cap = 0; cap < full; cap += 7) {
        memset(out, 0xa5, sizeof out);
        cr_assert_eq(
            nacre_keyfile_write(out, cap, &n, &k, comment, &opts, &nacre_rng_os, keyfile_work),
            NACRE_ERR_NO_ROOM);
        cr_assert(n == 0 && all_zero(out, cap));
    }
}

/* ---- s20: damage ---- */

/* A record of the vectors: the i-th. */
static size_t record(uint8_t out[FILE_MAX], struct nacre_bytes *pass, unsigned i)
{
    static uint8_t kept[64];
    struct vec v;
    size_t n = 0;
    const uint8_t *p;

    vec_open(&v, "keyfile_ppk_puttygen.txt");
    for (unsigned at = 0; at <= i; at++)
        cr_assert(vec_next(&v));
    p = vec_get(&v, "file", &n);
    cr_assert_lt(n, (size_t)FILE_MAX);
    memcpy(out, p, n);
    p = vec_get(&v, "pass", &pass->n);
    if (pass->n > 0)
        memcpy(kept, p, pass->n);
    pass->p = kept;
    while (vec_next(&v))
        ;
    vec_close(&v);
    return n;
}

/* Records of small keys: P-256 in version 2 and 3, in clear and not. */
enum { REC_V2 = 4, REC_V3, REC_V2_ENC, REC_V3_ENC };

Test(keyfile_ppk, s20_cut_at_every_length)
{
    static uint8_t file[FILE_MAX];
    struct nacre_bytes pass;

    for (unsigned i = REC_V2; i <= REC_V3_ENC; i++) {
        size_t n = record(file, &pass, i);

        for (size_t cut = 0; cut < n - 1; cut++)
            cr_assert_neq(read_exact(file, cut, pass).err, NACRE_OK, "%u cut at %zu", i, cut);
        cr_assert_eq(read_exact(file, n - 1, pass).err, NACRE_OK,
                     "the last line end may be missing");
    }
}

Test(keyfile_ppk, s20_extended)
{
    static uint8_t file[FILE_MAX];
    struct nacre_bytes pass;
    size_t n = record(file, &pass, REC_V3);

    file[n] = '\n';
    cr_assert_eq(read_exact(file, n + 1, pass).err, NACRE_OK);
    file[n] = 'x';
    cr_assert_eq(read_exact(file, n + 1, pass).err, NACRE_ERR_FILE_FORMAT);
    file[n] = 0;
    cr_assert_eq(read_exact(file, n + 1, pass).err, NACRE_ERR_FILE_FORMAT);
}

/* A flipped bit may change a digit's case or a line end, never the key. */
Test(keyfile_ppk, s20_each_bit_flipped)
{
    static uint8_t file[FILE_MAX], good[FILE_MAX];
    struct nacre_bytes pass;

    for (unsigned i = REC_V2; i <= REC_V3_ENC; i++) {
        size_t n = record(good, &pass, i);
        struct keyfile_got whole = read_exact(good, n, pass);

        for (size_t bit = 0; bit < 8 * n; bit += i == REC_V3_ENC ? 5 : 1) {
            memcpy(file, good, n);
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
            struct keyfile_got g = read_exact(file, n, pass);

            if (g.err == NACRE_OK)
                cr_assert(memcmp(&g.key, &whole.key, sizeof g.key) == 0 &&
                              strcmp(g.comment, whole.comment) == 0,
                          "record %u, bit %zu", i, bit);
        }
    }
}

/* ---- s92 and lines that are wrong ---- */

/* Replaces the first `from` by `to`. */
static size_t replaced(uint8_t out[FILE_MAX], const uint8_t *file, size_t n, const char *from,
                       const char *to)
{
    const size_t a = strlen(from), b = strlen(to);

    for (size_t i = 0; i + a <= n; i++) {
        if (memcmp(file + i, from, a) != 0)
            continue;
        memcpy(out, file, i);
        memcpy(out + i, to, b);
        memcpy(out + i + b, file + i + a, n - i - a);
        return n - a + b;
    }
    cr_assert_fail("no %s", from);
    return 0;
}

Test(keyfile_ppk, s92_absurd_costs, .timeout = 120)
{
    static const struct {
        const char *from, *to;
        nacre_err err;
    } cases[] = {
        {"Memory: 64", "Memory: 2097153", NACRE_ERR_LIMIT},
        {"Memory: 64", "Memory: 4294967295", NACRE_ERR_LIMIT},
        {"Memory: 64", "Memory: 4294967296", NACRE_ERR_FILE_FORMAT},
        {"Memory: 64", "Memory: 0", NACRE_ERR_LIMIT},
        {"Memory: 64", "Memory: 7", NACRE_ERR_LIMIT},
        {"Memory: 64", "Memory: -1", NACRE_ERR_FILE_FORMAT},
        {"Passes: 2", "Passes: 262145", NACRE_ERR_LIMIT},
        {"Passes: 2", "Passes: 0", NACRE_ERR_FILE_FORMAT},
        {"Parallelism: 1", "Parallelism: 0", NACRE_ERR_FILE_FORMAT},
        {"Parallelism: 1", "Parallelism: 9", NACRE_ERR_LIMIT},
        {"Parallelism: 1", "Parallelism: 16777216", NACRE_ERR_LIMIT},
        {"Derivation: Argon2id", "Derivation: Argon2", NACRE_ERR_UNKNOWN_ALG},
        {"Encryption: aes256-cbc", "Encryption: aes256-ctr", NACRE_ERR_UNKNOWN_ALG},
        {"Encryption: aes256-cbc", "Encryption: none", NACRE_ERR_FILE_FORMAT},
        {"Salt: ", "Salt: 0", NACRE_ERR_FILE_FORMAT},
        {"Salt: ", "Salt: zz", NACRE_ERR_FILE_FORMAT},
        {"File-3", "File-1", NACRE_ERR_UNKNOWN_ALG},
        {"File-3", "File-4", NACRE_ERR_UNKNOWN_ALG},
        {"File-3: ecdsa-sha2-nistp256", "File-3: ssh-rsa", NACRE_ERR_FILE_FORMAT},
        {"Public-Lines: 3", "Public-Lines: 4294967295", NACRE_ERR_FILE_FORMAT},
        {"Public-Lines: 3", "Public-Lines: 0", NACRE_ERR_FILE_FORMAT},
        {"Private-Lines: 1", "Private-Lines: 0", NACRE_ERR_FILE_FORMAT},
        {"Private-Lines: 1", "Private-Lines: 2", NACRE_ERR_FILE_FORMAT},
        {"Comment: ", "comment: ", NACRE_ERR_FILE_FORMAT},
        {"Comment: ", "Comment:", NACRE_ERR_FILE_FORMAT},
        {"Private-MAC: ", "Private-MAC: 00", NACRE_ERR_FILE_FORMAT},
    };
    static uint8_t good[FILE_MAX], file[FILE_MAX + 64];
    struct nacre_bytes pass;
    size_t n = record(good, &pass, REC_V3_ENC);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct keyfile_got g =
            read_exact(file, replaced(file, good, n, cases[i].from, cases[i].to), pass);

        cr_assert_eq(g.err, cases[i].err, "%s: %s (%s)", cases[i].to, nacre_err_name(g.err),
                     g.info.what);
    }
    /* what authenticated text says cannot be changed either */
    cr_assert_eq(
        read_exact(file, replaced(file, good, n, "Comment: key", "Comment: kex"), pass).err,
        NACRE_ERR_PASSPHRASE);
}

Test(keyfile_ppk, s92_more_memory_than_given_is_asked_for)
{
    static uint8_t file[FILE_MAX], scratch[FILE_MAX + 64 * 1024];
    struct nacre_keyfile_info info;
    struct nacre_privkey k;
    struct nacre_bytes pass;
    size_t n = record(file, &pass, REC_V3_ENC);
    struct nacre_bytes b = {file, n};

    cr_assert_eq(nacre_keyfile_read(&k, NULL, 0, b, pass, scratch, n, &info, keyfile_work),
                 NACRE_ERR_NO_ROOM);
    cr_assert_eq(info.scratch_needed, n + 64 * 1024);
    cr_assert_eq(
        nacre_keyfile_read(&k, NULL, 0, b, pass, scratch, n + 64 * 1024 - 1, &info, keyfile_work),
        NACRE_ERR_NO_ROOM);
    cr_assert_eq(
        nacre_keyfile_read(&k, NULL, 0, b, pass, scratch, n + 64 * 1024, &info, keyfile_work),
        NACRE_OK);
    cr_assert(all_zero(scratch, sizeof scratch));
    cr_assert_eq(nacre_keyfile_read(&k, NULL, 0, b, none, scratch, n, &info, keyfile_work),
                 NACRE_ERR_PASSPHRASE, "asked for before memory is");
}

/* The private half of one key with the public half of another, and a MAC that fits: as somebody who
 * knows the passphrase can make it. */
Test(keyfile_ppk, s92_halves_of_different_keys)
{
    static uint8_t file[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_privkey k, other;
    struct keyfile_got g;

    for (size_t i = 0; i < 4; i++) { /* an RSA key is its own check of n */
        cr_assert_eq(nacre_privkey_generate(&k, types[i].name, 0, &nacre_rng_os, keyfile_work),
                     NACRE_OK);
        cr_assert_eq(nacre_privkey_generate(&other, types[i].name, 0, &nacre_rng_os, keyfile_work),
                     NACRE_OK);
        memcpy(k.blob, other.blob, k.blob_len);
        g = read_exact(file, written(file, &k, "", ""), none);
        cr_assert_eq(g.err, NACRE_ERR_KEY_REFUSED, "%s: %s", types[i].name, g.info.what);
        cr_assert_str_eq(g.info.what, "public half does not belong to the private half");
    }
}

/* ---- Files put together, with a MAC that fits ---- */

static void mac_string(struct nacre_hmac *h, struct nacre_bytes b)
{
    uint8_t len[4];

    ncr_store32be(len, (uint32_t)b.n);
    nacre_hmac_update(h, len, sizeof len);
    nacre_hmac_update(h, b.p, b.n);
}

static size_t put_body(char *out, const char *name, struct nacre_bytes b)
{
    size_t n = (size_t)sprintf(out, "%s: 1\n", name);

    ncr_base64_encode(out + n, b.p, b.n);
    n += NCR_BASE64_LEN(b.n);
    out[n++] = '\n';
    return n;
}

/* Reads an unencrypted file of version 3 with these halves. */
static struct keyfile_got read_built(const char *type, struct nacre_bytes pub,
                                     struct nacre_bytes priv)
{
    static char text[32768];
    uint8_t mac[NACRE_SHA256_LEN] = {0};
    struct nacre_hmac h;
    size_t n;

    nacre_hmac_init(&h, &nacre_hash_sha256, mac, 0);
    mac_string(&h, nacre_bytes_str(type));
    mac_string(&h, nacre_bytes_str("none"));
    mac_string(&h, nacre_bytes_str("c"));
    mac_string(&h, pub);
    mac_string(&h, priv);
    nacre_hmac_final(mac, &h);
    n = (size_t)sprintf(text, "PuTTY-User-Key-File-3: %s\nEncryption: none\nComment: c\n", type);
    n += put_body(text + n, "Public-Lines", pub);
    n += put_body(text + n, "Private-Lines", priv);
    n += (size_t)sprintf(text + n, "Private-MAC: ");
    for (size_t i = 0; i < sizeof mac; i++)
        n += (size_t)sprintf(text + n, "%02X", mac[i]);
    return read_exact(text, n, none);
}

Test(keyfile_ppk, s92_behind_the_mac)
{
    static uint8_t big[NACRE_PRIVKEY_BLOB_MAX + 64];
    uint8_t priv[64] = {0, 0, 0, 32, 7};
    struct nacre_bytes pub, half = {priv, 36}, other = {big, 0};
    struct nacre_privkey k;
    struct ncr_wr w;
    struct keyfile_got g;

    nacre_privkey_from_seed(&k, priv + 4);
    pub = nacre_privkey_public_blob(&k);
    cr_assert_eq(read_built("ssh-ed25519", pub, half).err, NACRE_OK);
    half.n = 37;
    g = read_built("ssh-ed25519", pub, half);
    cr_assert_eq(g.err, NACRE_ERR_KEY_FORMAT, "%s", g.info.what);
    half.n = 35;
    cr_assert_eq(read_built("ssh-ed25519", pub, half).err, NACRE_ERR_KEY_FORMAT);
    half.n = 37;
    priv[3] = 33; /* a seed of 33 bytes */
    cr_assert_eq(read_built("ssh-ed25519", pub, half).err, NACRE_ERR_KEY_FORMAT);
    priv[3] = 32;
    half.n = 36;
    pub.n--;
    cr_assert_eq(read_built("ssh-ed25519", pub, half).err, NACRE_ERR_KEY_FORMAT);
    cr_assert_eq(read_built("ssh-rsa", pub, half).err, NACRE_ERR_FILE_FORMAT);

    w = ncr_wr(big, sizeof big);
    ncr_wr_cstring(&w, "ssh-ed448");
    ncr_wr_cstring(&w, "point");
    other.n = w.n;
    g = read_built("ssh-ed448", other, half);
    cr_assert_eq(g.err, NACRE_ERR_UNKNOWN_ALG);
    cr_assert_str_eq(g.info.what, "key type not supported by this build");
    w = ncr_wr(big, sizeof big);
    ncr_wr_cstring(&w, "ssh-rsa");
    other.n = sizeof big;
    g = read_built("ssh-rsa", other, half);
    cr_assert_eq(g.err, NACRE_ERR_LIMIT);
    cr_assert_str_eq(g.info.what, "key too large");
}

/* The public half of a type that is not understood, and a damaged one. */
Test(keyfile_ppk, public_half_that_is_none)
{
    static const char head[] = "PuTTY-User-Key-File-3: ssh-ed448\nEncryption: none\nComment: x\n"
                               "Public-Lines: 1\nAAAACXNzaC1lZDQ0OAAAAAFh\n";
    static const char damaged[] = "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: x\n"
                                  "Public-Lines: 1\nAAAAB3NzaC1yc2E=\n";
    uint8_t scratch[256];
    struct nacre_keyfile_info info;
    struct nacre_pubkey k;

    cr_assert_eq(
        nacre_keyfile_read_public(&k, NULL, nacre_bytes_str(head), scratch, sizeof scratch, &info),
        NACRE_ERR_UNKNOWN_ALG);
    cr_assert(nacre_bytes_is(k.name, "ssh-ed448"));
    cr_assert_eq(nacre_keyfile_read_public(&k, NULL, nacre_bytes_str(damaged), scratch,
                                           sizeof scratch, &info),
                 NACRE_ERR_KEY_FORMAT);
    cr_assert_eq(nacre_keyfile_read_public(&k, NULL, nacre_bytes_str("PuTTY-User-Key-File-9: x\n"),
                                           scratch, sizeof scratch, &info),
                 NACRE_ERR_UNKNOWN_ALG);
}

Test(keyfile_ppk, a_type_without_a_form)
{
    static const char head[] = "PuTTY-User-Key-File-3: ssh-ed448\nEncryption: none\nComment: x\n"
                               "Public-Lines: 1\nAAAACXNzaC1lZDQ0OAAAAAFh\nPrivate-Lines: 1\n"
                               "AAAAAWE=\nPrivate-MAC: ";
    char text[sizeof head + 65];
    struct keyfile_got g;

    (void)snprintf(text, sizeof text, "%s%064d", head, 0);
    g = read_text(text, "");
    cr_assert_eq(g.err, NACRE_ERR_FILE_FORMAT);
    cr_assert_str_eq(g.info.what, "damaged: MAC does not fit");
    cr_assert_str_eq(g.info.key_type, "ssh-ed448");
}

Test(keyfile_ppk, ct_private_half)
{
    static uint8_t file[NACRE_KEYFILE_TEXT_MAX];
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {4, 2};
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PPK};
    struct nacre_privkey k;
    size_t n;

    NCR_CT_SECRET(seed, sizeof seed);
    nacre_privkey_from_seed(&k, seed);
    cr_assert_eq(
        nacre_keyfile_write(file, sizeof file, &n, &k, none, &opts, &nacre_rng_os, keyfile_work),
        NACRE_OK);
    NCR_CT_PUBLIC(file, sizeof file);
    cr_assert_gt(n, (size_t)200);
}
