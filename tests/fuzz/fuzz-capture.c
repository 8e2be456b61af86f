/* A capture file of any bytes: frames, TCP, TLS with a key at hand, dialogues, and the diagnosis of what comes out. */
#include "fuzz.h"

#include <stdlib.h>

#include "diagnose/diagnose.h"
#include "evidence/capture/file.h"
#include "evidence/capture/tls.h"
#include "evidence/evidence.h"

/* From the project's folder, where fuzzing starts; without it the inside of RSA sessions stays closed. */
#define KEY "tests/capture/captures/rsa.key"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct diagnoser *diagnoser;
	static struct tls_keys *keys;
	struct err e = {0};
	if (!diagnoser) {
		diagnoser = diagnoser_new(knowledge_builtin(), &e);
		keys = tls_keys_new();
		if (!diagnoser || !keys)
			abort();
		tls_keys_add_pem(keys, KEY, NULL, NULL, &e);
	}
	if (!capture_is_magic(slice_of(data, size)))
		return 0;
	struct evidence_options o = {.keys = keys};
	struct transcript *t = transcript_new();
	if (t && evidence_read_memory(t, S("fuzz"), slice_of(data, size), &o, &e)) {
		transcript_finish(t);
		diagnosis_free(diagnose(diagnoser, t));
	}
	transcript_free(t);
	return 0;
}
