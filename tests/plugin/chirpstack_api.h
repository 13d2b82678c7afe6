/* SPDX-License-Identifier: MIT */
/* chirpstack_api.h - the other end of the plugin's API: what it asks, what it is told. */
#pragma once

#include "fake_host.h"

#include "chirpstack.pb-c.h"

#define APP     "5a1c0e1e-0000-4000-8000-000000000001"
#define GROUP   "11111111-2222-4333-8444-555555555555"
#define SERVICE "/api.MulticastGroupService/"

static const struct option_pair pairs[] = {{"applicationId", APP}};

static inline void setup(struct rig *rig)
{
    rig_open(rig, "chirpstack", pairs, ARRAY_LEN(pairs));
}

/* The oldest request that was not answered yet; its path must be this one. */
static inline const struct fake_request *expect(struct rig *rig, const char *path)
{
    assert_true(rig->host.answered_count < rig->host.request_count);
    const struct fake_request *r =
        &rig->host.requests[rig->host.answered_count % FAKE_MAX];
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->path, path);
    assert_string_equal(r->content_type, "application/grpc-web+proto");
    assert_true(r->body_len >= 5 && r->body[0] == 0);
    assert_int_equal(r->body[1] << 24 | r->body[2] << 16 | r->body[3] << 8 | r->body[4],
                     r->body_len - 5);
    return r;
}

static inline void respond(struct rig *rig, const struct fuo_http_response *response)
{
    size_t at = rig->host.answered_count++ % FAKE_MAX;
    rig->loaded.plugin.on_http(rig->ns, rig->host.requests[at].id, response);
}

static inline void answer_frames(struct rig *rig, const uint8_t *message, size_t len,
                                 const char *trailers)
{
    uint8_t body[4096];
    size_t n = 0;
    if (message != NULL) {
        const uint8_t prefix[] = {0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len};
        memcpy(body, prefix, 5);
        memcpy(body + 5, message, len);
        n = 5 + len;
    }
    const uint8_t prefix[] = {0x80, 0, 0, 0, (uint8_t)strlen(trailers)};
    memcpy(body + n, prefix, 5);
    memcpy(body + n + 5, trailers, strlen(trailers));
    n += 5 + strlen(trailers);
    respond(rig, &(struct fuo_http_response){.status = 200, .body = body, .body_len = n});
}

static inline void answer_message(struct rig *rig, const ProtobufCMessage *message)
{
    uint8_t packed[2048];
    size_t len = message != NULL ? protobuf_c_message_get_packed_size(message) : 0;
    assert_true(len <= sizeof(packed));
    if (message != NULL) {
        protobuf_c_message_pack(message, packed);
    }
    answer_frames(rig, packed, len, "grpc-status: 0\r\n");
}

/* Refused, without frames: the status is in the HTTP headers. */
static inline void answer_status(struct rig *rig, const char *status, const char *text)
{
    respond(rig, &(struct fuo_http_response){
                     .status = 200, .grpc_status = status, .grpc_message = text});
}

static inline void answer_id(struct rig *rig, const char *id)
{
    Cs__Id message;
    char copy[64];
    cs__id__init(&message);
    snprintf(copy, sizeof(copy), "%s", id);
    message.id = copy;
    answer_message(rig, &message.base);
}

static inline void answer_list(struct rig *rig, const char *name, const char *id,
                               uint32_t total)
{
    Cs__GroupList list;
    Cs__GroupItem item;
    Cs__GroupItem *items[] = {&item};
    char name_copy[64];
    char id_copy[64];
    cs__group_list__init(&list);
    cs__group_item__init(&item);
    list.total_count = total;
    if (name != NULL) {
        snprintf(name_copy, sizeof(name_copy), "%s", name);
        snprintf(id_copy, sizeof(id_copy), "%s", id);
        item.name = name_copy;
        item.id = id_copy;
        list.result = items;
        list.n_result = 1;
    }
    answer_message(rig, &list.base);
}

static inline void answer_group(struct rig *rig, const char *mc_addr, uint32_t f_cnt)
{
    Cs__GroupBox box;
    Cs__Group group;
    char addr[16];
    char key[] = "b0010203000000000000000000000000";
    cs__group_box__init(&box);
    cs__group__init(&group);
    snprintf(addr, sizeof(addr), "%s", mc_addr);
    box.multicast_group = &group;
    group.mc_addr = addr;
    group.mc_app_s_key = key;
    group.f_cnt = f_cnt;
    group.dr = 3;
    group.frequency = 869525000;
    answer_message(rig, &box.base);
}

static inline void expect_result(struct rig *rig, uint64_t id, int err, uint32_t f_cnt)
{
    const struct fuo_event *e = rig_event(rig);
    assert_non_null(e);
    assert_int_equal(e->type, FUO_EV_RESULT);
    assert_int_equal(e->result.id, id);
    assert_int_equal(e->result.err, err);
    assert_int_equal(e->result.f_cnt, f_cnt);
}

static inline void enqueue(struct rig *rig, uint64_t id)
{
    struct fuo_multicast frame = {
        .id = id,
        .group = GROUP,
        .payload = (const uint8_t *)"\x08\x01\x00",
        .payload_len = 3,
        .expires_us = INT64_C(1767323045500001),
        .fport = 201,
    };
    assert_int_equal(rig->loaded.plugin.multicast(rig->ns, &frame), FUO_OK);
}

static inline void answer_queue(struct rig *rig, const uint32_t *counters, size_t count)
{
    Cs__Queue queue;
    Cs__QueueItem items[8];
    Cs__QueueItem *pointers[8];
    cs__queue__init(&queue);
    for (size_t i = 0; i < count; i++) {
        cs__queue_item__init(&items[i]);
        items[i].f_cnt = counters[i];
        items[i].f_port = 201;
        pointers[i] = &items[i];
    }
    queue.items = pointers;
    queue.n_items = count;
    answer_message(rig, &queue.base);
}
