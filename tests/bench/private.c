/* SPDX-License-Identifier: ISC
 *
 * Prints the private memory of the processes below a server, in KiB, and how many they are: what
 * one session costs. The server itself is left out, and so are programs other than the server's own
 * (the command that the session runs).
 *
 *   private SERVER_PID
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRIVATE_PIDS 4096

static long private_parent(long pid)
{
    char path[64], line[1024];
    const char *rest;
    long parent = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (f == NULL)
        return 0;
    rest = fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
    if (rest != NULL && sscanf(rest + 1, " %*c %ld", &parent) != 1)
        parent = 0;
    fclose(f);
    return parent;
}

static bool private_same_program(long a, long b)
{
    char pa[64], pb[64], la[4096], lb[4096];
    ssize_t na, nb;

    snprintf(pa, sizeof pa, "/proc/%ld/exe", a);
    snprintf(pb, sizeof pb, "/proc/%ld/exe", b);
    na = readlink(pa, la, sizeof la);
    nb = readlink(pb, lb, sizeof lb);
    return na > 0 && na == nb && memcmp(la, lb, (size_t)na) == 0;
}

static long private_kib(long pid)
{
    char path[64], line[256];
    long kib, sum = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", pid);
    f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Private_Dirty: %ld kB", &kib) == 1 ||
            sscanf(line, "Private_Clean: %ld kB", &kib) == 1)
            sum += kib;
    if (f != NULL)
        fclose(f);
    return sum;
}

/* True if root is an ancestor of pid. */
static bool private_below(long pid, long root)
{
    int depth = 0;

    while (pid > 1 && depth++ < 64) {
        pid = private_parent(pid);
        if (pid == root)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    long root, sum = 0, processes = 0;

    if (argc != 2 || d == NULL)
        return 2;
    root = atol(argv[1]);
    while ((e = readdir(d)) != NULL) {
        const long pid = atol(e->d_name);

        if (pid > 0 && private_below(pid, root) && private_same_program(pid, root)) {
            sum += private_kib(pid);
            processes++;
        }
    }
    closedir(d);
    printf("%ld %ld\n", sum, processes);
    return 0;
}
