/* SPDX-License-Identifier: ISC
 *
 * Text armour of key files: see pem.h.
 */
#include "proto/keys/pem.h"

#include <string.h>

#include "proto/keys/base64.h"

#define PEM_DASHES "-----"

/* Takes s off the front of b. */
static bool pem_skip(struct nacre_bytes *b, const char *s)
{
    size_t n = strlen(s);

    if (b->n < n || memcmp(b->p, s, n) != 0)
        return false;
    b->p += n;
    b->n -= n;
    return true;
}

/* Takes `-----word label-----` and a line end off the front of b. */
static bool pem_skip_mark(struct nacre_bytes *b, const char *word, const char *label)
{
    struct nacre_bytes at = *b;

    if (!pem_skip(&at, PEM_DASHES) || !pem_skip(&at, word) || !pem_skip(&at, " ") ||
        !pem_skip(&at, label) || !pem_skip(&at, PEM_DASHES))
        return false;
    (void)pem_skip(&at, "\r"); /* CR LF or LF */
    if (!pem_skip(&at, "\n"))
        return false;
    *b = at;
    return true;
}

static bool pem_only_space(struct nacre_bytes b)
{
    size_t i;

    for (i = 0; i < b.n; i++) {
        if (b.p[i] != ' ' && b.p[i] != '\t' && b.p[i] != '\r' && b.p[i] != '\n')
            return false;
    }
    return true;
}

/* Copies the body's characters without line ends to out (as long as b is enough), and takes them
 * and the END line off. */
static bool pem_body(uint8_t *out, size_t *n, struct nacre_bytes *b, const char *label)
{
    bool line_start = true;

    *n = 0;
    while (b->n > 0) {
        uint8_t c = b->p[0];

        if (line_start && pem_skip_mark(b, "END", label))
            return true;
        line_start = c == '\n';
        if (c != '\n' && c != '\r')
            out[(*n)++] = c;
        b->p++;
        b->n--;
    }
    return false;
}

/* Takes headers (RFC 1421 4.6: lines with a colon, up to a blank line) off the front of b. */
static bool pem_headers(struct nacre_bytes *b, struct nacre_bytes *headers)
{
    size_t line = 0;
    size_t i;

    headers->p = b->p;
    headers->n = 0;
    for (i = 0; i < b->n && b->p[i] != '\n' && b->p[i] != ':'; i++)
        ;
    if (i == b->n || b->p[i] != ':')
        return true; /* none */
    for (i = 0; i < b->n; i++) {
        if (b->p[i] == '\r' || b->p[i] != '\n') {
            line += b->p[i] != '\r';
            continue;
        }
        if (line == 0) {
            headers->n = i;
            b->p += i + 1;
            b->n -= i + 1;
            return true;
        }
        line = 0;
    }
    return false;
}

nacre_err ncr_pem_decode_headers(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes file,
                                 const char *label, struct nacre_bytes *headers, const char **what)
{
    size_t size = file.n;
    struct nacre_bytes text = {out, 0};

    *n = 0;
    *what = NULL;
    if (cap < size)
        return NACRE_ERR_NO_ROOM;
    if (!pem_skip_mark(&file, "BEGIN", label))
        *what = "damaged: BEGIN line is not whole";
    else if (headers != NULL && !pem_headers(&file, headers))
        *what = "damaged: headers without an end";
    else if (!pem_body(out, &text.n, &file, label))
        *what = "damaged: no END line with a line end";
    else if (!pem_only_space(file))
        *what = "damaged: text after the END line";
    else if (!ncr_base64_decode(out, cap, n, text))
        *what = "damaged: bad base64";
    if (*what == NULL)
        return NACRE_OK;
    nacre_wipe(out, size);
    return NACRE_ERR_FILE_FORMAT;
}

nacre_err ncr_pem_decode(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes file,
                         const char *label, const char **what)
{
    return ncr_pem_decode_headers(out, cap, n, file, label, NULL, what);
}

/* ---- Writing ---- */

struct pem_out {
    uint8_t *p;
    size_t n, column, columns;
};

static void pem_put(struct pem_out *o, const char *s, size_t n)
{
    memcpy(o->p + o->n, s, n);
    o->n += n;
}

static void pem_put_mark(struct pem_out *o, const char *word, const char *label)
{
    pem_put(o, PEM_DASHES, strlen(PEM_DASHES));
    pem_put(o, word, strlen(word));
    pem_put(o, " ", 1);
    pem_put(o, label, strlen(label));
    pem_put(o, PEM_DASHES "\n", strlen(PEM_DASHES) + 1);
}

static void pem_put_group(struct pem_out *o, const char group[4])
{
    size_t i;

    for (i = 0; i < 4; i++) {
        o->p[o->n++] = (uint8_t)group[i];
        if (++o->column == o->columns) {
            o->p[o->n++] = '\n';
            o->column = 0;
        }
    }
}

/* In place: the binary moves to the end of buf, the text grows from its front. Let G be the groups
 * of three bytes, B the BEGIN line and headers, E the END line. After g groups the text is B + 4g +
 * 4g/columns long and the next byte is read at cap - n + 3g. The first stays below the second for
 * every g <= G if B + G + 4G/columns <= cap - n; and that follows from the one check, B + 4G +
 * 4G/columns + 1 + E <= cap, because n <= 3G. */
nacre_err ncr_pem_encode_headers(uint8_t *buf, size_t cap, size_t *n, const char *label,
                                 const char *headers, size_t columns)
{
    struct pem_out o = {buf, 0, 0, columns};
    size_t chars = NCR_BASE64_LEN(*n);
    size_t head = headers[0] == '\0' ? 0 : strlen(headers) + 1;
    size_t marks = 2 * (2 * strlen(PEM_DASHES) + strlen(label) + 2) + strlen("BEGINEND") + head;
    const uint8_t *in = buf + (cap - *n);
    size_t left = *n;
    char group[4];

    if (marks > cap || chars > cap - marks || chars / columns + 1 > cap - marks - chars) {
        nacre_wipe(buf, cap);
        *n = 0;
        return NACRE_ERR_NO_ROOM;
    }
    memmove(buf + (cap - *n), buf, *n);
    pem_put_mark(&o, "BEGIN", label);
    if (head > 0) {
        pem_put(&o, headers, head - 1);
        pem_put(&o, "\n", 1);
    }
    while (left > 0) {
        size_t part = left < 3 ? left : 3;

        ncr_base64_encode(group, in, part);
        pem_put_group(&o, group);
        in += part;
        left -= part;
    }
    if (o.column != 0)
        o.p[o.n++] = '\n';
    pem_put_mark(&o, "END", label);
    nacre_wipe(group, sizeof group);
    nacre_wipe(buf + o.n, cap - o.n);
    *n = o.n;
    return NACRE_OK;
}

nacre_err ncr_pem_encode(uint8_t *buf, size_t cap, size_t *n, const char *label, size_t columns)
{
    return ncr_pem_encode_headers(buf, cap, n, label, "", columns);
}
