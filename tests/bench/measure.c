/* SPDX-License-Identifier: ISC
 *
 * Runs a command and prints what it cost: wall time, CPU time of the command with its children, and
 * CPU time that a server (with its children, dead ones included) spent meanwhile.
 *
 *   measure SERVER_PID [-n TIMES] [-i FILE] [-o FILE] -- COMMAND ARG...
 *
 * One line: wall client server status, seconds with microseconds. The server's figures come from
 * /proc/PID/stat of the process and of its living descendants, so that one that forks for each
 * connection and reaps its children is seen whole.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEASURE_PIDS 4096

struct measure_proc {
    long pid, parent;
    double own, dead; /* seconds of CPU: its own, and of children that it has reaped */
};

static double measure_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reads /proc/PID/stat: fields 4 (parent), 14 to 17 (times) behind the name in brackets. */
static bool measure_read(struct measure_proc *p, long pid)
{
    char path[64];
    char line[1024];
    unsigned long long ut, st, cut, cst;
    const double hz = (double)sysconf(_SC_CLK_TCK);
    const char *rest;
    FILE *f;
    bool ok;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (f == NULL)
        return false;
    ok = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    rest = ok ? strrchr(line, ')') : NULL;
    if (rest == NULL ||
        sscanf(rest + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu",
               &p->parent, &ut, &st, &cut, &cst) != 5)
        return false;
    p->pid = pid;
    p->own = (double)(ut + st) / hz;
    p->dead = (double)(cut + cst) / hz;
    return true;
}

static size_t measure_all(struct measure_proc *all)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    size_t n = 0;

    while (d != NULL && (e = readdir(d)) != NULL && n < MEASURE_PIDS) {
        const long pid = atol(e->d_name);

        if (pid > 0 && measure_read(&all[n], pid))
            n++;
    }
    if (d != NULL)
        closedir(d);
    return n;
}

/* CPU seconds of a process, its living descendants, and all that they have reaped. */
static double measure_tree(long root)
{
    static struct measure_proc all[MEASURE_PIDS];
    static bool in[MEASURE_PIDS];
    const size_t n = measure_all(all);
    bool grown = true;
    double sum = 0;
    size_t i, j;

    for (i = 0; i < n; i++)
        in[i] = all[i].pid == root;
    while (grown) {
        grown = false;
        for (i = 0; i < n; i++)
            for (j = 0; j < n && !in[i]; j++)
                if (in[j] && all[i].parent == all[j].pid)
                    in[i] = grown = true;
    }
    for (i = 0; i < n; i++)
        if (in[i])
            sum += all[i].own + all[i].dead;
    return sum;
}

static void measure_redirect(const char *file, int flags, int to)
{
    const int fd = file != NULL ? open(file, flags, 0600) : -1;

    if (file == NULL)
        return;
    if (fd < 0 || dup2(fd, to) < 0) {
        perror(file);
        _exit(127);
    }
}

static int measure_run(char **argv, const char *in, const char *out)
{
    int status = 0;
    const pid_t pid = fork();

    if (pid == 0) {
        measure_redirect(in, O_RDONLY, 0);
        measure_redirect(out, O_WRONLY | O_CREAT | O_TRUNC, 1);
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static double measure_children(void)
{
    struct rusage u;

    getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    const char *in = NULL;
    const char *out = NULL;
    long server, times = 1;
    double wall, before;
    int opt;
    int status = 0;

    if (argc < 4)
        return 2;
    server = atol(argv[1]);
    optind = 2;
    while ((opt = getopt(argc, argv, "+n:i:o:")) != -1) {
        if (opt == 'n')
            times = atol(optarg);
        else if (opt == 'i')
            in = optarg;
        else if (opt == 'o')
            out = optarg;
        else
            return 2;
    }
    if (optind >= argc)
        return 2;
    before = server > 0 ? measure_tree(server) : 0;
    wall = measure_now();
    while (times-- > 0 && status == 0)
        status = measure_run(argv + optind, in, out);
    wall = measure_now() - wall;
    usleep(300000); /* the server's side ends and is reaped */
    printf("%.6f %.6f %.6f %d\n", wall, measure_children(),
           server > 0 ? measure_tree(server) - before : 0, status);
    return status != 0;
}
