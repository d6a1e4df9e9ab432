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

/* Only the last `*` is ever gone back to, so that time is at most the product of the lengths. */
bool ncr_names_match(struct nacre_bytes pattern, const char *name)
{
    size_t p = 0;
    size_t star = SIZE_MAX; /* what follows the last one */
    const char *back = NULL;

    while (*name != '\0') {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            back = name;
        } else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == (uint8_t)*name)) {
            p++;
            name++;
        } else if (star != SIZE_MAX) {
            p = star;
            name = ++back;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}
