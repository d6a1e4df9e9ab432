/* SPDX-License-Identifier: ISC
 *
 * Options of the client programs: see options.h. One table says what each keyword takes.
 */
#include "client/options.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/names.h"

#define OPT_KEYWORD_CAP 64
#define OPT_PATH_CAP 4096

enum opt_kind {
    OPT_TEXT,     /* const char * */
    OPT_NUMBER,   /* uint32_t in min..max */
    OPT_WORD,     /* uint32_t out of words */
    OPT_TIME,     /* uint64_t, ms */
    OPT_FILES,    /* struct ncr_opt_files: the first occurrence, all its words */
    OPT_FILE_ADD, /* the same: one more with each occurrence */
    OPT_ALGS,     /* const char *: a list of algorithms, checked when all is known */
    OPT_FIXED,    /* only the words are allowed; nothing to store */
    OPT_OWN,      /* by a function */
    OPT_ONCE      /* the same: the first occurrence */
};

struct opt_word {
    const char *name;
    uint32_t value;
};

static const struct opt_word opt_yes_no[] = {{"no", 1}, {"yes", 2}, {"false", 1}, {"true", 2}, {0}};
static const struct opt_word opt_updates[] = {
    {"no", 1 + NACRE_UPDATE_NO},    {"yes", 1 + NACRE_UPDATE_YES},  {"ask", 1 + NACRE_UPDATE_ASK},
    {"false", 1 + NACRE_UPDATE_NO}, {"true", 1 + NACRE_UPDATE_YES}, {0}};
static const struct opt_word opt_only_no[] = {{"no", 0}, {"false", 0}, {"none", 0}, {0}};
static const struct opt_word opt_only_yes[] = {{"yes", 0}, {"true", 0}, {0}};
static const struct opt_word opt_protocol[] = {{"2", 0}, {0}};
static const struct opt_word opt_any_qos[] = {{"", 0}, {0}};
static const struct opt_word opt_profiles[] = {{"modern", 1 + NACRE_PROFILE_MODERN},
                                               {"pq-required", 1 + NACRE_PROFILE_PQ_REQUIRED},
                                               {"legacy-device", 1 + NACRE_PROFILE_LEGACY_DEVICE},
                                               {0}};
static const struct opt_word opt_families[] = {{"any", 0}, {"inet", 4}, {"inet6", 6}, {0}};
static const struct opt_word opt_ttys[] = {{"auto", NCR_TTY_AUTO},
                                           {"no", NCR_TTY_NO},
                                           {"yes", NCR_TTY_YES},
                                           {"force", NCR_TTY_FORCE},
                                           {0}};
static const struct opt_word opt_policies[] = {
    {"ask", NACRE_HOSTS_ASK},    {"accept-new", NACRE_HOSTS_ACCEPT_NEW},
    {"yes", NACRE_HOSTS_STRICT}, {"no", NACRE_HOSTS_OFF},
    {"off", NACRE_HOSTS_OFF},    {0}};
static const struct opt_word opt_logs[] = {{"quiet", NCR_LOG_QUIET},     {"fatal", NCR_LOG_FATAL},
                                           {"error", NCR_LOG_ERROR},     {"info", NCR_LOG_INFO},
                                           {"verbose", NCR_LOG_VERBOSE}, {"debug", NCR_LOG_DEBUG1},
                                           {"debug1", NCR_LOG_DEBUG1},   {"debug2", NCR_LOG_DEBUG1},
                                           {"debug3", NCR_LOG_DEBUG1},   {0}};

static const struct opt_word opt_keeps[] = {{"no", NACRE_KEEP_NO},
                                            {"false", NACRE_KEEP_NO},
                                            {"yes", NACRE_KEEP_YES},
                                            {"true", NACRE_KEEP_YES},
                                            {"ask", NACRE_KEEP_ASK},
                                            {"confirm", NACRE_KEEP_CONFIRM},
                                            {0}};

static bool opt_user(struct ncr_options *o, const char *v);
static bool opt_rekey(struct ncr_options *o, const char *v);
static bool opt_send_env(struct ncr_options *o, const char *v);
static bool opt_set_env(struct ncr_options *o, const char *v);
static bool opt_local(struct ncr_options *o, const char *v);
static bool opt_remote(struct ncr_options *o, const char *v);
static bool opt_escape(struct ncr_options *o, const char *v);
static bool opt_host_name(struct ncr_options *o, const char *v);
static bool opt_agent(struct ncr_options *o, const char *v);
static bool opt_forward_agent(struct ncr_options *o, const char *v);
static bool opt_keep(struct ncr_options *o, const char *v);

struct opt_row {
    const char *name;
    enum opt_kind kind;
    size_t at; /* offset in struct ncr_options */
    const struct opt_word *words;
    uint32_t min, max;
    bool (*own)(struct ncr_options *o, const char *v);
};

/* clang-format off */
#define OPT_AT(field) offsetof(struct ncr_options, field)
static const struct opt_row opt_rows[] = {
    {"AddKeysToAgent", OPT_ONCE, 0, NULL, 0, 0, opt_keep},
    {"AddressFamily", OPT_WORD, OPT_AT(family), opt_families, 0, 0, NULL},
    {"AlgorithmProfile", OPT_WORD, OPT_AT(profile), opt_profiles, 0, 0, NULL},
    {"BatchMode", OPT_WORD, OPT_AT(batch), opt_yes_no, 0, 0, NULL},
    {"BindAddress", OPT_TEXT, OPT_AT(bind_addr), NULL, 0, 0, NULL},
    {"CertificateFile", OPT_FILE_ADD, OPT_AT(certificates), NULL, 0, 0, NULL},
    {"CASignatureAlgorithms", OPT_ALGS, OPT_AT(ca_sig_algs), NULL, 0, 0, NULL},
    {"CheckHostIP", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"Ciphers", OPT_ALGS, OPT_AT(ciphers), NULL, 0, 0, NULL},
    {"ClearAllForwardings", OPT_WORD, OPT_AT(clear_forwards), opt_yes_no, 0, 0, NULL},
    {"Compression", OPT_WORD, OPT_AT(compress), opt_yes_no, 0, 0, NULL},
    {"ConnectTimeout", OPT_TIME, OPT_AT(connect_ms), NULL, 0, 0, NULL},
    {"ControlMaster", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"ControlPath", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"ControlPersist", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"EscapeChar", OPT_OWN, 0, NULL, 0, 0, opt_escape},
    {"ExitOnForwardFailure", OPT_WORD, OPT_AT(exit_on_forward_failure), opt_yes_no, 0, 0, NULL},
    {"ForwardAgent", OPT_ONCE, 0, NULL, 0, 0, opt_forward_agent},
    {"ForwardX11", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"ForwardX11Trusted", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"GatewayPorts", OPT_WORD, OPT_AT(gateway), opt_yes_no, 0, 0, NULL},
    {"GlobalKnownHostsFile", OPT_FILES, OPT_AT(global_hosts), NULL, 0, 0, NULL},
    {"GSSAPIAuthentication", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"HashKnownHosts", OPT_WORD, OPT_AT(hash_hosts), opt_yes_no, 0, 0, NULL},
    {"HostbasedAuthentication", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"HostKeyAlgorithms", OPT_ALGS, OPT_AT(host_key_algs), NULL, 0, 0, NULL},
    {"HostKeyAlias", OPT_TEXT, OPT_AT(host_key_alias), NULL, 0, 0, NULL},
    {"HostName", OPT_OWN, 0, NULL, 0, 0, opt_host_name},
    {"IdentitiesOnly", OPT_WORD, OPT_AT(identities_only), opt_yes_no, 0, 0, NULL},
    {"IdentityAgent", OPT_ONCE, 0, NULL, 0, 0, opt_agent},
    {"IdentityFile", OPT_FILE_ADD, OPT_AT(identities), NULL, 0, 0, NULL},
    {"IPQoS", OPT_FIXED, 0, opt_any_qos, 0, 0, NULL},
    {"KbdInteractiveAuthentication", OPT_WORD, OPT_AT(interactive), opt_yes_no, 0, 0, NULL},
    {"ChallengeResponseAuthentication", OPT_WORD, OPT_AT(interactive), opt_yes_no, 0, 0, NULL},
    {"KexAlgorithms", OPT_ALGS, OPT_AT(kex), NULL, 0, 0, NULL},
    {"LocalForward", OPT_OWN, 0, NULL, 0, 0, opt_local},
    {"LogLevel", OPT_WORD, OPT_AT(log), opt_logs, 0, 0, NULL},
    {"MACs", OPT_ALGS, OPT_AT(macs), NULL, 0, 0, NULL},
    {"NegotiationReport", OPT_TEXT, OPT_AT(report), NULL, 0, 0, NULL},
    {"NumberOfPasswordPrompts", OPT_NUMBER, OPT_AT(prompts), NULL, 1, 1000, NULL},
    {"PasswordAuthentication", OPT_WORD, OPT_AT(password), opt_yes_no, 0, 0, NULL},
    {"PermitLocalCommand", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"PKCS11Provider", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"Port", OPT_NUMBER, OPT_AT(port), NULL, 1, 65535, NULL},
    {"PreferredAuthentications", OPT_TEXT, OPT_AT(auth_order), NULL, 0, 0, NULL},
    {"Protocol", OPT_FIXED, 0, opt_protocol, 0, 0, NULL},
    {"ProxyCommand", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"ProxyJump", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"PubkeyAcceptedAlgorithms", OPT_ALGS, OPT_AT(pubkey_algs), NULL, 0, 0, NULL},
    {"PubkeyAcceptedKeyTypes", OPT_ALGS, OPT_AT(pubkey_algs), NULL, 0, 0, NULL},
    {"PubkeyAuthentication", OPT_WORD, OPT_AT(pubkey), opt_yes_no, 0, 0, NULL},
    {"RekeyLimit", OPT_ONCE, 0, NULL, 0, 0, opt_rekey},
    {"RemoteCommand", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"RemoteForward", OPT_OWN, 0, NULL, 0, 0, opt_remote},
    {"RequestTTY", OPT_WORD, OPT_AT(tty), opt_ttys, 0, 0, NULL},
    {"RevokedHostKeys", OPT_FILES, OPT_AT(revoked_hosts), NULL, 0, 0, NULL},
    {"SendEnv", OPT_OWN, 0, NULL, 0, 0, opt_send_env},
    {"ServerAliveCountMax", OPT_NUMBER, OPT_AT(alive_max), NULL, 1, 1000000, NULL},
    {"ServerAliveInterval", OPT_TIME, OPT_AT(alive_ms), NULL, 0, 0, NULL},
    {"SetEnv", OPT_OWN, 0, NULL, 0, 0, opt_set_env},
    {"StrictHostKeyChecking", OPT_WORD, OPT_AT(policy), opt_policies, 0, 0, NULL},
    {"TCPKeepAlive", OPT_FIXED, 0, opt_only_yes, 0, 0, NULL},
    {"Tunnel", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
    {"UpdateHostKeys", OPT_WORD, OPT_AT(update_hosts), opt_updates, 0, 0, NULL},
    {"User", OPT_ONCE, 0, NULL, 0, 0, opt_user},
    {"UserKnownHostsFile", OPT_FILES, OPT_AT(hosts), NULL, 0, 0, NULL},
    {"VerifyHostKeyDNS", OPT_FIXED, 0, opt_only_no, 0, 0, NULL},
};
/* clang-format on */

#define OPT_COUNT (sizeof opt_rows / sizeof opt_rows[0])
_Static_assert(OPT_COUNT <= NCR_OPT_ROWS, "seen has a place for each row");

/* ---- Small things ------------------------------------------------------------------------ */

bool ncr_opt_fail(struct ncr_options *o, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(o->error, sizeof o->error, format, args); /* a longer one is cut */
    va_end(args);
    return false;
}

const char *ncr_opt_home(void)
{
    const char *home = getenv("HOME");
    const struct passwd *pw;

    if (home != NULL && home[0] != '\0')
        return home;
    pw = getpwuid(getuid());
    return pw != NULL ? pw->pw_dir : "";
}

void ncr_opt_init(struct ncr_options *o, const char *program)
{
    memset(o, 0, sizeof *o);
    o->program = program;
    o->policy = NACRE_HOSTS_ASK;
    o->log = NCR_LOG_INFO;
    o->escape = '~';
}

static bool opt_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long v;

    if (!isdigit((unsigned char)s[0]))
        return false;
    errno = 0;
    v = strtoull(s, &end, 10);
    *out = v;
    return errno == 0 && *end == '\0' && v >= min && v <= max;
}

/* A copy of a text that lives as long as the options do. */
struct ncr_opt_text {
    struct ncr_opt_text *next;
    char text[];
};

static char *opt_copy(struct ncr_options *o, const char *s)
{
    const size_t n = strlen(s) + 1;
    struct ncr_opt_text *t = malloc(sizeof *t + n);

    if (t == NULL) {
        (void)ncr_opt_fail(o, "out of memory");
        return NULL;
    }
    memcpy(t->text, s, n);
    t->next = o->texts;
    o->texts = t;
    return t->text;
}

void ncr_opt_free(struct ncr_options *o)
{
    struct ncr_opt_text *t;
    uint32_t i;

    for (i = 0; i < o->n_forwards; i++)
        ncr_forward_rule_free(&o->forwards[i]);
    o->n_forwards = 0;
    while ((t = o->texts) != NULL) {
        o->texts = t->next;
        free(t);
    }
}

/* The next word of *s, double quotes holding blanks together; NULL at the end. */
static char *opt_next_word(char **s)
{
    char *p = *s + strspn(*s, " \t");
    char *word = p;

    if (*p == '\0')
        return NULL;
    if (*p == '"') {
        word = ++p;
        p += strcspn(p, "\"");
    } else {
        p += strcspn(p, " \t");
    }
    if (*p != '\0')
        *p++ = '\0';
    *s = p;
    return word;
}

/* ---- Values ------------------------------------------------------------------------------ */

static bool opt_word_value(struct ncr_options *o, const struct opt_row *r, const char *v,
                           uint32_t *out)
{
    for (size_t i = 0; r->words[i].name != NULL; i++) {
        if (r->words == opt_any_qos || strcasecmp(r->words[i].name, v) == 0) {
            *out = r->words[i].value;
            return true;
        }
    }
    return ncr_opt_fail(o, "option %s with value \"%s\" is not supported", r->name, v);
}

/* Seconds, or a sum of numbers with units: 1h30m. */
static bool opt_time(const char *v, uint64_t *ms)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t sum = 0;

    if (strcmp(v, "none") == 0) {
        *ms = 0;
        return true;
    }
    while (isdigit((unsigned char)*v)) {
        uint64_t n = 0;
        uint32_t factor = 1;

        while (isdigit((unsigned char)*v) && n < UINT32_MAX)
            n = n * 10 + (uint64_t)(*v++ - '0');
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            if (tolower((unsigned char)*v) == units[i].unit)
                factor = units[i].seconds;
        }
        if (isalpha((unsigned char)*v))
            v++;
        sum += n * factor;
    }
    *ms = sum * 1000;
    return *v == '\0' && sum <= UINT32_MAX;
}

/* "~/" is the home directory, %d too, %% a percent sign; other tokens are refused. */
static char *opt_path(struct ncr_options *o, const char *v)
{
    char out[OPT_PATH_CAP];
    size_t n = 0;
    bool tilde = v[0] == '~' && (v[1] == '/' || v[1] == '\0');

    if (tilde)
        n = (size_t)snprintf(out, sizeof out, "%s", ncr_opt_home());
    for (v += tilde; *v != '\0' && n < sizeof out - 1; v++) {
        if (*v == '%' && v[1] == 'd') {
            n += (size_t)snprintf(out + n, sizeof out - n, "%s", ncr_opt_home());
            v++;
        } else if (*v == '%' && v[1] != '%') {
            (void)ncr_opt_fail(o, "token %%%c in a file name is not supported", v[1]);
            return NULL;
        } else {
            v += *v == '%';
            out[n++] = *v;
        }
    }
    if (n >= sizeof out - 1) {
        (void)ncr_opt_fail(o, "file name too long");
        return NULL;
    }
    out[n] = '\0';
    return opt_copy(o, out);
}

static bool opt_file_add(struct ncr_options *o, struct ncr_opt_files *f, const char *v)
{
    if (strcmp(v, "none") == 0) {
        f->none = true;
        return true;
    }
    if (f->n == NCR_OPT_FILES)
        return ncr_opt_fail(o, "more than %d files", NCR_OPT_FILES);
    f->path[f->n] = opt_path(o, v);
    return f->path[f->n] != NULL && ++f->n > 0;
}

static bool opt_files(struct ncr_options *o, struct ncr_opt_files *f, const char *v)
{
    char *copy = opt_copy(o, v);
    char *rest = copy;
    char *word;
    bool good = copy != NULL;

    while (good && (word = opt_next_word(&rest)) != NULL)
        good = opt_file_add(o, f, word);
    return good;
}

static bool opt_user(struct ncr_options *o, const char *v)
{
    if (!ncr_user_fit(v))
        return ncr_opt_fail(o, "invalid user name");
    o->user = opt_copy(o, v);
    return o->user != NULL;
}

/* No token but %h, the name as it was given, is expanded, and that only when it stands alone. */
static bool opt_host_name(struct ncr_options *o, const char *v)
{
    if (strcmp(v, "%h") == 0)
        return true;
    if (!ncr_host_fit(v))
        return ncr_opt_fail(o, "invalid host name in HostName");
    o->host_name = opt_copy(o, v);
    return o->host_name != NULL;
}

/* A setting as nacre_client_cfg has it: a path, "none", "SSH_AUTH_SOCK" or "$NAME". */
static const char *opt_agent_setting(struct ncr_options *o, const char *v)
{
    return v[0] == '$' ? opt_copy(o, v) : opt_path(o, v);
}

static bool opt_agent(struct ncr_options *o, const char *v)
{
    o->agent = opt_agent_setting(o, v);
    return o->agent != NULL;
}

/* "yes", "no", or the agent to forward. */
static bool opt_forward_agent(struct ncr_options *o, const char *v)
{
    for (size_t i = 0; opt_yes_no[i].name != NULL; i++) {
        if (strcasecmp(opt_yes_no[i].name, v) == 0) {
            o->forward_agent = opt_yes_no[i].value == 2;
            return true;
        }
    }
    o->forward_agent = true;
    o->forward_which = opt_agent_setting(o, v);
    return o->forward_which != NULL;
}

/* "yes", "no", "ask", "confirm [time]" or "time". */
static bool opt_keep(struct ncr_options *o, const char *v)
{
    char *copy = opt_copy(o, v);
    char *rest = copy;
    char *word = copy != NULL ? opt_next_word(&rest) : NULL;
    char *time = word != NULL ? opt_next_word(&rest) : NULL;
    bool good = word != NULL;

    for (size_t i = 0; good && opt_keeps[i].name != NULL; i++) {
        if (strcasecmp(opt_keeps[i].name, word) == 0) {
            o->keep = opt_keeps[i].value;
            good = time == NULL || (o->keep == NACRE_KEEP_CONFIRM && opt_time(time, &o->keep_ms));
            return good ? true : ncr_opt_fail(o, "bad value of AddKeysToAgent: \"%s\"", v);
        }
    }
    o->keep = NACRE_KEEP_YES;
    if (good && time == NULL && isdigit((unsigned char)word[0]) && opt_time(word, &o->keep_ms))
        return true;
    return ncr_opt_fail(o, "bad value of AddKeysToAgent: \"%s\"", v);
}

static bool opt_size(const char *v, uint64_t *out)
{
    char *end;
    unsigned long long n;
    unsigned shift = 0;

    if (!isdigit((unsigned char)v[0]))
        return false;
    errno = 0;
    n = strtoull(v, &end, 10);
    shift = *end == 'K' || *end == 'k'   ? 10
            : *end == 'M' || *end == 'm' ? 20
            : *end == 'G' || *end == 'g' ? 30
                                         : 0;
    end += shift != 0;
    if (errno != 0 || *end != '\0' || n > (UINT64_MAX >> 1 >> shift))
        return false;
    *out = (uint64_t)n << shift;
    return true;
}

/* "default|none|size [none|time]". */
static bool opt_rekey(struct ncr_options *o, const char *v)
{
    char *copy = opt_copy(o, v);
    char *rest = copy;
    char *size = copy != NULL ? opt_next_word(&rest) : NULL;
    char *time = copy != NULL ? opt_next_word(&rest) : NULL;
    bool good = size != NULL;

    if (good && strcasecmp(size, "default") != 0 && strcasecmp(size, "none") != 0)
        good = opt_size(size, &o->rekey_bytes);
    if (good && time != NULL && strcasecmp(time, "none") != 0)
        good = opt_time(time, &o->rekey_ms);
    return good ? true : ncr_opt_fail(o, "bad value of RekeyLimit: \"%s\"", v);
}

static bool opt_env_add(struct ncr_options *o, const char **list, uint32_t *n, const char *v)
{
    char *copy = opt_copy(o, v);
    char *rest = copy;
    char *word;

    while (copy != NULL && (word = opt_next_word(&rest)) != NULL) {
        if (*n == NCR_OPT_ENV)
            return ncr_opt_fail(o, "more than %d variables", NCR_OPT_ENV);
        list[(*n)++] = word; /* in the copy, which stays */
    }
    return copy != NULL;
}

static bool opt_send_env(struct ncr_options *o, const char *v)
{
    return opt_env_add(o, o->send_env, &o->n_send_env, v);
}

static bool opt_set_env(struct ncr_options *o, const char *v)
{
    uint32_t first = o->n_set_env;

    if (!opt_env_add(o, o->set_env, &o->n_set_env, v))
        return false;
    for (; first < o->n_set_env; first++) {
        if (strchr(o->set_env[first], '=') == NULL)
            return ncr_opt_fail(o, "SetEnv without '=': \"%s\"", o->set_env[first]);
    }
    return true;
}

/* In a configuration the two halves of a rule stand apart, on a command line a colon joins them. */
static bool opt_forward(struct ncr_options *o, const char *v, bool remote)
{
    char text[OPT_PATH_CAP];
    size_t n = strcspn(v, " \t");

    if (o->n_forwards == NCR_FORWARD_RULES)
        return ncr_opt_fail(o, "more than %d forwards", NCR_FORWARD_RULES);
    if (strlen(v) >= sizeof text)
        return ncr_opt_fail(o, "forward too long");
    if (v[n] != '\0')
        (void)snprintf(text, sizeof text, "%.*s:%s", (int)n, v, v + n + strspn(v + n, " \t"));
    else
        (void)snprintf(text, sizeof text, "%s", v);
    if (!ncr_forward_parse(&o->forwards[o->n_forwards], text, remote))
        return ncr_opt_fail(o, "bad %s forward \"%s\"", remote ? "remote" : "local", v);
    o->n_forwards++;
    return true;
}

static bool opt_local(struct ncr_options *o, const char *v)
{
    return opt_forward(o, v, false);
}

static bool opt_remote(struct ncr_options *o, const char *v)
{
    return opt_forward(o, v, true);
}

static bool opt_escape(struct ncr_options *o, const char *v)
{
    if (o->escape_set)
        return true;
    o->escape_set = true;
    if (strcmp(v, "none") == 0)
        o->escape = -1;
    else if (v[0] == '^' && v[1] >= '@' && v[1] <= '_' && v[2] == '\0')
        o->escape = v[1] & 0x1f;
    else if (v[0] != '\0' && v[1] == '\0')
        o->escape = (unsigned char)v[0];
    else
        return ncr_opt_fail(o, "bad escape character \"%s\"", v);
    return true;
}

static bool opt_store(struct ncr_options *o, const struct opt_row *r, const char *v)
{
    void *at = (char *)o + r->at;
    uint64_t n = 0;
    uint32_t word = 0;

    switch (r->kind) {
    case OPT_TEXT:
    case OPT_ALGS:
        *(const char **)at = opt_copy(o, v);
        return *(const char **)at != NULL;
    case OPT_NUMBER:
        if (!opt_number(v, r->min, r->max, &n))
            return ncr_opt_fail(o, "bad value of %s: \"%s\"", r->name, v);
        *(uint32_t *)at = (uint32_t)n;
        return true;
    case OPT_WORD:
        return opt_word_value(o, r, v, at);
    case OPT_TIME:
        return opt_time(v, at) ? true : ncr_opt_fail(o, "bad time of %s: \"%s\"", r->name, v);
    case OPT_FILES:
        return opt_files(o, at, v);
    case OPT_FILE_ADD:
        return opt_file_add(o, at, v);
    case OPT_FIXED:
        return opt_word_value(o, r, v, &word);
    default:
        return r->own(o, v);
    }
}

bool ncr_opt_set(struct ncr_options *o, const char *keyword, const char *value)
{
    for (size_t i = 0; i < OPT_COUNT; i++) {
        const struct opt_row *r = &opt_rows[i];
        bool list = r->kind == OPT_FILE_ADD || r->kind == OPT_FIXED || r->kind == OPT_OWN;

        if (strcasecmp(r->name, keyword) != 0)
            continue;
        if (!list && o->seen[i])
            return true;
        if (value[0] == '\0')
            return ncr_opt_fail(o, "option %s without a value", r->name);
        o->seen[i] = true;
        return opt_store(o, r, value);
    }
    return ncr_opt_fail(o, "option %s is not supported", keyword);
}

bool ncr_opt_parse(struct ncr_options *o, const char *text)
{
    char keyword[OPT_KEYWORD_CAP];
    char *copy, *value;
    size_t n, end;
    bool good;

    text += strspn(text, " \t");
    n = strcspn(text, " \t=");
    if (n == 0 || n >= sizeof keyword)
        return ncr_opt_fail(o, "bad option \"%.100s\"", text);
    memcpy(keyword, text, n);
    keyword[n] = '\0';
    text += n;
    text += strspn(text, " \t");
    text += *text == '=';
    text += strspn(text, " \t");
    copy = opt_copy(o, text);
    if (copy == NULL)
        return false;
    for (end = strlen(copy); end > 0 && strchr(" \t\r\n", copy[end - 1]) != NULL; end--)
        copy[end - 1] = '\0';
    value = copy;
    if (end > 1 && copy[0] == '"' && copy[end - 1] == '"' &&
        strchr(copy + 1, '"') == copy + end - 1) {
        copy[end - 1] = '\0';
        value = copy + 1;
    }
    good = ncr_opt_set(o, keyword, value);
    return good;
}

/* ---- Targets ----------------------------------------------------------------------------- */

static bool opt_fit(const char *s, const char *bad)
{
    if (s[0] == '\0' || s[0] == '-')
        return false;
    for (; *s != '\0'; s++) {
        unsigned char b = (unsigned char)*s;

        if (b <= ' ' || b == 0x7f || strchr(bad, b) != NULL)
            return false;
    }
    return true;
}

bool ncr_host_fit(const char *host)
{
    return strlen(host) <= NACRE_HOST_NAME_MAX && opt_fit(host, "'`\"$\\;&<>|(){}*?,!#@/");
}

bool ncr_user_fit(const char *user)
{
    size_t n = strlen(user);

    return n <= 255 && opt_fit(user, "'`\";&<>|(){}*?$") && user[n - 1] != '\\';
}

/* Undoes %xx in place; %00 and controls are refused by the checks that follow. */
static bool opt_unescape(char *s)
{
    char *out = s;

    for (; *s != '\0'; s++) {
        if (*s == '%') {
            char hex[3] = {s[1], s[1] != '\0' ? s[2] : '\0', '\0'};

            if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1]) ||
                strcmp(hex, "00") == 0)
                return false;
            *out++ = (char)strtoul(hex, NULL, 16);
            s += 2;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
    return true;
}

/* Splits "[addr]" or "name" off s; what follows is left in *rest. NULL: brackets do not match. */
static char *opt_split_host(char *s, const char *ends, char **rest)
{
    char *host = s;

    if (*s == '[') {
        host = s + 1;
        s = strchr(host, ']');
        if (s == NULL || (s[1] != '\0' && strchr(ends, s[1]) == NULL))
            return NULL;
        *s++ = '\0';
    } else {
        s += strcspn(s, ends);
    }
    *rest = s;
    return host;
}

static bool opt_take_user(struct ncr_options *o, char **s, bool escaped)
{
    char *slash = strchr(*s, '/');
    char *at = NULL;

    /* The last '@' before a path: a user name may hold one. */
    for (char *p = *s; *p != '\0' && (!escaped || p != slash); p++) {
        if (*p == '@')
            at = p;
    }
    if (at == NULL)
        return true;
    *at = '\0';
    if ((escaped && !opt_unescape(*s)) || !ncr_user_fit(*s))
        return ncr_opt_fail(o, "invalid user name in the destination");
    if (o->user == NULL)
        o->user = *s;
    *s = at + 1;
    return true;
}

static bool opt_target_host(struct ncr_options *o, char *host)
{
    if (host == NULL || !ncr_host_fit(host))
        return ncr_opt_fail(o, "invalid host name in the destination");
    o->host = host;
    return true;
}

static bool opt_target_uri(struct ncr_options *o, char *s, char **path)
{
    char *rest;
    char *host;

    if (!opt_take_user(o, &s, true))
        return false;
    host = opt_split_host(s, ":/", &rest);
    if (host != NULL && *rest == ':') {
        char *port = rest + 1;

        *rest = '\0';
        rest = port + strcspn(port, "/");
        if (*rest == '/') {
            *rest++ = '\0';
            *path = rest;
        }
        if (*port != '\0' && !ncr_opt_set(o, "Port", port))
            return ncr_opt_fail(o, "bad port in the destination");
    } else if (host != NULL && *rest == '/') {
        *rest++ = '\0';
        *path = rest;
    }
    if (*path != NULL && (**path == '\0' || !opt_unescape(*path)))
        *path = NULL;
    return opt_target_host(o, host);
}

bool ncr_opt_target(struct ncr_options *o, const char *text, const char *scheme, char **path)
{
    char *copy = opt_copy(o, text); /* stays: host and user are in it */
    size_t n = strlen(scheme);
    char *ignored = NULL;
    char *rest;
    char *host;

    if (copy == NULL)
        return false;
    if (strncmp(copy, scheme, n) == 0 && strncmp(copy + n, "://", 3) == 0)
        return opt_target_uri(o, copy + n + 3, path != NULL ? path : &ignored);
    if (!opt_take_user(o, &copy, false))
        return false;
    if (path == NULL)
        return opt_target_host(o, copy);
    host = opt_split_host(copy, ":", &rest);
    if (host != NULL && *rest == ':') {
        *rest++ = '\0';
        *path = rest;
    }
    return opt_target_host(o, host);
}

/* ---- The library's configuration --------------------------------------------------------- */

static unsigned opt_methods(const struct ncr_options *o)
{
    unsigned set = 0;

    if (o->pubkey != 1)
        set |= NACRE_AUTH_PUBLICKEY;
    if (o->password != 1 && o->batch != 2)
        set |= NACRE_AUTH_PASSWORD;
    if (o->interactive != 1 && o->batch != 2)
        set |= NACRE_AUTH_INTERACTIVE;
    return set;
}

/* Methods that PreferredAuthentications does not name are not used at all. */
static void opt_auth(const struct ncr_options *o, struct nacre_client_cfg *cfg)
{
    cfg->auth_methods = opt_methods(o);
    if (cfg->auth_methods == 0 || (o->auth_order != NULL && ncr_names_has(o->auth_order, "none")))
        cfg->auth_methods |= NACRE_AUTH_NONE;
    cfg->auth_order = o->auth_order;
    cfg->prompts = o->prompts;
    cfg->pubkey_algs = o->pubkey_algs;
    if (o->identities.n > 0 || o->identities.none) {
        cfg->identities = o->identities.path;
        cfg->n_identities = o->identities.n;
    }
    cfg->certificates = o->certificates.path;
    cfg->n_certificates = o->certificates.n;
    cfg->identities_only = o->identities_only == 2;
    cfg->agent = o->agent;
    cfg->keep = (enum nacre_keep)o->keep;
    cfg->keep_lifetime = (uint32_t)(o->keep_ms / 1000); /* opt_time() sees to the range */
}

/* New keys go to the first file, so that one of the user's stands there, or none at all. */
static void opt_hosts(struct ncr_options *o, struct nacre_client_cfg *cfg)
{
    static const char *const own[] = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
    static const char *const global[] = {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
    struct ncr_opt_files *f = &o->hosts;
    const struct ncr_opt_files *g = &o->global_hosts;
    bool own_given = f->n > 0;

    for (size_t i = 0; i < 2 && !own_given && !f->none; i++) {
        f->path[f->n] = opt_path(o, own[i]);
        f->n += f->path[f->n] != NULL;
    }
    if (f->n == 0)
        f->path[f->n++] = "/dev/null";
    cfg->n_own_hosts = f->n;
    for (size_t i = 0; i < 2 && g->n == 0 && !g->none && f->n < NCR_OPT_FILES; i++)
        f->path[f->n++] = global[i];
    for (uint32_t i = 0; i < g->n && f->n < NCR_OPT_FILES; i++)
        f->path[f->n++] = g->path[i];
    cfg->known_hosts = f->path;
    cfg->n_known_hosts = f->n;
    cfg->hash_known_hosts = o->hash_hosts == 2;
    cfg->revoked_host_keys = o->revoked_hosts.path;
    cfg->n_revoked_host_keys = o->revoked_hosts.n;
    cfg->ca_sig_algs = o->ca_sig_algs;
    /* as ssh: by itself only where the files are the usual ones */
    cfg->update_hosts = o->update_hosts != 0 ? (enum nacre_update)(o->update_hosts - 1)
                        : own_given          ? NACRE_UPDATE_NO
                                             : NACRE_UPDATE_YES;
}

void ncr_opt_client_cfg(struct ncr_options *o, struct nacre_client_cfg *cfg)
{
    cfg->host = o->host_name != NULL ? o->host_name : o->host;
    cfg->host_key_alias = o->host_key_alias;
    cfg->port = o->port;
    cfg->user = o->user;
    cfg->family = (int)o->family;
    cfg->bind_addr = o->bind_addr;
    cfg->connect_ms = o->connect_ms;
    cfg->conn.algs = NACRE_ALGS_ALL;
    if (o->profile != 0)
        cfg->conn.profile = (enum nacre_profile)(o->profile - 1);
    cfg->conn.kex = o->kex;
    cfg->conn.host_key_algs = o->host_key_algs;
    cfg->conn.ciphers = o->ciphers;
    cfg->conn.allow_not_strict = true; /* as ssh; a note is logged */
    cfg->conn.macs = o->macs;
    cfg->conn.comps = o->compress == 2 ? "zlib@openssh.com,none" : NULL;
    cfg->conn.rekey_bytes = o->rekey_bytes;
    cfg->conn.rekey_ms = o->rekey_ms;
    cfg->conn.keepalive_ms = o->alive_ms;
    cfg->conn.keepalive_max = o->alive_max;
    cfg->host_policy = (enum nacre_host_policy)o->policy;
    if (o->batch == 2 && cfg->host_policy == NACRE_HOSTS_ASK)
        cfg->host_policy = NACRE_HOSTS_STRICT;
    opt_auth(o, cfg);
    opt_hosts(o, cfg);
}
