/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>
#include <sys/stat.h>

#include "io/file.h"
#include "io/secrets.h"
#include "temp.h"

static struct temp temp;
static char path[2 * TEMP_PATH_SIZE];

static int setup(void **state)
{
    (void)state;
    temp = temp_create();
    temp_path(&temp, "secret", path);
    return secrets_init();
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(&temp);
    return 0;
}

static void put_file(const char *text, mode_t mode)
{
    assert_int_equal(file_write_atomic(path, mode, (const uint8_t *)text, strlen(text)),
                     FUO_OK);
}

static void a_secret_file_is_read_and_trimmed(void **state)
{
    (void)state;
    struct secret secret;
    put_file("pass word \r\n", 0640);
    assert_int_equal(secret_read_file(path, 100, &secret, NULL), FUO_OK);
    assert_int_equal(secret.len, 12);
    secret_trim(&secret);
    assert_string_equal((const char *)secret.bytes, "pass word");
    assert_int_equal(secret.len, 9);
    secret_release(&secret);
    assert_null(secret.bytes);
    secret_release(&secret);
}

static void an_empty_or_blank_secret_is_empty(void **state)
{
    (void)state;
    struct secret secret;
    put_file("", 0600);
    assert_int_equal(secret_read_file(path, 100, &secret, NULL), FUO_OK);
    secret_trim(&secret);
    assert_int_equal(secret.len, 0);
    secret_release(&secret);
    put_file(" \n\n", 0600);
    assert_int_equal(secret_read_file(path, 3, &secret, NULL), FUO_OK);
    secret_trim(&secret);
    assert_int_equal(secret.len, 0);
    assert_string_equal((const char *)secret.bytes, "");
    secret_release(&secret);
}

static void a_file_that_others_can_touch_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0604, 0602, 0601, 0644, 0666};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct secret secret = {0};
        struct detail detail = {0};
        put_file("key", modes[i]);
        assert_int_equal(secret_read_file(path, 100, &secret, &detail), FUO_EPERM);
        assert_null(secret.bytes);
        assert_non_null(strstr(detail.text, path));
        assert_non_null(strstr(detail.text, "chmod"));
        assert_null(strstr(detail.text, "key\n"));
    }
}

static void other_bad_files_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct secret secret = {0};
    struct detail detail = {0};
    assert_int_equal(secret_read_file(path, 100, &secret, &detail), FUO_ENOENT);
    assert_non_null(strstr(detail.text, "No such file"));
    assert_int_equal(secret_read_file(temp.folder, 100, &secret, &detail), FUO_EPERM);
    assert_non_null(strstr(detail.text, "regular file"));
    put_file("12345", 0600);
    assert_int_equal(secret_read_file(path, 4, &secret, &detail), FUO_ERANGE);
    assert_non_null(strstr(detail.text, "4 bytes"));
    assert_int_equal(mkfifo(temp_path(&temp, "fifo", path), 0600), 0);
    assert_int_equal(secret_read_file(path, 4, &secret, &detail), FUO_EPERM);
    assert_null(secret.bytes);
}

static void a_copy_is_a_copy(void **state)
{
    (void)state;
    uint8_t key[4] = {1, 2, 3, 4};
    struct secret secret = {0};
    assert_int_equal(secret_copy(key, sizeof(key), &secret), FUO_OK);
    secret_wipe(key, sizeof(key));
    assert_memory_equal(key, "\0\0\0\0", 4);
    assert_memory_equal(secret.bytes, "\1\2\3\4", 4);
    secret_release(&secret);
    assert_int_equal(secret_copy(NULL, 0, &secret), FUO_OK);
    assert_int_equal(secret.len, 0);
    secret_release(&secret);
    assert_int_equal(secret_alloc(SIZE_MAX, &secret), FUO_ENOMEM);
    assert_int_equal(secret_copy(key, SIZE_MAX, &secret), FUO_ENOMEM);
}

static void a_detail_is_one_clean_line(void **state)
{
    (void)state;
    struct detail detail = {0};
    detail_set(&detail, "%s", "a\nb\x1b[1m\x7f");
    assert_string_equal(detail.text, "a?b?[1m?");
    detail_set(&detail, "%300d", 1);
    assert_int_equal(strlen(detail.text), DETAIL_SIZE - 1);
    detail_set(NULL, "nobody asks");
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(IN_FOLDER(a_secret_file_is_read_and_trimmed),
          IN_FOLDER(an_empty_or_blank_secret_is_empty),
          IN_FOLDER(a_file_that_others_can_touch_is_refused),
          IN_FOLDER(other_bad_files_are_refused_with_a_reason),
          IN_FOLDER(a_copy_is_a_copy), cmocka_unit_test(a_detail_is_one_clean_line))
