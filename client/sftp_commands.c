/* SPDX-License-Identifier: ISC
 *
 * The commands of nacre-sftp, in one table, as sftp(1) has them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/sftp_program.h"

/* ---- Messages ---------------------------------------------------------------------------- */

void ncr_sftp_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vprintf(format, args); /* a closed stdout shows at exit */
    va_end(args);
}

bool ncr_sftp_fail(struct ncr_sftp_prog *p, const char *what, const char *path)
{
    struct ncr_text t;

    (void)fflush(stdout); /* in the order of things */
    ncr_front_say(&p->front, NCR_LOG_ERROR, "%s \"%s\": %s", what,
                  ncr_text(&t, nacre_bytes_str(path)), nacre_files_error(p->files));
    return false;
}

static bool cmd_local_fail(struct ncr_sftp_prog *p, const char *what, const char *path)
{
    struct ncr_text t;

    ncr_front_say(&p->front, NCR_LOG_ERROR, "%s \"%s\": %s", what,
                  ncr_text(&t, nacre_bytes_str(path)), strerror(errno));
    return false;
}

static bool cmd_usage(struct ncr_sftp_prog *p, const char *text)
{
    ncr_front_say(&p->front, NCR_LOG_ERROR, "usage: %s", text);
    return false;
}

/* ---- Remote files ------------------------------------------------------------------------ */

/* Does fn to every path that the word stands for; goes on after a failure. */
static bool cmd_each(struct ncr_sftp_prog *p, const struct ncr_word *word,
                     bool (*fn)(struct ncr_sftp_prog *p, const char *path, const void *arg),
                     const void *arg)
{
    struct ncr_paths paths;
    bool good = ncr_remote_glob(p, word, &paths);

    for (size_t i = 0; i < paths.n && !p->files->over; i++)
        good = fn(p, paths.path[i], arg) && good;
    ncr_paths_free(&paths);
    return good;
}

static bool cmd_cd(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    char *typed = w->n > 1 ? ncr_remote_path(p, w->w[1].text) : strdup(".");
    char *path = typed != NULL ? nacre_files_realpath(p->files, typed) : NULL;
    struct nacre_sftp_attrs a;

    if (path == NULL || nacre_files_stat(p->files, path, true, &a) != NACRE_OK) {
        (void)ncr_sftp_fail(p, "cd", typed != NULL ? typed : "");
        free(typed);
        free(path);
        return false;
    }
    if ((a.mode & NACRE_SFTP_S_IFMT) != NACRE_SFTP_S_IFDIR) {
        ncr_front_say(&p->front, NCR_LOG_ERROR, "cd \"%s\": not a directory", typed);
        free(typed);
        free(path);
        return false;
    }
    free(typed);
    free(p->cwd);
    p->cwd = path;
    return true;
}

static bool cmd_pwd(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    struct ncr_text t;

    (void)w; /* no arguments */
    ncr_sftp_print("Remote working directory: %s\n", ncr_text(&t, nacre_bytes_str(p->cwd)));
    return true;
}

/* A command of one path, by the function that does it. */
static bool cmd_path(struct ncr_sftp_prog *p, const char *what, const char *typed,
                     nacre_err (*fn)(struct nacre_files *f, const char *path))
{
    char *path = ncr_remote_path(p, typed);
    bool good = path != NULL && fn(p->files, path) == NACRE_OK;

    if (!good)
        (void)ncr_sftp_fail(p, what, typed);
    free(path);
    return good;
}

static nacre_err cmd_make_dir(struct nacre_files *f, const char *path)
{
    return nacre_files_mkdir(f, path, 0777);
}

static bool cmd_mkdir(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return cmd_path(p, "mkdir", w->w[1].text, cmd_make_dir);
}

static bool cmd_rmdir(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return cmd_path(p, "rmdir", w->w[1].text, nacre_files_rmdir);
}

static bool cmd_remove_one(struct ncr_sftp_prog *p, const char *path, const void *arg)
{
    struct ncr_text t;

    (void)arg; /* none */
    if (!p->quiet)
        ncr_sftp_print("Removing %s\n", ncr_text(&t, nacre_bytes_str(path)));
    return nacre_files_remove(p->files, path) == NACRE_OK || ncr_sftp_fail(p, "rm", path);
}

static bool cmd_rm(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    bool good = true;

    for (size_t i = 1; i < w->n; i++)
        good = cmd_each(p, &w->w[i], cmd_remove_one, NULL) && good;
    return good;
}

static bool cmd_two(struct ncr_sftp_prog *p, const char *what, const char *first, bool first_as_is,
                    const char *second,
                    nacre_err (*fn)(struct nacre_files *f, const char *a, const char *b))
{
    char *a = first_as_is ? strdup(first) : ncr_remote_path(p, first);
    char *b = ncr_remote_path(p, second);
    bool good = a != NULL && b != NULL && fn(p->files, a, b) == NACRE_OK;

    if (!good)
        (void)ncr_sftp_fail(p, what, first);
    free(a);
    free(b);
    return good;
}

static bool cmd_rename(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return cmd_two(p, "rename", w->w[1].text, false, w->w[2].text, nacre_files_rename);
}

static nacre_err cmd_hard_link(struct nacre_files *f, const char *from, const char *to)
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_HARDLINK};
    struct nacre_sftp_event reply;

    req.path = nacre_bytes_str(from);
    req.path2 = nacre_bytes_str(to);
    return nacre_files_ask(f, &req, &reply);
}

static bool cmd_symlink(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return cmd_two(p, "symlink", w->w[1].text, true, w->w[2].text, nacre_files_symlink);
}

static bool cmd_ln(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    if (strcmp(w->w[1].text, "-s") != 0)
        return w->n == 3 ? cmd_two(p, "ln", w->w[1].text, false, w->w[2].text, cmd_hard_link)
                         : cmd_usage(p, "ln [-s] oldpath newpath");
    return w->n == 4 ? cmd_two(p, "ln -s", w->w[2].text, true, w->w[3].text, nacre_files_symlink)
                     : cmd_usage(p, "ln [-s] oldpath newpath");
}

static bool cmd_number(const char *text, int base, uint32_t max, uint32_t *out)
{
    char *end;
    unsigned long v;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    v = strtoul(text, &end, base);
    *out = (uint32_t)v;
    return errno == 0 && *end == '\0' && v <= max;
}

static bool cmd_set(struct ncr_sftp_prog *p, const char *path, const void *arg)
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_SETSTAT};
    struct nacre_sftp_event reply;
    struct nacre_sftp_attrs now;
    const struct nacre_sftp_attrs *want = arg;

    req.path = nacre_bytes_str(path);
    req.attrs = *want;
    if (want->flags == NACRE_SFTP_ATTR_UIDGID) {
        /* The protocol sets both at once. */
        if (nacre_files_stat(p->files, path, true, &now) != NACRE_OK ||
            !(now.flags & NACRE_SFTP_ATTR_UIDGID))
            return ncr_sftp_fail(p, "stat", path);
        req.attrs.uid = want->uid != UINT32_MAX ? want->uid : now.uid;
        req.attrs.gid = want->gid != UINT32_MAX ? want->gid : now.gid;
    }
    return nacre_files_ask(p->files, &req, &reply) == NACRE_OK || ncr_sftp_fail(p, "setstat", path);
}

static bool cmd_set_all(struct ncr_sftp_prog *p, const struct ncr_words *w,
                        const struct nacre_sftp_attrs *a)
{
    bool good = true;

    for (size_t i = 2; i < w->n; i++)
        good = cmd_each(p, &w->w[i], cmd_set, a) && good;
    return good;
}

static bool cmd_chmod(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    struct nacre_sftp_attrs a = {.flags = NACRE_SFTP_ATTR_MODE};

    if (!cmd_number(w->w[1].text, 8, 07777, &a.mode))
        return cmd_usage(p, "chmod mode path: mode is octal");
    return cmd_set_all(p, w, &a);
}

static bool cmd_chown(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    struct nacre_sftp_attrs a = {.flags = NACRE_SFTP_ATTR_UIDGID, .gid = UINT32_MAX};

    if (!cmd_number(w->w[1].text, 10, UINT32_MAX - 1, &a.uid))
        return cmd_usage(p, "chown uid path: uid is a number");
    return cmd_set_all(p, w, &a);
}

static bool cmd_chgrp(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    struct nacre_sftp_attrs a = {.flags = NACRE_SFTP_ATTR_UIDGID, .uid = UINT32_MAX};

    if (!cmd_number(w->w[1].text, 10, UINT32_MAX - 1, &a.gid))
        return cmd_usage(p, "chgrp gid path: gid is a number");
    return cmd_set_all(p, w, &a);
}

static bool cmd_stat(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    char *path = ncr_remote_path(p, w->w[1].text);
    struct nacre_sftp_attrs a;
    struct ncr_text t;
    bool good = path != NULL && nacre_files_stat(p->files, path, true, &a) == NACRE_OK;

    if (!good)
        (void)ncr_sftp_fail(p, "stat", w->w[1].text);
    else
        ncr_sftp_print("%s: size %llu mode %o uid %u gid %u mtime %u\n",
                       ncr_text(&t, nacre_bytes_str(path)), (unsigned long long)a.size,
                       (unsigned)a.mode, (unsigned)a.uid, (unsigned)a.gid, (unsigned)a.mtime);
    free(path);
    return good;
}

static bool cmd_df(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    struct nacre_sftp_req req = {.op = NACRE_SFTP_OP_STATVFS};
    struct nacre_sftp_event reply;
    char *path = ncr_remote_path(p, w->n > 1 ? w->w[1].text : ".");
    uint64_t unit, used;

    req.path = nacre_bytes_str(path != NULL ? path : ".");
    if (nacre_files_ask(p->files, &req, &reply) != NACRE_OK) {
        free(path);
        return ncr_sftp_fail(p, "df", w->n > 1 ? w->w[1].text : ".");
    }
    free(path);
    unit = reply.vfs.frsize;
    used = reply.vfs.blocks - reply.vfs.bfree;
    ncr_sftp_print("%12s %12s %12s %12s %10s\n", "Size", "Used", "Avail", "(root)", "%Capacity");
    ncr_sftp_print("%12llu %12llu %12llu %12llu %9llu%%\n",
                   (unsigned long long)(unit * reply.vfs.blocks / 1024),
                   (unsigned long long)(unit * used / 1024),
                   (unsigned long long)(unit * reply.vfs.bavail / 1024),
                   (unsigned long long)(unit * reply.vfs.bfree / 1024),
                   (unsigned long long)(reply.vfs.blocks != 0 ? 100 * used / reply.vfs.blocks : 0));
    return true;
}

/* ---- Local files ------------------------------------------------------------------------- */

static bool cmd_lcd(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    const char *dir = w->n > 1 ? w->w[1].text : ncr_tokens_home();

    return chdir(dir) == 0 || cmd_local_fail(p, "lcd", dir);
}

static bool cmd_lpwd(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    char *cwd = getcwd(NULL, 0);
    struct ncr_text t;

    (void)w; /* no arguments */
    if (cwd == NULL)
        return cmd_local_fail(p, "lpwd", ".");
    ncr_sftp_print("Local working directory: %s\n", ncr_text(&t, nacre_bytes_str(cwd)));
    free(cwd);
    return true;
}

static bool cmd_lmkdir(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return mkdir(w->w[1].text, 0777) == 0 || cmd_local_fail(p, "lmkdir", w->w[1].text);
}

static bool cmd_lumask(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    uint32_t mask;

    if (!cmd_number(w->w[1].text, 8, 0777, &mask))
        return cmd_usage(p, "lumask umask: octal");
    (void)umask((mode_t)mask);
    ncr_sftp_print("Local umask: %03o\n", (unsigned)mask);
    return true;
}

/* Runs a program and waits; argv NULL: the user's shell, with line if there is one. */
static bool cmd_spawn(struct ncr_sftp_prog *p, const char *line, char *const *argv)
{
    const char *shell = getenv("SHELL") != NULL ? getenv("SHELL") : "/bin/sh";
    int status = 0;
    pid_t pid;

    (void)fflush(stdout); /* before another program writes there */
    pid = fork();
    if (pid == 0) {
        ncr_loop_child(&p->loop);
        (void)signal(SIGPIPE, SIG_DFL);
        if (argv != NULL)
            (void)execvp(argv[0], argv);
        else if (line[0] != '\0')
            (void)execl(shell, shell, "-c", line, (char *)NULL);
        else
            (void)execl(shell, shell, (char *)NULL);
        _exit(127);
    }
    if (pid < 0)
        return cmd_local_fail(p, "fork", shell);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    p->interrupted = false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool cmd_lls(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    char *argv[NCR_WORDS_MAX + 2];

    argv[0] = (char[]){"ls"};
    for (size_t i = 1; i < w->n; i++)
        argv[i] = w->w[i].text;
    argv[w->n] = NULL;
    return cmd_spawn(p, NULL, argv);
}

/* ---- Transfers --------------------------------------------------------------------------- */

/* Takes flag words away; *flags is what they say. False: an unknown one. */
static bool cmd_move_flags(struct ncr_sftp_prog *p, struct ncr_words *w,
                           struct ncr_move_flags *flags)
{
    size_t n = 1;

    while (n < w->n && w->w[n].text[0] == '-' && w->w[n].text[1] != '\0') {
        for (const char *c = w->w[n].text + 1; *c != '\0'; c++) {
            flags->preserve |= *c == 'p' || *c == 'P';
            flags->recursive |= *c == 'r' || *c == 'R';
            flags->resume |= *c == 'a';
            flags->fsync |= *c == 'f';
            if (strchr("pPrRaf", *c) == NULL) {
                ncr_front_say(&p->front, NCR_LOG_ERROR, "%s: invalid flag -%c", w->w[0].text, *c);
                return false;
            }
        }
        n++;
    }
    memmove(&w->w[1], &w->w[n], (NCR_WORDS_MAX + 1 - n) * sizeof w->w[0]);
    w->n -= n - 1;
    return w->n == 2 || w->n == 3 || cmd_usage(p, "get|put [-afpr] path [path]");
}

static bool cmd_move(struct ncr_sftp_prog *p, const struct ncr_words *w, bool put, bool resume)
{
    struct ncr_words words = *w;
    struct ncr_move_flags flags = {.preserve = p->preserve,
                                   .recursive = p->recursive,
                                   .resume = resume || p->resume,
                                   .fsync = p->fsync};

    if (!cmd_move_flags(p, &words, &flags))
        return false;
    return put ? ncr_sftp_put(p, &words, flags) : ncr_sftp_get(p, &words, flags);
}

static bool cmd_get(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return cmd_move(p, w, false, false);
}

static bool cmd_put(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return cmd_move(p, w, true, false);
}

static bool cmd_reget(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return cmd_move(p, w, false, true);
}

static bool cmd_reput(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    return cmd_move(p, w, true, true);
}

/* ---- The program itself ------------------------------------------------------------------ */

static bool cmd_quit(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    (void)w; /* no arguments */
    p->quit = true;
    return true;
}

static bool cmd_progress(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    (void)w; /* no arguments */
    p->progress = !p->progress;
    ncr_sftp_print("Progress meter %s\n", p->progress ? "enabled" : "disabled");
    return true;
}

static bool cmd_version(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    (void)p;
    (void)w; /* no arguments */
    ncr_sftp_print("SFTP protocol version %d\n", NACRE_SFTP_VERSION);
    return true;
}

static bool cmd_help(struct ncr_sftp_prog *p, const struct ncr_words *w);

static const struct cmd_row {
    const char *name;
    bool (*fn)(struct ncr_sftp_prog *p, const struct ncr_words *w);
    size_t least, most; /* words after the name */
    const char *help;
} cmd_rows[] = {
    {"bye", cmd_quit, 0, 0, "bye                         Quit"},
    {"cd", cmd_cd, 0, 1, "cd [path]                   Change remote directory"},
    {"chgrp", cmd_chgrp, 2, NCR_WORDS_MAX, "chgrp grp path              Change group of a file"},
    {"chmod", cmd_chmod, 2, NCR_WORDS_MAX, "chmod mode path             Change permissions"},
    {"chown", cmd_chown, 2, NCR_WORDS_MAX, "chown own path              Change owner of a file"},
    {"df", cmd_df, 0, 1, "df [path]                   Show space on the file system, KiB"},
    {"exit", cmd_quit, 0, 0, "exit                        Quit"},
    {"get", cmd_get, 1, NCR_WORDS_MAX, "get [-afpr] remote [local]  Download a file"},
    {"help", cmd_help, 0, 0, "help                        Show this text"},
    {"lcd", cmd_lcd, 0, 1, "lcd [path]                  Change local directory"},
    {"lls", cmd_lls, 0, NCR_WORDS_MAX, "lls [options [path]]        List local directory"},
    {"lmkdir", cmd_lmkdir, 1, 1, "lmkdir path                 Make local directory"},
    {"ln", cmd_ln, 2, 3, "ln [-s] oldpath newpath     Link remote file"},
    {"lpwd", cmd_lpwd, 0, 0, "lpwd                        Print local directory"},
    {"ls", ncr_sftp_ls, 0, NCR_WORDS_MAX, "ls [-1afhlnrSt] [path]      List remote directory"},
    {"lumask", cmd_lumask, 1, 1, "lumask umask                Set local umask"},
    {"mkdir", cmd_mkdir, 1, 1, "mkdir path                  Make remote directory"},
    {"progress", cmd_progress, 0, 0, "progress                    Switch the progress meter"},
    {"put", cmd_put, 1, NCR_WORDS_MAX, "put [-afpr] local [remote]  Upload a file"},
    {"pwd", cmd_pwd, 0, 0, "pwd                         Print remote directory"},
    {"quit", cmd_quit, 0, 0, "quit                        Quit"},
    {"reget", cmd_reget, 1, NCR_WORDS_MAX, "reget remote [local]        Resume a download"},
    {"rename", cmd_rename, 2, 2, "rename oldpath newpath      Rename remote file"},
    {"reput", cmd_reput, 1, NCR_WORDS_MAX, "reput local [remote]        Resume an upload"},
    {"rm", cmd_rm, 1, NCR_WORDS_MAX, "rm path                     Delete remote file"},
    {"rmdir", cmd_rmdir, 1, 1, "rmdir path                  Remove remote directory"},
    {"stat", cmd_stat, 1, 1, "stat path                   Show attributes of a remote file"},
    {"symlink", cmd_symlink, 2, 2, "symlink oldpath newpath     Symlink remote file"},
    {"version", cmd_version, 0, 0, "version                     Show SFTP version"},
    {"?", cmd_help, 0, 0, NULL},
    {"chdir", cmd_cd, 0, 1, NULL},
    {"dir", ncr_sftp_ls, 0, NCR_WORDS_MAX, NULL},
    {"lchdir", cmd_lcd, 0, 1, NULL},
    {"mget", cmd_get, 1, NCR_WORDS_MAX, NULL},
    {"mput", cmd_put, 1, NCR_WORDS_MAX, NULL},
};

#define CMD_COUNT (sizeof cmd_rows / sizeof cmd_rows[0])

static bool cmd_help(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    (void)p;
    (void)w; /* no arguments */
    ncr_sftp_print("Available commands:\n");
    for (size_t i = 0; i < CMD_COUNT; i++) {
        if (cmd_rows[i].help != NULL)
            ncr_sftp_print("%s\n", cmd_rows[i].help);
    }
    ncr_sftp_print("!command                    Run command in the local shell\n");
    return true;
}

static bool cmd_run(struct ncr_sftp_prog *p, const struct ncr_words *w)
{
    for (size_t i = 0; i < CMD_COUNT; i++) {
        const struct cmd_row *r = &cmd_rows[i];

        if (strcmp(r->name, w->w[0].text) != 0)
            continue;
        if (w->n - 1 < r->least || w->n - 1 > r->most)
            return cmd_usage(p, r->help != NULL ? r->help : r->name);
        return r->fn(p, w);
    }
    ncr_front_say(&p->front, NCR_LOG_ERROR, "Invalid command.");
    return false;
}

bool ncr_sftp_line(struct ncr_sftp_prog *p, char *line)
{
    struct ncr_words w;
    bool good;

    line += strspn(line, " \t\r");
    if (line[0] == '\0' || line[0] == '#')
        return true;
    if (line[0] == '!')
        return cmd_spawn(p, line + 1 + strspn(line + 1, " \t"), NULL);
    good = ncr_sftp_split(&w, line);
    if (!good)
        ncr_front_say(&p->front, NCR_LOG_ERROR, "%s", w.error);
    else if (w.n > 0)
        good = cmd_run(p, &w);
    ncr_words_free(&w);
    return good;
}
