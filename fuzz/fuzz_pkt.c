/* SPDX-License-Identifier: ISC
 *
 * Fuzz target: opening packets in every mode (proto/pkt.c).
 *
 * Input: byte 0 chooses the mode (low 4 bits) and what the rest is (high 4 bits), byte 1 how many
 * bytes arrive at a time, the rest is
 *   raw      what a peer without the keys sends;
 *   forged   bodies, each behind a length of two bytes, that get the length field and a right tag:
 *            what a peer with the keys can do;
 *   honest   payloads, framed the same way, that ncr_pkt_seal() makes packets of: all must come
 * back. What has arrived always lies in memory of exactly that size.
 */
#include "crypto/load.h"
#include "proto/limits.h"
#include "proto/pkt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FUZZ_RAW, FUZZ_FORGED, FUZZ_HONEST, FUZZ_KINDS };
#define FUZZ_INPUT_MAX 4096
#define FUZZ_STREAM_MAX (64 * FUZZ_INPUT_MAX)

static const struct {
    const struct ncr_cipher *cipher;
    const struct ncr_mac *mac;
} fuzz_modes[] = {
    {NULL, NULL},
    {&ncr_cipher_chapoly, NULL},
    {&ncr_cipher_aes128_ctr, &ncr_mac_sha2_256},
    {&ncr_cipher_aes256_ctr, &ncr_mac_sha2_512},
    {&ncr_cipher_aes192_ctr, &ncr_mac_sha2_256_etm},
    {&ncr_cipher_aes256_ctr, &ncr_mac_sha2_512_etm},
    {&ncr_cipher_aes128_gcm, NULL},
    {&ncr_cipher_aes256_gcm, NULL},
#ifndef NACRE_NO_LEGACY
    {&ncr_cipher_aes128_cbc, &ncr_mac_sha2_256},
    {&ncr_cipher_3des_cbc, &ncr_mac_sha2_256_etm},
#endif
};

struct fuzz_stream {
    uint8_t *p;
    size_t n;
};

static void fuzz_check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void fuzz_keys(struct ncr_dir *d, size_t mode)
{
    struct ncr_keyset keys = {.cipher = fuzz_modes[mode].cipher, .macrow = fuzz_modes[mode].mac};
    memset(d, 0, sizeof *d);
    if (keys.cipher == NULL) {
        return;
    }
    for (uint8_t i = 0; i < NCR_KEY_LEN; i++) {
        keys.key[i] = keys.mac[i] = i;
        keys.iv[i % NCR_IV_LEN] = i % NCR_IV_LEN;
    }
    ncr_pkt_install(d, &keys, true);
}

static uint8_t *fuzz_room(struct fuzz_stream *s, size_t n)
{
    s->p = realloc(s->p, s->n + n);
    fuzz_check(s->p != NULL);
    s->n += n;
    return s->p + s->n - n;
}

static void fuzz_forge(struct fuzz_stream *s, struct ncr_dir *tx, struct nacre_bytes body)
{
    uint8_t *p = fuzz_room(s, 4 + body.n + ncr_pkt_tag_len(tx));
    ncr_store32be(p, (uint32_t)body.n);
    if (body.n > 0) {
        memcpy(p + 4, body.p, body.n);
    }
    ncr_pkt_mode(tx)->seal(tx, p, (uint32_t)body.n);
    tx->seq++;
}

static void fuzz_seal(struct fuzz_stream *s, struct ncr_dir *tx, struct nacre_bytes payload)
{
    static const uint8_t pad[NCR_PKT_PAD_MAX];
    size_t n = ncr_pkt_sealed_len(tx, payload.n), total;
    if (payload.n == 0) {
        return;
    }
    uint8_t *p = fuzz_room(s, n);
    memcpy(p + NCR_PKT_HEAD, payload.p, payload.n);
    fuzz_check(ncr_pkt_seal(tx, p, payload.n, pad, &total) == NACRE_OK && total == n);
}

/* The next piece behind its length of two bytes, as long as there is one. */
static bool fuzz_piece(struct nacre_bytes *rest, struct nacre_bytes *piece)
{
    if (rest->n < 2) {
        return false;
    }
    size_t n = (size_t)rest->p[0] << 8 | rest->p[1];
    rest->p += 2;
    rest->n -= 2;
    piece->p = rest->p;
    piece->n = n < rest->n ? n : rest->n;
    rest->p += piece->n;
    rest->n -= piece->n;
    return true;
}

static struct fuzz_stream fuzz_stream_of(struct nacre_bytes in, size_t mode, unsigned kind)
{
    struct fuzz_stream s = {NULL, 0};
    struct ncr_dir tx;
    struct nacre_bytes piece;
    fuzz_keys(&tx, mode);
    if (kind == FUZZ_RAW) {
        memcpy(fuzz_room(&s, in.n + 1), in.p, in.n);
        s.n--;
        return s;
    }
    while (s.n < FUZZ_STREAM_MAX && fuzz_piece(&in, &piece)) {
        if (kind == FUZZ_FORGED) {
            fuzz_forge(&s, &tx, piece);
        } else {
            fuzz_seal(&s, &tx, piece);
        }
    }
    return s;
}

/* One call of ncr_pkt_open() on the n bytes at p; what it promises is checked. */
static nacre_err fuzz_open(struct ncr_dir *rx, uint8_t *p, size_t n, size_t *used,
                           struct nacre_bytes *payload)
{
    uint32_t seq = rx->seq;
    nacre_err err = ncr_pkt_open(rx, p, n, NCR_PACKET_MAX, used, payload);
    fuzz_check(*used <= n);
    fuzz_check((*used != 0) == (payload->n != 0));
    fuzz_check(err == NACRE_OK || *used == 0);
    fuzz_check(rx->seq == seq + (*used != 0));
    if (payload->n != 0) {
        fuzz_check(payload->p == p + NCR_PKT_HEAD);
        fuzz_check(payload->n <= *used - NCR_PKT_HEAD - NCR_PADDING_MIN);
    }
    return err;
}

/* Bytes arrive, `step` at a time, behind what is left of those before; whole packets are taken out.
 */
static nacre_err fuzz_deliver(const struct fuzz_stream *s, size_t mode, size_t step,
                              struct nacre_bytes expect, bool honest)
{
    struct ncr_dir rx;
    struct fuzz_stream in = {NULL, 0};
    nacre_err err = NACRE_OK;
    fuzz_keys(&rx, mode);
    for (size_t at = 0; err == NACRE_OK && at < s->n;) {
        size_t more = step < s->n - at ? step : s->n - at, used;
        struct nacre_bytes payload, want = {NULL, 0};
        memcpy(fuzz_room(&in, more), s->p + at, more);
        at += more;
        while ((err = fuzz_open(&rx, in.p, in.n, &used, &payload)) == NACRE_OK && used != 0) {
            while (honest && want.n == 0) {
                fuzz_check(fuzz_piece(&expect, &want));
            }
            fuzz_check(!honest || want.n == payload.n);
            fuzz_check(!honest || memcmp(want.p, payload.p, want.n) == 0);
            want.n = 0;
            memmove(in.p, in.p + used, in.n - used);
            in.n -= used;
        }
        fuzz_check(!honest || at < s->n || in.n == 0);
    }
    free(in.p);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2 || n > FUZZ_INPUT_MAX) {
        return 0;
    }
    struct nacre_bytes in = {data + 2, n - 2};
    size_t mode = (data[0] & 15u) % (sizeof fuzz_modes / sizeof fuzz_modes[0]);
    unsigned kind = (unsigned)(data[0] >> 4) % FUZZ_KINDS;
    size_t step = data[1] == 0 ? FUZZ_STREAM_MAX : data[1];
    struct fuzz_stream s = fuzz_stream_of(in, mode, kind);
    nacre_err err = fuzz_deliver(&s, mode, step, in, kind == FUZZ_HONEST);
    fuzz_check(kind != FUZZ_HONEST || err == NACRE_OK);
    free(s.p);
    return 0;
}
