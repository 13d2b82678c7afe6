/* SPDX-License-Identifier: MIT */
/* net_support.h - a loop with a deadline, children, free ports; for the net_* tests. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "test.h"

#include "fuotad/plugin.h"

extern char **environ;

enum {
    NET_DEADLINE_MS = 60000, /* a safety net, not a time that anything is measured by */
};

/* A port nobody listens on, below those that the kernel gives to outgoing connections: one of
 * those could take it while a broker is restarted, or a client connect to itself there. It is
 * this process's until its end: no other test is given it (as stack.py does). */
static inline int net_free_port(void)
{
    for (;;) {
        uint16_t port;
        assert_int_equal(getrandom(&port, sizeof(port), 0), sizeof(port));
        port = (uint16_t)(10000 + port % 22000);
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "fuotad-port-%d",
                           port);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int claim = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* stays open */
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(claim >= 0 && fd >= 0);
        bool mine =
            bind(claim, (struct sockaddr *)&name,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) ==
                0 &&
            bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
        close(fd);
        if (mine) {
            return port;
        }
        close(claim);
    }
}

static inline pid_t net_spawn(const char *const argv[])
{
    pid_t pid;
    char *args[16] = {0};
    for (size_t i = 0; i < ARRAY_LEN(args) - 1 && argv[i] != NULL; i++) {
        args[i] = strdup(argv[i]);
    }
    assert_int_equal(posix_spawnp(&pid, args[0] != NULL ? args[0] : "false", NULL, NULL,
                                  args, environ),
                     0);
    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        free(args[i]);
    }
    return pid;
}

static inline void net_stop(pid_t pid, int signal)
{
    if (pid > 0) {
        kill(pid, signal);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
}

/* Until something listens there. */
static inline void net_wait_port(int port)
{
    for (int i = 0; i < 12000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                      .sin_port = htons((uint16_t)port)};
        int rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
        close(fd);
        if (rc == 0) {
            return;
        }
        uv_sleep(5);
    }
    fail_msg("nothing listens on port %d", port);
}

struct net_wait {
    bool (*done)(void *arg);
    void *arg;
    bool late;
};

static inline void net_on_deadline(uv_timer_t *timer)
{
    struct net_wait *wait = timer->data;
    wait->late = true;
    uv_stop(timer->loop);
}

/* Before each time the loop would sleep. */
static inline void net_on_prepare(uv_prepare_t *prepare)
{
    const struct net_wait *wait = prepare->data;
    if (wait->done(wait->arg)) {
        uv_stop(prepare->loop);
    }
}

/* Run the loop until done(arg) is true; fails when the deadline passes first. */
static inline void net_run_until(uv_loop_t *loop, bool (*done)(void *arg), void *arg)
{
    struct net_wait wait = {done, arg, false};
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_timer_init(loop, &timer);
    uv_prepare_init(loop, &prepare);
    timer.data = &wait;
    prepare.data = &wait;
    uv_update_time(loop);
    uv_timer_start(&timer, net_on_deadline, NET_DEADLINE_MS, 0);
    uv_prepare_start(&prepare, net_on_prepare);
    while (!done(arg) && !wait.late) {
        uv_run(loop, UV_RUN_DEFAULT);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_close((uv_handle_t *)&prepare, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    assert_false(wait.late);
}

static inline bool net_flag(void *arg)
{
    return *(bool *)arg;
}

static inline void net_set_flag(void *arg)
{
    *(bool *)arg = true;
}

/* Everything that was logged, to look for texts that must or must not be there. */
struct net_log {
    char text[16384];
};

static inline void net_log_add(struct net_log *log, const char *line)
{
    size_t used = strlen(log->text);
    snprintf(log->text + used, sizeof(log->text) - used, "%s\n", line);
}

/* A mosquitto of our own. */
struct broker {
    char dir[64];
    char config[128];
    int port;
    pid_t pid;
};

static inline void broker_start(struct broker *b)
{
    const char *argv[] = {"mosquitto", "-c", b->config, NULL};
    b->pid = net_spawn(argv);
    net_wait_port(b->port);
}

static inline void broker_configure(struct broker *b, const char *more)
{
    snprintf(b->dir, sizeof(b->dir), "/tmp/fuo-net-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    assert_int_equal(chmod(b->dir, 0777), 0); /* as root mosquitto becomes another user */
    snprintf(b->config, sizeof(b->config), "%s/mosquitto.conf", b->dir);
    b->port = net_free_port();
    FILE *f = fopen(b->config, "w");
    assert_non_null(f);
    fprintf(f,
            "listener %d 127.0.0.1\nlog_dest none\npersistence true\n"
            "persistence_location %s/\nmax_queued_messages 0\n%s",
            b->port, b->dir, more);
    fclose(f);
}

static inline void broker_remove(struct broker *b)
{
    net_stop(b->pid, SIGTERM);
    const char *argv[] = {"rm", "-rf", b->dir, NULL};
    net_stop(net_spawn(argv), 0);
}
