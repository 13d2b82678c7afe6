/* SPDX-License-Identifier: MIT */
/* apply_change.c - an edited file of a campaign that is under way: what may be changed is. */
#include <string.h>

#include "io/cleanup.h"
#include "loop/apply_internal.h"
#include "loop/intake_internal.h"

struct campaign_entry *apply_under_way(const struct application *a)
{
    const struct campaign_rec *rec =
        engine_campaign_by_name(a->d->engine, a->doc->spec.name);
    struct campaign_entry *entry =
        rec != NULL ? campaigns_find(&a->d->campaigns, rec->id) : NULL;
    bool other = entry != NULL &&
                 memcmp(entry->spec_digest, a->spec_digest, sizeof(a->spec_digest)) != 0;
    return other && !campaign_phase_is_final(rec->phase) ? entry : NULL;
}

/* Whether all that is not in the file is as it was. */
static bool files_are_same(const struct application *a,
                           const struct campaign_entry *entry)
{
    uint8_t digest[STORE_DIGEST_BYTES];
    AUTO_FREE char *deltas = deltas_all_digests(apply_deltas_sent(a));
    campaign_spec_digest(entry->doc, a->digest, deltas,
                         ctl_text(a->params, "devices_file"),
                         ctl_text(a->params, "exclude_devices_file"), digest);
    return memcmp(digest, entry->spec_digest, sizeof(digest)) == 0;
}

int apply_check_change(struct application *a, const struct campaign_entry *entry,
                       struct campaign_change *change)
{
    int err = campaign_change_find(entry->doc, a->doc, change, &a->diags);
    bool same = files_are_same(a, entry);
    if (!same) {
        apply_problem(a, "spec.image.file",
                      "the image, a delta or a list of devices is another one than when "
                      "the campaign was applied; give the file another metadata.name");
    }
    if (err != FUO_OK || !same) {
        apply_refuse(a, CTL_CONFLICT,
                     "the campaign is under way, and this of it cannot be changed");
    }
    return apply_verdict(a);
}

static void add_waiter(struct application *a, const struct campaign_entry *entry)
{
    struct waiter *waiter = commit_wait(a->d, a->connection, a->request_id);
    waiter->campaign_id = entry->id;
    waiter->applied = true;
    waiter->changed = true;
}

int apply_change(struct application *a, struct campaign_entry *entry)
{
    struct json_object *signatures = NULL;
    json_object_object_get_ex(a->params, "signatures", &signatures);
    struct intake_change change = {
        .connection = a->connection,
        .doc = a->doc,
        .path = ctl_text(a->params, "file"),
        .reason = ctl_text(a->params, "reason"),
        .yaml = a->yaml,
        .signatures = json_object_to_json_string_ext(signatures, JSON_C_TO_STRING_PLAIN),
        .spec_digest = a->spec_digest,
    };
    int code = apply_check_change(a, entry, &change.change);
    if (code != CTL_DONE) {
        return code;
    }
    if (driver_is_down(a->d->driver) || a->d->draining || commit_waiters_full(a->d)) {
        return ctl_fail(&a->error, CTL_INTERNAL,
                        "nothing can be changed now; try again later");
    }
    add_waiter(a, entry);
    intake_change_campaign(a->d, entry, &change);
    return CTL_DONE;
}
