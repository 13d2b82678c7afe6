/* SPDX-License-Identifier: MIT */
/* restore_rows.c - kinds of rows that the engine takes one by one, whatever they belong to. */
#include "loop/internal.h"

/* What it belongs to is not there any more. */
static int unless_gone(int err)
{
    return err == FUO_ENOENT ? FUO_OK : err;
}

static int give_lane(void *engine, const void *record)
{
    return unless_gone(engine_restore_lane(engine, record));
}

static int give_charge(void *engine, const void *record)
{
    return unless_gone(engine_restore_charge(engine, record));
}

static int give_report(void *engine, const void *record)
{
    return unless_gone(engine_restore_report(engine, record));
}

static int give_wave(void *engine, const void *record)
{
    return unless_gone(engine_restore_wave(engine, record));
}

int restore_rows(struct daemon *d, struct engine *engine, struct detail *detail)
{
    static const struct {
        enum store_kind kind;
        store_record_fn *give;
    } kinds[] = {{STORE_LANE, give_lane},
                 {STORE_CHARGE, give_charge},
                 {STORE_REPORT, give_report}};
    int err = FUO_OK;
    for (size_t i = 0; err == FUO_OK && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        err = store_load_records(d->store, kinds[i].kind, kinds[i].give, engine, detail);
    }
    return err;
}

int restore_waves(struct daemon *d, struct engine *engine, struct detail *detail)
{
    return store_load_records(d->store, STORE_WAVE, give_wave, engine, detail);
}
