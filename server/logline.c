/* SPDX-License-Identifier: ISC
 *
 * Log lines: see logline.h.
 */
#include "server/logline.h"

#include "proto/posix/escape.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

static const struct {
    const char *name;
    enum ncr_log_level level;
} log_levels[] = {
    {"QUIET", NCR_LOG_QUIET},   {"FATAL", NCR_LOG_FATAL},     {"ERROR", NCR_LOG_ERROR},
    {"INFO", NCR_LOG_INFO},     {"VERBOSE", NCR_LOG_VERBOSE}, {"DEBUG", NCR_LOG_DEBUG1},
    {"DEBUG1", NCR_LOG_DEBUG1}, {"DEBUG2", NCR_LOG_DEBUG2},   {"DEBUG3", NCR_LOG_DEBUG3},
};

static const struct {
    const char *name;
    int facility;
} log_facilities[] = {
    {"DAEMON", LOG_DAEMON},     {"USER", LOG_USER},     {"AUTH", LOG_AUTH},
    {"AUTHPRIV", LOG_AUTHPRIV}, {"LOCAL0", LOG_LOCAL0}, {"LOCAL1", LOG_LOCAL1},
    {"LOCAL2", LOG_LOCAL2},     {"LOCAL3", LOG_LOCAL3}, {"LOCAL4", LOG_LOCAL4},
    {"LOCAL5", LOG_LOCAL5},     {"LOCAL6", LOG_LOCAL6}, {"LOCAL7", LOG_LOCAL7},
};

bool ncr_log_level_parse(enum ncr_log_level *level, const char *name)
{
    for (size_t i = 0; i < sizeof log_levels / sizeof *log_levels; i++) {
        if (strcasecmp(log_levels[i].name, name) == 0) {
            *level = log_levels[i].level;
            return true;
        }
    }
    return false;
}

bool ncr_log_facility_parse(int *facility, const char *name)
{
    for (size_t i = 0; i < sizeof log_facilities / sizeof *log_facilities; i++) {
        if (strcasecmp(log_facilities[i].name, name) == 0) {
            *facility = log_facilities[i].facility;
            return true;
        }
    }
    return false;
}

static int log_priority(enum ncr_log_level level)
{
    static const int of[] = {
        [NCR_LOG_QUIET] = LOG_CRIT,   [NCR_LOG_FATAL] = LOG_CRIT,   [NCR_LOG_ERROR] = LOG_ERR,
        [NCR_LOG_INFO] = LOG_INFO,    [NCR_LOG_VERBOSE] = LOG_INFO, [NCR_LOG_DEBUG1] = LOG_DEBUG,
        [NCR_LOG_DEBUG2] = LOG_DEBUG, [NCR_LOG_DEBUG3] = LOG_DEBUG};
    return of[level];
}

void ncr_log_text(const struct ncr_log *l, enum ncr_log_level level, const char *text)
{
    if (level == NCR_LOG_QUIET || level > l->level) {
        return;
    }
    if (l->put != NULL) {
        l->put(l->ctx, level, text);
        return;
    }
    char line[NCR_ESCAPE_ROOM(NCR_LOG_LINE_MAX) + 1];
    ncr_escape(line, sizeof line - 1, nacre_bytes_str(text), NCR_ESCAPE_LINE);
    if (l->fd < 0) {
        syslog(log_priority(level), "%s", line);
        return;
    }
    size_t n = strlen(line);
    line[n++] = '\n';
    ssize_t w = write(l->fd, line, n);
    (void)w; /* a log that cannot be written has nowhere to say so */
}

void ncr_log(const struct ncr_log *l, enum ncr_log_level level, const char *fmt, ...)
{
    if (level == NCR_LOG_QUIET || level > l->level) {
        return;
    }
    char text[NCR_LOG_LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0) {
        ncr_log_text(l, level, text);
    }
}
