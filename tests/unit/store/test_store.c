/* SPDX-License-Identifier: MIT */
#include "store_fixture.h"

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

static void stores_of_the_engine_survive_a_restart(void **state)
{
    (void)state;
    static const enum store_kind kinds[] = {
        STORE_CAMPAIGN, STORE_MEMBER, STORE_TRANSMISSION, STORE_DEVICE, STORE_CHARGE,
        STORE_HISTORY,  STORE_LANE,   STORE_GROUP,        STORE_WAVE};
    struct effects effects = {0};
    struct store_batch batch = {0};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct effect *effect = effects_append(&effects, EFFECT_STORE);
        effect->store.kind = kinds[i];
    }
    effects.items[0]->store.campaign.id = 1;
    effects.items[1]->store.member = fixture_member(1, 0xffeeddccbbaa9988);
    effects.items[2]->store.transmission.id = 2;
    effects.items[3]->store.device.dev_eui = 3;
    effects.items[4]->store.charge.gateway = 4;
    effects.items[5]->store.history.dev_eui = 5;
    effects.items[6]->store.lane.f_cnt_base = 6;
    effects.items[7]->store.group.f_cnt = 7;
    effects.items[8]->store.wave.no = 8;
    effects_append(&effects, EFFECT_PUBLISH);
    store_batch_effects(&batch, &effects);
    assert_int_equal(batch.ops, 9);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    fixture_reopen(&fix);

    assert_int_equal(
        fixture_load(&fix, STORE_CAMPAIGN, sizeof(struct campaign_rec)).last.campaign.id,
        1);
    struct seen members = fixture_load(&fix, STORE_MEMBER, sizeof(struct member_rec));
    assert_int_equal(members.last.member.dev_eui, 0xffeeddccbbaa9988);
    assert_int_equal(members.last.member.tries, 3);
    assert_int_equal(
        fixture_load(&fix, STORE_TRANSMISSION, sizeof(struct transmission_rec))
            .last.transmission.id,
        2);
    assert_int_equal(
        fixture_load(&fix, STORE_DEVICE, sizeof(struct device_rec)).last.device.dev_eui,
        3);
    assert_int_equal(
        fixture_load(&fix, STORE_CHARGE, sizeof(struct charge_rec)).last.charge.gateway,
        4);
    assert_int_equal(
        fixture_load(&fix, STORE_LANE, sizeof(struct lane_rec)).last.lane.f_cnt_base, 6);
    assert_int_equal(
        fixture_load(&fix, STORE_GROUP, sizeof(struct group_rec)).last.group.f_cnt, 7);
    assert_int_equal(fixture_load(&fix, STORE_WAVE, sizeof(struct wave_rec)).last.wave.no,
                     8);
    effects_finish(&effects);
}

static void a_row_is_updated_and_not_doubled(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct member_rec member = fixture_member(1, 7);
    store_batch_record(&batch, STORE_MEMBER, &member);
    member.tries = 4;
    store_batch_record(&batch, STORE_MEMBER, &member);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    struct seen seen = fixture_load(&fix, STORE_MEMBER, sizeof(member));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.member.tries, 4);
}

static int see_lane(void *arg, const void *record)
{
    const struct lane_rec *lane = record;
    uint32_t *last = arg;
    uint32_t place = lane->transmission_id * 100 + lane->no;
    assert_true(place > *last);
    *last = place;
    return FUO_OK;
}

static void lanes_come_by_transmission_and_number(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    uint32_t last = 0;
    for (uint8_t i = 0; i < 20; i++) {
        struct lane_rec lane = {.transmission_id = 2U - i % 2, .no = 19 - i};
        store_batch_record(&batch, STORE_LANE, &lane);
    }
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    assert_int_equal(store_load_records(fix.store, STORE_LANE, see_lane, &last, NULL),
                     FUO_OK);
    assert_int_equal(last, 219);
}

static void loading_stops_where_the_callback_says(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    for (uint64_t i = 0; i < 5; i++) {
        struct member_rec member = fixture_member(1, i);
        store_batch_record(&batch, STORE_MEMBER, &member);
    }
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    struct seen seen = {.size = sizeof(struct member_rec), .stop_at = 2};
    assert_int_equal(
        store_load_records(fix.store, STORE_MEMBER, fixture_see, &seen, NULL),
        FUO_ERANGE);
    assert_int_equal(seen.count, 2);
    assert_int_equal(
        store_load_records(fix.store, STORE_HISTORY, fixture_see, &seen, NULL),
        FUO_EINVAL);
}

static void charges_are_pruned_by_time(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    for (int64_t i = 0; i < 10; i++) {
        struct charge_rec charge = {1, 868100000, {MINUTES_US(10) * (9 - i)}, 1000};
        store_batch_record(&batch, STORE_CHARGE, &charge);
    }
    store_batch_charges_prune(&batch, (struct utc){MINUTES_US(40)});
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    struct seen seen = fixture_load(&fix, STORE_CHARGE, sizeof(struct charge_rec));
    assert_int_equal(seen.count, 6);
    assert_int_equal(seen.last.charge.at.us, MINUTES_US(90)); /* in order of time */
}

static void one_batch_is_out_at_a_time(void **state)
{
    (void)state;
    struct store_batch first = {0};
    struct store_batch second = {0};
    struct member_rec member = fixture_member(1, 1);
    store_batch_record(&first, STORE_MEMBER, &member);
    member.dev_eui = 2;
    store_batch_record(&second, STORE_MEMBER, &member);
    assert_int_equal(store_submit(fix.store, &first), FUO_OK);
    assert_int_equal(first.len, 0);
    assert_int_equal(store_submit(fix.store, &second), FUO_EAGAIN);
    assert_int_equal(second.ops, 1);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.err, FUO_OK);
    store_done_finish(&done);
    assert_int_equal(fixture_commit(&fix, &second), FUO_OK);
    assert_int_equal(fixture_load(&fix, STORE_MEMBER, sizeof(member)).count, 2);
}

static void who_waits_finds_all_that_is_due(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct store_done done;
    struct member_rec member = fixture_member(1, 1);
    assert_int_equal(store_due(fix.store), 0);
    store_wait(fix.store); /* for nothing */
    store_batch_record(&batch, STORE_MEMBER, &member);
    assert_int_equal(store_submit(fix.store, &batch), FUO_OK);
    assert_int_equal(store_query_history(fix.store, 1, 1, 1), FUO_OK);
    assert_int_equal(store_query_history(fix.store, 2, 1, 1), FUO_OK);
    assert_int_equal(store_due(fix.store), 3);
    store_wait(fix.store);
    for (size_t left = 3; left > 0; left--) {
        assert_true(store_poll(fix.store, &done));
        store_done_finish(&done);
        assert_int_equal(store_due(fix.store), left - 1);
    }
    assert_false(store_poll(fix.store, &done));
}

static void what_was_submitted_is_committed_by_close(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct member_rec member = fixture_member(1, 1);
    store_batch_record(&batch, STORE_MEMBER, &member);
    assert_int_equal(store_submit(fix.store, &batch), FUO_OK);
    fixture_reopen(&fix);
    assert_int_equal(fixture_load(&fix, STORE_MEMBER, sizeof(member)).count, 1);
}

static void a_batch_that_fails_is_not_applied_at_all(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    struct member_rec member = fixture_member(1, 1);
    store_batch_counter(&batch, "seq", 10);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    store_batch_record(&batch, STORE_MEMBER, &member);
    store_batch_counter(&batch, "seq", 10); /* staying is fine */
    store_batch_counter(&batch, "seq", 9);
    assert_int_equal(store_submit(fix.store, &batch), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.err, FUO_ERANGE);
    assert_string_equal(done.detail.text, "a counter would go back");
    store_done_finish(&done);
    assert_int_equal(fixture_load(&fix, STORE_MEMBER, sizeof(member)).count, 0);
    store_batch_counter(&batch, "seq", 11);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
}

static void what_is_too_big_never_reaches_the_disk(void **state)
{
    (void)state;
    AUTO_FREE char *text = malloc(STORE_TEXT_MAX_BYTES + 2);
    memset(text, 'x', STORE_TEXT_MAX_BYTES + 1);
    text[STORE_TEXT_MAX_BYTES + 1] = '\0';
    struct store_outbox row = {.topic = "t",
                               .payload = (const uint8_t *)text,
                               .payload_len = STORE_TEXT_MAX_BYTES + 1};
    struct store_batch batch = {0};
    store_batch_outbox(&batch, &row);
    assert_int_equal(store_submit(fix.store, &batch), FUO_ERANGE);
    assert_int_equal(batch.len, 0);
    assert_int_equal(batch.err, FUO_OK);

    row = (struct store_outbox){.topic = text};
    store_batch_outbox(&batch, &row);
    assert_int_equal(store_submit(fix.store, &batch), FUO_ERANGE);

    struct store_image image = {.bytes = (const uint8_t *)text,
                                .len = STORE_IMAGE_MAX_BYTES + 1,
                                .signatures = ""};
    store_batch_image(&batch, &image);
    assert_int_equal(store_submit(fix.store, &batch), FUO_ERANGE);

    store_batch_counter(&batch, "n", (uint64_t)INT64_MAX + 1);
    assert_int_equal(store_submit(fix.store, &batch), FUO_ERANGE);

    row = (struct store_outbox){.topic = "t",
                                .payload = (const uint8_t *)text,
                                .payload_len = STORE_TEXT_MAX_BYTES};
    for (size_t i = 0; i <= STORE_BATCH_MAX_BYTES / STORE_TEXT_MAX_BYTES; i++) {
        store_batch_outbox(&batch, &row);
    }
    assert_int_equal(store_submit(fix.store, &batch), FUO_ERANGE);
}

/* ---- outbox ---- */

static void put_outbox(struct store_batch *batch, uint64_t seq)
{
    char payload[32];
    int len = snprintf(payload, sizeof(payload), "payload %d", (int)seq);
    struct store_outbox row = {
        .topic = "c/x/results/0",
        .payload = (const uint8_t *)payload,
        .payload_len = (size_t)len,
        .seq = seq,
        .campaign_id = 7,
        .qos = 1,
        .retain = seq % 2 == 1,
    };
    store_batch_outbox(batch, &row);
}

static struct store_done read_outbox(uint64_t after_id, size_t max_rows)
{
    assert_int_equal(store_query_outbox(fix.store, 99, after_id, max_rows), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.type, STORE_DONE_OUTBOX);
    assert_int_equal(done.tag, 99);
    assert_int_equal(done.err, FUO_OK);
    return done;
}

static void the_outbox_is_paged_in_order_and_dropped_up_to_an_id(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    for (uint64_t seq = 1; seq <= 5; seq++) {
        put_outbox(&batch, seq);
    }
    assert_int_equal(store_submit(fix.store, &batch), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.batch.outbox_first, 1);
    assert_int_equal(done.batch.outbox_last, 5);
    store_done_finish(&done);

    done = read_outbox(0, 2);
    assert_int_equal(done.outbox.count, 2);
    store_done_finish(&done);
    done = read_outbox(2, 1000000);
    assert_int_equal(done.outbox.count, 3);
    const struct store_outbox *row = &done.outbox.rows[2];
    assert_int_equal(row->id, 5);
    assert_string_equal(row->topic, "c/x/results/0");
    assert_int_equal(row->payload_len, 9);
    assert_memory_equal(row->payload, "payload 5", 9);
    assert_int_equal(row->seq, 5);
    assert_int_equal(row->campaign_id, 7);
    assert_int_equal(row->qos, 1);
    assert_true(row->retain);
    store_done_finish(&done);

    store_batch_outbox_drop(&batch, 5);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    done = read_outbox(0, 10);
    assert_int_equal(done.outbox.count, 0);
    store_done_finish(&done);
}

static void retained_messages_that_were_replaced_can_be_pruned(void **state)
{
    (void)state;
    static const struct {
        const char *topic;
        uint64_t seq; /* of the rows that stay: 1 to 4, in order */
        bool retain;
    } rows[] = {
        {"state", 0, true}, {"results", 1, false}, {"results", 2, false},
        {"state", 0, true}, {"other", 3, true},    {"state", 4, true},
    };
    struct store_batch batch = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct store_outbox row = {
            .topic = rows[i].topic, .seq = rows[i].seq, .retain = rows[i].retain};
        store_batch_outbox(&batch, &row);
    }
    store_batch_outbox_prune(&batch);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    struct store_done done = read_outbox(0, 10);
    assert_int_equal(done.outbox.count, 4);
    for (size_t i = 0; i < done.outbox.count; i++) {
        assert_int_equal(done.outbox.rows[i].seq, i + 1);
    }
    store_done_finish(&done);
}

static void outbox_ids_are_never_given_twice(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    put_outbox(&batch, 1);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    store_batch_outbox_drop(&batch, 1);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    fixture_reopen(&fix);
    put_outbox(&batch, 2);
    assert_int_equal(store_submit(fix.store, &batch), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    assert_int_equal(done.batch.outbox_first, 2);
    store_done_finish(&done);
}

static void a_page_of_the_outbox_is_bounded_in_bytes(void **state)
{
    (void)state;
    AUTO_FREE uint8_t *bytes = calloc(1, STORE_TEXT_MAX_BYTES);
    struct store_batch batch = {0};
    struct store_outbox row = {
        .topic = "", .payload = bytes, .payload_len = STORE_TEXT_MAX_BYTES * 2 / 3};
    for (int i = 0; i < 3; i++) {
        store_batch_outbox(&batch, &row);
    }
    row.payload_len = 0;
    store_batch_outbox(&batch, &row);
    assert_int_equal(fixture_commit(&fix, &batch), FUO_OK);
    struct store_done done = read_outbox(0, 10);
    assert_int_equal(done.outbox.count, 2);
    store_done_finish(&done);
    done = read_outbox(3, 10);
    assert_int_equal(done.outbox.count, 1);
    assert_int_equal(done.outbox.rows[0].payload_len, 0);
    store_done_finish(&done);
}

/* ---- history ---- */

static void the_newest_history_of_a_device_comes_oldest_first(void **state)
{
    (void)state;
    struct store_batch batch = {0};
    uint64_t eui = 0x8000000000000001;
    for (int64_t i = 0; i < 20; i++) {
        struct history_rec row = {
            .campaign_id = 1, .dev_eui = eui + (uint64_t)(i % 2), .at = {i}};
        store_batch_record(&batch, STORE_HISTORY, &row);
    }
    assert_int_equal(store_submit(fix.store, &batch), FUO_OK);
    /* Asked before the commit is back, answered after it. */
    assert_int_equal(store_query_history(fix.store, 5, eui, 3), FUO_OK);
    struct store_done done = fixture_wait(&fix);
    store_done_finish(&done);
    done = fixture_wait(&fix);
    assert_int_equal(done.type, STORE_DONE_HISTORY);
    assert_int_equal(done.tag, 5);
    assert_int_equal(done.history.dev_eui, eui);
    assert_int_equal(done.history.count, 3);
    assert_int_equal(done.history.rows[0].at.us, 14);
    assert_int_equal(done.history.rows[2].at.us, 18);
    store_done_finish(&done);

    assert_int_equal(store_query_history(fix.store, 6, 12345, SIZE_MAX), FUO_OK);
    done = fixture_wait(&fix);
    assert_int_equal(done.err, FUO_OK);
    assert_int_equal(done.history.count, 0);
    store_done_finish(&done);
}

static void queries_are_bounded(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < STORE_QUERIES_MAX; i++) {
        assert_int_equal(store_query_history(fix.store, i, 1, 1), FUO_OK);
    }
    assert_int_equal(store_query_history(fix.store, 0, 1, 1), FUO_EAGAIN);
    for (uint64_t i = 0; i < STORE_QUERIES_MAX / 2; i++) {
        struct store_done done = fixture_wait(&fix);
        assert_int_equal(done.tag, i); /* in order */
        store_done_finish(&done);
    }
    assert_int_equal(store_query_history(fix.store, 0, 1, 1), FUO_OK);
} /* the rest is forgotten by close */

static void a_missing_store_is_closed_quietly(void **state)
{
    (void)state;
    struct store_batch empty = {0};
    store_close(NULL);
    store_batch_finish(&empty);
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(WITH_STORE(stores_of_the_engine_survive_a_restart),
          WITH_STORE(a_row_is_updated_and_not_doubled),
          WITH_STORE(lanes_come_by_transmission_and_number),
          WITH_STORE(loading_stops_where_the_callback_says),
          WITH_STORE(charges_are_pruned_by_time), WITH_STORE(one_batch_is_out_at_a_time),
          WITH_STORE(who_waits_finds_all_that_is_due),
          WITH_STORE(what_was_submitted_is_committed_by_close),
          WITH_STORE(a_batch_that_fails_is_not_applied_at_all),
          WITH_STORE(what_is_too_big_never_reaches_the_disk),
          WITH_STORE(the_outbox_is_paged_in_order_and_dropped_up_to_an_id),
          WITH_STORE(retained_messages_that_were_replaced_can_be_pruned),
          WITH_STORE(outbox_ids_are_never_given_twice),
          WITH_STORE(a_page_of_the_outbox_is_bounded_in_bytes),
          WITH_STORE(the_newest_history_of_a_device_comes_oldest_first),
          WITH_STORE(queries_are_bounded),
          cmocka_unit_test(a_missing_store_is_closed_quietly))
