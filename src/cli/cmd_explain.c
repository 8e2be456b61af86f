/* telltale explain: what a code or an error text means, and what to look at. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "base/i18n.h"
#include "cli/cmd.h"
#include "cli/explain.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "evidence/evidence.h"

enum { OPT_LIST, OPT_JSON, OPT_KNOWLEDGE, OPT_LANG, OPT_COLOR };

static const struct option_spec specs[] = {
	[OPT_LIST] = {"list", 0, NULL, N_("list all causes (explain --list codes: all codes)")},
	[OPT_JSON] = {"json", 'j', NULL, N_("print one JSON document")},
	[OPT_KNOWLEDGE] = {"knowledge", 'k', N_("DIR"), N_("read more causes and patterns from this folder")},
	[OPT_LANG] = {"lang", 'l', N_("CODE"), N_("language of the answer: en, pl, ru, es")},
	[OPT_COLOR] = {"color", 0, N_("WHEN"), N_("auto, always or never")},
	{0},
};

static const struct usage usage = {
	.line = N_("explain [OPTION]… WORD…"),
	.about = N_("Says what a reply, a code or an error text means: SMTP replies and enhanced status codes, IMAP and POP3 codes, TLS alerts and the texts of TLS "
		    "libraries, the texts of Microsoft, Google, Yahoo and of mail programs, curl's exit codes, system errors, libusb and MTP codes."),
	.options = specs,
	.more = N_("  telltale explain 535\n"
		   "  telltale explain '550 5.7.1 Relaying denied'\n"
		   "  telltale explain 5.7.139\n"
		   "  telltale explain -6\n"
		   "  telltale explain LIBUSB_ERROR_BUSY\n"
		   "  telltale explain alert 48\n"
		   "  telltale explain cause:ehlo-name-underscore\n"
		   "  telltale explain --list causes\n"
		   "\n"
		   "Exit status: 0 explained, 2 wrong use, 3 not known.\n"),
};

/* Output may not take more memory than this. */
#define OUTPUT_MAX (16u * 1024u * 1024u)

struct explaining {
	struct explain_shown shown;
	const char *folder;
	bool json, list;
	struct buf out;
};

/* "-6" is a code here, not an option. */
static bool is_negative_number(const char *s)
{
	return s[0] == '-' && ascii_is_digit((uint8_t)s[1]);
}

static bool parse(struct explaining *x, int argc, char **argv, int *ret_first, int *ret_status)
{
	int words = argc;
	const char *colour = NULL;
	/* From a negative number on everything is operand. */
	for (int i = argc - 1; i > 0; i--)
		if (is_negative_number(argv[i]))
			words = i;
	struct options o = options_begin(&usage, words, argv);
	int i;
	while ((i = options_next(&o)) >= 0) {
		switch (i) {
		case OPT_LIST: x->list = true; break;
		case OPT_JSON: x->json = true; break;
		case OPT_KNOWLEDGE: x->folder = o.value; break;
		case OPT_LANG: setup_language(o.value); break;
		case OPT_COLOR: colour = o.value; break;
		}
	}
	*ret_first = o.first;
	*ret_status = i == OPTIONS_END ? EXIT_NOTHING_WRONG : options_status(i);
	if (i == OPTIONS_END && !setup_colour(colour, &x->shown.colour)) {
		*ret_status = EXIT_USAGE;
		return false;
	}
	return i == OPTIONS_END;
}

static int list_all(struct explaining *x, int n, char **operands)
{
	bool codes = n == 1 && strcmp(operands[0], "codes") == 0;
	if (n > 1 || (n == 1 && !codes && strcmp(operands[0], "causes") != 0))
		return usage_error("%s", _("--list takes one of: causes, codes"));
	if (x->json)
		explain_list_json(&x->out, codes, &x->shown);
	else
		explain_list_text(&x->out, codes, &x->shown);
	return EXIT_NOTHING_WRONG;
}

/* The words as one reply, or, where that says nothing, as a piece of evidence. */
static struct diagnosis *ask_patterns(struct explaining *x)
{
	struct err e = {0};
	struct diagnoser *dr = diagnoser_new(x->shown.knowledge, &e);
	if (!dr) {
		setup_print_error(&e);
		return NULL;
	}
	struct diagnosis *d = diagnose_text(dr, PROTOCOL_UNKNOWN, x->shown.query);
	if (d && d->findings.n == 0) {
		struct transcript *t = transcript_new();
		struct evidence_options o = {0};
		diagnosis_free(d);
		d = NULL;
		if (t && evidence_read_memory(t, S("-"), x->shown.query, &o, &e)) {
			transcript_finish(t);
			d = diagnose(dr, t);
		}
		/* The findings live on; the transcript they quote is not shown. */
		transcript_free(t);
	}
	diagnoser_free(dr);
	return d;
}

/* The id, code or name that a misspelt single word most likely meant. */
static const char *nearest_spelling(struct explaining *x)
{
	const struct knowledge *k = x->shown.knowledge;
	size_t n = 0, room = k->n_causes + k->n_codes;
	for (size_t i = 0; i < k->n_codes; i++)
		room += k->codes[i].n_also;
	const char **names = arena_alloc(x->shown.arena, (room + 1) * sizeof *names);
	char *word = arena_cstr(x->shown.arena, x->shown.query);
	if (!names || !word)
		return NULL;
	for (size_t i = 0; i < k->n_causes; i++)
		names[n++] = k->causes[i].id;
	for (size_t i = 0; i < k->n_codes; i++) {
		names[n++] = k->codes[i].code;
		for (size_t j = 0; j < k->codes[i].n_also; j++)
			names[n++] = k->codes[i].also[j];
	}
	if (strncmp(word, "cause:", 6) == 0)
		word += 6;
	/* Every short word is near to some code. */
	return strlen(word) < 5 ? NULL : nearest_name(word, names, n);
}

static int explain(struct explaining *x)
{
	struct explanation e;
	struct diagnosis *d = NULL;
	const char *nearest = NULL;
	if (!explain_query(x->shown.arena, x->shown.knowledge, x->shown.query, &e)) {
		setup_print_error(&(struct err){.code = ERR_MEMORY});
		return EXIT_UNREADABLE;
	}
	if (e.has_words && !e.cause)
		d = ask_patterns(x);
	bool known = e.cause || e.exact.n || e.phrases.n || e.codes.n || e.general.n || (d && d->findings.n && d->findings.v[0]->confidence >= EXPLAIN_SURE);
	if (!known)
		nearest = nearest_spelling(x);
	if (x->json)
		explain_show_json(&x->out, &e, d, nearest, &x->shown);
	else
		explain_show_text(&x->out, &e, d, nearest, &x->shown);
	diagnosis_free(d);
	return known ? EXIT_NOTHING_WRONG : EXIT_UNREADABLE;
}

static int run(struct explaining *x, int n, char **operands)
{
	size_t room = 0;
	if (x->list)
		return list_all(x, n, operands);
	if (n == 0)
		return usage_error("%s", _("what shall I explain? Give a code or an error text: telltale explain 535"));
	for (int i = 0; i < n; i++)
		arena_append(x->shown.arena, &x->shown.query, &room, i ? S(" ") : SLICE_NONE, slice_from_cstr(operands[i]));
	return explain(x);
}

int cmd_explain(int argc, char **argv)
{
	struct explaining x = {.shown.width = setup_width(), .out = BUF_INIT(OUTPUT_MAX)};
	struct knowledge *owned = NULL;
	int first = 0, status = 0;
	if (parse(&x, argc, argv, &first, &status)) {
		status = EXIT_UNREADABLE;
		x.shown.knowledge = setup_knowledge(x.folder, &owned);
		x.shown.arena = arena_new(0);
		if (x.shown.knowledge && x.shown.arena)
			status = run(&x, argc - first, argv + first);
		if (x.out.n && !setup_print_out(&x.out))
			status = EXIT_UNREADABLE;
	}
	arena_free(x.shown.arena);
	knowledge_free(owned);
	buf_free(&x.out);
	return status;
}
