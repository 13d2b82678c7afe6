/* SPDX-License-Identifier: MIT */
/* engine_fixture.h - a real engine with one fleet, three devices and a small campaign. */
#pragma once

#include <string.h>

#include "config/campaign.h"
#include "config/fleet.h"
#include "engine/engine.h"
#include "test.h"

enum {
    FIXTURE_FLEET = 7,
    FIXTURE_CAMPAIGN = 3,
    FIXTURE_DEVICES = 3,
    FIXTURE_IMAGE_BYTES = 300,
};

struct engine_fixture {
    struct fleet_doc *fleet;
    struct campaign_doc *campaign;
    struct engine *engine;
    uint64_t devices[FIXTURE_DEVICES];
    uint8_t image[FIXTURE_IMAGE_BYTES];
};

static const char fixture_fleet[] =
    "apiVersion: fuotad/v1\nkind: Fleet\nmetadata: { name: f }\nspec:\n"
    "  trustPolicy: t\n  region: EU868\n"
    "  networkServer: { plugin: \"null\", mqtt: { url: \"mqtt://127.0.0.1:1\" } }\n"
    "  inventory: { source: file, file: d.csv }\n";

static const char fixture_campaign[] =
    "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: { name: camp }\nspec:\n"
    "  image: { file: i, version: \"2\", signatures: [s] }\n"
    "  targets: { fleet: f }\n";

static inline void fixture_start(struct engine_fixture *f)
{
    struct diag_list diags = {0};
    *f = (struct engine_fixture){0};
    assert_int_equal(
        fleet_parse("f", fixture_fleet, strlen(fixture_fleet), &f->fleet, &diags),
        FUO_OK);
    assert_int_equal(campaign_parse("c", fixture_campaign, strlen(fixture_campaign),
                                    &f->campaign, &diags),
                     FUO_OK);
    diag_list_finish(&diags);
    struct engine_config config = {.seed = 1, .boot = 1};
    struct engine_fleet fleet = {
        .id = FIXTURE_FLEET,
        .spec = &f->fleet->spec,
        .queue_rows_max = 4,
    };
    f->engine = engine_create(&config);
    assert_int_equal(engine_add_fleet(f->engine, &fleet), FUO_OK);
    for (size_t i = 0; i < FIXTURE_DEVICES; i++) {
        struct device_rec rec = {.dev_eui = 0x100 + i, .fleet_id = FIXTURE_FLEET};
        f->devices[i] = rec.dev_eui;
        assert_int_equal(engine_add_device(f->engine, &rec), FUO_OK);
    }
    memset(f->image, 0x5a, sizeof(f->image));
}

static inline struct engine_event fixture_apply(const struct engine_fixture *f)
{
    return (struct engine_event){
        .type = ENGINE_EV_APPLY,
        .now = {1},
        .utc = {SECONDS_US(1770000000)},
        .apply = {.id = FIXTURE_CAMPAIGN,
                  .spec = &f->campaign->spec,
                  .image = f->image,
                  .image_len = sizeof(f->image),
                  .devices = f->devices,
                  .device_count = FIXTURE_DEVICES},
    };
}

static inline struct engine_event fixture_control(enum engine_control verb)
{
    return (struct engine_event){
        .type = ENGINE_EV_CONTROL,
        .now = {2},
        .utc = {SECONDS_US(1770000001)},
        .control = {.campaign_id = FIXTURE_CAMPAIGN, .verb = verb},
    };
}

static inline void fixture_stop(struct engine_fixture *f)
{
    engine_destroy(f->engine);
    campaign_doc_destroy(f->campaign);
    fleet_doc_destroy(f->fleet);
}
