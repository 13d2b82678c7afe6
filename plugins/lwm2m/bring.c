/* SPDX-License-Identifier: MIT */
/*
 * bring.c - how an image gets to a device: it is told where to fetch it, or is sent it block by
 * block (lwm2m.md 1.1, 3.3). Who has no room for it, or is in a cell in which enough is under
 * way, is brought none.
 */
#include <string.h>

#include "base/fnv.h"
#include "lwm2m.h"

enum {
    METHOD_PULL = 0, /* /5/0/9 */
    METHOD_PUSH = 1,
    METHOD_BOTH = 2,
    PROTOCOL_COAP = 1, /* bits of record.protocols */
    PROTOCOL_COAPS = 2,
    PROTOCOL_HTTP = 4,
    PROTOCOL_HTTPS = 8,
    RESTARTS_MAX = 5, /* of an upload */
    KILOBYTE = 1000,
};

#define QUEUED_US (300 * SECOND_US)

/* ---- push ---- */

/* Not yet: it is looked at again within a second. */
static bool is_paced(const struct fuo_ns *ns, const struct peer *p)
{
    return p->paced_us > ns->now_us &&
           p->paced_us - ns->now_us <= ns->config->block_interval_us;
}

void bring_block(struct fuo_ns *ns, struct peer *p)
{
    if (is_paced(ns, p)) {
        return;
    }
    p->paced_us = 0;
    const uint8_t *image = NULL;
    size_t len = 0;
    struct coap_slice slice;
    if (ns->base.ops->image(ns->base.host, p->order.image, &image, &len) != FUO_OK ||
        len != p->upload.total) {
        update_answer_order(ns, p, FUO_ENOENT);
        return;
    }
    struct coap_block block = coap_upload_block(&p->upload, &slice);
    const struct talk talk = {.step = STEP_PUSH,
                              .method = COAP_REQUEST_CODE_PUT,
                              .path = "5/0/0",
                              .payload = image + slice.offset,
                              .payload_len = slice.len,
                              .block1 = &block,
                              .size1 = block.num == 0 ? len : 0,
                              .format = FORMAT_OCTETS,
                              .accept = -1};
    update_ask(ns, p, &talk);
}

static void begin_push(struct fuo_ns *ns, struct peer *p)
{
    const uint8_t *image = NULL;
    size_t len = 0;
    uint8_t szx = coap_block_szx(ns->config->block_size);
    int err = ns->base.ops->image(ns->base.host, p->order.image, &image, &len);
    err = err == FUO_OK ? coap_upload_init(&p->upload, len, 0, szx) : err;
    if (err != FUO_OK) {
        update_answer_order(ns, p, err);
        return;
    }
    p->upload_image = p->order.image;
    cells_enter(ns, p);
    bring_block(ns, p);
}

/* From the start, perhaps with smaller blocks; not for ever. */
static void push_again(struct fuo_ns *ns, struct peer *p, bool smaller)
{
    bool may = p->resets++ < RESTARTS_MAX;
    if (smaller) {
        may = may && coap_upload_shrink(&p->upload) == FUO_OK;
    } else {
        p->upload.offset = 0;
    }
    if (may) {
        bring_block(ns, p);
    } else {
        update_ends(ns, p, FUO_EPERM);
    }
}

void bring_pushed(struct fuo_ns *ns, struct peer *p, const struct answer *a)
{
    if (!(p->ordered && p->order.type == FUO_ORDER_DELIVER)) {
        return; /* it was cancelled */
    }
    struct coap_slice slice;
    bool more = coap_upload_block(&p->upload, &slice).more;
    /* RFC 7959, 2.5: who takes each block by itself answers each as if it were the last. */
    bool goes_on = a->code == COAP_RESPONSE_CODE_CHANGED && more && a->has_block1;
    switch (goes_on ? COAP_RESPONSE_CODE_CONTINUE : a->code) {
    case COAP_RESPONSE_CODE_CONTINUE:
        if (!a->has_block1 || coap_upload_acked(&p->upload, &a->block1) != FUO_OK) {
            push_again(ns, p, false);
            return;
        }
        files_progress(ns, p, p->upload.offset, p->upload.total);
        update_fetched(ns, p); /* who is pushed to may be too busy to update, too */
        if (ns->config->block_interval_us > 0) {
            p->paced_us = ns->now_us + ns->config->block_interval_us;
        }
        bring_block(ns, p);
        return;
    case COAP_RESPONSE_CODE_CHANGED:
        files_progress(ns, p, p->upload.total, p->upload.total);
        p->upload_image = 0;
        update_ends(ns, p, FUO_OK); /* and what it makes of it is read */
        return;
    case COAP_RESPONSE_CODE_REQUEST_TOO_LARGE:
        push_again(ns, p, true);
        return;
    case COAP_RESPONSE_CODE_INCOMPLETE:
        push_again(ns, p, false);
        return;
    default:
        p->upload_image = 0;
        update_ends(ns, p, FUO_EPERM);
    }
}

/* ---- ways ---- */

/* Whether it can fetch from there. */
static bool can_fetch(const struct record *r, const char *uri)
{
    unsigned known = r->has_protocols ? r->protocols : PROTOCOL_COAP;
    unsigned needed = strncmp(uri, "coaps:", 6) == 0   ? PROTOCOL_COAPS
                      : strncmp(uri, "coap:", 5) == 0  ? PROTOCOL_COAP
                      : strncmp(uri, "https:", 6) == 0 ? PROTOCOL_HTTPS
                                                       : PROTOCOL_HTTP;
    bool pulls = !r->has_method || r->method == METHOD_PULL || r->method >= METHOD_BOTH;
    return pulls && (known & needed) != 0;
}

static bool can_be_pushed_to(const struct record *r)
{
    return r->has_method && (r->method == METHOD_PUSH || r->method == METHOD_BOTH);
}

int bring_find(struct fuo_ns *ns, const struct peer *p, struct places *places)
{
    places->http[0] = '\0';
    int err = files_http_uri(ns, p->order.image, places->http);
    return err == FUO_OK || err == FUO_ENOENT
               ? files_uri(ns, p, p->order.image, places->own)
               : err;
}

/* It was told so, by us, before a restart of ours perhaps. */
bool bring_is_told(const struct record *r, const struct places *places)
{
    const char *http = places->http;
    return r->uri == fnv1a(places->own, strlen(places->own)) ||
           (http[0] != '\0' && r->uri == fnv1a(http, strlen(http)));
}

/* The HTTP server is there to be used by those who can; NULL: it can fetch from neither. */
static const char *place_of(const struct record *r, const struct places *places)
{
    if (places->http[0] != '\0' && can_fetch(r, places->http)) {
        return places->http;
    }
    return can_fetch(r, places->own) ? places->own : NULL;
}

/* Not yet; the engine asks again, and may find that the windows are over meanwhile. */
static void wait_for_cell(struct fuo_ns *ns, struct peer *p)
{
    p->queued_us = p->queued_us != 0 ? p->queued_us : ns->now_us;
    if (ns->now_us - p->queued_us >= QUEUED_US || ns->now_us < p->queued_us) {
        p->queued_us = 0;
        update_answer_order(ns, p, FUO_EBUSY);
    }
}

bool bring_is_for(const struct fuo_ns *ns, const struct peer *p)
{
    const uint8_t *image = NULL;
    size_t len = 0;
    return p->image != 0 &&
           ns->base.ops->image(ns->base.host, p->image, &image, &len) == FUO_OK;
}

static bool has_room(struct fuo_ns *ns, const struct peer *p)
{
    const uint8_t *image = NULL;
    size_t len = 0;
    return !p->memory_known ||
           ns->base.ops->image(ns->base.host, p->order.image, &image, &len) != FUO_OK ||
           len <= (uint64_t)p->memory_kb * KILOBYTE;
}

void bring_begin(struct fuo_ns *ns, struct peer *p, const struct places *places)
{
    const char *delivery = ns->config->delivery;
    const char *uri = place_of(&p->record, places);
    bool pulls = uri != NULL && strcmp(delivery, "push") != 0;
    if (!pulls && (strcmp(delivery, "pull") == 0 || !can_be_pushed_to(&p->record))) {
        update_answer_order(ns, p, FUO_ENOTSUP); /* it is in nobody's way */
        return;
    }
    if (!has_room(ns, p)) {
        update_answer_order(ns, p, FUO_ENOSPC);
        return;
    }
    if (cells_is_full(ns, p)) {
        wait_for_cell(ns, p);
        return;
    }
    p->queued_us = 0;
    if (pulls) {
        cells_enter(ns, p);
        update_write_uri(ns, p, STEP_URI, uri);
    } else {
        begin_push(ns, p);
    }
}
