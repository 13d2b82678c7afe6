/* SPDX-License-Identifier: MIT */
#include "loop/internal.h"

#include <assert.h>
#include <string.h>

#include "loop/doctor.h"
#include "loop/gateway_airtime.h"
#include "plugin/host.h"

#define LOG_MODULE "fleet"
#include "io/log.h"

/* A broker keeps uplinks for us for a day; beyond that, and in the future, a clock lies. */
#define UPLINK_AGE_MAX_US   HOURS_US(25)
#define UPLINK_AHEAD_MAX_US HOURS_US(1)

static_assert((int)FUO_DR_UNKNOWN == (int)ENGINE_DR_UNKNOWN, "a data rate is passed on");
static_assert((int)FUO_REPORT_SIZE == (int)RECORD_REPORT_SIZE, "so is a text");

/* What devices do at which time is learned from this: a wrong time would poison it. */
static bool time_is_plausible(struct daemon *d, const struct fuo_event *from)
{
    int64_t age_us = clock_utc(&d->clock).us - from->uplink.received_us;
    if (age_us <= UPLINK_AGE_MAX_US && age_us >= -UPLINK_AHEAD_MAX_US) {
        return true;
    }
    if (d->implausible_uplinks++ == 0) {
        log_warn("ignored: an uplink from another time; the clock of a gateway, a server "
                 "or this machine is wrong (more of this kind is only counted) "
                 "dev_eui=%016llx age_s=%lld",
                 (unsigned long long)from->uplink.dev_eui,
                 (long long)(age_us / SECONDS_US(1)));
    }
    return false;
}

/* What versionDecoder found in it: the version that the device runs, as a report of it. */
static void take_decoded(struct daemon *d, const struct fuo_event *from)
{
    struct engine_event event = {
        .type = ENGINE_EV_REPORTED,
        .reported = {.dev_eui = from->uplink.dev_eui},
    };
    memcpy(event.reported.firmware_version, from->uplink.version, FUO_REPORT_SIZE);
    driver_feed(d->driver, &event);
}

static void take_uplink(struct daemon *d, const struct fuo_event *from)
{
    struct engine_rx rx[ENGINE_RX_MAX];
    size_t count =
        from->uplink.rx_count < ENGINE_RX_MAX ? from->uplink.rx_count : ENGINE_RX_MAX;
    for (size_t i = 0; i < count; i++) {
        rx[i] = (struct engine_rx){
            .gateway = from->uplink.rx[i].gateway,
            .snr_cdb = from->uplink.rx[i].snr_cdb,
        };
        gateways_note(&d->gateways, rx[i].gateway,
                      (struct utc){from->uplink.received_us});
    }
    struct engine_event event = {
        .type = ENGINE_EV_UPLINK,
        .uplink = {.dev_eui = from->uplink.dev_eui,
                   .f_cnt = from->uplink.f_cnt,
                   .received = {from->uplink.received_us},
                   .payload = from->uplink.payload,
                   .payload_len = from->uplink.payload_len,
                   .rx = rx,
                   .rx_count = count,
                   .frequency_hz = from->uplink.frequency_hz,
                   .dr = from->uplink.dr,
                   .fport = from->uplink.fport,
                   .server_clock = from->uplink.server_clock},
    };
    d->uplinks++;
    driver_feed(d->driver, &event);
    if (from->uplink.version[0] != '\0') {
        take_decoded(d, from);
    }
    health_report_backlog(d);
}

static void take_result(struct daemon *d, const struct fuo_event *from)
{
    struct request request;
    struct engine_event event = {0};
    if (!requests_take(&d->requests, from->result.id, &request)) {
        return;
    }
    switch (request.kind) {
    case REQUEST_SEND:
        event.type = ENGINE_EV_SEND_RESULT;
        event.send_result.id = request.id;
        event.send_result.dev_eui = request.dev_eui;
        event.send_result.err = from->result.err;
        break;
    case REQUEST_GROUP_CLOSE:
        event.type = ENGINE_EV_GROUP;
        event.group.transmission_id = request.transmission_id;
        event.group.lane = request.lane;
        event.group.err = from->result.err;
        break;
    case REQUEST_MULTICAST:
        event.type = ENGINE_EV_MC_RESULT;
        event.mc_result.transmission_id = request.transmission_id;
        event.mc_result.lane = request.lane;
        event.mc_result.err = from->result.err;
        event.mc_result.f_cnt = from->result.f_cnt;
        break;
    case REQUEST_PROBE:
        doctor_probed(d, request.fleet_id, from->result.err);
        return;
    case REQUEST_AIRTIME:
        gateway_airtime_answered(d, request.fleet_id, from->result.err);
        return;
    case REQUEST_SEND_FLUSH:
    case REQUEST_GROUP_OPEN:
    case REQUEST_QUEUE_POLL:
        return;
    }
    driver_feed(d->driver, &event);
}

static void take_fate(struct daemon *d, const struct fuo_event *from)
{
    enum engine_fate fate = ENGINE_FATE_REFUSED;
    switch (from->fate.fate) {
    case FUO_FATE_SENT:
        fate = ENGINE_FATE_SENT;
        break;
    case FUO_FATE_EXPIRED:
        fate = ENGINE_FATE_EXPIRED;
        break;
    case FUO_FATE_REFUSED:
        break;
    }
    struct engine_event event = {
        .type = ENGINE_EV_SEND_FATE,
        .send_fate = {.id = from->fate.id,
                      .dev_eui = from->fate.dev_eui,
                      .fate = fate,
                      .gateway = from->fate.gateway,
                      .frequency_hz = from->fate.frequency_hz,
                      .dr = from->fate.frequency_hz != 0 ? from->fate.dr
                                                         : ENGINE_DR_UNKNOWN,
                      .aired = from->fate.aired},
    };
    driver_feed(d->driver, &event);
}

static enum engine_aired aired_of(enum fuo_aired status)
{
    switch (status) {
    case FUO_AIRED_SENT:
        return ENGINE_AIRED_SENT;
    case FUO_AIRED_NO_BUDGET:
        return ENGINE_AIRED_NO_BUDGET;
    case FUO_AIRED_NO_TIME:
        return ENGINE_AIRED_NO_TIME;
    case FUO_AIRED_REFUSED:
        break;
    }
    return ENGINE_AIRED_REFUSED;
}

static void take_aired(struct daemon *d, uint32_t fleet_id, const struct fuo_event *from)
{
    struct engine_event event = {
        .type = ENGINE_EV_AIRED,
        .aired = {.fleet_id = fleet_id,
                  .address = from->aired.address,
                  .gateway = from->aired.gateway,
                  .frequency_hz = from->aired.frequency_hz,
                  .f_cnt = from->aired.f_cnt,
                  .dr = from->aired.dr,
                  .phy_len = from->aired.phy_len,
                  .status = aired_of(from->aired.status)},
    };
    driver_feed(d->driver, &event);
}

static void take_gateway(struct daemon *d, uint32_t fleet_id,
                         const struct fuo_event *from)
{
    struct gateway_told told = {
        .at = clock_utc(&d->clock),
        .online = from->gateway.online,
        .given = from->gateway.counted ? from->gateway.tx_given : 0,
        .sent = from->gateway.counted ? from->gateway.tx_sent : 0};
    struct engine_event event = {
        .type = ENGINE_EV_GATEWAY,
        .gateway = {.fleet_id = fleet_id,
                    .gateway = from->gateway.gateway,
                    .online = from->gateway.online},
    };
    if (gateways_tell(&d->gateways, from->gateway.gateway, &told)) {
        driver_feed(d->driver, &event);
    }
}

static void take_airtime(struct daemon *d, uint32_t fleet_id,
                         const struct fuo_event *from)
{
    struct engine_event event = {
        .type = ENGINE_EV_AIRTIME,
        .airtime = {.fleet_id = fleet_id,
                    .gateway = from->airtime.gateway,
                    .min_hz = from->airtime.min_hz,
                    .max_hz = from->airtime.max_hz,
                    .used_ppm = from->airtime.used_ppm},
    };
    driver_feed(d->driver, &event);
}

static void take_of_gateway(struct daemon *d, uint32_t fleet_id,
                            const struct fuo_event *event)
{
    if (event->type == FUO_EV_AIRED) {
        take_aired(d, fleet_id, event);
    } else if (event->type == FUO_EV_GATEWAY) {
        take_gateway(d, fleet_id, event);
    } else {
        take_airtime(d, fleet_id, event);
    }
}

static void take_group(struct daemon *d, const struct fuo_event *from)
{
    struct request request;
    if (!requests_take(&d->requests, from->group.id, &request)) {
        return;
    }
    struct engine_event event = {
        .type = ENGINE_EV_GROUP,
        .group = {.transmission_id = request.transmission_id,
                  .lane = request.lane,
                  .err = from->group.err,
                  .group = from->group.err == FUO_OK ? from->group.group : NULL,
                  .f_cnt = from->group.f_cnt},
    };
    driver_feed(d->driver, &event);
}

static void take_queue(struct daemon *d, const struct fuo_event *from)
{
    struct request request;
    if (!requests_take(&d->requests, from->queue.id, &request)) {
        return;
    }
    struct engine_event event = {
        .type = ENGINE_EV_MC_QUEUE,
        .mc_queue = {.transmission_id = request.transmission_id,
                     .lane = request.lane,
                     .err = from->queue.err,
                     .frame_count = from->queue.frame_count,
                     .f_cnt = from->queue.f_cnt},
    };
    driver_feed(d->driver, &event);
}

static void take_status(struct daemon *d, const struct fuo_event *from)
{
    struct engine_event event = {
        .type = ENGINE_EV_STATUS,
        .status = {.dev_eui = from->status.dev_eui,
                   .margin_db = from->status.margin_db,
                   .has_battery = from->status.has_battery,
                   .battery_percent = from->status.battery_percent},
    };
    driver_feed(d->driver, &event);
}

static void take_reported(struct daemon *d, const struct fuo_event *from)
{
    struct engine_event event = {
        .type = ENGINE_EV_REPORTED,
        .reported = {.dev_eui = from->reported.dev_eui,
                     .fw = {.has_state = from->reported.has_state,
                            .has_result = from->reported.has_result,
                            .state = from->reported.state,
                            .result = from->reported.result},
                     .whole = from->reported.whole,
                     .has_battery = from->reported.has_battery,
                     .battery_percent = from->reported.battery_percent},
    };
    memcpy(event.reported.package_version, from->reported.package_version,
           FUO_REPORT_SIZE);
    memcpy(event.reported.firmware_version, from->reported.firmware_version,
           FUO_REPORT_SIZE);
    driver_feed(d->driver, &event);
}

static void take_ordered(struct daemon *d, const struct fuo_event *from)
{
    struct engine_event event = {
        .type = ENGINE_EV_SEND_RESULT,
        .send_result = {.id = from->ordered.id,
                        .dev_eui = from->ordered.dev_eui,
                        .err = from->ordered.err},
    };
    driver_feed(d->driver, &event);
}

static void take_progress(struct daemon *d, const struct fuo_event *from)
{
    uint64_t total = from->progress.total_bytes;
    struct engine_event event = {
        .type = ENGINE_EV_PROGRESS,
        .progress = {.dev_eui = from->progress.dev_eui,
                     .ppm = (uint32_t)(from->progress.done_bytes * (uint64_t)SPEC_PPM /
                                       (total > 0 ? total : 1)),
                     .mark = from->progress.mark},
    };
    driver_feed(d->driver, &event);
}

/* A server speaks for the devices of its own fleet only. */
static bool may_speak_for(const struct daemon *d, uint32_t fleet_id, uint64_t dev_eui)
{
    const struct device_rec *device = engine_device(d->engine, dev_eui);
    return device != NULL && device->fleet_id == fleet_id;
}

static void take_plausible(struct daemon *d, const struct fuo_event *event)
{
    if (time_is_plausible(d, event)) {
        take_uplink(d, event);
    }
}

void answers_take(struct daemon *d, uint32_t fleet_id, const struct fuo_event *event)
{
    if (scan_take(d, fleet_id, event)) {
        return;
    }
    switch (event->type) {
    case FUO_EV_UPLINK:
        if (may_speak_for(d, fleet_id, event->uplink.dev_eui)) {
            take_plausible(d, event);
        }
        break;
    case FUO_EV_RESULT:
        take_result(d, event);
        break;
    case FUO_EV_FATE:
        if (may_speak_for(d, fleet_id, event->fate.dev_eui)) {
            take_fate(d, event);
        }
        break;
    case FUO_EV_STATUS:
        if (may_speak_for(d, fleet_id, event->status.dev_eui)) {
            take_status(d, event);
        }
        break;
    case FUO_EV_REPORTED:
        if (may_speak_for(d, fleet_id, event->reported.dev_eui)) {
            take_reported(d, event);
        }
        break;
    case FUO_EV_ORDERED:
        if (may_speak_for(d, fleet_id, event->ordered.dev_eui)) {
            take_ordered(d, event);
        }
        break;
    case FUO_EV_ACCESSED:
        access_take(d, fleet_id, event);
        break;
    case FUO_EV_PROGRESS:
        if (may_speak_for(d, fleet_id, event->progress.dev_eui)) {
            take_progress(d, event);
        }
        break;
    case FUO_EV_AIRED:
    case FUO_EV_GATEWAY:
    case FUO_EV_AIRTIME:
        take_of_gateway(d, fleet_id, event);
        break;
    case FUO_EV_GROUP:
        take_group(d, event);
        break;
    case FUO_EV_QUEUE:
        take_queue(d, event);
        break;
    case FUO_EV_FINDING:
        doctor_found(d, fleet_id, event);
        break;
    case FUO_EV_DEVICE:
    case FUO_EV_LISTED:
        break;
    }
}
