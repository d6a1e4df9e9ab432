/* SPDX-License-Identifier: ISC
 *
 * Numbers of key revocation lists (PROTOCOL.krl), for krl.c and krl_write.c.
 */
#ifndef NCR_KRL_H
#define NCR_KRL_H

#include "proto/keys/nacre_krl.h"
#include "proto/wire.h"

#define KRL_MAGIC "SSHKRL\n" /* and its NUL */
#define KRL_MAGIC_LEN 8
#define KRL_FORMAT 1

/* Sections, and those inside of KRL_CERTIFICATES. */
enum krl_section {
    KRL_CERTIFICATES = 1,
    KRL_KEYS = 2,
    KRL_KEYS_SHA1 = 3,
    KRL_SIGNATURE = 4,
    KRL_KEYS_SHA256 = 5,
    KRL_EXTENSION = 255
};
enum krl_cert_section {
    KRL_CERT_SERIAL_LIST = 0x20,
    KRL_CERT_SERIAL_RANGE = 0x21,
    KRL_CERT_SERIAL_BITMAP = 0x22,
    KRL_CERT_KEY_ID = 0x23,
    KRL_CERT_EXTENSION = 0x39
};

/* True if the value has a length that its kind may have, and a key id no NUL. */
bool ncr_krl_value_fits(const struct nacre_krl_entry *e);

#endif
