/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen: the job of ssh-keygen, in its options, output and exit status. What this build does
 * not have is refused by name, never ignored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/keygen.h"

struct keygen_job {
    char option;
    int (*run)(const struct ncr_keygen *g);
};

static const struct keygen_job keygen_jobs[] = {
    {'y', ncr_keygen_print_public},   {'l', ncr_keygen_fingerprint},
    {'c', ncr_keygen_change_comment}, {'p', ncr_keygen_change_passphrase},
    {'F', ncr_keygen_find_host},      {'R', ncr_keygen_remove_host},
    {'H', ncr_keygen_hash_hosts},
};

static const char keygen_usage[] =
    "usage: nacre-keygen [-q] [-a rounds] [-b bits] [-C comment] [-f output_keyfile]\n"
    "                    [-N new_passphrase] [-t ecdsa|ed25519|mldsa44-ed25519|rsa] [-Z cipher]\n"
    "       nacre-keygen -p [-a rounds] [-f keyfile] [-N new_passphrase] [-P old_passphrase]\n"
    "                    [-Z cipher]\n"
    "       nacre-keygen -y [-f input_keyfile] [-P passphrase]\n"
    "       nacre-keygen -c [-a rounds] [-C comment] [-f keyfile] [-P passphrase]\n"
    "       nacre-keygen -l [-v] [-E sha256|sha512] [-f input_keyfile]\n"
    "       nacre-keygen -F hostname [-Hlqv] [-f known_hosts_file]\n"
    "       nacre-keygen -H [-f known_hosts_file]\n"
    "       nacre-keygen -R hostname [-q] [-f known_hosts_file]\n";

static int keygen_bad_usage(void)
{
    fputs(keygen_usage, stderr);
    return NCR_KEYGEN_REFUSED;
}

/* -E; false if told. */
static bool keygen_hash(struct ncr_keygen *g, const char *name)
{
    if (strcmp(name, "sha256") == 0) {
        g->hash = NACRE_FP_SHA256;
        return true;
    }
    if (strcmp(name, "sha512") == 0) {
        g->hash = NACRE_FP_SHA512;
        return true;
    }
    if (strcmp(name, "md5") == 0)
        fputs("Hash algorithm \"md5\" is not supported by this build\n", stderr);
    else
        fprintf(stderr, "Invalid hash algorithm \"%s\"\n", name);
    return false;
}

/* A number of -b or -a; false if told. */
static bool keygen_number(unsigned *out, const char *text, unsigned min, unsigned max,
                          const char *what)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    *out = (unsigned)v;
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && v >= min && v <= max)
        return true;
    fprintf(stderr, "%s has bad value %s\n", what, text);
    return false;
}

/* Chooses a job; -l and -H go with -F. False if two contradict. */
static bool keygen_choose(char *job, char option)
{
    if (*job == option || (*job == 'F' && (option == 'l' || option == 'H')))
        return true;
    if (*job == '\0' || ((*job == 'l' || *job == 'H') && option == 'F')) {
        *job = option;
        return true;
    }
    fprintf(stderr, "Only one of -%c and -%c can be done at once\n", *job, option);
    return false;
}

/* One option; 0, or the exit status. */
static int keygen_option(struct ncr_keygen *g, char *job, int option)
{
    switch (option) {
    case 't':
        g->type = optarg;
        return 0;
    case 'f':
        g->file = optarg;
        return 0;
    case 'C':
        g->comment = optarg;
        return 0;
    case 'N':
        g->new_pass = optarg;
        return 0;
    case 'P':
        g->old_pass = optarg;
        return 0;
    case 'q':
        g->quiet = true;
        return 0;
    case 'v':
        g->verbose = true;
        return 0;
    case 'b':
        return keygen_number(&g->bits, optarg, 10, 32768, "Bits") ? 0 : NCR_KEYGEN_FATAL;
    case 'a':
        return keygen_number(&g->rounds, optarg, 1, NACRE_KEYFILE_ROUNDS_MAX, "Rounds")
                   ? 0
                   : NCR_KEYGEN_FATAL;
    case 'Z':
        g->cipher = optarg;
        return 0;
    case 'E':
        return keygen_hash(g, optarg) ? 0 : NCR_KEYGEN_FATAL;
    case 'F':
    case 'R':
        g->host = optarg;
        return keygen_choose(job, (char)option) ? 0 : NCR_KEYGEN_REFUSED;
    case 'H':
        g->hash_hosts = true;
        return keygen_choose(job, 'H') ? 0 : NCR_KEYGEN_REFUSED;
    case 'l':
        g->list = true;
        return keygen_choose(job, 'l') ? 0 : NCR_KEYGEN_REFUSED;
    case 'y':
    case 'c':
    case 'p':
        return keygen_choose(job, (char)option) ? 0 : NCR_KEYGEN_REFUSED;
    case ':':
        fprintf(stderr, "nacre-keygen: option -%c needs an argument\n", optopt);
        return keygen_bad_usage();
    default:
        fprintf(stderr, "nacre-keygen: option -%c is not supported\n", optopt);
        return keygen_bad_usage();
    }
}

static int keygen_run(const struct ncr_keygen *g, char job)
{
    size_t i;

    for (i = 0; i < sizeof keygen_jobs / sizeof keygen_jobs[0]; i++) {
        if (keygen_jobs[i].option == job)
            return keygen_jobs[i].run(g);
    }
    return ncr_keygen_generate(g);
}

int main(int argc, char **argv)
{
    struct ncr_keygen g;
    char job = '\0';
    int option;
    int status;

    memset(&g, 0, sizeof g);
    while ((option = getopt(argc, argv, ":a:b:cC:E:f:F:HlN:pP:qR:t:vyZ:")) != -1) {
        status = keygen_option(&g, &job, option);
        if (status != 0)
            return status;
    }
    if (g.list && g.hash_hosts) {
        fputs("Cannot use -l with -H or -R.\n", stderr);
        return keygen_bad_usage();
    }
    if (optind < argc) {
        fputs("Too many arguments.\n", stderr);
        return keygen_bad_usage();
    }
    status = keygen_run(&g, job);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        ncr_keygen_complain("standard output", "write failed");
        return NCR_KEYGEN_FATAL;
    }
    return status;
}
