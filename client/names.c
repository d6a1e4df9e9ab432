/* SPDX-License-Identifier: ISC
 *
 * Lists of names: see names.h.
 */
#include "client/names.h"

#include <string.h>

bool ncr_names_next(const char **rest, struct nacre_bytes *name)
{
    const char *p = *rest + strspn(*rest, ",");

    name->p = (const uint8_t *)p;
    name->n = strcspn(p, ",");
    *rest = p + name->n;
    return name->n > 0;
}

bool ncr_names_has(const char *list, const char *name)
{
    struct nacre_bytes one;

    while (ncr_names_next(&list, &one)) {
        if (nacre_bytes_is(one, name))
            return true;
    }
    return false;
}
