#!/bin/sh
# pot.sh [BUILDDIR]: brings po/ up to date: POTFILES, telltale.pot (words of the program) and po/*.po. The words of the knowledge files come from the
# tables made of them (BUILDDIR/knowledge.pot). There are thousands of these and they change often, so the catalogues hold only those that are
# translated; a translator takes further ones from knowledge.pot.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
extract() {
	xgettext --from-code=UTF-8 --language=C --no-wrap --no-location --package-name=telltale --msgid-bugs-address=- --keyword=N_ "$@"
}
merge() {
	msgmerge --quiet --no-wrap --no-fuzzy-matching --output-file=- "$@"
}
grep -rlE '(^|[^A-Za-z_0-9])(N?_|ngettext|X)\(.*"' src --include='*.[ch]' | LC_ALL=C sort >po/POTFILES
# X: third argument of the list of oddities.
extract --add-comments=TRANSLATORS --keyword=_ --keyword=ngettext:1,2 --keyword=X:3,3t --files-from=po/POTFILES --output=po/telltale.pot
# A percent sign in these is no printf directive.
extract --flag=N_:1:no-c-format --output="$build/knowledge.pot" "$build/knowledge_tables.c"
msgcat --use-first --no-wrap po/telltale.pot "$build/knowledge.pot" --output-file="$build/all.pot"
for po in po/*.po; do
	merge "$po" "$build/all.pot" | msgattrib --no-wrap --translated --no-fuzzy --output-file="$build/known.po"
	merge "$build/known.po" po/telltale.pot | msgattrib --no-wrap --no-obsolete --untranslated --output-file="$build/missing.po"
	msgcat --use-first --sort-output --no-wrap "$build/known.po" "$build/missing.po" --output-file="$po"
	msgfmt --check --statistics --output-file=/dev/null "$po"
done
