/* SPDX-License-Identifier: MIT */
/*
 * forms.h - how each gateway is spoken to: below which prefix, JSON or protobuf. Learned from
 * what it sends and is sent; bounded. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FORMS_MAX = 8192, /* gateways beyond are not remembered */
};

struct form {
    uint64_t gateway;
    uint8_t prefix;
    bool json;
};

/* Zeroed is empty. */
struct forms {
    struct form *items; /* ascending by gateway */
    size_t count;
    size_t cap;
};

void forms_note(struct forms *forms, const struct form *form);
const struct form *forms_find(const struct forms *forms, uint64_t gateway); /* NULL */
void forms_finish(struct forms *forms);
