/* evidence: inputs of any form in, a transcript out. Recognises what an input is (text of any form, compressed, UTF-16; captures when that reader is
 * built in), reads it in bounded memory and says what it could not use. */
#ifndef TT_EVIDENCE_EVIDENCE_H
#define TT_EVIDENCE_EVIDENCE_H

#include "base/err.h"
#include "model/transcript.h"

struct tls_keys;

struct evidence_options {
	/* Called when the transcript holds finished sessions worth handing on (large inputs); the callee may diagnose t and must leave it to the reader, which
	 * recycles it afterwards. NULL: everything is kept, and what does not fit is dropped with t->memory_full. */
	void (*flush)(void *user, struct transcript *t);
	/* Progress: bytes read so far of total (0: not known). Called about every 16 MiB. May be NULL. */
	void (*progress)(void *user, uint64_t done, uint64_t total);
	void *user;
	/* Keys for TLS in captures (evidence/capture/tls.h); key logs found in captures are added. May be NULL. */
	struct tls_keys *keys;
};

/* Reads one input into t. path "-" is standard input. False and *reterr if it cannot be read at all. */
bool evidence_read_file(struct transcript *t, const char *path, const struct evidence_options *o, struct err *reterr);
/* In two steps, so that nothing needs to be opened any more while reading: the descriptor of an input (path "-": standard input), or -1 and *reterr. */
int evidence_open(const char *path, struct err *reterr);
/* Closes fd. */
bool evidence_read_open(struct transcript *t, const char *path, int fd, const struct evidence_options *o, struct err *reterr);
/* The same from memory; name is what is shown. */
bool evidence_read_memory(struct transcript *t, struct slice name, struct slice bytes, const struct evidence_options *o, struct err *reterr);

/* Forms built in, for --help and tests: name and title by index; NULL past the end. */
const char *evidence_form_name(size_t i);
const char *evidence_form_title(size_t i);

#endif
