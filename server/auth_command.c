/* SPDX-License-Identifier: ISC
 *
 * Commands that print keys or principals: see auth_command.h. Tokens are replaced without quoting;
 * each word stays one argument. The child leads a process group, which is killed when its time is
 * over or it has printed too much.
 */
#include "server/auth_command.h"

#include "proto/posix/clock.h"
#include "proto/posix/socket.h"
#include "server/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_PASSWD "/etc/passwd"
#define COMMAND_PATH "/usr/bin:/bin:/usr/sbin:/sbin"
#define COMMAND_OUTPUT_MAX (1024 * 1024) /* as of a file of keys */
#define COMMAND_CHUNK 16384
#define COMMAND_ARG_MAX                                                                            \
    (64 * 1024)           /* a certificate in base64 is a third of it; Linux takes twice */
#define COMMAND_TIME_S 30 /* unless LoginGraceTime leaves less */
#define COMMAND_REAP_MS 5 /* between two looks for a child that has closed its output */

/* ---- Tokens ------------------------------------------------------------------------------ */

/* TYPE BASE64 of a key, taken apart. */
struct command_key {
    char text[NACRE_PUBKEY_TEXT_LEN(NACRE_KEY_BLOB_MAX, 0)];
    const char *type, *base64;
};

struct command_tokens {
    const struct ncr_authorized_query *q;
    const struct ncr_account *account; /* the user asked about */
    struct command_key key, ca;
    char fp[NACRE_FINGERPRINT_LEN], ca_fp[NACRE_FINGERPRINT_LEN];
    char serial[24], uid[24], id[NACRE_CERT_KEY_ID_MAX + 1];
};

static bool command_key(struct command_key *k, struct nacre_bytes blob)
{
    struct nacre_bytes none = {NULL, 0};
    if (nacre_pubkey_format(k->text, sizeof k->text, blob, none) != NACRE_OK) {
        return false;
    }
    char *blank = strchr(k->text, ' ');
    if (blank == NULL) {
        return false;
    }
    *blank = '\0';
    k->type = k->text;
    k->base64 = blank + 1;
    return true;
}

/* What a certificate has beside a key. */
static bool command_cert(struct command_tokens *t, const struct nacre_cert *c)
{
    if (c->key_id.n >= sizeof t->id ||
        (c->key_id.n > 0 && memchr(c->key_id.p, '\0', c->key_id.n) != NULL)) {
        return false;
    }
    if (c->key_id.n > 0) {
        memcpy(t->id, c->key_id.p, c->key_id.n);
    }
    t->id[c->key_id.n] = '\0';
    nacre_fingerprint(t->fp, NACRE_FP_SHA256, c->plain);
    nacre_fingerprint(t->ca_fp, NACRE_FP_SHA256, c->ca);
    snprintf(t->serial, sizeof t->serial, "%llu", (unsigned long long)c->serial);
    return command_key(&t->ca, c->ca);
}

static bool command_tokens(struct command_tokens *t, const struct ncr_authorized_query *q,
                           const struct ncr_account *account)
{
    memset(t, 0, sizeof *t);
    t->q = q;
    t->account = account;
    snprintf(t->uid, sizeof t->uid, "%llu", (unsigned long long)account->uid);
    nacre_fingerprint(t->fp, NACRE_FP_SHA256, q->blob);
    return command_key(&t->key, q->blob) && (q->offer == NULL || command_cert(t, &q->offer->cert));
}

/* What stands for a token; NULL: there is none of that letter. %D, the routing domain, is empty
 * where the system has none, as on Linux. */
static const char *command_token(const struct command_tokens *t, char letter)
{
    const struct {
        char letter;
        const char *value;
    } all[] = {
        {'%', "%"},           {'C', t->q->connection}, {'D', ""},         {'F', t->ca_fp},
        {'f', t->fp},         {'h', t->account->home}, {'i', t->id},      {'K', t->ca.base64},
        {'k', t->key.base64}, {'s', t->serial},        {'T', t->ca.type}, {'t', t->key.type},
        {'U', t->uid},        {'u', t->account->name}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].letter == letter) {
            return all[i].value;
        }
    }
    return NULL;
}

/* A word with its tokens replaced, for free(3); NULL: too long, or out of memory. */
static char *command_word(const struct command_tokens *t, const char *word)
{
    char *out = malloc(COMMAND_ARG_MAX);
    size_t n = 0;
    for (const char *p = word; out != NULL && *p != '\0'; p++) {
        const char one[2] = {*p, '\0'};
        const char *value = *p == '%' ? command_token(t, *++p) : one;
        size_t len = value != NULL ? strlen(value) : COMMAND_ARG_MAX;
        if (len >= COMMAND_ARG_MAX - n) {
            free(out);
            return NULL;
        }
        memcpy(out + n, value, len);
        n += len;
    }
    if (out != NULL) {
        out[n] = '\0';
    }
    return out;
}

/* ---- Who and what may run ---------------------------------------------------------------- */

/* The user whom the configuration names, if we can become that. */
static bool command_user(struct ncr_account *a, const struct ncr_authorized_query *q,
                         const struct ncr_sshd_command *c)
{
    if (!ncr_account_by_name(a, COMMAND_PASSWD, c->user)) {
        ncr_log(q->log, NCR_LOG_ERROR, "%sUser \"%s\" not found", c->keyword, c->user);
        return false;
    }
    if (geteuid() != 0 && a->uid != getuid()) {
        ncr_log(q->log, NCR_LOG_ERROR, "%sUser \"%s\": this server runs as another user",
                c->keyword, c->user);
        return false;
    }
    return true;
}

/* Whether only root can have a say in what runs; real gets its name without links, for what is
 * looked at is what must run. */
static bool command_safe(char real[PATH_MAX], const struct ncr_authorized_query *q,
                         const struct ncr_sshd_command *c)
{
    static const struct ncr_account root; /* uid 0, and no home to stop at */
    const char *path = c->words.word[0];
    char why[PATH_MAX + 64] = "not a regular file";
    int fd = realpath(path, real) != NULL ? open(real, O_PATH | O_CLOEXEC) : -1;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(why, sizeof why, "%s", strerror(errno));
    }
    bool ok =
        fd >= 0 && S_ISREG(st.st_mode) && ncr_authorized_strict(fd, real, &root, why, sizeof why);
    if (fd >= 0) {
        close(fd);
    }
    if (!ok) {
        ncr_log(q->log, NCR_LOG_ERROR, "Unsafe %s \"%s\": %s", c->keyword, path, why);
    }
    return ok;
}

/* ---- The child --------------------------------------------------------------------------- */

struct command_run {
    char real[PATH_MAX]; /* what is run, by the name that argv[0] is */
    char *argv[NCR_SSHD_LIST_MAX + 2];
    size_t argc;
    struct ncr_account as;
    pid_t pid;
    int fd; /* its output */
    uint64_t deadline;
};

static bool command_descriptors(int out)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return null >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
           dup2(null, STDERR_FILENO) >= 0;
}

/* Runs in the child of that process, and ends with it. */
static void command_child(struct command_run *r, int out, pid_t parent)
{
    char user[NCR_ACCOUNT_NAME_MAX + 8], logname[NCR_ACCOUNT_NAME_MAX + 12];
    char home[NCR_ACCOUNT_PATH_MAX + 8], path[] = "PATH=" COMMAND_PATH;
    char *envp[] = {path, user, logname, home, NULL};
    snprintf(user, sizeof user, "USER=%s", r->as.name);
    snprintf(logname, sizeof logname, "LOGNAME=%s", r->as.name);
    snprintf(home, sizeof home, "HOME=%s", r->as.home);
    ncr_inherit_signals();
    if (setsid() < 0 || (geteuid() == 0 && !ncr_account_become(&r->as)) || chdir("/") != 0 ||
        !command_descriptors(out)) {
        _exit(255);
    }
    ncr_inherit_close(STDERR_FILENO + 1);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(255);
    }
    execve(r->real, r->argv, envp);
    _exit(127);
}

static bool command_start(struct command_run *r)
{
    int p[2];
    pid_t self = getpid();
    if (!ncr_pipe(p)) {
        return false;
    }
    r->pid = fork();
    if (r->pid == 0) {
        command_child(r, p[1], self);
    }
    close(p[1]);
    r->fd = p[0];
    if (r->pid < 0) {
        close(p[0]);
    }
    return r->pid > 0;
}

/* ---- Its output and its end -------------------------------------------------------------- */

/* Waits until there is something to read; false: its time is over. */
static bool command_wait(const struct command_run *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    int n;
    do {
        n = poll(&p, 1, ncr_clock_timeout(r->deadline, ncr_clock_ms()));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static bool command_room(struct ncr_auth_output *out, size_t *cap)
{
    if (*cap - out->n >= COMMAND_CHUNK) {
        return true;
    }
    size_t want = *cap > 0 ? 2 * *cap : COMMAND_CHUNK;
    uint8_t *p = realloc(out->p, want);
    if (p == NULL) {
        return false;
    }
    out->p = p;
    *cap = want;
    return true;
}

/* All that it prints; what is wrong with that, or NULL. */
static const char *command_read(const struct command_run *r, struct ncr_auth_output *out)
{
    size_t cap = 0;
    for (;;) {
        if (!command_room(out, &cap)) {
            return "out of memory";
        }
        if (!command_wait(r)) {
            return "took too long";
        }
        ssize_t got = read(r->fd, out->p + out->n, COMMAND_CHUNK);
        if (got < 0 && errno != EINTR) {
            return strerror(errno);
        }
        if (got == 0) {
            return NULL;
        }
        out->n += got > 0 ? (size_t)got : 0;
        if (out->n > COMMAND_OUTPUT_MAX) {
            return "printed too much";
        }
    }
}

/* How it ended, if it did in time; what is wrong with that, or NULL. */
static const char *command_reap(const struct command_run *r, bool *reaped, char why[64])
{
    int status = 0;
    pid_t got;
    while ((got = waitpid(r->pid, &status, WNOHANG)) == 0 && ncr_clock_ms() < r->deadline) {
        (void)poll(NULL, 0, COMMAND_REAP_MS); /* a pause */
    }
    *reaped = got == r->pid;
    if (!*reaped) {
        return "took too long";
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return NULL;
    }
    if (WIFEXITED(status)) {
        snprintf(why, 64, "exited with status %d", WEXITSTATUS(status));
    } else {
        snprintf(why, 64, "ended by signal %d", WTERMSIG(status));
    }
    return why;
}

/* Runs it to its end, which may be ours to bring about. */
static const char *command_run(struct command_run *r, struct ncr_auth_output *out, char why[64])
{
    bool reaped = false;
    if (!command_start(r)) {
        return strerror(errno);
    }
    const char *wrong = command_read(r, out);
    if (wrong == NULL) {
        wrong = command_reap(r, &reaped, why);
    }
    if (!reaped) {                    /* so that the number is still its own */
        (void)kill(-r->pid, SIGKILL); /* the group is missing if it is only just starting */
        (void)kill(r->pid, SIGKILL);
        while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close(r->fd);
    return wrong;
}

/* ---- All of it --------------------------------------------------------------------------- */

static bool command_words(struct command_run *r, const struct ncr_sshd_command *c,
                          const struct command_tokens *t)
{
    static const char *const user[] = {"%u"};
    const char *const *words = c->words.n > 1 ? c->words.word + 1 : user;
    size_t n = c->words.n > 1 ? c->words.n - 1 : 1;
    r->argv[r->argc++] = strdup(c->words.word[0]);
    for (size_t i = 0; i < n && r->argv[r->argc - 1] != NULL; i++) {
        r->argv[r->argc++] = command_word(t, words[i]);
    }
    return r->argv[r->argc - 1] != NULL;
}

/* Its own time, or what the authentication has left of its. */
static uint64_t command_deadline(const struct ncr_authorized_query *q)
{
    uint64_t own = ncr_clock_deadline(COMMAND_TIME_S * 1000);
    return q->deadline > 0 && q->deadline < own ? q->deadline : own;
}

bool ncr_auth_command(const struct ncr_authorized_query *q, const struct ncr_sshd_command *command,
                      bool known, struct ncr_auth_output *out)
{
    static struct command_tokens tokens;
    struct command_run r = {.argc = 0};
    char why[64];
    memset(out, 0, sizeof *out);
    if (!command_user(&r.as, q, command) || !command_safe(r.real, q, command)) {
        return false;
    }
    const char *wrong = "its arguments are too long";
    r.deadline = command_deadline(q);
    if (command_tokens(&tokens, q, known ? q->account : &r.as) &&
        command_words(&r, command, &tokens)) {
        wrong = command_run(&r, out, why);
    }
    while (r.argc > 0) {
        free(r.argv[--r.argc]);
    }
    if (wrong != NULL) {
        ncr_log(q->log, NCR_LOG_ERROR, "%s %s: %s", command->keyword, command->words.word[0],
                wrong);
        ncr_auth_output_free(out);
    }
    return wrong == NULL;
}

void ncr_auth_output_free(struct ncr_auth_output *out)
{
    free(out->p);
    memset(out, 0, sizeof *out);
}
