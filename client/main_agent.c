/* SPDX-License-Identifier: ISC
 *
 * nacre-agent: the job of ssh-agent, in its options, output and exit status. What this build does
 * not have is refused by name, never ignored.
 *
 * The socket lies in a new directory of mode 0700 under TMPDIR or /tmp, or where -a or -A says. The
 * process cannot be traced or dumped by others of its user, its memory is locked where a limit
 * allows it, and keys are wiped when they go. No library is ever loaded: there are no tokens, and
 * -P only says which names for one a security key may come with.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "client/agent_server.h"
#include "client/hash_names.h"
#include "proto/posix/duration.h"
#include "proto/posix/file.h"
#include "proto/posix/socket.h"

#define AGENT_BACKLOG 128
#define AGENT_OWN_FDS 16      /* standard ones, listener, a question */
#define AGENT_PARENT_MS 10000 /* between looks whether the command still runs */
#define AGENT_PROVIDERS "/usr/lib*/*,/usr/local/lib*/*"
#define AGENT_REFUSED 1 /* exit status: usage, and what could not be done */
#define AGENT_FATAL 255 /* exit status: bad value of an option, as ssh-agent has it */
#define AGENT_ENDED 2   /* exit status: by a signal, or with the command */

static const char agent_usage[] =
    "usage: nacre-agent [-c | -s] [-Dd] [-T | -A directory | -a bind_address]\n"
    "                   [-E fingerprint_hash] [-O option] [-P allowed_providers]\n"
    "                   [-t life]\n"
    "       nacre-agent [-T | -A directory | -a bind_address]\n"
    "                   [-E fingerprint_hash] [-O option] [-P allowed_providers]\n"
    "                   [-t life] command [arg ...]\n"
    "       nacre-agent [-c | -s] -k\n"
    "       nacre-agent -V\n";

struct agent_options {
    bool csh, sh, kill, debug, foreground, temporary;
    const char *address, *directory, *providers;
    uint32_t lifetime;
    enum nacre_fp_hash hash;
    char **command; /* NULL: none */
};

/* What is to be removed at the end. */
struct agent_place {
    char dir[PATH_MAX]; /* "" if it is not ours */
    char path[PATH_MAX];
    bool bound;
};

/* A process has one. */
static uint64_t agent_work[NACRE_WORK];
static struct ncr_agent_server agent_server;

/* ---- Options ---- */

static int agent_bad_usage(void)
{
    fputs(agent_usage, stderr);
    return AGENT_REFUSED;
}

/* Options about what there is not here: the stricter choice holds whatever is said, so that saying
 * it changes nothing; what would have to be done is refused. */
static int agent_read_extra(const char *name)
{
    if (strcmp(name, "no-restrict-websafe") == 0 || strncmp(name, "websafe-allow=", 14) == 0)
        return 0; /* nothing signs for the web here: security keys do not sign at all */
    if (strcmp(name, "allow-remote-pkcs11") == 0) {
        fputs("nacre-agent: option \"allow-remote-pkcs11\" is not supported: no tokens are used\n",
              stderr);
        return AGENT_REFUSED;
    }
    fprintf(stderr, "Unknown -O option: %s\n", name);
    return AGENT_FATAL;
}

static int agent_read_option(struct agent_options *o, int letter, const char *arg)
{
    switch (letter) {
    case 'A':
        o->directory = arg;
        return 0;
    case 'a':
        o->address = arg;
        return 0;
    case 'c':
        o->csh = true;
        return o->sh ? agent_bad_usage() : 0;
    case 'D':
        o->foreground = true;
        return o->debug ? agent_bad_usage() : 0;
    case 'd':
        o->debug = true;
        return o->foreground ? agent_bad_usage() : 0;
    case 'E':
        return ncr_hash_option(&o->hash, arg) ? 0 : AGENT_FATAL;
    case 'k':
        o->kill = true;
        return 0;
    case 'O':
        return agent_read_extra(arg);
    case 'P':
        if (o->providers != NULL) {
            fputs("-P option already specified\n", stderr);
            return AGENT_FATAL;
        }
        o->providers = arg;
        return 0;
    case 's':
        o->sh = true;
        return o->csh ? agent_bad_usage() : 0;
    case 'T':
        o->temporary = true;
        return 0;
    case 't':
        if (ncr_duration(&o->lifetime, arg))
            return 0;
        fputs("Invalid lifetime\n", stderr);
        return agent_bad_usage();
    case 'U':
        return 0; /* no sockets of agents that have gone are looked for anyway */
    case 'u':
        fputs("nacre-agent: -u is not supported: sockets lie in directories of their own\n",
              stderr);
        return AGENT_REFUSED;
    default:
        return agent_bad_usage();
    }
}

static int agent_read_options(struct agent_options *o, int argc, char **argv)
{
    const char *shell = getenv("SHELL");
    int status = 0, letter;

    while (status == 0 && (letter = getopt(argc, argv, "+A:a:cDdE:kO:P:sTt:Uu")) != -1)
        status = agent_read_option(o, letter, optarg);
    if (status != 0)
        return status;
    if (optind < argc)
        o->command = argv + optind;
    if (o->command != NULL && (o->csh || o->sh || o->kill || o->debug || o->foreground))
        return agent_bad_usage();
    if ((o->address != NULL) + (o->directory != NULL) + o->temporary > 1)
        return agent_bad_usage();
    if (o->command == NULL && !o->csh && !o->sh && shell != NULL && strlen(shell) > 2 &&
        strcmp(shell + strlen(shell) - 3, "csh") == 0)
        o->csh = true;
    return 0;
}

/* ---- Killing ---- */

static int agent_kill(const struct agent_options *o)
{
    const char *text = getenv("SSH_AGENT_PID");
    const char *format = o->csh ? "unsetenv %s;\n" : "unset %s;\n";
    char *end;
    long pid;

    if (text == NULL) {
        fputs("SSH_AGENT_PID not set, cannot kill agent\n", stderr);
        return AGENT_REFUSED;
    }
    errno = 0;
    pid = strtol(text, &end, 10);
    if (errno != 0 || *text == '\0' || *end != '\0' || pid < 2 || pid > INT_MAX) {
        fprintf(stderr, "SSH_AGENT_PID=\"%s\", which is not a good PID: %s\n", text,
                errno == ERANGE || pid > INT_MAX ? "too large"
                : *end != '\0' || *text == '\0'  ? "invalid"
                                                 : "too small");
        return AGENT_REFUSED;
    }
    if (kill((pid_t)pid, SIGTERM) != 0) {
        perror("kill");
        return AGENT_REFUSED;
    }
    printf(format, "SSH_AUTH_SOCK");
    printf(format, "SSH_AGENT_PID");
    printf("echo Agent pid %ld killed;\n", pid);
    return 0;
}

/* ---- The socket ---- */

static bool agent_place_name(struct agent_place *p, const struct agent_options *o)
{
    const char *tmp = getenv("TMPDIR");
    int n;

    if (o->address != NULL) {
        n = snprintf(p->path, sizeof p->path, "%s", o->address);
        if (n > 0 && (size_t)n < sizeof p->path)
            return true;
        fprintf(stderr, "nacre-agent: cannot bind to path %s\n", n > 0 ? "of that length" : "\"\"");
        return false;
    }
    n = snprintf(p->dir, sizeof p->dir, "%s/ssh-XXXXXX",
                 o->directory != NULL            ? o->directory
                 : tmp != NULL && tmp[0] != '\0' ? tmp
                                                 : "/tmp");
    if (n < 0 || (size_t)n >= sizeof p->dir || mkdtemp(p->dir) == NULL) {
        perror("mkdtemp: private socket dir");
        p->dir[0] = '\0';
        return false;
    }
    n = snprintf(p->path, sizeof p->path, "%s/agent.%ld", p->dir, (long)getpid());
    return n > 0 && (size_t)n < sizeof p->path;
}

static void agent_place_leave(struct agent_place *p)
{
    if (p->bound)
        (void)unlink(p->path); /* somebody may have removed it */
    if (p->dir[0] != '\0')
        (void)rmdir(p->dir); /* likewise */
    p->bound = false;
    p->dir[0] = '\0';
}

/* The listening socket, which only its owner may connect to; -1 after a message. */
static int agent_listen(struct agent_place *p, const struct agent_options *o)
{
    struct sockaddr_un sun;
    mode_t mask;
    int fd;

    memset(&sun, 0, sizeof sun);
    sun.sun_family = AF_UNIX;
    if (!agent_place_name(p, o))
        return -1;
    if (strlen(p->path) >= sizeof sun.sun_path) {
        fprintf(stderr, "nacre-agent: path \"%s\" too long for a socket\n", p->path);
        return -1;
    }
    memcpy(sun.sun_path, p->path, strlen(p->path));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    mask = umask(0177);
    if (fd < 0 || !ncr_fd_cloexec(fd) || bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0) {
        fprintf(stderr, "nacre-agent: cannot bind to path %s: %s\n", p->path, strerror(errno));
        (void)umask(mask);
        if (fd >= 0)
            (void)close(fd); /* nothing was sent */
        return -1;
    }
    (void)umask(mask); /* cannot fail */
    p->bound = true;
    if (listen(fd, AGENT_BACKLOG) == 0)
        return fd;
    fprintf(stderr, "nacre-agent: cannot listen on path %s: %s\n", p->path, strerror(errno));
    (void)close(fd); /* nothing was sent */
    return -1;
}

/* ---- Serving ---- */

static void agent_log_line(void *ctx, const char *line)
{
    (void)ctx; /* there is one standard error */
    fprintf(stderr, "debug1: %s\n", line);
}

static void agent_stop(void *ctx, int signo)
{
    (void)signo; /* all end it */
    ncr_loop_stop(ctx);
}

static void agent_drop_keys(void *ctx, int signo)
{
    (void)signo; /* SIGUSR1 */
    ncr_agent_server_drop_keys(ctx);
}

/* The command in whose name the agent runs. */
struct agent_parent {
    struct ncr_loop *loop;
    struct ncr_timer timer;
    pid_t pid; /* 0: none */
};

static void agent_look_at_parent(void *ctx)
{
    struct agent_parent *p = ctx;

    if (p->pid != 0 && getppid() != p->pid)
        ncr_loop_stop(p->loop);
    else
        ncr_loop_timer_set(p->loop, &p->timer, ncr_loop_now(p->loop) + AGENT_PARENT_MS);
}

static nacre_err agent_signals(struct ncr_loop *loop, bool interruptible)
{
    nacre_err err;

    (void)signal(SIGPIPE, SIG_IGN);
    err = ncr_loop_signal(loop, SIGTERM, agent_stop, loop);
    if (err == NACRE_OK)
        err = ncr_loop_signal(loop, SIGHUP, agent_stop, loop);
    if (err == NACRE_OK)
        err = ncr_loop_signal(loop, SIGUSR1, agent_drop_keys, &agent_server);
    if (!interruptible)
        (void)signal(SIGINT, SIG_IGN);
    else if (err == NACRE_OK)
        err = ncr_loop_signal(loop, SIGINT, agent_stop, loop);
    return err;
}

/* Whatever else was inherited is nothing of the agent's: it would be held open for as long as that
 * lives. Returns the listening socket's new number. */
static int agent_close_others(int fd)
{
    long next = STDERR_FILENO + 1, max = sysconf(_SC_OPEN_MAX);

    if (fd != next && (dup2(fd, (int)next) < 0 || !ncr_fd_cloexec((int)next)))
        return -1;
    fd = (int)next++;
#if defined(SYS_close_range)
    if (syscall(SYS_close_range, (unsigned)next, ~0u, 0) == 0)
        return fd;
#endif
    for (; next < max; next++)
        (void)close((int)next); /* most are not open */
    return fd;
}

/* As many as there may be clients, if that is allowed. */
static void agent_take_descriptors(void)
{
    const rlim_t want = NCR_AGENT_CLIENTS_MAX + AGENT_OWN_FDS;
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= want)
        return;
    l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
    (void)setrlimit(RLIMIT_NOFILE, &l); /* else more clients wait */
}

static void agent_tell(const struct agent_options *o, const char *path, pid_t pid, bool env_pid)
{
    const char *format = o->csh ? "setenv %s %s;\n" : "%s=%s; export %s;\n";
    char text[24];

    (void)snprintf(text, sizeof text, "%ld", (long)pid);
    printf(format, "SSH_AUTH_SOCK", path, "SSH_AUTH_SOCK");
    if (env_pid)
        printf(format, "SSH_AGENT_PID", text, "SSH_AGENT_PID");
    printf("echo Agent pid %s;\n", text);
    (void)fflush(stdout); /* whoever does not read it is not helped by a message */
}

/* What waits for the agent to be ready is told by a byte on standard output, which then is let go.
 */
static nacre_err agent_ready(void)
{
    const uint8_t byte = 0;

    return ncr_file_write_all(STDOUT_FILENO, &byte, 1) && dup2(STDIN_FILENO, STDOUT_FILENO) >= 0
               ? NACRE_OK
               : NACRE_ERR_IO;
}

/* The command may have ended already: then it is seen in the first round. */
static nacre_err agent_follow(struct agent_parent *p)
{
    nacre_err err = ncr_loop_timer(p->loop, &p->timer, agent_look_at_parent, p);

#if defined(__linux__)
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0); /* else it is seen later */
#endif
    if (err == NACRE_OK)
        ncr_loop_timer_set(p->loop, &p->timer, ncr_loop_now(p->loop));
    return err;
}

/* Serves until a signal, or until the command ends; takes fd over. The exit status. */
static int agent_serve(const struct agent_options *o, const char *path, int fd, pid_t command)
{
    const int listening = agent_close_others(fd);
    const bool foreground = o->debug || o->foreground;
    struct ncr_loop loop;
    struct agent_parent parent = {&loop, {.fn = NULL}, command};
    nacre_err err = ncr_loop_init(&loop, NCR_LOOP_POLL);

    agent_take_descriptors();
    agent_server.loop = &loop;
    agent_server.agent.rng = &nacre_rng_os;
    agent_server.agent.work = agent_work;
    agent_server.agent.lifetime = o->lifetime;
    agent_server.agent.hash = o->hash;
    agent_server.agent.providers = o->providers != NULL ? o->providers : AGENT_PROVIDERS;
    agent_server.agent.log = o->debug ? agent_log_line : NULL;
    if (err == NACRE_OK)
        err = ncr_agent_server_init(&agent_server);
    if (err == NACRE_OK)
        err = listening >= 0 ? ncr_agent_server_listen(&agent_server, listening) : NACRE_ERR_IO;
    if (err == NACRE_OK)
        err = agent_signals(&loop, foreground);
    if (err == NACRE_OK && foreground)
        agent_tell(o, path, getpid(), false);
    else if (err == NACRE_OK)
        err = agent_ready();
    if (err == NACRE_OK && command != 0)
        err = agent_follow(&parent);
    (void)mlockall(MCL_CURRENT); /* a limit may forbid it: keys are locked one by one, too */
    if (err == NACRE_OK)
        err = ncr_loop_run(&loop);
    if (err != NACRE_OK)
        fprintf(stderr, "nacre-agent: %s\n", nacre_err_text(err));
    ncr_agent_server_free(&agent_server);
    ncr_loop_free(&loop);
    nacre_wipe(agent_work, sizeof agent_work);
    return err == NACRE_OK ? AGENT_ENDED : AGENT_REFUSED;
}

/* ---- Processes ---- */

/* Nobody of the same user may look into the process, and it leaves no image behind. */
static bool agent_close_up(void)
{
    const struct rlimit none = {0, 0};

#if defined(__linux__)
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return false;
#endif
    return setrlimit(RLIMIT_CORE, &none) == 0;
}

static int agent_run_command(const struct agent_options *o, const char *path, pid_t agent)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%ld", (long)agent);
    if (setenv("SSH_AUTH_SOCK", path, 1) != 0 || setenv("SSH_AGENT_PID", text, 1) != 0) {
        perror("setenv");
        return AGENT_REFUSED;
    }
    (void)execvp(o->command[0], o->command);
    perror(o->command[0]);
    return AGENT_REFUSED;
}

/* The agent leaves its terminal. Standard output is whoever waits for it to be ready. */
static bool agent_detach(const struct agent_place *place, int waiting)
{
    const int null = open("/dev/null", O_RDWR);

    if (setsid() < 0 || null < 0)
        return false;
    if (place->path[0] == '/' && chdir("/") != 0) /* another path is found from here alone */
        return false;
    return dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
           dup2(waiting, STDOUT_FILENO) >= 0;
}

static int agent_child(const struct agent_options *o, struct agent_place *place, int fd,
                       int waiting, pid_t command)
{
    int status = AGENT_REFUSED;

    if (agent_close_up() && agent_detach(place, waiting))
        status = agent_serve(o, place->path, fd, command);
    agent_place_leave(place);
    return status;
}

/* True once the agent takes signals: its socket does not outlive it. */
static bool agent_wait(int fd)
{
    uint8_t byte;
    ssize_t n;

    do {
        n = read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    (void)close(fd); /* nothing more comes */
    return n == 1;
}

static int agent_fork(const struct agent_options *o, struct agent_place *place, int fd)
{
    const pid_t before = getpid();
    int fds[2] = {-1, -1};
    const bool piped = ncr_pipe(fds);
    const pid_t pid = piped ? fork() : -1;

    if (pid == 0)
        return agent_child(o, place, fd, fds[1], o->command != NULL ? before : 0);
    if (pid < 0) {
        perror("fork");
        agent_place_leave(place);
        return AGENT_REFUSED;
    }
    (void)close(fd);     /* the agent's */
    (void)close(fds[1]); /* likewise */
    if (!agent_wait(fds[0])) {
        fputs("nacre-agent: could not start\n", stderr);
        return AGENT_REFUSED;
    }
    if (o->command != NULL)
        return agent_run_command(o, place->path, pid);
    agent_tell(o, place->path, pid, true);
    return 0;
}

/* Descriptors 0, 1, 2 are open, so that no socket becomes one of them. */
static bool agent_standard_fds(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= 2);
    return fd >= 0 && close(fd) == 0;
}

int main(int argc, char **argv)
{
    struct agent_options o = {.csh = false};
    static struct agent_place place;
    int status, fd;

    if (!agent_standard_fds())
        return AGENT_REFUSED;
    if (argc == 2 && strcmp(argv[1], "-V") == 0) {
        fputs("nacre-agent " NACRE_VERSION "\n", stderr);
        return 0;
    }
    status = agent_read_options(&o, argc, argv);
    if (status != 0)
        return status;
    if (o.kill)
        return agent_kill(&o);
    fd = agent_listen(&place, &o);
    if (fd < 0) {
        agent_place_leave(&place);
        return AGENT_REFUSED;
    }
    if (!o.debug && !o.foreground)
        return agent_fork(&o, &place, fd);
    status = agent_close_up() ? agent_serve(&o, place.path, fd, 0) : AGENT_REFUSED;
    agent_place_leave(&place);
    return status;
}
