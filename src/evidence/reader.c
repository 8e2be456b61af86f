/* The line reader: cuts an input into lines and gives each to the form that bids most for it (form.h). */
#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"
#include "evidence/capture/capture.h"
#include "evidence/clean.h"
#include "evidence/reader-private.h"
#include "evidence/source.h"

/* Bytes in memory at once: a line of the greatest length and what follows it. */
#define WINDOW (1024u * 1024u)
/* In a stream the transcript is handed on when it has grown so far. */
#define FLUSH_MEMORY (TRANSCRIPT_MEMORY / 3)
#define FLUSH_SESSIONS 2000u
#define PROGRESS_STEP (16u * 1024u * 1024u)

const char *evidence_form_name(size_t i)
{
	for (size_t n = 0; n <= i; n++)
		if (!all_forms[n])
			return NULL;
	return all_forms[i]->name;
}

const char *evidence_form_title(size_t i)
{
	return evidence_form_name(i) ? all_forms[i]->title : NULL;
}

/* The form that bids most for the line as given, and its bid. */
/* Hash of a line in which all digits are alike: what no form knew once, none will know with other numbers in it. */
static uint32_t line_shape(struct slice line)
{
	uint64_t h = 14695981039346656037ull;
	for (size_t i = 0; i < line.n; i++)
		h = (h ^ (ascii_is_digit(line.p[i]) ? '0' : line.p[i])) * 1099511628211ull;
	return (uint32_t)(h >> 32) | 1;
}

/* In a stream of text that no form knows, asking every form about every line is what takes the time. Not inside a dialogue, where the same line may be
 * something else each time. */
static bool known_unknown(const struct reader *r, uint32_t shape)
{
	return r->big && !r->dialogue && r->unknown[shape % READER_UNKNOWN] == shape;
}

static const struct form *choose(struct reader *r, struct slice line, int *ret_bid)
{
	const struct form *best = NULL;
	int most = FORM_NO;
	r->line = line;
	r->syslog_done = false;
	r->taking = r->active;
	if (r->active) {
		most = r->active->recognise(r, line);
		best = most > FORM_NO ? r->active : NULL;
	}
	/* Logs of several programs alternate: those that took lines lately are asked first. */
	for (size_t i = 0; most < FORM_SURE && i < READER_RECENT && r->recent[i]; i++)
		if (r->recent[i] != r->active && r->recent[i]->recognise(r, line) >= FORM_SURE) {
			most = FORM_SURE;
			best = r->recent[i];
		}
	uint32_t shape = r->big && most <= 1 ? line_shape(line) : 0;
	bool skip = shape && known_unknown(r, shape);
	for (size_t i = 0; !skip && most < FORM_SURE && all_forms[i]; i++) {
		if (all_forms[i] == r->active)
			continue;
		int bid = all_forms[i]->recognise(r, line);
		if (bid > most) {
			most = bid;
			best = all_forms[i];
		}
	}
	if (shape && most <= 1)
		r->unknown[shape % READER_UNKNOWN] = shape;
	*ret_bid = most;
	return best;
}

/* Puts the form in front of those that took lines lately. */
static void remember(struct reader *r, const struct form *f)
{
	size_t i = 0;
	while (i + 1 < READER_RECENT && r->recent[i] && r->recent[i] != f)
		i++;
	memmove(r->recent + 1, r->recent, i * sizeof *r->recent);
	r->recent[0] = f;
}

/* Length of what stands in front of a pasted line: the blanks of a code block, the signs of quoted mail, "name_1  | " of a container's output. */
static size_t margin_length(struct slice line)
{
	size_t n = 0, name = 0;
	while (n < line.n && n < READER_MARGIN && (line.p[n] == ' ' || line.p[n] == '\t' || line.p[n] == '>'))
		n++;
	if (n)
		return n;
	while (name < line.n && name < READER_MARGIN && (ascii_is_alnum(line.p[name]) || strchr("-_.", line.p[name])))
		name++;
	for (n = name; n < line.n && n < READER_MARGIN && line.p[n] == ' ';)
		n++;
	return name && n > name && n + 1 < READER_MARGIN && n + 1 < line.n && line.p[n] == '|' && line.p[n + 1] == ' ' ? n + 2 : 0;
}

/* Takes the margin off when a form is sure of what stands behind it; what the paste was put into must not hide what it is. */
static const struct form *choose_behind_margin(struct reader *r, struct slice *line, struct slice *next)
{
	int bid = FORM_NO, inner = FORM_NO;
	struct slice margin = slice_of(r->margin, r->margin_n);
	const struct form *f = NULL;
	if (margin.n && slice_starts(*line, margin)) {
		f = choose(r, slice_from(*line, margin.n), &inner);
		if (inner >= FORM_LIKELY)
			goto cut;
	}
	f = choose(r, *line, &bid);
	if (bid >= FORM_MAYBE || r->big)
		return f;
	margin = slice_sub(*line, 0, margin_length(*line));
	if (!margin.n || margin.n == line->n)
		return f;
	const struct form *g = choose(r, slice_from(*line, margin.n), &inner);
	if (inner < FORM_STRONG) {
		r->line = *line;
		r->syslog_done = false;
		return f;
	}
	f = g;
	memcpy(r->margin, margin.p, margin.n);
	r->margin_n = margin.n;
cut:
	*line = slice_from(*line, margin.n);
	if (slice_starts(*next, margin))
		*next = slice_from(*next, margin.n);
	return f;
}

static size_t form_index(const struct form *f)
{
	size_t i = 0;
	while (all_forms[i] != f)
		i++;
	return i;
}

static void take_line(struct reader *r, struct slice raw, struct slice next)
{
	struct slice line = clean_line(r->transcript->arena, raw);
	r->next = next;
	const struct form *f = choose_behind_margin(r, &line, &next);
	if (!f)
		return;
	r->next = next;
	size_t i = form_index(f);
	if (i < READER_FORMS_MAX)
		r->taken[i]++;
	if (r->active != f)
		remember(r, f);
	r->active = f;
	f->take(r, line);
}

void reader_close_all(struct reader *r)
{
	for (size_t i = 0; all_forms[i]; i++)
		if (all_forms[i]->end)
			all_forms[i]->end(r);
	reader_end_session(r);
}

/* The transcript has grown large: its sessions are finished and handed on, and everything that points into it is forgotten. */
static void flush(struct reader *r)
{
	const struct evidence_options *o = r->options;
	reader_close_all(r);
	transcript_finish(r->transcript);
	o->flush(o->user, r->transcript);
	transcript_recycle(r->transcript);
	for (size_t i = 0; i < READER_FORMS_MAX && all_forms[i]; i++)
		if (r->states[i])
			memset(r->states[i], 0, all_forms[i]->state_size);
	if (r->logs)
		memset(r->logs, 0, LOG_SLOTS * sizeof *r->logs);
	r->n_logs = 0;
	r->last = NULL;
	r->joined = NULL;
}

/* A small input is one story and kept whole as long as it fits; when it does not, it becomes a stream. */
static bool grown(struct reader *r)
{
	size_t used = arena_used(r->transcript->arena);
	if (!r->big && used < FLUSH_MEMORY * 2)
		return false;
	r->big = true;
	return used > FLUSH_MEMORY || r->transcript->sessions.n > FLUSH_SESSIONS;
}

/* --- windows of bytes ---------------------------------------------------------------------------------------------------------------- */

struct window {
	uint8_t *p;
	size_t at, n;
	bool end;         /* the source has nothing more */
	bool cr_only;     /* lines end in a CR alone */
	bool skipping;    /* inside a line that was cut */
	uint64_t bytes;   /* before p */
};

static size_t line_end(const struct window *w, size_t from)
{
	struct slice rest = slice_of(w->p + from, w->n - from);
	size_t at = slice_find_byte(rest, w->cr_only ? '\r' : '\n');
	return at == SLICE_NPOS ? SLICE_NPOS : from + at;
}

/* Moves the rest to the front and reads more. */
static bool window_fill(struct window *w, struct source *src, struct err *reterr)
{
	memmove(w->p, w->p + w->at, w->n - w->at);
	w->bytes += w->at;
	w->n -= w->at;
	w->at = 0;
	while (w->n < WINDOW && !w->end) {
		long got = source_read(src, w->p + w->n, WINDOW - w->n, reterr);
		if (got < 0)
			return false;
		w->end = got == 0;
		w->n += (size_t)got;
	}
	return true;
}

static struct slice without_cr(struct slice line)
{
	while (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* All whole lines in the window (the last one too when the source has ended). */
static void take_window(struct reader *r, struct window *w)
{
	while (w->at < w->n) {
		size_t end = line_end(w, w->at);
		/* Without a line end: the rest of the input, or a line longer than the window, which is cut. */
		if (end == SLICE_NPOS && !w->end && (w->at > 0 || w->n < WINDOW))
			return;
		bool ended = end != SLICE_NPOS;
		if (!ended)
			end = w->n;
		size_t next_at = ended ? end + 1 : end;
		size_t next_end = line_end(w, next_at);
		struct slice line = without_cr(slice_sub(slice_of(w->p, w->n), w->at, end));
		struct slice next = without_cr(slice_sub(slice_of(w->p, w->n), next_at, next_end));
		if (!w->skipping) {
			r->line_no++;
			r->offset = w->bytes + w->at;
			take_line(r, slice_sub(line, 0, READER_LINE_MAX), slice_sub(next, 0, READER_LINE_MAX));
		}
		w->skipping = !ended;
		w->at = next_at;
		/* A small input of very short lines may fill the memory too: then it is a stream from here on. */
		r->big |= arena_used(r->transcript->arena) > TRANSCRIPT_MEMORY / 2;
		if (r->options && r->options->flush && grown(r))
			flush(r);
	}
}

static bool read_all(struct reader *r, struct source *src, struct err *reterr)
{
	struct window w = {.p = malloc(WINDOW)};
	uint64_t told = 0;
	bool ok = w.p != NULL || err_set(reterr, ERR_MEMORY, "out of memory");
	bool first = true;
	while (ok && !(w.end && w.at == w.n)) {
		ok = window_fill(&w, src, reterr);
		if (ok && first) {
			w.cr_only = w.n && !memchr(w.p, '\n', w.n) && memchr(w.p, '\r', w.n);
			if (w.n >= 3 && memcmp(w.p, "\xef\xbb\xbf", 3) == 0)
				w.at = 3;
			ok = clean_is_text(slice_of(w.p, w.n < 4096 ? w.n : 4096), reterr);
			/* The whole input fits the window: nothing is a stream. Compressed inputs tell their size only at the end. */
			r->big = !w.end && (source_size(src) == 0 || source_size(src) >= READER_BIG);
			first = false;
		}
		if (ok)
			take_window(r, &w);
		if (!r->big && w.bytes > READER_BIG)
			r->big = true;
		if (r->options && r->options->progress && source_consumed(src) - told >= PROGRESS_STEP) {
			told = source_consumed(src);
			r->options->progress(r->options->user, told, source_size(src));
		}
	}
	struct input *in = &r->transcript->inputs.v[r->input];
	in->bytes = w.bytes + w.at;
	free(w.p);
	return ok;
}

static void name_form(struct reader *r)
{
	struct input *in = &r->transcript->inputs.v[r->input];
	uint64_t most = 0;
	for (size_t i = 0; i < READER_FORMS_MAX && all_forms[i]; i++) {
		bool general = strcmp(all_forms[i]->name, "general") == 0;
		if (general)
			in->lines_unused = r->taken[i];
		if (r->taken[i] > most && !general) {
			most = r->taken[i];
			in->form = slice_from_cstr(all_forms[i]->name);
		}
	}
	if (!most)
		in->form = S("text");
	in->lines = r->line_no;
}

static bool read_text(struct transcript *t, struct slice name, struct source *src, const struct evidence_options *o, struct err *reterr)
{
	struct reader *r = calloc(1, sizeof *r);
	struct input *in = VEC_PUSH(t->arena, &t->inputs);
	bool ok = r && in && (r->own = arena_new(0));
	if (!ok) {
		free(r);
		return err_set(reterr, ERR_MEMORY, "out of memory");
	}
	in->path = arena_dup(t->arena, name);
	r->transcript = t;
	r->options = o;
	r->input = (unsigned)t->inputs.n - 1;
	ok = read_all(r, src, reterr);
	reader_close_all(r);
	name_form(r);
	arena_free(r->own);
	free(r);
	return ok;
}

static bool read_source(struct transcript *t, struct slice name, struct source *src, const struct evidence_options *o, struct err *reterr)
{
	struct slice beginning;
	if (!source_peek(src, &beginning, reterr))
		return false;
	return capture_is_magic(beginning) ? capture_read(t, name, src, o, reterr) : read_text(t, name, src, o, reterr);
}

int evidence_open(const char *path, struct err *reterr)
{
	return source_open_path(path, reterr);
}

bool evidence_read_open(struct transcript *t, const char *path, int fd, const struct evidence_options *o, struct err *reterr)
{
	struct source *src = source_open_fd(fd, path, reterr);
	if (!src)
		return false;
	bool ok = read_source(t, slice_from_cstr(path), src, o, reterr);
	source_close(src);
	return ok;
}

bool evidence_read_file(struct transcript *t, const char *path, const struct evidence_options *o, struct err *reterr)
{
	int fd = evidence_open(path, reterr);
	return fd >= 0 && evidence_read_open(t, path, fd, o, reterr);
}

bool evidence_read_memory(struct transcript *t, struct slice name, struct slice bytes, const struct evidence_options *o, struct err *reterr)
{
	struct source *src = source_open_memory(bytes, reterr);
	if (!src)
		return false;
	bool ok = read_source(t, name, src, o, reterr);
	source_close(src);
	return ok;
}
