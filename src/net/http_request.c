/* SPDX-License-Identifier: MIT */
#include "net/http_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/secrets.h"

enum {
    TEXT_MAX = 2048,
    TOKEN_MAX = 4096,
};

/* Printable ASCII without blanks at most: nothing that could end a header line. */
static bool text_valid(const char *text, size_t max, char least)
{
    size_t len = strnlen(text, max + 1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < least || text[i] > 0x7e) {
            return false;
        }
    }
    return len > 0 && len <= max;
}

static bool optional_valid(const char *text)
{
    return text == NULL || text_valid(text, TEXT_MAX, ' ');
}

/* ---- config ---- */

const char *http_config_problem(const struct http_config *config)
{
    const char *url = config->base_url;
    if (url == NULL || !text_valid(url, TEXT_MAX, '!') ||
        (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)) {
        return "the URL is not http://... or https://...";
    }
    const char *host = strstr(url, "://") + 3;
    if (host[0] == '\0' || host[0] == '/' || host[0] == ':' || strpbrk(host, "@?#\\")) {
        return "the URL must be just a host, perhaps a port and a path";
    }
    if (config->bearer_token != NULL &&
        !text_valid(config->bearer_token, TOKEN_MAX, '!')) {
        return "the token holds characters that no token has";
    }
    return NULL;
}

static void fill(uint32_t *value, uint32_t fallback)
{
    if (*value == 0) {
        *value = fallback;
    }
}

static void http_text_free(const char *text)
{
    char *p;
    memcpy(&p, &text, sizeof(p));
    free(p);
}

static bool copy_text(const char **slot, const char *text)
{
    *slot = text != NULL ? strdup(text) : NULL;
    return text == NULL || *slot != NULL;
}

/* In locked memory, which no core file has. */
static bool copy_secret(const char **slot, const char *text)
{
    struct secret copy = {0};
    bool ok = text == NULL ||
              (secrets_init() == FUO_OK &&
               secret_copy((const uint8_t *)text, strlen(text), &copy) == FUO_OK);
    *slot = (const char *)copy.bytes;
    return ok;
}

void http_config_finish(struct http_config *config)
{
    struct secret token = {0};
    memcpy(&token.bytes, &config->bearer_token, sizeof(token.bytes));
    secret_release(&token);
    http_text_free(config->base_url);
    http_text_free(config->ca_file);
    *config = (struct http_config){0};
}

int http_config_copy(struct http_config *copy, const struct http_config *config)
{
    *copy = *config;
    bool ok = copy_text(&copy->base_url, config->base_url);
    ok = copy_secret(&copy->bearer_token, config->bearer_token) && ok;
    ok = copy_text(&copy->ca_file, config->ca_file) && ok;
    fill(&copy->connect_timeout_ms, 5000);
    fill(&copy->total_timeout_ms, 15000);
    fill(&copy->backoff_min_ms, 100);
    fill(&copy->backoff_max_ms, 30000);
    if (copy->response_max_bytes == 0) {
        copy->response_max_bytes = HTTP_RESPONSE_MAX_BYTES;
    }
    if (!ok) {
        http_config_finish(copy);
        return FUO_ENOMEM;
    }
    return FUO_OK;
}

/* ---- a request ---- */

static bool dup_text(char **slot, const char *text)
{
    *slot = text != NULL ? strdup(text) : NULL;
    return text == NULL || *slot != NULL;
}

static bool copy_request(struct http_request_item *item,
                         const struct fuo_http_request *request)
{
    item->body = malloc(request->body_len + 1);
    if (item->body == NULL) {
        return false;
    }
    if (request->body_len > 0) {
        memcpy(item->body, request->body, request->body_len);
    }
    item->body_len = request->body_len;
    return dup_text(&item->method, request->method) &&
           dup_text(&item->path, request->path) &&
           dup_text(&item->content_type, request->content_type) &&
           dup_text(&item->accept, request->accept);
}

int http_request_item_create(uint64_t id, const struct fuo_http_request *request,
                             size_t answer_max, struct http_request_item **item)
{
    if (request->method == NULL || !text_valid(request->method, 16, 'A') ||
        request->path == NULL || request->path[0] != '/' ||
        !text_valid(request->path, TEXT_MAX, '!') ||
        !optional_valid(request->content_type) || !optional_valid(request->accept)) {
        return FUO_EINVAL;
    }
    if (request->body_len > HTTP_REQUEST_MAX_BYTES) {
        return FUO_ERANGE;
    }
    struct http_request_item *i = calloc(1, sizeof(*i));
    if (i == NULL) {
        return FUO_ENOMEM;
    }
    i->id = id;
    i->answer_max = answer_max;
    if (!copy_request(i, request)) {
        http_request_item_destroy(i);
        return FUO_ENOMEM;
    }
    *item = i;
    return FUO_OK;
}

static size_t read_body(char *buf, size_t size, size_t count, void *context)
{
    struct http_request_item *item = context;
    size_t n = item->body_len - item->body_read;
    if (n > size * count) {
        n = size * count;
    }
    memcpy(buf, item->body + item->body_read, n);
    item->body_read += n;
    return n;
}

/*
 * libcurl silently repeats a request when a kept connection turns out to be dead. A POST
 * that may have been carried out must not be repeated: it cannot be rewound.
 */
static int refuse_rewind(void *context, curl_off_t offset, int origin)
{
    (void)context;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static bool grow(struct http_request_item *item, size_t need)
{
    size_t cap = item->answer_cap != 0 ? item->answer_cap : 4096;
    while (cap < need) {
        cap *= 2;
    }
    uint8_t *bigger = malloc(cap);
    if (bigger == NULL) {
        return false;
    }
    if (item->answer != NULL) {
        memcpy(bigger, item->answer, item->answer_len);
        explicit_bzero(item->answer, item->answer_len);
        free(item->answer);
    }
    item->answer = bigger;
    item->answer_cap = cap;
    return true;
}

static size_t write_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct http_request_item *item = context;
    size_t len = size * count;
    if (len > item->answer_max - item->answer_len) {
        item->too_big = true;
        return 0;
    }
    if (item->answer_len + len > item->answer_cap &&
        !grow(item, item->answer_len + len)) {
        return 0;
    }
    memcpy(item->answer + item->answer_len, bytes, len);
    item->answer_len += len;
    return len;
}

/* The value of "name: value\r\n", cut to fit; NULL if the line is another header. */
static char *header_value(const char *line, size_t len, const char *name, char *value,
                          size_t value_size)
{
    size_t name_len = strlen(name);
    if (len <= name_len || strncasecmp(line, name, name_len) != 0 ||
        line[name_len] != ':') {
        return NULL;
    }
    const char *from = line + name_len + 1;
    const char *end = line + len;
    while (from < end && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (end > from && (uint8_t)end[-1] <= ' ') {
        end--;
    }
    size_t n = (size_t)(end - from);
    if (n > value_size - 1) {
        n = value_size - 1;
    }
    memcpy(value, from, n);
    value[n] = '\0';
    return value;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct http_request_item *item = context;
    size_t len = size * count;
    char *value = header_value(line, len, "grpc-status", item->grpc_status_text,
                               sizeof(item->grpc_status_text));
    if (value != NULL) {
        item->grpc_status = value;
    }
    value = header_value(line, len, "grpc-message", item->grpc_message_text,
                         sizeof(item->grpc_message_text));
    if (value != NULL) {
        item->grpc_message = value;
    }
    return len;
}

/* false: out of memory; value NULL: no such header. */
static bool add_header(struct http_request_item *item, const char *name,
                       const char *value)
{
    if (value == NULL) {
        return true;
    }
    size_t size = strlen(name) + strlen(value) + 1;
    char *line = malloc(size);
    if (line == NULL) {
        return false;
    }
    snprintf(line, size, "%s%s", name, value);
    struct curl_slist *list = curl_slist_append(item->headers, line); /* a copy */
    explicit_bzero(line, size);
    free(line);
    if (list != NULL) {
        item->headers = list;
    }
    return list != NULL;
}

static bool add_headers(struct http_request_item *item, const struct http_config *config)
{
    bool grpc_web = item->content_type != NULL &&
                    strncmp(item->content_type, "application/grpc-web", 20) == 0;
    return add_header(item, "Expect:", "") &&
           add_header(item,
                      item->content_type != NULL ? "Content-Type: " : "Content-Type:",
                      item->content_type != NULL ? item->content_type : "") &&
           add_header(item, "Accept: ", item->accept) &&
           add_header(item, "X-Grpc-Web: ", grpc_web ? "1" : NULL) &&
           add_header(item, "Authorization: Bearer ", config->bearer_token);
}

static bool make_url(struct http_request_item *item, const struct http_config *config)
{
    size_t base_len = strlen(config->base_url);
    while (config->base_url[base_len - 1] == '/') {
        base_len--;
    }
    size_t size = base_len + strlen(item->path) + 1;
    item->url = malloc(size);
    if (item->url == NULL) {
        return false;
    }
    snprintf(item->url, size, "%.*s%s", (int)base_len, config->base_url, item->path);
    return true;
}

bool http_request_item_prepare(struct http_request_item *item,
                               const struct http_config *config, CURL *easy)
{
    if (!make_url(item, config) || !add_headers(item, config)) {
        return false;
    }
    if (item->body_len > 0 || strcmp(item->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)item->body_len);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_body);
        curl_easy_setopt(easy, CURLOPT_READDATA, item);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_rewind);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, item->method);
    curl_easy_setopt(easy, CURLOPT_URL, item->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, item->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, item);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, item);
    return true;
}

static void free_headers(struct curl_slist *list)
{
    for (const struct curl_slist *l = list; l != NULL; l = l->next) {
        explicit_bzero(l->data, strlen(l->data));
    }
    curl_slist_free_all(list);
}

void http_request_item_destroy(struct http_request_item *item)
{
    if (item == NULL) {
        return;
    }
    if (item->body != NULL) {
        explicit_bzero(item->body, item->body_len);
    }
    if (item->answer != NULL) {
        explicit_bzero(item->answer, item->answer_len);
    }
    free_headers(item->headers);
    free(item->body);
    free(item->answer);
    free(item->method);
    free(item->path);
    free(item->content_type);
    free(item->accept);
    free(item->url);
    free(item);
}
