/* SPDX-License-Identifier: MIT */
#include "config/option_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "campaign/spec.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int text_lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* value * 10 + digit, or false. */
static bool push_digit(int64_t *value, int c)
{
    int64_t next;
    if (__builtin_mul_overflow(*value, 10, &next) ||
        __builtin_add_overflow(next, c - '0', &next)) {
        return false;
    }
    *value = next;
    return true;
}

/* Digits at *p, which moves behind them. */
static bool take_integer(const char **p, int64_t *num)
{
    int64_t value = 0;
    const char *c = *p;
    while (is_digit(*c)) {
        if (!push_digit(&value, *c)) {
            return false;
        }
        c++;
    }
    if (c == *p) {
        return false;
    }
    *p = c;
    *num = value;
    return true;
}

/* "12.5" with at most `places` places, times 10^places. */
static bool take_decimal(const char **p, int places, int64_t *num)
{
    int64_t value;
    const char *c = *p;
    if (!take_integer(&c, &value)) {
        return false;
    }
    bool has_point = *c == '.';
    if (has_point && !is_digit(*++c)) {
        return false;
    }
    for (; places > 0; places--) {
        bool more = has_point && is_digit(*c);
        if (!push_digit(&value, more ? *c : '0')) {
            return false;
        }
        c += more;
    }
    if (is_digit(*c)) {
        return false; /* finer than we can hold */
    }
    *p = c;
    *num = value;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
    int places; /* that may stand behind the point; already in the factor */
};

/* A decimal and one unit of a table (ends with NULL), the whole text. */
static bool with_unit(const char *text, const struct unit *units, int64_t *num)
{
    for (; units->name != NULL; units++) {
        const char *p = text;
        int64_t value;
        if (take_decimal(&p, units->places, &value) && strcmp(p, units->name) == 0) {
            return !__builtin_mul_overflow(value, units->factor, num);
        }
    }
    return false;
}

static int hex_value(char c)
{
    return is_digit(c) ? c - '0' : text_lower(c) - 'a' + 10;
}

static bool hex_u32(const char *digits, int64_t *num)
{
    int64_t value = 0;
    size_t len = strlen(digits);
    if (len < 1 || len > 8) {
        return false;
    }
    for (; isxdigit((unsigned char)*digits); digits++) {
        value = value * 16 + hex_value(*digits);
    }
    if (*digits != '\0') {
        return false;
    }
    *num = value;
    return true;
}

bool text_u32(const char *text, int64_t *num)
{
    int64_t value;
    if (strncmp(text, "0x", 2) == 0) {
        return hex_u32(text + 2, num);
    }
    if (!take_integer(&text, &value) || *text != '\0' || value > UINT32_MAX) {
        return false;
    }
    *num = value;
    return true;
}

static bool take_duration_unit(const char **p, int64_t *factor_us)
{
    static const struct unit units[] = {
        {"ms", MILLIS_US(1), 0}, {"s", SECONDS_US(1), 0}, {"m", MINUTES_US(1), 0},
        {"h", HOURS_US(1), 0},   {"d", DAYS_US(1), 0},    {NULL, 0, 0},
    };
    size_t len = 0;
    while (isalpha((unsigned char)(*p)[len])) {
        len++;
    }
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (strlen(u->name) == len && strncmp(*p, u->name, len) == 0) {
            *factor_us = u->factor;
            *p += len;
            return true;
        }
    }
    return false;
}

bool text_duration(const char *text, int64_t *us)
{
    int64_t sum = 0;
    do {
        int64_t value;
        int64_t factor;
        if (!take_integer(&text, &value) || !take_duration_unit(&text, &factor) ||
            __builtin_mul_overflow(value, factor, &value) ||
            __builtin_add_overflow(sum, value, &sum)) {
            return false;
        }
    } while (*text != '\0');
    *us = sum;
    return true;
}

bool text_share(const char *text, int64_t *ppm)
{
    static const struct unit units[] = {{"%", 1, 4}, {NULL, 0, 0}};
    return with_unit(text, units, ppm);
}

bool text_size(const char *text, int64_t *bytes)
{
    static const struct unit units[] = {
        {"", 1, 0},       {"B", 1, 0},        {"kB", 1000, 0},
        {"KiB", 1024, 0}, {"MB", 1000000, 0}, {"MiB", INT64_C(1048576), 0},
        {NULL, 0, 0},
    };
    return with_unit(text, units, bytes);
}

bool text_frequency(const char *text, int64_t *hz)
{
    static const struct unit units[] = {
        {"MHz", 1, 6}, {"kHz", 1, 3}, {"Hz", 1, 0}, {"", 1, 0}, {NULL, 0, 0},
    };
    return with_unit(text, units, hz);
}

bool text_data_rate(const char *text, int64_t *dr)
{
    int64_t value;
    if (strncmp(text, "DR", 2) != 0) {
        return false;
    }
    text += 2;
    bool padded = text[0] == '0' && text[1] != '\0';
    if (padded || !take_integer(&text, &value) || *text != '\0' || value > 15) {
        return false;
    }
    *dr = value;
    return true;
}

bool text_decibel(const char *text, int64_t *cdb)
{
    static const struct unit units[] = {{"dB", 1, 2}, {NULL, 0, 0}};
    bool negative = text[0] == '-';
    int64_t value;
    if (!with_unit(text + negative, units, &value)) {
        return false;
    }
    *cdb = negative ? -value : value;
    return true;
}

bool text_energy(const char *text, int64_t *mj)
{
    static const struct unit units[] = {{"J", 1, 3}, {"mJ", 1, 0}, {NULL, 0, 0}};
    return with_unit(text, units, mj);
}

/* `width` digits at text[at]. */
static bool field(const char *text, size_t at, size_t width, int *num)
{
    int value = 0;
    for (size_t i = at; i < at + width; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *num = value;
    return true;
}

bool text_time_of_day(const char *text, int64_t *minutes)
{
    int hour;
    int minute;
    if (strlen(text) != 5 || text[2] != ':' || !field(text, 0, 2, &hour) ||
        !field(text, 3, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *minutes = hour * 60 + minute;
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_from_civil(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = y / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + day_of_era - 719468;
}

static bool parse_date(const char *text, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    int month;
    int day;
    if (!field(text, 0, 4, &year) || text[4] != '-' || !field(text, 5, 2, &month) ||
        text[7] != '-' || !field(text, 8, 2, &day) || year < 1970 || month < 1 ||
        month > 12) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > lengths[month - 1] + (leap && month == 2)) {
        return false;
    }
    *days = days_from_civil(year, month, day);
    return true;
}

bool text_local_time(const char *text, int64_t *us)
{
    size_t len = strlen(text);
    int64_t days;
    int64_t minutes = 0;
    int second = 0;
    bool has_time = len == 16 || len == 19;
    if ((len != 10 && !has_time) || !parse_date(text, &days)) {
        return false;
    }
    if (has_time) {
        char clock[6] = {0};
        memcpy(clock, text + 11, 5);
        if (text[10] != 'T' || !text_time_of_day(clock, &minutes)) {
            return false;
        }
    }
    if (len == 19 && (text[16] != ':' || !field(text, 17, 2, &second) || second > 59)) {
        return false;
    }
    *us = DAYS_US(days) + MINUTES_US(minutes) + SECONDS_US(second);
    return true;
}

bool text_is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ' || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool text_is_dns_label(const char *text)
{
    size_t len = strlen(text);
    if (len < 1 || len > 63 || text[0] == '-' || text[len - 1] == '-') {
        return false;
    }
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

bool text_is_version(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (!isgraph((unsigned char)text[i])) {
            return false;
        }
    }
    return len >= 1 && len <= 63;
}

static size_t hex_run(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF");
}

bool text_is_hex(const char *text)
{
    size_t run = hex_run(text);
    return run % 2 == 0 && text[run] == '\0';
}

bool text_is_template(const char *text)
{
    static const char word[] = SPEC_VERSION_WORD;
    if (*text == '\0') {
        return false;
    }
    while (*text != '\0') {
        size_t run = hex_run(text);
        bool is_word = strncmp(text, word, sizeof(word) - 1) == 0;
        if (run % 2 != 0 || (run == 0 && !is_word)) {
            return false;
        }
        text += is_word ? sizeof(word) - 1 : run;
    }
    return true;
}

bool text_is_zone(const char *text)
{
    static const char zones[] = "/usr/share/zoneinfo/";
    char path[sizeof(zones) + 64];
    size_t len = strlen(text);
    if (strcmp(text, "UTC") == 0) {
        return true;
    }
    if (len < 1 || len > 63 || !isalpha((unsigned char)text[0]) ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789_+-/") != len) {
        return false;
    }
    snprintf(path, sizeof(path), "%s%s", zones, text);
    /* Without a zone data base there is nothing to compare with. */
    struct stat st;
    return (stat(path, &st) == 0 && S_ISREG(st.st_mode)) || access(zones, X_OK) != 0;
}

bool text_is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (colon == NULL || colon == text || !text_u32(colon + 1, &port)) {
        return false;
    }
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    bool plain = memchr(text, ':', (size_t)(colon - text)) == NULL;
    return port >= 1 && port <= 65535 && (bracketed || plain) &&
           strpbrk(text, " /@") == NULL;
}

bool text_is_url_rest(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!isgraph((unsigned char)*c) || *c == '@') {
            return false;
        }
    }
    return text[0] != '\0' && text[0] != '/' && text[0] != ':';
}

bool text_looks_numeric(const char *text)
{
    size_t len = strlen(text);
    size_t marks = 0;
    for (const char *c = text; *c != '\0'; c++) {
        bool mark = *c == '.' || *c == 'e' || *c == 'E';
        marks += mark;
        if (!mark && !is_digit(*c)) {
            return false;
        }
    }
    return len > 0 && marks <= 1 && is_digit(text[0]) && is_digit(text[len - 1]);
}
