/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen: loading a public key or certificate for other jobs, from whatever file is named: a
 * .pub file (its first key), a private key's file (its public half), or the .pub file beside it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/keygen.h"
#include "proto/posix/file.h"

static void public_take(struct ncr_keygen_public *p, const struct nacre_pubkey *k,
                        struct nacre_bytes comment)
{
    size_t n = comment.n < NACRE_KEY_COMMENT_MAX ? comment.n : NACRE_KEY_COMMENT_MAX;

    memmove(p->room, k->blob.p, k->blob.n);
    p->blob.p = p->room;
    p->blob.n = k->blob.n;
    if (n > 0)
        memcpy(p->comment, comment.p, n);
    p->comment[n] = '\0';
}

/* The first line that holds a key, of a type that is understood or not (a certificate). */
static nacre_err public_from_lines(struct ncr_keygen_public *p, struct nacre_bytes chunk)
{
    static struct nacre_lines lines;
    static uint8_t blob[NACRE_LINE_MAX];
    nacre_err first = NACRE_ERR_FILE_FORMAT;

    nacre_lines_init(&lines);
    for (;;) {
        struct nacre_bytes comment, line;
        struct nacre_pubkey k;
        enum nacre_line kind = nacre_lines_next(&lines, &chunk, &line);
        nacre_err err;

        if (kind == NACRE_LINE_NONE)
            kind = nacre_lines_end(&lines, &line);
        if (kind == NACRE_LINE_NONE)
            return first;
        if (kind != NACRE_LINE_OK || line.n == 0 || line.p[0] == '#')
            continue;
        err = nacre_pubkey_parse(&k, &comment, line, blob, sizeof blob);
        if (err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG) {
            public_take(p, &k, comment);
            return NACRE_OK;
        }
        if (first == NACRE_ERR_FILE_FORMAT)
            first = err;
    }
}

/* The public half of a private key's file. */
static nacre_err public_from_private(struct ncr_keygen_public *p, struct nacre_bytes file)
{
    uint8_t *scratch = malloc(file.n + 1);
    struct nacre_bytes comment;
    struct nacre_pubkey k;
    nacre_err err = NACRE_ERR_NO_MEMORY;

    if (scratch != NULL)
        err = nacre_keyfile_read_public(&k, &comment, file, scratch, file.n, NULL);
    if (err == NACRE_OK || (err == NACRE_ERR_UNKNOWN_ALG && k.blob.n > 0))
        public_take(p, &k, comment);
    free(scratch);
    return err == NACRE_ERR_UNKNOWN_ALG && p->blob.n > 0 ? NACRE_OK : err;
}

static nacre_err public_from_file(struct ncr_keygen_public *p, const char *path)
{
    struct ncr_file f;
    struct nacre_bytes file;
    enum nacre_keyfile_format format;
    nacre_err err = ncr_keygen_read(&f, path, NACRE_KEYFILE_MAX);

    memset(p, 0, sizeof *p);
    if (err != NACRE_OK)
        return err;
    file.p = f.p;
    file.n = f.n;
    format = nacre_keyfile_sniff(file);
    if (format == NACRE_KEYFILE_UNKNOWN || format == NACRE_KEYFILE_PUBLIC ||
        format == NACRE_KEYFILE_EMPTY)
        err = public_from_lines(p, file);
    else
        err = public_from_private(p, file);
    if (err == NACRE_OK && p->comment[0] == '\0' && format != NACRE_KEYFILE_PUBLIC)
        ncr_keygen_pub_comment(p->comment, path, p->blob);
    ncr_file_wipe(&f);
    return err;
}

nacre_err ncr_keygen_load_public(struct ncr_keygen_public *p, const char *path)
{
    char pub[NCR_KEYGEN_PATH_MAX];
    nacre_err err = public_from_file(p, path);
    int e = errno;

    if (err != NACRE_OK && strlen(path) < sizeof pub - sizeof ".pub") {
        (void)ncr_keygen_path(pub, path, ".pub"); /* it fits */
        if (public_from_file(p, pub) == NACRE_OK)
            return NACRE_OK;
        memset(p, 0, sizeof *p);
    }
    errno = e;
    return err;
}

const char *ncr_keygen_public_error(nacre_err err)
{
    return err == NACRE_ERR_IO || err == NACRE_ERR_LIMIT ? ncr_file_error(err)
           : err == NACRE_ERR_FILE_FORMAT                ? "not a public key file"
                                                         : nacre_err_text(err);
}
