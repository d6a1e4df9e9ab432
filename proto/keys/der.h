/* SPDX-License-Identifier: ISC
 *
 * The little of ASN.1's distinguished encoding rules (X.690) that key files need: elements taken
 * one after the other off a reader, definite lengths in their shortest form; and a writer of such.
 */
#ifndef NCR_DER_H
#define NCR_DER_H

#include "proto/wire.h"

enum {
    NCR_DER_INTEGER = 0x02,
    NCR_DER_BIT_STRING = 0x03,
    NCR_DER_OCTET_STRING = 0x04,
    NCR_DER_NULL = 0x05,
    NCR_DER_OID = 0x06,
    NCR_DER_SEQUENCE = 0x30,
    NCR_DER_CONTEXT_0 = 0xa0,
    NCR_DER_CONTEXT_1 = 0xa1
};

/* Contents of the next element, which must have that tag; else r->bad. */
struct nacre_bytes ncr_der_take(struct ncr_rd *r, uint8_t tag);
/* The same as a reader; bad if r is. */
struct ncr_rd ncr_der_enter(struct ncr_rd *r, uint8_t tag);
/* A non-negative INTEGER's magnitude without leading zeros. */
struct nacre_bytes ncr_der_number(struct ncr_rd *r);
/* An INTEGER of at most 32 bits. */
uint32_t ncr_der_small(struct ncr_rd *r);
/* True if the next element has that tag; takes nothing. */
bool ncr_der_is(const struct ncr_rd *r, uint8_t tag);

/* A writer that goes from the end of its memory to the front, so that a length is known when it is
 * written: children last to first, then the head around them. What does not fit sets `bad`. */
struct ncr_der_wr {
    uint8_t *p;
    size_t at; /* bytes free in front; the element is behind them, up to cap */
    size_t cap;
    bool bad;
};
struct ncr_der_wr ncr_der_wr(uint8_t *p, size_t cap);
/* n bytes as they are; p may be NULL if n is 0. */
void ncr_der_put_bytes(struct ncr_der_wr *w, const uint8_t *p, size_t n);
/* Tag and length of what was written since w->at was `end`. */
void ncr_der_put_head(struct ncr_der_wr *w, uint8_t tag, size_t end);
/* An element with n bytes of contents. */
void ncr_der_put(struct ncr_der_wr *w, uint8_t tag, const uint8_t *p, size_t n);
/* A non-negative INTEGER of n big-endian bytes, leading zeros allowed. CT in the value but for the
 * number of its leading zero bits, which the encoding shows. */
void ncr_der_put_number(struct ncr_der_wr *w, const uint8_t *p, size_t n);
void ncr_der_put_small(struct ncr_der_wr *w, uint32_t v);
/* What was written; empty if bad. */
struct nacre_bytes ncr_der_done(const struct ncr_der_wr *w);

#endif
