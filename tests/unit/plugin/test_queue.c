/* SPDX-License-Identifier: MIT */
/* test_queue.c - what a server has, as events: copied whole, refused out of bounds. */
#include "test.h"

#include <string.h>

#include "plugin/queue.h"

static struct fuo_event a_device(void)
{
    struct fuo_event e = {.size = sizeof(e), .type = FUO_EV_DEVICE};
    e.device.dev_eui = 1;
    return e;
}

static void put(struct event_queue *queue, struct fuo_event e, int err)
{
    assert_int_equal(event_queue_put(queue, &e), err);
}

static void a_device_is_copied_with_texts_labels_and_keys(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    char text[FUO_NAME_SIZE] = "name";
    uint8_t key[16] = {1, 2};
    struct fuo_label labels[] = {{"site", text}, {"empty", ""}};
    struct fuo_event e = a_device();
    e.device.name = text;
    e.device.server_profile = text;
    e.device.labels = labels;
    e.device.label_count = 2;
    e.device.app_key = key;
    put(&queue, e, FUO_OK);
    memset(text, 'x', 4);
    memset(key, 9, sizeof(key));
    labels[0].key = "other";
    struct event_node *node = event_queue_take(&queue);
    const struct fuo_event *got = event_node_event(node);
    assert_string_equal(got->device.name, "name");
    assert_string_equal(got->device.server_profile, "name");
    assert_null(got->device.profile);
    assert_string_equal(got->device.labels[0].key, "site");
    assert_string_equal(got->device.labels[0].value, "name");
    assert_string_equal(got->device.labels[1].value, "");
    assert_int_equal(got->device.app_key[1], 2);
    assert_null(got->device.gen_app_key);
    event_node_free(node);
    put(&queue, e, FUO_OK);
    event_queue_clear(&queue);
    assert_null(event_queue_take(&queue));
}

static void what_is_out_of_bounds_is_refused(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    char much[FUO_FINDING_SIZE + 1];
    struct fuo_label labels[FUO_LABELS_MAX + 1];
    memset(much, 'x', sizeof(much));
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        labels[i] = (struct fuo_label){"k", "v"};
    }
    struct fuo_event e = a_device();
    e.device.name = much;
    put(&queue, e, FUO_EINVAL);
    e = a_device();
    e.device.lorawan_minor = 2;
    put(&queue, e, FUO_EINVAL);
    e = a_device();
    e.device.label_count = 1;
    put(&queue, e, FUO_EINVAL);
    e.device.labels = labels;
    e.device.label_count = ARRAY_LEN(labels);
    put(&queue, e, FUO_EINVAL);
    e.device.label_count = FUO_LABELS_MAX;
    put(&queue, e, FUO_OK);
    labels[3].key = "";
    put(&queue, e, FUO_EINVAL);
    labels[3] = (struct fuo_label){"k", NULL};
    put(&queue, e, FUO_EINVAL);
    labels[3].value = much;
    put(&queue, e, FUO_EINVAL);

    e = (struct fuo_event){.size = sizeof(e), .type = FUO_EV_LISTED};
    put(&queue, e, FUO_OK);
    e.listed.latitude_e6 = -90000001;
    put(&queue, e, FUO_EINVAL);
    e.listed.latitude_e6 = 0;
    e.listed.longitude_e6 = 180000001;
    put(&queue, e, FUO_EINVAL);
    e.listed.longitude_e6 = 0;
    e.listed.state = (enum fuo_gateway_state)4;
    put(&queue, e, FUO_EINVAL);

    e = (struct fuo_event){.size = sizeof(e), .type = FUO_EV_FINDING};
    put(&queue, e, FUO_EINVAL);
    e.finding.text = much;
    put(&queue, e, FUO_EINVAL);
    much[FUO_FINDING_SIZE - 1] = '\0';
    put(&queue, e, FUO_OK);
    event_queue_clear(&queue);
}

static void answers_of_devices_are_copied_and_bounded(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    char path[] = "/3/0/9";
    char text[] = "80";
    char why[FUO_FINDING_SIZE + 1] = "note";
    struct fuo_reading readings[FUO_READINGS_MAX + 1] = {{path, "integer", text}};
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_ACCESSED};
    event.accessed.id = 7;
    event.accessed.readings = readings;
    event.accessed.reading_count = 1;
    event.accessed.text = why;
    assert_int_equal(event_queue_put(&queue, &event), FUO_OK);
    memset(path, 'x', sizeof(path) - 1);
    memset(text, 'x', sizeof(text) - 1);
    memset(why, 'x', sizeof(why) - 1);
    struct event_node *node = event_queue_take(&queue);
    const struct fuo_event *got = event_node_event(node);
    assert_string_equal(got->accessed.readings[0].path, "/3/0/9");
    assert_string_equal(got->accessed.readings[0].type, "integer");
    assert_string_equal(got->accessed.readings[0].text, "80");
    assert_string_equal(got->accessed.text, "note");
    event_node_free(node);
    assert_int_equal(event_queue_put(&queue, &event), FUO_EINVAL); /* why is too long */
    event.accessed.text = NULL;
    event.accessed.reading_count = FUO_READINGS_MAX + 1;
    assert_int_equal(event_queue_put(&queue, &event), FUO_EINVAL);
    event.accessed.reading_count = 2; /* the second has no texts */
    assert_int_equal(event_queue_put(&queue, &event), FUO_EINVAL);
    static char huge[2 * FUO_READING_SIZE];
    memset(huge, 'x', sizeof(huge) - 1);
    readings[0].text = huge;
    event.accessed.reading_count = 1;
    assert_int_equal(event_queue_put(&queue, &event), FUO_EINVAL);
    event.accessed.readings = NULL;
    assert_int_equal(event_queue_put(&queue, &event), FUO_EINVAL);
    event_queue_clear(&queue);
}

TEST_MAIN(cmocka_unit_test(answers_of_devices_are_copied_and_bounded),
          cmocka_unit_test(a_device_is_copied_with_texts_labels_and_keys),
          cmocka_unit_test(what_is_out_of_bounds_is_refused))
