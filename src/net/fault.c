#define _GNU_SOURCE
#include "net/fault.h"

#include <errno.h>
#include <stdio.h>

#include "base/i18n.h"

struct named {
	const char *key, *text;
};

static const struct named steps[NET_STEP_COUNT] = {
#define X(id, key, text) [id] = {key, text},
	NET_STEP_LIST(X)
#undef X
};

static const struct named whats[NET_WHAT_COUNT] = {
#define X(id, key, text) [id] = {key, text},
	NET_WHAT_LIST(X)
#undef X
};

const char *net_step_key(enum net_step s)
{
	return steps[s].key;
}

const char *net_step_text(enum net_step s)
{
	return steps[s].text;
}

const char *net_what_key(enum net_what w)
{
	return whats[w].key;
}

const char *net_what_text(enum net_what w)
{
	return whats[w].text;
}

bool net_fault_set(struct net_fault *f, enum net_step step, enum net_what what, const char *detail)
{
	if (f->what == NET_FINE) {
		*f = (struct net_fault){.step = step, .what = what};
		snprintf(f->detail, sizeof f->detail, "%s", detail ? detail : "");
	}
	return false;
}

enum net_what net_what_of_errno(int number)
{
	switch (number) {
	case ECONNREFUSED:
		return NET_REFUSED;
	case ETIMEDOUT:
		return NET_NO_ANSWER;
	case ECONNRESET:
	case EPIPE:
		return NET_RESET;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENOPROTOOPT:
		return NET_UNREACHABLE;
	default:
		return NET_LOCAL;
	}
}
