/* fault: why a connection came to nothing: at which step, and what happened on which layer. Not a failure of ours, so no struct err. */
#ifndef TT_NET_FAULT_H
#define TT_NET_FAULT_H

#include <stdbool.h>

#define NET_STEP_LIST(X)                                      \
	X(NET_RESOLVE, "resolve", N_("looking up the name"))   \
	X(NET_CONNECT, "connect", N_("connecting"))            \
	X(NET_TLS, "tls", N_("starting TLS"))                  \
	X(NET_GREETING, "greeting", N_("waiting for the greeting")) \
	X(NET_REPLY, "reply", N_("waiting for a reply"))

enum net_step {
#define X(id, key, text) id,
	NET_STEP_LIST(X)
#undef X
	NET_STEP_COUNT
};

#define NET_WHAT_LIST(X)                                                          \
	X(NET_FINE, "", "")                                                      \
	X(NET_NOT_FOUND, "not-found", N_("the name is not known"))               \
	X(NET_REFUSED, "refused", N_("refused"))                                 \
	X(NET_NO_ANSWER, "no-answer", N_("no answer: a firewall drops it, or the machine is off")) \
	X(NET_UNREACHABLE, "unreachable", N_("no way there"))                    \
	X(NET_LOCAL, "local", N_("this machine does not allow it"))              \
	X(NET_TIMED_OUT, "timed-out", N_("silence"))                             \
	X(NET_CLOSED, "closed", N_("the server closed the connection"))          \
	X(NET_RESET, "reset", N_("the connection was reset"))                    \
	X(NET_TLS_FAILED, "tls-failed", N_("the handshake failed"))              \
	X(NET_TOO_MUCH, "too-much", N_("the server does not stop talking"))      \
	X(NET_STOPPED, "stopped", N_("stopped by you"))

enum net_what {
#define X(id, key, text) id,
	NET_WHAT_LIST(X)
#undef X
	NET_WHAT_COUNT
};

struct net_fault {
	enum net_step step;
	enum net_what what;
	char detail[256]; /* the system's or OpenSSL's words, or empty */
};

/* Keys for JSON; words for people are untranslated. */
const char *net_step_key(enum net_step s);
const char *net_step_text(enum net_step s);
const char *net_what_key(enum net_what w);
const char *net_what_text(enum net_what w);
/* Fills *f unless it already tells of a fault (the first one is the cause); returns false. */
bool net_fault_set(struct net_fault *f, enum net_step step, enum net_what what, const char *detail);
/* The kind that an errno of connect() or of a socket stands for. */
enum net_what net_what_of_errno(int number);

#endif
