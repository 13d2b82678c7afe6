/* SPDX-License-Identifier: MIT */
/* test_report.c - what reports are made from: progress from the history, airtime by hour. */
#include "store_fixture.h"

#define HOUR_US HOURS_US(1)

static struct fixture fix;

static int setup(void **state)
{
    (void)state;
    fixture_create(&fix);
    fixture_open(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(&fix);
    return 0;
}

static void put_history(struct store_batch *batch, uint32_t campaign_id, uint64_t dev_eui,
                        int64_t at_us, enum fw_state state, enum outcome outcome)
{
    struct history_rec rec = {.campaign_id = campaign_id,
                              .dev_eui = dev_eui,
                              .at = {at_us},
                              .state = state,
                              .outcome = outcome};
    store_batch_record(batch, STORE_HISTORY, &rec);
}

static void put_charge(struct store_batch *batch, uint64_t gateway, uint32_t frequency_hz,
                       int64_t at_us, int64_t airtime_us)
{
    struct charge_rec rec = {.gateway = gateway,
                             .frequency_hz = frequency_hz,
                             .at = {at_us},
                             .airtime_us = airtime_us};
    store_batch_record(batch, STORE_CHARGE, &rec);
}

static struct store_done progress(uint32_t campaign_id, uint64_t after_id)
{
    assert_int_equal(store_query_progress(fix.store, 5, campaign_id, after_id), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.type, STORE_DONE_PROGRESS);
    assert_int_equal(done.tag, 5);
    assert_int_equal(done.err, FUO_OK);
    return done;
}

static struct store_done airtime(struct store_airtime after, int64_t last_hour)
{
    assert_int_equal(store_query_airtime(fix.store, 6, &after, last_hour), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.type, STORE_DONE_AIRTIME);
    assert_int_equal(done.err, FUO_OK);
    return done;
}

static void progress_is_the_first_time_of_each_step(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    put_history(&batch, 1, 9, 100, FW_IDLE, OUTCOME_NONE);
    put_history(&batch, 1, 9, 200, FW_DOWNLOADED, OUTCOME_NONE);
    put_history(&batch, 2, 9, 210, FW_DOWNLOADED, OUTCOME_NONE); /* another campaign */
    put_history(&batch, 1, 7, 220, FW_DOWNLOADING, OUTCOME_NONE);
    put_history(&batch, 1, 9, 300, FW_UPDATING, OUTCOME_NONE);
    put_history(&batch, 1, 9, 400, FW_IDLE, OUTCOME_SUCCEEDED);
    put_history(&batch, 1, 7, 500, FW_IDLE, OUTCOME_FAILED);
    put_history(&batch, 1, 8, 600, FW_IDLE, OUTCOME_SUCCEEDED); /* it ran it before */
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    static const struct store_progress want[] = {
        {7, {220}, {0}, {500}}, {8, {600}, {600}, {600}}, {9, {100}, {200}, {400}}};

    struct store_done done = progress(1, 0);
    assert_int_equal(done.progress.count, ARRAY_LEN(want));
    assert_int_equal(done.progress.next_id, 0);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        const struct store_progress *got = &done.progress.rows[i];
        assert_int_equal(got->dev_eui, want[i].dev_eui);
        assert_int_equal(got->since.us, want[i].since.us);
        assert_int_equal(got->downloaded.us, want[i].downloaded.us);
        assert_int_equal(got->ended.us, want[i].ended.us);
    }
    store_done_finish(&done);
}

static void progress_comes_in_parts_of_the_history(void **state)
{
    (void)state;
    enum { ROWS = STORE_PROGRESS_SPAN + 10 };
    struct store_batch batch = {0};
    for (uint64_t i = 1; i <= ROWS; i++) {
        put_history(&batch, 1, i, (int64_t)i, FW_IDLE, OUTCOME_NONE);
    }
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    struct store_done done = progress(1, 0);
    assert_int_equal(done.progress.count, STORE_PROGRESS_SPAN);
    assert_int_equal(done.progress.next_id, STORE_PROGRESS_SPAN);
    store_done_finish(&done);
    done = progress(1, STORE_PROGRESS_SPAN);
    assert_int_equal(done.progress.count, 10);
    assert_int_equal(done.progress.next_id, 0);
    store_done_finish(&done);
    done = progress(2, 0); /* nothing of it, but there is more to look at */
    assert_int_equal(done.progress.count, 0);
    assert_int_equal(done.progress.next_id, STORE_PROGRESS_SPAN);
    store_done_finish(&done);
    done = progress(1, ROWS);
    assert_int_equal(done.progress.count, 0);
    assert_int_equal(done.progress.next_id, 0);
    store_done_finish(&done);
}

static void airtime_is_summed_by_hour_and_outlives_its_charges(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    put_charge(&batch, 3, 868100000, 5 * HOUR_US, 10);
    put_charge(&batch, 3, 868100000, 6 * HOUR_US - 1, 20);
    put_charge(&batch, 3, 869525000, 5 * HOUR_US + 7, 40);
    put_charge(&batch, 2, 868100000, 6 * HOUR_US, 80);
    store_batch_charges_prune(&batch, (struct utc){7 * HOUR_US});
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    static const struct store_airtime want[] = {
        {5, 3, 868100000, 30}, {5, 3, 869525000, 40}, {6, 2, 868100000, 80}};

    struct store_done done = airtime((struct store_airtime){0}, 6);
    assert_int_equal(done.airtime.count, ARRAY_LEN(want));
    assert_false(done.airtime.more);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_int_equal(done.airtime.rows[i].hour, want[i].hour);
        assert_int_equal(done.airtime.rows[i].gateway, want[i].gateway);
        assert_int_equal(done.airtime.rows[i].frequency_hz, want[i].frequency_hz);
        assert_int_equal(done.airtime.rows[i].airtime_us, want[i].airtime_us);
    }
    store_done_finish(&done);
    done = airtime(want[0], 5);
    assert_int_equal(done.airtime.count, 1);
    assert_int_equal(done.airtime.rows[0].airtime_us, 40);
    store_done_finish(&done);
}

static void airtime_comes_in_pages(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    for (uint64_t i = 1; i <= STORE_PAGE_MAX + 1; i++) {
        put_charge(&batch, i, 868100000, HOUR_US, 1);
    }
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    struct store_done done = airtime((struct store_airtime){0}, 100);
    assert_int_equal(done.airtime.count, STORE_PAGE_MAX);
    assert_true(done.airtime.more);
    struct store_airtime last = done.airtime.rows[STORE_PAGE_MAX - 1];
    store_done_finish(&done);
    done = airtime(last, 100);
    assert_int_equal(done.airtime.count, 1);
    assert_int_equal(done.airtime.rows[0].gateway, STORE_PAGE_MAX + 1);
    assert_false(done.airtime.more);
    store_done_finish(&done);
}

static void airtime_is_forgotten_after_a_hundred_days(void **state)
{
    (void)state;
    enum { DAYS_100 = 2400 };
    struct store_batch batch = {0};
    put_charge(&batch, 1, 868100000, HOUR_US, 1);
    put_charge(&batch, 1, 868100000, (2 + DAYS_100) * HOUR_US, 1);
    store_batch_charges_prune(&batch, (struct utc){(3 + DAYS_100) * HOUR_US});
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    struct store_done done = airtime((struct store_airtime){0}, INT64_MAX);
    assert_int_equal(done.airtime.count, 1);
    assert_int_equal(done.airtime.rows[0].hour, 2 + DAYS_100);
    store_done_finish(&done);
}

static struct store_done source(uint32_t campaign_id, size_t offset, size_t max)
{
    assert_int_equal(store_query_source(fix.store, 7, campaign_id, offset, max), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.type, STORE_DONE_SOURCE);
    return done;
}

static void an_image_comes_in_pieces_with_what_the_campaign_was_made_from(void **state)
{
    (void)state;
    struct store_image image = {
        .bytes = (const uint8_t *)"firmware", .len = 8, .signatures = "[]"};
    struct store_source from = {.campaign_id = 3,
                                .name = "wm1",
                                .fleet = "f",
                                .yaml = "kind: Campaign\n",
                                .signatures = "[\"s\"]"};
    static const struct {
        size_t offset;
        size_t max;
        const char *bytes;
    } rows[] = {{0, 0, ""},           {0, 5, "firmw"}, {5, 5, "are"},
                {0, 100, "firmware"}, {8, 5, ""},      {SIZE_MAX >> 2, 5, ""}};
    store_digest(image.bytes, image.len, image.digest);
    memcpy(from.image_digest, image.digest, sizeof(image.digest));
    struct store_batch batch = {0};
    store_batch_image(&batch, &image);
    store_batch_source(&batch, &from);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct store_done done = source(3, rows[i].offset, rows[i].max);
        assert_int_equal(done.err, FUO_OK);
        assert_string_equal(done.source.yaml, "kind: Campaign\n");
        assert_string_equal(done.source.signatures, "[\"s\"]");
        assert_memory_equal(done.source.image_digest, image.digest, sizeof(image.digest));
        assert_int_equal(done.source.image_len, 8);
        assert_int_equal(done.source.len, strlen(rows[i].bytes));
        assert_memory_equal(done.source.bytes, rows[i].bytes, done.source.len);
        store_done_finish(&done);
    }
    struct store_done done = source(4, 0, 5);
    assert_int_equal(done.err, FUO_ENOENT);
    store_done_finish(&done);
}

TEST_MAIN(
    cmocka_unit_test_setup_teardown(progress_is_the_first_time_of_each_step, setup,
                                    teardown),
    cmocka_unit_test_setup_teardown(progress_comes_in_parts_of_the_history, setup,
                                    teardown),
    cmocka_unit_test_setup_teardown(airtime_is_summed_by_hour_and_outlives_its_charges,
                                    setup, teardown),
    cmocka_unit_test_setup_teardown(airtime_comes_in_pages, setup, teardown),
    cmocka_unit_test_setup_teardown(
        an_image_comes_in_pieces_with_what_the_campaign_was_made_from, setup, teardown),
    cmocka_unit_test_setup_teardown(airtime_is_forgotten_after_a_hundred_days, setup,
                                    teardown))
