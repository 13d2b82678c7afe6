/* SPDX-License-Identifier: MIT */
#include "config/device_profile.h"

#include "config/table.h"

#define AT(member) OPTION_AT(struct device_profile_doc, profile.member)

static const struct option_word kinds[] = {{"DeviceProfile", 0}, {0}};
static const struct option_word layouts[] = {
    {"auto", PROFILE_LAYOUT_AUTO},
    {"spec", PROFILE_LAYOUT_SPEC},
    {"v1", PROFILE_LAYOUT_V1},
    {"v1-big-endian", PROFILE_LAYOUT_V1_BIG_ENDIAN},
    {0}};
static const struct option_word receiveds[] = {
    {"all", PROFILE_RECEIVED_ALL},
    {"last", PROFILE_RECEIVED_LAST},
    {"last-less-lost", PROFILE_RECEIVED_LAST_LESS_LOST},
    {0}};
static const struct option_word missings[] = {{"rank", PROFILE_MISSING_RANK},
                                              {"lost", PROFILE_MISSING_LOST},
                                              {"counted", PROFILE_MISSING_COUNTED},
                                              {0}};
static const struct option_word no_sessions[] = {{"spec", PROFILE_NO_SESSION_SPEC},
                                                 {"long", PROFILE_NO_SESSION_LONG},
                                                 {"stale", PROFILE_NO_SESSION_STALE},
                                                 {0}};
static const struct option_word overflows[] = {
    {"status", PROFILE_OVERFLOW_STATUS}, {"complete", PROFILE_OVERFLOW_COMPLETE}, {0}};
static const struct option_word lates[] = {{"ignored", PROFILE_LATE_IGNORED},
                                           {"corrupts", PROFILE_LATE_CORRUPTS},
                                           {"stalls", PROFILE_LATE_STALLS},
                                           {0}};
static const struct option_word strays[] = {
    {"dropped", PROFILE_STRAY_DROPPED},
    {"commands", PROFILE_STRAY_COMMANDS},
    {"commands-ever", PROFILE_STRAY_COMMANDS_EVER},
    {0}};
static const struct option_word commands_words[] = {
    {"many", PROFILE_COMMANDS_MANY}, {"one", PROFILE_COMMANDS_ONE}, {0}};
static const struct option_word unknowns[] = {{"stops", PROFILE_UNKNOWN_STOPS},
                                              {"drops", PROFILE_UNKNOWN_DROPS},
                                              {"skipped", PROFILE_UNKNOWN_SKIPPED},
                                              {0}};
static const struct option_word silents[] = {
    {"group-status", PROFILE_SILENT_GROUP_STATUS},
    {"bad-channel", PROFILE_SILENT_BAD_CHANNEL},
    {"complete", PROFILE_SILENT_COMPLETE},
    {0}};
static const struct option_word periodicities[] = {
    {"taken", PROFILE_PERIODICITY_TAKEN},
    {"refused", PROFILE_PERIODICITY_REFUSED},
    {"eats-byte", PROFILE_PERIODICITY_EATS},
    {0}};
static const struct option_word syncs[] = {{"optional", PROFILE_SYNC_OPTIONAL},
                                           {"not-in-class-c", PROFILE_SYNC_NOT_IN_C},
                                           {"other-port", PROFILE_SYNC_OTHER_PORT},
                                           {0}};
static const struct option_word multis[] = {
    {"all-answer", PROFILE_MULTI_ALL_ANSWER},
    {"long-delete", PROFILE_MULTI_LONG_DELETE},
    {"stop-exclusive", PROFILE_MULTI_STOP_EXCLUSIVE},
    {"clobbers", PROFILE_MULTI_CLOBBERS},
    {0}};
static const struct option_word windows[] = {{"spec", PROFILE_WINDOW_SPEC},
                                             {"inclusive", PROFILE_WINDOW_INCLUSIVE},
                                             {"none", PROFILE_WINDOW_NONE},
                                             {0}};
static const struct option_word counters[] = {{"spec", PROFILE_COUNTER_SPEC},
                                              {"low", PROFILE_COUNTER_LOW},
                                              {"session", PROFILE_COUNTER_SESSION},
                                              {0}};
static const struct option_word reboots[] = {
    {"gps", PROFILE_REBOOT_GPS}, {"unix", PROFILE_REBOOT_UNIX}, {0}};
static const struct option_word misseds[] = {
    {"spec", PROFILE_MISSED_SPEC},
    {"start-bit", PROFILE_MISSED_START_BIT},
    {"group-undefined", PROFILE_MISSED_GROUP_UNDEFINED},
    {0}};
static const struct option_word unsets[] = {{"waits", PROFILE_UNSET_WAITS},
                                            {"forgets", PROFILE_UNSET_FORGETS},
                                            {"guesses", PROFILE_UNSET_GUESSES},
                                            {0}};
static const struct option_word ends[] = {{"timeout", PROFILE_END_TIMEOUT},
                                          {"complete", PROFILE_END_COMPLETE},
                                          {"idle", PROFILE_END_IDLE},
                                          {0}};
static const struct option_word class_bs[] = {{"spec", PROFILE_CLASS_B_SPEC},
                                              {"as-class-c", PROFILE_CLASS_B_AS_C},
                                              {"none", PROFILE_CLASS_B_NONE},
                                              {0}};
static const struct option_word clocks[] = {
    {"gps", PROFILE_CLOCK_GPS}, {"epoch-twice", PROFILE_CLOCK_EPOCH_TWICE}, {0}};
static const struct option_word images[] = {
    {"announced", PROFILE_IMAGE_ANNOUNCED}, {"denied", PROFILE_IMAGE_DENIED}, {0}};
static const struct option_word versions[] = {
    {"opaque", PROFILE_VERSION_OPAQUE}, {"bytes", PROFILE_VERSION_BYTES}, {0}};

static const struct option metadata[] = {
    {.key = "name",
     .type = OPTION_NAME,
     .flags = OPTION_REQUIRED,
     AT(name),
     .example = "wm1-board",
     .help = "The name by which fleets and inventories refer to it."},
    {0},
};

static const struct option packages[] = {
    {.key = "ts003",
     .type = OPTION_U32,
     .word = "any",
     .def = "any",
     .max = 2,
     AT(ts003),
     .help = "Version of clock synchronisation."},
    {.key = "ts004",
     .type = OPTION_U32,
     .word = "any",
     .def = "any",
     .max = 2,
     AT(ts004),
     .help = "Version of fragmentation. A device that reports another one is not taken "
             "for one of this profile."},
    {.key = "ts005",
     .type = OPTION_U32,
     .word = "any",
     .def = "any",
     .max = 2,
     AT(ts005),
     .help = "Version of multicast setup; as ts004."},
    {.key = "ts007",
     .type = OPTION_BOOL,
     .def = "false",
     AT(multi_package),
     .help = "Whether it answers on port 225."},
    {0},
};

static const struct option decoder[] = {
    {.key = "sizeMin",
     .type = OPTION_SIZE,
     .def = "0",
     .max = 255,
     AT(limits.size_min),
     .help = "Least bytes of a fragment; 0: any."},
    {.key = "sizeMax",
     .type = OPTION_SIZE,
     .def = "0",
     .max = 255,
     AT(limits.size_max),
     .help = "Most bytes of a fragment; 0: its answer to the set-up tells."},
    {.key = "sizeMultiple",
     .type = OPTION_SIZE,
     .def = "0",
     .max = 64,
     AT(limits.size_multiple),
     .help = "Fragments are a multiple of so many bytes, as flash is written; 0: any."},
    {.key = "countMax",
     .type = OPTION_U32,
     .def = "0",
     .max = FRAGPLAN_COUNT_MAX,
     AT(limits.count_max),
     .help = "Most uncoded fragments; 0: its answer to the set-up tells."},
    {.key = "lostMax",
     .type = OPTION_U32,
     .def = "0",
     .max = FRAGPLAN_COUNT_MAX,
     AT(lost_max),
     .help = "Lost uncoded fragments that it has memory to mend; 0: no such limit."},
    {.key = "lostShare",
     .type = OPTION_SHARE,
     .word = "auto",
     .def = "auto",
     .max = PROFILE_PPM,
     .example = "20%",
     AT(lost_ppm),
     .help = "The same as a share of all; auto: by lostMax, and if that is not given 10% "
             "for version 1 of TS004, 100% for version 2."},
    {.key = "overflow",
     .type = OPTION_ENUM,
     .words = overflows,
     .def = "status",
     AT(overflow),
     .help = "If it loses more: its status says so, or it also calls a corrupt block "
             "complete."},
    {.key = "lateUncoded",
     .type = OPTION_ENUM,
     .words = lates,
     .def = "ignored",
     AT(late),
     .help = "What an uncoded fragment behind a coded one does: nothing, it makes the "
             "block wrong, or it keeps it from getting complete."},
    {.key = "stray",
     .type = OPTION_ENUM,
     .words = strays,
     .def = "dropped",
     AT(stray),
     .help = "A fragment without a session for it is dropped, or its data are read as "
             "commands; commands-ever: those that come when it is complete, too."},
    {.key = "anyGroup",
     .type = OPTION_BOOL,
     .def = "false",
     AT(any_group),
     .help = "Whether fragments count by whatever multicast group they come."},
    {.key = "acksMax",
     .type = OPTION_U32,
     .def = "3",
     .max = 255,
     AT(acks_max),
     .help = "Times that FragDataBlockReceivedReq (version 2) is sent; 0: until it is "
             "answered."},
    {.key = "forgetsAcks",
     .type = OPTION_BOOL,
     .def = "false",
     AT(forgets_acks),
     .help = "Whether a further fragment makes it forget FragDataBlockReceivedReq."},
    {0},
};

static const struct option status[] = {
    {.key = "layout",
     .type = OPTION_ENUM,
     .words = layouts,
     .def = "auto",
     AT(layout),
     .help = "Where the fields of FragSessionStatusAns are; auto: as its version has it, "
             "unless only version 1's order makes sense."},
    {.key = "received",
     .type = OPTION_ENUM,
     .words = receiveds,
     .def = "all",
     AT(received),
     .help = "What NbFragReceived is: all that came, the last N, or that less the lost."},
    {.key = "missing",
     .type = OPTION_ENUM,
     .words = missings,
     .def = "rank",
     AT(missing),
     .help = "What MissingFrag is: fragments still needed; uncoded ones lost, for ever; "
             "or all less those that came. Only the first is proof of a block."},
    {.key = "noSession",
     .type = OPTION_ENUM,
     .words = no_sessions,
     .def = "spec",
     AT(no_session),
     .help = "What it answers when it has no such session."},
    {.key = "ackDelay",
     .type = OPTION_SHARE,
     .def = "100%",
     .max = PROFILE_PPM,
     AT(ack_delay_ppm),
     .help =
         "Of the span that BlockAckDelay asks for, what it spreads its answers over."},
    {.key = "answerDelay",
     .type = OPTION_DURATION,
     .def = "1s",
     .max = 60000000,
     AT(answer_delay_us),
     .help = "Least time until it answers anything."},
    {.key = "stickyError",
     .type = OPTION_BOOL,
     .def = "false",
     AT(sticky_error),
     .help = "Whether \"not enough matrix memory\", once said, is said in every later "
             "session until it reboots: then it counts only if more is lost than it can "
             "mend."},
    {0},
};

static const struct option commands[] = {
    {.key = "perMessage",
     .type = OPTION_ENUM,
     .words = commands_words,
     .def = "many",
     AT(commands),
     .help =
         "Commands that it takes in a message. Many: it is told its multicast group and "
         "its session at once, behind its decoder."},
    {.key = "unknown",
     .type = OPTION_ENUM,
     .words = unknowns,
     .def = "stops",
     AT(unknown),
     .help =
         "At a command it does not know it stops, drops the whole message, or skips a "
         "byte and reads on."},
    {.key = "answerMax",
     .type = OPTION_SIZE,
     .def = "0",
     .max = 255,
     AT(answer_max),
     .help = "Bytes of answers to a message; what is beyond is lost. 0: no limit."},
    {.key = "silent",
     .type = OPTION_FLAGS,
     .words = silents,
     .example = "[group-status]",
     AT(silent),
     .help = "What it never answers: McGroupStatusReq, a session on a channel that it "
             "lacks, status requests when its block is complete."},
    {.key = "busyDrops",
     .type = OPTION_BOOL,
     .def = "false",
     AT(busy_drops),
     .help = "Whether an answer that is due while it transmits, or while its receive "
             "windows are open, is lost."},
    {.key = "longEmpties",
     .type = OPTION_BOOL,
     .def = "false",
     AT(long_empties),
     .help = "Whether an answer that is too long for its data rate is sent as an empty "
             "message."},
    {.key = "periodicity",
     .type = OPTION_ENUM,
     .words = periodicities,
     .def = "taken",
     AT(periodicity),
     .help = "What it does with DeviceAppTimePeriodicityReq: it is taken, refused, or "
             "taken with a byte of the next command."},
    {.key = "clockSync",
     .type = OPTION_FLAGS,
     .words = syncs,
     AT(sync),
     .example = "[optional]",
     .help = "Where it does not keep to TS003: AppTimeReq never requires an answer, is "
             "not sent in a class C session; the version of the package is told on the "
             "port of TS005."},
    {.key = "multiPackage",
     .type = OPTION_FLAGS,
     .words = multis,
     .example = "[all-answer]",
     AT(multi),
     .help = "Where it does not keep to TS007: a message is answered only if each of its "
             "commands is, FragSessionDeleteReq has a byte more, StopByte is not sent, "
             "what is not answered spoils the answers before."},
    {0},
};

static const struct option session[] = {
    {.key = "missed",
     .type = OPTION_ENUM,
     .words = misseds,
     .def = "spec",
     AT(missed),
     .help = "How it says that the start is in the past: as its version has it, with "
             "StartMissed, or with McGroupUndefined."},
    {.key = "undefinedAll",
     .type = OPTION_BOOL,
     .def = "false",
     AT(undefined_all),
     .help = "Whether McGroupUndefined comes with the errors of both channel fields."},
    {.key = "unsetClock",
     .type = OPTION_ENUM,
     .words = unsets,
     .def = "waits",
     AT(unset),
     .help = "Told of a session without a clock it waits for the time, forgets the "
             "session, or guesses."},
    {.key = "end",
     .type = OPTION_ENUM,
     .words = ends,
     .def = "timeout",
     AT(end),
     .help = "When it stops listening: at the timeout, with its block, or so long after "
             "the last fragment."},
    {.key = "window",
     .type = OPTION_ENUM,
     .words = windows,
     .def = "spec",
     AT(window),
     .help = "Which frame counters of a group it takes: those before maxMcFCount, that "
             "one too, or any."},
    {.key = "counter",
     .type = OPTION_ENUM,
     .words = counters,
     .def = "spec",
     AT(counter),
     .help = "Whether the first frame counter of a group, or of each session, must be "
             "below 65536 for anything to be received."},
    {.key = "oneTimer",
     .type = OPTION_BOOL,
     .def = "false",
     AT(one_timer),
     .help = "Whether all groups share a timer: the start is that of the session it was "
             "told of last, the timeout that of group 0."},
    {.key = "lowestOnly",
     .type = OPTION_BOOL,
     .def = "false",
     AT(lowest_only),
     .help = "Whether of several sessions it hears that of the lowest group, not the "
             "first."},
    {.key = "groups",
     .type = OPTION_U32,
     .def = "0",
     .max = 4,
     AT(groups_max),
     .help = "Multicast groups that it can have; McGroupSetupReq with an id beyond is "
             "refused. 0: all four."},
    {.key = "classB",
     .type = OPTION_ENUM,
     .words = class_bs,
     .def = "spec",
     AT(class_b),
     .help =
         "What it does with McClassBSessionReq: as its version has it, it is of class "
         "C then and for 2^n s, or it does not know it. Only with spec it is taken "
         "into campaigns of class B."},
    {0},
};

static const struct option firmware[] = {
    {.key = "image",
     .type = OPTION_ENUM,
     .words = images,
     .def = "announced",
     AT(image),
     .help =
         "Whether DevUpgradeImageAns announces the image, or always denies that there "
         "is one: then only the version after the reboot is proof."},
    {.key = "rebootTime",
     .type = OPTION_ENUM,
     .words = reboots,
     .def = "gps",
     AT(reboot),
     .help = "What it takes DevRebootTimeReq for: GPS time, or Unix time, years away."},
    {.key = "version",
     .type = OPTION_ENUM,
     .words = versions,
     .def = "opaque",
     AT(version),
     .help =
         "How a version's text is coded in TS006: unknown, or 1.2.3.4 as four bytes."},
    {.key = "lwm2mPort",
     .type = OPTION_U32,
     .def = "0",
     .max = 223,
     AT(lwm2m_fport),
     .example = "5",
     .help = "Port whose uplinks are LwM2M TLV: State, Update Result and PkgVersion of "
             "/5/0 and the firmware version of /3/0, of which a number as resource 3 is "
             "taken for State, a text for the version. 0: none."},
    {0},
};

static const struct option spec[] = {
    {.key = "stack",
     .type = OPTION_TEXT,
     .flags = OPTION_SHOWN,
     .max = 200,
     OPTION_AT(struct device_profile_doc, stack),
     .example = "\"LoRa Basics Modem 4\"",
     .help = "Which devices it is for, in words."},
    {.key = "packages",
     .type = OPTION_MAP,
     .sub = packages,
     .help = "Versions of its application packages."},
    {.key = "decoder", .type = OPTION_MAP, .sub = decoder, .help = "What it can take."},
    {.key = "status",
     .type = OPTION_MAP,
     .sub = status,
     .help = "What it says of its fragments."},
    {.key = "commands",
     .type = OPTION_MAP,
     .sub = commands,
     .help = "How it reads messages."},
    {.key = "session", .type = OPTION_MAP, .sub = session, .help = "Multicast sessions."},
    {.key = "clock",
     .type = OPTION_ENUM,
     .words = clocks,
     .def = "gps",
     AT(clock),
     .help =
         "What its clock means: GPS time, or with the epoch subtracted twice, so that "
         "a correction by the book sets it ten years ahead."},
    {.key = "firmware", .type = OPTION_MAP, .sub = firmware, .help = "TS006."},
    {0},
};

static const struct option options[] = {
    TABLE_API_VERSION,
    TABLE_KIND("DeviceProfile", kinds),
    {.key = "metadata",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = metadata,
     .help = "Which profile."},
    {.key = "spec",
     .type = OPTION_MAP,
     .flags = OPTION_REQUIRED,
     .sub = spec,
     .help = "What the devices do."},
    {0},
};

static void check(struct config_doc *doc, struct option_context *ctx)
{
    const struct device_profile_doc *d = (const struct device_profile_doc *)doc;
    const struct fragplan_limits *limits = &d->profile.limits;
    struct diag_place place = config_place(doc, "spec.decoder.sizeMax");
    if (limits->size_max != 0 && limits->size_max < limits->size_min) {
        diag_error(ctx->diags, &place, "must not be less than sizeMin");
    } else if (limits->size_max != 0 && limits->size_max < limits->size_multiple) {
        diag_error(ctx->diags, &place, "must not be less than sizeMultiple");
    }
}

const struct config_kind device_profile_kind = {
    .name = "DeviceProfile",
    .page = "fuotad-device-profile",
    .summary = "quirks of a device stack",
    .text = "A DeviceProfile says what devices of one stack can take and where they do "
            "not keep to the specifications. A Fleet names one for all its devices "
            "(spec.profiles.default), its inventory others for single ones (column "
            "profile). Shipped are generic, loramac-node, lbm-v1, lbm-v2, "
            "st-v1, st-v2, zephyr and mbed; profiles of your own go into the "
            "folder that the daemon's spec.profiles names.",
    .example = "apiVersion: fuotad/v1\n"
               "kind: DeviceProfile\n"
               "metadata: { name: wm1-board }\n"
               "spec:\n"
               "  packages: { ts004: 1, ts005: 1 }\n"
               "  decoder: { sizeMax: 120, countMax: 500, lostMax: 50 }\n",
    .options = options,
    .doc_size = sizeof(struct device_profile_doc),
    .check = check,
};

int device_profile_load(const char *file, struct device_profile_doc **doc,
                        struct diag_list *diags)
{
    return config_load(&device_profile_kind, file, (struct config_doc **)doc, diags);
}

int device_profile_parse(const char *file, const char *bytes, size_t len,
                         struct device_profile_doc **doc, struct diag_list *diags)
{
    return config_parse(&device_profile_kind, file, bytes, len, (struct config_doc **)doc,
                        diags);
}

void device_profile_doc_destroy(struct device_profile_doc *doc)
{
    config_doc_destroy((struct config_doc *)doc);
}
