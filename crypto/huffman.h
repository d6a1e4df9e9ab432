/* SPDX-License-Identifier: ISC
 *
 * What the codes of INFLATE and DEFLATE have in common: RFC 1951, section 3.2.
 */
#ifndef NCR_HUFFMAN_H
#define NCR_HUFFMAN_H

#include <stdint.h>
#include <string.h>

/* Symbols: literals with lengths, and distances, as the fixed codes have them (3.2.6); a block
 * names fewer (3.2.7). The code of the code lengths has 19. */
enum {
    NCR_HUFF_LIT = 288,
    NCR_HUFF_DIST = 32,
    NCR_HUFF_LIT_USED = 286,
    NCR_HUFF_DIST_USED = 30,
    NCR_HUFF_LENS = 19
};

/* In what order the lengths of the code of the code lengths stand. */
static const uint8_t ncr_huff_order[NCR_HUFF_LENS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                      11, 4,  12, 3, 13, 2, 14, 1, 15};

/* The n bits of a code, n <= 15, in the order in which they are sent: highest first, where all else
 * is sent lowest first (3.1.1). */
static inline uint32_t ncr_huff_reverse(uint32_t x, unsigned n)
{
    x = (x & 0x5555) << 1 | (x >> 1 & 0x5555);
    x = (x & 0x3333) << 2 | (x >> 2 & 0x3333);
    x = (x & 0x0f0f) << 4 | (x >> 4 & 0x0f0f);
    x = (x & 0x00ff) << 8 | (x >> 8 & 0x00ff);
    return x >> (16 - n);
}

/* Lengths of the fixed codes: lens holds NCR_HUFF_LIT of the one, then NCR_HUFF_DIST of the other.
 */
static inline void ncr_huff_fixed(uint8_t *lens)
{
    memset(lens, 8, 144);
    memset(lens + 144, 9, 256 - 144);
    memset(lens + 256, 7, 280 - 256);
    memset(lens + 280, 8, NCR_HUFF_LIT - 280);
    memset(lens + NCR_HUFF_LIT, 5, NCR_HUFF_DIST);
}

#endif
