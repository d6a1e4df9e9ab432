/* SPDX-License-Identifier: ISC
 *
 * Compression, RFC 4253 section 6.2: `zlib`, from NEWKEYS on, and `zlib@openssh.com`, which waits
 * until authentication is complete, so that who has no account reaches no decompressor
 * (draft-miller-secsh-compression-delayed). Payloads of a direction are one zlib stream, flushed
 * with each packet; each NEWKEYS begins a new one.
 *
 * Both are off unless a configuration names them: what is compressed tells of itself by its length
 * (CVE-2012-4929 and others), where secrets and an attacker's text are in one channel.
 *
 * A payload may inflate to NCR_COMP_PAYLOAD_MAX bytes and no more, whatever its size. The state in
 * the region is safe by construction (inflate.c, deflate.c): a process that takes over a connection
 * from one trusted less need not check it.
 */
#include "proto/compress.h"

/* Numbers of the connection protocol start here (RFC 4250 4.1.2). */
#define NCR_COMP_FIRST_CONN 80

static void comp_start(struct ncr_comp_mem *m, bool rx)
{
    if (rx)
        nacre_inflate_init(&m->rx, true);
    else
        nacre_deflate_init(&m->tx, NCR_COMP_LEVEL);
}

static nacre_err comp_open(struct ncr_comp_mem *m, uint32_t at, struct nacre_bytes *payload)
{
    enum nacre_inflate_state state;
    size_t n, used;

    if (at > NCR_COMP_BUF_LEN - NCR_COMP_PAYLOAD_MAX)
        return NACRE_ERR_INTERNAL;
    state =
        nacre_inflate(&m->rx, m->buf + at, NCR_COMP_PAYLOAD_MAX, &n, payload->p, payload->n, &used);
    payload->p = m->buf + at;
    payload->n = n;
    if (state == NACRE_INFLATE_FULL)
        return NACRE_ERR_LIMIT;
    return state == NACRE_INFLATE_MORE && n > 0 ? NACRE_OK : NACRE_ERR_COMPRESSION;
}

static nacre_err comp_seal(struct ncr_comp_mem *m, uint8_t *p, size_t cap, size_t *n)
{
    *n = nacre_deflate(&m->tx, p, cap, p, *n);
    return *n > 0 ? NACRE_OK : NACRE_ERR_INTERNAL;
}

static bool comp_wanted(const struct ncr_dir *d, const struct ncr_comp_mem *m, bool authed)
{
    return m != NULL && d->comp != NULL && d->comp->start != NULL && (authed || !d->comp->delayed);
}

void ncr_comp_install(struct ncr_dir *d, struct ncr_comp_mem *m, bool rx, bool authed)
{
    d->comp_on = comp_wanted(d, m, authed);
    if (d->comp_on)
        d->comp->start(m, rx);
}

void ncr_comp_authed(struct ncr_dir *d, struct ncr_comp_mem *m, bool rx)
{
    if (!d->comp_on)
        ncr_comp_install(d, m, rx, true);
}

/* RFC 1950 2.2: the low four bits of the first byte are 8, and the first two are a multiple of 31.
 * No message that may be sent before SUCCESS has such a number. */
bool ncr_comp_is_plain(struct nacre_bytes payload)
{
    const bool stream = payload.n >= 2 && (payload.p[0] & 15) == 8 &&
                        ((uint32_t)payload.p[0] << 8 | payload.p[1]) % 31 == 0;

    return !stream && payload.p[0] < NCR_COMP_FIRST_CONN;
}

bool ncr_comp_sound(const struct ncr_dir *d, const struct ncr_comp_mem *m, bool authed)
{
    return d->comp_on == comp_wanted(d, m, authed);
}

const struct ncr_comp ncr_comp_zlib = {
    .name = "zlib",
    .grade = NCR_GRADE_NAMED,
    .start = comp_start,
    .open = comp_open,
    .seal = comp_seal,
};

const struct ncr_comp ncr_comp_zlib_openssh = {
    .name = "zlib@openssh.com",
    .grade = NCR_GRADE_NAMED,
    .delayed = true,
    .start = comp_start,
    .open = comp_open,
    .seal = comp_seal,
};
