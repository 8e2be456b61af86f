# fish completion for telltale; what it offers comes from the program's own help.
function __telltale_subcommands
	telltale --help 2>/dev/null | string replace -rf '^  ([a-z]+)  *(.*)' '$1\t$2'
	printf 'help\tshow help\n'
end
function __telltale_options
	set -l words (commandline -opc)
	telltale $words[2] --help 2>/dev/null | string replace -rf '^  (?:-., |    )(--[a-z0-9-]*) *[A-Z]* *(.*)' '$1\t$2'
end
complete -c telltale -n __fish_use_subcommand -f -a '(__telltale_subcommands)'
complete -c telltale -n __fish_use_subcommand -l version -d 'Show the version'
complete -c telltale -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__telltale_options)'
complete -c telltale -n '__fish_seen_subcommand_from read' -l color -x -a 'auto always never'
complete -c telltale -n '__fish_seen_subcommand_from read' -s l -l lang -x -a 'en pl ru es'
complete -c telltale -n '__fish_seen_subcommand_from read' -l cause -x -a '(telltale explain --list 2>/dev/null | string replace -r "  +" \t)'
complete -c telltale -n '__fish_seen_subcommand_from read' -l html -r -F
for option in client server session
	complete -c telltale -n '__fish_seen_subcommand_from read' -l $option -x
end
complete -c telltale -n '__fish_seen_subcommand_from watch' -f -a 'any (command ls /sys/class/net 2>/dev/null)'
complete -c telltale -n '__fish_seen_subcommand_from watch' -s w -l write -r -F
complete -c telltale -n '__fish_seen_subcommand_from watch' -s u -l user -x -a '(__fish_complete_users)'
complete -c telltale -n '__fish_seen_subcommand_from probe' -l tls -x -a 'auto never must'
complete -c telltale -n '__fish_seen_subcommand_from probe' -l quit-after -x -a 'connect greeting ehlo tls auth mail rcpt'
