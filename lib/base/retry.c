#include "base/retry.h"

#include <assert.h>

uint32_t
retry_wait_ms(const struct retry_conf *conf, unsigned failures, uint32_t random)
{
	uint64_t span = conf->first_ms;
	uint64_t half;

	assert(conf->first_ms > 0 && conf->max_ms >= conf->first_ms);
	if (failures == 0)
		return 0;
	for (unsigned i = 1; i < failures && span < conf->max_ms; i++)
		span *= 2;
	if (span > conf->max_ms)
		span = conf->max_ms;
	half = span / 2;
	return (uint32_t)(half + ((span - half + 1) * random >> 32));
}
