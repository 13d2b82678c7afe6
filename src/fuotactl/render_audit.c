/* SPDX-License-Identifier: MIT */
#include "fuotactl/render.h"

#include <inttypes.h>

#include "ctl/protocol.h"
#include "fuotactl/words.h"

static void add_row(struct table *table, struct json_object *record)
{
    static const char *const keys[] = {"time", "actor", "action", "object", "reason"};
    table_addf(table, "%" PRId64, ctl_int(record, "id", 0));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *text = ctl_text(record, keys[i]);
        table_add(table, text != NULL && text[0] != '\0' ? text : NULL);
    }
}

void render_audit(FILE *out, struct json_object *list)
{
    static const char *const headings[] = {"NO",     "TIME",   "ACTOR",
                                           "ACTION", "OBJECT", "REASON"};
    AUTO_TABLE struct table table = {
        .columns = sizeof(headings) / sizeof(headings[0]),
        .right_mask = 1,
    };
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (n == 0) {
        return;
    }
    for (size_t i = 0; i < table.columns; i++) {
        table_add(&table, headings[i]);
    }
    for (size_t i = 0; i < n; i++) {
        add_row(&table, json_object_array_get_idx(list, i));
    }
    table_print(&table, out);
}
