/* SPDX-License-Identifier: ISC
 *
 * Version exchange, RFC 4253 section 4.2: "SSH-2.0-softwareversion comments" CR LF, at most 255
 * octets. A server may send other lines first, a client may not. A bare LF ends a line too, as old
 * peers send it; a NUL is refused; "SSH-1.99-" counts as 2.0 from a server (section 5.1).
 *
 * The line without CR LF enters the exchange hash, comments and trailing blanks included.
 */
#include "proto/version.h"

#include <string.h>

nacre_err ncr_version_send(struct nacre_conn *c)
{
    struct ncr_wr w = ncr_wr(ncr_outbuf(c), NCR_VERSION_LINE_MAX);

    ncr_put_ident(&w, c);
    ncr_wr_bytes(&w, (const uint8_t *)"\r\n", 2);
    if (w.bad)
        return NACRE_ERR_USAGE;
    c->out_end = (uint32_t)w.n;
    c->tx.all_bytes += w.n;
    c->tx.phase = NCR_PH_KEX1_INIT;
    return NACRE_OK;
}

static bool version_starts(struct nacre_bytes line, const char *s)
{
    size_t n = strlen(s);

    return line.n >= n && memcmp(line.p, s, n) == 0;
}

/* Printable ASCII and blanks: RFC 4253 4.2. Bytes from 0x80 on occur in comments of real peers. */
static bool version_printable(struct nacre_bytes line)
{
    size_t i;

    for (i = 0; i < line.n; i++)
        if (line.p[i] < 0x20 || line.p[i] == 0x7f)
            return false;
    return true;
}

static nacre_err version_take(struct nacre_conn *c, struct nacre_bytes line)
{
    if (line.n > NCR_VERSION_LINE_MAX - 2)
        return ncr_fail(c, NACRE_ERR_VERSION_LIMIT, "version line over 255 octets");
    if (!version_printable(line))
        return ncr_fail(c, NACRE_ERR_VERSION_LINE, "control character in the version line");
    if (!version_starts(line, "SSH-2.0-") &&
        !(c->role == NACRE_CLIENT && version_starts(line, "SSH-1.99-")))
        return ncr_fail(c, NACRE_ERR_VERSION_UNSUPPORTED, "version is not 2.0");
    memcpy(c->ident, line.p, line.n);
    c->ident_len = (uint16_t)line.n;
    c->rx.phase = NCR_PH_KEX1_INIT;
    return NACRE_OK;
}

static nacre_err version_pre_line(struct nacre_conn *c)
{
    if (c->role == NACRE_SERVER)
        return ncr_fail(c, NACRE_ERR_VERSION_LINE, "client's first line is no SSH version");
    if (c->pre_lines >= NCR_PRE_LINES_MAX)
        return ncr_fail(c, NACRE_ERR_VERSION_LIMIT, "too many lines before the version");
    c->pre_lines++;
    return NACRE_OK;
}

nacre_err ncr_version_read(struct nacre_conn *c, enum ncr_version_result *result, size_t *used,
                           struct nacre_bytes *line)
{
    const uint8_t *p = ncr_inbuf(c) + c->in_start;
    size_t n = c->in_end - c->in_start;
    size_t max = c->role == NACRE_CLIENT ? NCR_PRE_LINE_MAX : NCR_VERSION_LINE_MAX;
    const size_t seen = n < max ? n : max;
    size_t i = 0;

    *result = NCR_VERSION_MORE;
    while (i < seen && p[i] != '\n' && p[i] != 0)
        i++;
    if (i < seen && p[i] == 0)
        return ncr_fail(c, NACRE_ERR_VERSION_LINE, "NUL in the version exchange");
    if (i == seen)
        return n < max && n < c->in_cap
                   ? NACRE_OK
                   : ncr_fail(c, NACRE_ERR_VERSION_LIMIT, "line too long in the version exchange");
    *used = i + 1;
    line->p = p;
    line->n = i > 0 && p[i - 1] == '\r' ? i - 1 : i;
    if (version_starts(*line, "SSH-")) {
        *result = NCR_VERSION_DONE;
        return version_take(c, *line);
    }
    *result = NCR_VERSION_PRE_LINE;
    return version_pre_line(c);
}
