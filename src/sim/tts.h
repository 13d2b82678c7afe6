/* SPDX-License-Identifier: MIT */
/*
 * tts.h - the network of chirpstack.h seen from an application of The Things Stack v3: what
 * it publishes, what it keeps silent about, its virtual multicast devices and their queues.
 *
 * Sessions, deduplication and class A downlinks are what every network server does alike:
 * struct cs does them, and what it tells is retold here. Facts: network-servers.md 3, read in
 * lorawan-stack v3.32 (pkg/networkserver/grpc_asns.go and downlink.go, pkg/applicationserver,
 * pkg/gatewayserver/scheduling). In short:
 *  - a push is answered by down/queued or down/failed, to a device that is not there by
 *    nothing; queued downlinks never expire unless they have an absolute time;
 *  - a gateway that refuses a class A downlink is not mentioned, and the downlink stays;
 *  - a multicast device is in three registries; without gateways in the downlink, confirmed,
 *    or sooner than 2.5 s its push is refused;
 *  - the gateways of a downlink are tried by group index: in each group the first that takes
 *    it sends it, and it counts as sent if any group did;
 *  - about 6 s before its absolute time a downlink is scheduled: if every gateway refuses
 *    for good (duty cycle of the priority, conflict, too late) it fails with absolute_time,
 *    if none is connected with fixed_paths; anything else is tried again in silence every
 *    2 s until the time has passed;
 *  - without a time it is sent at once, 1 s after the last one, or retried in silence.
 *
 * Left out: MAC commands, decoders, retries of confirmed downlinks, sessions that
 * invalidate a queue, the ceilings of class A downlinks, and that of lorawan-stack #7919.
 * The JSON forms are fuota-sim's. No clock, no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"
#include "sim/chirpstack.h"
#include "sim/timers.h"

enum {
    TTS_ID_SIZE = 37,
    TTS_NAME_SIZE = 51,
    TTS_VALUE_SIZE = 201,
    TTS_ATTRIBUTE_MAX = 10,
    TTS_CORRELATION_SIZE = 101,
    TTS_CORRELATION_MAX = 4, /* more are forgotten */
    TTS_PATH_MAX = 32,
    TTS_QUEUE_MAX = 10000, /* ns.downlink-queue-capacity */
    TTS_PAYLOAD_MAX = 255, /* of a message; the air takes less */
};

enum tts_priority {
    TTS_PRIORITY_LOWEST,
    TTS_PRIORITY_LOW,
    TTS_PRIORITY_BELOW_NORMAL,
    TTS_PRIORITY_NORMAL,
    TTS_PRIORITY_ABOVE_NORMAL,
    TTS_PRIORITY_HIGH,
    TTS_PRIORITY_HIGHEST,
};

/* Of the sub-band's duty cycle, what a downlink of that priority may leave in use. */
uint32_t tts_priority_ceiling_ppm(enum tts_priority priority);

struct tts_path {
    char gateway_id[TTS_ID_SIZE];
    uint32_t group_index;
};

/* ApplicationDownlink. */
struct tts_downlink {
    struct tts_downlink *next;
    char correlation_ids[TTS_CORRELATION_MAX][TTS_CORRELATION_SIZE];
    size_t correlation_count;
    struct tts_path paths[TTS_PATH_MAX];
    size_t path_count;
    bool has_class_b_c;
    struct utc absolute_time; /* UTC_NEVER: none */
    enum tts_priority priority;
    uint32_t f_cnt; /* given by the server */
    uint8_t fport;
    bool confirmed;
    size_t len;
    uint8_t data[TTS_PAYLOAD_MAX];
    char item_id[CS_ID_SIZE]; /* of the class A queue; "": not in it */
};

struct tts_attribute {
    char key[TTS_ID_SIZE];
    char value[TTS_VALUE_SIZE];
};

/* What the three registries hold of a virtual device. */
struct tts_is_settings {
    char name[TTS_NAME_SIZE];
    struct tts_attribute attributes[TTS_ATTRIBUTE_MAX];
    size_t attribute_count;
};

struct tts_ns_settings {
    bool multicast;
    bool supports_class_c;
    bool supports_class_b; /* class C wins (mac.DeviceDefaultClass) */
    bool has_session;
    uint32_t dev_addr;
    struct aes_key f_nwk_s_int_key;
    uint32_t last_n_f_cnt_down;
    uint8_t rx2_dr; /* of class C; class B: of ping slots */
    uint32_t rx2_frequency_hz;
    uint8_t ping_slot_periodicity;
    int64_t interval_us; /* class_b_c_downlink_interval; 0: the default */
};

struct tts_as_settings {
    uint32_t dev_addr;
    struct aes_key app_s_key;
    uint32_t last_a_f_cnt_down;
};

enum tts_registry {
    TTS_REGISTRY_IS, /* Identity Server */
    TTS_REGISTRY_NS,
    TTS_REGISTRY_AS,
    TTS_REGISTRY_COUNT,
};

struct tts;

struct tts_virtual {
    struct tts_virtual *next;
    struct tts *tts;
    char id[TTS_ID_SIZE];
    bool in[TTS_REGISTRY_COUNT];
    struct tts_is_settings is;
    struct tts_ns_settings ns;
    struct tts_as_settings as;
    struct tts_downlink *queue; /* oldest first */
    size_t queue_len;
    struct utc retry_at;      /* not before; {0}: at once */
    struct utc last_transmit; /* {0}: none yet */
    struct sim_timer timer;
};

/* ErrorDetails. */
struct tts_error {
    const char *name_space;
    const char *name;
    const char *message_format;
    int code; /* of gRPC */
};

enum tts_event_type {
    TTS_EVENT_UP,
    TTS_EVENT_JOIN,
    TTS_EVENT_QUEUED,
    TTS_EVENT_SENT,
    TTS_EVENT_ACK,
    TTS_EVENT_NACK,
    TTS_EVENT_FAILED,
};

struct tts_event {
    enum tts_event_type type;
    struct utc time;
    const struct cs_device *device;      /* NULL: a virtual one */
    const struct tts_virtual *multicast; /* NULL: a real one */
    const struct tts_downlink *downlink; /* all but UP and JOIN */
    const struct tts_error *error;       /* FAILED */
};

struct tts {
    struct cs *cs;                                             /* borrowed */
    void (*publish)(void *ctx, const struct tts_event *event); /* only takes note */
    void *ctx;
    struct tts_downlink **queues; /* by device: what waits or is unacknowledged */
    struct tts_virtual *virtuals;
};

FUO_MUST_CHECK int tts_init(struct tts *tts, struct cs *cs,
                            void (*publish)(void *ctx, const struct tts_event *event),
                            void *ctx);
void tts_free(struct tts *tts); /* before its cs; accepts a zeroed one */

/* What struct cs tells goes through here. */
void tts_take(struct tts *tts, const struct cs_event *event);

/* "sim-00001", "sim-gateway-1": the identifiers of devices and gateways by number. */
void tts_device_id(size_t index, char id[static TTS_ID_SIZE]);
void tts_gateway_id(size_t index, char id[static TTS_ID_SIZE]);

/* NULL: none of that name in any registry. */
struct tts_virtual *tts_virtual_find(const struct tts *tts, const char *id);

/* FUO_EEXIST, FUO_EINVAL: no identifier, FUO_ENOMEM. */
FUO_MUST_CHECK int tts_is_create(struct tts *tts, const char *id,
                                 const struct tts_is_settings *settings);
FUO_MUST_CHECK int tts_is_update(struct tts *tts, const char *id,
                                 const struct tts_is_settings *settings); /* FUO_ENOENT */
/* Create or replace; a new session empties the queue. FUO_EINVAL: not a multicast device. */
FUO_MUST_CHECK int tts_ns_set(struct tts *tts, const char *id,
                              const struct tts_ns_settings *settings);
FUO_MUST_CHECK int tts_as_set(struct tts *tts, const char *id,
                              const struct tts_as_settings *settings);
FUO_MUST_CHECK int tts_delete(struct tts *tts, enum tts_registry registry,
                              const char *id); /* FUO_ENOENT */

/* A DownlinkQueueRequest. */
struct tts_push {
    const char *device_id;
    const struct tts_downlink *downlinks; /* copied */
    size_t count;
    bool replace; /* what is queued goes first; without a word */
};

/*
 * FUO_ENOENT: no such device; nothing is told. FUO_EINVAL: refused, *why says so and
 * down/failed was published for each; FUO_ENOMEM.
 */
FUO_MUST_CHECK int tts_push(struct tts *tts, const struct tts_push *push, struct utc now,
                            const struct tts_error **why);

/* What is queued, oldest first; FUO_ENOENT. */
FUO_MUST_CHECK int tts_queue(const struct tts *tts, const char *device_id,
                             const struct tts_downlink **queue);
