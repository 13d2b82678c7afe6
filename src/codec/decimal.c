/* SPDX-License-Identifier: MIT */
#include "codec/decimal.h"

enum {
    DIGITS_MAX = 19,    /* of a 64-bit mantissa */
    DIGITS_OUT = 15,    /* what a double holds of any decimal */
    EXPONENT_MAX = 400, /* beyond all doubles */
    PLAIN_MAX = 15,     /* digits before the point that are written without exponent */
};

#define DOUBLE_MAX 1.7976931348623157e308L

struct scan {
    const char *p;
    const char *end;
    uint64_t mantissa;
    int digits; /* of the mantissa */
    int exponent;
    bool whole; /* neither fraction nor exponent */
    bool exact; /* no digit was left out */
};

static bool is_digit(const struct scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool take(struct scan *s, char c)
{
    bool there = s->p < s->end && *s->p == c;
    s->p += there;
    return there;
}

static void take_digit(struct scan *s, int scale)
{
    unsigned digit = (unsigned)(*s->p++ - '0');
    if (s->digits < DIGITS_MAX) {
        s->mantissa = s->mantissa * 10 + digit;
        s->digits += s->mantissa != 0;
        s->exponent += scale;
    } else {
        s->exact = s->exact && digit == 0;
        s->exponent += scale + 1;
    }
}

static bool take_exponent(struct scan *s)
{
    int value = 0;
    if (!take(s, 'e') && !take(s, 'E')) {
        return true;
    }
    bool minus = take(s, '-');
    if (!minus) {
        (void)take(s, '+');
    }
    if (!is_digit(s)) {
        return false;
    }
    while (is_digit(s)) {
        int digit = *s->p++ - '0';
        value = value < EXPONENT_MAX ? value * 10 + digit : EXPONENT_MAX;
    }
    s->exponent += minus ? -value : value;
    s->whole = false;
    return true;
}

/* No leading zeros; digits on both sides of a point. */
static bool take_number(struct scan *s)
{
    if (!is_digit(s)) {
        return false;
    }
    bool zero = *s->p == '0';
    take_digit(s, 0);
    while (!zero && is_digit(s)) {
        take_digit(s, 0);
    }
    if (take(s, '.')) {
        s->whole = false;
        if (!is_digit(s)) {
            return false;
        }
        while (is_digit(s)) {
            take_digit(s, -1);
        }
    }
    return take_exponent(s) && s->p == s->end;
}

static long double power(int exponent)
{
    long double value = 1;
    long double base = 10;
    for (int n = exponent < 0 ? -exponent : exponent; n > 0; n /= 2) {
        value *= n % 2 != 0 ? base : 1;
        base *= base;
    }
    return value;
}

static long double scaled(long double value, int exponent)
{
    if (exponent > EXPONENT_MAX) {
        exponent = EXPONENT_MAX;
    }
    if (exponent < -EXPONENT_MAX) {
        exponent = -EXPONENT_MAX;
    }
    return exponent < 0 ? value / power(exponent) : value * power(exponent);
}

int decimal_parse(const char *text, size_t len, struct decimal *number)
{
    if (len == 0) {
        return FUO_EPROTO; /* text may be NULL then */
    }
    struct scan s = {.p = text, .end = text + len, .whole = true, .exact = true};
    bool minus = take(&s, '-');
    if (!take_number(&s)) {
        return FUO_EPROTO;
    }
    long double value = scaled((long double)s.mantissa, s.exponent);
    if (value > DOUBLE_MAX) {
        return FUO_ERANGE;
    }
    uint64_t most = (uint64_t)INT64_MAX + minus;
    *number = (struct decimal){
        .is_integer = s.whole && s.exponent == 0 && s.mantissa <= most,
        .real = (double)(minus ? -value : value),
    };
    if (number->is_integer) {
        number->integer = (int64_t)(minus ? 0 - s.mantissa : s.mantissa);
    }
    return FUO_OK;
}

/* ---- writing ---- */

static size_t put_digits(uint64_t value, char *text)
{
    char reversed[DECIMAL_TEXT_SIZE];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < len; i++) {
        text[i] = reversed[len - 1 - i];
    }
    return len;
}

size_t decimal_format_int(int64_t value, char text[DECIMAL_TEXT_SIZE])
{
    size_t sign = value < 0;
    if (sign > 0) {
        text[0] = '-';
    }
    return sign +
           put_digits(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, text + sign);
}

/* value is digits times 10^exponent, without zeros at the end. */
static uint64_t digits_of(long double value, int *exponent)
{
    int e = 0;
    while (value >= 1e15L) {
        value /= 10;
        e++;
    }
    while (value < 1e14L) {
        value *= 10;
        e--;
    }
    uint64_t digits = (uint64_t)(value + 0.5L);
    while (digits % 10 == 0) {
        digits /= 10;
        e++;
    }
    *exponent = e;
    return digits;
}

/* "123", -1: "12.3"; "123", -5: "0.00123"; "123", 2: "12300" */
static size_t put_plain(const char *digits, size_t count, int exponent, char *text)
{
    size_t len = 0;
    int point = (int)count + exponent;
    for (int i = point < 1 ? point - 1 : 0; i < (int)count || i < point; i++) {
        if (i == point) {
            text[len++] = '.';
        }
        bool there = i >= 0 && i < (int)count;
        text[len] = '0';
        if (there) {
            text[len] = digits[i];
        }
        len++;
    }
    return len;
}

static size_t put_scientific(const char *digits, size_t count, int exponent, char *text)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        text[len++] = digits[i];
        if (i == 0 && count > 1) {
            text[len++] = '.';
        }
    }
    text[len++] = 'e';
    return len + decimal_format_int(exponent + (int)count - 1, text + len);
}

size_t decimal_format(double value, char text[DECIMAL_TEXT_SIZE])
{
    char digits[DECIMAL_TEXT_SIZE];
    int exponent = 0;
    size_t sign = value < 0;
    long double size = value < 0 ? -(long double)value : (long double)value;
    if (!(size <= DOUBLE_MAX)) {
        return 0; /* NaN, too */
    }
    text[0] = sign > 0 ? '-' : '0';
    if (size == 0) {
        text[0] = '0';
        return 1;
    }
    size_t count = put_digits(digits_of(size, &exponent), digits);
    int point = (int)count + exponent;
    bool plain = point > -5 && point <= PLAIN_MAX;
    return sign + (plain ? put_plain(digits, count, exponent, text + sign)
                         : put_scientific(digits, count, exponent, text + sign));
}
