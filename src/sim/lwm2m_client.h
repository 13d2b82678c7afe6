/* SPDX-License-Identifier: MIT */
/*
 * lwm2m_client.h - a simulated LwM2M device: datagrams in, datagrams out, time in.
 *
 * It registers, keeps its registration alive, and answers Read, Discover, Write, Execute and
 * Observe on the objects 1, 3, 4, 5, 7 and 33629 (lwm2m.md 1, 6.1). An image comes to it by Block1
 * into /5/0/0, or it fetches it by Block2 from the coap or coaps URI in /5/0/1. It installs by
 * Execute of /5/0/2, which takes a reboot: another port, another registration, no
 * observations. How it differs from others is in its quirks (lwm2m_quirks.h).
 *
 *  - firmware version (/3/0/3): that of the configuration after an update if it has one, else
 *    the CRC-32 (IEEE) of the image in eight hex digits, as of the other simulated devices;
 *  - an image that begins with the header of Anjay's demo is checked as that does it
 *    (lwm2m.md 5): length, CRC-32, and the failure that it asks for; others are taken as
 *    they are, if all of their bytes came;
 *  - requests are confirmable, one at a time towards each peer, repeated four times; what
 *    comes twice is answered twice and done once; notifications are not confirmable.
 *
 * No sockets, no clock: the owner sends what it is given, tells it what came, and runs it
 * when lwm2m_client_deadline() has come. All times are virtual.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/eui.h"
#include "base/prng.h"
#include "base/time.h"
#include "codec/coap_block.h"
#include "codec/coap_msg.h"
#include "codec/lwm2m_path.h"
#include "sim/fw_object.h"
#include "sim/lwm2m_quirks.h"

enum {
    LWM2M_VERSION_SIZE = 64,
    LWM2M_URI_SIZE = 256,
    LWM2M_HOST_SIZE = 64,
    LWM2M_LOCATION_SIZE = 64,
    LWM2M_MESSAGE_SIZE = 1200,
    LWM2M_REQUEST_SIZE = 512, /* of one that it repeats */
    LWM2M_ANSWER_SIZE = 512,  /* of one that it repeats */
    LWM2M_OBSERVED_MAX = 12,
    LWM2M_IMAGE_MAX = 16 << 20,
};

struct lwm2m_client;

/* coap://host:port/path; the path is for lwm2m_client.c. */
struct lwm2m_uri {
    char host[LWM2M_HOST_SIZE];
    uint16_t port;
    bool secure;
    char path[LWM2M_URI_SIZE];
};

enum lwm2m_peer {
    LWM2M_PEER_SERVER,
    LWM2M_PEER_FILES, /* where the Package URI is */
};

struct lwm2m_client_sink {
    void (*send)(void *ctx, struct lwm2m_client *client, enum lwm2m_peer peer,
                 const uint8_t *bytes, size_t len);
    /* Datagrams to LWM2M_PEER_FILES go there now. False: it cannot be reached from here. */
    bool (*connect)(void *ctx, struct lwm2m_client *client, const struct lwm2m_uri *uri);
    /* From now on it has another port (another address, behind a NAT). */
    void (*move)(void *ctx, struct lwm2m_client *client);
    /* It runs client->image. */
    void (*installed)(void *ctx, struct lwm2m_client *client);
};

/* The same for all of them. */
struct lwm2m_client_config {
    const struct lwm2m_client_sink *sink;
    void *ctx;
    const char *next_version; /* NULL: the CRC-32 of the image */
    int64_t lifetime_s;
    int64_t update_us;      /* between two updates of a registration */
    int64_t ack_timeout_us; /* of CoAP, on this time's scale */
    int64_t lost_us;        /* of silence, and a push is over */
    int64_t awake_us;       /* after a message, with a queue */
    int64_t install_us;
    int64_t boot_us;
    bool secure; /* it can fetch by coaps as well */
};

/* A request under way. */
struct lwm2m_exchange {
    bool active;
    bool acked; /* the answer comes apart */
    uint8_t tries;
    uint8_t kind;
    uint16_t id;
    struct coap_token token;
    int64_t wait_us;
    struct utc at; /* it is sent again, or given up */
    size_t len;
    uint8_t bytes[LWM2M_REQUEST_SIZE];
};

struct lwm2m_observed {
    bool used;
    struct lwm2m_path path;
    struct coap_token token;
    uint16_t accept;
    uint16_t id; /* of the last notification: a reset ends the observation */
    uint32_t seq;
    uint64_t hash; /* of what it was told last */
};

struct lwm2m_image {
    uint8_t *bytes; /* owned */
    size_t len;
    size_t cap;
};

enum lwm2m_timer {
    LWM2M_TIMER_UPDATE,  /* of the registration, or to register */
    LWM2M_TIMER_FETCH,   /* begin to fetch */
    LWM2M_TIMER_LOST,    /* a push is over */
    LWM2M_TIMER_INSTALL, /* an installation is done */
    LWM2M_TIMER_DEFER,   /* the defer period is over */
    LWM2M_TIMER_RESULT,  /* Result may be seen */
    LWM2M_TIMER_MOVE,    /* to another port */
    LWM2M_TIMER_REBOOT,
    LWM2M_TIMER_COUNT,
};

struct lwm2m_client {
    const struct lwm2m_client_config *config;
    const struct lwm2m_quirks *quirks;
    uint64_t dev_eui;
    char endpoint[EUI_TEXT_SIZE];
    struct prng prng;
    uint16_t next_id;
    struct utc timers[LWM2M_TIMER_COUNT];

    bool off; /* it is silent */
    bool registered;
    char location[LWM2M_LOCATION_SIZE];
    struct utc awake_until;
    struct lwm2m_exchange to_server;
    struct lwm2m_exchange to_files;
    struct lwm2m_observed observed[LWM2M_OBSERVED_MAX];
    struct {
        bool known;
        uint16_t id;
        size_t len;
        uint8_t bytes[LWM2M_ANSWER_SIZE];
    } answered; /* the last request */

    struct fw_object fw;
    struct utc changed; /* State */
    bool hides_result;  /* until LWM2M_TIMER_RESULT */
    char uri[LWM2M_URI_SIZE];
    struct lwm2m_uri source;
    int64_t severity;
    int64_t max_defer_s;
    bool automatic;
    uint8_t deferred;
    struct coap_download download;
    bool pulls;
    bool moved; /* in this download */
    size_t expected_bytes;
    uint8_t szx;
    struct coap_token etag;
    enum lwm2m_fate asked;    /* by the header of the package */
    bool stays;               /* ... and it does not reboot */
    struct lwm2m_image image; /* being received, or to install */

    int64_t lifetime_s;
    char version[LWM2M_VERSION_SIZE]; /* that runs */
    int64_t battery_percent;
    uint64_t sent_bytes;
    uint64_t received_bytes;
    uint32_t install_count;
    uint32_t register_count;
};

/* *config and *quirks are borrowed. It registers within jitter_us. */
void lwm2m_client_init(struct lwm2m_client *client,
                       const struct lwm2m_client_config *config,
                       const struct lwm2m_quirks *quirks, uint64_t dev_eui, uint64_t seed,
                       struct utc at);
void lwm2m_client_free(struct lwm2m_client *client);

/* A datagram, from whichever peer. Garbage is passed over. */
void lwm2m_client_receive(struct lwm2m_client *client, const uint8_t *bytes, size_t len,
                          struct utc now);

/* Everything that is due. */
void lwm2m_client_run(struct lwm2m_client *client, struct utc now);

/* UTC_NEVER: nothing will happen by itself. */
struct utc lwm2m_client_deadline(const struct lwm2m_client *client);

/* Ends its registration, if it has one. */
void lwm2m_client_stop(struct lwm2m_client *client, struct utc now);
