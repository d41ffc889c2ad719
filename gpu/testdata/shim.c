// SPDX-License-Identifier: Apache-2.0
//
// A libnvidia-ml.so.1 for tests: what the GPUs say is read from the file that
// $GPU_SHIM names, at each call. Built with -DOLD it lacks what drivers before
// R510 lack, with -DBARE all that can be done without.
//
// Lines of the file: "init N" (return code of nvmlInit), "count N",
// "lost I" (GPU I is lost), "gone" (the driver is), "hang MS" (each reading of
// power takes so long), "denied" (utilisation is not permitted),
// "xid79 SERIAL" (GPU 0 reports that error, once for each serial).

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int ret;
typedef struct { long i; } *device;
enum { OK = 0, UNINIT = 1, NOT_SUPPORTED = 3, NO_PERMISSION = 4, LOST = 15 };

static int has(const char *word, long *value)
{
	char line[128], *path = getenv("GPU_SHIM");
	FILE *f = path ? fopen(path, "r") : NULL;
	int found = 0;
	size_t n = strlen(word);

	while (f && !found && fgets(line, sizeof line, f))
		if (!strncmp(line, word, n) && (line[n] == ' ' || line[n] == '\n' || !line[n])) {
			found = 1;
			if (value)
				*value = atol(line + n);
		}
	if (f)
		fclose(f);
	return found;
}

static ret ask(device d)
{
	char line[32];

	if (has("gone", NULL))
		return UNINIT;
	snprintf(line, sizeof line, "lost%ld", d ? (long)d - 1 : 0);
	return d && has(line, NULL) ? LOST : OK;
}

#define INDEX ((long)d - 1)
#define ASK do { ret r = ask(d); if (r) return r; } while (0)

ret nvmlInit_v2(void) { long n = 0; has("init", &n); return n; }
ret nvmlInitWithFlags(unsigned f) { return nvmlInit_v2(); }
ret nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(ret r) { return "shim"; }
ret nvmlDeviceGetCount_v2(unsigned *n) { long c = 1; if (has("gone", NULL)) return UNINIT; has("count", &c); *n = c; return OK; }
ret nvmlDeviceGetHandleByIndex_v2(unsigned i, device *d) { *d = (device)(long)(i + 1); return ask(*d); }
ret nvmlDeviceGetUUID(device d, char *s, unsigned n) { ASK; snprintf(s, n, "GPU-%ld", INDEX); return OK; }
ret nvmlDeviceGetMemoryInfo(device d, unsigned long long *m) { ASK; m[0] = 80ull << 30; m[1] = 70ull << 30; m[2] = 10ull << 30; return OK; }
#ifndef BARE
ret nvmlSystemGetDriverVersion(char *s, unsigned n) { snprintf(s, n, "580.1"); return OK; }
ret nvmlDeviceGetName(device d, char *s, unsigned n) { ASK; snprintf(s, n, "Shim GPU"); return OK; }
ret nvmlDeviceGetUtilizationRates(device d, unsigned *u) { ASK; if (has("denied", NULL)) return NO_PERMISSION; u[0] = 40; u[1] = 20; return OK; }
ret nvmlDeviceGetPowerUsage(device d, unsigned *v)
{
	long ms;
	ASK;
	if (has("hang", &ms)) {
		struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
		nanosleep(&t, NULL);
	}
	*v = 250500;
	return OK;
}
ret nvmlDeviceGetEnforcedPowerLimit(device d, unsigned *v) { ASK; *v = 700000; return OK; }
ret nvmlDeviceGetTotalEnergyConsumption(device d, unsigned long long *v) { ASK; *v = 123456; return OK; }
ret nvmlDeviceGetTemperature(device d, int s, unsigned *v) { ASK; *v = 61; return OK; }
ret nvmlDeviceGetFanSpeed(device d, unsigned *v) { ASK; return NOT_SUPPORTED; }
ret nvmlDeviceGetClockInfo(device d, int k, unsigned *v) { ASK; *v = 1000 + 100 * k; return OK; }
ret nvmlDeviceGetPerformanceState(device d, int *v) { ASK; *v = 2; return OK; }
ret nvmlDeviceGetTotalEccErrors(device d, int e, int c, unsigned long long *v) { ASK; *v = 10 * e + c; return OK; }
ret nvmlDeviceGetCurrentClocksThrottleReasons(device d, unsigned long long *v) { ASK; *v = 4; return OK; }
ret nvmlDeviceGetSupportedClocksThrottleReasons(device d, unsigned long long *v) { ASK; *v = 1 | 4 | 8; return OK; }
ret nvmlEventSetCreate(void **s) { *s = (void *)1; return OK; }
ret nvmlEventSetFree(void *s) { return OK; }
ret nvmlDeviceGetSupportedEventTypes(device d, unsigned long long *v) { ASK; *v = 8; return OK; }
ret nvmlDeviceRegisterEvents(device d, unsigned long long t, void *s) { ASK; return OK; }
ret nvmlEventSetWait_v2(void *s, void *p, unsigned ms)
{
	static long told;
	struct { device d; unsigned long long type, data; unsigned gi, ci; } *e = p;
	struct timespec t = { 0, 20 * 1000000 };
	long serial = 0, code = 0;

	if (has("xid79", &serial))
		code = 79;
	else if (has("xid48", &serial))
		code = 48;
	if (code && serial != told) {
		told = serial;
		e->d = (device)1; e->type = 8; e->data = code;
		return OK;
	}
	nanosleep(&t, NULL);
	return 10; /* timeout */
}
#ifndef OLD
ret nvmlDeviceGetMemoryInfo_v2(device d, void *p)
{
	unsigned long long *m = (unsigned long long *)((char *)p + 8);
	ASK;
	m[0] = 80ull << 30; m[1] = 1ull << 30; m[2] = 10ull << 30; m[3] = 69ull << 30;
	return OK;
}
ret nvmlDeviceGetCurrentClocksEventReasons(device d, unsigned long long *v) { ASK; *v = 8; return OK; }
ret nvmlDeviceGetRemappedRows(device d, unsigned *c, unsigned *u, unsigned *p, unsigned *f) { ASK; *c = 3; *u = 1; *p = 1; *f = 0; return OK; }
ret nvmlDeviceGetComputeRunningProcesses_v3(device d, unsigned *n, void *p)
{
	struct { unsigned pid; unsigned long long used; unsigned gi, ci; } *info = p;
	ASK;
	if (*n < 2) {
		*n = 2;
		return 7; /* insufficient size */
	}
	*n = 2;
	info[0].pid = 4242; info[0].used = 5ull << 30;
	info[1].pid = 4243; info[1].used = ~0ull; /* not available */
	return OK;
}
#endif
#endif
