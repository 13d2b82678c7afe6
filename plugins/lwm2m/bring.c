/* SPDX-License-Identifier: MIT */
/*
 * bring.c - how an image gets to a device: it is told where to fetch it, or is sent it block by
 * block (lwm2m.md 1.1, 3.3). Who has no room for it, or is in a cell in which enough is under
 * way, is brought none.
 *
 * How far a push has come is told now and then as a mark, which the host keeps on disk and gives
 * back with the order after a restart. A device has a transfer under way or it has not (RFC 7959
 * 2.5): it answers 4.08 to a block for which it lacks those before, and is sent all of them.
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
    /* A mark: the option Block1 of the next block, and some of which image it is. */
    MARK_NUM_SHIFT = 4,
    MARK_SZX = 7,
    MARK_IMAGE_SHIFT = 24,
};

#define QUEUED_US (300 * SECOND_US)
/* Between two marks: a restart costs at most what is sent meanwhile. */
#define MARK_US (5 * SECOND_US)

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
    p->resumes = false;
    p->marked_us = ns->now_us;
    cells_enter(ns, p);
    bring_block(ns, p);
}

/* ---- ... over a restart ---- */

static uint32_t image_mark(const struct peer *p)
{
    return (uint32_t)fnv1a(&p->order.image, sizeof(p->order.image)) << MARK_IMAGE_SHIFT;
}

/* 0: it is too early for another one. */
static uint32_t next_mark(const struct fuo_ns *ns, struct peer *p)
{
    struct coap_slice slice;
    int64_t since_us = ns->now_us - p->marked_us;
    if (since_us >= 0 && since_us < MARK_US) { /* the wall clock may have been set back */
        return 0;
    }
    p->marked_us = ns->now_us;
    struct coap_block block = coap_upload_block(&p->upload, &slice);
    return image_mark(p) | block.num << MARK_NUM_SHIFT | block.szx;
}

/* False: there is none, or it is not of this image. */
static bool take_mark(struct fuo_ns *ns, const struct peer *p, struct coap_upload *upload)
{
    const uint8_t *image = NULL;
    size_t len = 0;
    uint32_t mark = p->order.mark;
    uint8_t most = coap_block_szx(ns->config->block_size);
    struct coap_block block = {.num = mark >> MARK_NUM_SHIFT & COAP_BLOCK_NUM_MAX,
                               .szx = mark & MARK_SZX};
    return block.num > 0 && block.szx <= COAP_BLOCK_SZX_MAX &&
           (mark ^ image_mark(p)) >> MARK_IMAGE_SHIFT == 0 &&
           ns->base.ops->image(ns->base.host, p->order.image, &image, &len) == FUO_OK &&
           coap_upload_init(upload, len, coap_block_offset(&block),
                            block.szx < most ? block.szx : most) == FUO_OK;
}

bool bring_goes_on(struct fuo_ns *ns, struct peer *p)
{
    if (p->upload_image != p->order.image) {
        if (!take_mark(ns, p, &p->upload)) {
            return false;
        }
        p->order.mark = 0; /* once is enough */
        p->upload_image = p->order.image;
        p->resumes = true;
        p->marked_us = ns->now_us;
    }
    bring_block(ns, p);
    return true;
}

bool bring_is_pushed(struct fuo_ns *ns, const struct peer *p)
{
    struct coap_upload before;
    struct coap_slice slice;
    if (p->upload_image == p->order.image) {
        return !coap_upload_block(&p->upload, &slice).more;
    }
    return take_mark(ns, p, &before); /* nobody else writes there */
}

/* ---- answers ---- */

/* From the start; not for ever. That it is not where it was before a restart is no fault of the
 * device. */
static void push_again(struct fuo_ns *ns, struct peer *p)
{
    bool may = p->resumes || p->resets++ < RESTARTS_MAX;
    p->resumes = false;
    p->upload.offset = 0;
    if (may) {
        bring_block(ns, p);
    } else {
        update_ends(ns, p, FUO_EPERM);
    }
}

/* After 4.13: in blocks as small as it says (RFC 7959, 2.9.3), and smaller in any case. */
static void push_smaller(struct fuo_ns *ns, struct peer *p, const struct answer *a)
{
    if (coap_upload_shrink(&p->upload) != FUO_OK) {
        update_ends(ns, p, FUO_EPERM);
        return;
    }
    while (a->has_block1 && p->upload.szx > a->block1.szx &&
           coap_upload_shrink(&p->upload) == FUO_OK) {
    }
    push_again(ns, p);
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
        if (!a->has_block1 || coap_upload_acked(&p->upload, &a->block1) != FUO_OK ||
            coap_upload_is_done(&p->upload)) { /* there is no more to send */
            push_again(ns, p);
            return;
        }
        p->resumes = false;
        files_progress(ns, p, p->upload.offset, p->upload.total, next_mark(ns, p));
        update_fetched(ns, p); /* who is pushed to may be too busy to update, too */
        if (ns->config->block_interval_us > 0) {
            p->paced_us = ns->now_us + ns->config->block_interval_us;
        }
        bring_block(ns, p);
        return;
    case COAP_RESPONSE_CODE_CHANGED:
        files_progress(ns, p, p->upload.total, p->upload.total, 0);
        p->upload_image = 0;
        look_after(ns, p, LOOK_SOON_US);
        update_ends(ns, p, FUO_OK); /* and what it makes of it is read */
        return;
    case COAP_RESPONSE_CODE_REQUEST_TOO_LARGE:
        if (p->resumes) { /* not the size: it has taken such blocks */
            push_again(ns, p);
        } else {
            push_smaller(ns, p, a);
        }
        return;
    case COAP_RESPONSE_CODE_INCOMPLETE:
        push_again(ns, p);
        return;
    default:
        p->upload_image = 0;
        if (p->resumes) {
            p->resumes = false;
            p->order_read = false; /* what it has is reset, and it begins anew */
            return;
        }
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
