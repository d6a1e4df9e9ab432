/* SPDX-License-Identifier: ISC
 *
 * Confinement: see sandbox.h. The filter is a list of system calls for the machine that it was
 * compiled for; a call by another machine's numbers kills (x86-64's x32 included, whose numbers are
 * out of range). On other systems than Linux there is no filter.
 */
#include "server/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/sandbox_filter.h"

int ncr_sandbox_empty_dir(void)
{
    char path[] = "/tmp/.nacre-XXXXXX";
    if (mkdtemp(path) == NULL) {
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int saved = errno;
    if (rmdir(path) != 0 && fd >= 0) {
        saved = errno;
        close(fd);
        fd = -1;
    }
    errno = saved;
    return fd;
}

static void sandbox_told(const struct ncr_log *log, int result, const char *what)
{
    if (result != 0) {
        ncr_log(log, NCR_LOG_INFO, "sandbox: no limit of %s: %s", what, strerror(errno));
    }
}

/* No file can grow, no process start, no descriptor be made, no core be written. The type of a
 * limit's name differs between C libraries, so that only its name itself can be given. */
static void sandbox_limits(const struct ncr_log *log)
{
    static const struct rlimit none = {0, 0};
    static const struct rlimit few = {3, 3}; /* poll(2) takes no more descriptors than the limit */
    sandbox_told(log, setrlimit(RLIMIT_FSIZE, &none), "file size");
    sandbox_told(log, setrlimit(RLIMIT_NPROC, &none), "processes");
    sandbox_told(log, setrlimit(RLIMIT_NOFILE, &few), "descriptors");
    sandbox_told(log, setrlimit(RLIMIT_CORE, &none), "core size");
}

static bool sandbox_identity(const struct ncr_account *jail, int empty_dir,
                             const struct ncr_log *log)
{
    if (geteuid() != 0) {
        return true;
    }
    if (empty_dir < 0 || fchdir(empty_dir) != 0 || chroot(".") != 0) {
        ncr_log(log, NCR_LOG_INFO, "sandbox: no empty root: %s", strerror(errno));
    }
    return ncr_account_become(jail);
}

bool ncr_sandbox_enter(const struct ncr_account *jail, int empty_dir, const struct ncr_log *log)
{
    if (!sandbox_identity(jail, empty_dir, log)) {
        return false;
    }
    if (empty_dir >= 0) {
        close(empty_dir);
    }
    /* Not to outlive the monitor; a change of identity clears it, so here. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        ncr_log(log, NCR_LOG_INFO, "sandbox: no signal when the monitor ends: %s", strerror(errno));
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        ncr_log(log, NCR_LOG_INFO, "sandbox: new privileges stay possible: %s", strerror(errno));
    }
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        ncr_log(log, NCR_LOG_INFO, "sandbox: dumps stay possible: %s", strerror(errno));
    }
    sandbox_limits(log);
    if (!sandbox_filter()) {
        ncr_log(log, NCR_LOG_INFO, "sandbox: no system call filter: %s", strerror(errno));
    }
    return true;
}
