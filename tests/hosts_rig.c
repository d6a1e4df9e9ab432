/* SPDX-License-Identifier: ISC
 *
 * Known-hosts text and searches over it: see hosts_rig.h.
 */
#include "tests/hosts_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

const struct nacre_bytes hosts_nothing = {NULL, 0};

struct hosts_key hosts_key(uint8_t fill)
{
    struct hosts_key key;
    uint8_t seed[NACRE_ED25519_SEED_LEN];

    memset(seed, fill, sizeof seed);
    nacre_privkey_from_seed(&key.k, seed);
    cr_assert_eq(nacre_pubkey_format(key.text, sizeof key.text, nacre_privkey_public_blob(&key.k),
                                     hosts_nothing),
                 NACRE_OK);
    return key;
}

unsigned hosts_run(struct nacre_known_hosts *s, const char *text)
{
    struct nacre_lines lines;
    struct nacre_bytes chunk = nacre_bytes_str(text);
    struct nacre_bytes line;
    enum nacre_line kind;
    unsigned bad = 0;

    nacre_lines_init(&lines);
    do {
        kind = nacre_lines_next(&lines, &chunk, &line);
        if (kind == NACRE_LINE_NONE)
            kind = nacre_lines_end(&lines, &line);
        if (kind == NACRE_LINE_OK) {
            const char *what;
            nacre_err err = nacre_known_hosts_line(s, line, 1, lines.number, &what);

            cr_assert_eq(err == NACRE_OK, what[0] == '\0');
            bad += err != NACRE_OK;
        }
    } while (kind != NACRE_LINE_NONE);
    return bad;
}

struct nacre_known_hosts hosts_search(const char *text, const char *host, uint32_t port,
                                      const struct hosts_key *key)
{
    struct nacre_known_hosts s;

    cr_assert_eq(
        nacre_known_hosts_init(&s, nacre_bytes_str(host), port,
                               key == NULL ? hosts_nothing : nacre_privkey_public_blob(&key->k)),
        NACRE_OK);
    hosts_run(&s, text);
    return s;
}

const char *hosts_line(char out[512], const char *before, const char *hosts, const char *key)
{
    cr_assert_lt(snprintf(out, 512, "%s%s %s\n", before, hosts, key), 512);
    return out;
}

enum nacre_host_verdict hosts_verdict(const char *before, const char *hosts, const char *key,
                                      const char *host, uint32_t port,
                                      const struct hosts_key *shown)
{
    char text[512];

    return hosts_search(hosts_line(text, before, hosts, key), host, port, shown).verdict;
}
