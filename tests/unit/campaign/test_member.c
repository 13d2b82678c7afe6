/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "campaign/member.h"
#include "codec/mcast.h"

/* GPS 1450000000 is 2025-12-18T09:46:22Z. */
#define START ((struct utc){SECONDS_US(1450000000 + GPS_EPOCH_UNIX_S - GPS_LEAP_S)})

static struct device_rec device = {.dev_eui = 1};
static struct transmission_rec transmission = {
    .ts004 = 2,
    .ts005 = 2,
    .dr = 5,
    .group_id = 0,
    .frag_index = 1,
    .block_ack_delay = 3,
    .timeout_exp = 12,
    .frag_size_bytes = 50,
    .frag_count = 20,
    .frequency_hz = 869525000,
    .mc_addr = 0x01ffffff,
    .next_n = 24,
};
static const uint8_t descriptor[4] = {1, 2, 3, 4};
static const uint8_t wrapped[16] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
                                    0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
static const uint8_t mic[4] = {9, 8, 7, 6};

static const struct spec_radio class_c = {.device_class = 'C'};
static const struct spec_radio class_b = {.device_class = 'B',
                                          .ping_slot_periodicity = 5};

static struct member_context context_of(void)
{
    transmission.session_start = START;
    return (struct member_context){.device = &device,
                                   .transmission = &transmission,
                                   .radio = &class_c,
                                   .image_len = 990,
                                   .descriptor = descriptor,
                                   .wrapped_key = wrapped,
                                   .mic = mic,
                                   .countdown_s = 30};
}

static void each_phase_has_its_command(void **state)
{
    (void)state;
    static const struct {
        enum member_phase phase;
        uint8_t fport;
        const char *hex;
    } rows[] = {
        {MEMBER_DISCOVER, 225, "0101"},
        {MEMBER_ASK_FRAG, 201, "00"},
        {MEMBER_ASK_MCAST, 200, "00"},
        {MEMBER_ASK_FWMGMT, 203, "00"},
        {MEMBER_VERSION, 203, "01"},
        {MEMBER_GROUP, 200,
         "0200ffffff01a0a1a2a3a4a5a6a7a8a9aaabacadaeaf00000000ffff0000"},
        {MEMBER_FRAG, 201, "0211140032430a01020304070009080706"},
        {MEMBER_SESSION, 200, "0400803e6d560cd2ad8405"},
        {MEMBER_RESYNC, 202, "0302"},
        {MEMBER_STATUS, 201, "0103"},
        {MEMBER_UPGRADE, 203, "04"},
        {MEMBER_REBOOT, 203, "031e0000"},
        {MEMBER_VERIFY, 203, "01"},
        {MEMBER_UNDO_REBOOT, 203, "03ffffff"},
        {MEMBER_UNDO_IMAGE, 203, "0504030201"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct member_rec m = {
            .phase = rows[i].phase, .session_count = 7, .version_after = 0x01020304};
        struct member_context context = context_of();
        struct member_downlink out = {0};
        char text[2 * MEMBER_PAYLOAD_MAX + 1];
        test_row(member_phase_name(rows[i].phase));
        assert_int_equal(member_command(&m, &context, &out), FUO_OK);
        assert_int_equal(out.fport, rows[i].fport);
        assert_string_equal(hex_encode(out.payload, out.len, text), rows[i].hex);
    }
}

static void a_session_in_ping_slots_has_a_command_and_an_answer_of_its_own(void **state)
{
    struct member_context context = context_of();
    struct member_rec m = {.phase = MEMBER_SESSION};
    struct member_downlink out;
    char text[2 * MEMBER_PAYLOAD_MAX + 1];
    static const uint8_t answer[] = {0x00, 0x64, 0x00, 0x00};
    struct split_cmd cmd = {.pkg = PKG_MCAST, .body = answer, .body_len = sizeof(answer)};
    (void)state;
    context.radio = &class_b;
    assert_int_equal(member_command(&m, &context, &out), FUO_OK);
    /* TS005 v2.0.0, 4.5: bits 6:4 of TimeOut are the periodicity */
    assert_string_equal(hex_encode(out.payload, out.len, text), "0500803e6d565cd2ad8405");
    for (int cid = MC_CID_CLASS_C_SESSION; cid <= MC_CID_CLASS_B_SESSION; cid++) {
        cmd.cid = (uint8_t)cid;
        struct utc received = utc_after(START, -SECONDS_US(100));
        struct member_answer a = member_answer(&m, &context, &cmd, received);
        assert_int_equal(a.verdict, cid == MC_CID_CLASS_B_SESSION ? VERDICT_ACCEPTED
                                                                  : VERDICT_NOT_MINE);
    }
}

static void phases_that_wait_have_no_command(void **state)
{
    (void)state;
    static const enum member_phase phases[] = {
        MEMBER_WAITING, MEMBER_READY,     MEMBER_KEY,
        MEMBER_SET_UP,  MEMBER_LISTENING, MEMBER_COMPLETE,
        MEMBER_ENDED,   MEMBER_PENDING,   MEMBER_PHASE_COUNT};
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        struct member_rec m = {.phase = phases[i]};
        struct member_context context = context_of();
        struct member_downlink out = {.fport = 99};
        assert_int_equal(member_command(&m, &context, &out), FUO_ENOENT);
        assert_int_equal(out.fport, 99);
    }
}

static void ports_of_the_device_are_used(void **state)
{
    (void)state;
    struct device_rec other = device;
    other.package_fport[PKG_FWMGMT] = 99;
    struct member_rec m = {.phase = MEMBER_UPGRADE};
    struct member_context context = context_of();
    context.device = &other;
    struct member_downlink out;
    assert_int_equal(member_command(&m, &context, &out), FUO_OK);
    assert_int_equal(out.fport, 99);
}

struct answer_row {
    const char *name;
    enum member_phase phase;
    enum pkg_id pkg;
    const char *hex; /* CID and body */
    enum member_verdict want;
    enum member_reason reason;
    enum fw_evidence seen;
};

static struct member_answer answer_to(const struct answer_row *row, bool in_transmission)
{
    uint8_t bytes[64];
    size_t len = strlen(row->hex) / 2;
    assert_int_equal(hex_decode(row->hex, strlen(row->hex), bytes, len), FUO_OK);
    struct split_cmd cmd = {
        .pkg = row->pkg, .cid = bytes[0], .body = bytes + 1, .body_len = len - 1};
    struct member_rec m = {.phase = row->phase};
    struct member_context context = context_of();
    if (!in_transmission) {
        context.transmission = NULL;
    }
    /* 100 s before the start */
    struct utc received = {START.us - SECONDS_US(100)};
    return member_answer(&m, &context, &cmd, received);
}

static const struct answer_row answers[] = {
    {"packages", MEMBER_DISCOVER, PKG_MULTI, "01020302c90401cb", VERDICT_PACKAGES, 0, 0},
    {"packages, not asked", MEMBER_GROUP, PKG_MULTI, "01020302c90401cb", VERDICT_NOT_MINE,
     0, 0},
    {"version of TS004", MEMBER_ASK_FRAG, PKG_FRAG, "000302", VERDICT_PACKAGE, 0, 0},
    {"version of TS005", MEMBER_ASK_MCAST, PKG_MCAST, "000202", VERDICT_PACKAGE, 0, 0},
    {"version of TS006", MEMBER_ASK_FWMGMT, PKG_FWMGMT, "000401", VERDICT_PACKAGE, 0, 0},
    {"version of another package, late", MEMBER_ASK_FRAG, PKG_MCAST, "000202",
     VERDICT_PACKAGE, 0, 0},
    {"version of another package, not asked", MEMBER_DISCOVER, PKG_MCAST, "000202",
     VERDICT_NOT_MINE, 0, 0},
    {"version of another package, on this port", MEMBER_ASK_MCAST, PKG_MCAST, "000101",
     VERDICT_NOT_MINE, 0, 0},
    {"short version", MEMBER_ASK_FRAG, PKG_FRAG, "0003", VERDICT_NOT_MINE, 0, 0},
    {"group", MEMBER_GROUP, PKG_MCAST, "0200", VERDICT_ACCEPTED, 0, 0},
    {"group refused", MEMBER_GROUP, PKG_MCAST, "0204", VERDICT_REFUSED,
     REASON_GROUP_REFUSED, FW_SEEN_NO_PACKAGE},
    {"another group", MEMBER_GROUP, PKG_MCAST, "0201", VERDICT_NOT_MINE, 0, 0},
    {"group, not asked", MEMBER_FRAG, PKG_MCAST, "0200", VERDICT_NOT_MINE, 0, 0},
    {"session", MEMBER_SESSION, PKG_MCAST, "0400640000", VERDICT_ACCEPTED, 0, 0},
    {"session, 12 s off", MEMBER_SESSION, PKG_MCAST, "0400580000", VERDICT_ACCEPTED, 0,
     0},
    {"session, 13 s off", MEMBER_SESSION, PKG_MCAST, "0400570000", VERDICT_CLOCK, 0, 0},
    {"session, 13 s off the other way", MEMBER_SESSION, PKG_MCAST, "0400710000",
     VERDICT_CLOCK, 0, 0},
    {"session, no clock", MEMBER_SESSION, PKG_MCAST, "0400ffffff", VERDICT_CLOCK, 0, 0},
    {"session in the past", MEMBER_SESSION, PKG_MCAST, "0420", VERDICT_CLOCK, 0, 0},
    {"session in the past, old stacks", MEMBER_SESSION, PKG_MCAST, "0410", VERDICT_CLOCK,
     0, 0},
    {"session, rate refused", MEMBER_SESSION, PKG_MCAST, "0404", VERDICT_REFUSED,
     REASON_SESSION_REFUSED, FW_SEEN_NO_PACKAGE},
    {"session, frequency refused", MEMBER_RESYNC, PKG_MCAST, "0408", VERDICT_REFUSED,
     REASON_SESSION_REFUSED, FW_SEEN_NO_PACKAGE},
    {"session of another group", MEMBER_SESSION, PKG_MCAST, "0401640000",
     VERDICT_NOT_MINE, 0, 0},
    {"group status", MEMBER_SESSION, PKG_MCAST, "0100", VERDICT_NOT_MINE, 0, 0},
    {"set-up", MEMBER_FRAG, PKG_FRAG, "0240", VERDICT_ACCEPTED, 0, 0},
    {"set-up of another index", MEMBER_FRAG, PKG_FRAG, "0200", VERDICT_NOT_MINE, 0, 0},
    {"no memory", MEMBER_FRAG, PKG_FRAG, "0242", VERDICT_REFUSED, REASON_FRAG_REFUSED,
     FW_SEEN_NO_FLASH},
    {"algorithm", MEMBER_FRAG, PKG_FRAG, "0241", VERDICT_REFUSED, REASON_FRAG_REFUSED,
     FW_SEEN_UNSUPPORTED},
    {"descriptor", MEMBER_FRAG, PKG_FRAG, "0248", VERDICT_REFUSED, REASON_FRAG_REFUSED,
     FW_SEEN_UNSUPPORTED},
    {"index", MEMBER_FRAG, PKG_FRAG, "0244", VERDICT_REFUSED, REASON_FRAG_REFUSED,
     FW_SEEN_NO_PACKAGE},
    {"replay", MEMBER_FRAG, PKG_FRAG, "0250", VERDICT_REPLAY, 0, 0},
    {"status, three missing", MEMBER_LISTENING, PKG_FRAG, "0100144003", VERDICT_STATUS, 0,
     0},
    {"status, complete", MEMBER_STATUS, PKG_FRAG, "0100174000", VERDICT_BLOCK, 0, 0},
    {"status, bad MIC", MEMBER_STATUS, PKG_FRAG, "0102174000", VERDICT_REFUSED,
     REASON_MIC, FW_SEEN_CORRUPT},
    {"status, no memory", MEMBER_STATUS, PKG_FRAG, "010117400a", VERDICT_REFUSED,
     REASON_NO_MEMORY, FW_SEEN_NO_MATRIX},
    {"status, no session", MEMBER_STATUS, PKG_FRAG, "0104", VERDICT_REFUSED,
     REASON_INCOMPLETE, FW_SEEN_INCOMPLETE},
    {"status of another index", MEMBER_STATUS, PKG_FRAG, "0100178000", VERDICT_NOT_MINE,
     0, 0},
    {"status, not listening", MEMBER_FRAG, PKG_FRAG, "0100174000", VERDICT_NOT_MINE, 0,
     0},
    {"block received", MEMBER_LISTENING, PKG_FRAG, "0401", VERDICT_BLOCK, 0, 0},
    {"block received, bad MIC", MEMBER_LISTENING, PKG_FRAG, "0405", VERDICT_REFUSED,
     REASON_MIC, FW_SEEN_CORRUPT},
    {"another block received", MEMBER_LISTENING, PKG_FRAG, "0400", VERDICT_NOT_MINE, 0,
     0},
    {"session deleted", MEMBER_LISTENING, PKG_FRAG, "0301", VERDICT_NOT_MINE, 0, 0},
    {"version", MEMBER_VERSION, PKG_FWMGMT, "010102030405060708", VERDICT_VERSION, 0, 0},
    {"short version answer", MEMBER_VERSION, PKG_FWMGMT, "01010203", VERDICT_NOT_MINE, 0,
     0},
    {"image", MEMBER_UPGRADE, PKG_FWMGMT, "040301020304", VERDICT_IMAGE, 0, 0},
    {"no image", MEMBER_UPGRADE, PKG_FWMGMT, "0400", VERDICT_REFUSED,
     REASON_IMAGE_REFUSED, FW_SEEN_CORRUPT},
    {"corrupt image", MEMBER_UPGRADE, PKG_FWMGMT, "0401", VERDICT_REFUSED,
     REASON_IMAGE_REFUSED, FW_SEEN_CORRUPT},
    {"image for other hardware", MEMBER_UPGRADE, PKG_FWMGMT, "0402", VERDICT_REFUSED,
     REASON_WRONG_HARDWARE, FW_SEEN_UNSUPPORTED},
    {"image, not asked", MEMBER_REBOOT, PKG_FWMGMT, "040301020304", VERDICT_NOT_MINE, 0,
     0},
    {"countdown", MEMBER_REBOOT, PKG_FWMGMT, "031e0000", VERDICT_ACCEPTED, 0, 0},
    {"countdown cancelled", MEMBER_UNDO_REBOOT, PKG_FWMGMT, "03ffffff", VERDICT_ACCEPTED,
     0, 0},
    {"countdown, not asked", MEMBER_VERIFY, PKG_FWMGMT, "031e0000", VERDICT_NOT_MINE, 0,
     0},
    {"deleted", MEMBER_UNDO_IMAGE, PKG_FWMGMT, "0500", VERDICT_ACCEPTED, 0, 0},
    {"deleted, not asked", MEMBER_VERIFY, PKG_FWMGMT, "0500", VERDICT_NOT_MINE, 0, 0},
    {"reboot time, error", MEMBER_REBOOT, PKG_FWMGMT, "0200000000", VERDICT_CLOCK, 0, 0},
    {"reboot time, not asked", MEMBER_UPGRADE, PKG_FWMGMT, "0200000000", VERDICT_NOT_MINE,
     0, 0},
    {"reboot time cancelled", MEMBER_UNDO_REBOOT, PKG_FWMGMT, "02ffffffff",
     VERDICT_ACCEPTED, 0, 0},
    {"reboot time cancelled, not asked", MEMBER_REBOOT, PKG_FWMGMT, "02ffffffff",
     VERDICT_NOT_MINE, 0, 0},
    {"short reboot time", MEMBER_REBOOT, PKG_FWMGMT, "02000000", VERDICT_NOT_MINE, 0, 0},
    {"time", MEMBER_SESSION, PKG_CLOCK, "010000000000", VERDICT_NOT_MINE, 0, 0},
};

static void answers_are_judged_by_phase(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        test_row(answers[i].name);
        struct member_answer a = answer_to(&answers[i], true);
        assert_int_equal(a.verdict, answers[i].want);
        assert_int_equal(a.reason, answers[i].reason);
        assert_int_equal(a.seen, answers[i].seen);
    }
}

static void outside_a_transmission_nothing_of_it_is_an_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        bool of_transmission =
            (answers[i].pkg == PKG_FRAG || answers[i].pkg == PKG_MCAST) &&
            strncmp(answers[i].hex, "00", 2) != 0;
        if (of_transmission) {
            test_row(answers[i].name);
            assert_int_equal(answer_to(&answers[i], false).verdict, VERDICT_NOT_MINE);
        }
    }
}

static void answers_carry_their_values(void **state)
{
    (void)state;
    struct answer_row row = {
        "", MEMBER_DISCOVER, PKG_MULTI, "01020302c90401cb", VERDICT_PACKAGES, 0, 0};
    struct member_answer a = answer_to(&row, false);
    assert_int_equal(a.package_count, 2);
    assert_int_equal(a.packages[1].id, PKG_FWMGMT);
    assert_int_equal(a.packages[1].fport, 203);
    row.phase = MEMBER_VERSION;
    row.pkg = PKG_FWMGMT;
    row.hex = "010102030405060708";
    a = answer_to(&row, false);
    assert_int_equal(a.version, 0x04030201);
    assert_int_equal(a.hardware, 0x08070605);
    row.phase = MEMBER_LISTENING;
    row.pkg = PKG_FRAG;
    row.hex = "0100144003";
    a = answer_to(&row, true);
    assert_int_equal(a.missing, 3);
    assert_int_equal(a.received, 20);
}

static void a_status_before_any_fragment_proves_nothing(void **state)
{
    (void)state;
    struct answer_row row = {
        "", MEMBER_LISTENING, PKG_FRAG, "0100004000", VERDICT_NOT_MINE, 0, 0};
    transmission.next_n = 1;
    assert_int_equal(answer_to(&row, true).verdict, VERDICT_NOT_MINE);
    transmission.next_n = 24;
}

TEST_MAIN(
    cmocka_unit_test(each_phase_has_its_command),
    cmocka_unit_test(a_session_in_ping_slots_has_a_command_and_an_answer_of_its_own),
    cmocka_unit_test(phases_that_wait_have_no_command),
    cmocka_unit_test(ports_of_the_device_are_used),
    cmocka_unit_test(answers_are_judged_by_phase),
    cmocka_unit_test(outside_a_transmission_nothing_of_it_is_an_answer),
    cmocka_unit_test(answers_carry_their_values),
    cmocka_unit_test(a_status_before_any_fragment_proves_nothing))
