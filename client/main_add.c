/* SPDX-License-Identifier: ISC
 *
 * nacre-add: keys into and out of an agent, as ssh-add. Exit status: 0 done, 1 something was not, 2
 * no agent, 255 called in a way that makes no sense. Security tokens (-s, -e, -K, -S) are refused
 * by name.
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/add.h"
#include "client/hash_names.h"
#include "proto/posix/duration.h"

#define ADD_NO_AGENT 2
#define ADD_FATAL 255
#define ADD_MAIN_PATH 4096
#define ADD_OPTIONS "vkKlLNCcdDTxXE:e:h:H:qs:S:t:"

/* What was asked for besides adding and removing files. */
struct add_main {
    struct ncr_add add; /* large */
    int list, lock;     /* the letters, or 0 */
    bool remove_all, test;
};

static int add_usage(void)
{
    fputs("usage: nacre-add [-CcDdkLlNqvXx] [-E fingerprint_hash] [-H hostkey_file]\n"
          "                 [-h destination_constraint] [-t life] [file ...]\n"
          "       nacre-add -T pubkey ...\n",
          stderr);
    return 1;
}

static int add_unknown(int letter)
{
    const char *known = letter == ':' ? NULL : strchr(ADD_OPTIONS, letter);

    fprintf(stderr, "%s -- %c\n",
            known != NULL && known[1] == ':' ? "option requires an argument" : "unknown option",
            letter);
    return add_usage();
}

static int add_fatal(const char *text, int letter)
{
    fprintf(stderr, "-%c %s\n", letter, text);
    return ADD_FATAL;
}

static bool add_push(const char **list, size_t *n, const char *what, const char *value)
{
    if (*n == NCR_ADD_FILES) {
        fprintf(stderr, "too many %s\n", what);
        return false;
    }
    list[(*n)++] = value;
    return true;
}

/* Letters without an argument. False: none of them. */
static bool add_flag(struct add_main *m, int letter)
{
    struct ncr_add *a = &m->add;
    const struct {
        int letter;
        bool *flag;
    } flags[] = {{'c', &a->confirm},    {'C', &a->certs_only}, {'d', &a->remove},
                 {'D', &m->remove_all}, {'k', &a->keys_only},  {'N', &a->any_validity},
                 {'q', &a->quiet},      {'T', &m->test},       {'v', &a->verbose}};

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].letter == letter) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

/* One option; 0, or the exit status. */
static int add_option(struct add_main *m, int letter, const char *arg)
{
    struct ncr_add *a = &m->add;
    int *once = letter == 'l' || letter == 'L' ? &m->list : &m->lock;

    switch (letter) {
    case 'l':
    case 'L':
    case 'x':
    case 'X':
        if (*once != 0)
            return add_fatal("flag already specified", *once);
        *once = letter;
        return 0;
    case 't':
        if (ncr_duration(&a->lifetime, arg))
            return 0; /* of no seconds: it stays */
        fprintf(stderr, "Invalid lifetime\n");
        return 1;
    case 'E':
        return ncr_hash_option(&a->hash, arg) ? 0 : ADD_FATAL;
    case 'H':
        return add_push(a->hosts, &a->n_hosts, "files of host keys", arg) ? 0 : ADD_FATAL;
    case 'h':
        return add_push(a->dests, &a->n_dests, "destinations", arg) ? 0 : ADD_FATAL;
    case 'e':
    case 'K':
    case 's':
    case 'S':
        return add_fatal("is not supported: security tokens are not reached from here", letter);
    default:
        return add_flag(m, letter) ? 0 : add_usage();
    }
}

static int add_options(struct add_main *m, int argc, char **argv)
{
    int letter;
    int status = 0;

    opterr = 0;
    while (status == 0 && (letter = getopt(argc, argv, "+" ADD_OPTIONS)) != -1)
        status = letter == '?' ? add_unknown(optopt) : add_option(m, letter, optarg);
    if (status == 0 && (m->list != 0) + (m->lock != 0) + m->remove_all > 1) {
        fprintf(stderr, "Invalid combination of actions\n");
        status = ADD_FATAL;
    }
    return status;
}

/* ---- Work -------------------------------------------------------------------------------- */

static bool add_one(struct ncr_add *a, const char *file)
{
    return a->remove ? ncr_add_remove_file(a, file) : ncr_add_file(a, file);
}

/* Those of the usual files that are there; all of them, and at least one. */
static bool add_usual(struct ncr_add *a)
{
    static const char *const files[] = {".ssh/id_rsa",        ".ssh/id_ecdsa",
                                        ".ssh/id_ecdsa_sk",   ".ssh/id_ed25519",
                                        ".ssh/id_ed25519_sk", ".ssh/id_mldsa44_ed25519"};
    const struct passwd *pw = getpwuid(getuid());
    char path[ADD_MAIN_PATH];
    struct stat st;
    size_t done = 0;
    bool good = true;

    if (pw == NULL) {
        fprintf(stderr, "No user found with uid %u\n", (unsigned)getuid());
        return false;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (snprintf(path, sizeof path, "%s/%s", pw->pw_dir, files[i]) >= (int)sizeof path ||
            stat(path, &st) != 0)
            continue;
        if (add_one(a, path))
            done++;
        else
            good = false;
    }
    return good && done > 0;
}

static bool add_work(struct add_main *m, int n, char **files)
{
    struct ncr_add *a = &m->add;
    bool good = true;

    if (m->lock != 0)
        return ncr_add_lock(a, m->lock == 'x');
    if (m->list != 0)
        return ncr_add_list(a, m->list == 'L');
    if (m->remove_all)
        return ncr_add_remove_all(a);
    if (n == 0)
        return add_usual(a);
    for (int i = 0; i < n; i++)
        good = (m->test ? ncr_add_test(a, files[i]) : add_one(a, files[i])) && good;
    return good;
}

static bool add_connect(struct ncr_add *a)
{
    const char *name = getenv("SSH_AUTH_SOCK");

    if (nacre_agent_open(&a->agent, NULL) == NACRE_OK)
        return true;
    if (name == NULL || name[0] == '\0')
        fprintf(stderr, "Could not open a connection to your authentication agent.\n");
    else
        fprintf(stderr, "Error connecting to agent: %s\n", strerror(errno));
    return false;
}

static int add_run(struct add_main *m, int argc, char **argv)
{
    int status = add_options(m, argc, argv);
    int n;

    if (status != 0)
        return status;
    n = argc - optind;
    if (!add_connect(&m->add))
        return ADD_NO_AGENT;
    if (m->test && n == 0 && m->lock == 0 && m->list == 0 && !m->remove_all) {
        fprintf(stderr, "no keys to test\n");
        return ADD_FATAL;
    }
    if (!ncr_add_destinations(&m->add))
        return ADD_FATAL;
    status = add_work(m, n, argv + optind) ? 0 : 1;
    if (fflush(stdout) != 0)
        status = 1;
    return status;
}

int main(int argc, char **argv)
{
    struct add_main *m = calloc(1, sizeof *m);
    int status;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* ignored by our parent, children could not be waited for */
    if (m == NULL) {
        fprintf(stderr, "%s\n", nacre_err_text(NACRE_ERR_NO_MEMORY));
        return ADD_FATAL;
    }
    status = add_run(m, argc, argv);
    nacre_agent_close(m->add.agent);
    free(m->add.dest_list);
    nacre_wipe(m, sizeof *m);
    free(m);
    return status;
}
