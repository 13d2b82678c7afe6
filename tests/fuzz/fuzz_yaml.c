/* SPDX-License-Identifier: MIT */
/* Any text as a file of each kind: decoded, checked, and all that was said printed. */
#include <stdint.h>

#include "config/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (const struct config_kind *const *k = config_kinds; *k != NULL; k++) {
        struct diag_list diags = {0};
        struct config_doc *doc = NULL;
        if (config_parse(*k, "f", (const char *)data, size, &doc, &diags) == FUO_OK) {
            config_unsupported(doc, &diags);
            (void)config_path(doc, "x");
        }
        config_doc_destroy(doc);
        diag_list_finish(&diags);
    }
    return 0;
}
