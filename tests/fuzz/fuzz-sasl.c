/* Steps of a login, one a line, the first line being the mechanism: decoded, taken apart, and words scrubbed of secrets. */
#include "fuzz.h"

#include "model/mask.h"
#include "proto/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(64u << 20);
	struct slice rest = slice_of(data, size), line = SLICE_NONE;
	struct sasl x;
	unsigned client_step = 0;
	mask_text(a, rest);
	slice_next_line(&rest, &line);
	sasl_begin(&x, a, slice_sub(line, 0, 64));
	for (unsigned i = 0; slice_next_line(&rest, &line); i++) {
		struct sasl_view v;
		struct sasl_field fields[8];
		enum side side = i % 2 ? SIDE_CLIENT : SIDE_SERVER;
		sasl_step(&x, side, line, false, &v);
		client_step += side == SIDE_CLIENT;
		sasl_fields(a, x.mech, side, client_step, v.decoded, fields, 8);
		sasl_fields(a, S("PLAIN"), SIDE_CLIENT, 1, v.decoded, fields, 8);
	}
	arena_free(a);
	return 0;
}
