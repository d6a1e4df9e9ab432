/* SPDX-License-Identifier: ISC
 *
 * Host and Match of ssh_config(5). Each criterion of Match is a row: whether it takes an argument,
 * and the function that says whether it holds.
 *
 * Match is decided while the files are read, from what is known by then: values that stand further
 * down do not count, nor do defaults that are not ssh's own.
 */
#include "client/ssh_match.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/names.h"

#define MATCH_ADDRS 256 /* of this machine */
/* What `Match version` is about: ours. */
#define MATCH_VERSION "nacre_" NACRE_VERSION

enum match_verdict { MATCH_NO = 0, MATCH_YES, MATCH_BAD };

struct match_row {
    const char *name;
    bool bare; /* takes no argument */
    enum match_verdict (*holds)(struct ncr_conf *r, const char *arg);
};

/* ---- Host -------------------------------------------------------------------------------- */

bool ncr_conf_host(struct ncr_conf *r, const struct ncr_opt_args *a, bool *matches)
{
    bool found = false;
    bool denied = false;

    for (size_t i = 0; i < a->n; i++) {
        const char *pattern = a->word[i];
        bool deny = pattern[0] == '!';

        if (pattern[0] == '\0')
            return ncr_opt_fail(r->opt, "keyword host empty argument");
        if (!ncr_names_match(nacre_bytes_str(pattern + deny), r->host))
            continue;
        found = true;
        denied |= deny;
    }
    *matches = found && !denied;
    return true;
}

/* ---- Lists of patterns ------------------------------------------------------------------- */

/* Letters differ by case; "" is the list that an absent name is on. */
static bool match_list(const char *list, const char *name)
{
    bool found = *list == '\0' && *name == '\0';

    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        bool deny = list[0] == '!';
        struct nacre_bytes pattern = {(const uint8_t *)list + deny, n - deny};

        if (ncr_names_match(pattern, name)) {
            if (deny)
                return false;
            found = true;
        }
        list += n + (list[n] == ',');
    }
    return found;
}

static enum match_verdict match_if(bool yes)
{
    return yes ? MATCH_YES : MATCH_NO;
}

static enum match_verdict match_error(struct ncr_conf *r, const char *what, const char *arg)
{
    (void)ncr_opt_fail(r->opt, "%s: \"%.200s\"", what, arg);
    return MATCH_BAD;
}

/* ---- Criteria ---------------------------------------------------------------------------- */

static enum match_verdict match_canonical(struct ncr_conf *r, const char *arg)
{
    (void)arg; /* it takes none */
    return match_if(r->final);
}

/* The name to connect to as it is known so far. */
static bool match_host_name(struct ncr_conf *r, char out[NCR_TOKENS_CAP])
{
    static const struct ncr_tokens_how how = {NCR_TOKENS_HOST, false, false};
    struct ncr_tokens t = ncr_opt_tokens(r->opt);
    char why[NCR_TOKENS_ERROR_CAP];

    t.host = r->host;
    if (r->opt->host_name == NULL || r->final) {
        (void)snprintf(out, NCR_TOKENS_CAP, "%s",
                       r->final ? r->opt->host_name : r->host); /* both are host names */
        return true;
    }
    return ncr_tokens_expand(out, r->opt->host_name, &t, &how, why) ||
           ncr_opt_fail(r->opt, "HostName: %s", why);
}

static enum match_verdict match_host(struct ncr_conf *r, const char *arg)
{
    char host[NCR_TOKENS_CAP];

    if (!match_host_name(r, host))
        return MATCH_BAD;
    return match_if(nacre_pattern_list_match(nacre_bytes_str(arg), nacre_bytes_str(host)));
}

static enum match_verdict match_original(struct ncr_conf *r, const char *arg)
{
    return match_if(nacre_pattern_list_match(nacre_bytes_str(arg), nacre_bytes_str(r->opt->host)));
}

static enum match_verdict match_user(struct ncr_conf *r, const char *arg)
{
    return match_if(match_list(arg, ncr_opt_tokens(r->opt).user));
}

static enum match_verdict match_local_user(struct ncr_conf *r, const char *arg)
{
    (void)r;
    return match_if(match_list(arg, ncr_tokens_local_user()));
}

static enum match_verdict match_local_network(struct ncr_conf *r, const char *arg)
{
    char addr[MATCH_ADDRS][NCR_SSH_CONFIG_ADDR];
    size_t n;

    if (!nacre_addr_blocks_valid(nacre_bytes_str(arg)))
        return match_error(r, "not a list of networks", arg);
    n = r->env->addrs(r->env->ctx, addr, MATCH_ADDRS);
    for (size_t i = 0; i < n; i++) {
        if (nacre_addr_list_match(nacre_bytes_str(arg), nacre_bytes_str(addr[i])) == NACRE_ADDR_YES)
            return MATCH_YES;
    }
    return MATCH_NO;
}

static enum match_verdict match_tagged(struct ncr_conf *r, const char *arg)
{
    return match_if(match_list(arg, r->opt->tag != NULL ? r->opt->tag : ""));
}

static enum match_verdict match_version(struct ncr_conf *r, const char *arg)
{
    (void)r;
    return match_if(match_list(arg, MATCH_VERSION));
}

static enum match_verdict match_session(struct ncr_conf *r, const char *arg)
{
    static const char *const types[] = {
        [NCR_SESSION_NONE] = "none", [NCR_SESSION_SUBSYSTEM] = "subsystem"};
    const char *session = r->cfg->session;

    if (r->opt->session != NCR_SESSION_DEFAULT)
        session = types[r->opt->session];
    else if (r->opt->remote_command != NULL && strcmp(session, "shell") == 0)
        session = "exec";
    return match_if(match_list(arg, session));
}

static enum match_verdict match_command(struct ncr_conf *r, const char *arg)
{
    const char *command = r->opt->remote_command;

    if (r->cfg->command != NULL && r->cfg->command[0] != '\0')
        command = r->cfg->command;
    return match_if(match_list(arg, command != NULL ? command : ""));
}

static enum match_verdict match_exec(struct ncr_conf *r, const char *arg)
{
    static const struct ncr_tokens_how how = {NCR_TOKENS_ALL, false, false};
    struct ncr_tokens t = ncr_opt_tokens(r->opt);
    char host[NCR_TOKENS_CAP];
    char command[NCR_TOKENS_CAP];
    char why[NCR_TOKENS_ERROR_CAP];
    int status;

    if (!match_host_name(r, host))
        return MATCH_BAD;
    t.host = host;
    if (t.alias == NULL)
        t.alias = host;
    if (!ncr_tokens_expand(command, arg, &t, &how, why))
        return match_error(r, why, arg);
    status = r->env->run(r->env->ctx, command);
    ncr_conf_log(r, NACRE_LOG_DEBUG, "match exec: '%.200s' ended with status %d", command, status);
    if (status < 0)
        return match_error(r, "command failed or took too long", command);
    return match_if(status == 0);
}

static const struct match_row match_rows[] = {
    {"canonical", true, match_canonical},
    {"final", true, match_canonical},
    {"host", false, match_host},
    {"originalhost", false, match_original},
    {"user", false, match_user},
    {"localuser", false, match_local_user},
    {"localnetwork", false, match_local_network},
    {"tagged", false, match_tagged},
    {"version", false, match_version},
    {"sessiontype", false, match_session},
    {"command", false, match_command},
    {"exec", false, match_exec},
};

/* ---- Match ------------------------------------------------------------------------------- */

/* "name", "!name", "name=argument". */
static const struct match_row *match_find(const char *word, bool *deny, const char **arg)
{
    *deny = word[0] == '!';
    word += *deny;
    for (size_t i = 0; i < sizeof match_rows / sizeof match_rows[0]; i++) {
        const struct match_row *row = &match_rows[i];
        size_t n = strlen(row->name);

        if (strncasecmp(row->name, word, n) != 0 || (word[n] != '\0' && word[n] != '='))
            continue;
        *arg = word[n] == '=' ? word + n + 1 : NULL;
        return row->bare && *arg != NULL ? NULL : row;
    }
    return NULL;
}

/* "all" stands alone, or behind canonical or final; as ssh has it, behind any one criterion. */
static bool match_all(struct ncr_conf *r, const struct ncr_opt_args *a, size_t i, size_t before,
                      bool *matches)
{
    if (before > 1 || i + 1 < a->n)
        return ncr_opt_fail(r->opt, "'%s' cannot be combined with other Match attributes",
                            a->word[i]);
    if (a->word[i][0] == '!')
        *matches = false;
    return true;
}

/* One criterion at a->word[*i]; *i moves to the last word of it. Commands are not run where
 * something before them does not hold. */
static bool match_one(struct ncr_conf *r, const struct ncr_opt_args *a, size_t *i, bool *matches)
{
    const char *word = a->word[*i];
    const char *arg;
    bool deny;
    const struct match_row *row = match_find(word, &deny, &arg);
    enum match_verdict verdict = MATCH_NO;

    if (row == NULL)
        return ncr_opt_fail(r->opt, "unsupported Match attribute %.100s", word);
    if (!row->bare && arg == NULL) {
        if (*i + 1 == a->n)
            return ncr_opt_fail(r->opt, "missing argument for Match '%.100s'", word);
        arg = a->word[++*i];
    }
    if (strcmp(row->name, "final") == 0)
        r->want_final = true;
    if (row->holds != match_exec || *matches)
        verdict = row->holds(r, arg);
    *matches = *matches && (verdict == MATCH_YES) != deny;
    return verdict != MATCH_BAD;
}

bool ncr_conf_match(struct ncr_conf *r, const struct ncr_opt_args *a, bool *matches)
{
    size_t before = 0; /* criteria */

    *matches = true;
    for (size_t i = 0; i < a->n; i++, before++) {
        if (strcasecmp(a->word[i] + (a->word[i][0] == '!'), "all") == 0)
            return match_all(r, a, i, before, matches);
        if (!match_one(r, a, &i, matches))
            return false;
    }
    return true;
}
