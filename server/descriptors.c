/* SPDX-License-Identifier: ISC
 *
 * Closing what was inherited: see descriptors.h. Where the system has no call for it, or refuses
 * it, each possible number is closed.
 */
#include "server/descriptors.h"

#include <sys/syscall.h>
#include <unistd.h>

void ncr_close_from(int first)
{
    long max = sysconf(_SC_OPEN_MAX);
#if defined(SYS_close_range)
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0) {
        return;
    }
#endif
    for (long fd = first; fd < max; fd++) {
        close((int)fd);
    }
}
