/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/ctl_server.h"
#include "temp.h"

/* The server on a loop of the test, clients as plain sockets. */
struct rig {
    uv_loop_t loop;
    struct ctl_server *server;
    struct temp temp;
    char path[2 * TEMP_PATH_SIZE];
    size_t requests;
    size_t gone;
    uint64_t connection;
    bool closed;
    bool seen_other;
};

static void on_request(void *arg, uint64_t connection, struct ctl_request *request)
{
    struct rig *rig = arg;
    rig->requests++;
    rig->connection = connection;
    ctl_server_send(rig->server, connection, ctl_print_data(request->id, NULL));
}

static void on_gone(void *arg, uint64_t connection)
{
    struct rig *rig = arg;
    rig->gone++;
    assert_true(connection > 0);
}

static const struct ctl_server_handlers handlers = {on_request, on_gone};

static int open_server(struct rig *rig, struct ctl_server **server, struct detail *detail)
{
    struct ctl_server_config config = {
        .path = rig->path,
        .group = "no-such-group",
        .hello = "hello\n",
    };
    return ctl_server_open(&rig->loop, &config, &handlers, rig, server, detail);
}

static void start(struct rig *rig)
{
    struct detail detail = {0};
    *rig = (struct rig){.temp = temp_create()};
    temp_path(&rig->temp, "s", rig->path);
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_int_equal(open_server(rig, &rig->server, &detail), FUO_OK);
}

static void on_closed(void *arg)
{
    struct rig *rig = arg;
    rig->closed = true;
}

static void stop(struct rig *rig)
{
    ctl_server_close(rig->server, on_closed, rig);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_true(rig->closed);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    assert_int_not_equal(access(rig->path, F_OK), 0);
    temp_remove(&rig->temp);
}

static int join(const struct rig *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, rig->path, strlen(rig->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Runs the loop until the client has read something that contains text; false: cut off. */
static bool reads(struct rig *rig, int fd, const char *text)
{
    char buffer[4096];
    size_t len = 0;
    for (;;) {
        uv_run(&rig->loop, UV_RUN_NOWAIT);
        ssize_t n = recv(fd, buffer + len, sizeof(buffer) - 1 - len, 0);
        if (n == 0) {
            return false;
        }
        len += n > 0 ? (size_t)n : 0;
        buffer[len] = '\0';
        if (strstr(buffer, text) != NULL) {
            return true;
        }
    }
}

static void says(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void clients_are_greeted_and_answered(void **state)
{
    (void)state;
    struct rig rig;
    struct stat st;
    start(&rig);
    assert_int_equal(stat(rig.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    int fd = join(&rig);
    assert_true(reads(&rig, fd, "hello\n"));
    says(fd, "{\"id\":1,\"method\":\"version\"}\n{\"id\":2,\"me");
    assert_true(reads(&rig, fd, "{\"id\":1,\"ok\":true"));
    says(fd, "thod\":\"version\"}\n");
    assert_true(reads(&rig, fd, "{\"id\":2,\"ok\":true"));
    assert_int_equal(rig.requests, 2);
    says(fd, "nonsense\n");
    assert_true(reads(&rig, fd, "\"code\":2"));
    assert_int_equal(ctl_server_unsent(rig.server, rig.connection), 0);
    close(fd);
    while (rig.gone == 0) {
        uv_run(&rig.loop, UV_RUN_ONCE);
    }
    /* Too late: dropped. */
    ctl_server_send(rig.server, rig.connection, strdup("x\n"));
    assert_int_equal(ctl_server_unsent(rig.server, rig.connection), 0);
    stop(&rig);
}

/* Whoever sends many requests at once delays nobody: of others, and of the daemon's work. */
static void requests_sent_together_are_spread_over_turns(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    int greedy = join(&rig);
    int other = join(&rig);
    assert_true(reads(&rig, greedy, "hello\n"));
    assert_true(reads(&rig, other, "hello\n"));
    for (int i = 0; i < 100; i++) {
        says(greedy, "{\"id\":1,\"method\":\"version\"}\n");
    }
    says(greedy, "{\"id\":2,\"method\":\"version\"}\n");
    says(other, "{\"id\":3,\"method\":\"version\"}\n{\"id\":4,\"method\":\"version\"}\n");
    size_t most = 0;
    while (rig.requests < 103) {
        size_t before = rig.requests;
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        most = rig.requests - before > most ? rig.requests - before : most;
        if (rig.requests < 50 && rig.connection == 2) {
            rig.seen_other = true;
        }
    }
    assert_in_range(most, 1, 3); /* one of those that wait, and what is just read */
    assert_true(rig.seen_other);
    assert_true(reads(&rig, other, "{\"id\":4,\"ok\":true"));
    assert_true(reads(&rig, greedy, "{\"id\":2,\"ok\":true"));
    close(greedy);
    close(other);
    stop(&rig);
}

static void a_line_without_end_cuts_the_client_off(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    int fd = join(&rig);
    assert_true(reads(&rig, fd, "hello\n"));
    char flood[4096];
    memset(flood, 'x', sizeof(flood));
    size_t sent = 0;
    while (rig.gone == 0) {
        ssize_t n = send(fd, flood, sizeof(flood), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        assert_true(sent < (size_t)4 * CTL_LINE_MAX);
    }
    assert_int_equal(rig.requests, 0);
    close(fd);
    stop(&rig);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    int fd = join(&rig);
    says(fd, "{\"id\":1,\"method\":\"version\"}\n");
    while (rig.requests == 0) {
        uv_run(&rig.loop, UV_RUN_ONCE);
    }
    for (size_t i = 0; rig.gone == 0; i++) {
        assert_true(i < 100);
        char *line = malloc(CTL_LINE_MAX);
        memset(line, 'x', CTL_LINE_MAX - 1);
        line[CTL_LINE_MAX - 1] = '\0';
        ctl_server_send(rig.server, rig.connection, line);
    }
    close(fd);
    stop(&rig);
}

static void the_server_can_cut_a_client_off(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig);
    int fd = join(&rig);
    says(fd, "{\"id\":1,\"method\":\"version\"}\n");
    while (rig.requests == 0) {
        uv_run(&rig.loop, UV_RUN_ONCE);
    }
    ctl_server_send(rig.server, rig.connection, NULL);
    assert_int_equal(rig.gone, 1);
    assert_false(reads(&rig, fd, "never"));
    close(fd);
    stop(&rig);
}

static void the_number_of_clients_is_bounded(void **state)
{
    (void)state;
    struct rig rig;
    int fds[CTL_SERVER_CONNECTIONS_MAX];
    start(&rig);
    for (size_t i = 0; i < CTL_SERVER_CONNECTIONS_MAX; i++) {
        fds[i] = join(&rig);
        assert_true(reads(&rig, fds[i], "hello\n"));
    }
    int one_more = join(&rig);
    assert_false(reads(&rig, one_more, "hello\n"));
    close(one_more);
    for (size_t i = 0; i < CTL_SERVER_CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
    stop(&rig);
}

static void an_abandoned_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    (void)state;
    struct rig rig;
    struct detail detail = {0};
    struct ctl_server *second = NULL;
    start(&rig);
    assert_int_equal(open_server(&rig, &second, &detail), FUO_EEXIST);
    assert_non_null(strstr(detail.text, "another daemon"));
    stop(&rig);

    rig = (struct rig){.temp = temp_create()};
    temp_path(&rig.temp, "s", rig.path);
    assert_int_equal(uv_loop_init(&rig.loop), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, rig.path, strlen(rig.path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    assert_int_equal(open_server(&rig, &rig.server, &detail), FUO_OK);
    stop(&rig);
}

static void other_files_are_not_touched(void **state)
{
    (void)state;
    struct rig rig = {.temp = temp_create()};
    struct detail detail = {0};
    temp_path(&rig.temp, "s", rig.path);
    assert_int_equal(uv_loop_init(&rig.loop), 0);
    FILE *file = fopen(rig.path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(open_server(&rig, &rig.server, &detail), FUO_EIO);
    assert_int_equal(access(rig.path, F_OK), 0);
    /* No such folder, and a path that no socket can have. */
    temp_path(&rig.temp, "none/s", rig.path);
    assert_int_equal(open_server(&rig, &rig.server, &detail), FUO_EIO);
    memset(rig.path, 'x', 200);
    rig.path[200] = '\0';
    assert_int_equal(open_server(&rig, &rig.server, &detail), FUO_EIO);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    temp_remove(&rig.temp);
}

TEST_MAIN(cmocka_unit_test(clients_are_greeted_and_answered),
          cmocka_unit_test(requests_sent_together_are_spread_over_turns),
          cmocka_unit_test(a_line_without_end_cuts_the_client_off),
          cmocka_unit_test(a_client_that_does_not_read_is_cut_off),
          cmocka_unit_test(the_server_can_cut_a_client_off),
          cmocka_unit_test(the_number_of_clients_is_bounded),
          cmocka_unit_test(an_abandoned_socket_is_replaced_and_a_live_one_is_not),
          cmocka_unit_test(other_files_are_not_touched))
