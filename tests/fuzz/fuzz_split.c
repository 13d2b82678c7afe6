/* SPDX-License-Identifier: MIT */
/*
 * fuzz_split.c - byte 0: package, version, direction; the rest: an FRMPayload. Whatever
 * decodes must survive another round through encoder and decoder unchanged.
 */
#include <assert.h>
#include <stdint.h>

#include "../support/any_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct split_cmd *cmd, uint8_t version, enum pkg_dir dir)
{
    uint8_t buf[512];
    size_t len = 0;
    struct any_cmd first;
    struct any_cmd second;
    if (any_decode(&first, cmd, version, dir) != FUO_OK ||
        any_encode(&first, buf, sizeof(buf), &len) != FUO_OK) {
        return; /* the encoder is stricter than the decoder */
    }
    assert(len <= 1 + cmd->body_len);
    struct split_cmd again = *cmd;
    again.body = buf + 1;
    again.body_len = len - 1;
    int err = any_decode(&second, &again, version, dir);
    assert(err == FUO_OK);
    assert(strcmp(any_format(&first).s, any_format(&second).s) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    enum pkg_id pkg = (enum pkg_id)((data[0] & 0x07) % PKG_COUNT);
    enum pkg_dir dir = (data[0] & 0x08) != 0 ? PKG_UP : PKG_DOWN;
    uint8_t version = data[0] >> 4 & 0x03;
    struct split s = split_init(pkg, version, dir, data + 1, size - 1);
    struct split_cmd cmd;
    size_t walked = 0;
    while (split_next(&s, &cmd)) {
        round_trip(&cmd, version, dir);
        walked += 1 + cmd.body_len;
        assert(walked == s.offset);
    }
    assert(s.err != FUO_OK || walked == size - 1);

    struct frag_status_ans ans;
    struct frag_status_hint hint = {.frag_index = 0, .sent_count = 100};
    (void)!frag_status_ans_decode_lenient(version, &hint, data + 1, size - 1, &ans);
    return 0;
}
