/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/protocol.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* ---- requests ---- */

static void requests_are_told_from_other_lines(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *line;
        int err;
        int64_t id;
        enum ctl_method method;
    } rows[] = {
        {"all members", "{\"id\":7,\"method\":\"status\",\"params\":{\"name\":\"a\"}}",
         FUO_OK, 7, CTL_STATUS},
        {"no params", "{\"id\":1,\"method\":\"version\"}", FUO_OK, 1, CTL_VERSION},
        {"unknown members are ignored", "{\"id\":2,\"method\":\"watch\",\"x\":[1]}",
         FUO_OK, 2, CTL_WATCH},
        {"empty", "", FUO_EPROTO, 0, CTL_VERSION},
        {"not JSON", "hello", FUO_EPROTO, 0, CTL_VERSION},
        {"not an object", "[1]", FUO_EPROTO, 0, CTL_VERSION},
        {"cut off", "{\"id\":1,\"method\":\"sta", FUO_EPROTO, 0, CTL_VERSION},
        {"something behind it", "{\"id\":1,\"method\":\"status\"} x", FUO_EPROTO, 0,
         CTL_VERSION},
        {"no id", "{\"method\":\"status\"}", FUO_EPROTO, 0, CTL_VERSION},
        {"id of another type", "{\"id\":\"1\",\"method\":\"status\"}", FUO_EPROTO, 0,
         CTL_VERSION},
        {"the largest id", "{\"id\":9007199254740992,\"method\":\"version\"}", FUO_OK,
         CTL_INT_MAX, CTL_VERSION},
        {"an id beyond", "{\"id\":9007199254740993,\"method\":\"version\"}", FUO_EPROTO,
         0, CTL_VERSION},
        {"no method", "{\"id\":4}", FUO_EPROTO, 4, CTL_VERSION},
        {"unknown method", "{\"id\":5,\"method\":\"reboot\"}", FUO_EPROTO, 5,
         CTL_VERSION},
        {"method with a NUL", "{\"id\":6,\"method\":\"status\\u0000\"}", FUO_EPROTO, 6,
         CTL_VERSION},
        {"params of another type", "{\"id\":8,\"method\":\"status\",\"params\":[]}",
         FUO_EPROTO, 8, CTL_STATUS},
        {"too deep",
         "{\"id\":9,\"method\":\"status\",\"params\":{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]"
         "]]]"
         "]]]]]]]]}}",
         FUO_EPROTO, 0, CTL_VERSION},
        {"broken UTF-8", "{\"id\":1,\"method\":\"\xff\"}", FUO_EPROTO, 0, CTL_VERSION},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct ctl_request request;
        struct ctl_error error = {0};
        int err = ctl_request_parse(rows[i].line, strlen(rows[i].line), &request, &error);
        assert_int_equal(err, rows[i].err);
        assert_int_equal(request.id, rows[i].id);
        if (err == FUO_OK) {
            assert_int_equal(request.method, rows[i].method);
            assert_non_null(request.params);
            assert_int_equal(error.code, CTL_DONE);
        } else {
            assert_int_equal(error.code, CTL_USAGE);
            assert_true(error.text[0] != '\0');
        }
        ctl_request_finish(&request);
        ctl_error_finish(&error);
    }
}

static void a_line_that_is_too_long_is_refused(void **state)
{
    (void)state;
    size_t len = CTL_LINE_MAX + 1;
    char *line = malloc(len);
    memset(line, ' ', len);
    struct ctl_request request;
    struct ctl_error error = {0};
    assert_int_equal(ctl_request_parse(line, len, &request, &error), FUO_EPROTO);
    free(line);
}

static void what_is_printed_is_parsed_again(void **state)
{
    (void)state;
    for (int i = CTL_VERSION; i <= CTL_WATCH; i++) {
        test_row(ctl_method_name((enum ctl_method)i));
        struct json_object *params = json_object_new_object();
        json_object_object_add(params, "name", json_object_new_string("a/b\n"));
        char *line = ctl_print_request(42, (enum ctl_method)i, params);
        size_t len = strlen(line);
        assert_int_equal(line[len - 1], '\n');
        assert_null(memchr(line, '\n', len - 1));
        struct ctl_request request;
        struct ctl_error error = {0};
        assert_int_equal(ctl_request_parse(line, len - 1, &request, &error), FUO_OK);
        assert_int_equal(request.id, 42);
        assert_int_equal(request.method, i);
        assert_string_equal(ctl_text(request.params, "name"), "a/b\n");
        ctl_request_finish(&request);
        free(line);
    }
}

/* ---- messages ---- */

static struct ctl_message parse_own(char *line)
{
    struct ctl_message message = {0};
    assert_non_null(line);
    assert_int_equal(ctl_message_parse(line, strlen(line) - 1, &message), FUO_OK);
    free(line);
    return message;
}

static void hello_carries_version_and_protocol(void **state)
{
    (void)state;
    struct ctl_message message = parse_own(ctl_print_hello("1.2", "main", 3));
    assert_int_equal(message.type, CTL_MSG_HELLO);
    assert_int_equal(message.protocol, CTL_PROTOCOL);
    assert_string_equal(ctl_text(message.root, "fuotad"), "1.2");
    assert_string_equal(ctl_text(message.root, "instance"), "main");
    assert_int_equal(ctl_int(message.root, "boot", 0), 3);
    ctl_message_finish(&message);
}

static void data_and_events_carry_their_id(void **state)
{
    (void)state;
    struct json_object *data = json_object_new_object();
    json_object_object_add(data, "have", json_object_new_int(9));
    struct ctl_message message = parse_own(ctl_print_data(5, data));
    assert_int_equal(message.type, CTL_MSG_DATA);
    assert_int_equal(message.id, 5);
    assert_int_equal(ctl_int(message.data, "have", 0), 9);
    ctl_message_finish(&message);

    message = parse_own(ctl_print_event(6, "state", NULL));
    assert_int_equal(message.type, CTL_MSG_EVENT);
    assert_int_equal(message.id, 6);
    assert_string_equal(message.event, "state");
    assert_null(message.data);
    ctl_message_finish(&message);
}

static void errors_carry_code_text_and_problems(void **state)
{
    (void)state;
    struct ctl_error error = {.errors = json_object_new_array()};
    json_object_array_add(error.errors, json_object_new_string("x"));
    assert_int_equal(ctl_fail(&error, CTL_CONFLICT, "no %s", "way"), CTL_CONFLICT);
    struct ctl_message message = parse_own(ctl_print_error(8, &error));
    assert_int_equal(message.type, CTL_MSG_ERROR);
    assert_int_equal(message.id, 8);
    assert_int_equal(message.error.code, CTL_CONFLICT);
    assert_string_equal(message.error.text, "no way");
    assert_int_equal(json_object_array_length(message.error.errors), 1);
    ctl_message_finish(&message);
    ctl_error_finish(&error);
    assert_null(error.errors);
}

static void a_long_error_text_is_cut(void **state)
{
    (void)state;
    char text[2 * CTL_ERROR_SIZE];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct ctl_error error = {0};
    ctl_fail(&error, CTL_INTERNAL, "%s", text);
    assert_int_equal(strlen(error.text), CTL_ERROR_SIZE - 1);
}

static void strange_messages_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "1",
        "{}",
        "{\"id\":1}",
        "{\"event\":\"state\"}",
        "{\"id\":1,\"ok\":\"yes\"}",
        "{\"id\":1,\"ok\":false}",
        "{\"id\":1,\"ok\":false,\"error\":\"x\",\"code\":0}",
        "{\"id\":1,\"ok\":false,\"error\":\"x\",\"code\":256}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i]);
        struct ctl_message message = {.id = 77};
        assert_int_equal(ctl_message_parse(rows[i], strlen(rows[i]), &message),
                         FUO_EPROTO);
        assert_int_equal(message.id, 77);
    }
}

/* ---- members ---- */

static void members_of_another_type_are_absent(void **state)
{
    (void)state;
    struct json_object *object =
        json_tokener_parse("{\"t\":\"x\",\"n\":\"a\\u0000b\",\"i\":3,\"b\":true}");
    assert_string_equal(ctl_text(object, "t"), "x");
    assert_null(ctl_text(object, "n"));
    assert_null(ctl_text(object, "i"));
    assert_null(ctl_text(object, "absent"));
    assert_int_equal(ctl_int(object, "i", -1), 3);
    assert_int_equal(ctl_int(object, "t", -1), -1);
    assert_true(ctl_bool(object, "b", false));
    assert_true(ctl_bool(object, "i", true));
    json_object_put(object);
}

/* ---- digests and base64 ---- */

static void digest_texts_are_checked_and_lowered(void **state)
{
    (void)state;
    char digest[CTL_DIGEST_SIZE] = "untouched";
    assert_int_equal(ctl_digest_text(NULL, digest), FUO_EPROTO);
    assert_int_equal(ctl_digest_text("00", digest), FUO_EPROTO);
    assert_int_equal(ctl_digest_text(DIGEST "0", digest), FUO_EPROTO);
    assert_string_equal(digest, "untouched");
    assert_int_equal(ctl_digest_text("00112233445566778899AABBCCDDEEFF"
                                     "00112233445566778899aabbccddeeff",
                                     digest),
                     FUO_OK);
    assert_string_equal(digest, DIGEST);
}

/* b2sum -l 256 of "abc". */
static void digest_is_blake2b_256(void **state)
{
    (void)state;
    char digest[CTL_DIGEST_SIZE];
    ctl_digest((const uint8_t *)"abc", 3, digest);
    assert_string_equal(
        digest, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void base64_table(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        const char *bytes;
    } rows[] = {
        {"", FUO_OK, ""},
        {"YQ==", FUO_OK, "a"},
        {"YWI=", FUO_OK, "ab"},
        {"YWJj", FUO_OK, "abc"},
        {"YWJj\n", FUO_EPROTO, NULL},
        {"YWJ", FUO_EPROTO, NULL},
        {"YW=j", FUO_EPROTO, NULL},
        {"Y W", FUO_EPROTO, NULL},
        {"YWJjZGVmZ2hpamts", FUO_ENOSPC, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].text);
        uint8_t bytes[8];
        size_t len = 99;
        assert_int_equal(
            ctl_base64_decode(rows[i].text, strlen(rows[i].text), bytes, 8, &len),
            rows[i].err);
        if (rows[i].err != FUO_OK) {
            assert_int_equal(len, 99);
            continue;
        }
        assert_int_equal(len, strlen(rows[i].bytes));
        assert_memory_equal(bytes, rows[i].bytes, len);
        char *text = ctl_base64_encode(bytes, len);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

TEST_MAIN(cmocka_unit_test(requests_are_told_from_other_lines),
          cmocka_unit_test(a_line_that_is_too_long_is_refused),
          cmocka_unit_test(what_is_printed_is_parsed_again),
          cmocka_unit_test(hello_carries_version_and_protocol),
          cmocka_unit_test(data_and_events_carry_their_id),
          cmocka_unit_test(errors_carry_code_text_and_problems),
          cmocka_unit_test(a_long_error_text_is_cut),
          cmocka_unit_test(strange_messages_are_refused),
          cmocka_unit_test(members_of_another_type_are_absent),
          cmocka_unit_test(digest_texts_are_checked_and_lowered),
          cmocka_unit_test(digest_is_blake2b_256), cmocka_unit_test(base64_table))
