/* SPDX-License-Identifier: ISC
 *
 * The connection as a whole: two engines talk to each other in memory. However the bytes arrive,
 * wherever the connections lie in memory and whatever is negotiated, the session is the same;
 * whatever fails, both ends say so by name and keep nothing secret.
 */
#include "proto/buf.h"
#include "tests/pair.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect_same(const struct pair_buf *a, const struct pair_buf *b)
{
    cr_assert(a->n == b->n && memcmp(a->p, b->p, a->n) == 0, "logs differ:\n%.*s\n---\n%.*s",
              (int)a->n, (const char *)a->p, (int)b->n, (const char *)b->p);
}

static bool log_has(const struct pair_side *s, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; n <= s->log.n && i <= s->log.n - n; i++) {
        if (memcmp(s->log.p + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

Test(conn, whole_session)
{
    struct pair p;
    pair_init(&p);
    p.plan.send = 100000;
    pair_session(&p);
    cr_assert(pair_complete(&p), "client:\n%.*s\nserver:\n%.*s", (int)p.side[0].log.n,
              (const char *)p.side[0].log.p, (int)p.side[1].log.n, (const char *)p.side[1].log.p);
    cr_assert(log_has(&p.side[0], "VERSION data=SSH-2.0-nacre_"));
    cr_assert(log_has(&p.side[1], "DISCONNECT reason=11 data=goodbye"));
    cr_assert(nacre_conn_negotiated(p.side[0].c)->strict);
    cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->cipher[0],
                     "chacha20-poly1305@openssh.com");
    cr_assert_str_eq(nacre_conn_negotiated(p.side[0].c)->mac[0], "");
    pair_free(&p);
}

Test(conn, every_cipher_and_mac)
{
    static const char *const ciphers[] = {"chacha20-poly1305@openssh.com", "aes128-ctr",
                                          "aes192-ctr", "aes256-ctr"};
    static const char *const macs[] = {"hmac-sha2-256-etm@openssh.com",
                                       "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
                                       "hmac-sha2-512"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            struct pair p;
            pair_init(&p);
            p.side[0].cfg.ciphers_dir[0] = ciphers[i];
            p.side[0].cfg.ciphers_dir[1] = ciphers[(i + j) % 4];
            p.side[1].cfg.macs_dir[0] = macs[j];
            p.side[1].cfg.macs_dir[1] = macs[(i + 3 * j) % 4];
            p.plan.send = 5000;
            pair_session(&p);
            cr_assert(pair_complete(&p));
            for (int k = 0; k < 2; k++) {
                const struct nacre_negotiated *n = nacre_conn_negotiated(p.side[k].c);
                cr_assert_str_eq(n->cipher[0], ciphers[i]);
                cr_assert_str_eq(n->cipher[1], ciphers[(i + j) % 4]);
                cr_assert_str_eq(n->mac[0], i == 0 ? "" : macs[j]);
                cr_assert_str_eq(n->mac[1], (i + j) % 4 == 0 ? "" : macs[(i + 3 * j) % 4]);
            }
            pair_free(&p);
        }
    }
}

/* ---- However the bytes arrive ---- */

Test(conn, any_chunk_gives_the_same_events)
{
    static const size_t chunks[] = {1, 2, 3, 5, 13, 100, 1000};
    struct pair whole;
    pair_init(&whole);
    pair_session(&whole);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct pair p;
        pair_init(&p);
        p.side[0].out.chunk = p.side[1].out.chunk = chunks[i];
        p.plan.move = i % 2 == 0;
        pair_session(&p);
        cr_assert(pair_complete(&p));
        expect_same(&whole.side[0].log, &p.side[0].log);
        expect_same(&whole.side[1].log, &p.side[1].log);
        pair_free(&p);
    }
    pair_free(&whole);
}

static void split_everywhere(enum nacre_role from)
{
    struct pair whole;
    pair_init(&whole);
    whole.plan.send = 40;
    pair_session(&whole);
    for (uint64_t at = 1; at < whole.side[from].out.passed; at++) {
        struct pair p;
        pair_init(&p);
        p.plan.send = 40;
        p.side[from].out.split_at = at;
        pair_session(&p);
        cr_assert(pair_complete(&p), "split at %lu", (unsigned long)at);
        expect_same(&whole.side[0].log, &p.side[0].log);
        expect_same(&whole.side[1].log, &p.side[1].log);
        pair_free(&p);
    }
    pair_free(&whole);
}

Test(conn, every_split_from_the_client)
{
    split_everywhere(NACRE_CLIENT);
}

Test(conn, every_split_from_the_server)
{
    split_everywhere(NACRE_SERVER);
}
