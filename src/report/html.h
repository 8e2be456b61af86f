/* html: writing HTML. Everything that comes from outside goes through html_text. */
#ifndef TT_REPORT_HTML_H
#define TT_REPORT_HTML_H

#include "base/buf.h"

/* Markup of our own. */
#define html_raw(out, lit) buf_add((out), S(lit))
/* Escaped; bytes are expected to be fit to be shown (show.h). */
void html_text(struct buf *out, struct slice text);
void html_words(struct buf *out, const char *text);
/* <tag>text</tag>; nothing when the text is empty. tag may carry attributes ("p class=lead"). */
void html_element(struct buf *out, const char *tag, struct slice text);
/* The style sheet of the page. */
struct slice html_style(void);

#endif
