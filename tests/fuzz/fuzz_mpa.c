/* SPDX-License-Identifier: MIT */
/* fuzz_mpa.c - bytes 0..5: direction and package versions; the rest: a TS007 message. */
#include <assert.h>
#include <stdint.h>

#include "../support/any_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    HEAD = 1 + PKG_COUNT,
};

/* What a device answers in fragments is read again from the reassembly. */
static void reassemble(const struct pkg_versions *versions, const struct any_cmd *any)
{
    struct split_cmd cmd;
    struct mpa_answers answers = {0};
    if (mpa_answers_add(&answers, &any->u.buffer_frag) != FUO_OK) {
        return;
    }
    struct mpa_split s = mpa_split_answers(versions, &answers);
    while (mpa_split_next(&s, &cmd)) {
        assert(cmd.body + cmd.body_len <= answers.bytes + sizeof(answers.bytes));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD) {
        return 0;
    }
    struct pkg_versions versions;
    memcpy(versions.of, data + 1, PKG_COUNT);
    enum pkg_dir dir = (data[0] & 1) != 0 ? PKG_UP : PKG_DOWN;
    struct mpa_split s = mpa_split_init(&versions, dir, data + HEAD, size - HEAD);
    struct split_cmd cmd;
    struct any_cmd any;
    while (mpa_split_next(&s, &cmd)) {
        assert(cmd.body >= data + HEAD && cmd.body + cmd.body_len <= data + size);
        if (any_decode(&any, &cmd, s.versions.of[cmd.pkg], dir) != FUO_OK) {
            continue;
        }
        assert(any_format(&any).s[0] != '\0');
        if (cmd.pkg == PKG_MULTI && cmd.cid == MPA_CID_BUFFER && dir == PKG_UP) {
            reassemble(&versions, &any);
        }
    }
    assert(s.offset <= s.len);
    return 0;
}
