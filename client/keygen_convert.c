/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -e and -i: public keys from OpenSSH's form to others and back; and which format a
 * private key is written in. What -i reads is told from the file, whatever -m says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/keygen.h"
#include "proto/posix/file.h"

#define CONVERT_HOST_MAX 256
#define CONVERT_COMMENT_MAX 61 /* with its NUL: fits a line of RFC 4716 */

/* A public key of a file, with what it lies in. */
struct convert_key {
    struct nacre_pubkey key;
    uint8_t *scratch;
};

/* `path: what the file is: what is wrong with it` */
static int convert_error(const char *path, const struct nacre_keyfile_info *info)
{
    fprintf(stderr, "nacre-keygen: %s: %s%s%s: %s\n", path, nacre_keyfile_format_text(info->format),
            info->key_type[0] == '\0' ? "" : " of type ", info->key_type, info->what);
    return NCR_KEYGEN_FATAL;
}

/* Reads the public key of a file's bytes; free k->scratch. A type that is not understood is no
 * error. */
static nacre_err convert_read(struct convert_key *k, const struct ncr_file *f,
                              struct nacre_keyfile_info *info)
{
    nacre_err err;

    memset(k, 0, sizeof *k);
    memset(info, 0, sizeof *info);
    info->what = nacre_err_text(NACRE_ERR_NO_MEMORY);
    k->scratch = malloc(f->n + 1);
    if (k->scratch == NULL)
        return NACRE_ERR_NO_MEMORY;
    err = nacre_keyfile_read_public(&k->key, NULL, (struct nacre_bytes){f->p, f->n}, k->scratch,
                                    f->n, info);
    return err == NACRE_ERR_UNKNOWN_ALG && k->key.blob.n > 0 ? NACRE_OK : err;
}

/* ---- -e ---- */

/* A certificate's key; any other key as it is. Lies in static memory or in blob. */
static struct nacre_bytes convert_plain(struct nacre_bytes blob)
{
    static uint8_t room[NACRE_KEY_BLOB_MAX];
    struct nacre_cert c;

    return nacre_cert_decode(&c, blob, room, sizeof room) == NACRE_OK ? c.plain : blob;
}

/* Bits as ssh-keygen counts them: a certificate's are those of its key. */
static unsigned convert_bits(const struct nacre_pubkey *k)
{
    struct nacre_pubkey plain;

    return nacre_pubkey_decode(&plain, convert_plain(k->blob)) == NACRE_OK ? plain.bits : k->bits;
}

/* "256-bit ED25519, converted by user@host from OpenSSH", cut to fit a line. */
static void convert_comment(char out[CONVERT_COMMENT_MAX], const struct nacre_pubkey *k)
{
    char host[CONVERT_HOST_MAX];

    if (gethostname(host, sizeof host) != 0)
        host[0] = '\0';
    host[sizeof host - 1] = '\0';
    (void)snprintf(out, CONVERT_COMMENT_MAX, "%u-bit %s, converted by %s@%s from OpenSSH",
                   convert_bits(k), nacre_pubkey_label(k), ncr_keygen_user(),
                   host); /* cut is as good */
}

static enum nacre_keyfile_format convert_format(const struct ncr_keygen *g,
                                                const struct nacre_pubkey *k)
{
    if (g->form == NCR_KEYGEN_RFC4716)
        return NACRE_KEYFILE_PUBLIC_4716;
    /* the PEM of OpenSSH is PKCS #1 for RSA, and what PKCS8 is for ECDSA */
    return g->form == NCR_KEYGEN_PEM && strcmp(nacre_pubkey_label(k), "ECDSA") != 0
               ? NACRE_KEYFILE_PUBLIC_PEM_RSA
               : NACRE_KEYFILE_PUBLIC_PEM;
}

static int convert_print(const struct ncr_keygen *g, struct nacre_bytes blob)
{
    static uint8_t text[NACRE_PUBKEY_FILE_LEN(NACRE_KEY_BLOB_MAX, CONVERT_COMMENT_MAX)];
    char comment[CONVERT_COMMENT_MAX];
    struct nacre_pubkey k;
    nacre_err err;
    size_t n;

    if (g->form != NCR_KEYGEN_RFC4716) /* which alone has certificates */
        blob = convert_plain(blob);
    err = nacre_pubkey_decode(&k, blob);
    convert_comment(comment, &k);
    if (err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG)
        err = nacre_pubkey_write(text, sizeof text, &n, convert_format(g, &k), blob,
                                 nacre_bytes_str(comment));
    if (err == NACRE_ERR_UNKNOWN_ALG)
        fprintf(stderr, "nacre-keygen: unsupported key type %s for this format\n",
                nacre_pubkey_label(&k));
    else if (err != NACRE_OK)
        fprintf(stderr, "nacre-keygen: %s\n", nacre_err_text(err));
    if (err != NACRE_OK)
        return NCR_KEYGEN_FATAL;
    fwrite(text, 1, n, stdout);
    return 0;
}

/* The public key of the file or, for a private one that hides it, of path.pub; false: neither. */
static bool convert_public(struct convert_key *k, const char *path)
{
    struct nacre_keyfile_info info;
    char pub[NCR_KEYGEN_PATH_MAX];
    struct ncr_file f;
    nacre_err err = ncr_keygen_read(&f, path, NACRE_KEYFILE_MAX);

    memset(k, 0, sizeof *k);
    if (err == NACRE_OK) {
        err = convert_read(k, &f, &info);
        ncr_file_wipe(&f);
    }
    if (err == NACRE_OK)
        return true;
    free(k->scratch);
    k->scratch = NULL;
    if (!ncr_keygen_path(pub, path, ".pub") ||
        ncr_keygen_read(&f, pub, NACRE_KEYFILE_MAX) != NACRE_OK)
        return false;
    err = convert_read(k, &f, &info);
    ncr_file_wipe(&f);
    return err == NACRE_OK;
}

int ncr_keygen_export(const struct ncr_keygen *g)
{
    struct ncr_keygen_key private;
    struct convert_key k;
    char path[NCR_KEYGEN_PATH_MAX];
    int status;

    if (g->form == NCR_KEYGEN_PPK) {
        fputs("PuTTY's format is one of private keys: -p -m PPK writes it\n", stderr);
        return NCR_KEYGEN_FATAL;
    }
    if (!ncr_keygen_file(path, g, "Enter file in which the key is"))
        return NCR_KEYGEN_REFUSED;
    if (access(path, F_OK) != 0)
        return ncr_keygen_file_error(path, NACRE_ERR_IO);
    if (convert_public(&k, path)) {
        status = convert_print(g, k.key.blob);
    } else {
        status = ncr_keygen_load(&private, g, path, "Enter passphrase: ");
        if (status == 0)
            status = convert_print(g, nacre_privkey_public_blob(&private.key));
        nacre_wipe(&private, sizeof private);
    }
    free(k.scratch);
    return status;
}

/* ---- -i ---- */

/* Formats of others: a key of OpenSSH's own needs no import. */
static bool convert_foreign(enum nacre_keyfile_format format)
{
    return format == NACRE_KEYFILE_PUBLIC_4716 || format == NACRE_KEYFILE_PUBLIC_PEM ||
           format == NACRE_KEYFILE_PUBLIC_PEM_RSA || format == NACRE_KEYFILE_PPK;
}

static int convert_import(const char *path, const struct ncr_file *f)
{
    static uint8_t text[NACRE_PUBKEY_FILE_LEN(NACRE_KEY_BLOB_MAX, 0)];
    static const struct nacre_bytes no_comment;
    struct nacre_keyfile_info info;
    struct convert_key k;
    nacre_err err = convert_read(&k, f, &info);
    int status = 0;
    size_t n;

    if (err == NACRE_OK && !convert_foreign(info.format)) {
        err = NACRE_ERR_FILE_FORMAT;
        info.what = "no public key of another program's format";
    }
    if (err == NACRE_OK) {
        err =
            nacre_pubkey_write(text, sizeof text, &n, NACRE_KEYFILE_PUBLIC, k.key.blob, no_comment);
        info.what = nacre_err_text(err);
    }
    if (err == NACRE_OK)
        fwrite(text, 1, n, stdout);
    else
        status = convert_error(path, &info);
    free(k.scratch);
    return status;
}

int ncr_keygen_import(const struct ncr_keygen *g)
{
    char path[NCR_KEYGEN_PATH_MAX];
    struct ncr_file f;
    int status = ncr_keygen_input(&f, path, g, NACRE_KEYFILE_MAX);

    if (status != 0)
        return status;
    status = convert_import(path, &f);
    ncr_file_wipe(&f);
    return status;
}

/* ---- Formats of private keys ---- */

enum nacre_keyfile_format ncr_keygen_format(const struct ncr_keygen *g,
                                            const struct nacre_privkey *k)
{
    struct nacre_pubkey pub;
    const char *label;

    if (nacre_pubkey_decode(&pub, nacre_privkey_public_blob(k)) != NACRE_OK)
        return NACRE_KEYFILE_OPENSSH; /* cannot be: it was read or made here */
    label = nacre_pubkey_label(&pub);
    if (g->form == NCR_KEYGEN_PPK)
        return NACRE_KEYFILE_PPK;
    if (strcmp(label, "RSA") == 0 && g->form == NCR_KEYGEN_PEM)
        return NACRE_KEYFILE_PEM_RSA;
    if (strcmp(label, "ECDSA") == 0 && g->form == NCR_KEYGEN_PEM)
        return NACRE_KEYFILE_PEM_EC;
    if (g->form == NCR_KEYGEN_PKCS8 &&
        (strcmp(label, "RSA") == 0 || strcmp(label, "ECDSA") == 0 || strcmp(label, "ED25519") == 0))
        return NACRE_KEYFILE_PKCS8;
    return NACRE_KEYFILE_OPENSSH; /* as ssh-keygen: the other formats have nothing for it */
}
