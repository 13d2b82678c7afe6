/* SPDX-License-Identifier: MIT */
/* The API of fuota-sim: ChirpStack's calls, and the status of those that are wrong. */
#include "server_rig.h"

#include "api.pb-c.h"
#include "fuota-sim/rpc.h"

static enum rpc_status call(struct rig *rig, const char *path, const ProtobufCMessage *in,
                            struct rpc_response *response)
{
    uint8_t bytes[1024];
    size_t len = protobuf_c_message_pack(in, bytes);
    struct rpc_request request = {path, bytes, len};
    rpc_call(&rig->cs, &request, rig->now, response);
    return response->status;
}

static char *str(const char *s)
{
    return (char *)(uintptr_t)s;
}

static Csim__MulticastGroup api_group(void)
{
    Csim__MulticastGroup g;
    csim__multicast_group__init(&g);
    g.name = str("campaign");
    g.application_id = str(APP_ID);
    g.mc_addr = str("01020304");
    g.mc_nwk_s_key = str("000102030405060708090a0b0c0d0e0f");
    g.mc_app_s_key = str("101112131415161718191a1b1c1d1e1f");
    g.dr = 3;
    g.frequency = 869525000;
    g.class_b_ping_slot_periodicity = 5;
    return g;
}

static void create(struct rig *rig, char id[static CS_ID_SIZE])
{
    struct rpc_response r;
    Csim__MulticastGroup g = api_group();
    Csim__GroupRequest request;
    csim__group_request__init(&request);
    request.multicast_group = &g;
    assert_int_equal(call(rig, "/api.MulticastGroupService/Create", &request.base, &r),
                     RPC_OK);
    Csim__Id *answer = csim__id__unpack(NULL, r.len, r.body);
    memcpy(id, answer->id, CS_ID_SIZE);
    csim__id__free_unpacked(answer, NULL);
    free(r.body);
}

static void a_group_made_by_the_api_reads_back_the_same(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct rpc_response r;
    char id[CS_ID_SIZE];
    create(rig, id);
    Csim__Id get_request;
    csim__id__init(&get_request);
    get_request.id = id;
    assert_int_equal(call(rig, "/api.MulticastGroupService/Get", &get_request.base, &r),
                     RPC_OK);
    Csim__GroupResponse *got = csim__group_response__unpack(NULL, r.len, r.body);
    Csim__MulticastGroup want = api_group();
    assert_string_equal(got->multicast_group->id, id);
    assert_string_equal(got->multicast_group->mc_addr, want.mc_addr);
    assert_string_equal(got->multicast_group->mc_nwk_s_key, want.mc_nwk_s_key);
    assert_string_equal(got->multicast_group->mc_app_s_key, want.mc_app_s_key);
    assert_int_equal(got->multicast_group->frequency, want.frequency);
    assert_int_equal(got->multicast_group->class_b_ping_slot_periodicity, 5);
    assert_int_equal(got->created_at->seconds, NOON.us / 1000000);
    got->multicast_group->f_cnt = 99;
    Csim__GroupRequest update;
    csim__group_request__init(&update);
    update.multicast_group = got->multicast_group;
    free(r.body);
    assert_int_equal(call(rig, "/api.MulticastGroupService/Update", &update.base, &r),
                     RPC_OK);
    free(r.body);
    csim__group_response__free_unpacked(got, NULL);
    assert_int_equal(cs_group_find(&rig->cs, id)->settings.f_cnt, 99);
    assert_int_equal(
        call(rig, "/api.MulticastGroupService/Delete", &get_request.base, &r), RPC_OK);
    free(r.body);
    static const char *const methods[] = {"Get", "Delete", "ListQueue", "FlushQueue"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        char path[64];
        test_row(methods[i]);
        (void)snprintf(path, sizeof(path), "/api.MulticastGroupService/%s", methods[i]);
        assert_int_equal(call(rig, path, &get_request.base, &r), RPC_UNAUTHENTICATED);
        assert_string_equal(r.message, "");
    }
    rig_close(rig);
}

static void wrong_groups_and_methods_get_a_status(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct rpc_response r;
    Csim__GroupRequest request;
    csim__group_request__init(&request);
    Csim__MulticastGroup g = api_group();
    static const char path[] = "/api.MulticastGroupService/Create";
    assert_int_equal(call(rig, path, &request.base, &r), RPC_INVALID_ARGUMENT);
    request.multicast_group = &g;
    g.mc_addr = str("0102030");
    assert_int_equal(call(rig, path, &request.base, &r), RPC_INVALID_ARGUMENT);
    g = api_group();
    g.mc_app_s_key = str("");
    assert_int_equal(call(rig, path, &request.base, &r), RPC_INVALID_ARGUMENT);
    g = api_group();
    g.dr = 16;
    assert_int_equal(call(rig, path, &request.base, &r), RPC_INVALID_ARGUMENT);
    assert_int_equal(call(rig, "/api.X/Y", &request.base, &r), RPC_UNIMPLEMENTED);
    struct rpc_request garbage = {path, (const uint8_t *)"\xff\xff", 2};
    rpc_call(&rig->cs, &garbage, rig->now, &r);
    assert_int_equal(r.status, RPC_INTERNAL);
    rig_close(rig);
}

static void queues_of_groups_are_listed_frame_by_frame(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct rpc_response r;
    char id[CS_ID_SIZE];
    create(rig, id);
    Csim__MemberRequest member;
    csim__member_request__init(&member);
    member.multicast_group_id = id;
    static const char *const euis_text[] = {"00000000000000b1", "00000000000000b2"};
    for (size_t i = 0; i < ARRAY_LEN(euis_text); i++) {
        member.eui = str(euis_text[i]);
        assert_int_equal(
            call(rig, "/api.MulticastGroupService/AddGateway", &member.base, &r), RPC_OK);
        free(r.body);
    }
    Csim__Timestamp expires;
    csim__timestamp__init(&expires);
    expires.seconds = NOON.us / 1000000 + 1000;
    Csim__MulticastQueueItem item;
    csim__multicast_queue_item__init(&item);
    item.multicast_group_id = id;
    item.f_port = 201;
    item.data.data = (uint8_t *)str("abc");
    item.data.len = 3;
    item.expires_at = &expires;
    Csim__EnqueueGroupRequest enqueue;
    csim__enqueue_group_request__init(&enqueue);
    enqueue.queue_item = &item;
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(
            call(rig, "/api.MulticastGroupService/Enqueue", &enqueue.base, &r), RPC_OK);
        Csim__EnqueueGroupResponse *got =
            csim__enqueue_group_response__unpack(NULL, r.len, r.body);
        assert_int_equal(got->f_cnt, i);
        csim__enqueue_group_response__free_unpacked(got, NULL);
        free(r.body);
    }
    item.f_port = 0;
    assert_int_equal(call(rig, "/api.MulticastGroupService/Enqueue", &enqueue.base, &r),
                     RPC_INVALID_ARGUMENT);
    Csim__Id list;
    csim__id__init(&list);
    list.id = id;
    assert_int_equal(call(rig, "/api.MulticastGroupService/ListQueue", &list.base, &r),
                     RPC_OK);
    Csim__GroupQueueResponse *rows =
        csim__group_queue_response__unpack(NULL, r.len, r.body);
    assert_int_equal(cs_group_find(&rig->cs, id)->row_count, 4);
    assert_int_equal(rows->n_items, 2); /* of two frames at two gateways */
    assert_int_equal(rows->items[1]->f_cnt, 1);
    assert_memory_equal(rows->items[1]->data.data, "abc", 3);
    assert_int_equal(rows->items[1]->expires_at->seconds, expires.seconds);
    csim__group_queue_response__free_unpacked(rows, NULL);
    free(r.body);
    assert_int_equal(call(rig, "/api.MulticastGroupService/FlushQueue", &list.base, &r),
                     RPC_OK);
    free(r.body);
    assert_int_equal(cs_group_find(&rig->cs, id)->row_count, 0);
    rig_close(rig);
}

static void members_and_lists_of_groups(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct rpc_response r;
    char id[CS_ID_SIZE];
    create(rig, id);
    create(rig, id);
    Csim__MemberRequest member;
    csim__member_request__init(&member);
    member.multicast_group_id = id;
    member.eui = str("00000000000000a1");
    static const char *const methods[] = {"AddDevice", "RemoveDevice"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/api.MulticastGroupService/%s", methods[i]);
        assert_int_equal(call(rig, path, &member.base, &r), RPC_OK);
        free(r.body);
    }
    static const char add[] = "/api.MulticastGroupService/AddDevice";
    assert_int_equal(call(rig, add, &member.base, &r), RPC_OK);
    free(r.body);
    assert_int_equal(call(rig, add, &member.base, &r), RPC_INTERNAL);
    assert_non_null(strstr(r.message, "UNIQUE constraint failed"));
    member.eui = str("00000000000000ff");
    assert_int_equal(call(rig, add, &member.base, &r), RPC_NOT_FOUND);
    member.multicast_group_id = str(ITEM_1);
    assert_int_equal(call(rig, add, &member.base, &r), RPC_UNAUTHENTICATED);
    member.multicast_group_id = id;
    member.eui = str("a1");
    assert_int_equal(
        call(rig, "/api.MulticastGroupService/RemoveGateway", &member.base, &r),
        RPC_INVALID_ARGUMENT);
    Csim__ListGroupsRequest list;
    csim__list_groups_request__init(&list);
    list.limit = 1;
    list.offset = 1;
    list.search = str("camp");
    list.application_id = str(APP_ID);
    assert_int_equal(call(rig, "/api.MulticastGroupService/List", &list.base, &r),
                     RPC_OK);
    Csim__ListGroupsResponse *got =
        csim__list_groups_response__unpack(NULL, r.len, r.body);
    assert_int_equal(got->total_count, 2);
    assert_int_equal(got->n_result, 1);
    assert_string_equal(got->result[0]->id, id);
    csim__list_groups_response__free_unpacked(got, NULL);
    free(r.body);
    rig_close(rig);
}

static void device_queues_by_the_api(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct rpc_response r;
    Csim__DeviceQueueItem item;
    csim__device_queue_item__init(&item);
    Csim__EnqueueDeviceRequest enqueue;
    csim__enqueue_device_request__init(&enqueue);
    Csim__DeviceQueueRequest queue_request;
    csim__device_queue_request__init(&queue_request);
    Csim__Id flush;
    csim__id__init(&flush);
    item.dev_eui = str("00000000000000a1");
    item.f_port = 10;
    enqueue.queue_item = &item;
    queue_request.dev_eui = item.dev_eui;
    flush.id = item.dev_eui;
    assert_int_equal(call(rig, "/api.DeviceService/Enqueue", &enqueue.base, &r), RPC_OK);
    free(r.body);
    enqueue.flush_queue = true;
    assert_int_equal(call(rig, "/api.DeviceService/Enqueue", &enqueue.base, &r), RPC_OK);
    free(r.body);
    assert_int_equal(call(rig, "/api.DeviceService/GetQueue", &queue_request.base, &r),
                     RPC_OK);
    Csim__DeviceQueueResponse *got =
        csim__device_queue_response__unpack(NULL, r.len, r.body);
    assert_int_equal(got->total_count, 1);
    assert_int_equal(got->result[0]->f_port, 10);
    csim__device_queue_response__free_unpacked(got, NULL);
    free(r.body);
    assert_int_equal(call(rig, "/api.DeviceService/FlushQueue", &flush.base, &r), RPC_OK);
    free(r.body);
    assert_int_equal(rig->cs.devices[0].queue_len, 0);
    queue_request.dev_eui = str("00000000000000ff");
    assert_int_equal(call(rig, "/api.DeviceService/GetQueue", &queue_request.base, &r),
                     RPC_UNAUTHENTICATED);
    item.dev_eui = str("nobody");
    assert_int_equal(call(rig, "/api.DeviceService/Enqueue", &enqueue.base, &r),
                     RPC_INVALID_ARGUMENT);
    rig_close(rig);
}

TEST_MAIN(cmocka_unit_test(a_group_made_by_the_api_reads_back_the_same),
          cmocka_unit_test(wrong_groups_and_methods_get_a_status),
          cmocka_unit_test(queues_of_groups_are_listed_frame_by_frame),
          cmocka_unit_test(members_and_lists_of_groups),
          cmocka_unit_test(device_queues_by_the_api))
