/* SPDX-License-Identifier: ISC
 *
 * Asking the person at the terminal: passwords without echo, yes or no with it. The terminal is
 * /dev/tty, whatever standard input is; or the program that SSH_ASKPASS names, as
 * SSH_ASKPASS_REQUIRE (force, prefer, never) and DISPLAY say.
 */
#ifndef NCR_ASK_H
#define NCR_ASK_H

#include <stdbool.h>
#include <stddef.h>

/* Shows the prompt and reads one line into answer, without its end; cap >= 2. False: nobody to ask,
 * or given up. A signal restores the terminal first and then does its work. */
bool ncr_ask(const char *prompt, bool echo, char *answer, size_t cap);

#endif
