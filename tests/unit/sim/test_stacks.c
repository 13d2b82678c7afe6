/* SPDX-License-Identifier: MIT */
/*
 * Simulated devices with shipped profiles say what the real stacks said: the transcripts of
 * tests/vectors, step by step, and quirks that no transcript has.
 */
#include "stack_bench.h"

#include "json_vectors.h"

enum {
    LOST = 4,
};

/* ---- data ---- */

static bool is_lost(uint32_t n, const uint8_t lost[static LOST])
{
    for (size_t i = 0; i < LOST; i++) {
        if (lost[i] == n) {
            return true;
        }
    }
    return false;
}

/* Everything but four, until the device has its block; returns the last N. */
static uint32_t send_block(struct bench *bench, const uint8_t lost[static LOST])
{
    struct stack_block block;
    stack_block_init(&block, bench);
    uint32_t n = 0;
    while (!bench->device.frag.complete && n < 2 * M) {
        n++;
        if (!is_lost(n, lost)) {
            send_fragment(bench, &block.encoder, n, 0);
        }
    }
    assert_true(bench->device.frag.complete);
    return n;
}

/* ---- transcripts ---- */

struct step {
    const char *name;
    uint8_t fport;
    const char *request;
    const char *answer; /* NULL: silence */
};

/* "UL <ms> <port> <hex>" */
static const char *answer_of_line(const char *line, long fport)
{
    char *at = NULL;
    if (strncmp(line, "UL ", 3) != 0) {
        return NULL;
    }
    (void)strtol(line + 3, &at, 10);
    long port = strtol(at, &at, 10);
    return port == fport && *at == ' ' ? at + 1 : NULL;
}

static const char *first_answer(struct json_object *step, int fport)
{
    bool lines = vec_has(step, "out");
    struct json_object *list = vec_get(step, lines ? "out" : "uplinks");
    for (size_t i = 0; i < vec_count(list); i++) {
        struct json_object *item = vec_at(list, i);
        const char *answer = NULL;
        if (lines) {
            answer = answer_of_line(json_object_get_string(item), fport);
        } else if (vec_int(item, "fport") == fport) {
            answer = vec_text(item, "payload");
        }
        if (answer != NULL) {
            return answer;
        }
    }
    return NULL;
}

/* The n-th step of that name. */
static struct step find_step(struct json_object *root, const char *name, size_t n)
{
    struct json_object *steps = vec_get(root, "steps");
    for (size_t i = 0; i < vec_count(steps); i++) {
        struct json_object *s = vec_at(steps, i);
        bool st = vec_has(s, "step");
        if (strcmp(vec_text(s, st ? "step" : "name"), name) != 0 || n-- != 0) {
            continue;
        }
        int fport = (int)vec_int(s, st ? "port" : "dl_fport");
        return (struct step){.name = name,
                             .fport = (uint8_t)fport,
                             .request = vec_text(s, st ? "req" : "dl"),
                             .answer = first_answer(s, fport)};
    }
    fail_msg("no step '%s'", name);
    abort(); /* for readers: fail_msg() does not return */
}

static void replay(struct bench *bench, const struct step *step)
{
    uint8_t request[FRAME_PAYLOAD_MAX_BYTES];
    uint8_t answer[FRAME_PAYLOAD_MAX_BYTES];
    size_t len = strlen(step->request) / 2;
    test_row(step->name);
    assert_true(step->fport != 0);
    assert_int_equal(hex_decode(step->request, 2 * len, request, len), FUO_OK);
    bool answered = bench_ask(bench, step->fport, request, len);
    assert_int_equal(answered, step->answer != NULL);
    if (answered && step->answer != NULL) {
        len = strlen(step->answer) / 2;
        assert_int_equal(hex_decode(step->answer, 2 * len, answer, len), FUO_OK);
        bench_expect(bench, answer, len);
    }
}

struct script_step {
    const char *name; /* NULL: the block is sent now */
    size_t n;
};

static void play(const char *file, const char *profile, const struct script_step *script,
                 const uint8_t lost[static LOST], uint32_t done_at)
{
    struct json_object *root = vectors_load(file);
    struct bench *bench = open_stack(profile);
    for (; script->name != NULL || script->n != 0; script++) {
        if (script->name == NULL) {
            assert_int_equal(send_block(bench, lost), done_at);
            bench->device.frag.ack_pending = false;
            continue;
        }
        struct step step = find_step(root, script->name, script->n);
        replay(bench, &step);
    }
    bench_close(bench);
    json_object_put(root);
}

#define THE_BLOCK \
    {             \
        NULL, 1   \
    }

static void a_device_of_st_says_what_the_stack_says(void **state)
{
    (void)state;
    static const struct script_step script[] = {
        {"version", 0},
        {"version", 1},
        {"version", 2},
        {"version", 3},
        {"ClassC undefined group", 0},
        {"McGroupSetup", 0},
        {"McGroupStatus", 0},
        {"two cmds status+version", 0},
        {"ClassC past", 0},
        {"ClassC bad freq", 0},
        {"FragStatus no session", 0},
        {"FragSetup size 39 (<min)", 0},
        {"FragSetup", 0},
        THE_BLOCK,
        {"FragStatus participants=1", 0},
        {"FragStatus participants=0", 0},
        {"cancel", 0},
        {"UpgradeImage", 0},
        {"DeleteImage", 0},
        {"FragDelete", 0},
        {"FragDelete again", 0},
        {0},
    };
    static const uint8_t lost[LOST] = {1, 2, 3, 6};
    play("campaign_st_v1.json", "st-v1", script, lost, 24);
    play("campaign_st_v2.json", "st-v2", script, lost, 24);
}

static void a_deleted_session_of_st_is_told_of_as_it_was(void **state)
{
    (void)state;
    static const struct script_step script[] = {
        {"FragSetup", 0}, THE_BLOCK, {"FragDelete", 0}, {"status after delete", 0}, {0}};
    static const uint8_t lost[LOST] = {1, 2, 3, 6};
    play("campaign_st_v1.json", "st-v1", script, lost, 24);
}

static void a_session_counter_is_not_taken_twice_by_st(void **state)
{
    (void)state;
    static const struct script_step script[] = {{"FragSetup", 0},
                                                THE_BLOCK,
                                                {"FragSetup same SessionCnt (replay)", 0},
                                                {"FragSetup SessionCnt 2", 0},
                                                {0}};
    static const uint8_t lost[LOST] = {1, 2, 3, 6};
    play("campaign_st_v2.json", "st-v2", script, lost, 24);
}

static void a_device_of_lbm_says_what_the_stack_says(void **state)
{
    (void)state;
    static const struct script_step script[] = {
        {"PackageVersionReq", 0},
        {"PackageVersionReq", 1},
        {"PackageVersionReq", 2},
        {"PackageVersionReq", 3},
        {"McGroupSetupReq", 0},
        {"McGroupStatusReq", 0},
        {"FragSessionSetupReq", 0},
        THE_BLOCK,
        {"FragSessionStatusReq participants=1", 0},
        {"FragSessionStatusReq participants=0", 0},
        {"FragSessionDeleteReq", 0},
        {"FragSessionDeleteReq again", 0},
        {"McGroupDeleteReq", 0},
        {"McGroupDeleteReq again", 0},
        {"DevRebootCountdownReq cancel", 0},
        {"DevRebootTimeReq cancel", 0},
        {0},
    };
    static const uint8_t lost[LOST] = {2, 5, 6, 11};
    play("campaign_lbm_v1.json", "lbm-v1", script, lost, 27);
}

/* The block of the transcript has another MIC: that alone is told, as bit 1. */
static void a_device_of_lbm_v2_tells_of_a_deleted_session_in_four_bytes(void **state)
{
    (void)state;
    static const struct script_step script[] = {{"FragSessionSetupReq", 0},
                                                THE_BLOCK,
                                                {"FragSessionDeleteReq", 0},
                                                {"FragSessionStatusReq after delete", 0},
                                                {0}};
    static const uint8_t lost[LOST] = {2, 5, 6, 11};
    play("campaign_lbm_v2.json", "lbm-v2", script, lost, 26);
}

/* loramac_fragment_without_session.json: the data hold FragSessionStatusReq. */
static void fragments_without_a_session_are_commands_to_loramac_node(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        bool answers;
    } rows[] = {{"loramac-node", true},
                {"zephyr", true},
                {"lbm-v1", false},
                {"st-v1", false},
                {"mbed", false}};
    struct json_object *root = vectors_load("loramac_fragment_without_session.json");
    const char *log = json_object_get_string(vec_at(vec_get(root, "log"), 4));
    const char *data = strstr(log, "dr=5 ") + 5; /* DATA ... 0801400101eeeeeeee */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[16];
        size_t len = strlen(data) / 2;
        struct bench *bench = open_stack(rows[i].profile);
        test_row(rows[i].profile);
        assert_int_equal(hex_decode(data, 2 * len, bytes, len), FUO_OK);
        assert_int_equal(bench_ask(bench, FRAG_FPORT, bytes, len), rows[i].answers);
        if (rows[i].answers) {
            bench_expect(bench, "\x01\x00\x00\x00\x00", 5);
        }
        bench_close(bench);
    }
    json_object_put(root);
}

/* ---- what no transcript has ---- */

static void mbed_takes_one_command_a_message_and_keeps_silent_when_complete(void **state)
{
    (void)state;
    static const uint8_t lost[LOST] = {2, 5}; /* a tenth */
    struct bench *bench = open_stack("mbed");
    assert_false(bench_ask(bench, 201, (const uint8_t *)"\x00\x00", 2));
    BENCH_TALK(bench, 201, "\x00", "\x00\x03\x01");
    BENCH_TALK(bench, 201, "\x02\x01\x14\x00\x32\x00\x05\x01\x02\x03\x04", "\x02\x00");
    BENCH_TALK(bench, 201, "\x01\x01", "\x01\x00\x00\x14\x00");
    send_block(bench, lost);
    assert_false(bench_ask(bench, 201, (const uint8_t *)"\x01\x01", 2));
    bench_close(bench);
}

static void zephyr_counts_fragments_and_drops_messages_that_it_does_not_know(void **state)
{
    (void)state;
    struct bench *bench = open_stack("zephyr");
    assert_false(bench_ask(bench, 200, (const uint8_t *)"\x00\x3f", 2)); /* all of it */
    assert_false(bench_ask(bench, 200, (const uint8_t *)"\x01\x0f", 2));
    BENCH_TALK(bench, 201, "\x02\x01\x14\x00\x32\x00\x05\x01\x02\x03\x04",
               "\x02\x02"); /* 50 is no multiple of 8 */
    BENCH_TALK(bench, 201, "\x02\x01\x12\x00\x38\x00\x05\x01\x02\x03\x04", "\x02\x00");
    BENCH_TALK(bench, 201, "\x01\x01", "\x01\x00\x00\x12\x00");
    bench_close(bench);
}

static void st_acknowledges_its_block_until_it_is_answered(void **state)
{
    (void)state;
    static const uint8_t lost[LOST] = {1, 2, 3, 6};
    static const uint8_t setup[] = {0x02, 0x01, 0x14, 0x00, 0x32, 0x40, 0x05, 1,   2,
                                    3,    4,    1,    0,    0xd7, 0x5d, 0xb2, 0xa8};
    struct bench *bench = open_stack("st-v2");
    assert_true(bench_ask(bench, 201, setup, sizeof(setup)));
    send_block(bench, lost);
    for (int i = 0; i < 6; i++) {
        assert_true(bench_next_on(bench, 201, 3));
        bench_expect(bench, "\x04\x04", 2); /* the MIC is of another block */
        if (i < 5) {
            bench_end_tx(bench, NULL, 0);
        }
    }
    bench_down(bench, 201, (const uint8_t *)"\x04\x00", 2);
    assert_false(bench_next_on(bench, 201, 3));
    bench_close(bench);
}

/* st_clock_epoch_bug.json */
static void the_clock_of_st_is_set_ahead_by_a_correction_by_the_book(void **state)
{
    (void)state;
    const struct profile *profile = profile_shipped("st-v1");
    struct device_config config = bench_config(1);
    config.profile = profile;
    config.clock_boot_gps_s = -GPS_EPOCH_UNIX_S;
    struct bench *bench = bench_open(&config);
    assert_true(bench_next_on(bench, 202, 3));
    uint32_t shown = (uint32_t)(bench->up.payload[1] | bench->up.payload[2] << 8 |
                                bench->up.payload[3] << 16) |
                     (uint32_t)bench->up.payload[4] << 24;
    assert_true(shown - 3663037696u < 60); /* 2^32 - 2 * epoch, and its uptime */
    uint32_t correction = gps_from_utc(bench->now).s - shown;
    uint8_t answer[] = {0x01,
                        (uint8_t)correction,
                        (uint8_t)(correction >> 8),
                        (uint8_t)(correction >> 16),
                        (uint8_t)(correction >> 24),
                        (uint8_t)(bench->up.payload[5] & 0x0f)};
    bench_down(bench, 202, answer, sizeof(answer));
    int64_t ahead_s = device_clock_us(&bench->device, bench->now) / 1000000 -
                      (int64_t)gps_from_utc(bench->now).s;
    assert_in_range(ahead_s - GPS_EPOCH_UNIX_S + 2, 0, 4);
    bench_close(bench);
}

TEST_MAIN(
    cmocka_unit_test(a_device_of_st_says_what_the_stack_says),
    cmocka_unit_test(a_deleted_session_of_st_is_told_of_as_it_was),
    cmocka_unit_test(a_session_counter_is_not_taken_twice_by_st),
    cmocka_unit_test(a_device_of_lbm_says_what_the_stack_says),
    cmocka_unit_test(a_device_of_lbm_v2_tells_of_a_deleted_session_in_four_bytes),
    cmocka_unit_test(fragments_without_a_session_are_commands_to_loramac_node),
    cmocka_unit_test(mbed_takes_one_command_a_message_and_keeps_silent_when_complete),
    cmocka_unit_test(zephyr_counts_fragments_and_drops_messages_that_it_does_not_know),
    cmocka_unit_test(st_acknowledges_its_block_until_it_is_answered),
    cmocka_unit_test(the_clock_of_st_is_set_ahead_by_a_correction_by_the_book))
