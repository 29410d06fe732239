/* Random numbers: words of 64 bits, numbers in (0, 1), exponential and normal variates.

   A generator is a place on a Weyl sequence of 64 bits, and its words are the places it passes, mixed (SplitMix64:
   Steele, Lea & Flood, OOPSLA 2014, with the mixing of Stafford's variant 13). Any word is found without those before
   it, so that neurons may be worked on in any order: in step s neuron i of n begins with word s n + i of the network,
   and what else it needs in that step it draws from the generator that begins with this word.
   Normal variates by the ziggurat of Marsaglia & Tsang (J. Stat. Softw. 5:8, 2000), with layer, sign and abscissa from
   different bits (Doornik 2005). felif/particles/random_numbers.py draws the same numbers. */
#include <stdint.h>

#define GOLDEN 0x9e3779b97f4a7c15u
#define ZIGGURAT_LAYERS 256
#define ZIGGURAT_TAIL 3.6541528853610088 /* where the lowest layer ends */
enum { EDGE, RATIO, HEIGHT, ZIGGURAT_COLUMNS };

static inline uint64_t mixed(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t drawn(uint64_t *generator) { return mixed(*generator += GOLDEN); }

/* A number in (0, 1). */
static inline double uniform(uint64_t *generator) {
    return ((double)(int64_t)(drawn(generator) >> 11) + 0.5) * 0x1p-53;
}

static inline double exponential(uint64_t *generator) { return -log(uniform(generator)); }

/* 52 bits of a word as a number in [0, 1). */
static inline double abscissa(uint64_t word) {
    union { uint64_t bits; double number; } one = {(word >> 12) | 0x3ff0000000000000u};
    return one.number - 1.0;
}

static inline double signed_by(uint64_t word, double x) { return word & 256 ? -x : x; }

/* The standard normal variate that belongs to a word. */
static double normal_of(const double *ziggurat, uint64_t word) {
    uint64_t more = ~word;
    for (;; word = drawn(&more)) {
        const int layer = word & (ZIGGURAT_LAYERS - 1);
        const double *row = ziggurat + layer * ZIGGURAT_COLUMNS, u = abscissa(word), x = u * row[EDGE];
        if (u < row[RATIO]) return signed_by(word, x);
        if (layer == 0) {
            for (;;) {
                const double beyond = exponential(&more) / ZIGGURAT_TAIL;
                if (2.0 * exponential(&more) > beyond * beyond) return signed_by(word, ZIGGURAT_TAIL + beyond);
            }
        }
        const double low = row[HEIGHT], high = row[ZIGGURAT_COLUMNS + HEIGHT];
        if (low + uniform(&more) * (high - low) < exp(-0.5 * x * x)) return signed_by(word, x);
    }
}
