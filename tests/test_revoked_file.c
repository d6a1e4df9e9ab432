/* SPDX-License-Identifier: ISC
 *
 * Files of revoked keys: lists of public keys and key revocation lists, and that whatever cannot be
 * read refuses every key (s47, s48), with line and reason; also when memory or reading fails at any
 * step (s94).
 */
#include "proto/posix/revoked_file.h"
#include "crypto/load.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define REVOKED_COUNTED 0
#else
#define REVOKED_COUNTED 1
#endif

/* ---- Memory and reading that can be told to fail ---- */

static bool revoked_armed;
static unsigned revoked_calls, revoked_fail_at;

#if REVOKED_COUNTED
void *__libc_malloc(size_t n);
ssize_t __read(int fd, void *p, size_t n);

static bool revoked_fails(int with)
{
    if (!revoked_armed || ++revoked_calls != revoked_fail_at)
        return false;
    errno = with;
    return true;
}

void *malloc(size_t n)
{
    return revoked_fails(ENOMEM) ? NULL : __libc_malloc(n);
}

ssize_t read(int fd, void *p, size_t n)
{
    return revoked_fails(EIO) ? -1 : __read(fd, p, n);
}
#endif

static char dir[64];

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void set_up(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/nacre-revoked-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void tear_down(void)
{
    (void)unlink(path_of("f"));
    (void)rmdir(dir);
}

TestSuite(revoked_file, .init = set_up, .fini = tear_down);

static void write_file(const void *p, size_t n)
{
    FILE *f = fopen(path_of("f"), "wb");

    cr_assert_not_null(f);
    cr_assert_eq(fwrite(p, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
}

static void write_text(const char *text)
{
    write_file(text, strlen(text));
}

struct key {
    struct nacre_privkey private;
    struct nacre_bytes blob;
    char text[NACRE_PUBKEY_TEXT_LEN(64, 8)];
};

static void make_key(struct key *k, uint8_t seed)
{
    uint8_t bytes[NACRE_ED25519_SEED_LEN];

    memset(bytes, seed, sizeof bytes);
    nacre_privkey_from_seed(&k->private, bytes);
    k->blob = nacre_privkey_public_blob(&k->private);
    cr_assert_eq(nacre_pubkey_format(k->text, sizeof k->text, k->blob, nacre_bytes_str("c")),
                 NACRE_OK);
}

static struct nacre_bytes make_cert(uint8_t out[1024], const struct key *k, const struct key *ca)
{
    static uint64_t work[NACRE_WORK];
    struct nacre_bytes b = {out, 0};
    struct nacre_cert c;

    cr_assert_eq(nacre_cert_begin(&c, k->blob), NACRE_OK);
    c.kind = NACRE_CERT_USER;
    c.serial = 3;
    c.valid_before = NACRE_CERT_FOREVER;
    cr_assert_eq(nacre_cert_issue(out, 1024, &b.n, &c, &ca->private, NULL, &nacre_rng_os, work),
                 NACRE_OK);
    return b;
}

static void expect(struct nacre_bytes blob, nacre_err err, uint32_t line, const char *what)
{
    struct ncr_revoked_why why = {99, NULL};

    cr_assert_eq(ncr_revoked(path_of("f"), blob, &why), err);
    cr_assert_eq(why.line, line);
    cr_assert_str_eq(why.what, what);
    cr_assert_eq(ncr_revoked(path_of("f"), blob, NULL), err);
}

Test(revoked_file, s48_list_of_keys)
{
    static struct key k, other, ca;
    static uint8_t room[1024], room2[1024];
    char file[1024];
    struct nacre_bytes cert;
    struct nacre_bytes cert2;

    make_key(&k, 1);
    make_key(&other, 2);
    make_key(&ca, 3);
    cert = make_cert(room, &k, &ca);
    cert2 = make_cert(room2, &other, &ca);
    (void)snprintf(file, sizeof file, "# list\n\n \t%s\r\n", k.text);
    write_text(file);
    expect(k.blob, NACRE_ERR_KEY_REFUSED, 3, "revoked");
    expect(cert, NACRE_ERR_KEY_REFUSED, 3, "revoked");
    expect(other.blob, NACRE_OK, 0, "");
    expect(cert2, NACRE_OK, 0, "");
    (void)snprintf(file, sizeof file, "%s", ca.text); /* no line end */
    write_text(file);
    expect(k.blob, NACRE_OK, 0, "");
    expect(cert, NACRE_ERR_KEY_REFUSED, 1, "revoked");
    expect(ca.blob, NACRE_ERR_KEY_REFUSED, 1, "revoked");
}

/* As for ssh: what a certificate on the list is about is revoked, not only the certificate. */
Test(revoked_file, s48_certificate_on_the_list)
{
    static struct key k, ca;
    static uint8_t room[1024];
    char file[2048];
    struct nacre_bytes cert;

    make_key(&k, 1);
    make_key(&ca, 3);
    cert = make_cert(room, &k, &ca);
    cr_assert_eq(nacre_pubkey_format(file, sizeof file, cert, (struct nacre_bytes){NULL, 0}),
                 NACRE_OK);
    write_text(file);
    expect(cert, NACRE_ERR_KEY_REFUSED, 1, "revoked");
    expect(k.blob, NACRE_ERR_KEY_REFUSED, 1, "revoked");
    expect(ca.blob, NACRE_OK, 0, "");
}

/* A key that is refused as too weak, or is of a type that is not understood, is revoked all the
 * same, and does not make the list unreadable. */
Test(revoked_file, weak_and_unknown_keys)
{
    static struct key k;
    static const char file[] =
        "ssh-dss AAAAB3NzaC1kc3M=\n"
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAIQDP1cXVxdXF1cXVxdXF1cXVxdXF1cXVxdXF1cXVxdXF1Q==\n";
    static const uint8_t dss[] = {0, 0, 0, 7, 's', 's', 'h', '-', 'd', 's', 's'};
    struct nacre_bytes old = {dss, sizeof dss};

    make_key(&k, 1);
    write_text(file);
    expect(k.blob, NACRE_OK, 0, "");
    expect(old, NACRE_ERR_KEY_REFUSED, 1, "revoked");
}

/* One line that cannot be read may be the one that revokes, so that no key passes. */
Test(revoked_file, s47_damaged_list_refuses_every_key)
{
    static struct key k, other;
    static char file[3 * NACRE_LINE_MAX];
    static const char *const lines[] = {
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "rubbish",
        "ssh-ed25519 !!!!",
        "no-pty ssh-ed25519 AAAA",
        "@revoked * ssh-ed25519 AAAA",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5",
    };

    make_key(&k, 1);
    make_key(&other, 2);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        (void)snprintf(file, sizeof file, "%s\n%s\n", k.text, lines[i]);
        write_text(file);
        expect(k.blob, NACRE_ERR_FILE_FORMAT, 2, "not a public key");
        expect(other.blob, NACRE_ERR_FILE_FORMAT, 2, "not a public key");
    }
    memset(file, '#', NACRE_LINE_MAX + 1);
    file[NACRE_LINE_MAX + 1] = '\0';
    write_text(file);
    expect(other.blob, NACRE_ERR_FILE_FORMAT, 1, "line too long");
}

Test(revoked_file, s47_no_file_refuses_every_key)
{
    static struct key k;
    static const struct ncr_revoked_file none;
    struct ncr_revoked_file r;
    struct ncr_revoked_why why;

    make_key(&k, 1);
    expect(k.blob, NACRE_ERR_IO, 0, "No such file or directory");
    cr_assert_eq(ncr_revoked_file_check(&none, k.blob, &why), NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(ncr_revoked_file_open(&r, dir, &why), NACRE_ERR_FILE_FORMAT);
    cr_assert_str_eq(why.what, "not a regular file");
    cr_assert_eq(ncr_revoked_file_check(&r, k.blob, NULL), NACRE_ERR_FILE_FORMAT);
    ncr_revoked_file_close(&r);
    cr_assert_eq(mkfifo(path_of("f"), 0600), 0); /* does not block */
    expect(k.blob, NACRE_ERR_FILE_FORMAT, 0, "not a regular file");
    (void)unlink(path_of("f"));
    write_text("");
    expect(k.blob, NACRE_OK, 0, "");
    expect((struct nacre_bytes){NULL, 0}, NACRE_ERR_KEY_FORMAT, 0,
           nacre_err_text(NACRE_ERR_KEY_FORMAT));
}

Test(revoked_file, s48_revocation_list)
{
    static struct key k, other, ca;
    static uint8_t room[1024];
    uint8_t out[512];
    struct nacre_krl head = {.version = 1};
    struct nacre_krl_entry e[2];
    struct nacre_bytes cert;
    struct ncr_revoked_file r;
    size_t n;

    make_key(&k, 1);
    make_key(&other, 2);
    make_key(&ca, 3);
    cert = make_cert(room, &other, &ca);
    memset(e, 0, sizeof e);
    e[0].kind = NACRE_KRL_KEY;
    e[0].value = k.blob;
    e[1].kind = NACRE_KRL_SERIALS;
    e[1].ca = ca.blob;
    e[1].lo = 1;
    e[1].hi = 3;
    cr_assert_eq(nacre_krl_write(out, sizeof out, &n, e, 2, &head), NACRE_OK);
    write_file(out, n);
    expect(k.blob, NACRE_ERR_KEY_REFUSED, 0, "revoked");
    expect(cert, NACRE_ERR_KEY_REFUSED, 0, "revoked");
    expect(other.blob, NACRE_OK, 0, "");
    cr_assert_eq(ncr_revoked_file_open(&r, path_of("f"), NULL), NACRE_OK);
    cr_assert_eq(ncr_revoked_file_check(&r, k.blob, NULL), NACRE_ERR_KEY_REFUSED);
    cr_assert_eq(ncr_revoked_file_check(&r, ca.blob, NULL), NACRE_OK);
    ncr_revoked_file_close(&r);
    write_file(out, n - 1);
    expect(other.blob, NACRE_ERR_FILE_FORMAT, 0, "cut off");
    ncr_store32be(out + 8, 2);
    write_file(out, n);
    expect(other.blob, NACRE_ERR_FILE_FORMAT, 0, "version of revocation list not understood");
}

/* Whichever step fails, a key that the file does not revoke is refused too, and what is told is not
 * that it is revoked. */
Test(revoked_file, s94_failure_refuses)
{
#if REVOKED_COUNTED
    static struct key k, other;
    struct ncr_revoked_why why;
    unsigned n = 0;
    nacre_err err;

    make_key(&k, 1);
    make_key(&other, 2);
    write_text(k.text);
    do {
        revoked_calls = 0;
        revoked_fail_at = ++n;
        revoked_armed = true;
        err = ncr_revoked(path_of("f"), other.blob, &why);
        revoked_armed = false;
        if (err != NACRE_OK) {
            cr_assert(err == NACRE_ERR_NO_MEMORY || err == NACRE_ERR_IO, "call %u: %d", n, err);
            cr_assert_str_neq(why.what, "");
        }
        cr_assert(err != NACRE_OK || revoked_calls < n, "call %u failed unseen", n);
    } while (err != NACRE_OK && n < 100);
    cr_assert(n > 4, "file, end of file, line, room: %u", n);
    cr_assert_eq(err, NACRE_OK);
#endif
}
