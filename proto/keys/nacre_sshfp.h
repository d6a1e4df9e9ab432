/* SPDX-License-Identifier: ISC
 *
 * nacre's SSHFP records (RFC 4255, 6594, 7479): fingerprints of host keys in the DNS, written for a
 * zone file and compared with the key that a host has shown. Resolving is the caller's matter.
 */
#ifndef NACRE_SSHFP_H
#define NACRE_SSHFP_H

#include "proto/keys/nacre_keys.h"

#ifdef __cplusplus
extern "C" {
#endif

enum nacre_sshfp_hash { NACRE_SSHFP_SHA1 = 1, NACRE_SSHFP_SHA256 = 2 };
#define NACRE_SSHFP_NAME_MAX 1024 /* bytes of a host name */
/* Room that nacre_sshfp_format() needs beside the name, NUL included. */
#define NACRE_SSHFP_TEXT_LEN 96

/* The algorithm number of a type of keys by name; 0: it has none (certificates, ML-DSA). */
unsigned nacre_sshfp_number(struct nacre_bytes type_name);
/* Writes `host IN SSHFP number hash hex` without line end, or the same in the form of RFC 3597 for
 * servers that do not know the type. UNKNOWN_ALG: no number for such keys, or no such hash;
 * KEY_FORMAT; USAGE: host is empty, too long, or holds a blank or a control; NO_ROOM. */
NACRE_MUST_CHECK nacre_err nacre_sshfp_format(char *out, size_t cap, const char *host,
                                              struct nacre_bytes blob, enum nacre_sshfp_hash hash,
                                              bool generic);

enum nacre_sshfp_verdict {
    NACRE_SSHFP_NONE = 0, /* nothing is said of such a key, or not by records that were validated */
    NACRE_SSHFP_REFUSED,  /* a record for keys of its type is about another key */
    NACRE_SSHFP_MATCH
};

/* A question: zeroed, it says NONE of every key. */
struct nacre_sshfp {
    bool validated; /* all records came with DNSSEC's proof */
    enum nacre_sshfp_verdict verdict;
};
/* Looks at one record's data as it stands on the wire (number, hash, fingerprint). Records for
 * other types of keys, of hashes that are not understood, and malformed ones without both numbers
 * say nothing; one for the key's type with a known hash that differs refuses, whatever others say.
 * The key is a plain one: of a certificate, its plain key. */
void nacre_sshfp_record(struct nacre_sshfp *q, struct nacre_bytes blob, struct nacre_bytes rdata);

#ifdef __cplusplus
}
#endif
#endif
