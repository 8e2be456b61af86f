# bash completion for telltale; what it offers comes from the program's own help.
_telltale() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} program=${COMP_WORDS[0]} words
	if [ "$COMP_CWORD" -eq 1 ] || [ "${COMP_WORDS[1]}" = help ]; then
		words=$("$program" --help 2>/dev/null | sed -n '/^$/d; s/^  \([a-z]\{1,\}\) .*/\1/p'; echo help --help --version)
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	case $prev in
	--color) words="auto always never" ;;
	--tls) words="auto never must" ;;
	--quit-after) words="connect greeting ehlo tls auth mail rcpt" ;;
	--lang | -l) words="en pl ru es" ;;
	--knowledge | -k) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--cause) words=$("$program" explain --list 2>/dev/null | cut -d' ' -f1) ;;
	--client | --server | --session) return ;;
	--user | -u) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	*)
		if [[ $cur != -* && ${COMP_WORDS[1]} = watch && $prev != --write && $prev != -w && $prev != --key* ]]; then
			words="any $(ls /sys/class/net 2>/dev/null)"
		elif [[ $cur != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		else
			words=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null | sed -n 's/^  \(-., \|    \)\(--[a-z0-9-]*\).*/\2/p')
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o filenames -F _telltale telltale
