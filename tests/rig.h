/* SPDX-License-Identifier: ISC
 *
 * A server for tests of clients: the engine in the server's role, driven over one end of a socket
 * pair in the test's own event loop, with a plan that says what it accepts and a few commands:
 *
 *     cat         echoes; exit status 0 after EOF
 *     status N    exit status N at once
 *     both N      N bytes to each output stream in turns, then exit status 0
 *     take        swallows its input; exit status 0 after EOF
 *     deaf        never reads: no window is given back
 *     hang        does nothing, for ever
 *     kill        exit signal TERM
 *     refuse      the request is refused
 */
#ifndef NACRE_TESTS_RIG_H
#define NACRE_TESTS_RIG_H

#include "proto/posix/drive.h"
#include "tests/pair.h"

#define RIG_CHANNELS 16

struct rig_plan {
    bool accept_none;
    int key;                    /* user key that is accepted, as pair_key_blob(); -1: none */
    const char *password;       /* NULL: none */
    const char *expired;        /* password that must be changed, to anything */
    const char *const *prompts; /* keyboard-interactive: one round each, NULL ends; NULL: none */
    const char *response;       /* right answer to every prompt */
    bool need_both;             /* key, then password or keyboard-interactive */
    unsigned offered;           /* methods listed; 0: those that can succeed */
    int host_key;               /* as pair_key_blob() */
    bool refuse_channels;
    bool refuse_forward;
    uint32_t forward_port; /* told for a tcpip-forward of port 0 */
};

enum rig_mode { RIG_IDLE, RIG_CAT, RIG_TAKE, RIG_DEAF, RIG_BOTH, RIG_HANG, RIG_CUSTOM };

struct rig_chan {
    bool open, eof, ended;
    enum rig_mode mode;
    struct pair_buf pending;
    size_t left[2]; /* RIG_BOTH */
    uint64_t got;
};

struct rig {
    struct rig_plan plan;
    struct nacre_conn conn;
    struct nacre_conn_cfg cfg;
    struct nacre_bytes host_keys[1];
    uint64_t *mem;
    struct ncr_drive drive;
    struct ncr_loop *loop;
    struct rig_chan chan[RIG_CHANNELS];
    bool over, key_done;
    nacre_err err;
    unsigned tries, keys_asked, keys_proved, passwords, rounds, opens, eows;
    size_t next_prompt;
    struct pair_buf log; /* requests, a line each */
    /* Told events first; true: dealt with. */
    bool (*hook)(void *ctx, struct rig *r, const struct nacre_event *ev);
    /* Subsystem requests: true makes the channel RIG_CUSTOM; its data goes to `data`, and `room`
     * may send. */
    bool (*subsystem)(void *ctx, struct rig *r, uint32_t chan, struct nacre_bytes name);
    void (*data)(void *ctx, struct rig *r, uint32_t chan, struct nacre_bytes data);
    void (*room)(void *ctx, struct rig *r);
    /* Called before and after the server's own work, for tests that count what the client does. */
    void (*work)(bool begins);
    void *ctx;
};

/* Clears, key 1, host key 0. Then plan, cfg and hooks may be set. */
void rig_init(struct rig *r);
/* Starts on fd, which it takes over. */
void rig_start(struct rig *r, struct ncr_loop *l, int fd);
void rig_free(struct rig *r);
/* Two connected sockets, non-blocking. */
void rig_sockets(int fds[2]);
/* Byte i of the pattern that tests send. */
uint8_t rig_byte(uint64_t i);

#endif
