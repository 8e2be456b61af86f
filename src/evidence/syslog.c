/* The front of log lines: time stamps in the spellings that programs use, host, program and process id. */
#define _GNU_SOURCE
#include <time.h>

#include "evidence/reader-private.h"

/* Seconds since 1970 of a date in UTC: timegm without the look at the time zone, which costs more than the rest of a log line. */
static int64_t seconds_of(const struct tm *tm)
{
	int64_t y = tm->tm_year + 1900 - (tm->tm_mon < 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400, of_year = (153 * (tm->tm_mon + (tm->tm_mon > 1 ? -2 : 10)) + 2) / 5 + tm->tm_mday - 1;
	int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
	return ((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Month names of other languages that syslog and date print, by their first three letters where those differ. */
static const struct {
	const char *name;
	int month;
} more_months[] = {
	{"Mär", 3}, {"Mai", 5}, {"Okt", 10}, {"Dez", 12}, {"ene", 1}, {"abr", 4}, {"ago", 8}, {"dic", 12}, {"sty", 1}, {"lut", 2}, {"kwi", 4},
	{"maj", 5}, {"cze", 6}, {"lip", 7}, {"sie", 8}, {"wrz", 9}, {"paź", 10}, {"lis", 11}, {"gru", 12}, {"déc", 12}, {"fév", 2}, {"avr", 4}, {"aoû", 8},
};

static bool take_month(struct slice *s, int *ret)
{
	for (int m = 0; m < 12; m++)
		if (slice_starts_nocase(*s, slice_of(months + 3 * m, 3))) {
			*s = slice_from(*s, 3);
			*ret = m + 1;
			return true;
		}
	for (size_t i = 0; i < sizeof more_months / sizeof *more_months; i++)
		if (slice_skip_nocase(s, slice_from_cstr(more_months[i].name))) {
			*ret = more_months[i].month;
			return true;
		}
	return false;
}

static bool take_number(struct slice *s, size_t digits, int max, int *ret)
{
	int v = 0;
	if (s->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (!ascii_is_digit(s->p[i]))
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	if (v > max)
		return false;
	*s = slice_from(*s, digits);
	*ret = v;
	return true;
}

/* "10:11:12" with an optional fraction of a second. */
static bool take_clock(struct slice *s, struct tm *tm, int64_t *us)
{
	struct slice t = *s;
	*us = 0;
	if (!take_number(&t, 2, 23, &tm->tm_hour) || !slice_skip(&t, S(":")) || !take_number(&t, 2, 59, &tm->tm_min))
		return false;
	if (!slice_skip(&t, S(":")) || !take_number(&t, 2, 60, &tm->tm_sec))
		return false;
	if (t.n > 1 && (t.p[0] == '.' || t.p[0] == ',') && ascii_is_digit(t.p[1])) {
		int64_t unit = 100000;
		for (t = slice_from(t, 1); t.n && ascii_is_digit(t.p[0]); t = slice_from(t, 1), unit /= 10)
			*us += unit * (t.p[0] - '0');
	}
	*s = t;
	return true;
}

/* "Z", "+02:00", "+0200", "-08:00" directly behind the clock. */
static void take_zone(struct slice *s, int *ret_offset)
{
	struct slice t = *s;
	int h, m = 0;
	*ret_offset = 0;
	if (slice_skip(s, S("Z")) || t.n < 3 || (t.p[0] != '+' && t.p[0] != '-'))
		return;
	bool west = t.p[0] == '-';
	t = slice_from(t, 1);
	if (!take_number(&t, 2, 14, &h))
		return;
	slice_skip(&t, S(":"));
	take_number(&t, 2, 59, &m);
	*ret_offset = (west ? -1 : 1) * (h * 3600 + m * 60);
	*s = t;
}

/* 2024-01-31 10:11:12, 2024-01-31T10:11:12.5+01:00, 2024/01/31 10:11:12 */
static bool take_iso(struct slice *s, int64_t *ret_us)
{
	struct slice t = *s;
	struct tm tm = {0};
	int year, month, day, zone;
	int64_t us;
	if (!take_number(&t, 4, 9999, &year) || t.n < 2 || (t.p[0] != '-' && t.p[0] != '/' && t.p[0] != '.'))
		return false;
	uint8_t sep = t.p[0];
	t = slice_from(t, 1);
	if (!take_number(&t, 2, 12, &month) || !t.n || t.p[0] != sep)
		return false;
	t = slice_from(t, 1);
	if (!take_number(&t, 2, 31, &day) || !t.n || (t.p[0] != ' ' && t.p[0] != 'T' && t.p[0] != '_'))
		return false;
	t = slice_from(t, 1);
	if (!take_clock(&t, &tm, &us))
		return false;
	take_zone(&t, &zone);
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	*ret_us = ((int64_t)seconds_of(&tm) - zone) * 1000000 + us;
	*s = t;
	return true;
}

/* "Jan  2 10:11:12", "Jan 02 2024 10:11:12", "Mon Jan  2 10:11:12 2024"; without a year the time is only an order: year 1970. */
static bool take_bsd(struct slice *s, int64_t *ret_us, bool *ret_year)
{
	struct slice t = *s;
	struct tm tm = {.tm_year = 70};
	uint64_t day, year = 0;
	int month;
	int64_t us;
	*ret_year = false;
	if (!take_month(&t, &month) || !t.n || t.p[0] != ' ')
		return false;
	slice_skip_space(&t);
	if (!slice_next_uint(&t, 31, &day) || !t.n || t.p[0] != ' ')
		return false;
	slice_skip_space(&t);
	struct slice y = t;
	if (slice_next_uint(&y, 9999, &year) && year > 1900 && y.n && y.p[0] == ' ') {
		*ret_year = true;
		t = slice_from(y, 1);
	}
	if (!take_clock(&t, &tm, &us))
		return false;
	tm.tm_mon = month - 1;
	tm.tm_mday = (int)day;
	if (*ret_year)
		tm.tm_year = (int)year - 1900;
	*ret_us = (int64_t)seconds_of(&tm) * 1000000 + us;
	*s = t;
	return true;
}

bool reader_skip_time(struct slice *s, int64_t *ret_us)
{
	struct slice t = *s;
	struct tm tm = {0};
	bool year;
	slice_skip_space(&t);
	bool bracket = slice_skip(&t, S("["));
	int64_t us;
	*ret_us = 0;
	if (take_iso(&t, ret_us)) {
		;
	} else if (take_bsd(&t, &us, &year)) {
		*ret_us = year ? us : 0;
	} else if (!take_clock(&t, &tm, &us)) {
		return false;
	}
	if (bracket && !slice_skip(&t, S("]")))
		return false;
	slice_skip(&t, S(":"));
	slice_skip(&t, S(" "));
	*s = t;
	return true;
}

/* docker compose: "front_1  | text"; kubectl and others do the same. */
static void skip_container(struct slice *s)
{
	struct slice t = *s;
	struct slice name = slice_next_word(&t);
	slice_skip_space(&t);
	if (name.n && name.n < 40 && slice_skip(&t, S("|"))) {
		slice_skip_space(&t);
		*s = t;
	}
}

/* "program[123]: text" or "program: text"; a program name holds no blanks. */
static bool take_program(struct slice *s, struct syslog_line *ret)
{
	struct slice t = *s;
	size_t n = 0;
	while (n < t.n && n < 80 && (ascii_is_alnum(t.p[n]) || strchr("/-_.()@", t.p[n])))
		n++;
	if (n == 0)
		return false;
	ret->program = slice_sub(t, 0, n);
	t = slice_from(t, n);
	ret->pid = 0;
	if (slice_skip(&t, S("["))) {
		if (!slice_next_uint(&t, UINT32_MAX, &ret->pid) || !slice_skip(&t, S("]")))
			return false;
	}
	if (!slice_skip(&t, S(":")))
		return false;
	if (t.n && t.p[0] != ' ')
		return false; /* "http://", "12:30" */
	slice_skip(&t, S(" "));
	ret->message = t;
	*s = t;
	return true;
}

/* <13> in front: the priority of the wire format. */
static void skip_priority(struct slice *s)
{
	struct slice t = *s;
	uint64_t n;
	if (slice_skip(&t, S("<")) && slice_next_uint(&t, 191, &n) && slice_skip(&t, S(">")))
		*s = t;
}

bool syslog_parse(struct slice line, struct syslog_line *ret)
{
	struct slice s = line;
	bool year = true;
	*ret = (struct syslog_line){.has_time = false};
	skip_container(&s);
	skip_priority(&s);
	/* busybox: "mail.warn:Sep  3 08:32:30 (none) dovecot: …" */
	struct slice t = s;
	struct slice facility = slice_next_until(&t, ':');
	if (facility.n > 4 && facility.n < 20 && slice_find_byte(facility, '.') != SLICE_NPOS && slice_find_byte(facility, ' ') == SLICE_NPOS &&
	    t.n && ascii_is_alpha(t.p[0]))
		s = t;
	struct slice from = s;
	bool stamped = take_iso(&s, &ret->time_us) || take_bsd(&s, &ret->time_us, &year);
	ret->time = slice_sub(from, 0, from.n - s.n);
	ret->has_time = stamped && year;
	if (stamped)
		slice_skip_space(&s);
	struct slice rest = s;
	if (stamped) {
		/* "host program[pid]:", or no host at all. */
		struct slice host = slice_next_word(&rest);
		slice_skip_space(&rest);
		if (host.n && host.p[host.n - 1] != ':' && take_program(&rest, ret)) {
			ret->host = host;
			return true;
		}
		rest = s;
		return take_program(&rest, ret);
	}
	/* Without a time only a path-like or well-known daemon name with a process id is one ("postfix/smtpd[88]: …"). */
	return take_program(&rest, ret) && (ret->pid || slice_starts(ret->program, S("postfix/")) || slice_eq(ret->program, S("dovecot")));
}
