/* SPDX-License-Identifier: MIT */
/* A received block that is a patch of bsdiff 4: what the device makes of it and of its firmware. */
#include <stdlib.h>

#include "image/bsdiff.h"
#include "sim/device_internal.h"

bool device_is_patch(const uint8_t *block, size_t len)
{
    size_t makes = 0;
    return bsdiff_result_len((struct bsdiff_bytes){block, len}, &makes) == FUO_OK;
}

/* Stands for the signature of an image, which the bootloader checks. */
static bool is_genuine(const struct device_config *config, uint32_t version)
{
    for (size_t i = 0; i < config->genuine_count; i++) {
        if (config->genuine[i] == version) {
            return true;
        }
    }
    return config->genuine_count == 0;
}

/* Where a device has kept something of its own in its firmware, a patch goes wrong. */
static int apply(struct device *device, struct bsdiff_bytes patch, uint8_t *made,
                 size_t len)
{
    const struct device_image *running = &device->running;
    uint8_t own = device->config.altered && running->len > 0 ? 1 : 0;
    if (own != 0) {
        running->bytes[0] ^= own;
    }
    int err = bsdiff_apply((struct bsdiff_bytes){running->bytes, running->len}, patch,
                           made, len);
    if (own != 0) {
        running->bytes[0] ^= own;
    }
    return err;
}

bool device_patch(struct device *device, const uint8_t *block, size_t block_len)
{
    struct bsdiff_bytes patch = {block, block_len};
    size_t len = 0;
    if (bsdiff_result_len(patch, &len) != FUO_OK || len > DEVICE_IMAGE_MAX) {
        return false;
    }
    uint8_t *made = malloc(len + 1);
    if (made == NULL || apply(device, patch, made, len) != FUO_OK ||
        !is_genuine(&device->config, device_firmware_version(made, len))) {
        free(made);
        return false;
    }
    device->received = (struct device_image){
        .bytes = made, .len = len, .version = device_firmware_version(made, len)};
    return true;
}
