/* libmtp and its tools: mtp-detect, mtp-files, mtp-folders, mtp-connect, mtp-sendfile ... (libmtp examples/, src/libusb1-glue.c, src/libmtp.c). */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"libmtp version:", FORM_SURE},
	{"Listing raw device(s)", FORM_SURE},
	{"Attempting to connect device(s)", FORM_SURE},
	{"(VID=", FORM_STRONG, true},
	{"Please report this VID/PID", FORM_STRONG},
	{"Found 1 device(s)", FORM_STRONG},
	{"Found 2 device(s)", FORM_STRONG},
	{"LIBMTP", FORM_STRONG},
	{"LIBMTP PANIC", FORM_SURE, true},
	{"LIBMTP_", FORM_STRONG, true},
	{"PTP_ERROR_", FORM_SURE},
	{"PTP Layer error", FORM_STRONG, true},
	{"PTP: ", FORM_STRONG, true},
	{"Error 1: ", FORM_STRONG},
	{"Error 2: ", FORM_STRONG},
	{"Error 7: Unable to read Maximum", FORM_STRONG},
	{"libusb_claim_interface()", FORM_SURE, true},
	{"usb_claim_interface", FORM_STRONG, true},
	{"libusb_open() failed", FORM_SURE, true},
	{"libusb: ", FORM_STRONG, true},
	{"LIBUSB_ERROR_", FORM_LIKELY, true},
	{"Unable to open raw device", FORM_SURE},
	{"No raw devices found", FORM_SURE},
	{"Android device detected, assigning", FORM_SURE},
	{"USB low-level info:", FORM_STRONG},
	{"Supported operations:", FORM_STRONG},
	{"Storage Devices:", FORM_STRONG},
	{"StorageID: 0x", FORM_STRONG},
	{"Special directories:", FORM_STRONG},
	{"File ID: ", FORM_STRONG},
	{"File size ", FORM_LIKELY},
	{"Detected object size:", FORM_STRONG},
	{"Listing File Information on Device", FORM_SURE},
	{"get_all_metadata_fast()", FORM_SURE, true},
	{"get_handles_recursively()", FORM_SURE, true},
	{"send_file_object_info()", FORM_SURE, true},
	{"inep: usb_get_endpoint_status", FORM_STRONG},
	{"outep: usb_get_endpoint_status", FORM_STRONG},
	{"usb_clear_halt()", FORM_STRONG},
	{"object property description 0x", FORM_STRONG, true},
	{NULL},
};

/* Below its headings mtp-detect prints hundreds of lines indented by blanks; "OK." ends it. */
static bool is_inner(struct slice line)
{
	struct slice s = line;
	slice_skip_space(&s);
	if (slice_eq(slice_trim_right(line), S("OK.")))
		return true;
	return line.n > 3 && s.n && s.n < line.n && line.n - s.n >= 2 && slice_has(s, S(":")) && (!slice_has(s, S("@")) || slice_has(s, S(" @ bus ")));
}

static const struct form *self(void);

static int recognise(struct reader *r, struct slice line)
{
	int bid = mtp_bid(line, marks);
	if (bid < FORM_STRONG && mtp_is_command(line, "mtp-"))
		return FORM_STRONG;
	if (bid == FORM_NO && reader_active(r) == self() && is_inner(line))
		return FORM_LIKELY;
	return bid;
}

static void take(struct reader *r, struct slice line)
{
	mtp_take(r, "libmtp", line);
}

const struct form form_mtp_tools = {.name = "mtp-tools", .title = N_("libmtp tools (mtp-detect and others)"), .recognise = recognise, .take = take};

static const struct form *self(void)
{
	return &form_mtp_tools;
}
