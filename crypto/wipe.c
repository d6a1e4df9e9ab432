/* SPDX-License-Identifier: ISC
 *
 * Wiping memory, and comparing it without telling where it differs.
 *
 * A plain memset before a variable dies is a dead store that compilers remove. The pointer below
 * is volatile: what it points to is not known before it is read, so the call has to be made.
 * Copies that the compiler has spilled to registers or its own stack slots are beyond reach.
 */
#include "crypto/nacre_crypto.h"
#include "crypto/ct.h"

#include <string.h>

static void *(*const volatile wipe_memset)(void *, int, size_t) = memset;

void nacre_wipe(void *p, size_t n)
{
    if (n != 0) {
        wipe_memset(p, 0, n);
    }
}

bool nacre_ct_eq(const void *a, const void *b, size_t n)
{
    uint32_t differ = ncr_ct_mask_nonzero32(ncr_ct_diff(a, b, n));
    /* That they differ is what the caller acts upon: released here, and only this one bit. */
    NCR_CT_PUBLIC(&differ, sizeof differ);
    return differ == 0;
}
