/* sasl: what the three parts of "telltale sasl" share. Each part is run with its own name as argv[0]. */
#ifndef TT_CLI_SASL_H
#define TT_CLI_SASL_H

#include "base/buf.h"
#include "diagnose/sasl-doctor.h"

int sasl_run_decode(int argc, char **argv);
int sasl_run_encode(int argc, char **argv);
int sasl_run_check(int argc, char **argv);

/* Output may not take more memory than this. */
#define SASL_OUTPUT_MAX (64u * 1024u * 1024u)
/* Standard input and messages looked at: far above any login. */
#define SASL_INPUT_MAX (4u * 1024u * 1024u)

struct sasl_items {
	VEC(struct sasl_item) items;
};

/* Recognises the operands in order; with none, or for "-", the lines of standard input (lines of wrapped base64 joined). False after a message. */
bool sasl_gather(struct arena *a, int n, char **operands, struct sasl_items *ret);

struct sasl_shown {
	bool json, show_secrets, colour;
	unsigned width;
};

void sasl_show_items(struct buf *out, struct arena *a, const struct sasl_items *items, const struct sasl_shown *o);
void sasl_show_advice(struct buf *out, const struct sasl_checkup *c, const struct sasl_shown *o);
/* Messages (may be NULL) and advice (may be NULL) as one JSON document. */
void sasl_show_json(struct buf *out, struct arena *a, const struct sasl_items *items, const struct sasl_checkup *c, const struct sasl_shown *o);

#endif
