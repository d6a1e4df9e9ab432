/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: further host keys and their proofs (proto/keys/hostkeys.c).
 *
 * Input: data of a hostkeys-00 or hostkeys-prove-00 request or reply. What is read is written again
 * as it was; nothing in it proves a key that nobody signed with.
 */
#include "proto/keys/nacre_hostkeys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_hostkeys_check(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t out[NACRE_HOSTKEYS_BYTES_MAX], buf[NACRE_HOSTKEYS_PROOF_MAX];
    static uint64_t work[NACRE_WORK];
    static const struct nacre_bytes session = {(const uint8_t *)"session", 7};
    struct nacre_hostkeys h;
    size_t len;
    uint8_t *copy = malloc(n + 1);

    if (copy == NULL)
        return 0;
    if (n > 0)
        memcpy(copy, data, n);
    if (nacre_hostkeys_decode(&h, (struct nacre_bytes){copy, n}) == NACRE_OK) {
        fuzz_hostkeys_check(nacre_hostkeys_encode(out, sizeof out, &len, h.blob, h.n) == NACRE_OK);
        fuzz_hostkeys_check(len == n && (n == 0 || memcmp(out, copy, n) == 0));
        for (size_t i = 0; i + 1 < h.n; i++)
            fuzz_hostkeys_check(nacre_hostkeys_verify(h.blob[i], h.blob[i + 1], session,
                                                      "rsa-sha2-512", buf, sizeof buf,
                                                      work) != NACRE_OK);
    } else {
        fuzz_hostkeys_check(h.n == 0);
    }
    free(copy);
    return 0;
}
