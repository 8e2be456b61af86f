/* Inferences about MTP over USB: what several lines of tools, kernel and prose say together. */
#include <stdio.h>

#include "diagnose/rule.h"

/* Lines of tools that no form knows arrive as settings ("name: value") or prose. */
#define KINDS_MTP (KINDS_AROUND | KIND(EV_LOG) | KIND(EV_ERROR))

/* Context looked at to find out what the evidence is about: enough for any paste, little for a large log. */
#define CONTEXT_MAX 2000u

/* Is this evidence about USB or MTP at all? The rules below search everything, which would be a waste on a mail log. */
static bool is_about_usb(const struct transcript *t)
{
	for (size_t i = 0; i < t->sessions.n; i++)
		if (t->sessions.v[i]->protocol == PROTOCOL_MTP)
			return true;
	for (size_t i = 0; i < t->context.n && i < CONTEXT_MAX; i++) {
		struct slice text = t->context.v[i]->text;
		if (slice_has_nocase(text, S("usb")) || slice_has(text, S("mtp-")) || slice_has(text, S("mtp:")) || slice_has_nocase(text, S("libmtp")) ||
		    slice_has(text, S("Storage")) || slice_has(text, S("File size ")))
			return true;
	}
	return false;
}

/* Events of these kinds that match, counted up to a limit; the first in *ret_first. */
static unsigned count_events(struct dx *x, const char *regex, unsigned limit, const struct event **ret_first)
{
	size_t at = 0;
	unsigned n = 0;
	*ret_first = NULL;
	while (n < limit) {
		const struct event *e = dx_search(x, KINDS_MTP, regex, &at);
		if (!e)
			break;
		if (!n++)
			*ret_first = e;
		at++;
	}
	return n;
}

/* --- 32-bit sizes ---------------------------------------------------------------------------------------------------------------- */

#define SIZES_MAX 64u
#define FOUR_GIB (UINT64_C(1) << 32)

struct file_size {
	struct slice name;
	uint64_t bytes;
	const struct event *event;
};

/* "-rwxr-xr-x 1 root root 6442450944 Nov 19 09:02 backup.img": the size is the first large number after the owner; the name stands last. */
static bool listed_size(struct slice line, struct file_size *ret)
{
	struct slice s = slice_trim(line), word = slice_next_word(&s);
	if (word.n < 10 || word.p[0] != '-')
		return false;
	size_t blank = slice_find_last_byte(s, ' ');
	for (unsigned i = 0; i < 5 && s.n; i++) {
		slice_skip_space(&s);
		word = slice_next_word(&s);
		if (i >= 2 && slice_to_uint(word, UINT64_MAX / 2, &ret->bytes)) {
			size_t last = slice_find_last_byte(s, ' ');
			ret->name = last == SLICE_NPOS ? SLICE_NONE : slice_from(s, last + 1);
			return blank != SLICE_NPOS && ret->name.n > 0;
		}
	}
	return false;
}

/* The sizes that listings and mtp-files ("Filename: x", then "File size 4294967295 (0x...) bytes") give; name carries over between the two lines. */
static bool stated_size(const struct event *e, struct slice *name, struct file_size *ret)
{
	struct slice text = e->text;
	ret->event = e;
	if (listed_size(text, ret))
		return true;
	slice_skip_space(&text);
	if (slice_skip(&text, S("Filename: "))) {
		*name = slice_trim(text);
		return false;
	}
	ret->name = *name;
	return name->n && slice_skip(&text, S("File size ")) && slice_to_uint(slice_next_word(&text), UINT64_MAX / 2, &ret->bytes);
}

/* Is one the other modulo 4 GiB, or cut to 0xFFFFFFFF? */
static bool is_cut(const struct file_size *shown, const struct file_size *real)
{
	return real->bytes >= FOUR_GIB && shown->bytes < FOUR_GIB && slice_eq(shown->name, real->name) &&
	       (shown->bytes == UINT32_MAX || shown->bytes == (real->bytes & UINT32_MAX));
}

/* The device holds a file of over 4 GiB, and the other side shows its size modulo 4 GiB or as 0xFFFFFFFF. */
static void find_size_cut(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	struct file_size seen[SIZES_MAX];
	size_t n = 0;
	struct slice name = SLICE_NONE;
	(void)unused;
	if (!is_about_usb(t))
		return;
	for (size_t i = 0; i < t->events.n; i++) {
		struct file_size f = {.bytes = 0};
		if (!(KIND(t->events.v[i]->kind) & KINDS_MTP) || !stated_size(t->events.v[i], &name, &f))
			continue;
		for (size_t j = 0; j < n; j++) {
			bool forth = is_cut(&f, &seen[j]);
			if (!forth && !is_cut(&seen[j], &f))
				continue;
			const struct file_size *shown = forth ? &f : &seen[j], *real = forth ? &seen[j] : &f;
			struct draft *d = dx_find(x, "mtp-size-32bit-limit", 0.97, shown->event);
			char digits[24];
			snprintf(digits, sizeof digits, "%llu", (unsigned long long)shown->bytes);
			dx_value(d, "size", arena_dup(dx_arena(x), slice_from_cstr(digits)));
			dx_evidence(d, real->event);
			return;
		}
		if (n < SIZES_MAX)
			seen[n++] = f;
	}
}

/* --- the link and the log -------------------------------------------------------------------------------------------------------- */

/* One disconnect is somebody pulling the plug; several, or resets without end, are a bad link, unless a probe or a second program is at it. */
static void find_unstable_link(struct dx *x, const struct session *unused)
{
	const struct event *first, *other;
	(void)unused;
	if (!is_about_usb(dx_transcript(x)))
		return;
	if (count_events(x, "did not claim interface|claim_interface\\(\\)\\s*=\\s*-6|already used by|mtp-probe|descriptor 0x?EE|0xEE|not authorized for usage", 1, &other))
		return;
	unsigned gone = count_events(x, "\\busb \\d+-[\\d.]+: USB disconnect, device number", 8, &first);
	if (gone >= 3) {
		dx_find(x, "usb-link-errors", gone >= 5 ? 0.8 : 0.72, first);
		return;
	}
	unsigned resets = count_events(x, "\\busb \\d+-[\\d.]+: reset \\w+-?speed[^\\n]{0,20}USB device", 8, &first);
	if (resets >= 3)
		dx_find(x, "usb-link-errors", 0.65, first);
}

/* The same complaint about the event endpoint over and over. */
static void find_event_flood(struct dx *x, const struct session *unused)
{
	const struct event *first;
	(void)unused;
	if (!is_about_usb(dx_transcript(x)))
		return;
	unsigned n = count_events(x, "reading event an|check_event: |did not claim interface \\d+ before use|LIBMTP_Read_Event|GET_DEVICE_STATUS", 40, &first);
	if (n >= 4)
		dx_find(x, "mtp-event-poll-flood", n >= 12 ? 0.9 : 0.8, first);
}

/* --- who holds the device -------------------------------------------------------------------------------------------------------- */

/* The desktop has it mounted, and another program cannot open it. */
static void find_desktop_mount(struct dx *x, const struct session *unused)
{
	(void)unused;
	if (!is_about_usb(dx_transcript(x)))
		return;
	const struct event *mount = dx_search(x, KINDS_MTP, "Mount\\(\\d+\\):[^\\n]{0,160}-> mtp://|gvfs/mtp:host=|/gvfs/mtp%3Ahost", NULL);
	const struct event *failed = dx_search(x, KINDS_MTP,
	                                       "Unable to (?:initialize|open raw) device|OpenSession failed|no MTP device found|failed to open (?:session|MTP)|Can't open device|could not open (?:the )?(?:MTP )?device|selectStorages failed", NULL);
	if (!mount || !failed || dx_search(x, KINDS_MTP, "Permission denied|errno=13|LIBUSB_ERROR_ACCESS", NULL))
		return;
	struct draft *d = dx_find(x, "usb-interface-busy", 0.86, failed);
	dx_evidence(d, mount);
}

/* --- an open device without a storage -------------------------------------------------------------------------------------------- */

static void find_no_storage(struct dx *x, const struct session *unused)
{
	(void)unused;
	if (!is_about_usb(dx_transcript(x)))
		return;
	size_t at = 0;
	const struct event *heading = dx_search(x, KINDS_MTP, "^\\s*Storage Devices:\\s*$", &at);
	if (!heading || dx_search(x, KINDS_MTP, "StorageID: 0x|claim_interface\\(\\)\\s*=\\s*-6", NULL))
		return;
	const struct transcript *t = dx_transcript(x);
	/* Something must follow: a paste that ends here says nothing about storages. */
	for (size_t i = at + 1; i < t->events.n && i < at + 4; i++)
		if (dx_match(x, t->events.v[i]->text, "^Special directories|^MTP-specific|^OK\\.|Get Storage information failed")) {
			struct draft *d = dx_find(x, "mtp-device-locked", 0.78, heading);
			dx_evidence(d, t->events.v[i]);
			return;
		}
}

/* --- a tool that stands still behind 9805 ---------------------------------------------------------------------------------------- */

static void find_stops_after_proplist(struct dx *x, const struct session *unused)
{
	(void)unused;
	if (!is_about_usb(dx_transcript(x)))
		return;
	const struct event *offered = dx_search(x, KINDS_MTP, "^\\s*9805: Get object property list", NULL);
	if (!offered || dx_search(x, KINDS_MTP, "^OK\\.\\s*$|claim_interface\\(\\)\\s*=\\s*-6|failed to open session", NULL))
		return;
	const struct event *still = dx_search(x, KINDS_MTP,
	                                      "stands? still|\\bstuck\\b|hangs?\\b|hung\\b|freez|nothing (?:more |else )?happens|never (?:ends|returns|finishes)|for (?:minutes|ever|hours)|\\^C", NULL);
	if (!still || dx_search(x, KIND(EV_PROSE), "\\d{4,6} (?:\\w+ )?(?:files|photos|pictures)|thousands of", NULL))
		return;
	struct draft *d = dx_find(x, "mtp-getobjproplist-broken", 0.84, still);
	dx_evidence(d, offered);
}

/* --- mtp-probe ------------------------------------------------------------------------------------------------------------------- */

/* mtp-probe looks at a device that is none of its business, and within the next few lines that device goes away or errs. */
static void find_probe_then_trouble(struct dx *x, const struct session *unused)
{
	const struct transcript *t = dx_transcript(x);
	size_t at = 0;
	(void)unused;
	if (!is_about_usb(dx_transcript(x)))
		return;
	const struct event *probe = dx_search(x, KINDS_MTP, "mtp-probe[^\\n]{0,30}(?:checking bus|was not an MTP device)", &at);
	if (!probe || dx_search(x, KINDS_MTP, "was an MTP device|\\(VID=[0-9a-f]{4} and PID=|No raw devices|No mtp devices", NULL))
		return;
	for (size_t i = at + 1; i < t->events.n && i <= at + 8; i++) {
		const struct event *e = t->events.v[i];
		if (!(KIND(e->kind) & KINDS_MTP) || !dx_match(x, e->text, "USB disconnect|reset \\w+-?speed|error -\\d+|timed? ?out|not respond|can(?:not|'t) (?:open|find|communicate)|failed"))
			continue;
		struct draft *d = dx_find(x, "mtp-probe-disturbs-device", 0.8, probe);
		dx_evidence(d, e);
		return;
	}
}

const struct rule rules_mtp[] = {
	{"mtp-size-cut", "mtp-size-32bit-limit", RULE_INPUT, find_size_cut},
	{"usb-unstable-link", "usb-link-errors", RULE_INPUT, find_unstable_link},
	{"mtp-event-flood", "mtp-event-poll-flood", RULE_INPUT, find_event_flood},
	{"usb-desktop-mount", "usb-interface-busy", RULE_INPUT, find_desktop_mount},
	{"mtp-no-storage", "mtp-device-locked", RULE_INPUT, find_no_storage},
	{"mtp-stops-after-proplist", "mtp-getobjproplist-broken", RULE_INPUT, find_stops_after_proplist},
	{"mtp-probe-then-trouble", "mtp-probe-disturbs-device", RULE_INPUT, find_probe_then_trouble},
	{0},
};
