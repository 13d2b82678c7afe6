/* SPDX-License-Identifier: MIT */
#include "codec/lwm2m_path.h"

/* One step, its "/" excluded; *at ends behind it. */
static int parse_id(const char *text, size_t len, size_t *at, uint16_t *id)
{
    size_t from = *at;
    uint32_t value = 0;
    for (; *at < len && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
        value = value * 10 + (uint32_t)(text[*at] - '0');
        if (value > LWM2M_ID_MAX) {
            return FUO_ERANGE;
        }
    }
    if (*at == from || (text[from] == '0' && *at > from + 1)) {
        return FUO_EPROTO;
    }
    *id = (uint16_t)value;
    return FUO_OK;
}

int lwm2m_path_parse(const char *text, size_t len, struct lwm2m_path *path)
{
    struct lwm2m_path p = {0};
    size_t at = len == 1 && text[0] == '/' ? 1 : 0;
    while (at < len) {
        if (text[at] != '/' || p.depth == LWM2M_PATH_DEPTH) {
            return FUO_EPROTO;
        }
        at++;
        int err = parse_id(text, len, &at, &p.id[p.depth]);
        if (err != FUO_OK) {
            return err;
        }
        p.depth++;
    }
    *path = p;
    return FUO_OK;
}

static size_t put_id(char *text, uint16_t id)
{
    size_t digits = 1;
    for (uint16_t rest = id; rest >= 10; rest = (uint16_t)(rest / 10)) {
        digits++;
    }
    for (size_t i = digits; i-- > 0; id = (uint16_t)(id / 10)) {
        text[i] = (char)('0' + id % 10);
    }
    return digits;
}

const char *lwm2m_path_format(const struct lwm2m_path *path,
                              char text[LWM2M_PATH_TEXT_SIZE])
{
    size_t len = 0;
    for (size_t i = 0; i < path->depth && i < LWM2M_PATH_DEPTH; i++) {
        text[len++] = '/';
        len += put_id(text + len, path->id[i]);
    }
    if (len == 0) {
        text[len++] = '/';
    }
    text[len] = '\0';
    return text;
}

bool lwm2m_path_is_in(const struct lwm2m_path *path, const struct lwm2m_path *prefix)
{
    bool in = path->depth >= prefix->depth;
    for (size_t i = 0; i < prefix->depth && in; i++) {
        in = path->id[i] == prefix->id[i];
    }
    return in;
}
