/* jmtpfs, a FUSE file system on libmtp (github.com/JasonFerrara/jmtpfs); libmtp's own lines among its output belong to mtp_tools. */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"jmtpfs version", FORM_SURE},
	{"jmtpfs", FORM_STRONG},
	{"Available devices (busLocation", FORM_SURE},
	{"No mtp devices found", FORM_STRONG},
	{"Requested MTP device not found", FORM_STRONG},
	{"Requested device not found", FORM_STRONG},
	{"terminate called after throwing an instance of 'Mtp", FORM_SURE},
	{"what():  Can't open device", FORM_STRONG},
	{"MtpErrorCantOpenDevice", FORM_STRONG, true},
	{"MtpDeviceNotFound", FORM_STRONG, true},
	{NULL},
};

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	int bid = mtp_bid(line, marks);
	return bid < FORM_STRONG && mtp_is_command(line, "jmtpfs") ? FORM_STRONG : bid;
}

static void take(struct reader *r, struct slice line)
{
	mtp_take(r, "jmtpfs", line);
}

const struct form form_jmtpfs = {.name = "jmtpfs", .title = N_("jmtpfs"), .recognise = recognise, .take = take};
