/* SPDX-License-Identifier: MIT */
/* planning_rig.h - an engine with devices, a fleet and a campaign, to make plans of. */
#pragma once

#include "engine_fixture.h"

#include <json-c/json.h>
#include <stdlib.h>

#include "loop/planning_cost.h"

enum {
    DEVICES = 40,
    IMAGE_BYTES = 20000,
};

struct rig {
    struct engine_fixture f;
    struct fleet_entry fleet;
    struct campaign_spec spec; /* a copy that a test may change */
    struct engine *engine;
    uint64_t devices[DEVICES];
    struct planning_request request;
    struct planning planning;
    struct diag_list diags;
};

static inline struct device_rec heard_by(uint64_t dev_eui, uint64_t gateway,
                                         int16_t snr_cdb)
{
    return (struct device_rec){
        .dev_eui = dev_eui,
        .fleet_id = FIXTURE_FLEET,
        .uplinks_heard = 30,
        .link_count = 1,
        .link = {{gateway, (int16_t)(snr_cdb - 300), snr_cdb, 1000}},
    };
}

static inline void add(struct rig *rig, const struct device_rec *rec)
{
    rig->devices[rig->request.device_count++] = rec->dev_eui;
    assert_int_equal(engine_add_device(rig->engine, rec), FUO_OK);
}

/* An engine of its own with no devices yet. */
static inline void start(struct rig *rig)
{
    struct engine_config config = {.seed = 1, .boot = 1};
    *rig = (struct rig){0};
    fixture_start(&rig->f);
    struct engine_fleet fleet = {.id = FIXTURE_FLEET, .spec = &rig->f.fleet->spec};
    rig->engine = engine_create(&config);
    assert_int_equal(engine_add_fleet(rig->engine, &fleet), FUO_OK);
    rig->fleet.doc = rig->f.fleet;
    rig->fleet.id = FIXTURE_FLEET;
    rig->spec = rig->f.campaign->spec;
    rig->request = (struct planning_request){
        .engine = rig->engine,
        .fleet = &rig->fleet,
        .spec = &rig->spec,
        .devices = rig->devices,
        .image_len = IMAGE_BYTES,
        .file = "c.yaml",
    };
}

static inline void stop(struct rig *rig)
{
    planning_finish(&rig->planning);
    diag_list_finish(&rig->diags);
    engine_destroy(rig->engine);
    fixture_stop(&rig->f);
}

static inline void make(struct rig *rig, int err)
{
    struct planning_job *job = planning_begin(&rig->request, &rig->planning, &rig->diags);
    planning_compute(job);
    int got = planning_end(job);
    for (size_t i = 0; i < rig->diags.count; i++) {
        test_row(rig->diags.items[i].text);
    }
    assert_int_equal(got, err);
    assert_int_equal(rig->diags.error_count > 0, err != FUO_OK);
}

static inline void assert_said(const struct rig *rig, const char *path, const char *text)
{
    bool found = false;
    for (size_t i = 0; i < rig->diags.count; i++) {
        const struct diag *diag = &rig->diags.items[i];
        found =
            found || (diag->place.path != NULL && strcmp(diag->place.path, path) == 0 &&
                      strstr(diag->text, text) != NULL);
    }
    test_row(text);
    assert_true(found);
}

static inline void heard_fleet(struct rig *rig, const struct spec_window *windows,
                               size_t count)
{
    start(rig);
    rig->spec.schedule.timezone = "Europe/Berlin";
    rig->spec.schedule.windows = windows;
    rig->spec.schedule.window_count = count;
    rig->request.now = (struct utc){SECONDS_US(1792843200)}; /* 2026-10-24T12:00:00Z */
    for (uint64_t i = 0; i < 10; i++) {
        struct device_rec rec = heard_by(0x100 + i, 0xa0, 500);
        add(rig, &rec);
    }
}
