/* SPDX-License-Identifier: ISC
 *
 * Reader of the files under vectors/.
 *
 * A file starts with `#` lines that name the origin and section of its values; then come records,
 * separated by blank lines, of lines `key = hex`. White space around the value is ignored; an
 * empty value is zero bytes. `#` lines may stand between records too. The directory is
 * $NACRE_VECTORS or else vectors/ under the working directory. Whatever is wrong with a file or a
 * record fails the running test with the file's name and line: there is no error to check.
 *
 *     struct vec v;
 *     for (vec_open(&v, "hmac_rfc4231.txt"); vec_next(&v);) {
 *         size_t n;
 *         const uint8_t *key = vec_get(&v, "key", &n);
 *         ...
 *     }
 *     vec_close(&v);
 */
#ifndef NACRE_TESTS_VECTORS_H
#define NACRE_TESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VEC_FIELDS = 24 };

struct vec_field {
    const char *key;
    uint8_t *val;
    size_t n;
};

struct vec {
    const char *name;
    char *text; /* the whole file; keys and values of the record point into it */
    char *next; /* the first line that is not read yet */
    unsigned line;
    unsigned records;
    struct vec_field field[VEC_FIELDS];
    size_t fields;
};

void vec_open(struct vec *v, const char *name);
/* Reads the next record; false at the end of the file. Values of the one before become invalid. */
bool vec_next(struct vec *v);
/* The file must have held a record. */
void vec_close(struct vec *v);

bool vec_has(const struct vec *v, const char *key);
/* The bytes of a key that must be there; writable, valid until the next record. */
uint8_t *vec_get(const struct vec *v, const char *key, size_t *n);
/* The same for a value that must have exactly n bytes. */
uint8_t *vec_fixed(const struct vec *v, const char *key, size_t n);
/* A value of at most 8 bytes as a big-endian number. */
uint64_t vec_uint(const struct vec *v, const char *key);
/* Fails the test, naming file, line and key, unless the key's value is the n bytes at got. */
void vec_expect(const struct vec *v, const char *key, const uint8_t *got, size_t n);

/* True if n bytes are zero: what was wiped. */
bool all_zero(const void *p, size_t n);

#endif
