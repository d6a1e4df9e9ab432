/* SPDX-License-Identifier: ISC
 *
 * The plan of a client's authentication: see auth_plan.h.
 */
#include "client/auth_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/names.h"

static const struct plan_method {
    const char *name;
    unsigned method;
    bool (*try)(struct nacre_client *c);
} * plan_method(unsigned method);

/* ---- Set-up ------------------------------------------------------------------------------ */

static const char plan_default_order[] = "publickey,keyboard-interactive,password";

static unsigned plan_method_by_name(struct nacre_bytes name)
{
    static const unsigned methods[] = {NACRE_AUTH_NONE, NACRE_AUTH_PUBLICKEY, NACRE_AUTH_PASSWORD,
                                       NACRE_AUTH_INTERACTIVE};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (nacre_bytes_is(name, plan_method(methods[i])->name))
            return methods[i];
    }
    return 0;
}

nacre_err ncr_plan_init(struct nacre_client *c)
{
    struct ncr_auth_plan *p = &c->plan;
    const char *order = c->cfg.auth_order != NULL ? c->cfg.auth_order : plan_default_order;
    struct nacre_bytes name;
    size_t n = 0;

    memset(p, 0, sizeof *p);
    p->allowed = c->cfg.auth_methods;
    if (p->allowed == 0)
        p->allowed = NACRE_AUTH_PUBLICKEY | NACRE_AUTH_PASSWORD | NACRE_AUTH_INTERACTIVE;
    while (n < NCR_PLAN_METHODS && ncr_names_next(&order, &name)) {
        p->order[n] = plan_method_by_name(name);
        n += p->order[n] != 0; /* methods of other programs (gssapi-with-mic) are passed over */
    }
    p->password_left = p->interactive_left =
        c->cfg.prompts != 0 ? c->cfg.prompts : NCR_PLAN_PROMPTS;
    return NACRE_OK;
}

static void plan_forget_answer(struct ncr_auth_plan *p)
{
    if (p->answer_mem != NULL)
        nacre_wipe(p->answer_mem, p->answer_len);
    free(p->answer_mem);
    p->answer_mem = NULL;
    p->answer_len = 0;
}

void ncr_plan_free(struct ncr_auth_plan *p)
{
    plan_forget_answer(p);
    ncr_ids_free(&p->ids);
    nacre_wipe(p, sizeof *p);
}

/* ---- What goes out ----------------------------------------------------------------------- */

/* Keeps a copy of an answer until there is room. False: out of memory. */
static bool plan_keep_answer(struct ncr_auth_plan *p, const struct nacre_answer *a)
{
    size_t n = a->data.n;
    uint8_t *at;

    for (size_t i = 0; i < a->n_responses; i++)
        n += a->responses[i].n;
    at = p->answer_mem = malloc(n + 1);
    if (at == NULL)
        return false;
    p->answer_len = n;
    p->answer = *a;
    p->answer.data.p = at;
    if (a->data.n > 0)
        memcpy(at, a->data.p, a->data.n);
    at += a->data.n;
    for (size_t i = 0; i < a->n_responses; i++) {
        p->answer_responses[i] = (struct nacre_bytes){at, a->responses[i].n};
        if (a->responses[i].n > 0)
            memcpy(at, a->responses[i].p, a->responses[i].n);
        at += a->responses[i].n;
    }
    p->answer.responses = p->answer_responses;
    return true;
}

/* Answers to a question that is open now: whatever is wrong with one must not leave us waiting. */
static void plan_answer(struct nacre_client *c, const struct nacre_answer *a)
{
    struct ncr_auth_plan *p = &c->plan;
    nacre_err err = nacre_conn_answer(&c->conn, a);

    if (err == NACRE_ERR_NO_ROOM && plan_keep_answer(p, a)) {
        p->waiting = NCR_WAIT_ANSWER;
    } else if (err != NACRE_OK) {
        err = err == NACRE_ERR_NO_ROOM ? NACRE_ERR_NO_MEMORY : NACRE_ERR_INTERNAL;
        ncr_client_fail(c, err, NACRE_REASON_BY_APPLICATION, "no answer");
    }
    ncr_client_kick(c);
}

/* Gives the method up that asked. */
static void plan_refuse(struct nacre_client *c, uint32_t id)
{
    c->plan.gave_up = true;
    ncr_client_refuse(c, id);
}

/* The request that the plan has come to. */
static nacre_err plan_request(struct nacre_client *c)
{
    struct ncr_auth_plan *p = &c->plan;

    switch (p->request) {
    case NACRE_AUTH_PUBLICKEY:
        return nacre_auth_publickey_bound(&c->conn, c->user, p->alg, p->ids.id[p->current].blob,
                                          c->host_blob, p->probe);
    case NACRE_AUTH_PASSWORD:
        return nacre_auth_password(&c->conn, c->user, nacre_bytes_str(p->last));
    case NACRE_AUTH_INTERACTIVE:
        return nacre_auth_interactive(&c->conn, c->user, NULL);
    default:
        return nacre_auth_none(&c->conn, c->user);
    }
}

/* Sends it, now or when there is room. False: it cannot be sent. */
static bool plan_send(struct nacre_client *c, unsigned method)
{
    nacre_err err;

    c->plan.request = method;
    err = plan_request(c);
    c->plan.waiting = err == NACRE_ERR_NO_ROOM ? NCR_WAIT_NEXT : NCR_WAIT_NONE;
    return err == NACRE_OK || err == NACRE_ERR_NO_ROOM;
}

void ncr_plan_room(struct nacre_client *c)
{
    struct ncr_auth_plan *p = &c->plan;
    const enum ncr_plan_wait waiting = p->waiting;
    nacre_err err;

    if (waiting == NCR_WAIT_NONE)
        return;
    err = waiting == NCR_WAIT_NEXT ? plan_request(c) : nacre_conn_answer(&c->conn, &p->answer);
    if (err == NACRE_ERR_NO_ROOM)
        return;
    p->waiting = NCR_WAIT_NONE;
    plan_forget_answer(p);
    if (err != NACRE_OK)
        ncr_client_fail(c, NACRE_ERR_INTERNAL, NACRE_REASON_BY_APPLICATION, "no answer");
    ncr_client_kick(c);
}

bool ncr_plan_ask(struct nacre_client *c, const struct nacre_secret_question *q,
                  char answer[NACRE_SECRET_CAP])
{
    uint64_t since = ncr_client_pause(c);
    bool given = false;

    memset(answer, 0, NACRE_SECRET_CAP);
    if (c->cfg.secret != NULL)
        given = c->cfg.secret(c->cfg.ctx, q, answer);
    answer[NACRE_SECRET_CAP - 1] = '\0';
    ncr_client_resume(c, since);
    return given;
}

/* ---- Keys -------------------------------------------------------------------------------- */

/* Whether the configuration lets that algorithm be used. One that this build does not know, of a
 * key in an agent, is let through unless the list was given. */
static bool plan_may_use(const struct nacre_client *c, const struct ncr_identity *id,
                         const char *alg)
{
    struct nacre_pubkey k;

    if (ncr_names_has(c->pubkey_algs, alg))
        return true;
    return c->cfg.pubkey_algs == NULL && (id->in_agent || id->in_hook) && !id->is_cert &&
           nacre_pubkey_decode(&k, id->blob) == NACRE_ERR_UNKNOWN_ALG;
}

/* Whether the server takes it. Its list has plain algorithms, and is of use for RSA alone, where
 * one key has several. */
static bool plan_server_takes(const struct nacre_client *c, struct nacre_bytes alg)
{
    char plain[NCR_ID_ALG_CAP];
    char name[NCR_ID_ALG_CAP];
    struct nacre_bytes b = ncr_plain_alg(alg, plain);

    (void)snprintf(name, sizeof name, "%.*s", (int)b.n, (const char *)b.p); /* of that size */
    return strncmp(name, "rsa-sha2-", 9) != 0 || nacre_conn_peer_takes(&c->conn, name);
}

/* The first signature algorithm of the key that the configuration and the server allow. */
static bool plan_key_alg(struct nacre_client *c, const struct ncr_identity *id,
                         char alg[NCR_ID_ALG_CAP])
{
    for (size_t i = 0; ncr_id_alg(id, i, alg) != NULL; i++) {
        if (plan_may_use(c, id, alg) && plan_server_takes(c, nacre_bytes_str(alg)))
            return true;
    }
    ncr_client_log(c, NACRE_LOG_DEBUG, "Skipping key %s: no signature algorithm for it",
                   ncr_id_name(id));
    return false;
}

static void plan_tell_key(struct nacre_client *c, const struct ncr_identity *id, const char *alg)
{
    char fp[NACRE_FINGERPRINT_LEN];

    nacre_fingerprint(fp, NACRE_FP_SHA256, id->plain);
    ncr_client_log(c, NACRE_LOG_DEBUG, "Offering public key: %s %s %s%s", ncr_id_name(id), alg, fp,
                   id->in_agent ? " agent" : "");
}

/* The server is asked first, unless there is nothing else to try and the signature is at hand, or
 * the file had to be opened to see what it is. */
static bool plan_offer(struct nacre_client *c, size_t i)
{
    struct ncr_auth_plan *p = &c->plan;
    struct ncr_identity *id = &p->ids.id[i];
    const bool closed = id->blob.n == 0;

    id->tried = true;
    if (id->rank == NCR_ID_HIDDEN || !ncr_id_reveal(c, id) || !plan_key_alg(c, id, p->alg))
        return false;
    if (!ncr_id_signs(c, id)) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "Skipping key %s: nobody to sign for it",
                       ncr_id_name(id));
        return false;
    }
    p->current = i;
    p->probe = !closed && (p->ids.n > 1 || !ncr_id_ready(c, id));
    plan_tell_key(c, id, p->alg);
    return plan_send(c, NACRE_AUTH_PUBLICKEY);
}

static bool plan_try_key(struct nacre_client *c)
{
    struct ncr_auth_plan *p = &c->plan;

    if (ncr_ids_load(c) != NACRE_OK) {
        ncr_client_error(c, "%s", nacre_err_text(NACRE_ERR_NO_MEMORY));
        ncr_client_fail(c, NACRE_ERR_NO_MEMORY, NACRE_REASON_BY_APPLICATION, "out of memory");
        return true; /* nothing else is to be tried */
    }
    for (size_t i = 0; i < p->ids.n; i++) {
        if (!p->ids.id[i].tried && plan_offer(c, i))
            return true;
    }
    return false;
}

static void plan_sign(struct nacre_client *c, const struct nacre_event *ev)
{
    struct ncr_auth_plan *p = &c->plan;
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT};
    size_t n = 0;

    if (p->current >= p->ids.n ||
        !ncr_id_sign(c, &p->ids.id[p->current], ev->alg, ev->data, sig, sizeof sig, &n)) {
        plan_refuse(c, ev->id);
        return;
    }
    p->credential = true;
    a.data.p = sig;
    a.data.n = n;
    plan_answer(c, &a);
}

/* ---- Passwords --------------------------------------------------------------------------- */

static bool plan_send_password(struct nacre_client *c, const char *password)
{
    if (strlen(password) >= sizeof c->plan.last)
        return false;
    c->plan.credential = true;
    memcpy(c->plan.last, password, strlen(password) + 1);
    return plan_send(c, NACRE_AUTH_PASSWORD);
}

static bool plan_try_password(struct nacre_client *c)
{
    struct ncr_auth_plan *p = &c->plan;
    char prompt[NCR_CLIENT_TEXT_CAP];
    char answer[NACRE_SECRET_CAP];
    struct nacre_secret_question q = {.kind = NACRE_SECRET_PASSWORD, .prompt = prompt, .file = ""};
    bool sent = false;

    if (c->cfg.password != NULL && !p->password_used) {
        p->password_used = true;
        return plan_send_password(c, c->cfg.password);
    }
    if (c->cfg.secret == NULL || p->password_left == 0)
        return false;
    if (c->cfg.password == NULL &&
        p->password_left < (c->cfg.prompts ? c->cfg.prompts : NCR_PLAN_PROMPTS))
        ncr_client_log(c, NACRE_LOG_INFO, "Permission denied, please try again.");
    p->password_left--;
    (void)snprintf(prompt, sizeof prompt, "%.200s@%.250s's password: ", c->user, c->cfg.host);
    if (ncr_plan_ask(c, &q, answer))
        sent = plan_send_password(c, answer);
    else
        p->password_left = 0;
    nacre_wipe(answer, sizeof answer);
    return sent;
}

static void plan_change(struct nacre_client *c, const struct nacre_event *ev)
{
    struct ncr_text t;
    char answer[NACRE_SECRET_CAP];
    struct nacre_secret_question q = {
        .kind = NACRE_SECRET_NEW_PASSWORD, .prompt = "New password: ", .file = ""};
    struct nacre_bytes old = nacre_bytes_str(c->plan.last);
    struct nacre_answer a = {
        .id = ev->id, .verdict = NACRE_ACCEPT, .responses = &old, .n_responses = 1};

    ncr_client_log(c, NACRE_LOG_INFO, "%s", ncr_text(&t, ev->data));
    if (!ncr_plan_ask(c, &q, answer) || answer[0] == '\0') {
        plan_refuse(c, ev->id);
        return;
    }
    a.data = nacre_bytes_str(answer);
    plan_answer(c, &a);
    (void)snprintf(c->plan.last, sizeof c->plan.last, "%s", answer); /* fits: as long */
    nacre_wipe(answer, sizeof answer);
}

/* ---- Keyboard-interactive ---------------------------------------------------------------- */

static bool plan_try_interactive(struct nacre_client *c)
{
    struct ncr_auth_plan *p = &c->plan;
    bool stored = c->cfg.password != NULL && !p->password_used;

    if (p->interactive_left == 0 || (c->cfg.secret == NULL && !stored))
        return false;
    /* A round that asked nothing will not ask the next time either. */
    if (p->tried == NACRE_AUTH_INTERACTIVE && !p->answered)
        return false;
    p->interactive_left--;
    p->answered = false;
    return plan_send(c, NACRE_AUTH_INTERACTIVE);
}

/* One prompt: the stored password where a single hidden one is asked for, else the hook. */
static bool plan_prompt(struct nacre_client *c, const struct nacre_event *ev, size_t i,
                        char answer[NACRE_SECRET_CAP])
{
    struct ncr_auth_plan *p = &c->plan;
    struct ncr_text t;
    char prompt[2 * NCR_CLIENT_TEXT_CAP];
    struct nacre_secret_question q = {
        .kind = NACRE_SECRET_PROMPT, .prompt = prompt, .file = "", .echo = ev->prompts[i].echo};

    p->answered = true;
    if (c->cfg.password != NULL && !p->password_used && ev->n_prompts == 1 && !q.echo &&
        strlen(c->cfg.password) < NACRE_SECRET_CAP) {
        p->password_used = true;
        memcpy(answer, c->cfg.password, strlen(c->cfg.password) + 1);
        return true;
    }
    /* Whoever reads it must see that this server asks, not the program (S41). */
    (void)snprintf(prompt, sizeof prompt, "(%.200s@%.250s) %s", c->user, c->cfg.host,
                   ncr_text(&t, ev->prompts[i].text));
    return ncr_plan_ask(c, &q, answer);
}

static void plan_tell_instruction(struct nacre_client *c, struct nacre_bytes text)
{
    char *line = malloc(NCR_ESCAPE_ROOM(text.n));

    if (line == NULL || text.n == 0) {
        free(line);
        return;
    }
    (void)ncr_escape(line, NCR_ESCAPE_ROOM(text.n), text, NCR_ESCAPE_TEXT);
    if (c->cfg.banner != NULL)
        c->cfg.banner(c->cfg.ctx, line);
    free(line);
}

static void plan_prompts(struct nacre_client *c, const struct nacre_event *ev)
{
    char *answers = calloc(ev->n_prompts + 1, NACRE_SECRET_CAP);
    struct nacre_bytes responses[NACRE_PROMPTS_MAX];
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT, .responses = responses};
    bool good = answers != NULL;

    plan_tell_instruction(c, ev->name);
    plan_tell_instruction(c, ev->instruction);
    for (size_t i = 0; good && i < ev->n_prompts; i++) {
        char *answer = answers + i * NACRE_SECRET_CAP;

        good = plan_prompt(c, ev, i, answer);
        responses[i] = nacre_bytes_str(answer);
    }
    a.n_responses = ev->n_prompts;
    if (good) {
        c->plan.credential |= ev->n_prompts > 0;
        plan_answer(c, &a);
    } else {
        c->plan.interactive_left = 0;
        plan_refuse(c, ev->id);
    }
    if (answers != NULL)
        nacre_wipe(answers, (ev->n_prompts + 1) * NACRE_SECRET_CAP);
    free(answers);
}

/* ---- None -------------------------------------------------------------------------------- */

static bool plan_try_none(struct nacre_client *c)
{
    if (c->plan.none_tried || c->cfg.need_credential)
        return false;
    c->plan.none_tried = true;
    return plan_send(c, NACRE_AUTH_NONE);
}

/* ---- What comes next --------------------------------------------------------------------- */

static const struct plan_method plan_methods[] = {
    {"publickey", NACRE_AUTH_PUBLICKEY, plan_try_key},
    {"password", NACRE_AUTH_PASSWORD, plan_try_password},
    {"keyboard-interactive", NACRE_AUTH_INTERACTIVE, plan_try_interactive},
    {"none", NACRE_AUTH_NONE, plan_try_none},
};

static const struct plan_method *plan_method(unsigned method)
{
    size_t i = 0;

    while (plan_methods[i].method != method && plan_methods[i].method != NACRE_AUTH_NONE)
        i++;
    return &plan_methods[i];
}

static bool plan_try(struct nacre_client *c, unsigned method)
{
    const struct plan_method *m = plan_method(method);

    if (!m->try(c))
        return false;
    c->plan.tried = method;
    ncr_client_log(c, NACRE_LOG_DEBUG, "Next authentication method: %s", m->name);
    return true;
}

/* Passwords are not given to a host whose key had changed. */
static unsigned plan_usable(const struct nacre_client *c)
{
    unsigned set = c->plan.allowed;

    if (c->distrusted)
        set &= ~(unsigned)(NACRE_AUTH_PASSWORD | NACRE_AUTH_INTERACTIVE);
    return set;
}

static bool plan_next(struct nacre_client *c)
{
    struct ncr_auth_plan *p = &c->plan;

    if (!p->know_listed) {
        /* The server lists its methods with the first refusal. Keys can be offered before; asking
         * "none" just to get the list is left to those who have no key. */
        if ((p->allowed & NACRE_AUTH_NONE) == 0 && p->order[0] == NACRE_AUTH_PUBLICKEY &&
            (p->allowed & NACRE_AUTH_PUBLICKEY) != 0 && plan_try(c, NACRE_AUTH_PUBLICKEY))
            return true;
        p->none_tried = true;
        p->tried = NACRE_AUTH_NONE;
        return plan_send(c, NACRE_AUTH_NONE);
    }
    for (size_t i = 0; i < NCR_PLAN_METHODS && p->order[i] != 0; i++) {
        if ((plan_usable(c) & p->listed & p->order[i]) != 0 && plan_try(c, p->order[i]))
            return true;
    }
    /* "none" is never listed (RFC 4252 5.2): the last resort, unless a credential was good already.
     */
    return !p->credential && plan_try(c, NACRE_AUTH_NONE);
}

static void plan_failed(struct nacre_client *c)
{
    ncr_client_error(c, "%s@%s: Permission denied (%s).", c->user, c->cfg.host, c->plan.methods);
    ncr_client_fail(c, NACRE_ERR_AUTH_METHODS, NACRE_REASON_AUTH_CANCELLED,
                    "no authentication method left");
}

static void plan_on_next(struct nacre_client *c, const struct nacre_event *ev)
{
    struct ncr_auth_plan *p = &c->plan;

    if (p->tried != 0 && !p->gave_up) {
        p->know_listed = true;
        p->listed = ev->methods;
        (void)ncr_escape(p->methods, sizeof p->methods, ev->data, NCR_ESCAPE_LINE);
        if (ev->partial)
            ncr_client_log(c, NACRE_LOG_DEBUG, "Authenticated using \"%s\" with partial success.",
                           plan_method(p->tried)->name);
        ncr_client_log(c, NACRE_LOG_DEBUG, "Authentications that can continue: %s", p->methods);
    }
    p->gave_up = false;
    c->state = NACRE_CLIENT_AUTH;
    if (!plan_next(c))
        plan_failed(c);
}

static void plan_success(struct nacre_client *c)
{
    struct ncr_auth_plan *p = &c->plan;

    if (p->tried == NACRE_AUTH_NONE || !p->credential) {
        if (c->cfg.need_credential) {
            ncr_client_error(c, "%s lets in without any credential: refused as configured",
                             c->host_text);
            ncr_client_fail(c, NACRE_ERR_AUTH_METHODS, NACRE_REASON_AUTH_CANCELLED,
                            "no credential");
            return;
        }
        ncr_client_log(c, NACRE_LOG_INFO,
                       "Note: %s asked for no credential: anything typed now goes to the server.",
                       c->host_text);
    }
    ncr_client_log(c, NACRE_LOG_DEBUG, "Authenticated to %s ([%s]:%u) using \"%s\".", c->cfg.host,
                   c->peer, (unsigned)c->peer_port, plan_method(p->tried)->name);
    c->state = NACRE_CLIENT_READY;
    ncr_ids_free(&p->ids);
    nacre_wipe(p->last, sizeof p->last);
}

void ncr_plan_event(struct nacre_client *c, const struct nacre_event *ev)
{
    switch (ev->type) {
    case NACRE_EV_AUTH_NEXT:
        plan_on_next(c, ev);
        break;
    case NACRE_EV_SIGN:
        plan_sign(c, ev);
        break;
    case NACRE_EV_AUTH_PROMPT:
        plan_prompts(c, ev);
        break;
    case NACRE_EV_AUTH_CHANGE:
        plan_change(c, ev);
        break;
    case NACRE_EV_AUTH_SUCCESS:
        plan_success(c);
        break;
    default:
        break;
    }
}
