/* SPDX-License-Identifier: MIT */
/* test_config.c - what src/net refuses before it touches the network. */
#include "test.h"

#include <string.h>
#include <uv.h>

#include "net/backoff.h"
#include "net/http.h"
#include "net/http_request.h"
#include "net/mqtt_config.h"

static void mqtt_configs_are_checked_and_defaults_filled_in(void **state)
{
    (void)state;
    static const struct {
        struct mqtt_config config;
        bool ok;
    } rows[] = {
        {{.url = "mqtt://h", .client_id = "c"}, true},
        {{.url = "mqtts://h", .client_id = "c", .ca_file = "/ca"}, true},
        {{.url = "mqtts://h", .client_id = "c", .cert_file = "/c", .key_file = "/k"},
         true},
        {{.url = "mqtt://h", .client_id = "c", .will_topic = "a/b"}, true},
        {{.url = NULL, .client_id = "c"}, false},
        {{.url = "http://h", .client_id = "c"}, false},
        {{.url = "mqtt://h", .client_id = NULL}, false},
        {{.url = "mqtt://h", .client_id = ""}, false},
        {{.url = "mqtt://h", .client_id = "c", .password = "p"}, false},
        {{.url = "mqtt://h", .client_id = "c", .ca_file = "/ca"}, false},
        {{.url = "mqtts://h", .client_id = "c", .cert_file = "/c"}, false},
        {{.url = "mqtt://h", .client_id = "c", .will_topic = "a/+"}, false},
        {{.url = "mqtt://h",
          .client_id = "c",
          .will_topic = "a",
          .will_payload_len = 5000},
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mqtt_owned_config owned = {.tls = true};
        const char *problem = mqtt_config_problem(&rows[i].config);
        assert_true((problem == NULL) == rows[i].ok);
        int err = mqtt_owned_config_init(&owned, &rows[i].config);
        assert_int_equal(err, rows[i].ok ? FUO_OK : FUO_EINVAL);
        if (rows[i].ok) {
            assert_string_equal(owned.config.client_id, "c");
            assert_int_equal(owned.config.keep_alive_s, 30);
            assert_int_equal(owned.config.backoff_max_ms, 30000);
            mqtt_owned_config_clear(&owned);
        }
    }
}

static void http_configs_are_checked_and_defaults_filled_in(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *token;
        bool ok;
    } rows[] = {
        {"http://h", NULL, true},
        {"https://h:8443/prefix/", "abc.def-_", true},
        {"http://[::1]:8080", NULL, true},
        {NULL, NULL, false},
        {"ftp://h", NULL, false},
        {"http://", NULL, false},
        {"http:///x", NULL, false},
        {"http://:80", NULL, false},
        {"http://user:secret@h", NULL, false},
        {"http://h/?q=1", NULL, false},
        {"http://h h", NULL, false},
        {"http://h", "two words", false},
        {"http://h", "line\r\nX-Evil: 1", false},
        {"http://h", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_config config = {.base_url = rows[i].url,
                                     .bearer_token = rows[i].token};
        struct http_config copy;
        test_row(rows[i].url != NULL ? rows[i].url : "no URL");
        assert_true((http_config_problem(&config) == NULL) == rows[i].ok);
        if (rows[i].ok) {
            assert_int_equal(http_config_copy(&copy, &config), FUO_OK);
            assert_string_equal(copy.base_url, rows[i].url);
            assert_int_equal(copy.response_max_bytes, HTTP_RESPONSE_MAX_BYTES);
            http_config_finish(&copy);
        }
    }
}

static void requests_that_could_break_the_protocol_are_refused(void **state)
{
    (void)state;
    static const uint8_t body[1] = {0};
    static const struct {
        struct fuo_http_request request;
        int err;
    } rows[] = {
        {{.method = "POST", .path = "/a", .body = body, .body_len = 1}, FUO_OK},
        {{.method = "GET", .path = "/"}, FUO_OK},
        {{.method = NULL, .path = "/"}, FUO_EINVAL},
        {{.method = "GET /\r\n", .path = "/"}, FUO_EINVAL},
        {{.method = "GET", .path = NULL}, FUO_EINVAL},
        {{.method = "GET", .path = "a"}, FUO_EINVAL},
        {{.method = "GET", .path = "/a b"}, FUO_EINVAL},
        {{.method = "GET", .path = "/a\r\nX: y"}, FUO_EINVAL},
        {{.method = "GET", .path = "/", .content_type = "a\nb"}, FUO_EINVAL},
        {{.method = "GET", .path = "/", .accept = "\x80"}, FUO_EINVAL},
        {{.method = "POST", .path = "/", .body = body, .body_len = (1 << 20) + 1},
         FUO_ERANGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request_item *item = NULL;
        assert_int_equal(http_request_item_create(1, &rows[i].request, 10, &item),
                         rows[i].err);
        assert_true((item != NULL) == (rows[i].err == FUO_OK));
        http_request_item_destroy(item);
    }
}

static void log_it(void *arg, enum fuo_log_level level, const char *text)
{
    assert_int_equal(level, FUO_LOG_ERROR);
    snprintf(arg, 200, "%s", text);
}

static void opening_with_a_bad_config_says_why(void **state)
{
    (void)state;
    char text[200] = "";
    struct mqtt_client *mqtt = NULL;
    struct http_client *http = NULL;
    struct mqtt_handlers mqtt_handlers = {.log = log_it};
    struct http_handlers http_handlers = {.log = log_it};
    struct mqtt_config mqtt_config = {.url = "mqtt://u:pw@h", .client_id = "c"};
    struct http_config http_config = {.base_url = "http://u:pw@h"};
    uv_loop_t *loop = uv_default_loop();
    assert_int_equal(mqtt_client_open(loop, &mqtt_config, &mqtt_handlers, text, &mqtt),
                     FUO_EINVAL);
    assert_non_null(strstr(text, "URL"));
    assert_null(strstr(text, "pw"));
    assert_int_equal(http_client_open(loop, &http_config, &http_handlers, text, &http),
                     FUO_EINVAL);
    assert_non_null(strstr(text, "URL"));
    assert_null(strstr(text, "pw"));
    assert_null(mqtt);
    assert_null(http);
}

static void backoff_doubles_to_its_limit_with_jitter(void **state)
{
    (void)state;
    struct backoff b = backoff_init(100, 1500, 7);
    static const uint32_t steps[] = {100, 200, 400, 800, 1500, 1500, 1500};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        uint32_t delay = backoff_next_ms(&b);
        assert_in_range(delay, steps[i] / 2, steps[i]);
    }
    backoff_reset(&b);
    assert_in_range(backoff_next_ms(&b), 50, 100);
    b = backoff_init(100, 10, 7); /* a limit below the start is the start */
    assert_in_range(backoff_next_ms(&b), 50, 100);
    assert_in_range(backoff_next_ms(&b), 50, 100);
}

TEST_MAIN(cmocka_unit_test(mqtt_configs_are_checked_and_defaults_filled_in),
          cmocka_unit_test(http_configs_are_checked_and_defaults_filled_in),
          cmocka_unit_test(requests_that_could_break_the_protocol_are_refused),
          cmocka_unit_test(opening_with_a_bad_config_says_why),
          cmocka_unit_test(backoff_doubles_to_its_limit_with_jitter))
