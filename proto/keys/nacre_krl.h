/* SPDX-License-Identifier: ISC
 *
 * nacre's key revocation lists (OpenSSH's PROTOCOL.krl): reading, testing a key or certificate,
 * listing and writing, over the caller's memory and without allocation.
 *
 * Ownership: a list borrows the bytes of its file, and an entry the bytes of its list. A zeroed
 * list refuses every key. Reading is one pass over the file, testing one more; neither loops by a
 * number that the file states. Serial 0 stands for "no serial" and is never revoked by serial.
 *
 * Not here: signed lists. OpenSSH from 9.4 on refuses them, and so does this.
 */
#ifndef NACRE_KRL_H
#define NACRE_KRL_H

#include "proto/keys/nacre_keys.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NACRE_KRL_MAX ((size_t)64 * 1024 * 1024) /* bytes of a file that are read */
#define NACRE_KRL_COMMENT_MAX 1024
#define NACRE_KRL_BITMAP_MAX 16384 /* bits of a bitmap of serials, as OpenSSH has it */

struct nacre_krl {
    uint64_t version;
    uint64_t generated; /* seconds of Unix time */
    struct nacre_bytes comment;
    struct nacre_bytes sections; /* private; NULL: no list was read */
};

/* True if the bytes start as those of a list do; anything else may be a list of public keys. */
bool nacre_krl_is(struct nacre_bytes file);
/* Reads a list and checks all of it. FILE_FORMAT: no such list, damaged, or with something in it
 * that is not understood (a section, a critical extension, a signature); LIMIT: over NACRE_KRL_MAX.
 * *what (may be NULL) then says why, k is zeroed, and every key is to be refused. */
NACRE_MUST_CHECK nacre_err nacre_krl_decode(struct nacre_krl *k, struct nacre_bytes file,
                                            const char **what);
/* NACRE_OK if the key or certificate with that blob is not revoked: neither the plain key by itself
 * or its SHA-1 or SHA-256, nor, for a certificate, its authority's key in the same ways, nor the
 * certificate by serial (but for 0) or key id under its authority or under any. KEY_REFUSED:
 * revoked, or k is zeroed; KEY_FORMAT: no whole key or certificate, so refuse it too. */
NACRE_MUST_CHECK nacre_err nacre_krl_check(const struct nacre_krl *k, struct nacre_bytes blob);

enum nacre_krl_kind {
    NACRE_KRL_SERIALS = 1, /* of certificates: lo to hi, both included, lo > 0 */
    NACRE_KRL_KEY_ID,      /* of certificates: value */
    NACRE_KRL_KEY,         /* value is a public key blob */
    NACRE_KRL_SHA1,        /* value is the hash of a plain public key blob, 20 bytes */
    NACRE_KRL_SHA256       /* the same, 32 bytes */
};

struct nacre_krl_entry {
    enum nacre_krl_kind kind;
    struct nacre_bytes ca; /* SERIALS, KEY_ID: the authority's key blob; empty: of any authority */
    uint64_t lo, hi;
    struct nacre_bytes value;
};

/* A place in a list; the fields are private. */
struct nacre_krl_iter {
    struct nacre_bytes rest; /* sections behind this one */
    struct nacre_bytes section, ca, sub;
    uint8_t type, sub_type;
    uint64_t offset; /* of the bitmap, and how many of its bits were looked at */
    size_t bit;
};

/* Starts at the first entry; k was read without error. */
void nacre_krl_first(struct nacre_krl_iter *i, const struct nacre_krl *k);
/* The next entry, as it stands in the file (runs of a bitmap's bits are one); false at the end. */
bool nacre_krl_next(struct nacre_krl_iter *i, struct nacre_krl_entry *e);

/* Sorts entries in place, by kind of section (certificates by authority, "any" first, serials then
 * key ids; keys; SHA-1; SHA-256) and by value, and merges those that overlap or abut. Returns how
 * many are left. Time n log n. */
size_t nacre_krl_sort(struct nacre_krl_entry *e, size_t n);
/* Bytes that nacre_krl_write() needs at most for those entries and a comment of that length. */
size_t nacre_krl_room(const struct nacre_krl_entry *e, size_t n, size_t comment_len);
/* Sorts the entries and writes a list with the version, time and comment of head; each group of
 * serials as list, range or bitmap, whatever is shortest. USAGE: a malformed entry (serials from 0
 * or backwards, key id with a NUL, key or authority that is no blob, hash of a wrong
 * length, comment over NACRE_KRL_COMMENT_MAX or with a NUL), NO_ROOM; *n is then 0. */
NACRE_MUST_CHECK nacre_err nacre_krl_write(uint8_t *out, size_t cap, size_t *n,
                                           struct nacre_krl_entry *e, size_t n_entries,
                                           const struct nacre_krl *head);

#ifdef __cplusplus
}
#endif
#endif
