/* SPDX-License-Identifier: MIT */
#include "loop/gateways.h"
#include "test.h"

static void the_latest_time_of_each_is_kept_in_order(void **state)
{
    (void)state;
    struct gateways gateways = {0};
    static const uint64_t some[] = {7, 3, 9, 3, 1, 7};
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        gateways_note(&gateways, some[i], (struct utc){(int64_t)(100 + i)});
    }
    gateways_note(&gateways, 9, (struct utc){50}); /* late */
    gateways_note(&gateways, 5, (struct utc){0});  /* known, not heard */
    assert_int_equal(gateways.count, 5);
    for (size_t i = 1; i < gateways.count; i++) {
        assert_true(gateways.items[i - 1].gateway < gateways.items[i].gateway);
    }
    assert_int_equal(gateways_last(&gateways, 3).us, 103);
    assert_int_equal(gateways_last(&gateways, 7).us, 105);
    assert_int_equal(gateways_last(&gateways, 9).us, 102);
    assert_int_equal(gateways_last(&gateways, 5).us, 0);
    assert_int_equal(gateways_last(&gateways, 4).us, 0);
    gateways_finish(&gateways);
    assert_int_equal(gateways_last(&gateways, 3).us, 0);
}

static void there_is_a_bound(void **state)
{
    (void)state;
    struct gateways gateways = {0};
    for (uint64_t i = 0; i < GATEWAYS_MAX + 3; i++) {
        gateways_note(&gateways, i, (struct utc){1});
    }
    gateways_note(&gateways, 5, (struct utc){2});
    assert_int_equal(gateways.count, GATEWAYS_MAX);
    assert_int_equal(gateways.left_out, 3);
    assert_false(
        gateways_tell(&gateways, GATEWAYS_MAX + 1, &(struct gateway_told){.at = {1}}));
    assert_int_equal(gateways_last(&gateways, 5).us, 2);
    gateways_finish(&gateways);
}

static void what_a_gateway_tells_adds_up_and_news_are_news(void **state)
{
    (void)state;
    struct gateways gateways = {0};
    struct gateway_told told = {.at = {10}, .online = true, .given = 5, .sent = 4};
    assert_int_equal(gateways_told(&gateways, 3).at.us, 0);
    assert_false(gateways_tell(&gateways, 3, &told)); /* as was supposed */
    told.at.us = 20;
    assert_false(gateways_tell(&gateways, 3, &told));
    assert_int_equal(gateways_told(&gateways, 3).given, 10);
    assert_int_equal(gateways_told(&gateways, 3).sent, 8);
    assert_int_equal(gateways_told(&gateways, 3).at.us, 20);
    told = (struct gateway_told){.at = {30}};
    assert_true(gateways_tell(&gateways, 3, &told));
    assert_false(gateways_tell(&gateways, 3, &told));
    assert_true(gateways_tell(&gateways, 4, &told));
    assert_false(gateways_told(&gateways, 3).online);
    assert_int_equal(gateways_told(&gateways, 3).given, 10);
    told.online = true;
    assert_true(gateways_tell(&gateways, 3, &told));
    assert_int_equal(gateways_last(&gateways, 3).us, 0);
    gateways_finish(&gateways);
}

TEST_MAIN(cmocka_unit_test(the_latest_time_of_each_is_kept_in_order),
          cmocka_unit_test(what_a_gateway_tells_adds_up_and_news_are_news),
          cmocka_unit_test(there_is_a_bound))
