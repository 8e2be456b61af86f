#include "evidence/capture/capture.h"

#include <stdlib.h>

#include "evidence/capture/stream.h"

/* In a large capture the transcript is handed on when it has grown so far. */
#define FLUSH_MEMORY (TRANSCRIPT_MEMORY / 3)
#define FLUSH_SESSIONS 2000u
#define PROGRESS_STEP (16u * 1024u * 1024u)
/* Packets between looks at how far it is: at most PACKETS_STEP * CAPTURE_PACKET_MAX bytes, usually some ten KiB. */
#define PACKETS_STEP 64u

struct capture {
	struct transcript *transcript;
	const struct evidence_options *options;
	struct tls_keys *keys, *own_keys;
	struct source *source;
	struct streams *streams;
	unsigned input;
	bool flushed, in_memory;
	uint64_t packets, usb, told;
};

static long more(void *user, uint8_t *buf, size_t n, struct err *reterr)
{
	struct capture *c = user;
	return source_read(c->source, buf, n, reterr);
}

static void hear_secrets(void *user, uint32_t type, struct slice data)
{
	struct capture *c = user;
	if (type == 0x544c534b) /* "TLSK": an NSS key log */
		tls_keys_add_log(c->keys, data);
}

static void hear_comment(void *user, uint64_t packet, struct slice text)
{
	struct capture *c = user;
	(void)packet;
	tls_keys_add_log(c->keys, text);
}

/* A session is complete: into the transcript, which is handed on when it has grown. */
static void take_session(void *user, struct transcript *one)
{
	struct capture *c = user;
	struct transcript *t = c->transcript;
	const struct evidence_options *o = c->options;
	transcript_adopt(t, one);
	bool grown = arena_used(t->arena) > FLUSH_MEMORY || t->sessions.n > FLUSH_SESSIONS;
	if (!grown || !o || !o->flush)
		return;
	transcript_finish(t);
	o->flush(o->user, t);
	transcript_recycle(t);
	c->flushed = true;
}

static int by_start(const void *a, const void *b)
{
	const struct session *x = *(struct session *const *)a, *y = *(struct session *const *)b;
	uint32_t i = x->start.where.frame, j = y->start.where.frame;
	return (i > j) - (i < j);
}

static int by_frame(const void *a, const void *b)
{
	const struct event *x = *(struct event *const *)a, *y = *(struct event *const *)b;
	if (x->stamp.where.input != y->stamp.where.input)
		return x->stamp.where.input < y->stamp.where.input ? -1 : 1;
	uint32_t i = x->stamp.where.frame, j = y->stamp.where.frame;
	if (i != j)
		return i < j ? -1 : 1;
	return (int)x->n - (int)y->n;
}

/* Sessions came in the order in which they ended; people expect the order of the capture. */
static void put_in_order(struct transcript *t, size_t sessions_before)
{
	struct session **v = t->sessions.v + sessions_before;
	size_t n = t->sessions.n - sessions_before;
	if (n == 0)
		return;
	unsigned first = v[0]->id;
	for (size_t i = 0; i < n; i++)
		first = v[i]->id < first ? v[i]->id : first;
	qsort(v, n, sizeof *v, by_start);
	for (size_t i = 0; i < n; i++)
		v[i]->id = first + (unsigned)i;
	if (t->events.n && !sessions_before)
		qsort(t->events.v, t->events.n, sizeof *t->events.v, by_frame);
}

/* Every now and then. False when what follows is not the file's any more. */
static bool progress(struct capture *c, const struct capture_file *f)
{
	const struct evidence_options *o = c->options;
	if (c->in_memory)
		source_passed(c->source, capture_offset(f));
	uint64_t done = source_consumed(c->source);
	if (o && o->progress && done - c->told >= PROGRESS_STEP) {
		c->told = done;
		o->progress(o->user, done, source_size(c->source));
	}
	return !source_shrank(c->source);
}

/* Something about the capture itself, as an event of the context. */
static void remark(struct capture *c, const char *text)
{
	struct event *e = ARENA_NEW(c->transcript->arena, struct event);
	if (!e)
		return;
	e->kind = EV_TOOL;
	e->stamp.where.input = c->input;
	e->raw = e->text = arena_dup(c->transcript->arena, slice_from_cstr(text));
	e->program = S("capture");
	transcript_add(c->transcript, NULL, e);
}

static bool read_packets(struct capture *c, struct err *reterr)
{
	const struct capture_hooks hooks = {hear_secrets, NULL, hear_comment, c};
	struct err fault = {0};
	struct slice memory = SLICE_NONE;
	struct capture_file *f = source_memory(c->source, &memory) ? capture_open_memory(memory, &hooks, reterr)
								 : capture_open_stream(more, c, &hooks, reterr);
	c->in_memory = f && memory.p;
	if (!f)
		return false;
	struct capture_packet p;
	int rc;
	while ((rc = capture_next(f, &p, &fault)) > 0) {
		c->packets++;
		c->usb += streams_frame(c->streams, &p) == TRANSPORT_USB;
		if (c->packets % PACKETS_STEP == 0 && !progress(c, f)) {
			rc = -1;
			err_set(&fault, ERR_READ, "the file shrank while it was read");
			break;
		}
	}
	streams_end(c->streams);
	struct input *in = &c->transcript->inputs.v[c->input];
	in->form = slice_from_cstr(capture_form(f));
	in->bytes = capture_offset(f);
	in->lines = c->packets;
	capture_close(f);
	if (rc < 0 && c->packets == 0)
		return err_set(reterr, fault.code, "%s", fault.what);
	if (rc < 0)
		remark(c, fault.what);
	if (c->usb && c->usb == c->packets)
		remark(c, "this is a capture of USB traffic; MTP inside it is not decoded");
	return true;
}

bool capture_read(struct transcript *t, struct slice name, struct source *src, const struct evidence_options *o, struct err *reterr)
{
	struct input *in = VEC_PUSH(t->arena, &t->inputs);
	struct capture c = {.transcript = t, .options = o, .source = src, .input = (unsigned)t->inputs.n - 1};
	size_t before = t->sessions.n;
	if (in)
		in->path = arena_dup(t->arena, name);
	c.keys = o && o->keys ? o->keys : (c.own_keys = tls_keys_new());
	c.streams = c.keys ? streams_new(c.input, c.keys, take_session, &c) : NULL;
	bool ok = in && c.streams ? read_packets(&c, reterr) : err_set(reterr, ERR_MEMORY, "out of memory");
	streams_free(c.streams);
	tls_keys_free(c.own_keys);
	if (ok && !c.flushed)
		put_in_order(t, before);
	return ok;
}
