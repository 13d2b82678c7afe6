/* SPDX-License-Identifier: MIT */
/* The engine with crafted events: what device profiles change. */
#include "flow_steps.h"

#include <string.h>

#include "codec/clock.h"
#include "profile/shipped.h"

static void begin_with(struct flow *f, size_t devices, const struct profile *profile,
                       uint8_t version)
{
    flow_init(f, devices);
    for (size_t i = 0; i < devices; i++) {
        f->devices[i].package_version[2] = version;
        f->devices[i].package_version[3] = version;
        f->profiles[i] = profile;
    }
    flow_rebuild(f);
}

/* In its session until all fragments were sent once. */
static void hear_all(struct flow *f)
{
    flow_walk(f, 0, MEMBER_LISTENING);
    while (f->transmission.next_n <= f->transmission.frag_count) {
        flow_wait(f, SECONDS_US(1));
    }
}

/* ---- images that are denied ---- */

static void reboot_into(struct flow *f, const char *version_answer)
{
    assert_int_equal(flow_member(f, 0)->phase, MEMBER_REBOOT);
    flow_walk(f, 0, MEMBER_VERIFY);
    flow_wait(f, MINUTES_US(30));
    flow_uplink(f, 0, 203, version_answer);
}

static void who_denies_every_image_is_proven_by_what_it_runs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum profile_version coding;
        uint32_t given;
        const char *answer;
        enum outcome outcome;
    } rows[] = {
        {"as the campaign gives it", PROFILE_VERSION_OPAQUE, 0x04030201,
         "010102030400000000", OUTCOME_SUCCEEDED},
        {"as its stack codes the text", PROFILE_VERSION_BYTES, SPEC_AUTO_U32,
         "010105000000000000", OUTCOME_SUCCEEDED},
        {"not as its stack codes it", PROFILE_VERSION_BYTES, SPEC_AUTO_U32,
         "010106000000000000", OUTCOME_NONE},
        {"another than before", PROFILE_VERSION_OPAQUE, SPEC_AUTO_U32,
         "01aabbccdd00000000", OUTCOME_SUCCEEDED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        struct profile profile = {.image = PROFILE_IMAGE_DENIED,
                                  .version = rows[i].coding};
        test_row(rows[i].name);
        begin_with(&f, 1, &profile, 2);
        f.spec.image.version = "1.5";
        f.spec.image.firmware_version = rows[i].given;
        flow_apply(&f);
        hear_all(&f);
        flow_uplink(&f, 0, 201, "0400"); /* FragDataBlockReceivedReq */
        reboot_into(&f, rows[i].answer);
        assert_int_equal(f.upgrade_asks, 0);
        assert_int_equal(flow_member(&f, 0)->outcome, rows[i].outcome);
        flow_free(&f);
    }
}

static void all_that_deny_images_have_to_agree_on_the_version(void **state)
{
    (void)state;
    struct flow f;
    struct profile profile = {.image = PROFILE_IMAGE_DENIED};
    begin_with(&f, 2, &profile, 2);
    f.spec.image.firmware_version = SPEC_AUTO_U32;
    flow_apply(&f);
    for (size_t i = 0; i < 2; i++) {
        flow_walk(&f, i, MEMBER_SESSION);
    }
    flow_walk(&f, 1, MEMBER_LISTENING);
    hear_all(&f);
    for (size_t i = 0; i < 2; i++) {
        flow_uplink(&f, i, 201, "0400");
        flow_walk(&f, i, MEMBER_VERIFY);
    }
    flow_wait(&f, MINUTES_US(30));
    flow_uplink(&f, 0, 203, "01aabbccdd00000000");
    flow_uplink(&f, 1, 203, "01aabbccde00000000");
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_SUCCEEDED);
    assert_int_not_equal(flow_member(&f, 1)->outcome, OUTCOME_SUCCEEDED);
    flow_free(&f);
}

/* The counts of its decoder stand still from the moment it is complete. */
static void counts_that_stand_still_are_a_block(void **state)
{
    (void)state;
    struct flow f;
    struct profile profile = {.missing = PROFILE_MISSING_LOST,
                              .layout = PROFILE_LAYOUT_V1,
                              .image = PROFILE_IMAGE_DENIED};
    begin_with(&f, 1, &profile, 1);
    f.spec.image.firmware_version = 0x04030201;
    flow_apply(&f);
    hear_all(&f);
    enum member_phase phase = MEMBER_LISTENING;
    size_t told = 0;
    for (size_t i = 0; i < 200 && phase != MEMBER_REBOOT; i++) {
        flow_wait(&f, MINUTES_US(5));
        phase = flow_member(&f, 0)->phase;
        if (phase == MEMBER_STATUS || phase == MEMBER_LISTENING) {
            flow_uplink(&f, 0, 201, "010d000200"); /* N 13, two lost for ever */
            told++;
        } else if (phase < MEMBER_REBOOT) {
            flow_walk(&f, 0, MEMBER_LISTENING);
        }
        phase = flow_member(&f, 0)->phase;
    }
    assert_int_equal(phase, MEMBER_REBOOT);
    assert_true(told >= 2);
    assert_int_equal(f.upgrade_asks, 0);
    flow_free(&f);
}

static void who_was_only_believed_gets_another_try(void **state)
{
    (void)state;
    struct flow f;
    struct profile profile = {.image = PROFILE_IMAGE_DENIED};
    begin_with(&f, 1, &profile, 2);
    f.spec.image.firmware_version = 0x04030201;
    f.devices[0].package_version[4] = 1;
    flow_apply(&f);
    hear_all(&f);
    flow_uplink(&f, 0, 201, "0400");
    flow_walk(&f, 0, MEMBER_VERIFY);
    for (size_t i = 0; i < 100 && flow_member(&f, 0)->phase == MEMBER_VERIFY; i++) {
        flow_wait(&f, MINUTES_US(30));
        flow_uplink(&f, 0, 203, "010000000100000000"); /* the old one */
    }
    assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
    assert_int_equal(flow_member(&f, 0)->transmissions, 2);
    assert_true(flow_member(&f, 0)->phase < MEMBER_LISTENING);
    flow_free(&f);
}

/* A MIC that is wrong: its decoder was full, and called what it had a block. */
static void a_block_of_a_full_decoder_is_sent_again(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum profile_overflow overflow;
        bool again;
    } rows[] = {{"it says when it is full", PROFILE_OVERFLOW_STATUS, false},
                {"it does not", PROFILE_OVERFLOW_COMPLETE, true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        struct profile profile = {.overflow = rows[i].overflow};
        test_row(rows[i].name);
        begin_with(&f, 1, &profile, 2);
        flow_apply(&f);
        hear_all(&f);
        flow_uplink(&f, 0, 201, "0404");
        assert_int_equal(flow_member(&f, 0)->outcome,
                         rows[i].again ? OUTCOME_NONE : OUTCOME_FAILED);
        flow_free(&f);
    }
}

/* It rebooted, and answers for a session that it does not know. */
static void who_misses_nothing_of_nothing_has_no_session(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        bool again;
    } rows[] = {{"lbm-v1", true}, {"loramac-node", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        test_row(rows[i].profile);
        begin_with(&f, 1, profile_shipped(rows[i].profile), 1);
        flow_apply(&f);
        hear_all(&f);
        flow_uplink(&f, 0, 201, "0100000000");
        assert_int_equal(flow_member(&f, 0)->phase < MEMBER_LISTENING, rows[i].again);
        assert_int_equal(flow_member(&f, 0)->outcome, OUTCOME_NONE);
        flow_free(&f);
    }
}

/* ---- limits ---- */

/* FragSize of the set-up that it was sent. */
static unsigned frag_size_of(struct flow *f, size_t device)
{
    flow_walk(f, device, MEMBER_FRAG);
    const struct effect *send = &f->last_send[device];
    assert_int_equal(send->send.fport, 201);
    assert_int_equal(send->send.payload[0], 0x02);
    return send->send.payload[4];
}

static void devices_share_fragments_where_it_costs_them_little(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fragplan_limits other;
        bool shared;
    } rows[] = {
        {"the same", {0}, true},
        {"a multiple", {.size_multiple = 8}, true},
        {"a little less", {.size_max = 215}, true},
        {"much less", {.size_max = 50}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        struct profile profile = {.limits = rows[i].other};
        test_row(rows[i].name);
        flow_init(&f, 2);
        f.spec.radio.dr = 5;
        f.spec.fragmentation.size_bytes = SPEC_AUTO_U32;
        f.profiles[1] = &profile;
        flow_rebuild(&f);
        flow_apply(&f);
        uint32_t first = flow_member(&f, 0)->transmission_id;
        uint32_t second = flow_member(&f, 1)->transmission_id;
        assert_int_not_equal(first, 0);
        assert_int_not_equal(second, 0);
        assert_int_equal(first == second, rows[i].shared);
        unsigned size = frag_size_of(&f, 1);
        assert_true(fragplan_fits(&profile.limits, (uint8_t)size, 1));
        assert_true(rows[i].shared || frag_size_of(&f, 0) > size);
        flow_free(&f);
    }
}

static void an_image_too_large_for_one_is_still_for_the_others(void **state)
{
    (void)state;
    struct flow f;
    struct profile profile = {.limits = {.count_max = 11}};
    flow_init(&f, 2);
    f.profiles[0] = &profile;
    flow_rebuild(&f);
    flow_apply(&f);
    ended(&f, 0, OUTCOME_FAILED, REASON_TOO_BIG, FW_RESULT_NO_FLASH);
    flow_walk(&f, 1, MEMBER_ENDED);
    ended(&f, 1, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    flow_free(&f);
}

/* ---- clocks ---- */

/* st_clock_epoch_bug.json: what a device that shows that time is told. */
static int32_t correction_for(struct flow *f, uint32_t device_time)
{
    char hex[16];
    snprintf(hex, sizeof(hex), "01%02x%02x%02x%02x10", device_time & 0xff,
             device_time >> 8 & 0xff, device_time >> 16 & 0xff, device_time >> 24);
    size_t count = f->send_count[0];
    flow_uplink(f, 0, 202, hex); /* AnsRequired */
    assert_int_equal(f->send_count[0], count + 1);
    const struct effect *send = &f->last_send[0];
    struct clock_time_ans ans;
    assert_int_equal(send->send.fport, 202);
    assert_int_equal(clock_time_ans_decode(1, send->send.payload + 1,
                                           send->send.payload_len - 1u, &ans),
                     FUO_OK);
    return ans.correction_s;
}

static void a_clock_with_the_epoch_subtracted_twice_is_set_right(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool profiled;
        int32_t unix_less_gps_s; /* of the device's clock, against the right one */
        bool right_after;
    } rows[] = {
        {"profile: never set", true, 0, true},
        {"profile: set wrongly by another server", true, 1, true},
        {"profile: set by the MAC", true, 2, true},
        {"no profile: never set", false, 0, true},
        {"no profile: set by the MAC", false, 2, true},
        {"no profile: set wrongly, which nobody can see", false, 1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        struct profile profile = {.clock = PROFILE_CLOCK_EPOCH_TWICE};
        test_row(rows[i].name);
        begin_with(&f, 1, rows[i].profiled ? &profile : NULL, 2);
        uint32_t epoch = 315964800;
        uint32_t gps = gps_from_utc(f.now).s;
        /* SysTime of the device: right is GPS + epoch; 1: as a plain answer has set it. */
        uint32_t unix_s = rows[i].unix_less_gps_s == 0   ? 1
                          : rows[i].unix_less_gps_s == 1 ? gps + 2 * epoch
                                                         : gps + epoch;
        unix_s += (uint32_t)correction_for(&f, unix_s - 2 * epoch);
        assert_int_equal(unix_s == gps + epoch, rows[i].right_after);
        flow_free(&f);
    }
}

static void what_a_device_has_shown_is_known_after_a_restart(void **state)
{
    (void)state;
    struct flow f;
    uint32_t epoch = 315964800;
    begin_with(&f, 1, NULL, 2);
    flow_apply(&f);
    (void)correction_for(&f, 1 - 2 * epoch); /* never set */
    flow_restart(&f);
    /* As another server's answer has set it: 0 s wrong for who does not know it. */
    uint32_t shown = gps_from_utc(f.now).s;
    assert_int_equal(correction_for(&f, shown), -(int32_t)epoch);
    flow_free(&f);
}

static void a_right_clock_of_that_kind_is_left_alone(void **state)
{
    (void)state;
    struct flow f;
    struct profile profile = {.clock = PROFILE_CLOCK_EPOCH_TWICE};
    char hex[16];
    begin_with(&f, 1, &profile, 2);
    uint32_t shown = gps_from_utc(f.now).s - 315964800;
    snprintf(hex, sizeof(hex), "01%02x%02x%02x%02x00", shown & 0xff, shown >> 8 & 0xff,
             shown >> 16 & 0xff, shown >> 24);
    size_t count = f.send_count[0];
    flow_uplink(&f, 0, 202, hex);
    assert_int_equal(f.send_count[0], count);
    flow_free(&f);
}

/* A clock that is right without ever having been set: some never require the answer that
 * they need to believe it (13). */
static void who_was_told_to_ask_is_answered_though_it_does_not_require_it(void **state)
{
    (void)state;
    static const bool rows[] = {false, true};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        char hex[16];
        begin_with(&f, 1, NULL, 2);
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_SESSION);
        if (rows[i]) {
            flow_uplink(&f, 0, 200, "0400ffffff"); /* it says that its clock is not set */
            assert_int_equal(flow_member(&f, 0)->phase, MEMBER_RESYNC);
        }
        uint32_t gps = gps_from_utc(f.now).s;
        snprintf(hex, sizeof(hex), "01%02x%02x%02x%02x03", gps & 0xff, gps >> 8 & 0xff,
                 gps >> 16 & 0xff, gps >> 24);
        size_t count = f.send_count[0];
        f.last_send[0].send.fport = 0;
        flow_uplink(&f, 0, 202, hex);
        assert_true(rows[i] ? f.send_count[0] > count : f.send_count[0] == count);
        flow_free(&f);
    }
}

/* ---- answers ---- */

/* N 21 and three lost, which in version 2 reads as no session: by the profile it is none. */
static void a_status_is_read_in_the_layout_of_its_profile(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum profile_layout layout;
        uint8_t version;
        const char *hex;
        unsigned received;
        unsigned missing;
    } rows[] = {
        {"spec, v2", PROFILE_LAYOUT_SPEC, 2, "0100080003", 8, 3},
        {"v1 in v2", PROFILE_LAYOUT_V1, 2, "0102000300", 2, 3},
        {"v1 in v2, told by itself", PROFILE_LAYOUT_AUTO, 2, "010a000300", 10, 3},
        {"big-endian", PROFILE_LAYOUT_V1_BIG_ENDIAN, 1, "0100080300", 8, 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct flow f;
        struct profile profile = {.layout = rows[i].layout};
        test_row(rows[i].name);
        begin_with(&f, 1, &profile, rows[i].version);
        f.spec.radio.spacing_us = SECONDS_US(20);
        flow_apply(&f);
        flow_walk(&f, 0, MEMBER_LISTENING);
        while (f.transmission.next_n < 12) {
            flow_wait(&f, SECONDS_US(1));
        }
        flow_uplink(&f, 0, 201, rows[i].hex);
        assert_int_equal(flow_member(&f, 0)->received, rows[i].received);
        assert_int_equal(flow_member(&f, 0)->missing, rows[i].missing);
        flow_free(&f);
    }
}

static void a_profile_of_other_versions_is_not_believed(void **state)
{
    (void)state;
    struct flow f;
    struct profile profile = *profile_shipped("st-v1");
    begin_with(&f, 1, &profile, 2);
    flow_apply(&f);
    flow_walk(&f, 0, MEMBER_ENDED);
    assert_int_equal(f.upgrade_asks, 1); /* st-v1 would not have been asked */
    ended(&f, 0, OUTCOME_SUCCEEDED, REASON_VERIFIED, FW_RESULT_SUCCESS);
    assert_int_equal(engine_set_profile(f.engine, 1, &profile), FUO_ENOENT);
    flow_free(&f);
}

TEST_MAIN(cmocka_unit_test(who_denies_every_image_is_proven_by_what_it_runs),
          cmocka_unit_test(all_that_deny_images_have_to_agree_on_the_version),
          cmocka_unit_test(counts_that_stand_still_are_a_block),
          cmocka_unit_test(who_was_only_believed_gets_another_try),
          cmocka_unit_test(a_block_of_a_full_decoder_is_sent_again),
          cmocka_unit_test(who_misses_nothing_of_nothing_has_no_session),
          cmocka_unit_test(devices_share_fragments_where_it_costs_them_little),
          cmocka_unit_test(an_image_too_large_for_one_is_still_for_the_others),
          cmocka_unit_test(a_clock_with_the_epoch_subtracted_twice_is_set_right),
          cmocka_unit_test(what_a_device_has_shown_is_known_after_a_restart),
          cmocka_unit_test(a_right_clock_of_that_kind_is_left_alone),
          cmocka_unit_test(who_was_told_to_ask_is_answered_though_it_does_not_require_it),
          cmocka_unit_test(a_status_is_read_in_the_layout_of_its_profile),
          cmocka_unit_test(a_profile_of_other_versions_is_not_believed))
