/* SPDX-License-Identifier: MIT */
#include "sim/radio.h"

#include <stdlib.h>
#include <string.h>

#include "radio/airtime.h"

enum {
    HOME_RSSI_DBM = -72,
    HOME_RSSI_SPREAD = 26,
    FAR_RSSI_DBM = -100,
    FAR_RSSI_SPREAD = 15,
    FAR_CHANCE_PPM = 333333,
    NOISE_FLOOR_DBM = -110,
    SNR_MAX_DB = 11,
    GATEWAY_COUNT_MAX = 4096,
};

#define GATEWAY_EUI_BASE UINT64_C(0x0016c001f1000001)

const char *tx_status_name(enum tx_status status)
{
    switch (status) {
    case TX_OK:
        return "OK";
    case TX_TOO_LATE:
        return "TOO_LATE";
    case TX_COLLISION_PACKET:
        return "COLLISION_PACKET";
    case TX_FREQ:
        return "TX_FREQ";
    case TX_DUTY_CYCLE_OVERFLOW:
        return "DUTY_CYCLE_OVERFLOW";
    case TX_NO_ACK:
        break;
    }
    return "NO_ACK";
}

int sim_radio_init(struct sim_radio *radio, const struct sim_radio_config *config)
{
    if (config->gateway_count == 0 || config->gateway_count > GATEWAY_COUNT_MAX) {
        return FUO_ERANGE;
    }
    struct sim_gateway *gateways = calloc(config->gateway_count, sizeof(*gateways));
    if (gateways == NULL) {
        return FUO_ENOMEM;
    }
    for (size_t i = 0; i < config->gateway_count; i++) {
        gateways[i].eui = GATEWAY_EUI_BASE + i;
    }
    *radio = (struct sim_radio){
        .config = *config,
        .prng = prng_seeded(config->seed),
        .gateways = gateways,
    };
    return FUO_OK;
}

void sim_radio_free(struct sim_radio *radio)
{
    for (size_t g = 0; radio->gateways != NULL && g < radio->config.gateway_count; g++) {
        for (size_t b = 0; b < SUBBAND_COUNT_MAX; b++) {
            free(radio->gateways[g].bands[b].list);
        }
    }
    free(radio->gateways);
    free(radio->moves);
    radio->gateways = NULL;
    radio->moves = NULL;
}

int64_t sim_airtime_us(const struct region *region, uint8_t dr, enum direction direction,
                       size_t phy_bytes)
{
    const struct data_rate *rate = region_data_rate(region, dr, direction);
    if (rate == NULL) {
        return 0;
    }
    if (rate->modulation == MODULATION_FSK) {
        return fsk_airtime_us(rate->bitrate_bps, phy_bytes);
    }
    struct lora_modem modem = lora_modem_for(rate->sf, rate->bw_hz, direction);
    return lora_airtime_us(&modem, phy_bytes);
}

static int64_t end_us(const struct sim_emission *e)
{
    return e->start.us + e->airtime_us;
}

/* What lies, even in part, in the hour that ends at the end of `last`, `extra` included. */
static int64_t hour_before_us(const struct sim_band *band,
                              const struct sim_emission *last,
                              const struct sim_emission *extra)
{
    int64_t from = end_us(last) - HOURS_US(1);
    int64_t sum = 0;
    for (size_t i = 0; i < band->len; i++) {
        const struct sim_emission *e = &band->list[i];
        if (end_us(e) > from && e->start.us < end_us(last)) {
            sum += e->airtime_us;
        }
    }
    return sum + (end_us(extra) > from && extra->start.us < end_us(last)
                      ? extra->airtime_us
                      : 0);
}

static bool within_duty_cycle(const struct sim_band *band, uint32_t limit_ppm,
                              const struct sim_emission *e)
{
    int64_t limit_us = (int64_t)limit_ppm * 3600;
    if (hour_before_us(band, e, e) > limit_us) {
        return false;
    }
    for (size_t i = band->len; i > 0 && band->list[i - 1].start.us > e->start.us; i--) {
        if (hour_before_us(band, &band->list[i - 1], e) > limit_us) {
            return false;
        }
    }
    return true;
}

static const struct sim_emission *overlap_in(const struct sim_band *band,
                                             int64_t start_us, int64_t stop_us)
{
    /* sorted, and no frame lasts a minute */
    for (size_t i = band->len; i > 0; i--) {
        const struct sim_emission *e = &band->list[i - 1];
        if (e->start.us < stop_us && end_us(e) > start_us) {
            return e;
        }
        if (end_us(e) + MINUTES_US(1) < start_us) {
            break;
        }
    }
    return NULL;
}

/* The emission in any band that overlaps, or NULL: one transmitter. */
static const struct sim_emission *overlap(const struct sim_gateway *gateway,
                                          int64_t start_us, int64_t stop_us)
{
    const struct sim_emission *found = NULL;
    for (size_t b = 0; b < SUBBAND_COUNT_MAX && found == NULL; b++) {
        found = overlap_in(&gateway->bands[b], start_us, stop_us);
    }
    return found;
}

static void insert(struct sim_band *band, const struct sim_emission *e)
{
    /* An entry matters until two hours later at most: the latest booking is ahead. */
    size_t old = 0;
    while (old < band->len && end_us(&band->list[old]) < e->start.us - HOURS_US(2)) {
        old++;
    }
    if (old > band->len / 2) {
        band->len -= old;
        memmove(band->list, band->list + old, band->len * sizeof(*band->list));
    }
    if (band->len == band->cap) {
        size_t cap = band->cap == 0 ? 64 : 2 * band->cap;
        struct sim_emission *list = realloc(band->list, cap * sizeof(*list));
        if (list == NULL) {
            abort();
        }
        band->list = list;
        band->cap = cap;
    }
    size_t at = band->len++;
    for (; at > 0 && band->list[at - 1].start.us > e->start.us; at--) {
        band->list[at] = band->list[at - 1];
    }
    band->list[at] = *e;
}

static enum tx_status find_gap(const struct sim_gateway *gateway, bool immediate,
                               struct sim_emission *e)
{
    const struct sim_emission *other;
    while ((other = overlap(gateway, e->start.us, end_us(e))) != NULL) {
        if (!immediate) {
            return TX_COLLISION_PACKET;
        }
        e->start.us = end_us(other);
    }
    return TX_OK;
}

static uint32_t limit_for(const struct subband *subband, uint32_t ceiling_ppm)
{
    uint64_t limit = (uint64_t)subband->limit_ppm * ceiling_ppm / 1000000;
    return ceiling_ppm == 0 ? subband->limit_ppm : (uint32_t)limit;
}

enum tx_status sim_radio_book(struct sim_radio *radio,
                              const struct sim_tx_request *request,
                              struct sim_emission *emission)
{
    const struct region *region = radio->config.region;
    struct sim_gateway *gateway = &radio->gateways[request->gateway];
    if (gateway->off) {
        return TX_NO_ACK;
    }
    const struct data_rate *rate = region_data_rate(region, request->dr, DIRECTION_DOWN);
    size_t index = 0;
    const struct subband *subband = subband_find(region, request->frequency_hz,
                                                 rate == NULL ? 0 : rate->bw_hz, &index);
    if (rate == NULL || subband == NULL) {
        return TX_FREQ;
    }
    struct sim_emission e = {
        .start = request->at,
        .airtime_us =
            sim_airtime_us(region, request->dr, DIRECTION_DOWN, request->phy_bytes),
        .frequency_hz = request->frequency_hz,
        .dr = request->dr,
    };
    enum tx_status status = find_gap(gateway, request->immediate, &e);
    if (status != TX_OK) {
        return status;
    }
    if (!gateway->lawless &&
        !within_duty_cycle(&gateway->bands[index],
                           limit_for(subband, request->ceiling_ppm), &e)) {
        return TX_DUTY_CYCLE_OVERFLOW;
    }
    insert(&gateway->bands[index], &e);
    *emission = e;
    return TX_OK;
}

int64_t sim_radio_used_us(const struct sim_radio *radio, size_t gateway, size_t subband,
                          struct utc now)
{
    const struct sim_band *band = &radio->gateways[gateway].bands[subband];
    struct sim_emission none = {.start = now};
    return hour_before_us(band, &none, &none);
}

int sim_radio_move(struct sim_radio *radio, size_t device)
{
    if (device >= radio->move_count) {
        size_t count = device + 1;
        uint32_t *moves = realloc(radio->moves, count * sizeof(*moves));
        if (moves == NULL) {
            return FUO_ENOMEM;
        }
        memset(moves + radio->move_count, 0,
               (count - radio->move_count) * sizeof(*moves));
        radio->moves = moves;
        radio->move_count = count;
    }
    radio->moves[device]++;
    return FUO_OK;
}

static uint32_t moves_of(const struct sim_radio *radio, size_t device)
{
    return device < radio->move_count ? radio->moves[device] : 0;
}

/* A number that belongs to a pair of device and gateway until the device moves. */
static struct prng pair_prng(const struct sim_radio *radio, size_t gateway, size_t device)
{
    uint64_t moved = (uint64_t)moves_of(radio, device) << 44;
    struct prng p =
        prng_seeded(radio->config.seed ^ moved ^ ((uint64_t)device << 20) ^ gateway);
    (void)prng_next(&p);
    return p;
}

bool sim_radio_reaches(const struct sim_radio *radio, size_t gateway, size_t device,
                       int *rssi_dbm)
{
    struct prng p = pair_prng(radio, gateway, device);
    if ((device + moves_of(radio, device)) % radio->config.gateway_count == gateway) {
        *rssi_dbm = HOME_RSSI_DBM - (int)prng_below(&p, HOME_RSSI_SPREAD);
        return true;
    }
    *rssi_dbm = FAR_RSSI_DBM - (int)prng_below(&p, FAR_RSSI_SPREAD);
    return prng_chance(&p, FAR_CHANCE_PPM) != 0;
}

bool sim_radio_received_down(struct sim_radio *radio)
{
    return prng_chance(&radio->prng, radio->config.down_loss_ppm) == 0;
}

bool sim_radio_received_up(struct sim_radio *radio, size_t gateway, struct utc start,
                           struct utc end)
{
    bool good = prng_chance(&radio->prng, radio->config.up_loss_ppm) == 0;
    const struct sim_gateway *g = &radio->gateways[gateway];
    if (g->off) {
        return false;
    }
    if (radio->config.half_duplex && overlap(g, start.us, end.us) != NULL) {
        return false;
    }
    return good;
}

static bool on_channel(const struct sim_band *band, const struct sim_emission *mine)
{
    for (size_t i = band->len; i > 0; i--) {
        const struct sim_emission *e = &band->list[i - 1];
        if (e->frequency_hz == mine->frequency_hz && e->dr == mine->dr &&
            e->start.us < end_us(mine) && end_us(e) > mine->start.us) {
            return true;
        }
        if (end_us(e) + MINUTES_US(1) < mine->start.us) {
            break; /* sorted, and no frame lasts a minute */
        }
    }
    return false;
}

size_t sim_radio_others(const struct sim_radio *radio, size_t gateway,
                        const struct sim_emission *emission, size_t *others)
{
    size_t count = 0;
    for (size_t g = 0; radio->config.capture_db > 0 && g < radio->config.gateway_count;
         g++) {
        bool disturbs = false;
        for (size_t b = 0; g != gateway && b < SUBBAND_COUNT_MAX; b++) {
            disturbs = disturbs || on_channel(&radio->gateways[g].bands[b], emission);
        }
        if (disturbs) {
            others[count++] = g;
        }
    }
    return count;
}

bool sim_radio_disturbed(const struct sim_radio *radio, size_t gateway, size_t device,
                         const size_t *others, size_t other_count)
{
    int mine_dbm = 0;
    int other_dbm = 0;
    (void)sim_radio_reaches(radio, gateway, device, &mine_dbm);
    for (size_t i = 0; i < other_count; i++) {
        if (sim_radio_reaches(radio, others[i], device, &other_dbm) &&
            other_dbm > mine_dbm - radio->config.capture_db) {
            return true;
        }
    }
    return false;
}

int sim_snr_db(int rssi_dbm)
{
    int snr = rssi_dbm - NOISE_FLOOR_DBM;
    return snr > SNR_MAX_DB ? SNR_MAX_DB : snr;
}
