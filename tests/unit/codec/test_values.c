/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "test.h"

#include "any_text.h"
#include "command_rows.h"

static size_t row_bytes(const struct command_row *row,
                        uint8_t bytes[static ANY_BYTES_MAX])
{
    size_t len = strlen(row->hex) / 2;
    assert_int_equal(hex_decode(row->hex, 2 * len, bytes, len), FUO_OK);
    return len;
}

static uint8_t row_version(const struct command_row *row)
{
    return (row->version_mask & V1) != 0 ? 1 : 2;
}

static struct split_cmd row_cmd(const struct command_row *row, const uint8_t *bytes,
                                size_t body_len)
{
    return (struct split_cmd){
        .pkg = row->pkg, .cid = bytes[0], .body = bytes + 1, .body_len = body_len};
}

static void assert_untouched(const struct any_cmd *any)
{
    static const struct any_cmd zero;
    assert_memory_equal(&any->u, &zero.u, sizeof(zero.u));
}

static void check_truncated(const struct command_row *row, const uint8_t *bytes,
                            size_t cut)
{
    struct any_cmd any;
    struct split_cmd cmd = row_cmd(row, bytes, cut);
    int err = any_decode(&any, &cmd, row_version(row), row->dir);
    if (err != FUO_OK) {
        assert_int_equal(err, FUO_ESHORT);
        assert_untouched(&any);
        return;
    }
    /* Of variable length: then it must be what it says. */
    uint8_t again[ANY_BYTES_MAX];
    size_t again_len = 0;
    assert_int_equal(any_encode(&any, again, sizeof(again), &again_len), FUO_OK);
    assert_int_equal(again_len, cut + 1);
    assert_memory_equal(again, bytes, again_len);
}

static void a_truncated_body_is_short_and_leaves_the_output_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(command_rows); i++) {
        const struct command_row *row = &command_rows[i];
        uint8_t bytes[ANY_BYTES_MAX];
        size_t len = row_bytes(row, bytes);
        test_row(row->text);
        for (size_t cut = 0; cut + 1 < len; cut++) {
            check_truncated(row, bytes, cut);
        }
    }
}

static void a_body_one_byte_too_long_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(command_rows); i++) {
        const struct command_row *row = &command_rows[i];
        uint8_t bytes[ANY_BYTES_MAX] = {0};
        struct any_cmd any;
        size_t len = row_bytes(row, bytes);
        struct split_cmd cmd = row_cmd(row, bytes, len);
        if (row->pkg == PKG_FRAG && row->dir == PKG_DOWN && cmd.cid == FRAG_CID_DATA) {
            continue; /* takes all there is */
        }
        test_row(row->text);
        assert_int_equal(any_decode(&any, &cmd, row_version(row), row->dir), FUO_ETRAIL);
        assert_untouched(&any);
    }
}

static void a_full_buffer_is_reported_and_the_length_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(command_rows); i++) {
        const struct command_row *row = &command_rows[i];
        uint8_t bytes[ANY_BYTES_MAX];
        uint8_t again[ANY_BYTES_MAX];
        struct any_cmd any;
        size_t len = row_bytes(row, bytes);
        struct split_cmd cmd = row_cmd(row, bytes, len - 1);
        test_row(row->text);
        assert_int_equal(any_decode(&any, &cmd, row_version(row), row->dir), FUO_OK);
        for (size_t cap = 0; cap < len; cap++) {
            size_t again_len = 77;
            assert_int_equal(any_encode(&any, again, cap, &again_len), FUO_ENOSPC);
            assert_int_equal(again_len, 77);
        }
    }
}

static bool has_versions(const struct command_row *row)
{
    return row->pkg != PKG_FWMGMT && row->hex[1] != '0'; /* nor has PackageVersion */
}

static void an_unknown_version_is_refused_both_ways(void **state)
{
    (void)state;
    static const uint8_t versions[] = {0, 3, 255};
    for (size_t i = 0; i < ARRAY_LEN(command_rows) * ARRAY_LEN(versions); i++) {
        const struct command_row *row = &command_rows[i / ARRAY_LEN(versions)];
        uint8_t version = versions[i % ARRAY_LEN(versions)];
        uint8_t bytes[ANY_BYTES_MAX];
        size_t len = row_bytes(row, bytes);
        struct split_cmd cmd = row_cmd(row, bytes, len - 1);
        struct any_cmd any;
        if (!has_versions(row)) {
            continue;
        }
        test_row(row->text);
        assert_int_equal(any_decode(&any, &cmd, version, row->dir), FUO_EINVAL);
        assert_untouched(&any);
        if (row->pkg == PKG_FRAG && row->dir == PKG_UP && any.cid == FRAG_CID_STATUS) {
            any.u.frag_status_ans.layout = version;
        }
        assert_int_equal(any_encode(&any, bytes, sizeof(bytes), &len), FUO_EINVAL);
    }
}

static void version_two_commands_are_not_supported_in_version_one(void **state)
{
    (void)state;
    uint8_t buf[8] = {0};
    size_t len = 77;
    struct frag_block_received_req req = {.frag_index = 1};
    struct frag_block_received_ans ans = {.frag_index = 1};
    assert_int_equal(frag_block_received_req_encode(1, &req, buf, 8, &len), FUO_ENOTSUP);
    assert_int_equal(frag_block_received_ans_encode(1, &ans, buf, 8, &len), FUO_ENOTSUP);
    assert_int_equal(frag_block_received_req_decode(1, buf, 1, &req), FUO_ENOTSUP);
    assert_int_equal(frag_block_received_ans_decode(1, buf, 1, &ans), FUO_ENOTSUP);
    assert_int_equal(len, 77);
    assert_int_equal(req.frag_index, 1);
}

static void nor_are_commands_of_no_version_at_all(void **state)
{
    (void)state;
    uint8_t buf[8] = {0};
    size_t len = 77;
    struct frag_block_received_req req = {.frag_index = 1};
    struct frag_auth_req auth = {.frag_index = 1};
    assert_int_equal(frag_block_received_req_encode(3, &req, buf, 8, &len), FUO_EINVAL);
    assert_int_equal(frag_auth_req_encode(3, &auth, buf, 8, &len), FUO_EINVAL);
    assert_int_equal(frag_auth_req_decode(3, buf, 4, &auth), FUO_EINVAL);
    assert_int_equal(frag_auth_req_decode(1, buf, 3, &auth), FUO_ESHORT);
    assert_int_equal(frag_auth_req_decode(1, buf, 6, &auth), FUO_ETRAIL);
    assert_int_equal(len, 77);
    assert_int_equal(auth.frag_index, 1);
}

#define SETUP_REQ(...) \
    .u.frag_setup_req = {.frag_count = 20, .frag_size_bytes = 50, __VA_ARGS__}

static const uint8_t some_bytes[256];

static const struct any_cmd unfit_rows[] = {
    {PKG_CLOCK, 1, PKG_UP, CLOCK_CID_APP_TIME, .u.time_req = {.token = 16}},
    {PKG_CLOCK, 2, PKG_DOWN, CLOCK_CID_APP_TIME, .u.time_ans = {.token = 16}},
    {PKG_CLOCK, 1, PKG_DOWN, CLOCK_CID_PERIODICITY, .u.periodicity_req = {16}},
    {PKG_CLOCK, 1, PKG_DOWN, CLOCK_CID_FORCE_RESYNC, .u.resync_req = {8}},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_STATUS, .u.frag_status_req = {.frag_index = 4}},
    {PKG_FRAG, 1, PKG_UP, FRAG_CID_STATUS,
     .u.frag_status_ans = {.frag_index = 4, .layout = 1}},
    {PKG_FRAG, 1, PKG_UP, FRAG_CID_STATUS,
     .u.frag_status_ans = {.received_count = 0x4000, .layout = 1}},
    {PKG_FRAG, 1, PKG_UP, FRAG_CID_STATUS,
     .u.frag_status_ans = {.mic_error = true, .layout = 1}},
    {PKG_FRAG, 1, PKG_UP, FRAG_CID_STATUS,
     .u.frag_status_ans = {.no_session = true, .layout = 1}},
    {PKG_FRAG, 2, PKG_UP, FRAG_CID_STATUS,
     .u.frag_status_ans = {.no_counts = true, .layout = 2}},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_SETUP, SETUP_REQ(.frag_index = 4)},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_SETUP, SETUP_REQ(.mc_group_mask = 16)},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_SETUP, SETUP_REQ(.frag_algo = 8)},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_SETUP, SETUP_REQ(.block_ack_delay_exp = 8)},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_SETUP, SETUP_REQ(.padding_bytes = 50)},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_SETUP, SETUP_REQ(.ack_reception = true)},
    {PKG_FRAG, 2, PKG_DOWN, FRAG_CID_SETUP, .u.frag_setup_req = {.frag_count = 20}},
    {PKG_FRAG, 2, PKG_DOWN, FRAG_CID_SETUP, .u.frag_setup_req = {.frag_size_bytes = 50}},
    {PKG_FRAG, 2, PKG_DOWN, FRAG_CID_SETUP,
     .u.frag_setup_req = {.frag_count = 0x4000, .frag_size_bytes = 50}},
    {PKG_FRAG, 2, PKG_UP, FRAG_CID_SETUP, .u.frag_setup_ans = {.frag_index = 4}},
    {PKG_FRAG, 1, PKG_UP, FRAG_CID_SETUP,
     .u.frag_setup_ans = {.session_cnt_replay = true}},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_DELETE, .u.frag_delete_req = {4}},
    {PKG_FRAG, 1, PKG_UP, FRAG_CID_DELETE, .u.frag_delete_ans = {.frag_index = 4}},
    {PKG_FRAG, 2, PKG_UP, FRAG_CID_BLOCK_RECEIVED, .u.received_req = {.frag_index = 4}},
    {PKG_FRAG, 2, PKG_DOWN, FRAG_CID_BLOCK_RECEIVED, .u.received_ans = {4}},
    {PKG_FRAG, 1, PKG_UP, FRAG_CID_AUTH, .u.auth_req = {.frag_index = 4}},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_DATA, .u.data = {4, 1, some_bytes, 1}},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_DATA, .u.data = {0, 0, some_bytes, 1}},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_DATA, .u.data = {0, 0x4000, some_bytes, 1}},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_DATA, .u.data = {0, 1, some_bytes, 0}},
    {PKG_FRAG, 1, PKG_DOWN, FRAG_CID_DATA, .u.data = {0, 1, some_bytes, 256}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_GROUP_STATUS, .u.group_status_req = {16}},
    {PKG_MCAST, 1, PKG_UP, MC_CID_GROUP_STATUS, .u.group_status_ans = {16, 0, {{0}}}},
    {PKG_MCAST, 1, PKG_UP, MC_CID_GROUP_STATUS, .u.group_status_ans = {0, 8, {{0}}}},
    {PKG_MCAST, 1, PKG_UP, MC_CID_GROUP_STATUS, .u.group_status_ans = {1, 1, {{4, 0}}}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_GROUP_SETUP, .u.group_setup_req = {.group_id = 4}},
    {PKG_MCAST, 1, PKG_UP, MC_CID_GROUP_SETUP, .u.group_setup_ans = {4, false}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_GROUP_DELETE, .u.group_delete_req = {4}},
    {PKG_MCAST, 1, PKG_UP, MC_CID_GROUP_DELETE, .u.group_delete_ans = {4, false}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_CLASS_C_SESSION, .u.session_req = {.group_id = 4}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_CLASS_C_SESSION,
     .u.session_req = {.timeout_exp = 16}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_CLASS_C_SESSION,
     .u.session_req = {.periodicity_exp = 1}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_CLASS_B_SESSION,
     .u.session_req = {.periodicity_exp = 8}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_CLASS_B_SESSION, .u.session_req = {.dr = 16}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_CLASS_B_SESSION,
     .u.session_req = {.frequency_hz = 869525050}},
    {PKG_MCAST, 1, PKG_DOWN, MC_CID_CLASS_B_SESSION,
     .u.session_req = {.frequency_hz = 0x1000000u * 100u}},
    {PKG_MCAST, 1, PKG_UP, MC_CID_CLASS_C_SESSION, .u.session_ans = {.group_id = 4}},
    {PKG_MCAST, 1, PKG_UP, MC_CID_CLASS_B_SESSION,
     .u.session_ans = {.time_to_start_s = 0x1000000}},
    {PKG_FWMGMT, 1, PKG_DOWN, FM_CID_REBOOT_COUNTDOWN, .u.countdown = {0x1000000}},
    {PKG_MULTI, 1, PKG_UP, MPA_CID_PACKAGES, .u.packages_ans = {.package_count = 16}},
    {PKG_MULTI, 1, PKG_DOWN, MPA_CID_BUFFER, .u.buffer_req = {128, 0}},
    {PKG_MULTI, 1, PKG_DOWN, MPA_CID_BUFFER, .u.buffer_req = {0, 128}},
    {PKG_MULTI, 1, PKG_UP, MPA_CID_BUFFER, .u.buffer_frag = {false, 128, some_bytes, 1}},
    {PKG_MULTI, 1, PKG_UP, MPA_CID_BUFFER, .u.buffer_frag = {false, 0, some_bytes, 0}},
};

static void values_that_do_not_fit_the_wire_are_out_of_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unfit_rows); i++) {
        uint8_t buf[ANY_BYTES_MAX];
        size_t len = 77;
        printf("# row: %zu\n", i);
        assert_int_equal(any_encode(&unfit_rows[i], buf, sizeof(buf), &len), FUO_ERANGE);
        assert_int_equal(len, 77);
    }
}

/* hex is a command; text is what it decodes to. Both ways unless one_way. */
static const struct {
    const char *hex;
    const char *text;
    enum pkg_id pkg;
    uint8_t version;
    enum pkg_dir dir;
    bool one_way;
} meaning_rows[] = {
    {"0104",
     "StatusAns index=0 received=0 missing=0 memory=0 mic=0 no_session=1 "
     "no_counts=1 layout=2",
     PKG_FRAG, 2, PKG_UP, false},
    {"0107018005",
     "StatusAns index=2 received=1 missing=5 memory=1 mic=1 no_session=1 "
     "no_counts=0 layout=2",
     PKG_FRAG, 2, PKG_UP, false},
    {"01000000fe",
     "StatusAns index=0 received=0 missing=0 memory=0 mic=0 no_session=0 "
     "no_counts=0 layout=1",
     PKG_FRAG, 1, PKG_UP, true},
    {"0250", "SetupAns index=1 algo=0 memory=0 index=0 descriptor=0 replay=1", PKG_FRAG,
     2, PKG_UP, false},
    {"0270", "SetupAns index=1 algo=0 memory=0 index=0 descriptor=0 replay=0", PKG_FRAG,
     1, PKG_UP, true},
    {"0201140032ff0501020304",
     "SetupReq index=0 mask=1 count=20 size=50 algo=7 delay=7 "
     "ack=0 padding=5 descriptor=01020304 cnt=0 mic=00000000",
     PKG_FRAG, 1, PKG_DOWN, true},
    {"02011400324005010203040100d75db2a8",
     "SetupReq index=0 mask=1 count=20 size=50 algo=0 delay=0 ack=1 padding=5 "
     "descriptor=01020304 cnt=1 mic=d75db2a8",
     PKG_FRAG, 2, PKG_DOWN, false},
    {"05785634ff", "AuthReq has_index=0 index=0 crc=ff345678", PKG_FRAG, 1, PKG_UP,
     false},
    {"0501785634ff", "AuthReq has_index=1 index=1 crc=ff345678", PKG_FRAG, 1, PKG_UP,
     false},
    {"0420", "ClassCAns id=0 dr=0 freq=0 undefined=0 missed=1 start=0", PKG_MCAST, 2,
     PKG_UP, false},
    {"0420", "ClassCAns id=0 dr=0 freq=0 undefined=0 missed=1 start=0", PKG_MCAST, 1,
     PKG_UP, false},
    {"0420000400", "ClassCAns id=0 dr=0 freq=0 undefined=0 missed=0 start=1024",
     PKG_MCAST, 1, PKG_UP, true},
    {"0400ffffff", "ClassCAns id=0 dr=0 freq=0 undefined=0 missed=0 start=16777215",
     PKG_MCAST, 2, PKG_UP, false},
    {"04fc00040000f9d2ad84f0",
     "ClassCReq id=0 time=1024 timeout=9 periodicity=0 freq=869525000 dr=0", PKG_MCAST, 1,
     PKG_DOWN, true},
    {"0110", "GroupStatusAns mask=0 total=1", PKG_MCAST, 1, PKG_UP, false},
    {"0400", "UpgradeImageAns status=0 next=0", PKG_FWMGMT, 1, PKG_UP, false},
    {"03ffffff", "RebootCountdown delay=16777215", PKG_FWMGMT, 1, PKG_DOWN, false},
    {"0100", "DevPackageAns", PKG_MULTI, 1, PKG_UP, false},
    {"01020001e10302c9", "DevPackageAns 0:v1:225 3:v2:201", PKG_MULTI, 1, PKG_UP, false},
    {"02ff", "BufferFrag error=1 base=0 bytes=", PKG_MULTI, 1, PKG_UP, false},
    {"0203aabb", "BufferFrag error=0 base=3 bytes=aabb", PKG_MULTI, 1, PKG_UP, false},
    {"020305", "BufferReq 3..5", PKG_MULTI, 1, PKG_DOWN, false},
    {"01", "DevPackageReq", PKG_MULTI, 1, PKG_DOWN, false},
};

static void meanings_beyond_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(meaning_rows); i++) {
        uint8_t bytes[ANY_BYTES_MAX];
        uint8_t again[ANY_BYTES_MAX];
        size_t again_len = 0;
        struct any_cmd any;
        test_row(meaning_rows[i].hex);
        struct command_row row = {.hex = meaning_rows[i].hex, .pkg = meaning_rows[i].pkg};
        size_t len = row_bytes(&row, bytes);
        struct split_cmd cmd = row_cmd(&row, bytes, len - 1);
        assert_int_equal(
            any_decode(&any, &cmd, meaning_rows[i].version, meaning_rows[i].dir), FUO_OK);
        assert_string_equal(any_format(&any).s, meaning_rows[i].text);
        assert_int_equal(any_encode(&any, again, sizeof(again), &again_len), FUO_OK);
        if (!meaning_rows[i].one_way) {
            assert_int_equal(again_len, len);
            assert_memory_equal(again, bytes, len);
        }
    }
}

static void fragments_are_numbered_from_one(void **state)
{
    (void)state;
    struct frag_data data = {.n = 7};
    const uint8_t zero[] = {0x00, 0x40, 0xaa};
    assert_int_equal(frag_data_decode(1, zero, sizeof(zero), &data), FUO_ERANGE);
    assert_int_equal(frag_data_decode(1, zero, 2, &data), FUO_ESHORT);
    assert_int_equal(data.n, 7);
}

static void a_buffer_fragment_beyond_the_buffer_is_out_of_range(void **state)
{
    (void)state;
    struct mpa_buffer_frag frag = {.base_byte = 7};
    const uint8_t body[] = {128, 0xaa};
    assert_int_equal(mpa_buffer_frag_decode(body, 2, &frag), FUO_ERANGE);
    assert_int_equal(mpa_buffer_frag_decode(body, 1, &frag), FUO_ESHORT);
    assert_int_equal(mpa_buffer_frag_decode(body, 0, &frag), FUO_ESHORT);
    assert_int_equal(frag.base_byte, 7);
}

static void acceptance_means_no_error_bit_at_all(void **state)
{
    (void)state;
    struct frag_setup_ans setup = {.frag_index = 3};
    assert_true(frag_setup_accepted(&setup));
    for (uint8_t bit = 0; bit < 5; bit++) {
        const uint8_t body = (uint8_t)(1u << bit);
        assert_int_equal(frag_setup_ans_decode(2, &body, 1, &setup), FUO_OK);
        assert_false(frag_setup_accepted(&setup));
    }
    struct mc_session_ans session = {.group_id = 3};
    assert_true(mc_session_accepted(&session));
    for (uint8_t bit = 2; bit < 6; bit++) {
        const uint8_t body = (uint8_t)(1u << bit);
        assert_int_equal(mc_session_ans_decode(2, &body, 1, &session), FUO_OK);
        assert_false(mc_session_accepted(&session));
    }
}

static void an_implausible_v2_status_is_read_in_the_v1_layout(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t version;
        uint8_t body[4];
        size_t len;
        struct frag_status_hint hint;
        uint8_t layout;
        uint16_t received;
        uint8_t missing;
    } rows[] = {
        {"v2 as specified", 2, {0, 0x16, 0, 3}, 4, {0, 24}, 2, 0x16, 3},
        {"ST: RFU status bits", 2, {0x18, 0, 4, 0}, 4, {0, 24}, 1, 0x18, 4},
        {"ST: another index", 2, {0x02, 0x40, 4, 0}, 4, {1, 24}, 1, 2, 4},
        {"ST: more than sent", 2, {0x01, 0, 0x30, 0}, 4, {0, 24}, 1, 1, 0x30},
        {"plausible in neither: by the specification",
         2,
         {0x18, 0, 4, 0x18},
         4,
         {0, 24},
         2,
         0x400,
         0x18},
        {"no counts", 2, {0x04}, 1, {3, 24}, 2, 0, 0},
        {"v1 has one layout", 1, {0x18, 0, 4, 0xfe}, 4, {0, 1}, 1, 0x18, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct frag_status_ans ans;
        test_row(rows[i].name);
        assert_int_equal(frag_status_ans_decode_lenient(rows[i].version, &rows[i].hint,
                                                        rows[i].body, rows[i].len, &ans),
                         FUO_OK);
        assert_int_equal(ans.layout, rows[i].layout);
        assert_int_equal(ans.received_count, rows[i].received);
        assert_int_equal(ans.missing_count, rows[i].missing);
    }
    struct frag_status_ans ans = {.layout = 9};
    assert_int_equal(
        frag_status_ans_decode_lenient(2, &rows[0].hint, rows[0].body, 3, &ans),
        FUO_ESHORT);
    assert_int_equal(ans.layout, 9);
}

static void every_package_has_a_port_and_versions(void **state)
{
    (void)state;
    static const uint8_t fports[PKG_COUNT] = {225, 202, 200, 201, 203};
    static const uint8_t version_max[PKG_COUNT] = {1, 2, 2, 2, 1};
    enum pkg_id pkg = PKG_FRAG;
    for (unsigned i = 0; i < PKG_COUNT; i++) {
        assert_int_equal(pkg_default_fport((enum pkg_id)i), fports[i]);
        assert_int_equal(pkg_by_default_fport(fports[i], &pkg), FUO_OK);
        assert_int_equal(pkg, i);
        assert_false(pkg_version_known(pkg, 0));
        assert_true(pkg_version_known(pkg, 1));
        assert_int_equal(pkg_version_known(pkg, 2), version_max[i] == 2);
        assert_false(pkg_version_known(pkg, 3));
    }
    assert_int_equal(pkg_by_default_fport(204, &pkg), FUO_ENOENT);
}

static void the_st_clock_is_suspected_only_near_its_two_wrong_times(void **state)
{
    (void)state;
    const struct gps now = {1450000000};
    static const struct {
        uint32_t device_s;
        bool suspected;
    } rows[] = {
        {1450000000, false},
        {1450000000 - 315964800, true},
        {1450000000 - 315964800 - 10, true},
        {1450000000 - 315964800 + 10, true},
        {1450000000 - 315964800 - 11, false},
        {1450000000 - 315964800 + 11, false},
        {0u - 2u * 315964800u, true}, /* just booted */
        {0u - 2u * 315964800u + 9, true},
        {0u - 2u * 315964800u + 10, false},
        {0u - 315964800u, false}, /* LoRaMac-node just booted */
        {0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gps device = {rows[i].device_s};
        assert_int_equal(clock_epoch_bug_suspected(now, device, 10), rows[i].suspected);
    }
}

TEST_MAIN(cmocka_unit_test(a_truncated_body_is_short_and_leaves_the_output_alone),
          cmocka_unit_test(a_body_one_byte_too_long_is_refused),
          cmocka_unit_test(a_full_buffer_is_reported_and_the_length_left_alone),
          cmocka_unit_test(an_unknown_version_is_refused_both_ways),
          cmocka_unit_test(version_two_commands_are_not_supported_in_version_one),
          cmocka_unit_test(nor_are_commands_of_no_version_at_all),
          cmocka_unit_test(values_that_do_not_fit_the_wire_are_out_of_range),
          cmocka_unit_test(meanings_beyond_the_vectors),
          cmocka_unit_test(fragments_are_numbered_from_one),
          cmocka_unit_test(a_buffer_fragment_beyond_the_buffer_is_out_of_range),
          cmocka_unit_test(acceptance_means_no_error_bit_at_all),
          cmocka_unit_test(an_implausible_v2_status_is_read_in_the_v1_layout),
          cmocka_unit_test(every_package_has_a_port_and_versions),
          cmocka_unit_test(the_st_clock_is_suspected_only_near_its_two_wrong_times))
