/* ladder: a session as the rungs of a picture: who said what to whom, how long after the start and after the one before, what was odd, what decides.
 * Both pictures, the page (html.c) and the one for terminals (rungs.c), are drawn from it. Texts are masked, redacted and fit to be shown. */
#ifndef TT_REPORT_LADDER_H
#define TT_REPORT_LADDER_H

#include "report/show.h"

/* Events of one session that are drawn: the first, the last, and those that decide. A picture of more is no picture. */
#define LADDER_RUNGS_MAX 300u

enum rung_shape {
	RUNG_ARROW, /* from one party to the other */
	RUNG_NOTE,  /* something that was not said to the other: stands at one life line, or across both (from == SIDE_UNKNOWN) */
	RUNG_MORE,  /* events that are left out */
};

/* How much an event weighs: nothing, evidence of a further finding, evidence of the verdict. */
enum weight { WEIGHT_NONE, WEIGHT_OTHER, WEIGHT_DECISIVE };

enum note_kind { NOTE_ODD, NOTE_LOST, NOTE_DECODED, NOTE_PLAIN };

struct rung_note {
	enum note_kind kind;
	struct slice text;
};

struct rung {
	enum rung_shape shape;
	enum side from;
	unsigned n;          /* of the event; 0: none */
	bool stopped;        /* the arrow does not reach the other party */
	bool gap;            /* bytes are missing in it */
	bool tls;            /* inside TLS, or what sets it up */
	bool starts, ends;   /* the connection */
	bool silence;        /* the pause before it is long enough to matter */
	enum weight weight;
	struct slice words;  /* one line */
	struct slice whole;  /* everything, where words are not all; may hold LF */
	struct slice where, clock, since, pause; /* empty when not known or nothing */
	VEC(struct rung_note) notes;
};

struct ladder_party {
	struct slice name;    /* host name, or address */
	struct slice details; /* address and port, software */
};

struct ladder {
	unsigned id;
	struct slice title;   /* "Session 3: SMTP, refused" */
	struct slice line;    /* the same with both names */
	struct slice when;    /* start and duration, or empty */
	struct slice file;    /* of several: the one it comes from */
	struct slice tls;     /* "TLSv1.3, TLS_AES_256_GCM_SHA384, for mail.example.net"; "TLS" at least */
	bool timed;           /* the events carry times */
	struct ladder_party client, server;
	VEC(struct rung) rungs;
};

/* An event that a finding rests on. */
struct mark {
	unsigned session, event;
	unsigned rank; /* of the finding */
};

/* All in the arena; NULL when memory is out. marks: those of this session. */
struct ladder *ladder_make(struct arena *a, const struct session *s, const struct mark *marks, size_t n_marks, const struct report_options *o);

/* "13 ms", "2.4 s", "5 min 3 s". Whole seconds if coarse. */
struct slice ladder_duration(struct arena *a, int64_t us, bool coarse);

#endif
