#define _GNU_SOURCE
#include "cli/keyring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "cli/secret.h"
#include "cli/setup.h"
#include "evidence/capture/tls.h"

bool keyring_ready(struct keyring *k)
{
	if (!k->keys)
		k->keys = tls_keys_new();
	if (!k->keys)
		setup_print_error(&(struct err){.code = ERR_MEMORY});
	return k->keys != NULL;
}

static int ask(char *buf, int size, void *user)
{
	char prompt[512];
	snprintf(prompt, sizeof prompt, _("Passphrase of %s: "), (const char *)user);
	if (!secret_ask(prompt, buf, (size_t)size)) {
		fprintf(stderr, "telltale: %s\n", _("there is no terminal to ask for the passphrase; a key without one helps: openssl pkey -in FILE -out PLAIN"));
		return -1;
	}
	return (int)strlen(buf);
}

bool keyring_add_key(struct keyring *k, const char *path)
{
	struct err e = {0};
	if (!keyring_ready(k))
		return false;
	if (tls_keys_add_pem(k->keys, path, ask, (void *)(uintptr_t)path, &e))
		return true;
	setup_print_error(&e);
	return false;
}

bool keyring_add_log(struct keyring *k, const char *path)
{
	FILE *f = keyring_ready(k) ? fopen(path, "re") : NULL;
	char *line = NULL;
	size_t room = 0, count = 0;
	ssize_t n;
	errno = f ? 0 : errno;
	while (f && (n = getline(&line, &room, f)) >= 0)
		count += tls_keys_add_log(k->keys, slice_of(line, (size_t)n));
	if (!f || ferror(f))
		fprintf(stderr, "telltale: %s: %s\n", path, strerror(errno));
	else if (!count)
		fprintf(stderr, "telltale: %s: %s\n", path, _("this is no key log: no line such as “CLIENT_RANDOM … …” is in it"));
	if (line)
		explicit_bzero(line, room);
	free(line);
	if (f)
		fclose(f);
	return count > 0;
}

void keyring_free(struct keyring *k)
{
	tls_keys_free(k->keys);
	k->keys = NULL;
}
