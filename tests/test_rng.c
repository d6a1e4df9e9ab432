/* SPDX-License-Identifier: ISC
 *
 * The operating system's randomness with the system calls replaced: short reads, signals, a kernel
 * without getrandom, a device that fails at its n-th read. The file under test is included so that
 * its calls can be redirected; the real one is tested beside it.
 */
#include "crypto/nacre_crypto.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

/* What the replaced calls do: each step answers one call; past the end calls succeed whole. */
enum rng_step { RNG_ALL, RNG_ONE_BYTE, RNG_EINTR, RNG_ENOSYS, RNG_EFAULT, RNG_END };

static struct {
    enum rng_step kernel[8], open[4], device[8];
    size_t kernels, opens, devices, closes;
} rng_fake;

static ssize_t rng_fake_step(enum rng_step step, uint8_t mark, void *out, size_t n)
{
    static const int errors[] = {[RNG_EINTR] = EINTR, [RNG_ENOSYS] = ENOSYS, [RNG_EFAULT] = EFAULT};
    if (step == RNG_END) {
        return 0;
    }
    if (step != RNG_ALL && step != RNG_ONE_BYTE) {
        errno = errors[step];
        return -1;
    }
    n = step == RNG_ONE_BYTE ? 1 : n;
    memset(out, mark, n);
    return (ssize_t)n;
}

static ssize_t rng_fake_getrandom(void *out, size_t n, unsigned flags)
{
    cr_assert_eq(flags, 0);
    return rng_fake_step(rng_fake.kernel[rng_fake.kernels++], 0x11, out, n);
}

static int rng_fake_open(const char *path, int flags)
{
    cr_assert_str_eq(path, "/dev/urandom");
    cr_assert(flags & O_CLOEXEC);
    return rng_fake_step(rng_fake.open[rng_fake.opens++], 0, &flags, 1) < 0 ? -1 : 100;
}

static ssize_t rng_fake_read(int fd, void *out, size_t n)
{
    cr_assert_eq(fd, 100);
    return rng_fake_step(rng_fake.device[rng_fake.devices++], 0x22, out, n);
}

static int rng_fake_close(int fd)
{
    cr_assert_eq(fd, 100);
    rng_fake.closes++;
    return 0;
}

#define getrandom rng_fake_getrandom
#define open rng_fake_open
#define read rng_fake_read
#define close rng_fake_close
#define nacre_rng_os rng_faked_os
#include "crypto/rng_os.c"
#undef getrandom
#undef open
#undef read
#undef close
#undef nacre_rng_os

static bool rng_faked_fill(uint8_t out[8])
{
    memset(out, 0xee, 8);
    return nacre_rng_fill(&rng_faked_os, out, 8);
}

Test(rng_os, one_call_is_enough)
{
    uint8_t out[8];
    memset(&rng_fake, 0, sizeof rng_fake);
    cr_assert(rng_faked_fill(out));
    cr_assert_eq(rng_fake.kernels, 1);
    cr_assert_eq(rng_fake.opens, 0);
    cr_assert_eq(out[7], 0x11);
}

Test(rng_os, continues_after_signals_and_short_reads)
{
    uint8_t out[8];
    memset(&rng_fake, 0, sizeof rng_fake);
    memcpy(rng_fake.kernel, (enum rng_step[]){RNG_EINTR, RNG_ONE_BYTE, RNG_EINTR, RNG_ONE_BYTE},
           4 * sizeof(enum rng_step));
    cr_assert(rng_faked_fill(out));
    cr_assert_eq(rng_fake.kernels, 5);
    for (size_t i = 0; i < sizeof out; i++) {
        cr_assert_eq(out[i], 0x11);
    }
}

Test(rng_os, without_the_call_reads_the_device)
{
    uint8_t out[8];
    memset(&rng_fake, 0, sizeof rng_fake);
    rng_fake.kernel[0] = RNG_ENOSYS;
    rng_fake.open[0] = RNG_EINTR;
    memcpy(rng_fake.device, (enum rng_step[]){RNG_ONE_BYTE, RNG_EINTR}, 2 * sizeof(enum rng_step));
    cr_assert(rng_faked_fill(out));
    cr_assert_eq(rng_fake.opens, 2);
    cr_assert_eq(rng_fake.devices, 3);
    cr_assert_eq(rng_fake.closes, 1);
    for (size_t i = 0; i < sizeof out; i++) {
        cr_assert_eq(out[i], 0x22);
    }
}

static void rng_expect_failure(void)
{
    static const uint8_t zeros[8];
    uint8_t out[8];
    rng_fake.kernels = rng_fake.opens = rng_fake.devices = rng_fake.closes = 0;
    cr_assert_not(rng_faked_fill(out));
    cr_assert_arr_eq(out, zeros, sizeof out);
}

/* The n-th call fails, for every n of a fill that takes one byte a call. */
Test(rng_os, every_failure_zeroes_the_output)
{
    for (size_t n = 0; n < 8; n++) {
        memset(&rng_fake, 0, sizeof rng_fake);
        for (size_t i = 0; i < n; i++) {
            rng_fake.kernel[i] = rng_fake.device[i] = RNG_ONE_BYTE;
        }
        rng_fake.kernel[n] = RNG_EFAULT;
        rng_expect_failure();
        cr_assert_eq(rng_fake.kernels, n + 1);
        cr_assert_eq(rng_fake.opens, 0, "other errors than ENOSYS must not fall back");
        rng_fake.kernel[n] = RNG_END;
        rng_expect_failure();

        rng_fake.kernel[0] = RNG_ENOSYS;
        rng_fake.device[n] = RNG_EFAULT;
        rng_expect_failure();
        cr_assert_eq(rng_fake.devices, n + 1);
        cr_assert_eq(rng_fake.closes, 1);
        rng_fake.device[n] = RNG_END;
        rng_expect_failure();
    }
    memset(&rng_fake, 0, sizeof rng_fake);
    rng_fake.kernel[0] = RNG_ENOSYS;
    rng_fake.open[0] = RNG_EFAULT;
    rng_expect_failure();
    cr_assert_eq(rng_fake.closes, 0);
}

Test(rng_os, the_real_one_differs_each_time)
{
    static const uint8_t zeros[1000];
    uint8_t a[1000], b[1000];
    cr_assert(nacre_rng_fill(&nacre_rng_os, a, sizeof a));
    cr_assert(nacre_rng_fill(&nacre_rng_os, b, sizeof b));
    cr_assert_arr_neq(a, b, sizeof a);
    cr_assert_arr_neq(a + 968, zeros, 32);
    cr_assert(nacre_rng_fill(&nacre_rng_os, a, 0));
}

Test(rng, a_zeroed_source_fails)
{
    static const struct nacre_rng none;
    static const uint8_t zeros[8];
    uint8_t out[8];
    memset(out, 0xee, sizeof out);
    cr_assert_not(nacre_rng_fill(&none, out, sizeof out));
    cr_assert_arr_eq(out, zeros, sizeof out);
}
