/* SPDX-License-Identifier: MIT */
#include "config/device_profile.h"
#include "config_test.h"
#include "profile/shipped.h"

static void the_table_of_the_build_is_what_the_files_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < profiles_shipped_count; i++) {
        char name[128];
        char path[1024];
        struct diag_list diags = {0};
        struct device_profile_doc *doc = NULL;
        snprintf(name, sizeof(name), "config/profiles/%s.yaml", profiles_shipped[i].name);
        test_row(name);
        assert_int_equal(device_profile_load(source_path(name, path), &doc, &diags),
                         FUO_OK);
        config_unsupported(&doc->doc, &diags);
        assert_diags(&diags, "");
        assert_string_not_equal(doc->stack, "");
        assert_memory_equal(&doc->profile, &profiles_shipped[i], sizeof(doc->profile));
        device_profile_doc_destroy(doc);
    }
}

static void the_smallest_profile_is_that_of_the_book(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct config_doc *doc = parse_text(
        "DeviceProfile",
        "apiVersion: fuotad/v1\nkind: DeviceProfile\nmetadata: {name: a}\nspec: {}\n",
        &diags);
    assert_diags(&diags, "");
    const struct profile *p = &((struct device_profile_doc *)doc)->profile;
    struct profile want = {.name = "a",
                           .acks_max = 3,
                           .ack_delay_ppm = PROFILE_PPM,
                           .answer_delay_us = 1000000};
    assert_memory_equal(p, &want, sizeof(want));
    config_doc_destroy(doc);
}

static const char odd_text[] =
    "apiVersion: fuotad/v1\nkind: DeviceProfile\nmetadata: {name: odd}\n"
    "spec:\n"
    "  packages: {ts003: 2, ts004: 1, ts005: 1, ts007: true}\n"
    "  decoder: {sizeMin: 8, sizeMax: 120, sizeMultiple: 4, countMax: 500,\n"
    "            lostMax: 50, lostShare: 12.5%, overflow: complete,\n"
    "            lateUncoded: corrupts, stray: commands, anyGroup: true,\n"
    "            acksMax: 0, forgetsAcks: true}\n"
    "  status: {layout: v1-big-endian, received: last-less-lost, missing: counted,\n"
    "           noSession: long, ackDelay: 0.1%, answerDelay: 3s, stickyError: "
    "true}\n"
    "  commands: {perMessage: one, unknown: skipped, answerMax: 18,\n"
    "             silent: [group-status, bad-channel, complete], busyDrops: true,\n"
    "             longEmpties: true, periodicity: eats-byte,\n"
    "             multiPackage: [all-answer, long-delete, stop-exclusive, "
    "clobbers]}\n"
    "  session: {missed: group-undefined, undefinedAll: true, unsetClock: guesses,\n"
    "            end: idle, window: none, counter: session, oneTimer: true,\n"
    "            lowestOnly: true, groups: 1, classB: none}\n"
    "  clock: epoch-twice\n"
    "  firmware: {image: denied, rebootTime: unix, version: bytes}\n";
static const struct profile odd = {
    .name = "odd",
    .ts003 = 2,
    .ts004 = 1,
    .ts005 = 1,
    .multi_package = true,
    .limits = {8, 120, 4, 500},
    .lost_max = 50,
    .lost_ppm = 125000,
    .overflow = PROFILE_OVERFLOW_COMPLETE,
    .late = PROFILE_LATE_CORRUPTS,
    .stray = PROFILE_STRAY_COMMANDS,
    .any_group = true,
    .forgets_acks = true,
    .layout = PROFILE_LAYOUT_V1_BIG_ENDIAN,
    .received = PROFILE_RECEIVED_LAST_LESS_LOST,
    .missing = PROFILE_MISSING_COUNTED,
    .no_session = PROFILE_NO_SESSION_LONG,
    .ack_delay_ppm = 1000,
    .answer_delay_us = 3000000,
    .sticky_error = true,
    .commands = PROFILE_COMMANDS_ONE,
    .unknown = PROFILE_UNKNOWN_SKIPPED,
    .answer_max = 18,
    .silent = PROFILE_SILENT_GROUP_STATUS | PROFILE_SILENT_BAD_CHANNEL |
              PROFILE_SILENT_COMPLETE,
    .busy_drops = true,
    .long_empties = true,
    .periodicity = PROFILE_PERIODICITY_EATS,
    .multi = PROFILE_MULTI_ALL_ANSWER | PROFILE_MULTI_LONG_DELETE |
             PROFILE_MULTI_STOP_EXCLUSIVE | PROFILE_MULTI_CLOBBERS,
    .missed = PROFILE_MISSED_GROUP_UNDEFINED,
    .undefined_all = true,
    .unset = PROFILE_UNSET_GUESSES,
    .end = PROFILE_END_IDLE,
    .window = PROFILE_WINDOW_NONE,
    .counter = PROFILE_COUNTER_SESSION,
    .one_timer = true,
    .lowest_only = true,
    .groups_max = 1,
    .class_b = PROFILE_CLASS_B_NONE,
    .clock = PROFILE_CLOCK_EPOCH_TWICE,
    .image = PROFILE_IMAGE_DENIED,
    .reboot = PROFILE_REBOOT_UNIX,
    .version = PROFILE_VERSION_BYTES,
};

static void every_quirk_has_its_key(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct config_doc *doc = parse_text("DeviceProfile", odd_text, &diags);
    assert_diags(&diags, "");
    assert_memory_equal(&((struct device_profile_doc *)doc)->profile, &odd, sizeof(odd));
    config_doc_destroy(doc);
}

static void what_does_not_fit_together_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *want;
    } rows[] = {
        {"{decoder: {sizeMin: 50, sizeMax: 40}}",
         "f:4:40: spec.decoder.sizeMax: must not be less than sizeMin\n"},
        {"{decoder: {sizeMultiple: 8, sizeMax: 4}}",
         "f:4:44: spec.decoder.sizeMax: must not be less than sizeMultiple\n"},
        {"{packages: {ts004: 3}}", "f:4:26: spec.packages.ts004: must be from 0 to 2\n"},
        {"{clock: unix}",
         "f:4:15: spec.clock: must be gps or epoch-twice, not \"unix\"\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        struct diag_list diags = {0};
        snprintf(text, sizeof(text),
                 "apiVersion: fuotad/v1\nkind: DeviceProfile\nmetadata: {name: a}\n"
                 "spec: %s\n",
                 rows[i].spec);
        test_row(rows[i].spec);
        assert_null(parse_text("DeviceProfile", text, &diags));
        assert_diags(&diags, rows[i].want);
    }
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct device_profile_doc *doc = NULL;
    assert_int_equal(device_profile_load("no/such", &doc, &diags), FUO_ENOENT);
    assert_diags(&diags, "no/such: cannot be read: no such file\n");
    assert_int_equal(device_profile_parse("f", "", 0, &doc, &diags), FUO_EINVAL);
    assert_diags(&diags, "f: is empty\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_the_build_is_what_the_files_say),
        cmocka_unit_test(the_smallest_profile_is_that_of_the_book),
        cmocka_unit_test(every_quirk_has_its_key),
        cmocka_unit_test(what_does_not_fit_together_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
