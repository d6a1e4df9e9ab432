/* SPDX-License-Identifier: ISC
 *
 * Signature algorithms under test: see sig_rig.h.
 */
#include "tests/sig_rig.h"

#include "crypto/load.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

uint64_t sig_work[NACRE_WORK];

static uint8_t *sig_copy(struct nacre_bytes b)
{
    uint8_t *copy = malloc(b.n + (b.n == 0));
    cr_assert_not_null(copy);
    if (b.n > 0) {
        memcpy(copy, b.p, b.n);
    }
    return copy;
}

nacre_err sig_check_exact(const struct ncr_sig *row, struct nacre_bytes key)
{
    uint8_t *copy = sig_copy(key);
    nacre_err err = row->check_key((struct nacre_bytes){copy, key.n});
    free(copy);
    return err;
}

nacre_err sig_verify_exact(const struct ncr_sig *row, struct nacre_bytes key,
                           struct nacre_bytes data, struct nacre_bytes sig)
{
    uint8_t *key_copy = sig_copy(key), *copy = sig_copy(sig);
    nacre_err err = row->verify((struct nacre_bytes){key_copy, key.n}, data,
                                (struct nacre_bytes){copy, sig.n}, sig_work);
    free(key_copy);
    free(copy);
    return err;
}

/* ---- Blobs ---- */

size_t sig_head(const struct ncr_sig *row)
{
    return 4 + strlen(row->name) + 4;
}

struct sig_blob sig_blob_of(const struct ncr_sig *row, const uint8_t *p, size_t n)
{
    const size_t head = sig_head(row), name_len = head - 8;
    struct sig_blob b = {.n = head + n};
    cr_assert_leq(n, sizeof b.p - head - 8); /* room to be extended */
    ncr_store32be(b.p, (uint32_t)name_len);
    memcpy(b.p + 4, row->name, name_len);
    ncr_store32be(b.p + 4 + name_len, (uint32_t)n);
    memcpy(b.p + head, p, n);
    return b;
}

struct nacre_bytes sig_bytes(const struct sig_blob *b)
{
    return (struct nacre_bytes){b->p, b->n};
}

void sig_case_begin(struct sig_case *c, const struct ncr_sig *row)
{
    memset(c, 0, sizeof *c);
    c->row = row;
    memset(c->data, 0x5a, sizeof c->data);
    c->msg = (struct nacre_bytes){c->data, sizeof c->data};
}

nacre_err sig_case_check(const struct sig_case *c, const struct sig_blob *key)
{
    return sig_check_exact(c->row, sig_bytes(key));
}

nacre_err sig_case_key(const struct sig_case *c, const struct sig_blob *key)
{
    return sig_verify_exact(c->row, sig_bytes(key), c->msg, sig_bytes(&c->sig));
}

nacre_err sig_case_sig(const struct sig_case *c, const struct sig_blob *sig)
{
    return sig_verify_exact(c->row, sig_bytes(&c->key), c->msg, sig_bytes(sig));
}

/* ---- Damage ---- */

void sig_broken(const struct sig_case *c, const struct sig_blob *b, bool is_key)
{
    if (is_key) {
        cr_assert_eq(sig_case_check(c, b), NACRE_ERR_KEY_FORMAT);
        cr_assert_eq(sig_case_key(c, b), NACRE_ERR_KEY_FORMAT);
    } else {
        cr_assert_eq(sig_case_sig(c, b), NACRE_ERR_SIG_FORMAT);
    }
}

static void sig_break_lengths(const struct sig_case *c, const struct sig_blob *good, bool is_key)
{
    const size_t fields[] = {0, sig_head(c->row) - 4};
    for (size_t i = 0; i < 2; i++) {
        uint32_t was = ncr_load32be(good->p + fields[i]);
        uint32_t left = (uint32_t)(good->n - fields[i] - 4);
        uint32_t values[] = {0,        was - 1,    was + 1,    left - 1,   left + 1,
                             left + 4, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            struct sig_blob b = *good;
            ncr_store32be(b.p + fields[i], values[j]);
            if (values[j] != was) {
                sig_broken(c, &b, is_key);
            }
        }
    }
}

void sig_cut_and_stretched(const struct sig_case *c)
{
    for (int is_key = 0; is_key <= 1; is_key++) {
        const struct sig_blob *good = is_key ? &c->key : &c->sig;
        struct sig_blob b = *good;
        for (b.n = 0; b.n < good->n; b.n++) {
            sig_broken(c, &b, is_key);
        }
        for (b.n = good->n + 1; b.n <= good->n + 5; b.n++) {
            sig_broken(c, &b, is_key);
        }
        sig_break_lengths(c, good, is_key);
    }
}

void sig_bits_flipped(struct sig_case *c, size_t step)
{
    const size_t head = 8 * sig_head(c->row);
    cr_assert_eq(sig_case_sig(c, &c->sig), NACRE_OK);
    for (size_t bit = 0; bit < 8 * c->key.n; bit += bit < head ? 1 : step) {
        struct sig_blob b = c->key;
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        nacre_err err = sig_case_key(c, &b);
        cr_assert(bit < head ? err == NACRE_ERR_KEY_FORMAT
                             : err == NACRE_ERR_SIG || err == NACRE_ERR_KEY_REFUSED);
    }
    for (size_t bit = 0; bit < 8 * c->sig.n; bit += bit < head ? 1 : step) {
        struct sig_blob b = c->sig;
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(sig_case_sig(c, &b), bit < head ? NACRE_ERR_SIG_FORMAT : NACRE_ERR_SIG);
    }
    for (size_t bit = 0; bit < 8 * sizeof c->data; bit++) {
        c->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(sig_case_sig(c, &c->sig), NACRE_ERR_SIG);
        c->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

void sig_renamed(const struct sig_case *c, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct sig_blob b = c->sig;
        memcpy(b.p + 4, names[i], sig_head(c->row) - 8);
        sig_broken(c, &b, false);
        b = c->key;
        memcpy(b.p + 4, names[i], sig_head(c->row) - 8);
        sig_broken(c, &b, true);
    }
}
