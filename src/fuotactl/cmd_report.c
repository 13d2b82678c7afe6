/* SPDX-License-Identifier: MIT */
/* report: all of a campaign in one file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuotactl/cmd_util.h"
#include "fuotactl/commands.h"
#include "fuotactl/fail.h"
#include "fuotactl/report.h"
#include "io/cleanup.h"
#include "io/file.h"

typedef void report_writer(FILE *out, const struct report *report);

static report_writer *writer_of(const struct cli *cli, const char *format)
{
    static const struct {
        const char *format;
        report_writer *write;
    } writers[] = {
        {"html", report_html},
        {"junit", report_junit},
        {"markdown", report_markdown},
        {"json", report_json},
    };
    if (cli->json && (format == NULL || strcmp(format, "json") == 0)) {
        return report_json_line;
    }
    for (size_t i = 0; format != NULL && i < sizeof(writers) / sizeof(writers[0]); i++) {
        if (strcmp(writers[i].format, format) == 0) {
            return writers[i].write;
        }
    }
    return report_markdown;
}

/* A file that is there is replaced as a whole, or not at all. */
static int write_file(const struct cli *cli, const char *path, report_writer *write,
                      const struct report *report)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "out of memory");
    }
    write(out, report);
    if (fclose(out) != 0) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "out of memory");
    }
    errno = 0;
    int err = file_write_atomic(path, 0644, (const uint8_t *)text, len);
    if (err != FUO_OK) {
        return cli_fail(cli, CLI_INTERNAL, NULL, "%s: %s", path,
                        errno != 0 ? strerror(errno) : fuo_strerror(err));
    }
    cli_remark(cli, "wrote %s", path);
    return CLI_OK;
}

int cmd_report(const struct cli *cli, const struct cli_args *args)
{
    AUTO_REMOTE struct remote remote = {0};
    AUTO_REPORT struct report report = {0};
    const char *output = cli_value(args, "--output");
    report_writer *write = writer_of(cli, cli_value(args, "--format"));
    int rc = remote_open(cli, &remote);
    if (rc == CLI_OK) {
        rc = report_load(&remote, args->operands[0], &report);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    if (output != NULL) {
        return write_file(cli, output, write, &report);
    }
    write(stdout, &report);
    return cmd_finish();
}
