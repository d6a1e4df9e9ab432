/* SPDX-License-Identifier: ISC
 *
 * Numeric addresses against lists of them, as in from= of authorized_keys: addresses, CIDR blocks,
 * and patterns over the address's text. Names of hosts are never resolved: what a peer's name
 * server says gives no rights.
 *
 * An IPv4 address mapped into IPv6 (::ffff:a.b.c.d) is the IPv4 address. A list that cannot be read
 * denies.
 */
#include <string.h>

#include "proto/keys/nacre_keys.h"
#include "proto/keys/text.h"

#define ADDR_V4_LEN 4
#define ADDR_V6_LEN 16
#define ADDR_V4_TEXT_MAX 15 /* 255.255.255.255 */

struct addr_num {
    uint8_t b[ADDR_V6_LEN];
    size_t n; /* 4 or 16 bytes */
};

static bool addr_read_v4(uint8_t out[ADDR_V4_LEN], struct nacre_bytes text)
{
    size_t i;

    for (i = 0; i < ADDR_V4_LEN; i++) {
        struct nacre_bytes part = text;
        uint64_t v;

        part.n = 0;
        while (part.n < text.n && text.p[part.n] != '.')
            part.n++;
        if (!ncr_text_number(&v, part, 3, 255) || (part.n > 1 && part.p[0] == '0'))
            return false;
        out[i] = (uint8_t)v;
        text.p += part.n;
        text.n -= part.n;
        if (i < ADDR_V4_LEN - 1) {
            if (text.n == 0)
                return false;
            text.p++;
            text.n--;
        }
    }
    return text.n == 0;
}

/* 1 to 4 hexadecimal digits. */
static bool addr_read_group(uint8_t out[2], struct nacre_bytes part)
{
    unsigned v = 0;
    size_t i;

    if (part.n == 0 || part.n > 4)
        return false;
    for (i = 0; i < part.n; i++) {
        uint8_t c = ncr_text_lower(part.p[i]);

        if (c >= '0' && c <= '9')
            v = v << 4 | (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (unsigned)(c - 'a' + 10);
        else
            return false;
    }
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)(v & 0xff);
    return true;
}

/* Groups separated by ':' (the last may be an IPv4 address) into out; *n bytes of it, at most 16.
 */
static bool addr_read_groups(uint8_t out[ADDR_V6_LEN], size_t *n, struct nacre_bytes text)
{
    *n = 0;
    while (text.n > 0) {
        struct nacre_bytes part = text;

        part.n = 0;
        while (part.n < text.n && text.p[part.n] != ':')
            part.n++;
        if (part.n == text.n && ncr_text_has(part, '.')) {
            if (*n > ADDR_V6_LEN - ADDR_V4_LEN || !addr_read_v4(out + *n, part))
                return false;
            *n += ADDR_V4_LEN;
            return true;
        }
        if (*n > ADDR_V6_LEN - 2 || !addr_read_group(out + *n, part))
            return false;
        *n += 2;
        text.p += part.n;
        text.n -= part.n;
        if (text.n == 1)
            return false; /* ends with ':' */
        if (text.n > 0) {
            text.p++;
            text.n--;
        }
    }
    return true;
}

static bool addr_read_v6(uint8_t out[ADDR_V6_LEN], struct nacre_bytes text)
{
    struct nacre_bytes head = text;
    struct nacre_bytes tail = {NULL, 0};
    uint8_t behind[ADDR_V6_LEN];
    size_t n;
    size_t m;
    size_t i;
    bool gap = false;

    for (i = 0; i + 1 < text.n && !gap; i++) {
        if (text.p[i] == ':' && text.p[i + 1] == ':') {
            head.n = i;
            tail.p = text.p + i + 2;
            tail.n = text.n - i - 2;
            gap = true;
        }
    }
    memset(out, 0, ADDR_V6_LEN);
    if (!addr_read_groups(out, &n, head) || !addr_read_groups(behind, &m, tail))
        return false;
    if (!gap)
        return n == ADDR_V6_LEN;
    if (n > 0 && ncr_text_has(head, '.'))
        return false;
    if (n + m > ADDR_V6_LEN - 2) /* "::" stands for one group at least */
        return false;
    memcpy(out + ADDR_V6_LEN - m, behind, m);
    return true;
}

static bool addr_read(struct addr_num *a, struct nacre_bytes text)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memset(a, 0, sizeof *a);
    if (text.n == 0)
        return false;
    if (!ncr_text_has(text, ':')) {
        a->n = ADDR_V4_LEN;
        return addr_read_v4(a->b, text);
    }
    a->n = ADDR_V6_LEN;
    if (!addr_read_v6(a->b, text))
        return false;
    if (memcmp(a->b, mapped, sizeof mapped) == 0) {
        memmove(a->b, a->b + sizeof mapped, ADDR_V4_LEN);
        a->n = ADDR_V4_LEN;
    }
    return true;
}

/* ---- Matching ---- */

/* Whether the first `bits` bits agree. */
static bool addr_same_prefix(const uint8_t *a, const uint8_t *b, size_t bits)
{
    size_t whole = bits / 8;
    uint8_t mask = (uint8_t)(0xff00u >> (bits % 8) & 0xff);

    if (memcmp(a, b, whole) != 0)
        return false;
    return bits % 8 == 0 || ((a[whole] ^ b[whole]) & mask) == 0;
}

/* Whether all bits after the first `bits` are zero. */
static bool addr_rest_is_zero(const struct addr_num *a, size_t bits)
{
    static const uint8_t zero[ADDR_V6_LEN];
    uint8_t masked[ADDR_V6_LEN];
    size_t i;

    for (i = 0; i < a->n; i++) {
        uint8_t keep = i < bits / 8 ? 0xff : 0;

        if (i == bits / 8)
            keep = (uint8_t)(0xff00u >> (bits % 8) & 0xff);
        masked[i] = (uint8_t)(a->b[i] & ~keep);
    }
    return memcmp(masked, zero, a->n) == 0;
}

/* address/bits; a block with bits set outside its prefix is a mistake, and denies. */
static enum nacre_addr_match addr_match_block(struct nacre_bytes item, size_t slash,
                                              const struct addr_num *peer)
{
    struct nacre_bytes base = {item.p, slash};
    struct nacre_bytes digits = {item.p + slash + 1, item.n - slash - 1};
    struct addr_num net;
    uint64_t bits;

    if (!addr_read(&net, base) || !ncr_text_number(&bits, digits, 3, net.n * 8) ||
        !addr_rest_is_zero(&net, (size_t)bits))
        return NACRE_ADDR_BAD;
    if (net.n != peer->n || !addr_same_prefix(net.b, peer->b, (size_t)bits))
        return NACRE_ADDR_NO;
    return NACRE_ADDR_YES;
}

static enum nacre_addr_match addr_match_item(struct nacre_bytes item, const struct addr_num *peer,
                                             struct nacre_bytes text)
{
    struct addr_num one;
    size_t slash = 0;

    if (item.n == 0)
        return NACRE_ADDR_BAD;
    while (slash < item.n && item.p[slash] != '/')
        slash++;
    if (slash < item.n)
        return addr_match_block(item, slash, peer);
    if (addr_read(&one, item))
        return one.n == peer->n && memcmp(one.b, peer->b, one.n) == 0 ? NACRE_ADDR_YES
                                                                      : NACRE_ADDR_NO;
    if (item.p[0] == '!')
        return NACRE_ADDR_BAD;
    return nacre_pattern_list_match(item, text) ? NACRE_ADDR_YES : NACRE_ADDR_NO;
}

/* The text that patterns are compared with: of a mapped address only its last part. */
static struct nacre_bytes addr_text(struct nacre_bytes addr, const struct addr_num *peer,
                                    char out[ADDR_V4_TEXT_MAX + 1])
{
    struct nacre_bytes text = {(const uint8_t *)out, 0};
    size_t at = 0;
    size_t i;

    if (peer->n != ADDR_V4_LEN)
        return addr;
    for (i = 0; i < ADDR_V4_LEN; i++) {
        unsigned v = peer->b[i];

        if (i > 0)
            out[at++] = '.';
        if (v >= 100)
            out[at++] = (char)('0' + v / 100);
        if (v >= 10)
            out[at++] = (char)('0' + v / 10 % 10);
        out[at++] = (char)('0' + v % 10);
    }
    text.n = at;
    return text;
}

enum nacre_addr_match nacre_addr_list_match(struct nacre_bytes list, struct nacre_bytes addr)
{
    struct addr_num peer;
    char v4[ADDR_V4_TEXT_MAX + 1];
    struct nacre_bytes text;
    struct nacre_bytes item;
    enum nacre_addr_match found = NACRE_ADDR_NO;
    bool denied = false;

    if (!addr_read(&peer, addr))
        return NACRE_ADDR_BAD;
    text = addr_text(addr, &peer, v4);
    while (ncr_text_item(&list, &item)) {
        bool deny = item.n > 0 && item.p[0] == '!';
        enum nacre_addr_match match;

        if (deny) {
            item.p++;
            item.n--;
        }
        match = addr_match_item(item, &peer, text);
        if (match == NACRE_ADDR_BAD)
            return NACRE_ADDR_BAD;
        if (match == NACRE_ADDR_YES && deny)
            denied = true;
        else if (match == NACRE_ADDR_YES)
            found = NACRE_ADDR_YES;
    }
    return denied ? NACRE_ADDR_DENIED : found;
}

bool nacre_addr_blocks_valid(struct nacre_bytes list)
{
    struct nacre_bytes item;
    struct addr_num one = {{0}, ADDR_V4_LEN}; /* any does: it is the block that is tried */
    bool any = false;

    while (ncr_text_item(&list, &item)) {
        size_t slash = 0;

        while (slash < item.n && item.p[slash] != '/')
            slash++;
        any = true;
        if (slash == item.n ? !addr_read(&one, item)
                            : addr_match_block(item, slash, &one) == NACRE_ADDR_BAD)
            return false;
    }
    return any;
}
