/* SPDX-License-Identifier: MIT */
#include "campaign/cover.h"

#include <stdbool.h>
#include <stdlib.h>

#include "random_fleet.h"
#include "test.h"

static struct random_fleet fleet;
static uint8_t chosen[FLEET_GATEWAYS_MAX];

static size_t solve(const struct cover_problem *p, uint8_t *set)
{
    void *workspace = malloc(
        cover_workspace_for(p->device_count, p->gateway_count, cover_link_count(p)));
    assert_non_null(workspace);
    size_t count = cover_solve(p, workspace, set);
    free(workspace);
    return count;
}

static uint32_t units_of(const struct cover_problem *p, size_t device, const uint8_t *set)
{
    uint32_t sum = 0;
    for (uint32_t l = p->first[device]; l < p->first[device + 1]; l++) {
        sum += set == NULL || set[p->links[l].gateway] ? p->links[l].units : 0;
    }
    return sum;
}

/* Every device has its demand, or all there is. */
static bool is_cover(const struct cover_problem *p, const uint8_t *set)
{
    for (size_t d = 0; d < p->device_count; d++) {
        uint32_t have = units_of(p, d, set);
        if (have < p->demand[d] && have < units_of(p, d, NULL)) {
            return false;
        }
    }
    return true;
}

static uint64_t cost_of(const struct cover_problem *p, const uint8_t *set)
{
    uint64_t cost = 0;
    for (size_t g = 0; g < p->gateway_count; g++) {
        cost += set[g] ? (p->weight != NULL ? p->weight[g] : 1) : 0;
    }
    return cost;
}

static uint64_t optimum(const struct cover_problem *p)
{
    uint64_t best = UINT64_MAX;
    uint8_t set[16];
    for (uint32_t mask = 0; mask < UINT32_C(1) << p->gateway_count; mask++) {
        for (size_t g = 0; g < p->gateway_count; g++) {
            set[g] = mask >> g & 1;
        }
        uint64_t cost = cost_of(p, set);
        if (cost < best && is_cover(p, set)) {
            best = cost;
        }
    }
    return best;
}

static void small_covers_are_close_to_the_optimum(void **state)
{
    (void)state;
    uint64_t ours = 0;
    uint64_t best = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        fleet_random(&fleet, seed, 12 + seed % 20, 4 + seed % 7);
        fleet.problem.weight = seed % 2 == 0 ? fleet.weight : NULL;
        solve(&fleet.problem, chosen);
        assert_true(is_cover(&fleet.problem, chosen));
        uint64_t least = optimum(&fleet.problem);
        uint64_t cost = cost_of(&fleet.problem, chosen);
        assert_true(cost <= least + 1 + least / 4);
        ours += cost;
        best += least;
    }
    assert_true(ours * 100 <= best * 102);
}

/*
 * Each device hears one of `planted` gateways and three decoys. One device of each planted
 * gateway has decoys that nobody else of these has: no cover is smaller than `planted`.
 */
static void plant(uint64_t seed, uint32_t planted, uint32_t decoys, size_t devices)
{
    struct prng prng = prng_seeded(seed);
    fleet_reset(&fleet, planted + decoys);
    for (size_t d = 0; d < devices; d++) {
        uint32_t at = (uint32_t)(d < planted ? d : prng_below(&prng, planted));
        uint32_t decoy = (uint32_t)prng_below(&prng, decoys - 3);
        if (d < planted) {
            decoy = (uint32_t)d * 3;
        }
        fleet_open(&fleet, 1);
        fleet_add(&fleet, at, 1000, 1);
        for (uint32_t i = 0; i < 3; i++) {
            fleet_add(&fleet, planted + decoy + i, 1000, 1);
        }
        fleet_close(&fleet);
    }
}

static void a_city_is_covered_within_15_percent_of_the_optimum(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        plant(seed, 26, 90, 3000);
        size_t count = solve(&fleet.problem, chosen);
        assert_true(is_cover(&fleet.problem, chosen));
        assert_true(count >= 26);
        assert_true(count <= 26 + 26 * 15 / 100);
    }
}

static void assert_needed(size_t gateway)
{
    uint8_t was = chosen[gateway];
    chosen[gateway] = 0;
    assert_int_equal(is_cover(&fleet.problem, chosen), was == 0);
    chosen[gateway] = was;
}

static void no_chosen_gateway_can_be_left_out(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fleet_random(&fleet, seed, 2000, 200);
        solve(&fleet.problem, chosen);
        assert_true(is_cover(&fleet.problem, chosen));
        for (size_t g = 0; g < 200; g++) {
            assert_needed(g);
        }
    }
}

static void dear_gateways_are_avoided(void **state)
{
    (void)state;
    fleet_reset(&fleet, 3);
    for (size_t d = 0; d < 10; d++) {
        fleet_open(&fleet, 1);
        fleet_add(&fleet, 0, 1000, 1);
        fleet_add(&fleet, d < 5 ? 1 : 2, 1000, 1);
        fleet_close(&fleet);
    }
    assert_int_equal(solve(&fleet.problem, chosen), 1);
    assert_true(chosen[0]);
    const uint32_t weight[] = {5, 2, 2};
    fleet.problem.weight = weight;
    assert_int_equal(solve(&fleet.problem, chosen), 2);
    assert_false(chosen[0]);
}

static void demands_are_clipped_and_weak_links_never_serve(void **state)
{
    (void)state;
    fleet_reset(&fleet, 3);
    fleet_open(&fleet, 200);
    fleet_add(&fleet, 0, 100, 3);
    fleet_add(&fleet, 1, -300, 0);
    fleet_add(&fleet, 2, 100, 3);
    fleet_close(&fleet);
    fleet_open(&fleet, 4); /* hears nobody */
    fleet_close(&fleet);
    assert_int_equal(solve(&fleet.problem, chosen), 2);
    assert_true(chosen[0] && chosen[2]);
    fleet_reset(&fleet, 3);
    assert_int_equal(solve(&fleet.problem, chosen), 0);
}

static void the_same_problem_gives_the_same_cover(void **state)
{
    (void)state;
    uint8_t again[FLEET_GATEWAYS_MAX];
    fleet_random(&fleet, 3, 1000, 100);
    solve(&fleet.problem, chosen);
    solve(&fleet.problem, again);
    assert_memory_equal(chosen, again, 100);
}

/* Devices the other way round, the links of each as they were. */
static void turn_round(const struct cover_problem *p, struct random_fleet *turned)
{
    fleet_reset(turned, p->gateway_count);
    for (size_t d = p->device_count; d-- > 0;) {
        fleet_open(turned, p->demand[d]);
        for (uint32_t l = p->first[d]; l < p->first[d + 1]; l++) {
            const struct cover_link *link = &p->links[l];
            fleet_add(turned, link->gateway, link->margin_cdb, link->units);
        }
        fleet_close(turned);
    }
}

static void the_order_of_devices_decides_nothing(void **state)
{
    (void)state;
    static struct random_fleet turned;
    uint8_t other[FLEET_GATEWAYS_MAX];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        fleet_random(&fleet, seed, 1000, 100);
        turn_round(&fleet.problem, &turned);
        solve(&fleet.problem, chosen);
        solve(&turned.problem, other);
        assert_memory_equal(chosen, other, 100);
    }
}

static void without_gateways_nobody_is_covered(void **state)
{
    (void)state;
    fleet_reset(&fleet, 0);
    fleet_open(&fleet, 4);
    fleet_close(&fleet);
    assert_int_equal(solve(&fleet.problem, chosen), 0);
}

TEST_MAIN(cmocka_unit_test(small_covers_are_close_to_the_optimum),
          cmocka_unit_test(a_city_is_covered_within_15_percent_of_the_optimum),
          cmocka_unit_test(no_chosen_gateway_can_be_left_out),
          cmocka_unit_test(dear_gateways_are_avoided),
          cmocka_unit_test(demands_are_clipped_and_weak_links_never_serve),
          cmocka_unit_test(the_same_problem_gives_the_same_cover),
          cmocka_unit_test(the_order_of_devices_decides_nothing),
          cmocka_unit_test(without_gateways_nobody_is_covered))
