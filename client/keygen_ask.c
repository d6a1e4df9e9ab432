/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen: prompts in ssh-keygen's words, paths, and printing of text that a file holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "client/keygen.h"
#include "proto/posix/escape.h"
#include "proto/posix/file.h"

#define KEYGEN_TTY "/dev/tty"

void ncr_keygen_complain(const char *name, const char *what)
{
    (void)fflush(stdout); /* so that the order on a terminal is right; its errors show at the end */
    fprintf(stderr, "nacre-keygen: %s: %s\n", name, what);
}

const char *ncr_keygen_home(void)
{
    const struct passwd *pw = getpwuid(getuid());
    const char *home = pw != NULL ? pw->pw_dir : getenv("HOME");

    return home == NULL ? "" : home;
}

const char *ncr_keygen_user(void)
{
    const struct passwd *pw = getpwuid(getuid());
    const char *user = pw != NULL ? pw->pw_name : getenv("USER");

    return user == NULL ? "" : user;
}

bool ncr_keygen_path(char out[NCR_KEYGEN_PATH_MAX], const char *a, const char *b)
{
    int n = snprintf(out, NCR_KEYGEN_PATH_MAX, "%s%s", a, b);

    if (n >= 0 && n < NCR_KEYGEN_PATH_MAX)
        return true;
    ncr_keygen_complain("path", strerror(ENAMETOOLONG));
    return false;
}

/* One line of fd, byte by byte: what follows it stays for the next reader. False at the end of file
 * before any byte. A longer line is cut. */
static bool keygen_read_line(int fd, char *line, size_t cap)
{
    size_t n = 0;
    bool any = false;

    for (;;) {
        char c;
        ssize_t got = read(fd, &c, 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        any = true;
        if (c == '\n')
            break;
        if (n < cap - 1)
            line[n++] = c;
    }
    if (n > 0 && line[n - 1] == '\r')
        n--;
    line[n] = '\0';
    return any;
}

bool ncr_keygen_ask(char *line, size_t cap, const char *prompt)
{
    fputs(prompt, stdout);
    (void)fflush(stdout); /* a prompt that cannot be shown is answered unseen */
    return keygen_read_line(STDIN_FILENO, line, cap);
}

/* A prompt that cannot be shown is answered unseen. */
static void keygen_say(int fd, const char *text)
{
    if (!ncr_file_write_all(fd, (const uint8_t *)text, strlen(text)))
        errno = 0;
}

bool ncr_keygen_ask_secret(char *line, size_t cap, const char *prompt)
{
    int fd = open(KEYGEN_TTY, O_RDWR | O_CLOEXEC | O_NOCTTY);
    int in = fd >= 0 ? fd : STDIN_FILENO;
    struct termios old;
    struct termios quiet;
    bool hidden = tcgetattr(in, &old) == 0;
    bool good;

    if (hidden) {
        quiet = old;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        hidden = tcsetattr(in, TCSAFLUSH, &quiet) == 0;
    }
    (void)fflush(stdout); /* before the prompt, which goes another way */
    keygen_say(fd >= 0 ? fd : STDERR_FILENO, prompt);
    good = keygen_read_line(in, line, cap);
    if (hidden) {
        (void)tcsetattr(in, TCSAFLUSH, &old); /* nothing better can be done */
        keygen_say(in, "\n");
    }
    if (fd >= 0)
        (void)close(fd); /* a terminal */
    return good;
}

bool ncr_keygen_may_write(const char *path)
{
    struct stat st;
    char answer[16];

    if (stat(path, &st) != 0)
        return true;
    printf("%s already exists.\n", path);
    return ncr_keygen_ask(answer, sizeof answer, "Overwrite (y/n)? ") &&
           (answer[0] == 'y' || answer[0] == 'Y');
}

/* Asks twice; false if the answers differ. No answer is an empty one, as for ssh-keygen. */
static bool keygen_ask_twice(char pass[NCR_KEYGEN_PASS_MAX], const char *prompt, bool *answered)
{
    char again[NCR_KEYGEN_PASS_MAX] = "";
    bool same;

    pass[0] = '\0';
    *answered = ncr_keygen_ask_secret(pass, NCR_KEYGEN_PASS_MAX, prompt);
    (void)ncr_keygen_ask_secret(again, sizeof again, "Enter same passphrase again: ");
    same = strcmp(pass, again) == 0;
    nacre_wipe(again, sizeof again);
    return same;
}

bool ncr_keygen_new_passphrase(char pass[NCR_KEYGEN_PASS_MAX], const struct ncr_keygen *g,
                               const char *prompt, bool tries)
{
    bool answered;
    bool good;

    pass[0] = '\0';
    if (g->new_pass != NULL) {
        good = snprintf(pass, NCR_KEYGEN_PASS_MAX, "%s", g->new_pass) < NCR_KEYGEN_PASS_MAX;
        if (!good)
            fputs("The passphrase is too long.\n", stderr);
        return good;
    }
    good = keygen_ask_twice(pass, prompt, &answered);
    while (!good && tries) {
        puts("Passphrases do not match.  Try again.");
        good = keygen_ask_twice(pass, prompt, &answered);
        if (!answered)
            return false;
    }
    if (!good)
        puts("Pass phrases do not match.  Try again.");
    return good;
}

const char *ncr_keygen_default_file(const char *type)
{
    static const char *const files[][2] = {{"rsa", "/.ssh/id_rsa"},
                                           {"ssh-rsa", "/.ssh/id_rsa"},
                                           {"ecdsa", "/.ssh/id_ecdsa"},
                                           {"mldsa44-ed25519", "/.ssh/id_mldsa44_ed25519"},
                                           {"ssh-mldsa44-ed25519", "/.ssh/id_mldsa44_ed25519"}};

    for (size_t i = 0; type != NULL && i < sizeof files / sizeof files[0]; i++)
        if (strcasecmp(type, files[i][0]) == 0)
            return files[i][1];
    if (type != NULL && strncmp(type, "ecdsa-", 6) == 0)
        return "/.ssh/id_ecdsa";
    if (type != NULL && strncmp(type, "rsa-", 4) == 0)
        return "/.ssh/id_rsa";
    return "/.ssh/id_ed25519";
}

bool ncr_keygen_file(char out[NCR_KEYGEN_PATH_MAX], const struct ncr_keygen *g, const char *prompt)
{
    char preset[NCR_KEYGEN_PATH_MAX];
    char question[NCR_KEYGEN_PATH_MAX + 128];
    char answer[NCR_KEYGEN_PATH_MAX];

    if (g->file != NULL)
        return ncr_keygen_path(out, g->file, "");
    if (!ncr_keygen_path(preset, ncr_keygen_home(), ncr_keygen_default_file(g->type)))
        return false;
    (void)snprintf(question, sizeof question, "%s (%s): ", prompt, preset); /* fits */
    if (!ncr_keygen_ask(answer, sizeof answer, question))
        return false;
    return ncr_keygen_path(out, answer[0] == '\0' ? preset : answer, "");
}

void ncr_keygen_put(struct nacre_bytes text, bool always)
{
    size_t cap = NCR_ESCAPE_ROOM(text.n);
    char *safe;

    if (ncr_escape_clean(text) || (!always && isatty(STDOUT_FILENO) == 0)) {
        fwrite(text.p, 1, text.n, stdout);
        return;
    }
    safe = malloc(cap);
    if (safe == NULL) {
        ncr_keygen_complain("text", nacre_err_text(NACRE_ERR_NO_MEMORY));
        return;
    }
    (void)ncr_escape(safe, cap, text, NCR_ESCAPE_LINE); /* its length is not needed */
    fputs(safe, stdout);
    free(safe);
}
