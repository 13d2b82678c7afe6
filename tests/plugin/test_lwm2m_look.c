/* SPDX-License-Identifier: MIT */
/*
 * test_lwm2m_look.c - devices that are brought an image by the plugin lwm2m, and whose
 * notifications nobody gets: when they are asked.
 */
#include "lwm2m_rig.h"

enum {
    IDLE = 0,
    DOWNLOADING = 1,
    DOWNLOADED = 2,
    CONNECTION_LOST = 4,
    DAY_S = 86400,
};

/* Until it has been read, and that was told. */
static void await_tale(struct fuo_host *h)
{
    size_t tales = h->tales;
    while (h->tales == tales) {
        turn(h);
    }
}

/* So many seconds, each with turns of its own; nothing is asked. */
static void assert_quiet(struct fuo_host *h, int64_t seconds)
{
    size_t reads = h->reads;
    for (int64_t i = 0; i < 2 * seconds; i++) {
        h->now_us += SECOND_US / 2;
        h->at_once = true;
        turn(h);
    }
    assert_int_equal(h->reads, reads);
}

/* A second later. */
static void assert_read(struct fuo_host *h)
{
    size_t reads = h->reads;
    h->now_us += SECOND_US;
    h->at_once = true;
    await_tale(h);
    assert_int_equal(h->reads, reads + 1);
}

/* It is read after each of these times, and not in between; 0: that is all. */
static void assert_read_after(struct fuo_host *h, const int64_t *seconds)
{
    for (; *seconds > 0; seconds++) {
        assert_quiet(h, *seconds - 1);
        assert_read(h);
    }
    assert_quiet(h, 3600);
}

static void notify(struct fuo_host *h)
{
    uint8_t bytes[64];
    struct coap_msg head = {
        .type = COAP_TYPE_NON, .code = COAP_CODE_CONTENT, .id = 77, .token = h->observer};
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    coap_msg_write_number(&cw, COAP_NR_OBSERVE, 1);
    send_message(h, &cw, bytes, &h->from);
}

/* From where it was told to. */
static void fetch(struct fuo_host *h, uint32_t num)
{
    uint8_t bytes[256];
    uint8_t value[COAP_BLOCK_OPTION_BYTES];
    const struct coap_block block = {.num = num, .szx = SZX};
    struct coap_msg head = {.type = COAP_TYPE_CON,
                            .code = COAP_CODE_GET,
                            .id = (uint16_t)(100 + num),
                            .token = fetch_token};
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    coap_msg_write_steps(&cw, COAP_NR_URI_PATH, strstr(h->uri, "/fw/"), '/');
    int len = coap_block_encode(&block, value);
    coap_msg_write_option(&cw, COAP_NR_BLOCK2, value, (size_t)len);
    h->served_code = 0;
    send_message(h, &cw, bytes, &h->from);
    while (h->served_code == 0) {
        turn(h);
    }
    assert_int_equal(h->served_code, COAP_CODE_CONTENT);
    assert_int_equal(h->served.num, num);
    assert_int_equal(h->served.more, num + 1 < BLOCKS);
}

/* It was told where the image is, has begun, and was read since. */
static void begin_pull(struct fuo_host *h)
{
    begin(h, IDLE, BLOCK_BYTES);
    h->method = PULL;
    order(h, IMAGE, 0);
    await_write(h);
    assert_string_equal(h->path, "5/0/1");
    h->state = DOWNLOADING;
    answer(h, COAP_CODE_CHANGED);
    await_result(h, FUO_OK);
    await_tale(h);
}

static void fetch_all(struct fuo_host *h)
{
    for (uint32_t num = 0; num < BLOCKS; num++) {
        fetch(h, num);
    }
}

/* ---- tests ---- */

static void who_has_fetched_all_of_it_is_asked_though_it_says_nothing(void **state)
{
    struct fuo_host h;
    (void)state;
    begin_pull(&h);
    fetch_all(&h);
    h.state = DOWNLOADED;
    assert_int_equal(h.told_state, DOWNLOADING);
    assert_read_after(&h, (const int64_t[]){5, 0});
    assert_int_equal(h.told_state, DOWNLOADED);
    end(&h);
}

static void who_has_been_pushed_all_of_it_is_asked_though_it_says_nothing(void **state)
{
    struct fuo_host h;
    (void)state;
    begin(&h, IDLE, BLOCK_BYTES);
    order(&h, IMAGE, 0);
    take_blocks(&h, 0, BLOCKS);
    h.state = DOWNLOADING; /* it looks at it first */
    await_result(&h, FUO_OK);
    await_tale(&h);
    assert_int_equal(h.told_state, DOWNLOADING);
    h.state = DOWNLOADED;
    assert_read_after(&h, (const int64_t[]){5, 0});
    assert_int_equal(h.told_state, DOWNLOADED);
    end(&h);
}

static void who_takes_its_time_is_asked_less_and_less(void **state)
{
    struct fuo_host h;
    (void)state;
    begin_pull(&h);
    fetch_all(&h);
    assert_read_after(&h, (const int64_t[]){5, 10, 20, 40, 80, 160, 320, 0});
    end(&h);
}

static void who_falls_silent_while_it_fetches_is_asked_later(void **state)
{
    struct fuo_host h;
    (void)state;
    begin_pull(&h);
    fetch(&h, 0);
    assert_quiet(&h, 59);
    fetch(&h, 1); /* slow, not silent */
    assert_quiet(&h, 59);
    assert_read(&h);
    h.state = IDLE;
    h.result = CONNECTION_LOST;
    assert_read_after(&h, (const int64_t[]){120, 0});
    assert_int_equal(h.told_state, IDLE);
    end(&h);
}

/* It is not seen what it does there. */
static void who_fetches_elsewhere_is_asked_as_well(void **state)
{
    struct fuo_host h;
    (void)state;
    begin(&h, IDLE, BLOCK_BYTES);
    h.config.http_uri = "http://files.example";
    h.method = PULL;
    h.protocol = HTTP;
    order(&h, IMAGE, 0);
    await_write(&h);
    assert_memory_equal(h.uri, "http://files.example/", 21);
    answer(&h, COAP_CODE_CHANGED); /* and has not begun */
    await_result(&h, FUO_OK);
    await_tale(&h);
    assert_quiet(&h, 59);
    h.state = DOWNLOADING;
    assert_read(&h);
    assert_read_after(&h, (const int64_t[]){120, 240, 0});
    end(&h);
}

static void who_says_so_by_itself_is_read_then_and_no_more(void **state)
{
    struct fuo_host h;
    (void)state;
    begin_pull(&h);
    fetch_all(&h);
    h.state = DOWNLOADED;
    notify(&h);
    await_tale(&h);
    assert_int_equal(h.told_state, DOWNLOADED);
    assert_quiet(&h, 3600);
    end(&h);
}

static void nobody_is_asked_for_a_campaign_that_has_ended(void **state)
{
    struct fuo_host h;
    (void)state;
    begin_pull(&h);
    fetch_all(&h);
    h.ended = true;
    assert_quiet(&h, 3600);
    end(&h);
}

static void a_clock_that_is_set_back_does_not_put_it_off(void **state)
{
    struct fuo_host h;
    (void)state;
    begin_pull(&h);
    fetch_all(&h);
    h.now_us -= DAY_S * SECOND_US;
    assert_read_after(&h, (const int64_t[]){1, 10, 20, 40, 80, 160, 320, 0});
    end(&h);
}

/* As the machine allows it: a socket of the test has as much that asks for the same. */
static void the_sockets_have_room_for_all_who_speak_at_once(void **state)
{
    struct fuo_host h;
    int wish = SCREEN_QUEUE_BYTES;
    int mine = 0;
    int its = 0;
    socklen_t len = sizeof(mine);
    (void)state;
    begin(&h, IDLE, BLOCK_BYTES);
    assert_int_equal(setsockopt(h.client, SOL_SOCKET, SO_RCVBUF, &wish, len), 0);
    assert_int_equal(getsockopt(h.client, SOL_SOCKET, SO_RCVBUF, &mine, &len), 0);
    assert_int_equal(h.ns->screen.count, 1);
    assert_int_equal(
        getsockopt(h.ns->screen.ports[0].fd, SOL_SOCKET, SO_RCVBUF, &its, &len), 0);
    assert_int_equal(its, mine);
    end(&h);
}

TEST_MAIN(cmocka_unit_test(who_has_fetched_all_of_it_is_asked_though_it_says_nothing),
          cmocka_unit_test(who_has_been_pushed_all_of_it_is_asked_though_it_says_nothing),
          cmocka_unit_test(who_takes_its_time_is_asked_less_and_less),
          cmocka_unit_test(who_falls_silent_while_it_fetches_is_asked_later),
          cmocka_unit_test(who_fetches_elsewhere_is_asked_as_well),
          cmocka_unit_test(who_says_so_by_itself_is_read_then_and_no_more),
          cmocka_unit_test(nobody_is_asked_for_a_campaign_that_has_ended),
          cmocka_unit_test(a_clock_that_is_set_back_does_not_put_it_off),
          cmocka_unit_test(the_sockets_have_room_for_all_who_speak_at_once))
