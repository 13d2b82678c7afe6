/* SPDX-License-Identifier: MIT */
#include "io/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/timex.h>
#include <time.h>

#define MILLION INT64_C(1000000)

enum {
    DECIMALS_MAX = 6,
};

#define SCALE_MIN_PPM INT64_C(1000)
#define SCALE_MAX_PPM (100000 * MILLION)
#define EPOCH_MAX_US  (INT64_C(4102444800) * MILLION)

__extension__ typedef __int128 clock_wide;

static int64_t saturated(clock_wide value)
{
    if (value > INT64_MAX) {
        return INT64_MAX;
    }
    return value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

/* value * num / den, rounded down; den > 0. */
static clock_wide scaled(clock_wide value, int64_t num, int64_t den)
{
    clock_wide product = value * num;
    clock_wide quotient = product / den;
    if (product % den < 0) {
        quotient--;
    }
    return quotient;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Digits, perhaps a point and up to six decimals, as millionths; *text is moved behind
 * them. -1 if there are none, or too many for max.
 */
static int64_t parse_millionths(const char **text, int64_t max)
{
    const char *p = *text;
    int64_t value = 0;
    int decimals = -1; /* no point seen yet */
    if (!is_digit(*p)) {
        return -1;
    }
    for (; is_digit(*p) || (*p == '.' && decimals < 0); p++) {
        if (*p == '.') {
            decimals = 0;
            continue;
        }
        decimals += decimals >= 0;
        value = value * 10 + (*p - '0');
        if (decimals > DECIMALS_MAX || value > max) {
            return -1;
        }
    }
    if (decimals == 0) {
        return -1; /* "1." */
    }
    for (int i = decimals < 0 ? 0 : decimals; i < DECIMALS_MAX; i++) {
        value *= 10;
    }
    *text = p;
    return value > max ? -1 : value;
}

int clock_init(struct clock *clock, const char *time_scale)
{
    if (time_scale == NULL) {
        *clock = (struct clock){.scale_ppm = MILLION};
        return FUO_OK;
    }
    const char *p = time_scale;
    int64_t scale_ppm = parse_millionths(&p, SCALE_MAX_PPM);
    if (scale_ppm < SCALE_MIN_PPM || *p++ != '@') {
        return FUO_EPROTO;
    }
    int64_t epoch_us = parse_millionths(&p, EPOCH_MAX_US);
    if (epoch_us < 0 || *p != '\0') {
        return FUO_EPROTO;
    }
    *clock = (struct clock){.scale_ppm = scale_ppm, .epoch_us = epoch_us};
    return FUO_OK;
}

struct clock clock_by_hand(const struct clock_hands *hands)
{
    return (struct clock){.scale_ppm = MILLION, .hands = hands};
}

static int64_t read_clock_us(clockid_t id)
{
    struct timespec t = {0};
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * MILLION + t.tv_nsec / 1000;
}

struct utc clock_utc_at(const struct clock *clock, int64_t wall_us)
{
    clock_wide since_us = (clock_wide)wall_us - clock->epoch_us;
    clock_wide virtual_us = scaled(since_us, clock->scale_ppm, MILLION);
    return (struct utc){saturated(clock->epoch_us + virtual_us)};
}

struct utc clock_utc(const struct clock *clock)
{
    if (clock->hands != NULL) {
        return (struct utc){clock->hands->utc_us};
    }
    return clock_utc_at(clock, read_clock_us(CLOCK_REALTIME));
}

struct instant clock_mono(const struct clock *clock)
{
    if (clock->hands != NULL) {
        return (struct instant){clock->hands->mono_us};
    }
    return (struct instant){clock_virtual_us(clock, read_clock_us(CLOCK_BOOTTIME))};
}

int64_t clock_thread_cpu_us(void)
{
    return read_clock_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_wall_us(const struct clock *clock, int64_t virtual_us)
{
    if (virtual_us == INT64_MAX || virtual_us <= 0) {
        return virtual_us == INT64_MAX ? INT64_MAX : 0;
    }
    /* Rounding up is rounding the negative down. */
    return saturated(-scaled(-virtual_us, MILLION, clock->scale_ppm));
}

int64_t clock_virtual_us(const struct clock *clock, int64_t wall_us)
{
    return wall_us == INT64_MAX ? INT64_MAX
                                : saturated(scaled(wall_us, clock->scale_ppm, MILLION));
}

bool clock_is_synchronised(int64_t *error_us)
{
    struct timex timex = {0};
    int state = adjtimex(&timex);
    *error_us = state < 0 ? -1 : (int64_t)timex.maxerror;
    return state >= 0 && state != TIME_ERROR && (timex.status & STA_UNSYNC) == 0;
}
