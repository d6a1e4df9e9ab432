/* SPDX-License-Identifier: ISC
 *
 * nacre-agent's insides under test: see agent_rig.h.
 */
#include "tests/agent_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/wire.h"
#include "tests/rngs.h"

uint64_t agt_work[NACRE_WORK];
const struct nacre_bytes agt_none = {NULL, 0};

struct agt agt;
uint8_t agt_msg[NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX];
uint8_t agt_out[NACRE_AGENT_LEN + NACRE_AGENT_MSG_MAX];
size_t agt_n;

bool agt_rng_fails;
const struct nacre_rng agt_rng = {rng_fast_fill, &agt_rng_fails};

void agt_setup(void)
{
    memset(&agt, 0, sizeof agt);
    agt.d.rng = &agt_rng;
    agt.d.work = agt_work;
    agt.now.ms = 1000;
    agt.now.unix = 1000000;
    agt.reply.p = agt_out;
    agt.reply.cap = sizeof agt_out;
}

void agt_teardown(void)
{
    ncr_agentd_peer_free(&agt.peer);
    ncr_agentd_wipe(&agt.d);
}

struct nacre_bytes agt_message(void)
{
    return (struct nacre_bytes){agt_msg + NACRE_AGENT_LEN, agt_n - NACRE_AGENT_LEN};
}

void agt_read_reply(void)
{
    const struct nacre_bytes b = {agt_out + NACRE_AGENT_LEN, agt.reply.n - NACRE_AGENT_LEN};

    cr_assert_geq(agt.reply.n, NACRE_AGENT_LEN + 1);
    agt.err = nacre_agent_reply_decode(&agt.r, (enum nacre_agent_type)agt_msg[NACRE_AGENT_LEN], b);
}

int agt_send_as(struct ncr_agentd_peer *peer)
{
    agt.next = ncr_agentd_handle(&agt.d, peer, agt_message(), &agt.now, &agt.reply);
    if (agt.next != NCR_AGENTD_REPLY)
        return 0;
    agt_read_reply();
    cr_assert_eq(agt.err, NACRE_OK);
    return (int)agt.r.type;
}

int agt_send(void)
{
    return agt_send_as(&agt.peer);
}

void agt_key(struct nacre_privkey *k, int which)
{
    uint8_t seed[NACRE_ED25519_SEED_LEN];

    memset(seed, 0x51, sizeof seed);
    seed[0] = (uint8_t)which;
    seed[1] = (uint8_t)(which >> 8);
    nacre_privkey_from_seed(k, seed);
}

struct nacre_bytes agt_blob(int which)
{
    static struct nacre_privkey k[4];
    static unsigned at;

    at = (at + 1) % 4;
    agt_key(&k[at], which);
    return nacre_privkey_public_blob(&k[at]);
}

void agt_put_add(int which, const char *comment, const struct nacre_agent_limits *limits)
{
    struct nacre_privkey k;

    agt_key(&k, which);
    cr_assert_eq(nacre_agent_put_add(agt_msg, sizeof agt_msg, &agt_n, &k, agt_none,
                                     nacre_bytes_str(comment), limits),
                 NACRE_OK);
    nacre_privkey_wipe(&k);
}

int agt_add(int which, const char *comment, const struct nacre_agent_limits *limits)
{
    agt_put_add(which, comment, limits);
    return agt_send();
}

void agt_put_list(void)
{
    cr_assert_eq(
        nacre_agent_put_request(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_REQUEST_IDENTITIES),
        NACRE_OK);
}

size_t agt_list_as(struct ncr_agentd_peer *peer)
{
    agt_put_list();
    cr_assert_eq(agt_send_as(peer), NACRE_AGENT_IDENTITIES_ANSWER);
    return agt.r.n_keys;
}

size_t agt_list(void)
{
    return agt_list_as(&agt.peer);
}

void agt_put_sign(struct nacre_bytes key, struct nacre_bytes data, uint32_t flags)
{
    cr_assert_eq(nacre_agent_put_sign(agt_msg, sizeof agt_msg, &agt_n, key, data, flags), NACRE_OK);
}

bool agt_signs(int which)
{
    const struct nacre_bytes data = nacre_bytes_str("data");

    agt_put_sign(agt_blob(which), data, 0);
    if (agt_send() != NACRE_AGENT_SIGN_RESPONSE)
        return false;
    cr_assert_eq(nacre_sig_verify(&nacre_algs_default, nacre_bytes_str("ssh-ed25519"),
                                  agt_blob(which), data, agt.r.signature, agt_work),
                 NACRE_OK);
    return true;
}

int agt_remove(int which)
{
    cr_assert_eq(nacre_agent_put_remove(agt_msg, sizeof agt_msg, &agt_n, agt_blob(which)),
                 NACRE_OK);
    return agt_send();
}

int agt_remove_all(void)
{
    cr_assert_eq(
        nacre_agent_put_request(agt_msg, sizeof agt_msg, &agt_n, NACRE_AGENT_REMOVE_ALL_IDENTITIES),
        NACRE_OK);
    return agt_send();
}

int agt_lock(enum nacre_agent_type type, const char *passphrase)
{
    cr_assert_eq(
        nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, type, nacre_bytes_str(passphrase)),
        NACRE_OK);
    return agt_send();
}

int agt_bind(struct ncr_agentd_peer *peer, int host, const char *session, bool forwarded,
             int signer)
{
    struct nacre_privkey k;
    uint8_t sig[256];
    size_t n;

    agt_key(&k, signer);
    cr_assert_eq(nacre_privkey_sign(&k, nacre_bytes_str("ssh-ed25519"), nacre_bytes_str(session),
                                    sig, sizeof sig, &n, &agt_rng, agt_work),
                 NACRE_OK);
    cr_assert_eq(nacre_agent_put_bind(agt_msg, sizeof agt_msg, &agt_n, agt_blob(host),
                                      nacre_bytes_str(session), (struct nacre_bytes){sig, n},
                                      forwarded),
                 NACRE_OK);
    return agt_send_as(peer);
}

struct nacre_bytes agt_dests(uint8_t *list, size_t cap)
{
    uint8_t k1[256], k2[256];
    size_t n1 = 0, n2 = 0, n = 0;
    struct nacre_agent_dest d = {.from = {.host = {NULL, 0}}};

    cr_assert_eq(nacre_agent_keyspec_append(k1, sizeof k1, &n1, agt_blob(AGT_H1), false), NACRE_OK);
    cr_assert_eq(nacre_agent_keyspec_append(k2, sizeof k2, &n2, agt_blob(AGT_H2), false), NACRE_OK);
    d.to.host = nacre_bytes_str("h1");
    d.to.user = nacre_bytes_str("u*");
    d.to.keys = (struct nacre_bytes){k1, n1};
    cr_assert_eq(nacre_agent_dest_append(list, cap, &n, &d), NACRE_OK);
    d.from.host = d.to.host;
    d.from.keys = d.to.keys;
    d.to.host = nacre_bytes_str("h2");
    d.to.user = agt_none;
    d.to.keys = (struct nacre_bytes){k2, n2};
    cr_assert_eq(nacre_agent_dest_append(list, cap, &n, &d), NACRE_OK);
    return (struct nacre_bytes){list, n};
}

struct nacre_bytes agt_auth(const char *session, const char *user, struct nacre_bytes key, int host)
{
    static uint8_t out[2048];
    struct ncr_rd r = ncr_rd(key);
    struct ncr_wr w = ncr_wr(out, sizeof out);

    ncr_wr_cstring(&w, session);
    ncr_wr_u8(&w, 50);
    ncr_wr_cstring(&w, user);
    ncr_wr_cstring(&w, "ssh-connection");
    ncr_wr_cstring(&w, "publickey-hostbound-v00@openssh.com");
    ncr_wr_u8(&w, 1);
    ncr_wr_string(&w, ncr_rd_string(&r));
    ncr_wr_string(&w, key);
    ncr_wr_string(&w, agt_blob(host));
    cr_assert(!w.bad);
    return ncr_wr_done(&w);
}

int agt_sign_as(struct ncr_agentd_peer *peer, struct nacre_bytes key, struct nacre_bytes data)
{
    agt_put_sign(key, data, 0);
    return agt_send_as(peer);
}

struct agt_net net;

void net_setup(void)
{
    agt_setup();
    memset(&net, 0, sizeof net);
    cr_assert_eq(ncr_loop_init(&net.loop, NCR_LOOP_POLL), NACRE_OK);
    net.s.loop = &net.loop;
    net.s.agent.rng = &agt_rng;
    net.s.agent.work = agt_work;
    cr_assert_eq(ncr_agent_server_init(&net.s), NACRE_OK);
}

void net_teardown(void)
{
    ncr_agent_server_free(&net.s);
    ncr_loop_free(&net.loop);
    agt_teardown();
}

int net_client(void)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    cr_assert_eq(ncr_agent_server_add(&net.s, fds[1]), NACRE_OK);
    return fds[0];
}

void net_round(uint64_t ms)
{
    cr_assert_eq(ncr_loop_once(&net.loop, ncr_clock_ms() + ms), NACRE_OK);
}

void net_write(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        const ssize_t got = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        } else {
            cr_assert(got < 0 && errno == EAGAIN, "the server has hung up");
            net_round(10);
        }
    }
}

bool net_read(int fd)
{
    size_t n = 0, want = NACRE_AGENT_LEN;
    const uint64_t end = ncr_clock_ms() + 60000;

    while (n < want) {
        struct nacre_bytes msg;
        size_t used;
        const ssize_t got = recv(fd, agt_out + n, want - n, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return false;
        if (got < 0) {
            cr_assert(errno == EAGAIN);
            cr_assert_lt(ncr_clock_ms(), end, "no reply");
            net_round(100);
            continue;
        }
        n += (size_t)got;
        cr_assert_eq(nacre_agent_frame(&msg, &used, &want, (struct nacre_bytes){agt_out, n}),
                     NACRE_OK);
    }
    agt.reply.n = n;
    agt_read_reply();
    cr_assert_eq(agt.err, NACRE_OK);
    return true;
}

bool net_idle(int fd)
{
    uint8_t b;

    return recv(fd, &b, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

int net_ask(int fd)
{
    net_write(fd, agt_msg, agt_n);
    return net_read(fd) ? (int)agt.r.type : 0;
}

size_t net_list(int fd)
{
    agt_put_list();
    cr_assert_eq(net_ask(fd), NACRE_AGENT_IDENTITIES_ANSWER);
    return agt.r.n_keys;
}

int net_lock(int fd, enum nacre_agent_type type, const char *passphrase)
{
    cr_assert_eq(
        nacre_agent_put_lock(agt_msg, sizeof agt_msg, &agt_n, type, nacre_bytes_str(passphrase)),
        NACRE_OK);
    return net_ask(fd);
}

char net_script[64];

void net_askpass(const char *body)
{
    FILE *f;

    snprintf(net_script, sizeof net_script, "/tmp/nacre-askpass.%ld", (long)getpid());
    f = fopen(net_script, "w");
    cr_assert_not_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(net_script, 0700), 0);
    cr_assert_eq(setenv("SSH_ASKPASS", net_script, 1), 0);
    cr_assert_eq(setenv("SSH_ASKPASS_REQUIRE", "force", 1), 0);
}

void net_add_confirmed(int fd, int which)
{
    const struct nacre_agent_limits limits = {.confirm = true};

    agt_put_add(which, "c", &limits);
    cr_assert_eq(net_ask(fd), NACRE_AGENT_SUCCESS);
}

int net_listen(char path[64])
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(path, 64, "/tmp/nacre-agent-test.%ld", (long)getpid());
    unlink(path);
    memcpy(sun.sun_path, path, strlen(path));
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&sun, sizeof sun) == 0 && listen(fd, 8) == 0);
    cr_assert_eq(chmod(path, 0666), 0); /* what keeps others out here is not the file's mode */
    cr_assert_eq(ncr_agent_server_listen(&net.s, fd), NACRE_OK);
    return fd;
}

int net_connect(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(sun.sun_path, path, strlen(path));
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0);
    return fd;
}
