/* text: bytes from hostile evidence made fit for people: control and escape bytes shown, never emitted; UTF-8 kept, the rest shown as \xNN. */
#ifndef TT_BASE_TEXT_H
#define TT_BASE_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/* Length of the valid UTF-8 sequence at the start of s (1..4), 0 if it is none. Refuses surrogates and overlong forms. */
size_t utf8_length(struct slice s);
bool utf8_is_valid(struct slice s);

/* Appends s with control bytes shown as \xNN (TAB as a blank, LF kept only when keep_lf), invalid UTF-8 as \xNN, bidi and C1 controls as \u. */
void text_add_shown(struct buf *out, struct slice s, bool keep_lf);
/* The same into an arena, cut to at most max bytes with an ellipsis (max 0: no limit). */
struct slice text_shown(struct arena *a, struct slice s, size_t max);

/* Length class and character classes of a secret, for the mask: "*** (12 characters: letters, digits)". Never shows a byte of it. */
struct slice text_mask(struct arena *a, struct slice secret);

#endif
