#include "proxy/wheel.h"

#include <stdlib.h>

#include "base/unit.h"
#include "proxy/block.h"

enum { N = 2000 };
static struct wheel wheel;
static struct wheel_node nodes[N];
static int64_t due[N], now_ms;
static unsigned fired, early, late;

static void
on_due(struct wheel_node *n)
{
	size_t i = (size_t)(n - nodes);

	fired++;
	early += now_ms < due[i];
	late += now_ms > due[i] + WHEEL_TICK_MS + 150;
	due[i] = INT64_MAX;
}

static void
move(size_t i)
{
	int64_t in_ms = rand() % 120000;

	if (rand() % 8 == 0) {
		wheel_clear(&nodes[i]);
		due[i] = INT64_MAX;
	} else if (rand() % 8 == 0) {
		wheel_remove(&nodes[i]);
		due[i] = INT64_MAX;
	} else {
		due[i] = now_ms + in_ms;
		wheel_set(&wheel, &nodes[i], due[i]);
	}
}

/* Moved about at random, each fires once, not early and hardly late. */
static void
test_random(void **state)
{
	unsigned left = 0;

	srand(1);
	now_ms = 12345;
	wheel_init(&wheel, now_ms);
	for (size_t i = 0; i < N; i++) {
		wheel_node_init(&nodes[i], on_due);
		due[i] = INT64_MAX;
	}
	for (int turn = 0; turn < 3000; turn++) {
		for (int k = 0; k < 10; k++)
			move((size_t)rand() % N);
		now_ms += rand() % 150;
		wheel_turn(&wheel, now_ms);
	}
	for (size_t i = 0; i < N; i++)
		left += due[i] != INT64_MAX;
	assert_true(fired > 1000 && left > 10);
	fired = 0;
	for (int turn = 0; turn < 1300; turn++) {
		now_ms += 100;
		wheel_turn(&wheel, now_ms);
	}
	assert_int_equal(fired, left);
	assert_int_equal(early, 0);
	assert_int_equal(late, 0);
}

/* The machine slept: everything that is due comes, in one turn. */
static void
test_jump(void **state)
{
	fired = 0;
	for (size_t i = 0; i < 100; i++) {
		due[i] = now_ms + (int64_t)i * 1000;
		wheel_set(&wheel, &nodes[i], due[i]);
	}
	now_ms += 10000000;
	wheel_turn(&wheel, now_ms);
	assert_int_equal(fired, 100);
}

static void
test_blocks(void **state)
{
	struct blocks b = { 0 };
	struct block *a = block_get(&b, 10), *again, *big = NULL;
	char text[5000];

	assert_int_equal(a->cap, BLOCK_SMALL);
	again = a;
	block_put(&b, &a);
	assert_null(a);
	a = block_get(&b, BLOCK_SMALL);
	assert_ptr_equal(a, again); /* no malloc on the way */
	a->next = block_get(&b, BLOCK_LARGE);
	a->next->next = block_get(&b, BLOCK_LARGE + 1);
	assert_true(a->next->next->cap > BLOCK_LARGE);
	block_put(&b, &a); /* the chain */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	for (int i = 0; i < 20; i++)
		block_append(&b, &big, text, sizeof(text));
	assert_int_equal(big->len, 100000);
	block_consume(big, 95001);
	assert_int_equal(big->len, 4999);
	assert_memory_equal(big->at, text + 1, 4999);
	block_put(&b, &big);
	block_put(&b, &big);
	blocks_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
