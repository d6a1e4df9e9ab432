/* SPDX-License-Identifier: ISC
 *
 * A connection's configuration out of files of ssh_config(5), on request: see
 * nacre_client_config_read().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ssh_config.h"

struct clientconf_span {
    size_t at, n; /* bytes in struct nacre_client_cfg */
};

/* From one field to another behind it that belongs to it. */
#define CLIENTCONF_SPAN(first, last)                                                               \
    {                                                                                              \
        offsetof(struct nacre_client_cfg, first), offsetof(struct nacre_client_cfg, last) -        \
                                                      offsetof(struct nacre_client_cfg, first) +   \
                                                      sizeof(((struct nacre_client_cfg *)0)->last) \
    }
#define CLIENTCONF_ONE(field) CLIENTCONF_SPAN(field, field)

/* What a file can set. The caller's values stay where they are not zero. */
static const struct clientconf_span clientconf_spans[] = {
    CLIENTCONF_ONE(port),
    CLIENTCONF_ONE(user),
    CLIENTCONF_ONE(host_key_alias),
    CLIENTCONF_ONE(family),
    CLIENTCONF_ONE(bind_addr),
    CLIENTCONF_ONE(connect_ms),
    CLIENTCONF_ONE(conn.algs),
    CLIENTCONF_ONE(conn.profile),
    CLIENTCONF_ONE(conn.kex),
    CLIENTCONF_ONE(conn.host_key_algs),
    CLIENTCONF_ONE(conn.ciphers),
    CLIENTCONF_ONE(conn.macs),
    CLIENTCONF_ONE(conn.comps),
    CLIENTCONF_ONE(conn.rekey_bytes),
    CLIENTCONF_ONE(conn.rekey_ms),
    CLIENTCONF_ONE(conn.keepalive_ms),
    CLIENTCONF_ONE(conn.keepalive_max),
    CLIENTCONF_SPAN(known_hosts, n_own_hosts),
    CLIENTCONF_ONE(hash_known_hosts),
    CLIENTCONF_SPAN(revoked_host_keys, n_revoked_host_keys),
    CLIENTCONF_ONE(ca_sig_algs),
    CLIENTCONF_ONE(auth_methods),
    CLIENTCONF_ONE(auth_order),
    CLIENTCONF_SPAN(identities, n_identities),
    CLIENTCONF_SPAN(certificates, n_certificates),
    CLIENTCONF_ONE(agent),
    CLIENTCONF_ONE(identities_only),
    CLIENTCONF_ONE(keep),
    CLIENTCONF_ONE(keep_lifetime),
    CLIENTCONF_ONE(prompts),
    CLIENTCONF_ONE(pubkey_algs),
};

static bool clientconf_is_zero(const uint8_t *p, size_t n)
{
    uint8_t all = 0;

    while (n > 0)
        all |= p[--n];
    return all == 0;
}

struct nacre_client_config {
    struct ncr_options opt;      /* what cfg points into */
    struct nacre_client_cfg *to; /* whose log is told */
    char error[NCR_OPT_ERROR_CAP];
};

/* The first error is the one that the caller is told. */
static void clientconf_log(void *ctx, enum nacre_log_level level, const char *line)
{
    struct nacre_client_config *k = ctx;

    if (level == NACRE_LOG_ERROR && k->error[0] == '\0')
        (void)snprintf(k->error, sizeof k->error, "%s", line); /* a longer one is cut */
    else if (k->to->log != NULL)
        k->to->log(k->to->ctx, level, line);
}

static void clientconf_take(struct nacre_client_config *k, const struct nacre_client_cfg *from)
{
    struct nacre_client_cfg *cfg = k->to;
    uint8_t *to = (uint8_t *)cfg;

    for (size_t i = 0; i < sizeof clientconf_spans / sizeof clientconf_spans[0]; i++) {
        const struct clientconf_span *s = &clientconf_spans[i];

        if (clientconf_is_zero(to + s->at, s->n))
            memcpy(to + s->at, (const uint8_t *)from + s->at, s->n);
    }
    cfg->host = from->host;
    if (cfg->host_policy == 0 && ncr_opt_has(&k->opt, "StrictHostKeyChecking"))
        cfg->host_policy = from->host_policy;
    if (cfg->update_hosts == 0 && ncr_opt_has(&k->opt, "UpdateHostKeys"))
        cfg->update_hosts = from->update_hosts;
}

/* What the caller has set goes before all files. */
static void clientconf_begin(struct nacre_client_config *k)
{
    struct ncr_options *o = &k->opt;

    ncr_opt_init(o, "nacre");
    o->host = k->to->host;
    o->user = k->to->user;
    o->port = k->to->port;
    o->host_key_alias = k->to->host_key_alias;
    ncr_opt_connection_only(o);
    if (o->port != 0)
        ncr_opt_close(o, "Port");
    if (o->host_key_alias != NULL)
        ncr_opt_close(o, "HostKeyAlias");
}

static nacre_err clientconf_read(struct nacre_client_config *k, const char *file)
{
    struct ncr_options *o = &k->opt;
    const struct ncr_ssh_config cfg = {.opt = o,
                                       .file = file[0] != '\0' ? file : NULL,
                                       .session = "none",
                                       .log = clientconf_log,
                                       .ctx = k};
    struct nacre_client_cfg from;

    if (o->host == NULL || !ncr_host_fit(o->host)) {
        clientconf_log(k, NACRE_LOG_ERROR, "not a host name");
        return NACRE_ERR_USAGE;
    }
    if (!ncr_ssh_config_load(&cfg))
        return NACRE_ERR_FILE_FORMAT;
    if (o->proxy_command != NULL || o->jump.host != NULL) {
        clientconf_log(k, NACRE_LOG_ERROR,
                       "ProxyCommand and ProxyJump are for programs: see nacre_client_start()");
        return NACRE_ERR_FILE_FORMAT;
    }
    memset(&from, 0, sizeof from);
    if (!ncr_opt_settle(o) || !ncr_opt_settle_last(o) || !ncr_opt_client_cfg(o, &from)) {
        clientconf_log(k, NACRE_LOG_ERROR, o->error);
        return NACRE_ERR_FILE_FORMAT;
    }
    clientconf_take(k, &from);
    return NACRE_OK;
}

nacre_err nacre_client_config_read(struct nacre_client_config **out, struct nacre_client_cfg *cfg,
                                   const char *file)
{
    struct nacre_client_config *k = calloc(1, sizeof *k);

    *out = k;
    if (k == NULL)
        return NACRE_ERR_NO_MEMORY;
    k->to = cfg;
    clientconf_begin(k);
    return clientconf_read(k, file);
}

const char *nacre_client_config_error(const struct nacre_client_config *k)
{
    return k == NULL ? "out of memory" : k->error;
}

void nacre_client_config_free(struct nacre_client_config *k)
{
    if (k != NULL)
        ncr_opt_free(&k->opt);
    free(k);
}
