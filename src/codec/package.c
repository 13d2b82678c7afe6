/* SPDX-License-Identifier: MIT */
#include "codec/package.h"

#include "base/wire.h"

/* By package identifier. */
static const struct {
    uint8_t fport;
    uint8_t version_max;
} packages[PKG_COUNT] = {
    [PKG_MULTI] = {225, 1}, [PKG_CLOCK] = {202, 2},  [PKG_MCAST] = {200, 2},
    [PKG_FRAG] = {201, 2},  [PKG_FWMGMT] = {203, 1},
};

uint8_t pkg_default_fport(enum pkg_id pkg)
{
    return packages[pkg].fport;
}

int pkg_by_default_fport(uint8_t fport, enum pkg_id *pkg)
{
    for (unsigned i = 0; i < PKG_COUNT; i++) {
        if (packages[i].fport == fport) {
            *pkg = (enum pkg_id)i;
            return FUO_OK;
        }
    }
    return FUO_ENOENT;
}

bool pkg_version_known(enum pkg_id pkg, uint8_t version)
{
    return version >= 1 && version <= packages[pkg].version_max;
}

int pkg_version_req_encode(uint8_t *buf, size_t cap, size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, PKG_CID_VERSION);
    return wr_end(&w, len);
}

int pkg_version_req_decode(const uint8_t *body, size_t len)
{
    struct rd r = rd_init(body, len);
    return rd_end(&r);
}

int pkg_version_ans_encode(const struct pkg_version_ans *ans, uint8_t *buf, size_t cap,
                           size_t *len)
{
    struct wr w = wr_init(buf, cap);
    wr_u8(&w, PKG_CID_VERSION);
    wr_u8(&w, ans->id);
    wr_u8(&w, ans->version);
    return wr_end(&w, len);
}

int pkg_version_ans_decode(const uint8_t *body, size_t len, struct pkg_version_ans *ans)
{
    struct rd r = rd_init(body, len);
    uint8_t id = rd_u8(&r);
    uint8_t version = rd_u8(&r);
    int err = rd_end(&r);
    if (err != FUO_OK) {
        return err;
    }
    *ans = (struct pkg_version_ans){.id = id, .version = version};
    return FUO_OK;
}
