/* SPDX-License-Identifier: MIT */
/* partition_narrow(): the gateways that the devices of a session cannot do without. */
#include "partition_fleet.h"

enum { GOOD_CDB = 1750, THIN_CDB = 400, G = 4, LINKS = 3 };

/* At a downlink margin at DR3: floor at -12.5 dB, gain 10 dB. */
static struct partition_link link_at(uint32_t gateway, int margin_cdb)
{
    int snr_cdb = margin_cdb - 1250 - 1000;
    return (struct partition_link){gateway, (int16_t)(snr_cdb - 320), (int16_t)snr_cdb,
                                   900};
}

static int narrow(uint8_t *needed)
{
    free(workspace);
    workspace = malloc(partition_workspace_bytes(&input));
    assert_non_null(workspace);
    return partition_narrow(&input, workspace, needed);
}

struct row {
    const char *name;
    size_t devices;
    struct {
        uint32_t gateway;
        int margin_cdb; /* 0: no link */
    } links[3][LINKS];
    uint8_t needed[G];
    uint8_t attempts; /* of each device */
};

static void take_devices(const struct row *row)
{
    for (size_t d = 0; d < row->devices; d++) {
        devices[d] = (struct partition_device){
            .ts004 = 1, .ts005 = 1, .cap_ppm = 100000, .attempts = row->attempts};
        for (size_t l = 0; l < LINKS && row->links[d][l].margin_cdb != 0; l++) {
            devices[d].link[l] =
                link_at(row->links[d][l].gateway, row->links[d][l].margin_cdb);
            devices[d].link_count++;
        }
    }
}

static void a_session_is_narrowed_to_the_gateways_that_it_needs(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nobody", 0, {{{0, 0}}}, {0, 0, 0, 0}, 0},
        {"one device", 1, {{{2, GOOD_CDB}}}, {0, 0, 1, 0}, 0},
        {"one gateway serves all",
         3,
         {{{0, GOOD_CDB}, {1, GOOD_CDB}},
          {{1, GOOD_CDB}},
          {{1, GOOD_CDB}, {3, GOOD_CDB}}},
         {0, 1, 0, 0},
         0},
        {"each has its own",
         3,
         {{{0, GOOD_CDB}}, {{1, GOOD_CDB}}, {{3, GOOD_CDB}}},
         {1, 1, 0, 1},
         0},
        {"two thin links have to do it together",
         1,
         {{{0, THIN_CDB}, {3, THIN_CDB}}},
         {1, 0, 0, 1},
         0},
        {"of three thin links the best two",
         1,
         {{{0, 300}, {1, 280}, {3, 200}}},
         {1, 1, 0, 0},
         0},
        {"all three, if two are not safe",
         1,
         {{{0, 100}, {1, 100}, {3, 100}}},
         {1, 1, 0, 1},
         0},
        {"not the best link, if another does as well as is needed",
         2,
         {{{1, 800}, {0, 600}}, {{0, GOOD_CDB}}},
         {1, 0, 0, 0},
         0},
        {"the best link, if the other loses more",
         1,
         {{{1, 500}, {0, 200}}},
         {0, 1, 0, 0},
         0},
        {"both, after a failed attempt", 1, {{{1, 500}, {0, 200}}}, {1, 1, 0, 0}, 1},
        {"one, if it is enough after a failed attempt too",
         1,
         {{{1, 800}, {0, 200}}},
         {0, 1, 0, 0},
         1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t needed[G];
        test_row(rows[i].name);
        take_devices(&rows[i]);
        base_input(rows[i].devices, G);
        input.dr = 3;
        assert_int_equal(narrow(needed), FUO_OK);
        assert_memory_equal(needed, rows[i].needed, G);
    }
}

/* Of two gateways that would do, the cheaper. */
static void the_cheaper_gateway_is_kept(void **state)
{
    (void)state;
    static const uint32_t weights[][2] = {{5, 2}, {2, 5}};
    for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
        uint8_t needed[2];
        devices[0] = (struct partition_device){
            .ts004 = 1,
            .ts005 = 1,
            .link_count = 2,
            .link = {link_at(0, GOOD_CDB), link_at(1, GOOD_CDB)}};
        base_input(1, 2);
        input.dr = 3;
        input.gateway_weight = weights[i];
        assert_int_equal(narrow(needed), FUO_OK);
        assert_int_equal(needed[i], 0);
        assert_int_equal(needed[1 - i], 1);
    }
}

static void what_is_unsound_is_not_narrowed(void **state)
{
    (void)state;
    uint8_t needed[2] = {7, 7};
    devices[0] = (struct partition_device){
        .ts004 = 1, .ts005 = 1, .link_count = 1, .link = {link_at(0, GOOD_CDB)}};
    base_input(1, 2);
    assert_int_equal(narrow(needed), FUO_ERANGE); /* at which data rate? */
    input.dr = 3;
    devices[0].link[0].gateway = 2; /* there is none */
    assert_int_equal(narrow(needed), FUO_ERANGE);
    devices[0].link[0].gateway = 0;
    input.image_len = 0;
    assert_int_equal(narrow(needed), FUO_ERANGE);
    assert_int_equal(needed[0], 7);
    assert_int_equal(needed[1], 7);
}

TEST_MAIN(cmocka_unit_test_teardown(a_session_is_narrowed_to_the_gateways_that_it_needs,
                                    drop),
          cmocka_unit_test_teardown(the_cheaper_gateway_is_kept, drop),
          cmocka_unit_test_teardown(what_is_unsound_is_not_narrowed, drop))
