/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot.S - a guest of a few sectors
 *
 * SeaBIOS loads the first sector to 0x7c00, which loads the following ones through the BIOS.
 * The same image therefore boots from every kind of disk that SeaBIOS has a driver for. It
 * then writes one line to COM1 that describes this machine as the guest sees it, such as
 *
 *   guest off: disks 1, boot 04:00.0, 00:1f.2 8086:2922 0106 ahci, 04:00.0 1af4:1042 0100 virtio-blk
 *   guest off: disks 2, boot unnamed, 00:1f.2 8086:2922 0106 ahci, 04:00.0 1af4:1042 0100 virtio-blk
 *
 * that is: the number of hard disks that the BIOS counts, the PCI function that the boot disk
 * is attached to, and each mass storage function with its IDs, class and kind. What comes
 * next depends on KIND, which build.sh sets.
 */

	.set KIND_OFF, 0	/* power off through ACPI */
	.set KIND_STAY, 1	/* halt; power off when the button is pressed */
	.set KIND_RESET, 2	/* reset, for ever */
	.set KIND_CRASH, 3	/* tell the pvpanic device, then halt */
	.set KIND_WRITE, 4	/* write to its own disk with each tick, for ever */

	.set SECTORS, 4		/* of this program, with the boot sector */
	.set COM1, 0x3f8
	/* QEMU's ACPI power management block, where SeaBIOS puts it on i440fx
	 * and on q35 alike. */
	.set PM1_STATUS, 0x600
	.set PM1_ENABLE, 0x602
	.set PM1_CONTROL, 0x604
	.set POWER_BUTTON, 1 << 8
	.set SOFT_OFF, 0x2000	/* SLP_EN; QEMU takes sleep type 0 for S5 */
	.set PANIC_PORT, 0x505
	.set PANICKED, 1
	.set MASS_STORAGE, 0x01

	.code16
	.text
	.globl _start
_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	ljmp	$0, $1f
1:	cld
	sti
	movb	%dl, drive
	call	serial_init

	movb	drive, %dl
	movw	$load_packet, %si
	movb	$0x42, %ah		/* extended read */
	int	$0x13
	jnc	main
	movw	$text_unreadable, %si
	call	print
halt:	hlt
	jmp	halt

serial_init:
	movw	$COM1 + 3, %dx
	movb	$0x80, %al		/* divisor latch */
	outb	%al, %dx
	movw	$COM1, %dx
	movb	$1, %al			/* 115200 baud */
	outb	%al, %dx
	incw	%dx
	movb	$0, %al
	outb	%al, %dx
	movw	$COM1 + 3, %dx
	movb	$3, %al			/* 8N1 */
	outb	%al, %dx
	ret

/* print: the text at %si */
print:
	lodsb
	testb	%al, %al
	jz	1f
	call	putc
	jmp	print
1:	ret

/* putc: the character in %al; keeps every register */
putc:
	pushw	%dx
	pushw	%ax
	movw	$COM1 + 5, %dx
1:	inb	%dx, %al
	testb	$0x20, %al		/* transmitter empty */
	jz	1b
	popw	%ax
	movw	$COM1, %dx
	outb	%al, %dx
	popw	%dx
	ret

/* hex4, hex2, hex1: that many digits of %ax; hex4 and hex2 keep it */
hex4:
	xchgb	%ah, %al
	call	hex2
	xchgb	%ah, %al
hex2:
	pushw	%ax
	shrb	$4, %al
	call	hex1
	popw	%ax
	pushw	%ax
	call	hex1
	popw	%ax
	ret
hex1:
	andb	$15, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	putc
	addb	$'a' - '9' - 1, %al
	jmp	putc

	.balign 4
load_packet:
	.byte	16, 0
	.word	SECTORS - 1
	.word	0x7e00, 0
	.quad	1
drive:	.byte	0
text_unreadable:
	.asciz	"guest: cannot read its own disk\r\n"

	.org	510
	.word	0xaa55

/* From here on, the part that the first sector has loaded. */
main:
	/* Before the line is begun: whoever reads it may press at once. */
	movw	$POWER_BUTTON, %ax
	movw	$PM1_ENABLE, %dx
	outw	%ax, %dx
	movw	$text_guest, %si
	call	print
	/* The BIOS data area counts the hard disks. */
	movb	0x475, %al
	call	hex1
	call	print_boot_disk
	call	print_storage
	movw	$text_end, %si
	call	print
	jmp	act

/* print_address: bus, device and function, the bus in %ah and the other two
 * in %al as PCI packs them */
print_address:
	pushw	%ax
	movb	%ah, %al
	call	hex2
	movb	$':', %al
	call	putc
	popw	%ax
	pushw	%ax
	shrb	$3, %al
	call	hex2
	movb	$'.', %al
	call	putc
	popw	%ax
	andb	$7, %al
	jmp	hex1

/* print_boot_disk: where the BIOS says the disk hangs that it booted. SeaBIOS
 * names the PCI function for VirtIO and IDE, not for AHCI. */
print_boot_disk:
	movw	$text_boot, %si
	call	print
	movb	drive, %dl
	movw	$drive_parameters, %si
	movb	$0x48, %ah
	int	$0x13
	jc	1f
	cmpw	$0x4350, drive_parameters + 36	/* host bus "PC.." */
	jne	1f
	/* bus, device, function: a byte each */
	movb	drive_parameters + 48, %ah
	movb	drive_parameters + 49, %al
	shlb	$3, %al
	orb	drive_parameters + 50, %al
	jmp	print_address
1:	movw	$text_unnamed, %si
	jmp	print

/* pci_read: %eax = the dword at offset %al of function %bx, where a bus is
 * the upper byte */
pci_read:
	pushw	%dx
	movzbl	%al, %ecx
	movzwl	%bx, %eax
	shll	$8, %eax
	orl	%ecx, %eax
	orl	$0x80000000, %eax
	movw	$0xcf8, %dx
	outl	%eax, %dx
	movw	$0xcfc, %dx
	inl	%dx, %eax
	popw	%dx
	ret

/* print_storage: every function of class mass storage on buses 0 to 63 */
print_storage:
	xorw	%bx, %bx
next_function:
	movb	$8, %al
	call	pci_read
	shrl	$16, %eax		/* class, subclass */
	cmpb	$MASS_STORAGE, %ah
	jne	skip_function
	movw	%ax, class
	movw	$text_comma, %si
	call	print
	movw	%bx, %ax
	call	print_address
	movb	$' ', %al
	call	putc
	movb	$0, %al
	call	pci_read
	movl	%eax, ids
	call	hex4
	movb	$':', %al
	call	putc
	movw	ids + 2, %ax
	call	hex4
	movb	$' ', %al
	call	putc
	movw	class, %ax
	call	hex4
	movb	$' ', %al
	call	putc
	call	print_kind
skip_function:
	incw	%bx
	cmpw	$64 << 8, %bx
	jne	next_function
	ret

print_kind:
	movw	$kinds, %di
1:	movw	(%di), %ax
	orw	2(%di), %ax
	jz	2f			/* the last row fits everything */
	movl	ids, %eax
	cmpl	(%di), %eax
	je	2f
	movzwl	class, %eax
	cmpl	(%di), %eax
	je	2f
	addw	$6, %di
	jmp	1b
2:	movw	4(%di), %si
	jmp	print

	.if	KIND == KIND_OFF
act:
power_off:
	movw	$SOFT_OFF, %ax
	movw	$PM1_CONTROL, %dx
	outw	%ax, %dx
	jmp	halt
	.endif

	.if	KIND == KIND_STAY
act:
	/* Only the timer may wake the processor: the ACPI interrupt would come
	 * again and again, since nobody answers it. */
	movb	$0xfe, %al
	outb	%al, $0x21
	movb	$0xff, %al
	outb	%al, $0xa1
1:	hlt
	movw	$PM1_STATUS, %dx
	inw	%dx, %ax
	testw	$POWER_BUTTON, %ax
	jz	1b
	movw	$SOFT_OFF, %ax
	movw	$PM1_CONTROL, %dx
	outw	%ax, %dx
	jmp	halt
	.endif

	.if	KIND == KIND_RESET
act:
	movw	$0xcf9, %dx
	movb	$2, %al
	outb	%al, %dx
	movb	$6, %al
	outb	%al, %dx
	jmp	halt
	.endif

	.if	KIND == KIND_CRASH
act:
	movw	$PANIC_PORT, %dx
	movb	$PANICKED, %al
	outb	%al, %dx
	jmp	halt
	.endif

	.if	KIND == KIND_WRITE
act:
	movb	drive, %dl
	movw	$write_packet, %si
	movw	$0x4300, %ax		/* extended write */
	int	$0x13
	sti
	hlt
	jmp	act

	.balign 4
write_packet:
	.byte	16, 0
	.word	1
	.word	0x7c00, 0
	.quad	1000
	.endif

	.balign 4
/* Device (upper half) and vendor, or class, as one number; then its name. */
kinds:	.long	0x10011af4		/* transitional */
	.word	text_blk
	.long	0x10421af4		/* modern */
	.word	text_blk
	.long	0x10041af4
	.word	text_scsi
	.long	0x10481af4
	.word	text_scsi
	.long	0x0106
	.word	text_ahci
	.long	0x0101
	.word	text_ide
	.long	0
	.word	text_other
ids:	.long	0
class:	.word	0

text_guest:
	.if	KIND == KIND_OFF
	.asciz	"guest off: disks "
	.endif
	.if	KIND == KIND_STAY
	.asciz	"guest stay: disks "
	.endif
	.if	KIND == KIND_RESET
	.asciz	"guest reset: disks "
	.endif
	.if	KIND == KIND_CRASH
	.asciz	"guest crash: disks "
	.endif
	.if	KIND == KIND_WRITE
	.asciz	"guest write: disks "
	.endif
text_boot:
	.asciz	", boot "
text_unnamed:
	.asciz	"unnamed"
text_comma:
	.asciz	", "
text_end:
	.asciz	"\r\n"
text_blk:
	.asciz	"virtio-blk"
text_scsi:
	.asciz	"virtio-scsi"
text_ahci:
	.asciz	"ahci"
text_ide:
	.asciz	"ide"
text_other:
	.asciz	"other"

	/* The BIOS fills this in, version 3 of its drive parameters. */
	.balign 4
drive_parameters:
	.word	74
	.fill	72, 1, 0

	.org	SECTORS * 512
