/* Records of two sides: a byte for side and gap, two for the length, then the bytes. Keys of the test captures are at hand. */
#include "fuzz.h"

#include <stdlib.h>

#include "evidence/capture/tls.h"

#define FOLDER "tests/capture/captures/"

static struct tls_keys *keys_make(void)
{
	struct tls_keys *k = tls_keys_new();
	struct err e = {0};
	char line[1024];
	if (!k)
		abort();
	tls_keys_add_pem(k, FOLDER "rsa.key", NULL, NULL, &e);
	FILE *f = fopen(FOLDER "imaps993_tls13.keylog", "r");
	while (f && fgets(line, sizeof line, f))
		tls_keys_add_log(k, slice_from_cstr(line));
	if (f)
		fclose(f);
	return k;
}

static void hear(void *user, struct event *e)
{
	size_t *n = user;
	*n += e->text.n;
}

static void read_plain(void *user, enum side side, struct slice bytes, const struct stamp *stamp)
{
	size_t *n = user;
	(void)side;
	(void)stamp;
	for (size_t i = 0; i < bytes.n; i++)
		*n += bytes.p[i];
}

static void read_gap(void *user, enum side side, uint64_t lost, const struct stamp *stamp)
{
	size_t *n = user;
	(void)side;
	(void)stamp;
	*n += (size_t)lost;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_keys *keys;
	size_t n = 0;
	const struct tls_sink sink = {hear, read_plain, read_gap, &n};
	if (!keys)
		keys = keys_make();
	struct arena *a = arena_new(16u << 20);
	struct tls_stream *t = a ? tls_stream_new(a, keys, &sink) : NULL;
	struct stamp stamp = {.where = {.frame = 1}, .has_time = true, .time_us = 1};
	for (size_t at = 0; t && at + 3 <= size;) {
		enum side side = data[at] & 1 ? SIDE_SERVER : SIDE_CLIENT;
		size_t length = (size_t)data[at + 1] << 8 | data[at + 2];
		if (data[at] & 0x80)
			tls_stream_gap(t, side, length, &stamp);
		at += 3;
		length = length < size - at ? length : size - at;
		tls_stream_feed(t, side, slice_of(data + at, length), &stamp);
		at += length;
		stamp.where.frame++;
	}
	if (t)
		tls_stream_end(t);
	tls_stream_free(t);
	arena_free(a);
	return 0;
}
