/* SPDX-License-Identifier: MIT */
/*
 * gen-profiles FILE... - print DeviceProfile files as the table of profile/shipped.h.
 *
 * A tool of the build; never installed. That no field is forgotten is a test's part.
 */
#include <inttypes.h>
#include <stdio.h>

#include "config/device_profile.h"

static void print_decoder(const struct profile *p)
{
    printf("     .limits = {.size_min = %u, .size_max = %u, .size_multiple = %u, "
           ".count_max = %u},\n",
           p->limits.size_min, p->limits.size_max, p->limits.size_multiple,
           p->limits.count_max);
    printf("     .lost_max = %u,\n     .lost_ppm = %" PRIu32 ",\n", p->lost_max,
           p->lost_ppm);
    printf("     .overflow = %d,\n     .late = %d,\n     .stray = %d,\n",
           (int)p->overflow, (int)p->late, (int)p->stray);
    printf("     .any_group = %d,\n     .forgets_acks = %d,\n     .acks_max = %u,\n",
           p->any_group, p->forgets_acks, p->acks_max);
}

static void print_status(const struct profile *p)
{
    printf("     .layout = %d,\n     .received = %d,\n     .missing = %d,\n"
           "     .no_session = %d,\n",
           (int)p->layout, (int)p->received, (int)p->missing, (int)p->no_session);
    printf("     .ack_delay_ppm = %" PRIu32 ",\n     .answer_delay_us = %" PRId64
           ",\n     .sticky_error = %d,\n",
           p->ack_delay_ppm, p->answer_delay_us, p->sticky_error);
}

static void print_commands(const struct profile *p)
{
    printf("     .commands = %d,\n     .unknown = %d,\n     .answer_max = %u,\n"
           "     .silent = %u,\n     .busy_drops = %d,\n     .long_empties = %d,\n"
           "     .periodicity = %d,\n     .sync = %u,\n     .multi = %u,\n",
           (int)p->commands, (int)p->unknown, p->answer_max, p->silent, p->busy_drops,
           p->long_empties, (int)p->periodicity, p->sync, p->multi);
}

static void print_session(const struct profile *p)
{
    printf("     .missed = %d,\n     .undefined_all = %d,\n     .unset = %d,\n"
           "     .end = %d,\n     .window = %d,\n     .counter = %d,\n"
           "     .one_timer = %d,\n     .lowest_only = %d,\n     .groups_max = %u,\n"
           "     .class_b = %d,\n",
           (int)p->missed, p->undefined_all, (int)p->unset, (int)p->end, (int)p->window,
           (int)p->counter, p->one_timer, p->lowest_only, p->groups_max, (int)p->class_b);
}

static void print_profile(const struct profile *p)
{
    printf("    {.name = \"%s\",\n", p->name);
    printf("     .ts003 = %u,\n     .ts004 = %u,\n     .ts005 = %u,\n"
           "     .multi_package = %d,\n",
           p->ts003, p->ts004, p->ts005, p->multi_package);
    print_decoder(p);
    print_status(p);
    print_commands(p);
    print_session(p);
    printf("     .clock = %d,\n     .image = %d,\n     .reboot = %d,\n"
           "     .version = %d},\n",
           (int)p->clock, (int)p->image, (int)p->reboot, (int)p->version);
}

int main(int argc, char **argv)
{
    printf("/* Made by gen-profiles. */\n#include \"profile/shipped.h\"\n\n"
           "const struct profile profiles_shipped[] = {\n");
    for (int i = 1; i < argc; i++) {
        struct diag_list diags = {0};
        struct device_profile_doc *doc = NULL;
        int err = device_profile_load(argv[i], &doc, &diags);
        diag_list_print(&diags, stderr);
        diag_list_finish(&diags);
        if (err != FUO_OK) {
            return 1;
        }
        print_profile(&doc->profile);
        device_profile_doc_destroy(doc);
    }
    printf("};\n\nconst size_t profiles_shipped_count =\n"
           "    sizeof(profiles_shipped) / sizeof(profiles_shipped[0]);\n");
    return fflush(stdout) == 0 && argc > 1 ? 0 : 1;
}
