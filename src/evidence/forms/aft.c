/* Android File Transfer for Linux: aft-mtp-mount, aft-mtp-cli, android-file-transfer (github.com/whoozle/android-file-transfer-linux). */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"Device::Find failed", FORM_SURE},
	{"connect failed: no MTP device found", FORM_SURE},
	{"connect failed: ", FORM_LIKELY},
	{"Device is already used by another process", FORM_SURE, true},
	{"DeviceBusyException", FORM_SURE, true},
	{"timeout reaping usb urb", FORM_SURE, true},
	{"error while submitting urb", FORM_SURE, true},
	{"invalid response code ", FORM_STRONG, true},
	{"probing device ", FORM_STRONG},
	{"Device usb interface: ", FORM_STRONG},
	{"descriptor->TryOpen() failed", FORM_SURE},
	{"aft-mtp-", FORM_STRONG},
	{"no mtp device found", FORM_STRONG},
	{"No MTP storage found", FORM_STRONG},
	{"mounting read-only", FORM_LIKELY, true},
	{NULL},
};

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	int bid = mtp_bid(line, marks);
	return bid < FORM_STRONG && (mtp_is_command(line, "aft-mtp-") || mtp_is_command(line, "android-file-transfer")) ? FORM_STRONG : bid;
}

static void take(struct reader *r, struct slice line)
{
	mtp_take(r, "android-file-transfer", line);
}

const struct form form_aft = {.name = "aft", .title = N_("Android File Transfer for Linux (aft)"), .recognise = recognise, .take = take};
