#define _GNU_SOURCE
#include "report/show.h"

#include <time.h>

#include "base/i18n.h"
#include "base/text.h"
#include "model/mask.h"

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

struct slice show_where(struct arena *a, struct where w, const struct transcript *t, const struct report_options *o)
{
	if (w.frame && w.frame_last > w.frame)
		return arena_printf(a, "frames %u-%u", w.frame, w.frame_last);
	if (w.frame)
		return arena_printf(a, "frame %u", w.frame);
	if (!w.line)
		return SLICE_NONE;
	if (t->inputs.n < 2 || w.input >= t->inputs.n)
		return arena_printf(a, "line %u", w.line);
	struct slice name = show_words(a, base_name(t->inputs.v[w.input].path), o);
	if (slice_eq(name, S("-")))
		name = S("stdin");
	return arena_printf(a, "%.*s:%u", SLICE_FMT(name), w.line);
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
	};
	return tr(words[u]);
}
