/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: public keys (proto/keys/pubkey.c).
 *
 * Input: byte 0 even, the rest is a blob; odd, a line. What is read comes back from its text, with
 * the same blob; fingerprint and picture are made of it.
 */
#include "proto/keys/nacre_keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_pubkey_check(bool good)
{
    if (!good)
        abort();
}

static void fuzz_pubkey_again(const struct nacre_pubkey *k)
{
    static char text[NACRE_PUBKEY_TEXT_LEN(NACRE_KEY_BLOB_MAX, 2)];
    static uint8_t blob[NACRE_KEY_BLOB_MAX + 2];
    char fp[NACRE_FINGERPRINT_LEN];
    char art[NACRE_RANDOMART_LEN];
    struct nacre_pubkey k2;
    struct nacre_bytes comment;
    nacre_err err;

    fuzz_pubkey_check(nacre_pubkey_format(text, sizeof text, k->blob, nacre_bytes_str("c")) ==
                      NACRE_OK);
    err = nacre_pubkey_parse(&k2, &comment, nacre_bytes_str(text), blob, sizeof blob);
    fuzz_pubkey_check(err == (k->type == NULL ? NACRE_ERR_UNKNOWN_ALG : NACRE_OK));
    fuzz_pubkey_check(nacre_bytes_is(comment, "c"));
    fuzz_pubkey_check(k2.blob.n == k->blob.n && memcmp(k2.blob.p, k->blob.p, k->blob.n) == 0);
    fuzz_pubkey_check(nacre_pubkey_trustworthy(k) == nacre_pubkey_trustworthy(&k2));
    nacre_fingerprint(fp, NACRE_FP_SHA256, k->blob);
    nacre_randomart(art, NACRE_FP_SHA512, k);
    fuzz_pubkey_check(strlen(fp) == 7 + 43 && strlen(art) == 11 * 20 - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nacre_bytes rest = {data + 1, n - 1};
    struct nacre_pubkey k;
    uint8_t *buf;
    nacre_err err;

    if (n == 0)
        return 0;
    buf = malloc(n);
    if (buf == NULL)
        return 0;
    if (data[0] % 2 == 0)
        err = nacre_pubkey_decode(&k, rest);
    else
        err = nacre_pubkey_parse(&k, NULL, rest, buf, n - 1);
    fuzz_pubkey_check((k.blob.n > 0) == (err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG));
    if (k.blob.n > 0)
        fuzz_pubkey_again(&k);
    free(buf);
    return 0;
}
