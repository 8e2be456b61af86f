/* Steps of a login, one a line, the first line being the mechanism: decoded, taken apart, recognised, checked and proven, and words scrubbed of secrets. */
#include "fuzz.h"

#include "diagnose/explain.h"
#include "diagnose/sasl-doctor.h"
#include "model/mask.h"
#include "proto/sasl.h"

/* Steps that are checked against a password: SCRAM's key derivation takes its time. */
#define ITEMS_MAX 12

/* The same lines as telltale sasl check and telltale explain take them. */
static void check(struct arena *a, struct slice text)
{
	struct sasl_checkup c = {.arena = a, .now = 1700000000, .user = S("me@gmail.com"), .password = S("p\303\251 w")};
	struct sasl_item items[ITEMS_MAX];
	struct explanation e;
	struct sasl_guesser g;
	struct slice line = SLICE_NONE;
	size_t n = 0;
	sasl_guess_begin(&g, a);
	while (n < ITEMS_MAX && slice_next_line(&text, &line)) {
		struct sasl_field fields[16];
		sasl_guess(&g, line, &items[n]);
		sasl_item_fields(a, &items[n], fields, 16);
		sasl_check_item(&c, &items[n++]);
	}
	sasl_check_proof(&c, items, n);
	explain_query(a, knowledge_builtin(), line, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(64u << 20);
	struct slice rest = slice_of(data, size), line = SLICE_NONE;
	struct sasl x;
	unsigned client_step = 0;
	mask_text(a, rest);
	check(a, rest);
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
