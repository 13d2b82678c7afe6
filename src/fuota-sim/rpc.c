/* SPDX-License-Identifier: MIT */
#include "fuota-sim/rpc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api.pb-c.h"
#include "base/eui.h"
#include "base/hex.h"

/* One call: what its handler reads and writes. */
struct call {
    struct cs *cs;
    struct utc now;
    const ProtobufCMessage *in;
    struct rpc_response *response;
};

static void answer(struct call *call, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *body = malloc(len == 0 ? 1 : len);
    if (body == NULL) {
        call->response->status = RPC_RESOURCE_EXHAUSTED;
        return;
    }
    call->response->body = body;
    call->response->len = protobuf_c_message_pack(message, body);
}

static int answer_empty(struct call *call, int err)
{
    Csim__Empty empty;
    csim__empty__init(&empty);
    if (err == FUO_OK) {
        answer(call, &empty.base);
    }
    return err;
}

/* ---- conversions ---- */

static Csim__Timestamp timestamp(struct utc t)
{
    Csim__Timestamp out;
    csim__timestamp__init(&out);
    out.seconds = t.us / 1000000;
    out.nanos = (int32_t)(t.us % 1000000) * 1000;
    return out;
}

static struct utc expiry(const Csim__Timestamp *t)
{
    if (t == NULL || t->seconds < 0 || t->seconds > INT64_C(253402300799)) {
        return UTC_NEVER;
    }
    return (struct utc){t->seconds * 1000000 + t->nanos / 1000};
}

/* Empty means absent in proto3. */
static char *text(const char *s)
{
    return (char *)(uintptr_t)s; /* protobuf-c's fields are not const; it only reads */
}

static int read_eui(const char *s, uint64_t *eui)
{
    return eui_parse(s, strlen(s), eui) == FUO_OK ? FUO_OK : FUO_EINVAL;
}

static int read_key(const char *s, struct aes_key *key)
{
    return hex_decode(s, strlen(s), key->b, sizeof(key->b)) == FUO_OK ? FUO_OK
                                                                      : FUO_EINVAL;
}

static int read_group(const Csim__MulticastGroup *in, struct cs_group_settings *out)
{
    uint8_t addr[4];
    if (in == NULL || strlen(in->name) >= CS_NAME_SIZE ||
        strlen(in->application_id) >= CS_ID_SIZE || in->dr > 15 || in->group_type > 1 ||
        hex_decode(in->mc_addr, strlen(in->mc_addr), addr, sizeof(addr)) != FUO_OK) {
        return FUO_EINVAL;
    }
    *out = (struct cs_group_settings){
        .region = in->region,
        .mc_addr = (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 |
                   (uint32_t)addr[2] << 8 | addr[3],
        .f_cnt = in->f_cnt,
        .type = (enum cs_group_type)in->group_type,
        .dr = (uint8_t)in->dr,
        .frequency_hz = in->frequency,
        .scheduling = in->class_c_scheduling_type,
        .ping_slot_periodicity = in->class_b_ping_slot_periodicity,
    };
    memcpy(out->name, in->name, strlen(in->name) + 1);
    memcpy(out->application_id, in->application_id, strlen(in->application_id) + 1);
    if (read_key(in->mc_nwk_s_key, &out->keys.nwk_s_key) != FUO_OK) {
        return FUO_EINVAL;
    }
    return read_key(in->mc_app_s_key, &out->keys.app_s_key);
}

/*
 * To a tenant's API key a group that is gone is one that it may not touch; so is a device
 * (api/auth, validate_key(); seen on v4.20).
 */
static int known_group(const struct call *call, const char *id)
{
    return cs_group_find(call->cs, id) != NULL ? FUO_OK : FUO_EPERM;
}

static int known_device(const struct call *call, const char *eui_text, uint64_t *eui)
{
    int err = read_eui(eui_text, eui);
    if (err != FUO_OK) {
        return err;
    }
    return cs_device_by_eui(call->cs, *eui) != NULL ? FUO_OK : FUO_EPERM;
}

/* ---- multicast groups ---- */

static int group_create(struct call *call)
{
    const Csim__GroupRequest *in = (const void *)call->in;
    Csim__Id out;
    csim__id__init(&out);
    struct cs_group_settings settings;
    char id[CS_ID_SIZE];
    int err = read_group(in->multicast_group, &settings);
    if (err == FUO_OK) {
        err = cs_group_create(call->cs, &settings, call->now, id);
    }
    if (err == FUO_OK) {
        out.id = id;
        answer(call, &out.base);
    }
    return err;
}

static int group_update(struct call *call)
{
    const Csim__GroupRequest *in = (const void *)call->in;
    struct cs_group_settings settings;
    int err = read_group(in->multicast_group, &settings);
    if (err == FUO_OK) {
        err = known_group(call, in->multicast_group->id);
    }
    if (err != FUO_OK) {
        return err;
    }
    return answer_empty(
        call, cs_group_update(call->cs, in->multicast_group->id, &settings, call->now));
}

static int group_get(struct call *call)
{
    const Csim__Id *in = (const void *)call->in;
    const struct cs_group *group = cs_group_find(call->cs, in->id);
    if (group == NULL) {
        return FUO_EPERM; /* known_group() */
    }
    const struct cs_group_settings *s = &group->settings;
    Csim__Timestamp created = timestamp(group->created);
    Csim__Timestamp updated = timestamp(group->updated);
    Csim__MulticastGroup g;
    csim__multicast_group__init(&g);
    Csim__GroupResponse out;
    csim__group_response__init(&out);
    char nwk[2 * AES_KEY_BYTES + 1];
    char app[2 * AES_KEY_BYTES + 1];
    char addr[9];
    uint8_t bytes[4] = {(uint8_t)(s->mc_addr >> 24), (uint8_t)(s->mc_addr >> 16),
                        (uint8_t)(s->mc_addr >> 8), (uint8_t)s->mc_addr};
    hex_encode(bytes, sizeof(bytes), addr);
    hex_encode(s->keys.nwk_s_key.b, AES_KEY_BYTES, nwk);
    hex_encode(s->keys.app_s_key.b, AES_KEY_BYTES, app);
    g.id = text(group->id);
    g.name = text(s->name);
    g.application_id = text(s->application_id);
    g.region = s->region;
    g.mc_addr = addr;
    g.mc_nwk_s_key = nwk;
    g.mc_app_s_key = app;
    g.f_cnt = s->f_cnt;
    g.group_type = s->type;
    g.dr = s->dr;
    g.frequency = s->frequency_hz;
    g.class_c_scheduling_type = s->scheduling;
    g.class_b_ping_slot_periodicity = s->ping_slot_periodicity;
    out.multicast_group = &g;
    out.created_at = &created;
    out.updated_at = &updated;
    answer(call, &out.base);
    return FUO_OK;
}

static int group_delete(struct call *call)
{
    const Csim__Id *in = (const void *)call->in;
    int err = known_group(call, in->id);
    return answer_empty(call, err != FUO_OK ? err : cs_group_delete(call->cs, in->id));
}

struct list_item {
    Csim__MulticastGroupListItem item;
    Csim__Timestamp created;
    Csim__Timestamp updated;
};

static bool listed(const struct cs_group *group, const Csim__ListGroupsRequest *in)
{
    const struct cs_group_settings *s = &group->settings;
    return strstr(s->name, in->search) != NULL &&
           (in->application_id[0] == '\0' ||
            strcmp(in->application_id, s->application_id) == 0);
}

static void fill_list_item(struct list_item *to, const struct cs_group *group)
{
    csim__multicast_group_list_item__init(&to->item);
    to->created = timestamp(group->created);
    to->updated = timestamp(group->updated);
    to->item.id = text(group->id);
    to->item.name = text(group->settings.name);
    to->item.region = group->settings.region;
    to->item.group_type = group->settings.type;
    to->item.created_at = &to->created;
    to->item.updated_at = &to->updated;
}

static int group_list(struct call *call)
{
    const Csim__ListGroupsRequest *in = (const void *)call->in;
    Csim__ListGroupsResponse out;
    csim__list_groups_response__init(&out);
    size_t total = 0;
    for (const struct cs_group *g = call->cs->groups; g != NULL; g = g->next) {
        total += listed(g, in) ? 1 : 0;
    }
    struct list_item *items = calloc(total + 1, sizeof(*items));
    Csim__MulticastGroupListItem **result =
        calloc(total + 1, sizeof(struct Csim__MulticastGroupListItem *));
    if (items == NULL || result == NULL) {
        free(items);
        free(result);
        return FUO_ENOSPC;
    }
    size_t seen = 0;
    for (const struct cs_group *g = call->cs->groups; g != NULL; g = g->next) {
        if (listed(g, in) && seen++ >= in->offset && out.n_result < in->limit) {
            fill_list_item(&items[out.n_result], g);
            result[out.n_result] = &items[out.n_result].item;
            out.n_result++;
        }
    }
    out.total_count = (uint32_t)total;
    out.result = result;
    answer(call, &out.base);
    free(items);
    free(result);
    return FUO_OK;
}

/* ---- their members ---- */

typedef int member_function(struct cs *cs, const char *id, uint64_t eui);

static int member_call(struct call *call, member_function *function)
{
    const Csim__MemberRequest *in = (const void *)call->in;
    uint64_t eui = 0;
    int err = read_eui(in->eui, &eui);
    if (err == FUO_OK) {
        err = known_group(call, in->multicast_group_id);
    }
    if (err == FUO_OK) {
        err = function(call->cs, in->multicast_group_id, eui);
    }
    return answer_empty(call, err);
}

static int group_add_device(struct call *call)
{
    return member_call(call, cs_group_add_device);
}

static int group_remove_device(struct call *call)
{
    return member_call(call, cs_group_remove_device);
}

static int group_add_gateway(struct call *call)
{
    return member_call(call, cs_group_add_gateway);
}

static int group_remove_gateway(struct call *call)
{
    return member_call(call, cs_group_remove_gateway);
}

/* ---- their queue ---- */

static int group_enqueue(struct call *call)
{
    const Csim__EnqueueGroupRequest *in = (const void *)call->in;
    const Csim__MulticastQueueItem *item = in->queue_item;
    Csim__EnqueueGroupResponse out;
    csim__enqueue_group_response__init(&out);
    if (item == NULL || item->f_port == 0 || item->f_port > 255) {
        return FUO_EINVAL;
    }
    struct cs_multicast frame = {
        .group = item->multicast_group_id,
        .fport = (uint8_t)item->f_port,
        .data = item->data.data,
        .len = item->data.len,
        .expires = expiry(item->expires_at),
    };
    int err = known_group(call, item->multicast_group_id);
    if (err == FUO_OK) {
        err = cs_group_enqueue(call->cs, &frame, call->now, &out.f_cnt);
    }
    if (err == FUO_OK) {
        answer(call, &out.base);
    }
    return err;
}

static int group_flush(struct call *call)
{
    const Csim__Id *in = (const void *)call->in;
    int err = known_group(call, in->id);
    return answer_empty(call, err != FUO_OK ? err : cs_group_flush(call->cs, in->id));
}

struct queue_item {
    Csim__MulticastQueueItem item;
    Csim__Timestamp expires;
};

static void fill_queue_item(struct queue_item *to, const struct cs_group *group,
                            struct cs_row *row)
{
    csim__multicast_queue_item__init(&to->item);
    to->item.multicast_group_id = text(group->id);
    to->item.f_cnt = row->f_cnt;
    to->item.f_port = row->fport;
    to->item.data.data = row->data;
    to->item.data.len = row->len;
    if (row->expires.us != INT64_MAX) {
        to->expires = timestamp(row->expires);
        to->item.expires_at = &to->expires;
    }
}

static int group_list_queue(struct call *call)
{
    const Csim__Id *in = (const void *)call->in;
    const struct cs_group *group = cs_group_find(call->cs, in->id);
    Csim__GroupQueueResponse out;
    csim__group_queue_response__init(&out);
    if (group == NULL) {
        return FUO_EPERM; /* known_group() */
    }
    struct queue_item *items = calloc(group->row_count + 1, sizeof(*items));
    out.items = calloc(group->row_count + 1, sizeof(struct Csim__MulticastQueueItem *));
    if (items == NULL || out.items == NULL) {
        free(items);
        free(out.items);
        return FUO_ENOSPC;
    }
    const struct cs_row *last = NULL; /* a frame once, whatever its gateways */
    for (struct cs_row *row = group->rows; row != NULL; last = row, row = row->next) {
        if (last != NULL && last->f_cnt == row->f_cnt) {
            continue;
        }
        fill_queue_item(&items[out.n_items], group, row);
        out.items[out.n_items] = &items[out.n_items].item;
        out.n_items++;
    }
    answer(call, &out.base);
    free(items);
    free(out.items);
    return FUO_OK;
}

/* ---- devices ---- */

static int device_flush(struct call *call)
{
    const Csim__Id *in = (const void *)call->in;
    uint64_t eui = 0;
    int err = known_device(call, in->id, &eui);
    return answer_empty(call, err != FUO_OK ? err : cs_flush(call->cs, eui));
}

static int device_enqueue(struct call *call)
{
    const Csim__EnqueueDeviceRequest *in = (const void *)call->in;
    const Csim__DeviceQueueItem *item = in->queue_item;
    uint64_t eui = 0;
    char id[CS_ID_SIZE];
    if (item == NULL || item->f_port > 255) {
        return FUO_EINVAL;
    }
    int err = known_device(call, item->dev_eui, &eui);
    if (err == FUO_OK && in->flush_queue) {
        err = cs_flush(call->cs, eui);
    }
    struct cs_downlink downlink = {
        .dev_eui = eui,
        .id = item->id[0] != '\0' ? item->id : NULL,
        .fport = (uint8_t)item->f_port,
        .confirmed = item->confirmed,
        .data = item->data.data,
        .len = item->data.len,
        .expires = expiry(item->expires_at),
    };
    if (err == FUO_OK) {
        err = cs_enqueue(call->cs, &downlink, id);
    }
    if (err == FUO_OK) {
        Csim__Id out;
        csim__id__init(&out);
        out.id = id;
        answer(call, &out.base);
    }
    return err;
}

static void fill_device_item(Csim__DeviceQueueItem *to, const char *eui,
                             struct cs_item *item)
{
    csim__device_queue_item__init(to);
    to->id = item->id;
    to->dev_eui = text(eui);
    to->confirmed = item->confirmed;
    to->f_port = item->fport;
    to->data.data = item->data;
    to->data.len = item->len;
    to->is_pending = item->pending;
    to->f_cnt_down = item->fcnt_down;
}

static int device_queue(struct call *call)
{
    const Csim__DeviceQueueRequest *in = (const void *)call->in;
    Csim__DeviceQueueResponse out;
    csim__device_queue_response__init(&out);
    uint64_t eui = 0;
    int err = known_device(call, in->dev_eui, &eui);
    if (err != FUO_OK) {
        return err;
    }
    const struct cs_device *device = cs_device_by_eui(call->cs, eui);
    Csim__DeviceQueueItem items[CS_DEVICE_QUEUE_MAX];
    Csim__DeviceQueueItem *result[CS_DEVICE_QUEUE_MAX];
    for (struct cs_item *i = device->queue; i != NULL && !in->count_only; i = i->next) {
        fill_device_item(&items[out.n_result], in->dev_eui, i);
        result[out.n_result] = &items[out.n_result];
        out.n_result++;
    }
    out.total_count = (uint32_t)device->queue_len;
    out.result = result;
    answer(call, &out.base);
    return FUO_OK;
}

/* ---- dispatch ---- */

struct method {
    const char *path;
    const ProtobufCMessageDescriptor *in;
    int (*handle)(struct call *call);
};

#define GROUP(name)  "/api.MulticastGroupService/" name
#define DEVICE(name) "/api.DeviceService/" name

static const struct method methods[] = {
    {GROUP("Create"), &csim__group_request__descriptor, group_create},
    {GROUP("Get"), &csim__id__descriptor, group_get},
    {GROUP("Update"), &csim__group_request__descriptor, group_update},
    {GROUP("Delete"), &csim__id__descriptor, group_delete},
    {GROUP("List"), &csim__list_groups_request__descriptor, group_list},
    {GROUP("AddDevice"), &csim__member_request__descriptor, group_add_device},
    {GROUP("RemoveDevice"), &csim__member_request__descriptor, group_remove_device},
    {GROUP("AddGateway"), &csim__member_request__descriptor, group_add_gateway},
    {GROUP("RemoveGateway"), &csim__member_request__descriptor, group_remove_gateway},
    {GROUP("Enqueue"), &csim__enqueue_group_request__descriptor, group_enqueue},
    {GROUP("FlushQueue"), &csim__id__descriptor, group_flush},
    {GROUP("ListQueue"), &csim__id__descriptor, group_list_queue},
    {DEVICE("Enqueue"), &csim__enqueue_device_request__descriptor, device_enqueue},
    {DEVICE("FlushQueue"), &csim__id__descriptor, device_flush},
    {DEVICE("GetQueue"), &csim__device_queue_request__descriptor, device_queue},
};

static const struct method *method_by_path(const char *path)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(methods[i].path, path) == 0) {
            return &methods[i];
        }
    }
    return NULL;
}

static void set_status(struct rpc_response *response, int err)
{
    response->message = err == FUO_OK ? "" : fuo_strerror(err);
    switch (err) {
    case FUO_OK:
        response->status = RPC_OK;
        break;
    case FUO_ENOENT:
        response->status = RPC_NOT_FOUND;
        response->message = "Object does not exist";
        break;
    case FUO_EEXIST: /* the words of SQLite */
        response->status = RPC_INTERNAL;
        response->message = "UNIQUE constraint failed: multicast_group_device.dev_eui";
        break;
    case FUO_EPERM:
        response->status = RPC_UNAUTHENTICATED;
        response->message = "";
        break;
    case FUO_EINVAL:
    case FUO_ERANGE:
        response->status = RPC_INVALID_ARGUMENT;
        break;
    case FUO_ENOSPC:
        response->status = RPC_RESOURCE_EXHAUSTED;
        break;
    default:
        response->status = RPC_INTERNAL;
        break;
    }
}

void rpc_call(struct cs *cs, const struct rpc_request *request, struct utc now,
              struct rpc_response *response)
{
    *response = (struct rpc_response){.status = RPC_UNIMPLEMENTED, .message = ""};
    const struct method *method = method_by_path(request->path);
    if (method == NULL) {
        return;
    }
    ProtobufCMessage *in =
        protobuf_c_message_unpack(method->in, NULL, request->len, request->body);
    if (in == NULL) {
        set_status(response, FUO_EPROTO);
        return;
    }
    struct call call = {cs, now, in, response};
    int err = method->handle(&call);
    if (response->status != RPC_RESOURCE_EXHAUSTED) {
        set_status(response, err);
    }
    protobuf_c_message_free_unpacked(in, NULL);
}
