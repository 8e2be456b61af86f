/* kcompile OUTPUT.c FOLDER: checks the knowledge files and writes them as C tables. Stops with file and entry at the first fault: unknown cause, pattern
 * that does not compile, that misses its example or takes its near miss. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "diagnose/kload.h"

struct all {
	struct cause *causes;
	size_t n_causes;
	struct pattern *patterns;
	size_t n_patterns;
	struct code *codes;
	size_t n_codes;
	char **catalogue; /* ids of causes.tsv */
	size_t n_catalogue;
	struct loaded {
		struct kload_file *file;
		enum kload_kind kind;
	} *files;
	size_t n_files;
};

static void *grow(void *p, size_t n, size_t size)
{
	void *q = realloc(p, n * size);
	if (!q) {
		fprintf(stderr, "kcompile: out of memory\n");
		exit(2);
	}
	return q;
}

static bool known_cause(const struct all *k, const char *id)
{
	for (size_t i = 0; i < k->n_causes; i++)
		if (strcmp(k->causes[i].id, id) == 0)
			return true;
	for (size_t i = 0; i < k->n_catalogue; i++)
		if (strcmp(k->catalogue[i], id) == 0)
			return true;
	return false;
}

/* --- checks ------------------------------------------------------------------------------------------------------------------- */

static pcre2_code *compile(const char *regex, const char *path, struct err *e)
{
	int code;
	PCRE2_SIZE at;
	uint32_t options = PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
	pcre2_code *c = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
	if (!c) {
		PCRE2_UCHAR text[120];
		pcre2_get_error_message(code, text, sizeof text);
		err_set(e, ERR_KNOWLEDGE, "%s: pattern '%s': %s at %zu", path, regex, (char *)text, (size_t)at);
	}
	return c;
}

static bool matches(pcre2_code *c, const char *text)
{
	pcre2_match_data *m = pcre2_match_data_create_from_pattern(c, NULL);
	int rc = pcre2_match(c, (PCRE2_SPTR)text, strlen(text), 0, 0, m, NULL);
	pcre2_match_data_free(m);
	return rc > 0 || rc == 0;
}

/* Addresses, process ids and queue ids in which every enhanced code and many reply codes occur as a part: no pattern may match in there. */
static const char *noise(void)
{
	static char text[64 * 1024];
	size_t n = 0;
	for (int cls = 4; !text[0] && cls <= 5; cls++)
		for (int subject = 0; subject <= 7; subject++)
			for (int detail = 0; detail <= 30; detail++)
				n += (size_t)snprintf(text + n, sizeof text - n, "host[10%d.%d.%d] host[%d.%d.%d.7] ", cls, subject, detail, cls, subject, detail);
	for (int code = 400; n && code < 560 && n + 40 < sizeof text; code++)
		n += (size_t)snprintf(text + n, sizeof text - n, "x[1%d] y[%d2] Q%dF ", code, code, code);
	return text;
}

static bool check_pattern(const struct pattern *p, const char *path, struct err *e)
{
	pcre2_code *c = compile(p->match, path, e);
	bool ok = c != NULL;
	if (ok && !p->n_examples)
		ok = err_set(e, ERR_KNOWLEDGE, "%s: pattern '%s' has no example", path, p->match);
	for (size_t i = 0; ok && i < p->n_examples; i++)
		if (!matches(c, p->examples[i]))
			ok = err_set(e, ERR_KNOWLEDGE, "%s: pattern '%s' does not match its example '%s'", path, p->match, p->examples[i]);
	for (size_t i = 0; ok && i < p->n_near; i++)
		if (matches(c, p->near[i]))
			ok = err_set(e, ERR_KNOWLEDGE, "%s: pattern '%s' matches its near miss '%s'", path, p->match, p->near[i]);
	if (ok && matches(c, noise()))
		ok = err_set(e, ERR_KNOWLEDGE, "%s: pattern '%s' matches inside addresses or numbers: bound its codes, (?<![\\d.])5\\.7\\.1(?!\\.?\\d)", path, p->match);
	pcre2_code_free(c);
	const char *const more[] = {p->needs, p->unless};
	for (size_t i = 0; ok && i < 2; i++) {
		c = *more[i] ? compile(more[i], path, e) : NULL;
		ok = !*more[i] || c;
		pcre2_code_free(c);
	}
	if (ok && (p->confidence <= 0 || p->confidence > 1))
		ok = err_set(e, ERR_KNOWLEDGE, "%s: pattern '%s': confidence is not in 0..1", path, p->match);
	return ok;
}

static bool take(void *user, struct kload_file *f, enum kload_kind kind, const char *path, struct err *e)
{
	struct all *k = user;
	k->files = grow(k->files, k->n_files + 1, sizeof *k->files);
	k->files[k->n_files++] = (struct loaded){f, kind};
	for (unsigned i = 0; i < f->n_causes; i++) {
		for (size_t j = 0; j < k->n_causes; j++)
			if (strcmp(k->causes[j].id, f->causes[i].id) == 0)
				return err_set(e, ERR_KNOWLEDGE, "%s: cause %s is there twice", path, f->causes[i].id);
		k->causes = grow(k->causes, k->n_causes + 1, sizeof *k->causes);
		k->causes[k->n_causes++] = f->causes[i];
	}
	for (unsigned i = 0; i < f->n_patterns; i++) {
		if (!known_cause(k, f->patterns[i].cause))
			return err_set(e, ERR_KNOWLEDGE, "%s: unknown cause %s", path, f->patterns[i].cause);
		if (!check_pattern(&f->patterns[i], path, e))
			return false;
		k->patterns = grow(k->patterns, k->n_patterns + 1, sizeof *k->patterns);
		k->patterns[k->n_patterns++] = f->patterns[i];
	}
	for (unsigned i = 0; i < f->n_codes; i++) {
		for (size_t j = 0; j < f->codes[i].n_causes; j++)
			if (!known_cause(k, f->codes[i].causes[j]))
				return err_set(e, ERR_KNOWLEDGE, "%s: code %s: unknown cause %s", path, f->codes[i].code, f->codes[i].causes[j]);
		k->codes = grow(k->codes, k->n_codes + 1, sizeof *k->codes);
		k->codes[k->n_codes++] = f->codes[i];
	}
	return true;
}

static bool check_references(const struct all *k, struct err *e)
{
	for (size_t i = 0; i < k->n_causes; i++) {
		const struct cause *c = &k->causes[i];
		for (size_t j = 0; j < c->n_explains; j++)
			if (!known_cause(k, c->explains[j]))
				return err_set(e, ERR_KNOWLEDGE, "cause %s explains unknown %s", c->id, c->explains[j]);
		for (size_t j = 0; j < c->n_nots; j++)
			if (!known_cause(k, c->nots[j].cause))
				return err_set(e, ERR_KNOWLEDGE, "cause %s: not: unknown %s", c->id, c->nots[j].cause);
	}
	return true;
}

static void read_catalogue(struct all *k, const char *folder)
{
	char path[4096], line[1024];
	snprintf(path, sizeof path, "%s/causes.tsv", folder);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f)) {
		char *tab = strchr(line, '\t');
		if (!tab)
			continue;
		*tab = 0;
		k->catalogue = grow(k->catalogue, k->n_catalogue + 1, sizeof *k->catalogue);
		k->catalogue[k->n_catalogue++] = strdup(line);
	}
	if (f)
		fclose(f);
}

/* --- C ------------------------------------------------------------------------------------------------------------------------ */

static void put_string(FILE *o, const char *s)
{
	fputc('"', o);
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(o, "\\%c", *p);
		else if (*p == '\n')
			fputs("\\n", o);
		else if (*p < 0x20 || *p == 0x7f || *p == '?')
			fprintf(o, "\\%03o", *p); /* '?' as well: no trigraphs */
		else
			fputc(*p, o);
	}
	fputc('"', o);
}

/* For strings that people read: marked for xgettext. An empty string must not be: gettext("") is the header of the catalogue. */
static void put_shown(FILE *o, const char *s)
{
	if (*s)
		fputs("N_(", o);
	put_string(o, s);
	if (*s)
		fputc(')', o);
}

static void put_list(FILE *o, const char *name, size_t at, const char *const *v, size_t n, bool shown)
{
	if (!n)
		return;
	fprintf(o, "static const char *const %s_%zu[] = {", name, at);
	for (size_t i = 0; i < n; i++) {
		shown ? put_shown(o, v[i]) : put_string(o, v[i]);
		fputs(", ", o);
	}
	fputs("};\n", o);
}

static void put_ref(FILE *o, const char *name, size_t at, size_t n)
{
	if (n)
		fprintf(o, " %s_%zu, %zu,", name, at, n);
	else
		fputs(" NULL, 0,", o);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct cause *)a)->id, ((const struct cause *)b)->id);
}

static void put_causes(FILE *o, struct all *k)
{
	qsort(k->causes, k->n_causes, sizeof *k->causes, by_id);
	for (size_t i = 0; i < k->n_causes; i++) {
		const struct cause *c = &k->causes[i];
		put_list(o, "shows", i, c->shows, c->n_shows, true);
		put_list(o, "explains", i, c->explains, c->n_explains, false);
		put_list(o, "see", i, c->see, c->n_see, false);
		if (c->n_nots)
			fprintf(o, "static const struct cause_not nots_%zu[] = {", i);
		for (size_t j = 0; j < c->n_nots; j++) {
			fputc('{', o);
			put_string(o, c->nots[j].cause);
			fputs(", ", o);
			put_shown(o, c->nots[j].because);
			fputs("}, ", o);
		}
		fputs(c->n_nots ? "};\n" : "", o);
		if (c->n_fixes)
			fprintf(o, "static const struct cause_fix fixes_%zu[] = {", i);
		for (size_t j = 0; j < c->n_fixes; j++) {
			fputc('{', o);
			put_string(o, c->fixes[j].product);
			fputs(", ", o);
			put_shown(o, c->fixes[j].text);
			fputs("}, ", o);
		}
		fputs(c->n_fixes ? "};\n" : "", o);
	}
	fputs("static const struct cause causes[] = {\n", o);
	for (size_t i = 0; i < k->n_causes; i++) {
		const struct cause *c = &k->causes[i];
		fputs("\t{", o);
		put_string(o, c->id);
		fputs(", ", o);
		put_string(o, c->blame);
		const char *const shown[] = {c->title, c->summary, c->explanation};
		for (size_t j = 0; j < 3; j++) {
			fputs(", ", o);
			put_shown(o, shown[j]);
		}
		fputs(", ", o);
		put_string(o, c->confirm);
		fputs(",", o);
		put_ref(o, "shows", i, c->n_shows);
		put_ref(o, "nots", i, c->n_nots);
		put_ref(o, "explains", i, c->n_explains);
		put_ref(o, "fixes", i, c->n_fixes);
		put_ref(o, "see", i, c->n_see);
		fputs("},\n", o);
	}
	fputs("\t{0},\n};\n", o);
}

static void put_patterns(FILE *o, const struct all *k)
{
	for (size_t i = 0; i < k->n_patterns; i++) {
		const struct pattern *p = &k->patterns[i];
		put_list(o, "in", i, p->in, p->n_in, false);
		put_list(o, "protocol", i, p->protocol, p->n_protocol, false);
		put_list(o, "after", i, p->after, p->n_after, false);
		put_list(o, "code", i, p->code, p->n_code, false);
	}
	fputs("static const struct pattern patterns[] = {\n", o);
	for (size_t i = 0; i < k->n_patterns; i++) {
		const struct pattern *p = &k->patterns[i];
		fputs("\t{", o);
		put_string(o, p->cause);
		fputs(", ", o);
		put_string(o, p->match);
		fputs(",", o);
		put_ref(o, "in", i, p->n_in);
		put_ref(o, "protocol", i, p->n_protocol);
		put_ref(o, "after", i, p->n_after);
		put_ref(o, "code", i, p->n_code);
		fprintf(o, " %.3f, ", p->confidence);
		put_string(o, p->needs);
		fputs(", ", o);
		put_string(o, p->unless);
		fputs(", ", o);
		put_shown(o, p->summary);
		/* Examples and near misses have done their work here. */
		fputs(", NULL, 0, NULL, 0},\n", o);
	}
	fputs("\t{0},\n};\n", o);
}

static void put_codes(FILE *o, const struct all *k)
{
	for (size_t i = 0; i < k->n_codes; i++) {
		put_list(o, "also", i, k->codes[i].also, k->codes[i].n_also, false);
		put_list(o, "behind", i, k->codes[i].causes, k->codes[i].n_causes, false);
	}
	fputs("static const struct code codes[] = {\n", o);
	for (size_t i = 0; i < k->n_codes; i++) {
		const struct code *c = &k->codes[i];
		fputs("\t{", o);
		put_string(o, c->kind);
		fputs(", ", o);
		put_string(o, c->code);
		const char *const shown[] = {c->title, c->meaning, c->action};
		for (size_t j = 0; j < 3; j++) {
			fputs(", ", o);
			put_shown(o, shown[j]);
		}
		fputs(", ", o);
		put_string(o, c->see);
		fputs(",", o);
		put_ref(o, "also", i, c->n_also);
		put_ref(o, "behind", i, c->n_causes);
		fputs("},\n", o);
	}
	fputs("\t{0},\n};\n", o);
}

static void release(struct all *k)
{
	for (size_t i = 0; i < k->n_files; i++)
		kload_free(k->files[i].file, k->files[i].kind);
	for (size_t i = 0; i < k->n_catalogue; i++)
		free(k->catalogue[i]);
	free(k->files);
	free(k->catalogue);
	free(k->causes);
	free(k->patterns);
	free(k->codes);
}

int main(int argc, char **argv)
{
	struct all k = {0};
	struct err e = {0};
	if (argc != 3) {
		fprintf(stderr, "usage: kcompile OUTPUT.c FOLDER\n");
		return 2;
	}
	read_catalogue(&k, argv[2]);
	if (!kload_folder(argv[2], take, &k, &e) || !check_references(&k, &e)) {
		fprintf(stderr, "kcompile: %s\n", e.what);
		release(&k);
		return 1;
	}
	FILE *o = fopen(argv[1], "w");
	if (!o) {
		perror(argv[1]);
		return 1;
	}
	fputs("/* Made by tools/kcompile from knowledge/. */\n#include \"diagnose/knowledge.h\"\n#define N_(s) s\n", o);
	put_causes(o, &k);
	put_patterns(o, &k);
	put_codes(o, &k);
	fprintf(o,
		"static const struct knowledge builtin = {causes, %zu, patterns, %zu, codes, %zu, NULL};\n"
		"const struct knowledge *knowledge_builtin(void)\n{\n\treturn &builtin;\n}\n",
		k.n_causes, k.n_patterns, k.n_codes);
	release(&k);
	if (fclose(o) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
