/* unit: what every unit test includes: cmocka with the headers it wants, and slices compared readably. */
#ifndef TT_TESTS_UNIT_H
#define TT_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"

/* A slice equals a C string; says both when not. */
#define assert_slice(got, want)                                                                                                   \
	do {                                                                                                                      \
		struct slice got_ = (got), want_ = slice_from_cstr(want);                                                         \
		if (!slice_eq(got_, want_))                                                                                       \
			fail_msg("got “%.*s”, wanted “%.*s”", SLICE_FMT(got_), SLICE_FMT(want_));                                  \
	} while (0)

#endif
