/* SPDX-License-Identifier: ISC
 *
 * Decoders of the messages: see msg.h. A decoder reads all fields, applies the limits that are a
 * matter of form, and is true only if the payload ends with the last field.
 */
#include "proto/msg.h"

#include <string.h>

#include "proto/limits.h"

bool ncr_msg_get_empty(union ncr_msg *m, struct nacre_bytes body)
{
    (void)m; /* same shape as the others */
    return body.n == 0;
}

bool ncr_msg_get_string(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->bytes = ncr_rd_string(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_rest(union ncr_msg *m, struct nacre_bytes body)
{
    m->bytes = body;
    return true;
}

bool ncr_msg_get_u32(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->u32 = ncr_rd_u32(&r);
    return ncr_rd_end(&r);
}

/* RFC 4253 11.1. Some peers (old PuTTY, libssh2) leave the language tag out. */
bool ncr_msg_get_disconnect(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->disconnect.reason = ncr_rd_u32(&r);
    m->disconnect.text = ncr_rd_string(&r);
    if (!r.bad && r.n > 0)
        (void)ncr_rd_string(&r); /* the language tag is of no use */
    return ncr_rd_end(&r);
}

bool ncr_msg_get_debug(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->debug.display = ncr_rd_bool(&r);
    m->debug.text = ncr_rd_string(&r);
    (void)ncr_rd_string(&r); /* the language tag is of no use */
    return ncr_rd_end(&r);
}

/* RFC 8308 2.3. */
bool ncr_msg_get_ext_info(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);
    uint32_t i;

    m->ext_info.count = ncr_rd_u32(&r);
    if (m->ext_info.count > NCR_EXT_INFO_ENTRIES_MAX)
        return false;
    m->ext_info.entries.p = r.p;
    m->ext_info.entries.n = r.n;
    for (i = 0; i < m->ext_info.count && !r.bad; i++) {
        (void)ncr_rd_string(&r); /* walked here, */
        (void)ncr_rd_string(&r); /* read by the handler */
    }
    return ncr_rd_end(&r);
}

/* RFC 4253 7.1. The cookie is hashed with the payload and otherwise of no use; so are languages
 * and the reserved word. */
bool ncr_msg_get_kexinit(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);
    bool valid = true;
    int i;

    (void)ncr_rd_bytes(&r, 16); /* cookie */
    for (i = 0; i < NCR_LISTS; i++) {
        m->kexinit.list[i] = ncr_rd_string_max(&r, NCR_LIST_LEN_MAX);
        if (i < NCR_LIST_LANG_C2S)
            valid &= ncr_list_valid(m->kexinit.list[i], NCR_LIST_NAMES_MAX);
    }
    m->kexinit.follows = ncr_rd_bool(&r);
    (void)ncr_rd_u32(&r); /* reserved */
    return ncr_rd_end(&r) && valid;
}

/* RFC 4253 8, 5656 4. */
bool ncr_msg_get_kex_reply(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->kex_reply.host_key = ncr_rd_string_max(&r, NCR_KEY_BLOB_MAX);
    m->kex_reply.pub = ncr_rd_string(&r);
    m->kex_reply.sig = ncr_rd_string_max(&r, NCR_SIG_BLOB_MAX);
    return ncr_rd_end(&r);
}

/* RFC 4419 3. */
bool ncr_msg_get_gex_request(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->gex_request.min = ncr_rd_u32(&r);
    m->gex_request.n = ncr_rd_u32(&r);
    m->gex_request.max = ncr_rd_u32(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_gex_group(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->gex_group.p = ncr_rd_mpint(&r, NCR_MPINT_BITS_MAX);
    m->gex_group.g = ncr_rd_mpint(&r, NCR_MPINT_BITS_MAX);
    return ncr_rd_end(&r);
}

/* RFC 4252 7. */
static void msg_get_publickey(struct ncr_msg_auth_request *q, struct ncr_rd *r)
{
    q->flag = ncr_rd_bool(r);
    q->a = ncr_rd_string_max(r, NCR_KEY_BLOB_MAX);
    q->b = ncr_rd_string_max(r, NCR_KEY_BLOB_MAX);
    if (q->flag)
        q->sig = ncr_rd_string_max(r, NCR_SIG_BLOB_MAX);
}

/* OpenSSH's PROTOCOL: the host key behind the user's. */
static void msg_get_hostbound(struct ncr_msg_auth_request *q, struct ncr_rd *r)
{
    q->bound = true;
    q->flag = ncr_rd_bool(r);
    q->a = ncr_rd_string_max(r, NCR_KEY_BLOB_MAX);
    q->b = ncr_rd_string_max(r, NCR_KEY_BLOB_MAX);
    q->host = ncr_rd_string_max(r, NCR_KEY_BLOB_MAX);
    if (q->flag)
        q->sig = ncr_rd_string_max(r, NCR_SIG_BLOB_MAX);
}

/* RFC 4252 8. */
static void msg_get_password(struct ncr_msg_auth_request *q, struct ncr_rd *r)
{
    q->flag = ncr_rd_bool(r);
    q->a = ncr_rd_string_max(r, NCR_PASSWORD_MAX);
    if (q->flag)
        q->b = ncr_rd_string_max(r, NCR_PASSWORD_MAX);
}

/* RFC 4256 3.1. */
static void msg_get_interactive(struct ncr_msg_auth_request *q, struct ncr_rd *r)
{
    q->a = ncr_rd_string(r);
    q->b = ncr_rd_string_max(r, NCR_PROMPT_TEXT_MAX);
}

static void msg_get_none(struct ncr_msg_auth_request *q, struct ncr_rd *r)
{
    (void)q; /* no fields */
    (void)r;
}

static const struct {
    const char *name;
    void (*get)(struct ncr_msg_auth_request *q, struct ncr_rd *r);
} msg_auth_methods[] = {{"none", msg_get_none},
                        {"publickey", msg_get_publickey},
                        {NCR_AUTH_HOSTBOUND, msg_get_hostbound},
                        {"password", msg_get_password},
                        {"keyboard-interactive", msg_get_interactive}};

/* RFC 4252 5. The fields of an unknown method are skipped. */
bool ncr_msg_get_auth_request(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);
    struct ncr_msg_auth_request *q = &m->auth_request;
    size_t i;

    memset(q, 0, sizeof *q);
    q->user = ncr_rd_string_max(&r, NCR_USER_MAX);
    q->service = ncr_rd_string(&r);
    q->method = ncr_rd_string(&r);
    for (i = 0; i < sizeof msg_auth_methods / sizeof msg_auth_methods[0]; i++)
        if (nacre_bytes_is(q->method, msg_auth_methods[i].name)) {
            msg_auth_methods[i].get(q, &r);
            q->known = true;
        }
    if (!q->known)
        (void)ncr_rd_rest(&r); /* fields of a method that is refused anyway */
    return ncr_rd_end(&r);
}

bool ncr_msg_get_auth_failure(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->auth_failure.methods = ncr_rd_string_max(&r, NCR_LIST_LEN_MAX);
    m->auth_failure.partial = ncr_rd_bool(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_text(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->text.text = ncr_rd_string_max(&r, NCR_BANNER_MAX);
    m->text.lang = ncr_rd_string(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_pk_ok(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->pk_ok.alg = ncr_rd_string(&r);
    m->pk_ok.blob = ncr_rd_string(&r);
    return ncr_rd_end(&r);
}

/* RFC 4256 3.2. */
bool ncr_msg_get_info_request(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);
    struct ncr_msg_info_request *q = &m->info_request;
    uint32_t i;

    q->name = ncr_rd_string_max(&r, NCR_PROMPT_TEXT_MAX);
    q->instruction = ncr_rd_string_max(&r, NCR_PROMPT_TEXT_MAX);
    (void)ncr_rd_string(&r); /* the language tag is of no use */
    q->n = ncr_rd_u32(&r);
    if (q->n > NACRE_PROMPTS_MAX)
        return false;
    for (i = 0; i < q->n; i++) {
        q->prompts[i].text = ncr_rd_string_max(&r, NCR_PROMPT_TEXT_MAX);
        q->prompts[i].echo = ncr_rd_bool(&r);
    }
    return ncr_rd_end(&r);
}

/* RFC 4256 3.4. */
bool ncr_msg_get_info_response(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);
    struct ncr_msg_info_response *q = &m->info_response;
    uint32_t i;

    q->n = ncr_rd_u32(&r);
    if (q->n > NACRE_PROMPTS_MAX)
        return false;
    for (i = 0; i < q->n; i++)
        q->responses[i] = ncr_rd_string_max(&r, NCR_PASSWORD_MAX);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_global(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->global.name = ncr_rd_string_max(&r, NCR_CHAN_TYPE_MAX);
    m->global.want_reply = ncr_rd_bool(&r);
    m->global.data = ncr_rd_rest(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_chan_open(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->chan_open.type = ncr_rd_string_max(&r, NCR_CHAN_TYPE_MAX);
    m->chan_open.sender = ncr_rd_u32(&r);
    m->chan_open.window = ncr_rd_u32(&r);
    m->chan_open.max_packet = ncr_rd_u32(&r);
    m->chan_open.data = ncr_rd_rest(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_chan_confirm(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->chan_confirm.chan = ncr_rd_u32(&r);
    m->chan_confirm.sender = ncr_rd_u32(&r);
    m->chan_confirm.window = ncr_rd_u32(&r);
    m->chan_confirm.max_packet = ncr_rd_u32(&r);
    m->chan_confirm.data = ncr_rd_rest(&r);
    return ncr_rd_end(&r);
}

/* RFC 4254 5.1. The language tag is left out by some peers. */
bool ncr_msg_get_chan_fail(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->chan_fail.chan = ncr_rd_u32(&r);
    m->chan_fail.reason = ncr_rd_u32(&r);
    m->chan_fail.text = ncr_rd_string(&r);
    if (!r.bad && r.n > 0)
        (void)ncr_rd_string(&r); /* the language tag is of no use */
    return ncr_rd_end(&r);
}

bool ncr_msg_get_chan(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->chan.chan = ncr_rd_u32(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_chan_adjust(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->chan.chan = ncr_rd_u32(&r);
    m->chan.n = ncr_rd_u32(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_chan_data(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->chan.chan = ncr_rd_u32(&r);
    m->chan.data = ncr_rd_string(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_chan_ext_data(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->chan.chan = ncr_rd_u32(&r);
    m->chan.n = ncr_rd_u32(&r);
    m->chan.data = ncr_rd_string(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_chan_request(union ncr_msg *m, struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);

    m->chan_request.chan = ncr_rd_u32(&r);
    m->chan_request.name = ncr_rd_string_max(&r, NCR_CHAN_TYPE_MAX);
    m->chan_request.want_reply = ncr_rd_bool(&r);
    m->chan_request.data = ncr_rd_rest(&r);
    return ncr_rd_end(&r);
}

bool ncr_msg_get_tcpip(struct nacre_tcpip *t, struct nacre_bytes data)
{
    struct ncr_rd r = ncr_rd(data);

    t->host = ncr_rd_string_max(&r, NCR_HOST_MAX);
    t->port = ncr_rd_u32(&r);
    t->origin = ncr_rd_string_max(&r, NCR_HOST_MAX);
    t->origin_port = ncr_rd_u32(&r);
    return ncr_rd_end(&r) && t->port <= 65535; /* of the origin some peers make up a number */
}

void ncr_msg_put_tcpip(struct ncr_wr *w, const struct nacre_tcpip *t)
{
    ncr_wr_string(w, t->host);
    ncr_wr_u32(w, t->port);
    ncr_wr_string(w, t->origin);
    ncr_wr_u32(w, t->origin_port);
}
