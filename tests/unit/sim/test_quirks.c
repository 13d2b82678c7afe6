/* SPDX-License-Identifier: MIT */
/*
 * What real decoders and stacks did beside the conversations of test_stacks.c: late
 * fragments, acknowledgements, counters, timers, answers that never come (lorawan.md 13).
 */
#include "stack_bench.h"

#include "codec/mcast.h"
#include "json_vectors.h"

/* FragSessionSetupReq for the block; of version 2 with a MIC of another one. */
static void set_up(struct bench *bench)
{
    static const uint8_t v1[] = {0x02, 0x01, 0x14, 0x00, 0x32, 0x00, 0x05, 1, 2, 3, 4};
    static uint8_t v2[] = {0x02, 0x01, 0x14, 0x00, 0x32, 0x40, 0x05, 1,   2,
                           3,    4,    0,    0,    0xd7, 0x5d, 0xb2, 0xa8};
    bool is_v2 = bench->device.config.versions.of[PKG_FRAG] >= 2;
    v2[11]++;
    assert_true(bench_ask(bench, 201, is_v2 ? v2 : v1, is_v2 ? sizeof(v2) : sizeof(v1)));
    bench_expect(bench, "\x02\x00", 2);
}

/* ---- decoder_late_uncoded.json ---- */

static const char *profile_of(const char *decoder, int64_t version)
{
    static const struct {
        const char *decoder;
        int64_t version;
        const char *profile;
    } rows[] = {{"loramac", 1, "loramac-node"},
                {"lbm1", 1, "lbm-v1"},
                {"lbm2", 2, "lbm-v2"},
                {"st", 1, "st-v1"},
                {"st", 2, "st-v2"},
                {"mbed", 1, "mbed"},
                {"zephyr", 1, "zephyr"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].decoder, decoder) == 0 && rows[i].version == version) {
            return rows[i].profile;
        }
    }
    fail_msg("no profile for %s", decoder);
    return NULL;
}

/* Its build had room for all that was lost. */
static struct bench *open_roomy(const char *name)
{
    struct bench *bench = open_stack(name);
    static struct profile roomy;
    roomy = *bench->device.config.profile;
    roomy.lost_max = 0;
    roomy.lost_ppm = PROFILE_PPM;
    roomy.limits = (struct fragplan_limits){0};
    bench->device.config.profile = &roomy;
    return bench;
}

static void replay_fragments(struct json_object *row)
{
    const char *result = vec_text(row, "result");
    struct json_object *seq = vec_get(row, "seq");
    struct bench *bench =
        open_roomy(profile_of(vec_text(row, "decoder"), vec_int(row, "ver")));
    const struct device_block *frag = &bench->device.frag;
    struct stack_block block;
    long done_at = 0;
    stack_block_init(&block, bench);
    set_up(bench);
    for (size_t i = 0; i < vec_count(seq); i++) {
        bool before = frag->complete;
        uint32_t n = (uint32_t)json_object_get_int(vec_at(seq, i));
        send_fragment(bench, &block.encoder, n, 0);
        done_at = frag->complete && !before ? (long)n : done_at;
    }
    /* "done_at=23 data_ok=True status=..." */
    long want =
        strncmp(result, "done_at=None", 12) == 0 ? 0 : strtol(result + 8, NULL, 10);
    assert_int_equal(done_at, want);
    if (done_at != 0) {
        assert_int_equal(!frag->corrupt, strstr(result, "data_ok=True") != NULL);
    }
    bench_close(bench);
}

static void uncoded_fragments_behind_coded_ones_do_what_they_did(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("decoder_late_uncoded.json");
    struct json_object *rows = vec_get(root, "rows");
    assert_int_equal(vec_int(root, "m"), M);
    assert_int_equal(vec_int(root, "frag_size"), FRAG_SIZE);
    for (size_t i = 0; i < vec_count(rows); i++) {
        struct json_object *row = vec_at(rows, i);
        char name[128];
        snprintf(name, sizeof(name), "%s v%d: %s", vec_text(row, "decoder"),
                 (int)vec_int(row, "ver"), vec_text(row, "case"));
        test_row(name);
        replay_fragments(row);
    }
    json_object_put(root);
}

/* ---- lbm_v2_ack_repeats.json ---- */

static size_t count_acks(struct json_object *out)
{
    size_t count = 0;
    for (size_t i = 0; i < vec_count(out); i++) {
        const char *line = json_object_get_string(vec_at(out, i));
        count += strstr(line, " 201 0404") != NULL;
    }
    return count;
}

static void lbm_acknowledges_three_times_whatever_else_comes(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("lbm_v2_ack_repeats.json");
    struct json_object *rows = vec_get(root, "rows");
    for (size_t i = 0; i < vec_count(rows); i++) {
        struct json_object *row = vec_at(rows, i);
        struct bench *bench = open_stack("lbm-v2");
        struct stack_block block;
        stack_block_init(&block, bench);
        set_up(bench);
        for (uint32_t n = 1; n <= M; n++) {
            send_fragment(bench, &block.encoder, n, 0);
        }
        assert_true(bench->device.frag.complete);
        for (uint32_t k = 0; k < vec_int(row, "extra_coded_frames"); k++) {
            send_fragment(bench, &block.encoder, M + 1 + k, 0);
        }
        while (bench_next_on(bench, 201, 4)) {
            bench_expect(bench, "\x04\x04", 2); /* the MIC is of another block */
            bench_end_tx(bench, NULL, 0);
        }
        assert_int_equal(bench->device.frag.acks_sent, count_acks(vec_get(row, "out")));
        bench_close(bench);
    }
    json_object_put(root);
}

/* ---- loramac_mc_fcnt_window.json ---- */

#define MC_ADDR 0x11223344u

/* A group as McGroupSetupReq makes it, with its session under way. */
static void ask_group(struct bench *bench, uint8_t group, uint32_t min_fcnt,
                      uint32_t max_fcnt)
{
    struct aes_key mc_key = {{7}};
    struct mc_group_setup_req req = {.group_id = group,
                                     .addr = MC_ADDR + group,
                                     .min_fcnt = min_fcnt,
                                     .max_fcnt = max_fcnt};
    uint8_t bytes[32];
    size_t len = 0;
    assert_int_equal(keys_mc_wrap_for_device(LORAWAN_1_0,
                                             &bench->device.config.gen_app_key, &mc_key,
                                             req.key_encrypted),
                     FUO_OK);
    assert_int_equal(mc_group_setup_req_encode(1, &req, bytes, sizeof(bytes), &len),
                     FUO_OK);
    assert_true(bench_ask(bench, 200, bytes, len));
}

static struct device_group *define_group(struct bench *bench, uint32_t min_fcnt,
                                         uint32_t max_fcnt)
{
    ask_group(bench, 0, min_fcnt, max_fcnt);
    bench_expect(bench, "\x02\x00", 2);
    return &bench->device.groups[0];
}

/* McClassCSessionReq for `in_s` from now; its answer is not looked at. */
static void ask_session(struct bench *bench, uint8_t group, uint32_t in_s,
                        uint8_t timeout)
{
    struct mc_session_req req = {
        .group_id = group,
        .session_time = {gps_from_utc(bench->now).s + in_s},
        .timeout_exp = timeout,
        .frequency_hz = 869525000,
        .dr = 5,
    };
    uint8_t bytes[16];
    size_t len = 0;
    assert_int_equal(mc_class_c_req_encode(1, &req, bytes, sizeof(bytes), &len), FUO_OK);
    assert_true(bench_ask(bench, 200, bytes, len));
}

static void run_until(struct bench *bench, struct utc end)
{
    while (sim_timers_next(&bench->timers).us <= end.us) {
        bench->now = sim_timers_next(&bench->timers);
        bench->sent = false;
        sim_timers_run(&bench->timers, bench->now);
        if (bench->sent) {
            bench_end_tx(bench, NULL, 0);
        }
    }
    bench->now = end;
}

static void begin_session(struct bench *bench)
{
    ask_session(bench, 0, 2000, 10);
    run_until(bench, utc_after(bench->now, SECONDS_US(2100)));
    assert_int_equal(bench->device.groups[0].state, MC_SESSION_RUNNING);
}

/* Whether the device takes a frame with that counter. */
static bool takes(struct bench *bench, uint32_t fcnt)
{
    const struct device_group *g = &bench->device.groups[0];
    uint8_t phy[FRAME_PHY_MAX_BYTES];
    size_t len = 0;
    struct frame frame = {
        .type = FRAME_UNCONFIRMED_DOWN,
        .addr = MC_ADDR,
        .fcnt = fcnt,
        .has_port = true,
        .fport = 201,
        .payload = (const uint8_t *)"\x01\x00",
        .payload_len = 2,
    };
    struct device_group before = *g;
    assert_int_equal(frame_build(&frame, &g->keys, phy, sizeof(phy), &len), FUO_OK);
    device_received(&bench->device, phy, len, bench->now);
    bool taken = g->heard && (!before.heard || g->next_fcnt != before.next_fcnt);
    assert_true(!taken || g->next_fcnt == fcnt + 1);
    return taken;
}

/* Rows from first on that are about one group; returns how many. */
static size_t replay_counters(struct json_object *rows, size_t first)
{
    struct json_object *row = vec_at(rows, first);
    int64_t min = vec_int(row, "minMcFCnt");
    int64_t max = vec_int(row, "maxMcFCnt");
    struct bench *bench = open_stack("loramac-node");
    size_t i = first;
    define_group(bench, (uint32_t)min, (uint32_t)max);
    begin_session(bench);
    for (; i < vec_count(rows); i++) {
        char name[64];
        row = vec_at(rows, i);
        if (vec_int(row, "minMcFCnt") != min || vec_int(row, "maxMcFCnt") != max) {
            break;
        }
        int64_t fcnt = vec_int(row, "frame_fcnt");
        snprintf(name, sizeof(name), "%lld to %lld: %lld", (long long)min, (long long)max,
                 (long long)fcnt);
        test_row(name);
        assert_int_equal(takes(bench, (uint32_t)fcnt),
                         json_object_get_boolean(vec_get(row, "received")));
    }
    bench_close(bench);
    return i - first;
}

static void loramac_takes_counters_as_it_did(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("loramac_mc_fcnt_window.json");
    struct json_object *rows = vec_get(root, "rows");
    assert_int_equal(vec_count(rows), 22);
    for (size_t i = 0; i < vec_count(rows);) {
        i += replay_counters(rows, i);
    }
    json_object_put(root);
}

static void stacks_differ_in_the_counters_that_they_take(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        bool below_min;
        bool at_max;
        bool beyond_max;
        bool first_high;      /* ever, beyond 65535 */
        bool again_high;      /* in the next session, beyond 65535 */
        bool again_below_min; /* in the next session */
    } rows[] = {
        {"generic", false, false, false, true, true, false},
        {"loramac-node", false, true, false, false, true, false},
        {"zephyr", false, true, false, false, true, false},
        {"st-v1", true, true, true, false, true, false},
        {"lbm-v1", false, true, false, false, false, true},
        {"lbm-v2", false, true, false, false, false, true},
        {"mbed", false, false, false, true, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].profile);
        struct bench *bench = open_stack(rows[i].profile);
        define_group(bench, 70000, 80000);
        begin_session(bench);
        assert_int_equal(takes(bench, 70000), rows[i].first_high);
        define_group(bench, 10, 65540);
        begin_session(bench);
        assert_int_equal(takes(bench, 9), rows[i].below_min);
        assert_true(takes(bench, 65535));
        assert_int_equal(takes(bench, 65540), rows[i].at_max);
        assert_int_equal(takes(bench, 65541), rows[i].beyond_max);
        run_until(bench, utc_after(bench->now, SECONDS_US(3000)));
        assert_int_equal(bench->device.groups[0].state, MC_SESSION_NONE);
        define_group(bench, 10, 200000);
        begin_session(bench);
        assert_true(takes(bench, 65535));
        run_until(bench, utc_after(bench->now, SECONDS_US(3000)));
        begin_session(bench);
        assert_int_equal(takes(bench, 65537), rows[i].again_high);
        assert_int_equal(takes(bench, 5), rows[i].again_below_min);
        bench_close(bench);
    }
}

/* ---- groups and timers ---- */

static void define_second_group(struct bench *bench)
{
    struct device_group second = bench->device.groups[0];
    second.addr = MC_ADDR + 1;
    second.state = MC_SESSION_NONE;
    bench->device.groups[1] = second;
}

static void one_group_is_all_that_some_have(void **state)
{
    (void)state;
    static const struct {
        const char *stack;
        bool refuses;
    } rows[] = {{"zephyr", true}, {"mbed", true}, {"lbm-v1", false}, {"st-v1", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].stack);
        struct bench *bench = open_stack(rows[i].stack);
        const struct device_group *groups = bench->device.groups;
        define_group(bench, 0, 1000);
        assert_true(groups[0].defined);
        ask_group(bench, 1, 0, 1000);
        bench_expect(bench, rows[i].refuses ? "\x02\x05" : "\x02\x01", 2);
        assert_int_equal(groups[1].defined, !rows[i].refuses);
        assert_true(groups[0].defined);
        bench_close(bench);
    }
}

static void loramac_has_one_timer_for_all_groups(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        struct bench *bench = open_stack(shared != 0 ? "loramac-node" : "lbm-v1");
        const struct device_group *groups = bench->device.groups;
        define_group(bench, 0, 1000);
        define_second_group(bench);
        struct utc asked = bench->now;
        ask_session(bench, 0, 4000, 7);
        ask_session(bench, 1, 6000, 12);
        /* The first start is forgotten. */
        run_until(bench, utc_after(asked, SECONDS_US(3900)));
        assert_int_equal(groups[0].state,
                         shared != 0 ? MC_SESSION_NONE : MC_SESSION_WAITING);
        /* 2^7 s of group 0, and not 2^12 s. */
        run_until(bench, utc_after(asked, SECONDS_US(7000)));
        assert_int_equal(groups[1].state,
                         shared != 0 ? MC_SESSION_NONE : MC_SESSION_RUNNING);
        bench_close(bench);
    }
}

static void of_two_sessions_the_lowest_group_or_the_first_is_heard(void **state)
{
    (void)state;
    for (int lowest = 0; lowest < 2; lowest++) {
        struct bench *bench = open_stack(lowest != 0 ? "st-v1" : "lbm-v1");
        struct device_group *groups = bench->device.groups;
        define_group(bench, 0, 1000);
        define_second_group(bench);
        ask_session(bench, 1, 2500, 12);
        ask_session(bench, 0, 2500, 12);
        groups[0].dr = 3;
        run_until(bench, utc_after(bench->now, SECONDS_US(2600)));
        assert_int_equal(groups[0].state, MC_SESSION_RUNNING);
        assert_int_equal(groups[1].state, MC_SESSION_RUNNING);
        assert_int_equal(device_listens(&bench->device, 869525000, 3), lowest);
        assert_int_equal(device_listens(&bench->device, 869525000, 5), !lowest);
        bench_close(bench);
    }
}

/* ---- answers ---- */

static void memory_that_lacked_once_lacks_until_the_reboot(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        bool kept;
    } rows[] = {{"loramac-node", true}, {"st-v1", true}, {"lbm-v1", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *bench = open_stack(rows[i].profile);
        struct stack_block block;
        test_row(rows[i].profile);
        bench->device.config.lost_max = 2;
        stack_block_init(&block, bench);
        set_up(bench);
        send_fragment(bench, &block.encoder, 1, 0);
        send_fragment(bench, &block.encoder, M + 1, 0); /* nineteen are lost */
        assert_true(bench->device.frag.decoder.overflow);
        set_up(bench);
        for (uint32_t n = 1; n < M; n++) {
            send_fragment(bench, &block.encoder, n, 0);
        }
        static const uint8_t ask[] = {0x01, 0x01};
        assert_true(bench_ask(bench, 201, ask, sizeof(ask)));
        assert_int_equal(bench->up.payload[4] & 1, rows[i].kept);
        bench->device.reboot_at = bench->now;
        bench_join(bench);
        set_up(bench);
        assert_true(bench_ask(bench, 201, ask, sizeof(ask)));
        assert_int_equal(bench->up.payload[4] & 1, 0);
        bench_close(bench);
    }
}

static void answers_that_are_due_while_it_is_on_air_are_lost(void **state)
{
    (void)state;
    for (int drops = 0; drops < 2; drops++) {
        struct bench *bench = open_stack(drops != 0 ? "loramac-node" : "lbm-v1");
        uint8_t phy[FRAME_PHY_MAX_BYTES];
        size_t len = 0;
        struct frame frame = {
            .type = FRAME_UNCONFIRMED_DOWN,
            .addr = BENCH_ADDR,
            .has_port = true,
            .fport = 200,
            .payload = (const uint8_t *)"\x00",
            .payload_len = 1,
        };
        assert_int_equal(frame_build(&frame, &bench->keys, phy, sizeof(phy), &len),
                         FUO_OK);
        bench_uplink(bench);
        bench->now = utc_after(bench->now, SECONDS_US(1));
        device_transmitted(&bench->device, bench->now);
        device_received(&bench->device, phy, len, bench->now); /* the windows stay open */
        assert_int_equal(bench->device.outbox_len, 1);
        run_until(bench, utc_after(bench->now, SECONDS_US(5)));
        assert_int_equal(bench->device.outbox_len, drops != 0 ? 0 : 1);
        bench_close(bench);
    }
}

static void answers_that_are_too_long_are_lost_or_empty(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        bool empty;
    } rows[] = {{"loramac-node", true}, {"generic", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *bench = open_stack(rows[i].profile);
        uint8_t many[60] = {0}; /* PackageVersionReq: three bytes each, at most 51 fit */
        bool any_empty = false;
        test_row(rows[i].profile);
        bench->device.config.uplink_dr = 0;
        bench_uplink(bench);
        bench_down(bench, 200, many, sizeof(many));
        for (int k = 0; k < 3; k++) {
            bench_uplink(bench);
            assert_false(bench->up.has_port && bench->up.fport == 200);
            any_empty |= !bench->up.has_port;
            bench_end_tx(bench, NULL, 0);
        }
        assert_int_equal(any_empty, rows[i].empty);
        bench_close(bench);
    }
}

/* ---- bytes that are eaten ---- */

static void what_is_not_known_takes_others_with_it(void **state)
{
    (void)state;
    struct bench *bench = open_stack("loramac-node");
    /* No McGroupStatusReq: its mask is the next command. */
    assert_false(bench_ask(bench, 200, (const uint8_t *)"\x01\x0f", 2));
    BENCH_TALK(bench, 200, "\x01\x00", "\x00\x02\x01");
    BENCH_TALK(bench, 200, "\x01\x0f\x00", "\x00\x02\x01");
    assert_true(bench_ask(bench, 202, (const uint8_t *)"\x02\x03", 2));
    assert_int_equal(bench->up.payload[1], 0x01); /* NotSupported */
    assert_int_equal(bench->device.clock_period_us, HOURS_US(24));
    bench_close(bench);

    bench = open_stack("st-v2");
    BENCH_TALK(bench, 200, "\x01\x0f\x00", "\x01\x00\x00\x02\x02");
    assert_true(bench_ask(bench, 202, (const uint8_t *)"\x02\x03\x00", 3));
    assert_int_equal(bench->up.payload_len, 6); /* and no version */
    assert_int_equal(bench->up.payload[1], 0x00);
    assert_true(bench_ask(bench, 202, (const uint8_t *)"\x02\x03\x00\x00", 4));
    assert_int_equal(bench->up.payload_len, 9); /* the second one is read */
    bench_close(bench);
}

/* ---- TS006 ---- */

static uint32_t le32(const uint8_t *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void st_takes_the_time_of_a_reboot_for_unix_time(void **state)
{
    (void)state;
    struct bench *bench = open_stack("st-v1");
    uint32_t at = gps_from_utc(bench->now).s + 1000;
    uint8_t ask[] = {0x02, (uint8_t)at, (uint8_t)(at >> 8), (uint8_t)(at >> 16),
                     (uint8_t)(at >> 24)};
    assert_true(bench_ask(bench, 203, ask, sizeof(ask)));
    uint32_t years_s = le32(bench->up.payload + 1) + (uint32_t)GPS_EPOCH_UNIX_S;
    assert_in_range(years_s, 1, 1000); /* as if by GPS time, less the epoch */
    assert_int_equal(bench->device.reboot_at.us, INT64_MAX);
    BENCH_TALK(bench, 203, "\x02\xff\xff\xff\xff", "\x02\xff\xff\xff\xff");
    bench_uplink(bench);
    bench_down(bench, 203, (const uint8_t *)"\x02\x00\x00\x00\x00", 5);
    assert_true(utc_reached(bench->device.reboot_at, bench->now));
    assert_int_equal(bench->device.outbox_len, 1); /* "0 s", if there is time for it */
    bench_close(bench);
}

/* ---- TS007 (lorawan.md 13.2) ---- */

static void lbm_answers_a_set_of_commands_as_a_whole_or_not_at_all(void **state)
{
    (void)state;
    struct bench *bench = open_stack("lbm-v2");
    /* DevPackageReq, FragSessionDeleteReq with a byte more than it has. */
    BENCH_TALK(bench, 225, "\x83\x03\x00\x00\x02", "\x83\x03\x04\x02");
    assert_false(bench_ask(bench, 225, (const uint8_t *)"\x83\x03\x00\x02", 4));
    /* Bytes 0 to 1: the last one is left out. */
    BENCH_TALK(bench, 225, "\x83\x03\x00\x00\x02", "\x83\x03\x04\x02");
    BENCH_TALK(bench, 225, "\x02\x00\x02", "\x02\x00\x83\x03\x02");
    /* ForceDeviceResyncReq has no answer: nobody has one, and what was is spoilt. */
    assert_false(bench_ask(bench, 225, (const uint8_t *)"\x83\x00\x81\x03\x01\x01", 6));
    assert_true(bench_ask(bench, 225, (const uint8_t *)"\x02\x00\x02", 3));
    assert_memory_not_equal(bench->up.payload, "\x02\x00\x83\x03\x02", 5);
    bench_close(bench);

    bench = open_stack("generic");
    BENCH_TALK(bench, 225, "\x83\x03\x00\x02", "\x83\x03\x04\x02");
    BENCH_TALK(bench, 225, "\x02\x00\x01", "\x02\x00\x83\x03\x02");
    BENCH_TALK(bench, 225, "\x83\x00\x81\x03\x01\x01", "\x83\x00\x03\x02\x01");
    bench_close(bench);
}

TEST_MAIN(cmocka_unit_test(uncoded_fragments_behind_coded_ones_do_what_they_did),
          cmocka_unit_test(lbm_acknowledges_three_times_whatever_else_comes),
          cmocka_unit_test(loramac_takes_counters_as_it_did),
          cmocka_unit_test(stacks_differ_in_the_counters_that_they_take),
          cmocka_unit_test(one_group_is_all_that_some_have),
          cmocka_unit_test(loramac_has_one_timer_for_all_groups),
          cmocka_unit_test(of_two_sessions_the_lowest_group_or_the_first_is_heard),
          cmocka_unit_test(memory_that_lacked_once_lacks_until_the_reboot),
          cmocka_unit_test(answers_that_are_due_while_it_is_on_air_are_lost),
          cmocka_unit_test(answers_that_are_too_long_are_lost_or_empty),
          cmocka_unit_test(what_is_not_known_takes_others_with_it),
          cmocka_unit_test(st_takes_the_time_of_a_reboot_for_unix_time),
          cmocka_unit_test(lbm_answers_a_set_of_commands_as_a_whole_or_not_at_all))
