/* SPDX-License-Identifier: ISC
 *
 * An allocator for test programs that can be told to fail, and to look at what is given back.
 * Programs that name it in the Makefile (OOM_TESTS) have it instead of libc's. Where there is
 * another one after all (sanitizers, valgrind, another libc), oom_counted() is false.
 */
#ifndef NACRE_TESTS_OOM_H
#define NACRE_TESTS_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OOM_SECRET_LEN 16

/* volatile: the compiler thinks that it knows malloc(3) */
extern volatile bool oom_armed; /* calls count, and the oom_fail_at-th one fails */
extern volatile unsigned long oom_calls, oom_fail_at;
extern const uint8_t *oom_secret; /* OOM_SECRET_LEN bytes that must not be in what is freed */
extern unsigned oom_leaks;        /* how often they were */

bool oom_counted(void);
/* Ends a test that needs it. */
void oom_need(void);

#endif
