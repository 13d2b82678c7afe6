/* SPDX-License-Identifier: MIT */
/* Calendars at random, against the rules read anew, minute by minute. */
#include "test.h"

#include "base/prng.h"
#include "campaign/calendar.h"

enum {
    WORLD_WINDOWS = 16,
    WORLD_MINUTES = 3000,
};

struct world {
    struct calendar_span windows[WORLD_WINDOWS];
    struct calendar_request request;
};

static int64_t some_minutes_us(struct prng *prng, uint64_t below)
{
    return MINUTES_US((int64_t)prng_below(prng, below));
}

static void make_world(struct world *w, uint64_t seed)
{
    struct prng prng = prng_seeded(seed);
    int64_t t_us = 0;
    for (size_t i = 0; i < WORLD_WINDOWS; i++) {
        t_us += some_minutes_us(&prng, 60); /* some touch */
        w->windows[i].start.us = t_us;
        t_us += MINUTES_US(1) + some_minutes_us(&prng, 200);
        w->windows[i].end.us = t_us;
    }
    w->request = (struct calendar_request){
        .duration_us = MINUTES_US(1) + some_minutes_us(&prng, 2500),
        .idle_us = some_minutes_us(&prng, 3),
        .lead_us = some_minutes_us(&prng, 30),
        .shortest_us = some_minutes_us(&prng, 20),
        .not_before = {some_minutes_us(&prng, 300)},
        .deadline = UTC_NEVER,
        .windows = {prng_chance(&prng, 900000) ? w->windows : NULL, WORLD_WINDOWS}};
    if (prng_chance(&prng, 300000)) {
        w->request.deadline.us = some_minutes_us(&prng, WORLD_MINUTES);
    }
}

static bool is_open(const struct calendar_windows *windows, int64_t at_us)
{
    for (size_t i = 0; i < windows->count && windows->spans != NULL; i++) {
        if (at_us >= windows->spans[i].start.us && at_us < windows->spans[i].end.us) {
            return true;
        }
    }
    return windows->spans == NULL;
}

static bool is_open_through(const struct calendar_windows *windows, int64_t from_us,
                            int64_t to_us)
{
    for (int64_t t_us = from_us; t_us < to_us; t_us += MINUTES_US(1)) {
        if (!is_open(windows, t_us)) {
            return false;
        }
    }
    return true;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The first minute from `from` on at which a session of the shortest length may begin. */
static int64_t first_start_us(const struct calendar_request *r, int64_t from_us,
                              int64_t left_us)
{
    int64_t shortest_us = r->shortest_us > 0 ? r->shortest_us : 1;
    int64_t length_us =
        least(least(shortest_us, left_us) + r->idle_us, CALENDAR_SESSION_MAX_US);
    for (int64_t t_us = from_us; t_us < 4 * MINUTES_US(WORLD_MINUTES);
         t_us += MINUTES_US(1)) {
        if (is_open_through(&r->windows, t_us, t_us + length_us)) {
            return t_us;
        }
    }
    return INT64_MAX;
}

/* Returns what is left to be sent. */
static int64_t check_sessions(const struct calendar_request *r,
                              const struct calendar_course *course)
{
    int64_t left_us = r->duration_us;
    int64_t from_us = r->not_before.us;
    for (size_t i = 0; i < course->count; i++) {
        struct calendar_span s = course->sessions[i];
        int64_t length_us = s.end.us - s.start.us;
        if (s.start.us % MINUTES_US(1) == 0 && from_us % MINUTES_US(1) == 0) {
            assert_int_equal(s.start.us, first_start_us(r, from_us, left_us));
        }
        assert_true(s.start.us >= from_us);
        assert_in_range(length_us, 1, CALENDAR_SESSION_MAX_US);
        assert_true(is_open_through(&r->windows, s.start.us, s.end.us));
        assert_true(s.end.us <= r->deadline.us);
        left_us -= length_us - r->idle_us;
        assert_true(left_us >= 0);
        assert_true(left_us == 0 || length_us - r->idle_us >= r->shortest_us);
        /* As long as it may be. */
        assert_true(left_us == 0 || length_us == CALENDAR_SESSION_MAX_US ||
                    !is_open(&r->windows, s.end.us));
        from_us = s.end.us + r->lead_us;
    }
    return left_us;
}

static void courses_keep_to_the_rules(void **state)
{
    (void)state;
    size_t by_error[CALENDAR_SESSIONS + 1] = {0};
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct world w;
        struct calendar_course course;
        make_world(&w, seed);
        enum calendar_error error = calendar_course(&w.request, &course);
        by_error[error]++;
        int64_t left_us = check_sessions(&w.request, &course);
        assert_int_equal(error == CALENDAR_OK, left_us == 0);
    }
    assert_true(by_error[CALENDAR_OK] > 500);
    assert_true(by_error[CALENDAR_NO_WINDOW] > 50);
    assert_true(by_error[CALENDAR_DEADLINE] > 50);
}

TEST_MAIN(cmocka_unit_test(courses_keep_to_the_rules))
