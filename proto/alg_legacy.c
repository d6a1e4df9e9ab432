/* SPDX-License-Identifier: ISC
 *
 * What routers, switches and appliances of the last twenty years need that speak nothing newer, as
 * a table of its own: a program that does not name nacre_algs_legacy does not link these rows, and
 * make LEGACY=0 leaves their files out.
 *
 * None of them is offered unless it is named in a list or the profile is legacy-device. What is
 * wrong with them: SHA-1 and MD5 can be made to collide, 1,024-bit groups are within reach of
 * states, CBC with encrypt-and-MAC has a history of oracles (pkt_mac.c has the countermeasures),
 * 3DES has blocks of 64 bits.
 */
#include "proto/alg.h"

static const struct ncr_kex *const alg_legacy_kex[] = {
    &ncr_kex_gex_sha1,
    &ncr_kex_dh14_sha1,
    &ncr_kex_dh1_sha1,
    NULL,
};

static const struct ncr_sig *const alg_legacy_sigs[] = {
    &ncr_sig_cert_rsa_sha1,
    &ncr_sig_rsa_sha1,
    NULL,
};

static const struct ncr_cipher *const alg_legacy_ciphers[] = {
    &ncr_cipher_aes128_cbc,
    &ncr_cipher_aes192_cbc,
    &ncr_cipher_aes256_cbc,
    &ncr_cipher_3des_cbc,
    NULL,
};

static const struct ncr_mac *const alg_legacy_macs[] = {
    &ncr_mac_sha1_etm, &ncr_mac_sha1, &ncr_mac_sha1_96, &ncr_mac_md5, NULL,
};

static const struct ncr_comp *const alg_legacy_comps[] = {
    NULL,
};

const struct nacre_algs nacre_algs_legacy = {
    .base = &nacre_algs_default,
    .kex = alg_legacy_kex,
    .sigs = alg_legacy_sigs,
    .ciphers = alg_legacy_ciphers,
    .macs = alg_legacy_macs,
    .comps = alg_legacy_comps,
};
