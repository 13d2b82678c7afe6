/* SPDX-License-Identifier: MIT */
#include "codec/coap_block.h"

enum {
    SZX_MASK = 7,
    MORE = 8,
    NUM_SHIFT = 4,
    BYTES_SHIFT = 4,
};

size_t coap_block_bytes(uint8_t szx)
{
    return (size_t)1 << (szx + BYTES_SHIFT);
}

size_t coap_block_offset(const struct coap_block *block)
{
    return (size_t)block->num << (block->szx + BYTES_SHIFT);
}

uint8_t coap_block_szx(size_t bytes)
{
    uint8_t szx = COAP_BLOCK_SZX_MAX;
    while (szx > 0 && coap_block_bytes(szx) > bytes) {
        szx--;
    }
    return szx;
}

int coap_block_decode(const uint8_t *value, size_t len, struct coap_block *block)
{
    uint32_t number = 0;
    if (len > COAP_BLOCK_OPTION_BYTES) {
        return FUO_EPROTO;
    }
    for (size_t i = 0; i < len; i++) {
        number = number << 8 | value[i];
    }
    if ((number & SZX_MASK) > COAP_BLOCK_SZX_MAX) {
        return FUO_EPROTO;
    }
    *block = (struct coap_block){
        .num = number >> NUM_SHIFT,
        .more = (number & MORE) != 0,
        .szx = (uint8_t)(number & SZX_MASK),
    };
    return FUO_OK;
}

int coap_block_encode(const struct coap_block *block,
                      uint8_t value[COAP_BLOCK_OPTION_BYTES])
{
    if (block->num > COAP_BLOCK_NUM_MAX || block->szx > COAP_BLOCK_SZX_MAX) {
        return FUO_ERANGE;
    }
    uint32_t number = block->num << NUM_SHIFT | (block->more ? MORE : 0u) | block->szx;
    int len = number > 0xffff ? 3 : number > 0xff ? 2 : number > 0 ? 1 : 0;
    for (int i = 0; i < len; i++) {
        value[i] = (uint8_t)(number >> (8 * (len - 1 - i)));
    }
    return len;
}

int coap_block_slice(const struct coap_block *block, size_t total,
                     struct coap_slice *slice)
{
    size_t offset = coap_block_offset(block);
    size_t bytes = coap_block_bytes(block->szx);
    if (offset >= total && offset > 0) {
        return FUO_ERANGE;
    }
    bool more = total - offset > bytes;
    *slice = (struct coap_slice){offset, more ? bytes : total - offset, more};
    return FUO_OK;
}

/* ---- out ---- */

static bool has_numbers(size_t total, uint8_t szx)
{
    return total == 0 || (total - 1) >> (szx + BYTES_SHIFT) <= COAP_BLOCK_NUM_MAX;
}

int coap_upload_init(struct coap_upload *upload, size_t total, size_t offset, uint8_t szx)
{
    if (szx > COAP_BLOCK_SZX_MAX || !has_numbers(total, szx) ||
        (offset >= total && offset > 0)) {
        return FUO_ERANGE;
    }
    size_t whole = offset - offset % coap_block_bytes(szx);
    *upload = (struct coap_upload){.total = total, .offset = whole, .szx = szx};
    return FUO_OK;
}

struct coap_block coap_upload_block(const struct coap_upload *upload,
                                    struct coap_slice *slice)
{
    size_t bytes = coap_block_bytes(upload->szx);
    size_t left = upload->total - upload->offset;
    bool more = left > bytes;
    *slice = (struct coap_slice){upload->offset, more ? bytes : left, more};
    return (struct coap_block){(uint32_t)(upload->offset / bytes), more, upload->szx};
}

int coap_upload_acked(struct coap_upload *upload, const struct coap_block *ack)
{
    struct coap_slice slice;
    struct coap_block sent = coap_upload_block(upload, &slice);
    if (ack->num != sent.num) {
        return FUO_EAGAIN;
    }
    uint8_t szx = ack->szx < sent.szx ? ack->szx : sent.szx;
    if (!has_numbers(upload->total, szx)) {
        return FUO_ERANGE;
    }
    /* RFC 7959, figure 9: after 0/1/128, answered 0/1/32, comes 4/1/32. */
    upload->szx = szx;
    upload->offset = slice.offset + slice.len;
    return FUO_OK;
}

bool coap_upload_is_done(const struct coap_upload *upload)
{
    return upload->offset >= upload->total;
}

int coap_upload_shrink(struct coap_upload *upload)
{
    if (upload->szx == 0 || !has_numbers(upload->total, (uint8_t)(upload->szx - 1))) {
        return FUO_ERANGE;
    }
    upload->szx--;
    upload->offset = 0;
    return FUO_OK;
}

/* ---- in ---- */

static bool has_its_length(const struct coap_block *block, size_t len)
{
    size_t bytes = coap_block_bytes(block->szx);
    return block->more ? len == bytes : len <= bytes;
}

enum coap_taken coap_download_take(struct coap_download *download,
                                   const struct coap_block *block, size_t len)
{
    size_t offset = coap_block_offset(block);
    if (!has_its_length(block, len)) {
        return COAP_TAKEN_MALFORMED;
    }
    bool is_last = offset + len == download->offset && download->done == !block->more;
    bool begins = download->offset == 0 && !download->done;
    if (block->num == 0 && (begins || !is_last)) {
        *download = (struct coap_download){.offset = len, .done = !block->more};
        return COAP_TAKEN_FIRST;
    }
    if (offset == download->offset && !download->done) {
        download->offset += len;
        download->done = !block->more;
        return COAP_TAKEN_NEW;
    }
    return offset + len <= download->offset ? COAP_TAKEN_REPEATED : COAP_TAKEN_GAP;
}

int coap_download_next(const struct coap_download *download, uint8_t szx,
                       struct coap_block *block)
{
    size_t num = download->offset >> (szx + BYTES_SHIFT);
    if (szx > COAP_BLOCK_SZX_MAX || num > COAP_BLOCK_NUM_MAX ||
        download->offset % coap_block_bytes(szx) != 0) {
        return FUO_ERANGE;
    }
    *block = (struct coap_block){.num = (uint32_t)num, .szx = szx};
    return FUO_OK;
}
