#include "evidence/capture/tcp.h"

#include <stdlib.h>

#define BUCKETS_MIN 1024u

struct tcp_piece {
	struct tcp_piece *next;
	uint32_t seq;
	uint32_t n;
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
	size_t n_buckets;
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

static uint64_t hash_end(const struct address *a, uint16_t port)
{
	uint64_t h = port * 0x9e3779b97f4a7c15ull;
	for (size_t i = 0; i < (a->v6 ? 16u : 4u); i++)
		h = (h ^ a->bytes[i]) * 1099511628211ull;
	return h ^ h >> 29;
}

/* The same for both directions. */
static uint64_t hash_of(const struct packet *p)
{
	return hash_end(&p->from, p->from_port) + hash_end(&p->to, p->to_port);
}

static bool grow(struct tcp *t)
{
	size_t n = t->n_buckets ? t->n_buckets * 2 : BUCKETS_MIN;
	struct tcp_connection **v = calloc(n, sizeof *v);
	if (!v)
		return t->n_buckets != 0;
	for (size_t i = 0; i < LISTS; i++)
		for (struct tcp_connection *c = t->age[i].oldest; c; c = c->newer) {
			uint64_t h = (hash_end(&c->address[0], c->port[0]) + hash_end(&c->address[1], c->port[1])) % n;
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
	uint64_t h = (hash_end(&c->address[0], c->port[0]) + hash_end(&c->address[1], c->port[1])) % t->n_buckets;
	struct tcp_connection **at = &t->buckets[h];
	while (*at != c)
		at = &(*at)->bucket_next;
	*at = c->bucket_next;
}

/* Connection and direction of a packet; NULL if it is new. */
static struct tcp_connection *find(struct tcp *t, const struct packet *p, int *ret_who)
{
	if (!t->n_buckets)
		return NULL;
	for (struct tcp_connection *c = t->buckets[hash_of(p) % t->n_buckets]; c; c = c->bucket_next)
		for (int who = 0; who < 2; who++)
			if (c->port[who] == p->from_port && c->port[!who] == p->to_port && address_equal(&c->address[who], &p->from) &&
			    address_equal(&c->address[!who], &p->to)) {
				*ret_who = who;
				return c;
			}
	return NULL;
}

/* --- bytes in order ---------------------------------------------------------------------------------------------------------------------- */

static void hand_on(struct tcp *t, struct tcp_connection *c, int who, struct slice bytes, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who];
	if (!bytes.n)
		return;
	s->next += (uint32_t)bytes.n;
	s->bytes += bytes.n;
	if (!c->ignored)
		t->hooks.bytes(t->hooks.user, c, who, bytes, stamp);
}

static void hand_gap(struct tcp *t, struct tcp_connection *c, int who, uint32_t lost, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who];
	s->next += lost;
	s->lost += lost;
	if (!c->ignored)
		t->hooks.gap(t->hooks.user, c, who, lost, stamp);
}

static void drop_first(struct tcp *t, struct tcp_side *s)
{
	struct tcp_piece *p = s->waiting;
	s->waiting = p->next;
	s->waiting_bytes -= p->n;
	t->waiting -= p->n;
	free(p);
}

/* Waiting pieces that are due now. */
static void take_waiting(struct tcp *t, struct tcp_connection *c, int who)
{
	struct tcp_side *s = &c->side[who];
	while (s->waiting && seq_diff(s->waiting->seq, s->next) <= 0) {
		struct tcp_piece *p = s->waiting;
		size_t old = (size_t)seq_diff(s->next, p->seq);
		if (old < p->n)
			hand_on(t, c, who, slice_of(p->bytes + old, p->n - old), &p->stamp);
		drop_first(t, s);
	}
}

/* What is missing before the first waiting piece will not come any more. */
static void give_up_gap(struct tcp *t, struct tcp_connection *c, int who)
{
	struct tcp_side *s = &c->side[who];
	if (!s->waiting)
		return;
	struct stamp stamp = s->waiting->stamp;
	hand_gap(t, c, who, s->waiting->seq - s->next, &stamp);
	take_waiting(t, c, who);
}

static void keep_waiting(struct tcp *t, struct tcp_connection *c, int who, uint32_t seq, struct slice bytes, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who];
	while (s->waiting && (s->waiting_bytes + bytes.n > TCP_WAITING_MAX || t->waiting + bytes.n > TCP_WAITING_ALL))
		give_up_gap(t, c, who);
	if (t->waiting + bytes.n > TCP_WAITING_ALL)
		return;
	struct tcp_piece **at = &s->waiting;
	while (*at && seq_diff((*at)->seq, seq) < 0)
		at = &(*at)->next;
	if (*at && (*at)->seq == seq && (*at)->n >= bytes.n)
		return; /* the same once more */
	struct tcp_piece *p = malloc(sizeof *p + bytes.n);
	if (!p)
		return;
	*p = (struct tcp_piece){.next = *at, .seq = seq, .n = (uint32_t)bytes.n, .stamp = *stamp};
	memcpy(p->bytes, bytes.p, bytes.n);
	*at = p;
	s->waiting_bytes += p->n;
	t->waiting += p->n;
	s->reordered++;
	take_waiting(t, c, who);
}

static void take_payload(struct tcp *t, struct tcp_connection *c, int who, const struct packet *p, const struct stamp *stamp)
{
	struct tcp_side *s = &c->side[who];
	uint32_t seq = p->seq + (p->flags & TCP_SYN ? 1 : 0);
	struct slice bytes = p->payload;
	uint32_t wire = p->payload_length;
	int32_t ahead = seq_diff(seq, s->next);
	if (ahead < 0) {
		/* Seen before, in whole or part; a keep-alive repeats one byte. */
		uint32_t old = (uint32_t)-ahead;
		if (old >= wire) {
			s->retransmitted += wire > 1;
			if (s->mss && wire + 60 >= s->mss && !c->side[!who].has_acked)
				s->unanswered_full++;
			return;
		}
		s->retransmitted++;
		bytes = slice_from(bytes, old);
		wire -= old;
		ahead = 0;
	}
	if (ahead > 0) {
		if (bytes.n)
			keep_waiting(t, c, who, seq, bytes, stamp);
		return;
	}
	hand_on(t, c, who, slice_sub(bytes, 0, wire), stamp);
	if (bytes.n < wire)
		hand_gap(t, c, who, wire - (uint32_t)bytes.n, stamp); /* the frame was cut */
	take_waiting(t, c, who);
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
	for (int who = 0; who < 2; who++)
		while (c->side[who].waiting)
			give_up_gap(t, c, who);
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
	uint64_t h = hash_of(p) % t->n_buckets;
	c->bucket_next = t->buckets[h];
	t->buckets[h] = c;
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
	return over(c) || c->ignored || (s->syn && s->known && s->bytes && seq_diff(p->seq + 1, s->next) != 0) || (s->syn && who == 1);
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

/* A few at a time: packets come more often than connections grow old. */
static void expire(struct tcp *t, int64_t now_us)
{
	for (int i = 0; i < 4; i++) {
		struct age *linger = &t->age[LIST_LINGER], *past = &t->age[LIST_PAST];
		if (older_than(linger, now_us, TCP_LINGER_MS * 1000) || linger->n > TCP_PAST_MAX) {
			tell_end(t, linger->oldest, TCP_END_FIN);
			move(t, linger->oldest, LIST_PAST);
		}
		if (older_than(past, now_us, TCP_LATE_S * 1000000) || past->n > TCP_PAST_MAX)
			discard(t, past->oldest);
		for (enum list l = LIST_LIVE; l <= LIST_IGNORED; l++)
			if (older_than(&t->age[l], now_us, (int64_t)TCP_IDLE_S * 1000000))
				finish(t, t->age[l].oldest, TCP_END_IDLE);
	}
}

void tcp_tick(struct tcp *t, int64_t now_us, int64_t quiet_us, bool (*quiet)(void *user, const struct tcp_connection *c, int64_t silent_us))
{
	while (older_than(&t->age[LIST_LINGER], now_us, TCP_LINGER_MS * 1000)) {
		struct tcp_connection *c = t->age[LIST_LINGER].oldest;
		tell_end(t, c, TCP_END_FIN);
		move(t, c, LIST_PAST);
	}
	while (older_than(&t->age[LIST_PAST], now_us, TCP_LATE_S * 1000000))
		discard(t, t->age[LIST_PAST].oldest);
	while (older_than(&t->age[LIST_IGNORED], now_us, (int64_t)TCP_IDLE_S * 1000000))
		finish(t, t->age[LIST_IGNORED].oldest, TCP_END_IDLE);
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
		s->mss = p->mss;
		if (who == 0)
			c->syns++;
		else if (!c->syn_ack_us)
			c->syn_ack_us = stamp->time_us;
		c->handshake_seen |= other->syn;
	}
	if (!s->known) {
		s->known = true;
		s->next = p->seq + (p->flags & TCP_SYN ? 1 : 0);
	}
	if (p->flags & TCP_ACK && !(p->flags & TCP_RST)) {
		if (!s->has_acked || seq_diff(p->ack, s->acked) > 0)
			s->acked = p->ack;
		s->has_acked = true;
		if (other->syn && !c->established_us && who == 0)
			c->established_us = stamp->time_us;
	}
}

/* Acknowledged, but not in the capture: lost there for good. */
static void take_ack(struct tcp *t, struct tcp_connection *c, int who, const struct packet *p)
{
	struct tcp_side *other = &c->side[!who];
	if (!(p->flags & TCP_ACK) || (p->flags & TCP_RST) || !other->known || !other->waiting)
		return;
	if (seq_diff(p->ack, other->waiting->seq) >= 0 && seq_diff(other->waiting->seq, other->next) > 0)
		give_up_gap(t, c, !who);
}

static void take_end(struct tcp_connection *c, int who, const struct packet *p)
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
	if (c->list <= LIST_IGNORED)
		move(t, c, (enum list)c->list);
	c->last_us = c->list == LIST_PAST ? c->last_us : stamp->time_us;
	if (c->over || c->ignored) {
		/* Nothing but its end matters. */
		take_end(c, who, p);
		settle(t, c);
		expire(t, stamp->time_us);
		return;
	}
	c->last_frame = stamp->where.frame;
	c->side[who].packets++;
	c->side[who].last_us = stamp->time_us;
	take_flags(c, who, p, stamp);
	take_ack(t, c, who, p);
	if (p->payload_length)
		take_payload(t, c, who, p, stamp);
	take_end(c, who, p);
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
