#define _GNU_SOURCE
#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct dialling;

struct attempt {
	struct dialling *dialling;
	struct sockaddr_storage address;
	socklen_t length;
	int fd, error;
	struct event *ready;
	int64_t started_us;
};

struct dialling {
	struct net_loop *loop;
	const struct dial_options *options;
	struct attempt attempts[DIAL_ADDRESSES_MAX];
	size_t n, begun, failed;
	struct attempt *winner;
	struct event *next;
	bool done;
};

/* --- names ------------------------------------------------------------------------------------------------------------------------ */

bool dial_is_address(const char *host)
{
	unsigned char room[sizeof(struct in6_addr)];
	char plain[INET6_ADDRSTRLEN];
	/* An IPv6 address may name its interface: fe80::1%eth0 */
	snprintf(plain, sizeof plain, "%.*s", (int)strcspn(host, "%"), host);
	return inet_pton(AF_INET, plain, room) == 1 || inet_pton(AF_INET6, plain, room) == 1;
}

/* What a lookup in the background needs while it runs. */
struct lookup {
	struct gaicb request;
	struct addrinfo hints;
	char host[256], port[8];
};

static int resolve(const struct dial_options *o, struct addrinfo **ret)
{
	struct lookup *l = calloc(1, sizeof *l);
	if (!l)
		return EAI_MEMORY;
	l->hints = (struct addrinfo){.ai_family = o->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	snprintf(l->host, sizeof l->host, "%s", o->host);
	snprintf(l->port, sizeof l->port, "%u", o->port);
	l->request = (struct gaicb){.ar_name = l->host, .ar_service = l->port, .ar_request = &l->hints};
	int rc;
	if (dial_is_address(o->host)) {
		rc = getaddrinfo(l->host, l->port, &l->hints, ret);
		free(l);
		return rc;
	}
	struct gaicb *list[] = {&l->request};
	const struct gaicb *const waited[] = {&l->request};
	struct timespec limit = {.tv_sec = o->resolve_ms / 1000, .tv_nsec = (long)(o->resolve_ms % 1000) * 1000000};
	rc = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	if (rc == 0 && (rc = gai_suspend(waited, 1, &limit)) == EAI_ALLDONE)
		rc = 0;
	if (rc == 0)
		rc = gai_error(&l->request);
	*ret = rc == 0 ? l->request.ar_result : NULL;
	/* A lookup that runs on and cannot be called back still writes here: then the memory stays its own. */
	if (gai_error(&l->request) != EAI_INPROGRESS || gai_cancel(&l->request) == EAI_CANCELED)
		free(l);
	return rc;
}

/* The families in turn, beginning with what the system prefers. */
static void take_addresses(struct dialling *d, const struct addrinfo *list)
{
	int wanted = list->ai_family;
	bool used[DIAL_ADDRESSES_MAX] = {false};
	size_t left = 0;
	for (const struct addrinfo *i = list; i && left < DIAL_ADDRESSES_MAX; i = i->ai_next)
		left++;
	for (size_t round = 0; d->n < left && round < 2 * DIAL_ADDRESSES_MAX; round++) {
		size_t k = 0;
		for (const struct addrinfo *i = list; i && k < left; i = i->ai_next, k++) {
			if (used[k] || i->ai_family != wanted)
				continue;
			used[k] = true;
			struct attempt *t = &d->attempts[d->n++];
			*t = (struct attempt){.dialling = d, .fd = -1, .length = i->ai_addrlen};
			memcpy(&t->address, i->ai_addr, i->ai_addrlen);
			break;
		}
		wanted = wanted == AF_INET ? AF_INET6 : AF_INET;
	}
}

/* --- attempts --------------------------------------------------------------------------------------------------------------------- */

static void begin_next(struct dialling *d);

static void give_up(struct attempt *t, int number)
{
	struct dialling *d = t->dialling;
	t->error = number;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	d->failed++;
	d->done = d->failed == d->n;
	if (d->begun < d->n)
		begin_next(d);
}

static void on_ready(evutil_socket_t fd, short what, void *user)
{
	struct attempt *t = user;
	int number = 0;
	socklen_t n = sizeof number;
	(void)what;
	if (getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &number, &n) != 0)
		number = errno;
	if (number) {
		event_del(t->ready);
		give_up(t, number);
	} else if (!t->dialling->winner) {
		t->dialling->winner = t;
		t->dialling->done = true;
	}
}

static bool bind_source(int fd, int family, const char *source)
{
	struct sockaddr_in six4 = {.sin_family = AF_INET};
	struct sockaddr_in6 six6 = {.sin6_family = AF_INET6};
	if (!source)
		return true;
	if (family == AF_INET && inet_pton(AF_INET, source, &six4.sin_addr) == 1)
		return bind(fd, (const struct sockaddr *)&six4, sizeof six4) == 0;
	if (family == AF_INET6 && inet_pton(AF_INET6, source, &six6.sin6_addr) == 1)
		return bind(fd, (const struct sockaddr *)&six6, sizeof six6) == 0;
	errno = EAFNOSUPPORT;
	return false;
}

static void begin(struct attempt *t)
{
	struct dialling *d = t->dialling;
	int family = t->address.ss_family;
	t->started_us = net_now_us();
	t->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0 || !bind_source(t->fd, family, d->options->source)) {
		give_up(t, errno);
		return;
	}
	if (connect(t->fd, (const struct sockaddr *)&t->address, t->length) != 0 && errno != EINPROGRESS) {
		give_up(t, errno);
		return;
	}
	t->ready = event_new(net_loop_base(d->loop), t->fd, EV_WRITE, on_ready, t);
	if (!t->ready || event_add(t->ready, NULL) != 0)
		give_up(t, ENOMEM);
}

static void on_next(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	begin_next(user);
}

static void begin_next(struct dialling *d)
{
	const struct timeval stagger = {.tv_usec = DIAL_STAGGER_MS * 1000};
	if (d->done || d->begun == d->n)
		return;
	struct attempt *t = &d->attempts[d->begun++];
	if (d->begun < d->n && d->next)
		evtimer_add(d->next, &stagger);
	begin(t);
}

/* --- the end ---------------------------------------------------------------------------------------------------------------------- */

static struct slice address_text(struct arena *a, const struct sockaddr_storage *s, socklen_t n, unsigned *ret_port)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	if (getnameinfo((const struct sockaddr *)s, n, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return SLICE_NONE;
	if (ret_port)
		*ret_port = (unsigned)strtoul(port, NULL, 10);
	return arena_dup(a, slice_from_cstr(host));
}

static bool settle(struct dialling *d, struct arena *a, struct dialled *ret, struct net_fault *fault)
{
	const struct attempt *t = d->winner ? d->winner : &d->attempts[0];
	struct sockaddr_storage local;
	socklen_t n = sizeof local;
	ret->peer = address_text(a, &t->address, t->length, NULL);
	ret->attempts = (unsigned)d->begun;
	ret->started_us = t->started_us;
	if (d->winner) {
		ret->fd = t->fd;
		ret->connected_us = net_now_us();
		if (getsockname(t->fd, (struct sockaddr *)&local, &n) == 0)
			ret->local = address_text(a, &local, n, &ret->local_port);
		return true;
	}
	if (net_loop_stopped(d->loop))
		return net_fault_set(fault, NET_CONNECT, NET_STOPPED, "");
	/* What one address answers says more than the silence of another. */
	for (size_t i = 0; i < d->n; i++)
		if (d->attempts[i].error)
			return net_fault_set(fault, NET_CONNECT, net_what_of_errno(d->attempts[i].error), strerror(d->attempts[i].error));
	return net_fault_set(fault, NET_CONNECT, NET_NO_ANSWER, "");
}

bool dial(struct net_loop *loop, struct arena *a, const struct dial_options *o, struct dialled *ret, struct net_fault *fault)
{
	struct dialling d = {.loop = loop, .options = o};
	struct addrinfo *list = NULL;
	*ret = (struct dialled){.fd = -1, .started_us = net_now_us()};
	int rc = resolve(o, &list);
	if (rc != 0 || !list) {
		bool late = rc == EAI_AGAIN || rc == EAI_INPROGRESS || rc == EAI_INTR;
		return net_fault_set(fault, NET_RESOLVE, late ? NET_NO_ANSWER : NET_NOT_FOUND, gai_strerror(rc));
	}
	take_addresses(&d, list);
	freeaddrinfo(list);
	d.next = evtimer_new(net_loop_base(loop), on_next, &d);
	begin_next(&d);
	net_loop_run(loop, o->connect_ms, &d.done);
	bool ok = settle(&d, a, ret, fault);
	for (size_t i = 0; i < d.n; i++) {
		if (d.attempts[i].ready)
			event_free(d.attempts[i].ready);
		if (d.attempts[i].fd >= 0 && &d.attempts[i] != d.winner)
			close(d.attempts[i].fd);
	}
	if (d.next)
		event_free(d.next);
	return ok;
}
