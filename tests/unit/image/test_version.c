/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "image/version.h"

static enum version_order mirrored(enum version_order order)
{
    switch (order) {
    case VERSION_OLDER:
        return VERSION_NEWER;
    case VERSION_NEWER:
        return VERSION_OLDER;
    case VERSION_SAME:
    case VERSION_UNORDERED:
        break;
    }
    return order;
}

static void versions_are_ordered_number_by_number(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        enum version_order want;
    } rows[] = {
        {"1.10", "1.9", VERSION_NEWER},
        {"1.4.3", "1.4.3", VERSION_SAME},
        {"1.4", "1.4.0.0", VERSION_SAME},
        {"1.4", "1.4.0.1", VERSION_OLDER},
        {"2", "1.99.99", VERSION_NEWER},
        {"01.4", "1.04", VERSION_SAME},
        {"0", "0.0", VERSION_SAME},
        {"1.0.10", "1.0.9", VERSION_NEWER},
        {"1.123", "1.124", VERSION_OLDER},
        {"99999999999999999999999999", "100000000000000000000000000", VERSION_OLDER},
        {"1.4.3-rc1", "1.4.3-rc1", VERSION_SAME},
        {"1.4.3-rc1", "1.4.3", VERSION_UNORDERED},
        {"v1.4", "v1.5", VERSION_UNORDERED},
        {"8d3f2c1", "8d3f2c10", VERSION_UNORDERED},
        {"1..2", "1.2", VERSION_UNORDERED},
        {"1.2.", "1.2", VERSION_UNORDERED},
        {".1", "1", VERSION_UNORDERED},
        {"", "1", VERSION_UNORDERED},
        {"", "", VERSION_SAME},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].a);
        assert_int_equal(version_compare(rows[i].a, rows[i].b), rows[i].want);
        assert_int_equal(version_compare(rows[i].b, rows[i].a), mirrored(rows[i].want));
    }
}

static void a_version_of_bytes_is_read_from_the_first(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        uint32_t want;
    } rows[] = {
        {"1.2.3.4", FUO_OK, 0x04030201},
        {"1.4.3", FUO_OK, 0x00030401},
        {"255", FUO_OK, 255},
        {"0.0.0.255", FUO_OK, 0xff000000},
        {"256", FUO_EINVAL, 7},
        {"1.2.3.4.5", FUO_EINVAL, 7},
        {"1..2", FUO_EINVAL, 7},
        {"", FUO_EINVAL, 7},
        {"1.2-rc1", FUO_EINVAL, 7},
        {"v1", FUO_EINVAL, 7},
        {"1.", FUO_EINVAL, 7},
        {"1.2.3.4.", FUO_EINVAL, 7},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t value = 7;
        test_row(rows[i].text);
        assert_int_equal(version_as_bytes(rows[i].text, &value), rows[i].err);
        assert_int_equal(value, rows[i].want);
    }
}

TEST_MAIN(cmocka_unit_test(versions_are_ordered_number_by_number),
          cmocka_unit_test(a_version_of_bytes_is_read_from_the_first))
