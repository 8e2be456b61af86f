/* clean: what web forums, terminals and mail programs add to pasted text is taken off before forms look at a line. The offsets in events are those of the
 * original; what was taken off is nothing that either side said. */
#ifndef TT_EVIDENCE_CLEAN_H
#define TT_EVIDENCE_CLEAN_H

#include "base/arena.h"
#include "base/err.h"

/* Terminal colour sequences removed, &lt; &gt; &amp; &quot; &#39; undone, no-break spaces made blanks. Returns the line itself when there is nothing to do. */
struct slice clean_line(struct arena *a, struct slice line);
/* False and *reterr when the beginning of an input is no text: says what it is where that can be told. */
bool clean_is_text(struct slice beginning, struct err *reterr);

#endif
