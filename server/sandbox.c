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

/* No file can grow, no process start, no descriptor be made, no core be written. */
static void sandbox_limits(const struct ncr_log *log)
{
    static const struct {
        int what;
        rlim_t max;
        const char *name;
    } limits[] = {{RLIMIT_FSIZE, 0, "file size"},
                  {RLIMIT_NPROC, 0, "processes"},
                  {RLIMIT_NOFILE, 3, "descriptors"}, /* poll(2) takes no more than the limit */
                  {RLIMIT_CORE, 0, "core size"}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit r = {limits[i].max, limits[i].max};
        if (setrlimit((unsigned)limits[i].what, &r) != 0) {
            ncr_log(log, NCR_LOG_INFO, "sandbox: no limit of %s: %s", limits[i].name,
                    strerror(errno));
        }
    }
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
