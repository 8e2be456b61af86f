#include "proto/sasl-make.h"

#include <gsasl.h>
#include <stdlib.h>

#include "proto/sasl-digest.h"

struct sasl_maker {
	struct arena *arena;
	struct sasl_account account;
	struct slice (*simple)(struct sasl_maker *m, struct slice challenge); /* a mechanism of one message, made here */
	bool waits;
	Gsasl *lib;
	Gsasl_session *session;
};

/* The octets that RFC 5801 section 4 wants escaped in the GS2 header's names. */
static struct slice gs2_name(struct arena *a, struct slice s)
{
	uint8_t *out = arena_alloc(a, 3 * s.n + 1);
	size_t n = 0;
	if (!out)
		return SLICE_NONE;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ',' || s.p[i] == '=') {
			memcpy(out + n, s.p[i] == ',' ? "=2C" : "=3D", 3);
			n += 3;
		} else {
			out[n++] = s.p[i];
		}
	}
	return slice_of(out, n);
}

static struct slice make_xoauth2(struct sasl_maker *m, struct slice challenge)
{
	(void)challenge;
	return arena_printf(m->arena, "user=%.*s\001auth=Bearer %.*s\001\001", SLICE_FMT(m->account.user), SLICE_FMT(m->account.password));
}

static struct slice make_oauthbearer(struct sasl_maker *m, struct slice challenge)
{
	struct slice name = gs2_name(m->arena, m->account.user);
	struct slice where = SLICE_NONE;
	(void)challenge;
	if (m->account.host.n)
		where = arena_printf(m->arena, "host=%.*s\001", SLICE_FMT(m->account.host));
	if (m->account.port)
		where = arena_printf(m->arena, "%.*sport=%u\001", SLICE_FMT(where), m->account.port);
	return arena_printf(m->arena, "n,a=%.*s,\001%.*sauth=Bearer %.*s\001\001", SLICE_FMT(name), SLICE_FMT(where),
			    SLICE_FMT(m->account.password));
}

static struct slice make_apop(struct sasl_maker *m, struct slice challenge)
{
	struct slice digest = apop_digest(m->arena, slice_trim(challenge), m->account.password);
	return digest.n ? arena_printf(m->arena, "APOP %.*s %.*s", SLICE_FMT(m->account.user), SLICE_FMT(digest)) : SLICE_NONE;
}

static const struct {
	const char *mech;
	struct slice (*make)(struct sasl_maker *m, struct slice challenge);
	bool waits;
} own[] = {
	{"XOAUTH2", make_xoauth2, false},
	{"OAUTHBEARER", make_oauthbearer, false},
	{"APOP", make_apop, true},
};

/* Mechanisms whose first word is the server's. */
static bool server_begins(struct slice mech)
{
	return slice_eq(mech, S("CRAM-MD5")) || slice_eq(mech, S("DIGEST-MD5"));
}

static bool set_property(struct sasl_maker *m, Gsasl_property p, struct slice value)
{
	if (!value.p)
		return true;
	return gsasl_property_set_raw(m->session, p, (const char *)value.p, value.n) == GSASL_OK;
}

static bool begin_gsasl(struct sasl_maker *m, struct slice mech, struct err *reterr)
{
	char *name = arena_cstr(m->arena, mech);
	if (!name || gsasl_init(&m->lib) != GSASL_OK)
		return err_set(reterr, ERR_MEMORY, "libgsasl");
	int rc = gsasl_client_start(m->lib, name, &m->session);
	if (rc != GSASL_OK)
		return err_set(reterr, ERR_USAGE, "%s: %s", name, gsasl_strerror(rc));
	struct slice realm = m->account.realm;
	bool ok = set_property(m, GSASL_AUTHID, m->account.user) && set_property(m, GSASL_PASSWORD, m->account.password) &&
		  set_property(m, GSASL_SERVICE, m->account.service) && set_property(m, GSASL_HOSTNAME, m->account.host) &&
		  (realm.n == 0 || set_property(m, GSASL_REALM, realm)) &&
		  (m->account.authzid.n == 0 || set_property(m, GSASL_AUTHZID, m->account.authzid));
	return ok || err_set(reterr, ERR_MEMORY, "libgsasl");
}

struct sasl_maker *sasl_maker_new(struct arena *a, struct slice mech, const struct sasl_account *account, struct err *reterr)
{
	struct sasl_maker *m = calloc(1, sizeof *m);
	if (!m) {
		err_set(reterr, ERR_MEMORY, "sasl");
		return NULL;
	}
	m->arena = a;
	m->account = *account;
	m->waits = server_begins(mech);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (slice_eq(mech, slice_from_cstr(own[i].mech))) {
			m->simple = own[i].make;
			m->waits = own[i].waits;
		}
	if (m->simple || begin_gsasl(m, mech, reterr))
		return m;
	sasl_maker_free(m);
	return NULL;
}

void sasl_maker_free(struct sasl_maker *m)
{
	if (!m)
		return;
	if (m->session)
		gsasl_finish(m->session);
	if (m->lib)
		gsasl_done(m->lib);
	free(m);
}

bool sasl_maker_waits(const struct sasl_maker *m)
{
	return m->waits;
}

enum sasl_made sasl_maker_step(struct sasl_maker *m, struct slice challenge, struct slice *ret, struct err *reterr)
{
	char *out = NULL;
	size_t n = 0;
	*ret = SLICE_NONE;
	if (m->simple) {
		*ret = m->simple(m, challenge);
		if (ret->n)
			return SASL_MADE_LAST;
		err_set(reterr, ERR_CRYPTO, "MD5");
		return SASL_MADE_FAILED;
	}
	/* libgsasl's parsers read strings: also nothing must be one, and it must end in NUL. */
	char *text = arena_cstr(m->arena, challenge);
	if (!text) {
		err_set(reterr, ERR_MEMORY, "sasl");
		return SASL_MADE_FAILED;
	}
	int rc = gsasl_step(m->session, text, challenge.n, &out, &n);
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
		err_set(reterr, ERR_FORMAT, "%s", gsasl_strerror(rc));
		return SASL_MADE_FAILED;
	}
	*ret = arena_dup(m->arena, slice_of(out, n));
	gsasl_free(out);
	return rc == GSASL_OK ? SASL_MADE_LAST : SASL_MADE_MORE;
}
