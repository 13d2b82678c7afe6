/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "image/inspect.h"
#include "mcuboot_fixture.h"

static void an_mcuboot_image_is_read_whole(void **state)
{
    (void)state;
    struct fixture f = make(0x10, 32, 0x24);
    struct image_info info;
    f.bytes[f.len] = 0xff; /* the slot goes on */
    assert_int_equal(image_inspect(f.bytes, f.len + 1, &info), FUO_OK);
    assert_int_equal(info.format, IMAGE_FORMAT_MCUBOOT);
    assert_int_equal(info.size_bytes, f.len + 1);
    assert_int_equal(info.mcuboot.load_address, 0x08010000);
    assert_int_equal(info.mcuboot.header_bytes, HEADER_BYTES);
    assert_int_equal(info.mcuboot.body_bytes, BODY_BYTES);
    assert_int_equal(info.mcuboot.protected_tlv_bytes, PROTECTED_BYTES);
    assert_int_equal(info.mcuboot.version.major, 1);
    assert_int_equal(info.mcuboot.version.minor, 4);
    assert_int_equal(info.mcuboot.version.revision, 3);
    assert_int_equal(info.mcuboot.version.build, 7);
    assert_true(info.mcuboot.has_security_counter);
    assert_int_equal(info.mcuboot.security_counter, 17);
    assert_int_equal(info.mcuboot.hash_bytes, 32);
    assert_int_equal(info.mcuboot.hash_state, IMAGE_HASH_MATCHES);
    assert_int_equal(info.mcuboot.signature, IMAGE_SIGNATURE_ED25519);
    assert_int_equal(info.mcuboot.trailing_bytes, 1);
}

static void hashes_and_signatures_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        uint16_t hash_type;
        size_t hash_len;
        uint16_t sig_type;
        enum image_hash_state hash_state;
        enum image_signature_kind signature;
    } rows[] = {
        {0x10, 32, 0x20, IMAGE_HASH_MATCHES, IMAGE_SIGNATURE_RSA},
        {0x12, 64, 0x22, IMAGE_HASH_MATCHES, IMAGE_SIGNATURE_ECDSA},
        {0x11, 48, 0x23, IMAGE_HASH_UNCHECKED, IMAGE_SIGNATURE_RSA},
        {0x99, 5, 0x98, IMAGE_HASH_ABSENT, IMAGE_SIGNATURE_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = make(rows[i].hash_type, rows[i].hash_len, rows[i].sig_type);
        struct image_info info;
        assert_int_equal(image_inspect(f.bytes, f.len, &info), FUO_OK);
        assert_int_equal(info.mcuboot.hash_state, rows[i].hash_state);
        assert_int_equal(info.mcuboot.signature, rows[i].signature);
    }
}

static void a_changed_byte_shows_in_the_hash(void **state)
{
    (void)state;
    struct image_info info;
    for (size_t i = MCUBOOT_HEADER_BYTES; i < HEADER_BYTES + BODY_BYTES; i++) {
        struct fixture f = make(0x10, 32, 0x24);
        f.bytes[i] ^= 1;
        assert_int_equal(image_inspect(f.bytes, f.len, &info), FUO_OK);
        assert_int_equal(info.mcuboot.hash_state, IMAGE_HASH_DIFFERS);
    }
}

static void an_encrypted_image_keeps_its_hash_to_itself(void **state)
{
    (void)state;
    struct fixture f = make(0x10, 32, 0x24);
    struct image_info info;
    f.bytes[16] = 0x04;
    assert_int_equal(image_inspect(f.bytes, f.len, &info), FUO_OK);
    assert_true(info.mcuboot.encrypted);
    assert_int_equal(info.mcuboot.hash_state, IMAGE_HASH_UNCHECKED);
}

static void every_truncation_of_an_mcuboot_image_is_refused(void **state)
{
    (void)state;
    struct fixture f = make(0x10, 32, 0x24);
    for (size_t len = 0; len < f.len; len++) {
        uint8_t *exact = malloc(len + 1);
        struct image_info info = {.size_bytes = 99};
        assert_non_null(exact);
        memcpy(exact, f.bytes, len);
        int err = image_inspect(exact, len, &info);
        free(exact);
        assert_int_equal(err, len < 4 ? FUO_OK : FUO_EPROTO);
        assert_int_equal(info.size_bytes, len < 4 ? len : 99);
    }
}

static void broken_structure_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        uint8_t byte;
    } rows[] = {
        {"header too small", 8, 31},
        {"header beyond the end", 9, 0xff},
        {"protected size 0 but there", 10, 0},
        {"protected size differs", 10, PROTECTED_BYTES + 1},
        {"body beyond the end", 15, 0xff},
        {"protected magic", HEADER_BYTES + BODY_BYTES, 0},
        {"protected total below its header", HEADER_BYTES + BODY_BYTES + 2, 3},
        {"counter length", HEADER_BYTES + BODY_BYTES + 6, 3},
        {"counter beyond its area", HEADER_BYTES + BODY_BYTES + 6, 5},
        {"unprotected magic", HASHED_BYTES, 0},
        {"unprotected total", HASHED_BYTES + 3, 0xff},
        {"hash length", HASHED_BYTES + 6, 31},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f = make(0x10, 32, 0x24);
        struct image_info info = {.size_bytes = 99};
        test_row(rows[i].name);
        f.bytes[rows[i].at] = rows[i].byte;
        assert_int_equal(image_inspect(f.bytes, f.len, &info), FUO_EPROTO);
        assert_int_equal(info.size_bytes, 99);
    }
}

static void a_security_counter_outside_the_signed_area_does_not_count(void **state)
{
    (void)state;
    struct fixture f;
    struct image_info info;
    struct wr w = wr_init(f.bytes, sizeof(f.bytes));
    put_header(&w, 0, 0);
    wr_le16(&w, 0x6907);
    wr_le16(&w, 12);
    wr_le16(&w, 0x50);
    wr_le16(&w, 4);
    wr_le32(&w, 99);
    assert_int_equal(wr_end(&w, &f.len), FUO_OK);
    assert_int_equal(image_inspect(f.bytes, f.len, &info), FUO_OK);
    assert_false(info.mcuboot.has_security_counter);
    assert_int_equal(info.mcuboot.hash_state, IMAGE_HASH_ABSENT);
}

static void everything_else_is_raw(void **state)
{
    (void)state;
    struct image_info info;
    assert_int_equal(image_inspect(NULL, 0, &info), FUO_OK);
    assert_int_equal(info.format, IMAGE_FORMAT_RAW);
    assert_int_equal(image_inspect((const uint8_t *)"\x3c\xb8\xf3\x96", 4, &info),
                     FUO_OK);
    assert_int_equal(info.format, IMAGE_FORMAT_RAW);
    assert_int_equal(info.size_bytes, 4);
}

static void everything_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(image_format_name(IMAGE_FORMAT_RAW), "raw");
    assert_string_equal(image_format_name(IMAGE_FORMAT_MCUBOOT), "mcuboot");
    assert_string_equal(image_format_name((enum image_format)99), "unknown");
    for (int i = 0; i <= IMAGE_HASH_UNCHECKED; i++) {
        assert_string_not_equal(image_hash_state_name((enum image_hash_state)i),
                                "unknown");
    }
    for (int i = 0; i <= IMAGE_SIGNATURE_ED25519; i++) {
        assert_string_not_equal(image_signature_name((enum image_signature_kind)i),
                                "unknown");
    }
    assert_string_equal(image_hash_state_name((enum image_hash_state)99), "unknown");
    assert_string_equal(image_signature_name((enum image_signature_kind)99), "unknown");
}

TEST_MAIN(cmocka_unit_test(an_mcuboot_image_is_read_whole),
          cmocka_unit_test(hashes_and_signatures_are_told_apart),
          cmocka_unit_test(a_changed_byte_shows_in_the_hash),
          cmocka_unit_test(an_encrypted_image_keeps_its_hash_to_itself),
          cmocka_unit_test(every_truncation_of_an_mcuboot_image_is_refused),
          cmocka_unit_test(broken_structure_is_refused),
          cmocka_unit_test(a_security_counter_outside_the_signed_area_does_not_count),
          cmocka_unit_test(everything_else_is_raw),
          cmocka_unit_test(everything_has_a_name))
