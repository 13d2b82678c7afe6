/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "test.h"

#include "any_text.h"

/* "cid:body_len ..." and, if the walk stopped early, "!error@offset". */
static struct any_text walk(enum pkg_id pkg, uint8_t version, enum pkg_dir dir,
                            const char *hex)
{
    uint8_t bytes[ANY_BYTES_MAX];
    size_t len = strlen(hex) / 2;
    assert_int_equal(hex_decode(hex, 2 * len, bytes, len), FUO_OK);

    struct any_text t = {""};
    struct split s = split_init(pkg, version, dir, bytes, len);
    struct split_cmd cmd;
    while (split_next(&s, &cmd)) {
        size_t used = strlen(t.s);
        snprintf(t.s + used, sizeof(t.s) - used, "%02x:%zu ", cmd.cid, cmd.body_len);
        assert_int_equal(cmd.pkg, pkg);
        assert_ptr_equal(cmd.body + cmd.body_len, bytes + s.offset);
    }
    if (s.err != FUO_OK) {
        size_t used = strlen(t.s);
        snprintf(t.s + used, sizeof(t.s) - used, "!%d@%zu", s.err, s.offset);
    } else {
        assert_int_equal(s.offset, len);
    }
    assert_false(split_next(&s, &cmd)); /* stays so */
    return t;
}

static const struct {
    const char *name;
    enum pkg_id pkg;
    uint8_t version;
    enum pkg_dir dir;
    const char *hex;
    const char *want;
} split_rows[] = {
    {"nothing", PKG_FRAG, 1, PKG_UP, "", ""},
    {"one", PKG_MCAST, 1, PKG_UP, "0200", "02:1 "},
    {"several", PKG_MCAST, 1, PKG_UP, "01110044332211000201", "01:6 00:2 "},
    {"down, several", PKG_CLOCK, 2, PKG_DOWN, "02030000", "02:1 00:0 00:0 "},
    {"unknown command", PKG_MCAST, 1, PKG_UP, "02000601", "02:1 !-18@2"},
    {"unknown high command", PKG_MCAST, 1, PKG_UP, "0200ff", "02:1 !-18@2"},
    {"truncated", PKG_MCAST, 1, PKG_UP, "02000400ffff", "02:1 !-3@2"},
    {"only a CID", PKG_MCAST, 1, PKG_UP, "04", "!-3@0"},
    {"unknown version", PKG_MCAST, 3, PKG_UP, "0002020200", "00:2 !-18@3"},
    {"unknown version 0", PKG_MCAST, 0, PKG_UP, "0002020200", "00:2 !-18@3"},
    {"group status, mask 1011", PKG_MCAST, 1, PKG_UP,
     "013b00000000000100000000030000000002", "01:16 !-3@17"},
    {"group status cut", PKG_MCAST, 1, PKG_UP, "01130000000000010000", "!-3@0"},
    {"session with error", PKG_MCAST, 1, PKG_UP, "04040200", "04:1 02:1 "},
    {"session without", PKG_MCAST, 2, PKG_UP, "05006400000200", "05:4 02:1 "},
    {"v2 start missed", PKG_MCAST, 2, PKG_UP, "0420000202", "04:1 00:2 "},
    {"v1 start missed alone", PKG_MCAST, 1, PKG_UP, "0420", "04:1 "},
    {"v1 start missed and more", PKG_MCAST, 1, PKG_UP, "04200200", "04:1 02:1 "},
    {"v1 RFU bit and a time", PKG_MCAST, 1, PKG_UP, "0420640000", "04:4 "},
    {"setup v1", PKG_FRAG, 1, PKG_DOWN, "020114003200050102030400", "02:10 00:0 "},
    {"setup v2", PKG_FRAG, 2, PKG_DOWN, "02011400324005010203040100d75db2a800",
     "02:16 00:0 "},
    {"block received in v1", PKG_FRAG, 1, PKG_UP, "0400", "!-18@0"},
    {"block received in v2", PKG_FRAG, 2, PKG_UP, "04000404", "04:1 04:1 "},
    {"block received ans in v1", PKG_FRAG, 1, PKG_DOWN, "0400", "!-18@0"},
    {"status v1", PKG_FRAG, 1, PKG_UP, "01170004000200", "01:4 02:1 "},
    {"status v2", PKG_FRAG, 2, PKG_UP, "01001600000200", "01:4 02:1 "},
    {"status v2, no session", PKG_FRAG, 2, PKG_UP, "0104", "01:1 "},
    {"status v2, no session, more", PKG_FRAG, 2, PKG_UP, "01040304", "01:1 03:1 "},
    {"status v2, no session, much more", PKG_FRAG, 2, PKG_UP, "010403040304000302",
     "01:1 03:1 03:1 00:2 "},
    {"LBM's four bytes", PKG_FRAG, 2, PKG_UP, "0104160000", "01:4 "},
    {"LBM's four bytes and more", PKG_FRAG, 2, PKG_UP, "01041600000300", "01:4 03:1 "},
    {"ST's v1 layout", PKG_FRAG, 2, PKG_UP, "01140000000300", "01:4 03:1 "},
    {"status v2 cut", PKG_FRAG, 2, PKG_UP, "010016", "!-3@0"},
    {"auth request", PKG_FRAG, 1, PKG_UP, "05aabbccdd", "05:4 "},
    {"auth request with index", PKG_FRAG, 1, PKG_UP, "0500aabbccdd", "05:5 "},
    {"data", PKG_FRAG, 1, PKG_DOWN, "080100aabbccddee", "08:7 "},
    {"data behind another", PKG_FRAG, 1, PKG_DOWN, "0101080100aabb", "01:1 !-15@2"},
    {"data up", PKG_FRAG, 1, PKG_UP, "080100aabb", "!-18@0"},
    {"upgrade, valid", PKG_FWMGMT, 1, PKG_UP, "0403000000020501", "04:5 05:1 "},
    {"upgrade, none", PKG_FWMGMT, 1, PKG_UP, "04000501", "04:1 05:1 "},
    {"fwmgmt down", PKG_FWMGMT, 1, PKG_DOWN, "010404020000000003ffffff0501020304",
     "01:0 04:0 04:0 02:4 03:3 05:4 "},
    {"fwmgmt has one version", PKG_FWMGMT, 2, PKG_DOWN, "01", "!-18@0"},
    {"packages", PKG_MULTI, 1, PKG_UP, "01010001e1", "01:4 "},
};

static void payloads_are_cut_into_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(split_rows); i++) {
        test_row(split_rows[i].name);
        assert_string_equal(walk(split_rows[i].pkg, split_rows[i].version,
                                 split_rows[i].dir, split_rows[i].hex)
                                .s,
                            split_rows[i].want);
    }
}

TEST_MAIN(cmocka_unit_test(payloads_are_cut_into_commands))
