/* SPDX-License-Identifier: ISC
 *
 * Gathering host keys: see keyscan.h.
 *
 * A connection goes: name looked up (which blocks, as in ssh-keyscan), connecting to each of its
 * addresses, version, key exchange up to the host key, end. An address list is tried in turn until
 * one of it has shown a version.
 */
#include "client/keyscan.h"

#include <errno.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/names.h"
#include "proto/keys/nacre_sshfp.h"
#include "proto/posix/drive.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"
#include "proto/posix/socket.h"

#define SCAN_PORT 22
#define SCAN_TIMEOUT_MS 5000
#define SCAN_AT_ONCE 256
#define SCAN_FD_SPARE 16       /* descriptors for everything else */
#define SCAN_CHUNK 4096        /* bytes of one read of a file */
#define SCAN_TEXT_MAX 512      /* of a peer's text in a line */
#define SCAN_ADDRESSES_MAX 128 /* bits of an address */

#if defined(NACRE_NO_LEGACY)
#define SCAN_RSA_OLD ""
#else
#define SCAN_RSA_OLD ",ssh-rsa" /* a key is a key */
#endif

/* Types as ssh-keyscan names them. */
static const struct {
    const char *name, *algs, *certs;
} scan_types[] = {
    {"rsa", "rsa-sha2-512,rsa-sha2-256" SCAN_RSA_OLD,
     "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com"},
    {"ecdsa", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
     "ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,"
     "ecdsa-sha2-nistp521-cert-v01@openssh.com"},
    {"ed25519", "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"},
    {"ecdsa-sk", "sk-ecdsa-sha2-nistp256@openssh.com",
     "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"},
    {"ed25519-sk", "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"},
    {"mldsa44-ed25519", "ssh-mldsa44-ed25519", "ssh-mldsa44-ed25519-cert"},
};
#define SCAN_TYPES (sizeof scan_types / sizeof scan_types[0])

struct ncr_keyscan_conn {
    struct ncr_keyscan *s;
    struct ncr_keyscan_conn *next;
    unsigned type;     /* row */
    char *addrs;       /* list of what to connect to; addr points into it */
    char *addr, *rest; /* the one under way, those behind it; NULL: none */
    char *names;       /* as the lines printed name it */
    struct ncr_connect connect;
    struct ncr_watch watch;
    struct ncr_timer timer; /* of connecting, then of the version and of the key */
    struct ncr_defer bye;   /* the end, outside of the engine's calls */
    bool connecting, talking, versioned;
    struct nacre_conn conn;
    struct ncr_drive drive;
    void *mem;
};

/* What the operations of all work in. */
static uint64_t scan_work[NACRE_WORK];

/* ---- Texts ------------------------------------------------------------------------------- */

static void scan_say(const struct ncr_keyscan *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vfprintf(s->err, format, args); /* nobody to tell of a failure */
    va_end(args);
    (void)fputc('\n', s->err);
}

/* A name of ours or a peer's bytes, as printed. */
static const char *scan_safe(char out[NCR_ESCAPE_ROOM(SCAN_TEXT_MAX)], struct nacre_bytes b)
{
    b.n = b.n < SCAN_TEXT_MAX ? b.n : SCAN_TEXT_MAX;
    (void)ncr_escape(out, NCR_ESCAPE_ROOM(SCAN_TEXT_MAX), b, NCR_ESCAPE_LINE); /* fits */
    return out;
}

/* Whether a type goes by that name: its own in any case, or one of its algorithms'. */
static bool scan_is_type(size_t row, struct nacre_bytes name)
{
    const char *algs = scan_types[row].algs;
    struct nacre_bytes alg;

    if (name.n == strlen(scan_types[row].name) &&
        strncasecmp((const char *)name.p, scan_types[row].name, name.n) == 0)
        return true;
    while (ncr_names_next(&algs, &alg))
        if (alg.n == name.n && memcmp(alg.p, name.p, name.n) == 0)
            return true;
    return false;
}

bool ncr_keyscan_types(uint32_t *set, const char *list, struct nacre_bytes *bad)
{
    struct nacre_bytes name;
    size_t i;

    *set = 0;
    while (ncr_names_next(&list, &name)) {
        for (i = 0; i < SCAN_TYPES && !scan_is_type(i, name); i++)
            ;
        if (i == SCAN_TYPES) {
            *bad = name;
            return false;
        }
        *set |= (uint32_t)1 << i;
    }
    return true;
}

/* ---- Keys -------------------------------------------------------------------------------- */

static void scan_put_record(struct ncr_keyscan *s, const char *names, struct nacre_bytes blob,
                            enum nacre_sshfp_hash hash)
{
    const size_t cap = strlen(names) + NACRE_SSHFP_TEXT_LEN;
    char *text = malloc(cap);

    if (text != NULL && nacre_sshfp_format(text, cap, names, blob, hash, false) == NACRE_OK)
        (void)fprintf(s->out, "%s\n", text);
    free(text);
}

static void scan_print_records(struct ncr_keyscan *s, const char *names, struct nacre_bytes blob)
{
    struct nacre_pubkey k;

    if (nacre_pubkey_decode(&k, blob) != NACRE_OK || nacre_sshfp_number(k.name) == 0)
        return;
    if (s->sshfp_hash != NACRE_SSHFP_SHA256)
        scan_put_record(s, names, blob, NACRE_SSHFP_SHA1);
    if (s->sshfp_hash != NACRE_SSHFP_SHA1)
        scan_put_record(s, names, blob, NACRE_SSHFP_SHA256);
    s->found++;
}

/* `names type base64`; names "": a certificate, which says by itself whose it is. */
static void scan_print_line(struct ncr_keyscan *s, const char *names, struct nacre_bytes blob)
{
    static const struct nacre_bytes none;
    const size_t cap = NACRE_PUBKEY_TEXT_LEN(NACRE_KEY_BLOB_MAX, 0);
    char *text = malloc(cap);

    if (text != NULL && nacre_pubkey_format(text, cap, blob, none) == NACRE_OK) {
        (void)fprintf(s->out, "%s%s%s\n", names, names[0] != '\0' ? " " : "", text);
        s->found++;
    }
    free(text);
}

/* One name, with the port where it is another one than 22, hashed if asked for. */
static void scan_print_one(struct ncr_keyscan *s, struct nacre_bytes name, struct nacre_bytes blob)
{
    char text[NACRE_HOST_TEXT_LEN], hashed[NACRE_HOST_HASH_LEN];
    char safe[NCR_ESCAPE_ROOM(SCAN_TEXT_MAX)];
    uint8_t salt[NACRE_HOST_SALT_LEN];

    if (nacre_host_text(text, name, s->sshfp ? SCAN_PORT : s->port) != NACRE_OK) {
        scan_say(s, "%s: not a host name", scan_safe(safe, name));
        return;
    }
    if (s->sshfp) {
        scan_print_records(s, text, blob);
        return;
    }
    if (!s->hash) {
        scan_print_line(s, text, blob);
        return;
    }
    if (nacre_rng_fill(&nacre_rng_os, salt, sizeof salt) &&
        nacre_known_hosts_hash(hashed, sizeof hashed, salt, nacre_bytes_str(text)) == NACRE_OK)
        scan_print_line(s, hashed, blob);
}

/* At port 22 and not hashed the names share a line, as they were given; in lower case. */
static void scan_print_together(struct ncr_keyscan *s, const char *names, struct nacre_bytes blob)
{
    char text[NACRE_HOST_TEXT_LEN];
    const char *rest = names;
    struct nacre_bytes name;
    size_t n = strlen(names);
    char *all = malloc(n + 1);

    if (all == NULL)
        return;
    for (size_t i = 0; i <= n; i++)
        all[i] = names[i] >= 'A' && names[i] <= 'Z' ? (char)(names[i] | 0x20) : names[i];
    while (ncr_names_next(&rest, &name)) {
        if (nacre_host_text(text, name, SCAN_PORT) != NACRE_OK) {
            char safe[NCR_ESCAPE_ROOM(SCAN_TEXT_MAX)];

            scan_say(s, "%s: not a host name", scan_safe(safe, name));
            free(all);
            return;
        }
    }
    if (s->sshfp)
        scan_print_records(s, all, blob);
    else
        scan_print_line(s, all, blob);
    free(all);
}

static void scan_print(struct ncr_keyscan_conn *c, struct nacre_bytes blob)
{
    struct ncr_keyscan *s = c->s;
    const char *rest = c->names;
    struct nacre_bytes name;

    if (s->certs)
        scan_print_line(s, "", blob);
    else if (s->port == SCAN_PORT && !s->hash)
        scan_print_together(s, c->names, blob);
    else
        while (ncr_names_next(&rest, &name))
            scan_print_one(s, name, blob);
    (void)fflush(s->out); /* a failure shows at the end */
}

/* ---- The end of a connection ------------------------------------------------------------- */

/* Closes what is open; the object stays. */
static void scan_hang_up(struct ncr_keyscan_conn *c)
{
    ncr_loop_unwatch(&c->s->loop, &c->watch);
    if (c->connecting)
        ncr_connect_free(&c->connect);
    if (c->talking) {
        ncr_drive_stop(&c->drive);
        (void)close(c->drive.rfd); /* only a key was wanted */
        nacre_conn_wipe(&c->conn);
    }
    free(c->mem);
    c->mem = NULL;
    c->connecting = c->talking = c->versioned = false;
}

static void scan_free(struct ncr_keyscan_conn *c)
{
    struct ncr_keyscan_conn **at = &c->s->conns;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->s->n_conns--;
    scan_hang_up(c);
    ncr_loop_timer_remove(&c->s->loop, &c->timer);
    ncr_loop_undefer(&c->s->loop, &c->bye);
    free(c->addrs);
    free(c->names);
    free(c);
}

static bool scan_next_address(struct ncr_keyscan_conn *c);

/* Over for this address: the next one, if no version was seen yet. */
static void scan_give_up(struct ncr_keyscan_conn *c)
{
    bool answered = c->versioned;

    scan_hang_up(c);
    if (answered || !scan_next_address(c))
        scan_free(c);
}

static void scan_bye(void *ctx)
{
    scan_free(ctx);
}

static void scan_late(void *ctx)
{
    scan_give_up(ctx); /* in silence, as ssh-keyscan */
}

/* ---- Talking ----------------------------------------------------------------------------- */

static void scan_on_version(struct ncr_keyscan_conn *c, struct nacre_bytes version)
{
    struct ncr_keyscan *s = c->s;
    char host[NCR_ESCAPE_ROOM(SCAN_TEXT_MAX)], text[NCR_ESCAPE_ROOM(SCAN_TEXT_MAX)];

    c->versioned = true;
    ncr_loop_timer_set(&s->loop, &c->timer, ncr_clock_deadline(s->timeout_ms));
    if (!s->quiet)
        scan_say(s, "%c %s:%u %s", s->sshfp ? ';' : '#', scan_safe(host, nacre_bytes_str(c->addr)),
                 (unsigned)s->port, scan_safe(text, version));
}

static void scan_event(void *ctx, const struct nacre_event *ev)
{
    struct ncr_keyscan_conn *c = ctx;

    if (ev->type == NACRE_EV_VERSION) {
        scan_on_version(c, ev->data);
    } else if (ev->type == NACRE_EV_HOST_KEY) {
        if (nacre_cert_is(ev->blob) == c->s->certs)
            scan_print(c, ev->blob);
        ncr_loop_defer(&c->s->loop, &c->bye); /* never answered */
    }
}

/* Kinds of the end that are no news: no such key there (which some servers say by closing), the
 * connection was refused or late. */
static bool scan_is_quiet_end(const struct ncr_keyscan_conn *c, nacre_err err)
{
    struct nacre_errinfo info = nacre_conn_errinfo(&c->conn);

    if (c->versioned && (err == NACRE_ERR_PEER_CLOSED || err == NACRE_ERR_PEER_DISCONNECT))
        return true;
    return (err == NACRE_ERR_NO_COMMON_ALG && strcmp(info.category, "host key") == 0) ||
           (err == NACRE_ERR_IO && c->drive.io_errno == ECONNREFUSED) ||
           err == NACRE_ERR_TIMEOUT_KEX || err == NACRE_ERR_TIMEOUT_AUTH;
}

static void scan_over(void *ctx, nacre_err err)
{
    struct ncr_keyscan_conn *c = ctx;
    char host[NCR_ESCAPE_ROOM(SCAN_TEXT_MAX)];

    (void)scan_safe(host, nacre_bytes_str(c->addr));
    if (scan_is_quiet_end(c, err) && !c->s->verbose)
        ;
    else if (err == NACRE_ERR_PEER_CLOSED || err == NACRE_ERR_PEER_DISCONNECT)
        scan_say(c->s, "%s: Connection closed by remote host", host);
    else if (err == NACRE_ERR_IO)
        scan_say(c->s, "read (%s): %s", host, strerror(c->drive.io_errno));
    else
        scan_say(c->s, "%s: %s", host, nacre_err_text(err));
    scan_give_up(c);
}

static nacre_err scan_make_engine(struct ncr_keyscan_conn *c)
{
    const struct ncr_keyscan *s = c->s;
    const size_t len = NACRE_CONN_MEM(0, NACRE_BUF_STANDARD, NACRE_BUF_STANDARD);
    struct nacre_conn_cfg cfg = {
        .algs = NACRE_ALGS_ALL,
        .work = scan_work,
        .profile = NACRE_PROFILE_LEGACY_DEVICE, /* nothing is entrusted to the connection */
        .kex = "^curve25519-sha256",            /* the cheapest */
        .host_key_algs = s->certs ? scan_types[c->type].certs : scan_types[c->type].algs,
        .allow_not_strict = true,
        .kex_ms = s->timeout_ms,
        .auth_ms = 3 * s->timeout_ms,
    };

    c->mem = malloc(len);
    if (c->mem == NULL)
        return NACRE_ERR_NO_MEMORY;
    return nacre_conn_init(&c->conn, NACRE_CLIENT, &cfg, &nacre_rng_os, c->mem, len, 0);
}

static bool scan_talk(struct ncr_keyscan_conn *c, int fd)
{
    struct ncr_keyscan *s = c->s;
    nacre_err err = scan_make_engine(c);

    ncr_drive_init(&c->drive, &c->conn, fd, fd);
    c->drive.event = scan_event;
    c->drive.over = scan_over;
    c->drive.ctx = c;
    if (err == NACRE_OK)
        err = ncr_drive_start(&c->drive, &s->loop);
    if (err != NACRE_OK) {
        scan_say(s, "%s: %s", c->addr, nacre_err_text(err));
        (void)close(fd); /* never used */
        return false;
    }
    c->talking = true;
    ncr_loop_timer_set(&s->loop, &c->timer, ncr_clock_deadline(s->timeout_ms));
    return true;
}

/* ---- Connecting -------------------------------------------------------------------------- */

static void scan_connect_ready(void *ctx, unsigned ready);

static bool scan_connect_wait(struct ncr_keyscan_conn *c)
{
    ncr_loop_timer_set(&c->s->loop, &c->timer, c->connect.attempt);
    return ncr_loop_watch(&c->s->loop, &c->watch, c->connect.fd, NCR_LOOP_WRITE, scan_connect_ready,
                          c) == NACRE_OK;
}

static void scan_tell_connect(const struct ncr_keyscan_conn *c)
{
    char host[NCR_ESCAPE_ROOM(SCAN_TEXT_MAX)];
    int errnum = ncr_connect_errno(&c->connect);

    (void)scan_safe(host, nacre_bytes_str(c->addr));
    if (c->connect.gai != 0)
        scan_say(c->s, "getaddrinfo %s: %s", host, gai_strerror(c->connect.gai));
    else if ((errnum != ECONNREFUSED && errnum != ETIMEDOUT) || c->s->verbose)
        scan_say(c->s, "connect (`%s'): %s", host, strerror(errnum));
}

/* False: this address has failed. */
static bool scan_connect_on(struct ncr_keyscan_conn *c, enum ncr_connect_state state)
{
    int fd = c->connect.fd;

    if (state == NCR_CONNECT_WAIT)
        return scan_connect_wait(c);
    if (state == NCR_CONNECT_FAILED)
        scan_tell_connect(c);
    ncr_connect_free(&c->connect);
    c->connecting = false;
    return state == NCR_CONNECT_DONE && scan_talk(c, fd);
}

static void scan_connect_ready(void *ctx, unsigned ready)
{
    struct ncr_keyscan_conn *c = ctx;

    (void)ready; /* the step looks for itself */
    ncr_loop_unwatch(&c->s->loop, &c->watch);
    if (!scan_connect_on(c, ncr_connect_step(&c->connect)))
        scan_give_up(c);
}

static void scan_timer(void *ctx)
{
    struct ncr_keyscan_conn *c = ctx;

    if (c->connecting)
        scan_connect_ready(c, 0);
    else
        scan_late(c);
}

/* Starts with the next of the addresses that can be looked up; false: there is none. */
static bool scan_next_address(struct ncr_keyscan_conn *c)
{
    struct ncr_keyscan *s = c->s;

    while ((c->addr = c->rest) != NULL) {
        size_t n = strcspn(c->addr, ",");
        enum ncr_connect_state state;

        c->rest = c->addr[n] == ',' ? c->addr + n + 1 : NULL;
        c->addr[n] = '\0';
        if (n == 0)
            continue;
        c->connecting = true;
        state = ncr_connect_start(&c->connect, c->addr, s->port, s->family, NULL,
                                  ncr_clock_deadline(s->timeout_ms));
        if (scan_connect_on(c, state))
            return true;
        scan_hang_up(c);
    }
    return false;
}

/* ---- Items ------------------------------------------------------------------------------- */

static void scan_step(struct ncr_keyscan *s)
{
    if (ncr_loop_once(&s->loop, NCR_NEVER) != NACRE_OK) { /* out of memory: give up what is open */
        while (s->conns != NULL)
            scan_free(s->conns);
    }
}

static void scan_start_one(struct ncr_keyscan *s, unsigned type, const char *addrs,
                           const char *names)
{
    struct ncr_keyscan_conn *c;

    while (s->n_conns >= s->at_once)
        scan_step(s);
    c = calloc(1, sizeof *c);
    if (c == NULL) {
        scan_say(s, "%s", nacre_err_text(NACRE_ERR_NO_MEMORY));
        return;
    }
    c->s = s;
    c->type = type;
    c->addrs = c->rest = strdup(addrs);
    c->names = strdup(names);
    c->bye.fn = scan_bye;
    c->bye.ctx = c;
    c->next = s->conns;
    s->conns = c;
    s->n_conns++;
    if (c->addrs == NULL || c->names == NULL ||
        ncr_loop_timer(&s->loop, &c->timer, scan_timer, c) != NACRE_OK || !scan_next_address(c))
        scan_free(c);
}

static void scan_host(struct ncr_keyscan *s, const char *addrs, const char *names)
{
    for (unsigned i = 0; i < SCAN_TYPES; i++) {
        if ((s->types >> i & 1) != 0)
            scan_start_one(s, i, addrs, names);
    }
}

/* A block "address/bits": its first address, with all bits behind them clear. */
struct scan_block {
    int family;
    uint8_t addr[16];
    unsigned bits, all; /* fixed ones, and how many there are */
};

static bool scan_block_parse(struct scan_block *b, const char *item)
{
    char text[INET6_ADDRSTRLEN];
    const char *slash = strchr(item, '/');
    size_t n = slash != NULL ? (size_t)(slash - item) : 0;
    char *end;
    unsigned long bits;

    if (n == 0 || n >= sizeof text || slash[1] < '0' || slash[1] > '9')
        return false;
    memcpy(text, item, n);
    text[n] = '\0';
    b->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    b->all = b->family == AF_INET ? 32 : SCAN_ADDRESSES_MAX;
    bits = strtoul(slash + 1, &end, 10);
    if (inet_pton(b->family, text, b->addr) != 1 || *end != '\0' || bits > b->all)
        return false;
    b->bits = (unsigned)bits;
    for (unsigned i = b->bits; i < b->all; i++) {
        if ((b->addr[i / 8] >> (7 - i % 8) & 1) != 0) /* host bits set: no block */
            return false;
    }
    return true;
}

/* The next address; false behind the last. */
static bool scan_block_next(struct scan_block *b)
{
    for (unsigned i = b->all; i > b->bits; i--) {
        const uint8_t bit = (uint8_t)(1u << (7 - (i - 1) % 8));

        b->addr[(i - 1) / 8] ^= bit;
        if ((b->addr[(i - 1) / 8] & bit) != 0)
            return true; /* no carry */
    }
    return false;
}

void ncr_keyscan_item(struct ncr_keyscan *s, const char *item)
{
    char text[INET6_ADDRSTRLEN];
    struct scan_block b;
    size_t n = strcspn(item, " \t");
    const char *names = item + n + strspn(item + n, " \t");
    char *addrs;

    if (scan_block_parse(&b, item)) {
        do {
            if (inet_ntop(b.family, b.addr, text, sizeof text) != NULL)
                scan_host(s, text, text);
        } while (scan_block_next(&b));
        return;
    }
    addrs = strndup(item, n);
    if (addrs != NULL && n > 0)
        scan_host(s, addrs, names[0] != '\0' ? names : addrs);
    free(addrs);
}

static void scan_line(struct ncr_keyscan *s, struct nacre_bytes line)
{
    const uint8_t *hash = line.n > 0 ? memchr(line.p, '#', line.n) : NULL;
    char *item;

    if (hash != NULL)
        line.n = (size_t)(hash - line.p);
    while (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
        line.n--;
    item = line.n > 0 ? strndup((const char *)line.p, line.n) : NULL;
    if (item != NULL)
        ncr_keyscan_item(s, item + strspn(item, " \t"));
    free(item);
}

static bool scan_stream(struct ncr_keyscan *s, const char *path, int fd)
{
    struct nacre_lines *lines = malloc(sizeof *lines);
    uint8_t chunk[SCAN_CHUNK];
    struct nacre_bytes rest, line;
    enum nacre_line kind;
    ssize_t got = 1;

    if (lines == NULL)
        return false;
    nacre_lines_init(lines);
    while (got > 0) {
        got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got >= 0) {
            rest = (struct nacre_bytes){chunk, (size_t)got};
            do {
                kind =
                    got > 0 ? nacre_lines_next(lines, &rest, &line) : nacre_lines_end(lines, &line);
                if (kind == NACRE_LINE_TOO_LONG)
                    scan_say(s, "%s:%u: line too long, skipped", path, (unsigned)lines->number);
                else if (kind == NACRE_LINE_OK)
                    scan_line(s, line);
            } while (kind != NACRE_LINE_NONE);
        }
    }
    free(lines);
    return got == 0;
}

bool ncr_keyscan_file(struct ncr_keyscan *s, const char *path)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    bool good;
    int e;

    if (fd < 0)
        return false;
    good = scan_stream(s, path, fd);
    e = errno;
    if (!is_stdin)
        (void)close(fd); /* only read */
    errno = e;
    return good;
}

/* ---- The whole --------------------------------------------------------------------------- */

nacre_err ncr_keyscan_start(struct ncr_keyscan *s)
{
    struct rlimit limit;

    s->port = s->port != 0 ? s->port : SCAN_PORT;
    s->timeout_ms = s->timeout_ms != 0 ? s->timeout_ms : SCAN_TIMEOUT_MS;
    s->types = s->types != 0 ? s->types : ((uint32_t)1 << SCAN_TYPES) - 1;
    s->at_once = s->at_once != 0 ? s->at_once : SCAN_AT_ONCE;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur < s->at_once + SCAN_FD_SPARE)
        s->at_once =
            limit.rlim_cur > SCAN_FD_SPARE ? (uint32_t)(limit.rlim_cur - SCAN_FD_SPARE) : 1;
    return ncr_loop_init(&s->loop, NCR_LOOP_EPOLL);
}

void ncr_keyscan_finish(struct ncr_keyscan *s)
{
    while (s->n_conns > 0)
        scan_step(s);
    ncr_loop_free(&s->loop);
}
