/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: decoders of SFTP messages (sftp/sftp_msg.c).
 *
 * Input: byte 0 is an operation, the rest the body of a packet, taken as a request, as a reply to
 * that operation and as a VERSION message. What is decoded is encoded and decoded again, and must
 * come out the same. The body lies in memory of exactly its size.
 */
#include "sftp/sftp_msg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_INPUT_MAX 65536

static void fuzz_check(bool ok)
{
    if (!ok)
        abort();
}

static void fuzz_request(struct nacre_bytes body)
{
    static uint8_t first[2 * FUZZ_INPUT_MAX], second[2 * FUZZ_INPUT_MAX];
    struct nacre_sftp_req req, again;
    struct ncr_wr a = ncr_wr(first, sizeof first), b = ncr_wr(second, sizeof second);
    struct nacre_bytes out;

    if (!ncr_sftp_req_get(&req, body)) {
        fuzz_check(req.op == NACRE_SFTP_OP_NONE && req.id == 0);
        return;
    }
    if (req.op == NACRE_SFTP_OP_NONE)
        return;
    ncr_sftp_req_put(&a, req.id, &req);
    fuzz_check(!a.bad && a.n <= body.n + 4); /* attributes lose their extended pairs */
    out.p = first + 4;
    out.n = a.n - 4;
    fuzz_check(ncr_sftp_req_get(&again, out));
    fuzz_check(again.op == req.op && again.id == req.id);
    ncr_sftp_req_put(&b, again.id, &again);
    fuzz_check(b.n == a.n && memcmp(first, second, a.n) == 0);
}

static void fuzz_reply(enum nacre_sftp_op op, struct nacre_bytes body)
{
    struct nacre_sftp_event ev;
    struct nacre_sftp_name name;
    uint32_t told;

    if (!ncr_sftp_reply_get(&ev, op, body))
        return;
    fuzz_check(ev.type != NACRE_SFTP_EV_NONE && ev.op == op && ev.done);
    for (told = ev.names.left; nacre_sftp_names_next(&ev.names, &name); told--)
        fuzz_check(told > 0);
    fuzz_check(told == 0);
    fuzz_check(ev.type != NACRE_SFTP_EV_HANDLE || ev.data.n <= NACRE_SFTP_HANDLE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nacre_bytes body;
    uint8_t *copy;
    uint32_t version;
    uint64_t ops;

    if (n < 1 || n > FUZZ_INPUT_MAX)
        return 0;
    copy = malloc(n);
    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, n - 1);
    body.p = copy;
    body.n = n - 1;
    fuzz_request(body);
    fuzz_reply((enum nacre_sftp_op)(data[0] % NACRE_SFTP_OP_COUNT), body);
    if (ncr_sftp_version_get(body, &version, &ops))
        fuzz_check(ops >> NACRE_SFTP_OP_EXTENDED == 0);
    (void)nacre_sftp_name_safe(body); /* reads all of it */
    free(copy);
    return 0;
}
