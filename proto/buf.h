/* SPDX-License-Identifier: ISC
 *
 * The region of a connection: scratch, held messages, channels, in-buffer, out-buffer; and how a
 * message gets into the out-buffer. Left of kex, auth and chan, right of pkt.
 */
#ifndef NCR_BUF_H
#define NCR_BUF_H

#include "proto/compress.h"
#include "proto/limits.h"
#include "proto/phase.h"
#include "proto/pkt.h"

/* Parts of the scratch area. */
#define NCR_SCRATCH_OURS 0 /* our KEXINIT payload */
#define NCR_SCRATCH_THEIRS (NCR_SCRATCH_OURS + NCR_KEXINIT_OURS_MAX)
#define NCR_SCRATCH_PUB (NCR_SCRATCH_THEIRS + NCR_KEXINIT_MAX)  /* our public value */
#define NCR_SCRATCH_SECRET (NCR_SCRATCH_PUB + NCR_KEX_PUB_MAX)  /* our ephemeral secret */
#define NCR_SCRATCH_K (NCR_SCRATCH_SECRET + NCR_KEX_SECRET_MAX) /* shared secret */
#define NCR_SCRATCH_AUTH (NCR_SCRATCH_K + NCR_KEX_K_MAX)
#define NCR_SCRATCH_AUTH_LEN (NCR_SCRATCH_LEN - NCR_SCRATCH_AUTH)

/* Events that are told before the next packet is taken (nacre_conn.pending). */
#define NCR_PENDING_SIGN 1
#define NCR_PENDING_SUCCESS 2
#define NCR_PENDING_NEXT 4

/* The region's first byte; what compression needs of it, or NULL. */
uint8_t *ncr_region(const struct nacre_conn *c);
struct ncr_comp_mem *ncr_comp(const struct nacre_conn *c);
/* SUCCESS has been sent or received: compression that waited for it starts. */
void ncr_buf_success(struct nacre_conn *c);
uint8_t *ncr_scratch(const struct nacre_conn *c, size_t at);
uint8_t *ncr_held(const struct nacre_conn *c);
struct ncr_chan *ncr_chans(const struct nacre_conn *c);
uint8_t *ncr_inbuf(const struct nacre_conn *c);
uint8_t *ncr_outbuf(const struct nacre_conn *c);

/* Notes why, for the error's line (static text), and returns err. */
nacre_err ncr_fail(struct nacre_conn *c, nacre_err err, const char *what);

/* Our wire name: "SSH-2.0-" and the configured rest, into w. */
void ncr_put_ident(struct ncr_wr *w, const struct nacre_conn *c);

/* A message on its way out. begin: picks the place, in the out-buffer, or in the held area while a
 * key exchange is under way, and writes the number. end: seals it. A message that the engine owes
 * may use the reserve; one that the application asks for gives NO_ROOM instead. */
struct ncr_out {
    struct ncr_wr w;
    uint8_t number;
    bool held, owed, refused;
};
struct ncr_out ncr_out_begin(struct nacre_conn *c, uint8_t number, bool owed);
NACRE_MUST_CHECK nacre_err ncr_out_end(struct nacre_conn *c, struct ncr_out *o);
/* begin and end around one uint32. */
NACRE_MUST_CHECK nacre_err ncr_out_u32(struct nacre_conn *c, uint8_t number, bool owed, uint32_t v);

/* Seals n payload bytes that lie behind the head at the out-buffer's end. */
NACRE_MUST_CHECK nacre_err ncr_out_seal(struct nacre_conn *c, size_t n);
/* Bytes free at the out-buffer's end, after closing the gap at its start if that is needed to have
 * `want` of them. */
size_t ncr_out_room(struct nacre_conn *c, size_t want);
/* Bytes at the out-buffer's end that only mandatory replies may use. */
size_t ncr_out_reserve(const struct nacre_conn *c);
/* Room for everything that handling one packet may owe. */
bool ncr_out_ready(struct nacre_conn *c);
/* Payload bytes that fit a sealed packet in `room` bytes. */
size_t ncr_out_payload(const struct nacre_conn *c, size_t room);
/* Sends what was held during a key exchange, as far as there is room; true if nothing is left. */
NACRE_MUST_CHECK nacre_err ncr_out_flush_held(struct nacre_conn *c, bool *empty);

/* 32 bytes of padding, random but not secret: a ChaCha20 stream keyed at init, so that no packet
 * costs a system call. */
const uint8_t *ncr_pad(struct nacre_conn *c);

#endif
