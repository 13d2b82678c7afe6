/* SPDX-License-Identifier: MIT */
#include "plugin/texts.h"

#include <string.h>

size_t texts_room(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

const char *texts_put(char **next, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    char *at = *next;
    size_t size = texts_room(text);
    memcpy(at, text, size);
    *next += size;
    return at;
}
