/* SPDX-License-Identifier: ISC
 *
 * Reading and writing of the data types of RFC 4251 section 5.
 *
 * One reader, one writer. A read past the end sets `bad`, which sticks; every later read yields
 * zero or an empty slice, so that a decoder reads all fields and asks once, at the end, with
 * ncr_rd_end(). Strings are slices of the input. The writer works the same way: what does not fit
 * sets `bad` and writes nothing. A writer with a hash feeds the bytes to it and stores none.
 */
#ifndef NCR_WIRE_H
#define NCR_WIRE_H

#include "proto/nacre.h"

struct ncr_rd {
    const uint8_t *p;
    size_t n; /* bytes left */
    bool bad;
};

struct ncr_wr {
    uint8_t *p;
    size_t n; /* bytes written */
    size_t cap;
    bool bad;
    const struct nacre_hash *hash; /* not NULL: bytes go to hash_ctx instead of p */
    union nacre_hash_ctx *hash_ctx;
};

struct ncr_rd ncr_rd(struct nacre_bytes b);
uint8_t ncr_rd_u8(struct ncr_rd *r);
/* Any non-zero octet is true (RFC 4251 5). */
bool ncr_rd_bool(struct ncr_rd *r);
uint32_t ncr_rd_u32(struct ncr_rd *r);
uint64_t ncr_rd_u64(struct ncr_rd *r);
/* Exactly n bytes. */
struct nacre_bytes ncr_rd_bytes(struct ncr_rd *r, size_t n);
/* uint32 length and that many bytes. */
struct nacre_bytes ncr_rd_string(struct ncr_rd *r);
/* A string of at most max bytes; a longer one is bad. */
struct nacre_bytes ncr_rd_string_max(struct ncr_rd *r, size_t max);
/* A non-negative mpint as its magnitude without leading zeros; negative or over max_bits is bad.
 * Surplus leading zero bytes are accepted. */
struct nacre_bytes ncr_rd_mpint(struct ncr_rd *r, size_t max_bits);
/* All that is left. */
struct nacre_bytes ncr_rd_rest(struct ncr_rd *r);
/* No failure and nothing left: only then may the fields be used. */
bool ncr_rd_end(const struct ncr_rd *r);

struct ncr_wr ncr_wr(uint8_t *p, size_t cap);
struct ncr_wr ncr_wr_hash(const struct nacre_hash *hash, union nacre_hash_ctx *ctx);
void ncr_wr_u8(struct ncr_wr *w, uint8_t v);
void ncr_wr_bool(struct ncr_wr *w, bool v);
void ncr_wr_u32(struct ncr_wr *w, uint32_t v);
void ncr_wr_u64(struct ncr_wr *w, uint64_t v);
/* n bytes as they are; p may be NULL if n is 0. */
void ncr_wr_bytes(struct ncr_wr *w, const uint8_t *p, size_t n);
void ncr_wr_string(struct ncr_wr *w, struct nacre_bytes b);
void ncr_wr_cstring(struct ncr_wr *w, const char *s);
/* n big-endian bytes, leading zeros allowed, as a minimal mpint. CT in the value but for the
 * number of its leading zero bits, which the encoding shows. */
void ncr_wr_mpint(struct ncr_wr *w, const uint8_t *p, size_t n);
/* Starts a string whose length is not known yet; returns the mark for ncr_wr_string_end(). Not for
 * hash writers. */
size_t ncr_wr_string_begin(struct ncr_wr *w);
void ncr_wr_string_end(struct ncr_wr *w, size_t mark);
/* What was written, empty if bad. */
struct nacre_bytes ncr_wr_done(const struct ncr_wr *w);

/* Name-lists (RFC 4251 5): walks the names of a list; false at its end. */
bool ncr_list_next(struct nacre_bytes *rest, struct nacre_bytes *name);
/* True if name is one of list. */
bool ncr_list_has(struct nacre_bytes list, struct nacre_bytes name);
/* Well formed: no empty name, 1-64 printable ASCII characters each without comma or blank, at most
 * one '@', at most max_names names; the empty list is well formed. */
bool ncr_list_valid(struct nacre_bytes list, size_t max_names);

bool ncr_bytes_eq(struct nacre_bytes a, struct nacre_bytes b);

#endif
