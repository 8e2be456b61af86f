/* Two sides talking: the first byte chooses the protocol, then each piece is a byte for side and length, and its bytes. However the pieces are cut, the
 * same events must come out. */
#include "fuzz.h"

#include <stdlib.h>

#include "proto/dialogue.h"

struct sum {
	uint64_t hash;
	unsigned n;
};

static void add(struct sum *s, struct slice x)
{
	s->hash = (s->hash ^ slice_hash(x)) * 1099511628211ull;
}

static void hear(void *user, struct event *e)
{
	struct sum *s = user;
	s->n++;
	add(s, e->text);
	add(s, e->command.verb);
	add(s, e->sasl.user);
	s->hash ^= (uint64_t)e->kind << 8 | e->side | (uint64_t)(e->oddities & ~(uint32_t)ODD_SPLIT) << 16;
}

static struct sum play(const uint8_t *data, size_t size, size_t step)
{
	struct sum s = {0};
	struct arena *a = arena_new(8u << 20);
	struct dialogue *d = dialogue_new(a, (enum protocol)(data[0] % PROTOCOL_MTP), hear, &s);
	struct stamp stamp = {.where.line = 1};
	if (data[0] & 0x80)
		dialogue_set_pasted(d);
	for (size_t at = 1; at < size;) {
		enum side side = data[at] & 0x80 ? SIDE_SERVER : SIDE_CLIENT;
		size_t n = (size_t)(data[at] & 0x7f) + 1;
		at++;
		if (n > size - at)
			n = size - at;
		for (size_t i = 0; i < n; i += step)
			dialogue_feed(d, side, slice_of(data + at + i, step < n - i ? step : n - i), &stamp);
		at += n;
	}
	dialogue_end(d);
	if (dialogue_overflowed(d))
		s = (struct sum){0};
	arena_free(a);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct sum whole = play(data, size, 128), bytes = play(data, size, 1);
	if (whole.hash && bytes.hash && (whole.hash != bytes.hash || whole.n != bytes.n))
		abort();
	return 0;
}
