/* SPDX-License-Identifier: ISC
 *
 * Words and lines of trust files: see text.h and "Lines" in nacre_keys.h.
 *
 * A line reader never gives a part of a line: what is over NACRE_LINE_MAX is dropped up to its end
 * and told by number, so that its tail cannot pass for a line of its own.
 */
#include "proto/keys/text.h"

#include <string.h>

#include "proto/keys/nacre_keys.h"
#include "proto/limits.h"

_Static_assert(NACRE_LINE_MAX == NCR_TEXT_LINE_MAX, "one limit, two names");

/* ---- Words ---- */

static bool text_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static void text_advance(struct nacre_bytes *b, size_t n)
{
    if (n > 0)
        b->p += n;
    b->n -= n;
}

struct nacre_bytes ncr_text_word(struct nacre_bytes *rest)
{
    struct nacre_bytes word;
    size_t n = 0;

    while (rest->n > 0 && text_is_blank(rest->p[0]))
        text_advance(rest, 1);
    while (n < rest->n && !text_is_blank(rest->p[n]))
        n++;
    word.p = rest->p;
    word.n = n;
    text_advance(rest, n);
    return word;
}

struct nacre_bytes ncr_text_trim(struct nacre_bytes b)
{
    while (b.n > 0 && text_is_blank(b.p[0]))
        text_advance(&b, 1);
    while (b.n > 0 && text_is_blank(b.p[b.n - 1]))
        b.n--;
    return b;
}

uint8_t ncr_text_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

bool ncr_text_same(struct nacre_bytes b, const char *s)
{
    struct nacre_bytes other = nacre_bytes_str(s);
    size_t i;

    if (b.n != other.n)
        return false;
    for (i = 0; i < b.n; i++) {
        if (ncr_text_lower(b.p[i]) != ncr_text_lower(other.p[i]))
            return false;
    }
    return true;
}

bool ncr_text_has_control(struct nacre_bytes b)
{
    size_t i;

    for (i = 0; i < b.n; i++) {
        if (b.p[i] < 0x20 || b.p[i] == 0x7f)
            return true;
    }
    return false;
}

bool ncr_text_has(struct nacre_bytes b, uint8_t c)
{
    size_t i;

    for (i = 0; i < b.n; i++) {
        if (b.p[i] == c)
            return true;
    }
    return false;
}

bool ncr_text_is_space(struct nacre_bytes b)
{
    size_t i;

    for (i = 0; i < b.n; i++) {
        if (!text_is_blank(b.p[i]) && b.p[i] != '\r' && b.p[i] != '\n')
            return false;
    }
    return true;
}

static int text_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ncr_text_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ncr_text_hex(uint8_t *out, size_t n, struct nacre_bytes b)
{
    size_t i;

    if (b.n / 2 != n || b.n % 2 != 0)
        return false;
    for (i = 0; i < n; i++) {
        const int high = text_hex_digit(b.p[2 * i]), low = text_hex_digit(b.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool ncr_text_number(uint64_t *v, struct nacre_bytes b, size_t max_digits, uint64_t max)
{
    uint64_t sum = 0;
    size_t i;

    *v = 0;
    if (b.n == 0 || b.n > max_digits || max_digits > 19)
        return false;
    for (i = 0; i < b.n; i++) {
        if (b.p[i] < '0' || b.p[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(b.p[i] - '0'); /* 19 digits are below 2^64 */
    }
    if (sum > max)
        return false;
    *v = sum;
    return true;
}

bool ncr_text_item(struct nacre_bytes *rest, struct nacre_bytes *item)
{
    size_t n = 0;

    if (rest->p == NULL)
        return false;
    while (n < rest->n && rest->p[n] != ',')
        n++;
    item->p = rest->p;
    item->n = n;
    if (n == rest->n) { /* the last one: next time there is none */
        rest->p = NULL;
        rest->n = 0;
    } else {
        text_advance(rest, n + 1);
    }
    return true;
}

/* ---- Lines ---- */

void nacre_lines_init(struct nacre_lines *l)
{
    memset(l, 0, sizeof *l);
}

/* Adds a piece to the line in buf, or gives the line up. */
static void lines_gather(struct nacre_lines *l, struct nacre_bytes piece)
{
    if (l->skipping)
        return;
    if (piece.n > sizeof l->buf - l->n) {
        l->skipping = true;
        l->n = 0;
        return;
    }
    if (piece.n > 0)
        memcpy(l->buf + l->n, piece.p, piece.n);
    l->n += piece.n;
}

/* Tells a whole line, or that it was too long. */
static enum nacre_line lines_tell(struct nacre_lines *l, struct nacre_bytes *line,
                                  struct nacre_bytes whole)
{
    bool skipped = l->skipping || whole.n > NACRE_LINE_MAX;

    l->number++;
    l->skipping = false;
    l->n = 0;
    if (skipped)
        return NACRE_LINE_TOO_LONG;
    if (whole.n > 0 && whole.p[whole.n - 1] == '\r')
        whole.n--;
    *line = whole;
    return NACRE_LINE_OK;
}

enum nacre_line nacre_lines_next(struct nacre_lines *l, struct nacre_bytes *chunk,
                                 struct nacre_bytes *line)
{
    struct nacre_bytes piece = *chunk;
    const uint8_t *end = chunk->n == 0 ? NULL : chunk->p;
    bool whole = l->n == 0 && !l->skipping;

    line->p = NULL;
    line->n = 0;
    while (end != NULL && end < chunk->p + chunk->n && *end != '\n')
        end++;
    if (end == NULL || end == chunk->p + chunk->n) {
        lines_gather(l, piece);
        text_advance(chunk, chunk->n);
        return NACRE_LINE_NONE;
    }
    piece.n = (size_t)(end - chunk->p);
    text_advance(chunk, piece.n + 1);
    if (whole)
        return lines_tell(l, line, piece);
    lines_gather(l, piece);
    piece.p = l->buf;
    piece.n = l->n;
    return lines_tell(l, line, piece);
}

enum nacre_line nacre_lines_end(struct nacre_lines *l, struct nacre_bytes *line)
{
    struct nacre_bytes whole = {l->buf, l->n};

    line->p = NULL;
    line->n = 0;
    if (l->n == 0 && !l->skipping)
        return NACRE_LINE_NONE;
    return lines_tell(l, line, whole);
}
