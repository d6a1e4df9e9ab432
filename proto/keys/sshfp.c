/* SPDX-License-Identifier: ISC
 *
 * SSHFP records: see nacre_sshfp.h. RFC 4255 (record, SHA-1), RFC 6594 (ECDSA, SHA-256), RFC 7479
 * (Ed25519), RFC 3597 section 5 (records of unknown types as text).
 */
#include "proto/keys/nacre_sshfp.h"

#include <string.h>

#include "proto/keys/key_type.h"
#include "proto/keys/text.h"

static const struct {
    const char *type;
    uint8_t number;
} sshfp_numbers[] = {
    {"ssh-rsa", 1},
    {"ssh-dss", 2},
    {"ecdsa-sha2-nistp256", 3},
    {"ecdsa-sha2-nistp384", 3},
    {"ecdsa-sha2-nistp521", 3},
    {"ssh-ed25519", 4},
    {"ssh-ed448", 6},
};

unsigned nacre_sshfp_number(struct nacre_bytes type_name)
{
    size_t i;

    for (i = 0; i < sizeof sshfp_numbers / sizeof sshfp_numbers[0]; i++)
        if (nacre_bytes_is(type_name, sshfp_numbers[i].type))
            return sshfp_numbers[i].number;
    return 0;
}

static unsigned sshfp_number_of(struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);

    return nacre_sshfp_number(ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX));
}

/* NULL: not understood. */
static const struct nacre_hash *sshfp_hash(unsigned number)
{
    if (number == NACRE_SSHFP_SHA1)
        return &nacre_hash_sha1;
    return number == NACRE_SSHFP_SHA256 ? &nacre_hash_sha256 : NULL;
}

static void sshfp_digest(uint8_t out[NACRE_HASH_MAX_LEN], const struct nacre_hash *hash,
                         struct nacre_bytes blob)
{
    union nacre_hash_ctx ctx;

    hash->init(&ctx);
    hash->update(&ctx, blob.p, blob.n);
    hash->final(out, &ctx);
}

/* ---- Text ---- */

static char *sshfp_put(char *p, const char *text)
{
    size_t n = strlen(text);

    memcpy(p, text, n);
    return p + n;
}

/* A number below 100, in two digits if wanted. */
static char *sshfp_put_number(char *p, unsigned v, bool two)
{
    if (two || v >= 10)
        *p++ = (char)('0' + v / 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

static bool sshfp_name_good(const char *host)
{
    struct nacre_bytes name = nacre_bytes_str(host);

    return name.n > 0 && name.n <= NACRE_SSHFP_NAME_MAX && !ncr_text_has_control(name) &&
           !ncr_text_has(name, ' ');
}

nacre_err nacre_sshfp_format(char *out, size_t cap, const char *host, struct nacre_bytes blob,
                             enum nacre_sshfp_hash hash, bool generic)
{
    static const char hex[] = "0123456789abcdef";
    const struct nacre_hash *h = sshfp_hash((unsigned)hash);
    const unsigned number = sshfp_number_of(blob);
    uint8_t digest[NACRE_HASH_MAX_LEN];
    struct nacre_pubkey k;
    char *p = out;
    size_t i;

    if (cap > 0)
        out[0] = '\0';
    if (!sshfp_name_good(host))
        return NACRE_ERR_USAGE;
    if (number == 0 || h == NULL)
        return NACRE_ERR_UNKNOWN_ALG;
    if (nacre_pubkey_decode(&k, blob) != NACRE_OK && k.blob.n == 0)
        return NACRE_ERR_KEY_FORMAT;
    if (cap < strlen(host) + NACRE_SSHFP_TEXT_LEN)
        return NACRE_ERR_NO_ROOM;
    p = sshfp_put(p, host);
    p = sshfp_put(p, generic ? " IN TYPE44 \\# " : " IN SSHFP ");
    if (generic)
        p = sshfp_put(sshfp_put_number(p, (unsigned)h->len + 2, false), " ");
    p = sshfp_put(sshfp_put_number(p, number, generic), " ");
    p = sshfp_put(sshfp_put_number(p, (unsigned)hash, generic), " ");
    sshfp_digest(digest, h, blob);
    for (i = 0; i < h->len; i++) {
        *p++ = hex[digest[i] >> 4];
        *p++ = hex[digest[i] & 15];
    }
    *p = '\0';
    return NACRE_OK;
}

/* ---- Comparing ---- */

void nacre_sshfp_record(struct nacre_sshfp *q, struct nacre_bytes blob, struct nacre_bytes rdata)
{
    struct ncr_rd r = ncr_rd(rdata);
    const unsigned number = ncr_rd_u8(&r);
    const struct nacre_hash *hash = sshfp_hash(ncr_rd_u8(&r));
    struct nacre_bytes fingerprint = ncr_rd_rest(&r);
    uint8_t digest[NACRE_HASH_MAX_LEN];
    struct nacre_bytes own = {digest, 0};

    if (!q->validated || r.bad || hash == NULL || number == 0 || number != sshfp_number_of(blob))
        return;
    sshfp_digest(digest, hash, blob);
    own.n = hash->len;
    if (!ncr_bytes_eq(own, fingerprint))
        q->verdict = NACRE_SSHFP_REFUSED;
    else if (q->verdict == NACRE_SSHFP_NONE)
        q->verdict = NACRE_SSHFP_MATCH;
}
