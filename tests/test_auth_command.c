/* SPDX-License-Identifier: ISC
 *
 * AuthorizedKeysCommand and AuthorizedPrincipalsCommand, run for real: what they are told, what of
 * their output counts, and everything that must not happen. The command is the system's shell,
 * which belongs to root wherever the tests run.
 */
#include "proto/posix/clock.h"
#include "server/auth_command.h"
#include "server/cert_auth.h"
#include "tests/certs.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ASK_SHELL "/bin/sh"

struct ask {
    uint64_t deadline; /* of the authentication; 0: none */
    char dir[64], file[128];
    struct ncr_account me;
    struct ncr_sshd_config cfg;
    struct ncr_log log;
    struct nacre_privkey *key, *ca;
    uint8_t blob[CERT_MAX];
    struct nacre_bytes cert;
    struct ncr_grant grant;
    struct ncr_auth_output out;
    char said[8192], text[8192];
    bool unknown;
};

static struct ask ask_state;

static void ask_put(void *ctx, enum ncr_log_level level, const char *text)
{
    struct ask *t = ctx;
    size_t n = strlen(t->said);
    (void)level;
    snprintf(t->said + n, sizeof t->said - n, "%s\n", text);
}

static void ask_set(struct ask *t, const char *format, ...)
{
    char line[4000], error[NCR_SSHD_ERROR_LEN];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    cr_assert(ncr_sshd_config_line(&t->cfg, line, strlen(line), "test", error), "%s", error);
}

static struct ask *ask_open(void)
{
    struct ask *t = &ask_state;
    struct stat st;
    memset(t, 0, sizeof *t);
    if (stat(ASK_SHELL, &st) != 0 || st.st_uid != 0 ||
        !ncr_account_by_uid(&t->me, "/etc/passwd", getuid())) {
        cr_skip_test("no shell of root's, or no account of this user in /etc/passwd");
    }
    strcpy(t->dir, "/tmp/nacre-ask-XXXXXX");
    cr_assert_not_null(mkdtemp(t->dir));
    snprintf(t->file, sizeof t->file, "%s/file", t->dir);
    t->log = (struct ncr_log){.level = NCR_LOG_DEBUG1, .put = ask_put, .ctx = t};
    t->key = cert_key("ssh-ed25519", NULL);
    t->ca = cert_key("ecdsa-sha2-nistp256", NULL);
    const struct cert_spec spec = {.serial = 77,
                                   .before = NACRE_CERT_FOREVER,
                                   .id = "an id; $(id) `id` \" %u",
                                   .principals = {"staff"}};
    t->cert = cert_make(t->blob, &spec, nacre_privkey_public_blob(t->key), t->ca);
    ncr_sshd_config_init(&t->cfg);
    ask_set(t, "AuthorizedKeysFile none");
    ask_set(t, "StrictModes no");
    return t;
}

static void ask_close(struct ask *t)
{
    char cmd[96];
    ncr_grant_free(&t->grant);
    ncr_auth_output_free(&t->out);
    ncr_sshd_config_free(&t->cfg);
    free(t->key);
    free(t->ca);
    snprintf(cmd, sizeof cmd, "rm -rf %s", t->dir);
    cr_assert_eq(system(cmd), 0);
}

/* The command for keys, in the place of one that was there. */
static void ask_command(struct ask *t, const char *command)
{
    memset(&t->cfg.keys_command, 0, sizeof t->cfg.keys_command);
    memset(t->cfg.seen, 0, sizeof t->cfg.seen);
    ask_set(t, "AuthorizedKeysCommand %s", command);
    ask_set(t, "AuthorizedKeysCommandUser %s", t->me.name);
}

static void ask_principals(struct ask *t, const char *command)
{
    memset(&t->cfg.principals_command, 0, sizeof t->cfg.principals_command);
    memset(t->cfg.seen, 0, sizeof t->cfg.seen);
    ask_set(t, "AuthorizedPrincipalsCommand %s", command);
    ask_set(t, "AuthorizedPrincipalsCommandUser %s", t->me.name);
}

/* A shell that prints a file of ours, and goes on with `then`. */
static const char *ask_cat(const struct ask *t, const char *then)
{
    static char text[512];
    snprintf(text, sizeof text, ASK_SHELL " -c \"cat %s; %s\"", t->file, then);
    return text;
}

static struct ncr_authorized_query ask_query(struct ask *t, struct nacre_bytes blob)
{
    struct ncr_authorized_query q = {.cfg = &t->cfg,
                                     .log = &t->log,
                                     .account = &t->me,
                                     .blob = blob,
                                     .addr = "192.0.2.1",
                                     .connection = "192.0.2.1 40000 192.0.2.2 22",
                                     .user = t->me.name,
                                     .deadline = t->deadline};
    t->said[0] = '\0';
    return q;
}

/* Runs the command alone; its output as a string. */
static const char *ask_run(struct ask *t)
{
    const struct ncr_authorized_query q = ask_query(t, nacre_privkey_public_blob(t->key));
    ncr_auth_output_free(&t->out);
    if (!ncr_auth_command(&q, &t->cfg.keys_command, !t->unknown, &t->out)) {
        cr_assert(t->out.p == NULL && t->out.n == 0);
        return NULL;
    }
    cr_assert_lt(t->out.n, sizeof t->text);
    if (t->out.n > 0) {
        memcpy(t->text, t->out.p, t->out.n);
    }
    t->text[t->out.n] = '\0';
    return t->text;
}

static bool ask_lets_in(struct ask *t, struct nacre_bytes blob)
{
    const struct ncr_authorized_query q = ask_query(t, blob);
    ncr_grant_free(&t->grant);
    return ncr_cert_auth(&q, !t->unknown, &t->grant);
}

static const char *ask_line(struct nacre_bytes blob)
{
    static char line[2][2048];
    static unsigned at;
    char *l = line[at++ % 2];
    cr_assert_eq(nacre_pubkey_format(l, sizeof line[0], blob, (struct nacre_bytes){NULL, 0}),
                 NACRE_OK);
    return l;
}

static void ask_write(struct ask *t, const char *text)
{
    FILE *f = fopen(t->file, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static bool ask_no_children(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0;
}

static uint64_t ask_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- What it is told --------------------------------------------------------------------- */

Test(auth_command, tokens)
{
    struct ask *t = ask_open();
    char want[4096], fp[NACRE_FINGERPRINT_LEN];
    const char *line = ask_line(nacre_privkey_public_blob(t->key));
    nacre_fingerprint(fp, NACRE_FP_SHA256, nacre_privkey_public_blob(t->key));
    ask_command(t, ASK_SHELL " -c 'for i; do echo \"<$i>\"; done' x %% %C %D %f %h %k %t %U %u-%u");
    const char *said = ask_run(t);
    cr_assert_not_null(said, "%s", t->said);
    snprintf(want, sizeof want,
             "<%%>\n<192.0.2.1 40000 192.0.2.2 22>\n<>\n<%s>\n<%s>\n<%s>\n<ssh-ed25519>\n<%u>\n"
             "<%s-%s>\n",
             fp, t->me.home, strchr(line, ' ') + 1, (unsigned)t->me.uid, t->me.name, t->me.name);
    cr_assert_str_eq(said, want);
    ask_close(t);
}

/* What a certificate says is an argument each, whatever characters it has: there is no shell. */
Test(auth_command, s54_tokens_of_a_certificate)
{
    struct ask *t = ask_open();
    char command[512], want[4096], got[4096] = "", fp[NACRE_FINGERPRINT_LEN],
                                   ca_fp[NACRE_FINGERPRINT_LEN];
    nacre_fingerprint(fp, NACRE_FP_SHA256, nacre_privkey_public_blob(t->key));
    nacre_fingerprint(ca_fp, NACRE_FP_SHA256, nacre_privkey_public_blob(t->ca));
    ask_set(t, "TrustedUserCAKeys %s", t->file);
    ask_write(t, ask_line(nacre_privkey_public_blob(t->ca)));
    snprintf(command, sizeof command,
             ASK_SHELL " -c 'for i; do echo \"<$i>\"; done > %s/got; echo staff' x %%F %%f %%i "
                       "%%K %%s %%T %%t %%k",
             t->dir);
    ask_principals(t, command);
    cr_assert(ask_lets_in(t, t->cert), "%s", t->said);
    snprintf(command, sizeof command, "%s/got", t->dir);
    FILE *f = fopen(command, "r");
    cr_assert_not_null(f);
    got[fread(got, 1, sizeof got - 1, f)] = '\0';
    fclose(f);
    const char *ca = strchr(ask_line(nacre_privkey_public_blob(t->ca)), ' ') + 1;
    snprintf(want, sizeof want,
             "<%s>\n<%s>\n<an id; $(id) `id` \" %%u>\n<%s>\n<77>\n<ecdsa-sha2-nistp256>\n"
             "<ssh-ed25519-cert-v01@openssh.com>\n<%s>\n",
             ca_fp, fp, ca, strchr(ask_line(t->cert), ' ') + 1);
    cr_assert_str_eq(got, want);
    ask_close(t);
}

Test(auth_command, without_arguments_it_gets_the_name)
{
    struct ask *t = ask_open();
    struct stat st;
    ask_command(t, "/bin/echo");
    if (stat("/bin/echo", &st) != 0) {
        cr_skip_test("no /bin/echo");
    }
    const char *said = ask_run(t);
    cr_assert_not_null(said, "%s", t->said);
    cr_assert_eq(strncmp(said, t->me.name, strlen(t->me.name)), 0);
    ask_close(t);
}

/* S61, S67: an environment of its own, nothing to read, no descriptor of ours. */
Test(auth_command, S61_environment_and_descriptors)
{
    struct ask *t = ask_open();
    char want[2048];
    int leak = dup(1);
    cr_assert_geq(leak, 0);
    setenv("LD_LIBRARY_PATH", "/nowhere", 1);
    setenv("SECRET", "x", 1);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    ask_command(t, ASK_SHELL " -c 'env | grep -v ^_= | grep -v ^PWD= | grep -v ^SHLVL= | sort; "
                             "pwd; wc -c; echo lost >&2; trap; ls /proc/self/fd | wc -l'");
    const char *said = ask_run(t);
    cr_assert_not_null(said, "%s", t->said);
    snprintf(want, sizeof want,
             "HOME=%s\nLOGNAME=%s\nPATH=/usr/bin:/bin:/usr/sbin:/sbin\nUSER=%s\n/\n0\n4\n",
             t->me.home, t->me.name, t->me.name);
    cr_assert_str_eq(said, want); /* 0, 1, 2 and the directory that ls reads */
    close(leak);
    ask_close(t);
}

/* S62: as root, it becomes the user named. */
Test(auth_command, S62_it_runs_as_the_user_named)
{
    struct ask *t = ask_open();
    struct ncr_account nobody;
    char want[64];
    if (getuid() != 0 || !ncr_account_by_name(&nobody, "/etc/passwd", "nobody")) {
        ask_close(t);
        cr_skip_test("not root, or no account named nobody");
    }
    strcpy(t->me.name, "nobody");
    ask_command(t, ASK_SHELL " -c 'id -u; id -g; id -G'");
    const char *said = ask_run(t);
    cr_assert_not_null(said, "%s", t->said);
    snprintf(want, sizeof want, "%u\n%u\n%u\n", (unsigned)nobody.uid, (unsigned)nobody.gid,
             (unsigned)nobody.gid);
    cr_assert_eq(strncmp(said, want, strlen(want) - 1), 0, "%s", said);
    ask_close(t);
}

/* ---- What of it counts ------------------------------------------------------------------- */

Test(auth_command, its_lines_let_keys_in)
{
    struct ask *t = ask_open();
    char text[4096];
    struct nacre_bytes own = nacre_privkey_public_blob(t->key);
    snprintf(text, sizeof text, "# a comment\nno key\nrestrict,command=\"id\" %s", ask_line(own));
    ask_write(t, text);
    ask_command(t, ask_cat(t, "true"));
    cr_assert(ask_lets_in(t, own), "%s", t->said);
    cr_assert_eq(t->grant.n, 1u);
    cr_assert(t->grant.f[0].key.has_command && t->grant.f[0].key.permits == 0);
    cr_assert_not_null(strstr(t->said, ASK_SHELL ":2: "), "%s", t->said);
    cr_assert_not(ask_lets_in(t, nacre_privkey_public_blob(t->ca)));
    cr_assert_not(ask_lets_in(t, t->cert), "its authority is nobody's");
    snprintf(text, sizeof text, "cert-authority,principals=\"staff\" %s\n",
             ask_line(nacre_privkey_public_blob(t->ca)));
    ask_write(t, text);
    cr_assert(ask_lets_in(t, t->cert), "%s", t->said);
    cr_assert_eq(t->grant.n, 2u);
    cr_assert(ask_no_children());
    ask_close(t);
}

/* The files come first; the command is not run if they have the key. */
Test(auth_command, after_the_files)
{
    struct ask *t = ask_open();
    char command[256], ran[128];
    struct nacre_bytes own = nacre_privkey_public_blob(t->key);
    snprintf(ran, sizeof ran, "%s/ran", t->dir);
    snprintf(command, sizeof command, ASK_SHELL " -c \"echo > %s\"", ran);
    ask_write(t, ask_line(own));
    ask_command(t, command);
    t->cfg.key_files.n = 0;
    ask_set(t, "AuthorizedKeysFile %s", t->file);
    cr_assert(ask_lets_in(t, own), "%s", t->said);
    cr_assert_neq(access(ran, F_OK), 0);
    cr_assert_not(ask_lets_in(t, nacre_privkey_public_blob(t->ca)));
    cr_assert_eq(access(ran, F_OK), 0);
    ask_close(t);
}

Test(auth_command, its_names_let_certificates_in)
{
    struct ask *t = ask_open();
    char cas[128];
    snprintf(cas, sizeof cas, "%s/cas", t->dir);
    ask_write(t, ask_line(nacre_privkey_public_blob(t->ca)));
    cr_assert_eq(rename(t->file, cas), 0);
    ask_set(t, "TrustedUserCAKeys %s", cas);
    ask_principals(t, ask_cat(t, "true"));
    ask_write(t, "others\nno-pty staff # us\n");
    cr_assert(ask_lets_in(t, t->cert), "%s", t->said);
    cr_assert_eq(t->grant.n, 2u);
    cr_assert((t->grant.f[0].key.permits & NACRE_PERMIT_PTY) == 0);
    ask_write(t, "others\n");
    cr_assert_not(ask_lets_in(t, t->cert));
    cr_assert_not_null(strstr(t->said, "does not contain an authorized principal"), "%s", t->said);
    ask_write(t, "");
    cr_assert_not(ask_lets_in(t, t->cert));
    const struct cert_spec spec = {.before = NACRE_CERT_FOREVER, .principals = {t->me.name}};
    t->cert = cert_make(t->blob, &spec, nacre_privkey_public_blob(t->key), t->ca);
    cr_assert_not(ask_lets_in(t, t->cert), "the user's own name is no principal then");
    ask_close(t);
}

/* A certificate that the authority has not signed tells the command nothing. */
Test(auth_command, s45_unsigned_certificates_are_not_passed_on)
{
    struct ask *t = ask_open();
    char command[256], ran[128];
    snprintf(ran, sizeof ran, "%s/ran", t->dir);
    snprintf(command, sizeof command, ASK_SHELL " -c \"echo > %s; echo staff\"", ran);
    ask_write(t, ask_line(nacre_privkey_public_blob(t->ca)));
    ask_set(t, "TrustedUserCAKeys %s", t->file);
    ask_principals(t, command);
    t->blob[t->cert.n - 1] ^= 1;
    cr_assert_not(ask_lets_in(t, t->cert));
    cr_assert_neq(access(ran, F_OK), 0);
    t->blob[t->cert.n - 1] ^= 1;
    cr_assert(ask_lets_in(t, t->cert), "%s", t->said);
    cr_assert_eq(access(ran, F_OK), 0);
    ask_close(t);
}

/* S38: who is no user costs the same; the command learns only of the user that it runs as. */
Test(auth_command, S38_unknown_users)
{
    struct ask *t = ask_open();
    struct nacre_bytes own = nacre_privkey_public_blob(t->key);
    char name[NCR_ACCOUNT_NAME_MAX + 1];
    ask_write(t, ask_line(own));
    ask_command(t, ask_cat(t, "true"));
    cr_assert(ask_lets_in(t, own), "%s", t->said);
    t->unknown = true;
    cr_assert_not(ask_lets_in(t, own));
    cr_assert_eq(t->grant.n, 0u);
    ask_command(t, ASK_SHELL " -c 'echo \"$1\"' x %u");
    strcpy(name, t->me.name);
    strcpy(t->me.name, "-rf /; evil");
    const char *said = ask_run(t);
    cr_assert_not_null(said, "%s", t->said);
    cr_assert_eq(strncmp(said, name, strlen(name)), 0, "%s", said);
    ask_close(t);
}

/* ---- What must not happen ---------------------------------------------------------------- */

/* A line that lets in counts only if the command ended well and in time. */
Test(auth_command, refused)
{
    static const struct {
        const char *then, *why;
    } cases[] = {{"exit 1", "status 1"},
                 {"exit 255", "status 255"},
                 {"kill -9 $$", "signal 9"},
                 {"exec /no/such/program", "status 127"},
                 {"sleep 60", "took too long"},
                 {"sleep 60 &", "took too long"},
                 {"exec >&-; sleep 60", "took too long"},
                 {"trap '' TERM HUP INT; while :; do :; done", "took too long"},
                 {"yes", "printed too much"}};
    struct ask *t = ask_open();
    struct nacre_bytes own = nacre_privkey_public_blob(t->key);
    ask_write(t, ask_line(own));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[512];
        uint64_t from = ask_ms();
        bool hangs = strcmp(cases[i].why, "took too long") == 0;
        t->deadline = hangs ? ncr_clock_deadline(1000) : 0; /* a busy machine may be slow */
        snprintf(command, sizeof command, ASK_SHELL " -c \"cat %s; %s\"", t->file, cases[i].then);
        ask_command(t, command);
        cr_assert_not(ask_lets_in(t, own), "%s", command);
        cr_assert_not_null(strstr(t->said, cases[i].why), "%s: %s", command, t->said);
        cr_assert(ask_no_children(), "%s", command);
        cr_assert_lt(ask_ms() - from, 40000u, "%s", command);
    }
    ask_close(t);
}

Test(auth_command, hostile_output)
{
    static const char *const cases[] = {
        "head -c 100000 /dev/zero",
        "head -c 100000 /dev/urandom",
        "head -c 100000 /dev/zero | tr '\\000' 'x'",
        "i=0; while [ $i -lt 2000 ]; do echo 'command=\\\"x'; i=$((i + 1)); done",
        "printf 'restrict,'",
        "printf '\\033]52;c;x\\007 ssh-ed25519 AAAA\\n'",
    };
    struct ask *t = ask_open();
    struct nacre_bytes own = nacre_privkey_public_blob(t->key);
    char text[4096];
    snprintf(text, sizeof text, "\n%s\n", ask_line(own));
    ask_write(t, text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[512];
        snprintf(command, sizeof command, ASK_SHELL " -c \"%s\"", cases[i]);
        ask_command(t, command);
        cr_assert_not(ask_lets_in(t, own), "%s", command);
        snprintf(command, sizeof command, ASK_SHELL " -c \"%s; cat %s\"", cases[i], t->file);
        ask_command(t, command);
        cr_assert(ask_lets_in(t, own), "%s: %s", command, t->said);
    }
    ask_close(t);
}

Test(auth_command, programs_that_others_could_change)
{
    struct ask *t = ask_open();
    struct nacre_bytes own = nacre_privkey_public_blob(t->key);
    char text[4096], link[128];
    struct {
        const char *command, *why;
    } cases[] = {{"/no/such/program", "No such file"},
                 {"/bin", "not a regular file"},
                 {"/dev/null", "not a regular file"},
                 {t->file, "bad ownership or modes"}, /* /tmp is everybody's */
                 {link, "bad ownership or modes"}};
    snprintf(link, sizeof link, "%s/link", t->dir);
    snprintf(text, sizeof text, "#!" ASK_SHELL "\necho '%s'\n", ask_line(own));
    ask_write(t, text);
    cr_assert_eq(chmod(t->file, 0755), 0);
    cr_assert_eq(symlink(t->file, link), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask_command(t, cases[i].command);
        cr_assert_not(ask_lets_in(t, own), "%s", cases[i].command);
        cr_assert_not_null(strstr(t->said, "Unsafe AuthorizedKeysCommand"), "%s", t->said);
        cr_assert_not_null(strstr(t->said, cases[i].why), "%s: %s", cases[i].command, t->said);
    }
    ask_close(t);
}

Test(auth_command, users_that_it_cannot_run_as)
{
    struct ask *t = ask_open();
    struct ncr_account other;
    ask_command(t, ASK_SHELL " -c true");
    t->cfg.keys_command.user = "no-such-user";
    cr_assert_null(ask_run(t));
    cr_assert_not_null(strstr(t->said, "User \"no-such-user\" not found"), "%s", t->said);
    if (getuid() == 0 && ncr_account_by_name(&other, "/etc/passwd", "nobody")) {
        pid_t pid = fork();
        int status = 0;
        if (pid == 0) { /* who is not root can only run it as itself */
            bool ok = ncr_account_become(&other) && ask_run(t) == NULL;
            t->cfg.keys_command.user = t->me.name;
            ok = ok && ask_run(t) == NULL && strstr(t->said, "runs as another user") != NULL;
            t->cfg.keys_command.user = "nobody";
            _exit(ok && ask_run(t) != NULL ? 0 : 1);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0);
    }
    ask_close(t);
}

/* An argument that does not fit is an error, never cut. */
Test(auth_command, long_arguments)
{
    struct ask *t = ask_open();
    struct ncr_sshd_command *c = &t->cfg.keys_command;
    char word[4 * 1000 + 1] = "";
    for (int i = 0; i < 2000; i++) {
        strcat(word, "%k");
    }
    ask_command(t, ASK_SHELL " -c true x");
    c->words.word[c->words.n++] = word;
    cr_assert_null(ask_run(t));
    cr_assert_not_null(strstr(t->said, "too long"), "%s", t->said);
    ask_close(t);
}
