/* SPDX-License-Identifier: ISC
 *
 * A whole session of both roles, packet by packet and event by event, compared with
 * tests/transcripts/session.txt: what goes on the wire does not change unnoticed.
 * `NACRE_WRITE_GOLDEN=1 build/tests/test_transcript` writes the file; a person reads the
 * difference.
 *
 * Randomness is deterministic, so the bytes are: each packet is a line with its number, name,
 * length and the start of the SHA-256 of its payload.
 */
#include "tests/pair.h"

#include <criterion/criterion.h>
#include <string.h>

static const enum pair_try tries[] = {PAIR_TRY_NONE, PAIR_TRY_WRONG_PASSWORD, PAIR_TRY_INTERACTIVE,
                                      PAIR_TRY_KEY_PROBE, PAIR_TRY_END};

/* The quiz is failed on purpose, so that every method is seen; at work, a bit of everything. */
static bool transcript_hook(struct pair *p, struct pair_side *s, const struct nacre_event *ev)
{
    static const struct nacre_bytes wrong[2];
    struct nacre_answer a = {.id = ev->id, .verdict = NACRE_ACCEPT, .responses = wrong};
    const struct nacre_global g = {.kind = NACRE_GLOBAL_TCPIP_FORWARD,
                                   .addr = nacre_bytes_str("localhost")};
    const struct nacre_request pty = {
        .kind = NACRE_REQ_PTY, .text = nacre_bytes_str("xterm"), .cols = 80, .rows = 24};
    (void)p; /* only the side acts */
    if (ev->type == NACRE_EV_AUTH_PROMPT && ev->n_prompts == 2) {
        a.n_responses = 2;
        cr_assert_eq(nacre_conn_answer(s->c, &a), NACRE_OK);
        return true;
    }
    if (ev->type == NACRE_EV_CHAN_OPENED) {
        cr_assert_eq(nacre_conn_ping(s->c, (const uint8_t *)"ping", 4), NACRE_OK);
        cr_assert_eq(nacre_global_request(s->c, &g, true), NACRE_OK);
        cr_assert_eq(nacre_chan_request(s->c, ev->chan, &pty, false), NACRE_OK);
        cr_assert_eq(nacre_conn_ignore(s->c, (const uint8_t *)"nothing", 7), NACRE_OK);
    }
    if (ev->type == NACRE_EV_PONG) {
        cr_assert_eq(nacre_conn_rekey(s->c), NACRE_OK);
    }
    return false;
}

static void session(struct pair *p, struct pair_buf *trace, const char *cipher)
{
    pair_init(p);
    p->trace = trace;
    p->hook = transcript_hook;
    p->plan.tries = tries;
    p->plan.send = 100;
    for (int i = 0; i < 2; i++) { /* fixed lists: the session is what is shown, not the table */
        p->side[i].cfg.kex = "curve25519-sha256,curve25519-sha256@libssh.org";
        p->side[i].cfg.host_key_algs = "ssh-ed25519";
        p->side[i].cfg.user_sig_algs = "ssh-ed25519";
        p->side[i].cfg.ciphers = "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr";
        p->side[i].cfg.macs = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
                              "hmac-sha2-256,hmac-sha2-512";
    }
    p->side[0].cfg.ciphers = cipher;
    p->side[1].cfg.banner = "Welcome.\n";
    pair_session(p);
    cr_assert(pair_complete(p), "%.*s", (int)p->side[0].log.n, (const char *)p->side[0].log.p);
}

static void print_session(struct pair_buf *out, const char *cipher)
{
    struct pair p;
    pair_buf_print(out, "== %s: packets as they are sealed ==\n", cipher);
    session(&p, out, cipher);
    pair_buf_print(out, "\n== the client's events ==\n");
    pair_buf_add(out, p.side[0].log.p, p.side[0].log.n);
    pair_buf_print(out, "\n== the server's events ==\n");
    pair_buf_add(out, p.side[1].log.p, p.side[1].log.n);
    pair_buf_print(out, "\n");
    pair_free(&p);
}

Test(transcript, whole_session)
{
    struct pair_buf now = {0};
    print_session(&now, "chacha20-poly1305@openssh.com");
    print_session(&now, "aes256-ctr");
    cr_assert(pair_golden("tests/transcripts/session.txt", &now),
              "the session changed; now it is:\n%.*s", (int)now.n, (const char *)now.p);
    pair_buf_free(&now);
}
