/* SPDX-License-Identifier: ISC
 *
 * The order of messages, all of it: one row per number says in which phases a client and a server
 * may send it (RFC 4250 4.1, 4251-4254, 4256, 4419, 8308; OpenSSH's PROTOCOL for strict key
 * exchange and ping). The table serves what we receive and what we send. What no mask can say is in
 * ncr_phase_rx_extra(). Handlers never look at the phase; nothing but ncr_phase_step() moves it.
 *
 * A phase belongs to a direction: what one side may send depends on what it has sent itself, so
 * that the two KEXINITs may cross and each NEWKEYS takes effect alone (RFC 4253 7.3, 9).
 */
#include "proto/phase.h"

#define PH(name) ((uint16_t)(1u << NCR_PH_##name))

#define PHASE_KEX1 (PH(KEX1_INIT) | PH(KEX1_METHOD) | PH(KEX1_VALUE) | PH(KEX1_NEWKEYS))
#define PHASE_REKEY (PH(REKEY_METHOD) | PH(REKEY_VALUE) | PH(REKEY_NEWKEYS))
#define PHASE_MAIN (PH(SERVICE) | PH(AUTH) | PH(CONN))
#define PHASE_ANY (PHASE_KEX1 | PHASE_REKEY | PHASE_MAIN)
#define PHASE_METHOD (PH(KEX1_METHOD) | PH(REKEY_METHOD))
#define PHASE_VALUE (PH(KEX1_VALUE) | PH(REKEY_VALUE))
#define PHASE_NEWKEYS (PH(KEX1_NEWKEYS) | PH(REKEY_NEWKEYS))

/* clang-format off */
static const struct ncr_rule phase_rules[] = {
    /* number, name, section, client in, server in, not strict, decoder */
    {NCR_MSG_DISCONNECT, "DISCONNECT", "4253 11.1", PHASE_ANY, PHASE_ANY, false, ncr_msg_get_disconnect},
    {NCR_MSG_IGNORE, "IGNORE", "4253 11.2", PHASE_ANY, PHASE_ANY, true, ncr_msg_get_rest},
    {NCR_MSG_UNIMPLEMENTED, "UNIMPLEMENTED", "4253 11.4", PHASE_ANY, PHASE_ANY, true, ncr_msg_get_u32},
    {NCR_MSG_DEBUG, "DEBUG", "4253 11.3", PHASE_ANY, PHASE_ANY, true, ncr_msg_get_debug},
    /* Paramiko repeats SERVICE_REQUEST before each attempt, so it is let in later too. */
    {NCR_MSG_SERVICE_REQUEST, "SERVICE_REQUEST", "4253 10", PH(SERVICE) | PH(AUTH), 0, false, ncr_msg_get_string},
    {NCR_MSG_SERVICE_ACCEPT, "SERVICE_ACCEPT", "4253 10", 0, PH(SERVICE) | PH(AUTH), false, ncr_msg_get_string},
    {NCR_MSG_EXT_INFO, "EXT_INFO", "8308 2.4", PH(SERVICE), PH(SERVICE) | PH(AUTH), false, ncr_msg_get_ext_info},
    {NCR_MSG_KEXINIT, "KEXINIT", "4253 7.1", PH(KEX1_INIT) | PHASE_MAIN, PH(KEX1_INIT) | PHASE_MAIN, false, ncr_msg_get_kexinit},
    {NCR_MSG_NEWKEYS, "NEWKEYS", "4253 7.3", PHASE_NEWKEYS, PHASE_NEWKEYS, false, ncr_msg_get_empty},
    {NCR_MSG_USERAUTH_REQUEST, "USERAUTH_REQUEST", "4252 5", PH(AUTH) | PH(CONN), 0, false, ncr_msg_get_auth_request},
    {NCR_MSG_USERAUTH_FAILURE, "USERAUTH_FAILURE", "4252 5.1", 0, PH(AUTH), false, ncr_msg_get_auth_failure},
    {NCR_MSG_USERAUTH_SUCCESS, "USERAUTH_SUCCESS", "4252 5.1", 0, PH(AUTH), false, ncr_msg_get_empty},
    {NCR_MSG_USERAUTH_BANNER, "USERAUTH_BANNER", "4252 5.4", 0, PH(AUTH), false, ncr_msg_get_text},
    {NCR_MSG_GLOBAL_REQUEST, "GLOBAL_REQUEST", "4254 4", PH(CONN), PH(CONN), false, ncr_msg_get_global},
    {NCR_MSG_REQUEST_SUCCESS, "REQUEST_SUCCESS", "4254 4", PH(CONN), PH(CONN), false, ncr_msg_get_rest},
    {NCR_MSG_REQUEST_FAILURE, "REQUEST_FAILURE", "4254 4", PH(CONN), PH(CONN), false, ncr_msg_get_empty},
    {NCR_MSG_CHANNEL_OPEN, "CHANNEL_OPEN", "4254 5.1", PH(CONN), PH(CONN), false, ncr_msg_get_chan_open},
    {NCR_MSG_CHANNEL_OPEN_CONFIRMATION, "CHANNEL_OPEN_CONFIRMATION", "4254 5.1", PH(CONN), PH(CONN), false, ncr_msg_get_chan_confirm},
    {NCR_MSG_CHANNEL_OPEN_FAILURE, "CHANNEL_OPEN_FAILURE", "4254 5.1", PH(CONN), PH(CONN), false, ncr_msg_get_chan_fail},
    {NCR_MSG_CHANNEL_WINDOW_ADJUST, "CHANNEL_WINDOW_ADJUST", "4254 5.2", PH(CONN), PH(CONN), false, ncr_msg_get_chan_adjust},
    {NCR_MSG_CHANNEL_DATA, "CHANNEL_DATA", "4254 5.2", PH(CONN), PH(CONN), false, ncr_msg_get_chan_data},
    {NCR_MSG_CHANNEL_EXTENDED_DATA, "CHANNEL_EXTENDED_DATA", "4254 5.2", PH(CONN), PH(CONN), false, ncr_msg_get_chan_ext_data},
    {NCR_MSG_CHANNEL_EOF, "CHANNEL_EOF", "4254 5.3", PH(CONN), PH(CONN), false, ncr_msg_get_chan},
    {NCR_MSG_CHANNEL_CLOSE, "CHANNEL_CLOSE", "4254 5.3", PH(CONN), PH(CONN), false, ncr_msg_get_chan},
    {NCR_MSG_CHANNEL_REQUEST, "CHANNEL_REQUEST", "4254 5.4", PH(CONN), PH(CONN), false, ncr_msg_get_chan_request},
    {NCR_MSG_CHANNEL_SUCCESS, "CHANNEL_SUCCESS", "4254 5.4", PH(CONN), PH(CONN), false, ncr_msg_get_chan},
    {NCR_MSG_CHANNEL_FAILURE, "CHANNEL_FAILURE", "4254 5.4", PH(CONN), PH(CONN), false, ncr_msg_get_chan},
    {NCR_MSG_PING, "PING", "PROTOCOL 1.8", PHASE_MAIN, PHASE_MAIN, false, ncr_msg_get_string},
    {NCR_MSG_PONG, "PONG", "PROTOCOL 1.8", PHASE_MAIN, PHASE_MAIN, false, ncr_msg_get_string},
};

/* 30-49 and 60-79 mean what the method under way says (RFC 4250 4.1.2). */
static const struct {
    enum ncr_auth_method method;
    struct ncr_rule rule;
} phase_method_rules[] = {
    {NCR_METHOD_NO_METHOD, {NCR_MSG_KEX_INIT, "KEX_INIT", "5656 4", PHASE_METHOD, 0, false, ncr_msg_get_string}},
    {NCR_METHOD_NO_METHOD, {NCR_MSG_KEX_REPLY, "KEX_REPLY", "5656 4", 0, PHASE_METHOD, false, ncr_msg_get_kex_reply}},
    {NCR_METHOD_GEX, {NCR_MSG_GEX_REQUEST, "KEX_DH_GEX_REQUEST", "4419 3", PHASE_METHOD, 0, false, ncr_msg_get_gex_request}},
    {NCR_METHOD_GEX, {NCR_MSG_GEX_GROUP, "KEX_DH_GEX_GROUP", "4419 3", 0, PHASE_METHOD, false, ncr_msg_get_gex_group}},
    {NCR_METHOD_GEX, {NCR_MSG_GEX_INIT, "KEX_DH_GEX_INIT", "4419 3", PHASE_VALUE, 0, false, ncr_msg_get_string}},
    {NCR_METHOD_GEX, {NCR_MSG_GEX_REPLY, "KEX_DH_GEX_REPLY", "4419 3", 0, PHASE_VALUE, false, ncr_msg_get_kex_reply}},
    {NCR_METHOD_PUBLICKEY, {60, "USERAUTH_PK_OK", "4252 7", 0, PH(AUTH), false, ncr_msg_get_pk_ok}},
    {NCR_METHOD_PASSWORD, {60, "USERAUTH_PASSWD_CHANGEREQ", "4252 8", 0, PH(AUTH), false, ncr_msg_get_text}},
    {NCR_METHOD_INTERACTIVE, {60, "USERAUTH_INFO_REQUEST", "4256 3.2", 0, PH(AUTH), false, ncr_msg_get_info_request}},
    {NCR_METHOD_INTERACTIVE, {61, "USERAUTH_INFO_RESPONSE", "4256 3.4", PH(AUTH), 0, false, ncr_msg_get_info_response}},
};

static const char *const phase_names[NCR_PHASES] = {
    "VERSION", "KEX1_INIT", "KEX1_METHOD", "KEX1_VALUE", "KEX1_NEWKEYS", "SERVICE",
    "AUTH", "CONN", "REKEY_METHOD", "REKEY_VALUE", "REKEY_NEWKEYS", "CLOSED"};
/* clang-format on */

static bool phase_of_kex(uint8_t number)
{
    return number >= NCR_MSG_KEX_FIRST && number <= NCR_MSG_KEX_LAST;
}

enum ncr_auth_method ncr_method_active(const struct nacre_conn *c, uint8_t number)
{
    if (!phase_of_kex(number))
        return (enum ncr_auth_method)c->auth.method;
    return c->kex.gex ? NCR_METHOD_GEX : NCR_METHOD_NO_METHOD;
}

const struct ncr_rule *ncr_rule_find(uint8_t number, enum ncr_auth_method method)
{
    size_t i;

    if (phase_of_kex(number) && method != NCR_METHOD_GEX)
        method = NCR_METHOD_NO_METHOD;
    for (i = 0; i < sizeof phase_rules / sizeof phase_rules[0]; i++)
        if (phase_rules[i].number == number)
            return &phase_rules[i];
    for (i = 0; i < sizeof phase_method_rules / sizeof phase_method_rules[0]; i++)
        if (phase_method_rules[i].method == method && phase_method_rules[i].rule.number == number)
            return &phase_method_rules[i].rule;
    return NULL;
}

/* What a number without a row is: in the ranges of key exchange methods (30-49), authentication
 * methods (60-79) and the connection protocol before its time (80-127) it is out of order; between
 * KEXINIT and NEWKEYS everything unknown is (RFC 4253 7.1). */
static enum ncr_allow phase_unknown(uint8_t number, enum ncr_phase phase)
{
    if (((PHASE_KEX1 | PHASE_REKEY) >> phase & 1) != 0)
        return NCR_DENY_ORDER;
    if (phase_of_kex(number) || (number >= 60 && number <= 79))
        return NCR_DENY_ORDER;
    if (number >= 80 && number <= 127 && phase != NCR_PH_CONN)
        return NCR_DENY_ORDER;
    return phase == NCR_PH_VERSION || phase == NCR_PH_CLOSED ? NCR_DENY_ORDER : NCR_UNKNOWN;
}

enum ncr_allow ncr_phase_allows(uint8_t number, enum nacre_role sender, enum ncr_phase phase,
                                bool strict, enum ncr_auth_method method)
{
    const struct ncr_rule *rule = ncr_rule_find(number, method);
    uint16_t phases;

    if (rule == NULL)
        return phase_unknown(number, phase);
    phases = sender == NACRE_CLIENT ? rule->client : rule->server;
    if ((phases >> phase & 1) == 0)
        return NCR_DENY_ORDER;
    if (strict && rule->not_strict && (PHASE_KEX1 >> phase & 1) != 0)
        return NCR_DENY_STRICT;
    return NCR_ALLOW;
}

bool ncr_phase_in_kex(const struct ncr_dir *d)
{
    return ((PHASE_KEX1 | PHASE_REKEY) >> d->phase & 1) != 0;
}

bool ncr_phase_later(const struct ncr_dir *d, uint8_t number, enum nacre_role sender,
                     enum ncr_auth_method method)
{
    return (PHASE_REKEY >> d->phase & 1) != 0 &&
           ncr_phase_allows(number, sender, (enum ncr_phase)d->ret, false, method) == NCR_ALLOW;
}

/* RFC 8308 2.4: EXT_INFO is the first packet after the sender's first NEWKEYS, or, from a server,
 * the last before SUCCESS: then nothing but SUCCESS may follow. */
static bool phase_ext_info(const struct nacre_conn *c, uint8_t number)
{
    if (c->ext_info_last && number != NCR_MSG_USERAUTH_SUCCESS && number != NCR_MSG_DISCONNECT)
        return false;
    if (number != NCR_MSG_EXT_INFO)
        return true;
    return c->rx.phase == NCR_PH_SERVICE ? c->rx.packets == 1 : c->auth.waiting;
}

bool ncr_phase_rx_extra(const struct nacre_conn *c, uint8_t number)
{
    /* Strict key exchange: KEXINIT is the very first packet. seq counts the packet already. */
    if (c->neg.strict && !c->first_kex_done && number == NCR_MSG_KEXINIT && c->rx.seq != 1)
        return false;
    return phase_ext_info(c, number);
}

/* The phase of a direction that is not in a key exchange, or that it will return to. */
static void phase_set_main(struct ncr_dir *d, enum ncr_phase phase)
{
    if (ncr_phase_in_kex(d))
        d->ret = (uint8_t)phase;
    else
        d->phase = (uint8_t)phase;
}

static void phase_set_both(struct nacre_conn *c, enum ncr_phase phase)
{
    phase_set_main(&c->rx, phase);
    phase_set_main(&c->tx, phase);
}

static void phase_kexinit(struct ncr_dir *d)
{
    if (d->phase == NCR_PH_KEX1_INIT) {
        d->phase = NCR_PH_KEX1_METHOD;
        return;
    }
    d->ret = d->phase;
    d->phase = NCR_PH_REKEY_METHOD;
}

/* A message of the key exchange method: one from each side, two in a group exchange. */
static void phase_method(struct ncr_dir *d, bool more)
{
    const bool first = (PHASE_KEX1 >> d->phase & 1) != 0;

    if (more)
        d->phase = first ? NCR_PH_KEX1_VALUE : NCR_PH_REKEY_VALUE;
    else
        d->phase = first ? NCR_PH_KEX1_NEWKEYS : NCR_PH_REKEY_NEWKEYS;
}

void ncr_phase_step(struct nacre_conn *c, enum nacre_role sender, uint8_t number)
{
    struct ncr_dir *d = sender == c->role ? &c->tx : &c->rx;

    switch (number) {
    case NCR_MSG_KEXINIT:
        phase_kexinit(d);
        break;
    case NCR_MSG_KEX_INIT:
    case NCR_MSG_KEX_REPLY: /* or GEX_GROUP */
    case NCR_MSG_GEX_INIT:
    case NCR_MSG_GEX_REPLY:
    case NCR_MSG_GEX_REQUEST:
        phase_method(
            d, number == NCR_MSG_GEX_REQUEST ||
                   (ncr_method_active(c, number) == NCR_METHOD_GEX && number == NCR_MSG_GEX_GROUP));
        break;
    case NCR_MSG_NEWKEYS:
        d->phase = d->phase == NCR_PH_KEX1_NEWKEYS ? NCR_PH_SERVICE : d->ret;
        break;
    case NCR_MSG_SERVICE_ACCEPT:
        phase_set_both(c, NCR_PH_AUTH);
        break;
    case NCR_MSG_USERAUTH_SUCCESS:
        phase_set_both(c, NCR_PH_CONN);
        break;
    case NCR_MSG_DISCONNECT:
        d->phase = NCR_PH_CLOSED;
        break;
    default:
        break;
    }
}

const char *ncr_phase_name(enum ncr_phase phase)
{
    return phase < NCR_PHASES ? phase_names[phase] : "?";
}

const char *ncr_msg_name(uint8_t number)
{
    int method;

    for (method = 0; method < NCR_AUTH_METHODS; method++) {
        const struct ncr_rule *rule = ncr_rule_find(number, (enum ncr_auth_method)method);

        if (rule != NULL)
            return rule->name;
    }
    return "unknown";
}

const char *ncr_role_name(enum nacre_role role)
{
    return role == NACRE_CLIENT ? "client" : "server";
}
