/* SPDX-License-Identifier: MIT */
/* lwm2m_internal.h - what the parts of lwm2m_client.h share. */
#pragma once

#include "base/wire.h"
#include "sim/lwm2m_client.h"

enum lwm2m_exchange_kind {
    LWM2M_REGISTER,
    LWM2M_UPDATE,
    LWM2M_DEREGISTER,
    LWM2M_FETCH,
};

enum {
    LWM2M_NO_FORMAT = 0xffff,
    LWM2M_TEXT = 0,
    LWM2M_LINKS = 40,
    LWM2M_OPAQUE = 42,
    LWM2M_TLV = 11542,
};

/* ---- lwm2m_client.c ---- */

/* An event of Object 5, and what follows from another State. False: there is no such row. */
bool lwm2m_fw_step(struct lwm2m_client *c, enum fw_object_event event, uint8_t result,
                   struct utc now);
void lwm2m_set_timer(struct lwm2m_client *c, enum lwm2m_timer timer, struct utc at);
uint16_t lwm2m_take_id(struct lwm2m_client *c);
struct coap_token lwm2m_take_token(struct lwm2m_client *c);
void lwm2m_send(struct lwm2m_client *c, enum lwm2m_peer peer, const uint8_t *bytes,
                size_t len, struct utc now);
/* The request in x->bytes, which has x->id and x->token. */
void lwm2m_begin(struct lwm2m_client *c, struct lwm2m_exchange *x,
                 enum lwm2m_exchange_kind kind, struct utc now);

/* ---- lwm2m_serve.c: requests of the server ---- */

void lwm2m_serve(struct lwm2m_client *c, const struct coap_msg *msg, struct utc now);
/* Those who observe what has changed are told. */
void lwm2m_notify(struct lwm2m_client *c, struct utc now);
void lwm2m_forget_observers(struct lwm2m_client *c);
void lwm2m_on_reset(struct lwm2m_client *c, uint16_t id);

/* ---- lwm2m_write.c ---- */

/* Write and Execute; returns the code, and in *block what Block1 says to it (has_block). */
struct lwm2m_request {
    const struct coap_msg *msg;
    struct lwm2m_path path;
    uint16_t format; /* LWM2M_NO_FORMAT: none is given */
    bool has_block;
    struct coap_block block;
};
uint8_t lwm2m_write(struct lwm2m_client *c, struct lwm2m_request *request,
                    struct utc now);
uint8_t lwm2m_execute(struct lwm2m_client *c, const struct lwm2m_path *path,
                      struct utc now);

/* ---- lwm2m_read.c: the objects ---- */

/* "</>;rt=...": what it registers with. */
void lwm2m_links(const struct lwm2m_client *c, struct wr *w);
/*
 * What is at that path, in TLV, as text or as links. Returns the code, and in *format what it
 * is in. accept: LWM2M_NO_FORMAT for whichever.
 */
uint8_t lwm2m_read(const struct lwm2m_client *c, const struct lwm2m_path *path,
                   uint16_t accept, struct wr *w, uint16_t *format);
/* Whether there is such a resource, and what can be done with it. */
enum lwm2m_operation {
    LWM2M_OP_NONE = 0,
    LWM2M_OP_READ = 1,
    LWM2M_OP_WRITE = 2,
    LWM2M_OP_EXECUTE = 4,
};
unsigned lwm2m_operations(const struct lwm2m_client *c, const struct lwm2m_path *path);

/* ---- lwm2m_image.c ---- */

/* False: it has no room for it. */
bool lwm2m_image_append(struct lwm2m_image *image, const uint8_t *bytes, size_t len);
void lwm2m_image_drop(struct lwm2m_image *image);
/* All of it came. */
void lwm2m_image_received(struct lwm2m_client *c, struct utc now);
/* A block of a push. */
uint8_t lwm2m_image_pushed(struct lwm2m_client *c, struct lwm2m_request *request,
                           struct utc now);
/* /5/0/1 was written. */
uint8_t lwm2m_image_uri(struct lwm2m_client *c, const char *uri, size_t len,
                        struct utc now);
void lwm2m_image_fetch(struct lwm2m_client *c, struct utc now);
void lwm2m_image_fetched(struct lwm2m_client *c, const struct coap_msg *msg,
                         struct utc now);
/* Of the image that runs from now on. */
void lwm2m_image_version(struct lwm2m_client *c);
