/* SPDX-License-Identifier: MIT */
#include "sim/tts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/pingslot.h"
#include "sim/tts_internal.h"

enum {
    ID_LEN_MIN = 2,
};

/* ---- identifiers ---- */

void tts_device_id(size_t index, char id[static TTS_ID_SIZE])
{
    (void)snprintf(id, TTS_ID_SIZE, "sim-%05zu", index + 1);
}

void tts_gateway_id(size_t index, char id[static TTS_ID_SIZE])
{
    (void)snprintf(id, TTS_ID_SIZE, "sim-gateway-%zu", index + 1);
}

bool tts_device_number(const struct tts *tts, const char *id, size_t *index)
{
    char text[TTS_ID_SIZE];
    size_t number = strncmp(id, "sim-", 4) == 0 ? strtoul(id + 4, NULL, 10) : 0;
    if (number == 0 || number > tts->cs->device_count) {
        return false;
    }
    tts_device_id(number - 1, text);
    *index = number - 1;
    return strcmp(id, text) == 0;
}

/* Lower-case letters, digits, and single dashes inside. */
static bool id_is_sound(const char *id)
{
    size_t len = strnlen(id, TTS_ID_SIZE);
    if (len < ID_LEN_MIN || len == TTS_ID_SIZE) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool plain = (id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9');
        bool inside = i > 0 && i + 1 < len;
        if (!plain && !(id[i] == '-' && inside && id[i - 1] != '-')) {
            return false;
        }
    }
    return true;
}

/* ---- lists ---- */

void tts_unlink(struct tts_downlink **list, struct tts_downlink *downlink)
{
    while (*list != downlink) {
        list = &(*list)->next;
    }
    *list = downlink->next;
}

void tts_list_free(struct tts_downlink **list)
{
    while (*list != NULL) {
        struct tts_downlink *first = *list;
        *list = first->next;
        free(first);
    }
}

void tts_tell(struct tts *tts, const struct tts_event *event)
{
    tts->publish(tts->ctx, event);
}

/* ---- registries ---- */

struct tts_virtual *tts_virtual_find(const struct tts *tts, const char *id)
{
    struct tts_virtual *v = tts->virtuals;
    while (v != NULL && strcmp(v->id, id) != 0) {
        v = v->next;
    }
    return v;
}

static bool is_anywhere(const struct tts_virtual *v)
{
    return v->in[TTS_REGISTRY_IS] || v->in[TTS_REGISTRY_NS] || v->in[TTS_REGISTRY_AS];
}

static int find_or_make(struct tts *tts, const char *id, struct tts_virtual **found)
{
    size_t index;
    if (!id_is_sound(id) || tts_device_number(tts, id, &index)) {
        return FUO_EINVAL;
    }
    struct tts_virtual *v = tts_virtual_find(tts, id);
    if (v == NULL) {
        v = calloc(1, sizeof(*v));
        if (v == NULL) {
            return FUO_ENOMEM;
        }
        v->tts = tts;
        v->timer.fire = tts_mcast_fire;
        memcpy(v->id, id, strlen(id) + 1);
        v->next = tts->virtuals;
        tts->virtuals = v;
    }
    *found = v;
    return FUO_OK;
}

static void virtual_free(struct tts_virtual *v)
{
    tts_mcast_drop_queue(v);
    sim_timers_cancel(v->tts->cs->timers, &v->timer);
    aes_key_wipe(&v->ns.f_nwk_s_int_key);
    aes_key_wipe(&v->as.app_s_key);
    free(v);
}

int tts_is_create(struct tts *tts, const char *id, const struct tts_is_settings *settings)
{
    struct tts_virtual *v;
    int err = find_or_make(tts, id, &v);
    if (err != FUO_OK) {
        return err;
    }
    if (v->in[TTS_REGISTRY_IS]) {
        return FUO_EEXIST;
    }
    v->in[TTS_REGISTRY_IS] = true;
    v->is = *settings;
    return FUO_OK;
}

int tts_is_update(struct tts *tts, const char *id, const struct tts_is_settings *settings)
{
    struct tts_virtual *v = tts_virtual_find(tts, id);
    if (v == NULL || !v->in[TTS_REGISTRY_IS]) {
        return FUO_ENOENT;
    }
    v->is = *settings;
    return FUO_OK;
}

int tts_ns_set(struct tts *tts, const char *id, const struct tts_ns_settings *settings)
{
    struct tts_virtual *v;
    bool classed = settings->supports_class_b || settings->supports_class_c;
    if (!settings->multicast || !classed || !settings->has_session ||
        settings->ping_slot_periodicity > PINGSLOT_PERIODICITY_EXP_MAX ||
        settings->rx2_frequency_hz == 0 ||
        region_data_rate(tts->cs->config.region, settings->rx2_dr, DIRECTION_DOWN) ==
            NULL) {
        return FUO_EINVAL;
    }
    int err = find_or_make(tts, id, &v);
    if (err != FUO_OK) {
        return err;
    }
    tts_mcast_drop_queue(v);
    v->in[TTS_REGISTRY_NS] = true;
    v->ns = *settings;
    return FUO_OK;
}

int tts_as_set(struct tts *tts, const char *id, const struct tts_as_settings *settings)
{
    struct tts_virtual *v;
    int err = find_or_make(tts, id, &v);
    if (err != FUO_OK) {
        return err;
    }
    v->in[TTS_REGISTRY_AS] = true;
    v->as = *settings;
    return FUO_OK;
}

int tts_delete(struct tts *tts, enum tts_registry registry, const char *id)
{
    struct tts_virtual *v = tts_virtual_find(tts, id);
    if (v == NULL || !v->in[registry]) {
        return FUO_ENOENT;
    }
    v->in[registry] = false;
    if (registry == TTS_REGISTRY_NS) {
        tts_mcast_drop_queue(v);
        sim_timers_cancel(tts->cs->timers, &v->timer);
    }
    if (!is_anywhere(v)) {
        struct tts_virtual **link = &tts->virtuals;
        while (*link != v) {
            link = &(*link)->next;
        }
        *link = v->next;
        virtual_free(v);
    }
    return FUO_OK;
}

/* ---- what becomes of class A downlinks ---- */

static struct tts_downlink *by_item(const struct tts *tts, const struct cs_event *event)
{
    struct tts_downlink *d = tts->queues[event->device->index];
    while (d != NULL && strcmp(d->item_id, event->queue_item_id) != 0) {
        d = d->next;
    }
    return d;
}

static void end(struct tts *tts, const struct cs_event *event, struct tts_downlink *d)
{
    tts_unlink(&tts->queues[event->device->index], d);
    free(d);
}

static void take_fate(struct tts *tts, const struct cs_event *event)
{
    struct tts_downlink *d = event->queue_item_id != NULL ? by_item(tts, event) : NULL;
    struct tts_event told = {.time = event->time, .device = event->device, .downlink = d};
    if (d == NULL) {
        return; /* the gateway refused it: it stays, and the application hears nothing */
    }
    if (event->type == CS_EVENT_TXACK) {
        d->f_cnt = event->f_cnt_down;
        told.type = TTS_EVENT_SENT;
    } else if (event->type == CS_EVENT_ACK) {
        told.type = event->acknowledged ? TTS_EVENT_ACK : TTS_EVENT_NACK;
    } else {
        told.type = TTS_EVENT_FAILED; /* nothing else is dropped: nothing expires */
        told.error = &tts_error_too_long;
    }
    tts_tell(tts, &told);
    if (told.type != TTS_EVENT_SENT || !d->confirmed) {
        end(tts, event, d);
    }
}

void tts_take(struct tts *tts, const struct cs_event *event)
{
    struct tts_event told = {.time = event->time, .device = event->device};
    switch (event->type) {
    case CS_EVENT_UP:
        told.type = TTS_EVENT_UP;
        tts_tell(tts, &told);
        break;
    case CS_EVENT_JOIN:
        told.type = TTS_EVENT_JOIN;
        tts_tell(tts, &told);
        break;
    case CS_EVENT_TXACK:
    case CS_EVENT_ACK:
    case CS_EVENT_LOG:
        take_fate(tts, event);
        break;
    case CS_EVENT_STATUS:
        break; /* a property of the device, in no message */
    }
}

/* ---- set-up ---- */

int tts_init(struct tts *tts, struct cs *cs,
             void (*publish)(void *ctx, const struct tts_event *event), void *ctx)
{
    *tts = (struct tts){
        .cs = cs,
        .publish = publish,
        .ctx = ctx,
        .queues = calloc(cs->device_count + 1, sizeof(struct tts_downlink *)),
    };
    return tts->queues != NULL ? FUO_OK : FUO_ENOMEM;
}

void tts_free(struct tts *tts)
{
    for (size_t i = 0; tts->queues != NULL && i < tts->cs->device_count; i++) {
        tts_list_free(&tts->queues[i]);
    }
    while (tts->virtuals != NULL) {
        struct tts_virtual *v = tts->virtuals;
        tts->virtuals = v->next;
        virtual_free(v);
    }
    free(tts->queues);
    *tts = (struct tts){0};
}
