/* SPDX-License-Identifier: ISC
 *
 * What sntrup761.c shares with its twins (sntrup761_avx2.c): sizes, and the states of its two
 * longest loops. The algorithm is explained there.
 */
#ifndef NCR_SNTRUP761_H
#define NCR_SNTRUP761_H

#include <stdint.h>
#include "crypto/cpu.h"
#include "crypto/ct.h"

enum {
    NCR_SNTRUP_P = 761,
    NCR_SNTRUP_Q = 4591,
    NCR_SNTRUP_MINUS_QINV = 0xc2f1, /* -1/q modulo 2^16 */
    NCR_SNTRUP_ROOM = 768,          /* of a polynomial; coefficients from p on are 0 */
    NCR_SNTRUP_PAD = 32,            /* a multiple of every number of lanes */
    NCR_SNTRUP_GROUP = 13,          /* coefficients that are multiplied between two reductions */
    NCR_SNTRUP_SPAN = 800,          /* what a group changes: 761 + 12, rounded up */
    NCR_SNTRUP_STEPS = 2 * NCR_SNTRUP_P - 1
};

/* f g before its reduction by x^p - x - 1: f stands between zeros. */
struct ncr_sntrup_product {
    int16_t f[NCR_SNTRUP_PAD + NCR_SNTRUP_SPAN];
    int16_t acc[NCR_SNTRUP_P + NCR_SNTRUP_SPAN];
};

/* The state of the division steps modulo q: each polynomial from index NCR_SNTRUP_PAD on, between
 * zeros. */
struct ncr_sntrup_fgvr {
    uint16_t f[NCR_SNTRUP_PAD + NCR_SNTRUP_ROOM];
    uint16_t g[NCR_SNTRUP_PAD + NCR_SNTRUP_ROOM];
    uint16_t v[NCR_SNTRUP_PAD + NCR_SNTRUP_ROOM];
    uint16_t r[NCR_SNTRUP_PAD + NCR_SNTRUP_ROOM];
};

/* One division step's exchange as a mask, where nonzero says as a mask that g(0) is not 0; moves
 * delta on. */
static inline uint32_t ncr_sntrup_swap(uint32_t *delta, uint32_t nonzero)
{
    const uint32_t swap = nonzero & ncr_ct_mask_bit32((0 - *delta) >> 31);
    *delta = ((*delta ^ swap) - swap) + 1;
    return swap;
}

#if NCR_X86
/* acc += f g for all of g, coefficients from -1 to 1; acc from -2932 to 2932. */
void ncr_sntrup_mul_groups_avx2(struct ncr_sntrup_product *p, const int16_t g[NCR_SNTRUP_ROOM]);
/* All division steps modulo q. */
void ncr_sntrup_steps_avx2(struct ncr_sntrup_fgvr *s);
#endif

#endif
