#include "gsbctl/manual.h"

#include <string.h>

#include "gsbctl/args.h"

static const char head[] =
    ".TH GSBCTL 1\n"
    ".SH NAME\n"
    "gsbctl \\- the operator's word to gsb-proxy\n"
    ".SH SYNOPSIS\n"
    ".B gsbctl\n"
    "[\\fB\\-\\-connect\\fR \\fISOCKET\\fR]\n"
    "[\\fB\\-\\-format\\fR table|json|tsv] \\fIVERB\\fR ...\n"
    ".SH DESCRIPTION\n"
    "Data goes to standard output, words for the operator to standard\n"
    "error. A verb that changes something needs a reason for the audit log,\n"
    "shows the pair before and after, asks unless \\fB\\-\\-yes\\fR is given,\n"
    "and shows each transition while it waits. \\fB\\-\\-dry\\-run\\fR says "
    "what\n"
    "would happen. An order that takes longer than \\fB\\-\\-wait\\fR goes "
    "on.\n"
    ".SH VERBS AND OPTIONS\n"
    ".nf\n";

static const char foot[] = ".fi\n"
			   ".SH ENVIRONMENT\n"
			   "\\fBGSB_CTL\\fR: the socket of gsb-proxy.\n"
			   "\\fBNO_COLOR\\fR: no colours.\n"
			   ".SH SEE ALSO\n"
			   "docs/operations.md, docs/failover.md\n";

/* roff: a hyphen that can be copied, no line that looks like a request. */
void
manual_page(FILE *to)
{
	bool begins = true;

	fputs(head, to);
	for (const char *c = args_help; *c != '\0'; c++) {
		if (begins && (*c == '.' || *c == '\''))
			fputs("\\&", to);
		if (*c == '-' || *c == '\\')
			fputc('\\', to);
		fputc(*c, to);
		begins = *c == '\n';
	}
	fputs(foot, to);
}

/* Each first word once. */
static void
first_words(FILE *to)
{
	const char *first, *second, *before = "";

	for (size_t i = 0; args_verb_words(i, &first, &second); i++) {
		if (strcmp(first, before) != 0)
			fprintf(to, "%s ", first);
		before = first;
	}
}

static void
second_words(FILE *to)
{
	const char *first, *second, *before = "";

	for (size_t i = 0; args_verb_words(i, &first, &second); i++) {
		if (second == NULL)
			continue;
		if (strcmp(first, before) == 0) {
			fprintf(to, " %s", second);
			continue;
		}
		fprintf(to, "%s    %s) words=\"%s",
			before[0] != '\0' ? "\" ;;\n" : "", first, second);
		before = first;
	}
	fputs("\" ;;\n", to);
}

void
manual_completion(FILE *to)
{
	const char *name;

	fputs("_gsbctl() {\n"
	      "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
	      "    local prev=${COMP_WORDS[COMP_CWORD-1]} words\n"
	      "    case $prev in\n"
	      "    --to) words=\"primary backup\" ;;\n"
	      "    --format) words=\"table json tsv\" ;;\n"
	      "    --service) words=\"web collab\" ;;\n"
	      "    --connect|--password-file|--report)\n"
	      "        COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n",
	      to);
	second_words(to);
	fputs("    *) words=\"", to);
	first_words(to);
	fputs("\" ;;\n    esac\n    [[ $cur == -* ]] && words=\"", to);
	for (size_t i = 0; (name = args_option_name(i)) != NULL; i++)
		fprintf(to, "%s ", name);
	fputs("\"\n"
	      "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "}\n"
	      "complete -F _gsbctl gsbctl\n",
	      to);
}
