/* err: a failure of ours (never the peer's fault, which is data; never a bug, which is an assert).
 * Functions that can fail take `struct err *reterr`, set only on failure, and return false (or NULL, or -1). */
#ifndef TT_BASE_ERR_H
#define TT_BASE_ERR_H

#include <stdbool.h>

#define ERR_LIST(X)                                                       \
	X(ERR_NONE, "no error")                                           \
	X(ERR_USAGE, "wrong use")                                         \
	X(ERR_MEMORY, "out of memory")                                    \
	X(ERR_LIMIT, "a limit was reached")                               \
	X(ERR_OPEN, "cannot be opened")                                   \
	X(ERR_READ, "cannot be read")                                     \
	X(ERR_WRITE, "cannot be written")                                 \
	X(ERR_FORMAT, "not in the expected form")                         \
	X(ERR_KNOWLEDGE, "the knowledge files are wrong")                 \
	X(ERR_UNREACHABLE, "the target was not reached")                  \
	X(ERR_CONNECTION, "the connection failed")                        \
	X(ERR_CRYPTO, "a cryptographic operation failed")                 \
	X(ERR_INTERNAL, "internal fault")

enum err_code {
#define X(name, text) name,
	ERR_LIST(X)
#undef X
	ERR_COUNT
};

struct err {
	enum err_code code;
	char what[1024]; /* what failed and where, e.g. "log.txt: Permission denied" */
};

const char *err_code_name(enum err_code code);
const char *err_code_text(enum err_code code);
/* Fills *e (may be NULL) and returns false, so that `return err_set(...)` reads well. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Exit status of every subcommand (DESIGN.md section 4). */
enum exit_status {
	EXIT_NOTHING_WRONG = 0,
	EXIT_FAULT_FOUND = 1,
	EXIT_USAGE = 2,
	EXIT_UNREADABLE = 3, /* evidence not readable, or target not reached */
};

#endif
