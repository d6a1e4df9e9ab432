/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: signatures of files (proto/keys/sshsig.c).
 *
 * Input: byte 0 even, the rest is an armored signature; odd, the rest is armored first. What is
 * read is written and read again with the same parts, and does not verify in another namespace.
 */
#include "proto/keys/nacre_keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_SSHSIG_MAX ((size_t)64 * 1024)

static void fuzz_sshsig_check(bool good)
{
    if (!good)
        abort();
}

static bool fuzz_sshsig_same(struct nacre_bytes a, struct nacre_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void fuzz_sshsig_again(const struct nacre_sshsig *s)
{
    static uint64_t work[NACRE_WORK];
    static uint8_t text[FUZZ_SSHSIG_MAX * 2], buf[FUZZ_SSHSIG_MAX * 4];
    static const uint8_t digest[NACRE_HASH_MAX_LEN];
    char name_space[NACRE_SSHSIG_NAMESPACE_MAX + 1];
    struct nacre_bytes d = {digest, nacre_sshsig_hash(s->hash)->len};
    struct nacre_sshsig two;
    size_t n;

    memcpy(name_space, s->name_space.p, s->name_space.n);
    name_space[s->name_space.n] = '\0';
    fuzz_sshsig_check(nacre_sshsig_verify(s, "", d, work) == NACRE_ERR_SIG);
    fuzz_sshsig_check(nacre_sshsig_verify(s, name_space, d, work) != NACRE_OK);
    if (strlen(name_space) != s->name_space.n) /* a NUL in it: our own have none */
        return;
    fuzz_sshsig_check(nacre_sshsig_format(text, sizeof text, &n, s->key, name_space,
                                          d.n == NACRE_SHA512_LEN ? "sha512" : "sha256",
                                          s->signature) == NACRE_OK);
    fuzz_sshsig_check(nacre_sshsig_decode(&two, (struct nacre_bytes){text, n}, buf, sizeof buf,
                                          NULL) == NACRE_OK);
    fuzz_sshsig_check(fuzz_sshsig_same(s->key, two.key) && fuzz_sshsig_same(s->hash, two.hash) &&
                      fuzz_sshsig_same(s->name_space, two.name_space) &&
                      fuzz_sshsig_same(s->signature, two.signature) &&
                      fuzz_sshsig_same(s->plain, two.plain));
}

/* Base64 of the bytes between the armour's lines. */
static size_t fuzz_sshsig_armor(uint8_t *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char begin[] = "-----BEGIN SSH SIGNATURE-----\n";
    static const char end[] = "\n-----END SSH SIGNATURE-----\n";
    size_t at = sizeof begin - 1;
    size_t i;

    memcpy(out, begin, at);
    for (i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);

        out[at++] = (uint8_t)digits[v >> 18 & 63];
        out[at++] = (uint8_t)digits[v >> 12 & 63];
        out[at++] = i + 1 < n ? (uint8_t)digits[v >> 6 & 63] : '=';
        out[at++] = i + 2 < n ? (uint8_t)digits[v & 63] : '=';
    }
    memcpy(out + at, end, sizeof end - 1);
    return at + sizeof end - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t text[FUZZ_SSHSIG_MAX * 2], buf[FUZZ_SSHSIG_MAX * 4];
    struct nacre_bytes file = {data + 1, n - 1};
    struct nacre_sshsig s;

    if (n == 0 || n > FUZZ_SSHSIG_MAX)
        return 0;
    if (data[0] % 2 != 0) {
        file.n = fuzz_sshsig_armor(text, data + 1, n - 1);
        file.p = text;
    }
    if (nacre_sshsig_decode(&s, file, buf, sizeof buf, NULL) == NACRE_OK)
        fuzz_sshsig_again(&s);
    return 0;
}
