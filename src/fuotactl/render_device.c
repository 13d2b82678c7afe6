/* SPDX-License-Identifier: MIT */
/* Devices: tables, CSV and one in detail. */
#include <inttypes.h>
#include <string.h>

#include "ctl/protocol.h"
#include "fuotactl/render.h"
#include "fuotactl/words.h"

static const char *const csv_fields[] = {
    "dev_eui",        "outcome",       "reason",          "state",          "state_name",
    "result",         "result_text",   "source",          "phase",          "reason_text",
    "version_before", "version",       "received",        "missing",        "tries",
    "time",           "progress",      "package_version", "wave",           "retries",
    "outcome_before", "reason_before", "variant",         "delta_failures", "fleet",
};

enum {
    CSV_FIELDS = sizeof(csv_fields) / sizeof(csv_fields[0]),
    VALUE_SIZE = 24,
};

static struct json_object *get(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

static size_t count_of(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list)
                                                      : 0;
}

/* Text or number; "" for null and everything else. */
static const char *value_of(struct json_object *object, const char *key,
                            char number[static VALUE_SIZE])
{
    struct json_object *value = get(object, key);
    if (json_object_is_type(value, json_type_int)) {
        snprintf(number, VALUE_SIZE, "%" PRId64, json_object_get_int64(value));
        return number;
    }
    const char *text = ctl_text(object, key);
    return text != NULL ? text : "";
}

/* ---- CSV ---- */

void render_csv_heading(FILE *out)
{
    for (size_t i = 0; i < CSV_FIELDS; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", csv_fields[i]);
    }
    fputc('\n', out);
}

static void print_csv_text(FILE *out, const char *text)
{
    bool formula = *text != '\0' && strchr("=+-@", *text) != NULL;
    bool quoted = formula || strpbrk(text, "\",") != NULL;
    if (!quoted) {
        words_print(out, text);
        return;
    }
    fputs(formula ? "\"'" : "\"", out);
    for (const char *quote; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
        char part[256];
        size_t len = (size_t)(quote - text);
        len = len < sizeof(part) ? len : sizeof(part) - 1;
        memcpy(part, text, len);
        part[len] = '\0';
        words_print(out, part);
        fputs("\"\"", out);
    }
    words_print(out, text);
    fputc('"', out);
}

void render_csv_row(FILE *out, struct json_object *device)
{
    char number[VALUE_SIZE];
    for (size_t i = 0; i < CSV_FIELDS; i++) {
        fputs(i > 0 ? "," : "", out);
        print_csv_text(out, value_of(device, csv_fields[i], number));
    }
    fputc('\n', out);
}

/* ---- tables ---- */

/* "3 updating"; the name alone where the daemon gives no number. */
static void add_state(struct table *table, struct json_object *device)
{
    const char *name = ctl_text(device, "state_name");
    table_addf(table, "%" PRId64 "%s%.24s", ctl_int(device, "state", 0),
               name != NULL ? " " : "", name != NULL ? name : "");
}

static void add_version(struct table *table, struct json_object *device, const char *key)
{
    int64_t version = ctl_int(device, key, -1);
    if (version < 0) {
        table_add(table, NULL);
    } else {
        table_addf(table, "0x%08" PRIx64, (uint64_t)version);
    }
}

static void add_progress(struct table *table, struct json_object *device)
{
    int64_t progress = ctl_int(device, "progress", -1);
    if (progress < 0) {
        table_add(table, NULL);
    } else {
        table_addf(table, "%" PRId64 "%%", progress);
    }
}

static void add_device(struct table *table, struct json_object *device)
{
    const char *text = ctl_text(device, "result_text");
    table_add(table, ctl_text(device, "dev_eui"));
    table_add(table, ctl_text(device, "outcome"));
    add_state(table, device);
    add_progress(table, device);
    table_addf(table, "%" PRId64 " %.60s", ctl_int(device, "result", 0),
               text != NULL ? text : "");
    table_add(table, ctl_text(device, "source"));
    add_version(table, device, "version_before");
    add_version(table, device, "version");
    table_add(table, ctl_text(device, "package_version"));
    table_add(table, ctl_text(device, "phase"));
    table_add(table, ctl_text(device, "reason"));
    table_add(table, ctl_text(device, "fleet"));
}

static void add_row(struct table *table, const char *const *cells)
{
    for (size_t i = 0; i < table->columns; i++) {
        table_add(table, cells[i]);
    }
}

void render_devices(FILE *out, struct json_object *list)
{
    static const char *const headings[] = {
        "DEVEUI", "OUTCOME", "STATE",   "DONE",  "UPDATE RESULT", "SOURCE",
        "BEFORE", "VERSION", "PACKAGE", "PHASE", "REASON",        "FLEET"};
    AUTO_TABLE struct table table = {.columns = sizeof(headings) / sizeof(headings[0])};
    add_row(&table, headings);
    for (size_t i = 0; i < count_of(list); i++) {
        add_device(&table, json_object_array_get_idx(list, i));
    }
    table_print(&table, out);
}

/* ---- one device ---- */

static void print_line(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%-13s", name);
    words_print(out, value != NULL && *value != '\0' ? value : "-");
    fputc('\n', out);
}

static void print_version(FILE *out, const char *name, struct json_object *device,
                          const char *key)
{
    int64_t version = ctl_int(device, key, -1);
    if (version < 0) {
        print_line(out, name, NULL);
    } else {
        fprintf(out, "%-13s0x%08" PRIx64 "\n", name, (uint64_t)version);
    }
}

static void print_battery(FILE *out, struct json_object *device)
{
    int64_t percent = ctl_int(device, "battery_percent", -1);
    if (percent >= 0) {
        fprintf(out, "%-13s%" PRId64 "%%\n", "battery", percent);
    }
}

static void print_packages(FILE *out, struct json_object *packages)
{
    static const char *const names[] = {"TS007", "TS003", "TS005", "TS004", "TS006"};
    const char *separator = "";
    fprintf(out, "%-13s", "packages");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char key[8];
        snprintf(key, sizeof(key), "%zu", i);
        int64_t version = ctl_int(packages, key, 0);
        if (version > 0) {
            fprintf(out, "%s%s v%" PRId64, separator, names[i], version);
            separator = ", ";
        }
    }
    fputs(*separator == '\0' ? "-\n" : "\n", out);
}

/* "reported  State 2, Update Result 0, package 1.4.3, runs 1.4.2, 2026-..." */
static void print_reported(FILE *out, struct json_object *reported)
{
    static const char *const names[] = {"State ", "Update Result ", "package ", "runs ",
                                        ""};
    static const char *const keys[] = {"state", "result", "package_version",
                                       "firmware_version", "time"};
    const char *separator = "";
    if (reported == NULL) {
        return;
    }
    fprintf(out, "%-13s", "reported");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char number[VALUE_SIZE];
        const char *value = value_of(reported, keys[i], number);
        if (*value != '\0') {
            fprintf(out, "%s%s", separator, names[i]);
            words_print(out, value);
            separator = ", ";
        }
    }
    fputc('\n', out);
}

static void print_history(FILE *out, struct json_object *history)
{
    static const char *const headings[] = {"TIME",   "CAMPAIGN", "PHASE",   "STATE",
                                           "RESULT", "SOURCE",   "OUTCOME", "REASON"};
    static const char *const keys[] = {"time",   "campaign", "phase",   "state",
                                       "result", "source",   "outcome", "reason"};
    AUTO_TABLE struct table table = {.columns = sizeof(headings) / sizeof(headings[0])};
    if (count_of(history) == 0) {
        return;
    }
    add_row(&table, headings);
    for (size_t i = 0; i < count_of(history); i++) {
        char number[VALUE_SIZE];
        struct json_object *row = json_object_array_get_idx(history, i);
        for (size_t k = 0; k < table.columns; k++) {
            table_add(&table, value_of(row, keys[k], number));
        }
    }
    fputs("\n", out);
    table_print(&table, out);
}

static void print_snr(FILE *out, int64_t cdb)
{
    int64_t tenths = (cdb < 0 ? cdb - 5 : cdb + 5) / 10;
    fprintf(out, "%s%" PRId64 ".%" PRId64 " dB", tenths < 0 ? "-" : "",
            (tenths < 0 ? -tenths : tenths) / 10, (tenths < 0 ? -tenths : tenths) % 10);
}

/* "link  0016c001f1000001: SNR 7.5 dB, p10 4.0 dB, heard 98.0 %" */
static void print_links(FILE *out, struct json_object *links)
{
    for (size_t i = 0; i < count_of(links); i++) {
        struct json_object *link = json_object_array_get_idx(links, i);
        int64_t heard_ppk = ctl_int(link, "heard_ppk", 0);
        fprintf(out, "%-13s", "link");
        words_print(out, ctl_text(link, "gateway"));
        fputs(": SNR ", out);
        print_snr(out, ctl_int(link, "snr_p50_cdb", 0));
        fputs(", p10 ", out);
        print_snr(out, ctl_int(link, "snr_p10_cdb", 0));
        fprintf(out, ", hears %" PRId64 ".%" PRId64 " %%\n", heard_ppk / 10,
                heard_ppk % 10);
    }
}

static void print_campaigns(FILE *out, struct json_object *list)
{
    for (size_t i = 0; i < count_of(list); i++) {
        struct json_object *row = json_object_array_get_idx(list, i);
        fprintf(out, "%-13s", "campaign");
        words_print(out, ctl_text(row, "campaign"));
        fputs(": ", out);
        words_print(out, ctl_text(row, "outcome"));
        fprintf(out, ", State %" PRId64 ", Update Result %" PRId64 " (",
                ctl_int(row, "state", 0), ctl_int(row, "result", 0));
        words_print(out, ctl_text(row, "source"));
        fprintf(out, "), %" PRId64 "%% received, ", ctl_int(row, "progress", 0));
        words_print(out, ctl_text(row, "phase"));
        const char *reason = ctl_text(row, "reason_text");
        if (reason != NULL && *reason != '\0') {
            fputs(": ", out);
            words_print(out, reason);
        }
        fputc('\n', out);
    }
}

void render_device(FILE *out, struct json_object *device)
{
    print_line(out, "device", ctl_text(device, "dev_eui"));
    print_line(out, "name", ctl_text(device, "name"));
    print_line(out, "fleet", ctl_text(device, "fleet"));
    print_line(out, "profile", ctl_text(device, "profile"));
    print_line(out, "last uplink", ctl_text(device, "last_uplink"));
    print_version(out, "firmware", device, "firmware_version");
    print_version(out, "hardware", device, "hardware_version");
    print_battery(out, device);
    print_packages(out, get(device, "packages"));
    print_reported(out, get(device, "reported"));
    print_links(out, get(device, "links"));
    print_campaigns(out, get(device, "campaigns"));
    print_history(out, get(device, "history"));
}
