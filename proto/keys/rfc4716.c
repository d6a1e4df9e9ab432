/* SPDX-License-Identifier: ISC
 *
 * Public key files of RFC 4716:
 *
 *     ---- BEGIN SSH2 PUBLIC KEY ----
 *     Comment: "..."              headers, a line that ends in \ goes on in the next one
 *     AAAAB3Nza...                base64 of the blob
 *     ---- END SSH2 PUBLIC KEY ----
 *
 * Lines end with LF, CR LF or CR and are written with at most 72 bytes. Of the headers only Comment
 * means anything here; it is written in quotes, and read with them or without (section 3.3.2).
 */
#include <string.h>

#include "proto/keys/base64.h"
#include "proto/keys/key_type.h"
#include "proto/keys/keyfile.h"
#include "proto/keys/text.h"

#define RFC4716_BEGIN "---- BEGIN SSH2 PUBLIC KEY ----"
#define RFC4716_END "---- END SSH2 PUBLIC KEY ----"
#define RFC4716_LINE_MAX 72 /* bytes, section 3.1 */
#define RFC4716_COLUMNS 70  /* of base64, as ssh-keygen */
#define RFC4716_TAG_MAX 64  /* bytes, section 3.3 */

/* Takes a line and its end off the text. */
static struct nacre_bytes rfc4716_line(struct nacre_bytes *rest)
{
    struct nacre_bytes line = {rest->p, 0};
    size_t n;

    while (line.n < rest->n && rest->p[line.n] != '\n' && rest->p[line.n] != '\r')
        line.n++;
    n = line.n;
    if (rest->n - n > 1 && rest->p[n] == '\r' && rest->p[n + 1] == '\n')
        n++;
    if (n < rest->n)
        n++;
    *rest = ncr_bytes_part(*rest, n, rest->n - n);
    return line;
}

/* Length of the header's tag; 0 if the line is no header. */
static size_t rfc4716_tag(struct nacre_bytes line)
{
    size_t n = 0;

    while (n < line.n && line.p[n] != ':' && line.p[n] > ' ' && line.p[n] < 0x7f)
        n++;
    return n > 0 && n <= RFC4716_TAG_MAX && n < line.n && line.p[n] == ':' ? n : 0;
}

/* What the headers say. */
struct rfc4716_head {
    struct nacre_bytes comment; /* the value's first line up to the end of its last one */
    bool goes_on;               /* in more than one line */
};

/* Takes the headers off the text. */
static void rfc4716_headers(struct rfc4716_head *head, struct nacre_bytes *rest)
{
    for (;;) {
        struct nacre_bytes at = *rest, line = rfc4716_line(&at), value;
        const size_t tag = rfc4716_tag(line);
        bool more = false;

        if (tag == 0)
            return;
        value = ncr_bytes_part(line, tag + 1, line.n - tag - 1);
        while (line.n > 0 && line.p[line.n - 1] == '\\' && at.n > 0) {
            line = rfc4716_line(&at);
            more = true;
        }
        if (ncr_text_same(ncr_bytes_part(*rest, 0, tag), "comment")) {
            head->comment = value;
            head->comment.n = (size_t)(line.p + line.n - value.p);
            head->goes_on = more;
        }
        *rest = at;
    }
}

/* The lines of a value put together at `at`, which has room for all of it. */
static struct nacre_bytes rfc4716_join(uint8_t *at, struct nacre_bytes value)
{
    struct nacre_bytes joined = {at, 0};

    while (value.n > 0) {
        const size_t whole = value.n;
        struct nacre_bytes line = rfc4716_line(&value);

        if (line.n > 0 && line.n < whole)
            line.n--; /* the backslash: a line end is behind it */
        if (line.n > 0)
            memcpy(at + joined.n, line.p, line.n);
        joined.n += line.n;
    }
    return joined;
}

static struct nacre_bytes rfc4716_unquote(struct nacre_bytes b)
{
    b = ncr_text_trim(b);
    if (b.n >= 2 && b.p[0] == '"' && b.p[b.n - 1] == '"')
        b = ncr_bytes_part(b, 1, b.n - 2);
    return b;
}

/* Copies the base64 up to the END line to out and takes both off; false: there is no END line. */
static bool rfc4716_body(uint8_t *out, size_t *n, struct nacre_bytes *rest)
{
    *n = 0;
    while (rest->n > 0) {
        struct nacre_bytes line = rfc4716_line(rest);

        if (nacre_bytes_is(line, RFC4716_END))
            return true;
        if (line.n > 0)
            memcpy(out + *n, line.p, line.n);
        *n += line.n;
    }
    return false;
}

nacre_err ncr_rfc4716_read(struct nacre_pubkey *k, struct nacre_bytes *comment,
                           const struct ncr_keyfile_in *in)
{
    struct nacre_bytes rest = in->file, text = {in->scratch, 0}, blob = {in->scratch, 0};
    struct rfc4716_head head = {{NULL, 0}, false};
    const char *what = NULL;
    nacre_err err;

    if (!nacre_bytes_is(rfc4716_line(&rest), RFC4716_BEGIN))
        what = "damaged: BEGIN line is not whole";
    rfc4716_headers(&head, &rest);
    if (what == NULL && !rfc4716_body(in->scratch, &text.n, &rest))
        what = "damaged: no END line";
    else if (what == NULL && !ncr_text_is_space(rest))
        what = "damaged: text after the END line";
    else if (what == NULL && !ncr_base64_decode(in->scratch, in->scratch_len, &blob.n, text))
        what = "damaged: bad base64";
    if (what != NULL)
        return ncr_keyfile_fail(in, NACRE_ERR_FILE_FORMAT, what);
    err = nacre_pubkey_decode(k, blob);
    ncr_keyfile_note(in->info->key_type, k->name);
    if (err == NACRE_ERR_UNKNOWN_ALG)
        (void)ncr_keyfile_fail(in, err, "key type not supported by this build");
    else if (err != NACRE_OK)
        return ncr_keyfile_fail(in, err, "damaged public key");
    *comment = head.goes_on ? rfc4716_join(in->scratch + blob.n, head.comment) : head.comment;
    *comment = rfc4716_unquote(*comment);
    return err;
}

/* ---- Writing ---- */

static void rfc4716_put(struct ncr_wr *w, const char *s)
{
    ncr_wr_bytes(w, (const uint8_t *)s, strlen(s));
}

/* The comment in quotes, in lines of at most 72 bytes, all but the last with a backslash. */
static void rfc4716_put_comment(struct ncr_wr *w, struct nacre_bytes comment)
{
    size_t column, i;

    rfc4716_put(w, "Comment: \"");
    column = sizeof "Comment: \"" - 1;
    for (i = 0; i < comment.n; i++) {
        if (column == RFC4716_LINE_MAX - 2) { /* room for a quote or backslash behind it */
            rfc4716_put(w, "\\\n");
            column = 0;
        }
        ncr_wr_u8(w, comment.p[i]);
        column++;
    }
    rfc4716_put(w, "\"\n");
}

static void rfc4716_put_body(struct ncr_wr *w, struct nacre_bytes blob)
{
    size_t column = 0, i, j;

    for (i = 0; i < blob.n; i += 3) {
        char group[4];

        ncr_base64_encode(group, blob.p + i, blob.n - i < 3 ? blob.n - i : 3);
        for (j = 0; j < sizeof group; j++) {
            ncr_wr_u8(w, (uint8_t)group[j]);
            if (++column % RFC4716_COLUMNS == 0)
                ncr_wr_u8(w, '\n');
        }
    }
    if (column % RFC4716_COLUMNS != 0)
        ncr_wr_u8(w, '\n');
}

nacre_err ncr_rfc4716_write(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes blob,
                            struct nacre_bytes comment)
{
    struct ncr_wr w = ncr_wr(out, cap);

    rfc4716_put(&w, RFC4716_BEGIN "\n");
    if (comment.n > 0)
        rfc4716_put_comment(&w, comment);
    rfc4716_put_body(&w, blob);
    rfc4716_put(&w, RFC4716_END "\n");
    *n = w.bad ? 0 : w.n;
    return w.bad ? NACRE_ERR_NO_ROOM : NACRE_OK;
}
