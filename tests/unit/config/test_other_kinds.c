/* SPDX-License-Identifier: MIT */
/* Fleet, TrustPolicy, Daemon, Window, and the options of a plugin. */
#include "config/daemon.h"
#include "config/fleet.h"
#include "config/plugin_options.h"
#include "config/trust_policy.h"
#include "config/window.h"
#include "config_test.h"

#define FLEET                                                          \
    "apiVersion: fuotad/v1\nkind: Fleet\nmetadata: {name: f}\nspec:\n" \
    "  trustPolicy: t\n  region: EU868\n"

static void the_smallest_fleet_gets_every_default(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct fleet_doc *f = NULL;
    const char *text = FLEET "  networkServer: {plugin: chirpstack}\n"
                             "  inventory: {file: a.csv}\n";
    assert_int_equal(fleet_parse("d/f.yaml", text, strlen(text), &f, &diags), FUO_OK);
    assert_string_equal(f->spec.name, "f");
    assert_string_equal(f->spec.region, "EU868");
    assert_string_equal(f->trust_policy, "t");
    assert_string_equal(f->plugin, "chirpstack");
    assert_string_equal(f->mqtt.url, "mqtt://127.0.0.1:1883");
    assert_null(f->mqtt.username_file);
    assert_null(f->mqtt.key_file);
    assert_int_equal(f->mqtt.version, MQTT_VERSION_AUTO);
    assert_string_equal(f->api.url, "http://127.0.0.1:8080");
    assert_null(f->api.token_file);
    assert_int_equal(f->option_count, 0);
    assert_int_equal(f->inventory_source, FLEET_INVENTORY_FILE);
    assert_string_equal(f->spec.default_profile, "lbm-v2");
    assert_int_equal(f->spec.gateways.count, 0);
    assert_int_equal(f->spec.duty_model, SPEC_DUTY_SLIDING_HOUR);
    assert_int_equal(f->spec.reserve_ppm, 400000);
    assert_null(f->spec.version_decoder);
    assert_string_equal(config_path(&f->doc, f->inventory_file), "d/a.csv");
    assert_string_equal(config_path(&f->doc, "/abs"), "/abs");
    assert_null(config_path(&f->doc, NULL));
    config_unsupported(&f->doc, &diags);
    assert_diags(&diags, "");
    fleet_doc_destroy(f);
}

static void only_fleets_without_radio_need_no_region(void **state)
{
    (void)state;
    static const struct {
        const char *plugin;
        const char *diags;
    } rows[] = {
        {"lwm2m", ""},
        {"chirpstack",
         "f:4:7: spec.region: is required: the LoRaWAN region of the fleet\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct diag_list diags = {0};
        struct fleet_doc *f = NULL;
        char text[256];
        int len = snprintf(text, sizeof(text),
                           "apiVersion: fuotad/v1\nkind: Fleet\nmetadata: {name: f}\n"
                           "spec: {trustPolicy: t, networkServer: {plugin: %s}, "
                           "inventory: {file: a.csv}}\n",
                           rows[i].plugin);
        test_row(rows[i].plugin);
        (void)!fleet_parse("f", text, (size_t)len, &f, &diags);
        assert_diags(&diags, rows[i].diags);
        fleet_doc_destroy(f);
    }
}

static const struct {
    const char *kind;
    const char *text;
    const char *diags;
} wrong_files[] = {
    {"Fleet",
     FLEET "  networkServer:\n    plugin: p\n    mqtt: {url: \"mqtt://h\", "
           "passwordFile: p, certFile: c, caFile: a}\n    api: {url: ftp://x}\n"
           "    options: {a: [1], b: 2}\n  inventory: {source: both}\n",
     "f:9:43: spec.networkServer.mqtt.passwordFile: needs usernameFile\n"
     "f:9:56: spec.networkServer.mqtt.certFile: needs keyFile\n"
     "f:9:67: spec.networkServer.mqtt.caFile: needs a URL with mqtts://\n"
     "f:10:16: spec.networkServer.api.url: must be a URL with http or https, not "
     "\"ftp://x\"\n"
     "f:11:18: spec.networkServer.options.a: must be a single value\n"
     "f:12:14: spec.inventory.file: is required unless the source is server\n"},
    {"Fleet",
     FLEET "  networkServer: {plugin: p, mqtt: {url: \"mqtts://h\", keyFile: k}}\n"
           "  inventory: {source: server}\n",
     "f:7:64: spec.networkServer.mqtt.keyFile: needs certFile\n"},
    {"TrustPolicy",
     "apiVersion: fuotad/v1\nkind: TrustPolicy\nmetadata: {name: t}\nspec:\n"
     "  keys: [{file: a, notBefore: \"2026-01-02\", notAfter: \"2026-01-02\"}]\n"
     "  threshold: 2\n",
     "f:5:3: spec.product: is required with requireMetadata\n"
     "f:5:55: spec.keys[0].notAfter: must be after notBefore\n"
     "f:6:14: spec.threshold: is more than there are keys\n"},
    {"TrustPolicy",
     "apiVersion: fuotad/v1\nkind: TrustPolicy\nmetadata: {name: t}\nspec:\n"
     "  requireMetadata: false\n  keys: [{file: 1},{file: 2},{file: 3},{file: 4},"
     "{file: 5},{file: 6},{file: 7},{file: 8},{file: 9},{file: 10},{file: 11},"
     "{file: 12},{file: 13},{file: 14},{file: 15},{file: 16},{file: 17}]\n",
     "f:6:9: spec.keys: more than 16 keys\n"},
    {"Window",
     "apiVersion: fuotad/v1\nkind: Window\nmetadata: {name: w}\n"
     "spec: {from: \"2026-12-23\", to: \"2026-12-22\"}\n",
     "f:4:32: spec.to: must be after from\n"},
    {"Daemon",
     "apiVersion: fuotad/v1\nkind: Daemon\nmetadata: {name: m}\n"
     "spec: {status: {url: \"mqtt://x\", caFile: a}, http: 9464}\n",
     "f:4:42: spec.status.caFile: needs a URL with mqtts://\n"
     "f:4:52: spec.http: is not an address: \"9464\"; write 127.0.0.1:9464, or "
     "none\n"},
};

static void reports_everything_wrong_with_the_other_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong_files); i++) {
        struct diag_list diags = {0};
        test_row(wrong_files[i].kind);
        assert_null(parse_text(wrong_files[i].kind, wrong_files[i].text, &diags));
        assert_diags(&diags, wrong_files[i].diags);
    }
}

static void trust_policy_and_window_decode(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct trust_policy_doc *t = NULL;
    const char *text =
        "apiVersion: fuotad/v1\nkind: TrustPolicy\nmetadata: {name: t}\nspec:\n"
        "  keys: [{file: a}, {file: b, notBefore: \"1970-01-02\", notAfter: "
        "\"1970-01-03\"}]\n  product: wm1\n";
    assert_int_equal(trust_policy_parse("f", text, strlen(text), &t, &diags), FUO_OK);
    assert_int_equal(t->key_count, 2);
    assert_true(t->keys[0].not_before_us == TRUST_POLICY_ALWAYS_US);
    assert_true(t->keys[0].not_after_us == TRUST_POLICY_EVER_US);
    assert_int_equal(t->keys[1].not_before_us, DAYS_US(1));
    assert_int_equal(t->keys[1].not_after_us, DAYS_US(2));
    assert_int_equal(t->threshold, 1);
    assert_true(t->require_metadata);
    assert_string_equal(t->product, "wm1");
    assert_int_equal(t->downgrade, TRUST_POLICY_REFUSE);
    trust_policy_doc_destroy(t);

    struct window_doc *w = NULL;
    text = "apiVersion: fuotad/v1\nkind: Window\nmetadata: {name: w}\n"
           "spec: {from: \"2026-12-23\", to: \"2027-01-04\"}\n";
    assert_int_equal(window_parse("f", text, strlen(text), &w, &diags), FUO_OK);
    assert_string_equal(w->timezone, "UTC");
    assert_string_equal(w->to, "2027-01-04");
    window_doc_destroy(w);
}

static void the_smallest_daemon_file_gets_every_default(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "apiVersion: fuotad/v1\nkind: Daemon\nmetadata: {name: main}\n", NULL};
    for (int i = 0; i < 2; i++) {
        char path[1024];
        struct diag_list diags = {0};
        struct daemon_doc *d = NULL;
        int err = texts[i] != NULL
                      ? daemon_parse("f", texts[i], strlen(texts[i]), &d, &diags)
                      : daemon_load(source_path("config/fuotad.yaml", path), &d, &diags);
        assert_int_equal(err, FUO_OK);
        assert_string_equal(d->name, "main");
        assert_string_equal(d->state_dir, "/var/lib/fuotad");
        assert_null(d->campaigns);
        assert_string_equal(d->fleets, "fleets");
        assert_string_equal(d->trust, "trust");
        assert_string_equal(d->profiles, "profiles");
        assert_null(d->plugins);
        assert_string_equal(d->control_socket, "/run/fuotad/control.sock");
        assert_string_equal(d->control_group, "fuotad");
        assert_null(d->status.url);
        assert_string_equal(d->status_root, "fuotad/v1");
        assert_int_equal(d->status_requests, DAEMON_REQUESTS_SIGNED);
        assert_int_equal(d->operators.count, 0);
        assert_null(d->sealing_key_file);
        assert_null(d->http);
        assert_int_equal(d->log_level, DAEMON_LOG_INFO);
        assert_int_equal(d->log_format, DAEMON_LOG_TEXT);
        config_unsupported(&d->doc, &diags);
        assert_diags(&diags, "");
        daemon_doc_destroy(d);
    }
}

static void every_example_of_the_tree_decodes(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        const char *file;
    } rows[] = {
        {"Campaign", "campaigns/one-site.yaml"},
        {"Campaign", "campaigns/canary.yaml"},
        {"Campaign", "campaigns/several-fleets.yaml"},
        {"Fleet", "config/fleets/example.yaml"},
        {"TrustPolicy", "config/trust/example.yaml"},
        {"Window", "config/windows/example.yaml"},
        {"DeviceProfile", "config/profiles/generic.yaml"},
        {"DeviceProfile", "config/profiles/example.yaml"},
        {"Daemon", "config/fuotad.yaml"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[1024];
        struct diag_list diags = {0};
        struct config_doc *doc = NULL;
        test_row(rows[i].file);
        assert_int_equal(config_load(config_kind_find(rows[i].kind),
                                     source_path(rows[i].file, path), &doc, &diags),
                         FUO_OK);
        config_unsupported(doc, &diags);
        assert_diags(&diags, "");
        config_doc_destroy(doc);
    }
    for (const struct config_kind *const *k = config_kinds; *k != NULL; k++) {
        struct diag_list diags = {0};
        struct config_doc *doc = parse_text((*k)->name, (*k)->example, &diags);
        test_row((*k)->name);
        assert_diags(&diags, "");
        config_doc_destroy(doc);
    }
}

static void says_which_file_is_missing(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct window_doc *w = NULL;
    assert_int_equal(window_load("no/such", &w, &diags), FUO_ENOENT);
    assert_diags(&diags, "no/such: cannot be read: no such file\n");
    assert_int_equal(window_parse("f", "", 0, &w, &diags), FUO_EINVAL);
    assert_diags(&diags, "f: is empty\n");
    assert_null(w);
    trust_policy_doc_destroy(NULL);
    assert_int_equal(trust_policy_load("no/such", NULL, &diags), FUO_ENOENT);
    struct fleet_doc *f = NULL;
    assert_int_equal(fleet_load("no/such", &f, &diags), FUO_ENOENT);
    diag_list_finish(&diags);
}

/* ---- options of a plugin ---- */

struct plugin_config {
    const char *id;
    const char *secret;
    const char *topic;
    uint32_t count;
    bool tap;
    int64_t wait_us;
};

static const struct fuo_option plugin_table[] = {
    {"applicationId", FUO_OPT_STRING, offsetof(struct plugin_config, id), NULL, "Id."},
    {"secret", FUO_OPT_SECRET, offsetof(struct plugin_config, secret), "none", "Secret."},
    {"topic", FUO_OPT_STRING, offsetof(struct plugin_config, topic), "", "Topic."},
    {"count", FUO_OPT_U32, offsetof(struct plugin_config, count), "5", "Count."},
    {"tap", FUO_OPT_BOOL, offsetof(struct plugin_config, tap), "false", "Tap."},
    {"wait", FUO_OPT_DURATION_US, offsetof(struct plugin_config, wait_us), "5s", "Wait."},
    {0},
};

static struct fleet_doc *fleet_with(const char *options, struct diag_list *diags)
{
    char text[512];
    snprintf(text, sizeof(text),
             FLEET "  networkServer:\n    plugin: p\n    options: %s\n"
                   "  inventory: {file: a.csv}\n",
             options);
    return (struct fleet_doc *)parse_text("Fleet", text, diags);
}

static void options_of_a_plugin_follow_its_table(void **state)
{
    (void)state;
    struct diag_list diags = {0};
    struct plugin_config config = {0};
    struct fleet_doc *f =
        fleet_with("{applicationId: x, tap: true, wait: 700ms}", &diags);
    assert_int_equal(plugin_options_decode(plugin_table, f, &config, &diags), FUO_OK);
    assert_string_equal(config.id, "x");
    assert_string_equal(config.secret, "none");
    assert_string_equal(config.topic, "");
    assert_int_equal(config.count, 5);
    assert_true(config.tap);
    assert_int_equal(config.wait_us, 700000);
    fleet_doc_destroy(f);

    f = fleet_with("{secret: \"hush\\thush\", count: x, aplicationId: y, zzz: 1}",
                   &diags);
    assert_int_equal(plugin_options_decode(plugin_table, f, &config, &diags), FUO_EINVAL);
    assert_diags(
        &diags,
        "f:9:14: spec.networkServer.options.applicationId: is required by the plugin p\n"
        "f:9:23: spec.networkServer.options.secret: is not usable\n"
        "f:9:44: spec.networkServer.options.count: is not a number: \"x\"\n"
        "f:9:61: spec.networkServer.options: the plugin p has no option "
        "\"aplicationId\"; did you mean \"applicationId\"?\n"
        "f:9:69: spec.networkServer.options: the plugin p has no option \"zzz\"\n");
    assert_int_equal(plugin_options_decode(NULL, f, &config, &diags), FUO_EINVAL);
    diag_list_finish(&diags);
    fleet_doc_destroy(f);
}

TEST_MAIN(cmocka_unit_test(the_smallest_fleet_gets_every_default),
          cmocka_unit_test(only_fleets_without_radio_need_no_region),
          cmocka_unit_test(reports_everything_wrong_with_the_other_kinds),
          cmocka_unit_test(trust_policy_and_window_decode),
          cmocka_unit_test(the_smallest_daemon_file_gets_every_default),
          cmocka_unit_test(every_example_of_the_tree_decodes),
          cmocka_unit_test(says_which_file_is_missing),
          cmocka_unit_test(options_of_a_plugin_follow_its_table))
