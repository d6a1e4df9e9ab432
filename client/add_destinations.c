/* SPDX-License-Identifier: ISC
 *
 * nacre-add -h: where a key may be used. "[user@]host" is a host that the machine of the agent logs
 * in to, "first>[user@]host" one that is reached from another, over the agent forwarded to it.
 * Hosts are named to the agent by their keys, which the known_hosts files have.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/add.h"
#include "client/keygen.h"
#include "client/known_hosts_file.h"
#include "proto/posix/file.h"

#define DEST_LIST_CAP (128 * 1024) /* half of what a message to an agent holds */
#define DEST_HOP_CAP (32 * 1024)
#define DEST_HOSTS_MAX (64 * 1024 * 1024) /* bytes of a known_hosts file */
#define DEST_PATH_CAP 4096

/* One hop while its keys are gathered. */
struct dest_hop {
    struct ncr_add *a;
    struct nacre_known_hosts *search;
    struct nacre_agent_hop hop;
    const char *file;
    size_t n, keys;
    bool full;
    uint8_t list[DEST_HOP_CAP];
    uint8_t blob[NACRE_KEY_BLOB_MAX];
};

static void dest_line(void *ctx, uint32_t number, struct nacre_bytes whole)
{
    struct dest_hop *h = ctx;
    struct nacre_host_entry e;
    struct nacre_pubkey key;
    nacre_err err;

    if (nacre_known_hosts_parse(&e, ncr_hosts_without_end(whole)) != NACRE_OK || e.blank ||
        e.marker == NACRE_HOST_REVOKED_KEY || !nacre_known_hosts_is_for(h->search, &e))
        return;
    err = nacre_pubkey_parse(&key, NULL,
                             (struct nacre_bytes){e.type.p, (size_t)(e.key.p - e.type.p) + e.key.n},
                             h->blob, sizeof h->blob);
    if (err != NACRE_OK)
        return; /* no key to name the host by */
    if (nacre_agent_keyspec_append(h->list, sizeof h->list, &h->n, key.blob,
                                   e.marker == NACRE_HOST_CERT_AUTHORITY) != NACRE_OK) {
        h->full = true;
        return;
    }
    if (h->a->verbose)
        fprintf(stderr, "debug1: %.*s: adding %s key from %s:%u as key %zu\n", (int)h->hop.host.n,
                (const char *)h->hop.host.p, nacre_pubkey_label(&key), h->file, (unsigned)number,
                h->keys);
    h->keys++;
}

static bool dest_read(struct dest_hop *h, const char *name)
{
    char path[DEST_PATH_CAP];
    struct ncr_file f;
    nacre_err err;

    if (name[0] == '~' && name[1] == '/')
        (void)snprintf(path, sizeof path, "%s%s", ncr_keygen_home(), name + 1);
    else
        (void)snprintf(path, sizeof path, "%s", name);
    err = ncr_file_read(&f, path, DEST_HOSTS_MAX);
    if (err == NACRE_ERR_IO && errno == ENOENT)
        return true;
    if (err != NACRE_OK) {
        fprintf(stderr, "%s: %s\n", path, ncr_file_error(err));
        return false;
    }
    h->file = path;
    ncr_hosts_each_line((struct nacre_bytes){f.p, f.n}, dest_line, h);
    ncr_file_wipe(&f);
    return true;
}

/* Splits "[name]:port"; else all of it is the name. */
static struct nacre_bytes dest_host_name(struct nacre_bytes text, uint32_t *port)
{
    const char *s = (const char *)text.p;
    const char *end = s[0] == '[' ? strstr(s, "]:") : NULL;

    *port = 22;
    if (end == NULL)
        return text;
    *port = (uint32_t)strtoul(end + 2, NULL, 10);
    return (struct nacre_bytes){text.p + 1, (size_t)(end - s) - 1};
}

/* The keys of the host, out of all files. */
static bool dest_keys(struct dest_hop *h)
{
    static const char *const usual[] = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2",
                                        "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
    const char *const *files = h->a->n_hosts > 0 ? h->a->hosts : usual;
    const size_t n = h->a->n_hosts > 0 ? h->a->n_hosts : sizeof usual / sizeof usual[0];
    const struct nacre_bytes none = {NULL, 0};
    uint32_t port;
    struct nacre_bytes name = dest_host_name(h->hop.host, &port);
    bool good = nacre_known_hosts_init(h->search, name, port, none) == NACRE_OK;

    for (size_t i = 0; good && i < n; i++)
        good = dest_read(h, files[i]);
    h->hop.keys = (struct nacre_bytes){h->list, h->n};
    if (good && h->full)
        fprintf(stderr, "Too many host keys for destination \"%s\"\n", (const char *)h->hop.host.p);
    else if (!good || h->keys == 0)
        fprintf(stderr, "No host keys found for destination \"%s\"\n", (const char *)h->hop.host.p);
    return good && !h->full && h->keys > 0;
}

/* "[user@]host" into a hop. */
static bool dest_parse(struct dest_hop *h, struct ncr_add *a, struct nacre_known_hosts *search,
                       char *text)
{
    char *host = strchr(text, '@');

    h->a = a;
    h->search = search;
    if (host != NULL) {
        *host++ = '\0';
        h->hop.user = nacre_bytes_str(text);
    } else {
        host = text;
    }
    h->hop.host = nacre_bytes_str(host);
    if (text[0] == '\0' || host[0] == '\0') {
        fprintf(stderr,
                "Invalid key destination constraint \"%s\": does not specify user or host\n", text);
        return false;
    }
    return dest_keys(h);
}

static bool dest_append(struct ncr_add *a, const struct nacre_agent_dest *d)
{
    if (nacre_agent_dest_append(a->dest_list, DEST_LIST_CAP, &a->dest_len, d) == NACRE_OK)
        return true;
    fprintf(stderr, "Too many destination constraints\n");
    return false;
}

/* hop[0] is where it is used from, hop[1] where to. */
static bool dest_one(struct ncr_add *a, struct dest_hop hop[2], struct nacre_known_hosts *search,
                     char *text)
{
    struct nacre_agent_dest d;
    char *to = strchr(text, '>');

    memset(&d, 0, sizeof d);
    if (to != NULL) {
        *to++ = '\0';
        if (!dest_parse(&hop[0], a, search, text))
            return false;
        if (hop[0].hop.user.n > 0) {
            fprintf(stderr, "Invalid key constraint %s@%s: cannot specify user on 'from' host\n",
                    text, (const char *)hop[0].hop.host.p);
            return false;
        }
        d.from = hop[0].hop;
        text = to;
    }
    if (!dest_parse(&hop[1], a, search, text))
        return false;
    d.to = hop[1].hop;
    return dest_append(a, &d);
}

bool ncr_add_destinations(struct ncr_add *a)
{
    struct nacre_known_hosts *search = malloc(sizeof *search);
    bool good;

    if (a->n_dests == 0) {
        free(search);
        return true;
    }
    a->dest_list = malloc(DEST_LIST_CAP);
    good = search != NULL && a->dest_list != NULL;
    if (!good)
        fprintf(stderr, "out of memory\n");
    for (size_t i = 0; good && i < a->n_dests; i++) {
        struct dest_hop *hop = calloc(2, sizeof *hop);
        char *text = strdup(a->dests[i]);

        good = hop != NULL && text != NULL && dest_one(a, hop, search, text);
        free(hop);
        free(text);
    }
    free(search);
    return good;
}
