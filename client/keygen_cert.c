/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -s: issuing certificates, with an authority's key from a file or in an agent.
 *
 * What goes into every certificate of a run is put together once, then each key that is named gets
 * its own. Options are written in order and each once: ssh-keygen takes one name twice, here that
 * is refused, for readers differ in which they believe. SHA-1 signs nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "client/keygen.h"
#include "client/nacre_client.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"

#define CERT_LIST_MAX NACRE_KEY_BLOB_MAX

static uint64_t cert_work[NACRE_WORK];

/* What a certificate may say with a word of -O. */
enum cert_flag {
    CERT_X11,
    CERT_AGENT,
    CERT_PORT,
    CERT_PTY,
    CERT_RC,
    CERT_NO_TOUCH,
    CERT_VERIFY,
    CERT_FLAGS
};

static const struct {
    const char *name;
    bool critical, for_users; /* for_users: unless it is taken away */
} cert_flags[CERT_FLAGS] = {
    [CERT_X11] = {"permit-X11-forwarding", false, true},
    [CERT_AGENT] = {"permit-agent-forwarding", false, true},
    [CERT_PORT] = {"permit-port-forwarding", false, true},
    [CERT_PTY] = {"permit-pty", false, true},
    [CERT_RC] = {"permit-user-rc", false, true},
    [CERT_NO_TOUCH] = {"no-touch-required", false, false},
    [CERT_VERIFY] = {"verify-required", true, false},
};

static const struct {
    const char *word;
    enum cert_flag flag;
    bool on;
} cert_words[] = {
    {"permit-x11-forwarding", CERT_X11, true},
    {"no-x11-forwarding", CERT_X11, false},
    {"permit-agent-forwarding", CERT_AGENT, true},
    {"no-agent-forwarding", CERT_AGENT, false},
    {"permit-port-forwarding", CERT_PORT, true},
    {"no-port-forwarding", CERT_PORT, false},
    {"permit-pty", CERT_PTY, true},
    {"no-pty", CERT_PTY, false},
    {"permit-user-rc", CERT_RC, true},
    {"no-user-rc", CERT_RC, false},
    {"no-touch-required", CERT_NO_TOUCH, true},
    {"touch-required", CERT_NO_TOUCH, false},
    {"verify-required", CERT_VERIFY, true},
    {"no-verify-required", CERT_VERIFY, false},
};

/* A critical option or extension; value.p NULL: a flag. */
struct cert_option {
    struct nacre_bytes name, value;
    bool critical;
};

/* What all certificates of this run say, and who signs them. */
struct cert_run {
    const struct ncr_keygen *g;
    struct ncr_keygen_key ca; /* in a file; empty: in the agent */
    struct nacre_agent *agent;
    struct ncr_keygen_public ca_in_agent;
    struct nacre_bytes ca_public;
    const char *alg;
    bool flags[CERT_FLAGS];
    struct cert_option options[NCR_KEYGEN_OPTS_MAX + CERT_FLAGS];
    size_t option_n;
    uint64_t serial, valid_after, valid_before;
    struct nacre_bytes principals, critical, extensions;
    uint8_t principal_buf[CERT_LIST_MAX], critical_buf[CERT_LIST_MAX], extension_buf[CERT_LIST_MAX];
};

/* ---- Packed lists ---- */

/* Appends a string (uint32 length, bytes) to a list in buf; false if there is no room. */
static bool cert_pack(struct nacre_bytes *list, uint8_t buf[CERT_LIST_MAX], struct nacre_bytes s)
{
    uint8_t *at = buf + list->n;

    if (CERT_LIST_MAX - list->n < 4 || CERT_LIST_MAX - list->n - 4 < s.n)
        return false;
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)((uint64_t)s.n >> (24 - 8 * i));
    if (s.n > 0)
        memcpy(at + 4, s.p, s.n);
    list->p = buf;
    list->n += 4 + s.n;
    return true;
}

/* -n; false if told. */
static bool cert_principals(struct cert_run *r)
{
    const char *at = r->g->names;
    unsigned n = 0;

    while (at != NULL) {
        const char *comma = strchr(at, ',');
        struct nacre_bytes one = {(const uint8_t *)at,
                                  comma != NULL ? (size_t)(comma - at) : strlen(at)};

        if (one.n == 0) {
            fputs("Empty principal name\n", stderr);
            return false;
        }
        if (n++ == NACRE_CERT_PRINCIPALS_MAX || !cert_pack(&r->principals, r->principal_buf, one)) {
            fputs("Too many certificate principals specified\n", stderr);
            return false;
        }
        at = comma != NULL ? comma + 1 : NULL;
    }
    if (n == 0)
        fputs("Warning: certificate will contain no principals (-n)\n", stderr);
    return true;
}

/* ---- -O ---- */

static struct nacre_bytes cert_part(const char *text, size_t n)
{
    struct nacre_bytes b = {(const uint8_t *)text, n};

    return b;
}

static void cert_add(struct cert_run *r, struct nacre_bytes name, struct nacre_bytes value,
                     bool critical)
{
    struct cert_option *o = &r->options[r->option_n++]; /* -O are counted, flags too */

    o->name = name;
    o->value = value;
    o->critical = critical;
}

/* force-command= and source-address=: once each, and not empty. False if told. */
static bool cert_value(struct cert_run *r, const char *name, const char *value)
{
    for (size_t i = 0; i < r->option_n; i++) {
        if (r->options[i].critical && nacre_bytes_is(r->options[i].name, name)) {
            fprintf(stderr, "%s already specified\n", name);
            return false;
        }
    }
    if (*value == '\0') {
        fprintf(stderr, "Empty %s option\n", name);
        return false;
    }
    if (strcmp(name, "source-address") == 0 && !nacre_addr_blocks_valid(nacre_bytes_str(value))) {
        fputs("Invalid source-address list\n", stderr);
        return false;
    }
    cert_add(r, nacre_bytes_str(name), nacre_bytes_str(value), true);
    return true;
}

/* NAME[=VALUE] behind critical: or extension: */
static void cert_custom(struct cert_run *r, const char *text, bool critical)
{
    static const struct nacre_bytes none;
    const char *equals = strchr(text, '=');

    if (equals == NULL)
        cert_add(r, nacre_bytes_str(text), none, critical);
    else
        cert_add(r, cert_part(text, (size_t)(equals - text)), nacre_bytes_str(equals + 1),
                 critical);
}

/* One -O; false if told. */
static bool cert_option(struct cert_run *r, const char *opt)
{
    if (strcasecmp(opt, "clear") == 0) {
        memset(r->flags, 0, sizeof r->flags);
        return true;
    }
    for (size_t i = 0; i < sizeof cert_words / sizeof cert_words[0]; i++) {
        if (strcasecmp(opt, cert_words[i].word) == 0) {
            r->flags[cert_words[i].flag] = cert_words[i].on;
            return true;
        }
    }
    if (strncasecmp(opt, "force-command=", 14) == 0)
        return cert_value(r, "force-command", opt + 14);
    if (strncasecmp(opt, "source-address=", 15) == 0)
        return cert_value(r, "source-address", opt + 15);
    if (strncasecmp(opt, "critical:", 9) == 0 || strncasecmp(opt, "extension:", 10) == 0) {
        cert_custom(r, strchr(opt, ':') + 1, strncasecmp(opt, "critical:", 9) == 0);
        return true;
    }
    fprintf(stderr, "Unsupported certificate option \"%s\"\n", opt);
    return false;
}

static int cert_order(const void *a, const void *b)
{
    const struct cert_option *x = a;
    const struct cert_option *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int order = n > 0 ? memcmp(x->name.p, y->name.p, n) : 0;

    if (order != 0)
        return order;
    return (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* Appends name and data: a value is a string within the data. */
static bool cert_pack_option(struct nacre_bytes *list, uint8_t buf[CERT_LIST_MAX],
                             const struct cert_option *o)
{
    struct nacre_bytes data = {NULL, 0};
    size_t at;

    if (!cert_pack(list, buf, o->name))
        return false;
    at = list->n;
    if (!cert_pack(list, buf, data))
        return false;
    if (o->value.p == NULL)
        return true;
    if (!cert_pack(list, buf, o->value))
        return false;
    data.n = list->n - at - 4; /* put in place of the empty one's length */
    for (unsigned i = 0; i < 4; i++)
        buf[at + i] = (uint8_t)((uint64_t)data.n >> (24 - 8 * i));
    return true;
}

/* The options of -O and the flags as two lists, in order; false if told. */
static bool cert_options(struct cert_run *r)
{
    for (size_t i = 0; i < CERT_FLAGS; i++)
        r->flags[i] = cert_flags[i].for_users && !r->g->for_host;
    for (size_t i = 0; i < r->g->opt_n; i++)
        if (!cert_option(r, r->g->opts[i]))
            return false;
    for (size_t i = 0; i < CERT_FLAGS; i++)
        if (r->flags[i])
            cert_add(r, nacre_bytes_str(cert_flags[i].name), (struct nacre_bytes){NULL, 0},
                     cert_flags[i].critical);
    qsort(r->options, r->option_n, sizeof r->options[0], cert_order);
    for (size_t i = 0; i < r->option_n; i++) {
        const struct cert_option *o = &r->options[i];

        for (size_t j = 0; j < i; j++) {
            if (o->critical == r->options[j].critical && cert_order(o, &r->options[j]) == 0) {
                fprintf(stderr, "Certificate option \"%.*s\" stands twice\n", (int)o->name.n,
                        (const char *)o->name.p);
                return false;
            }
        }
        if (!(o->critical ? cert_pack_option(&r->critical, r->critical_buf, o)
                          : cert_pack_option(&r->extensions, r->extension_buf, o))) {
            fputs("Too many certificate options specified\n", stderr);
            return false;
        }
    }
    return true;
}

/* ---- The authority ---- */

/* The signature algorithm of -t must be one of the authority's; false if told. */
static bool cert_alg(struct cert_run *r)
{
    struct nacre_pubkey ca;
    const char *alg;

    /* a certificate, or of a type that is not understood */
    if (nacre_pubkey_decode(&ca, r->ca_public) != NACRE_OK) {
        fprintf(stderr, "Cannot sign with %s: invalid certificate signing key\n", r->g->ca_key);
        return false;
    }
    for (size_t i = 0; (alg = nacre_key_type_alg(ca.name, i)) != NULL; i++) {
        if (r->g->type == NULL || strcmp(r->g->type, alg) == 0) {
            r->alg = alg;
            return true;
        }
    }
    fprintf(stderr, "CA key type %.*s doesn't match specified %s\n", (int)ca.name.n,
            (const char *)ca.name.p, r->g->type != NULL ? r->g->type : "one");
    return false;
}

/* The authority's key from its file; 0, or the exit status if told. */
static int cert_load_ca(struct cert_run *r)
{
    char prompt[NCR_KEYGEN_PATH_MAX + 32];
    struct stat st;
    int status;

    if (stat(r->g->ca_key, &st) != 0) {
        fprintf(stderr, "Load key \"%s\": %s\n", r->g->ca_key, strerror(errno));
        return NCR_KEYGEN_FATAL;
    }
    (void)snprintf(prompt, sizeof prompt, "Enter passphrase for \"%s\": ", r->g->ca_key); /* cut */
    status = ncr_keygen_load(&r->ca, r->g, r->g->ca_key, prompt);
    if (status != 0)
        return status;
    r->ca_public = nacre_privkey_public_blob(&r->ca.key);
    return cert_alg(r) ? 0 : NCR_KEYGEN_FATAL;
}

static bool cert_agent_has(struct nacre_bytes keys, struct nacre_bytes blob)
{
    struct nacre_agent_identity id;

    while (nacre_agent_identity_next(&keys, &id))
        if (id.blob.n == blob.n && memcmp(id.blob.p, blob.p, blob.n) == 0)
            return true;
    return false;
}

/* -U: the authority's public key from its file, the agent that signs for it; 0, or the exit status
 * if told. */
static int cert_find_ca(struct cert_run *r)
{
    const char *path = r->g->ca_key;
    struct nacre_bytes keys;
    nacre_err err = ncr_keygen_load_public(&r->ca_in_agent, path);

    if (err != NACRE_OK) {
        fprintf(stderr, "Cannot load CA public key %s: %s\n", path, ncr_keygen_public_error(err));
        return NCR_KEYGEN_FATAL;
    }
    r->ca_public = r->ca_in_agent.blob;
    err = nacre_agent_open(&r->agent, NULL);
    if (err == NACRE_OK)
        err = nacre_agent_list(r->agent, &keys);
    if (err != NACRE_OK) {
        fprintf(stderr, "Cannot use public key for CA signature: %s\n",
                err != NACRE_ERR_IO ? nacre_err_text(err)
                : errno == ENOENT   ? "agent not present"
                                    : strerror(errno));
        return NCR_KEYGEN_FATAL;
    }
    if (!cert_agent_has(keys, r->ca_public)) {
        fprintf(stderr, "CA key %s not found in agent\n", path);
        return NCR_KEYGEN_FATAL;
    }
    return cert_alg(r) ? 0 : NCR_KEYGEN_FATAL;
}

/* ---- Issuing ---- */

/* key.pub becomes key-cert.pub, anything else gets -cert.pub appended. */
static bool cert_path(char out[NCR_KEYGEN_PATH_MAX], const char *path)
{
    char stem[NCR_KEYGEN_PATH_MAX];
    size_t n = strlen(path);

    if (!ncr_keygen_path(stem, path, ""))
        return false;
    if (n >= 4 && strcmp(path + n - 4, ".pub") == 0)
        stem[n - 4] = '\0';
    return ncr_keygen_path(out, stem, "-cert.pub");
}

/* Signs with the key of the file, or has the agent sign, which is not believed. */
static nacre_err cert_sign(struct cert_run *r, const struct nacre_cert *c, uint8_t *out, size_t *n)
{
    static uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_bytes message = {out, 0};
    struct nacre_bytes signature = {sig, 0};
    nacre_err err;

    if (r->agent == NULL)
        return nacre_cert_issue(out, NACRE_KEY_BLOB_MAX, n, c, &r->ca.key, r->alg, &nacre_rng_os,
                                cert_work);
    err = nacre_cert_message(out, NACRE_KEY_BLOB_MAX, &message.n, c, r->ca_public, &nacre_rng_os);
    if (err == NACRE_OK)
        err = nacre_agent_sign(r->agent, r->ca_public, nacre_bytes_str(r->alg), message, sig,
                               sizeof sig, &signature.n);
    if (err != NACRE_OK)
        return err;
    *n = message.n;
    return nacre_cert_seal(out, NACRE_KEY_BLOB_MAX, n, signature, cert_work);
}

static int cert_write(const char *path, struct nacre_bytes blob, const char *comment)
{
    static char text[NACRE_PUBKEY_TEXT_LEN(NACRE_KEY_BLOB_MAX, NACRE_KEY_COMMENT_MAX) + 1];
    const char *clean = ncr_escape_clean(nacre_bytes_str(comment)) ? comment : "";
    nacre_err err = nacre_pubkey_format(text, sizeof text - 1, blob, nacre_bytes_str(clean));
    size_t n = strlen(text);

    text[n++] = '\n';
    if (err == NACRE_OK)
        err = ncr_keygen_write(path, 0644, (const uint8_t *)text, n);
    if (err == NACRE_OK)
        return 0;
    fprintf(stderr, "Unable to save public key to %s: %s\n", path, ncr_file_error(err));
    return NCR_KEYGEN_FATAL;
}

/* `Signed user key k-cert.pub: id "x" serial 0 for a,b valid forever` */
static void cert_report(const struct cert_run *r, const struct nacre_cert *c, const char *path)
{
    char valid[NCR_KEYGEN_VALIDITY_MAX];

    if (r->g->quiet)
        return;
    ncr_keygen_validity_text(valid, c->valid_after, c->valid_before);
    fprintf(stderr, "Signed %s key %s: id \"%s\" serial %" PRIu64 "%s%s valid %s\n",
            c->kind == NACRE_CERT_HOST ? "host" : "user", path, r->g->key_id, c->serial,
            r->g->names != NULL ? " for " : "", r->g->names != NULL ? r->g->names : "", valid);
}

/* What the run says of a key; UNKNOWN_ALG: nothing certifies such keys. */
static nacre_err cert_fill(const struct cert_run *r, struct nacre_cert *c, struct nacre_bytes plain)
{
    nacre_err err = nacre_cert_begin(c, plain);

    c->kind = r->g->for_host ? NACRE_CERT_HOST : NACRE_CERT_USER;
    c->serial = r->serial;
    c->key_id = nacre_bytes_str(r->g->key_id);
    c->principals = r->principals;
    c->valid_after = r->valid_after;
    c->valid_before = r->valid_before;
    c->critical = r->critical;
    c->extensions = r->extensions;
    return err;
}

static int cert_one(struct cert_run *r, const struct ncr_keygen_public *p, const char *path)
{
    static uint8_t blob[NACRE_KEY_BLOB_MAX];
    struct nacre_bytes done = {blob, 0};
    struct nacre_cert c;
    char out[NCR_KEYGEN_PATH_MAX];
    nacre_err err = cert_fill(r, &c, p->blob);
    struct nacre_pubkey k;
    int status;

    if (nacre_pubkey_decode(&k, p->blob) != NACRE_OK || err != NACRE_OK) {
        fprintf(stderr, "key \"%s\" type %s cannot be certified\n", path, nacre_pubkey_label(&k));
        return NCR_KEYGEN_FATAL;
    }
    if (!cert_path(out, path))
        return NCR_KEYGEN_FATAL;
    err = cert_sign(r, &c, blob, &done.n);
    if (err != NACRE_OK) {
        fprintf(stderr, "Couldn't certify key %s%s: %s\n", path,
                r->agent != NULL ? " via agent" : "", nacre_err_text(err));
        return NCR_KEYGEN_FATAL;
    }
    status = cert_write(out, done, p->comment);
    if (status == 0)
        cert_report(r, &c, out);
    return status;
}

static int cert_all(struct cert_run *r)
{
    static struct ncr_keygen_public p;
    int status = 0;

    for (size_t i = 0; i < r->g->arg_n && status == 0; i++) {
        const char *path = r->g->args[i];
        nacre_err err = ncr_keygen_load_public(&p, path);

        if (err != NACRE_OK) {
            fprintf(stderr, "load pubkey \"%s\": %s\n", path, ncr_keygen_public_error(err));
            return NCR_KEYGEN_FATAL;
        }
        if (p.comment[0] == '\0')
            (void)snprintf(p.comment, sizeof p.comment, "%s", path); /* a longer one is cut */
        status = cert_one(r, &p, path);
        if (r->g->serial_counts)
            r->serial++;
    }
    return status;
}

int ncr_keygen_certify(const struct ncr_keygen *g)
{
    struct cert_run *r;
    int status = NCR_KEYGEN_FATAL;

    if (g->key_id == NULL) {
        fputs("Must specify key id (-I) when certifying\n", stderr);
        return NCR_KEYGEN_FATAL;
    }
    r = calloc(1, sizeof *r);
    if (r == NULL)
        return ncr_keygen_file_error(g->ca_key, NACRE_ERR_NO_MEMORY);
    r->g = g;
    r->serial = g->serial;
    r->valid_before = NACRE_CERT_FOREVER;
    if ((g->validity == NULL ||
         ncr_keygen_validity(&r->valid_after, &r->valid_before, g->validity)) &&
        cert_options(r) && cert_principals(r))
        status = g->in_agent ? cert_find_ca(r) : cert_load_ca(r);
    if (status == 0)
        status = cert_all(r);
    nacre_agent_close(r->agent);
    nacre_wipe(r, sizeof *r);
    free(r);
    return status;
}
