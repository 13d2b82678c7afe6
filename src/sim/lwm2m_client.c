/* SPDX-License-Identifier: MIT */
/* Registration, requests of its own, timers, and what another State brings about. */
#include "sim/lwm2m_client.h"

#include <stdio.h>
#include <string.h>

#include "sim/lwm2m_internal.h"

enum {
    TRIES_MAX = 5, /* the first one and MAX_RETRANSMIT more */
    ANSWER_TIMEOUTS = 45,
    RETRY_TIMEOUTS = 15, /* in units of the ack timeout, before it registers anew */
    DEFER_MOST_S = 3600,
    BATTERY_START = 95,
    BATTERY_EMPTY = 5,
};

void lwm2m_set_timer(struct lwm2m_client *c, enum lwm2m_timer timer, struct utc at)
{
    c->timers[timer] = at;
}

/* ---- messages ---- */

uint16_t lwm2m_take_id(struct lwm2m_client *c)
{
    return c->next_id++;
}

struct coap_token lwm2m_take_token(struct lwm2m_client *c)
{
    struct coap_token token = {.len = 4};
    uint64_t bits = prng_next(&c->prng);
    memcpy(token.bytes, &bits, token.len);
    return token;
}

void lwm2m_send(struct lwm2m_client *c, enum lwm2m_peer peer, const uint8_t *bytes,
                size_t len, struct utc now)
{
    c->sent_bytes += len;
    c->awake_until = utc_after(now, c->config->awake_us);
    c->config->sink->send(c->config->ctx, c, peer, bytes, len);
}

static enum lwm2m_peer peer_of(const struct lwm2m_client *c,
                               const struct lwm2m_exchange *x)
{
    return x == &c->to_files ? LWM2M_PEER_FILES : LWM2M_PEER_SERVER;
}

void lwm2m_begin(struct lwm2m_client *c, struct lwm2m_exchange *x,
                 enum lwm2m_exchange_kind kind, struct utc now)
{
    x->active = true;
    x->acked = false;
    x->tries = 1;
    x->kind = (uint8_t)kind;
    /* RFC 7252, 4.2: between one and one and a half times ACK_TIMEOUT. */
    x->wait_us =
        c->config->ack_timeout_us +
        (int64_t)prng_below(&c->prng, (uint64_t)(c->config->ack_timeout_us / 2 + 1));
    x->at = utc_after(now, x->wait_us);
    lwm2m_send(c, peer_of(c, x), x->bytes, x->len, now);
}

/* ---- registration ---- */

static void write_head(struct lwm2m_client *c, struct lwm2m_exchange *x, uint8_t code,
                       struct coap_writer *cw)
{
    x->id = lwm2m_take_id(c);
    x->token = lwm2m_take_token(c);
    struct coap_msg head = {
        .type = COAP_TYPE_CON, .code = code, .id = x->id, .token = x->token};
    *cw = coap_msg_write(x->bytes, sizeof(x->bytes), &head);
}

static void begin_written(struct lwm2m_client *c, const struct coap_writer *cw,
                          enum lwm2m_exchange_kind kind, struct utc now)
{
    if (coap_msg_write_end(cw, &c->to_server.len) == FUO_OK) {
        lwm2m_begin(c, &c->to_server, kind, now);
    }
}

static void do_register(struct lwm2m_client *c, struct utc now)
{
    char query[160];
    uint8_t links[LWM2M_REQUEST_SIZE];
    struct wr w = wr_init(links, sizeof(links));
    struct coap_writer cw;
    size_t len = 0;
    const char *binding = !c->quirks->queue              ? "&b=U"
                          : c->quirks->version_minor > 0 ? "&b=U&Q"
                                                         : "&b=UQ";
    (void)snprintf(query, sizeof(query), "ep=%s&lt=%lld&lwm2m=1.%u%s", c->endpoint,
                   (long long)c->lifetime_s, c->quirks->version_minor, binding);
    lwm2m_links(c, &w);
    c->registered = false;
    write_head(c, &c->to_server, COAP_CODE_POST, &cw);
    coap_msg_write_steps(&cw, COAP_NR_URI_PATH, "/rd", '/');
    coap_msg_write_number(&cw, COAP_NR_CONTENT_FORMAT, LWM2M_LINKS);
    coap_msg_write_steps(&cw, COAP_NR_URI_QUERY, query, '&');
    if (wr_end(&w, &len) == FUO_OK) {
        coap_msg_write_payload(&cw, links, len);
    }
    begin_written(c, &cw, LWM2M_REGISTER, now);
}

static void do_update(struct lwm2m_client *c, struct utc now)
{
    struct coap_writer cw;
    write_head(c, &c->to_server, COAP_CODE_POST, &cw);
    coap_msg_write_steps(&cw, COAP_NR_URI_PATH, c->location, '/');
    begin_written(c, &cw, LWM2M_UPDATE, now);
}

static void next_update(struct lwm2m_client *c, struct utc now)
{
    int64_t wait_us = c->config->update_us;
    int64_t most_us = SECONDS_US(c->lifetime_s) / 2;
    wait_us = wait_us < most_us ? wait_us : most_us;
    /* Not all of them at once for ever. */
    int64_t less_us = (int64_t)prng_below(&c->prng, (uint64_t)(wait_us / 8 + 1));
    lwm2m_set_timer(c, LWM2M_TIMER_UPDATE, utc_after(now, wait_us - less_us));
}

static void take_location(struct lwm2m_client *c, const struct coap_msg *msg)
{
    struct coap_options options = coap_msg_options(msg);
    struct coap_option option;
    size_t len = 0;
    while (coap_msg_option_next(&options, &option)) {
        if (option.number == COAP_NR_LOCATION_PATH &&
            len + option.len + 2 <= sizeof(c->location)) {
            c->location[len++] = '/';
            memcpy(c->location + len, option.bytes, option.len);
            len += option.len;
        }
    }
    c->location[len] = '\0';
}

static void retry_registration(struct lwm2m_client *c, struct utc now)
{
    int64_t wait_us = RETRY_TIMEOUTS * c->config->ack_timeout_us;
    c->registered = false;
    lwm2m_set_timer(
        c, LWM2M_TIMER_UPDATE,
        utc_after(now, wait_us + (int64_t)prng_below(&c->prng, (uint64_t)wait_us)));
}

static void on_answer(struct lwm2m_client *c, const struct coap_msg *msg, struct utc now)
{
    bool good = COAP_CODE_CLASS(msg->code) == 2;
    switch ((enum lwm2m_exchange_kind)c->to_server.kind) {
    case LWM2M_REGISTER:
        if (!good) {
            retry_registration(c, now);
            return;
        }
        take_location(c, msg);
        c->registered = true;
        c->register_count++;
        next_update(c, now);
        return;
    case LWM2M_UPDATE:
        if (good) {
            next_update(c, now);
        } else { /* 4.04: it is not known any more */
            lwm2m_set_timer(c, LWM2M_TIMER_UPDATE, now);
            c->registered = false;
        }
        return;
    case LWM2M_DEREGISTER:
        c->registered = false;
        return;
    case LWM2M_FETCH:
        return;
    }
}

/* ---- from outside ---- */

static void acknowledge(struct lwm2m_client *c, const struct lwm2m_exchange *x,
                        const struct coap_msg *msg, enum coap_type type, struct utc now)
{
    uint8_t bytes[4];
    size_t len = 0;
    struct coap_msg head = {.type = type, .id = msg->id};
    struct coap_writer cw = coap_msg_write(bytes, sizeof(bytes), &head);
    if (coap_msg_write_end(&cw, &len) == FUO_OK) {
        lwm2m_send(c, peer_of(c, x), bytes, len, now);
    }
}

/* An answer that comes apart, to something else than what is asked now. */
static void on_response(struct lwm2m_client *c, const struct coap_msg *msg,
                        struct utc now)
{
    struct lwm2m_exchange *all[] = {&c->to_server, &c->to_files};
    for (size_t i = 0; i < 2; i++) {
        struct lwm2m_exchange *x = all[i];
        if (!x->active || !coap_msg_token_is(&x->token, &msg->token)) {
            continue;
        }
        if (msg->type == COAP_TYPE_CON) {
            acknowledge(c, x, msg, COAP_TYPE_ACK, now);
        }
        x->active = false;
        if (x == &c->to_files) {
            lwm2m_image_fetched(c, msg, now);
        } else {
            on_answer(c, msg, now);
        }
        return;
    }
    if (msg->type == COAP_TYPE_CON) {
        acknowledge(c, &c->to_server, msg, COAP_TYPE_RST, now);
    }
}

static void on_empty(struct lwm2m_client *c, const struct coap_msg *msg, struct utc now)
{
    struct lwm2m_exchange *all[] = {&c->to_server, &c->to_files};
    if (msg->type == COAP_TYPE_RST) {
        lwm2m_on_reset(c, msg->id);
        return;
    }
    if (msg->type == COAP_TYPE_CON) { /* a ping */
        acknowledge(c, &c->to_server, msg, COAP_TYPE_RST, now);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (all[i]->active && all[i]->id == msg->id) {
            all[i]->acked = true;
            all[i]->at = utc_after(now, ANSWER_TIMEOUTS * c->config->ack_timeout_us);
        }
    }
}

static bool is_asleep(const struct lwm2m_client *c, struct utc now)
{
    return c->quirks->queue && !c->to_server.active && !c->to_files.active &&
           utc_reached(c->awake_until, now);
}

void lwm2m_client_receive(struct lwm2m_client *c, const uint8_t *bytes, size_t len,
                          struct utc now)
{
    struct coap_msg msg;
    if (c->off || is_asleep(c, now) || coap_msg_decode(bytes, len, &msg) != FUO_OK) {
        return;
    }
    c->received_bytes += len;
    if (msg.code == COAP_CODE_EMPTY) {
        on_empty(c, &msg, now);
    } else if (COAP_CODE_CLASS(msg.code) == 0) {
        lwm2m_serve(c, &msg, now);
    } else {
        on_response(c, &msg, now);
    }
    lwm2m_notify(c, now);
}

/* ---- Object 5 ---- */

static void reboot(struct lwm2m_client *c, struct utc now)
{
    c->to_server.active = false;
    c->to_files.active = false;
    c->answered.known = false;
    lwm2m_forget_observers(c);
    c->registered = false;
    c->config->sink->move(c->config->ctx, c);
    int64_t boot_us = c->config->boot_us;
    lwm2m_set_timer(c, LWM2M_TIMER_UPDATE,
                    utc_after(now, boot_us + (int64_t)prng_below(
                                                 &c->prng, (uint64_t)boot_us / 4 + 1)));
    if (c->quirks->forgets) {
        c->fw = (struct fw_object){0};
        c->uri[0] = '\0';
        lwm2m_image_drop(&c->image);
    }
}

static void hide_result(struct lwm2m_client *c, struct utc now)
{
    c->hides_result = c->quirks->result_late_us > 0 && c->fw.state == FWO_IDLE &&
                      c->fw.result != FWO_INITIAL;
    lwm2m_set_timer(c, LWM2M_TIMER_RESULT,
                    c->hides_result ? utc_after(now, c->quirks->result_late_us)
                                    : UTC_NEVER);
}

/* It is to have no image, and nothing under way for one. */
static void clean_up(struct lwm2m_client *c)
{
    c->to_files.active = false;
    c->download = (struct coap_download){0};
    c->pulls = false;
    c->uri[0] = '\0';
    lwm2m_image_drop(&c->image);
    lwm2m_set_timer(c, LWM2M_TIMER_FETCH, UTC_NEVER);
    lwm2m_set_timer(c, LWM2M_TIMER_LOST, UTC_NEVER);
}

/* The package or the quirks say what comes of it. */
static enum lwm2m_fate fate_of(const struct lwm2m_client *c)
{
    return c->quirks->fate != LWM2M_FATE_GOOD ? c->quirks->fate : c->asked;
}

bool lwm2m_fw_step(struct lwm2m_client *c, enum fw_object_event event, uint8_t result,
                   struct utc now)
{
    enum fw_object_state before = c->fw.state;
    if (!fw_object_step(&c->fw, event, (enum fw_object_result)result)) {
        return false;
    }
    if (c->fw.state != before) {
        c->changed = now;
        lwm2m_set_timer(c, LWM2M_TIMER_DEFER, UTC_NEVER);
        hide_result(c, now);
    }
    if (c->fw.state == FWO_IDLE) {
        clean_up(c);
    }
    if (c->fw.state == FWO_DOWNLOADED && before == FWO_DOWNLOADING && c->automatic) {
        return lwm2m_fw_step(c, FWO_EV_EXECUTE, 0, now);
    }
    if (c->fw.state == FWO_UPDATING) {
        bool ends = fate_of(c) != LWM2M_FATE_STUCK;
        lwm2m_set_timer(c, LWM2M_TIMER_INSTALL,
                        ends ? utc_after(now, c->config->install_us) : UTC_NEVER);
    }
    return true;
}

static void on_installed(struct lwm2m_client *c, struct utc now)
{
    uint8_t result =
        c->quirks->update_result != 0 ? c->quirks->update_result : (uint8_t)FWO_FAILED;
    switch (fate_of(c)) {
    case LWM2M_FATE_KEEP:
        (void)lwm2m_fw_step(c, FWO_EV_UPDATE_KEPT, result, now);
        return;
    case LWM2M_FATE_FAIL:
        (void)lwm2m_fw_step(c, FWO_EV_UPDATE_FAILED, result, now);
        break;
    case LWM2M_FATE_GOOD:
        lwm2m_image_version(c);
        c->install_count++;
        c->config->sink->installed(c->config->ctx, c);
        (void)lwm2m_fw_step(c, FWO_EV_UPDATED, 0, now);
        break;
    case LWM2M_FATE_LIE:
        (void)lwm2m_fw_step(c, FWO_EV_UPDATED, 0, now);
        break;
    case LWM2M_FATE_STUCK:
        return;
    case LWM2M_FATE_SILENT:
        c->off = true;
        return;
    }
    if (!c->stays) {
        reboot(c, now);
    }
}

/* ---- time ---- */

/* One try more, or none: then it goes on without an answer. */
static void run_exchange(struct lwm2m_client *c, struct lwm2m_exchange *x, struct utc now)
{
    if (!x->active || !utc_reached(x->at, now)) {
        return;
    }
    if (!x->acked && x->tries < TRIES_MAX) {
        x->tries++;
        x->wait_us *= 2;
        x->at = utc_after(now, x->wait_us);
        lwm2m_send(c, peer_of(c, x), x->bytes, x->len, now);
        return;
    }
    x->active = false;
    if (x == &c->to_files) {
        (void)lwm2m_fw_step(c, FWO_EV_DOWNLOAD_FAILED, FWO_LOST, now);
    } else if (x->kind != LWM2M_DEREGISTER) {
        retry_registration(c, now);
    }
}

static void on_timer(struct lwm2m_client *c, enum lwm2m_timer timer, struct utc now)
{
    switch (timer) {
    case LWM2M_TIMER_UPDATE:
        if (c->to_server.active) {
            return; /* its answer sets the timer */
        }
        if (c->registered) {
            do_update(c, now);
        } else {
            do_register(c, now);
        }
        return;
    case LWM2M_TIMER_FETCH:
        lwm2m_image_fetch(c, now);
        return;
    case LWM2M_TIMER_LOST:
        (void)lwm2m_fw_step(c, FWO_EV_DOWNLOAD_FAILED, FWO_LOST, now);
        return;
    case LWM2M_TIMER_INSTALL:
        on_installed(c, now);
        return;
    case LWM2M_TIMER_DEFER:
        (void)lwm2m_fw_step(c, FWO_EV_EXECUTE, 0, now);
        return;
    case LWM2M_TIMER_RESULT:
        c->hides_result = false;
        return;
    case LWM2M_TIMER_MOVE:
        c->config->sink->move(c->config->ctx, c);
        lwm2m_set_timer(c, LWM2M_TIMER_UPDATE, now);
        return;
    case LWM2M_TIMER_REBOOT:
        (void)lwm2m_fw_step(c, FWO_EV_DOWNLOAD_FAILED, FWO_LOST, now);
        reboot(c, now);
        return;
    case LWM2M_TIMER_COUNT:
        break;
    }
}

void lwm2m_client_run(struct lwm2m_client *c, struct utc now)
{
    if (c->off) {
        return;
    }
    for (unsigned i = 0; i < LWM2M_TIMER_COUNT; i++) {
        if (utc_reached(c->timers[i], now)) {
            c->timers[i] = UTC_NEVER;
            on_timer(c, (enum lwm2m_timer)i, now);
        }
    }
    run_exchange(c, &c->to_server, now);
    run_exchange(c, &c->to_files, now);
    lwm2m_notify(c, now);
}

struct utc lwm2m_client_deadline(const struct lwm2m_client *c)
{
    struct utc at = UTC_NEVER;
    if (c->off) {
        return at;
    }
    for (unsigned i = 0; i < LWM2M_TIMER_COUNT; i++) {
        at = utc_min(at, c->timers[i]);
    }
    at = c->to_server.active ? utc_min(at, c->to_server.at) : at;
    return c->to_files.active ? utc_min(at, c->to_files.at) : at;
}

/* ---- begin and end ---- */

void lwm2m_client_init(struct lwm2m_client *c, const struct lwm2m_client_config *config,
                       const struct lwm2m_quirks *quirks, uint64_t dev_eui, uint64_t seed,
                       struct utc at)
{
    *c = (struct lwm2m_client){
        .config = config,
        .quirks = quirks,
        .dev_eui = dev_eui,
        .prng = prng_seeded(seed),
        .severity = 1,
        .max_defer_s = DEFER_MOST_S,
        .changed = at,
        .lifetime_s = config->lifetime_s,
        .version = "1.0.0",
    };
    (void)eui_format(dev_eui, c->endpoint);
    for (unsigned i = 0; i < LWM2M_TIMER_COUNT; i++) {
        c->timers[i] = UTC_NEVER;
    }
    c->next_id = (uint16_t)prng_next(&c->prng);
    c->battery_percent =
        BATTERY_START - (int64_t)prng_below(&c->prng, BATTERY_START - BATTERY_EMPTY) / 4;
    lwm2m_set_timer(c, LWM2M_TIMER_UPDATE, at);
}

void lwm2m_client_free(struct lwm2m_client *c)
{
    lwm2m_image_drop(&c->image);
}

void lwm2m_client_stop(struct lwm2m_client *c, struct utc now)
{
    struct coap_writer cw;
    if (c->off || !c->registered || c->to_server.active) {
        return;
    }
    write_head(c, &c->to_server, COAP_CODE_DELETE, &cw);
    coap_msg_write_steps(&cw, COAP_NR_URI_PATH, c->location, '/');
    begin_written(c, &cw, LWM2M_DEREGISTER, now);
}
