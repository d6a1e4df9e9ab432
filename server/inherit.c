/* SPDX-License-Identifier: ISC
 *
 * Getting rid of what was inherited: see inherit.h. Where the system has no call that closes all
 * descriptors, or refuses it, each possible number is closed.
 */
#include "server/inherit.h"

#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

void ncr_inherit_close(int first)
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

void ncr_inherit_signals(void)
{
    static const int usual[] = {SIGPIPE, SIGTERM, SIGINT,  SIGQUIT, SIGHUP,
                                SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        signal(usual[i], SIG_DFL);
    }
}
