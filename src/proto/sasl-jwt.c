#include "proto/sasl-jwt.h"

#include <jansson.h>

#include "base/base64.h"

static struct slice without_space(struct arena *a, struct slice s, unsigned *faults)
{
	uint8_t *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	if (!out)
		return SLICE_NONE;
	for (size_t i = 0; i < s.n; i++)
		if (ascii_is_space(s.p[i]))
			*faults |= JWT_SPACE;
		else
			out[n++] = s.p[i];
	return slice_of(out, n);
}

static json_t *part_json(struct arena *a, struct slice part, unsigned *faults)
{
	struct slice decoded;
	if (base64_decode(a, part, &decoded) & (BASE64_BAD_BYTE | BASE64_BAD_PADDING)) {
		*faults |= JWT_BAD_BASE64;
		return NULL;
	}
	json_t *j = json_loadb((const char *)decoded.p, decoded.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(j)) {
		*faults |= JWT_BAD_JSON;
		json_decref(j);
		return NULL;
	}
	return j;
}

/* A string, or the strings of an array joined by blanks. */
static struct slice claim_text(struct arena *a, const json_t *claims, const char *key)
{
	const json_t *v = json_object_get(claims, key);
	struct slice all = SLICE_NONE;
	if (json_is_string(v))
		return arena_dup(a, slice_of(json_string_value(v), json_string_length(v)));
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *e = json_array_get(v, i);
		if (!json_is_string(e))
			continue;
		struct slice one = slice_of(json_string_value(e), json_string_length(e));
		all = all.n ? arena_join(a, all, S(" "), one) : arena_dup(a, one);
	}
	return all;
}

static bool claim_time(const json_t *claims, const char *key, int64_t *ret)
{
	const json_t *v = json_object_get(claims, key);
	if (!json_is_number(v))
		return false;
	double d = json_number_value(v);
	if (!(d > -1e15 && d < 1e15))
		return false;
	*ret = (int64_t)d;
	return true;
}

static struct slice first_claim(struct arena *a, const json_t *claims, const char *const *keys, struct slice *ret_key)
{
	for (; *keys; keys++) {
		struct slice v = claim_text(a, claims, *keys);
		if (v.n) {
			if (ret_key)
				*ret_key = slice_from_cstr(*keys);
			return v;
		}
	}
	return SLICE_NONE;
}

static void read_claims(struct arena *a, const json_t *claims, struct jwt *t)
{
	static const char *const users[] = {"upn", "unique_name", "preferred_username", "email", NULL};
	static const char *const clients[] = {"appid", "azp", NULL};
	static const char *const scopes[] = {"scp", "scope", NULL};
	t->issuer = claim_text(a, claims, "iss");
	t->tenant = claim_text(a, claims, "tid");
	t->client = first_claim(a, claims, clients, NULL);
	t->audience = claim_text(a, claims, "aud");
	t->scope = first_claim(a, claims, scopes, NULL);
	t->roles = claim_text(a, claims, "roles");
	t->user = first_claim(a, claims, users, &t->user_claim);
	t->has_exp = claim_time(claims, "exp", &t->exp);
	t->has_nbf = claim_time(claims, "nbf", &t->nbf);
	t->has_iat = claim_time(claims, "iat", &t->iat);
	t->has_nonce = json_object_get(claims, "nonce") != NULL;
}

/* Base64 letters of the shortest signature an algorithm makes (RFC 7518 section 3.1; RSA from 2048 bits). */
static size_t signature_minimum(struct slice algorithm)
{
	if (slice_starts(algorithm, S("RS")) || slice_starts(algorithm, S("PS")))
		return 342;
	if (slice_starts(algorithm, S("ES")))
		return 86;
	return slice_starts(algorithm, S("HS")) ? 43 : 0;
}

bool jwt_read(struct arena *a, struct slice token, struct jwt *ret)
{
	*ret = (struct jwt){0};
	if (token.n > JWT_MAX) {
		ret->faults = JWT_TOO_LONG;
		return false;
	}
	struct slice rest = without_space(a, slice_trim(token), &ret->faults);
	struct slice part[5] = {0};
	size_t n = 0;
	while (n < 5 && rest.p && rest.n) {
		bool dot = slice_find_byte(rest, '.') != SLICE_NPOS;
		part[n++] = slice_next_until(&rest, '.');
		if (dot && rest.n == 0 && n < 5)
			part[n++] = SLICE_NONE;
	}
	if (n != 3 || rest.n) {
		ret->faults |= JWT_NOT_THREE_PARTS;
		return false;
	}
	json_t *header = part_json(a, part[0], &ret->faults);
	json_t *claims = part_json(a, part[1], &ret->faults);
	if (header)
		ret->algorithm = claim_text(a, header, "alg");
	if (claims)
		read_claims(a, claims, ret);
	if (part[2].n < signature_minimum(ret->algorithm))
		ret->faults |= JWT_SIGNATURE_CUT;
	bool ok = header && claims;
	json_decref(header);
	json_decref(claims);
	return ok;
}
