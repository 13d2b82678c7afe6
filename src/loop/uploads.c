/* SPDX-License-Identifier: MIT */
#include "loop/uploads.h"

#include <string.h>

#include "loop/xalloc.h"

struct upload {
    char digest[CTL_DIGEST_SIZE]; /* empty: a free place */
    uint8_t *bytes;
    size_t size;
    size_t have;
    uint64_t touched;
};

struct uploads {
    struct upload items[UPLOADS_MAX];
    size_t total_bytes;
    uint64_t clock;
};

struct uploads *uploads_create(void)
{
    return xcalloc(1, sizeof(struct uploads));
}

/* Files of devices have keys. */
static void wipe(struct upload *upload)
{
    if (upload->bytes != NULL) {
        explicit_bzero(upload->bytes, upload->have);
    }
    free(upload->bytes);
}

static void release(struct uploads *uploads, struct upload *upload)
{
    uploads->total_bytes -= upload->size;
    wipe(upload);
    *upload = (struct upload){0};
}

void uploads_destroy(struct uploads *uploads)
{
    if (uploads == NULL) {
        return;
    }
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        wipe(&uploads->items[i]);
    }
    free(uploads);
}

static struct upload *find(struct uploads *uploads, const char *digest)
{
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        struct upload *upload = &uploads->items[i];
        if (upload->bytes != NULL && strcmp(upload->digest, digest) == 0) {
            upload->touched = ++uploads->clock;
            return upload;
        }
    }
    return NULL;
}

static struct upload *find_free(struct uploads *uploads)
{
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        if (uploads->items[i].bytes == NULL) {
            return &uploads->items[i];
        }
    }
    return NULL;
}

/* There is one: called when places or bytes are used up. */
static struct upload *find_oldest(struct uploads *uploads)
{
    struct upload *oldest = NULL;
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        struct upload *upload = &uploads->items[i];
        if (upload->bytes != NULL &&
            (oldest == NULL || upload->touched < oldest->touched)) {
            oldest = upload;
        }
    }
    return oldest;
}

/* Makes room for size more bytes. */
static struct upload *place_for(struct uploads *uploads, size_t size)
{
    struct upload *place = find_free(uploads);
    while (place == NULL || uploads->total_bytes + size > UPLOADS_MAX_BYTES) {
        release(uploads, find_oldest(uploads));
        place = find_free(uploads);
    }
    return place;
}

int uploads_begin(struct uploads *uploads, const char *digest, size_t size, size_t *have)
{
    if (size == 0 || size > CTL_IMAGE_MAX) {
        return FUO_ERANGE;
    }
    struct upload *upload = find(uploads, digest);
    if (upload != NULL) {
        *have = upload->have;
        return upload->size == size ? FUO_OK : FUO_EINVAL;
    }
    uint8_t *bytes = malloc(size);
    if (bytes == NULL) {
        return FUO_ENOMEM;
    }
    upload = place_for(uploads, size);
    *upload = (struct upload){
        .bytes = bytes,
        .size = size,
        .touched = ++uploads->clock,
    };
    memcpy(upload->digest, digest, CTL_DIGEST_SIZE);
    uploads->total_bytes += size;
    *have = 0;
    return FUO_OK;
}

int uploads_add(struct uploads *uploads, const char *digest, size_t offset,
                const uint8_t *bytes, size_t len)
{
    struct upload *upload = find(uploads, digest);
    if (upload == NULL) {
        return FUO_ENOENT;
    }
    if (offset != upload->have) {
        return FUO_EINVAL;
    }
    if (len > upload->size - upload->have) {
        return FUO_ERANGE;
    }
    memcpy(upload->bytes + offset, bytes, len);
    upload->have += len;
    if (upload->have < upload->size) {
        return FUO_OK;
    }
    char got[CTL_DIGEST_SIZE];
    ctl_digest(upload->bytes, upload->size, got);
    if (strcmp(got, digest) != 0) {
        release(uploads, upload);
        return FUO_EAUTH;
    }
    return FUO_OK;
}

const uint8_t *uploads_find(struct uploads *uploads, const char *digest, size_t *len)
{
    struct upload *upload = find(uploads, digest);
    if (upload == NULL || upload->have < upload->size) {
        return NULL;
    }
    *len = upload->size;
    return upload->bytes;
}

void uploads_drop(struct uploads *uploads, const char *digest)
{
    struct upload *upload = find(uploads, digest);
    if (upload != NULL) {
        release(uploads, upload);
    }
}
