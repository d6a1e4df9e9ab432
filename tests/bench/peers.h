/* SPDX-License-Identifier: ISC
 *
 * The same primitives in other libraries, for tests/bench/primitives.c: found at run time, none is
 * linked. See peers.c.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_BYTES 16384
/* What ours compress, and theirs: the next BENCH_BYTES of a text (primitives.c). */
const uint8_t *bench_text_next(void);

/* Libraries as columns: the fastest that is there, then portable C. */
enum bench_library {
    BENCH_FAST, /* libsodium as installed, zlib */
    BENCH_BEARSSL,
    BENCH_MONOCYPHER,
    BENCH_SODIUM_REF,
    BENCH_LIBRARIES
};

void bench_peers_open(void);
/* NULL: not there, or it has no such primitive. */
void (*bench_peer(const char *row, enum bench_library library))(void);
/* Bytes that zlib makes of so many pieces of the text, as one stream; 0 without zlib. */
size_t bench_zlib_bytes(unsigned pieces);

#endif
