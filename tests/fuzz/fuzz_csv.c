/* SPDX-License-Identifier: MIT */
/* Any bytes as an inventory and as a list of devices. */
#include <stdint.h>

#include "config/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag_list diags = {0};
    struct arena arena = {0};
    struct inventory inventory;
    struct eui_list list;
    const char *text = (const char *)data;
    if (inventory_parse("f", text, size, &inventory, &diags) == FUO_OK) {
        (void)inventory_find(&inventory, 1);
        inventory_finish(&inventory);
    }
    (void)!device_list_parse("f", text, size, &arena, &list, &diags);
    arena_finish(&arena);
    diag_list_finish(&diags);
    return 0;
}
