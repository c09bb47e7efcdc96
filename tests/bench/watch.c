/* Measures from outside what no file of /proc tells of a program: the turns of its loop, each from the return of epoll_wait
 * on the first thread to its next call (what waits for the loop waits for at most one turn), how often it has a file or a
 * directory synced, and, when it is asked for, how much it has allocated and not freed: what is resident tells besides what
 * the allocator keeps. Loaded with LD_PRELOAD; writes into the file that WATCHED names, which the one who measures reads,
 * and zeroes to begin anew. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Nanoseconds of the longest turn: of a processor, and as a clock on the wall has it; how many turns there were, and how
 * many syncs; not 0 while the bytes that are in use are asked for, and these. */
struct seen {
	uint64_t processor, wall, turns, syncs, asked, in_use;
};

static struct seen *seen;
static int (*wait_for_events)(int, struct epoll_event *, int, int);
static int (*sync_file)(int), (*sync_data)(int);
static uint64_t began_processor, began_wall;

static uint64_t now(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("WATCHED");
	int file = path ? open(path, O_RDWR) : -1;
	wait_for_events = dlsym(RTLD_NEXT, "epoll_wait");
	sync_file = dlsym(RTLD_NEXT, "fsync");
	sync_data = dlsym(RTLD_NEXT, "fdatasync");
	if (file < 0)
		return;
	void *place = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (place != MAP_FAILED)
		seen = place;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
	int is_loop = seen && gettid() == getpid();
	if (is_loop && began_wall) {
		uint64_t processor = now(CLOCK_THREAD_CPUTIME_ID) - began_processor;
		uint64_t wall = now(CLOCK_MONOTONIC) - began_wall;
		if (processor > seen->processor)
			seen->processor = processor;
		if (wall > seen->wall)
			seen->wall = wall;
		seen->turns++;
	}
	if (is_loop && __atomic_load_n(&seen->asked, __ATOMIC_ACQUIRE)) {
		struct mallinfo2 heap = mallinfo2();
		seen->in_use = heap.uordblks + heap.hblkhd;
		__atomic_store_n(&seen->asked, 0, __ATOMIC_RELEASE);
	}
	int found = wait_for_events(epoll, events, most, timeout);
	if (is_loop) {
		began_processor = now(CLOCK_THREAD_CPUTIME_ID);
		began_wall = now(CLOCK_MONOTONIC);
	}
	return found;
}

static void count_sync(void)
{
	if (seen)
		__atomic_fetch_add(&seen->syncs, 1, __ATOMIC_RELAXED);
}

int fsync(int file)
{
	count_sync();
	return sync_file(file);
}

int fdatasync(int file)
{
	count_sync();
	return sync_data(file);
}
