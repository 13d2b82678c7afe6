/* SPDX-License-Identifier: MIT */
/*
 * queue.c - frames of a multicast group, and its queue at the server.
 *
 * A frame is pushed with a time, in class B without as the server knows the ping slots, and
 * with the group's gateways, each in a group index of its own so that all of them send it. down/queued says that it is taken, down/failed why not. A
 * frame that fails after that was lost on its way: the engine learns it from the devices.
 *
 * The Application Server counts, but what it says in down/queued is the frame as it was pushed,
 * without the counter (pkg/applicationserver/observability.go, registerForwardDownlinks). So
 * the group's is counted here, from what the server said when the group was opened or its
 * queue was looked at; where that is not known, the server is asked before the frame is told.
 * It is not known any more when the server speaks of a frame that nobody waits for: a push that
 * was given up in a stalled connection may be taken after all, and has a counter then.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "events.h"
#include "json.h"
#include "text.h"

enum {
    JSON_SIZE = 4096,
    ATTRIBUTES_MAX = 10,
};

/* An intent that waits for answers of the API. */
struct intent {
    uint64_t id;
    uint32_t frame_count;
    char group[FUO_GROUP_SIZE];
    uint32_t late; /* as the group's, when the counter was asked for */
    /* a frame of a group that we have to ask the server about first */
    int64_t at_us;
    uint8_t fport;
    uint8_t payload_len;
    uint8_t payload[PAYLOAD_MAX];
};

static struct intent *intent_new(uint64_t id, const char *group)
{
    size_t len = strnlen(group, ID_SIZE);
    struct intent *intent = len < ID_SIZE ? calloc(1, sizeof(*intent)) : NULL;
    if (intent != NULL) {
        intent->id = id;
        memcpy(intent->group, group, len + 1);
    }
    return intent;
}

static void complain(struct fuo_ns *ns, const char *what, const struct intent *intent,
                     const struct api_answer *answer)
{
    enum fuo_log_level level = answer->err == FUO_EAGAIN || answer->err == FUO_ETIMEDOUT
                                   ? FUO_LOG_INFO
                                   : FUO_LOG_WARN;
    ns_log(ns, level, "%s of %s: %s (error %d)", what, intent->group, answer->text,
           answer->err);
}

/* Start a call for a fresh intent; the intent is freed if that fails. */
static int start(struct fuo_ns *ns, const struct api_request *request, api_done *done,
                 struct intent *intent)
{
    int err = api_call(ns, request, done, free, intent);
    if (err != FUO_OK) {
        free(intent);
    }
    return err;
}

/* ---- frames ---- */

static void format_frame(const struct fuo_ns *ns, const struct group *group,
                         const struct fuo_multicast *frame, char json[static JSON_SIZE])
{
    char data[BASE64_SIZE(PAYLOAD_MAX)];
    char correlation[CORRELATION_SIZE];
    char time[TIME_SIZE] = "";
    bool timed = frame->at_us != 0;
    format_base64(frame->payload, frame->payload_len, data);
    correlation_format(CORRELATION_FRAME, frame->id, correlation);
    if (timed) {
        format_time(frame->at_us, time);
    }
    size_t len = (size_t)snprintf(
        json, JSON_SIZE,
        "{\"downlinks\":[{\"f_port\":%u,\"frm_payload\":\"%s\",\"priority\":\"%s\","
        "\"correlation_ids\":[\"%s\"],\"class_b_c\":{%s%s%s\"gateways\":[",
        frame->fport, data, ns->config->priority, correlation,
        timed ? "\"absolute_time\":\"" : "", time, timed ? "\"," : "");
    for (size_t i = 0; i < group->gateway_count; i++) {
        len += (size_t)snprintf(json + len, JSON_SIZE - len,
                                "%s{\"gateway_ids\":{\"gateway_id\":\"%s\"},"
                                "\"group_index\":%zu}",
                                i > 0 ? "," : "", group->gateways[i], i);
    }
    snprintf(json + len, JSON_SIZE - len, "]}}]}");
}

static int send_frame(struct fuo_ns *ns, struct group *group,
                      const struct fuo_multicast *frame)
{
    char json[JSON_SIZE];
    group_give_up_frame(ns, group);
    format_frame(ns, group, frame, json);
    struct push push = {
        .device_id = group->id,
        .operation = "push",
        .json = json,
        .kind = PUBLISH_FRAME,
        .id = frame->id,
    };
    int err = push_publish(ns, &push);
    if (err == FUO_OK) {
        group->waiting = true;
        group->frame_id = frame->id;
    }
    return err;
}

/* ---- a group from before a restart: its gateways are kept at the server ---- */

static void add_gateways(struct group *group, const char *list)
{
    while (*list != '\0' && group->gateway_count < GATEWAY_MAX) {
        size_t len = strcspn(list, ",");
        if (len > 0 && len < ID_SIZE) {
            char *name = group->gateways[group->gateway_count];
            memcpy(name, list, len);
            name[len] = '\0';
            group->gateway_count += name_is_valid(name) ? 1 : 0;
        }
        list += len + (list[len] == ',' ? 1 : 0);
    }
}

static struct group *recover(struct fuo_ns *ns, const struct intent *intent,
                             struct json_object *device)
{
    struct json_object *attributes = json_member(device, "attributes");
    struct group *group = group_add(ns, intent->group);
    if (group == NULL) {
        return NULL;
    }
    group->gateway_count = 0;
    for (unsigned i = 0; i < ATTRIBUTES_MAX; i++) {
        char key[32];
        size_t len;
        snprintf(key, sizeof(key), "fuotad-gateways-%u", i);
        add_gateways(group, json_text(attributes, key, &len));
    }
    return group;
}

static void on_recovered(struct fuo_ns *ns, void *context,
                         const struct api_answer *answer)
{
    struct intent *intent = context;
    struct fuo_multicast frame = {
        .id = intent->id,
        .group = intent->group,
        .payload = intent->payload,
        .payload_len = intent->payload_len,
        .fport = intent->fport,
        .at_us = intent->at_us,
    };
    int err = answer->err;
    if (err != FUO_OK) {
        complain(ns, "gateways", intent, answer);
    } else {
        struct group *group = recover(ns, intent, answer->json);
        err = group == NULL               ? FUO_ENOMEM
              : group->gateway_count == 0 ? FUO_ENOENT
                                          : send_frame(ns, group, &frame);
    }
    if (err != FUO_OK) {
        group_forget(ns, intent->group);
        ns_result(ns, intent->id, err, 0);
    }
    free(intent);
}

int multicast_push(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    struct group *group = group_find(ns, frame->group);
    if (frame->payload_len > PAYLOAD_MAX || frame->fport == 0 || frame->at_us < 0) {
        return FUO_EINVAL;
    }
    if (group != NULL) {
        return send_frame(ns, group, frame);
    }
    struct intent *intent = intent_new(frame->id, frame->group);
    if (intent == NULL) {
        return FUO_EINVAL;
    }
    intent->at_us = frame->at_us;
    intent->fport = frame->fport;
    intent->payload_len = (uint8_t)frame->payload_len;
    if (frame->payload_len > 0) {
        memcpy(intent->payload, frame->payload, frame->payload_len);
    }
    struct api_request request = {.method = "GET",
                                  .registry = API_IS,
                                  .device = intent->group,
                                  .rest = "?field_mask=attributes"};
    return start(ns, &request, on_recovered, intent);
}

/* ---- what became of a frame ---- */

static struct group *waiting_for(const struct fuo_ns *ns, uint64_t id)
{
    struct group *group = ns->groups;
    while (group != NULL && !(group->waiting && group->frame_id == id)) {
        group = group->next;
    }
    return group;
}

static void taken(struct fuo_ns *ns, struct group *group, uint32_t f_cnt)
{
    group->waiting = false;
    group->counts = true;
    group->next_f_cnt = f_cnt + 1;
    ns_result(ns, group->frame_id, FUO_OK, f_cnt);
}

/* false: it says none. */
static bool read_counter(const struct api_answer *answer, uint32_t *last)
{
    *last = 0; /* left out: none was sent yet */
    return json_uint(json_member(answer->json, "session"), "last_a_f_cnt_down",
                     UINT32_MAX - 1, last);
}

static void on_taken(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct intent *intent = context;
    struct group *group = waiting_for(ns, intent->id);
    uint32_t last = 0;
    if (answer->err != FUO_OK) {
        complain(ns, "counter", intent, answer);
    }
    bool said = answer->err == FUO_OK && read_counter(answer, &last);
    if (group != NULL && said && last > 0 && group->late == intent->late) {
        taken(ns, group, last);
    } else if (group != NULL) {
        group_give_up_frame(ns, group); /* the queue tells then */
    }
    free(intent);
}

static uint32_t late_of(const struct group *group)
{
    return group != NULL ? group->late : 0;
}

static int ask_counter(struct fuo_ns *ns, struct intent *intent, api_done *done)
{
    intent->late = late_of(group_find(ns, intent->group));
    struct api_request request = {
        .method = "GET",
        .registry = API_AS,
        .device = intent->group,
        .rest = "?field_mask=session.last_a_f_cnt_down",
    };
    return api_call(ns, &request, done, free, intent);
}

/* An answer to a frame that was given up, or had one: which of both is not known. */
static void take_late(const struct fuo_ns *ns, const char *device, bool queued)
{
    struct group *group = group_find(ns, device);
    if (group != NULL) {
        group->counts = false;
        group->late += queued ? 1 : 0;
    }
}

void multicast_queued(struct fuo_ns *ns, const char *device, uint64_t id, uint32_t f_cnt)
{
    struct group *group = waiting_for(ns, id);
    if (group == NULL) {
        take_late(ns, device, true);
        return;
    }
    if (f_cnt > 0 || group->counts) {
        taken(ns, group, f_cnt > 0 ? f_cnt : group->next_f_cnt);
        return;
    }
    struct intent *intent = intent_new(id, group->id);
    if (intent == NULL || ask_counter(ns, intent, on_taken) != FUO_OK) {
        free(intent);
        group_give_up_frame(ns, group);
    }
}

static int err_of(const char *error)
{
    static const struct {
        const char *name;
        int err;
    } known[] = {
        {"downlink_expired", FUO_EEXPIRED},
        {"absolute_time", FUO_EDUTY}, /* or a conflict: another time will do */
        {"fixed_paths", FUO_EAGAIN},  /* no gateway is connected */
        {"device_not_found", FUO_ENOENT},
        {"no_device_session", FUO_ENOENT},
        {"unknown_session", FUO_ENOENT},
        {"downlink_queue_capacity", FUO_EAGAIN},
        {"application_downlink_too_long", FUO_ERANGE},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(error, known[i].name) == 0) {
            return known[i].err;
        }
    }
    return FUO_EPROTO;
}

/* f_cnt 0: it was not given one, and the next will have what it would have had. */
void multicast_failed(struct fuo_ns *ns, const char *device, uint64_t id,
                      const char *error, uint32_t f_cnt)
{
    struct group *group = waiting_for(ns, id);
    ns_log(ns, FUO_LOG_INFO, "a multicast frame failed: %s", error);
    if (group != NULL) {
        group->waiting = false;
        group->counts = group->counts && f_cnt == 0;
        ns_result(ns, id, err_of(error), 0);
    } else {
        take_late(ns, device, false);
    }
}

/* ---- what is left in the queue, and the counter ---- */

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

static void on_counter(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct intent *intent = context;
    uint32_t last = 0;
    int err = answer->err;
    if (err != FUO_OK) {
        complain(ns, "counter", intent, answer);
    } else if (!read_counter(answer, &last)) {
        err = FUO_EPROTO;
    }
    struct group *group = group_find(ns, intent->group);
    bool still = late_of(group) == intent->late; /* else it may be of before */
    if (err == FUO_OK && group != NULL && !group->waiting && still) {
        group->counts = true;
        group->next_f_cnt = last + 1;
    }
    polled(ns, intent, err, last + 1);
}

static void on_queue(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct intent *intent = context;
    if (answer->err != FUO_OK) {
        complain(ns, "queue", intent, answer);
        polled(ns, intent, answer->err, 0);
        return;
    }
    struct json_object *list = json_array(answer->json, "downlinks");
    intent->frame_count = list != NULL ? (uint32_t)json_object_array_length(list) : 0;
    int err = ask_counter(ns, intent, on_counter);
    if (err != FUO_OK) {
        polled(ns, intent, err, 0);
    }
}

/* A frame whose answer has not come by now is settled by the counter. */
int multicast_poll(struct fuo_ns *ns, uint64_t id, const char *handle)
{
    struct group *group = group_find(ns, handle);
    struct intent *intent = intent_new(id, handle);
    if (intent == NULL) {
        return FUO_EINVAL;
    }
    struct api_request request = {
        .method = "GET", .registry = API_AS, .device = intent->group, .rest = "/down"};
    int err = start(ns, &request, on_queue, intent);
    if (err == FUO_OK && group != NULL) {
        group_give_up_frame(ns, group);
    }
    return err;
}

/* ---- flush ---- */

static void on_flushed(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct intent *intent = context;
    bool gone = answer->err == FUO_ENOENT;
    if (answer->err != FUO_OK && !gone) {
        complain(ns, "flush", intent, answer);
    }
    ns_result(ns, intent->id, gone ? FUO_OK : answer->err, 0);
    free(intent);
}

int multicast_flush(struct fuo_ns *ns, uint64_t id, const char *handle)
{
    struct group *group = group_find(ns, handle);
    struct intent *intent = intent_new(id, handle);
    if (intent == NULL) {
        return FUO_EINVAL;
    }
    struct api_request request = {
        .method = "POST",
        .registry = API_AS,
        .device = intent->group,
        .rest = "/down/replace",
        .body = "{\"downlinks\":[]}",
    };
    int err = start(ns, &request, on_flushed, intent);
    if (err == FUO_OK && group != NULL) {
        group_give_up_frame(ns, group);
    }
    return err;
}
