/* SPDX-License-Identifier: MIT */
/* http_request.h - one request and its answer; config checks. Internal to src/net. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

enum {
    HTTP_GRPC_TEXT_SIZE = 512,
};

struct http_request_item {
    struct http_request_item *next;
    uint64_t id;
    char *method;
    char *path;
    char *content_type; /* NULL: none */
    char *accept;       /* NULL: none */
    uint8_t *body;
    size_t body_len;
    size_t body_read; /* by libcurl; never rewound: a request is sent once */
    struct curl_slist *headers;
    char *url;
    uint8_t *answer;
    size_t answer_len;
    size_t answer_cap;
    size_t answer_max;
    bool too_big;
    char *grpc_status; /* into the buffers below, or NULL */
    char *grpc_message;
    char grpc_status_text[16];
    char grpc_message_text[HTTP_GRPC_TEXT_SIZE];
};

FUO_MUST_CHECK int http_request_item_create(uint64_t id,
                                            const struct fuo_http_request *request,
                                            size_t answer_max,
                                            struct http_request_item **item);

/* Everything but the options common to all requests. false: out of memory. */
bool http_request_item_prepare(struct http_request_item *item,
                               const struct http_config *config, CURL *easy);

/* Wipes bodies and headers. Accepts NULL. */
void http_request_item_destroy(struct http_request_item *item);

/* Why config cannot be used, for people; NULL if it can. */
const char *http_config_problem(const struct http_config *config);

/* Copies texts, the token into locked memory, and fills in defaults. */
FUO_MUST_CHECK int http_config_copy(struct http_config *copy,
                                    const struct http_config *config);

/* Frees the copies and wipes the token. */
void http_config_finish(struct http_config *config);
