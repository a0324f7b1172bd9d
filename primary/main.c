/* gsb-primary: the site that serves when all is well. */
#include "site/site.h"

static const struct site_role role = {
	.program = "gsb-primary",
	.name = "primary",
	.number = 1,
	.letter = 'P',
	.gsb_status = "PRIMARY",
	.owns_configuration = true,
};

int
main(int argc, char **argv)
{
	return site_main(argc, argv, &role);
}
