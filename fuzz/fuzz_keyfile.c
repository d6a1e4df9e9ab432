/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: key files (proto/keys/keyfile*.c, pem.c, base64.c).
 *
 * Input: byte 0 even, the rest is a file; odd, the rest is the body of an openssh-key-v1 file,
 * which is armoured first, so that mutations get behind the base64. A key that is read is written
 * and read again, and must be the same.
 */
#include "proto/keys/keyfile.h"
#include "proto/keys/pem.h"

#include <stdlib.h>
#include <string.h>

/* What the operations work in. */
static uint64_t work[NACRE_WORK];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_KEYFILE_MAX 65536

static void fuzz_keyfile_check(bool good)
{
    if (!good)
        abort();
}

static bool fuzz_keyfile_fill(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    memset(out, 0x5a, n);
    return true;
}

static void fuzz_keyfile_again(const struct nacre_privkey *k, const char *comment)
{
    static const struct nacre_rng rng = {fuzz_keyfile_fill, NULL};
    static uint8_t text[NACRE_KEYFILE_TEXT_MAX];
    static uint8_t scratch[NACRE_KEYFILE_TEXT_MAX];
    char comment2[NACRE_KEY_COMMENT_MAX + 1];
    struct nacre_bytes none = {NULL, 0};
    struct nacre_privkey k2;
    size_t n;

    fuzz_keyfile_check(nacre_keyfile_write(text, sizeof text, &n, k, nacre_bytes_str(comment), NULL,
                                           &rng, work) == NACRE_OK);
    fuzz_keyfile_check(nacre_keyfile_read(&k2, comment2, sizeof comment2,
                                          (struct nacre_bytes){text, n}, none, scratch,
                                          sizeof scratch, NULL, work) == NACRE_OK);
    fuzz_keyfile_check(strcmp(comment, comment2) == 0);
    fuzz_keyfile_check(k2.blob_len == k->blob_len && memcmp(k2.blob, k->blob, k->blob_len) == 0);
}

static void fuzz_keyfile_read(const uint8_t *file, size_t n)
{
    struct nacre_bytes b = {file, n};
    struct nacre_bytes none = {NULL, 0};
    uint8_t *scratch = malloc(n + (n == 0));
    char comment[NACRE_KEY_COMMENT_MAX + 1];
    struct nacre_keyfile_info info;
    struct nacre_privkey k;
    struct nacre_pubkey pub;
    nacre_err err;

    if (scratch == NULL)
        return;
    err = nacre_keyfile_read(&k, comment, sizeof comment, b, none, scratch, n, &info, work);
    fuzz_keyfile_check((err == NACRE_OK) == (info.what[0] == '\0'));
    fuzz_keyfile_check((err == NACRE_OK) == (nacre_privkey_public_blob(&k).n > 0));
    if (err == NACRE_OK)
        fuzz_keyfile_again(&k, comment);
    err = nacre_keyfile_read_public(&pub, &none, b, scratch, n, &info);
    fuzz_keyfile_check(err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG || pub.blob.n == 0);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t *file;
    size_t cap = 2 * n + 256;
    size_t len = n - 1;

    if (n == 0 || n > FUZZ_KEYFILE_MAX)
        return 0;
    if (data[0] % 2 == 0) {
        fuzz_keyfile_read(data + 1, len);
        return 0;
    }
    file = malloc(cap);
    if (file == NULL)
        return 0;
    memcpy(file, data + 1, len);
    fuzz_keyfile_check(ncr_pem_encode(file, cap, &len, NCR_KEYFILE_OPENSSH_LABEL, 70) == NACRE_OK);
    fuzz_keyfile_read(file, len);
    free(file);
    return 0;
}
