/* SPDX-License-Identifier: ISC
 *
 * main() for fuzz targets where libFuzzer does not bring one: replays inputs, then mutates them.
 *
 *     fuzz_NAME FILE|DIR...                  replays each file once
 *     fuzz_NAME -max_total_time=10 DIR...    then runs mutations of them for that many seconds
 *     fuzz_NAME -runs=100000 -seed=1 DIR...  or for that many runs; the same seed gives the same
 * runs fuzz_NAME < FILE                       one input, as AFL++ gives it
 *
 * Options are libFuzzer's; those that are not known here are ignored. Mutation is blind: this finds
 * what a short smoke run can find, a coverage-guided fuzzer finds more. An input that ends in a
 * signal (have the sanitizers abort) or takes longer than -timeout seconds is left in
 * PREFIXcrash-input.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { INPUT_MAX = 1 << 20, INPUTS_MAX = 65536 };

struct input {
    uint8_t *p;
    size_t n;
};

static struct input inputs[INPUTS_MAX];
static size_t n_inputs;

/* What the signal handler saves. */
static const uint8_t *current;
static size_t current_len;
static char artifact[4096] = "crash-input";

static uint64_t seed = 1;
static long runs = -1, seconds = -1, timeout = 10, max_len = 65536;

static void save_and_die(int sig)
{
    int fd = open(artifact, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd >= 0) {
        if (write(fd, current, current_len) < 0)
            _exit(3);
        close(fd);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

/* xorshift64*, any odd period will do here. */
static uint32_t below(uint32_t n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return n == 0 ? 0 : (uint32_t)((seed * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % n;
}

/* Runs one input out of a heap block of exactly its length, so that a sanitizer sees every overrun.
 */
static void run_one(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);

    if (copy == NULL)
        exit(3);
    if (n > 0)
        memcpy(copy, p, n);
    current = copy;
    current_len = n;
    alarm((unsigned)timeout);
    LLVMFuzzerTestOneInput(copy, n);
    alarm(0);
    current_len = 0;
    free(copy);
}

static void add_stream(FILE *f)
{
    uint8_t *p = malloc(INPUT_MAX);
    size_t n;

    if (p == NULL)
        exit(3);
    n = fread(p, 1, INPUT_MAX, f);
    if (n_inputs == INPUTS_MAX) {
        free(p);
        return;
    }
    inputs[n_inputs].p = p;
    inputs[n_inputs++].n = n;
}

static void add_path(const char *path)
{
    struct stat st;
    FILE *f;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        struct dirent **names;
        int n = scandir(path, &names, NULL, alphasort);
        for (int i = 0; i < n; i++) {
            char name[4096];
            snprintf(name, sizeof name, "%s/%s", path, names[i]->d_name);
            if (names[i]->d_name[0] != '.')
                add_path(name);
            free(names[i]);
        }
        if (n >= 0)
            free(names);
        return;
    }
    f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    add_stream(f);
    fclose(f);
}

/* One random change to the n bytes at p, room for cap; returns the new length. */
static size_t mutate(uint8_t *p, size_t n, size_t cap)
{
    static const uint32_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff};
    size_t at = below((uint32_t)n), len = 1 + below(below(32) + 1);
    const struct input *other = &inputs[below((uint32_t)n_inputs)];
    uint32_t v;

    if (len > n - at)
        len = n - at;
    switch (n == 0 ? 4 : below(8)) {
    case 0:
        p[at] ^= (uint8_t)(1u << below(8));
        return n;
    case 1:
        p[at] = (uint8_t)below(256);
        return n;
    case 2: /* an edge value, or a length that nearly fits, as 32 bits */
        v = below(2) == 0 ? edges[below(8)] : (uint32_t)(n - at) - below(8);
        for (size_t i = 0; i < 4 && at + i < n; i++)
            p[at + i] = (uint8_t)(v >> (24 - 8 * i));
        return n;
    case 3:
        memmove(p + at, p + at + len, n - at - len);
        return n - len;
    case 4: /* insert */
        len = 1 + below(16);
        if (n + len > cap)
            return n;
        memmove(p + at + len, p + at, n - at);
        for (size_t i = 0; i < len; i++)
            p[at + i] = (uint8_t)below(256);
        return n + len;
    case 5: /* repeat a piece */
        if (n + len > cap)
            return n;
        memmove(p + at + len, p + at, n - at);
        return n + len;
    case 6:
        return at; /* truncate */
    default:       /* go on as another input does */
        len = other->n > at ? other->n - at : 0;
        if (at + len > cap)
            len = cap - at;
        if (len > 0)
            memcpy(p + at, other->p + at, len);
        return len > 0 ? at + len : n;
    }
}

static void fuzz(void)
{
    const time_t end = time(NULL) + seconds;
    uint8_t *p = malloc((size_t)max_len);
    long done = 0;

    if (p == NULL)
        exit(3);
    while (runs >= 0 ? done < runs : time(NULL) < end) {
        const struct input *from = &inputs[below((uint32_t)n_inputs)];
        size_t n = from->n < (size_t)max_len ? from->n : (size_t)max_len;
        if (n > 0)
            memcpy(p, from->p, n);
        for (uint32_t i = 0; i <= below(6); i++)
            n = mutate(p, n, (size_t)max_len);
        run_one(p, n);
        done++;
    }
    free(p);
    printf("Done %ld runs\n", done);
}

static void option(const char *arg)
{
    static const struct {
        const char *name;
        long *value;
    } numbers[] = {{"-runs=", &runs},
                   {"-max_total_time=", &seconds},
                   {"-timeout=", &timeout},
                   {"-max_len=", &max_len}};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        size_t len = strlen(numbers[i].name);
        if (strncmp(arg, numbers[i].name, len) == 0)
            *numbers[i].value = strtol(arg + len, NULL, 10);
    }
    if (strncmp(arg, "-seed=", 6) == 0)
        seed = strtoull(arg + 6, NULL, 10) | 1;
    if (strncmp(arg, "-artifact_prefix=", 17) == 0)
        snprintf(artifact, sizeof artifact, "%scrash-input", arg + 17);
}

int main(int argc, char **argv)
{
    static const int fatal[] = {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    bool paths = false;

    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], save_and_die);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            option(argv[i]);
        else
            add_path(argv[i]);
        paths = paths || argv[i][0] != '-';
    }
    if (!paths)
        add_stream(stdin);
    for (size_t i = 0; i < n_inputs; i++)
        run_one(inputs[i].p, inputs[i].n);
    printf("Replayed %zu inputs\n", n_inputs);
    if (n_inputs == 0) /* empty directories: start from the empty input */
        add_path("/dev/null");
    if (runs > 0 || (runs < 0 && seconds > 0))
        fuzz();
    for (size_t i = 0; i < n_inputs; i++)
        free(inputs[i].p);
    return 0;
}
