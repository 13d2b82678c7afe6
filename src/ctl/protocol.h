/* SPDX-License-Identifier: MIT */
/*
 * protocol.h - the control protocol between fuotad and its clients: one JSON object a line.
 *
 * Shared by the daemon and fuotactl; knows neither sockets nor the engine. Whatever comes
 * in is bounded (line length, depth) and checked before anything acts on it; unknown members
 * are ignored, so that either side may be newer. json-c objects are reference counted:
 * "takes" means that the caller's reference is gone, also on failure.
 *
 * The server speaks first:
 *   {"fuotad":"0.1.0","protocol":1,"instance":"main","boot":7}
 * then each request line is answered by zero or more events and exactly one response, all
 * with its id; answers to different requests may come in any order:
 *   {"id":1,"method":"status","params":{...}}
 *   {"id":1,"event":"state","data":{...}}
 *   {"id":1,"ok":true,"data":{...}}
 *   {"id":1,"ok":false,"code":5,"error":"one clear message","errors":[DIAG,...]}
 * code is the exit code of fuotactl (enum ctl_code). DIAG, for the problems of a file:
 *   {"severity":"error"|"warning","file":"c.yaml","line":3,"column":5,
 *    "path":"spec.image","text":"..."}; what is not known is left out.
 *
 * Methods: params -> data. Times are RFC 3339 UTC text or null; EUIs 16 hex digits; ? marks
 * what may be left out.
 *
 *   version   {} -> {"version","protocol","instance","boot","stores":bool,"state":"ready"|"draining"}
 *   validate  {"file","campaign"} -> {"name"}
 *             file: the name to show in errors; campaign: the text of the YAML file
 *   put       {"digest","size","offset"?,"data"?} -> {"have":bytes}
 *             Upload of an image by digest (hex), in order: data (base64, at most
 *             CTL_CHUNK_MAX bytes decoded) goes to offset, which must be "have". Without
 *             data: tells how much is there, so an upload resumes. Complete when have ==
 *             size. Kept until the daemon stops or newer uploads push it out.
 *   plan      {"file","campaign","digest","signatures":[text,...]} -> PLAN
 *   apply     the same -> {"name","id","existing":bool,"changed":bool,"state":STATE,
 *             "plan":PLAN|null}
 *             Also "deltas":[{"digest","signatures":[text,...]},...], one for each of
 *             spec.image.deltas, in that order; ? without any.
 *             digest: of a complete upload, or of an image that the daemon holds (put says
 *             so). signatures: the texts of the .minisig files, in the order of the file.
 *             existing: a campaign of that name is there: the very same, or changed tells
 *             that what may be changed of it was (windows, blackouts, budgets, labels,
 *             paused); else 6, and each thing that may not be is in errors. When the
 *             campaign names them: "devices_file" and "exclude_devices_file", digests of
 *             uploads too, because the daemon reads no files for a client.
 *   status    {"name"?} -> {"campaigns":[STATE,...],"daemon":DAEMON}; the newest 200 in
 *             order of id; code 5 if name is not known
 *   devices   {"name","outcome"?,"state"?,"after"?,"limit"?} ->
 *             {"devices":[DEVICE,...],"next":eui|null}
 *             one page in order of DevEUI: those after "after"; next: ask again with it.
 *             outcome: "pending", "active" or an outcome's name; state: 0..3
 *   device    {"dev_eui"} or {"device"} (its name in an inventory, or its DevEUI) ->
 *             {"dev_eui","name","fleet","profile","last_uplink",
 *             "firmware_version","hardware_version","battery_percent"|null,
 *             "packages":{"1":v,...}|null,
 *             "reported":{"state","result","package_version","firmware_version","time"}|null
 *             (in LwM2M; null: it never said),
 *             "uplink_interval_us" (0: not known),"uplinks_heard","links":[{"gateway":eui,
 *             "snr_p10_cdb","snr_p50_cdb","heard_ppk"}] (of uplinks, best first),
 *             "campaigns":[DEVICE with "campaign"],
 *             "history":[{"campaign","time","phase","state","result","source","outcome",
 *             "reason"}]}
 *   budget    {"gateway"?,"after"?,"limit"?} -> {"gateways":[BUDGET,...],"next":eui|null}
 *             what gateways have sent in the last hour, ascending, each sub-band; one page:
 *             gateways after "after"; next: ask again with it. code 5 if the gateway has
 *             sent nothing yet
 *   report    {"name","part":"devices"|"progress"|"sessions"|"airtime","after"?} ->
 *             {"rows":[...],"next":text|null} and, of airtime, "bands"; one page of what a
 *             report is made from; next: ask again with it as after. Rows: of devices:
 *             DEVICE with "gateway":eui|null (the one that hears it best),"snr_p50_cdb",
 *             "heard_ppk"; of progress: {"dev_eui","since","downloaded","ended"}, times in
 *             Unix microseconds, 0 for what has not been; a device may be in several pages:
 *             the earliest counts; of sessions: those there were, {"id","fleet","phase","dr",
 *             "fragment_size","uncoded","sent","members","gateways","colours","start",
 *             "end"}; of airtime: {"gateway","hour" (since 1970),"frequency_hz",
 *             "airtime_us"} by hour, of all campaigns, since this one began; "bands":
 *             [{"low_hz","high_hz","own_cap_us","legal_cap_us"}] of an hour
 *   doctor    {} -> {"findings":[FINDING,...]}
 *             what is right and wrong with the daemon and all it needs; the APIs of the
 *             servers are asked, so it takes up to five seconds
 *   pause resume abort   {"name","reason"?} -> STATE
 *   audit     {"after"?,"limit"?} -> {"records":[AUDIT,...],"count"}
 *             who did what, oldest first; one page: those with an id above "after"; count:
 *             of all records, which is the id of the newest
 *   approve   {"name","wave"?,"install"?:bool} -> STATE
 *             wave: by its name, also beforehand; without: the one that waits, be it for its
 *             approval or because its gate holds the campaign. install: not that the wave
 *             begins, but that its devices install (activation.mode manual); without wave:
 *             those of the one that is on. 6 if they do so by themselves
 *   retry     {"name","devices"?:[eui,...],"labels"?:{key:value},"outcomes"?:[outcome,...],
 *             "reason"?} -> {"retried","under_way","busy","state":STATE}
 *             devices that have ended go again within the campaign: those that are named,
 *             have all of the labels, and one of the outcomes (failed, unknown, cancelled,
 *             skipped, superseded); without devices and outcomes those that failed or are
 *             unknown. under_way: of those that were meant, how many had been told to go
 *             again before, so that the same request twice does no harm; busy: another
 *             campaign has them, and they are left alone. Named devices that cannot go
 *             again: refused as a whole, 5 or 6, each in errors (its DevEUI as path)
 *   import    {"file","digest","fleet"?,"reason"?} -> {"fleet","devices","added","replaced"}
 *             devices of a CSV file (as the inventory file of a fleet) that was uploaded;
 *             file: its name, for errors; fleet: may be left out if there is but one. They
 *             stay over a restart. All of them or none: 3 with every bad line in errors, as
 *             far as these have room. The upload is wiped and forgotten, whatever comes of it
 *   access    {"device","op":"read"|"write"|"create"|"delete"|"execute"|"observe","path",
 *             "values"?:[text,...],"timeout_us"?,"reason"?} ->
 *             {"dev_eui","path","values":[{"path","type","value"}],"location"?,"note"?}
 *             an object, instance or resource of a device that speaks LwM2M. device: its
 *             DevEUI or its name in an inventory; values: of a resource the value, of an
 *             instance "1=300" each, of observe "gt=20" and so on; type: string, integer,
 *             float, boolean, opaque, time, link; value: a number, true or false, or text
 *             (opaque in base64, time in seconds); location: of what was created; note: that
 *             there is more. observe: an event "values" (the same data) for each change,
 *             until timeout_us. 5 there is no such device or thing; 6 the device refused it;
 *             8 no answer in time; 12 it is not registered
 *   remove    {"file","digest","fleet"?,"reason"?} -> {"fleet","devices"}
 *             devices that were imported, by an uploaded file of DevEUIs (CSV with a column
 *             dev_eui, or one a line), go out of the inventory, with their keys. All of them
 *             or none: 3 with every bad line, 5 or 6 with every device that is not there or
 *             that a campaign under way has, in errors
 *   rollback  {"name"} -> {"name","campaign","signatures":[text,...],"digest","size"}
 *             the newest earlier campaign that brought another version to a device that this
 *             one has updated: its name, the text of its file, the signatures of its image,
 *             and the image's digest and length. 5 if there is none, or if this one has
 *             updated nobody; 6 if it carries data instead of firmware
 *   image     {"name","offset"?} -> {"digest","size","offset","data"}
 *             of the image of a campaign at most CTL_CHUNK_MAX bytes from offset on (data:
 *             base64)
 *   snapshot  {"name","after"?,"limit"?} ->
 *             {"campaign","id","phase","seqs":{shard:seq},"results":[RESULT,...],"next":eui|null}
 *             for consumers of the topics c/<name>/results/<shard>: one page in order of
 *             DevEUI; next: ask again with it as "after". A page holds everything that was
 *             said up to the seqs on it: whoever takes the seqs of the first page, and what
 *             comes on the topics above them, has every result
 *   watch     {"name","devices"?:bool} -> events until the campaign has ended or the client
 *             goes, then STATE. Events: "state" (data: STATE; the first at once, then one
 *             per change, at most four a second) and, if asked for, "device" (data: DEVICE;
 *             one per change of state, result or outcome)
 *
 * STATE  {"name","id","phase":"scheduled|running|paused|aborting|completed|aborted|
 *         failed","reason",
 *         "revision","fleet","fleets":[name,...],"version","digest","not_before","deadline","created",
 *         "started","ended",
 *         "devices":{"total","pending","active","installable","succeeded","failed","unknown","cancelled",
 *         "skipped",
 *         "superseded"},"states":{"idle","downloading","downloaded","updating"},
 *         "fragments":{"uncoded","sent"},"airtime_us","wave":name|null,
 *         "waves":[WAVE,...],"session":SESSION|null,
 *         "session_count","sessions":[{"id","phase","dr","uncoded","next","target",
 *         "members","start","end"},...]}
 *         fleet: of several, their names separated by ", "; fleets: empty if not known
 *         pending: their wave, or another campaign, comes first; installable: of the active,
 *         those that wait for approve with install; wave: the first that is not
 *         over; waves: not in the list of all campaigns; session: the newest of the
 *         session_count that are under way; sessions: all of
 *         them in short, the first 64
 *         Of a campaign with deltas also "variants":[{"variant","file","devices",
 *         "succeeded","fell_back"}]: fell_back: a delta had failed on them before
 * SESSION{"id","phase","dr","uncoded","next","target","members","start","end",
 *         "frequency_hz","fragment_size","copies","repair_rounds","gateways":[eui,...],
 *         "colours","lanes":[{"lane","colour","gateways":[eui,...],"frames","lost":bool}]}
 *         lanes: the ways on air, each with gateways of its own; those of one colour are
 *         on air together; frames: what a lane has taken; lost: given up in this session
 * WAVE   {"name","phase":"pending|approval|running|soaking|held|done|cancelled",
 *         "verdict":"open|succeeded|failed|broken|inconclusive","waived":bool,
 *         "approved":bool,"installs":bool,"devices","done","attempted","succeeded","failed","unknown",
 *         "passed_over","already","started","ended","soak_until"}
 *         done: have an outcome; attempted: a session began for them, and the three that
 *         follow count those only; passed_over: skipped, superseded, cancelled; already:
 *         ran the version before; installs: its devices may, activation.mode being manual;
 *         waived: an operator or onFailure overruled its gate
 * DEVICE {"dev_eui","phase","state":0..3,"state_name","result":0..255,"result_text",
 *         "source":"inferred|reported","outcome":"none|succeeded|...","reason":slug,
 *         "reason_text","version_before":u32|null,"version":u32|null,"received","missing":
 *         n|null,"tries","retries","outcome_before"?,"reason_before"?,"time","progress":0..100,"package_version":text|null,
 *         "variant":"full"|version|null,"delta_failures"}; of devices
 *         and report also "wave":name|null and "fleet":name
 *         variant: the image, or the delta from that version; null: it was sent nothing;
 *         delta_failures: deltas that failed on it before
 *         progress: per cent of the data block that it has, as far as it told;
 *         package_version: /5/0/7, if it reported it in LwM2M; retries: times it went again
 *         after it had ended, and if it did, how the try before did
 * DAEMON {"instance","version","boot","stores":bool,"turns","turn_longest_us","messages",
 *         "uplinks","dropped":{"flood","backlog","oversize","rejected","implausible",
 *         "flushes","webhooks"},"webhooks_waiting"}
 *         since the start, of all fleets: turn_longest_us: CPU time of the longest turn of
 *         the loop; messages: of the brokers; uplinks: of known devices. Of those that were
 *         dropped: flood: messages that came faster than they could be taken; backlog:
 *         events while too much waited for the disk; oversize: messages that are too big;
 *         rejected: by plugins; implausible: uplinks from another time;
 *         flushes: of devices' queues at the server, while too many were under way;
 *         webhooks: events of spec.notify that were given up; webhooks_waiting: that are
 *         not heard yet
 * BUDGET {"gateway":eui,"low_hz","high_hz","own_us","waiting_us","others_us",
 *         "own_cap_us","legal_cap_us","free_us","used_ppm","online","tx_given","tx_sent"}
 *         of a gateway in a sub-band, in the hour that ends now: own_us: airtime of
 *         campaigns, of which own_cap_us are allowed; waiting_us: of commands handed over
 *         that may go out there yet; others_us: of other traffic, as far
 *         as it is known; legal_cap_us: for both, 3 600 000 000 without a limit; free_us:
 *         what campaigns may send at once; used_ppm: both, of legal_cap_us. Only if the
 *         gateway tells: online: it has its server; tx_given, tx_sent: frames of whomever
 *         that it was given to send, and that it sent, since the daemon runs
 * RESULT {"dev_eui","state","result","source","outcome","reason","version_before","version",
 *         "time"}: as of DEVICE, and as on the topics
 * CALENDAR {"timezone","not_before","deadline","windows":[{"start","end"}],
 *         "clock_changes":[{"before","after"}],"end","end_p90"}: RFC 3339, local with the
 *         offset. not_before, deadline: absent without; windows: the next seven, the last
 *         without end if it has none; clock_changes: all until the end of sending or the
 *         deadline; before: the second before the clock changes; end: of sending, all
 *         waves and what they soak between them; absent if it lies beyond the weeks that are
 *         looked at
 * FINDING{"level":"ok|warn|fail","check":word,"what":text,"text":text}
 *         check: what it is about, for programs: config daemon clock disk state key store
 *         status broker api trust gateways devices profiles campaigns; what: the same for
 *         people, with the name of the fleet, folder and so on; text: why, and what to do
 * AUDIT  {"id","time","actor","action","object","reason","detail","previous","hash"}
 *         actor: "user:NAME" (or "uid:N") on the control socket, "key:ID" over MQTT,
 *         "folder" for the one that is watched; action: apply, change, pause, resume,
 *         abort and so on; object: the campaign, of an import the fleet; detail: of an
 *         apply the digests
 *         of image and campaign; previous, hash: hex, crypto/audit.h says of what
 * PLAN   {"name","fleet","devices","image_bytes","cohort_count","cohorts":[{"wave"?,"fleet"?,"devices",
 *         "assumed":bool,"dr","frequency_hz","fragment_size","fragments","coded","copies",
 *         "lanes","gateways","colours","frame_airtime_us","airtime_us","airtime_cap_us",
 *         "legal_cap_us","sessions","interval_us","frames_p50","frames_p90",
 *         "duration_us","duration_p90_us",COST}],"fragments","coded","airtime_us",
 *         "duration_us","duration_p90_us","soak_us","lower_bound_us",COST,
 *         "calendar":CALENDAR,"waves":[{"name","devices","success_ppm","abort_failed_ppm",
 *         "abort_attempted","soak_us","approval":bool,"planned","skipped","cohorts",
 *         "airtime_us","duration_us","duration_p90_us",COST}],
 *         "left_out":[{"reason":slug,"text","limit","count","devices":[eui,...]}],
 *         "notes":[text,...],"conflicts":[{"campaign","priority","devices"}]}
 *         With several fleets also "by_fleet":[{"fleet","delivered":bool,"devices","planned",
 *         "skipped","cohorts","airtime_us","duration_us","duration_p90_us",COST}] and "fleet" of
 *         a cohort: each is planned by itself, and all send at the same time; delivered: over
 *         IP, without airtime; fleet of the plan: their names separated by ", "
 *         With deltas also "variants":[{"variant","file","bytes","devices","airtime_us"}] and
 *         "variant" of a cohort: the image ("full") or the delta from that version, by what
 *         devices have reported so far; it counts what they say in the campaign.
 *         COST: "device_listening_us","device_energy_mj" (the most of one device) and
 *         "energy_mj" (of all); conflicts: campaigns under way that have some of the
 *         devices, and how many, the first 100.
 *         calendar: only of a campaign with a schedule. waves: each is planned by itself;
 *         planned: its devices that are in cohorts, skipped: those that are left out;
 *         soak_us of the plan: of all waves, between them.
 *         cohorts: the first 200 of cohort_count. Of a cohort: assumed: its devices were
 *         never heard; lanes: its ways on air, each with gateways of its own; colours:
 *         turns in which they send; copies: of each uncoded fragment; airtime_us: the
 *         first pass, at each gateway; airtime_cap_us: what campaigns may use of each hour
 *         at a gateway; legal_cap_us: what the law allows there, 3 600 000 000 without a
 *         limit; interval_us: from one fragment to the next. Of the plan: airtime_us: of
 *         all gateways together; duration_us: of the transmissions, without waiting for
 *         uplinks, as likely as not, and in 9 of 10 cases (p90); lower_bound_us: no plan
 *         can be shorter; left_out: devices that cannot be updated, or would be skipped now,
 *         the first 100 of each reason; notes: what the plan assumes
 *
 * Design 3.3; reference/campaigns.md 3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "fuotad/error.h"

enum {
    CTL_PROTOCOL = 1,
    CTL_LINE_MAX = 256 * 1024, /* of a request or an answer, with its line end */
    CTL_DEPTH_MAX = 16,
    CTL_CHUNK_MAX = 96 * 1024, /* bytes of an upload in one request, before base64 */
    CTL_IMAGE_MAX = 16 * 1024 * 1024,
    CTL_CAMPAIGN_MAX = 64 * 1024, /* text of a campaign file */
    CTL_SIGNATURES_MAX = 16,
    CTL_DIGEST_BYTES = 32,
    CTL_DIGEST_SIZE = 2 * CTL_DIGEST_BYTES + 1, /* as text with NUL */
    CTL_PAGE_DEFAULT = 200,
    CTL_PAGE_MAX = 400,
    CTL_ERROR_SIZE = 512,
};

/* Readers of JSON agree on integers up to there (RFC 8259, 6), and sums of a few fit. */
#define CTL_INT_MAX (INT64_C(1) << 53)

/* Design 3.3; the numbers are fuotactl's exit codes and for good. */
enum ctl_code {
    CTL_DONE = 0,
    CTL_INTERNAL = 1,
    CTL_USAGE = 2,
    CTL_INVALID = 3,
    CTL_FORBIDDEN = 4,
    CTL_NOT_FOUND = 5,
    CTL_CONFLICT = 6,
    CTL_UNTRUSTED = 7,
    CTL_RUNNING = 8,
    CTL_PAUSED = 9,
    CTL_FAILED = 10,
    CTL_DOES_NOT_FIT = 11,
    CTL_UNREACHABLE = 12,
};

#define CTL_METHOD_MAP(X)       \
    X(CTL_VERSION, "version")   \
    X(CTL_VALIDATE, "validate") \
    X(CTL_PUT, "put")           \
    X(CTL_PLAN, "plan")         \
    X(CTL_APPLY, "apply")       \
    X(CTL_STATUS, "status")     \
    X(CTL_DEVICES, "devices")   \
    X(CTL_DEVICE, "device")     \
    X(CTL_BUDGET, "budget")     \
    X(CTL_REPORT, "report")     \
    X(CTL_DOCTOR, "doctor")     \
    X(CTL_PAUSE, "pause")       \
    X(CTL_RESUME, "resume")     \
    X(CTL_ABORT, "abort")       \
    X(CTL_AUDIT, "audit")       \
    X(CTL_APPROVE, "approve")   \
    X(CTL_RETRY, "retry")       \
    X(CTL_IMPORT, "import")     \
    X(CTL_ACCESS, "access")     \
    X(CTL_REMOVE, "remove")     \
    X(CTL_ROLLBACK, "rollback") \
    X(CTL_IMAGE, "image")       \
    X(CTL_SNAPSHOT, "snapshot") \
    X(CTL_WATCH, "watch")

enum ctl_method {
#define X(id, name) id,
    CTL_METHOD_MAP(X)
#undef X
};

const char *ctl_method_name(enum ctl_method method);

/* What went wrong, for the response. errors is an array of DIAG or NULL; owned. */
struct ctl_error {
    enum ctl_code code;
    char text[CTL_ERROR_SIZE];
    struct json_object *errors;
};

/* Sets code and text (printf-like), keeps errors; returns code. */
__attribute__((format(printf, 3, 4))) int
ctl_fail(struct ctl_error *error, enum ctl_code code, const char *format, ...);
void ctl_error_finish(struct ctl_error *error);

struct ctl_request {
    int64_t id;
    enum ctl_method method;
    struct json_object *params; /* an object, never NULL; owned */
};

/*
 * One line without its end. FUO_EPROTO it is no request: error says why, and request->id is
 * the id to answer with (0 if there is none). FUO_OK: ctl_request_finish() when done.
 */
FUO_MUST_CHECK int ctl_request_parse(const char *line, size_t len,
                                     struct ctl_request *request,
                                     struct ctl_error *error);
/* The same of an object that was parsed before (borrowed). */
FUO_MUST_CHECK int ctl_request_read(struct json_object *root, struct ctl_request *request,
                                    struct ctl_error *error);
void ctl_request_finish(struct ctl_request *request); /* accepts a zeroed one */

/* A JSON object of at most max bytes and CTL_DEPTH_MAX levels, whole and valid UTF-8; NULL
 * otherwise. The caller releases it. */
struct json_object *ctl_parse_object(const char *text, size_t len, size_t max);

/* Lines with their '\n', fresh; the caller frees them. NULL if memory is exhausted. */
char *ctl_print_request(int64_t id, enum ctl_method method,
                        struct json_object *params /* takes, may be NULL */);
char *ctl_print_data(int64_t id, struct json_object *data /* takes */);
char *ctl_print_event(int64_t id, const char *event,
                      struct json_object *data /* takes */);
char *ctl_print_error(int64_t id, const struct ctl_error *error);
char *ctl_print_hello(const char *version, const char *instance, uint32_t boot);

enum ctl_message_type {
    CTL_MSG_HELLO,
    CTL_MSG_EVENT,
    CTL_MSG_DATA,
    CTL_MSG_ERROR,
};

/* Something the server said. Finish it with ctl_message_finish(). */
struct ctl_message {
    enum ctl_message_type type;
    int64_t id;               /* EVENT, DATA, ERROR */
    int64_t protocol;         /* HELLO */
    const char *event;        /* EVENT: its name, borrowed from root */
    struct json_object *data; /* EVENT, DATA; borrowed from root, may be NULL */
    struct ctl_error error;   /* ERROR */
    struct json_object *root; /* the whole line; owned */
};

/* One line without its end. FUO_EPROTO: it is none of these; *message is untouched. */
FUO_MUST_CHECK int ctl_message_parse(const char *line, size_t len,
                                     struct ctl_message *message);
void ctl_message_finish(struct ctl_message *message); /* accepts a zeroed one */

/*
 * ---- members of params; NULL or the default when absent, of another type or, of numbers,
 * beyond CTL_INT_MAX ----
 */

const char *ctl_text(struct json_object *object, const char *key);
int64_t ctl_int(struct json_object *object, const char *key, int64_t absent);
bool ctl_bool(struct json_object *object, const char *key, bool absent);

/* 64 hex digits of either case; writes them in lower case. FUO_EPROTO otherwise. */
FUO_MUST_CHECK int ctl_digest_text(const char *text, char digest[static CTL_DIGEST_SIZE]);

/* BLAKE2b-256 (`b2sum -l 256`) as lower-case hex: the digest of every image. */
void ctl_digest(const uint8_t *bytes, size_t len, char digest[static CTL_DIGEST_SIZE]);

/*
 * Base64 with padding, no line ends. FUO_EPROTO not base64, FUO_ENOSPC longer than cap;
 * bytes may be partly written then.
 */
FUO_MUST_CHECK int ctl_base64_decode(const char *text, size_t text_len, uint8_t *bytes,
                                     size_t cap, size_t *len);
/* Fresh text; the caller frees it. NULL if memory is exhausted. */
char *ctl_base64_encode(const uint8_t *bytes, size_t len);
