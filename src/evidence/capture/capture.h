/* capture: a packet capture into the transcript. */
#ifndef TT_EVIDENCE_CAPTURE_H
#define TT_EVIDENCE_CAPTURE_H

#include "evidence/capture/file.h"
#include "evidence/evidence.h"
#include "evidence/source.h"

/* Reads a capture whose first bytes capture_is_magic knew. What is damaged or cut ends it with an event of the context that says so; false only when nothing
 * could be read. */
bool capture_read(struct transcript *t, struct slice name, struct source *src, const struct evidence_options *o, struct err *reterr);

#endif
