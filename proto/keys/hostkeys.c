/* SPDX-License-Identifier: ISC
 *
 * Further host keys and their proofs: see nacre_hostkeys.h (OpenSSH's PROTOCOL, 2.5).
 *
 * A proof is over the session id, so that one of another session is worth nothing, and begins with
 * a string of its own, so that it cannot be taken for the signature of a key exchange, whose data
 * is a bare hash, or for one of authentication, which begins with the session id.
 */
#include "proto/keys/nacre_hostkeys.h"

#include <string.h>

#include "proto/limits.h"
#include "proto/wire.h"

#define HOSTKEYS_PROVE "hostkeys-prove-00@openssh.com"

_Static_assert(NACRE_HOSTKEYS_MAX == NCR_HOSTKEYS_MAX, "one limit, two names");
_Static_assert(NACRE_HOSTKEYS_BYTES_MAX == NCR_HOSTKEYS_BYTES_MAX, "one limit, two names");

nacre_err nacre_hostkeys_decode(struct nacre_hostkeys *h, struct nacre_bytes data)
{
    struct ncr_rd r = ncr_rd(data);
    nacre_err err = data.n > NACRE_HOSTKEYS_BYTES_MAX ? NACRE_ERR_LIMIT : NACRE_OK;

    memset(h, 0, sizeof *h);
    while (err == NACRE_OK && !ncr_rd_end(&r)) {
        struct nacre_bytes blob = ncr_rd_string(&r);

        if (r.bad || blob.n == 0)
            err = NACRE_ERR_FORMAT;
        else if (h->n == NACRE_HOSTKEYS_MAX)
            err = NACRE_ERR_LIMIT;
        else
            h->blob[h->n++] = blob;
    }
    if (err != NACRE_OK)
        memset(h, 0, sizeof *h);
    return err;
}

nacre_err nacre_hostkeys_encode(uint8_t *out, size_t cap, size_t *n,
                                const struct nacre_bytes *blobs, size_t n_blobs)
{
    struct ncr_wr w = ncr_wr(out, cap);
    size_t i;

    *n = 0;
    if (n_blobs > NACRE_HOSTKEYS_MAX)
        return NACRE_ERR_LIMIT;
    for (i = 0; i < n_blobs; i++)
        ncr_wr_string(&w, blobs[i]);
    if (w.bad)
        return NACRE_ERR_NO_ROOM;
    if (w.n > NACRE_HOSTKEYS_BYTES_MAX)
        return NACRE_ERR_LIMIT;
    *n = w.n;
    return NACRE_OK;
}

nacre_err nacre_hostkeys_message(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes session_id,
                                 struct nacre_bytes blob)
{
    struct ncr_wr w = ncr_wr(out, cap);

    *n = 0;
    if (session_id.n == 0)
        return NACRE_ERR_USAGE;
    ncr_wr_cstring(&w, HOSTKEYS_PROVE);
    ncr_wr_string(&w, session_id);
    ncr_wr_string(&w, blob);
    if (w.bad)
        return NACRE_ERR_NO_ROOM;
    *n = w.n;
    return NACRE_OK;
}

/* The algorithm of the type that was negotiated, unless it is one for old devices (SHA-1); else
 * NULL. */
static const char *hostkeys_negotiated(struct nacre_bytes type_name, const char *host_key_alg)
{
    struct nacre_bytes alg = nacre_bytes_str(host_key_alg);
    const char *plain = nacre_alg_plain(alg);
    char out[NACRE_KEY_NAME_MAX + 1];
    const char *own;
    size_t i;

    if (plain != NULL)
        alg = nacre_bytes_str(plain);
    for (i = 0; (own = nacre_key_type_alg(type_name, i)) != NULL; i++) {
        if (nacre_bytes_is(alg, own) &&
            nacre_algs_expand(out, sizeof out, &nacre_algs_default, NACRE_ALG_SIG,
                              NACRE_PROFILE_MODERN, own) == NACRE_OK)
            return own;
    }
    return NULL;
}

const char *nacre_hostkeys_alg(struct nacre_bytes type_name, const char *host_key_alg)
{
    const char *negotiated = hostkeys_negotiated(type_name, host_key_alg);

    return negotiated != NULL ? negotiated : nacre_key_type_alg(type_name, 0);
}

/* Whether a signature by a key of the type may be of that algorithm: with RSA's host key the very
 * one that was negotiated, else each that is the type's. */
static bool hostkeys_alg_fits(struct nacre_bytes type_name, struct nacre_bytes alg,
                              const char *host_key_alg)
{
    const char *negotiated = hostkeys_negotiated(type_name, host_key_alg);
    const char *own;
    size_t i;

    if (negotiated != NULL)
        return nacre_bytes_is(alg, negotiated);
    for (i = 0; (own = nacre_key_type_alg(type_name, i)) != NULL; i++) {
        if (nacre_bytes_is(alg, own))
            return true;
    }
    return false;
}

nacre_err nacre_hostkeys_verify(struct nacre_bytes blob, struct nacre_bytes sig,
                                struct nacre_bytes session_id, const char *host_key_alg,
                                uint8_t *buf, size_t cap, uint64_t *work)
{
    struct ncr_rd r = ncr_rd(sig);
    struct nacre_bytes alg = ncr_rd_string_max(&r, NACRE_KEY_NAME_MAX);
    struct nacre_bytes message = {buf, 0};
    struct nacre_pubkey key;
    nacre_err err = nacre_pubkey_decode(&key, blob);

    if (err != NACRE_OK)
        return err;
    if (r.bad)
        return NACRE_ERR_SIG_FORMAT;
    if (!hostkeys_alg_fits(key.name, alg, host_key_alg))
        return NACRE_ERR_UNKNOWN_ALG;
    err = nacre_hostkeys_message(buf, cap, &message.n, session_id, blob);
    if (err != NACRE_OK)
        return err;
    return nacre_sig_verify(&nacre_algs_default, alg, blob, message, sig, work);
}
