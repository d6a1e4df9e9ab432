/* SPDX-License-Identifier: ISC
 *
 * Key re-exchange, RFC 4253 section 9: started by either side, by both at once, on bytes, packets,
 * time or request; data queued behind it, nothing lost, nothing else changed. Tests named s<number>
 * are the cases of that number: s09 what a rekey may change, s18 counters.
 */
#include "proto/auth.h"
#include "proto/keys/nacre_keys.h"
#include "proto/limits.h"
#include "tests/rogue.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(rekey, in_the_middle_of_data)
{
    for (unsigned every = 1; every < 12; every++) {
        struct pair p;
        pair_init(&p);
        p.plan.rekey_every = every;
        p.plan.send = 400000;
        pair_session(&p);
        cr_assert(pair_complete(&p), "every %u: %s %s", every, nacre_err_name(p.side[0].err),
                  nacre_err_name(p.side[1].err));
        cr_assert(p.side[0].count[NACRE_EV_KEX_DONE] > 2);
        pair_free(&p);
    }
}

Test(rekey, any_delay_any_chunk)
{
    for (unsigned delay = 0; delay < 5; delay++) {
        for (size_t chunk = 1; chunk < 60000; chunk = chunk * 7 + 10) {
            struct pair p;
            pair_init(&p);
            p.plan.rekey_every = 30;
            p.plan.send = chunk < 1000 ? 3000 : 200000;
            p.side[0].out.delay = delay;
            p.side[1].out.delay = 4 - delay;
            p.side[0].out.chunk = p.side[1].out.chunk = chunk;
            pair_session(&p);
            cr_assert(pair_complete(&p), "delay %u chunk %zu: %s %s", delay, chunk,
                      nacre_err_name(p.side[0].err), nacre_err_name(p.side[1].err));
            pair_free(&p);
        }
    }
}

/* Each direction may use others after the exchange; the session id does not change. */
Test(rekey, session_id_stays)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    struct nacre_bytes a = nacre_conn_session_id(p.side[0].c);
    uint8_t before[64];
    cr_assert(a.n == 32);
    memcpy(before, a.p, a.n);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(nacre_conn_rekey(p.side[i % 2].c), NACRE_OK);
        cr_assert(pair_run(&p, 100));
        cr_assert_eq(p.side[0].count[NACRE_EV_KEX_DONE], (unsigned)i + 2);
        for (int j = 0; j < 2; j++) {
            struct nacre_bytes b = nacre_conn_session_id(p.side[j].c);
            cr_assert(b.n == 32 && memcmp(b.p, before, 32) == 0);
            cr_assert(memcmp(p.side[j].c->kex.h, before, 32) != 0);
        }
    }
    pair_free(&p);
}

/* Both at once is one exchange (RFC 4253 9). */
Test(rekey, crossing_kexinits_are_one)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nacre_conn_rekey(p.side[i].c), NACRE_OK);
        cr_assert_eq(nacre_conn_rekey(p.side[i].c), NACRE_OK);
    }
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].count[NACRE_EV_KEX_DONE], 2);
    cr_assert_eq(p.side[1].count[NACRE_EV_KEX_DONE], 2);
    pair_free(&p);
}

Test(rekey, on_packets_bytes_and_time)
{
    for (int who = 0; who < 2; who++) {
        struct pair p;
        pair_init(&p);
        p.side[who].cfg.rekey_bytes = 100000;
        p.plan.send = 500000;
        pair_session(&p);
        cr_assert(pair_complete(&p));
        unsigned n = p.side[0].count[NACRE_EV_KEX_DONE];
        cr_assert(n > 5 && n < 12, "%u", n);
        pair_free(&p);
        pair_init(&p);
        p.side[who].cfg.rekey_packets = 20;
        p.plan.send = 500000;
        pair_session(&p);
        cr_assert(pair_complete(&p));
        cr_assert(p.side[0].count[NACRE_EV_KEX_DONE] > 2);
        pair_free(&p);
        pair_init(&p);
        p.plan.stay = true;
        p.side[who].cfg.rekey_ms = 5000;
        p.now = 1000;
        pair_session(&p);
        struct nacre_conn *c = p.side[who].c;
        cr_assert_eq(nacre_conn_deadline(c), 6000);
        cr_assert_eq(nacre_conn_tick(c, 5999), NACRE_OK);
        cr_assert_eq(nacre_conn_out(c).n, 0);
        p.now = 6000;
        cr_assert_eq(nacre_conn_tick(c, 6000), NACRE_OK);
        cr_assert(pair_run(&p, 100));
        cr_assert_eq(p.side[0].count[NACRE_EV_KEX_DONE], 2);
        cr_assert_eq(nacre_conn_deadline(c), 11000);
        pair_free(&p);
    }
}

/* What the application asks for during an exchange is held and sent after it, in order. */
Test(rekey, calls_during_an_exchange_are_held)
{
    struct pair p;
    uint32_t chan;
    size_t taken, room;
    uint8_t *place;
    const struct nacre_bytes none = {NULL, 0};
    const struct nacre_request env = {
        .kind = NACRE_REQ_ENV, .text = nacre_bytes_str("A"), .data = nacre_bytes_str("B")};
    const struct nacre_global g = {.name = nacre_bytes_str("x@example.com")};
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    struct nacre_conn *c = p.side[0].c;
    cr_assert_eq(nacre_conn_rekey(c), NACRE_OK);
    cr_assert_eq(nacre_chan_request(c, 0, &env, true), NACRE_OK);
    cr_assert_eq(nacre_global_request(c, &g, true), NACRE_OK);
    cr_assert_eq(nacre_chan_open(c, "session", none, &chan), NACRE_OK);
    cr_assert_eq(nacre_conn_ping(c, (const uint8_t *)"p", 1), NACRE_OK);
    cr_assert_eq(nacre_chan_write(c, 0, 0, (const uint8_t *)"x", 1, &taken), NACRE_OK);
    cr_assert_eq(taken, 0, "data is not held");
    cr_assert_eq(nacre_chan_reserve(c, 0, 0, 100, &place, &room), NACRE_OK);
    cr_assert_eq(room, 0);
    cr_assert_eq(nacre_chan_eof(c, 0), NACRE_OK);
    unsigned requests = p.side[1].count[NACRE_EV_CHAN_REQUEST];
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[1].count[NACRE_EV_CHAN_REQUEST], requests + 1);
    cr_assert_eq(p.side[1].count[NACRE_EV_GLOBAL], 1);
    cr_assert_eq(p.side[1].count[NACRE_EV_CHAN_OPEN], 2);
    cr_assert_eq(p.side[1].count[NACRE_EV_CHAN_EOF], 1);
    cr_assert_eq(p.side[0].count[NACRE_EV_PONG], 1);
    cr_assert_eq(p.side[0].count[NACRE_EV_GLOBAL_REPLY], 1);
    cr_assert_eq(p.side[0].err, NACRE_OK);
    pair_free(&p);
}

/* S82: verdicts that are given during an exchange are told after it, in the order of the requests.
 */
static bool note_id(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    uint32_t *ids = p->ctx;
    if (s->role == NACRE_SERVER && ev->type == NACRE_EV_CHAN_REQUEST &&
        ev->request.kind == NACRE_REQ_ENV) {
        ids[++ids[0]] = ev->id;
        return true;
    }
    if (ev->type == NACRE_EV_CHAN_REPLY && ev->request.kind == NACRE_REQ_ENV) {
        cr_assert_eq(ev->accepted, ids[20]++ % 3 == 0);
        return true;
    }
    return false;
}

Test(security, s82_replies_in_order_across_a_rekey)
{
    for (int who = 0; who < 2; who++) {
        struct pair p;
        uint32_t ids[21] = {0};
        const struct nacre_request env = {
            .kind = NACRE_REQ_ENV, .text = nacre_bytes_str("A"), .data = nacre_bytes_str("B")};
        pair_init(&p);
        p.plan.stay = true;
        p.hook = note_id;
        p.ctx = ids;
        pair_session(&p);
        for (int i = 0; i < 12; i++) {
            cr_assert_eq(nacre_chan_request(p.side[0].c, 0, &env, true), NACRE_OK);
        }
        cr_assert(pair_run(&p, 100));
        cr_assert_eq(ids[0], 12);
        cr_assert_eq(nacre_conn_rekey(p.side[who].c), NACRE_OK);
        for (uint32_t i = 12; i > 0; i--) {
            struct nacre_answer a = {.id = ids[i]};
            a.verdict = (i - 1) % 3 == 0 ? NACRE_ACCEPT : NACRE_REFUSE;
            cr_assert_eq(nacre_conn_answer(p.side[1].c, &a), NACRE_OK);
            cr_assert(i % 4 != 0 || pair_round(&p));
        }
        cr_assert(pair_run(&p, 100));
        cr_assert_eq(ids[20], 12);
        cr_assert_eq(p.side[0].count[NACRE_EV_KEX_DONE], 2);
        pair_free(&p);
    }
}

Test(rekey, held_area_full_is_no_room)
{
    struct pair p;
    const struct nacre_global g = {.name = nacre_bytes_str("x@example.com")};
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    struct nacre_conn *c = p.side[0].c;
    unsigned n = 0;
    cr_assert_eq(nacre_conn_rekey(c), NACRE_OK);
    while (n < 1000 && nacre_global_request(c, &g, false) == NACRE_OK) {
        n++;
    }
    cr_assert(n > 100 && n < 1000);
    cr_assert_eq(nacre_global_request(c, &g, false), NACRE_ERR_NO_ROOM);
    cr_assert(pair_run(&p, 1000));
    cr_assert_eq(p.side[1].count[NACRE_EV_GLOBAL], n);
    cr_assert_eq(nacre_global_request(c, &g, false), NACRE_OK);
    pair_free(&p);
}

/* The other side closes a channel and finishes everything while we exchange keys. */
Test(rekey, session_ends_during_an_exchange)
{
    for (unsigned every = 2; every < 25; every++) {
        struct pair p;
        pair_init(&p);
        p.plan.rekey_every = every;
        p.plan.send = 100;
        p.side[0].out.delay = 2;
        pair_session(&p);
        cr_assert(pair_complete(&p), "every %u: %s %s", every, nacre_err_name(p.side[0].err),
                  nacre_err_name(p.side[1].err));
        pair_free(&p);
    }
}

/* ---- S09 ---- */

/* Algorithms are chosen anew each time: the server's lists are changed between two exchanges. */
Test(security, s09_every_pair_of_cipher_and_mac)
{
    static const char *const modes[][2] = {
        {"chacha20-poly1305@openssh.com", "hmac-sha2-256"}, {"aes128-ctr", "hmac-sha2-256"},
        {"aes256-ctr", "hmac-sha2-512-etm@openssh.com"},    {"aes192-ctr", "hmac-sha2-512"},
        {"aes256-ctr", "hmac-sha2-256-etm@openssh.com"},
    };
    static const char *const kex[] = {"curve25519-sha256", "curve25519-sha256@libssh.org"};
    for (int strict = 0; strict < 2; strict++) {
        struct pair p;
        pair_init(&p);
        p.plan.stay = true;
        p.side[1].cfg.no_strict = strict == 0;
        pair_session(&p);
        for (size_t i = 0; i < 5; i++) {
            for (size_t j = 0; j < 5; j++) {
                struct nacre_conn *s = p.side[1].c;
                s->cfg.ciphers_dir[0] = modes[i][0];
                s->cfg.macs_dir[0] = modes[i][1];
                s->cfg.ciphers_dir[1] = modes[j][0];
                s->cfg.macs_dir[1] = modes[j][1];
                s->cfg.kex = kex[(i + j) % 2];
                cr_assert_eq(nacre_conn_rekey(p.side[(i + j) % 2].c), NACRE_OK);
                cr_assert(pair_run(&p, 100));
                const struct nacre_negotiated *n = nacre_conn_negotiated(p.side[0].c);
                cr_assert_str_eq(n->cipher[0], modes[i][0]);
                cr_assert_str_eq(n->cipher[1], modes[j][0]);
                cr_assert_str_eq(n->kex, kex[(i + j) % 2]);
                p.plan.send += 1000; /* traffic, so that it is no flood */
                cr_assert(pair_run(&p, 100));
                cr_assert_eq(p.side[0].chan_got, p.plan.send);
            }
        }
        cr_assert_eq(p.side[0].count[NACRE_EV_KEX_DONE], 26);
        cr_assert_eq(p.side[0].count[NACRE_EV_HOST_KEY], 1, "asked once");
        pair_free(&p);
    }
}

Test(security, s09_another_host_key)
{
    struct pair p;
    struct nacre_bytes other[1] = {pair_key_blob(2)};
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    p.side[1].c->cfg.host_keys = other;
    cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].err, NACRE_ERR_HOST_KEY_CHANGED);
    cr_assert_eq(nacre_conn_errinfo(p.side[1].c).peer_reason, 9);
    cr_assert_eq(p.side[0].count[NACRE_EV_HOST_KEY], 1);
    pair_free(&p);
}

Test(security, s09_old_keys_are_wiped)
{
    static const char *const ciphers[] = {"chacha20-poly1305@openssh.com", "aes256-ctr"};
    for (int i = 0; i < 2; i++) {
        struct pair p;
        struct ncr_dir old[2][2];
        pair_init(&p);
        p.plan.stay = true;
        p.side[0].cfg.ciphers = ciphers[i];
        pair_session(&p);
        for (int j = 0; j < 2; j++) {
            old[j][0] = p.side[j].c->rx;
            old[j][1] = p.side[j].c->tx;
        }
        cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
        cr_assert(pair_run(&p, 100));
        for (int j = 0; j < 2; j++) {
            for (int k = 0; k < 2; k++) {
                cr_assert(!pair_holds(&p.side[j], (const uint8_t *)&old[j][k].key, 16));
                cr_assert(i == 0 ||
                          !pair_holds(&p.side[j], (uint8_t *)&old[j][k].mac.hmac.inner, 16));
            }
            for (int k = 0; k < 2; k++) { /* nor is anything left of what derived the new ones */
                const uint8_t *next = (const uint8_t *)&p.side[j].c->kex.next[k];
                for (size_t n = 0; n < sizeof p.side[j].c->kex.next[k]; n++) {
                    cr_assert_eq(next[n], 0);
                }
            }
        }
        pair_free(&p);
    }
}

/* ---- S18 ---- */

Test(security, s18_directions_and_exchanges_have_their_own_keys)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    struct ncr_dir a = p.side[0].c->tx, b = p.side[0].c->rx;
    cr_assert(memcmp(a.key.chapoly, b.key.chapoly, 64) != 0);
    cr_assert_arr_eq(a.key.chapoly, p.side[1].c->rx.key.chapoly, 64);
    cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert(memcmp(a.key.chapoly, p.side[0].c->tx.key.chapoly, 64) != 0);
    cr_assert(memcmp(b.key.chapoly, p.side[0].c->rx.key.chapoly, 64) != 0);
    pair_free(&p);
}

/* The soft limit starts an exchange; a peer that will not have one is left at the hard stop. */
Test(security, s18_counters_at_their_limits)
{
    struct pair p;
    pair_init(&p);
    p.plan.stay = true;
    pair_session(&p);
    p.side[0].c->tx.packets = NCR_REKEY_PACKETS - 2 - p.side[0].c->rx.packets;
    cr_assert_eq(nacre_conn_ignore(p.side[0].c, NULL, 0), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].count[NACRE_EV_KEX_DONE], 1);
    cr_assert_eq(nacre_conn_ignore(p.side[0].c, NULL, 0), NACRE_OK);
    cr_assert(pair_run(&p, 100));
    cr_assert_eq(p.side[0].count[NACRE_EV_KEX_DONE], 2);
    p.side[1].out.stalled = true; /* never answers */
    p.side[0].c->tx.packets = NCR_SEQUENCE_STOP - 2;
    cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
    cr_assert_eq(nacre_conn_ignore(p.side[0].c, NULL, 0), NACRE_OK);
    cr_assert_eq(nacre_conn_ignore(p.side[0].c, NULL, 0), NACRE_ERR_SEQUENCE);
    cr_assert_eq(nacre_conn_ignore(p.side[0].c, NULL, 0), NACRE_ERR_SEQUENCE);
    pair_free(&p);
}

/* Even when rekeying is switched off no counter repeats, and the error sticks. */
Test(security, s18_hard_stop_without_rekey)
{
    struct pair p;
    size_t taken;
    struct nacre_event ev;
    pair_init(&p);
    p.plan.stay = true;
    for (int i = 0; i < 2; i++) {
        p.side[i].cfg.rekey_packets = UINT64_MAX;
    }
    pair_session(&p);
    struct nacre_conn *c = p.side[0].c;
    c->tx.packets = NCR_SEQUENCE_STOP - 1;
    cr_assert_eq(nacre_chan_write(c, 0, 0, (const uint8_t *)"x", 1, &taken), NACRE_OK);
    cr_assert_eq(nacre_chan_write(c, 0, 0, (const uint8_t *)"x", 1, &taken), NACRE_ERR_SEQUENCE);
    cr_assert_eq(nacre_conn_next(c, &ev), NACRE_ERR_SEQUENCE);
    cr_assert((nacre_conn_wants(c) & NACRE_WANT_CLOSED) != 0);
    pair_free(&p);
}

/* ---- Requests and replies too long to be held -------------------------------------------- */

/* A key of 1.4 KiB with signatures of 2.5: a request with both does not fit what is held. */
struct late {
    struct nacre_privkey key;
    uint8_t sig[4096];
    size_t sig_n;
    uint32_t sign, ask; /* questions that the test answers */
    bool probe, keep_ask, keep_next;
};

static uint64_t late_work[NACRE_WORK];

static struct nacre_bytes late_blob(const struct late *l)
{
    return nacre_privkey_public_blob(&l->key);
}

static const struct nacre_rng *late_rng(void)
{
    static struct pair_rng seed = {.state = 7};
    static struct nacre_rng rng;
    rng = pair_rng_of(&seed);
    return &rng;
}

static void late_init(struct late *l, struct pair *p, pair_hook hook)
{
    memset(l, 0, sizeof *l);
    cr_assert_eq(nacre_privkey_generate(&l->key, "ssh-mldsa44-ed25519", 0, late_rng(), late_work),
                 NACRE_OK);
    pair_init(p);
    p->plan.no_channel = true;
    p->hook = hook;
    p->ctx = l;
    pair_start(p);
}

static bool late_hook(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    struct late *l = p->ctx;
    if (s->role == NACRE_CLIENT && ev->type == NACRE_EV_AUTH_NEXT) {
        if (!l->keep_next) {
            cr_assert_eq(
                nacre_auth_publickey(s->c, "joe", "ssh-mldsa44-ed25519", late_blob(l), l->probe),
                NACRE_OK);
        }
        return true;
    }
    if (s->role == NACRE_CLIENT && ev->type == NACRE_EV_SIGN) {
        cr_assert_eq(nacre_privkey_sign(&l->key, ev->alg, ev->data, l->sig, sizeof l->sig,
                                        &l->sig_n, late_rng(), late_work),
                     NACRE_OK);
        l->sign = ev->id;
        return true;
    }
    if (s->role == NACRE_SERVER && ev->type == NACRE_EV_AUTH_REQUEST) {
        const struct nacre_answer yes = {.id = ev->id, .verdict = NACRE_ACCEPT};
        l->ask = ev->id;
        cr_assert(l->keep_ask || nacre_conn_answer(s->c, &yes) == NACRE_OK);
        return true;
    }
    return false;
}

/* As much in the held area as leaves `room`: messages that the peer ignores. */
static void late_stuff(struct nacre_conn *c, size_t room)
{
    while (NCR_HELD_LEN - c->held_len > room + 7) {
        uint8_t *held = ncr_held(c) + c->held_len;
        const size_t most = NCR_HELD_LEN - c->held_len - room;
        const size_t n = (most < NCR_IGNORE_MAX ? most : NCR_IGNORE_MAX) - 2;
        memset(held, 0, n + 2);
        held[0] = (uint8_t)(n >> 8);
        held[1] = (uint8_t)n;
        held[2] = 2; /* IGNORE */
        held[5] = (uint8_t)((n - 5) >> 8);
        held[6] = (uint8_t)(n - 5);
        c->held_len += (uint32_t)n + 2;
    }
}

static void late_answer(struct pair *p, const struct late *l)
{
    const struct nacre_answer a = {
        .id = l->sign, .verdict = NACRE_ACCEPT, .data = {l->sig, l->sig_n}};
    cr_assert_eq(nacre_conn_answer(p->side[0].c, &a), NACRE_OK);
}

static void late_done(struct pair *p, unsigned exchanges)
{
    pair_run(p, 200);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(p->side[i].err, NACRE_OK, "%s", nacre_err_name(p->side[i].err));
        cr_assert_eq(p->side[i].count[NACRE_EV_AUTH_SUCCESS], 1);
        cr_assert_eq(p->side[i].count[NACRE_EV_KEX_DONE], exchanges);
        cr_assert_eq(p->side[i].c->auth.late, 0);
        cr_assert_eq(nacre_conn_wants(p->side[i].c) & NACRE_WANT_NEXT, 0);
    }
    pair_free(p);
}

/* Either side starts the exchange while the user's key signs; the signature is there at any moment
 * of it, and in one at least has to wait. */
Test(rekey, post_quantum_signature_during_an_exchange)
{
    for (int who = 0; who < 2; who++) {
        unsigned waited = 0;
        for (unsigned rounds = 0; rounds < 8; rounds++) {
            static struct late l;
            struct pair p;
            late_init(&l, &p, late_hook);
            pair_run(&p, 100);
            cr_assert_neq(l.sign, 0);
            cr_assert_eq(nacre_conn_rekey(p.side[who].c), NACRE_OK);
            for (unsigned i = 0; i < rounds; i++) {
                (void)pair_round(&p);
            }
            late_answer(&p, &l);
            waited += p.side[0].c->auth.late != 0;
            late_done(&p, 2);
        }
        cr_assert_gt(waited, 0, "started by %d", who);
    }
}

/* The same byte by byte, and with the connection moved in memory. */
Test(rekey, late_signature_any_chunk)
{
    for (size_t chunk = 1; chunk < 8000; chunk = chunk * 9 + 4) {
        static struct late l;
        struct pair p;
        late_init(&l, &p, late_hook);
        p.side[0].out.chunk = p.side[1].out.chunk = chunk;
        p.plan.move = true;
        for (unsigned i = 0; i < 40000 && l.sign == 0; i++) {
            (void)pair_round(&p);
        }
        cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
        late_answer(&p, &l);
        cr_assert_neq(p.side[0].c->auth.late, 0);
        for (unsigned i = 0; i < 40000; i++) {
            (void)pair_round(&p);
        }
        late_done(&p, 2);
    }
}

/* A probe of the client's, and the server's PK_OK, for which the held area has no room left. */
Test(rekey, probe_and_pk_ok_during_an_exchange)
{
    for (int who = 0; who < 2; who++) {
        static struct late l;
        struct pair p;
        late_init(&l, &p, late_hook);
        l.probe = true;
        l.keep_next = who == 0;
        l.keep_ask = who == 1;
        pair_run(&p, 100);
        struct nacre_conn *c = p.side[who].c;
        cr_assert_eq(nacre_conn_rekey(c), NACRE_OK);
        late_stuff(c, 1000);
        if (who == 0) {
            cr_assert_eq(nacre_auth_publickey(c, "joe", "ssh-mldsa44-ed25519", late_blob(&l), true),
                         NACRE_OK);
            cr_assert_eq(c->auth.late, NCR_LATE_PROBE);
        } else {
            const struct nacre_answer yes = {.id = l.ask, .verdict = NACRE_ACCEPT};
            cr_assert_eq(nacre_conn_answer(c, &yes), NACRE_OK);
            cr_assert_eq(c->auth.late, NCR_LATE_PK_OK);
            l.keep_ask = false;
        }
        pair_run(&p, 200);
        cr_assert_neq(l.sign, 0, "PK_OK has come");
        late_answer(&p, &l);
        late_done(&p, 2);
    }
}

/* What is kept is bounded: a signature that no area takes is refused, and may be given again. */
Test(rekey, late_signature_too_long)
{
    static struct late l;
    static uint8_t longer[16384];
    struct pair p;
    late_init(&l, &p, late_hook);
    pair_run(&p, 100);
    cr_assert_eq(nacre_conn_rekey(p.side[0].c), NACRE_OK);
    struct nacre_answer a = {.id = l.sign, .verdict = NACRE_ACCEPT, .data = {longer, 7000}};
    cr_assert_eq(nacre_conn_answer(p.side[0].c, &a), NACRE_ERR_NO_ROOM);
    cr_assert_eq(p.side[0].c->auth.late, 0);
    late_answer(&p, &l);
    late_done(&p, 2);
}

/* A peer that asks on, or answers what it has not seen, meets a named error. */
Test(rekey, late_reply_and_the_next_request)
{
    struct rogue r;
    rogue_init(&r, NACRE_SERVER);
    rogue_until(&r, ROGUE_AUTH);
    cr_assert_eq(nacre_conn_rekey(r.victim->c), NACRE_OK);
    late_stuff(r.victim->c, 60);
    rogue_say(&r, "50 'joe' 'ssh-connection' 'publickey' 0 'ssh-ed25519' $1");
    cr_assert_eq(r.victim->c->auth.late, NCR_LATE_PK_OK);
    rogue_say(&r, "50 'joe' 'ssh-connection' 'publickey' 0 'ssh-ed25519' $1");
    cr_assert_eq(r.victim->err, NACRE_ERR_HELD_FULL);
    rogue_free(&r);
    rogue_init(&r, NACRE_CLIENT);
    static const enum pair_try key[] = {PAIR_TRY_END};
    r.p.plan.tries = key;
    rogue_until(&r, ROGUE_AUTH);
    struct nacre_conn *c = r.victim->c;
    cr_assert_eq(nacre_conn_rekey(c), NACRE_OK);
    late_stuff(c, 60);
    cr_assert_eq(nacre_auth_publickey(c, "joe", "ssh-ed25519", pair_key_blob(1), true), NACRE_OK);
    cr_assert_eq(c->auth.late, NCR_LATE_PROBE);
    rogue_say(&r, "51 'publickey' 0");
    cr_assert_eq(r.victim->err, NACRE_ERR_ORDER);
    rogue_free(&r);
}
