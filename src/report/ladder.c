#define _GNU_SOURCE
#include "report/ladder.h"

#include "base/i18n.h"
#include "base/text.h"

/* What fits on an arrow, and in a note; the rest is a click (or --verbose) away. */
#define WORDS_MAX 150u
#define NOTE_MAX 500u
#define WHOLE_MAX 8192u
/* Rungs at the end that are drawn of a session that is too long. */
#define TAIL 60u
/* Nobody waits this long unless something is wrong. */
#define SILENCE_US 5000000
#define SECOND_US 1000000

struct builder {
	struct arena *arena;
	const struct report_options *o;
	const struct session *s;
	struct ladder *l;
	const struct mark *marks;
	size_t n_marks;
	struct show_login login;
	bool coarse;        /* clock of whole seconds, as in logs */
	int64_t start, last; /* of the first event; of the one before */
	bool running;
};

struct slice ladder_duration(struct arena *a, int64_t us, bool coarse)
{
	long long s = us / SECOND_US;
	if (us && us < SECOND_US && !coarse)
		return us < 1000 ? arena_printf(a, _("%lld µs"), (long long)us) : arena_printf(a, _("%lld ms"), (long long)us / 1000);
	if (us && s < 10 && !coarse)
		return arena_printf(a, _("%.1f s"), (double)us / SECOND_US);
	if (s < 120)
		return arena_printf(a, _("%lld s"), s);
	if (s < 7200)
		return arena_printf(a, _("%lld min %lld s"), s / 60, s % 60);
	return s < 172800 ? arena_printf(a, _("%lld h %lld min"), s / 3600, s / 60 % 60) : arena_printf(a, _("%lld days"), s / 86400);
}

/* --- words of an event ------------------------------------------------------------------------------------------------------------ */

static struct slice cut(struct arena *a, struct slice s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max && (s.p[max] & 0xc0) == 0x80)
		max--;
	return arena_printf(a, "%.*s…", (int)max, (const char *)s.p);
}

static void set_words(struct builder *b, struct rung *r, struct slice text)
{
	text = slice_trim(text);
	struct slice rest = text, first = slice_trim_right(slice_next_until(&rest, '\n'));
	size_t lines = 0;
	for (size_t i = 0; i < rest.n; i++)
		lines += rest.p[i] == '\n';
	lines += rest.n > 0;
	size_t max = r->shape == RUNG_ARROW ? WORDS_MAX : NOTE_MAX;
	r->words = cut(b->arena, first, max);
	if (lines)
		r->words = arena_printf(b->arena, ngettext("%.*s (+%zu line)", "%.*s (+%zu lines)", lines), SLICE_FMT(r->words), lines);
	if (lines || first.n > max)
		r->whole = cut(b->arena, text, WHOLE_MAX);
}

static void note(struct builder *b, struct rung *r, enum note_kind kind, struct slice text)
{
	if (!text.n)
		return;
	struct rung_note *n = VEC_PUSH(b->arena, &r->notes);
	if (n)
		*n = (struct rung_note){kind, text};
}

static uint64_t number(const struct event *e, const char *key)
{
	uint64_t n = 0;
	slice_to_uint(event_fact(e, key), UINT32_MAX, &n);
	return n;
}

/* How a connection began. Events of text evidence have no such facts: then their own words stand. */
static void connect_rung(struct builder *b, struct rung *r, const struct event *e)
{
	static const struct {
		const char *what, *words;
		bool stopped, across;
	} table[] = {
		{"connected", N_("connects to port %llu"), false, false},
		{"midstream", N_("port %llu: the capture begins in the middle of the connection"), false, true},
		{"refused", N_("connects to port %llu: refused"), true, false},
		{"no-answer", N_("connects to port %llu: no answer"), true, false},
		{"unreachable", N_("connects to port %llu: unreachable"), true, false},
		{"silent", N_("connects to port %llu, and then nobody says a word"), false, false},
	};
	struct slice what = event_fact(e, "what");
	uint64_t port = number(e, "port"), ms = number(e, "connect_ms"), tries = number(e, "syns");
	r->starts = true;
	for (size_t i = 0; port && i < sizeof table / sizeof *table; i++) {
		if (!slice_eq(what, slice_from_cstr(table[i].what)))
			continue;
		r->words = arena_printf(b->arena, tr(table[i].words), (unsigned long long)port);
		r->stopped = table[i].stopped;
		r->shape = table[i].across ? RUNG_NOTE : RUNG_ARROW;
		r->from = table[i].across ? SIDE_UNKNOWN : SIDE_CLIENT;
	}
	if (ms)
		note(b, r, NOTE_PLAIN, arena_printf(b->arena, _("accepted after %.*s"), SLICE_FMT(ladder_duration(b->arena, (int64_t)ms * 1000, false))));
	if (tries > 1)
		note(b, r, NOTE_LOST, arena_printf(b->arena, ngettext("%llu attempt", "%llu attempts", tries), (unsigned long long)tries));
	note(b, r, NOTE_ODD, show_words(b->arena, event_fact(e, "icmp"), b->o));
}

static const char *of_side(bool server)
{
	return server ? _("server") : _("client");
}

static void close_notes(struct builder *b, struct rung *r, const struct event *e)
{
	static const char *const lost[] = {"lost_client", "lost_server"}, *const again[] = {"retransmitted_client", "retransmitted_server"};
	uint64_t waited = number(e, "waited_ms");
	if (waited >= SILENCE_US / 1000)
		note(b, r, NOTE_ODD, arena_printf(b->arena, _("after %.*s of silence; it was the turn of: %s"),
			SLICE_FMT(ladder_duration(b->arena, (int64_t)waited * 1000, false)), of_side(slice_eq(event_fact(e, "waiting_for"), S("server")))));
	for (int i = 0; i < 2; i++) {
		uint64_t bytes = number(e, lost[i]), packets = number(e, again[i]);
		if (bytes)
			note(b, r, NOTE_LOST, arena_printf(b->arena, ngettext("%llu byte is missing in the capture (%s)",
				"%llu bytes are missing in the capture (%s)", bytes), (unsigned long long)bytes, of_side(i)));
		if (packets)
			note(b, r, NOTE_LOST, arena_printf(b->arena, ngettext("%llu packet was sent again (%s)", "%llu packets were sent again (%s)",
				packets), (unsigned long long)packets, of_side(i)));
	}
	if (event_fact(e, "stalled").n)
		note(b, r, NOTE_LOST, arena_printf(b->arena, _("large packets got no answer (%s)"), of_side(slice_eq(event_fact(e, "stalled"), S("server")))));
}

static void close_rung(struct builder *b, struct rung *r, const struct event *e)
{
	static const struct {
		const char *what, *words;
		bool across;
	} table[] = {
		{"fin", N_("closes the connection"), false},
		{"reset", N_("breaks the connection off (reset)"), false},
		{"idle", N_("nothing more was said; the connection was left open"), true},
		{"open", N_("the capture ends here; the connection is still open"), true},
	};
	struct slice what = event_fact(e, "what");
	r->ends = true;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (!slice_eq(what, slice_from_cstr(table[i].what)))
			continue;
		r->words = slice_from_cstr(tr(table[i].words));
		if (table[i].across)
			r->from = SIDE_UNKNOWN;
	}
	if (b->s->outcome == OUTCOME_NOT_CONNECTED && slice_eq(what, S("open")))
		r->words = slice_from_cstr(_("the capture ends here"));
	if (r->from == SIDE_UNKNOWN)
		r->shape = RUNG_NOTE;
	close_notes(b, r, e);
}

/* --- one rung --------------------------------------------------------------------------------------------------------------------- */

static bool is_said(const struct event *e)
{
	static const bool said[EV_KIND_COUNT] = {
		[EV_GREETING] = true, [EV_COMMAND] = true, [EV_REPLY] = true, [EV_UNTAGGED] = true, [EV_CHALLENGE] = true, [EV_RESPONSE] = true,
		[EV_DATA] = true, [EV_TLS] = true, [EV_CONNECT] = true, [EV_CLOSE] = true,
	};
	return said[e->kind] && (e->side == SIDE_CLIENT || e->side == SIDE_SERVER);
}

static enum weight weigh(const struct builder *b, unsigned n)
{
	enum weight w = WEIGHT_NONE;
	for (size_t i = 0; i < b->n_marks; i++)
		if (b->marks[i].event == n && w != WEIGHT_DECISIVE)
			w = b->marks[i].rank == 0 ? WEIGHT_DECISIVE : WEIGHT_OTHER;
	return w;
}

static void set_times(struct builder *b, struct rung *r, const struct event *e)
{
	const struct stamp *at = &e->stamp;
	if (!at->has_time)
		return;
	if (!b->running)
		b->start = b->last = at->time_us;
	r->clock = show_clock(b->arena, at);
	if (at->time_us >= b->start)
		r->since = ladder_duration(b->arena, at->time_us - b->start, b->coarse);
	int64_t pause = at->time_us - b->last;
	r->silence = b->running && pause >= SILENCE_US;
	if (b->running && pause >= (b->coarse ? SECOND_US : 1000))
		r->pause = ladder_duration(b->arena, pause, b->coarse);
	b->last = e->end_us > at->time_us ? e->end_us : at->time_us;
	b->running = true;
}

static void add_oddities(struct builder *b, struct rung *r, const struct event *e)
{
	for (unsigned bit = 0; bit < ODD_COUNT; bit++)
		if (e->oddities & 1u << bit)
			note(b, r, bit == ODD_GAP_BIT ? NOTE_LOST : bit == ODD_RECONSTRUCTED_BIT || bit == ODD_MASKED_BIT ? NOTE_PLAIN : NOTE_ODD,
				slice_from_cstr(tr(oddity_text((enum oddity_bit)bit))));
}

static void add_rung(struct builder *b, const struct event *e)
{
	struct rung *r = VEC_PUSH(b->arena, &b->l->rungs);
	if (!r)
		return;
	r->n = e->n;
	r->shape = is_said(e) ? RUNG_ARROW : RUNG_NOTE;
	r->from = e->side;
	r->tls = e->tls || e->kind == EV_TLS;
	r->gap = e->oddities & ODD_GAP;
	r->weight = weigh(b, e->n);
	r->where = show_place(b->arena, e->stamp.where, true);
	set_words(b, r, show_event(b->arena, e, b->o));
	if (e->kind == EV_CONNECT)
		connect_rung(b, r, e);
	if (e->kind == EV_CLOSE)
		close_rung(b, r, e);
	set_times(b, r, e);
	note(b, r, NOTE_DECODED, show_sasl_step(b->arena, &b->login, e, b->o));
	add_oddities(b, r, e);
}

static void add_left_out(struct builder *b, size_t n)
{
	if (!n)
		return;
	struct rung *r = VEC_PUSH(b->arena, &b->l->rungs);
	if (!r)
		return;
	r->shape = RUNG_MORE;
	r->words = arena_printf(b->arena, ngettext("%zu more event is not drawn", "%zu more events are not drawn", n), n);
}

static void add_rungs(struct builder *b)
{
	size_t n = b->s->events.n, left_out = 0;
	for (size_t i = 0; i < n; i++) {
		const struct event *e = b->s->events.v[i];
		bool drawn = n <= LADDER_RUNGS_MAX || i < LADDER_RUNGS_MAX - TAIL || i >= n - TAIL || weigh(b, e->n);
		if (!drawn) {
			left_out++;
			continue;
		}
		add_left_out(b, left_out);
		left_out = 0;
		add_rung(b, e);
	}
}

/* What happened in the middle of a stretch inside TLS does not end it. */
static void close_stretches(struct ladder *l)
{
	size_t last = SLICE_NPOS;
	for (size_t i = 0; i < l->rungs.n; i++) {
		struct rung *r = &l->rungs.v[i];
		if (!r->tls && (r->shape == RUNG_ARROW || r->starts || r->ends))
			last = SLICE_NPOS;
		if (!r->tls)
			continue;
		for (size_t j = last; j < i; j++)
			l->rungs.v[j].tls = true;
		last = i;
	}
}

/* --- the head --------------------------------------------------------------------------------------------------------------------- */

static struct ladder_party head_of(struct builder *b, const struct party *p)
{
	struct slice name = show_words(b->arena, p->name, b->o), address = show_words(b->arena, p->address, b->o);
	struct ladder_party ret = {.name = name.n ? cut(b->arena, name, WORDS_MAX) : address};
	struct buf d = BUF_INIT(4096);
	bool six = slice_find_byte(address, ':') != SLICE_NPOS;
	if (address.n && (name.n || p->port))
		buf_printf(&d, six && p->port ? "[%.*s]" : "%.*s", SLICE_FMT(address));
	if (p->port)
		buf_printf(&d, address.n ? ":%u" : _("port %u"), p->port);
	if (p->software != SOFTWARE_UNKNOWN)
		buf_printf(&d, "%s%s", d.n ? ", " : "", software_title(p->software));
	ret.details = slice_eq(buf_slice(&d), ret.name) ? SLICE_NONE : arena_dup(b->arena, buf_slice(&d));
	buf_free(&d);
	return ret;
}

static void add_part(struct buf *d, const char *before, struct slice text)
{
	if (!text.n)
		return;
	buf_printf(d, "%s%s", d->n ? ", " : "", before);
	buf_add(d, text);
}

static struct slice tls_head(struct builder *b)
{
	const struct tls_facts *f = &b->s->tls;
	struct buf d = BUF_INIT(4096);
	add_part(&d, "", f->version.n ? show_words(b->arena, f->version, b->o) : S("TLS"));
	add_part(&d, "", show_words(b->arena, f->cipher, b->o));
	if (f->sni.n)
		add_part(&d, _("for "), show_words(b->arena, f->sni, b->o));
	struct slice s = arena_dup(b->arena, buf_slice(&d));
	buf_free(&d);
	return s;
}

static void look_at_clock(struct builder *b)
{
	b->coarse = true;
	for (size_t i = 0; i < b->s->events.n; i++) {
		const struct stamp *at = &b->s->events.v[i]->stamp;
		b->l->timed |= at->has_time;
		b->coarse = b->coarse && (!at->has_time || at->time_us % SECOND_US == 0);
	}
}

static void make_head(struct builder *b)
{
	const struct session *s = b->s;
	struct ladder *l = b->l;
	l->id = s->id;
	l->title = arena_printf(b->arena, _("Session %u: %s, %s"), s->id, show_protocol(s->protocol), show_outcome(s->outcome));
	struct slice client = show_party(b->arena, &s->client, b->o), server = show_party(b->arena, &s->server, b->o);
	l->line = arena_printf(b->arena, _("Session %u: %s, %.*s to %.*s, %s"), s->id, show_protocol(s->protocol), SLICE_FMT(client), SLICE_FMT(server),
		show_outcome(s->outcome));
	l->client = head_of(b, &s->client);
	l->server = head_of(b, &s->server);
	l->tls = tls_head(b);
	look_at_clock(b);
	l->file = s->events.n ? show_input(b->arena, s->events.v[0]->stamp.where, s->transcript, b->o) : SLICE_NONE;
	l->when = show_time(b->arena, &s->start);
	if (l->when.n && s->end.has_time && s->end.time_us > s->start.time_us)
		l->when = arena_printf(b->arena, _("%.*s, lasted %.*s"), SLICE_FMT(l->when),
			SLICE_FMT(ladder_duration(b->arena, s->end.time_us - s->start.time_us, b->coarse)));
}

struct ladder *ladder_make(struct arena *a, const struct session *s, const struct mark *marks, size_t n_marks, const struct report_options *o)
{
	struct builder b = {.arena = a, .o = o, .s = s, .l = ARENA_NEW(a, struct ladder), .marks = marks, .n_marks = n_marks};
	if (!b.l)
		return NULL;
	make_head(&b);
	add_rungs(&b);
	close_stretches(b.l);
	return b.l;
}
