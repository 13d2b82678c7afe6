/* SPDX-License-Identifier: MIT */
/* Calendars at random, against the rules read anew. */
#include "calendar_book.h"

#include <stdlib.h>

#include "base/prng.h"

enum {
    WORLD_REQUESTS = 40,
    WORLD_GATEWAYS = 8,
    WORLD_MINUTES = 3000,
};

struct world {
    struct prng prng;
    struct book book;
    struct calendar_span windows[16];
    size_t window_count;
    uint64_t gateways[WORLD_REQUESTS][WORLD_GATEWAYS];
    uint64_t near[WORLD_REQUESTS][WORLD_GATEWAYS];
    struct calendar_request requests[WORLD_REQUESTS];
    struct calendar_place places[WORLD_REQUESTS];
};

static size_t some_gateways(struct prng *prng, uint64_t *ids, uint32_t ppm)
{
    size_t count = 0;
    for (uint64_t id = 0; id < WORLD_GATEWAYS; id++) {
        if (prng_chance(prng, ppm)) {
            ids[count++] = id;
        }
    }
    return count;
}

static void make_windows(struct world *w)
{
    int64_t t = 0;
    w->window_count = 0;
    while (w->window_count < ARRAY_LEN(w->windows)) {
        t += 1 + (int64_t)prng_below(&w->prng, 60);
        int64_t end = t + 5 + (int64_t)prng_below(&w->prng, 200);
        w->windows[w->window_count++] = (struct calendar_span){AT(t), AT(end)};
        t = end;
    }
}

static void make_world(struct world *w, uint64_t seed)
{
    w->prng = prng_seeded(seed);
    book_open(&w->book);
    make_windows(w);
    for (uint32_t i = 0; i < WORLD_REQUESTS; i++) {
        struct calendar_request *r = &w->requests[i];
        *r = request_of(i + 1, 1 + (int64_t)prng_below(&w->prng, 120));
        r->lead_us = MINUTES_US((int64_t)prng_below(&w->prng, 6));
        r->shortest_us = MINUTES_US((int64_t)prng_below(&w->prng, 8));
        r->priority = (uint32_t)prng_below(&w->prng, 3);
        r->not_before = AT((int64_t)prng_below(&w->prng, 50));
        r->dr = (uint8_t)prng_below(&w->prng, 2);
        r->gateways = (struct calendar_gateways){
            w->gateways[i], some_gateways(&w->prng, w->gateways[i], 300000)};
        r->near = (struct calendar_gateways){w->near[i],
                                             some_gateways(&w->prng, w->near[i], 100000)};
        if (prng_chance(&w->prng, 500000)) {
            r->windows = (struct calendar_windows){w->windows, w->window_count};
        }
    }
}

static bool has(struct calendar_gateways list, uint64_t id)
{
    for (size_t i = 0; i < list.count; i++) {
        if (list.ids[i] == id) {
            return true;
        }
    }
    return false;
}

static bool disturbs(const struct calendar_slot *slot, const struct calendar_request *r)
{
    for (size_t i = 0; i < slot->gateways.count; i++) {
        uint64_t id = slot->gateways.ids[i];
        bool near = has(r->near, id) && slot->dr == r->dr;
        if (has(r->gateways, id) || near) {
            return true;
        }
    }
    return false;
}

/* Whether a session may be there: minute by minute, in no clever way. */
static bool may_be(const struct calendar *others, const struct calendar_request *r,
                   struct calendar_span span)
{
    bool inside = r->windows.spans == NULL;
    for (size_t i = 0; !inside && i < r->windows.count; i++) {
        inside = span.start.us >= r->windows.spans[i].start.us &&
                 span.end.us <= r->windows.spans[i].end.us;
    }
    for (size_t i = 0; i < others->count; i++) {
        const struct calendar_slot *slot = &others->slots[i];
        if (slot->start.us < span.end.us && slot->end.us > span.start.us &&
            disturbs(slot, r)) {
            return false;
        }
    }
    return inside;
}

static void check_course(const struct calendar *others, const struct calendar_request *r,
                         const struct calendar_course *course)
{
    int64_t sum_us = 0;
    int64_t ready_us = r->not_before.us + r->lead_us;
    for (size_t i = 0; i < course->count; i++) {
        struct calendar_span span = course->sessions[i];
        int64_t length_us = span.end.us - span.start.us;
        assert_true(span.start.us >= ready_us);
        assert_true(length_us > 0 && length_us <= CALENDAR_SESSION_MAX_US);
        assert_true(i + 1 == course->count || length_us >= r->shortest_us);
        assert_true(may_be(others, r, span));
        sum_us += length_us;
        ready_us = span.end.us + r->lead_us;
    }
    assert_int_equal(sum_us, r->duration_us);
}

/* The first minute at which the whole of it could be sent in one session. */
static int64_t first_whole_us(const struct calendar *others,
                              const struct calendar_request *r)
{
    int64_t t_us = r->not_before.us + r->lead_us;
    for (; t_us < MINUTES_US(WORLD_MINUTES); t_us += MINUTES_US(1)) {
        struct calendar_span span = {{t_us}, {t_us + r->duration_us}};
        if (may_be(others, r, span)) {
            return t_us;
        }
    }
    return INT64_MAX;
}

/* false: there is no place for it. */
static bool place_and_check(struct calendar *calendar, const struct calendar_request *r)
{
    struct calendar_course course;
    if (calendar_earliest(calendar, r, &course) != CALENDAR_OK) {
        return false;
    }
    check_course(calendar, r, &course);
    int64_t whole_us = first_whole_us(calendar, r);
    assert_true(course.sessions[0].start.us <= whole_us);
    if (r->windows.spans == NULL) {
        assert_int_equal(course.sessions[0].start.us, whole_us);
    }
    assert_int_equal(calendar_book(calendar, r, &course), CALENDAR_OK);
    return true;
}

static void no_two_sessions_are_ever_in_each_others_way(void **state)
{
    (void)state;
    static struct world w;
    size_t placed = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        make_world(&w, seed);
        for (size_t i = 0; i < WORLD_REQUESTS; i++) {
            placed += place_and_check(&w.book.calendar, &w.requests[i]) ? 1 : 0;
        }
        for (size_t i = 1; i < w.book.calendar.count; i++) {
            assert_true(w.book.slots[i].start.us >= w.book.slots[i - 1].start.us);
        }
    }
    assert_in_range(placed, 1000, 60 * WORLD_REQUESTS);
}

/* Only the gateways, at most two, keep the requests apart. */
static void relax(struct world *w)
{
    for (size_t i = 0; i < WORLD_REQUESTS; i++) {
        struct calendar_request *r = &w->requests[i];
        *r = (struct calendar_request){.transmission_id = r->transmission_id,
                                       .duration_us = r->duration_us,
                                       .deadline = UTC_NEVER,
                                       .gateways = r->gateways};
        if (r->gateways.count > 2) {
            r->gateways.count = 2;
        }
    }
}

static void packing_is_never_shorter_than_its_bound_and_seldom_much_longer(void **state)
{
    (void)state;
    static struct world w;
    int64_t makespans_us = 0;
    int64_t bounds_us = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct calendar_packing packing;
        make_world(&w, seed);
        relax(&w);
        void *workspace = malloc(calendar_workspace_bytes(w.requests, WORLD_REQUESTS));
        calendar_pack(&w.book.calendar, w.requests, WORLD_REQUESTS, workspace, w.places,
                      &packing);
        free(workspace);
        assert_true(packing.makespan_us >= packing.bound_us);
        makespans_us += packing.makespan_us;
        bounds_us += packing.bound_us;
    }
    assert_true(makespans_us * 100 <= bounds_us * 130);
}

TEST_MAIN(
    cmocka_unit_test(no_two_sessions_are_ever_in_each_others_way),
    cmocka_unit_test(packing_is_never_shorter_than_its_bound_and_seldom_much_longer))
