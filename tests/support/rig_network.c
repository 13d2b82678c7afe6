/* SPDX-License-Identifier: MIT */
/* rig_network.c - what the simulated network tells, as events that wait to be fed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rig_internal.h"

static uint64_t id_of(const char *text)
{
    static const char prefix[] = "66756f74-6164-8000-"; /* see id_text() */
    if (text == NULL || strncmp(text, prefix, sizeof(prefix) - 1) != 0) {
        return 0;
    }
    char *end = NULL;
    uint64_t high = strtoull(text + sizeof(prefix) - 1, &end, 16);
    return *end == '-' ? high << 48 | strtoull(end + 1, NULL, 16) : 0;
}

struct rig_event *rig_new_event(struct rig *rig, enum engine_event_type type)
{
    if (rig->event_count == rig->event_cap) {
        rig->event_cap = rig->event_cap == 0 ? 64 : rig->event_cap * 2;
        rig->events = realloc(rig->events, rig->event_cap * sizeof(*rig->events));
        assert(rig->events != NULL);
    }
    struct rig_event *e = &rig->events[rig->event_count++];
    memset(e, 0, sizeof(*e));
    e->event.type = type;
    e->due = rig->now;
    return e;
}

void rig_delay(struct rig *rig, struct rig_event *e)
{
    e->due = utc_after(e->due, (int64_t)prng_below(&rig->faults.prng,
                                                   (uint64_t)rig->faults.late_us + 1));
}

static void on_up(struct rig *rig, const struct cs_event *event)
{
    const struct cs_device *d = event->device;
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_UPLINK);
    if (rig_fault(rig, rig->faults.late_ppm)) {
        rig_delay(rig, e);
    }
    e->event.uplink.dev_eui = d->dev_eui;
    e->event.uplink.received = d->rx_time;
    e->event.uplink.payload_len = d->rx_payload_len;
    memcpy(e->payload, d->rx_payload, d->rx_payload_len);
    e->event.uplink.fport = d->rx_fport;
    e->event.uplink.dr = rig->net.config.uplink_dr;
    e->event.uplink.frequency_hz = d->rx_frequency_hz;
    e->event.uplink.rx_count = d->rx_count;
    for (size_t i = 0; i < d->rx_count; i++) {
        e->rx[i].gateway = rig->net.gateway_euis[d->rx[i].gateway];
        e->rx[i].snr_cdb = (int16_t)(d->rx[i].snr_db * 100);
    }
}

static void on_event(void *ctx, const struct cs_event *event)
{
    struct rig *rig = ctx;
    if (event->type == CS_EVENT_UP) {
        uint32_t times = rig_fault(rig, rig->faults.lost_ppm)    ? 0
                         : rig_fault(rig, rig->faults.twice_ppm) ? 2
                                                                 : 1;
        while (times-- > 0) {
            on_up(rig, event);
        }
        return;
    }
    uint64_t id = id_of(event->queue_item_id);
    bool expired = event->type == CS_EVENT_LOG && event->code != NULL &&
                   strcmp(event->code, "EXPIRED") == 0;
    if (id == 0 || (event->type != CS_EVENT_TXACK && !expired)) {
        return;
    }
    if (rig_fault(rig, rig->faults.txack_ppm)) {
        return;
    }
    struct rig_event *e = rig_new_event(rig, ENGINE_EV_SEND_FATE);
    if (rig_fault(rig, rig->faults.txack_ppm)) {
        rig_delay(rig, e);
    }
    e->event.send_fate.id = id;
    e->event.send_fate.dev_eui = event->device->dev_eui;
    e->event.send_fate.gateway = expired ? 0 : rig->net.gateway_euis[event->gateway];
    e->event.send_fate.frequency_hz = event->frequency_hz;
    e->event.send_fate.dr = event->dr;
    e->event.send_fate.fate = expired ? ENGINE_FATE_EXPIRED : ENGINE_FATE_SENT;
}

static void on_frame(void *ctx, const struct air_frame *frame)
{
    rig_check_frame(ctx, frame);
}

static void on_installed(void *ctx, const struct device *device)
{
    rig_check_installed(ctx, device);
}

const struct network_sink rig_sink = {
    .frame = on_frame, .event = on_event, .installed = on_installed};
