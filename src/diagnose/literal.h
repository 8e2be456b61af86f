/* literal: the fixed words that a regular expression cannot match without, so that one pass over a text (Aho and Corasick, 1975) tells which of many
 * expressions are worth running. */
#ifndef TT_DIAGNOSE_LITERAL_H
#define TT_DIAGNOSE_LITERAL_H

#include "base/arena.h"

/* Shorter runs would hit everywhere. */
#define LITERAL_MIN 3u

/* Literals (lower case), one of which any text that `regex` matches must hold. False if none can be told: then the expression must always run. Understands
 * what it needs of PCRE2 and gives up on the rest. */
struct literal_set {
	VEC(struct slice) v;
};
bool literal_from_regex(struct arena *a, struct slice regex, struct literal_set *ret);

struct finder;
struct finder *finder_new(void);
void finder_free(struct finder *f);
/* Adds a word (lower case) under a number; the same number may have several words. False when memory is out. */
bool finder_add(struct finder *f, struct slice word, unsigned id);
/* To be called once after the last word. */
bool finder_build(struct finder *f);
/* Sets hits[id] for each number one of whose words occurs in the text, any case; hits has as many bytes as there are numbers. Returns whether any did. */
bool finder_scan(const struct finder *f, struct slice text, uint8_t *hits);

#endif
