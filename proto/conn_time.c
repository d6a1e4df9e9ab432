/* SPDX-License-Identifier: ISC
 *
 * Time as the driver tells it: deadlines of the key exchange and of authentication, keepalives, the
 * hour after which keys are changed (RFC 4253 9). The engine has no clock; between two ticks time
 * stands still.
 *
 * A deadline judges the peer, not the people on this side: while a question of ours is open, or the
 * other side has to ask its user, no time runs. All sums saturate, so that UINT64_MAX means never.
 */
#include "proto/chan.h"
#include "proto/conn.h"
#include "proto/err.h"
#include "proto/kex.h"

/* Milliseconds from a point in time on; 0 stands for the standard. */
static uint64_t time_after(uint64_t from, uint64_t configured, uint64_t standard)
{
    const uint64_t ms = configured != 0 ? configured : standard;

    return ms > UINT64_MAX - from ? UINT64_MAX : from + ms;
}

/* In a first exchange the client may ask its user about the host key before its NEWKEYS: what the
 * server waits for then is bounded by the deadline of authentication. In a re-exchange KEXINIT may
 * stand behind megabytes of data on a slow path: a peer that still sends is not late, up to a hard
 * end. */
static uint64_t time_kex(const struct nacre_conn *c)
{
    uint64_t soft, hard;

    if (!ncr_kex_running(c) || ncr_conn_blocked(c))
        return UINT64_MAX;
    if (!c->first_kex_done)
        return c->role == NACRE_SERVER && !ncr_phase_in_kex(&c->tx)
                   ? UINT64_MAX
                   : time_after(c->kex.started, c->cfg.kex_ms, NCR_KEX_MS);
    soft = time_after(c->last_rx > c->kex.started ? c->last_rx : c->kex.started, c->cfg.kex_ms,
                      NCR_KEX_MS);
    hard =
        time_after(c->kex.started, 0,
                   (c->cfg.kex_ms != 0 && c->cfg.kex_ms < UINT64_MAX / NCR_KEX_SLOW ? c->cfg.kex_ms
                                                                                    : NCR_KEX_MS) *
                       NCR_KEX_SLOW);
    return soft < hard ? soft : hard;
}

static uint64_t time_auth(const struct nacre_conn *c)
{
    if (c->auth.done || (c->role == NACRE_CLIENT && c->question != NACRE_EV_NONE))
        return UINT64_MAX;
    return time_after(c->born, c->cfg.auth_ms, NCR_AUTH_MS);
}

/* New keys by age; not while they could not be asked for. */
static uint64_t time_rekey(const struct nacre_conn *c)
{
    const size_t room = c->out_cap - (c->out_end - c->out_start);

    if (!c->auth.done || ncr_kex_running(c) || room < ncr_out_reserve(c) || c->full_queues > 0)
        return UINT64_MAX;
    return time_after(c->kex.keyed, c->cfg.rekey_ms, NCR_REKEY_MS);
}

static uint64_t time_alive(const struct nacre_conn *c)
{
    const uint64_t last = c->last_alive > c->last_rx ? c->last_alive : c->last_rx;

    return c->auth.done && c->cfg.keepalive_ms != 0 ? time_after(last, c->cfg.keepalive_ms, 0)
                                                    : UINT64_MAX;
}

uint64_t nacre_conn_deadline(const struct nacre_conn *c)
{
    const uint64_t all[] = {time_kex(c), time_auth(c), time_rekey(c), time_alive(c)};
    uint64_t min = UINT64_MAX;
    size_t i;

    if (c->err != NACRE_OK)
        return min;
    if (ncr_conn_next_due(c))
        return c->now;
    for (i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i] < min)
            min = all[i];
    return min;
}

/* A dead peer is one that leaves so many requests unanswered in a row; any byte from it counts as
 * an answer. While replies to so many other requests are missing nothing is sent, and nothing
 * counted. */
static nacre_err time_keepalive(struct nacre_conn *c)
{
    const unsigned max = c->cfg.keepalive_max != 0 ? c->cfg.keepalive_max : NCR_KEEPALIVE_MAX;
    nacre_err err;

    if (c->now < time_alive(c))
        return NACRE_OK;
    c->last_alive = c->now;
    if (c->n_sent >= NCR_SENT_GLOBAL)
        return NACRE_OK;
    if (c->alive_unanswered >= max)
        return ncr_fail(c, NACRE_ERR_TIMEOUT_ALIVE, "");
    c->alive_unanswered++;
    err = ncr_global_keepalive(c);
    return ncr_err_is_usage(err) ? NACRE_OK : err; /* no room: a stalled peer is counted as well */
}

static void time_start(struct nacre_conn *c, uint64_t now)
{
    c->ticked = true;
    c->born = now;
    c->last_rx = now;
    c->kex.started = now;
    c->kex.keyed = now;
}

static nacre_err time_check(struct nacre_conn *c)
{
    if (c->now >= time_auth(c))
        return ncr_fail(c, NACRE_ERR_TIMEOUT_AUTH, "");
    if (c->now >= time_kex(c))
        return ncr_fail(c, NACRE_ERR_TIMEOUT_KEX, "");
    return time_keepalive(c);
}

nacre_err nacre_conn_tick(struct nacre_conn *c, uint64_t now_ms)
{
    nacre_err err;

    if (c->err != NACRE_OK)
        return c->err;
    if (!c->ticked)
        time_start(c, now_ms);
    if (now_ms > c->now)
        c->now = now_ms;
    c->msg = 0;
    err = time_check(c);
    if (err == NACRE_OK)
        err = ncr_conn_progress(c);
    return err == NACRE_OK ? err : ncr_conn_end(c, err);
}
