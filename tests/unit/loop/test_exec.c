/* SPDX-License-Identifier: MIT */
/* Effects become calls of a plugin, and its answers become events. */
#include "exec_rig.h"

static void intents_reach_the_plugin_and_are_answered_once(void **state)
{
    (void)state;
    static const struct {
        enum effect_type type;
        const char *what;
        enum fuo_event_type answer;
        bool waits;
    } rows[] = {
        {EFFECT_SEND, "unicast", FUO_EV_RESULT, true},
        {EFFECT_SEND_FLUSH, "unicast_flush", FUO_EV_RESULT, true},
        {EFFECT_GROUP_CLOSE, "group_close", FUO_EV_RESULT, true},
        {EFFECT_SEND_MULTICAST, "multicast", FUO_EV_RESULT, true},
        {EFFECT_QUEUE_POLL, "queue_poll", FUO_EV_QUEUE, true},
        {EFFECT_QUEUE_FLUSH, "queue_flush", FUO_EV_RESULT, true},
    };
    struct rig rig;
    start(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].what);
        struct effect effect = effect_of(rows[i].type);
        size_t calls = rig.seen.calls;
        exec_effect(&rig.d, &effect);
        assert_int_equal(rig.seen.calls, calls + 1);
        assert_string_equal(rig.seen.what, rows[i].what);
        assert_int_equal(rig.d.requests.count, 1);
        struct fuo_event event = {.type = rows[i].answer};
        event.result.id = rig.seen.id;
        answer(&rig, event);
        assert_int_equal(rig.d.requests.count, 0);
        answer(&rig, event); /* twice: ignored */

        /* Not taken: nothing to wait for. */
        rig.seen.err = FUO_EAGAIN;
        exec_effect(&rig.d, &effect);
        run(&rig);
        assert_int_equal(rig.d.requests.count, 0);

        /* A fleet that is not connected. */
        effect.fleet_id = 99;
        exec_effect(&rig.d, &effect);
        run(&rig);
        assert_int_equal(rig.d.requests.count, 0);
    }
    stop(&rig);
}

/* The answer says nothing of transmission or lane: the request remembers both. */
static void intents_of_a_lane_are_remembered_with_it(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct effect effects[4] = {
        effect_of(EFFECT_GROUP_CLOSE),
        effect_of(EFFECT_SEND_MULTICAST),
        effect_of(EFFECT_QUEUE_POLL),
        effect_of(EFFECT_QUEUE_FLUSH),
    };
    effects[0].group.transmission_id = 5;
    effects[0].group.lane = 3;
    effects[1].multicast.transmission_id = 5;
    effects[1].multicast.lane = 3;
    effects[1].multicast.at.us = 123;
    for (size_t i = 2; i < ARRAY_LEN(effects); i++) {
        effects[i].queue.transmission_id = 5;
        effects[i].queue.lane = 3;
    }
    for (size_t i = 0; i < ARRAY_LEN(effects); i++) {
        exec_effect(&rig.d, &effects[i]);
        assert_int_equal(rig.d.requests.count, i + 1);
        assert_int_equal(rig.d.requests.items[i].id, rig.seen.id);
        assert_int_equal(rig.d.requests.items[i].transmission_id, 5);
        assert_int_equal(rig.d.requests.items[i].lane, 3);
    }
    assert_int_equal(rig.seen.at_us, 123);
    stop(&rig);
}

static void uplinks_and_fates_reach_the_engine(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct fuo_rx rx[FUO_RX_MAX] = {{.gateway = 0xabc, .snr_cdb = 500}};
    struct fuo_event event = {.type = FUO_EV_UPLINK};
    event.uplink.dev_eui = rig.f.devices[1];
    event.uplink.received_us = clock_utc(&rig.d.clock).us;
    event.uplink.rx = rx;
    event.uplink.rx_count = 1;
    event.uplink.fport = 2;
    answer(&rig, event);
    const struct device_rec *device = engine_device(rig.f.engine, rig.f.devices[1]);
    assert_int_equal(device->last_uplink.us, event.uplink.received_us);
    assert_int_equal(device->link[0].gateway, 0xabc);

    /* Times that cannot be, and what another fleet's server says. */
    const struct {
        int64_t age_us;
        uint32_t fleet_id;
    } lies[] = {
        {HOURS_US(26), FIXTURE_FLEET},
        {HOURS_US(-2), FIXTURE_FLEET},
        {HOURS_US(7000), FIXTURE_FLEET},
        {0, FIXTURE_FLEET + 1},
    };
    int64_t last_us = device->last_uplink.us;
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        event.uplink.received_us = clock_utc(&rig.d.clock).us - lies[i].age_us;
        rig.speaks_for = lies[i].fleet_id;
        answer(&rig, event);
        assert_int_equal(device->last_uplink.us, last_us);
    }
    assert_int_equal(rig.d.implausible_uplinks, 3);
    rig.speaks_for = FIXTURE_FLEET;

    static const enum fuo_fate fates[] = {FUO_FATE_SENT, FUO_FATE_EXPIRED,
                                          FUO_FATE_REFUSED};
    for (size_t i = 0; i < ARRAY_LEN(fates); i++) {
        event = (struct fuo_event){.type = FUO_EV_FATE};
        event.fate.dev_eui = rig.f.devices[1];
        event.fate.fate = fates[i];
        answer(&rig, event);
    }
    event = (struct fuo_event){.type = FUO_EV_STATUS};
    event.status.dev_eui = rig.f.devices[1]; /* it has been heard */
    event.status.margin_db = -32;
    rig.speaks_for = FIXTURE_FLEET + 1;
    answer(&rig, event);
    assert_int_equal(device->down_cdb, 0);
    rig.speaks_for = FIXTURE_FLEET;
    answer(&rig, event);
    assert_true(device->down_cdb < 0);

    stop(&rig);
}

static void reports_reach_the_engine_from_their_own_server(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct fuo_event event = {.type = FUO_EV_REPORTED};
    event.reported.dev_eui = rig.f.devices[1];
    event.reported.has_state = true;
    event.reported.state = FW_DOWNLOADING;
    snprintf(event.reported.firmware_version, FUO_REPORT_SIZE, "1.4.2");
    rig.speaks_for = FIXTURE_FLEET + 1;
    answer(&rig, event);
    assert_null(engine_report(rig.d.engine, rig.f.devices[1]));
    rig.speaks_for = FIXTURE_FLEET;
    answer(&rig, event);
    const struct report_rec *report = engine_report(rig.d.engine, rig.f.devices[1]);
    assert_int_equal(report->state, FW_DOWNLOADING);
    assert_string_equal(report->firmware_version, "1.4.2");
    stop(&rig);
}

/* Put a device's key into the store. */
static void add_key(struct rig *rig, uint64_t dev_eui, const uint8_t *gen_app_key)
{
    struct store_inventory row = {
        .dev_eui = dev_eui,
        .fleet = "f",
        .name = "",
        .profile = "",
        .labels = "{}",
        .gen_app_key = gen_app_key,
    };
    store_batch_inventory(&rig->d.rows, rig->d.store, &row);
    driver_flush(rig->d.driver);
    run(rig);
}

/* The plugin is given the session keys of the McKey, and the answer ends the request. */
static void open_lane_with(struct rig *rig, const struct aes_key *key, uint32_t mc_addr,
                           uint8_t lane)
{
    struct effect effect = effect_of(EFFECT_GROUP_OPEN);
    effect.group.transmission_id = 5;
    effect.group.key_id = 5;
    effect.group.f_cnt = 1234;
    effect.group.lane = lane;
    effect.group.campaign_id = FIXTURE_CAMPAIGN;
    effect.group.mc_addr = mc_addr;
    exec_effect(&rig->d, &effect);
    assert_string_equal(rig->seen.name, lane == 0    ? "fuotad-main-camp-5"
                                        : lane == 31 ? "fuotad-main-camp-5.31"
                                                     : "fuotad-main-camp-5.1");
    assert_string_equal(rig->seen.region, "EU868");
    assert_int_equal(rig->seen.mc_addr, mc_addr);
    assert_int_equal(rig->seen.f_cnt, 1234);
    struct session_keys keys;
    assert_int_equal(keys_mc_session(key, mc_addr, &keys), FUO_OK);
    assert_memory_equal(rig->seen.nwk_s_key, keys.nwk_s_key.b, 16);
    struct fuo_event event = {.type = FUO_EV_GROUP};
    event.group.id = rig->seen.id;
    event.group.group = "handle";
    answer(rig, event);
    assert_int_equal(rig->d.requests.count, 0);
}

static void keys_are_drawn_stored_wrapped_and_dropped(void **state)
{
    (void)state;
    static const uint8_t root[16] = {1, 2, 3};
    struct rig rig;
    start(&rig);
    add_key(&rig, rig.f.devices[0], root);
    struct effect effect = effect_of(EFFECT_NEW_KEY);
    effect.key.transmission_id = 5;
    exec_effect(&rig.d, &effect);
    run(&rig);
    const struct aes_key *key = keyring_find(rig.d.keyring, 5);
    assert_non_null(key);

    struct secret stored = {0};
    uint32_t mc_addr = 0;
    assert_int_equal(store_load_mc_key(rig.d.store, 5, &mc_addr, &stored, NULL), FUO_OK);
    assert_memory_equal(stored.bytes, key->b, sizeof(key->b));
    assert_true(keyring_has_addr(rig.d.keyring, mc_addr));
    secret_release(&stored);

    /* One after the other, with a key and without. */
    for (size_t i = 0; i < FIXTURE_DEVICES; i++) {
        effect = effect_of(i == 1 ? EFFECT_BLOCK_MIC : EFFECT_WRAP_KEY);
        effect.key.transmission_id = 6; /* that uses the key of transmission 5 */
        effect.key.key_id = 5;
        effect.key.campaign_id = FIXTURE_CAMPAIGN;
        effect.key.dev_eui = rig.f.devices[i == 2 ? 2 : 0];
        exec_effect(&rig.d, &effect);
    }
    run(&rig);
    assert_int_equal(rig.d.key_jobs.head, rig.d.key_jobs.len);

    open_lane_with(&rig, key, mc_addr, 0);
    open_lane_with(&rig, key, mc_addr, 1);
    open_lane_with(&rig, key, mc_addr, 31);

    effect = effect_of(EFFECT_DROP_KEY);
    effect.key.key_id = 5;
    exec_effect(&rig.d, &effect);
    driver_flush(rig.d.driver);
    run(&rig);
    assert_null(keyring_find(rig.d.keyring, 5));
    assert_int_equal(store_load_mc_key(rig.d.store, 5, &mc_addr, &stored, NULL),
                     FUO_ENOENT);

    /* A group without a key cannot be opened. */
    size_t calls = rig.seen.calls;
    effect = effect_of(EFFECT_GROUP_OPEN);
    effect.group.transmission_id = 5;
    effect.group.key_id = 5;
    effect.group.campaign_id = FIXTURE_CAMPAIGN;
    exec_effect(&rig.d, &effect);
    run(&rig);
    assert_int_equal(rig.seen.calls, calls);
    stop(&rig);
}

static void flushes_leave_room_for_sessions(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    struct effect effect = effect_of(EFFECT_SEND_FLUSH);
    for (int i = 0; i < 1000; i++) {
        exec_effect(&rig.d, &effect);
    }
    size_t out = rig.d.requests.flushes;
    assert_in_range(out, 1, HTTP_QUEUE_MAX / 2);
    assert_int_equal(rig.d.requests.count, out);
    assert_int_equal(rig.d.flushes_dropped, 1000 - out);
    struct fuo_event event = {.type = FUO_EV_RESULT, .result = {.id = rig.seen.id}};
    answer(&rig, event);
    exec_effect(&rig.d, &effect); /* one was answered: there is room for one */
    exec_effect(&rig.d, &effect);
    assert_int_equal(rig.d.requests.flushes, out);
    assert_int_equal(rig.d.flushes_dropped, 1001 - out);
    exec_forget(&rig.d);
    assert_int_equal(rig.d.requests.flushes, 0);
    stop(&rig);
}

/* Else a disk that is full for a moment would cost devices their update. */
static void a_root_key_that_cannot_be_read_now_is_asked_for_again(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int err;
        uint8_t minor;
        bool has_gen_app_key;
        bool has_app_key;
        int told;
    } rows[] = {
        {"1.0", FUO_OK, 0, true, false, FUO_OK},
        {"1.0 with the other key", FUO_OK, 0, false, true, FUO_ENOENT},
        {"1.1", FUO_OK, 1, false, true, FUO_OK},
        {"1.1 with the other key", FUO_OK, 1, true, false, FUO_ENOENT},
        {"none", FUO_ENOENT, 0, false, false, FUO_ENOENT},
        {"damaged", FUO_EAUTH, 0, false, false, FUO_ENOENT},
        {"disk full", FUO_ENOSPC, 0, false, false, FUO_EAGAIN},
        {"disk broken", FUO_EIO, 0, false, false, FUO_EAGAIN},
        {"no memory", FUO_ENOMEM, 0, false, false, FUO_EAGAIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct store_done done = {.type = STORE_DONE_DEVICE_KEY, .err = rows[i].err};
        test_row(rows[i].name);
        done.device_key.lorawan_minor = rows[i].minor;
        done.device_key.has_gen_app_key = rows[i].has_gen_app_key;
        done.device_key.has_app_key = rows[i].has_app_key;
        assert_int_equal(exec_root_key_error(&done), rows[i].told);
    }
}

TEST_MAIN(cmocka_unit_test(a_root_key_that_cannot_be_read_now_is_asked_for_again),
          cmocka_unit_test(intents_reach_the_plugin_and_are_answered_once),
          cmocka_unit_test(intents_of_a_lane_are_remembered_with_it),
          cmocka_unit_test(uplinks_and_fates_reach_the_engine),
          cmocka_unit_test(reports_reach_the_engine_from_their_own_server),
          cmocka_unit_test(flushes_leave_room_for_sessions),
          cmocka_unit_test(keys_are_drawn_stored_wrapped_and_dropped))
