/* SPDX-License-Identifier: ISC
 *
 * The reader of ssh_config(5): see ssh_config.h. Included files are a stack, not a recursion. Lines
 * of blocks that do not apply are read as all others, into options that are thrown away: a mistake
 * is a mistake for every host, but a feature that we do not have matters only where it is used.
 */
#include "client/ssh_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/ssh_match.h"

#define CONF_LOG_CAP 1024
#define CONF_USER_FILE "~/.ssh/config"
#define CONF_SYSTEM_FILE "/etc/ssh/ssh_config"
#define CONF_SYSTEM_DIR "/etc/ssh"
#define CONF_USER_DIR "~/.ssh"

/* ---- Messages ---------------------------------------------------------------------------- */

void ncr_conf_log(struct ncr_conf *r, enum nacre_log_level level, const char *format, ...)
{
    char text[CONF_LOG_CAP];
    char *out = text;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* a longer one is cut */
    va_end(args);
    for (const char *p = text; *p != '\0'; p++)
        *out++ = (char)((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
    *out = '\0';
    if (r->cfg->log != NULL)
        r->cfg->log(r->cfg->ctx, level, text);
}

/* The file being read, or, between files, the one that is next. */
static const char *conf_name(const struct ncr_conf_level *l)
{
    return l->paths.path[l->next - (l->open && l->next > 0)];
}

/* Something is wrong with the line; the next ones are looked at all the same. */
static void conf_bad(struct ncr_conf *r, const char *what)
{
    struct ncr_conf_level *l = &r->level[r->depth - 1];

    ncr_conf_log(r, NACRE_LOG_ERROR, "%s line %u: %s", conf_name(l), l->line, what);
    l->bad++;
}

/* ---- Include ----------------------------------------------------------------------------- */

static void conf_paths_free(struct ncr_ssh_config_paths *paths)
{
    for (size_t i = 0; i < paths->n; i++)
        free(paths->path[i]);
    paths->n = 0;
}

/* Absolute names, "~" and names relative to the directory of the configuration, as a pattern. */
static bool conf_include_pattern(struct ncr_conf *r, const struct ncr_conf_level *l,
                                 const char *word, char out[NCR_TOKENS_CAP])
{
    const struct ncr_tokens_how how = {NCR_TOKENS_ALL, true, l->user};
    const struct ncr_tokens t = ncr_opt_tokens(r->opt);
    char why[NCR_TOKENS_ERROR_CAP];
    char path[NCR_TOKENS_CAP];
    int n;

    if (word[0] == '~' && !l->user)
        return ncr_opt_fail(r->opt, "bad include path %.200s.", word);
    n = snprintf(path, sizeof path, "%s%s%s",
                 word[0] == '/' || word[0] == '~' ? ""
                 : l->user                        ? CONF_USER_DIR
                                                  : CONF_SYSTEM_DIR,
                 word[0] == '/' || word[0] == '~' ? "" : "/", word);
    if (n < 0 || (size_t)n >= sizeof path)
        return ncr_opt_fail(r->opt, "include path is too long");
    return ncr_tokens_expand(out, path, &t, &how, why) || ncr_opt_fail(r->opt, "Include: %s", why);
}

static bool conf_include_add(struct ncr_conf *r, struct ncr_conf_level *inner, const char *word)
{
    char pattern[NCR_TOKENS_CAP];
    size_t before = inner->paths.n;

    if (word[0] == '\0')
        return ncr_opt_fail(r->opt, "keyword include empty argument");
    if (!conf_include_pattern(r, &r->level[r->depth - 1], word, pattern))
        return false;
    if (!r->env->glob(r->env->ctx, &inner->paths, pattern))
        return ncr_opt_fail(r->opt, "glob failed for %.200s.", pattern);
    if (inner->paths.n == before)
        ncr_conf_log(r, NACRE_LOG_DEBUG, "include %.200s matched no files", pattern);
    r->n_files += inner->paths.n - before;
    return r->n_files <= NCR_SSH_CONFIG_FILES ||
           ncr_opt_fail(r->opt, "more than %d files are included", NCR_SSH_CONFIG_FILES);
}

/* The files are read before the next line is. */
static bool conf_include(struct ncr_conf *r, const struct ncr_opt_args *a)
{
    struct ncr_conf_level *l = &r->level[r->depth - 1];
    struct ncr_conf_level *inner = &r->level[r->depth];

    if (r->depth > NCR_SSH_CONFIG_DEPTH)
        return ncr_opt_fail(r->opt, "Too many recursive configuration includes");
    memset(inner, 0, sizeof *inner);
    inner->user = l->user;
    inner->checked = true;
    inner->never = !l->active;
    for (size_t i = 0; i < a->n; i++) {
        if (!conf_include_add(r, inner, a->word[i])) {
            conf_paths_free(&inner->paths);
            return false;
        }
    }
    r->depth++;
    return true;
}

/* ---- Lines ------------------------------------------------------------------------------- */

/* Whether what follows a Host or Match line applies. */
static bool conf_block(struct ncr_conf *r, const char *keyword, const struct ncr_opt_args *a)
{
    struct ncr_conf_level *l = &r->level[r->depth - 1];
    bool host = strcmp(keyword, "host") == 0;
    bool matches = false;
    bool good = true;

    if (l->never)
        return true;
    good = host ? ncr_conf_host(r, a, &matches) : ncr_conf_match(r, a, &matches);
    l->active = good && matches;
    if (l->active)
        ncr_conf_log(r, NACRE_LOG_DEBUG, "%s line %u: Applying options for %s", conf_name(l),
                     l->line, host ? r->host : a->rest);
    if (good || host)
        return good;
    conf_bad(r, r->opt->error);
    l->bad--; /* it is one mistake */
    return ncr_opt_fail(r->opt, "Bad Match condition");
}

/* A keyword that no OpenSSH knows. */
static bool conf_unknown(struct ncr_conf *r, const char *keyword)
{
    struct ncr_conf_level *l = &r->level[r->depth - 1];
    const char *ignored = r->opt->ignore_unknown;

    if (ignored != NULL &&
        nacre_pattern_list_match(nacre_bytes_str(ignored), nacre_bytes_str(keyword))) {
        ncr_conf_log(r, NACRE_LOG_DEBUG, "%s line %u: Ignored unknown option \"%s\"", conf_name(l),
                     l->line, keyword);
        return true;
    }
    ncr_conf_log(r, NACRE_LOG_ERROR, "%s: line %u: Bad configuration option: %s", conf_name(l),
                 l->line, keyword);
    l->bad++;
    return true;
}

/* A keyword of the table: to the options if it counts. */
static bool conf_option(struct ncr_conf *r, const char *keyword, const struct ncr_opt_args *a)
{
    struct ncr_conf_level *l = &r->level[r->depth - 1];
    bool counts = l->active && !ncr_opt_has(r->opt, keyword);
    struct ncr_options *o = counts ? r->opt : &r->scratch;
    enum ncr_opt_result result = ncr_opt_apply(o, keyword, a);

    if (result == NCR_OPT_UNKNOWN)
        return conf_unknown(r, keyword);
    if (result == NCR_OPT_VAIN && counts)
        ncr_conf_log(r, NACRE_LOG_DEBUG, "%s line %u: %s %.200s has no effect here", conf_name(l),
                     l->line, keyword, a->rest);
    if (result == NCR_OPT_BAD || (result == NCR_OPT_UNSUPPORTED && counts))
        conf_bad(r, o->error);
    if (!counts) {
        ncr_opt_free(&r->scratch);
        ncr_opt_init(&r->scratch, r->opt->program);
    }
    if (r->opt->refuse == NULL)
        return true;
    ncr_conf_log(r, NACRE_LOG_ERROR, "%s line %u: RefuseConnection: %s", conf_name(l), l->line,
                 r->opt->refuse);
    return false;
}

/* False ends the reading, told. */
static bool conf_line(struct ncr_conf *r, const char *p, size_t n)
{
    struct ncr_config_line *line = &r->line;
    const char *keyword;
    const char *what;
    struct ncr_opt_args a;
    bool good = ncr_config_lex(line, p, n, &what);

    for (char *k = line->keyword; k != NULL && *k != '\0'; k++)
        *k = (char)tolower((unsigned char)*k);
    a = (struct ncr_opt_args){line->word, line->n, line->rest};
    keyword = line->keyword;
    if (good && keyword == NULL)
        return true;
    if (!good) {
        conf_bad(r, what);
        return true;
    }
    if (a.n == 0) {
        (void)ncr_opt_fail(r->opt, "no argument after keyword \"%.100s\"", keyword);
        conf_bad(r, r->opt->error);
        return true;
    }
    if (strcmp(keyword, "host") == 0 || strcmp(keyword, "match") == 0)
        good = conf_block(r, keyword, &a);
    else if (strcmp(keyword, "include") == 0)
        good = conf_include(r, &a);
    else
        return conf_option(r, keyword, &a);
    if (!good)
        conf_bad(r, r->opt->error);
    return true;
}

/* ---- Files ------------------------------------------------------------------------------- */

static bool conf_trusted(const struct ncr_file *f)
{
    return (f->st.st_uid == 0 || f->st.st_uid == getuid()) && (f->st.st_mode & 022) == 0;
}

/* Usual files need not be there, nor be readable for everybody. */
static bool conf_may_lack(const struct ncr_conf_level *l, nacre_err err)
{
    return !l->given && err == NACRE_ERR_IO &&
           (errno == ENOENT || errno == ENOTDIR || (errno == EACCES && !l->checked));
}

/* A directory that an Include matches, or /dev/null: nothing is read from it, and it is judged by
 * owner and mode as a file is. A pipe might have lines for us, and remains an error. */
static bool conf_has_no_lines(struct ncr_conf_level *l, const char *path, nacre_err err)
{
    struct stat st;

    if (l->given || err != NACRE_ERR_FILE_FORMAT || stat(path, &st) != 0 ||
        !(S_ISDIR(st.st_mode) || S_ISCHR(st.st_mode)))
        return false;
    memset(&l->file, 0, sizeof l->file);
    l->file.st = st;
    return true;
}

/* Opens the next file of the level. False: told. */
static bool conf_open(struct ncr_conf *r, struct ncr_conf_level *l, size_t outer)
{
    const char *path = l->paths.path[l->next];
    nacre_err err = r->env->read(r->env->ctx, &l->file, path, l->given);

    l->next++;
    if (conf_has_no_lines(l, path, err))
        err = NACRE_OK;
    if (err != NACRE_OK && conf_may_lack(l, err))
        return true;
    if (err != NACRE_OK) {
        ncr_conf_log(r, NACRE_LOG_ERROR, "Can't open user config file %.500s: %s", path,
                     ncr_file_error(err));
        return false;
    }
    l->open = true;
    l->active = outer == 0 || (!l->never && r->level[outer - 1].active);
    l->at = 0;
    l->line = l->bad = 0;
    ncr_conf_log(r, NACRE_LOG_DEBUG, "Reading configuration data %s", path);
    if (l->checked && !conf_trusted(&l->file)) {
        ncr_conf_log(r, NACRE_LOG_ERROR, "Bad owner or permissions on %s", path);
        return false;
    }
    return true;
}

static bool conf_close(struct ncr_conf *r, struct ncr_conf_level *l)
{
    if (l->bad > 0)
        ncr_conf_log(r, NACRE_LOG_ERROR, "%s: terminating, %u bad configuration options",
                     conf_name(l), l->bad);
    ncr_file_wipe(&l->file);
    l->open = false;
    return l->bad == 0;
}

/* One step: a line, the next file of an Include, or its end. */
static bool conf_step(struct ncr_conf *r)
{
    struct ncr_conf_level *l = &r->level[r->depth - 1];
    const char *p;
    const char *end;
    size_t n;

    if (!l->open && l->next < l->paths.n)
        return conf_open(r, l, r->depth - 1);
    if (!l->open) {
        conf_paths_free(&l->paths);
        r->depth--;
        return true;
    }
    if (l->at == l->file.n)
        return conf_close(r, l);
    p = (const char *)l->file.p + l->at;
    end = memchr(p, '\n', l->file.n - l->at);
    n = end != NULL ? (size_t)(end - p) : l->file.n - l->at;
    l->at += n + (end != NULL);
    l->line++;
    return conf_line(r, p, n);
}

/* Reads a file and what it includes. */
static bool conf_read(struct ncr_conf *r, const char *path, bool user, bool given)
{
    struct ncr_conf_level *l = &r->level[0];
    bool good = true;

    memset(l, 0, sizeof *l);
    l->user = user;
    l->given = given;
    l->checked = user && !given;
    l->paths.path[0] = strdup(path);
    if (l->paths.path[0] == NULL) {
        ncr_conf_log(r, NACRE_LOG_ERROR, "out of memory");
        return false;
    }
    l->paths.n = 1;
    r->depth = 1;
    while (good && r->depth > 0)
        good = conf_step(r);
    for (; r->depth > 0; r->depth--) {
        l = &r->level[r->depth - 1];
        if (l->open)
            ncr_file_wipe(&l->file);
        conf_paths_free(&l->paths);
    }
    return good;
}

static bool conf_fail(struct ncr_conf *r)
{
    ncr_conf_log(r, NACRE_LOG_ERROR, "%s", r->opt->error);
    return false;
}

/* All files, the user's first. */
static bool conf_pass(struct ncr_conf *r)
{
    static const struct ncr_tokens_how how = {"", false, true};
    const struct ncr_tokens t = ncr_opt_tokens(r->opt);
    const char *file = r->cfg->file;
    char path[NCR_TOKENS_CAP];
    char why[NCR_TOKENS_ERROR_CAP];

    r->n_files = 0;
    if (file != NULL)
        return strcasecmp(file, "none") == 0 || conf_read(r, file, true, true);
    if (ncr_tokens_home()[0] != '\0' && ncr_tokens_expand(path, CONF_USER_FILE, &t, &how, why) &&
        !conf_read(r, path, true, false))
        return false;
    return conf_read(r, CONF_SYSTEM_FILE, false, false);
}

static bool conf_load(struct ncr_conf *r)
{
    struct ncr_options *o = r->opt;

    if (o->refuse != NULL) {
        ncr_conf_log(r, NACRE_LOG_ERROR, "command-line line 0: RefuseConnection: %s", o->refuse);
        return false;
    }
    if (!conf_pass(r))
        return false;
    if (!ncr_opt_settle_host(o) || !ncr_conf_canonical(r))
        return conf_fail(r);
    if (o->canonical < NCR_CANONICAL_YES && !r->want_final)
        return true;
    ncr_conf_log(r, NACRE_LOG_DEBUG, "re-parsing configuration");
    r->final = true;
    r->host = o->host_name;
    ncr_opt_close(o, "HostName");
    return conf_pass(r);
}

bool ncr_ssh_config_load(const struct ncr_ssh_config *cfg)
{
    struct ncr_conf *r = calloc(1, sizeof *r);
    bool good;

    if (r == NULL) {
        if (cfg->log != NULL)
            cfg->log(cfg->ctx, NACRE_LOG_ERROR, "out of memory");
        return false;
    }
    r->cfg = cfg;
    r->env = cfg->env != NULL ? cfg->env : &ncr_ssh_config_system;
    r->opt = cfg->opt;
    r->host = cfg->opt->host;
    ncr_opt_init(&r->scratch, cfg->opt->program);
    good = conf_load(r);
    ncr_opt_free(&r->scratch);
    free(r);
    return good;
}
