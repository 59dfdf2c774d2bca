#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The SELinux module, on a machine without SELinux: it compiles, and it allows what it says
# and nothing else. The base policy here has only the relevant types of Fedora's policy.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
requires command -v secilc
requires command -v sesearch
plan 9

work=$(mktemp -d)
cleanup_fn rm -r "$work"
module=$tests/../conf/busflip-hook.cil

# base [TYPES] - a policy of nothing but names
base()
{
	cat <<-END
	(sid kernel) (sidorder (kernel))
	(sidcontext kernel (system_u system_r kernel_t ((s0) (s0))))
	(class process (fork transition sigchld)) (class dir (getattr open read search write))
	(class file (getattr open read write map execute entrypoint ioctl))
	(class fd (use)) (class fifo_file (getattr read write append ioctl))
	(classorder (process dir file fd fifo_file))
	(sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0))
	(sensitivitycategory s0 (c0))
	(user system_u) (role system_r) (role object_r) (userrole system_u system_r)
	(userlevel system_u (s0)) (userrange system_u ((s0) (s0 (c0))))
	(type kernel_t) (roletype system_r kernel_t) (allow kernel_t self (process (fork)))
	END
	printf '(type %s)\n' "$@"
}

types=(virtqemud_t virt_hook_t virt_hook_unconfined_t)
base "${types[@]}" > "$work/base.cil"
base virtqemud_t > "$work/old.cil"
ok "it compiles" secilc -m -o "$work/policy" -f "$work/contexts" "$work/base.cil" "$module"
ok "and where the types are not there" \
	secilc -m -o "$work/old" -f "$work/contexts" "$work/old.cil" "$module"
secilc -m -o "$work/before" -f "$work/contexts" "$work/base.cil"

# rules POLICY ARGUMENT...
rules()
{
	sesearch "${@:2}" "$work/$1" 2>&1 | grep -vE '^$' | sort
}

is "the daemon may execute a hook" \
	"$(rules policy -A -s virtqemud_t -t virt_hook_t -c file)" \
	"allow virtqemud_t virt_hook_t:file { execute getattr ioctl map open read };"
is "which gets the domain for hooks" "$(rules policy -T -s virtqemud_t)" \
	"type_transition virtqemud_t virt_hook_t:process virt_hook_unconfined_t;"
is "that the daemon may enter it" \
	"$(rules policy -A -s virtqemud_t -t virt_hook_unconfined_t)" \
	"allow virtqemud_t virt_hook_unconfined_t:process transition;"
is "the hook has the daemon's pipes" \
	"$(rules policy -A -s virt_hook_unconfined_t -t virtqemud_t)" \
"allow virt_hook_unconfined_t virtqemud_t:fd use;
allow virt_hook_unconfined_t virtqemud_t:fifo_file { append getattr ioctl read write };
allow virt_hook_unconfined_t virtqemud_t:process sigchld;"
is "nobody may write a hook" "$(rules policy -A -t virt_hook_t -c file -p write)" ''
is "without the module, none of that" "$(rules before -A | grep -c virt)" 0
is "and none where the types are not there" "$(rules old -A | grep -c virt)" 0
