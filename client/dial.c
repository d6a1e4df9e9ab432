/* SPDX-License-Identifier: ISC
 *
 * From the name of a host to a connected socket: every address in turn, and a line for each that
 * failed.
 */
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "client/client.h"

static int dial_family(const struct nacre_client_cfg *cfg)
{
    return cfg->family == 4 ? AF_INET : cfg->family == 6 ? AF_INET6 : AF_UNSPEC;
}

static void dial_tell_tries(struct nacre_client *c, const struct ncr_connect *k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct ncr_sock_try *t = &k->tries[i];

        ncr_client_log(c, n > 1 ? NACRE_LOG_INFO : NACRE_LOG_DEBUG,
                       "connect to address %s port %u: %s", t->addr, (unsigned)c->cfg.port,
                       strerror(t->errnum));
    }
}

static const char *dial_reason(const struct ncr_connect *k)
{
    if (k->gai == EAI_SYSTEM)
        return strerror(errno);
    if (k->gai != 0)
        return gai_strerror(k->gai);
    return strerror(ncr_connect_errno(k));
}

int ncr_client_dial(struct nacre_client *c)
{
    const char *host = c->cfg.host;
    uint64_t ms = c->cfg.connect_ms != 0 ? c->cfg.connect_ms : NCR_CLIENT_CONNECT_MS;
    struct ncr_connect k;
    int fd;

    c->version_by = ncr_clock_deadline(ms);
    ncr_client_log(c, NACRE_LOG_DEBUG, "Connecting to %s port %u.", host, (unsigned)c->cfg.port);
    fd = ncr_dial(&k, host, c->cfg.port, dial_family(&c->cfg), c->cfg.bind_addr, c->version_by);
    if (fd < 0 && k.gai != 0) {
        ncr_client_error(c, "Could not resolve hostname %s: %s", host, dial_reason(&k));
    } else if (fd < 0) {
        dial_tell_tries(c, &k, k.n_tries);
        ncr_client_error(c, "connect to host %s port %u: %s", host, (unsigned)c->cfg.port,
                         dial_reason(&k));
    } else {
        ncr_client_log(c, NACRE_LOG_DEBUG, "Connection established.");
        ncr_sock_keepalive(fd);
    }
    ncr_connect_free(&k);
    return fd;
}
