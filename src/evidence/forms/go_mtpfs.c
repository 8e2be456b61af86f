/* go-mtpfs (github.com/hanwen/go-mtpfs): lines of Go's log package, "2015/12/07 23:41:02 FUSE mounted". */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"FUSE mounted", FORM_STRONG},
	{"fatal error LIBUSB_ERROR_", FORM_SURE},
	{"OpenSession failed", FORM_SURE},
	{"selectStorages failed", FORM_SURE},
	{"Configure failed", FORM_STRONG},
	{"detect failed", FORM_STRONG},
	{"Android", FORM_LIKELY},
	{"AndroidSendPartialObject", FORM_SURE},
	{"AndroidGetPartialObject64", FORM_SURE},
	{"GetObjectHandles failed", FORM_SURE},
	{"SendObjectInfo failed", FORM_SURE},
	{"DeleteObject failed", FORM_STRONG},
	{"CreateFolder failed", FORM_STRONG},
	{"GetStorageInfo", FORM_STRONG},
	{"MTP request ", FORM_SURE},
	{"MTP response ", FORM_SURE},
	{"MTP data 0x", FORM_SURE},
	{"MTP decoded", FORM_STRONG},
	{"mtp: cannot run operation", FORM_SURE, true},
	{"USB: ", FORM_LIKELY},
	{"LIBUSB_ERROR_", FORM_STRONG, true},
	{"bytes in ", FORM_LIKELY, true},
	{"mount: ", FORM_LIKELY},
	{NULL},
};

/* "2015/12/07 23:41:02 " taken off; without it only the surest marks count. */
static bool skip_go_time(struct slice *s)
{
	static const char shape[] = "dddd/dd/dd dd:dd:dd ";
	if (s->n < sizeof shape)
		return false;
	for (size_t i = 0; i < sizeof shape - 1; i++)
		if (shape[i] == 'd' ? !ascii_is_digit(s->p[i]) : s->p[i] != (uint8_t)shape[i])
			return false;
	*s = slice_from(*s, sizeof shape - 1);
	return true;
}

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	struct slice s = line;
	bool stamped = skip_go_time(&s);
	int bid = mtp_bid(s, marks);
	if (mtp_is_command(line, "go-mtpfs"))
		return FORM_STRONG;
	if (stamped)
		return bid;
	return bid >= FORM_SURE ? FORM_STRONG : FORM_NO;
}

static void take(struct reader *r, struct slice line)
{
	mtp_take(r, "go-mtpfs", line);
}

const struct form form_go_mtpfs = {.name = "go-mtpfs", .title = N_("go-mtpfs"), .recognise = recognise, .take = take};
