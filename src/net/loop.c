#define _GNU_SOURCE
#include "net/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct net_loop {
	struct event_base *base;
	struct event *interrupt, *timer;
	bool stopped, late;
};

static int64_t clock_us(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t net_now_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t net_ticks_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static void on_interrupt(evutil_socket_t number, short what, void *user)
{
	struct net_loop *n = user;
	(void)number;
	(void)what;
	n->stopped = true;
	/* A second one ends the program the usual way. */
	event_del(n->interrupt);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
	struct net_loop *n = user;
	(void)fd;
	(void)what;
	n->late = true;
}

struct net_loop *net_loop_new(void)
{
	struct net_loop *n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	n->base = event_base_new();
	n->interrupt = n->base ? evsignal_new(n->base, SIGINT, on_interrupt, n) : NULL;
	n->timer = n->base ? evtimer_new(n->base, on_timer, n) : NULL;
	if (n->interrupt && n->timer && event_add(n->interrupt, NULL) == 0)
		return n;
	net_loop_free(n);
	return NULL;
}

void net_loop_free(struct net_loop *n)
{
	if (!n)
		return;
	if (n->interrupt)
		event_free(n->interrupt);
	if (n->timer)
		event_free(n->timer);
	if (n->base)
		event_base_free(n->base);
	free(n);
}

struct event_base *net_loop_base(struct net_loop *n)
{
	return n->base;
}

bool net_loop_stopped(const struct net_loop *n)
{
	return n->stopped;
}

bool net_loop_run(struct net_loop *n, unsigned ms, const bool *done)
{
	/* One limit for the whole step: a peer that drips bytes does not move it. */
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	n->late = false;
	if (*done || n->stopped || evtimer_add(n->timer, &limit) != 0)
		return *done;
	while (!*done && !n->late && !n->stopped)
		if (event_base_loop(n->base, EVLOOP_ONCE) != 0)
			break;
	evtimer_del(n->timer);
	return *done;
}

void net_loop_pause(struct net_loop *n, unsigned ms)
{
	const bool never = false;
	net_loop_run(n, ms, &never);
}
