/* report: a transcript and its findings shown: text for people, one JSON document, JSON lines. Never decides, never reads. Everything goes into a buffer;
 * secrets are masked, names replaced if asked, and no byte of the evidence reaches a terminal unless it is printable. */
#ifndef TT_REPORT_REPORT_H
#define TT_REPORT_REPORT_H

#include "base/buf.h"
#include "diagnose/diagnose.h"
#include "diagnose/verdict.h"
#include "report/redact.h"

/* What filters have kept out of sight. */
struct report_left_out {
	uint64_t sessions, findings;
};

struct report_options {
	bool colour;
	bool show_secrets;
	bool events;  /* JSON: with the events of every session */
	bool verbose; /* text: all fixes, rule names */
	bool ascii;   /* ladders: no line drawing characters */
	unsigned width, ladder_width;
	struct redactor *redactor; /* NULL: names stay */
	struct report_left_out left_out; /* said in one line; set before the answer is made */
};

/* The answer for people. t holds the inputs (its sessions may have been handed on). */
void report_text(struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v, const struct report_options *o);
/* Who said what, when: all sessions that t still holds, and the context. */
void report_transcript(struct buf *out, const struct transcript *t, const struct report_options *o);

/* Pictures of sessions, drawn as they come, in batches for a stream; of many, those that findings rest on. Call it after the batch is diagnosed. */
#define PICTURES_MAX 50u
enum picture_form { PICTURE_PAGE, PICTURE_TERMINAL };
struct report_pictures;
struct report_pictures *report_pictures_new(enum picture_form form, const struct report_options *o);
void report_pictures_add(struct report_pictures *p, const struct transcript *t, const struct diagnosis *d, const struct verdict *v);
void report_pictures_free(struct report_pictures *p);

/* One page of HTML that needs nothing else, for PICTURE_PAGE. */
void report_page(struct buf *out, struct report_pictures *p, const struct transcript *t, const struct diagnosis *d, const struct verdict *v);
/* The ladders alone, for PICTURE_TERMINAL. */
void report_ladders(struct buf *out, struct report_pictures *p, const struct diagnosis *d, const struct verdict *v);

/* One JSON document (telltale-transcript(5)). Sessions are added as they come, in batches for a stream; beyond JSON_SESSIONS_MAX they are only counted. */
#define JSON_SESSIONS_MAX 2000u
struct report_json;
struct report_json *report_json_new(const struct report_options *o);
void report_json_add(struct report_json *j, const struct transcript *t);
/* One more member of the document; takes the value over (NULL: none). */
struct json_t;
void report_json_attach(struct report_json *j, const char *key, struct json_t *value);
void report_json_finish(struct report_json *j, struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v);
void report_json_free(struct report_json *j);

/* One line about the one session of t, with its verdict: time, parties, protocol, what was found and the cause's id. */
void report_line(struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v, const struct report_options *o);
/* The same as a line of JSON. */
void report_jsonl_session(struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v, const struct report_options *o);

/* JSON lines: one line per session of t; and the last line, with inputs and findings. */
void report_jsonl_sessions(struct buf *out, const struct transcript *t, const struct report_options *o);
void report_jsonl_findings(struct buf *out, const struct transcript *t, const struct diagnosis *d, const struct verdict *v, const struct report_options *o);

#endif
