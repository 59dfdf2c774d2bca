# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-options.sh - the options and commands of busflip, as the program reports them;
# source it after lib.sh

busflip=${busflip:-$BUSFLIP_BUILD/busflip}

# busflip_commands, busflip_options - of --help, sorted
busflip_commands()
{
	"$busflip" --help | sed -nE '/^Commands:/,/^Options:/s/^  ([a-z-]+).*/\1/p' | sort
}

busflip_options()
{
	"$busflip" --help | sed -nE 's/^  (--[a-z-]+).*/\1/p' | sort
}

# options_of COMMAND - those that it takes. That there is no such configuration is
# the last thing that is found before a command is run.
options_of()
{
	local option value said argument=x

	case $1 in
	filter) argument=stage ;;
	clean) argument= ;;
	esac
	for option in $(busflip_options); do
		value=
		case $("$busflip" "$option" 2>&1) in
		*'missing value'*) value='=x' ;;
		esac
		said=$("$busflip" "$option$value" --config /nonexistent "$1" ${argument:+"$argument"} 2>&1)
		case $said in
		*'is not an option of'*) ;;
		*'cannot read --config'* | *'No such file'* | Usage:* | 'busflip '[0-9]*)
			echo "$option" ;;
		*) echo "$option: $said" ;;
		esac
	done
}
