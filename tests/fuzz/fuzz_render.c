/* SPDX-License-Identifier: MIT */
/*
 * fuzz_render.c - what a daemon answers, as fuotactl shows it: lines of JSON, one message
 * each. Whatever it says, what is printed cannot move the cursor of a terminal.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/protocol.h"
#include "fuotactl/progress.h"
#include "fuotactl/render.h"
#include "fuotactl/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Control characters only where a line ends. */
static void check(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
        if ((c < 0x20 && c != '\n') || c == 0x7f ||
            (c == 0xc2 && next >= 0x80 && next < 0xa0)) {
            abort();
        }
    }
}

static void show_as_list(FILE *out, struct json_object *list)
{
    render_campaigns(out, list);
    render_devices(out, list);
    render_budgets(out, list);
    render_problems(out, list);
}

/* As each part of a report, and all parts together. */
static void report_of(FILE *out, struct json_object *object)
{
    static const char *const parts[] = {"devices", "progress", "sessions", "airtime"};
    AUTO_REPORT struct report report = {0};
    report_take_state(&report, json_object_get(object));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!report_take(&report, parts[i], object)) {
            return;
        }
    }
    if (report_sum(&report)) {
        report_json(out, &report);
        report_junit(out, &report);
        report_markdown(out, &report);
        report_html(out, &report);
    }
}

static void show_as_object(FILE *out, struct json_object *object)
{
    render_plan(out, object);
    render_simulation(out, object);
    render_campaign(out, object, false);
    render_device(out, object);
    render_csv_heading(out);
    render_csv_row(out, object);
    render_json(out, "any", object);
    report_of(out, object);
}

/* Every member too: lists are one level down. */
static void show(FILE *out, struct json_object *object)
{
    show_as_list(out, object);
    if (!json_object_is_type(object, json_type_object)) {
        return;
    }
    show_as_object(out, object);
    struct json_object_iterator end = json_object_iter_end(object);
    for (struct json_object_iterator it = json_object_iter_begin(object);
         !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        show_as_list(out, json_object_iter_peek_value(&it));
    }
}

/* As a client that waits sees one state after the other. */
struct watcher {
    struct progress before;
    struct progress_rate rate;
    int64_t now_us;
};

static void follow(struct watcher *w, FILE *out, struct json_object *state)
{
    struct progress now;
    enum cli_exit code;
    progress_read(state, &now);
    w->now_us += 60000000;
    progress_print(out, &now, progress_eta_us(&w->rate, &now, w->now_us));
    (void)progress_changed(&w->before, &now);
    for (int goal = PROGRESS_FOR_COMPLETED; goal <= PROGRESS_FOR_WATCH; goal++) {
        (void)progress_reached(&now, (enum progress_goal)goal, &code);
    }
    w->before = now;
}

static void take_line(struct watcher *w, FILE *out, const char *line, size_t len)
{
    struct ctl_message message = {0};
    if (ctl_message_parse(line, len, &message) != FUO_OK) {
        return;
    }
    if (message.type == CTL_MSG_DATA || message.type == CTL_MSG_EVENT) {
        show(out, message.data);
        follow(w, out, message.data);
    }
    ctl_message_finish(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watcher watcher = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        abort();
    }
    const char *at = (const char *)data;
    const char *end = at + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        take_line(&watcher, out, at, (size_t)(stop - at));
        at = newline != NULL ? newline + 1 : end;
    }
    fclose(out);
    check(text, len);
    free(text);
    return 0;
}
