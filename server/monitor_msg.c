/* SPDX-License-Identifier: ISC
 *
 * Messages between the processes of a connection: see monitor.h. Both ends are the same program, so a
 * header of fixed layout goes first, then the bytes of the fields; what it says is compared with the
 * limits before anything is read.
 */
#include "server/monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct mon_head {
    uint32_t type;
    uint32_t value[2];
    uint32_t len[NCR_MON_FIELDS];
};

union mon_control {
    struct cmsghdr align;
    char buf[CMSG_SPACE(2 * sizeof(int))];
};

static bool mon_write(int sock, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t put = send(sock, p, n, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static bool mon_read(int sock, uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = recv(sock, p, n, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        p += got;
        n -= (size_t)got;
    }
    return true;
}

/* The header, with the descriptors beside it. */
static bool mon_send_head(int sock, const struct mon_head *h, const int fds[2])
{
    struct iovec v = {(void *)(uintptr_t)h, sizeof *h};
    union mon_control control;
    struct msghdr m;
    ssize_t put;
    memset(&m, 0, sizeof m);
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    if (fds[0] >= 0) {
        memset(&control, 0, sizeof control);
        m.msg_control = control.buf;
        m.msg_controllen = sizeof control.buf;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(2 * sizeof(int));
        memcpy(CMSG_DATA(c), fds, 2 * sizeof(int));
    }
    do {
        put = sendmsg(sock, &m, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    return put > 0 && mon_write(sock, (const uint8_t *)h + put, sizeof *h - (size_t)put);
}

/* Descriptors are taken when wanted, else none can arrive: no room is given. */
static bool mon_recv_head(int sock, struct mon_head *h, int fds[2])
{
    struct iovec v = {h, sizeof *h};
    union mon_control control;
    struct msghdr m;
    ssize_t got;
    memset(&m, 0, sizeof m);
    memset(&control, 0, sizeof control);
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    if (fds != NULL) {
        m.msg_control = control.buf;
        m.msg_controllen = sizeof control.buf;
    }
    do {
        got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        return false;
    }
    struct cmsghdr *c = fds != NULL ? CMSG_FIRSTHDR(&m) : NULL;
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
        memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
    }
    return mon_read(sock, (uint8_t *)h + got, sizeof *h - (size_t)got);
}

bool ncr_mon_send(int sock, const struct ncr_mon_msg *msg)
{
    struct mon_head h = {.type = msg->type, .value = {msg->value[0], msg->value[1]}};
    size_t total = 0;
    for (int i = 0; i < NCR_MON_FIELDS; i++) {
        if (msg->field[i].n > NCR_MON_MAX - total) {
            return false;
        }
        total += msg->field[i].n;
        h.len[i] = (uint32_t)msg->field[i].n;
    }
    bool ok = mon_send_head(sock, &h, msg->fds);
    for (int i = 0; ok && i < NCR_MON_FIELDS; i++) {
        ok = mon_write(sock, msg->field[i].p, msg->field[i].n);
    }
    return ok;
}

static bool mon_recv(int sock, struct ncr_mon_msg *msg, uint8_t *buf, bool want_fds)
{
    struct mon_head h;
    size_t total = 0;
    memset(msg, 0, sizeof *msg);
    msg->fds[0] = msg->fds[1] = -1;
    if (!mon_recv_head(sock, &h, want_fds ? msg->fds : NULL)) {
        return false;
    }
    for (int i = 0; i < NCR_MON_FIELDS; i++) {
        if (h.len[i] > NCR_MON_MAX - total) {
            return false;
        }
        msg->field[i] = (struct nacre_bytes){buf + total, h.len[i]};
        total += h.len[i];
    }
    msg->type = h.type;
    msg->value[0] = h.value[0];
    msg->value[1] = h.value[1];
    return mon_read(sock, buf, total);
}

bool ncr_mon_recv(int sock, struct ncr_mon_msg *msg, uint8_t *buf)
{
    return mon_recv(sock, msg, buf, false);
}

bool ncr_mon_ask(int sock, const struct ncr_mon_msg *ask, struct ncr_mon_msg *reply, uint8_t *buf)
{
    return ncr_mon_send(sock, ask) && mon_recv(sock, reply, buf, true) &&
           (reply->type == NCR_MON_REPLY || reply->type == NCR_MON_NO);
}
