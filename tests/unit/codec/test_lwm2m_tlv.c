/* SPDX-License-Identifier: MIT */
/* OMA TLV: the captured answers of lwm2m.md 6.3, and what is wrong with others. */
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "codec/lwm2m_tlv.h"

enum {
    BYTES_MAX = 256,
    TEXT_MAX = 512,
};

struct message {
    uint8_t bytes[BYTES_MAX];
    size_t len;
};

static struct message of_hex(const char *hex)
{
    struct message m = {.len = strlen(hex) / 2};
    assert_int_equal(hex_decode(hex, strlen(hex), m.bytes, m.len), FUO_OK);
    return m;
}

/* "0/3:02 0/8/1:01 3:00": instance, resource, index and value of all that is read. */
static int list(const uint8_t *bytes, size_t len, char text[TEXT_MAX])
{
    struct lwm2m_tlv tlv = lwm2m_tlv_init(bytes, len);
    struct lwm2m_tlv_value v;
    char *at = text;
    *at = '\0';
    while (lwm2m_tlv_next(&tlv, &v)) {
        char hex[2 * BYTES_MAX + 1];
        char instance[8] = "";
        char index[8] = "";
        if (v.instance != LWM2M_TLV_NONE) {
            snprintf(instance, sizeof(instance), "%u/", (unsigned)v.instance);
        }
        if (v.index != LWM2M_TLV_NONE) {
            snprintf(index, sizeof(index), "/%u", (unsigned)v.index);
        }
        at += snprintf(at, (size_t)(text + TEXT_MAX - at), "%s%s%u%s:%s",
                       at == text ? "" : " ", instance, (unsigned)v.resource, index,
                       hex_encode(v.bytes, v.len, hex));
    }
    return lwm2m_tlv_end(&tlv);
}

#define IDLE "c000c10300c1050088080c41000041010141020241030"

static const struct {
    const char *name;
    const char *hex;
    const char *values;
} good[] = {
    {"nothing", "", ""},
    {"/5/0, idle", IDLE "3c10902", "0: 3:00 5:00 8/0:00 8/1:01 8/2:02 8/3:03 9:02"},
    {"the same, wrapped (coap-node)", "08001a" IDLE "3c10902",
     "0/0: 0/3:00 0/5:00 0/8/0:00 0/8/1:01 0/8/2:02 0/8/3:03 0/9:02"},
    {"two instances", "0300c103000301c10301", "0/3:00 1/3:01"},
    {"an instance, then a resource", "0300c10300c10501", "0/3:00 5:01"},
    {"State 1", "c10301", "3:01"},
    {"PkgVersion", "c307312e30", "7:312e30"},
    {"severity and defer", "c10b00c20d0e10", "11:00 13:0e10"},
    {"object link", "86104400835d0001", "16/0:835d0001"},
    {"an id of 16 bits", "e1010041", "256:41"},
    {"a length of 8 bits",
     "c8000831323334353637"
     "38",
     "0:3132333435363738"},
    {"a length of 16 bits", "d000000141", "0:41"},
    {"a length of 24 bits", "d80000000141", "0:41"},
    {"an empty multiple resource", "8008c10902", "9:02"},
    {"an empty instance", "0000", ""},
};

static void what_clients_answer_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct message m = of_hex(good[i].hex);
        char text[TEXT_MAX];
        test_row(good[i].name);
        assert_int_equal(list(m.bytes, m.len, text), FUO_OK);
        assert_string_equal(text, good[i].values);
    }
}

/* Cut anywhere it is either a whole number of entries, or reported as cut. */
static void what_is_cut_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct message m = of_hex(good[i].hex);
        char whole[TEXT_MAX];
        test_row(good[i].name);
        assert_int_equal(list(m.bytes, m.len, whole), FUO_OK);
        for (size_t len = 0; len < m.len; len++) {
            /* Of its own size, so that a sanitizer sees what reads beyond. */
            uint8_t *cut = test_malloc(len > 0 ? len : 1);
            char text[TEXT_MAX];
            memcpy(cut, m.bytes, len);
            int err = list(cut, len, text);
            assert_true(err == FUO_OK || err == FUO_ESHORT);
            assert_int_equal(strncmp(text, whole, strlen(text)), 0);
            test_free(cut);
        }
    }
}

static void what_is_malformed_ends_there(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        int err;
        const char *values;
    } rows[] = {
        {"no id", "c1", FUO_ESHORT, ""},
        {"half an id", "e101", FUO_ESHORT, ""},
        {"no length", "c800", FUO_ESHORT, ""},
        {"longer than all", "c10300c205", FUO_ESHORT, "3:00"},
        {"longer than its instance", "0202c103c103", FUO_ESHORT, ""},
        {"24 bits of length", "d800ffffff", FUO_ESHORT, ""},
        {"a resource instance alone", "410001", FUO_EPROTO, ""},
        {"... in an instance", "0300410001", FUO_EPROTO, ""},
        {"an instance in one", "05000300c10300", FUO_EPROTO, ""},
        {"a resource in a multiple one", "8308c10300", FUO_EPROTO, ""},
        {"a multiple one in one", "82088000", FUO_EPROTO, ""},
        {"an instance in a multiple one", "82080000", FUO_EPROTO, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct message m = of_hex(rows[i].hex);
        char text[TEXT_MAX];
        test_row(rows[i].name);
        assert_int_equal(list(m.bytes, m.len, text), rows[i].err);
        assert_string_equal(text, rows[i].values);
    }
}

static struct lwm2m_tlv_value value_of(const struct message *m)
{
    return (struct lwm2m_tlv_value){.bytes = m->bytes, .len = m->len};
}

static void numbers_have_any_of_four_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int err;
        int64_t number;
    } rows[] = {
        {"02", FUO_OK, 2},
        {"ff", FUO_OK, -1},
        {"0e10", FUO_OK, 3600},
        {"8000", FUO_OK, INT16_MIN},
        {"5182428f", FUO_OK, 1367491215},
        {"ffffffff80000000", FUO_OK, INT32_MIN},
        {"7fffffffffffffff", FUO_OK, INT64_MAX},
        {"8000000000000000", FUO_OK, INT64_MIN},
        {"", FUO_EPROTO, 7},
        {"000001", FUO_EPROTO, 7},
        {"000000000000000001", FUO_EPROTO, 7},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct message m = of_hex(rows[i].hex);
        struct lwm2m_tlv_value v = value_of(&m);
        int64_t number = 7;
        test_row(rows[i].hex);
        assert_int_equal(lwm2m_tlv_int(&v, &number), rows[i].err);
        assert_true(number == rows[i].number);
    }
}

static void other_values_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int as_bool; /* -1: it is none */
        bool is_link;
        bool is_text;
    } rows[] = {
        {"00", 0, false, false},      {"01", 1, false, false},
        {"02", -1, false, false},     {"0001", -1, false, false},
        {"", -1, false, false},       {"835d0001", -1, true, false},
        {"312e3130", -1, true, true}, {"31", -1, false, true},
        {"317f", -1, false, false},   {"c3a4", -1, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct message m = of_hex(rows[i].hex);
        struct lwm2m_tlv_value v = value_of(&m);
        bool yes = false;
        uint16_t object = 7;
        uint16_t instance = 7;
        test_row(rows[i].hex);
        assert_int_equal(lwm2m_tlv_bool(&v, &yes),
                         rows[i].as_bool < 0 ? FUO_EPROTO : FUO_OK);
        assert_int_equal(yes, rows[i].as_bool == 1);
        assert_int_equal(lwm2m_tlv_link(&v, &object, &instance),
                         rows[i].is_link ? FUO_OK : FUO_EPROTO);
        assert_true(rows[i].is_link || object == 7);
        assert_int_equal(lwm2m_tlv_is_text(&v), rows[i].is_text);
    }
    struct message m = of_hex("835d0001");
    struct lwm2m_tlv_value v = value_of(&m);
    uint16_t object;
    uint16_t instance;
    assert_int_equal(lwm2m_tlv_link(&v, &object, &instance), FUO_OK);
    assert_int_equal(object, 33629);
    assert_int_equal(instance, 1);
}

static void numbers_are_written_short(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *hex;
    } rows[] = {
        {0, "c10300"},
        {-128, "c10380"},
        {128, "c2030080"},
        {-32768, "c2038000"},
        {32768, "c40300008000"},
        {INT32_MIN, "c40380000000"},
        {INT64_C(2147483648), "c803080000000080000000"},
        {INT64_MIN, "c803088000000000000000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t buf[16];
        char hex[33];
        struct wr w = wr_init(buf, sizeof(buf));
        size_t len = 0;
        test_row(rows[i].hex);
        lwm2m_tlv_put_int(&w, LWM2M_TLV_RESOURCE, 3, rows[i].number);
        assert_int_equal(wr_end(&w, &len), FUO_OK);
        assert_string_equal(hex_encode(buf, len, hex), rows[i].hex);
    }
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const struct {
        uint16_t id;
        size_t len;
        size_t head;
    } rows[] = {{0, 0, 2},   {255, 7, 2},   {256, 8, 4},      {1, 255, 3},
                {1, 256, 4}, {1, 65535, 4}, {65535, 65536, 6}};
    static uint8_t bytes[65536];
    static uint8_t buf[sizeof(bytes) + 6];
    memset(bytes, 0xa5, sizeof(bytes));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wr w = wr_init(buf, sizeof(buf));
        size_t len = 0;
        lwm2m_tlv_put(&w, LWM2M_TLV_RESOURCE, rows[i].id, bytes, rows[i].len);
        assert_int_equal(wr_end(&w, &len), FUO_OK);
        assert_int_equal(len, rows[i].head + rows[i].len);
        struct lwm2m_tlv tlv = lwm2m_tlv_init(buf, len);
        struct lwm2m_tlv_value v;
        assert_true(lwm2m_tlv_next(&tlv, &v));
        assert_int_equal(v.resource, rows[i].id);
        assert_int_equal(v.len, rows[i].len);
        assert_memory_equal(v.bytes, bytes, v.len);
        assert_false(lwm2m_tlv_next(&tlv, &v));
        /* A byte less is not enough. */
        w = wr_init(buf, len - 1);
        lwm2m_tlv_put(&w, LWM2M_TLV_RESOURCE, rows[i].id, bytes, rows[i].len);
        assert_int_equal(wr_end(&w, &len), FUO_ENOSPC);
    }
}

static void a_value_that_no_length_can_tell_is_refused(void **state)
{
    (void)state;
    uint8_t buf[8] = {0};
    size_t len = 0;
    struct wr w = wr_init(buf, sizeof(buf));
    lwm2m_tlv_put(&w, LWM2M_TLV_RESOURCE, 0, buf, LWM2M_TLV_VALUE_MAX + 1);
    assert_int_equal(wr_end(&w, &len), FUO_ERANGE);
    w = wr_init(buf, 1);
    wr_le16(&w, 0);
    lwm2m_tlv_put(&w, LWM2M_TLV_RESOURCE, 0, buf, LWM2M_TLV_VALUE_MAX + 1);
    assert_int_equal(wr_end(&w, &len), FUO_ENOSPC); /* the first error stays */
}

static void what_nests_is_written_from_inside(void **state)
{
    (void)state;
    uint8_t inner[32];
    uint8_t outer[32];
    uint8_t all[40];
    char hex[81];
    size_t len = 0;
    struct wr w = wr_init(inner, sizeof(inner));
    for (uint16_t i = 0; i < 4; i++) {
        lwm2m_tlv_put_int(&w, LWM2M_TLV_RESOURCE_INSTANCE, i, i);
    }
    assert_int_equal(wr_end(&w, &len), FUO_OK);
    w = wr_init(outer, sizeof(outer));
    lwm2m_tlv_put(&w, LWM2M_TLV_RESOURCE, 0, NULL, 0);
    lwm2m_tlv_put_int(&w, LWM2M_TLV_RESOURCE, 3, 0);
    lwm2m_tlv_put_int(&w, LWM2M_TLV_RESOURCE, 5, 0);
    lwm2m_tlv_put(&w, LWM2M_TLV_MULTIPLE, 8, inner, len);
    lwm2m_tlv_put_int(&w, LWM2M_TLV_RESOURCE, 9, 2);
    assert_int_equal(wr_end(&w, &len), FUO_OK);
    w = wr_init(all, sizeof(all));
    lwm2m_tlv_put(&w, LWM2M_TLV_INSTANCE, 0, outer, len);
    assert_int_equal(wr_end(&w, &len), FUO_OK);
    assert_string_equal(hex_encode(all, len, hex), "08001a" IDLE "3c10902");
}

TEST_MAIN(cmocka_unit_test(what_clients_answer_is_read),
          cmocka_unit_test(what_is_cut_is_noticed),
          cmocka_unit_test(what_is_malformed_ends_there),
          cmocka_unit_test(numbers_have_any_of_four_lengths),
          cmocka_unit_test(other_values_are_checked),
          cmocka_unit_test(numbers_are_written_short),
          cmocka_unit_test(what_is_written_is_read_again),
          cmocka_unit_test(a_value_that_no_length_can_tell_is_refused),
          cmocka_unit_test(what_nests_is_written_from_inside))
