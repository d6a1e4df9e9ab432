/* SPDX-License-Identifier: ISC
 *
 * Authentication as a client, RFC 4252 and 4256. The application decides what to try: AUTH_NEXT
 * asks it, a nacre_auth_* call answers. One request is under way at a time (auth.waiting); a reply
 * to nothing ends the connection. Success is only the server's SUCCESS to a request of ours.
 */
#include "proto/auth.h"

#include <string.h>

/* ---- Requests ---- */

/* May a request be sent now? Notes the user. */
static nacre_err auth_client_may(struct nacre_conn *c, const char *user)
{
    struct nacre_bytes name = nacre_bytes_str(user);

    if (c->err != NACRE_OK)
        return c->err;
    if (c->role != NACRE_CLIENT || c->question != NACRE_EV_AUTH_NEXT)
        return NACRE_ERR_USAGE;
    if (name.n == 0 || name.n > NCR_USER_MAX)
        return NACRE_ERR_USAGE;
    (void)ncr_auth_set_user(c, name); /* a client may change the user */
    return NACRE_OK;
}

static struct ncr_out auth_client_begin(struct nacre_conn *c, const char *method)
{
    struct ncr_out o = ncr_out_begin(c, NCR_MSG_USERAUTH_REQUEST, false);

    ncr_wr_string(&o.w, ncr_auth_user(c));
    ncr_wr_cstring(&o.w, "ssh-connection");
    ncr_wr_cstring(&o.w, method);
    return o;
}

/* The request is on its way: the question that it answers is closed, and 60-79 mean what the method
 * says. */
static void auth_client_sent(struct nacre_conn *c, enum ncr_auth_method method)
{
    c->auth.method = (uint8_t)method;
    c->auth.waiting = true;
    c->question = NACRE_EV_NONE;
    c->pending = (uint8_t)(c->pending & ~NCR_PENDING_NEXT);
    c->born = c->now; /* the server's time starts here, not with the user's thinking */
}

static nacre_err auth_client_end(struct nacre_conn *c, struct ncr_out *o,
                                 enum ncr_auth_method method)
{
    nacre_err err = ncr_out_end(c, o);

    if (err == NACRE_OK)
        auth_client_sent(c, method);
    return err;
}

/* The request with the saved key: a probe, or signed. */
static nacre_err auth_client_put_key(struct nacre_conn *c, enum ncr_auth_late kind,
                                     struct nacre_bytes sig)
{
    const bool bound = c->auth.host_len > 0;
    struct ncr_out o = auth_client_begin(c, bound ? NCR_AUTH_HOSTBOUND : "publickey");
    nacre_err err;

    ncr_wr_bool(&o.w, kind == NCR_LATE_SIGNED);
    ncr_wr_string(&o.w, ncr_auth_saved_alg(c));
    ncr_wr_string(&o.w, ncr_auth_saved_blob(c));
    if (bound)
        ncr_wr_string(&o.w, ncr_auth_saved_host(c));
    if (kind == NCR_LATE_SIGNED)
        ncr_wr_string(&o.w, sig);
    err = ncr_out_end(c, &o);
    return err == NACRE_ERR_NO_ROOM && o.held && ncr_auth_keep(c, kind, sig) ? NACRE_OK : err;
}

static nacre_err auth_client_key(struct nacre_conn *c, enum ncr_auth_late kind,
                                 struct nacre_bytes sig)
{
    nacre_err err = auth_client_put_key(c, kind, sig);

    if (err == NACRE_OK) /* no second PK_OK after a signature */
        auth_client_sent(c, kind == NCR_LATE_PROBE ? NCR_METHOD_PUBLICKEY : NCR_METHOD_NO_METHOD);
    return err;
}

nacre_err ncr_auth_client_late(struct nacre_conn *c)
{
    const enum ncr_auth_late kind = (enum ncr_auth_late)c->auth.late;

    c->auth.late = NCR_LATE_NONE;
    return auth_client_put_key(c, kind, ncr_auth_kept_sig(c));
}

nacre_err nacre_auth_none(struct nacre_conn *c, const char *user)
{
    nacre_err err = auth_client_may(c, user);
    struct ncr_out o;

    if (err != NACRE_OK)
        return err;
    o = auth_client_begin(c, "none");
    return auth_client_end(c, &o, NCR_METHOD_NO_METHOD);
}

nacre_err nacre_auth_password(struct nacre_conn *c, const char *user, struct nacre_bytes password)
{
    nacre_err err = auth_client_may(c, user);
    struct ncr_out o;

    if (err != NACRE_OK)
        return err;
    if (password.n > NCR_PASSWORD_MAX || c->tx.cipher == NULL)
        return NACRE_ERR_USAGE;
    o = auth_client_begin(c, "password");
    ncr_wr_bool(&o.w, false);
    ncr_wr_string(&o.w, password);
    return auth_client_end(c, &o, NCR_METHOD_PASSWORD);
}

nacre_err nacre_auth_interactive(struct nacre_conn *c, const char *user, const char *submethods)
{
    nacre_err err = auth_client_may(c, user);
    struct ncr_out o;

    if (err != NACRE_OK)
        return err;
    o = auth_client_begin(c, "keyboard-interactive");
    ncr_wr_cstring(&o.w, ""); /* language */
    ncr_wr_cstring(&o.w, submethods != NULL ? submethods : "");
    return auth_client_end(c, &o, NCR_METHOD_INTERACTIVE);
}

/* The question for the signature over the request. */
static nacre_err auth_client_ask_sign(struct nacre_conn *c)
{
    c->auth.waiting = false;
    c->question = NACRE_EV_SIGN;
    c->pending = (uint8_t)((c->pending & ~NCR_PENDING_NEXT) | NCR_PENDING_SIGN);
    return NACRE_OK;
}

/* The key is saved: asks about it, or signs at once. */
static nacre_err auth_client_try_key(struct nacre_conn *c, bool probe)
{
    const struct nacre_bytes none = {NULL, 0};

    return probe ? auth_client_key(c, NCR_LATE_PROBE, none) : auth_client_ask_sign(c);
}

nacre_err nacre_auth_publickey(struct nacre_conn *c, const char *user, const char *alg,
                               struct nacre_bytes blob, bool probe)
{
    nacre_err err = auth_client_may(c, user);

    if (err == NACRE_OK)
        err = ncr_auth_save_key(c, nacre_bytes_str(alg), blob, NULL);
    return err == NACRE_OK ? auth_client_try_key(c, probe) : err;
}

nacre_err nacre_auth_publickey_bound(struct nacre_conn *c, const char *user, const char *alg,
                                     struct nacre_bytes blob, struct nacre_bytes host_key,
                                     bool probe)
{
    nacre_err err = auth_client_may(c, user);

    if (err != NACRE_OK)
        return err;
    if (host_key.n == 0 || !c->neg.peer_hostbound)
        return nacre_auth_publickey(c, user, alg, blob, probe);
    if (!ncr_auth_is_host(c, host_key))
        return NACRE_ERR_USAGE;
    if (ncr_auth_save_key(c, nacre_bytes_str(alg), blob, &host_key) != NACRE_OK)
        return nacre_auth_publickey(c, user, alg, blob, probe);
    return auth_client_try_key(c, probe);
}

void ncr_auth_sign_event(const struct nacre_conn *c, struct nacre_event *ev)
{
    ev->type = NACRE_EV_SIGN;
    ev->alg = ncr_auth_saved_alg(c);
    ev->blob = ncr_auth_saved_blob(c);
    ev->data = ncr_auth_signed_data(c);
}

/* ---- Answers ---- */

/* Back to the application for another method, as after a failure of our own making. */
static void auth_client_give_up(struct nacre_conn *c)
{
    c->auth.method = NCR_METHOD_NO_METHOD;
    c->auth.waiting = false;
    c->question = NACRE_EV_AUTH_NEXT;
    c->pending |= NCR_PENDING_NEXT;
}

nacre_err ncr_auth_answer_sign(struct nacre_conn *c, const struct nacre_answer *a)
{
    if (a->verdict != NACRE_ACCEPT || a->data.n == 0) {
        auth_client_give_up(c);
        return NACRE_OK;
    }
    return auth_client_key(c, NCR_LATE_SIGNED, a->data);
}

nacre_err ncr_auth_answer_change(struct nacre_conn *c, const struct nacre_answer *a)
{
    struct ncr_out o;

    if (a->verdict != NACRE_ACCEPT) {
        auth_client_give_up(c);
        return NACRE_OK;
    }
    if (a->n_responses != 1 || a->data.n > NCR_PASSWORD_MAX || a->responses[0].n > NCR_PASSWORD_MAX)
        return NACRE_ERR_USAGE;
    o = auth_client_begin(c, "password");
    ncr_wr_bool(&o.w, true);
    ncr_wr_string(&o.w, a->responses[0]);
    ncr_wr_string(&o.w, a->data);
    return auth_client_end(c, &o, NCR_METHOD_PASSWORD);
}

nacre_err ncr_auth_answer_prompt(struct nacre_conn *c, const struct nacre_answer *a)
{
    struct ncr_out o;
    size_t i;

    if (a->verdict != NACRE_ACCEPT) {
        auth_client_give_up(c);
        return NACRE_OK;
    }
    if (a->n_responses != c->auth.n_prompts)
        return NACRE_ERR_USAGE;
    o = ncr_out_begin(c, NCR_MSG_USERAUTH_61, false);
    ncr_wr_u32(&o.w, (uint32_t)a->n_responses);
    for (i = 0; i < a->n_responses; i++)
        ncr_wr_string(&o.w, a->responses[i]);
    return auth_client_end(c, &o, NCR_METHOD_INTERACTIVE);
}

/* ---- Handlers ---- */

nacre_err ncr_auth_on_service_accept(struct nacre_conn *c, const union ncr_msg *m,
                                     struct nacre_event *ev)
{
    if (!c->auth.service || !nacre_bytes_is(m->bytes, "ssh-userauth"))
        return ncr_fail(c, NACRE_ERR_ORDER, "a service that was not asked for");
    if (c->auth.none_seen)
        return ncr_fail(c, NACRE_ERR_ORDER, "service accepted twice");
    c->auth.none_seen = true;
    c->question = NACRE_EV_AUTH_NEXT;
    ev->type = NACRE_EV_AUTH_NEXT;
    return NACRE_OK;
}

/* A reply to a request under way; anything else is the server talking to itself. */
static nacre_err auth_client_reply(struct nacre_conn *c)
{
    if (!c->auth.waiting || c->auth.late != NCR_LATE_NONE)
        return ncr_fail(c, NACRE_ERR_ORDER, "reply to no request");
    c->auth.waiting = false;
    return NACRE_OK;
}

nacre_err ncr_auth_on_failure(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    nacre_err err = auth_client_reply(c);

    if (err != NACRE_OK)
        return err;
    c->auth.method = NCR_METHOD_NO_METHOD;
    c->auth.methods = ncr_auth_set(m->auth_failure.methods);
    c->question = NACRE_EV_AUTH_NEXT;
    ev->type = NACRE_EV_AUTH_NEXT;
    ev->methods = c->auth.methods;
    ev->data = m->auth_failure.methods;
    ev->partial = m->auth_failure.partial;
    return NACRE_OK;
}

nacre_err ncr_auth_on_success(struct nacre_conn *c, struct nacre_event *ev)
{
    nacre_err err = auth_client_reply(c);

    if (err != NACRE_OK)
        return err;
    c->auth.method = NCR_METHOD_NO_METHOD;
    c->auth.done = true;
    c->ext_info_last = false;
    ev->type = NACRE_EV_AUTH_SUCCESS;
    ev->data = ncr_auth_user(c);
    return NACRE_OK;
}

nacre_err ncr_auth_on_banner(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    if (c->auth.banners >= NCR_BANNERS_MAX)
        return ncr_fail(c, NACRE_ERR_LIMIT, "too many banners");
    c->auth.banners++;
    ev->type = NACRE_EV_BANNER;
    ev->data = m->text.text;
    return NACRE_OK;
}

/* RFC 4252 7: the server must name the key that was asked about. */
static nacre_err auth_client_pk_ok(struct nacre_conn *c, const struct ncr_msg_pk_ok *m)
{
    if (!ncr_bytes_eq(m->alg, ncr_auth_saved_alg(c)) ||
        !ncr_bytes_eq(m->blob, ncr_auth_saved_blob(c)))
        return ncr_fail(c, NACRE_ERR_ORDER, "PK_OK for another key");
    c->auth.method = NCR_METHOD_NO_METHOD;
    return auth_client_ask_sign(c);
}

static void auth_client_change(struct nacre_conn *c, const struct ncr_msg_text *m,
                               struct nacre_event *ev)
{
    c->question = NACRE_EV_AUTH_CHANGE;
    ev->type = NACRE_EV_AUTH_CHANGE;
    ev->data = m->text;
}

static nacre_err auth_client_prompt(struct nacre_conn *c, const struct ncr_msg_info_request *m,
                                    struct nacre_event *ev)
{
    if (c->auth.rounds >= NCR_AUTH_ROUNDS_MAX)
        return ncr_fail(c, NACRE_ERR_LIMIT, "too many rounds of questions");
    c->auth.rounds++;
    c->auth.n_prompts = (uint8_t)m->n;
    c->question = NACRE_EV_AUTH_PROMPT;
    ev->type = NACRE_EV_AUTH_PROMPT;
    ev->name = m->name;
    ev->instruction = m->instruction;
    ev->n_prompts = m->n;
    memcpy(ev->prompts, m->prompts, m->n * sizeof m->prompts[0]);
    return NACRE_OK;
}

nacre_err ncr_auth_on_60(struct nacre_conn *c, const union ncr_msg *m, struct nacre_event *ev)
{
    nacre_err err = auth_client_reply(c);

    if (err != NACRE_OK)
        return err;
    switch ((enum ncr_auth_method)c->auth.method) {
    case NCR_METHOD_PUBLICKEY:
        return auth_client_pk_ok(c, &m->pk_ok);
    case NCR_METHOD_PASSWORD:
        auth_client_change(c, &m->text, ev);
        return NACRE_OK;
    case NCR_METHOD_INTERACTIVE:
        return auth_client_prompt(c, &m->info_request, ev);
    default:
        return ncr_fail(c, NACRE_ERR_ORDER, "no method that has such a message");
    }
}
