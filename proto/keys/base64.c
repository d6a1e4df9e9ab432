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
#include "crypto/load.h"

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

/* Eight characters side by side in the bytes of a word: the byte x in each. */
#define BASE64_LANES(x) ((uint64_t)(x)*0x0101010101010101)

/* Ones in the bytes that the range has. Bytes of c are below 0x80, so that no sum carries over. */
static uint64_t base64_in(uint64_t c, const struct base64_range *r)
{
    uint64_t at_least = c + BASE64_LANES(0x80 - r->first);
    uint64_t above = c + BASE64_LANES(0x7f - r->last);
    uint64_t top = ncr_ct_barrier64(at_least & ~above & BASE64_LANES(0x80));

    return (top << 1) - (top >> 7);
}

/* The 48 bits of eight characters, the first in the highest byte; *bad gets bits if one has no
 * value. */
static uint64_t base64_values(uint64_t text, uint64_t *bad)
{
    uint64_t c = text & BASE64_LANES(0x7f);
    uint64_t delta = 0; /* from character to value, in each byte modulo 256 */
    uint64_t found = 0;
    size_t i;

    for (i = 0; i < BASE64_RANGES; i++) {
        const struct base64_range *r = &base64_ranges[i];
        uint64_t in = base64_in(c, r);

        delta |= in & BASE64_LANES((r->value - r->first) & 0xff);
        found |= in;
    }
    *bad |= ~found | (text & BASE64_LANES(0x80));
    c = ((c + (delta & BASE64_LANES(0x7f))) ^ (delta & BASE64_LANES(0x80))) & BASE64_LANES(0x3f);
    c = (c & 0x3f003f003f003f00) >> 2 | (c & 0x003f003f003f003f);
    c = (c & 0x0fff00000fff0000) >> 4 | (c & 0x00000fff00000fff);
    return (c & 0x00ffffff00000000) >> 8 | (c & 0x0000000000ffffff);
}

/* Decodes two groups of four characters to 6 bytes. */
static void base64_two_groups(uint8_t *out, const uint8_t *in, uint64_t *bad)
{
    uint8_t bytes[8];

    ncr_store64be(bytes, base64_values(ncr_load64be(in), bad));
    memcpy(out, bytes + 2, 6);
}

/* Decodes one group, the last `pad` of its characters padding, to 3 - pad bytes. Bits below the
 * last byte must be 0. */
static void base64_group(uint8_t *out, const uint8_t *in, unsigned pad, uint64_t *bad)
{
    uint8_t bytes[8];

    memset(bytes, 'A', sizeof bytes); /* of value 0 */
    memcpy(bytes, in, 4 - pad);
    ncr_store64be(bytes, base64_values(ncr_load64be(bytes), bad));
    memcpy(out, bytes + 2, 3 - pad);
    *bad |= pad > 0 ? bytes[4] : 0;
    *bad |= pad > 1 ? bytes[3] : 0;
}

/* How many of the last two characters are padding; that tells the length, which is public. */
static unsigned base64_padding(struct nacre_bytes text)
{
    uint32_t last = ncr_ct_mask_eq32(text.p[text.n - 1], '=') & 1;
    uint32_t both = ncr_ct_mask_eq32(text.p[text.n - 2], '=') & last;
    unsigned pad = last + both;

    NCR_CT_PUBLIC(&pad, sizeof pad); /* the length, which the size of the text shows nearly */
    return pad;
}

bool ncr_base64_decode(uint8_t *out, size_t cap, size_t *n, struct nacre_bytes text)
{
    size_t groups = text.n / 4;
    unsigned pad;
    uint64_t bad = 0;
    size_t i;

    *n = 0;
    if (text.n % 4 != 0)
        return false;
    if (groups == 0)
        return true;
    pad = base64_padding(text);
    if (groups > cap / 3 && groups * 3 - pad > cap)
        return false;
    for (i = 0; i + 2 < groups; i += 2)
        base64_two_groups(out + 3 * i, text.p + 4 * i, &bad);
    for (; i < groups; i++)
        base64_group(out + 3 * i, text.p + 4 * i, i == groups - 1 ? pad : 0, &bad);
    NCR_CT_PUBLIC(&bad, sizeof bad); /* whether the text is well formed */
    if (bad != 0) {
        nacre_wipe(out, groups * 3 - pad);
        return false;
    }
    *n = groups * 3 - pad;
    return true;
}
