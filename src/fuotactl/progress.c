/* SPDX-License-Identifier: MIT */
#include "fuotactl/progress.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/protocol.h"
#include "fuotactl/words.h"

enum {
    PARTS = 10, /* of a session, each worth a line */
};

static struct json_object *get(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

static void copy_text(struct json_object *object, const char *key, char *text,
                      size_t size)
{
    const char *value = ctl_text(object, key);
    snprintf(text, size, "%s", value != NULL ? value : "");
}

static enum progress_phase phase_of(const char *text)
{
    static const struct {
        const char *text;
        enum progress_phase phase;
    } phases[] = {
        {"running", PROGRESS_RUNNING},   {"paused", PROGRESS_PAUSED},
        {"aborting", PROGRESS_ABORTING}, {"completed", PROGRESS_COMPLETED},
        {"aborted", PROGRESS_ABORTED},   {"failed", PROGRESS_FAILED},
    };
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        if (strcmp(phases[i].text, text) == 0) {
            return phases[i].phase;
        }
    }
    return PROGRESS_OTHER;
}

static void read_devices(struct json_object *state, struct progress *p)
{
    struct json_object *devices = get(state, "devices");
    struct json_object *states = get(state, "states");
    p->total = ctl_int(devices, "total", 0);
    p->pending = ctl_int(devices, "pending", 0);
    p->active = ctl_int(devices, "active", 0);
    p->succeeded = ctl_int(devices, "succeeded", 0);
    p->failed = ctl_int(devices, "failed", 0);
    p->unknown = ctl_int(devices, "unknown", 0);
    p->cancelled = ctl_int(devices, "cancelled", 0);
    p->skipped = ctl_int(devices, "skipped", 0);
    p->superseded = ctl_int(devices, "superseded", 0);
    p->states[0] = ctl_int(states, "idle", 0);
    p->states[1] = ctl_int(states, "downloading", 0);
    p->states[2] = ctl_int(states, "downloaded", 0);
    p->states[3] = ctl_int(states, "updating", 0);
}

/* Of several sessions the one that sends and is farthest from its end, else the newest. */
static struct json_object *slowest_session(struct json_object *state)
{
    struct json_object *slowest = NULL;
    struct json_object *list = get(state, "sessions");
    int64_t most = -1;
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *session = json_object_array_get_idx(list, i);
        const char *phase = ctl_text(session, "phase");
        int64_t left = ctl_int(session, "target", 0) - ctl_int(session, "next", 0);
        if (phase != NULL && strcmp(phase, "sending") == 0 && left > most) {
            slowest = session;
            most = left;
        }
    }
    return slowest != NULL ? slowest : get(state, "session");
}

/* The wave that is on waits for somebody to approve it. */
static bool needs_approval(struct json_object *state, const char *name)
{
    struct json_object *list = get(state, "waves");
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *wave = json_object_array_get_idx(list, i);
        const char *wave_name = ctl_text(wave, "name");
        const char *phase = ctl_text(wave, "phase");
        if (wave_name != NULL && phase != NULL && strcmp(wave_name, name) == 0) {
            return strcmp(phase, "approval") == 0;
        }
    }
    return false;
}

void progress_read(struct json_object *state, struct progress *progress)
{
    struct progress p = {0};
    struct json_object *session = slowest_session(state);
    struct json_object *fragments = get(state, "fragments");
    copy_text(state, "name", p.name, sizeof(p.name));
    copy_text(state, "phase", p.phase_text, sizeof(p.phase_text));
    copy_text(state, "reason", p.reason, sizeof(p.reason));
    copy_text(state, "wave", p.wave, sizeof(p.wave));
    p.needs_approval = needs_approval(state, p.wave);
    p.phase = phase_of(p.phase_text);
    read_devices(state, &p);
    p.sent = ctl_int(fragments, "sent", 0);
    p.uncoded = ctl_int(fragments, "uncoded", 0);
    p.airtime_us = ctl_int(state, "airtime_us", 0);
    copy_text(session, "phase", p.session_phase, sizeof(p.session_phase));
    p.session_id = ctl_int(session, "id", 0);
    p.next = ctl_int(session, "next", 0);
    p.target = ctl_int(session, "target", 0);
    *progress = p;
}

bool progress_has_ended(const struct progress *progress)
{
    switch (progress->phase) {
    case PROGRESS_COMPLETED:
    case PROGRESS_ABORTED:
    case PROGRESS_FAILED:
        return true;
    case PROGRESS_OTHER:
    case PROGRESS_RUNNING:
    case PROGRESS_PAUSED:
    case PROGRESS_ABORTING:
        break;
    }
    return false;
}

static int64_t part_of(const struct progress *p)
{
    return p->target > 0 ? p->next * PARTS / p->target : 0;
}

bool progress_changed(const struct progress *before, const struct progress *now)
{
    return strcmp(before->phase_text, now->phase_text) != 0 ||
           strcmp(before->reason, now->reason) != 0 || before->total != now->total ||
           strcmp(before->wave, now->wave) != 0 || before->pending != now->pending ||
           before->active != now->active || before->succeeded != now->succeeded ||
           before->failed != now->failed || before->unknown != now->unknown ||
           before->cancelled != now->cancelled || before->skipped != now->skipped ||
           before->superseded != now->superseded ||
           memcmp(before->states, now->states, sizeof(now->states)) != 0 ||
           before->session_id != now->session_id ||
           strcmp(before->session_phase, now->session_phase) != 0 ||
           part_of(before) != part_of(now);
}

int64_t progress_eta_us(struct progress_rate *rate, const struct progress *progress,
                        int64_t now_us)
{
    bool sending = strcmp(progress->session_phase, "sending") == 0;
    if (!sending || progress->phase != PROGRESS_RUNNING) {
        *rate = (struct progress_rate){0};
        return -1;
    }
    if (rate->session_id != progress->session_id || rate->target != progress->target ||
        progress->next < rate->first_next) {
        *rate = (struct progress_rate){
            .session_id = progress->session_id,
            .first_next = progress->next,
            .first_us = now_us,
            .target = progress->target,
        };
    }
    int64_t done = progress->next - rate->first_next;
    int64_t left = progress->target - progress->next + 1;
    if (done < 2 || left < 0 || now_us <= rate->first_us) {
        return -1;
    }
    int64_t eta_us = 0;
    bool known = !__builtin_mul_overflow((now_us - rate->first_us) / done, left, &eta_us);
    return known ? eta_us : -1;
}

/* ", 3 failed"; nothing for 0. */
static void print_count(FILE *out, int64_t n, const char *what)
{
    if (n > 0) {
        fprintf(out, ", %" PRId64 " %s", n, what);
    }
}

static void print_session(FILE *out, const struct progress *p, int64_t eta_us)
{
    char text[WORDS_DURATION_SIZE];
    if (p->session_phase[0] == '\0') {
        return;
    }
    fputs(" | session ", out);
    words_print(out, p->session_phase);
    if (eta_us >= 0) {
        fprintf(out, ", ETA %s", words_duration(eta_us, text));
    }
}

void progress_print(FILE *out, const struct progress *progress, int64_t eta_us)
{
    char text[WORDS_DURATION_SIZE];
    words_print(out, progress->name);
    fputs(": ", out);
    words_print(out, progress->phase_text);
    if (progress->reason[0] != '\0') {
        fputs(" (", out);
        words_print(out, progress->reason);
        fputc(')', out);
    }
    if (progress->wave[0] != '\0') {
        fputs(" | wave ", out);
        words_print(out, progress->wave);
    }
    fprintf(out, " | %" PRId64 "/%" PRId64 " succeeded", progress->succeeded,
            progress->total);
    print_count(out, progress->failed, "failed");
    print_count(out, progress->unknown, "unknown");
    print_count(out, progress->cancelled, "cancelled");
    print_count(out, progress->skipped, "skipped");
    print_count(out, progress->superseded, "superseded");
    print_count(out, progress->pending, "pending");
    print_count(out, progress->active, "active");
    print_count(out, progress->states[1], "downloading");
    print_count(out, progress->states[2], "downloaded");
    print_count(out, progress->states[3], "updating");
    fprintf(out, " | fragments %" PRId64 "/%" PRId64 " | airtime %s", progress->sent,
            progress->uncoded, words_duration(progress->airtime_us, text));
    print_session(out, progress, eta_us);
}

enum cli_exit progress_exit(const struct progress *progress)
{
    switch (progress->phase) {
    case PROGRESS_COMPLETED:
        return progress->failed + progress->unknown + progress->cancelled == 0
                   ? CLI_OK
                   : CLI_FAILED;
    case PROGRESS_ABORTED:
    case PROGRESS_FAILED:
        return CLI_FAILED;
    case PROGRESS_PAUSED:
        return CLI_PAUSED;
    case PROGRESS_OTHER:
    case PROGRESS_RUNNING:
    case PROGRESS_ABORTING:
        break;
    }
    return CLI_RUNNING;
}

/* The phase that a goal names; PROGRESS_OTHER: none by itself. */
static enum progress_phase wanted(enum progress_goal goal)
{
    switch (goal) {
    case PROGRESS_FOR_RUNNING:
        return PROGRESS_RUNNING;
    case PROGRESS_FOR_PAUSED:
        return PROGRESS_PAUSED;
    case PROGRESS_FOR_ABORTED:
        return PROGRESS_ABORTED;
    case PROGRESS_FOR_FAILED:
        return PROGRESS_FAILED;
    case PROGRESS_FOR_COMPLETED:
    case PROGRESS_FOR_ENDED:
    case PROGRESS_FOR_WATCH:
        break;
    }
    return PROGRESS_OTHER;
}

bool progress_reached(const struct progress *progress, enum progress_goal goal,
                      enum cli_exit *code)
{
    bool ended = progress_has_ended(progress);
    bool whole = goal == PROGRESS_FOR_COMPLETED || goal == PROGRESS_FOR_WATCH;
    if (ended && whole) {
        *code = progress_exit(progress);
        return true;
    }
    if (progress->phase == PROGRESS_PAUSED && goal == PROGRESS_FOR_COMPLETED) {
        *code = CLI_PAUSED;
        return true;
    }
    bool met = goal == PROGRESS_FOR_ENDED || progress->phase == wanted(goal);
    /* Who waits for it to run wants it under way: one that is completed was. */
    bool was = goal == PROGRESS_FOR_RUNNING && progress->phase == PROGRESS_COMPLETED;
    if (ended) {
        *code = met || was ? CLI_OK : CLI_FAILED;
        return true;
    }
    *code = CLI_OK;
    return met && goal != PROGRESS_FOR_ENDED && !whole;
}
