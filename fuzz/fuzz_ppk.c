/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: PuTTY's key files (proto/keys/keyfile_ppk.c).
 *
 * Input: byte 0 even, the rest is a file, read with a passphrase if bit 1 is set; odd, a file is
 * put together with a MAC that fits, so that mutations get behind it: byte 1 is the type, byte 2
 * the length of the public blob, then come that and the private half. A key that is read is written
 * and read again, and must be the same.
 */
#include "crypto/load.h"
#include "proto/keys/base64.h"
#include "proto/keys/keyfile.h"
#include "proto/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t work[NACRE_WORK];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_PPK_MAX 16384
#define FUZZ_PPK_MEM (256 * 1024) /* of Argon2: more is not tried here */

static void fuzz_ppk_check(bool good)
{
    if (!good)
        abort();
}

static void fuzz_ppk_again(const struct nacre_privkey *k, const char *comment)
{
    static uint8_t text[NACRE_KEYFILE_TEXT_MAX], scratch[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {.format = NACRE_KEYFILE_PPK};
    char comment2[NACRE_KEY_COMMENT_MAX + 1];
    struct nacre_bytes none = {NULL, 0};
    struct nacre_privkey k2;
    size_t n;

    fuzz_ppk_check(nacre_keyfile_write(text, sizeof text, &n, k, nacre_bytes_str(comment), &opts,
                                       NULL, work) == NACRE_OK);
    fuzz_ppk_check(nacre_keyfile_read(&k2, comment2, sizeof comment2, (struct nacre_bytes){text, n},
                                      none, scratch, sizeof scratch, NULL, work) == NACRE_OK);
    fuzz_ppk_check(strcmp(comment, comment2) == 0);
    fuzz_ppk_check(k2.blob_len == k->blob_len && memcmp(k2.blob, k->blob, k->blob_len) == 0);
}

static void fuzz_ppk_read(const uint8_t *file, size_t n, const char *pass)
{
    struct nacre_bytes b = {file, n}, shown;
    uint8_t *scratch = malloc(n + FUZZ_PPK_MEM);
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    struct nacre_keyfile_info info;
    struct nacre_privkey k;
    struct nacre_pubkey pub;
    nacre_err err;

    if (scratch == NULL)
        return;
    err = nacre_keyfile_read(&k, comment, sizeof comment, b, nacre_bytes_str(pass), scratch,
                             n + FUZZ_PPK_MEM, &info, work);
    fuzz_ppk_check((err == NACRE_OK) == (info.what[0] == '\0'));
    fuzz_ppk_check((err == NACRE_OK) == (nacre_privkey_public_blob(&k).n > 0));
    fuzz_ppk_check(err != NACRE_ERR_NO_ROOM || info.scratch_needed > n + FUZZ_PPK_MEM);
    if (err == NACRE_OK)
        fuzz_ppk_again(&k, comment);
    err = nacre_keyfile_read_public(&pub, &shown, b, scratch, n, &info);
    fuzz_ppk_check(err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG || pub.blob.n == 0);
    free(scratch);
}

static size_t fuzz_ppk_line(char *out, const char *name, const uint8_t *p, size_t n)
{
    size_t at = (size_t)sprintf(out, "%s: 1\n", name);

    ncr_base64_encode(out + at, p, n);
    at += NCR_BASE64_LEN(n);
    out[at++] = '\n';
    return at;
}

static void fuzz_ppk_mac(struct nacre_hmac *h, const void *p, size_t n)
{
    uint8_t len[4];

    ncr_store32be(len, (uint32_t)n);
    nacre_hmac_update(h, len, sizeof len);
    nacre_hmac_update(h, p, n);
}

/* An unencrypted file of version 3 around both halves. */
static void fuzz_ppk_build(const char *type, const uint8_t *pub, size_t pub_len,
                           const uint8_t *priv, size_t priv_len)
{
    uint8_t mac[NACRE_SHA256_LEN] = {0};
    struct nacre_hmac h;
    char *out = malloc(512 + NCR_BASE64_LEN(pub_len) + NCR_BASE64_LEN(priv_len));
    size_t n;

    if (out == NULL)
        return;
    nacre_hmac_init(&h, &nacre_hash_sha256, mac, 0);
    fuzz_ppk_mac(&h, type, strlen(type));
    fuzz_ppk_mac(&h, "none", 4);
    fuzz_ppk_mac(&h, "c", 1);
    fuzz_ppk_mac(&h, pub, pub_len);
    fuzz_ppk_mac(&h, priv, priv_len);
    nacre_hmac_final(mac, &h);
    n = (size_t)sprintf(out, "PuTTY-User-Key-File-3: %s\nEncryption: none\nComment: c\n", type);
    n += fuzz_ppk_line(out + n, "Public-Lines", pub, pub_len);
    n += fuzz_ppk_line(out + n, "Private-Lines", priv, priv_len);
    n += (size_t)sprintf(out + n, "Private-MAC: ");
    for (size_t i = 0; i < sizeof mac; i++)
        n += (size_t)sprintf(out + n, "%02x", mac[i]);
    fuzz_ppk_read((const uint8_t *)out, n, "");
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const types[] = {"ssh-ed25519",
                                        "ecdsa-sha2-nistp256",
                                        "ecdsa-sha2-nistp384",
                                        "ecdsa-sha2-nistp521",
                                        "ssh-rsa",
                                        "ssh-ed448"};
    size_t pub;

    if (n == 0 || n > FUZZ_PPK_MAX)
        return 0;
    if (data[0] % 2 == 0) {
        fuzz_ppk_read(data + 1, n - 1, data[0] & 2 ? "correct horse" : "");
        return 0;
    }
    if (n < 3)
        return 0;
    pub = data[2] < n - 3 ? data[2] : n - 3;
    fuzz_ppk_build(types[data[1] % (sizeof types / sizeof types[0])], data + 3, pub, data + 3 + pub,
                   n - 3 - pub);
    return 0;
}
