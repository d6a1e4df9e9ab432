/* SPDX-License-Identifier: ISC
 *
 * An agent that is lent over a connection (client/forward_agent.c): asked for first (s75), bound to
 * the session, its bytes passed on both ways.
 */
#include "client/forward_agent.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "client/known_hosts_file.h"
#include "tests/rig.h"
#include "tests/toy_agent.h"

struct loan {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    struct ncr_agent_forward *f;
    struct nacre_privkey key;
    struct toy_agent agent;
    char hosts[64];
    const char *hosts_list[1];
    struct ncr_chan_user session;
    bool session_open;
    unsigned opened, failed, closed; /* channels that the server opened */
    uint32_t reason, chan;
    struct pair_buf got; /* from the agent */
    struct pair_buf requests;
    struct pair_buf log;
};

static bool loan_event(void *ctx, struct nacre_client *c, const struct nacre_event *ev)
{
    struct loan *l = ctx;

    (void)c;
    return l->f != NULL && ncr_agent_forward_event(l->f, ev);
}

static void loan_log(void *ctx, enum nacre_log_level level, const char *text)
{
    struct loan *l = ctx;

    pair_buf_print(&l->log, "%d %s\n", (int)level, text);
}

static bool loan_hook(void *ctx, struct rig *r, const struct nacre_event *ev)
{
    struct loan *l = ctx;

    switch (ev->type) {
    case NACRE_EV_CHAN_OPENED:
        l->opened++;
        l->chan = ev->chan;
        return true;
    case NACRE_EV_CHAN_FAILED:
        l->failed++;
        l->reason = ev->reason;
        return true;
    case NACRE_EV_CHAN_DATA:
        if (l->opened == 0 || ev->chan != l->chan)
            return false;
        pair_buf_add(&l->got, ev->data.p, ev->data.n);
        cr_assert_eq(nacre_chan_consumed(&r->conn, ev->chan, (uint32_t)ev->data.n), NACRE_OK);
        return true;
    case NACRE_EV_CHAN_CLOSED:
        l->closed++;
        return l->opened > 0 && ev->chan == l->chan;
    case NACRE_EV_CHAN_REQUEST:
        pair_buf_print(&l->requests, "%.*s %d ", (int)ev->request.name.n,
                       (const char *)ev->request.name.p, ev->want_reply);
        return false;
    default:
        return false;
    }
}

static void loan_session_event(void *ctx, const struct nacre_event *ev)
{
    struct loan *l = ctx;

    l->session_open |= ev->type == NACRE_EV_CHAN_OPENED;
}

static void loan_round(struct loan *l)
{
    nacre_err err = ncr_client_wait(l->c, ncr_clock_ms() + 10);

    cr_assert(err == NACRE_OK || err == NACRE_ERR_TIMEOUT, "%s", nacre_client_error(l->c));
}

static struct loan *loan_new(bool distrusted)
{
    struct loan *l = calloc(1, sizeof *l);
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {5};
    struct nacre_bytes none = {NULL, 0};
    int fds[2];

    (void)signal(SIGPIPE, SIG_IGN);
    nacre_privkey_from_seed(&l->key, seed);
    l->agent.keys[0] = &l->key;
    toy_agent_start(&l->agent);
    strcpy(l->hosts, "/tmp/nacre-loan-XXXXXX");
    close(mkstemp(l->hosts));
    l->hosts_list[0] = l->hosts;
    cr_assert_eq(
        ncr_hosts_add(l->hosts, nacre_bytes_str("server"), 22, pair_key_blob(distrusted ? 1 : 0)),
        NACRE_OK);
    cr_assert_eq(ncr_loop_init(&l->loop, NCR_LOOP_POLL), NACRE_OK);
    rig_init(&l->rig);
    l->rig.plan.key = -1;
    l->rig.plan.accept_none = true;
    l->rig.hook = loan_hook;
    l->rig.ctx = l;
    l->cfg.host = "server";
    l->cfg.user = "joe";
    l->cfg.host_policy = distrusted ? NACRE_HOSTS_OFF : NACRE_HOSTS_STRICT;
    l->cfg.known_hosts = l->hosts_list;
    l->cfg.n_known_hosts = 1;
    l->cfg.identities = l->hosts_list; /* none of them */
    l->cfg.agent = "none";
    l->cfg.ctx = l;
    l->cfg.event = loan_event;
    l->cfg.log = loan_log;
    rig_sockets(fds);
    rig_start(&l->rig, &l->loop, fds[1]);
    cr_assert_eq(nacre_client_start(&l->c, &l->cfg, fds[0], fds[0]), NACRE_OK);
    cr_assert_eq(ncr_client_use_loop(l->c, &l->loop), NACRE_OK);
    cr_assert_eq(nacre_client_wait_ready(l->c), NACRE_OK, "%s", nacre_client_error(l->c));
    l->session.event = loan_session_event;
    l->session.ctx = l;
    cr_assert_eq(nacre_chan_open(&l->c->conn, "session", none, &l->session.chan), NACRE_OK);
    ncr_client_add_user(l->c, &l->session);
    ncr_client_kick(l->c);
    for (unsigned i = 0; i < 100 && !l->session_open; i++)
        loan_round(l);
    return l;
}

static void loan_free(struct loan *l)
{
    ncr_agent_forward_free(l->f);
    nacre_client_close(l->c);
    rig_free(&l->rig);
    ncr_loop_free(&l->loop);
    toy_agent_stop(&l->agent);
    unlink(l->hosts);
    pair_buf_free(&l->got);
    pair_buf_free(&l->requests);
    pair_buf_free(&l->log);
    free(l);
}

static void loan_ask(struct loan *l)
{
    l->f = ncr_agent_forward_start(l->c, &l->loop, l->agent.path);
    cr_assert_not_null(l->f);
    cr_assert_eq(ncr_agent_forward_ask(l->f, l->session.chan), NACRE_OK);
    ncr_client_kick(l->c);
    for (unsigned i = 0; i < 100 && l->requests.n == 0; i++)
        loan_round(l);
}

/* The server opens a channel to the agent. */
static void loan_open(struct loan *l)
{
    const unsigned before = l->opened + l->failed;
    struct nacre_bytes none = {NULL, 0};
    uint32_t chan;

    cr_assert_eq(nacre_chan_open(&l->rig.conn, "auth-agent@openssh.com", none, &chan), NACRE_OK);
    ncr_drive_kick(&l->rig.drive);
    for (unsigned i = 0; i < 500 && l->opened + l->failed == before; i++)
        loan_round(l);
    cr_assert_eq(l->opened + l->failed, before + 1);
}

Test(forward_agent, the_other_host_uses_the_agent)
{
    static const uint8_t list[] = {0, 0, 0, 1, NACRE_AGENT_REQUEST_IDENTITIES};
    struct loan *l = loan_new(false);
    struct nacre_agent_identity id;
    struct nacre_agent_reply r;
    struct nacre_bytes msg;
    char log[128];
    size_t used, next, taken;

    loan_ask(l);
    cr_assert_not_null(memmem(l->requests.p, l->requests.n, "auth-agent-req@openssh.com 0", 28));
    loan_open(l);
    cr_assert_eq(l->opened, 1);
    cr_assert_eq(ncr_agent_forward_open(l->f), 1);
    for (unsigned turn = 0; turn < 3; turn++) {
        pair_buf_free(&l->got);
        memset(&l->got, 0, sizeof l->got);
        cr_assert_eq(nacre_chan_write(&l->rig.conn, l->chan, 0, list, sizeof list, &taken),
                     NACRE_OK);
        cr_assert_eq(taken, sizeof list);
        ncr_drive_kick(&l->rig.drive);
        used = 0;
        for (unsigned i = 0; i < 500 && used == 0; i++) {
            loan_round(l);
            cr_assert_eq(
                nacre_agent_frame(&msg, &used, &next, (struct nacre_bytes){l->got.p, l->got.n}),
                NACRE_OK);
        }
        cr_assert_eq(nacre_agent_reply_decode(&r, NACRE_AGENT_REQUEST_IDENTITIES, msg), NACRE_OK);
        cr_assert(nacre_agent_identity_next(&r.keys, &id));
        cr_assert(nacre_bytes_is(id.comment, "key 0"));
    }
    toy_agent_log(&l->agent, log, sizeof log);
    cr_assert_str_eq(log, "bind 1\nlist\nlist\nlist\n", "bound before it is used: %s", log);
    cr_assert_eq(nacre_chan_close(&l->rig.conn, l->chan), NACRE_OK);
    ncr_drive_kick(&l->rig.drive);
    for (unsigned i = 0; i < 500 && ncr_agent_forward_open(l->f) > 0; i++)
        loan_round(l);
    cr_assert_eq(ncr_agent_forward_open(l->f), 0);
    loan_free(l);
}

Test(forward_agent, several_at_once_and_left_open)
{
    struct loan *l = loan_new(false);

    loan_ask(l);
    for (unsigned i = 0; i < 4; i++)
        loan_open(l);
    cr_assert_eq(l->opened, 4);
    cr_assert_eq(ncr_agent_forward_open(l->f), 4);
    loan_free(l);
}

Test(forward_agent, s75_not_asked_for)
{
    struct loan *l = loan_new(false);

    loan_open(l);
    cr_assert_eq(l->failed, 1);
    cr_assert_eq(l->reason, NACRE_OPEN_PROHIBITED);
    l->f = ncr_agent_forward_start(l->c, &l->loop, l->agent.path);
    cr_assert_not_null(l->f);
    loan_open(l); /* there, but no session has asked */
    cr_assert_eq(l->failed, 2);
    cr_assert_eq(ncr_agent_forward_open(l->f), 0);
    loan_free(l);
}

Test(forward_agent, s75_off_after_a_host_key_warning)
{
    struct loan *l = loan_new(true);

    cr_assert_null(ncr_agent_forward_start(l->c, &l->loop, l->agent.path));
    cr_assert_not_null(memmem(l->log.p, l->log.n, "Agent forwarding is disabled", 28));
    loan_open(l);
    cr_assert_eq(l->failed, 1);
    loan_free(l);
}

Test(forward_agent, no_agent)
{
    struct loan *l = loan_new(false);

    cr_assert_null(ncr_agent_forward_start(l->c, &l->loop, "/nonexistent/agent"));
    loan_ask(l);
    unlink(l->agent.path); /* it has gone since */
    loan_open(l);
    cr_assert_eq(l->failed, 1);
    loan_free(l);
}
