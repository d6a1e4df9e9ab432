/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen -l and -B: fingerprints of every key in a file: public keys and certificates, one a
 * line, also behind the options of authorized_keys or the names of known_hosts, or a private key's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/keygen.h"
#include "proto/posix/file.h"

static uint64_t fpr_work[NACRE_WORK];

/* A line for a key or certificate, with its picture under -v. */
static void fpr_show(const struct ncr_keygen *g, const struct nacre_pubkey *k,
                     struct nacre_bytes plain, unsigned bits, struct nacre_bytes comment)
{
    char fp[NACRE_FINGERPRINT_LEN];
    char art[NACRE_RANDOMART_LEN];

    if (ncr_keygen_given(g, 'B'))
        nacre_bubblebabble(fp, plain);
    else
        nacre_fingerprint(fp, g->hash, plain);
    printf("%u %s ", bits, fp);
    ncr_keygen_put(comment.n == 0 ? nacre_bytes_str("no comment") : comment, true);
    printf(" (%s)\n", nacre_pubkey_label(k));
    if (g->verbose == 0)
        return;
    nacre_randomart_of(art, g->hash, plain, nacre_pubkey_label(k), bits);
    puts(art);
}

/* ---- Lines ---- */

enum fpr_line { FPR_NO_KEY, FPR_UNKNOWN_TYPE, FPR_SHOWN };

/* Takes a word off the line, blanks within double quotes included: host names or options. */
static struct nacre_bytes fpr_skip_word(struct nacre_bytes *line)
{
    struct nacre_bytes word = *line;
    bool quoted = false;
    size_t n = 0;

    while (n < line->n && (quoted || (line->p[n] != ' ' && line->p[n] != '\t'))) {
        if (line->p[n] == '\\' && n + 1 < line->n && line->p[n + 1] == '"')
            n++; /* both */
        else if (line->p[n] == '"')
            quoted = !quoted;
        n++;
    }
    word.n = n;
    while (n < line->n && (line->p[n] == ' ' || line->p[n] == '\t'))
        n++;
    line->p += n;
    line->n -= n;
    return word;
}

/* A key that was read from a line, if it is a certificate of a type that is understood. */
static enum fpr_line fpr_certificate(const struct ncr_keygen *g, const struct nacre_pubkey *k,
                                     struct nacre_bytes comment)
{
    static uint8_t room[NACRE_KEY_BLOB_MAX];
    struct nacre_pubkey plain;
    struct nacre_cert c;

    if (nacre_cert_decode(&c, k->blob, room, sizeof room) != NACRE_OK ||
        nacre_pubkey_decode(&plain, c.plain) != NACRE_OK)
        return FPR_NO_KEY;
    fpr_show(g, k, c.plain, plain.bits, comment);
    return FPR_SHOWN;
}

/* The key may stand first, behind options or host names, or behind a marker and host names. */
static enum fpr_line fpr_line(const struct ncr_keygen *g, const char *path, uint32_t number,
                              struct nacre_bytes line)
{
    static uint8_t blob[NACRE_LINE_MAX];
    struct nacre_bytes before = {NULL, 0};

    while (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        (void)fpr_skip_word(&line); /* an empty word and the blanks behind it */
    for (unsigned words = 0; words < 3 && line.n > 0 && line.p[0] != '#'; words++) {
        struct nacre_bytes comment;
        struct nacre_pubkey k;
        nacre_err err = nacre_pubkey_parse(&k, &comment, line, blob, sizeof blob);

        if (comment.n == 0 || comment.p[0] == '#')
            comment = before;
        if (err == NACRE_OK) {
            fpr_show(g, &k, k.blob, k.bits, comment);
            return FPR_SHOWN;
        }
        if (err == NACRE_ERR_UNKNOWN_ALG && nacre_cert_is(k.blob))
            return fpr_certificate(g, &k, comment);
        if (err == NACRE_ERR_UNKNOWN_ALG) {
            fprintf(stderr, "%s:%u: key type %.*s is not supported by this build\n", path,
                    (unsigned)number, (int)k.name.n, (const char *)k.name.p);
            return FPR_UNKNOWN_TYPE;
        }
        before = fpr_skip_word(&line);
    }
    return FPR_NO_KEY;
}

static int fpr_lines(const struct ncr_keygen *g, const char *path, const struct ncr_file *f)
{
    static struct nacre_lines lines;
    struct nacre_bytes chunk = {f->p, f->n};
    struct nacre_bytes line;
    enum fpr_line best = FPR_NO_KEY;

    nacre_lines_init(&lines);
    for (;;) {
        enum nacre_line kind = nacre_lines_next(&lines, &chunk, &line);

        if (kind == NACRE_LINE_NONE)
            kind = nacre_lines_end(&lines, &line);
        if (kind == NACRE_LINE_NONE)
            break;
        if (kind == NACRE_LINE_TOO_LONG) {
            fprintf(stderr, "%s:%u: line too long, skipped\n", path, (unsigned)lines.number);
        } else {
            enum fpr_line got = fpr_line(g, path, lines.number, line);

            best = got > best ? got : best;
        }
    }
    if (best == FPR_NO_KEY)
        fprintf(stderr, "%s is not a public key file.\n", path);
    return best == FPR_SHOWN ? 0 : NCR_KEYGEN_FATAL;
}

/* ---- Private keys ---- */

static int fpr_load_error(const char *path, const struct nacre_keyfile_info *info, nacre_err err)
{
    fprintf(stderr, "Load key \"%s\": %s: %s\n", path, nacre_keyfile_format_text(info->format),
            info->what[0] != '\0' ? info->what : nacre_err_text(err));
    return NCR_KEYGEN_FATAL;
}

/* The public half that is told without a passphrase, or the file beside it; comment gets a comment
 * that may be in it. */
static nacre_err fpr_public_half(struct nacre_pubkey *pub, char comment[NACRE_KEY_COMMENT_MAX + 1],
                                 const char *path, struct nacre_bytes file, uint8_t *scratch,
                                 struct nacre_keyfile_info *info)
{
    static struct ncr_keygen_public p;
    struct nacre_bytes shown = {NULL, 0};
    nacre_err err = nacre_keyfile_read_public(pub, &shown, file, scratch, file.n, info);

    if (err != NACRE_OK)
        return ncr_keygen_load_public(&p, path) == NACRE_OK ? nacre_pubkey_decode(pub, p.blob)
                                                            : err;
    if (shown.n > NACRE_KEY_COMMENT_MAX)
        shown.n = NACRE_KEY_COMMENT_MAX;
    if (shown.n > 0)
        memcpy(comment, shown.p, shown.n);
    comment[shown.n] = '\0';
    return err;
}

/* A key without a comment has that of the file beside it, or is called by that file's name. */
static void fpr_pub_comment(char out[NACRE_KEY_COMMENT_MAX + 1], const char *path,
                            struct nacre_bytes blob)
{
    static struct ncr_keygen_public p;
    char pub[NCR_KEYGEN_PATH_MAX];

    if (strlen(path) >= sizeof pub - sizeof ".pub" || !ncr_keygen_path(pub, path, ".pub") ||
        ncr_keygen_load_public(&p, pub) != NACRE_OK || p.blob.n != blob.n ||
        memcmp(p.blob.p, blob.p, blob.n) != 0)
        return;
    (void)snprintf(out, NACRE_KEY_COMMENT_MAX + 1, "%.*s", NACRE_KEY_COMMENT_MAX,
                   p.comment[0] != '\0' ? p.comment : pub); /* a longer one is cut */
}

/* A private key's file, or a public key's in another form: its own comment if it opens without a
 * passphrase, else that of the file beside it. */
static int fpr_private(const struct ncr_keygen *g, const char *path, const struct ncr_file *f)
{
    static const struct nacre_bytes none;
    struct nacre_keyfile_info info;
    struct nacre_bytes file = {f->p, f->n};
    struct nacre_pubkey pub;
    struct ncr_keygen_key k;
    uint8_t *scratch = malloc(f->n + 1);
    nacre_err err;

    if (scratch == NULL)
        return ncr_keygen_file_error(path, NACRE_ERR_NO_MEMORY);
    err = nacre_keyfile_read(&k.key, k.comment, sizeof k.comment, file, none, scratch, f->n, &info,
                             fpr_work);
    if (err == NACRE_OK)
        err = nacre_pubkey_decode(&pub, nacre_privkey_public_blob(&k.key));
    else
        err = fpr_public_half(&pub, k.comment, path, file, scratch, &info);
    if (err == NACRE_OK && k.comment[0] == '\0')
        fpr_pub_comment(k.comment, path, pub.blob);
    if (err == NACRE_OK)
        fpr_show(g, &pub, pub.blob, pub.bits, nacre_bytes_str(k.comment));
    nacre_wipe(&k, sizeof k);
    free(scratch);
    return err == NACRE_OK ? 0 : fpr_load_error(path, &info, err);
}

int ncr_keygen_fingerprint(const struct ncr_keygen *g)
{
    char path[NCR_KEYGEN_PATH_MAX];
    struct ncr_file f;
    enum nacre_keyfile_format format;
    int status = ncr_keygen_input(&f, path, g, NCR_KEYGEN_LINES_MAX);

    if (status != 0)
        return status;
    format = nacre_keyfile_sniff((struct nacre_bytes){f.p, f.n});
    if (format == NACRE_KEYFILE_UNKNOWN || format == NACRE_KEYFILE_PUBLIC ||
        format == NACRE_KEYFILE_EMPTY)
        status = fpr_lines(g, path, &f);
    else if (f.n > NACRE_KEYFILE_MAX)
        status = ncr_keygen_file_error(path, NACRE_ERR_LIMIT);
    else
        status = fpr_private(g, path, &f);
    ncr_file_wipe(&f);
    return status;
}
