/* SPDX-License-Identifier: ISC
 *
 * Keys and certificates at a login, with files on a real file system: TrustedUserCAKeys,
 * AuthorizedPrincipalsFile, cert-authority lines, RevokedKeys (S48), strict modes (S70), rights of
 * a certificate and of the line that let it in (S58), unknown users (S38).
 */
#include "server/rights.h"
#include "tests/certs.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- An allocator that can be told to fail ----------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define COURT_COUNTED 0
#else
#define COURT_COUNTED 1
#endif

static bool court_armed;
static unsigned long court_calls, court_fail_at;

#if COURT_COUNTED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);

static bool court_fails(void)
{
    return court_armed && ++court_calls == court_fail_at;
}

void *malloc(size_t n)
{
    return court_fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t k, size_t n)
{
    return court_fails() ? NULL : __libc_calloc(k, n);
}
#endif

/* ---- Files and keys ---------------------------------------------------------------------- */

struct court {
    char dir[64], keys[128], cas[128], names[128], revoked[128];
    struct ncr_account account;
    struct ncr_sshd_config cfg;
    struct ncr_log log;
    struct nacre_privkey *ca, *other_ca, *key;
    char said[8192];
    uint8_t blob[CERT_MAX];
    struct nacre_bytes cert;
    struct ncr_grant grant;
    const char *user, *addr;
    bool unknown;
};

static struct court court_state;

static void court_put(void *ctx, enum ncr_log_level level, const char *text)
{
    struct court *t = ctx;
    size_t n = strlen(t->said);
    (void)level;
    snprintf(t->said + n, sizeof t->said - n, "%s\n", text);
}

static void court_write(const char *path, const char *format, ...)
{
    FILE *f = fopen(path, "w");
    va_list ap;
    cr_assert_not_null(f);
    va_start(ap, format);
    vfprintf(f, format, ap);
    va_end(ap);
    fclose(f);
    cr_assert_eq(chmod(path, 0600), 0);
}

static const char *court_line(const struct nacre_privkey *k)
{
    static char line[4][512];
    static unsigned at;
    char *l = line[at++ % 4];
    cr_assert_eq(
        nacre_pubkey_format(l, 512, nacre_privkey_public_blob(k), (struct nacre_bytes){NULL, 0}),
        NACRE_OK);
    return l;
}

static void court_set(struct court *t, const char *format, ...)
{
    char line[512], error[NCR_SSHD_ERROR_LEN];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    cr_assert(ncr_sshd_config_line(&t->cfg, line, strlen(line), "test", error), "%s", error);
}

/* A home with an empty .ssh, and a certificate for joe by the authority. */
static struct court *court_open(void)
{
    struct court *t = &court_state;
    char path[128];
    memset(t, 0, sizeof *t);
    strcpy(t->dir, "/tmp/nacre-court-XXXXXX");
    cr_assert_not_null(mkdtemp(t->dir));
    snprintf(path, sizeof path, "%s/.ssh", t->dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(t->keys, sizeof t->keys, "%s/.ssh/authorized_keys", t->dir);
    snprintf(t->names, sizeof t->names, "%s/.ssh/principals", t->dir);
    snprintf(t->cas, sizeof t->cas, "%s/ca", t->dir);
    snprintf(t->revoked, sizeof t->revoked, "%s/revoked", t->dir);
    t->account.found = true;
    t->account.uid = getuid();
    t->account.gid = getgid();
    t->account.groups[0] = t->account.gid; /* /etc/group is not read */
    t->account.n_groups = 1;
    strcpy(t->account.name, "joe");
    strcpy(t->account.home, t->dir);
    t->user = "joe";
    t->addr = "192.0.2.1";
    t->log = (struct ncr_log){.level = NCR_LOG_DEBUG1, .put = court_put, .ctx = t};
    t->ca = cert_key("ssh-ed25519", NULL);
    t->other_ca = cert_key("ssh-ed25519", NULL);
    t->key = cert_key("ssh-ed25519", NULL);
    ncr_sshd_config_init(&t->cfg);
    const struct cert_spec spec = {
        .serial = 7, .before = NACRE_CERT_FOREVER, .id = "id", .principals = {"joe"}};
    t->cert = cert_make(t->blob, &spec, nacre_privkey_public_blob(t->key), t->ca);
    return t;
}

static void court_certify(struct court *t, const struct cert_spec *spec)
{
    struct cert_spec s = *spec;
    s.before = s.before != 0 ? s.before : NACRE_CERT_FOREVER;
    if (s.principals[0] == NULL) {
        s.principals[0] = "joe";
    }
    t->cert = cert_make(t->blob, &s, nacre_privkey_public_blob(t->key), t->ca);
}

static void court_close(struct court *t)
{
    char cmd[96];
    ncr_grant_free(&t->grant);
    ncr_sshd_config_free(&t->cfg);
    free(t->ca);
    free(t->other_ca);
    free(t->key);
    snprintf(cmd, sizeof cmd, "rm -rf %s", t->dir);
    cr_assert_eq(system(cmd), 0);
}

static bool court_ask(struct court *t, struct nacre_bytes blob)
{
    char error[NCR_SSHD_ERROR_LEN];
    struct ncr_authorized_query q = {.cfg = &t->cfg,
                                     .log = &t->log,
                                     .account = &t->account,
                                     .blob = blob,
                                     .addr = t->addr,
                                     .user = t->user};
    cr_assert(ncr_sshd_config_finish(&t->cfg, error));
    ncr_grant_free(&t->grant);
    t->said[0] = '\0';
    return ncr_cert_auth(&q, !t->unknown, &t->grant);
}

static bool court_lets_in(struct court *t)
{
    return court_ask(t, t->cert);
}

/* ---- Who is trusted ---------------------------------------------------------------------- */

/* S46: a certificate that verifies is nothing as long as nobody trusts its authority. */
Test(cert_auth, s46_nobody_is_trusted_by_default)
{
    struct court *t = court_open();
    cr_assert_not(court_lets_in(t));
    court_write(t->keys, "%s\n", court_line(t->key));
    cr_assert_not(court_lets_in(t), "the key's own line is for the key");
    cr_assert(court_ask(t, nacre_privkey_public_blob(t->key)));
    court_write(t->keys, "%s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t), "the authority's key, but not as an authority");
    court_close(t);
}

Test(cert_auth, trusted_user_ca_keys)
{
    struct court *t = court_open();
    court_set(t, "TrustedUserCAKeys %s", t->cas);
    cr_assert_not(court_lets_in(t), "no file");
    cr_assert_not_null(strstr(t->said, "TrustedUserCAKeys"));
    court_write(t->cas, "# mine\n\nno key here\n%s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t), "as sshd: nothing behind a damaged line");
    cr_assert_not_null(strstr(t->said, "/ca:3: "), "the line that is no key is named: %s", t->said);
    court_write(t->cas, "%09000d\n%s\n", 1, court_line(t->ca));
    cr_assert_not(court_lets_in(t), "nor behind one that is too long");
    court_write(t->cas, "# mine\n\n%s comment\n  %s\nno key here\n", court_line(t->other_ca),
                court_line(t->ca));
    cr_assert(court_lets_in(t), "%s", t->said);
    cr_assert_eq(t->grant.n, 1u, "the certificate is the only restriction");
    cr_assert_not_null(
        strstr(t->said, "Accepted certificate ID \"id\" (serial 7) signed by CA SHA"));
    cr_assert_not_null(strstr(t->said, "/ca\n"), "and nothing behind it: %s", t->said);
    cr_assert_not(court_ask(t, nacre_privkey_public_blob(t->ca)), "the authority's own key");
    cr_assert_not(court_ask(t, nacre_privkey_public_blob(t->key)), "the plain key");
    court_write(t->cas, "%s\n", court_line(t->other_ca));
    cr_assert_not(court_lets_in(t));
    court_write(t->cas, "cert-authority %s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t), "the file has no options");
    court_write(t->cas, "%s", "");
    cr_assert_not(court_lets_in(t));
    court_close(t);
}

Test(cert_auth, s45_principal_is_the_user)
{
    struct court *t = court_open();
    court_set(t, "TrustedUserCAKeys %s", t->cas);
    court_write(t->cas, "%s\n", court_line(t->ca));
    court_certify(t, &(struct cert_spec){.principals = {"root,joe", "bob"}});
    cr_assert_not(court_lets_in(t));
    cr_assert_not_null(strstr(t->said, "Refused certificate"));
    cr_assert_not_null(strstr(t->said, "another user"));
    court_certify(t, &(struct cert_spec){.kind = NACRE_CERT_HOST});
    cr_assert_not(court_lets_in(t));
    court_certify(t, &(struct cert_spec){.before = (uint64_t)time(NULL) - 1});
    cr_assert_not(court_lets_in(t));
    cr_assert_not_null(strstr(t->said, "expired"));
    court_certify(t, &(struct cert_spec){.critical = {"no-such@example.com", ""}});
    cr_assert_not(court_lets_in(t));
    court_close(t);
}

Test(cert_auth, ca_signature_algorithms)
{
    struct court *t = court_open();
    court_set(t, "TrustedUserCAKeys %s", t->cas);
    court_set(t, "CASignatureAlgorithms -ssh-ed25519");
    court_write(t->cas, "%s\n", court_line(t->ca));
    court_write(t->keys, "cert-authority %s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t));
    cr_assert_not_null(strstr(t->said, "algorithm of the authority is not allowed"));
    court_close(t);
}

/* ---- Principals -------------------------------------------------------------------------- */

Test(cert_auth, authorized_principals_file)
{
    struct court *t = court_open();
    court_set(t, "TrustedUserCAKeys %s", t->cas);
    court_set(t, "AuthorizedPrincipalsFile %%h/.ssh/principals");
    court_write(t->cas, "%s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t), "with the file configured the user's name alone does not do");
    court_write(t->names, "bob\n");
    cr_assert_not(court_lets_in(t));
    court_write(t->names,
                "# staff\nbob\nno-such-option joe\nno-pty,command=\"true\" joe # me\njoe\n");
    cr_assert(court_lets_in(t), "%s", t->said);
    cr_assert_eq(t->grant.n, 2u);
    cr_assert(t->grant.f[0].key.has_command, "the line's options count");
    cr_assert_not_null(strstr(t->said, "principals:3: unknown option: no-such-option"), "%s",
                       t->said);
    court_certify(t, &(struct cert_spec){.principals = {"admins"}});
    court_write(t->names, "admins\n");
    cr_assert(court_lets_in(t), "the certificate need not name the account");
    court_write(t->names, "from=\"10.0.0.0/8\" admins\n");
    cr_assert_not(court_lets_in(t));
    court_write(t->names, "expiry-time=\"20200101\" admins\n");
    cr_assert_not(court_lets_in(t));
    court_write(t->names, "admins,joe\n");
    cr_assert_not(court_lets_in(t), "one name a line");
    court_write(t->names, "*\n");
    cr_assert_not(court_lets_in(t), "no patterns");
    court_close(t);
}

/* As sshd has it: a line further down does not undo what the first one wants. */
Test(cert_auth, the_first_line_with_a_name_decides)
{
    static const char *const first[] = {"from=\"10.0.0.1\"", "expiry-time=\"20000101\""};
    struct court *t = court_open();
    court_set(t, "TrustedUserCAKeys %s", t->cas);
    court_set(t, "AuthorizedPrincipalsFile %s", t->names);
    court_write(t->cas, "%s\n", court_line(t->ca));
    court_certify(t, &(struct cert_spec){.principals = {"staff", "ops"}});
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        court_write(t->names, "%s staff\nops\n", first[i]);
        cr_assert_not(court_lets_in(t), "%s", first[i]);
        court_write(t->names, "%s others\nops\n", first[i]);
        cr_assert(court_lets_in(t), "%s: %s", first[i], t->said);
    }
    court_close(t);
}

Test(cert_auth, tokens_of_the_principals_file)
{
    static const char *const patterns[] = {"%h/.ssh/p%%", "%h/.ssh/%u", "%h/.ssh/%U", ".ssh/joe"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct court *t = court_open();
        char path[256];
        court_set(t, "TrustedUserCAKeys %s", t->cas);
        court_set(t, "AuthorizedPrincipalsFile %s", patterns[i]);
        court_write(t->cas, "%s\n", court_line(t->ca));
        snprintf(path, sizeof path, "%s/.ssh/p%%", t->dir);
        if (i == 2) {
            snprintf(path, sizeof path, "%s/.ssh/%u", t->dir, (unsigned)getuid());
        } else if (i != 0) {
            snprintf(path, sizeof path, "%s/.ssh/joe", t->dir);
        }
        court_write(path, "joe\n");
        cr_assert(court_lets_in(t), "%s: %s", patterns[i], t->said);
        court_close(t);
    }
}

/* ---- cert-authority lines ---------------------------------------------------------------- */

Test(cert_auth, cert_authority_lines)
{
    struct court *t = court_open();
    court_write(t->keys, "cert-authority %s\n", court_line(t->ca));
    cr_assert(court_lets_in(t), "%s", t->said);
    cr_assert_eq(t->grant.n, 2u);
    cr_assert_not(court_ask(t, nacre_privkey_public_blob(t->ca)), "not for its own key");
    court_write(t->keys, "cert-authority %s\n", court_line(t->other_ca));
    cr_assert_not(court_lets_in(t));
    court_write(t->keys, "cert-authority,principals=\"bob,joe\" %s\n", court_line(t->ca));
    cr_assert(court_lets_in(t));
    court_write(t->keys, "cert-authority,principals=\"bob\" %s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t), "principals= stands for the user's name");
    court_write(t->keys, "cert-authority,principals=\"\" %s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t));
    court_write(t->keys, "principals=\"joe\" %s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t));
    court_write(t->keys, "cert-authority,from=\"10.0.0.0/8\" %s\ncert-authority %s\n",
                court_line(t->ca), court_line(t->ca));
    cr_assert(court_lets_in(t), "the next line counts");
    court_certify(t, &(struct cert_spec){.principals = {"admins"}});
    cr_assert_not(court_lets_in(t));
    court_write(t->keys, "cert-authority,principals=\"admins\" %s\n", court_line(t->ca));
    cr_assert(court_lets_in(t));
    court_close(t);
}

/* S58, S37: what any of line and certificate denies is denied; two commands have to agree. */
Test(cert_auth, s58_line_and_certificate_both_restrict)
{
    static const struct {
        const char *line;
        struct cert_spec spec;
        bool pty, ok;
        const char *command; /* NULL: none */
    } cases[] = {
        {"", {.extensions = {"permit-pty", ""}}, true, true, NULL},
        {"", {.id = "no permits"}, false, true, NULL},
        {",no-pty", {.extensions = {"permit-pty", ""}}, false, true, NULL},
        {",restrict", {.extensions = {"permit-pty", ""}}, false, true, NULL},
        {",restrict,pty", {.extensions = {"permit-pty", ""}}, true, true, NULL},
        {",pty", {.id = "no permits"}, false, true, NULL},
        {"", {.critical = {"force-command", "a"}}, false, true, "a"},
        {",command=\"a\"", {.id = "none"}, false, true, "a"},
        {",command=\"a\"", {.critical = {"force-command", "a"}}, false, true, "a"},
        {",command=\"b\"", {.critical = {"force-command", "a"}}, false, false, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct court *t = court_open();
        struct ncr_rights r = {.cfg = &t->cfg};
        court_write(t->keys, "cert-authority%s %s\n", cases[i].line, court_line(t->ca));
        court_certify(t, &cases[i].spec);
        cr_assert(court_lets_in(t), "case %zu: %s", i, t->said);
        cr_assert_eq(ncr_rights_grant(&r, &t->grant), cases[i].ok, "case %zu", i);
        cr_assert_eq(r.n, cases[i].ok ? 2u : 0u, "all or nothing");
        cr_assert_eq(t->grant.n, 0u);
        if (cases[i].ok) {
            struct nacre_bytes command = ncr_rights_command(&r);
            cr_assert_eq(ncr_rights_pty(&r), cases[i].pty, "case %zu", i);
            cr_assert_eq(command.p != NULL, cases[i].command != NULL);
            cr_assert(command.p == NULL || nacre_bytes_is(command, cases[i].command));
            cr_assert_eq(ncr_rights_key_command(&r), cases[i].command != NULL);
        }
        ncr_rights_clear(&r);
        court_close(t);
    }
}

/* Rights point into memory of their own, not into what the client sent. */
Test(cert_auth, rights_outlive_the_request)
{
    struct court *t = court_open();
    court_write(t->keys, "cert-authority %s\n", court_line(t->ca));
    court_certify(t, &(struct cert_spec){.critical = {"force-command", "date"}});
    cr_assert(court_lets_in(t));
    memset(t->blob, 0xee, sizeof t->blob);
    cr_assert(nacre_bytes_is(t->grant.f[1].key.command, "date"));
    court_close(t);
}

/* The configuration's command is the administrator's word. */
Test(cert_auth, force_command_of_the_configuration_wins)
{
    struct court *t = court_open();
    struct ncr_rights r = {.cfg = &t->cfg};
    court_set(t, "ForceCommand true");
    court_write(t->keys, "cert-authority %s\n", court_line(t->ca));
    court_certify(t, &(struct cert_spec){.critical = {"force-command", "date"}});
    cr_assert(court_lets_in(t));
    cr_assert(ncr_rights_grant(&r, &t->grant));
    cr_assert(nacre_bytes_is(ncr_rights_command(&r), "true"));
    ncr_rights_clear(&r);
    court_close(t);
}

Test(cert_auth, s35_source_address)
{
    struct court *t = court_open();
    court_write(t->keys, "cert-authority %s\n", court_line(t->ca));
    court_certify(t, &(struct cert_spec){.critical = {"source-address", "192.0.2.0/24"}});
    cr_assert(court_lets_in(t), "%s", t->said);
    t->addr = "198.51.100.1";
    cr_assert_not(court_lets_in(t));
    cr_assert_not_null(strstr(t->said, "from this address"));
    court_close(t);
}

/* ---- RevokedKeys ------------------------------------------------------------------------- */

static void court_krl(struct court *t, struct nacre_krl_entry e)
{
    static const struct nacre_krl head = {.version = 1};
    uint8_t file[2048];
    size_t n;
    cr_assert_eq(nacre_krl_write(file, sizeof file, &n, &e, 1, &head), NACRE_OK);
    FILE *f = fopen(t->revoked, "w");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(file, 1, n, f), n);
    fclose(f);
    cr_assert_eq(chmod(t->revoked, 0644), 0);
}

Test(cert_auth, s48_revoked_keys)
{
    struct court *t = court_open();
    struct nacre_bytes plain = nacre_privkey_public_blob(t->key);
    court_set(t, "RevokedKeys %s", t->revoked);
    court_write(t->keys, "cert-authority %s\n%s\n", court_line(t->ca), court_line(t->key));
    court_write(t->revoked, "# nobody yet\n");
    cr_assert(court_lets_in(t), "%s", t->said);
    cr_assert(court_ask(t, plain), "%s", t->said);
    court_write(t->revoked, "%s\n", court_line(t->key));
    cr_assert_not(court_ask(t, plain));
    cr_assert_not_null(strstr(t->said, "revoked by file"));
    cr_assert_not(court_lets_in(t), "a certificate for a revoked key");
    court_write(t->revoked, "%s\n", court_line(t->ca));
    cr_assert_not(court_lets_in(t), "a certificate of a revoked authority");
    cr_assert(court_ask(t, plain), "whose key is good");
    court_krl(t, (struct nacre_krl_entry){.kind = NACRE_KRL_SERIALS,
                                          .ca = nacre_privkey_public_blob(t->ca),
                                          .lo = 7,
                                          .hi = 7});
    cr_assert_not(court_lets_in(t), "by serial number");
    cr_assert(court_ask(t, plain), "%s", t->said);
    court_krl(t, (struct nacre_krl_entry){.kind = NACRE_KRL_KEY_ID,
                                          .ca = nacre_privkey_public_blob(t->ca),
                                          .value = nacre_bytes_str("id")});
    cr_assert_not(court_lets_in(t), "by key id");
    court_krl(t, (struct nacre_krl_entry){.kind = NACRE_KRL_KEY, .value = plain});
    cr_assert_not(court_lets_in(t));
    cr_assert_not(court_ask(t, plain));
    court_close(t);
}

/* S47: a list that cannot be read, or that others can write to, revokes everything. */
Test(cert_auth, s47_a_list_that_cannot_be_read_refuses_all)
{
    struct court *t = court_open();
    struct nacre_bytes plain = nacre_privkey_public_blob(t->key);
    court_set(t, "RevokedKeys %s", t->revoked);
    court_write(t->keys, "cert-authority %s\n%s\n", court_line(t->ca), court_line(t->key));
    cr_assert_not(court_ask(t, plain), "there is none");
    cr_assert_not_null(strstr(t->said, "every key is refused"));
    court_write(t->revoked, "no key at all\n");
    cr_assert_not(court_ask(t, plain), "damaged");
    cr_assert_not_null(strstr(t->said, "revoked:1: "), "%s", t->said);
    court_write(t->revoked, "SSHKRL\n%c%s", 0, "rest");
    cr_assert_not(court_ask(t, plain), "a damaged KRL");
    court_write(t->revoked, "# nobody\n");
    cr_assert(court_ask(t, plain));
    cr_assert_eq(chmod(t->revoked, 0666), 0);
    cr_assert_not(court_ask(t, plain), "others can write to it");
    cr_assert_not_null(strstr(t->said, "bad ownership or modes"));
    cr_assert_eq(unlink(t->revoked), 0);
    cr_assert_eq(mkfifo(t->revoked, 0600), 0);
    cr_assert_not(court_ask(t, plain), "no regular file");
    court_close(t);
}

/* ---- S70 --------------------------------------------------------------------------------- */

Test(cert_auth, S70_files_that_others_can_write_to)
{
    struct court *t = court_open();
    court_set(t, "TrustedUserCAKeys %s", t->cas);
    court_write(t->cas, "%s\n", court_line(t->ca));
    cr_assert(court_lets_in(t));
    cr_assert_eq(chmod(t->cas, 0620), 0);
    cr_assert_not(court_lets_in(t));
    cr_assert_not_null(strstr(t->said, "bad ownership or modes for file"));
    cr_assert_eq(chmod(t->cas, 0644), 0);
    cr_assert(court_lets_in(t));
    court_set(t, "AuthorizedPrincipalsFile %s", t->names);
    court_write(t->names, "joe\n");
    cr_assert(court_lets_in(t), "%s", t->said);
    cr_assert_eq(chmod(t->names, 0602), 0);
    cr_assert_not(court_lets_in(t));
    cr_assert_eq(chmod(t->names, 0600), 0);
    cr_assert_eq(chmod(t->dir, 0777), 0);
    cr_assert_not(court_lets_in(t), "the directory counts too");
    t->cfg.strict_modes = 0;
    cr_assert(court_lets_in(t), "%s", t->said);
    court_close(t);
}

Test(cert_auth, S70_a_fifo_is_no_file)
{
    struct court *t = court_open();
    court_set(t, "TrustedUserCAKeys %s", t->cas);
    court_set(t, "AuthorizedPrincipalsFile %s", t->names);
    cr_assert_eq(mkfifo(t->cas, 0600), 0);
    cr_assert_not(court_lets_in(t));
    cr_assert_eq(unlink(t->cas), 0);
    court_write(t->cas, "%s\n", court_line(t->ca));
    cr_assert_eq(mkfifo(t->names, 0600), 0);
    cr_assert_not(court_lets_in(t));
    court_close(t);
}

/* ---- S38 --------------------------------------------------------------------------------- */

/* An unknown user's certificate is judged like a known one's, and refused. */
Test(cert_auth, S38_unknown_users)
{
    struct court *t = court_open();
    court_set(t, "TrustedUserCAKeys %s", t->cas);
    court_write(t->cas, "%s\n", court_line(t->ca));
    cr_assert(court_lets_in(t));
    t->unknown = true;
    t->account.found = false;
    cr_assert_not(court_lets_in(t));
    cr_assert_eq(t->grant.n, 0u);
    cr_assert_not_null(strstr(t->said, "looked at"), "as much work: %s", t->said);
    cr_assert_null(strstr(t->said, "Accepted"), "%s", t->said);
    court_set(t, "AuthorizedPrincipalsFile %%h/.ssh/principals");
    cr_assert_not(court_lets_in(t));
    cr_assert_not_null(strstr(t->said, "looked at"));
    cr_assert_null(strstr(t->said, "Accepted"), "%s", t->said);
    court_close(t);
}

/* ---- S20, S43 ---------------------------------------------------------------------------- */

Test(cert_auth, s20_damaged_certificates)
{
    struct court *t = court_open();
    court_write(t->keys, "cert-authority %s\n", court_line(t->ca));
    for (size_t n = 0; n < t->cert.n; n++) {
        cr_assert_not(court_ask(t, (struct nacre_bytes){t->blob, n}));
    }
    for (size_t i = 0; i < t->cert.n; i += 3) {
        t->blob[i] ^= 0x10;
        cr_assert_not(court_lets_in(t), "byte %zu", i);
        t->blob[i] ^= 0x10;
    }
    cr_assert(court_lets_in(t));
    court_close(t);
}

/* What a security key must show: the configuration, the line and the certificate together. */
Test(cert_auth, s43_flags_demanded)
{
    static const struct {
        const char *config, *line;
        const char *extension; /* of the certificate */
        bool verify;           /* its critical option */
        uint8_t demand;
    } cases[] = {
        {"none", "", NULL, false, NACRE_SK_PRESENT},
        {"none", ",no-touch-required", NULL, false, NACRE_SK_PRESENT}, /* both must say so */
        {"none", "", "no-touch-required", false, NACRE_SK_PRESENT},
        {"none", ",no-touch-required", "no-touch-required", false, 0},
        {"touch-required", ",no-touch-required", "no-touch-required", false, NACRE_SK_PRESENT},
        {"none", ",verify-required", NULL, false, NACRE_SK_PRESENT | NACRE_SK_VERIFIED},
        {"none", "", NULL, true, NACRE_SK_PRESENT | NACRE_SK_VERIFIED},
        {"none", ",no-touch-required", "no-touch-required", true, NACRE_SK_VERIFIED},
        {"verify-required", "", NULL, false, NACRE_SK_PRESENT | NACRE_SK_VERIFIED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct court *t = court_open();
        court_set(t, "PubkeyAuthOptions %s", cases[i].config);
        court_write(t->keys, "cert-authority%s %s\n", cases[i].line, court_line(t->ca));
        court_certify(
            t, &(struct cert_spec){.critical = {cases[i].verify ? "verify-required" : NULL, ""},
                                   .extensions = {cases[i].extension, ""}});
        cr_assert(court_lets_in(t), "%s", t->said);
        cr_assert_eq(ncr_grant_demand(&t->cfg, &t->grant), cases[i].demand, "case %zu", i);
        court_close(t);
    }
    static const struct ncr_sshd_config zero;
    static const struct ncr_grant nothing;
    cr_assert_eq(ncr_grant_demand(&zero, &nothing), (uint8_t)NACRE_SK_PRESENT,
                 "by default a touch");
}

/* S94: each allocation of a decision fails once: nobody is let in for it, and nothing is lost. */
Test(cert_auth, s94_memory_runs_out)
{
    if (!COURT_COUNTED) {
        cr_skip_test("allocations are not counted here");
    }
    for (int way = 0; way < 3; way++) {
        struct court *t = court_open();
        struct nacre_bytes plain = nacre_privkey_public_blob(t->key);
        char error[NCR_SSHD_ERROR_LEN];
        court_write(t->cas, "%s\n", court_line(t->ca));
        court_write(t->names, "joe\n");
        court_write(t->revoked, "# nobody\n");
        court_write(t->keys, "%s%s\n", way == 1 ? "cert-authority " : "",
                    court_line(way == 1 ? t->ca : t->key));
        court_set(t, "RevokedKeys %s", t->revoked);
        if (way == 0) {
            court_set(t, "TrustedUserCAKeys %s", t->cas);
            court_set(t, "AuthorizedPrincipalsFile %s", t->names);
            court_write(t->keys, "%s", "");
        }
        cr_assert(ncr_sshd_config_finish(&t->cfg, error));
        struct ncr_authorized_query q = {.cfg = &t->cfg,
                                         .log = &t->log,
                                         .account = &t->account,
                                         .blob = way < 2 ? t->cert : plain,
                                         .addr = t->addr,
                                         .user = t->user};
        unsigned refused = 0;
        bool in = false;
        for (court_fail_at = 1; !in && court_fail_at < 200; court_fail_at++) {
            court_calls = 0;
            court_armed = true;
            in = ncr_cert_auth(&q, true, &t->grant);
            court_armed = false;
            bool failed = court_calls >= court_fail_at;
            cr_assert(in != failed, "way %d, allocation %lu", way, court_fail_at);
            cr_assert_eq(t->grant.n > 0, in);
            refused += failed;
        }
        cr_assert(in && refused >= 2, "way %d: %u", way, refused);
        court_close(t);
    }
}
