/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen: the job of ssh-keygen, in its options, output and exit status. What this build does
 * not have is refused by name, never ignored.
 *
 * Two tables decide: what an option sets, and which job is done. As with ssh-keygen options end at
 * the first word that is none, and of several jobs the first row that was asked for is done: what
 * qualifies another job (-l of -F, -H of -F, -s of -k) stands below it.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/hash_names.h"
#include "client/keygen.h"

static const char keygen_usage[] =
    "usage: nacre-keygen [-q] [-a rounds] [-b bits] [-C comment] [-f output_keyfile]\n"
    "                    [-m format] [-N new_passphrase] [-t ecdsa|ed25519|mldsa44-ed25519|rsa]\n"
    "                    [-Z cipher]\n"
    "       nacre-keygen -p [-a rounds] [-f keyfile] [-m format] [-N new_passphrase]\n"
    "                    [-P old_passphrase] [-Z cipher]\n"
    "       nacre-keygen -i [-f input_keyfile] [-m RFC4716|PKCS8|PEM|PPK]\n"
    "       nacre-keygen -e [-f input_keyfile] [-m RFC4716|PKCS8|PEM]\n"
    "       nacre-keygen -y [-f input_keyfile] [-P passphrase]\n"
    "       nacre-keygen -c [-a rounds] [-C comment] [-f keyfile] [-P passphrase]\n"
    "       nacre-keygen -l [-v] [-E fingerprint_hash] [-f input_keyfile]\n"
    "       nacre-keygen -B [-f input_keyfile]\n"
    "       nacre-keygen -F hostname [-Hlqv] [-f known_hosts_file]\n"
    "       nacre-keygen -H [-f known_hosts_file]\n"
    "       nacre-keygen -R hostname [-q] [-f known_hosts_file]\n"
    "       nacre-keygen -r hostname [-g] [-f input_keyfile] [-O option]\n"
    "       nacre-keygen -I certificate_identity -s ca_key [-hqU] [-n principals] [-O option]\n"
    "                    [-P passphrase] [-t signature_algorithm] [-V validity_interval]\n"
    "                    [-z serial_number] file ...\n"
    "       nacre-keygen -L [-E fingerprint_hash] [-f input_keyfile]\n"
    "       nacre-keygen -A [-a rounds] [-f prefix_path]\n"
    "       nacre-keygen -k -f krl_file [-u] [-q] [-C comment] [-s ca_public] [-z version_number]\n"
    "                    file ...\n"
    "       nacre-keygen -Q [-l] -f krl_file [file ...]\n"
    "       nacre-keygen -Y sign -f key_file -n namespace [-q] [-U] [-O option] [file ...]\n"
    "       nacre-keygen -Y verify -f allowed_signers -I identity -n namespace -s signature\n"
    "                    [-q] [-r revocation_file] [-O option]\n"
    "       nacre-keygen -Y check-novalidate -n namespace -s signature [-q] [-O option]\n"
    "       nacre-keygen -Y find-principals -f allowed_signers -s signature [-O option]\n"
    "       nacre-keygen -Y match-principals -f allowed_signers -I identity\n";

static int keygen_bad_usage(void)
{
    fputs(keygen_usage, stderr);
    return NCR_KEYGEN_REFUSED;
}

/* ---- Options ---- */

/* An option: read takes its argument over, false if told that it is bad. */
struct keygen_option {
    char letter;
    bool has_arg;
    bool (*read)(struct ncr_keygen *g, const struct keygen_option *o, const char *arg);
    size_t at;       /* of the field */
    const char *why; /* not supported: what it would need */
};

/* That the option stands there is all; ncr_keygen_given() tells. */
static bool keygen_noted(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    (void)g, (void)o, (void)arg; /* as its table's type wants */
    return true;
}

static bool keygen_flag(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    const bool yes = true;

    (void)arg; /* there is none */
    memcpy((char *)g + o->at, &yes, sizeof yes);
    return true;
}

static bool keygen_text(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    memcpy((char *)g + o->at, &arg, sizeof arg);
    return true;
}

static bool keygen_louder(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    (void)o, (void)arg; /* as its table's type wants */
    g->verbose++;
    return true;
}

/* A decimal number of at least 1; NULL, or what is wrong with it. */
static const char *keygen_number(unsigned *out, const char *text, unsigned max)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (text[0] == '-' && text[1] >= '0' && text[1] <= '9' && *end == '\0')
        return "too small";
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        return "invalid";
    if (errno == ERANGE || v > max)
        return "too large";
    *out = (unsigned)v;
    return v < 1 ? "too small" : NULL;
}

static bool keygen_bits(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    const char *wrong = keygen_number(&g->bits, arg, UINT_MAX);

    (void)o; /* as its table's type wants */
    if (wrong != NULL)
        fprintf(stderr, "Bits has bad value %s (%s)\n", arg, wrong);
    return wrong == NULL;
}

static bool keygen_rounds(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    const char *wrong = keygen_number(&g->rounds, arg, NACRE_KEYFILE_ROUNDS_MAX);

    (void)o; /* as its table's type wants */
    if (wrong != NULL)
        fprintf(stderr, "Invalid number: %s (%s)\n", arg, wrong);
    return wrong == NULL;
}

static bool keygen_serial(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    unsigned long long v;
    char *end;

    (void)o; /* as its table's type wants */
    g->serial_counts = *arg == '+';
    if (*arg == '+')
        arg++;
    errno = 0;
    v = strtoull(arg, &end, 10);
    g->serial = v;
    if (*arg >= '0' && *arg <= '9' && *end == '\0' && errno == 0)
        return true;
    fprintf(stderr, "Invalid serial number \"%s\"\n", arg);
    return false;
}

static bool keygen_hash(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    (void)o; /* as its table's type wants */
    return ncr_hash_option(&g->hash, arg);
}

static bool keygen_cipher(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    (void)o; /* as its table's type wants */
    g->cipher = arg;
    if (!nacre_keyfile_cipher_known(arg))
        fprintf(stderr, "Invalid OpenSSH-format cipher '%s'\n", arg);
    return nacre_keyfile_cipher_known(arg);
}

static bool keygen_form(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    static const struct {
        const char *name;
        enum ncr_keygen_form form;
    } forms[] = {
        {"RFC4716", NCR_KEYGEN_RFC4716}, {"ssh2", NCR_KEYGEN_RFC4716}, {"PKCS8", NCR_KEYGEN_PKCS8},
        {"PEM", NCR_KEYGEN_PEM},         {"PPK", NCR_KEYGEN_PPK}, /* PuTTY's */
    };

    (void)o; /* as its table's type wants */
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcasecmp(arg, forms[i].name) == 0) {
            g->form = forms[i].form;
            return true;
        }
    }
    fprintf(stderr, "Unsupported conversion format \"%s\"\n", arg);
    return false;
}

static bool keygen_opt(struct ncr_keygen *g, const struct keygen_option *o, const char *arg)
{
    (void)o; /* as its table's type wants */
    if (g->opt_n == NCR_KEYGEN_OPTS_MAX) {
        fprintf(stderr, "Too many options -O: at most %d\n", NCR_KEYGEN_OPTS_MAX);
        return false;
    }
    g->opts[g->opt_n++] = arg;
    return true;
}

#define KEYGEN_AT(field) offsetof(struct ncr_keygen, field)

static const struct keygen_option keygen_options[] = {
    {'A', false, keygen_noted, 0, NULL},
    {'a', true, keygen_rounds, 0, NULL},
    {'B', false, keygen_noted, 0, NULL},
    {'b', true, keygen_bits, 0, NULL},
    {'C', true, keygen_text, KEYGEN_AT(comment), NULL},
    {'c', false, keygen_noted, 0, NULL},
    {'D', true, NULL, 0, "there are no PKCS#11 tokens here"},
    {'E', true, keygen_hash, 0, NULL},
    {'e', false, keygen_noted, 0, NULL},
    {'F', true, keygen_text, KEYGEN_AT(host), NULL},
    {'f', true, keygen_text, KEYGEN_AT(file), NULL},
    {'g', false, keygen_flag, KEYGEN_AT(generic), NULL},
    {'H', false, keygen_flag, KEYGEN_AT(hash_hosts), NULL},
    {'h', false, keygen_flag, KEYGEN_AT(for_host), NULL},
    {'I', true, keygen_text, KEYGEN_AT(key_id), NULL},
    {'i', false, keygen_noted, 0, NULL},
    {'K', false, NULL, 0, "there are no security keys here"},
    {'k', false, keygen_noted, 0, NULL},
    {'L', false, keygen_noted, 0, NULL},
    {'l', false, keygen_flag, KEYGEN_AT(list), NULL},
    {'M', true, NULL, 0, "it makes no groups for Diffie-Hellman"},
    {'m', true, keygen_form, 0, NULL},
    {'N', true, keygen_text, KEYGEN_AT(new_pass), NULL},
    {'n', true, keygen_text, KEYGEN_AT(names), NULL},
    {'O', true, keygen_opt, 0, NULL},
    {'o', false, keygen_noted, 0, NULL}, /* OpenSSH's form of key files: it is the usual one */
    {'P', true, keygen_text, KEYGEN_AT(old_pass), NULL},
    {'p', false, keygen_noted, 0, NULL},
    {'Q', false, keygen_noted, 0, NULL},
    {'q', false, keygen_flag, KEYGEN_AT(quiet), NULL},
    {'R', true, keygen_text, KEYGEN_AT(host), NULL},
    {'r', true, keygen_text, KEYGEN_AT(record), NULL},
    {'s', true, keygen_text, KEYGEN_AT(ca_key), NULL},
    {'t', true, keygen_text, KEYGEN_AT(type), NULL},
    {'U', false, keygen_flag, KEYGEN_AT(in_agent), NULL},
    {'u', false, keygen_flag, KEYGEN_AT(update), NULL},
    {'V', true, keygen_text, KEYGEN_AT(validity), NULL},
    {'v', false, keygen_louder, 0, NULL},
    {'w', true, NULL, 0, "there are no security keys here"},
    {'Y', true, keygen_text, KEYGEN_AT(sign_job), NULL},
    {'y', false, keygen_noted, 0, NULL},
    {'Z', true, keygen_cipher, 0, NULL},
    {'z', true, keygen_serial, 0, NULL},
};
#define KEYGEN_OPTIONS (sizeof keygen_options / sizeof keygen_options[0])

/* The table in getopt's words: options end at the first word that is none, errors are told here. */
static void keygen_letters(char out[2 * KEYGEN_OPTIONS + 3])
{
    *out++ = '+';
    *out++ = ':';
    for (size_t i = 0; i < KEYGEN_OPTIONS; i++) {
        *out++ = keygen_options[i].letter;
        if (keygen_options[i].has_arg)
            *out++ = ':';
    }
    *out = '\0';
}

/* One option as getopt gives it; 0, or the exit status. */
static int keygen_option(struct ncr_keygen *g, int option)
{
    const struct keygen_option *o = keygen_options;

    while (o < keygen_options + KEYGEN_OPTIONS && o->letter != option)
        o++;
    if (option == ':') {
        fprintf(stderr, "nacre-keygen: option -%c needs an argument\n", optopt);
        return keygen_bad_usage();
    }
    if (o == keygen_options + KEYGEN_OPTIONS) {
        fprintf(stderr, "nacre-keygen: option -%c is not supported\n", optopt);
        return keygen_bad_usage();
    }
    if (o->read == NULL) {
        fprintf(stderr, "nacre-keygen: option -%c is not supported: %s\n", o->letter, o->why);
        return keygen_bad_usage();
    }
    g->given[o->letter & 127] = true;
    return o->read(g, o, optarg) ? 0 : NCR_KEYGEN_FATAL;
}

/* ---- Jobs ---- */

struct keygen_job {
    char option;
    bool takes_args;
    int (*run)(const struct ncr_keygen *g);
};

static const struct keygen_job keygen_jobs[] = {
    {'Y', true, ncr_keygen_signature},
    {'k', true, ncr_keygen_make_krl},
    {'Q', true, ncr_keygen_ask_krl},
    {'s', true, ncr_keygen_certify},
    {'L', false, ncr_keygen_show_certs},
    {'R', false, ncr_keygen_remove_host},
    {'F', false, ncr_keygen_find_host},
    {'H', false, ncr_keygen_hash_hosts},
    {'l', false, ncr_keygen_fingerprint},
    {'B', false, ncr_keygen_fingerprint},
    {'p', false, ncr_keygen_change_passphrase},
    {'c', false, ncr_keygen_change_comment},
    {'e', false, ncr_keygen_export},
    {'i', false, ncr_keygen_import},
    {'y', false, ncr_keygen_print_public},
    {'r', false, ncr_keygen_print_records},
    {'A', false, ncr_keygen_host_keys},
    {'\0', false, ncr_keygen_generate},
};

static const struct keygen_job *keygen_job(const struct ncr_keygen *g)
{
    const struct keygen_job *job = keygen_jobs;

    while (job->option != '\0' && !ncr_keygen_given(g, job->option))
        job++;
    return job;
}

/* What ssh-keygen does not take together; NULL: all is well. */
static const char *keygen_contradiction(const struct ncr_keygen *g, const struct keygen_job *job)
{
    if (job->option == 'Y')
        return NULL;
    if (job->option == 's' && g->arg_n == 0)
        return "Too few arguments.";
    if (!job->takes_args && g->arg_n > 0)
        return "Too many arguments.";
    if (ncr_keygen_given(g, 'p') && ncr_keygen_given(g, 'c'))
        return "Can only have one of -p and -c.";
    if (g->list && (g->hash_hosts || ncr_keygen_given(g, 'R')))
        return "Cannot use -l with -H or -R.";
    return NULL;
}

static int keygen_run(const struct ncr_keygen *g)
{
    const struct keygen_job *job = keygen_job(g);
    const char *wrong = keygen_contradiction(g, job);

    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        return keygen_bad_usage();
    }
    return job->run(g);
}

int main(int argc, char **argv)
{
    static struct ncr_keygen g;
    char letters[2 * KEYGEN_OPTIONS + 3];
    int option;
    int status;

    keygen_letters(letters);
    while ((option = getopt(argc, argv, letters)) != -1) {
        status = keygen_option(&g, option);
        if (status != 0)
            return status;
    }
    g.args = argv + optind;
    g.arg_n = (size_t)(argc - optind);
    status = keygen_run(&g);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        ncr_keygen_complain("standard output", "write failed");
        return NCR_KEYGEN_FATAL;
    }
    return status;
}
