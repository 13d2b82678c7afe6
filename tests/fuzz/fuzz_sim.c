/* SPDX-License-Identifier: MIT */
/* Any bytes as a command of the application, as an API call or as a frame at a device. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuota-sim/events.h"
#include "fuota-sim/rpc.h"
#include "sim/network.h"

#define APP   "5a1c0e1e-0000-4000-8000-000000000001"
#define TOPIC "application/" APP "/device/70b3d57ed0060001/command/down"

static const char *const methods[] = {
    "/api.MulticastGroupService/Create",
    "/api.MulticastGroupService/Get",
    "/api.MulticastGroupService/Update",
    "/api.MulticastGroupService/Delete",
    "/api.MulticastGroupService/List",
    "/api.MulticastGroupService/AddDevice",
    "/api.MulticastGroupService/RemoveDevice",
    "/api.MulticastGroupService/AddGateway",
    "/api.MulticastGroupService/RemoveGateway",
    "/api.MulticastGroupService/Enqueue",
    "/api.MulticastGroupService/FlushQueue",
    "/api.MulticastGroupService/ListQueue",
    "/api.DeviceService/Enqueue",
    "/api.DeviceService/FlushQueue",
    "/api.DeviceService/GetQueue",
};

enum {
    METHODS = sizeof(methods) / sizeof(methods[0]),
};

static const struct network_sink sink;

static void open_network(struct network *network)
{
    struct network_config config = {
        .region = region_get(REGION_EU868),
        .device_count = 1,
        .gateway_count = 1,
        .packages = NETWORK_PACKAGES_V2,
        .uplink_interval_us = SECONDS_US(60),
        .application_id = APP,
        .uplink_dr = 5,
    };
    if (network_init(network, &config, &sink, NULL) != FUO_OK) {
        abort();
    }
}

/* A port and what is queued for it; the device gets it with its next uplink. */
static void say(struct network *network, const uint8_t *data, size_t size)
{
    char id[CS_ID_SIZE];
    struct cs_downlink downlink = {
        .dev_eui = 0x70b3d57ed0060001,
        .fport = (uint8_t)(size == 0 ? 1 : data[0]),
        .data = size == 0 ? data : data + 1,
        .len = size == 0 ? 0 : size - 1,
        .expires = UTC_NEVER,
    };
    network_run(network, (struct utc){MINUTES_US(3)}); /* it has joined */
    (void)!cs_enqueue(&network->cs, &downlink, id);
    network_run(network, (struct utc){MINUTES_US(9)});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct network network;
    struct command command;
    if (size == 0) {
        return 0;
    }
    open_network(&network);
    if (data[0] < METHODS) {
        struct rpc_response response;
        struct rpc_request request = {methods[data[0]], data + 1, size - 1};
        rpc_call(&network.cs, &request, (struct utc){0}, &response);
        free(response.body);
    } else if (data[0] == '{') {
        (void)!command_parse(APP, TOPIC, data, size, &command);
    } else {
        say(&network, data + 1, size - 1);
    }
    network_free(&network);
    return 0;
}
