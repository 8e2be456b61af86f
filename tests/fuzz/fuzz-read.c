/* Any bytes: transcript, findings, every renderer. */
#include "fuzz.h"

#include <stdlib.h>

#include "evidence/evidence.h"
#include "report/report.h"

#define OUTPUT_MAX (256u * 1024u * 1024u)

static struct diagnoser *diagnoser;

static void render(const struct transcript *t, const struct diagnosis *d, const struct verdict *v, struct redactor *redactor)
{
	struct report_options o = {.events = true, .verbose = true, .colour = redactor != NULL, .redactor = redactor};
	struct buf out = BUF_INIT(OUTPUT_MAX);
	struct report_json *j = report_json_new(&o);
	report_text(&out, t, d, v, &o);
	report_transcript(&out, t, &o);
	/* Colours are the only escapes, and NUL never comes out. */
	if ((!o.colour && slice_find_byte(buf_slice(&out), 033) != SLICE_NPOS) || slice_find_byte(buf_slice(&out), 0) != SLICE_NPOS)
		abort();
	report_json_add(j, t);
	report_json_finish(j, &out, t, d, v);
	report_jsonl_sessions(&out, t, &o);
	report_jsonl_findings(&out, t, d, v, &o);
	report_json_free(j);
	buf_free(&out);
}

static size_t count(struct slice text, struct slice word)
{
	size_t n = 0, at;
	for (; (at = slice_find(text, word)) != SLICE_NPOS; n++)
		text = slice_from(text, at + word.n);
	return n;
}

/* Pages and ladders: what the evidence says never becomes markup, nor a control byte. */
static void draw(const struct transcript *t, const struct diagnosis *d, const struct verdict *v, unsigned width)
{
	static const struct slice pairs[][2] = {
		{S("<li"), S("</li>")}, {S("<section"), S("</section>")}, {S("<details"), S("</details>")}, {S("<code"), S("</code>")}, {S("<pre"), S("</pre>")},
	};
	struct report_options o = {.ladder_width = width, .ascii = width % 2};
	struct buf out = BUF_INIT(OUTPUT_MAX);
	for (enum picture_form form = PICTURE_PAGE; form <= PICTURE_TERMINAL; form++) {
		struct report_pictures *p = report_pictures_new(form, &o);
		report_pictures_add(p, t, d, v);
		if (form == PICTURE_PAGE)
			report_page(&out, p, t, d, v);
		else
			report_ladders(&out, p, d, v);
		report_pictures_free(p);
		for (size_t i = 0; form == PICTURE_PAGE && i < sizeof pairs / sizeof *pairs; i++)
			if (count(buf_slice(&out), pairs[i][0]) < count(buf_slice(&out), pairs[i][1]))
				abort();
		if (form == PICTURE_PAGE && slice_has_nocase(buf_slice(&out), S("<script")))
			abort();
	}
	if (slice_find_byte(buf_slice(&out), 033) != SLICE_NPOS || slice_find_byte(buf_slice(&out), 0) != SLICE_NPOS)
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};
	if (!diagnoser)
		diagnoser = diagnoser_new(knowledge_builtin(), &e);
	struct transcript *t = transcript_new();
	struct verdict v = {.arena = arena_new(0)};
	if (diagnoser && t && v.arena && evidence_read_memory(t, S("input"), slice_of(data, size), NULL, &e)) {
		transcript_finish(t);
		struct diagnosis *d = diagnose(diagnoser, t);
		verdict_add(&v, t);
		if (d) {
			struct redactor *r = redactor_new();
			verdict_settle(&v, t, d);
			redactor_learn(r, t);
			render(t, d, &v, NULL);
			render(t, d, &v, r);
			draw(t, d, &v, 40 + (unsigned)(size % 101));
			redactor_free(r);
		}
		diagnosis_free(d);
	}
	arena_free(v.arena);
	transcript_free(t);
	return 0;
}
