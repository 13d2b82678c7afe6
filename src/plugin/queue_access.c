/* SPDX-License-Identifier: MIT */
#include "plugin/queue_access.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/texts.h"

struct event_access {
    struct fuo_reading readings[FUO_READINGS_MAX];
    char *next; /* room in texts */
    char texts[];
};

static bool reading_usable(const struct fuo_reading *r, size_t *left)
{
    const char *texts[] = {r->path, r->type, r->text};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t len = texts[i] != NULL ? strnlen(texts[i], *left) : *left;
        if (len >= *left) {
            return false;
        }
        *left -= len + 1;
    }
    return true;
}

bool event_access_usable(const struct fuo_event *event)
{
    /* The names of types are the plugin's constants, and come on top of what it packed. */
    size_t left = 2 * (size_t)FUO_READING_SIZE;
    const char *text = event->accessed.text;
    size_t count = event->accessed.reading_count;
    bool good = (text == NULL || strnlen(text, FUO_FINDING_SIZE) < FUO_FINDING_SIZE) &&
                count <= FUO_READINGS_MAX &&
                (event->accessed.readings != NULL || count == 0);
    for (size_t i = 0; good && i < count; i++) {
        good = reading_usable(&event->accessed.readings[i], &left);
    }
    return good;
}

struct event_access *event_access_own(struct fuo_event *event)
{
    const struct fuo_reading *from = event->accessed.readings;
    size_t size = texts_room(event->accessed.text);
    for (size_t i = 0; i < event->accessed.reading_count; i++) {
        size += texts_room(from[i].path) + texts_room(from[i].type) +
                texts_room(from[i].text);
    }
    struct event_access *to = calloc(1, sizeof(*to) + size);
    if (to == NULL) {
        return NULL;
    }
    to->next = to->texts;
    event->accessed.text = texts_put(&to->next, event->accessed.text);
    for (size_t i = 0; i < event->accessed.reading_count; i++) {
        to->readings[i].path = texts_put(&to->next, from[i].path);
        to->readings[i].type = texts_put(&to->next, from[i].type);
        to->readings[i].text = texts_put(&to->next, from[i].text);
    }
    event->accessed.readings = to->readings;
    return to;
}

void event_access_free(struct event_access *access)
{
    free(access);
}
