/* SPDX-License-Identifier: ISC
 *
 * nacre-add: passphrases, and texts of errors as ssh-add has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/add.h"
#include "client/ask.h"
#include "proto/posix/file.h"

/* Byte by byte, so that what follows the line is left for the next question. */
static bool add_ask_stdin(const char *prompt, char *answer, size_t cap)
{
    size_t n = 0;
    bool any = false;
    char c = '\0';

    if (!ncr_file_write_all(STDERR_FILENO, (const uint8_t *)prompt, strlen(prompt)))
        errno = 0; /* a prompt that cannot be shown is answered unseen */
    while (c != '\n') {
        ssize_t got = read(STDIN_FILENO, &c, 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        any = true;
        if (c != '\n' && n < cap - 1)
            answer[n++] = c;
    }
    answer[n] = '\0';
    return any;
}

static bool add_have_askpass(void)
{
    const char *program = getenv("SSH_ASKPASS");
    const char *require = getenv("SSH_ASKPASS_REQUIRE");
    const bool force = require != NULL && strcmp(require, "force") == 0;
    const bool never = require != NULL && strcmp(require, "never") == 0;

    return program != NULL && program[0] != '\0' && !never &&
           (force || getenv("DISPLAY") != NULL || getenv("WAYLAND_DISPLAY") != NULL);
}

bool ncr_add_ask(const char *prompt, char *answer, size_t cap)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 && !add_have_askpass())
        return add_ask_stdin(prompt, answer, cap);
    if (fd >= 0)
        (void)close(fd); /* nothing was done with it */
    return ncr_ask(prompt, false, answer, cap);
}

const char *ncr_add_error(nacre_err err)
{
    switch (err) {
    case NACRE_ERR_KEY_REFUSED:
        return "agent refused operation";
    case NACRE_ERR_IO:
    case NACRE_ERR_PEER_CLOSED:
        return "communication with agent failed";
    case NACRE_ERR_FORMAT:
    case NACRE_ERR_ORDER:
        return "invalid format";
    default:
        return nacre_err_text(err);
    }
}
