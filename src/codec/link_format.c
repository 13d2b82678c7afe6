/* SPDX-License-Identifier: MIT */
#include "codec/link_format.h"

struct link_format link_format_init(const void *text, size_t len)
{
    return (struct link_format){.at = text, .left = len};
}

int link_format_end(const struct link_format *list)
{
    return list->err;
}

/* ---- reading ---- */

static bool fail(struct link_format *list, int err)
{
    list->err = err;
    list->left = 0;
    return false;
}

static void skip(struct link_format *list, size_t count)
{
    list->at += count;
    list->left -= count;
}

static void skip_space(struct link_format *list)
{
    while (list->left > 0 && (*list->at == ' ' || *list->at == '\t' ||
                              *list->at == '\r' || *list->at == '\n')) {
        skip(list, 1);
    }
}

static bool is_at(const struct link_format *list, char c)
{
    return list->left > 0 && *list->at == c;
}

/* RFC 6690: parmname and ptoken, what both may consist of. */
static bool is_token_char(char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '=' &&
           c != '<' && c != '>' && c != '\\';
}

static size_t token_len(const struct link_format *list, bool in_value)
{
    size_t len = 0;
    while (len < list->left &&
           (is_token_char(list->at[len]) || (in_value && list->at[len] == '='))) {
        len++;
    }
    return len;
}

/* A quoted value, from its first quote on. */
static bool read_quoted(struct link_format *list, struct link_attr *attr)
{
    size_t len = 1;
    while (len < list->left && list->at[len] != '"') {
        len += list->at[len] == '\\' ? 2 : 1;
    }
    if (len >= list->left) {
        return fail(list, FUO_ESHORT);
    }
    attr->value = list->at + 1;
    attr->value_len = len - 1;
    skip(list, len + 1);
    return true;
}

static bool read_value(struct link_format *list, struct link_attr *attr)
{
    skip_space(list);
    if (is_at(list, '"')) {
        return read_quoted(list, attr);
    }
    attr->value = list->at;
    attr->value_len = token_len(list, true);
    skip(list, attr->value_len);
    return attr->value_len > 0 || fail(list, list->left == 0 ? FUO_ESHORT : FUO_EPROTO);
}

/* ";name" or ";name=value", if there is one. */
static bool read_attr(struct link_format *list, struct link_attr *attr)
{
    skip_space(list);
    if (!is_at(list, ';')) {
        return false;
    }
    skip(list, 1);
    skip_space(list);
    *attr = (struct link_attr){.name = list->at, .name_len = token_len(list, false)};
    if (attr->name_len == 0) {
        return fail(list, list->left == 0 ? FUO_ESHORT : FUO_EPROTO);
    }
    skip(list, attr->name_len);
    skip_space(list);
    if (!is_at(list, '=')) {
        return true;
    }
    skip(list, 1);
    return read_value(list, attr);
}

static bool read_target(struct link_format *list, struct link *link)
{
    if (!is_at(list, '<')) {
        return fail(list, FUO_EPROTO);
    }
    size_t len = 1;
    while (len < list->left && list->at[len] > ' ' && list->at[len] != '<' &&
           list->at[len] != '>') {
        len++;
    }
    if (len >= list->left) {
        return fail(list, FUO_ESHORT);
    }
    if (list->at[len] != '>') {
        return fail(list, FUO_EPROTO);
    }
    *link = (struct link){.target = list->at + 1, .target_len = len - 1};
    skip(list, len + 1);
    return true;
}

bool link_format_next(struct link_format *list, struct link *link)
{
    struct link found;
    struct link_attr attr;
    skip_space(list);
    if (list->left == 0 || !read_target(list, &found)) {
        return false;
    }
    found.attrs = list->at;
    while (read_attr(list, &attr)) {
        found.attrs_len = (size_t)(list->at - found.attrs);
    }
    if (list->err != FUO_OK) {
        return false;
    }
    if (is_at(list, ',')) {
        skip(list, 1);
        skip_space(list);
        if (list->left == 0) {
            return fail(list, FUO_ESHORT);
        }
    } else if (list->left > 0) {
        return fail(list, FUO_EPROTO);
    }
    *link = found;
    return true;
}

struct link_format link_attrs(const struct link *link)
{
    return link_format_init(link->attrs, link->attrs_len);
}

bool link_attr_next(struct link_format *attrs, struct link_attr *attr)
{
    return read_attr(attrs, attr);
}

static bool is_word(const char *text, size_t len, const char *word)
{
    size_t i = 0;
    while (i < len && word[i] != '\0' && text[i] == word[i]) {
        i++;
    }
    return i == len && word[i] == '\0';
}

bool link_attr_find(const struct link *link, const char *name, struct link_attr *attr)
{
    struct link_format attrs = link_attrs(link);
    struct link_attr found;
    while (link_attr_next(&attrs, &found)) {
        if (is_word(found.name, found.name_len, name)) {
            *attr = found;
            return true;
        }
    }
    return false;
}

bool link_attr_has_word(const struct link_attr *attr, const char *word)
{
    size_t from = 0;
    for (size_t at = 0; at <= attr->value_len && attr->value != NULL; at++) {
        if (at < attr->value_len && attr->value[at] != ' ') {
            continue;
        }
        if (at > from && is_word(attr->value + from, at - from, word)) {
            return true;
        }
        from = at + 1;
    }
    return false;
}

int link_path(const struct link *link, const char *root, size_t root_len,
              struct lwm2m_path *path)
{
    while (root_len > 0 && root[root_len - 1] == '/') {
        root_len--;
    }
    if (link->target_len < root_len ||
        (root_len > 0 && memcmp(link->target, root, root_len) != 0)) {
        return FUO_ENOENT;
    }
    return lwm2m_path_parse(link->target + root_len, link->target_len - root_len, path);
}

/* ---- writing ---- */

static void put_text(struct wr *w, const char *text)
{
    for (; *text != '\0'; text++) {
        wr_u8(w, (uint8_t)*text);
    }
}

void link_format_put(struct wr *w, const char *target)
{
    put_text(w, w->len > 0 ? ",<" : "<");
    put_text(w, target);
    put_text(w, ">");
}

static bool is_token(const char *text)
{
    const char *at = text;
    while (*at != '\0' && is_token_char(*at)) {
        at++;
    }
    return at != text && *at == '\0';
}

void link_format_put_attr(struct wr *w, const char *name, const char *value)
{
    put_text(w, ";");
    put_text(w, name);
    if (value == NULL) {
        return;
    }
    bool quoted = !is_token(value);
    put_text(w, quoted ? "=\"" : "=");
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\') {
            wr_u8(w, '\\');
        }
        wr_u8(w, (uint8_t)*value);
    }
    put_text(w, quoted ? "\"" : "");
}
