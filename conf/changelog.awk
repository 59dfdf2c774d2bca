# SPDX-License-Identifier: GPL-2.0-or-later
#
# changelog.awk - a Debian changelog in the form that a spec has
/^[a-z]/ { version = substr($2, 2, length($2) - 2); text = "" }
/^  \* / { text = text "- " substr($0, 5) "\n" }
/^    / { text = text "  " substr($0, 5) "\n" }
/^ -- / {
	who = substr($0, 5, index($0, ">") - 4)
	split(substr($0, index($0, ">") + 3), date, /[ ,]+/)
	printf "* %s %s %s %s %s - %s-1\n%s\n", date[1], date[3], date[2], date[4],
		who, version, text
}
