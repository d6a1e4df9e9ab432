/* SPDX-License-Identifier: ISC
 *
 * Terminals: modes of RFC 4254 section 8 both ways, raw mode and that every exit undoes it, sizes.
 */
#include "proto/posix/tty.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_terminal(int *master)
{
    int fd;

    *master = posix_openpt(O_RDWR | O_NOCTTY);
    if (*master < 0 || grantpt(*master) != 0 || unlockpt(*master) != 0)
        cr_skip("no pseudo-terminals here");
    fd = open(ptsname(*master), O_RDWR | O_NOCTTY);
    cr_assert_geq(fd, 0);
    return fd;
}

static struct nacre_bytes bytes(const uint8_t *p, size_t n)
{
    struct nacre_bytes b = {p, n};

    return b;
}

/* Written out by hand from the RFC's table: what it says, not what our encoder thinks. */
static const uint8_t some_modes[] = {
    1,   0, 0, 0,    3,    /* VINTR ^C */
    3,   0, 0, 0,    0x7f, /* VERASE DEL */
    5,   0, 0, 0,    255,  /* VEOF: none */
    36,  0, 0, 0,    0,    /* ICRNL off */
    42,  0, 0, 0,    1,    /* IUTF8 */
    53,  0, 0, 0,    1,    /* ECHO */
    70,  0, 0, 0,    0,    /* OPOST off */
    91,  0, 0, 0,    1,    /* CS8 */
    92,  0, 0, 0,    1,    /* PARENB */
    128, 0, 0, 0x96, 0,    /* TTY_OP_ISPEED 38,400 */
    129, 0, 0, 0x96, 0,    /* TTY_OP_OSPEED */
    0,
};

static void clear(struct termios *t)
{
    memset(t, 0, sizeof *t);
    t->c_iflag = ICRNL | IXON;
    t->c_oflag = OPOST;
}

Test(tty, decode_rfc4254)
{
    struct termios t;

    clear(&t);
    cr_assert(ncr_tty_modes_decode(&t, bytes(some_modes, sizeof some_modes)));
    cr_assert_eq(t.c_cc[VINTR], 3);
    cr_assert_eq(t.c_cc[VERASE], 0x7f);
    cr_assert_eq(t.c_cc[VEOF], (cc_t)_POSIX_VDISABLE);
    cr_assert_eq(t.c_iflag & (tcflag_t)ICRNL, 0);
    cr_assert_neq(t.c_iflag & (tcflag_t)IXON, 0, "what the list does not name stays");
    cr_assert_neq(t.c_lflag & (tcflag_t)ECHO, 0);
    cr_assert_eq(t.c_oflag & (tcflag_t)OPOST, 0);
    cr_assert_eq(t.c_cflag & (tcflag_t)CSIZE, CS8);
    cr_assert_neq(t.c_cflag & (tcflag_t)PARENB, 0);
    cr_assert_eq(cfgetispeed(&t), B38400);
    cr_assert_eq(cfgetospeed(&t), B38400);
}

/* A cut list gives what was whole; opcode 0 and 160 and above end it. */
Test(tty, decode_cut_and_ended)
{
    static const uint8_t ended[] = {0, 53, 0, 0, 0, 1};
    static const uint8_t stops[] = {160, 53, 0, 0, 0, 1};
    static const uint8_t unknown[] = {127, 9, 9, 9, 9, 53, 0, 0, 0, 1, 0};
    struct termios t;

    for (size_t n = 0; n <= sizeof some_modes; n++) {
        clear(&t);
        cr_assert_eq(ncr_tty_modes_decode(&t, bytes(some_modes, n)),
                     n % 5 == 0 || n == sizeof some_modes);
        cr_assert_eq(t.c_cc[VINTR], n >= 5 ? 3 : 0);
        cr_assert_eq((t.c_lflag & (tcflag_t)ECHO) != 0, n >= 30);
    }
    clear(&t);
    cr_assert(ncr_tty_modes_decode(&t, bytes(ended, sizeof ended)));
    cr_assert(ncr_tty_modes_decode(&t, bytes(stops, sizeof stops)));
    cr_assert_eq(t.c_lflag & (tcflag_t)ECHO, 0);
    cr_assert(ncr_tty_modes_decode(&t, bytes(unknown, sizeof unknown)));
    cr_assert_neq(t.c_lflag & (tcflag_t)ECHO, 0, "unknown opcodes are passed over");
}

Test(tty, encode_decode)
{
    uint8_t modes[NCR_TTY_MODES_MAX];
    struct termios t, u;
    int master;
    int fd = open_terminal(&master);
    size_t n;

    cr_assert_eq(tcgetattr(fd, &t), 0);
    t.c_cc[VINTR] = 7;
    t.c_cc[VQUIT] = (cc_t)_POSIX_VDISABLE;
    t.c_iflag |= IXANY;
    t.c_lflag &= (tcflag_t)~ECHOE;
    n = ncr_tty_modes_encode(modes, sizeof modes, &t);
    cr_assert_gt(n, 5 * 40);
    cr_assert_eq(n % 5, 1);
    cr_assert_eq(modes[n - 1], 0);
    cr_assert_eq(tcgetattr(fd, &u), 0);
    cr_assert(ncr_tty_modes_decode(&u, bytes(modes, n)));
    cr_assert_eq(u.c_cc[VINTR], 7);
    cr_assert_eq(u.c_cc[VQUIT], (cc_t)_POSIX_VDISABLE);
    cr_assert_eq(u.c_iflag, t.c_iflag);
    cr_assert_eq(u.c_lflag, t.c_lflag);
    cr_assert_eq(u.c_oflag, t.c_oflag);
    cr_assert_eq(u.c_cflag & (tcflag_t)CSIZE, t.c_cflag & (tcflag_t)CSIZE);
    cr_assert_eq(ncr_tty_modes_encode(modes, n - 1, &t), 0, "no room, no modes");
    close(fd);
    close(master);
}

Test(tty, raw_and_back)
{
    struct termios before, raw, after;
    int master;
    int fd = open_terminal(&master);

    cr_assert_eq(tcgetattr(fd, &before), 0);
    cr_assert(ncr_tty_raw(fd));
    cr_assert_eq(tcgetattr(fd, &raw), 0);
    cr_assert_eq(raw.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG | IEXTEN), 0);
    cr_assert_eq(raw.c_oflag & (tcflag_t)OPOST, 0);
    cr_assert(ncr_tty_raw(fd), "again is allowed");
    ncr_tty_restore();
    ncr_tty_restore();
    cr_assert_eq(tcgetattr(fd, &after), 0);
    cr_assert_eq(after.c_lflag, before.c_lflag);
    cr_assert_eq(after.c_oflag, before.c_oflag);
    cr_assert_eq(after.c_iflag, before.c_iflag);
    close(fd);
    close(master);
}

/* A program that just exits leaves the terminal as it was. */
Test(tty, exit_restores)
{
    struct termios before, after;
    int master, status;
    int fd = open_terminal(&master);
    pid_t pid;

    cr_assert_eq(tcgetattr(fd, &before), 0);
    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0)
        exit(ncr_tty_raw(fd) ? 0 : 1);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert_eq(tcgetattr(fd, &after), 0);
    cr_assert_eq(after.c_lflag, before.c_lflag);
    cr_assert_eq(after.c_oflag, before.c_oflag);
    close(fd);
    close(master);
}

Test(tty, size)
{
    struct ncr_tty_size size = {.cols = 132, .rows = 43, .width_px = 70000, .height_px = 600};
    struct ncr_tty_size got;
    int master;
    int fd = open_terminal(&master);
    int pipes[2];

    cr_assert(ncr_tty_set_size(master, &size));
    cr_assert(ncr_tty_size(fd, &got));
    cr_assert_eq(got.cols, 132);
    cr_assert_eq(got.rows, 43);
    cr_assert_eq(got.width_px, 65535, "larger than a terminal knows");
    cr_assert_eq(got.height_px, 600);
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_not(ncr_tty_size(pipes[0], &got));
    cr_assert_eq(got.cols, 0);
    cr_assert_not(ncr_tty_set_size(pipes[0], &size));
    cr_assert_not(ncr_tty_raw(pipes[0]));
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
    close(master);
}
