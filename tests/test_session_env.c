/* SPDX-License-Identifier: ISC
 *
 * The environment of a session: ~/.ssh/environment and variables of keys, by PermitUserEnvironment
 * and never those of the list that wins (S61); which of two values counts.
 */
#include "server/session_posix.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char dir[64], file[96];
    struct ncr_sshd_config cfg;
    struct ncr_monitor m;
    struct ncr_session s;
    struct ncr_session_chan c;
    struct ncr_account account;
    struct ncr_rights rights;
    struct ncr_factor factor;
    struct ncr_factor *factors[1];
    char **env;
};

static struct place place_state;

static void place_set(struct place *p, const char *line)
{
    char error[NCR_SSHD_ERROR_LEN];
    cr_assert(ncr_sshd_config_line(&p->cfg, line, strlen(line), "test", error), "%s", error);
}

static struct place *place_make(const char *permit, const char *file)
{
    struct place *p = &place_state;
    char ssh[96], line[128];
    memset(p, 0, sizeof *p);
    strcpy(p->dir, "/tmp/nacre-env-XXXXXX");
    cr_assert_not_null(mkdtemp(p->dir));
    snprintf(ssh, sizeof ssh, "%s/.ssh", p->dir);
    cr_assert_eq(mkdir(ssh, 0700), 0);
    snprintf(p->file, sizeof p->file, "%s/.ssh/environment", p->dir);
    if (file != NULL) {
        FILE *f = fopen(p->file, "w");
        cr_assert_not_null(f);
        cr_assert_geq(fputs(file, f), 0);
        fclose(f);
    }
    ncr_sshd_config_init(&p->cfg);
    snprintf(line, sizeof line, "PermitUserEnvironment %s", permit);
    place_set(p, line);
    p->account.found = true;
    p->account.uid = 1000;
    strcpy(p->account.name, "joe");
    strcpy(p->account.home, p->dir);
    strcpy(p->account.shell, "/bin/sh");
    p->m.cfg = &p->cfg;
    p->rights.cfg = &p->cfg;
    p->factors[0] = &p->factor;
    p->rights.factors[0] = &p->factor;
    p->rights.n = 1;
    p->s.m = &p->m;
    p->s.account = &p->account;
    p->s.rights = &p->rights;
    return p;
}

static void place_key(struct place *p, const char *pair)
{
    struct nacre_authkey *k = &p->factor.key;
    k->environment[k->n_environment++] = nacre_bytes_str(pair);
}

/* The value of a variable, NULL if there is none. */
static const char *place_get(struct place *p, const char *name)
{
    size_t n = strlen(name);
    const char *found = NULL;
    unsigned times = 0;
    if (p->env == NULL) {
        p->env = ncr_session_env(&p->s, &p->c, (struct nacre_bytes){NULL, 0});
        cr_assert_not_null(p->env);
    }
    for (char **e = p->env; *e != NULL; e++) {
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=') {
            found = *e + n + 1;
            times++;
        }
    }
    cr_assert_leq(times, 1u, "%s stands there once", name);
    return found;
}

static void place_end(struct place *p)
{
    char cmd[96];
    free(p->env);
    ncr_sshd_config_free(&p->cfg);
    snprintf(cmd, sizeof cmd, "rm -rf %s", p->dir);
    cr_assert_eq(system(cmd), 0);
}

static const char place_file[] = "# a comment\n"
                                 "\n"
                                 "   EDITOR=vi \n"
                                 "LANG=C.UTF-8\n"
                                 "no pair\n"
                                 "=empty\n"
                                 "A-B=x\n"
                                 "LD_PRELOAD=/evil.so\n"
                                 "PATH=/evil\n"
                                 "HOME=/evil\n"
                                 "SSH_AUTH_SOCK=/evil\n"
                                 "BASH_ENV=/evil\n"
                                 "LAST=a=b";

Test(session_env, s61_the_users_file)
{
    struct place *p = place_make("yes", place_file);
    cr_assert_str_eq(place_get(p, "EDITOR"), "vi ");
    cr_assert_str_eq(place_get(p, "LANG"), "C.UTF-8");
    cr_assert_str_eq(place_get(p, "LAST"), "a=b", "the last line without its end");
    cr_assert_str_eq(place_get(p, "HOME"), p->dir);
    cr_assert_null(strstr(place_get(p, "PATH"), "evil"));
    cr_assert_null(place_get(p, "LD_PRELOAD"));
    cr_assert_null(place_get(p, "BASH_ENV"));
    cr_assert_null(place_get(p, "SSH_AUTH_SOCK"));
    cr_assert_null(place_get(p, "A-B"));
    cr_assert_null(place_get(p, ""));
    place_end(p);
}

Test(session_env, s61_not_unless_it_is_permitted)
{
    struct place *p = place_make("no", place_file);
    place_key(p, "MINE=1");
    cr_assert_null(place_get(p, "EDITOR"));
    cr_assert_null(place_get(p, "MINE"));
    place_end(p);
    p = place_make("LANG,LC_*", place_file);
    place_key(p, "LC_ALL=C");
    place_key(p, "MINE=1");
    cr_assert_str_eq(place_get(p, "LANG"), "C.UTF-8");
    cr_assert_str_eq(place_get(p, "LC_ALL"), "C");
    cr_assert_null(place_get(p, "EDITOR"));
    cr_assert_null(place_get(p, "MINE"));
    place_end(p);
}

/* SetEnv before the key, the key before the file, the file before the client. */
Test(session_env, which_value_counts)
{
    struct place *p = place_make("yes", "A=file\nB=file\nC=file\n");
    char d[] = "D=client", c[] = "C=client";
    place_set(p, "SetEnv A=set");
    place_key(p, "A=key");
    place_key(p, "B=key");
    p->c.env[0] = d;
    p->c.env[1] = c;
    p->c.n_env = 2;
    cr_assert_str_eq(place_get(p, "A"), "set");
    cr_assert_str_eq(place_get(p, "B"), "key");
    cr_assert_str_eq(place_get(p, "C"), "file");
    cr_assert_str_eq(place_get(p, "D"), "client");
    place_end(p);
}

/* A file that is too large, or no file: left out whole; a session starts all the same. */
Test(session_env, s61_amounts)
{
    static char text[64 * 1024];
    size_t n = 0;
    while (n < 40 * 1024) {
        n += (size_t)snprintf(text + n, sizeof text - n, "V%zu=%0100d\n", n, 0);
    }
    struct place *p = place_make("yes", text);
    cr_assert_null(place_get(p, "V0"));
    cr_assert_str_eq(place_get(p, "USER"), "joe");
    place_end(p);
    p = place_make("yes", NULL);
    cr_assert_eq(mkfifo(p->file, 0600), 0);
    cr_assert_str_eq(place_get(p, "USER"), "joe");
    place_end(p);
    text[30 * 1024] = '\0';
    p = place_make("yes", text);
    for (size_t i = 0; i < NACRE_AUTHKEY_LIST_MAX; i++) {
        static char pair[NACRE_AUTHKEY_LIST_MAX][128];
        snprintf(pair[i], sizeof pair[i], "K%zu=%0100d", i, 0);
        place_key(p, pair[i]);
    }
    cr_assert_not_null(place_get(p, "K63"), "the key's come first");
    cr_assert_not_null(place_get(p, "V0"));
    place_end(p);
}
