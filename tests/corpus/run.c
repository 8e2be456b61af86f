/* test-corpus FILE.cases [NAME]: runs the cases of a file (docs/RULES.md), prints what fails and one line "N passed, N failed". */
#define _GNU_SOURCE
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "diagnose/diagnose.h"
#include "evidence/evidence.h"

#define WORDS_MAX 16u
/* A case that takes longer hangs. */
#define CASE_SECONDS 20u
#define CASES_FILE_MAX (64u * 1024u * 1024u)

struct test_case {
	struct slice name, expect, form, file, known;
	struct slice never[WORDS_MAX], mention[WORDS_MAX];
	size_t n_never, n_mention;
	struct buf evidence;
};

struct run {
	struct diagnoser *diagnoser;
	const char *folder;
	unsigned passed, failed, known;
	struct buf why;
};

/* --- reading the file ----------------------------------------------------------------------------------------------------------- */

static bool keep(struct slice *list, size_t *n, struct slice value)
{
	if (*n < WORDS_MAX)
		list[(*n)++] = value;
	return true;
}

/* A header line; false when the evidence begins. */
static bool take_header(struct test_case *c, struct slice line)
{
	struct slice *single = NULL;
	if (slice_skip(&line, S("expect:")))
		single = &c->expect;
	else if (slice_skip(&line, S("form:")))
		single = &c->form;
	else if (slice_skip(&line, S("file:")))
		single = &c->file;
	else if (slice_skip(&line, S("known-miss:")))
		single = &c->known;
	else if (slice_skip(&line, S("never:")))
		return keep(c->never, &c->n_never, slice_trim(line));
	else if (slice_skip(&line, S("mention:")))
		return keep(c->mention, &c->n_mention, slice_trim(line));
	if (single)
		*single = slice_trim(line);
	return single != NULL;
}

/* The next case; false at the end. */
static bool next_case(struct slice *text, struct test_case *c)
{
	struct slice line, after = *text;
	bool header = true;
	*c = (struct test_case){.evidence = BUF_INIT(CASES_FILE_MAX)};
	while (slice_next_line(&after, &line) && !slice_starts(line, S("=== ")))
		;
	if (!slice_skip(&line, S("=== ")))
		return false;
	c->name = slice_trim(line);
	for (*text = after; slice_next_line(&after, &line); *text = after) {
		if (slice_starts(line, S("=== ")))
			return true;
		header = header && take_header(c, line);
		if (header)
			continue;
		struct slice raw = slice_sub(*text, 0, (size_t)(after.p - text->p));
		if (slice_starts(raw, S("\\===")) || slice_starts(raw, S("\\expect:")))
			raw = slice_from(raw, 1);
		buf_add(&c->evidence, raw);
	}
	return true;
}

/* --- checking ------------------------------------------------------------------------------------------------------------------- */

static bool list_has(struct slice list, uint8_t sep, struct slice id)
{
	while (list.n)
		if (slice_eq(slice_trim(slice_next_until(&list, sep)), id))
			return true;
	return false;
}

static void complain(struct run *r, const char *fmt, struct slice what)
{
	buf_printf(&r->why, fmt, SLICE_FMT(what));
}

static void check_causes(struct run *r, const struct test_case *c, const struct diagnosis *d)
{
	struct slice first = d->findings.n ? slice_from_cstr(d->findings.v[0]->cause->id) : S("no-fault");
	if (c->expect.n && !list_has(c->expect, ',', first)) {
		complain(r, "  expected %.*s\n", c->expect);
		complain(r, "  found    %.*s", first);
		for (size_t i = 1; i < d->findings.n && i < 4; i++)
			buf_printf(&r->why, ", %s", d->findings.v[i]->cause->id);
		buf_add_byte(&r->why, '\n');
	}
	for (size_t i = 0; i < d->findings.n; i++)
		for (size_t k = 0; k < c->n_never; k++)
			if (slice_eq(c->never[k], slice_from_cstr(d->findings.v[i]->cause->id)))
				complain(r, "  must not find %.*s\n", c->never[k]);
}

static void check_words(struct run *r, const struct test_case *c, const struct diagnosis *d)
{
	struct buf words = BUF_INIT(CASES_FILE_MAX);
	if (d->findings.n) {
		const struct finding *f = d->findings.v[0];
		buf_add(&words, f->summary);
		buf_printf(&words, " %s", f->cause->explanation);
		for (size_t i = 0; i < f->fixes.n; i++)
			buf_printf(&words, " %s", f->fixes.v[i].text);
	}
	for (size_t i = 0; i < c->n_mention; i++) {
		struct slice group = c->mention[i];
		bool found = false;
		while (group.n && !found)
			found = slice_has_nocase(buf_slice(&words), slice_trim(slice_next_until(&group, '|')));
		if (!found)
			complain(r, "  does not mention %.*s\n", c->mention[i]);
	}
	buf_free(&words);
}

static bool read_evidence(struct run *r, const struct test_case *c, struct transcript *t)
{
	struct err e = {0};
	char path[PATH_MAX];
	if (!c->file.n)
		return evidence_read_memory(t, c->name, buf_slice(&c->evidence), NULL, &e);
	snprintf(path, sizeof path, "%s/files/%.*s", r->folder, SLICE_FMT(c->file));
	if (evidence_read_file(t, path, NULL, &e))
		return true;
	complain(r, "  %.*s\n", slice_from_cstr(e.what));
	return false;
}

static void run_case(struct run *r, const struct test_case *c)
{
	struct transcript *t = transcript_new();
	struct diagnosis *d = NULL;
	buf_reset(&r->why);
	alarm(CASE_SECONDS);
	if (t && read_evidence(r, c, t)) {
		transcript_finish(t);
		d = diagnose(r->diagnoser, t);
	}
	alarm(0);
	if (!d) {
		buf_printf(&r->why, "  could not be read\n");
	} else {
		check_causes(r, c, d);
		check_words(r, c, d);
		if (c->form.n && t->inputs.n && !slice_eq(c->form, t->inputs.v[0].form)) {
			complain(r, "  expected the form %.*s", c->form);
			complain(r, ", found %.*s\n", t->inputs.v[0].form);
		}
	}
	bool ok = r->why.n == 0;
	if (ok && c->known.n)
		buf_printf(&r->why, "  passes now: take its known-miss line away\n");
	bool wrong = c->known.n ? ok : !ok;
	r->failed += wrong;
	r->passed += !wrong && !c->known.n;
	r->known += !wrong && c->known.n > 0;
	if (wrong)
		printf("FAIL %.*s\n%.*s", SLICE_FMT(c->name), SLICE_FMT(buf_slice(&r->why)));
	diagnosis_free(d);
	transcript_free(t);
}

static bool read_all(const char *path, struct buf *b)
{
	char chunk[65536];
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
		buf_add(b, slice_of(chunk, n));
	fclose(f);
	return true;
}

int main(int argc, char **argv)
{
	struct buf file = BUF_INIT(CASES_FILE_MAX);
	struct err e = {0};
	if (argc < 2 || !read_all(argv[1], &file)) {
		fprintf(stderr, "test-corpus: %s\n", argc < 2 ? "which file of cases?" : argv[1]);
		return 2;
	}
	char *copy = strdup(argv[1]);
	struct run r = {.diagnoser = diagnoser_new(knowledge_builtin(), &e), .folder = dirname(copy), .why = BUF_INIT(CASES_FILE_MAX)};
	if (!r.diagnoser) {
		fprintf(stderr, "test-corpus: %s\n", e.what);
		return 2;
	}
	struct slice text = buf_slice(&file);
	struct test_case c;
	for (bool more = true; more;) {
		more = next_case(&text, &c);
		if (more && (argc < 3 || slice_eq(c.name, slice_from_cstr(argv[2]))))
			run_case(&r, &c);
		buf_free(&c.evidence);
	}
	printf("%u passed, %u failed", r.passed, r.failed);
	if (r.known)
		printf(" (and %u known misses)", r.known);
	printf("\n");
	diagnoser_free(r.diagnoser);
	buf_free(&r.why);
	buf_free(&file);
	free(copy);
	return r.failed || r.passed + r.known == 0;
}
