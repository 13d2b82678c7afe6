/* SPDX-License-Identifier: MIT */
/*
 * queue.c - frames of a multicast group, its queue, and a device's queue.
 *
 * A group that is gone is NOT_FOUND to an administrator's API key only. To a tenant's key
 * it is UNAUTHENTICATED, exactly as a group that the key may not touch (api/auth,
 * validate_key()): whether the application still lists it tells the two apart.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api.h"
#include "text.h"

enum {
    PAYLOAD_MAX = 242,
    PAGE = 100, /* groups per List */
    PAGES_MAX = 100,
    ROWS_MAX = 4096, /* of a queue: each is compared with those before it */
};

/* An intent that waits for its answer. */
struct intent {
    uint64_t id;
    const char *what; /* for the log */
    uint32_t frame_count;
    uint32_t offset; /* of the page of List */
    bool of_device;
    bool missing_is_fine;
    bool looked_up;            /* the application's groups were searched for it */
    api_done *end;             /* takes what the search found */
    char name[FUO_GROUP_SIZE]; /* group handle or DevEUI */
};

static struct intent *intent_new(uint64_t id, const char *what, const char *name)
{
    size_t size = strlen(name) + 1;
    if (size > FUO_GROUP_SIZE) {
        return NULL;
    }
    struct intent *intent = calloc(1, sizeof(*intent));
    if (intent != NULL) {
        intent->id = id;
        intent->what = what;
        memcpy(intent->name, name, size);
    }
    return intent;
}

static void complain(struct fuo_ns *ns, const struct intent *intent,
                     const struct api_answer *answer)
{
    enum fuo_log_level level = answer->err == FUO_EAGAIN || answer->err == FUO_ETIMEDOUT
                                   ? FUO_LOG_INFO
                                   : FUO_LOG_WARN;
    ns_log(ns, level, "%s %s: %s (error %d)", intent->what, intent->name, answer->text,
           answer->err);
}

/* Start a call for a fresh intent; the intent is freed if that fails. */
static int start(struct fuo_ns *ns, const char *path, const ProtobufCMessage *request,
                 api_done *done, struct intent *intent)
{
    if (intent == NULL) {
        return FUO_ENOMEM;
    }
    int err = api_call(ns, path, request, done, free, intent);
    if (err != FUO_OK) {
        free(intent);
    }
    return err;
}

/* ---- refused: gone, or not permitted? ---- */

static int list_page(struct fuo_ns *ns, struct intent *intent);

static void settle(struct fuo_ns *ns, struct intent *intent, int err, const char *text)
{
    intent->end(ns, intent, &(struct api_answer){.err = err, .text = text});
}

static bool lists(const Cs__GroupList *list, const char *handle)
{
    for (size_t i = 0; i < list->n_result; i++) {
        if (strcasecmp(list->result[i]->id, handle) == 0) {
            return true;
        }
    }
    return false;
}

static void on_page(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct intent *intent = context;
    if (answer->err != FUO_OK) {
        settle(ns, intent, answer->err, answer->text);
        return;
    }
    Cs__GroupList *list =
        cs__group_list__unpack(&api_allocator, answer->message_len, answer->message);
    if (list == NULL) {
        settle(ns, intent, FUO_EPROTO, "the answer is malformed");
        return;
    }
    bool found = lists(list, intent->name);
    bool more = list->n_result > 0 && intent->offset + PAGE < list->total_count &&
                intent->offset < PAGES_MAX * PAGE;
    cs__group_list__free_unpacked(list, &api_allocator);
    if (found) {
        settle(ns, intent, FUO_EPERM, "the API key does not permit it");
    } else if (!more) {
        settle(ns, intent, FUO_ENOENT, "the group is gone");
    } else {
        intent->offset += PAGE;
        int err = list_page(ns, intent);
        if (err != FUO_OK) {
            settle(ns, intent, err, "too much is under way");
        }
    }
}

static int list_page(struct fuo_ns *ns, struct intent *intent)
{
    Cs__ListGroups request;
    cs__list_groups__init(&request);
    char application_id[UUID_SIZE];
    memcpy(application_id, ns->config->application_id, UUID_SIZE);
    request.limit = PAGE;
    request.offset = intent->offset;
    request.application_id = application_id;
    return api_call(ns, API_GROUP "List", &request.base, on_page, free, intent);
}

/* true: refused, and end() runs again with the reason. */
static bool refused(struct fuo_ns *ns, struct intent *intent,
                    const struct api_answer *answer, api_done *end)
{
    if (answer->err != FUO_EPERM || intent->of_device || intent->looked_up) {
        return false;
    }
    intent->looked_up = true;
    intent->end = end;
    return list_page(ns, intent) == FUO_OK;
}

/* ---- calls whose answer is empty ---- */

static void on_simple(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct intent *intent = context;
    int err = answer->err;
    if (refused(ns, intent, answer, on_simple)) {
        return;
    }
    if (err == FUO_ENOENT && intent->missing_is_fine) {
        err = FUO_OK;
    } else if (err != FUO_OK) {
        complain(ns, intent, answer);
    }
    ns_result(ns, intent->id, err, 0);
    free(intent);
}

static int simple(struct fuo_ns *ns, const char *path, struct intent *intent)
{
    Cs__Id request;
    cs__id__init(&request);
    if (intent == NULL) {
        return FUO_ENOMEM;
    }
    request.id = intent->name;
    return start(ns, path, &request.base, on_simple, intent);
}

int multicast_flush(struct fuo_ns *ns, uint64_t id, const char *group)
{
    return simple(ns, API_GROUP "FlushQueue", intent_new(id, "FlushQueue", group));
}

int group_close(struct fuo_ns *ns, uint64_t id, const char *group)
{
    struct intent *intent = intent_new(id, "Delete", group);
    if (intent != NULL) {
        intent->missing_is_fine = true;
    }
    return simple(ns, API_GROUP "Delete", intent);
}

int device_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    char eui[HEX_EUI_SIZE];
    format_eui(dev_eui, eui);
    struct intent *intent = intent_new(id, "device FlushQueue", eui);
    if (intent != NULL) {
        intent->of_device = true;
    }
    return simple(ns, API_DEVICE "FlushQueue", intent);
}

/* ---- Enqueue ---- */

/* An answer that cannot be read: it is queued, but as what? */
static int enqueued_counter(const struct api_answer *answer, uint32_t *f_cnt)
{
    if (answer->message == NULL) {
        return FUO_ETIMEDOUT;
    }
    Cs__Enqueued *enqueued =
        cs__enqueued__unpack(&api_allocator, answer->message_len, answer->message);
    if (enqueued == NULL) {
        return FUO_ETIMEDOUT;
    }
    *f_cnt = enqueued->f_cnt;
    cs__enqueued__free_unpacked(enqueued, &api_allocator);
    return FUO_OK;
}

static void on_enqueued(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct intent *intent = context;
    int err = answer->err;
    uint32_t f_cnt = 0;
    if (refused(ns, intent, answer, on_enqueued)) {
        return;
    }
    if (err == FUO_OK) {
        err = enqueued_counter(answer, &f_cnt);
    } else {
        complain(ns, intent, answer);
    }
    if (answer->unreadable && !intent->looked_up) {
        err =
            FUO_ETIMEDOUT; /* the frame may be queued: its counter would be used again */
    }
    ns_result(ns, intent->id, err, f_cnt);
    free(intent);
}

int multicast_enqueue(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    Cs__Enqueue request;
    cs__enqueue__init(&request);
    Cs__QueueItem item;
    cs__queue_item__init(&item);
    Cs__Timestamp expires;
    cs__timestamp__init(&expires);
    struct intent *intent = intent_new(frame->id, "Enqueue", frame->group);
    if (frame->payload_len > PAYLOAD_MAX || frame->fport == 0 || intent == NULL) {
        free(intent);
        return FUO_EINVAL;
    }
    uint8_t payload[PAYLOAD_MAX];
    if (frame->payload_len > 0) {
        memcpy(payload, frame->payload, frame->payload_len);
    }
    request.queue_item = &item;
    item.multicast_group_id = intent->name;
    item.f_port = frame->fport;
    item.data = (ProtobufCBinaryData){frame->payload_len, payload};
    if (frame->expires_us > 0) {
        expires.seconds = frame->expires_us / 1000000;
        expires.nanos = (int32_t)(frame->expires_us % 1000000) * 1000;
        item.expires_at = &expires;
    }
    return start(ns, API_GROUP "Enqueue", &request.base, on_enqueued, intent);
}

/* ---- what is left in the queue: ListQueue, then Get ---- */

static void polled(struct fuo_ns *ns, struct intent *intent, int err, uint32_t f_cnt)
{
    struct ns_queue queue = {
        .id = intent->id,
        .err = err,
        .frame_count = intent->frame_count,
        .f_cnt = f_cnt,
    };
    ns_queue(ns, &queue);
    free(intent);
}

static void on_polled_group(struct fuo_ns *ns, void *context,
                            const struct api_answer *answer)
{
    struct intent *intent = context;
    if (refused(ns, intent, answer, on_polled_group)) {
        return;
    }
    if (answer->err != FUO_OK) {
        complain(ns, intent, answer);
        polled(ns, intent, answer->err, 0);
        return;
    }
    Cs__GroupBox *box =
        cs__group_box__unpack(&api_allocator, answer->message_len, answer->message);
    bool usable = box != NULL && box->multicast_group != NULL;
    polled(ns, intent, usable ? FUO_OK : FUO_EPROTO,
           usable ? box->multicast_group->f_cnt : 0);
    cs__group_box__free_unpacked(box, &api_allocator);
}

/*
 * ChirpStack v4 names each frame once, whatever its gateways, until the last of them has
 * it (api/multicast.rs, list_queue()); a server that lists a row per gateway is understood
 * all the same.
 */
static uint32_t count_frames(const Cs__Queue *queue)
{
    uint32_t count = 0;
    for (size_t i = 0; i < queue->n_items; i++) {
        bool again = false;
        for (size_t j = i; j > 0 && !again; j--) {
            again = queue->items[j - 1]->f_cnt == queue->items[i]->f_cnt;
        }
        count += !again;
    }
    return count;
}

static void on_polled_queue(struct fuo_ns *ns, void *context,
                            const struct api_answer *answer)
{
    struct intent *intent = context;
    Cs__Id request;
    cs__id__init(&request);
    if (refused(ns, intent, answer, on_polled_queue)) {
        return;
    }
    if (answer->err != FUO_OK) {
        complain(ns, intent, answer);
        polled(ns, intent, answer->err, 0);
        return;
    }
    Cs__Queue *queue =
        cs__queue__unpack(&api_allocator, answer->message_len, answer->message);
    if (queue == NULL || queue->n_items > ROWS_MAX) {
        cs__queue__free_unpacked(queue, &api_allocator);
        polled(ns, intent, FUO_EPROTO, 0);
        return;
    }
    intent->frame_count = count_frames(queue);
    cs__queue__free_unpacked(queue, &api_allocator);
    request.id = intent->name;
    int err = api_call(ns, API_GROUP "Get", &request.base, on_polled_group, free, intent);
    if (err != FUO_OK) {
        polled(ns, intent, err, 0);
    }
}

int multicast_poll(struct fuo_ns *ns, uint64_t id, const char *group)
{
    Cs__Id request;
    cs__id__init(&request);
    struct intent *intent = intent_new(id, "ListQueue", group);
    if (intent == NULL) {
        return FUO_ENOMEM;
    }
    request.id = intent->name;
    return start(ns, API_GROUP "ListQueue", &request.base, on_polled_queue, intent);
}
