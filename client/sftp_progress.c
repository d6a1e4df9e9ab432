/* SPDX-License-Identifier: ISC
 *
 * The progress meter of nacre-sftp: name, percent, bytes, rate, time left; on a terminal in the
 * foreground only, once a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/sftp_program.h"

#define METER_INTERVAL_MS 1000
#define METER_FIXED 36 /* columns of all but the name */
#define METER_NAME_MIN 8

/* "1234KB": at most four digits and a unit. */
static void meter_size(char out[16], double bytes, const char *end)
{
    static const char units[] = " KMGTPE";
    size_t u = 0;

    while (bytes >= 10000 && units[u + 1] != '\0') {
        bytes /= 1024;
        u++;
    }
    (void)snprintf(out, 16, "%4.0f%cB%s", bytes, units[u], end); /* fits: bytes < 10,000 */
}

static void meter_rate(char out[16], double rate)
{
    static const char units[] = " KMGT";
    size_t u = 0;

    while (rate >= 1000 && units[u + 1] != '\0') {
        rate /= 1024;
        u++;
    }
    if (rate >= 1000)
        rate = 999.9;                                                     /* faster than anything */
    (void)snprintf(out, 16, "%5.1f%cB/s", rate < 0 ? 0 : rate, units[u]); /* fits: rate < 1,000 */
}

static void meter_time(char out[24], int64_t s)
{
    if (s < 0)
        (void)snprintf(out, 24, "  --:--");
    else if (s >= 3600)
        (void)snprintf(out, 24, "%2" PRId64 ":%02d:%02d", s / 3600 % 100, (int)(s / 60 % 60),
                       (int)(s % 60));
    else
        (void)snprintf(out, 24, "  %02d:%02d", (int)(s / 60), (int)(s % 60));
}

void ncr_meter_line(char *out, size_t cap, const char *name, unsigned width, uint64_t done,
                    uint64_t total, double rate, int64_t seconds, bool eta)
{
    int room = width > METER_FIXED + METER_NAME_MIN ? (int)(width - METER_FIXED) : METER_NAME_MIN;
    int percent = total == 0 ? (eta ? 0 : 100) : (int)((double)done * 100.0 / (double)total);
    char size[16], speed[16], time[24];

    meter_size(size, (double)done, "");
    meter_rate(speed, rate);
    meter_time(time, seconds);
    (void)snprintf(out, cap, "%-*.*s %3d%% %s %s %s%s", room, room, name,
                   percent > 100 ? 100 : percent, size, speed, time, eta ? " ETA" : "    ");
}

static bool meter_foreground(void)
{
    return isatty(STDOUT_FILENO) && tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

void ncr_meter_start(struct ncr_meter *m, struct ncr_sftp_prog *p, const char *path)
{
    struct ncr_text t;

    memset(m, 0, sizeof *m);
    m->p = p;
    m->on = p->progress;
    (void)snprintf(m->name, sizeof m->name, "%s", ncr_text(&t, nacre_bytes_str(path)));
    m->start = m->last = ncr_clock_ms();
    m->first = m->last_done = UINT64_MAX;
}

static void meter_show(struct ncr_meter *m, uint64_t done, uint64_t total, uint64_t now, bool last)
{
    char line[1024];
    double gone = (double)(now - m->start) / 1000.0;
    double average = gone > 0 ? (double)(done - m->first) / gone : 0;
    double rate = last ? average : m->rate;
    int64_t left = -1;

    if (last)
        left = (int64_t)gone;
    else if (rate > 0 && total >= done)
        left = (int64_t)((double)(total - done) / rate);
    ncr_meter_line(line, sizeof line - 2, m->name, m->p->width, done, total, rate, left, !last);
    printf("\r%s%s", line, last ? "\n" : "");
    (void)fflush(stdout); /* a terminal that has gone shows in the next prompt */
    m->shown = true;
}

static void meter_smooth(struct ncr_meter *m, uint64_t done, uint64_t now)
{
    double since = (double)(now - m->last) / 1000.0;
    double current = (double)(done - m->last_done) / since;

    m->rate = m->rate == 0 ? current : m->rate * 0.9 + current * 0.1;
}

bool ncr_meter_update(void *ctx, uint64_t done, uint64_t total)
{
    struct ncr_meter *m = ctx;
    uint64_t now = ncr_clock_ms();

    if (m->first == UINT64_MAX)
        m->first = m->last_done = done;
    m->done = done;
    m->total = total;
    if (m->on && (!m->shown || now - m->last >= METER_INTERVAL_MS) && meter_foreground()) {
        if (now > m->last)
            meter_smooth(m, done, now);
        m->last = now;
        m->last_done = done;
        meter_show(m, done, total, now, false);
    }
    if (!m->p->interrupted)
        return true;
    m->p->interrupted = false;
    return false;
}

void ncr_meter_stop(struct ncr_meter *m)
{
    if (m->on && m->shown && meter_foreground())
        meter_show(m, m->done, m->total, ncr_clock_ms(), true);
}
