/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

static size_t bucket_of(uint64_t dev_eui)
{
    return (size_t)((dev_eui * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (WATCH_BUCKETS - 1);
}

void watched_free(struct watched *downlink)
{
    if (downlink != NULL) {
        free(downlink->json);
        free(downlink);
    }
}

bool watch_add(struct watch *watch, const struct watched *downlink)
{
    if (watch->buckets == NULL) {
        watch->buckets = calloc(WATCH_BUCKETS, sizeof(struct watched *));
    }
    struct watched *copy = malloc(sizeof(*copy));
    char *json = strdup(downlink->json);
    if (watch->buckets == NULL || watch->count >= WATCH_MAX || copy == NULL ||
        json == NULL) {
        free(copy);
        free(json);
        return false;
    }
    *copy = *downlink;
    copy->json = json;
    copy->next = NULL;
    struct watched **at = &watch->buckets[bucket_of(downlink->dev_eui)];
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = copy;
    watch->count++;
    return true;
}

static struct watched *take(struct watch *watch, struct watched **at)
{
    struct watched *found = *at;
    *at = found->next;
    found->next = NULL;
    watch->count--;
    return found;
}

/* The first of its bucket; NULL: there is none. */
static struct watched **first(struct watch *watch, uint64_t dev_eui)
{
    return watch->buckets != NULL ? &watch->buckets[bucket_of(dev_eui)] : NULL;
}

void watch_drop(struct watch *watch, uint64_t dev_eui, uint64_t id)
{
    struct watched **at = first(watch, dev_eui);
    while (at != NULL && *at != NULL) {
        if ((*at)->dev_eui == dev_eui && (*at)->id == id) {
            watched_free(take(watch, at));
            return;
        }
        at = &(*at)->next;
    }
}

void watch_drop_all(struct watch *watch, uint64_t dev_eui)
{
    struct watched **at = first(watch, dev_eui);
    while (at != NULL && *at != NULL) {
        if ((*at)->dev_eui == dev_eui) {
            watched_free(take(watch, at));
        } else {
            at = &(*at)->next;
        }
    }
}

struct watched *watch_take_expired(struct watch *watch, uint64_t dev_eui, int64_t now_us)
{
    struct watched **at = first(watch, dev_eui);
    for (; at != NULL && *at != NULL; at = &(*at)->next) {
        if ((*at)->dev_eui == dev_eui && (*at)->expires_us > 0 &&
            (*at)->expires_us <= now_us) {
            return take(watch, at);
        }
    }
    return NULL;
}

const struct watched *watch_next(const struct watch *watch, uint64_t dev_eui,
                                 const struct watched *last)
{
    const struct watched *at = NULL;
    if (watch->buckets != NULL) {
        at = last != NULL ? last->next : watch->buckets[bucket_of(dev_eui)];
    }
    while (at != NULL && at->dev_eui != dev_eui) {
        at = at->next;
    }
    return at;
}

bool watch_has(const struct watch *watch, uint64_t dev_eui, uint64_t id)
{
    const struct watched *at = watch_next(watch, dev_eui, NULL);
    while (at != NULL && at->id != id) {
        at = watch_next(watch, dev_eui, at);
    }
    return at != NULL;
}

void watch_clear(struct watch *watch)
{
    for (size_t i = 0; watch->buckets != NULL && i < WATCH_BUCKETS; i++) {
        while (watch->buckets[i] != NULL) {
            watched_free(take(watch, &watch->buckets[i]));
        }
    }
    free(watch->buckets);
    *watch = (struct watch){0};
}
