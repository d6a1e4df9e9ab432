/* SPDX-License-Identifier: ISC
 *
 * What was negotiated and why, for machines: one line of JSON (RFC 8259) out of both KEXINITs,
 * which lie in the scratch area until the next key exchange.
 *
 * The rule is the same for every list (RFC 4253 7.1): the first name of the client's that the
 * server has too. So the reason for a choice is the names that the client would have preferred and
 * the server lacks: "passed_over". Names are the peer's bytes: what is no plain character is
 * escaped.
 */
#include <string.h>

#include "proto/conn.h"
#include "proto/kex.h"

static void report_text(struct ncr_wr *w, const char *s)
{
    ncr_wr_bytes(w, (const uint8_t *)s, strlen(s));
}

static void report_string(struct ncr_wr *w, struct nacre_bytes b)
{
    static const char hex[] = "0123456789abcdef";
    size_t i;

    ncr_wr_u8(w, '"');
    for (i = 0; i < b.n; i++) {
        const uint8_t c = b.p[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            ncr_wr_u8(w, c);
            continue;
        }
        report_text(w, "\\u00");
        ncr_wr_u8(w, (uint8_t)hex[c >> 4]);
        ncr_wr_u8(w, (uint8_t)hex[c & 15]);
    }
    ncr_wr_u8(w, '"');
}

static void report_key(struct ncr_wr *w, const char *key)
{
    report_text(w, ",\"");
    report_text(w, key);
    report_text(w, "\":");
}

static void report_bool(struct ncr_wr *w, const char *key, bool v)
{
    report_key(w, key);
    report_text(w, v ? "true" : "false");
}

/* The names of list up to `until` (NULL: all) that `without` lacks (NULL: all). */
static void report_names(struct ncr_wr *w, const char *key, struct nacre_bytes list,
                         const char *until, const struct nacre_bytes *without)
{
    struct nacre_bytes name;
    const char *comma = "";

    report_key(w, key);
    ncr_wr_u8(w, '[');
    while (ncr_list_next(&list, &name)) {
        if (until != NULL && nacre_bytes_is(name, until))
            break;
        if (without != NULL && ncr_list_has(*without, name))
            continue;
        report_text(w, comma);
        report_string(w, name);
        comma = ",";
    }
    ncr_wr_u8(w, ']');
}

static void report_choice(struct ncr_wr *w, const struct nacre_conn *c, const char *key, int list,
                          const char *chosen)
{
    const struct nacre_bytes ours = ncr_kexinit_list(c, true, (enum ncr_kexinit_list)list);
    const struct nacre_bytes theirs = ncr_kexinit_list(c, false, (enum ncr_kexinit_list)list);
    const bool client = c->role == NACRE_CLIENT;

    report_key(w, key);
    report_text(w, "{\"name\":");
    report_string(w, nacre_bytes_str(chosen));
    report_key(w, "why");
    if (chosen[0] == '\0')
        report_text(w, "\"the cipher authenticates by itself\"");
    else
        report_text(w, "\"first of the client's that the server has\"");
    if (chosen[0] != '\0')
        report_names(w, "passed_over", client ? ours : theirs, chosen, client ? &theirs : &ours);
    report_names(w, "ours", ours, NULL, NULL);
    report_names(w, "theirs", theirs, NULL, NULL);
    ncr_wr_u8(w, '}');
}

static const struct {
    const char *key;
    int list; /* client to server; the other direction is the next */
} report_dirs[] = {
    {"cipher", NCR_LIST_CIPHER_C2S}, {"mac", NCR_LIST_MAC_C2S}, {"compression", NCR_LIST_COMP_C2S}};

static const char *report_chosen(const struct nacre_negotiated *n, int list, int dir)
{
    switch (list) {
    case NCR_LIST_CIPHER_C2S:
        return n->cipher[dir];
    case NCR_LIST_MAC_C2S:
        return n->mac[dir];
    default:
        return n->comp[dir];
    }
}

static void report_direction(struct ncr_wr *w, const struct nacre_conn *c, const char *key, int dir)
{
    size_t i;

    report_key(w, key);
    report_text(w, "{\"direction\":");
    report_string(w, nacre_bytes_str(key));
    for (i = 0; i < sizeof report_dirs / sizeof report_dirs[0]; i++)
        report_choice(w, c, report_dirs[i].key, report_dirs[i].list + dir,
                      report_chosen(&c->neg, report_dirs[i].list, dir));
    ncr_wr_u8(w, '}');
}

static bool report_post_quantum(const struct nacre_conn *c)
{
    const struct nacre_algs *algs = c->cfg.algs != NULL ? c->cfg.algs : &nacre_algs_default;
    const struct ncr_kex *row = ncr_alg_kex(algs, nacre_bytes_str(c->neg.kex));

    return row != NULL && row->post_quantum;
}

nacre_err nacre_conn_report(const struct nacre_conn *c, char *out, size_t cap)
{
    static const char *const profiles[] = {"modern", "pq-required", "legacy-device"};
    struct ncr_wr w = ncr_wr((uint8_t *)out, cap > 0 ? cap - 1 : 0);

    if (cap > 0)
        out[0] = '\0';
    if (cap == 0 || !c->first_kex_done || ncr_kex_running(c))
        return cap == 0 ? NACRE_ERR_NO_ROOM : NACRE_ERR_USAGE;
    report_text(&w, "{\"role\":");
    report_string(&w, nacre_bytes_str(ncr_role_name(c->role)));
    report_key(&w, "profile");
    report_string(&w, nacre_bytes_str(profiles[c->cfg.profile]));
    report_key(&w, "peer");
    report_string(&w, nacre_conn_peer_version(c));
    report_bool(&w, "strict_kex", c->neg.strict);
    report_bool(&w, "post_quantum", report_post_quantum(c));
    report_choice(&w, c, "kex", NCR_LIST_KEX, c->neg.kex);
    report_choice(&w, c, "host_key", NCR_LIST_HOST_KEY, c->neg.host_key);
    report_direction(&w, c, "client_to_server", 0);
    report_direction(&w, c, "server_to_client", 1);
    ncr_wr_u8(&w, '}');
    out[w.bad ? 0 : w.n] = '\0';
    return w.bad ? NACRE_ERR_NO_ROOM : NACRE_OK;
}
