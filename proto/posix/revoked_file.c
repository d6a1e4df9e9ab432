/* SPDX-License-Identifier: ISC
 *
 * Files of revoked keys: see revoked_file.h. Refusing is what happens when nothing else does.
 *
 * Keys of a list are compared as bytes, so that one that is too weak to be taken for a key, or of a
 * type that is not understood, is still revoked by its line.
 */
#include "proto/posix/revoked_file.h"

#include <stdlib.h>
#include <string.h>

#include "proto/keys/base64.h"
#include "proto/keys/text.h"
#include "proto/wire.h"

static nacre_err revoked_say(struct ncr_revoked_why *why, nacre_err err, uint32_t line,
                             const char *what)
{
    if (why != NULL) {
        why->line = line;
        why->what = what;
    }
    return err;
}

/* ---- Lists of public keys ---- */

/* What is looked for: the key itself, a certificate's plain key and its authority's. */
struct revoked_blobs {
    struct nacre_bytes blob, plain, ca;
};

static bool revoked_hits(const struct revoked_blobs *b, struct nacre_bytes blob)
{
    return ncr_bytes_eq(blob, b->blob) || (b->plain.n > 0 && ncr_bytes_eq(blob, b->plain)) ||
           (b->ca.n > 0 && ncr_bytes_eq(blob, b->ca));
}

/* Reads the key of a line into room. One that is too weak for use is a key too. */
static nacre_err revoked_line_key(struct nacre_bytes *blob, struct nacre_bytes line, uint8_t *room)
{
    struct nacre_pubkey k;
    nacre_err err = nacre_pubkey_parse(&k, NULL, line, room, NACRE_LINE_MAX);

    *blob = k.blob;
    if (err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG)
        return NACRE_OK;
    if (err != NACRE_ERR_KEY_REFUSED)
        return NACRE_ERR_FILE_FORMAT;
    (void)ncr_text_word(&line); /* the type, which the blob tells too */
    blob->p = room;
    return ncr_base64_decode(room, NACRE_LINE_MAX, &blob->n, ncr_text_word(&line))
               ? NACRE_OK
               : NACRE_ERR_FILE_FORMAT;
}

/* Whether a line revokes; room is for its key, and for that of a certificate in it. */
static nacre_err revoked_line(const struct revoked_blobs *b, struct nacre_bytes line, uint8_t *room)
{
    struct nacre_cert cert;
    struct nacre_bytes blob;

    line = ncr_text_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return NACRE_OK;
    if (revoked_line_key(&blob, line, room) != NACRE_OK)
        return NACRE_ERR_FILE_FORMAT;
    if (revoked_hits(b, blob))
        return NACRE_ERR_KEY_REFUSED;
    if (!nacre_cert_is(blob))
        return NACRE_OK;
    if (nacre_cert_decode(&cert, blob, room + NACRE_LINE_MAX, NACRE_LINE_MAX) != NACRE_OK)
        return NACRE_ERR_FILE_FORMAT;
    return revoked_hits(b, cert.plain) ? NACRE_ERR_KEY_REFUSED : NACRE_OK;
}

/* Looks at every line, also when one has revoked the key: a list that is damaged is told as that,
 * whatever key is looked for. */
static nacre_err revoked_lines(const struct revoked_blobs *b, const struct ncr_file *f,
                               struct nacre_lines *lines, uint8_t *room,
                               struct ncr_revoked_why *why)
{
    struct nacre_bytes chunk = {f->p, f->n};
    struct nacre_bytes line;
    nacre_err worst = NACRE_OK;

    nacre_lines_init(lines);
    for (;;) {
        enum nacre_line kind = nacre_lines_next(lines, &chunk, &line);
        nacre_err err;

        if (kind == NACRE_LINE_NONE)
            kind = nacre_lines_end(lines, &line);
        if (kind == NACRE_LINE_NONE)
            return worst;
        if (kind == NACRE_LINE_TOO_LONG)
            return revoked_say(why, NACRE_ERR_FILE_FORMAT, lines->number, "line too long");
        err = revoked_line(b, line, room);
        if (err == NACRE_ERR_FILE_FORMAT)
            return revoked_say(why, err, lines->number, "not a public key");
        if (err != NACRE_OK && worst == NACRE_OK)
            worst = revoked_say(why, err, lines->number, "revoked");
    }
}

#define REVOKED_ROOM (2 * NACRE_LINE_MAX + NACRE_KEY_BLOB_MAX)

static nacre_err revoked_list_check(const struct ncr_file *f, struct nacre_bytes blob,
                                    struct ncr_revoked_why *why)
{
    struct revoked_blobs b = {.blob = blob};
    struct nacre_lines *lines = malloc(sizeof *lines);
    uint8_t *room = malloc(REVOKED_ROOM);
    struct nacre_cert cert;
    nacre_err err = NACRE_ERR_NO_MEMORY;

    if (lines != NULL && room != NULL) {
        err = nacre_cert_decode(&cert, blob, room + 2 * NACRE_LINE_MAX, NACRE_KEY_BLOB_MAX);
        b.plain = cert.plain;
        b.ca = cert.ca;
    }
    if (err == NACRE_OK || err == NACRE_ERR_UNKNOWN_ALG)
        err = revoked_lines(&b, f, lines, room, why);
    else
        (void)revoked_say(why, err, 0, nacre_err_text(err)); /* err is told below */
    free(lines);
    free(room);
    return err;
}

/* ---- Both ---- */

nacre_err ncr_revoked_file_open(struct ncr_revoked_file *r, const char *path,
                                struct ncr_revoked_why *why)
{
    struct nacre_bytes bytes;
    const char *what = "";
    nacre_err err;

    memset(r, 0, sizeof *r);
    err = ncr_file_read(&r->file, path, NCR_REVOKED_FILE_MAX);
    if (err != NACRE_OK)
        return revoked_say(why, err, 0, ncr_file_error(err));
    bytes.p = r->file.p;
    bytes.n = r->file.n;
    if (nacre_krl_is(bytes))
        err = nacre_krl_decode(&r->krl, bytes, &what);
    r->whole = err == NACRE_OK;
    if (err != NACRE_OK)
        ncr_revoked_file_close(r);
    return revoked_say(why, err, 0, what);
}

nacre_err ncr_revoked_file_check(const struct ncr_revoked_file *r, struct nacre_bytes blob,
                                 struct ncr_revoked_why *why)
{
    nacre_err err;

    (void)revoked_say(why, NACRE_OK, 0, "");
    if (!r->whole)
        return revoked_say(why, NACRE_ERR_FILE_FORMAT, 0, "no file of revoked keys was read");
    if (r->krl.sections.p == NULL)
        return revoked_list_check(&r->file, blob, why);
    err = nacre_krl_check(&r->krl, blob);
    if (err == NACRE_ERR_KEY_REFUSED)
        return revoked_say(why, err, 0, "revoked");
    return revoked_say(why, err, 0, err == NACRE_OK ? "" : nacre_err_text(err));
}

void ncr_revoked_file_close(struct ncr_revoked_file *r)
{
    ncr_file_wipe(&r->file);
    memset(r, 0, sizeof *r);
}

nacre_err ncr_revoked(const char *path, struct nacre_bytes blob, struct ncr_revoked_why *why)
{
    struct ncr_revoked_file r;
    nacre_err err = ncr_revoked_file_open(&r, path, why);

    if (err != NACRE_OK)
        /* Never the code that says "revoked" of a key. */
        return err == NACRE_ERR_KEY_REFUSED ? NACRE_ERR_FILE_FORMAT : err;
    err = ncr_revoked_file_check(&r, blob, why);
    ncr_revoked_file_close(&r);
    return err;
}
