/* mask: words of the evidence as they may be shown. Secrets that the grammars marked (event.secret, SASL steps) and what a careful eye recognises as a
 * secret in any other text (AUTH PLAIN blobs, PASS x, LOGIN u p, password=x, URLs with a password, bearer tokens) are replaced by text_mask, which keeps
 * length and character classes. What the evidence hides itself (stars, <password>) stays as it is. */
#ifndef TT_MODEL_MASK_H
#define TT_MODEL_MASK_H

#include "model/transcript.h"

/* event.text with its secrets masked, in the arena; with show_secrets the text as it is. Bytes are not made safe for terminals (base/text.h does that). */
struct slice event_masked_text(struct arena *a, const struct event *e, bool show_secrets);
/* The same for text that belongs to no event. */
struct slice mask_text(struct arena *a, struct slice text);
/* The evidence itself hides this value: nothing but stars, crosses and dots, or a word in angle brackets. */
bool mask_is_placeholder(struct slice value);

#endif
