/* fuzz: what a fuzz target is: any bytes in, no crash, no hang, no leak. Built with libFuzzer (make fuzz) and with main.c, which replays files. */
#ifndef TT_TESTS_FUZZ_H
#define TT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
