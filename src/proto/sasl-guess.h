/* sasl-guess: says what a string taken out of a login is, from the string alone: a line of the dialogue ("334 …", "+ …", "AUTH PLAIN …", "APOP …",
 * "+OK … <…>"), a piece of base64, a decoded message, or a bare token. Strings are given in the order of the dialogue, since what a LOGIN step is follows
 * from the prompt before it. Nothing is computed or judged here; views point into the arena or into the string given. */
#ifndef TT_PROTO_SASL_GUESS_H
#define TT_PROTO_SASL_GUESS_H

#include "base/i18n.h"
#include "proto/event.h"
#include "proto/sasl.h"

/* id, mechanism, side, client step (for sasl_fields), key, words for people. */
#define SASL_KIND_LIST(X) \
	X(SASL_UNKNOWN, "", SIDE_UNKNOWN, 0, "unknown", N_("not recognised")) \
	X(SASL_EMPTY, "", SIDE_UNKNOWN, 0, "empty", N_("an empty step: the other side is asked to begin, or to end")) \
	X(SASL_CANCEL, "", SIDE_CLIENT, 0, "cancel", N_("the client gives up the login")) \
	X(SASL_COMMAND, "", SIDE_CLIENT, 0, "command", N_("the login command without an initial response")) \
	X(SASL_TEXT, "", SIDE_UNKNOWN, 0, "text", N_("plain text: a LOGIN user name or password")) \
	X(SASL_PROMPT_USER, "LOGIN", SIDE_SERVER, 0, "login-prompt-user", N_("the server asks for the user name")) \
	X(SASL_PROMPT_PASSWORD, "LOGIN", SIDE_SERVER, 0, "login-prompt-password", N_("the server asks for the password")) \
	X(SASL_LOGIN_USER, "LOGIN", SIDE_CLIENT, 1, "login-user", N_("the user name")) \
	X(SASL_LOGIN_PASSWORD, "LOGIN", SIDE_CLIENT, 2, "login-password", N_("the password")) \
	X(SASL_PLAIN, "PLAIN", SIDE_CLIENT, 1, "plain", N_("user name and password")) \
	X(SASL_CRAM_CHALLENGE, "CRAM-MD5", SIDE_SERVER, 0, "cram-md5-challenge", N_("the server's challenge")) \
	X(SASL_CRAM_RESPONSE, "CRAM-MD5", SIDE_CLIENT, 1, "cram-md5-response", N_("user name and digest")) \
	X(SASL_APOP_GREETING, "APOP", SIDE_SERVER, 0, "apop-challenge", N_("a POP3 greeting with its APOP challenge")) \
	X(SASL_APOP, "APOP", SIDE_CLIENT, 1, "apop", N_("user name and digest")) \
	X(SASL_DIGEST_CHALLENGE, "DIGEST-MD5", SIDE_SERVER, 0, "digest-md5-challenge", N_("the server's challenge")) \
	X(SASL_DIGEST_RESPONSE, "DIGEST-MD5", SIDE_CLIENT, 1, "digest-md5-response", N_("the client's response")) \
	X(SASL_DIGEST_RSPAUTH, "DIGEST-MD5", SIDE_SERVER, 0, "digest-md5-rspauth", N_("the server's proof")) \
	X(SASL_SCRAM_CLIENT_FIRST, "SCRAM", SIDE_CLIENT, 1, "scram-client-first", N_("the client's first message")) \
	X(SASL_SCRAM_SERVER_FIRST, "SCRAM", SIDE_SERVER, 0, "scram-server-first", N_("the server's challenge")) \
	X(SASL_SCRAM_CLIENT_FINAL, "SCRAM", SIDE_CLIENT, 2, "scram-client-final", N_("the client's proof")) \
	X(SASL_SCRAM_SERVER_FINAL, "SCRAM", SIDE_SERVER, 0, "scram-server-final", N_("the server's signature, or its error")) \
	X(SASL_NTLM_NEGOTIATE, "NTLM", SIDE_CLIENT, 1, "ntlm-negotiate", N_("the client's first message")) \
	X(SASL_NTLM_CHALLENGE, "NTLM", SIDE_SERVER, 0, "ntlm-challenge", N_("the server's challenge")) \
	X(SASL_NTLM_AUTHENTICATE, "NTLM", SIDE_CLIENT, 2, "ntlm-authenticate", N_("the client's answer")) \
	X(SASL_GSSAPI, "GSSAPI", SIDE_UNKNOWN, 0, "gssapi", N_("a Kerberos or SPNEGO token; only the two ends can read it")) \
	X(SASL_XOAUTH2, "XOAUTH2", SIDE_CLIENT, 1, "xoauth2", N_("user name and token")) \
	X(SASL_OAUTHBEARER, "OAUTHBEARER", SIDE_CLIENT, 1, "oauthbearer", N_("user name and token")) \
	X(SASL_OAUTH_ERROR, "XOAUTH2", SIDE_SERVER, 0, "oauth-error", N_("the server refuses the token; the client must answer with an empty line")) \
	X(SASL_TOKEN, "", SIDE_UNKNOWN, 0, "token", N_("an OAuth token by itself"))

enum sasl_kind {
#define X(id, mech, side, step, key, words) id,
	SASL_KIND_LIST(X)
#undef X
	SASL_KIND_COUNT
};
const char *sasl_kind_key(enum sasl_kind k);
/* Untranslated; pass through gettext. */
const char *sasl_kind_words(enum sasl_kind k);

struct sasl_item {
	enum sasl_kind kind;
	enum side side;
	struct slice mech;      /* capitals; empty when the string alone does not tell */
	struct slice encoded;   /* the base64 as given, prefixes removed; empty if the string was not base64 */
	struct slice decoded;   /* the message itself */
	unsigned base64_faults;
	unsigned client_step;   /* for sasl_fields */
	bool initial;           /* stood on the command line itself */
};

struct sasl_guesser {
	struct arena *arena;
	struct slice mech;      /* named by the last AUTH command, or empty */
	unsigned expect;        /* LOGIN: 1 the user comes next, 2 the password */
};

void sasl_guess_begin(struct sasl_guesser *g, struct arena *a);
void sasl_guess(struct sasl_guesser *g, struct slice line, struct sasl_item *ret);

/* The named parts of an item, for showing and judging; also APOP and the OAuth error, which sasl_fields does not know. */
size_t sasl_item_fields(struct arena *a, const struct sasl_item *it, struct sasl_field *ret, size_t max);
/* Value of the first field of that name. */
struct slice sasl_field_value(const struct sasl_field *f, size_t n, const char *name);

/* The token forms that are told by their look: "a JSON web token", "a Google access token", ... (untranslated); NULL if it is none. */
const char *sasl_token_form(struct slice token);

#endif
