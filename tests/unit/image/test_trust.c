/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <sodium.h>
#include <string.h>

#include "image/trust.h"
#include "mcuboot_fixture.h"

#define META   "fuota:v1 product=wm1 version=1.4.3 size=16"
#define NOW    ((struct utc){DAYS_US(20000)})
#define ALWAYS ((struct utc){INT64_MIN})

static const uint8_t image[16] = "sixteen bytes...";

/* A release with one slot for each signature, by key numbers 1, 2, ... */
struct scene {
    struct trust_policy policy;
    struct trust_request request;
    struct trust_signature signatures[TRUST_SIGNATURES_MAX];
    char texts[4][2048];
    struct trust_report report;
};

static struct minisign_secret secret_of(uint8_t who)
{
    const uint8_t seed[MINISIGN_SEED_BYTES] = {who};
    const uint8_t keynum[MINISIGN_KEYNUM_BYTES] = {who};
    struct minisign_secret key;
    minisign_secret_from_seed(seed, keynum, &key);
    return key;
}

static void trust_key(struct scene *s, uint8_t who)
{
    struct minisign_secret key = secret_of(who);
    struct trust_key *slot = &s->policy.keys[s->policy.key_count++];
    minisign_public_from_secret(&key, &slot->key);
    slot->not_before = ALWAYS;
    slot->not_after = UTC_NEVER;
}

static void scene_start(struct scene *s)
{
    assert_true(sodium_init() >= 0);
    memset(s, 0, sizeof(*s));
    s->policy =
        (struct trust_policy){.threshold = 1, .require_metadata = true, .product = "wm1"};
    s->request = (struct trust_request){
        .now = NOW,
        .image = image,
        .image_len = sizeof(image),
        .signatures = s->signatures,
        .version = "1.4.3",
    };
    trust_key(s, 1);
    trust_key(s, 2);
}

static void sign(struct scene *s, uint8_t who, const char *comment)
{
    size_t i = s->request.signature_count++;
    struct minisign_secret key = secret_of(who);
    struct minisign_signature sig = {.trusted_comment = comment,
                                     .trusted_comment_len = strlen(comment)};
    assert_int_equal(minisign_sign(&key, s->request.image, s->request.image_len, &sig),
                     FUO_OK);
    s->signatures[i].text = s->texts[i];
    assert_int_equal(minisign_signature_format(&sig, s->texts[i], sizeof(s->texts[i]),
                                               &s->signatures[i].len),
                     FUO_OK);
}

static int check(struct scene *s)
{
    return trust_check(&s->policy, &s->request, &s->report);
}

static void a_good_release_is_accepted(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    sign(&s, 2, META " seccnt=17");
    assert_int_equal(check(&s), FUO_OK);
    assert_int_equal(s.report.verdict, TRUST_ACCEPTED);
    assert_int_equal(s.report.counted, 1);
    assert_int_equal(s.report.finding_count, 1);
    assert_int_equal(s.report.findings[0].reason, TRUST_COUNTED);
    assert_int_equal(s.report.findings[0].key_index, 1);
    assert_true(s.report.has_metadata);
    assert_int_equal(s.report.metadata.security_counter, 17);
}

static void without_a_signature_nothing_is_accepted(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    assert_int_equal(check(&s), FUO_EAUTH);
    assert_int_equal(s.report.verdict, TRUST_TOO_FEW);
    assert_int_equal(s.report.finding_count, 0);
}

static void metadata_must_name_product_version_and_size(void **state)
{
    (void)state;
    static const struct {
        const char *comment;
        enum trust_reason reason;
    } rows[] = {
        {META, TRUST_COUNTED},
        {"timestamp:1\tfile:x", TRUST_NO_METADATA},
        {"", TRUST_NO_METADATA},
        {"fuota:v1 product=wm1 version=1.4.3", TRUST_BAD_METADATA},
        {"fuota:v2 product=wm1 version=1.4.3 size=16", TRUST_BAD_METADATA},
        {"fuota:v1 product=wm2 version=1.4.3 size=16", TRUST_OTHER_PRODUCT},
        {"fuota:v1 product=wm1 version=1.4.2 size=16", TRUST_OTHER_VERSION},
        {"fuota:v1 product=wm1 version=1.4.3.0 size=16", TRUST_OTHER_VERSION},
        {"fuota:v1 product=wm1 version=1.4.3 size=17", TRUST_OTHER_SIZE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;
        test_row(rows[i].comment);
        scene_start(&s);
        sign(&s, 1, rows[i].comment);
        assert_int_equal(check(&s), rows[i].reason == TRUST_COUNTED ? FUO_OK : FUO_EAUTH);
        assert_int_equal(s.report.findings[0].reason, rows[i].reason);
        assert_int_equal(s.report.has_metadata, rows[i].reason == TRUST_COUNTED);

        s.policy.require_metadata = false;
        assert_int_equal(check(&s), FUO_OK);
    }
}

static void a_signed_security_counter_is_that_of_the_image(void **state)
{
    (void)state;
    static const struct {
        const char *counter;
        enum trust_reason reason;
    } rows[] = {
        {"", TRUST_COUNTED},
        {" seccnt=17", TRUST_COUNTED},
        {" seccnt=18", TRUST_OTHER_COUNTER},
    };
    struct fixture mcuboot = make(0x10, 32, 0x24);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char comment[128];
        struct scene s;
        test_row(rows[i].counter);
        scene_start(&s);
        s.request.image = mcuboot.bytes;
        s.request.image_len = mcuboot.len;
        snprintf(comment, sizeof(comment),
                 "fuota:v1 product=wm1 version=1.4.3 size=%zu%s", mcuboot.len,
                 rows[i].counter);
        sign(&s, 1, comment);
        assert_int_equal(check(&s), rows[i].reason == TRUST_COUNTED ? FUO_OK : FUO_EAUTH);
        assert_int_equal(s.report.findings[0].reason, rows[i].reason);
    }
}

static void a_policy_without_product_takes_any(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    sign(&s, 1, "fuota:v1 product=other version=9 size=16");
    s.policy.product[0] = '\0';
    s.request.version = NULL;
    assert_int_equal(check(&s), FUO_OK);
    assert_string_equal(s.report.metadata.product, "other");
}

static void a_changed_image_or_comment_is_named(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    sign(&s, 1, META);
    uint8_t other[sizeof(image)];
    memcpy(other, image, sizeof(image));
    other[3] ^= 1;
    s.request.image = other;
    assert_int_equal(check(&s), FUO_EAUTH);
    assert_int_equal(s.report.findings[0].reason, TRUST_BAD_IMAGE);

    s.request.image = image;
    char *version = strstr(s.texts[0], "1.4.3");
    assert_non_null(version);
    version[4] = '2';
    assert_int_equal(check(&s), FUO_EAUTH);
    assert_int_equal(s.report.findings[0].reason, TRUST_BAD_COMMENT);

    s.signatures[0].len = 20;
    assert_int_equal(check(&s), FUO_EAUTH);
    assert_int_equal(s.report.findings[0].reason, TRUST_MALFORMED);
    assert_int_equal(s.report.findings[0].key_index, -1);
}

static void a_stranger_does_not_count(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    sign(&s, 3, META);
    assert_int_equal(check(&s), FUO_EAUTH);
    assert_int_equal(s.report.findings[0].reason, TRUST_UNKNOWN_KEY);
}

static void keys_count_only_while_they_are_in_force(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct utc not_before;
        struct utc not_after;
        enum trust_reason reason;
    } rows[] = {
        {"inside", {DAYS_US(10000)}, {DAYS_US(30000)}, TRUST_COUNTED},
        {"from now on", {DAYS_US(20000)}, {INT64_MAX}, TRUST_COUNTED},
        {"from tomorrow on", {DAYS_US(20001)}, {INT64_MAX}, TRUST_KEY_NOT_YET},
        {"until now", {INT64_MIN}, {DAYS_US(20000)}, TRUST_KEY_EXPIRED},
        {"until yesterday", {INT64_MIN}, {DAYS_US(19999)}, TRUST_KEY_EXPIRED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;
        test_row(rows[i].name);
        scene_start(&s);
        sign(&s, 1, META);
        s.policy.keys[0].not_before = rows[i].not_before;
        s.policy.keys[0].not_after = rows[i].not_after;
        (void)check(&s);
        assert_int_equal(s.report.findings[0].reason, rows[i].reason);
    }
}

static void the_threshold_counts_different_keys(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    s.policy.threshold = 2;
    sign(&s, 1, META);
    sign(&s, 1, META " seccnt=1");
    assert_int_equal(check(&s), FUO_EAUTH);
    assert_int_equal(s.report.findings[1].reason, TRUST_SAME_KEY);
    assert_int_equal(s.report.counted, 1);
    sign(&s, 2, META);
    assert_int_equal(check(&s), FUO_OK);
    assert_int_equal(s.report.counted, 2);
}

static void one_key_under_two_numbers_is_still_one(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    s.policy.threshold = 2;
    s.policy.keys[1].key = s.policy.keys[0].key;
    s.policy.keys[1].key.keynum[0] = 2;
    sign(&s, 1, META);
    struct minisign_secret key = secret_of(1);
    key.keynum[0] = 2;
    struct minisign_signature sig = {.trusted_comment = META,
                                     .trusted_comment_len = sizeof(META) - 1};
    assert_int_equal(minisign_sign(&key, image, sizeof(image), &sig), FUO_OK);
    s.request.signature_count = 2;
    s.signatures[1].text = s.texts[1];
    assert_int_equal(minisign_signature_format(&sig, s.texts[1], sizeof(s.texts[1]),
                                               &s.signatures[1].len),
                     FUO_OK);
    assert_int_equal(check(&s), FUO_EAUTH);
    assert_int_equal(s.report.findings[1].reason, TRUST_SAME_KEY);
}

static void keys_with_the_same_number_are_all_tried(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    s.policy.keys[0].key.keynum[0] = 2; /* a stranger with the number of the second */
    sign(&s, 2, META);
    assert_int_equal(check(&s), FUO_OK);
    assert_int_equal(s.report.findings[0].key_index, 1);
}

static void a_downgrade_needs_permission(void **state)
{
    (void)state;
    static const struct {
        const char *current;
        int err;
        enum trust_verdict verdict;
    } rows[] = {
        {NULL, FUO_OK, TRUST_ACCEPTED},          {"1.4.2", FUO_OK, TRUST_ACCEPTED},
        {"1.4.3", FUO_OK, TRUST_ACCEPTED},       {"1.10", FUO_EPERM, TRUST_DOWNGRADE},
        {"g8d3f2c1", FUO_EPERM, TRUST_NO_ORDER},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;
        test_row(rows[i].current != NULL ? rows[i].current : "unknown");
        scene_start(&s);
        sign(&s, 1, META);
        s.request.current_version = rows[i].current;
        assert_int_equal(check(&s), rows[i].err);
        assert_int_equal(s.report.verdict, rows[i].verdict);
        s.policy.allow_downgrade = true;
        assert_int_equal(check(&s), FUO_OK);
    }
}

static void an_unusable_policy_accepts_nothing(void **state)
{
    (void)state;
    struct scene s;
    scene_start(&s);
    sign(&s, 1, META);
    s.policy.threshold = 0;
    assert_int_equal(check(&s), FUO_EINVAL);
    assert_int_equal(s.report.verdict, TRUST_NO_POLICY);
    s.policy.threshold = 1;
    s.policy.key_count = 0;
    assert_int_equal(check(&s), FUO_EINVAL);
    s.policy.key_count = TRUST_KEYS_MAX + 1;
    assert_int_equal(check(&s), FUO_EINVAL);
    s.policy.key_count = 2;
    s.request.signature_count = TRUST_SIGNATURES_MAX + 1;
    assert_int_equal(check(&s), FUO_EINVAL);
    s.request.signature_count = 1;
    s.request.version = NULL;
    s.request.current_version = "1";
    assert_int_equal(check(&s), FUO_EINVAL);
    s.request.current_version = NULL;
    assert_int_equal(check(&s), FUO_OK);
}

static void every_reason_and_verdict_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int i = 0; i <= TRUST_MALFORMED; i++) {
        assert_string_not_equal(trust_reason_name((enum trust_reason)i), "unknown");
        assert_string_not_equal(trust_reason_text((enum trust_reason)i), "unknown");
    }
    for (int i = 0; i <= TRUST_NO_POLICY; i++) {
        assert_string_not_equal(trust_verdict_name((enum trust_verdict)i), "unknown");
        assert_string_not_equal(trust_verdict_text((enum trust_verdict)i), "unknown");
    }
    assert_string_equal(trust_reason_name((enum trust_reason)99), "unknown");
    assert_string_equal(trust_reason_text((enum trust_reason)99), "unknown");
    assert_string_equal(trust_verdict_name((enum trust_verdict)99), "unknown");
    assert_string_equal(trust_verdict_text((enum trust_verdict)99), "unknown");
}

TEST_MAIN(cmocka_unit_test(a_good_release_is_accepted),
          cmocka_unit_test(without_a_signature_nothing_is_accepted),
          cmocka_unit_test(metadata_must_name_product_version_and_size),
          cmocka_unit_test(a_signed_security_counter_is_that_of_the_image),
          cmocka_unit_test(a_policy_without_product_takes_any),
          cmocka_unit_test(a_changed_image_or_comment_is_named),
          cmocka_unit_test(a_stranger_does_not_count),
          cmocka_unit_test(keys_count_only_while_they_are_in_force),
          cmocka_unit_test(the_threshold_counts_different_keys),
          cmocka_unit_test(one_key_under_two_numbers_is_still_one),
          cmocka_unit_test(keys_with_the_same_number_are_all_tried),
          cmocka_unit_test(a_downgrade_needs_permission),
          cmocka_unit_test(an_unusable_policy_accepts_nothing),
          cmocka_unit_test(every_reason_and_verdict_has_a_name_and_a_text))
