/* SPDX-License-Identifier: ISC
 *
 * Messages as structs: bytes -> struct, whole or refused. Nothing here knows of state.
 *
 * Sources: RFC 4250 4.1 (numbers), 4252, 4253, 4254, 4256, 8308, and PROTOCOL of OpenSSH for ping.
 * Slices of a decoded message point into the payload.
 */
#ifndef NCR_MSG_H
#define NCR_MSG_H

#include "proto/wire.h"

enum ncr_msg_number {
    NCR_MSG_DISCONNECT = 1,
    NCR_MSG_IGNORE = 2,
    NCR_MSG_UNIMPLEMENTED = 3,
    NCR_MSG_DEBUG = 4,
    NCR_MSG_SERVICE_REQUEST = 5,
    NCR_MSG_SERVICE_ACCEPT = 6,
    NCR_MSG_EXT_INFO = 7,
    NCR_MSG_KEXINIT = 20,
    NCR_MSG_NEWKEYS = 21,
    NCR_MSG_KEX_INIT = 30,  /* KEXDH_INIT, KEX_ECDH_INIT, KEX_HYBRID_INIT */
    NCR_MSG_KEX_REPLY = 31, /* and their replies */
    NCR_MSG_KEX_FIRST = 30, /* the range of the key exchange method */
    NCR_MSG_KEX_LAST = 49,
    NCR_MSG_GEX_GROUP = 31, /* group exchange uses 31 for this instead */
    NCR_MSG_GEX_INIT = 32,
    NCR_MSG_GEX_REPLY = 33,
    NCR_MSG_GEX_REQUEST = 34,
    NCR_MSG_USERAUTH_REQUEST = 50,
    NCR_MSG_USERAUTH_FAILURE = 51,
    NCR_MSG_USERAUTH_SUCCESS = 52,
    NCR_MSG_USERAUTH_BANNER = 53,
    NCR_MSG_USERAUTH_60 = 60, /* PK_OK, PASSWD_CHANGEREQ, INFO_REQUEST: the method tells */
    NCR_MSG_USERAUTH_61 = 61, /* INFO_RESPONSE */
    NCR_MSG_GLOBAL_REQUEST = 80,
    NCR_MSG_REQUEST_SUCCESS = 81,
    NCR_MSG_REQUEST_FAILURE = 82,
    NCR_MSG_CHANNEL_OPEN = 90,
    NCR_MSG_CHANNEL_OPEN_CONFIRMATION = 91,
    NCR_MSG_CHANNEL_OPEN_FAILURE = 92,
    NCR_MSG_CHANNEL_WINDOW_ADJUST = 93,
    NCR_MSG_CHANNEL_DATA = 94,
    NCR_MSG_CHANNEL_EXTENDED_DATA = 95,
    NCR_MSG_CHANNEL_EOF = 96,
    NCR_MSG_CHANNEL_CLOSE = 97,
    NCR_MSG_CHANNEL_REQUEST = 98,
    NCR_MSG_CHANNEL_SUCCESS = 99,
    NCR_MSG_CHANNEL_FAILURE = 100,
    NCR_MSG_PING = 192, /* ping@openssh.com */
    NCR_MSG_PONG = 193
};

/* KEXINIT's name-lists in the order of the wire, RFC 4253 7.1. */
enum ncr_kexinit_list {
    NCR_LIST_KEX,
    NCR_LIST_HOST_KEY,
    NCR_LIST_CIPHER_C2S,
    NCR_LIST_CIPHER_S2C,
    NCR_LIST_MAC_C2S,
    NCR_LIST_MAC_S2C,
    NCR_LIST_COMP_C2S,
    NCR_LIST_COMP_S2C,
    NCR_LIST_LANG_C2S,
    NCR_LIST_LANG_S2C,
    NCR_LISTS
};

struct ncr_msg_kexinit {
    struct nacre_bytes list[NCR_LISTS];
    bool follows; /* first_kex_packet_follows */
};

struct ncr_msg_disconnect {
    uint32_t reason;
    struct nacre_bytes text;
};

struct ncr_msg_debug {
    bool display;
    struct nacre_bytes text;
};

struct ncr_msg_ext_info {
    uint32_t count;
    struct nacre_bytes entries; /* count pairs of strings, checked */
};

struct ncr_msg_gex_request {
    uint32_t min, n, max; /* bits */
};

struct ncr_msg_gex_group {
    struct nacre_bytes p, g;
};

struct ncr_msg_kex_reply {
    struct nacre_bytes host_key, pub, sig;
};

/* Publickey, and the server's host key in what is signed. */
#define NCR_AUTH_HOSTBOUND "publickey-hostbound-v00@openssh.com"

struct ncr_msg_auth_request {
    struct nacre_bytes user, service, method;
    bool flag;               /* publickey: has a signature; password: is a change */
    struct nacre_bytes a, b; /* publickey: alg, blob; password: old or only, new;
                              * interactive: language, submethods */
    struct nacre_bytes sig;
    struct nacre_bytes host; /* publickey, if bound: the host key */
    bool bound;
    bool known; /* method is one of those whose fields were decoded */
};

struct ncr_msg_auth_failure {
    struct nacre_bytes methods;
    bool partial;
};

/* BANNER, PASSWD_CHANGEREQ. */
struct ncr_msg_text {
    struct nacre_bytes text, lang;
};

struct ncr_msg_pk_ok {
    struct nacre_bytes alg, blob;
};

struct ncr_msg_info_request {
    struct nacre_bytes name, instruction;
    uint32_t n;
    struct nacre_prompt prompts[NACRE_PROMPTS_MAX];
};

struct ncr_msg_info_response {
    uint32_t n;
    struct nacre_bytes responses[NACRE_PROMPTS_MAX];
};

struct ncr_msg_global {
    struct nacre_bytes name, data;
    bool want_reply;
};

struct ncr_msg_chan_open {
    struct nacre_bytes type, data;
    uint32_t sender, window, max_packet;
};

struct ncr_msg_chan_confirm {
    uint32_t chan, sender, window, max_packet;
    struct nacre_bytes data;
};

struct ncr_msg_chan_fail {
    uint32_t chan, reason;
    struct nacre_bytes text;
};

/* WINDOW_ADJUST (n), EOF, CLOSE, SUCCESS, FAILURE; DATA and EXTENDED_DATA (ext, data). */
struct ncr_msg_chan {
    uint32_t chan, n;
    struct nacre_bytes data;
};

struct ncr_msg_chan_request {
    uint32_t chan;
    struct nacre_bytes name, data;
    bool want_reply;
};

union ncr_msg {
    struct ncr_msg_kexinit kexinit;
    struct ncr_msg_disconnect disconnect;
    struct ncr_msg_debug debug;
    struct ncr_msg_ext_info ext_info;
    struct ncr_msg_kex_reply kex_reply;
    struct ncr_msg_gex_request gex_request;
    struct ncr_msg_gex_group gex_group;
    struct ncr_msg_auth_request auth_request;
    struct ncr_msg_auth_failure auth_failure;
    struct ncr_msg_text text;
    struct ncr_msg_pk_ok pk_ok;
    struct ncr_msg_info_request info_request;
    struct ncr_msg_info_response info_response;
    struct ncr_msg_global global;
    struct ncr_msg_chan_open chan_open;
    struct ncr_msg_chan_confirm chan_confirm;
    struct ncr_msg_chan_fail chan_fail;
    struct ncr_msg_chan chan;
    struct ncr_msg_chan_request chan_request;
    struct nacre_bytes bytes; /* one string, or the rest */
    uint32_t u32;
};

/* Each takes the payload behind the message number, and is true only if all of it fits. */
typedef bool (*ncr_msg_decode_fn)(union ncr_msg *m, struct nacre_bytes body);

bool ncr_msg_get_empty(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_string(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_rest(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_u32(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_disconnect(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_debug(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_ext_info(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_kexinit(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_kex_reply(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_gex_request(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_gex_group(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_auth_request(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_auth_failure(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_text(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_pk_ok(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_info_request(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_info_response(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_global(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_chan_open(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_chan_confirm(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_chan_fail(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_chan(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_chan_adjust(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_chan_data(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_chan_ext_data(union ncr_msg *m, struct nacre_bytes body);
bool ncr_msg_get_chan_request(union ncr_msg *m, struct nacre_bytes body);

/* Type-specific parts. */
bool ncr_msg_get_tcpip(struct nacre_tcpip *t, struct nacre_bytes data);
void ncr_msg_put_tcpip(struct ncr_wr *w, const struct nacre_tcpip *t);

#endif
