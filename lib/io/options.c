#include "io/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const char *const level_names[] = { "debug", "info", "warn", "error",
					   NULL };

const struct conf_key options_log_level = {
	.section = "log",
	.key = "level",
	.kind = CONF_ENUM,
	.def = "info",
	.help = "what to log: debug, info, warn or error",
	.names = level_names,
};

enum {
	OPTION_CHECK = 256,
	OPTION_SET,
	OPTION_PID_FILE,
	OPTION_SAMPLE,
	OPTION_VERSION,
	OPTION_OWN /* and those behind it: the program's table */
};

static const struct option common[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "set", required_argument, NULL, OPTION_SET },
	{ "pid-file", required_argument, NULL, OPTION_PID_FILE },
	{ "sample", no_argument, NULL, OPTION_SAMPLE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPTION_VERSION },
};
#define NCOMMON (sizeof(common) / sizeof(common[0]))

static unsigned
count_own(const struct service *s)
{
	unsigned n = 0;

	while (s->options != NULL && s->options[n].name != NULL)
		n++;
	return n;
}

/* Given: common options, then the program's. */
static struct option *
make_table(const struct service *s)
{
	unsigned nown = count_own(s);
	struct option *table = mem_array(struct option, NCOMMON + nown + 1);

	memcpy(table, common, sizeof(common));
	for (unsigned i = 0; i < nown; i++) {
		struct option *o = &table[NCOMMON + i];

		o->name = s->options[i].name;
		o->has_arg = s->options[i].value != NULL ? required_argument
							 : no_argument;
		o->val = OPTION_OWN + (int)i;
	}
	return table;
}

static void
print_help(const struct service *s)
{
	printf("%s - %s\n\n"
	       "usage: %s [OPTION]... [WORD]...\n"
	       "  -c, --config FILE      the configuration\n"
	       "  --check                read it, say OK or what is wrong\n"
	       "  --set SECTION.KEY=VALUE  override it; repeatable\n"
	       "  --pid-file FILE        write the process id there\n"
	       "  --sample               print a commented configuration\n"
	       "  --help, --version\n",
	       s->name, s->about != NULL ? s->about : "", s->name);
	for (unsigned i = 0; i < count_own(s); i++)
		printf("  --%s%s%s\n      %s\n", s->options[i].name,
		       s->options[i].value != NULL ? " " : "",
		       s->options[i].value != NULL ? s->options[i].value : "",
		       s->options[i].help);
}

static enum options_result
take(struct options *o, int option, const struct service *s)
{
	switch (option) {
	case 'c':
		o->config = optarg;
		return OPTIONS_RUN;
	case OPTION_CHECK:
		o->check = true;
		return OPTIONS_RUN;
	case OPTION_SET:
		o->settings[o->nsettings++] = optarg;
		return OPTIONS_RUN;
	case OPTION_PID_FILE:
		o->pid_file = optarg;
		return OPTIONS_RUN;
	case OPTION_SAMPLE:
		conf_print_sample(stdout, s->keys, s->nkeys);
		conf_print_sample(stdout, &options_log_level, 1);
		return OPTIONS_DONE;
	case OPTION_VERSION:
		printf("%s %s\n", s->name, GSB_VERSION);
		return OPTIONS_DONE;
	case 'h':
		print_help(s);
		return OPTIONS_DONE;
	case '?':
	case ':':
		fprintf(stderr, "%s: see --help\n", s->name);
		return OPTIONS_BAD;
	default:
		*s->options[option - OPTION_OWN].text = optarg != NULL ? optarg
								       : "";
		return OPTIONS_RUN;
	}
}

enum options_result
options_read(struct options *o, int argc, char **argv,
	     const struct service *service)
{
	struct option *table = make_table(service);
	enum options_result result = OPTIONS_RUN;
	int option;

	*o = (struct options){ 0 };
	o->settings = mem_array(const char *, (size_t)argc + 1);
	optind = 1;
	while (result == OPTIONS_RUN &&
	       (option = getopt_long(argc, argv, "c:h", table, NULL)) != -1)
		result = take(o, option, service);
	o->words = argv + optind;
	mem_free(table);
	return result;
}

void
options_fini(struct options *o)
{
	mem_free(o->settings);
	o->settings = NULL;
}
