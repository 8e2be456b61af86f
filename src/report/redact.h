/* redact: pseudonyms for what names people and machines: mail addresses, IP addresses, host names, user names. The same name gets the same pseudonym
 * throughout a run. What a diagnosis rests on is kept: that an address is private or IPv6, that a name holds an underscore, and names of large
 * providers. */
#ifndef TT_REPORT_REDACT_H
#define TT_REPORT_REDACT_H

#include "model/transcript.h"

struct redactor;

/* NULL when memory is out. */
struct redactor *redactor_new(void);
void redactor_free(struct redactor *r);
/* Remembers user and host names that only the transcript knows to be names (logins, EHLO arguments). */
void redactor_learn(struct redactor *r, const struct transcript *t);
/* The text with its names replaced, in the arena. r NULL: the text itself. */
struct slice redactor_apply(struct redactor *r, struct arena *a, struct slice text);

#endif
