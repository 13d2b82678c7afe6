/* SPDX-License-Identifier: MIT */
/* The control protocol: any line as a request and as a message; what parses prints. */
#include <stdlib.h>

#include "ctl/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(const char *line, size_t len)
{
    struct ctl_request request;
    struct ctl_error error = {0};
    if (ctl_request_parse(line, len, &request, &error) == FUO_OK) {
        free(ctl_print_request(request.id, request.method,
                               json_object_get(request.params)));
        char digest[CTL_DIGEST_SIZE];
        (void)!ctl_digest_text(ctl_text(request.params, "digest"), digest);
    } else {
        free(ctl_print_error(request.id, &error));
    }
    ctl_request_finish(&request);
    ctl_error_finish(&error);
}

static void try_message(const char *line, size_t len)
{
    struct ctl_message message;
    if (ctl_message_parse(line, len, &message) == FUO_OK) {
        ctl_message_finish(&message);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[256];
    size_t len = 0;
    try_request((const char *)data, size);
    try_message((const char *)data, size);
    (void)!ctl_base64_decode((const char *)data, size, bytes, sizeof(bytes), &len);
    return 0;
}
