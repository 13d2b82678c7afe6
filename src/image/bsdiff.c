/* SPDX-License-Identifier: MIT */
#include "image/bsdiff.h"

#include <bzlib.h>
#include <stdbool.h>
#include <string.h>

enum {
    HEADER_BYTES = 32,
    NUMBER_BYTES = 8,
    IDLE_MAX = 4096, /* triples that make nothing: bsdiff writes hardly any */
};

static const uint8_t magic[NUMBER_BYTES] = {'B', 'S', 'D', 'I', 'F', 'F', '4', '0'};

struct header {
    size_t control_len;
    size_t add_len;
    size_t result_len;
};

/* One of the three; BZ_STREAM_END is noted, so that nobody reads beyond it. */
struct stream {
    bz_stream bz;
    bool ended;
};

struct triple {
    int64_t add;
    int64_t copy;
    int64_t seek;
};

static int64_t number_of(const uint8_t bytes[static NUMBER_BYTES])
{
    uint64_t value = 0;
    for (int i = NUMBER_BYTES - 1; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    int64_t magnitude = (int64_t)(value & INT64_MAX);
    return value >> 63 != 0 ? -magnitude : magnitude;
}

static int read_header(struct bsdiff_bytes patch, struct header *h)
{
    if (patch.len < HEADER_BYTES || memcmp(patch.bytes, magic, sizeof(magic)) != 0) {
        return FUO_EPROTO;
    }
    int64_t control = number_of(patch.bytes + 8);
    int64_t add = number_of(patch.bytes + 16);
    int64_t result = number_of(patch.bytes + 24);
    int64_t room = (int64_t)(patch.len - HEADER_BYTES);
    if (control < 0 || add < 0 || result < 0 || control > room || add > room - control ||
        result > UINT32_MAX) {
        return FUO_EPROTO;
    }
    *h = (struct header){(size_t)control, (size_t)add, (size_t)result};
    return FUO_OK;
}

int bsdiff_result_len(struct bsdiff_bytes patch, size_t *len)
{
    struct header h;
    int err = read_header(patch, &h);
    if (err == FUO_OK) {
        *len = h.result_len;
    }
    return err;
}

/* ---- streams ---- */

static int code_of(int bz)
{
    return bz == BZ_OK ? FUO_OK : bz == BZ_MEM_ERROR ? FUO_ENOMEM : FUO_EPROTO;
}

static int open_stream(struct stream *s, const uint8_t *bytes, size_t len)
{
    *s = (struct stream){0};
    s->bz.next_in = (char *)(uintptr_t)bytes; /* it is only read */
    s->bz.avail_in = (unsigned)len;
    return code_of(BZ2_bzDecompressInit(&s->bz, 0, 0));
}

static int fill(struct stream *s)
{
    while (s->bz.avail_out > 0) {
        unsigned before_in = s->bz.avail_in;
        unsigned before_out = s->bz.avail_out;
        int bz = s->ended ? BZ_DATA_ERROR : BZ2_bzDecompress(&s->bz);
        s->ended |= bz == BZ_STREAM_END;
        if (bz != BZ_OK && bz != BZ_STREAM_END) {
            return code_of(bz);
        }
        if (s->bz.avail_in == before_in && s->bz.avail_out == before_out) {
            return FUO_EPROTO; /* it is cut */
        }
    }
    return FUO_OK;
}

static int read_stream(struct stream *s, uint8_t *out, size_t len)
{
    s->bz.next_out = (char *)out;
    s->bz.avail_out = (unsigned)len;
    int err = fill(s);
    s->bz.next_out = NULL;
    return err;
}

/* All of it was read, and its checksum is right. */
static int finish_stream(struct stream *s)
{
    char more;
    s->bz.next_out = &more;
    s->bz.avail_out = 1;
    int bz = s->ended ? BZ_STREAM_END : BZ2_bzDecompress(&s->bz);
    s->bz.next_out = NULL;
    return bz == BZ_STREAM_END && s->bz.avail_out == 1 ? FUO_OK : FUO_EPROTO;
}

/* ---- applying ---- */

struct work {
    struct bsdiff_bytes old;
    struct stream control;
    struct stream add;
    struct stream copy;
    uint8_t *result;
    size_t result_len;
    size_t made;
    int64_t old_at; /* may be outside of it, as bspatch has it */
    uint32_t idle;
};

static int read_triple(struct work *w, struct triple *t)
{
    uint8_t bytes[3 * NUMBER_BYTES];
    int err = read_stream(&w->control, bytes, sizeof(bytes));
    if (err != FUO_OK) {
        return err;
    }
    *t = (struct triple){number_of(bytes), number_of(bytes + NUMBER_BYTES),
                         number_of(bytes + (size_t)2 * NUMBER_BYTES)};
    int64_t room = (int64_t)(w->result_len - w->made);
    bool fits = t->add >= 0 && t->copy >= 0 && t->add <= room && t->copy <= room - t->add;
    w->idle += t->add == 0 && t->copy == 0;
    return fits && w->idle <= IDLE_MAX ? FUO_OK : FUO_EPROTO;
}

/* Bytes outside the old image count as 0. */
static void add_old(struct work *w, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int64_t at = w->old_at + (int64_t)i;
        if (at >= 0 && at < (int64_t)w->old.len) {
            w->result[w->made + i] = (uint8_t)(w->result[w->made + i] + w->old.bytes[at]);
        }
    }
}

static int do_triple(struct work *w, const struct triple *t)
{
    int err = read_stream(&w->add, w->result + w->made, (size_t)t->add);
    if (err != FUO_OK) {
        return err;
    }
    add_old(w, (size_t)t->add);
    w->made += (size_t)t->add;
    err = read_stream(&w->copy, w->result + w->made, (size_t)t->copy);
    w->made += (size_t)t->copy;
    int64_t next = w->old_at + t->add; /* below 2^33 each: no overflow */
    bool far = t->seek > UINT32_MAX || t->seek < -(int64_t)UINT32_MAX ||
               next + t->seek > UINT32_MAX || next + t->seek < -(int64_t)UINT32_MAX;
    w->old_at = far ? 0 : next + t->seek;
    return err == FUO_OK && far ? FUO_EPROTO : err;
}

static int run(struct work *w)
{
    int err = FUO_OK;
    while (err == FUO_OK && w->made < w->result_len) {
        struct triple t;
        err = read_triple(w, &t);
        if (err == FUO_OK) {
            err = do_triple(w, &t);
        }
    }
    struct stream *streams[] = {&w->control, &w->add, &w->copy};
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]) && err == FUO_OK; i++) {
        err = finish_stream(streams[i]);
    }
    return err;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written to by way of w */
int bsdiff_apply(struct bsdiff_bytes old, struct bsdiff_bytes patch, uint8_t *result,
                 size_t result_len)
{
    struct header h;
    struct work w = {.old = old, .result = result, .result_len = result_len};
    int err = read_header(patch, &h);
    if (err != FUO_OK || h.result_len != result_len || old.len > UINT32_MAX ||
        patch.len > UINT32_MAX) {
        return FUO_EPROTO;
    }
    const uint8_t *at = patch.bytes + HEADER_BYTES;
    size_t rest = patch.len - HEADER_BYTES - h.control_len - h.add_len;
    int opened[] = {
        open_stream(&w.control, at, h.control_len),
        open_stream(&w.add, at + h.control_len, h.add_len),
        open_stream(&w.copy, at + h.control_len + h.add_len, rest),
    };
    for (size_t i = 0; i < sizeof(opened) / sizeof(opened[0]) && err == FUO_OK; i++) {
        err = opened[i];
    }
    if (err == FUO_OK) {
        err = run(&w);
    }
    (void)BZ2_bzDecompressEnd(&w.control.bz); /* one that was not opened is let be */
    (void)BZ2_bzDecompressEnd(&w.add.bz);
    (void)BZ2_bzDecompressEnd(&w.copy.bz);
    return err;
}
