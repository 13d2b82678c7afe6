/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "io/cleanup.h"
#include "io/file.h"
#include "temp.h"

static struct temp temp;
static char path[2 * TEMP_PATH_SIZE];

static int setup(void **state)
{
    (void)state;
    temp = temp_create();
    temp_path(&temp, "file", path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(&temp);
    return 0;
}

static mode_t mode_of(const char *file)
{
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    return st.st_mode & 07777;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        AUTO_FREE uint8_t *bytes = malloc(sizes[i] + 1);
        AUTO_FREE uint8_t *back = NULL;
        size_t len = 0;
        memset(bytes, 0x5a, sizes[i] + 1);
        assert_int_equal(file_write_atomic(path, 0640, bytes, sizes[i]), FUO_OK);
        assert_int_equal(mode_of(path), 0640);
        assert_int_equal(file_read(path, sizes[i], &back, &len), FUO_OK);
        assert_int_equal(len, sizes[i]);
        assert_memory_equal(back, bytes, len);
        assert_int_equal(back[len], 0);
    }
}

static void a_file_above_the_bound_is_refused(void **state)
{
    (void)state;
    uint8_t *untouched = NULL;
    size_t len = 7;
    assert_int_equal(file_write_atomic(path, 0600, (const uint8_t *)"12345", 5), FUO_OK);
    assert_int_equal(file_read(path, 4, &untouched, &len), FUO_ERANGE);
    assert_int_equal(file_read(path, 0, &untouched, &len), FUO_ERANGE);
    assert_int_equal(file_read("/dev/zero", 10000, &untouched, &len), FUO_ERANGE);
    assert_int_equal(file_read(path, SIZE_MAX, &untouched, &len), FUO_ERANGE);
    assert_null(untouched);
    assert_int_equal(len, 7);
}

static void what_cannot_be_read_says_why(void **state)
{
    (void)state;
    uint8_t *untouched = NULL;
    size_t len = 7;
    assert_int_equal(file_read(path, 10, &untouched, &len), FUO_ENOENT);
    assert_int_equal(file_read(temp.folder, 10, &untouched, &len), FUO_EINVAL);
    assert_null(untouched);
    assert_int_equal(len, 7);
}

static void a_failed_write_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    AUTO_FREE uint8_t *back = NULL;
    size_t len = 0;
    struct rlimit before;
    uint8_t big[8192] = {0};
    assert_int_equal(file_write_atomic(path, 0600, (const uint8_t *)"old", 3), FUO_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {4096, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int err = file_write_atomic(path, 0600, big, sizeof(big));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(err, FUO_ENOSPC);
    assert_int_equal(file_read(path, 10, &back, &len), FUO_OK);
    assert_int_equal(len, 3);
    assert_int_equal(remove(path), 0);
    assert_int_equal(rmdir(temp.folder), 0); /* no temporary is left in it */
}

static void a_write_into_a_missing_folder_fails(void **state)
{
    (void)state;
    char deep[2 * TEMP_PATH_SIZE];
    temp_path(&temp, "none/file", deep);
    assert_int_equal(file_write_atomic(deep, 0600, (const uint8_t *)"x", 1), FUO_ENOENT);
}

static void a_folder_in_the_way_is_kept(void **state)
{
    (void)state;
    assert_int_equal(file_mkdir_p(path, 0700), FUO_OK);
    assert_true(file_write_atomic(path, 0600, (const uint8_t *)"x", 1) != FUO_OK);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(temp.folder), 0);
}

static void a_file_is_written_beside_the_working_folder_too(void **state)
{
    (void)state;
    char before[1024];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(temp.folder), 0);
    int err = file_write_atomic("plain", 0600, (const uint8_t *)"x", 1);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(err, FUO_OK);
    assert_int_equal(mode_of(temp_path(&temp, "plain", path)), 0600);
}

static void folders_are_made_with_all_above_them(void **state)
{
    (void)state;
    char deep[2 * TEMP_PATH_SIZE];
    temp_path(&temp, "a/b//c/", deep);
    assert_int_equal(file_mkdir_p(deep, 0700), FUO_OK);
    assert_int_equal(file_mkdir_p(deep, 0700), FUO_OK);
    assert_int_equal(mode_of(deep), 0700);
    assert_int_equal(file_mkdir_p("", 0700), FUO_ENOENT);
    assert_int_equal(file_mkdir_p("/", 0700), FUO_OK);
    static char endless[PATH_MAX + 1];
    memset(endless, 'x', PATH_MAX);
    assert_int_equal(file_mkdir_p(endless, 0700), FUO_ERANGE);
    assert_int_equal(file_write_atomic(path, 0600, (const uint8_t *)"x", 1), FUO_OK);
    assert_int_equal(file_mkdir_p(path, 0700), FUO_EEXIST);
    temp_path(&temp, "file/below", deep);
    assert_true(file_mkdir_p(deep, 0700) != FUO_OK);
}

static void errors_of_the_system_have_our_codes(void **state)
{
    (void)state;
    static const struct {
        int errnum;
        int err;
    } rows[] = {
        {ENOENT, FUO_ENOENT}, {EACCES, FUO_EPERM},  {EROFS, FUO_EPERM},
        {EEXIST, FUO_EEXIST}, {ENOSPC, FUO_ENOSPC}, {EDQUOT, FUO_ENOSPC},
        {EFBIG, FUO_ENOSPC},  {ENOMEM, FUO_ENOMEM}, {EISDIR, FUO_EINVAL},
        {EIO, FUO_EIO},       {EMFILE, FUO_EIO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(strerror(rows[i].errnum));
        assert_int_equal(file_error(rows[i].errnum), rows[i].err);
    }
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

TEST_MAIN(IN_FOLDER(what_is_written_is_read_back),
          IN_FOLDER(a_file_above_the_bound_is_refused),
          IN_FOLDER(what_cannot_be_read_says_why),
          IN_FOLDER(a_failed_write_leaves_the_old_file_and_nothing_else),
          IN_FOLDER(a_write_into_a_missing_folder_fails),
          IN_FOLDER(a_folder_in_the_way_is_kept),
          IN_FOLDER(a_file_is_written_beside_the_working_folder_too),
          IN_FOLDER(folders_are_made_with_all_above_them),
          cmocka_unit_test(errors_of_the_system_have_our_codes))
