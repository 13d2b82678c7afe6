/* SPDX-License-Identifier: MIT */
#include "config/option_value.h"

#include <stdio.h>
#include <string.h>

#include "base/eui.h"
#include "base/time.h"
#include "config/option_text.h"

static bool parse_bool(const char *text, int64_t *num)
{
    *num = strcmp(text, "true") == 0;
    return *num != 0 || strcmp(text, "false") == 0;
}

static bool parse_eui(const char *text, int64_t *num)
{
    uint64_t eui;
    if (eui_parse(text, strlen(text), &eui) != FUO_OK) {
        return false;
    }
    *num = (int64_t)eui;
    return true;
}

static bool parse_date(const char *text, int64_t *us)
{
    return strlen(text) == 10 && text_local_time(text, us);
}

static bool is_text(const char *text)
{
    return text[0] != '\0' && text_is_printable(text);
}

static bool is_local_time(const char *text)
{
    int64_t us;
    return text_local_time(text, &us);
}

static bool is_json_pointer(const char *text)
{
    return text[0] == '/' && text_is_printable(text);
}

static const struct option_type_info infos[] = {
    [OPTION_TEXT] = {"text", "texts", NULL, NULL, .check = is_text},
    [OPTION_NAME] = {"name", "names",
                     "at most 63 lower-case letters, digits and hyphens, as wm1-1-4-3",
                     "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", .check = text_is_dns_label},
    [OPTION_VERSION] = {"version", "versions",
                        "printable text without spaces, as \"1.4.3\"", "^[!-~]{1,63}$",
                        .check = text_is_version},
    [OPTION_FILE] = {"file name", "file names", NULL, NULL, .check = is_text},
    [OPTION_URL] = {"URL", "URLs", NULL, "^[a-z]+://[^@ ]+$", .number = NULL},
    [OPTION_ADDRESS] = {"address", "addresses", "127.0.0.1:9464", "^.+:[0-9]+$",
                        .check = text_is_address},
    [OPTION_ZONE] = {"time zone", "time zones", "an IANA name, as UTC or Europe/Berlin",
                     "^[A-Za-z][A-Za-z0-9_+/-]*$", .check = text_is_zone},
    [OPTION_LOCAL_TIME] =
        {"local time", "local times",
         "\"2026-12-01T08:00\" or \"2026-12-01\", local in the zone, without an offset",
         "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$",
         .check = is_local_time},
    [OPTION_JSON_POINTER] = {"JSON pointer", "JSON pointers", "/firmware/version",
                             "^(/[^/]*)+$", .check = is_json_pointer},
    [OPTION_TEMPLATE] = {"payload", "payloads",
                         "hex digits and ${version_u32_le}, as AA${version_u32_le}",
                         "^([0-9a-fA-F]{2}|\\$\\{version_u32_le\\})+$",
                         .check = text_is_template},
    [OPTION_HEX] = {"hex bytes", "hex bytes", NULL, "^([0-9a-fA-F]{2})+$",
                    .number = NULL},
    [OPTION_BOOL] = {"true or false", "true or false", NULL, NULL, .number = parse_bool},
    [OPTION_ENUM] = {"word", "words", NULL, NULL, .number = NULL},
    [OPTION_U32] = {"number", "numbers", NULL, "^(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})$",
                    .number = text_u32},
    [OPTION_DURATION] = {"duration", "durations", "500ms, 30s, 1h30m or 7d",
                         "^([0-9]+(ms|s|m|h|d))+$", .number = text_duration},
    [OPTION_SHARE] = {"share", "shares", "20% or 0.5%", "^[0-9]+(\\.[0-9]{1,4})?%$",
                      .number = text_share},
    [OPTION_SIZE] = {"size", "sizes", "222 or 48KiB", "^[0-9]+(B|kB|KiB|MB|MiB)?$",
                     .number = text_size},
    [OPTION_FREQUENCY] = {"frequency", "frequencies", "869.525MHz",
                          "^[0-9]+(\\.[0-9]{1,6})?(Hz|kHz|MHz)?$",
                          .number = text_frequency},
    [OPTION_DATA_RATE] = {"data rate", "data rates", "DR0 to DR15", "^DR([0-9]|1[0-5])$",
                          .number = text_data_rate},
    [OPTION_DECIBEL] = {"level", "levels", "10dB or -2.5dB",
                        "^-?[0-9]+(\\.[0-9]{1,2})?dB$", .number = text_decibel},
    [OPTION_ENERGY] = {"energy", "energies", "50J or 200mJ",
                       "^[0-9]+(\\.[0-9]{1,3})?(J|mJ)$", .number = text_energy},
    [OPTION_DATE] = {"date", "dates", "\"2026-12-31\"", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                     .number = parse_date},
    [OPTION_TIME_OF_DAY] = {"time of day", "times of day", "\"22:00\"",
                            "^([01][0-9]|2[0-3]):[0-5][0-9]$",
                            .number = text_time_of_day},
    [OPTION_EUI] = {"EUI", "EUIs", "16 hex digits, as \"70b3d57ed005a1b2\"",
                    "^[0-9a-fA-F]{16}$", .number = parse_eui},
    [OPTION_AMOUNT] = {"count or share", "counts or shares", "10 or 10%",
                       "^([0-9]+|[0-9]+(\\.[0-9]{1,4})?%)$", .number = NULL},
    [OPTION_FLAGS] = {"list of words", "lists of words", NULL, NULL, .number = NULL},
    [OPTION_MAP] = {"mapping", "mappings", NULL, NULL, .number = NULL},
    [OPTION_LABELS] = {"mapping of labels", "mappings of labels", NULL, NULL,
                       .number = NULL},
    [OPTION_RAW] = {"mapping of options", "mappings of options", NULL, NULL,
                    .number = NULL},
};

const char *option_article(const char *noun)
{
    return strchr("aeE", noun[0]) != NULL ? "an" : "a";
}

const struct option_type_info *option_type_info(enum option_type type)
{
    return &infos[type];
}

bool option_is_text(enum option_type type)
{
    return type <= OPTION_TEMPLATE;
}

bool option_is_scalar(enum option_type type)
{
    return type < OPTION_FLAGS;
}

static bool parse_words(const struct option_word *words, const char *text, int64_t *num)
{
    for (; words->word != NULL; words++) {
        if (strcmp(words->word, text) == 0) {
            *num = words->value;
            return true;
        }
    }
    return false;
}

static bool parse_amount(const char *text, struct option_value *value)
{
    value->is_share = text_share(text, &value->num);
    return value->is_share || text_u32(text, &value->num);
}

static bool parse_url(const struct option_word *schemes, const char *text)
{
    char scheme[16];
    int64_t unused;
    const char *rest = strstr(text, "://");
    size_t len = rest != NULL ? (size_t)(rest - text) : sizeof(scheme);
    if (len >= sizeof(scheme)) {
        return false;
    }
    memcpy(scheme, text, len);
    scheme[len] = '\0';
    return parse_words(schemes, scheme, &unused) && text_is_url_rest(rest + 3);
}

static bool parse_any(const struct option *option, const char *text,
                      struct option_value *value)
{
    const struct option_type_info *info = option_type_info(option->type);
    if (info->number != NULL) {
        return info->number(text, &value->num);
    }
    if (info->check != NULL) {
        return info->check(text);
    }
    if (option->type == OPTION_ENUM) {
        return parse_words(option->words, text, &value->num);
    }
    if (option->type == OPTION_AMOUNT) {
        return parse_amount(text, value);
    }
    if (option->type == OPTION_HEX) {
        return text_is_hex(text) && strlen(text) == 2 * option->size;
    }
    return option->type == OPTION_URL && parse_url(option->words, text);
}

/* "auto, multicast or unicast" */
static void list_words(const struct option_word *words, FILE *out)
{
    for (const struct option_word *w = words; w->word != NULL; w++) {
        const char *joint = w == words ? "" : w[1].word == NULL ? " or " : ", ";
        fprintf(out, "%s%s", joint, w->word);
    }
}

/* What is in front of a '@', and a query, may be secret: they are not shown. */
static void explain_url(const struct option *option, const char *text, FILE *out)
{
    fputs("must be a URL with ", out);
    list_words(option->words, out);
    if (strchr(text, '@') != NULL) {
        fputs(", and without a user", out);
    } else {
        size_t shown = strcspn(text, "?");
        fprintf(out, ", not \"%.*s\"", (int)(shown < 60 ? shown : 60), text);
    }
}

static void explain_wrong(const struct option *option, const char *text, char *message)
{
    const struct option_type_info *info = option_type_info(option->type);
    FILE *out = fmemopen(message, OPTION_MESSAGE_SIZE, "w");
    if (out == NULL) {
        message[0] = '\0';
        return;
    }
    const char *near = NULL;
    if (option->type == OPTION_URL) {
        explain_url(option, text, out);
        near =
            strchr(text, '@') == NULL ? option_nearest_word(option->words, text) : NULL;
    } else if (option->type == OPTION_ENUM) {
        fputs("must be ", out);
        list_words(option->words, out);
        fprintf(out, ", not \"%.60s\"", text);
        near = option_nearest_word(option->words, text);
    } else if (option->type == OPTION_BOOL) {
        fprintf(out, "must be true or false, not \"%.60s\"", text);
    } else if (option->type == OPTION_HEX) {
        fprintf(out, "must be %zu hex digits, not \"%.60s\"", 2 * option->size, text);
    } else {
        fprintf(out, "is not %s %s: \"%.60s\"", option_article(info->noun), info->noun,
                text);
    }
    if (near != NULL) {
        fprintf(out, "; did you mean \"%s\"?", near);
    } else if (info->hint != NULL) {
        fprintf(out, "; write %s", info->hint);
    }
    if (option->word != NULL && near == NULL) {
        fprintf(out, "%s %s", info->hint != NULL ? ", or" : "; or write", option->word);
    }
    fclose(out);
    message[OPTION_MESSAGE_SIZE - 1] = '\0';
}

static bool in_range(const struct option *option, const struct option_value *value,
                     char *message)
{
    char low[32];
    char high[32];
    enum option_type type = option->type;
    if ((option->min == 0 && option->max == 0) ||
        (value->num >= option->min && value->num <= option->max)) {
        return true;
    }
    if (type == OPTION_AMOUNT) {
        type = value->is_share ? OPTION_SHARE : OPTION_U32;
    }
    option_format(type, option->min, low, sizeof(low));
    if (option->max == INT64_MAX) {
        snprintf(message, OPTION_MESSAGE_SIZE, "must be at least %s", low);
    } else {
        option_format(type, option->max, high, sizeof(high));
        snprintf(message, OPTION_MESSAGE_SIZE, "must be from %s to %s", low, high);
    }
    return false;
}

static bool text_fits(const struct option *option, const char *text, char *message)
{
    size_t len = strlen(text);
    size_t max = option->max != 0 ? (size_t)option->max : OPTION_TEXT_MAX;
    if (len > max) {
        snprintf(message, OPTION_MESSAGE_SIZE, "is longer than %zu characters", max);
        return false;
    }
    return true;
}

bool option_parse(const struct option *option, const char *text,
                  struct option_value *value, char message[static OPTION_MESSAGE_SIZE])
{
    struct option_value parsed = {0};
    bool is_text = option_is_text(option->type);
    if (is_text && !text_fits(option, text, message)) {
        return false;
    }
    if (!parse_any(option, text, &parsed)) {
        explain_wrong(option, text, message);
        return false;
    }
    /* A share of an AMOUNT is bounded by itself. */
    struct option share = {.type = OPTION_AMOUNT, .min = 0, .max = 1000000};
    bool fits = is_text || in_range(parsed.is_share ? &share : option, &parsed, message);
    if (!fits) {
        return false;
    }
    bool keeps_text = is_text || option->type == OPTION_HEX;
    parsed.text = keeps_text ? text : NULL;
    *value = parsed;
    return true;
}

static const char *format_scaled(int64_t num, int64_t scale, const char *unit, char *text,
                                 size_t size)
{
    int64_t whole = num / scale;
    int64_t rest = num % scale;
    const char *sign = num < 0 ? "-" : "";
    whole = whole < 0 ? -whole : whole;
    rest = rest < 0 ? -rest : rest;
    if (rest == 0) {
        snprintf(text, size, "%s%lld%s", sign, (long long)whole, unit);
        return text;
    }
    int digits = 0;
    for (int64_t s = scale; s > 1; s /= 10) {
        digits++;
    }
    while (rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    snprintf(text, size, "%s%lld.%0*lld%s", sign, (long long)whole, digits,
             (long long)rest, unit);
    return text;
}

static const char *format_duration(int64_t us, char *text, size_t size)
{
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"d", DAYS_US(1)},
                 {"h", HOURS_US(1)},
                 {"m", MINUTES_US(1)},
                 {"s", SECONDS_US(1)},
                 {"ms", MILLIS_US(1)}};
    for (size_t i = 0; us != 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (us % units[i].us == 0) {
            snprintf(text, size, "%lld%s", (long long)(us / units[i].us), units[i].unit);
            return text;
        }
    }
    snprintf(text, size, "0s");
    return text;
}

const char *option_format(enum option_type type, int64_t num, char *text, size_t size)
{
    if (type == OPTION_DURATION) {
        return format_duration(num, text, size);
    }
    if (type == OPTION_SHARE) {
        return format_scaled(num, 10000, "%", text, size);
    }
    if (type == OPTION_FREQUENCY) {
        return format_scaled(num, 1000000, "MHz", text, size);
    }
    if (type == OPTION_DECIBEL) {
        return format_scaled(num, 100, "dB", text, size);
    }
    if (type == OPTION_ENERGY) {
        return format_scaled(num, 1000, "J", text, size);
    }
    if (type == OPTION_DATA_RATE) {
        snprintf(text, size, "DR%lld", (long long)num);
        return text;
    }
    snprintf(text, size, "%lld", (long long)num);
    return text;
}

enum {
    DISTANCE_MAX = 64, /* characters that are looked at */
};

/* One row of the Levenshtein table: the distances of a longer prefix of a, ending in c. */
static void next_row(size_t *row, char c, const char *b, size_t b_len)
{
    size_t diagonal = row[0];
    row[0]++;
    for (size_t j = 1; j <= b_len; j++) {
        bool same = text_lower(c) == text_lower(b[j - 1]);
        size_t best = diagonal + (same ? 0 : 1);
        diagonal = row[j];
        best = row[j] + 1 < best ? row[j] + 1 : best;
        row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
    }
}

size_t option_distance(const char *a, const char *b)
{
    size_t row[DISTANCE_MAX + 1];
    size_t a_len = strnlen(a, DISTANCE_MAX);
    size_t b_len = strnlen(b, DISTANCE_MAX);
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a_len; i++) {
        next_row(row, a[i], b, b_len);
    }
    return row[b_len];
}

bool option_is_near(const char *word, size_t distance)
{
    size_t limit = strlen(word) / 3;
    return distance <= (limit > 1 ? limit : 1) && distance < strlen(word);
}

const char *option_nearest_word(const struct option_word *words, const char *word)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (; words->word != NULL; words++) {
        size_t distance = option_distance(word, words->word);
        if (distance < best_distance && option_is_near(words->word, distance)) {
            best = words->word;
            best_distance = distance;
        }
    }
    return best;
}
