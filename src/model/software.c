/* Which program or provider speaks, guessed from its words. Order matters: the more telling first. */
#include <assert.h>

#include "model/transcript.h"

static const struct {
	const char *key, *title;
} names[SOFTWARE_COUNT] = {
	[SOFTWARE_UNKNOWN] = {"", ""},
	[SOFTWARE_EXIM] = {"exim", "Exim"},
	[SOFTWARE_POSTFIX] = {"postfix", "Postfix"},
	[SOFTWARE_SENDMAIL] = {"sendmail", "Sendmail"},
	[SOFTWARE_QMAIL] = {"qmail", "qmail"},
	[SOFTWARE_EXCHANGE] = {"exchange", "Microsoft Exchange"},
	[SOFTWARE_MICROSOFT365] = {"microsoft365", "Microsoft 365"},
	[SOFTWARE_GOOGLE] = {"google", "Google"},
	[SOFTWARE_YAHOO] = {"yahoo", "Yahoo"},
	[SOFTWARE_OPENSMTPD] = {"opensmtpd", "OpenSMTPD"},
	[SOFTWARE_DOVECOT] = {"dovecot", "Dovecot"},
	[SOFTWARE_CYRUS] = {"cyrus", "Cyrus IMAP"},
	[SOFTWARE_COURIER] = {"courier", "Courier"},
	[SOFTWARE_HMAILSERVER] = {"hmailserver", "hMailServer"},
	[SOFTWARE_HARAKA] = {"haraka", "Haraka"},
	[SOFTWARE_AMAZON_SES] = {"ses", "Amazon SES"},
	[SOFTWARE_ICLOUD] = {"icloud", "iCloud"},
	[SOFTWARE_PROTON_BRIDGE] = {"proton", "Proton Mail Bridge"},
	[SOFTWARE_AIOSMTPD] = {"aiosmtpd", "aiosmtpd"},
	[SOFTWARE_COREMAIL] = {"coremail", "Coremail (NetEase)"},
};

static const struct {
	const char *words;
	enum software software;
} signs[] = {
	{"outlook.com", SOFTWARE_MICROSOFT365},
	{"office365", SOFTWARE_MICROSOFT365},
	{"exchangelabs.com", SOFTWARE_MICROSOFT365},
	/* Before Postfix's words, which some of these borrow. */
	{"TenantAttribution", SOFTWARE_MICROSOFT365},
	{"TenantInboundAttribution", SOFTWARE_MICROSOFT365},
	{"SmtpClientAuthentication is disabled", SOFTWARE_MICROSOFT365},
	{"5.7.57 Client not authenticated", SOFTWARE_MICROSOFT365},
	{"Access denied. AS(", SOFTWARE_MICROSOFT365},
	{"STOREDRV.", SOFTWARE_EXCHANGE},
	{"RESOLVER.", SOFTWARE_EXCHANGE},
	{"gsmtp", SOFTWARE_GOOGLE},
	{"google.com", SOFTWARE_GOOGLE},
	{"gimap ", SOFTWARE_GOOGLE},
	{"googlemail", SOFTWARE_GOOGLE},
	{"smtp.gmail.com", SOFTWARE_GOOGLE},
	{"yahoo.com", SOFTWARE_YAHOO},
	{"yahoodns", SOFTWARE_YAHOO},
	{"amazonaws", SOFTWARE_AMAZON_SES},
	{"SimpleEmailService", SOFTWARE_AMAZON_SES},
	{"mail.me.com", SOFTWARE_ICLOUD},
	{"Proton Mail Bridge", SOFTWARE_PROTON_BRIDGE},
	{"Microsoft ESMTP MAIL Service", SOFTWARE_EXCHANGE},
	{"Microsoft Exchange", SOFTWARE_EXCHANGE},
	{"Exchange Server", SOFTWARE_EXCHANGE},
	{"Exim", SOFTWARE_EXIM},
	{"yntactically invalid", SOFTWARE_EXIM},
	{"relay not permitted", SOFTWARE_EXIM},
	{"postfix", SOFTWARE_POSTFIX},
	{">: Relay access denied", SOFTWARE_POSTFIX}, /* others say it without the address in front */
	{"Sender address rejected:", SOFTWARE_POSTFIX},
	{"Recipient address rejected:", SOFTWARE_POSTFIX},
	{"Helo command rejected:", SOFTWARE_POSTFIX},
	{"Client host rejected:", SOFTWARE_POSTFIX},
	{"Sendmail", SOFTWARE_SENDMAIL},
	{"pleased to meet you", SOFTWARE_SENDMAIL},
	{"OpenSMTPD", SOFTWARE_OPENSMTPD},
	{"Dovecot", SOFTWARE_DOVECOT},
	{"Cyrus", SOFTWARE_CYRUS},
	{"Courier", SOFTWARE_COURIER},
	{"hMailServer", SOFTWARE_HMAILSERVER},
	{"Haraka", SOFTWARE_HARAKA},
	{"aiosmtpd", SOFTWARE_AIOSMTPD},
	{"Coremail", SOFTWARE_COREMAIL},
	{"qmail", SOFTWARE_QMAIL},
	{"(#5.", SOFTWARE_QMAIL},
	{"(#4.", SOFTWARE_QMAIL},
};

const char *software_key(enum software s)
{
	assert(s < SOFTWARE_COUNT);
	return names[s].key;
}

const char *software_title(enum software s)
{
	assert(s < SOFTWARE_COUNT);
	return names[s].title;
}

enum software software_guess(struct slice text)
{
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		if (slice_has_nocase(text, slice_from_cstr(signs[i].words)))
			return signs[i].software;
	return SOFTWARE_UNKNOWN;
}
