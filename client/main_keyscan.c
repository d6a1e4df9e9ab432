/* SPDX-License-Identifier: ISC
 *
 * nacre-keyscan: the job of ssh-keyscan, in its options, output and exit status: host keys of many
 * servers, as lines for known_hosts, hashed lines, certificates or SSHFP records.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/front.h"
#include "client/keyscan.h"
#include "proto/posix/duration.h"

#define KEYSCAN_FILES 16
#define KEYSCAN_FATAL 255

struct keyscan_main {
    struct ncr_keyscan scan;
    const char *files[KEYSCAN_FILES];
    size_t n_files;
};

static int keyscan_usage(void)
{
    fputs("usage: nacre-keyscan [-46cDHqv] [-f file] [-O option] [-p port] [-T timeout]\n"
          "                     [-t type] [host | addrlist namelist]\n",
          stderr);
    return 1;
}

static bool keyscan_complain(const char *what, const char *value)
{
    fprintf(stderr, "%s'%s'\n", what, value);
    return false;
}

static bool keyscan_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;

    errno = 0;
    *out = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out > 0 &&
           *out <= max;
}

/* -p. */
static bool keyscan_port(struct keyscan_main *m, const char *arg)
{
    unsigned long n;

    if (!keyscan_number(arg, 65535, &n))
        return keyscan_complain("Bad port ", arg);
    m->scan.port = (uint32_t)n;
    return true;
}

/* -T. */
static bool keyscan_timeout(struct keyscan_main *m, const char *arg)
{
    uint32_t seconds;

    if (!ncr_duration(&seconds, arg) || seconds == 0)
        return keyscan_complain("Bad timeout ", arg);
    m->scan.timeout_ms = (uint64_t)seconds * 1000;
    return true;
}

static bool keyscan_option(struct keyscan_main *m, const char *arg)
{
    static const char name[] = "hashalg=";
    const char *value = arg + sizeof name - 1;

    if (strncmp(arg, name, sizeof name - 1) == 0 && strcmp(value, "sha1") == 0)
        m->scan.sshfp_hash = 1;
    else if (strncmp(arg, name, sizeof name - 1) == 0 && strcmp(value, "sha256") == 0)
        m->scan.sshfp_hash = 2;
    else if (strncmp(arg, name, sizeof name - 1) == 0)
        return keyscan_complain("Unsupported hash algorithm ", value);
    else
        return keyscan_complain("Unsupported -O option ", arg);
    return true;
}

/* Other letters with a value. */
static bool keyscan_value(struct keyscan_main *m, int letter, const char *arg)
{
    struct nacre_bytes bad;

    switch (letter) {
    case 'f':
        if (m->n_files == KEYSCAN_FILES)
            return keyscan_complain("too many files: ", arg);
        m->files[m->n_files++] = strcmp(arg, "") == 0 ? "-" : arg;
        return true;
    case 'O':
        return keyscan_option(m, arg);
    default:
        if (ncr_keyscan_types(&m->scan.types, arg, &bad))
            return true;
        fprintf(stderr, "Unknown key type \"%.*s\"\n", (int)bad.n, (const char *)bad.p);
        return false;
    }
}

/* -1 to go on, else the exit status. */
static int keyscan_letters(struct keyscan_main *m, int argc, char **argv)
{
    int letter;

    while ((letter = getopt(argc, argv, "qDcHv46p:T:t:f:O:")) != -1) {
        switch (letter) {
        case '4':
            m->scan.family = AF_INET;
            break;
        case '6':
            m->scan.family = AF_INET6;
            break;
        case 'c':
            m->scan.certs = true;
            break;
        case 'D':
            m->scan.sshfp = true;
            break;
        case 'H':
            m->scan.hash = true;
            break;
        case 'q':
            m->scan.quiet = true;
            break;
        case 'v':
            m->scan.verbose = true;
            break;
        case 'p':
            if (!keyscan_port(m, optarg))
                return keyscan_usage();
            break;
        case 'T':
            if (!keyscan_timeout(m, optarg))
                return keyscan_usage();
            break;
        case '?':
            return keyscan_usage();
        default:
            if (!keyscan_value(m, letter, optarg))
                return KEYSCAN_FATAL;
        }
    }
    return optind == argc && m->n_files == 0 ? keyscan_usage() : -1;
}

int main(int argc, char **argv)
{
    static struct keyscan_main m;
    int status;

    if (!ncr_front_descriptors())
        return KEYSCAN_FATAL;
    (void)signal(SIGPIPE, SIG_IGN);
    m.scan.out = stdout;
    m.scan.err = stderr;
    status = keyscan_letters(&m, argc, argv);
    if (status >= 0)
        return status;
    if (ncr_keyscan_start(&m.scan) != NACRE_OK) {
        fputs("nacre-keyscan: out of memory\n", stderr);
        return KEYSCAN_FATAL;
    }
    for (size_t i = 0; i < m.n_files; i++) {
        if (!ncr_keyscan_file(&m.scan, m.files[i])) {
            fprintf(stderr, "nacre-keyscan: %s: %s\n", m.files[i], strerror(errno));
            return KEYSCAN_FATAL;
        }
    }
    for (int i = optind; i < argc; i++)
        ncr_keyscan_item(&m.scan, argv[i]);
    ncr_keyscan_finish(&m.scan);
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return KEYSCAN_FATAL;
    return m.scan.found > 0 ? 0 : 1;
}
