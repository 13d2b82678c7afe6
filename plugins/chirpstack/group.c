/* SPDX-License-Identifier: MIT */
/*
 * group.c - opening a multicast group: List, Create unless it is there, AddGateway or
 * AddDevice one by one, Get. Every step may be repeated: an opening whose answer was lost
 * is opened again and finds what it left behind by its name. What the server refuses to
 * fill is deleted again: nobody would come back for it.
 *
 * ChirpStack sends from the group's gateways if it has any, and looks at its devices only
 * to choose some if it has none (downlink/multicast.rs): one or the other is added, so that
 * a group with gateways is open after a handful of calls however many devices hear it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api.h"
#include "text.h"

enum {
    NAME_MAX_LEN = 100,
    PAGE = 100, /* groups per List */
    TEXT_SIZE = 300,
    PAGES_MAX = 100,
    KEY_LEN = 16,
    MEMBERS_MAX = 100000,
    CLASS_C = 0,
    CLASS_B = 1,
    NO_REGION = -1,
};

struct opening {
    uint64_t id;
    int err;         /* why it is deleted again */
    uint32_t offset; /* of the page of List */
    size_t next;
    uint32_t absent_count; /* devices that the application does not have */
    bool by_gateways;      /* members are gateways; else devices */
    Cs__Group group;       /* its texts are below */
    char name[NAME_MAX_LEN + 1];
    char handle[FUO_GROUP_SIZE];
    char mc_addr[9];
    char mc_nwk_s_key[2 * KEY_LEN + 1];
    char mc_app_s_key[2 * KEY_LEN + 1];
    char application_id[UUID_SIZE];
    size_t count;
    uint64_t members[];
};

static void next_member(struct fuo_ns *ns, struct opening *o);
static void list_page(struct fuo_ns *ns, struct opening *o);

static void opening_free(void *context)
{
    struct opening *o = context;
    explicit_bzero(o, sizeof(*o));
    free(o);
}

/* ---- the end ---- */

static void finish(struct fuo_ns *ns, struct opening *o, int err, uint32_t f_cnt)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_GROUP};
    event.group.id = o->id;
    event.group.err = err;
    event.group.group = err == FUO_OK ? o->handle : NULL;
    event.group.f_cnt = f_cnt;
    ns->base.ops->event(ns->base.host, &event);
    opening_free(o);
}

/* ---- nothing is left half made ---- */

/* Who was only not reached is asked again, and finds it; another's group is left alone. */
static bool is_left_behind(const struct opening *o, int err)
{
    return o->handle[0] != '\0' && err != FUO_EAGAIN && err != FUO_ETIMEDOUT &&
           err != FUO_EEXIST;
}

static void on_undone(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct opening *o = context;
    if (answer->err != FUO_OK && answer->err != FUO_ENOENT) {
        ns_log(ns, FUO_LOG_WARN, "multicast group %s stays at the server: Delete: %s",
               o->name, answer->text);
    }
    finish(ns, o, o->err, 0);
}

static void undo(struct fuo_ns *ns, struct opening *o, int err)
{
    Cs__Id request;
    cs__id__init(&request);
    request.id = o->handle;
    o->err = err;
    if (api_call(ns, API_GROUP "Delete", &request.base, on_undone, opening_free, o) !=
        FUO_OK) {
        finish(ns, o, err, 0);
    }
}

static void give_up(struct fuo_ns *ns, struct opening *o, const char *step, int err,
                    const char *text)
{
    ns_log(ns, FUO_LOG_ERROR, "multicast group %s cannot be opened: %s: %s (error %d)",
           o->name, step, text, err);
    if (is_left_behind(o, err)) {
        undo(ns, o, err);
    } else {
        finish(ns, o, err, 0);
    }
}

static void call(struct fuo_ns *ns, struct opening *o, const char *path,
                 const ProtobufCMessage *request, api_done *done)
{
    int err = api_call(ns, path, request, done, opening_free, o);
    if (err != FUO_OK) {
        give_up(ns, o, path, err, "too much is under way");
    }
}

/* ---- Get ---- */

static void on_group(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct opening *o = context;
    if (answer->err != FUO_OK) {
        give_up(ns, o, "Get", answer->err, answer->text);
        return;
    }
    Cs__GroupBox *box =
        cs__group_box__unpack(&api_allocator, answer->message_len, answer->message);
    const Cs__Group *g = box != NULL ? box->multicast_group : NULL;
    if (g == NULL) {
        give_up(ns, o, "Get", FUO_EPROTO, "the answer is malformed");
    } else if (strcasecmp(g->mc_addr, o->mc_addr) != 0 || g->dr != o->group.dr ||
               strcasecmp(g->mc_app_s_key, o->mc_app_s_key) != 0 ||
               g->frequency != o->group.frequency) {
        give_up(ns, o, "Get", FUO_EEXIST,
                "another group of this name is there, with another address, key, data "
                "rate or frequency");
    } else {
        finish(ns, o, FUO_OK, g->f_cnt);
    }
    cs__group_box__free_unpacked(box, &api_allocator);
}

static void get_group(struct fuo_ns *ns, struct opening *o)
{
    Cs__Id request;
    cs__id__init(&request);
    request.id = o->handle;
    call(ns, o, API_GROUP "Get", &request.base, on_group);
}

/* ---- AddDevice, AddGateway ---- */

static void on_device(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct opening *o = context;
    char eui[HEX_EUI_SIZE];
    format_eui(o->members[o->next - 1], eui);
    if (answer->err == FUO_ENOENT) {
        o->absent_count++;
        ns_log(ns, FUO_LOG_WARN, "multicast group %s: device %s: %s", o->name, eui,
               answer->text);
    } else if (answer->err != FUO_OK && answer->err != FUO_EEXIST) {
        give_up(ns, o, "AddDevice", answer->err, answer->text);
        return;
    }
    if (o->absent_count == o->count) {
        give_up(ns, o, "AddDevice", FUO_ENOENT,
                "the application has none of the devices");
        return;
    }
    next_member(ns, o);
}

/* ChirpStack says no more than that it is not permitted, or not there. */
static const char *hint_of(int err)
{
    return err == FUO_EPERM || err == FUO_ENOENT
               ? "; the gateway must be one of the tenant that has the application"
               : "";
}

static void on_gateway(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct opening *o = context;
    if (answer->err != FUO_OK && answer->err != FUO_EEXIST) {
        char step[64];
        char eui[HEX_EUI_SIZE];
        char text[TEXT_SIZE];
        format_eui(o->members[o->next - 1], eui);
        snprintf(step, sizeof(step), "AddGateway %s", eui);
        snprintf(text, sizeof(text), "%.200s%s", answer->text, hint_of(answer->err));
        give_up(ns, o, step, answer->err, text);
        return;
    }
    next_member(ns, o);
}

static void next_member(struct fuo_ns *ns, struct opening *o)
{
    Cs__Member request;
    cs__member__init(&request);
    char eui[HEX_EUI_SIZE];
    if (o->next == o->count) {
        get_group(ns, o);
        return;
    }
    request.multicast_group_id = o->handle;
    request.eui = eui;
    format_eui(o->members[o->next++], eui);
    if (o->by_gateways) {
        call(ns, o, API_GROUP "AddGateway", &request.base, on_gateway);
    } else {
        call(ns, o, API_GROUP "AddDevice", &request.base, on_device);
    }
}

/* ---- Create ---- */

static bool take_handle(struct opening *o, const char *id)
{
    if (!is_uuid(id)) {
        return false;
    }
    memcpy(o->handle, id, UUID_SIZE);
    return true;
}

static void on_created(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct opening *o = context;
    if (answer->err != FUO_OK) {
        give_up(ns, o, "Create", answer->err, answer->text);
        return;
    }
    Cs__Id *created =
        cs__id__unpack(&api_allocator, answer->message_len, answer->message);
    bool usable = created != NULL && take_handle(o, created->id);
    cs__id__free_unpacked(created, &api_allocator);
    if (!usable) {
        give_up(ns, o, "Create", FUO_EPROTO, "the answer is malformed");
        return;
    }
    next_member(ns, o);
}

static void create_group(struct fuo_ns *ns, struct opening *o)
{
    Cs__GroupBox request;
    cs__group_box__init(&request);
    request.multicast_group = &o->group;
    call(ns, o, API_GROUP "Create", &request.base, on_created);
}

/* ---- List ---- */

/* The group of exactly our name; "" if this page has none. NULL: malformed. */
static const char *find_name(const Cs__GroupList *list, const char *name)
{
    for (size_t i = 0; i < list->n_result; i++) {
        if (strcmp(list->result[i]->name, name) == 0) {
            return is_uuid(list->result[i]->id) ? list->result[i]->id : NULL;
        }
    }
    return "";
}

static void on_listed(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    struct opening *o = context;
    if (answer->err != FUO_OK) {
        give_up(ns, o, "List", answer->err, answer->text);
        return;
    }
    Cs__GroupList *list =
        cs__group_list__unpack(&api_allocator, answer->message_len, answer->message);
    const char *id = list != NULL ? find_name(list, o->name) : NULL;
    bool malformed = id == NULL;
    bool found = !malformed && take_handle(o, id);
    bool more = list != NULL && list->n_result > 0 &&
                o->offset + PAGE < list->total_count && o->offset < PAGES_MAX * PAGE;
    cs__group_list__free_unpacked(list, &api_allocator);
    if (malformed) {
        give_up(ns, o, "List", FUO_EPROTO, "the answer is malformed");
    } else if (found) {
        next_member(ns, o);
    } else if (more) {
        o->offset += PAGE;
        list_page(ns, o);
    } else {
        create_group(ns, o);
    }
}

static void list_page(struct fuo_ns *ns, struct opening *o)
{
    Cs__ListGroups request;
    cs__list_groups__init(&request);
    request.limit = PAGE;
    request.offset = o->offset;
    request.search = o->name;
    request.application_id = o->application_id;
    call(ns, o, API_GROUP "List", &request.base, on_listed);
}

/* ---- the intent ---- */

/* common.Region of the API. */
static int region_of(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } regions[] = {
        {"EU868", 0},    {"US915", 2},    {"CN779", 3},    {"EU433", 4},    {"AU915", 5},
        {"CN470", 6},    {"AS923", 7},    {"KR920", 8},    {"IN865", 9},    {"RU864", 10},
        {"ISM2400", 11}, {"AS923-2", 12}, {"AS923-3", 13}, {"AS923-4", 14},
    };
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        if (strcmp(name, regions[i].name) == 0) {
            return regions[i].number;
        }
    }
    return NO_REGION;
}

static bool usable(const struct fuo_group *g)
{
    size_t name_len = strnlen(g->name, NAME_MAX_LEN + 1);
    return name_len > 0 && name_len <= NAME_MAX_LEN &&
           region_of(g->region) != NO_REGION &&
           (g->device_class == 'B' || g->device_class == 'C') &&
           g->device_count <= MEMBERS_MAX && g->gateway_count <= MEMBERS_MAX &&
           g->device_count + g->gateway_count > 0;
}

static void describe(struct opening *o, const struct fuo_group *g)
{
    cs__group__init(&o->group);
    snprintf(o->name, sizeof(o->name), "%s", g->name);
    snprintf(o->mc_addr, sizeof(o->mc_addr), "%08x", (unsigned)g->mc_addr);
    format_hex(g->mc_nwk_s_key, KEY_LEN, o->mc_nwk_s_key);
    format_hex(g->mc_app_s_key, KEY_LEN, o->mc_app_s_key);
    o->group.name = o->name;
    o->group.application_id = o->application_id;
    o->group.region = region_of(g->region);
    o->group.mc_addr = o->mc_addr;
    o->group.mc_nwk_s_key = o->mc_nwk_s_key;
    o->group.mc_app_s_key = o->mc_app_s_key;
    o->group.f_cnt = g->f_cnt;
    o->group.group_type = g->device_class == 'B' ? CLASS_B : CLASS_C;
    o->group.dr = g->dr;
    o->group.frequency = g->frequency_hz;
    o->group.class_b_ping_slot_periodicity = g->ping_slot_periodicity;
}

int group_open(struct fuo_ns *ns, const struct fuo_group *group)
{
    if (!usable(group)) {
        return FUO_EINVAL;
    }
    bool by_gateways = group->gateway_count > 0;
    const uint64_t *members = by_gateways ? group->gateways : group->devices;
    size_t count = by_gateways ? group->gateway_count : group->device_count;
    struct opening *o = calloc(1, sizeof(*o) + count * sizeof(o->members[0]));
    if (o == NULL) {
        return FUO_ENOMEM;
    }
    o->id = group->id;
    o->by_gateways = by_gateways;
    o->count = count;
    memcpy(o->application_id, ns->config->application_id, UUID_SIZE);
    memcpy(o->members, members, count * sizeof(o->members[0]));
    describe(o, group);

    Cs__ListGroups request;
    cs__list_groups__init(&request);
    request.limit = PAGE;
    request.search = o->name;
    request.application_id = o->application_id;
    int err = api_call(ns, API_GROUP "List", &request.base, on_listed, opening_free, o);
    if (err != FUO_OK) {
        opening_free(o);
    }
    return err;
}
