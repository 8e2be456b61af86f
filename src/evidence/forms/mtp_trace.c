/* Traces of MTP transactions: "-> SendObjectInfo tid=17 ...", "<- Response tid=17 code=0x201a (InvalidParentObject)", uMTP-Responder's debug log. */
#include "evidence/mtp_lines.h"

static const struct mtp_mark marks[] = {
	{"<- Response", FORM_STRONG},
	{"[uMTPrd - ", FORM_SURE, true},
	{"InvalidParentObject", FORM_STRONG, true},
	{"SessionAlreadyOpen", FORM_STRONG, true},
	{"OperationNotSupported", FORM_STRONG, true},
	{"InvalidObjectHandle", FORM_STRONG, true},
	{NULL},
};

static bool is_operation(struct slice word)
{
	static const char *const names[] = {"GetDeviceInfo", "OpenSession", "CloseSession", "GetStorageIDs", "GetStorageInfo", "GetNumObjects", "GetObjectHandles",
		"GetObjectInfo", "GetObject", "DeleteObject", "SendObjectInfo", "SendObject", "MoveObject", "CopyObject", "GetPartialObject", "GetObjectPropList",
		"GetObjectPropsSupported", "GetObjectPropValue", "SetObjectPropValue", "SendObjectPropList"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_starts(word, slice_from_cstr(names[i])))
			return true;
	return false;
}

static int recognise(struct reader *r, struct slice line)
{
	(void)r;
	struct slice s = line;
	slice_skip_space(&s);
	if ((slice_skip(&s, S("-> ")) || slice_skip(&s, S("<- ")) || slice_skip(&s, S(">> ")) || slice_skip(&s, S("<< "))) && is_operation(s))
		return FORM_SURE;
	return mtp_bid(line, marks);
}

static void take(struct reader *r, struct slice line)
{
	mtp_take(r, "mtp", line);
}

const struct form form_mtp_trace = {.name = "mtp-trace", .title = N_("trace of MTP transactions"), .recognise = recognise, .take = take};
