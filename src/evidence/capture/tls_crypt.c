/* Keys of a direction and the undoing of records. */
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "evidence/capture/tls-private.h"

#define TAG 16u

void tls_direction_clear(struct tls_direction *d)
{
	EVP_CIPHER_CTX_free(d->ctx);
	OPENSSL_cleanse(d, sizeof *d);
}

/* --- derivation ----------------------------------------------------------------------------------------------------------------------------- */

static bool prf(unsigned version, const struct tls_suite *s, const struct tls_secret *secret, struct slice seed, uint8_t *out, size_t n)
{
	const char *digest = version >= TLS_12 ? tls_suite_prf(s) : "MD5-SHA1";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret->bytes, secret->n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed.p, seed.n),
		OSSL_PARAM_construct_end(),
	};
	bool ok = ctx && EVP_KDF_derive(ctx, out, n, params) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

/* SSL 3.0 (RFC 6101 section 6.2.2): MD5(secret + SHA1('A' + secret + seed)) + MD5(... 'BB' ...) and so on. */
static bool ssl3_derive(const struct tls_secret *secret, struct slice seed, uint8_t *out, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL;
	for (unsigned round = 0; ok && n; round++) {
		uint8_t salt[16], sha[20], md5[16];
		memset(salt, 'A' + (int)round, sizeof salt);
		ok = round < sizeof salt && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) && EVP_DigestUpdate(ctx, salt, round + 1) &&
		     EVP_DigestUpdate(ctx, secret->bytes, secret->n) && EVP_DigestUpdate(ctx, seed.p, seed.n) && EVP_DigestFinal_ex(ctx, sha, NULL) &&
		     EVP_DigestInit_ex(ctx, EVP_md5(), NULL) && EVP_DigestUpdate(ctx, secret->bytes, secret->n) &&
		     EVP_DigestUpdate(ctx, sha, sizeof sha) && EVP_DigestFinal_ex(ctx, md5, NULL);
		size_t part = n < sizeof md5 ? n : sizeof md5;
		memcpy(out, md5, part);
		out += part;
		n -= part;
	}
	EVP_MD_CTX_free(ctx);
	return ok;
}

static bool derive(unsigned version, const struct tls_suite *s, const struct tls_secret *secret, const char *label, const uint8_t *a, const uint8_t *b,
		   uint8_t *out, size_t n)
{
	uint8_t seed[128];
	size_t at = version == SSL_30 ? 0 : strlen(label);
	memcpy(seed, label, at);
	memcpy(seed + at, a, TLS_RANDOM);
	memcpy(seed + at + TLS_RANDOM, b, TLS_RANDOM);
	struct slice all = slice_of(seed, at + 2 * TLS_RANDOM);
	return version == SSL_30 ? ssl3_derive(secret, all, out, n) : prf(version, s, secret, all, out, n);
}

bool tls_master_from_premaster(unsigned version, const struct tls_suite *s, const struct tls_secret *premaster, const uint8_t *client_random,
			       const uint8_t *server_random, struct tls_secret *ret)
{
	ret->n = TLS_MASTER;
	return derive(version, s, premaster, "master secret", client_random, server_random, ret->bytes, TLS_MASTER);
}

bool tls_master_extended(unsigned version, const struct tls_suite *s, const struct tls_secret *premaster, struct slice handshake, struct tls_secret *ret)
{
	uint8_t seed[128] = "extended master secret";
	size_t at = strlen((char *)seed);
	unsigned n = 0;
	if (version >= TLS_12) {
		const EVP_MD *md = EVP_get_digestbyname(tls_suite_prf(s));
		if (!md || !EVP_Digest(handshake.p, handshake.n, seed + at, &n, md, NULL))
			return false;
	} else {
		unsigned more;
		if (!EVP_Digest(handshake.p, handshake.n, seed + at, &n, EVP_md5(), NULL) ||
		    !EVP_Digest(handshake.p, handshake.n, seed + at + n, &more, EVP_sha1(), NULL))
			return false;
		n += more;
	}
	ret->n = TLS_MASTER;
	return prf(version, s, premaster, slice_of(seed, at + n), ret->bytes, TLS_MASTER);
}

static const EVP_CIPHER *cipher_of(const struct tls_suite *s)
{
	/* RC4, DES and SEED live in OpenSSL's legacy provider; EVP_get_cipherbyname finds them once it is loaded (tls_keys_new does). */
	return EVP_get_cipherbyname(s->cipher);
}

static bool set_key(struct tls_direction *d, const struct tls_suite *s, unsigned version, const uint8_t *key, const uint8_t *iv, size_t iv_n)
{
	tls_direction_clear(d);
	d->suite = s;
	d->version = version;
	memcpy(d->iv, iv, iv_n);
	if (s->mode == MODE_NULL)
		return true;
	const EVP_CIPHER *c = cipher_of(s);
	d->ctx = c ? EVP_CIPHER_CTX_new() : NULL;
	if (!d->ctx || !EVP_DecryptInit_ex(d->ctx, c, NULL, NULL, NULL))
		return false;
	if (s->mode == MODE_CCM || s->mode == MODE_CCM8) {
		EVP_CIPHER_CTX_ctrl(d->ctx, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL);
		EVP_CIPHER_CTX_ctrl(d->ctx, EVP_CTRL_AEAD_SET_TAG, s->mode == MODE_CCM ? 16 : 8, NULL);
	}
	bool cbc = s->mode == MODE_CBC;
	if (!EVP_DecryptInit_ex(d->ctx, NULL, NULL, key, cbc ? d->iv : NULL))
		return false;
	EVP_CIPHER_CTX_set_padding(d->ctx, 0);
	return true;
}

bool tls_keys_from_master(unsigned version, const struct tls_suite *s, const struct tls_secret *master, const uint8_t *client_random,
			  const uint8_t *server_random, bool etm, struct tls_direction *client, struct tls_direction *server)
{
	uint8_t block[256];
	size_t iv = s->mode == MODE_GCM || s->mode == MODE_CCM || s->mode == MODE_CCM8 ? 4 : s->mode == MODE_CHACHA ? 12 : s->block;
	size_t need = 2 * ((size_t)s->mac + s->key + iv);
	/* The IVs of TLS 1.1 and later CBC are in the records; what the block gives for them is not used. */
	if (need > sizeof block || !derive(version, s, master, "key expansion", server_random, client_random, block, need))
		return false;
	const uint8_t *keys = block + 2 * s->mac, *ivs = keys + 2 * s->key;
	bool ok = set_key(client, s, version, keys, ivs, iv) && set_key(server, s, version, keys + s->key, ivs + iv, iv);
	client->etm = server->etm = etm && s->mode == MODE_CBC;
	OPENSSL_cleanse(block, sizeof block);
	return ok;
}

/* HKDF-Expand-Label of RFC 8446 section 7.1, with an empty context. */
static bool expand_label(const struct tls_suite *s, const struct tls_secret *secret, const char *label, uint8_t *out, size_t n)
{
	uint8_t info[64];
	size_t label_n = strlen(label);
	info[0] = (uint8_t)(n >> 8);
	info[1] = (uint8_t)n;
	info[2] = (uint8_t)(6 + label_n);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, label_n);
	info[9 + label_n] = 0;
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)tls_suite_prf(s), 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret->bytes, secret->n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, 10 + label_n),
		OSSL_PARAM_construct_end(),
	};
	bool ok = ctx && EVP_KDF_derive(ctx, out, n, params) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

bool tls_keys_from_traffic(const struct tls_suite *s, const struct tls_secret *traffic, struct tls_direction *d)
{
	uint8_t key[32], iv[12];
	struct tls_secret copy = *traffic;
	bool ok = expand_label(s, &copy, "key", key, s->key) && expand_label(s, &copy, "iv", iv, sizeof iv) && set_key(d, s, TLS_13, key, iv, sizeof iv);
	d->traffic = copy;
	d->active = ok;
	return ok;
}

bool tls_update_traffic(struct tls_direction *d)
{
	struct tls_secret next = {.n = d->traffic.n};
	return d->suite && expand_label(d->suite, &d->traffic, "traffic upd", next.bytes, next.n) && tls_keys_from_traffic(d->suite, &next, d);
}

/* --- records -------------------------------------------------------------------------------------------------------------------------------- */

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static bool is_aead(const struct tls_direction *d)
{
	return d->suite->mode >= MODE_GCM;
}

static size_t additional_data(const struct tls_direction *d, unsigned type, unsigned version, size_t wire, size_t text, uint8_t *aad)
{
	if (d->version == TLS_13) {
		const uint8_t header[5] = {(uint8_t)type, (uint8_t)(version >> 8), (uint8_t)version, (uint8_t)(wire >> 8), (uint8_t)wire};
		memcpy(aad, header, 5);
		return 5;
	}
	put64(aad, d->seq);
	aad[8] = (uint8_t)type;
	aad[9] = (uint8_t)(version >> 8);
	aad[10] = (uint8_t)version;
	aad[11] = (uint8_t)(text >> 8);
	aad[12] = (uint8_t)text;
	return 13;
}

static long decrypt_aead(struct tls_direction *d, unsigned type, unsigned version, struct slice body, uint8_t *out)
{
	size_t tag = d->suite->mode == MODE_CCM8 ? 8 : TAG;
	bool explicit_nonce = d->version < TLS_13 && d->suite->mode != MODE_CHACHA;
	size_t front = explicit_nonce ? 8 : 0;
	if (body.n < front + tag)
		return -1;
	uint8_t nonce[12], aad[16];
	memcpy(nonce, d->iv, sizeof nonce);
	if (explicit_nonce) {
		memcpy(nonce + 4, body.p, 8);
	} else {
		uint8_t seq[8];
		put64(seq, d->seq);
		for (size_t i = 0; i < 8; i++)
			nonce[4 + i] ^= seq[i];
	}
	size_t n = body.n - front - tag;
	size_t aad_n = additional_data(d, type, version, body.n, n, aad);
	bool ccm = d->suite->mode == MODE_CCM || d->suite->mode == MODE_CCM8;
	int got = 0, more = 0;
	bool ok = EVP_CIPHER_CTX_ctrl(d->ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag, (void *)(uintptr_t)(body.p + front + n)) > 0 &&
		  EVP_DecryptInit_ex(d->ctx, NULL, NULL, NULL, nonce) > 0 && (!ccm || EVP_DecryptUpdate(d->ctx, NULL, &got, NULL, (int)n) > 0) &&
		  EVP_DecryptUpdate(d->ctx, NULL, &got, aad, (int)aad_n) > 0 && EVP_DecryptUpdate(d->ctx, out, &got, body.p + front, (int)n) > 0 &&
		  (ccm || EVP_DecryptFinal_ex(d->ctx, out + got, &more) > 0);
	return ok ? (long)n : -1;
}

static long decrypt_cbc(struct tls_direction *d, struct slice body, uint8_t *out)
{
	size_t block = d->suite->block, mac = d->suite->mac;
	if (d->etm) {
		if (body.n < mac)
			return -1;
		body.n -= mac;
		mac = 0;
	}
	if (d->version >= TLS_11) {
		if (body.n < block)
			return -1;
		if (EVP_DecryptInit_ex(d->ctx, NULL, NULL, NULL, body.p) <= 0)
			return -1;
		body = slice_from(body, block);
	}
	int got = 0;
	if (body.n == 0 || body.n % block || EVP_DecryptUpdate(d->ctx, out, &got, body.p, (int)body.n) <= 0)
		return -1;
	size_t pad = out[got - 1], n = (size_t)got;
	if (pad + 1 + mac > n || (d->version == SSL_30 && pad >= block))
		return -1;
	/* All padding bytes are equal from TLS 1.0 on: a wrong key shows here. */
	for (size_t i = 0; d->version > SSL_30 && i <= pad; i++)
		if (out[n - 1 - i] != pad)
			return -1;
	return (long)(n - pad - 1 - mac);
}

static long decrypt_stream(struct tls_direction *d, struct slice body, uint8_t *out)
{
	int got = (int)body.n;
	if (d->ctx && EVP_DecryptUpdate(d->ctx, out, &got, body.p, (int)body.n) <= 0)
		return -1;
	if (!d->ctx)
		memcpy(out, body.p, body.n);
	return (size_t)got >= d->suite->mac ? got - d->suite->mac : -1;
}

long tls_decrypt(struct tls_direction *d, unsigned type, unsigned record_version, struct slice body, uint8_t *out, unsigned *ret_type)
{
	long n = is_aead(d)                   ? decrypt_aead(d, type, record_version, body, out)
		 : d->suite->mode == MODE_CBC ? decrypt_cbc(d, body, out)
					      : decrypt_stream(d, body, out);
	d->seq++;
	*ret_type = type;
	if (n < 0 || d->version != TLS_13)
		return n;
	/* TLS 1.3: the real type stands behind the text, zeros behind that (RFC 8446 section 5.4). */
	while (n > 0 && out[n - 1] == 0)
		n--;
	if (n == 0)
		return -1;
	*ret_type = out[n - 1];
	return n - 1;
}
