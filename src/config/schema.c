/* SPDX-License-Identifier: MIT */
#include "config/schema.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "config/option_value.h"

static void set(struct json_object *object, const char *key, struct json_object *value)
{
    json_object_object_add(object, key, value);
}

static void set_text(struct json_object *object, const char *key, const char *text)
{
    set(object, key, json_object_new_string(text));
}

static struct json_object *typed(const char *type)
{
    struct json_object *object = json_object_new_object();
    set_text(object, "type", type);
    return object;
}

static struct json_object *mapping_schema(const struct option *table);

static struct json_object *words_schema(const struct option_word *words)
{
    struct json_object *object = json_object_new_object();
    struct json_object *list = json_object_new_array();
    for (; words->word != NULL; words++) {
        json_object_array_add(list, json_object_new_string(words->word));
    }
    set(object, "enum", list);
    return object;
}

static struct json_object *one_of(struct json_object *a, struct json_object *b)
{
    struct json_object *object = json_object_new_object();
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, a);
    json_object_array_add(list, b);
    set(object, "anyOf", list);
    return object;
}

static struct json_object *string_schema(const struct option *option)
{
    const char *pattern = option_type_info(option->type)->pattern;
    struct json_object *object = typed("string");
    if (option_is_text(option->type)) {
        set(object, "minLength", json_object_new_int(1));
    }
    if (option_is_text(option->type) && option->max != 0) {
        set(object, "maxLength", json_object_new_int64(option->max));
    }
    if (pattern != NULL) {
        set_text(object, "pattern", pattern);
    }
    return object;
}

/* What an editor that speaks YAML's core schema takes for a number. */
static struct json_object *integer_schema(const struct option *option)
{
    struct json_object *object = typed("integer");
    if (option->min != 0 || option->max != 0) {
        set(object, "minimum", json_object_new_int64(option->min));
        set(object, "maximum", json_object_new_int64(option->max));
    }
    return object;
}

static struct json_object *free_mapping_schema(void)
{
    struct json_object *object = typed("object");
    struct json_object *types = json_object_new_array();
    struct json_object *value = json_object_new_object();
    json_object_array_add(types, json_object_new_string("string"));
    json_object_array_add(types, json_object_new_string("number"));
    json_object_array_add(types, json_object_new_string("boolean"));
    set(value, "type", types);
    set(object, "additionalProperties", value);
    return object;
}

/* One value, list and special word aside. */
static struct json_object *value_schema(const struct option *option)
{
    switch (option->type) {
    case OPTION_MAP:
        return mapping_schema(option->sub);
    case OPTION_LABELS:
    case OPTION_RAW:
        return free_mapping_schema();
    case OPTION_ENUM:
    case OPTION_FLAGS:
        return words_schema(option->words);
    case OPTION_BOOL:
        return typed("boolean");
    case OPTION_U32:
    case OPTION_SIZE:
    case OPTION_FREQUENCY:
    case OPTION_AMOUNT:
        return one_of(integer_schema(option), string_schema(option));
    case OPTION_TEXT:
    case OPTION_NAME:
    case OPTION_VERSION:
    case OPTION_FILE:
    case OPTION_URL:
    case OPTION_ADDRESS:
    case OPTION_ZONE:
    case OPTION_LOCAL_TIME:
    case OPTION_JSON_POINTER:
    case OPTION_TEMPLATE:
    case OPTION_HEX:
    case OPTION_DURATION:
    case OPTION_SHARE:
    case OPTION_DATA_RATE:
    case OPTION_DECIBEL:
    case OPTION_ENERGY:
    case OPTION_DATE:
    case OPTION_TIME_OF_DAY:
    case OPTION_EUI:
        break;
    }
    return string_schema(option);
}

static struct json_object *list_schema(const struct option *option)
{
    struct json_object *list = typed("array");
    set(list, "items", value_schema(option));
    if ((option->flags & OPTION_NOT_EMPTY) != 0) {
        set(list, "minItems", json_object_new_int(1));
    }
    if ((option->flags & OPTION_ONE) == 0) {
        return list;
    }
    return one_of(value_schema(option), list);
}

static void set_default(struct json_object *object, const struct option *option)
{
    struct option_value value;
    char message[OPTION_MESSAGE_SIZE];
    bool is_list = (option->flags & OPTION_LIST) != 0 || option->type == OPTION_FLAGS;
    bool is_word = option->word != NULL && option->def != NULL &&
                   strcmp(option->word, option->def) == 0;
    if (option->def == NULL || (is_list && !is_word)) {
        return;
    }
    bool number = option->type == OPTION_U32 || option->type == OPTION_BOOL;
    if (is_word || !number || !option_parse(option, option->def, &value, message)) {
        set_text(object, "default", option->def);
    } else if (option->type == OPTION_BOOL) {
        set(object, "default", json_object_new_boolean(value.num != 0));
    } else {
        set(object, "default", json_object_new_int64(value.num));
    }
}

static struct json_object *option_schema(const struct option *option)
{
    bool is_list = (option->flags & OPTION_LIST) != 0 || option->type == OPTION_FLAGS;
    struct json_object *object = is_list ? list_schema(option) : value_schema(option);
    if (option->word != NULL) {
        struct json_object *word = json_object_new_object();
        set_text(word, "const", option->word);
        object = one_of(word, object);
    }
    set_text(object, "description", option->help);
    set_default(object, option);
    return object;
}

static struct json_object *mapping_schema(const struct option *table)
{
    struct json_object *object = typed("object");
    struct json_object *properties = json_object_new_object();
    struct json_object *required = json_object_new_array();
    for (const struct option *o = table; o->key != NULL; o++) {
        set(properties, o->key, option_schema(o));
        if ((o->flags & OPTION_REQUIRED) != 0) {
            json_object_array_add(required, json_object_new_string(o->key));
        }
    }
    set(object, "properties", properties);
    set(object, "required", required);
    set(object, "additionalProperties", json_object_new_boolean(false));
    return object;
}

struct json_object *schema_build(const struct config_kind *kind)
{
    struct json_object *schema = mapping_schema(kind->options);
    set_text(schema, "$schema", "http://json-schema.org/draft-07/schema#");
    set_text(schema, "title", kind->name);
    set_text(schema, "description", kind->text);
    return schema;
}
