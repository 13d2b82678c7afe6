/* SPDX-License-Identifier: MIT */
/*
 * transcode.h - JSON in protobuf's mapping (camelCase, base64, RFC 3339, names of enums) as
 * the protobuf message that it is of, by the message's descriptor.
 *
 * Members that the descriptor does not have are left out, as are defaults. Maps are repeated
 * messages of key and value. Single numbers and texts, and repeated messages: that is what
 * ChirpStack's events have.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* The caller's to free; NULL: it does not fit into 64 KiB, a value is none of its type, or
 * there is no memory. */
uint8_t *transcode(const ProtobufCMessageDescriptor *descriptor, struct json_object *root,
                   size_t *len);
