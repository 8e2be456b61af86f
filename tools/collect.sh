#!/bin/sh
# collect.sh forms|rules NAME…: C on standard output: the table of all forms, or of all rule tables.
set -eu
what=$1
shift
case $what in
forms)
	echo '#include "evidence/form.h"'
	echo '#include "evidence/forms.h"'
	for n in "$@"; do echo "extern const struct form form_$n;"; done
	echo 'const struct form *const all_forms[] = {'
	for n in "$@"; do echo "	&form_$n,"; done
	echo '	NULL,'
	echo '};'
	;;
rules)
	echo '#include "diagnose/rule.h"'
	echo '#include "diagnose/rules.h"'
	for n in "$@"; do echo "extern const struct rule rules_$n[];"; done
	echo 'const struct rule *const all_rules[] = {'
	for n in "$@"; do echo "	rules_$n,"; done
	echo '	NULL,'
	echo '};'
	;;
esac
