/* SPDX-License-Identifier: ISC
 *
 * Patterns of ssh_config(5): `*` any run of characters, `?` one.
 *
 * The matcher keeps one place to go back to, the last `*`: an earlier one never has to be tried
 * again, because what the later one can reach from there it can reach from here. So time is at most
 * pattern times name, also for `*a*a*a`.
 */
#include "proto/glob.h"

static uint8_t glob_fold(uint8_t c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool glob_run(struct nacre_bytes pattern, struct nacre_bytes name, bool fold)
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
                                     glob_fold(pattern.p[p], fold) == glob_fold(name.p[i], fold))) {
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

bool ncr_glob(struct nacre_bytes pattern, struct nacre_bytes name)
{
    return glob_run(pattern, name, true);
}

bool ncr_glob_exact(struct nacre_bytes pattern, struct nacre_bytes name)
{
    return glob_run(pattern, name, false);
}

bool ncr_glob_is_pattern(struct nacre_bytes b)
{
    size_t i;

    for (i = 0; i < b.n; i++)
        if (b.p[i] == '*' || b.p[i] == '?')
            return true;
    return false;
}
