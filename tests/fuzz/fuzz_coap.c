/* SPDX-License-Identifier: MIT */
/* fuzz_coap.c - bytes as a CoAP message; its options are written again, its blocks taken. */
#include <assert.h>
#include <string.h>

#include "codec/coap_block.h"
#include "codec/coap_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_block(const struct coap_option *option, size_t payload)
{
    static const uint8_t zeros[COAP_BLOCK_OPTION_BYTES];
    struct coap_block block;
    struct coap_block again;
    struct coap_slice slice;
    uint8_t value[COAP_BLOCK_OPTION_BYTES];
    if (coap_block_decode(option->bytes, option->len, &block) != FUO_OK) {
        return;
    }
    int len = coap_block_encode(&block, value);
    assert(len >= 0 && (size_t)len <= option->len);
    size_t zero = option->len - (size_t)len; /* leading ones are not written */
    assert(memcmp(option->bytes, zeros, zero) == 0);
    assert(memcmp(option->bytes + zero, value, (size_t)len) == 0);
    int err = coap_block_decode(value, (size_t)len, &again);
    assert(err == FUO_OK && again.num == block.num);
    if (coap_block_slice(&block, 100000, &slice) == FUO_OK) {
        assert(slice.len > 0 && slice.offset + slice.len <= 100000);
    }
    struct coap_download download = {.offset = coap_block_offset(&block)};
    size_t before = download.offset;
    if (coap_download_take(&download, &block, payload) == COAP_TAKEN_NEW) {
        assert(download.offset == before + payload);
    }
}

static void write_again(const struct coap_msg *msg, const uint8_t *data, size_t size)
{
    static uint8_t buf[1 << 17];
    struct coap_writer cw = coap_msg_write(buf, sizeof(buf), msg);
    struct coap_options options = coap_msg_options(msg);
    struct coap_option option;
    size_t len = 0;
    while (coap_msg_option_next(&options, &option)) {
        assert(option.bytes >= data && option.bytes + option.len <= data + size);
        coap_msg_write_option(&cw, (enum coap_number)option.number, option.bytes,
                              option.len);
        take_block(&option, msg->payload_len);
    }
    coap_msg_write_payload(&cw, msg->payload, msg->payload_len);
    int err = coap_msg_write_end(&cw, &len);
    assert(err == FUO_OK);
    /* There is one way to write a message. */
    assert(len == size && memcmp(buf, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct coap_msg msg;
    int err = coap_msg_decode(data, size, &msg);
    if (err == FUO_OK && size < 1 << 16) {
        write_again(&msg, data, size);
    }
    assert(err == FUO_OK || err == FUO_ESHORT || err == FUO_EPROTO);
    return 0;
}
