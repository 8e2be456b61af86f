/* talk: what a client does in its session, in the words of each protocol. For src/probe only. */
#ifndef TT_PROBE_TALK_H
#define TT_PROBE_TALK_H

#include "probe/probe.h"

struct probe {
	const struct probe_options *o;
	struct probe_report *r;
	struct net_loop *loop;
	const char *name;      /* for EHLO */
	struct slice greeting_name;
	bool has_tls;          /* the main session got it */
};

struct way {
	enum probe_tls tls;
	const char *ehlo;      /* NULL: the usual */
	bool helo;
	int tls_only;          /* TLS1_2_VERSION: that and no other; 0: as set */
	enum probe_step until; /* PROBE_ALL: up to where a login may follow */
};

struct talk {
	struct probe *p;
	struct link_options lo;
	struct link *link;
	struct way way;
	enum protocol protocol;
	unsigned tag;
	const struct event *hello; /* reply to the last EHLO, CAPABILITY, CAPA */
	bool tls_refused;
};

/* Connects, greets, starts TLS as wanted. True when that much went well; the talk must be ended either way. */
bool talk_begin(struct talk *t, struct probe *p, const struct way *w);
/* Goodbye, and the session's transcript. */
struct transcript *talk_end(struct talk *t);
/* The same, for trials: nothing is kept. */
void talk_drop(struct talk *t);

/* Says a command (IMAP: with a tag) and gives the reply; NULL: none came. */
const struct event *talk_command(struct talk *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const struct event *talk_hello(struct talk *t, const char *name);
/* Capabilities as they are known now; NULL: none. */
const struct capabilities *talk_caps(struct talk *t);

bool reply_ok(const struct event *reply);
bool reply_more(const struct event *reply);
/* First line of a reply, with its code, cut to a sensible length, in the report's arena. */
struct slice talk_keep_reply(struct probe *p, const struct event *reply);
/* What the lack of a reply means. */
enum probe_cell talk_silence(const struct talk *t);
void talk_progress(struct probe *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One login. mech: SASL's, or LOGIN-CMD (IMAP LOGIN), USER/PASS (POP3). */
struct attempt_login {
	struct slice mech, user, password;
	bool initial, cancel;
};
enum probe_cell talk_login(struct talk *t, const struct attempt_login *a, const struct event **ret_reply);
/* May the mechanism carry its first message on the command line? */
bool talk_mech_begins(struct slice mech);
/* Can we do it? Not NTLM: the library for it trusts what a server sends. */
bool talk_mech_is_known(struct slice mech);

void probe_ehlo_matrix(struct probe *p);
void probe_auth_matrix(struct probe *p, const struct capabilities *clear, const struct capabilities *tls);
void probe_versions(struct probe *p);
void probe_relaying(struct probe *p);
void probe_survey(struct probe *p);
/* A statement about the server for the engine. */
void probe_note(struct probe *p, const char *what, struct slice mech, const char *form, struct slice reply, struct slice text);

#endif
