/* SPDX-License-Identifier: MIT */
/* A simulated LwM2M device: what each kind does differently, and what packages ask for. */
#include "lwm2m_bench.h"

#define URI "coap://127.0.0.1:5690/fw/abc"

/* ---- quirks ---- */

/* Push, then execute unless that is NULL, and wait; what is said of it before and after. */
static void push_and_execute(struct bench *b, const char *downloaded,
                             const char *executed)
{
    bench_register(b);
    assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
    assert_status(b, downloaded);
    if (executed != NULL) {
        assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/2")), COAP_CODE_CHANGED);
        bench_wait(b, SECONDS_US(16));
        assert_status(b, executed);
    }
}

static void each_kind_ends_as_its_quirks_say(void **state)
{
    (void)state;
    static const struct {
        const char *quirks;
        const char *downloaded;
        const char *executed; /* NULL: it is not executed */
        bool runs;
        bool registers;
    } rows[] = {
        {"plain", "2/0", "0/1", true, true},
        {"v1.0", "2/0", "0/1", true, true},
        {"push-only", "2/0", "0/1", true, true},
        {"wakaama", "3/0", "1/1", true, true},
        {"zephyr", "2/0", "0/0", true, true},
        {"coap-node", "2/0", "0/1", true, true},
        {"liar", "2/0", "0/1", false, true},
        {"stuck", "2/0", "3/0", false, false},
        {"fails", "2/0", "0/8", false, true},
        {"fails-kept", "2/0", "2/8", false, false},
        {"no-flash", "0/2", NULL, false, false},
        {"no-ram", "0/3", NULL, false, false},
        {"lost", "0/4", NULL, false, false},
        {"corrupt", "0/5", NULL, false, false},
        {"wrong-type", "0/6", NULL, false, false},
        {"bad-uri", "0/7", NULL, false, false},
        {"bad-protocol", "0/9", NULL, false, false},
        {"conflict", "0/12", NULL, false, false},
        {"corrupt-late", "2/0", "0/5", false, true},
        {"dependency", "2/0", "0/13", false, true},
        {"dependency-kept", "2/0", "2/13", false, false},
        {"v1.2", "2/0", "0/1", true, true},
        {"components", "2/0", "0/1", true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = bench_new(rows[i].quirks);
        test_row(rows[i].quirks);
        push_and_execute(b, rows[i].downloaded, rows[i].executed);
        assert_int_equal(b->sent_count > 0, rows[i].registers);
        assert_int_equal(b->installs, rows[i].runs);
        assert_int_equal(strcmp(b->client.version, "1.0.0") != 0, rows[i].runs);
        bench_free(b);
    }
}

static void a_silent_device_is_not_heard_of_any_more(void **state)
{
    (void)state;
    struct bench *b = bench_new("silent");
    uint8_t bytes[1400];
    bench_register(b);
    assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/2")), COAP_CODE_CHANGED);
    bench_wait(b, DAYS_US(2));
    b->sent_count = 0;
    size_t len = bench_write(bytes, 9, ASK(COAP_CODE_GET, "/5/0"));
    lwm2m_client_receive(&b->client, bytes, len, b->now);
    assert_int_equal(b->sent_count, 0);
    assert_int_equal(lwm2m_client_deadline(&b->client).us, INT64_MAX);
    bench_free(b);
}

static void a_result_may_come_after_its_state(void **state)
{
    (void)state;
    struct bench *b = bench_new("anjay");
    struct datagram d;
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/1", "ftp://x/y"), COAP_CODE_BAD_REQUEST);
    assert_status(b, "0/9");
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
    bench_wait(b, 0);
    struct coap_msg msg = bench_take(b, &d);
    bench_answer(b, &msg, COAP_CODE_NOT_FOUND, "");
    assert_status(b, "0/0");
    bench_wait(b, SECONDS_US(5));
    assert_status(b, "0/7");
    bench_free(b);
}

static void a_user_puts_it_off_for_as_long_as_is_allowed(void **state)
{
    (void)state;
    struct bench *b = bench_new("deferring");
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/13", "600"), COAP_CODE_CHANGED);
    assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/2")), COAP_CODE_CHANGED);
    assert_status(b, "2/11");
    bench_wait(b, SECONDS_US(599));
    assert_status(b, "2/11");
    bench_wait(b, SECONDS_US(1));
    assert_status(b, "3/0");
    bench_free(b);
    b = bench_new("deferring");
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/13", "0"), COAP_CODE_CHANGED);
    assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/2")), COAP_CODE_CHANGED);
    assert_status(b, "3/0");
    bench_free(b);
}

static void a_roaming_device_has_another_port_halfway(void **state)
{
    (void)state;
    struct bench *b = bench_new("roaming");
    struct datagram d;
    char target[512];
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
    assert_int_equal(bench_serve(b, 2), 2);
    assert_int_equal(b->moves, 0);
    assert_int_equal(bench_serve(b, 1), 1);
    bench_wait(b, 0);
    assert_int_equal(b->moves, 1);
    bool updated = false;
    for (size_t i = 0; i < b->sent_count; i++) {
        struct coap_msg msg;
        d = b->sent[i];
        assert_int_equal(coap_msg_decode(d.bytes, d.len, &msg), FUO_OK);
        updated = updated || strcmp(bench_target(&msg, target), "/rd/7a") == 0;
    }
    assert_true(updated);
    assert_int_equal(bench_serve(b, 100), 2);
    assert_int_equal(b->moves, 1);
    assert_status(b, "2/0");
    bench_free(b);
}

static void some_say_what_is_not_so(void **state)
{
    (void)state;
    struct bench *b = bench_new("hasty");
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
    assert_status(b, "2/0");
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/2")), COAP_CODE_NOT_ALLOWED);
    bench_free(b);
    b = bench_new("odd-state");
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
    assert_status(b, "7/0");
    bench_free(b);
    b = bench_new("zephyr"); /* an empty URI does nothing */
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_CHANGED);
    assert_int_equal(bench_put_text(b, "/5/0/1", ""), COAP_CODE_CHANGED);
    assert_status(b, "1/0");
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/5/0/10")),
                     COAP_CODE_NOT_ALLOWED);
    bench_free(b);
    b = bench_new("pull-only");
    bench_register(b);
    assert_int_equal(bench_push(b, IMAGE_BYTES, 1, 6), COAP_CODE_NOT_ALLOWED);
    bench_free(b);
    b = bench_new("push-only");
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/1", URI), COAP_CODE_NOT_ALLOWED);
    bench_free(b);
}

/* ---- packages of Anjay's demo: lwm2m.md 5 ---- */

static void write_package(struct bench *b, uint8_t version, uint8_t asked)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 16; i < IMAGE_BYTES; i++) {
        crc ^= b->image[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
        }
    }
    crc = ~crc;
    memcpy(b->image, "ANJAY_FW", 8);
    b->image[8] = 0;
    b->image[9] = version;
    b->image[10] = 0;
    b->image[11] = asked;
    for (unsigned i = 0; i < 4; i++) {
        b->image[12 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

static void packages_say_what_is_to_come_of_them(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t version;
        uint8_t asked;
        bool corrupt;
        const char *downloaded;
        const char *executed;
        bool reboots;
    } rows[] = {
        {"good", 1, 0, false, "2/0", "0/1", true},
        {"bad CRC", 1, 0, true, "0/5", NULL, false},
        {"bad version", 2, 0, false, "0/6", NULL, false},
        {"memory", 1, 1, false, "0/3", NULL, false},
        {"fails", 1, 2, false, "2/0", "2/8", false},
        {"good, late", 1, 3, false, "2/0", "0/1", true},
        {"fails, late", 1, 4, false, "2/0", "0/8", true},
        {"no reboot", 1, 5, false, "2/0", "0/1", false},
        {"fails at once", 1, 6, false, "2/0", "0/8", false},
        {"stuck", 1, 7, false, "2/0", "3/0", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = bench_new("plain");
        test_row(rows[i].name);
        write_package(b, rows[i].version, rows[i].asked);
        b->image[100] ^= rows[i].corrupt;
        push_and_execute(b, rows[i].downloaded, rows[i].executed);
        assert_int_equal(b->moves, rows[i].reboots);
        bench_free(b);
    }
}

static void one_of_1_2_may_install_by_itself(void **state)
{
    (void)state;
    struct bench *b = bench_new("v1.2");
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/14", "1"), COAP_CODE_CHANGED);
    assert_int_equal(bench_push(b, IMAGE_BYTES, IMAGE_BYTES, 6), COAP_CODE_CHANGED);
    assert_status(b, "3/0");
    bench_wait(b, SECONDS_US(16));
    assert_status(b, "0/1");
    bench_free(b);
    b = bench_new("plain"); /* Object 5 of 1.1 has no such resource */
    bench_register(b);
    assert_int_equal(bench_put_text(b, "/5/0/14", "1"), COAP_CODE_NOT_ALLOWED);
    bench_free(b);
}

static void some_have_components(void **state)
{
    (void)state;
    struct bench *b = bench_new("dependency-kept");
    struct datagram d;
    push_and_execute(b, "2/0", "2/13");
    assert_int_equal(bench_number(b, "/33629/0", 3), 2);
    assert_int_equal(bench_number(b, "/33629/0", 5), 13);
    struct coap_msg msg =
        bench_ask(b, ASK_WITH(COAP_CODE_GET, "/33629/0/15", .accept = 1), &d);
    assert_int_equal(msg.code, COAP_CODE_CONTENT);
    assert_memory_equal(msg.payload, "1.0.0", msg.payload_len);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_POST, "/33629/0/3")),
                     COAP_CODE_NOT_ALLOWED);
    bench_free(b);
    b = bench_new("plain");
    bench_register(b);
    assert_int_equal(bench_code(b, ASK(COAP_CODE_GET, "/33629/0")), COAP_CODE_NOT_FOUND);
    bench_free(b);
}

static void kinds_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(lwm2m_quirks_find("plain", 5), &lwm2m_quirks[0]);
    assert_null(lwm2m_quirks_find("plai", 4));
    for (size_t i = 0; i < lwm2m_quirks_count; i++) {
        const char *name = lwm2m_quirks[i].name;
        assert_ptr_equal(lwm2m_quirks_find(name, strlen(name)), &lwm2m_quirks[i]);
    }
}

TEST_MAIN(cmocka_unit_test(each_kind_ends_as_its_quirks_say),
          cmocka_unit_test(a_silent_device_is_not_heard_of_any_more),
          cmocka_unit_test(a_result_may_come_after_its_state),
          cmocka_unit_test(a_user_puts_it_off_for_as_long_as_is_allowed),
          cmocka_unit_test(a_roaming_device_has_another_port_halfway),
          cmocka_unit_test(some_say_what_is_not_so),
          cmocka_unit_test(packages_say_what_is_to_come_of_them),
          cmocka_unit_test(one_of_1_2_may_install_by_itself),
          cmocka_unit_test(some_have_components),
          cmocka_unit_test(kinds_are_found_by_name))
