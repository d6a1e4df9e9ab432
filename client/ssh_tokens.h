/* SPDX-License-Identifier: ISC
 *
 * What ssh_config(5) expands in values: %-tokens, ${NAME} of the environment, "~" before a path.
 * Nothing is quoted or escaped for a shell: names of hosts and users are checked where they come
 * in (S54). An unknown token, a variable that is not set and a result that is too long are errors.
 */
#ifndef NCR_SSH_TOKENS_H
#define NCR_SSH_TOKENS_H

#include "proto/nacre.h"

#define NCR_TOKENS_CAP 4096 /* longest result and its NUL */
#define NCR_TOKENS_ERROR_CAP 256

/* Sets of tokens, as the keywords have them. */
#define NCR_TOKENS_HOST "h"     /* HostName */
#define NCR_TOKENS_PROXY "hnpr" /* ProxyCommand, ProxyJump */
#define NCR_TOKENS_USER "dhijkLlnpu"
#define NCR_TOKENS_ALL "CdhijkLlnpru"

struct ncr_tokens {
    const char *host;     /* %h: as it is connected to */
    const char *original; /* %n: as the user gave it */
    const char *alias;    /* %k: NULL: original */
    const char *user;     /* %r */
    const char *jump;     /* %j: NULL: "" */
    uint32_t port;        /* %p */
};

/* What of a text is expanded. */
struct ncr_tokens_how {
    const char *letters; /* tokens that may stand in it, "%%" always */
    bool env;            /* ${NAME} */
    bool tilde;          /* "~", "~/..." and "~user/..." */
};

/* out has NCR_TOKENS_CAP bytes. False: error, of NCR_TOKENS_ERROR_CAP bytes, says why. */
bool ncr_tokens_expand(char *out, const char *text, const struct ncr_tokens *t,
                       const struct ncr_tokens_how *how, char *error);
/* Home directory and name of the user that runs the program, "" if there is none. */
const char *ncr_tokens_home(void);
const char *ncr_tokens_local_user(void);

#endif
