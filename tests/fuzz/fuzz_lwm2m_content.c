/* SPDX-License-Identifier: MIT */
/*
 * fuzz_lwm2m_content.c - the first two bytes choose a format and the path that was asked for,
 * the rest is the payload. What is read is written as SenML, in JSON and in CBOR, and read
 * again: it must be the same.
 */
#include <assert.h>
#include <string.h>

#include "codec/lwm2m_content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ENTRIES_MAX = 32,
    BYTES_MAX = 1 << 16,
    SIZE_MAX_IN = 4096,
};

struct list {
    struct lwm2m_entry entries[ENTRIES_MAX];
    uint8_t scratch[BYTES_MAX];
    struct lwm2m_list list;
};

static void init(struct list *l)
{
    l->list = (struct lwm2m_list){.entries = l->entries,
                                  .cap = ENTRIES_MAX,
                                  .scratch = wr_init(l->scratch, sizeof(l->scratch))};
}

static bool is_short(const struct lwm2m_value *v)
{
    return v->type != LWM2M_STRING || v->len < 1000;
}

static bool is_finite(const struct lwm2m_value *v)
{
    return v->type != LWM2M_FLOAT || (v->real >= -1e300 && v->real <= 1e300);
}

/* A float that is whole comes back as an integer from JSON, and 15 digits of it. */
static void assert_same(const struct lwm2m_entry *a, const struct lwm2m_entry *b,
                        bool exact)
{
    assert(a->path.depth == b->path.depth);
    assert(memcmp(a->path.id, b->path.id, sizeof(a->path.id)) == 0);
    if (!exact && a->value.type == LWM2M_FLOAT) {
        return;
    }
    bool number = a->value.type == LWM2M_TIME || a->value.type == LWM2M_INTEGER;
    assert(a->value.type == b->value.type ||
           (number && (b->value.type == LWM2M_TIME || b->value.type == LWM2M_INTEGER ||
                       b->value.type == LWM2M_FLOAT)));
    assert(a->value.len == b->value.len);
    assert(a->value.len == 0 ||
           memcmp(a->value.bytes, b->value.bytes, a->value.len) == 0);
    assert(!number || a->value.integer == b->value.integer);
}

static void write_again(const struct list *l, uint16_t format)
{
    static uint8_t bytes[BYTES_MAX];
    static struct list again;
    const struct lwm2m_path root = {.depth = 0};
    struct wr w = wr_init(bytes, sizeof(bytes));
    int err = lwm2m_content_write(format, &root, l->entries, l->list.count, &w);
    assert(err == FUO_OK);
    init(&again);
    err = lwm2m_content_read(format, &root, bytes, w.len, &again.list);
    assert(err == FUO_OK && again.list.count == l->list.count);
    for (size_t i = 0; i < l->list.count; i++) {
        assert_same(&l->entries[i], &again.entries[i], format == LWM2M_FORMAT_SENML_CBOR);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t formats[] = {
        LWM2M_FORMAT_TEXT,       LWM2M_FORMAT_OCTETS,     LWM2M_FORMAT_CBOR,
        LWM2M_FORMAT_SENML_JSON, LWM2M_FORMAT_SENML_CBOR, LWM2M_FORMAT_TLV,
        LWM2M_FORMAT_JSON,
    };
    static const struct lwm2m_path paths[] = {
        {{5, 0}, 2}, {{5, 0, 3}, 3},  {{0}, 0},
        {{3, 0}, 2}, {{33629, 0}, 2}, {{9, 0, 1}, 3},
    };
    static struct list l;
    if (size < 2 || size > SIZE_MAX_IN) {
        return 0;
    }
    init(&l);
    int err = lwm2m_content_read(formats[data[0] % 7], &paths[data[1] % 6], data + 2,
                                 size - 2, &l.list);
    bool writable = err == FUO_OK && l.list.count > 0;
    for (size_t i = 0; i < l.list.count; i++) {
        writable =
            writable && is_finite(&l.entries[i].value) && is_short(&l.entries[i].value);
    }
    if (writable) {
        write_again(&l, LWM2M_FORMAT_SENML_CBOR);
        write_again(&l, LWM2M_FORMAT_SENML_JSON);
    }
    return 0;
}
