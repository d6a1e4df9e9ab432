/* SPDX-License-Identifier: ISC
 *
 * Pattern lists of ssh_config(5) and known_hosts: patterns of `*` and `?` between commas; `!` at
 * the front of a pattern denies. Time is at most the list's length times the name's.
 */
#include "proto/glob.h"
#include "proto/keys/nacre_keys.h"
#include "proto/keys/text.h"

static bool pattern_list(struct nacre_bytes patterns, struct nacre_bytes name,
                         bool (*glob)(struct nacre_bytes pattern, struct nacre_bytes name))
{
    struct nacre_bytes item;
    bool found = false;

    while (ncr_text_item(&patterns, &item)) {
        bool deny = item.n > 0 && item.p[0] == '!';

        if (deny) {
            item.p++;
            item.n--;
        }
        if (!glob(item, name))
            continue;
        if (deny)
            return false;
        found = true;
    }
    return found;
}

bool nacre_pattern_list_match(struct nacre_bytes patterns, struct nacre_bytes name)
{
    return pattern_list(patterns, name, ncr_glob);
}

bool ncr_pattern_list_exact(struct nacre_bytes patterns, struct nacre_bytes name)
{
    return pattern_list(patterns, name, ncr_glob_exact);
}
