/* gsb-backup: the site that serves when the primary cannot. */
#include "site/site.h"

static const struct site_role role = {
	.program = "gsb-backup",
	.name = "backup",
	.number = 2,
	.letter = 'B',
	.gsb_status = "BACKUP",
	.owns_configuration = false,
};

int
main(int argc, char **argv)
{
	return site_main(argc, argv, &role);
}
