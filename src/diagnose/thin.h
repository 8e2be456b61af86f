/* thin: in a large log thousands of sessions are alike but for addresses, numbers and ids. One of each shape is diagnosed and stands for the others. */
#ifndef TT_DIAGNOSE_THIN_H
#define TT_DIAGNOSE_THIN_H

#include "model/transcript.h"

/* With fewer sessions nothing is thinned: a paste is a story in which everything may count. */
#define THIN_SESSIONS 200u

struct thin {
	struct transcript transcript; /* the same sessions and events, but one of each shape; lists only, nothing is copied */
	unsigned first_id;
	size_t n_ids;
	uint32_t *by_id;              /* by session id - first_id: sessions it stands for, itself included; 0 for those that another stands for */
};

/* False when there is nothing to thin (or memory is out): use the transcript as it is. */
bool thin_make(struct arena *a, const struct transcript *t, struct thin *ret);
/* How many sessions this one stands for. */
uint32_t thin_weight(const struct thin *thin, const struct session *s);

/* Hash of a text in which addresses, numbers of four and more digits, ids and mail addresses are all the same; reply codes and words count. */
uint64_t thin_shape(struct slice text);

#endif
