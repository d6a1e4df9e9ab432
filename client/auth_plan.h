/* SPDX-License-Identifier: ISC
 *
 * The order in which a client tries its credentials: each once, methods in order of preference, as
 * far as the server still lists them (S93). Keys go first, without asking for "none" before; with a
 * single key that is at hand the signature is sent at once.
 *
 * What finds no room in the engine (a key exchange runs) waits and goes out when there is.
 */
#ifndef NCR_AUTH_PLAN_H
#define NCR_AUTH_PLAN_H

#include "client/identities.h"
#include "client/nacre_client.h"

#define NCR_PLAN_METHODS 4
#define NCR_PLAN_LIST_CAP 256
#define NCR_PLAN_PROMPTS 3

/* A request or an answer that waits for room. */
enum ncr_plan_wait { NCR_WAIT_NONE = 0, NCR_WAIT_NEXT, NCR_WAIT_ANSWER };

struct ncr_auth_plan {
    unsigned order[NCR_PLAN_METHODS]; /* enum nacre_auth_method, 0 ends */
    unsigned allowed;                 /* set that we may use */
    unsigned listed;                  /* set that the server takes now */
    unsigned tried;                   /* last method that was tried */
    bool know_listed;                 /* the server has said */
    bool none_tried, password_used, credential;
    bool gave_up; /* the last question was refused by us: the server has said nothing */
    unsigned password_left, interactive_left;
    bool answered;               /* keyboard-interactive: the user was asked in this round */
    char last[NACRE_SECRET_CAP]; /* password under way, for a change */
    struct ncr_identities ids;
    size_t current;           /* identity that is being tried, */
    bool probe;               /* with the question first, */
    char alg[NCR_ID_ALG_CAP]; /* under that algorithm */
    unsigned request;         /* enum nacre_auth_method of the last request */
    enum ncr_plan_wait waiting;
    struct nacre_answer answer; /* that waits; its data and responses lie in answer_mem */
    struct nacre_bytes answer_responses[NACRE_PROMPTS_MAX];
    uint8_t *answer_mem;
    size_t answer_len;
    char methods[NCR_PLAN_LIST_CAP]; /* as the server listed them, escaped */
};

struct nacre_client;

NACRE_MUST_CHECK nacre_err ncr_plan_init(struct nacre_client *c);
/* Wipes keys. */
void ncr_plan_free(struct ncr_auth_plan *p);
/* There may be room now: what waits is sent. */
void ncr_plan_room(struct nacre_client *c);
/* Asks the secret hook; the time it takes does not count. False: no answer. */
bool ncr_plan_ask(struct nacre_client *c, const struct nacre_secret_question *q,
                  char answer[NACRE_SECRET_CAP]);
/* AUTH_NEXT, SIGN, AUTH_PROMPT, AUTH_CHANGE, AUTH_SUCCESS. */
void ncr_plan_event(struct nacre_client *c, const struct nacre_event *ev);

#endif
