/* SPDX-License-Identifier: MIT */
/*
 * fuzz_grpcweb.c - first line: "status message" of the HTTP headers, or empty; the rest:
 * body. What comes out as a message goes through the unpackers.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void unpack(const struct grpcweb_answer *a)
{
    cs__group_list__free_unpacked(
        cs__group_list__unpack(&api_allocator, a->message_len, a->message),
        &api_allocator);
    cs__group_box__free_unpacked(
        cs__group_box__unpack(&api_allocator, a->message_len, a->message),
        &api_allocator);
    cs__queue__free_unpacked(
        cs__queue__unpack(&api_allocator, a->message_len, a->message), &api_allocator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char headers[256] = "";
    struct grpcweb_answer answer;
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t head_len = newline != NULL ? (size_t)(newline - data) : 0;
    if (head_len >= sizeof(headers)) {
        return 0;
    }
    memcpy(headers, data, head_len);
    size_t used = newline != NULL ? head_len + 1 : 0;
    char *blank = strchr(headers, ' ');
    if (blank != NULL) {
        *blank = '\0';
    }
    if (grpcweb_decode(data + used, size - used, headers[0] != '\0' ? headers : NULL,
                       blank != NULL ? blank + 1 : NULL, &answer) != FUO_OK) {
        return 0;
    }
    if (strnlen(answer.text, sizeof(answer.text)) == sizeof(answer.text) ||
        answer.message_len > size) {
        abort();
    }
    if (answer.message != NULL) {
        unpack(&answer);
    }
    return 0;
}
