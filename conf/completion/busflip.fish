# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip.fish - what fish offers for busflip. Commands and options are held
# against the program by tests/test-completion.sh.

# What is typed so far, without options and their values: the command first. The
# value of --connect is printed instead when it is asked for with "uri".
function __busflip_typed
    set -l uri qemu:///system
    set -l skip ''
    set -l typed
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            string match -qr -- '^(-c|--connect)$' $skip; and set uri $word
            set skip ''
            continue
        end
        switch $word
            case -c --connect --config --bus --disk --format --partition --virtio-win --helper
                set skip $word
            case '--connect=*'
                set uri (string replace -- --connect= '' $word)
            case '-*'
            case '*'
                set -a typed $word
        end
    end
    if test "$argv[1]" = uri
        echo $uri
    else
        string join \n -- $typed
    end
end

# Is the command one of these, and is an argument missing (with --argument)?
function __busflip_is
    set -l typed (__busflip_typed)
    if test "$argv[1]" = --argument
        test (count $typed) = 1; or return 1
        set -e argv[1]
    end
    test (count $typed) -gt 0; and contains -- $typed[1] $argv
end

function __busflip_virsh
    virsh -r -q -c (__busflip_typed uri) $argv 2>/dev/null
end

function __busflip_domains
    __busflip_virsh list --all --name | string match -v ''
end

function __busflip_disks
    set -l typed (__busflip_typed)
    test (count $typed) -gt 1; or return 1
    __busflip_virsh domblklist $typed[2] | string replace -rf '^ *(\S+) .*' '$1'
end

complete -c busflip -f

set -l none 'test (count (__busflip_typed)) = 0'
complete -c busflip -n $none -a enable -d 'tag a domain and stage it for its first boot on SATA'
complete -c busflip -n $none -a disable -d 'restore its original disk; remove tag and state'
complete -c busflip -n $none -a status -d 'list the tagged domains, or the history of one'
complete -c busflip -n $none -a stage -d 'move a tagged domain\'s system disk to SATA'
complete -c busflip -n $none -a promote -d 'move a staged domain to VirtIO now, without evidence'
complete -c busflip -n $none -a rollback -d 'move its system disk back to SATA'
complete -c busflip -n $none -a retry -d 'start the conversion of a held domain again'
complete -c busflip -n $none -a hold -d 'stop the conversion until busflip retry (from trial: back to SATA)'
complete -c busflip -n $none -a filter -d 'rewrite domain XML from stdin to stdout'
complete -c busflip -n $none -a check -d 'report what would keep a domain from starting'
complete -c busflip -n $none -a inspect -d 'report the state of a domain and its reason, and which Windows is on a disk'
complete -c busflip -n $none -a patch -d 'prepare the Windows on a disk for SATA and VirtIO'
complete -c busflip -n $none -a undo -d 'restore the registry from before the last patch'
complete -c busflip -n $none -a clean -d 'remove data of domains and disks that no longer exist'
complete -c busflip -n $none -a check-config -d 'report errors in busflip.conf'

complete -c busflip -n '__busflip_is --argument enable disable status stage promote rollback retry hold check inspect patch undo' -a '(__busflip_domains)' -d domain
complete -c busflip -n '__busflip_is --argument inspect patch undo check-config' -F
complete -c busflip -n '__busflip_is --argument filter' -a 'stage promote rollback restore'

complete -c busflip -l connect -s c -x -a 'qemu:///system qemu:///session' -d 'libvirt connection'
complete -c busflip -l config -r -F -d 'read this file instead of /etc/busflip.conf'
complete -c busflip -l help -s h -d 'print a summary of the commands'
complete -c busflip -l version -d 'print the version'

set -l subject '__busflip_is inspect patch undo'
complete -c busflip -n $subject -l format -x -a 'raw qcow2 vmdk vhdx' -d 'format of an image given by path'
complete -c busflip -n '__busflip_is enable inspect patch undo' -l partition -x -d 'partition of Windows, if there are several'
complete -c busflip -n '__busflip_is check inspect patch undo' -l helper -r -F -d 'run this busflip-helper'
complete -c busflip -n '__busflip_is enable inspect patch undo' -l disk -x -a '(__busflip_disks)' -d 'the system disk'
complete -c busflip -n '__busflip_is enable filter patch' -l bus -x -a 'virtio scsi' -d 'target bus, virtio or scsi'
complete -c busflip -n '__busflip_is status check inspect patch' -l json -d 'print JSON'
complete -c busflip -n '__busflip_is status' -l watch -d 'repeat until interrupted'
complete -c busflip -n '__busflip_is status' -l prometheus -d 'metrics for a textfile collector'
complete -c busflip -n '__busflip_is inspect' -l live -d 'read a disk that a running guest may be changing'
complete -c busflip -n '__busflip_is patch clean' -l dry-run -d 'say what would be done, write nothing'
complete -c busflip -n '__busflip_is check patch' -l virtio-win -r -F -d 'VirtIO drivers, a directory or an ISO image'
complete -c busflip -n '__busflip_is disable patch undo' -l force -d 'even if the disk can\'t be put back, or has changed since'
complete -c busflip -n '__busflip_is filter' -l tag -d 'also accept a domain without a tag'
complete -c busflip -n '__busflip_is filter' -l disk -x -d 'the system disk'
complete -c busflip -n '__busflip_is undo' -l settings -d 'only settings that were changed for the conversion'
complete -c busflip -n '__busflip_is disable' -l keep-sata -d 'leave the disk on SATA'
complete -c busflip -n '__busflip_is stage' -l all -d 'every tagged domain'
