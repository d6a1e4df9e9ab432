/* SPDX-License-Identifier: ISC
 *
 * Certificates as bytes that nobody looked at: see odd_cert.h.
 */
#include "tests/odd_cert.h"

#include "proto/wire.h"

#include <criterion/criterion.h>
#include <string.h>

struct nacre_privkey odd_subject, odd_authority;
struct odd_cert odd;
uint64_t odd_work[NACRE_WORK];

void odd_keys(void)
{
    static const uint8_t a[NACRE_ED25519_SEED_LEN] = {1};
    static const uint8_t b[NACRE_ED25519_SEED_LEN] = {2};

    nacre_privkey_from_seed(&odd_subject, a);
    nacre_privkey_from_seed(&odd_authority, b);
}

struct nacre_bytes odd_pack(unsigned which, const char *const *strings)
{
    struct ncr_wr w = ncr_wr(odd.list[which], sizeof odd.list[which]);

    for (; *strings != NULL; strings++)
        ncr_wr_cstring(&w, *strings);
    cr_assert_not(w.bad);
    return ncr_wr_done(&w);
}

/* Appends an option; value NULL: a flag. */
static void option(struct nacre_bytes *list, unsigned which, const char *name, const char *value)
{
    struct ncr_wr w = ncr_wr(odd.list[which], sizeof odd.list[which]);
    size_t mark;

    w.n = list->n;
    ncr_wr_cstring(&w, name);
    mark = ncr_wr_string_begin(&w);
    if (value != NULL)
        ncr_wr_cstring(&w, value);
    ncr_wr_string_end(&w, mark);
    cr_assert_not(w.bad);
    *list = ncr_wr_done(&w);
}

void odd_critical(const char *name, const char *value)
{
    option(&odd.critical, 1, name, value);
}

void odd_extension(const char *name, const char *value)
{
    option(&odd.extensions, 2, name, value);
}

void odd_good(enum nacre_cert_kind kind)
{
    static const char *const users[] = {"bob", ODD_USER, NULL};
    static const char *const hosts[] = {"other.example", ODD_HOST, NULL};

    memset(&odd, 0, sizeof odd);
    odd.kind = (uint32_t)kind;
    odd.after = ODD_NOW - 10;
    odd.before = ODD_NOW + 10;
    odd.key_id = nacre_bytes_str("id");
    odd.principals = odd_pack(0, kind == NACRE_CERT_USER ? users : hosts);
}

struct nacre_bytes odd_nameless(struct nacre_bytes blob)
{
    struct ncr_rd r = ncr_rd(blob);

    (void)ncr_rd_string(&r);
    return ncr_rd_rest(&r);
}

struct nacre_bytes odd_write(uint8_t *out, size_t cap)
{
    struct ncr_wr w = ncr_wr(out, cap);
    struct nacre_bytes fields =
        odd_nameless(odd.plain.n > 0 ? odd.plain : nacre_privkey_public_blob(&odd_subject));
    uint8_t sig[NACRE_SIG_BLOB_MAX];
    struct nacre_bytes s = {sig, 0};

    ncr_wr_string(&w,
                  odd.name.n > 0 ? odd.name : nacre_bytes_str("ssh-ed25519-cert-v01@openssh.com"));
    ncr_wr_cstring(&w, "nonce");
    ncr_wr_bytes(&w, fields.p, fields.n);
    ncr_wr_u64(&w, 7);
    ncr_wr_u32(&w, odd.kind);
    ncr_wr_string(&w, odd.key_id);
    ncr_wr_string(&w, odd.principals);
    ncr_wr_u64(&w, odd.after);
    ncr_wr_u64(&w, odd.before);
    ncr_wr_string(&w, odd.critical);
    ncr_wr_string(&w, odd.extensions);
    ncr_wr_string(&w, odd.reserved);
    ncr_wr_string(&w, odd.ca.n > 0 ? odd.ca : nacre_privkey_public_blob(&odd_authority));
    cr_assert_eq(nacre_privkey_sign(&odd_authority, nacre_bytes_str("ssh-ed25519"), ncr_wr_done(&w),
                                    sig, sizeof sig, &s.n, &nacre_rng_os, odd_work),
                 NACRE_OK);
    if (odd.flip)
        sig[s.n - 40] ^= 1;
    if (odd.sig_name != NULL) {
        size_t mark = ncr_wr_string_begin(&w);
        struct nacre_bytes rest = odd_nameless(s);

        ncr_wr_cstring(&w, odd.sig_name);
        ncr_wr_bytes(&w, rest.p, rest.n);
        ncr_wr_string_end(&w, mark);
    } else {
        ncr_wr_string(&w, s);
    }
    cr_assert_not(w.bad);
    return ncr_wr_done(&w);
}
