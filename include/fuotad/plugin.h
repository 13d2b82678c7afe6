/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - the whole contract between fuotad and a network server plugin.
 *
 * A plugin is a translator: intents of the engine into MQTT messages and HTTP requests,
 * messages and answers into events. The host owns sockets, TLS, credentials, reconnects,
 * back-off and time; a plugin has no thread, no socket and no clock, and links nothing of
 * ours. It exports one symbol: const struct fuo_ns_plugin fuo_ns_plugin.
 *
 * Every call, both ways, is made on the event-loop thread. Calls into the host only queue:
 * no engine code and no other plugin function runs before the plugin function returns, so
 * a plugin need not be re-entrant. Buffers and strings passed either way are borrowed for
 * the duration of the call. Times are UTC, microseconds since 1970.
 *
 * Structs grow at their end only, and zero means in a new member what was before it came:
 * whoever is older than the other side loses nothing. What the daemon lends is followed by
 * FUO_SPARE_BYTES of zeros, so that a newer plugin may read, or in fuo_caps write, members
 * that this daemon does not know; events and tables carry their size.
 *
 * Each intent carries an id. FUO_OK: accepted, exactly one event with that id follows
 * (FUO_EV_RESULT, _GROUP, _QUEUE or _ORDERED, as said at each function). Any other code: none does.
 *
 * A plugin that is a server itself, and brings images to devices one by one (caps.delivers),
 * has sockets behind one descriptor that the host watches for it; time and chance are lent
 * to it by the host like everything else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuotad/error.h"

/* Bump on an incompatible change only; appending members is compatible. */
#define FUO_NS_ABI    1u
#define FUO_NS_SYMBOL "fuo_ns_plugin"

enum {
    FUO_SPARE_BYTES = 128,
};

struct fuo_ns;   /* one configured instance; defined by the plugin */
struct fuo_host; /* the daemon's side of that instance; opaque to the plugin */

/* ---- intents: engine -> plugin ---- */

struct fuo_unicast {
    uint64_t id;
    uint64_t dev_eui;
    const uint8_t *payload;
    size_t payload_len;
    int64_t expires_us; /* the server drops it after that; 0: never */
    uint8_t fport;
    bool confirmed;
};

/*
 * A group is one way on air. Several groups may share mc_addr and keys (each then has
 * gateways of its own and the same frames): each counts for itself.
 */
struct fuo_group {
    uint64_t id;
    const char *name; /* unique: a group left by a lost answer is found by it */
    const uint8_t *mc_nwk_s_key; /* 16 bytes each; wipe copies */
    const uint8_t *mc_app_s_key;
    const char *region;       /* "EU868" */
    const uint64_t *gateways; /* these and no others */
    size_t gateway_count;     /* 0: the server chooses by the devices */
    const uint64_t *devices;  /* who is to hear it */
    size_t device_count;
    uint32_t mc_addr;
    uint32_t frequency_hz;
    uint32_t f_cnt; /* of the first frame: those below are used up under these keys */
    uint8_t dr;
    char device_class; /* 'B' or 'C' */
    uint8_t ping_slot_periodicity;
};

/* fuo_caps.direct: a frame as it goes on air. */
struct fuo_air {
    const uint8_t *phy; /* PHYPayload, encrypted and signed */
    size_t phy_len;
    const uint64_t *gateways; /* each sends it */
    size_t gateway_count;
    uint32_t mc_addr;
    uint32_t f_cnt; /* used for this payload and no other; for FUO_EV_RESULT */
    uint32_t frequency_hz;
    uint32_t bandwidth_hz; /* LoRa; FSK: 0, and so is sf */
    uint32_t bitrate_bps;  /* FSK; LoRa: 0 */
    uint8_t sf;
    uint8_t dr;
};

struct fuo_multicast {
    uint64_t id;
    const char *group; /* handle, from FUO_EV_GROUP */
    const uint8_t *payload;
    size_t payload_len;
    int64_t expires_us;
    uint8_t fport;
    int64_t at_us;             /* FUO_TIMING_ABSOLUTE: exact time on air; else 0 */
    const struct fuo_air *air; /* fuo_caps.direct; else NULL */
};

/* What the server has: inventory(). */
struct fuo_inventory {
    uint64_t id;
    bool keys;             /* root keys are wanted, too */
    const uint64_t *keyed; /* ascending: those of these devices are not */
    size_t keyed_count;
};

enum fuo_order_type {
    FUO_ORDER_READ =
        1, /* State, Result and versions, read together: FUO_EV_REPORTED, whole */
    FUO_ORDER_DELIVER, /* bring it the image, by whatever way it takes; FUO_EV_PROGRESS */
    FUO_ORDER_INSTALL, /* install what it was brought */
    FUO_ORDER_CANCEL,  /* forget what it was brought, and every order before */
};

/* What is wanted of a device. A later one takes the place of one that is under way, which
 * is answered with FUO_EAGAIN. It waits for a device that cannot be reached now. */
struct fuo_order {
    uint64_t id;
    uint64_t dev_eui;
    enum fuo_order_type type;
    uint32_t image; /* DELIVER: for fuo_host_ops.image() */
    uint32_t
        mark; /* DELIVER: the last that was told of this device and this image, before a
                       restart perhaps; 0: none, or it begins anew */
};

/* ---- what people ask of a device's objects (LwM2M) ---- */

enum fuo_access_type {
    FUO_ACCESS_READ = 1,
    FUO_ACCESS_WRITE,   /* a resource, or some resources of an instance */
    FUO_ACCESS_CREATE,  /* an instance */
    FUO_ACCESS_DELETE,  /* an instance */
    FUO_ACCESS_EXECUTE, /* a resource, with arguments or without */
    FUO_ACCESS_OBSERVE, /* tell each change, until FUO_ACCESS_END or timeout_us */
    FUO_ACCESS_END,     /* of that id: no more answers to it */
};

enum {
    FUO_ACCESS_VALUES_MAX = 16,
    FUO_READINGS_MAX = 128,
    FUO_READING_SIZE = 4096, /* of all their texts but the types, with their NULs */
};

/* All texts are borrowed for the call. */
struct fuo_access {
    uint64_t id;
    uint64_t dev_eui;
    enum fuo_access_type type;
    const char *path;          /* "/3/0/9" */
    const char *const *values; /* of a resource: the value; of an instance: "1=300", each;
                                * OBSERVE: attributes, "gt=20" */
    size_t value_count;
    int64_t timeout_us; /* from now; a device that sleeps is waited for */
};

/* A value that a device has. */
struct fuo_reading {
    const char *path; /* of the resource, or of an instance of it */
    const char *type; /* string integer float boolean opaque (base64) time link */
    const char *text; /* UTF-8 */
};

/* ---- events: plugin -> engine ---- */

enum fuo_event_type {
    FUO_EV_UPLINK = 1, /* uplink */
    FUO_EV_RESULT,     /* result: the server took an intent, or why not */
    FUO_EV_FATE,       /* fate: what became of a unicast downlink it had taken */
    FUO_EV_GROUP,      /* group: answer to group_open() */
    FUO_EV_QUEUE,      /* queue: answer to queue_poll() */
    FUO_EV_STATUS,     /* status: of a device; a daemon of before passes it over */
    FUO_EV_REPORTED,   /* reported: by a device in LwM2M; passed over by those before */
    FUO_EV_AIRED,      /* aired: what a gateway made of a frame; passed over as well */
    FUO_EV_GATEWAY,    /* gateway: what it tells of itself; passed over as well */
    FUO_EV_DEVICE,     /* device: one that inventory() found; and so the next */
    FUO_EV_LISTED,     /* listed: a gateway that may send for its devices */
    FUO_EV_FINDING,    /* finding: what is wrong there, before the result of an intent */
    FUO_EV_PROGRESS,   /* progress: how much of its image a device has fetched */
    FUO_EV_ORDERED,    /* ordered: answer to order() */
    FUO_EV_ACCESSED,   /* accessed: answer to access() */
    FUO_EV_AIRTIME,    /* airtime: what a gateway has sent; answer to gateway_airtime() */
};

/* A label of a device, as the server has it: text. */
struct fuo_label {
    const char *key;
    const char *value;
};

/* Of a gateway, as the server sees it. */
enum fuo_gateway_state {
    FUO_GATEWAY_UNKNOWN = 0,
    FUO_GATEWAY_NEVER_SEEN,
    FUO_GATEWAY_ONLINE,
    FUO_GATEWAY_OFFLINE,
};

/* What a gateway made of a frame that its server gave it. */
enum fuo_aired {
    FUO_AIRED_SENT = 1,
    FUO_AIRED_REFUSED,   /* for good, and so the others */
    FUO_AIRED_NO_BUDGET, /* its duty cycle is used up */
    FUO_AIRED_NO_TIME,   /* too late, too early, or it sends something else then */
};

enum fuo_fate {
    FUO_FATE_SENT = 1, /* handed to a gateway, which acknowledged it */
    FUO_FATE_EXPIRED,  /* dropped unsent */
    FUO_FATE_REFUSED,  /* refused for good: too long, unknown device, ... */
};

struct fuo_rx {
    uint64_t gateway;
    int16_t rssi_dbm;
    int16_t snr_cdb; /* hundredths of a dB */
};

enum {
    FUO_RX_MAX = 16, /* receptions reported per uplink, strongest first */
    FUO_DR_UNKNOWN = 0xff,
    FUO_REPORT_SIZE = 64, /* of a reported text, with its NUL */
    FUO_LABELS_MAX = 32,  /* of a device */
    FUO_NAME_SIZE = 256,  /* of a name, a label's key or value, with its NUL */
    FUO_FINDING_SIZE = 400,
};

struct fuo_event {
    size_t size; /* sizeof as the plugin was compiled */
    enum fuo_event_type type;
    union {
        struct {
            uint64_t dev_eui;
            int64_t
                received_us; /* at the gateway if it knows the time, else at the server */
            const uint8_t *payload;
            size_t payload_len;
            const struct fuo_rx *rx;
            size_t rx_count;
            uint32_t f_cnt;
            uint8_t fport; /* 0: no application payload */
            uint8_t dr;
            uint32_t frequency_hz; /* 0: unknown */
            bool server_clock; /* the server answers AppTimeReq (TS003) of this device */
            /* What it runs, as version_pointer() finds it in what the server has decoded of
             * the payload, printable ASCII; empty: that is not there. */
            char version[FUO_REPORT_SIZE];
        } uplink;
        struct {
            uint64_t id;
            int err;        /* FUO_ETIMEDOUT: the outcome is unknown */
            uint32_t f_cnt; /* multicast(): the counter given to the frame, if FUO_OK */
        } result;
        struct {
            uint64_t id;
            uint64_t dev_eui;
            enum fuo_fate fate;
            uint64_t gateway;      /* FUO_FATE_SENT: that sent it; 0: unknown */
            uint32_t frequency_hz; /* 0: unknown, and so is dr */
            uint8_t dr;            /* FUO_DR_UNKNOWN */
            bool aired;            /* FUO_EV_AIRED has told of its airtime */
        } fate;
        struct {
            uint64_t id;
            int err;
            const char *group; /* handle, at most FUO_GROUP_SIZE - 1 bytes */
            uint32_t f_cnt;    /* the server's counter of the next frame */
        } group;
        struct {
            uint64_t id;
            int err;
            uint32_t frame_count; /* still queued, at one gateway or more */
            uint32_t f_cnt;       /* the server's counter of the next frame */
        } queue;
        struct {
            uint64_t dev_eui;
            int8_t margin_db; /* of DevStatusAns: SNR of the DevStatusReq, -32..31 */
            bool has_battery;
            uint8_t battery_percent; /* 100 as well: it needs no battery */
        } status;
        struct {
            uint64_t dev_eui;
            bool has_state; /* what it did not say is not there, or empty */
            bool has_result;
            uint8_t state;                          /* /5/0/3 */
            uint8_t result;                         /* /5/0/5 */
            char package_version[FUO_REPORT_SIZE];  /* /5/0/7, printable ASCII */
            char firmware_version[FUO_REPORT_SIZE]; /* /3/0/3, the one that runs */
            bool whole; /* all that it has of these was asked for together */
            bool has_battery;
            uint8_t battery_percent; /* /3/0/9 */
        } reported;                  /* with nothing in it: it can be reached now */
        struct {
            uint64_t gateway;
            uint32_t address; /* DevAddr or McAddr; 0: no data frame */
            uint32_t frequency_hz;
            uint16_t f_cnt; /* as much of it as is on air */
            uint8_t dr;     /* FUO_DR_UNKNOWN */
            uint8_t phy_len;
            enum fuo_aired status;
        } aired; /* any frame of any application at any gateway that is listened to */
        struct {
            uint64_t gateway;
            uint32_t rx_count; /* frames since it told last, if counted: heard, */
            uint32_t tx_given; /* given to it, by whatever server, and sent by it */
            uint32_t tx_sent;
            bool online; /* it has a connection to its server */
            bool counted;
        } gateway;
        struct {
            uint64_t id; /* of inventory() */
            uint64_t dev_eui;
            const char *name;           /* texts: NULL is none */
            const char *profile;        /* what fuotad is to take it for */
            const char *server_profile; /* what the server takes it for, for people */
            const struct fuo_label *labels;
            size_t label_count;
            const uint8_t *gen_app_key; /* 16 bytes each, or NULL */
            const uint8_t *app_key;
            uint8_t lorawan_minor; /* 0: 1.0.x, 1: 1.1 */
            bool keys_left_out;    /* were not asked for: those known hold */
            bool lacks_class_b;    /* the server does not take it for such a device */
            bool lacks_class_c;
            bool clock_answered; /* by the server: TS003 is not for fuotad */
        } device;
        struct {
            uint64_t id;
            uint64_t gateway;
            enum fuo_gateway_state state;
            bool located;
            int32_t latitude_e6; /* millionths of a degree */
            int32_t longitude_e6;
        } listed; /* a gateway */
        struct {
            uint64_t id;      /* of the intent that found it */
            bool fatal;       /* nothing works until that is mended */
            const char *text; /* the cause and the remedy; less than FUO_FINDING_SIZE */
        } finding;
        struct {
            uint64_t dev_eui;
            uint32_t done_bytes;
            uint32_t total_bytes;
            uint32_t
                mark; /* where to go on after a restart, in the plugin's own terms, given
                              back with a later order; 0: nothing new. It is written to disk:
                              not with each message. */
        } progress;
        struct {
            uint64_t id;
            uint64_t dev_eui;
            int err; /* FUO_EPERM: the device refused it; FUO_ENOTSUP: it cannot do that;
                        FUO_ENOSPC: it has no room for the image; FUO_EAGAIN: not now;
                        FUO_EBUSY: others are first, which is not its fault: the time that
                        it has for its image begins anew */
        } ordered;
        struct {
            uint64_t id;
            uint64_t dev_eui;
            int err; /* FUO_EPERM: the device refused it; FUO_ENOENT: it has no such thing;
                        FUO_ETIMEDOUT: no answer; FUO_EAGAIN: it was not asked */
            bool more; /* further answers follow: of an observation */
            const char
                *text; /* why, for people; less than FUO_FINDING_SIZE; NULL: none */
            const struct fuo_reading *readings;
            size_t reading_count;
        } accessed;
        struct {
            uint64_t gateway;
            uint32_t min_hz; /* of the sub-band, as the server has it */
            uint32_t max_hz;
            uint32_t used_ppm; /* of the hour that ends now, on air: for whomever */
        } airtime;
    };
};

enum {
    FUO_GROUP_SIZE = 64,
};

/* ---- host services ---- */

struct fuo_http_request {
    const char *method;       /* "POST" */
    const char *path;         /* joined to the configured base URL */
    const char *content_type; /* NULL: none */
    const char *accept;       /* NULL: none */
    const uint8_t *body;
    size_t body_len;
};

struct fuo_http_response {
    int err;    /* FUO_OK: an answer came; FUO_ETIMEDOUT: it may have taken effect;
                   FUO_EAGAIN: it was not sent */
    int status; /* HTTP status */
    const uint8_t *body;
    size_t body_len;
    const char *grpc_status; /* header values, NULL if absent */
    const char *grpc_message;
};

enum fuo_log_level {
    FUO_LOG_ERROR,
    FUO_LOG_WARN,
    FUO_LOG_INFO,
    FUO_LOG_DEBUG,
};

struct fuo_host_ops {
    size_t size; /* sizeof as the daemon was compiled */
    void (*log)(struct fuo_host *host, enum fuo_log_level level, const char *text);
    /* Something from outside was unusable: counted, logged once per kind (a constant). */
    void (*reject)(struct fuo_host *host, const char *kind);
    void (*event)(struct fuo_host *host, const struct fuo_event *event);
    /* Now and after each reconnect. */
    int (*subscribe)(struct fuo_host *host, const char *topic_filter, int qos);
    /* FUO_OK: on_published(id) follows, when the broker has it or it was given up. */
    int (*publish)(struct fuo_host *host, uint64_t id, const char *topic,
                   const uint8_t *payload, size_t payload_len, int qos);
    /* FUO_OK: on_http(id) follows. Up to 256 may be under way. In order of call, one at a
     * time per host: the server sees them in that order. Credentials are added here. */
    int (*http)(struct fuo_host *host, uint64_t id,
                const struct fuo_http_request *request);

    /* For plugins that deliver. on_ready() whenever the descriptor can be read; one for
     * each instance, until close(). FUO_ENOTSUP where there are no descriptors. */
    int (*watch)(struct fuo_host *host, int fd);
    /* on_ready() once more after that time, at the latest; the earliest call counts. */
    void (*wake_after)(struct fuo_host *host, int64_t delay_us);
    int64_t (*now)(struct fuo_host *host); /* UTC, us; may be set back and forth */
    void (*random)(struct fuo_host *host, uint8_t *bytes, size_t len); /* unguessable */
    /* The same for the same text, after a restart, too; unguessable for everybody else. */
    int (*derive)(struct fuo_host *host, const char *text, uint8_t bytes[16]);
    /* A device of the fleet by its name in the inventory, or by its DevEUI in hex.
     * FUO_ENOENT: there is none. */
    int (*find_device)(struct fuo_host *host, const char *name, uint64_t *dev_eui);
    /* Its key in the inventory (app_key); wipe it. FUO_ENOENT: it has none. */
    int (*device_key)(struct fuo_host *host, uint64_t dev_eui, uint8_t key[16]);
    /* Of fuo_order; borrowed for the duration of the call into the plugin. FUO_ENOENT: it
     * is of no campaign any more. */
    int (*image)(struct fuo_host *host, uint32_t image, const uint8_t **bytes,
                 size_t *len);
    /* The fleet's versionDecoder, a JSON pointer into what the server decodes of uplinks;
     * NULL: there is none. It stays the same until close(). */
    const char *(*version_pointer)(struct fuo_host *host);
    /* For plugins that deliver, may be NULL: as device_key(), the one that a device was made
     * with (gen_app_key). FUO_ENOENT: it has none. */
    int (*factory_key)(struct fuo_host *host, uint64_t dev_eui, uint8_t key[16]);
};

/* ---- the plugin ---- */

enum fuo_option_type {
    FUO_OPT_STRING,      /* const char * */
    FUO_OPT_SECRET,      /* const char *, never logged */
    FUO_OPT_U32,         /* uint32_t */
    FUO_OPT_BOOL,        /* bool */
    FUO_OPT_DURATION_US, /* int64_t; "5s", "700ms" in the file */
};

/* One configuration key: drives parsing, `fuotactl explain` and the man page. */
struct fuo_option {
    const char *key;
    enum fuo_option_type type;
    size_t offset;   /* of the value in the plugin's own config struct */
    const char *def; /* NULL: the key is required */
    const char *help;
};

/* When a multicast frame goes on air. */
enum fuo_timing {
    /* As soon as the server gets to it: at once if nothing of its group is queued, within
     * multicast_jitter_us; else multicast_spacing_us after the one before. */
    FUO_TIMING_QUEUE = 0,
    /* At at_us, at all gateways of the group together. */
    FUO_TIMING_ABSOLUTE,
};

/* What the planner must know of a server. Zeroed by the daemon. */
struct fuo_caps {
    int64_t multicast_spacing_us; /* between two frames of a group, times its gateways */
    int64_t reply_window_us; /* after an uplink: a reply within it goes out with it */
    uint32_t queue_rows_max; /* rows fuotad should keep queued in a group at most */
    enum fuo_timing timing;
    int64_t multicast_jitter_us; /* it looks once in so long: so late is a first frame */
    int64_t multicast_lead_us;   /* FUO_TIMING_ABSOLUTE: hand over that long before */
    uint32_t priority_ceiling_ppm; /* most of the legal limit that the server lets
                                      campaigns use; 0: all of it */
    bool direct;   /* multicast() takes ready frames, fuo_air, to gateways: the daemon has
                    keys and counters, and calls nothing else of multicast */
    bool delivers; /* it has order(), and neither broker nor API: no radio is planned */
};

struct fuo_ns_plugin {
    uint32_t abi; /* FUO_NS_ABI */
    size_t size;  /* sizeof as the plugin was compiled */
    const char *name;
    size_t config_size;
    const struct fuo_option *options; /* ends with a zeroed entry, or NULL */

    /* Mandatory. config and ops live until close(). *ns is set on FUO_OK only. */
    int (*open)(struct fuo_ns **ns, const void *config, const struct fuo_host_ops *ops,
                struct fuo_host *host);
    void (*close)(struct fuo_ns *ns); /* accepts NULL */
    void (*caps)(struct fuo_ns *ns, struct fuo_caps *caps);

    /* Mandatory: what the host has received or carried out. */
    void (*on_mqtt)(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                    size_t payload_len, bool retained);
    void (*on_published)(struct fuo_ns *ns, uint64_t id, int err);
    void (*on_http)(struct fuo_ns *ns, uint64_t id,
                    const struct fuo_http_response *response);

    /* Mandatory. FUO_EV_RESULT follows, later perhaps one FUO_EV_FATE. */
    int (*unicast)(struct fuo_ns *ns, const struct fuo_unicast *downlink);
    /* Mandatory. Drop everything queued for a device. FUO_EV_RESULT follows. */
    int (*unicast_flush)(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui);

    /* Multicast; all NULL when the server has none. */
    int (*group_open)(struct fuo_ns *ns, const struct fuo_group *group);    /* _GROUP */
    int (*group_close)(struct fuo_ns *ns, uint64_t id, const char *group);  /* _RESULT */
    int (*multicast)(struct fuo_ns *ns, const struct fuo_multicast *frame); /* _RESULT */
    int (*queue_poll)(struct fuo_ns *ns, uint64_t id, const char *group);   /* _QUEUE */
    int (*queue_flush)(struct fuo_ns *ns, uint64_t id, const char *group);  /* _RESULT */

    /*
     * May be NULL. Ask the server's API something that changes nothing and needs what a
     * campaign needs: credentials, the application. FUO_EV_RESULT follows: FUO_EPERM the
     * credentials are refused, FUO_ENOENT what the options name is not there.
     */
    int (*probe)(struct fuo_ns *ns, uint64_t id);

    /*
     * May be NULL. Read what the server has and change nothing: FUO_EV_DEVICE and _LISTED
     * for each that belongs to the application, _FINDING for what is wrong, then
     * FUO_EV_RESULT; without FUO_OK the list is not complete. One at a time: FUO_EAGAIN.
     * Other intents go in between its requests. FUO_ENOTSUP in the result: this server lists
     * nothing, and the findings are all there is to say.
     */
    int (*inventory)(struct fuo_ns *ns, const struct fuo_inventory *inventory);
    /* Both or none: a plugin that is a server itself. on_ready(): see watch(). */
    int (*order)(struct fuo_ns *ns, const struct fuo_order *order); /* _ORDERED */
    void (*on_ready)(struct fuo_ns *ns);

    /* May be NULL: the devices have no objects. FUO_OK: FUO_EV_ACCESSED follows, the last of
     * them without more, but after FUO_ACCESS_END. FUO_EINVAL: path or values are not usable;
     * FUO_ENOSPC: too much is asked of that device. */
    int (*access)(struct fuo_ns *ns, const struct fuo_access *access);

    /*
     * May be NULL: the server does not tell. Ask how much of the last hour each of these
     * gateways has sent, whosever frames: FUO_EV_AIRTIME for each sub-band that is known, then
     * FUO_EV_RESULT. FUO_EPERM: the credentials may not see any of them. One at a time:
     * FUO_EAGAIN. gateways is borrowed for the call.
     */
    int (*gateway_airtime)(struct fuo_ns *ns, uint64_t id, const uint64_t *gateways,
                           size_t count);
};

/* What a plugin defines: const struct fuo_ns_plugin fuo_ns_plugin = { ... }; */
extern __attribute__((visibility("default"))) const struct fuo_ns_plugin fuo_ns_plugin;
