/* dial: a name or address and a port to a connected socket. All addresses of the name are tried, the two families in turn and each a moment after the one
 * before (RFC 8305, "happy eyeballs"); the first that answers wins. */
#ifndef TT_NET_DIAL_H
#define TT_NET_DIAL_H

#include <sys/socket.h>

#include "base/arena.h"
#include "net/fault.h"
#include "net/loop.h"

/* Addresses of one name that are tried; more are a mistake or an attack. */
#define DIAL_ADDRESSES_MAX 16u
/* RFC 8305 section 8: 250 ms between attempts. */
#define DIAL_STAGGER_MS 250u

struct dial_options {
	const char *host; /* name or address, without brackets */
	unsigned port;
	int family;         /* AF_UNSPEC, AF_INET, AF_INET6 */
	const char *source; /* address to come from, or NULL */
	unsigned resolve_ms, connect_ms;
};

struct dialled {
	int fd; /* -1: none of the addresses answered */
	struct slice local, peer; /* addresses as text, in the arena; peer: the first tried when none answered */
	unsigned local_port;
	unsigned attempts;
	int64_t started_us, connected_us; /* Unix time of the winning attempt */
};

/* False and *fault when there is no connection. */
bool dial(struct net_loop *n, struct arena *a, const struct dial_options *o, struct dialled *ret, struct net_fault *fault);

/* Is this an address, not a name? */
bool dial_is_address(const char *host);

#endif
