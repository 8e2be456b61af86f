/* kload: YAML files of knowledge/ into the structures of knowledge.h, through libcyaml (schema-checked; faults name file, line and column). */
#ifndef TT_DIAGNOSE_KLOAD_H
#define TT_DIAGNOSE_KLOAD_H

#include "diagnose/knowledge.h"

/* One file's worth; freed with kload_free. */
struct kload_file {
	struct cause *causes;
	unsigned n_causes;
	struct pattern *patterns;
	unsigned n_patterns;
	struct code *codes;
	unsigned n_codes;
};

enum kload_kind { KLOAD_CAUSES, KLOAD_PATTERNS, KLOAD_CODES };

/* Returns what the file holds (strings not given are ""), or NULL and *reterr. */
struct kload_file *kload_read(const char *path, enum kload_kind kind, struct err *reterr);
void kload_free(struct kload_file *f, enum kload_kind kind);

/* Calls take for each *.yaml below folder/causes, folder/patterns and folder/codes in order of name. A missing folder is none. */
bool kload_folder(const char *folder, bool (*take)(void *user, struct kload_file *f, enum kload_kind kind, const char *path, struct err *reterr),
		  void *user, struct err *reterr);

#endif
