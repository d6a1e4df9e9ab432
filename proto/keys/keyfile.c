/* SPDX-License-Identifier: ISC
 *
 * Key files of any format: recognised once, by content, then read by the format's own functions.
 *
 * A format that is recognised but not read is told as such, so that the message can say what the
 * file is instead of "invalid".
 */
#include "proto/keys/keyfile.h"

#include <string.h>

#include "proto/keys/key_type.h"
#include "proto/keys/keyfile_cipher.h"
#include "proto/keys/text.h"
#include "proto/limits.h"

_Static_assert(NACRE_KEYFILE_MAX == NCR_KEY_FILE_MAX, "one limit, two names");

static nacre_err keyfile_line_read(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                   const struct ncr_keyfile_in *in);

#define KEYFILE_BEGIN "-----BEGIN "
static const struct ncr_keyfile_row keyfile_rows[] = {
    {NACRE_KEYFILE_OPENSSH, "OpenSSH private key", KEYFILE_BEGIN NCR_KEYFILE_OPENSSH_LABEL "-----",
     ncr_openssh_read, ncr_openssh_read_public},
    {NACRE_KEYFILE_PEM_RSA, "PEM RSA private key", KEYFILE_BEGIN "RSA PRIVATE KEY-----",
     ncr_pem_read_rsa, NULL},
    {NACRE_KEYFILE_PEM_EC, "PEM EC private key", KEYFILE_BEGIN "EC PRIVATE KEY-----",
     ncr_pem_read_ec, NULL},
    {NACRE_KEYFILE_PEM_EC, "PEM EC private key", KEYFILE_BEGIN "EC PARAMETERS-----",
     ncr_pem_read_ec, NULL},
    {NACRE_KEYFILE_PEM_DSA, "PEM DSA private key", KEYFILE_BEGIN "DSA PRIVATE KEY-----", NULL,
     NULL},
    {NACRE_KEYFILE_PKCS8, "PKCS#8 private key", KEYFILE_BEGIN "PRIVATE KEY-----",
     ncr_pem_read_pkcs8, NULL},
    {NACRE_KEYFILE_PKCS8_ENCRYPTED, "encrypted PKCS#8 private key",
     KEYFILE_BEGIN "ENCRYPTED PRIVATE KEY-----", ncr_pem_read_encrypted, NULL},
    {NACRE_KEYFILE_PPK, "PuTTY private key (PPK)", "PuTTY-User-Key-File-", ncr_ppk_read,
     ncr_ppk_read_public},
    {NACRE_KEYFILE_SSH1, "SSH version 1 private key", "SSH PRIVATE KEY FILE FORMAT 1.1\n", NULL,
     NULL},
    {NACRE_KEYFILE_PUBLIC_4716, "RFC 4716 public key", "---- BEGIN SSH2 PUBLIC KEY ----", NULL,
     ncr_rfc4716_read},
    {NACRE_KEYFILE_PUBLIC_PEM, "PEM public key", KEYFILE_BEGIN "PUBLIC KEY-----", NULL,
     ncr_pem_read_public},
    {NACRE_KEYFILE_PUBLIC_PEM_RSA, "PEM RSA public key", KEYFILE_BEGIN "RSA PUBLIC KEY-----", NULL,
     ncr_pem_read_public_rsa},
    {NACRE_KEYFILE_CERT_X509, "X.509 certificate", KEYFILE_BEGIN "CERTIFICATE-----", NULL, NULL},
    {NACRE_KEYFILE_PUBLIC, "public key", NULL, NULL, keyfile_line_read},
    {NACRE_KEYFILE_EMPTY, "empty file", NULL, NULL, NULL},
    {NACRE_KEYFILE_UNKNOWN, "no key file of a known format", NULL, NULL, NULL},
};
#define KEYFILE_ROWS (sizeof keyfile_rows / sizeof keyfile_rows[0])

/* ---- Recognising ---- */

static const struct ncr_keyfile_row *keyfile_row(enum nacre_keyfile_format format)
{
    size_t i;

    for (i = 0; i < KEYFILE_ROWS - 1; i++) {
        if (keyfile_rows[i].format == format)
            break;
    }
    return &keyfile_rows[i];
}

/* The first line that is neither blank nor a comment, without its end; empty if there is none. */
static struct nacre_bytes keyfile_first_line(struct nacre_bytes rest)
{
    struct nacre_bytes line = {NULL, 0};

    while (rest.n > 0) {
        size_t n = 0;

        while (n < rest.n && rest.p[n] != '\n')
            n++;
        line.p = rest.p;
        line.n = n;
        if (n > 0 && line.p[n - 1] == '\r')
            line.n--;
        line = ncr_text_trim(line);
        if (line.n > 0 && line.p[0] != '#')
            return line;
        if (n < rest.n)
            n++;
        rest.p += n;
        rest.n -= n;
    }
    line.n = 0;
    return line;
}

/* Text in front of an armour is for people (RFC 7468 2; openssl writes "Bag Attributes"): where the
 * first line is that begins one; 0 if there is none. */
static size_t keyfile_lead(struct nacre_bytes file)
{
    static const char begin[] = KEYFILE_BEGIN;
    const size_t n = sizeof begin - 1;
    size_t i;

    for (i = 1; i < file.n && file.n - i >= n; i++) {
        if (file.p[i - 1] == '\n' && memcmp(file.p + i, begin, n) == 0)
            return i;
    }
    return 0;
}

/* A name and base64 of a blob: its length field starts with a zero byte, so the text with 'A'. */
static bool keyfile_looks_public(struct nacre_bytes file)
{
    struct nacre_bytes line = keyfile_first_line(file);
    struct nacre_bytes name = ncr_text_word(&line);
    struct nacre_bytes text = ncr_text_word(&line);

    return ncr_list_valid(name, 1) && text.n >= 4 && memcmp(text.p, "AAAA", 4) == 0;
}

static enum nacre_keyfile_format keyfile_by_prefix(struct nacre_bytes file)
{
    size_t i;

    for (i = 0; i < KEYFILE_ROWS; i++) {
        const char *prefix = keyfile_rows[i].prefix;

        if (prefix != NULL && file.n >= strlen(prefix) &&
            memcmp(file.p, prefix, strlen(prefix)) == 0)
            return keyfile_rows[i].format;
    }
    return NACRE_KEYFILE_UNKNOWN;
}

enum nacre_keyfile_format nacre_keyfile_sniff(struct nacre_bytes file)
{
    enum nacre_keyfile_format format;
    size_t lead;

    if (file.n == 0)
        return NACRE_KEYFILE_EMPTY;
    format = keyfile_by_prefix(file);
    if (format != NACRE_KEYFILE_UNKNOWN)
        return format;
    if (keyfile_looks_public(file))
        return NACRE_KEYFILE_PUBLIC;
    lead = keyfile_lead(file);
    return keyfile_by_prefix(ncr_bytes_part(file, lead, file.n - lead));
}

const char *nacre_keyfile_format_text(enum nacre_keyfile_format format)
{
    return keyfile_row(format)->text;
}

/* ---- Reading ---- */

nacre_err ncr_keyfile_fail(const struct ncr_keyfile_in *in, nacre_err err, const char *what)
{
    in->info->what = what;
    return err;
}

void ncr_keyfile_note(char out[NACRE_KEY_NAME_MAX + 1], struct nacre_bytes name)
{
    if (name.n == 0 || name.n > NACRE_KEY_NAME_MAX || !ncr_list_valid(name, 1))
        return;
    memcpy(out, name.p, name.n);
    out[name.n] = '\0';
}

/* Takes the text in front of the armour off. OpenSSH takes none before its own. */
static nacre_err keyfile_skip_lead(struct ncr_keyfile_in *in)
{
    size_t lead;

    if (keyfile_by_prefix(in->file) != NACRE_KEYFILE_UNKNOWN)
        return NACRE_OK;
    if (in->info->format == NACRE_KEYFILE_OPENSSH)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "text before the BEGIN line");
    lead = keyfile_lead(in->file);
    in->file = ncr_bytes_part(in->file, lead, in->file.n - lead);
    return NACRE_OK;
}

/* Checks sizes and finds the format; in->info may be replaced by own. */
static nacre_err keyfile_start(struct ncr_keyfile_in *in, struct nacre_keyfile_info *own,
                               const struct ncr_keyfile_row **row)
{
    if (in->info == NULL)
        in->info = own;
    memset(in->info, 0, sizeof *in->info);
    in->info->what = "";
    if (in->file.n > NACRE_KEYFILE_MAX)
        return ncr_keyfile_fail(in, NACRE_ERR_LIMIT, "larger than a key file may be");
    in->info->format = nacre_keyfile_sniff(in->file);
    in->info->scratch_needed = in->file.n;
    *row = keyfile_row(in->info->format);
    if (in->scratch_len < in->file.n)
        return ncr_keyfile_fail(in, NACRE_ERR_NO_ROOM, "scratch memory too small");
    return (*row)->prefix != NULL ? keyfile_skip_lead(in) : NACRE_OK;
}

/* Why a format without a function is refused. */
static nacre_err keyfile_unread(const struct ncr_keyfile_in *in, const char *what)
{
    enum nacre_keyfile_format format = in->info->format;

    if (format == NACRE_KEYFILE_UNKNOWN || format == NACRE_KEYFILE_EMPTY)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, "not a key file");
    if (format == NACRE_KEYFILE_PUBLIC || format == NACRE_KEYFILE_PUBLIC_4716 ||
        format == NACRE_KEYFILE_PUBLIC_PEM || format == NACRE_KEYFILE_PUBLIC_PEM_RSA ||
        format == NACRE_KEYFILE_CERT_X509)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, what);
    return ncr_keyfile_fail(in, NACRE_ERR_UNKNOWN_ALG, "format not supported by this build");
}

/* A copy with a NUL, cut to cap. */
static void keyfile_copy_comment(char *comment, size_t cap, struct nacre_bytes b)
{
    size_t n = b.n < cap ? b.n : cap - 1;

    if (cap == 0)
        return;
    if (n > 0)
        memcpy(comment, b.p, n);
    comment[n] = '\0';
}

nacre_err nacre_keyfile_read(struct nacre_privkey *k, char *comment, size_t comment_cap,
                             struct nacre_bytes file, struct nacre_bytes passphrase,
                             uint8_t *scratch, size_t scratch_len, struct nacre_keyfile_info *info,
                             uint64_t *work)
{
    struct ncr_keyfile_in in = {file, passphrase, scratch, scratch_len, work, info};
    struct nacre_keyfile_info own;
    const struct ncr_keyfile_row *row;
    struct nacre_bytes found = {NULL, 0};
    nacre_err err;

    nacre_privkey_wipe(k);
    if (comment_cap > 0)
        memset(comment, 0, comment_cap);
    err = keyfile_start(&in, &own, &row);
    if (err != NACRE_OK)
        return err;
    if (row->read == NULL)
        return keyfile_unread(&in, "holds no private key");
    err = row->read(k, &found, &in);
    if (err == NACRE_OK)
        keyfile_copy_comment(comment, comment_cap, found);
    else
        nacre_privkey_wipe(k);
    nacre_wipe(scratch, file.n);
    return err;
}

nacre_err nacre_keyfile_read_public(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                    struct nacre_bytes file, uint8_t *scratch, size_t scratch_len,
                                    struct nacre_keyfile_info *info)
{
    struct ncr_keyfile_in in = {file, {NULL, 0}, scratch, scratch_len, NULL, info};
    struct nacre_keyfile_info own;
    const struct ncr_keyfile_row *row;
    struct nacre_bytes found = {NULL, 0};
    nacre_err err;

    memset(k, 0, sizeof *k);
    err = keyfile_start(&in, &own, &row);
    if (err == NACRE_OK && row->read_public == NULL)
        err = keyfile_unread(&in, "public key format not supported by this build");
    else if (err == NACRE_OK)
        err = row->read_public(k, &found, &in);
    if (comment != NULL)
        *comment = found;
    return err;
}

static nacre_err keyfile_line_read(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                   const struct ncr_keyfile_in *in)
{
    nacre_err err =
        nacre_pubkey_parse(k, comment, keyfile_first_line(in->file), in->scratch, in->scratch_len);

    ncr_keyfile_note(in->info->key_type, k->name);
    if (err == NACRE_ERR_UNKNOWN_ALG)
        return ncr_keyfile_fail(in, err, "key type not supported by this build");
    if (err != NACRE_OK)
        return ncr_keyfile_fail(in, err, "damaged public key");
    return NACRE_OK;
}

/* ---- Writing ---- */

bool nacre_keyfile_cipher_known(const char *name)
{
    return ncr_keyfile_cipher(nacre_bytes_str(name)) != NULL;
}

nacre_err nacre_keyfile_write(uint8_t *out, size_t cap, size_t *n, const struct nacre_privkey *k,
                              struct nacre_bytes comment, const struct nacre_keyfile_opts *opts,
                              const struct nacre_rng *rng, uint64_t *work)
{
    static const struct nacre_keyfile_opts plain;

    *n = 0;
    nacre_wipe(out, cap);
    if (opts == NULL)
        opts = &plain;
    if (k->type == NULL || comment.n > NACRE_KEY_COMMENT_MAX || ncr_text_has(comment, 0))
        return NACRE_ERR_USAGE;
    switch (opts->format) {
    case NACRE_KEYFILE_UNKNOWN:
    case NACRE_KEYFILE_OPENSSH:
        return ncr_openssh_write(out, cap, n, k, comment, opts, rng, work);
    case NACRE_KEYFILE_PPK:
        return ncr_ppk_write(out, cap, n, k, comment, opts, rng, work);
    default:
        return ncr_pem_write(out, cap, n, k, opts, rng, work);
    }
}
