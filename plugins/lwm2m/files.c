/* SPDX-License-Identifier: MIT */
/*
 * files.c - the images, to be fetched by the devices that they are for: GET /fw/<eui>-<key>.
 * The same image may be at an HTTP server of the operator's, called by its SHA-256: there a
 * name stands for these bytes for ever, and whoever has put another file there is found out
 * by looking.
 *
 * The key of a path is derived from device and image, so that it is the same after a restart
 * and nobody else can guess it: whoever has the path was told it. Each block is cut out of
 * the image when it is asked for; nothing is kept but how far the device has come.
 */
#include "lwm2m.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

enum {
    KEY_BYTES = 16,
    NAME_SIZE = HEX_EUI_SIZE + 2 * KEY_BYTES + 1,
    ETAG_BYTES = 8,
    MILLE = 1000,
    SZX_DEFAULT = 6,
    OPTIONS_BYTES = 25, /* at most, of an answer with a block */
};

static int name_of(struct fuo_ns *ns, uint64_t eui, uint32_t image,
                   char name[static NAME_SIZE], uint8_t key[static KEY_BYTES])
{
    char text[64];
    char hex[2 * KEY_BYTES + 1];
    char eui_text[HEX_EUI_SIZE];
    format_eui(eui, eui_text);
    snprintf(text, sizeof(text), "lwm2m fw %s %u", eui_text, (unsigned)image);
    int err = ns->base.ops->derive(ns->base.host, text, key);
    if (err == FUO_OK) {
        format_hex(key, KEY_BYTES, hex);
        snprintf(name, NAME_SIZE, "%s-%s", eui_text, hex);
    }
    return err;
}

static bool is_same(const char *a, const char *b)
{
    unsigned char differs = (unsigned char)(strlen(a) != strlen(b));
    for (size_t i = 0; differs == 0 && a[i] != '\0'; i++) {
        differs = (unsigned char)(differs | (unsigned char)(a[i] ^ b[i]));
    }
    return differs == 0;
}

/* Who may fetch it; NULL: nobody. */
static struct peer *owner_of(struct fuo_ns *ns, const char *name,
                             uint8_t key[static KEY_BYTES])
{
    uint64_t eui = 0;
    char right[NAME_SIZE];
    if (strlen(name) != NAME_SIZE - 1 || !parse_eui(name, HEX_EUI_SIZE - 1, &eui)) {
        return NULL;
    }
    struct peer *p = peers_find(ns, eui);
    bool may = p != NULL && p->image != 0 &&
               name_of(ns, eui, p->image, right, key) == FUO_OK && is_same(name, right);
    return may ? p : NULL;
}

void files_progress(struct fuo_ns *ns, struct peer *p, size_t done, size_t total,
                    uint32_t mark)
{
    uint32_t permille = (uint32_t)((uint64_t)done * MILLE / (total > 0 ? total : 1));
    if (permille / 10 == p->told_permille / 10 && mark == 0) {
        return;
    }
    p->told_permille = permille;
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_PROGRESS};
    event.progress.dev_eui = p->eui;
    event.progress.done_bytes = (uint32_t)done;
    event.progress.total_bytes = (uint32_t)total;
    event.progress.mark = mark;
    ns_event(ns, &event);
}

/* The one that it registered from may be a port of its own. */
static bool is_known(const struct peer *p, const coap_session_t *session)
{
    return coap_is_secure(session) || p->host == coap_host(session);
}

/* By the size that the device asks for, at most the one that is configured; and not more than
 * three times the request to where it was never heard. */
static uint8_t szx_of(const struct fuo_ns *ns, uint8_t asked, bool known,
                      const coap_pdu_t *request, const coap_pdu_t *response)
{
    uint8_t most = coap_block_szx(ns->config->block_size);
    uint8_t szx = asked < most ? asked : most;
    uint32_t credit = 0;
    coap_earn(&credit, request, response);
    while (!known && szx > 0 && OPTIONS_BYTES + coap_block_bytes(szx) > credit) {
        szx--;
    }
    return szx;
}

static bool put_block(coap_pdu_t *response, const struct coap_block *block, size_t total,
                      const uint8_t etag[static ETAG_BYTES])
{
    return coap_add_option(response, COAP_OPTION_ETAG, ETAG_BYTES, etag) > 0 &&
           coap_put_number(response, COAP_OPTION_CONTENT_FORMAT, FORMAT_OCTETS) &&
           coap_put_block(response, COAP_OPTION_BLOCK2, block) &&
           coap_put_number(response, COAP_OPTION_SIZE2, (uint32_t)total);
}

void files_handle(struct fuo_ns *ns, const coap_session_t *session,
                  const coap_pdu_t *request, const char *name, coap_pdu_t *response)
{
    uint8_t key[KEY_BYTES];
    const uint8_t *image = NULL;
    size_t len = 0;
    struct coap_block block = {.szx = SZX_DEFAULT};
    struct coap_slice slice;
    struct peer *p = owner_of(ns, name, key);
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_NOT_FOUND);
    if (p == NULL ||
        ns->base.ops->image(ns->base.host, p->image, &image, &len) != FUO_OK) {
        ns->base.ops->reject(ns->base.host, "fetch of what is not there");
        return;
    }
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_OPTION);
    int err = coap_block_of(request, COAP_OPTION_BLOCK2, &block);
    if (err != FUO_OK && err != FUO_ENOENT) {
        return;
    }
    size_t offset = coap_block_offset(&block);
    block.szx = szx_of(ns, block.szx, is_known(p, session), request, response);
    block.num = (uint32_t)(offset / coap_block_bytes(block.szx));
    if (coap_block_slice(&block, len, &slice) != FUO_OK) {
        return;
    }
    block.more = slice.more;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    if (!put_block(response, &block, len, key) ||
        coap_add_data(response, slice.len, image + slice.offset) == 0) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
        return;
    }
    files_progress(ns, p, slice.offset + slice.len, len, 0);
    if (p->session != NULL) {
        update_fetched(ns, p);
        look_after(ns, p, slice.more ? LOOK_QUIET_US : LOOK_SOON_US);
    }
}

/* ---- where they are ---- */

int files_uri(struct fuo_ns *ns, const struct peer *p, uint32_t image,
              char uri[static URI_SIZE])
{
    char name[NAME_SIZE];
    uint8_t key[KEY_BYTES];
    char base[URI_SIZE];
    const char *given = ns->config->public_uri;
    int err = name_of(ns, p->eui, image, name, key);
    if (err != FUO_OK) {
        return err;
    }
    int len = -1;
    if (given[0] != '\0') {
        bool slash = given[strlen(given) - 1] == '/';
        len = snprintf(uri, URI_SIZE, "%s%sfw/%s", given, slash ? "" : "/", name);
    } else if (coap_format_local(p->session, 0, base, sizeof(base))) {
        len = snprintf(uri, URI_SIZE, "%s://%s/fw/%s",
                       coap_is_secure(p->session) ? "coaps" : "coap", base, name);
    }
    return len > 0 && len < URI_SIZE ? FUO_OK : FUO_ERANGE;
}

/* ---- elsewhere ---- */

/* Something like "coap://host", to which so many bytes can be added. */
static bool is_base(const char *uri, const char *plain, const char *secure, size_t more)
{
    size_t scheme = strncmp(uri, plain, strlen(plain)) == 0     ? strlen(plain)
                    : strncmp(uri, secure, strlen(secure)) == 0 ? strlen(secure)
                                                                : 0;
    size_t len = strlen(uri);
    for (size_t i = 0; i < len; i++) {
        if (uri[i] <= ' ' || uri[i] > '~' || strchr("\"<>\\^`{|}?#", uri[i]) != NULL) {
            return false;
        }
    }
    return scheme > 0 && uri[scheme] != '\0' && uri[scheme] != '/' &&
           len + more <= URI_SIZE;
}

bool files_is_http(const char *uri)
{
    return is_base(uri, "http://", "https://", 1 + DIGEST_HEX_SIZE);
}

bool files_is_own(const char *uri)
{
    if (!is_base(uri, "coap://", "coaps://", sizeof("/fw/") - 1 + NAME_SIZE)) {
        return false;
    }
    const char *end = strchr(strchr(uri, '/') + 2, '/');
    return end == NULL || end[1] == '\0'; /* there is nothing of ours below a path */
}

/* An image is hashed once, not for each of its devices. */
static const char *digest_of(struct fuo_ns *ns, uint32_t image)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    uint8_t sum[crypto_hash_sha256_BYTES];
    if (ns->base.ops->image(ns->base.host, image, &bytes, &len) != FUO_OK) {
        return NULL;
    }
    for (size_t i = 0; i < DIGESTS_MAX; i++) {
        if (ns->digests[i].image == image && ns->digests[i].len == len) {
            return ns->digests[i].hex;
        }
    }
    struct digest *d = &ns->digests[ns->digest_next++ % DIGESTS_MAX];
    (void)crypto_hash_sha256(sum, bytes, len);
    d->image = image;
    d->len = len;
    format_hex(sum, sizeof(sum), d->hex);
    return d->hex;
}

int files_http_uri(struct fuo_ns *ns, uint32_t image, char uri[static URI_SIZE])
{
    const char *given = ns->config->http_uri;
    const char *digest = given[0] != '\0' ? digest_of(ns, image) : NULL;
    if (digest == NULL) {
        return FUO_ENOENT;
    }
    bool slash = given[strlen(given) - 1] == '/';
    int len = snprintf(uri, URI_SIZE, "%s%s%s", given, slash ? "" : "/", digest);
    return len > 0 && len < URI_SIZE ? FUO_OK : FUO_ERANGE;
}
