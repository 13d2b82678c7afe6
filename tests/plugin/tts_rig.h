/* SPDX-License-Identifier: MIT */
/* tts_rig.h - the other end of the plugin tts: what it publishes and asks, what it is told. */
#pragma once

#include "fake_host.h"

#include <json-c/json.h>

#define UID     "app1@ttn"
#define TOPIC   "v3/" UID "/devices/"
#define DEV_EUI UINT64_C(0x0102030405060708)

static const struct option_pair pairs[] = {{"application", UID}};

static inline void setup(struct rig *rig)
{
    rig_open(rig, "tts", pairs, ARRAY_LEN(pairs));
}

static inline void deliver(struct rig *rig, const char *topic, const char *json)
{
    rig->loaded.plugin.on_mqtt(rig->ns, topic, (const uint8_t *)json, strlen(json),
                               false);
}

/* An uplink heard by two gateways, gw-a (EUI a1) and gw-b (EUI a2). */
static inline void hear(struct rig *rig, const char *device, const char *time)
{
    char topic[128];
    char json[1024];
    snprintf(topic, sizeof(topic), TOPIC "%s/up", device);
    snprintf(
        json, sizeof(json),
        "{\"end_device_ids\":{\"device_id\":\"%s\",\"dev_eui\":\"0102030405060708\"},"
        "\"uplink_message\":{\"f_port\":2,\"frm_payload\":\"AQ==\",\"rx_metadata\":[{"
        "\"gateway_ids\":{\"gateway_id\":\"gw-a\",\"eui\":\"00000000000000A1\"}},{"
        "\"gateway_ids\":{\"gateway_id\":\"gw-b\",\"eui\":\"00000000000000A2\"}}],"
        "\"received_at\":\"%s\"}}",
        device, time);
    deliver(rig, topic, json);
    assert_int_equal(rig->host.reject_count, 0);
}

/* The oldest request that was not answered yet: its method, path and body. */
static inline struct fake_request *expect(struct rig *rig, const char *method,
                                          const char *path)
{
    assert_true(rig->host.answered_count < rig->host.request_count);
    struct fake_request *r = &rig->host.requests[rig->host.answered_count % FAKE_MAX];
    assert_string_equal(r->method, method);
    assert_string_equal(r->path, path);
    r->body[r->body_len] = '\0';
    return r;
}

static inline void respond(struct rig *rig, const struct fuo_http_response *response)
{
    size_t at = rig->host.answered_count++ % FAKE_MAX;
    rig->loaded.plugin.on_http(rig->ns, rig->host.requests[at].id, response);
}

static inline void answer(struct rig *rig, int status, const char *json)
{
    respond(rig, &(struct fuo_http_response){.status = status,
                                             .body = (const uint8_t *)json,
                                             .body_len = strlen(json)});
}

/* As lorawan-stack's errors look over HTTP. */
static inline void refuse(struct rig *rig, int status, const char *name)
{
    char json[256];
    snprintf(json, sizeof(json),
             "{\"code\":9,\"message\":\"error:pkg/some:%s (words)\",\"details\":[]}",
             name);
    answer(rig, status, json);
}

/* The text at a JSON pointer; "" if there is nothing. */
static inline const char *at(struct json_object *root, const char *pointer)
{
    struct json_object *o = NULL;
    return json_pointer_get(root, pointer, &o) == 0 ? json_object_get_string(o) : "";
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
