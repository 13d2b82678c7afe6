/* SPDX-License-Identifier: MIT */
/*
 * coap_block.h - block-wise transfer of CoAP (RFC 7959): the arithmetic of Block1 and Block2.
 *
 * The option is one number: which block, whether more follow, and how big blocks are, as an
 * exponent (szx). Both ends may make blocks smaller on the way, never bigger; positions in
 * bytes stay what they are, so both are counted in bytes here. One side cuts (an upload
 * sends Block1, whoever serves a file answers Block2), the other appends.
 *
 * Pure: no allocation, no I/O, no clock, no logging, no global state. No body is held or
 * touched: callers have the bytes, and get offsets and lengths.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

enum {
    COAP_BLOCK_SZX_MAX = 6,       /* 1024 bytes; 7 is reserved */
    COAP_BLOCK_NUM_MAX = 0xfffff, /* 20 bits */
    COAP_BLOCK_BYTES_MIN = 16,
    COAP_BLOCK_BYTES_MAX = 1024,
    COAP_BLOCK_OPTION_BYTES = 3,
};

struct coap_block {
    uint32_t num;
    bool more;
    uint8_t szx; /* a block has 2^(szx+4) bytes */
};

/* Of a block with that szx. */
size_t coap_block_bytes(uint8_t szx);
/* Of its first byte in the body. */
size_t coap_block_offset(const struct coap_block *block);
/* The biggest szx whose blocks have at most so many bytes; 0 below 32. */
uint8_t coap_block_szx(size_t bytes);

/* FUO_EPROTO: longer than three bytes, or szx 7. *block is written only on success. */
FUO_MUST_CHECK int coap_block_decode(const uint8_t *value, size_t len,
                                     struct coap_block *block);
/* In as few bytes as it takes; returns how many. FUO_ERANGE (negative): it does not fit. */
int coap_block_encode(const struct coap_block *block,
                      uint8_t value[COAP_BLOCK_OPTION_BYTES]);

/* Bytes of a body. */
struct coap_slice {
    size_t offset;
    size_t len;
    bool more; /* there are bytes behind it */
};

/*
 * The bytes that a block stands for in a body of total bytes: what Block2 asks for. An empty
 * body has a block 0 without bytes. FUO_ERANGE: the body ends before it.
 */
FUO_MUST_CHECK int coap_block_slice(const struct coap_block *block, size_t total,
                                    struct coap_slice *slice);

/* ---- a body on its way out, block after block, each acknowledged: Block1 ---- */

struct coap_upload {
    size_t total;
    size_t offset; /* bytes that the other end has */
    uint8_t szx;
};

/*
 * From offset on, which must be a multiple of the block's bytes or is rounded down to one: an
 * upload that is resumed. FUO_ERANGE: the body has too many blocks of that size, or offset
 * is not in it.
 */
FUO_MUST_CHECK int coap_upload_init(struct coap_upload *upload, size_t total,
                                    size_t offset, uint8_t szx);

/* The block to send now, and its bytes. */
struct coap_block coap_upload_block(const struct coap_upload *upload,
                                    struct coap_slice *slice);

/*
 * The other end has answered the last block with that option (2.31, or the final code): it
 * has all of the block, and a smaller szx is that of the blocks to come. FUO_EAGAIN: an
 * answer to another block, which is to be ignored. FUO_ERANGE: in blocks that small the body
 * has too many.
 */
FUO_MUST_CHECK int coap_upload_acked(struct coap_upload *upload,
                                     const struct coap_block *ack);
/* An empty body is done from the start. */
bool coap_upload_is_done(const struct coap_upload *upload);

/* After 4.13: smaller blocks from the start. FUO_ERANGE: they are the smallest. */
FUO_MUST_CHECK int coap_upload_shrink(struct coap_upload *upload);

/* ---- a body on its way in ---- */

struct coap_download {
    size_t offset; /* bytes that are here, without gaps */
    bool done;
};

enum coap_taken {
    COAP_TAKEN_NEW,       /* append its bytes */
    COAP_TAKEN_FIRST,     /* ... after what was there is forgotten: a new body */
    COAP_TAKEN_REPEATED,  /* all of it is here; answer as before */
    COAP_TAKEN_GAP,       /* blocks before it are missing: 4.08 */
    COAP_TAKEN_MALFORMED, /* not as long as it says: 4.00 */
};

/*
 * A block with len bytes came. Block 0 begins a body unless it is the one that came last:
 * clients and servers repeat what was not acknowledged. *download changes only with
 * COAP_TAKEN_NEW and COAP_TAKEN_FIRST.
 */
enum coap_taken coap_download_take(struct coap_download *download,
                                   const struct coap_block *block, size_t len);

/* The block to ask for next, in blocks of that size. FUO_ERANGE: there is no such number. */
FUO_MUST_CHECK int coap_download_next(const struct coap_download *download, uint8_t szx,
                                      struct coap_block *block);
