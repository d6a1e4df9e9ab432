/* SPDX-License-Identifier: ISC
 *
 * Fingerprints of public keys as OpenSSH writes them: base64 of a hash, the older MD5 in
 * hexadecimal and bubblebabble of SHA-1 (Antti Huima, "The Bubble Babble Binary Data Encoding",
 * 2000), and the picture of one (Loss, Limmer, von Gernler, "The drunken bishop", 2009).
 *
 * Of a certificate the plain key is what is hashed: that is for the caller to see to.
 */
#include <string.h>

#include "proto/keys/base64.h"
#include "proto/keys/key_type.h"
#include "proto/keys/text.h"

struct fp_row {
    const struct nacre_hash *hash;
    const char *prefix;
};

static const struct fp_row fp_rows[] = {
    [NACRE_FP_SHA256] = {&nacre_hash_sha256, "SHA256"},
    [NACRE_FP_SHA512] = {&nacre_hash_sha512, "SHA512"},
    [NACRE_FP_MD5] = {&nacre_hash_md5, "MD5"},
    [NACRE_FP_SHA1] = {&nacre_hash_sha1, "SHA1"},
    [NACRE_FP_SHA384] = {&nacre_hash_sha384, "SHA384"},
};

static const char fp_hex[] = "0123456789abcdef";

static void fp_hash(uint8_t *digest, const struct nacre_hash *hash, struct nacre_bytes blob)
{
    union nacre_hash_ctx ctx;

    hash->init(&ctx);
    hash->update(&ctx, blob.p, blob.n);
    hash->final(digest, &ctx);
}

/* The digest of a blob; returns its row. */
static const struct fp_row *fp_digest(uint8_t digest[NACRE_HASH_MAX_LEN], enum nacre_fp_hash hash,
                                      struct nacre_bytes blob)
{
    const struct fp_row *fp =
        &fp_rows[(size_t)hash < sizeof fp_rows / sizeof fp_rows[0] ? hash : NACRE_FP_SHA256];

    fp_hash(digest, fp->hash, blob);
    return fp;
}

/* "aa:bb:..." */
static void fp_write_hex(char *out, const uint8_t *digest, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        *out++ = fp_hex[digest[i] >> 4];
        *out++ = fp_hex[digest[i] & 15];
        *out++ = i + 1 < n ? ':' : '\0';
    }
}

void nacre_fingerprint(char out[NACRE_FINGERPRINT_LEN], enum nacre_fp_hash hash,
                       struct nacre_bytes blob)
{
    uint8_t digest[NACRE_HASH_MAX_LEN];
    const struct fp_row *fp = fp_digest(digest, hash, blob);
    size_t at = strlen(fp->prefix);
    size_t text = NCR_BASE64_LEN(fp->hash->len);

    memcpy(out, fp->prefix, at);
    out[at++] = ':';
    if (fp->hash == &nacre_hash_md5) {
        fp_write_hex(out + at, digest, fp->hash->len);
        return;
    }
    ncr_base64_encode(out + at, digest, fp->hash->len);
    while (out[at + text - 1] == '=')
        text--;
    out[at + text] = '\0';
}

bool nacre_fingerprint_parse(uint8_t digest[NACRE_SHA256_LEN], struct nacre_bytes text)
{
    char padded[NCR_BASE64_LEN(NACRE_SHA256_LEN)];
    const size_t prefix = sizeof "SHA256:" - 1;
    struct nacre_bytes b = {(const uint8_t *)padded, sizeof padded};
    size_t n = 0;
    bool good = text.n >= prefix && memcmp(text.p, "SHA256:", prefix) == 0;

    if (good && text.n > prefix && text.p[text.n - 1] == '=')
        text.n--;
    memset(padded, '=', sizeof padded);
    good = good && text.n - prefix == sizeof padded - 1;
    if (good)
        memcpy(padded, text.p + prefix, sizeof padded - 1);
    good = good && ncr_base64_decode(digest, NACRE_SHA256_LEN, &n, b) && n == NACRE_SHA256_LEN;
    if (!good)
        memset(digest, 0, NACRE_SHA256_LEN);
    return good;
}

/* Five letters for each two bytes; what comes before moves the vowels (seed, below 36). */
void nacre_bubblebabble(char out[NACRE_BUBBLEBABBLE_LEN], struct nacre_bytes blob)
{
    static const char vowels[] = "aeiouy";
    static const char consonants[] = "bcdfghklmnprstvzx";
    uint8_t d[NACRE_HASH_MAX_LEN];
    unsigned seed = 1;
    size_t i;

    fp_hash(d, &nacre_hash_sha1, blob);
    *out++ = 'x';
    for (i = 0; i < NACRE_SHA1_LEN; i += 2) {
        *out++ = vowels[((d[i] >> 6 & 3u) + seed) % 6];
        *out++ = consonants[d[i] >> 2 & 15];
        *out++ = vowels[((d[i] & 3u) + seed / 6) % 6];
        *out++ = consonants[d[i + 1] >> 4 & 15];
        *out++ = '-';
        *out++ = consonants[d[i + 1] & 15];
        seed = (seed * 5 + d[i] * 7u + d[i + 1]) % 36;
    }
    *out++ = vowels[seed % 6]; /* the length is even: a check of what came before */
    *out++ = 'x';
    *out++ = vowels[seed / 6];
    *out++ = 'x';
    *out = '\0';
}

/* The picture: a bishop walks over a field of 17 x 9, two bits of the digest a step, low bits of a
 * byte first; bit 0 says right or left, bit 1 down or up; walls stop it. A square shows how often
 * it was entered. */
#define ART_COLS 17
#define ART_ROWS 9
#define ART_START 15 /* index of 'S' below; 'E' follows */
static const char art_squares[] = " .o+=*BOX@%&#/^SE";

static void art_step(uint8_t *x, uint8_t *y, unsigned bits)
{
    if ((bits & 1) != 0)
        *x = *x < ART_COLS - 1 ? (uint8_t)(*x + 1) : *x;
    else
        *x = *x > 0 ? (uint8_t)(*x - 1) : *x;
    if ((bits & 2) != 0)
        *y = *y < ART_ROWS - 1 ? (uint8_t)(*y + 1) : *y;
    else
        *y = *y > 0 ? (uint8_t)(*y - 1) : *y;
}

static void art_walk(uint8_t field[ART_ROWS][ART_COLS], const uint8_t *digest, size_t n)
{
    uint8_t x = ART_COLS / 2;
    uint8_t y = ART_ROWS / 2;
    size_t i;

    for (i = 0; i < 4 * n; i++) {
        art_step(&x, &y, digest[i / 4] >> (2 * (i % 4)) & 3u);
        if (field[y][x] < ART_START - 1)
            field[y][x]++;
    }
    field[ART_ROWS / 2][ART_COLS / 2] = ART_START;
    field[y][x] = ART_START + 1;
}

/* "+--[title]--+", the surplus dash at the right. */
static char *art_border(char *p, const char *title, size_t n)
{
    size_t left = (ART_COLS - n) / 2;

    *p++ = '+';
    memset(p, '-', ART_COLS);
    memcpy(p + left, title, n);
    p += ART_COLS;
    *p++ = '+';
    return p;
}

/* "[ED25519 256]", or without bits if that is too long, and of either no more than ssh-keygen's
 * buffer holds; returns its length, below ART_COLS. */
static size_t art_title(char title[ART_COLS], const char *label, unsigned bits)
{
    size_t n = strlen(label);
    char digits[10];
    size_t d = 0;

    do {
        digits[d++] = (char)('0' + bits % 10);
        bits /= 10;
    } while (bits > 0 && d < sizeof digits);
    if (n > ART_COLS - 2)
        n = ART_COLS - 2;
    title[0] = '[';
    memcpy(title + 1, label, n);
    n++;
    if (n + 1 + d + 1 <= ART_COLS) {
        title[n++] = ' ';
        while (d > 0)
            title[n++] = digits[--d];
    }
    title[n++] = ']';
    return n < ART_COLS ? n : ART_COLS - 1;
}

void nacre_randomart_of(char out[NACRE_RANDOMART_LEN], enum nacre_fp_hash hash,
                        struct nacre_bytes plain, const char *label, unsigned bits)
{
    uint8_t digest[NACRE_HASH_MAX_LEN];
    const struct fp_row *fp = fp_digest(digest, hash, plain);
    uint8_t field[ART_ROWS][ART_COLS];
    char title[ART_COLS];
    char *p = out;
    size_t n = art_title(title, label, bits);
    size_t x;
    size_t y;

    memset(field, 0, sizeof field);
    art_walk(field, digest, fp->hash->len);
    p = art_border(p, title, n);
    for (y = 0; y < ART_ROWS; y++) {
        *p++ = '\n';
        *p++ = '|';
        for (x = 0; x < ART_COLS; x++)
            *p++ = art_squares[field[y][x]];
        *p++ = '|';
    }
    *p++ = '\n';
    n = strlen(fp->prefix);
    title[0] = '[';
    memcpy(title + 1, fp->prefix, n);
    title[n + 1] = ']';
    p = art_border(p, title, n + 2);
    *p = '\0';
}

void nacre_randomart(char out[NACRE_RANDOMART_LEN], enum nacre_fp_hash hash,
                     const struct nacre_pubkey *k)
{
    nacre_randomart_of(out, hash, k->blob, nacre_pubkey_label(k), k->bits);
}
