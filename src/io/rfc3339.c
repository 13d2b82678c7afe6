/* SPDX-License-Identifier: MIT */
#include "io/rfc3339.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DAY_S INT64_C(86400)

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z in Unix seconds. */
#define FIRST_S INT64_C(-62167219200)
#define LAST_S  INT64_C(253402300799)

struct civil {
    int64_t year;
    int64_t month; /* 1 to 12 */
    int64_t day;   /* 1 to 31 */
};

/*
 * Years that begin in March put the leap day last: then the days before a month are
 * (153 m + 2) / 5, m = 0 for March, and 400 years are 146097 days. year >= 0.
 */
static int64_t days_from_civil(const struct civil *c)
{
    int64_t year = c->month > 2 ? c->year : c->year - 1;
    int64_t month = c->month > 2 ? c->month - 3 : c->month + 9;
    int64_t era = (year + 400) / 400 - 1; /* rounds down, -1 included */
    int64_t in_era = year - era * 400;
    int64_t day_of_year = (153 * month + 2) / 5 + c->day - 1;
    int64_t day_of_era = in_era * 365 + in_era / 4 - in_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468; /* 1970-01-01 is 719468 */
}

static struct civil civil_from_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z + 146097) / 146097 - 1;
    int64_t day = z - era * 146097;
    int64_t in_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (365 * in_era + in_era / 4 - in_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct civil c = {
        .year = in_era + era * 400,
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };
    c.year += c.month <= 2;
    return c;
}

static char *put_digits(char *p, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return p + width;
}

static char *put(char *p, int64_t value, int width, char then)
{
    p = put_digits(p, value, width);
    *p = then;
    return p + 1;
}

static char *put_seconds(char *p, int64_t unix_s, char then)
{
    int64_t days = unix_s / DAY_S;
    int64_t in_day = unix_s % DAY_S;
    if (in_day < 0) {
        in_day += DAY_S;
        days--;
    }
    struct civil c = civil_from_days(days);
    p = put(p, c.year, 4, '-');
    p = put(p, c.month, 2, '-');
    p = put(p, c.day, 2, 'T');
    p = put(p, in_day / 3600, 2, ':');
    p = put(p, in_day / 60 % 60, 2, ':');
    return put(p, in_day % 60, 2, then);
}

static int64_t floor_seconds(struct utc utc)
{
    int64_t s = utc.us / 1000000;
    return utc.us % 1000000 < 0 ? s - 1 : s;
}

const char *rfc3339_format(struct utc utc, char text[static RFC3339_SIZE])
{
    int64_t s = floor_seconds(utc);
    int64_t us = utc.us % 1000000 < 0 ? utc.us % 1000000 + 1000000 : utc.us % 1000000;
    if (s < FIRST_S || s > LAST_S) {
        us = s < FIRST_S ? 0 : 999999;
        s = s < FIRST_S ? FIRST_S : LAST_S;
    }
    char *p = put_seconds(text, s, '.');
    p = put(p, us, 6, 'Z');
    *p = '\0';
    return text;
}

const char *rfc3339_format_s(struct utc utc, char text[static RFC3339_SIZE])
{
    int64_t s = floor_seconds(utc);
    s = s < FIRST_S ? FIRST_S : s;
    char *p = put_seconds(text, s > LAST_S ? LAST_S : s, 'Z');
    *p = '\0';
    return text;
}

/* A cursor over text; the error is sticky. */
struct scan {
    const char *p;
    size_t left;
    bool bad;
};

static char scan_char(struct scan *s)
{
    if (s->left == 0) {
        s->bad = true;
        return '\0';
    }
    s->left--;
    return *s->p++;
}

static void scan_expect(struct scan *s, char c)
{
    s->bad = scan_char(s) != c || s->bad;
}

static int64_t scan_number(struct scan *s, int digits, int64_t min, int64_t max)
{
    int64_t value = 0;
    for (int i = 0; i < digits; i++) {
        char c = scan_char(s);
        if (c < '0' || c > '9') {
            s->bad = true;
            return min;
        }
        value = value * 10 + (c - '0');
    }
    s->bad = s->bad || value < min || value > max;
    return value;
}

/* ".123" as microseconds; nothing is 0. */
static int64_t scan_fraction(struct scan *s)
{
    if (s->left == 0 || *s->p != '.') {
        return 0;
    }
    scan_char(s);
    int64_t us = 0;
    int digits = 0;
    for (; s->left > 0 && *s->p >= '0' && *s->p <= '9'; digits++) {
        char c = scan_char(s);
        if (digits < 6) {
            us = us * 10 + (c - '0');
        }
    }
    s->bad = s->bad || digits == 0 || digits > 9;
    for (int i = digits; i < 6; i++) {
        us *= 10;
    }
    return us;
}

/* Seconds that local time is ahead of UTC. */
static int64_t scan_offset(struct scan *s)
{
    char sign = scan_char(s);
    if (sign == 'Z') {
        return 0;
    }
    int64_t hours = scan_number(s, 2, 0, 23);
    scan_expect(s, ':');
    int64_t minutes = scan_number(s, 2, 0, 59);
    int64_t offset = hours * 3600 + minutes * 60;
    s->bad = s->bad || (sign != '+' && sign != '-');
    return sign == '-' ? -offset : offset;
}

static bool date_exists(const struct civil *c)
{
    struct civil back = civil_from_days(days_from_civil(c));
    return back.year == c->year && back.month == c->month && back.day == c->day;
}

int rfc3339_parse(const char *text, size_t len, struct utc *utc)
{
    struct scan s = {.p = text, .left = len};
    struct civil date;
    date.year = scan_number(&s, 4, 0, 9999);
    scan_expect(&s, '-');
    date.month = scan_number(&s, 2, 1, 12);
    scan_expect(&s, '-');
    date.day = scan_number(&s, 2, 1, 31);
    scan_expect(&s, 'T');
    int64_t hour = scan_number(&s, 2, 0, 23);
    scan_expect(&s, ':');
    int64_t minute = scan_number(&s, 2, 0, 59);
    scan_expect(&s, ':');
    int64_t second = scan_number(&s, 2, 0, 60);
    int64_t us = scan_fraction(&s);
    int64_t offset = scan_offset(&s);
    if (s.bad || s.left > 0 || !date_exists(&date)) {
        return FUO_EPROTO;
    }
    int64_t unix_s = days_from_civil(&date) * DAY_S + hour * 3600 + minute * 60 + second;
    if (second == 60) {
        us = 0;
    }
    *utc = (struct utc){(unix_s - offset) * 1000000 + us};
    return FUO_OK;
}
