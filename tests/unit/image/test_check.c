/* SPDX-License-Identifier: MIT */
/* test_check.c - MCUboot images against what a campaign says of them. */
#include "test.h"

#include "image/check.h"
#include "mcuboot_fixture.h"

static void an_image_is_good_if_whole_hashed_and_of_that_version(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t hash_type;
        size_t hash_len;
        const char *version;
        enum image_verdict want;
    } rows[] = {
        {"SHA-256", 0x10, 32, "1.4.3", IMAGE_GOOD},
        {"SHA-512", 0x12, 64, "1.4.3", IMAGE_GOOD},
        {"SHA-384 is not checked", 0x11, 48, "1.4.3", IMAGE_GOOD},
        {"with the build number", 0x10, 32, "1.4.3+7", IMAGE_GOOD},
        {"another build number", 0x10, 32, "1.4.3+8", IMAGE_WRONG_VERSION},
        {"another version", 0x10, 32, "1.4.30", IMAGE_WRONG_VERSION},
        {"no version that it could say", 0x10, 32, "deadbeef", IMAGE_WRONG_VERSION},
        {"no hash", 0x99, 32, "1.4.3", IMAGE_NO_HASH},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = make(rows[i].hash_type, rows[i].hash_len, 0x24);
        struct image_info info;
        test_row(rows[i].name);
        assert_int_equal(image_check_mcuboot(f.bytes, f.len, rows[i].version, &info),
                         rows[i].want);
        assert_int_equal(info.mcuboot.security_counter, 17);
    }
}

static void every_byte_that_the_hash_covers_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HASHED_BYTES; i++) {
        struct fixture f = make(0x10, 32, 0x24);
        struct image_info info;
        f.bytes[i] ^= 1;
        assert_int_not_equal(image_check_mcuboot(f.bytes, f.len, "1.4.3", &info),
                             IMAGE_GOOD);
    }
}

static void what_is_cut_is_damaged_and_what_is_raw_is_not_mcuboot(void **state)
{
    (void)state;
    struct fixture f = make(0x10, 32, 0x24);
    struct image_info info;
    for (size_t len = 4; len < f.len; len++) {
        assert_int_equal(image_check_mcuboot(f.bytes, len, "1.4.3", &info),
                         IMAGE_DAMAGED);
        assert_int_equal(info.size_bytes, 0);
    }
    f.bytes[0] = 0;
    assert_int_equal(image_check_mcuboot(f.bytes, f.len, "1.4.3", &info),
                     IMAGE_NOT_MCUBOOT);
    assert_int_equal(image_check_mcuboot(f.bytes, 0, "1.4.3", &info), IMAGE_NOT_MCUBOOT);
}

static void versions_are_compared_as_numbers(void **state)
{
    (void)state;
    static const struct {
        struct mcuboot_version version;
        const char *text;
        bool same;
        const char *formatted;
    } rows[] = {
        {{1, 4, 3, 0}, "1.4.3", true, "1.4.3"},
        {{1, 4, 0, 0}, "1.4", true, "1.4.0"},
        {{1, 4, 0, 9}, "1.4", true, "1.4.0+9"},
        {{1, 4, 0, 0}, "1.4.0+0", true, "1.4.0"},
        {{1, 4, 0, 0}, "1.4.0+", false, "1.4.0"},
        {{1, 4, 0, 0}, "1.4.0+x", false, "1.4.0"},
        {{0, 0, 0, 0}, "", false, "0.0.0"},
        {{1, 4, 0, 0}, "v1.4", false, "1.4.0"},
        {{255, 255, 65535, UINT32_MAX},
         "255.255.65535+4294967295",
         true,
         "255.255.65535+4294967295"},
        {{1, 0, 0, 0}, "1.0000000000000000000000000000000000000", false, "1.0.0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[MCUBOOT_VERSION_SIZE];
        test_row(rows[i].text);
        assert_int_equal(mcuboot_version_matches(&rows[i].version, rows[i].text),
                         rows[i].same);
        assert_string_equal(mcuboot_version_format(&rows[i].version, text),
                            rows[i].formatted);
    }
}

static void every_verdict_has_its_words(void **state)
{
    (void)state;
    for (int i = IMAGE_GOOD; i <= IMAGE_WRONG_VERSION; i++) {
        assert_string_not_equal(image_verdict_text((enum image_verdict)i), "unknown");
    }
}

TEST_MAIN(cmocka_unit_test(an_image_is_good_if_whole_hashed_and_of_that_version),
          cmocka_unit_test(every_byte_that_the_hash_covers_counts),
          cmocka_unit_test(what_is_cut_is_damaged_and_what_is_raw_is_not_mcuboot),
          cmocka_unit_test(versions_are_compared_as_numbers),
          cmocka_unit_test(every_verdict_has_its_words))
