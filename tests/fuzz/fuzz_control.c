/* SPDX-License-Identifier: MIT */
/*
 * fuzz_control.c - whatever a client of the control socket sends, from its bytes to the
 * methods: a daemon with a campaign that is paused. Every line that it answers is JSON, and it
 * lives on.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "quiet_daemon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TURNS_MAX = 100,
    READ_SIZE = 1 << 16,
};

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static struct {
    char bytes[1 << 20];
    size_t len;
    bool cut; /* the beginning was forgotten */
} answers;

static void open_server(struct daemon *d, const char *path)
{
    struct detail detail = {0};
    struct ctl_server_config config = {.path = path, .hello = "{\"fuotad\":\"0\"}\n"};
    require(ctl_server_open(d->loop, &config, &method_handlers, d, &d->ctl, &detail) ==
            FUO_OK);
}

static int join(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    require(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    require(fd >= 0);
    require(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

/* Returns whether the daemon still listens to us. */
static bool collect(int fd)
{
    for (;;) {
        size_t room = sizeof(answers.bytes) - answers.len;
        ssize_t n =
            recv(fd, answers.bytes + answers.len, room < READ_SIZE ? room : READ_SIZE, 0);
        if (n <= 0) {
            return n < 0;
        }
        answers.len += (size_t)n;
        if (answers.len == sizeof(answers.bytes)) {
            answers.len = 0;
            answers.cut = true;
        }
    }
}

static void check_answers(void)
{
    const char *at = answers.bytes;
    const char *end = at + answers.len;
    if (answers.cut) {
        const char *newline = memchr(at, '\n', answers.len);
        at = newline != NULL ? newline + 1 : end;
    }
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL) {
            return;
        }
        struct ctl_message message = {0};
        require(ctl_message_parse(at, (size_t)(newline - at), &message) == FUO_OK);
        ctl_message_finish(&message);
        at = newline + 1;
    }
}

static size_t lines_in(const uint8_t *data, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += data[i] == '\n';
    }
    return count;
}

static void say(int fd, const uint8_t *data, size_t size)
{
    size_t sent = 0;
    bool open = true;
    answers.len = 0;
    answers.cut = false;
    for (int i = 0; open && i < TURNS_MAX && sent < size; i++) {
        ssize_t n = send(fd, data + sent, size - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        quiet_run();
        open = collect(fd);
    }
    for (size_t left = lines_in(data, size) + 1; open && left > 0; left--) {
        quiet_run(); /* one request a turn */
        open = collect(fd);
    }
    check_answers();
}

/* So that it does nothing but what it is told: a campaign that runs costs time. */
static void pause_campaign(struct daemon *d)
{
    struct effects effects = {0};
    struct engine_event event = {
        .type = ENGINE_EV_CONTROL,
        .now = clock_mono(&d->clock),
        .utc = clock_utc(&d->clock),
        .control = {.campaign_id = 1, .verb = ENGINE_PAUSE},
    };
    engine_step(d->engine, &event, &effects);
    effects_finish(&effects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = 0;
    struct daemon *d = NULL;
    char path[512];
    const uint8_t *database = quiet_database(&len);
    quiet_put(database, len);
    require(quiet_open(&d) == FUO_OK);
    snprintf(path, sizeof(path), "%s.s", quiet_database_path());
    open_server(d, path);
    d->running = true;
    pause_campaign(d);
    driver_recover(d->driver, d->engine);
    quiet_run();
    int fd = join(path);
    say(fd, data, size);
    close(fd);
    quiet_run();
    quiet_close();
    return 0;
}
