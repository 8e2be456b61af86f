/* message: a streaming summary of a message as it passes (RFC 5322): sizes, line lengths, odd bytes, header field names. Nothing of the body is kept. */
#ifndef TT_PROTO_MESSAGE_H
#define TT_PROTO_MESSAGE_H

#include "proto/event.h"

/* Names of header fields kept; a message with more has its list cut. */
#define MESSAGE_HEADER_NAMES 2048u
#define MESSAGE_VALUE_KEEP 256u

struct message {
	struct arena *arena;
	struct data_view view;
	uint64_t line_bytes;      /* of the current line so far */
	bool in_header, last_cr;
	uint8_t head[MESSAGE_VALUE_KEEP]; /* beginning of the current header line */
	size_t head_n;
	char names[MESSAGE_HEADER_NAMES];
	size_t names_n;
};

void message_begin(struct message *m, struct arena *a);
/* Any bytes, cut anywhere. SMTP's dot-stuffing is not undone. */
void message_add(struct message *m, struct slice bytes);
/* The quick way for most of a message: takes whole lines of at most line_max bytes off the front as long as there is nothing to tell about them but their
 * length, none begins with a dot, and the message is at the beginning of a line of its body. Returns how many bytes it took; the rest is message_add's. */
size_t message_add_plain(struct message *m, struct slice bytes, size_t line_max);
/* Closes the last line and fills *ret; strings are in the arena. */
void message_end(struct message *m, struct data_view *ret);

#endif
