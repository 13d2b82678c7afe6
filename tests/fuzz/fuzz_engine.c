/* SPDX-License-Identifier: MIT */
/*
 * fuzz_engine.c - a campaign under way, and a script of what devices, server and operator
 * say: uplinks, answers, fates, counters, clocks, retries, what gateways tell, each from
 * bytes. Byte 0 is the operation, its arguments follow; ALL_ANSWER and WAIT are how a script
 * gets on.
 *
 * Whatever is said: nothing crashes, an outcome is for good unless the device goes again, no
 * place and no counter goes back, a step has few effects, and timers do not run in circles.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/package.h"
#include "flow.h"
#include "profile/shipped.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    EUI_BASE = 0x100, /* of flow.c */
    OPS_MAX = 256,
    STEPS_MAX = 5000,     /* of a script: then it is over, so that there are many */
    TIMEOUTS_MAX = 20000, /* of an operation */
    EFFECTS_MAX = 1000,   /* of an operation, timeouts aside */
    IDS_MAX = 64,         /* transmissions looked at */
    PAYLOAD_MAX = 242,
};

static struct {
    struct transmission_rec transmissions[IDS_MAX];
    uint64_t lane_counter[IDS_MAX][RECORD_LANE_MAX];
    uint64_t key_counter[IDS_MAX];   /* by key: the next frame of any lane */
    uint32_t group_counter[IDS_MAX]; /* by key: the first counter asked for */
    enum outcome outcomes[FLOW_DEVICES];
    uint8_t retries[FLOW_DEVICES];
    size_t effect_count;
    size_t step_count; /* timeouts that fired */
} seen;

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

/* ---- what must hold of effects ---- */

static void watch_member(const struct member_rec *m)
{
    size_t i = (size_t)(m->dev_eui - EUI_BASE);
    require(i < FLOW_DEVICES);
    if (m->retries != seen.retries[i]) {
        require(m->retries == seen.retries[i] + 1 && m->phase == MEMBER_PENDING);
        require(seen.outcomes[i] != OUTCOME_NONE &&
                seen.outcomes[i] != OUTCOME_SUCCEEDED);
        seen.retries[i] = m->retries;
        seen.outcomes[i] = OUTCOME_NONE;
    }
    require(seen.outcomes[i] == OUTCOME_NONE || seen.outcomes[i] == m->outcome);
    require((m->outcome != OUTCOME_NONE) == (m->phase == MEMBER_ENDED));
    require(m->outcome < OUTCOME_COUNT && m->phase < MEMBER_PHASE_COUNT);
    require(m->tries <= 100);
    seen.outcomes[i] = m->outcome;
}

static void watch_transmission(const struct transmission_rec *t)
{
    require(t->lane_count <= RECORD_LANE_MAX && t->group_id < 4 && t->frag_index < 4);
    if (t->id < IDS_MAX) {
        struct transmission_rec *last = &seen.transmissions[t->id];
        require(t->next_n >= last->next_n && t->frames_handed >= last->frames_handed);
        require(t->f_cnt_first >= last->f_cnt_first && t->session_no >= last->session_no);
        *last = *t;
    }
}

/* Of a frame that it takes, by what the server says. */
static void watch_lane(const struct lane_rec *l)
{
    uint64_t counter = (uint64_t)l->f_cnt_base + l->frames_handed;
    if (l->transmission_id < IDS_MAX && !l->lost && l->group[0] != '\0') {
        uint64_t *last = &seen.lane_counter[l->transmission_id][l->no];
        uint32_t key_id = seen.transmissions[l->transmission_id].key_id % IDS_MAX;
        require(counter >= *last);
        *last = counter;
        if (counter > seen.key_counter[key_id]) {
            seen.key_counter[key_id] = counter;
        }
    }
}

/* A key that is kept for another transmission goes on where it was. */
static void watch_group(const struct group_rec *g)
{
    require(g->group_id < 4);
    if (g->id < IDS_MAX && g->id != 0) {
        require(g->f_cnt >= seen.key_counter[g->id]);
    }
}

static void watch_store(const struct effect *effect)
{
    if (effect->store.kind == STORE_MEMBER) {
        watch_member(&effect->store.member);
    } else if (effect->store.kind == STORE_TRANSMISSION) {
        watch_transmission(&effect->store.transmission);
    } else if (effect->store.kind == STORE_LANE) {
        const struct lane_rec *l = &effect->store.lane;
        require(l->no < RECORD_LANE_MAX && l->gateway_count <= RECORD_GATEWAY_MAX);
        require(memchr(l->group, '\0', sizeof(l->group)) != NULL);
        watch_lane(l);
    } else if (effect->store.kind == STORE_GROUP) {
        watch_group(&effect->store.group);
    }
}

static void watch_open(const struct effect *effect)
{
    require(effect->group.gateway_count <= RECORD_GATEWAY_MAX);
    if (effect->group.key_id < IDS_MAX) {
        uint32_t *last = &seen.group_counter[effect->group.key_id];
        require(effect->group.f_cnt >= *last);
        *last = effect->group.f_cnt;
    }
}

static void watch(const struct effect *effect)
{
    seen.effect_count++;
    switch (effect->type) {
    case EFFECT_STORE:
        watch_store(effect);
        break;
    case EFFECT_SEND:
        require(effect->send.payload_len <= PAYLOAD_MAX && effect->send.fport != 0);
        break;
    case EFFECT_SEND_MULTICAST:
        require(effect->multicast.payload_len <= PAYLOAD_MAX);
        require(effect->multicast.fport != 0 && effect->multicast.payload_len > 0);
        require(effect->multicast.handle[0] != '\0');
        break;
    case EFFECT_GROUP_OPEN:
        watch_open(effect);
        break;
    case EFFECT_PUBLISH:
    case EFFECT_SEND_FLUSH:
    case EFFECT_NEW_KEY:
    case EFFECT_WRAP_KEY:
    case EFFECT_BLOCK_MIC:
    case EFFECT_GROUP_CLOSE:
    case EFFECT_QUEUE_POLL:
    case EFFECT_QUEUE_FLUSH:
    case EFFECT_DROP_KEY:
    case EFFECT_ORDER:
        break;
    }
}

/* ---- the script ---- */

struct script {
    const uint8_t *at;
    const uint8_t *end;
};

static uint8_t get8(struct script *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

static uint32_t get32(struct script *s)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        value = value << 8 | get8(s);
    }
    return value;
}

static int get_err(struct script *s)
{
    static const int errs[] = {FUO_OK,    FUO_ETIMEDOUT, FUO_EAGAIN, FUO_ENOENT,
                               FUO_EPERM, FUO_EPROTO,    FUO_EEXIST, FUO_EINVAL};
    return errs[get8(s) % (sizeof(errs) / sizeof(errs[0]))];
}

static uint64_t get_device(struct script *s)
{
    return EUI_BASE + get8(s) % (FLOW_DEVICES + 1); /* one is unknown */
}

/* As flow_wait(), but what happens in it is bounded. */
static void pass(struct flow *f, int64_t duration_us)
{
    struct utc until = utc_after(f->now, duration_us);
    int count = 0;
    struct instant due = engine_deadline(f->engine);
    while (due.us <= until.us) {
        require(++count <= TIMEOUTS_MAX);
        seen.step_count++;
        f->now.us = due.us > f->now.us ? due.us : f->now.us;
        flow_step(f, &(struct engine_event){.type = ENGINE_EV_TIMEOUT});
        due = engine_deadline(f->engine);
    }
    f->now = until;
}

static void do_answers(struct flow *f, struct script *s)
{
    for (uint8_t rounds = get8(s) % 16; rounds > 0; rounds--) {
        for (size_t i = 0; i < f->device_count; i++) {
            flow_answer(f, i);
        }
        pass(f, SECONDS_US(20));
    }
}

static void do_wait(struct flow *f, struct script *s)
{
    uint8_t n = get8(s);
    pass(f, n < 128 ? SECONDS_US(n) : 5 * MINUTES_US(n - 127));
}

static void do_uplink(struct flow *f, struct script *s)
{
    static const uint8_t ports[] = {200, 201, 202, 203, 225, 2, 0, 224};
    struct engine_event event = {.type = ENGINE_EV_UPLINK};
    event.uplink.dev_eui = get_device(s);
    uint8_t head = get8(s);
    event.uplink.fport = ports[head % 8];
    struct engine_rx rx[4] = {0};
    event.uplink.rx_count = head >> 3 & 3;
    event.uplink.rx = rx;
    for (size_t i = 0; i < event.uplink.rx_count; i++) {
        rx[i].gateway = f->gateways[0] + get8(s) % 4;
        rx[i].snr_cdb = (int16_t)(get8(s) << 8);
    }
    event.uplink.dr = (head & 0x20) != 0 ? get8(s) : ENGINE_DR_UNKNOWN;
    event.uplink.frequency_hz = (head & 0x20) != 0 ? get32(s) : 0;
    /* What the daemon lets through: up to 25 h late, 1 h early. */
    int64_t late_s = (head & 0x40) != 0 ? get32(s) % 93600 - INT64_C(3600) : 0;
    event.uplink.received = utc_after(f->now, -SECONDS_US(late_s));
    size_t len = get8(s) % (PAYLOAD_MAX + 1);
    size_t left = (size_t)(s->end - s->at);
    len = len < left ? len : left;
    event.uplink.payload = s->at;
    event.uplink.payload_len = len;
    s->at += len;
    flow_step(f, &event);
}

static void do_send_answer(struct flow *f, struct script *s)
{
    uint64_t dev_eui = get_device(s);
    size_t i = (size_t)(dev_eui - EUI_BASE) % FLOW_DEVICES;
    uint8_t head = get8(s);
    uint64_t id = f->last_send[i].send.id + (head >> 4 & 3);
    struct engine_event event = {.type = ENGINE_EV_SEND_FATE};
    if ((head & 0x80) != 0) {
        event.type = ENGINE_EV_SEND_RESULT;
        event.send_result.id = id;
        event.send_result.dev_eui = dev_eui;
        event.send_result.err = get_err(s);
    } else {
        event.send_fate.id = id;
        event.send_fate.dev_eui = dev_eui;
        event.send_fate.fate = (enum engine_fate)(1 + head % 3);
        event.send_fate.dr = (head & 8) != 0 ? get8(s) : ENGINE_DR_UNKNOWN;
        event.send_fate.frequency_hz = (head & 8) != 0 ? get32(s) : 0;
        event.send_fate.gateway = (head & 8) != 0 ? f->gateways[head & 1] : 0;
    }
    flow_step(f, &event);
}

static uint32_t get_transmission(const struct flow *f, struct script *s)
{
    return f->transmission.id + get8(s) % 2 - (f->transmission.id > 0);
}

static void do_group(struct flow *f, struct script *s)
{
    char handle[RECORD_GROUP_SIZE];
    struct engine_event event = {.type = ENGINE_EV_GROUP};
    event.group.transmission_id = get_transmission(f, s);
    event.group.lane = get8(s);
    event.group.err = get_err(s);
    event.group.f_cnt = get32(s);
    size_t len = get8(s) % sizeof(handle);
    memset(handle, 'h', sizeof(handle));
    handle[len] = '\0';
    event.group.group = event.group.err == FUO_OK && len > 0 ? handle : NULL;
    flow_step(f, &event);
}

static void do_result(struct flow *f, struct script *s)
{
    struct engine_event event = {.type = ENGINE_EV_MC_RESULT};
    event.mc_result.transmission_id = get_transmission(f, s);
    event.mc_result.lane = get8(s);
    event.mc_result.err = get_err(s);
    event.mc_result.f_cnt = get32(s);
    flow_step(f, &event);
}

static void do_queue(struct flow *f, struct script *s)
{
    struct engine_event event = {.type = ENGINE_EV_MC_QUEUE};
    event.mc_queue.transmission_id = get_transmission(f, s);
    event.mc_queue.lane = get8(s);
    event.mc_queue.err = get_err(s);
    event.mc_queue.frame_count = get32(s);
    event.mc_queue.f_cnt = get32(s);
    flow_step(f, &event);
}

static void do_key(struct flow *f, struct script *s)
{
    struct engine_event event = {.type = ENGINE_EV_MC_KEY};
    uint8_t head = get8(s);
    uint32_t transmission_id = get_transmission(f, s);
    if (head % 3 == 0) {
        event.mc_key.transmission_id = transmission_id;
        event.mc_key.mc_addr = get32(s);
    } else if (head % 3 == 1) {
        event.type = ENGINE_EV_KEY_WRAPPED;
        event.key_wrapped.transmission_id = transmission_id;
        event.key_wrapped.dev_eui = get_device(s);
        event.key_wrapped.err = get_err(s);
    } else {
        event.type = ENGINE_EV_BLOCK_MIC;
        event.block_mic.transmission_id = transmission_id;
        event.block_mic.dev_eui = get_device(s);
        event.block_mic.err = get_err(s);
    }
    flow_step(f, &event);
}

static void do_control(struct flow *f, struct script *s)
{
    struct engine_event event = {.type = ENGINE_EV_CONTROL};
    uint8_t verb = get8(s);
    event.control.campaign_id = f->campaign_id;
    event.control.verb = (enum engine_control)(1 + verb % 5);
    event.control.wave = verb < 128 ? ENGINE_WAVE_NEXT : verb % 4;
    flow_step(f, &event);
}

static void do_retry(struct flow *f, struct script *s)
{
    uint64_t devices[FLOW_DEVICES + 1]; /* one is unknown */
    struct engine_event event = {.type = ENGINE_EV_RETRY};
    uint8_t mask = get8(s);
    event.retry.campaign_id = f->campaign_id;
    event.retry.devices = devices;
    for (size_t i = 0; i <= FLOW_DEVICES; i++) {
        if ((mask & 1u << i) != 0) {
            devices[event.retry.count++] = EUI_BASE + i;
        }
    }
    flow_step(f, &event);
}

/* Of the frame handed over last or one before, of another's, or of none that is known. */
static void do_aired(struct flow *f, struct script *s)
{
    const struct effect_air *air = &f->last_frame.multicast.air;
    struct engine_event event = {.type = ENGINE_EV_AIRED};
    uint8_t head = get8(s);
    event.aired.fleet_id = 1 + (head & 1);
    event.aired.gateway = f->gateways[0] + (head >> 1 & 3);
    event.aired.status = (enum engine_aired)(1 + (head >> 3 & 3));
    event.aired.address = (head & 0x20) != 0 ? get32(s) : air->mc_addr;
    event.aired.frequency_hz = (head & 0x40) != 0 ? get32(s) : air->frequency_hz;
    event.aired.dr = (head & 0x80) != 0 ? get8(s) : air->dr;
    event.aired.f_cnt = (uint16_t)(air->f_cnt - get8(s));
    event.aired.phy_len = get8(s);
    flow_step(f, &event);
}

static void do_gateway(struct flow *f, struct script *s)
{
    struct engine_event event = {.type = ENGINE_EV_GATEWAY};
    uint8_t head = get8(s);
    event.gateway.fleet_id = 1 + (head & 1);
    event.gateway.gateway = f->gateways[0] + (head >> 1 & 3);
    event.gateway.online = (head & 8) != 0;
    flow_step(f, &event);
}

static void do_progress(struct flow *f, struct script *s)
{
    struct engine_event event = {.type = ENGINE_EV_PROGRESS};
    event.progress.dev_eui = get_device(s);
    event.progress.ppm = get32(s);
    flow_step(f, &event);
}

static void do_clock(struct flow *f, struct script *s)
{
    struct engine_event event = {.type = ENGINE_EV_CLOCK_STEP};
    event.step.delta_us = SECONDS_US((int32_t)get32(s) % (86400 * 30));
    f->now = utc_after(f->now, event.step.delta_us);
    flow_step(f, &event);
}

static void do_report(struct flow *f, struct script *s, uint64_t dev_eui)
{
    struct engine_event event = {.type = ENGINE_EV_REPORTED};
    uint8_t what = get8(s);
    event.reported.dev_eui = dev_eui;
    event.reported.fw.has_state = (what & 1) != 0;
    event.reported.fw.has_result = (what & 2) != 0;
    event.reported.fw.state = get8(s) % 6;
    event.reported.fw.result = get8(s);
    memcpy(event.reported.firmware_version, (what & 4) != 0 ? "1.4.3" : "1.4.2", 6);
    flow_step(f, &event);
}

/* What a device tells of itself, beside its uplinks. */
static void do_status(struct flow *f, struct script *s)
{
    struct engine_event event = {.type = ENGINE_EV_STATUS};
    event.status.dev_eui = get_device(s);
    uint8_t margin = get8(s);
    if (margin >= 128) {
        do_report(f, s, event.status.dev_eui);
        return;
    }
    event.status.margin_db = (int8_t)(margin % 64 - 32);
    flow_step(f, &event);
}

/* What the driver answers from now on. */
static void do_server(struct flow *f, struct script *s)
{
    uint8_t held = get8(s);
    f->hold_txack = (held & 1) != 0;
    f->hold_group = (held & 2) != 0;
    f->hold_frame = (held & 4) != 0;
    f->hold_queue = (held & 8) != 0;
    int *const errs[] = {&f->wrap_err,  &f->mic_err,   &f->group_err,
                         &f->frame_err, &f->queue_err, &f->close_err};
    *errs[get8(s) % (sizeof(errs) / sizeof(errs[0]))] = get_err(s);
}

static void do_counter(struct flow *f, struct script *s)
{
    f->f_cnt = get32(s);
    f->queued = get8(s);
}

static void do_windows(struct flow *f, struct script *s)
{
    struct calendar_span spans[4];
    struct engine_event event = {.type = ENGINE_EV_WINDOWS};
    event.windows.campaign_id = f->campaign_id;
    event.windows.spans = spans;
    event.windows.count = get8(s) % 5;
    int64_t at_us = f->now.us;
    for (size_t i = 0; i < event.windows.count; i++) {
        at_us += MINUTES_US(get8(s));
        spans[i].start.us = at_us;
        at_us += MINUTES_US(1 + get8(s));
        spans[i].end.us = at_us;
    }
    event.windows.until.us = (get8(s) & 1) != 0 ? at_us : UTC_NEVER.us;
    flow_step(f, &event);
}

static void do_operation(struct flow *f, struct script *s)
{
    static void (*const operations[])(struct flow *, struct script *) = {
        do_answers, do_wait,    do_uplink, do_send_answer, do_group,   do_result,
        do_queue,   do_key,     do_clock,  do_status,      do_server,  do_counter,
        do_control, do_windows, do_retry,  do_aired,       do_gateway, do_progress,
    };
    operations[get8(s) % (sizeof(operations) / sizeof(operations[0]))](f, s);
}

/* The stacks that are known, from that one on; without limits, for the sake of M. */
static void set_profiles(struct flow *f, uint8_t first)
{
    static struct profile profiles[FLOW_DEVICES];
    for (size_t i = 0; first != 0 && i < FLOW_DEVICES; i++) {
        profiles[i] = profiles_shipped[(first + i) % profiles_shipped_count];
        profiles[i].limits = (struct fragplan_limits){0};
        f->profiles[i] = &profiles[i];
    }
}

/* Half of the devices, a gate that asks for somebody, and the other half. */
static void set_waves(struct flow *f, uint8_t how)
{
    static const uint8_t wave_of[FLOW_DEVICES] = {0, 0, 0, 1, 1, 1};
    static struct spec_wave waves[2];
    for (size_t i = 0; i < 2; i++) {
        waves[i] = (struct spec_wave){.name = i == 0 ? "first" : "rest",
                                      .success_ppm = SPEC_PPM / 2,
                                      .abort_failed_ppm = SPEC_PPM / 2,
                                      .abort_attempted = 2,
                                      .soak_us = MINUTES_US(10),
                                      .approval_required = (how & 0x40) != 0};
    }
    f->spec.rollout.waves = waves;
    f->spec.rollout.wave_count = 2;
    f->wave_of = wave_of;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {data, data + size};
    struct flow f;
    memset(&seen, 0, sizeof(seen));
    uint8_t head = get8(&script);
    flow_init(&f, 1 + head % FLOW_DEVICES);
    f.watch = watch;
    f.config.groups_max = 2;
    f.spec.fragmentation.size_bytes = 3; /* M of 200: a natural order, found at once */
    f.spec.image.version = "2.0";
    f.spec.fragmentation.repair_rounds = head >> 3 & 3;
    f.spec.radio.gateways.count = (head & 0x20) != 0 ? 2 : 1;
    f.timing = (head & 0x40) != 0 ? ENGINE_TIMING_ABSOLUTE : ENGINE_TIMING_QUEUE;
    f.multicast_jitter_us = (head & 0x80) != 0 ? SECONDS_US(1) : 0;
    uint8_t how = get8(&script);
    set_profiles(&f, how & 0x3f);
    if ((how & 0x80) != 0) {
        set_waves(&f, how);
    }
    flow_rebuild(&f);
    flow_apply(&f);
    for (int i = 0; i < OPS_MAX && script.at < script.end && seen.step_count < STEPS_MAX;
         i++) {
        do_operation(&f, &script);
    }
    flow_free(&f);
    return 0;
}
