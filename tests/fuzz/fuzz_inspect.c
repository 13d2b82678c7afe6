/* SPDX-License-Identifier: MIT */
/* fuzz_inspect.c - firmware images of any kind. */
#include <stdlib.h>

#include "image/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_info info;
    if (image_inspect(data, size, &info) != FUO_OK) {
        return 0;
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
