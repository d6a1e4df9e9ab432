/* SPDX-License-Identifier: ISC
 *
 * Algorithm rows by name: the only place where names of algorithms are compared. A table of a kind
 * may be NULL and then has no rows. Also the row of the one algorithm without an implementation.
 */
#include "proto/alg.h"

const struct ncr_comp ncr_comp_none = {.name = "none"};

/* Name of row i, which may be the NULL that ends the table but lies not behind it. */
static const char *alg_row_name(const struct nacre_algs *a, enum nacre_alg_kind kind, size_t i)
{
    switch (kind) {
    case NACRE_ALG_KEX:
        return a->kex != NULL && a->kex[i] != NULL ? a->kex[i]->name : NULL;
    case NACRE_ALG_SIG:
        return a->sigs != NULL && a->sigs[i] != NULL ? a->sigs[i]->name : NULL;
    case NACRE_ALG_CIPHER:
        return a->ciphers != NULL && a->ciphers[i] != NULL ? a->ciphers[i]->name : NULL;
    case NACRE_ALG_MAC:
        return a->macs != NULL && a->macs[i] != NULL ? a->macs[i]->name : NULL;
    case NACRE_ALG_COMP:
        return a->comps != NULL && a->comps[i] != NULL ? a->comps[i]->name : NULL;
    }
    return NULL;
}

const char *ncr_alg_name(const struct nacre_algs *a, enum nacre_alg_kind kind, size_t i)
{
    const char *name = alg_row_name(a, kind, 0);
    size_t j;

    for (j = 1; name != NULL && j <= i; j++)
        name = alg_row_name(a, kind, j);
    return name;
}

enum ncr_grade ncr_alg_grade(const struct nacre_algs *a, enum nacre_alg_kind kind, size_t i)
{
    switch (kind) {
    case NACRE_ALG_KEX:
        return a->kex[i]->grade;
    case NACRE_ALG_SIG:
        return a->sigs[i]->grade;
    case NACRE_ALG_CIPHER:
        return a->ciphers[i]->grade;
    case NACRE_ALG_MAC:
        return a->macs[i]->grade;
    case NACRE_ALG_COMP:
        return a->comps[i]->grade;
    }
    return NCR_GRADE_NAMED;
}

/* Index of the first row of that name; false if there is none. */
static bool alg_find(const struct nacre_algs *a, enum nacre_alg_kind kind, struct nacre_bytes name,
                     size_t *i)
{
    const char *each;

    for (*i = 0; (each = alg_row_name(a, kind, *i)) != NULL; (*i)++)
        if (nacre_bytes_is(name, each))
            return true;
    return false;
}

const struct ncr_kex *ncr_alg_kex(const struct nacre_algs *a, struct nacre_bytes name)
{
    size_t i;

    return alg_find(a, NACRE_ALG_KEX, name, &i) ? a->kex[i] : NULL;
}

const struct ncr_sig *ncr_alg_sig(const struct nacre_algs *a, struct nacre_bytes name)
{
    size_t i;

    return alg_find(a, NACRE_ALG_SIG, name, &i) ? a->sigs[i] : NULL;
}

const struct ncr_cipher *ncr_alg_cipher(const struct nacre_algs *a, struct nacre_bytes name)
{
    size_t i;

    return alg_find(a, NACRE_ALG_CIPHER, name, &i) ? a->ciphers[i] : NULL;
}

const struct ncr_mac *ncr_alg_mac(const struct nacre_algs *a, struct nacre_bytes name)
{
    size_t i;

    return alg_find(a, NACRE_ALG_MAC, name, &i) ? a->macs[i] : NULL;
}

const struct ncr_comp *ncr_alg_comp(const struct nacre_algs *a, struct nacre_bytes name)
{
    size_t i;

    return alg_find(a, NACRE_ALG_COMP, name, &i) ? a->comps[i] : NULL;
}

nacre_err nacre_sig_verify(const struct nacre_algs *algs, struct nacre_bytes alg,
                           struct nacre_bytes key, struct nacre_bytes data, struct nacre_bytes sig,
                           uint64_t *work)
{
    const struct ncr_sig *row = ncr_alg_sig(algs, alg);
    nacre_err err = row != NULL ? row->check_key(key) : NACRE_ERR_UNKNOWN_ALG;

    return err == NACRE_OK ? row->verify(key, data, sig, work) : err;
}
