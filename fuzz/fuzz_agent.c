/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: the agent protocol in both roles (proto/keys/agent_*.c, client/agent_requests.c).
 *
 * Input: byte 0 even, a client reads replies: byte 1 is the request's type, the rest one reply;
 * odd, an agent with two keys, one of them restricted, serves the rest as a stream of requests over
 * one connection. Whatever is read comes back when it is written; every request gets a reply of its
 * kind, and one connection cannot make the agent grow beyond its limits.
 */
#include "client/agent_requests.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_AGENT_CAP (NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX)

static uint64_t fuzz_agent_work[NACRE_WORK];
static uint8_t fuzz_agent_out[FUZZ_AGENT_CAP];
static const struct nacre_bytes fuzz_agent_none = {NULL, 0};

static void fuzz_agent_check(bool good)
{
    if (!good)
        abort();
}

static bool fuzz_agent_fill(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    memset(out, 0x5a, n);
    return true;
}
static const struct nacre_rng fuzz_agent_rng = {fuzz_agent_fill, NULL};

/* ---- Replies ---- */

static void fuzz_agent_list(const struct nacre_agent_reply *r, struct nacre_bytes msg)
{
    struct nacre_bytes rest = r->keys;
    struct nacre_agent_identity id;
    size_t keys = 0, len;

    fuzz_agent_check(nacre_agent_list_begin(fuzz_agent_out, sizeof fuzz_agent_out, &len) ==
                     NACRE_OK);
    while (nacre_agent_identity_next(&rest, &id)) {
        struct nacre_pubkey k;

        if (nacre_pubkey_decode(&k, id.blob) != NACRE_OK)
            fuzz_agent_check(k.type == NULL);
        fuzz_agent_check(nacre_agent_list_append(fuzz_agent_out, sizeof fuzz_agent_out, &len,
                                                 id.blob, id.comment) == NACRE_OK);
        keys++;
    }
    fuzz_agent_check(keys == r->n_keys && len == NACRE_AGENT_LEN + msg.n &&
                     memcmp(fuzz_agent_out + NACRE_AGENT_LEN, msg.p, msg.n) == 0);
}

static void fuzz_agent_reply(enum nacre_agent_type request, struct nacre_bytes msg)
{
    struct nacre_agent_reply r;

    if (nacre_agent_reply_decode(&r, request, msg) != NACRE_OK) {
        fuzz_agent_check(r.type == 0 && r.keys.n == 0);
        return;
    }
    (void)nacre_agent_reply_offers(&r, NACRE_AGENT_EXT_BIND); /* any answer is right */
    if (r.type == NACRE_AGENT_IDENTITIES_ANSWER && msg.n <= NACRE_AGENT_MSG_MAX)
        fuzz_agent_list(&r, msg);
}

/* ---- Requests ---- */

static void fuzz_agent_add(struct ncr_agentd *d, struct ncr_agentd_peer *peer,
                           const struct ncr_agentd_now *now, struct ncr_agentd_reply *out,
                           uint8_t which, const struct nacre_agent_limits *limits)
{
    uint8_t msg[2048];
    uint8_t seed[NACRE_ED25519_SEED_LEN] = {which};
    struct nacre_privkey k;
    size_t n;

    nacre_privkey_from_seed(&k, seed);
    fuzz_agent_check(nacre_agent_put_add(msg, sizeof msg, &n, &k, fuzz_agent_none, fuzz_agent_none,
                                         limits) == NACRE_OK);
    fuzz_agent_check(
        ncr_agentd_handle(d, peer, (struct nacre_bytes){msg + NACRE_AGENT_LEN, n - NACRE_AGENT_LEN},
                          now, out) == NCR_AGENTD_REPLY);
    fuzz_agent_check(out->p[NACRE_AGENT_LEN] == NACRE_AGENT_SUCCESS);
}

/* Two keys: one free, one for a host whose key is that of seed 3. */
static void fuzz_agent_fill_ring(struct ncr_agentd *d, struct ncr_agentd_peer *peer,
                                 const struct ncr_agentd_now *now, struct ncr_agentd_reply *out)
{
    const uint8_t seed[NACRE_ED25519_SEED_LEN] = {3};
    uint8_t keys[256], list[512];
    size_t n = 0, len = 0;
    struct nacre_privkey host;
    struct nacre_agent_dest dest = {.to = {.host = nacre_bytes_str("h")}};
    struct nacre_agent_limits limits = {.confirm = false};

    nacre_privkey_from_seed(&host, seed);
    fuzz_agent_check(nacre_agent_keyspec_append(keys, sizeof keys, &n,
                                                nacre_privkey_public_blob(&host),
                                                false) == NACRE_OK);
    dest.to.keys = (struct nacre_bytes){keys, n};
    fuzz_agent_check(nacre_agent_dest_append(list, sizeof list, &len, &dest) == NACRE_OK);
    limits.dests = (struct nacre_bytes){list, len};
    fuzz_agent_add(d, peer, now, out, 1, NULL);
    fuzz_agent_add(d, peer, now, out, 2, &limits);
}

/* One request: answered in its kind, or waited for. */
static void fuzz_agent_one(struct ncr_agentd *d, struct ncr_agentd_peer *peer,
                           struct ncr_agentd_now *now, struct ncr_agentd_reply *out,
                           struct nacre_bytes msg)
{
    const enum ncr_agentd_next next = ncr_agentd_handle(d, peer, msg, now, out);
    struct nacre_bytes reply;
    struct nacre_agent_reply r;

    if (next == NCR_AGENTD_AGAIN) {
        fuzz_agent_check(out->when > now->ms && out->when - now->ms <= NCR_AGENTD_DELAY_MAX_MS);
        now->ms = out->when;
        return;
    }
    if (next == NCR_AGENTD_ASK)
        ncr_agentd_confirmed(d, peer, msg, now, (msg.n & 1) != 0, out);
    reply.p = out->p + NACRE_AGENT_LEN;
    reply.n = out->n - NACRE_AGENT_LEN;
    fuzz_agent_check(out->n > NACRE_AGENT_LEN);
    fuzz_agent_check(nacre_agent_reply_decode(&r, (enum nacre_agent_type)msg.p[0], reply) ==
                     NACRE_OK);
    fuzz_agent_check(peer->n_binds <= NACRE_AGENT_BINDS_MAX);
    fuzz_agent_check(d->keys.n <= NACRE_AGENT_KEYS_MAX && d->keys.listed <= NACRE_AGENT_MSG_MAX);
}

static void fuzz_agent_serve(struct nacre_bytes stream)
{
    struct ncr_agentd d;
    struct ncr_agentd_peer peer;
    struct ncr_agentd_now now = {1000, 1000000};
    static struct ncr_agentd_reply out;
    struct nacre_bytes msg;
    size_t used, next, locks = 0;

    memset(&d, 0, sizeof d);
    memset(&peer, 0, sizeof peer);
    d.rng = &fuzz_agent_rng;
    d.work = fuzz_agent_work;
    out.p = fuzz_agent_out;
    out.cap = sizeof fuzz_agent_out;
    fuzz_agent_fill_ring(&d, &peer, &now, &out);
    while (nacre_agent_frame(&msg, &used, &next, stream) == NACRE_OK && used > 0) {
        /* a passphrase takes milliseconds */
        if ((msg.p[0] != NACRE_AGENT_LOCK && msg.p[0] != NACRE_AGENT_UNLOCK) || locks++ < 3)
            fuzz_agent_one(&d, &peer, &now, &out, msg);
        now.ms += 500;
        stream.p += used;
        stream.n -= used;
    }
    ncr_agentd_peer_free(&peer);
    ncr_agentd_wipe(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    if (data[0] % 2 == 0)
        fuzz_agent_reply((enum nacre_agent_type)data[1], (struct nacre_bytes){data + 2, n - 2});
    else
        fuzz_agent_serve((struct nacre_bytes){data + 1, n - 1});
    return 0;
}
