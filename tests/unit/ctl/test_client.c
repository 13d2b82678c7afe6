/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/client.h"
#include "temp.h"

/* A server that answers each line with the next of its texts, then hangs up. */
struct script {
    const char *hello;
    const char *const *answers; /* ends with NULL */
    int listening;
    pthread_t thread;
    char path[256];
    char received[1024];
};

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        text += n;
        len -= (size_t)n;
    }
}

/* Reads a line, keeps its beginning. */
static bool hear(int fd, struct script *script)
{
    size_t len = 0;
    char c;
    while (recv(fd, &c, 1, 0) == 1) {
        if (c == '\n') {
            return true;
        }
        if (len < sizeof(script->received) - 1) {
            script->received[len++] = c;
            script->received[len] = '\0';
        }
    }
    return false;
}

static void *play(void *arg)
{
    struct script *script = arg;
    int fd = accept(script->listening, NULL, NULL);
    say(fd, script->hello);
    for (size_t i = 0; script->answers != NULL && script->answers[i] != NULL; i++) {
        if (!hear(fd, script)) {
            break;
        }
        say(fd, script->answers[i]);
    }
    close(fd);
    return NULL;
}

static void start(struct script *script, const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(script->path, sizeof(script->path), "%s/s", folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", script->path);
    script->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        bind(script->listening, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(script->listening, 1), 0);
    assert_int_equal(pthread_create(&script->thread, NULL, play, script), 0);
}

static void stop(struct script *script)
{
    pthread_join(script->thread, NULL);
    close(script->listening);
    unlink(script->path);
}

#define HELLO "{\"fuotad\":\"9.9\",\"protocol\":1}\n"

static void calls_are_answered_and_events_passed_over(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{\"id\":1,\"event\":\"state\",\"data\":{}}\n{\"id\":1,\"ok\":true,\"data\":{"
        "\"v\":"
        "4}}\n",
        "{\"id\":2,\"ok\":false,\"code\":5,\"error\":\"none\"}\n",
        NULL,
    };
    struct temp temp = temp_create();
    struct script script = {.hello = HELLO, .answers = answers};
    start(&script, temp.folder);

    struct ctl_client *client = NULL;
    assert_int_equal(ctl_client_open(script.path, 5000, &client), FUO_OK);
    assert_string_equal(ctl_client_server_version(client), "9.9");
    struct ctl_message message = {0};
    assert_int_equal(ctl_client_call(client, CTL_STATUS, NULL, &message), FUO_OK);
    assert_int_equal(message.type, CTL_MSG_DATA);
    assert_int_equal(ctl_int(message.data, "v", 0), 4);
    ctl_message_finish(&message);
    assert_string_equal(script.received, "{\"id\":1,\"method\":\"status\"}");

    assert_int_equal(ctl_client_call(client, CTL_STATUS, NULL, &message), FUO_OK);
    assert_int_equal(message.type, CTL_MSG_ERROR);
    assert_int_equal(message.error.code, CTL_NOT_FOUND);
    ctl_message_finish(&message);

    /* The server has hung up. */
    assert_int_equal(ctl_client_next(client, &message), FUO_EIO);
    ctl_client_close(client);
    stop(&script);
    temp_remove(&temp);
}

static void events_of_a_stream_come_one_by_one(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{\"id\":1,\"event\":\"state\",\"data\":{}}\n{\"id\":1,\"event\":\"device\"}\n"
        "{\"id\":1,\"ok\":true}\n",
        NULL,
    };
    struct temp temp = temp_create();
    struct script script = {.hello = HELLO, .answers = answers};
    start(&script, temp.folder);
    struct ctl_client *client = NULL;
    assert_int_equal(ctl_client_open(script.path, 5000, &client), FUO_OK);
    ctl_client_set_timeout(client, -1);
    assert_int_equal(ctl_client_send(client, CTL_WATCH, NULL), FUO_OK);
    static const enum ctl_message_type want[] = {CTL_MSG_EVENT, CTL_MSG_EVENT,
                                                 CTL_MSG_DATA};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct ctl_message message = {0};
        assert_int_equal(ctl_client_next(client, &message), FUO_OK);
        assert_int_equal(message.type, want[i]);
        ctl_message_finish(&message);
    }
    ctl_client_close(client);
    stop(&script);
    temp_remove(&temp);
}

static void an_upload_goes_on_where_it_stopped(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{\"id\":1,\"ok\":true,\"data\":{\"have\":2}}\n",
        "{\"id\":2,\"ok\":true,\"data\":{\"have\":5}}\n",
        NULL,
    };
    struct temp temp = temp_create();
    struct script script = {.hello = HELLO, .answers = answers};
    start(&script, temp.folder);
    struct ctl_client *client = NULL;
    assert_int_equal(ctl_client_open(script.path, 5000, &client), FUO_OK);
    char digest[CTL_DIGEST_SIZE];
    struct ctl_message message = {0};
    assert_int_equal(
        ctl_client_put(client, (const uint8_t *)"hello", 5, digest, &message), FUO_OK);
    assert_int_equal(message.type, CTL_MSG_DATA);
    ctl_message_finish(&message);
    ctl_client_close(client);
    stop(&script);
    assert_non_null(strstr(script.received, "\"offset\":2"));
    assert_non_null(strstr(script.received, "\"data\":\"bGxv\"")); /* "llo" */
    assert_non_null(strstr(script.received, digest));
    temp_remove(&temp);
}

static void an_upload_without_progress_is_given_up(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{\"id\":1,\"ok\":true,\"data\":{\"have\":0}}\n",
        "{\"id\":2,\"ok\":true,\"data\":{\"have\":0}}\n",
        NULL,
    };
    struct temp temp = temp_create();
    struct script script = {.hello = HELLO, .answers = answers};
    start(&script, temp.folder);
    struct ctl_client *client = NULL;
    assert_int_equal(ctl_client_open(script.path, 5000, &client), FUO_OK);
    char digest[CTL_DIGEST_SIZE];
    struct ctl_message message = {0};
    assert_int_equal(
        ctl_client_put(client, (const uint8_t *)"hello", 5, digest, &message),
        FUO_EPROTO);
    ctl_client_close(client);
    stop(&script);
    temp_remove(&temp);
}

static void other_servers_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *hello;
        int err;
    } rows[] = {
        {"another protocol", "{\"fuotad\":\"9\",\"protocol\":2}\n", FUO_EPROTO},
        {"no hello", "{\"id\":1,\"ok\":true}\n", FUO_EPROTO},
        {"not JSON", "220 mail ready\n", FUO_EPROTO},
        {"hangs up", "", FUO_EIO},
        {"hangs up in a line", "{\"fuotad\":", FUO_EIO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        struct temp temp = temp_create();
        struct script script = {.hello = rows[i].hello};
        start(&script, temp.folder);
        struct ctl_client *client = NULL;
        assert_int_equal(ctl_client_open(script.path, 5000, &client), rows[i].err);
        assert_null(client);
        stop(&script);
        temp_remove(&temp);
    }
}

static void nobody_there_is_an_io_error(void **state)
{
    (void)state;
    struct temp temp = temp_create();
    char path[2 * TEMP_PATH_SIZE];
    struct ctl_client *client = NULL;
    assert_int_equal(ctl_client_open(temp_path(&temp, "none", path), 100, &client),
                     FUO_EIO);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(ctl_client_open(path, 100, &client), FUO_EIO);
    assert_null(client);
    ctl_client_close(NULL);
    temp_remove(&temp);
}

static void silence_ends_in_a_timeout(void **state)
{
    (void)state;
    static const char *const answers[] = {"", "", NULL};
    struct temp temp = temp_create();
    struct script script = {.hello = HELLO, .answers = answers};
    start(&script, temp.folder);
    struct ctl_client *client = NULL;
    assert_int_equal(ctl_client_open(script.path, 5000, &client), FUO_OK);
    ctl_client_set_timeout(client, 1);
    struct ctl_message message = {0};
    assert_int_equal(ctl_client_call(client, CTL_STATUS, NULL, &message), FUO_ETIMEDOUT);
    ctl_client_close(client);
    stop(&script);
    temp_remove(&temp);
}

static void a_line_without_end_is_refused(void **state)
{
    (void)state;
    char *flood = malloc(CTL_LINE_MAX + 100);
    memset(flood, 'x', CTL_LINE_MAX + 99);
    flood[CTL_LINE_MAX + 99] = '\0';
    struct temp temp = temp_create();
    struct script script = {.hello = flood};
    start(&script, temp.folder);
    struct ctl_client *client = NULL;
    assert_int_equal(ctl_client_open(script.path, 5000, &client), FUO_EPROTO);
    stop(&script);
    temp_remove(&temp);
    free(flood);
}

static void a_request_that_is_too_long_is_not_sent(void **state)
{
    (void)state;
    static const char *const answers[] = {NULL};
    char *text = malloc(CTL_LINE_MAX + 1);
    memset(text, 'x', CTL_LINE_MAX);
    text[CTL_LINE_MAX] = '\0';
    struct temp temp = temp_create();
    struct script script = {.hello = HELLO, .answers = answers};
    start(&script, temp.folder);
    struct ctl_client *client = NULL;
    assert_int_equal(ctl_client_open(script.path, 5000, &client), FUO_OK);
    struct json_object *params = json_object_new_object();
    json_object_object_add(params, "campaign", json_object_new_string(text));
    assert_int_equal(ctl_client_send(client, CTL_PLAN, params), FUO_ERANGE);
    ctl_client_close(client);
    stop(&script);
    temp_remove(&temp);
    free(text);
}

TEST_MAIN(cmocka_unit_test(calls_are_answered_and_events_passed_over),
          cmocka_unit_test(events_of_a_stream_come_one_by_one),
          cmocka_unit_test(an_upload_goes_on_where_it_stopped),
          cmocka_unit_test(an_upload_without_progress_is_given_up),
          cmocka_unit_test(other_servers_are_told_apart),
          cmocka_unit_test(nobody_there_is_an_io_error),
          cmocka_unit_test(silence_ends_in_a_timeout),
          cmocka_unit_test(a_line_without_end_is_refused),
          cmocka_unit_test(a_request_that_is_too_long_is_not_sent))
