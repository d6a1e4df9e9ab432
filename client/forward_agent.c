/* SPDX-License-Identifier: ISC
 *
 * The local agent over a connection: see forward_agent.h.
 */
#include "client/forward_agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/agent_client.h"
#include "client/client.h"

#define AGENT_FWD_TYPE "auth-agent@openssh.com"
#define AGENT_FWD_REQUEST "auth-agent-req@openssh.com"
#define AGENT_FWD_WINDOW (64u * 1024) /* of a channel, and its ring: a few requests */
#define AGENT_FWD_MS 5000             /* that an agent has to take the bind: the loop waits */

struct agent_fwd_conn {
    struct ncr_agent_forward *f;
    struct agent_fwd_conn *next;
    int fd; /* of the agent, until the relay has it */
    bool relaying;
    struct nacre_answer answer;
    struct ncr_chan_user user;
    struct ncr_relay relay;
};

struct ncr_agent_forward {
    struct nacre_client *c;
    struct ncr_loop *loop;
    char *agent; /* NULL: the default one */
    bool asked;
    size_t n_open;
    struct agent_fwd_conn *conns;
};

/* ---- Connections ------------------------------------------------------------------------- */

static void agent_fwd_free(struct agent_fwd_conn *k)
{
    struct ncr_agent_forward *f = k->f;
    struct agent_fwd_conn **at = &f->conns;

    while (*at != NULL && *at != k)
        at = &(*at)->next;
    if (*at != NULL)
        *at = k->next;
    ncr_client_remove_user(f->c, &k->user);
    if (k->relaying) {
        ncr_drive_remove(&f->c->drive, &k->relay);
        ncr_relay_free(&k->relay);
    } else if (k->fd >= 0) {
        (void)close(k->fd); /* all that was said was answered */
    }
    f->n_open--;
    free(k);
}

static void agent_fwd_done(void *ctx, struct ncr_relay *r)
{
    (void)r;
    agent_fwd_free(ctx);
}

static bool agent_fwd_relay(struct agent_fwd_conn *k)
{
    struct nacre_client *c = k->f->c;
    int fd = k->fd;

    ncr_relay_init(&k->relay, &c->conn, k->f->loop, &c->drive.step, k->user.chan, NCR_RELAY_CLOSE);
    k->relay.done = agent_fwd_done;
    k->relay.ctx = k;
    k->relaying = true;
    k->fd = -1;
    ncr_drive_add(&c->drive, &k->relay);
    if (ncr_relay_set_sink(&k->relay, 0, fd, NCR_FD_SOCKET, AGENT_FWD_WINDOW) == NACRE_OK &&
        ncr_relay_set_source(&k->relay, 0, fd, NCR_FD_SOCKET) == NACRE_OK)
        return true;
    ncr_client_log(c, NACRE_LOG_ERROR, "channel %u: out of memory", (unsigned)k->user.chan);
    return false;
}

static void agent_fwd_chan_event(void *ctx, const struct nacre_event *ev)
{
    struct agent_fwd_conn *k = ctx;

    if (ev->type == NACRE_EV_CHAN_CLOSED && !k->relaying)
        agent_fwd_free(k);
    else if (ev->id != 0)
        ncr_client_refuse(k->f->c, ev->id); /* requests on such a channel mean nothing */
}

/* Answers the server; again when output has drained, if there is no room now. */
static void agent_fwd_answer(void *ctx)
{
    struct agent_fwd_conn *k = ctx;
    struct nacre_client *c = k->f->c;
    nacre_err err = nacre_conn_answer(&c->conn, &k->answer);

    k->user.room = err == NACRE_ERR_NO_ROOM ? agent_fwd_answer : NULL;
    ncr_client_kick(c);
    if (err == NACRE_ERR_NO_ROOM)
        return;
    if (err != NACRE_OK ||
        (!agent_fwd_relay(k) && nacre_chan_close(&c->conn, k->user.chan) != NACRE_OK))
        agent_fwd_free(k);
}

/* A connection of its own to the agent, bound to the session: the socket, or -1. */
static int agent_fwd_connect(struct ncr_agent_forward *f)
{
    struct nacre_agent *a;

    if (nacre_agent_open(&a, f->agent) != NACRE_OK) {
        ncr_client_log(f->c, NACRE_LOG_ERROR, "no agent: %s", strerror(errno));
        return -1;
    }
    ncr_agent_deadlines(a, AGENT_FWD_MS, AGENT_FWD_MS);
    ncr_ids_bind(f->c, a, true);
    return ncr_agent_release(a);
}

static bool agent_fwd_opened(struct ncr_agent_forward *f, const struct nacre_event *ev)
{
    struct agent_fwd_conn *k;
    int fd;

    if (!f->asked || f->c->distrusted)
        return false;
    fd = agent_fwd_connect(f);
    k = fd < 0 ? NULL : calloc(1, sizeof *k);
    if (k == NULL) {
        if (fd >= 0)
            (void)close(fd); /* nothing is owed */
        return false;
    }
    k->f = f;
    k->fd = fd;
    k->next = f->conns;
    f->conns = k;
    f->n_open++;
    k->answer.id = ev->id;
    k->answer.verdict = NACRE_ACCEPT;
    k->answer.window = AGENT_FWD_WINDOW;
    k->user.chan = ev->chan;
    k->user.event = agent_fwd_chan_event;
    k->user.ctx = k;
    ncr_client_add_user(f->c, &k->user);
    ncr_client_log(f->c, NACRE_LOG_DEBUG, "channel %u: the agent is used by the other host",
                   (unsigned)ev->chan);
    agent_fwd_answer(k);
    return true;
}

/* ---- All of them ------------------------------------------------------------------------- */

bool ncr_agent_forward_event(struct ncr_agent_forward *f, const struct nacre_event *ev)
{
    return ev->type == NACRE_EV_CHAN_OPEN && nacre_bytes_is(ev->name, AGENT_FWD_TYPE) &&
           agent_fwd_opened(f, ev);
}

nacre_err ncr_agent_forward_ask(struct ncr_agent_forward *f, uint32_t chan)
{
    struct nacre_request r = {.kind = NACRE_REQ_OTHER};
    nacre_err err;

    r.name = nacre_bytes_str(AGENT_FWD_REQUEST);
    err = nacre_chan_request(&f->c->conn, chan, &r, false);
    f->asked = f->asked || err == NACRE_OK;
    if (err == NACRE_OK)
        ncr_client_log(f->c, NACRE_LOG_DEBUG, "Requesting authentication agent forwarding.");
    return err;
}

struct ncr_agent_forward *ncr_agent_forward_start(struct nacre_client *c, struct ncr_loop *l,
                                                  const char *agent)
{
    struct ncr_agent_forward *f;
    struct nacre_agent *a;

    if (c->distrusted) {
        ncr_client_log(c, NACRE_LOG_ERROR,
                       "Agent forwarding is disabled to avoid man-in-the-middle attacks.");
        return NULL;
    }
    if (nacre_agent_open(&a, agent) != NACRE_OK) {
        ncr_client_log(c, NACRE_LOG_DEBUG, "no agent to forward: %s", strerror(errno));
        return NULL;
    }
    nacre_agent_close(a); /* it is there: more is not to be known now */
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->c = c;
    f->loop = l;
    f->agent = agent != NULL ? strdup(agent) : NULL;
    if (agent != NULL && f->agent == NULL) {
        free(f);
        return NULL;
    }
    return f;
}

void ncr_agent_forward_free(struct ncr_agent_forward *f)
{
    if (f == NULL)
        return;
    while (f->conns != NULL)
        agent_fwd_free(f->conns);
    free(f->agent);
    free(f);
}

size_t ncr_agent_forward_open(const struct ncr_agent_forward *f)
{
    return f->n_open;
}
