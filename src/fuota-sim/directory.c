/* SPDX-License-Identifier: MIT */
#include "fuota-sim/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.pb-c.h"
#include "base/eui.h"
#include "base/hex.h"

enum {
    PROFILES = 2, /* one for each version of TS004 */
    SITE_COUNT = 4,
    LORAWAN_1_0_4 = 4, /* enum MacVersion */
    STATE_ONLINE = 1,
    NAME_SIZE = 32,
    KEY_TEXT_SIZE = 2 * AES_KEY_BYTES + 1,
};

#define TENANT         "7e4a0000-0000-4000-8000-000000000001"
#define OTHER_TENANT   "7e4a0000-0000-4000-8000-000000000002"
#define PROFILE_PREFIX "d0000000-0000-4000-8000-00000000000"

/* ---- what may be wrong ---- */

bool directory_state_parse(const char *words, struct directory_state *state)
{
    char copy[256];
    char *rest = NULL;
    int n = snprintf(copy, sizeof(copy), "%s", words);
    if (n < 0 || (size_t)n >= sizeof(copy)) {
        return false;
    }
    const struct {
        const char *word;
        bool *flag;
    } flags[] = {
        {"class-c", &state->class_c},
        {"no-gen-app-key", &state->no_gen_app_key},
        {"no-keys", &state->no_keys},
        {"read-only", &state->read_only},
        {"foreign-gateway", &state->foreign_gateway},
        {"foreign", &state->foreign},
        {"clock", &state->clock},
        {"gateway-rights", &state->gateway_rights},
    };
    for (char *word = strtok_r(copy, ",", &rest); word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        size_t i = 0;
        while (i < sizeof(flags) / sizeof(flags[0]) && strcmp(flags[i].word, word) != 0) {
            i++;
        }
        if (i < sizeof(flags) / sizeof(flags[0])) {
            *flags[i].flag = true;
        } else if (strncmp(word, "version=", 8) == 0 &&
                   strlen(word + 8) < sizeof(state->version)) {
            memcpy(state->version, word + 8, strlen(word + 8) + 1);
        } else {
            return false;
        }
    }
    return true;
}

/* ---- answers ---- */

static char *text(const char *s)
{
    return (char *)(uintptr_t)s; /* protobuf-c's fields are not const; it only reads */
}

static void refuse(struct rpc_response *response, enum rpc_status status,
                   const char *message)
{
    response->status = status;
    response->message = message;
}

static void answer(struct rpc_response *response, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *body = malloc(len == 0 ? 1 : len);
    if (body == NULL) {
        refuse(response, RPC_RESOURCE_EXHAUSTED, "");
        return;
    }
    response->status = RPC_OK;
    response->body = body;
    response->len = protobuf_c_message_pack(message, body);
}

/* The one text field of a request that is no more. */
static Csim__Id *read_id(const struct rpc_request *request)
{
    return csim__id__unpack(NULL, request->len, request->body);
}

static const char *application_of(const struct directory *d)
{
    return d->network->config.application_id;
}

static bool is_ours(const struct directory *d, const char *application)
{
    return !d->state->foreign && strcmp(application, application_of(d)) == 0;
}

/* ---- application, version, algorithms ---- */

static void application_get(const struct directory *d, const struct rpc_request *request,
                            struct rpc_response *response)
{
    Csim__Id *in = read_id(request);
    if (in == NULL || !is_ours(d, in->id)) {
        refuse(response, RPC_UNAUTHENTICATED, "");
    } else {
        Csim__Application application;
        csim__application__init(&application);
        application.id = in->id;
        application.name = text("meters");
        application.tenant_id = text(TENANT);
        Csim__ApplicationResponse out;
        csim__application_response__init(&out);
        out.application = &application;
        answer(response, &out.base);
    }
    csim__id__free_unpacked(in, NULL);
}

static void get_version(const struct directory *d, const struct rpc_request *request,
                        struct rpc_response *response)
{
    (void)request;
    if (d->state->version[0] == '\0') {
        refuse(response, RPC_UNAUTHENTICATED, ""); /* ValidateIsAdmin */
        return;
    }
    Csim__VersionResponse out;
    csim__version_response__init(&out);
    out.version = text(d->state->version);
    answer(response, &out.base);
}

/* Any key that is valid may. */
static void adr_algorithms(const struct directory *d, const struct rpc_request *request,
                           struct rpc_response *response)
{
    (void)d;
    (void)request;
    Csim__AdrAlgorithm algorithm;
    csim__adr_algorithm__init(&algorithm);
    algorithm.id = text("default");
    algorithm.name = text("Default ADR algorithm (LoRa only)");
    Csim__AdrAlgorithm *list[] = {&algorithm};
    Csim__AdrAlgorithmsResponse out;
    csim__adr_algorithms_response__init(&out);
    out.total_count = 1;
    out.n_result = 1;
    out.result = list;
    answer(response, &out.base);
}

/* ---- device profiles ---- */

static const char *stack_of(const struct device_config *device)
{
    if (device->profile != NULL && device->profile->name[0] != '\0') {
        return device->profile->name;
    }
    return device->versions.of[PKG_FRAG] == 1 ? "lbm-v1" : "lbm-v2";
}

static const char *const profile_ids[PROFILES] = {PROFILE_PREFIX "1", PROFILE_PREFIX "2"};
static const char *const profile_names[PROFILES] = {"meter-v1", "meter-v2"};

static size_t profile_of(const struct device_config *device)
{
    return device->versions.of[PKG_FRAG] == 1 ? 0 : 1;
}

static void profile_get(const struct directory *d, const struct rpc_request *request,
                        struct rpc_response *response)
{
    Csim__Id *in = read_id(request);
    size_t i = 0;
    while (in != NULL && i < PROFILES && strcmp(in->id, profile_ids[i]) != 0) {
        i++;
    }
    if (in == NULL || i == PROFILES || d->state->foreign) {
        refuse(response, RPC_UNAUTHENTICATED, "");
    } else {
        Csim__AppLayerParams params;
        csim__app_layer_params__init(&params);
        params.ts003_version = d->state->clock ? (uint32_t)i + 1 : 0;
        params.ts003_f_port = 202;
        params.ts004_f_port = 201;
        params.ts005_f_port = 200;
        Csim__DeviceProfile profile;
        csim__device_profile__init(&profile);
        profile.id = in->id;
        profile.tenant_id = text(TENANT);
        profile.name = text(profile_names[i]);
        profile.mac_version = LORAWAN_1_0_4;
        profile.supports_otaa = true;
        profile.supports_class_c = d->state->class_c;
        profile.app_layer_params = &params;
        Csim__Tag tag;
        csim__tag__init(&tag);
        tag.key = text("vendor");
        tag.value = text("sim");
        Csim__Tag *tags[] = {&tag};
        profile.n_tags = 1;
        profile.tags = tags;
        Csim__DeviceProfileResponse out;
        csim__device_profile_response__init(&out);
        out.device_profile = &profile;
        answer(response, &out.base);
    }
    csim__id__free_unpacked(in, NULL);
}

/* ---- devices ---- */

struct listed_device {
    Csim__DeviceListItem item;
    Csim__Tag tag[2]; /* by key, as a map is encoded */
    Csim__Tag *tags[2];
    char eui[EUI_TEXT_SIZE];
    char name[NAME_SIZE];
    char site[NAME_SIZE];
};

static void fill_device(struct listed_device *to, const struct device_config *device,
                        size_t index)
{
    size_t profile = profile_of(device);
    csim__device_list_item__init(&to->item);
    (void)snprintf(to->name, sizeof(to->name), "sim-%05zu", index + 1);
    (void)snprintf(to->site, sizeof(to->site), "site-%c",
                   (char)('a' + index % SITE_COUNT));
    to->item.dev_eui = text(eui_format(device->dev_eui, to->eui));
    to->item.name = to->name;
    to->item.device_profile_id = text(profile_ids[profile]);
    to->item.device_profile_name = text(profile_names[profile]);
    for (size_t i = 0; i < 2; i++) {
        csim__tag__init(&to->tag[i]);
        to->tags[i] = &to->tag[i];
    }
    to->tag[0].key = text("fuotad-profile");
    to->tag[0].value = text(stack_of(device));
    to->tag[1].key = text("site");
    to->tag[1].value = to->site;
    to->item.n_tags = 2;
    to->item.tags = to->tags;
}

/* Ascending by DevEUI, as they are made; by name is the same order. */
static void list_devices(const struct directory *d, const Csim__ListDevicesRequest *in,
                         struct rpc_response *response)
{
    size_t total = network_device_count(d->network);
    size_t from = in->offset < total ? in->offset : total;
    size_t count = in->limit < total - from ? in->limit : total - from;
    struct listed_device *devices = calloc(count + 1, sizeof(*devices));
    Csim__ListDevicesResponse out;
    csim__list_devices_response__init(&out);
    out.result = calloc(count + 1, sizeof(struct Csim__DeviceListItem *));
    if (devices == NULL || out.result == NULL) {
        refuse(response, RPC_RESOURCE_EXHAUSTED, "");
    } else {
        for (size_t i = 0; i < count; i++) {
            fill_device(&devices[i], &network_device(d->network, from + i)->config,
                        from + i);
            out.result[i] = &devices[i].item;
        }
        out.n_result = count;
        out.total_count = (uint32_t)total;
        answer(response, &out.base);
    }
    free(out.result);
    free(devices);
}

static void device_list(const struct directory *d, const struct rpc_request *request,
                        struct rpc_response *response)
{
    Csim__ListDevicesRequest *in =
        csim__list_devices_request__unpack(NULL, request->len, request->body);
    if (in == NULL || !is_ours(d, in->application_id)) {
        refuse(response, RPC_UNAUTHENTICATED, "");
    } else {
        list_devices(d, in, response);
    }
    csim__list_devices_request__free_unpacked(in, NULL);
}

static const struct device_config *find_device(const struct directory *d, const char *eui,
                                               size_t *index)
{
    uint64_t dev_eui = 0;
    if (eui_parse(eui, strlen(eui), &dev_eui) != FUO_OK) {
        return NULL;
    }
    for (size_t i = 0; i < network_device_count(d->network); i++) {
        if (network_device(d->network, i)->config.dev_eui == dev_eui) {
            *index = i;
            return &network_device(d->network, i)->config;
        }
    }
    return NULL;
}

/* For LoRaWAN 1.0.x the AppKey is in nwk_key, and app_key is unused. */
static void give_keys(const struct device_config *device, bool default_key,
                      struct rpc_response *response)
{
    char eui[EUI_TEXT_SIZE];
    char nwk_key[KEY_TEXT_SIZE];
    char gen_app_key[KEY_TEXT_SIZE];
    static const struct aes_key zero = {{0}};
    char app_key[KEY_TEXT_SIZE];
    Csim__DeviceKeys keys;
    csim__device_keys__init(&keys);
    keys.dev_eui = text(eui_format(device->dev_eui, eui));
    keys.nwk_key = text(hex_encode(device->app_key.b, AES_KEY_BYTES, nwk_key));
    keys.app_key = text(hex_encode(zero.b, AES_KEY_BYTES, app_key));
    keys.gen_app_key = text(hex_encode(default_key ? zero.b : device->gen_app_key.b,
                                       AES_KEY_BYTES, gen_app_key));
    Csim__DeviceKeysResponse out;
    csim__device_keys_response__init(&out);
    out.device_keys = &keys;
    answer(response, &out.base);
}

static void device_keys(const struct directory *d, const struct rpc_request *request,
                        struct rpc_response *response)
{
    size_t index = 0;
    Csim__Id *in = read_id(request);
    const struct device_config *device =
        in != NULL && !d->state->foreign ? find_device(d, in->id, &index) : NULL;
    if (device == NULL) {
        refuse(response, RPC_UNAUTHENTICATED, "");
    } else if (d->state->no_keys && index == 0) {
        refuse(response, RPC_NOT_FOUND, "Object does not exist");
    } else {
        give_keys(device, d->state->no_gen_app_key && index == 0, response);
    }
    csim__id__free_unpacked(in, NULL);
}

/* ---- gateways ---- */

struct listed_gateway {
    Csim__GatewayListItem item;
    Csim__Location location;
    char eui[EUI_TEXT_SIZE];
    char name[NAME_SIZE];
};

static void fill_gateway(struct listed_gateway *to, uint64_t gateway, size_t index)
{
    csim__gateway_list_item__init(&to->item);
    csim__location__init(&to->location);
    (void)snprintf(to->name, sizeof(to->name), "gateway-%zu", index + 1);
    to->location.latitude = 48.5;
    to->location.longitude = 7.75;
    to->item.tenant_id = text(TENANT);
    to->item.gateway_id = text(eui_format(gateway, to->eui));
    to->item.name = to->name;
    to->item.location = &to->location;
    to->item.state = STATE_ONLINE;
}

static size_t own_gateways(const struct directory *d)
{
    return d->network->config.gateway_count - (d->state->foreign_gateway ? 1 : 0);
}

static void list_gateways(const struct directory *d, const Csim__ListGatewaysRequest *in,
                          struct rpc_response *response)
{
    size_t total = own_gateways(d);
    size_t from = in->offset < total ? in->offset : total;
    size_t count = in->limit < total - from ? in->limit : total - from;
    struct listed_gateway *gateways = calloc(count + 1, sizeof(*gateways));
    Csim__ListGatewaysResponse out;
    csim__list_gateways_response__init(&out);
    out.result = calloc(count + 1, sizeof(struct Csim__GatewayListItem *));
    if (gateways == NULL || out.result == NULL) {
        refuse(response, RPC_RESOURCE_EXHAUSTED, "");
    } else {
        for (size_t i = 0; i < count; i++) {
            fill_gateway(&gateways[i], d->network->gateway_euis[from + i], from + i);
            out.result[i] = &gateways[i].item;
        }
        out.n_result = count;
        out.total_count = (uint32_t)total;
        answer(response, &out.base);
    }
    free(out.result);
    free(gateways);
}

static void gateway_list(const struct directory *d, const struct rpc_request *request,
                         struct rpc_response *response)
{
    Csim__ListGatewaysRequest *in =
        csim__list_gateways_request__unpack(NULL, request->len, request->body);
    if (in == NULL || strcmp(in->tenant_id, TENANT) != 0) {
        refuse(response, RPC_UNAUTHENTICATED, "");
    } else {
        list_gateways(d, in, response);
    }
    csim__list_gateways_request__free_unpacked(in, NULL);
}

/* ---- what the key may not do ---- */

/* storage/multicast.rs, add_gateway(): another tenant's gateway is not there. */
static bool is_foreign_gateway(const struct directory *d,
                               const struct rpc_request *request)
{
    uint64_t gateway = 0;
    size_t count = d->network->config.gateway_count;
    Csim__MemberRequest *in =
        csim__member_request__unpack(NULL, request->len, request->body);
    bool foreign = in != NULL && d->state->foreign_gateway &&
                   eui_parse(in->eui, strlen(in->eui), &gateway) == FUO_OK &&
                   gateway == d->network->gateway_euis[count - 1];
    csim__member_request__free_unpacked(in, NULL);
    return foreign;
}

static bool is_read(const char *path)
{
    static const char *const names[] = {"/Get", "/List", "/ListQueue", "/GetQueue"};
    const char *name = strrchr(path, '/');
    for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Of the services that rpc.h serves. */
static bool is_forbidden(const struct directory *d, const struct rpc_request *request,
                         struct rpc_response *response)
{
    bool add_gateway =
        strcmp(request->path, "/api.MulticastGroupService/AddGateway") == 0;
    if (d->state->foreign || (d->state->read_only && !is_read(request->path)) ||
        (add_gateway && is_foreign_gateway(d, request))) {
        refuse(response, RPC_UNAUTHENTICATED, "");
        return true;
    }
    return false;
}

/* ---- dispatch ---- */

static const struct {
    const char *path;
    void (*handle)(const struct directory *d, const struct rpc_request *request,
                   struct rpc_response *response);
} methods[] = {
    {"/api.ApplicationService/Get", application_get},
    {"/api.DeviceProfileService/Get", profile_get},
    {"/api.DeviceProfileService/ListAdrAlgorithms", adr_algorithms},
    {"/api.DeviceService/List", device_list},
    {"/api.DeviceService/GetKeys", device_keys},
    {"/api.GatewayService/List", gateway_list},
    {"/api.InternalService/GetVersion", get_version},
};

bool directory_call(const struct directory *directory, const struct rpc_request *request,
                    struct rpc_response *response)
{
    *response = (struct rpc_response){.status = RPC_INTERNAL, .message = ""};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(methods[i].path, request->path) == 0) {
            methods[i].handle(directory, request, response);
            return true;
        }
    }
    return is_forbidden(directory, request, response);
}
