/* loop: the event loop of one run, with an end that Ctrl-C brings: whoever waits in it comes back at once, and what is known so far can be told. */
#ifndef TT_NET_LOOP_H
#define TT_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct net_loop;

/* NULL when memory is out. */
struct net_loop *net_loop_new(void);
void net_loop_free(struct net_loop *n);
struct event_base *net_loop_base(struct net_loop *n);
/* The user asked to stop. */
bool net_loop_stopped(const struct net_loop *n);
/* Runs until *done, the time limit, or the stop; true when *done. */
bool net_loop_run(struct net_loop *n, unsigned ms, const bool *done);
/* Lets that time pass. */
void net_loop_pause(struct net_loop *n, unsigned ms);

/* Unix time, and a clock that never jumps, in microseconds. */
int64_t net_now_us(void);
int64_t net_ticks_us(void);

#endif
