/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: keys in ASN.1 and RFC 4716 (proto/keys/keyfile_pem.c, keyfile_public.c, rfc4716.c,
 * der.c).
 *
 * Input: byte 0 even, the rest is a file; odd, bits 1 to 3 choose a label and the rest is the DER,
 * which is armoured first. The passphrase is given where that costs one MD5. What is read is
 * written and read again, and must be the same.
 */
#include "proto/keys/keyfile.h"
#include "proto/keys/pem.h"

#include <stdlib.h>
#include <string.h>

static uint64_t work[NACRE_WORK];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_PEM_MAX 16384

static void fuzz_pem_check(bool good)
{
    if (!good)
        abort();
}

static void fuzz_pem_private(const struct nacre_privkey *k, enum nacre_keyfile_format format)
{
    static uint8_t text[NACRE_KEYFILE_TEXT_MAX], scratch[NACRE_KEYFILE_TEXT_MAX];
    struct nacre_keyfile_opts opts = {.format = format};
    struct nacre_bytes none = {NULL, 0};
    struct nacre_privkey k2;
    size_t n;

    fuzz_pem_check(nacre_keyfile_write(text, sizeof text, &n, k, none, &opts, NULL, work) ==
                   NACRE_OK);
    fuzz_pem_check(nacre_keyfile_read(&k2, NULL, 0, (struct nacre_bytes){text, n}, none, scratch,
                                      sizeof scratch, NULL, work) == NACRE_OK);
    fuzz_pem_check(memcmp(&k2, k, sizeof k2) == 0);
}

static void fuzz_pem_public(const struct nacre_pubkey *k, enum nacre_keyfile_format format)
{
    static uint8_t text[NACRE_PUBKEY_FILE_LEN(FUZZ_PEM_MAX, 8)], scratch[sizeof text];
    struct nacre_bytes comment;
    struct nacre_pubkey k2;
    size_t n;
    nacre_err err;

    fuzz_pem_check(nacre_pubkey_write(text, sizeof text, &n, format, k->blob,
                                      nacre_bytes_str("c")) == NACRE_OK);
    err = nacre_keyfile_read_public(&k2, &comment, (struct nacre_bytes){text, n}, scratch,
                                    sizeof scratch, NULL);
    fuzz_pem_check(err == (k->type == NULL ? NACRE_ERR_UNKNOWN_ALG : NACRE_OK));
    fuzz_pem_check(k2.blob.n == k->blob.n && memcmp(k2.blob.p, k->blob.p, k->blob.n) == 0);
}

static bool fuzz_pem_cheap(enum nacre_keyfile_format format)
{
    return format == NACRE_KEYFILE_PEM_RSA || format == NACRE_KEYFILE_PEM_EC;
}

static void fuzz_pem_read(const uint8_t *file, size_t n)
{
    struct nacre_bytes b = {file, n}, comment;
    struct nacre_bytes pass = {(const uint8_t *)"correct horse", 13};
    enum nacre_keyfile_format format = nacre_keyfile_sniff(b);
    uint8_t *scratch = malloc(n + (n == 0));
    struct nacre_keyfile_info info;
    struct nacre_privkey k;
    struct nacre_pubkey pub;
    nacre_err err;

    if (scratch == NULL)
        return;
    if (!fuzz_pem_cheap(format))
        pass.n = 0;
    err = nacre_keyfile_read(&k, NULL, 0, b, pass, scratch, n, &info, work);
    fuzz_pem_check((err == NACRE_OK) == (info.what[0] == '\0'));
    fuzz_pem_check((err == NACRE_OK) == (nacre_privkey_public_blob(&k).n > 0));
    if (err == NACRE_OK && (fuzz_pem_cheap(format) || format == NACRE_KEYFILE_PKCS8))
        fuzz_pem_private(&k, format);
    err = nacre_keyfile_read_public(&pub, &comment, b, scratch, n, &info);
    fuzz_pem_check(err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG || pub.blob.n == 0);
    if (pub.blob.n > 0 &&
        (format == NACRE_KEYFILE_PUBLIC_4716 || format == NACRE_KEYFILE_PUBLIC_PEM ||
         format == NACRE_KEYFILE_PUBLIC_PEM_RSA))
        fuzz_pem_public(&pub, format);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const labels[] = {
        "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY",
        "PUBLIC KEY",      "RSA PUBLIC KEY", "PRIVATE KEY", "PUBLIC KEY"};
    size_t cap = 2 * n + 256, len = n - 1;
    uint8_t *file;

    if (n == 0 || n > FUZZ_PEM_MAX)
        return 0;
    if (data[0] % 2 == 0) {
        fuzz_pem_read(data + 1, len);
        return 0;
    }
    file = malloc(cap);
    if (file == NULL)
        return 0;
    memcpy(file, data + 1, len);
    fuzz_pem_check(ncr_pem_encode(file, cap, &len, labels[data[0] >> 1 & 7], 64) == NACRE_OK);
    fuzz_pem_read(file, len);
    free(file);
    return 0;
}
