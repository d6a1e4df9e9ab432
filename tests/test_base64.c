/* SPDX-License-Identifier: ISC
 *
 * Base64: the values of RFC 4648 section 10, all bytes in all positions, and everything that strict
 * decoding refuses.
 */
#include "crypto/ct.h"
#include "proto/keys/base64.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Decodes a copy of exactly n characters into exactly cap bytes, so that a sanitizer sees the
 * edges. */
static bool decode_exact(uint8_t **out, size_t cap, size_t *n, const char *text, size_t len)
{
    uint8_t *in = malloc(len + (len == 0));
    bool good;

    cr_assert_not_null(in);
    memcpy(in, text, len);
    *out = malloc(cap + (cap == 0));
    cr_assert_not_null(*out);
    memset(*out, 0xa5, cap);
    good = ncr_base64_decode(*out, cap, n, (struct nacre_bytes){in, len});
    free(in);
    return good;
}

static bool decodes(const char *text, size_t len)
{
    uint8_t *out;
    size_t n;
    bool good = decode_exact(&out, len / 4 * 3, &n, text, len);

    if (!good)
        cr_assert_eq(n, 0);
    free(out);
    return good;
}

Test(base64, rfc4648_section_10)
{
    static const struct {
        const char *plain, *text;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].plain);
        char text[16];
        uint8_t *out;
        size_t n;

        cr_assert_eq(NCR_BASE64_LEN(len), strlen(cases[i].text));
        ncr_base64_encode(text, (const uint8_t *)cases[i].plain, len);
        cr_assert_arr_eq(text, cases[i].text, strlen(cases[i].text));
        cr_assert(decode_exact(&out, len, &n, cases[i].text, strlen(cases[i].text)));
        cr_assert_eq(n, len);
        cr_assert_arr_eq(out, cases[i].plain, len);
        free(out);
    }
}

Test(base64, every_value_in_every_position)
{
    for (unsigned v = 0; v < 64; v++) {
        for (unsigned pos = 0; pos < 4; pos++) {
            char text[4] = {'A', 'A', 'A', 'A'};
            char back[4];
            uint32_t bits = (uint32_t)v << (18 - 6 * pos);
            uint8_t *out;
            size_t n;

            text[pos] = alphabet[v];
            cr_assert(decode_exact(&out, 3, &n, text, 4));
            cr_assert_eq(n, 3);
            cr_assert_eq((uint32_t)out[0] << 16 | (uint32_t)out[1] << 8 | out[2], bits);
            ncr_base64_encode(back, out, 3);
            cr_assert_arr_eq(back, text, 4);
            free(out);
        }
    }
}

Test(base64, every_other_character_is_refused)
{
    for (unsigned c = 0; c < 256; c++) {
        for (unsigned pos = 0; pos < 4; pos++) {
            char text[8] = {'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A'};
            bool legal = c != 0 && strchr(alphabet, (int)c) != NULL;

            text[pos] = (char)c;
            cr_assert_eq(decodes(text, 8), legal, "character %u at %u", c, pos);
        }
    }
}

Test(base64, padding)
{
    static const char *const bad[] = {
        "=",        "==",       "===",    "====", "A===",   "AA=A",     "A=AA",
        "=AAA",     "AB==",     "AAB=",   "AA",   "AAA",    "AA==AAAA", "AAAAA",
        "AAA=AAA=", "AAAA====", "AA==\n", " AAA", "AAAA\n", "AA-_"};

    cr_assert(decodes("AA==", 4));
    cr_assert(decodes("AAA=", 4));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(decodes(bad[i], strlen(bad[i])), "%s", bad[i]);
}

/* Every value of the last character before padding: only those without surplus bits. */
Test(base64, unused_bits_are_zero)
{
    for (unsigned v = 0; v < 64; v++) {
        char one[4] = {'/', alphabet[v], '=', '='};
        char two[4] = {'/', '/', alphabet[v], '='};

        cr_assert_eq(decodes(one, 4), v % 16 == 0);
        cr_assert_eq(decodes(two, 4), v % 4 == 0);
    }
}

Test(base64, room)
{
    uint8_t *out;
    size_t n;

    for (size_t cap = 0; cap < 8; cap++) {
        cr_assert_eq(decode_exact(&out, cap, &n, "Zm9vYg==", 8), cap >= 4);
        free(out);
        cr_assert_eq(decode_exact(&out, cap, &n, "Zm9vYmFy", 8), cap >= 6);
        free(out);
    }
}

Test(base64, failure_leaves_no_bytes)
{
    uint8_t out[6];
    size_t n = 9;

    memset(out, 0xa5, sizeof out);
    cr_assert_not(ncr_base64_decode(out, 6, &n, nacre_bytes_str("Zm9vYmF!")));
    cr_assert_eq(n, 0);
    for (size_t i = 0; i < sizeof out; i++)
        cr_assert_eq(out[i], 0);
}

Test(base64, in_place)
{
    uint8_t buf[] = "Zm9vYmFyZm9vYmFy";
    size_t n;

    cr_assert(ncr_base64_decode(buf, sizeof buf, &n, (struct nacre_bytes){buf, 16}));
    cr_assert_eq(n, 12);
    cr_assert_arr_eq(buf, "foobarfoobar", 12);
}

Test(base64, lengths_round)
{
    uint8_t in[300];
    char text[NCR_BASE64_LEN(300)];

    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 37 + 11);
    for (size_t len = 0; len <= sizeof in; len++) {
        uint8_t *out;
        size_t n;

        ncr_base64_encode(text, in, len);
        cr_assert(decode_exact(&out, len, &n, text, NCR_BASE64_LEN(len)));
        cr_assert_eq(n, len);
        cr_assert_arr_eq(out, in, len);
        free(out);
    }
}

/* For make ct: no branch and no index depends on what is encoded or decoded. */
Test(base64, ct_in_the_data)
{
    uint8_t in[64];
    uint8_t out[66];
    char text[NCR_BASE64_LEN(64)];
    size_t n;

    memset(in, 0x5b, sizeof in);
    NCR_CT_SECRET(in, sizeof in);
    ncr_base64_encode(text, in, sizeof in);
    cr_assert(
        ncr_base64_decode(out, sizeof out, &n, (struct nacre_bytes){(uint8_t *)text, sizeof text}));
    NCR_CT_PUBLIC(out, sizeof out);
    NCR_CT_PUBLIC(in, sizeof in);
    cr_assert_eq(n, sizeof in);
    cr_assert_arr_eq(out, in, sizeof in);
}
