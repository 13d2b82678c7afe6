/* SPDX-License-Identifier: MIT */
/* Object 5 of a simulated device: every event in every State, and the daemon's own table. */
#include "test.h"

#include "campaign/lwm2m_fw.h"
#include "sim/fw_object.h"

enum {
    NO = -1, /* there is no such row */
};

/* lwm2m.md 1.2: what State each event leads to from State 0, 1, 2 and 3; by hand. */
static const struct {
    const char *name;
    enum fw_object_event event;
    enum fw_object_result given;
    int to[4];
    enum fw_object_result result;
} table[] = {
    {"2: Package", FWO_EV_PACKAGE, 0, {1, NO, NO, NO}, FWO_INITIAL},
    {"3: Package URI", FWO_EV_URI, 0, {1, NO, NO, NO}, FWO_INITIAL},
    {"4: unknown scheme", FWO_EV_REFUSED_URI, 9, {0, NO, NO, NO}, FWO_BAD_PROTOCOL},
    {"4: no URI", FWO_EV_REFUSED_URI, 7, {0, NO, NO, NO}, FWO_BAD_URI},
    {"4: wrong type", FWO_EV_REFUSED_URI, 6, {0, NO, NO, NO}, FWO_BAD_TYPE},
    {"4: not for that", FWO_EV_REFUSED_URI, 5, {NO, NO, NO, NO}, 0},
    {"5: received", FWO_EV_RECEIVED, 0, {NO, 2, NO, NO}, FWO_INITIAL},
    {"6: no flash", FWO_EV_DOWNLOAD_FAILED, 2, {NO, 0, NO, NO}, FWO_NO_FLASH},
    {"6: no RAM", FWO_EV_DOWNLOAD_FAILED, 3, {NO, 0, NO, NO}, FWO_NO_RAM},
    {"6: connection lost", FWO_EV_DOWNLOAD_FAILED, 4, {NO, 0, NO, NO}, FWO_LOST},
    {"7: integrity", FWO_EV_DOWNLOAD_FAILED, 5, {NO, 0, NO, NO}, FWO_INTEGRITY},
    {"7: wrong type", FWO_EV_DOWNLOAD_FAILED, 6, {NO, 0, NO, NO}, FWO_BAD_TYPE},
    {"7: invalid URI", FWO_EV_DOWNLOAD_FAILED, 7, {NO, 0, NO, NO}, FWO_BAD_URI},
    {"7: protocol", FWO_EV_DOWNLOAD_FAILED, 9, {NO, 0, NO, NO}, FWO_BAD_PROTOCOL},
    {"10: conflict", FWO_EV_DOWNLOAD_FAILED, 12, {NO, 0, NO, NO}, FWO_CONFLICT},
    {"download never fails so", FWO_EV_DOWNLOAD_FAILED, 8, {NO, NO, NO, NO}, 0},
    {"8, 12: cancel", FWO_EV_CANCEL, 0, {NO, 0, 0, NO}, FWO_CANCELLED},
    {"9, 11: reset", FWO_EV_CLEAR, 0, {0, 0, 0, NO}, FWO_INITIAL},
    {"13: defer", FWO_EV_DEFER, 0, {NO, NO, 2, NO}, FWO_DEFERRED},
    {"14: execute", FWO_EV_EXECUTE, 0, {NO, NO, 3, NO}, FWO_INITIAL},
    {"15: success", FWO_EV_UPDATED, 0, {NO, NO, NO, 0}, FWO_SUCCESS},
    {"16: integrity", FWO_EV_UPDATE_FAILED, 5, {NO, NO, NO, 0}, FWO_INTEGRITY},
    {"16: failed", FWO_EV_UPDATE_FAILED, 8, {NO, NO, NO, 0}, FWO_FAILED},
    {"16: dependency", FWO_EV_UPDATE_FAILED, 13, {NO, NO, NO, 0}, FWO_DEPENDENCY},
    {"17: failed, kept", FWO_EV_UPDATE_KEPT, 8, {NO, NO, NO, 2}, FWO_FAILED},
    {"17: dependency, kept", FWO_EV_UPDATE_KEPT, 13, {NO, NO, NO, 2}, FWO_DEPENDENCY},
    {"17: not for that", FWO_EV_UPDATE_KEPT, 5, {NO, NO, NO, NO}, 0},
};

static void every_event_in_every_state_does_what_its_row_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        test_row(table[i].name);
        for (int from = 0; from < 4; from++) {
            struct fw_object object = {(enum fw_object_state)from, FWO_DEFERRED};
            bool stepped = fw_object_step(&object, table[i].event, table[i].given);
            assert_int_equal(stepped, table[i].to[from] != NO);
            assert_int_equal(object.state, stepped ? table[i].to[from] : from);
            assert_int_equal(object.result, stepped ? table[i].result : FWO_DEFERRED);
        }
    }
}

static void every_event_has_its_rows(void **state)
{
    (void)state;
    unsigned seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        seen |= 1u << table[i].event;
    }
    assert_int_equal(seen, (1u << FWO_EV_COUNT) - 1);
}

/* How many of its steps there are; the daemon's table must have them all. */
static size_t check_against_daemon(enum fw_object_event event,
                                   enum fw_object_result result)
{
    size_t steps = 0;
    for (int from = 0; from < 4; from++) {
        struct fw_object object = {(enum fw_object_state)from, FWO_INITIAL};
        if (fw_object_step(&object, event, result)) {
            struct fw_status to = {(enum fw_state)object.state,
                                   (enum fw_result)object.result};
            assert_true(fw_is_step((enum fw_state)from, &to));
            steps++;
        }
    }
    return steps;
}

/* Two tables, made apart, of the same page. */
static void whatever_a_device_does_is_possible_for_the_daemon(void **state)
{
    (void)state;
    size_t steps = 0;
    for (int event = 0; event < FWO_EV_COUNT; event++) {
        for (int result = 0; result <= FWO_DEPENDENCY; result++) {
            steps += check_against_daemon((enum fw_object_event)event,
                                          (enum fw_object_result)result);
        }
    }
    assert_true(steps > ARRAY_LEN(table));
}

TEST_MAIN(cmocka_unit_test(every_event_in_every_state_does_what_its_row_says),
          cmocka_unit_test(every_event_has_its_rows),
          cmocka_unit_test(whatever_a_device_does_is_possible_for_the_daemon))
