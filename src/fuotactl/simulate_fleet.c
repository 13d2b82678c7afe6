/* SPDX-License-Identifier: MIT */
/* Whether the fleet of a campaign is one that a simulation can stand for. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/fleet.h"
#include "fuotactl/cmd_util.h"
#include "fuotactl/fail.h"
#include "fuotactl/simulate.h"
#include "io/cleanup.h"

enum {
    PATH_SIZE = 4096,
};

/* Fleets of this one have devices with IP: there is no radio to simulate. */
static const char without_radio[] = "lwm2m";

/* Where it is kept as a rule: fleets/NAME.yaml, beside the campaign or its folder. */
static const char *usual_file(const char *campaign, const char *name,
                              char path[static PATH_SIZE])
{
    static const char *const places[] = {"fleets", "../fleets"};
    const char *slash = strrchr(campaign, '/');
    int folder = slash != NULL ? (int)(slash - campaign) + 1 : 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int len = snprintf(path, PATH_SIZE, "%.*s%s/%s.yaml", folder, campaign, places[i],
                           name);
        if (len > 0 && len < PATH_SIZE && access(path, R_OK) == 0) {
            return path;
        }
    }
    return NULL;
}

static int refuse(const struct cli *cli, const struct simulated *c, const char *name)
{
    return cli_fail(
        cli, CLI_DOES_NOT_FIT, NULL,
        "%s: spec.targets: the devices of fleet '%s' speak LwM2M over IP, and "
        "only LoRaWAN is simulated: see what is to be done with fuotactl plan, "
        "or run fuota-sim --dialect lwm2m against a daemon",
        c->bundle.file, name);
}

static int look(const struct cli *cli, const struct simulated *c, const char *name,
                const char *path, bool given)
{
    struct diag_list diags = {0};
    struct fleet_doc *doc = NULL;
    int rc = CLI_OK;
    if (fleet_load(path, &doc, &diags) != FUO_OK) {
        AUTO_JSON json_object *problems = diag_list_json(&diags);
        rc = given ? cli_fail(cli, CLI_INVALID, problems, "%s is no usable Fleet", path)
                   : CLI_OK;
    } else if (given && strcmp(doc->spec.name, name) != 0) {
        rc = cli_fail(cli, CLI_INVALID, NULL, "%s is of fleet '%s', and %s is for '%s'",
                      path, doc->spec.name, c->bundle.file, name);
    } else if (strcmp(doc->plugin, without_radio) == 0) {
        rc = refuse(cli, c, name);
    }
    fleet_doc_destroy(doc);
    diag_list_finish(&diags);
    return rc;
}

int simulate_check_fleet(const struct cli *cli, const struct simulated *c,
                         const char *file)
{
    const struct str_list *fleets = &c->bundle.doc->spec.targets.fleets;
    char path[PATH_SIZE];
    for (size_t i = 0; i < fleets->count; i++) {
        const char *found =
            file != NULL ? file : usual_file(c->bundle.file, fleets->items[i], path);
        int rc =
            found != NULL ? look(cli, c, fleets->items[i], found, file != NULL) : CLI_OK;
        if (rc != CLI_OK) {
            return rc;
        }
    }
    return CLI_OK;
}
