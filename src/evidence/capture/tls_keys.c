/* The keys that a reader has: RSA private keys, key logs (NSS format), and the master secrets learned on the way for resumption. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "evidence/capture/tls-private.h"

/* Lines of a key log that are kept; a browser's log of months has fewer. */
#define SECRETS_MAX (1u << 20)
#define RSA_KEYS_MAX 64u
#define ID_MAX 64u

struct entry {
	enum tls_label label;
	uint8_t by[ID_MAX]; /* client random, encrypted premaster's beginning, session id, or a digest of a ticket */
	uint8_t by_n;
	struct tls_secret secret;
	struct entry *next;
};

#define BUCKETS 4096u

struct tls_keys {
	struct entry *buckets[BUCKETS];
	size_t n;
	EVP_PKEY *rsa[RSA_KEYS_MAX];
	size_t n_rsa;
	OSSL_PROVIDER *standard, *legacy;
};

/* Label of master secrets learned here; none of a key log. */
#define LABEL_RESUMPTION LABEL_COUNT

static const struct {
	const char *word;
	enum tls_label label;
} words[] = {
	{"CLIENT_RANDOM", LABEL_MASTER},
	{"RSA", LABEL_PREMASTER_RSA},
	{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", LABEL_CLIENT_HANDSHAKE},
	{"SERVER_HANDSHAKE_TRAFFIC_SECRET", LABEL_SERVER_HANDSHAKE},
	{"CLIENT_TRAFFIC_SECRET_0", LABEL_CLIENT_TRAFFIC},
	{"SERVER_TRAFFIC_SECRET_0", LABEL_SERVER_TRAFFIC},
	{"CLIENT_EARLY_TRAFFIC_SECRET", LABEL_CLIENT_EARLY},
};

struct tls_keys *tls_keys_new(void)
{
	struct tls_keys *k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	/* RC4, DES and SEED of old devices. Where the legacy provider is not installed those stay closed, the rest works. */
	k->legacy = OSSL_PROVIDER_load(NULL, "legacy");
	k->standard = OSSL_PROVIDER_load(NULL, "default");
	return k;
}

void tls_keys_free(struct tls_keys *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = k->buckets[i], *next; e; e = next) {
			next = e->next;
			OPENSSL_cleanse(e, sizeof *e);
			free(e);
		}
	for (size_t i = 0; i < k->n_rsa; i++)
		EVP_PKEY_free(k->rsa[i]);
	OSSL_PROVIDER_unload(k->legacy);
	OSSL_PROVIDER_unload(k->standard);
	free(k);
}

static struct entry **bucket(const struct tls_keys *k, enum tls_label label, struct slice by)
{
	return (struct entry **)(uintptr_t)&k->buckets[(slice_hash(by) + label) % BUCKETS];
}

static bool find(const struct tls_keys *k, enum tls_label label, struct slice by, struct tls_secret *ret)
{
	for (const struct entry *e = *bucket(k, label, by); e; e = e->next)
		if (e->label == label && slice_eq(slice_of(e->by, e->by_n), by)) {
			*ret = e->secret;
			return true;
		}
	return false;
}

static void add(struct tls_keys *k, enum tls_label label, struct slice by, const struct tls_secret *secret)
{
	struct tls_secret known;
	if (by.n == 0 || by.n > ID_MAX || k->n == SECRETS_MAX || find(k, label, by, &known))
		return;
	struct entry *e = calloc(1, sizeof *e);
	if (!e)
		return;
	struct entry **at = bucket(k, label, by);
	e->label = label;
	e->by_n = (uint8_t)by.n;
	memcpy(e->by, by.p, by.n);
	e->secret = *secret;
	e->next = *at;
	*at = e;
	k->n++;
}

static int hex_value(uint8_t c)
{
	return ascii_is_digit(c) ? c - '0' : ascii_lower(c) - 'a' + 10;
}

/* Hex digits into bytes; 0 when they are none, an odd number, or too many. */
static size_t unhex(struct slice s, uint8_t *out, size_t max)
{
	if (s.n % 2 || s.n / 2 > max)
		return 0;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_hex(s.p[i]))
			return 0;
	for (size_t i = 0; i < s.n / 2; i++)
		out[i] = (uint8_t)(hex_value(s.p[2 * i]) << 4 | hex_value(s.p[2 * i + 1]));
	return s.n / 2;
}

size_t tls_keys_add_log(struct tls_keys *k, struct slice text)
{
	struct slice line;
	size_t count = 0;
	while (slice_next_line(&text, &line)) {
		struct slice word = slice_next_word(&line), by = slice_next_word(&line), secret = slice_next_word(&line);
		uint8_t id[ID_MAX];
		struct tls_secret s;
		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			if (!slice_eq(word, slice_from_cstr(words[i].word)))
				continue;
			size_t n = unhex(by, id, sizeof id);
			s.n = unhex(secret, s.bytes, sizeof s.bytes);
			if (n && s.n) {
				add(k, words[i].label, slice_of(id, n), &s);
				count++;
			}
		}
	}
	return count;
}

struct passphrase {
	int (*ask)(char *buf, int size, void *user);
	void *user;
	bool asked, none;
};

/* OpenSSL calls it for encrypted keys only; without it, it would ask on the terminal by itself. */
static int on_passphrase(char *buf, int size, int writing, void *user)
{
	struct passphrase *p = user;
	(void)writing;
	int n = p->ask && !p->none ? p->ask(buf, size, p->user) : -1;
	p->asked = true;
	p->none = n < 0;
	return n;
}

bool tls_keys_add_pem(struct tls_keys *k, const char *path, int (*ask)(char *buf, int size, void *user), void *user, struct err *reterr)
{
	struct passphrase pass = {ask, user, false, false};
	FILE *f = fopen(path, "re");
	size_t before = k->n_rsa;
	EVP_PKEY *key;
	if (!f)
		return err_set(reterr, ERR_OPEN, "%s: %s", path, strerror(errno));
	while (k->n_rsa < RSA_KEYS_MAX && (key = PEM_read_PrivateKey(f, NULL, on_passphrase, &pass)))
		k->rsa[k->n_rsa++] = key;
	ERR_clear_error();
	fclose(f);
	if (k->n_rsa > before)
		return true;
	return err_set(reterr, ERR_FORMAT, pass.none ? "%s: is encrypted, and no passphrase came" : pass.asked ? "%s: the passphrase does not open this key" : "%s: holds no private key in PEM form", path);
}

bool tls_keys_find(const struct tls_keys *k, enum tls_label label, struct slice by, struct tls_secret *ret)
{
	return find(k, label, by, ret);
}

bool tls_keys_have_rsa(const struct tls_keys *k)
{
	return k->n_rsa > 0;
}

bool tls_keys_empty(const struct tls_keys *k)
{
	return k->n_rsa == 0 && k->n == 0;
}

bool tls_keys_are_empty(const struct tls_keys *k)
{
	return tls_keys_empty(k);
}

static bool decrypt_with(EVP_PKEY *key, struct slice encrypted, uint8_t *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	bool ok = ctx && EVP_PKEY_decrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
		  EVP_PKEY_decrypt(ctx, out, n, encrypted.p, encrypted.n) > 0;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

bool tls_keys_rsa_decrypt(const struct tls_keys *k, struct slice encrypted, unsigned version, struct tls_secret *ret)
{
	for (size_t i = 0; i < k->n_rsa; i++) {
		uint8_t out[1024];
		size_t n = sizeof out;
		if (EVP_PKEY_get_size(k->rsa[i]) > (int)sizeof out || !decrypt_with(k->rsa[i], encrypted, out, &n) || n != TLS_MASTER)
			continue;
		/* RFC 5246 section 7.4.7.1: it begins with the version that the client offered; chance makes another key look right once in 65536. */
		if (out[0] != version >> 8 || out[1] > 3)
			continue;
		ret->n = TLS_MASTER;
		memcpy(ret->bytes, out, TLS_MASTER);
		return true;
	}
	return false;
}

/* Tickets are long: their digest stands for them. */
static struct slice short_id(struct slice id, uint8_t *digest)
{
	unsigned n;
	if (id.n <= 32)
		return id;
	return EVP_Digest(id.p, id.n, digest, &n, EVP_sha256(), NULL) ? slice_of(digest, n) : SLICE_NONE;
}

void tls_keys_remember(struct tls_keys *k, struct slice id, const struct tls_secret *master)
{
	uint8_t digest[32];
	add(k, LABEL_RESUMPTION, short_id(id, digest), master);
}

bool tls_keys_recall(const struct tls_keys *k, struct slice id, struct tls_secret *ret)
{
	uint8_t digest[32];
	return id.n && find(k, LABEL_RESUMPTION, short_id(id, digest), ret);
}
