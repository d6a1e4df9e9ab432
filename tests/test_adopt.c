/* SPDX-License-Identifier: ISC
 *
 * Taking over a connection from a process that is trusted less (row S64): an honest one goes on
 * where it was; one whose fields were set to extremes is refused or harmless. What "harmless" means
 * the sanitizers judge.
 */
#include "proto/buf.h"
#include "proto/chan.h"
#include "tests/pair.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void at_work(struct pair *p, const char *cipher)
{
    pair_init(p);
    p->side[0].cfg.ciphers = cipher;
    p->plan.stay = true;
    p->plan.any_data = true;
    pair_session(p);
    cr_assert(nacre_conn_authenticated(p->side[1].c));
}

static nacre_err adopt(struct pair *p)
{
    struct pair_side *s = &p->side[1];
    struct nacre_rng rng = pair_rng_of(&s->rng);
    return nacre_conn_adopt(s->c, NACRE_SERVER, &s->cfg, &rng, ncr_chans(s->c), s->mem_len);
}

/* Goes on with data, a rekey, requests, the end: whatever happens, it comes to rest. */
static void go_on(struct pair *p)
{
    struct nacre_errinfo info;
    p->side[0].lenient = p->side[1].lenient = true;
    p->plan.send += 3000;
    pair_run(p, 3000);
    nacre_err err = nacre_conn_rekey(p->side[0].c);
    cr_assert(err == NACRE_OK || err == p->side[0].c->err || err == NACRE_ERR_USAGE);
    pair_run(p, 3000);
    p->plan.stay = false;
    pair_run(p, 3000);
    info = nacre_conn_errinfo(p->side[1].c);
    cr_assert(info.phase[0] != 0 && info.what != NULL);
    cr_assert_neq(nacre_conn_deadline(p->side[1].c), 0);
    cr_assert_neq(nacre_conn_negotiated(p->side[1].c)->cipher[0][0], 0);
}

static const char *const ciphers[] = {"chacha20-poly1305@openssh.com", "aes128-ctr",
                                      "aes128-gcm@openssh.com"};
enum { CIPHERS = sizeof ciphers / sizeof ciphers[0] };

Test(adopt, honest_connection_goes_on)
{
    for (int i = 0; i < CIPHERS; i++) {
        struct pair p;
        at_work(&p, ciphers[i]);
        cr_assert_eq(adopt(&p), NACRE_OK);
        cr_assert_str_eq(nacre_conn_negotiated(p.side[1].c)->cipher[0], ciphers[i]);
        go_on(&p);
        cr_assert(pair_complete(&p), "%s %s", nacre_err_name(p.side[0].err),
                  nacre_err_name(p.side[1].err));
        pair_free(&p);
    }
}

Test(adopt, only_when_authenticated_and_at_rest)
{
    struct pair p;
    pair_init(&p);
    pair_start(&p);
    unsigned adopted = 0;
    while (pair_round(&p)) {
        struct nacre_conn *c = p.side[1].c;
        bool ready = c->err == NACRE_OK && c->auth.done && c->question == 0 &&
                     c->rx.phase == NCR_PH_CONN && c->tx.phase == NCR_PH_CONN;
        cr_assert_eq(adopt(&p) == NACRE_OK, ready);
        adopted += ready;
    }
    cr_assert(adopted > 0 && pair_complete(&p));
    pair_free(&p);
}

Test(adopt, wrong_role_or_region)
{
    struct pair p;
    at_work(&p, ciphers[0]);
    struct pair_side *s = &p.side[1];
    struct nacre_rng rng = pair_rng_of(&s->rng);
    uint8_t *mem = (uint8_t *)ncr_chans(s->c);
    cr_assert_eq(nacre_conn_adopt(s->c, NACRE_CLIENT, &s->cfg, &rng, mem, s->mem_len),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_conn_adopt(s->c, NACRE_SERVER, &s->cfg, &rng, mem + 8, s->mem_len),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_conn_adopt(s->c, NACRE_SERVER, &s->cfg, &rng, mem, s->mem_len - 8),
                 NACRE_ERR_USAGE);
    cr_assert_eq(nacre_conn_adopt(s->c, NACRE_SERVER, &s->cfg, &rng, mem, s->mem_len + 8),
                 NACRE_ERR_USAGE);
    pair_free(&p);
}

/* ---- Fields that another process wrote ---- */

/* Fields that decide over memory: each must be refused at these values. */
#define FIELD(f, v)                                                                                \
    {                                                                                              \
#f, offsetof(struct nacre_conn, f), sizeof(((struct nacre_conn *)0)->f), v                 \
    }
static const struct {
    const char *name;
    size_t at, n;
    uint64_t value;
} refused[] = {
    FIELD(in_cap, 0xffffffff),
    FIELD(in_cap, 100),
    FIELD(out_cap, 0xffffffff),
    FIELD(in_start, 0xffffffff),
    FIELD(in_end, 0xffffffff),
    FIELD(in_next, 0xffffffff),
    FIELD(out_start, 0xffffffff),
    FIELD(out_end, 0xffffffff),
    FIELD(held_len, 1),
    FIELD(held_len, 0xffffffff),
    FIELD(n_chans, 9),
    FIELD(n_chans, 0xffffffff),
    FIELD(mem_off, 0),
    FIELD(mem_len, 1),
    FIELD(full_queues, 1),
    FIELD(n_owed, 255),
    FIELD(n_sent, 255),
    FIELD(session_id_len, 65),
    FIELD(ident_len, 257),
    FIELD(peer_text_len, 0xffffffff),
    FIELD(pad_left, 255),
    FIELD(kex.h_len, 65),
    FIELD(kex.ours_len, 0xffffffff),
    FIELD(kex.theirs_len, 0xffffffff),
    FIELD(kex.sent_init, 1),
    FIELD(auth.alg_len, 0xffffffff),
    FIELD(auth.blob_len, 0xffffffff),
    FIELD(auth.data_len, 0xffffffff),
    FIELD(auth.done, 0),
    FIELD(pending, 1),
    FIELD(question, 6),
    FIELD(first_kex_done, 0),
    FIELD(rx.phase, NCR_PH_AUTH),
    FIELD(tx.phase, NCR_PH_REKEY_METHOD),
    FIELD(rx.cipher, 0),
    FIELD(tx.cipher, 8),
    FIELD(rx.comp, 0),
    FIELD(tx.comp, 64),
    FIELD(rx.macrow, 64),
    FIELD(rx.len, 1), /* shorter than any packet */
    FIELD(rx.len, 7),
    FIELD(rx.len, 0xfffffff8),
    FIELD(broken, 0xffffffff),
    FIELD(role, 0),
};

static void poke(struct nacre_conn *c, size_t at, size_t n, uint64_t v)
{
    uint8_t *p = (uint8_t *)c + at;
    if (n == 1) {
        *p = (uint8_t)v;
    } else if (n == 2) {
        uint16_t x = (uint16_t)v;
        memcpy(p, &x, 2);
    } else if (n == 4) {
        uint32_t x = (uint32_t)v;
        memcpy(p, &x, 4);
    } else {
        memcpy(p, &v, 8);
    }
}

Test(adopt, s64_fields_at_extremes_are_refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        for (int j = 0; j < CIPHERS; j++) {
            struct pair p;
            at_work(&p, ciphers[j]);
            struct nacre_conn *c = p.side[1].c;
            struct nacre_rng rng = pair_rng_of(&p.side[1].rng);
            void *mem = ncr_chans(c);
            poke(c, refused[i].at, refused[i].n, refused[i].value);
            cr_assert_eq(
                nacre_conn_adopt(c, NACRE_SERVER, &p.side[1].cfg, &rng, mem, p.side[1].mem_len),
                NACRE_ERR_USAGE, "%s = %lu", refused[i].name, (unsigned long)refused[i].value);
            free(p.side[1].c);
            p.side[1].c = NULL;
            pair_free(&p);
        }
    }
}

Test(adopt, s64_channels_at_extremes_are_refused)
{
    for (int field = 0; field < 8; field++) {
        struct pair p;
        at_work(&p, ciphers[0]);
        struct ncr_chan *ch = &ncr_chans(p.side[1].c)[1];
        switch (field) {
        case 0:
            ch->state = NCR_CHAN_CLOSING + 1;
            break;
        case 1:
            ch->n_owed = NCR_OWED_CHAN + 1;
            break;
        case 2:
            ch->n_sent = NCR_OWED_CHAN + 1;
            break;
        case 3:
            ch->rx_window = ch->rx_initial + 1;
            break;
        case 4:
            ch->rx_credit = UINT32_MAX;
            break;
        case 5:
            ch->rx_max = UINT32_MAX;
            break;
        case 6:
            ch->n_owed = NCR_OWED_CHAN; /* but the count of full queues is 0 */
            break;
        default:
            ch->state = 255;
            break;
        }
        cr_assert_eq(adopt(&p), NACRE_ERR_USAGE, "field %d", field);
        pair_free(&p);
    }
}

/* Each byte of the struct in turn, to several values: refused, or the connection goes on to some
 * end without touching memory that is not its own. Pointers are left to adopt to replace. */
static void each_byte(uint8_t value, int cipher)
{
    struct pair p, working;
    size_t refusals = 0;
    at_work(&p, ciphers[cipher]);
    pair_copy(&working, &p);
    for (size_t at = 0; at < sizeof(struct nacre_conn); at++) {
        pair_free(&p);
        pair_copy(&p, &working);
        struct nacre_conn *c = p.side[1].c;
        struct nacre_rng rng = pair_rng_of(&p.side[1].rng);
        void *mem = ncr_chans(c);
        ((uint8_t *)c)[at] = value;
        nacre_err err =
            nacre_conn_adopt(c, NACRE_SERVER, &p.side[1].cfg, &rng, mem, p.side[1].mem_len);
        cr_assert(err == NACRE_OK || err == NACRE_ERR_USAGE);
        refusals += err != NACRE_OK;
        if (err == NACRE_OK) {
            go_on(&p);
        }
    }
    pair_free(&p);
    pair_free(&working);
    cr_assert(refusals > 20);
}

Test(adopt, s64_each_byte_of_the_struct_255)
{
    each_byte(0xff, 0);
    each_byte(0xff, 1);
}

Test(adopt, s64_each_byte_of_the_struct_1)
{
    each_byte(1, 0);
    each_byte(1, 1);
}
