/* SPDX-License-Identifier: MIT */
/*
 * Transcripts of real device stacks: every request is one that our encoders produce byte
 * for byte, every answer is cut, decoded and, RFU bits apart, encoded again.
 */
#include "any_cmd.h"
#include "json_vectors.h"

struct counts {
    unsigned down;
    unsigned up;
};

static enum pkg_id package_of(int64_t fport)
{
    enum pkg_id pkg = PKG_MULTI;
    assert_int_equal(pkg_by_default_fport((uint8_t)fport, &pkg), FUO_OK);
    return pkg;
}

static struct pkg_versions versions_of(uint8_t version)
{
    return (struct pkg_versions){.of = {1, version, version, version, 1}};
}

/* ST's v2 stack answers a status in the layout of v1. */
static int decode_as_server(struct any_cmd *any, const struct split_cmd *cmd,
                            uint8_t version, enum pkg_dir dir)
{
    static const struct frag_status_hint hint = {.frag_index = 0, .sent_count = 30};
    int err = any_decode(any, cmd, version, dir);
    if (err != FUO_OK || cmd->pkg != PKG_FRAG || dir != PKG_UP ||
        cmd->cid != FRAG_CID_STATUS) {
        return err;
    }
    return frag_status_ans_decode_lenient(version, &hint, cmd->body, cmd->body_len,
                                          &any->u.frag_status_ans);
}

/* Encodes what was decoded behind *again. */
static void decode_and_append(const struct split_cmd *cmd, uint8_t version,
                              enum pkg_dir dir, struct wr *again)
{
    uint8_t buf[ANY_BYTES_MAX];
    size_t len = 0;
    struct any_cmd any;
    assert_int_equal(decode_as_server(&any, cmd, version, dir), FUO_OK);
    assert_int_equal(any_encode(&any, buf, sizeof(buf), &len), FUO_OK);
    wr_bytes(again, buf, len);
}

static void walk_package(int64_t fport, uint8_t version, enum pkg_dir dir,
                         const uint8_t *bytes, size_t len, struct wr *again)
{
    enum pkg_id pkg = package_of(fport);
    struct pkg_versions versions = versions_of(version);
    struct split s = split_init(pkg, versions.of[pkg], dir, bytes, len);
    struct split_cmd cmd;
    while (split_next(&s, &cmd)) {
        decode_and_append(&cmd, s.version, dir, again);
    }
    assert_int_equal(s.err, FUO_OK);
}

static void walk_multi(uint8_t version, enum pkg_dir dir, const uint8_t *bytes,
                       size_t len, struct wr *again)
{
    struct pkg_versions versions = versions_of(version);
    struct mpa_split s = mpa_split_init(&versions, dir, bytes, len);
    struct split_cmd cmd;
    while (mpa_split_next(&s, &cmd)) {
        decode_and_append(&cmd, versions.of[cmd.pkg], dir, again);
    }
    assert_int_equal(s.err, FUO_OK);
    assert_true(s.has_token);
    wr_u8(again, s.token);
}

static void check_message(int64_t fport, uint8_t version, enum pkg_dir dir,
                          const char *hex)
{
    uint8_t bytes[ANY_BYTES_MAX];
    uint8_t buf[ANY_BYTES_MAX];
    size_t again_len = 0;
    struct wr again = wr_init(buf, sizeof(buf));
    size_t len = hex_bytes(hex, bytes, sizeof(bytes));
    test_row(hex);
    if (fport == MPA_FPORT) {
        walk_multi(version, dir, bytes, len, &again);
    } else {
        walk_package(fport, version, dir, bytes, len, &again);
    }
    assert_int_equal(wr_end(&again, &again_len), FUO_OK);
    assert_int_equal(again_len, len);
    assert_memory_equal(buf, bytes, len);
}

static struct counts replay_lbm(const char *file)
{
    struct counts counts = {0};
    struct json_object *root = vectors_load(file);
    struct json_object *steps = vec_get(root, "steps");
    uint8_t version = (uint8_t)vec_int(root, "ver");
    for (size_t i = 0; i < vec_count(steps); i++) {
        struct json_object *step = vec_at(steps, i);
        struct json_object *uplinks = vec_get(step, "uplinks");
        if (vec_get(step, "dl") != NULL) {
            check_message(vec_int(step, "dl_fport"), version, PKG_DOWN,
                          vec_text(step, "dl"));
            counts.down++;
        }
        for (size_t j = 0; j < vec_count(uplinks); j++) {
            struct json_object *up = vec_at(uplinks, j);
            check_message(vec_int(up, "fport"), version, PKG_UP, vec_text(up, "payload"));
            counts.up++;
        }
    }
    json_object_put(root);
    return counts;
}

/* Lines "UL <ms> <fport> <hex>"; others are events of the device. */
static unsigned check_lines(struct json_object *lines, uint8_t version)
{
    unsigned count = 0;
    for (size_t i = 0; i < vec_count(lines); i++) {
        const char *line = json_object_get_string(vec_at(lines, i));
        if (strncmp(line, "UL ", 3) == 0) {
            char *rest = NULL;
            (void)strtol(line + 3, &rest, 10);
            long fport = strtol(rest, &rest, 10);
            check_message(fport, version, PKG_UP, rest + 1);
            count++;
        }
    }
    return count;
}

static struct counts replay_st(const char *file, uint8_t version)
{
    struct counts counts = {0};
    struct json_object *root = vectors_load(file);
    struct json_object *steps = vec_get(root, "steps");
    for (size_t i = 0; i < vec_count(steps); i++) {
        struct json_object *step = vec_at(steps, i);
        if (vec_has(step, "req")) {
            check_message(vec_int(step, "port"), version, PKG_DOWN,
                          vec_text(step, "req"));
            counts.down++;
        }
        if (vec_has(step, "out")) {
            counts.up += check_lines(vec_get(step, "out"), version);
        }
    }
    json_object_put(root);
    return counts;
}

static void lbm_v1_understands_us_and_we_it(void **state)
{
    (void)state;
    struct counts counts = replay_lbm("campaign_lbm_v1.json");
    assert_int_equal(counts.down, 29);
    assert_int_equal(counts.up, 28);
}

static void lbm_v2_understands_us_and_we_it(void **state)
{
    (void)state;
    struct counts counts = replay_lbm("campaign_lbm_v2.json");
    assert_int_equal(counts.down, 30);
    assert_int_equal(counts.up, 31);
}

static void st_v1_understands_us_and_we_it(void **state)
{
    (void)state;
    struct counts counts = replay_st("campaign_st_v1.json", 1);
    assert_int_equal(counts.down, 34);
    assert_int_equal(counts.up, 45);
}

static void st_v2_understands_us_and_we_it(void **state)
{
    (void)state;
    struct counts counts = replay_st("campaign_st_v2.json", 2);
    assert_int_equal(counts.down, 38);
    assert_int_equal(counts.up, 53);
}

static void lbm_v2_repeats_its_block_received_request_three_times(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("lbm_v2_ack_repeats.json");
    struct json_object *rows = vec_get(root, "rows");
    assert_int_equal(vec_count(rows), 3);
    for (size_t i = 0; i < vec_count(rows); i++) {
        struct json_object *lines = vec_get(vec_at(rows, i), "out");
        assert_int_equal(check_lines(lines, 2), 4); /* the set-up answer and three */
    }
    json_object_put(root);
}

static uint32_t number_after(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    assert_non_null(at);
    return (uint32_t)strtoul(at + strlen(name), NULL, 10);
}

static void st_boots_with_a_clock_that_is_suspected(void **state)
{
    (void)state;
    struct json_object *root = vectors_load("st_clock_epoch_bug.json");
    struct json_object *lines = vec_get(root, "transcript");
    unsigned suspected = 0;
    unsigned seen = 0;
    for (size_t i = 0; i < vec_count(lines); i++) {
        const char *line = json_object_get_string(vec_at(lines, i));
        if (strstr(line, "AppTimeReq") == NULL) {
            continue;
        }
        struct gps device = {number_after(line, "dev=")};
        struct gps network = {number_after(line, "(gps=")};
        int32_t diff_s = (int32_t)number_after(line, "diff=");
        test_row(line);
        seen++;
        assert_int_equal(gps_diff_s(network, device), diff_s);
        bool suspect = clock_epoch_bug_suspected(network, device, 30);
        assert_int_equal(suspect, diff_s != 0); /* later requests look perfect */
        suspected += suspect;
    }
    assert_int_equal(seen, 12);
    assert_int_equal(suspected, 4);
    json_object_put(root);
}

TEST_MAIN(cmocka_unit_test(lbm_v1_understands_us_and_we_it),
          cmocka_unit_test(lbm_v2_understands_us_and_we_it),
          cmocka_unit_test(st_v1_understands_us_and_we_it),
          cmocka_unit_test(st_v2_understands_us_and_we_it),
          cmocka_unit_test(lbm_v2_repeats_its_block_received_request_three_times),
          cmocka_unit_test(st_boots_with_a_clock_that_is_suspected))
