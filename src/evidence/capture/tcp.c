#include "evidence/capture/tcp.h"

#include <stdlib.h>
#include <sys/random.h>

/* How often connections that grew old are looked for, and by how much the order of a list may be out. */
#define SWEEP_US 250000
#define BUCKETS_MIN 1024u

/* A segment that waits: for bytes before it, or for bytes of the other side that its sender had when it sent this one. */
struct tcp_piece {
	struct tcp_piece *next;
	uint32_t seq, ack;
	uint32_t n, wire; /* captured; on the wire */
	bool has_ack;
	struct stamp stamp;
	uint8_t bytes[];
};

/* Every connection is in one list, in the order of its last packet (LIST_LIVE, LIST_IGNORED) or of its end (LIST_LINGER, LIST_PAST). */
enum list { LIST_LIVE, LIST_IGNORED, LIST_LINGER, LIST_PAST, LISTS };

struct age {
	struct tcp_connection *oldest, *newest;
	size_t n;
};

struct tcp {
	struct tcp_hooks hooks;
	struct tcp_connection **buckets;
	size_t n_buckets;      /* a power of two */
	uint64_t seed[2];
	int64_t swept_us;
	uint64_t live;
	struct age age[LISTS];
	size_t waiting;
};

/* RFC 793 section 3.3: numbers wrap; the difference tells the order. */
static int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* --- table --------------------------------------------------------------------------------------------------------------------------------- */

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The same for both directions; with the table's own seed, so that nobody can make addresses that all fall into one bucket. */
static uint64_t hash_ends(const struct tcp *t, const struct address *a, uint16_t a_port, const struct address *b, uint16_t b_port)
{
	uint64_t ports = a_port < b_port ? (uint64_t)a_port << 16 | b_port : (uint64_t)b_port << 16 | a_port;
	uint64_t ends = a->v6 ? mix(load64(a->bytes) ^ t->seed[0], load64(a->bytes + 8) ^ t->seed[1]) +
					mix(load64(b->bytes) ^ t->seed[0], load64(b->bytes + 8) ^ t->seed[1])
			      : mix(load32(a->bytes) ^ t->seed[0], t->seed[1]) + mix(load32(b->bytes) ^ t->seed[0], t->seed[1]);
	return mix(ends ^ t->seed[1], ports ^ t->seed[0]);
}

static struct tcp_connection **bucket_of(struct tcp *t, const struct tcp_connection *c)
{
	return &t->buckets[hash_ends(t, &c->address[0], c->port[0], &c->address[1], c->port[1]) & (t->n_buckets - 1)];
}

static bool grow(struct tcp *t)
{
	size_t n = t->n_buckets ? t->n_buckets * 2 : BUCKETS_MIN;
	struct tcp_connection **v = calloc(n, sizeof *v);
	if (!v)
		return t->n_buckets != 0;
	for (size_t i = 0; i < LISTS; i++)
		for (struct tcp_connection *c = t->age[i].oldest; c; c = c->newer) {
			uint64_t h = hash_ends(t, &c->address[0], c->port[0], &c->address[1], c->port[1]) & (n - 1);
			c->bucket_next = v[h];
			v[h] = c;
		}
	free(t->buckets);
	t->buckets = v;
	t->n_buckets = n;
	return true;
}

static void unlink_age(struct tcp *t, struct tcp_connection *c)
{
	struct age *l = &t->age[c->list];
	*(c->older ? &c->older->newer : &l->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &l->newest) = c->older;
	c->older = c->newer = NULL;
	l->n--;
}

static void link_newest(struct tcp *t, struct tcp_connection *c, enum list list)
{
	struct age *l = &t->age[list];
	c->list = (uint8_t)list;
	c->older = l->newest;
	c->newer = NULL;
	*(l->newest ? &l->newest->newer : &l->oldest) = c;
	l->newest = c;
	l->n++;
}

static void move(struct tcp *t, struct tcp_connection *c, enum list list)
{
	if (c->list == list && t->age[list].newest == c)
		return;
	unlink_age(t, c);
	link_newest(t, c, list);
}

static void unlink_bucket(struct tcp *t, struct tcp_connection *c)
{
	struct tcp_connection **at = bucket_of(t, c);
	while (*at != c)
		at = &(*at)->bucket_next;
	*at = c->bucket_next;
}

/* Of IPv4 the bytes behind the first four are zero. */
static bool same(const struct address *a, const struct address *b)
{
	return a->v6 == b->v6 && load64(a->bytes) == load64(b->bytes) && load64(a->bytes + 8) == load64(b->bytes + 8);
}

/* Connection and direction of a packet; NULL if it is new. */
static struct tcp_connection *find(struct tcp *t, const struct packet *p, int *ret_who)
{
	if (!t->n_buckets)
		return NULL;
	uint64_t h = hash_ends(t, &p->from, p->from_port, &p->to, p->to_port) & (t->n_buckets - 1);
	for (struct tcp_connection *c = t->buckets[h]; c; c = c->bucket_next)
		for (int who = 0; who < 2; who++)
			if (c->port[who] == p->from_port && c->port[!who] == p->to_port && same(&c->address[who], &p->from) &&
			    same(&c->address[!who], &p->to)) {
				*ret_who = who;
				return c;
			}
	return NULL;
}

/* --- bytes in order ----------------------------------------------------------------------------------------------------------------------
 *
 * Within a side sequence numbers tell the order. Between the sides acknowledgements do: who acknowledges a byte has had it. So a segment is handed on when
 * the bytes before it were, and those of the other side that it acknowledges. Where they are not in the capture (a packet lost, one direction only, frames in
 * the wrong order in the file) it waits for a moment of capture time, and then the missing bytes are told as a gap, at their place. */

static void hand_gap(struct tcp *t, struct tcp_connection *c, int who, uint32_t lost, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who];
	s->next += lost;
	lost += s->fin_assumed;
	s->fin_assumed = false;
	s->lost += lost;
	if (!c->ignored && lost)
		t->hooks.gap(t->hooks.user, c, who, lost, stamp);
}

/* The captured part of a segment, and the rest of it as a gap. */
static void hand_on(struct tcp *t, struct tcp_connection *c, int who, struct slice bytes, uint32_t wire, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who];
	if (s->fin_assumed) /* it was a byte after all */
		hand_gap(t, c, who, 0, stamp);
	s->next += (uint32_t)bytes.n;
	s->bytes += bytes.n;
	if (!s->first_us)
		s->first_us = stamp->time_us;
	if (bytes.n && !c->ignored)
		t->hooks.bytes(t->hooks.user, c, who, bytes, stamp);
	if (bytes.n >= wire)
		return;
	s->cut = true;
	hand_gap(t, c, who, wire - (uint32_t)bytes.n, stamp);
}

static size_t cost(const struct tcp_piece *p)
{
	return sizeof *p + p->n;
}

static struct tcp_piece *unlink_first(struct tcp *t, struct tcp_side *s)
{
	struct tcp_piece *p = s->waiting;
	s->waiting = p->next;
	s->waiting_last = p->next ? s->waiting_last : NULL;
	s->waiting_bytes -= (uint32_t)cost(p);
	s->waiting_n--;
	t->waiting -= cost(p);
	return p;
}

static void drop_first(struct tcp *t, struct tcp_side *s)
{
	free(unlink_first(t, s));
}

/* Are the other side's bytes up to this acknowledgement there? */
static bool had(const struct tcp_connection *c, int who, uint32_t ack, bool has_ack)
{
	const struct tcp_side *other = &c->side[!who];
	if (!has_ack)
		return true;
	/* A FIN takes a number, too. */
	if (other->fin && ack == other->fin_seq + 1)
		ack--;
	if (!other->known) /* then the first acknowledgement tells where its bytes begin */
		return seq_diff(ack, c->side[who].first_ack) <= 0;
	int32_t missing = seq_diff(ack, other->next);
	return missing <= 0 || missing > TCP_ACK_JUMP_MAX;
}

static bool is_due(const struct tcp_connection *c, int who)
{
	const struct tcp_side *s = &c->side[who];
	const struct tcp_piece *p = s->waiting;
	return p && s->known && seq_diff(p->seq, s->next) <= 0 && had(c, who, p->ack, p->has_ack);
}

static void deliver_first(struct tcp *t, struct tcp_connection *c, int who)
{
	struct tcp_side *s = &c->side[who];
	struct tcp_piece *p = unlink_first(t, s);
	uint32_t old = (uint32_t)seq_diff(s->next, p->seq);
	if (old < p->wire)
		hand_on(t, c, who, slice_from(slice_of(p->bytes, p->n), old), p->wire - old, &p->stamp);
	free(p);
}

static void take_waiting(struct tcp *t, struct tcp_connection *c)
{
	bool more = true;
	while (more) {
		more = false;
		for (int who = 0; who < 2; who++)
			for (; is_due(c, who); more = true)
				deliver_first(t, c, who);
	}
}

/* Where the bytes of a side begin whose SYN was not seen. */
static void assume_beginning(struct tcp_connection *c, int who)
{
	struct tcp_side *s = &c->side[who], *other = &c->side[!who];
	if (s->known)
		return;
	s->known = true;
	s->next = other->has_acked ? other->first_ack : s->waiting ? s->waiting->seq : 0;
	if (s->waiting && seq_diff(s->waiting->seq, s->next) < 0)
		s->next = s->waiting->seq;
	/* So far apart are no two ends of one window: the acknowledgement belongs to something else. */
	if (s->waiting && seq_diff(s->waiting->seq, s->next) > TCP_ACK_JUMP_MAX)
		s->next = s->waiting->seq;
}

/* One number is missing: a FIN that is not in the capture rather than a byte. */
static void assume_fin(struct tcp_side *s)
{
	s->next++;
	s->fin_assumed = true;
}

/* What the oldest waiting segment waits for will not come any more: one step of giving it up. Every call hands on something or lifts a condition. */
static void give_up(struct tcp *t, struct tcp_connection *c)
{
	const struct tcp_piece *one = c->side[0].waiting, *two = c->side[1].waiting;
	int who = !one || (two && two->stamp.where.frame < one->stamp.where.frame);
	struct tcp_side *s = &c->side[who], *other = &c->side[!who];
	struct tcp_piece *p = s->waiting;
	struct stamp stamp = p->stamp;
	if (!s->known) {
		assume_beginning(c, who);
	} else if (seq_diff(p->seq, s->next) > 0) {
		/* Never acknowledged: lost on the way, not only in the capture. */
		if (other->has_acked && seq_diff(other->acked, s->next) <= 0)
			s->hole += p->seq - s->next;
		hand_gap(t, c, who, p->seq - s->next, &stamp);
	} else if (!other->known) {
		assume_beginning(c, !who);
	} else {
		/* The other side's next piece may lie before what this one acknowledges. */
		uint32_t to = other->waiting && seq_diff(other->waiting->seq, p->ack) < 0 ? other->waiting->seq : p->ack;
		if (to - other->next == 1)
			assume_fin(other);
		else if (seq_diff(to, other->next) > 0)
			hand_gap(t, c, !who, to - other->next, &stamp);
		else
			p->has_ack = false; /* each waits for the other: no honest pair does */
	}
	take_waiting(t, c);
}

static bool is_waiting(const struct tcp_connection *c)
{
	return c->side[0].waiting || c->side[1].waiting;
}

static void give_up_all(struct tcp *t, struct tcp_connection *c)
{
	while (is_waiting(c))
		give_up(t, c);
}

/* Bytes before the first piece that the receiver has not acknowledged may still be sent again; what it has, or had to have, only the capture lacks. */
static bool only_missing_here(const struct tcp_connection *c)
{
	for (int who = 0; who < 2; who++) {
		const struct tcp_side *s = &c->side[who], *other = &c->side[!who];
		const struct tcp_piece *p = s->waiting;
		if (p && (!s->known || seq_diff(p->seq, s->next) <= 0 || (other->has_acked && seq_diff(other->acked, s->next) > 0)))
			return true;
	}
	return false;
}

static void give_up_overdue(struct tcp *t, struct tcp_connection *c, int64_t now_us)
{
	while (is_waiting(c) && only_missing_here(c)) {
		const struct tcp_piece *one = c->side[0].waiting, *two = c->side[1].waiting;
		const struct tcp_piece *p = !one || (two && two->stamp.where.frame < one->stamp.where.frame) ? two : one;
		int64_t waited = now_us - p->stamp.time_us;
		if (waited < TCP_HOLD_MS * 1000 && waited > -TCP_HOLD_MS * 1000)
			return;
		give_up(t, c);
	}
}

/* Puts a segment in its place among those that wait. */
static bool keep(struct tcp *t, struct tcp_side *s, const struct packet *p, uint32_t seq, const struct stamp *stamp)
{
	struct tcp_piece **at = &s->waiting;
	if (s->waiting_last && seq_diff(s->waiting_last->seq, seq) < 0)
		at = &s->waiting_last->next;
	while (*at && seq_diff((*at)->seq, seq) < 0)
		at = &(*at)->next;
	if (*at && (*at)->seq == seq && (*at)->wire >= p->payload_length && (*at)->n >= p->payload.n)
		return true; /* the same once more: the first copy counts, as it does for receivers */
	struct tcp_piece *piece = malloc(sizeof *piece + p->payload.n);
	if (!piece)
		return false;
	*piece = (struct tcp_piece){
		.next = *at, .seq = seq, .ack = p->ack, .n = (uint32_t)p->payload.n, .wire = p->payload_length, .has_ack = p->flags & TCP_ACK, .stamp = *stamp,
	};
	if (p->payload.n)
		memcpy(piece->bytes, p->payload.p, p->payload.n);
	*at = piece;
	if (!piece->next)
		s->waiting_last = piece;
	s->waiting_bytes += (uint32_t)cost(piece);
	s->waiting_n++;
	t->waiting += cost(piece);
	s->reordered++;
	return true;
}

static bool has_room(const struct tcp *t, const struct tcp_side *s, size_t n)
{
	return s->waiting_n < TCP_PIECES_MAX && s->waiting_bytes + n <= TCP_WAITING_MAX && t->waiting + n <= TCP_WAITING_ALL;
}

/* Old bytes once more, in whole. A keep-alive repeats one byte, or none. */
static void take_repeated(struct tcp_connection *c, int who, uint32_t seq, uint32_t wire)
{
	struct tcp_side *s = &c->side[who], *other = &c->side[!who];
	if (wire <= 1)
		return;
	s->retransmitted++;
	if (other->has_acked && seq_diff(other->acked, seq) > 0)
		return;
	s->stalled_n = s->stalled_n && s->stalled_seq == seq ? s->stalled_n + 1 : 1;
	s->stalled_seq = seq;
	s->stalled_size = wire;
}

static void take_payload(struct tcp *t, struct tcp_connection *c, int who, const struct packet *p, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who];
	uint32_t seq = p->seq + (p->flags & TCP_SYN ? 1 : 0), wire = p->payload_length;
	if (s->known && seq_diff(seq + wire, s->next) <= 0) {
		take_repeated(c, who, seq, wire);
		return;
	}
	bool ready = s->known && seq_diff(seq, s->next) <= 0 && had(c, who, p->ack, p->flags & TCP_ACK);
	/* While there is no room, the oldest is given up; a single segment always finds its turn. */
	while (!ready && !has_room(t, s, sizeof(struct tcp_piece) + p->payload.n) && is_waiting(c))
		give_up(t, c);
	if (!ready && has_room(t, s, sizeof(struct tcp_piece) + p->payload.n) && keep(t, s, p, seq, stamp)) {
		take_waiting(t, c);
		return;
	}
	assume_beginning(c, who);
	if (seq_diff(seq, s->next) > 0)
		hand_gap(t, c, who, seq - s->next, stamp);
	uint32_t old = (uint32_t)seq_diff(s->next, seq);
	if (old < wire)
		hand_on(t, c, who, slice_from(slice_sub(p->payload, 0, wire), old), wire - old, stamp);
	s->retransmitted += old > 0;
	take_waiting(t, c);
}

/* --- beginnings and ends -------------------------------------------------------------------------------------------------------------------- */

static void discard(struct tcp *t, struct tcp_connection *c)
{
	for (int who = 0; who < 2; who++)
		while (c->side[who].waiting)
			drop_first(t, &c->side[who]);
	unlink_age(t, c);
	unlink_bucket(t, c);
	t->live--;
	free(c);
}

/* Tells the end; the connection stays in the table. */
static void tell_end(struct tcp *t, struct tcp_connection *c, enum tcp_end end)
{
	if (c->over)
		return;
	give_up_all(t, c);
	if (c->end == TCP_END_OPEN)
		c->end = end;
	c->over = true;
	t->hooks.end(t->hooks.user, c);
	c->ignored = true;
}

static void finish(struct tcp *t, struct tcp_connection *c, enum tcp_end end)
{
	tell_end(t, c, end);
	discard(t, c);
}

/* Those that nobody looks at first. */
static void drop_oldest(struct tcp *t)
{
	static const enum list order[LISTS] = {LIST_PAST, LIST_IGNORED, LIST_LIVE, LIST_LINGER};
	for (size_t i = 0; i < LISTS; i++)
		if (t->age[order[i]].n > t->live / LISTS) {
			finish(t, t->age[order[i]].oldest, TCP_END_IDLE);
			return;
		}
}

bool tcp_end_oldest(struct tcp *t, const struct tcp_connection *c)
{
	struct tcp_connection *oldest = t->age[LIST_LIVE].oldest;
	/* Behind a million of half-open connections it is not looked for. */
	for (unsigned i = 0; i < 4096 && oldest && (oldest == c || !oldest->owner); i++)
		oldest = oldest->newer;
	if (!oldest || oldest == c || !oldest->owner)
		return false;
	tell_end(t, oldest, TCP_END_OPEN);
	move(t, oldest, LIST_IGNORED);
	return true;
}

/* Ports of services are low, those of clients high; used only when the handshake was not captured. */
static bool looks_like_server(const struct packet *p)
{
	bool from = protocol_from_port(p->from_port) != PROTOCOL_UNKNOWN, to = protocol_from_port(p->to_port) != PROTOCOL_UNKNOWN;
	if (from != to)
		return from;
	return p->from_port < p->to_port;
}

static struct tcp_connection *start(struct tcp *t, const struct packet *p, const struct stamp *stamp)
{
	if (t->live >= TCP_CONNECTIONS_MAX)
		drop_oldest(t);
	if (t->live >= t->n_buckets && !grow(t))
		return NULL;
	struct tcp_connection *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	bool from_server = p->flags & TCP_SYN ? (p->flags & TCP_ACK) != 0 : looks_like_server(p);
	int who = from_server;
	c->address[who] = p->from;
	c->address[!who] = p->to;
	c->port[who] = p->from_port;
	c->port[!who] = p->to_port;
	c->first_frame = stamp->where.frame;
	c->start_us = stamp->time_us;
	c->ended_by = -1;
	struct tcp_connection **bucket = bucket_of(t, c);
	c->bucket_next = *bucket;
	*bucket = c;
	link_newest(t, c, LIST_LIVE);
	t->live++;
	return c;
}

static bool over(const struct tcp_connection *c)
{
	return c->side[0].reset || c->side[1].reset || (c->side[0].fin && c->side[1].fin);
}

/* A SYN of a connection that is over, or with another sequence number: the ports are used again. */
static bool is_reuse(const struct tcp_connection *c, int who, const struct packet *p)
{
	if (!(p->flags & TCP_SYN) || (p->flags & TCP_ACK))
		return false;
	const struct tcp_side *s = &c->side[who];
	if (over(c) || c->ignored)
		return true;
	if (s->syn)
		return p->seq != s->isn || who == 1;
	/* A SYN that stands behind its first bytes in the file; those have waited for it. */
	return s->known && s->bytes;
}

/* All that was said came in: both sides closed, and nothing before their FIN is missing. */
static bool complete(const struct tcp_connection *c)
{
	for (int who = 0; who < 2; who++)
		if (!c->side[who].fin || c->side[who].waiting || seq_diff(c->side[who].next, c->side[who].fin_seq) < 0)
			return false;
	return true;
}

/* After the packet that may have ended it. */
static void settle(struct tcp *t, struct tcp_connection *c)
{
	if (!over(c) || c->list == LIST_LINGER || c->list == LIST_PAST)
		return;
	if (!c->ignored && !complete(c)) {
		move(t, c, LIST_LINGER);
		return;
	}
	tell_end(t, c, TCP_END_FIN);
	move(t, c, LIST_PAST);
}

static bool older_than(const struct age *l, int64_t now_us, int64_t us)
{
	return l->oldest && now_us - l->oldest->last_us > us;
}

/* Everything that is due is at the beginning of its list. */
static void expire(struct tcp *t, int64_t now_us)
{
	struct age *linger = &t->age[LIST_LINGER], *past = &t->age[LIST_PAST];
	bool full = linger->n > TCP_PAST_MAX || past->n > TCP_PAST_MAX;
	if (!full && now_us - t->swept_us < SWEEP_US && now_us >= t->swept_us)
		return;
	t->swept_us = now_us;
	while (older_than(linger, now_us, TCP_LINGER_MS * 1000) || linger->n > TCP_PAST_MAX) {
		struct tcp_connection *c = linger->oldest;
		tell_end(t, c, TCP_END_FIN);
		move(t, c, LIST_PAST);
	}
	while (older_than(past, now_us, TCP_LATE_S * 1000000) || past->n > TCP_PAST_MAX)
		discard(t, past->oldest);
	for (enum list l = LIST_LIVE; l <= LIST_IGNORED; l++)
		while (older_than(&t->age[l], now_us, (int64_t)TCP_IDLE_S * 1000000))
			finish(t, t->age[l].oldest, TCP_END_IDLE);
}

void tcp_tick(struct tcp *t, int64_t now_us, int64_t quiet_us, bool (*quiet)(void *user, const struct tcp_connection *c, int64_t silent_us))
{
	expire(t, now_us);
	for (struct tcp_connection *c = t->age[LIST_LIVE].oldest, *newer; c && now_us - c->last_us >= quiet_us; c = newer) {
		newer = c->newer;
		if (!quiet(t->hooks.user, c, now_us - c->last_us))
			continue;
		/* What it may still say is not worth a second session. */
		c->last_us = now_us;
		tell_end(t, c, TCP_END_IDLE);
		move(t, c, LIST_IGNORED);
	}
}

static void take_flags(struct tcp_connection *c, int who, const struct packet *p, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who], *other = &c->side[!who];
	if (p->flags & TCP_SYN) {
		s->syn = true;
		s->isn = p->seq;
		s->mss = p->mss;
		if (who == 0)
			c->syns++;
		else if (!c->syn_ack_us)
			c->syn_ack_us = stamp->time_us;
		c->handshake_seen |= other->syn;
	}
	if (!s->known && p->flags & TCP_SYN) {
		s->known = true;
		s->next = p->seq + 1;
	}
	if (p->flags & TCP_ACK && !(p->flags & TCP_RST)) {
		if (!s->has_acked || seq_diff(p->ack, s->acked) > 0)
			s->acked = p->ack;
		if (!s->has_acked || seq_diff(p->ack, s->first_ack) < 0)
			s->first_ack = p->ack;
		s->has_acked = true;
		if (other->syn && !c->established_us && who == 0)
			c->established_us = stamp->time_us;
	}
}

static void take_end(struct tcp_connection *c, int who, const struct packet *p, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who];
	if (p->flags & TCP_RST) {
		s->reset = true;
	} else if (p->flags & TCP_FIN) {
		s->fin = true;
		s->fin_seq = p->seq + p->payload_length;
	} else {
		return;
	}
	if (c->ended_by < 0) {
		c->ended_by = who;
		c->end_us = stamp->time_us;
		c->end_frame = stamp->where.frame;
		c->end = p->flags & TCP_RST ? TCP_END_RESET : TCP_END_FIN;
	} else if (p->flags & TCP_RST && c->side[0].bytes + c->side[1].bytes == 0) {
		c->end = TCP_END_RESET;
	}
}

static void take_icmp(struct tcp *t, const struct packet *p, const struct stamp *stamp)
{
	struct packet quoted = {.from = p->quoted_from, .to = p->quoted_to, .from_port = p->quoted_from_port, .to_port = p->quoted_to_port};
	int who;
	struct tcp_connection *c = find(t, &quoted, &who);
	if (!c) {
		c = start(t, &quoted, stamp);
		if (!c)
			return;
	}
	c->icmp_error = true;
	c->icmp_type = p->icmp_type;
	c->icmp_code = p->icmp_code;
	c->icmp_v6 = p->icmp_v6;
	c->icmp_mtu = p->icmp_mtu;
	c->icmp_frame = stamp->where.frame;
	c->icmp_us = stamp->time_us;
	c->icmp_from = p->from;
	c->last_us = stamp->time_us;
	c->last_frame = stamp->where.frame;
}

void tcp_packet(struct tcp *t, const struct packet *p, const struct stamp *stamp)
{
	int who = 0;
	if (p->transport == TRANSPORT_ICMP) {
		if (p->has_quoted)
			take_icmp(t, p, stamp);
		return;
	}
	struct tcp_connection *c = find(t, p, &who);
	if (c && is_reuse(c, who, p)) {
		finish(t, c, TCP_END_REUSED);
		c = NULL;
	}
	if (!c) {
		c = start(t, p, stamp);
		if (!c)
			return;
		find(t, p, &who);
	}
	if (c->list <= LIST_IGNORED && (stamp->time_us - c->listed_us >= SWEEP_US || stamp->time_us < c->listed_us)) {
		move(t, c, (enum list)c->list);
		c->listed_us = stamp->time_us;
	}
	c->last_us = c->list == LIST_PAST ? c->last_us : stamp->time_us;
	if (c->over || c->ignored) {
		/* Nothing but its end matters. */
		take_end(c, who, p, stamp);
		settle(t, c);
		expire(t, stamp->time_us);
		return;
	}
	c->last_frame = stamp->where.frame;
	c->side[who].packets++;
	c->side[who].last_us = stamp->time_us;
	take_flags(c, who, p, stamp);
	if (p->payload_length)
		take_payload(t, c, who, p, stamp);
	else if (is_waiting(c))
		take_waiting(t, c); /* a SYN may be what they waited for */
	if (is_waiting(c))
		give_up_overdue(t, c, stamp->time_us);
	take_end(c, who, p, stamp);
	settle(t, c);
	expire(t, stamp->time_us);
}

/* --- life ------------------------------------------------------------------------------------------------------------------------------------- */

struct tcp *tcp_new(const struct tcp_hooks *hooks)
{
	struct tcp *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->hooks = *hooks;
	if (getrandom(t->seed, sizeof t->seed, GRND_NONBLOCK) != sizeof t->seed)
		t->seed[0] = (uintptr_t)t;
	t->seed[1] |= 1;
	if (!grow(t)) {
		free(t);
		return NULL;
	}
	return t;
}

void tcp_free(struct tcp *t)
{
	if (!t)
		return;
	/* In the order of the capture, so far as that is known. */
	static const enum list order[LISTS] = {LIST_PAST, LIST_LINGER, LIST_IGNORED, LIST_LIVE};
	for (size_t i = 0; i < LISTS; i++)
		while (t->age[order[i]].oldest)
			finish(t, t->age[order[i]].oldest, TCP_END_OPEN);
	free(t->buckets);
	free(t);
}

void tcp_ignore(struct tcp *t, struct tcp_connection *c)
{
	c->ignored = true;
	for (int who = 0; who < 2; who++)
		while (c->side[who].waiting)
			drop_first(t, &c->side[who]);
	if (c->list == LIST_LIVE)
		move(t, c, LIST_IGNORED);
}

uint64_t tcp_connections(const struct tcp *t)
{
	return t->live;
}
