/* SPDX-License-Identifier: ISC
 *
 * The operating system's randomness: getrandom(2) where the kernel has it, else /dev/urandom.
 *
 * getrandom blocks until the kernel's pool is seeded, once per boot, and never after. Calls that a
 * signal cuts short are continued. Nothing is cached: a fork or a copied machine cannot repeat
 * bytes. The one file of crypto/ that calls the system.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "crypto/nacre_crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/random.h>
#endif

/* One request for at most n bytes: how many came, or -1 and errno. */
typedef ssize_t rng_os_read(int fd, uint8_t *out, size_t n);

static ssize_t rng_os_device(int fd, uint8_t *out, size_t n)
{
    return read(fd, out, n);
}

#if defined(__linux__)
static ssize_t rng_os_kernel(int fd, uint8_t *out, size_t n)
{
    (void)fd; /* the call needs none */
    return getrandom(out, n, 0);
}
#else
static ssize_t rng_os_kernel(int fd, uint8_t *out, size_t n)
{
    (void)fd, (void)out, (void)n; /* no such call is relied upon here */
    errno = ENOSYS;
    return -1;
}
#endif

/* Reads until n bytes are there; false with errno on an error, or on an end of file. */
static bool rng_os_all(rng_os_read *get, int fd, uint8_t *out, size_t n)
{
    while (n > 0) {
        ssize_t got = get(fd, out, n);
        if (got > 0) {
            out += got;
            n -= (size_t)got;
        } else if (got == 0) {
            errno = EIO;
            return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static int rng_os_open(void)
{
    int fd;
    do {
        fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static bool rng_os_fill(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx; /* the system's state is the only one */
    if (rng_os_all(rng_os_kernel, -1, out, n)) {
        return true;
    }
    if (errno != ENOSYS) {
        return false;
    }
    int fd = rng_os_open();
    if (fd < 0) {
        return false;
    }
    bool ok = rng_os_all(rng_os_device, fd, out, n);
    (void)close(fd); /* nothing was written: it cannot lose anything */
    return ok;
}

const struct nacre_rng nacre_rng_os = {.fill = rng_os_fill, .ctx = NULL};
