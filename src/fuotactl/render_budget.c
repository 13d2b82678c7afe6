/* SPDX-License-Identifier: MIT */
#include "fuotactl/render.h"

#include <inttypes.h>

#include "ctl/protocol.h"
#include "fuotactl/words.h"

#define HOUR_US (3600LL * 1000000)

/* "869.400-869.650" */
static void add_band(struct table *table, struct json_object *row)
{
    int64_t low_khz = ctl_int(row, "low_hz", 0) / 1000;
    int64_t high_khz = ctl_int(row, "high_hz", 0) / 1000;
    table_addf(table, "%" PRId64 ".%03" PRId64 "-%" PRId64 ".%03" PRId64, low_khz / 1000,
               low_khz % 1000, high_khz / 1000, high_khz % 1000);
}

static void add_duration(struct table *table, struct json_object *row, const char *key)
{
    char text[WORDS_DURATION_SIZE];
    table_add(table, words_duration(ctl_int(row, key, -1), text));
}

static void add_row(struct table *table, struct json_object *row)
{
    int64_t used_ppm = ctl_int(row, "used_ppm", -1);
    table_add(table, ctl_text(row, "gateway"));
    add_band(table, row);
    add_duration(table, row, "own_us");
    add_duration(table, row, "waiting_us");
    add_duration(table, row, "own_cap_us");
    add_duration(table, row, "others_us");
    if (ctl_int(row, "legal_cap_us", 0) >= HOUR_US) {
        table_add(table, "none");
    } else {
        add_duration(table, row, "legal_cap_us");
    }
    if (used_ppm < 0) {
        table_add(table, NULL);
    } else {
        table_addf(table, "%" PRId64 ".%" PRId64 "%%", used_ppm / 10000,
                   used_ppm / 1000 % 10);
    }
    add_duration(table, row, "free_us");
    struct json_object *online = NULL;
    bool told = json_object_object_get_ex(row, "online", &online);
    table_add(table, !told ? NULL : json_object_get_boolean(online) ? "yes" : "no");
}

void render_budgets(FILE *out, struct json_object *list)
{
    static const char *const headings[] = {
        "GATEWAY", "BAND (MHZ)",  "CAMPAIGNS", "WAITING", "CAP",
        "OTHERS",  "LEGAL LIMIT", "USED",      "FREE",    "ONLINE"};
    AUTO_TABLE struct table table = {
        .columns = sizeof(headings) / sizeof(headings[0]),
        .right_mask = 0x1fc,
    };
    size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < table.columns; i++) {
        table_add(&table, headings[i]);
    }
    for (size_t i = 0; i < n; i++) {
        add_row(&table, json_object_array_get_idx(list, i));
    }
    table_print(&table, out);
}
