/* SPDX-License-Identifier: MIT */
#include "fuota-bench/dump.h"

#include <inttypes.h>

#include "campaign/record.h"
#include "io/cleanup.h"

enum { LINKS_FULL_DEVICES = 100000, LINKS_FEW = 4 };

static const char *timing_at(int i)
{
    return world_timing_name((enum world_timing)i);
}

static void dump_params(FILE *f, const struct world_scenario *s)
{
    const struct world_params *p = &s->params;
    (void)fputs(
        "#scenario,name,seed,gateways,devices,image_bytes,gateway_dbm,"
        "device_noise_db,fading_cdb,capture_cdb,legal_ppm,narrow_legal_ppm,"
        "share_ppm,frag_size,rx2_dr,device_dbm,gateway_noise_db,gateway_narrow_dbm,"
        "uplink_loss_ppm\n",
        f);
    (void)fprintf(
        f, "scenario,%s,%" PRIu64 ",%zu,%zu,%zu,%d,%d,%u,%u,%u,%u,%u,%u,%u,%d,%d,%d,%u\n",
        s->name, s->seed, s->gateway_count, s->device_count, s->image_bytes,
        p->gateway_dbm, p->device_noise_db, p->fading_cdb, p->capture_cdb, p->legal_ppm,
        p->narrow_legal_ppm, p->share_ppm, s->frag_size, p->rx2_dr, p->device_dbm,
        p->gateway_noise_db, p->gateway_narrow_dbm, p->uplink_loss_ppm);
    (void)fputs("#profile,name,ts004,cap_ppm,size_max\n", f);
    for (size_t i = 0; i < s->profile_count; i++) {
        const struct world_profile *x = &s->profiles[i];
        (void)fprintf(f, "profile,%s,%u,%u,%u\n", x->name, x->ts004, x->cap_ppm,
                      x->size_max);
    }
}

static void dump_links(FILE *f, const struct world_scenario *s)
{
    (void)fputs("#link,device,gateway,loss_cdb\n", f);
    for (size_t i = 0; i < s->device_count; i++) {
        size_t count = world_link_count(s, i);
        if (s->device_count > LINKS_FULL_DEVICES && count > LINKS_FEW) {
            count = LINKS_FEW;
        }
        for (size_t k = 0; k < count; k++) {
            const struct world_link *l = &world_links(s, i)[k];
            (void)fprintf(f, "link,%zu,%u,%d\n", i, l->gateway, l->loss_cdb);
        }
    }
}

static void dump_devices(FILE *f, const struct report *r, int i, const uint8_t *reachable)
{
    const struct world_trace *t = &r->traces[i];
    const struct figures *g = &r->figures[i];
    (void)fputs("#device,timing,device,profile,uplink_dr,reachable,complete_us,ended_us,"
                "first_uplink_us,first_received_us,interval_s,listening_us,unicast_us,"
                "uplinks,uplinks_received,"
                "transmission,sessions,fragments_unicast,overflow,outcome,reason,"
                "chirpstack_best_us,chirpstack_dr0_us,chirpstack_best_listening_us,"
                "chirpstack_dr0_listening_us\n",
                f);
    for (size_t k = 0; k < t->device_count; k++) {
        const struct world_device_trace *d = &t->devices[k];
        const struct world_device *truth = &r->scenario->devices[k];
        (void)fprintf(
            f,
            "device,%s,%zu,%s,%u,%u,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
            ",%u,%" PRId64 ",%" PRId64 ",%u,%u,%d,%u,%u,%d,%s,%s,%" PRId64 ",%" PRId64
            ",%" PRId64 ",%" PRId64 "\n",
            timing_at(i), k, r->scenario->profiles[truth->profile].name, truth->uplink_dr,
            reachable[k], d->complete_us, d->ended_us, d->first_uplink_us,
            d->first_received_us, truth->interval_s, d->listening_us, d->unicast_us,
            d->uplinks, d->uplinks_received, (int)d->transmission, d->sessions,
            d->fragments_unicast, d->overflow, outcome_name((enum outcome)d->outcome),
            member_reason_slug((enum member_reason)d->reason), g->best.complete_us[k],
            g->dr0.complete_us[k], g->best.listened_us[k], g->dr0.listened_us[k]);
    }
}

static void dump_transmissions(FILE *f, const struct report *r, int i)
{
    const struct world_trace *t = &r->traces[i];
    (void)fputs("#transmission,timing,transmission,id,ts004,dr,frag_size,m,lanes,devices,"
                "numbers\n",
                f);
    for (size_t k = 0; k < t->transmission_count; k++) {
        const struct world_transmission *x = &t->transmissions[k];
        (void)fprintf(f, "transmission,%s,%zu,%u,%u,%u,%u,%u,%u,%zu,%zu\n", timing_at(i),
                      k, x->id, x->ts004, x->dr, x->frag_size, x->m, x->lane_count,
                      x->device_count, x->number_count);
    }
}

static void dump_frames(FILE *f, const struct report *r, int i)
{
    static const char *const kinds[] = {"fragment", "status", "unicast"};
    const struct world_trace *t = &r->traces[i];
    (void)fputs(
        "#frame,timing,at_us,airtime_us,gateway,frequency_hz,transmission,number,n,"
        "dr,kind\n",
        f);
    for (size_t k = 0; k < t->frame_count; k++) {
        const struct world_frame *x = &t->frames[k];
        uint16_t n = x->kind == WORLD_FRAME_FRAGMENT
                         ? t->transmissions[x->transmission].numbers[x->number].n
                         : 0;
        (void)fprintf(f, "frame,%s,%" PRId64 ",%u,%u,%u,%d,%u,%u,%u,%s\n", timing_at(i),
                      x->at_us, x->airtime_us, x->gateway, x->frequency * WORLD_FRAME_HZ,
                      (int)x->transmission, x->number, n, x->dr, kinds[x->kind]);
    }
}

/* The numbers that a device heard, as hexadecimal words of 64, the lowest first. */
static void dump_words(FILE *f, const struct world_transmission *x, size_t member)
{
    for (size_t from = 0; from < x->number_count; from += 64) {
        uint64_t word = 0;
        for (size_t i = from; i < x->number_count && i < from + 64; i++) {
            word |= (uint64_t)world_trace_heard(x, member, i) << (i - from);
        }
        (void)fprintf(f, "%016" PRIx64, word);
    }
    (void)fputc('\n', f);
}

static void dump_heard(FILE *f, const struct report *r, int i)
{
    const struct world_trace *t = &r->traces[i];
    (void)fputs("#heard,timing,transmission,device,words\n", f);
    for (size_t k = 0; k < t->transmission_count; k++) {
        const struct world_transmission *x = &t->transmissions[k];
        for (size_t d = 0; d < x->device_count; d++) {
            (void)fprintf(f, "heard,%s,%zu,%u,", timing_at(i), k, x->devices[d]);
            dump_words(f, x, d);
        }
    }
}

int dump_write(const char *path, const struct report *r, const uint8_t *reachable)
{
    AUTO_FCLOSE FILE *f = fopen(path, "wbe");
    if (f == NULL) {
        return FUO_EIO;
    }
    dump_params(f, r->scenario);
    dump_links(f, r->scenario);
    for (int i = 0; i < WORLD_TIMING_COUNT; i++) {
        if (r->ran[i]) {
            dump_devices(f, r, i, reachable);
            dump_transmissions(f, r, i);
            dump_frames(f, r, i);
            dump_heard(f, r, i);
        }
    }
    return fflush(f) != 0 || ferror(f) != 0 ? FUO_EIO : FUO_OK;
}
