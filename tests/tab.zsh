#!/bin/zsh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tab.zsh SHELL FILE LINE... - print what SHELL makes of each LINE that is typed and followed
# by a TAB; uses a real line editor on its own terminal, which has read FILE
zmodload zsh/zpty || exit 77

shell=$1 file=${(q)2}
shift 2
rc=$(mktemp) || exit 1
trap 'rm -f $rc' EXIT

# Ctrl-G tells the line, and begins an empty one.
case $shell in
bash)
	run=(bash --noprofile --rcfile $rc -i)
	tell='tell() { printf "%s\n" "BEGIN:$READLINE_LINE:END"; READLINE_LINE= READLINE_POINT=0; }
		bind -x '\''"\C-g": tell'\' ;;
zsh)
	run=(zsh -f -i)
	tell='tell() { print -r -- "BEGIN:$BUFFER:END"; BUFFER=; }
		zle -N tell; bindkey "^G" tell' ;;
fish)
	run=(fish -N -i -C "source $rc")
	tell='function tell
			printf "%s\n" "BEGIN:"(commandline | string collect)":END"
			commandline ""
		end
		bind \cg tell' ;;
esac
print -r -- "source $file"$'\n'"$tell"$'\n'"echo READY" > $rc

zpty t "stty -echo; TERM=dumb PS1= HISTFILE= exec ${(j: :)${(@q)run}}"
[[ $shell != zsh ]] || zpty -w t "source $rc"
zpty -r -m t answer '*READY*' || exit
for line; do
	zpty -n -w t "$line"$'\t\a'
	zpty -r -m t answer '*BEGIN:*:END*' || exit
	print -r -- "${${answer##*BEGIN:}%%:END*}"
done
zpty -d t
