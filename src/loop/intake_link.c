/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "loop/intake_internal.h"
#include "loop/xalloc.h"

#define LOG_MODULE "intake"
#include "io/log.h"

enum { ID_SIZE = 128, COUNTER_SIZE = 160, SOON_MS = 100 };

/* Counters of the store: names and contents that were taken, and alerts that are out. */
#define TAKEN_PREFIX "intake/taken/"
#define ALERT_PREFIX "intake/alert/"
#define FOLDER_ALERT "campaigns-folder"

/* ---- what was taken ---- */

static uint64_t content_of(const struct intake_file *file)
{
    uint64_t content;
    memcpy(&content, file->spec_digest, sizeof(content));
    return content;
}

static struct intake_memory *memory_of(const struct intake_link *link, const char *name)
{
    for (size_t i = 0; i < link->memory_count; i++) {
        if (strcmp(link->memory[i].name, name) == 0) {
            return &link->memory[i];
        }
    }
    return NULL;
}

bool intake_was_taken(const struct intake_link *link, const struct intake_file *file)
{
    const struct intake_memory *memory = memory_of(link, file->name);
    return memory != NULL && memory->content == content_of(file);
}

static void learn(struct intake_link *link, const char *name, uint64_t content,
                  uint64_t seq)
{
    struct intake_memory *memory = memory_of(link, name);
    link->last_seq = seq > link->last_seq ? seq : link->last_seq;
    if (memory == NULL) {
        link->memory =
            xrealloc(link->memory, link->memory_count + 1, sizeof(struct intake_memory));
        memory = &link->memory[link->memory_count++];
        *memory = (struct intake_memory){0};
        snprintf(memory->name, sizeof(memory->name), "%s", name);
    }
    if (seq >= memory->seq) {
        memory->content = content;
        memory->seq = seq;
    }
}

void intake_remember(struct intake_link *link, const struct intake_file *file)
{
    char counter[COUNTER_SIZE];
    uint64_t content = content_of(file);
    learn(link, file->name, content, link->last_seq + 1);
    snprintf(counter, sizeof(counter), TAKEN_PREFIX "%s/%016llx", file->name,
             (unsigned long long)content);
    store_batch_counter(&link->d->rows, counter, link->last_seq);
    driver_flush(link->d->driver);
}

/* "NAME/CONTENT" */
static int load_taken(void *arg, const char *counter, uint64_t value)
{
    char name[SPEC_NAME_SIZE];
    const char *rest = counter + sizeof(TAKEN_PREFIX) - 1;
    const char *slash = strchr(rest, '/');
    if (slash != NULL && (size_t)(slash - rest) < sizeof(name)) {
        snprintf(name, sizeof(name), "%.*s", (int)(slash - rest), rest);
        learn(arg, name, strtoull(slash + 1, NULL, 16), value);
    }
    return FUO_OK;
}

/* ---- alerts ---- */

/* Of the file's name: what a topic can bear, and may be read in a log. */
static void alert_id(const char *path, char id[static ID_SIZE])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len = (size_t)snprintf(id, ID_SIZE, "file-");
    for (; *name != '\0' && len + 1 < ID_SIZE; name++) {
        bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= '0' && *name <= '9') || *name == '.' || *name == '-';
        id[len++] = (char)(plain ? *name : '_');
    }
    id[len] = '\0';
}

static struct intake_alert *alert_of(struct intake_link *link, const char *id)
{
    for (size_t i = 0; i < link->alert_count; i++) {
        if (strcmp(link->alerts[i].id, id) == 0) {
            return &link->alerts[i];
        }
    }
    link->alerts =
        xrealloc(link->alerts, link->alert_count + 1, sizeof(struct intake_alert));
    link->alerts[link->alert_count] = (struct intake_alert){.id = xstrdup(id)};
    return &link->alerts[link->alert_count++];
}

static bool is_out(const struct intake_alert *alert)
{
    return alert->seq % 2 != 0;
}

/* A line of the log for each. */
static void log_lines(const char *text)
{
    while (text != NULL) {
        const char *end = strchr(text, '\n');
        log_err("%.*s", end != NULL ? (int)(end - text) : (int)strlen(text), text);
        text = end != NULL ? end + 1 : NULL;
    }
}

/* That it is out, so that it can be cleared by another life of the daemon. */
static void store_alert(struct intake_link *link, const struct intake_alert *alert)
{
    char counter[COUNTER_SIZE];
    snprintf(counter, sizeof(counter), ALERT_PREFIX "%s", alert->id);
    store_batch_counter(&link->d->rows, counter, alert->seq);
    driver_flush(link->d->driver);
}

static void tell(struct intake_link *link, const char *id, const char *text)
{
    struct intake_alert *alert = alert_of(link, id);
    bool same = alert->text == NULL ? text == NULL
                                    : text != NULL && strcmp(alert->text, text) == 0;
    if (text == NULL && !is_out(alert)) {
        return;
    }
    if (!same && text != NULL) {
        log_lines(text);
    }
    free(alert->text);
    alert->text = text != NULL ? xstrdup(text) : NULL;
    if (link->d->mqtt != NULL && mqtt_is_up(link->d->mqtt)) {
        status_link_alert(link->d, id, text); /* else as soon as it is */
    }
    if (is_out(alert) != (text != NULL)) {
        alert->seq++;
        store_alert(link, alert);
    }
}

static int load_alert(void *arg, const char *counter, uint64_t value)
{
    alert_of(arg, counter + sizeof(ALERT_PREFIX) - 1)->seq = value;
    return FUO_OK;
}

/* Of files that are gone since, or were mended, as long as the broker was told. */
void intake_link_tell(struct daemon *d)
{
    for (size_t i = 0; d->intake != NULL && i < d->intake->alert_count; i++) {
        const struct intake_alert *alert = &d->intake->alerts[i];
        if (alert->seq > 0) {
            status_link_alert(d, alert->id, alert->text);
        }
    }
}

/* ---- a file ---- */

void intake_finish_file(struct intake_link *link, enum intake_verdict verdict,
                        const char *text)
{
    char id[ID_SIZE];
    alert_id(link->file.path, id);
    if (verdict != INTAKE_LATER) {
        tell(link, id, text);
    }
    free(link->file.path);
    link->file.path = NULL;
    intake_done(link->intake, verdict);
}

static void add_problem(char *text, struct json_object *problem)
{
    const char *file = ctl_text(problem, "file");
    const char *path = ctl_text(problem, "path");
    const char *what = ctl_text(problem, "text");
    size_t len = strlen(text);
    size_t left = INTAKE_TEXT_SIZE - len;
    int64_t line = ctl_int(problem, "line", 0);
    if (line > 0) {
        snprintf(text + len, left, "\n%s:%lld:%lld: %s%s%s", file != NULL ? file : "",
                 (long long)line, (long long)ctl_int(problem, "column", 0),
                 path != NULL ? path : "", path != NULL ? ": " : "",
                 what != NULL ? what : "");
    } else {
        snprintf(text + len, left, "\n%s: %s%s%s", file != NULL ? file : "",
                 path != NULL ? path : "", path != NULL ? ": " : "",
                 what != NULL ? what : "");
    }
}

static void refused(struct intake_link *link, const struct ctl_error *error)
{
    char text[INTAKE_TEXT_SIZE];
    snprintf(text, sizeof(text), "%s: %s", link->file.path, error->text);
    size_t count = error->errors != NULL ? json_object_array_length(error->errors) : 0;
    for (size_t i = 0; i < count && strlen(text) + 1 < sizeof(text); i++) {
        add_problem(text, json_object_array_get_idx(error->errors, i));
    }
    bool later = error->code == CTL_INTERNAL;
    intake_finish_file(link, later ? INTAKE_LATER : INTAKE_WRONG, text);
}

bool intake_link_answer(struct daemon *d, uint64_t connection,
                        const struct ctl_error *error)
{
    if (connection != INTAKE_CONNECTION) {
        return false;
    }
    struct intake_link *link = d->intake;
    if (link == NULL || link->file.path == NULL) {
        return true; /* it is being closed */
    }
    if (error != NULL) {
        refused(link, error);
    } else {
        intake_remember(link, &link->file);
        intake_finish_file(link, INTAKE_TAKEN, NULL);
    }
    return true;
}

static void on_file_gone(void *arg, const char *path)
{
    char id[ID_SIZE];
    alert_id(path, id);
    tell(arg, id, NULL);
}

static void on_unreadable(void *arg, int errnum)
{
    struct intake_link *link = arg;
    char text[INTAKE_TEXT_SIZE];
    snprintf(text, sizeof(text), "%s: the folder of campaigns cannot be read: %s",
             link->folder, strerror(errnum));
    tell(link, FOLDER_ALERT, errnum != 0 ? text : NULL);
}

/* ---- on the loop ---- */

static void on_timer(uv_timer_t *timer);

/* What is still wrong has been told again. */
static void clear_alerts_of_before(struct intake_link *link)
{
    link->looked = true;
    for (size_t i = 0; i < link->alert_count; i++) {
        if (is_out(&link->alerts[i]) && link->alerts[i].text == NULL) {
            tell(link, link->alerts[i].id, NULL);
        }
    }
}

static void look(struct intake_link *link)
{
    uint64_t wait_ms = intake_look(link->intake, uv_now(link->d->loop));
    if (!link->looked && wait_ms == INTAKE_LOOK_MS) {
        clear_alerts_of_before(link);
    }
    uv_timer_start(&link->timer, on_timer, wait_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct intake_link *link = timer->data;
    if (!link->d->draining) {
        look(link);
    }
}

/* Something has changed there: what it is shows a look, a little later. */
static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct intake_link *link = handle->data;
    (void)name;
    (void)events;
    (void)status;
    if (uv_timer_get_due_in(&link->timer) > SOON_MS) {
        uv_timer_start(&link->timer, on_timer, SOON_MS, 0);
    }
}

static int load(struct intake_link *link)
{
    struct detail detail = {0};
    int err =
        store_load_counters(link->d->store, TAKEN_PREFIX, load_taken, link, &detail);
    if (err == FUO_OK) {
        err =
            store_load_counters(link->d->store, ALERT_PREFIX, load_alert, link, &detail);
    }
    if (err != FUO_OK) {
        log_err("what was taken cannot be read, the folder is not watched detail=%s",
                detail.text);
    }
    return err;
}

void intake_link_start(struct daemon *d)
{
    static const struct intake_ports ports = {intake_take_file, on_file_gone,
                                              on_unreadable};
    if (d->doc->campaigns == NULL) {
        return;
    }
    struct intake_link *link = xcalloc(1, sizeof(*link));
    d->intake = link;
    link->d = d;
    link->folder = xstrdup(config_path(&d->doc->doc, d->doc->campaigns));
    link->intake = intake_create(link->folder, &ports, link);
    uv_timer_init(d->loop, &link->timer);
    uv_fs_event_init(d->loop, &link->events);
    link->timer.data = link->events.data = link;
    link->open_handles = 2;
    if (load(link) != FUO_OK) {
        return;
    }
    int err = uv_fs_event_start(&link->events, on_event, link->folder, 0);
    log_info("folder of campaigns is watched folder=%s events=%s", link->folder,
             err == 0 ? "yes" : uv_strerror(err));
    look(link);
}

/* What the store has of it; as it is, if that cannot be read. */
static bool reload_taken(struct intake_link *link)
{
    struct detail detail = {0};
    struct intake_memory *before = link->memory;
    size_t count = link->memory_count;
    link->memory = NULL;
    link->memory_count = 0;
    int err =
        store_load_counters(link->d->store, TAKEN_PREFIX, load_taken, link, &detail);
    if (err != FUO_OK) {
        log_err("what was taken cannot be read detail=%s", detail.text);
        free(link->memory);
        link->memory = before;
        link->memory_count = count;
        return false;
    }
    free(before);
    return true;
}

void intake_link_recover(struct daemon *d)
{
    struct intake_link *link = d->intake;
    if (link == NULL) {
        return;
    }
    for (size_t i = 0; i < link->alert_count; i++) {
        if (link->alerts[i].seq > 0) {
            store_alert(link, &link->alerts[i]);
        }
    }
    if (reload_taken(link)) {
        intake_again(link->intake);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct intake_link *link = handle->data;
    if (--link->open_handles > 0) {
        return;
    }
    for (size_t i = 0; i < link->alert_count; i++) {
        free(link->alerts[i].id);
        free(link->alerts[i].text);
    }
    free(link->alerts);
    free(link->memory);
    intake_destroy(link->intake);
    free(link->file.path);
    free(link->folder);
    free(link);
}

void intake_link_close(struct daemon *d)
{
    struct intake_link *link = d->intake;
    d->intake = NULL;
    if (link != NULL) {
        uv_close((uv_handle_t *)&link->timer, on_closed);
        uv_close((uv_handle_t *)&link->events, on_closed);
    }
}
