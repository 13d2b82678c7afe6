/* SPDX-License-Identifier: MIT */
/*
 * access.c - what people ask of a device's objects: Create, Read, Update, Delete, Execute and
 * Notify (lwm2m.md 6.1), one request after the other, between those of updates.
 *
 * A payload is in the format that the device said it has; those that said nothing are tried
 * with TLV first, then SenML, as 4.06 and 4.15 ask for another. Answers are read in whatever
 * format they come. A device that sleeps, or is not registered, is waited for until the
 * request's time is over. An observation ends with its time, with the registration, or when
 * who asked is gone: a reset answers the next notification then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "codec/lwm2m_content.h"

enum {
    ACCESSES_MAX = 8, /* of a device, observations included */
    TEXT_SIZE = 256,
    OBJECT_FIRMWARE = 5,
    CLASS_SUCCESS = 2,
};

#define OVERTAKEN_US (128 * SECOND_US)

/* ---- telling ---- */

static void tell(struct fuo_ns *ns, const struct peer *p, const struct access *a, int err,
                 const char *text)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_ACCESSED};
    if (!a->dead && a->watch == WATCH_NONE) {
        event.accessed.id = a->id;
        event.accessed.dev_eui = p->eui;
        event.accessed.err = err;
        event.accessed.text = text;
        ns_event(ns, &event);
    }
}

/* Out of the list that it is in. */
static void drop(struct access **list, struct access *a)
{
    while (*list != a) {
        list = &(*list)->next;
    }
    *list = a->next;
    free(a);
}

/* A read of what that observation told in part. */
static bool refreshes(const struct access *a, const struct access *observed)
{
    return a->refreshes && a->id == observed->id && a->watch == observed->watch;
}

/* ... and what is being read for it is of no use any more. */
static void end_observation(struct fuo_ns *ns, struct peer *p, struct access *observed,
                            int err, const char *text)
{
    tell(ns, p, observed, err, text);
    for (struct access *a = p->accesses; a != NULL; a = a->next) {
        a->dead |= refreshes(a, observed);
    }
    drop(&p->observed, observed);
}

/* The first of the queue has ended. An observation whose value cannot be read ends with it;
 * one of ours goes on, and is read again when it tells more. */
static void finish(struct fuo_ns *ns, struct peer *p, int err, const char *text)
{
    struct access *first = p->accesses;
    struct access *observed = p->observed;
    while (observed != NULL && !refreshes(first, observed)) {
        observed = observed->next;
    }
    if (!first->refreshes) {
        tell(ns, p, first, err, text);
    } else if (observed != NULL && first->watch == WATCH_NONE) {
        end_observation(ns, p, observed, err, text);
    }
    drop(&p->accesses, first);
}

/* ---- formats ---- */

static bool is_single(const struct access *a)
{
    return a->path.depth >= DEPTH_RESOURCE && a->entry_count == 1;
}

static bool is_opaque(const struct access *a)
{
    return a->entries[0].value.type == LWM2M_OPAQUE;
}

/* In the order in which they are tried; false: there are no more. */
static bool format_of(const struct peer *p, const struct access *a, uint8_t attempt,
                      uint16_t *format)
{
    static const struct {
        uint8_t bit;
        uint16_t format;
    } known[] = {{HAS_SENML_CBOR, LWM2M_FORMAT_SENML_CBOR},
                 {HAS_SENML_JSON, LWM2M_FORMAT_SENML_JSON},
                 {HAS_TLV, LWM2M_FORMAT_TLV}};
    uint16_t order[8];
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        if ((p->formats & known[i].bit) != 0) {
            order[count++] = known[i].format;
        }
    }
    if (is_single(a)) {
        order[count++] = is_opaque(a) ? LWM2M_FORMAT_OCTETS : LWM2M_FORMAT_TEXT;
    }
    for (size_t i = 3; i-- > 0;) {
        if ((p->formats & known[i].bit) == 0) {
            order[count++] = known[i].format;
        }
    }
    if (attempt >= count) {
        return false;
    }
    *format = order[attempt];
    return true;
}

/* ---- requests ---- */

static bool writes(const struct access *a)
{
    return a->type == FUO_ACCESS_WRITE || a->type == FUO_ACCESS_CREATE;
}

/* What the payload is relative to: a Create without an instance leaves that to the device. */
static struct lwm2m_path base_of(const struct access *a)
{
    struct lwm2m_path base = a->path;
    if (a->type == FUO_ACCESS_CREATE) {
        base.depth = a->path.depth == DEPTH_INSTANCE ? DEPTH_OBJECT : DEPTH_INSTANCE;
    }
    return base;
}

static coap_pdu_code_t method_of(const struct access *a)
{
    switch (a->type) {
    case FUO_ACCESS_WRITE:
        return a->path.depth == DEPTH_INSTANCE ? COAP_REQUEST_CODE_POST
                                               : COAP_REQUEST_CODE_PUT;
    case FUO_ACCESS_CREATE:
    case FUO_ACCESS_EXECUTE:
        return COAP_REQUEST_CODE_POST;
    case FUO_ACCESS_DELETE:
        return COAP_REQUEST_CODE_DELETE;
    case FUO_ACCESS_OBSERVE:
        return a->query[0] != '\0' ? COAP_REQUEST_CODE_PUT : COAP_REQUEST_CODE_GET;
    case FUO_ACCESS_READ:
    case FUO_ACCESS_END:
        break;
    }
    return COAP_REQUEST_CODE_GET;
}

/* False: there is no further format to try, or it does not fit. */
static bool fill(const struct peer *p, struct access *a, struct talk *talk)
{
    uint16_t format = LWM2M_FORMAT_TEXT;
    struct wr w = wr_init(a->payload, sizeof(a->payload));
    struct lwm2m_path base = base_of(a);
    *talk = (struct talk){.step = STEP_ACCESS,
                          .method = method_of(a),
                          .path = a->target,
                          .format = -1,
                          .accept = -1};
    talk->query = a->query[0] != '\0' ? a->query : NULL;
    bool reads = talk->method == COAP_REQUEST_CODE_GET;
    talk->observe = reads && a->type == FUO_ACCESS_OBSERVE;
    if (reads) {
        if (format_of(p, a, a->attempt, &format)) {
            talk->accept = format;
        }
        return a->attempt <= 3; /* at last none is asked for */
    }
    if (writes(a)) {
        while (format_of(p, a, a->attempt, &format) &&
               lwm2m_content_write(format, &base, a->entries, a->entry_count, &w) !=
                   FUO_OK) {
            w = wr_init(a->payload, sizeof(a->payload));
            a->attempt++;
        }
        a->payload_len = w.len;
    }
    if (a->payload_len > 0) {
        talk->payload = a->payload;
        talk->payload_len = a->payload_len;
        talk->format = format;
    }
    return !writes(a) || format_of(p, a, a->attempt, &format);
}

static void forget_dead(struct peer *p)
{
    while (p->accesses != NULL && p->accesses->dead && !p->accesses->asked) {
        drop(&p->accesses, p->accesses);
    }
}

bool access_next(struct fuo_ns *ns, struct peer *p)
{
    struct talk talk;
    forget_dead(p);
    struct access *a = p->accesses;
    if (a == NULL) {
        return false;
    }
    if (!fill(p, a, &talk)) {
        finish(ns, p, FUO_ENOTSUP, "the device takes none of the formats that there are");
        return false;
    }
    if (talk_send(ns, p, &talk) != FUO_OK) {
        return false; /* in the next turn, or its time runs out */
    }
    a->asked = true;
    memcpy(a->token, p->token, sizeof(a->token));
    return true;
}

/* ---- answers ---- */

static const char *meaning_of(coap_pdu_code_t code)
{
    switch ((int)code) {
    case COAP_RESPONSE_CODE_BAD_REQUEST:
        return "it does not take that value";
    case COAP_RESPONSE_CODE_UNAUTHORIZED:
        return "this server has no right to it";
    case COAP_RESPONSE_CODE_FORBIDDEN:
        return "it forbids that";
    case COAP_RESPONSE_CODE_NOT_FOUND:
        return "it has no such object, instance or resource";
    case COAP_RESPONSE_CODE_NOT_ALLOWED:
        return "that cannot be done with it, or not now";
    case COAP_RESPONSE_CODE_NOT_ACCEPTABLE:
    case COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT:
        return "it takes none of the formats that there are";
    case COAP_RESPONSE_CODE_REQUEST_TOO_LARGE:
        return "that is too long for it";
    case COAP_RESPONSE_CODE_INTERNAL_ERROR:
        return "something went wrong in it";
    default:
        return "it refused";
    }
}

static void refused(struct fuo_ns *ns, struct peer *p, coap_pdu_code_t code)
{
    char text[TEXT_SIZE];
    char path[LWM2M_PATH_TEXT_SIZE];
    bool none = code == COAP_RESPONSE_CODE_NOT_FOUND;
    snprintf(text, sizeof(text), "the device answered %u.%02u to %s: %s",
             (unsigned)code >> 5, (unsigned)code & 31,
             lwm2m_path_format(&p->accesses->path, path), meaning_of(code));
    finish(ns, p, none ? FUO_ENOENT : FUO_EPERM, text);
}

static bool took_value(struct fuo_ns *ns, struct peer *p, const struct access *a,
                       const struct answer *answer, bool more)
{
    const struct content content = {answer->format, answer->body, answer->len};
    int err = a->watch != WATCH_NONE
                  ? readings_watched(ns, p, a->watch, answer)
                  : readings_tell(ns, p, a->dead ? 0 : a->id, &a->path, &content, more);
    if (err != FUO_OK) {
        ns->base.ops->reject(ns->base.host, "answer to a read");
    }
    return err == FUO_OK;
}

static void finish_value(struct fuo_ns *ns, struct peer *p, const struct answer *answer)
{
    char text[TEXT_SIZE];
    bool more = p->accesses->refreshes;
    if (took_value(ns, p, p->accesses, answer, more)) {
        drop(&p->accesses, p->accesses);
        return;
    }
    snprintf(text, sizeof(text), "the device answered in %s, which is malformed",
             lwm2m_format_name(answer->format));
    finish(ns, p, FUO_EPROTO, text);
}

/* Its first value; from now on the device tells. */
static void begin_observation(struct fuo_ns *ns, struct peer *p,
                              const struct answer *answer)
{
    struct access *a = p->accesses;
    if (!took_value(ns, p, a, answer, true)) {
        finish_value(ns, p, answer);
        return;
    }
    a->last = answer->observe;
    a->last_us = ns->now_us;
    p->accesses = a->next;
    a->next = p->observed;
    p->observed = a;
}

static void succeeded(struct fuo_ns *ns, struct peer *p, const struct answer *answer)
{
    struct access *a = p->accesses;
    if (a->type == FUO_ACCESS_OBSERVE && a->query[0] != '\0') {
        a->query[0] = '\0'; /* the attributes are written: now the rest */
        a->attempt = 0;
        a->asked = false;
        return;
    }
    if (a->dead) {
        drop(&p->accesses, a);
    } else if (a->type == FUO_ACCESS_OBSERVE) {
        begin_observation(ns, p, answer);
    } else if (a->type == FUO_ACCESS_READ) {
        finish_value(ns, p, answer);
    } else {
        finish(ns, p, FUO_OK, answer->location[0] != '\0' ? answer->location : NULL);
    }
}

void access_answer(struct fuo_ns *ns, struct peer *p, const struct answer *answer)
{
    struct access *a = p->accesses;
    if (a == NULL || !a->asked) {
        return; /* it ended with its registration */
    }
    a->asked = false;
    bool format = answer->code == COAP_RESPONSE_CODE_NOT_ACCEPTABLE ||
                  answer->code == COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT;
    struct talk talk;
    if (answer->code == COAP_EMPTY_CODE) {
        finish(ns, p, FUO_ETIMEDOUT,
               "the device did not answer; whether it did it is not known");
    } else if ((unsigned)answer->code >> 5 == CLASS_SUCCESS) {
        succeeded(ns, p, answer);
    } else if (format && (a->attempt++, fill(p, a, &talk))) {
        return; /* in another one, at once */
    } else {
        refused(ns, p, answer->code);
    }
}

/* ---- notifications ---- */

static struct access *observation_of(const struct peer *p, const coap_bin_const_t *token)
{
    struct access *a = p->observed;
    while (a != NULL && (token->length != TOKEN_BYTES ||
                         memcmp(token->s, a->token, TOKEN_BYTES) != 0)) {
        a = a->next;
    }
    return a;
}

bool access_observes(const struct peer *p, const coap_bin_const_t *token)
{
    return observation_of(p, token) != NULL;
}

/* All of it, because only the first block of it came. Once is enough, however often it is
 * told: one more read if the one before has begun. */
static void read_again(struct peer *p, const struct access *observed)
{
    for (const struct access *a = p->accesses; a != NULL; a = a->next) {
        if (refreshes(a, observed) && !a->asked && !a->dead) {
            return;
        }
    }
    struct access *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return;
    }
    a->id = observed->id;
    a->type = FUO_ACCESS_READ;
    a->path = observed->path;
    memcpy(a->target, observed->target, sizeof(a->target));
    a->until_us = observed->until_us;
    a->watch = observed->watch;
    a->refreshes = true;
    struct access **at = &p->accesses;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = a;
}

/*
 * RFC 7641, 3.4: a datagram may have overtaken another one, by less than two minutes and half
 * of what the number counts. The same number again is no reason: there are devices that do
 * not count.
 */
static bool is_overtaken(const struct access *a, uint32_t observe, int64_t now_us)
{
    uint32_t ahead = (a->last - observe) & (OBSERVE_NONE - 1);
    bool known = a->last < OBSERVE_NONE && observe < OBSERVE_NONE;
    bool soon = now_us >= a->last_us && now_us - a->last_us <= OVERTAKEN_US;
    return known && soon && ahead > 0 && ahead < OBSERVE_NONE / 2;
}

bool access_notified(struct fuo_ns *ns, struct peer *p, const coap_bin_const_t *token,
                     const coap_pdu_t *pdu)
{
    struct access *a = observation_of(p, token);
    struct coap_block block;
    struct answer answer = {.code = coap_pdu_get_code(pdu)};
    if (a == NULL) {
        return false;
    }
    if (answer.code != COAP_RESPONSE_CODE_CONTENT) {
        end_observation(ns, p, a, FUO_EPERM, "the device has ended the observation");
        return true;
    }
    answer.observe = coap_number(pdu, COAP_OPTION_OBSERVE, OBSERVE_NONE);
    if (is_overtaken(a, answer.observe, ns->now_us)) {
        return true;
    }
    a->last = answer.observe;
    a->last_us = ns->now_us;
    bool partial = coap_block_of(pdu, COAP_OPTION_BLOCK2, &block) == FUO_OK && block.more;
    if (partial) {
        read_again(p, a);
        ns_due(ns, p);
        return true;
    }
    if (coap_get_data(pdu, &answer.len, &answer.body) == 0) {
        answer.len = 0;
    }
    answer.format =
        (uint16_t)coap_number(pdu, COAP_OPTION_CONTENT_FORMAT, LWM2M_FORMAT_NONE);
    (void)took_value(ns, p, a, &answer, true);
    return true;
}

/* ---- time, and ends ---- */

static const char *why_late(const struct fuo_ns *ns, const struct peer *p)
{
    if (p->session == NULL) {
        return "the device is not registered; it was waited for";
    }
    if (p->queue && p->awake_until_us <= ns->now_us) {
        return "the device sleeps (queue mode), and was not heard in time; give it a "
               "--timeout longer than the time between its updates";
    }
    return "the device did not answer in time";
}

void access_tick(struct fuo_ns *ns, struct peer *p)
{
    for (struct access *a = p->accesses; a != NULL; a = a->next) {
        if (!a->dead && a->until_us <= ns->now_us && !a->refreshes) {
            tell(ns, p, a, p->session == NULL ? FUO_EAGAIN : FUO_ETIMEDOUT,
                 why_late(ns, p));
            a->dead = true;
        }
    }
    forget_dead(p);
    for (struct access *a = p->observed; a != NULL;) {
        struct access *next = a->next;
        if (a->until_us <= ns->now_us) {
            end_observation(ns, p, a, FUO_OK, NULL);
        }
        a = next;
    }
}

void access_lost(struct fuo_ns *ns, struct peer *p)
{
    if (p->accesses != NULL && p->accesses->asked) {
        finish(ns, p, FUO_ETIMEDOUT,
               "the device registered anew before it answered; whether it did it is not "
               "known");
    }
    while (p->observed != NULL) {
        end_observation(ns, p, p->observed, FUO_EAGAIN,
                        "the registration has ended, and the observation with it");
    }
}

void access_free(struct peer *p)
{
    while (p->accesses != NULL) {
        drop(&p->accesses, p->accesses);
    }
    while (p->observed != NULL) {
        drop(&p->observed, p->observed);
    }
}

static int end(struct peer *p, uint64_t id)
{
    for (struct access *a = p->accesses; a != NULL; a = a->next) {
        a->dead |= a->id == id;
    }
    for (struct access *a = p->observed; a != NULL;) {
        struct access *next = a->next;
        if (a->id == id) {
            drop(&p->observed, a);
        }
        a = next;
    }
    return FUO_OK;
}

static int enqueue(struct fuo_ns *ns, struct peer *p, struct access *a)
{
    size_t count = 0;
    struct access **at = &p->accesses;
    for (const struct access *o = p->observed; o != NULL; o = o->next) {
        count++;
    }
    for (; *at != NULL; at = &(*at)->next) {
        count++;
    }
    if (count >= ACCESSES_MAX) {
        return FUO_ENOSPC;
    }
    *at = a;
    ns_due(ns, p);
    return FUO_OK;
}

int access_order(struct fuo_ns *ns, const struct fuo_access *order)
{
    struct peer *p = peers_get(ns, order->dev_eui);
    struct access *a = NULL;
    if (p == NULL) {
        return FUO_ENOSPC;
    }
    if (order->type == FUO_ACCESS_END) {
        return end(p, order->id);
    }
    int err = access_parse(order, &a);
    if (err != FUO_OK) {
        return err;
    }
    ns->now_us = ns->base.ops->now(ns->base.host);
    a->until_us = ns->now_us + order->timeout_us;
    bool changes = a->type != FUO_ACCESS_READ && a->type != FUO_ACCESS_OBSERVE;
    if (changes && a->path.id[0] == OBJECT_FIRMWARE && bring_is_for(ns, p)) {
        err = FUO_EPERM; /* it is a campaign's */
    }
    err = err == FUO_OK ? enqueue(ns, p, a) : err;
    if (err != FUO_OK) {
        free(a);
    }
    return err;
}

static void watch(struct fuo_ns *ns, struct peer *p, enum watch what, uint32_t step)
{
    const struct fuo_access order = {
        .type = FUO_ACCESS_OBSERVE, .path = what == WATCH_BATTERY ? "/3/0/9" : "/3/0/10"};
    struct access *a = NULL;
    for (a = p->accesses; a != NULL; a = a->next) {
        if (a->watch == what) {
            return; /* it is on its way */
        }
    }
    if (access_parse(&order, &a) != FUO_OK) {
        return;
    }
    a->watch = what;
    a->until_us = NEVER_US;
    snprintf(a->query, sizeof(a->query), "st=%u", (unsigned)step);
    if (enqueue(ns, p, a) != FUO_OK) {
        free(a);
    }
}

void access_watch(struct fuo_ns *ns, struct peer *p)
{
    const struct config *c = ns->config;
    if (c->battery_step > 0) {
        watch(ns, p, WATCH_BATTERY, c->battery_step);
    }
    if (c->memory_step_kb > 0) {
        watch(ns, p, WATCH_MEMORY, c->memory_step_kb);
    }
}
