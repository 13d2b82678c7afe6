/* SPDX-License-Identifier: MIT */
/* CoAP messages: those of lwm2m.md 6.1 and 4.4, and what is wrong with others. */
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "codec/coap_msg.h"

enum {
    BYTES_MAX = 512,
    TEXT_MAX = 1024,
};

struct bytes {
    uint8_t b[BYTES_MAX];
    size_t len;
};

static struct bytes of_hex(const char *hex)
{
    struct bytes m = {.len = strlen(hex) / 2};
    assert_int_equal(hex_decode(hex, strlen(hex), m.b, m.len), FUO_OK);
    return m;
}

/* "0 0.02 1 t=01 11:7264 / 7000": type, code, id, token, options, payload. */
static int list(const uint8_t *bytes, size_t len, char text[TEXT_MAX])
{
    struct coap_msg msg;
    char hex[2 * BYTES_MAX + 1];
    int err = coap_msg_decode(bytes, len, &msg);
    text[0] = '\0';
    if (err != FUO_OK) {
        return err;
    }
    char *at = text;
    char *end = text + TEXT_MAX;
    at += snprintf(at, (size_t)(end - at), "%d %d.%02d %u t=%s", (int)msg.type,
                   COAP_CODE_CLASS(msg.code), msg.code & 31, (unsigned)msg.id,
                   hex_encode(msg.token.bytes, msg.token.len, hex));
    struct coap_options options = coap_msg_options(&msg);
    struct coap_option option;
    while (coap_msg_option_next(&options, &option)) {
        at += snprintf(at, (size_t)(end - at), " %u:%s", (unsigned)option.number,
                       hex_encode(option.bytes, option.len, hex));
    }
    snprintf(at, (size_t)(end - at), " / %s",
             hex_encode(msg.payload, msg.payload_len, hex));
    return FUO_OK;
}

static const struct {
    const char *name;
    const char *hex;
    const char *values;
} good[] = {
    {"empty", "40000001", "0 0.00 1 t= / "},
    {"reset", "70001234", "3 0.00 4660 t= / "},
    {"register", "4102000101b272641128396c776d326d3d312e31ff3c2f312f303e",
     "0 0.02 1 t=01 11:7264 12:28 15:6c776d326d3d312e31 / 3c2f312f303e"},
    {"its answer", "61410001018272640137", "2 2.01 1 t=01 8:7264 8:37 / "},
    {"observe /5/0", "41010002026051350130", "0 0.01 2 t=02 6: 11:35 11:30 / "},
    {"execute /5/0/2",
     "4102000404b1350130"
     "0132",
     "0 0.02 4 t=04 11:35 11:30 11:32 / "},
    {"the packet that kills libcoap's block mode", "440225b9bc306ac4b27264d10308",
     "0 0.02 9657 t=bc306ac4 11:7264 27:08 / "},
    {"a delta of two bytes", "40010001e1000041", "0 0.01 1 t= 269:41 / "},
    {"a length of one byte", "40010001bd0030313233343536373839616263",
     "0 0.01 1 t= 11:30313233343536373839616263 / "},
};

static void messages_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct bytes m = of_hex(good[i].hex);
        char text[TEXT_MAX];
        test_row(good[i].name);
        assert_int_equal(list(m.b, m.len, text), FUO_OK);
        assert_string_equal(text, good[i].values);
    }
}

static void cut_anywhere_nothing_is_read_beyond(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct bytes m = of_hex(good[i].hex);
        test_row(good[i].name);
        for (size_t len = 0; len < m.len; len++) {
            uint8_t *cut = test_malloc(len > 0 ? len : 1);
            char text[TEXT_MAX];
            memcpy(cut, m.b, len);
            int err = list(cut, len, text);
            assert_true(err == FUO_OK || err == FUO_ESHORT || err == FUO_EPROTO);
            assert_true(len >= 4 || err == FUO_ESHORT);
            test_free(cut);
        }
    }
}

static void malformed_messages_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        int err;
    } rows[] = {
        {"nothing", "", FUO_ESHORT},
        {"version 0", "00010001", FUO_EPROTO},
        {"version 2", "80010001", FUO_EPROTO},
        {"a token of nine", "49010001010203040506070809", FUO_EPROTO},
        {"a token cut", "42010001aa", FUO_ESHORT},
        {"empty with a token", "41000001aa", FUO_EPROTO},
        {"empty with a payload", "40000001ff00", FUO_EPROTO},
        {"a marker and nothing", "40010001ff", FUO_EPROTO},
        {"a reserved delta", "40010001f0", FUO_EPROTO},
        {"a reserved length", "400100010f", FUO_EPROTO},
        {"an option cut", "40010001b272", FUO_ESHORT},
        {"an extended delta cut", "40010001e000", FUO_ESHORT},
        {"a number beyond 65535", "40010001e0fffe", FUO_EPROTO},
        {"a length beyond the message", "400100010effff", FUO_ESHORT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bytes m = of_hex(rows[i].hex);
        struct coap_msg msg = {.id = 77};
        test_row(rows[i].name);
        assert_int_equal(coap_msg_decode(m.b, m.len, &msg), rows[i].err);
        assert_int_equal(msg.id, 77);
    }
}

static void what_is_written_is_what_the_reference_has(void **state)
{
    (void)state;
    uint8_t buf[BYTES_MAX];
    char hex[2 * BYTES_MAX + 1];
    size_t len = 0;
    struct coap_msg head = {.code = COAP_CODE_POST, .id = 1, .token = {1, {1}}};
    struct coap_writer cw = coap_msg_write(buf, sizeof(buf), &head);
    coap_msg_write_steps(&cw, COAP_NR_URI_PATH, "/rd", '/');
    coap_msg_write_number(&cw, COAP_NR_CONTENT_FORMAT, 40);
    coap_msg_write_steps(&cw, COAP_NR_URI_QUERY, "lwm2m=1.1&ep=70b3d5&lt=86400&b=U", '&');
    coap_msg_write_payload(&cw, (const uint8_t *)"</1/0>,</3/0>,</5/0>", 20);
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
    assert_string_equal(hex_encode(buf, len, hex),
                        "4102000101b272641128396c776d326d3d312e310965703d3730623364"
                        "35086c743d383634303003623d55ff3c2f312f303e2c3c2f332f303e2c"
                        "3c2f352f303e");
    assert_int_equal(len, 64);
}

static void numbers_take_as_few_bytes_as_they_need(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 255, 256, 65536, 1u << 24, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        uint8_t buf[BYTES_MAX];
        size_t len = 0;
        uint32_t value = 77;
        struct coap_msg msg = {.code = COAP_CODE_GET};
        struct coap_writer cw = coap_msg_write(buf, sizeof(buf), &msg);
        coap_msg_write_number(&cw, COAP_NR_SIZE2, values[i]);
        assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
        assert_int_equal(coap_msg_decode(buf, len, &msg), FUO_OK);
        assert_int_equal(coap_msg_number(&msg, COAP_NR_SIZE2, &value), FUO_OK);
        assert_int_equal(value, values[i]);
        assert_int_equal(coap_msg_number(&msg, COAP_NR_SIZE1, &value), FUO_ENOENT);
    }
    struct coap_msg msg;
    uint32_t value;
    struct bytes five = of_hex("40010001650102030405");
    assert_int_equal(coap_msg_decode(five.b, five.len, &msg), FUO_OK);
    assert_int_equal(coap_msg_number(&msg, COAP_NR_OBSERVE, &value), FUO_EPROTO);
}

static void long_options_are_written_and_read_again(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 12, 13, 268, 269, 400};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        uint8_t buf[BYTES_MAX];
        uint8_t value[BYTES_MAX];
        size_t len = 0;
        struct coap_msg msg = {.type = COAP_TYPE_NON, .code = COAP_CODE_GET};
        struct coap_option option;
        memset(value, 'x', sizeof(value));
        struct coap_writer cw = coap_msg_write(buf, sizeof(buf), &msg);
        coap_msg_write_option(&cw, COAP_NR_URI_PATH, value, lens[i]);
        coap_msg_write_option(&cw, (enum coap_number)2048, value, 1);
        assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
        assert_int_equal(coap_msg_decode(buf, len, &msg), FUO_OK);
        assert_int_equal(msg.type, COAP_TYPE_NON);
        assert_true(coap_msg_find(&msg, COAP_NR_URI_PATH, &option));
        assert_int_equal(option.len, lens[i]);
        assert_memory_equal(option.bytes, value, lens[i]);
        assert_true(coap_msg_find(&msg, (enum coap_number)2048, &option));
        assert_true(coap_msg_option_is(&option, "x"));
        assert_false(coap_msg_option_is(&option, "xx"));
        assert_false(coap_msg_option_is(&option, ""));
    }
}

static void what_cannot_be_written_says_so(void **state)
{
    (void)state;
    uint8_t buf[BYTES_MAX];
    size_t len = 0;
    struct coap_msg head = {.code = COAP_CODE_GET};
    struct coap_writer cw = coap_msg_write(buf, sizeof(buf), &head);
    coap_msg_write_number(&cw, COAP_NR_BLOCK2, 1);
    coap_msg_write_number(&cw, COAP_NR_ACCEPT, 1);
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_ERANGE);
    cw = coap_msg_write(buf, 5, &head);
    coap_msg_write_steps(&cw, COAP_NR_URI_PATH, "/rd", '/');
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_ENOSPC);
    head.token.len = 9;
    cw = coap_msg_write(buf, sizeof(buf), &head);
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_ERANGE);
}

static void tokens_are_compared_by_length_and_bytes(void **state)
{
    (void)state;
    const struct coap_token a = {2, {1, 2}};
    const struct coap_token b = {2, {1, 3}};
    const struct coap_token c = {1, {1}};
    assert_true(coap_msg_token_is(&a, &a));
    assert_false(coap_msg_token_is(&a, &b));
    assert_false(coap_msg_token_is(&a, &c));
}

TEST_MAIN(cmocka_unit_test(messages_are_read),
          cmocka_unit_test(cut_anywhere_nothing_is_read_beyond),
          cmocka_unit_test(malformed_messages_are_refused),
          cmocka_unit_test(what_is_written_is_what_the_reference_has),
          cmocka_unit_test(numbers_take_as_few_bytes_as_they_need),
          cmocka_unit_test(long_options_are_written_and_read_again),
          cmocka_unit_test(what_cannot_be_written_says_so),
          cmocka_unit_test(tokens_are_compared_by_length_and_bytes))
