/* SPDX-License-Identifier: MIT */
/* Figures of others that ours have to reproduce: reference performance.md 1.1, 1.2, 1.4. */
#include "test.h"

#include "fuota-bench/fuotasim.h"
#include "radio/airtime.h"
#include "radio/energy.h"

/* Within ppm of it. */
static void assert_near(int64_t got, int64_t want, int64_t ppm)
{
    int64_t span = want * ppm / 1000000;
    assert_in_range(got, want - span, want + span);
}

static void fuotasim_sessions_last_what_its_table_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fuotasim_input input;
        uint32_t m;
        int32_t airtime_ms;
        int32_t session_h100; /* hundredths of an hour */
        int32_t update_s;     /* mean of its runs, with their losses */
        int32_t energy_dj;    /* tenths of a joule */
    } rows[] = {
        {"DR0 5 kB", {NULL, 0, 51, 5000, 10}, 103, 2630, 83, 2764, 1327},
        {"DR0 20 kB", {NULL, 0, 51, 20000, 10}, 409, 2630, 328, 10811, 5189},
        {"DR0 100 kB", {NULL, 0, 51, 100000, 10}, 2041, 2630, 1640, 53727, 25789},
        {"DR0 100 kB 30 %", {NULL, 0, 51, 100000, 30}, 2041, 2630, 1938, 53727, 25789},
        {"DR2 100 kB", {NULL, 2, 51, 100000, 10}, 2041, 657, 410, 13434, 6448},
        {"DR3 100 kB", {NULL, 3, 115, 100000, 10}, 885, 656, 177, 5826, 2797},
        {"DR5 5 kB", {NULL, 5, 242, 5000, 10}, 21, 389, 2, 90, 43},
        {"DR5 20 kB", {NULL, 5, 242, 20000, 10}, 84, 389, 10, 337, 162},
        {"DR5 100 kB", {NULL, 5, 242, 100000, 10}, 417, 389, 50, 1640, 787},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuotasim_input input = rows[i].input;
        struct fuotasim_session s;
        test_row(rows[i].name);
        input.region = region_get(REGION_EU868);
        assert_int_equal(fuotasim_session(&input, &s), FUO_OK);
        assert_int_equal(s.m, rows[i].m);
        assert_int_equal((s.airtime_us + 500) / 1000, rows[i].airtime_ms);
        assert_int_equal((s.session_us + 18000000) / 36000000, rows[i].session_h100);
        int64_t all_us = (int64_t)(s.m + s.redundancy) * s.airtime_us;
        assert_int_equal(s.session_us, 10 * all_us - 9 * s.airtime_us);
        assert_int_equal(s.gateway_us, all_us);
        /* Its 100 nodes lose a few frames, and 3 are many of 21. */
        assert_near(s.update_us, INT64_C(1000000) * rows[i].update_s, 10000);
        assert_near(s.energy_uj, INT64_C(100000) * rows[i].energy_dj, 12000);
    }
}

static void fuotasim_completes_nobody_without_three_more_than_m(void **state)
{
    (void)state;
    struct fuotasim_input input = {region_get(REGION_EU868), 5, 242, 4800, 10};
    struct fuotasim_session s;
    assert_int_equal(fuotasim_session(&input, &s), FUO_OK);
    assert_int_equal(s.redundancy, 2);
    assert_int_equal(s.update_us, -1);
    assert_int_equal(s.energy_uj, -1);
    assert_int_equal(fuotasim_time_us(0, 100), 0);
    assert_int_equal(fuotasim_time_us(1, 100), 100);
    assert_int_equal(fuotasim_time_us(2, 100), 1100);
}

static void fuotasim_refuses_what_it_cannot_send(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fuotasim_input input;
    } rows[] = {
        {"no such data rate", {NULL, 14, 51, 5000, 10}},
        {"FSK", {NULL, 7, 51, 5000, 10}},
        {"no room for data", {NULL, 0, 2, 5000, 10}},
        {"no image", {NULL, 0, 51, 0, 10}},
        {"frame too long", {NULL, 5, 248, 5000, 10}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fuotasim_input input = rows[i].input;
        struct fuotasim_session s = {.m = 4711};
        test_row(rows[i].name);
        input.region = region_get(REGION_EU868);
        assert_int_equal(fuotasim_session(&input, &s), FUO_ERANGE);
        assert_int_equal(s.m, 4711);
    }
}

/* STM32WL55 on a power monitor; spacing: the middle of what was measured. */
static void the_energy_of_real_hardware_is_met_within_ten_percent(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t fragments;
        int32_t spacing_ms;
        int32_t window_ms; /* first to last fragment, mean of five runs */
        int32_t energy_mj;
    } rows[] = {
        {"DR0", 52, 20200, 1042600, 33290}, {"DR1", 52, 10900, 558400, 20760},
        {"DR2", 52, 6400, 327600, 14590},   {"DR3", 19, 7500, 145600, 9980},
        {"DR4", 10, 8000, 74800, 8530},     {"DR5", 9, 4150, 43100, 7570},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        int64_t measured_uj = INT64_C(1000) * rows[i].energy_mj;
        assert_near(energy_run_uj(INT64_C(1000) * rows[i].window_ms), measured_uj, 30000);
        /* And from the plan alone: that many fragments, so far apart. */
        int64_t planned_us = INT64_C(1000) * (rows[i].fragments - 1) * rows[i].spacing_ms;
        assert_near(energy_run_uj(planned_us), measured_uj, 100000);
    }
}

static void listening_costs_power_times_time(void **state)
{
    (void)state;
    assert_int_equal(energy_listening_uj(-5, ENERGY_CLASS_C_UW), 0);
    assert_int_equal(energy_listening_uj(0, ENERGY_CLASS_C_UW), 0);
    assert_int_equal(energy_listening_uj(1500000, ENERGY_CLASS_C_UW), 38550);
    /* A million devices for a month each. */
    assert_int_equal(
        energy_listening_uj(INT64_C(2592000) * 1000000 * 1000000, ENERGY_CLASS_C_UW),
        INT64_C(2592000) * 1000000 * ENERGY_CLASS_C_UW);
    assert_int_equal(energy_run_uj(0), ENERGY_FIXED_UJ);
}

/* A tenth of the time is frames, and there are 128 ping slots in a beacon period (performance.md
 * 1.4: 7 to 8 times less). */
static void class_b_listens_seven_to_eight_times_less(void **state)
{
    (void)state;
    static const int64_t frames_us[] = {2800000, 350000};
    for (size_t i = 0; i < ARRAY_LEN(frames_us); i++) {
        struct energy_slots how = {0, frames_us[i], 10 * frames_us[i]};
        int64_t session_us = 500 * how.interval_us;
        assert_in_range(session_us * 10 / energy_slots_us(session_us, &how), 70, 80);
    }
    struct energy_slots rare = {7, 100000, 128000000};
    assert_int_equal(energy_slots_us(-1, &rare), 0);
    assert_int_equal(energy_slots_us(0, &rare), 0);
    assert_int_equal(energy_slots_us(1000, &rare), 1000); /* not longer than it lasts */
    assert_int_equal(energy_slots_us(127000000, &rare), 305000 + 30000 + 100000);
    assert_int_equal(energy_slots_us(129000000, &rare), 2 * (305000 + 30000 + 100000));
    /* A million devices for a month each. */
    assert_true(energy_slots_us(INT64_C(2592000) * 1000000 * 1000000, &rare) > 0);
}

static void time_on_air_is_that_of_the_reference_table(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum region_id region;
        uint8_t dr;
        uint8_t frag_bytes;
        int32_t airtime_dms; /* tenths of a millisecond */
        uint32_t m;          /* of 100 kB */
        int32_t hours100;    /* at 10 % duty cycle; 0: there is none */
    } rows[] = {
        {"EU868 DR0", REGION_EU868, 0, 48, 27935, 2084, 1617},
        {"EU868 DR1", REGION_EU868, 1, 48, 14787, 2084, 856},
        {"EU868 DR2", REGION_EU868, 2, 48, 6984, 2084, 404},
        {"EU868 DR3", REGION_EU868, 3, 112, 6769, 893, 168},
        {"EU868 DR4", REGION_EU868, 4, 219, 6456, 457, 82},
        {"EU868 DR5", REGION_EU868, 5, 219, 3689, 457, 47},
        {"EU868 DR6", REGION_EU868, 6, 219, 1844, 457, 23},
        {"US915 DR8", REGION_US915, 8, 50, 6164, 2000, 0},
        {"US915 DR10", REGION_US915, 10, 239, 5637, 419, 0},
        {"US915 DR13", REGION_US915, 13, 239, 986, 419, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 0;
        test_row(rows[i].name);
        assert_int_equal(airtime_downlink_us(region_get(rows[i].region), rows[i].dr,
                                             rows[i].frag_bytes + 3U, &us),
                         FUO_OK);
        assert_int_equal((us + 50) / 100, rows[i].airtime_dms);
        uint32_t m = (100000U - 1) / rows[i].frag_bytes + 1;
        assert_int_equal(m, rows[i].m);
        if (rows[i].hours100 != 0) {
            assert_int_equal((m * us * 10 + 18000000) / 36000000, rows[i].hours100);
        }
    }
}

TEST_MAIN(cmocka_unit_test(fuotasim_sessions_last_what_its_table_says),
          cmocka_unit_test(fuotasim_completes_nobody_without_three_more_than_m),
          cmocka_unit_test(fuotasim_refuses_what_it_cannot_send),
          cmocka_unit_test(the_energy_of_real_hardware_is_met_within_ten_percent),
          cmocka_unit_test(listening_costs_power_times_time),
          cmocka_unit_test(class_b_listens_seven_to_eight_times_less),
          cmocka_unit_test(time_on_air_is_that_of_the_reference_table))
