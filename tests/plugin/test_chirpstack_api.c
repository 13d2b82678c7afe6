/* SPDX-License-Identifier: MIT */
/* test_chirpstack_api.c - frames, queues and simple calls: every way they can fail. */
#include "chirpstack_api.h"

static void a_frame_gets_the_counter_that_the_server_gave_it(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    enqueue(&rig, 3);
    const struct fake_request *r = expect(&rig, SERVICE "Enqueue");
    Cs__Enqueue *sent = cs__enqueue__unpack(NULL, r->body_len - 5, r->body + 5);
    assert_non_null(sent);
    assert_string_equal(sent->queue_item->multicast_group_id, GROUP);
    assert_int_equal(sent->queue_item->f_port, 201);
    assert_int_equal(sent->queue_item->data.len, 3);
    assert_memory_equal(sent->queue_item->data.data, "\x08\x01\x00", 3);
    assert_int_equal(sent->queue_item->expires_at->seconds, 1767323045);
    assert_int_equal(sent->queue_item->expires_at->nanos, 500001000);
    cs__enqueue__free_unpacked(sent, NULL);

    Cs__Enqueued enqueued;
    cs__enqueued__init(&enqueued);
    enqueued.f_cnt = 99;
    answer_message(&rig, &enqueued.base);
    expect_result(&rig, 3, FUO_OK, 99);
    rig_close(&rig);
}

static void every_bad_answer_to_enqueue_has_its_code(void **state)
{
    (void)state;
    static const uint8_t trailers[] = "\x80\0\0\0\x10grpc-status: 0\r\n";
    static const uint8_t junk[] =
        "\0\0\0\0\3\xff\xff\xff\x80\0\0\0\x10grpc-status: 0\r\n";
    static const uint8_t not_grpc[] = "<html>";
    static const struct {
        const char *name;
        struct fuo_http_response response;
        int err;
    } rows[] = {
        {"not sent", {.err = FUO_EAGAIN}, FUO_EAGAIN},
        {"no answer", {.err = FUO_ETIMEDOUT}, FUO_ETIMEDOUT},
        {"too big an answer", {.err = FUO_ENOSPC}, FUO_ETIMEDOUT},
        {"no such group", {.status = 200, .grpc_status = "5"}, FUO_ENOENT},
        {"busy proxy", {.status = 503}, FUO_EAGAIN},
        {"too many", {.status = 429}, FUO_EAGAIN},
        {"gateway timeout", {.status = 504}, FUO_ETIMEDOUT},
        {"wrong address", {.status = 404}, FUO_EPROTO},
        {"a web page", {.status = 200, .body = not_grpc, .body_len = 6}, FUO_ETIMEDOUT},
        {"nothing", {.status = 200}, FUO_ETIMEDOUT},
        {"not a status", {.status = 200, .grpc_status = "zero"}, FUO_ETIMEDOUT},
        {"broken proxy", {.status = 500}, FUO_ETIMEDOUT},
        {"no message", {.status = 200, .body = trailers, .body_len = 21}, FUO_ETIMEDOUT},
        {"junk", {.status = 200, .body = junk, .body_len = 29}, FUO_ETIMEDOUT},
    };
    struct rig rig;
    setup(&rig);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        enqueue(&rig, i);
        respond(&rig, &rows[i].response);
        expect_result(&rig, i, rows[i].err, 0);
    }
    rig.loaded.plugin.on_http(rig.ns, 12345, &rows[0].response); /* of nobody */
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

static void the_queue_is_counted_in_rows_and_frames(void **state)
{
    (void)state;
    static const uint32_t counters[] = {7, 7, 8, 9, 8};
    struct rig rig;
    setup(&rig);
    assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 4, GROUP), FUO_OK);
    expect(&rig, SERVICE "ListQueue");
    answer_queue(&rig, counters, ARRAY_LEN(counters));
    assert_null(rig_event(&rig));
    expect(&rig, SERVICE "Get");
    answer_group(&rig, "01ab23cd", 10);
    const struct fuo_event *e = rig_event(&rig);
    assert_int_equal(e->type, FUO_EV_QUEUE);
    assert_int_equal(e->queue.id, 4);
    assert_int_equal(e->queue.err, FUO_OK);
    assert_int_equal(e->queue.frame_count, 3);
    assert_int_equal(e->queue.f_cnt, 10);
    rig_close(&rig);
}

static void polling_fails_at_either_step(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0xff, 0xff, 0xff};
    struct rig rig;
    setup(&rig);
    for (int how = 0; how < 5; how++) {
        static const int errors[] = {FUO_ENOENT, FUO_EPROTO, FUO_EAGAIN, FUO_EPERM,
                                     FUO_EPROTO};
        assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 4, GROUP), FUO_OK);
        if (how == 0) {
            answer_status(&rig, "5", "gone");
        } else if (how == 1) {
            answer_frames(&rig, junk, sizeof(junk), "grpc-status: 0\r\n");
        } else {
            rig.host.refuse = how == 2 ? FUO_EAGAIN : FUO_OK;
            answer_queue(&rig, NULL, 0);
            rig.host.refuse = FUO_OK;
        }
        if (how == 3) {
            answer_status(&rig, "7", "not you");
            expect(&rig, SERVICE "List");
            answer_status(&rig, "7", "not you");
        } else if (how == 4) {
            answer_frames(&rig, junk, sizeof(junk), "grpc-status: 0\r\n");
        }
        const struct fuo_event *e = rig_event(&rig);
        assert_non_null(e);
        assert_int_equal(e->type, FUO_EV_QUEUE);
        assert_int_equal(e->queue.err, errors[how]);
        assert_int_equal(e->queue.frame_count, 0);
    }
    rig_close(&rig);
}

static void simple_calls_name_their_target_and_report(void **state)
{
    (void)state;
    struct rig rig;
    setup(&rig);
    const struct fuo_ns_plugin *p = &rig.loaded.plugin;
    static const struct {
        const char *name;
        const char *path;
        const char *target;
        const char *status; /* NULL: fine */
        int err;
    } rows[] = {
        {"flush", SERVICE "FlushQueue", GROUP, NULL, FUO_OK},
        {"flush of a lost group", SERVICE "FlushQueue", GROUP, "5", FUO_ENOENT},
        {"delete", SERVICE "Delete", GROUP, NULL, FUO_OK},
        {"delete of a lost group", SERVICE "Delete", GROUP, "5", FUO_OK},
        {"device", "/api.DeviceService/FlushQueue", "00000000000000ab", NULL, FUO_OK},
        {"lost device", "/api.DeviceService/FlushQueue", "00000000000000ab", "5",
         FUO_ENOENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(rows[i].name);
        int err =
            strstr(rows[i].path, "Device") != NULL   ? p->unicast_flush(rig.ns, i, 0xab)
            : strstr(rows[i].path, "Delete") != NULL ? p->group_close(rig.ns, i, GROUP)
                                                     : p->queue_flush(rig.ns, i, GROUP);
        assert_int_equal(err, FUO_OK);
        const struct fake_request *r = expect(&rig, rows[i].path);
        Cs__Id *id = cs__id__unpack(NULL, r->body_len - 5, r->body + 5);
        assert_string_equal(id->id, rows[i].target);
        cs__id__free_unpacked(id, NULL);
        if (rows[i].status == NULL) {
            answer_message(&rig, NULL);
        } else {
            answer_status(&rig, rows[i].status, "no");
        }
        expect_result(&rig, i, rows[i].err, 0);
    }
    rig_close(&rig);
}

static void intents_that_cannot_be_sent_are_refused_at_once(void **state)
{
    (void)state;
    static const uint8_t bytes[243];
    struct rig rig;
    char longest[FUO_GROUP_SIZE + 1];
    setup(&rig);
    memset(longest, 'x', FUO_GROUP_SIZE);
    longest[FUO_GROUP_SIZE] = '\0';
    struct fuo_multicast frame = {
        .group = GROUP, .payload = bytes, .payload_len = 243, .fport = 1};
    assert_int_equal(rig.loaded.plugin.multicast(rig.ns, &frame), FUO_EINVAL);
    frame.payload_len = 242;
    frame.fport = 0;
    assert_int_equal(rig.loaded.plugin.multicast(rig.ns, &frame), FUO_EINVAL);
    frame.fport = 1;
    frame.group = longest;
    assert_int_equal(rig.loaded.plugin.multicast(rig.ns, &frame), FUO_EINVAL);
    assert_true(rig.loaded.plugin.queue_poll(rig.ns, 1, longest) < 0);
    assert_true(rig.loaded.plugin.queue_flush(rig.ns, 1, longest) < 0);
    assert_true(rig.loaded.plugin.group_close(rig.ns, 1, longest) < 0);
    frame.group = GROUP;
    rig.host.refuse = FUO_EAGAIN;
    assert_int_equal(rig.loaded.plugin.multicast(rig.ns, &frame), FUO_EAGAIN);
    assert_int_equal(rig.loaded.plugin.queue_poll(rig.ns, 1, GROUP), FUO_EAGAIN);
    assert_int_equal(rig.host.request_count, 0);
    assert_null(rig_event(&rig));
    rig_close(&rig);
}

TEST_MAIN(cmocka_unit_test(a_frame_gets_the_counter_that_the_server_gave_it),
          cmocka_unit_test(every_bad_answer_to_enqueue_has_its_code),
          cmocka_unit_test(the_queue_is_counted_in_rows_and_frames),
          cmocka_unit_test(polling_fails_at_either_step),
          cmocka_unit_test(simple_calls_name_their_target_and_report),
          cmocka_unit_test(intents_that_cannot_be_sent_are_refused_at_once))
