/* SPDX-License-Identifier: ISC
 *
 * Passwords of a users file (S38, S39). PBKDF2-HMAC-SHA-256 against the vectors of RFC 7914 section
 * 11 (64-byte keys there; the first 32 bytes are the first block).
 */
#include "server/users_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct nacre_bytes users_str(const char *s)
{
    return nacre_bytes_str(s);
}

Test(users_file, RFC7914_11_pbkdf2_hmac_sha256)
{
    static const uint8_t one[32] = {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f,
                                    0xec, 0x16, 0x91, 0xc2, 0x25, 0x44, 0xb6, 0x05,
                                    0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde, 0x04, 0x65,
                                    0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc};
    static const uint8_t many[32] = {0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21,
                                     0x83, 0x0c, 0xee, 0x5e, 0xf2, 0x27, 0x01, 0xf9,
                                     0x64, 0x1a, 0x44, 0x18, 0xd0, 0x4c, 0x04, 0x14,
                                     0xae, 0xff, 0x08, 0x87, 0x6b, 0x34, 0xab, 0x56};
    uint8_t out[NACRE_SHA256_LEN];
    ncr_pbkdf2_sha256(out, users_str("passwd"), users_str("salt"), 1);
    cr_assert_arr_eq(out, one, sizeof one);
    ncr_pbkdf2_sha256(out, users_str("Password"), users_str("NaCl"), 80000);
    cr_assert_arr_eq(out, many, sizeof many);
}

Test(users_file, hash_then_check)
{
    char secret[NCR_PASSWORD_TEXT_LEN], text[512];
    cr_assert(ncr_users_hash(secret, users_str("geheim"), 1000, &nacre_rng_os));
    snprintf(text, sizeof text, "# comment\nann:{plain}x\n\njoe:%s\r\neve:*\n", secret);
    cr_assert(ncr_users_check(users_str(text), users_str("joe"), users_str("geheim")));
    cr_assert(ncr_users_check(users_str(text), users_str("ann"), users_str("x")));
    cr_assert_not(ncr_users_check(users_str(text), users_str("joe"), users_str("geheiM")));
    cr_assert_not(ncr_users_check(users_str(text), users_str("joe"), users_str("geheim ")));
    cr_assert_not(ncr_users_check(users_str(text), users_str("jo"), users_str("geheim")));
    cr_assert_not(ncr_users_check(users_str(text), users_str("bob"), users_str("geheim")));
    cr_assert_not(ncr_users_check(users_str(text), users_str("ann"), users_str("geheim")));
}

Test(users_file, two_hashes_of_one_password_differ)
{
    char a[NCR_PASSWORD_TEXT_LEN], b[NCR_PASSWORD_TEXT_LEN];
    cr_assert(ncr_users_hash(a, users_str("x"), 1, &nacre_rng_os));
    cr_assert(ncr_users_hash(b, users_str("x"), 1, &nacre_rng_os));
    cr_assert_str_neq(a, b);
}

/* Fields that match nothing, against passwords that could be mistaken for them. */
Test(users_file, S39_locked_empty_and_unknown_formats_never_match)
{
    static const char *const fields[] = {
        "",
        "*",
        "!",
        "!!",
        "x",
        "{plain}",
        "{PLAIN}x",
        "plain",
        "$6$salt$hash",
        "$pbkdf2-sha256$",
        "$pbkdf2-sha256$0$00000000000000000000000000000000$"
        "0000000000000000000000000000000000000000000000000000000000000000",
        "$pbkdf2-sha256$99999999999$00000000000000000000000000000000$"
        "0000000000000000000000000000000000000000000000000000000000000000",
        "$pbkdf2-sha256$1$00$0000000000000000000000000000000000000000000000000000000000000000",
        "$pbkdf2-sha256$1$00000000000000000000000000000000$00",
        "$pbkdf2-sha256$-1$00000000000000000000000000000000$"
        "0000000000000000000000000000000000000000000000000000000000000000",
    };
    static const char *const passwords[] = {"", "*", "!", "!!", "x", "*0", "plain", "hash"};
    char text[512];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        snprintf(text, sizeof text, "joe:%s\n", fields[i]);
        for (size_t k = 0; k < sizeof passwords / sizeof *passwords; k++) {
            cr_assert_not(
                ncr_users_check(users_str(text), users_str("joe"), users_str(passwords[k])),
                "field \"%s\", password \"%s\"", fields[i], passwords[k]);
        }
        cr_assert_not(ncr_users_check(users_str(text), users_str("joe"), users_str(fields[i])));
    }
}

Test(users_file, S39_lengths)
{
    static const size_t lengths[] = {0, 1, 255, 256, 1023, 1024, 1025, 4096};
    static uint8_t password[4096];
    static char text[8192];
    memset(password, 'p', sizeof password);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t n = lengths[i];
        struct nacre_bytes b = {password, n};
        snprintf(text, sizeof text, "joe:{plain}%.*s\n", (int)n, (const char *)password);
        cr_assert_eq(ncr_users_check(users_str(text), users_str("joe"), b), n > 0 && n <= 1024,
                     "%zu", n);
        if (n > 0 && n <= 1024) {
            char secret[NCR_PASSWORD_TEXT_LEN];
            cr_assert(ncr_users_hash(secret, b, 2, &nacre_rng_os));
            snprintf(text, sizeof text, "joe:%s\n", secret);
            cr_assert(ncr_users_check(users_str(text), users_str("joe"), b));
            b.n--;
            cr_assert_not(ncr_users_check(users_str(text), users_str("joe"), b));
        }
    }
}

/* The first line of a name counts: one that was locked is not opened by a later one. */
Test(users_file, S39_first_line_counts)
{
    struct nacre_bytes text = users_str("joe:*\njoe:{plain}x\n");
    cr_assert_not(ncr_users_check(text, users_str("joe"), users_str("x")));
}

static bool users_no_rng(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    (void)out;
    (void)n;
    return false;
}

Test(users_file, hash_refuses)
{
    char out[NCR_PASSWORD_TEXT_LEN];
    struct nacre_rng none = {users_no_rng, NULL};
    cr_assert_not(ncr_users_hash(out, users_str(""), 1000, &nacre_rng_os));
    cr_assert_not(ncr_users_hash(out, users_str("x"), 0, &nacre_rng_os));
    cr_assert_not(ncr_users_hash(out, users_str("x"), NCR_PASSWORD_ROUNDS_MAX + 1, &nacre_rng_os));
    cr_assert_not(ncr_users_hash(out, users_str("x"), 1000, &none));
    cr_assert_str_empty(out);
}

/* Every prefix of a file, and every byte changed: nothing crashes, nobody else gets in. */
Test(users_file, truncated_and_flipped)
{
    char secret[NCR_PASSWORD_TEXT_LEN], text[256];
    cr_assert(ncr_users_hash(secret, users_str("pw"), 1, &nacre_rng_os));
    int n = snprintf(text, sizeof text, "joe:%s", secret);
    for (int i = 0; i < n; i++) {
        struct nacre_bytes cut = {(const uint8_t *)text, (size_t)i};
        cr_assert_not(ncr_users_check(cut, users_str("joe"), users_str("pw")));
        text[i] = (char)(text[i] ^ 1);
        cr_assert_not(ncr_users_check(users_str(text), users_str("joe"), users_str("pw")));
        text[i] = (char)(text[i] ^ 1);
    }
}
