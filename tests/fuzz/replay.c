/*
 * Runs a fuzz target once over each file that is named, and over each file
 * of each folder that is named: what CI does with the corpora.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
	static uint8_t buf[1 << 20];
	FILE *f = fopen(path, "rb");
	uint8_t *copy;
	size_t n;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	/* an exact heap copy, so that ASan sees a read past the end */
	copy = malloc(n > 0 ? n : 1);
	if (copy == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		copy[i] = buf[i];
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return 1;
}

static int
replay_folder(const char *path)
{
	char name[4096];
	struct dirent *e;
	DIR *d = opendir(path);
	int done = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (replay_file(name) > 0)
			done++;
	}
	closedir(d);
	return done;
}

int
main(int argc, char **argv)
{
	struct stat st;
	int done = 0;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			done += replay_folder(argv[i]);
		else if (replay_file(argv[i]) > 0)
			done++;
	}
	printf("%d inputs replayed\n", done);
	return done > 0 ? 0 : 1;
}
