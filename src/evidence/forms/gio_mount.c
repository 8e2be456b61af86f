/* gio mount, gvfs-mount and the debug output of gvfsd-mtp (gvfs daemon/gvfsbackendmtp.c). */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"gio: ", FORM_STRONG},
	{"gvfs-mount: ", FORM_STRONG},
	{"Error mounting location: ", FORM_STRONG},
	{"Drive(", FORM_LIKELY},
	{"Volume(", FORM_LIKELY},
	{"Mount(", FORM_LIKELY},
	{"Type: GProxy", FORM_STRONG},
	{"Type: GDaemonMount", FORM_STRONG},
	{"mtp: (I) ", FORM_STRONG},
	{"mtp: (II) ", FORM_STRONG},
	{"mtp: (W) ", FORM_STRONG},
	{"activation_root=mtp://", FORM_STRONG},
	{NULL},
};

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	int bid = mtp_bid(line, marks);
	return bid < FORM_STRONG && (mtp_is_command(line, "gio") || mtp_is_command(line, "gvfs-mount")) ? FORM_STRONG : bid;
}

static void take(struct reader *r, struct slice line)
{
	mtp_take(r, "gio", line);
}

const struct form form_gio_mount = {.name = "gio-mount", .title = N_("gio mount and gvfs"), .recognise = recognise, .take = take};
