/* What is wrong with an OAuth token, seen from outside (sasl-doctor.h). */
#include <time.h>

#include "base/i18n.h"
#include "base/text.h"
#include "diagnose/sasl-doctor.h"
#include "proto/sasl-jwt.h"

/* Clocks of two honest machines may differ by this. */
#define CLOCK_SKEW_SECONDS 300

static struct slice shown(struct sasl_checkup *c, struct slice s)
{
	return text_shown(c->arena, s, 160);
}

static struct slice when(struct sasl_checkup *c, int64_t t)
{
	char buf[40];
	struct tm tm;
	time_t tt = (time_t)t;
	if (!gmtime_r(&tt, &tm) || !strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%S UTC", &tm))
		return S("?");
	return arena_dup(c->arena, slice_from_cstr(buf));
}

/* "3 hours", for people: the largest unit that fits. */
static struct slice span(struct sasl_checkup *c, int64_t seconds)
{
	unsigned long n;
	if (seconds < 0)
		seconds = -seconds;
	if (seconds >= 2 * 86400) {
		n = (unsigned long)(seconds / 86400);
		return arena_printf(c->arena, ngettext("%lu day", "%lu days", n), n);
	}
	if (seconds >= 2 * 3600) {
		n = (unsigned long)(seconds / 3600);
		return arena_printf(c->arena, ngettext("%lu hour", "%lu hours", n), n);
	}
	n = (unsigned long)(seconds / 60);
	return arena_printf(c->arena, ngettext("%lu minute", "%lu minutes", n), n);
}

static void check_times(struct sasl_checkup *c, const struct jwt *t)
{
	int64_t begin = t->has_nbf ? t->nbf : t->iat;
	if (t->has_exp && t->exp <= c->now)
		sasl_add(c, ADVICE_FAULT, "oauth-token-expired",
			 arena_printf(c->arena, _("The token expired on %.*s, %.*s ago."), SLICE_FMT(when(c, t->exp)), SLICE_FMT(span(c, c->now - t->exp))),
			 _("Fetch a new one with the refresh token (scope offline_access at Microsoft); check the clock if it should still be good."));
	else if (t->has_exp)
		sasl_add(c, ADVICE_GOOD, "",
			 arena_printf(c->arena, _("The token is valid until %.*s, %.*s more."), SLICE_FMT(when(c, t->exp)), SLICE_FMT(span(c, t->exp - c->now))),
			 "");
	if ((t->has_nbf || t->has_iat) && begin > c->now + CLOCK_SKEW_SECONDS)
		sasl_add(c, ADVICE_FAULT, "clock-wrong",
			 arena_printf(c->arena, _("The token is valid only from %.*s on: the clock here is behind."), SLICE_FMT(when(c, begin))),
			 _("Set the clock (timedatectl set-ntp true)."));
}

/* --- Microsoft ------------------------------------------------------------------------------------------------------------ */

static const struct {
	enum protocol protocol;
	const char *delegated, *application;
} scopes[] = {
	{PROTOCOL_SMTP, "SMTP.Send", "SMTP.SendAsApp"},
	{PROTOCOL_IMAP, "IMAP.AccessAsUser.All", "IMAP.AccessAsApp"},
	{PROTOCOL_POP3, "POP.AccessAsUser.All", "POP.AccessAsApp"},
};

static bool has_word(struct slice list, struct slice word)
{
	while (list.n)
		if (slice_eq_nocase(slice_next_word(&list), word))
			return true;
	return false;
}

static void check_scope(struct sasl_checkup *c, const struct jwt *t)
{
	bool any = false;
	struct slice serves = SLICE_NONE;
	struct slice granted = t->roles.n ? t->roles : t->scope;
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
		bool has = has_word(t->scope, slice_from_cstr(scopes[i].delegated)) || has_word(t->roles, slice_from_cstr(scopes[i].application));
		if (has)
			serves = arena_printf(c->arena, "%.*s%s%s", SLICE_FMT(serves), serves.n ? ", " : "", protocol_name(scopes[i].protocol));
		any |= has;
		if (!has && c->protocol == scopes[i].protocol)
			sasl_add(c, ADVICE_FAULT, "oauth-scope-wrong",
				 arena_printf(c->arena, _("The token lacks %s (%s for an application); it has: %.*s."), scopes[i].delegated, scopes[i].application,
					      SLICE_FMT(granted.n ? shown(c, granted) : slice_from_cstr(_("nothing")))),
				 _("Ask for https://outlook.office.com/SMTP.Send (IMAP.AccessAsUser.All, POP.AccessAsUser.All), or with client credentials "
				   "https://outlook.office365.com/.default after granting the application permission."));
	}
	if (!any && c->protocol == PROTOCOL_UNKNOWN)
		sasl_add(c, ADVICE_FAULT, "oauth-scope-wrong",
			 arena_printf(c->arena, _("The token grants no mail protocol (no SMTP.Send, IMAP.AccessAsUser.All, POP.AccessAsUser.All); it has: %.*s."),
				      SLICE_FMT(granted.n ? shown(c, granted) : slice_from_cstr(_("nothing")))),
			 _("Mail.Send and Mail.ReadWrite are for Microsoft Graph only. Ask for https://outlook.office.com/SMTP.Send and the like."));
	else if (any)
		sasl_add(c, ADVICE_GOOD, "", arena_printf(c->arena, _("The token serves: %.*s."), SLICE_FMT(serves)), "");
}

static bool is_outlook_audience(struct slice aud)
{
	static const char *const good[] = {"https://outlook.office.com", "https://outlook.office365.com", "https://ps.outlook.com",
					   "00000002-0000-0ff1-ce00-000000000000", "https://outlook.office365.us", "https://partner.outlook.cn",
					   "https://outlook-dod.office365.us"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (slice_starts_nocase(aud, slice_from_cstr(good[i])))
			return true;
	return false;
}

static void check_microsoft(struct sasl_checkup *c, const struct jwt *t)
{
	bool graph = slice_starts_nocase(t->audience, S("https://graph.microsoft.com")) || slice_eq(t->audience, S("00000003-0000-0000-c000-000000000000"));
	if (is_outlook_audience(t->audience)) {
		sasl_add(c, ADVICE_GOOD, "", arena_printf(c->arena, _("The token is meant for Outlook (audience %.*s)."), SLICE_FMT(shown(c, t->audience))), "");
		check_scope(c, t);
		return;
	}
	bool id_token = !graph && !t->scope.n && !t->roles.n;
	sasl_add(c, ADVICE_FAULT, "oauth-wrong-audience",
		 id_token ? arena_printf(c->arena, _("This is an ID token (audience: the application %.*s), not an access token."), SLICE_FMT(shown(c, t->audience)))
			  : arena_printf(c->arena, _("The token is meant for %.*s (audience), not for Outlook's mail servers."),
					 SLICE_FMT(graph ? S("Microsoft Graph") : shown(c, t->audience))),
		 id_token ? _("Use access_token of the answer, not id_token.")
			  : _("Ask with the full scope name https://outlook.office.com/SMTP.Send: without the host Microsoft takes Graph's."));
}

/* --- Google --------------------------------------------------------------------------------------------------------------- */

static void check_google(struct sasl_checkup *c, const struct jwt *t)
{
	bool assertion = slice_has(t->audience, S("googleapis.com/token")) || slice_has(t->audience, S("accounts.google.com/o/oauth2"));
	sasl_add(c, ADVICE_FAULT, "oauth-wrong-audience",
		 arena_dup(c->arena, slice_from_cstr(assertion ? _("This is the signed assertion of a service account, not an access token.")
							       : _("This is a Google ID token; Gmail takes only access tokens, which begin with ya29."))),
		 assertion ? _("Send it to https://oauth2.googleapis.com/token and use the access_token of the answer.")
			   : _("Use access_token of the answer, not id_token."));
}

/* --- any ------------------------------------------------------------------------------------------------------------------ */

static void check_owner(struct sasl_checkup *c, const struct jwt *t, struct slice user)
{
	if (!user.n)
		user = c->user;
	if (!user.n || !t->user.n)
		return;
	if (slice_eq_nocase(t->user, slice_trim(user)))
		sasl_add(c, ADVICE_GOOD, "", arena_printf(c->arena, _("The token belongs to %.*s."), SLICE_FMT(shown(c, t->user))), "");
	else
		sasl_add(c, ADVICE_FAULT, "oauth-token-wrong-user",
			 arena_printf(c->arena, _("The token belongs to “%.*s” (%.*s), the login names “%.*s”."), SLICE_FMT(shown(c, t->user)),
				      SLICE_FMT(t->user_claim), SLICE_FMT(shown(c, user))),
			 _("Log in as the account named, or name the token's account; for a shared mailbox give that account full access and Send As."));
}

static void check_jwt(struct sasl_checkup *c, struct slice user, struct slice token)
{
	struct jwt t;
	bool ok = jwt_read(c->arena, token, &t);
	if (t.faults & JWT_SPACE)
		sasl_add(c, ADVICE_FAULT, "password-stray-whitespace", arena_dup(c->arena, slice_from_cstr(_("The token holds a blank or line end."))),
			 _("Copy it in one piece, and strip the line end when it is read from a file."));
	if (t.faults & JWT_SIGNATURE_CUT)
		sasl_add(c, ADVICE_FAULT, "", arena_dup(c->arena, slice_from_cstr(_("The token is cut: its signature is shorter than its algorithm makes it."))),
			 _("Look for a field of limited length (255, 1024, 2048) where the token is kept."));
	if (!ok) {
		sasl_add(c, ADVICE_NOTE, "", arena_dup(c->arena, slice_from_cstr(t.faults & JWT_NOT_THREE_PARTS
											  ? _("The token is encrypted or not whole; its claims cannot be read.")
											  : _("The claims of the token cannot be read: damaged."))),
			 "");
		return;
	}
	check_times(c, &t);
	if (slice_has(t.issuer, S("google.com")) || slice_has(t.audience, S("googleapis.com")))
		check_google(c, &t);
	else if (slice_has(t.issuer, S("sts.windows.net")) || slice_has(t.issuer, S("microsoftonline")) || slice_has(t.issuer, S("login.partner")))
		check_microsoft(c, &t);
	else
		sasl_add(c, ADVICE_NOTE, "", arena_printf(c->arena, _("Issued by %.*s for %.*s; I know no rules of that issuer."), SLICE_FMT(shown(c, t.issuer)),
							   SLICE_FMT(shown(c, t.audience))),
			 "");
	check_owner(c, &t, user);
}

void sasl_check_token(struct sasl_checkup *c, struct slice user, struct slice token)
{
	const char *form = sasl_token_form(slice_trim(token));
	size_t space = 0;
	while (space < token.n && !ascii_is_space(token.p[space]))
		space++;
	if (form && slice_starts(slice_trim(token), S("eyJ"))) {
		check_jwt(c, user, token);
		return;
	}
	if (space < token.n)
		sasl_add(c, ADVICE_FAULT, "password-stray-whitespace", arena_dup(c->arena, slice_from_cstr(_("The token holds a blank or line end."))),
			 _("Copy it in one piece, and strip the line end when it is read from a file."));
	if (!form) {
		sasl_add(c, ADVICE_NOTE, "", arena_dup(c->arena, slice_from_cstr(_("The token is in no form I know; nothing can be told from outside."))), "");
		return;
	}
	bool refresh = strstr(form, "refresh") || strstr(form, "authorisation code");
	if (refresh)
		sasl_add(c, ADVICE_FAULT, "oauth-wrong-audience", arena_printf(c->arena, _("This is %s, not an access token."), tr(form)),
			 _("Exchange it at the token address first and use access_token of the answer."));
	else
		sasl_add(c, ADVICE_NOTE, "",
			 arena_printf(c->arena, _("This is %s: it shows neither its end nor its scope. It lives for one hour from its issue."), tr(form)),
			 slice_starts(token, S("ya29.")) ? _("Ask https://oauth2.googleapis.com/tokeninfo; the scope must be https://mail.google.com/.") : "");
}
