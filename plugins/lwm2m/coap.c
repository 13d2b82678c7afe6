/* SPDX-License-Identifier: MIT */
#include "lwm2m.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/fnv.h"

enum {
    HEADER_BYTES = 4,
    TIMES_MAX = 3, /* of what came */
    CREDIT_MAX = 65536,
    REPEATS_UNVERIFIED = 1,
    QUERY_BYTES_MAX = 255, /* of an option Uri-Query */
};

uint32_t coap_number(const coap_pdu_t *pdu, uint16_t option, uint32_t absent)
{
    coap_opt_iterator_t it;
    const coap_opt_t *found = coap_check_option(pdu, option, &it);
    if (found == NULL || coap_opt_length(found) > sizeof(uint32_t)) {
        return absent;
    }
    return coap_decode_var_bytes(coap_opt_value(found), coap_opt_length(found));
}

int coap_block_of(const coap_pdu_t *pdu, uint16_t option, struct coap_block *block)
{
    coap_opt_iterator_t it;
    const coap_opt_t *found = coap_check_option(pdu, option, &it);
    return found == NULL
               ? FUO_ENOENT
               : coap_block_decode(coap_opt_value(found), coap_opt_length(found), block);
}

bool coap_put_number(coap_pdu_t *pdu, uint16_t option, uint32_t number)
{
    uint8_t value[4];
    size_t len = coap_encode_var_safe(value, sizeof(value), number);
    return coap_add_option(pdu, option, len, value) > 0;
}

bool coap_put_block(coap_pdu_t *pdu, uint16_t option, const struct coap_block *block)
{
    uint8_t value[COAP_BLOCK_OPTION_BYTES];
    int len = coap_block_encode(block, value);
    return len >= 0 && coap_add_option(pdu, option, (size_t)len, value) > 0;
}

bool coap_put_path(coap_pdu_t *pdu, const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        if (coap_add_option(pdu, COAP_OPTION_URI_PATH, len, (const uint8_t *)path) == 0) {
            return false;
        }
        path += len;
        path += *path == '/';
    }
    return true;
}

bool coap_put_query(coap_pdu_t *pdu, const char *query)
{
    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        if (coap_add_option(pdu, COAP_OPTION_URI_QUERY, len, (const uint8_t *)query) ==
            0) {
            return false;
        }
        query += len;
        query += *query == '&';
    }
    return true;
}

bool coap_copy_text(const coap_opt_t *option, char *text, size_t size)
{
    size_t len = coap_opt_length(option);
    const uint8_t *value = coap_opt_value(option);
    if (len >= size || (len > 0 && memchr(value, '\0', len) != NULL)) {
        return false;
    }
    if (len > 0) {
        memcpy(text, value, len);
    }
    text[len] = '\0';
    return true;
}

bool coap_read_query(const coap_pdu_t *pdu, void (*take)(void *arg, const char *text),
                     void *arg)
{
    char text[QUERY_BYTES_MAX + 1];
    coap_opt_filter_t filter;
    coap_opt_iterator_t it;
    const coap_opt_t *option;
    coap_option_filter_clear(&filter);
    coap_option_filter_set(&filter, COAP_OPTION_URI_QUERY);
    coap_option_iterator_init(pdu, &it, &filter);
    while ((option = coap_option_next(&it)) != NULL) {
        if (!coap_copy_text(option, text, sizeof(text))) {
            return false;
        }
        take(arg, text);
    }
    return true;
}

bool coap_is_param(const char *text, const char *key, const char **value)
{
    size_t len = strlen(key);
    *value = text + len + 1;
    return strncmp(text, key, len) == 0 && text[len] == '=';
}

bool coap_copy_endpoint(const char *value, char endpoint[static ENDPOINT_SIZE])
{
    size_t len = strlen(value);
    if (len == 0 || len >= ENDPOINT_SIZE) {
        return false;
    }
    memcpy(endpoint, value, len + 1);
    return true;
}

bool coap_is_secure(const coap_session_t *session)
{
    return coap_session_get_proto(session) == COAP_PROTO_DTLS;
}

uint64_t coap_host(const coap_session_t *session)
{
    const coap_address_t *remote = coap_session_get_addr_remote(session);
    bool v6 = remote->addr.sa.sa_family == AF_INET6;
    const void *bytes = v6 ? (const void *)&remote->addr.sin6.sin6_addr
                           : (const void *)&remote->addr.sin.sin_addr;
    uint64_t hash = fnv1a(bytes, v6 ? sizeof(remote->addr.sin6.sin6_addr)
                                    : sizeof(remote->addr.sin.sin_addr));
    return hash != 0 ? hash : 1;
}

/* ---- what may be sent to those that may not be there ---- */

size_t coap_size(const coap_pdu_t *pdu)
{
    coap_opt_iterator_t it;
    const coap_opt_t *option;
    const uint8_t *data;
    size_t len = 0;
    size_t size = HEADER_BYTES + coap_pdu_get_token(pdu).length;
    coap_option_iterator_init(pdu, &it, COAP_OPT_ALL);
    while ((option = coap_option_next(&it)) != NULL) {
        size += coap_opt_size(option);
    }
    return coap_get_data(pdu, &len, &data) != 0 && len > 0 ? size + 1 + len : size;
}

void coap_earn(uint32_t *credit, const coap_pdu_t *request, const coap_pdu_t *response)
{
    size_t all = *credit + TIMES_MAX * coap_size(request);
    size_t answer = coap_size(response);
    size_t left = all > answer ? all - answer : 0;
    *credit = (uint32_t)(left < CREDIT_MAX ? left : CREDIT_MAX);
}

bool coap_spend(uint32_t *credit, coap_session_t *session, const coap_pdu_t *pdu)
{
    size_t all = (1 + REPEATS_UNVERIFIED) * coap_size(pdu);
    if (all > *credit) {
        return false;
    }
    *credit -= (uint32_t)all;
    coap_session_set_max_retransmit(session, REPEATS_UNVERIFIED);
    return true;
}

/* ---- names ---- */

bool coap_format_local(const coap_session_t *session, uint32_t port, char *text,
                       size_t size)
{
    const coap_address_t *local = coap_session_get_addr_local(session);
    char host[INET6_ADDRSTRLEN];
    bool v6 = local->addr.sa.sa_family == AF_INET6;
    const void *bytes = v6 ? (const void *)&local->addr.sin6.sin6_addr
                           : (const void *)&local->addr.sin.sin_addr;
    bool mapped = v6 && IN6_IS_ADDR_V4MAPPED(&local->addr.sin6.sin6_addr);
    if (mapped) {
        bytes = &local->addr.sin6.sin6_addr.s6_addr[12];
    }
    if (inet_ntop(v6 && !mapped ? AF_INET6 : AF_INET, bytes, host, sizeof(host)) ==
        NULL) {
        return false;
    }
    port = port != 0 ? port : coap_address_get_port(local);
    int len =
        snprintf(text, size, v6 && !mapped ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
    return len > 0 && (size_t)len < size;
}

bool coap_may_be(const coap_session_t *session, const char *name)
{
    if (!coap_is_secure(session)) {
        return true;
    }
    const coap_bin_const_t *identity = coap_session_get_psk_identity(session);
    return identity != NULL && identity->length == strlen(name) &&
           memcmp(identity->s, name, identity->length) == 0;
}
