/* SPDX-License-Identifier: MIT */
#include "loop/ctl_server.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/cleanup.h"
#include "loop/xalloc.h"

#define LOG_MODULE "ctl"
#include "io/log.h"

enum {
    READ_MIN = 4096,
    BACKLOG = 16,
};

struct connection {
    uv_pipe_t pipe;
    struct ctl_server *server;
    struct connection *next;
    uint64_t id;
    bool closing;
    bool ready; /* a whole line waits; nothing more is read until it was handled */
    char *line; /* what was read and not handled */
    size_t len;
    size_t cap;
};

struct ctl_server {
    uv_pipe_t pipe;
    uv_idle_t idle; /* while connections are ready */
    struct ctl_server_handlers handlers;
    void *arg;
    struct connection *connections;
    size_t connection_count;
    uint64_t last_id;
    char *path;
    char *hello;
    size_t handles; /* not closed yet: connections and the listening pipe */
    bool closing;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

struct outgoing {
    uv_write_t request;
    char *line;
};

/* ---- the socket file ---- */

/* Something answers there: another daemon. */
static bool in_use(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    /* EAGAIN: so many clients wait already that nobody else can. */
    bool answered =
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
        errno == EAGAIN;
    close(fd);
    return answered;
}

static int clear_path(const char *path, struct detail *detail)
{
    struct stat st;
    if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        detail_set(detail, "%s: the path is too long for a socket", path);
        return FUO_EIO;
    }
    if (lstat(path, &st) != 0) {
        return FUO_OK;
    }
    if (!S_ISSOCK(st.st_mode)) {
        detail_set(detail, "%s: exists and is not a socket", path);
        return FUO_EIO;
    }
    if (in_use(path)) {
        detail_set(detail, "%s: another daemon is listening there", path);
        return FUO_EEXIST;
    }
    if (unlink(path) != 0) {
        detail_set(detail, "%s: %s", path, strerror(errno));
        return FUO_EIO;
    }
    return FUO_OK;
}

static void set_group(const char *path, const char *group)
{
    const struct group *entry = group != NULL ? getgrnam(group) : NULL;
    if (entry == NULL) {
        log_info("control socket keeps the daemon's own group path=%s", path);
        return;
    }
    if (lchown(path, (uid_t)-1, entry->gr_gid) != 0) {
        log_warn("cannot give the control socket to its group path=%s group=%s error=%s",
                 path, group, strerror(errno));
    }
}

/* ---- life of a connection ---- */

static void handle_gone(struct ctl_server *server)
{
    server->handles--;
    if (!server->closing || server->handles > 0) {
        return;
    }
    void (*on_closed)(void *arg) = server->on_closed;
    void *arg = server->closed_arg;
    free(server->path);
    free(server->hello);
    free(server);
    if (on_closed != NULL) {
        on_closed(arg);
    }
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct ctl_server *server = connection->server;
    free(connection->line);
    free(connection);
    handle_gone(server);
}

static void unlink_connection(struct connection *connection)
{
    struct connection **at = &connection->server->connections;
    while (*at != connection) {
        at = &(*at)->next;
    }
    *at = connection->next;
    connection->server->connection_count--;
}

static void drop(struct connection *connection)
{
    struct ctl_server *server = connection->server;
    if (connection->closing) {
        return;
    }
    connection->closing = true;
    unlink_connection(connection);
    uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
    if (!server->closing) {
        server->handlers.on_gone(server->arg, connection->id);
    }
}

static struct connection *find(const struct ctl_server *server, uint64_t id)
{
    struct connection *connection = server->connections;
    while (connection != NULL && connection->id != id) {
        connection = connection->next;
    }
    return connection;
}

/* ---- writing ---- */

static void on_written(uv_write_t *request, int status)
{
    struct outgoing *outgoing = request->data;
    struct connection *connection = request->handle->data;
    free(outgoing->line);
    free(outgoing);
    if (status != 0) {
        drop(connection);
    }
}

static void write_line(struct connection *connection, char *line)
{
    if (connection->closing ||
        uv_stream_get_write_queue_size((uv_stream_t *)&connection->pipe) >
            CTL_SERVER_UNSENT_MAX) {
        free(line);
        drop(connection);
        return;
    }
    struct outgoing *outgoing = xcalloc(1, sizeof(*outgoing));
    outgoing->line = line;
    outgoing->request.data = outgoing;
    uv_buf_t buf = uv_buf_init(line, (unsigned)strlen(line));
    if (uv_write(&outgoing->request, (uv_stream_t *)&connection->pipe, &buf, 1,
                 on_written) != 0) {
        free(line);
        free(outgoing);
        drop(connection);
    }
}

void ctl_server_send(struct ctl_server *server, uint64_t connection, char *line)
{
    struct connection *found = server != NULL ? find(server, connection) : NULL;
    if (found == NULL) {
        free(line);
    } else if (line == NULL) {
        drop(found);
    } else {
        write_line(found, line);
    }
}

size_t ctl_server_unsent(const struct ctl_server *server, uint64_t connection)
{
    struct connection *found = find(server, connection);
    return found != NULL ? uv_stream_get_write_queue_size((uv_stream_t *)&found->pipe)
                         : 0;
}

bool ctl_server_peer(const struct ctl_server *server, uint64_t connection, uint32_t *uid)
{
    const struct connection *found = server != NULL ? find(server, connection) : NULL;
    struct ucred peer;
    socklen_t len = sizeof(peer);
    uv_os_fd_t fd;
    if (found == NULL || uv_fileno((const uv_handle_t *)&found->pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return false;
    }
    *uid = peer.uid;
    return true;
}

/* ---- reading ---- */

static void on_idle(uv_idle_t *idle);

static void handle_line(struct connection *connection, const char *line, size_t len)
{
    struct ctl_server *server = connection->server;
    struct ctl_request request;
    struct ctl_error error = {0};
    int err = ctl_request_parse(line, len, &request, &error);
    if (err == FUO_OK) {
        server->handlers.on_request(server->arg, connection->id, &request);
    } else {
        ctl_server_send(server, connection->id, ctl_print_error(request.id, &error));
    }
    ctl_request_finish(&request);
    ctl_error_finish(&error);
}

static void refuse_long_line(struct connection *connection)
{
    struct ctl_error error = {0};
    ctl_fail(&error, CTL_USAGE, "a line must not be longer than %d bytes", CTL_LINE_MAX);
    write_line(connection, ctl_print_error(0, &error));
    drop(connection);
}

/* The first whole line of the buffer, if there is one; what is left moves to its start. */
static void handle_first(struct connection *connection)
{
    const char *lf = memchr(connection->line, '\n', connection->len);
    if (lf == NULL) {
        return;
    }
    size_t end = (size_t)(lf - connection->line);
    handle_line(connection, connection->line, end);
    connection->len -= end + 1;
    memmove(connection->line, connection->line + end + 1, connection->len);
}

/* Requests that come together, of one client or of many, are spread over turns of the loop. */
static void wait_for_turn(struct connection *connection)
{
    connection->ready = true;
    uv_read_stop((uv_stream_t *)&connection->pipe);
    uv_idle_start(&connection->server->idle, on_idle);
}

static void look_at_buffer(struct connection *connection)
{
    if (memchr(connection->line, '\n', connection->len) != NULL) {
        wait_for_turn(connection);
    } else if (connection->len >= CTL_LINE_MAX) {
        refuse_long_line(connection);
    } else if (connection->len == 0 && connection->cap > READ_MIN) {
        free(TAKE(connection->line));
        connection->cap = 0;
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct connection *connection = handle->data;
    if (connection->cap - connection->len < READ_MIN / 2) {
        connection->cap = connection->cap == 0 ? READ_MIN : connection->cap * 2;
        if (connection->cap > CTL_LINE_MAX + READ_MIN) {
            connection->cap = CTL_LINE_MAX + READ_MIN;
        }
        connection->line = xrealloc(connection->line, connection->cap, 1);
    }
    *buf = uv_buf_init(connection->line + connection->len,
                       (unsigned)(connection->cap - connection->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct connection *connection = stream->data;
    if (n < 0) {
        drop(connection);
    } else if (n > 0) {
        connection->len += (size_t)n;
        look_at_buffer(connection);
    }
}

static struct connection *first_ready(const struct ctl_server *server)
{
    struct connection *connection = server->connections;
    while (connection != NULL && !connection->ready) {
        connection = connection->next;
    }
    return connection;
}

/* To the end of the list: others come first next time. */
static void move_last(struct connection *connection)
{
    struct connection **at = &connection->server->connections;
    while (*at != connection) {
        at = &(*at)->next;
    }
    *at = connection->next;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = connection;
    connection->next = NULL;
}

/* One request a turn, of whoever waits longest. */
static void on_idle(uv_idle_t *idle)
{
    struct ctl_server *server = idle->data;
    struct connection *connection = first_ready(server);
    if (connection == NULL) {
        uv_idle_stop(idle);
        return;
    }
    move_last(connection);
    connection->ready = false;
    handle_first(connection);
    if (!connection->closing) {
        look_at_buffer(connection);
    }
    if (!connection->closing && !connection->ready &&
        uv_read_start((uv_stream_t *)&connection->pipe, on_alloc, on_read) != 0) {
        drop(connection);
    }
}

static void greet(struct connection *connection)
{
    struct ctl_server *server = connection->server;
    if (server->connection_count > CTL_SERVER_CONNECTIONS_MAX) {
        log_warn("too many control connections max=%d", CTL_SERVER_CONNECTIONS_MAX);
        drop(connection);
        return;
    }
    write_line(connection, xstrdup(server->hello));
    if (!connection->closing &&
        uv_read_start((uv_stream_t *)&connection->pipe, on_alloc, on_read) != 0) {
        drop(connection);
    }
}

static void on_incoming(uv_stream_t *stream, int status)
{
    struct ctl_server *server = stream->data;
    if (status != 0) {
        return;
    }
    struct connection *connection = xcalloc(1, sizeof(*connection));
    uv_pipe_init(stream->loop, &connection->pipe, 0);
    connection->pipe.data = connection;
    connection->server = server;
    connection->id = ++server->last_id;
    connection->next = server->connections;
    server->connections = connection;
    server->connection_count++;
    server->handles++;
    if (uv_accept(stream, (uv_stream_t *)&connection->pipe) != 0) {
        drop(connection);
        return;
    }
    greet(connection);
}

/* ---- life of the server ---- */

static int listen_on(struct ctl_server *server, const char *group, struct detail *detail)
{
    mode_t old_mask = umask(0117);
    int err = uv_pipe_bind(&server->pipe, server->path);
    umask(old_mask);
    if (err == 0) {
        set_group(server->path, group);
        err = uv_listen((uv_stream_t *)&server->pipe, BACKLOG, on_incoming);
    }
    if (err != 0) {
        detail_set(detail, "%s: %s", server->path, uv_strerror(err));
        return FUO_EIO;
    }
    return FUO_OK;
}

int ctl_server_open(uv_loop_t *loop, const struct ctl_server_config *config,
                    const struct ctl_server_handlers *handlers, void *arg,
                    struct ctl_server **server, struct detail *detail)
{
    int err = clear_path(config->path, detail);
    if (err != FUO_OK) {
        return err;
    }
    struct ctl_server *made = xcalloc(1, sizeof(*made));
    uv_pipe_init(loop, &made->pipe, 0);
    uv_idle_init(loop, &made->idle);
    made->pipe.data = made->idle.data = made;
    made->handles = 2;
    made->handlers = *handlers;
    made->arg = arg;
    made->path = xstrdup(config->path);
    made->hello = xstrdup(config->hello);
    err = listen_on(made, config->group, detail);
    if (err != FUO_OK) {
        ctl_server_close(made, NULL, NULL);
        return err;
    }
    *server = made;
    return FUO_OK;
}

static void on_server_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

void ctl_server_close(struct ctl_server *server, void (*on_closed)(void *arg), void *arg)
{
    server->closing = true;
    server->on_closed = on_closed;
    server->closed_arg = arg;
    while (server->connections != NULL) {
        drop(server->connections);
    }
    uv_close((uv_handle_t *)&server->idle, on_server_closed);
    uv_close((uv_handle_t *)&server->pipe, on_server_closed);
}
