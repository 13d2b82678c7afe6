/* SPDX-License-Identifier: MIT */
/* Pushes of the application (lorawan-stack pkg/networkserver/grpc_asns.go). */
#include <stdlib.h>
#include <string.h>

#include "sim/tts_internal.h"

#define NS "pkg/networkserver"
#define AS "pkg/applicationserver"

enum {
    INVALID_ARGUMENT = 3,
    NOT_FOUND = 5,
    RESOURCE_EXHAUSTED = 8,
    FAILED_PRECONDITION = 9,
    AIR_PAYLOAD_MAX = 242, /* of the best data rate */
    SOONEST_MS = 2500,     /* half of absoluteTimeSchedulingDelay */
};

const struct tts_error tts_error_too_long = {
    NS, "application_downlink_too_long",
    "application downlink payload length `{length}` exceeds maximum '{max}'",
    INVALID_ARGUMENT};
const struct tts_error tts_error_expired = {
    NS, "downlink_expired", "queued downlink is expired", FAILED_PRECONDITION};
const struct tts_error tts_error_absolute_time = {
    NS, "absolute_time", "invalid absolute time set in application downlink",
    INVALID_ARGUMENT};
const struct tts_error tts_error_fixed_paths = {
    NS, "fixed_paths", "invalid fixed paths set in application downlink",
    INVALID_ARGUMENT};
static const struct tts_error error_confirmed = {
    NS, "confirmed_multicast_downlink", "confirmed downlink queued for multicast device",
    INVALID_ARGUMENT};
static const struct tts_error error_no_path = {NS, "no_downlink_path",
                                               "no downlink path available", NOT_FOUND};
static const struct tts_error error_not_found = {NS, "device_not_found",
                                                 "device not found", NOT_FOUND};
static const struct tts_error error_capacity = {NS, "downlink_queue_capacity",
                                                "downlink queue capacity exceeded",
                                                RESOURCE_EXHAUSTED};
static const struct tts_error error_no_port = {AS, "no_f_port", "no FPort",
                                               INVALID_ARGUMENT};
static const struct tts_error error_no_session = {
    AS, "no_device_session", "no device session; check device activation",
    FAILED_PRECONDITION};

/* Whom a push is for: one or the other. */
struct addressee {
    struct tts_virtual *multicast;
    struct cs_device *device;
};

static bool find(struct tts *tts, const char *id, struct addressee *to)
{
    size_t index;
    *to = (struct addressee){0};
    if (tts_device_number(tts, id, &index)) {
        to->device = &tts->cs->devices[index];
        return true;
    }
    struct tts_virtual *v = tts_virtual_find(tts, id);
    if (v == NULL || !v->in[TTS_REGISTRY_AS]) {
        return false;
    }
    to->multicast = v;
    return true;
}

/* ---- is it acceptable? ---- */

static const struct tts_error *refuse(const struct addressee *to,
                                      const struct tts_downlink *d, struct utc now)
{
    bool to_many = to->multicast != NULL;
    if (d->fport == 0) {
        return &error_no_port;
    }
    if (d->len > AIR_PAYLOAD_MAX) {
        return &tts_error_too_long;
    }
    if (to_many && d->confirmed) {
        return &error_confirmed;
    }
    if (to_many && d->path_count == 0) {
        return &error_no_path;
    }
    if (d->absolute_time.us < utc_after(now, MILLIS_US(SOONEST_MS)).us) {
        return &tts_error_expired;
    }
    return NULL;
}

static const struct tts_error *refuse_any(const struct addressee *to,
                                          const struct tts_push *push, struct utc now)
{
    size_t queued =
        to->multicast != NULL && !push->replace ? to->multicast->queue_len : 0;
    if (to->device != NULL && !to->device->active) {
        return &error_no_session;
    }
    if (to->multicast != NULL && !to->multicast->in[TTS_REGISTRY_NS]) {
        return &error_not_found;
    }
    if (queued + push->count > TTS_QUEUE_MAX) {
        return &error_capacity;
    }
    for (size_t i = 0; i < push->count; i++) {
        const struct tts_error *error = refuse(to, &push->downlinks[i], now);
        if (error != NULL) {
            return error;
        }
    }
    return NULL;
}

static void tell(struct tts *tts, const struct addressee *to,
                 const struct tts_downlink *d, const struct tts_error *error,
                 struct utc now)
{
    tts_tell(tts, &(struct tts_event){
                      .type = error != NULL ? TTS_EVENT_FAILED : TTS_EVENT_QUEUED,
                      .time = now,
                      .device = to->device,
                      .multicast = to->multicast,
                      .downlink = d,
                      .error = error,
                  });
}

/* ---- queueing ---- */

static struct tts_downlink *append(struct tts_downlink **list,
                                   const struct tts_downlink *d)
{
    struct tts_downlink *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    *copy = *d;
    copy->next = NULL;
    copy->item_id[0] = '\0';
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = copy;
    return copy;
}

/* The Application Server counts on, and higher if the Network Server says so. */
static uint32_t next_f_cnt(const struct tts_virtual *v)
{
    uint32_t next = v->as.last_a_f_cnt_down + 1;
    return v->ns.last_n_f_cnt_down >= next ? v->ns.last_n_f_cnt_down + 1 : next;
}

static int queue_multicast(struct tts_virtual *v, const struct tts_downlink *d,
                           const struct tts_downlink **queued)
{
    struct tts_downlink *copy = append(&v->queue, d);
    if (copy == NULL) {
        return FUO_ENOMEM;
    }
    v->queue_len++;
    copy->f_cnt = next_f_cnt(v);
    v->as.last_a_f_cnt_down = copy->f_cnt;
    *queued = copy;
    return FUO_OK;
}

/* What is for class B or C only stays where it is: the devices here are of class A. */
static int queue_class_a(struct tts *tts, struct cs_device *device,
                         const struct tts_downlink *d, const struct tts_downlink **queued)
{
    struct tts_downlink **list = &tts->queues[device->index];
    struct tts_downlink *copy = append(list, d);
    if (copy == NULL) {
        return FUO_ENOMEM;
    }
    copy->f_cnt = device->fcnt_down + (uint32_t)device->queue_len;
    struct cs_downlink down = {
        .dev_eui = device->dev_eui,
        .fport = d->fport,
        .confirmed = d->confirmed,
        .data = d->data,
        .len = d->len,
        .expires = UTC_NEVER,
    };
    int err = d->has_class_b_c ? FUO_OK : cs_enqueue(tts->cs, &down, copy->item_id);
    if (err != FUO_OK) {
        tts_unlink(list, copy);
        free(copy);
        return err;
    }
    *queued = copy;
    return FUO_OK;
}

static void empty(struct tts *tts, const struct addressee *to)
{
    if (to->multicast != NULL) {
        tts_mcast_drop_queue(to->multicast);
    } else if (cs_flush(tts->cs, to->device->dev_eui) == FUO_OK) {
        tts_list_free(&tts->queues[to->device->index]);
    }
}

static int queue_all(struct tts *tts, const struct addressee *to,
                     const struct tts_push *push, struct utc now)
{
    int err = FUO_OK;
    for (size_t i = 0; i < push->count && err == FUO_OK; i++) {
        const struct tts_downlink *queued = NULL;
        err = to->multicast != NULL
                  ? queue_multicast(to->multicast, &push->downlinks[i], &queued)
                  : queue_class_a(tts, to->device, &push->downlinks[i], &queued);
        if (err == FUO_OK) {
            tell(tts, to, queued, NULL, now);
        }
    }
    if (to->multicast != NULL) {
        tts_mcast_arm(to->multicast, now);
    }
    return err;
}

int tts_push(struct tts *tts, const struct tts_push *push, struct utc now,
             const struct tts_error **why)
{
    struct addressee to;
    if (!find(tts, push->device_id, &to)) {
        return FUO_ENOENT;
    }
    const struct tts_error *error = refuse_any(&to, push, now);
    if (error != NULL) {
        for (size_t i = 0; i < push->count; i++) {
            tell(tts, &to, &push->downlinks[i], error, now);
        }
        *why = error;
        return FUO_EINVAL;
    }
    if (push->replace) {
        empty(tts, &to);
    }
    return queue_all(tts, &to, push, now);
}

int tts_queue(const struct tts *tts, const char *device_id,
              const struct tts_downlink **queue)
{
    size_t index;
    const struct tts_virtual *v = tts_virtual_find(tts, device_id);
    if (tts_device_number(tts, device_id, &index)) {
        *queue = tts->queues[index];
        return FUO_OK;
    }
    if (v == NULL || !v->in[TTS_REGISTRY_NS] || !v->in[TTS_REGISTRY_AS]) {
        return FUO_ENOENT;
    }
    *queue = v->queue;
    return FUO_OK;
}
