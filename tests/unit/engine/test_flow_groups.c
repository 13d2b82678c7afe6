/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: multicast groups that devices keep for later campaigns. */
#include "flow_steps.h"

#include "profile/shipped.h"

static void begin_keeping(struct flow *f, size_t devices, uint32_t groups_max)
{
    flow_init(f, devices);
    f->config.groups_max = groups_max;
    flow_rebuild(f);
    flow_apply(f);
}

/* Whom it is over, to its end, and the transmission's too. */
static void complete(struct flow *f)
{
    for (size_t i = 0; i < f->device_count; i++) { /* all in one session */
        flow_walk(f, f->first_device + i, MEMBER_SESSION);
    }
    for (size_t i = 0; i < f->device_count; i++) {
        flow_walk(f, f->first_device + i, MEMBER_ENDED);
        ended(f, f->first_device + i, OUTCOME_SUCCEEDED, REASON_VERIFIED,
              FW_RESULT_SUCCESS);
    }
    flow_wait(f, DAYS_US(1));
    assert_int_equal(f->transmission.phase, TX_ENDED);
}

static void apply_next(struct flow *f, size_t first_device, size_t devices)
{
    f->campaign_id++;
    f->first_device = first_device;
    f->device_count = devices;
    f->image[0] ^= 0xff;
    flow_apply(f);
}

static void a_second_campaign_sets_no_group_up(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 2, 4);
    complete(&f);
    assert_int_equal(f.group_setups, 2);
    assert_int_equal(f.dropped_keys, 0);
    assert_int_equal(f.close_count, 1); /* the server keeps nothing */
    assert_int_equal(f.group.id, 1);
    assert_int_equal(f.group.transmission_id, 0);
    assert_true(f.group.f_cnt > f.f_cnt - 1); /* beyond all that it has given */
    uint32_t next = f.group.f_cnt;

    apply_next(&f, 0, 2);
    complete(&f);
    assert_int_equal(f.group_setups, 2);
    assert_int_equal(f.transmission.id, 2);
    assert_int_equal(f.transmission.key_id, 1);
    assert_int_equal(f.last_open.group.key_id, 1);
    assert_int_equal(f.last_open.group.mc_addr, 0x01000000);
    assert_int_equal(f.last_open.group.f_cnt, next);
    assert_true(f.group.f_cnt > next);
    assert_int_equal(f.close_count, 2);
    assert_int_equal(f.dropped_keys, 0);
    flow_free(&f);
}

static void without_room_no_group_is_kept(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 0);
    complete(&f);
    assert_int_equal(f.dropped_keys, 1);
    apply_next(&f, 0, 1);
    complete(&f);
    assert_int_equal(f.group_setups, 2);
    assert_int_equal(f.transmission.key_id, 2);
    flow_free(&f);
}

static void a_kept_group_outlives_restarts(void **state)
{
    (void)state;
    static const enum member_phase phases[] = {MEMBER_FRAG, MEMBER_SESSION,
                                               MEMBER_LISTENING, MEMBER_UPGRADE};
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct flow f;
        begin_keeping(&f, 1, 4);
        test_row(member_phase_name(phases[i]));
        complete(&f);
        flow_restart(&f);
        assert_int_equal(engine_restore_group(f.engine, &f.group), FUO_EEXIST);
        apply_next(&f, 0, 1);
        flow_walk(&f, 0, phases[i]);
        assert_true(f.members[0].kept);
        flow_restart(&f);
        complete(&f);
        assert_int_equal(f.group_setups, 1);
        assert_int_equal(f.transmission.key_id, 1);
        uint32_t next = f.group.f_cnt;
        flow_restart(&f);
        apply_next(&f, 0, 1);
        complete(&f);
        assert_int_equal(f.group_setups, 1);
        assert_int_equal(f.last_open.group.f_cnt, next);
        assert_int_equal(f.dropped_keys, 0);
        flow_free(&f);
    }
}

static void who_lost_its_group_is_set_up_anew(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum member_phase phase;
        uint8_t fport;
        const char *hex;
        bool forgets;
    } rows[] = {
        {"by the book", MEMBER_SESSION, 200, "0410", true},
        {"LoRaMac-node and ST", MEMBER_SESSION, 200, "041c", true},
        {"it fits nothing", MEMBER_FRAG, 201, "0208", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        begin_keeping(&f, 2, 4);
        test_row(rows[i].name);
        complete(&f);
        apply_next(&f, 0, 2);
        flow_walk(&f, 0, MEMBER_LISTENING);
        flow_walk(&f, 1, rows[i].phase);
        assert_int_equal(f.group_setups, 2);
        flow_uplink(&f, 1, rows[i].fport, rows[i].hex);
        assert_int_equal(flow_member(&f, 1)->phase, MEMBER_GROUP);
        assert_int_equal(f.devices[1].mc_group, 0);
        assert_int_equal(f.devices[1].forgets_groups, rows[i].forgets);
        complete(&f);
        assert_int_equal(f.group_setups, 3);
        /* Over a reboot it is not believed again; the other one is. */
        assert_int_equal(f.devices[1].mc_group, rows[i].forgets ? 0 : 1);
        apply_next(&f, 0, 2);
        complete(&f);
        assert_int_equal(f.group_setups, rows[i].forgets ? 4 : 3);
        assert_int_equal(f.transmission.key_id, 1);
        flow_free(&f);
    }
}

/* It rebooted between its set-up and its session. */
static void who_lost_the_group_just_set_up_is_set_up_again(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *profile;
        const char *hex;
        enum member_phase phase;
    } rows[] = {
        {"its channel too, nobody knows its stack", "generic", "041c", MEMBER_GROUP},
        {"its channel too: its decoder is gone as well", "st-v2", "041c", MEMBER_FRAG},
        {"its start is in the past", "st-v2", "0410", MEMBER_RESYNC},
        {"a stack that would say so", "lbm-v2", "0410", MEMBER_FRAG},
        {"a start in the past, perhaps", "generic", "0410", MEMBER_RESYNC},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].name);
        flow_init(&f, 1);
        f.profiles[0] = profile_shipped(rows[i].profile);
        flow_rebuild(&f);
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_SESSION);
        flow_uplink(&f, 0, 200, rows[i].hex);
        assert_int_equal(flow_member(&f, 0)->phase, rows[i].phase);
        flow_free(&f);
    }
}

/* Three times; then it is no use, in this transmission. */
static void who_loses_its_group_again_and_again_has_to_wait(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    flow_apply(&f);
    for (int i = 0; i < 3; i++) {
        flow_walk(&f, 0, MEMBER_SESSION);
        flow_uplink(&f, 0, 200, "041c");
        assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
    }
    uint32_t transmissions = flow_member(&f, 0)->transmissions;
    flow_walk(&f, 0, MEMBER_SESSION);
    flow_uplink(&f, 0, 200, "041c");
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    assert_int_equal(transmissions, 1);
    assert_true(flow_member(&f, 0)->phase < MEMBER_GROUP);
    flow_free(&f);
}

static void a_refusal_of_who_was_set_up_is_final(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    complete(&f);
    apply_next(&f, 0, 1);
    flow_walk(&f, 0, MEMBER_FRAG);
    flow_uplink(&f, 0, 201, "0202");
    assert_int_equal(flow_member(&f, 0)->phase, MEMBER_GROUP);
    flow_walk(&f, 0, MEMBER_FRAG);
    flow_uplink(&f, 0, 201, "0202");
    ended(&f, 0, OUTCOME_FAILED, REASON_FRAG_REFUSED, FW_RESULT_NO_FLASH);
    flow_free(&f);
}

/* They say so one after the other; from then on nobody is asked in vain. */
static void when_groups_are_lost_by_the_rule_the_others_are_set_up(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 4, 4);
    complete(&f);
    apply_next(&f, 0, 4);
    f.hold_txack = true;
    for (size_t i = 0; i < 3; i++) {
        flow_walk(&f, i, MEMBER_SESSION);
        flow_uplink(&f, i, 200, "041c");
        assert_int_equal(flow_member(&f, i)->phase, MEMBER_GROUP);
    }
    f.hold_txack = false;
    complete(&f);
    assert_true(f.group_setups >= 7);
    flow_free(&f);
}

static void a_server_that_begins_anew_gets_another_key(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    complete(&f);
    f.ignores_f_cnt = true;
    apply_next(&f, 0, 1);
    complete(&f);
    assert_int_equal(f.transmission.id, 3);
    assert_int_equal(f.transmission.key_id, 3);
    assert_int_equal(f.group_setups, 2);
    assert_int_equal(f.dropped_keys, 1); /* the one that it would have spoilt */
    assert_int_equal(f.open_count, f.close_count);
    flow_free(&f);
}

static void a_group_that_is_not_used_is_dropped_in_time(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    complete(&f);
    flow_wait(&f, DAYS_US(91));
    apply_next(&f, 0, 1);
    complete(&f);
    assert_int_equal(f.dropped_keys, 1);
    assert_int_equal(f.group_setups, 2);
    flow_wait(&f, DAYS_US(91));
    flow_restart(&f);
    assert_int_equal(f.dropped_keys, 2);
    assert_int_equal(f.group.id, 0); /* the slot is free */
    flow_free(&f);
}

/* One of three has the group: they get another one, and nobody has the old one then. */
static void a_group_that_few_have_is_not_used_and_dropped_with_the_last(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    complete(&f);
    apply_next(&f, 0, 3);
    flow_walk(&f, 0, MEMBER_FRAG);
    assert_int_equal(f.group_setups,
                     1 + 1 + 2 * (flow_member(&f, 1)->phase > MEMBER_KEY));
    assert_int_equal(f.dropped_keys, 1);
    complete(&f);
    assert_int_equal(f.transmission.key_id, 2);
    assert_int_equal(f.group.id, 2);
    flow_free(&f);
}

/* For one of five it is not worth it: the others could not use it meanwhile. */
static void a_group_is_left_to_the_many_who_have_it(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 5, 4);
    complete(&f);
    apply_next(&f, 0, 1);
    complete(&f);
    assert_int_equal(f.transmission.key_id, 2);
    apply_next(&f, 1, 4);
    flow_wait(&f, MINUTES_US(1));
    for (size_t i = 1; i < 5; i++) {
        flow_walk(&f, i, MEMBER_READY);
    }
    complete(&f);
    assert_int_equal(f.transmission.key_id, 1);
    assert_int_equal(f.group_setups, 6);
    flow_free(&f);
}

static void the_group_that_more_devices_have_is_kept(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 1);
    complete(&f);
    apply_next(&f, 1, 3); /* others */
    complete(&f);
    assert_int_equal(f.group.id, 2);
    assert_int_equal(f.dropped_keys, 1);
    apply_next(&f, 0, 1);
    complete(&f);
    assert_int_equal(f.group.id, 2);
    assert_int_equal(f.dropped_keys, 2);
    flow_free(&f);
}

/* Its counter is not known: nobody may send under that key any more. */
static void a_group_with_a_lost_lane_is_not_kept(void **state)
{
    (void)state;
    struct flow f;
    flow_init(&f, 1);
    f.config.groups_max = 4;
    f.spec.radio.gateways.count = 2;
    f.hold_group = true;
    flow_rebuild(&f);
    flow_apply(&f);
    for (uint8_t lane = 0; lane < 2; lane++) {
        struct engine_event event = {.type = ENGINE_EV_GROUP,
                                     .group = {.transmission_id = 1,
                                               .lane = lane,
                                               .err = lane == 1 ? FUO_EPERM : FUO_OK,
                                               .group = lane == 1 ? NULL : "g"}};
        flow_step(&f, &event);
    }
    f.hold_group = false;
    complete(&f);
    assert_int_equal(f.dropped_keys, 1);
    assert_int_equal(f.group.id, 0);
    flow_free(&f);
}

/* What others sent into the group, or what an answer was lost of, is skipped. */
static void the_counter_is_that_of_the_server_at_the_end(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    flow_walk(&f, 0, MEMBER_ENDED);
    f.f_cnt += 100;
    complete(&f);
    assert_true(f.group.f_cnt >= f.f_cnt);
    flow_free(&f);
}

static void a_key_whose_counters_run_out_is_dropped(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    flow_walk(&f, 0, MEMBER_ENDED);
    f.f_cnt += 40000;
    complete(&f);
    assert_int_equal(f.dropped_keys, 1);
    flow_free(&f);
}

/* It answers as if it had the group, and hears nothing: then it is set up. */
static void who_heard_nothing_is_not_believed(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    f.spec.retry.device = 3;
    f.spec.retry.cooldown_us = HOURS_US(1);
    complete(&f);
    apply_next(&f, 0, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    for (int i = 0; i < 400 && flow_member(&f, 0)->transmissions < 2; i++) {
        flow_noise(&f, 0);
    }
    assert_int_equal(flow_member(&f, 0)->transmissions, 2);
    assert_int_equal(f.devices[0].mc_group, 0);
    complete(&f);
    assert_true(f.group_setups >= 2);
    assert_false(f.members[0].kept);
    flow_free(&f);
}

/* The store has lost it: who is in it goes on, and then it is over. */
static void a_group_without_its_key_is_not_kept(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    complete(&f);
    apply_next(&f, 0, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    f.group = (struct group_rec){0};
    flow_restart(&f);
    complete(&f);
    assert_int_equal(f.dropped_keys, 1);
    assert_int_equal(f.group.id, 0);
    flow_free(&f);
}

/* It was given up when nobody waited any more; meanwhile another one uses the key. */
static void a_group_that_is_opened_too_late_changes_nothing(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    complete(&f);
    f.hold_group = true;
    apply_next(&f, 0, 1);
    flow_walk(&f, 0, MEMBER_KEY);
    flow_control(&f, ENGINE_ABORT);
    flow_wait(&f, DAYS_US(1));
    f.hold_group = false;
    assert_int_equal(f.transmission.phase, TX_ENDED);
    assert_int_equal(f.transmission.key_id, 1);
    uint32_t next = f.group.f_cnt;

    apply_next(&f, 0, 1);
    flow_walk(&f, 0, MEMBER_LISTENING);
    struct engine_event late = {
        .type = ENGINE_EV_GROUP,
        .group = {.transmission_id = 2, .group = "late", .f_cnt = next}};
    flow_step(&f, &late);
    flow_wait(&f, MINUTES_US(10));
    assert_int_equal(f.group.transmission_id, 3);
    complete(&f);
    assert_int_equal(f.group.id, 1);
    assert_true(f.group.f_cnt > next + 10);
    assert_int_equal(f.group_setups, 1);
    assert_int_equal(f.dropped_keys, 0);
    assert_int_equal(f.close_count, 3);
    flow_free(&f);
}

/* Ids of what is forgotten are not given again while somebody has such a key. */
static void the_id_of_a_key_is_not_given_twice(void **state)
{
    (void)state;
    struct flow f;
    begin_keeping(&f, 1, 4);
    complete(&f);
    flow_rebuild(&f); /* campaign and group are gone, the device has its key */
    f.transmission = (struct transmission_rec){0};
    apply_next(&f, 0, 1);
    complete(&f);
    assert_int_equal(f.transmission.id, 2);
    assert_int_equal(f.group_setups, 2);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(a_second_campaign_sets_no_group_up),
          cmocka_unit_test(without_room_no_group_is_kept),
          cmocka_unit_test(a_kept_group_outlives_restarts),
          cmocka_unit_test(who_lost_its_group_is_set_up_anew),
          cmocka_unit_test(who_lost_the_group_just_set_up_is_set_up_again),
          cmocka_unit_test(who_loses_its_group_again_and_again_has_to_wait),
          cmocka_unit_test(a_refusal_of_who_was_set_up_is_final),
          cmocka_unit_test(when_groups_are_lost_by_the_rule_the_others_are_set_up),
          cmocka_unit_test(a_server_that_begins_anew_gets_another_key),
          cmocka_unit_test(a_group_that_is_not_used_is_dropped_in_time),
          cmocka_unit_test(a_group_that_few_have_is_not_used_and_dropped_with_the_last),
          cmocka_unit_test(a_group_is_left_to_the_many_who_have_it),
          cmocka_unit_test(the_group_that_more_devices_have_is_kept),
          cmocka_unit_test(a_group_with_a_lost_lane_is_not_kept),
          cmocka_unit_test(the_counter_is_that_of_the_server_at_the_end),
          cmocka_unit_test(a_key_whose_counters_run_out_is_dropped),
          cmocka_unit_test(who_heard_nothing_is_not_believed),
          cmocka_unit_test(a_group_without_its_key_is_not_kept),
          cmocka_unit_test(a_group_that_is_opened_too_late_changes_nothing),
          cmocka_unit_test(the_id_of_a_key_is_not_given_twice))
