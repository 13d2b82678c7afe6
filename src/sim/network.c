/* SPDX-License-Identifier: MIT */
#include "sim/network_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEDUP_MS = 200,
    SCHEDULER_MS = 1000,
    PREFER_MARGIN_DB = 10,
    RX1_DELAY_MAX_S = 15,
    REPLY_SLACK_MS = 300, /* of RX1 after the reply window, in virtual time */
    LOST_MAX = 4096,      /* rows of a decoder's matrix; memory is touched as needed */
};

#define JOIN_EUI     UINT64_C(0x70b3d57ed0000000)
#define HARDWARE     0x00010001u
#define OLD_FIRMWARE "fuota-sim factory firmware\n"

struct flight *network_take_off(struct network *network, const uint8_t *phy, size_t len)
{
    struct flight *flight = calloc(1, sizeof(*flight));
    if (flight == NULL) {
        abort();
    }
    flight->network = network;
    flight->phy_len = len;
    memcpy(flight->phy, phy, len);
    flight->next = network->flights;
    flight->link = &network->flights;
    if (flight->next != NULL) {
        flight->next->link = &flight->next;
    }
    network->flights = flight;
    return flight;
}

void network_land(struct flight *flight)
{
    sim_timers_cancel(&flight->network->timers, &flight->timer);
    *flight->link = flight->next;
    if (flight->next != NULL) {
        flight->next->link = flight->link;
    }
    free(flight->listeners);
    free(flight);
}

void network_log_frame(const struct flight *flight, size_t received, size_t missed)
{
    const struct network *network = flight->network;
    bool up = flight->direction == DIRECTION_UP;
    struct air_frame frame = {
        .start = flight->start,
        .direction = flight->direction,
        .sender = up ? flight->station->device.config.dev_eui
                     : network->gateway_euis[flight->gateway],
        .frequency_hz = flight->frequency_hz,
        .dr = flight->dr,
        .airtime_us = flight->end.us - flight->start.us,
        .phy = flight->phy,
        .phy_len = flight->phy_len,
        .received_by = network->received,
        .received_count = received,
        .missed_by = network->missed,
        .missed_count = missed,
    };
    if (network->sink->frame != NULL) {
        network->sink->frame(network->ctx, &frame);
    }
}

/* ---- up ---- */

static void on_uplink_end(struct sim_timer *timer, struct utc now)
{
    struct flight *flight = SIM_TIMER_OWNER(timer, struct flight, timer);
    struct network *network = flight->network;
    struct station *station = flight->station;
    struct cs_rx rx[CS_RX_MAX];
    struct cs_uplink uplink = {
        flight->phy, flight->phy_len, flight->frequency_hz, flight->dr, rx, 0};
    size_t received = 0;
    size_t missed = 0;
    for (size_t g = 0; g < network->config.gateway_count; g++) {
        int rssi_dbm;
        if (!sim_radio_reaches(&network->radio, g, station->device.index, &rssi_dbm)) {
            continue;
        }
        if (!sim_radio_received_up(&network->radio, g, flight->start, now)) {
            network->missed[missed++] = network->gateway_euis[g];
            continue;
        }
        network->received[received++] = network->gateway_euis[g];
        if (uplink.rx_count < CS_RX_MAX) {
            rx[uplink.rx_count++] = (struct cs_rx){g, rssi_dbm, sim_snr_db(rssi_dbm)};
        }
    }
    network_log_frame(flight, received, missed);
    device_transmitted(&station->device, now);
    struct utc rx2 = utc_after(station->device.rx1_at, SECONDS_US(1));
    sim_timers_set(&network->timers, &station->windows,
                   utc_after(rx2, MILLIS_US(NETWORK_WINDOW_MS)));
    network_hear(network, &uplink, now);
    network_land(flight);
}

static void on_transmit(void *ctx, struct device *device,
                        const struct device_transmission *transmission, struct utc now)
{
    struct network *network = ctx;
    struct flight *flight =
        network_take_off(network, transmission->phy, transmission->len);
    flight->direction = DIRECTION_UP;
    flight->station = &network->stations[device->index];
    flight->frequency_hz = transmission->frequency_hz;
    flight->dr = transmission->dr;
    flight->start = now;
    flight->end = utc_after(now, sim_airtime_us(network->config.region, transmission->dr,
                                                DIRECTION_UP, transmission->len));
    flight->timer.fire = on_uplink_end;
    sim_timers_set(&network->timers, &flight->timer, flight->end);
}

static void on_windows_over(struct sim_timer *timer, struct utc now)
{
    struct station *station = SIM_TIMER_OWNER(timer, struct station, windows);
    device_windows_over(&station->device, now);
}

static void on_installed(void *ctx, struct device *device, struct utc now)
{
    struct network *network = ctx;
    (void)now;
    if (network->sink->installed != NULL) {
        network->sink->installed(network->ctx, device);
    }
}

static const struct device_ops device_ops = {
    .transmit = on_transmit,
    .installed = on_installed,
};

/* ---- down ---- */

bool network_in_reach(const struct flight *flight, const struct device *device)
{
    int rssi_dbm;
    return sim_radio_reaches(&flight->network->radio, flight->gateway, device->index,
                             &rssi_dbm);
}

/* The gateways that disturb a downlink, into the scratch of the network. */
size_t network_disturbers(const struct flight *flight)
{
    struct network *network = flight->network;
    struct sim_emission emission = {
        .start = flight->start,
        .airtime_us = flight->end.us - flight->start.us,
        .frequency_hz = flight->frequency_hz,
        .dr = flight->dr,
    };
    return sim_radio_others(&network->radio, flight->gateway, &emission, network->others);
}

/* Whether a downlink is readable where the device is. One draw, whatever comes of it. */
bool network_readable(struct flight *flight, const struct device *device, size_t others)
{
    struct sim_radio *radio = &flight->network->radio;
    return sim_radio_received_down(radio) &&
           !sim_radio_disturbed(radio, flight->gateway, device->index,
                                flight->network->others, others);
}

/* Whether a listener gets the frame to its end. */
bool network_gets(struct flight *flight, const struct device *device, size_t others)
{
    bool good = network_readable(flight, device, others);
    return good && device_listens(device, flight->frequency_hz, flight->dr) &&
           !device_was_deaf(device, flight->start, flight->end);
}

static void on_multicast_end(struct sim_timer *timer, struct utc now)
{
    struct flight *flight = SIM_TIMER_OWNER(timer, struct flight, timer);
    struct network *network = flight->network;
    size_t received = 0;
    size_t missed = 0;
    size_t others = network_disturbers(flight);
    for (size_t i = 0; i < flight->listener_count; i++) {
        struct device *device = &network->stations[flight->listeners[i]].device;
        if (network_gets(flight, device, others)) {
            network->received[received++] = device->config.dev_eui;
            device_received(device, flight->phy, flight->phy_len, now);
        } else {
            network->missed[missed++] = device->config.dev_eui;
        }
    }
    network_log_frame(flight, received, missed);
    network_land(flight);
}

static void on_multicast_start(struct sim_timer *timer, struct utc now)
{
    struct flight *flight = SIM_TIMER_OWNER(timer, struct flight, timer);
    struct network *network = flight->network;
    flight->listeners =
        calloc(network->config.device_count + 1, sizeof(*flight->listeners));
    if (flight->listeners == NULL) {
        abort();
    }
    for (size_t i = 0; i < network->config.device_count; i++) {
        const struct device *device = &network->stations[i].device;
        if (device_listens(device, flight->frequency_hz, flight->dr) &&
            device_is_open(device, flight->start) && device->tx_end.us <= now.us &&
            network_in_reach(flight, device)) {
            flight->listeners[flight->listener_count++] = i;
        }
    }
    flight->timer.fire = on_multicast_end;
    sim_timers_set(&network->timers, &flight->timer, flight->end);
}

static void on_unicast_end(struct sim_timer *timer, struct utc now)
{
    struct flight *flight = SIM_TIMER_OWNER(timer, struct flight, timer);
    struct network *network = flight->network;
    struct station *station = flight->station;
    struct device *device = &station->device;
    bool window = device->busy && !flight->at_once;
    bool session = flight->at_once &&
                   device_listens(device, flight->frequency_hz, flight->dr) &&
                   !device_was_deaf(device, flight->start, flight->end);
    bool open =
        device->on && (window || session) && device->tx_end.us <= flight->start.us;
    bool good = network_readable(flight, device, network_disturbers(flight)) && open;
    network->received[0] = device->config.dev_eui;
    network->missed[0] = device->config.dev_eui;
    network_log_frame(flight, good ? 1 : 0, open && !good ? 1 : 0);
    if (good) {
        device_received(device, flight->phy, flight->phy_len, now);
    }
    if (good && window) {
        sim_timers_cancel(&network->timers, &station->windows);
        device_windows_over(device, now);
    }
    network_land(flight);
}

/* The device keeps its windows open at least until then. */
void network_hold_windows(struct network *network, struct station *station,
                          struct utc until)
{
    if (station->windows.slot != 0 && station->windows.at.us < until.us) {
        sim_timers_set(&network->timers, &station->windows, until);
    }
}

static enum tx_status on_gateway_tx(void *ctx, const struct cs_tx *tx)
{
    struct network *network = ctx;
    struct sim_tx_request request = {
        .gateway = tx->gateway,
        .at = tx->at,
        .immediate = tx->immediate,
        .frequency_hz = tx->frequency_hz,
        .dr = tx->dr,
        .phy_bytes = tx->phy_len,
        .ceiling_ppm = tx->ceiling_ppm,
    };
    struct sim_emission emission;
    enum tx_status status = network_refuses(network, tx)
                                ? TX_COLLISION_PACKET
                                : sim_radio_book(&network->radio, &request, &emission);
    if (status != TX_OK) {
        return status;
    }
    struct flight *flight = network_take_off(network, tx->phy, tx->phy_len);
    flight->direction = DIRECTION_DOWN;
    flight->gateway = tx->gateway;
    flight->frequency_hz = tx->frequency_hz;
    flight->dr = tx->dr;
    flight->start = emission.start;
    flight->end = utc_after(emission.start, emission.airtime_us);
    if (tx->device == NULL) {
        flight->timer.fire = network->config.dialect == NETWORK_DIALECT_GATEWAY
                                 ? network_on_order_start
                                 : on_multicast_start;
        sim_timers_set(&network->timers, &flight->timer, flight->start);
        return TX_OK;
    }
    flight->station = &network->stations[tx->device->index];
    flight->at_once = tx->immediate;
    flight->timer.fire = on_unicast_end;
    sim_timers_set(&network->timers, &flight->timer, flight->end);
    if (flight->at_once) {
        return TX_OK;
    }
    network_hold_windows(network, flight->station,
                         utc_after(flight->end, MILLIS_US(NETWORK_WINDOW_MS)));
    return TX_OK;
}

static void on_event(void *ctx, const struct cs_event *event)
{
    struct network *network = ctx;
    if (network->config.dialect == NETWORK_DIALECT_TTS) {
        tts_take(&network->tts, event);
    } else if (network->sink->event != NULL) {
        network->sink->event(network->ctx, event);
    }
}

static struct utc on_reply_at(void *ctx, struct cs_device *device, struct utc published)
{
    struct network *network = ctx;
    struct utc from = network->wall.us > published.us ? network->wall : published;
    struct utc at = utc_after(from, network->config.reply_window_us);
    network_hold_windows(network, &network->stations[device->index], utc_after(at, 1));
    return at;
}

static const struct cs_ops cs_ops = {
    .transmit = on_gateway_tx,
    .publish = on_event,
    .reply_at = on_reply_at,
    .gateway = network_on_gateway,
};

/* ---- set-up ---- */

static const struct profile *profile_of(const struct network_config *config, size_t index)
{
    return config->profile_count == 0 ? NULL
                                      : config->profiles[index % config->profile_count];
}

static uint8_t or_else(uint8_t version, uint8_t fallback)
{
    return version != 0 ? version : fallback;
}

static struct pkg_versions versions_of(const struct network_config *config, size_t index)
{
    const struct profile *profile = profile_of(config, index);
    bool v1 = config->packages == NETWORK_PACKAGES_V1 ||
              (config->packages == NETWORK_PACKAGES_MIXED && index % 2 == 0);
    uint8_t v = v1 ? 1 : 2;
    struct pkg_versions versions = {0};
    versions.of[PKG_MULTI] = 1;
    versions.of[PKG_CLOCK] = v;
    versions.of[PKG_MCAST] = v;
    versions.of[PKG_FRAG] = v;
    versions.of[PKG_FWMGMT] = 1;
    if (profile != NULL) {
        versions.of[PKG_MULTI] = profile->multi_package ? 1 : 0;
        versions.of[PKG_CLOCK] = or_else(profile->ts003, v);
        versions.of[PKG_MCAST] = or_else(profile->ts005, v);
        versions.of[PKG_FRAG] = or_else(profile->ts004, v);
    }
    if (config->vendor_fport != 0) {
        versions.of[PKG_FWMGMT] = 0;
    }
    return versions;
}

static int init_station(struct network *network, size_t index, struct prng *prng)
{
    const struct network_config *config = &network->config;
    struct station *station = &network->stations[index];
    int64_t spread = network_boot_spread_us(config);
    struct device_config device = {
        .dev_eui =
            (config->first_dev_eui != 0 ? config->first_dev_eui : NETWORK_DEV_EUI_BASE) +
            index,
        .join_eui = JOIN_EUI,
        .app_key = network_random_key(prng),
        .gen_app_key = network_random_key(prng),
        .region = config->region,
        .versions = versions_of(config, index),
        .profile = profile_of(config, index),
        .power_on = utc_after(config->start, (int64_t)prng_below(prng, (uint64_t)spread)),
        .uplink_interval_us = config->uplink_interval_us,
        .clock_boot_gps_s =
            network_clock_boot_s(config, profile_of(config, index), index, prng),
        .clock_drift_ppm = (int32_t)prng_below(prng, 41) - 20,
        .uplink_dr = config->uplink_dr,
        .keeps_groups = config->keeps_groups,
        .lwm2m_fport = config->lwm2m_fport,
        .vendor_fport = config->vendor_fport,
        .genuine_count = config->genuine_count,
        .altered = index < config->altered_count,
        .hardware_version = HARDWARE,
        .frag_count_max = FRAG_COUNT_MAX,
        .lost_max = LOST_MAX,
        .frag_size_max = 242,
        .seed = prng_next(prng),
    };
    memcpy(device.genuine, config->genuine, sizeof(device.genuine));
    station->network = network;
    station->windows.fire = on_windows_over;
    int err =
        device_init(&station->device, &device, &device_ops, network, &network->timers);
    station->device.index = index;
    return err != FUO_OK ? err
                         : device_flash(&station->device, (const uint8_t *)OLD_FIRMWARE,
                                        sizeof(OLD_FIRMWARE) - 1);
}

static uint8_t rx1_delay_s(const struct network_config *config)
{
    int64_t least = MILLIS_US(DEDUP_MS + REPLY_SLACK_MS) + config->reply_window_us;
    int64_t s = (least + 999999) / 1000000;
    return (uint8_t)(s > RX1_DELAY_MAX_S ? RX1_DELAY_MAX_S : s);
}

static int init_server(struct network *network, struct prng *prng)
{
    const struct network_config *config = &network->config;
    struct cs_config cs = {
        .region = config->region,
        .dedup_us = MILLIS_US(DEDUP_MS),
        .reply_window_us = config->reply_window_us,
        .scheduler_us = MILLIS_US(SCHEDULER_MS),
        .margin_us = config->margin_us,
        .prefer_margin_db =
            config->dialect == NETWORK_DIALECT_CHIRPSTACK ? PREFER_MARGIN_DB : 0,
        .answers_clock = config->server_clock,
        .class_c = config->class_c,
        .rx1_delay_s = rx1_delay_s(config),
        .seed = prng_next(prng),
    };
    memcpy(cs.application_id, config->application_id, sizeof(cs.application_id));
    struct cs_inventory inventory = {
        .device_count = config->device_count,
        .gateways = network->gateway_euis,
        .gateway_count = config->gateway_count,
    };
    uint64_t *euis = calloc(config->device_count + 1, sizeof(*euis));
    struct aes_key *keys = calloc(config->device_count + 1, sizeof(*keys));
    int err = FUO_ENOMEM;
    if (euis != NULL && keys != NULL) {
        for (size_t i = 0; i < config->device_count; i++) {
            euis[i] = network->stations[i].device.config.dev_eui;
            keys[i] = network->stations[i].device.config.app_key;
        }
        inventory.dev_euis = euis;
        inventory.app_keys = keys;
        err = cs_init(&network->cs, &cs, &inventory, &cs_ops, network, &network->timers);
    }
    free(euis);
    free(keys);
    if (err == FUO_OK && config->dialect == NETWORK_DIALECT_TTS) {
        err =
            tts_init(&network->tts, &network->cs, network->sink->tts_event, network->ctx);
    }
    return err;
}

static int init_parts(struct network *network)
{
    const struct network_config *config = &network->config;
    struct prng prng = prng_seeded(config->seed);
    struct sim_radio_config radio = {
        .region = config->region,
        .gateway_count = config->gateway_count,
        .down_loss_ppm = config->loss_ppm,
        .up_loss_ppm = config->loss_ppm / 2,
        .half_duplex = config->half_duplex,
        .capture_db = config->capture_db,
        .seed = prng_next(&prng),
    };
    int err = sim_radio_init(&network->radio, &radio);
    if (err != FUO_OK) {
        return err;
    }
    size_t most = config->device_count + config->gateway_count;
    network->stations = calloc(config->device_count + 1, sizeof(*network->stations));
    network->gateway_euis = calloc(config->gateway_count, sizeof(*network->gateway_euis));
    network->received = calloc(most, sizeof(*network->received));
    network->missed = calloc(most, sizeof(*network->missed));
    network->others = calloc(config->gateway_count, sizeof(*network->others));
    if (network->stations == NULL || network->gateway_euis == NULL ||
        network->received == NULL || network->missed == NULL || network->others == NULL) {
        return FUO_ENOMEM;
    }
    for (size_t g = 0; g < config->gateway_count; g++) {
        network->gateway_euis[g] = network->radio.gateways[g].eui;
    }
    for (size_t i = 0; i < config->device_count && err == FUO_OK; i++) {
        err = init_station(network, i, &prng);
    }
    return err != FUO_OK ? err : init_server(network, &prng);
}

int network_init(struct network *network, const struct network_config *config,
                 const struct network_sink *sink, void *ctx)
{
    if (config->device_count == 0 || config->gateway_count == 0 ||
        config->uplink_interval_us < SECONDS_US(1) || config->reply_window_us < 0 ||
        config->margin_us < 0) {
        return FUO_ERANGE;
    }
    *network = (struct network){
        .config = *config,
        .sink = sink,
        .ctx = ctx,
        .wall = config->start,
    };
    int err = init_parts(network);
    network_start_stats(network);
    if (err != FUO_OK) {
        network_free(network);
    }
    return err;
}

void network_free(struct network *network)
{
    for (struct flight *f = network->flights, *next; f != NULL; f = next) {
        next = f->next;
        sim_timers_cancel(&network->timers, &f->timer);
        free(f->listeners);
        free(f);
    }
    tts_free(&network->tts);
    if (network->cs.timers != NULL) {
        cs_free(&network->cs);
    }
    for (size_t i = 0; network->stations != NULL && i < network->config.device_count;
         i++) {
        device_free(&network->stations[i].device);
    }
    sim_radio_free(&network->radio);
    free(network->stations);
    free(network->gateway_euis);
    free(network->received);
    free(network->missed);
    free(network->others);
    sim_timers_free(&network->timers);
    *network = (struct network){0};
}

struct utc network_deadline(const struct network *network)
{
    return sim_timers_next(&network->timers);
}

void network_run(struct network *network, struct utc now)
{
    network->wall = now;
    sim_timers_run(&network->timers, now);
}

size_t network_device_count(const struct network *network)
{
    return network->config.device_count;
}

const struct device *network_device(const struct network *network, size_t index)
{
    return &network->stations[index].device;
}
