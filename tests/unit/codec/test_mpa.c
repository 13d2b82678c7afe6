/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "test.h"

#include "any_text.h"

static const struct pkg_versions versions = {.of = {0, 2, 1, 2, 1}};

static struct any_text walk_split(struct mpa_split *s)
{
    struct any_text t = {""};
    struct split_cmd cmd;
    while (mpa_split_next(s, &cmd)) {
        size_t used = strlen(t.s);
        snprintf(t.s + used, sizeof(t.s) - used, "%d/%02x:%zu ", (int)cmd.pkg, cmd.cid,
                 cmd.body_len);
    }
    size_t used = strlen(t.s);
    if (s->err != FUO_OK) {
        snprintf(t.s + used, sizeof(t.s) - used, "!%d@%zu", s->err, s->offset);
    } else if (s->has_token) {
        snprintf(t.s + used, sizeof(t.s) - used, "token %u", s->token);
    }
    assert_false(mpa_split_next(s, &cmd));
    return t;
}

static struct any_text walk(enum pkg_dir dir, const char *hex)
{
    uint8_t bytes[ANY_BYTES_MAX];
    size_t len = strlen(hex) / 2;
    assert_int_equal(hex_decode(hex, 2 * len, bytes, len), FUO_OK);
    struct mpa_split s = mpa_split_init(&versions, dir, bytes, len);
    return walk_split(&s);
}

static void messages_are_cut_into_commands_of_many_packages(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum pkg_dir dir;
        const char *hex;
        const char *want;
    } rows[] = {
        {"nothing", PKG_UP, "", ""},
        {"only a token, RFU bits set", PKG_UP, "fe", "token 2"},
        {"short form", PKG_DOWN, "0102", "0/01:0 token 2"},
        {"with the package", PKG_DOWN, "800102", "0/01:0 token 2"},
        {"LBM's answer", PKG_UP, "01050001e10101ca0201c80301c90401cb02",
         "0/01:16 token 2"},
        {"the package sticks", PKG_DOWN,
         "82010f0300830104"
         "01",
         "2/01:1 2/03:1 3/01:1 token 1"},
        {"and is back", PKG_DOWN,
         "840180"
         "0101",
         "4/01:0 0/01:0 token 1"},
        {"versions count", PKG_UP,
         "830100160000"
         "82010000",
         "3/01:4 2/01:1 token 0"},
        {"unknown package", PKG_DOWN,
         "010001"
         "850001",
         "0/01:0 0/00:0 0/01:0 !-18@3"},
        {"unknown command", PKG_UP,
         "820200"
         "0700"
         "01",
         "2/02:1 !-18@3"},
        {"package byte at the end", PKG_DOWN,
         "8201"
         "0f"
         "83"
         "00",
         "2/01:1 !-3@3"},
        {"truncated", PKG_DOWN, "840200000001", "!-3@0"},
        {"buffer request", PKG_DOWN, "020005", "0/02:2 "},
        {"buffer request, long form", PKG_DOWN, "80020005", "0/02:2 "},
        {"buffer request with a token", PKG_DOWN, "02000501", "!-15@0"},
        {"buffer request behind another", PKG_DOWN, "0102000501", "0/01:0 !-15@1"},
        {"buffer fragment", PKG_UP, "0200aabbcc03", "0/02:4 token 3"},
        {"buffer error", PKG_UP, "02ff01", "0/02:1 token 1"},
        {"buffer fragment behind another", PKG_UP, "010002ff01", "0/01:1 !-15@2"},
        {"data fragment", PKG_DOWN, "83080100aabb01", "!-15@0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_string_equal(walk(rows[i].dir, rows[i].hex).s, rows[i].want);
    }
}

static void a_package_of_unknown_version_answers_its_version_only(void **state)
{
    (void)state;
    const struct pkg_versions none = {{0}};
    const uint8_t bytes[] = {0x82, 0x00, 0x02, 0x01, 0x02, 0x00, 0x00};
    struct mpa_split s = mpa_split_init(&none, PKG_UP, bytes, sizeof(bytes));
    assert_string_equal(walk_split(&s).s, "2/00:2 !-18@4");
}

static void a_message_leaves_out_repeated_packages_and_ends_with_the_token(void **state)
{
    (void)state;
    uint8_t cmd[32];
    uint8_t buf[64];
    size_t cmd_len = 0;
    size_t len = 77;
    struct mpa_msg m = mpa_msg_init(buf, sizeof(buf));

    assert_int_equal(mpa_packages_req_encode(cmd, sizeof(cmd), &cmd_len), FUO_OK);
    mpa_msg_append(&m, PKG_MULTI, cmd, cmd_len);
    struct mc_group_delete_req del = {.group_id = 1};
    assert_int_equal(mc_group_delete_req_encode(1, &del, cmd, sizeof(cmd), &cmd_len),
                     FUO_OK);
    mpa_msg_append(&m, PKG_MCAST, cmd, cmd_len);
    struct mc_group_status_req status = {.group_mask = 15};
    assert_int_equal(mc_group_status_req_encode(1, &status, cmd, sizeof(cmd), &cmd_len),
                     FUO_OK);
    mpa_msg_append(&m, PKG_MCAST, cmd, cmd_len);
    assert_int_equal(mpa_msg_finish(&m, 4, &len), FUO_ERANGE);
    assert_int_equal(len, 77);
    assert_int_equal(mpa_msg_finish(&m, 3, &len), FUO_OK);
    assert_int_equal(len, 7);
    assert_memory_equal(buf, "\x01\x82\x03\x01\x01\x0f\x03", 7);
}

static void a_message_that_does_not_fit_says_so_at_the_end(void **state)
{
    (void)state;
    const uint8_t cmd[] = {0x01, 0x0f};
    uint8_t buf[3];
    size_t len = 77;
    struct mpa_msg m = mpa_msg_init(buf, sizeof(buf));
    mpa_msg_append(&m, PKG_MCAST, cmd, sizeof(cmd));
    assert_int_equal(mpa_msg_finish(&m, 0, &len), FUO_ENOSPC);
    assert_int_equal(len, 77);
}

static void answers_are_put_together_from_fragments_in_any_order(void **state)
{
    (void)state;
    static const uint8_t all[] = {0x82, 0x02, 0x00, 0x83, 0x01, 0x00, 0x16, 0x00, 0x00};
    struct mpa_answers a = {0};
    struct mpa_buffer_frag tail = {.base_byte = 4, .bytes = all + 4, .len = 5};
    struct mpa_buffer_frag head = {.base_byte = 0, .bytes = all, .len = 5};
    struct mpa_buffer_frag beyond = {.base_byte = 127, .bytes = all, .len = 2};
    struct mpa_buffer_frag error = {.error = true};

    assert_int_equal(mpa_answers_add(&a, &tail), FUO_OK);
    assert_int_equal(mpa_answers_len(&a), 0);
    assert_int_equal(mpa_answers_add(&a, &head), FUO_OK);
    assert_int_equal(mpa_answers_len(&a), sizeof(all));
    assert_int_equal(mpa_answers_add(&a, &beyond), FUO_ERANGE);
    assert_int_equal(mpa_answers_add(&a, &error), FUO_EINVAL);
    assert_int_equal(mpa_answers_len(&a), sizeof(all));

    struct mpa_split s = mpa_split_answers(&versions, &a);
    assert_string_equal(walk_split(&s).s, "2/02:1 3/01:4 ");
}

static void a_full_answer_buffer_ends_at_its_size(void **state)
{
    (void)state;
    uint8_t bytes[MPA_BUFFER_BYTES] = {0};
    struct mpa_answers a = {0};
    struct mpa_buffer_frag all = {.bytes = bytes, .len = sizeof(bytes)};
    assert_int_equal(mpa_answers_add(&a, &all), FUO_OK);
    assert_int_equal(mpa_answers_len(&a), MPA_BUFFER_BYTES);
    all.base_byte = 128;
    all.len = 1;
    assert_int_equal(mpa_answers_add(&a, &all), FUO_ERANGE);
}

TEST_MAIN(
    cmocka_unit_test(messages_are_cut_into_commands_of_many_packages),
    cmocka_unit_test(a_package_of_unknown_version_answers_its_version_only),
    cmocka_unit_test(a_message_leaves_out_repeated_packages_and_ends_with_the_token),
    cmocka_unit_test(a_message_that_does_not_fit_says_so_at_the_end),
    cmocka_unit_test(answers_are_put_together_from_fragments_in_any_order),
    cmocka_unit_test(a_full_answer_buffer_ends_at_its_size))
