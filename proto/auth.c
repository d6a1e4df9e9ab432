/* SPDX-License-Identifier: ISC
 *
 * What both roles of authentication share: the table of methods, the user of the attempt, the key
 * under discussion and the data that it signs (RFC 4252 section 7).
 *
 * The data to sign lie in the scratch area, and in them, at their end, algorithm and key.
 */
#include "proto/auth.h"

#include <string.h>

static const struct ncr_auth_row auth_rows[] = {
    {"publickey", NACRE_AUTH_PUBLICKEY, NCR_METHOD_PUBLICKEY},
    {"password", NACRE_AUTH_PASSWORD, NCR_METHOD_PASSWORD},
    {"keyboard-interactive", NACRE_AUTH_INTERACTIVE, NCR_METHOD_INTERACTIVE},
    {"none", NACRE_AUTH_NONE, NCR_METHOD_NO_METHOD},
};

const struct ncr_auth_row *ncr_auth_row(size_t i)
{
    return i < sizeof auth_rows / sizeof auth_rows[0] ? &auth_rows[i] : NULL;
}

const struct ncr_auth_row *ncr_auth_row_by_name(struct nacre_bytes name)
{
    const struct ncr_auth_row *row;
    size_t i;

    for (i = 0; (row = ncr_auth_row(i)) != NULL; i++)
        if (nacre_bytes_is(name, row->name))
            return row;
    return NULL;
}

void ncr_auth_put_methods(struct ncr_wr *w, unsigned set)
{
    size_t mark = ncr_wr_string_begin(w);
    const struct ncr_auth_row *row;
    size_t i;

    for (i = 0; (row = ncr_auth_row(i)) != NULL; i++) {
        if ((set & row->bit) == 0 || row->bit == NACRE_AUTH_NONE)
            continue;
        if (w->n > mark + 4)
            ncr_wr_u8(w, ',');
        ncr_wr_bytes(w, (const uint8_t *)row->name, strlen(row->name));
    }
    ncr_wr_string_end(w, mark);
}

unsigned ncr_auth_set(struct nacre_bytes list)
{
    struct nacre_bytes name;
    unsigned set = 0;

    while (ncr_list_next(&list, &name)) {
        const struct ncr_auth_row *row = ncr_auth_row_by_name(name);

        if (row != NULL)
            set |= row->bit;
    }
    return set;
}

/* Strings, bytes and lengths around the keys in the data to sign. */
#define AUTH_AROUND_MAX (NACRE_HASH_MAX_LEN + NCR_USER_MAX + NCR_ALG_NAME_MAX + 128)
#define AUTH_KEYS_MAX (NCR_SCRATCH_AUTH_LEN - AUTH_AROUND_MAX)

nacre_err ncr_auth_save_key(struct nacre_conn *c, struct nacre_bytes alg, struct nacre_bytes blob,
                            const struct nacre_bytes *host)
{
    struct ncr_wr w = ncr_wr(ncr_scratch(c, NCR_SCRATCH_AUTH), NCR_SCRATCH_AUTH_LEN);

    /* PK_OK repeats the blob: it has to fit what is kept for replies. */
    if (alg.n > NCR_ALG_NAME_MAX || blob.n > AUTH_KEYS_MAX ||
        blob.n > ncr_out_reserve(c) - AUTH_AROUND_MAX ||
        (host != NULL && host->n > AUTH_KEYS_MAX - blob.n))
        return NACRE_ERR_USAGE;
    ncr_wr_string(&w, nacre_conn_session_id(c));
    ncr_wr_u8(&w, NCR_MSG_USERAUTH_REQUEST);
    ncr_wr_string(&w, ncr_auth_user(c));
    ncr_wr_cstring(&w, "ssh-connection");
    ncr_wr_cstring(&w, host != NULL ? NCR_AUTH_HOSTBOUND : "publickey");
    ncr_wr_bool(&w, true);
    ncr_wr_string(&w, alg);
    ncr_wr_string(&w, blob);
    if (host != NULL)
        ncr_wr_string(&w, *host);
    if (w.bad)
        return NACRE_ERR_INTERNAL;
    c->auth.host_len = host != NULL ? 4 + (uint32_t)host->n : 0;
    c->auth.alg_len = (uint32_t)alg.n;
    c->auth.blob_len = (uint32_t)blob.n;
    c->auth.data_len = (uint32_t)ncr_wr_done(&w).n;
    return NACRE_OK;
}

/* The n bytes of the saved data that end `before` bytes before their end. */
static struct nacre_bytes auth_saved(const struct nacre_conn *c, size_t n, size_t before)
{
    struct nacre_bytes b = {ncr_scratch(c, NCR_SCRATCH_AUTH) + c->auth.data_len - before - n, n};

    return b;
}

struct nacre_bytes ncr_auth_saved_alg(const struct nacre_conn *c)
{
    return auth_saved(c, c->auth.alg_len, 4 + (size_t)c->auth.blob_len + c->auth.host_len);
}

struct nacre_bytes ncr_auth_saved_blob(const struct nacre_conn *c)
{
    return auth_saved(c, c->auth.blob_len, c->auth.host_len);
}

struct nacre_bytes ncr_auth_saved_host(const struct nacre_conn *c)
{
    const struct nacre_bytes none = {NULL, 0};

    return c->auth.host_len > 4 ? auth_saved(c, c->auth.host_len - 4, 0) : none;
}

struct nacre_bytes ncr_auth_signed_data(const struct nacre_conn *c)
{
    return auth_saved(c, c->auth.data_len, 0);
}

static size_t auth_late_room(const struct nacre_conn *c, size_t sig_len)
{
    const size_t n = AUTH_AROUND_MAX + c->auth.blob_len + c->auth.host_len + sig_len;

    /* what may be added by compression grows with the room that is counted, a little */
    return ncr_out_reserve(c) + ncr_pkt_sealed_len(&c->tx, n) + NCR_PKT_PAD_MAX +
           NCR_COMP_GROWTH(n) + 64;
}

size_t ncr_auth_late_room(const struct nacre_conn *c)
{
    return auth_late_room(c, c->auth.sig_len);
}

bool ncr_auth_keep(struct nacre_conn *c, enum ncr_auth_late late, struct nacre_bytes sig)
{
    const size_t n = 4 + (size_t)c->auth.alg_len + 4 + c->auth.blob_len + c->auth.host_len;
    uint8_t *p = ncr_scratch(c, NCR_SCRATCH_AUTH);

    if (sig.n > NCR_SCRATCH_AUTH_LEN - n || auth_late_room(c, sig.n) > c->out_cap)
        return false;
    if (sig.n > 0) {
        memmove(p, p + c->auth.data_len - n, n);
        memmove(p + n, sig.p, sig.n);
        c->auth.data_len = (uint32_t)n;
    }
    c->auth.sig_len = (uint32_t)sig.n;
    c->auth.late = (uint8_t)late;
    return true;
}

struct nacre_bytes ncr_auth_kept_sig(const struct nacre_conn *c)
{
    struct nacre_bytes b = {ncr_scratch(c, NCR_SCRATCH_AUTH) + c->auth.data_len, c->auth.sig_len};

    return b;
}

bool ncr_auth_is_host(const struct nacre_conn *c, struct nacre_bytes host_key)
{
    uint8_t digest[NACRE_SHA256_LEN];
    struct nacre_sha256 ctx;

    nacre_sha256_init(&ctx);
    nacre_sha256_update(&ctx, host_key.p, host_key.n);
    nacre_sha256_final(digest, &ctx);
    return c->first_kex_done && nacre_ct_eq(digest, c->host_key_hash, sizeof digest);
}

bool ncr_auth_set_user(struct nacre_conn *c, struct nacre_bytes user)
{
    bool same = ncr_bytes_eq(user, ncr_auth_user(c));

    memcpy(c->auth.user, user.p, user.n < NCR_USER_MAX ? user.n : NCR_USER_MAX);
    c->auth.user_len = (uint8_t)(user.n < NCR_USER_MAX ? user.n : NCR_USER_MAX);
    return same;
}

struct nacre_bytes ncr_auth_user(const struct nacre_conn *c)
{
    struct nacre_bytes b = {c->auth.user, c->auth.user_len};

    return b;
}
