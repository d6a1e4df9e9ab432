/* SPDX-License-Identifier: ISC
 *
 * Leaks on purpose, for `make ct` to find: a branch and a table index that depend on memory that is
 * marked secret; and, with "none", the same work without them.
 */
#include "crypto/ct.h"

#include <stdio.h>
#include <string.h>

static const uint8_t table[256] = {1, 2, 3};

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    volatile uint8_t source = 7;
    uint8_t secret = source;
    uint32_t out;

    NCR_CT_SECRET(&secret, sizeof secret);
    if (strcmp(what, "branch") == 0) {
        if (secret > 5) {
            puts("large");
        }
        out = 0;
    } else if (strcmp(what, "index") == 0) {
        out = table[secret];
    } else {
        out = ncr_ct_select32(ncr_ct_mask_lt32(secret, 5), 1, 2);
    }
    NCR_CT_PUBLIC(&out, sizeof out);
    printf("%u\n", (unsigned)out);
    return 0;
}
