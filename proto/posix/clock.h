/* SPDX-License-Identifier: ISC
 *
 * The monotonic clock in milliseconds, as the engine and the event loop want it, and deadlines
 * made of it. A deadline is an instant of that clock; NCR_NEVER stands for none.
 */
#ifndef NCR_POSIX_CLOCK_H
#define NCR_POSIX_CLOCK_H

#include <stdint.h>

#define NCR_NEVER UINT64_MAX

/* Now. */
uint64_t ncr_clock_ms(void);
/* The instant ms milliseconds from now; 0 means no limit and gives NCR_NEVER. */
uint64_t ncr_clock_deadline(uint64_t ms);
/* What poll(2) takes as its timeout for that deadline: -1 for NCR_NEVER, 0 when it has passed. */
int ncr_clock_timeout(uint64_t deadline, uint64_t now);

#endif
