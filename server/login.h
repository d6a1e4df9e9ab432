/* SPDX-License-Identifier: ISC
 *
 * One login at the daemon, from the first request to the verdict: the rules, without messages or
 * processes. The monitor asks it; it trusts nothing that the network process says but what it can
 * check: signatures are verified again, over a session id that the monitor itself has signed for.
 *
 * The user is fixed by the first request; a request for another one is refused. An unknown user is
 * treated as a known one whose every credential is wrong, and costs the same.
 */
#ifndef NCR_LOGIN_H
#define NCR_LOGIN_H

#include "server/rights.h"

#define NCR_LOGIN_KEYS_MAX 8
#define NCR_LOGIN_USER_MAX 255

struct ncr_login {
    const struct ncr_sshd_config *cfg;
    const struct ncr_log *log;
    const char *addr;
    uint32_t port;
    char connection[176]; /* addresses and ports of both ends, for commands; "" if not told */
    uid_t serve_uid;      /* not root: the one user that is served */
    bool as_root;
    bool fixed, valid, done, challenged;
    char user[NCR_LOGIN_USER_MAX + 1];
    struct ncr_account account;
    uint8_t session_id[NACRE_HASH_MAX_LEN];
    size_t session_id_len;
    struct nacre_bytes host_key;     /* blob that was signed for then */
    uint8_t step[NCR_SSHD_LIST_MAX]; /* methods passed of each list of AuthenticationMethods */
    uint8_t used[NCR_LOGIN_KEYS_MAX][NACRE_SHA256_LEN];
    size_t n_used;
    struct ncr_rights rights;
    unsigned failures, asked;
    uint64_t deadline; /* of the authentication as a whole; 0: none */
};

/* What the network process tells of one request. */
struct ncr_login_ask {
    enum nacre_auth_stage stage;
    struct nacre_bytes user, alg, blob;
    bool host_bound;           /* KEY_PROVED: the signature names the host key too */
    struct nacre_bytes secret; /* KEY_PROVED: signature; PASSWORD: it; RESPONSES: the only one */
};

struct ncr_login_verdict {
    enum nacre_verdict verdict;
    unsigned methods; /* that can continue */
};

void ncr_login_init(struct ncr_login *l, const struct ncr_sshd_config *cfg,
                    const struct ncr_log *log, const char *addr, uint32_t port);
void ncr_login_wipe(struct ncr_login *l);
struct ncr_login_verdict ncr_login_ask(struct ncr_login *l, const struct ncr_login_ask *ask);
/* The methods that can come next. */
unsigned ncr_login_methods(const struct ncr_login *l);

/* For tests: name against a pattern with `*` and `?`, letters compared as they are. */
bool ncr_login_glob(const char *pattern, size_t n, const char *name);

#endif
