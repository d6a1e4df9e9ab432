/* SPDX-License-Identifier: ISC
 *
 * Wiping memory, and comparing it without telling where it differs.
 *
 * A plain memset before a variable dies is a dead store that compilers remove. Here the memory is
 * claimed to be read afterwards; without GNU C each byte is written through a volatile. Copies that
 * the compiler has spilled to registers or its own stack slots are beyond reach.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"

#include <string.h>

void nacre_wipe(void *p, size_t n)
{
    if (n == 0) {
        return;
    }
#if defined(__GNUC__)
    memset(p, 0, n);
    ncr_ct_keep(p);
#else
    volatile uint8_t *v = p;
    for (size_t i = 0; i < n; i++) {
        v[i] = 0;
    }
#endif
}

bool nacre_ct_eq(const void *a, const void *b, size_t n)
{
    uint32_t differ = ncr_ct_mask_nonzero32(ncr_ct_diff(a, b, n));
    /* That they differ is what the caller acts upon: released here, and only this one bit. */
    NCR_CT_PUBLIC(&differ, sizeof differ);
    return differ == 0;
}
