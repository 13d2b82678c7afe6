/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "campaign/link.h"

#define AT(minutes) ((struct utc){MINUTES_US(minutes)})

static void the_interval_grows_at_once_and_shrinks_slowly(void **state)
{
    (void)state;
    struct device_rec d = {0};
    link_note_uplink(&d, AT(10), NULL, 0);
    assert_int_equal(d.uplink_interval_us, 0);
    link_note_uplink(&d, AT(20), NULL, 0);
    assert_int_equal(d.uplink_interval_us, MINUTES_US(10));
    link_note_uplink(&d, AT(50), NULL, 0);
    assert_int_equal(d.uplink_interval_us, MINUTES_US(30));
    link_note_uplink(&d, AT(60), NULL, 0);
    assert_int_equal(d.uplink_interval_us, MINUTES_US(30) - MINUTES_US(20) / 8);
}

static void answers_in_a_burst_do_not_count_as_an_interval(void **state)
{
    (void)state;
    struct device_rec d = {0};
    link_note_uplink(&d, AT(10), NULL, 0);
    link_note_uplink(&d, (struct utc){AT(10).us + SECONDS_US(5)}, NULL, 0);
    assert_int_equal(d.uplink_interval_us, 0);
    assert_int_equal(d.last_uplink.us, AT(10).us + SECONDS_US(5));
    link_note_uplink(&d, AT(9), NULL, 0); /* late and out of order */
    assert_int_equal(d.last_uplink.us, AT(10).us + SECONDS_US(5));
}

static void the_four_best_links_are_kept_best_first(void **state)
{
    (void)state;
    struct device_rec d = {0};
    const struct link_rx rx[] = {{1, -500}, {2, 300}, {3, -900}, {4, 100}, {5, 800}};
    assert_int_equal(link_best_snr_cdb(&d), INT16_MIN);
    link_note_uplink(&d, AT(1), rx, ARRAY_LEN(rx));
    assert_int_equal(d.link_count, RECORD_LINK_MAX);
    assert_int_equal(d.link[0].gateway, 5);
    assert_int_equal(d.link[3].gateway, 1);
    assert_int_equal(link_best_snr_cdb(&d), 800);
    const struct link_rx weak = {6, -2000};
    link_note_uplink(&d, AT(2), &weak, 1);
    assert_int_equal(d.link[3].gateway, 1); /* it was no better than the last */
    const struct link_rx again = {1, 1500};
    link_note_uplink(&d, AT(3), &again, 1);
    assert_int_equal(d.link[3].snr_cdb, 0); /* a quarter of the way */
}

static void cover_takes_few_gateways_and_lower_ids_first(void **state)
{
    (void)state;
    struct device_rec a = {.link_count = 2, .link = {{10, 0}, {20, 0}}};
    struct device_rec b = {.link_count = 2, .link = {{30, 0}, {20, 0}}};
    struct device_rec c = {.link_count = 1, .link = {{40, 0}}};
    struct device_rec none = {0};
    const struct device_rec *devices[] = {&a, &b, &c, &none};
    uint64_t gateways[4] = {0};
    assert_int_equal(link_cover(devices, 4, gateways, 4), 2);
    assert_int_equal(gateways[0], 20);
    assert_int_equal(gateways[1], 40);
    assert_int_equal(link_cover(devices, 4, gateways, 1), 1);
    assert_int_equal(gateways[0], 20);
    struct device_rec tie = {.link_count = 2, .link = {{9, 0}, {7, 0}}};
    const struct device_rec *one[] = {&tie};
    assert_int_equal(link_cover(one, 1, gateways, 4), 1);
    assert_int_equal(gateways[0], 7);
    assert_int_equal(link_cover(one, 0, gateways, 4), 0);
}

TEST_MAIN(cmocka_unit_test(the_interval_grows_at_once_and_shrinks_slowly),
          cmocka_unit_test(answers_in_a_burst_do_not_count_as_an_interval),
          cmocka_unit_test(the_four_best_links_are_kept_best_first),
          cmocka_unit_test(cover_takes_few_gateways_and_lower_ids_first))
