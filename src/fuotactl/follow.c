/* SPDX-License-Identifier: MIT */
#include "fuotactl/follow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "fuotactl/cmd_util.h"
#include "fuotactl/fail.h"
#include "fuotactl/render.h"
#include "fuotactl/words.h"
#include "io/cleanup.h"

enum {
    WIDTH_DEFAULT = 80,
    GOING_ON = -1, /* not an exit code */
};

struct follower {
    const struct cli *cli;
    struct remote *remote;
    const struct follow_options *options;
    struct progress progress; /* the last one seen */
    struct progress shown;    /* the last one that got a line of its own */
    struct progress_rate rate;
    struct json_object *state; /* the last one seen; owned */
    int64_t until_us;
    int64_t lost_us;  /* since when the daemon is away; 0: it is not */
    int64_t shown_us; /* when the last line was printed */
    bool line_open;   /* a live line is on the screen */
};

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return SECONDS_US(ts.tv_sec) + ts.tv_nsec / 1000;
}

/* ---- on the screen ---- */

static size_t screen_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return WIDTH_DEFAULT;
}

/* Cuts text after so many code points. */
static void cut(char *text, size_t width)
{
    for (; *text != '\0'; text++) {
        bool start = ((unsigned char)*text & 0xc0) != 0x80;
        if (start && width-- == 0) {
            *text = '\0';
            return;
        }
    }
}

static void close_line(struct follower *f)
{
    if (f->line_open) {
        fputs("\r\033[K", stderr);
        f->line_open = false;
    }
}

static char *line_of(struct follower *f, int64_t now)
{
    char *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);
    if (out == NULL) {
        return NULL;
    }
    progress_print(out, &f->progress, progress_eta_us(&f->rate, &f->progress, now));
    fclose(out);
    return line;
}

static void show_live(struct follower *f, int64_t now)
{
    AUTO_FREE char *line = line_of(f, now);
    if (line != NULL) {
        cut(line, screen_width() - 1);
        fprintf(stderr, "\r%s\033[K", line);
        f->line_open = true;
    }
}

static void show_line(struct follower *f, int64_t now)
{
    AUTO_FREE char *line = line_of(f, now);
    f->shown = f->progress;
    f->shown_us = now;
    if (line != NULL) {
        fprintf(stderr, "%s\n", line);
    }
}

static void show_json(struct follower *f, int64_t now)
{
    render_json(stdout, "state", f->state);
    fflush(stdout);
    f->shown_us = now;
}

static void show_state(struct follower *f)
{
    int64_t now = now_us();
    bool first = f->shown_us == 0;
    if (f->cli->json) {
        show_json(f, now);
    } else if (f->cli->live) {
        show_live(f, now);
    } else if (!f->cli->quiet && (first || progress_changed(&f->shown, &f->progress))) {
        show_line(f, now);
    }
}

static void show_heartbeat(struct follower *f)
{
    int64_t now = now_us();
    bool due = now - f->shown_us >= SECONDS_US(FOLLOW_HEARTBEAT_S);
    if (f->state == NULL) {
        return;
    }
    if (f->cli->live) {
        show_live(f, now);
    } else if (due && f->cli->json) {
        show_json(f, now);
    } else if (due && !f->cli->quiet) {
        show_line(f, now);
    }
}

static void show_device(struct follower *f, struct json_object *device)
{
    if (f->cli->json) {
        render_json(stdout, "device", device);
        fflush(stdout);
        return;
    }
    if (f->cli->quiet) {
        return;
    }
    close_line(f);
    words_print(stderr, ctl_text(device, "dev_eui"));
    fputs(": ", stderr);
    words_print(stderr, ctl_text(device, "outcome"));
    fprintf(stderr, ", State %" PRId64 ", Update Result %" PRId64 ", ",
            ctl_int(device, "state", 0), ctl_int(device, "result", 0));
    words_print(stderr, ctl_text(device, "phase"));
    fputs(" (", stderr);
    words_print(stderr, ctl_text(device, "reason"));
    fputs(")\n", stderr);
}

/* ---- the end ---- */

static void print_end(struct follower *f, int code)
{
    if (f->state == NULL) {
        return;
    }
    if (!f->cli->json) {
        render_campaign(stdout, f->state, f->cli->color_out);
        return;
    }
    AUTO_JSON json_object *end = json_object_new_object();
    json_object_object_add(end, "code", json_object_new_int(code));
    render_merge(end, f->state);
    render_json(stdout, "end", end);
}

static void say_return(const struct follower *f, const char *why)
{
    AUTO_FREE char *name = remote_operand(f->cli, f->options->name);
    cmd_say("%s; the campaign goes on. Come back with: fuotactl watch %s", why,
            name != NULL ? name : f->options->name);
}

static void say_paused(const struct follower *f)
{
    AUTO_FREE char *name = remote_operand(f->cli, f->options->name);
    cli_remark(f->cli, "paused; go on with: fuotactl %s %s",
               f->progress.needs_approval ? "approve" : "resume",
               name != NULL ? name : f->options->name);
}

static int leave(struct follower *f, int code)
{
    close_line(f);
    if (code == CLI_INTERRUPTED) {
        say_return(f, "detached");
    } else if (code == CLI_RUNNING) {
        say_return(f, "the time is over");
        print_end(f, code);
    } else {
        if (code == CLI_PAUSED) {
            say_paused(f);
        }
        print_end(f, code);
    }
    return cmd_finish() == CLI_OK ? code : CLI_INTERNAL;
}

/* ---- what the daemon says ---- */

static int take_state(struct follower *f, struct json_object *state)
{
    enum cli_exit code = CLI_OK;
    json_object_put(f->state);
    f->state = json_object_get(state);
    progress_read(state, &f->progress);
    show_state(f);
    return progress_reached(&f->progress, f->options->goal, &code) ? leave(f, (int)code)
                                                                   : GOING_ON;
}

static int take_message(struct follower *f, const struct ctl_message *message)
{
    bool event = message->type == CTL_MSG_EVENT;
    if (message->type == CTL_MSG_ERROR) {
        close_line(f);
        return remote_refused(f->remote, message);
    }
    if (event && strcmp(message->event, "device") == 0) {
        show_device(f, message->data);
        return GOING_ON;
    }
    if ((event && strcmp(message->event, "state") != 0) ||
        message->type == CTL_MSG_HELLO) {
        return GOING_ON;
    }
    if (!json_object_is_type(message->data, json_type_object)) {
        return remote_lost(f->remote, FUO_EPROTO);
    }
    int code = take_state(f, message->data);
    /* The stream is over, and what was waited for cannot come any more. */
    return !event && code == GOING_ON ? leave(f, CLI_FAILED) : code;
}

/* ---- the connection ---- */

static int start(struct follower *f)
{
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "name", json_object_new_string(f->options->name));
    json_object_object_add(params, "devices",
                           json_object_new_boolean(f->options->devices));
    return ctl_client_send(f->remote->client, CTL_WATCH, params);
}

static int lost(struct follower *f, int err)
{
    remote_drop(f->remote);
    if (f->state == NULL) {
        return remote_lost(f->remote, err);
    }
    close_line(f);
    if (f->lost_us == 0) {
        f->lost_us = now_us();
        cli_remark(f->cli, "the connection to fuotad is lost; trying again");
    }
    return GOING_ON;
}

static int come_back(struct follower *f)
{
    if (now_us() - f->lost_us > SECONDS_US(FOLLOW_LOST_S)) {
        return cli_fail(f->cli, CLI_UNREACHABLE, NULL, "%s: fuotad did not come back",
                        remote_place(f->cli));
    }
    struct timespec tick = {.tv_nsec = REMOTE_TICK_MS * 1000000L};
    nanosleep(&tick, NULL);
    if (remote_reopen(f->remote) != CLI_OK) {
        return GOING_ON;
    }
    int err = start(f);
    return err == FUO_OK ? GOING_ON : lost(f, err);
}

static int listen_once(struct follower *f)
{
    struct ctl_message message = {0};
    int err = ctl_client_next(f->remote->client, &message);
    if (err == FUO_ETIMEDOUT || err == FUO_EAGAIN) {
        show_heartbeat(f);
        return GOING_ON;
    }
    if (err != FUO_OK) {
        return lost(f, err);
    }
    f->lost_us = 0;
    int code = take_message(f, &message);
    ctl_message_finish(&message);
    return code;
}

int follow(struct remote *remote, const struct follow_options *options)
{
    int64_t begin_us = now_us();
    struct follower f = {
        .cli = remote->cli,
        .remote = remote,
        .options = options,
        .until_us = options->timeout_us > INT64_MAX - begin_us
                        ? INT64_MAX
                        : begin_us + options->timeout_us,
    };
    remote_hold_signals();
    int err = start(&f);
    int code = err == FUO_OK ? GOING_ON : lost(&f, err);
    while (code == GOING_ON) {
        if (remote_interrupted()) {
            code = leave(&f, CLI_INTERRUPTED);
        } else if (now_us() >= f.until_us) {
            code = leave(&f, CLI_RUNNING);
        } else {
            code = remote->client == NULL ? come_back(&f) : listen_once(&f);
        }
    }
    close_line(&f);
    json_object_put(f.state);
    return code;
}
