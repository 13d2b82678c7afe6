/* SPDX-License-Identifier: MIT */
#include "plugin/queue_inventory.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/texts.h"

enum {
    KEY_BYTES = 16,
    KEYS = 2,
    LATITUDE_MAX_E6 = 90000000,
    LONGITUDE_MAX_E6 = 180000000,
};

struct event_inventory {
    size_t size; /* of all of it: what is wiped */
    struct fuo_label labels[FUO_LABELS_MAX];
    uint8_t keys[KEYS][KEY_BYTES];
    char *next; /* room in texts */
    char texts[];
};

/* ---- bounds ---- */

static bool is_short(const char *text, size_t size)
{
    return text == NULL || strnlen(text, size) < size;
}

static bool labels_usable(const struct fuo_label *labels, size_t count)
{
    if (count > FUO_LABELS_MAX || (labels == NULL && count > 0)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (labels[i].key == NULL || labels[i].key[0] == '\0' ||
            labels[i].value == NULL || !is_short(labels[i].key, FUO_NAME_SIZE) ||
            !is_short(labels[i].value, FUO_NAME_SIZE)) {
            return false;
        }
    }
    return true;
}

static bool device_usable(const struct fuo_event *e)
{
    return is_short(e->device.name, FUO_NAME_SIZE) &&
           is_short(e->device.profile, FUO_NAME_SIZE) &&
           is_short(e->device.server_profile, FUO_NAME_SIZE) &&
           e->device.lorawan_minor <= 1 &&
           labels_usable(e->device.labels, e->device.label_count);
}

static bool is_within(int32_t angle_e6, int32_t most_e6)
{
    return angle_e6 <= most_e6 && angle_e6 >= -most_e6;
}

static bool gateway_usable(const struct fuo_event *e)
{
    return e->listed.state <= FUO_GATEWAY_OFFLINE &&
           is_within(e->listed.latitude_e6, LATITUDE_MAX_E6) &&
           is_within(e->listed.longitude_e6, LONGITUDE_MAX_E6);
}

bool event_inventory_usable(const struct fuo_event *event)
{
    if (event->type == FUO_EV_DEVICE) {
        return device_usable(event);
    }
    if (event->type == FUO_EV_LISTED) {
        return gateway_usable(event);
    }
    return event->finding.text != NULL && is_short(event->finding.text, FUO_FINDING_SIZE);
}

/* ---- copies ---- */

static size_t room_of_device(const struct fuo_event *e)
{
    size_t size = texts_room(e->device.name) + texts_room(e->device.profile) +
                  texts_room(e->device.server_profile);
    for (size_t i = 0; i < e->device.label_count; i++) {
        size +=
            texts_room(e->device.labels[i].key) + texts_room(e->device.labels[i].value);
    }
    return size;
}

static const uint8_t *copy_key(struct event_inventory *to, size_t i, const uint8_t *key)
{
    if (key == NULL) {
        return NULL;
    }
    memcpy(to->keys[i], key, KEY_BYTES);
    return to->keys[i];
}

static void own_device(struct event_inventory *to, struct fuo_event *e)
{
    e->device.name = texts_put(&to->next, e->device.name);
    e->device.profile = texts_put(&to->next, e->device.profile);
    e->device.server_profile = texts_put(&to->next, e->device.server_profile);
    for (size_t i = 0; i < e->device.label_count; i++) {
        to->labels[i].key = texts_put(&to->next, e->device.labels[i].key);
        to->labels[i].value = texts_put(&to->next, e->device.labels[i].value);
    }
    e->device.labels = to->labels;
    e->device.gen_app_key = copy_key(to, 0, e->device.gen_app_key);
    e->device.app_key = copy_key(to, 1, e->device.app_key);
}

struct event_inventory *event_inventory_own(struct fuo_event *event)
{
    bool device = event->type == FUO_EV_DEVICE;
    size_t texts = device ? room_of_device(event) : texts_room(event->finding.text);
    struct event_inventory *to = calloc(1, sizeof(*to) + texts);
    if (to == NULL) {
        return NULL;
    }
    to->size = sizeof(*to) + texts;
    to->next = to->texts;
    if (device) {
        own_device(to, event);
    } else {
        event->finding.text = texts_put(&to->next, event->finding.text);
    }
    return to;
}

void event_inventory_free(struct event_inventory *inventory)
{
    if (inventory != NULL) {
        explicit_bzero(inventory, inventory->size);
        free(inventory);
    }
}
