/* SPDX-License-Identifier: MIT */
/* Campaigns that may send in windows only, on virtual time. */
#include <string.h>

#include "test.h"

#include "rig_config.h"

enum {
    WINDOWS = 1000,
    DEVICES = 12,
    SEEDS = 40,
};

struct world {
    struct rig rig;
    struct calendar_span windows[WINDOWS];
};

static struct calendar_span span_of(const struct rig *rig, int64_t from_us,
                                    int64_t length_us)
{
    struct utc start = utc_after(rig->net.config.start, from_us);
    return (struct calendar_span){start, utc_after(start, length_us)};
}

/* A campaign whose fragments take longer than one window. */
static void begin(struct world *w, uint32_t loss_ppm, int64_t every_us, int64_t length_us)
{
    struct rig_config config = config_of(DEVICES, loss_ppm, NETWORK_PACKAGES_V2);
    config.image_len = 51008;
    rig_init(&w->rig, &config);
    w->rig.spec.radio.spacing_us = SECONDS_US(10);
    for (int64_t i = 0; i < WINDOWS; i++) {
        w->windows[i] = span_of(&w->rig, i * every_us + MINUTES_US(40), length_us);
    }
    rig_apply(&w->rig);
    rig_windows(&w->rig, w->windows, WINDOWS);
}

/* The window that is open when the fifth fragment has been sent. */
static struct calendar_span *after_five(struct world *w)
{
    while (w->rig.multicast_count < 5) {
        rig_run_for(&w->rig, SECONDS_US(1));
    }
    size_t i = 0;
    while (w->windows[i].end.us < w->rig.now.us) {
        i++;
    }
    return &w->windows[i];
}

static void all_succeed(struct world *w, int64_t limit_us)
{
    bool over = rig_run(&w->rig, limit_us);
    if (!over || rig_updated(&w->rig) != DEVICES) {
        dump(&w->rig);
    }
    assert_string_equal(violation_of(&w->rig), "");
    assert_true(over);
    assert_int_equal(rig_updated(&w->rig), DEVICES);
    assert_null(w->rig.net.cs.groups);
}

static void a_transmission_goes_on_over_several_windows(void **state)
{
    (void)state;
    static const uint32_t losses_ppm[] = {0, 100000};
    for (size_t i = 0; i < ARRAY_LEN(losses_ppm); i++) {
        struct world w;
        begin(&w, losses_ppm[i], MINUTES_US(90), MINUTES_US(11));
        all_succeed(&w, DAYS_US(6));
        const struct transmission_rec *t = &w.rig.store.transmissions[1];
        assert_true(t->session_no >= 3);
        /* No window was wasted. */
        assert_true(losses_ppm[i] > 0 || t->session_no <= t->target_n / 60 + 1);
        assert_int_equal(w.rig.store.transmissions[2].id, 0); /* nobody was given up */
        rig_free(&w.rig);
    }
}

/* 214 fragments, and about 55 in a window: the fourth ends when nobody has been asked yet. */
static void what_is_left_of_the_coded_ones_goes_on_with_everybody(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 100000, MINUTES_US(90), SECONDS_US(610));
    w.rig.spec.fragmentation.redundancy_ppm = 300000;
    all_succeed(&w, DAYS_US(6));
    const struct transmission_rec *t = &w.rig.store.transmissions[1];
    assert_int_equal(t->frag_count, 214);
    assert_int_equal(t->session_no, 5);
    rig_free(&w.rig);
}

static void a_window_of_a_few_frames_is_better_than_none(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 50000, MINUTES_US(30), MINUTES_US(4));
    w.rig.spec.retry.session = 4;
    all_succeed(&w, DAYS_US(6));
    rig_free(&w.rig);
}

static void a_restart_keeps_to_the_windows(void **state)
{
    (void)state;
    for (int64_t minutes = 30; minutes < 300; minutes += 13) {
        struct world w;
        begin(&w, 100000, MINUTES_US(90), MINUTES_US(15));
        rig_run_for(&w.rig, MINUTES_US(minutes));
        rig_restart(&w.rig);
        all_succeed(&w, DAYS_US(6));
        rig_free(&w.rig);
    }
}

static void nothing_is_sent_while_there_is_no_window(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0, MINUTES_US(90), MINUTES_US(30));
    rig_windows(&w.rig, w.windows, 0); /* withdrawn */
    rig_run_for(&w.rig, HOURS_US(12));
    assert_int_equal(w.rig.multicast_count, 0);
    assert_int_equal(w.rig.store.transmissions[1].phase, TX_SETUP);
    assert_true(w.rig.alerts > 0);
    rig_restart(&w.rig);
    rig_run_for(&w.rig, HOURS_US(12));
    assert_int_equal(w.rig.multicast_count, 0);
    for (int64_t i = 0; i < WINDOWS; i++) {
        w.windows[i] = span_of(&w.rig, HOURS_US(26 + i * 2), MINUTES_US(20));
    }
    rig_windows(&w.rig, w.windows, WINDOWS);
    all_succeed(&w, DAYS_US(6));
    rig_free(&w.rig);
}

static void other_windows_move_a_session_that_is_dated(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0, MINUTES_US(90), MINUTES_US(30));
    while (w.rig.store.transmissions[1].phase != TX_LEAD) {
        rig_run_for(&w.rig, SECONDS_US(10));
    }
    for (int64_t i = 0; i < WINDOWS; i++) {
        w.windows[i] = span_of(&w.rig, HOURS_US(9 + i * 2), MINUTES_US(30));
    }
    rig_windows(&w.rig, w.windows, WINDOWS);
    rig_run_for(&w.rig, SECONDS_US(1));
    assert_int_equal(w.rig.store.transmissions[1].session_start.us,
                     w.windows[0].start.us);
    all_succeed(&w, DAYS_US(6));
    rig_free(&w.rig);
}

static void a_window_that_is_cut_short_ends_the_session_at_once(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0, MINUTES_US(90), MINUTES_US(30));
    struct calendar_span *window = after_five(&w);
    /* What the server has by now takes a while. */
    window->end = utc_after(w.rig.now, SECONDS_US(40));
    rig_windows(&w.rig, w.windows, WINDOWS);
    all_succeed(&w, DAYS_US(6));
    assert_true(w.rig.store.transmissions[1].session_no >= 2);
    rig_free(&w.rig);
}

static void a_gateway_that_comes_back_sends_nothing_outside(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0, MINUTES_US(90), MINUTES_US(15));
    struct calendar_span *window = after_five(&w);
    w.rig.net.radio.gateways[0].off = true;
    while (w.rig.now.us < window->end.us + MINUTES_US(5)) {
        rig_run_for(&w.rig, SECONDS_US(10));
    }
    w.rig.net.radio.gateways[0].off = false;
    all_succeed(&w, DAYS_US(8));
    rig_free(&w.rig);
}

/* They may stay there for ten minutes, as far as it was known. */
static void what_waits_at_the_server_is_dropped_with_the_window(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0, MINUTES_US(90), MINUTES_US(30));
    struct calendar_span *window = after_five(&w);
    w.rig.net.radio.gateways[0].off = true;
    rig_run_for(&w.rig, SECONDS_US(45));
    window->end = utc_after(w.rig.now, SECONDS_US(10));
    rig_windows(&w.rig, w.windows, WINDOWS);
    rig_run_for(&w.rig, MINUTES_US(2));
    w.rig.net.radio.gateways[0].off = false;
    all_succeed(&w, DAYS_US(8));
    rig_free(&w.rig);
}

static void a_course_longer_than_a_session_is_split(void **state)
{
    (void)state;
    struct world w;
    struct rig_config config = config_of(DEVICES, 50000, NETWORK_PACKAGES_V2);
    config.image_len = 51008;
    rig_init(&w.rig, &config);
    w.rig.spec.radio.spacing_us = SECONDS_US(200); /* of 230 fragments and more */
    rig_run_for(&w.rig, MINUTES_US(15));           /* all are heard, and nobody is late */
    rig_apply(&w.rig);
    all_succeed(&w, DAYS_US(6));
    const struct rig_window *first = &w.rig.check.windows[0];
    assert_int_equal(first->end.us - first->start.us, SECONDS_US(32768));
    assert_true(w.rig.store.transmissions[1].session_no >= 2);
    assert_int_equal(w.rig.store.transmissions[2].id, 0);
    rig_free(&w.rig);
}

static const struct rig_faults faults = {RIG_NETWORK_FAULTS};

static void begin_with_faults(struct world *w, uint64_t seed)
{
    struct rig_config config = config_of(4, 100000, NETWORK_PACKAGES_V2);
    config.net.seed = seed;
    config.net.gateway_count = 1 + seed % 2;
    config.image_len = 2000 + 1700 * (seed % 7);
    rig_init(&w->rig, &config);
    w->rig.spec.radio.spacing_us = SECONDS_US(10);
    int64_t every_us = MINUTES_US(45 + (int64_t)seed % 11);
    for (int64_t i = 0; i < WINDOWS; i++) {
        w->windows[i] = span_of(&w->rig, i * every_us, MINUTES_US(3 + (int64_t)seed % 9));
    }
    w->rig.faults = faults;
    rig_faults_start(&w->rig, seed);
    do {
        rig_apply(&w->rig);
        rig_windows(&w->rig, w->windows, WINDOWS);
        rig_run_for(&w->rig, SECONDS_US(1));
    } while (!w->rig.store.has_campaign);
}

static void whatever_goes_wrong_nothing_is_sent_outside(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world w;
        begin_with_faults(&w, seed);
        bool over = rig_run(&w.rig, DAYS_US(30));
        if (!over || w.rig.check.violation != NULL || rig_updated(&w.rig) != 4) {
            printf("# seed %llu: %s\n", (unsigned long long)seed, violation_of(&w.rig));
            dump(&w.rig);
        }
        assert_true(over);
        assert_string_equal(violation_of(&w.rig), "");
        assert_int_equal(rig_updated(&w.rig), 4);
        rig_free(&w.rig);
    }
}

TEST_MAIN(cmocka_unit_test(a_transmission_goes_on_over_several_windows),
          cmocka_unit_test(what_is_left_of_the_coded_ones_goes_on_with_everybody),
          cmocka_unit_test(a_window_of_a_few_frames_is_better_than_none),
          cmocka_unit_test(a_restart_keeps_to_the_windows),
          cmocka_unit_test(nothing_is_sent_while_there_is_no_window),
          cmocka_unit_test(other_windows_move_a_session_that_is_dated),
          cmocka_unit_test(a_window_that_is_cut_short_ends_the_session_at_once),
          cmocka_unit_test(a_gateway_that_comes_back_sends_nothing_outside),
          cmocka_unit_test(what_waits_at_the_server_is_dropped_with_the_window),
          cmocka_unit_test(whatever_goes_wrong_nothing_is_sent_outside),
          cmocka_unit_test(a_course_longer_than_a_session_is_split))
