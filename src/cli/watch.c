#define _GNU_SOURCE
#include "cli/watch.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cli/setup.h"
#include "evidence/capture/stream.h"

/* How often the clock is looked at while nothing comes; a signal that arrives just before waiting is noticed after that time. */
#define TICK_MS 250
/* A key is written when the handshake makes it, which a packet may reach us before. */
#define KEY_DELAY_US 20000
#define KEYLOG_PIECE (64u * 1024u)
/* Lines that wait to be printed. */
#define OUTPUT_MAX (256u * 1024u * 1024u)

struct watch {
	struct watch_options *o;
	struct live *live;
	struct streams *streams;
	struct tls_keys *keys, *own_keys;
	struct capture_writer *writer;
	struct diagnoser *diagnoser;
	struct diagnosis *sum;
	struct verdict total;
	struct transcript *shell; /* holds the input's name and counts, for reports */
	struct buf out, keylog_rest;
	uint64_t sessions, faults, open, packets, bytes;
	int64_t started_us, ticked_us, packet_us;
	bool ending, status_shown, terminal, failed;
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int n)
{
	stop_signal = n;
}

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- what is shown ------------------------------------------------------------------------------------------------------------------------- */

static void hide_status(struct watch *w)
{
	if (w->status_shown)
		fputs("\r\033[K", stderr);
	w->status_shown = false;
}

static void show_status(struct watch *w)
{
	if (!w->terminal)
		return;
	struct live_counts c = live_count(w->live);
	struct buf b = BUF_INIT(4096);
	buf_printf(&b, ngettext("%llu session", "%llu sessions", w->sessions), (unsigned long long)w->sessions);
	buf_printf(&b, ngettext(", %llu with a fault", ", %llu with a fault", w->faults), (unsigned long long)w->faults);
	buf_printf(&b, ngettext(", %llu packet", ", %llu packets", w->packets), (unsigned long long)w->packets);
	buf_printf(&b, _(", %llu dropped"), (unsigned long long)c.dropped);
	fprintf(stderr, "\r\033[K%.*s", SLICE_FMT(buf_slice(&b)));
	fflush(stderr);
	w->status_shown = true;
	buf_free(&b);
}

static void print_out(struct watch *w)
{
	if (!w->out.n)
		return;
	hide_status(w);
	if (!setup_print_out(&w->out)) {
		w->failed = true;
		stop_signal = SIGPIPE;
	}
}

static void print_session(struct watch *w, const struct transcript *t, const struct diagnosis *d, const struct verdict *v)
{
	if (w->o->quiet && v->kind == VERDICT_NOTHING_WRONG)
		return;
	if (w->o->jsonl) {
		report_jsonl_session(&w->out, t, d, v, &w->o->report);
		return;
	}
	report_line(&w->out, t, d, v, &w->o->report);
	if (w->o->report.verbose && v->kind != VERDICT_NOTHING_WRONG)
		report_transcript(&w->out, t, &w->o->report);
}

/* --- sessions ------------------------------------------------------------------------------------------------------------------------------ */

/* Watching ended before the session did: only what was already wrong counts. */
static bool is_unfinished(const struct watch *w, const struct session *s, const struct diagnosis *d)
{
	const struct event *last = s->events.n ? s->events.v[s->events.n - 1] : NULL;
	return w->ending && !d->findings.n && last && last->kind == EV_CLOSE && slice_eq(event_fact(last, "what"), S("open"));
}

static void judge(struct watch *w, struct transcript *t)
{
	struct input *in = VEC_PUSH(t->arena, &t->inputs);
	struct verdict v = {.arena = t->arena};
	if (!in || !t->sessions.n)
		return;
	*in = (struct input){.path = slice_from_cstr(w->o->interface), .form = S("live"), .bytes = 1};
	t->sessions.v[0]->id = (unsigned)w->sessions + 1;
	transcript_finish(t);
	redactor_learn(w->o->report.redactor, t);
	struct diagnosis *d = diagnose(w->diagnoser, t);
	if (!d)
		return;
	if (is_unfinished(w, t->sessions.v[0], d)) {
		w->open++;
	} else {
		verdict_add(&v, t);
		verdict_settle(&v, t, d);
		verdict_add(&w->total, t);
		diagnosis_merge(w->sum, d);
		w->sessions++;
		w->faults += v.kind != VERDICT_NOTHING_WRONG;
		print_session(w, t, d, &v);
	}
	diagnosis_free(d);
}

static void on_session(void *user, struct transcript *t)
{
	struct watch *w = user;
	if (!w->o->count || w->sessions < w->o->count)
		judge(w, t);
	transcript_free(t);
}

/* --- packets ------------------------------------------------------------------------------------------------------------------------------- */

static void stop_writing(struct watch *w, const struct err *e)
{
	hide_status(w);
	fprintf(stderr, "telltale: %s: %s\n", _("packets are no longer written to the file"), e->what);
	w->failed = true;
}

static void on_packet(void *user, const struct capture_packet *p)
{
	struct watch *w = user;
	struct err e = {0};
	w->packet_us = p->time_ns / 1000;
	w->packets++;
	w->bytes += p->bytes.n;
	if (w->writer && !w->failed && !capture_writer_packet(w->writer, p, &e))
		stop_writing(w, &e);
	streams_frame(w->streams, p);
}

/* Whole lines that came since the last time. */
static void read_keylog(struct watch *w)
{
	uint8_t piece[4096];
	size_t n;
	if (!w->o->keylog)
		return;
	clearerr(w->o->keylog);
	while (w->keylog_rest.n < KEYLOG_PIECE && (n = fread(piece, 1, sizeof piece, w->o->keylog)) > 0)
		buf_add(&w->keylog_rest, slice_of(piece, n));
	struct slice all = buf_slice(&w->keylog_rest);
	size_t end = all.n;
	while (end && all.p[end - 1] != '\n')
		end--;
	tls_keys_add_log(w->keys, slice_sub(all, 0, end));
	/* A line without end that fills the buffer is none of a key log. */
	buf_consume(&w->keylog_rest, end ? end : all.n >= KEYLOG_PIECE ? all.n : 0);
}

static void tick(struct watch *w, bool idle)
{
	/* While packets wait, their time is what counts: ours may be ahead of them. */
	int64_t now = idle || !w->packet_us ? now_us() : w->packet_us;
	struct err e = {0};
	if (!idle && now - w->ticked_us < TICK_MS * 1000 && now > w->ticked_us)
		return;
	w->ticked_us = now;
	streams_tick(w->streams, now, (int64_t)w->o->idle_s * 1000000);
	if (w->writer && !w->failed && !capture_writer_flush(w->writer, &e))
		stop_writing(w, &e);
	print_out(w);
	show_status(w);
}

static bool is_enough(const struct watch *w)
{
	if (stop_signal || (w->o->count && w->sessions >= w->o->count))
		return true;
	return w->o->duration_s && now_us() - w->started_us >= (int64_t)w->o->duration_s * 1000000;
}

static void loop(struct watch *w)
{
	while (!is_enough(w)) {
		struct err e = {0};
		bool waiting = live_wait(w->live, TICK_MS);
		if (w->o->keylog && waiting) {
			usleep(KEY_DELAY_US);
			read_keylog(w);
		}
		int n = waiting ? live_read(w->live, on_packet, w, &e) : 0;
		if (n < 0) {
			hide_status(w);
			setup_print_error(&e);
			w->failed = true;
			return;
		}
		print_out(w);
		tick(w, n == 0);
	}
}

/* --- the end ------------------------------------------------------------------------------------------------------------------------------- */

static void print_counts(struct watch *w, const struct live_counts *c)
{
	struct buf *b = &w->out;
	buf_printf(b, ngettext("%llu session", "%llu sessions", w->sessions), (unsigned long long)w->sessions);
	buf_printf(b, ngettext(", %llu with a fault", ", %llu with a fault", w->faults), (unsigned long long)w->faults);
	if (w->open)
		buf_printf(b, ngettext(", %llu still open", ", %llu still open", w->open), (unsigned long long)w->open);
	buf_printf(b, ngettext("; %llu packet", "; %llu packets", w->packets), (unsigned long long)w->packets);
	buf_printf(b, ngettext(", %llu dropped by the kernel\n", ", %llu dropped by the kernel\n", c->dropped), (unsigned long long)c->dropped);
	if (c->dropped)
		buf_printf(b, "%s\n", _("What was dropped is missing in the sessions above; a larger --buffer or a narrower --filter helps."));
	if (!w->sessions && !w->open)
		buf_printf(b, "%s\n", _("No mail session was seen: is this the interface, and is the port among those watched (--filter)?"));
}

static void print_causes(struct watch *w)
{
	struct arena *a = arena_new(0);
	for (size_t i = 0; a && i < w->sum->findings.n; i++) {
		const struct finding *f = w->sum->findings.v[i];
		buf_printf(&w->out, "%7llu × %s (%s)\n", (unsigned long long)f->count, tr(f->cause->title), f->cause->id);
	}
	arena_free(a);
}

static void print_summary(struct watch *w)
{
	struct live_counts c = live_count(w->live);
	struct input *in = &w->shell->inputs.v[0];
	in->bytes = w->bytes;
	in->lines = w->packets;
	in->dropped = c.dropped;
	verdict_settle(&w->total, w->shell, w->sum);
	if (w->o->jsonl) {
		report_jsonl_findings(&w->out, w->shell, w->sum, &w->total, &w->o->report);
		return;
	}
	if (w->sessions)
		buf_add_byte(&w->out, '\n');
	print_counts(w, &c);
	print_causes(w);
	if (!w->sum->findings.n)
		return;
	/* The most frequent in full; the others were listed. */
	struct verdict v = w->total;
	v.sessions = 0;
	w->sum->findings.n = 1;
	buf_add_byte(&w->out, '\n');
	report_text(&w->out, w->shell, w->sum, &v, &w->o->report);
}

static int finish(struct watch *w)
{
	struct err e = {0};
	read_keylog(w);
	w->ending = true;
	streams_end(w->streams);
	struct live_counts c = live_count(w->live);
	bool written = capture_writer_close(w->writer, c.received, c.dropped, &e);
	w->writer = NULL;
	if (!written && !w->failed)
		stop_writing(w, &e);
	hide_status(w);
	print_summary(w);
	print_out(w);
	if (w->failed)
		return EXIT_UNREADABLE;
	return w->faults ? EXIT_FAULT_FOUND : EXIT_NOTHING_WRONG;
}

int watch_run(struct watch *w)
{
	/* A second Ctrl-C ends at once. */
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	w->started_us = now_us();
	if (w->terminal && !w->o->jsonl)
		fprintf(stderr, _("Watching %s; Ctrl-C ends it.\n"), w->o->interface);
	show_status(w);
	loop(w);
	return finish(w);
}

/* --- life ---------------------------------------------------------------------------------------------------------------------------------- */

static bool prepare(struct watch *w, const struct knowledge *k, struct err *reterr)
{
	w->diagnoser = diagnoser_new(k, reterr);
	w->sum = diagnosis_new();
	w->total.arena = arena_new(0);
	w->shell = transcript_new();
	w->keys = w->o->keys ? w->o->keys : (w->own_keys = tls_keys_new());
	w->streams = w->keys ? streams_new(0, w->keys, on_session, w) : NULL;
	struct input *in = w->shell ? VEC_PUSH(w->shell->arena, &w->shell->inputs) : NULL;
	if (!w->diagnoser)
		return false;
	if (!in || !w->sum || !w->total.arena || !w->streams)
		return err_set(reterr, ERR_MEMORY, "out of memory");
	*in = (struct input){.path = slice_from_cstr(w->o->interface), .form = S("live")};
	if (w->o->filter)
		streams_any_port(w->streams);
	return true;
}

struct watch *watch_open(struct watch_options *o, const struct knowledge *k, struct err *reterr)
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w) {
		err_set(reterr, ERR_MEMORY, "out of memory");
		return NULL;
	}
	w->o = o;
	tzset(); /* reads a file, which the sandbox forbids later */
	w->out = BUF_INIT(OUTPUT_MAX);
	w->keylog_rest = BUF_INIT(2 * KEYLOG_PIECE);
	w->terminal = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO);
	const struct live_options live = {o->interface, o->filter, o->promiscuous, (unsigned)o->buffer_mib};
	if (prepare(w, k, reterr) && (w->live = live_open(&live, reterr)))
		return w;
	watch_close(w);
	return NULL;
}

bool watch_write(struct watch *w, struct err *reterr)
{
	const struct capture_writer_options c = {
		.fds = w->o->fds, .n_fds = w->o->n_fds, .ring_bytes = w->o->ring_bytes, .ring_seconds = w->o->ring_seconds,
		.linktype = live_linktype(w->live), .snaplen = live_snaplen(w->live), .interface = w->o->interface,
		.filter = w->o->filter ? w->o->filter : LIVE_MAIL_FILTER, .program = "telltale " TELLTALE_VERSION,
	};
	if (!c.n_fds)
		return true;
	w->writer = capture_writer_new(&c, reterr);
	return w->writer != NULL;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	streams_free(w->streams);
	tls_keys_free(w->own_keys);
	live_close(w->live);
	capture_writer_close(w->writer, 0, 0, NULL);
	diagnoser_free(w->diagnoser);
	diagnosis_free(w->sum);
	transcript_free(w->shell);
	arena_free(w->total.arena);
	buf_free(&w->out);
	buf_free(&w->keylog_rest);
	free(w);
}
