/* fusermount, libfuse, and what a shell says about a FUSE mount whose program has gone. */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"fusermount", FORM_STRONG},
	{"/bin/fusermount", FORM_STRONG},
	{"/usr/bin/fusermount", FORM_STRONG},
	{"fuse: ", FORM_STRONG},
	{"d?????????", FORM_STRONG},
	{"FUSE library version", FORM_STRONG},
	{"mount helper error", FORM_STRONG, true},
	{"option allow_", FORM_LIKELY, true},
	{NULL},
};

static bool is_shell_complaint(struct slice line)
{
	return slice_has_nocase(line, S("Transport endpoint is not connected")) &&
	       (slice_starts(line, S("ls:")) || slice_starts(line, S("cd:")) || slice_starts(line, S("rmdir:")) || slice_starts(line, S("df:")) ||
	        slice_starts(line, S("bash:")) || slice_has(line, S("mount")) || slice_has(line, S("mnt")) || slice_has(line, S("cannot access")));
}

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	int bid = mtp_bid(line, marks);
	if (bid < FORM_STRONG && (is_shell_complaint(line) || mtp_is_command(line, "fusermount")))
		return FORM_STRONG;
	return bid;
}

static void take(struct reader *r, struct slice line)
{
	mtp_take(r, "fusermount", line);
}

const struct form form_fusermount = {.name = "fusermount", .title = N_("fusermount and libfuse"), .recognise = recognise, .take = take};
