/* SPDX-License-Identifier: MIT */
#include "config/rollout.h"

#include <stdio.h>
#include <string.h>

#include "base/sort.h"
#include "campaign/wave.h"
#include "config/targets.h"

struct assigning {
    const struct campaign_doc *campaign;
    const struct inventories *all;
    const uint64_t *devices;
    size_t count;
    uint8_t *waves;
    struct siphash_key key;
    struct arena arena;
    struct wave_place *places; /* of the wave under way */
    size_t place_count;
};

/* ---- strata ---- */

struct by_labels {
    const struct assigning *a;
    const struct str_list *labels;
};

static const char *value_of(const struct by_labels *by, uint32_t device, size_t label)
{
    const struct inventory *of = NULL;
    const struct inventory_device *d =
        inventories_find(by->a->all, by->a->devices[device], &of);
    const char *value =
        d != NULL ? inventory_label(of, d, by->labels->items[label]) : NULL;
    return value != NULL ? value : "";
}

static int compare(const struct by_labels *by, const struct wave_place *x,
                   const struct wave_place *y)
{
    int order = 0;
    for (size_t i = 0; order == 0 && i < by->labels->count; i++) {
        order = strcmp(value_of(by, x->index, i), value_of(by, y->index, i));
    }
    return order;
}

static bool label_is_before(const void *context, const void *a, const void *b)
{
    return compare(context, a, b) < 0;
}

static void set_strata(struct assigning *a, const struct str_list *labels)
{
    const struct by_labels by = {a, labels};
    if (labels->count == 0) {
        return;
    }
    sort_items(a->places, a->place_count, sizeof(*a->places), label_is_before, &by);
    for (size_t i = 1; i < a->place_count; i++) {
        bool same = compare(&by, &a->places[i - 1], &a->places[i]) == 0;
        a->places[i].stratum = a->places[i - 1].stratum + !same;
    }
}

/* ---- waves ---- */

static void collect(struct assigning *a, const struct spec_wave *wave)
{
    bool all = wave->select.label_count == 0 && wave->select.expression_count == 0;
    a->place_count = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct inventory *of = NULL;
        const struct inventory_device *d =
            all ? NULL : inventories_find(a->all, a->devices[i], &of);
        if (all || (d != NULL && target_matches(&wave->select, of, d))) {
            a->places[a->place_count++] =
                (struct wave_place){.hash = wave_hash(&a->key, a->devices[i]),
                                    .index = (uint32_t)i,
                                    .wave = a->waves[i]};
        }
    }
}

static int refuse(const struct assigning *a, size_t no, struct diag_list *diags)
{
    char path[64];
    snprintf(path, sizeof(path), "spec.rollout.waves[%zu].select", no);
    struct diag_place place = config_place(&a->campaign->doc, path);
    diag_error(diags, &place, "none of the %zu targets matches: the wave would be empty",
               a->count);
    return FUO_ENOENT;
}

static uint32_t fill(struct assigning *a, const struct spec_wave *wave, uint8_t no)
{
    set_strata(a, &wave->spread);
    uint32_t taken = wave_fill(wave, no, a->places, a->place_count);
    for (size_t i = 0; i < a->place_count; i++) {
        a->waves[a->places[i].index] = a->places[i].wave;
    }
    return taken;
}

int rollout_assign(const struct campaign_doc *campaign, const struct inventories *all,
                   const struct rollout *rollout, struct diag_list *diags)
{
    const struct spec_rollout *spec = &campaign->spec.rollout;
    struct assigning a = {
        .campaign = campaign,
        .all = all,
        .devices = rollout->devices,
        .count = rollout->count,
        .waves = rollout->waves,
        .key = wave_key(spec->seed != NULL ? spec->seed : campaign->spec.name),
    };
    int err = FUO_OK;
    a.places = arena_array(&a.arena, a.count + 1, sizeof(*a.places));
    memset(a.waves, WAVE_NOWHERE, a.count);
    for (size_t no = 0; no < spec->wave_count; no++) {
        collect(&a, &spec->waves[no]);
        if (a.place_count == 0 && a.count > 0) {
            err = refuse(&a, no, diags);
        }
        rollout->sizes[no] = fill(&a, &spec->waves[no], (uint8_t)no);
    }
    arena_finish(&a.arena);
    return err;
}
