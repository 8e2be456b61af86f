/* simple-mtpfs, a FUSE file system on libmtp (github.com/phatina/simple-mtpfs). */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"simple-mtpfs version", FORM_SURE},
	{"simple-mtpfs:", FORM_STRONG},
	{"- can get  partial object", FORM_SURE},
	{"- can send partial object", FORM_SURE},
	{"- can edit objects", FORM_SURE},
	{"can send partial object", FORM_STRONG, true},
	{"Could not retrieve device storage", FORM_SURE, true},
	{"For android phones make sure the screen is unlocked", FORM_SURE},
	{NULL},
};

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	int bid = mtp_bid(line, marks);
	return bid < FORM_STRONG && (mtp_is_command(line, "simple-mtpfs") || mtp_is_command(line, "mtpfs")) ? FORM_STRONG : bid;
}

static void take(struct reader *r, struct slice line)
{
	mtp_take(r, "simple-mtpfs", line);
}

const struct form form_simple_mtpfs = {.name = "simple-mtpfs", .title = N_("simple-mtpfs"), .recognise = recognise, .take = take};
