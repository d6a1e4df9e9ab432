/* SPDX-License-Identifier: ISC
 *
 * The escape character: see ssh_escape.h.
 */
#include "client/ssh_escape.h"

#include <string.h>

static const struct {
    char key;
    enum ncr_escape_action action;
    const char *text;
} tilde_keys[] = {
    {'.', NCR_ESCAPE_QUIT, "end the connection"},
    {'B', NCR_ESCAPE_BREAK, "send a break to the remote system"},
    {'R', NCR_ESCAPE_REKEY, "exchange keys anew"},
    {'#', NCR_ESCAPE_LIST, "list forwarded connections"},
    {'?', NCR_ESCAPE_HELP, "this message"},
    {'Z' & 0x1f, NCR_ESCAPE_SUSPEND, "suspend"},
};

#define TILDE_KEYS (sizeof tilde_keys / sizeof tilde_keys[0])

void ncr_escape_init(struct ncr_escape_keys *k, int escape)
{
    memset(k, 0, sizeof *k);
    k->escape = escape;
    k->at_start = true;
}

/* True if c after the escape character asked for something. */
static bool tilde_act(struct ncr_escape_keys *k, uint8_t c)
{
    for (size_t i = 0; i < TILDE_KEYS; i++) {
        if ((uint8_t)tilde_keys[i].key == c) {
            k->want[tilde_keys[i].action] = true;
            return true;
        }
    }
    return false;
}

/* Reads at i, writes at out <= i: a held-back character is first put in front of the rest. */
size_t ncr_escape_filter(struct ncr_escape_keys *k, uint8_t *p, size_t n)
{
    size_t i = 0;
    size_t out = 0;

    if (k->escape < 0)
        return n;
    if (k->pending && n > 0) {
        memmove(p + 1, p, n);
        p[0] = (uint8_t)k->escape;
        k->pending = false;
        k->at_start = true;
        n++;
    }
    while (i < n) {
        uint8_t c = p[i++];

        if (k->at_start && c == (uint8_t)k->escape) {
            if (i == n) {
                k->pending = true;
                break;
            }
            k->at_start = tilde_act(k, p[i]);
            if (k->at_start || p[i] == (uint8_t)k->escape) {
                /* taken, or doubled: one of the two goes */
                if (!k->at_start)
                    p[out++] = c;
                i++;
                continue;
            }
        } else {
            k->at_start = c == '\r' || c == '\n';
        }
        p[out++] = c;
    }
    return out;
}

void ncr_escape_help(const struct ncr_escape_keys *k, struct ncr_front *f)
{
    char e = (char)k->escape;

    ncr_front_say(f, NCR_LOG_INFO, "Supported escape sequences:");
    for (size_t i = 0; i < TILDE_KEYS; i++) {
        if (tilde_keys[i].key < ' ')
            ncr_front_say(f, NCR_LOG_INFO, " %c^%c  - %s", e, tilde_keys[i].key + '@',
                          tilde_keys[i].text);
        else
            ncr_front_say(f, NCR_LOG_INFO, " %c%c   - %s", e, tilde_keys[i].key,
                          tilde_keys[i].text);
    }
    ncr_front_say(f, NCR_LOG_INFO, " %c%c   - send the escape character", e, e);
}
