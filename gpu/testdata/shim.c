// SPDX-License-Identifier: Apache-2.0
//
// A libnvidia-ml.so.1 for tests: what the GPUs say is read from the file that
// $GPU_SHIM names, at each call. Built with -DOLD it lacks what drivers before
// R510 lack, with -DBARE all that can be done without.
//
// Lines of the file: "init N" (return code of nvmlInit), "count N",
// "lost I" (GPU I is lost), "gone" (the driver is), "hang MS" (each reading of
// power takes so long), "denied" (utilisation is not permitted),
// "xid79 SERIAL" (GPU 0 reports that error, once for each serial), "nvlink N"
// (each GPU has so many, the last of them down), "nvlink5" (which count their
// bytes themselves), "mig" (GPUs are split: two GPU instances, the first with
// two compute instances), "remade" (which are others than before, of the same
// numbers), "wait N" (return code of each wait for an event; a byte is added to
// the file $GPU_SHIM_WAITS for each), "nogpm" (as before Hopper), "busy P" (utilisation in
// the samples of the driver), "narrow" (PCIe bytes are counted in 32 bits).

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int ret;
typedef struct { long i; } *device;
typedef unsigned long long u64;
typedef struct { unsigned id, scope; long long at, took; unsigned type, ret; union { double d; unsigned u; u64 l; } v; } field;
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
	snprintf(line, sizeof line, "lost%ld", d ? ((long)d - 1) % 100 : 0);
	return d && has(line, NULL) ? LOST : OK;
}

#define INDEX (((long)d - 1) % 100) /* MIG devices are 100 and more */
#define PART (((long)d - 1) / 100)
#define ASK do { ret r = ask(d); if (r) return r; } while (0)

ret nvmlInit_v2(void) { long n = 0; has("init", &n); return n; }
ret nvmlInitWithFlags(unsigned f) { return nvmlInit_v2(); }
ret nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(ret r) { return "shim"; }
ret nvmlDeviceGetCount_v2(unsigned *n) { long c = 1; if (has("gone", NULL)) return UNINIT; has("count", &c); *n = c; return OK; }
ret nvmlDeviceGetHandleByIndex_v2(unsigned i, device *d) { *d = (device)(long)(i + 1); return ask(*d); }
ret nvmlDeviceGetUUID(device d, char *s, unsigned n) { ASK; snprintf(s, n, PART ? "MIG-%ld-%ld%s" : "GPU-%ld", INDEX, PART, PART && has("remade", NULL) ? "-again" : ""); return OK; }
ret nvmlDeviceGetMemoryInfo(device d, unsigned long long *m) { ASK; m[0] = 80ull << 30; m[1] = 70ull << 30; m[2] = 10ull << 30; return OK; }
#ifndef BARE
ret nvmlSystemGetDriverVersion(char *s, unsigned n) { snprintf(s, n, "580.1"); return OK; }
ret nvmlDeviceGetName(device d, char *s, unsigned n) { ASK; snprintf(s, n, PART ? "Shim GPU MIG %ldg.10gb" : "Shim GPU", PART == 3 ? 2l : 1l); return OK; }
ret nvmlSystemGetCudaDriverVersion(int *v) { *v = 13010; return OK; }
ret nvmlDeviceGetPciInfo_v3(device d, void *p) { ASK; memset(p, 0, 16); snprintf((char *)p + 36, 32, "00000000:%02lX:00.0", 0x17 + INDEX); return OK; }
ret nvmlDeviceGetMaxClockInfo(device d, int k, unsigned *v) { ASK; *v = 2000 + 100 * k; return OK; }
ret nvmlDeviceGetTemperatureThreshold(device d, int k, unsigned *v) { ASK; if (k > 1) return NOT_SUPPORTED; *v = 92 - 3 * k; return OK; }
ret nvmlDeviceGetMaxPcieLinkGeneration(device d, unsigned *v) { ASK; *v = 5; return OK; }
ret nvmlDeviceGetCurrPcieLinkGeneration(device d, unsigned *v) { ASK; *v = 4; return OK; }
ret nvmlDeviceGetMaxPcieLinkWidth(device d, unsigned *v) { ASK; *v = 16; return OK; }
ret nvmlDeviceGetCurrPcieLinkWidth(device d, unsigned *v) { ASK; *v = 8; return OK; }
ret nvmlDeviceGetRetiredPages(device d, int cause, unsigned *n, u64 *p)
{
	ASK;
	if (cause == 0 && *n < 2) {
		*n = 2;
		return 7;
	}
	*n = cause == 0 ? 2 : 0;
	return OK;
}
ret nvmlDeviceGetRetiredPagesPendingStatus(device d, int *v) { ASK; *v = 1; return OK; }
ret nvmlDeviceGetNvLinkState(device d, unsigned link, int *up)
{
	long n = 0;
	ASK;
	has("nvlink", &n);
	if (link >= n)
		return 2; /* invalid argument */
	*up = link != n - 1;
	return OK;
}
ret nvmlDeviceGetNvLinkErrorCounter(device d, unsigned link, int kind, u64 *v) { ASK; if (kind > 2) return NOT_SUPPORTED; *v = 10 * link + kind; return OK; }
ret nvmlDeviceGetSamples(device d, int kind, u64 last, int *type, unsigned *n, void *p)
{
	static u64 at[8];
	struct { u64 at; union { unsigned u; u64 l; } v; } *s = p;
	long busy;
	ASK;
	if (!has("busy", &busy))
		return 6; /* not found: idle */
	*type = 1;
	if (!p) {
		*n = 4;
		return OK;
	}
	/* two new ones, one of before, and a place without one */
	s[0].at = at[INDEX] + 1; s[0].v.u = busy - 10;
	s[1].at = at[INDEX] + 2; s[1].v.u = busy + 10;
	s[2].at = last; s[2].v.u = 100;
	s[3].at = 0; s[3].v.u = 100;
	at[INDEX] += 2;
	*n = 4;
	return OK;
}
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
	char *waits = getenv("GPU_SHIM_WAITS");

	if (waits && has("wait", &code)) {
		FILE *f = fopen(waits, "a");
		fputc('.', f);
		fclose(f);
		if (code == 10)
			nanosleep(&t, NULL);
		return code;
	}
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
ret nvmlDeviceGetFieldValues(device d, int n, field *f)
{
	ASK;
	for (int i = 0; i < n; i++) {
		int five = has("nvlink5", NULL);

		f[i].ret = OK;
		f[i].type = 3;
		switch (f[i].id) {
		case 82: f[i].type = 1; f[i].v.l = ~0ull; f[i].v.u = 71; break;
		case 74: f[i].v.l = 1500000000ull; break;
		case 269: f[i].type = 0; f[i].v.d = 2.5e9; break;
		case 270: f[i].ret = NOT_SUPPORTED; f[i].v.l = 7; break;
		case 197: f[i].v.l = 1ull << 40; f[i].type = has("narrow", NULL) ? 1 : 3; break;
		case 198: f[i].v.l = 2ull << 40; f[i].type = has("narrow", NULL) ? 1 : 3; break;
		case 230: f[i].type = 1; f[i].v.u = 1; break;
		case 138: case 139: f[i].v.l = 1000 * (f[i].id - 137); f[i].ret = five || f[i].scope != ~0u ? NOT_SUPPORTED : OK; break;
		case 202: case 204: f[i].v.l = f[i].id + f[i].scope; f[i].ret = five ? OK : NOT_SUPPORTED; break;
		case 271: f[i].type = 99; break;
		case 76: f[i].type = 4; f[i].v.l = -1; break;
		default: f[i].ret = NOT_SUPPORTED;
		}
	}
	return OK;
}
ret nvmlDeviceGetMigMode(device d, unsigned *now, unsigned *then) { ASK; *now = *then = has("mig", NULL); return OK; }
ret nvmlDeviceGetMaxMigDeviceCount(device d, unsigned *n) { ASK; *n = 7; return OK; }
ret nvmlDeviceGetMigDeviceHandleByIndex(device d, unsigned i, device *m)
{
	static const int part[7] = { 1, 0, 2, 3, 0, 0, 0 };
	ASK;
	if (!part[i])
		return 6; /* not found */
	*m = (device)((long)d + 100 * part[i]);
	return OK;
}
ret nvmlDeviceGetGpuInstanceId(device d, unsigned *v) { ASK; *v = PART == 3 ? 9 : 7; return OK; }
ret nvmlDeviceGetComputeInstanceId(device d, unsigned *v) { ASK; *v = PART == 2; return OK; }
ret nvmlGpmQueryDeviceSupport(device d, unsigned *p) { ASK; p[1] = !has("nogpm", NULL); return OK; }
static int samples; /* that are allocated */
ret nvmlGpmSampleAlloc(long **s) { *s = calloc(1, 64); samples++; return OK; }
ret nvmlGpmSampleFree(long *s) { free(s); samples--; return OK; }
ret nvmlGpmSampleGet(device d, long *s) { static long n; ASK; s[0] = ++n; s[1] = 0; return OK; }
ret nvmlGpmMigSampleGet(device d, unsigned gi, long *s) { static long n; ASK; s[0] = ++n; s[1] = gi; return OK; }
ret nvmlGpmMetricsGet(void *p)
{
	struct { unsigned version, n; long *a, *b; struct { unsigned id, ret; double v; char *info[3]; } m[]; } *g = p;

	if (g->b[0] <= g->a[0] || g->b[1] != g->a[1] || samples > 20)
		return 2;
	for (unsigned i = 0; i < g->n; i++) {
		g->m[i].ret = g->m[i].id == 3 ? NOT_SUPPORTED : OK;
		g->m[i].v = g->m[i].id == 5 ? 250 : 10 * g->m[i].id + g->a[1] / 10.0;
	}
	return OK;
}
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
	info[0].pid = 4242 + 10 * PART; info[0].used = 5ull << 30;
	info[1].pid = 4243; info[1].used = ~0ull; /* not available */
	return OK;
}
#endif
#endif
