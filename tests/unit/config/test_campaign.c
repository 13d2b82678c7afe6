/* SPDX-License-Identifier: MIT */
#include "config/campaign.h"
#include "config_test.h"

#define HEAD "apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: c}\nspec:\n"
#define BODY                                                \
    "  image: {file: a, version: \"1\", signatures: [s]}\n" \
    "  targets: {fleet: wm1}\n"

static struct campaign_doc *campaign(const char *text, struct diag_list *diags)
{
    return (struct campaign_doc *)parse_text("Campaign", text, diags);
}

/* ---- defaults ---- */

static void check_default_radio(const struct campaign_spec *s)
{
    assert_int_equal(s->radio.transport, SPEC_TRANSPORT_AUTO);
    assert_int_equal(s->radio.device_class, 'C');
    assert_int_equal(s->radio.ping_slot_periodicity, 0);
    assert_true(s->radio.dr == SPEC_AUTO_U32);
    assert_true(s->radio.frequency_hz == SPEC_AUTO_U32);
    assert_int_equal(s->radio.gateways.count, 0);
    assert_int_equal(s->radio.spacing_us, SPEC_AUTO_US);
    assert_int_equal(s->radio.setup_lead_us, SPEC_AUTO_US);
    assert_true(s->fragmentation.size_bytes == SPEC_AUTO_U32);
    assert_true(s->fragmentation.redundancy_ppm == SPEC_AUTO_U32);
    assert_int_equal(s->fragmentation.max_redundancy_ppm, SPEC_PPM);
    assert_int_equal(s->fragmentation.repair_rounds, 3);
    assert_memory_equal(s->fragmentation.descriptor, "\0\0\0\0", 4);
    assert_true(s->fragmentation.block_ack_delay == SPEC_AUTO_U32);
    assert_int_equal(s->budgets.duty_cycle_ppm, 600000);
    assert_true(s->budgets.device_listening_us == SPEC_NONE_US);
    assert_true(s->budgets.device_energy_mj == SPEC_AUTO_U32);
    assert_true(s->budgets.airtime_us == SPEC_NONE_US);
    assert_true(s->budgets.duration_us == SPEC_NONE_US);
}

static void check_default_targets(const struct campaign_spec *s)
{
    const struct spec_preconditions *p = &s->targets.preconditions;
    assert_int_equal(s->targets.match.label_count, 0);
    assert_int_equal(s->targets.match.expression_count, 0);
    assert_int_equal(s->targets.devices.count, 0);
    assert_null(s->targets.devices_file);
    assert_int_equal(s->targets.exclude_devices.count, 0);
    assert_null(s->targets.exclude_devices_file);
    assert_true(s->targets.limit == SPEC_AUTO_U32);
    assert_int_equal(p->running_versions.count, 0);
    assert_int_equal(p->max_uplink_age_us, DAYS_US(7));
    assert_int_equal(p->battery_min_ppm, 0);
    assert_int_equal(p->battery_unknown, SPEC_ALLOW);
    assert_int_equal(p->link_margin_cdb, 0);
    assert_int_equal(p->maintenance, SPEC_SKIP);
}

static void check_default_rollout(const struct campaign_spec *s)
{
    const struct spec_wave *w = s->rollout.waves;
    assert_false(s->rollout.waves_given);
    assert_int_equal(s->rollout.wave_count, 3);
    assert_string_equal(w[0].name, "canary");
    assert_int_equal(w[0].size.ppm, 10000);
    assert_int_equal(w[0].min, 10);
    assert_int_equal(w[0].abort_attempted, 10);
    assert_int_equal(w[0].soak_us, HOURS_US(24));
    assert_string_equal(w[1].name, "ten");
    assert_int_equal(w[1].size.ppm, 100000);
    assert_string_equal(w[2].name, "rest");
    assert_int_equal(w[2].size.ppm, SPEC_PPM);
    assert_int_equal(w[2].soak_us, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w[i].success_ppm, 950000);
        assert_int_equal(w[i].abort_failed_ppm, 50000);
        assert_false(w[i].approval_required);
    }
    assert_null(s->rollout.seed);
    assert_int_equal(s->rollout.on_failure, SPEC_FAIL_PAUSE);
    assert_true(s->rollout.unknown_counts_as_failed);
    assert_int_equal(s->retry.command, 4);
    assert_int_equal(s->retry.session, 2);
    assert_int_equal(s->retry.device, 2);
    assert_int_equal(s->retry.cooldown_us, HOURS_US(24));
    assert_int_equal(s->activation.mode, SPEC_ACTIVATE_IMMEDIATE);
    assert_int_equal(s->activation.jitter_us, MINUTES_US(10));
    assert_int_equal(s->activation.command_fport, 0);
    assert_null(s->activation.command_data);
    assert_int_equal(s->verification.within_us, HOURS_US(48));
    assert_true(s->verification.require_version);
    assert_false(s->verification.require_uplinks);
    assert_int_equal(s->verification.uplinks, 3);
}

static void check_defaults(const struct campaign_doc *c)
{
    const struct campaign_spec *s = &c->spec;
    assert_string_equal(s->name, "wm1-1-4-3");
    assert_false(s->paused);
    assert_int_equal(s->priority, 500);
    assert_string_equal(s->image.file, "wm1-1.4.3.bin");
    assert_string_equal(s->image.version, "1.4.3");
    assert_int_equal(s->image.signatures.count, 1);
    assert_string_equal(s->image.signatures.items[0], "wm1-1.4.3.bin.minisig");
    assert_int_equal(s->image.format, SPEC_IMAGE_RAW);
    assert_true(s->image.firmware_version == SPEC_AUTO_U32);
    assert_int_equal(s->image.hardware_versions.count, 0);
    assert_int_equal(s->image.delta_count, 0);
    assert_int_equal(s->targets.fleets.count, 1);
    assert_string_equal(s->targets.fleets.items[0], "wm1");
    assert_string_equal(s->schedule.timezone, "UTC");
    assert_null(s->schedule.not_before);
    assert_null(s->schedule.deadline);
    assert_int_equal(s->schedule.end_behavior, SPEC_END_DRAIN);
    assert_int_equal(s->schedule.window_count, 0);
    assert_int_equal(s->schedule.blackout_count, 0);
    assert_int_equal(c->notify_count, 0);
    check_default_targets(s);
    check_default_radio(s);
    check_default_rollout(s);
}

static void the_smallest_campaign_gets_every_default(void **state)
{
    (void)state;
    static const char *const files[] = {"campaigns/minimal.yaml",
                                        "campaigns/every-option.yaml"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[1024];
        struct campaign_doc *c = NULL;
        struct diag_list diags = {0};
        test_row(files[i]);
        assert_int_equal(campaign_load(source_path(files[i], path), &c, &diags), FUO_OK);
        check_defaults(c);
        campaign_unsupported(c, &diags);
        assert_diags(&diags, "");
        campaign_doc_destroy(c);
    }
}

static const char full[] =
    "apiVersion: fuotad/v1\nkind: Campaign\n"
    "metadata: { name: c, labels: { product: wm1, a/b: \"\" } }\n"
    "spec:\n"
    "  paused: true\n"
    "  priority: 0\n"
    "  image:\n"
    "    file: f\n"
    "    version: \"1.10\"\n"
    "    signatures: [s, t]\n"
    "    format: mcuboot\n"
    "    firmwareVersion: 0x01040300\n"
    "    hardwareVersion: [1, 2]\n"
    "    deltas: [{ from: \"1\", file: p, signatures: [q], format: bsdiff }]\n"
    "  targets:\n"
    "    fleets: [a]\n"
    "    match: { labels: { country: de }, expressions: "
    "[{ key: site, operator: NotIn, values: [lab] }] }\n"
    "    devices: [\"0000000000000001\"]\n"
    "    devicesFile: x.csv\n"
    "    exclude: { devices: [\"0000000000000002\"], devicesFile: y }\n"
    "    limit: 7\n"
    "    preconditions: { runningVersion: \"1\", maxUplinkAge: 1d, battery: "
    "{ min: 40%, unknown: skip }, linkMargin: 2.5dB, maintenance: allow }\n"
    "  schedule:\n"
    "    timezone: UTC\n"
    "    notBefore: \"2026-12-01\"\n"
    "    deadline: \"2026-12-01T08:00\"\n"
    "    endBehavior: abort\n"
    "    windows: [{ start: \"22:00\", end: \"05:30\", days: [mon, sun] }, "
    "{ start: \"00:00\", end: \"01:00\" }]\n"
    "    blackouts: [{ from: \"2026-12-23\", to: \"2027-01-04\" }, { window: w }]\n"
    "  radio: { transport: unicast, class: B, pingSlotPeriodicity: 3, datarate: DR3, "
    "frequency: 869.525MHz, gateways: [\"00000000000000aa\"], spacing: 4s, "
    "setupLead: 1h }\n"
    "  fragmentation: { size: 50, redundancy: 20%, maxRedundancy: 40%, "
    "repairRounds: 1, descriptor: \"0a0B0c0d\", blockAckDelay: 7 }\n"
    "  budgets: { dutyCycle: 10%, deviceListening: 90m, deviceEnergy: 50J, "
    "airtime: 40h, duration: 30d }\n"
    "  rollout:\n"
    "    waves: [{ name: x, size: 5, select: { labels: { r: l } }, spread: [site], "
    "soak: 1h, approval: required }, { name: y, size: 100% }]\n"
    "    seed: \"7\"\n"
    "    onFailure: continue\n"
    "    unknownCountsAs: ignored\n"
    "  retry: { command: 1, session: 3, device: 5, cooldown: 1h }\n"
    "  activation: { mode: manual, jitter: 0s, command: { fPort: 10, data: "
    "\"AA${version_u32_le}\" } }\n"
    "  verification: { within: 1h, require: [uplinks], uplinks: 9 }\n"
    "  notify: [{ on: [paused, completed], webhook: \"https://ci.example/hook\" }]\n";

/* In order of their places. */
static const char *const later_paths[] = {"spec.radio.transport"};

static void check_full_image_and_targets(const struct campaign_spec *s)
{
    assert_int_equal(s->label_count, 2);
    assert_string_equal(s->labels[0].key, "product");
    assert_string_equal(s->labels[1].value, "");
    assert_true(s->paused && s->priority == 0);
    assert_string_equal(s->image.version, "1.10");
    assert_int_equal(s->image.format, SPEC_IMAGE_MCUBOOT);
    assert_int_equal(s->image.firmware_version, 0x01040300);
    assert_int_equal(s->image.hardware_versions.items[1], 2);
    assert_int_equal(s->image.deltas[0].format, SPEC_DELTA_BSDIFF);
    assert_string_equal(s->image.deltas[0].signatures.items[0], "q");
    assert_int_equal(s->targets.fleets.count, 1);
    assert_int_equal(s->targets.match.expressions[0].op, SPEC_OP_NOT_IN);
    assert_true(s->targets.devices.items[0] == 1);
    assert_string_equal(s->targets.exclude_devices_file, "y");
    assert_int_equal(s->targets.limit, 7);
    assert_string_equal(s->targets.preconditions.running_versions.items[0], "1");
    assert_int_equal(s->targets.preconditions.link_margin_cdb, 250);
    assert_int_equal(s->targets.preconditions.battery_min_ppm, 400000);
    assert_int_equal(s->targets.preconditions.battery_unknown, SPEC_SKIP);
}

static void check_full_rest(const struct campaign_doc *c)
{
    const struct campaign_spec *s = &c->spec;
    assert_int_equal(s->schedule.windows[0].day_mask, 0x41);
    assert_int_equal(s->schedule.windows[0].start_minute, 1320);
    assert_int_equal(s->schedule.windows[0].end_minute, 330);
    assert_int_equal(s->schedule.windows[1].day_mask, 0x7f);
    assert_string_equal(s->schedule.blackouts[1].window, "w");
    assert_int_equal(s->radio.device_class, 'B');
    assert_int_equal(s->radio.ping_slot_periodicity, 3);
    assert_int_equal(s->radio.dr, 3);
    assert_int_equal(s->radio.frequency_hz, 869525000);
    assert_true(s->radio.gateways.items[0] == 0xaa);
    assert_int_equal(s->fragmentation.descriptor[1], 0x0b);
    assert_int_equal(s->budgets.device_energy_mj, 50000);
    assert_true(s->rollout.waves_given);
    assert_int_equal(s->rollout.waves[0].size.count, 5);
    assert_int_equal(s->rollout.waves[0].size.ppm, 0);
    assert_true(s->rollout.waves[0].approval_required);
    assert_string_equal(s->rollout.waves[0].spread.items[0], "site");
    assert_string_equal(s->rollout.waves[0].select.labels[0].value, "l");
    assert_int_equal(s->rollout.waves[1].abort_attempted, 20);
    assert_string_equal(s->rollout.seed, "7");
    assert_false(s->rollout.unknown_counts_as_failed);
    assert_int_equal(s->activation.command_fport, 10);
    assert_string_equal(s->activation.command_data, "AA${version_u32_le}");
    assert_true(!s->verification.require_version && s->verification.require_uplinks);
    assert_int_equal(c->notify[0].on_mask, CAMPAIGN_ON_PAUSED | CAMPAIGN_ON_COMPLETED);
}

static void a_campaign_decodes_every_key(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct campaign_doc *c = campaign(full, &diags);
    assert_diags(&diags, "");
    assert_non_null(c);
    check_full_image_and_targets(&c->spec);
    check_full_rest(c);
    campaign_doc_destroy(c);
}

static void what_this_version_does_not_honour_is_refused(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct campaign_doc *c = campaign(full, &diags);
    assert_non_null(c);
    campaign_unsupported(c, &diags);
    assert_int_equal(diags.error_count, ARRAY_LEN(later_paths));
    for (size_t i = 0; i < ARRAY_LEN(later_paths); i++) {
        assert_string_equal(diags.items[i].place.path, later_paths[i]);
        assert_true(strncmp(diags.items[i].text, "not supported by fuotad 0.1", 27) == 0);
        assert_true(diags.items[i].place.line >= 11);
    }
    assert_string_equal(diags.items[0].text, "not supported by fuotad 0.1; remove it");
    diag_list_finish(&diags);
    campaign_doc_destroy(c);
}

static void values_equal_to_the_default_are_supported(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct campaign_doc *c =
        campaign(HEAD BODY "  schedule: { windows: [], notBefore: none }\n"
                           "  budgets: { airtime: none }\n"
                           "  rollout: { waves: [{ name: all, size: 100%, soak: 0s }] }\n"
                           "  activation: { command: none }\n"
                           "  radio: { transport: multicast, class: C }\n",
                 &diags);
    assert_non_null(c);
    campaign_unsupported(c, &diags);
    assert_diags(&diags, "");
    campaign_doc_destroy(c);
    c = campaign("apiVersion: fuotad/v1\nkind: Campaign\nmetadata: {name: c}\nspec:\n"
                 "  image: {file: a, version: \"1\", signatures: [s]}\n"
                 "  targets: {fleet: wm1, preconditions: {maxUplinkAge: 168h}}\n"
                 "  rollout: { waves: [{ name: all, size: 100% }] }\n",
                 &diags);
    campaign_unsupported(c, &diags);
    assert_diags(&diags, "");
    campaign_doc_destroy(c);
}

/* ---- wrong files ---- */

static const struct {
    const char *name;
    const char *text;
    const char *diags;
} wrong_campaigns[] = {
    {"nothing but the head", "apiVersion: fuotad/v1\nkind: Campaign\n",
     "f:1:1: metadata: is required\nf:1:1: spec: is required\n"},
    {"empty parts", HEAD "  image: {}\n  targets: {}\n",
     "f:5:10: spec.image.file: is required\n"
     "f:5:10: spec.image.version: is required\n"
     "f:5:10: spec.image.signatures: is required\n"
     "f:6:12: spec.targets.fleet: is required\n"},
    {"no values", HEAD BODY "  radio:\n  paused:\n  schedule: [a]\n",
     "f:7:9: spec.radio: has no value\n"
     "f:8:10: spec.paused: has no value\n"
     "f:9:13: spec.schedule: must be a mapping\n"},
    {"unknown keys", HEAD BODY "  fragmentation: { redundency: 20%, foo: 1 }\n",
     "f:7:20: spec.fragmentation: unknown key \"redundency\"; did you mean "
     "\"redundancy\"?\n"
     "f:7:37: spec.fragmentation: unknown key \"foo\"; known here: size, redundancy, "
     "maxRedundancy, repairRounds, descriptor, blockAckDelay\n"},
    {"many at once",
     HEAD "  paused: maybe\n  priority: 1001\n" BODY
          "  radio: { datarate: 3, class: D }\n  retry: { cooldown: 24 }\n",
     "f:5:11: spec.paused: must be true or false, not \"maybe\"\n"
     "f:6:13: spec.priority: must be from 0 to 1000\n"
     "f:9:22: spec.radio.datarate: is not a data rate: \"3\"; write DR0 to DR15, or "
     "auto\n"
     "f:9:32: spec.radio.class: must be C or B, not \"D\"\n"
     "f:10:22: spec.retry.cooldown: is not a duration: \"24\"; write 500ms, 30s, "
     "1h30m or 7d\n"},
    {"lists",
     HEAD "  image: {file: a, version: \"1\", signatures: s}\n"
          "  targets: {fleet: wm1, devices: [\"1\", {}, []]}\n"
          "  rollout: {waves: []}\n  notify: [x]\n",
     "f:5:46: spec.image.signatures: must be a list\n"
     "f:6:35: spec.targets.devices[0]: is not an EUI: \"1\"; write 16 hex digits, as "
     "\"70b3d57ed005a1b2\"\n"
     "f:6:40: spec.targets.devices[1]: must be an EUI, not a mapping\n"
     "f:6:44: spec.targets.devices[2]: must be an EUI, not a list\n"
     "f:7:20: spec.rollout.waves: must not be empty\n"
     "f:8:12: spec.notify[0]: must be a mapping\n"},
    {"fleet and fleets",
     HEAD "  image: {file: a, version: \"1\", signatures: [s]}\n"
          "  targets: {fleet: a, fleets: [b, b]}\n",
     "f:6:31: spec.targets.fleets: is given beside fleet; keep one of them\n"
     "f:6:35: spec.targets.fleets[1]: is named twice\n"},
    {"gateways of several fleets",
     HEAD "  image: {file: a, version: \"1\", signatures: [s]}\n"
          "  targets: {fleets: [a, b]}\n"
          "  radio: {gateways: [\"00000000000000aa\"]}\n",
     "f:7:21: spec.radio.gateways: cannot be told of several fleets: name them in "
     "spec.gateways of each\n"},
    {"expressions",
     HEAD "  image: {file: a, version: \"1\", signatures: [s]}\n"
          "  targets:\n    fleet: a\n    match:\n      expressions:\n"
          "        - {key: a, operator: In}\n"
          "        - {key: a, operator: Exists, values: [x]}\n",
     "f:10:11: spec.targets.match.expressions[0].values: is required with In and "
     "NotIn\n"
     "f:11:46: spec.targets.match.expressions[1].values: has no meaning with Exists "
     "and DoesNotExist\n"},
    {"schedule",
     HEAD BODY "  schedule:\n    notBefore: \"2026-12-02\"\n"
               "    deadline: \"2026-12-01T08:00\"\n    blackouts:\n"
               "      - {from: \"2026-12-02\"}\n"
               "      - {from: \"2026-12-02\", to: \"2026-12-01\"}\n"
               "      - {window: w, to: \"2026-12-01\"}\n"
               "    timezone: +02:00\n    windows: [{days: [], start: \"1\"}]\n",
     "f:9:15: spec.schedule.deadline: must be after notBefore\n"
     "f:11:9: spec.schedule.blackouts[0]: needs from and to, or window alone\n"
     "f:12:9: spec.schedule.blackouts[1]: to must be after from\n"
     "f:13:9: spec.schedule.blackouts[2]: needs from and to, or window alone\n"
     "f:14:15: spec.schedule.timezone: is not a time zone: \"+02:00\"; write an IANA "
     "name, as UTC or Europe/Berlin\n"
     "f:15:15: spec.schedule.windows[0].end: is required\n"
     "f:15:22: spec.schedule.windows[0].days: must not be empty\n"
     "f:15:33: spec.schedule.windows[0].start: is not a time of day: \"1\"; write "
     "\"22:00\"\n"},
    {"class B", HEAD BODY "  radio: {class: B}\n",
     "f:7:10: spec.radio.pingSlotPeriodicity: is required with class B\n"},
    {"class C", HEAD BODY "  radio: {pingSlotPeriodicity: 2}\n",
     "f:7:32: spec.radio.pingSlotPeriodicity: has no meaning with class C\n"},
    {"data with what is about installing",
     HEAD "  image: {file: a, version: \"1\", signatures: [s], format: data, "
          "firmwareVersion: 2}\n  targets: {fleet: wm1}\n"
          "  activation: {jitter: 1m}\n  verification: {within: 1h}\n",
     "f:5:82: spec.image.firmwareVersion: has no meaning with image.format data, of "
     "which nothing is installed; leave it out\n"
     "f:7:15: spec.activation: has no meaning with image.format data, of which nothing "
     "is installed; leave it out\n"
     "f:8:17: spec.verification: has no meaning with image.format data, of which "
     "nothing is installed; leave it out\n"},
    {"no such format",
     HEAD "  image: {file: a, version: \"1\", signatures: [s], "
          "format: config}\n  targets: {fleet: wm1}\n",
     "f:5:59: spec.image.format: must be raw, mcuboot or data, not \"config\"\n"},
    {"deltas",
     HEAD "  image:\n    file: a\n    version: \"1.0\"\n    signatures: [s]\n"
          "    deltas: [{from: \"1\", file: d, signatures: [s]},"
          " {file: d, signatures: [], format: xdelta}]\n  targets: {fleet: wm1}\n",
     "f:9:21: spec.image.deltas[0].from: is the version of the image itself\n"
     "f:9:53: spec.image.deltas[1].from: is required\n"
     "f:9:75: spec.image.deltas[1].signatures: must not be empty\n"
     "f:9:87: spec.image.deltas[1].format: must be opaque or bsdiff, not \"xdelta\"\n"},
    {"webhooks",
     HEAD BODY "  notify:\n    - {on: [paused], webhook: \"http://ci.example/a\"}\n"
               "    - {on: [done], webhook: \"https://ci.example/a#b\"}\n"
               "    - {on: [], webhook: \"ftp://ci.example\"}\n"
               "    - {on: [started], webhook: \"http://127.0.0.1.example/\"}\n"
               "    - {on: [waveDone], webhook: \"http://[::1]:8080\"}\n"
               "    - {webhook: \"https://user:word@ci.example/\"}\n"
               "    - {on: [paused], webhook: \"https:///?x\"}\n"
               "    - {on: [paused], webhook: \"http://LocalHost?x\"}\n"
               "    - {on: [paused], webhook: \"http://[::1].example/?x\"}\n",
     "f:8:5: spec.notify: has more than 8 webhooks\n"
     "f:8:31: spec.notify[0].webhook: must be https: over http it could be read on its "
     "way; http is for this machine only\n"
     "f:9:13: spec.notify[1].on[0]: must be started, waveDone, paused, aborted or "
     "completed, not \"done\"\n"
     "f:9:29: spec.notify[1].webhook: must be a host and a path, without a fragment\n"
     "f:10:12: spec.notify[2].on: must not be empty\n"
     "f:10:25: spec.notify[2].webhook: must be a URL with http or https, not "
     "\"ftp://ci.example\"\n"
     "f:11:32: spec.notify[3].webhook: must be https: over http it could be read on its "
     "way; http is for this machine only\n"
     "f:13:7: spec.notify[5].on: is required\n"
     "f:13:17: spec.notify[5].webhook: must be a URL with http or https, and without a "
     "user\n"
     "f:14:31: spec.notify[6].webhook: must be a URL with http or https, not "
     "\"https:///\"\n"
     "f:16:31: spec.notify[8].webhook: must be https: over http it could be read on its "
     "way; http is for this machine only\n"},
    {"redundancy", HEAD BODY "  fragmentation: {redundancy: 50%, maxRedundancy: 40%}\n",
     "f:7:31: spec.fragmentation.redundancy: is more than maxRedundancy\n"},
    {"waves",
     HEAD BODY "  rollout:\n    waves:\n      - {name: a, size: 10%}\n"
               "      - {name: a, size: 10%, select: {expressions: "
               "[{key: a, operator: In}]}}\n",
     "f:10:16: spec.rollout.waves[1].name: is the name of another wave\n"
     "f:10:25: spec.rollout.waves[1].size: warning: the last wave is not 100%: some "
     "devices may never be updated\n"
     "f:10:53: spec.rollout.waves[1].select.expressions[0].values: is required with "
     "In and NotIn\n"},
    {"waves that select nobody",
     HEAD BODY "  rollout:\n    waves:\n      - {name: a, size: 10%}\n"
               "      - {name: b, size: 10%, min: 1}\n"
               "      - {name: c, size: 5%, select: {labels: {a: b}}}\n"
               "      - {name: d, size: 9%}\n"
               "      - {name: e, size: 100%}\n"
               "      - {name: f, size: 100%, min: 5}\n",
     "f:12:25: spec.rollout.waves[3].size: selects nobody: sizes count the waves before, "
     "and those have as much already\n"
     "f:14:25: spec.rollout.waves[5].size: selects nobody: sizes count the waves before, "
     "and those have as much already\n"},
    {"labels",
     "apiVersion: fuotad/v1\nkind: Campaign\n"
     "metadata: {name: c, labels: {\"a b\": x, c: [1]}}\nspec:\n" BODY,
     "f:3:30: metadata.labels.a b: a label's name is 1 to 63 letters, digits and . _ "
     "/ -\n"
     "f:3:43: metadata.labels.c: a label's value is a text of at most 255 "
     "characters\n"},
    {"aliases are reported once",
     HEAD BODY "  paused: *x\n  radio: {gateways: [*y]}\n"
               "  verification: {require: [*z]}\n",
     "f:7:11: aliases (*) are not supported; write it out\n"
     "f:8:22: aliases (*) are not supported; write it out\n"
     "f:9:28: aliases (*) are not supported; write it out\n"},
    {"other kind", "apiVersion: fuotad/v1\nkind: Fleet\n",
     "f:2:7: kind: must be Campaign, not \"Fleet\"\n"},
    {"two", HEAD BODY "---\n" HEAD BODY, "f:8:1: the file holds a second Campaign\n"},
    {"other version",
     "apiVersion: fuotad/v2\nkind: Campaign\nmetadata: {name: c}\n"
     "spec:\n" BODY,
     "f:1:13: apiVersion: must be fuotad/v1, not \"fuotad/v2\"; did you mean "
     "\"fuotad/v1\"?\n"},
    {"not a mapping", "[1]\n",
     "f:1:1: must be a mapping with apiVersion, kind and so "
     "on\n"},
    {"syntax", HEAD "  image: {\n",
     "f:6:1: did not find expected node content, while parsing a flow node\n"},
};

static void reports_everything_wrong_with_a_campaign(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong_campaigns); i++) {
        struct diag_list diags = {0};
        test_row(wrong_campaigns[i].name);
        assert_null(campaign(wrong_campaigns[i].text, &diags));
        assert_diags(&diags, wrong_campaigns[i].diags);
    }
}

static void warns_of_what_other_tools_would_damage(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct campaign_doc *c = campaign(
        HEAD "  image: {file: a, version: 1.10, signatures: [s]}\n"
             "  targets: {fleet: wm1, devices: [1122334455667788, 001122334455e667, "
             "70b3d57ed005a1b2]}\n"
             "  schedule: {windows: [{start: 22:00, end: \"05:30\"}]}\n"
             "  fragmentation: {descriptor: 00000001}\n",
        &diags);
    assert_non_null(c);
    assert_string_equal(c->spec.image.version, "1.10");
    assert_true(c->spec.targets.devices.items[0] == 0x1122334455667788);
    assert_diags(
        &diags,
        "f:5:29: spec.image.version: warning: write \"1.10\" in quotes: other tools read "
        "it as a number\n"
        "f:6:35: spec.targets.devices[0]: warning: write \"1122334455667788\" in quotes: "
        "other tools read it as a number\n"
        "f:6:53: spec.targets.devices[1]: warning: write \"001122334455e667\" in quotes: "
        "other tools read it as a number\n"
        "f:7:32: spec.schedule.windows[0].start: warning: write \"22:00\" in quotes: "
        "other tools read it as a number\n"
        "f:8:31: spec.fragmentation.descriptor: warning: write \"00000001\" in quotes: "
        "other tools read it as a number\n");
    campaign_doc_destroy(c);
}

TEST_MAIN(cmocka_unit_test(the_smallest_campaign_gets_every_default),
          cmocka_unit_test(a_campaign_decodes_every_key),
          cmocka_unit_test(what_this_version_does_not_honour_is_refused),
          cmocka_unit_test(values_equal_to_the_default_are_supported),
          cmocka_unit_test(reports_everything_wrong_with_a_campaign),
          cmocka_unit_test(warns_of_what_other_tools_would_damage))
