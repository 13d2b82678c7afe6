/* SPDX-License-Identifier: MIT */
/*
 * lwm2m.h - a LwM2M server for devices with IP: the instance and what its parts share.
 *
 * Unlike its neighbours this plugin is the server itself. libcoap has the sockets, behind one
 * descriptor that the host watches; it does messages, retransmission and DTLS, and nothing
 * else: bodies are cut and put together here, never by libcoap's own block mode, which two
 * unauthenticated packets can crash (lwm2m.md 4.4).
 *
 *   lwm2m.c    opening, the turn of the loop, intents of the engine
 *   peers.c    the devices: by DevEUI and by registration
 *   rd.c       registration: POST and DELETE below /rd
 *   bootstrap.c  accounts for devices that have none: POST /bs
 *   cells.c    pacing: which devices of a cell are brought an image now
 *   files.c    images to be fetched: GET below /fw, and where else they are
 *   talk.c     requests to a device, one at a time, and their answers
 *   update.c   which request is next: an order's way over Object 5
 *   bring.c    ... how the image gets to it
 *   look.c     ... whether it has it, though it does not say so
 *   access.c   what people ask of a device's objects, and the answers
 *   readings.c   values that it answers, for people
 *   record.c   what a device answers, to State, Update Result and versions
 *   coap.c     options of messages
 *   screen.c   which datagrams libcoap gets to read
 *
 * A device is known by the name of its inventory, or its DevEUI in hex: that is its endpoint
 * name, and with DTLS the identity of its key, too.
 */
#pragma once

#include <coap3/coap.h>

#include "base.h"
#include "codec/coap_block.h"
#include "fuotad/plugin.h"
#include "screen.h"

enum {
    ENDPOINT_SIZE = 128,
    REG_ID_SIZE = 25, /* 96 random bits in hex */
    ROOT_SIZE = 64,
    URI_SIZE = 256, /* /5/0/1 has at most 255 bytes */
    TOKEN_BYTES = 8,
    DIGEST_HEX_SIZE = 65,
    BODY_MAX = 4096, /* of a device's answer, and of a registration */
};

#define SECOND_US INT64_C(1000000)
#define NEVER_US  INT64_MAX

struct config {
    const char *address;
    uint32_t coap_port;
    uint32_t coaps_port;
    uint32_t bootstrap_coap_port;
    uint32_t bootstrap_coaps_port;
    int64_t lifetime_us; /* that bootstrap gives, and so is binding */
    const char *binding;
    const char *public_uri;
    const char *http_uri;
    const char *delivery;
    const char *severity; /* empty: neither this nor max_defer_us is written */
    int64_t max_defer_us;
    uint32_t cell_devices;   /* 0: as many as there are */
    const char *weak_signal; /* dBm; empty: none is weak */
    int64_t cell_interval_us;
    int64_t block_interval_us;
    uint32_t memory_step_kb; /* 0: memory is not looked at */
    uint32_t block_size;
    int64_t ack_timeout_us;
    int64_t awake_us;
    uint32_t devices_max;
    uint32_t battery_step; /* per cent; 0: batteries are not looked at */
};

/* A request that is under way, and that an answer is awaited of. */
enum step {
    STEP_NONE,
    STEP_OBSERVE, /* GET /5/0, Observe: 0; read like the next */
    STEP_FIRMWARE,
    STEP_DEVICE, /* GET /3/0 */
    STEP_URI,    /* PUT /5/0/1 */
    STEP_PUSH,   /* PUT /5/0/0, block by block */
    STEP_EXECUTE,
    STEP_CANCEL,   /* POST /5/0/10 */
    STEP_NO_URI,   /* PUT /5/0/1, empty */
    STEP_NO_IMAGE, /* PUT /5/0/0, one byte 0 */
    STEP_SEVERITY, /* PUT /5/0/11 */
    STEP_DEFER,    /* PUT /5/0/13 */
    STEP_RADIO,    /* GET /4/0 */
    STEP_ACCESS,   /* of the first in peer.accesses */
};

/* What a device has said of Object 5 and of its firmware. */
struct record {
    bool has_state;
    bool has_result;
    bool has_method;
    bool has_protocols;
    uint8_t state;
    uint8_t result;
    uint8_t method;    /* /5/0/9: 0 pull, 1 push, 2 both */
    uint8_t protocols; /* /5/0/8: a bit each; those beyond 7 are of no use to us */
    uint64_t uri;      /* fnv1a() of it */
};

/* Where it is on the air, by its Object 4. */
struct radio {
    bool has_cell;
    bool has_dbm;
    bool has_coverage;
    uint32_t cell;    /* /4/0/8 */
    int64_t dbm;      /* /4/0/2 */
    int64_t coverage; /* /4/0/13: 2 and more is sent with repetitions */
};

/* ... in the same reading; kept until it is told. */
struct versions {
    char package[FUO_REPORT_SIZE];
    char firmware[FUO_REPORT_SIZE];
};

/* A request; texts and payloads are borrowed for the call, path for good. */
struct talk {
    enum step step;
    coap_pdu_code_t method;
    const char *path;  /* "5/0/1" */
    const char *query; /* "gt=20&lt=5"; NULL: none */
    const uint8_t *payload;
    size_t payload_len;
    const struct coap_block *block1; /* NULL: none, and so the next */
    const struct coap_block *block2;
    size_t size1; /* 0: not told */
    int format;   /* of the payload; -1: none */
    int accept;   /* -1: any */
    bool observe;
};

/* Content formats that a device said it has (ct= of its root), a bit each. */
enum {
    HAS_TLV = 1,
    HAS_SENML_JSON = 2,
    HAS_SENML_CBOR = 4,
    HAS_JSON = 8, /* of LwM2M 1.0; it is not taken at its word, for TLV is better */
};

struct access;

struct peer {
    struct peer *next;    /* with the same hash of its DevEUI */
    struct peer *next_id; /* ... of its registration id */
    uint64_t eui;
    uint32_t slot;  /* in fuo_ns.slots */
    char *endpoint; /* its name; owned; NULL: it never registered */

    /* Its registration; session NULL: it has none. */
    coap_session_t *session;
    char id[REG_ID_SIZE];
    char *root; /* before its paths, without slashes around; owned; NULL: none */
    int64_t lifetime_us;
    int64_t expires_us;
    int64_t awake_until_us;  /* NEVER_US: it always listens */
    int64_t silent_until_us; /* it did not answer: not asked before, unless it speaks */
    bool verified;           /* it has answered from where it is, or has DTLS */
    bool by_dtls;            /* it is, or was until it expires, registered over DTLS */
    bool odd;                /* it has named a State that is none: that is logged once */
    uint32_t credit;         /* not verified: bytes that may be sent to where it is */
    uint64_t host;           /* from where it answered last, coap_host(); 0: never */
    uint8_t unanswered;      /* requests in a row */
    int64_t probe_after_us;  /* its session, not before; 0: at any time */
    bool queue;              /* it sleeps (UQ of 1.0, Q of 1.1) */
    bool queue_stays;        /* 1.1: only a registration says whether it does */
    bool firmware;           /* it has /5/0 */
    bool cancels;            /* ... of 1.1 or later: resources 10 to 13 */
    bool connectivity;       /* it has /4/0 */
    bool radio_known;        /* it was asked, since it registered and had this order */
    bool cell_known;         /* what it said */
    bool weak;               /* ... and that it hears its cell badly */
    bool loads;              /* it is being brought an image, and counted in its cell */
    bool memory_known;
    uint32_t cell;      /* /4/0/8 */
    uint32_t memory_kb; /* /3/0/10: free */
    uint8_t formats;    /* HAS_...; 0: it did not say */

    /* The request under way. */
    enum step step;
    struct talk talk;
    bool asked_here; /* by the session that it has now */
    uint8_t token[TOKEN_BYTES];
    int64_t answer_until_us;
    uint8_t observe_token[TOKEN_BYTES];
    bool observing;
    struct coap_download download; /* of its answer */
    uint64_t etag;                 /* of its first block; 0: it has none */
    uint8_t rereads;               /* of the answer, since its ETag changed */
    uint8_t *body;                 /* BODY_MAX; NULL: none yet */

    /* What is wanted of it. */
    bool wants_observe;
    bool wants_read;
    bool ordered; /* order is under way, and not answered */
    struct fuo_order order;
    bool order_read;   /* record is newer than the order */
    uint8_t resets;    /* tried for it */
    uint8_t wishes;    /* for its user, that it was told: severity, defer period */
    int64_t queued_us; /* since when its cell is full; 0: it is not */
    int64_t paced_us;  /* its next block goes out then; 0: there is none that waits */
    struct coap_upload upload;
    uint32_t upload_image; /* that upload is of; 0: none */
    bool resumes;      /* it goes on by a mark, and nothing was answered to that yet */
    int64_t marked_us; /* when it began, or its last mark was told */
    int64_t
        look_wait_us; /* it is read at look_at_us, so long after it did something; 0: not */
    int64_t look_at_us;

    struct access *accesses; /* in order; the first may be under way */
    struct access *observed; /* those that go on */

    struct record record;
    struct versions *versions; /* owned; NULL: it is not being read */
    uint32_t image;            /* that it may fetch; 0: none */
    uint32_t told_permille;    /* of it, as told to the engine */

    struct peer *next_due;
    bool due;
};

/* What a device is told next that is being given an account. */
enum bootstrap_step {
    BOOTSTRAP_FORGET_SECURITY,
    BOOTSTRAP_FORGET_SERVER,
    BOOTSTRAP_LOOK,
    BOOTSTRAP_SECURITY,
    BOOTSTRAP_SERVER,
    BOOTSTRAP_FINISH,
};

struct bootstrap {
    coap_session_t *session; /* NULL: free */
    uint64_t eui;
    char endpoint[ENDPOINT_SIZE];
    int64_t until_us; /* of the answer */
    uint8_t token[TOKEN_BYTES];
    enum bootstrap_step step;
    uint16_t instance; /* of its account, in /0 and /1 */
    uint8_t format;    /* that is tried, and how many were */
    uint8_t tried;
    bool due; /* the request is to be sent */
    bool verified;
    uint32_t credit; /* as a peer's */
};

enum {
    BOOTSTRAPS_MAX = 64,
};

#define BOOTSTRAP_SLOT UINT32_C(0x80000000) /* in a token: not a peer's slot */

struct assembly {
    coap_session_t *session; /* NULL: free */
    int64_t until_us;
    uint32_t credit; /* as a peer's, of the blocks that came */
    struct coap_download download;
    uint8_t body[BODY_MAX];
};

enum {
    ASSEMBLIES_MAX = 16,
};

/* The SHA-256 of an image, in hex: what it is called at httpUri. */
struct digest {
    uint32_t image; /* 0: free */
    size_t len;
    char hex[DIGEST_HEX_SIZE];
};

enum {
    DIGESTS_MAX = 8,
};

enum {
    CELL_BUCKETS = 256,
};

struct fuo_ns {
    struct ns_base base;
    const struct config *config;
    coap_context_t *ctx;
    struct screen screen;
    uint8_t psk[16]; /* lent to libcoap during a handshake */
    coap_bin_const_t psk_key;

    struct peer **by_eui;
    struct peer **by_id;
    struct peer **slots; /* in the order in which they were made; they all stay */
    size_t bucket_count; /* of each of the two, a power of two */
    size_t peer_count;
    size_t registered_count;

    struct peer *due; /* to be looked at, some in a turn; first come, first served */
    struct peer *due_last;
    size_t asked_count; /* peers with a request under way */
    size_t tick_slot;   /* the next of this second's round; peer_count: it is done */
    struct assembly assemblies[ASSEMBLIES_MAX];
    struct bootstrap bootstraps[BOOTSTRAPS_MAX];
    size_t bootstrap_count; /* at most so many are under way */
    struct cell *cells[CELL_BUCKETS];
    struct digest digests[DIGESTS_MAX];
    size_t digest_next; /* that is replaced next */
    int32_t weak_dbm;   /* config.weak_signal; 0: none */
    int64_t tick_at_us;
    int64_t look_at_us; /* for a session with an address: not before */
    int64_t now_us;     /* of this turn */
};

/* ---- lwm2m.c ---- */

void ns_event(struct fuo_ns *ns, const struct fuo_event *event);
/* It is looked at before the turn ends: what is to be asked of it now? */
void ns_due(struct fuo_ns *ns, struct peer *p);

/* ---- peers.c ---- */

FUO_MUST_CHECK int peers_open(struct fuo_ns *ns);
void peers_close(struct fuo_ns *ns);
struct peer *peers_find(const struct fuo_ns *ns, uint64_t eui);
/* Made if it was not there; NULL: there are too many. */
struct peer *peers_get(struct fuo_ns *ns, uint64_t eui);
struct peer *peers_registered(const struct fuo_ns *ns, const char *id);
/* By a session of DTLS with the address; NULL: none. Passes over all of them. */
struct peer *peers_at(const struct fuo_ns *ns, const coap_address_t *address);
/* With a new id, in place of the registration before. */
void peers_register(struct fuo_ns *ns, struct peer *p, coap_session_t *session);
void peers_move(struct peer *p, coap_session_t *session);
void peers_deregister(struct fuo_ns *ns, struct peer *p);
/* The same, and it is not there any more; never in a handler of its session. */
void peers_lose(struct fuo_ns *ns, struct peer *p);

/* ---- rd.c ---- */

/* segments: of the path, behind "rd". */
void rd_handle(struct fuo_ns *ns, coap_session_t *session, const coap_pdu_t *request,
               const char *id, coap_pdu_t *response);
void rd_tick(struct fuo_ns *ns);
void rd_close(struct fuo_ns *ns);
/* The key of an identity that wants to speak DTLS; NULL: none. */
const coap_bin_const_t *rd_psk(coap_bin_const_t *identity, coap_session_t *session,
                               void *arg);

/* ---- bootstrap.c ---- */

/* Whether it came by a port of the bootstrap server, where nothing else is. */
bool bootstrap_is_at(const struct fuo_ns *ns, const coap_session_t *session);
void bootstrap_handle(struct fuo_ns *ns, coap_session_t *session,
                      const coap_pdu_t *request, const char *path, coap_pdu_t *response);
/* False: it is no answer to one of its requests. */
bool bootstrap_answered(struct fuo_ns *ns, const coap_session_t *session,
                        const coap_pdu_t *pdu);
void bootstrap_refused(struct fuo_ns *ns, const coap_session_t *session,
                       const coap_bin_const_t *token);
/* What is due, in each turn. */
void bootstrap_serve(struct fuo_ns *ns);
void bootstrap_close(struct fuo_ns *ns);

/* ---- cells.c ---- */

/* Whether it has to say where it is before it is brought an image. */
bool cells_wants(const struct fuo_ns *ns, const struct peer *p);
/* It has said it; NULL: nothing of use. */
void cells_take(struct fuo_ns *ns, struct peer *p, const struct radio *radio);
/* Others of its cell are being brought one, or were told to just now: it waits. */
bool cells_is_full(struct fuo_ns *ns, const struct peer *p);
/* It is one of them. Once is enough. */
void cells_enter(struct fuo_ns *ns, struct peer *p);
void cells_leave(struct fuo_ns *ns, struct peer *p);
void cells_close(struct fuo_ns *ns);

/* ---- files.c ---- */

void files_handle(struct fuo_ns *ns, const coap_session_t *session,
                  const coap_pdu_t *request, const char *name, coap_pdu_t *response);
/* Where the device fetches its order's image. FUO_ERANGE: too long. */
FUO_MUST_CHECK int files_uri(struct fuo_ns *ns, const struct peer *p, uint32_t image,
                             char uri[static URI_SIZE]);
/* ... where the operator's HTTP server has it. FUO_ENOENT: there is none. */
FUO_MUST_CHECK int files_http_uri(struct fuo_ns *ns, uint32_t image,
                                  char uri[static URI_SIZE]);
/* Whether httpUri can be one. */
bool files_is_http(const char *uri);
/* ... publicUri. */
bool files_is_own(const char *uri);
/* mark: as in FUO_EV_PROGRESS; with one it is told in any case, else each per cent. */
void files_progress(struct fuo_ns *ns, struct peer *p, size_t done, size_t total,
                    uint32_t mark);

/* ---- talk.c ---- */

/* Nothing is under way with it any more. */
void talk_end(struct fuo_ns *ns, struct peer *p);
/* FUO_EAGAIN: it could not be sent. */
FUO_MUST_CHECK int talk_send(struct fuo_ns *ns, struct peer *p, const struct talk *talk);
coap_response_t talk_on_response(coap_session_t *session, const coap_pdu_t *sent,
                                 const coap_pdu_t *received, coap_mid_t mid);
void talk_on_nack(coap_session_t *session, const coap_pdu_t *sent,
                  coap_nack_reason_t reason, coap_mid_t mid);
/* It has spoken by itself: what it has not answered by now it did not hear. */
void talk_heard(struct fuo_ns *ns, struct peer *p);
/* Over DTLS, and somebody began a handshake from where it is: whether it still has its session.
 * If nothing answers, it is lost soon afterwards. */
void talk_probe(struct fuo_ns *ns, struct peer *p);
/* Nobody answers for ever. */
void talk_tick(struct fuo_ns *ns, struct peer *p);

/* ---- update.c ---- */

void update_order(struct fuo_ns *ns, struct peer *p, const struct fuo_order *order);
/* The order under way is not to be carried out, if it has not been yet. */
void update_drop(struct fuo_ns *ns, struct peer *p);
/* It can be asked for a while. */
void update_awake(struct fuo_ns *ns, struct peer *p);
/* ... it has fetched a block, or taken one: its registration lasts from here */
void update_fetched(struct fuo_ns *ns, struct peer *p);
/* ... it has registered, or said that it is still there. */
void update_heard(struct fuo_ns *ns, struct peer *p);
void update_next(struct fuo_ns *ns, struct peer *p);

enum {
    OBSERVE_NONE = 0x1000000, /* the option has 24 bits */
};

struct answer {
    enum step step;
    coap_pdu_code_t code; /* 0: none came */
    const uint8_t *body;
    size_t len;
    uint16_t format;
    bool has_block1;
    struct coap_block block1;
    uint32_t observe;  /* where among the notifications; OBSERVE_NONE: it is none */
    char location[32]; /* 2.01: "3303/1"; else empty */
};

void update_answer(struct fuo_ns *ns, struct peer *p, const struct answer *answer);
/* Something has changed in its Object 5. */
void update_notified(struct fuo_ns *ns, struct peer *p);

/* For bring.c. The order is answered; and it is read what the device makes of it. */
void update_answer_order(struct fuo_ns *ns, struct peer *p, int err);
void update_ends(struct fuo_ns *ns, struct peer *p, int err);
void update_ask(struct fuo_ns *ns, struct peer *p, const struct talk *talk);
void update_write_uri(struct fuo_ns *ns, struct peer *p, enum step step,
                      const char *text);

/* ---- bring.c ---- */

/* Where the image of an order is. */
struct places {
    char own[URI_SIZE];  /* here */
    char http[URI_SIZE]; /* at the operator's HTTP server; empty: it is not there */
};

/* Whether it was ordered for it, by a campaign that has not ended. */
bool bring_is_for(const struct fuo_ns *ns, const struct peer *p);
FUO_MUST_CHECK int bring_find(struct fuo_ns *ns, const struct peer *p,
                              struct places *places);
/* It was told so, by us, before a restart of ours perhaps. */
bool bring_is_told(const struct record *r, const struct places *places);
/* It is idle. The order may be answered, or wait for others in its cell. */
void bring_begin(struct fuo_ns *ns, struct peer *p, const struct places *places);
/* A push goes on where it stopped, if it is time for its next block. */
void bring_block(struct fuo_ns *ns, struct peer *p);
/* It is downloading. True: what it is pushed by us, and that goes on, with the block that the
 * order's mark names if it is from before a restart. */
bool bring_goes_on(struct fuo_ns *ns, struct peer *p);
/* It has downloaded something: what we pushed, and the answer to the last block was lost? */
bool bring_is_pushed(struct fuo_ns *ns, const struct peer *p);
void bring_pushed(struct fuo_ns *ns, struct peer *p, const struct answer *answer);

/* ---- look.c ---- */

#define LOOK_SOON_US (5 * SECOND_US) /* it has all of its image */
#define LOOK_QUIET_US \
    (60 * SECOND_US) /* it was told where to fetch it, or has a block more */

/* If it has not said by then that it is no longer downloading it is read, and then after
 * twice the time. In place of what was to be done before. */
void look_after(const struct fuo_ns *ns, struct peer *p, int64_t wait_us);
/* It has said so. */
void look_end(struct peer *p);
void look_tick(const struct fuo_ns *ns, struct peer *p);

/* ---- access.c ---- */

/* As access() of plugin.h. */
FUO_MUST_CHECK int access_order(struct fuo_ns *ns, const struct fuo_access *order);
/* From now on it tells of its battery and its free memory, as often as steps say. */
void access_watch(struct fuo_ns *ns, struct peer *p);
/* True: a request is on its way. */
bool access_next(struct fuo_ns *ns, struct peer *p);
void access_answer(struct fuo_ns *ns, struct peer *p, const struct answer *answer);
/* Whether that is the token of something that people, or we, observe. */
bool access_observes(const struct peer *p, const coap_bin_const_t *token);
/* False: nobody observes that. */
bool access_notified(struct fuo_ns *ns, struct peer *p, const coap_bin_const_t *token,
                     const coap_pdu_t *pdu);
void access_tick(struct fuo_ns *ns, struct peer *p);
/* Its registration has ended: what was under way was not answered. */
void access_lost(struct fuo_ns *ns, struct peer *p);
void access_free(struct peer *p);

/* ---- record.c ---- */

enum {
    FORMAT_TEXT = 0,
    FORMAT_LINK = 40,
    FORMAT_OCTETS = 42,
    FORMAT_SENML_JSON = 110,
    FORMAT_SENML_CBOR = 112,
    FORMAT_TLV = 11542,
    FORMAT_JSON = 11543,
};

/* As lwm2m_content_read(). */
FUO_MUST_CHECK int record_read_firmware(struct record *record, struct versions *versions,
                                        const struct answer *a);
FUO_MUST_CHECK int record_read_device(struct versions *versions, const struct answer *a);
/* A resource that is a number, in whatever format. FUO_EPROTO: it is none, or negative. */
FUO_MUST_CHECK int record_read_number(const uint16_t path[static 3],
                                      const struct answer *a, uint32_t *number);

/* /4/0, in whatever format; what is not there is not set. As lwm2m_content_read(). */
FUO_MUST_CHECK int record_read_radio(struct radio *radio, const struct answer *a);

/* ---- coap.c ---- */

/* An option's number; absent: what is given. Lengths beyond four bytes are absent. */
uint32_t coap_number(const coap_pdu_t *pdu, uint16_t option, uint32_t absent);
/* FUO_ENOENT: there is none; FUO_EPROTO. */
FUO_MUST_CHECK int coap_block_of(const coap_pdu_t *pdu, uint16_t option,
                                 struct coap_block *block);
bool coap_put_number(coap_pdu_t *pdu, uint16_t option, uint32_t number);
bool coap_put_block(coap_pdu_t *pdu, uint16_t option, const struct coap_block *block);
/* "a/b/c", each a segment. */
bool coap_put_path(coap_pdu_t *pdu, const char *path);
/* "a=1&b=2", each an option. */
bool coap_put_query(coap_pdu_t *pdu, const char *query);
/* Copies the option if it fits and has no NUL; false: it does not. */
bool coap_copy_text(const coap_opt_t *option, char *text, size_t size);
bool coap_is_secure(const coap_session_t *session);
/* Of the address at its other end, without the port; never 0. */
uint64_t coap_host(const coap_session_t *session);
/* Bytes in a datagram of UDP. */
size_t coap_size(const coap_pdu_t *pdu);
/*
 * Whoever sends from an address that is not its own shall not have more sent there than
 * three times what it sent: answers earn that, less themselves, and requests spend it.
 */
void coap_earn(uint32_t *credit, const coap_pdu_t *request, const coap_pdu_t *response);
/* For the message and the one time that it is repeated, which is set. False: it is too much. */
FUO_MUST_CHECK bool coap_spend(uint32_t *credit, coap_session_t *session,
                               const coap_pdu_t *pdu);
/* "host:port" of our end, as the device reaches it; port 0: the session's. False: too long. */
bool coap_format_local(const coap_session_t *session, uint32_t port, char *text,
                       size_t size);
/* Each part of the query of /rd and /bs, "lt=60", once. False: one has a NUL, or is longer
 * than RFC 7252 (5.10) lets it be; take() had those before it. */
bool coap_read_query(const coap_pdu_t *pdu, void (*take)(void *arg, const char *text),
                     void *arg);
/* Whether text begins with key and '='; *value is what follows. */
bool coap_is_param(const char *text, const char *key, const char **value);
/* The value of ep=. False: nobody is called that. */
bool coap_copy_endpoint(const char *value, char endpoint[static ENDPOINT_SIZE]);
/* Whether its DTLS identity is that name; true without DTLS. */
bool coap_may_be(const coap_session_t *session, const char *name);
