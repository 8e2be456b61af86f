/* fuzz-NAME FILE…: replays inputs of a fuzz target without libFuzzer, in gdb or under another sanitizer. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (16u * 1024u * 1024u)

int main(int argc, char **argv)
{
	uint8_t *data = malloc(INPUT_MAX);
	for (int i = 1; data && i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		if (!f) {
			perror(argv[i]);
			free(data);
			return 2;
		}
		size_t n = fread(data, 1, INPUT_MAX, f);
		fclose(f);
		LLVMFuzzerTestOneInput(data, n);
	}
	free(data);
	return 0;
}
