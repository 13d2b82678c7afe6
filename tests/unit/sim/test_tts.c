/* SPDX-License-Identifier: MIT */
/*
 * The Things Stack's behaviour, each cited by where it is read in lorawan-stack v3.32: push
 * and queue in pkg/networkserver/grpc_asns.go, scheduling in downlink.go and utils.go.
 */
#include "server_rig.h"

#include "sim/pingslots.h"
#include "sim/tts.h"

#define SOON SECONDS_US(20)

struct heard {
    enum tts_event_type type;
    const char *error; /* NULL: none */
    struct tts_downlink downlink;
    bool of_device;
};

struct stack {
    struct rig *rig;
    struct tts tts;
    struct heard heard[LOG_MAX];
    size_t count;
};

static void note(void *ctx, const struct tts_event *event)
{
    struct stack *s = ctx;
    assert_true(s->count < LOG_MAX);
    struct heard *h = &s->heard[s->count++];
    *h = (struct heard){.type = event->type, .of_device = event->device != NULL};
    h->error = event->error != NULL ? event->error->name : NULL;
    if (event->downlink != NULL) {
        h->downlink = *event->downlink;
    }
}

static const struct tts_ns_settings ns_side = {
    .multicast = true,
    .supports_class_c = true,
    .has_session = true,
    .dev_addr = 0x01020304,
    .f_nwk_s_int_key = {{5}},
    .rx2_dr = 5,
    .rx2_frequency_hz = 869525000,
};
static const struct tts_as_settings as_side = {.dev_addr = 0x01020304,
                                               .app_s_key = {{6}}};

static struct stack stack_open(void)
{
    return (struct stack){.rig = rig_open()};
}

/* After the stack has its place in memory. */
static void stack_start(struct stack *s)
{
    static const struct tts_is_settings is_side = {.name = "mc"};
    assert_int_equal(tts_init(&s->tts, &s->rig->cs, note, s), FUO_OK);
    assert_int_equal(tts_is_create(&s->tts, "mc1", &is_side), FUO_OK);
    assert_int_equal(tts_ns_set(&s->tts, "mc1", &ns_side), FUO_OK);
    assert_int_equal(tts_as_set(&s->tts, "mc1", &as_side), FUO_OK);
}

static void stack_close(struct stack *s)
{
    tts_free(&s->tts);
    rig_close(s->rig);
}

static struct tts_downlink fragment(const struct stack *s, int64_t in_us)
{
    struct tts_downlink d = {
        .fport = 201,
        .len = 10,
        .has_class_b_c = true,
        .paths = {{"sim-gateway-1", 0}},
        .path_count = 1,
        .absolute_time = in_us == 0 ? UTC_NEVER : utc_after(s->rig->now, in_us),
        .priority = TTS_PRIORITY_NORMAL,
    };
    return d;
}

static int push_to(struct stack *s, const char *id, const struct tts_downlink *d,
                   size_t count, bool replace)
{
    struct tts_push push = {id, d, count, replace};
    const struct tts_error *why = NULL;
    return tts_push(&s->tts, &push, s->rig->now, &why);
}

static int push(struct stack *s, struct tts_downlink d)
{
    return push_to(s, "mc1", &d, 1, false);
}

static void expect(const struct stack *s, size_t i, enum tts_event_type type,
                   const char *error)
{
    assert_true(i < s->count);
    assert_int_equal(s->heard[i].type, type);
    if (error != NULL) {
        assert_string_equal(s->heard[i].error, error);
    } else {
        assert_null(s->heard[i].error);
    }
}

/* ---- registries ---- */

/* 3.2: Identity, Network and Application Server each have their part of it */
static void a_virtual_device_is_in_three_registries(void **state)
{
    static const struct tts_is_settings is_side = {.name = "again"};
    struct stack s = stack_open();
    (void)state;
    stack_start(&s);
    assert_int_equal(tts_is_create(&s.tts, "mc1", &is_side), FUO_EEXIST);
    assert_int_equal(tts_is_update(&s.tts, "mc1", &is_side), FUO_OK);
    assert_int_equal(tts_is_update(&s.tts, "mc2", &is_side), FUO_ENOENT);
    assert_int_equal(tts_is_create(&s.tts, "Not_An_Id", &is_side), FUO_EINVAL);
    assert_int_equal(tts_is_create(&s.tts, "sim-00001", &is_side), FUO_EINVAL);
    assert_int_equal(tts_delete(&s.tts, TTS_REGISTRY_AS, "mc1"), FUO_OK);
    assert_int_equal(tts_delete(&s.tts, TTS_REGISTRY_AS, "mc1"), FUO_ENOENT);
    /* AS does not know it: nothing is told */
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_ENOENT);
    assert_int_equal(s.count, 0);
    assert_int_equal(tts_delete(&s.tts, TTS_REGISTRY_NS, "mc1"), FUO_OK);
    assert_int_equal(tts_delete(&s.tts, TTS_REGISTRY_IS, "mc1"), FUO_OK);
    assert_null(tts_virtual_find(&s.tts, "mc1"));
    stack_close(&s);
}

/*
 * pkg/networkserver/grpc_deviceregistry.go (Set: required fields); mac/utils.go,
 * errClassAMulticast
 */
static void what_is_no_multicast_device_is_refused(void **state)
{
    struct stack s = stack_open();
    (void)state;
    stack_start(&s);
    for (int i = 0; i < 5; i++) {
        struct tts_ns_settings bad = ns_side;
        bad.multicast = i != 0;
        bad.supports_class_c = i != 1;
        bad.has_session = i != 2;
        bad.rx2_dr = i == 3 ? 15 : 5;
        bad.rx2_frequency_hz = i == 4 ? 0 : 869525000;
        assert_int_equal(tts_ns_set(&s.tts, "mc2", &bad), FUO_EINVAL);
    }
    assert_null(tts_virtual_find(&s.tts, "mc2"));
    stack_close(&s);
}

/* ---- push: matchApplicationDownlinks ---- */

/*
 * grpc_asns.go (matchQueuedApplicationDownlinks): no_downlink_path,
 * confirmed_multicast_downlink, downlink_expired, f_cnt_too_low
 */
static void refused_pushes_are_told(void **state)
{
    static const struct {
        const char *name;
        const char *error;
        int64_t in_us;
        uint8_t fport;
        size_t len, paths;
        bool confirmed;
    } rows[] = {
        {"no port", "no_f_port", SOON, 0, 10, 1, false},
        {"too long for any rate", "application_downlink_too_long", SOON, 201, 243, 1,
         false},
        {"confirmed", "confirmed_multicast_downlink", SOON, 201, 10, 1, true},
        {"no gateways", "no_downlink_path", SOON, 201, 10, 0, false},
        {"sooner than 2.5 s", "downlink_expired", MILLIS_US(2499), 201, 10, 1, false},
        {"in the past", "downlink_expired", -SECONDS_US(1), 201, 10, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stack s = stack_open();
        stack_start(&s);
        test_row(rows[i].name);
        struct tts_downlink d = fragment(&s, rows[i].in_us);
        d.fport = rows[i].fport;
        d.len = rows[i].len;
        d.path_count = rows[i].paths;
        d.confirmed = rows[i].confirmed;
        assert_int_equal(push(&s, d), FUO_EINVAL);
        assert_int_equal(s.count, 1);
        expect(&s, 0, TTS_EVENT_FAILED, rows[i].error);
        run(s.rig, MINUTES_US(5));
        assert_int_equal(s.count, 1);
        assert_int_equal(s.rig->tx_count, 0);
        stack_close(&s);
    }
}

/* grpc_asns.go (DownlinkQueuePush: the first error refuses the request) */
static void a_batch_is_taken_or_refused_as_a_whole(void **state)
{
    struct stack s = stack_open();
    (void)state;
    stack_start(&s);
    struct tts_downlink two[] = {fragment(&s, SOON), fragment(&s, 0)};
    two[1].path_count = 0;
    assert_int_equal(push_to(&s, "mc1", two, 2, false), FUO_EINVAL);
    assert_int_equal(s.count, 2);
    expect(&s, 0, TTS_EVENT_FAILED, "no_downlink_path");
    expect(&s, 1, TTS_EVENT_FAILED, "no_downlink_path");
    assert_int_equal(tts_virtual_find(&s.tts, "mc1")->queue_len, 0);
    stack_close(&s);
}

/*
 * pkg/applicationserver/applicationserver.go (downlinkQueueOp: no_device_session,
 * unknown_session)
 */
static void a_push_to_half_a_device_fails(void **state)
{
    struct stack s = stack_open();
    (void)state;
    stack_start(&s);
    assert_int_equal(tts_delete(&s.tts, TTS_REGISTRY_NS, "mc1"), FUO_OK);
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_EINVAL);
    expect(&s, 0, TTS_EVENT_FAILED, "device_not_found");
    stack_close(&s);
}

/* AS counts from last_a_f_cnt_down + 1 (payload.go), NS must not have seen it. */
static void counters_go_on_from_the_last(void **state)
{
    struct stack s = stack_open();
    struct tts_as_settings later = as_side;
    struct tts_ns_settings ahead = ns_side;
    (void)state;
    stack_start(&s);
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_OK);
    assert_int_equal(s.heard[0].downlink.f_cnt, 1);
    later.last_a_f_cnt_down = 40;
    assert_int_equal(tts_as_set(&s.tts, "mc1", &later), FUO_OK);
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_OK);
    assert_int_equal(s.heard[1].downlink.f_cnt, 41);
    ahead.last_n_f_cnt_down = 99;
    assert_int_equal(tts_ns_set(&s.tts, "mc1", &ahead), FUO_OK); /* empties the queue */
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_OK);
    assert_int_equal(s.heard[2].downlink.f_cnt, 100);
    assert_int_equal(tts_virtual_find(&s.tts, "mc1")->queue_len, 1);
    stack_close(&s);
}

/* ---- scheduling ---- */

/* networkserver.go, absoluteTimeSchedulingDelay; downlink.go:150 */
static void a_timed_downlink_is_scheduled_shortly_before(void **state)
{
    struct stack s = stack_open();
    (void)state;
    stack_start(&s);
    struct utc at = utc_after(s.rig->now, SOON);
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_OK);
    expect(&s, 0, TTS_EVENT_QUEUED, NULL);
    run(s.rig, SOON - SECONDS_US(7));
    assert_int_equal(s.rig->tx_count, 0);
    run(s.rig, SECONDS_US(2));
    assert_int_equal(s.rig->tx_count, 1);
    const struct cs_tx *tx = &s.rig->tx[0];
    assert_int_equal(tx->at.us, at.us);
    assert_false(tx->immediate);
    assert_int_equal(tx->gateway, 0);
    assert_int_equal(tx->dr, 5);
    assert_int_equal(tx->frequency_hz, 869525000);
    assert_int_equal(tx->ceiling_ppm, 700000);
    expect(&s, 1, TTS_EVENT_SENT, NULL);
    assert_false(s.heard[1].of_device);
    struct session_keys both = {ns_side.f_nwk_s_int_key, as_side.app_s_key};
    struct frame frame;
    uint8_t plain[FRAME_PAYLOAD_MAX_BYTES];
    assert_int_equal(frame_open(tx->phy, tx->phy_len, &both, 1, plain, &frame), FUO_OK);
    assert_int_equal(frame.addr, 0x01020304);
    stack_close(&s);
}

/* mac/utils.go NextPingSlotAt(); downlink.go processDownlinkTask(): no nearer than half of
 * absoluteTimeSchedulingDelay. */
static void in_class_b_the_server_chooses_ping_slots(void **state)
{
    struct stack s = stack_open();
    struct tts_ns_settings settings = ns_side;
    (void)state;
    stack_start(&s);
    settings.supports_class_c = false;
    assert_int_equal(tts_ns_set(&s.tts, "mc1", &settings), FUO_EINVAL);
    settings.supports_class_b = true;
    settings.ping_slot_periodicity = 8;
    assert_int_equal(tts_ns_set(&s.tts, "mc1", &settings), FUO_EINVAL);
    settings.ping_slot_periodicity = 2;
    assert_int_equal(tts_ns_set(&s.tts, "mc1", &settings), FUO_OK);
    struct utc slot = utc_after(s.rig->now, MILLIS_US(2500));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(push(&s, fragment(&s, 0)), FUO_OK);
    }
    run(s.rig, SECONDS_US(30));
    assert_int_equal(s.rig->tx_count, 3);
    for (size_t i = 0; i < 3; i++) {
        slot = pingslots_next(slot, settings.dev_addr, 2);
        assert_int_equal(s.rig->tx[i].at.us, slot.us);
        assert_false(s.rig->tx[i].immediate);
    }
    stack_close(&s);
}

/* pkg/gatewayserver/scheduling/sub_band.go, DefaultDutyCycleCeilings */
static void priorities_have_ceilings(void **state)
{
    (void)state;
    assert_int_equal(tts_priority_ceiling_ppm(TTS_PRIORITY_LOWEST), 400000);
    assert_int_equal(tts_priority_ceiling_ppm(TTS_PRIORITY_NORMAL), 700000);
    assert_int_equal(tts_priority_ceiling_ppm(TTS_PRIORITY_HIGHEST), 1000000);
}

/* nonRetryableAbsoluteTimeGatewayError, nonRetryablePathGatewayError, and the rest. */
static void refusals_of_the_gateways(void **state)
{
    static const struct {
        const char *name;
        enum tx_status status;
        bool timed;
        const char *error; /* NULL: tried again in silence */
    } rows[] = {
        {"duty cycle, timed", TX_DUTY_CYCLE_OVERFLOW, true, "absolute_time"},
        {"conflict, timed", TX_COLLISION_PACKET, true, "absolute_time"},
        {"too late, timed", TX_TOO_LATE, true, "absolute_time"},
        {"not connected, timed", TX_NO_ACK, true, "fixed_paths"},
        {"duty cycle, at any time", TX_DUTY_CYCLE_OVERFLOW, false, NULL},
        {"not connected, at any time", TX_NO_ACK, false, "fixed_paths"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stack s = stack_open();
        stack_start(&s);
        test_row(rows[i].name);
        s.rig->multicast = rows[i].status;
        assert_int_equal(push(&s, fragment(&s, rows[i].timed ? SOON : 0)), FUO_OK);
        run(s.rig, SECONDS_US(19));
        if (rows[i].error == NULL) {
            assert_int_equal(s.count, 1);
            assert_true(s.rig->tx_count >= 9); /* every 2 s */
            s.rig->multicast = TX_OK;
            run(s.rig, SECONDS_US(3));
            expect(&s, 1, TTS_EVENT_SENT, NULL);
        } else {
            assert_int_equal(s.count, 2);
            assert_int_equal(s.rig->tx_count, 1);
            expect(&s, 1, TTS_EVENT_FAILED, rows[i].error);
            assert_int_equal(tts_virtual_find(&s.tts, "mc1")->queue_len, 0);
        }
        stack_close(&s);
    }
}

/* One is not connected, one has no airtime left: neither answer is for good. */
static void mixed_refusals_are_tried_until_the_time_has_passed(void **state)
{
    struct stack s = stack_open();
    (void)state;
    stack_start(&s);
    struct tts_downlink d = fragment(&s, SOON);
    d.paths[1] = (struct tts_path){"elsewhere", 0};
    d.path_count = 2;
    s.rig->multicast = TX_DUTY_CYCLE_OVERFLOW;
    assert_int_equal(push(&s, d), FUO_OK);
    run(s.rig, MINUTES_US(1));
    assert_int_equal(s.count, 1); /* not even that it is too late now */
    assert_true(s.rig->tx_count > 1);
    s.rig->multicast = TX_OK;
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_OK);
    run(s.rig, MINUTES_US(1));
    expect(&s, 2, TTS_EVENT_FAILED, "downlink_expired"); /* told with the next one */
    expect(&s, 3, TTS_EVENT_SENT, NULL);
    stack_close(&s);
}

/* scheduleDownlinkByPaths: a group is served by the first that takes it. */
static void one_gateway_of_each_group_sends(void **state)
{
    static const struct {
        const char *name;
        uint32_t groups[3];
        size_t sent;
    } rows[] = {
        {"one group", {0, 0, 0}, 1},
        {"a group for each", {0, 1, 2}, 2}, /* the third is not connected */
        {"the unconnected one first", {7, 7, 7}, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static const char *const ids[] = {"sim-gateway-1", "sim-gateway-2", "elsewhere"};
        struct stack s = stack_open();
        stack_start(&s);
        test_row(rows[i].name);
        struct tts_downlink d = fragment(&s, SOON);
        for (size_t k = 0; k < 3; k++) {
            const char *id = ids[i == 2 ? 2 - k : k];
            memcpy(d.paths[k].gateway_id, id, strlen(id) + 1);
            d.paths[k].group_index = rows[i].groups[k];
        }
        d.path_count = 3;
        assert_int_equal(push(&s, d), FUO_OK);
        run(s.rig, MINUTES_US(1));
        assert_int_equal(s.rig->tx_count, rows[i].sent);
        assert_int_equal(s.count, 2);
        expect(&s, 1, TTS_EVENT_SENT, NULL);
        stack_close(&s);
    }
}

/* utils.go (nextDataDownlinkSlot); mac_settings.class_b_c_downlink_interval */
static void downlinks_that_follow_too_closely_are_passed_over(void **state)
{
    struct stack s = stack_open();
    (void)state;
    stack_start(&s);
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_OK);
    assert_int_equal(push(&s, fragment(&s, SOON + MILLIS_US(900))), FUO_OK);
    assert_int_equal(push(&s, fragment(&s, SOON + MILLIS_US(1900))), FUO_OK);
    run(s.rig, MINUTES_US(1));
    assert_int_equal(s.rig->tx_count, 2);
    expect(&s, 4, TTS_EVENT_FAILED, "downlink_expired");
    struct tts_ns_settings faster = ns_side;
    faster.interval_us = MILLIS_US(100);
    assert_int_equal(tts_ns_set(&s.tts, "mc1", &faster), FUO_OK);
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_OK);
    assert_int_equal(push(&s, fragment(&s, SOON + MILLIS_US(900))), FUO_OK);
    run(s.rig, MINUTES_US(1));
    assert_int_equal(s.rig->tx_count, 4);
    stack_close(&s);
}

/* downlink.go (generateDataDownlink), errApplicationDownlinkTooLong */
static void what_is_too_long_for_the_rate_fails_when_its_time_comes(void **state)
{
    struct stack s = stack_open();
    struct tts_ns_settings slow = ns_side;
    (void)state;
    stack_start(&s);
    slow.rx2_dr = 0;
    assert_int_equal(tts_ns_set(&s.tts, "mc1", &slow), FUO_OK);
    struct tts_downlink d = fragment(&s, SOON);
    d.len = 200;
    assert_int_equal(push(&s, d), FUO_OK);
    run(s.rig, MINUTES_US(1));
    expect(&s, 1, TTS_EVENT_FAILED, "application_downlink_too_long");
    assert_int_equal(s.rig->tx_count, 0);
    stack_close(&s);
}

/* grpc_asns.go (DownlinkQueueReplace); topics/v3.go, down/replace */
static void replacing_empties_the_queue_in_silence(void **state)
{
    struct stack s = stack_open();
    const struct tts_downlink *queue = NULL;
    (void)state;
    stack_start(&s);
    assert_int_equal(push(&s, fragment(&s, SOON)), FUO_OK);
    assert_int_equal(push_to(&s, "mc1", NULL, 0, true), FUO_OK);
    assert_int_equal(tts_queue(&s.tts, "mc1", &queue), FUO_OK);
    assert_null(queue);
    run(s.rig, MINUTES_US(1));
    assert_int_equal(s.count, 1);
    assert_int_equal(s.rig->tx_count, 0);
    assert_int_equal(tts_queue(&s.tts, "none", &queue), FUO_ENOENT);
    stack_close(&s);
}

/* ---- real devices ---- */

static struct tts_downlink command(uint8_t len)
{
    return (struct tts_downlink){.fport = 200, .len = len, .absolute_time = UTC_NEVER};
}

/* What struct cs told in the meantime, as the network would pass it on. */
static void retell(struct stack *s, size_t *from)
{
    for (; *from < s->rig->event_count; ++*from) {
        struct cs_event event = s->rig->events[*from];
        event.queue_item_id = event.queue_item_id != NULL ? s->rig->items[*from] : NULL;
        tts_take(&s->tts, &event);
    }
}

/*
 * 3.1: queued, then sent by the first uplink's windows; downlink.go,
 * attemptClassADataDownlink
 */
static void class_a_downlinks(void **state)
{
    struct stack s = stack_open();
    size_t told = 0;
    (void)state;
    stack_start(&s);
    assert_int_equal(push_to(&s, "sim-00001", &(struct tts_downlink){.fport = 1}, 1, 0),
                     FUO_EINVAL);
    expect(&s, 0, TTS_EVENT_FAILED, "no_device_session");
    join_device(s.rig, 0);
    run(s.rig, SECONDS_US(10));
    retell(&s, &told);
    expect(&s, 1, TTS_EVENT_JOIN, NULL);

    struct tts_downlink two[] = {command(4), command(5)};
    assert_int_equal(push_to(&s, "sim-00001", two, 2, false), FUO_OK);
    expect(&s, 2, TTS_EVENT_QUEUED, NULL);
    expect(&s, 3, TTS_EVENT_QUEUED, NULL);
    s.rig->rx1 = TX_DUTY_CYCLE_OVERFLOW;
    s.rig->rx2 = TX_DUTY_CYCLE_OVERFLOW;
    uplink_at(s.rig, 0, false, &good_rx, 1);
    run(s.rig, SECONDS_US(10));
    retell(&s, &told);
    expect(&s, 4, TTS_EVENT_UP, NULL);
    assert_int_equal(s.count, 5); /* the gateway's refusal is not told */

    s.rig->rx1 = TX_OK;
    uplink_at(s.rig, 0, false, &good_rx, 1);
    run(s.rig, SECONDS_US(10));
    retell(&s, &told);
    expect(&s, 6, TTS_EVENT_SENT, NULL);
    assert_int_equal(s.heard[6].downlink.len, 4);

    const struct tts_downlink *queue;
    assert_int_equal(tts_queue(&s.tts, "sim-00001", &queue), FUO_OK);
    assert_int_equal(queue->len, 5);
    tts_take(&s.tts, &(struct cs_event){.type = CS_EVENT_LOG,
                                        .device = &s.rig->cs.devices[0],
                                        .queue_item_id = queue->item_id});
    expect(&s, 7, TTS_EVENT_FAILED, "application_downlink_too_long");
    assert_int_equal(tts_queue(&s.tts, "sim-00001", &queue), FUO_OK);
    assert_null(queue);
    stack_close(&s);
}

/* grpc_gsns.go (handleDataUplink: down/ack or down/nack of the pending downlink) */
static void confirmed_downlinks_are_settled_by_the_next_uplink(void **state)
{
    struct stack s = stack_open();
    size_t told = 0;
    (void)state;
    stack_start(&s);
    join_device(s.rig, 0);
    run(s.rig, SECONDS_US(10));
    struct tts_downlink d = command(4);
    d.confirmed = true;
    for (int ack = 0; ack < 2; ack++) {
        assert_int_equal(push_to(&s, "sim-00001", &d, 1, ack == 1), FUO_OK);
        uplink_at(s.rig, 0, false, &good_rx, 1);
        run(s.rig, SECONDS_US(10));
        uplink_at(s.rig, 0, ack == 1, &good_rx, 1);
        run(s.rig, SECONDS_US(10));
        retell(&s, &told);
        expect(&s, s.count - 1, ack == 1 ? TTS_EVENT_ACK : TTS_EVENT_NACK, NULL);
    }
    stack_close(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_virtual_device_is_in_three_registries),
        cmocka_unit_test(what_is_no_multicast_device_is_refused),
        cmocka_unit_test(refused_pushes_are_told),
        cmocka_unit_test(a_batch_is_taken_or_refused_as_a_whole),
        cmocka_unit_test(a_push_to_half_a_device_fails),
        cmocka_unit_test(counters_go_on_from_the_last),
        cmocka_unit_test(a_timed_downlink_is_scheduled_shortly_before),
        cmocka_unit_test(in_class_b_the_server_chooses_ping_slots),
        cmocka_unit_test(priorities_have_ceilings),
        cmocka_unit_test(refusals_of_the_gateways),
        cmocka_unit_test(mixed_refusals_are_tried_until_the_time_has_passed),
        cmocka_unit_test(one_gateway_of_each_group_sends),
        cmocka_unit_test(downlinks_that_follow_too_closely_are_passed_over),
        cmocka_unit_test(what_is_too_long_for_the_rate_fails_when_its_time_comes),
        cmocka_unit_test(replacing_empties_the_queue_in_silence),
        cmocka_unit_test(class_a_downlinks),
        cmocka_unit_test(confirmed_downlinks_are_settled_by_the_next_uplink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
