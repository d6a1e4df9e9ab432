/* SPDX-License-Identifier: ISC
 *
 * Known-hosts text and searches over it, with keys of Ed25519 that are known by a byte. What cannot
 * happen fails the test. Links with Criterion.
 */
#ifndef NACRE_TESTS_HOSTS_RIG_H
#define NACRE_TESTS_HOSTS_RIG_H

#include "proto/keys/nacre_keys.h"

struct hosts_key {
    struct nacre_privkey k;
    char text[128]; /* type and base64 */
};

/* "h" and "[h]:2222" with a salt of blanks: by Python's hmac and base64. */
#define HOSTS_HASHED "|1|ICAgICAgICAgICAgICAgICAgICA=|v7X/a0SEipRkRsqx6GIrG+BGCxU="
#define HOSTS_HASHED_2222 "|1|ICAgICAgICAgICAgICAgICAgICA=|JPSOHCMyVKE1s94TlDZESmFydm4="
#define HOSTS_OTHER_TYPE "ssh-x AAAABXNzaC14AAAAAQE="
#define HOSTS_WEAK_KEY /* the point of order 1 */                                                  \
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

extern const struct nacre_bytes hosts_nothing;

/* The key whose seed is that byte over and over. */
struct hosts_key hosts_key(uint8_t fill);
/* Runs a text over a search line by line; the number of bad lines. */
unsigned hosts_run(struct nacre_known_hosts *s, const char *text);
/* A search for host and port, and the key that it showed or NULL, over a text. */
struct nacre_known_hosts hosts_search(const char *text, const char *host, uint32_t port,
                                      const struct hosts_key *key);
/* "HOSTS type base64\n" with a marker or "" before. */
const char *hosts_line(char out[512], const char *before, const char *hosts, const char *key);
/* What a search says of the key over that one line. */
enum nacre_host_verdict hosts_verdict(const char *before, const char *hosts, const char *key,
                                      const char *host, uint32_t port,
                                      const struct hosts_key *shown);

#endif
