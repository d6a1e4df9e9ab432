/* SPDX-License-Identifier: ISC
 *
 * The algorithms that a program offers unless it says otherwise, most preferred first. A program
 * that brings a table of its own and does not name nacre_algs_default links only the rows it names.
 *
 * Order: AEAD before AES-CTR, which without AES instructions is slower by a multiple; tags over the
 * ciphertext before tags over the plaintext; UMAC before HMAC, which takes ten times as long, but
 * for UMAC's short tags, which come last; within a family the smaller, which is strong enough.
 * Certificates before plain keys, in OpenSSH's order: whoever has one has it to be used.
 */
#include "proto/alg.h"

/* A row a line, in the order of preference. */
/* clang-format off */

static const struct ncr_kex *const alg_default_kex[] = {
    &ncr_kex_mlkem768_x25519,
    &ncr_kex_sntrup761_x25519,
    &ncr_kex_sntrup761_x25519_openssh,
    &ncr_kex_mlkem768_nistp256,
    &ncr_kex_mlkem1024_nistp384,
    &ncr_kex_curve25519,
    &ncr_kex_curve25519_libssh,
    &ncr_kex_ecdh_nistp256,
    &ncr_kex_ecdh_nistp384,
    &ncr_kex_ecdh_nistp521,
    &ncr_kex_gex_sha256,
    &ncr_kex_dh16_sha512,
    &ncr_kex_dh18_sha512,
    &ncr_kex_dh14_sha256,
    NULL,
};

static const struct ncr_sig *const alg_default_sigs[] = {
    &ncr_sig_cert_ed25519,
    &ncr_sig_cert_ecdsa_nistp256,
    &ncr_sig_cert_ecdsa_nistp384,
    &ncr_sig_cert_ecdsa_nistp521,
    &ncr_sig_cert_sk_ed25519,
    &ncr_sig_cert_sk_ecdsa,
    &ncr_sig_cert_webauthn_sk_ecdsa,
    &ncr_sig_cert_rsa_sha2_512,
    &ncr_sig_cert_rsa_sha2_256,
    &ncr_sig_cert_mldsa44_ed25519,
    &ncr_sig_ed25519,
    &ncr_sig_mldsa44_ed25519,
    &ncr_sig_ecdsa_nistp256,
    &ncr_sig_ecdsa_nistp384,
    &ncr_sig_ecdsa_nistp521,
    &ncr_sig_sk_ed25519,
    &ncr_sig_sk_ecdsa,
    &ncr_sig_webauthn_sk_ecdsa,
    &ncr_sig_rsa_sha2_512,
    &ncr_sig_rsa_sha2_256,
    NULL,
};

static const struct ncr_cipher *const alg_default_ciphers[] = {
    &ncr_cipher_chapoly,
    &ncr_cipher_aes128_gcm,
    &ncr_cipher_aes256_gcm,
    &ncr_cipher_aes128_ctr,
    &ncr_cipher_aes192_ctr,
    &ncr_cipher_aes256_ctr,
    NULL,
};

static const struct ncr_mac *const alg_default_macs[] = {
    &ncr_mac_umac_128_etm,
    &ncr_mac_sha2_256_etm,
    &ncr_mac_sha2_512_etm,
    &ncr_mac_umac_64_etm,
    &ncr_mac_umac_128,
    &ncr_mac_sha2_256,
    &ncr_mac_sha2_512,
    &ncr_mac_umac_64,
    NULL,
};

static const struct ncr_comp *const alg_default_comps[] = {
    &ncr_comp_none,
    &ncr_comp_zlib_openssh,
    &ncr_comp_zlib,
    NULL,
};

const struct nacre_algs nacre_algs_default = {
    .kex = alg_default_kex,
    .sigs = alg_default_sigs,
    .ciphers = alg_default_ciphers,
    .macs = alg_default_macs,
    .comps = alg_default_comps,
};
