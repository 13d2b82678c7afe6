/* SPDX-License-Identifier: MIT */
/* fuzz_lwm2m_tlv.c - bytes as TLV; each value that is read is written and read again. */
#include <assert.h>
#include <string.h>

#include "codec/lwm2m_tlv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct lwm2m_tlv_value *value)
{
    static uint8_t buf[1 << 16];
    struct wr w = wr_init(buf, sizeof(buf));
    size_t len = 0;
    lwm2m_tlv_put(&w, LWM2M_TLV_RESOURCE, value->resource, value->bytes, value->len);
    if (wr_end(&w, &len) != FUO_OK) {
        assert(value->len + 6 > sizeof(buf));
        return;
    }
    struct lwm2m_tlv tlv = lwm2m_tlv_init(buf, len);
    struct lwm2m_tlv_value again;
    bool read = lwm2m_tlv_next(&tlv, &again);
    assert(read && again.resource == value->resource && again.len == value->len);
    assert(value->len == 0 || memcmp(again.bytes, value->bytes, value->len) == 0);
}

static void write_number(int64_t number)
{
    uint8_t buf[16];
    struct wr w = wr_init(buf, sizeof(buf));
    size_t len = 0;
    lwm2m_tlv_put_int(&w, LWM2M_TLV_RESOURCE, 0, number);
    int err = wr_end(&w, &len);
    assert(err == FUO_OK);
    struct lwm2m_tlv tlv = lwm2m_tlv_init(buf, len);
    struct lwm2m_tlv_value again;
    int64_t read = 0;
    bool found = lwm2m_tlv_next(&tlv, &again) && lwm2m_tlv_int(&again, &read) == FUO_OK;
    assert(found && read == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lwm2m_tlv tlv = lwm2m_tlv_init(data, size);
    struct lwm2m_tlv_value value;
    size_t count = 0;
    while (lwm2m_tlv_next(&tlv, &value)) {
        int64_t number;
        assert(value.bytes >= data && value.bytes + value.len <= data + size);
        write_again(&value);
        if (lwm2m_tlv_int(&value, &number) == FUO_OK) {
            write_number(number);
        }
        count++;
    }
    assert(count <= size / 2);
    int err = lwm2m_tlv_end(&tlv);
    assert(err == FUO_OK || err == FUO_ESHORT || err == FUO_EPROTO);
    return 0;
}
