/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "test.h"
#include "world/radio.h"
#include "world/scenario.h"

static void an_unknown_name_is_refused(void **state)
{
    (void)state;
    struct world_scenario s = {.seed = 9};
    assert_int_equal(world_scenario_make(&s, "village", 1), FUO_ENOENT);
    assert_int_equal(s.seed, 9);
    assert_int_equal(world_scenario_square(&s, 1, 0, 1, 1), FUO_EINVAL);
}

static void check_links(const struct world_scenario *s)
{
    for (size_t i = 0; i < s->device_count; i++) {
        size_t count = world_link_count(s, i);
        const struct world_link *l = world_links(s, i);
        assert_true(count >= 1);
        for (size_t k = 0; k < count; k++) {
            assert_true(l[k].gateway < s->gateway_count);
            assert_true(k == 0 || l[k].loss_cdb >= l[k - 1].loss_cdb);
        }
        assert_true(world_uplink_snr_cdb(s, l[0].loss_cdb) >=
                    world_floor_cdb(s->devices[i].uplink_dr));
    }
}

static void every_scenario_has_its_numbers_and_sorted_links(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t gateways;
        size_t devices;
        size_t image;
    } rows[] = {{"town", 4, 500, 20000},
                {"town1", 1, 500, 20000},
                {"city", 50, 20000, 40000},
                {"twins", 10, 2000, 36864},     /* 768 fragments of 48 bytes */
                {"twins769", 10, 2000, 36912}}; /* 769 */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world_scenario s;
        assert_int_equal(world_scenario_make(&s, rows[i].name, 1), FUO_OK);
        assert_int_equal(s.gateway_count, rows[i].gateways);
        assert_int_equal(s.device_count, rows[i].devices);
        assert_int_equal(s.image_bytes, rows[i].image);
        check_links(&s);
        world_scenario_finish(&s);
    }
}

/* performance.md 6: about 60/7/6/6/5/14 % on SF7..12. */
static void the_city_has_the_calibrated_mix_of_uplinks(void **state)
{
    (void)state;
    static const uint32_t percent[] = {14, 5, 6, 6, 7, 60};
    struct world_scenario s;
    size_t by_dr[WORLD_DR_COUNT] = {0};
    assert_int_equal(world_scenario_make(&s, "city", 2), FUO_OK);
    for (size_t i = 0; i < s.device_count; i++) {
        by_dr[s.devices[i].uplink_dr]++;
    }
    for (size_t dr = 0; dr < WORLD_DR_COUNT; dr++) {
        size_t is = by_dr[dr] * 100 / 20000;
        assert_in_range(is + 4, percent[dr], percent[dr] + 8);
    }
    world_scenario_finish(&s);
}

static void a_seed_is_a_scenario(void **state)
{
    (void)state;
    struct world_scenario a;
    struct world_scenario b;
    struct world_scenario c;
    assert_int_equal(world_scenario_make(&a, "town", 5), FUO_OK);
    assert_int_equal(world_scenario_make(&b, "town", 5), FUO_OK);
    assert_int_equal(world_scenario_make(&c, "town", 6), FUO_OK);
    assert_memory_equal(a.first, b.first, (a.device_count + 1) * sizeof(*a.first));
    assert_memory_equal(a.links, b.links, a.first[a.device_count] * sizeof(*a.links));
    assert_memory_not_equal(a.links, c.links, 16 * sizeof(*a.links));
    world_scenario_finish(&a);
    world_scenario_finish(&b);
    world_scenario_finish(&c);
}

static void some_twins_are_dead(void **state)
{
    (void)state;
    struct world_scenario s;
    size_t dead = 0;
    assert_int_equal(world_scenario_make(&s, "twins", 1), FUO_OK);
    for (size_t i = 0; i < s.device_count; i++) {
        dead += s.devices[i].dead;
    }
    assert_in_range(dead, 60, 140);
    world_scenario_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_name_is_refused),
        cmocka_unit_test(every_scenario_has_its_numbers_and_sorted_links),
        cmocka_unit_test(the_city_has_the_calibrated_mix_of_uplinks),
        cmocka_unit_test(a_seed_is_a_scenario),
        cmocka_unit_test(some_twins_are_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
