/* explain: looks words up in the knowledge: a cause by its id, a code in any of its spellings ("550", "5.7.8", "-6", "LIBUSB_ERROR_BUSY", "alert 48"),
 * and the known codes and phrases that stand inside a longer text. Never prints. Linear in text times table; the text is cut to EXPLAIN_TEXT_MAX. */
#ifndef TT_DIAGNOSE_EXPLAIN_H
#define TT_DIAGNOSE_EXPLAIN_H

#include "base/arena.h"
#include "diagnose/knowledge.h"

#define EXPLAIN_TEXT_MAX 4096u
/* Entries shown of each sort; the most specific come first. */
#define EXPLAIN_PHRASES_MAX 4u
#define EXPLAIN_NEAREST_MAX 5u

struct explanation {
	const struct cause *cause;      /* the query is its id, or NULL */
	VEC(const struct code *) exact; /* the whole query is this code */
	VEC(const struct code *) phrases; /* stands in the text: longest first */
	VEC(const struct code *) codes; /* reply codes, enhanced codes and names that stand in the text */
	VEC(const struct code *) nearest; /* when all else is empty: entries that share words with it */
	struct slice general;           /* reply or enhanced status code of a known shape but no entry: its digits, or empty */
	bool has_words;                 /* worth asking the patterns: more than a code */
};

/* False when memory is out. */
bool explain_query(struct arena *a, const struct knowledge *k, struct slice query, struct explanation *ret);

/* Untranslated name of a kind for people ("smtp-reply": "SMTP reply"); the kind itself if there is none. */
const char *explain_kind_title(const char *kind);
/* What class and subject of an enhanced status code mean (RFC 3463), untranslated; "" if out of range. */
const char *explain_class(unsigned cls);
const char *explain_subject(unsigned subject);
/* The code or one of its other spellings equals the word, letters' case aside. */
bool explain_code_is(const struct code *c, struct slice word);

#endif
