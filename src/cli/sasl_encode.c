/* telltale sasl encode: the client's messages of a login, made as the server's challenges come. */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/i18n.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/sasl.h"
#include "cli/secret.h"
#include "cli/setup.h"
#include "proto/sasl-make.h"

enum { ENC_USER, ENC_AUTHZID, ENC_PASSWORD_FILE, ENC_PASSWORD_ENV, ENC_PASSWORD_PROMPT, ENC_CHALLENGE, ENC_HOST, ENC_PORT, ENC_SERVICE, ENC_REALM, ENC_LANG };

static const struct option_spec specs[] = {
	[ENC_USER] = {"user", 'u', N_("NAME"), N_("the user name")},
	[ENC_AUTHZID] = {"authzid", 0, N_("NAME"), N_("the user to act as, if another one")},
	[ENC_PASSWORD_FILE] = {"password-file", 0, N_("FILE"), N_("the password or token; - for a line of standard input")},
	[ENC_PASSWORD_ENV] = {"password-env", 0, N_("NAME"), N_("the same from this environment variable")},
	[ENC_PASSWORD_PROMPT] = {"password-prompt", 0, NULL, N_("ask for it at the terminal (the default)")},
	[ENC_CHALLENGE] = {"challenge", 'c', N_("TEXT"), N_("the server's challenge, as it stands in the dialogue; may be given several times")},
	[ENC_HOST] = {"host", 0, N_("NAME"), N_("the server's name, for DIGEST-MD5 and OAUTHBEARER")},
	[ENC_PORT] = {"port", 0, N_("NUMBER"), N_("the server's port, for OAUTHBEARER")},
	[ENC_SERVICE] = {"service", 0, N_("NAME"), N_("smtp (the default), imap or pop, for DIGEST-MD5")},
	[ENC_REALM] = {"realm", 0, N_("NAME"), N_("the realm, for DIGEST-MD5 and NTLM")},
	[ENC_LANG] = {"lang", 'l', N_("CODE"), N_("language of the answer: en, pl, ru, es")},
	{0},
};

static const struct usage usage = {
	.line = N_("sasl encode MECHANISM --user NAME [OPTION]…"),
	.about = N_("Makes the client's messages of a login, one a line, to paste into telnet or openssl s_client: PLAIN, LOGIN, CRAM-MD5, DIGEST-MD5, SCRAM-SHA-1, "
		    "SCRAM-SHA-256, NTLM, XOAUTH2, OAUTHBEARER, EXTERNAL, ANONYMOUS, APOP. Where the mechanism needs the server's challenge and none was given, it is read "
		    "from standard input: paste the server's line there."),
	.options = specs,
	.more = N_("The messages are secrets: whoever reads them can log in.\n"),
};

#define CHALLENGES_MAX 8
/* [MS-NLMP] section 2.2.1.2: up to the server's challenge, and the context after it. */
#define NTLM_CHALLENGE_MIN 40
/* Steps of the longest mechanism are far fewer. */
#define STEPS_MAX 16

struct encoding {
	struct arena *arena;
	struct sasl_account account;
	struct secret_source secret;
	struct slice mech;
	struct slice challenges[CHALLENGES_MAX];
	size_t n_challenges, next_challenge;
	struct buf out;
};

static bool set_option(struct encoding *e, int i, const char *value)
{
	struct slice v = slice_from_cstr(value);
	uint64_t port;
	switch (i) {
	case ENC_USER: e->account.user = v; break;
	case ENC_AUTHZID: e->account.authzid = v; break;
	case ENC_PASSWORD_FILE: e->secret.file = value; break;
	case ENC_PASSWORD_ENV: e->secret.env = value; break;
	case ENC_PASSWORD_PROMPT: e->secret.prompt = true; break;
	case ENC_HOST: e->account.host = v; break;
	case ENC_SERVICE: e->account.service = v; break;
	case ENC_REALM: e->account.realm = v; break;
	case ENC_LANG: setup_language(value); break;
	case ENC_PORT:
		if (!slice_to_uint(v, 65535, &port)) {
			usage_error("%s", _("--port wants a number up to 65535"));
			return false;
		}
		e->account.port = (unsigned)port;
		break;
	case ENC_CHALLENGE:
		if (e->n_challenges < CHALLENGES_MAX)
			e->challenges[e->n_challenges++] = v;
		break;
	}
	return true;
}

/* The next line of the server, decoded: from the options, else from standard input. */
static bool next_challenge(struct encoding *e, struct slice *ret)
{
	struct sasl_guesser g;
	struct sasl_item it;
	struct slice line = SLICE_NONE;
	if (e->next_challenge < e->n_challenges) {
		line = e->challenges[e->next_challenge++];
	} else {
		/* What was made so far must be seen before the server can answer it. */
		if (!setup_print_out(&e->out))
			return false;
		if (isatty(STDIN_FILENO))
			fprintf(stderr, "%s ", _("The server's answer:"));
		if (!stdin_line(e->arena, &line)) {
			fprintf(stderr, "telltale: %s\n", _("the server's challenge is missing: give it with --challenge or on standard input"));
			return false;
		}
	}
	sasl_guess_begin(&g, e->arena);
	sasl_guess(&g, line, &it);
	*ret = it.decoded;
	/* The NTLM library trusts what it is given. */
	if (!slice_eq(e->mech, S("NTLM")) || (it.kind == SASL_NTLM_CHALLENGE && it.decoded.n >= NTLM_CHALLENGE_MIN))
		return true;
	fprintf(stderr, "telltale: %s\n", _("this is no NTLM challenge"));
	return false;
}

static bool is_apop(const struct encoding *e)
{
	return slice_eq(e->mech, S("APOP"));
}

static void put_message(struct encoding *e, struct slice message)
{
	buf_add(&e->out, is_apop(e) ? message : base64_encode(e->arena, message));
	buf_add_byte(&e->out, '\n');
}

/* LOGIN's prompts carry nothing that the answers depend on. */
static bool wants_challenge(const struct encoding *e)
{
	return !slice_eq(e->mech, S("LOGIN")) && !slice_eq(e->mech, S("PLAIN"));
}

static bool run(struct encoding *e, struct sasl_maker *m, struct err *err)
{
	struct slice challenge = SLICE_NONE, message;
	for (unsigned step = 0; step < STEPS_MAX; step++) {
		bool waits = step == 0 && sasl_maker_waits(m);
		if ((waits || (step > 0 && wants_challenge(e))) && !next_challenge(e, &challenge))
			return false;
		enum sasl_made made = sasl_maker_step(m, challenge, &message, err);
		if (made == SASL_MADE_FAILED) {
			setup_print_error(err);
			return false;
		}
		if (message.n || step == 0)
			put_message(e, message);
		/* After DIGEST-MD5's answer comes only the server's proof, which needs no more than an empty line. */
		if (made == SASL_MADE_LAST || (waits && slice_eq(e->mech, S("DIGEST-MD5"))))
			return true;
	}
	return false;
}

static int encode(struct encoding *e)
{
	struct err err = {0};
	bool line_end;
	bool needs_secret = !slice_eq(e->mech, S("EXTERNAL")) && !slice_eq(e->mech, S("ANONYMOUS"));
	if (needs_secret && !secret_read(e->arena, &e->secret, &e->account.password, &line_end))
		return EXIT_UNREADABLE;
	struct sasl_maker *m = sasl_maker_new(e->arena, e->mech, &e->account, &err);
	if (!m) {
		setup_print_error(&err);
		return EXIT_USAGE;
	}
	bool ok = run(e, m, &err);
	sasl_maker_free(m);
	return setup_print_out(&e->out) && ok ? EXIT_NOTHING_WRONG : EXIT_UNREADABLE;
}

static struct slice capitals(struct arena *a, const char *s)
{
	char *copy = arena_cstr(a, slice_from_cstr(s));
	for (char *p = copy; p && *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 32);
	return slice_from_cstr(copy);
}

int sasl_run_encode(int argc, char **argv)
{
	struct options o = options_begin(&usage, argc, argv);
	struct encoding e = {.account.service = S("smtp"), .account.host = S("localhost"), .out = BUF_INIT(SASL_OUTPUT_MAX)};
	int i, status = EXIT_UNREADABLE;
	while ((i = options_next(&o)) >= 0)
		if (!set_option(&e, i, o.value))
			return EXIT_USAGE;
	if (i != OPTIONS_END)
		return options_status(i);
	if (o.first + 1 != argc)
		return usage_error("%s", _("name one mechanism: telltale sasl encode PLAIN --user NAME"));
	e.arena = arena_new_wiping(0);
	if (e.arena) {
		e.mech = capitals(e.arena, argv[o.first]);
		if (!e.account.user.n && !slice_eq(e.mech, S("ANONYMOUS")) && !slice_eq(e.mech, S("EXTERNAL")))
			status = usage_error("%s", _("whose login? Add --user NAME"));
		else
			status = encode(&e);
	}
	buf_free(&e.out);
	arena_free(e.arena);
	return status;
}
