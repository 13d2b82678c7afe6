/* SPDX-License-Identifier: MIT */
#include "config/describe.h"

bool describe_has_range(const struct option *option)
{
    bool bounded = option->min != 0 || option->max != 0;
    return option->type == OPTION_ENUM || option->type == OPTION_FLAGS ||
           (!option_is_text(option->type) && bounded);
}

static void describe_words(const struct option *option, FILE *out)
{
    fputs(option->type == OPTION_FLAGS ? "any of " : "one of ", out);
    for (const struct option_word *w = option->words; w->word != NULL; w++) {
        fprintf(out, "%s%s", w == option->words ? "" : ", ", w->word);
    }
}

void describe_range(const struct option *option, FILE *out)
{
    char low[32];
    char high[32];
    if (option->type == OPTION_ENUM || option->type == OPTION_FLAGS) {
        describe_words(option, out);
        return;
    }
    option_format(option->type, option->min, low, sizeof(low));
    option_format(option->type, option->max, high, sizeof(high));
    fprintf(out, "from %s to %s", low, high);
}
