/* SPDX-License-Identifier: ISC
 *
 * Authentication as a server, RFC 4252 and 4256. Every request becomes a question to the
 * application, or a failure at once if it cannot be right; nothing but the application's verdict
 * gives success. "May this key try?" (KEY_QUERY) and "this key has signed" (KEY_PROVED, after
 * verification) are different questions.
 *
 * One question is open at a time and no packet is taken while it is, so a verdict always belongs to
 * the request that was last seen. Another user name forgets everything that was reached before.
 */
#include "proto/alg_list.h"
#include "proto/auth.h"

#include <string.h>

/* ---- Replies ---- */

/* A banner is larger than what a reply may count on: it waits for room, and for a key exchange. */
static nacre_err auth_server_banner(struct nacre_conn *c)
{
    struct ncr_out o;

    if (c->auth.banner_sent || c->cfg.banner == NULL || ncr_phase_in_kex(&c->tx) ||
        ncr_out_room(c, c->out_cap) < strlen(c->cfg.banner) + ncr_out_reserve(c))
        return NACRE_OK;
    c->auth.banner_sent = true;
    o = ncr_out_begin(c, NCR_MSG_USERAUTH_BANNER, true);
    ncr_wr_cstring(&o.w, c->cfg.banner);
    ncr_wr_cstring(&o.w, "");
    return ncr_out_end(c, &o);
}

static nacre_err auth_server_failure(struct nacre_conn *c, bool partial)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_USERAUTH_FAILURE, true);

    c->auth.method = NCR_METHOD_NO_METHOD;
    ncr_auth_put_methods(&o.w, c->auth.methods);
    ncr_wr_bool(&o.w, partial);
    return ncr_out_end(c, &o);
}

/* Counts a failed attempt; the last one that is allowed ends the connection. */
static nacre_err auth_server_count(struct nacre_conn *c)
{
    const unsigned max = c->cfg.auth_tries != 0 ? c->cfg.auth_tries : NCR_AUTH_TRIES;

    c->auth.tries++;
    if (c->auth.tries >= max || c->auth.tries == UINT8_MAX)
        return ncr_fail(c, NACRE_ERR_AUTH_TRIES, "too many failed attempts");
    return NACRE_OK;
}

static nacre_err auth_server_refuse(struct nacre_conn *c)
{
    nacre_err err = auth_server_count(c);

    return err == NACRE_OK ? auth_server_failure(c, false) : err;
}

/* A new request ends a round of questions, which then was an attempt like any other (S40). */
static nacre_err auth_server_end_round(struct nacre_conn *c)
{
    const bool open = c->auth.method == NCR_METHOD_INTERACTIVE;

    c->auth.method = NCR_METHOD_NO_METHOD;
    return open ? auth_server_count(c) : NACRE_OK;
}

static nacre_err auth_server_success(struct nacre_conn *c)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_USERAUTH_SUCCESS, true);

    nacre_err err = ncr_out_end(c, &o);

    if (err != NACRE_OK)
        return err;
    c->auth.method = NCR_METHOD_NO_METHOD;
    c->auth.done = true;
    c->pending |= NCR_PENDING_SUCCESS;
    return NACRE_OK;
}

/* A key too large to be held is sent after the key exchange; the next request may not come first.
 */
static nacre_err auth_server_pk_ok(struct nacre_conn *c)
{
    const struct nacre_bytes none = {NULL, 0};
    struct ncr_out o;

    c->auth.method = NCR_METHOD_PUBLICKEY; /* for the number 60 of this message alone */
    o = ncr_out_begin(c, NCR_MSG_USERAUTH_60, true);
    ncr_wr_string(&o.w, ncr_auth_saved_alg(c));
    ncr_wr_string(&o.w, ncr_auth_saved_blob(c));
    c->auth.method = NCR_METHOD_NO_METHOD;
    if (o.held && o.w.bad && ncr_auth_keep(c, NCR_LATE_PK_OK, none))
        return NACRE_OK;
    return ncr_out_end(c, &o);
}

nacre_err ncr_auth_server_late(struct nacre_conn *c)
{
    c->auth.late = NCR_LATE_NONE;
    return auth_server_pk_ok(c);
}

static nacre_err auth_server_change(struct nacre_conn *c, const char *prompt)
{
    struct ncr_out o;

    c->auth.method = NCR_METHOD_PASSWORD;
    o = ncr_out_begin(c, NCR_MSG_USERAUTH_60, true);
    ncr_wr_cstring(&o.w, prompt != NULL ? prompt : "");
    ncr_wr_cstring(&o.w, "");
    return ncr_out_end(c, &o);
}

static nacre_err auth_server_challenge(struct nacre_conn *c, const struct nacre_answer *a)
{
    struct ncr_out o;
    nacre_err err;
    size_t i;

    if (a->n_prompts > NACRE_PROMPTS_MAX)
        return NACRE_ERR_USAGE;
    if (c->auth.rounds >= NCR_AUTH_ROUNDS_MAX)
        return auth_server_refuse(c);
    c->auth.method = NCR_METHOD_INTERACTIVE;
    o = ncr_out_begin(c, NCR_MSG_USERAUTH_60, false);
    ncr_wr_cstring(&o.w, a->name != NULL ? a->name : "");
    ncr_wr_cstring(&o.w, a->instruction != NULL ? a->instruction : "");
    ncr_wr_cstring(&o.w, "");
    ncr_wr_u32(&o.w, (uint32_t)a->n_prompts);
    for (i = 0; i < a->n_prompts; i++) {
        ncr_wr_string(&o.w, a->prompts[i].text);
        ncr_wr_bool(&o.w, a->prompts[i].echo);
    }
    err = ncr_out_end(c, &o);
    if (err != NACRE_OK) {
        c->auth.method = NCR_METHOD_NO_METHOD; /* not sent: the answer may be given again */
        return err;
    }
    c->auth.rounds++;
    c->auth.n_prompts = (uint8_t)a->n_prompts;
    return NACRE_OK;
}

/* ---- Verdicts ---- */

static bool auth_server_stage_is_round(const struct nacre_conn *c)
{
    return c->auth.stage == NACRE_STAGE_INTERACTIVE || c->auth.stage == NACRE_STAGE_RESPONSES;
}

nacre_err ncr_auth_answer_request(struct nacre_conn *c, const struct nacre_answer *a)
{
    const bool query = c->auth.stage == NACRE_STAGE_KEY_QUERY;

    if (a->methods != 0 && !query)
        c->auth.methods = a->methods & ~(unsigned)NACRE_AUTH_NONE;
    switch (a->verdict) {
    case NACRE_ACCEPT:
        return query ? auth_server_pk_ok(c) : auth_server_success(c);
    case NACRE_PARTIAL:
        return query ? NACRE_ERR_USAGE : auth_server_failure(c, true);
    case NACRE_CHALLENGE:
        return auth_server_stage_is_round(c) ? auth_server_challenge(c, a) : NACRE_ERR_USAGE;
    case NACRE_CHANGE_PASSWORD:
        return c->auth.stage == NACRE_STAGE_PASSWORD || c->auth.stage == NACRE_STAGE_NEW_PASSWORD
                   ? auth_server_change(c, a->text)
                   : NACRE_ERR_USAGE;
    case NACRE_REFUSE:
    default:
        break;
    }
    /* The first "none" is a question for the list, and a query costs no attempt of its own. */
    if (query || (c->auth.stage == NACRE_STAGE_NONE && !c->auth.none_seen)) {
        c->auth.none_seen = c->auth.none_seen || !query;
        return auth_server_failure(c, false);
    }
    return auth_server_refuse(c);
}

/* ---- Requests ---- */

/* Leaves the question of that stage. */
static nacre_err auth_server_ask(struct nacre_conn *c, enum nacre_auth_stage stage,
                                 struct nacre_event *ev)
{
    c->auth.stage = (uint8_t)stage;
    c->question = NACRE_EV_AUTH_REQUEST;
    ev->type = NACRE_EV_AUTH_REQUEST;
    ev->stage = stage;
    ev->user = ncr_auth_user(c);
    return NACRE_OK;
}

static nacre_err auth_server_none(struct nacre_conn *c, const struct ncr_msg_auth_request *q,
                                  struct nacre_event *ev)
{
    (void)q; /* no fields */
    return auth_server_ask(c, NACRE_STAGE_NONE, ev);
}

static const struct ncr_sig *auth_server_sig(const struct nacre_conn *c, struct nacre_bytes alg)
{
    const struct ncr_alg_list l = ncr_alg_list_user_sigs(c);

    if (!ncr_alg_list_has(&l, alg))
        return NULL;
    return ncr_alg_sig(l.algs, alg);
}

/* A security key's flags are the application's to judge, if it says so. */
static nacre_err auth_server_verify(const struct nacre_conn *c, const struct ncr_sig *sig,
                                    const struct ncr_msg_auth_request *q)
{
    const struct nacre_bytes data = ncr_auth_signed_data(c);

    return c->cfg.sk_no_touch && sig->verify_sk != NULL
               ? sig->verify_sk(q->b, data, q->sig, 0, c->cfg.work)
               : sig->verify(q->b, data, q->sig, c->cfg.work);
}

static nacre_err auth_server_publickey(struct nacre_conn *c, const struct ncr_msg_auth_request *q,
                                       struct nacre_event *ev)
{
    const struct ncr_sig *sig = auth_server_sig(c, q->a);
    enum nacre_auth_stage stage = q->flag ? NACRE_STAGE_KEY_PROVED : NACRE_STAGE_KEY_QUERY;

    if (!q->flag && c->auth.queries >= NCR_AUTH_QUERIES_MAX)
        return auth_server_refuse(c);
    if (!q->flag)
        c->auth.queries++;
    if (sig == NULL || sig->check_key(q->b) != NACRE_OK ||
        (q->bound && !ncr_auth_is_host(c, q->host)) ||
        ncr_auth_save_key(c, q->a, q->b, q->bound ? &q->host : NULL) != NACRE_OK)
        return auth_server_refuse(c);
    if (q->flag && auth_server_verify(c, sig, q) != NACRE_OK)
        return auth_server_refuse(c);
    ev->alg = ncr_auth_saved_alg(c);
    ev->blob = ncr_auth_saved_blob(c);
    ev->host_bound = q->bound;
    ev->data = q->sig; /* for a process that trusts only what it has verified itself */
    return auth_server_ask(c, stage, ev);
}

static nacre_err auth_server_password(struct nacre_conn *c, const struct ncr_msg_auth_request *q,
                                      struct nacre_event *ev)
{
    ev->data = q->a;
    ev->new_password = q->b;
    return auth_server_ask(c, q->flag ? NACRE_STAGE_NEW_PASSWORD : NACRE_STAGE_PASSWORD, ev);
}

static nacre_err auth_server_interactive(struct nacre_conn *c, const struct ncr_msg_auth_request *q,
                                         struct nacre_event *ev)
{
    ev->data = q->b;
    c->auth.rounds = 0;
    return auth_server_ask(c, NACRE_STAGE_INTERACTIVE, ev);
}

static const struct {
    unsigned bit;
    nacre_err (*ask)(struct nacre_conn *, const struct ncr_msg_auth_request *,
                     struct nacre_event *);
} auth_server_methods[] = {
    {NACRE_AUTH_NONE, auth_server_none},
    {NACRE_AUTH_PUBLICKEY, auth_server_publickey},
    {NACRE_AUTH_PASSWORD, auth_server_password},
    {NACRE_AUTH_INTERACTIVE, auth_server_interactive},
};

/* Another user: what was reached belongs to the one before (S37). Attempts stay counted, the free
 * "none" among them. */
static void auth_server_forget(struct nacre_conn *c)
{
    c->auth.methods = c->cfg.auth_methods;
}

nacre_err ncr_auth_on_request(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    const struct ncr_msg_auth_request *q = &m->auth_request;
    const struct ncr_auth_row *row =
        ncr_auth_row_by_name(q->bound ? nacre_bytes_str("publickey") : q->method);
    nacre_err err;
    size_t i;

    c->wipe_packet = true;
    if (c->auth.done) /* RFC 4252 5.1: requests after success are ignored */
        return NACRE_OK;
    if (c->auth.late != NCR_LATE_NONE)
        return ncr_fail(c, NACRE_ERR_HELD_FULL, "peer asks on during a key exchange");
    if (!nacre_bytes_is(q->service, "ssh-connection"))
        return ncr_fail(c, NACRE_ERR_NO_SERVICE, "no service but ssh-connection");
    if (!ncr_auth_set_user(c, q->user))
        auth_server_forget(c);
    err = auth_server_end_round(c);
    if (err == NACRE_OK)
        err = auth_server_banner(c);
    if (err != NACRE_OK)
        return err;
    if (row == NULL || ((row->bit & c->auth.methods) == 0 && row->bit != NACRE_AUTH_NONE))
        return auth_server_refuse(c);
    for (i = 0; i < sizeof auth_server_methods / sizeof auth_server_methods[0]; i++)
        if (auth_server_methods[i].bit == row->bit)
            return auth_server_methods[i].ask(c, q, ev);
    return ncr_fail(c, NACRE_ERR_INTERNAL, "method without a handler");
}

/* RFC 4256 3.4: as many responses as prompts, or the attempt has failed. */
nacre_err ncr_auth_on_info_response(struct nacre_conn *c, const union ncr_msg *m,
                                    struct nacre_event *ev)
{
    const struct ncr_msg_info_response *q = &m->info_response;

    c->wipe_packet = true;
    c->auth.method = NCR_METHOD_NO_METHOD;
    if (q->n != c->auth.n_prompts)
        return auth_server_refuse(c);
    ev->n_prompts = q->n;
    memcpy(ev->responses, q->responses, q->n * sizeof q->responses[0]);
    return auth_server_ask(c, NACRE_STAGE_RESPONSES, ev);
}

nacre_err ncr_auth_on_service_request(struct nacre_conn *c, const union ncr_msg *m)
{
    struct ncr_out o;

    if (!nacre_bytes_is(m->bytes, "ssh-userauth"))
        return ncr_fail(c, NACRE_ERR_NO_SERVICE, "no service but ssh-userauth");
    if (!c->auth.service)
        c->auth.methods = c->cfg.auth_methods;
    c->auth.service = true;
    o = ncr_out_begin(c, NCR_MSG_SERVICE_ACCEPT, true);
    ncr_wr_cstring(&o.w, "ssh-userauth");
    return ncr_out_end(c, &o);
}
