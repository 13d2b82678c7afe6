/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <stdio.h>
#include <string.h>

#define DOWNLINK_ID_PREFIX "66756f74-6164-8000-"

enum {
    DAY_S = 86400,
};

/* ---- hex and UUID ---- */

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool parse_eui(const char *text, size_t len, uint64_t *eui)
{
    uint64_t value = 0;
    if (len != 16) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int n = nibble(text[i]);
        if (n < 0) {
            return false;
        }
        value = value << 4 | (uint64_t)n;
    }
    *eui = value;
    return true;
}

void format_hex(const uint8_t *bytes, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}

void format_eui(uint64_t eui, char text[static HEX_EUI_SIZE])
{
    uint8_t bytes[8];
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(eui >> (56 - 8 * i));
    }
    format_hex(bytes, sizeof(bytes), text);
}

bool is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strnlen(text, UUID_SIZE) != UUID_SIZE - 1) {
        return false;
    }
    for (size_t i = 0; i < UUID_SIZE - 1; i++) {
        if (shape[i] == '-' ? text[i] != '-' : nibble(text[i]) < 0) {
            return false;
        }
    }
    return true;
}

void format_downlink_id(uint64_t id, char text[static UUID_SIZE])
{
    char hex[HEX_EUI_SIZE];
    format_eui(id, hex);
    snprintf(text, UUID_SIZE, DOWNLINK_ID_PREFIX "%.4s-%s", hex, hex + 4);
}

bool parse_downlink_id(const char *text, size_t len, uint64_t *id)
{
    size_t prefix = strlen(DOWNLINK_ID_PREFIX);
    char hex[16];
    if (len != UUID_SIZE - 1 || memcmp(text, DOWNLINK_ID_PREFIX, prefix) != 0 ||
        text[prefix + 4] != '-') {
        return false;
    }
    memcpy(hex, text + prefix, 4);
    memcpy(hex + 4, text + prefix + 5, 12);
    return parse_eui(hex, sizeof(hex), id);
}

/* ---- base64 ---- */

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

static size_t without_padding(const char *text, size_t len)
{
    for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++) {
        len--;
    }
    return len;
}

bool parse_base64(const char *text, size_t text_len, uint8_t *bytes, size_t cap,
                  size_t *len)
{
    size_t n = without_padding(text, text_len);
    size_t out = n / 4 * 3 + n % 4 * 3 / 4;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t at = 0;
    if (n % 4 == 1 || (n != text_len && text_len % 4 != 0) || out > cap) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (sextet(text[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        bits = bits << 6 | (uint32_t)sextet(text[i]);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            bytes[at++] = (uint8_t)(bits >> bit_count);
        }
    }
    *len = at;
    return true;
}

void format_base64(const uint8_t *bytes, size_t len, char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16;
        v |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        v |= i + 2 < len ? bytes[i + 2] : 0;
        *text++ = alphabet[v >> 18];
        *text++ = alphabet[v >> 12 & 63];
        *text++ = alphabet[v >> 6 & 63];
        *text++ = alphabet[v & 63];
    }
    if (len % 3 != 0) {
        text[-1] = '=';
    }
    if (len % 3 == 1) {
        text[-2] = '=';
    }
    *text = '\0';
}

/* ---- time ---- */

/* Decimal number of exactly count digits; -1 if there is something else. */
static int64_t number(const char *text, size_t count)
{
    int64_t v = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        v = v * 10 + (text[i] - '0');
    }
    return v;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; year >= 1. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3; /* March is 0 */
    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* ".123456789" as microseconds; *len is how much text that was. */
static bool fraction(const char *text, size_t left, size_t *len, int64_t *us)
{
    int64_t weight = 100000;
    size_t n = 1;
    *us = 0;
    *len = 0;
    if (left == 0 || text[0] != '.') {
        return true;
    }
    for (; n < left && n <= 9 && text[n] >= '0' && text[n] <= '9'; n++) {
        *us += (text[n] - '0') * weight;
        weight /= 10;
    }
    *len = n;
    return n > 1;
}

/* "Z" or "+hh:mm", in seconds to subtract. */
static bool zone(const char *text, size_t left, int64_t *offset_s)
{
    if (left == 1 && (text[0] == 'Z' || text[0] == 'z')) {
        *offset_s = 0;
        return true;
    }
    if (left != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
        return false;
    }
    int64_t hours = number(text + 1, 2);
    int64_t minutes = number(text + 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
        return false;
    }
    *offset_s = (hours * 3600 + minutes * 60) * (text[0] == '-' ? -1 : 1);
    return true;
}

static bool date_and_time(const char *t, int64_t *seconds)
{
    int64_t year = number(t, 4);
    int64_t month = number(t + 5, 2);
    int64_t day = number(t + 8, 2);
    int64_t h = number(t + 11, 2);
    int64_t m = number(t + 14, 2);
    int64_t s = number(t + 17, 2);
    if (t[4] != '-' || t[7] != '-' || (t[10] != 'T' && t[10] != 't' && t[10] != ' ') ||
        t[13] != ':' || t[16] != ':' || year < 1970 || year > 2199 || month < 1 ||
        month > 12 || day < 1 || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60 ||
        day > days_in_month(year, month)) {
        return false;
    }
    *seconds = days_from_civil(year, month, day) * DAY_S + h * 3600 + m * 60 + s;
    return true;
}

bool parse_time(const char *text, size_t len, int64_t *us)
{
    int64_t seconds;
    int64_t part_us;
    int64_t offset_s;
    size_t part_len;
    if (len < 20 || !date_and_time(text, &seconds) ||
        !fraction(text + 19, len - 19, &part_len, &part_us) ||
        !zone(text + 19 + part_len, len - 19 - part_len, &offset_s)) {
        return false;
    }
    *us = (seconds - offset_s) * 1000000 + part_us;
    return true;
}

void format_time(int64_t us, char text[static TIME_SIZE])
{
    int64_t seconds = us > 0 ? us / 1000000 : 0;
    int64_t day = seconds / DAY_S;
    int64_t in_day = seconds % DAY_S;
    int64_t year = 1970 + day / 366;
    int64_t month = 12;
    while (days_from_civil(year + 1, 1, 1) <= day) {
        year++;
    }
    while (days_from_civil(year, month, 1) > day) {
        month--;
    }
    snprintf(text, TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
             (unsigned)year % 10000, (unsigned)month % 100,
             (unsigned)(day - days_from_civil(year, month, 1) + 1) % 100,
             (unsigned)(in_day / 3600) % 100, (unsigned)(in_day / 60 % 60),
             (unsigned)(in_day % 60), (unsigned)(us > 0 ? us % 1000000 : 0));
}

bool parse_duration(const char *text, size_t len, int64_t *us)
{
    int64_t seconds = 0;
    int64_t part_us;
    size_t part_len;
    size_t n = 0;
    while (n < len && n < 13 && text[n] >= '0' && text[n] <= '9') {
        seconds = seconds * 10 + (text[n] - '0');
        n++;
    }
    if (n == 0 || seconds >= INT64_C(1) << 40 ||
        !fraction(text + n, len - n, &part_len, &part_us) || n + part_len + 1 != len ||
        text[len - 1] != 's') {
        return false;
    }
    *us = seconds * 1000000 + part_us;
    return true;
}
