/* SPDX-License-Identifier: MIT */
#include "campaign/colour.h"

#include <stdbool.h>
#include <stdlib.h>

#include "campaign/cluster.h"
#include "random_fleet.h"
#include "test.h"

static struct random_fleet fleet;
static uint8_t chosen[FLEET_GATEWAYS_MAX];
static uint16_t colour[FLEET_GATEWAYS_MAX];
static uint32_t cluster[FLEET_GATEWAYS_MAX];

/* A random graph as first[] and edges[], symmetric. */
static uint32_t graph_first[FLEET_GATEWAYS_MAX + 1];
static struct colour_edge graph_edges[FLEET_GATEWAYS_MAX * FLEET_GATEWAYS_MAX];

static uint8_t near[FLEET_GATEWAYS_MAX][FLEET_GATEWAYS_MAX];

static uint32_t add_edges(uint32_t g, uint32_t count, uint32_t at)
{
    for (uint32_t h = 0; h < count; h++) {
        if (near[g][h]) {
            graph_edges[at++] = (struct colour_edge){h, 1 + (g * h) % 7};
        }
    }
    return at;
}

static struct colour_graph random_graph(uint64_t seed, uint32_t count,
                                        uint32_t density_ppm)
{
    struct prng prng = prng_seeded(seed);
    for (uint32_t g = 0; g < count; g++) {
        for (uint32_t h = 0; h < g; h++) {
            near[g][h] = near[h][g] = (uint8_t)prng_chance(&prng, density_ppm);
        }
        near[g][g] = 0;
        chosen[g] = 1;
    }
    uint32_t at = 0;
    for (uint32_t g = 0; g < count; g++) {
        graph_first[g] = at;
        at = add_edges(g, count, at);
    }
    graph_first[count] = at;
    return (struct colour_graph){graph_first, graph_edges, count};
}

static uint16_t solve(const struct colour_graph *graph)
{
    void *workspace = malloc(colour_solve_workspace_max(graph->gateway_count));
    uint16_t count = colour_solve(graph, chosen, workspace, colour);
    free(workspace);
    return count;
}

static uint64_t hits_within(const struct colour_graph *graph)
{
    uint64_t hits = 0;
    for (uint32_t g = 0; g < graph->gateway_count; g++) {
        for (uint32_t i = graph->first[g]; i < graph->first[g + 1]; i++) {
            uint32_t h = graph->edges[i].to;
            hits += g < h && chosen[g] && chosen[h] && colour[g] == colour[h]
                        ? graph->edges[i].hits
                        : 0;
        }
    }
    return hits;
}

/* Can gateways g.. be painted with that many colours? */
static bool paintable(const struct colour_graph *graph, uint16_t *paint, uint32_t g,
                      uint16_t count)
{
    if (g == graph->gateway_count) {
        return true;
    }
    for (paint[g] = 0; paint[g] < count; paint[g]++) {
        bool clash = false;
        for (uint32_t i = graph->first[g]; i < graph->first[g + 1]; i++) {
            uint32_t h = graph->edges[i].to;
            clash = clash || (h < g && paint[h] == paint[g]);
        }
        if (!clash && paintable(graph, paint, g + 1, count)) {
            return true;
        }
    }
    return false;
}

static void small_graphs_take_at_most_one_colour_too_many(void **state)
{
    (void)state;
    uint16_t paint[FLEET_GATEWAYS_MAX];
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct colour_graph graph =
            random_graph(seed, 4 + (uint32_t)seed % 8, 200000 + 6000 * (uint32_t)seed);
        uint16_t count = solve(&graph);
        assert_int_equal(hits_within(&graph), 0);
        uint16_t least = 1;
        while (!paintable(&graph, paint, 0, least)) {
            least++;
        }
        assert_true(count <= least + 1);
    }
}

static void large_graphs_are_painted_properly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct colour_graph graph = random_graph(seed, 300, 400000);
        chosen[3] = 0;
        uint16_t count = solve(&graph);
        assert_true(count > 64 / 4 && count <= 300);
        assert_int_equal(hits_within(&graph), 0);
        assert_int_equal(colour[3], COLOUR_NONE);
        for (uint32_t g = 0; g < 300; g++) {
            assert_true(g == 3 || colour[g] < count);
        }
    }
}

static void fewer_colours_leave_few_hits(void **state)
{
    (void)state;
    struct colour_graph graph = random_graph(1, 60, 300000);
    uint16_t count = solve(&graph);
    void *workspace = malloc(colour_solve_workspace_max(graph.gateway_count));
    colour_reduce(&graph, chosen, count, workspace, colour);
    assert_int_equal(hits_within(&graph), 0);
    uint64_t before = 0;
    for (uint16_t limit = (uint16_t)(count - 1); limit > 0; limit--) {
        colour_reduce(&graph, chosen, limit, workspace, colour);
        uint64_t hits = hits_within(&graph);
        assert_true(hits >= before);
        for (uint32_t g = 0; g < 60; g++) {
            assert_true(colour[g] < limit);
        }
        before = hits;
    }
    free(workspace);
}

/* Two gateways with 10 devices each; to `torn` of the first the second is that much weaker. */
static void pair(uint32_t torn, int weaker_cdb)
{
    fleet_reset(&fleet, 3);
    for (uint32_t d = 0; d < 20; d++) {
        fleet_open(&fleet, 1);
        fleet_add(&fleet, d < 10 ? 0 : 1, 1000, 1);
        int other_cdb = d < torn ? 1000 - weaker_cdb : -400;
        fleet_add(&fleet, d < 10 ? 1 : 0, (int16_t)other_cdb, 0);
        fleet_add(&fleet, 2, 900, 1); /* silent */
        fleet_close(&fleet);
    }
    memset(chosen, 0, sizeof(chosen));
    chosen[0] = chosen[1] = 1;
}

static size_t edges_of_pair(uint32_t torn, int weaker_cdb, uint32_t *hits)
{
    struct colour_graph graph;
    pair(torn, weaker_cdb);
    void *workspace = malloc(colour_workspace_bytes(&fleet.problem));
    colour_conflicts(&fleet.problem, chosen, workspace, &graph);
    size_t count = graph.first[3];
    assert_int_equal(graph.first[2], graph.first[3]); /* the silent one has none */
    *hits = count > 0 ? graph.edges[0].hits : 0;
    free(workspace);
    return count;
}

static void gateways_conflict_within_the_capture_threshold_and_fading(void **state)
{
    (void)state;
    uint32_t hits = 0;
    assert_int_equal(edges_of_pair(0, 0, &hits), 0);
    assert_int_equal(edges_of_pair(1, 900, &hits), 2);
    assert_int_equal(hits, COLOUR_HIT);
    assert_int_equal(edges_of_pair(3, 900, &hits), 2);
    assert_int_equal(hits, 3 * COLOUR_HIT);
}

static void the_harm_halves_with_each_decibel_beyond(void **state)
{
    (void)state;
    uint32_t hits = 0;
    assert_int_equal(edges_of_pair(1, 901, &hits), 2);
    assert_int_equal(hits, COLOUR_HIT / 2);
    assert_int_equal(edges_of_pair(1, 1300, &hits), 2);
    assert_int_equal(hits, COLOUR_HIT / 16);
    assert_int_equal(edges_of_pair(1, 1301, &hits), 0);
}

static void new_gateways_take_the_calmest_colour(void **state)
{
    (void)state;
    struct colour_graph graph = random_graph(7, 40, 300000);
    uint16_t count = solve(&graph);
    uint16_t before[40];
    memcpy(before, colour, sizeof(before));
    void *workspace = malloc(colour_solve_workspace_max(graph.gateway_count) +
                             count * sizeof(uint64_t));
    for (uint32_t g = 0; g < 40; g += 5) {
        colour[g] = COLOUR_NONE;
    }
    colour_extend(&graph, chosen, count, workspace, colour);
    assert_int_equal(hits_within(&graph), 0); /* its old one is free, at least */
    for (uint32_t g = 0; g < 40; g++) {
        assert_true(colour[g] < count && (g % 5 == 0 || colour[g] == before[g]));
    }
    free(workspace);
}

static void who_disturbs_moves_and_others_keep_their_colour(void **state)
{
    (void)state;
    struct colour_graph graph = random_graph(7, 40, 300000);
    uint16_t count = solve(&graph);
    void *workspace = malloc(colour_solve_workspace_max(graph.gateway_count) +
                             count * sizeof(uint64_t));
    uint32_t next = graph.edges[graph.first[0]].to;
    uint16_t of_near = colour[next];
    uint16_t of_last = colour[39];
    chosen[39] = 0;
    colour[0] = of_near;
    assert_true(hits_within(&graph) > 0);
    colour_reduce(&graph, chosen, count, workspace, colour);
    assert_int_equal(hits_within(&graph), 0);
    assert_int_not_equal(colour[0], colour[next]);
    assert_int_equal(colour[39], of_last); /* it takes no part, and is not forgotten */
    free(workspace);
}

static void a_device_is_served_by_as_many_as_it_wants(void **state)
{
    (void)state;
    struct colour_graph graph;
    fleet_reset(&fleet, 3);
    fleet_open(&fleet, 2); /* 0 and 1 serve; 2 is weak, but spoils 1 */
    fleet_add(&fleet, 2, 100, 0);
    fleet_add(&fleet, 0, 1500, 1);
    fleet_add(&fleet, 1, 400, 1);
    fleet_close(&fleet);
    chosen[0] = chosen[1] = chosen[2] = 1;
    void *workspace = malloc(colour_workspace_bytes(&fleet.problem));
    colour_conflicts(&fleet.problem, chosen, workspace, &graph);
    assert_int_equal(graph.first[1] - graph.first[0], 1); /* 0 spoils 1 */
    assert_int_equal(graph.first[2] - graph.first[1], 2);
    assert_int_equal(graph.edges[graph.first[1]].to, 0);
    assert_int_equal(graph.edges[graph.first[1] + 1].to, 2);
    free(workspace);
}

static size_t clusters(size_t size_max)
{
    void *workspace = malloc(cluster_workspace_for(fleet.problem.gateway_count,
                                                   cover_link_count(&fleet.problem),
                                                   cover_pair_count(&fleet.problem)));
    size_t count = cluster_solve(&fleet.problem, chosen, size_max, workspace, cluster);
    free(workspace);
    return count;
}

/* Numbers ascend with the lowest gateway; nobody is left out, no cluster is too large. */
static void check_clusters(size_t gateway_count, size_t cluster_count, size_t size_max)
{
    uint32_t size[FLEET_GATEWAYS_MAX] = {0};
    uint32_t next = 0;
    for (size_t g = 0; g < gateway_count; g++) {
        assert_true(chosen[g] == (cluster[g] != CLUSTER_NONE));
        if (chosen[g]) {
            assert_true(cluster[g] < cluster_count && cluster[g] <= next);
            next = cluster[g] == next ? next + 1 : next;
            size[cluster[g]]++;
        }
    }
    for (size_t c = 0; c < cluster_count; c++) {
        assert_true(size[c] >= 1 && size[c] <= size_max);
    }
}

static void clusters_have_bounded_sizes_and_hold_every_chosen_gateway(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fleet_random(&fleet, seed, 500, 200);
        for (size_t g = 0; g < 200; g++) {
            chosen[g] = (g * seed) % 3 != 0;
        }
        check_clusters(200, clusters(1 + seed), 1 + seed);
    }
}

static void gateways_that_share_devices_stay_together(void **state)
{
    (void)state;
    fleet_reset(&fleet, 6); /* two triangles, one thin bridge from 2 to 3 */
    static const uint32_t edges[][2] = {{0, 1}, {1, 2}, {0, 2}, {3, 4},
                                        {4, 5}, {3, 5}, {2, 3}};
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        for (size_t k = 0; k < (i < 6 ? 3 : 1); k++) {
            fleet_open(&fleet, 2);
            fleet_add(&fleet, edges[i][0], 500, 1);
            fleet_add(&fleet, edges[i][1], 500, 1);
            fleet_close(&fleet);
        }
    }
    memset(chosen, 1, 6);
    assert_int_equal(clusters(6), 1);
    assert_int_equal(clusters(3), 2);
    for (size_t g = 0; g < 6; g++) {
        assert_int_equal(cluster[g], g / 3);
    }
    assert_int_equal(clusters(4), 2);
    for (size_t g = 0; g < 6; g++) {
        assert_int_equal(cluster[g], g / 3);
    }
    chosen[2] = 0; /* without the bridge they are apart anyway */
    assert_int_equal(clusters(6), 2);
}

static void who_needs_both_outweighs_who_merely_hears_both(void **state)
{
    (void)state;
    fleet_reset(&fleet, 3);
    for (size_t d = 0; d < 7; d++) { /* 7 hear 0 and 1, one needs 1 and 2 */
        fleet_open(&fleet, 1);
        fleet_add(&fleet, 0, 900, 1);
        fleet_add(&fleet, 1, 900, 1);
        fleet_close(&fleet);
    }
    fleet_open(&fleet, 2);
    fleet_add(&fleet, 1, 300, 1);
    fleet_add(&fleet, 2, 300, 1);
    fleet_close(&fleet);
    memset(chosen, 1, 3);
    assert_int_equal(clusters(2), 2);
    assert_int_equal(cluster[1], cluster[2]);
    assert_int_not_equal(cluster[0], cluster[1]);
}

TEST_MAIN(cmocka_unit_test(who_disturbs_moves_and_others_keep_their_colour),
          cmocka_unit_test(small_graphs_take_at_most_one_colour_too_many),
          cmocka_unit_test(large_graphs_are_painted_properly),
          cmocka_unit_test(fewer_colours_leave_few_hits),
          cmocka_unit_test(gateways_conflict_within_the_capture_threshold_and_fading),
          cmocka_unit_test(the_harm_halves_with_each_decibel_beyond),
          cmocka_unit_test(new_gateways_take_the_calmest_colour),
          cmocka_unit_test(a_device_is_served_by_as_many_as_it_wants),
          cmocka_unit_test(clusters_have_bounded_sizes_and_hold_every_chosen_gateway),
          cmocka_unit_test(gateways_that_share_devices_stay_together),
          cmocka_unit_test(who_needs_both_outweighs_who_merely_hears_both))
