/* telltale read: evidence in, verdict out. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cli/cmd.h"
#include "cli/filter.h"
#include "cli/keyring.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/sandbox.h"
#include "cli/setup.h"
#include "evidence/evidence.h"
#include "report/report.h"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL, FORMAT_PAGE };

enum {
	OPT_JSON, OPT_JSONL, OPT_HTML, OPT_LADDER, OPT_EVENTS, OPT_VERBOSE, OPT_CLIENT, OPT_SERVER, OPT_SESSION, OPT_CAUSE, OPT_REDACT,
	OPT_SHOW_SECRETS, OPT_KNOWLEDGE, OPT_KEY, OPT_KEYLOG, OPT_LANG, OPT_COLOR, OPT_NO_SANDBOX,
};

static const struct option_spec specs[] = {
	[OPT_JSON] = {"json", 'j', NULL, N_("print one JSON document, see telltale-transcript(5)")},
	[OPT_JSONL] = {"jsonl", 0, NULL, N_("print one line of JSON per session as it ends, then one with the findings")},
	[OPT_HTML] = {"html", 0, N_("FILE"), N_("also write the answer as a page with pictures; - prints the page")},
	[OPT_LADDER] = {"ladder", 0, NULL, N_("also draw who said what, as arrows between two lines")},
	[OPT_EVENTS] = {"events", 'e', NULL, N_("JSON with every event of the sessions")},
	[OPT_VERBOSE] = {"verbose", 'v', NULL, N_("also show who said what, and the fixes for all software")},
	[OPT_CLIENT] = {"client", 0, N_("WHO"), N_("only sessions of this client: address, name or domain")},
	[OPT_SERVER] = {"server", 0, N_("WHO"), N_("only sessions with this server")},
	[OPT_SESSION] = {"session", 0, N_("N"), N_("only sessions with these numbers: 3 or 3,5")},
	[OPT_CAUSE] = {"cause", 0, N_("ID"), N_("only this cause, and the sessions that show it")},
	[OPT_REDACT] = {"redact", 'r', NULL, N_("replace addresses, host names and user names by pseudonyms")},
	[OPT_SHOW_SECRETS] = {"show-secrets", 0, NULL, N_("do not mask passwords and tokens")},
	[OPT_KNOWLEDGE] = {"knowledge", 'k', N_("DIR"), N_("read more causes and patterns from this folder")},
	[OPT_KEY] = {"key", 0, N_("FILE"), N_("private RSA key of the server (PEM), to read TLS in captures; may repeat")},
	[OPT_KEYLOG] = {"keylog", 0, N_("FILE"), N_("key log of the client (SSLKEYLOGFILE), to read TLS in captures; may repeat")},
	[OPT_LANG] = {"lang", 'l', N_("CODE"), N_("language of the answer: en, pl, ru, es")},
	[OPT_COLOR] = {"color", 0, N_("WHEN"), N_("auto, always or never")},
	[OPT_NO_SANDBOX] = {"no-sandbox", 0, NULL, N_("read without giving rights up first; to find a fault of the sandbox")},
	{0},
};

static const struct usage usage = {
	.line = N_("read [OPTION]… [FILE…]"),
	.about = N_("Reads pasted SMTP, IMAP and POP3 sessions, packet captures, logs, bounces, error messages and the output of tools, and says what is wrong, which lines "
		    "prove it, and what to change. Several files are read as one case. Without a file, or with -, it reads standard input."),
	.options = specs,
	.more = N_("Exit status:\n"
		   "  0  nothing wrong found\n"
		   "  1  a fault was found, or something failed for an unknown reason\n"
		   "  2  wrong use\n"
		   "  3  the evidence could not be read, or is empty\n"),
};

/* Output that one format may take at most, in memory. */
#define OUTPUT_MAX (1024u * 1024u * 1024u)
/* Smaller inputs are read before anybody looks for a progress line. */
#define PROGRESS_MIN (64u * 1024u * 1024u)

struct reading {
	enum format format;
	struct report_options report;
	const char *knowledge_folder;
	struct keyring keyring;
	struct diagnoser *diagnoser;
	struct transcript *transcript;
	struct diagnosis *sum; /* of the batches handed on; NULL until the first */
	struct verdict verdict;
	struct report_json *json;
	struct filter filter;
	const char *page_path;
	struct output *page_file;             /* NULL: none, or the page is printed */
	struct report_pictures *page, *ladders; /* NULL: not asked for */
	bool ladder;
	struct buf out;
	bool streamed, output_failed, progress_shown, no_sandbox;
};

/* What the options mean together. */
static bool settle_format(struct reading *r)
{
	bool json = r->format != FORMAT_TEXT || r->report.events, printed = r->page_path && strcmp(r->page_path, "-") == 0;
	if (r->report.events && r->format == FORMAT_TEXT)
		r->format = FORMAT_JSON;
	if (printed && (json || r->ladder)) {
		usage_error(_("--html - prints the page, so nothing else can be printed: give it the name of a file"));
		return false;
	}
	if (r->ladder && json) {
		usage_error(_("--ladder draws in text, not in JSON"));
		return false;
	}
	if (printed)
		r->format = FORMAT_PAGE;
	return true;
}

static bool parse(struct reading *r, int argc, char **argv, int *ret_first, int *ret_status)
{
	struct options o = options_begin(&usage, argc, argv);
	const char *colour = NULL, *sessions = NULL;
	bool keys_ok = true;
	int i;
	while ((i = options_next(&o)) >= 0) {
		switch (i) {
		case OPT_JSON: r->format = FORMAT_JSON; break;
		case OPT_JSONL: r->format = FORMAT_JSONL; break;
		case OPT_HTML: r->page_path = o.value; break;
		case OPT_LADDER: r->ladder = true; break;
		case OPT_EVENTS: r->report.events = true; break;
		case OPT_VERBOSE: r->report.verbose = true; break;
		case OPT_SHOW_SECRETS: r->report.show_secrets = true; break;
		case OPT_CLIENT: r->filter.selection.client = slice_from_cstr(o.value); break;
		case OPT_SERVER: r->filter.selection.server = slice_from_cstr(o.value); break;
		case OPT_SESSION: sessions = o.value; break;
		case OPT_CAUSE: r->filter.cause_id = o.value; break;
		case OPT_KNOWLEDGE: r->knowledge_folder = o.value; break;
		case OPT_KEY: keys_ok = keyring_add_key(&r->keyring, o.value) && keys_ok; break;
		case OPT_KEYLOG: keys_ok = keyring_add_log(&r->keyring, o.value) && keys_ok; break;
		case OPT_LANG: setup_language(o.value); break;
		case OPT_COLOR: colour = o.value; break;
		case OPT_NO_SANDBOX: r->no_sandbox = true; break;
		case OPT_REDACT:
			redactor_free(r->report.redactor);
			r->report.redactor = redactor_new();
			break;
		}
	}
	*ret_first = o.first;
	*ret_status = i == OPTIONS_END ? EXIT_NOTHING_WRONG : options_status(i);
	if (i != OPTIONS_END)
		return false;
	bool ok = keys_ok && setup_colour(colour, &r->report.colour) && (!sessions || filter_set_sessions(&r->filter, sessions)) && settle_format(r);
	if (!ok)
		*ret_status = keys_ok ? EXIT_USAGE : EXIT_UNREADABLE;
	return ok;
}

/* Shows and counts what the transcript holds, which is diagnosed; what comes before the findings. */
static void take_sessions(struct reading *r)
{
	redactor_learn(r->report.redactor, r->transcript);
	verdict_add(&r->verdict, r->transcript);
	filter_evidence(&r->filter, r->transcript, r->sum);
	if (r->page)
		report_pictures_add(r->page, r->transcript, r->sum, &r->verdict);
	if (r->ladders)
		report_pictures_add(r->ladders, r->transcript, r->sum, &r->verdict);
	if (r->format == FORMAT_JSON)
		report_json_add(r->json, r->transcript);
	if (r->format == FORMAT_JSONL)
		report_jsonl_sessions(&r->out, r->transcript, &r->report);
}

static void on_flush(void *user, struct transcript *t)
{
	struct reading *r = user;
	if (!r->sum)
		r->sum = diagnosis_new();
	r->streamed = true;
	filter_sessions(&r->filter, t);
	if (r->sum && diagnose_add(r->diagnoser, t, r->sum))
		take_sessions(r);
	if (r->format == FORMAT_JSONL && !r->output_failed)
		r->output_failed = !setup_print_out(&r->out);
	buf_reset(&r->out);
}

static void on_progress(void *user, uint64_t done, uint64_t total)
{
	struct reading *r = user;
	if (total && total < PROGRESS_MIN)
		return;
	r->progress_shown = true;
	if (total)
		fprintf(stderr, "\r%s %3.0f %%", _("reading"), 100.0 * (double)done / (double)total);
	else
		fprintf(stderr, "\r%s %llu MiB", _("reading"), (unsigned long long)(done >> 20));
}

static void end_progress(struct reading *r)
{
	if (r->progress_shown)
		fprintf(stderr, "\r%30s\r", "");
	r->progress_shown = false;
}

/* All are opened before the first is read: the sandbox opens nothing. -1 for those that cannot be. */
static int *open_inputs(int n, char **paths)
{
	int *fds = calloc((size_t)n, sizeof *fds);
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (int i = 0; fds && i < n; i++) {
		struct err e = {0};
		fds[i] = evidence_open(paths[i], &e);
		if (fds[i] < 0)
			setup_print_error(&e);
	}
	return fds;
}

/* Number of inputs that could be read. */
static int read_inputs(struct reading *r, int n, char **paths, const int *fds)
{
	struct evidence_options o = {.flush = on_flush, .progress = isatty(STDERR_FILENO) ? on_progress : NULL, .user = r, .keys = r->keyring.keys};
	int good = 0;
	for (int i = 0; i < n; i++) {
		struct err e = {0};
		if (fds[i] < 0)
			continue;
		if (strcmp(paths[i], "-") == 0 && isatty(STDIN_FILENO))
			fprintf(stderr, "%s\n", _("Paste the session, log or error message here, then press Ctrl-D on a line of its own."));
		bool ok = evidence_read_open(r->transcript, paths[i], fds[i], &o, &e);
		end_progress(r);
		if (ok)
			good++;
		else
			setup_print_error(&e);
	}
	return good;
}

static void print_answer(struct reading *r, const struct diagnosis *d)
{
	switch (r->format) {
	case FORMAT_TEXT:
		report_text(&r->out, r->transcript, d, &r->verdict, &r->report);
		if (r->ladders)
			report_ladders(&r->out, r->ladders, d, &r->verdict);
		else if (r->report.verbose && r->streamed)
			buf_printf(&r->out, "\n%s\n", _("The input is large, so its sessions are not shown; --jsonl --events shows them all."));
		else if (r->report.verbose)
			report_transcript(&r->out, r->transcript, &r->report);
		break;
	case FORMAT_JSON:
		report_json_finish(r->json, &r->out, r->transcript, d, &r->verdict);
		break;
	case FORMAT_JSONL:
		report_jsonl_findings(&r->out, r->transcript, d, &r->verdict, &r->report);
		break;
	case FORMAT_PAGE:
		report_page(&r->out, r->page, r->transcript, d, &r->verdict);
		break;
	}
}

/* The page beside the answer, in a file of its own. */
static bool write_page(struct reading *r, const struct diagnosis *d)
{
	struct buf page = BUF_INIT(OUTPUT_MAX);
	struct err e = {.code = ERR_MEMORY};
	if (!r->page_file)
		return true;
	report_page(&page, r->page, r->transcript, d, &r->verdict);
	bool ok = !page.full && output_finish(r->page_file, buf_slice(&page), &e);
	if (page.full)
		output_abandon(r->page_file);
	r->page_file = NULL;
	if (!ok)
		setup_print_error(&e);
	buf_free(&page);
	return ok;
}

static int status_of(const struct reading *r, int n, int good)
{
	static const int status[] = {
		[VERDICT_FAULT] = EXIT_FAULT_FOUND, [VERDICT_CANNOT_TELL] = EXIT_FAULT_FOUND, [VERDICT_NOTHING_WRONG] = EXIT_NOTHING_WRONG,
		[VERDICT_NO_EVIDENCE] = EXIT_UNREADABLE, [VERDICT_NOT_FOUND] = EXIT_NOTHING_WRONG,
	};
	/* A file that could not be read may hold the fault. */
	return good < n && r->verdict.kind != VERDICT_FAULT ? EXIT_UNREADABLE : status[r->verdict.kind];
}

static int diagnose_inputs(struct reading *r, int n, char **paths)
{
	int *fds = open_inputs(n, paths);
	if (!r->no_sandbox)
		sandbox_enter();
	int good = fds ? read_inputs(r, n, paths, fds) : 0;
	free(fds);
	if (!good)
		return EXIT_UNREADABLE;
	transcript_finish(r->transcript);
	filter_sessions(&r->filter, r->transcript);
	if (!r->sum)
		r->sum = diagnosis_new();
	if (!r->sum || !diagnose_add(r->diagnoser, r->transcript, r->sum)) {
		setup_print_error(&(struct err){.code = ERR_MEMORY});
		return EXIT_UNREADABLE;
	}
	take_sessions(r);
	verdict_settle(&r->verdict, r->transcript, r->sum);
	filter_findings(&r->filter, r->sum, &r->verdict);
	r->report.left_out = r->filter.left_out;
	bool nothing = filter_found_nothing(&r->filter, &r->verdict);
	if (!nothing || r->format != FORMAT_TEXT)
		print_answer(r, r->sum);
	int status = nothing ? EXIT_UNREADABLE : status_of(r, n, good);
	bool written = write_page(r, r->sum);
	return !r->output_failed && setup_print_out(&r->out) && written ? status : EXIT_UNREADABLE;
}

/* The pictures asked for, and where the page goes: settled before the sandbox closes. */
static bool prepare_pictures(struct reading *r, struct err *reterr)
{
	if (r->page_path && !(r->page = report_pictures_new(PICTURE_PAGE, &r->report)))
		return err_set(reterr, ERR_MEMORY, "%s", "");
	if (r->ladder && !(r->ladders = report_pictures_new(PICTURE_TERMINAL, &r->report)))
		return err_set(reterr, ERR_MEMORY, "%s", "");
	if (r->page_path && r->format != FORMAT_PAGE)
		r->page_file = output_begin(r->page_path, reterr);
	return r->page_file || !r->page_path || r->format == FORMAT_PAGE;
}

static bool prepare(struct reading *r, const struct knowledge *k)
{
	struct err e = {.code = ERR_MEMORY};
	r->report.width = setup_width();
	r->report.ladder_width = setup_picture_width();
	r->report.ascii = setup_ascii();
	r->diagnoser = diagnoser_new(k, &e);
	r->transcript = transcript_new();
	r->verdict.arena = arena_new(0);
	r->json = report_json_new(&r->report);
	/* The libraries behind keys load modules, which the sandbox forbids. */
	if (r->diagnoser && r->transcript && r->verdict.arena && r->json && prepare_pictures(r, &e) && keyring_ready(&r->keyring))
		return true;
	setup_print_error(&e);
	return false;
}

int cmd_read(int argc, char **argv)
{
	static char standard_input[] = "-";
	char *only_stdin[] = {standard_input};
	struct reading r = {.out = BUF_INIT(OUTPUT_MAX)};
	struct knowledge *owned = NULL;
	int first = 0, status = 0;
	if (parse(&r, argc, argv, &first, &status)) {
		const struct knowledge *k = setup_knowledge(r.knowledge_folder, &owned);
		status = k && !filter_set_cause(&r.filter, k) ? EXIT_USAGE : EXIT_UNREADABLE;
		if (k && status != EXIT_USAGE && prepare(&r, k))
			status = first < argc ? diagnose_inputs(&r, argc - first, argv + first) : diagnose_inputs(&r, 1, only_stdin);
	}
	output_abandon(r.page_file);
	report_json_free(r.json);
	report_pictures_free(r.page);
	report_pictures_free(r.ladders);
	diagnosis_free(r.sum);
	diagnoser_free(r.diagnoser);
	transcript_free(r.transcript);
	arena_free(r.verdict.arena);
	redactor_free(r.report.redactor);
	knowledge_free(owned);
	keyring_free(&r.keyring);
	buf_free(&r.out);
	return status;
}
