/* SPDX-License-Identifier: MIT */
/*
 * colour.h - which gateways must take turns, and which belong together.
 *
 * Two gateways on air at once with the same data rate and frequency spoil the frame at a
 * device that hears the second within the capture threshold of the one that serves it
 * (performance.md 3.3), and less often beyond it, for both fade. Such pairs are the edges of
 * a graph, its colours are the turns. Fewer may be taken than there should be
 * (colour_reduce()): partition_make() finds what that spoils and counts it as lost.
 *
 * A device is served by its strongest chosen gateways, as many as its demand wants.
 *
 * Pure, no allocation; the graph lies in the caller's workspace. Deterministic: ties go to
 * the lower gateway number.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "campaign/cover.h"

enum {
    COLOUR_CAPTURE_CDB = 600,
    COLOUR_NONE = 0xffff, /* of a gateway that is not chosen */
    COLOUR_HIT = 16,      /* hits of a link that is lost for certain */
};

struct colour_edge {
    uint32_t to;
    uint32_t hits; /* links that one of the two spoils of the other, in COLOUR_HIT-ths */
};

/* Neighbours of gateway g: edges[first[g]] .. edges[first[g + 1] - 1], ascending. */
struct colour_graph {
    const uint32_t *first;
    const struct colour_edge *edges;
    size_t gateway_count;
};

/* For colour_conflicts(); 8-byte aligned memory. */
size_t colour_workspace_bytes(const struct cover_problem *problem);

/* The same from sizes: at least those of cover.h. */
size_t colour_workspace_for(size_t gateway_count, size_t link_count, size_t pair_count);

/* The conflicts among the chosen gateways; *graph points into the workspace. */
void colour_conflicts(const struct cover_problem *problem, const uint8_t *chosen,
                      void *workspace, struct colour_graph *graph);

/* For colour_solve() on any graph; 8-byte aligned memory. */
size_t colour_solve_workspace_max(size_t gateway_count);

/*
 * DSATUR: no two neighbours of one colour. Colours of the chosen count from 0, the others
 * get COLOUR_NONE. Returns how many colours there are.
 */
uint16_t colour_solve(const struct colour_graph *graph, const uint8_t *chosen,
                      void *workspace, uint16_t *colour);

/*
 * Fewer colours than that takes: change *colour, a result of colour_solve(), into one with
 * at most `limit` colours (above 0, not more than it has) and few hits between gateways of
 * one colour. Workspace as for colour_solve().
 */
void colour_reduce(const struct colour_graph *graph, const uint8_t *chosen,
                   uint16_t limit, void *workspace, uint16_t *colour);

/*
 * Colours below `limit` (above 0) for the chosen that have COLOUR_NONE, with few hits; the
 * others keep theirs. Workspace as for colour_solve().
 */
void colour_extend(const struct colour_graph *graph, const uint8_t *chosen,
                   uint16_t limit, void *workspace, uint16_t *colour);
