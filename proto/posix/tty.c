/* SPDX-License-Identifier: ISC
 *
 * Terminals: see tty.h. The opcodes are those of RFC 4254 section 8 and RFC 8160 (IUTF8).
 */
#include "proto/posix/tty.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proto/wire.h"

#define TTY_OP_END 0
#define TTY_OP_ISPEED 128
#define TTY_OP_OSPEED 129
#define TTY_OP_LIMIT 160 /* from here on arguments have no known length */
#define TTY_CC_NONE 255  /* on the wire: character not in use */

/* ---- Raw mode ---------------------------------------------------------------------------- */

/* One terminal of a process, because exit(3) must find it. */
static struct termios tty_saved;
static int tty_fd = -1;
static bool tty_registered;

bool ncr_tty_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t) != 0)
        return false;
    if (!tty_registered && atexit(ncr_tty_restore) != 0)
        return false;
    tty_registered = true;
    if (tty_fd < 0)
        tty_saved = t;
    t.c_iflag |= IGNPAR;
    t.c_iflag &= (tcflag_t) ~(ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXANY | IXOFF);
    t.c_lflag &= (tcflag_t) ~(ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHONL | IEXTEN);
    t.c_oflag &= (tcflag_t)~OPOST;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSADRAIN, &t) != 0)
        return false;
    tty_fd = fd;
    return true;
}

void ncr_tty_restore(void)
{
    int e = errno;

    if (tty_fd >= 0)
        (void)tcsetattr(tty_fd, TCSADRAIN, &tty_saved); /* the terminal may have gone: no matter */
    tty_fd = -1;
    errno = e;
}

/* ---- Size -------------------------------------------------------------------------------- */

bool ncr_tty_size(int fd, struct ncr_tty_size *size)
{
    struct winsize w;

    memset(size, 0, sizeof *size);
    if (ioctl(fd, TIOCGWINSZ, &w) != 0)
        return false;
    size->cols = w.ws_col;
    size->rows = w.ws_row;
    size->width_px = w.ws_xpixel;
    size->height_px = w.ws_ypixel;
    return true;
}

static unsigned short tty_u16(uint32_t v)
{
    return v > 0xffff ? 0xffff : (unsigned short)v;
}

bool ncr_tty_set_size(int fd, const struct ncr_tty_size *size)
{
    struct winsize w;

    memset(&w, 0, sizeof w);
    w.ws_col = tty_u16(size->cols);
    w.ws_row = tty_u16(size->rows);
    w.ws_xpixel = tty_u16(size->width_px);
    w.ws_ypixel = tty_u16(size->height_px);
    return ioctl(fd, TIOCSWINSZ, &w) == 0;
}

/* ---- Modes ------------------------------------------------------------------------------- */

enum tty_field { TTY_CC, TTY_IFLAG, TTY_LFLAG, TTY_OFLAG, TTY_CFLAG, TTY_SIZE };

/* clang-format off */
static const struct tty_mode {
    uint8_t op;
    uint8_t field; /* enum tty_field */
    tcflag_t value; /* CC: index; flags: bit; SIZE: CS7 or CS8 */
} tty_modes[] = {
    {1, TTY_CC, VINTR}, {2, TTY_CC, VQUIT}, {3, TTY_CC, VERASE}, {4, TTY_CC, VKILL},
    {5, TTY_CC, VEOF}, {6, TTY_CC, VEOL},
#ifdef VEOL2
    {7, TTY_CC, VEOL2},
#endif
    {8, TTY_CC, VSTART}, {9, TTY_CC, VSTOP}, {10, TTY_CC, VSUSP},
#ifdef VDSUSP
    {11, TTY_CC, VDSUSP},
#endif
#ifdef VREPRINT
    {12, TTY_CC, VREPRINT},
#endif
#ifdef VWERASE
    {13, TTY_CC, VWERASE},
#endif
#ifdef VLNEXT
    {14, TTY_CC, VLNEXT},
#endif
#ifdef VFLUSH
    {15, TTY_CC, VFLUSH},
#endif
#ifdef VSWTC
    {16, TTY_CC, VSWTC},
#endif
#ifdef VSTATUS
    {17, TTY_CC, VSTATUS},
#endif
#ifdef VDISCARD
    {18, TTY_CC, VDISCARD},
#endif
    {30, TTY_IFLAG, IGNPAR}, {31, TTY_IFLAG, PARMRK}, {32, TTY_IFLAG, INPCK},
    {33, TTY_IFLAG, ISTRIP}, {34, TTY_IFLAG, INLCR}, {35, TTY_IFLAG, IGNCR},
    {36, TTY_IFLAG, ICRNL},
#ifdef IUCLC
    {37, TTY_IFLAG, IUCLC},
#endif
    {38, TTY_IFLAG, IXON}, {39, TTY_IFLAG, IXANY}, {40, TTY_IFLAG, IXOFF},
#ifdef IMAXBEL
    {41, TTY_IFLAG, IMAXBEL},
#endif
#ifdef IUTF8
    {42, TTY_IFLAG, IUTF8},
#endif
    {50, TTY_LFLAG, ISIG}, {51, TTY_LFLAG, ICANON},
#ifdef XCASE
    {52, TTY_LFLAG, XCASE},
#endif
    {53, TTY_LFLAG, ECHO}, {54, TTY_LFLAG, ECHOE}, {55, TTY_LFLAG, ECHOK},
    {56, TTY_LFLAG, ECHONL}, {57, TTY_LFLAG, NOFLSH}, {58, TTY_LFLAG, TOSTOP},
    {59, TTY_LFLAG, IEXTEN},
#ifdef ECHOCTL
    {60, TTY_LFLAG, ECHOCTL},
#endif
#ifdef ECHOKE
    {61, TTY_LFLAG, ECHOKE},
#endif
#ifdef PENDIN
    {62, TTY_LFLAG, PENDIN},
#endif
    {70, TTY_OFLAG, OPOST},
#ifdef OLCUC
    {71, TTY_OFLAG, OLCUC},
#endif
    {72, TTY_OFLAG, ONLCR}, {73, TTY_OFLAG, OCRNL}, {74, TTY_OFLAG, ONOCR},
    {75, TTY_OFLAG, ONLRET},
    {90, TTY_SIZE, CS7}, {91, TTY_SIZE, CS8},
    {92, TTY_CFLAG, PARENB}, {93, TTY_CFLAG, PARODD},
};

/* Speeds as numbers of bauds. */
static const struct {
    speed_t code;
    uint32_t baud;
} tty_speeds[] = {
    {B0, 0}, {B50, 50}, {B75, 75}, {B110, 110}, {B134, 134}, {B150, 150}, {B200, 200},
    {B300, 300}, {B600, 600}, {B1200, 1200}, {B1800, 1800}, {B2400, 2400}, {B4800, 4800},
    {B9600, 9600}, {B19200, 19200}, {B38400, 38400},
#ifdef B57600
    {B57600, 57600},
#endif
#ifdef B115200
    {B115200, 115200},
#endif
#ifdef B230400
    {B230400, 230400},
#endif
};
/* clang-format on */

#define TTY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t tty_baud(speed_t code)
{
    for (size_t i = 0; i < TTY_COUNT(tty_speeds); i++) {
        if (tty_speeds[i].code == code)
            return tty_speeds[i].baud;
    }
    return 9600; /* RFC 4254 8 asks for some rate; pseudo-terminals have none */
}

/* The greatest speed that is known and not above. */
static speed_t tty_speed(uint32_t baud)
{
    speed_t best = B0;

    for (size_t i = 0; i < TTY_COUNT(tty_speeds); i++) {
        if (tty_speeds[i].baud <= baud)
            best = tty_speeds[i].code;
    }
    return best;
}

static tcflag_t *tty_flags(struct termios *t, uint8_t field)
{
    tcflag_t *const flags[] = {
        [TTY_CC] = NULL,           [TTY_IFLAG] = &t->c_iflag, [TTY_LFLAG] = &t->c_lflag,
        [TTY_OFLAG] = &t->c_oflag, [TTY_CFLAG] = &t->c_cflag, [TTY_SIZE] = &t->c_cflag,
    };

    return flags[field];
}

static uint32_t tty_get(const struct tty_mode *m, struct termios *t)
{
    cc_t c;

    if (m->field == TTY_SIZE)
        return (t->c_cflag & CSIZE) == m->value;
    if (m->field != TTY_CC)
        return (*tty_flags(t, m->field) & m->value) != 0;
    c = t->c_cc[m->value];
    return c == (cc_t)_POSIX_VDISABLE ? TTY_CC_NONE : c;
}

static void tty_put(const struct tty_mode *m, struct termios *t, uint32_t v)
{
    tcflag_t *flags = tty_flags(t, m->field);

    if (m->field == TTY_CC) {
        t->c_cc[m->value] = v == TTY_CC_NONE ? (cc_t)_POSIX_VDISABLE : (cc_t)(v & 0xff);
    } else if (m->field == TTY_SIZE) {
        if (v != 0)
            *flags = (*flags & (tcflag_t)~CSIZE) | m->value;
    } else if (v != 0) {
        *flags |= m->value;
    } else {
        *flags &= ~m->value;
    }
}

size_t ncr_tty_modes_encode(uint8_t *out, size_t cap, const struct termios *t)
{
    struct termios copy = *t;
    struct ncr_wr w = ncr_wr(out, cap);

    ncr_wr_u8(&w, TTY_OP_OSPEED);
    ncr_wr_u32(&w, tty_baud(cfgetospeed(t)));
    ncr_wr_u8(&w, TTY_OP_ISPEED);
    ncr_wr_u32(&w, tty_baud(cfgetispeed(t)));
    for (size_t i = 0; i < TTY_COUNT(tty_modes); i++) {
        ncr_wr_u8(&w, tty_modes[i].op);
        ncr_wr_u32(&w, tty_get(&tty_modes[i], &copy));
    }
    ncr_wr_u8(&w, TTY_OP_END);
    return ncr_wr_done(&w).n;
}

static void tty_apply(struct termios *t, uint8_t op, uint32_t v)
{
    /* A speed that the terminal refuses stays as it was. */
    if (op == TTY_OP_OSPEED)
        (void)cfsetospeed(t, tty_speed(v));
    if (op == TTY_OP_ISPEED)
        (void)cfsetispeed(t, tty_speed(v));
    for (size_t i = 0; i < TTY_COUNT(tty_modes); i++) {
        if (tty_modes[i].op == op)
            tty_put(&tty_modes[i], t, v);
    }
}

bool ncr_tty_modes_decode(struct termios *t, struct nacre_bytes modes)
{
    struct ncr_rd r = ncr_rd(modes);

    while (r.n > 0) {
        uint8_t op = ncr_rd_u8(&r);
        uint32_t v;

        if (op == TTY_OP_END || op >= TTY_OP_LIMIT)
            return true;
        v = ncr_rd_u32(&r);
        if (r.bad)
            return false;
        tty_apply(t, op, v);
    }
    return true; /* PuTTY and others leave the end mark out */
}
