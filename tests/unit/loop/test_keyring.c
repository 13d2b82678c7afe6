/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "io/secrets.h"
#include "loop/keyring.h"
#include "loop/requests.h"

static struct aes_key key_of(uint8_t fill)
{
    struct aes_key key;
    memset(key.b, fill, sizeof(key.b));
    return key;
}

static void keys_are_found_replaced_and_dropped(void **state)
{
    (void)state;
    struct keyring *ring = NULL;
    assert_int_equal(secrets_init(), FUO_OK);
    assert_int_equal(keyring_create(&ring), FUO_OK);
    struct aes_key one = key_of(1);
    struct aes_key two = key_of(2);
    assert_null(keyring_find(ring, 5));
    assert_null(keyring_find(ring, 0));
    assert_int_equal(keyring_put(ring, 5, 0xabc, &one), FUO_OK);
    assert_memory_equal(keyring_find(ring, 5), &one, sizeof(one));
    assert_true(keyring_has_addr(ring, 0xabc));
    assert_int_equal(keyring_put(ring, 5, 0xdef, &two), FUO_OK);
    assert_memory_equal(keyring_find(ring, 5), &two, sizeof(two));
    assert_false(keyring_has_addr(ring, 0xabc));
    keyring_drop(ring, 0);
    keyring_drop(ring, 5);
    assert_null(keyring_find(ring, 5));
    assert_false(keyring_has_addr(ring, 0xdef));
    keyring_destroy(ring);
    keyring_destroy(NULL);
}

static void the_number_of_keys_is_bounded(void **state)
{
    (void)state;
    struct keyring *ring = NULL;
    struct aes_key key = key_of(3);
    assert_int_equal(keyring_create(&ring), FUO_OK);
    for (uint32_t i = 1; i <= KEYRING_MAX; i++) {
        assert_int_equal(keyring_put(ring, i, i, &key), FUO_OK);
    }
    assert_int_equal(keyring_put(ring, KEYRING_MAX + 1, 1, &key), FUO_ENOSPC);
    keyring_drop(ring, 17);
    assert_int_equal(keyring_put(ring, KEYRING_MAX + 1, 1, &key), FUO_OK);
    keyring_clear(ring);
    assert_null(keyring_find(ring, 1));
    keyring_destroy(ring);
}

static void requests_are_taken_once(void **state)
{
    (void)state;
    struct requests requests = {0};
    struct request got;
    uint64_t first = requests_new_id(&requests);
    uint64_t second = requests_new_id(&requests);
    assert_true(first >> 63 == 1 && second != first);
    for (uint32_t i = 0; i < 100; i++) {
        requests_add(&requests, &(struct request){.id = i, .transmission_id = i * 2});
    }
    assert_true(requests_take(&requests, 42, &got));
    assert_int_equal(got.transmission_id, 84);
    assert_false(requests_take(&requests, 42, &got));
    assert_true(requests_take(&requests, 99, &got));
    assert_int_equal(got.transmission_id, 198);
    requests_clear(&requests);
    assert_false(requests_take(&requests, 1, &got));
    assert_true(requests_new_id(&requests) > second);
    requests_clear(&requests);
}

TEST_MAIN(cmocka_unit_test(keys_are_found_replaced_and_dropped),
          cmocka_unit_test(the_number_of_keys_is_bounded),
          cmocka_unit_test(requests_are_taken_once))
