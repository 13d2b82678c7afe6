/* SPDX-License-Identifier: MIT */
/*
 * update.c - which request is next: an order's way over Object 5 (lwm2m.md 1.2, 3.3).
 *
 * Before anything is written the device is read: /5/0 and /3/0/3, one right behind the other,
 * which is what FUO_EV_REPORTED tells as a whole. What is there already is adopted if it was
 * fetched from the same place, else reset. A request that nobody answered says nothing of
 * whether it was carried out, so after one the device is read again. Orders wait for a
 * device that cannot be reached.
 */
#include "lwm2m.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"

enum {
    STATE_IDLE = 0,
    STATE_DOWNLOADING = 1,
    STATE_DOWNLOADED = 2,
    STATE_UPDATING = 3,
    RESULT_LAST = 13, /* of 33629; Object 5 has 11 */
    RESETS_MAX = 3,
    WISHES = 2,
};

#define SILENCE_US (60 * SECOND_US) /* a device that did not answer is left alone */

static const uint8_t nul[1] = {0};

void update_answer_order(struct fuo_ns *ns, struct peer *p, int err)
{
    if (p->ordered) {
        struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_ORDERED};
        p->ordered = false;
        event.ordered.id = p->order.id;
        event.ordered.dev_eui = p->eui;
        event.ordered.err = err;
        ns_event(ns, &event);
    }
}

/* ---- requests ---- */

/* From where nobody ever answered: not before it speaks again. */
static void leave_alone(const struct fuo_ns *ns, struct peer *p, enum step step)
{
    p->silent_until_us = p->verified ? ns->now_us + SILENCE_US : NEVER_US;
    p->wants_observe |= step == STEP_OBSERVE;
    p->wants_read |= step == STEP_FIRMWARE || step == STEP_DEVICE;
}

void update_ask(struct fuo_ns *ns, struct peer *p, const struct talk *talk)
{
    if (talk_send(ns, p, talk) != FUO_OK) {
        leave_alone(ns, p, talk->step);
    }
}

/* What it answers reads in: TLV, which those of 1.0 have, unless it says that it has none. */
static int read_format(const struct peer *p)
{
    if (p->formats == 0 || (p->formats & HAS_TLV) != 0) {
        return FORMAT_TLV;
    }
    if ((p->formats & HAS_SENML_CBOR) != 0) {
        return FORMAT_SENML_CBOR;
    }
    return (p->formats & HAS_SENML_JSON) != 0 ? FORMAT_SENML_JSON : FORMAT_JSON;
}

/* After 4.06; false: there is no other one. */
static bool other_format(struct peer *p)
{
    switch (read_format(p)) {
    case FORMAT_TLV:
        p->formats = HAS_SENML_CBOR | HAS_SENML_JSON | HAS_JSON;
        return true;
    case FORMAT_SENML_CBOR:
        p->formats = HAS_SENML_JSON | HAS_JSON;
        return true;
    case FORMAT_SENML_JSON:
        p->formats = HAS_JSON;
        return true;
    default:
        return false;
    }
}

static void read_firmware(struct fuo_ns *ns, struct peer *p)
{
    bool observe = p->wants_observe;
    p->wants_observe = false;
    p->wants_read = false;
    const struct talk talk = {
        .step = observe ? STEP_OBSERVE : STEP_FIRMWARE,
        .method = COAP_REQUEST_CODE_GET,
        .path = "5/0",
        .format = -1,
        .accept = read_format(p),
        .observe = observe,
    };
    update_ask(ns, p, &talk);
}

static void read_version(struct fuo_ns *ns, struct peer *p)
{
    const struct talk talk = {.step = STEP_DEVICE,
                              .method = COAP_REQUEST_CODE_GET,
                              .path = "3/0/3",
                              .format = -1,
                              .accept = -1};
    update_ask(ns, p, &talk);
}

void update_write_uri(struct fuo_ns *ns, struct peer *p, enum step step, const char *text)
{
    const struct talk talk = {.step = step,
                              .method = COAP_REQUEST_CODE_PUT,
                              .path = "5/0/1",
                              .payload = (const uint8_t *)text,
                              .payload_len = strlen(text),
                              .format = FORMAT_TEXT,
                              .accept = -1};
    update_ask(ns, p, &talk);
}

static void write_nul(struct fuo_ns *ns, struct peer *p)
{
    const struct talk talk = {.step = STEP_NO_IMAGE,
                              .method = COAP_REQUEST_CODE_PUT,
                              .path = "5/0/0",
                              .payload = nul,
                              .payload_len = sizeof(nul),
                              .format = FORMAT_OCTETS,
                              .accept = -1};
    update_ask(ns, p, &talk);
}

static void write_number(struct fuo_ns *ns, struct peer *p, enum step step,
                         const char *path, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", (unsigned)number);
    const struct talk talk = {.step = step,
                              .method = COAP_REQUEST_CODE_PUT,
                              .path = path,
                              .payload = (const uint8_t *)text,
                              .payload_len = strlen(text),
                              .format = FORMAT_TEXT,
                              .accept = -1};
    update_ask(ns, p, &talk);
}

static void read_radio(struct fuo_ns *ns, struct peer *p)
{
    const struct talk talk = {.step = STEP_RADIO,
                              .method = COAP_REQUEST_CODE_GET,
                              .path = "4/0",
                              .format = -1,
                              .accept = read_format(p)};
    update_ask(ns, p, &talk);
}

static void execute(struct fuo_ns *ns, struct peer *p, enum step step, const char *path)
{
    const struct talk talk = {.step = step,
                              .method = COAP_REQUEST_CODE_POST,
                              .path = path,
                              .format = -1,
                              .accept = -1};
    update_ask(ns, p, &talk);
}

void update_ends(struct fuo_ns *ns, struct peer *p, int err)
{
    p->wants_read = true; /* it may say why */
    update_answer_order(ns, p, err);
}

/* ---- orders ---- */

/* One way after the other to State 0; lwm2m.md 3.3 (9). */
static void reset(struct fuo_ns *ns, struct peer *p)
{
    p->order_read = false;
    uint8_t no = p->resets++;
    if (no == 0 && p->cancels) {
        execute(ns, p, STEP_CANCEL, "5/0/10");
    } else if (no <= 1) {
        update_write_uri(ns, p, STEP_NO_URI, "");
    } else if (no < RESETS_MAX && p->record.state == STATE_DOWNLOADED) {
        write_nul(ns, p);
    } else {
        update_answer_order(ns, p, FUO_EPERM);
    }
}

static void deliver(struct fuo_ns *ns, struct peer *p)
{
    const struct record *r = &p->record;
    struct places places;
    if (p->paced_us != 0) {
        bring_block(ns, p);
        return;
    }
    if (cells_wants(ns, p)) {
        read_radio(ns, p);
        return;
    }
    int err = bring_find(ns, p, &places);
    if (err != FUO_OK || !r->has_state) {
        update_answer_order(ns, p, err != FUO_OK ? err : FUO_EPROTO);
        return;
    }
    bool there = r->state == STATE_DOWNLOADING || r->state == STATE_DOWNLOADED;
    if (r->state == STATE_DOWNLOADING) {
        cells_enter(ns, p); /* it has begun, full or not */
    }
    if ((there && bring_is_told(r, &places)) ||
        (r->state == STATE_DOWNLOADED && bring_is_pushed(ns, p))) {
        if (r->state == STATE_DOWNLOADING && p->look_wait_us == 0) {
            look_after(ns, p, LOOK_QUIET_US); /* it began before a restart of ours */
        }
        update_answer_order(ns, p, FUO_OK);
    } else if (r->state == STATE_DOWNLOADING && bring_goes_on(ns, p)) {
        return;
    } else if (r->state == STATE_IDLE) {
        bring_begin(ns, p, &places);
    } else if (there) {
        reset(ns, p);
    } else {
        update_answer_order(ns, p,
                            FUO_EAGAIN); /* it is updating, or in a State of its own */
    }
}

/* What its user may do; true: it is being told. Who does not take that is told no more. */
static bool tell_wishes(struct fuo_ns *ns, struct peer *p)
{
    const struct config *c = ns->config;
    if (c->severity[0] == '\0' || !p->cancels || p->wishes >= WISHES) {
        return false;
    }
    if (p->wishes++ == 0) {
        uint32_t severity = c->severity[0] == 'c' ? 0 : c->severity[0] == 'm' ? 1 : 2;
        write_number(ns, p, STEP_SEVERITY, "5/0/11", severity);
    } else {
        write_number(ns, p, STEP_DEFER, "5/0/13",
                     (uint32_t)(c->max_defer_us / SECOND_US));
    }
    return true;
}

static void install(struct fuo_ns *ns, struct peer *p)
{
    if (p->record.state == STATE_DOWNLOADED && tell_wishes(ns, p)) {
        return;
    }
    if (p->record.state == STATE_DOWNLOADED) {
        execute(ns, p, STEP_EXECUTE, "5/0/2");
    } else {
        update_answer_order(ns, p,
                            p->record.state == STATE_UPDATING ? FUO_OK : FUO_EPERM);
    }
}

static void cancel(struct fuo_ns *ns, struct peer *p)
{
    bool there =
        p->record.state == STATE_DOWNLOADING || p->record.state == STATE_DOWNLOADED;
    if (there) {
        reset(ns, p);
    } else {
        update_answer_order(ns, p, p->record.state == STATE_IDLE ? FUO_OK : FUO_EPERM);
    }
}

static void go_on(struct fuo_ns *ns, struct peer *p)
{
    switch (p->order.type) {
    case FUO_ORDER_READ:
        update_answer_order(ns, p, FUO_OK);
        return;
    case FUO_ORDER_DELIVER:
        deliver(ns, p);
        return;
    case FUO_ORDER_INSTALL:
        install(ns, p);
        return;
    case FUO_ORDER_CANCEL:
        cancel(ns, p);
        return;
    }
}

static bool can_be_asked(const struct fuo_ns *ns, const struct peer *p)
{
    return p->session != NULL && p->step == STEP_NONE && p->awake_until_us > ns->now_us &&
           p->silent_until_us <= ns->now_us;
}

/* What it is asked first; false: nothing can be, or is to be, now. An order may end without
 * a request: then the next thing is looked at. */
static bool ask_next(struct fuo_ns *ns, struct peer *p)
{
    bool reads = p->wants_observe || p->wants_read || (p->ordered && !p->order_read);
    if (!p->verified && p->accesses != NULL && !(reads && p->firmware)) {
        read_version(ns, p); /* whatever it answers shows that it is there */
        return false;
    }
    if (p->verified && access_next(ns, p)) {
        return false;
    }
    if (reads && p->firmware) {
        read_firmware(ns, p);
    } else if (reads && p->ordered) {
        update_answer_order(ns, p, FUO_ENOTSUP);
    } else if (reads) {
        p->wants_observe = p->wants_read = false;
    } else if (p->ordered) {
        go_on(ns, p);
        return !p->ordered; /* else its cell is full, or it has been asked */
    } else {
        return false;
    }
    return true;
}

void update_next(struct fuo_ns *ns, struct peer *p)
{
    while (can_be_asked(ns, p) && ask_next(ns, p)) {
    }
}

void update_drop(struct fuo_ns *ns, struct peer *p)
{
    update_answer_order(ns, p, FUO_EAGAIN);
}

void update_order(struct fuo_ns *ns, struct peer *p, const struct fuo_order *order)
{
    update_drop(ns, p);
    p->order = *order;
    p->ordered = true;
    p->order_read = false;
    p->resets = 0;
    p->wishes = 0;
    p->queued_us = 0;
    p->paced_us = 0;
    p->radio_known = p->radio_known && p->loads; /* signals change */
    if (order->type == FUO_ORDER_DELIVER) {
        p->image = order->image;
        p->told_permille = 0;
    } else if (order->type == FUO_ORDER_CANCEL) {
        p->image = 0;
        p->upload_image = 0;
    }
    ns_due(ns, p);
}

/* ---- what it says ---- */

static void tell(struct fuo_ns *ns, const struct peer *p)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_REPORTED};
    const struct record *r = &p->record;
    event.reported.dev_eui = p->eui;
    event.reported.has_state = r->has_state;
    event.reported.has_result = r->has_result;
    event.reported.state = r->state;
    event.reported.result = r->result;
    memcpy(event.reported.package_version, p->versions->package, FUO_REPORT_SIZE);
    memcpy(event.reported.firmware_version, p->versions->firmware, FUO_REPORT_SIZE);
    event.reported.whole = true;
    ns_event(ns, &event);
}

static void forget_versions(struct peer *p)
{
    free(p->versions);
    p->versions = NULL;
}

/* Whether it is one of those in its cell that are being brought an image. */
static void note_load(struct fuo_ns *ns, struct peer *p)
{
    if (p->record.state == STATE_DOWNLOADING && p->image != 0) {
        cells_enter(ns, p);
    } else {
        cells_leave(ns, p);
    }
}

/* Idle without a Result it has not begun yet. */
static void note_look(struct peer *p)
{
    const struct record *r = &p->record;
    bool waits = r->state == STATE_IDLE && !(r->has_result && r->result != 0);
    if (r->state != STATE_DOWNLOADING && !waits) {
        look_end(p);
    }
}

/* It is kept as it is, and said once, however often the device says it. */
static void note_odd(struct fuo_ns *ns, struct peer *p)
{
    const struct record *r = &p->record;
    bool odd = (r->has_state && r->state > STATE_UPDATING) ||
               (r->has_result && r->result > RESULT_LAST);
    if (odd && !p->odd) {
        p->odd = true;
        ns_log(
            ns, FUO_LOG_WARN,
            "%s says State %u and Update Result %u, which Object 5 does not have; it is "
            "not said again of this device",
            p->endpoint, (unsigned)r->state, (unsigned)r->result);
    }
}

static void took_firmware(struct fuo_ns *ns, struct peer *p, const struct answer *a)
{
    bool content = a->code == COAP_RESPONSE_CODE_CONTENT;
    int err = FUO_EPERM;
    if (a->code == COAP_RESPONSE_CODE_NOT_ACCEPTABLE && other_format(p)) {
        p->wants_observe |= a->step == STEP_OBSERVE;
        p->wants_read = true;
        return;
    }
    forget_versions(p);
    p->versions = calloc(1, sizeof(*p->versions));
    if (content) {
        err = p->versions != NULL ? record_read_firmware(&p->record, p->versions, a)
                                  : FUO_ENOMEM;
    }
    if (err == FUO_OK && p->record.has_state) {
        note_load(ns, p);
        note_look(p);
    }
    if (err == FUO_OK) {
        note_odd(ns, p);
        read_version(ns, p);
        return;
    }
    if (content) {
        ns->base.ops->reject(ns->base.host, "answer to a read of /5/0");
    }
    forget_versions(p);
    update_answer_order(ns, p, err);
}

static void took_version(struct fuo_ns *ns, struct peer *p, const struct answer *a)
{
    if (p->versions == NULL) {
        p->wants_read = true; /* its registration has ended in between */
        return;
    }
    if (a->code == COAP_RESPONSE_CODE_CONTENT &&
        record_read_device(p->versions, a) != FUO_OK) {
        ns->base.ops->reject(ns->base.host, "answer to a read of /3/0/3");
    }
    p->order_read = true;
    tell(ns, p);
    forget_versions(p);
}

static void took_radio(struct fuo_ns *ns, struct peer *p, const struct answer *a)
{
    struct radio radio;
    if (a->code == COAP_RESPONSE_CODE_NOT_ACCEPTABLE && other_format(p)) {
        return; /* it is asked again */
    }
    bool said = a->code == COAP_RESPONSE_CODE_CONTENT;
    if (said && record_read_radio(&radio, a) != FUO_OK) {
        ns->base.ops->reject(ns->base.host, "answer to a read of /4/0");
        said = false;
    }
    cells_take(ns, p, said ? &radio : NULL);
}

/* The request was answered; what follows is that the device is read again, or asked more. */
static void took(struct fuo_ns *ns, struct peer *p, const struct answer *a)
{
    bool done = a->code == COAP_RESPONSE_CODE_CHANGED;
    switch (a->step) {
    case STEP_OBSERVE:
    case STEP_FIRMWARE:
        took_firmware(ns, p, a);
        return;
    case STEP_DEVICE:
        took_version(ns, p, a);
        return;
    case STEP_URI:
        if (done) {
            look_after(ns, p, LOOK_QUIET_US);
        }
        update_ends(ns, p, done ? FUO_OK : FUO_EPERM);
        return;
    case STEP_EXECUTE:
        update_ends(ns, p, done ? FUO_OK : FUO_EPERM);
        return;
    case STEP_PUSH:
        bring_pushed(ns, p, a);
        return;
    case STEP_RADIO:
        took_radio(ns, p, a);
        return;
    case STEP_SEVERITY:
    case STEP_DEFER:
    case STEP_CANCEL:
    case STEP_NO_URI:
    case STEP_NO_IMAGE:
    case STEP_ACCESS:
    case STEP_NONE:
        return; /* the State says what came of it */
    }
}

void update_answer(struct fuo_ns *ns, struct peer *p, const struct answer *a)
{
    if (a->step == STEP_ACCESS) {
        access_answer(ns, p, a);
        ns_due(ns, p);
        return;
    }
    if (a->code == COAP_EMPTY_CODE) {
        leave_alone(ns, p, a->step);
        p->awake_until_us = p->queue ? 0 : p->awake_until_us;
        p->order_read = false;
        return;
    }
    took(ns, p, a);
    ns_due(ns, p);
}

void update_notified(struct fuo_ns *ns, struct peer *p)
{
    p->wants_read = true; /* State and Result together, and what runs */
    ns_due(ns, p);
}

void update_awake(struct fuo_ns *ns, struct peer *p)
{
    p->awake_until_us = p->queue ? ns->now_us + ns->config->awake_us : NEVER_US;
    p->silent_until_us = 0;
}

void update_fetched(struct fuo_ns *ns, struct peer *p)
{
    update_awake(ns, p);
    p->unanswered = 0; /* it is there, though it may be too busy to answer */
    p->expires_us = ns->now_us + p->lifetime_us > p->expires_us
                        ? ns->now_us + p->lifetime_us
                        : p->expires_us; /* busy clients do not update */
}

void update_heard(struct fuo_ns *ns, struct peer *p)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_REPORTED};
    event.reported.dev_eui = p->eui;
    ns_event(ns, &event);
    talk_heard(ns, p);
    p->unanswered = 0;
    update_awake(ns, p);
    ns_due(ns, p);
}
