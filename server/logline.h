/* SPDX-License-Identifier: ISC
 *
 * Log lines of the daemon: one record an event, one write(2) a record, to a descriptor or to
 * syslog(3). Whatever a peer can put into a line is escaped here, for every line (escape.h), so
 * that a record cannot be forged and a terminal that shows the log is safe. Formats are literals.
 */
#ifndef NCR_LOGLINE_H
#define NCR_LOGLINE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#define NCR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define NCR_PRINTF(fmt, args)
#endif

/* Names and order of sshd_config(5)'s LogLevel. */
enum ncr_log_level {
    NCR_LOG_QUIET = 0,
    NCR_LOG_FATAL,
    NCR_LOG_ERROR,
    NCR_LOG_INFO,
    NCR_LOG_VERBOSE,
    NCR_LOG_DEBUG1,
    NCR_LOG_DEBUG2,
    NCR_LOG_DEBUG3
};

/* Longest record, before escaping. */
#define NCR_LOG_LINE_MAX 1024

struct ncr_log {
    enum ncr_log_level level;
    int fd; /* -1: syslog */
    /* Not NULL: takes the finished text instead, for a process that may not write itself. */
    void (*put)(void *ctx, enum ncr_log_level level, const char *text);
    void *ctx;
};

void ncr_log(const struct ncr_log *l, enum ncr_log_level level, const char *fmt, ...)
    NCR_PRINTF(3, 4);
/* One record of text that is not escaped yet. */
void ncr_log_text(const struct ncr_log *l, enum ncr_log_level level, const char *text);
/* False if name is no level. */
bool ncr_log_level_parse(enum ncr_log_level *level, const char *name);
/* False if name is no facility of syslog(3) that sshd_config(5) knows. */
bool ncr_log_facility_parse(int *facility, const char *name);

#endif
