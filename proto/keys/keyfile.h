/* SPDX-License-Identifier: ISC
 *
 * Formats of key files as rows: how one is recognised, named and read. A new format is a file with
 * functions and a row in keyfile.c.
 */
#ifndef NCR_KEYFILE_H
#define NCR_KEYFILE_H

#include "proto/keys/nacre_keys.h"

/* A file on its way in. */
struct ncr_keyfile_in {
    struct nacre_bytes file;
    struct nacre_bytes passphrase;
    uint8_t *scratch; /* at least file.n bytes */
    size_t scratch_len;
    uint64_t *work;
    struct nacre_keyfile_info *info; /* never NULL here */
};

struct ncr_keyfile_row {
    enum nacre_keyfile_format format;
    const char *text;   /* what it is, for messages */
    const char *prefix; /* the file starts with; NULL: not recognised by this */
    /* NULL: this build does not read it. comment is borrowed from scratch. The caller wipes k on
     * failure and scratch always. */
    nacre_err (*read)(struct nacre_privkey *k, struct nacre_bytes *comment,
                      const struct ncr_keyfile_in *in);
    /* k's blob is left at the start of scratch, the rest of which is wiped; comment is borrowed
     * from the file. */
    nacre_err (*read_public)(struct nacre_pubkey *k, struct nacre_bytes *comment,
                             const struct ncr_keyfile_in *in);
};

/* Notes what is wrong and returns err. */
nacre_err ncr_keyfile_fail(const struct ncr_keyfile_in *in, nacre_err err, const char *what);

/* Keeps a name of the file for the message; what is no algorithm name at all leaves "". */
void ncr_keyfile_note(char out[NACRE_KEY_NAME_MAX + 1], struct nacre_bytes name);

/* keyfile_openssh.c */
#define NCR_KEYFILE_OPENSSH_LABEL "OPENSSH PRIVATE KEY"
NACRE_MUST_CHECK nacre_err ncr_openssh_read(struct nacre_privkey *k, struct nacre_bytes *comment,
                                            const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_openssh_read_public(struct nacre_pubkey *k,
                                                   struct nacre_bytes *comment,
                                                   const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_openssh_write(uint8_t *out, size_t cap, size_t *n,
                                             const struct nacre_privkey *k,
                                             struct nacre_bytes comment,
                                             const struct nacre_keyfile_opts *opts,
                                             const struct nacre_rng *rng, uint64_t *work);

/* keyfile_ppk.c */
NACRE_MUST_CHECK nacre_err ncr_ppk_read(struct nacre_privkey *k, struct nacre_bytes *comment,
                                        const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_ppk_read_public(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                               const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_ppk_write(uint8_t *out, size_t cap, size_t *n,
                                         const struct nacre_privkey *k, struct nacre_bytes comment,
                                         const struct nacre_keyfile_opts *opts,
                                         const struct nacre_rng *rng, uint64_t *work);

/* keyfile_pem.c */
NACRE_MUST_CHECK nacre_err ncr_pem_read_rsa(struct nacre_privkey *k, struct nacre_bytes *comment,
                                            const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_pem_read_ec(struct nacre_privkey *k, struct nacre_bytes *comment,
                                           const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_pem_read_pkcs8(struct nacre_privkey *k, struct nacre_bytes *comment,
                                              const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_pem_read_encrypted(struct nacre_privkey *k,
                                                  struct nacre_bytes *comment,
                                                  const struct ncr_keyfile_in *in);

/* keyfile_pem_write.c: PEM_RSA, PEM_EC, PKCS8 of opts->format */
NACRE_MUST_CHECK nacre_err ncr_pem_write(uint8_t *out, size_t cap, size_t *n,
                                         const struct nacre_privkey *k,
                                         const struct nacre_keyfile_opts *opts,
                                         const struct nacre_rng *rng, uint64_t *work);

/* rfc4716.c */
NACRE_MUST_CHECK nacre_err ncr_rfc4716_read(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                            const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_rfc4716_write(uint8_t *out, size_t cap, size_t *n,
                                             struct nacre_bytes blob, struct nacre_bytes comment);

/* keyfile_public.c */
NACRE_MUST_CHECK nacre_err ncr_pem_read_public(struct nacre_pubkey *k, struct nacre_bytes *comment,
                                               const struct ncr_keyfile_in *in);
NACRE_MUST_CHECK nacre_err ncr_pem_read_public_rsa(struct nacre_pubkey *k,
                                                   struct nacre_bytes *comment,
                                                   const struct ncr_keyfile_in *in);

#endif
