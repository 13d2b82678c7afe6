/* SPDX-License-Identifier: MIT */
#include "topics.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

enum {
    NAME_SIZE = 24,
    EUI_LEN = 16,
};

#define GATEWAY_LEVEL "gateway/"
#define NO_MATCH      SIZE_MAX

/* ---- a template, piece by piece ---- */

enum piece_kind {
    PIECE_END,
    PIECE_TEXT, /* one character */
    PIECE_NAME, /* {{name}} */
    PIECE_BAD,  /* braces that are none */
};

struct piece {
    enum piece_kind kind;
    char letter;
    char name[NAME_SIZE];
};

static struct piece next_piece(const char **at)
{
    struct piece piece = {.kind = PIECE_TEXT, .letter = **at};
    if (**at == '\0') {
        piece.kind = PIECE_END;
        return piece;
    }
    if (strncmp(*at, "{{", 2) != 0) {
        ++*at;
        return piece;
    }
    const char *begin = *at + 2 + strspn(*at + 2, " ");
    size_t len = strcspn(begin, " }");
    const char *end = begin + len + strspn(begin + len, " ");
    if (len == 0 || len >= NAME_SIZE || strncmp(end, "}}", 2) != 0) {
        piece.kind = PIECE_BAD;
        return piece;
    }
    piece.kind = PIECE_NAME;
    memcpy(piece.name, begin, len);
    *at = end + 2;
    return piece;
}

static bool is_known(const char *name, const char *what)
{
    return strcmp(name, "application_id") == 0 || strcmp(name, "dev_eui") == 0 ||
           strcmp(name, what) == 0;
}

const char *topic_template_problem(const char *text, const char *what)
{
    bool has_device = false;
    bool has_what = false;
    bool after_name = false;
    const char *at = text;
    if (strnlen(text, TOPIC_SIZE / 2) >= TOPIC_SIZE / 2) {
        return "is too long";
    }
    for (struct piece p = next_piece(&at); p.kind != PIECE_END; p = next_piece(&at)) {
        if (p.kind == PIECE_BAD || (p.kind == PIECE_NAME && !is_known(p.name, what))) {
            return "has a {{placeholder}} that ChirpStack does not know";
        }
        if (p.kind == PIECE_NAME && after_name) {
            return "has two placeholders with nothing in between";
        }
        if (p.kind == PIECE_TEXT && (p.letter == '+' || p.letter == '#')) {
            return "has a wildcard; write the template as in ChirpStack's configuration";
        }
        after_name = p.kind == PIECE_NAME;
        has_device = has_device || (after_name && strcmp(p.name, "dev_eui") == 0);
        has_what = has_what || (after_name && strcmp(p.name, what) == 0);
    }
    return has_device && has_what ? NULL : "does not tell devices or messages apart";
}

/* ---- filters and commands ---- */

/* A level with a placeholder is a wildcard as a whole. */
void topic_filter(const char *text, const char *application_id, char topic[TOPIC_SIZE])
{
    size_t len = 0;
    size_t level = 0;
    bool wild = false;
    const char *at = text;
    for (struct piece p = next_piece(&at); p.kind != PIECE_END && len < TOPIC_SIZE - 1;
         p = next_piece(&at)) {
        if (p.kind == PIECE_NAME && strcmp(p.name, "application_id") == 0 && !wild) {
            len += (size_t)snprintf(topic + len, TOPIC_SIZE - len, "%s", application_id);
        } else if (p.kind == PIECE_NAME) {
            wild = true;
            len = level;
            topic[len++] = '+';
        } else if (p.letter == '/') {
            wild = false;
            topic[len++] = '/';
            level = len;
        } else if (!wild) {
            topic[len++] = p.letter;
        }
    }
    topic[len < TOPIC_SIZE ? len : TOPIC_SIZE - 1] = '\0';
}

void topic_command(const char *text, const char *application_id, uint64_t dev_eui,
                   const char *command, char topic[TOPIC_SIZE])
{
    char eui[HEX_EUI_SIZE];
    size_t len = 0;
    const char *at = text;
    format_eui(dev_eui, eui);
    for (struct piece p = next_piece(&at); p.kind != PIECE_END && len < TOPIC_SIZE - 1;
         p = next_piece(&at)) {
        const char *value = strcmp(p.name, "application_id") == 0 ? application_id
                            : strcmp(p.name, "dev_eui") == 0      ? eui
                                                                  : command;
        if (p.kind == PIECE_NAME) {
            len += (size_t)snprintf(topic + len, TOPIC_SIZE - len, "%s", value);
        } else {
            topic[len++] = p.letter;
        }
    }
    topic[len < TOPIC_SIZE ? len : TOPIC_SIZE - 1] = '\0';
}

/* ---- what comes in ---- */

/* Placeholders are no neighbours: an unknown one ends where the next text begins. */
static size_t value_len(const char *name, const char *in, char next,
                        const char *application_id)
{
    const char stops[] = {'/', next, '\0'};
    size_t want = strcmp(name, "application_id") == 0 ? strlen(application_id)
                  : strcmp(name, "dev_eui") == 0      ? EUI_LEN
                                                      : TOPIC_SIZE;
    return want == TOPIC_SIZE ? strcspn(in, stops) : strnlen(in, want);
}

static bool take_value(const char *name, const char *value, size_t len,
                       const char *application_id, struct topic_device *device)
{
    if (strcmp(name, "application_id") == 0) {
        return strlen(application_id) == len && memcmp(value, application_id, len) == 0;
    }
    if (strcmp(name, "dev_eui") == 0) {
        return parse_eui(value, len, &device->dev_eui);
    }
    if (len == 0 || len >= TOPIC_KIND_SIZE) {
        return false;
    }
    memcpy(device->kind, value, len);
    device->kind[len] = '\0';
    return true;
}

/* How much of `in` the piece stands for; NO_MATCH. */
static size_t match(const struct piece *p, const char *in, char next,
                    const char *application_id, struct topic_device *found)
{
    if (p->kind == PIECE_TEXT) {
        return *in == p->letter ? 1 : NO_MATCH;
    }
    size_t len = value_len(p->name, in, next, application_id);
    return take_value(p->name, in, len, application_id, found) ? len : NO_MATCH;
}

bool topic_parse(const char *text, const char *application_id, const char *topic,
                 struct topic_device *device)
{
    struct topic_device found = {0};
    const char *at = text;
    const char *in = topic;
    for (struct piece p = next_piece(&at); p.kind != PIECE_END; p = next_piece(&at)) {
        size_t len = match(&p, in, *at, application_id, &found);
        if (len == NO_MATCH) {
            return false;
        }
        in += len;
    }
    if (*in == '\0') {
        *device = found;
    }
    return *in == '\0';
}

/* ---- gateways ---- */

bool topic_prefixes_parse(const char *text, struct topic_prefixes *prefixes)
{
    prefixes->count = 0;
    for (;;) {
        text += strspn(text, " ");
        size_t len = strcspn(text, ",");
        const char *next = text + len;
        while (len > 0 && text[len - 1] == ' ') {
            len--;
        }
        if (len + 2 > TOPIC_PREFIX_SIZE || prefixes->count == TOPIC_PREFIXES_MAX ||
            strcspn(text, "+#") < len) {
            return false;
        }
        snprintf(prefixes->text[prefixes->count++], TOPIC_PREFIX_SIZE, "%.*s%s", (int)len,
                 text, len > 0 ? "/" : "");
        if (*next == '\0') {
            return true;
        }
        text = next + 1;
    }
}

const char *topic_of_gateway(const struct topic_prefixes *prefixes, const char *topic,
                             uint64_t *gateway, size_t *prefix)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        size_t len = strlen(prefixes->text[i]);
        if (strncmp(topic, prefixes->text[i], len) != 0 ||
            strncmp(topic + len, GATEWAY_LEVEL, strlen(GATEWAY_LEVEL)) != 0) {
            continue;
        }
        const char *eui = topic + len + strlen(GATEWAY_LEVEL);
        const char *rest = eui + strcspn(eui, "/");
        *prefix = i;
        if (rest - eui != EUI_LEN || !parse_eui(eui, EUI_LEN, gateway)) {
            *gateway = 0;
        }
        return rest;
    }
    return NULL;
}
