#!/bin/zsh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# complete.zsh DIRECTORY LINE - print what zsh offers at the end of LINE, one on each line,
# with _busflip of DIRECTORY; uses a real line editor on its own terminal
zmodload zsh/zpty || exit 77

rc=$(mktemp) || exit 1
trap 'rm -f $rc' EXIT
cat > $rc <<'END'
autoload -Uz compinit && compinit -D -u
# Tells what is added instead of showing it.
compadd() {
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "$@"
		return
	fi
	local -a hits
	builtin compadd -A hits "$@"
	(( $#hits )) && print -rl -- '<'${^hits}'>'
	builtin compadd "$@"
}
tell() {
	print -r -- BEGIN
	_main_complete
	print -r -- THE-END
	compstate[insert]= compstate[list]=
}
zle -C tell complete-word tell
bindkey '^I' tell
END

zpty z zsh -f -i
# Each waits for the one before, so that no answer is mixed with an echo.
zpty -w z "PROMPT= RPS1=; stty -echo; fpath=(${(q)1} \$fpath); source $rc; print rea''dy"
zpty -r -m z answer '*ready*'
zpty -n -w z "$2"$'\t'
zpty -r -m z answer '*THE-END*'
zpty -d z
print -r -- "$answer" | tr -d '\r' | sed -n 's/^<\(.*\)>$/\1/p'
