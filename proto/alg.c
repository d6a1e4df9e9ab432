/* SPDX-License-Identifier: ISC
 *
 * Algorithm rows by name: the only place where names of algorithms are compared. A table of a kind
 * may be NULL and then has no rows. Also the row of the one algorithm without an implementation.
 */
#include "proto/alg.h"

const struct ncr_comp ncr_comp_none = {.name = "none"};

/* The i-th row of an array that ends with a NULL, or NULL with *i lowered by what it has. */
#define ALG_AT(array, i)                                                                           \
    for (; (array) != NULL && *(array) != NULL; (array)++)                                         \
        if ((*(i))-- == 0)                                                                         \
            return *(array);                                                                       \
    return NULL

static const struct ncr_kex *alg_kex_at(const struct ncr_kex *const *row, size_t *i)
{
    ALG_AT(row, i);
}

static const struct ncr_sig *alg_sig_at(const struct ncr_sig *const *row, size_t *i)
{
    ALG_AT(row, i);
}

static const struct ncr_cipher *alg_cipher_at(const struct ncr_cipher *const *row, size_t *i)
{
    ALG_AT(row, i);
}

static const struct ncr_mac *alg_mac_at(const struct ncr_mac *const *row, size_t *i)
{
    ALG_AT(row, i);
}

static const struct ncr_comp *alg_comp_at(const struct ncr_comp *const *row, size_t *i)
{
    ALG_AT(row, i);
}

/* Rows of the table that this one builds upon come first. */
#define ALG_OF(kind, member, a, i)                                                                 \
    const struct ncr_##kind *row = NULL;                                                           \
                                                                                                   \
    if ((a)->base != NULL)                                                                         \
        row = alg_##kind##_at((a)->base->member, &(i));                                            \
    return row != NULL ? row : alg_##kind##_at((a)->member, &(i))

const struct ncr_kex *ncr_alg_kex_at(const struct nacre_algs *a, size_t i)
{
    ALG_OF(kex, kex, a, i);
}

const struct ncr_sig *ncr_alg_sig_at(const struct nacre_algs *a, size_t i)
{
    ALG_OF(sig, sigs, a, i);
}

const struct ncr_cipher *ncr_alg_cipher_at(const struct nacre_algs *a, size_t i)
{
    ALG_OF(cipher, ciphers, a, i);
}

const struct ncr_mac *ncr_alg_mac_at(const struct nacre_algs *a, size_t i)
{
    ALG_OF(mac, macs, a, i);
}

const struct ncr_comp *ncr_alg_comp_at(const struct nacre_algs *a, size_t i)
{
    ALG_OF(comp, comps, a, i);
}

/* Name and grade of row i; false past the end. */
static bool alg_row(const struct nacre_algs *a, enum nacre_alg_kind kind, size_t i,
                    const char **name, enum ncr_grade *grade)
{
    const struct ncr_kex *kex;
    const struct ncr_sig *sig;
    const struct ncr_cipher *cipher;
    const struct ncr_mac *mac;
    const struct ncr_comp *comp;

#define ALG_TELL(row)                                                                              \
    if ((row) == NULL)                                                                             \
        return false;                                                                              \
    *name = (row)->name;                                                                           \
    *grade = (row)->grade;                                                                         \
    return true

    switch (kind) {
    case NACRE_ALG_KEX:
        kex = ncr_alg_kex_at(a, i);
        ALG_TELL(kex);
    case NACRE_ALG_SIG:
        sig = ncr_alg_sig_at(a, i);
        ALG_TELL(sig);
    case NACRE_ALG_CIPHER:
        cipher = ncr_alg_cipher_at(a, i);
        ALG_TELL(cipher);
    case NACRE_ALG_MAC:
        mac = ncr_alg_mac_at(a, i);
        ALG_TELL(mac);
    case NACRE_ALG_COMP:
        comp = ncr_alg_comp_at(a, i);
        ALG_TELL(comp);
    }
    return false;
}

const char *ncr_alg_name(const struct nacre_algs *a, enum nacre_alg_kind kind, size_t i)
{
    const char *name = NULL;
    enum ncr_grade grade;

    return alg_row(a, kind, i, &name, &grade) ? name : NULL;
}

enum ncr_grade ncr_alg_grade(const struct nacre_algs *a, enum nacre_alg_kind kind, size_t i)
{
    const char *name;
    enum ncr_grade grade = NCR_GRADE_NAMED;

    (void)alg_row(a, kind, i, &name, &grade); /* past the end: nothing is offered */
    return grade;
}

/* Index of the first row of that name; past the end if there is none. */
static size_t alg_find(const struct nacre_algs *a, enum nacre_alg_kind kind,
                       struct nacre_bytes name)
{
    const char *each;
    size_t i;

    for (i = 0; (each = ncr_alg_name(a, kind, i)) != NULL; i++)
        if (nacre_bytes_is(name, each))
            break;
    return i;
}

const struct ncr_kex *ncr_alg_kex(const struct nacre_algs *a, struct nacre_bytes name)
{
    return ncr_alg_kex_at(a, alg_find(a, NACRE_ALG_KEX, name));
}

const struct ncr_sig *ncr_alg_sig(const struct nacre_algs *a, struct nacre_bytes name)
{
    return ncr_alg_sig_at(a, alg_find(a, NACRE_ALG_SIG, name));
}

const struct ncr_cipher *ncr_alg_cipher(const struct nacre_algs *a, struct nacre_bytes name)
{
    return ncr_alg_cipher_at(a, alg_find(a, NACRE_ALG_CIPHER, name));
}

const struct ncr_mac *ncr_alg_mac(const struct nacre_algs *a, struct nacre_bytes name)
{
    return ncr_alg_mac_at(a, alg_find(a, NACRE_ALG_MAC, name));
}

const struct ncr_comp *ncr_alg_comp(const struct nacre_algs *a, struct nacre_bytes name)
{
    return ncr_alg_comp_at(a, alg_find(a, NACRE_ALG_COMP, name));
}

nacre_err nacre_sig_verify(const struct nacre_algs *algs, struct nacre_bytes alg,
                           struct nacre_bytes key, struct nacre_bytes data, struct nacre_bytes sig,
                           uint64_t *work)
{
    const struct ncr_sig *row = ncr_alg_sig(algs, alg);
    nacre_err err = row != NULL ? row->check_key(key) : NACRE_ERR_UNKNOWN_ALG;

    return err == NACRE_OK ? row->verify(key, data, sig, work) : err;
}

nacre_err nacre_sig_verify_sk(const struct nacre_algs *algs, struct nacre_bytes alg,
                              struct nacre_bytes key, struct nacre_bytes data,
                              struct nacre_bytes sig, uint8_t demand, uint64_t *work)
{
    const struct ncr_sig *row = ncr_alg_sig(algs, alg);
    nacre_err err = row != NULL ? row->check_key(key) : NACRE_ERR_UNKNOWN_ALG;

    if (err != NACRE_OK)
        return err;
    return row->verify_sk != NULL ? row->verify_sk(key, data, sig, demand, work)
                                  : row->verify(key, data, sig, work);
}
