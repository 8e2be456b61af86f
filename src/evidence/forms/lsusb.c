/* lsusb, listings of USB device nodes (ls -l, getfacl, lsof, fuser) and usbguard list-devices. */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"bInterfaceClass ", FORM_STRONG},
	{"bInterfaceSubClass ", FORM_STRONG},
	{"bInterfaceProtocol ", FORM_STRONG},
	{"iInterface ", FORM_STRONG},
	{"idVendor  ", FORM_STRONG},
	{"idProduct  ", FORM_STRONG},
	{"/dev/bus/usb/", FORM_STRONG},
	{"/dev/bus/usb/", FORM_LIKELY, true},
	{"[sys.usb.", FORM_STRONG},
	{NULL},
};

/* "Bus 001 Device 012: ID 18d1:4ee1 Google Inc." */
static bool is_bus_line(struct slice s)
{
	return slice_starts(s, S("Bus ")) && slice_has(s, S(" Device ")) && slice_has(s, S(": ID "));
}

/* "12: block id 18d1:4ee1 serial ..." */
static bool is_usbguard_line(struct slice s)
{
	uint64_t n = 0;
	return slice_next_uint(&s, UINT32_MAX, &n) && (slice_starts(s, S(": allow id ")) || slice_starts(s, S(": block id ")) || slice_starts(s, S(": reject id ")));
}

/* "crw-rw-r-- 1 root root 189, 11 Dec 12 15:20 012": major 189 is usb_device. */
static bool is_node_line(struct slice s)
{
	return slice_starts(s, S("crw")) && slice_has(s, S(" 189,"));
}

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	struct slice s = line;
	slice_skip_space(&s);
	if (is_bus_line(s) || is_usbguard_line(s) || is_node_line(s))
		return FORM_SURE;
	int bid = mtp_bid(line, marks);
	return bid < FORM_STRONG && (mtp_is_command(line, "lsusb") || mtp_is_command(line, "usbguard") || mtp_is_command(line, "usb-devices")) ? FORM_STRONG
	                                                                                                                                     : bid;
}

static void take(struct reader *r, struct slice line)
{
	struct slice s = line;
	slice_skip_space(&s);
	reader_program(reader_event(r, EV_TOOL, SIDE_CLIENT, slice_trim_right(line)), is_usbguard_line(s) ? S("usbguard") : S("lsusb"));
}

const struct form form_lsusb = {.name = "lsusb", .title = N_("lsusb and other listings of USB devices"), .recognise = recognise, .take = take};
