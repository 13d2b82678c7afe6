/* SPDX-License-Identifier: MIT */
#include "config/campaign.h"

#include <stdio.h>
#include <string.h>

#include "campaign/variant.h"
#include "campaign/wave.h"
#include "config/campaign_table.h"
#include "config/option_walk.h"
#include "config/webhook.h"
#include "image/version.h"

enum { WINDOWS_MAX = 64, BLACKOUTS_MAX = 128, NOTIFY_MAX = 8, FLEETS_MAX = 32 };

/* ---- rules across keys ---- */

static void report(struct option_context *ctx, const struct campaign_doc *c,
                   const char *path, const char *text)
{
    struct diag_place place = config_place(&c->doc, path);
    diag_error(ctx->diags, &place, "%s", text);
}

static bool given(const struct campaign_doc *c, const char *path)
{
    return node_find(c->doc.root, path) != NULL;
}

static bool is_among(const struct str_list *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static void check_fleets(struct option_context *ctx, const struct campaign_doc *c)
{
    bool one = given(c, "spec.targets.fleet");
    bool many = given(c, "spec.targets.fleets");
    if (one && many) {
        report(ctx, c, "spec.targets.fleets", "is given beside fleet; keep one of them");
    } else if (!one && !many && given(c, "spec.targets")) {
        report(ctx, c, "spec.targets.fleet", "is required");
    }
    const struct str_list *fleets = &c->spec.targets.fleets;
    for (size_t i = 1; i < fleets->count; i++) {
        if (is_among(fleets, i, fleets->items[i])) {
            char at[64];
            snprintf(at, sizeof(at), "spec.targets.fleets[%zu]", i);
            report(ctx, c, at, "is named twice");
        }
    }
    if (fleets->count > FLEETS_MAX) {
        report(ctx, c, "spec.targets.fleets", "has more than 32 fleets");
    }
    if (fleets->count > 1 && c->spec.radio.gateways.count > 0) {
        report(ctx, c, "spec.radio.gateways",
               "cannot be told of several fleets: name them in spec.gateways of each");
    }
}

static void check_match(struct option_context *ctx, const struct campaign_doc *c,
                        const struct spec_match *match, const char *path)
{
    for (size_t i = 0; i < match->expression_count; i++) {
        const struct spec_expression *e = &match->expressions[i];
        bool wants = e->op == SPEC_OP_IN || e->op == SPEC_OP_NOT_IN;
        char at[128];
        snprintf(at, sizeof(at), "%s.expressions[%zu].values", path, i);
        if (wants && e->values.count == 0) {
            report(ctx, c, at, "is required with In and NotIn");
        } else if (!wants && e->values.count != 0) {
            report(ctx, c, at, "has no meaning with Exists and DoesNotExist");
        }
    }
}

static void check_schedule(struct option_context *ctx, const struct campaign_doc *c)
{
    const struct spec_schedule *s = &c->spec.schedule;
    /* Both have the same form, so text order is time order. */
    if (s->not_before != NULL && s->deadline != NULL &&
        strcmp(s->not_before, s->deadline) >= 0) {
        report(ctx, c, "spec.schedule.deadline", "must be after notBefore");
    }
    if (s->window_count > WINDOWS_MAX) {
        report(ctx, c, "spec.schedule.windows", "has more than 64 windows");
    }
    if (s->blackout_count > BLACKOUTS_MAX) {
        report(ctx, c, "spec.schedule.blackouts", "has more than 128 blackouts");
    }
    for (size_t i = 0; i < s->blackout_count; i++) {
        const struct spec_blackout *b = &s->blackouts[i];
        bool span = b->from != NULL && b->to != NULL;
        bool part = b->from != NULL || b->to != NULL;
        char at[64];
        snprintf(at, sizeof(at), "spec.schedule.blackouts[%zu]", i);
        if (b->window != NULL ? part : !span) {
            report(ctx, c, at, "needs from and to, or window alone");
        } else if (span && strcmp(b->from, b->to) >= 0) {
            report(ctx, c, at, "to must be after from");
        }
    }
}

static void check_radio(struct option_context *ctx, const struct campaign_doc *c)
{
    bool periodic = given(c, "spec.radio.pingSlotPeriodicity");
    const struct spec_fragmentation *f = &c->spec.fragmentation;
    if (c->spec.radio.device_class == 'B' && !periodic) {
        report(ctx, c, "spec.radio.pingSlotPeriodicity", "is required with class B");
    } else if (c->spec.radio.device_class == 'C' && periodic &&
               c->spec.radio.ping_slot_periodicity != 0) {
        report(ctx, c, "spec.radio.pingSlotPeriodicity", "has no meaning with class C");
    }
    if (f->redundancy_ppm != SPEC_AUTO_U32 && f->redundancy_ppm > f->max_redundancy_ppm) {
        report(ctx, c, "spec.fragmentation.redundancy", "is more than maxRedundancy");
    }
}

static bool wave_name_is_new(const struct spec_rollout *r, size_t i)
{
    for (size_t j = 0; j < i && r->waves[i].name != NULL; j++) {
        if (r->waves[j].name != NULL && strcmp(r->waves[i].name, r->waves[j].name) == 0) {
            return false;
        }
    }
    return true;
}

static bool selects_all(const struct spec_wave *wave)
{
    return wave->select.label_count == 0 && wave->select.expression_count == 0;
}

/* Whatever the fleet: an earlier wave of all devices is as large. */
static bool takes_nobody(const struct spec_rollout *r, size_t i)
{
    const struct spec_wave *wave = &r->waves[i];
    for (size_t j = 0; j < i; j++) {
        const struct spec_wave *before = &r->waves[j];
        bool whole = before->size.ppm == SPEC_PPM;
        bool larger = wave->size.ppm <= before->size.ppm &&
                      wave->size.count <= before->size.count && wave->min == 0;
        if (selects_all(before) && (whole || (selects_all(wave) && larger))) {
            return true;
        }
    }
    return false;
}

static void check_waves(struct option_context *ctx, const struct campaign_doc *c)
{
    const struct spec_rollout *r = &c->spec.rollout;
    char at[64];
    for (size_t i = 0; i < r->wave_count; i++) {
        snprintf(at, sizeof(at), "spec.rollout.waves[%zu].select", i);
        check_match(ctx, c, &r->waves[i].select, at);
        snprintf(at, sizeof(at), "spec.rollout.waves[%zu].name", i);
        if (!wave_name_is_new(r, i)) {
            report(ctx, c, at, "is the name of another wave");
        }
        if (i > 0 && takes_nobody(r, i)) {
            snprintf(at, sizeof(at), "spec.rollout.waves[%zu].size", i);
            report(ctx, c, at,
                   "selects nobody: sizes count the waves before, and those have as "
                   "much already");
        }
    }
    if (r->wave_count > WAVE_MAX) {
        report(ctx, c, "spec.rollout.waves", "has more than 64 waves");
    }
    if (r->wave_count != 0 && r->waves[r->wave_count - 1].size.ppm != SPEC_PPM) {
        snprintf(at, sizeof(at), "spec.rollout.waves[%zu].size", r->wave_count - 1);
        struct diag_place place = config_place(&c->doc, at);
        diag_warn(ctx->diags, &place,
                  "the last wave is not 100%%: some devices may never be updated");
    }
}

/* The waves of a campaign that gives none. */
static void default_waves(struct campaign_doc *c)
{
    static const struct spec_wave waves[] = {
        {.name = "canary",
         .size = {.ppm = SPEC_PPM / 100},
         .min = 10,
         .success_ppm = 950000,
         .abort_failed_ppm = 50000,
         .abort_attempted = 10,
         .soak_us = HOURS_US(24)},
        {.name = "ten",
         .size = {.ppm = SPEC_PPM / 10},
         .success_ppm = 950000,
         .abort_failed_ppm = 50000,
         .abort_attempted = 20,
         .soak_us = HOURS_US(24)},
        {.name = "rest",
         .size = {.ppm = SPEC_PPM},
         .success_ppm = 950000,
         .abort_failed_ppm = 50000,
         .abort_attempted = 20},
    };
    c->spec.rollout.waves = waves;
    c->spec.rollout.wave_count = sizeof(waves) / sizeof(waves[0]);
}

/* What is about installing, where nothing is installed. */
static void check_data(struct option_context *ctx, const struct campaign_doc *c)
{
    static const char *const paths[] = {"spec.image.firmwareVersion", "spec.image.deltas",
                                        "spec.activation", "spec.verification"};
    if (spec_installs(&c->spec)) {
        return;
    }
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (given(c, paths[i])) {
            report(ctx, c, paths[i],
                   "has no meaning with image.format data, of which nothing is "
                   "installed; leave it out");
        }
    }
}

/* The u32 that stands in the command is told to devices that cannot be asked for theirs. */
static void check_command(struct option_context *ctx, const struct campaign_doc *c)
{
    const struct spec_activate *a = &c->spec.activation;
    bool has_word =
        a->command_data != NULL && strstr(a->command_data, SPEC_VERSION_WORD) != NULL;
    if (has_word && c->spec.image.firmware_version == SPEC_AUTO_U32) {
        report(ctx, c, "spec.activation.command.data",
               "has " SPEC_VERSION_WORD
               ", which stands for spec.image.firmwareVersion: give that as a number");
    }
}

static void check_deltas(struct option_context *ctx, const struct campaign_doc *c)
{
    const struct spec_image *image = &c->spec.image;
    char at[64];
    if (image->delta_count > VARIANT_DELTAS_MAX) {
        report(ctx, c, "spec.image.deltas", "has more than 8 deltas");
    }
    for (size_t i = 0; i < image->delta_count; i++) {
        const char *from = image->deltas[i].from; /* NULL: it is missing, and reported */
        snprintf(at, sizeof(at), "spec.image.deltas[%zu].from", i);
        if (from != NULL && image->version != NULL &&
            version_compare(from, image->version) == VERSION_SAME) {
            report(ctx, c, at, "is the version of the image itself");
        }
    }
}

static void check_notify(struct option_context *ctx, const struct campaign_doc *c)
{
    char at[64];
    if (c->notify_count > NOTIFY_MAX) {
        report(ctx, c, "spec.notify", "has more than 8 webhooks");
    }
    for (size_t i = 0; i < c->notify_count; i++) {
        const char *url = c->notify[i].webhook; /* NULL: it is missing, and reported */
        struct webhook webhook;
        int err = url != NULL ? webhook_split(url, &webhook) : FUO_OK;
        snprintf(at, sizeof(at), "spec.notify[%zu].webhook", i);
        if (err != FUO_OK) {
            report(ctx, c, at,
                   err == FUO_ERANGE ? "is too long"
                                     : "must be a host and a path, without a fragment");
        } else if (url != NULL && !webhook_is_private(&webhook)) {
            report(ctx, c, at,
                   "must be https: over http it could be read on its way; http is for "
                   "this machine only");
        }
    }
}

static void check(struct config_doc *doc, struct option_context *ctx)
{
    struct campaign_doc *c = (struct campaign_doc *)doc;
    check_fleets(ctx, c);
    check_match(ctx, c, &c->spec.targets.match, "spec.targets.match");
    check_schedule(ctx, c);
    check_radio(ctx, c);
    check_waves(ctx, c);
    check_data(ctx, c);
    check_command(ctx, c);
    check_deltas(ctx, c);
    check_notify(ctx, c);
    c->spec.rollout.waves_given = c->spec.rollout.wave_count != 0;
    if (!c->spec.rollout.waves_given) {
        default_waves(c);
    }
    c->spec.verification.require_version =
        (c->require_mask & CAMPAIGN_REQUIRE_VERSION) != 0;
    c->spec.verification.require_uplinks =
        (c->require_mask & CAMPAIGN_REQUIRE_UPLINKS) != 0;
}

const struct config_kind campaign_kind = {
    .name = "Campaign",
    .page = "fuotad-campaign",
    .summary = "firmware campaign for fuotad",
    .text = "A Campaign says which signed image which devices are to run, and how the "
            "roll-out goes on air. Only the name, the image with its version and "
            "signatures, and the fleet are required; everything else has a safe default.",
    .example = "apiVersion: fuotad/v1\n"
               "kind: Campaign\n"
               "metadata: { name: wm1-1-4-3 }\n"
               "spec:\n"
               "  image:\n"
               "    file: wm1-1.4.3.bin\n"
               "    version: \"1.4.3\"\n"
               "    signatures: [wm1-1.4.3.bin.minisig]\n"
               "  targets: { fleet: wm1 }\n",
    .options = campaign_options,
    .doc_size = sizeof(struct campaign_doc),
    .check = check,
};

int campaign_load(const char *file, struct campaign_doc **doc, struct diag_list *diags)
{
    return config_load(&campaign_kind, file, (struct config_doc **)doc, diags);
}

int campaign_parse(const char *file, const char *bytes, size_t len,
                   struct campaign_doc **doc, struct diag_list *diags)
{
    return config_parse(&campaign_kind, file, bytes, len, (struct config_doc **)doc,
                        diags);
}

void campaign_doc_destroy(struct campaign_doc *doc)
{
    config_doc_destroy((struct config_doc *)doc);
}

void campaign_unsupported(const struct campaign_doc *doc, struct diag_list *diags)
{
    config_unsupported(&doc->doc, diags);
}
