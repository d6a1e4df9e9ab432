/* SPDX-License-Identifier: ISC
 *
 * Sources of randomness that tests steer: fill functions of struct nacre_rng, and what their ctx
 * points to.
 */
#ifndef NACRE_TESTS_RNGS_H
#define NACRE_TESTS_RNGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that are the number of the call, so that runs are equal; fails at call fail_at (0: never).
 */
struct rng_count {
    unsigned calls, fail_at;
};
bool rng_count_fill(void *ctx, uint8_t *out, size_t n);
/* Pseudorandom bytes, each time others; the calls fail while *ctx (a bool; NULL: never) is true. */
bool rng_fast_fill(void *ctx, uint8_t *out, size_t n);
/* The bytes at ctx, at every call. */
bool rng_given_fill(void *ctx, uint8_t *out, size_t n);
/* Fails, and leaves something that must not be used. */
bool rng_broken_fill(void *ctx, uint8_t *out, size_t n);

#endif
