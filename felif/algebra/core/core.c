/* The compiled core, once for every x86-64 processor and once for those with AVX2 and FMA; which runs is decided when
   it is called. No Python here: what it is given and gives back is in core.h. */
#define _POSIX_C_SOURCE 199309L /* nanosleep */
#include "core.h"
#include "network.h"
#include "planes.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "lanes.h"
#include "random.h"

#define NAME(function) baseline_##function
#define WIDTH 2 /* doubles worked on at once */
#include "condensed.h"
#include "scalars.h"
#include "step.h"
#include "resolution.h"
#include "burst.h"
#include "neurons.h"
#include "lines.h"
#include "across.h"
#include "shifted.h"
#include "chain.h"
#undef NAME
#undef WIDTH
#undef LOAD
#undef STORE

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_AVX2 1
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define NAME(function) avx2_##function
#define WIDTH 4
#include "condensed.h"
#include "scalars.h"
#include "step.h"
#include "resolution.h"
#include "burst.h"
#include "neurons.h"
#include "lines.h"
#include "across.h"
#include "shifted.h"
#include "chain.h"
#undef NAME
#undef WIDTH
#undef LOAD
#undef STORE
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

/* Each call goes to the widest version that the processor has. */
#ifdef HAS_AVX2
static int is_wide(void) {
    static int known = -1;
    if (known < 0) {
        __builtin_cpu_init();
        known = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    }
    return known;
}
#define DISPATCH(call) (is_wide() ? avx2_##call : baseline_##call)
#else
static int is_wide(void) { return 0; }
#define DISPATCH(call) baseline_##call
#endif

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

EXPORTED long felif_work(const System *s) {
    Work unused;
    return baseline_arrange(s, 0, &unused);
}

EXPORTED int felif_burst(const System *s, const Scheme *scheme, const Inputs *in, Progress *p, Steps *out, double *y,
                         double *work) {
    return DISPATCH(burst(s, scheme, in, p, out, y, work));
}

EXPORTED int felif_solve(const System *s, const double *c, double shift, const double *b, double *x, int count,
                         double *work) {
    return DISPATCH(solve_many(s, c, shift, b, x, count, work));
}

#define ADVANCE(n, k) DISPATCH(chunk(n, k))
#include "stepping.h"

EXPORTED void felif_help(Neurons *n) { help(n); }

EXPORTED void felif_advance(Neurons *n) {
    advance(n);
    release(n);
}

EXPORTED int felif_network(Network *n) {
    const int how = run_network(n);
    release(n->neurons);
    return how;
}

EXPORTED void felif_normals(const double *ziggurat, uint64_t place, int64_t count, double *values) {
    for (int64_t k = 0; k < count; k += BLOCK)
        DISPATCH(normals(ziggurat, place + (uint64_t)k * GOLDEN, (int)(count - k < BLOCK ? count - k : BLOCK),
                         values + k));
}

EXPORTED int64_t felif_lines_envelope(Lines *s) {
    const int64_t columns = 2 * s->w + 1;
    int64_t total = 0;
    for (int64_t i = 0; i < s->n; i++) {
        int64_t low = s->own ? s->w : 0, high = low;
        for (int64_t d = -s->w; d <= s->w; d++)
            for (int64_t k = 0; k < s->kinds && !s->own; k++) {
                if (s->bands[(k * s->n + i) * columns + s->w + d] == 0.0) continue;
                low = -d > low ? -d : low;
                high = d > high ? d : high;
            }
        low = low < i ? low : i;
        for (int64_t r = i - low; r < i; r++) /* what elimination fills in */
            high = r + s->high[r] - i > high ? r + s->high[r] - i : high;
        s->low[i] = low;
        s->high[i] = high < s->n - 1 - i ? high : s->n - 1 - i;
        s->start[i] = total;
        total += s->low[i] + 1 + s->high[i];
    }
    return s->start[s->n] = total;
}

EXPORTED double felif_lines_factor(const Lines *s, double shift, const double *mass, double *factors, double *work) {
    return DISPATCH(lines_factor(s, shift, mass, factors, work));
}

EXPORTED void felif_lines_solve(const Lines *s, const double *factors, const double *b, const double *scale,
                                int64_t count, const double *rows, const double *correction, double *x, double *work) {
    DISPATCH(lines_solve(s, factors, b, scale, count, rows, correction, x, work));
}

EXPORTED void felif_lines_multiply(const Lines *s, const double *x, double *y) { DISPATCH(lines_multiply(s, x, y)); }

EXPORTED void felif_polynomial_cells(const Across *s, const double *p, double *out) {
    DISPATCH(polynomial_cells(s, p, out));
}

EXPORTED void felif_limited_slopes(const Across *s, const double *p, double *out) {
    DISPATCH(limited_slopes(s, p, out));
}

EXPORTED void felif_suspects(const Across *s, const double *p, const double *table, int count, double floor,
                             int64_t *suspect) {
    DISPATCH(suspects(s, p, table, count, floor, suspect));
}

EXPORTED void felif_resolvents(const Shifted *s, const double *shifts, int64_t count, double *K, double *left,
                               double *work) {
    DISPATCH(resolvents(s, shifts, count, K, left, work));
}

EXPORTED int64_t felif_krylov(const Shifted *s, double shift, int64_t steps, int64_t padded, double *V, double *H,
                              double *work) {
    return DISPATCH(krylov(s, shift, steps, padded, V, H, work));
}

EXPORTED void felif_chain(const Chain *c, const double *start, const double *right, double *out) {
    DISPATCH(chain(c, start, right, out));
}

EXPORTED void felif_chain_piece(const Chain *c, int64_t piece, double *x) { DISPATCH(band_lu_solve(c, piece, x)); }

EXPORTED const char *felif_instructions(void) { return is_wide() ? "avx2" : "baseline"; }

/* The shared object is built as an extension module and opened with ctypes: nobody imports it. */
EXPORTED void *PyInit__core(void) { return 0; }
