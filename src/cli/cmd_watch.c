/* telltale watch: sessions on the wire as they go by, each with its verdict. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cli/cmd.h"
#include "cli/keyring.h"
#include "cli/options.h"
#include "cli/privileges.h"
#include "cli/sandbox.h"
#include "cli/setup.h"
#include "cli/watch.h"

enum {
	OPT_FILTER, OPT_WRITE, OPT_RING_SIZE, OPT_RING_FILES, OPT_RING_SECONDS, OPT_KEY, OPT_KEYLOG, OPT_COUNT, OPT_DURATION, OPT_IDLE, OPT_PROMISCUOUS, OPT_BUFFER,
	OPT_USER, OPT_JSONL, OPT_EVENTS, OPT_VERBOSE, OPT_QUIET, OPT_REDACT, OPT_SHOW_SECRETS, OPT_KNOWLEDGE, OPT_LANG, OPT_COLOR,
	OPT_NO_SANDBOX,
};

static const struct option_spec specs[] = {
	[OPT_FILTER] = {"filter", 'f', N_("BPF"), N_("watch these packets, as for tcpdump, instead of the ports of mail")},
	[OPT_WRITE] = {"write", 'w', N_("FILE"), N_("also write the packets to this pcapng file")},
	[OPT_RING_SIZE] = {"ring-size", 0, N_("SIZE"), N_("begin the next file of a ring after so many bytes: 10M, 1G")},
	[OPT_RING_FILES] = {"ring-files", 0, N_("N"), N_("files in the ring, 2 to 256 (10 unless given)")},
	[OPT_RING_SECONDS] = {"ring-seconds", 0, N_("TIME"), N_("begin the next file after so long: 60, 10m, 1h")},
	[OPT_KEY] = {"key", 0, N_("FILE"), N_("private RSA key of the server (PEM), to read TLS; may repeat")},
	[OPT_KEYLOG] = {"keylog", 0, N_("FILE"), N_("read TLS with the keys that the client appends here (SSLKEYLOGFILE)")},
	[OPT_COUNT] = {"count", 'c', N_("N"), N_("end after so many sessions")},
	[OPT_DURATION] = {"duration", 'd', N_("TIME"), N_("end after so long: 60, 10m, 1h")},
	[OPT_IDLE] = {"idle", 0, N_("TIME"), N_("call a session over when it was silent for so long (2m unless given)")},
	[OPT_PROMISCUOUS] = {"promiscuous", 'p', NULL, N_("also packets that are not for this machine")},
	[OPT_BUFFER] = {"buffer", 'B', N_("MIB"), N_("memory where packets wait, in MiB (16 unless given)")},
	[OPT_USER] = {"user", 'u', N_("NAME"), N_("become this user once the interface is open (nobody unless given)")},
	[OPT_JSONL] = {"jsonl", 0, NULL, N_("print one line of JSON per session, then one with the findings")},
	[OPT_EVENTS] = {"events", 'e', NULL, N_("JSON with every event of the sessions")},
	[OPT_VERBOSE] = {"verbose", 'v', NULL, N_("after the line of a session with a fault, show who said what")},
	[OPT_QUIET] = {"quiet", 'q', NULL, N_("no line for sessions where nothing is wrong")},
	[OPT_REDACT] = {"redact", 'r', NULL, N_("replace addresses, host names and user names by pseudonyms")},
	[OPT_SHOW_SECRETS] = {"show-secrets", 0, NULL, N_("do not mask passwords and tokens")},
	[OPT_KNOWLEDGE] = {"knowledge", 'k', N_("DIR"), N_("read more causes and patterns from this folder")},
	[OPT_LANG] = {"lang", 'l', N_("CODE"), N_("language of the answer: en, pl, ru, es")},
	[OPT_COLOR] = {"color", 0, N_("WHEN"), N_("auto, always or never")},
	[OPT_NO_SANDBOX] = {"no-sandbox", 0, NULL, N_("watch without giving rights up first; to find a fault of the sandbox")},
	{0},
};

static const struct usage usage = {
	.line = N_("watch [OPTION]… INTERFACE"),
	.about = N_("Watches SMTP, IMAP and POP3 on a network interface (any: on all) and prints a line for every session as it ends or fails, with the verdict. "
		    "Ctrl-C ends it with a summary: what was found how often, and what to change."),
	.options = specs,
	.more = N_("Exit status:\n"
		   "  0  nothing wrong seen\n"
		   "  1  a fault was seen, or something failed for an unknown reason\n"
		   "  2  wrong use\n"
		   "  3  the interface could not be watched, or the file not written\n"),
};

struct unit {
	char letter;
	uint64_t factor;
};

static const struct unit sizes[] = {{'k', 1u << 10}, {'K', 1u << 10}, {'m', 1u << 20}, {'M', 1u << 20}, {'g', 1u << 30}, {'G', 1u << 30}, {0}};
static const struct unit times[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {0}};
static const struct unit none[] = {{0}};

/* "10", or with a unit's letter behind. */
static bool number(const char *option, const char *value, const struct unit *units, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;
	uint64_t factor = 1;
	unsigned long long n = *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : 0;
	bool ok = *value >= '0' && *value <= '9' && n <= max;
	for (; ok && *end && units->letter; units++)
		if (units->letter == end[0] && !end[1]) {
			factor = units->factor;
			end++;
		}
	ok = ok && !*end && n * factor >= min && n * factor <= max;
	if (!ok)
		usage_error(_("--%s: “%s” is no number that fits"), option, value);
	*ret = ok ? n * factor : 0;
	return ok;
}

#define LONG (1ull << 40)

static bool numeric_option(struct watch_options *w, int i, const char *value)
{
	const struct {
		int option;
		const struct unit *units;
		uint64_t min, max, *ret;
	} all[] = {
		{OPT_RING_SIZE, sizes, 4096, LONG, &w->ring_bytes},      {OPT_RING_FILES, none, 2, WRITE_FILES_MAX, &w->ring_files},
		{OPT_RING_SECONDS, times, 1, 1u << 30, &w->ring_seconds}, {OPT_COUNT, none, 1, LONG, &w->count},
		{OPT_DURATION, times, 1, 1u << 30, &w->duration_s},       {OPT_IDLE, times, 1, 1u << 20, &w->idle_s},
		{OPT_BUFFER, none, 1, 1024, &w->buffer_mib},
	};
	for (size_t n = 0; n < sizeof all / sizeof *all; n++)
		if (all[n].option == i)
			return number(specs[i].name, value, all[n].units, all[n].min, all[n].max, all[n].ret);
	return true;
}

struct command_line {
	struct watch_options watch;
	struct keyring keyring;
	const char *knowledge_folder, *colour, *user, *write, *keylog;
	int first, status;
	bool no_sandbox;
};

static bool take_option(struct command_line *c, int i, const char *value)
{
	struct report_options *r = &c->watch.report;
	switch (i) {
	case OPT_FILTER: c->watch.filter = value; break;
	case OPT_WRITE: c->write = value; break;
	case OPT_KEY: return keyring_add_key(&c->keyring, value);
	case OPT_KEYLOG: c->keylog = value; break;
	case OPT_PROMISCUOUS: c->watch.promiscuous = true; break;
	case OPT_USER: c->user = value; break;
	case OPT_JSONL: c->watch.jsonl = true; break;
	case OPT_EVENTS: r->events = c->watch.jsonl = true; break;
	case OPT_VERBOSE: r->verbose = true; break;
	case OPT_QUIET: c->watch.quiet = true; break;
	case OPT_SHOW_SECRETS: r->show_secrets = true; break;
	case OPT_KNOWLEDGE: c->knowledge_folder = value; break;
	case OPT_LANG: setup_language(value); break;
	case OPT_COLOR: c->colour = value; break;
	case OPT_NO_SANDBOX: c->no_sandbox = true; break;
	case OPT_REDACT:
		redactor_free(r->redactor);
		r->redactor = redactor_new();
		break;
	}
	return true;
}

static int check(struct command_line *c, int argc)
{
	const struct watch_options *w = &c->watch;
	struct arena *a = arena_new(0);
	int status = EXIT_NOTHING_WRONG;
	if (c->first >= argc) {
		struct slice names = a ? live_interfaces(a) : SLICE_NONE;
		status = usage_error(_("name an interface to watch: %.*s"), SLICE_FMT(names));
	} else if (c->first + 1 < argc) {
		status = usage_error(_("one interface at a time; “any” watches all"));
	} else if ((w->ring_bytes || w->ring_seconds || w->ring_files) && !c->write) {
		status = usage_error(_("a ring of files needs --write FILE"));
	} else if (w->ring_files && !w->ring_bytes && !w->ring_seconds) {
		status = usage_error(_("--ring-files needs --ring-size or --ring-seconds: when is a file full?"));
	}
	arena_free(a);
	return status;
}

static bool parse(struct command_line *c, int argc, char **argv)
{
	struct options o = options_begin(&usage, argc, argv);
	int i;
	while ((i = options_next(&o)) >= 0) {
		c->status = EXIT_USAGE;
		if (!numeric_option(&c->watch, i, o.value))
			return false;
		c->status = EXIT_UNREADABLE;
		if (!take_option(c, i, o.value))
			return false;
	}
	c->first = o.first;
	c->status = i == OPTIONS_END ? check(c, argc) : options_status(i);
	if (i != OPTIONS_END || c->status != EXIT_NOTHING_WRONG)
		return false;
	c->watch.interface = argv[c->first];
	c->watch.keys = c->keyring.keys;
	c->watch.report.width = setup_width();
	c->status = EXIT_USAGE;
	return setup_colour(c->colour, &c->watch.report.colour);
}

/* --- what is opened before privileges are dropped -------------------------------------------------------------------------------------------- */

/* "trace.pcapng" gives "trace-01.pcapng" and so on. */
static void ring_name(char *buf, size_t size, const char *path, size_t i, size_t n)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
	size_t stem = dot && dot != path && dot[-1] != '/' ? (size_t)(dot - path) : strlen(path);
	snprintf(buf, size, "%.*s-%0*zu%s", (int)stem, path, n > 99 ? 3 : 2, i + 1, path + stem);
}

static bool open_files(struct command_line *c, const struct privileges *p, struct err *e)
{
	struct watch_options *w = &c->watch;
	bool ring = w->ring_bytes || w->ring_seconds;
	size_t n = !c->write ? 0 : !ring ? 1 : w->ring_files ? w->ring_files : WATCH_RING_FILES;
	for (size_t i = 0; i < n; i++) {
		char path[4096];
		if (ring)
			ring_name(path, sizeof path, c->write, i, n);
		else
			snprintf(path, sizeof path, "%s", c->write);
		int fd = privileges_create(p, path, e);
		if (fd < 0)
			return false;
		w->fds[w->n_fds++] = fd;
	}
	return true;
}

static bool open_keylog(struct command_line *c, struct err *e)
{
	if (!c->keylog)
		return true;
	c->watch.keylog = fopen(c->keylog, "re");
	return c->watch.keylog || err_set(e, ERR_OPEN, _("%s: cannot be opened; it must exist beforehand, though it may be empty"), c->keylog);
}

static int run(struct command_line *c, const struct knowledge *k)
{
	struct err e = {0};
	struct privileges p;
	struct watch *w = NULL;
	int status = EXIT_UNREADABLE;
	if (privileges_plan(&p, c->user, &e) && open_keylog(c, &e) && (w = watch_open(&c->watch, k, &e)) && open_files(c, &p, &e) &&
	    watch_write(w, &e) && privileges_drop(&p, &e)) {
		if (!c->no_sandbox)
			sandbox_enter();
		status = watch_run(w);
	} else {
		setup_print_error(&e);
	}
	if (e.code == ERR_USAGE)
		status = EXIT_USAGE;
	watch_close(w);
	if (c->watch.keylog)
		fclose(c->watch.keylog);
	return status;
}

int cmd_watch(int argc, char **argv)
{
	struct command_line c = {.watch.idle_s = WATCH_IDLE_S};
	struct knowledge *owned = NULL;
	if (parse(&c, argc, argv)) {
		const struct knowledge *k = setup_knowledge(c.knowledge_folder, &owned);
		c.status = k ? run(&c, k) : EXIT_UNREADABLE;
	}
	keyring_free(&c.keyring);
	redactor_free(c.watch.report.redactor);
	knowledge_free(owned);
	return c.status;
}
