/* SPDX-License-Identifier: ISC
 *
 * nacre-keygen: validity of certificates, from -V and for people.
 *
 *     +TIME                from a minute ago for that long
 *     FROM:TO              each +TIME or -TIME from now, YYYYMMDD[HHMM[SS]] of local time or, with
 * Z or UTC behind it, of UTC, or 0xSECONDS of Unix time; FROM also "always", TO also "forever"
 *
 * A TIME is a sum as 1w2d, see proto/posix/duration.h. Other than with ssh-keygen days that no
 * month has are refused.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "client/keygen.h"
#include "proto/posix/duration.h"

#define TIMES_TEXT_MAX 64
#define TIMES_BACK                                                                                 \
    59 /* seconds that clocks of others may be behind, with the rounding to minutes */

/* +TIME or -TIME; false if told. */
static bool times_relative(uint64_t *t, const char *text, uint64_t now)
{
    uint32_t seconds;

    if (!ncr_duration(&seconds, text + 1)) {
        fprintf(stderr, "Invalid relative certificate time %s\n", text);
        return false;
    }
    if (*text == '-' && seconds > now) {
        fprintf(stderr, "Certificate time %s cannot be represented\n", text);
        return false;
    }
    *t = *text == '-' ? now - seconds : now + seconds;
    return true;
}

/* 0xSECONDS; false if told. */
static bool times_hex(uint64_t *t, const char *text)
{
    char *end;

    errno = 0;
    *t = strtoull(text, &end, 16);
    if (text[2] == '\0' || *end != '\0' || strspn(text + 2, "0123456789abcdefABCDEF") < 1)
        fputs("Invalid certificate time: not a number\n", stderr);
    else if (errno == ERANGE)
        fputs("Invalid certificate time: Numerical result out of range\n", stderr);
    else
        return true;
    return false;
}

/* Seconds from 1970-01-01 in UTC of a date from then on (the civil calendar's days before a year,
 * which starts in March here, so that its last day is the one that comes and goes). */
static int64_t times_utc(const struct tm *tm)
{
    int64_t month = (tm->tm_mon + 10) % 12;
    int64_t year = tm->tm_year + 1900 - (month >= 10);
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 +
                   tm->tm_mday - 1 - 719468;

    return ((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
}

/* n digits at text up to max. */
static bool times_digits(int *out, const char *text, size_t n, int max)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return *out <= max;
}

static bool times_date_exists(const struct tm *tm)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = tm->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return tm->tm_mon >= 0 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days[tm->tm_mon] + (leap && tm->tm_mon == 1 ? 1 : 0);
}

/* YYYYMMDD[HHMM[SS]][Z|UTC] */
static bool times_absolute(uint64_t *t, const char *text)
{
    struct tm tm;
    size_t n = strlen(text);
    int64_t seconds;
    bool utc = false;

    memset(&tm, 0, sizeof tm);
    if (n > 1 && strcasecmp(text + n - 1, "Z") == 0) {
        utc = true;
        n -= 1;
    } else if (n > 3 && strcasecmp(text + n - 3, "UTC") == 0) {
        utc = true;
        n -= 3;
    }
    if ((n != 8 && n != 12 && n != 14) || !times_digits(&tm.tm_year, text, 4, 9999) ||
        !times_digits(&tm.tm_mon, text + 4, 2, 12) || !times_digits(&tm.tm_mday, text + 6, 2, 31) ||
        (n >= 12 && (!times_digits(&tm.tm_hour, text + 8, 2, 23) ||
                     !times_digits(&tm.tm_min, text + 10, 2, 59))) ||
        (n == 14 && !times_digits(&tm.tm_sec, text + 12, 2, 60)))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    tm.tm_isdst = -1;
    if (!times_date_exists(&tm) || tm.tm_year < 70)
        return false;
    seconds = utc ? times_utc(&tm) : (int64_t)mktime(&tm);
    *t = (uint64_t)seconds;
    return seconds >= 0;
}

bool ncr_keygen_absolute_time(uint64_t *t, const char *text)
{
    return times_absolute(t, text);
}

/* One end of FROM:TO; always is the word for `when`. False if told. */
static bool times_end(uint64_t *t, const char *text, uint64_t now, const char *word, uint64_t when,
                      const char *what)
{
    if (*text == '+' || *text == '-')
        return times_relative(t, text, now);
    if (strncmp(text, "0x", 2) == 0)
        return times_hex(t, text);
    if (strcmp(text, word) == 0) {
        *t = when;
        return true;
    }
    if (times_absolute(t, text))
        return true;
    fprintf(stderr, "Invalid %s time \"%s\"\n", what, text);
    return false;
}

bool ncr_keygen_validity(uint64_t *from, uint64_t *to, const char *text)
{
    const uint64_t now = (uint64_t)time(NULL);
    const char *colon = strchr(text, ':');
    char first[TIMES_TEXT_MAX];
    uint32_t seconds;

    if (*text == '+' && colon == NULL) {
        if (!ncr_duration(&seconds, text + 1)) {
            fprintf(stderr, "Invalid relative certificate life %s\n", text);
            return false;
        }
        *from = (now - TIMES_BACK) / 60 * 60;
        *to = now + seconds;
        return true;
    }
    if (colon == NULL || colon == text || colon[1] == '\0' ||
        (size_t)(colon - text) >= sizeof first) {
        fprintf(stderr, "Invalid certificate life specification %s\n", text);
        return false;
    }
    memcpy(first, text, (size_t)(colon - text));
    first[colon - text] = '\0';
    if (!times_end(from, first, now, "always", 0, "from") ||
        !times_end(to, colon + 1, now, "forever", NACRE_CERT_FOREVER, "to"))
        return false;
    if (*from < *to)
        return true;
    fputs("Empty certificate validity interval\n", stderr);
    return false;
}

/* ---- For people ---- */

/* Local time; what the calendar does not reach in words. */
static void times_put(char out[TIMES_TEXT_MAX], uint64_t t)
{
    time_t seconds = (time_t)t;
    struct tm tm;

    if (seconds < 0 || (uint64_t)seconds != t || localtime_r(&seconds, &tm) == NULL ||
        strftime(out, TIMES_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        (void)snprintf(out, TIMES_TEXT_MAX, "second %" PRIu64, t); /* fits */
}

void ncr_keygen_validity_text(char out[NCR_KEYGEN_VALIDITY_MAX], uint64_t from, uint64_t to)
{
    char a[TIMES_TEXT_MAX];
    char b[TIMES_TEXT_MAX];

    times_put(a, from);
    times_put(b, to);
    if (from == 0 && to == NACRE_CERT_FOREVER)
        (void)snprintf(out, NCR_KEYGEN_VALIDITY_MAX, "forever"); /* all fit */
    else if (from == 0)
        (void)snprintf(out, NCR_KEYGEN_VALIDITY_MAX, "before %s", b);
    else if (to == NACRE_CERT_FOREVER)
        (void)snprintf(out, NCR_KEYGEN_VALIDITY_MAX, "after %s", a);
    else
        (void)snprintf(out, NCR_KEYGEN_VALIDITY_MAX, "from %s to %s", a, b);
}
