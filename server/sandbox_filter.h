/* SPDX-License-Identifier: ISC
 *
 * The system call filter of sandbox.c, seccomp(2): apart, because it alone depends on the machine.
 * Sanitizers need calls that no confined process should have; builds with them have no filter.
 */
#ifndef NCR_SANDBOX_FILTER_H
#define NCR_SANDBOX_FILTER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define NCR_SANDBOX_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define NCR_SANDBOX_SANITIZER 1
#endif

/* Without the kernel's headers (musl's compiler wrapper has none) there is no filter either. */
#if defined(__linux__) && defined(__has_include) && !defined(NCR_SANDBOX_SANITIZER)
#if __has_include(<linux/audit.h>) && __has_include(<linux/seccomp.h>)
#include <linux/audit.h>
#if defined(__x86_64__) && !defined(__ILP32__)
#define NCR_SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define NCR_SANDBOX_ARCH AUDIT_ARCH_AARCH64
#elif defined(__i386__)
#define NCR_SANDBOX_ARCH AUDIT_ARCH_I386
#elif defined(__riscv) && __riscv_xlen == 64
#define NCR_SANDBOX_ARCH AUDIT_ARCH_RISCV64
#endif
#endif
#endif

#if defined(NCR_SANDBOX_ARCH)

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NCR_SANDBOX_ALLOW(name)                                                                    \
    BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, SYS_##name, 0, 1),                                         \
        BPF_STMT(BPF_RET + BPF_K, SECCOMP_RET_ALLOW)
#define NCR_SANDBOX_DENY(name)                                                                     \
    BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, SYS_##name, 0, 1),                                         \
        BPF_STMT(BPF_RET + BPF_K, SECCOMP_RET_ERRNO + (EACCES & SECCOMP_RET_DATA))

static const struct sock_filter sandbox_calls[] = {
    BPF_STMT(BPF_LD + BPF_W + BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, NCR_SANDBOX_ARCH, 1, 0),
    BPF_STMT(BPF_RET + BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD + BPF_W + BPF_ABS, offsetof(struct seccomp_data, nr)),
    /* the client, the monitor */
    NCR_SANDBOX_ALLOW(read),
    NCR_SANDBOX_ALLOW(write),
    NCR_SANDBOX_ALLOW(close),
#if defined(SYS_recvfrom)
    NCR_SANDBOX_ALLOW(recvfrom),
    NCR_SANDBOX_ALLOW(sendto),
    NCR_SANDBOX_ALLOW(recvmsg),
    NCR_SANDBOX_ALLOW(sendmsg),
#endif
#if defined(SYS_socketcall)
    NCR_SANDBOX_ALLOW(socketcall),
#endif
#if defined(SYS_poll)
    NCR_SANDBOX_ALLOW(poll),
#endif
    NCR_SANDBOX_ALLOW(ppoll),
#if defined(SYS_ppoll_time64)
    NCR_SANDBOX_ALLOW(ppoll_time64),
#endif
    /* time, randomness */
    NCR_SANDBOX_ALLOW(clock_gettime),
#if defined(SYS_clock_gettime64)
    NCR_SANDBOX_ALLOW(clock_gettime64),
#endif
    NCR_SANDBOX_ALLOW(gettimeofday),
    NCR_SANDBOX_ALLOW(getrandom),
    /* memory */
    NCR_SANDBOX_ALLOW(brk),
    NCR_SANDBOX_ALLOW(munmap),
    NCR_SANDBOX_ALLOW(madvise),
    /* the end */
    NCR_SANDBOX_ALLOW(exit),
    NCR_SANDBOX_ALLOW(exit_group),
    NCR_SANDBOX_ALLOW(restart_syscall),
    NCR_SANDBOX_ALLOW(rt_sigreturn),
/* what the C library may try */
#if defined(SYS_open)
    NCR_SANDBOX_DENY(open),
#endif
    NCR_SANDBOX_DENY(openat),
    BPF_STMT(BPF_RET + BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static bool sandbox_filter(void)
{
    const struct sock_fprog prog = {
        .len = (unsigned short)(sizeof sandbox_calls / sizeof *sandbox_calls),
        .filter = (struct sock_filter *)(uintptr_t)sandbox_calls,
    };
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0;
}

#else

static bool sandbox_filter(void)
{
    errno = ENOSYS;
    return false;
}

#endif
#endif
