/* SPDX-License-Identifier: MIT */
/* fuzz_inspect.c - firmware images of any kind. */
#include <stdlib.h>

#include "image/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_info info;
    struct image_info checked;
    char version[MCUBOOT_VERSION_SIZE];
    if (image_inspect(data, size, &info) != FUO_OK) {
        return 0;
    }
    mcuboot_version_format(&info.mcuboot.version, version);
    bool whole = info.format == IMAGE_FORMAT_MCUBOOT &&
                 info.mcuboot.hash_state != IMAGE_HASH_ABSENT &&
                 info.mcuboot.hash_state != IMAGE_HASH_DIFFERS;
    if ((image_check_mcuboot(data, size, version, &checked) == IMAGE_GOOD) != whole) {
        abort(); /* it is of the version that it says */
    }
    const struct mcuboot_info *m = &info.mcuboot;
    if (info.size_bytes != size ||
        (info.format == IMAGE_FORMAT_MCUBOOT &&
         (size_t)m->header_bytes + m->body_bytes + m->protected_tlv_bytes + m->tlv_bytes +
                 m->trailing_bytes !=
             size)) {
        abort();
    }
    return 0;
}
