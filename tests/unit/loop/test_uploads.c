/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "loop/uploads.h"

static void begin(struct uploads *uploads, const char *digest, size_t size)
{
    size_t have = 99;
    assert_int_equal(uploads_begin(uploads, digest, size, &have), FUO_OK);
    assert_int_equal(have, 0);
}

static void a_file_comes_in_chunks_and_is_there_when_complete(void **state)
{
    (void)state;
    static const uint8_t bytes[] = "hello world";
    size_t size = sizeof(bytes);
    char digest[CTL_DIGEST_SIZE];
    size_t len = 0;
    size_t have = 0;
    ctl_digest(bytes, size, digest);
    struct uploads *uploads = uploads_create();
    begin(uploads, digest, size);
    assert_int_equal(uploads_add(uploads, digest, 0, bytes, 5), FUO_OK);
    assert_null(uploads_find(uploads, digest, &len));
    assert_int_equal(uploads_begin(uploads, digest, size, &have), FUO_OK);
    assert_int_equal(have, 5);
    assert_int_equal(uploads_add(uploads, digest, 4, bytes + 4, 1), FUO_EINVAL);
    assert_int_equal(uploads_add(uploads, digest, 5, bytes, size), FUO_ERANGE);
    assert_int_equal(uploads_add(uploads, digest, 5, bytes + 5, size - 5), FUO_OK);
    assert_memory_equal(uploads_find(uploads, digest, &len), bytes, size);
    assert_int_equal(len, size);
    uploads_drop(uploads, digest);
    assert_null(uploads_find(uploads, digest, &len));
    uploads_drop(uploads, digest);
    uploads_destroy(uploads);
    uploads_destroy(NULL);
}

static void another_content_is_forgotten(void **state)
{
    (void)state;
    char digest[CTL_DIGEST_SIZE];
    ctl_digest((const uint8_t *)"abc", 3, digest);
    struct uploads *uploads = uploads_create();
    begin(uploads, digest, 3);
    assert_int_equal(uploads_add(uploads, digest, 0, (const uint8_t *)"abd", 3),
                     FUO_EAUTH);
    assert_int_equal(uploads_add(uploads, digest, 0, (const uint8_t *)"abc", 3),
                     FUO_ENOENT);
    uploads_destroy(uploads);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    char digest[CTL_DIGEST_SIZE];
    size_t have = 0;
    ctl_digest(NULL, 0, digest);
    struct uploads *uploads = uploads_create();
    assert_int_equal(uploads_begin(uploads, digest, 0, &have), FUO_ERANGE);
    assert_int_equal(uploads_begin(uploads, digest, CTL_IMAGE_MAX + 1, &have),
                     FUO_ERANGE);
    begin(uploads, digest, 10);
    assert_int_equal(uploads_begin(uploads, digest, 11, &have), FUO_EINVAL);
    uploads_destroy(uploads);
}

static void make_digest(size_t i, char digest[static CTL_DIGEST_SIZE])
{
    ctl_digest((const uint8_t *)&i, sizeof(i), digest);
}

static void the_one_touched_longest_ago_makes_room(void **state)
{
    (void)state;
    struct uploads *uploads = uploads_create();
    char digest[CTL_DIGEST_SIZE];
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        make_digest(i, digest);
        begin(uploads, digest, 100);
    }
    make_digest(0, digest);
    assert_int_equal(uploads_add(uploads, digest, 0, (const uint8_t *)"x", 1), FUO_OK);
    make_digest(UPLOADS_MAX, digest);
    begin(uploads, digest, 100);
    make_digest(1, digest);
    assert_int_equal(uploads_add(uploads, digest, 0, (const uint8_t *)"x", 1),
                     FUO_ENOENT);
    make_digest(0, digest);
    assert_int_equal(uploads_add(uploads, digest, 1, (const uint8_t *)"x", 1), FUO_OK);

    /* Two of the largest size fill all of it. */
    make_digest(100, digest);
    begin(uploads, digest, CTL_IMAGE_MAX);
    make_digest(101, digest);
    begin(uploads, digest, CTL_IMAGE_MAX);
    make_digest(0, digest);
    assert_int_equal(uploads_add(uploads, digest, 2, (const uint8_t *)"x", 1),
                     FUO_ENOENT);
    uploads_destroy(uploads);
}

TEST_MAIN(cmocka_unit_test(a_file_comes_in_chunks_and_is_there_when_complete),
          cmocka_unit_test(another_content_is_forgotten),
          cmocka_unit_test(sizes_are_bounded),
          cmocka_unit_test(the_one_touched_longest_ago_makes_room))
