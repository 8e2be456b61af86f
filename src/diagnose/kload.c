#define _GNU_SOURCE
#include "diagnose/kload.h"

#include <cyaml/cyaml.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define STRING(key, flags, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 0, CYAML_UNLIMITED)
#define LIST(key, type, member, count, schema) \
	CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, count, schema, 0, CYAML_UNLIMITED)

static const cyaml_schema_value_t string_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t not_fields[] = {
	STRING("cause", 0, struct cause_not, cause),
	STRING("because", 0, struct cause_not, because),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t not_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct cause_not, not_fields)};

static const cyaml_schema_field_t fix_fields[] = {
	STRING("for", 0, struct cause_fix, product),
	STRING("text", 0, struct cause_fix, text),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t fix_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct cause_fix, fix_fields)};

static const cyaml_schema_field_t cause_fields[] = {
	STRING("id", 0, struct cause, id),
	STRING("blame", 0, struct cause, blame),
	STRING("title", 0, struct cause, title),
	STRING("summary", 0, struct cause, summary),
	STRING("explanation", 0, struct cause, explanation),
	LIST("shows", struct cause, shows, n_shows, &string_value),
	LIST("not", struct cause, nots, n_nots, &not_value),
	LIST("explains", struct cause, explains, n_explains, &string_value),
	LIST("fix", struct cause, fixes, n_fixes, &fix_value),
	STRING("confirm", CYAML_FLAG_OPTIONAL, struct cause, confirm),
	LIST("see", struct cause, see, n_see, &string_value),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t cause_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct cause, cause_fields)};

static const cyaml_schema_field_t pattern_fields[] = {
	STRING("cause", 0, struct pattern, cause),
	STRING("match", 0, struct pattern, match),
	LIST("in", struct pattern, in, n_in, &string_value),
	LIST("protocol", struct pattern, protocol, n_protocol, &string_value),
	LIST("after", struct pattern, after, n_after, &string_value),
	LIST("code", struct pattern, code, n_code, &string_value),
	CYAML_FIELD_FLOAT("confidence", CYAML_FLAG_DEFAULT, struct pattern, confidence),
	STRING("needs", CYAML_FLAG_OPTIONAL, struct pattern, needs),
	STRING("unless", CYAML_FLAG_OPTIONAL, struct pattern, unless),
	STRING("summary", CYAML_FLAG_OPTIONAL, struct pattern, summary),
	LIST("examples", struct pattern, examples, n_examples, &string_value),
	LIST("near", struct pattern, near, n_near, &string_value),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t pattern_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct pattern, pattern_fields)};

static const cyaml_schema_field_t code_fields[] = {
	STRING("kind", 0, struct code, kind),
	STRING("code", 0, struct code, code),
	LIST("also", struct code, also, n_also, &string_value),
	STRING("title", 0, struct code, title),
	STRING("meaning", 0, struct code, meaning),
	LIST("causes", struct code, causes, n_causes, &string_value),
	STRING("do", CYAML_FLAG_OPTIONAL, struct code, action),
	STRING("see", CYAML_FLAG_OPTIONAL, struct code, see),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t code_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct code, code_fields)};

static const cyaml_schema_field_t file_fields[][2] = {
	[KLOAD_CAUSES] = {CYAML_FIELD_SEQUENCE_COUNT("causes", CYAML_FLAG_POINTER, struct kload_file, causes, n_causes, &cause_value, 0, CYAML_UNLIMITED),
			  CYAML_FIELD_END},
	[KLOAD_PATTERNS] = {CYAML_FIELD_SEQUENCE_COUNT("patterns", CYAML_FLAG_POINTER, struct kload_file, patterns, n_patterns, &pattern_value, 0,
						       CYAML_UNLIMITED),
			    CYAML_FIELD_END},
	[KLOAD_CODES] = {CYAML_FIELD_SEQUENCE_COUNT("codes", CYAML_FLAG_POINTER, struct kload_file, codes, n_codes, &code_value, 0, CYAML_UNLIMITED),
			 CYAML_FIELD_END},
};
static const cyaml_schema_value_t file_values[] = {
	[KLOAD_CAUSES] = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct kload_file, file_fields[KLOAD_CAUSES])},
	[KLOAD_PATTERNS] = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct kload_file, file_fields[KLOAD_PATTERNS])},
	[KLOAD_CODES] = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct kload_file, file_fields[KLOAD_CODES])},
};

/* libcyaml tells faults through a log function: the first line is the fault, a later one the place. */
struct fault {
	char text[200];
};

static void hear(cyaml_log_t level, void *user, const char *fmt, va_list args)
{
	struct fault *f = user;
	(void)level;
	size_t n = strlen(f->text);
	if (n >= sizeof f->text - 2)
		return;
	vsnprintf(f->text + n, sizeof f->text - n, fmt, args);
	for (char *p = f->text + n; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

static cyaml_config_t config_with(struct fault *f)
{
	return (cyaml_config_t){.log_fn = hear, .log_ctx = f, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};
}

static void fill(const char **s)
{
	if (!*s)
		*s = "";
}

struct kload_file *kload_read(const char *path, enum kload_kind kind, struct err *reterr)
{
	struct fault fault = {""};
	cyaml_config_t config = config_with(&fault);
	struct kload_file *f = NULL;
	cyaml_err_t rc = cyaml_load_file(path, &config, &file_values[kind], (cyaml_data_t **)&f, NULL);
	if (rc != CYAML_OK) {
		err_set(reterr, ERR_KNOWLEDGE, "%s: %s (%s)", path, cyaml_strerror(rc), fault.text);
		return NULL;
	}
	for (unsigned i = 0; i < f->n_causes; i++)
		fill(&f->causes[i].confirm);
	for (unsigned i = 0; i < f->n_patterns; i++) {
		fill(&f->patterns[i].needs);
		fill(&f->patterns[i].unless);
		fill(&f->patterns[i].summary);
	}
	for (unsigned i = 0; i < f->n_codes; i++) {
		fill(&f->codes[i].action);
		fill(&f->codes[i].see);
	}
	return f;
}

/* libcyaml frees every string: those filled in above are none of its own. */
static void unfill(const char **s)
{
	if (!**s)
		*s = NULL;
}

void kload_free(struct kload_file *f, enum kload_kind kind)
{
	struct fault fault = {""};
	cyaml_config_t config = config_with(&fault);
	if (!f)
		return;
	for (unsigned i = 0; i < f->n_causes; i++)
		unfill(&f->causes[i].confirm);
	for (unsigned i = 0; i < f->n_patterns; i++) {
		unfill(&f->patterns[i].needs);
		unfill(&f->patterns[i].unless);
		unfill(&f->patterns[i].summary);
	}
	for (unsigned i = 0; i < f->n_codes; i++) {
		unfill(&f->codes[i].action);
		unfill(&f->codes[i].see);
	}
	cyaml_free(&config, &file_values[kind], f, 0);
}

static int is_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

bool kload_folder(const char *folder, bool (*take)(void *user, struct kload_file *f, enum kload_kind kind, const char *path, struct err *reterr),
		  void *user, struct err *reterr)
{
	static const char *const parts[] = {[KLOAD_CAUSES] = "causes", [KLOAD_PATTERNS] = "patterns", [KLOAD_CODES] = "codes"};
	bool ok = true;
	for (enum kload_kind kind = KLOAD_CAUSES; ok && kind <= KLOAD_CODES; kind++) {
		char dir[4096], path[4400];
		struct dirent **list = NULL;
		snprintf(dir, sizeof dir, "%s/%s", folder, parts[kind]);
		int n = scandir(dir, &list, is_yaml, alphasort);
		for (int i = 0; i < n; i++) {
			snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
			struct kload_file *f = ok ? kload_read(path, kind, reterr) : NULL;
			ok = ok && f && take(user, f, kind, path, reterr);
			free(list[i]);
		}
		free(list);
	}
	return ok;
}
