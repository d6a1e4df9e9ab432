/* SPDX-License-Identifier: ISC
 *
 * Inside of the kat test oracle: requests, answers and the tables of verbs. kat.c reads lines,
 * takes arguments apart as the row of the verb says, and prints the answer; kat_*.c hold the verbs.
 */
#ifndef NACRE_TESTS_KAT_H
#define NACRE_TESTS_KAT_H

#include "proto/nacre.h"

#include <stdint.h>

enum kat_result { KAT_OK, KAT_REJECT, KAT_ERROR, KAT_UNSUPPORTED };

/* One argument; the member that its kind names is filled. */
struct kat_arg {
    struct nacre_bytes b; /* bytes */
    uint64_t num;         /* int */
    const char *name;     /* name */
};

struct kat_req {
    const struct kat_arg *arg;
    size_t n;        /* arguments there are */
    const char *why; /* text of an error */
    char *out;       /* outputs so far, each with a blank before it */
    size_t out_len, out_cap;
    void **mem; /* memory of the request */
    size_t n_mem;
};

/* args is a list of kinds, separated by blanks:
 *     name    a token                      int     decimal, 64 bits
 *     bytes   hex                          int32   decimal, 32 bits
 *     bytesN  hex of exactly N bytes       chunk   decimal, at least 1
 *     aeskey  hex of 16, 24 or 32 bytes
 * A kind after a `?` is optional (and so is what follows); the last one may end in `+`: one or more
 * of it. Whatever does not fit is an error before fn is called. */
struct kat_verb {
    const char *name;
    const char *args;
    enum kat_result (*fn)(struct kat_req *r);
};

/* Each ends with a row without name. */
extern const struct kat_verb kat_comp_verbs[];
extern const struct kat_verb kat_cipher_verbs[];
extern const struct kat_verb kat_crypto_verbs[];
extern const struct kat_verb kat_ssh_verbs[];
extern const struct kat_verb kat_sntrup_verbs[];
extern const struct kat_verb kat_dsa_verbs[];
extern const struct kat_verb kat_ec_verbs[];
extern const struct kat_verb kat_kem_verbs[];
extern const struct kat_verb kat_key_verbs[];
extern const struct kat_verb kat_cert_verbs[];
extern const struct kat_verb kat_rsa_verbs[];
extern const struct kat_verb kat_hash_verbs[];

/* Outputs. */
void kat_put(struct kat_req *r, const uint8_t *p, size_t n);
void kat_put_name(struct kat_req *r, const char *s, size_t n);
void kat_put_int(struct kat_req *r, uint64_t v);

/* Memory until the end of the request, zeroed; never NULL. */
void *kat_alloc(struct kat_req *r, size_t n);
/* KAT_ERROR with that text. */
enum kat_result kat_error(struct kat_req *r, const char *why);
/* What to answer for a name that this build has no row for: KAT_UNSUPPORTED if the protocol's list
 * (separated by blanks) has it, else an error. */
enum kat_result kat_no_name(struct kat_req *r, const char *name, const char *list);
/* The hash verb for SHA-3, whose contexts are of their own kind; an error for another name. */
enum kat_result kat_sha3(struct kat_req *r);
/* True if the list, separated by blanks, has that word. */
bool kat_list_has(const char *list, const char *word, size_t n);

#endif
