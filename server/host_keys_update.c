/* SPDX-License-Identifier: ISC
 *
 * Announcing and proving host keys: see host_keys_update.h. The library's server signs with its
 * configuration's keys, the daemon's session process has the monitor sign, which puts together by
 * itself what is signed.
 */
#include "server/host_keys_update.h"

#include <stdlib.h>
#include <string.h>

/* Old versions of Tera Term end the connection at a global request that they do not know. */
#define KEYS_SILENT                                                                                \
    "SSH-2.0-TTSSH/1.5.*,SSH-2.0-TTSSH/2.1*,SSH-2.0-TTSSH/2.2*,"                                   \
    "SSH-2.0-TTSSH/2.3*,SSH-2.0-TTSSH/2.4*,SSH-2.0-TTSSH/2.5*,SSH-2.0-TTSSH/2.6*,"                 \
    "SSH-2.0-TTSSH/2.70*,SSH-2.0-TTSSH/2.71*,SSH-2.0-TTSSH/2.72*"

static bool keys_has(const struct nacre_bytes *blobs, size_t n, struct nacre_bytes b)
{
    for (size_t i = 0; i < n; i++) {
        if (blobs[i].n == b.n && memcmp(blobs[i].p, b.p, b.n) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- Announcing -------------------------------------------------------------------------- */

bool ncr_host_keys_announce(struct nacre_conn *c, const struct nacre_bytes *blobs, size_t n)
{
    struct nacre_global g = {.kind = NACRE_GLOBAL_HOSTKEYS};
    struct nacre_hostkeys plain = {.n = 0};
    uint8_t *data;
    bool sent = false;
    if (nacre_pattern_list_match(nacre_bytes_str(KEYS_SILENT), nacre_conn_peer_version(c))) {
        return false;
    }
    for (size_t i = 0; i < n && plain.n < NACRE_HOSTKEYS_MAX; i++) {
        if (!nacre_cert_is(blobs[i]) && !keys_has(plain.blob, plain.n, blobs[i])) {
            plain.blob[plain.n++] = blobs[i];
        }
    }
    data = malloc(NACRE_HOSTKEYS_BYTES_MAX);
    g.data.p = data;
    if (data != NULL && plain.n > 0 &&
        nacre_hostkeys_encode(data, NACRE_HOSTKEYS_BYTES_MAX, &g.data.n, plain.blob, plain.n) ==
            NACRE_OK) {
        sent = nacre_global_request(c, &g, false) == NACRE_OK;
    }
    free(data);
    return sent;
}

/* ---- Proving ----------------------------------------------------------------------------- */

/* Signatures of one reply. */
struct keys_reply {
    uint8_t sig[NACRE_HOSTKEYS_MAX][NACRE_SIG_BLOB_MAX];
    struct nacre_hostkeys list;
    uint8_t data[NACRE_HOSTKEYS_BYTES_MAX];
};

static bool keys_sign(struct nacre_peer *p, const struct ncr_prover *prover,
                      struct keys_reply *reply, struct nacre_bytes blob)
{
    const char *host_key = nacre_conn_negotiated(p->conn)->host_key;
    struct nacre_bytes *out = &reply->list.blob[reply->list.n];
    uint8_t *sig = reply->sig[reply->list.n];
    struct nacre_pubkey k;
    if (p->proofs >= NCR_PROOFS_MAX || !keys_has(prover->blobs, prover->n_blobs, blob) ||
        nacre_pubkey_decode(&k, blob) != NACRE_OK) {
        return false;
    }
    p->proofs++;
    out->p = sig;
    if (!prover->sign(prover->ctx, nacre_bytes_str(nacre_hostkeys_alg(k.name, host_key)), blob, sig,
                      NACRE_SIG_BLOB_MAX, &out->n)) {
        return false;
    }
    reply->list.n++;
    return true;
}

static bool keys_prove(struct nacre_peer *p, const struct nacre_event *ev,
                       const struct ncr_prover *prover, struct keys_reply *reply, size_t *n)
{
    struct nacre_hostkeys asked;
    bool good = nacre_hostkeys_decode(&asked, ev->global.data) == NACRE_OK && asked.n > 0;
    for (size_t i = 0; good && i < asked.n; i++) {
        good = keys_sign(p, prover, reply, asked.blob[i]);
    }
    return good && nacre_hostkeys_encode(reply->data, sizeof reply->data, n, reply->list.blob,
                                         reply->list.n) == NACRE_OK;
}

enum nacre_when ncr_host_keys_prove(struct nacre_peer *p, const struct nacre_event *ev,
                                    const struct ncr_prover *prover)
{
    struct nacre_answer a = {.id = ev->id};
    if (ev->id == 0) {
        return NACRE_NOW; /* proofs for nobody */
    }
    struct keys_reply *reply = calloc(1, sizeof *reply);
    if (reply != NULL && keys_prove(p, ev, prover, reply, &a.data.n)) {
        a.data.p = reply->data;
        a.verdict = NACRE_ACCEPT;
    }
    nacre_err err = ncr_peer_answer(p, &a);
    (void)err; /* sticks in the engine */
    free(reply);
    return NACRE_LATER; /* it is answered */
}

/* ---- The library's server ---------------------------------------------------------------- */

bool nacre_peer_announce_keys(struct nacre_peer *p)
{
    const struct nacre_server *s = p->server;
    return nacre_conn_authenticated(p->conn) &&
           ncr_host_keys_announce(p->conn, s->blobs, s->cfg.n_keys);
}

/* With the key of the configuration. */
static bool keys_sign_own(void *ctx, struct nacre_bytes alg, struct nacre_bytes blob, uint8_t *sig,
                          size_t cap, size_t *n)
{
    struct nacre_peer *p = ctx;
    struct nacre_server *s = p->server;
    uint8_t *message = malloc(NACRE_HOSTKEYS_PROOF_MAX);
    struct nacre_bytes m = {message, 0};
    bool good =
        message != NULL && nacre_hostkeys_message(message, NACRE_HOSTKEYS_PROOF_MAX, &m.n,
                                                  nacre_conn_session_id(p->conn), blob) == NACRE_OK;
    bool done = false;
    for (size_t i = 0; good && !done && i < s->cfg.n_keys; i++) {
        struct nacre_bytes own = nacre_privkey_public_blob(&s->cfg.keys[i]);
        if (own.n == blob.n && memcmp(own.p, blob.p, own.n) == 0) {
            done = nacre_privkey_sign(&s->cfg.keys[i], alg, m, sig, cap, n, &s->rng, s->work) ==
                   NACRE_OK;
        }
    }
    free(message);
    return done;
}

enum nacre_when nacre_peer_prove_keys(void *ctx, struct nacre_peer *p, const struct nacre_event *ev,
                                      struct nacre_answer *ans)
{
    struct ncr_prover prover = {.sign = keys_sign_own,
                                .ctx = p,
                                .blobs = p->server->blobs,
                                .n_blobs = p->server->cfg.n_keys};
    (void)ctx; /* the server knows its keys */
    (void)ans; /* zeroed, it refuses */
    return ev->global.kind == NACRE_GLOBAL_HOSTKEYS_PROVE ? ncr_host_keys_prove(p, ev, &prover)
                                                          : NACRE_NOW;
}
