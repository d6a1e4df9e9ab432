/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: each decoder of a message (proto/msg.c, proto/chan_request.c) and the name-lists.
 *
 * Input: byte 0 chooses the decoder, the rest is the body. Every slice of a decoded message must
 * lie in the body.
 */
#include "proto/chan.h"
#include "proto/msg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void fuzz_inside(struct nacre_bytes b, struct nacre_bytes body)
{
    fuzz_check(b.n == 0 ||
               (b.p >= body.p && b.n <= body.n && (size_t)(b.p - body.p) <= body.n - b.n));
}

static const ncr_msg_decode_fn fuzz_decoders[] = {
    ncr_msg_get_empty,        ncr_msg_get_string,        ncr_msg_get_rest,
    ncr_msg_get_u32,          ncr_msg_get_disconnect,    ncr_msg_get_debug,
    ncr_msg_get_ext_info,     ncr_msg_get_kexinit,       ncr_msg_get_kex_reply,
    ncr_msg_get_auth_request, ncr_msg_get_auth_failure,  ncr_msg_get_text,
    ncr_msg_get_pk_ok,        ncr_msg_get_info_request,  ncr_msg_get_info_response,
    ncr_msg_get_global,       ncr_msg_get_chan_open,     ncr_msg_get_chan_confirm,
    ncr_msg_get_chan_fail,    ncr_msg_get_chan,          ncr_msg_get_chan_adjust,
    ncr_msg_get_chan_data,    ncr_msg_get_chan_ext_data, ncr_msg_get_chan_request,
};
#define FUZZ_DECODERS (sizeof fuzz_decoders / sizeof fuzz_decoders[0])

/* Slices of the messages that have many. */
static void fuzz_slices(ncr_msg_decode_fn decode, const union ncr_msg *m, struct nacre_bytes body)
{
    uint32_t i;
    if (decode == ncr_msg_get_kexinit) {
        for (i = 0; i < NCR_LISTS; i++) {
            fuzz_inside(m->kexinit.list[i], body);
        }
    } else if (decode == ncr_msg_get_info_request) {
        fuzz_check(m->info_request.n <= NACRE_PROMPTS_MAX);
        for (i = 0; i < m->info_request.n; i++) {
            fuzz_inside(m->info_request.prompts[i].text, body);
        }
    } else if (decode == ncr_msg_get_info_response) {
        fuzz_check(m->info_response.n <= NACRE_PROMPTS_MAX);
        for (i = 0; i < m->info_response.n; i++) {
            fuzz_inside(m->info_response.responses[i], body);
        }
    } else if (decode == ncr_msg_get_auth_request) {
        fuzz_inside(m->auth_request.user, body);
        fuzz_inside(m->auth_request.a, body);
        fuzz_inside(m->auth_request.b, body);
        fuzz_inside(m->auth_request.sig, body);
    } else if (decode == ncr_msg_get_ext_info) {
        fuzz_inside(m->ext_info.entries, body);
    }
}

/* Type-specific parts: what was understood is written again and means the same. */
static void fuzz_requests(struct nacre_bytes body)
{
    struct ncr_rd r = ncr_rd(body);
    struct nacre_bytes name = ncr_rd_string(&r), data = ncr_rd_rest(&r);
    struct nacre_request q, again;
    struct nacre_global g;
    struct nacre_tcpip t;
    static uint8_t out[70000];
    if (r.bad) {
        return;
    }
    if (ncr_request_get(&q, name, data)) {
        struct ncr_wr w = ncr_wr(out, sizeof out);
        ncr_request_put(&w, &q);
        fuzz_check(!w.bad && ncr_request_get(&again, ncr_request_name(&q), ncr_wr_done(&w)));
        fuzz_check(again.kind == q.kind && again.value == q.value && again.cols == q.cols);
        fuzz_check(ncr_bytes_eq(again.text, q.text) && ncr_bytes_eq(again.data, q.data));
        fuzz_inside(q.text, body);
        fuzz_inside(q.data, body);
    }
    if (ncr_global_get(&g, name, data)) {
        fuzz_inside(g.addr, body);
        fuzz_check(g.port <= 65535);
    }
    if (ncr_msg_get_tcpip(&t, data)) {
        fuzz_inside(t.host, body);
        fuzz_inside(t.origin, body);
    }
}

static void fuzz_list(struct nacre_bytes list)
{
    struct nacre_bytes rest = list, name;
    size_t names = 0, sum = 0;
    bool valid = ncr_list_valid(list, 64);
    while (ncr_list_next(&rest, &name)) {
        fuzz_inside(name, list);
        fuzz_check(ncr_list_has(list, name));
        fuzz_check(!valid || (name.n > 0 && name.n <= 64));
        names++;
        sum += name.n;
        if (names > 200) {
            return;
        }
    }
    fuzz_check(!valid || list.n == 0 || sum + names - 1 == list.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    union ncr_msg m;
    if (n < 1) {
        return 0;
    }
    struct nacre_bytes body = {data + 1, n - 1};
    size_t which = data[0] % (FUZZ_DECODERS + 2);
    if (which == FUZZ_DECODERS) {
        fuzz_requests(body);
    } else if (which == FUZZ_DECODERS + 1) {
        fuzz_list(body);
    } else if (fuzz_decoders[which](&m, body)) {
        fuzz_slices(fuzz_decoders[which], &m, body);
    }
    return 0;
}
