/* keyring: the TLS keys that a subcommand was given (--key FILE, --keylog FILE), for the reader of captures. */
#ifndef TT_CLI_KEYRING_H
#define TT_CLI_KEYRING_H

#include <stdbool.h>

struct tls_keys;

struct keyring {
	struct tls_keys *keys; /* NULL: none was given */
};

/* Makes k->keys, empty, with the libraries behind it. False after a message. */
bool keyring_ready(struct keyring *k);
/* Private keys of a PEM file; the passphrase of an encrypted one is asked at the terminal. False after a message. */
bool keyring_add_key(struct keyring *k, const char *path);
/* A key log as browsers, curl and OpenSSL write it (SSLKEYLOGFILE). False after a message. */
bool keyring_add_log(struct keyring *k, const char *path);
void keyring_free(struct keyring *k);

#endif
