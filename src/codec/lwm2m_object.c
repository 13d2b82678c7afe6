/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_object.c - the types of resources, from the OMA registry (lwm2m.md 1.1, 1.3, 1.5):
 * objects 0, 1, 3, 4, 5, 7 and 33629.
 */
#include "codec/lwm2m_value.h"

/* A letter for each resource from 0 on, big if it is a multiple one: s string, i integer,
 * f float, b boolean, o opaque, t time, l link; '.' there is none with a value. */
struct object {
    uint16_t id;
    uint8_t count;
    const char *types;
};

#define OBJECT(number, letters)              \
    {                                        \
        number, sizeof(letters) - 1, letters \
    }

static const struct object objects[] = {
    OBJECT(0, "sbioooioosiiiisiIl"),      OBJECT(1, "iiii.ibs..litiibbiiiibsb"),
    OBJECT(3, "ssss..IIIiiI.tssssssiiL"), OBJECT(4, "iIiiSSiSiiiiii"),
    OBJECT(5, "os.i.issIi.itib"),         OBJECT(7, "iiiiii..i"),
    OBJECT(33629, "os.i.issIi.itissLL"),
};

enum {
    OBJECT_COUNT = sizeof(objects) / sizeof(objects[0]),
    PATH_RESOURCE = 3,
};

static char letter_of(const struct lwm2m_path *path)
{
    for (size_t i = 0; path->depth >= PATH_RESOURCE && i < OBJECT_COUNT; i++) {
        if (objects[i].id == path->id[0]) {
            bool there = path->id[2] < objects[i].count;
            return objects[i].types[there ? path->id[2] : objects[i].count];
        }
    }
    return '\0';
}

enum lwm2m_type lwm2m_type_of(const struct lwm2m_path *path)
{
    switch (letter_of(path)) {
    case 's':
    case 'S':
        return LWM2M_STRING;
    case 'i':
    case 'I':
        return LWM2M_INTEGER;
    case 'f':
        return LWM2M_FLOAT;
    case 'b':
        return LWM2M_BOOLEAN;
    case 'o':
        return LWM2M_OPAQUE;
    case 't':
        return LWM2M_TIME;
    case 'l':
    case 'L':
        return LWM2M_LINK;
    default:
        return LWM2M_UNKNOWN;
    }
}

bool lwm2m_is_multiple(const struct lwm2m_path *path)
{
    char letter = letter_of(path);
    return letter >= 'A' && letter <= 'Z';
}
