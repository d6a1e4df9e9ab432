/* SPDX-License-Identifier: ISC
 *
 * A monitor without processes, for tests: requests are put to it as the network process would, its
 * replies are read from the far end of its socket. The account is the one that runs the test.
 */
#ifndef NACRE_TESTS_MONITOR_RIG_H
#define NACRE_TESTS_MONITOR_RIG_H

#include "server/monitor.h"

#include <stdio.h>

struct office {
    struct ncr_monitor m;
    struct ncr_sshd_config cfg;
    struct ncr_host_keys keys;
    struct nacre_privkey host, user, second, other;
    struct nacre_bytes host_blob;
    size_t host_of; /* 0: whose key the blob is about */
    struct ncr_account me;
    char dir[64], key_file[96], users_file[96];
    int far; /* the asking end */
    uint8_t buf[NCR_MON_MAX];
    struct ncr_mon_msg reply;
    char said[8192];
};

void office_key_line(FILE *f, const struct nacre_privkey *k);
struct office *office_open_with(const char *const lines[], size_t n);
struct office *office_open(void);
void office_close(struct office *d);
bool office_reply(struct office *d);
bool office_sign_with(struct office *d, struct nacre_bytes blob, size_t n, bool authed);
void office_sign(struct office *d);
bool office_auth(struct office *d, uint32_t stage, const char *user, struct nacre_bytes blob,
                 struct nacre_bytes secret);
/* The verdict on a request that is legal. */
enum nacre_verdict office_verdict(struct office *d, uint32_t stage, const char *user,
                                  struct nacre_bytes blob, struct nacre_bytes secret);
enum nacre_verdict office_password(struct office *d, const char *user, const char *password);
/* A signature by key over what RFC 4252 section 7 has, for the blob named and the user. */
enum nacre_verdict office_signed(struct office *d, const char *user, struct nacre_bytes blob,
                                 const char *alg_name, const struct nacre_privkey *key, bool spoil,
                                 uint32_t bound);
enum nacre_verdict office_key(struct office *d, const char *user, const struct nacre_privkey *named,
                              const struct nacre_privkey *key, bool spoil);

#endif
