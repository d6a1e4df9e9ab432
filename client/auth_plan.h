/* SPDX-License-Identifier: ISC
 *
 * The order in which a client tries its credentials: each once, methods in order of preference, as
 * far as the server still lists them (S93). Keys go first, without asking for "none" before; with a
 * single key the signature is sent at once.
 */
#ifndef NCR_AUTH_PLAN_H
#define NCR_AUTH_PLAN_H

#include "client/nacre_client.h"

#define NCR_PLAN_METHODS 4
#define NCR_PLAN_LIST_CAP 256
#define NCR_PLAN_PROMPTS 3

struct ncr_auth_key {
    struct nacre_privkey key;
    const char *path; /* "" for one that the caller gave */
    bool tried;
};

struct ncr_auth_plan {
    unsigned order[NCR_PLAN_METHODS]; /* enum nacre_auth_method, 0 ends */
    unsigned allowed;                 /* set that we may use */
    unsigned listed;                  /* set that the server takes now */
    unsigned tried;                   /* last method that was tried */
    bool know_listed;                 /* the server has said */
    bool keys_loaded, none_tried, password_used, credential, gave_up;
    unsigned password_left, interactive_left;
    bool answered;               /* keyboard-interactive: the user was asked in this round */
    char last[NACRE_SECRET_CAP]; /* password under way, for a change */
    struct ncr_auth_key *keys;
    size_t n_keys, current;
    char methods[NCR_PLAN_LIST_CAP]; /* as the server listed them, escaped */
};

struct nacre_client;

NACRE_MUST_CHECK nacre_err ncr_plan_init(struct nacre_client *c);
/* Wipes keys. */
void ncr_plan_free(struct ncr_auth_plan *p);
/* AUTH_NEXT, SIGN, AUTH_PROMPT, AUTH_CHANGE, AUTH_SUCCESS. */
void ncr_plan_event(struct nacre_client *c, const struct nacre_event *ev);

#endif
