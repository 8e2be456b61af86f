#include "diagnose/knowledge.h"

#include <stdlib.h>

#include "diagnose/kload.h"

/* What an overlay adds; arrays are merged copies of the built-in tables (shallow: strings stay where they are). */
struct overlay {
	struct cause *causes;
	struct pattern *patterns;
	struct code *codes;
	struct {
		struct kload_file *file;
		enum kload_kind kind;
	} *files;
	size_t n_files;
};

const struct cause *knowledge_cause(const struct knowledge *k, struct slice id)
{
	size_t lo = 0, hi = k->n_causes;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = slice_cmp(id, slice_from_cstr(k->causes[mid].id));
		if (c == 0)
			return &k->causes[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* Grows an array by one and returns the new element; NULL when memory is out. */
static void *one_more(void **v, size_t n, size_t size)
{
	void *bigger = realloc(*v, (n + 1) * size);
	if (!bigger)
		return NULL;
	*v = bigger;
	return (char *)bigger + n * size;
}

static struct cause *same_cause(struct overlay *o, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(o->causes[i].id, id) == 0)
			return &o->causes[i];
	return NULL;
}

static struct code *same_code(struct overlay *o, size_t n, const struct code *c)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(o->codes[i].kind, c->kind) == 0 && strcmp(o->codes[i].code, c->code) == 0)
			return &o->codes[i];
	return NULL;
}

static bool add_entries(struct knowledge *k, struct overlay *o, const struct kload_file *f)
{
	for (unsigned i = 0; i < f->n_causes; i++) {
		struct cause *at = same_cause(o, k->n_causes, f->causes[i].id);
		if (!at && (at = one_more((void **)(void *)&o->causes, k->n_causes, sizeof *at)))
			k->n_causes++;
		if (!at)
			return false;
		*at = f->causes[i];
	}
	for (unsigned i = 0; i < f->n_patterns; i++) {
		struct pattern *at = one_more((void **)(void *)&o->patterns, k->n_patterns, sizeof *at);
		if (!at)
			return false;
		*at = f->patterns[i];
		k->n_patterns++;
	}
	for (unsigned i = 0; i < f->n_codes; i++) {
		struct code *at = same_code(o, k->n_codes, &f->codes[i]);
		if (!at && (at = one_more((void **)(void *)&o->codes, k->n_codes, sizeof *at)))
			k->n_codes++;
		if (!at)
			return false;
		*at = f->codes[i];
	}
	return true;
}

static bool take(void *user, struct kload_file *f, enum kload_kind kind, const char *path, struct err *reterr)
{
	struct knowledge *k = user;
	struct overlay *o = k->overlay;
	void *slot = one_more((void **)(void *)&o->files, o->n_files, sizeof *o->files);
	if (!slot) {
		kload_free(f, kind);
		return err_set(reterr, ERR_MEMORY, "%s: out of memory", path);
	}
	o->files[o->n_files].file = f;
	o->files[o->n_files].kind = kind;
	o->n_files++;
	return add_entries(k, o, f) || err_set(reterr, ERR_MEMORY, "%s: out of memory", path);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct cause *)a)->id, ((const struct cause *)b)->id);
}

static void *copy_of(const void *p, size_t n, size_t size)
{
	void *q = malloc(n * size + 1);
	if (q && n)
		memcpy(q, p, n * size);
	return q;
}

/* Every pattern must name a cause there is. */
static bool check(const struct knowledge *k, const char *folder, struct err *reterr)
{
	for (size_t i = 0; i < k->n_patterns; i++)
		if (!knowledge_cause(k, slice_from_cstr(k->patterns[i].cause)))
			return err_set(reterr, ERR_KNOWLEDGE, "%s: a pattern names the unknown cause %s", folder, k->patterns[i].cause);
	return true;
}

struct knowledge *knowledge_load(const char *folder, struct err *reterr)
{
	const struct knowledge *b = knowledge_builtin();
	struct knowledge *k = calloc(1, sizeof *k);
	struct overlay *o = calloc(1, sizeof *o);
	if (k && o) {
		*k = (struct knowledge){.n_causes = b->n_causes, .n_patterns = b->n_patterns, .n_codes = b->n_codes, .overlay = o};
		o->causes = copy_of(b->causes, b->n_causes, sizeof *b->causes);
		o->patterns = copy_of(b->patterns, b->n_patterns, sizeof *b->patterns);
		o->codes = copy_of(b->codes, b->n_codes, sizeof *b->codes);
	}
	if (!k || !o || !o->causes || !o->patterns || !o->codes) {
		err_set(reterr, ERR_MEMORY, "%s: out of memory", folder);
		if (k)
			k->overlay = o;
		else
			free(o);
		knowledge_free(k);
		return NULL;
	}
	bool ok = kload_folder(folder, take, k, reterr);
	if (ok && !o->n_files)
		ok = err_set(reterr, ERR_KNOWLEDGE, "%s: no YAML files in its folders causes, patterns or codes", folder);
	k->causes = o->causes;
	k->patterns = o->patterns;
	k->codes = o->codes;
	if (ok) {
		qsort(o->causes, k->n_causes, sizeof *o->causes, by_id);
		ok = check(k, folder, reterr);
	}
	if (!ok) {
		knowledge_free(k);
		return NULL;
	}
	return k;
}

void knowledge_free(struct knowledge *k)
{
	if (!k)
		return;
	struct overlay *o = k->overlay;
	if (o) {
		for (size_t i = 0; i < o->n_files; i++)
			kload_free(o->files[i].file, o->files[i].kind);
		free(o->files);
		free(o->causes);
		free(o->patterns);
		free(o->codes);
		free(o);
	}
	free(k);
}
