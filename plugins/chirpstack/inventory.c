/* SPDX-License-Identifier: MIT */
/*
 * inventory.c - what the server has: its version, the application, its devices page by page
 * with profiles, tags and keys, the gateways of its tenant. Reads, and changes nothing.
 *
 * One call at a time, so that those of a campaign go in between. A call without an answer is
 * made again a few times. Devices are asked for by DevEUI; if their number changes meanwhile
 * some may have been passed over, and the result is FUO_EAGAIN.
 *
 * A root key of all zeros is none: that is what ChirpStack has where nobody gave one.
 * Sources: api/proto/api/{application,device,device_profile,gateway,internal}.proto, and
 * network-servers.md 1.1, 2.2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "text.h"

enum {
    PAGE = 100,
    TRIES = 4,
    PROFILES_MAX = 1000,
    KEY_LEN = 16,
    ORDER_BY_ID = 1, /* DEV_EUI, GATEWAY_ID */
    LORAWAN_1_1_0 = 5,
    STATE_NEVER_SEEN = 0,
    STATE_ONLINE = 1,
    STATE_OFFLINE = 2,
};

#define PROFILE_TAG "fuotad-profile"

typedef int scan_step(struct fuo_ns *ns);

struct scan {
    uint64_t id;
    bool wants_keys;
    uint64_t *keyed; /* owned, ascending */
    size_t keyed_count;
    scan_step *step; /* that was asked last */
    int tries;
    char tenant_id[UUID_SIZE];
    uint32_t offset;
    uint32_t total;
    bool changed;                    /* the list was another from page to page */
    Cs__DeviceList *page;            /* owned */
    size_t at;                       /* in the page */
    Cs__DeviceProfileBox **profiles; /* owned */
    size_t profile_count;
    size_t labels_lost;
};

/* ---- the end ---- */

static void scan_free(struct scan *s)
{
    cs__device_list__free_unpacked(s->page, &api_allocator);
    for (size_t i = 0; i < s->profile_count; i++) {
        cs__device_profile_box__free_unpacked(s->profiles[i], &api_allocator);
    }
    free(s->profiles);
    free(s->keyed);
    free(s);
}

void inventory_close(struct fuo_ns *ns)
{
    if (ns->scan != NULL) {
        scan_free(ns->scan);
        ns->scan = NULL;
    }
}

static void finish(struct fuo_ns *ns, int err)
{
    struct scan *s = ns->scan;
    uint64_t id = s->id;
    if (s->labels_lost > 0) {
        ns_finding(ns, id, false,
                   "%zu tags were left out: a device has at most %d, each shorter than "
                   "%d bytes and of printable text",
                   s->labels_lost, FUO_LABELS_MAX, FUO_NAME_SIZE);
    }
    ns->scan = NULL;
    scan_free(s);
    ns_result(ns, id, err, 0);
}

/* ---- calls ---- */

/* The scan is the instance's: there is nothing to free. */
static void keep(void *context)
{
    (void)context;
}

static int ask(struct fuo_ns *ns, const char *path, const ProtobufCMessage *request,
               api_done *done)
{
    return api_call(ns, path, request, done, keep, NULL);
}

static void go(struct fuo_ns *ns, scan_step *step)
{
    ns->scan->step = step;
    ns->scan->tries = 1;
    int err = step(ns);
    if (err != FUO_OK) {
        finish(ns, err);
    }
}

/* Whether there is an answer to look at; else the call is made again, or it was the last. */
static bool answered(struct fuo_ns *ns, const struct api_answer *answer)
{
    struct scan *s = ns->scan;
    if (answer->err != FUO_EAGAIN && answer->err != FUO_ETIMEDOUT) {
        return true;
    }
    if (s->tries++ < TRIES && s->step(ns) == FUO_OK) {
        return false;
    }
    finish(ns, FUO_ETIMEDOUT);
    return false;
}

static void stop(struct fuo_ns *ns, const char *what, const struct api_answer *answer)
{
    ns_log(ns, FUO_LOG_WARN, "inventory: %s: %s (error %d)", what, answer->text,
           answer->err);
    finish(ns, answer->err != FUO_OK ? answer->err : FUO_EPROTO);
}

/* ---- gateways ---- */

static int gateway_page(struct fuo_ns *ns);

static void tell_gateway(struct fuo_ns *ns, const Cs__GatewayItem *item)
{
    static const enum fuo_gateway_state states[] = {
        [STATE_NEVER_SEEN] = FUO_GATEWAY_NEVER_SEEN,
        [STATE_ONLINE] = FUO_GATEWAY_ONLINE,
        [STATE_OFFLINE] = FUO_GATEWAY_OFFLINE,
    };
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_LISTED};
    const Cs__Location *at = item->location;
    if (!parse_eui(item->gateway_id, strlen(item->gateway_id), &event.listed.gateway)) {
        ns->base.ops->reject(ns->base.host, "gateway without an EUI");
        return;
    }
    event.listed.id = ns->scan->id;
    if (item->state >= STATE_NEVER_SEEN && item->state <= STATE_OFFLINE) {
        event.listed.state = states[item->state];
    }
    if (at != NULL && at->latitude >= -90 && at->latitude <= 90 &&
        at->longitude >= -180 && at->longitude <= 180) {
        event.listed.located = at->latitude != 0 || at->longitude != 0;
        event.listed.latitude_e6 = (int32_t)(at->latitude * 1e6);
        event.listed.longitude_e6 = (int32_t)(at->longitude * 1e6);
    }
    ns->base.ops->event(ns->base.host, &event);
}

static void on_gateways(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    (void)context;
    struct scan *s = ns->scan;
    if (!answered(ns, answer)) {
        return;
    }
    Cs__GatewayList *list =
        answer->err == FUO_OK ? cs__gateway_list__unpack(
                                    &api_allocator, answer->message_len, answer->message)
                              : NULL;
    if (list == NULL) {
        stop(ns, "the gateways of the tenant", answer);
        return;
    }
    for (size_t i = 0; i < list->n_result; i++) {
        tell_gateway(ns, list->result[i]);
    }
    s->offset += (uint32_t)list->n_result;
    bool more = list->n_result > 0 && s->offset < list->total_count;
    cs__gateway_list__free_unpacked(list, &api_allocator);
    if (more) {
        go(ns, gateway_page);
    } else {
        finish(ns, s->changed ? FUO_EAGAIN : FUO_OK);
    }
}

static int gateway_page(struct fuo_ns *ns)
{
    Cs__ListPage request;
    cs__list_page__init(&request);
    request.limit = PAGE;
    request.offset = ns->scan->offset;
    request.of = ns->scan->tenant_id;
    request.order_by = ORDER_BY_ID;
    return ask(ns, "/api.GatewayService/List", &request.base, on_gateways);
}

/* ---- one device ---- */

static void next_device(struct fuo_ns *ns);

static const Cs__DeviceItem *current(const struct scan *s)
{
    return s->page->result[s->at];
}

static const Cs__DeviceProfile *profile_of(const struct scan *s, const char *id)
{
    for (size_t i = 0; i < s->profile_count; i++) {
        if (strcmp(s->profiles[i]->device_profile->id, id) == 0) {
            return s->profiles[i]->device_profile;
        }
    }
    return NULL;
}

static bool is_plain(const char *text)
{
    size_t len = strnlen(text, FUO_NAME_SIZE);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            return false;
        }
    }
    return len > 0 && len < FUO_NAME_SIZE;
}

/* One of that key is replaced: the device's tags come after those of its profile. */
static void add_label(struct scan *s, struct fuo_event *event,
                      struct fuo_label labels[static FUO_LABELS_MAX], const Cs__Tag *tag)
{
    size_t at = 0;
    if (!is_plain(tag->key) || !is_plain(tag->value)) {
        s->labels_lost += tag->value[0] != '\0';
        return;
    }
    if (strcmp(tag->key, PROFILE_TAG) == 0) {
        event->device.profile = tag->value;
        return;
    }
    while (at < FUO_LABELS_MAX && labels[at].key != NULL &&
           strcmp(labels[at].key, tag->key) != 0) {
        at++;
    }
    if (at == FUO_LABELS_MAX) {
        s->labels_lost++;
        return;
    }
    labels[at] = (struct fuo_label){tag->key, tag->value};
    event->device.label_count += at == event->device.label_count;
}

/* All zeros: none. */
static const uint8_t *read_key(const char *text, uint8_t key[static KEY_LEN])
{
    uint64_t high;
    uint64_t low;
    if (strlen(text) != 2 * (size_t)KEY_LEN || !parse_eui(text, KEY_LEN, &high) ||
        !parse_eui(text + KEY_LEN, KEY_LEN, &low) || (high == 0 && low == 0)) {
        return NULL;
    }
    for (int i = 0; i < KEY_LEN / 2; i++) {
        key[i] = (uint8_t)(high >> (56 - 8 * i));
        key[KEY_LEN / 2 + i] = (uint8_t)(low >> (56 - 8 * i));
    }
    return key;
}

struct device_keys {
    const Cs__DeviceKeys *from; /* NULL: none */
    bool left_out;
};

static void tell_device(struct fuo_ns *ns, const struct device_keys *keys)
{
    struct scan *s = ns->scan;
    const Cs__DeviceItem *item = current(s);
    const Cs__DeviceProfile *profile = profile_of(s, item->device_profile_id);
    struct fuo_label labels[FUO_LABELS_MAX] = {0};
    uint8_t gen_app_key[KEY_LEN];
    uint8_t app_key[KEY_LEN];
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_DEVICE};
    event.device.id = s->id;
    (void)!parse_eui(item->dev_eui, strlen(item->dev_eui), &event.device.dev_eui);
    event.device.name = is_plain(item->name) ? item->name : NULL;
    event.device.labels = labels;
    event.device.keys_left_out = keys->left_out;
    if (profile != NULL) {
        event.device.server_profile = is_plain(profile->name) ? profile->name : NULL;
        event.device.lorawan_minor = profile->mac_version >= LORAWAN_1_1_0;
        event.device.lacks_class_b = !profile->supports_class_b;
        event.device.lacks_class_c = !profile->supports_class_c;
        event.device.clock_answered = profile->app_layer_params != NULL &&
                                      profile->app_layer_params->ts003_version != 0;
    }
    for (size_t i = 0; profile != NULL && i < profile->n_tags; i++) {
        add_label(s, &event, labels, profile->tags[i]);
    }
    for (size_t i = 0; i < item->n_tags; i++) {
        add_label(s, &event, labels, item->tags[i]);
    }
    if (keys->from != NULL) {
        event.device.gen_app_key = read_key(keys->from->gen_app_key, gen_app_key);
        event.device.app_key = read_key(keys->from->app_key, app_key);
    }
    ns->base.ops->event(ns->base.host, &event);
    explicit_bzero(gen_app_key, sizeof(gen_app_key));
    explicit_bzero(app_key, sizeof(app_key));
}

static void on_keys(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    (void)context;
    if (!answered(ns, answer)) {
        return;
    }
    Cs__DeviceKeysBox *box =
        answer->err == FUO_OK ? cs__device_keys_box__unpack(
                                    &api_allocator, answer->message_len, answer->message)
                              : NULL;
    /* NOT_FOUND: it has none; to a tenant's key a device that is gone by now is refused. */
    bool gone = answer->err == FUO_ENOENT || answer->err == FUO_EPERM;
    if (box == NULL && !gone) {
        stop(ns, "the keys of a device", answer);
        return;
    }
    tell_device(ns, &(struct device_keys){box != NULL ? box->device_keys : NULL, false});
    cs__device_keys_box__free_unpacked(box, &api_allocator);
    ns->scan->at++;
    next_device(ns);
}

static int keys_get(struct fuo_ns *ns)
{
    Cs__Id request;
    cs__id__init(&request);
    request.id = current(ns->scan)->dev_eui;
    return ask(ns, API_DEVICE "GetKeys", &request.base, on_keys);
}

static bool keep_profile(struct scan *s, const struct api_answer *answer)
{
    Cs__DeviceProfileBox *box = cs__device_profile_box__unpack(
        &api_allocator, answer->message_len, answer->message);
    Cs__DeviceProfileBox **grown =
        realloc(s->profiles, (s->profile_count + 1) * sizeof(Cs__DeviceProfileBox *));
    if (grown != NULL) {
        s->profiles = grown;
    }
    if (grown == NULL || box == NULL || box->device_profile == NULL ||
        strcmp(box->device_profile->id, current(s)->device_profile_id) != 0) {
        cs__device_profile_box__free_unpacked(box, &api_allocator);
        return false;
    }
    s->profiles[s->profile_count++] = box;
    return true;
}

static void on_profile(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    (void)context;
    if (!answered(ns, answer)) {
        return;
    }
    if (answer->err != FUO_OK || !keep_profile(ns->scan, answer)) {
        stop(ns, "a device profile", answer);
        return;
    }
    next_device(ns);
}

static int profile_get(struct fuo_ns *ns)
{
    Cs__Id request;
    cs__id__init(&request);
    request.id = current(ns->scan)->device_profile_id;
    return ask(ns, API_PROFILE "Get", &request.base, on_profile);
}

/* ---- the devices of a page ---- */

static int device_page(struct fuo_ns *ns);

static bool is_keyed(const struct scan *s, uint64_t dev_eui)
{
    size_t low = 0;
    size_t high = s->keyed_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->keyed[middle] < dev_eui) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->keyed_count && s->keyed[low] == dev_eui;
}

static void end_page(struct fuo_ns *ns)
{
    struct scan *s = ns->scan;
    s->offset += (uint32_t)s->page->n_result;
    bool more = s->page->n_result > 0 && s->offset < s->total;
    s->changed |= !more && s->offset != s->total;
    cs__device_list__free_unpacked(s->page, &api_allocator);
    s->page = NULL;
    if (!more) {
        s->offset = 0;
    }
    go(ns, more ? device_page : gateway_page);
}

/* Those for which nothing is to be asked are told at once. */
static void next_device(struct fuo_ns *ns)
{
    struct scan *s = ns->scan;
    for (; s->at < s->page->n_result; s->at++) {
        const Cs__DeviceItem *item = current(s);
        uint64_t dev_eui;
        if (!parse_eui(item->dev_eui, strlen(item->dev_eui), &dev_eui)) {
            ns->base.ops->reject(ns->base.host, "device without a DevEUI");
            continue;
        }
        if (profile_of(s, item->device_profile_id) == NULL &&
            s->profile_count < PROFILES_MAX) {
            go(ns, profile_get);
            return;
        }
        bool known = is_keyed(s, dev_eui);
        if (s->wants_keys && !known) {
            go(ns, keys_get);
            return;
        }
        tell_device(ns, &(struct device_keys){NULL, true});
    }
    end_page(ns);
}

static void on_page(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    (void)context;
    struct scan *s = ns->scan;
    if (!answered(ns, answer)) {
        return;
    }
    s->page = answer->err == FUO_OK
                  ? cs__device_list__unpack(&api_allocator, answer->message_len,
                                            answer->message)
                  : NULL;
    if (s->page == NULL) {
        stop(ns, "the devices of the application", answer);
        return;
    }
    s->changed |= s->offset > 0 && s->page->total_count != s->total;
    s->total = s->page->total_count;
    s->at = 0;
    next_device(ns);
}

static int device_page(struct fuo_ns *ns)
{
    Cs__ListPage request;
    cs__list_page__init(&request);
    char application_id[UUID_SIZE];
    memcpy(application_id, ns->config->application_id, UUID_SIZE);
    request.limit = PAGE;
    request.offset = ns->scan->offset;
    request.of = application_id;
    request.order_by = ORDER_BY_ID;
    return ask(ns, API_DEVICE "List", &request.base, on_page);
}

/* ---- the application ---- */

static void on_refused(struct fuo_ns *ns, uint64_t id, int err)
{
    (void)id;
    finish(ns, err);
}

static void on_application(struct fuo_ns *ns, void *context,
                           const struct api_answer *answer)
{
    (void)context;
    struct scan *s = ns->scan;
    if (!answered(ns, answer)) {
        return;
    }
    if (answer->err == FUO_EPERM || answer->err == FUO_ENOENT) {
        explain_refusal(ns, s->id, on_refused);
        return;
    }
    Cs__ApplicationBox *box =
        answer->err == FUO_OK ? cs__application_box__unpack(
                                    &api_allocator, answer->message_len, answer->message)
                              : NULL;
    bool usable =
        box != NULL && box->application != NULL && is_uuid(box->application->tenant_id);
    if (usable) {
        memcpy(s->tenant_id, box->application->tenant_id, UUID_SIZE);
    }
    cs__application_box__free_unpacked(box, &api_allocator);
    if (!usable) {
        stop(ns, "the application", answer);
        return;
    }
    go(ns, device_page);
}

static int application_get(struct fuo_ns *ns)
{
    Cs__Id request;
    cs__id__init(&request);
    char application_id[UUID_SIZE];
    memcpy(application_id, ns->config->application_id, UUID_SIZE);
    request.id = application_id;
    return ask(ns, "/api.ApplicationService/Get", &request.base, on_application);
}

/* ---- the version ---- */

/* Only an administrator's key is told the version; UNIMPLEMENTED: it was not there before
 * 4.7. */
static void on_version(struct fuo_ns *ns, void *context, const struct api_answer *answer)
{
    (void)context;
    if (!answered(ns, answer)) {
        return;
    }
    if (answer->status == GRPC_UNIMPLEMENTED) {
        version_look(ns, ns->scan->id, "4.6");
    } else if (answer->err == FUO_OK) {
        Cs__Version *v =
            cs__version__unpack(&api_allocator, answer->message_len, answer->message);
        if (v != NULL) {
            version_look(ns, ns->scan->id, v->version);
        }
        cs__version__free_unpacked(v, &api_allocator);
    }
    go(ns, application_get);
}

static int get_version(struct fuo_ns *ns)
{
    Cs__Empty request;
    cs__empty__init(&request);
    return ask(ns, "/api.InternalService/GetVersion", &request.base, on_version);
}

/* ---- the intent ---- */

int inventory_scan(struct fuo_ns *ns, const struct fuo_inventory *inventory)
{
    if (ns->scan != NULL) {
        return FUO_EAGAIN;
    }
    struct scan *s = calloc(1, sizeof(*s));
    uint64_t *keyed = calloc(inventory->keyed_count + 1, sizeof(*keyed));
    if (s == NULL || keyed == NULL) {
        free(s);
        free(keyed);
        return FUO_ENOMEM;
    }
    s->id = inventory->id;
    s->wants_keys = inventory->keys;
    s->keyed = keyed;
    s->keyed_count = inventory->keyed_count;
    if (s->keyed_count > 0) {
        memcpy(keyed, inventory->keyed, s->keyed_count * sizeof(*keyed));
    }
    s->step = get_version;
    s->tries = 1;
    ns->scan = s;
    int err = get_version(ns);
    if (err != FUO_OK) {
        inventory_close(ns);
    }
    return err;
}
