/* SPDX-License-Identifier: MIT */
/* fuzz_bsdiff.c - patches: a length, so much of an old image, and the patch. */
#include <stdlib.h>
#include <string.h>

#include "image/bsdiff.h"

enum { RESULT_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] >= size) {
        return 0;
    }
    struct bsdiff_bytes old = {data + 1, data[0]};
    struct bsdiff_bytes patch = {data + 1 + data[0], size - 1 - data[0]};
    size_t len = 0;
    if (bsdiff_result_len(patch, &len) != FUO_OK || len > RESULT_MAX) {
        return 0;
    }
    uint8_t *first = malloc(len + 1);
    uint8_t *second = malloc(len + 1);
    if (first == NULL || second == NULL) {
        abort();
    }
    first[len] = 0xa5;
    int err = bsdiff_apply(old, patch, first, len);
    if (first[len] != 0xa5 || bsdiff_apply(old, patch, second, len) != err ||
        (err == FUO_OK && memcmp(first, second, len) != 0)) {
        abort(); /* it wrote beyond, or was of two minds */
    }
    free(first);
    free(second);
    return 0;
}
