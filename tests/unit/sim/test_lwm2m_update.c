/* SPDX-License-Identifier: MIT */
/* A simulated LwM2M device: images that are pushed, pulled, installed. */
#include "lwm2m_bench.h"

#define URI "coap://127.0.0.1:5690/fw/abc"

/* It reboots, registers anew and runs the image. */
static void assert_updated(struct bench *b, const char *status)
{
    struct datagram d;
    unsigned moves = b->moves;
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/2")), COAP_CODE_CHANGED);
    assert_int_equal(b->client.fw.state, FWO_UPDATING);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/2")), COAP_CODE_NOT_ALLOWED);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/10")),
                     COAP_CODE_NOT_ALLOWED);
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_NOT_ALLOWED);
    b->sent_count = 0;
    bench_wait(b, SECONDS_US(15));
    assert_int_equal(b->moves, moves + 1);
    struct coap_msg msg = bench_take(b, &d);
    assert_int_equal(msg.code, COAP_CODE_POST);
    bench_answer(b, &msg, COAP_CODE_CREATED, "/rd/8b");
    assert_status(b, status);
    assert_int_equal(b->installs, 1);
    assert_int_equal(b->flash_len, IMAGE_BYTES);
    assert_memory_equal(b->flash, b->image, IMAGE_BYTES);
    assert_string_not_equal(b->client.version, "1.0.0");
    assert_null(b->client.image.bytes);
}

static void an_image_is_pushed_and_installed(void **state)
{
    (void)state;
    static const uint8_t sizes[] = {6, 2, 0};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct bench *b = bench_new("plain");
        bench_register(b);
        assert_int_equal(bench_push(b, IMAGE_BYTES, 2000, sizes[i]), COAP_CODE_CONTINUE);
        assert_status(b, "1/0");
        assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, sizes[i]),
                         COAP_CODE_CHANGED);
        assert_status(b, "2/0");
        assert_updated(b, "0/1");
        bench_free(b);
    }
}

static void an_image_is_pulled_and_installed(void **state)
{
    (void)state;
    static const struct {
        const char *quirks;
        size_t blocks;
    } rows[] = {{"plain", 5}, {"small-blocks", 79}, {"pull-only", 5}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = bench_new(rows[i].quirks);
        bench_register(b);
        test_row(rows[i].quirks);
        assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
        assert_status(b, "1/0");
        assert_int_equal(bench_serve(b, 1000), rows[i].blocks);
        assert_status(b, "2/0");
        assert_updated(b, "0/1");
        bench_free(b);
    }
}

static void a_small_device_wants_small_blocks(void **state)
{
    (void)state;
    struct bench *b = bench_new("small-blocks");
    bench_register(b);
    assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
    assert_int_equal(b->client.download.offset, IMAGE_BYTES);
    assert_updated(b, "0/1");
    bench_free(b);
}

static void a_download_without_answers_is_lost(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
    assert_int_equal(bench_serve(b, 2), 2);
    bench_wait(b, SECONDS_US(95));
    b->sent_count = 0;
    assert_status(b, "0/4");
    assert_int_equal(bench_push(b, IMAGE_BYTES, 2000, 6), COAP_CODE_CONTINUE);
    bench_wait(b, SECONDS_US(61));
    assert_status(b, "0/4");
    b->unreachable = true;
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
    bench_wait(b, 0);
    assert_status(b, "0/4");
    bench_free(b);
}

static void what_the_file_server_says_becomes_a_result(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        const char *status;
    } rows[] = {{COAP_CODE_NOT_FOUND, "0/7"},
                {COAP_CODE_FORBIDDEN, "0/7"},
                {COAP_CODE(5, 3), "0/4"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = bench_new("plain");
        struct datagram d;
        char target[512];
        bench_register(b);
        assert_int_equal(bench_put_text(b, "/5/0/1", URI "?k=1"), COAP_CODE_CHANGED);
        bench_wait(b, 0);
        struct coap_msg msg = bench_take(b, &d);
        assert_string_equal(bench_target(&msg, target), "/fw/abc?k=1");
        bench_answer(b, &msg, rows[i].code, "");
        assert_status(b, rows[i].status);
        bench_free(b);
    }
}

static void uris_are_judged_when_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        const char *status;
    } rows[] = {
        {"coap://127.0.0.1/x", "1/0"},
        {"coap://127.0.0.1:5683/x", "1/0"},
        {"http://127.0.0.1/x", "0/9"},
        {"coaps://127.0.0.1/x", "0/9"},
        {"coap://127.0.0.1", "0/7"},
        {"coap:///x", "0/7"},
        {"coap://127.0.0.1:0/x", "0/7"},
        {"coap://127.0.0.1:99999/x", "0/7"},
        {"coap://127.0.0.1:+1/x", "0/7"},
        {"coap://127.0.0.1:1z/x", "0/7"},
        {"nonsense", "0/7"},
        {"coap://127.0.0.1/%41", "0/7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = bench_new("plain");
        bench_register(b);
        test_row(rows[i].uri);
        assert_int_equal(bench_put_text(b, "/5/0/1", rows[i].uri), COAP_CODE_CHANGED);
        assert_status(b, rows[i].status);
        bench_free(b);
    }
    struct bench *b = bench_new("plain");
    char longest[300];
    bench_register(b);
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(bench_put_text(b, "/5/0/1", longest), COAP_CODE_BAD_REQUEST);
    bench_free(b);
}

static void requests_out_of_turn_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *quirks;
        uint8_t code;
    } rows[] = {{"plain", COAP_CODE_NOT_ALLOWED}, {"anjay", COAP_CODE_BAD_REQUEST}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = bench_new(rows[i].quirks);
        const struct coap_block second = {1, true, 2};
        bench_register(b);
        assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/2")),
                         COAP_CODE_NOT_ALLOWED);
        assert_int_equal(bench_code(b, ASK_WITH(COAP_CODE_PUT, "/5/0/0", .format = 1 + 42,
                                                .block1 = &second, .payload = b->image,
                                                .payload_len = 64)),
                         COAP_CODE_INCOMPLETE);
        assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
        assert_int_equal(bench_push(b, IMAGE_BYTES, 1, 6), rows[i].code);
        assert_int_equal(bench_put_text(b, "/5/0/1", URI), rows[i].code);
        assert_int_equal(b->client.fw.state, FWO_DOWNLOADED);
        bench_free(b);
    }
}

static void a_server_takes_back_what_it_began(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    bench_register(b);
    assert_int_equal(bench_push(b, IMAGE_BYTES, 1, 6), COAP_CODE_CONTINUE);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/10")), COAP_CODE_CHANGED);
    assert_status(b, "0/10");
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/10")),
                     COAP_CODE_NOT_ALLOWED);
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
    assert_int_equal(bench_put_text(b, "/5/0/1", ""), COAP_CODE_CHANGED);
    assert_status(b, "0/0");
    bench_wait(b, MINUTES_US(2));
    assert_int_equal(b->sent_count, 0); /* it has stopped to fetch */
    assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
    assert_int_equal(bench_code(b, ASK_WITH(COAP_CODE_PUT, "/5/0/0", .format = 1 + 42,
                                            .payload = "\0", .payload_len = 1)),
                     COAP_CODE_CHANGED);
    assert_status(b, "0/0");
    assert_null(b->client.image.bytes);
    bench_free(b);
}

static void a_reboot_ends_a_download(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    bench_register(b);
    assert_int_equal(bench_push(b, IMAGE_BYTES, 1, 6), COAP_CODE_CONTINUE);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/3/0/4")), COAP_CODE_CHANGED);
    bench_wait(b, 0);
    assert_int_equal(b->moves, 1);
    assert_false(b->client.registered);
    bench_register(b);
    assert_status(b, "0/4");
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/1/0/8")), COAP_CODE_CHANGED);
    bench_wait(b, 0);
    assert_int_equal(b->sent_count, 1); /* it was told to update its registration */
    bench_free(b);
}

TEST_MAIN(cmocka_unit_test(an_image_is_pushed_and_installed),
          cmocka_unit_test(an_image_is_pulled_and_installed),
          cmocka_unit_test(a_small_device_wants_small_blocks),
          cmocka_unit_test(a_download_without_answers_is_lost),
          cmocka_unit_test(what_the_file_server_says_becomes_a_result),
          cmocka_unit_test(uris_are_judged_when_they_are_written),
          cmocka_unit_test(requests_out_of_turn_are_refused),
          cmocka_unit_test(a_server_takes_back_what_it_began),
          cmocka_unit_test(a_reboot_ends_a_download))
