/* probe: the client that shows what a server really does, beside what it says it can do. It tells nothing itself: what it saw is tables (below) and sessions in
 * a transcript, which the engine reads like any other.
 *
 * Sessions of the first kind do what a good client does: they are diagnosed. Trials do what a strict server may refuse (odd names, wrong passwords): they fill
 * the tables, and only what is a fault of the server whatever the client does gets into the transcript, as EV_TOOL events with the facts "what" (auth-broken,
 * auth-initial-broken, any-password, open-relay), "mech", "form", "reply". */
#ifndef TT_PROBE_PROBE_H
#define TT_PROBE_PROBE_H

#include "model/transcript.h"
#include "net/link.h"

#define PROBE_PROGRAM "telltale probe"
/* Mechanisms of one server that are tried. */
#define PROBE_MECHS_MAX 16u

enum probe_tls { PROBE_TLS_AUTO, PROBE_TLS_NEVER, PROBE_TLS_MUST };

/* The step after which the main session says goodbye. */
#define PROBE_STEP_LIST(X)                                                                                                  \
	X(PROBE_CONNECT, "connect") X(PROBE_GREETING, "greeting") X(PROBE_EHLO, "ehlo") X(PROBE_TLS, "tls") X(PROBE_AUTH, "auth") \
	X(PROBE_MAIL, "mail") X(PROBE_RCPT, "rcpt") X(PROBE_ALL, "all")
enum probe_step {
#define X(id, name) id,
	PROBE_STEP_LIST(X)
#undef X
	PROBE_STEP_COUNT
};
const char *probe_step_name(enum probe_step s);

struct probe_options {
	const char *host;
	unsigned port;          /* 0: survey of the usual ports */
	enum protocol protocol; /* PROTOCOL_UNKNOWN: what the port is for */
	bool implicit;
	int family;
	const char *source;
	enum probe_tls tls;
	struct tls_settings tls_settings;
	const char *ehlo;       /* NULL: this machine's name; may be empty */
	struct slice user, password;
	bool has_password;
	const char *mech;       /* --auth; NULL: the best that is offered */
	bool no_initial;
	const char *from, *to;  /* NULL: none */
	bool send;
	const char *subject;
	bool ehlo_matrix, auth_matrix, relay, versions;
	enum probe_step quit_after;
	unsigned timeout_ms, pause_ms;
	void (*progress)(void *user, const char *text); /* what happens now; may be NULL */
	void *user_data;
};

#define PROBE_CELL_LIST(X)                                                                         \
	X(CELL_UNTRIED, "untried", N_("not tried"))                                               \
	X(CELL_WORKS, "works", N_("works"))                                                       \
	X(CELL_ANSWERS, "answers", N_("answers"))                                                 \
	X(CELL_REFUSED, "refused", N_("refused"))                                                 \
	X(CELL_BROKEN, "broken", N_("broken"))                                                    \
	X(CELL_SILENT, "silent", N_("silent"))                                                    \
	X(CELL_CLOSED, "closed", N_("hangs up"))                                                  \
	X(CELL_NOT_REACHED, "not-reached", N_("not reached"))
enum probe_cell {
#define X(id, key, text) id,
	PROBE_CELL_LIST(X)
#undef X
	CELL_COUNT
};
const char *probe_cell_key(enum probe_cell c);
const char *probe_cell_text(enum probe_cell c); /* untranslated */

struct probe_port {
	unsigned port;
	struct net_fault fault;
	enum protocol speaks;
	bool implicit;          /* TLS from the first byte */
	struct slice greeting;
	unsigned connect_ms, greeting_ms;
};

struct probe_ehlo {
	const char *form;       /* key: "fqdn", "underscore" … */
	struct slice said;
	enum probe_cell cell;
	const char *at;         /* the command that was refused: "EHLO", "MAIL", "RCPT" */
	struct slice reply;
};

enum probe_try { TRY_CANCEL, TRY_RIGHT, TRY_WRONG };
struct probe_auth {
	struct slice mech;
	bool advertised, tls, initial;
	enum probe_try kind;
	enum probe_cell cell;
	struct slice reply;
};

struct probe_version {
	const char *name;
	enum probe_cell cell;
	struct slice detail;    /* suite, or why not */
};

struct probe_relay {
	const char *what;       /* key: "foreign", "own", "sender-not-owned" */
	struct slice from, to;
	enum probe_cell cell;
	struct slice reply;
};

struct probe_report {
	struct arena *arena;
	struct transcript *transcript;
	const struct probe_options *options;
	bool reached, stopped;
	struct net_fault fault; /* of the main session */
	struct slice ehlo;      /* name used */
	unsigned connect_ms, greeting_ms;
	VEC(struct probe_port) ports;
	VEC(struct probe_ehlo) ehlos;
	VEC(struct probe_auth) auths;
	VEC(struct probe_version) versions;
	VEC(struct probe_relay) relays;
};

/* Does it all; NULL and *reterr when it could not begin. o must outlive the report. */
struct probe_report *probe_run(const struct probe_options *o, struct err *reterr);
void probe_report_free(struct probe_report *r);

#endif
