/* SPDX-License-Identifier: ISC
 *
 * Terminals: raw mode and its undoing, size, and the terminal modes of RFC 4254 section 8 both
 * ways.
 *
 * One terminal of a process may be raw; whatever ends the process through exit(3) restores it, and
 * programs take fatal signals through the event loop, so that these end in exit(3) too. Encoded
 * modes end at opcode 0; 160 and above end the reading; a cut or endless list is harmless.
 */
#ifndef NCR_POSIX_TTY_H
#define NCR_POSIX_TTY_H

#include <termios.h>

#include "proto/nacre.h"

#define NCR_TTY_MODES_MAX 512 /* of what ncr_tty_modes_encode() writes */

struct ncr_tty_size {
    uint32_t cols, rows, width_px, height_px;
};

/* Makes fd raw; false with errno if it is no terminal. Again after a restore is allowed. */
bool ncr_tty_raw(int fd);
/* Undoes it; nothing to do is no error. Registered with atexit(3) by ncr_tty_raw(). */
void ncr_tty_restore(void);

/* Zeros and false if fd is no terminal. */
bool ncr_tty_size(int fd, struct ncr_tty_size *size);
bool ncr_tty_set_size(int fd, const struct ncr_tty_size *size);

/* Writes the modes of t as pty-req wants them; returns the length. cap >= NCR_TTY_MODES_MAX. */
size_t ncr_tty_modes_encode(uint8_t *out, size_t cap, const struct termios *t);
/* Applies encoded modes to t: what the list does not name stays. False if the list is malformed;
 * what was understood before is applied all the same. */
bool ncr_tty_modes_decode(struct termios *t, struct nacre_bytes modes);

#endif
