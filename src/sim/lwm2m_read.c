/* SPDX-License-Identifier: MIT */
/* The objects 1, 3, 4, 5, 7 and 33629: which resources there are, and what is in them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/link_format.h"
#include "codec/lwm2m_tlv.h"
#include "sim/lwm2m_internal.h"

enum {
    R = LWM2M_OP_READ,
    W = LWM2M_OP_WRITE,
    E = LWM2M_OP_EXECUTE,
    BEARER_NB_IOT = 7,
    VALUES_MAX = 2, /* of a multiple resource */
    STATE_ODD = 7,
    CELL_DEVICES = 50, /* that share one */
    COMPONENTS = 33629,
};

enum kind {
    NUMBER,
    BOOLEAN,
    TEXT,
    MULTIPLE, /* numbers */
    NOTHING,  /* is not read */
};

static const struct resource {
    uint16_t object;
    uint16_t id;
    enum kind kind;
    uint8_t operations;
    uint8_t since_minor; /* of Object 5 */
} resources[] = {
    {1, 0, NUMBER, R, 0},       {1, 1, NUMBER, R | W, 0}, {1, 6, BOOLEAN, R, 0},
    {1, 7, TEXT, R, 0},         {1, 8, NOTHING, E, 0},    {3, 0, TEXT, R, 0},
    {3, 1, TEXT, R, 0},         {3, 2, TEXT, R, 0},       {3, 3, TEXT, R, 0},
    {3, 4, NOTHING, E, 0},      {3, 9, NUMBER, R, 0},     {3, 10, NUMBER, R, 0},
    {3, 11, MULTIPLE, R, 0},    {3, 16, TEXT, R, 0},      {3, 17, TEXT, R, 0},
    {3, 18, TEXT, R, 0},        {3, 20, NUMBER, R, 0},    {4, 0, NUMBER, R, 0},
    {4, 2, NUMBER, R, 0},       {4, 3, NUMBER, R, 0},     {4, 8, NUMBER, R, 0},
    {5, 0, NOTHING, W, 0},      {5, 1, TEXT, R | W, 0},   {5, 2, NOTHING, E, 0},
    {5, 3, NUMBER, R, 0},       {5, 5, NUMBER, R, 0},     {5, 7, TEXT, R, 0},
    {5, 8, MULTIPLE, R, 0},     {5, 9, NUMBER, R, 0},     {5, 10, NOTHING, E, 1},
    {5, 11, NUMBER, R | W, 1},  {5, 12, NUMBER, R, 1},    {5, 13, NUMBER, R | W, 1},
    {5, 14, BOOLEAN, R | W, 2}, {7, 2, NUMBER, R, 0},     {7, 3, NUMBER, R, 0},
    {33629, 3, NUMBER, R, 0},   {33629, 5, NUMBER, R, 0}, {33629, 9, NUMBER, R, 0},
    {33629, 14, TEXT, R, 0},    {33629, 15, TEXT, R, 0},
};

static const uint16_t objects[] = {1, 3, 4, 5, 7, COMPONENTS};

struct value {
    int64_t number;
    size_t count; /* of a multiple resource */
    int64_t numbers[VALUES_MAX];
    const char *text;
    char buf[LWM2M_VERSION_SIZE];
};

static bool has_object(const struct lwm2m_client *c, uint16_t object)
{
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        if (objects[i] == object) {
            return object != COMPONENTS || c->quirks->components;
        }
    }
    return false;
}

static bool has(const struct lwm2m_client *c, const struct resource *r)
{
    return has_object(c, r->object) &&
           (r->object != 5 || r->since_minor <= c->quirks->object_minor);
}

static const struct resource *find(const struct lwm2m_client *c, uint16_t object,
                                   uint16_t id)
{
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        if (resources[i].object == object && resources[i].id == id &&
            has(c, &resources[i])) {
            return &resources[i];
        }
    }
    return NULL;
}

unsigned lwm2m_operations(const struct lwm2m_client *c, const struct lwm2m_path *path)
{
    const struct resource *r = find(c, path->id[0], path->id[2]);
    return path->depth >= 3 && path->id[1] == 0 && r != NULL ? r->operations
                                                             : LWM2M_OP_NONE;
}

/* ---- what is in them ---- */

static void number(struct value *v, int64_t n)
{
    v->number = n;
}

static void read_server(const struct lwm2m_client *c, uint16_t id, struct value *v)
{
    switch (id) {
    case 0:
        number(v, 1);
        break;
    case 1:
        number(v, c->lifetime_s);
        break;
    case 7:
        v->text = !c->quirks->queue ? "U" : c->quirks->version_minor > 0 ? "U" : "UQ";
        break;
    }
}

static void read_device(const struct lwm2m_client *c, uint16_t id, struct value *v)
{
    static const char *const texts[] = {
        [0] = "fuotad", [1] = "fuota-sim", [16] = "U", [17] = "simulated", [18] = "1.0"};
    switch (id) {
    case 2:
        v->text = c->endpoint;
        break;
    case 3:
        v->text = c->version;
        break;
    case 9:
        number(v, c->battery_percent);
        break;
    case 10:
        number(v, (int64_t)(LWM2M_IMAGE_MAX - c->image.len) / 1024);
        break;
    case 11:
        v->count = 1;
        break;
    default:
        v->text = id < sizeof(texts) / sizeof(texts[0]) ? texts[id] : NULL;
    }
}

static void read_radio(const struct lwm2m_client *c, uint16_t id, struct value *v)
{
    switch (id) {
    case 0:
        number(v, BEARER_NB_IOT);
        break;
    case 2:
        number(v, -70 - (int64_t)(c->dev_eui % 40));
        break;
    case 3:
        number(v, 20);
        break;
    case 8:
        number(v, 1000 + (int64_t)(c->dev_eui / CELL_DEVICES % 1000));
        break;
    }
}

static int64_t shown_state(const struct lwm2m_client *c)
{
    if (c->quirks->odd_state && c->fw.state == FWO_DOWNLOADING) {
        return STATE_ODD;
    }
    if (c->quirks->hasty && c->fw.state == FWO_DOWNLOADING) {
        return FWO_DOWNLOADED;
    }
    return (int64_t)c->fw.state + (c->quirks->from_one ? 1 : 0);
}

static void read_firmware(const struct lwm2m_client *c, uint16_t id, struct value *v)
{
    switch (id) {
    case 1:
        v->text = c->uri;
        break;
    case 3:
        number(v, shown_state(c));
        break;
    case 5:
        number(v, c->hides_result ? FWO_INITIAL : (int64_t)c->fw.result);
        break;
    case 8:
        v->count = c->config->secure ? 2 : 1;
        v->numbers[1] = 1;
        break;
    case 9:
        number(v, c->quirks->method);
        break;
    case 11:
        number(v, c->severity);
        break;
    case 12:
        number(v, c->changed.us / 1000000);
        break;
    case 13:
        number(v, c->max_defer_s);
        break;
    case 14:
        number(v, c->automatic);
        break;
    }
}

/* Its only one is the firmware. */
static void read_component(const struct lwm2m_client *c, uint16_t id, struct value *v)
{
    switch (id) {
    case 14:
        v->text = "firmware";
        break;
    case 15:
        v->text = c->version;
        break;
    default:
        read_firmware(c, id, v);
    }
}

static struct value value_of(const struct lwm2m_client *c, const struct resource *r)
{
    struct value v = {0};
    switch (r->object) {
    case 1:
        read_server(c, r->id, &v);
        break;
    case 3:
        read_device(c, r->id, &v);
        break;
    case 4:
        read_radio(c, r->id, &v);
        break;
    case 5:
        read_firmware(c, r->id, &v);
        break;
    case COMPONENTS:
        read_component(c, r->id, &v);
        break;
    case 7:
        number(&v, (int64_t)((r->id == 2 ? c->sent_bytes : c->received_bytes) / 1024));
        break;
    }
    v.text = v.text != NULL ? v.text : "";
    return v;
}

/* ---- TLV ---- */

static void put_resource(const struct lwm2m_client *c, const struct resource *r,
                         struct wr *w)
{
    struct value v = value_of(c, r);
    uint8_t buf[16];
    uint8_t yes = v.number != 0;
    struct wr inner = wr_init(buf, sizeof(buf));
    switch (r->kind) {
    case NUMBER:
        lwm2m_tlv_put_int(w, LWM2M_TLV_RESOURCE, r->id, v.number);
        break;
    case BOOLEAN:
        lwm2m_tlv_put(w, LWM2M_TLV_RESOURCE, r->id, &yes, 1);
        break;
    case TEXT:
        lwm2m_tlv_put(w, LWM2M_TLV_RESOURCE, r->id, (const uint8_t *)v.text,
                      strlen(v.text));
        break;
    case MULTIPLE:
        for (size_t i = 0; i < v.count; i++) {
            lwm2m_tlv_put_int(&inner, LWM2M_TLV_RESOURCE_INSTANCE, (uint16_t)i,
                              v.numbers[i]);
        }
        lwm2m_tlv_put(w, LWM2M_TLV_MULTIPLE, r->id, buf, inner.len);
        break;
    case NOTHING:
        break;
    }
}

static void put_instance(const struct lwm2m_client *c, uint16_t object, bool wrapped,
                         struct wr *w)
{
    uint8_t buf[LWM2M_MESSAGE_SIZE / 2];
    struct wr inner = wr_init(buf, sizeof(buf));
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        if (resources[i].object == object && has(c, &resources[i])) {
            put_resource(c, &resources[i], wrapped ? &inner : w);
        }
    }
    if (wrapped) {
        lwm2m_tlv_put(w, LWM2M_TLV_INSTANCE, 0, buf, inner.len);
    }
}

/* ---- others ---- */

static void put_text(const struct lwm2m_client *c, const struct resource *r, struct wr *w)
{
    struct value v = value_of(c, r);
    char buf[32];
    if (r->kind != TEXT) {
        (void)snprintf(buf, sizeof(buf), "%" PRId64, v.number);
        v.text = buf;
    }
    wr_bytes(w, (const uint8_t *)v.text, strlen(v.text));
}

static void put_object_link(const struct lwm2m_client *c, uint16_t object, struct wr *w)
{
    char text[16];
    if (object == 5 && c->quirks->object_minor > 0) {
        char version[8];
        link_format_put(w, "/5");
        (void)snprintf(version, sizeof(version), "1.%u", c->quirks->object_minor);
        link_format_put_attr(w, "ver", version);
    }
    (void)snprintf(text, sizeof(text), "/%u/0", object);
    link_format_put(w, text);
}

void lwm2m_links(const struct lwm2m_client *c, struct wr *w)
{
    link_format_put(w, "/");
    link_format_put_attr(w, "rt", "oma.lwm2m");
    link_format_put_attr(w, "ct", "11542");
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        if (has_object(c, objects[i])) {
            put_object_link(c, objects[i], w);
        }
    }
}

static void discover(const struct lwm2m_client *c, const struct lwm2m_path *path,
                     struct wr *w)
{
    put_object_link(c, path->id[0], w);
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        const struct resource *r = &resources[i];
        struct lwm2m_path at = {{r->object, 0, r->id}, 3};
        char text[LWM2M_PATH_TEXT_SIZE];
        if (lwm2m_path_is_in(&at, path) && has(c, r)) {
            link_format_put(w, lwm2m_path_format(&at, text));
        }
    }
}

static uint8_t read_resource(const struct lwm2m_client *c, const struct lwm2m_path *path,
                             uint16_t accept, struct wr *w, uint16_t *format)
{
    const struct resource *r = find(c, path->id[0], path->id[2]);
    if (r == NULL || path->depth > 3) {
        return COAP_CODE_NOT_FOUND;
    }
    if ((r->operations & LWM2M_OP_READ) == 0) {
        return COAP_CODE_NOT_ALLOWED;
    }
    bool text = r->kind != MULTIPLE &&
                (accept == LWM2M_TEXT || (accept == LWM2M_NO_FORMAT && c->quirks->text));
    *format = text ? LWM2M_TEXT : LWM2M_TLV;
    if (text) {
        put_text(c, r, w);
    } else {
        put_resource(c, r, w);
    }
    return COAP_CODE_CONTENT;
}

uint8_t lwm2m_read(const struct lwm2m_client *c, const struct lwm2m_path *path,
                   uint16_t accept, struct wr *w, uint16_t *format)
{
    if (path->depth == 0 || !has_object(c, path->id[0]) ||
        (path->depth > 1 && path->id[1] != 0)) {
        return COAP_CODE_NOT_FOUND;
    }
    if (accept == LWM2M_LINKS) {
        *format = LWM2M_LINKS;
        discover(c, path, w);
        return COAP_CODE_CONTENT;
    }
    if (accept != LWM2M_NO_FORMAT && accept != LWM2M_TLV && accept != LWM2M_TEXT) {
        return COAP_CODE_NOT_ACCEPTABLE;
    }
    if (path->depth > 2) {
        return read_resource(c, path, accept, w, format);
    }
    if (accept == LWM2M_TEXT) {
        return COAP_CODE_NOT_ACCEPTABLE;
    }
    *format = LWM2M_TLV;
    put_instance(c, path->id[0], path->depth == 1 || c->quirks->wrapped, w);
    return COAP_CODE_CONTENT;
}
