/* SPDX-License-Identifier: MIT */
/*
 * device_report.c - what devices do beside the packages of the LoRa Alliance: State, Update
 * Result and the running version as LwM2M TLV, and a vendor's command to install.
 *
 * The TLV is written here, byte by byte (lwm2m.md 1.1), and not with the codec that the
 * daemon reads it with. Versions are the CRC-32 of the image, as text "0x01020304".
 */
#include <stdio.h>

#include "sim/device_internal.h"
#include "sim/fw_object.h"

enum {
    TLV_RESOURCE_1 = 0xc1, /* a resource of one byte, its id a byte */
    TLV_RESOURCE_L = 0xc8, /* ... the length in a byte behind the id */
    RES_STATE = 3,         /* of /5/0; of /3/0 the running version */
    RES_RESULT = 5,
    VENDOR_INSTALL = 0xaa, /* and the version, little endian */
    VENDOR_BYTES = 5,
};

/* Object 5 as it follows from what the device does. */
static struct fw_object object_of(const struct device *device)
{
    if (device->upgrade_requested && device->reboot_at.us != UTC_NEVER.us) {
        return (struct fw_object){FWO_UPDATING, FWO_INITIAL};
    }
    if (device->received.bytes != NULL) {
        return (struct fw_object){FWO_DOWNLOADED, FWO_INITIAL};
    }
    if (device->frag.mic_error) {
        return (struct fw_object){FWO_IDLE, FWO_INTEGRITY};
    }
    if (device->frag.active && !device->frag.complete) {
        return (struct fw_object){FWO_DOWNLOADING, FWO_INITIAL};
    }
    return (struct fw_object){FWO_IDLE,
                              device->install_count > 0 ? FWO_SUCCESS : FWO_INITIAL};
}

static void put_number(struct wr *w, uint8_t resource, uint8_t value)
{
    wr_u8(w, TLV_RESOURCE_1);
    wr_u8(w, resource);
    wr_u8(w, value);
}

void device_report(const struct device *device, struct wr *w)
{
    char text[16];
    struct fw_object object = object_of(device);
    int len = snprintf(text, sizeof(text), "0x%08x", device->running.version);
    put_number(w, RES_STATE, (uint8_t)object.state);
    put_number(w, RES_RESULT, (uint8_t)object.result);
    wr_u8(w, TLV_RESOURCE_L);
    wr_u8(w, RES_STATE);
    wr_u8(w, (uint8_t)len);
    wr_bytes(w, (const uint8_t *)text, (size_t)len);
}

bool device_vendor_command(struct device *device, uint8_t fport, const uint8_t *payload,
                           size_t len, struct utc now)
{
    if (device->config.vendor_fport == 0 || fport != device->config.vendor_fport) {
        return false;
    }
    struct rd r = rd_init(payload, len);
    bool install = rd_u8(&r) == VENDOR_INSTALL && len == VENDOR_BYTES;
    uint32_t version = rd_le32(&r);
    if (install && device->received.bytes != NULL &&
        device->received.version == version) {
        device->upgrade_requested = true;
        device->reboot_at = now;
    }
    return true;
}
