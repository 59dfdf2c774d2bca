#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The program and its documentation must agree, in both directions: options, commands,
# configuration keys and their defaults, fields of the JSON output.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
cd "$tests/.." || exit 1
busflip=$BUSFLIP_BUILD/busflip
[ -x "$busflip" ] || skip_all "busflip is not built"
# shellcheck source=tests/lib-options.sh
. "$tests/lib-options.sh"
plan 31

missing()
{
	comm -23 <(sort -u <<< "$1") <(sort -u <<< "$2") | sed '/^$/d'
}

help=$("$busflip" --help)
page=$(cat hook/busflip.8)

options=$(grep -oE -- '--[a-z][a-z-]*' <<< "$help")
page_options=$(grep -oE 'Fl -[a-z][a-z-]*' <<< "$page" | sed 's/^Fl -/--/')
is "every option is in the man page" "$(missing "$options" "$page_options")" ""
is "every option of the man page exists" "$(missing "$page_options" "$options")" ""

# synopsis - COMMAND --OPTION, for each that the synopsis has
synopsis()
{
	awk '
		/^\.Sh / { inside = $2 == "SYNOPSIS" }
		!inside { next }
		/^\.Nm/ { n = 0; split("", of) }
		/^\.Cm/ && !n { of[++n] = $2; for (i = 3; $i == "|"; i += 2) of[++n] = $(i + 1) }
		{
			for (i = 1; i < NF; i++)
				if ($i == "Fl")
					for (j = 1; j <= n; j++)
						print of[j], "-" $(i + 1)
		}' hook/busflip.8 | sort
}

# Those of every command come first in the synopsis, without one.
taken()
{
	local command

	for command in $commands; do
		options_of "$command" | grep -vxE -- '--(connect|config|help|version)' |
			sed "s/^/$command /"
	done | sort
}

commands=$(busflip_commands)
is "the synopsis has the options that each command takes" "$(synopsis)" "$(taken)"
is "and those that all take" "$(sed -n '/^\.Sh SYNOPSIS/,/^\.Ar command/p; /^\.Fl h /p' hook/busflip.8 |
	grep -oE 'Fl -[a-z-]+' | sort | paste -sd ' ')" 'Fl -config Fl -connect Fl -help Fl -version'

# Those for domains: what IMAGE may be needs too many for one line.
in_usage()
{
	grep -E '^  [a-z]' <<< "${help%%Options:*}" | grep -v IMAGE | while read -r command args; do
		grep -oE -- '--[a-z-]+' <<< "$args" | sed "s/^/$command /"
	done | sort
}
is "--help shows with a command the options that it takes" "$(in_usage)" \
	"$(taken | grep -vE '^(inspect|patch|undo) |--helper$')"

# letters PROGRAM - the short options that it takes; it says of all others that they
# are unknown
letters()
{
	local letter

	for letter in {a..z} {A..Z}; do
		"$1" "-$letter" < /dev/null 2>&1 | grep -qE '(unknown|invalid) option' || echo "-$letter"
	done
}

# flags FILE FROM TO - the options that a page names between two lines, in the order of
# the alphabet
flags()
{
	sed -n "/$2/,/$3/p" "$1" | grep -oE 'Fl -?[a-zA-Z][a-z-]*' | sed 's/^Fl /-/' | sort -u
}

short=$(letters "$busflip" | sort)
is "short options are in the synopsis" \
	"$(flags hook/busflip.8 '^\.Sh SYNOPSIS' '^\.Sh DESCR' | grep -x -- '-[a-zA-Z]')" "$short"
is "among the options" \
	"$(flags hook/busflip.8 '^\.Sh OPTIONS' '^\.Sh STATUS' | grep -x -- '-[a-zA-Z]')" "$short"
is "and in --help" "$(grep -oE -- '[ (]-[a-zA-Z]\b' <<< "$help" | tr -d ' (' | sort -u)" "$short"

helper=$BUSFLIP_BUILD/busflip-helper
options=$({ letters "$helper"; sed -nE 's/.*\{ "([a-z-]+)", (no|required)_argument.*/--\1/p' helper/main.c; } |
	sort -u)
like "busflip-helper has options" "$options" '--version'
is "its synopsis has them, and no other" \
	"$(flags helper/busflip-helper.8 '^\.Sh SYNOPSIS' '^\.Sh DESCR')" "$options"
is "and so has its --help" "$("$helper" --help | grep -oE -- ' --?[a-zA-Z][a-z-]*' | tr -d ' ' | sort -u)" \
	"$options"
is "busflip-hook has none, and so its synopsis" \
	"$(grep -c getopt hook/front.c) $(flags hook/busflip-hook.8 '^\.Sh SYNOPSIS' '^\.Sh DESCR')" '0 '
is "which has as many arguments as it takes" \
	"$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCR/p' hook/busflip-hook.8 | grep -c '^\.Ar')" \
	"$(($(sed -nE 's/.*argc != ([0-9]+).*/\1/p' hook/front.c) - 1))"
page_commands=$(sed -n '/^\.Sh COMMANDS/,/^\.Sh OPTIONS/s/^\.It Cm \([a-z-]*\).*/\1/p' <<< "$page")
is "every command is in the man page" "$(missing "$commands" "$page_commands")" ""
is "every command of the man page exists" "$(missing "$page_commands" "$commands")" ""

# The key table: { "name", parse_x, FIELD(x), "default", ...
table=$(tr '\n' ' ' < conf/config.c |
	grep -oE '\{ "[a-z_]+", parse_[a-z]+, FIELD\([a-z_]+\), [^,]+,' |
	sed -E 's/^\{ "([a-z_]+)".*\), (.*),$/\1 = \2/' |
	sed -E 's,BUSFLIP_STATEDIR "/,"/var/lib/busflip/,; s/"//g')
like "the key table was found" "$table" '^uri = qemu:///system'
is "busflip.conf has every key with its default, and no other" \
	"$(sed -nE 's/^#([a-z_]+ = .*)/\1/p' conf/busflip.conf | sort)" "$(sort <<< "$table")"

man_table=$(awk '
	/^\.It Cm [a-z_]+$/ && depth == 1 { key = $3 }
	/^\.Bl/ { depth++ }
	/^\.El/ { depth-- }
	/^Default:/ { default_next = 1; if (NF > 1) { print key " = " $2; default_next = 0 } next }
	default_next { sub(/^\.(Cm|Ql|Pa) /, ""); print key " = " $1; default_next = 0 }
	' conf/busflip.conf.5 | sed 's/\.$//' | sort)
is "busflip.conf.5 has every key with its default, and no other" \
	"$man_table" "$(sort <<< "$table")"

ok "the shipped configuration has no mistake" \
	"$busflip" check-config conf/busflip.conf
work=$(mktemp -d)
cleanup_fn rm -r "$work"
sed -E 's/^#([a-z_]+ = )/\1/' conf/busflip.conf > "$work/all.conf"
ok "neither has it with every key switched on" \
	"$busflip" check-config "$work/all.conf"

fields=$(grep -ohE 'member\(out, "[a-z_]+"|\\"[a-z_]+\\":' hook/cli/summary.c hook/command/status.c |
	grep -oE '[a-z_]+(\\?":?)$' | tr -d '\\":' | grep -vxE 'version|domains|at|text')
# page_fields SECTION NEXT-SECTION - what .It Cm names there
page_fields()
{
	sed -n "/^\.Sh $1/,/^\.Sh $2/s/^\.It Cm //p" <<< "$page" | tr -d ',' |
		tr ' ' '\n' | sed '/^$/d' | sort -u
}
is "every field of status --json is in the man page, and no other" \
	"$(page_fields 'STATUS AS JSON' 'INSPECT AS JSON')" "$(sort -u <<< "$fields")"
fields=$(grep -oE 'json_member\(stdout, "[a-z_]+"|\\"[a-z_]+\\":' hook/command/inspect.c |
	grep -oE '[a-z_]+(\\?":?)$' | tr -d '\\":' | grep -vxE 'began|phase')
is "every field that inspect --json adds is in the man page, and no other" \
	"$(page_fields 'INSPECT AS JSON' 'PATCH AS JSON')" "$(sort -u <<< "$fields")"
fields=$(sed -nE '/^static int write_json/,/^}/p; /^static void write_json_value/,$p' helper/action/action-patch.c helper/edits/editsout.c |
	grep -oE '\\"[a-z_]+\\":|write_json_value\(out, "[a-z]+"' | grep -oE '"?[a-z_]+\\?"(:|$)' |
	tr -d '\\":' | grep -vx moved_on | sort -u)
is "every field of patch --json is in the man page, and no other" \
	"$(sed -n '/^\.Sh PATCH AS JSON/,/^\.Sh CHECK AS JSON/s/^\.\(It \)\{0,1\}Cm //p' <<< "$page" |
	   tr -d ',:' | tr ' ' '\n' | grep -vxE ';?|disk|virtio_win' | sort -u)" "$fields"
is "every item that check looks at is in the man page, and no other" \
	"$(sed -n '/^\.It Cm check Oo/,/^\.El/s/^\.It Sy //p' <<< "$page" | sort)" \
	"$(grep -ohE 'checkup_add\(p, "[a-z-]+"' hook/checkup/*.c |
	   grep -oE '"[a-z-]+"' | tr -d '"' | sort -u)"

is "every metric is in the man page, and no other" \
	"$(grep -oE 'busflip_domains?(_[a-z]+)?' <<< "$page" | sort -u)" \
	"$(grep -ohE 'busflip_domains?(_[a-z]+)?' hook/command/status-prometheus.c | sort -u)"

# named_commands - of busflip, in the README and in the pages of section 7
named_commands()
{
	local page

	grep -ohE '(^    |sudo |`)busflip [a-z][a-z-]+' README.md
	for page in hook/*.7 hook/*/*.7; do
		page_text "$page" | grep -oE '\bbusflip [a-z][a-z-]+'
		grep -oE '^\.Ql busflip [a-z][a-z-]+' "$page"
	done
}
is "README and the pages of section 7 name no command that does not exist" \
	"$(missing "$(named_commands | awk '{print $NF}')" "$commands")" ""
is "the README has at most 180 lines" "$(wc -l < README.md | awk '$1 > 180')" ""
titles=$(sed -nE 's/^    [0-9]+\. //p' README.md | grep . || echo none)
is "and shows steps of the demo as it prints them" \
	"$(sed -nE 's/^step "(.*)"$/\1/p' tests/demo.sh | grep -xF "$titles")" "$titles"
is "every page is named by another" \
	"$(for file in hook/*.[1-8] hook/*/*.[1-8] helper/*.[1-8] conf/*.[1-8]; do
		name=${file##*/}
		grep -lF ".Xr ${name%.*} ${name##*.}" hook/*.[1-8] hook/*/*.[1-8] helper/*.[1-8] conf/*.[1-8] |
			grep -qvxF "$file" || echo "$name"
	   done)" ""

none=$(grep -ohE '\b(test|fuzz|check)-[a-z0-9-]+(\.sh)?|tests/[a-z0-9/.-]+[a-z]' .github/*.md | sort -u |
	while read -r name; do
		name=${name#tests/}
		[ -e "tests/$name" ] || [ -e "tests/$name.c" ] || grep -q "^$name:" Makefile ||
			echo "$name"
	done)
is "every test that a page in .github names is there" "$none" ""

unsaid=$(for file in README.md .github/SECURITY.md tests/demo.sh; do
	tr '\n' ' ' < $file | grep -qi 'no whole real Windows' || echo $file
done)
is "that no whole Windows was run is said where it counts" "$unsaid" ""
