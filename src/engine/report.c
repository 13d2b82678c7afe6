/* SPDX-License-Identifier: MIT */
#include "engine/report.h"

#include <string.h>

#include "base/hex.h"

static struct fw_view view_of(const struct member *m)
{
    return (struct fw_view){
        .status = {m->rec.state, m->rec.result},
        .source = m->rec.source,
        .begun = m->reports,
        .waiting = m->waits_for_result,
    };
}

static void put_view(struct member *m, const struct fw_view *view)
{
    struct campaign *c = m->campaign;
    c->counts.by_state[m->rec.state]--;
    c->counts.by_state[view->status.state]++;
    m->rec.state = view->status.state;
    m->rec.result = view->status.result;
    m->rec.source = view->source;
    m->reports = view->begun;
    m->waits_for_result = view->waiting;
}

/* Of the campaign, so that there is one however many devices are at odds. */
static void tell_conflict(struct engine *e, const struct member *m)
{
    static const char before[] = "device ";
    static const char after[] =
        " reports another State or Update Result than its answers say";
    char text[sizeof(before) + 16 + sizeof(after)];
    uint8_t eui[8];
    for (size_t i = 0; i < sizeof(eui); i++) {
        eui[i] = (uint8_t)(m->rec.dev_eui >> (56 - 8 * i));
    }
    memcpy(text, before, sizeof(before));
    hex_encode(eui, sizeof(eui), text + sizeof(before) - 1);
    memcpy(text + sizeof(before) - 1 + 16, after, sizeof(after));
    campaign_alert(e, m->campaign, text);
}

bool report_infer(struct engine *e, struct member *m, enum fw_evidence seen)
{
    struct fw_view view = view_of(m);
    switch (fw_infer(&view, seen)) {
    case FW_TAKEN:
    case FW_TAKEN_AGAINST:
        put_view(m, &view);
        return true;
    case FW_KEPT_AGAINST:
        tell_conflict(e, m);
        break;
    case FW_SAME:
    case FW_KEPT:
    case FW_WAITING:
    case FW_IMPOSSIBLE:
        break;
    }
    return false;
}

void member_seen(struct engine *e, struct member *m, enum fw_evidence seen)
{
    if (report_infer(e, m, seen)) {
        member_fw_changed(e, m);
    }
}
