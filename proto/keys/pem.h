/* SPDX-License-Identifier: ISC
 *
 * Text armour (RFC 7468 in shape): a BEGIN line, base64 in lines of any length, an END line with
 * its line end, and nothing before or behind but white space behind. LF or CR LF.
 */
#ifndef NCR_PEM_H
#define NCR_PEM_H

#include "proto/nacre.h"

/* Decodes the body of a file that starts with "-----BEGIN label-----". cap at least file.n is
 * enough. CT in the characters; the layout leaks. FILE_FORMAT (*what says why), NO_ROOM; out is
 * then wiped. */
NACRE_MUST_CHECK nacre_err ncr_pem_decode(uint8_t *out, size_t cap, size_t *n,
                                          struct nacre_bytes file, const char *label,
                                          const char **what);
/* The same with headers (RFC 1421 4.6) before the body; *headers is a slice of file, empty if there
 * are none. headers NULL: none are allowed. */
NACRE_MUST_CHECK nacre_err ncr_pem_decode_headers(uint8_t *out, size_t cap, size_t *n,
                                                  struct nacre_bytes file, const char *label,
                                                  struct nacre_bytes *headers, const char **what);
/* Armours in place: the first *n bytes of buf become text of *n bytes, with `columns` characters a
 * line. What is left of buf is wiped. NO_ROOM: buf is wiped and *n 0. */
NACRE_MUST_CHECK nacre_err ncr_pem_encode(uint8_t *buf, size_t cap, size_t *n, const char *label,
                                          size_t columns);
/* The same with headers, whole lines, before the body, and a blank line behind them. */
NACRE_MUST_CHECK nacre_err ncr_pem_encode_headers(uint8_t *buf, size_t cap, size_t *n,
                                                  const char *label, const char *headers,
                                                  size_t columns);

#endif
