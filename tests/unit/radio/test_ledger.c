/* SPDX-License-Identifier: MIT */
#include "ledger_fixture.h"

#include "base/prng.h"

static void init_derives_the_caps_and_refuses_nonsense(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct ledger_config config;
        int64_t limit_us; /* 0: refused */
        int64_t own_cap_us;
    } rows[] = {
        {"share", CONFIG(100000, 600000, 0, LEDGER_SLIDING_HOUR), SECONDS_US(360),
         SECONDS_US(216)},
        {"reserve", CONFIG(100000, 900000, 400000, LEDGER_SLIDING_HOUR), SECONDS_US(360),
         SECONDS_US(216)},
        {"no duty cycle", CONFIG(1000000, 1000000, 0, LEDGER_SLIDING_HOUR),
         SECONDS_US(3600), SECONDS_US(3600)},
        {"one in a million", CONFIG(1, 600000, 0, LEDGER_SLIDING_HOUR), 3600, 2160},
        {"all reserved", CONFIG(100000, 600000, 1000000, LEDGER_SLIDING_HOUR),
         SECONDS_US(360), 0},
        {"limit 0", CONFIG(0, 600000, 0, LEDGER_SLIDING_HOUR), 0, 0},
        {"limit above 1", CONFIG(1000001, 600000, 0, LEDGER_SLIDING_HOUR), 0, 0},
        {"share above 1", CONFIG(100000, 1000001, 0, LEDGER_SLIDING_HOUR), 0, 0},
        {"reserve above 1", CONFIG(100000, 600000, 1000001, LEDGER_SLIDING_HOUR), 0, 0},
        {"ceiling above the share",
         {.limit_ppm = 100000, .share_ppm = 600000, .ceiling_ppm = 700000},
         SECONDS_US(360),
         SECONDS_US(216)},
        {"ceiling below the share",
         {.limit_ppm = 100000, .share_ppm = 600000, .ceiling_ppm = 400000},
         SECONDS_US(360),
         SECONDS_US(144)},
        {"ceiling above 1", {.limit_ppm = 100000, .ceiling_ppm = 1000001}, 0, 0},
        {"late by a minute",
         {.limit_ppm = 100000, .share_ppm = 600000, .late_us = 60000000},
         SECONDS_US(360),
         SECONDS_US(216)},
        {"late by more", {.limit_ppm = 100000, .late_us = 60000001}, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ledger l = {.own_cap_us = 77};
        test_row(rows[i].name);
        int err = ledger_init(&l, &rows[i].config);
        assert_int_equal(err, rows[i].limit_us == 0 ? FUO_ERANGE : FUO_OK);
        assert_int_equal(ledger_own_cap_us(&l),
                         rows[i].limit_us == 0 ? 77 : rows[i].own_cap_us);
        assert_int_equal(l.limit_us, rows[i].limit_us);
    }
}

static void a_burst_up_to_the_cap_is_admitted_and_then_an_hour_passes(void **state)
{
    (void)state;
    struct ledger l = ledger_of(&ten_percent);
    for (int i = 0; i < 216; i++) {
        assert_int_equal(charge(&l, at_us(SECONDS_US(i)), SECONDS_US(1)), FUO_OK);
    }
    struct utc now = at_us(SECONDS_US(216));
    assert_int_equal(ledger_used_us(&l, LEDGER_OWN, now), SECONDS_US(216));
    assert_int_equal(charge(&l, now, 1), FUO_EDUTY);

    struct utc next = earliest(&l, now, SECONDS_US(1));
    assert_true(next.us >= T0 + HOURS_US(1));
    assert_true(next.us <= T0 + HOURS_US(1) + 2 * LEDGER_BUCKET_US);
    assert_int_equal(charge(&l, (struct utc){next.us - 1}, SECONDS_US(1)), FUO_EDUTY);
    assert_int_equal(charge(&l, next, SECONDS_US(1)), FUO_OK);
}

static void charges_out_of_range_change_nothing(void **state)
{
    (void)state;
    struct ledger l = ledger_of(&ten_percent);
    assert_int_equal(charge(&l, at_us(0), SECONDS_US(1)), FUO_OK);
    struct ledger before = l;
    static const struct {
        const char *name;
        int64_t start_us;
        int64_t airtime_us;
    } rows[] = {
        {"no airtime", T0, 0},
        {"negative airtime", T0, -1},
        {"longer than a bucket", T0, LEDGER_BUCKET_US + 1},
        {"before 1970", -1, 1},
        {"never", INT64_MAX, 1},
        {"too far behind", T0 - LEDGER_LATE_US - LEDGER_BUCKET_US, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(charge(&l, (struct utc){rows[i].start_us}, rows[i].airtime_us),
                         FUO_ERANGE);
        assert_memory_equal(&l, &before, sizeof(l));
    }
    ledger_record(&l, LEDGER_OTHERS, (struct utc){-5}, 10);
    ledger_record(&l, LEDGER_OTHERS, at_us(0), 0);
    ledger_record(&l, LEDGER_OTHERS, at_us(-HOURS_US(3)), SECONDS_US(1));
    ledger_refund(&l, at_us(HOURS_US(1)), SECONDS_US(1));
    ledger_refund(&l, at_us(0), -1);
    assert_memory_equal(&l, &before, sizeof(l));
}

static void a_refund_undoes_a_charge_exactly(void **state)
{
    (void)state;
    struct ledger l = ledger_of(&ten_percent);
    assert_int_equal(charge(&l, at_us(0), SECONDS_US(2)), FUO_OK);
    assert_int_equal(charge(&l, at_us(SECONDS_US(14)), SECONDS_US(3)), FUO_OK);
    ledger_refund(&l, at_us(SECONDS_US(14)), SECONDS_US(3));
    struct utc now = at_us(MINUTES_US(1));
    assert_int_equal(ledger_used_us(&l, LEDGER_OWN, now), SECONDS_US(2));
    ledger_refund(&l, at_us(0), SECONDS_US(9)); /* more than there is */
    assert_int_equal(ledger_used_us(&l, LEDGER_OWN, now), 0);
    assert_int_equal(l.sum_us[LEDGER_OWN], 0);
}

static void traffic_of_others_takes_from_the_limit_but_not_from_the_cap(void **state)
{
    (void)state;
    struct ledger l = ledger_of(&ten_percent);
    ledger_record(&l, LEDGER_OTHERS, at_us(0), SECONDS_US(144));
    struct utc now = at_us(MINUTES_US(3));
    assert_int_equal(ledger_used_us(&l, LEDGER_OTHERS, now), SECONDS_US(144));
    int admitted = 0;
    while (charge(&l, now, SECONDS_US(1)) == FUO_OK) {
        admitted++;
    }
    assert_int_equal(admitted, 216);
    l = ledger_of(&ten_percent);
    ledger_record(&l, LEDGER_OTHERS, at_us(0), SECONDS_US(145));
    for (admitted = 0; charge(&l, now, SECONDS_US(1)) == FUO_OK;) {
        admitted++;
    }
    assert_int_equal(admitted, 215);
}

static void a_frame_that_never_fits_is_never(void **state)
{
    (void)state;
    const struct ledger_config tiny = {.limit_ppm = 100, .share_ppm = 1000000};
    struct ledger l = ledger_of(&tiny); /* 360 ms an hour */
    assert_true(earliest(&l, at_us(0), 360001).us == UTC_NEVER.us);
    assert_true(earliest(&l, at_us(0), 360000).us == T0);
    assert_true(earliest(&l, at_us(0), 0).us == UTC_NEVER.us);
    assert_true(earliest(&l, UTC_NEVER, 1).us == UTC_NEVER.us);
    assert_true(earliest(&l, at_us(0), LEDGER_BUCKET_US + 1).us == UTC_NEVER.us);
    assert_true(earliest(&l, (struct utc){-5}, 1).us == 0);
}

static void a_late_charge_counts_in_windows_that_end_after_it(void **state)
{
    (void)state;
    struct ledger l = ledger_of(&all_of_ten_percent);
    struct utc late = at_us(MINUTES_US(50));
    /* 300 s in the first five minutes, 60 s from minute 65 on. */
    for (int i = 0; i < 300; i++) {
        assert_int_equal(charge(&l, at_us(SECONDS_US(i)), SECONDS_US(1)), FUO_OK);
    }
    for (int i = 0; i < 60; i++) {
        struct utc t = at_us(MINUTES_US(65) + SECONDS_US(i));
        assert_int_equal(charge(&l, t, SECONDS_US(1)), FUO_OK);
    }
    for (int i = 0; i < 60; i++) {
        assert_int_equal(charge(&l, late, SECONDS_US(1)), FUO_OK);
    }
    assert_int_equal(charge(&l, late, SECONDS_US(1)), FUO_EDUTY);
    struct utc next = earliest(&l, late, SECONDS_US(1));
    assert_true(next.us >= T0 + HOURS_US(1) &&
                next.us < T0 + HOURS_US(1) + SECONDS_US(35));
    assert_int_equal(charge(&l, next, SECONDS_US(1)), FUO_OK);
}

static void off_time_keeps_the_gateway_silent_after_each_frame(void **state)
{
    (void)state;
    const struct ledger_config config = {
        .limit_ppm = 100000, .share_ppm = 600000, .model = LEDGER_OFF_TIME};
    struct ledger l = ledger_of(&config);
    assert_int_equal(charge(&l, at_us(0), SECONDS_US(1)), FUO_OK);
    assert_int_equal(charge(&l, at_us(SECONDS_US(10) - 1), SECONDS_US(1)), FUO_EDUTY);
    assert_true(earliest(&l, at_us(5), 1).us == T0 + SECONDS_US(10));
    ledger_shift(&l, SECONDS_US(30));
    assert_true(earliest(&l, at_us(5), 1).us == T0 + SECONDS_US(40));

    assert_int_equal(entry_at(&l, at_us(SECONDS_US(30))).own_us, SECONDS_US(1));
    struct ledger recorded = ledger_of(&config);
    ledger_record(&recorded, LEDGER_OWN, at_us(SECONDS_US(30)), SECONDS_US(1));
    assert_true(earliest(&recorded, at_us(0), 1).us == T0 + SECONDS_US(40));
}

static void saved_entries_recorded_in_any_order_give_the_same_ledger(void **state)
{
    (void)state;
    struct prng prng = prng_seeded(21);
    struct ledger l = ledger_of(&ten_percent);
    for (int64_t t = 0; t < HOURS_US(2); t += SECONDS_US(40)) {
        (void)!charge(&l, at_us(t), (int64_t)prng_below(&prng, SECONDS_US(3)));
        ledger_record(&l, LEDGER_OTHERS, at_us(t + 7),
                      (int64_t)prng_below(&prng, 400000));
    }
    struct ledger_entry entries[LEDGER_BUCKETS];
    size_t count = ledger_save(&l, entries);
    assert_in_range(count, 100, LEDGER_BUCKETS);

    struct ledger restored = ledger_of(&ten_percent);
    for (size_t i = 0; i < count; i++) {
        const struct ledger_entry *entry = &entries[i * 7 % count];
        ledger_record(&restored, LEDGER_OWN, entry->start, entry->own_us);
        ledger_record(&restored, LEDGER_OTHERS, entry->start, entry->others_us);
    }
    ledger_record(&restored, LEDGER_OWN, (struct utc){-1}, 5);
    assert_int_equal(count % 7 == 0, 0);
    for (int64_t t = HOURS_US(1); t < HOURS_US(4); t += SECONDS_US(13)) {
        assert_int_equal(ledger_used_us(&l, LEDGER_OWN, at_us(t)),
                         ledger_used_us(&restored, LEDGER_OWN, at_us(t)));
        assert_int_equal(ledger_used_us(&l, LEDGER_OTHERS, at_us(t)),
                         ledger_used_us(&restored, LEDGER_OTHERS, at_us(t)));
        assert_true(earliest(&l, at_us(t), SECONDS_US(2)).us ==
                    earliest(&restored, at_us(t), SECONDS_US(2)).us);
    }
    assert_int_equal(ledger_used_us(&l, LEDGER_OWN, (struct utc){-1}), 0);
}

static void a_step_of_the_clock_moves_the_history_along(void **state)
{
    (void)state;
    static const int64_t steps_s[] = {0, 1, 15, 47, 7200, -1, -15, -47, -7200};
    for (size_t i = 0; i < ARRAY_LEN(steps_s); i++) {
        struct ledger l = ledger_of(&ten_percent);
        int64_t step_us = SECONDS_US(steps_s[i]);
        for (int k = 0; k < 216; k++) {
            (void)!charge(&l, at_us(SECONDS_US(k)), SECONDS_US(1));
        }
        ledger_shift(&l, step_us);
        struct utc now = at_us(SECONDS_US(216) + step_us);
        struct utc next = earliest(&l, now, SECONDS_US(1));
        assert_true(next.us >= T0 + HOURS_US(1) + step_us);
        assert_true(next.us <= T0 + HOURS_US(1) + step_us + 3 * LEDGER_BUCKET_US);
    }
    struct ledger l = ledger_of(&ten_percent);
    ledger_shift(&l, -DAYS_US(400));
    assert_int_equal(charge(&l, (struct utc){0}, 1), FUO_OK);
}

static void an_observed_bucket_saturates_instead_of_wrapping(void **state)
{
    (void)state;
    struct ledger l = ledger_of(&ten_percent);
    for (int64_t us = 0; us <= UINT32_MAX; us += LEDGER_BUCKET_US) {
        ledger_record(&l, LEDGER_OTHERS, at_us(0), LEDGER_BUCKET_US);
    }
    assert_true(ledger_used_us(&l, LEDGER_OTHERS, at_us(0)) == UINT32_MAX);
    assert_int_equal(charge(&l, at_us(0), 1), FUO_EDUTY);
    ledger_record(&l, LEDGER_OTHERS, at_us(0), DAYS_US(9)); /* counts as one hour */
    assert_true(ledger_used_us(&l, LEDGER_OTHERS, at_us(HOURS_US(1))) < HOURS_US(3));
}

static void the_ceiling_of_a_priority_holds_for_all_traffic_together(void **state)
{
    (void)state;
    /* Those of The Things Stack, from LOWEST to HIGHEST. */
    for (uint32_t ceiling_ppm = 400000; ceiling_ppm <= 1000000; ceiling_ppm += 100000) {
        const struct ledger_config config = {
            .limit_ppm = 100000, .share_ppm = 1000000, .ceiling_ppm = ceiling_ppm};
        const struct ledger_caps caps = {.ceiling_ppm = ceiling_ppm};
        struct ledger l = ledger_of(&config);
        struct ledger free = ledger_of(&all_of_ten_percent);
        /* Others fill the band to 1 s below the ceiling. */
        int64_t others_us = (int64_t)ceiling_ppm * 360 - SECONDS_US(1);
        ledger_record(&l, LEDGER_OTHERS, at_us(0), others_us);
        ledger_record(&free, LEDGER_OTHERS, at_us(0), others_us);
        struct utc now = at_us(MINUTES_US(8));
        assert_int_equal(charge(&l, now, SECONDS_US(1) + 1), FUO_EDUTY);
        assert_int_equal(charge(&l, now, SECONDS_US(1)), FUO_OK);
        assert_int_equal(ledger_charge_within(&free, now, SECONDS_US(1) + 1, &caps),
                         FUO_EDUTY);
        assert_int_equal(ledger_charge_within(&free, now, SECONDS_US(1), &caps), FUO_OK);
        assert_int_equal(ledger_charge_within(&free, now, 1, &caps), FUO_EDUTY);
        int more = ceiling_ppm == 1000000 ? FUO_EDUTY : FUO_OK;
        assert_int_equal(charge(&free, now, 1), more);
    }
}

static void a_campaign_has_a_share_of_its_own(void **state)
{
    (void)state;
    struct ledger l = ledger_of(&ten_percent);
    const struct ledger_caps caps = {.own_us = SECONDS_US(10)};
    const struct ledger_caps none = {0};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(
            ledger_charge_within(&l, at_us(SECONDS_US(i)), SECONDS_US(1), &caps), FUO_OK);
    }
    struct utc now = at_us(SECONDS_US(10));
    assert_int_equal(ledger_charge_within(&l, now, 1, &caps), FUO_EDUTY);
    struct utc next = ledger_earliest_within(&l, now, SECONDS_US(1), &caps);
    assert_true(next.us >= T0 + HOURS_US(1) &&
                next.us <= T0 + HOURS_US(1) + 2 * LEDGER_BUCKET_US);
    assert_int_equal(ledger_earliest_within(&l, now, 1, &none).us, now.us);
    assert_int_equal(ledger_earliest_within(&l, now, SECONDS_US(11), &caps).us,
                     UTC_NEVER.us);
    assert_int_equal(ledger_charge_within(&l, now, SECONDS_US(11), &none), FUO_OK);
}

static void a_correction_moves_a_charge_to_where_the_frame_went(void **state)
{
    (void)state;
    struct ledger a = ledger_of(&ten_percent);
    struct ledger b = ledger_of(&ten_percent);
    struct utc start = at_us(SECONDS_US(14));
    struct utc later = at_us(SECONDS_US(31));
    struct utc end = at_us(MINUTES_US(1));

    assert_int_equal(charge(&a, start, SECONDS_US(2)), FUO_OK);
    correct(&a, start, SECONDS_US(2), &a, later); /* at another time */
    assert_int_equal(entry_at(&a, at_us(0)).own_us, 0);
    assert_int_equal(entry_at(&a, at_us(SECONDS_US(15))).own_us, 0);
    assert_int_equal(entry_at(&a, later).own_us, SECONDS_US(2));

    correct(&a, later, SECONDS_US(2), &b, later); /* on another gateway */
    assert_int_equal(ledger_used_us(&a, LEDGER_OWN, end), 0);
    assert_int_equal(ledger_used_us(&b, LEDGER_OWN, end), SECONDS_US(2));

    correct(&b, later, SECONDS_US(2), NULL, later); /* not at all */
    assert_int_equal(ledger_used_us(&b, LEDGER_OWN, end), 0);

    /* A fact is booked though there is no room, and keeps others out. */
    for (int i = 0; i < 216; i++) {
        assert_int_equal(charge(&b, at_us(SECONDS_US(i)), SECONDS_US(1)), FUO_OK);
    }
    assert_int_equal(charge(&a, start, SECONDS_US(2)), FUO_OK);
    correct(&a, start, SECONDS_US(2), &b, start);
    assert_int_equal(ledger_used_us(&b, LEDGER_OWN, at_us(MINUTES_US(5))),
                     SECONDS_US(218));
}

static void a_frame_that_may_be_late_keeps_the_station_closed_for_longer(void **state)
{
    (void)state;
    const struct ledger_config config = {.limit_ppm = 100000,
                                         .share_ppm = 600000,
                                         .model = LEDGER_OFF_TIME,
                                         .late_us = 1000000};
    struct ledger l = ledger_of(&config);
    assert_int_equal(charge(&l, at_us(0), SECONDS_US(1)), FUO_OK);
    assert_int_equal(earliest(&l, at_us(0), 1).us, T0 + SECONDS_US(11));
    /* It went out later still: the end of the off time moves along. */
    correct(&l, at_us(0), SECONDS_US(1), &l, at_us(SECONDS_US(3)));
    assert_int_equal(earliest(&l, at_us(0), 1).us, T0 + SECONDS_US(13));
}

TEST_MAIN(cmocka_unit_test(init_derives_the_caps_and_refuses_nonsense),
          cmocka_unit_test(a_burst_up_to_the_cap_is_admitted_and_then_an_hour_passes),
          cmocka_unit_test(charges_out_of_range_change_nothing),
          cmocka_unit_test(a_refund_undoes_a_charge_exactly),
          cmocka_unit_test(traffic_of_others_takes_from_the_limit_but_not_from_the_cap),
          cmocka_unit_test(a_frame_that_never_fits_is_never),
          cmocka_unit_test(a_late_charge_counts_in_windows_that_end_after_it),
          cmocka_unit_test(off_time_keeps_the_gateway_silent_after_each_frame),
          cmocka_unit_test(saved_entries_recorded_in_any_order_give_the_same_ledger),
          cmocka_unit_test(a_step_of_the_clock_moves_the_history_along),
          cmocka_unit_test(an_observed_bucket_saturates_instead_of_wrapping),
          cmocka_unit_test(the_ceiling_of_a_priority_holds_for_all_traffic_together),
          cmocka_unit_test(a_campaign_has_a_share_of_its_own),
          cmocka_unit_test(a_correction_moves_a_charge_to_where_the_frame_went),
          cmocka_unit_test(a_frame_that_may_be_late_keeps_the_station_closed_for_longer))
