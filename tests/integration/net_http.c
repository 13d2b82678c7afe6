/* SPDX-License-Identifier: MIT */
/* net_http.c PYTHON SERVER - src/net/http.h against an HTTP server that misbehaves. */
#include "net_support.h"

#include <curl/curl.h>

#include "net/http.h"

enum {
    ANSWERS_MAX = 512,
    BIG_BYTES = 65536,
};

struct answer {
    uint64_t id;
    int err;
    int status;
    char body[8192];
    size_t body_len;
    char grpc_status[16];
    char grpc_message[64];
};

struct peer {
    uv_loop_t *loop;
    struct http_client *client;
    struct answer answers[ANSWERS_MAX];
    size_t answer_count;
    size_t wanted;
    bool close_in_handler;
    bool closed;
    struct net_log log;
};

static const char *python;
static const char *script;
static int port;
static pid_t server;

static void server_start(void)
{
    char port_text[16];
    snprintf(port_text, sizeof(port_text), "%d", port);
    const char *argv[] = {python, script, port_text, NULL};
    server = net_spawn(argv);
    net_wait_port(port);
}

static int start(void **state)
{
    (void)state;
    port = net_free_port();
    server_start();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    net_stop(server, SIGKILL);
    return 0;
}

static void on_response(void *arg, uint64_t id, const struct fuo_http_response *r)
{
    struct peer *p = arg;
    assert_true(p->answer_count < ANSWERS_MAX);
    struct answer *a = &p->answers[p->answer_count++];
    *a = (struct answer){.id = id, .err = r->err, .status = r->status};
    a->body_len = r->body_len;
    if (r->body_len > 0) {
        size_t n = r->body_len < sizeof(a->body) - 1 ? r->body_len : sizeof(a->body) - 1;
        memcpy(a->body, r->body, n);
    }
    snprintf(a->grpc_status, sizeof(a->grpc_status), "%s",
             r->grpc_status != NULL ? r->grpc_status : "");
    snprintf(a->grpc_message, sizeof(a->grpc_message), "%s",
             r->grpc_message != NULL ? r->grpc_message : "");
    if (p->close_in_handler) {
        p->close_in_handler = false;
        http_client_close(p->client, net_set_flag, &p->closed);
    }
}

static void on_log(void *arg, enum fuo_log_level level, const char *text)
{
    struct peer *p = arg;
    (void)level;
    net_log_add(&p->log, text);
}

static struct peer *peer_open_for(uint32_t timeout_ms)
{
    char url[64];
    struct peer *p = calloc(1, sizeof(*p));
    static const struct http_handlers handlers = {on_response, on_log};
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
    struct http_config config = {
        .base_url = url,
        .bearer_token = "s3cret-token",
        .total_timeout_ms = timeout_ms,
        .response_max_bytes = BIG_BYTES,
        .backoff_min_ms = 10,
        .backoff_max_ms = 40,
    };
    p->loop = uv_default_loop();
    assert_int_equal(http_client_open(p->loop, &config, &handlers, p, &p->client),
                     FUO_OK);
    return p;
}

static struct peer *peer_open(void)
{
    return peer_open_for(NET_DEADLINE_MS);
}

static void peer_close(struct peer *p)
{
    http_client_close(p->client, net_set_flag, &p->closed);
    net_run_until(p->loop, net_flag, &p->closed);
    free(p);
}

static int ask(struct peer *p, uint64_t id, const char *method, const char *path,
               const char *body)
{
    struct fuo_http_request request = {
        .method = method,
        .path = path,
        .content_type = body[0] != '\0' ? "application/grpc-web+proto" : NULL,
        .accept = "application/grpc-web+proto",
        .body = (const uint8_t *)body,
        .body_len = strlen(body),
    };
    return http_request(p->client, id, &request);
}

static bool enough(void *arg)
{
    const struct peer *p = arg;
    return p->answer_count >= p->wanted;
}

static void wait_answers(struct peer *p, size_t count)
{
    p->wanted = count;
    net_run_until(p->loop, enough, p);
}

/* What the server has seen, as text. */
static const char *server_log(struct peer *p)
{
    size_t before = p->answer_count;
    assert_int_equal(ask(p, 999, "GET", "/log", ""), FUO_OK);
    wait_answers(p, before + 1);
    assert_int_equal(p->answers[before].err, FUO_OK);
    return p->answers[before].body;
}

static size_t occurrences(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

/* ---- tests ---- */

static void requests_are_answered_in_order_with_credentials(void **state)
{
    (void)state;
    struct peer *p = peer_open();
    assert_int_equal(ask(p, 1, "POST", "/a", "one"), FUO_OK);
    assert_int_equal(ask(p, 2, "POST", "/b", "two"), FUO_OK);
    assert_int_equal(ask(p, 3, "POST", "/c", ""), FUO_OK);
    assert_int_equal(p->answer_count, 0); /* never before http_request() returns */
    wait_answers(p, 3);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(p->answers[i].id, i + 1);
        assert_int_equal(p->answers[i].err, FUO_OK);
        assert_int_equal(p->answers[i].status, 200);
    }
    assert_string_equal(p->answers[1].body, "echo two");
    assert_string_equal(server_log(p),
                        "POST /a Bearer s3cret-token application/grpc-web+proto one\n"
                        "POST /b Bearer s3cret-token application/grpc-web+proto two\n"
                        "POST /c Bearer s3cret-token - ");
    assert_int_equal(http_stats(p->client).queued, 0);
    peer_close(p);
}

static void a_request_that_was_read_but_not_answered_is_not_repeated(void **state)
{
    (void)state;
    struct peer *p = peer_open();
    assert_int_equal(ask(p, 1, "POST", "/warm", "x"), FUO_OK); /* a connection to keep */
    wait_answers(p, 1);
    assert_int_equal(ask(p, 2, "POST", "/drop", "body"), FUO_OK);
    wait_answers(p, 2);
    assert_int_equal(p->answers[1].err, FUO_ETIMEDOUT);
    assert_int_equal(occurrences(server_log(p), "/drop"), 1);
    assert_null(strstr(p->log.text, "s3cret"));
    peer_close(p);
}

static void no_answer_in_time_leaves_the_outcome_unknown(void **state)
{
    (void)state;
    struct peer *p = peer_open_for(100);
    assert_int_equal(ask(p, 1, "POST", "/hang", "x"), FUO_OK);
    wait_answers(p, 1);
    assert_int_equal(p->answers[0].err, FUO_ETIMEDOUT);
    assert_int_equal(http_stats(p->client).failures, 1);
    peer_close(p);
}

static void broken_answers_leave_the_outcome_unknown(void **state)
{
    (void)state;
    static const char *const paths[] = {"/drop", "/half", "/garbage", "/digits"};
    struct peer *p = peer_open();
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        test_row(paths[i]);
        assert_int_equal(ask(p, i, "POST", paths[i], "x"), FUO_OK);
        wait_answers(p, i + 1);
        assert_int_equal(p->answers[i].err, FUO_ETIMEDOUT);
    }
    assert_int_equal(http_stats(p->client).failures, ARRAY_LEN(paths));
    assert_null(strstr(p->log.text, "s3cret"));
    assert_int_equal(ask(p, 50, "POST", "/fine", "x"), FUO_OK);
    wait_answers(p, ARRAY_LEN(paths) + 1);
    assert_int_equal(p->answers[ARRAY_LEN(paths)].err, FUO_OK);
    peer_close(p);
}

static void an_answer_that_is_too_big_is_cut_off(void **state)
{
    (void)state;
    struct peer *p = peer_open();
    assert_int_equal(ask(p, 1, "POST", "/big", "x"), FUO_OK);
    assert_int_equal(ask(p, 2, "POST", "/endless", "x"), FUO_OK);
    wait_answers(p, 2);
    assert_int_equal(p->answers[0].err, FUO_ENOSPC);
    assert_int_equal(p->answers[1].err, FUO_ENOSPC);
    assert_int_equal(p->answers[0].body_len, 0);
    assert_non_null(strstr(p->log.text, "too big"));
    peer_close(p);
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    (void)state;
    struct peer *p = peer_open();
    assert_int_equal(ask(p, 1, "POST", "/moved", "x"), FUO_OK);
    wait_answers(p, 1);
    assert_int_equal(p->answers[0].status, 302);
    assert_int_equal(occurrences(server_log(p), "/elsewhere"), 0);
    peer_close(p);
}

static void grpc_headers_are_handed_over(void **state)
{
    (void)state;
    struct peer *p = peer_open();
    assert_int_equal(ask(p, 1, "POST", "/refused", "x"), FUO_OK);
    wait_answers(p, 1);
    assert_string_equal(p->answers[0].grpc_status, "16");
    assert_string_equal(p->answers[0].grpc_message, "not%20you");
    peer_close(p);
}

static void a_proxy_from_the_environment_is_not_used(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct peer *p = peer_open();
    assert_int_equal(ask(p, 1, "POST", "/direct", "x"), FUO_OK);
    wait_answers(p, 1);
    assert_int_equal(p->answers[0].err, FUO_OK);
    peer_close(p);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void without_a_server_nothing_was_sent_and_it_is_found_again(void **state)
{
    (void)state;
    struct peer *p = peer_open();
    net_stop(server, SIGKILL);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(ask(p, i, "POST", "/x", "x"), FUO_OK);
    }
    wait_answers(p, 3);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(p->answers[i].id, i);
        assert_int_equal(p->answers[i].err, FUO_EAGAIN);
    }
    assert_int_equal(ask(p, 3, "POST", "/x", "x"), FUO_OK); /* after the back-off */
    wait_answers(p, 4);
    assert_int_equal(p->answers[3].err, FUO_EAGAIN);
    server_start();
    assert_int_equal(ask(p, 4, "POST", "/x", "x"), FUO_OK);
    wait_answers(p, 5);
    assert_int_equal(p->answers[4].err, FUO_OK);
    peer_close(p);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct peer *p = peer_open();
    for (uint64_t i = 0; i < HTTP_QUEUE_MAX; i++) {
        assert_int_equal(ask(p, i, "POST", "/q", "x"), FUO_OK);
    }
    assert_int_equal(ask(p, 0, "POST", "/q", "x"), FUO_EAGAIN);
    wait_answers(p, HTTP_QUEUE_MAX);
    assert_int_equal(p->answers[HTTP_QUEUE_MAX - 1].id, HTTP_QUEUE_MAX - 1);
    peer_close(p);
}

static void closing_works_with_requests_under_way_and_from_a_handler(void **state)
{
    (void)state;
    struct peer *p = peer_open();
    assert_int_equal(ask(p, 1, "POST", "/hang", "x"), FUO_OK);
    assert_int_equal(ask(p, 2, "POST", "/q", "x"), FUO_OK);
    for (int i = 0; i < 5; i++) {
        uv_run(p->loop, UV_RUN_NOWAIT); /* as far as it gets */
    }
    peer_close(p);

    p = peer_open();
    p->close_in_handler = true;
    assert_int_equal(ask(p, 1, "POST", "/q", "x"), FUO_OK);
    assert_int_equal(ask(p, 2, "POST", "/q", "x"), FUO_OK);
    net_run_until(p->loop, net_flag, &p->closed);
    assert_int_equal(p->answer_count, 1);
    free(p);
    http_client_close(NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s PYTHON SERVER\n", argv[0]);
        return 2;
    }
    python = argv[1];
    script = argv[2];
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(requests_are_answered_in_order_with_credentials),
        WITH_SERVER(a_request_that_was_read_but_not_answered_is_not_repeated),
        WITH_SERVER(no_answer_in_time_leaves_the_outcome_unknown),
        WITH_SERVER(broken_answers_leave_the_outcome_unknown),
        WITH_SERVER(an_answer_that_is_too_big_is_cut_off),
        WITH_SERVER(a_redirect_is_an_answer_and_not_followed),
        WITH_SERVER(grpc_headers_are_handed_over),
        WITH_SERVER(a_proxy_from_the_environment_is_not_used),
        WITH_SERVER(without_a_server_nothing_was_sent_and_it_is_found_again),
        WITH_SERVER(the_queue_is_bounded),
        WITH_SERVER(closing_works_with_requests_under_way_and_from_a_handler),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    uv_loop_close(uv_default_loop());
    return failed;
}
