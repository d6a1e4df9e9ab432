/* SPDX-License-Identifier: ISC
 *
 * Base64 of RFC 4648 section 4: padded, without line breaks. Private keys pass through it, so that
 * neither direction indexes a table or branches on a character: CT in the data, the length leaks.
 */
#ifndef NCR_BASE64_H
#define NCR_BASE64_H

#include "proto/nacre.h"

/* Characters that n bytes become. */
#define NCR_BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes NCR_BASE64_LEN(n) characters, no NUL. in may lie behind out in the same buffer, by so much
 * that no group of four is written over bytes not read yet. */
void ncr_base64_encode(char *out, const uint8_t *in, size_t n);
/* Decodes strictly: false (out zeroed, *n 0) on any other character, a wrong length, missing or
 * surplus padding, unused bits that are not zero, or more than cap bytes. out may be text.p. Which
 * of these it was leaks, and so does the result; the position of a bad character does not. */
NACRE_MUST_CHECK bool ncr_base64_decode(uint8_t *out, size_t cap, size_t *n,
                                        struct nacre_bytes text);

#endif
