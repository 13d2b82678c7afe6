/* SPDX-License-Identifier: MIT */
/*
 * Any text as a file of each kind: decoded, checked, and all that was said printed; what a
 * campaign selects of an inventory is in it, and its windows are spans one after the other.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/campaign.h"
#include "config/kind.h"
#include "config/schedule.h"
#include "config/targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char devices[] = "dev_eui,name,label:site,label:floor\n"
                              "0000000000000101,one,north,1\n"
                              "0000000000000102,two,north,2\n"
                              "0000000000000103,three,south,\n";

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void print(const struct diag_list *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        char *text = diag_format(&diags->items[i]);
        require(text != NULL && strchr(text, '\n') == NULL);
        free(text);
    }
}

/* But for lists in other files. */
static void select_targets(struct campaign_doc *campaign, struct diag_list *diags)
{
    const struct spec_targets *t = &campaign->spec.targets;
    struct inventory inventory;
    struct target_selection selection;
    if (t->devices_file != NULL || t->exclude_devices_file != NULL) {
        return;
    }
    require(inventory_parse("f.csv", devices, strlen(devices), &inventory, diags) ==
            FUO_OK);
    const struct inventory *only = &inventory;
    if (targets_select(campaign, &(struct inventories){&only, 1}, &selection, diags) ==
        FUO_OK) {
        require(selection.count <= inventory.count);
        for (size_t i = 0; i < selection.count; i++) {
            require(inventory_find(&inventory, selection.devices[i]) != NULL);
        }
        target_selection_finish(&selection);
    }
    inventory_finish(&inventory);
}

static void date(const struct spec_schedule *schedule)
{
    static const struct utc from = {SECONDS_US(1790000000)};
    static struct window_doc freeze = {.name = "freeze",
                                       .timezone = "Europe/Berlin",
                                       .from = "2026-10-24",
                                       .to = "2026-10-26T02:30"};
    const struct window_doc *const windows[] = {&freeze};
    const struct schedule_names names = {windows, 1};
    struct schedule_spans spans;
    if (schedule_spans(schedule, &names, from, utc_after(from, DAYS_US(60)), &spans) !=
        FUO_OK) {
        return;
    }
    require(spans.count <= SCHEDULE_SPANS_MAX);
    for (size_t i = 0; i < spans.count; i++) {
        struct utc after = i > 0 ? spans.spans[i - 1].end : from;
        require(spans.spans[i].start.us >= after.us);
        require(spans.spans[i].end.us > spans.spans[i].start.us);
        require(spans.spans[i].end.us <= spans.until.us);
    }
}

static void try_campaign(const char *text, size_t size)
{
    struct diag_list diags = {0};
    struct campaign_doc *campaign = NULL;
    if (campaign_parse("f", text, size, &campaign, &diags) == FUO_OK) {
        select_targets(campaign, &diags);
        date(&campaign->spec.schedule);
    }
    print(&diags);
    campaign_doc_destroy(campaign);
    diag_list_finish(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (const struct config_kind *const *k = config_kinds; *k != NULL; k++) {
        struct diag_list diags = {0};
        struct config_doc *doc = NULL;
        if (config_parse(*k, "f", (const char *)data, size, &doc, &diags) == FUO_OK) {
            config_unsupported(doc, &diags);
            (void)config_path(doc, "x");
        }
        print(&diags);
        config_doc_destroy(doc);
        diag_list_finish(&diags);
    }
    try_campaign((const char *)data, size);
    return 0;
}
