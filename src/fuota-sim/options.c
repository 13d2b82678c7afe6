/* SPDX-License-Identifier: MIT */
#include "fuota-sim/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/eui.h"
#include "fuota-sim/tts_json.h"
#include "profile/shipped.h"
#include "radio/region.h"

enum {
    DEVICES_MAX = 1000000,
    GATEWAYS_MAX = 1000,
    CAPTURE_DB = 6,
    COAP_PORT = 5683,
    COAPS_PORT = 5684,
    VERSION_MAX = 63,
    LIFETIME_MIN_S = 10,
    ON_THE_WALL = 1000000,
    FPORT_MAX = 199,
};

#define DEFAULT_UUID    "5a1c0e1e-0000-4000-8000-000000000001"
#define DEFAULT_UID     "fuota-app@sim"
#define DURATION_MAX_US DAYS_US(365)

static int parse_number(const char *text, uint64_t max, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n > max) {
        return FUO_EINVAL;
    }
    *value = n;
    return FUO_OK;
}

static int parse_count(const char *text, uint64_t max, size_t *value)
{
    uint64_t n = 0;
    int err = parse_number(text, max, &n);
    if (err != FUO_OK || n == 0) {
        return FUO_EINVAL;
    }
    *value = (size_t)n;
    return FUO_OK;
}

/* A decimal number, in millionths; *rest is what follows it. */
static int parse_decimal(const char *text, const char **rest, int64_t *millionths)
{
    int64_t value = 0;
    int64_t unit = 1000000;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > INT64_C(1000000000) * 1000000) {
            return FUO_EINVAL;
        }
        value = value * 10 + (*at - '0') * INT64_C(1000000);
    }
    if (at == text) {
        return FUO_EINVAL;
    }
    if (*at == '.') {
        for (at++; *at >= '0' && *at <= '9'; at++) {
            unit /= 10;
            value += (*at - '0') * unit;
        }
    }
    *rest = at;
    *millionths = value;
    return FUO_OK;
}

/* Microseconds in a unit of time; 0: there is no such unit. */
static int64_t unit_us(const char *name)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"ms", MILLIS_US(1)},
                 {"s", SECONDS_US(1)},
                 {"m", MINUTES_US(1)},
                 {"h", HOURS_US(1)},
                 {"d", DAYS_US(1)}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(name, units[i].name) == 0) {
            return units[i].us;
        }
    }
    return 0;
}

static int parse_duration(const char *text, int64_t *us)
{
    const char *rest;
    int64_t millionths;
    int64_t value;
    if (parse_decimal(text, &rest, &millionths) != FUO_OK || unit_us(rest) == 0 ||
        __builtin_mul_overflow(millionths, unit_us(rest) / 1000, &value) ||
        value / 1000 > DURATION_MAX_US) {
        return FUO_EINVAL;
    }
    *us = value / 1000;
    return FUO_OK;
}

static int parse_percent(const char *text, uint32_t *ppm)
{
    const char *rest;
    int64_t millionths;
    if (parse_decimal(text, &rest, &millionths) != FUO_OK || strcmp(rest, "%") != 0 ||
        millionths > INT64_C(100000000)) {
        return FUO_EINVAL;
    }
    *ppm = (uint32_t)(millionths / 100);
    return FUO_OK;
}

static int parse_packages(const char *text, enum network_packages *packages)
{
    static const struct {
        const char *name;
        enum network_packages value;
    } names[] = {{"1", NETWORK_PACKAGES_V1},
                 {"2", NETWORK_PACKAGES_V2},
                 {"mixed", NETWORK_PACKAGES_MIXED}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i].name) == 0) {
            *packages = names[i].value;
            return FUO_OK;
        }
    }
    return FUO_EINVAL;
}

static int add_profile(const char *name, size_t len, struct sim_options *options)
{
    char text[PROFILE_NAME_SIZE];
    size_t count = options->network.profile_count;
    if (len >= sizeof(text) || count == SIM_PROFILES_MAX) {
        return FUO_EINVAL;
    }
    memcpy(text, name, len);
    text[len] = '\0';
    options->profiles[count] = profile_shipped(text);
    if (options->profiles[count] == NULL) {
        return FUO_EINVAL;
    }
    options->network.profile_count++;
    return FUO_OK;
}

/* Names with commas in between, or all there are. */
static int parse_profiles(const char *text, struct sim_options *options)
{
    options->network.profile_count = 0;
    if (strcmp(text, "mix") == 0) {
        for (size_t i = 0; i < profiles_shipped_count; i++) {
            options->profiles[options->network.profile_count++] = &profiles_shipped[i];
        }
        return FUO_OK;
    }
    int err = FUO_OK;
    while (err == FUO_OK) {
        size_t len = strcspn(text, ",");
        err = add_profile(text, len, options);
        if (text[len] == '\0') {
            break;
        }
        text += len + 1;
    }
    return err;
}

static int parse_api(const char *text, struct sim_options *options)
{
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    if (colon == NULL || colon == text ||
        (size_t)(colon - text) >= sizeof(options->api_host) ||
        parse_number(colon + 1, UINT16_MAX, &port) != FUO_OK) {
        return FUO_EINVAL;
    }
    memcpy(options->api_host, text, (size_t)(colon - text));
    options->api_host[colon - text] = '\0';
    options->api_port = (uint16_t)port;
    return FUO_OK;
}

static int parse_dialect(const char *text, struct sim_options *options)
{
    static const struct {
        const char *name;
        enum network_dialect dialect;
    } names[] = {{"chirpstack", NETWORK_DIALECT_CHIRPSTACK},
                 {"tts", NETWORK_DIALECT_TTS},
                 {"gateway", NETWORK_DIALECT_GATEWAY},
                 {"lwm2m", NETWORK_DIALECT_CHIRPSTACK}};
    options->lwm2m.wanted = strcmp(text, "lwm2m") == 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i].name) == 0) {
            options->network.dialect = names[i].dialect;
            return FUO_OK;
        }
    }
    return FUO_EINVAL;
}

/* coap://host, coaps://host:port, with [] around an IPv6 address. */
static int parse_server(const char *text, struct sim_lwm2m *lwm2m)
{
    lwm2m->secure = strncmp(text, "coaps:", 6) == 0;
    uint64_t port = lwm2m->secure ? COAPS_PORT : COAP_PORT;
    if (strncmp(text, "coap", 4) != 0 ||
        strncmp(text + 4 + lwm2m->secure, "://", 3) != 0) {
        return FUO_EINVAL;
    }
    text += 7 + lwm2m->secure;
    bool bracket = *text == '[';
    size_t len = strcspn(text += bracket, bracket ? "]" : ":/");
    if (len == 0 || len >= sizeof(lwm2m->host) || (bracket && text[len] != ']')) {
        return FUO_EINVAL;
    }
    memcpy(lwm2m->host, text, len);
    lwm2m->host[len] = '\0';
    text += len + bracket;
    if (*text == ':' &&
        (parse_number(text + 1, UINT16_MAX, &port) != FUO_OK || port == 0)) {
        return FUO_EINVAL;
    }
    lwm2m->port = (uint16_t)port;
    return *text == ':' || *text == '\0' ? FUO_OK : FUO_EINVAL;
}

/* Names with commas in between, or all there are. */
static int parse_kinds(const char *text, struct sim_lwm2m *lwm2m)
{
    lwm2m->list_kinds = strcmp(text, "help") == 0;
    if (lwm2m->list_kinds) {
        return FUO_OK;
    }
    lwm2m->kind_count = 0;
    for (size_t i = 0; strcmp(text, "mix") == 0 && i < lwm2m_quirks_count; i++) {
        lwm2m->kinds[lwm2m->kind_count++] = &lwm2m_quirks[i];
    }
    while (strcmp(text, "mix") != 0) {
        size_t len = strcspn(text, ",");
        const struct lwm2m_quirks *kind = lwm2m_quirks_find(text, len);
        if (kind == NULL || lwm2m->kind_count == SIM_PROFILES_MAX) {
            return FUO_EINVAL;
        }
        lwm2m->kinds[lwm2m->kind_count++] = kind;
        if (text[len] == '\0') {
            break;
        }
        text += len + 1;
    }
    return FUO_OK;
}

static int parse_marshaler(const char *text, enum gateway_marshaler *marshaler)
{
    static const char *const names[] = {"json", "protobuf", "mixed"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *marshaler = (enum gateway_marshaler)i;
            return FUO_OK;
        }
    }
    return FUO_EINVAL;
}

/* Each dialect has identifiers of its own. */
static int take_application(struct sim_options *options)
{
    bool tts = options->network.dialect == NETWORK_DIALECT_TTS;
    if (options->application == NULL) {
        options->application = tts ? DEFAULT_UID : DEFAULT_UUID;
    }
    const char *id = options->application;
    size_t len = strlen(id);
    if (tts) {
        bool good = len > 0 && len < TTS_UID_SIZE && id[0] != '@' &&
                    strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz-@") == len;
        return good ? FUO_OK : FUO_EINVAL;
    }
    if (len != CS_ID_SIZE - 1 || strspn(id, "0123456789abcdef-") != len) {
        return FUO_EINVAL;
    }
    memcpy(options->network.application_id, id, CS_ID_SIZE);
    return FUO_OK;
}

/* Of an application, and none of the packages'. */
static int parse_fport(const char *text, uint8_t *fport)
{
    uint64_t value = 0;
    if (parse_number(text, FPORT_MAX, &value) != FUO_OK || value == 0) {
        return FUO_EINVAL;
    }
    *fport = (uint8_t)value;
    return FUO_OK;
}

enum option_id {
    OPT_DIALECT = 256,
    OPT_BROKER,
    OPT_API,
    OPT_TOKEN_FILE,
    OPT_APPLICATION,
    OPT_DEVICES,
    OPT_FIRST_DEV_EUI,
    OPT_GATEWAYS,
    OPT_EVENT_MARSHALER,
    OPT_MARSHALER,
    OPT_REFUSE,
    OPT_SEED,
    OPT_LOSS,
    OPT_INTERVAL,
    OPT_TS004,
    OPT_PROFILE,
    OPT_MARGIN,
    OPT_SERVER_CLOCK,
    OPT_FULL_DUPLEX,
    OPT_COLLISIONS,
    OPT_KEEP_GROUPS,
    OPT_LWM2M_FPORT,
    OPT_VENDOR_FPORT,
    OPT_GENUINE,
    OPT_ALTERED,
    OPT_SERVER_STATE,
    OPT_TIME_SCALE,
    OPT_AIRLOG,
    OPT_FLASH,
    OPT_INVENTORY,
    OPT_SERVER,
    OPT_KIND,
    OPT_FIRMWARE_VERSION,
    OPT_LIFETIME,
    OPT_QUIET,
    OPT_VERSION,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"dialect", required_argument, NULL, OPT_DIALECT},
    {"broker", required_argument, NULL, OPT_BROKER},
    {"api", required_argument, NULL, OPT_API},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"application", required_argument, NULL, OPT_APPLICATION},
    {"devices", required_argument, NULL, OPT_DEVICES},
    {"first-dev-eui", required_argument, NULL, OPT_FIRST_DEV_EUI},
    {"gateways", required_argument, NULL, OPT_GATEWAYS},
    {"marshaler", required_argument, NULL, OPT_EVENT_MARSHALER},
    {"gateway-marshaler", required_argument, NULL, OPT_MARSHALER},
    {"refuse", required_argument, NULL, OPT_REFUSE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"loss", required_argument, NULL, OPT_LOSS},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"ts004", required_argument, NULL, OPT_TS004},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"margin", required_argument, NULL, OPT_MARGIN},
    {"server-clock", no_argument, NULL, OPT_SERVER_CLOCK},
    {"full-duplex", no_argument, NULL, OPT_FULL_DUPLEX},
    {"collisions", no_argument, NULL, OPT_COLLISIONS},
    {"keep-groups", no_argument, NULL, OPT_KEEP_GROUPS},
    {"lwm2m-fport", required_argument, NULL, OPT_LWM2M_FPORT},
    {"vendor-fport", required_argument, NULL, OPT_VENDOR_FPORT},
    {"genuine", required_argument, NULL, OPT_GENUINE},
    {"altered", required_argument, NULL, OPT_ALTERED},
    {"server-state", required_argument, NULL, OPT_SERVER_STATE},
    {"time-scale", required_argument, NULL, OPT_TIME_SCALE},
    {"airlog", required_argument, NULL, OPT_AIRLOG},
    {"flash", required_argument, NULL, OPT_FLASH},
    {"inventory", required_argument, NULL, OPT_INVENTORY},
    {"server", required_argument, NULL, OPT_SERVER},
    {"kind", required_argument, NULL, OPT_KIND},
    {"firmware-version", required_argument, NULL, OPT_FIRMWARE_VERSION},
    {"lifetime", required_argument, NULL, OPT_LIFETIME},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static const char *name_of(int id)
{
    for (const struct option *o = long_options; o->name != NULL; o++) {
        if (o->val == id) {
            return o->name;
        }
    }
    return "";
}

/* Options whose value is only kept, or that have none. */
static bool keep(int id, const char *value, struct sim_options *options)
{
    switch (id) {
    case OPT_BROKER:
        options->broker = value;
        return true;
    case OPT_APPLICATION:
        options->application = value;
        return true;
    case OPT_TOKEN_FILE:
        options->token_file = value;
        return true;
    case OPT_AIRLOG:
        options->airlog = value;
        return true;
    case OPT_FLASH:
        options->flash = value;
        return true;
    case OPT_INVENTORY:
        options->inventory = value;
        return true;
    case OPT_QUIET:
        options->quiet = true;
        return true;
    case OPT_SERVER_CLOCK:
        options->network.server_clock = true;
        return true;
    case OPT_FULL_DUPLEX:
        options->network.half_duplex = false;
        return true;
    case OPT_COLLISIONS:
        options->network.capture_db = CAPTURE_DB;
        return true;
    case OPT_KEEP_GROUPS:
        options->network.keeps_groups = true;
        return true;
    case OPT_VERSION:
        options->version = true;
        return true;
    case OPT_HELP:
        options->help = true;
        return true;
    }
    return false;
}

static int parse_server_state(const char *words, struct sim_options *options)
{
    if (!directory_state_parse(words, &options->server)) {
        return FUO_EINVAL;
    }
    options->network.class_c = options->server.class_c;
    return FUO_OK;
}

static int parse_one(int id, const char *value, struct sim_options *options)
{
    struct network_config *network = &options->network;
    switch (id) {
    case OPT_API:
        return parse_api(value, options);
    case OPT_DIALECT:
        return parse_dialect(value, options);
    case OPT_DEVICES:
        return parse_count(value, DEVICES_MAX, &network->device_count);
    case OPT_FIRST_DEV_EUI:
        return eui_parse(value, strlen(value), &network->first_dev_eui);
    case OPT_GATEWAYS:
        return parse_count(value, GATEWAYS_MAX, &network->gateway_count);
    case OPT_EVENT_MARSHALER:
        options->protobuf = strcmp(value, "protobuf") == 0;
        return options->protobuf || strcmp(value, "json") == 0 ? FUO_OK : FUO_EINVAL;
    case OPT_MARSHALER:
        return parse_marshaler(value, &options->marshaler);
    case OPT_REFUSE:
        return parse_percent(value, &network->refuse_ppm);
    case OPT_SEED:
        return parse_number(value, UINT64_MAX, &network->seed);
    case OPT_LOSS:
        return parse_percent(value, &network->loss_ppm);
    case OPT_INTERVAL:
        return parse_duration(value, &network->uplink_interval_us);
    case OPT_TS004:
        return parse_packages(value, &network->packages);
    case OPT_PROFILE:
        return parse_profiles(value, options);
    case OPT_LWM2M_FPORT:
        return parse_fport(value, &network->lwm2m_fport);
    case OPT_VENDOR_FPORT:
        return parse_fport(value, &network->vendor_fport);
    case OPT_MARGIN:
        return parse_duration(value, &network->margin_us);
    case OPT_SERVER:
        return parse_server(value, &options->lwm2m);
    case OPT_SERVER_STATE:
        return parse_server_state(value, options);
    case OPT_KIND:
        return parse_kinds(value, &options->lwm2m);
    case OPT_FIRMWARE_VERSION:
        options->lwm2m.firmware_version = value;
        return value[0] != '\0' && strlen(value) <= VERSION_MAX ? FUO_OK : FUO_EINVAL;
    case OPT_LIFETIME:
        return parse_duration(value, &options->lwm2m.lifetime_us);
    case OPT_GENUINE:
        if (options->genuine_count == DEVICE_GENUINE_MAX) {
            return FUO_EINVAL;
        }
        options->genuine[options->genuine_count++] = value;
        return FUO_OK;
    case OPT_ALTERED:
        return parse_count(value, DEVICES_MAX, &network->altered_count);
    case OPT_TIME_SCALE:
        return clock_init(&options->clock, value) == FUO_OK ? FUO_OK : FUO_EINVAL;
    }
    return FUO_EINVAL;
}

static void set_defaults(struct sim_options *options)
{
    *options = (struct sim_options){
        .broker = "mqtt://127.0.0.1:1883",
        .api_host = "127.0.0.1",
        .api_port = 8080,
        .network =
            {
                .region = region_get(REGION_EU868),
                .device_count = 10,
                .gateway_count = 1,
                .packages = NETWORK_PACKAGES_V2,
                .seed = 1,
                .half_duplex = true,
                .uplink_interval_us = SECONDS_US(300),
                .margin_us = SECONDS_US(5),
                .clocks_wrong = true,
                .uplink_dr = 5,
            },
        .lwm2m =
            {
                .host = "127.0.0.1",
                .port = COAP_PORT,
                .lifetime_us = DAYS_US(1),
                .kinds = {&lwm2m_quirks[0]},
                .kind_count = 1,
            },
    };
}

int options_parse(int argc, char **argv, struct sim_options *options,
                  struct detail *detail)
{
    set_defaults(options);
    if (clock_init(&options->clock, NULL) != FUO_OK) {
        return FUO_EINVAL;
    }
    optind = 1;
    opterr = 0;
    int id;
    while ((id = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (id == '?' || id == ':') {
            detail_set(detail, "%s: %s (try --help)", argv[optind - 1],
                       id == '?' ? "unknown option" : "needs a value");
            return FUO_EINVAL;
        }
        if (!keep(id, optarg, options) && parse_one(id, optarg, options) != FUO_OK) {
            detail_set(detail, "--%s: \"%s\" is not valid (try --help)", name_of(id),
                       optarg);
            return FUO_EINVAL;
        }
    }
    if (optind < argc) {
        detail_set(detail, "unexpected argument \"%s\" (try --help)", argv[optind]);
        return FUO_EINVAL;
    }
    if (take_application(options) != FUO_OK) {
        detail_set(detail, "--application: \"%s\" is not valid (try --help)",
                   options->application);
        return FUO_EINVAL;
    }
    if (options->network.dialect == NETWORK_DIALECT_GATEWAY &&
        options->clock.scale_ppm != ON_THE_WALL) {
        detail_set(detail, "--time-scale: with gateway, time is the real server's");
        return FUO_EINVAL;
    }
    if (options->network.uplink_interval_us < SECONDS_US(1)) {
        detail_set(detail, "--interval: at least 1s");
        return FUO_EINVAL;
    }
    if (options->lwm2m.lifetime_us < SECONDS_US(LIFETIME_MIN_S)) {
        detail_set(detail, "--lifetime: at least %ds", LIFETIME_MIN_S);
        return FUO_EINVAL;
    }
    return FUO_OK;
}
