/* base64: RFC 4648 section 4, tolerant on reading, since what is wrong with the text is what people want to know. */
#ifndef TT_BASE_BASE64_H
#define TT_BASE_BASE64_H

#include "base/arena.h"

enum base64_fault {
	BASE64_OK = 0,
	BASE64_SPACE = 1 << 0,      /* blank, tab, CR or LF inside */
	BASE64_URL_SAFE = 1 << 1,   /* uses - or _ of the URL-safe alphabet */
	BASE64_BAD_BYTE = 1 << 2,   /* a byte of no alphabet; decoding stopped there */
	BASE64_NO_PADDING = 1 << 3, /* length is not a multiple of four */
	BASE64_BAD_PADDING = 1 << 4, /* '=' in the middle, or too many */
	BASE64_TRAILING_BITS = 1 << 5, /* unused bits of the last group are not zero */
};

/* Decodes what can be decoded into *ret (in the arena). Returns the faults as a set of enum base64_fault. */
unsigned base64_decode(struct arena *a, struct slice text, struct slice *ret);
/* Standard alphabet with padding. */
struct slice base64_encode(struct arena *a, struct slice bytes);
/* Text is plausible base64: alphabet only, length a multiple of four, at least four characters, padding at the end only. */
bool base64_is_plausible(struct slice text);

#endif
