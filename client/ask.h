/* SPDX-License-Identifier: ISC
 *
 * Asking the person at the terminal: passwords without echo, yes or no with it. The terminal is
 * /dev/tty, whatever standard input is; or it is the program that SSH_ASKPASS names: if there is no
 * terminal but a display, or as SSH_ASKPASS_REQUIRE says ("force": always, "prefer": where there is
 * a display, "never").
 */
#ifndef NCR_ASK_H
#define NCR_ASK_H

#include <stdbool.h>
#include <stddef.h>

/* Shows the prompt and reads one line into answer, without its end; cap >= 2. False: nobody to ask,
 * or given up. A signal restores the terminal first and then does its work. */
bool ncr_ask(const char *prompt, bool echo, char *answer, size_t cap);
/* The same for a secret, by a program whose standard input may be something else than a terminal:
 * where there is a display that means that a program asks, else it is read if nobody can be asked.
 */
bool ncr_ask_piped(const char *prompt, char *answer, size_t cap);

/* The program to ask with; NULL: there is or may be none. first: rather than the terminal. */
const char *ncr_ask_program(bool *first);

#endif
