/* select: the sessions somebody asks about, by who talked or by number. */
#ifndef TT_MODEL_SELECT_H
#define TT_MODEL_SELECT_H

#include "model/transcript.h"

struct selection {
	struct slice client, server; /* an address, a host name, or the domain that host names end in; empty: any */
	const unsigned *sessions;    /* their numbers; NULL: any */
	size_t n_sessions;
};

/* Takes the other sessions and their events out of the transcript (which is finished), and statements of a log that belong to no session and do not
 * name the party asked for. Settings, prose and the output of tools stay: they may explain any session. Returns the number of sessions taken out. */
uint64_t transcript_select(struct transcript *t, const struct selection *wanted);

#endif
