#define _GNU_SOURCE
#include "cli/filter.h"

#include <stdio.h>

#include "base/i18n.h"
#include "cli/options.h"

bool filter_set_sessions(struct filter *f, const char *list)
{
	struct slice rest = slice_from_cstr(list);
	uint64_t n;
	f->selection.sessions = f->sessions;
	while (f->selection.n_sessions < FILTER_SESSIONS_MAX && slice_next_uint(&rest, UINT32_MAX, &n) && n) {
		f->sessions[f->selection.n_sessions++] = (unsigned)n;
		if (!rest.n)
			return true;
		if (!slice_skip(&rest, S(",")))
			break;
	}
	usage_error(_("--session takes numbers of sessions, such as 3 or 3,5 (at most %u): %s"), FILTER_SESSIONS_MAX, list);
	return false;
}

bool filter_set_cause(struct filter *f, const struct knowledge *k)
{
	const char *nearest = NULL;
	if (!f->cause_id)
		return true;
	f->cause = knowledge_cause(k, slice_from_cstr(f->cause_id));
	if (f->cause)
		return true;
	for (size_t i = 0; i < k->n_causes && !nearest; i++)
		nearest = nearest_name(f->cause_id, &k->causes[i].id, 1);
	if (nearest)
		usage_error(_("there is no cause “%s”; did you mean “%s”?"), f->cause_id, nearest);
	else
		usage_error(_("there is no cause “%s”; telltale explain --list lists them"), f->cause_id);
	return false;
}

void filter_sessions(struct filter *f, struct transcript *t)
{
	f->left_out.sessions += transcript_select(t, &f->selection);
}

static const struct finding *find_cause(const struct filter *f, const struct diagnosis *d)
{
	for (size_t i = 0; i < d->findings.n; i++)
		if (d->findings.v[i]->cause == f->cause)
			return d->findings.v[i];
	return NULL;
}

void filter_evidence(const struct filter *f, struct transcript *t, const struct diagnosis *d)
{
	unsigned ids[FINDING_EVIDENCE_MAX];
	struct selection cited = {.sessions = ids};
	const struct finding *found = f->cause ? find_cause(f, d) : NULL;
	for (size_t i = 0; found && i < found->evidence.n && i < FINDING_EVIDENCE_MAX; i++)
		ids[cited.n_sessions++] = found->evidence.v[i].session;
	if (f->cause)
		transcript_select(t, &cited);
}

void filter_findings(struct filter *f, struct diagnosis *d, struct verdict *v)
{
	struct finding *found = NULL;
	if (!f->cause)
		return;
	for (size_t i = 0; i < d->findings.n; i++)
		if (d->findings.v[i]->cause == f->cause)
			found = d->findings.v[i];
	f->left_out.findings = d->findings.n - (found != NULL);
	d->findings.n = found != NULL;
	if (found)
		d->findings.v[0] = found;
	else if (v->kind == VERDICT_FAULT)
		v->kind = VERDICT_NOT_FOUND;
}

bool filter_found_nothing(const struct filter *f, const struct verdict *v)
{
	const struct selection *s = &f->selection;
	if (v->sessions || v->kind == VERDICT_FAULT || (!s->sessions && !s->client.n && !s->server.n))
		return false;
	fprintf(stderr, "telltale: %s\n", f->left_out.sessions ? _("no session is of that client, server or number") : _("there are no sessions in it"));
	return true;
}
