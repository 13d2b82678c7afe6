/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>
#include <sys/stat.h>

#include "io/cleanup.h"
#include "io/file.h"
#include "store/seal.h"
#include "temp.h"

enum {
    PLAIN_LEN = 16,
    SEALED_LEN = PLAIN_LEN + SEAL_OVERHEAD_BYTES,
};

static const struct seal_place place = {"table", "column", 7};
static const uint8_t plain[PLAIN_LEN] = "sixteen bytes ok";

static struct temp temp;
static char path[2 * TEMP_PATH_SIZE];
static struct secret key;

static int setup(void **state)
{
    (void)state;
    int err = secrets_init();
    temp = temp_create();
    temp_path(&temp, "sealing.key", path);
    return err == FUO_OK
               ? secret_copy((const uint8_t *)"0123456789abcdef0123456789abcdef",
                             SEAL_KEY_BYTES, &key)
               : err;
}

static int teardown(void **state)
{
    (void)state;
    secret_release(&key);
    temp_remove(&temp);
    return 0;
}

static void what_is_sealed_opens_in_its_place(void **state)
{
    (void)state;
    uint8_t sealed[SEALED_LEN];
    uint8_t again[SEALED_LEN];
    uint8_t opened[PLAIN_LEN] = {0};
    seal(&key, &place, plain, PLAIN_LEN, sealed);
    seal(&key, &place, plain, PLAIN_LEN, again);
    assert_memory_not_equal(sealed, again, SEALED_LEN); /* fresh nonces */
    assert_int_equal(seal_open(&key, &place, sealed, SEALED_LEN, opened), FUO_OK);
    assert_memory_equal(opened, plain, PLAIN_LEN);
}

static void it_opens_in_no_other_place(void **state)
{
    (void)state;
    static const struct seal_place others[] = {
        {"table2", "column", 7}, {"table", "column2", 7},
        {"table", "column", 8},  {"tablec", "olumn", 7},
        {"", "tablecolumn", 7},  {"table", "column", UINT64_C(7) << 32},
    };
    uint8_t sealed[SEALED_LEN];
    uint8_t opened[PLAIN_LEN];
    seal(&key, &place, plain, PLAIN_LEN, sealed);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        test_row(others[i].table);
        assert_int_equal(seal_open(&key, &others[i], sealed, SEALED_LEN, opened),
                         FUO_EAUTH);
    }
}

static void a_changed_byte_or_a_missing_one_is_noticed(void **state)
{
    (void)state;
    uint8_t sealed[SEALED_LEN];
    uint8_t opened[PLAIN_LEN];
    seal(&key, &place, plain, PLAIN_LEN, sealed);
    for (size_t i = 0; i < SEALED_LEN; i++) {
        sealed[i] ^= 0x80;
        assert_int_equal(seal_open(&key, &place, sealed, SEALED_LEN, opened), FUO_EAUTH);
        sealed[i] ^= 0x80;
        assert_int_equal(seal_open(&key, &place, sealed, i, opened), FUO_EAUTH);
    }
    key.bytes[31] ^= 1;
    assert_int_equal(seal_open(&key, &place, sealed, SEALED_LEN, opened), FUO_EAUTH);
}

static void a_sealing_key_is_made_once(void **state)
{
    (void)state;
    struct secret first;
    struct secret second;
    struct stat st;
    bool created = false;
    assert_int_equal(seal_key_load_or_create(path, &first, &created, NULL), FUO_OK);
    assert_true(created);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, SEAL_KEY_BYTES);
    assert_int_equal(seal_key_load_or_create(path, &second, &created, NULL), FUO_OK);
    assert_false(created);
    assert_memory_equal(first.bytes, second.bytes, SEAL_KEY_BYTES);
    secret_release(&first);
    secret_release(&second);
}

static void a_file_that_is_no_key_is_refused_and_kept(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 33, 64};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint8_t bytes[64] = {0};
        struct secret none = {0};
        struct detail detail = {0};
        bool created = false;
        struct stat st;
        assert_int_equal(file_write_atomic(path, 0600, bytes, sizes[i]), FUO_OK);
        assert_int_equal(seal_key_load_or_create(path, &none, &created, &detail),
                         FUO_EPROTO);
        assert_null(none.bytes);
        assert_non_null(strstr(detail.text, "32 bytes"));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, sizes[i]);
    }
}

static void a_key_that_others_can_read_or_that_cannot_be_made_is_refused(void **state)
{
    (void)state;
    struct secret none = {0};
    struct detail detail = {0};
    bool created = false;
    assert_int_equal(file_write_atomic(path, 0644, key.bytes, key.len), FUO_OK);
    assert_int_equal(seal_key_load_or_create(path, &none, &created, &detail), FUO_EPERM);
    temp_path(&temp, "none/sealing.key", path);
    assert_int_equal(seal_key_load_or_create(path, &none, &created, &detail), FUO_ENOENT);
    assert_non_null(strstr(detail.text, "cannot be created"));
    assert_null(none.bytes);
}

#define WITH_KEY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(WITH_KEY(what_is_sealed_opens_in_its_place),
          WITH_KEY(it_opens_in_no_other_place),
          WITH_KEY(a_changed_byte_or_a_missing_one_is_noticed),
          WITH_KEY(a_sealing_key_is_made_once),
          WITH_KEY(a_file_that_is_no_key_is_refused_and_kept),
          WITH_KEY(a_key_that_others_can_read_or_that_cannot_be_made_is_refused))
