/* SPDX-License-Identifier: MIT */
#include "codec/senml.h"

#include "codec/decimal.h"

enum {
    PATH_RESOURCE = 3,
};

/* "/5/0/" and "3", "/5/0" and "/3": with one slash between them; those at the end are lost. */
static int path_of(const struct senml *senml, const struct senml_record *r,
                   struct lwm2m_path *path)
{
    char text[SENML_NAME_SIZE];
    size_t len = 0;
    if (senml->base_len + r->name_len > sizeof(text)) {
        return FUO_EPROTO;
    }
    if (senml->base_len > 0) {
        memcpy(text, senml->base, senml->base_len);
        len = senml->base_len;
    }
    if (r->name_len > 0) {
        memcpy(text + len, r->name, r->name_len);
        len += r->name_len;
    }
    while (len > 0 && text[len - 1] == '/') {
        len--;
    }
    return lwm2m_path_parse(text, len, path);
}

int senml_take(struct senml *senml, const struct senml_record *r)
{
    struct lwm2m_path path;
    if (r->has_base) {
        if (r->base_len > sizeof(senml->base)) {
            return FUO_EPROTO;
        }
        if (r->base_len > 0) {
            memcpy(senml->base, r->base, r->base_len);
        }
        senml->base_len = r->base_len;
    }
    if (!r->has_value) {
        return FUO_OK;
    }
    int err = path_of(senml, r, &path);
    if (err == FUO_OK && path.depth < PATH_RESOURCE) {
        err = FUO_EPROTO;
    }
    return err == FUO_OK ? lwm2m_list_add(senml->list, &path, &r->value) : err;
}

static size_t put_steps(const struct lwm2m_path *path, size_t from, char *text)
{
    size_t len = 0;
    for (size_t i = from; i < path->depth; i++) {
        if (i > from) {
            text[len++] = '/';
        }
        len += decimal_format_int(path->id[i], text + len);
    }
    return len;
}

size_t senml_base(const struct lwm2m_path *base, char text[SENML_NAME_SIZE])
{
    text[0] = '/';
    size_t len = 1 + put_steps(base, 0, text + 1);
    if (base->depth > 0 && base->depth < PATH_RESOURCE) {
        text[len++] = '/';
    }
    return len;
}

size_t senml_name(const struct lwm2m_path *base, const struct lwm2m_path *path,
                  char text[SENML_NAME_SIZE])
{
    size_t slash = base->depth >= PATH_RESOURCE && path->depth > base->depth;
    text[0] = '/';
    return slash + put_steps(path, base->depth, text + slash);
}
