/* The kernel's lines about USB (dmesg, syslog, journal), and what udev's mtp-probe, gvfsd and USBGuard log. */
#include "evidence/mtp_lines.h"

/* "[ 4075.271681] " or "[Fri Nov 19 19:47:11 2021] " in front of a kernel line. */
static void skip_dmesg_time(struct slice *s)
{
	size_t close = slice_find_byte(*s, ']');
	if (slice_starts(*s, S("[")) && close != SLICE_NPOS && close < 40) {
		*s = slice_from(*s, close + 1);
		slice_skip_space(s);
	}
}

/* "usb 1-1.2: ", "usb usb1-port7: ", "hub 1-0:1.0: ", "xhci_hcd 0000:00:14.0: " */
static bool is_kernel_usb(struct slice s)
{
	struct slice rest = s, word = slice_next_word(&rest);
	static const char *const first[] = {"usb", "hub", "xhci_hcd", "ehci-pci", "ehci_hcd", "ohci_hcd", "uhci_hcd", "dwc2", "dwc_otg", "usb-storage", "usbfs:"};
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		if (slice_eq(word, slice_from_cstr(first[i]))) {
			slice_skip_space(&rest);
			struct slice where = slice_next_word(&rest);
			return slice_ends(where, S(":")) && where.n < 40 && (ascii_is_digit(where.p[0]) || slice_starts(where, S("usb")) || i > 2);
		}
	return slice_starts(s, S("usbcore: ")) || slice_starts(s, S("usbhid "));
}

static bool is_usb_program(struct slice program)
{
	return slice_starts(program, S("mtp-probe")) || slice_starts(program, S("gvfsd")) || slice_starts(program, S("usbguard")) ||
	       slice_starts(program, S("gvfs-mtp")) || slice_starts(program, S("kiod")) || slice_eq(program, S("kernel"));
}

/* Takes syslog and dmesg fronts off; the program goes to *ret_program. False if the line is not about USB. */
static bool usb_line(struct reader *r, struct slice line, struct slice *ret_program, struct slice *ret_text, struct syslog_line *ret_log)
{
	struct slice s = line;
	slice_skip_space(&s);
	*ret_log = (struct syslog_line){0};
	*ret_program = S("kernel");
	if (reader_syslog(r, line, ret_log)) {
		if (!is_usb_program(ret_log->program))
			return false;
		*ret_program = ret_log->program;
		s = ret_log->message;
	} else if (slice_skip(&s, S("mtp-probe: "))) {
		*ret_program = S("mtp-probe");
		*ret_text = s;
		return true;
	} else {
		slice_skip(&s, S("kernel: "));
	}
	skip_dmesg_time(&s);
	*ret_text = s;
	return !slice_eq(*ret_program, S("kernel")) || is_kernel_usb(s);
}

static int recognise(struct reader *r, struct slice line)
{
	struct slice program, text;
	struct syslog_line log;
	if (!slice_has(line, S("usb")) && !slice_has(line, S("mtp-probe")) && !slice_has(line, S("gvfs")) && !slice_has(line, S("hub ")) &&
	    !slice_has(line, S("hci")) && !slice_has(line, S("kiod")))
		return FORM_NO;
	return usb_line(r, line, &program, &text, &log) ? FORM_STRONG : mtp_is_command(line, "dmesg") ? FORM_LIKELY : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	struct slice program, text;
	struct syslog_line log;
	bool known = usb_line(r, line, &program, &text, &log);
	if (log.has_time)
		reader_set_time(r, log.time_us);
	/* mtp-probe's name belongs to what it says: its lines are told by it. */
	reader_log(r, NULL, known ? program : SLICE_NONE, slice_eq(program, S("kernel")) ? text : slice_trim_right(line));
}

const struct form form_usb_journal = {.name = "usb-journal", .title = N_("kernel and journal lines about USB"), .recognise = recognise, .take = take};
