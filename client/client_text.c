/* SPDX-License-Identifier: ISC
 *
 * Lines for people: logging, and the one line that says how a connection ended. Every byte of the
 * peer's goes through ncr_escape() on the way (S52).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

#define TEXT_LIST_CAP 3072 /* one proposal in a line, escaped */

const char *ncr_text(struct ncr_text *t, struct nacre_bytes b)
{
    (void)ncr_escape(t->s, sizeof t->s, b, NCR_ESCAPE_LINE);
    return t->s;
}

void ncr_client_log(struct nacre_client *c, enum nacre_log_level level, const char *format, ...)
{
    char line[2048];
    va_list args;

    if (c->cfg.log == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args); /* a longer line is cut */
    va_end(args);
    c->cfg.log(c->cfg.ctx, level, line);
}

void ncr_client_error(struct nacre_client *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(c->error, sizeof c->error, format, args);
    va_end(args);
}

/* "addr port n", or what we called the host if there is no address. */
static const char *text_peer(const struct nacre_client *c, char *out, size_t cap)
{
    if (c->peer_port != 0)
        (void)snprintf(out, cap, "%s port %u", c->peer, (unsigned)c->peer_port);
    else
        (void)snprintf(out, cap, "%s", c->host_text);
    return out;
}

/* The option with which a list is changed, by the category of its failure. */
static const char *text_option(const char *category)
{
    static const struct {
        const char *category, *option;
    } rows[] = {{"key exchange", "KexAlgorithms"},
                {"host key", "HostKeyAlgorithms"},
                {"cipher", "Ciphers"},
                {"MAC", "MACs"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strncmp(category, rows[i].category, strlen(rows[i].category)) == 0)
            return rows[i].option;
    return NULL;
}

static void text_no_common(struct nacre_client *c, const char *peer,
                           const struct nacre_errinfo *info)
{
    const char *help = info->would_help[0] != '\0' ? text_option(info->category) : NULL;
    char *lists = malloc(2 * TEXT_LIST_CAP);

    if (lists == NULL) {
        ncr_client_error(c, "Unable to negotiate with %s: no matching %s found", peer,
                         info->category);
        return;
    }
    (void)ncr_escape(lists, TEXT_LIST_CAP, info->theirs, NCR_ESCAPE_LINE);
    (void)ncr_escape(lists + TEXT_LIST_CAP, TEXT_LIST_CAP, info->ours, NCR_ESCAPE_LINE);
    ncr_client_error(c,
                     "Unable to negotiate with %s: no matching %s found. Their offer: %s. "
                     "Our offer: %s%s%s%s%s",
                     peer, info->category, lists, lists + TEXT_LIST_CAP,
                     help != NULL ? ". To allow it all the same: " : "", help != NULL ? help : "",
                     help != NULL ? "=+" : "", help != NULL ? info->would_help : "");
    free(lists);
}

/* What was received, in which phase, why it was refused. */
static void text_protocol(struct nacre_client *c, const char *peer,
                          const struct nacre_errinfo *info)
{
    char msg[128] = "a packet";

    if (info->msg != 0)
        (void)snprintf(msg, sizeof msg, "%s (message %u)", info->msg_name, (unsigned)info->msg);
    ncr_client_error(c, "%s: received %s in phase %s, packet %u: %s%s%s", peer, msg, info->phase,
                     (unsigned)info->seq, nacre_err_text(info->err),
                     info->what[0] != '\0' ? ": " : "", info->what);
}

static void text_disconnect(struct nacre_client *c, const char *peer,
                            const struct nacre_errinfo *info)
{
    struct ncr_text t;

    ncr_client_error(c, "Received disconnect from %s: %u: %s", peer, (unsigned)info->peer_reason,
                     ncr_text(&t, info->peer_text));
}

static void text_closed(struct nacre_client *c, const char *peer, const struct nacre_errinfo *info)
{
    if (c->drive.io_errno != 0)
        ncr_client_error(c, "Connection to %s lost: %s", peer, strerror(c->drive.io_errno));
    else if (c->state == NACRE_CLIENT_READY)
        ncr_client_error(c, "Connection to %s closed by remote host.", c->host_text);
    else if (nacre_conn_peer_version(&c->conn).n == 0)
        ncr_client_error(c, "Connection closed by %s before it sent a version", peer);
    else
        ncr_client_error(c, "Connection closed by %s in phase %s", peer, info->phase);
}

static void text_timeout(struct nacre_client *c, const char *peer, const struct nacre_errinfo *info)
{
    if (nacre_conn_peer_version(&c->conn).n == 0)
        ncr_client_error(c, "Connection to %s timed out while waiting for its version", peer);
    else
        ncr_client_error(c, "Connection to %s timed out in phase %s: %s", peer, info->phase,
                         nacre_err_text(info->err));
}

static bool text_is_timeout(nacre_err err)
{
    return err == NACRE_ERR_TIMEOUT || err == NACRE_ERR_TIMEOUT_KEX ||
           err == NACRE_ERR_TIMEOUT_AUTH || err == NACRE_ERR_TIMEOUT_ALIVE;
}

void ncr_client_explain(struct nacre_client *c, nacre_err err)
{
    char peer[NCR_SOCK_NAME + NACRE_HOST_TEXT_LEN];
    struct nacre_errinfo info;

    if (c->error[0] != '\0' || !c->conn_made)
        return;
    (void)text_peer(c, peer, sizeof peer);
    info = nacre_conn_errinfo(&c->conn);
    if (info.err == NACRE_OK)
        info.err = err;
    if (err == NACRE_ERR_NO_COMMON_ALG)
        text_no_common(c, peer, &info);
    else if (err == NACRE_ERR_PEER_DISCONNECT)
        text_disconnect(c, peer, &info);
    else if (err == NACRE_ERR_PEER_CLOSED || err == NACRE_ERR_IO)
        text_closed(c, peer, &info);
    else if (text_is_timeout(err))
        text_timeout(c, peer, &info);
    else if (err == NACRE_ERR_VERSION_UNSUPPORTED || err == NACRE_ERR_VERSION_LINE ||
             err == NACRE_ERR_VERSION_LIMIT)
        ncr_client_error(c, "%s: %s%s%s", peer, nacre_err_text(err), info.what[0] ? ": " : "",
                         info.what);
    else if (err == NACRE_ERR_CLOSED || info.phase[0] == '\0')
        ncr_client_error(c, "%s: %s", peer, nacre_err_text(err));
    else
        text_protocol(c, peer, &info);
}

void ncr_client_tell_kex(struct nacre_client *c)
{
    static const char *const dirs[] = {"client->server", "server->client"};
    const struct nacre_negotiated *n = nacre_conn_negotiated(&c->conn);

    if (c->cfg.log == NULL)
        return;
    if (!n->strict)
        ncr_client_log(c, NACRE_LOG_DEBUG,
                       "server has no strict key exchange: its first messages can be cut off");
    ncr_client_log(c, NACRE_LOG_DEBUG, "kex: algorithm: %s", n->kex);
    ncr_client_log(c, NACRE_LOG_DEBUG, "kex: host key algorithm: %s", n->host_key);
    for (int i = 1; i >= 0; i--)
        ncr_client_log(c, NACRE_LOG_DEBUG, "kex: %s cipher: %s MAC: %s compression: %s", dirs[i],
                       n->cipher[i], n->mac[i][0] != '\0' ? n->mac[i] : "<implicit>", n->comp[i]);
    ncr_client_log(c, NACRE_LOG_DEBUG, "kex: strict key exchange: %s", n->strict ? "yes" : "no");
}
