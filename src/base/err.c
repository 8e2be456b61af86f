#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const names[ERR_COUNT] = {
#define X(name, text) [name] = #name,
	ERR_LIST(X)
#undef X
};

static const char *const texts[ERR_COUNT] = {
#define X(name, text) [name] = text,
	ERR_LIST(X)
#undef X
};

const char *err_code_name(enum err_code code)
{
	assert(code < ERR_COUNT);
	return names[code];
}

const char *err_code_text(enum err_code code)
{
	assert(code < ERR_COUNT);
	return texts[code];
}

bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	if (!e)
		return false;
	e->code = code;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->what, sizeof e->what, fmt, ap);
	va_end(ap);
	return false;
}
