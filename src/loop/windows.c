/* SPDX-License-Identifier: MIT */
#include "loop/windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/folder.h"
#include "loop/xalloc.h"

/* ---- files ---- */

struct loader {
    struct windows *windows;
    struct diag_list *diags;
};

static struct schedule_names names_of(const struct windows *windows)
{
    return (struct schedule_names){(const struct window_doc *const *)windows->items,
                                   windows->count};
}

static void load_window(void *arg, const char *path)
{
    struct loader *loader = arg;
    struct windows *windows = loader->windows;
    struct window_doc *doc = NULL;
    if (window_load(path, &doc, loader->diags) != FUO_OK) {
        return;
    }
    struct schedule_names names = names_of(windows);
    if (schedule_named(&names, doc->name) != NULL) {
        struct diag_place place = config_place(&doc->doc, "metadata.name");
        diag_error(loader->diags, &place, "another Window has the name '%s'", doc->name);
        window_doc_destroy(doc);
        return;
    }
    windows->items =
        xrealloc(windows->items, windows->count + 1, sizeof(struct window_doc *));
    windows->items[windows->count++] = doc;
}

void windows_load(struct daemon_doc *daemon, struct windows *windows,
                  struct diag_list *diags)
{
    const char *folder = config_path(&daemon->doc, "windows");
    struct loader loader = {windows, diags};
    if (access(folder, F_OK) == 0) {
        folder_each_yaml(folder, diags, load_window, &loader);
    }
}

void windows_finish(struct windows *windows)
{
    for (size_t i = 0; i < windows->count; i++) {
        window_doc_destroy(windows->items[i]);
    }
    free(windows->items);
    *windows = (struct windows){0};
}

/* ---- campaigns ---- */

bool windows_check(const struct windows *windows, const struct campaign_doc *campaign,
                   struct diag_list *diags)
{
    const struct spec_schedule *schedule = &campaign->spec.schedule;
    const struct schedule_names names = names_of(windows);
    bool all = true;
    for (size_t i = 0; i < schedule->blackout_count; i++) {
        const char *name = schedule->blackouts[i].window;
        if (name == NULL || schedule_named(&names, name) != NULL) {
            continue;
        }
        char path[64];
        snprintf(path, sizeof(path), "spec.schedule.blackouts[%zu].window", i);
        struct diag_place place = config_place(&campaign->doc, path);
        diag_error(diags, &place,
                   "the daemon has no Window '%s': put its file into the folder windows "
                   "beside the daemon's own, and restart it",
                   name);
        all = false;
    }
    return all;
}

int windows_resolve_between(const struct windows *windows,
                            const struct spec_schedule *schedule,
                            struct calendar_span between, struct schedule_spans *spans,
                            struct engine_windows *resolved)
{
    *resolved = (struct engine_windows){.until = UTC_NEVER};
    if (!schedule_is_restricted(schedule)) {
        return FUO_OK;
    }
    const struct schedule_names names = names_of(windows);
    int err = schedule_spans(schedule, &names, between.start, between.end, spans);
    if (err == FUO_OK) {
        resolved->spans = spans->spans;
        resolved->count = spans->count;
        resolved->until = spans->until;
    }
    return err;
}

int windows_resolve(const struct windows *windows, const struct spec_schedule *schedule,
                    struct utc now, struct schedule_spans *spans,
                    struct engine_windows *resolved)
{
    const struct calendar_span between = {utc_after(now, -WINDOWS_BACK_US),
                                          utc_after(now, WINDOWS_AHEAD_US)};
    return windows_resolve_between(windows, schedule, between, spans, resolved);
}
