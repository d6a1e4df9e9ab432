/* SPDX-License-Identifier: ISC
 *
 * Peer's text for terminals and logs: see escape.h. UTF-8 as RFC 3629 section 4 has it: shortest
 * forms only, no surrogates, nothing over U+10FFFF.
 */
#include "proto/posix/escape.h"

/* Code points that are printed by nobody but change what a reader sees: soft hyphen, Arabic letter
 * mark, Mongolian vowel separator, zero widths and marks, line and paragraph separators,
 * bidirectional embeddings, overrides and isolates, invisible operators, byte order mark,
 * interlinear annotations, tags. */
static const struct {
    uint32_t first, last;
} escape_hidden[] = {
    {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

/* Length of the well-formed character at p (n >= 1), 0 if it is none; *cp is its code point. */
static size_t escape_utf8(const uint8_t *p, size_t n, uint32_t *cp)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (len == 0 || p[0] > 0xf4 || len > n)
        return 0;
    *cp = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *cp = *cp << 6 | (p[i] & 0x3fu);
    }
    if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff))
        return 0;
    return len;
}

static bool escape_printable(uint32_t cp)
{
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
        return false;
    for (size_t i = 0; i < sizeof escape_hidden / sizeof escape_hidden[0]; i++) {
        if (cp >= escape_hidden[i].first && cp <= escape_hidden[i].last)
            return false;
    }
    return true;
}

/* Length of what can stay as it is at p, 0 if its first byte must be escaped. */
static size_t escape_keep(const uint8_t *p, size_t n, enum ncr_escape_mode mode)
{
    uint32_t cp = 0;
    size_t len = escape_utf8(p, n, &cp);

    if (mode == NCR_ESCAPE_TEXT && (p[0] == '\n' || p[0] == '\t'))
        return 1;
    return len > 0 && p[0] != '\\' && escape_printable(cp) ? len : 0;
}

static size_t escape_byte(char out[4], uint8_t b)
{
    out[0] = '\\';
    if (b == '\\') {
        out[1] = '\\';
        return 2;
    }
    out[1] = (char)('0' + (b >> 6));
    out[2] = (char)('0' + (b >> 3 & 7));
    out[3] = (char)('0' + (b & 7));
    return 4;
}

size_t ncr_escape(char *out, size_t cap, struct nacre_bytes in, enum ncr_escape_mode mode)
{
    size_t len = 0;
    size_t i = 0;

    while (i < in.n) {
        char esc[4];
        size_t keep = escape_keep(in.p + i, in.n - i, mode);
        size_t n = keep > 0 ? keep : escape_byte(esc, in.p[i]);

        if (mode == NCR_ESCAPE_TEXT && in.p[i] == '\r' && i + 1 < in.n && in.p[i + 1] == '\n') {
            i++;
            continue;
        }
        if (n > cap - 1 - len)
            break;
        for (size_t k = 0; k < n; k++)
            out[len + k] = keep > 0 ? (char)in.p[i + k] : esc[k];
        len += n;
        i += keep > 0 ? keep : 1;
    }
    out[len] = '\0';
    return len;
}

bool ncr_escape_clean(struct nacre_bytes in)
{
    for (size_t i = 0; i < in.n;) {
        size_t keep = escape_keep(in.p + i, in.n - i, NCR_ESCAPE_LINE);

        if (keep == 0)
            return false;
        i += keep;
    }
    return true;
}
