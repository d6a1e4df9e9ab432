/* SPDX-License-Identifier: ISC
 *
 * Limits before authentication: see gate.h. The table is set-associative: a source may lie in one
 * of NCR_GATE_WAYS places of the set that a SHA-256 over a random key and its address picks, so
 * that a peer cannot choose whom it displaces.
 */
#include "server/gate.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const struct ncr_gate_cfg ncr_gate_default = {
    .begin = 10,
    .rate = 30,
    .full = 100,
    .per_source = 8,
    .penalties = true,
    .auth_failed_s = 5,
    .no_auth_s = 1,
    .grace_s = 10,
    .crash_s = 90,
    .act_s = 15,
    .cap_s = 600,
};

bool ncr_gate_init(struct ncr_gate *g, const struct ncr_gate_cfg *cfg, const struct nacre_rng *rng)
{
    memset(g, 0, sizeof *g);
    g->cfg = *cfg;
    g->rng = *rng;
    if (!nacre_rng_fill(rng, g->key, sizeof g->key)) {
        return false;
    }
    g->table = calloc((size_t)NCR_GATE_SETS * NCR_GATE_WAYS, sizeof *g->table);
    return g->table != NULL;
}

void ncr_gate_free(struct ncr_gate *g)
{
    free(g->table);
    g->table = NULL;
}

void ncr_gate_addr(uint8_t addr[NCR_GATE_ADDR_LEN], const void *sa)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const struct sockaddr *any = sa;
    memset(addr, 0, NCR_GATE_ADDR_LEN);
    if (any->sa_family == AF_INET) {
        const struct sockaddr_in *in = sa;
        memcpy(addr, mapped, sizeof mapped);
        memcpy(addr + sizeof mapped, &in->sin_addr, 4);
    } else if (any->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = sa;
        bool v4 = memcmp(&in6->sin6_addr, mapped, sizeof mapped) == 0;
        memcpy(addr, &in6->sin6_addr, v4 ? 16 : 8);
    }
}

static struct ncr_gate_source *gate_set(struct ncr_gate *g, const uint8_t addr[NCR_GATE_ADDR_LEN])
{
    struct nacre_sha256 h;
    uint8_t d[NACRE_SHA256_LEN];
    nacre_sha256_init(&h);
    nacre_sha256_update(&h, g->key, sizeof g->key);
    nacre_sha256_update(&h, addr, NCR_GATE_ADDR_LEN);
    nacre_sha256_final(d, &h);
    size_t set = ((size_t)d[0] << 8 | d[1]) % NCR_GATE_SETS;
    return g->table + set * NCR_GATE_WAYS;
}

static struct ncr_gate_source *gate_find(struct ncr_gate *g, const uint8_t addr[NCR_GATE_ADDR_LEN])
{
    struct ncr_gate_source *set = gate_set(g, addr);
    for (size_t i = 0; i < NCR_GATE_WAYS; i++) {
        bool used = set[i].starting > 0 || set[i].until > 0;
        if (used && memcmp(set[i].addr, addr, NCR_GATE_ADDR_LEN) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

/* The place for a new source: one that nobody starts from, with the penalty that ends first. NULL
 * if connections start from all: then this one is not counted by source. */
static struct ncr_gate_source *gate_make(struct ncr_gate *g, const uint8_t addr[NCR_GATE_ADDR_LEN])
{
    struct ncr_gate_source *set = gate_set(g, addr);
    struct ncr_gate_source *best = NULL;
    for (size_t i = 0; i < NCR_GATE_WAYS; i++) {
        if (set[i].starting == 0 && (best == NULL || set[i].until < best->until)) {
            best = &set[i];
        }
    }
    if (best != NULL) {
        memset(best, 0, sizeof *best);
        memcpy(best->addr, addr, NCR_GATE_ADDR_LEN);
    }
    return best;
}

static struct ncr_gate_source *gate_get(struct ncr_gate *g, const uint8_t addr[NCR_GATE_ADDR_LEN])
{
    struct ncr_gate_source *s = gate_find(g, addr);
    return s != NULL ? s : gate_make(g, addr);
}

/* Random early drop; a source of randomness that fails drops. */
static bool gate_full(struct ncr_gate *g)
{
    const struct ncr_gate_cfg *c = &g->cfg;
    if (c->full == 0 || g->starting < c->begin) {
        return false;
    }
    if (g->starting >= c->full || c->rate >= 100) {
        return true;
    }
    uint8_t r[2];
    if (!nacre_rng_fill(&g->rng, r, sizeof r)) {
        return true;
    }
    unsigned span = c->full - c->begin;
    unsigned percent = c->rate + (100 - c->rate) * (g->starting - c->begin) / span;
    return ((unsigned)r[0] << 8 | r[1]) % 100 < percent;
}

static bool gate_penalised(const struct ncr_gate *g, const struct ncr_gate_source *s, uint64_t now)
{
    return g->cfg.penalties && s->refused && s->until > now;
}

enum ncr_gate_verdict ncr_gate_enter(struct ncr_gate *g, const uint8_t addr[NCR_GATE_ADDR_LEN],
                                     uint64_t now_ms)
{
    struct ncr_gate_source *s = gate_find(g, addr);
    if (s != NULL && gate_penalised(g, s, now_ms)) {
        return NCR_GATE_DROP_PENALTY;
    }
    if (s != NULL && g->cfg.per_source > 0 && s->starting >= g->cfg.per_source) {
        return NCR_GATE_DROP_SOURCE;
    }
    if (gate_full(g)) {
        return NCR_GATE_DROP_STARTUPS;
    }
    s = gate_get(g, addr);
    if (s != NULL) {
        s->starting++;
    }
    g->starting++;
    return NCR_GATE_ADMIT;
}

static unsigned gate_penalty(const struct ncr_gate_cfg *c, enum ncr_gate_end end)
{
    const unsigned s[] = {
        [NCR_GATE_AUTHENTICATED] = 0,      [NCR_GATE_AUTH_FAILED] = c->auth_failed_s,
        [NCR_GATE_NO_AUTH] = c->no_auth_s, [NCR_GATE_GRACE] = c->grace_s,
        [NCR_GATE_CRASH] = c->crash_s,     [NCR_GATE_QUIET] = 0};
    return s[end];
}

void ncr_gate_leave(struct ncr_gate *g, const uint8_t addr[NCR_GATE_ADDR_LEN],
                    enum ncr_gate_end end, uint64_t now_ms)
{
    if (g->starting > 0) {
        g->starting--;
    }
    uint64_t add = g->cfg.penalties ? (uint64_t)gate_penalty(&g->cfg, end) * 1000 : 0;
    struct ncr_gate_source *s = add > 0 ? gate_get(g, addr) : gate_find(g, addr);
    if (s == NULL) {
        return;
    }
    if (s->starting > 0) {
        s->starting--;
    }
    if (add > 0) {
        uint64_t cap = now_ms + (uint64_t)g->cfg.cap_s * 1000;
        uint64_t from = s->until > now_ms ? s->until : now_ms;
        s->refused = s->refused && s->until > now_ms;
        s->until = from + add < cap ? from + add : cap;
        s->refused = s->refused || s->until - now_ms >= (uint64_t)g->cfg.act_s * 1000;
    } else if (s->until <= now_ms) {
        s->until = 0;
    }
}
