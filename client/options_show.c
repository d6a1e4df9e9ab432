/* SPDX-License-Identifier: ISC
 *
 * -G: the options in the form and order of `ssh -G`, for the keywords that we have. git and others
 * ask it to learn whose options the program takes.
 */
#include <stdio.h>
#include <string.h>

#include "client/options_values.h"

enum show_kind {
    SHOW_WORD,     /* the first word of that value */
    SHOW_NUMBER,   /* 0: the fallback, unless it was given */
    SHOW_TIME,     /* seconds */
    SHOW_TEXT,     /* NULL: the fallback; if that is NULL, no line */
    SHOW_EACH,     /* a line for each of the files */
    SHOW_TOGETHER, /* all files on one line */
    SHOW_LIST,     /* the same of struct ncr_opt_list */
    SHOW_FIXED,    /* the fallback */
    SHOW_OWN       /* by a function */
};

struct show_row {
    const char *name;
    enum show_kind kind;
    size_t at;
    const char *fallback;
    const struct ncr_opt_word *words;
    void (*own)(const struct ncr_options *o);
};

/* For values where 0 is "not set": what is the default. */
static const struct ncr_opt_word show_no[] = {{"yes", 2}, {"no", 1}, {"no", 0}, {NULL, 0}};
static const struct ncr_opt_word show_yes[] = {{"no", 1}, {"yes", 2}, {"yes", 0}, {NULL, 0}};
static const struct ncr_opt_word show_true[] = {{"false", 1}, {"true", 2}, {"true", 0}, {NULL, 0}};
static const struct ncr_opt_word show_families[] = {
    {"any", 0}, {"inet", 4}, {"inet6", 6}, {NULL, 0}};
static const struct ncr_opt_word show_canonicals[] = {{"false", NCR_CANONICAL_UNSET},
                                                      {"false", NCR_CANONICAL_NO},
                                                      {"true", NCR_CANONICAL_YES},
                                                      {"always", NCR_CANONICAL_ALWAYS},
                                                      {NULL, 0}};
static const struct ncr_opt_word show_ttys[] = {{"auto", NCR_TTY_AUTO},
                                                {"false", NCR_TTY_NO},
                                                {"true", NCR_TTY_YES},
                                                {"force", NCR_TTY_FORCE},
                                                {NULL, 0}};
static const struct ncr_opt_word show_sessions[] = {{"default", NCR_SESSION_DEFAULT},
                                                    {"none", NCR_SESSION_NONE},
                                                    {"subsystem", NCR_SESSION_SUBSYSTEM},
                                                    {NULL, 0}};
static const struct ncr_opt_word show_policies[] = {{"ask", NACRE_HOSTS_ASK},
                                                    {"accept-new", NACRE_HOSTS_ACCEPT_NEW},
                                                    {"true", NACRE_HOSTS_STRICT},
                                                    {"false", NACRE_HOSTS_OFF},
                                                    {NULL, 0}};
static const struct ncr_opt_word show_logs[] = {{"QUIET", NCR_LOG_QUIET},
                                                {"FATAL", NCR_LOG_FATAL},
                                                {"ERROR", NCR_LOG_ERROR},
                                                {"INFO", NCR_LOG_INFO},
                                                {"VERBOSE", NCR_LOG_VERBOSE},
                                                {"DEBUG", NCR_LOG_DEBUG1},
                                                {NULL, 0}};

/* ---- Keywords of their own form ---------------------------------------------------------- */

static void show_updates(const struct ncr_options *o)
{
    static const char *const words[] = {
        [NACRE_UPDATE_NO] = "false", [NACRE_UPDATE_YES] = "true", [NACRE_UPDATE_ASK] = "ask"};
    bool usual = o->hosts.n == 0 && !o->hosts.none;

    printf("updatehostkeys %s\n", words[o->update_hosts != 0 ? o->update_hosts - 1
                                        : usual              ? NACRE_UPDATE_YES
                                                             : NACRE_UPDATE_NO]);
}

/* An address as a rule shows it: in brackets unless it is a path. */
static void show_forwards_of(const struct ncr_options *o, bool remote)
{
    for (uint32_t i = 0; i < o->n_forwards; i++) {
        const struct ncr_forward_rule *f = &o->forwards[i];

        if (f->remote != remote)
            continue;
        printf("%sforward ", remote ? "remote" : "local");
        if (f->bind_addr != NULL)
            printf("[%s]:", f->bind_addr[0] != '\0' ? f->bind_addr : "*");
        printf("%u [%s]:%u\n", (unsigned)f->bind_port, f->host, (unsigned)f->port);
    }
}

static void show_forwards(const struct ncr_options *o)
{
    show_forwards_of(o, false);
    show_forwards_of(o, true);
}

static void show_env(const struct ncr_options *o)
{
    for (uint32_t i = 0; i < o->n_send_env; i++)
        printf("sendenv %s\n", o->send_env[i]);
    for (uint32_t i = 0; i < o->n_set_env; i++)
        printf("setenv %s\n", o->set_env[i]);
}

static void show_identities(const struct ncr_options *o)
{
    static const char *const usual[] = {"id_rsa",     "id_ecdsa",      "id_ecdsa_sk",
                                        "id_ed25519", "id_ed25519_sk", "id_mldsa44_ed25519"};

    for (uint32_t i = 0; i < o->identities.n; i++)
        printf("identityfile %s\n", o->identities.path[i]);
    if (o->identities.n > 0)
        return;
    if (o->identities.none)
        printf("identityfile none\n");
    for (size_t i = 0; i < sizeof usual / sizeof usual[0] && !o->identities.none; i++)
        printf("identityfile ~/.ssh/%s\n", usual[i]);
}

static void show_keep(const struct ncr_options *o)
{
    static const char *const keeps[] = {[NACRE_KEEP_NO] = "false",
                                        [NACRE_KEEP_YES] = "true",
                                        [NACRE_KEEP_ASK] = "ask",
                                        [NACRE_KEEP_CONFIRM] = "confirm"};

    if (o->keep_ms != 0)
        printf("addkeystoagent %s%llu\n", o->keep == NACRE_KEEP_CONFIRM ? "confirm " : "",
               (unsigned long long)(o->keep_ms / 1000));
    else
        printf("addkeystoagent %s\n", keeps[o->keep]);
}

static void show_forward_agent(const struct ncr_options *o)
{
    printf("forwardagent %s\n", o->forward_which != NULL ? o->forward_which
                                : o->forward_agent       ? "yes"
                                                         : "no");
}

static void show_escape(const struct ncr_options *o)
{
    if (o->escape < 0)
        printf("escapechar none\n");
    else if (o->escape < ' ')
        printf("escapechar \\^%c\n", o->escape + '@');
    else
        printf("escapechar %c\n", o->escape);
}

static void show_rekey(const struct ncr_options *o)
{
    printf("rekeylimit %llu %llu\n", (unsigned long long)o->rekey_bytes,
           (unsigned long long)(o->rekey_ms / 1000));
}

static void show_connect(const struct ncr_options *o)
{
    if (o->connect_ms == 0)
        printf("connecttimeout none\n");
    else
        printf("connecttimeout %llu\n", (unsigned long long)(o->connect_ms / 1000));
}

/* A port only where it was given. */
static void show_proxy(const struct ncr_options *o)
{
    const struct ncr_opt_jump *j = &o->jump;
    bool addr;

    if (o->proxy_command != NULL)
        printf("proxycommand %s\n", o->proxy_command);
    if (j->host == NULL)
        return;
    addr = strchr(j->host, ':') != NULL || j->host[strspn(j->host, "0123456789.")] == '\0';
    printf("proxyjump %s%s%s%s%s%s%s", j->before != NULL ? j->before : "",
           j->before != NULL ? "," : "", j->user != NULL ? j->user : "", j->user != NULL ? "@" : "",
           addr ? "[" : "", j->host, addr ? "]" : "");
    if (j->port != 0)
        printf(":%u", (unsigned)j->port);
    printf("\n");
}

/* ---- The table --------------------------------------------------------------------------- */

/* clang-format off */
#define SHOW_AT(field) offsetof(struct ncr_options, field)
#define SHOW_ROW_WORD(name, field, words) {name, SHOW_WORD, SHOW_AT(field), NULL, words, NULL}
#define SHOW_ROW(name, kind, field, fallback) {name, kind, SHOW_AT(field), fallback, NULL, NULL}
#define SHOW_ROW_FIXED(name, text) {name, SHOW_FIXED, 0, text, NULL, NULL}
#define SHOW_ROW_OWN(own) {NULL, SHOW_OWN, 0, NULL, NULL, own}

static const struct show_row show_rows[] = {
    SHOW_ROW_WORD("addressfamily", family, show_families),
    SHOW_ROW_WORD("batchmode", batch, show_no),
    SHOW_ROW_WORD("canonicalizefallbacklocal", canonical_fallback, show_yes),
    SHOW_ROW_WORD("canonicalizehostname", canonical, show_canonicals),
    SHOW_ROW_FIXED("checkhostip", "no"),
    SHOW_ROW_WORD("compression", compress, show_no),
    SHOW_ROW_FIXED("controlmaster", "false"),
    SHOW_ROW_WORD("clearallforwardings", clear_forwards, show_no),
    SHOW_ROW_WORD("exitonforwardfailure", exit_on_forward_failure, show_no),
    SHOW_ROW_FIXED("fingerprinthash", "SHA256"),
    SHOW_ROW_FIXED("forwardx11", "no"),
    SHOW_ROW_WORD("gatewayports", gateway, show_no),
    SHOW_ROW_WORD("hashknownhosts", hash_hosts, show_no),
    SHOW_ROW_FIXED("hostbasedauthentication", "no"),
    SHOW_ROW_WORD("identitiesonly", identities_only, show_no),
    SHOW_ROW_WORD("kbdinteractiveauthentication", interactive, show_yes),
    SHOW_ROW_FIXED("nohostauthenticationforlocalhost", "no"),
    SHOW_ROW_WORD("passwordauthentication", password, show_yes),
    SHOW_ROW_FIXED("permitlocalcommand", "no"),
    SHOW_ROW_FIXED("proxyusefdpass", "no"),
    SHOW_ROW_WORD("pubkeyauthentication", pubkey, show_true),
    SHOW_ROW_WORD("requesttty", tty, show_ttys),
    SHOW_ROW_WORD("sessiontype", session, show_sessions),
    SHOW_ROW_WORD("stdinnull", stdin_null, show_no),
    SHOW_ROW_FIXED("forkafterauthentication", "no"),
    SHOW_ROW_WORD("stricthostkeychecking", policy, show_policies),
    SHOW_ROW_FIXED("tunnel", "false"),
    SHOW_ROW_FIXED("verifyhostkeydns", "false"),
    SHOW_ROW_OWN(show_updates),
    SHOW_ROW("canonicalizemaxdots", SHOW_NUMBER, canonical_dots, "0"),
    SHOW_ROW("numberofpasswordprompts", SHOW_NUMBER, prompts, "3"),
    SHOW_ROW("serveralivecountmax", SHOW_NUMBER, alive_max, "3"),
    SHOW_ROW("serveraliveinterval", SHOW_TIME, alive_ms, NULL),
    SHOW_ROW("bindaddress", SHOW_TEXT, bind_addr, NULL),
    SHOW_ROW("ciphers", SHOW_TEXT, ciphers, NULL),
    SHOW_ROW("hostkeyalgorithms", SHOW_TEXT, host_key_algs, NULL),
    SHOW_ROW("hostkeyalias", SHOW_TEXT, host_key_alias, NULL),
    SHOW_ROW("identityagent", SHOW_TEXT, agent, NULL),
    SHOW_ROW("ignoreunknown", SHOW_TEXT, ignore_unknown, NULL),
    SHOW_ROW("kexalgorithms", SHOW_TEXT, kex, NULL),
    SHOW_ROW("casignaturealgorithms", SHOW_TEXT, ca_sig_algs, NULL),
    SHOW_ROW_WORD("loglevel", log, show_logs),
    SHOW_ROW("macs", SHOW_TEXT, macs, NULL),
    SHOW_ROW("preferredauthentications", SHOW_TEXT, auth_order, NULL),
    SHOW_ROW("pubkeyacceptedalgorithms", SHOW_TEXT, pubkey_algs, NULL),
    SHOW_ROW("remotecommand", SHOW_TEXT, remote_command, NULL),
    SHOW_ROW("tag", SHOW_TEXT, tag, NULL),
    SHOW_ROW_OWN(show_forwards),
    SHOW_ROW_OWN(show_identities),
    SHOW_ROW("canonicaldomains", SHOW_LIST, canonical_domains, NULL),
    SHOW_ROW("certificatefile", SHOW_EACH, certificates, NULL),
    SHOW_ROW("globalknownhostsfile", SHOW_TOGETHER, global_hosts,
             "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"),
    SHOW_ROW("userknownhostsfile", SHOW_TOGETHER, hosts, "~/.ssh/known_hosts"),
    SHOW_ROW("revokedhostkeys", SHOW_TOGETHER, revoked_hosts, "none"),
    SHOW_ROW_OWN(show_env),
    SHOW_ROW_OWN(show_keep),
    SHOW_ROW_OWN(show_forward_agent),
    SHOW_ROW_OWN(show_connect),
    SHOW_ROW("canonicalizepermittedcnames", SHOW_LIST, permitted_cnames, NULL),
    SHOW_ROW_OWN(show_escape),
    SHOW_ROW_OWN(show_rekey),
    SHOW_ROW_OWN(show_proxy),
};
/* clang-format on */

/* ---- Rows -------------------------------------------------------------------------------- */

static void show_word(const struct show_row *row, uint32_t value)
{
    const struct ncr_opt_word *w = row->words;

    while (w->name != NULL && w->value != value)
        w++;
    printf("%s %s\n", row->name, w->name != NULL ? w->name : "");
}

/* The usual files of the user's own are in the home directory. */
static void show_usual(const char *fallback)
{
    const char *home = ncr_tokens_home();

    if (fallback[0] == '~')
        printf(" %s%s %s%s2", home, fallback + 1, home, fallback + 1);
    else
        printf(" %s", fallback);
}

static void show_files(const struct show_row *row, const struct ncr_opt_files *f)
{
    if (row->kind == SHOW_EACH) {
        for (uint32_t i = 0; i < f->n; i++)
            printf("%s %s\n", row->name, f->path[i]);
        if (f->n == 0 && f->none)
            printf("%s none\n", row->name);
        return;
    }
    printf("%s", row->name);
    for (uint32_t i = 0; i < f->n; i++)
        printf(" %s", f->path[i]);
    if (f->n == 0 && f->none)
        printf(" none");
    else if (f->n == 0)
        show_usual(row->fallback);
    printf("\n");
}

static void show_list(const struct show_row *row, const struct ncr_opt_list *l)
{
    printf("%s", row->name);
    for (uint32_t i = 0; i < l->n; i++)
        printf(" %s", l->text[i]);
    printf("%s\n", l->n == 0 ? " none" : "");
}

static void show_one(const struct show_row *row, const struct ncr_options *o)
{
    const void *at = (const char *)o + row->at;
    const char *text = row->kind == SHOW_TEXT ? *(const char *const *)at : NULL;
    uint32_t n = row->kind == SHOW_NUMBER ? *(const uint32_t *)at : 0;

    switch (row->kind) {
    case SHOW_WORD:
        show_word(row, *(const uint32_t *)at);
        return;
    case SHOW_TIME:
        printf("%s %llu\n", row->name, (unsigned long long)(*(const uint64_t *)at / 1000));
        return;
    case SHOW_EACH:
    case SHOW_TOGETHER:
        show_files(row, at);
        return;
    case SHOW_LIST:
        show_list(row, at);
        return;
    case SHOW_OWN:
        row->own(o);
        return;
    default:
        if (n != 0 || (row->kind == SHOW_NUMBER && ncr_opt_has(o, row->name)))
            printf("%s %u\n", row->name, (unsigned)n);
        else if (text != NULL || row->fallback != NULL)
            printf("%s %s\n", row->name, text != NULL ? text : row->fallback);
    }
}

bool ncr_opt_show(const struct ncr_options *o)
{
    const struct ncr_tokens t = ncr_opt_tokens(o);

    printf("host %s\nuser %s\nhostname %s\nport %u\n", o->host, t.user, t.host, (unsigned)t.port);
    for (size_t i = 0; i < sizeof show_rows / sizeof show_rows[0]; i++)
        show_one(&show_rows[i], o);
    return fflush(stdout) == 0;
}
