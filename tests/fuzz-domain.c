// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-domain.c - arbitrary bytes as domain XML, through every rewrite operation
 *
 * With -DFUZZING this is libFuzzer's entry point. Without it, main() runs the same checks
 * over the seeds in tests/data/domain/, or over the files and folders that it is given.
 * Crashes that a fuzzer has found become seeds, so "make check" tests them from then on.
 *
 * It checks that no operation changes what it must not change (invariant.h); that none
 * leaves anything on the system disk that libvirt's schema does not have; and that a
 * domain that could be staged is restored unchanged, from the staged form and from each
 * form after it.
 */

#include <errno.h>
#include <libxml/c14n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/domain/schema.h"
#include "hook/phase/rewrite.h"
#include "tests/invariant.h"

#define BAIT_IMAGE "/var/lib/busflip/bait.img"

enum op { OP_STAGE, OP_PROMOTE, OP_ROLLBACK, OP_RESTORE, OP_COUNT };

static const char *const op_names[] = { "stage", "promote", "rollback", "restore" };

struct bytes {
	char *data;		/* NULL: refused */
	size_t len;
};

/* What the checks found. */
struct finding {
	const char *why;	/* NULL: nothing */
	char path[64];		/* the operations that led there */
};

static int apply(enum op op, struct domain *domain, struct error *err)
{
	static const struct rewrite_options options = {
		.bus = TARGET_VIRTIO, .bait = BAIT_IMAGE, .keep_owner = true,
	};

	switch (op) {
	case OP_STAGE:
		return rewrite_stage(domain, &options, err);
	case OP_PROMOTE:
		return rewrite_promote(domain, err);
	case OP_ROLLBACK:
		return rewrite_rollback(domain, &options, err);
	case OP_RESTORE:
	case OP_COUNT:
		break;
	}
	return rewrite_restore(domain, err);
}

/* Refuses what step_apply() never lets through to the rewriting. */
static struct bytes rewritten(enum op op, const char *xml, size_t len)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct bytes out = { 0 };
	struct error err;

	if (domain_parse(xml, len, &domain, &err) < 0 || !domain.tag.present ||
	    !domain.state.valid || apply(op, &domain, &err) < 0)
		return out;
	if (op == OP_RESTORE) {
		domain_drop_state(&domain);
	} else {
		domain.state.phase = op == OP_PROMOTE ? PHASE_TRIAL : PHASE_STAGED;
		domain_put_state(&domain);
	}
	if (domain_format(&domain, &out.data, &out.len, &err) < 0) {
		free(out.data);
		out.data = NULL;
	}
	return out;
}

static void drop_states(xmlNode *metadata)
{
	xmlNode *node = xml_child_ns(metadata, "state", STATE_URI), *next;

	for (; node; node = next) {
		next = xml_next_ns(node, "state", STATE_URI);
		xml_delete(node);
	}
}

/* NULL also where there is no canonical form: a relative namespace name. */
static char *canonical(const char *xml, size_t len)
{
	struct error err;
	AUTO_XML_DOC xmlDoc *doc = xml_parse(xml, len, &err);
	AUTO_XML_STRING xmlChar *text = NULL;

	if (!doc)
		return NULL;
	drop_states(xml_child(xmlDocGetRootElement(doc), "metadata"));
	if (xmlC14NDocDumpMemory(doc, NULL, XML_C14N_1_0, NULL, 1, &text) < 0)
		return NULL;
	return strdup((const char *)text);
}

/* Everything that is known about one input while it goes its way. */
struct walk {
	struct essence before;
	char *canonical;	/* of the input; NULL: don't compare */
	struct finding *finding;
};

static bool found(const struct walk *walk, const char *why, const enum op *path, int n)
{
	struct finding *f = walk->finding;
	size_t used = 0;

	if (!why || f->why)
		return f->why;
	f->why = why;
	f->path[0] = '\0';
	for (int i = 0; i < n; i++) {
		snprintf(f->path + used, sizeof(f->path) - used, "%s%s", i ? ", " : "",
			 op_names[path[i]]);
		used += strlen(f->path + used);
	}
	return true;
}

/* Whatever a state element said was to be put back: is the disk one that libvirt may give? */
static const char *unknown_to_libvirt(const struct bytes *xml)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err;
	const xmlNode *disk = NULL;

	if (domain_parse(xml->data, xml->len, &domain, &err) == 0 && domain.state.disk[0])
		disk = domain_disk(&domain, domain.state.disk);
	return disk && schema_check_disk(disk, &err) < 0 ?
	       "the disk has something that libvirt never gives" : NULL;
}

/* The last operation of @path is done on @xml. Return: the outcome, checked. */
static struct bytes step(const struct walk *walk, const char *xml, size_t len,
			 const enum op *path, int n)
{
	struct bytes out = rewritten(path[n - 1], xml, len);

	if (out.data) {
		found(walk, broken(&walk->before, out.data, out.len, BAIT_IMAGE), path, n);
		found(walk, unknown_to_libvirt(&out), path, n);
	}
	return out;
}

static void must_be_same(const struct walk *walk, const struct bytes *xml, enum op *path, int n)
{
	struct bytes out;
	char *text;

	path[n++] = OP_RESTORE;
	out = step(walk, xml->data, xml->len, path, n);
	if (!out.data) {
		found(walk, "what was staged can't be restored", path, n);
		return;
	}
	text = walk->canonical ? canonical(out.data, out.len) : NULL;
	if (walk->canonical && !str_eq(text, walk->canonical))
		found(walk, "it did not come back as it was", path, n);
	free(text);
	free(out.data);
}

/* stage, promote, rollback, promote: restored after each of them. Each may be
 * refused, when another disk would become the one to boot from. */
static void there_and_back(const struct walk *walk, const char *xml, size_t len)
{
	static const enum op way[] = { OP_STAGE, OP_PROMOTE, OP_ROLLBACK, OP_PROMOTE };
	enum op path[ARRAY_SIZE(way) + 1];
	struct bytes now = { 0 }, next;

	for (int i = 0; i < (int)ARRAY_SIZE(way); i++) {
		path[i] = way[i];
		next = i ? step(walk, now.data, now.len, path, i + 1) :
		       step(walk, xml, len, path, 1);
		free(now.data);
		now = next;
		if (!now.data)
			return;
		must_be_same(walk, &now, path, i + 1);
	}
	free(now.data);
}

/* libxml2 writes the control characters of a namespace's name as they are, and reads
 * them as blanks: what it does to a document by itself is not our doing. */
static bool libxml2_changes(const struct domain *domain, const struct essence *before)
{
	AUTO_FREE char *again = NULL;
	struct error err;
	size_t len;

	return domain_format(domain, &again, &len, &err) < 0 ||
	       broken(before, again, len, BAIT_IMAGE);
}

static void check_domain(const char *xml, size_t len, struct finding *finding)
{
	struct walk walk = { .finding = finding };
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err;

	finding->why = NULL;
	if (domain_parse(xml, len, &domain, &err) < 0)
		return;
	walk.before = essence_of(xml, len, BAIT_IMAGE);
	if (libxml2_changes(&domain, &walk.before)) {
		free(walk.before.text);
		return;
	}
	if (domain.state_node) {
		/* Forged, or made by earlier steps: it may go wherever the state
		 * sends it, but nothing else may change. */
		for (enum op op = OP_STAGE; op < OP_COUNT; op++)
			free(step(&walk, xml, len, &op, 1).data);
	} else {
		/* A bait that an earlier staging left is taken away for good. */
		if (!domain_bait(&domain))
			walk.canonical = canonical(xml, len);
		there_and_back(&walk, xml, len);
		free(walk.canonical);
	}
	free(walk.before.text);
}

#ifdef FUZZING

#include "tests/treemutate.h"

/* Changes of one input, at most. */
#define CHANGES 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct finding finding;

	check_domain((const char *)data, size, &finding);
	if (finding.why) {
		fprintf(stderr, "%s: %s\n", finding.path, finding.why);
		abort();
	}
	return 0;
}

/* Every other time bytes, as libFuzzer does it by itself. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
	uint64_t dice = (seed + 1ull) * 0x9e3779b97f4a7c15ull;
	struct error err;
	AUTO_XML_DOC xmlDoc *doc = tree_roll(&dice, 2) ?
		xml_parse((const char *)data, size, &err) : NULL;
	AUTO_FREE char *out = NULL;
	size_t len;

	if (!doc)
		return LLVMFuzzerMutate(data, size, room);
	for (unsigned i = 1 + tree_roll(&dice, CHANGES); i; i--)
		tree_mutate(xmlDocGetRootElement(doc), &dice);
	if (xml_format(doc, false, &out, &len, &err) < 0 || len > room)
		return LLVMFuzzerMutate(data, size, room);
	memcpy(data, out, len);
	return len;
}

#else

#include "hook/domain/domain.h"
#include "tests/replay.h"

static void replay(const char *name, const char *bytes, size_t len)
{
	struct finding finding;

	check_domain(bytes, len, &finding);
	if (!ok(!finding.why, "%s", name))
		diag("%s: %s", finding.path, finding.why);
}

int main(int argc, char *argv[])
{
	int rc = replay_all(argc, argv, "domain", replay);

	xmlCleanupParser();
	return rc;
}

#endif
