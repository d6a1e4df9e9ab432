/* SPDX-License-Identifier: ISC
 *
 * The monitor: see monitor.h. It answers one request at a time, starts the network process, and,
 * when its own verdict was success and that process is gone, the session process.
 */
#include "server/monitor.h"

#include "proto/posix/clock.h"
#include "proto/posix/socket.h"
#include "server/host_keys_update.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#define MONITOR_SIGN_PREAUTH 17 /* one exchange, and as many empty ones as the engine lets pass */
#define MONITOR_AUTH_MAX 64     /* tries, queries and rounds together */
#define MONITOR_LOG_MAX 64
#define MONITOR_FORWARDS 118 /* forwarded connections beside sessions */
/* Each process that comes of this one has its own. */
static uint64_t monitor_work[NACRE_WORK];

#define MONITOR_CHANNELS_MAX 1024   /* as the engine has it */
#define MONITOR_GRACE_EXTRA_MS 2000 /* the network process keeps the deadline itself */

static uint8_t monitor_buf[NCR_MON_MAX];

/* ---- Requests ---------------------------------------------------------------------------- */

static bool monitor_reply(struct ncr_monitor *m, uint32_t type, struct nacre_bytes field)
{
    struct ncr_mon_msg r = {.type = type, .field = {field}, .fds = {-1, -1}};
    return ncr_mon_send(m->sock, &r);
}

/* Where that blob stands among what clients are shown; n_blobs: nowhere. */
static size_t monitor_place(const struct ncr_monitor *m, struct nacre_bytes blob)
{
    size_t i = 0;
    while (i < m->keys->n_blobs &&
           (m->keys->blob[i].n != blob.n || memcmp(m->keys->blob[i].p, blob.p, blob.n) != 0)) {
        i++;
    }
    return i;
}

static const struct nacre_privkey *monitor_key(const struct ncr_monitor *m, struct nacre_bytes blob)
{
    size_t i = monitor_place(m, blob);
    return i < m->keys->n_blobs && m->keys->of[i] < m->keys->n ? &m->keys->key[m->keys->of[i]]
                                                               : NULL;
}

/* True if the configuration allows a key exchange with SHA-1, for old devices. */
static bool monitor_sha1(const struct ncr_monitor *m)
{
    char kex[2048];
    return nacre_algs_expand(kex, sizeof kex, NACRE_ALGS_ALL, NACRE_ALG_KEX, m->engine.profile,
                             m->engine.kex) == NACRE_OK &&
           strstr(kex, "-sha1") != NULL;
}

/* What is signed for a key exchange is a hash of one of three lengths; the first one is the session
 * id, over which user keys sign. */
static bool monitor_sign(struct ncr_monitor *m, const struct ncr_mon_msg *a, bool authed)
{
    struct nacre_bytes alg = a->field[0], data = a->field[2];
    const struct nacre_privkey *k = monitor_key(m, a->field[1]);
    static uint8_t sig[NACRE_SIG_BLOB_MAX];
    size_t n = 0;
    bool hash = data.n == NACRE_SHA256_LEN || data.n == NACRE_SHA384_LEN ||
                data.n == NACRE_SHA512_LEN || (data.n == NACRE_SHA1_LEN && monitor_sha1(m));
    if (k == NULL || !hash || (!authed && m->n_sign >= MONITOR_SIGN_PREAUTH)) {
        return false;
    }
    m->n_sign++;
    if (m->login.session_id_len == 0) {
        memcpy(m->login.session_id, data.p, data.n);
        m->login.session_id_len = data.n;
        m->login.host_key = m->keys->blob[monitor_place(m, a->field[1])];
    }
    if (nacre_privkey_sign(k, alg, data, sig, sizeof sig, &n, &nacre_rng_os, m->work) != NACRE_OK) {
        return monitor_reply(m, NCR_MON_NO, (struct nacre_bytes){NULL, 0});
    }
    return monitor_reply(m, NCR_MON_REPLY, (struct nacre_bytes){sig, n});
}

/* Whether keys of that type prove themselves with that algorithm: never with SHA-1. */
static bool monitor_proof_alg(struct nacre_bytes blob, struct nacre_bytes alg)
{
    char name[NACRE_KEY_NAME_MAX + 1];
    struct nacre_pubkey k;
    if (alg.n == 0 || alg.n >= sizeof name || nacre_pubkey_decode(&k, blob) != NACRE_OK) {
        return false;
    }
    memcpy(name, alg.p, alg.n);
    name[alg.n] = '\0';
    const char *fit = nacre_hostkeys_alg(k.name, name);
    return fit != NULL && nacre_bytes_is(alg, fit);
}

/* Host key rotation: what is signed is put together here, over the session id that is ours. */
static bool monitor_prove(struct ncr_monitor *m, const struct ncr_mon_msg *a)
{
    const struct nacre_privkey *k = monitor_key(m, a->field[1]);
    struct nacre_bytes id = {m->login.session_id, m->login.session_id_len};
    static uint8_t message[NACRE_HOSTKEYS_PROOF_MAX], sig[NACRE_SIG_BLOB_MAX];
    struct nacre_bytes data = {message, 0};
    size_t n = 0;
    if (k == NULL || !monitor_proof_alg(a->field[1], a->field[0]) || m->n_prove >= NCR_PROOFS_MAX ||
        nacre_hostkeys_message(message, sizeof message, &data.n, id, a->field[1]) != NACRE_OK) {
        return false;
    }
    m->n_prove++;
    if (nacre_privkey_sign(k, a->field[0], data, sig, sizeof sig, &n, &nacre_rng_os, m->work) !=
        NACRE_OK) {
        return monitor_reply(m, NCR_MON_NO, (struct nacre_bytes){NULL, 0});
    }
    return monitor_reply(m, NCR_MON_REPLY, (struct nacre_bytes){sig, n});
}

static bool monitor_auth(struct ncr_monitor *m, const struct ncr_mon_msg *a)
{
    struct ncr_login_ask ask = {.stage = (enum nacre_auth_stage)a->value[0],
                                .host_bound = a->value[1] == 1,
                                .user = a->field[0],
                                .alg = a->field[1],
                                .blob = a->field[2],
                                .secret = a->field[3]};
    if (a->value[0] > NACRE_STAGE_RESPONSES || m->login.session_id_len == 0 || m->login.done ||
        m->n_auth >= MONITOR_AUTH_MAX) {
        return false;
    }
    m->n_auth++;
    struct ncr_login_verdict v = ncr_login_ask(&m->login, &ask);
    struct ncr_mon_msg r = {
        .type = NCR_MON_REPLY, .value = {(uint32_t)v.verdict, v.methods}, .fds = {-1, -1}};
    return ncr_mon_send(m->sock, &r);
}

static bool monitor_log(struct ncr_monitor *m, const struct ncr_mon_msg *a)
{
    char text[NCR_LOG_LINE_MAX];
    size_t n = a->field[0].n < sizeof text ? a->field[0].n : sizeof text - 1;
    if (a->value[0] > NCR_LOG_DEBUG3 || m->n_log >= MONITOR_LOG_MAX) {
        return false;
    }
    m->n_log++;
    for (size_t i = 0; i < n; i++) {
        text[i] = a->field[0].p[i] != 0 ? (char)a->field[0].p[i] : '?';
    }
    text[n] = '\0';
    ncr_log_text(&m->log, (enum ncr_log_level)a->value[0], text);
    return true;
}

/* The slave belongs to the user and the group tty, who may write(1) to it, and nobody else. */
static bool monitor_pty_own(int slave, const struct ncr_account *a)
{
    gid_t tty;
    bool grouped = ncr_account_group(&tty, "/etc/group", "tty");
    if (geteuid() != 0) {
        return true; /* the kernel gave it to us */
    }
    return fchown(slave, a->uid, grouped ? tty : a->gid) == 0 &&
           fchmod(slave, grouped ? 0620 : 0600) == 0;
}

static bool monitor_pty_open(int fds[2], char *name, size_t cap, const struct ncr_account *a)
{
    fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    fds[1] = -1;
    if (fds[0] < 0) {
        return false;
    }
    if (grantpt(fds[0]) == 0 && unlockpt(fds[0]) == 0 && ptsname_r(fds[0], name, cap) == 0) {
        fds[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    if (fds[1] >= 0 && monitor_pty_own(fds[1], a)) {
        return true;
    }
    if (fds[1] >= 0) {
        close(fds[1]);
    }
    close(fds[0]);
    return false;
}

static bool monitor_pty(struct ncr_monitor *m)
{
    struct ncr_mon_msg r = {.type = NCR_MON_NO, .fds = {-1, -1}};
    char name[64];
    if (!ncr_rights_pty(&m->login.rights) ||
        !monitor_pty_open(r.fds, name, sizeof name, &m->login.account)) {
        r.fds[0] = r.fds[1] = -1;
        return ncr_mon_send(m->sock, &r);
    }
    r.type = NCR_MON_REPLY;
    r.field[0] = nacre_bytes_str(name);
    bool ok = ncr_mon_send(m->sock, &r);
    close(r.fds[0]);
    close(r.fds[1]);
    return ok;
}

bool ncr_monitor_request(struct ncr_monitor *m, const struct ncr_mon_msg *ask, bool authed)
{
    switch (ask->type) {
    case NCR_MON_SIGN:
        return monitor_sign(m, ask, authed);
    case NCR_MON_AUTH:
        return !authed && monitor_auth(m, ask);
    case NCR_MON_LOG:
        return !authed && monitor_log(m, ask);
    case NCR_MON_PTY:
        return authed && monitor_pty(m);
    case NCR_MON_PROVE:
        return authed && monitor_prove(m, ask);
    default:
        return false;
    }
}

/* ---- Serving a child --------------------------------------------------------------------- */

/* True if something is to be read before the deadline. */
static bool monitor_wait(struct ncr_monitor *m, uint64_t deadline)
{
    for (;;) {
        struct pollfd p = {.fd = m->sock, .events = POLLIN};
        uint64_t now = ncr_clock_ms();
        if (now >= deadline) { /* what is queued by then does not count either */
            return false;
        }
        int n = poll(&p, 1, ncr_clock_timeout(deadline, now));
        if (n > 0) {
            return true;
        }
        if (n == 0 || errno != EINTR) {
            return false;
        }
    }
}

static size_t monitor_size(const struct ncr_mon_msg *msg)
{
    size_t n = 0;
    for (int i = 0; i < NCR_MON_FIELDS; i++) {
        n += msg->field[i].n;
    }
    return n;
}

/* Answers until the child is gone. False: it was too slow, or asked what it may not. */
static bool monitor_answer(struct ncr_monitor *m, bool authed, uint64_t deadline)
{
    struct ncr_mon_msg ask;
    while (monitor_wait(m, deadline)) {
        if (!ncr_mon_recv(m->sock, &ask, monitor_buf)) {
            return true;
        }
        bool ok = ncr_monitor_request(m, &ask, authed);
        nacre_wipe(monitor_buf, monitor_size(&ask));
        if (!ok) {
            ncr_log(&m->log, NCR_LOG_ERROR, "monitor: request %u refused", (unsigned)ask.type);
            m->illegal = true;
            return false;
        }
    }
    return false;
}

/* What neither child may keep: the host keys, and memory that is the listener's. */
static void monitor_forget(struct ncr_monitor *m)
{
    if (m->listeners != NULL) {
        munmap(m->listeners, m->listeners_len);
        m->listeners = m->ctx = NULL;
    }
    if (m->keys->key != NULL) {
        munmap(m->keys->key, m->keys->map_len);
        m->keys->key = NULL;
        m->keys->n = 0;
    }
}

/* Forks a child that runs main; the monitor's end of the pair is m->sock. Returns its pid, over 0,
 * or -1. */
static pid_t monitor_fork(struct ncr_monitor *m, void (*child)(struct ncr_monitor *m))
{
    int pair[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        m->sock = pair[1];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(255);
        }
        monitor_forget(m);
        child(m);
        _exit(255);
    }
    close(pair[1]);
    m->sock = pair[0];
    if (pid < 0) {
        close(pair[0]);
    }
    return pid;
}

static int monitor_reap(struct ncr_monitor *m, pid_t pid, bool kill_it)
{
    int status = -1;
    if (pid > 0 && kill_it) {
        kill(pid, SIGKILL);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(m->sock);
    return status;
}

/* ---- The mapping ------------------------------------------------------------------------- */

static bool monitor_map(struct ncr_monitor *m)
{
    size_t head = (sizeof(struct nacre_conn) + 63) / 64 * 64;
    m->channels = m->cfg->max_sessions + MONITOR_FORWARDS;
    if (m->channels > MONITOR_CHANNELS_MAX) {
        m->channels = MONITOR_CHANNELS_MAX;
    }
    m->mem_len = NACRE_CONN_MEM(m->channels, NACRE_BUF_BULK, NACRE_BUF_BULK) +
                 nacre_conn_comp_mem(&m->engine);
    m->map_len = head + m->mem_len;
    uint8_t *p = mmap(NULL, m->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return false;
    }
    m->conn = (void *)p;
    m->mem = p + head;
    return true;
}

static void monitor_setup(struct ncr_monitor *m)
{
    m->work = monitor_work;
    m->engine.work = monitor_work;
    m->engine.host_keys = m->keys->blob;
    m->engine.n_host_keys = m->keys->n_blobs;
    m->engine.banner = m->banner;
    m->engine.groups = m->groups.group;
    m->engine.n_groups = m->groups.n;
    ncr_login_init(&m->login, m->cfg, &m->log, m->addr, m->port);
    snprintf(m->login.connection, sizeof m->login.connection, "%s %u %s %u", m->addr,
             (unsigned)m->port, m->local_addr, (unsigned)m->local_port);
    m->engine.auth_methods = ncr_login_methods(&m->login);
    ncr_sock_nodelay(m->fd);
    if (m->cfg->tcp_keepalive) {
        ncr_sock_keepalive(m->fd);
    }
}

/* ---- A connection ------------------------------------------------------------------------ */

static enum ncr_gate_end monitor_preauth(struct ncr_monitor *m)
{
    uint64_t grace =
        m->cfg->grace_s != 0 ? (uint64_t)m->cfg->grace_s * 1000 + MONITOR_GRACE_EXTRA_MS : 0;
    pid_t pid = monitor_fork(m, ncr_network_main);
    if (pid < 0) {
        ncr_log(&m->log, NCR_LOG_ERROR, "fork: %s", strerror(errno));
        return NCR_GATE_QUIET;
    }
    m->login.deadline = ncr_clock_deadline(grace);
    bool ended = monitor_answer(m, false, m->login.deadline);
    int status = monitor_reap(m, pid, !ended);
    if (m->illegal || (ended && WIFSIGNALED(status))) {
        ncr_log(&m->log, NCR_LOG_ERROR, "network process for %s port %u: ended by signal %d",
                m->addr, (unsigned)m->port, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        return NCR_GATE_CRASH;
    }
    if (!ended) {
        ncr_log(&m->log, NCR_LOG_INFO, "Timeout before authentication for %s port %u", m->addr,
                (unsigned)m->port);
        return NCR_GATE_GRACE;
    }
    if (m->login.done && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return NCR_GATE_AUTHENTICATED;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == NCR_GATE_GRACE) {
        return NCR_GATE_GRACE;
    }
    return m->login.failures > 0 ? NCR_GATE_AUTH_FAILED : NCR_GATE_NO_AUTH;
}

static void monitor_session(struct ncr_monitor *m)
{
    pid_t pid = monitor_fork(m, ncr_session_main);
    if (pid < 0) {
        ncr_log(&m->log, NCR_LOG_ERROR, "fork: %s", strerror(errno));
        return;
    }
    close(m->fd); /* the client knows only the session from now on */
    bool ended = monitor_answer(m, true, NCR_NEVER);
    (void)monitor_reap(m, pid, !ended); /* how a user's process ended is the user's business */
}

enum ncr_gate_end ncr_monitor_serve(struct ncr_monitor *m)
{
    ncr_sshd_config_engine(m->cfg, &m->engine);
    if (!monitor_map(m)) {
        ncr_log(&m->log, NCR_LOG_ERROR, "out of memory");
        return NCR_GATE_QUIET;
    }
    monitor_setup(m);
    enum ncr_gate_end end = monitor_preauth(m);
    if (end == NCR_GATE_AUTHENTICATED) {
        if (m->authenticated != NULL) {
            m->authenticated(m->ctx);
        }
        monitor_session(m);
    }
    ncr_login_wipe(&m->login);
    munmap(m->conn, m->map_len);
    return end;
}
