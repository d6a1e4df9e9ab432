/* SPDX-License-Identifier: ISC
 *
 * The listener: see daemon.h. Connections that are not authenticated yet have a slot each, in an
 * array that is shared with the monitors: a monitor sets its slot when its client is authenticated,
 * and its exit status says how the connection ended. No descriptor and no message is needed for
 * either.
 */
#include "server/daemon.h"

#include "proto/posix/file.h"
#include "proto/posix/loop.h"
#include "proto/posix/socket.h"
#include "server/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAEMON_ACCEPTS 16
#define DAEMON_REST_MS 500
#define DAEMON_KEY_MAX (64 * 1024)
#define DAEMON_MODULI "/etc/ssh/moduli" /* as sshd; not having it is fine */
#define DAEMON_BANNER_MAX 8192
#define DAEMON_SLOTS_MAX 4096
#define DAEMON_NOBODY 65534 /* where no account of the usual names exists */

/* ---- Preparation ------------------------------------------------------------------------- */

static bool daemon_key_file(const struct ncr_daemon *d, const char *path, struct nacre_privkey *k)
{
    struct nacre_keyfile_info info;
    struct ncr_file f;
    nacre_err err = ncr_file_read(&f, path, DAEMON_KEY_MAX);
    if (err != NACRE_OK) {
        ncr_log(&d->log, NCR_LOG_ERROR, "Unable to load host key \"%s\": %s", path,
                ncr_file_error(err));
        return false;
    }
    if (f.st.st_uid == getuid() && (f.st.st_mode & 077) != 0) {
        ncr_log(&d->log, NCR_LOG_ERROR,
                "Unable to load host key \"%s\": permissions %04o are too open", path,
                (unsigned)f.st.st_mode & 07777);
        ncr_file_wipe(&f);
        return false;
    }
    static uint64_t work[NACRE_WORK];
    uint8_t *scratch = malloc(f.n + 1);
    err = scratch == NULL
              ? NACRE_ERR_NO_MEMORY
              : nacre_keyfile_read(k, NULL, 0, (struct nacre_bytes){f.p, f.n},
                                   (struct nacre_bytes){NULL, 0}, scratch, f.n + 1, &info, work);
    if (err != NACRE_OK) {
        ncr_log(&d->log, NCR_LOG_ERROR, "Unable to load host key \"%s\": %s%s%s", path,
                nacre_err_text(err), scratch != NULL ? ": " : "", scratch != NULL ? info.what : "");
    }
    free(scratch); /* wiped by its user */
    ncr_file_wipe(&f);
    return err == NACRE_OK;
}

/* Keeps a copy of what clients are shown. */
static bool daemon_show(struct ncr_host_keys *h, struct nacre_bytes b, size_t of)
{
    uint8_t *copy = malloc(b.n);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, b.p, b.n);
    h->of[h->n_blobs] = of;
    h->blob[h->n_blobs++] = (struct nacre_bytes){copy, b.n};
    return true;
}

/* What is wrong with a file of a host certificate, or NULL: then it is shown. */
static const char *daemon_cert(struct ncr_host_keys *h, const struct ncr_file *f)
{
    static uint8_t blob[NACRE_KEY_BLOB_MAX], plain[NACRE_KEY_BLOB_MAX];
    static uint64_t work[NACRE_WORK];
    struct nacre_bytes line = {f->p, f->n};
    const uint8_t *end = memchr(f->p, '\n', f->n);
    struct nacre_pubkey k;
    struct nacre_cert c;
    line.n = end != NULL ? (size_t)(end - f->p) : f->n;
    nacre_err err = nacre_pubkey_parse(&k, NULL, line, blob, sizeof blob);
    if ((err != NACRE_OK && err != NACRE_ERR_UNKNOWN_ALG) ||
        nacre_cert_decode(&c, k.blob, plain, sizeof plain) != NACRE_OK) {
        return "no certificate";
    }
    if (c.kind != NACRE_CERT_HOST) {
        return "not a host certificate";
    }
    if (nacre_cert_verify(&c, work) != NACRE_OK) {
        return "signature of its authority does not verify";
    }
    if (k.blob.n > NACRE_HOST_KEY_MAX) {
        return "too long";
    }
    for (size_t i = 0; i < h->n; i++) {
        if (h->blob[i].n == c.plain.n && memcmp(h->blob[i].p, c.plain.p, c.plain.n) == 0) {
            return daemon_show(h, k.blob, i) ? NULL : "out of memory";
        }
    }
    return "no matching private key";
}

/* A certificate that cannot be used is told and left out, as sshd does: its key serves. */
static bool daemon_certs(struct ncr_daemon *d)
{
    for (size_t i = 0; i < d->cfg.host_certs.n; i++) {
        const char *path = d->cfg.host_certs.word[i];
        struct ncr_file f;
        nacre_err err = ncr_file_read(&f, path, DAEMON_KEY_MAX);
        const char *what = err != NACRE_OK ? ncr_file_error(err) : daemon_cert(&d->keys, &f);
        if (what != NULL) {
            ncr_log(&d->log, NCR_LOG_ERROR, "Could not load host certificate \"%s\": %s", path,
                    what);
        }
        if (err == NACRE_OK) {
            ncr_file_wipe(&f);
        }
    }
    return true;
}

/* Private keys lie in a mapping of their own, which children unmap. */
static bool daemon_keys(struct ncr_daemon *d)
{
    struct ncr_host_keys *h = &d->keys;
    h->map_len = d->cfg.host_keys.n * sizeof *h->key;
    size_t most = d->cfg.host_keys.n + d->cfg.host_certs.n;
    h->blob = calloc(most, sizeof *h->blob);
    h->of = calloc(most, sizeof *h->of);
    void *map = mmap(NULL, h->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || h->blob == NULL || h->of == NULL) {
        return false;
    }
    h->key = map;
    (void)madvise(map, h->map_len, MADV_DONTDUMP); /* where it exists */
    for (size_t i = 0; i < d->cfg.host_keys.n; i++) {
        if (!daemon_key_file(d, d->cfg.host_keys.word[i], &h->key[h->n])) {
            continue;
        }
        if (!daemon_show(h, nacre_privkey_public_blob(&h->key[h->n]), h->n)) {
            return false;
        }
        h->n++;
    }
    if (h->n == 0) {
        ncr_log(&d->log, NCR_LOG_FATAL, "no hostkeys available -- exiting.");
    }
    return h->n > 0 && daemon_certs(d);
}

static bool daemon_groups(struct ncr_daemon *d)
{
    const char *path = d->cfg.moduli_file;
    return ncr_groups_load(&d->groups, path != NULL ? path : DAEMON_MODULI, path == NULL, &d->log);
}

static bool daemon_banner(struct ncr_daemon *d)
{
    struct ncr_file f;
    if (d->cfg.banner == NULL) {
        return true;
    }
    nacre_err err = ncr_file_read(&f, d->cfg.banner, DAEMON_BANNER_MAX);
    if (err != NACRE_OK) {
        ncr_log(&d->log, NCR_LOG_FATAL, "Banner %s: %s", d->cfg.banner, ncr_file_error(err));
        return false;
    }
    d->banner = malloc(f.n + 1);
    if (d->banner != NULL) {
        memcpy(d->banner, f.p, f.n);
        d->banner[f.n] = '\0';
    }
    ncr_file_wipe(&f);
    return d->banner != NULL;
}

static void daemon_jail(struct ncr_daemon *d)
{
    if (geteuid() != 0) {
        return;
    }
    if (!ncr_account_by_name(&d->jail, "/etc/passwd", "sshd") &&
        !ncr_account_by_name(&d->jail, "/etc/passwd", "nobody")) {
        d->jail.found = true;
        d->jail.uid = d->jail.gid = DAEMON_NOBODY;
    }
    d->jail.groups[0] = d->jail.gid; /* and no other */
    d->jail.n_groups = 1;
    d->empty_dir = ncr_sandbox_empty_dir();
    if (d->empty_dir < 0) {
        ncr_log(&d->log, NCR_LOG_INFO, "no empty directory to confine with: %s", strerror(errno));
    }
}

bool ncr_daemon_prepare(struct ncr_daemon *d)
{
    d->empty_dir = -1;
    if (!daemon_keys(d) || !daemon_groups(d) || !daemon_banner(d)) {
        return false;
    }
    daemon_jail(d);
    return true;
}

void ncr_daemon_free(struct ncr_daemon *d)
{
    for (size_t i = 0; i < d->keys.n; i++) {
        nacre_privkey_wipe(&d->keys.key[i]);
    }
    for (size_t i = 0; i < d->keys.n_blobs; i++) {
        free((void *)(uintptr_t)d->keys.blob[i].p);
    }
    if (d->keys.key != NULL) {
        munmap(d->keys.key, d->keys.map_len);
    }
    free(d->keys.blob);
    free(d->keys.of);
    ncr_groups_free(&d->groups);
    free(d->banner);
    if (d->empty_dir >= 0) {
        close(d->empty_dir);
    }
    ncr_sshd_config_free(&d->cfg);
}

/* ---- One connection ---------------------------------------------------------------------- */

static void daemon_monitor(const struct ncr_daemon *d, struct ncr_monitor *m, int fd,
                           struct ncr_host_keys *keys)
{
    memset(m, 0, sizeof *m);
    m->cfg = &d->cfg;
    m->log = d->log;
    m->keys = keys;
    m->banner = d->banner;
    m->groups = d->groups;
    m->empty_dir = d->empty_dir;
    m->jail = d->jail;
    m->fd = fd;
    ncr_sock_name(fd, true, m->addr, &m->port);
    ncr_sock_name(fd, false, m->local_addr, &m->local_port);
    ncr_log(&m->log, NCR_LOG_VERBOSE, "Connection from %s port %u on %s port %u", m->addr,
            (unsigned)m->port, m->local_addr, (unsigned)m->local_port);
}

/* ---- The listener ------------------------------------------------------------------------ */

struct daemon_slot {
    pid_t pid; /* 0: free */
    uint8_t addr[NCR_GATE_ADDR_LEN];
};

struct daemon_listener {
    struct daemon_state *s;
    struct ncr_watch watch;
};

struct daemon_state {
    struct ncr_daemon *d;
    struct ncr_loop loop;
    struct ncr_gate gate;
    struct ncr_timer rest;
    struct daemon_slot *slots;
    _Atomic unsigned char *authed; /* shared with the monitors: slot by slot */
    size_t n_slots;
    struct daemon_listener listeners[NCR_SSHD_PORTS_MAX * NCR_SOCK_LISTEN];
    size_t n_listeners;
    uint64_t count;
};

/* Slots whose connection has been authenticated do not count any more. */
static void daemon_sweep(struct daemon_state *s)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].pid != 0 && atomic_load(&s->authed[i]) != 0) {
            ncr_gate_leave(&s->gate, s->slots[i].addr, NCR_GATE_AUTHENTICATED, ncr_clock_ms());
            s->slots[i].pid = 0;
        }
    }
}

static void daemon_ended(struct daemon_state *s, pid_t pid, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : NCR_GATE_CRASH;
    enum ncr_gate_end end = code <= NCR_GATE_QUIET ? (enum ncr_gate_end)code : NCR_GATE_CRASH;
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].pid == pid) {
            ncr_gate_leave(&s->gate, s->slots[i].addr,
                           atomic_load(&s->authed[i]) != 0 ? NCR_GATE_AUTHENTICATED : end,
                           ncr_clock_ms());
            s->slots[i].pid = 0;
        }
    }
}

static void daemon_child(void *ctx, int signo)
{
    pid_t pid;
    int status;
    (void)signo; /* there is one */
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        daemon_ended(ctx, pid, status);
    }
}

static void daemon_stop(void *ctx, int signo)
{
    struct daemon_state *s = ctx;
    s->d->restart = signo == SIGHUP;
    ncr_log(&s->d->log, NCR_LOG_INFO, "Received signal %d; %s.", signo,
            s->d->restart ? "restarting" : "terminating");
    ncr_loop_stop(&s->loop);
}

static void daemon_tell_authed(void *ctx)
{
    _Atomic unsigned char *authed = ctx;
    atomic_store(authed, 1);
}

/* In the child: nothing of the listener's is left but configuration and keys. */
static void daemon_serve(struct daemon_state *s, int fd, _Atomic unsigned char *authed)
{
    struct ncr_daemon *d = s->d;
    static struct ncr_monitor m;
    if (!d->debug) {
        ncr_loop_child(&s->loop);
    }
    for (size_t i = 0; i < s->n_listeners; i++) {
        close(s->listeners[i].watch.fd);
    }
    daemon_monitor(d, &m, fd, &d->keys);
    m.authenticated = daemon_tell_authed;
    m.ctx = (void *)authed;
    m.listeners = (void *)s->authed;
    m.listeners_len = s->n_slots;
    _exit((int)ncr_monitor_serve(&m));
}

static void daemon_want(struct daemon_state *s, unsigned want)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        ncr_loop_want(&s->loop, &s->listeners[i].watch, want);
    }
}

static void daemon_rested(void *ctx)
{
    daemon_want(ctx, NCR_LOOP_READ);
}

/* Out of processes or descriptors: accepting more would only lose them. */
static void daemon_rest(struct daemon_state *s, const char *what)
{
    ncr_log(&s->d->log, NCR_LOG_ERROR, "%s: %s", what, strerror(errno));
    daemon_want(s, 0);
    ncr_loop_timer_set(&s->loop, &s->rest, ncr_clock_ms() + DAEMON_REST_MS);
}

static void daemon_refuse(struct daemon_state *s, int fd, enum ncr_gate_verdict v)
{
    static const char *const why[] = {[NCR_GATE_DROP_STARTUPS] = "past MaxStartups",
                                      [NCR_GATE_DROP_SOURCE] = "past PerSourceMaxStartups",
                                      [NCR_GATE_DROP_PENALTY] = "penalty",
                                      [NCR_GATE_ADMIT] = "no slot"};
    static const char text[] = "Not allowed at this time\r\n";
    char addr[NCR_SOCK_NAME];
    uint32_t port;
    ncr_sock_name(fd, true, addr, &port);
    ncr_log(&s->d->log, NCR_LOG_INFO, "drop connection #%llu from [%s]:%u: %s",
            (unsigned long long)s->count, addr, (unsigned)port, why[v]);
    ssize_t n = send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)n; /* a courtesy */
    close(fd);
}

static size_t daemon_slot(const struct daemon_state *s)
{
    size_t i = 0;
    while (i < s->n_slots && s->slots[i].pid != 0) {
        i++;
    }
    return i;
}

static void daemon_fork(struct daemon_state *s, int fd, const uint8_t addr[NCR_GATE_ADDR_LEN],
                        size_t slot)
{
    atomic_store(&s->authed[slot], 0);
    if (s->d->debug) {
        daemon_serve(s, fd, &s->authed[slot]);
    }
    pid_t pid = fork();
    if (pid == 0) {
        daemon_serve(s, fd, &s->authed[slot]);
    }
    if (pid < 0) {
        daemon_rest(s, "fork");
        ncr_gate_leave(&s->gate, addr, NCR_GATE_QUIET, ncr_clock_ms());
    } else {
        s->slots[slot].pid = pid;
        memcpy(s->slots[slot].addr, addr, NCR_GATE_ADDR_LEN);
    }
    close(fd);
}

static void daemon_connection(struct daemon_state *s, int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    uint8_t addr[NCR_GATE_ADDR_LEN];
    memset(&sa, 0, sizeof sa);
    if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0) {
        close(fd); /* gone already */
        return;
    }
    s->count++;
    ncr_gate_addr(addr, &sa);
    daemon_sweep(s);
    enum ncr_gate_verdict v = ncr_gate_enter(&s->gate, addr, ncr_clock_ms());
    size_t slot = daemon_slot(s);
    if (v == NCR_GATE_ADMIT && slot < s->n_slots) {
        daemon_fork(s, fd, addr, slot);
        return;
    }
    if (v == NCR_GATE_ADMIT) {
        ncr_gate_leave(&s->gate, addr, NCR_GATE_QUIET, ncr_clock_ms());
    }
    daemon_refuse(s, fd, v);
}

static void daemon_accept(void *ctx, unsigned ready)
{
    struct daemon_listener *l = ctx;
    (void)ready; /* there is only reading */
    for (int i = 0; i < DAEMON_ACCEPTS; i++) {
        int fd = ncr_accept(l->watch.fd, NULL, NULL);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                daemon_rest(l->s, "accept");
            }
            return;
        }
        daemon_connection(l->s, fd);
    }
}

/* ---- Where ------------------------------------------------------------------------------- */

static void daemon_announce(const struct ncr_daemon *d, int fd)
{
    char addr[NCR_SOCK_NAME];
    uint32_t port;
    ncr_sock_name(fd, false, addr, &port);
    ncr_log(&d->log, NCR_LOG_INFO, "Server listening on %s port %u.", addr, (unsigned)port);
    if (d->tell && d->log.fd != STDERR_FILENO) {
        dprintf(STDERR_FILENO, "Server listening on %s port %u.\n", addr, (unsigned)port);
    }
}

static bool daemon_listen_at(struct daemon_state *s, const char *host, uint32_t port)
{
    int fds[NCR_SOCK_LISTEN];
    size_t n = 0;
    uint32_t asked = port;
    nacre_err err = ncr_listen(host, &port, s->d->cfg.family, fds, &n);
    if (err != NACRE_OK) {
        ncr_log(&s->d->log, NCR_LOG_ERROR, "Bind to port %u on %s failed: %s.", (unsigned)asked,
                host != NULL ? host : "*", strerror(errno));
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct daemon_listener *l = &s->listeners[s->n_listeners];
        bool room = s->n_listeners < sizeof s->listeners / sizeof *s->listeners;
        if (!room || ncr_loop_watch(&s->loop, &l->watch, fds[i], NCR_LOOP_READ, daemon_accept, l) !=
                         NACRE_OK) {
            close(fds[i]);
            continue;
        }
        l->s = s;
        s->n_listeners++;
        daemon_announce(s->d, fds[i]);
    }
    return true;
}

static bool daemon_listen(struct daemon_state *s)
{
    const struct ncr_sshd_config *c = &s->d->cfg;
    for (size_t i = 0; i < c->n_listen; i++) {
        const struct ncr_sshd_address *a = &c->listen[i];
        for (size_t k = 0; k < (a->has_port ? 1 : c->n_ports); k++) {
            (void)daemon_listen_at(s, a->host, a->has_port ? a->port : c->ports[k]);
        }
    }
    if (s->n_listeners == 0) {
        ncr_log(&s->d->log, NCR_LOG_FATAL, "Cannot bind any address.");
    }
    return s->n_listeners > 0;
}

/* ---- The run ----------------------------------------------------------------------------- */

static bool daemon_slots(struct daemon_state *s)
{
    s->n_slots =
        s->d->cfg.startups[2] < DAEMON_SLOTS_MAX ? s->d->cfg.startups[2] : DAEMON_SLOTS_MAX;
    s->slots = calloc(s->n_slots, sizeof *s->slots);
    void *map = mmap(NULL, s->n_slots, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s->authed = map != MAP_FAILED ? map : NULL;
    return s->slots != NULL && s->authed != NULL;
}

static bool daemon_signals(struct daemon_state *s)
{
    signal(SIGPIPE, SIG_IGN);
    return ncr_loop_signal(&s->loop, SIGCHLD, daemon_child, s) == NACRE_OK &&
           ncr_loop_signal(&s->loop, SIGTERM, daemon_stop, s) == NACRE_OK &&
           ncr_loop_signal(&s->loop, SIGINT, daemon_stop, s) == NACRE_OK &&
           ncr_loop_signal(&s->loop, SIGHUP, daemon_stop, s) == NACRE_OK;
}

static bool daemon_start(struct daemon_state *s)
{
    struct ncr_gate_cfg gate;
    ncr_sshd_config_gate(&s->d->cfg, &gate);
    if (!ncr_gate_init(&s->gate, &gate, &nacre_rng_os) || !daemon_slots(s) ||
        ncr_loop_timer(&s->loop, &s->rest, daemon_rested, s) != NACRE_OK) {
        ncr_log(&s->d->log, NCR_LOG_FATAL, "out of memory");
        return false;
    }
    return (s->d->debug || daemon_signals(s)) && daemon_listen(s);
}

static bool daemon_pid_file(const struct ncr_daemon *d, const char *path)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (path == NULL) {
        return true;
    }
    nacre_err err = ncr_file_write(path, 0644, (const uint8_t *)text, (size_t)n);
    if (err != NACRE_OK) {
        ncr_log(&d->log, NCR_LOG_ERROR, "Couldn't create pid file \"%s\": %s", path,
                ncr_file_error(err));
    }
    return err == NACRE_OK;
}

static void daemon_end(struct daemon_state *s, const char *pid_file)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        int fd = s->listeners[i].watch.fd;
        ncr_loop_unwatch(&s->loop, &s->listeners[i].watch);
        close(fd);
    }
    if (pid_file != NULL) {
        (void)unlink(pid_file); /* may be gone already */
    }
    ncr_loop_timer_remove(&s->loop, &s->rest);
    ncr_loop_free(&s->loop);
    ncr_gate_free(&s->gate);
    free(s->slots);
    if (s->authed != NULL) {
        munmap((void *)s->authed, s->n_slots);
    }
}

int ncr_daemon_run(struct ncr_daemon *d, const char *pid_file)
{
    static struct daemon_state state;
    struct daemon_state *s = &state;
    memset(s, 0, sizeof *s);
    s->d = d;
    if (ncr_loop_init(&s->loop, NCR_LOOP_POLL) != NACRE_OK) {
        return 255;
    }
    bool ok = daemon_start(s);
    bool wrote = ok && daemon_pid_file(d, pid_file);
    if (ok) {
        ok = ncr_loop_run(&s->loop) == NACRE_OK;
    }
    daemon_end(s, wrote ? pid_file : NULL);
    return ok ? 0 : 255;
}

/* ---- inetd ------------------------------------------------------------------------------- */

/* Copies one way until the end; false then. */
static bool daemon_copy(int from, int to)
{
    uint8_t buf[65536];
    ssize_t n = read(from, buf, sizeof buf);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return true;
    }
    return n > 0 && ncr_file_write_all(to, buf, (size_t)n);
}

/* Two pipes instead of a socket: a process between. */
static void daemon_pump(int in_fd, int out_fd, int sock)
{
    struct pollfd p[2] = {{.fd = in_fd, .events = POLLIN}, {.fd = sock, .events = POLLIN}};
    signal(SIGPIPE, SIG_IGN);
    while (p[1].fd >= 0) {
        if (poll(p, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if (p[0].fd >= 0 && p[0].revents != 0 && !daemon_copy(in_fd, sock)) {
            shutdown(sock, SHUT_WR);
            p[0].fd = -1;
        }
        if (p[1].revents != 0 && !daemon_copy(sock, out_fd)) {
            p[1].fd = -1;
        }
    }
    _exit(0);
}

static int daemon_socket(int in_fd, int out_fd)
{
    int pair[2], type;
    socklen_t len = sizeof type;
    if (getsockopt(in_fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0) {
        return in_fd;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        daemon_pump(in_fd, out_fd, pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return -1;
    }
    return pair[0];
}

int ncr_daemon_inetd(struct ncr_daemon *d, int in_fd, int out_fd)
{
    static struct ncr_monitor m;
    int fd = daemon_socket(in_fd, out_fd);
    if (fd < 0 || !ncr_fd_nonblock(fd, true) || !ncr_fd_cloexec(fd)) {
        ncr_log(&d->log, NCR_LOG_FATAL, "no connection on standard input: %s", strerror(errno));
        return 255;
    }
    signal(SIGPIPE, SIG_IGN);
    daemon_monitor(d, &m, fd, &d->keys);
    return ncr_monitor_serve(&m) == NCR_GATE_AUTHENTICATED ? 0 : 255;
}
