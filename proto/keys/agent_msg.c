/* SPDX-License-Identifier: ISC
 *
 * Messages of the agent protocol, RFC 9987: requests and replies, both ways. A message is
 *
 *     uint32 length of the rest, byte type, contents
 *
 * Which reply answers which request is a table here; a reply of another type is an error before
 * its contents are looked at. Private keys and constraints: agent_key.c, agent_constraint.c.
 */
#include <string.h>

#include "proto/keys/agent.h"
#include "proto/limits.h"

_Static_assert(NACRE_AGENT_MSG_MAX == NCR_AGENT_MSG_MAX, "one limit, two names");
_Static_assert(NACRE_AGENT_KEYS_MAX == NCR_AGENT_KEYS_MAX, "one limit, two names");
_Static_assert(NACRE_AGENT_PASSPHRASE_MAX == NCR_AGENT_PASSPHRASE_MAX, "one limit, two names");

nacre_err nacre_agent_frame(struct nacre_bytes *msg, size_t *used, size_t *used_next,
                            struct nacre_bytes stream)
{
    struct ncr_rd r = ncr_rd(stream);
    uint32_t len;

    msg->p = NULL;
    msg->n = 0;
    *used = 0;
    *used_next = NACRE_AGENT_LEN;
    if (stream.n < NACRE_AGENT_LEN)
        return NACRE_OK;
    len = ncr_rd_u32(&r);
    if (len == 0 || len > NACRE_AGENT_MSG_MAX)
        return NACRE_ERR_LIMIT;
    *used_next = NACRE_AGENT_LEN + len;
    if (r.n >= len) {
        *msg = ncr_rd_bytes(&r, len);
        *used = *used_next;
    }
    return NACRE_OK;
}

/* ---- Writing ---- */

struct ncr_wr ncr_agent_begin(uint8_t *out, size_t cap, enum nacre_agent_type type)
{
    struct ncr_wr w = ncr_wr(out, cap);

    (void)ncr_wr_string_begin(&w); /* at 0 */
    ncr_wr_u8(&w, (uint8_t)type);
    return w;
}

nacre_err ncr_agent_end(struct ncr_wr *w, size_t *n)
{
    *n = 0;
    ncr_wr_string_end(w, 0);
    if (w->bad)
        return NACRE_ERR_NO_ROOM;
    if (w->n - NACRE_AGENT_LEN > NACRE_AGENT_MSG_MAX)
        return NACRE_ERR_LIMIT;
    *n = w->n;
    return NACRE_OK;
}

static nacre_err agent_put_type(uint8_t *out, size_t cap, size_t *n, enum nacre_agent_type type)
{
    struct ncr_wr w = ncr_agent_begin(out, cap, type);

    return ncr_agent_end(&w, n);
}

static nacre_err agent_put_string(uint8_t *out, size_t cap, size_t *n, enum nacre_agent_type type,
                                  struct nacre_bytes b)
{
    struct ncr_wr w = ncr_agent_begin(out, cap, type);

    ncr_wr_string(&w, b);
    return ncr_agent_end(&w, n);
}

nacre_err nacre_agent_put_request(uint8_t *out, size_t cap, size_t *n, enum nacre_agent_type type)
{
    *n = 0;
    if (type != NACRE_AGENT_REQUEST_IDENTITIES && type != NACRE_AGENT_REMOVE_ALL_IDENTITIES)
        return NACRE_ERR_USAGE;
    return agent_put_type(out, cap, n, type);
}

nacre_err nacre_agent_put_sign(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes key,
                               struct nacre_bytes data, uint32_t flags)
{
    struct ncr_wr w = ncr_agent_begin(out, cap, NACRE_AGENT_SIGN_REQUEST);

    ncr_wr_string(&w, key);
    ncr_wr_string(&w, data);
    ncr_wr_u32(&w, flags);
    return ncr_agent_end(&w, n);
}

static const struct {
    const char *name;
    uint32_t flags;
} agent_flags[] = {
    {"rsa-sha2-256", NACRE_AGENT_RSA_SHA2_256},
    {"rsa-sha2-512", NACRE_AGENT_RSA_SHA2_512},
    {"rsa-sha2-256-cert-v01@openssh.com", NACRE_AGENT_RSA_SHA2_256},
    {"rsa-sha2-512-cert-v01@openssh.com", NACRE_AGENT_RSA_SHA2_512},
};

uint32_t nacre_agent_sign_flags(struct nacre_bytes alg)
{
    size_t i;

    for (i = 0; i < sizeof agent_flags / sizeof agent_flags[0]; i++)
        if (nacre_bytes_is(alg, agent_flags[i].name))
            return agent_flags[i].flags;
    return 0;
}

nacre_err nacre_agent_put_remove(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes key)
{
    return agent_put_string(out, cap, n, NACRE_AGENT_REMOVE_IDENTITY, key);
}

nacre_err nacre_agent_put_lock(uint8_t *out, size_t cap, size_t *n, enum nacre_agent_type type,
                               struct nacre_bytes passphrase)
{
    *n = 0;
    if ((type != NACRE_AGENT_LOCK && type != NACRE_AGENT_UNLOCK) ||
        passphrase.n > NACRE_AGENT_PASSPHRASE_MAX)
        return NACRE_ERR_USAGE;
    return agent_put_string(out, cap, n, type, passphrase);
}

nacre_err nacre_agent_put_extension(uint8_t *out, size_t cap, size_t *n, const char *name,
                                    struct nacre_bytes data)
{
    struct ncr_wr w = ncr_agent_begin(out, cap, NACRE_AGENT_EXTENSION);

    ncr_wr_cstring(&w, name);
    ncr_wr_bytes(&w, data.p, data.n);
    return ncr_agent_end(&w, n);
}

nacre_err nacre_agent_put_bind(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes host_key,
                               struct nacre_bytes session_id, struct nacre_bytes signature,
                               bool forwarding)
{
    struct ncr_wr w = ncr_agent_begin(out, cap, NACRE_AGENT_EXTENSION);

    ncr_wr_cstring(&w, NACRE_AGENT_EXT_BIND);
    ncr_wr_string(&w, host_key);
    ncr_wr_string(&w, session_id);
    ncr_wr_string(&w, signature);
    ncr_wr_bool(&w, forwarding);
    return ncr_agent_end(&w, n);
}

nacre_err nacre_agent_put_status(uint8_t *out, size_t cap, size_t *n, enum nacre_agent_type type)
{
    *n = 0;
    if (type != NACRE_AGENT_SUCCESS && type != NACRE_AGENT_FAILURE &&
        type != NACRE_AGENT_EXTENSION_FAILURE)
        return NACRE_ERR_USAGE;
    return agent_put_type(out, cap, n, type);
}

nacre_err nacre_agent_put_signature(uint8_t *out, size_t cap, size_t *n,
                                    struct nacre_bytes signature)
{
    return agent_put_string(out, cap, n, NACRE_AGENT_SIGN_RESPONSE, signature);
}

/* Where the number of keys stands. */
#define AGENT_COUNT_AT (NACRE_AGENT_LEN + 1)

nacre_err nacre_agent_list_begin(uint8_t *out, size_t cap, size_t *n)
{
    struct ncr_wr w = ncr_agent_begin(out, cap, NACRE_AGENT_IDENTITIES_ANSWER);

    ncr_wr_u32(&w, 0);
    return ncr_agent_end(&w, n);
}

nacre_err nacre_agent_list_append(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes blob,
                                  struct nacre_bytes comment)
{
    const struct nacre_bytes counted = {out + AGENT_COUNT_AT, 4};
    const size_t before = *n;
    struct ncr_rd r = ncr_rd(counted);
    struct ncr_wr w = ncr_wr(out, cap), count = ncr_wr(out + AGENT_COUNT_AT, 4);
    const uint32_t keys = ncr_rd_u32(&r);
    nacre_err err;

    if (keys >= NACRE_AGENT_KEYS_MAX)
        return NACRE_ERR_LIMIT;
    w.n = before;
    ncr_wr_string(&w, blob);
    ncr_wr_string(&w, comment);
    err = w.bad ? NACRE_ERR_NO_ROOM : ncr_agent_end(&w, n);
    if (err == NACRE_OK) {
        ncr_wr_u32(&count, keys + 1);
    } else { /* the length as it was */
        w = ncr_wr(out, NACRE_AGENT_LEN);
        ncr_wr_u32(&w, (uint32_t)(before - NACRE_AGENT_LEN));
        *n = before;
    }
    return err;
}

nacre_err nacre_agent_put_extensions(uint8_t *out, size_t cap, size_t *n, const char *const *names)
{
    struct ncr_wr w = ncr_agent_begin(out, cap, NACRE_AGENT_EXTENSION_RESPONSE);

    ncr_wr_cstring(&w, NACRE_AGENT_EXT_QUERY);
    for (; *names != NULL; names++)
        ncr_wr_cstring(&w, *names);
    return ncr_agent_end(&w, n);
}

/* ---- Reading replies ---- */

/* What answers a request besides FAILURE. */
static bool agent_answers(enum nacre_agent_type reply, enum nacre_agent_type request)
{
    switch (request) {
    case NACRE_AGENT_REQUEST_IDENTITIES:
        return reply == NACRE_AGENT_IDENTITIES_ANSWER;
    case NACRE_AGENT_SIGN_REQUEST:
        return reply == NACRE_AGENT_SIGN_RESPONSE;
    case NACRE_AGENT_EXTENSION:
        return reply == NACRE_AGENT_SUCCESS || reply == NACRE_AGENT_EXTENSION_FAILURE ||
               reply == NACRE_AGENT_EXTENSION_RESPONSE;
    default:
        return reply == NACRE_AGENT_SUCCESS;
    }
}

bool nacre_agent_identity_next(struct nacre_bytes *keys, struct nacre_agent_identity *id)
{
    struct ncr_rd r = ncr_rd(*keys);

    id->blob = ncr_rd_string(&r);
    id->comment = ncr_rd_string(&r);
    *keys = ncr_rd_rest(&r);
    if (!r.bad)
        return true;
    memset(id, 0, sizeof *id);
    keys->n = 0;
    return false;
}

/* The count and the keys that are there must agree; a count is compared, never believed. */
static nacre_err agent_read_keys(struct nacre_agent_reply *r, struct ncr_rd *rd)
{
    const uint32_t claimed = ncr_rd_u32(rd);
    struct nacre_agent_identity id;
    struct nacre_bytes rest;

    r->keys = ncr_rd_rest(rd);
    if (claimed > NACRE_AGENT_KEYS_MAX)
        return NACRE_ERR_LIMIT;
    rest = r->keys;
    for (r->n_keys = 0; r->n_keys < claimed; r->n_keys++)
        if (!nacre_agent_identity_next(&rest, &id))
            return NACRE_ERR_FORMAT;
    return rest.n == 0 ? NACRE_OK : NACRE_ERR_FORMAT;
}

static nacre_err agent_read_reply(struct nacre_agent_reply *r, enum nacre_agent_type request,
                                  struct ncr_rd *rd)
{
    switch (r->type) {
    case NACRE_AGENT_IDENTITIES_ANSWER:
        return agent_read_keys(r, rd);
    case NACRE_AGENT_SIGN_RESPONSE:
        r->signature = ncr_rd_string_max(rd, NCR_SIG_BLOB_MAX);
        return NACRE_OK;
    case NACRE_AGENT_EXTENSION_RESPONSE:
        r->name = ncr_rd_string(rd);
        r->data = ncr_rd_rest(rd);
        return NACRE_OK;
    case NACRE_AGENT_SUCCESS:
        if (request == NACRE_AGENT_EXTENSION)
            r->data = ncr_rd_rest(rd);
        return NACRE_OK;
    default: /* a failure, which has no contents */
        return NACRE_OK;
    }
}

nacre_err nacre_agent_reply_decode(struct nacre_agent_reply *r, enum nacre_agent_type request,
                                   struct nacre_bytes msg)
{
    struct ncr_rd rd = ncr_rd(msg);
    nacre_err err = NACRE_ERR_FORMAT;

    memset(r, 0, sizeof *r);
    r->type = (enum nacre_agent_type)ncr_rd_u8(&rd);
    if (!rd.bad && r->type != NACRE_AGENT_FAILURE && !agent_answers(r->type, request))
        err = NACRE_ERR_ORDER;
    else if (!rd.bad)
        err = agent_read_reply(r, request, &rd);
    if (err == NACRE_OK && !ncr_rd_end(&rd))
        err = NACRE_ERR_FORMAT;
    if (err != NACRE_OK)
        memset(r, 0, sizeof *r);
    return err;
}

bool nacre_agent_reply_offers(const struct nacre_agent_reply *r, const char *extension)
{
    struct ncr_rd rd = ncr_rd(r->data);
    bool found = false;

    if (!nacre_bytes_is(r->name, NACRE_AGENT_EXT_QUERY))
        return false;
    while (!found && !rd.bad && rd.n > 0)
        found = nacre_bytes_is(ncr_rd_string(&rd), extension);
    return found;
}

/* ---- Reading requests ---- */

static nacre_err agent_read_request(struct nacre_agent_request *r, struct ncr_rd *rd)
{
    switch (r->type) {
    case NACRE_AGENT_REMOVE_ALL_V1:
    case NACRE_AGENT_REQUEST_IDENTITIES:
    case NACRE_AGENT_REMOVE_ALL_IDENTITIES:
        return NACRE_OK;
    case NACRE_AGENT_SIGN_REQUEST:
        r->key = ncr_rd_string_max(rd, NACRE_KEY_BLOB_MAX);
        r->data = ncr_rd_string(rd);
        r->flags = ncr_rd_u32(rd);
        return NACRE_OK;
    case NACRE_AGENT_REMOVE_IDENTITY:
        r->key = ncr_rd_string_max(rd, NACRE_KEY_BLOB_MAX);
        return NACRE_OK;
    case NACRE_AGENT_LOCK:
    case NACRE_AGENT_UNLOCK:
        r->data = ncr_rd_string_max(rd, NACRE_AGENT_PASSPHRASE_MAX);
        return NACRE_OK;
    case NACRE_AGENT_ADD_IDENTITY:
    case NACRE_AGENT_ADD_ID_CONSTRAINED:
        r->data = ncr_rd_rest(rd);
        return NACRE_OK;
    case NACRE_AGENT_ADD_SMARTCARD_KEY:
    case NACRE_AGENT_REMOVE_SMARTCARD_KEY:
    case NACRE_AGENT_ADD_SMARTCARD_KEY_CONSTRAINED:
        r->name = ncr_rd_string(rd);
        r->data = ncr_rd_rest(rd);
        return NACRE_OK;
    case NACRE_AGENT_EXTENSION:
        r->name = ncr_rd_string(rd);
        r->data = ncr_rd_rest(rd);
        return NACRE_OK;
    default:
        return NACRE_ERR_ORDER;
    }
}

nacre_err nacre_agent_request_decode(struct nacre_agent_request *r, struct nacre_bytes msg)
{
    struct ncr_rd rd = ncr_rd(msg);
    enum nacre_agent_type type;
    nacre_err err;

    memset(r, 0, sizeof *r);
    type = (enum nacre_agent_type)ncr_rd_u8(&rd);
    r->type = type;
    err = rd.bad ? NACRE_ERR_FORMAT : agent_read_request(r, &rd);
    if (err == NACRE_OK && !ncr_rd_end(&rd))
        err = NACRE_ERR_FORMAT;
    if (err != NACRE_OK)
        memset(r, 0, sizeof *r);
    if (err == NACRE_ERR_ORDER)
        r->type = type;
    return err;
}
