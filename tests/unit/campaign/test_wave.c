/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "campaign/wave.h"

enum { FLEET = 1000 };

#define PCT(n) ((n) * (SPEC_PPM / 100))

struct fleet {
    struct wave_place places[FLEET];
    size_t count;
    uint8_t wave[FLEET]; /* by index */
};

static void fleet_init(struct fleet *f, const char *seed, size_t count)
{
    struct siphash_key key = wave_key(seed);
    *f = (struct fleet){.count = count};
    for (size_t i = 0; i < count; i++) {
        f->places[i] = (struct wave_place){
            .hash = wave_hash(&key, UINT64_C(0x70b3d57ed0050000) + i),
            .index = (uint32_t)i,
            .wave = WAVE_NOWHERE,
        };
    }
}

static uint32_t fill(struct fleet *f, const struct spec_wave *wave, uint8_t no)
{
    uint32_t taken = wave_fill(wave, no, f->places, f->count);
    for (size_t i = 0; i < f->count; i++) {
        f->wave[f->places[i].index] = f->places[i].wave;
    }
    return taken;
}

/* ---- membership ---- */

static void sizes_are_cumulative_and_have_a_minimum(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct spec_wave wave;
        uint32_t eligible, covered, need;
    } rows[] = {
        {"a share", {.size = {.ppm = PCT(10)}}, 1000, 0, 100},
        {"a share is rounded up", {.size = {.ppm = PCT(1)}}, 101, 0, 2},
        {"a share of very few is one", {.size = {.ppm = 1}}, 5, 0, 1},
        {"the waves before count", {.size = {.ppm = PCT(10)}}, 1000, 10, 90},
        {"they have it all", {.size = {.ppm = PCT(10)}}, 1000, 200, 0},
        {"a count", {.size = {.count = 25}}, 1000, 5, 20},
        {"a count beyond the fleet", {.size = {.count = 25}}, 20, 5, 15},
        {"at least", {.size = {.ppm = PCT(1)}, .min = 10}, 200, 0, 10},
        {"at least, behind others", {.size = {.ppm = PCT(1)}, .min = 10}, 200, 50, 10},
        {"at least, of a few", {.size = {.ppm = PCT(1)}, .min = 10}, 8, 0, 8},
        {"the rest", {.size = {.ppm = SPEC_PPM}}, 1000000, 100001, 899999},
        {"nobody is left", {.size = {.ppm = SPEC_PPM}, .min = 5}, 7, 7, 0},
        {"nobody", {.size = {.ppm = SPEC_PPM}}, 0, 0, 0},
        {"the largest fleet", {.size = {.ppm = SPEC_PPM}}, UINT32_MAX, 0, UINT32_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        assert_int_equal(wave_need(&rows[i].wave, rows[i].eligible, rows[i].covered),
                         rows[i].need);
    }
}

static void every_device_is_in_one_wave_and_the_first_are_the_same_again(void **state)
{
    (void)state;
    static const struct spec_wave waves[] = {
        {.size = {.ppm = PCT(1)}, .min = 10},
        {.size = {.ppm = PCT(10)}},
        {.size = {.ppm = SPEC_PPM}},
    };
    struct fleet a;
    struct fleet b;
    fleet_init(&a, "wm1-1-4-3", FLEET);
    fleet_init(&b, "wm1-1-4-3", FLEET);
    static const uint32_t sizes[] = {10, 90, 900};
    for (size_t no = 0; no < ARRAY_LEN(waves); no++) {
        assert_int_equal(fill(&a, &waves[no], (uint8_t)no), sizes[no]);
    }
    /* In another order of the list, too. */
    for (size_t i = 0; i < FLEET / 2; i++) {
        struct wave_place place = b.places[i];
        b.places[i] = b.places[FLEET - 1 - i];
        b.places[FLEET - 1 - i] = place;
    }
    for (size_t no = 0; no < ARRAY_LEN(waves); no++) {
        fill(&b, &waves[no], (uint8_t)no);
    }
    assert_memory_equal(a.wave, b.wave, sizeof(a.wave));
}

static void another_seed_has_other_canaries(void **state)
{
    (void)state;
    const struct spec_wave canary = {.size = {.count = 100}};
    struct fleet a;
    struct fleet b;
    fleet_init(&a, "one", FLEET);
    fleet_init(&b, "two", FLEET);
    fill(&a, &canary, 0);
    fill(&b, &canary, 0);
    size_t both = 0;
    for (size_t i = 0; i < FLEET; i++) {
        both += a.wave[i] == 0 && b.wave[i] == 0;
    }
    assert_in_range(both, 1, 30); /* 10 by chance */
}

static void a_larger_wave_only_adds_devices(void **state)
{
    (void)state;
    struct fleet before;
    fleet_init(&before, "grow", FLEET);
    fill(&before, &(struct spec_wave){.size = {.count = 1}}, 0);
    for (uint32_t size = 2; size <= FLEET; size += 37) {
        struct fleet now;
        fleet_init(&now, "grow", FLEET);
        assert_int_equal(fill(&now, &(struct spec_wave){.size = {.count = size}}, 0),
                         size);
        for (size_t i = 0; i < FLEET; i++) {
            assert_true(before.wave[i] != 0 || now.wave[i] == 0);
        }
        before = now;
    }
}

static void devices_that_come_or_go_reshuffle_nobody(void **state)
{
    (void)state;
    struct fleet all;
    struct fleet part;
    const struct spec_wave canary = {.size = {.count = 50}};
    fleet_init(&all, "stable", FLEET);
    fleet_init(&part, "stable", FLEET / 2);
    fill(&all, &canary, 0);
    fill(&part, &canary, 0);
    for (size_t i = 0; i < FLEET / 2; i++) {
        /* Whoever is among the first of all is so among half of them. */
        assert_true(all.wave[i] != 0 || part.wave[i] == 0);
    }
}

static void a_wave_is_spread_over_values_in_turn(void **state)
{
    (void)state;
    static const char *const spread[] = {"site"};
    const struct spec_wave canary = {
        .size = {.count = 12},
        .spread = {.items = spread, .count = 1},
    };
    struct fleet f;
    fleet_init(&f, "spread", FLEET);
    /* 900 of one site, 97 of another, and 3 of a third: 5, 4, 3. */
    for (size_t i = 0; i < FLEET; i++) {
        f.places[i].stratum = i < 900 ? 0 : i < 997 ? 1 : 2;
    }
    assert_int_equal(fill(&f, &canary, 0), 12);
    size_t of[3] = {0};
    for (size_t i = 0; i < FLEET; i++) {
        if (f.wave[i] == 0) {
            of[i < 900 ? 0 : i < 997 ? 1 : 2]++;
        }
    }
    assert_int_equal(of[2], 3);
    assert_in_range(of[0], 4, 5);
    assert_in_range(of[1], 4, 5);
    assert_int_equal(of[0] + of[1], 9);
}

static void what_a_wave_has_taken_stays_there(void **state)
{
    (void)state;
    struct fleet f;
    fleet_init(&f, "lab", 20);
    for (size_t i = 0; i < 5; i++) { /* the lab, selected by label */
        f.places[i].wave = 0;
    }
    assert_int_equal(fill(&f, &(struct spec_wave){.size = {.ppm = PCT(50)}}, 1), 5);
    assert_int_equal(fill(&f, &(struct spec_wave){.size = {.ppm = SPEC_PPM}}, 2), 10);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(f.wave[i], 0);
    }
}

/* ---- verdict ---- */

static const struct {
    const char *name;
    struct wave_counts counts;
    bool unknown_ignored;
    enum wave_verdict verdict;
} verdicts[] = {
    {"nothing yet", {.total = 100}, false, WAVE_OPEN},
    {"all well",
     {.total = 10, .ended = 10, .attempted = 10, .succeeded = 10},
     false,
     WAVE_SUCCEEDED},
    {"well so far",
     {.total = 100, .ended = 50, .attempted = 90, .succeeded = 50},
     false,
     WAVE_OPEN},
    {"failures before the minimum",
     {.total = 100, .ended = 19, .attempted = 19, .failed = 19},
     false,
     WAVE_OPEN},
    {"failures at the minimum",
     {.total = 100, .ended = 1, .attempted = 20, .failed = 1},
     false,
     WAVE_BROKEN},
    {"failures below the share",
     {.total = 100, .ended = 1, .attempted = 21, .failed = 1},
     false,
     WAVE_OPEN},
    {"one of very few failed",
     {.total = 3, .ended = 3, .attempted = 3, .succeeded = 2, .failed = 1},
     false,
     WAVE_FAILED},
    {"unknown is failed",
     {.total = 100, .ended = 2, .attempted = 40, .unknown = 2},
     false,
     WAVE_BROKEN},
    {"unknown is ignored",
     {.total = 100, .ended = 2, .attempted = 40, .unknown = 2},
     true,
     WAVE_OPEN},
    {"unknown is ignored at the end",
     {.total = 10, .ended = 10, .attempted = 10, .succeeded = 8, .unknown = 2},
     true,
     WAVE_SUCCEEDED},
    {"unknown counts at the end",
     {.total = 10, .ended = 10, .attempted = 10, .succeeded = 8, .unknown = 2},
     false,
     WAVE_FAILED},
    {"nobody was attempted", {.total = 10, .ended = 10}, false, WAVE_INCONCLUSIVE},
    {"all were unknown, which is ignored",
     {.total = 10, .ended = 10, .attempted = 10, .unknown = 10},
     true,
     WAVE_INCONCLUSIVE},
    {"all were passed over",
     {.total = 10, .ended = 10, .passed_over = 10},
     false,
     WAVE_INCONCLUSIVE},
    {"all had it before",
     {.total = 10, .ended = 10, .already = 10},
     false,
     WAVE_SUCCEEDED},
    {"some had it before, nobody else was attempted",
     {.total = 10, .ended = 10, .already = 9},
     false,
     WAVE_INCONCLUSIVE},
    {"an empty wave", {.total = 0}, false, WAVE_SUCCEEDED},
    {"less than half was attempted",
     {.total = 10, .ended = 10, .attempted = 4, .succeeded = 4},
     false,
     WAVE_INCONCLUSIVE},
    {"half was attempted",
     {.total = 10, .ended = 10, .attempted = 5, .succeeded = 5},
     false,
     WAVE_SUCCEEDED},
    {"half of those that were meant",
     {.total = 10, .ended = 10, .attempted = 2, .succeeded = 2, .passed_over = 6},
     false,
     WAVE_SUCCEEDED},
    {"few of many, but as many as are asked for",
     {.total = 1000, .ended = 1000, .attempted = 20, .succeeded = 20},
     false,
     WAVE_SUCCEEDED},
    {"as large as it gets",
     {.total = 4000000000,
      .ended = 4000000000,
      .attempted = 4000000000,
      .succeeded = 3900000000,
      .failed = 100000000},
     false,
     WAVE_SUCCEEDED},
};

static void a_wave_is_judged_by_what_was_attempted(void **state)
{
    (void)state;
    const struct spec_wave wave = {
        .success_ppm = PCT(95), .abort_failed_ppm = PCT(5), .abort_attempted = 20};
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
        test_row(verdicts[i].name);
        assert_int_equal(
            wave_judge(&wave, !verdicts[i].unknown_ignored, &verdicts[i].counts),
            verdicts[i].verdict);
    }
}

static void an_abort_share_of_nothing_needs_a_failure(void **state)
{
    (void)state;
    const struct spec_wave wave = {.success_ppm = SPEC_PPM, .abort_attempted = 1};
    struct wave_counts counts = {.total = 10, .attempted = 5};
    assert_int_equal(wave_judge(&wave, true, &counts), WAVE_OPEN);
    counts.failed = 1;
    assert_int_equal(wave_judge(&wave, true, &counts), WAVE_BROKEN);
}

static void verdicts_have_names(void **state)
{
    (void)state;
    assert_string_equal(wave_verdict_name(WAVE_OPEN), "open");
    assert_string_equal(wave_verdict_name(WAVE_INCONCLUSIVE), "inconclusive");
    assert_string_equal(wave_verdict_name((enum wave_verdict)99), "?");
}

TEST_MAIN(cmocka_unit_test(sizes_are_cumulative_and_have_a_minimum),
          cmocka_unit_test(every_device_is_in_one_wave_and_the_first_are_the_same_again),
          cmocka_unit_test(another_seed_has_other_canaries),
          cmocka_unit_test(a_larger_wave_only_adds_devices),
          cmocka_unit_test(devices_that_come_or_go_reshuffle_nobody),
          cmocka_unit_test(a_wave_is_spread_over_values_in_turn),
          cmocka_unit_test(what_a_wave_has_taken_stays_there),
          cmocka_unit_test(a_wave_is_judged_by_what_was_attempted),
          cmocka_unit_test(an_abort_share_of_nothing_needs_a_failure),
          cmocka_unit_test(verdicts_have_names))
