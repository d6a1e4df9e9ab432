/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -L: what certificates say, in ssh-keygen's words. One that its authority did not
 * sign is not shown; that the authority is anybody's is not known here. Where the signature cannot
 * be checked (SHA-1 with RSA) that is told beside. Texts of the certificate are escaped.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/keygen.h"
#include "proto/posix/file.h"

#define SHOW_INDENT "                "

static uint64_t show_work[NACRE_WORK];

/* ---- One certificate ---- */

static void show_text(struct nacre_bytes text)
{
    ncr_keygen_put(text, true);
}

static const char *show_label(struct nacre_bytes plain)
{
    struct nacre_pubkey k;

    return nacre_pubkey_decode(&k, plain) == NACRE_OK ? nacre_pubkey_label(&k) : "UNKNOWN";
}

static void show_principals(struct nacre_bytes list)
{
    struct nacre_bytes one;

    printf("        Principals: %s\n", list.n == 0 ? "(none)" : "");
    while (nacre_cert_next_string(&list, &one)) {
        fputs(SHOW_INDENT, stdout);
        show_text(one);
        putchar('\n');
    }
}

/* How the data of options is shown that are understood; others in hexadecimal. */
enum show_data { SHOW_FLAG, SHOW_STRING };

static const struct {
    const char *name;
    bool critical;
    enum show_data data;
} show_known[] = {
    {"force-command", true, SHOW_STRING},
    {"source-address", true, SHOW_STRING},
    {"verify-required", true, SHOW_FLAG},
    {"permit-X11-forwarding", false, SHOW_FLAG},
    {"permit-agent-forwarding", false, SHOW_FLAG},
    {"permit-port-forwarding", false, SHOW_FLAG},
    {"permit-pty", false, SHOW_FLAG},
    {"permit-user-rc", false, SHOW_FLAG},
    {"no-touch-required", false, SHOW_FLAG},
};
#define SHOW_KNOWN (sizeof show_known / sizeof show_known[0])

static void show_unknown(struct nacre_bytes data)
{
    if (data.n == 0) {
        fputs(" UNKNOWN FLAG OPTION", stdout);
        return;
    }
    fputs(" UNKNOWN OPTION: ", stdout);
    for (size_t i = 0; i < data.n; i++)
        printf("%02x", data.p[i]);
    printf(" (len %zu)", data.n);
}

static void show_option(struct nacre_bytes name, struct nacre_bytes data, bool critical)
{
    struct nacre_bytes value;
    size_t i;

    fputs(SHOW_INDENT, stdout);
    show_text(name);
    for (i = 0; i < SHOW_KNOWN; i++)
        if (show_known[i].critical == critical && nacre_bytes_is(name, show_known[i].name))
            break;
    if (i < SHOW_KNOWN && show_known[i].data == SHOW_STRING &&
        nacre_cert_next_string(&data, &value)) {
        putchar(' ');
        show_text(value);
    } else if (i == SHOW_KNOWN) {
        show_unknown(data);
        data.n = 0;
    }
    if (data.n > 0)
        fputs(" and more than belongs there", stdout);
    putchar('\n');
}

static void show_options(const char *what, struct nacre_bytes list, bool critical)
{
    struct nacre_bytes name;
    struct nacre_bytes data;

    printf("        %s: %s\n", what, list.n == 0 ? "(none)" : "");
    while (nacre_cert_next_option(&list, &name, &data))
        show_option(name, data, critical);
}

static void show_cert(const struct nacre_cert *c, enum nacre_fp_hash hash)
{
    struct nacre_bytes alg = {NULL, 0};
    struct nacre_bytes signature = c->signature;
    char fp[NACRE_FINGERPRINT_LEN];
    char valid[NCR_KEYGEN_VALIDITY_MAX];

    printf("        Type: %.*s %s certificate\n", (int)c->name.n, (const char *)c->name.p,
           c->kind == NACRE_CERT_HOST ? "host" : "user");
    nacre_fingerprint(fp, hash, c->plain);
    printf("        Public key: %s-CERT %s\n", show_label(c->plain), fp);
    nacre_fingerprint(fp, hash, c->ca);
    printf("        Signing CA: %s %s (using ", show_label(c->ca), fp);
    if (nacre_cert_next_string(&signature, &alg))
        show_text(alg);
    printf(")\n        Key ID: \"");
    show_text(c->key_id);
    printf("\"\n        Serial: %" PRIu64 "\n", c->serial);
    ncr_keygen_validity_text(valid, c->valid_after, c->valid_before);
    printf("        Valid: %s\n", valid);
    show_principals(c->principals);
    show_options("Critical Options", c->critical, true);
    show_options("Extensions", c->extensions, false);
}

/* ---- A file of them ---- */

/* As nacre_cert_verify(), but a signature that cannot be checked is only told. */
static nacre_err show_signed(const struct nacre_cert *c, const char *path, uint32_t number)
{
    nacre_err err = nacre_cert_verify(c, show_work);

    if (err != NACRE_ERR_UNKNOWN_ALG)
        return err;
    fprintf(stderr, "%s:%u: the signature is not checked: its algorithm is not supported\n", path,
            (unsigned)number);
    return NACRE_OK;
}

/* One line, with its certificate if there is one; true if it was shown. */
static bool show_line(const struct ncr_keygen *g, const char *path, uint32_t number,
                      struct nacre_bytes line, uint8_t *buf, size_t cap)
{
    const char *first = g->file != NULL && strcmp(g->file, "-") == 0 ? NULL : path;
    struct nacre_pubkey k;
    struct nacre_cert c;
    nacre_err err = nacre_pubkey_parse(&k, NULL, line, buf, cap / 2);

    if (err == NACRE_OK || (err == NACRE_ERR_UNKNOWN_ALG && !nacre_cert_is(k.blob))) {
        fprintf(stderr, "%s:%u is not a certificate\n", path, (unsigned)number);
        return false;
    }
    if (err == NACRE_ERR_UNKNOWN_ALG)
        err = nacre_cert_decode(&c, k.blob, buf + cap / 2, cap - cap / 2);
    if (err == NACRE_OK)
        err = show_signed(&c, path, number);
    if (err != NACRE_OK) {
        fprintf(stderr, "%s:%u: invalid key: %s\n", path, (unsigned)number, nacre_err_text(err));
        return false;
    }
    if (first != NULL && number == 1)
        printf("%s:\n", path);
    else
        printf("%s:%u:\n", path, (unsigned)number);
    show_cert(&c, g->hash);
    return true;
}

static struct nacre_bytes show_take_line(struct nacre_bytes *rest)
{
    struct nacre_bytes line = *rest;
    size_t n = 0;

    while (n < rest->n && rest->p[n] != '\n')
        n++;
    line.n = n > 0 && line.p[n - 1] == '\r' ? n - 1 : n;
    n += n < rest->n ? 1 : 0;
    rest->p += n;
    rest->n -= n;
    while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t')) {
        line.p++;
        line.n--;
    }
    return line;
}

static int show_file(const struct ncr_keygen *g, const char *path, const struct ncr_file *f)
{
    struct nacre_bytes rest = {f->p, f->n};
    const size_t cap = 2 * ((f->n < NACRE_KEYFILE_MAX ? f->n : NACRE_KEYFILE_MAX) + 1);
    uint8_t *buf = malloc(cap);
    uint32_t number = 0;
    bool shown = false;

    if (buf == NULL)
        return ncr_keygen_file_error(path, NACRE_ERR_NO_MEMORY);
    while (rest.n > 0) {
        struct nacre_bytes line = show_take_line(&rest);

        number++;
        if (line.n > 0 && line.p[0] != '#' && show_line(g, path, number, line, buf, cap))
            shown = true;
    }
    free(buf);
    return shown ? 0 : NCR_KEYGEN_REFUSED;
}

int ncr_keygen_show_certs(const struct ncr_keygen *g)
{
    char path[NCR_KEYGEN_PATH_MAX];
    struct ncr_file f;
    int status = ncr_keygen_input(&f, path, g, NCR_KEYGEN_LINES_MAX);

    if (status != 0)
        return status;
    status = show_file(g, path, &f);
    ncr_file_wipe(&f);
    return status;
}
