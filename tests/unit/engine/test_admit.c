/* SPDX-License-Identifier: MIT */
/* Airtime of what goes to single devices: the engine, a server that answers uplinks, air. */
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "engine/engine.h"
#include "radio/airtime.h"
#include "radio/region.h"

enum {
    DEVICES = 500,
    FIRST = 0x1000, /* DevEUI */
    NEAR = 0x16,    /* gateways */
    FAR = 0x17,
    FRAMES_MAX = 60000,
};

#define LAW_US   SECONDS_US(36) /* of an hour, in 1 % */
#define M_HZ     868100000
#define L_HZ     867100000
#define RX2_HZ   869525000
#define SHARE_US (LAW_US / 10 * 6)

struct frame {
    struct utc at;
    uint32_t frequency_hz;
    int64_t us;
};

struct net {
    struct engine *engine;
    struct engine_config config;
    struct effects effects;
    struct utc now;
    struct campaign_spec spec;
    struct fleet_spec fleet;
    size_t device_count;
    uint64_t devices[DEVICES];
    uint8_t image[300];
    uint8_t dr;
    bool mute; /* the server says nothing of what it sent */
    const struct fleet_spec
        *other; /* a fleet that is there before this one; NULL: none */
    struct campaign_rec campaign;
    struct member_rec members[DEVICES];
    struct device_rec recs[DEVICES];
    struct effect queued[DEVICES]; /* at the server; type 0: nothing */
    size_t sends;
    struct frame *frames;
    size_t frame_count;
};

static void build(struct net *n)
{
    struct engine_fleet fleet = {.id = 1, .spec = &n->fleet, .queue_rows_max = 4};
    engine_destroy(n->engine);
    n->config.boot++;
    n->engine = engine_create(&n->config);
    if (n->other != NULL) {
        struct engine_fleet other = {.id = 2, .spec = n->other, .queue_rows_max = 4};
        assert_int_equal(engine_add_fleet(n->engine, &other), FUO_OK);
    }
    assert_int_equal(engine_add_fleet(n->engine, &fleet), FUO_OK);
    for (size_t i = 0; i < n->device_count; i++) {
        assert_int_equal(engine_add_device(n->engine, &n->recs[i]), FUO_OK);
    }
}

static void start(struct net *n, size_t device_count)
{
    memset(n, 0, sizeof(*n));
    n->now = (struct utc){SECONDS_US(1800000000)};
    n->device_count = device_count;
    n->frames = calloc(FRAMES_MAX, sizeof(*n->frames));
    assert_non_null(n->frames);
    memcpy(n->spec.name, "many", 5);
    n->spec.targets.preconditions.max_uplink_age_us = HOURS_US(12);
    n->spec.image.firmware_version = SPEC_AUTO_U32;
    n->spec.retry.command = 4;
    memcpy(n->fleet.name, "many", 5);
    n->fleet.region = "EU868";
    n->fleet.reserve_ppm = 400000;
    n->fleet.default_profile = "generic";
    for (size_t i = 0; i < device_count; i++) {
        n->devices[i] = FIRST + i;
        n->recs[i] = (struct device_rec){.dev_eui = FIRST + i,
                                         .fleet_id = 1,
                                         .package_version = {0, 2, 2, 2, 1},
                                         .packages_known = true,
                                         .uplink_interval_us = MINUTES_US(5),
                                         .link_count = 1,
                                         .link = {{.gateway = NEAR}}};
    }
    build(n);
}

static void finish(struct net *n)
{
    engine_destroy(n->engine);
    effects_finish(&n->effects);
    free(n->frames);
}

static struct engine_campaign definition(const struct net *n)
{
    return (struct engine_campaign){.id = 1,
                                    .spec = &n->spec,
                                    .image = n->image,
                                    .image_len = sizeof(n->image),
                                    .devices = n->devices,
                                    .device_count = n->device_count};
}

static void drain(struct net *n)
{
    for (size_t i = 0; i < n->effects.len; i++) {
        const struct effect *effect = n->effects.items[i];
        if (effect->type == EFFECT_SEND) {
            n->queued[effect->send.dev_eui - FIRST] = *effect;
            n->sends++;
        } else if (effect->type == EFFECT_SEND_FLUSH) {
            n->queued[effect->send.dev_eui - FIRST].type = 0;
        } else if (effect->type == EFFECT_STORE && effect->store.kind == STORE_MEMBER) {
            n->members[effect->store.member.dev_eui - FIRST] = effect->store.member;
        } else if (effect->type == EFFECT_STORE && effect->store.kind == STORE_CAMPAIGN) {
            n->campaign = effect->store.campaign;
        }
    }
    effects_clear(&n->effects);
}

static void step(struct net *n, struct engine_event *event)
{
    event->now = (struct instant){n->now.us};
    event->utc = n->now;
    engine_step(n->engine, event, &n->effects);
    drain(n);
}

static void apply(struct net *n)
{
    struct engine_event event = {.type = ENGINE_EV_APPLY, .apply = definition(n)};
    step(n, &event);
}

static void wait_until(struct net *n, struct utc until)
{
    for (;;) {
        struct instant due = engine_deadline(n->engine);
        if (due.us > until.us) {
            break;
        }
        n->now.us = due.us > n->now.us ? due.us : n->now.us;
        struct engine_event event = {.type = ENGINE_EV_TIMEOUT};
        step(n, &event);
    }
    n->now = until;
}

/* The server answers in the first window, with what it holds. */
static void reply(struct net *n, size_t device, uint64_t gateway, uint32_t frequency_hz)
{
    struct effect *effect = &n->queued[device];
    if (effect->type != EFFECT_SEND) {
        return;
    }
    effect->type = 0;
    int64_t us = 0;
    assert_int_equal(airtime_downlink_us(region_by_name("EU868"), n->dr,
                                         effect->send.payload_len, &us),
                     FUO_OK);
    assert_true(n->frame_count < FRAMES_MAX);
    n->frames[n->frame_count++] = (struct frame){n->now, frequency_hz, us};
    struct engine_event event = {.type = ENGINE_EV_SEND_FATE,
                                 .send_fate = {.id = effect->send.id,
                                               .dev_eui = effect->send.dev_eui,
                                               .fate = ENGINE_FATE_SENT,
                                               .gateway = gateway,
                                               .frequency_hz = frequency_hz,
                                               .dr = n->dr}};
    if (!n->mute) {
        step(n, &event);
    }
}

static void hear(struct net *n, size_t device, const struct engine_rx *rx,
                 size_t rx_count, uint32_t frequency_hz)
{
    const uint8_t payload[] = {0};
    struct engine_event event = {.type = ENGINE_EV_UPLINK,
                                 .uplink = {.dev_eui = FIRST + device,
                                            .received = n->now,
                                            .payload = payload,
                                            .payload_len = sizeof(payload),
                                            .rx = rx,
                                            .rx_count = rx_count,
                                            .frequency_hz = frequency_hz,
                                            .dr = n->dr,
                                            .fport = 2}};
    step(n, &event);
}

static void speak(struct net *n, size_t device, uint64_t gateway, uint32_t frequency_hz)
{
    const struct engine_rx rx = {.gateway = gateway, .snr_cdb = 500};
    hear(n, device, &rx, 1, frequency_hz);
    reply(n, device, gateway, frequency_hz);
}

static int64_t busiest_hour_us(const struct net *n, uint32_t frequency_hz)
{
    int64_t most_us = 0;
    int64_t sum_us = 0;
    size_t first = 0;
    for (size_t i = 0; i < n->frame_count; i++) {
        const struct frame *f = &n->frames[i];
        sum_us += f->frequency_hz == frequency_hz ? f->us : 0;
        while (n->frames[first].at.us + HOURS_US(1) < f->at.us + f->us) {
            sum_us -=
                n->frames[first].frequency_hz == frequency_hz ? n->frames[first].us : 0;
            first++;
        }
        most_us = sum_us > most_us ? sum_us : most_us;
    }
    return most_us;
}

static int64_t waiting_us(const struct net *n)
{
    struct engine_budget b;
    int64_t most_us = 0;
    for (size_t i = 0; engine_budget_at(n->engine, i, n->now, &b); i++) {
        most_us = b.waiting_us > most_us ? b.waiting_us : most_us;
    }
    return most_us;
}

/* As much as its share was used there just now. */
static void fill(struct net *n, uint64_t gateway, uint32_t frequency_hz)
{
    for (int i = 0; i < 9; i++) {
        struct charge_rec charge = {.gateway = gateway,
                                    .frequency_hz = frequency_hz,
                                    .at = utc_after(n->now, -SECONDS_US(30)),
                                    .airtime_us = SHARE_US / 9};
        assert_int_equal(engine_restore_charge(n->engine, &charge), FUO_OK);
    }
}

/* ---- a crowd ---- */

/* Every device speaks each five minutes, slowly, and answers nothing. */
static void crowd(struct net *n, bool mute)
{
    start(n, DEVICES);
    n->mute = mute;
    apply(n);
    const struct utc began = n->now;
    for (int round = 0; n->campaign.phase != CAMPAIGN_COMPLETED; round++) {
        assert_true(n->now.us - began.us < DAYS_US(2));
        for (size_t i = 0; i < DEVICES; i++) {
            wait_until(n, utc_after(n->now, MINUTES_US(5) / DEVICES));
            speak(n, i, NEAR, (i + (size_t)round) % 3 == 0 ? M_HZ : L_HZ);
        }
    }
}

static void a_crowd_behind_one_gateway_never_breaks_the_law(void **state)
{
    (void)state;
    for (int mute = 0; mute < 2; mute++) {
        struct net n;
        test_row(mute ? "without acknowledgements" : "with acknowledgements");
        crowd(&n, mute);
        assert_in_range(busiest_hour_us(&n, M_HZ), LAW_US / 4, SHARE_US);
        assert_in_range(busiest_hour_us(&n, L_HZ), LAW_US / 4, SHARE_US);
        finish(&n);
    }
}

/* The one that hears it best has all the time: the server may take the other. */
static void a_crowd_answered_by_the_second_best_gateway_keeps_to_the_share(void **state)
{
    static const struct engine_rx rx[] = {{.gateway = NEAR, .snr_cdb = 500},
                                          {.gateway = FAR, .snr_cdb = 300}};
    (void)state;
    struct net n;
    start(&n, DEVICES);
    apply(&n);
    const struct utc began = n.now;
    while (n.campaign.phase != CAMPAIGN_COMPLETED) {
        assert_true(n.now.us - began.us < DAYS_US(2));
        for (size_t i = 0; i < DEVICES; i++) {
            wait_until(&n, utc_after(n.now, MINUTES_US(5) / DEVICES));
            hear(&n, i, rx, ARRAY_LEN(rx), M_HZ);
            reply(&n, i, FAR, M_HZ);
        }
    }
    assert_in_range(busiest_hour_us(&n, M_HZ), LAW_US / 4, SHARE_US);
    finish(&n);
}

/* ---- one device ---- */

static void where_there_is_no_airtime_another_gateway_helps(void **state)
{
    (void)state;
    struct net n;
    start(&n, 1);
    fill(&n, NEAR, M_HZ);
    apply(&n);
    for (int i = 0; i < 3; i++) {
        wait_until(&n, utc_after(n.now, MINUTES_US(5)));
        speak(&n, 0, NEAR, M_HZ);
        assert_int_equal(n.sends, 0);
        assert_int_equal(n.members[0].tries, 0); /* it has not been tried */
    }
    wait_until(&n, utc_after(n.now, MINUTES_US(5)));
    speak(&n, 0, FAR, M_HZ);
    assert_int_equal(n.sends, 1);
    assert_int_equal(n.members[0].tries, 1);
    finish(&n);
}

/* 10 dB above what SF12 needs: it may be the one that answers. */
static void a_gateway_without_airtime_counts_only_if_the_server_may_take_it(void **state)
{
    static const struct {
        const char *name;
        int16_t snr_cdb;
        size_t sends;
    } rows[] = {{"weak", -1100, 1}, {"strong", -1000, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct engine_rx rx[] = {{.gateway = NEAR, .snr_cdb = 500},
                                       {.gateway = FAR, .snr_cdb = rows[i].snr_cdb}};
        struct net n;
        test_row(rows[i].name);
        start(&n, 1);
        fill(&n, FAR, M_HZ);
        hear(&n, 0, rx, ARRAY_LEN(rx), M_HZ);
        apply(&n);
        wait_until(&n, utc_after(n.now, SECONDS_US(1)));
        assert_int_equal(n.sends, rows[i].sends);
        finish(&n);
    }
}

static void another_sub_band_helps_as_well(void **state)
{
    (void)state;
    struct net n;
    start(&n, 1);
    fill(&n, NEAR, M_HZ);
    apply(&n);
    speak(&n, 0, NEAR, M_HZ);
    assert_int_equal(n.sends, 0);
    wait_until(&n, utc_after(n.now, MINUTES_US(5)));
    speak(&n, 0, NEAR, L_HZ);
    assert_int_equal(n.sends, 1);
    finish(&n);
}

/* Slow devices that are answered in the second window: what waits for them is counted there. */
static void what_goes_out_in_the_second_window_takes_nothing_of_the_first(void **state)
{
    (void)state;
    struct net n;
    start(&n, 40);
    apply(&n);
    for (size_t i = 0; i < 20; i++) {
        const struct engine_rx rx = {.gateway = NEAR, .snr_cdb = 500};
        wait_until(&n, utc_after(n.now, MINUTES_US(1)));
        hear(&n, i, &rx, 1, M_HZ);
        reply(&n, i, NEAR, RX2_HZ);
    }
    for (size_t i = 20; i < 39; i++) { /* it is held by the server */
        const struct engine_rx rx = {.gateway = NEAR, .snr_cdb = 500};
        hear(&n, i, &rx, 1, M_HZ);
    }
    assert_true(waiting_us(&n) > SHARE_US / 2);
    struct charge_rec charge = {.gateway = NEAR,
                                .frequency_hz = M_HZ,
                                .at = utc_after(n.now, -SECONDS_US(30)),
                                .airtime_us = SHARE_US / 2};
    assert_int_equal(engine_restore_charge(n.engine, &charge), FUO_OK);
    n.dr = 5;
    n.queued[39].type = 0;
    size_t sends = n.sends;
    speak(&n, 39, NEAR, M_HZ);
    assert_int_equal(n.sends, sends + 1);
    finish(&n);
}

static void what_expired_or_was_refused_is_released(void **state)
{
    (void)state;
    static const enum engine_fate fates[] = {ENGINE_FATE_EXPIRED, ENGINE_FATE_REFUSED};
    for (size_t i = 0; i < ARRAY_LEN(fates); i++) {
        struct net n;
        start(&n, 1);
        apply(&n);
        wait_until(&n, utc_after(n.now, SECONDS_US(1)));
        assert_int_equal(n.sends, 1);
        assert_true(waiting_us(&n) > 0);
        struct engine_event event = {.type = ENGINE_EV_SEND_FATE,
                                     .send_fate = {.id = n.queued[0].send.id,
                                                   .dev_eui = FIRST,
                                                   .fate = fates[i],
                                                   .dr = ENGINE_DR_UNKNOWN}};
        step(&n, &event);
        assert_int_equal(waiting_us(&n), 0);
        finish(&n);
    }
}

static void what_waits_at_the_server_counts_after_a_restart(void **state)
{
    (void)state;
    struct net n;
    start(&n, 1);
    apply(&n);
    wait_until(&n, utc_after(n.now, SECONDS_US(1)));
    assert_true(waiting_us(&n) > 0);
    build(&n);
    assert_int_equal(waiting_us(&n), 0);
    struct engine_campaign def = definition(&n);
    assert_int_equal(engine_restore_campaign(n.engine, &def, &n.campaign), FUO_OK);
    assert_int_equal(engine_restore_member(n.engine, &n.members[0]), FUO_OK);
    engine_resume(n.engine, (struct instant){n.now.us}, n.now, &n.effects);
    drain(&n);
    assert_true(waiting_us(&n) > 0);
    finish(&n);
}

static struct engine_budget budget_of(const struct net *n, uint64_t gateway,
                                      uint32_t frequency_hz)
{
    struct engine_budget b;
    for (size_t i = 0; engine_budget_at(n->engine, i, n->now, &b); i++) {
        if (b.gateway == gateway && frequency_hz >= b.low_hz &&
            frequency_hz < b.high_hz) {
            return b;
        }
    }
    fail_msg("no ledger of that gateway");
    return b;
}

static void restore_charge(struct net *n, int64_t from_now_us, int64_t airtime_us)
{
    struct charge_rec charge = {.gateway = NEAR,
                                .frequency_hz = M_HZ,
                                .at = utc_after(n->now, from_now_us),
                                .airtime_us = airtime_us};
    assert_int_equal(engine_restore_charge(n->engine, &charge), FUO_OK);
}

static void what_is_still_to_be_sent_makes_no_hour_shorter_after_a_restart(void **state)
{
    (void)state;
    struct net n;
    start(&n, 1);
    restore_charge(&n, -SECONDS_US(3570), SECONDS_US(2));
    restore_charge(&n, SECONDS_US(100), SECONDS_US(1)); /* in a ping slot to come */
    engine_resume(n.engine, (struct instant){n.now.us}, n.now, &n.effects);
    drain(&n);
    assert_int_equal(budget_of(&n, NEAR, M_HZ).own_us, SECONDS_US(2));
    n.now = utc_after(n.now, SECONDS_US(120));
    assert_int_equal(budget_of(&n, NEAR, M_HZ).own_us, SECONDS_US(1));
    finish(&n);
}

static void what_a_clock_that_was_set_back_made_is_not_waited_for(void **state)
{
    (void)state;
    struct net n;
    start(&n, 1);
    restore_charge(&n, DAYS_US(3), SECONDS_US(2));
    engine_resume(n.engine, (struct instant){n.now.us}, n.now, &n.effects);
    drain(&n);
    n.now = utc_after(n.now, MINUTES_US(6));
    assert_int_equal(budget_of(&n, NEAR, M_HZ).own_us, SECONDS_US(2));
    n.now = utc_after(n.now, HOURS_US(1));
    assert_int_equal(budget_of(&n, NEAR, M_HZ).own_us, 0);
    finish(&n);
}

static void
a_gateway_has_the_limits_of_the_fleet_that_uses_it_after_a_restart(void **state)
{
    (void)state;
    struct net n;
    start(&n, 1);
    struct fleet_spec other = n.fleet;
    memcpy(other.name, "else", 5);
    other.reserve_ppm = 900000;
    n.other = &other;
    build(&n);
    restore_charge(&n, -MINUTES_US(2), SECONDS_US(2));
    restore_charge(&n, -MINUTES_US(1), SECONDS_US(1));
    engine_resume(n.engine, (struct instant){n.now.us}, n.now, &n.effects);
    apply(&n);
    wait_until(&n, utc_after(n.now, SECONDS_US(1)));
    struct engine_budget b = budget_of(&n, NEAR, M_HZ);
    assert_int_equal(b.own_cap_us, SHARE_US);
    assert_int_equal(b.own_us, SECONDS_US(3));
    finish(&n);
}

TEST_MAIN(
    cmocka_unit_test(what_is_still_to_be_sent_makes_no_hour_shorter_after_a_restart),
    cmocka_unit_test(what_a_clock_that_was_set_back_made_is_not_waited_for),
    cmocka_unit_test(a_gateway_has_the_limits_of_the_fleet_that_uses_it_after_a_restart),
    cmocka_unit_test(a_crowd_behind_one_gateway_never_breaks_the_law),
    cmocka_unit_test(a_crowd_answered_by_the_second_best_gateway_keeps_to_the_share),
    cmocka_unit_test(a_gateway_without_airtime_counts_only_if_the_server_may_take_it),
    cmocka_unit_test(where_there_is_no_airtime_another_gateway_helps),
    cmocka_unit_test(another_sub_band_helps_as_well),
    cmocka_unit_test(what_goes_out_in_the_second_window_takes_nothing_of_the_first),
    cmocka_unit_test(what_expired_or_was_refused_is_released),
    cmocka_unit_test(what_waits_at_the_server_counts_after_a_restart))
