/* show: pieces that all renderers share. */
#ifndef TT_REPORT_SHOW_H
#define TT_REPORT_SHOW_H

#include "report/report.h"

/* Words of the evidence fit to be shown: names replaced if asked, control bytes visible, line ends kept. */
struct slice show_words(struct arena *a, struct slice text, const struct report_options *o);
/* The event's text, masked, the same way. */
struct slice show_event(struct arena *a, const struct event *e, const struct report_options *o);
/* "line 12", "frame 7", "frames 7-9"; empty when not known. */
struct slice show_place(struct arena *a, struct where w, bool translated);
/* The input's name, when there are several; else empty. */
struct slice show_input(struct arena *a, struct where w, const struct transcript *t, const struct report_options *o);
/* Both: "file.log:12", "mail.pcap: frame 7".
 * Programs that read the report (JSON) want it in English, whatever the language. */
struct slice show_where(struct arena *a, struct where w, const struct transcript *t, const struct report_options *o, bool translated);
/* RFC 3339 with UTC; empty when not known. */
struct slice show_time(struct arena *a, const struct stamp *s);
/* "13:25:36" of the same. */
struct slice show_clock(struct arena *a, const struct stamp *s);
/* Name for people of a product that a fix is for ("exim" gives "Exim"), translated where it is a word. */
const char *show_product(const char *key);
/* A text of the knowledge files, translated; placeholders "{name|words}", which only summaries fill, become their words. */
struct slice show_knowledge(struct arena *a, const char *text);
/* Words for a verdict's unexplained failure. */
const char *show_unexplained(enum unexplained u);
/* "client", "server", or what kind of thing said it. */
const char *show_speaker(enum event_kind kind, enum side side);
/* Who has to change something, in words. */
const char *show_blame(const char *blame);
/* The cause's title, with "Perhaps:" where it is no more than that. */
struct slice show_title(struct arena *a, const struct finding *f);
/* Name or address, and software. */
struct slice show_party(struct arena *a, const struct party *p, const struct report_options *o);
const char *show_outcome(enum outcome o);
/* "SMTP" */
const char *show_protocol(enum protocol p);

/* The login that is running while the events of a session are walked through in order; {0} at its start. */
struct show_login {
	const struct event *command;
	unsigned client_steps;
};
/* What a SASL step says once its base64 is undone, secrets masked; empty for other events. */
struct slice show_sasl_step(struct arena *a, struct show_login *login, const struct event *e, const struct report_options *o);

/* Title and words of a verdict other than VERDICT_FAULT; the words may be empty. */
const char *show_verdict(enum verdict_kind k);
struct slice show_verdict_words(struct arena *a, const struct verdict *v);
/* What filters left out, in one line; empty when nothing. */
struct slice show_left_out(struct arena *a, const struct report_left_out *l);
/* What evidence to bring when it cannot be told. */
const char *show_what_to_capture(const struct verdict *v);
/* Says that a capture lacks bytes, and which; empty when it does not, or when that was said already. */
struct slice show_incomplete(struct arena *a, const struct verdict *v);
/* Says that TLS could not be read, and why; empty when all could. */
struct slice show_opaque(struct arena *a, const struct verdict *v);

#endif
