#include "diagnose/sasl-doctor.h"

#include "base/base64.h"
#include "base/i18n.h"
#include "base/text.h"

/* A Google app password: 16 small letters, shown in four groups. */
#define APP_PASSWORD_LETTERS 16

const char *advice_level_key(enum advice_level l)
{
	static const char *const keys[] = {"good", "note", "fault"};
	return keys[l];
}

void sasl_add(struct sasl_checkup *c, enum advice_level level, const char *cause, struct slice text, const char *fix)
{
	/* The same may be seen twice: in the message and in the password given. */
	for (size_t i = 0; i < c->advice.n; i++)
		if (slice_eq(c->advice.v[i].text, text))
			return;
	struct advice *v = VEC_PUSH(c->arena, &c->advice);
	if (v)
		*v = (struct advice){level, cause, text, arena_dup(c->arena, slice_from_cstr(fix))};
}

static void add(struct sasl_checkup *c, enum advice_level level, const char *cause, const char *text, const char *fix)
{
	sasl_add(c, level, cause, arena_dup(c->arena, slice_from_cstr(text)), fix);
}

/* --- base64 --------------------------------------------------------------------------------------------------------------- */

static void check_base64(struct sasl_checkup *c, const struct sasl_item *it)
{
	unsigned f = it->base64_faults;
	size_t at = 0;
	while (at < it->encoded.n && !ascii_is_space(it->encoded.p[at]))
		at++;
	if (f & BASE64_SPACE)
		sasl_add(c, ADVICE_FAULT, "auth-base64-wrapped",
			 arena_printf(c->arena, _("The base64 is broken after %zu characters; a server reads only up to there."), at),
			 _("Make it in one line: base64 -w0, openssl base64 -A, Python b64encode (not encodebytes), Java Base64.getEncoder (not the MIME one)."));
	if (f & BASE64_URL_SAFE)
		add(c, ADVICE_FAULT, "", _("The base64 uses the URL-safe alphabet (- and _), which AUTH does not know."),
		    _("Encode the whole message with the standard alphabet (+ and /). Only the parts inside a token are URL-safe."));
	if (f & BASE64_NO_PADDING)
		add(c, ADVICE_FAULT, "", _("The base64 has no padding at its end, or its end was cut off."),
		    _("Its length must be a multiple of four; the last group is filled with = signs. Copy it anew if it was cut."));
	if (f & BASE64_BAD_PADDING)
		add(c, ADVICE_FAULT, "", _("An = sign stands inside the base64, or there are too many: two pieces were encoded apart and joined."),
		    _("Join the bytes first, with NUL between them, and encode once."));
	if (f & BASE64_TRAILING_BITS)
		add(c, ADVICE_NOTE, "", _("The last letter of the base64 carries bits that no encoder sets: a letter was changed or lost."), "");
}

/* --- passwords ------------------------------------------------------------------------------------------------------------ */

static bool has_byte(struct slice s, bool (*is)(uint8_t))
{
	for (size_t i = 0; i < s.n; i++)
		if (is(s.p[i]))
			return true;
	return false;
}

static bool is_eight_bit(uint8_t c)
{
	return c >= 0x80;
}

static bool is_control(uint8_t c)
{
	return (c < 0x20 && !ascii_is_space(c)) || c == 0x7f;
}

static bool is_shell_sign(uint8_t c)
{
	return c && strchr("$`\\!\"'&;|<>*?#~(){}", c) != NULL;
}

static bool is_placeholder(struct slice s)
{
	static const char *const words[] = {"password", "your_password", "yourpassword", "changeme", "secret", "xxx", "xxxx", "xxxxxx", "********",
					    "null", "none", "undefined", "true", "false", "your-app-password", "<password>", "app_password"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_eq_nocase(s, slice_from_cstr(words[i])))
			return true;
	return slice_starts(s, S("${")) || slice_starts(s, S("{{")) || slice_starts(s, S("process.env."));
}

/* "abcd efgh ijkl mnop", the blanks being ASCII or no-break ones. */
static bool is_app_password(struct slice s, bool *ret_blanks)
{
	size_t letters = 0, groups = 1;
	*ret_blanks = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 'a' && s.p[i] <= 'z') {
			letters++;
		} else if (s.p[i] == ' ' || s.p[i] == 0xa0) {
			groups++;
			*ret_blanks = true;
		} else if (s.p[i] != 0xc2) {
			return false;
		}
	}
	return letters == APP_PASSWORD_LETTERS && (groups == 1 || groups == 4);
}

static void check_ends(struct sasl_checkup *c, struct slice s, const char *what)
{
	if (s.n == 0)
		return;
	bool lf = slice_ends(s, S("\n")), cr = slice_find_byte(s, '\r') != SLICE_NPOS;
	if (lf || cr)
		sasl_add(c, ADVICE_FAULT, "password-stray-whitespace",
			 arena_printf(c->arena, _("The %s ends in a line end (%s), which does not belong to it."), what, cr ? "CR" : "LF"),
			 _("Use printf '%s' or echo -n when encoding by hand; save a password file without a line end, or let the program strip it."));
	struct slice inner = slice_chomp(s);
	if (!cr && slice_trim(inner).n != inner.n)
		sasl_add(c, ADVICE_FAULT, "password-stray-whitespace",
			 arena_printf(c->arena, _("The %s begins or ends with a blank."), what),
			 _("It was copied with it: type it anew without the blank."));
}

struct provider {
	const char *domain;
	const char *name;
	const char *cause;
	const char *fix;
};

static const struct provider providers[] = {
	{"gmail.com", "Google", "app-password-required",
	 N_("Google takes only an app password (16 small letters, from myaccount.google.com/apppasswords) or OAuth here.")},
	{"googlemail.com", "Google", "app-password-required",
	 N_("Google takes only an app password (16 small letters, from myaccount.google.com/apppasswords) or OAuth here.")},
	{"outlook.com", "Microsoft", "provider-blocks-password-login", N_("Outlook.com no longer takes passwords here: use OAuth (XOAUTH2), or a relay that does.")},
	{"hotmail.com", "Microsoft", "provider-blocks-password-login", N_("Outlook.com no longer takes passwords here: use OAuth (XOAUTH2), or a relay that does.")},
	{"live.com", "Microsoft", "provider-blocks-password-login", N_("Outlook.com no longer takes passwords here: use OAuth (XOAUTH2), or a relay that does.")},
	{"msn.com", "Microsoft", "provider-blocks-password-login", N_("Outlook.com no longer takes passwords here: use OAuth (XOAUTH2), or a relay that does.")},
	{"yahoo.com", "Yahoo", "app-password-required", N_("Yahoo takes only an app password here: Account Security, Generate app password.")},
	{"aol.com", "AOL", "app-password-required", N_("AOL takes only an app password here: Account Security, Generate app password.")},
	{"icloud.com", "Apple", "app-password-required", N_("iCloud takes only an app-specific password here: account.apple.com, App-Specific Passwords.")},
	{"me.com", "Apple", "app-password-required", N_("iCloud takes only an app-specific password here: account.apple.com, App-Specific Passwords.")},
};

static const struct provider *provider_of(struct slice user)
{
	size_t at = slice_find_last_byte(user, '@');
	if (at == SLICE_NPOS)
		return NULL;
	for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
		if (slice_eq_nocase(slice_from(user, at + 1), slice_from_cstr(providers[i].domain)))
			return &providers[i];
	return NULL;
}

static void check_provider(struct sasl_checkup *c, struct slice user, struct slice password, bool app_form)
{
	const struct provider *p = provider_of(user);
	if (!p)
		return;
	bool google = strcmp(p->name, "Google") == 0, microsoft = strcmp(p->name, "Microsoft") == 0;
	if (google && app_form)
		return;
	if (google || microsoft)
		sasl_add(c, ADVICE_FAULT, p->cause,
			 google ? arena_printf(c->arena, _("The account is at %s, and this is not an app password by its form."), p->name)
				: arena_printf(c->arena, _("The account is at %s, which refuses every password here, right or wrong."), p->name),
			 tr(p->fix));
	else if (password.n)
		sasl_add(c, ADVICE_NOTE, p->cause, arena_printf(c->arena, _("The account is at %s: the normal password is refused there."), p->name),
			 tr(p->fix));
}

void sasl_check_password(struct sasl_checkup *c, struct slice user, struct slice password)
{
	bool blanks;
	if (password.n == 0 || is_placeholder(slice_trim(password))) {
		add(c, ADVICE_FAULT, "credentials-not-set", password.n ? _("The password is a placeholder, not a real one.") : _("The password is empty."),
		    _("Check where the program takes it from: the variable or field may be unset."));
		return;
	}
	check_ends(c, password, _("password"));
	bool app = is_app_password(slice_trim(password), &blanks);
	if (app && blanks)
		add(c, ADVICE_FAULT, "password-stray-whitespace", _("This is an app password with the blanks between its groups of four letters."),
		    _("Enter the 16 letters without blanks: the blanks are only for reading."));
	if (has_byte(password, is_eight_bit))
		add(c, ADVICE_FAULT, "password-non-ascii",
		    utf8_is_valid(password) ? _("The password holds letters outside ASCII, here as UTF-8; a server may expect ISO 8859-1 and see another password.")
					    : _("The password holds bytes outside ASCII that are not UTF-8 (ISO 8859-1, most likely); most servers expect UTF-8."),
		    _("Set a password of ASCII letters, digits and signs."));
	if (has_byte(password, is_control))
		add(c, ADVICE_FAULT, "password-mangled-by-shell",
		    _("The password holds a control byte: printf took \\0 and the digits after it for one octal number."),
		    _("Put the NUL as \\000 (three digits), or let telltale sasl encode make the message."));
	else if (has_byte(password, is_shell_sign))
		add(c, ADVICE_NOTE, "password-mangled-by-shell", _("The password holds signs that a shell or a settings file may eat ($ ` \\ ! # quotes)."),
		    _("Put it in single quotes in a shell, and escape it as the settings file wants."));
	check_provider(c, user.n ? user : c->user, password, app);
}

static void check_user(struct sasl_checkup *c, struct slice user)
{
	if (user.n == 0) {
		add(c, ADVICE_FAULT, "credentials-not-set", _("The user name is empty."), _("Set the user name, at most providers the whole mail address."));
		return;
	}
	check_ends(c, user, _("user name"));
	if (c->user.n && !slice_eq_nocase(slice_trim(user), c->user))
		sasl_add(c, ADVICE_FAULT, "credentials-rejected",
			 arena_printf(c->arena, _("The message names the user “%.*s”, not “%.*s”."), SLICE_FMT(text_shown(c->arena, user, 80)),
				      SLICE_FMT(text_shown(c->arena, c->user, 80))),
			 _("Set the user name that the server knows, mostly the whole mail address."));
	else if (has_byte(user, is_eight_bit))
		add(c, ADVICE_NOTE, "password-non-ascii", _("The user name holds letters outside ASCII."), "");
}

/* --- structure ------------------------------------------------------------------------------------------------------------ */

static size_t count_byte(struct slice s, uint8_t b)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == b;
	return n;
}

static void check_plain(struct sasl_checkup *c, const struct sasl_item *it)
{
	struct slice authzid, user, password;
	size_t nuls = count_byte(it->decoded, 0);
	if (nuls == 1) {
		add(c, ADVICE_FAULT, "",
		    _("PLAIN wants two NUL bytes, and there is one: the one before the user name is missing (or \\0 and a digit became one octal number)."),
		    _("The message is NUL user NUL password: printf '\\000%s\\000%s' USER PASSWORD | base64 -w0."));
		check_ends(c, it->decoded, _("message"));
		return;
	}
	if (nuls > 2)
		add(c, ADVICE_FAULT, "password-mangled-by-shell", _("There are more than two NUL bytes in this PLAIN message."),
		    _("Encode it as UTF-8 (not UTF-16), and put no NUL at its end."));
	sasl_plain_split(it->decoded, &authzid, &user, &password);
	check_user(c, user);
	sasl_check_password(c, user, password);
	if (authzid.n && !slice_eq(authzid, user))
		sasl_add(c, ADVICE_NOTE, "",
			 arena_printf(c->arena, _("An authorisation id stands before the user: the login asks to act as “%.*s”."),
				      SLICE_FMT(text_shown(c->arena, authzid, 80))),
			 _("Leave it empty unless the server is set up for it."));
}

/* What a person typed where NUL or ^A belongs, the shell having left it as it was. */
static bool has_literal(struct slice s, const char *const *forms)
{
	for (; *forms; forms++)
		if (slice_has(s, slice_from_cstr(*forms)))
			return true;
	return false;
}

static void check_text(struct sasl_checkup *c, const struct sasl_item *it)
{
	static const char *const nul[] = {"\\0", "\\x00", "^@", "\\u0000", "%00", NULL};
	if (has_literal(it->decoded, nul))
		add(c, ADVICE_FAULT, "password-mangled-by-shell", _("Where PLAIN wants a NUL byte stands its written form (\\0 or ^@): nothing turned it into one."),
		    _("Use printf (not echo or a Python raw string): printf '\\000%s\\000%s' USER PASSWORD | base64 -w0."));
	else if (it->kind == SASL_LOGIN_USER)
		check_user(c, it->decoded);
	else if (it->kind == SASL_LOGIN_PASSWORD)
		sasl_check_password(c, c->user, it->decoded);
	else
		check_ends(c, it->decoded, _("text"));
}

static void check_oauth(struct sasl_checkup *c, const struct sasl_item *it)
{
	static const char *const ctrl_a[] = {"^A", "\\x01", "\\001", "\\u0001", "\\1", "%01", NULL};
	struct slice user, token, s = it->decoded;
	sasl_oauth_split(s, &user, &token);
	if (slice_find_byte(s, 1) == SLICE_NPOS || has_literal(s, ctrl_a))
		add(c, ADVICE_FAULT, "", _("Where a ^A byte (01) belongs stands its written form, or a blank: nothing turned it into one."),
		    _("Use printf '\\001', Python '\\x01', Java '\\u0001' in a real string, not in a raw one."));
	else if (!slice_ends(s, S("\001\001")))
		add(c, ADVICE_FAULT, "", slice_ends(s, S("\001")) ? _("The message ends in one ^A byte; it must end in two.") :
								     _("The message does not end in two ^A bytes: it was cut, or something was added."),
		    _("The message is user=U ^A auth=Bearer T ^A ^A."));
	else if (it->kind == SASL_XOAUTH2 && count_byte(s, 1) != 3)
		add(c, ADVICE_FAULT, "", _("XOAUTH2 wants three ^A bytes: one after the user, two at the end."), _("The message is user=U ^A auth=Bearer T ^A ^A."));
	if (slice_has(token, S("Bearer ")))
		add(c, ADVICE_FAULT, "", _("“Bearer” stands twice before the token."), _("Give the program the token alone."));
	slice_skip_nocase(&token, S("Bearer "));
	if (slice_find_byte(s, 1) == SLICE_NPOS)
		return;
	if (user.n)
		check_user(c, user);
	else if (it->kind == SASL_XOAUTH2)
		add(c, ADVICE_FAULT, "credentials-not-set", _("XOAUTH2 carries no user name."), _("The message is user=U ^A auth=Bearer T ^A ^A."));
	if (token.n)
		sasl_check_token(c, user.n ? user : c->user, token);
	else
		add(c, ADVICE_FAULT, "credentials-not-set", _("There is no token after “auth=Bearer”."), _("Check where the program takes the token from."));
}

static void check_oauth_error(struct sasl_checkup *c, const struct sasl_item *it)
{
	struct sasl_field f[4];
	size_t n = sasl_item_fields(c->arena, it, f, 4);
	struct slice status = sasl_field_value(f, n, "status"), scope = sasl_field_value(f, n, "scope");
	const char *cause = slice_eq(status, S("403")) ? "oauth-scope-wrong" : "oauth-token-expired";
	sasl_add(c, ADVICE_FAULT, cause,
		 arena_printf(c->arena, _("The server refuses the token (status %.*s); it wants the scope “%.*s”."), SLICE_FMT(text_shown(c->arena, status, 20)),
			      SLICE_FMT(text_shown(c->arena, scope, 200))),
		 _("Check the token itself: telltale sasl check. The client must answer this line with an empty one to get the real refusal."));
}

void sasl_check_item(struct sasl_checkup *c, const struct sasl_item *it)
{
	if (it->encoded.n)
		check_base64(c, it);
	switch (it->kind) {
	case SASL_PLAIN:
		check_plain(c, it);
		break;
	case SASL_TEXT:
	case SASL_LOGIN_USER:
	case SASL_LOGIN_PASSWORD:
		check_text(c, it);
		break;
	case SASL_XOAUTH2:
	case SASL_OAUTHBEARER:
		check_oauth(c, it);
		break;
	case SASL_OAUTH_ERROR:
		check_oauth_error(c, it);
		break;
	case SASL_TOKEN:
		if (it->encoded.n)
			add(c, ADVICE_NOTE, "", _("The token is base64 once more; alone it is no message of a login."),
			    _("XOAUTH2 wants user=U ^A auth=Bearer T ^A ^A in base64: telltale sasl encode XOAUTH2."));
		sasl_check_token(c, c->user, it->decoded);
		break;
	case SASL_UNKNOWN:
		add(c, ADVICE_NOTE, "", _("I do not recognise this; it is no base64 and no message of a login that I know."), "");
		break;
	default:
		break;
	}
}
