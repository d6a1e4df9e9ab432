/* SPDX-License-Identifier: ISC
 *
 * Base64 without tables: see base64.h.
 *
 * A 6-bit value x and its character c differ by a constant in each of five ranges:
 *     0-25 'A'-'Z'   26-51 'a'-'z'   52-61 '0'-'9'   62 '+'   63 '/'
 * and masks of comparisons choose the constant.
 */
#include "proto/keys/base64.h"

#include <string.h>

#include "crypto/ct.h"

struct base64_range {
    uint8_t first, last; /* characters */
    uint8_t value;       /* of the first */
};

static const struct base64_range base64_ranges[] = {
    {'A', 'Z', 0}, {'a', 'z', 26}, {'0', '9', 52}, {'+', '+', 62}, {'/', '/', 63}};
#define BASE64_RANGES (sizeof base64_ranges / sizeof base64_ranges[0])

static uint8_t base64_char(uint32_t x)
{
    uint32_t c = 0;
    size_t i;

    for (i = 0; i < BASE64_RANGES; i++) {
        const struct base64_range *r = &base64_ranges[i];
        uint32_t at_least = ~ncr_ct_mask_lt32(x, r->value);

        c = ncr_ct_select32(at_least, x - r->value + r->first, c);
    }
    return (uint8_t)(c & 0xff);
}

/* The value of a character; *bad gets ones if it has none. */
static uint32_t base64_value(uint8_t c, uint32_t *bad)
{
    uint32_t x = 0;
    uint32_t found = 0;
    size_t i;

    for (i = 0; i < BASE64_RANGES; i++) {
        const struct base64_range *r = &base64_ranges[i];
        uint32_t in = ~(ncr_ct_mask_lt32(c, r->first) | ncr_ct_mask_lt32(r->last, c));

        x |= in & ((uint32_t)c - r->first + r->value);
        found |= in;
    }
    *bad |= ~found;
    return x;
}

void ncr_base64_encode(char *out, const uint8_t *in, size_t n)
{
    while (n > 0) {
        uint32_t v = (uint32_t)in[0] << 16;

        if (n > 1)
            v |= (uint32_t)in[1] << 8;
        if (n > 2)
            v |= in[2];
        out[0] = (char)base64_char(v >> 18);
        out[1] = (char)base64_char(v >> 12 & 63);
        out[2] = n > 1 ? (char)base64_char(v >> 6 & 63) : '=';
        out[3] = n > 2 ? (char)base64_char(v & 63) : '=';
        out += 4;
        in += n > 2 ? 3 : n;
        n -= n > 2 ? 3 : n;
    }
}

/* Decodes one group of four characters, the last `pad` of them padding, to 3 - pad bytes. */
static void base64_group(uint8_t *out, const uint8_t *in, unsigned pad, uint32_t *bad)
{
    uint32_t v = base64_value(in[0], bad) << 18 | base64_value(in[1], bad) << 12;

    if (pad < 2)
        v |= base64_value(in[2], bad) << 6;
    if (pad < 1)
        v |= base64_value(in[3], bad);
    out[0] = (uint8_t)(v >> 16 & 0xff);
    if (pad < 2)
        out[1] = (uint8_t)(v >> 8 & 0xff);
    if (pad < 1)
        out[2] = (uint8_t)(v & 0xff);
    /* Bits below the last byte: 4 of them with one '=' less than three characters, 2 with one. */
    if (pad == 2)
        *bad |= ncr_ct_mask_nonzero32(v & 0xffff);
    if (pad == 1)
        *bad |= ncr_ct_mask_nonzero32(v & 0xff);
}

/* How many of the last two characters are padding; that tells the length, which is public. */
static unsigned base64_padding(struct nacre_bytes text)
{
    uint32_t last = ncr_ct_mask_eq32(text.p[text.n - 1], '=') & 1;
    uint32_t both = ncr_ct_mask_eq32(text.p[text.n - 2], '=') & last;
    unsigned pad = last + both;

    NCR_CT_PUBLIC(&pad, sizeof pad);
    return pad;
}

bool ncr_base64_decode(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes text)
{
    size_t groups = text.n / 4;
    unsigned pad;
    uint32_t bad = 0;
    size_t i;

    *n = 0;
    if (text.n % 4 != 0)
        return false;
    if (groups == 0)
        return true;
    pad = base64_padding(text);
    if (groups > cap / 3 && groups * 3 - pad > cap)
        return false;
    for (i = 0; i < groups; i++)
        base64_group(out + 3 * i, text.p + 4 * i, i == groups - 1 ? pad : 0, &bad);
    NCR_CT_PUBLIC(&bad, sizeof bad); /* whether the text is well formed */
    if (bad != 0) {
        nacre_wipe(out, groups * 3 - pad);
        return false;
    }
    *n = groups * 3 - pad;
    return true;
}
