/* SPDX-License-Identifier: ISC
 *
 * Signature algorithms under test: keys and signatures as blobs, given to a row of the table in
 * memory of exactly their sizes, and the damage that every algorithm has to refuse. Links with
 * Criterion.
 */
#ifndef NACRE_TESTS_SIG_RIG_H
#define NACRE_TESTS_SIG_RIG_H

#include "proto/alg.h"

/* Blob of the form: string, the row's name; string of n bytes. */
struct sig_blob {
    uint8_t p[2800];
    size_t n;
};

/* A key, a message and its signature by that row, all good. */
struct sig_case {
    const struct ncr_sig *row;
    struct sig_blob key, sig;
    uint8_t data[40];
    struct nacre_bytes msg;
};

extern uint64_t sig_work[NACRE_WORK];

/* check_key and verify on copies of exactly the blobs' sizes. */
nacre_err sig_check_exact(const struct ncr_sig *row, struct nacre_bytes key);
nacre_err sig_verify_exact(const struct ncr_sig *row, struct nacre_bytes key,
                           struct nacre_bytes data, struct nacre_bytes sig);

struct sig_blob sig_blob_of(const struct ncr_sig *row, const uint8_t *p, size_t n);
struct nacre_bytes sig_bytes(const struct sig_blob *b);
/* Bytes before the second string's in a blob of that row. */
size_t sig_head(const struct ncr_sig *row);

/* Sets row, data and msg; key and sig are the caller's to make. */
void sig_case_begin(struct sig_case *c, const struct ncr_sig *row);
/* What check_key and verify say of another key or signature in the case. */
nacre_err sig_case_check(const struct sig_case *c, const struct sig_blob *key);
nacre_err sig_case_key(const struct sig_case *c, const struct sig_blob *key);
nacre_err sig_case_sig(const struct sig_case *c, const struct sig_blob *sig);

/* The blob must be refused for its format. */
void sig_broken(const struct sig_case *c, const struct sig_blob *b, bool is_key);
/* s20: key and signature cut at every length, extended, each length field wrong. */
void sig_cut_and_stretched(const struct sig_case *c);
/* s16: bits of key, signature and data flipped; behind the names every step-th. */
void sig_bits_flipped(struct sig_case *c, size_t step);
/* A good blob under another name of the same length. */
void sig_renamed(const struct sig_case *c, const char *const *names, size_t n);

#endif
