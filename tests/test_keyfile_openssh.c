/* SPDX-License-Identifier: ISC
 *
 * Private key files: those of ssh-keygen are read and written alike; s20 (cut at every length,
 * extended, each bit flipped, as text and decoded), s21 (counts), s32 and s92 (halves that do not
 * belong together, absurd kdf), s57 (sizes), and what a file of another format is told to be.
 */
#include "crypto/load.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/pem.h"
#include "proto/wire.h"
#include "tests/keyfile_rig.h"
#include "tests/rngs.h"
#include "tests/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 4096
#define LABEL "OPENSSH PRIVATE KEY"

static struct keyfile_got read_exact(const void *file, size_t n, const char *pass)
{
    return keyfile_read_exact(file, n, nacre_bytes_str(pass), KEYFILE_COMMENT);
}

/* ---- A file out of parts ---- */

struct parts {
    const char *cipher, *kdf;
    struct nacre_bytes kdf_options;
    uint32_t n_keys, check, again;
    uint8_t seed[32], pub_outside[32], pub_inside[32], pub_behind_seed[32];
    uint32_t pub_len, priv_len; /* of the fields inside */
    const char *type, *type_outside;
    struct nacre_bytes comment;
    int pad; /* bytes; -1: as many as it takes */
    uint8_t pad_first;
    const char *trailing;
};

static struct parts good_parts(void)
{
    struct parts p = {.cipher = "none",
                      .kdf = "none",
                      .n_keys = 1,
                      .check = 7,
                      .again = 7,
                      .pub_len = 32,
                      .priv_len = 64,
                      .type = "ssh-ed25519",
                      .type_outside = "ssh-ed25519",
                      .pad = -1,
                      .pad_first = 1,
                      .trailing = ""};
    struct nacre_ed25519_key k;

    memset(p.seed, 9, sizeof p.seed);
    nacre_ed25519_key_init(&k, p.seed);
    memcpy(p.pub_outside, k.pub, 32);
    memcpy(p.pub_inside, k.pub, 32);
    memcpy(p.pub_behind_seed, k.pub, 32);
    p.comment = nacre_bytes_str("me");
    return p;
}

static size_t binary_of(uint8_t out[FILE_MAX], const struct parts *p)
{
    struct ncr_wr w = ncr_wr(out, FILE_MAX);
    uint8_t both[96];
    size_t mark;
    size_t start;
    int pad = 0;

    memset(both, 0, sizeof both);
    memcpy(both, p->seed, 32);
    memcpy(both + 32, p->pub_behind_seed, 32);
    ncr_wr_bytes(&w, (const uint8_t *)"openssh-key-v1", 15);
    ncr_wr_cstring(&w, p->cipher);
    ncr_wr_cstring(&w, p->kdf);
    ncr_wr_string(&w, p->kdf_options);
    ncr_wr_u32(&w, p->n_keys);
    mark = ncr_wr_string_begin(&w);
    ncr_wr_cstring(&w, p->type_outside);
    ncr_wr_string(&w, (struct nacre_bytes){p->pub_outside, 32});
    ncr_wr_string_end(&w, mark);
    mark = ncr_wr_string_begin(&w);
    start = w.n;
    ncr_wr_u32(&w, p->check);
    ncr_wr_u32(&w, p->again);
    ncr_wr_cstring(&w, p->type);
    ncr_wr_string(&w, (struct nacre_bytes){p->pub_inside, p->pub_len});
    ncr_wr_string(&w, (struct nacre_bytes){both, p->priv_len});
    ncr_wr_string(&w, p->comment);
    while (p->pad < 0 ? (w.n - start) % 8 != 0 : pad < p->pad)
        ncr_wr_u8(&w, (uint8_t)(p->pad_first + pad++));
    ncr_wr_string_end(&w, mark);
    ncr_wr_bytes(&w, (const uint8_t *)p->trailing, strlen(p->trailing));
    cr_assert_not(w.bad);
    return w.n;
}

static struct keyfile_got read_binary(const uint8_t *bin, size_t n)
{
    uint8_t text[FILE_MAX * 2];

    cr_assert_leq(n, FILE_MAX);
    memcpy(text, bin, n);
    cr_assert_eq(ncr_pem_encode(text, sizeof text, &n, LABEL, 70), NACRE_OK);
    return read_exact(text, n, "");
}

static struct keyfile_got read_parts(const struct parts *p)
{
    uint8_t bin[FILE_MAX];

    return read_binary(bin, binary_of(bin, p));
}

static void expect(const struct parts *p, nacre_err err, const char *what)
{
    struct keyfile_got g = read_parts(p);

    cr_assert_eq(g.err, err, "%s: %s", nacre_err_name(g.err), g.info.what);
    cr_assert_not_null(strstr(g.info.what, what), "%s", g.info.what);
}

/* ---- OpenSSH's files ---- */

Test(keyfile_openssh, openssh)
{
    struct vec v;

    for (vec_open(&v, "keyfile_openssh.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);
        struct keyfile_got g = read_exact(file, n, "ignored when there is none");
        struct nacre_bytes blob = nacre_privkey_public_blob(&g.key);

        cr_assert_eq(g.err, NACRE_OK, "%s", g.info.what);
        vec_expect(&v, "comment", (uint8_t *)g.comment, strlen(g.comment));
        vec_expect(&v, "blob", blob.p, blob.n);
        vec_expect(&v, "seed", g.key.secret.ed25519.seed, NACRE_ED25519_SEED_LEN);
        cr_assert_eq(g.info.format, NACRE_KEYFILE_OPENSSH);
        cr_assert_str_eq(g.info.cipher, "none");
        cr_assert_str_eq(g.info.kdf, "none");
        cr_assert_str_eq(g.info.key_type, "ssh-ed25519");
        cr_assert_not(g.info.encrypted);
    }
    vec_close(&v);
}

Test(keyfile_openssh, written_as_openssh_writes)
{
    struct vec v;

    for (vec_open(&v, "keyfile_openssh.txt"); vec_next(&v);) {
        size_t n;
        const uint8_t *file = vec_get(&v, "file", &n);
        size_t n_comment;
        struct nacre_bytes comment = {vec_get(&v, "comment", &n_comment), 0};
        struct nacre_privkey k;
        uint8_t bin[FILE_MAX];
        uint8_t out[NACRE_KEYFILE_TEXT_MAX];
        size_t n_bin;
        const char *what;
        struct nacre_rng rng = {rng_given_fill, bin + 15 + 4 + 4 + 4 + 4 + 4 + 4 + 4 + 51 + 4};

        comment.n = n_comment;
        cr_assert_eq(
            ncr_pem_decode(bin, sizeof bin, &n_bin, (struct nacre_bytes){file, n}, LABEL, &what),
            NACRE_OK);
        nacre_privkey_from_seed(&k, vec_fixed(&v, "seed", NACRE_ED25519_SEED_LEN));
        cr_assert_eq(
            nacre_keyfile_write(out, sizeof out, &n, &k, comment, NULL, &rng, keyfile_work),
            NACRE_OK);
        vec_expect(&v, "file", out, n);
        cr_assert(all_zero(out + n, sizeof out - n), "the binary form is left behind the text");
    }
    vec_close(&v);
}

/* ---- s20 ---- */

/* The first file of the vectors; its comment is empty. */
static size_t first_file(uint8_t out[FILE_MAX])
{
    struct vec v;
    size_t n;
    const uint8_t *file;

    vec_open(&v, "keyfile_openssh.txt");
    cr_assert(vec_next(&v));
    file = vec_get(&v, "file", &n);
    cr_assert_leq(n, FILE_MAX - 2);
    memcpy(out, file, n);
    while (vec_next(&v))
        ;
    vec_close(&v);
    return n;
}

Test(keyfile_openssh, s20_text_cut_at_every_length)
{
    uint8_t file[FILE_MAX];
    size_t n = first_file(file);

    for (size_t cut = 0; cut < n; cut++) {
        struct keyfile_got g = read_exact(file, cut, "");

        cr_assert_eq(g.err, NACRE_ERR_FILE_FORMAT, "%zu: %s", cut, nacre_err_name(g.err));
    }
}

Test(keyfile_openssh, s20_text_extended)
{
    uint8_t file[FILE_MAX];
    size_t n = first_file(file);

    for (unsigned c = 0; c < 256; c++) {
        bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';

        file[n] = (uint8_t)c;
        cr_assert_eq(read_exact(file, n + 1, "").err, blank ? NACRE_OK : NACRE_ERR_FILE_FORMAT,
                     "byte %u behind the END line", c);
    }
    memmove(file + 1, file, n);
    for (unsigned c = 0; c < 256; c++) {
        file[0] = (uint8_t)c;
        cr_assert_neq(read_exact(file, n + 1, "").err, NACRE_OK, "byte %u before", c);
    }
}

/* The key is the same or none, whichever bit of the text was flipped: only the comment may differ
 * (it is empty here, so that its length is what would), and CR may stand for LF nowhere. */
Test(keyfile_openssh, s20_text_bit_flips)
{
    uint8_t file[FILE_MAX];
    size_t n = first_file(file);

    for (size_t bit = 0; bit < 8 * n; bit++) {
        struct keyfile_got g;

        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        g = read_exact(file, n, "");
        cr_assert_neq(g.err, NACRE_OK, "bit %zu", bit);
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

Test(keyfile_openssh, s20_binary_cut_extended_flipped)
{
    struct parts p = good_parts();
    uint8_t bin[FILE_MAX];
    size_t n = binary_of(bin, &p);
    size_t comment = n - 3 - 2; /* "me", three bytes of padding */

    cr_assert_eq(read_binary(bin, n).err, NACRE_OK);
    cr_assert_eq(bin[n - 3], 1);
    for (size_t cut = 0; cut < n; cut++)
        cr_assert_neq(read_binary(bin, cut).err, NACRE_OK, "%zu", cut);
    bin[n] = 4;
    cr_assert_neq(read_binary(bin, n + 1).err, NACRE_OK);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        size_t at = bit / 8;
        struct keyfile_got g;

        bin[at] ^= (uint8_t)(1u << bit % 8);
        g = read_binary(bin, n);
        cr_assert_eq(g.err == NACRE_OK, at == comment || at == comment + 1, "bit %zu", bit);
        bin[at] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Every length field: one less, one more than there is, and the ends of the range. */
Test(keyfile_openssh, s20_length_fields)
{
    struct parts p = good_parts();
    uint8_t bin[FILE_MAX];
    size_t n = binary_of(bin, &p);
    static const size_t fields[] = {15, 23, 31, 39, 43, 58, 94, 106, 121, 157, 225};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint8_t *at = bin + fields[i];
        uint32_t len = ncr_load32be(at);
        uint32_t left = (uint32_t)(n - fields[i] - 4);
        uint32_t bad[] = {len - 1,  len + 1,    left - 1,       left + 1,      left,
                          1u << 31, UINT32_MAX, (1u << 31) - 1, UINT32_MAX - 3};

        for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
            if (bad[j] == len || (i == 10 && bad[j] == left)) /* all the padding: a comment too */
                continue;
            ncr_store32be(at, bad[j]);
            cr_assert_neq(read_binary(bin, n).err, NACRE_OK, "field %zu: %u", fields[i], bad[j]);
        }
        ncr_store32be(at, len);
    }
    cr_assert_eq(read_binary(bin, n).err, NACRE_OK);
}

/* ---- s21: counts ---- */

Test(keyfile_openssh, s21_number_of_keys)
{
    static const uint32_t bad[] = {0, 2, 1u << 31, UINT32_MAX};
    struct parts p = good_parts();

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        p.n_keys = bad[i];
        expect(&p, NACRE_ERR_FILE_FORMAT, "exactly one key");
    }
}

/* ---- s32, s92: halves ---- */

Test(keyfile_openssh, s92_halves)
{
    struct parts p = good_parts();

    p.pub_outside[3] ^= 1;
    expect(&p, NACRE_ERR_KEY_REFUSED, "outside");
    p = good_parts();
    p.pub_inside[3] ^= 1;
    expect(&p, NACRE_ERR_KEY_REFUSED, "public half");
    p = good_parts();
    p.pub_behind_seed[31] ^= 0x80;
    expect(&p, NACRE_ERR_KEY_REFUSED, "public half");
    p = good_parts();
    p.seed[0] ^= 1; /* all public halves agree with each other */
    expect(&p, NACRE_ERR_KEY_REFUSED, "public half");
    p = good_parts();
    p.type_outside = "ssh-ed2551x";
    expect(&p, NACRE_ERR_KEY_REFUSED, "outside");
}

Test(keyfile_openssh, s32_lengths_0_to_70)
{
    for (uint32_t n = 0; n <= 70; n++) {
        struct parts p = good_parts();
        nacre_err want = n == 64 ? NACRE_OK : NACRE_ERR_KEY_FORMAT;

        p.priv_len = n;
        cr_assert_eq(read_parts(&p).err, want, "%u", n);
        p = good_parts();
        p.pub_len = n <= 32 ? n : 32;
        cr_assert_eq(read_parts(&p).err, n >= 32 ? NACRE_OK : NACRE_ERR_KEY_FORMAT);
    }
}

Test(keyfile_openssh, s92_encrypted)
{
    static const uint8_t many[] = {0, 0, 0, 1, 'x', 0xff, 0xff, 0xff, 0xff};
    static const uint8_t one[] = {0, 0, 0, 1, 'x', 0, 0, 0, 1};
    static const uint8_t none[] = {0, 0, 0, 1, 'x', 0, 0, 0, 0};
    struct parts p = good_parts();
    struct keyfile_got g;

    p.cipher = "chacha20-poly1305@openssh.com"; /* with the block of good_parts() */
    p.trailing = "0123456789abcdef";            /* and a tag */
    p.kdf = "bcrypt";
    p.kdf_options = (struct nacre_bytes){many, sizeof many};
    g = read_parts(&p);
    cr_assert_eq(g.err, NACRE_ERR_LIMIT, "%s", g.info.what);
    cr_assert(g.info.encrypted);
    cr_assert_str_eq(g.info.cipher, p.cipher);
    cr_assert_str_eq(g.info.kdf, "bcrypt");
    p.kdf_options = (struct nacre_bytes){none, sizeof none};
    expect(&p, NACRE_ERR_FILE_FORMAT, "damaged");
    p.kdf_options = (struct nacre_bytes){one, sizeof one};
    p.cipher = "rot13";
    expect(&p, NACRE_ERR_UNKNOWN_ALG, "cipher");
    p.cipher = "aes256-ctr";
    p.kdf = "none";
    expect(&p, NACRE_ERR_FILE_FORMAT, "kdf");
    p.kdf = "scrypt";
    expect(&p, NACRE_ERR_UNKNOWN_ALG, "kdf");
    p = good_parts();
    p.kdf = "bcrypt";
    expect(&p, NACRE_ERR_FILE_FORMAT, "kdf");
    p = good_parts();
    p.kdf_options = nacre_bytes_str("x");
    expect(&p, NACRE_ERR_FILE_FORMAT, "kdf");
}

/* ---- The rest of the section ---- */

Test(keyfile_openssh, check_values)
{
    struct parts p = good_parts();

    p.again ^= 1u << 31;
    expect(&p, NACRE_ERR_FILE_FORMAT, "check values");
}

Test(keyfile_openssh, padding)
{
    struct parts p = good_parts();

    for (int pad = 0; pad < 40; pad++) {
        p.pad = pad;
        cr_assert_eq(read_parts(&p).err, pad % 8 == 3 ? NACRE_OK : NACRE_ERR_FILE_FORMAT, "%d",
                     pad);
    }
    p.pad = -1;
    for (unsigned first = 0; first < 256; first++) {
        p.pad_first = (uint8_t)first;
        cr_assert_eq(read_parts(&p).err, first == 1 ? NACRE_OK : NACRE_ERR_FILE_FORMAT);
    }
    p.pad_first = 1;
    p.comment = nacre_bytes_str("12345678901234567890123456789012345"); /* no padding needed */
    for (size_t n = 0; n < 9; n++) {
        p.comment.n--;
        cr_assert_eq(read_parts(&p).err, NACRE_OK);
    }
    p.trailing = "\n";
    expect(&p, NACRE_ERR_FILE_FORMAT, "trailing");
}

Test(keyfile_openssh, comment)
{
    struct parts p = good_parts();
    char big[NACRE_KEY_COMMENT_MAX + 1];
    struct keyfile_got g;

    p.comment = (struct nacre_bytes){(const uint8_t *)"a\0b", 3};
    expect(&p, NACRE_ERR_FILE_FORMAT, "comment");
    memset(big, 'x', sizeof big);
    p.comment = (struct nacre_bytes){(uint8_t *)big, sizeof big};
    g = read_parts(&p); /* cut to what the caller has room for */
    cr_assert_eq(g.err, NACRE_OK);
    cr_assert_eq(strlen(g.comment), sizeof g.comment - 1);
}

Test(keyfile_openssh, unknown_key_type)
{
    struct parts p = good_parts();
    struct keyfile_got g;

    p.type = p.type_outside = "ssh-foo";
    g = read_parts(&p);
    cr_assert_eq(g.err, NACRE_ERR_UNKNOWN_ALG);
    cr_assert_str_eq(g.info.key_type, "ssh-foo");
    cr_assert_not_null(strstr(g.info.what, "key type"));
}

Test(keyfile_openssh, names_for_messages_are_clean)
{
    struct parts p = good_parts();
    struct keyfile_got g;

    p.cipher = "aes\n\033[2J";
    g = read_parts(&p);
    cr_assert_neq(g.err, NACRE_OK);
    cr_assert_str_empty(g.info.cipher);
}

/* Lines of any length, LF or CR LF. */
Test(keyfile_openssh, line_lengths)
{
    struct parts p = good_parts();
    uint8_t bin[FILE_MAX];
    size_t n_bin = binary_of(bin, &p);

    for (size_t columns = 1; columns < 500; columns += 3) {
        uint8_t text[FILE_MAX];
        uint8_t crlf[2 * FILE_MAX];
        size_t n = n_bin;
        size_t m = 0;

        memcpy(text, bin, n_bin);
        cr_assert_eq(ncr_pem_encode(text, sizeof text, &n, LABEL, columns), NACRE_OK);
        cr_assert_eq(read_exact(text, n, "").err, NACRE_OK);
        for (size_t i = 0; i < n; i++) {
            if (text[i] == '\n')
                crlf[m++] = '\r';
            crlf[m++] = text[i];
        }
        cr_assert_eq(read_exact(crlf, m, "").err, NACRE_OK);
    }
}

/* The in-place bound of pem.c: the smallest buffer that takes the text takes it right. */
Test(keyfile_openssh, smallest_buffer)
{
    for (size_t n_bin = 0; n_bin < 200; n_bin++) {
        uint8_t big[1024];
        uint8_t bin[200];
        size_t n = n_bin;
        uint8_t *small;
        size_t back;
        uint8_t out[1024];
        const char *what;

        for (size_t i = 0; i < n_bin; i++)
            bin[i] = big[i] = (uint8_t)(i * 7 + n_bin);
        cr_assert_eq(ncr_pem_encode(big, sizeof big, &n, LABEL, 70), NACRE_OK);
        small = malloc(n + 1);
        for (size_t cap = n - 1; cap <= n + 1; cap++) {
            nacre_err err;

            back = n_bin;
            memcpy(small, bin, n_bin);
            err = ncr_pem_encode(small, cap, &back, LABEL, 70);
            if (err == NACRE_ERR_NO_ROOM) {
                cr_assert_leq(cap, n); /* one byte of grace where no last line end is needed */
                cr_assert(all_zero(small, cap));
                cr_assert_eq(back, 0);
                continue;
            }
            cr_assert_geq(cap, n);
            cr_assert_eq(back, n);
            cr_assert_arr_eq(small, big, n);
        }
        free(small);
        cr_assert_eq(
            ncr_pem_decode(out, sizeof out, &back, (struct nacre_bytes){big, n}, LABEL, &what),
            NACRE_OK);
        cr_assert_eq(back, n_bin);
        cr_assert_arr_eq(out, bin, n_bin);
    }
}

/* ---- s57: sizes ---- */

Test(keyfile_openssh, s57_too_large)
{
    uint8_t *file = malloc(NACRE_KEYFILE_MAX + 1);
    size_t n = first_file(file);

    memset(file + n, '\n', NACRE_KEYFILE_MAX + 1 - n);
    cr_assert_eq(read_exact(file, NACRE_KEYFILE_MAX, "").err, NACRE_OK);
    cr_assert_eq(read_exact(file, NACRE_KEYFILE_MAX + 1, "").err, NACRE_ERR_LIMIT);
    free(file);
}

Test(keyfile_openssh, scratch_room)
{
    uint8_t file[FILE_MAX];
    size_t n = first_file(file);

    for (size_t len = 0; len <= n; len += 7) {
        uint8_t *scratch = malloc(len + 1);
        struct nacre_privkey k;

        cr_assert_eq(nacre_keyfile_read(&k, NULL, 0, (struct nacre_bytes){file, n},
                                        (struct nacre_bytes){NULL, 0}, scratch, len, NULL,
                                        keyfile_work),
                     len < n ? NACRE_ERR_NO_ROOM : NACRE_OK);
        free(scratch);
    }
}

/* ---- Writing ---- */

Test(keyfile_openssh, write_refuses)
{
    const struct nacre_rng broken = {rng_broken_fill, NULL};
    struct nacre_keyfile_opts with_pass = {.passphrase = nacre_bytes_str("x")};
    struct nacre_keyfile_opts dsa = {.format = NACRE_KEYFILE_PEM_DSA};
    static const struct nacre_privkey empty;
    struct nacre_bytes comment = nacre_bytes_str("c");
    char big[NACRE_KEY_COMMENT_MAX + 1];
    struct nacre_privkey k;
    uint8_t out[NACRE_KEYFILE_TEXT_MAX];
    size_t n;

    cr_assert_eq(nacre_privkey_generate(&k, "ssh-ed25519", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &empty, comment, NULL, &nacre_rng_os,
                                     keyfile_work),
                 NACRE_ERR_USAGE);
    with_pass.cipher = "rot13";
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, comment, &with_pass, &nacre_rng_os,
                                     keyfile_work),
                 NACRE_ERR_UNKNOWN_ALG);
    with_pass.cipher = NULL;
    with_pass.rounds = NACRE_KEYFILE_ROUNDS_MAX + 1;
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, comment, &with_pass, &nacre_rng_os,
                                     keyfile_work),
                 NACRE_ERR_USAGE);
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, comment, &dsa, &nacre_rng_os, keyfile_work),
        NACRE_ERR_UNKNOWN_ALG);
    memset(out, 0xa5, sizeof out);
    cr_assert_eq(nacre_keyfile_write(out, sizeof out, &n, &k, comment, NULL, &broken, keyfile_work),
                 NACRE_ERR_RNG);
    cr_assert(n == 0 && all_zero(out, sizeof out));
    memset(big, 'x', sizeof big);
    comment = (struct nacre_bytes){(uint8_t *)big, sizeof big};
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, comment, NULL, &nacre_rng_os, keyfile_work),
        NACRE_ERR_USAGE);
    comment.n--; /* NACRE_KEYFILE_TEXT_MAX is enough for the longest */
    cr_assert_eq(
        nacre_keyfile_write(out, sizeof out, &n, &k, comment, NULL, &nacre_rng_os, keyfile_work),
        NACRE_OK);
    cr_assert_eq(read_exact(out, n, "").err, NACRE_OK);
    for (size_t cap = 0; cap < n; cap += 11) {
        size_t m = 1;

        memset(out, 0xa5, sizeof out);
        cr_assert_eq(
            nacre_keyfile_write(out, cap, &m, &k, comment, NULL, &nacre_rng_os, keyfile_work),
            NACRE_ERR_NO_ROOM);
        cr_assert(m == 0 && all_zero(out, cap));
    }
}

/* ---- What a file is ---- */

Test(keyfile_openssh, sniff)
{
    static const struct {
        const char *text;
        enum nacre_keyfile_format format;
        nacre_err err;
    } cases[] = {
        {"", NACRE_KEYFILE_EMPTY, NACRE_ERR_FILE_FORMAT},
        {"garbage\n", NACRE_KEYFILE_UNKNOWN, NACRE_ERR_FILE_FORMAT},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\n", NACRE_KEYFILE_OPENSSH, NACRE_ERR_FILE_FORMAT},
        {"-----BEGIN RSA PRIVATE KEY-----\n", NACRE_KEYFILE_PEM_RSA, NACRE_ERR_FILE_FORMAT},
        {"-----BEGIN EC PRIVATE KEY-----\n", NACRE_KEYFILE_PEM_EC, NACRE_ERR_FILE_FORMAT},
        {"-----BEGIN DSA PRIVATE KEY-----\n", NACRE_KEYFILE_PEM_DSA, NACRE_ERR_UNKNOWN_ALG},
        {"-----BEGIN PRIVATE KEY-----\n", NACRE_KEYFILE_PKCS8, NACRE_ERR_FILE_FORMAT},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", NACRE_KEYFILE_PKCS8_ENCRYPTED,
         NACRE_ERR_FILE_FORMAT},
        {"PuTTY-User-Key-File-3: ssh-ed25519\n", NACRE_KEYFILE_PPK, NACRE_ERR_FILE_FORMAT},
        {"SSH PRIVATE KEY FILE FORMAT 1.1\n", NACRE_KEYFILE_SSH1, NACRE_ERR_UNKNOWN_ALG},
        {"---- BEGIN SSH2 PUBLIC KEY ----\n", NACRE_KEYFILE_PUBLIC_4716, NACRE_ERR_FILE_FORMAT},
        {"-----BEGIN PUBLIC KEY-----\n", NACRE_KEYFILE_PUBLIC_PEM, NACRE_ERR_FILE_FORMAT},
        {"-----BEGIN CERTIFICATE-----\n", NACRE_KEYFILE_CERT_X509, NACRE_ERR_FILE_FORMAT},
        {"ssh-ed25519 AAAAC3Nz c\n", NACRE_KEYFILE_PUBLIC, NACRE_ERR_FILE_FORMAT},
        {"# comment\n\n ssh-rsa AAAA\n", NACRE_KEYFILE_PUBLIC, NACRE_ERR_FILE_FORMAT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct keyfile_got g = read_exact(cases[i].text, strlen(cases[i].text), "");

        cr_assert_eq(g.info.format, cases[i].format, "%s", cases[i].text);
        cr_assert_eq(g.err, cases[i].err, "%s: %s", cases[i].text, nacre_err_name(g.err));
        cr_assert_gt(strlen(nacre_keyfile_format_text(g.info.format)), 4);
    }
}

/* ---- The public half ---- */

Test(keyfile_openssh, public_half_of_an_encrypted_file)
{
    struct parts p = good_parts();
    uint8_t file[FILE_MAX];
    uint8_t scratch[FILE_MAX];
    struct nacre_pubkey k;
    struct nacre_bytes comment;
    struct nacre_keyfile_info info;
    size_t n;

    p.cipher = "aes256-ctr";
    p.kdf = "bcrypt";
    n = binary_of(file, &p);
    cr_assert_eq(ncr_pem_encode(file, sizeof file, &n, LABEL, 70), NACRE_OK);
    cr_assert_eq(nacre_keyfile_read_public(&k, &comment, (struct nacre_bytes){file, n}, scratch,
                                           sizeof scratch, &info),
                 NACRE_OK);
    cr_assert_arr_eq(k.blob.p + 19, p.pub_outside, 32);
    cr_assert_eq(comment.n, 0);
    cr_assert(info.encrypted);
    cr_assert(all_zero(scratch + k.blob.n, n - k.blob.n), "the private half is left in scratch");
}

Test(keyfile_openssh, public_file)
{
    static const char text[] =
        "# from somewhere\r\n\r\n"
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZBZLP6I7LZ6uKtzYmp4Fl4TlXQsvT7vXinTtDjVMGL a b\r\n";
    uint8_t scratch[sizeof text];
    struct nacre_pubkey k;
    struct nacre_bytes comment;
    struct nacre_bytes file = nacre_bytes_str(text);

    cr_assert_eq(nacre_keyfile_read_public(&k, &comment, file, scratch, sizeof scratch, NULL),
                 NACRE_OK);
    cr_assert_eq(k.bits, 256);
    cr_assert(nacre_bytes_is(comment, "a b"));
    file.n -= 20; /* within the key */
    cr_assert_neq(nacre_keyfile_read_public(&k, &comment, file, scratch, sizeof scratch, NULL),
                  NACRE_OK);
    cr_assert_eq(k.blob.n, 0);
}

/* ---- With a passphrase ---- */

static const char *const file_ciphers[] = {"aes128-ctr",
                                           "aes192-ctr",
                                           "aes256-ctr",
                                           "aes128-cbc",
                                           "aes192-cbc",
                                           "aes256-cbc",
                                           "aes128-gcm@openssh.com",
                                           "aes256-gcm@openssh.com",
                                           "chacha20-poly1305@openssh.com"};

Test(keyfile_openssh, written_and_read_with_every_cipher)
{
    static uint8_t file[NACRE_KEYFILE_TEXT_MAX], scratch[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {.passphrase = nacre_bytes_str("correct horse"), .rounds = 1};
    struct nacre_bytes wrong = nacre_bytes_str("correct horsf"), none = {NULL, 0};
    struct nacre_privkey k, again;
    struct nacre_keyfile_info info;
    char comment[64];
    size_t n;

    cr_assert_eq(nacre_privkey_generate(&k, "ssh-ed25519", 0, &nacre_rng_os, keyfile_work),
                 NACRE_OK);
    for (size_t i = 0; i < sizeof file_ciphers / sizeof file_ciphers[0]; i++) {
        opts.cipher = file_ciphers[i];
        cr_assert_eq(nacre_keyfile_write(file, sizeof file, &n, &k, nacre_bytes_str("c"), &opts,
                                         &nacre_rng_os, keyfile_work),
                     NACRE_OK);
        struct nacre_bytes b = {file, n};
        cr_assert_eq(nacre_keyfile_read(&again, comment, sizeof comment, b, opts.passphrase,
                                        scratch, sizeof scratch, &info, keyfile_work),
                     NACRE_OK, "%s: %s", opts.cipher, info.what);
        cr_assert_str_eq(comment, "c");
        cr_assert_str_eq(info.cipher, opts.cipher);
        cr_assert_eq(memcmp(&again.secret.ed25519.seed, &k.secret.ed25519.seed, 32), 0);
        cr_assert_eq(nacre_keyfile_read(&again, NULL, 0, b, wrong, scratch, sizeof scratch, &info,
                                        keyfile_work),
                     NACRE_ERR_PASSPHRASE);
        cr_assert_str_eq(info.what, "wrong passphrase");
        cr_assert_eq(nacre_keyfile_read(&again, NULL, 0, b, none, scratch, sizeof scratch, &info,
                                        keyfile_work),
                     NACRE_ERR_PASSPHRASE);
        cr_assert_str_eq(info.what, "passphrase needed");
    }
}
