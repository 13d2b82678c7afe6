/* SPDX-License-Identifier: MIT */
#include "loop/view.h"

#include "loop/render.h"

const struct transmission_rec *view_session(const struct engine *engine,
                                            uint32_t campaign_id)
{
    const struct transmission_rec *session =
        engine_transmission_latest(engine, campaign_id);
    return session != NULL && session->phase != TX_ENDED ? session : NULL;
}

struct json_object *view_left_out(const struct campaign_left_out *left_out)
{
    struct render_campaign campaign = {
        .rec = &left_out->rec,
        .counts = &left_out->counts,
        .fleet = left_out->fleet,
        .version = "",
        .digest = "",
    };
    return render_campaign(&campaign);
}

struct json_object *view_campaign(const struct engine *engine,
                                  const struct campaign_rec *rec,
                                  const struct campaign_entry *entry)
{
    struct campaign_counts counts;
    engine_campaign_counts(engine, rec->id, &counts);
    struct render_campaign campaign = {
        .rec = rec,
        .counts = &counts,
        .fleet = entry != NULL ? entry->fleet : "",
        .version = entry != NULL ? entry->doc->spec.image.version : "",
        .digest = entry != NULL ? entry->digest : "",
        .session = view_session(engine, rec->id),
    };
    if (campaign.session != NULL) {
        campaign.session_members =
            engine_transmission_devices(engine, campaign.session->id, NULL, 0);
    }
    return render_campaign(&campaign);
}
