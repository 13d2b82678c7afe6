/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "image/inspect.h"

enum {
    HEADER_BYTES = 64, /* padded, as imgtool does for the vector table */
    BODY_BYTES = 40,
    PROTECTED_BYTES = 4 + 8,
    HASHED_BYTES = HEADER_BYTES + BODY_BYTES + PROTECTED_BYTES,
};

struct fixture {
    uint8_t bytes[512];
    size_t len;
};

static void put_header(struct wr *w, uint16_t protected_bytes, uint32_t flags)
{
    static const uint8_t filler[HEADER_BYTES] = {0};
    wr_le32(w, 0x96f3b83d);
    wr_le32(w, 0x08010000);
    wr_le16(w, HEADER_BYTES);
    wr_le16(w, protected_bytes);
    wr_le32(w, BODY_BYTES);
    wr_le32(w, flags);
    wr_u8(w, 1);
    wr_u8(w, 4);
    wr_le16(w, 3);
    wr_le32(w, 7);
    wr_le32(w, 0);
    wr_bytes(w, filler, HEADER_BYTES - MCUBOOT_HEADER_BYTES);
    wr_bytes(w, filler, BODY_BYTES);
}

static void put_protected(struct wr *w, uint32_t counter)
{
    wr_le16(w, 0x6908);
    wr_le16(w, PROTECTED_BYTES);
    wr_le16(w, 0x50);
    wr_le16(w, 4);
    wr_le32(w, counter);
}

/* The unprotected area with a hash and a signature TLV of sig_type, and its true hash. */
static void put_tlvs(struct wr *w, uint16_t hash_type, size_t hash_len, uint16_t sig_type)
{
    uint8_t sum[64] = {0};
    if (hash_type == 0x10) {
        crypto_hash_sha256(sum, w->base, w->len);
    } else if (hash_type == 0x12) {
        crypto_hash_sha512(sum, w->base, w->len);
    }
    wr_le16(w, 0x6907);
    wr_le16(w, (uint16_t)(4 + 4 + hash_len + 4 + 2));
    wr_le16(w, hash_type);
    wr_le16(w, (uint16_t)hash_len);
    wr_bytes(w, sum, hash_len);
    wr_le16(w, sig_type);
    wr_le16(w, 2);
    wr_le16(w, 0xbeef);
}

static struct fixture make(uint16_t hash_type, size_t hash_len, uint16_t sig_type)
{
    struct fixture f;
    struct wr w = wr_init(f.bytes, sizeof(f.bytes));
    put_header(&w, PROTECTED_BYTES, 0);
    put_protected(&w, 17);
    put_tlvs(&w, hash_type, hash_len, sig_type);
    assert_int_equal(wr_end(&w, &f.len), FUO_OK);
    return f;
}

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
