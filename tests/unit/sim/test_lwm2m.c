/* SPDX-License-Identifier: MIT */
/* A simulated LwM2M device: registration, objects, observation. */
#include "lwm2m_bench.h"

/* ---- registration ---- */

static void it_registers_with_its_objects(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    struct datagram d;
    char target[512];
    uint32_t format = 0;
    bench_wait(b, 0);
    struct coap_msg msg = bench_take(b, &d);
    assert_int_equal(msg.type, COAP_TYPE_CON);
    assert_int_equal(msg.code, COAP_CODE_POST);
    assert_string_equal(bench_target(&msg, target),
                        "/rd?ep=70b3d57ed0060001&lt=86400&lwm2m=1.1&b=U");
    assert_int_equal(coap_msg_number(&msg, COAP_NR_CONTENT_FORMAT, &format), FUO_OK);
    assert_int_equal(format, 40);
    static const char links[] = "</>;rt=oma.lwm2m;ct=11542,</1/0>,</3/0>,</4/0>,"
                                "</5>;ver=1.1,</5/0>,</7/0>";
    assert_int_equal(msg.payload_len, strlen(links));
    assert_memory_equal(msg.payload, links, strlen(links));
    bench_free(b);
}

static void a_sleepy_device_says_so_in_its_binding(void **state)
{
    (void)state;
    static const struct {
        const char *quirks;
        const char *end;
    } rows[] = {{"queue", "lwm2m=1.1&b=U&Q"}, {"queue-v1.0", "lwm2m=1.0&b=UQ"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = bench_new(rows[i].quirks);
        struct datagram d;
        char target[512];
        bench_wait(b, 0);
        struct coap_msg msg = bench_take(b, &d);
        assert_non_null(strstr(bench_target(&msg, target), rows[i].end));
        bench_free(b);
    }
}

static void it_keeps_its_registration_alive(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    struct datagram d;
    char target[512];
    bench_register(b);
    struct utc begin = b->now;
    struct coap_msg msg = bench_next(b, &d);
    assert_string_equal(bench_target(&msg, target), "/rd/7a");
    assert_int_equal(msg.code, COAP_CODE_POST);
    assert_true(b->now.us - begin.us > MINUTES_US(25));
    assert_true(b->now.us - begin.us <= MINUTES_US(30));
    bench_answer(b, &msg, COAP_CODE_CHANGED, "");
    assert_true(b->client.registered);
    msg = bench_next(b, &d);
    bench_answer(b, &msg, COAP_CODE_NOT_FOUND, ""); /* it is not known any more */
    msg = bench_next(b, &d);
    assert_memory_equal(bench_target(&msg, target), "/rd?ep=", 7);
    bench_free(b);
}

static void unanswered_it_tries_five_times_and_then_anew(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    struct datagram first;
    struct datagram again;
    bench_wait(b, SECONDS_US(95));
    assert_int_equal(b->sent_count, 5);
    struct coap_msg msg = bench_take(b, &first);
    uint16_t id = msg.id;
    for (size_t i = 0; i < 4; i++) {
        msg = bench_take(b, &again);
        assert_int_equal(msg.id, id);
        assert_int_equal(again.len, first.len);
        assert_memory_equal(again.bytes, first.bytes, first.len);
    }
    bench_wait(b, SECONDS_US(75));
    msg = bench_take(b, &again);
    assert_int_not_equal(msg.id, id);
    bench_answer(b, &msg, COAP_CODE_FORBIDDEN, "");
    assert_false(b->client.registered);
    bench_free(b);
}

static void it_deregisters_at_its_end(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    struct datagram d;
    char target[512];
    lwm2m_client_stop(&b->client, b->now);
    assert_int_equal(b->sent_count, 0); /* nothing to end */
    bench_register(b);
    lwm2m_client_stop(&b->client, b->now);
    struct coap_msg msg = bench_take(b, &d);
    assert_int_equal(msg.code, COAP_CODE_DELETE);
    assert_string_equal(bench_target(&msg, target), "/rd/7a");
    bench_answer(b, &msg, COAP_CODE_DELETED, "");
    assert_false(b->client.registered);
    bench_free(b);
}

static void an_answer_that_comes_apart_is_acknowledged(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    struct datagram d;
    uint8_t bytes[64];
    size_t len = 0;
    bench_wait(b, 0);
    struct coap_msg msg = bench_take(b, &d);
    struct coap_msg head = {.type = COAP_TYPE_ACK, .id = msg.id};
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    bench_wait(b, SECONDS_US(30)); /* it does not ask again */
    assert_int_equal(b->sent_count, 0);
    head = (struct coap_msg){.code = COAP_CODE_CREATED, .id = 99, .token = msg.token};
    cw = coap_msg_write(bytes, sizeof(bytes), &head);
    coap_msg_write_steps(&cw, COAP_NR_LOCATION_PATH, "/rd/9", '/');
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    msg = bench_take(b, &d);
    assert_int_equal(msg.type, COAP_TYPE_ACK);
    assert_int_equal(msg.id, 99);
    assert_true(b->client.registered);
    lwm2m_client_receive(&b->client, bytes, len, b->now); /* nobody asked */
    msg = bench_take(b, &d);
    assert_int_equal(msg.type, COAP_TYPE_RST);
    bench_free(b);
}

/* ---- objects ---- */

static void reads_are_answered_in_tlv_text_and_links(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int accept;
        uint8_t code;
        const char *payload; /* "#" is followed by hex */
    } rows[] = {
        {"/5/0/3", -1, COAP_CODE_CONTENT, "#c10300"},
        {"/5/0/3", 0, COAP_CODE_CONTENT, "0"},
        {"/5/0/3", 110, COAP_CODE_NOT_ACCEPTABLE, ""},
        {"/5/0", 0, COAP_CODE_NOT_ACCEPTABLE, ""},
        {"/5/0/8", 0, COAP_CODE_CONTENT, "#8308410000"},
        {"/3/0/3", 11542, COAP_CODE_CONTENT, "#c503312e302e30"},
        {"/3/0/3", 0, COAP_CODE_CONTENT, "1.0.0"},
        {"/3/0/2", 0, COAP_CODE_CONTENT, "70b3d57ed0060001"},
        {"/1/0/1", 0, COAP_CODE_CONTENT, "86400"},
        {"/1/0/7", 0, COAP_CODE_CONTENT, "U"},
        {"/1/0", 11542, COAP_CODE_CONTENT, "#c10001c40100015180c10600c10755"},
        {"/5/0/0", -1, COAP_CODE_NOT_ALLOWED, ""},
        {"/5/0/2", -1, COAP_CODE_NOT_ALLOWED, ""},
        {"/5/0/4", -1, COAP_CODE_NOT_FOUND, ""},
        {"/5/0/14", -1, COAP_CODE_NOT_FOUND, ""}, /* of version 1.2 */
        {"/5/1", -1, COAP_CODE_NOT_FOUND, ""},
        {"/6/0", -1, COAP_CODE_NOT_FOUND, ""},
        {"/5/0/3/0", -1, COAP_CODE_NOT_FOUND, ""},
        {"/", -1, COAP_CODE_NOT_FOUND, ""},
        {"/x", -1, COAP_CODE_NOT_FOUND, ""},
        {"/7/0", 40, COAP_CODE_CONTENT, "</7/0>,</7/0/2>,</7/0/3>"},
    };
    struct bench *b = bench_new("plain");
    bench_register(b);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct datagram d;
        char hex[512];
        test_row(rows[i].path);
        struct coap_msg msg = bench_ask(
            b, ASK_WITH(COAP_CODE_GET, rows[i].path, .accept = 1 + rows[i].accept), &d);
        assert_int_equal(msg.code, rows[i].code);
        if (rows[i].payload[0] == '#') {
            assert_string_equal(hex_encode(msg.payload, msg.payload_len, hex),
                                rows[i].payload + 1);
        } else {
            assert_int_equal(msg.payload_len, strlen(rows[i].payload));
            assert_memory_equal(msg.payload, rows[i].payload, msg.payload_len);
        }
    }
    bench_free(b);
}

/* The captured answer of a client of version 1.0, but for its protocols. */
static void an_idle_object_5_is_that_of_the_reference(void **state)
{
    (void)state;
    static const struct {
        const char *quirks;
        const char *path;
        const char *hex;
    } rows[] = {
        {"v1.0", "/5/0", "c001c10300c10500c0078308410000c10902"},
        {"v1.0", "/5", "080012c001c10300c10500c0078308410000c10902"},
        {"coap-node", "/5/0", "080012c001c10300c10500c0078308410000c10902"},
        {"anjay", "/5/0", "c001c10300c10500c0078308410000c10902"},
        {"anjay", "/5/0/3", "30"},
        {"wakaama", "/5/0/3", "c10301"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = bench_new(rows[i].quirks);
        struct datagram d;
        char hex[512];
        bench_register(b);
        test_row(rows[i].quirks);
        struct coap_msg msg = bench_ask(b, ASK(COAP_CODE_GET, rows[i].path), &d);
        assert_string_equal(hex_encode(msg.payload, msg.payload_len, hex), rows[i].hex);
        bench_free(b);
    }
}

static void writes_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int format;
        const char *payload;
        size_t len;
        uint8_t code;
    } rows[] = {
        {"/1/0/1", 0, "3600", 4, COAP_CODE_CHANGED},
        {"/1/0/1", -1, "7200", 4, COAP_CODE_CHANGED},
        {"/1/0/1", 11542, "\xc2\x01\x0e\x10", 4, COAP_CODE_CHANGED},
        {"/1/0/1", 0, "-1", 2, COAP_CODE_BAD_REQUEST},
        {"/1/0/1", 0, "", 0, COAP_CODE_BAD_REQUEST},
        {"/1/0/1", 0, "99999999999", 11, COAP_CODE_BAD_REQUEST},
        {"/1/0/1", 60, "\x00", 1, COAP_CODE_UNSUPPORTED_FORMAT},
        {"/1/0/1", 11542, "\xc2\x01\x0e", 3, COAP_CODE_BAD_REQUEST},
        {"/1/0/1", 11542, "\xc1\x02\x0e", 3, COAP_CODE_BAD_REQUEST},
        {"/5/0", 11542, "\xc1\x0b\x00\xc2\x0d\x0e\x10", 7, COAP_CODE_CHANGED},
        {"/5/0", 11542, "\xc1\x03\x02", 3, COAP_CODE_NOT_ALLOWED},
        {"/5/0", 0, "1", 1, COAP_CODE_UNSUPPORTED_FORMAT},
        {"/5/0/11", 0, "3", 1, COAP_CODE_BAD_REQUEST},
        {"/5/0/3", 0, "2", 1, COAP_CODE_NOT_ALLOWED},
        {"/5/0/14", 0, "1", 1, COAP_CODE_NOT_ALLOWED},
        {"/5", 0, "1", 1, COAP_CODE_NOT_ALLOWED},
        {"/9/0/3", 0, "1", 1, COAP_CODE_NOT_ALLOWED},
    };
    struct bench *b = bench_new("plain");
    bench_register(b);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].path);
        assert_int_equal(
            bench_code(b,
                       ASK_WITH(COAP_CODE_PUT, rows[i].path, .format = 1 + rows[i].format,
                                .payload = rows[i].payload, .payload_len = rows[i].len)),
            rows[i].code);
    }
    assert_int_equal(bench_number(b, "/1/0", 1), 3600);
    assert_int_equal(bench_number(b, "/5/0", 11), 0);
    assert_int_equal(bench_number(b, "/5/0", 13), 3600);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_DELETE, "/5/0")), COAP_CODE_NOT_ALLOWED);
    bench_free(b);
}

static void what_comes_twice_is_done_once(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    struct datagram first;
    struct datagram again;
    uint8_t bytes[1400];
    bench_register(b);
    assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
    size_t len = bench_write(bytes, 500, ASK(COAP_CODE_POST, "/5/0/2"));
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    assert_int_equal(bench_take(b, &first).code, COAP_CODE_CHANGED);
    assert_int_equal(bench_take(b, &again).code, COAP_CODE_CHANGED);
    assert_memory_equal(first.bytes, again.bytes, first.len);
    len = bench_write(bytes, 501, ASK(COAP_CODE_POST, "/5/0/2"));
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    assert_int_equal(bench_take(b, &first).code, COAP_CODE_NOT_ALLOWED);
    bench_free(b);
}

static void observers_are_told_of_changes_until_they_have_enough(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    struct datagram d;
    uint32_t seq = 0;
    const struct coap_token token = {2, {0xaa, 0xbb}};
    bench_register(b);
    struct coap_msg msg =
        bench_ask(b, ASK_WITH(COAP_CODE_GET, "/5/0/3", .observe = 1, .token = token), &d);
    assert_int_equal(coap_msg_number(&msg, COAP_NR_OBSERVE, &seq), FUO_OK);
    assert_int_equal(bench_push(b, IMAGE_BYTES, 1, 6), COAP_CODE_CONTINUE);
    msg = bench_take(b, &d);
    assert_int_equal(msg.type, COAP_TYPE_NON);
    assert_true(coap_msg_token_is(&msg.token, &token));
    assert_int_equal(coap_msg_number(&msg, COAP_NR_OBSERVE, &seq), FUO_OK);
    assert_int_equal(seq, 1);
    assert_memory_equal(msg.payload, "\xc1\x03\x01", 3);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/10")), COAP_CODE_CHANGED);
    msg = bench_take(b, &d); /* State 0 */
    struct coap_msg head = {.type = COAP_TYPE_RST, .id = msg.id};
    uint8_t bytes[8];
    size_t len = 0;
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    assert_int_equal(coap_msg_write_end(&cw, &len), FUO_OK);
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    assert_int_equal(bench_push(b, IMAGE_BYTES, 1, 6), COAP_CODE_CONTINUE);
    assert_int_equal(b->sent_count, 0);
    bench_free(b);
}

static void an_observation_is_cancelled_by_a_read(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    bench_register(b);
    assert_int_equal(bench_code(b, ASK_WITH(COAP_CODE_GET, "/5/0", .observe = 1)),
                     COAP_CODE_CONTENT);
    assert_int_equal(bench_code(b, ASK_WITH(COAP_CODE_GET, "/5/0", .observe = 2)),
                     COAP_CODE_CONTENT);
    assert_int_equal(bench_push(b, IMAGE_BYTES, 1, 6), COAP_CODE_CONTINUE);
    assert_int_equal(b->sent_count, 0);
    bench_free(b);
}

static void asleep_it_hears_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_new("queue");
    uint8_t bytes[1400];
    bench_register(b);
    assert_status(b, "0/0");
    bench_wait(b, SECONDS_US(94));
    size_t len = bench_write(bytes, 9, ASK(COAP_CODE_GET, "/5/0"));
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    assert_int_equal(b->sent_count, 0);
    bench_wait(b, MINUTES_US(30)); /* an update of its registration wakes it */
    struct datagram d;
    struct coap_msg msg = bench_take(b, &d);
    bench_answer(b, &msg, COAP_CODE_CHANGED, "");
    assert_status(b, "0/0");
    bench_free(b);
}

static void garbage_is_passed_over(void **state)
{
    (void)state;
    struct bench *b = bench_new("plain");
    bench_register(b);
    lwm2m_client_receive(&b->client, (const uint8_t *)"garbage", 7, b->now);
    lwm2m_client_receive(&b->client, (const uint8_t *)"", 0, b->now);
    assert_int_equal(b->sent_count, 0);
    lwm2m_client_receive(&b->client, (const uint8_t *)"\x40\x00\x12\x34", 4, b->now);
    struct datagram d;
    assert_int_equal(bench_take(b, &d).type, COAP_TYPE_RST); /* a ping */
    bench_free(b);
}

TEST_MAIN(cmocka_unit_test(it_registers_with_its_objects),
          cmocka_unit_test(a_sleepy_device_says_so_in_its_binding),
          cmocka_unit_test(it_keeps_its_registration_alive),
          cmocka_unit_test(unanswered_it_tries_five_times_and_then_anew),
          cmocka_unit_test(it_deregisters_at_its_end),
          cmocka_unit_test(an_answer_that_comes_apart_is_acknowledged),
          cmocka_unit_test(reads_are_answered_in_tlv_text_and_links),
          cmocka_unit_test(an_idle_object_5_is_that_of_the_reference),
          cmocka_unit_test(writes_are_checked),
          cmocka_unit_test(what_comes_twice_is_done_once),
          cmocka_unit_test(observers_are_told_of_changes_until_they_have_enough),
          cmocka_unit_test(an_observation_is_cancelled_by_a_read),
          cmocka_unit_test(asleep_it_hears_nothing),
          cmocka_unit_test(garbage_is_passed_over))
