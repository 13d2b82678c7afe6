/* SPDX-License-Identifier: MIT */
/* Payloads of LwM2M in every format: the vectors of lwm2m.md 6.3 and 6.4, and broken ones. */
#include "value_list.h"

#define JSON LWM2M_FORMAT_SENML_JSON
#define CBOR LWM2M_FORMAT_SENML_CBOR
#define TLV  LWM2M_FORMAT_TLV
#define OMA  LWM2M_FORMAT_JSON

static const struct {
    const char *name;
    uint16_t format;
    const char *asked;
    const char *payload;
    const char *values;
} good[] = {
    {"text", 0, "/5/0/3", "=2", "/5/0/3 integer 2"},
    {"text, a string", 0, "/3/0/3", "=1.4.3", "/3/0/3 string 1.4.3"},
    {"text, unknown", 0, "/3303/0/5700", "=21.5", "/3303/0/5700 float 21.5"},
    {"text, opaque", 0, "/0/0/5", "=AQI=", "/0/0/5 opaque AQI="},
    {"text of another type", 0, "/5/0/3", "=_unreadable_", "/5/0/3 string _unreadable_"},
    {"opaque", 42, "/5/0/0", "0102", "/5/0/0 opaque AQI="},
    {"CBOR", 60, "/5/0/3", "00", "/5/0/3 integer 0"},
    {"CBOR, a text", 60, "/3/0/3", "63312e30", "/3/0/3 string 1.0"},
    {"CBOR, bytes", 60, "/0/0/5", "420102", "/0/0/5 opaque AQI="},
    {"CBOR, yes", 60, "/1/0/6", "f5", "/1/0/6 boolean 1"},
    {"CBOR, a time", 60, "/3/0/13", "c11a5182428f", "/3/0/13 time 1367491215"},
    {"CBOR, a link", 60, "/33629/0/16/0", "6733333632393a31",
     "/33629/0/16/0 link 33629:1"},
    {"CBOR, a float that is whole", 60, "/3/0/9", "fa42c80000", "/3/0/9 integer 100"},
    {"TLV, Object 5", TLV, "/5/0", "c001c10300c1050088080c410000410101410202410303c10902",
     "/5/0/1 string ; /5/0/3 integer 0; /5/0/5 integer 0; /5/0/8/0 integer 0; "
     "/5/0/8/1 integer 1; /5/0/8/2 integer 2; /5/0/8/3 integer 3; /5/0/9 integer 2"},
    {"TLV, instances", TLV, "/5", "0300c103000301c10301",
     "/5/0/3 integer 0; /5/1/3 integer 1"},
    {"TLV, a resource", 1542, "/5/0/3", "c10302", "/5/0/3 integer 2"},
    {"TLV, an empty number", TLV, "/5/0/3", "c003", "/5/0/3 integer 0"},
    {"TLV, link, boolean, time", TLV, "/33629/0", "86104400835d0001c20c0102",
     "/33629/0/16/0 link 33629:1; /33629/0/12 time 258"},
    {"TLV, a boolean", TLV, "/1/0", "c10601", "/1/0/6 boolean 1"},
    {"TLV, floats", TLV, "/3303/0", "e4164441ac0000", "/3303/0/5700 opaque QawAAA=="},
    {"TLV, what it looks like", TLV, "/9999/0", "c10002c301414243c002c203ff00c304ff0001",
     "/9999/0/0 integer 2; /9999/0/1 string ABC; /9999/0/2 string ; /9999/0/3 integer "
     "-256; "
     "/9999/0/4 opaque /wAB"},
    {"TLV of another type", TLV, "/1/0", "c806045f6e6f5f", "/1/0/6 string _no_"},
    {"SenML JSON", JSON, "/5/0",
     "=[{\"bn\":\"/5/0\",\"n\":\"/1\",\"vs\":\"\"},{\"n\":\"/3\",\"v\":0},"
     "{\"n\":\"/8/0\",\"v\":0},{\"n\":\"/9\",\"v\":2}]",
     "/5/0/1 string ; /5/0/3 integer 0; /5/0/8/0 integer 0; /5/0/9 integer 2"},
    {"SenML JSON of Wakaama", JSON, "/5/0", "=[{\"bn\":\"/5/0/\",\"n\":\"3\",\"v\":1}]",
     "/5/0/3 integer 1"},
    {"SenML JSON, all kinds", JSON, "/",
     "= [ {\"n\" : \"/3/0/13\", \"v\":1.367491215e9 , \"t\":-5,\"u\":\"s\"},"
     "{\"n\":\"/1/0/6\",\"vb\":true},{\"n\":\"/1/0/6\",\"vb\":false},"
     "{\"n\":\"/0/0/5\",\"vd\":\"-_8\"},{\"n\":\"/33629/0/16/0\",\"vlo\":\"33629:1\"}]",
     "/3/0/13 time 1367491215; /1/0/6 boolean 1; /1/0/6 boolean 0; /0/0/5 opaque +/8=; "
     "/33629/0/16/0 link 33629:1"},
    {"SenML JSON, texts", JSON, "/3/0/0",
     "=[{\"bn\":\"/3/0/0\",\"vs\":\"a\\\"\\\\\\/"
     "\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"}]",
     "/3/0/0 string a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"SenML JSON, passed over", JSON, "/5/0/3",
     "=[{\"bn\":\"/5/0/3\",\"x\":{\"y\":[1,\"z\",true,null,{}]},\"v\":-1},{\"bn\":\"/"
     "9\"},{}]",
     "/5/0/3 integer -1"},
    {"nothing", JSON, "/", "=[]", ""},
    {"SenML CBOR", CBOR, "/5/0",
     "84a321642f352f300062"
     "2f310360"
     "a200622f330200"
     "a200642f382f300200"
     "a200622f390202",
     "/5/0/1 string ; /5/0/3 integer 0; /5/0/8/0 integer 0; /5/0/9 integer 2"},
    {"SenML CBOR, all kinds", CBOR, "/",
     "86"
     "a200672f332f302f31330"
     "21a5182428f"
     "a200662f312f302f3604f5"
     "a200662f302f302f3508420102"
     "a2006d2f33333632392f302f31362f3063766c6f6733333632393a31"
     "a200662f332f302f3902fb4059000000000000"
     "a200662f332f302f3902c4822019"
     "03e8",
     "/3/0/13 time 1367491215; /1/0/6 boolean 1; /0/0/5 opaque AQI=; "
     "/33629/0/16/0 link 33629:1; /3/0/9 integer 100; /3/0/9 integer 100"},
    {"SenML CBOR of unknown length", CBOR, "/5/0/3",
     "9fbf21662f352f302f33"
     "0201"
     "0618"
     "2a"
     "61788101"
     "ffff",
     "/5/0/3 integer 1"},
    {"LwM2M JSON", OMA, "/5/0",
     "={\"bn\":\"/5/0/\",\"e\":[{\"n\":\"1\",\"sv\":\"\"},{\"n\":\"3\",\"v\":0},"
     "{\"n\":\"8/1\",\"v\":1}]}",
     "/5/0/1 string ; /5/0/3 integer 0; /5/0/8/1 integer 1"},
    {"LwM2M JSON, all kinds, the base name last", 1543, "/5/0/3",
     "= { \"bt\" : 25 , \"e\":[ {\"n\":\"3/0/13\",\"v\":1.367491215e9,\"t\":-5},"
     "{\"n\":\"1/0/6\",\"bv\":true},{\"n\":\"0/0/5\",\"sv\":\"AQI=\"},"
     "{\"n\":\"0/0/5\",\"sv\":\"*\"},{\"n\":\"33629/0/16/0\",\"ov\":\"33629:1\"},{}],"
     "\"x\":[{\"e\":1}],\"bn\":\"/\"}",
     "/3/0/13 time 1367491215; /1/0/6 boolean 1; /0/0/5 opaque AQI=; /0/0/5 string *; "
     "/33629/0/16/0 link 33629:1"},
    {"LwM2M JSON of an instance, without a base name", OMA, "/3/0",
     "={\"e\":[{\"n\":\"3\",\"sv\":\"1.0\"},{\"n\":\"11/0\",\"v\":0}]}",
     "/3/0/3 string 1.0; /3/0/11/0 integer 0"},
    {"LwM2M JSON of a resource, without a name", OMA, "/5/0/3", "={\"e\":[{\"v\":2}]}",
     "/5/0/3 integer 2"},
    {"LwM2M JSON of a resource's instances", OMA, "/5/0/8",
     "={\"e\":[{\"n\":\"0\",\"v\":2}]}", "/5/0/8/0 integer 2"},
    {"LwM2M JSON, an empty base name", OMA, "/",
     "={\"bn\":\"\",\"e\":[{\"n\":\"/5/0/3\",\"v\":2}]}", "/5/0/3 integer 2"},
    {"LwM2M JSON, nothing", OMA, "/5/0", "={}", ""},
    {"SenML CBOR, a big exponent", CBOR, "/3303/0/5700",
     "81a2006c2f333330332f302f3537303002c4820203", "/3303/0/5700 float 300"},
};

static void what_devices_answer_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct rig r;
        uint8_t bytes[BYTES_MAX];
        test_row(good[i].name);
        size_t len = bytes_of(good[i].payload, bytes);
        assert_int_equal(rig_read(&r, good[i].format, good[i].asked, bytes, len), FUO_OK);
        assert_string_equal(rig_text(&r), good[i].values);
    }
}

/* In memory of its own size, so that a sanitizer sees what reads beyond. */
static void what_is_cut_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        uint8_t bytes[BYTES_MAX];
        bool framed = good[i].format == JSON || good[i].format == CBOR ||
                      good[i].format == OMA || good[i].format == 1543;
        test_row(good[i].name);
        size_t whole = bytes_of(good[i].payload, bytes);
        for (size_t len = 0; len < whole; len++) {
            struct rig r;
            uint8_t *cut = test_malloc(len > 0 ? len : 1);
            memcpy(cut, bytes, len);
            int err = rig_read(&r, good[i].format, good[i].asked, cut, len);
            assert_true(framed ? err == FUO_ESHORT : err != FUO_ENOTSUP);
            test_free(cut);
        }
    }
}

static const struct {
    const char *name;
    uint16_t format;
    const char *asked;
    const char *payload;
    int err;
} malformed[] = {
    {"links", 40, "/5", "=</5/0>", FUO_ENOTSUP},
    {"no format", LWM2M_FORMAT_NONE, "/5/0/3", "=1", FUO_ENOTSUP},
    {"text of an instance", 0, "/5/0", "=1", FUO_EPROTO},
    {"TLV of no object", TLV, "/", "c10300", FUO_EPROTO},
    {"TLV of no instance", TLV, "/5", "c10300", FUO_EPROTO},
    {"TLV, an id that is reserved", TLV, "/5/0", "e1ffff00", FUO_EPROTO},
    {"TLV, cut", TLV, "/5/0", "c20300", FUO_ESHORT},
    {"CBOR, an array", 60, "/5/0/3", "8100", FUO_EPROTO},
    {"CBOR, two items", 60, "/5/0/3", "0000", FUO_EPROTO},
    {"CBOR, nothing", 60, "/5/0/3", "f6", FUO_EPROTO},
    {"CBOR, too big", 60, "/5/0/3", "1bffffffffffffffff", FUO_ERANGE},
    {"CBOR, no link", 60, "/33629/0/16/0", "6131", FUO_EPROTO},
    {"JSON, an object", JSON, "/", "={}", FUO_EPROTO},
    {"JSON, behind its end", JSON, "/", "=[] x", FUO_EPROTO},
    {"JSON, a number", JSON, "/", "=[1]", FUO_EPROTO},
    {"JSON, no colon", JSON, "/", "=[{\"n\" \"x\"}]", FUO_EPROTO},
    {"JSON, no string", JSON, "/", "=[{\"n\":1}]", FUO_EPROTO},
    {"JSON, a wrong escape", JSON, "/", "=[{\"n\":\"\\x\"}]", FUO_EPROTO},
    {"JSON, half a pair", JSON, "/", "=[{\"n\":\"\\ud83dx\"}]", FUO_EPROTO},
    {"JSON, the wrong half", JSON, "/", "=[{\"n\":\"\\ud83d\\u0041\"}]", FUO_EPROTO},
    {"JSON, no hex", JSON, "/", "=[{\"n\":\"\\u00g0\"}]", FUO_EPROTO},
    {"JSON, a control character", JSON, "/", "=[{\"n\":\"\n\"}]", FUO_EPROTO},
    {"JSON, a wrong number", JSON, "/", "=[{\"n\":\"/5/0/3\",\"v\":01}]", FUO_EPROTO},
    {"JSON, a huge number", JSON, "/", "=[{\"n\":\"/5/0/3\",\"v\":1e400}]", FUO_ERANGE},
    {"JSON, a wrong boolean", JSON, "/", "=[{\"n\":\"/1/0/6\",\"vb\":1}]", FUO_EPROTO},
    {"JSON, a wrong literal", JSON, "/", "=[{\"x\":nil}]", FUO_EPROTO},
    {"JSON, wrong base64", JSON, "/", "=[{\"n\":\"/0/0/5\",\"vd\":\"*\"}]", FUO_EPROTO},
    {"JSON, a wrong link", JSON, "/", "=[{\"n\":\"/5/0/3\",\"vlo\":\"1\"}]", FUO_EPROTO},
    {"JSON, too deep", JSON, "/", "=[{\"x\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}]",
     FUO_EPROTO},
    {"no path", JSON, "/", "=[{\"n\":\"temperature\",\"v\":1}]", FUO_EPROTO},
    {"no resource", JSON, "/", "=[{\"n\":\"/5/0\",\"v\":1}]", FUO_EPROTO},
    {"an id beyond", JSON, "/", "=[{\"n\":\"/5/0/65535\",\"v\":1}]", FUO_ERANGE},
    {"a base name too long", JSON, "/",
     "=[{\"bn\":\"urn:dev:ow:10e2073a01080063:urn:dev:ow:10e2073a01080063\",\"v\":1}"
     "]",
     FUO_EPROTO},
    {"names too long together", JSON, "/",
     "=[{\"bn\":\"urn:dev:ow:10e2073a01080063:\",\"n\":\"urn:dev:ow:10e2073a0108\","
     "\"v\":1}]",
     FUO_EPROTO},
    {"a base value", JSON, "/", "=[{\"bv\":1}]", FUO_ENOTSUP},
    {"a sum", JSON, "/", "=[{\"s\":1}]", FUO_ENOTSUP},
    {"what must be understood", JSON, "/", "=[{\"x_\":1}]", FUO_ENOTSUP},
    {"LwM2M JSON, a pack", OMA, "/", "=[]", FUO_EPROTO},
    {"LwM2M JSON, behind its end", OMA, "/", "={} x", FUO_EPROTO},
    {"LwM2M JSON, records that are none", OMA, "/", "={\"e\":{}}", FUO_EPROTO},
    {"LwM2M JSON, a base name that is none", OMA, "/", "={\"bn\":1}", FUO_EPROTO},
    {"LwM2M JSON, a base name too long", OMA, "/",
     "={\"bn\":\"urn:dev:ow:10e2073a01080063:urn:dev:ow:10e2073a01080063\"}", FUO_EPROTO},
    {"LwM2M JSON, no resource", OMA, "/", "={\"e\":[{\"n\":\"5/0\",\"v\":1}]}",
     FUO_EPROTO},
    {"LwM2M JSON, what must be understood", OMA, "/", "={\"e\":[{\"x_\":1}]}",
     FUO_ENOTSUP},
    {"CBOR, a map", CBOR, "/", "a0", FUO_EPROTO},
    {"CBOR, a record that is none", CBOR, "/", "8100", FUO_EPROTO},
    {"CBOR, behind its end", CBOR, "/", "8000", FUO_EPROTO},
    {"CBOR, a label that is none", CBOR, "/", "81a14000", FUO_EPROTO},
    {"CBOR, a base value", CBOR, "/", "81a12400", FUO_ENOTSUP},
    {"CBOR, what must be understood", CBOR, "/", "81a162785f00", FUO_ENOTSUP},
    {"CBOR, a number for a text", CBOR, "/", "81a10300", FUO_EPROTO},
    {"CBOR, a number for a boolean", CBOR, "/", "81a10400", FUO_EPROTO},
    {"CBOR, a text for a number", CBOR, "/", "81a10260", FUO_EPROTO},
    {"CBOR, half a fraction", CBOR, "/", "81a102c48100", FUO_EPROTO},
    {"CBOR, a fraction out of bounds", CBOR, "/", "81a102c4821903e801", FUO_ERANGE},
    {"CBOR, a fraction of texts", CBOR, "/", "81a102c4826000", FUO_EPROTO},
};

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        struct rig r;
        uint8_t bytes[BYTES_MAX];
        test_row(malformed[i].name);
        size_t len = bytes_of(malformed[i].payload, bytes);
        assert_int_equal(
            rig_read(&r, malformed[i].format, malformed[i].asked, bytes, len),
            malformed[i].err);
    }
}

static void a_list_takes_so_many_and_no_more(void **state)
{
    (void)state;
    struct rig r;
    uint8_t bytes[BYTES_MAX];
    struct lwm2m_path path = path_of("/5/0");
    size_t len = bytes_of("c10300c10500", bytes);
    rig_init(&r);
    r.list.cap = 1;
    assert_int_equal(lwm2m_content_read(TLV, &path, bytes, len, &r.list), FUO_ENOSPC);
    assert_int_equal(r.list.count, 1);
    rig_init(&r);
    r.list.scratch.cap = 3;
    len = bytes_of("=[{\"n\":\"/5/0/3\",\"v\":1}]", bytes);
    assert_int_equal(lwm2m_content_read(JSON, &path, bytes, len, &r.list), FUO_ENOSPC);
    rig_init(&r);
    r.list.scratch.cap = 40; /* the base64, and not what is in it */
    path = path_of("/0/0/5");
    len = bytes_of("={\"e\":[{\"sv\":\"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhc=\"}]}", bytes);
    assert_int_equal(lwm2m_content_read(OMA, &path, bytes, len, &r.list), FUO_ENOSPC);
}

/* UBSan sees what is added to it. */
static void no_bytes_may_be_null(void **state)
{
    (void)state;
    static const uint16_t formats[] = {0, 42, 60, CBOR, JSON, TLV, OMA};
    struct lwm2m_path path = path_of("/3/0/9");
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct rig empty;
        struct rig null;
        rig_init(&empty);
        rig_init(&null);
        int err =
            lwm2m_content_read(formats[i], &path, (const uint8_t *)"", 0, &empty.list);
        assert_int_equal(lwm2m_content_read(formats[i], &path, NULL, 0, &null.list), err);
        assert_int_equal(null.list.count, empty.list.count);
    }
}

/* ---- writing ---- */

static void add(struct rig *r, const char *path, enum lwm2m_type type, const char *text)
{
    struct lwm2m_path p = path_of(path);
    struct lwm2m_value value;
    type = type == LWM2M_UNKNOWN ? lwm2m_type_of(&p) : type;
    assert_int_equal(
        lwm2m_value_parse(type, text, strlen(text), &r->list.scratch, &value), FUO_OK);
    assert_int_equal(lwm2m_list_add(&r->list, &p, &value), FUO_OK);
}

/* What is written, in hex or, behind a '=', as text. */
static void assert_written(const struct rig *r, uint16_t format, const char *base,
                           const char *wanted)
{
    uint8_t bytes[BYTES_MAX];
    uint8_t expected[BYTES_MAX];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct lwm2m_path path = path_of(base);
    char hex[2 * BYTES_MAX + 1];
    size_t len = bytes_of(wanted, expected);
    assert_int_equal(lwm2m_content_write(format, &path, r->entries, r->list.count, &w),
                     FUO_OK);
    if (wanted[0] == '=') {
        assert_int_equal(w.len, len);
        assert_memory_equal(bytes, expected, len);
    } else {
        assert_string_equal(hex_encode(bytes, w.len, hex), wanted);
    }
}

static void single_values_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum lwm2m_type type;
        const char *text;
        const char *plain; /* and so on; NULL: the format cannot say it */
        const char *opaque;
        const char *cbor;
        const char *tlv;
        const char *json;
        const char *senml_cbor;
    } rows[] = {
        {"/1/0/1", 0, "300", "=300", NULL, "19012c", "c201012c",
         "=[{\"bn\":\"/1/0/1\",\"v\":300}]", "81a221662f312f302f310219012c"},
        {"/1/0/6", 0, "true", "=1", NULL, "f5", "c10601",
         "=[{\"bn\":\"/1/0/6\",\"vb\":true}]", "81a221662f312f302f3604f5"},
        {"/3/0/15", 0, "A\"b\n", "=A\"b\n", NULL, "644122620a", "c40f4122620a",
         "=[{\"bn\":\"/3/0/15\",\"vs\":\"A\\\"b\\u000a\"}]",
         "81a221672f332f302f313503644122620a"},
        {"/3/0/13", 0, "1000", "=1000", NULL, "c11903e8", "c20d03e8",
         "=[{\"bn\":\"/3/0/13\",\"v\":1000}]", "81a221672f332f302f3133021903e8"},
        {"/0/0/5", 0, "+/8=", "=+/8=", "fbff", "42fbff", "c205fbff",
         "=[{\"bn\":\"/0/0/5\",\"vd\":\"-_8\"}]", "81a221662f302f302f350842fbff"},
        {"/9/0/1", LWM2M_FLOAT, "1.5", "=1.5", NULL, "fa3fc00000", "c4013fc00000",
         "=[{\"bn\":\"/9/0/1\",\"v\":1.5}]", "81a221662f392f302f3102fa3fc00000"},
        {"/9/0/1", LWM2M_FLOAT, "1.1", "=1.1", NULL, "fb3ff199999999999a",
         "c801083ff199999999999a", "=[{\"bn\":\"/9/0/1\",\"v\":1.1}]",
         "81a221662f392f302f3102fb3ff199999999999a"},
        {"/9/0/1", LWM2M_LINK, "5:0", "=5:0", NULL, "63353a30", "c40100050000",
         "=[{\"bn\":\"/9/0/1\",\"vlo\":\"5:0\"}]",
         "81a221662f392f302f3163766c6f63353a30"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        uint8_t bytes[BYTES_MAX];
        struct wr w = wr_init(bytes, sizeof(bytes));
        struct lwm2m_path base = path_of(rows[i].path);
        test_row(rows[i].path);
        rig_init(&r);
        add(&r, rows[i].path, rows[i].type, rows[i].text);
        assert_written(&r, 0, rows[i].path, rows[i].plain);
        assert_written(&r, 60, rows[i].path, rows[i].cbor);
        assert_written(&r, TLV, rows[i].path, rows[i].tlv);
        assert_written(&r, JSON, rows[i].path, rows[i].json);
        assert_written(&r, CBOR, rows[i].path, rows[i].senml_cbor);
        if (rows[i].opaque != NULL) {
            assert_written(&r, 42, rows[i].path, rows[i].opaque);
        } else {
            assert_int_equal(lwm2m_content_write(42, &base, r.entries, 1, &w),
                             FUO_ENOTSUP);
        }
    }
}

static void instances_are_written(void **state)
{
    (void)state;
    struct rig r;
    uint8_t bytes[BYTES_MAX];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct lwm2m_path base = path_of("/5/0");
    rig_init(&r);
    add(&r, "/5/0/11", 0, "0");
    add(&r, "/5/0/13", 0, "3600");
    assert_written(&r, TLV, "/5/0", "c10b00c20d0e10"); /* lwm2m.md 6.3 */
    assert_written(&r, TLV, "/5", "0700c10b00c20d0e10");
    assert_written(
        &r, JSON, "/5/0",
        "=[{\"bn\":\"/5/0/\",\"n\":\"11\",\"v\":0},{\"n\":\"13\",\"v\":3600}]");
    assert_written(
        &r, JSON, "/",
        "=[{\"bn\":\"/\",\"n\":\"5/0/11\",\"v\":0},{\"n\":\"5/0/13\",\"v\":3600}]");
    assert_written(&r, CBOR, "/5/0", "82a321652f352f302f006231310200a20062313302190e10");
    assert_int_equal(lwm2m_content_write(0, &base, r.entries, 2, &w), FUO_ENOTSUP);
    assert_int_equal(lwm2m_content_write(40, &base, r.entries, 2, &w), FUO_ENOTSUP);
    w = wr_init(bytes, 3);
    assert_int_equal(lwm2m_content_write(TLV, &base, r.entries, 2, &w), FUO_ENOSPC);
    rig_init(&r);
    add(&r, "/33629/0/11", 0, "1");
    add(&r, "/33629/0/16/0", 0, "33629:1");
    add(&r, "/33629/0/16/1", 0, "33629:2");
    assert_written(&r, TLV, "/33629/0",
                   "c10b018810"
                   "0c4400835d0001"
                   "4401835d0002");
    assert_written(
        &r, JSON, "/33629/0/16",
        "=[{\"bn\":\"/33629/0/16\",\"v\":1},{\"n\":\"/0\",\"vlo\":\"33629:1\"},"
        "{\"n\":\"/1\",\"vlo\":\"33629:2\"}]");
}

/* ---- values ---- */

static void what_people_type_is_checked(void **state)
{
    (void)state;
    static const struct {
        enum lwm2m_type type;
        const char *text;
        int err;
        enum lwm2m_type becomes;
    } rows[] = {
        {LWM2M_UNKNOWN, "12", FUO_OK, LWM2M_INTEGER},
        {LWM2M_UNKNOWN, "1.5", FUO_OK, LWM2M_FLOAT},
        {LWM2M_UNKNOWN, "true", FUO_OK, LWM2M_BOOLEAN},
        {LWM2M_UNKNOWN, "false", FUO_OK, LWM2M_BOOLEAN},
        {LWM2M_UNKNOWN, "1.4.3", FUO_OK, LWM2M_STRING},
        {LWM2M_STRING, "12", FUO_OK, LWM2M_STRING},
        {LWM2M_INTEGER, "1.5", FUO_EPROTO, 0},
        {LWM2M_INTEGER, "x", FUO_EPROTO, 0},
        {LWM2M_TIME, "1367491215", FUO_OK, LWM2M_TIME},
        {LWM2M_FLOAT, "2", FUO_OK, LWM2M_FLOAT},
        {LWM2M_FLOAT, "1e999", FUO_ERANGE, 0},
        {LWM2M_BOOLEAN, "0", FUO_OK, LWM2M_BOOLEAN},
        {LWM2M_BOOLEAN, "yes", FUO_EPROTO, 0},
        {LWM2M_OPAQUE, "AQI=", FUO_OK, LWM2M_OPAQUE},
        {LWM2M_OPAQUE, "A", FUO_EPROTO, 0},
        {LWM2M_LINK, "65535:65535", FUO_OK, LWM2M_LINK},
        {LWM2M_LINK, "65536:0", FUO_EPROTO, 0},
        {LWM2M_LINK, "5", FUO_EPROTO, 0},
        {LWM2M_LINK, "5:", FUO_EPROTO, 0},
        {LWM2M_LINK, "1e1:0", FUO_EPROTO, 0},
        {(enum lwm2m_type)99, "5", FUO_EPROTO, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t scratch[8];
        struct wr w = wr_init(scratch, sizeof(scratch));
        struct lwm2m_value value = {.type = LWM2M_UNKNOWN};
        test_row(rows[i].text);
        assert_int_equal(lwm2m_value_parse(rows[i].type, rows[i].text,
                                           strlen(rows[i].text), &w, &value),
                         rows[i].err);
        assert_int_equal(value.type, rows[i].becomes);
    }
}

static void types_have_names_and_resources_have_types(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *type;
        bool multiple;
    } rows[] = {
        {"/5/0/3", "integer", false},       {"/5/0/8", "integer", true},
        {"/5/0/8/1", "integer", true},      {"/5/0/4", "unknown", false},
        {"/5/0/12", "time", false},         {"/5/0/14", "boolean", false},
        {"/5/0/15", "unknown", false},      {"/3/0/9", "integer", false},
        {"/3/0/3", "string", false},        {"/3/0/22", "link", true},
        {"/4/0/4", "string", true},         {"/4/0/8", "integer", false},
        {"/0/0/5", "opaque", false},        {"/0/0/17", "link", false},
        {"/1/0/23", "boolean", false},      {"/7/0/8", "integer", false},
        {"/3303/0/5700", "unknown", false}, {"/33629/0/17", "link", true},
        {"/5/0", "unknown", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lwm2m_path path = path_of(rows[i].path);
        enum lwm2m_type type = lwm2m_type_of(&path);
        enum lwm2m_type found = LWM2M_UNKNOWN;
        test_row(rows[i].path);
        assert_string_equal(lwm2m_type_name(type), rows[i].type);
        assert_int_equal(lwm2m_is_multiple(&path), rows[i].multiple);
        assert_int_equal(lwm2m_type_find(rows[i].type, strlen(rows[i].type), &found),
                         type != LWM2M_UNKNOWN);
        assert_int_equal(found, type);
    }
    assert_string_equal(lwm2m_type_name((enum lwm2m_type)99), "unknown");
    struct lwm2m_value unknown = {.type = LWM2M_UNKNOWN};
    uint8_t bytes[4];
    struct wr w = wr_init(bytes, sizeof(bytes));
    lwm2m_value_format(&unknown, &w);
    assert_int_equal(w.len, 0);
}

static void formats_have_names(void **state)
{
    (void)state;
    static const struct {
        uint16_t format;
        const char *name;
    } rows[] = {{0, "text"},     {40, "links"},         {42, "opaque"},
                {60, "CBOR"},    {110, "SenML JSON"},   {112, "SenML CBOR"},
                {1542, "TLV"},   {11542, "TLV"},        {1543, "JSON"},
                {11543, "JSON"}, {50, "another format"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(lwm2m_format_name(rows[i].format), rows[i].name);
    }
}

TEST_MAIN(cmocka_unit_test(what_devices_answer_is_read),
          cmocka_unit_test(what_is_cut_is_noticed),
          cmocka_unit_test(what_is_malformed_is_refused),
          cmocka_unit_test(a_list_takes_so_many_and_no_more),
          cmocka_unit_test(no_bytes_may_be_null),
          cmocka_unit_test(single_values_are_written),
          cmocka_unit_test(instances_are_written),
          cmocka_unit_test(what_people_type_is_checked),
          cmocka_unit_test(types_have_names_and_resources_have_types),
          cmocka_unit_test(formats_have_names))
