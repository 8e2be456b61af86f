/* i18n: words for people. English is the source language; the domain is set up once by the program (src/cli/setup.c). */
#ifndef TT_BASE_I18N_H
#define TT_BASE_I18N_H

#include <libintl.h>

#define _(s) gettext(s)
/* Marks a string in a table; it goes through tr() where it is shown. */
#define N_(s) s

/* Translation of a string from a table, which may be empty (gettext("") would return the catalogue's header). */
static inline const char *tr(const char *s)
{
	return s && *s ? gettext(s) : "";
}

#endif
