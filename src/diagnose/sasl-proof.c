/* Whether a login's answer was made from the known password (sasl-doctor.h). */

#include "base/i18n.h"
#include "base/text.h"
#include "diagnose/sasl-doctor.h"
#include "proto/sasl-digest.h"

/* Proofs made in one run, and PBKDF2 rounds up to which all variants of a password are tried: a hostile dialogue may not keep us busy for ever. */
#define PROOFS_MAX 4
#define VARIANT_ROUNDS_MAX 100000u

/* What users' passwords turn into on their way. */
enum variant { AS_GIVEN, WITH_LF, WITH_CRLF, WITH_BLANK, TRIMMED, LATIN1, NO_BLANKS, EMPTY, VARIANTS };

static const struct {
	const char *words; /* completes "The digest was made from the password …" */
	const char *cause;
} variants[VARIANTS] = {
	[AS_GIVEN] = {"", ""},
	[WITH_LF] = {N_("with a line feed at its end"), "password-stray-whitespace"},
	[WITH_CRLF] = {N_("with CR LF at its end"), "password-stray-whitespace"},
	[WITH_BLANK] = {N_("with a blank at its end"), "password-stray-whitespace"},
	[TRIMMED] = {N_("without the blanks around it"), "password-stray-whitespace"},
	[LATIN1] = {N_("in ISO 8859-1, not in UTF-8"), "password-non-ascii"},
	[NO_BLANKS] = {N_("without the blanks inside it"), "password-stray-whitespace"},
	[EMPTY] = {N_("left empty"), "credentials-not-set"},
};

static struct slice latin1(struct arena *a, struct slice s)
{
	uint8_t *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	if (!out)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		bool two = (s.p[i] & 0xfc) == 0xc0 && i + 1 < s.n;
		out[n++] = two ? (uint8_t)((s.p[i] & 3) << 6 | (s.p[i + 1] & 0x3f)) : s.p[i];
		i += two;
	}
	return slice_of(out, n);
}

static struct slice without_blanks(struct arena *a, struct slice s)
{
	uint8_t *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < s.n; i++)
		if (!ascii_is_space(s.p[i]))
			out[n++] = s.p[i];
	return slice_of(out, n);
}

static struct slice vary(struct arena *a, struct slice p, enum variant v)
{
	switch (v) {
	case WITH_LF:
		return arena_printf(a, "%.*s\n", SLICE_FMT(p));
	case WITH_CRLF:
		return arena_printf(a, "%.*s\r\n", SLICE_FMT(p));
	case WITH_BLANK:
		return arena_printf(a, "%.*s ", SLICE_FMT(p));
	case TRIMMED:
		return slice_trim(p);
	case LATIN1:
		return latin1(a, p);
	case NO_BLANKS:
		return without_blanks(a, p);
	case EMPTY:
		return S("");
	default:
		return p;
	}
}

/* The last challenge of the kinds that carry one, and SCRAM's messages, as the dialogue goes on. */
struct state {
	struct sasl_checkup *c;
	struct slice challenge;
	struct scram_dialogue scram;
	const struct sasl_item *item;
	struct slice digest;
	unsigned proofs;
};

static bool made_from(struct state *st, struct slice password)
{
	struct arena *a = st->c->arena;
	enum scram_verdict server;
	switch (st->item->kind) {
	case SASL_CRAM_RESPONSE:
		return slice_eq_nocase(cram_md5_digest(a, password, st->challenge), st->digest);
	case SASL_APOP:
		return slice_eq_nocase(apop_digest(a, st->challenge, password), st->digest);
	case SASL_DIGEST_RESPONSE:
		return slice_eq_nocase(digest_md5_response(a, st->item->decoded, password), st->digest);
	case SASL_SCRAM_CLIENT_FINAL:
		return scram_check(a, &st->scram, password, &server) == SCRAM_MATCHES;
	default:
		return slice_eq(st->digest, password);
	}
}

static void tell_match(struct state *st, struct slice mech)
{
	bool digest = st->item->kind != SASL_PLAIN && st->item->kind != SASL_LOGIN_PASSWORD;
	sasl_add(st->c, ADVICE_GOOD, digest ? "auth-mech-advertised-but-broken" : "",
		 digest ? arena_printf(st->c->arena, _("Proven: this %.*s answer was made from this password and this challenge, without a fault of the client."),
				       SLICE_FMT(mech))
			: arena_printf(st->c->arena, _("The %.*s message carries exactly this password."), SLICE_FMT(mech)),
		 digest ? _("If the server refuses it all the same, either it knows another password, or the mechanism is broken there (it keeps only a hash of the "
			    "password): try PLAIN or LOGIN over TLS. If that passes, switch the mechanism off on the server or in the client.")
			: "");
}

static void tell(struct state *st)
{
	struct slice mech = st->item->mech;
	struct arena *a = st->c->arena;
	bool slow = st->item->kind == SASL_SCRAM_CLIENT_FINAL && scram_rounds(st->scram.server_first) > VARIANT_ROUNDS_MAX;
	if (st->proofs++ >= PROOFS_MAX)
		return;
	for (enum variant v = AS_GIVEN; v < (slow ? AS_GIVEN + 1 : VARIANTS); v++) {
		struct slice p = vary(a, st->c->password, v);
		if ((v != AS_GIVEN && slice_eq(p, st->c->password)) || !made_from(st, p))
			continue;
		if (v == AS_GIVEN)
			tell_match(st, mech);
		else
			sasl_add(st->c, ADVICE_FAULT, variants[v].cause,
				 arena_printf(a, _("Proven: the client made this %.*s answer from the password %s."), SLICE_FMT(mech), tr(variants[v].words)),
				 _("Set the password in the client anew."));
		return;
	}
	sasl_add(st->c, ADVICE_FAULT, "credentials-rejected",
		 arena_printf(a, _("Proven: this %.*s answer was not made from this password%s."), SLICE_FMT(mech),
			      st->item->kind == SASL_PLAIN || st->item->kind == SASL_LOGIN_PASSWORD ? "" : _(" (or not for this challenge)")),
		 _("The client holds another password: enter it anew there."));
}

static void check_server_final(struct state *st)
{
	enum scram_verdict server;
	if (st->proofs++ >= PROOFS_MAX)
		return;
	if (scram_check(st->c->arena, &st->scram, st->c->password, &server) != SCRAM_MATCHES || server == SCRAM_CANNOT)
		return;
	sasl_add(st->c, server == SCRAM_MATCHES ? ADVICE_GOOD : ADVICE_FAULT, server == SCRAM_MATCHES ? "" : "auth-mech-advertised-but-broken",
		 arena_dup(st->c->arena, slice_from_cstr(server == SCRAM_MATCHES ? _("The server's signature is right too: it knows the password.")
										 : _("The server's signature does not fit this password."))),
		 "");
}

static void keep_challenge(struct state *st, const struct sasl_item *it)
{
	switch (it->kind) {
	case SASL_CRAM_CHALLENGE:
	case SASL_APOP_GREETING:
	case SASL_DIGEST_CHALLENGE:
		st->challenge = it->decoded;
		break;
	case SASL_SCRAM_CLIENT_FIRST:
		st->scram.client_first = it->decoded;
		st->scram.hash = slice_from(it->mech, sizeof "SCRAM-" - 1);
		break;
	case SASL_SCRAM_SERVER_FIRST:
		st->scram.server_first = it->decoded;
		break;
	case SASL_SCRAM_CLIENT_FINAL:
		st->scram.client_final = it->decoded;
		break;
	case SASL_SCRAM_SERVER_FINAL:
		st->scram.server_final = it->decoded;
		check_server_final(st);
		break;
	default:
		break;
	}
}

static bool can_prove(const struct state *st, enum sasl_kind k)
{
	if (k == SASL_CRAM_RESPONSE || k == SASL_APOP)
		return st->challenge.n > 0;
	if (k == SASL_SCRAM_CLIENT_FINAL)
		return st->scram.client_first.n && st->scram.server_first.n;
	return k == SASL_DIGEST_RESPONSE || k == SASL_PLAIN || k == SASL_LOGIN_PASSWORD;
}

static bool needs_challenge(enum sasl_kind k)
{
	return k == SASL_CRAM_RESPONSE || k == SASL_APOP || k == SASL_SCRAM_CLIENT_FINAL;
}

void sasl_check_proof(struct sasl_checkup *c, const struct sasl_item *items, size_t n)
{
	struct state st = {.c = c};
	if (!c->password.p)
		return;
	for (size_t i = 0; i < n; i++) {
		struct sasl_field f[16];
		st.item = &items[i];
		keep_challenge(&st, st.item);
		size_t nf = sasl_item_fields(c->arena, st.item, f, 16);
		st.digest = sasl_field_value(f, nf, st.item->kind == SASL_PLAIN || st.item->kind == SASL_LOGIN_PASSWORD ? "password" : "digest");
		if (can_prove(&st, st.item->kind))
			tell(&st);
		else if (needs_challenge(st.item->kind))
			sasl_add(c, ADVICE_NOTE, "", arena_dup(c->arena, slice_from_cstr(_("The server's challenge before this answer is needed to check it."))),
				 _("Give the whole dialogue in order: the challenge, then the answer."));
	}
}
