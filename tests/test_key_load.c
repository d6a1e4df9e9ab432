/* SPDX-License-Identifier: ISC
 *
 * Opening private key files: who is asked for the passphrase and how often, memory for PuTTY's
 * Argon2, and each allocation failing once (s94).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "client/key_load.h"
#include "tests/oom.h"

static uint64_t work[NACRE_WORK];

/* ---- Files and answers ---- */

#define PASS "two words"

static struct nacre_bytes made(enum nacre_keyfile_format format, const char *pass)
{
    static uint8_t text[NACRE_KEYFILE_TEXT_MAX], mem[64 * 1024];
    struct nacre_keyfile_opts opts = {.format = format,
                                      .passphrase = nacre_bytes_str(pass),
                                      .rounds = 1,
                                      .iterations = 1,
                                      .passes = 1,
                                      .argon2_kib = 64,
                                      .mem = mem,
                                      .mem_len = sizeof mem};
    struct nacre_privkey k;
    struct nacre_bytes file = {text, 0};

    cr_assert_eq(nacre_privkey_generate(&k, "ssh-ed25519", 0, &nacre_rng_os, work), NACRE_OK);
    cr_assert_eq(nacre_keyfile_write(text, sizeof text, &file.n, &k, nacre_bytes_str("c"), &opts,
                                     &nacre_rng_os, work),
                 NACRE_OK);
    return file;
}

/* Who answers: wrong ones first, then the right one, then nobody. */
struct asked {
    unsigned wrong, answers, calls;
};

static bool ask(void *ctx, unsigned attempt, char *pass, size_t cap)
{
    struct asked *a = ctx;

    cr_assert_eq(attempt, ++a->calls);
    cr_assert_eq(cap, (size_t)NCR_KEY_PASS_MAX);
    if (a->calls > a->answers)
        return false;
    (void)snprintf(pass, cap, "%s", a->calls <= a->wrong ? "wrong" : PASS);
    return true;
}

struct got {
    nacre_err err;
    struct nacre_privkey key;
    char comment[8];
    struct nacre_keyfile_info info;
    struct ncr_key_pass pass;
};

static struct got load(struct nacre_bytes file, const char *given, struct asked *a)
{
    struct got g;

    memset(&g, 0, sizeof g);
    g.pass.given = given;
    g.pass.ask = a == NULL ? NULL : ask;
    g.pass.ctx = a;
    g.err = ncr_key_load(&g.key, g.comment, sizeof g.comment, file, &g.pass, &g.info, work);
    cr_assert_eq(g.err == NACRE_OK, nacre_privkey_public_blob(&g.key).n > 0);
    cr_assert_eq(g.err == NACRE_OK, g.info.what[0] == '\0');
    if (g.err != NACRE_OK)
        cr_assert_str_empty(g.pass.pass);
    return g;
}

static const enum nacre_keyfile_format formats[] = {NACRE_KEYFILE_OPENSSH, NACRE_KEYFILE_PKCS8,
                                                    NACRE_KEYFILE_PPK};

Test(key_load, no_passphrase_needed)
{
    for (size_t i = 0; i < 3; i++) {
        struct asked a = {0, 0, 0};
        struct got g = load(made(formats[i], ""), NULL, &a);

        cr_assert_eq(g.err, NACRE_OK);
        cr_assert_eq(a.calls, 0);
        g = load(made(formats[i], ""), "given in vain", &a);
        cr_assert_eq(g.err, NACRE_OK);
        cr_assert_str_empty(g.pass.pass);
    }
}

Test(key_load, passphrase_given)
{
    char longer[NCR_KEY_PASS_MAX + 1];

    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (size_t i = 0; i < 3; i++) {
        struct nacre_bytes file = made(formats[i], PASS);
        struct asked a = {0, 9, 0};
        struct got g = load(file, PASS, &a);

        cr_assert_eq(g.err, NACRE_OK);
        cr_assert_str_eq(g.pass.pass, PASS);
        cr_assert_eq(load(file, "wrong", &a).err, NACRE_ERR_PASSPHRASE);
        cr_assert_eq(load(file, "", &a).err, NACRE_ERR_PASSPHRASE);
        cr_assert_eq(load(file, longer, &a).err, NACRE_ERR_PASSPHRASE);
        cr_assert_eq(a.calls, 0, "nobody is asked");
        cr_assert_eq(load(file, NULL, NULL).err, NACRE_ERR_PASSPHRASE);
    }
}

Test(key_load, asked_until_it_fits)
{
    for (size_t i = 0; i < 3; i++) {
        struct nacre_bytes file = made(formats[i], PASS);
        struct asked right = {2, 9, 0}, none = {9, 3, 0};
        struct got g = load(file, NULL, &right);

        cr_assert_eq(g.err, NACRE_OK);
        cr_assert_eq(right.calls, 3);
        cr_assert_str_eq(g.pass.pass, PASS);
        g = load(file, NULL, &none);
        cr_assert_eq(g.err, NACRE_ERR_PASSPHRASE);
        cr_assert_eq(none.calls, 4);
    }
}

Test(key_load, damage_is_not_asked_about)
{
    struct nacre_bytes file = made(NACRE_KEYFILE_PPK, PASS);
    struct asked a = {0, 9, 0};

    file.n /= 2;
    cr_assert_eq(load(file, NULL, &a).err, NACRE_ERR_FILE_FORMAT);
    cr_assert_eq(a.calls, 0);
}

Test(key_load, s94_each_allocation_fails)
{
    struct nacre_bytes file = made(NACRE_KEYFILE_PPK, PASS);
    struct got g;

    oom_need();
    for (unsigned long n = 1;; n++) {
        struct asked a = {0, 9, 0};

        oom_calls = 0;
        oom_fail_at = n;
        oom_armed = true;
        g = load(file, NULL, &a);
        oom_armed = false;
        if (g.err == NACRE_OK) {
            cr_assert_eq(n, 3, "the file's size, and that for Argon2");
            break;
        }
        cr_assert_eq(g.err, NACRE_ERR_NO_MEMORY);
    }
}
