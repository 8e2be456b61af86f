/* pictures: drawings of sessions gathered while a stream goes by: a bounded number, those that findings rest on first. */
#ifndef TT_REPORT_PICTURES_H
#define TT_REPORT_PICTURES_H

#include "report/ladder.h"

#define RANK_NONE UINT32_MAX
#define RANK_FAILED (RANK_NONE - 1)

/* Draws one ladder into a buffer: html_ladder or rungs_draw. */
typedef void picture_draw(struct buf *out, const struct ladder *l, const struct report_options *o);

struct picture {
	unsigned session;
	unsigned rank;        /* of the finding it is evidence of; RANK_FAILED, RANK_NONE */
	struct slice title;   /* in the drawing's own memory */
	struct arena *memory;
	struct slice drawing;
};

/* Who talked in a session that a finding rests on. */
struct pair {
	unsigned session;
	struct slice client, server;
};

struct report_pictures {
	const struct report_options *o;
	picture_draw *draw;
	struct arena *arena;
	struct picture v[PICTURES_MAX];
	size_t n;
	VEC(struct pair) pairs;
	uint64_t sessions;
};

/* Ranks as the findings stand now, the best first. */
void pictures_sort(struct report_pictures *p, const struct diagnosis *d, const struct verdict *v);
/* NULL if no finding rests on it. */
const struct pair *pictures_pair(const struct report_pictures *p, unsigned session);

void html_ladder(struct buf *out, const struct ladder *l, const struct report_options *o);
void rungs_draw(struct buf *out, const struct ladder *l, const struct report_options *o);

#endif
