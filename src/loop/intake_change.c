/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "loop/intake_internal.h"

/* The engine and others point to the campaign's own document: that stays where it is. */
static void swap_content(struct campaign_doc *a, struct campaign_doc *b)
{
    struct campaign_doc content = *a;
    *a = *b;
    *b = content;
}

static void store_change(struct daemon *d, const struct campaign_entry *entry,
                         const struct intake_change *change)
{
    struct store_source source = {
        .campaign_id = entry->id,
        .name = entry->doc->spec.name,
        .fleet = entry->fleets,
        .yaml = change->yaml,
        .signatures = change->signatures,
        .deltas = entry->deltas.text,
    };
    store_digest(entry->image, entry->image_len, source.image_digest);
    memcpy(source.spec_digest, entry->spec_digest, sizeof(source.spec_digest));
    store_batch_source(&d->rows, &source);
}

static void pause_or_resume(struct daemon *d, const struct campaign_entry *entry)
{
    bool paused = entry->doc->spec.paused;
    if (!paused && entry->untrusted) {
        return;
    }
    struct engine_event event = {
        .type = ENGINE_EV_CONTROL,
        .control = {.campaign_id = entry->id,
                    .verb = paused ? ENGINE_PAUSE : ENGINE_RESUME,
                    .reason = "spec.paused"},
    };
    driver_feed(d->driver, &event);
}

/* In one transaction with all that the engine makes of it: what is half stored would be taken for
 * the whole of it when the file is applied again. */
void intake_change_campaign(struct daemon *d, struct campaign_entry *entry,
                            const struct intake_change *change)
{
    driver_hold(d->driver);
    d->rows_tied = true;
    swap_content(entry->doc, change->doc);
    memcpy(entry->spec_digest, change->spec_digest, sizeof(entry->spec_digest));
    store_change(d, entry, change);
    const struct audit_action action = {
        .action = "change",
        .object = entry->doc->spec.name,
        .reason = change->reason,
        .detail = change->path,
    };
    audit_note(d, change->connection, &action);
    if (change->change.schedule) {
        windows_link_replace(d, entry);
    }
    if (change->change.paused) {
        pause_or_resume(d, entry);
    }
    driver_release(d->driver);
}
