/* SPDX-License-Identifier: ISC
 *
 * Where hosts are judged in tests: a client with known-hosts files of its own, keys and
 * certificates made on the spot, and a server that announces and proves host keys as the test says.
 * What cannot happen fails the test. Links with Criterion.
 */
#ifndef NACRE_TESTS_DESK_H
#define NACRE_TESTS_DESK_H

#include "client/client.h"
#include "tests/rig.h"

#define DESK_CERT_CAP 2048
#define DESK_KEYS 4

/* 0 a user's, 1 to 3 hosts' and authorities'; filled in by desk_new(). */
extern struct nacre_privkey desk_keys[DESK_KEYS];
extern uint64_t desk_work[NACRE_WORK];

/* What a server of the tests does with hostkeys-00 and hostkeys-prove-00. */
struct announcer {
    struct nacre_bytes offered[DESK_KEYS + 2];
    size_t n;
    struct nacre_bytes raw; /* sent instead of those */
    unsigned times;         /* announcements; 0: one */
    bool refuse, short_reply;
    struct nacre_bytes id; /* proofs of that session instead */
    int liar;              /* that key proves for all; 0: each for itself */
    unsigned asked;
};

struct desk {
    struct ncr_loop loop;
    struct rig rig;
    struct nacre_client_cfg cfg;
    struct nacre_client *c;
    char hosts[64], revoked[64], global[64];
    const char *hosts_list[3], *revoked_list[1];
    struct pair_buf log;
    struct announcer announce;
    unsigned asked;
    bool yes;
};

#define DESK_CA "@cert-authority "
#define DESK_REVOKED "@revoked "

/* A client of "server" that asks nobody, with empty files; desk_free() removes them. */
struct desk *desk_new(void);
/* The same, and a server that announces its own key, that of the session, and keys 1 and 2. */
struct desk *desk_announcing(void);
void desk_free(struct desk *d);

/* The public blob of one of our keys. */
struct nacre_bytes desk_blob(int key);
/* Was text logged? */
bool desk_logged(const struct desk *d, const char *text);
/* A whole file; what load() gives lasts until its next call. */
void desk_save(const char *name, const char *text);
const char *desk_load(const char *name);

/* A certificate of key 1 by key 2 that is good; and c issued by that key. */
struct nacre_cert desk_cert(void);
struct nacre_bytes desk_sign(const struct nacre_cert *c, int ca);

/* Appends "MARKERHOSTS type base64\n" to the known hosts. */
void desk_line(struct desk *d, const char *marker, const char *hosts, int key);
/* What a fresh client thinks of a key or certificate that its host shows. */
enum nacre_verdict desk_trust(struct desk *d, struct nacre_bytes shown);
/* Connects and runs a command, behind which all else has been answered. */
void desk_visit(struct desk *d);
/* The known hosts have that key under that name, port 22. */
bool desk_has(const struct desk *d, const char *host, struct nacre_bytes b);

#endif
