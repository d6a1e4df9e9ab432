/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: lines of allowed-signers files (proto/keys/allowed_signers.c).
 *
 * Input: lines. Each is parsed as one; what is not blank allows only the key that it holds, and a
 * damaged one nothing.
 */
#include "proto/keys/nacre_signers.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_signers_check(bool good)
{
    if (!good)
        abort();
}

static void fuzz_signers_line(struct nacre_bytes line)
{
    static uint64_t work[NACRE_WORK];
    static uint8_t buf[NACRE_LINE_MAX];
    static const uint8_t other[] = {0, 0, 0, 1, 'x', 0};
    struct nacre_signer_question q = {.principal = nacre_bytes_str("bob@example.com"),
                                      .name_space = nacre_bytes_str("git"),
                                      .now = 1600000000,
                                      .now_local = 1600003600};
    struct nacre_signer s;
    nacre_err err = nacre_signer_parse(&s, line, buf, sizeof buf);
    const char *what;

    fuzz_signers_check((err == NACRE_OK) == (s.what == NULL));
    fuzz_signers_check(err == NACRE_OK || (s.key.blob.n == 0 && !s.blank));
    fuzz_signers_check(nacre_signer_check(&s, &q, &what, work) == NACRE_SIGNER_OTHER);
    q.key.p = other;
    q.key.n = sizeof other;
    fuzz_signers_check(nacre_signer_check(&s, &q, &what, work) == NACRE_SIGNER_OTHER);
    q.key = s.key.blob;
    if (nacre_signer_check(&s, &q, &what, work) == NACRE_SIGNER_ALLOWED)
        fuzz_signers_check(err == NACRE_OK && !s.blank && nacre_signer_is_for(&s, q.principal));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct nacre_lines lines;
    struct nacre_bytes chunk = {data, n};
    struct nacre_bytes line;

    nacre_lines_init(&lines);
    while (nacre_lines_next(&lines, &chunk, &line) == NACRE_LINE_OK)
        fuzz_signers_line(line);
    if (nacre_lines_end(&lines, &line) == NACRE_LINE_OK)
        fuzz_signers_line(line);
    return 0;
}
