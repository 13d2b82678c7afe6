/* SPDX-License-Identifier: MIT */
#include "engine_fixture.h"

#include "loop/driver.h"

/* Ports that count, and a disk that answers when the test says so. */
struct rig {
    uv_loop_t loop;
    struct engine_fixture f;
    struct driver *driver;
    size_t executed;
    size_t executed_before_commit;
    size_t batches;
    size_t rows_stored;
    size_t settled_ok;
    size_t settled_failed;
    bool has_rows;
    bool wants_all;
    uint64_t last_device; /* that something was sent to */
    size_t largest_batch;
    size_t gathered; /* effects, of batches that were not complete */
    size_t in_parts; /* ... of the one that is not complete yet */
    size_t largest_part;
    bool feed_again; /* execute() feeds an event, as answers do */
    bool out;
};

static void execute(void *arg, const struct effect *effect)
{
    struct rig *rig = arg;
    rig->executed++;
    rig->executed_before_commit += rig->out;
    assert_true(effect->type != EFFECT_STORE && effect->type != EFFECT_PUBLISH);
    rig->last_device =
        effect->type == EFFECT_SEND ? effect->send.dev_eui : rig->last_device;
    if (rig->feed_again && effect->type == EFFECT_SEND) {
        struct engine_event event = {
            .type = ENGINE_EV_SEND_RESULT,
            .send_result = {.id = effect->send.id, .dev_eui = effect->send.dev_eui},
        };
        assert_true(driver_feed(rig->driver, &event));
    }
}

static bool has_rows(void *arg)
{
    const struct rig *rig = arg;
    return rig->has_rows;
}

static bool wants_all(void *arg)
{
    const struct rig *rig = arg;
    return rig->wants_all;
}

static void commit(void *arg, const struct effects *batch)
{
    struct rig *rig = arg;
    assert_false(rig->out);
    rig->out = true;
    rig->has_rows = false;
    rig->batches++;
    rig->rows_stored += batch->len;
    rig->largest_part = batch->len > rig->largest_part ? batch->len : rig->largest_part;
    size_t len = rig->in_parts + batch->len;
    rig->largest_batch = len > rig->largest_batch ? len : rig->largest_batch;
    rig->in_parts = 0;
}

static void settled(void *arg, int err)
{
    struct rig *rig = arg;
    rig->settled_ok += err == FUO_OK;
    rig->settled_failed += err != FUO_OK;
}

static void gather(void *arg, const struct effects *part)
{
    struct rig *rig = arg;
    assert_false(rig->out);
    rig->gathered += part->len;
    rig->in_parts += part->len;
    rig->largest_part = part->len > rig->largest_part ? part->len : rig->largest_part;
}

static const struct driver_ports ports = {execute, has_rows, wants_all,
                                          gather,  commit,   settled};

static void start(struct rig *rig)
{
    struct clock clock;
    *rig = (struct rig){0};
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_int_equal(clock_init(&clock, NULL), FUO_OK);
    fixture_start(&rig->f);
    rig->driver = driver_create(&rig->loop, &clock, &ports, rig);
}

static void stop(struct rig *rig)
{
    driver_close(rig->driver, NULL, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    fixture_stop(&rig->f);
}

static void disk_answers(struct rig *rig, int err)
{
    assert_true(rig->out);
    rig->out = false;
    driver_committed(rig->driver, err);
}

static void nothing_is_sent_before_it_is_stored(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    driver_recover(rig.driver, rig.f.engine);
    struct engine_event event = fixture_apply(&rig.f);
    assert_true(driver_feed(rig.driver, &event));
    assert_int_equal(rig.batches, 1);
    assert_true(rig.rows_stored > FIXTURE_DEVICES);
    assert_int_equal(rig.executed, 0);
    assert_false(driver_is_idle(rig.driver));

    disk_answers(&rig, FUO_OK);
    while (rig.out) {
        disk_answers(&rig, FUO_OK);
    }
    assert_true(rig.executed > 0);
    assert_int_equal(rig.executed_before_commit, 0);
    assert_true(driver_is_idle(rig.driver));
    assert_int_equal(rig.settled_ok, rig.batches);
    stop(&rig);
}

static void what_is_held_is_stored_together(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    driver_recover(rig.driver, rig.f.engine);
    struct engine_event event = fixture_apply(&rig.f);
    struct engine_event pause = {.type = ENGINE_EV_CONTROL,
                                 .control = {.campaign_id = event.apply.id,
                                             .verb = ENGINE_PAUSE,
                                             .reason = "spec.paused"}};
    driver_hold(rig.driver);
    rig.has_rows = true;
    assert_true(driver_feed(rig.driver, &event));
    assert_true(driver_feed(rig.driver, &pause));
    driver_flush(rig.driver);
    assert_int_equal(rig.batches, 0);
    rig.wants_all = true;
    driver_release(rig.driver);
    assert_int_equal(rig.batches, 1);
    disk_answers(&rig, FUO_OK);
    assert_int_equal(rig.batches, 1); /* nothing was left for another */
    stop(&rig);
}

static void events_before_an_engine_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct engine_event event = fixture_apply(&rig.f);
    assert_true(driver_is_down(rig.driver));
    assert_false(driver_feed(rig.driver, &event));
    assert_int_equal(rig.batches, 0);
    stop(&rig);
}

static void answers_made_while_working_are_queued(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    rig.feed_again = true;
    driver_recover(rig.driver, rig.f.engine);
    struct engine_event event = fixture_apply(&rig.f);
    driver_feed(rig.driver, &event);
    for (int i = 0; i < 100 && rig.out; i++) {
        disk_answers(&rig, FUO_OK);
    }
    assert_true(rig.executed > 0);
    assert_true(driver_is_idle(rig.driver));
    stop(&rig);
}

static void while_a_batch_is_out_the_next_one_gathers(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    driver_recover(rig.driver, rig.f.engine);
    struct engine_event event = fixture_apply(&rig.f);
    driver_feed(rig.driver, &event);
    event = fixture_control(ENGINE_PAUSE);
    driver_feed(rig.driver, &event);
    event = fixture_control(ENGINE_RESUME);
    driver_feed(rig.driver, &event);
    assert_int_equal(rig.batches, 1);
    disk_answers(&rig, FUO_OK);
    assert_int_equal(rig.batches, 2);
    stop(&rig);
}

/* A disk that stands still: what waits for it is bounded, and what counts is not lost. */
static void what_the_network_brings_is_dropped_when_too_much_waits(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    driver_recover(rig.driver, rig.f.engine);
    struct engine_event apply = fixture_apply(&rig.f);
    driver_feed(rig.driver, &apply);
    for (size_t i = 0; i < (size_t)2 * DRIVER_BACKLOG_MAX; i++) {
        struct engine_event event = {
            .type = ENGINE_EV_STATUS,
            .status = {.dev_eui = rig.f.devices[0], .margin_db = 3},
        };
        assert_true(driver_feed(rig.driver, &event));
    }
    uint64_t dropped = driver_dropped(rig.driver);
    assert_in_range(dropped, DRIVER_BACKLOG_MAX - 100, DRIVER_BACKLOG_MAX + 100);
    struct engine_event uplink = {.type = ENGINE_EV_UPLINK,
                                  .uplink = {.dev_eui = rig.f.devices[0]}};
    assert_true(driver_feed(rig.driver, &uplink));
    struct engine_event fate = {.type = ENGINE_EV_SEND_FATE,
                                .send_fate = {.dev_eui = rig.f.devices[0]}};
    assert_true(driver_feed(rig.driver, &fate));
    assert_int_equal(driver_dropped(rig.driver), dropped + 2);
    struct engine_event pause = fixture_control(ENGINE_PAUSE);
    assert_true(driver_feed(rig.driver, &pause));
    assert_int_equal(driver_dropped(rig.driver), dropped + 2);
    assert_int_equal(engine_campaign_at(rig.f.engine, 0)->phase, CAMPAIGN_PAUSED);

    disk_answers(&rig, FUO_OK);
    disk_answers(&rig, FUO_OK);
    assert_true(driver_feed(rig.driver, &uplink)); /* there is room again */
    assert_int_equal(driver_dropped(rig.driver), dropped + 2);
    stop(&rig);
}

enum {
    MANY = 5 * DRIVER_EXECUTE_MAX / 2,
    MANY_FIRST = 0x1000, /* DevEUI */
    PLENTY = 2 * DRIVER_BATCH_MAX + 10,
};

/* A campaign of so many devices. */
static void apply_to(struct rig *rig, size_t count)
{
    static uint64_t devices[PLENTY];
    start(rig);
    for (size_t i = 0; i < count; i++) {
        struct device_rec rec = {.dev_eui = MANY_FIRST + i,
                                 .fleet_id = FIXTURE_FLEET,
                                 .link_count = 1,
                                 .link = {{.gateway = MANY_FIRST + i}}};
        devices[i] = rec.dev_eui;
        assert_int_equal(engine_add_device(rig->f.engine, &rec), FUO_OK);
    }
    driver_recover(rig->driver, rig->f.engine);
    struct engine_event apply = fixture_apply(&rig->f);
    apply.apply.devices = devices;
    apply.apply.device_count = count;
    assert_true(driver_feed(rig->driver, &apply));
}

/* While the disk stands still: each is to be asked something. */
static void apply_to_many(struct rig *rig)
{
    apply_to(rig, MANY);
    for (size_t i = 0; i < MANY; i++) {
        driver_timeout(rig->driver);
    }
    assert_int_equal(rig->executed, 0);
}

/* However many effects a commit releases: a turn of the loop carries out a few, in order,
 * and the next one comes at once. */
static void a_turn_carries_out_a_bounded_number_of_effects(void **state)
{
    (void)state;
    struct rig rig;
    apply_to_many(&rig);
    rig.wants_all = true;
    disk_answers(&rig, FUO_OK); /* of the campaign, and of who was asked with it */
    size_t first = rig.executed;
    assert_true(MANY - first > DRIVER_EXECUTE_MAX);
    disk_answers(&rig, FUO_OK); /* of all the others */
    assert_false(rig.out);
    assert_int_equal(rig.executed, first + DRIVER_EXECUTE_MAX);
    assert_int_equal(rig.last_device, MANY_FIRST + rig.executed - 1);
    assert_true(driver_deadline(rig.driver).us < INSTANT_NEVER.us);
    driver_timeout(rig.driver);
    assert_int_equal(rig.executed, MANY);
    assert_int_equal(rig.last_device, MANY_FIRST + MANY - 1);
    assert_int_equal(rig.executed_before_commit, 0);
    stop(&rig);
}

/* The loop does it by itself. */
static void what_is_left_is_carried_out_without_another_event(void **state)
{
    (void)state;
    struct rig rig;
    apply_to_many(&rig);
    rig.wants_all = true;
    disk_answers(&rig, FUO_OK);
    disk_answers(&rig, FUO_OK);
    for (size_t turn = 0; turn < 1000 && rig.executed < MANY; turn++) {
        uv_run(&rig.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(rig.executed, MANY);
    stop(&rig);
}

static void a_failed_commit_drops_what_is_left_too(void **state)
{
    (void)state;
    struct rig rig;
    apply_to_many(&rig);
    disk_answers(&rig, FUO_OK);
    disk_answers(&rig, FUO_OK);
    size_t executed = rig.executed;
    assert_in_range(executed, 1, MANY - 1);
    rig.has_rows = true;
    driver_flush(rig.driver);
    disk_answers(&rig, FUO_ENOSPC);
    assert_int_equal(driver_deadline(rig.driver).us, INSTANT_NEVER.us);
    driver_timeout(rig.driver);
    assert_int_equal(rig.executed, executed);
    stop(&rig);
}

/* More than a transaction has room for, in small steps. */
static void step_often(struct rig *rig)
{
    for (size_t k = 0; k < (size_t)2 * DRIVER_BATCH_MAX; k++) {
        struct engine_event event =
            fixture_control(k % 2 == 0 ? ENGINE_PAUSE : ENGINE_RESUME);
        assert_true(driver_feed(rig->driver, &event));
    }
}

static void commit_all(struct rig *rig)
{
    while (rig->out || !driver_is_idle(rig->driver)) {
        if (rig->out) {
            disk_answers(rig, FUO_OK);
        }
        driver_timeout(rig->driver); /* the next part */
    }
}

/* Unless somebody waits for it: then all that was stepped is one transaction. */
static void a_transaction_is_bounded(void **state)
{
    (void)state;
    static const bool rows[] = {false, true};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        apply_to_many(&rig);
        step_often(&rig);
        disk_answers(&rig, FUO_OK);
        rig.largest_batch = 0;
        rig.wants_all = rows[i];
        size_t batches = rig.batches;
        commit_all(&rig);
        assert_true(rig.largest_part <= DRIVER_BATCH_MAX);
        assert_true(rows[i] ? rig.largest_batch > DRIVER_BATCH_MAX
                            : rig.largest_batch <= DRIVER_BATCH_MAX);
        assert_true(rig.batches - batches >= (rows[i] ? 1 : 2));
        stop(&rig);
    }
}

/* It takes the engine several steps and the loop several turns, and is all or nothing. */
static void a_large_campaign_is_one_transaction(void **state)
{
    (void)state;
    static const bool rows[] = {false, true};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig rig;
        apply_to(&rig, PLENTY);
        rig.wants_all = rows[i];
        rig.has_rows = true; /* those are for the same one */
        driver_flush(rig.driver);
        assert_int_equal(rig.batches, 0);
        assert_true(rig.gathered > 0 && rig.gathered < PLENTY);
        assert_false(driver_is_idle(rig.driver));
        while (!rig.out) {
            uv_run(&rig.loop, UV_RUN_ONCE);
        }
        assert_int_equal(rig.batches, 1);
        assert_true(rig.gathered + rig.rows_stored >= PLENTY);
        assert_true(rig.largest_part <= DRIVER_BATCH_MAX);
        assert_int_equal(rig.executed, 0);
        disk_answers(&rig, FUO_OK);
        stop(&rig);
    }
}

/* Nothing was handed over: the client that waited for it hears so, and may apply again. */
static void a_large_campaign_is_dropped_when_the_driver_stops_in_between(void **state)
{
    (void)state;
    struct rig rig;
    apply_to(&rig, PLENTY);
    assert_false(driver_is_idle(rig.driver));
    driver_stop(rig.driver);
    assert_true(driver_is_idle(rig.driver));
    assert_int_equal(driver_deadline(rig.driver).us, INSTANT_NEVER.us);
    driver_flush(rig.driver);
    assert_int_equal(rig.batches, 0);
    stop(&rig);
}

static void rows_of_the_daemon_alone_make_a_batch(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    driver_recover(rig.driver, rig.f.engine);
    driver_flush(rig.driver);
    assert_int_equal(rig.batches, 0);
    rig.has_rows = true;
    driver_flush(rig.driver);
    assert_int_equal(rig.batches, 1);
    assert_int_equal(rig.rows_stored, 0);
    disk_answers(&rig, FUO_OK);
    assert_true(driver_is_idle(rig.driver));
    stop(&rig);
}

static void a_failed_commit_drops_everything_until_recovery(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    driver_recover(rig.driver, rig.f.engine);
    struct engine_event event = fixture_apply(&rig.f);
    driver_feed(rig.driver, &event);
    disk_answers(&rig, FUO_ENOSPC);
    assert_true(driver_is_down(rig.driver));
    assert_int_equal(rig.settled_failed, 1);
    assert_int_equal(rig.executed, 0);
    assert_false(driver_feed(rig.driver, &event));
    rig.has_rows = true;
    driver_flush(rig.driver);
    assert_int_equal(rig.batches, 1);

    /* The engine as the store has it: without the campaign. */
    struct engine_fixture again;
    fixture_start(&again);
    driver_recover(rig.driver, again.engine);
    assert_false(driver_is_down(rig.driver));
    event = fixture_apply(&again);
    assert_true(driver_feed(rig.driver, &event));
    disk_answers(&rig, FUO_OK);
    while (rig.out) {
        disk_answers(&rig, FUO_OK);
    }
    assert_true(rig.executed > 0);
    stop(&rig);
    fixture_stop(&again);
}

static void a_stopped_driver_only_settles_what_is_out(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    driver_recover(rig.driver, rig.f.engine);
    struct engine_event event = fixture_apply(&rig.f);
    driver_feed(rig.driver, &event);
    driver_stop(rig.driver);
    assert_false(driver_is_idle(rig.driver));
    disk_answers(&rig, FUO_OK);
    assert_true(driver_is_idle(rig.driver));
    assert_int_equal(rig.settled_ok, 1);
    assert_int_equal(rig.executed, 0);
    assert_false(driver_feed(rig.driver, &event));
    stop(&rig);
}

static void a_step_of_the_wall_clock_is_told_from_slewing(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t now_us;
        int64_t utc_us;
        bool stepped;
        int64_t delta_us;
    } rows[] = {
        {"both move on", 2000000, 1002000000, false, 0},
        {"slewed by a second", 3000000, 1004000000, false, 0},
        {"slewed again", 4000000, 1006000000, false, 0},
        {"set forward", 5000000, 2007000000, true, 1000000000},
        {"and on", 6000000, 2008000000, false, 0},
        {"set back", 7000000, 1000000, true, -2008000000},
    };
    int64_t ahead_us = 1000000000;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        int64_t delta_us = 0;
        bool stepped = driver_clock_stepped(&ahead_us, (struct instant){rows[i].now_us},
                                            (struct utc){rows[i].utc_us}, &delta_us);
        assert_int_equal(stepped, rows[i].stepped);
        assert_int_equal(delta_us, rows[i].delta_us);
    }
}

TEST_MAIN(cmocka_unit_test(nothing_is_sent_before_it_is_stored),
          cmocka_unit_test(what_is_held_is_stored_together),
          cmocka_unit_test(events_before_an_engine_are_refused),
          cmocka_unit_test(answers_made_while_working_are_queued),
          cmocka_unit_test(while_a_batch_is_out_the_next_one_gathers),
          cmocka_unit_test(what_the_network_brings_is_dropped_when_too_much_waits),
          cmocka_unit_test(a_turn_carries_out_a_bounded_number_of_effects),
          cmocka_unit_test(what_is_left_is_carried_out_without_another_event),
          cmocka_unit_test(a_failed_commit_drops_what_is_left_too),
          cmocka_unit_test(a_transaction_is_bounded),
          cmocka_unit_test(a_large_campaign_is_one_transaction),
          cmocka_unit_test(a_large_campaign_is_dropped_when_the_driver_stops_in_between),
          cmocka_unit_test(rows_of_the_daemon_alone_make_a_batch),
          cmocka_unit_test(a_failed_commit_drops_everything_until_recovery),
          cmocka_unit_test(a_stopped_driver_only_settles_what_is_out),
          cmocka_unit_test(a_step_of_the_wall_clock_is_told_from_slewing))
