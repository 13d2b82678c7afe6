/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "test.h"

#include "base/hex.h"
#include "crypto/aes.h"
#include "crypto/block_mic.h"
#include "crypto/pingslot.h"

/* NIST SP 800-38A and RFC 4493 share the key and the plain text. */
static const struct aes_key key = {{0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab,
                                    0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c}};
static const char plain_hex[] = "6bc1bee22e409f96e93d7e117393172a"
                                "ae2d8a571e03ac9c9eb76fac45af8e51"
                                "30c81c46a35ce411e5fbc1191a0a52ef"
                                "f69f2445df4f9b17ad2b417be66c3710";

static size_t bytes_of(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;
    assert_int_equal(hex_decode(hex, 2 * len, out, len), FUO_OK);
    return len;
}

static void blocks_are_those_of_nist_in_place_too(void **state)
{
    (void)state;
    uint8_t plain[64];
    uint8_t want[16];
    uint8_t block[16];
    bytes_of(plain_hex, plain);
    bytes_of("3ad77bb40d7a3660a89ecaf32466ef97", want);
    memcpy(block, plain, 16);
    assert_int_equal(aes128_encrypt_block(&key, block, block), FUO_OK);
    assert_memory_equal(block, want, 16);
    assert_int_equal(aes128_decrypt_block(&key, block, block), FUO_OK);
    assert_memory_equal(block, plain, 16);
}

static void counter_mode_is_that_of_nist(void **state)
{
    (void)state;
    uint8_t buf[64];
    uint8_t want[64];
    uint8_t iv[16];
    bytes_of("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", iv);
    bytes_of(plain_hex, buf);
    bytes_of("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
             "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
             want);
    assert_int_equal(aes128_ctr(&key, iv, buf, 61, buf), FUO_OK);
    assert_memory_equal(buf, want, 61);
    assert_int_equal(aes128_ctr(&key, iv, NULL, 0, NULL), FUO_OK);
    assert_int_equal(aes128_ctr(&key, iv, buf, AES_CTR_MAX_BYTES + 1, buf), FUO_ERANGE);
}

static void cmacs_are_those_of_rfc_4493_in_any_pieces(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *mac;
    } rows[] = {
        {0, "bb1d6929e95937287fa37d129b756746"},
        {16, "070a16b46b4d4144f79bdd9dd04a287c"},
        {40, "dfa66747de9ae63030ca32611497c827"},
        {64, "51f0bebf7e3b9d92fc49741779363cfe"},
    };
    uint8_t plain[64];
    bytes_of(plain_hex, plain);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t cut = 0; cut <= rows[i].len; cut += 4) {
            uint8_t want[16];
            uint8_t mac[16];
            struct aes128_cmac c;
            bytes_of(rows[i].mac, want);
            aes128_cmac_init(&c, &key);
            aes128_cmac_update(&c, plain, cut);
            aes128_cmac_update(&c, plain + cut, rows[i].len - cut);
            assert_int_equal(aes128_cmac_final(&c, mac), FUO_OK);
            assert_memory_equal(mac, want, 16);
            assert_null(c.ctx);
        }
    }
}

static void every_bit_of_a_mic_counts(void **state)
{
    (void)state;
    const uint8_t want[] = {1, 2, 3, 4};
    assert_int_equal(aes128_mic_check(want, want), FUO_OK);
    for (unsigned bit = 0; bit < 32; bit++) {
        uint8_t got[] = {1, 2, 3, 4};
        got[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(aes128_mic_check(want, got), FUO_EAUTH);
    }
}

static void a_wiped_key_is_zero(void **state)
{
    (void)state;
    struct aes_key k = key;
    aes_key_wipe(&k);
    assert_memory_equal(&k, &(struct aes_key){{0}}, sizeof(k));
}

static void a_block_mic_wants_exactly_the_announced_bytes(void **state)
{
    (void)state;
    static const uint8_t block[33] = {0};
    const struct block_mic_params params = {.block_len_bytes = 32};
    uint8_t mic[AES_MIC_BYTES] = {9, 9, 9, 9};
    struct block_mic m;

    block_mic_init(&m, &key, &params);
    block_mic_update(&m, block, 31);
    assert_int_equal(block_mic_final(&m, mic), FUO_EINVAL);
    block_mic_init(&m, &key, &params);
    block_mic_update(&m, block, 33);
    block_mic_update(&m, block, 32);
    assert_int_equal(block_mic_final(&m, mic), FUO_EINVAL);
    assert_memory_equal(mic, "\x09\x09\x09\x09", 4);
}

static void ping_slots_move_on_from_beacon_to_beacon(void **state)
{
    (void)state;
    for (uint8_t exp = 0; exp < 8; exp++) {
        int64_t at_ms = 1450000000000;
        unsigned count = 0;
        while (at_ms < 1450000000000 + INT64_C(4) * 128000) {
            int64_t next_ms = 0;
            assert_int_equal(pingslot_next_after(at_ms, 0x11223344, exp, &next_ms),
                             FUO_OK);
            assert_true(next_ms > at_ms);
            assert_true((next_ms % 128000 - PINGSLOT_BEACON_RESERVED_MS) % 30 == 0);
            at_ms = next_ms;
            count++;
        }
        assert_in_range(count, 4u * 128u >> exp, (4u * 128u >> exp) + 1);
    }
}

static void ping_slots_refuse_what_is_out_of_range(void **state)
{
    (void)state;
    int64_t slot_ms = 7;
    uint16_t offset = 7;
    assert_int_equal(pingslot_next_after(-1, 1, 0, &slot_ms), FUO_ERANGE);
    assert_int_equal(pingslot_next_after(INT64_MAX, 1, 0, &slot_ms), FUO_ERANGE);
    assert_int_equal(pingslot_next_after(0, 1, 8, &slot_ms), FUO_ERANGE);
    assert_int_equal(pingslot_offset((struct gps){0}, 1, 8, &offset), FUO_ERANGE);
    assert_int_equal(slot_ms, 7);
    assert_int_equal(offset, 7);
}

TEST_MAIN(cmocka_unit_test(blocks_are_those_of_nist_in_place_too),
          cmocka_unit_test(counter_mode_is_that_of_nist),
          cmocka_unit_test(cmacs_are_those_of_rfc_4493_in_any_pieces),
          cmocka_unit_test(every_bit_of_a_mic_counts),
          cmocka_unit_test(a_wiped_key_is_zero),
          cmocka_unit_test(a_block_mic_wants_exactly_the_announced_bytes),
          cmocka_unit_test(ping_slots_move_on_from_beacon_to_beacon),
          cmocka_unit_test(ping_slots_refuse_what_is_out_of_range))
