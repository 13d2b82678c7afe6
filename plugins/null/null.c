/* SPDX-License-Identifier: MIT */
/*
 * null.c - a network without radio, for tests: takes everything, fails and loses on
 * request. Results come at once. On request devices report in LwM2M: a message on
 * REPORTS/DEVEUI of the broker, REPORTS being the option reports, with as many of
 * "state=2 result=0 package=1.4.3 firmware=1.4.2 battery=64" as they say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuotad/plugin.h"

struct config {
    uint32_t fail_every;
    uint32_t lose_every;
    const char *reports;
};

enum {
    NAME_SIZE = 101,
    TOPIC_SIZE = 256,
    REPORT_SIZE = 256,
};

/* Nothing is transmitted, but each group counts. */
struct group {
    struct group *next;
    char name[NAME_SIZE];
    char handle[FUO_GROUP_SIZE];
    uint32_t f_cnt;
};

struct fuo_ns {
    const struct config *config;
    const struct fuo_host_ops *ops;
    struct fuo_host *host;
    uint32_t downlink_count;
    struct group *groups;
};

static void result(struct fuo_ns *ns, uint64_t id, int err, uint32_t f_cnt)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_RESULT};
    event.result.id = id;
    event.result.err = err;
    event.result.f_cnt = f_cnt;
    ns->ops->event(ns->host, &event);
}

static bool nth(uint32_t count, uint32_t every)
{
    return every != 0 && count % every == 0;
}

static int listen(struct fuo_ns *ns)
{
    char filter[TOPIC_SIZE];
    int len = snprintf(filter, sizeof(filter), "%s/+", ns->config->reports);
    return len < (int)sizeof(filter) ? ns->ops->subscribe(ns->host, filter, 1)
                                     : FUO_ERANGE;
}

static int null_open(struct fuo_ns **ns, const void *config,
                     const struct fuo_host_ops *ops, struct fuo_host *host)
{
    struct fuo_ns *n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return FUO_ENOMEM;
    }
    n->config = config;
    n->ops = ops;
    n->host = host;
    *ns = n;
    return n->config->reports[0] != '\0' ? listen(n) : FUO_OK;
}

static void null_close(struct fuo_ns *ns)
{
    while (ns != NULL && ns->groups != NULL) {
        struct group *group = ns->groups;
        ns->groups = group->next;
        free(group);
    }
    free(ns);
}

static void null_caps(struct fuo_ns *ns, struct fuo_caps *caps)
{
    (void)ns;
    caps->queue_rows_max = UINT32_MAX;
}

/* The value of "key=value" among words that spaces part; false: there is none. */
static bool value_of(const char *words, const char *key, char value[FUO_REPORT_SIZE])
{
    size_t key_len = strlen(key);
    for (const char *at = words; *at != '\0'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, key, key_len) == 0 && at[key_len] == '=') {
            int len = (int)strcspn(at + key_len + 1, " ");
            int size = FUO_REPORT_SIZE;
            return snprintf(value, FUO_REPORT_SIZE, "%.*s", len, at + key_len + 1) < size;
        }
    }
    return false;
}

static bool number_of(const char *words, const char *key, uint8_t *number)
{
    char text[FUO_REPORT_SIZE];
    char *end = text;
    if (!value_of(words, key, text)) {
        return false;
    }
    unsigned long value = strtoul(text, &end, 10);
    *number = (uint8_t)value;
    return end != text && *end == '\0' && value <= UINT8_MAX;
}

static void null_on_mqtt(struct fuo_ns *ns, const char *topic, const uint8_t *payload,
                         size_t payload_len, bool retained)
{
    char words[REPORT_SIZE];
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_REPORTED};
    const char *eui = strrchr(topic, '/');
    char *end = NULL;
    if (retained || eui == NULL || payload_len >= sizeof(words)) {
        ns->ops->reject(ns->host, "report");
        return;
    }
    snprintf(words, sizeof(words), "%.*s", (int)payload_len, (const char *)payload);
    event.reported.dev_eui = strtoull(eui + 1, &end, 16);
    event.reported.has_state = number_of(words, "state", &event.reported.state);
    event.reported.has_result = number_of(words, "result", &event.reported.result);
    bool package = value_of(words, "package", event.reported.package_version);
    bool firmware = value_of(words, "firmware", event.reported.firmware_version);
    event.reported.has_battery =
        number_of(words, "battery", &event.reported.battery_percent);
    bool any = event.reported.has_state || event.reported.has_result || package ||
               firmware || event.reported.has_battery;
    if (!any || end - eui != 17 || *end != '\0') {
        ns->ops->reject(ns->host, "report");
        return;
    }
    ns->ops->event(ns->host, &event);
}

static void null_on_published(struct fuo_ns *ns, uint64_t id, int err)
{
    (void)ns;
    (void)id;
    (void)err;
}

static void null_on_http(struct fuo_ns *ns, uint64_t id,
                         const struct fuo_http_response *response)
{
    (void)ns;
    (void)id;
    (void)response;
}

/* Taken or not; if taken, sent unless it is to be lost: then no fate ever comes. */
static int null_unicast(struct fuo_ns *ns, const struct fuo_unicast *downlink)
{
    ns->downlink_count++;
    if (nth(ns->downlink_count, ns->config->fail_every)) {
        result(ns, downlink->id, FUO_EAGAIN, 0);
        return FUO_OK;
    }
    result(ns, downlink->id, FUO_OK, 0);
    if (!nth(ns->downlink_count, ns->config->lose_every)) {
        struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_FATE};
        event.fate.id = downlink->id;
        event.fate.dev_eui = downlink->dev_eui;
        event.fate.fate = FUO_FATE_SENT;
        ns->ops->event(ns->host, &event);
    }
    return FUO_OK;
}

static int null_unicast_flush(struct fuo_ns *ns, uint64_t id, uint64_t dev_eui)
{
    (void)dev_eui;
    result(ns, id, FUO_OK, 0);
    return FUO_OK;
}

/* The link that leads to the group; it holds NULL if there is none. */
static struct group **find_handle(struct fuo_ns *ns, const char *handle)
{
    struct group **at = &ns->groups;
    while (*at != NULL && strcmp((*at)->handle, handle) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static struct group *find_name(struct fuo_ns *ns, const char *name)
{
    struct group *at = ns->groups;
    while (at != NULL && strcmp(at->name, name) != 0) {
        at = at->next;
    }
    return at;
}

static struct group *new_group(struct fuo_ns *ns, const struct fuo_group *wanted)
{
    struct group *group = calloc(1, sizeof(*group));
    if (group == NULL) {
        return NULL;
    }
    snprintf(group->name, sizeof(group->name), "%s", wanted->name);
    unsigned mc_addr = (unsigned)wanted->mc_addr;
    snprintf(group->handle, sizeof(group->handle), "null-%08x", mc_addr);
    for (unsigned i = 1; *find_handle(ns, group->handle) != NULL; i++) {
        snprintf(group->handle, sizeof(group->handle), "null-%08x-%u", mc_addr, i);
    }
    group->f_cnt = wanted->f_cnt;
    group->next = ns->groups;
    ns->groups = group;
    return group;
}

static int null_group_open(struct fuo_ns *ns, const struct fuo_group *wanted)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_GROUP};
    struct group *group = find_name(ns, wanted->name);
    if (group == NULL) {
        group = new_group(ns, wanted);
    }
    if (group == NULL) {
        return FUO_ENOMEM;
    }
    event.group.id = wanted->id;
    event.group.group = group->handle;
    event.group.f_cnt = group->f_cnt;
    ns->ops->event(ns->host, &event);
    return FUO_OK;
}

static int null_group_close(struct fuo_ns *ns, uint64_t id, const char *handle)
{
    struct group **at = find_handle(ns, handle);
    if (*at != NULL) {
        struct group *group = *at;
        *at = group->next;
        free(group);
    }
    result(ns, id, FUO_OK, 0);
    return FUO_OK;
}

/* A lost one is counted and its answer is missing: the outcome is unknown. */
static int null_multicast(struct fuo_ns *ns, const struct fuo_multicast *frame)
{
    struct group *group = *find_handle(ns, frame->group);
    if (group == NULL) {
        result(ns, frame->id, FUO_ENOENT, 0);
        return FUO_OK;
    }
    ns->downlink_count++;
    if (nth(ns->downlink_count, ns->config->fail_every)) {
        result(ns, frame->id, FUO_EAGAIN, 0);
        return FUO_OK;
    }
    bool lost = nth(ns->downlink_count, ns->config->lose_every);
    uint32_t f_cnt = group->f_cnt++;
    result(ns, frame->id, lost ? FUO_ETIMEDOUT : FUO_OK, lost ? 0 : f_cnt);
    return FUO_OK;
}

static int null_queue_poll(struct fuo_ns *ns, uint64_t id, const char *handle)
{
    struct fuo_event event = {.size = sizeof(event), .type = FUO_EV_QUEUE};
    const struct group *group = *find_handle(ns, handle);
    event.queue.id = id;
    event.queue.err = group != NULL ? FUO_OK : FUO_ENOENT;
    event.queue.f_cnt = group != NULL ? group->f_cnt : 0;
    ns->ops->event(ns->host, &event);
    return FUO_OK;
}

static int null_queue_flush(struct fuo_ns *ns, uint64_t id, const char *group)
{
    (void)group;
    result(ns, id, FUO_OK, 0);
    return FUO_OK;
}

static const struct fuo_option options[] = {
    {"failEvery", FUO_OPT_U32, offsetof(struct config, fail_every), "0",
     "Refuse each n-th downlink for now; 0 means never."},
    {"loseEvery", FUO_OPT_U32, offsetof(struct config, lose_every), "0",
     "Lose each n-th downlink without a word; 0 means never."},
    {"reports", FUO_OPT_STRING, offsetof(struct config, reports), "",
     "Topic under which the broker has reports of devices; empty: none."},
    {0},
};

const struct fuo_ns_plugin fuo_ns_plugin = {
    .abi = FUO_NS_ABI,
    .size = sizeof(struct fuo_ns_plugin),
    .name = "null",
    .config_size = sizeof(struct config),
    .options = options,
    .open = null_open,
    .close = null_close,
    .caps = null_caps,
    .on_mqtt = null_on_mqtt,
    .on_published = null_on_published,
    .on_http = null_on_http,
    .unicast = null_unicast,
    .unicast_flush = null_unicast_flush,
    .group_open = null_group_open,
    .group_close = null_group_close,
    .multicast = null_multicast,
    .queue_poll = null_queue_poll,
    .queue_flush = null_queue_flush,
};
