/* SPDX-License-Identifier: MIT */
#include "loop/deltas.h"

#include <stdlib.h>
#include <string.h>

#include "loop/xalloc.h"

enum {
    CAMPAIGN_BITS = 28, /* of the number of a block; the rest is the variant's */
};

void deltas_open(struct deltas *deltas, size_t count)
{
    deltas->items = xcalloc(count + 1, sizeof(*deltas->items));
    deltas->digests = xcalloc(count + 1, sizeof(*deltas->digests));
    deltas->count = count;
}

void deltas_finish(struct deltas *deltas)
{
    for (size_t i = 0; i < deltas->count; i++) {
        free((uint8_t *)(uintptr_t)deltas->items[i].bytes);
    }
    free(deltas->items);
    free(deltas->digests);
    free(deltas->text);
    *deltas = (struct deltas){0};
}

void deltas_put(struct deltas *deltas, size_t i, const char *digest, const uint8_t *bytes,
                size_t len)
{
    uint8_t *copy = xcalloc(1, len + 1);
    memcpy(copy, bytes, len);
    deltas->items[i].bytes = copy;
    deltas->items[i].len = len;
    memcpy(deltas->digests[i], digest, CTL_DIGEST_SIZE);
}

void deltas_note(struct deltas *deltas, struct json_object *sent)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < deltas->count; i++) {
        struct json_object *o = json_object_new_object();
        json_object_object_add(o, "digest", json_object_new_string(deltas->digests[i]));
        json_object_object_add(o, "signatures",
                               json_object_get(deltas_signatures(sent, i)));
        if (deltas->items[i].from_known) {
            json_object_object_add(o, "from_firmware",
                                   json_object_new_int64(deltas->items[i].from_firmware));
        }
        json_object_array_add(array, o);
    }
    free(deltas->text);
    deltas->text = xstrdup(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN));
    json_object_put(array);
}

uint32_t deltas_block_id(uint32_t campaign_id, uint8_t variant)
{
    return campaign_id | (uint32_t)variant << CAMPAIGN_BITS;
}

uint32_t deltas_campaign_of(uint32_t block_id, size_t *variant)
{
    *variant = block_id >> CAMPAIGN_BITS;
    return block_id & ((UINT32_C(1) << CAMPAIGN_BITS) - 1);
}

const uint8_t *deltas_find(const struct deltas *deltas, const char *digest, size_t *len)
{
    for (size_t i = 0; i < deltas->count; i++) {
        if (strcmp(deltas->digests[i], digest) == 0 && deltas->items[i].bytes != NULL) {
            *len = deltas->items[i].len;
            return deltas->items[i].bytes;
        }
    }
    return NULL;
}

int deltas_count(struct json_object *array)
{
    if (array == NULL) {
        return 0;
    }
    return json_object_is_type(array, json_type_array)
               ? (int)json_object_array_length(array)
               : -1;
}

int deltas_digest(struct json_object *array, size_t i,
                  char digest[static CTL_DIGEST_SIZE])
{
    struct json_object *o = json_object_array_get_idx(array, i);
    return json_object_is_type(o, json_type_object)
               ? ctl_digest_text(ctl_text(o, "digest"), digest)
               : FUO_EPROTO;
}

struct json_object *deltas_signatures(struct json_object *array, size_t i)
{
    struct json_object *o = json_object_array_get_idx(array, i);
    struct json_object *signatures = NULL;
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_get_ex(o, "signatures", &signatures);
    }
    return signatures;
}

char *deltas_all_digests(struct json_object *array)
{
    int count = deltas_count(array);
    if (count <= 0) {
        return NULL;
    }
    char *text = xcalloc((size_t)count, CTL_DIGEST_SIZE);
    size_t len = 0;
    for (size_t i = 0; i < (size_t)count; i++) {
        char digest[CTL_DIGEST_SIZE];
        if (deltas_digest(array, i, digest) == FUO_OK) {
            memcpy(text + len, digest, CTL_DIGEST_SIZE);
            len += CTL_DIGEST_SIZE - 1;
        }
    }
    return text;
}
