#!/bin/sh
# pot.sh [BUILDDIR]: writes po/telltale.pot (words of the program) and BUILDDIR/knowledge.pot (words of the knowledge files, from the tables made of
# them: a translator who takes these on appends them to po/LANG.po), and brings po/*.po up to date with the first.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
extract() {
	xgettext --from-code=UTF-8 --language=C --no-wrap --no-location --package-name=telltale --msgid-bugs-address=- --keyword=N_ "$@"
}
# X: third argument of the list of oddities.
extract --add-comments=TRANSLATORS --keyword=_ --keyword=ngettext:1,2 --keyword=X:3,3t --files-from=po/POTFILES --output=po/telltale.pot
extract --output="$build/knowledge.pot" "$build/knowledge_tables.c"
for po in po/*.po; do
	msgmerge --quiet --no-wrap --no-fuzzy-matching --update --backup=none "$po" po/telltale.pot
	msgfmt --check --statistics --output-file=/dev/null "$po"
done
