/* knowledge: causes, patterns and codes as tables. The built-in ones are compiled from knowledge/ (tools/kcompile); an overlay folder read at run
 * time adds to them, an entry with the same id (causes), kind and code (codes) replaces the built-in one. Strings are untranslated English: pass them
 * through gettext when showing. Never NULL strings: "" where the file says nothing. */
#ifndef TT_DIAGNOSE_KNOWLEDGE_H
#define TT_DIAGNOSE_KNOWLEDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct cause_not {
	const char *cause, *because;
};

struct cause_fix {
	const char *product, *text; /* "exim", "…" */
};

struct cause {
	const char *id, *blame, *title, *summary, *explanation, *confirm;
	const char *const *shows;
	size_t n_shows;
	const struct cause_not *nots;
	size_t n_nots;
	const char *const *explains;
	size_t n_explains;
	const struct cause_fix *fixes;
	size_t n_fixes;
	const char *const *see;
	size_t n_see;
};

struct pattern {
	const char *cause, *match;
	const char *const *in;
	size_t n_in;
	const char *const *protocol;
	size_t n_protocol;
	const char *const *after;
	size_t n_after;
	const char *const *code;
	size_t n_code;
	double confidence;
	const char *needs, *unless, *summary;
	const char *const *examples;
	size_t n_examples;
	const char *const *near;
	size_t n_near;
};

struct code {
	const char *kind, *code, *title, *meaning, *action, *see; /* action: the file's `do` */
	const char *const *also;
	size_t n_also;
	const char *const *causes;
	size_t n_causes;
};

struct knowledge {
	const struct cause *causes; /* sorted by id */
	size_t n_causes;
	const struct pattern *patterns;
	size_t n_patterns;
	const struct code *codes;
	size_t n_codes;
	void *overlay; /* what knowledge_free frees; NULL for the built-in tables */
};

/* The built-in tables. */
const struct knowledge *knowledge_builtin(void);
/* Reads the YAML files in the folders causes, patterns and codes of that folder over the built-in tables. NULL and *reterr on a fault (file, line, what). The caller frees. */
struct knowledge *knowledge_load(const char *folder, struct err *reterr);
void knowledge_free(struct knowledge *k);

/* NULL if there is none. */
const struct cause *knowledge_cause(const struct knowledge *k, struct slice id);

#endif
