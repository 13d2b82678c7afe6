/* SPDX-License-Identifier: MIT */
#include "engine/effect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_BYTES = 16384,
    KEEP_CAP = 256, /* pointers that an empty list keeps */
};

/* Effects one behind the other. Each had room for a whole one when it was appended, so a copy
 * of one never reads past the end. */
struct effects_piece {
    struct effects_piece *next;
    size_t count;
    size_t used; /* bytes, the last effect not counted until it is cut */
    _Alignas(struct effect) unsigned char bytes[PIECE_BYTES];
};

#define BYTES_TO(member) \
    (offsetof(struct effect, member) + sizeof(((struct effect *)0)->member))

static size_t store_bytes(const struct effect *effect)
{
    switch (effect->store.kind) {
    case STORE_CAMPAIGN:
        return BYTES_TO(store.campaign);
    case STORE_MEMBER:
        return BYTES_TO(store.member);
    case STORE_TRANSMISSION:
        return BYTES_TO(store.transmission);
    case STORE_DEVICE:
        return BYTES_TO(store.device);
    case STORE_CHARGE:
        return BYTES_TO(store.charge);
    case STORE_HISTORY:
        return BYTES_TO(store.history);
    case STORE_LANE:
        return BYTES_TO(store.lane);
    case STORE_GROUP:
        return BYTES_TO(store.group);
    case STORE_REPORT:
        return BYTES_TO(store.report);
    case STORE_WAVE:
        return BYTES_TO(store.wave);
    }
    return sizeof(*effect);
}

static size_t effect_bytes(const struct effect *effect)
{
    switch (effect->type) {
    case EFFECT_STORE:
        return store_bytes(effect);
    case EFFECT_PUBLISH:
        return effect->publish.kind == PUBLISH_RESULT
                   ? offsetof(struct effect, publish.text)
                   : BYTES_TO(publish);
    case EFFECT_SEND:
    case EFFECT_SEND_FLUSH:
        return BYTES_TO(send);
    case EFFECT_NEW_KEY:
    case EFFECT_WRAP_KEY:
    case EFFECT_BLOCK_MIC:
    case EFFECT_DROP_KEY:
        return BYTES_TO(key);
    case EFFECT_GROUP_OPEN:
    case EFFECT_GROUP_CLOSE:
        return BYTES_TO(group);
    case EFFECT_SEND_MULTICAST:
        return BYTES_TO(multicast);
    case EFFECT_QUEUE_POLL:
    case EFFECT_QUEUE_FLUSH:
        return BYTES_TO(queue);
    case EFFECT_ORDER:
        return BYTES_TO(order);
    }
    return sizeof(*effect);
}

static void add_piece(struct effects *effects)
{
    struct effects_piece *piece = malloc(sizeof(*piece));
    assert(piece != NULL);
    piece->next = NULL;
    piece->count = 0;
    piece->used = 0;
    if (effects->last != NULL) {
        effects->last->next = piece;
    } else {
        effects->first = piece;
    }
    effects->last = piece;
}

/* What was appended last ends where its type does. */
static void cut_last(struct effects *effects)
{
    if (effects->len > 0 && effects->last->count > 0) {
        const struct effect *last = effects->items[effects->len - 1];
        size_t align = _Alignof(struct effect);
        size_t bytes = (effect_bytes(last) + align - 1) / align * align;
        effects->last->used =
            (size_t)((const unsigned char *)last - effects->last->bytes) + bytes;
    }
}

static struct effect **all_items(const struct effects *effects)
{
    return effects->items != NULL ? effects->items - effects->dropped : NULL;
}

/* What is left moves to the front once half of the list is gone: amortised O(1). */
static void grow_items(struct effects *effects)
{
    if (effects->dropped + effects->len < effects->cap) {
        return;
    }
    struct effect **items = all_items(effects);
    if (effects->dropped > effects->len) {
        memmove(items, effects->items, effects->len * sizeof(struct effect *));
        effects->dropped = 0;
    } else {
        effects->cap = effects->cap == 0 ? 16 : effects->cap * 2;
        struct effect **more = realloc(items, effects->cap * sizeof(struct effect *));
        assert(more != NULL);
        items = more;
    }
    effects->items = items + effects->dropped;
}

struct effect *effects_append(struct effects *effects, enum effect_type type)
{
    grow_items(effects);
    cut_last(effects);
    if (effects->last == NULL ||
        effects->last->used + sizeof(struct effect) > PIECE_BYTES) {
        add_piece(effects);
    }
    struct effects_piece *piece = effects->last;
    struct effect *effect = (struct effect *)(void *)(piece->bytes + piece->used);
    piece->count++;
    effects->items[effects->len++] = effect;
    memset(effect, 0, sizeof(*effect));
    effect->type = type;
    return effect;
}

void effects_copy(struct effects *effects, const struct effect *effect)
{
    memcpy(effects_append(effects, effect->type), effect, effect_bytes(effect));
}

void effects_drop(struct effects *effects, size_t count)
{
    if (count >= effects->len) {
        effects_clear(effects);
        return;
    }
    effects->len -= count;
    effects->items += count;
    effects->dropped += count;
    while (count > 0 && count >= effects->first->count) {
        struct effects_piece *gone = effects->first;
        count -= gone->count;
        effects->first = gone->next;
        free(gone);
    }
    effects->first->count -= count;
}

/* But the first. */
static void free_pieces(struct effects *effects)
{
    while (effects->first->next != NULL) {
        struct effects_piece *gone = effects->first->next;
        effects->first->next = gone->next;
        free(gone);
    }
    effects->last = effects->first;
}

void effects_clear(struct effects *effects)
{
    if (effects->first == NULL) {
        return;
    }
    free_pieces(effects);
    effects->first->count = 0;
    effects->first->used = 0;
    effects->len = 0;
    effects->items = all_items(effects);
    effects->dropped = 0;
    if (effects->cap > KEEP_CAP) {
        free(effects->items);
        effects->items = NULL;
        effects->cap = 0;
    }
}

void effects_finish(struct effects *effects)
{
    if (effects->first != NULL) {
        free_pieces(effects);
        free(effects->first);
    }
    free(all_items(effects));
    *effects = (struct effects){0};
}
