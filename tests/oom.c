/* SPDX-License-Identifier: ISC
 *
 * An allocator that can be told to fail: see oom.h. It stands on what glibc calls its own.
 */
#include "tests/oom.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

volatile bool oom_armed;
volatile unsigned long oom_calls, oom_fail_at;
const uint8_t *oom_secret;
unsigned oom_leaks;

#if !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool oom_fails(void)
{
    if (!oom_armed)
        return false;
    oom_calls = oom_calls + 1;
    if (oom_calls != oom_fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return oom_fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t k, size_t n)
{
    return oom_fails() ? NULL : __libc_calloc(k, n);
}

void *realloc(void *p, size_t n)
{
    return oom_fails() ? NULL : __libc_realloc(p, n);
}

void free(void *p)
{
    if (p != NULL && oom_secret != NULL &&
        memmem(p, malloc_usable_size(p), oom_secret, OOM_SECRET_LEN) != NULL)
        oom_leaks++;
    __libc_free(p);
}
#endif

bool oom_counted(void)
{
    const unsigned long before = oom_calls;
    void *volatile p;

    oom_armed = true;
    p = malloc(1);
    oom_armed = false;
    free(p);
    if (oom_calls == before)
        return false;
    oom_calls = before;
    return true;
}

void oom_need(void)
{
    if (!oom_counted())
        cr_skip_test("the allocator cannot be replaced here");
}
