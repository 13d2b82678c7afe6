/* SPDX-License-Identifier: MIT */
/* test_plan_fleets.c - the plans of several fleets as one. */
#include "planning_rig.h"

#include "loop/deltas.h"
#include "loop/planning_join.h"

enum { FLEETS = 3, DELIVERED = 4 };

static const struct spec_wave two_waves[] = {{.name = "canary", .soak_us = HOURS_US(1)},
                                             {.name = "rest"}};
static const char *names[] = {"f", "g", "ip"};

/* Two fleets on air, of the same ten devices but of images of other sizes, and one over IP. */
struct join {
    struct rig rig;
    uint8_t waves[DEVICES];
    uint8_t ip_waves[DELIVERED];
    uint32_t sizes[2];
    struct fleet_entry entries[FLEETS];
    struct fleet_doc docs[FLEETS];
    struct planning plans[FLEETS];
    struct planning_part parts[FLEETS];
    struct planning joined;
    int64_t airtime_us[FLEETS];
    int64_t p50_us[FLEETS][2]; /* of each wave */
};

static void plan_one(struct join *j, size_t i, size_t image_len)
{
    struct rig *rig = &j->rig;
    rig->request.image_len = image_len;
    make(rig, FUO_OK);
    j->plans[i] = rig->planning;
    rig->planning = (struct planning){0};
    j->airtime_us[i] = j->plans[i].airtime_us;
    for (size_t w = 0; w < 2 && j->plans[i].waves != NULL; w++) {
        j->p50_us[i][w] = j->plans[i].waves[w].p50_us;
    }
}

static void make_parts(struct join *j)
{
    struct rig *rig = &j->rig;
    for (size_t i = 0; i < FLEETS; i++) {
        j->docs[i] = *rig->f.fleet;
        memset(j->docs[i].spec.name, 0, sizeof(j->docs[i].spec.name));
        memcpy(j->docs[i].spec.name, names[i], strlen(names[i]));
        j->entries[i] = rig->fleet;
        j->entries[i].doc = &j->docs[i];
        j->parts[i].request = rig->request;
        j->parts[i].request.fleet = &j->entries[i];
        j->parts[i].planning = &j->plans[i];
    }
    j->ip_waves[0] = 1;
    j->ip_waves[3] = WAVE_NOWHERE;
    j->parts[2].delivered = true;
    j->parts[2].request.waves = j->ip_waves;
    j->parts[2].request.device_count = DELIVERED;
}

static void open_join(struct join *j)
{
    struct rig *rig = &j->rig;
    memset(j, 0, sizeof(*j));
    heard_fleet(rig, NULL, 0);
    rig->spec.rollout.waves = two_waves;
    rig->spec.rollout.wave_count = 2;
    rig->spec.targets.fleets = (struct str_list){names, FLEETS};
    for (size_t i = 4; i < rig->request.device_count; i++) {
        j->waves[i] = 1;
    }
    rig->request.waves = j->waves;
    rig->request.wave_sizes = j->sizes;
    j->sizes[0] = 2 * 4 + 2;
    j->sizes[1] = 2 * 6 + 1;
    plan_one(j, 0, IMAGE_BYTES);
    plan_one(j, 1, IMAGE_BYTES / 2);
    make_parts(j);
    planning_join(&rig->request, j->parts, FLEETS, &j->joined);
}

static void close_join(struct join *j)
{
    planning_finish(&j->joined);
    stop(&j->rig);
}

static void airtime_adds_up_and_the_slowest_fleet_decides(void **state)
{
    (void)state;
    struct join j;
    open_join(&j);
    const struct planning *p = &j.joined;
    assert_true(j.airtime_us[0] > j.airtime_us[1] && j.airtime_us[1] > 0);
    assert_int_equal(p->airtime_us, j.airtime_us[0] + j.airtime_us[1]);
    assert_int_equal(p->wave_count, 2);
    assert_int_equal(p->waves[0].p50_us, j.p50_us[0][0]);
    assert_int_equal(p->p50_us, j.p50_us[0][0] + j.p50_us[0][1]);
    assert_int_equal(p->soak_us, HOURS_US(1));
    assert_int_equal(p->waves[0].device_count, 4 + 4 + 2);
    assert_int_equal(p->waves[1].device_count, 6 + 6 + 1);
    assert_int_equal(p->fleets[0].planned_count, 10);
    assert_int_equal(p->fleets[2].planned_count, DELIVERED - 1);
    assert_int_equal(p->fleets[2].airtime_us, 0);
    for (size_t i = 0; i < FLEETS; i++) {
        assert_null(j.plans[i].cohorts); /* they are emptied */
    }
    close_join(&j);
}

static void cohorts_come_by_wave_and_name_their_fleet(void **state)
{
    (void)state;
    struct join j;
    open_join(&j);
    struct json_object *plan = planning_render(&j.rig.request, &j.joined);
    struct json_object *cohorts = NULL;
    struct json_object *fleets = NULL;
    struct json_object *value = NULL;
    json_object_object_get_ex(plan, "cohorts", &cohorts);
    json_object_object_get_ex(plan, "by_fleet", &fleets);
    static const char *const want[][2] = {
        {"canary", "f"}, {"canary", "g"}, {"rest", "f"}, {"rest", "g"}};
    assert_int_equal(json_object_array_length(cohorts), ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct json_object *cohort = json_object_array_get_idx(cohorts, i);
        json_object_object_get_ex(cohort, "wave", &value);
        assert_string_equal(json_object_get_string(value), want[i][0]);
        json_object_object_get_ex(cohort, "fleet", &value);
        assert_string_equal(json_object_get_string(value), want[i][1]);
    }
    assert_int_equal(json_object_array_length(fleets), FLEETS);
    json_object_object_get_ex(json_object_array_get_idx(fleets, 2), "skipped", &value);
    assert_int_equal(json_object_get_int64(value), 1);
    json_object_object_get_ex(plan, "fleet", &value);
    assert_string_equal(json_object_get_string(value), "f, g, ip");
    assert_non_null(strstr(json_object_to_json_string(plan), "get the image over IP"));
    json_object_put(plan);
    close_join(&j);
}

static void left_out(struct join *j, size_t part, uint64_t device, const char *limit)
{
    struct planning_left_out *out = &j->plans[part].left_out[PLANNING_CLOCK];
    out->devices = calloc(1, sizeof(*out->devices));
    out->devices[0] = device;
    out->count = 1;
    snprintf(out->limit, sizeof(out->limit), "%s", limit);
}

static void who_is_left_out_of_any_fleet_is_named(void **state)
{
    (void)state;
    struct join j;
    open_join(&j);
    planning_finish(&j.joined);
    left_out(&j, 0, 0x21, "the first");
    left_out(&j, 1, 0x11, "the second");
    planning_join(&j.rig.request, j.parts, FLEETS, &j.joined);
    const struct planning_left_out *out = &j.joined.left_out[PLANNING_CLOCK];
    assert_int_equal(out->count, 2);
    assert_int_equal(out->devices[0], 0x21);
    assert_int_equal(out->devices[1], 0x11);
    assert_string_equal(out->limit, "the first");
    assert_int_equal(j.joined.cohort_count, 0);
    close_join(&j);
}

static void run_version(struct rig *rig, uint64_t dev_eui, const char *version)
{
    struct effects effects = {0};
    struct engine_event event = {.type = ENGINE_EV_REPORTED,
                                 .reported = {.dev_eui = dev_eui, .whole = true}};
    snprintf(event.reported.firmware_version, sizeof(event.reported.firmware_version),
             "%s", version);
    engine_step(rig->engine, &event, &effects);
    effects_finish(&effects);
}

/* Of four one is left out, one runs the base, and one says nothing. */
static void who_is_brought_a_delta_is_counted_by_variant(void **state)
{
    (void)state;
    static const struct spec_delta files[] = {{.from = "1.4.2"}, {.from = "1.4.1"}};
    static const struct engine_delta blocks[] = {{.len = 90}, {.len = IMAGE_BYTES + 1}};
    struct join j;
    open_join(&j);
    planning_finish(&j.joined);
    j.rig.spec.image.deltas = files;
    j.rig.spec.image.delta_count = 2;
    struct planning_request *request = &j.parts[2].request;
    request->deltas = blocks;
    request->delta_count = 2;
    run_version(&j.rig, request->devices[0], "1.4.2");
    run_version(&j.rig, request->devices[1], "1.4.1"); /* the delta is longer */
    run_version(&j.rig, request->devices[3], "1.4.2");
    planning_join(&j.rig.request, j.parts, FLEETS, &j.joined);
    assert_int_equal(j.joined.delivered_by_variant[VARIANT_FULL], 2);
    assert_int_equal(j.joined.delivered_by_variant[1], 1);
    assert_int_equal(j.joined.delivered_by_variant[2], 0);
    close_join(&j);
}

static void a_block_has_a_number_and_that_of_an_image_is_its_campaigns(void **state)
{
    (void)state;
    static const struct {
        uint32_t campaign;
        uint8_t variant;
    } rows[] = {{1, VARIANT_FULL},
                {1, 1},
                {(1U << 28) - 1, VARIANT_FULL},
                {(1U << 28) - 1, VARIANT_DELTAS_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t variant = 99;
        uint32_t id = deltas_block_id(rows[i].campaign, rows[i].variant);
        assert_int_equal(id == rows[i].campaign, rows[i].variant == VARIANT_FULL);
        assert_int_equal(deltas_campaign_of(id, &variant), rows[i].campaign);
        assert_int_equal(variant, rows[i].variant);
    }
}

TEST_MAIN(cmocka_unit_test(airtime_adds_up_and_the_slowest_fleet_decides),
          cmocka_unit_test(cohorts_come_by_wave_and_name_their_fleet),
          cmocka_unit_test(who_is_left_out_of_any_fleet_is_named),
          cmocka_unit_test(who_is_brought_a_delta_is_counted_by_variant),
          cmocka_unit_test(a_block_has_a_number_and_that_of_an_image_is_its_campaigns))
