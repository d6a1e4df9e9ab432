/* SPDX-License-Identifier: ISC
 *
 * Signatures of security keys: sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com, and
 * the same ECDSA keys through a browser, webauthn-sk-ecdsa-sha2-nistp256@openssh.com (OpenSSH's
 * PROTOCOL.u2f; W3C Web Authentication level 2, sections 5.8.1 and 6.1).
 *
 * The key signs SHA-256(application) || flags || counter || extensions || SHA-256(message), where
 * the message is the data itself, without extensions; a browser's is a JSON text about the data.
 * That text is not parsed: it must begin as browsers write it, type, challenge and origin in this
 * order, the challenge being the data in base64url without padding and the origin the one in the
 * signature, in which no quotation mark may stand. What follows it (crossOrigin, ...) is ignored.
 *
 * Not here: the counter, which tells of copied keys only who remembers it; attestation.
 */
#include "proto/sig_sk.h"

#include <string.h>

#include "proto/alg.h"
#include "proto/limits.h"

#define SIGSK_ED25519 "sk-ssh-ed25519@openssh.com"
#define SIGSK_ECDSA "sk-ecdsa-sha2-nistp256@openssh.com"
#define SIGSK_WEBAUTHN "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"

/* The parts of a signature blob. */
struct sigsk_parts {
    struct nacre_bytes name, value;
    uint8_t flags;
    uint32_t counter;
    struct nacre_bytes origin, client_data, extensions; /* of a browser's, else empty */
};

/* ---- Taking apart ------------------------------------------------------------------------- */

static bool sigsk_has_byte(struct nacre_bytes b, uint8_t byte)
{
    size_t i;

    for (i = 0; i < b.n; i++)
        if (b.p[i] == byte)
            return true;
    return false;
}

static bool sigsk_read_application(struct ncr_sk *k, struct ncr_rd *r)
{
    k->application = ncr_rd_string(r);
    return !r->bad && !sigsk_has_byte(k->application, 0);
}

bool ncr_sk_read_ed25519(struct ncr_sk *k, struct ncr_rd *r)
{
    k->pub = ncr_rd_string(r);
    return k->pub.n == NACRE_ED25519_PUB_LEN && sigsk_read_application(k, r);
}

bool ncr_sk_read_ecdsa(struct ncr_sk *k, struct ncr_rd *r)
{
    k->pub = ncr_ecdsa_read_point(r, &ncr_ecdsa_nistp256);
    return k->pub.p != NULL && sigsk_read_application(k, r);
}

static bool sigsk_read_sig(struct sigsk_parts *s, struct nacre_bytes sig)
{
    struct ncr_rd r = ncr_rd(sig);

    memset(s, 0, sizeof *s);
    s->name = ncr_rd_string(&r);
    s->value = ncr_rd_string(&r);
    s->flags = ncr_rd_u8(&r);
    s->counter = ncr_rd_u32(&r);
    if (nacre_bytes_is(s->name, SIGSK_WEBAUTHN)) {
        s->origin = ncr_rd_string(&r);
        s->client_data = ncr_rd_string(&r);
        s->extensions = ncr_rd_string_max(&r, NCR_SK_EXTENSIONS_MAX);
    }
    return ncr_rd_end(&r);
}

bool ncr_sk_flags(uint8_t *flags, uint32_t *counter, struct nacre_bytes sig)
{
    struct sigsk_parts s;

    *flags = 0;
    *counter = 0;
    if (!sigsk_read_sig(&s, sig) ||
        !(nacre_bytes_is(s.name, SIGSK_ED25519) || nacre_bytes_is(s.name, SIGSK_ECDSA) ||
          nacre_bytes_is(s.name, SIGSK_WEBAUTHN)))
        return false;
    *flags = s.flags;
    *counter = s.counter;
    return true;
}

bool nacre_sk_flags(uint8_t *flags, struct nacre_bytes sig)
{
    uint32_t counter;

    return ncr_sk_flags(flags, &counter, sig);
}

/* ---- What a browser signs ----------------------------------------------------------------- */

/* Takes text off the start of *b, which must begin with it. */
static bool sigsk_skip(struct nacre_bytes *b, struct nacre_bytes text)
{
    if (b->n < text.n || (text.n > 0 && memcmp(b->p, text.p, text.n) != 0))
        return false;
    b->p += text.n;
    b->n -= text.n;
    return true;
}

/* The same for data in base64url without padding (RFC 4648 section 5), three bytes at a time. */
static bool sigsk_skip_base64url(struct nacre_bytes *b, struct nacre_bytes data)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    uint8_t text[4];
    struct nacre_bytes four = {text, 4};
    size_t at;

    for (at = 0; at < data.n; at += 3) {
        const size_t n = data.n - at < 3 ? data.n - at : 3;
        const uint8_t second = n > 1 ? data.p[at + 1] : 0;
        const uint8_t third = n > 2 ? data.p[at + 2] : 0;

        text[0] = (uint8_t)digits[data.p[at] >> 2];
        text[1] = (uint8_t)digits[(data.p[at] & 3) << 4 | second >> 4];
        text[2] = (uint8_t)digits[(second & 15) << 2 | third >> 6];
        text[3] = (uint8_t)digits[third & 63];
        four.n = n + 1;
        if (!sigsk_skip(b, four))
            return false;
    }
    return true;
}

/* True if the client data are about the data and the origin, and the flags are true of the rest. */
static bool sigsk_browser_ok(const struct sigsk_parts *s, struct nacre_bytes data)
{
    struct nacre_bytes text = s->client_data;

    return !sigsk_has_byte(s->origin, '"') && !sigsk_has_byte(s->origin, 0) &&
           (s->flags & NCR_SK_ATTESTED) == 0 &&
           ((s->flags & NCR_SK_EXTENDED) != 0) == (s->extensions.n > 0) &&
           sigsk_skip(&text, nacre_bytes_str("{\"type\":\"webauthn.get\",\"challenge\":\"")) &&
           sigsk_skip_base64url(&text, data) &&
           sigsk_skip(&text, nacre_bytes_str("\",\"origin\":\"")) && sigsk_skip(&text, s->origin) &&
           sigsk_skip(&text, nacre_bytes_str("\""));
}

/* ---- Verification ------------------------------------------------------------------------- */

static void sigsk_put_hash(struct ncr_wr *w, struct nacre_bytes b)
{
    struct nacre_sha256 c;
    uint8_t digest[NACRE_SHA256_LEN];

    nacre_sha256_init(&c);
    nacre_sha256_update(&c, b.p, b.n);
    nacre_sha256_final(digest, &c);
    ncr_wr_bytes(w, digest, sizeof digest);
}

#define SIGSK_SIGNED_MAX (NACRE_SHA256_LEN + 1 + 4 + NCR_SK_EXTENSIONS_MAX + NACRE_SHA256_LEN)
_Static_assert(NACRE_EC_WORK + SIGSK_SIGNED_MAX / 8 < NACRE_WORK / 2,
               "behind it, others have data");

/* What the key has signed, put together behind the part of work that verification uses. */
static struct nacre_bytes sigsk_signed(const struct ncr_sk *k, const struct sigsk_parts *s,
                                       struct nacre_bytes message, uint64_t *work)
{
    struct ncr_wr w = ncr_wr((uint8_t *)(work + NACRE_EC_WORK), SIGSK_SIGNED_MAX);

    sigsk_put_hash(&w, k->application);
    ncr_wr_u8(&w, s->flags);
    ncr_wr_u32(&w, s->counter);
    ncr_wr_bytes(&w, s->extensions.p, s->extensions.n);
    sigsk_put_hash(&w, message);
    return ncr_wr_done(&w);
}

static nacre_err sigsk_check_ed25519(struct ncr_sk *k, struct nacre_bytes key)
{
    struct ncr_rd r = ncr_rd(key);
    struct nacre_bytes name = ncr_rd_string(&r);

    if (!nacre_bytes_is(name, SIGSK_ED25519) || !ncr_sk_read_ed25519(k, &r) || !ncr_rd_end(&r))
        return NACRE_ERR_KEY_FORMAT;
    return nacre_ed25519_trustworthy_vartime(k->pub.p) ? NACRE_OK : NACRE_ERR_KEY_REFUSED;
}

static nacre_err sigsk_check_ecdsa(struct ncr_sk *k, struct nacre_bytes key)
{
    struct ncr_rd r = ncr_rd(key);
    struct nacre_bytes name = ncr_rd_string(&r);

    if (!nacre_bytes_is(name, SIGSK_ECDSA) || !ncr_sk_read_ecdsa(k, &r) || !ncr_rd_end(&r))
        return NACRE_ERR_KEY_FORMAT;
    return NACRE_OK;
}

static nacre_err sigsk_verify_ed25519(const struct ncr_sk *k, const struct sigsk_parts *s,
                                      struct nacre_bytes data, uint64_t *work)
{
    struct nacre_bytes m = sigsk_signed(k, s, data, work);

    if (s->value.n != NACRE_ED25519_SIG_LEN)
        return NACRE_ERR_SIG_FORMAT;
    return nacre_ed25519_verify_vartime(k->pub.p, m.p, m.n, s->value.p) ? NACRE_OK : NACRE_ERR_SIG;
}

static nacre_err sigsk_verify_ecdsa(const struct ncr_sk *k, const struct sigsk_parts *s,
                                    struct nacre_bytes data, uint64_t *work)
{
    return ncr_ecdsa_verify(&ncr_ecdsa_nistp256, k->pub, sigsk_signed(k, s, data, work), s->value,
                            work);
}

static nacre_err sigsk_verify_webauthn(const struct ncr_sk *k, const struct sigsk_parts *s,
                                       struct nacre_bytes data, uint64_t *work)
{
    if (!sigsk_browser_ok(s, data))
        return NACRE_ERR_SIG;
    return ncr_ecdsa_verify(&ncr_ecdsa_nistp256, k->pub, sigsk_signed(k, s, s->client_data, work),
                            s->value, work);
}

/* The algorithms: whose keys, and what has been signed. */
struct sigsk_alg {
    const char *name;
    nacre_err (*check)(struct ncr_sk *k, struct nacre_bytes key);
    nacre_err (*prove)(const struct ncr_sk *k, const struct sigsk_parts *s, struct nacre_bytes data,
                       uint64_t *work);
};

static const struct sigsk_alg sigsk_alg_ed25519 = {
    .name = SIGSK_ED25519,
    .check = sigsk_check_ed25519,
    .prove = sigsk_verify_ed25519,
};

static const struct sigsk_alg sigsk_alg_ecdsa = {
    .name = SIGSK_ECDSA,
    .check = sigsk_check_ecdsa,
    .prove = sigsk_verify_ecdsa,
};

static const struct sigsk_alg sigsk_alg_webauthn = {
    .name = SIGSK_WEBAUTHN,
    .check = sigsk_check_ecdsa,
    .prove = sigsk_verify_webauthn,
};

static const struct sigsk_alg *const sigsk_algs[] = {&sigsk_alg_ed25519, &sigsk_alg_ecdsa,
                                                     &sigsk_alg_webauthn, NULL};

static nacre_err sigsk_verify(const struct sigsk_alg *alg, struct nacre_bytes key,
                              struct nacre_bytes data, struct nacre_bytes sig, uint8_t demand,
                              uint64_t *work)
{
    struct ncr_sk k;
    struct sigsk_parts s;
    nacre_err err = alg->check(&k, key);

    if (err != NACRE_OK)
        return err;
    if (!sigsk_read_sig(&s, sig) || !nacre_bytes_is(s.name, alg->name))
        return NACRE_ERR_SIG_FORMAT;
    err = alg->prove(&k, &s, data, work);
    if (err == NACRE_OK && (s.flags & demand) != demand)
        err = NACRE_ERR_SIG;
    return err;
}

nacre_err ncr_sk_verify(struct nacre_bytes alg, struct nacre_bytes key, struct nacre_bytes data,
                        struct nacre_bytes sig, uint8_t demand, uint64_t *work)
{
    size_t i;

    for (i = 0; sigsk_algs[i] != NULL; i++) {
        if (nacre_bytes_is(alg, sigsk_algs[i]->name))
            return sigsk_verify(sigsk_algs[i], key, data, sig, demand, work);
    }
    return NACRE_ERR_UNKNOWN_ALG;
}

/* ---- Rows --------------------------------------------------------------------------------- */

static nacre_err sigsk_ed25519_check_key(struct nacre_bytes key)
{
    struct ncr_sk k;

    return sigsk_check_ed25519(&k, key);
}

static nacre_err sigsk_ecdsa_check_key(struct nacre_bytes key)
{
    struct ncr_sk k;

    return sigsk_check_ecdsa(&k, key);
}

static nacre_err sigsk_ed25519_verify(struct nacre_bytes key, struct nacre_bytes data,
                                      struct nacre_bytes sig, uint64_t *work)
{
    return sigsk_verify(&sigsk_alg_ed25519, key, data, sig, NCR_SK_PRESENT, work);
}

static nacre_err sigsk_ecdsa_verify(struct nacre_bytes key, struct nacre_bytes data,
                                    struct nacre_bytes sig, uint64_t *work)
{
    return sigsk_verify(&sigsk_alg_ecdsa, key, data, sig, NCR_SK_PRESENT, work);
}

static nacre_err sigsk_webauthn_verify(struct nacre_bytes key, struct nacre_bytes data,
                                       struct nacre_bytes sig, uint64_t *work)
{
    return sigsk_verify(&sigsk_alg_webauthn, key, data, sig, NCR_SK_PRESENT, work);
}

static nacre_err sigsk_ed25519_verify_sk(struct nacre_bytes key, struct nacre_bytes data,
                                         struct nacre_bytes sig, uint8_t demand, uint64_t *work)
{
    return sigsk_verify(&sigsk_alg_ed25519, key, data, sig, demand, work);
}

static nacre_err sigsk_ecdsa_verify_sk(struct nacre_bytes key, struct nacre_bytes data,
                                       struct nacre_bytes sig, uint8_t demand, uint64_t *work)
{
    return sigsk_verify(&sigsk_alg_ecdsa, key, data, sig, demand, work);
}

static nacre_err sigsk_webauthn_verify_sk(struct nacre_bytes key, struct nacre_bytes data,
                                          struct nacre_bytes sig, uint8_t demand, uint64_t *work)
{
    return sigsk_verify(&sigsk_alg_webauthn, key, data, sig, demand, work);
}

const struct ncr_sig ncr_sig_sk_ed25519 = {
    .name = SIGSK_ED25519,
    .key_type = SIGSK_ED25519,
    .check_key = sigsk_ed25519_check_key,
    .verify = sigsk_ed25519_verify,
    .verify_sk = sigsk_ed25519_verify_sk,
};

const struct ncr_sig ncr_sig_sk_ecdsa = {
    .name = SIGSK_ECDSA,
    .key_type = SIGSK_ECDSA,
    .check_key = sigsk_ecdsa_check_key,
    .verify = sigsk_ecdsa_verify,
    .verify_sk = sigsk_ecdsa_verify_sk,
};

const struct ncr_sig ncr_sig_webauthn_sk_ecdsa = {
    .name = SIGSK_WEBAUTHN,
    .key_type = SIGSK_ECDSA,
    .check_key = sigsk_ecdsa_check_key,
    .verify = sigsk_webauthn_verify,
    .verify_sk = sigsk_webauthn_verify_sk,
};
