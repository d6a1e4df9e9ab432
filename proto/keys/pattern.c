/* SPDX-License-Identifier: ISC
 *
 * Pattern lists of ssh_config(5) and known_hosts: `*` any run, `?` one character, `!` at the front
 * of a pattern denies.
 *
 * The matcher keeps one place to go back to, the last `*`: an earlier one never has to be tried
 * again, because what the later one can reach from there it can reach from here. So time is at most
 * pattern times name, also for `*a*a*a`.
 */
#include "proto/keys/nacre_keys.h"
#include "proto/keys/text.h"

static bool pattern_match(struct nacre_bytes pattern, struct nacre_bytes name)
{
    size_t p = 0;
    size_t i = 0;
    size_t star = 0; /* one behind the last `*`, 0: none */
    size_t mark = 0; /* where what that `*` does not cover starts */

    while (i < name.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            mark = i;
        } else if (p < pattern.n && (pattern.p[p] == '?' ||
                                     ncr_text_lower(pattern.p[p]) == ncr_text_lower(name.p[i]))) {
            p++;
            i++;
        } else if (star > 0) {
            p = star;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

bool nacre_pattern_list_match(struct nacre_bytes patterns, struct nacre_bytes name)
{
    struct nacre_bytes item;
    bool found = false;

    while (ncr_text_item(&patterns, &item)) {
        bool deny = item.n > 0 && item.p[0] == '!';

        if (deny) {
            item.p++;
            item.n--;
        }
        if (!pattern_match(item, name))
            continue;
        if (deny)
            return false;
        found = true;
    }
    return found;
}
