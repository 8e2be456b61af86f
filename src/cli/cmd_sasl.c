/* telltale sasl: what people do by hand with logins: decode, encode, check. Offline. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/sasl.h"
#include "cli/secret.h"
#include "cli/setup.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} parts[] = {
	{"decode", sasl_run_decode},
	{"encode", sasl_run_encode},
	{"check", sasl_run_check},
};

static const struct option_spec no_options[] = {{0}};

static const struct usage overview = {
	.line = N_("sasl decode|encode|check [OPTION]… [STRING]…"),
	.about = N_("Decodes what is said in a login, makes the messages of one, and checks passwords, tokens and messages for what makes servers refuse them. "
		    "Nothing is sent anywhere."),
	.options = no_options,
	.more = N_("  telltale sasl decode dGVzdAB0ZXN0AHRlc3RwYXNz\n"
		   "  telltale sasl encode PLAIN --user test --password-prompt\n"
		   "  telltale sasl check --user me@example.com --file token.txt\n"
		   "  telltale sasl check --password-prompt '334 PDE4OT…' dGVzdCAx…\n"
		   "\n"
		   "“telltale sasl decode --help” says more about each.\n"),
};

int cmd_sasl(int argc, char **argv)
{
	const char *names[sizeof parts / sizeof *parts];
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		names[i] = parts[i].name;
		if (argc > 1 && strcmp(argv[1], parts[i].name) == 0)
			return parts[i].run(argc - 1, argv + 1);
	}
	struct options o = options_begin(&overview, argc, argv);
	o.stop_at_operand = true;
	int i = options_next(&o);
	if (i != OPTIONS_END)
		return options_status(i);
	if (o.first >= argc) {
		usage_print(stderr, &overview);
		return EXIT_USAGE;
	}
	const char *meant = nearest_name(argv[o.first], names, sizeof names / sizeof *names);
	if (meant)
		return usage_error(_("there is no “sasl %s”; did you mean “sasl %s”?"), argv[o.first], meant);
	return usage_error("%s", _("say what to do: sasl decode, sasl encode or sasl check"));
}

/* --- input ---------------------------------------------------------------------------------------------------------------- */

/* A full line of wrapped base64: the widths that encoders use. */
static bool is_full_line(struct slice s)
{
	if (s.n != 76 && s.n != 72 && s.n != 64 && s.n != 60)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '+' && s.p[i] != '/' && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return true;
}

static void take_lines(struct sasl_guesser *g, struct slice text, struct sasl_items *ret)
{
	while (text.n) {
		struct slice line, whole = text;
		slice_next_line(&text, &line);
		struct slice tail = line;
		/* "AUTH PLAIN <base64>" may be wrapped as well. */
		size_t blank = slice_find_last_byte(line, ' ');
		if (blank != SLICE_NPOS)
			tail = slice_from(line, blank + 1);
		while (is_full_line(tail) && text.n && ascii_is_alnum(text.p[0])) {
			slice_next_line(&text, &tail);
			line = slice_of(whole.p, (size_t)(tail.p + tail.n - whole.p));
		}
		struct sasl_item *it = slice_trim(line).n ? VEC_PUSH(g->arena, &ret->items) : NULL;
		if (it)
			sasl_guess(g, line, it);
	}
}

static bool read_stdin(struct arena *a, struct slice *ret)
{
	uint8_t *room = arena_alloc(a, SASL_INPUT_MAX);
	if (!room)
		return false;
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "%s\n", _("Paste the login's lines here, then press Ctrl-D on a line of its own."));
	*ret = slice_of(room, fread(room, 1, SASL_INPUT_MAX, stdin));
	return !ferror(stdin);
}

bool sasl_gather(struct arena *a, int n, char **operands, struct sasl_items *ret)
{
	struct sasl_guesser g;
	sasl_guess_begin(&g, a);
	static char standard_input[] = "-";
	char *only[] = {standard_input};
	if (n == 0) {
		operands = only;
		n = 1;
	}
	for (int i = 0; i < n; i++) {
		struct slice s = slice_from_cstr(operands[i]);
		if (strcmp(operands[i], "-") == 0 && !read_stdin(a, &s)) {
			perror("telltale");
			return false;
		}
		/* A quoted operand with a line end in it is one wrapped piece, or several lines. */
		take_lines(&g, s, ret);
	}
	if (ret->items.n == 0)
		fprintf(stderr, "telltale: %s\n", _("there is nothing to look at"));
	return ret->items.n > 0;
}

/* --- decode --------------------------------------------------------------------------------------------------------------- */

enum { DEC_JSON, DEC_SHOW_SECRETS, DEC_LANG };

static const struct option_spec decode_specs[] = {
	[DEC_JSON] = {"json", 'j', NULL, N_("print one JSON document")},
	[DEC_SHOW_SECRETS] = {"show-secrets", 0, NULL, N_("do not mask passwords and tokens")},
	[DEC_LANG] = {"lang", 'l', N_("CODE"), N_("language of the answer: en, pl, ru, es")},
	{0},
};

static const struct usage decode_usage = {
	.line = N_("sasl decode [OPTION]… [STRING]…"),
	.about = N_("Says what the strings of a login are and what stands in them: PLAIN, LOGIN, CRAM-MD5, DIGEST-MD5, SCRAM, NTLM, XOAUTH2, OAUTHBEARER and the "
		    "server's error to them, APOP, tokens. A string may be the base64 alone or the whole line (334 …, + …, AUTH PLAIN …). Give several in the order "
		    "of the dialogue. Without a string it reads lines from standard input."),
	.options = decode_specs,
	.more = N_("Exit status: 0 all is well, 1 a message is broken, 2 wrong use, 3 a string was not recognised.\n"),
};

static int decode_status(const struct sasl_items *items)
{
	int status = EXIT_NOTHING_WRONG;
	for (size_t i = 0; i < items->items.n; i++) {
		if (items->items.v[i].kind == SASL_UNKNOWN)
			return EXIT_UNREADABLE;
		if (items->items.v[i].base64_faults || items->items.v[i].kind == SASL_OAUTH_ERROR)
			status = EXIT_FAULT_FOUND;
	}
	return status;
}

int sasl_run_decode(int argc, char **argv)
{
	struct options o = options_begin(&decode_usage, argc, argv);
	struct sasl_shown shown = {.width = setup_width()};
	struct sasl_items items = {0};
	struct buf out = BUF_INIT(SASL_OUTPUT_MAX);
	int i, status = EXIT_UNREADABLE;
	while ((i = options_next(&o)) >= 0) {
		shown.json |= i == DEC_JSON;
		shown.show_secrets |= i == DEC_SHOW_SECRETS;
		if (i == DEC_LANG)
			setup_language(o.value);
	}
	if (i != OPTIONS_END)
		return options_status(i);
	struct arena *a = arena_new_wiping(0);
	if (a && sasl_gather(a, argc - o.first, argv + o.first, &items)) {
		status = decode_status(&items);
		if (shown.json)
			sasl_show_json(&out, a, &items, NULL, &shown);
		else
			sasl_show_items(&out, a, &items, &shown);
		if (!setup_print_out(&out))
			status = EXIT_UNREADABLE;
	}
	buf_free(&out);
	arena_free(a);
	return status;
}

/* --- check ---------------------------------------------------------------------------------------------------------------- */

enum { CHK_USER, CHK_PROTOCOL, CHK_FILE, CHK_PASSWORD_FILE, CHK_PASSWORD_ENV, CHK_PASSWORD_PROMPT, CHK_NOW, CHK_JSON, CHK_SHOW_SECRETS, CHK_LANG, CHK_COLOR };

static const struct option_spec check_specs[] = {
	[CHK_USER] = {"user", 'u', N_("NAME"), N_("the account that is meant: compared with the message and the token")},
	[CHK_PROTOCOL] = {"protocol", 'p', N_("NAME"), N_("smtp, imap or pop3: what the token must serve")},
	[CHK_FILE] = {"file", 'f', N_("FILE"), N_("read a message or token from this file")},
	[CHK_PASSWORD_FILE] = {"password-file", 0, N_("FILE"), N_("the password to check, and to prove digests with; - for a line of standard input")},
	[CHK_PASSWORD_ENV] = {"password-env", 0, N_("NAME"), N_("the same from this environment variable")},
	[CHK_PASSWORD_PROMPT] = {"password-prompt", 0, NULL, N_("ask for it at the terminal")},
	[CHK_NOW] = {"now", 0, N_("SECONDS"), N_("take this as the present time (Unix seconds)")},
	[CHK_JSON] = {"json", 'j', NULL, N_("print one JSON document")},
	[CHK_SHOW_SECRETS] = {"show-secrets", 0, NULL, N_("do not mask passwords and tokens")},
	[CHK_LANG] = {"lang", 'l', N_("CODE"), N_("language of the answer: en, pl, ru, es")},
	[CHK_COLOR] = {"color", 0, N_("WHEN"), N_("auto, always or never")},
	{0},
};

static const struct usage check_usage = {
	.line = N_("sasl check [OPTION]… [STRING]…"),
	.about = N_("Looks for what makes a server refuse a login: wrapped, cut or wrongly encoded base64; NUL and ^A in the wrong places; stray blanks and line ends; "
		    "letters outside ASCII; app passwords; tokens that have expired, are meant for something else, lack the scope or belong to another account. With the "
		    "password it proves whether a CRAM-MD5, APOP, DIGEST-MD5 or SCRAM answer was made from it: give the server's challenge, then the client's answer."),
	.options = check_specs,
	.more = N_("Exit status: 0 nothing wrong found, 1 a fault was found, 2 wrong use, 3 nothing could be read.\n"),
};

struct checking {
	struct sasl_shown shown;
	struct sasl_checkup checkup;
	struct sasl_items items;
	struct secret_source secret;
	const char *file;
};

static bool set_option(struct checking *k, int i, char *value, const char **colour)
{
	uint64_t seconds;
	switch (i) {
	case CHK_USER: k->checkup.user = slice_from_cstr(value); break;
	case CHK_PROTOCOL:
		k->checkup.protocol = protocol_from_name(slice_from_cstr(value));
		if (k->checkup.protocol == PROTOCOL_UNKNOWN) {
			usage_error("%s", _("--protocol is one of: smtp, imap, pop3"));
			return false;
		}
		break;
	case CHK_FILE: k->file = value; break;
	case CHK_PASSWORD_FILE: k->secret.file = value; break;
	case CHK_PASSWORD_ENV: k->secret.env = value; break;
	case CHK_PASSWORD_PROMPT: k->secret.prompt = true; break;
	case CHK_NOW:
		if (!slice_to_uint(slice_from_cstr(value), INT64_MAX / 2, &seconds)) {
			usage_error("%s", _("--now wants a number of seconds"));
			return false;
		}
		k->checkup.now = (int64_t)seconds;
		break;
	case CHK_JSON: k->shown.json = true; break;
	case CHK_SHOW_SECRETS: k->shown.show_secrets = true; break;
	case CHK_LANG: setup_language(value); break;
	case CHK_COLOR: *colour = value; break;
	}
	return true;
}

static bool gather_file(struct checking *k)
{
	struct arena *a = k->checkup.arena;
	struct secret_source from = {.file = k->file};
	struct slice text;
	bool line_end;
	struct sasl_guesser g;
	if (!secret_read(a, &from, &text, &line_end))
		return false;
	sasl_guess_begin(&g, a);
	take_lines(&g, text, &k->items);
	return true;
}

static bool gather_secret(struct checking *k)
{
	bool line_end = false;
	if (!secret_read(k->checkup.arena, &k->secret, &k->checkup.password, &line_end))
		return false;
	sasl_check_password(&k->checkup, k->checkup.user, k->checkup.password);
	if (line_end && k->secret.file && strcmp(k->secret.file, "-") != 0)
		sasl_add(&k->checkup, ADVICE_NOTE, "",
			 slice_from_cstr(_("The password file ends in a line end. A program that reads the whole file sends it as part of the password.")), "");
	return true;
}

static bool gather_all(struct checking *k, int n, char **operands)
{
	if (k->file && !gather_file(k))
		return false;
	if (secret_is_given(&k->secret) && !gather_secret(k))
		return false;
	/* Standard input is read only when nothing else was named. */
	if (n == 0 && (k->file || secret_is_given(&k->secret)))
		return true;
	return sasl_gather(k->checkup.arena, n, operands, &k->items);
}

static int check_status(const struct checking *k)
{
	size_t unknown = 0;
	for (size_t i = 0; i < k->checkup.advice.n; i++)
		if (k->checkup.advice.v[i].level == ADVICE_FAULT)
			return EXIT_FAULT_FOUND;
	for (size_t i = 0; i < k->items.items.n; i++)
		unknown += k->items.items.v[i].kind == SASL_UNKNOWN;
	return unknown && unknown == k->items.items.n ? EXIT_UNREADABLE : EXIT_NOTHING_WRONG;
}

static int check_all(struct checking *k)
{
	struct buf out = BUF_INIT(SASL_OUTPUT_MAX);
	for (size_t i = 0; i < k->items.items.n; i++)
		sasl_check_item(&k->checkup, &k->items.items.v[i]);
	sasl_check_proof(&k->checkup, k->items.items.v, k->items.items.n);
	int status = check_status(k);
	if (k->shown.json) {
		sasl_show_json(&out, k->checkup.arena, &k->items, &k->checkup, &k->shown);
	} else {
		sasl_show_advice(&out, &k->checkup, &k->shown);
		if (k->items.items.n)
			buf_add_byte(&out, '\n');
		sasl_show_items(&out, k->checkup.arena, &k->items, &k->shown);
	}
	if (!setup_print_out(&out))
		status = EXIT_UNREADABLE;
	buf_free(&out);
	return status;
}

int sasl_run_check(int argc, char **argv)
{
	struct options o = options_begin(&check_usage, argc, argv);
	struct checking k = {.checkup.now = (int64_t)time(NULL), .shown.width = setup_width()};
	const char *colour = NULL;
	int i, status = EXIT_UNREADABLE;
	while ((i = options_next(&o)) >= 0)
		if (!set_option(&k, i, (char *)(uintptr_t)o.value, &colour))
			return EXIT_USAGE;
	if (i != OPTIONS_END)
		return options_status(i);
	if (!setup_colour(colour, &k.shown.colour))
		return EXIT_USAGE;
	k.checkup.arena = arena_new_wiping(0);
	if (k.checkup.arena && gather_all(&k, argc - o.first, argv + o.first))
		status = check_all(&k);
	arena_free(k.checkup.arena);
	return status;
}
