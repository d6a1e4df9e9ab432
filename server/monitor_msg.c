/* SPDX-License-Identifier: ISC
 *
 * Messages between the processes of a connection: see monitor.h. Both ends are the same program, so
 * a header of fixed layout goes first, then the bytes of the fields, all in one record of the
 * socket; what the header says is compared with what arrived before any field is used.
 */
#include "server/monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct mon_head {
    uint32_t type;
    uint32_t value[2];
    uint32_t len[NCR_MON_FIELDS];
};

union mon_control {
    struct cmsghdr align;
    char buf[CMSG_SPACE(2 * sizeof(int))];
};

/* The descriptors beside a message. */
static void mon_put_fds(struct msghdr *m, union mon_control *control, const int fds[2])
{
    memset(control, 0, sizeof *control);
    m->msg_control = control->buf;
    m->msg_controllen = sizeof control->buf;
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(c), fds, 2 * sizeof(int));
}

static void mon_get_fds(struct msghdr *m, int fds[2])
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
        memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
    }
}

bool ncr_mon_send(int sock, const struct ncr_mon_msg *msg)
{
    struct mon_head h = {.type = msg->type, .value = {msg->value[0], msg->value[1]}};
    struct iovec v[1 + NCR_MON_FIELDS] = {{&h, sizeof h}};
    union mon_control control;
    struct msghdr m;
    size_t total = 0;
    ssize_t put;
    for (int i = 0; i < NCR_MON_FIELDS; i++) {
        if (msg->field[i].n > NCR_MON_MAX - total) {
            return false;
        }
        total += msg->field[i].n;
        h.len[i] = (uint32_t)msg->field[i].n;
        v[1 + i] = (struct iovec){(void *)(uintptr_t)msg->field[i].p, msg->field[i].n};
    }
    memset(&m, 0, sizeof m);
    m.msg_iov = v;
    m.msg_iovlen = 1 + NCR_MON_FIELDS;
    if (msg->fds[0] >= 0) {
        mon_put_fds(&m, &control, msg->fds);
    }
    do {
        put = sendmsg(sock, &m, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    return put == (ssize_t)(sizeof h + total);
}

/* Takes the fields out of what arrived; false if the lengths do not add up to it. */
static bool mon_fields(struct ncr_mon_msg *msg, const struct mon_head *h, uint8_t *buf, size_t n)
{
    for (int i = 0; i < NCR_MON_FIELDS; i++) {
        if (h->len[i] > n) {
            return false;
        }
        msg->field[i] = (struct nacre_bytes){buf, h->len[i]};
        buf += h->len[i];
        n -= h->len[i];
    }
    msg->type = h->type;
    msg->value[0] = h->value[0];
    msg->value[1] = h->value[1];
    return n == 0;
}

/* Descriptors are taken when wanted, else none can arrive: no room is given. */
static bool mon_recv(int sock, struct ncr_mon_msg *msg, uint8_t *buf, bool want_fds)
{
    struct mon_head h;
    struct iovec v[2] = {{&h, sizeof h}, {buf, NCR_MON_MAX}};
    union mon_control control;
    struct msghdr m;
    ssize_t got;
    memset(msg, 0, sizeof *msg);
    msg->fds[0] = msg->fds[1] = -1;
    memset(&m, 0, sizeof m);
    memset(&control, 0, sizeof control);
    m.msg_iov = v;
    m.msg_iovlen = 2;
    if (want_fds) {
        m.msg_control = control.buf;
        m.msg_controllen = sizeof control.buf;
    }
    do {
        got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < (ssize_t)sizeof h || (m.msg_flags & MSG_TRUNC) != 0) {
        return false;
    }
    if (want_fds) {
        mon_get_fds(&m, msg->fds);
    }
    return mon_fields(msg, &h, buf, (size_t)got - sizeof h);
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
