/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: known_hosts (proto/keys/known_hosts.c, pattern.c, text.c).
 *
 * Input: byte 0 is how many bytes of the file arrive at a time (0: all), the rest is the file. A
 * search for one host and key goes over it whole and in pieces, with the same result; it can only
 * match if the key's own text stands in the file. So does one for a certificate, which can only
 * match if its authority's key stands there behind a marker; and what the searches gathered gives
 * an order of algorithms that is the list's own names.
 */
#include "proto/keys/nacre_keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_hosts_check(bool good)
{
    if (!good)
        abort();
}

static const uint8_t fuzz_hosts_seed[NACRE_ED25519_SEED_LEN];

/* Runs all lines of the file over the search; the number of lines. */
static uint32_t fuzz_hosts_run(struct nacre_known_hosts *s, const uint8_t *p, size_t n, size_t step)
{
    static struct nacre_lines lines;
    struct nacre_bytes line;
    size_t at = 0;

    nacre_lines_init(&lines);
    for (;;) {
        size_t part = n - at < step ? n - at : step;
        uint8_t *copy = malloc(part + 1);
        struct nacre_bytes chunk = {copy, part};
        enum nacre_line kind;

        if (copy == NULL)
            return 0;
        memcpy(copy, p + at, part);
        at += part;
        do {
            const char *what;

            kind = nacre_lines_next(&lines, &chunk, &line);
            if (kind == NACRE_LINE_NONE && at == n)
                kind = nacre_lines_end(&lines, &line);
            if (kind == NACRE_LINE_OK)
                fuzz_hosts_check((nacre_known_hosts_line(s, line, 1, lines.number, &what) ==
                                  NACRE_OK) == (what[0] == '\0'));
        } while (kind != NACRE_LINE_NONE);
        free(copy);
        if (at == n)
            return lines.number;
    }
}

/* The names of a and b are the same ones. */
static bool fuzz_hosts_permuted(const char *a, const char *b)
{
    size_t n = strlen(a);
    size_t found = 0;

    if (strlen(b) != n)
        return false;
    while (*a != '\0') {
        size_t len = strcspn(a, ",");

        for (const char *at = b; *at != '\0';
             at += strcspn(at, ",") + (at[strcspn(at, ",")] != '\0')) {
            if (strcspn(at, ",") == len && memcmp(at, a, len) == 0) {
                found += len + 1;
                break;
            }
        }
        a += len + (a[len] != '\0');
    }
    return found == n + 1;
}

static void fuzz_hosts_prefer(const struct nacre_known_hosts *s)
{
    static const char list[] = "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,"
                               "ecdsa-sha2-nistp256,ssh-ed25519,rsa-sha2-512,rsa-sha2-256";
    char out[sizeof list];

    fuzz_hosts_check(nacre_known_hosts_prefer(out, sizeof out, s, list) == NACRE_OK);
    fuzz_hosts_check(fuzz_hosts_permuted(list, out));
}

static bool fuzz_hosts_has(const uint8_t *p, size_t n, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; len <= n && i <= n - len; i++) {
        if (memcmp(p + i, text, len) == 0)
            return true;
    }
    return false;
}

/* A certificate as a search sees it: key, authority, and nothing signed. */
static void fuzz_hosts_cert(const uint8_t *data, size_t n, size_t step)
{
    static struct nacre_known_hosts whole, pieces;
    static struct nacre_privkey key, ca;
    static uint8_t seed[NACRE_ED25519_SEED_LEN];
    struct nacre_bytes host = nacre_bytes_str("host.example.com");
    struct nacre_cert c;
    char text[128];

    if (key.type == NULL) {
        nacre_privkey_from_seed(&ca, fuzz_hosts_seed); /* the key of the corpus */
        seed[0] = 1;
        nacre_privkey_from_seed(&key, seed);
    }
    fuzz_hosts_check(nacre_cert_begin(&c, nacre_privkey_public_blob(&key)) == NACRE_OK);
    c.ca = nacre_privkey_public_blob(&ca);
    fuzz_hosts_check(nacre_known_hosts_init_cert(&whole, host, 2222, &c) == NACRE_OK);
    fuzz_hosts_check(nacre_known_hosts_init_cert(&pieces, host, 2222, &c) == NACRE_OK);
    (void)fuzz_hosts_run(&whole, data, n, n == 0 ? 1 : n); /* lines are counted elsewhere */
    (void)fuzz_hosts_run(&pieces, data, n, step);
    fuzz_hosts_check(whole.verdict == pieces.verdict && whole.line == pieces.line &&
                     whole.authority == pieces.authority);
    fuzz_hosts_check(nacre_pubkey_format(text, sizeof text, c.ca, (struct nacre_bytes){NULL, 0}) ==
                     NACRE_OK);
    fuzz_hosts_check(whole.verdict == NACRE_HOST_NOT_FOUND || whole.verdict == NACRE_HOST_MATCH ||
                     whole.verdict == NACRE_HOST_REVOKED);
    if (whole.verdict == NACRE_HOST_MATCH)
        fuzz_hosts_check(whole.authority && fuzz_hosts_has(data, n, "@cert-authority") &&
                         fuzz_hosts_has(data, n, text + sizeof "ssh-ed25519"));
    fuzz_hosts_prefer(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct nacre_known_hosts whole;
    static struct nacre_known_hosts pieces;
    static struct nacre_privkey k;
    char text[128];
    struct nacre_bytes host = nacre_bytes_str("host.example.com");
    struct nacre_bytes blob;
    size_t step;

    if (n == 0)
        return 0;
    if (k.type == NULL)
        nacre_privkey_from_seed(&k, fuzz_hosts_seed);
    blob = nacre_privkey_public_blob(&k);
    fuzz_hosts_check(nacre_known_hosts_init(&whole, host, 2222, blob) == NACRE_OK);
    fuzz_hosts_check(nacre_known_hosts_init(&pieces, host, 2222, blob) == NACRE_OK);
    step = data[0] == 0 ? n : data[0];
    fuzz_hosts_check(fuzz_hosts_run(&whole, data + 1, n - 1, n) ==
                     fuzz_hosts_run(&pieces, data + 1, n - 1, step));
    fuzz_hosts_check(whole.verdict == pieces.verdict && whole.line == pieces.line &&
                     whole.types == pieces.types);
    fuzz_hosts_check(nacre_pubkey_format(text, sizeof text, blob, (struct nacre_bytes){NULL, 0}) ==
                     NACRE_OK);
    if (whole.verdict == NACRE_HOST_MATCH || whole.verdict == NACRE_HOST_REVOKED ||
        whole.bare_match)
        fuzz_hosts_check(fuzz_hosts_has(data + 1, n - 1, text + sizeof "ssh-ed25519"));
    fuzz_hosts_check(whole.bare_match == pieces.bare_match && whole.authority == pieces.authority);
    fuzz_hosts_prefer(&whole);
    fuzz_hosts_cert(data + 1, n - 1, step);
    return 0;
}
