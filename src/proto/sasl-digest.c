#include "proto/sasl-digest.h"

#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/base64.h"

static struct slice hex(struct arena *a, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *out = arena_alloc(a, 2 * n + 1);
	if (!out)
		return SLICE_NONE;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = (uint8_t)digits[p[i] >> 4];
		out[2 * i + 1] = (uint8_t)digits[p[i] & 15];
	}
	return slice_of(out, 2 * n);
}

static bool md5(const struct slice *parts, size_t n, uint8_t out[MD5_BYTES])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestInit_ex(c, EVP_md5(), NULL);
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(c, parts[i].p, parts[i].n);
	ok = ok && EVP_DigestFinal_ex(c, out, NULL);
	EVP_MD_CTX_free(c);
	return ok;
}

struct slice cram_md5_digest(struct arena *a, struct slice password, struct slice challenge)
{
	uint8_t out[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	static const uint8_t none[1];
	if (password.n > INT32_MAX || !HMAC(EVP_md5(), password.n ? password.p : none, (int)password.n, challenge.p, challenge.n, out, &n))
		return SLICE_NONE;
	return hex(a, out, n);
}

struct slice apop_digest(struct arena *a, struct slice challenge, struct slice password)
{
	uint8_t out[MD5_BYTES];
	const struct slice parts[] = {challenge, password};
	return md5(parts, 2, out) ? hex(a, out, sizeof out) : SLICE_NONE;
}

struct slice sasl_attribute(struct slice list, struct slice key)
{
	while (list.n) {
		slice_skip_space(&list);
		size_t eq = slice_find_byte(list, '=');
		size_t comma = slice_find_byte(list, ',');
		if (eq == SLICE_NPOS || comma < eq) {
			if (comma == SLICE_NPOS)
				break;
			list = slice_from(list, comma + 1);
			continue;
		}
		struct slice name = slice_trim(slice_sub(list, 0, eq)), value;
		list = slice_from(list, eq + 1);
		if (slice_skip(&list, S("\""))) {
			value = slice_next_until(&list, '"');
			slice_next_until(&list, ',');
		} else {
			value = slice_next_until(&list, ',');
		}
		if (slice_eq(name, key))
			return value;
	}
	return SLICE_NONE;
}

/* --- DIGEST-MD5 ----------------------------------------------------------------------------------------------------------- */

/* RFC 2831 section 2.1.2.1: text that fits into ISO 8859-1 is hashed as that, unless charset says nothing about UTF-8. */
static struct slice to_latin1(struct arena *a, struct slice s)
{
	uint8_t *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	if (!out)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x80) {
			out[n++] = s.p[i];
		} else if ((s.p[i] & 0xfc) == 0xc0 && i + 1 < s.n && (s.p[i + 1] & 0xc0) == 0x80) {
			out[n++] = (uint8_t)((s.p[i] & 3) << 6 | (s.p[i + 1] & 0x3f));
			i++;
		} else {
			return s;
		}
	}
	return slice_of(out, n);
}

struct slice digest_md5_response(struct arena *a, struct slice message, struct slice password)
{
	struct slice user = to_latin1(a, sasl_attribute(message, S("username")));
	struct slice realm = to_latin1(a, sasl_attribute(message, S("realm")));
	struct slice nonce = sasl_attribute(message, S("nonce")), cnonce = sasl_attribute(message, S("cnonce"));
	struct slice nc = sasl_attribute(message, S("nc")), qop = sasl_attribute(message, S("qop"));
	struct slice uri = sasl_attribute(message, S("digest-uri")), authzid = sasl_attribute(message, S("authzid"));
	uint8_t secret[MD5_BYTES], h[MD5_BYTES];
	struct slice colon = S(":");
	if (!user.n || !nonce.n || !cnonce.n || !uri.n)
		return SLICE_NONE;
	if (!qop.n)
		qop = S("auth");
	if (!nc.n)
		nc = S("00000001");
	const struct slice x[] = {user, colon, realm, colon, to_latin1(a, password)};
	if (!md5(x, 5, secret))
		return SLICE_NONE;
	const struct slice a1[] = {slice_of(secret, sizeof secret), colon, nonce, colon, cnonce, colon, authzid};
	if (!md5(a1, authzid.n ? 7 : 5, h))
		return SLICE_NONE;
	struct slice ha1 = hex(a, h, sizeof h);
	/* With a security layer the hash of an absent body is 32 zeros. */
	const struct slice a2[] = {S("AUTHENTICATE:"), uri, S(":00000000000000000000000000000000")};
	if (!md5(a2, slice_starts(qop, S("auth-")) ? 3 : 2, h))
		return SLICE_NONE;
	struct slice ha2 = hex(a, h, sizeof h);
	const struct slice kd[] = {ha1, colon, nonce, colon, nc, colon, cnonce, colon, qop, colon, ha2};
	return md5(kd, 11, h) ? hex(a, h, sizeof h) : SLICE_NONE;
}

/* --- SCRAM ---------------------------------------------------------------------------------------------------------------- */

static bool hmac(const EVP_MD *md, const uint8_t *key, size_t key_n, struct slice text, uint8_t *out, unsigned *n)
{
	return HMAC(md, key, (int)key_n, text.p, text.n, out, n) != NULL;
}

/* "client-first-bare,server-first,client-final-without-proof" */
static struct slice scram_auth_message(struct arena *a, const struct scram_dialogue *d)
{
	struct slice bare = d->client_first;
	size_t proof = slice_find(d->client_final, S(",p="));
	slice_next_until(&bare, ',');
	slice_next_until(&bare, ',');
	struct slice two = arena_join(a, bare, S(","), d->server_first);
	return arena_join(a, two, S(","), slice_sub(d->client_final, 0, proof));
}

struct scram_keys {
	char stored[GSASL_HASH_MAX_SIZE], server[GSASL_HASH_MAX_SIZE], client[GSASL_HASH_MAX_SIZE], salted[GSASL_HASH_MAX_SIZE];
};

uint64_t scram_rounds(struct slice server_first)
{
	uint64_t rounds = 0;
	return slice_to_uint(sasl_attribute(server_first, S("i")), SCRAM_ROUNDS_MAX, &rounds) ? rounds : 0;
}

static bool scram_derive(struct arena *a, Gsasl_hash hash, const struct scram_dialogue *d, struct slice password, struct scram_keys *k)
{
	struct slice salt;
	uint64_t rounds = scram_rounds(d->server_first);
	if (rounds == 0)
		return false;
	base64_decode(a, sasl_attribute(d->server_first, S("s")), &salt);
	char *pw = arena_cstr(a, password);
	if (!salt.n || !pw)
		return false;
	return gsasl_scram_secrets_from_password(hash, pw, (unsigned)rounds, (const char *)salt.p, salt.n, k->salted, k->client, k->server,
						 k->stored) == GSASL_OK;
}

enum scram_verdict scram_check(struct arena *a, const struct scram_dialogue *d, struct slice password, enum scram_verdict *ret_server)
{
	struct slice proof, signature;
	struct scram_keys k;
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	*ret_server = SCRAM_CANNOT;
	base64_decode(a, sasl_attribute(d->client_final, S("p")), &proof);
	bool sha256 = d->hash.n ? slice_starts(d->hash, S("SHA-256")) : proof.n == 32;
	const EVP_MD *md = sha256 ? EVP_sha256() : EVP_sha1();
	size_t size = (size_t)EVP_MD_get_size(md);
	if (proof.n != size || !scram_derive(a, sha256 ? GSASL_HASH_SHA256 : GSASL_HASH_SHA1, d, password, &k))
		return SCRAM_CANNOT;
	struct slice text = scram_auth_message(a, d);
	if (!hmac(md, (uint8_t *)k.stored, size, text, mac, &n))
		return SCRAM_CANNOT;
	for (size_t i = 0; i < size; i++)
		mac[i] = (uint8_t)(mac[i] ^ (uint8_t)k.client[i]);
	enum scram_verdict v = memcmp(mac, proof.p, size) == 0 ? SCRAM_MATCHES : SCRAM_DIFFERS;
	base64_decode(a, sasl_attribute(d->server_final, S("v")), &signature);
	if (signature.n == size && hmac(md, (uint8_t *)k.server, size, text, mac, &n))
		*ret_server = memcmp(mac, signature.p, size) == 0 ? SCRAM_MATCHES : SCRAM_DIFFERS;
	return v;
}
