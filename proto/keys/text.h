/* SPDX-License-Identifier: ISC
 *
 * Lines and words of the trust files: ASCII only, no locale.
 */
#ifndef NCR_TEXT_H
#define NCR_TEXT_H

#include "proto/nacre.h"

/* Takes blanks (space, tab) and then the word up to the next blank off rest; empty at the end. */
struct nacre_bytes ncr_text_word(struct nacre_bytes *rest);
/* Without blanks at both ends. */
struct nacre_bytes ncr_text_trim(struct nacre_bytes b);
/* Lower case of an ASCII letter; other bytes as they are. */
uint8_t ncr_text_lower(uint8_t c);
/* Equal but for the case of ASCII letters. */
bool ncr_text_same(struct nacre_bytes b, const char *s);
/* True if a byte is a control character of C0, or DEL. */
bool ncr_text_has_control(struct nacre_bytes b);
/* True if c is one of the bytes. */
bool ncr_text_has(struct nacre_bytes b, uint8_t c);
/* True if there are but blanks and line ends. */
bool ncr_text_is_space(struct nacre_bytes b);
/* Exactly 2n hexadecimal digits to n bytes. */
NACRE_MUST_CHECK bool ncr_text_hex(uint8_t *out, size_t n, struct nacre_bytes b);
/* 1 to max_digits decimal digits and nothing else, value at most max. */
NACRE_MUST_CHECK bool ncr_text_number(uint64_t *v, struct nacre_bytes b, size_t max_digits,
                                      uint64_t max);
/* Takes the next item of a comma-separated list; false at its end. Unlike a name-list, an item may
 * be empty. */
bool ncr_text_item(struct nacre_bytes *rest, struct nacre_bytes *item);

#endif
