/* SPDX-License-Identifier: MIT */
/* fuzz_metadata.c - trusted comments; what is accepted must survive writing. */
#include <stdlib.h>
#include <string.h>

#include "image/metadata.h"
#include "image/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_metadata meta;
    struct image_metadata again;
    char text[METADATA_TEXT_MAX];
    size_t len = 0;
    if (metadata_parse((const char *)data, size, &meta) != FUO_OK) {
        return 0;
    }
    require(metadata_format(&meta, text, sizeof(text), &len) == FUO_OK);
    require(metadata_parse(text, len, &again) == FUO_OK);
    require(metadata_name_equal(again.product, meta.product));
    require(metadata_name_equal(again.version, meta.version));
    require(again.size_bytes == meta.size_bytes);

    /* Two texts of the fuzzer's choice: the order must have two matching sides. */
    enum version_order order = version_compare(meta.product, meta.version);
    enum version_order back = version_compare(meta.version, meta.product);
    require((order == VERSION_NEWER) == (back == VERSION_OLDER));
    require((order == VERSION_SAME) == (back == VERSION_SAME));
    return 0;
}
