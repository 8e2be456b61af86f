#define _GNU_SOURCE
#include "report/show.h"

#include <time.h>

#include "base/i18n.h"
#include "base/text.h"
#include "model/mask.h"
#include "proto/sasl.h"

/* Below this share of confidence the verdict says how sure it is. */
#define SURE 0.75
#define FIELDS_MAX 16u

struct slice show_words(struct arena *a, struct slice text, const struct report_options *o)
{
	struct buf b = BUF_INIT(SIZE_MAX / 4);
	text_add_shown(&b, redactor_apply(o->redactor, a, text), true);
	struct slice s = arena_dup(a, buf_slice(&b));
	buf_free(&b);
	return s;
}

struct slice show_event(struct arena *a, const struct event *e, const struct report_options *o)
{
	return show_words(a, event_masked_text(a, e, o->show_secrets), o);
}

/* The path's last part: the folder says nothing to the reader of one line. */
static struct slice base_name(struct slice path)
{
	size_t slash = slice_find_last_byte(path, '/');
	return slash == SLICE_NPOS ? path : slice_from(path, slash + 1);
}

struct slice show_place(struct arena *a, struct where w, bool translated)
{
	if (w.frame && w.frame_last > w.frame)
		return arena_printf(a, translated ? _("frames %u-%u") : "frames %u-%u", w.frame, w.frame_last);
	if (w.frame)
		return arena_printf(a, translated ? _("frame %u") : "frame %u", w.frame);
	return w.line ? arena_printf(a, translated ? _("line %u") : "line %u", w.line) : SLICE_NONE;
}

struct slice show_input(struct arena *a, struct where w, const struct transcript *t, const struct report_options *o)
{
	if (t->inputs.n < 2 || w.input >= t->inputs.n)
		return SLICE_NONE;
	struct slice name = show_words(a, base_name(t->inputs.v[w.input].path), o);
	return slice_eq(name, S("-")) ? S("stdin") : name;
}

struct slice show_where(struct arena *a, struct where w, const struct transcript *t, const struct report_options *o, bool translated)
{
	struct slice name = show_input(a, w, t, o), place = show_place(a, w, translated);
	if (!name.n || !place.n)
		return place;
	return w.frame ? arena_printf(a, "%.*s: %.*s", SLICE_FMT(name), SLICE_FMT(place)) : arena_printf(a, "%.*s:%u", SLICE_FMT(name), w.line);
}

static bool broken_down(const struct stamp *s, struct tm *ret, long *ret_us)
{
	time_t seconds = (time_t)(s->time_us / 1000000);
	*ret_us = (long)(s->time_us % 1000000);
	if (*ret_us < 0) {
		*ret_us += 1000000;
		seconds--;
	}
	return s->has_time && gmtime_r(&seconds, ret);
}

struct slice show_time(struct arena *a, const struct stamp *s)
{
	struct tm tm;
	long us;
	if (!broken_down(s, &tm, &us))
		return SLICE_NONE;
	struct slice day = arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return us ? arena_printf(a, "%.*s.%06ldZ", SLICE_FMT(day), us) : arena_printf(a, "%.*sZ", SLICE_FMT(day));
}

struct slice show_clock(struct arena *a, const struct stamp *s)
{
	struct tm tm;
	long us;
	if (!broken_down(s, &tm, &us))
		return SLICE_NONE;
	return arena_printf(a, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

const char *show_product(const char *key)
{
	static const struct {
		const char *key, *title;
	} products[] = {
		{"client", N_("The client")}, {"server", N_("The server")}, {"device", N_("The device")}, {"admin", N_("The administrator")},
		{"relay", N_("With a relay")}, {"dns", "DNS"}, {"linux", "Linux"}, {"python", "Python"}, {"javamail", "JavaMail"}, {"dotnet", ".NET"},
		{"nodemailer", "Nodemailer"}, {"phpmailer", "PHPMailer"}, {"php", "PHP"}, {"go", "Go"}, {"msmtp", "msmtp"}, {"cpanel", "cPanel"},
		{"curl", "curl"}, {"swaks", "swaks"}, {"thunderbird", "Thunderbird"}, {"outlook", "Outlook"}, {"docker", "Docker"}, {"android", "Android"},
		{"ruby", "Ruby"}, {"windows", "Windows"}, {"macos", "macOS"}, {"kde", "KDE"}, {"gnome", "GNOME"}, {"wordpress", "WordPress"},
		{"rspamd", "Rspamd"}, {"sendgrid", "SendGrid"}, {"postmark", "Postmark"}, {"mailgun", "Mailgun"}, {"plesk", "Plesk"}, {"mutt", "Mutt"},
		{"mailman", "Mailman"}, {"mailcow", "mailcow"}, {"amavis", "Amavis"},
	};
	for (size_t i = 0; i < sizeof products / sizeof *products; i++)
		if (strcmp(products[i].key, key) == 0)
			return tr(products[i].title);
	for (enum software s = SOFTWARE_UNKNOWN + 1; s < SOFTWARE_COUNT; s++)
		if (strcmp(software_key(s), key) == 0)
			return software_title(s);
	return key;
}

struct slice show_knowledge(struct arena *a, const char *text)
{
	struct slice rest = slice_from_cstr(tr(text));
	struct buf b = BUF_INIT(SIZE_MAX / 4);
	while (rest.n) {
		buf_add(&b, slice_next_until(&rest, '{'));
		size_t bar = slice_find_byte(rest, '|'), close = slice_find_byte(rest, '}');
		if (bar < close && close != SLICE_NPOS) {
			buf_add(&b, slice_sub(rest, bar + 1, close));
			rest = slice_from(rest, close + 1);
		} else if (rest.n) {
			buf_add_byte(&b, '{');
		}
	}
	struct slice s = arena_dup(a, buf_slice(&b));
	buf_free(&b);
	return s;
}

const char *show_unexplained(enum unexplained u)
{
	static const char *const words[UNEXPLAINED_COUNT] = {
		[UNEXPLAINED_REFUSED] = N_("the other side refused for good"),
		[UNEXPLAINED_DEFERRED] = N_("the other side refused for now"),
		[UNEXPLAINED_NO_ANSWER] = N_("this was not answered"),
		[UNEXPLAINED_CLOSED] = N_("the connection ended here without a reason"),
		[UNEXPLAINED_TLS] = N_("TLS did not come about"),
		[UNEXPLAINED_NOT_CONNECTED] = N_("no connection came about"),
		[UNEXPLAINED_ERROR] = N_("an error that I do not know"),
		[UNEXPLAINED_INCOMPLETE] = N_("how it went is not in the capture"),
	};
	return tr(words[u]);
}

const char *show_speaker(enum event_kind kind, enum side side)
{
	static const char *const names[EV_KIND_COUNT] = {
		[EV_LOG] = N_("log"), [EV_ERROR] = N_("error"), [EV_BOUNCE] = N_("bounce"), [EV_CONFIG] = N_("setting"), [EV_TOOL] = N_("tool"),
		[EV_PROSE] = N_("words"), [EV_TLS] = N_("TLS"),
	};
	if (side == SIDE_CLIENT)
		return _("client");
	if (side == SIDE_SERVER)
		return _("server");
	return tr(names[kind]);
}

const char *show_blame(const char *blame)
{
	static const struct {
		const char *key, *words;
	} table[] = {
		{"client", N_("the client has to change")},       {"server", N_("the server has to change")},
		{"network", N_("something between the two")},     {"credentials", N_("the login data or how they are sent")},
		{"policy", N_("a rule of the server's operator")}, {"message", N_("the message itself")},
		{"dns", N_("DNS records")},                       {"none", N_("nobody's fault")},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].key, blame) == 0)
			return tr(table[i].words);
	return blame;
}

struct slice show_title(struct arena *a, const struct finding *f)
{
	const char *name = tr(f->cause->title);
	if (f->confidence >= SURE)
		return slice_from_cstr(name);
	return arena_printf(a, "%s %s", f->confidence < 0.5 ? _("Perhaps:") : _("Probably:"), name);
}

/* --- parties and sessions -------------------------------------------------------------------------------------------------------- */

struct slice show_party(struct arena *a, const struct party *p, const struct report_options *o)
{
	struct slice name = p->name.n ? p->name : p->address;
	struct slice shown = name.n ? show_words(a, name, o) : S("?");
	if (p->software != SOFTWARE_UNKNOWN && !name.n)
		return slice_from_cstr(software_title(p->software));
	if (p->software != SOFTWARE_UNKNOWN)
		return arena_printf(a, "%.*s (%s)", SLICE_FMT(shown), software_title(p->software));
	return shown;
}

const char *show_outcome(enum outcome o)
{
	static const char *const words[OUTCOME_COUNT] = {
		[OUTCOME_UNKNOWN] = N_("end not seen"), [OUTCOME_OK] = N_("went well"), [OUTCOME_REFUSED] = N_("refused"),
		[OUTCOME_DEFERRED] = N_("put off"), [OUTCOME_TIMED_OUT] = N_("timed out"), [OUTCOME_RESET] = N_("reset"),
		[OUTCOME_CLOSED_EARLY] = N_("closed early"), [OUTCOME_TLS_FAILED] = N_("TLS failed"), [OUTCOME_NOT_CONNECTED] = N_("not connected"),
	};
	return tr(words[o]);
}

const char *show_protocol(enum protocol p)
{
	static const char *const names[PROTOCOL_COUNT] = {"?", "SMTP", "LMTP", "IMAP", "POP3", "MTP"};
	return names[p];
}

struct slice show_sasl_step(struct arena *a, struct show_login *login, const struct event *e, const struct report_options *o)
{
	struct sasl_field fields[FIELDS_MAX];
	if (e->kind == EV_COMMAND && e->sasl.mech.n)
		*login = (struct show_login){.command = e};
	if (!e->sasl.decoded.n || !login->command)
		return SLICE_NONE;
	login->client_steps += e->side == SIDE_CLIENT;
	size_t n = sasl_fields(a, login->command->sasl.mech, e->side, login->client_steps, e->sasl.decoded, fields, FIELDS_MAX);
	struct buf b = BUF_INIT(64 * 1024);
	for (size_t i = 0; i < n; i++) {
		struct slice value = fields[i].value;
		buf_printf(&b, "%s%s ", b.n ? ", " : "", fields[i].name);
		if ((fields[i].secret && !o->show_secrets) || !value.n)
			buf_add(&b, text_mask(a, value));
		else
			buf_printf(&b, "“%.*s”", SLICE_FMT(show_words(a, text_shown(a, value, 200), o)));
	}
	struct slice s = arena_dup(a, buf_slice(&b));
	buf_free(&b);
	return s;
}

/* --- verdicts without a finding -------------------------------------------------------------------------------------------------- */

const char *show_verdict(enum verdict_kind k)
{
	static const char *const words[] = {
		[VERDICT_FAULT] = "", [VERDICT_NOTHING_WRONG] = N_("Nothing wrong found"), [VERDICT_CANNOT_TELL] = N_("I cannot tell"),
		[VERDICT_NO_EVIDENCE] = N_("There is nothing to read: the input is empty"),
		[VERDICT_NOT_FOUND] = N_("The cause that was asked for is not the trouble here"),
	};
	return tr(words[k]);
}

struct slice show_verdict_words(struct arena *a, const struct verdict *v)
{
	if (v->kind == VERDICT_CANNOT_TELL)
		return slice_from_cstr(v->recognised ? _("Something failed, but nothing in the evidence says why in words that I know.") :
			_("Nothing in it looks like a session, a log, a bounce or the output of a program that I know."));
	if (v->kind != VERDICT_NOTHING_WRONG)
		return SLICE_NONE;
	if (!v->sessions)
		return slice_from_cstr(_("There is no session in it, and nothing in it says that something failed."));
	return arena_printf(a, ngettext("I saw %llu session, and as far as it goes it went well.",
					"I saw %llu sessions, and as far as they go they went well.", v->sessions), (unsigned long long)v->sessions);
}

struct slice show_incomplete(struct arena *a, const struct verdict *v)
{
	if (!v->incomplete || v->kind == VERDICT_CANNOT_TELL)
		return SLICE_NONE;
	return arena_printf(a, ngettext("The capture is incomplete for %llu session: %.*s.", "The capture is incomplete for %llu sessions: %.*s.", v->incomplete),
		(unsigned long long)v->incomplete, SLICE_FMT(v->incomplete_why));
}

struct slice show_opaque(struct arena *a, const struct verdict *v)
{
	if (!v->opaque)
		return SLICE_NONE;
	return arena_printf(a, ngettext("The inside of %llu session cannot be read: %s.", "The inside of %llu sessions cannot be read: %s.", v->opaque),
		(unsigned long long)v->opaque, v->opaque_why.n ? tr((const char *)v->opaque_why.p) : "");
}

const char *show_what_to_capture(const struct verdict *v)
{
	return v->recognised ?
		_("The whole dialogue, from the server's greeting to the end: swaks -tls --server HOST --to ADDRESS, curl -v, openssl s_client -starttls "
		  "smtp -connect HOST:587, the program's debug log, or the server's log of the same minute.") :
		_("A session (what the client and the server said to each other), a log of the mail server, a bounce, or the exact error message.");
}

struct slice show_left_out(struct arena *a, const struct report_left_out *l)
{
	struct slice sessions = SLICE_NONE, findings = SLICE_NONE;
	if (l->sessions)
		sessions = arena_printf(a, ngettext("%llu session", "%llu sessions", l->sessions), (unsigned long long)l->sessions);
	if (l->findings)
		findings = arena_printf(a, ngettext("%llu finding", "%llu findings", l->findings), (unsigned long long)l->findings);
	if (!sessions.n && !findings.n)
		return SLICE_NONE;
	return arena_printf(a, _("Left out, as asked: %.*s%s%.*s."), SLICE_FMT(sessions), sessions.n && findings.n ? ", " : "", SLICE_FMT(findings));
}
