/* SPDX-License-Identifier: ISC
 *
 * ssh-rsa-cert-v01@openssh.com: the key of a certificate signs with SHA-1 (sig_rsa_legacy.c says
 * what is wrong with that). The authority's signature is never one with SHA-1. In no default list.
 */
#include "proto/sig_cert.h"

#define SIG_CERT_RSA "ssh-rsa-cert-v01@openssh.com"

NCR_SIG_CERT_CALLS(rsa_sha1, SIG_CERT_RSA)

const struct ncr_sig ncr_sig_cert_rsa_sha1 = {
    .name = SIG_CERT_RSA,
    .grade = NCR_GRADE_LEGACY,
    .key_type = SIG_CERT_RSA,
    .check_key = sig_cert_check_rsa_sha1,
    .verify = sig_cert_verify_rsa_sha1,
    .plain = &ncr_sig_rsa_sha1,
};
