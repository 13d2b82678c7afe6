/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "net/mqtt.h"
#include "net/mqtt_text.h"

static void urls_become_what_the_library_takes(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *uri; /* NULL: refused */
        bool tls;
    } rows[] = {
        {"mqtt://127.0.0.1", "tcp://127.0.0.1:1883", false},
        {"mqtt://broker.example:1884", "tcp://broker.example:1884", false},
        {"mqtt://broker/", "tcp://broker:1883", false},
        {"mqtts://broker", "ssl://broker:8883", true},
        {"mqtts://[2001:db8::1]:8884/", "ssl://[2001:db8::1]:8884", true},
        {"mqtt://", NULL, false},
        {"mqtt://:1883", NULL, false},
        {"mqtt://h:", NULL, false},
        {"mqtt://h:0", NULL, false},
        {"mqtt://h:65536", NULL, false},
        {"mqtt://h:123456", NULL, false},
        {"mqtt://h:1883x", NULL, false},
        {"mqtt://h/path", NULL, false},
        {"mqtt://user:secret@h", NULL, false},
        {"mqtt://[::1", NULL, false},
        {"mqtt://[]", NULL, false},
        {"tcp://h", NULL, false},
        {"MQTT://h", NULL, false},
        {"", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char uri[MQTT_URI_SIZE] = "untouched";
        bool tls = true;
        test_row(rows[i].url);
        int err = mqtt_uri_from_url(rows[i].url, uri, &tls);
        assert_int_equal(err, rows[i].uri != NULL ? FUO_OK : FUO_EINVAL);
        assert_string_equal(uri, rows[i].uri != NULL ? rows[i].uri : "untouched");
        assert_true(rows[i].uri == NULL || tls == rows[i].tls);
    }
}

static void a_host_name_has_a_limit(void **state)
{
    (void)state;
    char url[320] = "mqtt://";
    char uri[MQTT_URI_SIZE];
    bool tls;
    memset(url + 7, 'h', 256);
    url[7 + 256] = '\0';
    assert_int_equal(mqtt_uri_from_url(url, uri, &tls), FUO_EINVAL);
    url[7 + 255] = '\0';
    assert_int_equal(mqtt_uri_from_url(url, uri, &tls), FUO_OK);
    assert_int_equal(strlen(uri), 6 + 255 + 5);
}

static void topics_and_filters_follow_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool topic;
        bool filter;
    } rows[] = {
        {"a", true, true},
        {"a/b/c", true, true},
        {"/", true, true},
        {"gr\xc3\xbc\xc3\x9f"
         "e",
         true, true},
        {"\xe2\x82\xac\xf0\x9f\x98\x80", true, true},
        {"+", false, true},
        {"#", false, true},
        {"a/+/b", false, true},
        {"+/+", false, true},
        {"a/#", false, true},
        {"a/#/b", false, false},
        {"a#", false, false},
        {"a+", false, false},
        {"+a", false, false},
        {"", false, false},
        {"a\nb", false, false},
        {"a\x7f", false, false},
        {"\x80", false, false},
        {"\xc3", false, false},
        {"\xc0\xaf", false, false},     /* overlong */
        {"\xe0\x80\xaf", false, false}, /* overlong */
        {"\xed\xa0\x80", false, false}, /* surrogate */
        {"\xf4\x90\x80\x80", false, false},
        {"\xff", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].text);
        assert_int_equal(mqtt_topic_valid(rows[i].text), rows[i].topic);
        assert_int_equal(mqtt_filter_valid(rows[i].text), rows[i].filter);
    }
}

static void topics_have_a_limit(void **state)
{
    (void)state;
    char topic[MQTT_TOPIC_MAX + 2];
    memset(topic, 't', sizeof(topic));
    topic[MQTT_TOPIC_MAX + 1] = '\0';
    assert_false(mqtt_topic_valid(topic));
    topic[MQTT_TOPIC_MAX] = '\0';
    assert_true(mqtt_topic_valid(topic));
}

TEST_MAIN(cmocka_unit_test(urls_become_what_the_library_takes),
          cmocka_unit_test(a_host_name_has_a_limit),
          cmocka_unit_test(topics_and_filters_follow_the_standard),
          cmocka_unit_test(topics_have_a_limit))
