/* What the caller hands to the compiled core: a semi-discrete system on condensed cells, and a run through it.

   M dy/dt = F(t, y) = sum_m c_m A_m y + sum_z z f_z,      c_m = sum_z weights[m][z] z
   0 = g_a = sum_z z (r_za . y + rho_za) - [integral_a] N_a

   The vector z holds, in this order: 1, the inputs, the differential scalars (which stand in y), the algebraic
   scalars N (which do not: g = 0 is solved for them, a small linear system).

   Unknowns are kept as y[node][lane]: a lane is a cell, its nodes 0 ... degree-1 its own, the last one is node 0 of the
   next lane. A field ends with a lane that has only node 0: its last node, or none where the density vanishes there.
   Differential scalars are node 0 of lanes of their own. Places that are no unknown have mass 1 and nothing else.
   The number of lanes is a multiple of LANES, and the last lane is no cell. */
#ifndef FELIF_CORE_H
#define FELIF_CORE_H

#include <stdint.h>

#define LANES 4            /* of which the number of lanes is a multiple */
#define HIGHEST_DEGREE 16
#define MOST_ALGEBRAIC 16
#define MOST_BY_ROUTH 6    /* algebraic scalars whose existence is decided by a characteristic polynomial */
#define MOST_SCALARS 24    /* algebraic and differential */
#define MOST_Z 48
#define STAGES 8           /* of the Rosenbrock scheme */
#define DENSE 3            /* coefficients of its dense output */
#define PAST_NODES 7       /* of the interpolation of a delayed scalar within a step */

enum { FIXED_INPUT, CALLED_INPUT, DELAYED_INPUT };

/* An input, or a scalar before the start, at time t. NaN: there is no value, and the caller knows why. */
typedef double (*input_function)(int which, double t);

typedef struct {
    int degree, lanes, size;
    int inputs, differential, algebraic;
    int matrices, invariants, ends, layers, arriving, arriving_places, fields, cells;
    int worthwhile;                  /* mergeable pairs from which cells are given back; -1: never */
    int relative;                    /* whether what `tops` allows is to be multiplied by the largest value of a field */
    const double *A;                 /* [matrices][(degree+1)^2][lanes]; the first has the constant part */
    const double *weights;           /* [matrices][z] */
    const double *mass;              /* [degree][lanes] */
    const double *rows;              /* [z][algebraic][degree][lanes] */
    const int *rows_lanes;           /* [z][algebraic][2]: the lanes with entries, first and end, multiples of LANES */
    const double *numbers;           /* [z][algebraic] */
    const int *source_start;         /* [z + 1] */
    const int *source_place;
    const double *source_value;
    const double *integral;          /* [algebraic]: 1 for a scalar that is an integral, 0 for a flux */
    const int *differential_place;   /* [differential] */
    const int *place;                /* [size]: where the entries of the caller's y stand */
    const double *invariant_weights; /* [invariants][degree][lanes] */
    const double *invariant_carriers;
    /* when the mesh is to be looked at; tops is NULL for a mesh that stays */
    const double *tops;              /* [2][degree+1][lanes]: rows of the two highest modes over what is allowed */
    const int *pairs;                /* [cells - 1]: neighbours that may become one cell */
    const int *first_lane;           /* [fields] */
    const int *end_place;            /* [ends] */
    const double *end_limit;         /* [ends]: largest |y| there; of the size of the field, where that counts */
    const double *layer_table;       /* [layers][1 + 2 z]: cell width over widths allowed, drift, noise */
    double undershoot;               /* largest -min y / max y */
    double smooth;                   /* sum of the two highest modes, so scaled, of cells that could be merged */
    /* neurons that the drift carries to V_F: speed[1 + inputs][arriving] at nodes, and noise[1 + inputs] at V_F */
    const double *speed, *arriving_noise;
    const int *arriving_place;       /* [arriving_places][2]: (place in y, node) */
    double spread;                   /* times the noise: the drift at V_F below which noise rules */
} System;

/* The control of the step: see Control of felif/evolution/tuning.py */
typedef struct {
    double floor, count, rising, arriving, first, first_of_span, from_nothing, safety, smallest, largest,
        after_first, upward, least_error, least_first_error, least_kept, refused_smallest, refused_largest,
        failed, whole, shortest_ulps, first_ulps, layer, longer, first_change, rounding;
} Control;

typedef struct {
    double t, h;                     /* h is NaN where the first step is to be chosen */
    double end, low, high;           /* steps land on end; inputs are looked at within [low, high] */
    double rtol, accepted_rtol, atol;/* of the norm; the user's, for steps that cannot be shorter */
    double span, max_step, N_max;
    double shortest, layer, tiny;
    double control_error, control_step;
    double rounding, failure_value;
    double past_start;
    int control_rejected, control_starting;
    int fixed, rate;                 /* rate: which scalar is compared with N_max, -1 for none */
    int capacity, made, rejected, factorisations, failure;
    int known;                       /* steps of the past; -1 without delayed inputs */
    int until_coarsening, coarsening_every; /* steps until pairs are counted, and from then on */
    int longest_pause;               /* of steps between two counts, which doubles after a count in vain */
    int finer, coarser;              /* whether the last state may ask for a finer, or a coarser, mesh */
    Control control;
} Progress;

typedef struct {
    const double *a, *C, *b, *c, *d, *H; /* a, C [STAGES][STAGES]; H [DENSE][STAGES] */
    double gamma, exponent;              /* exponent: 1/(order of the error + 1) */
} Scheme;

typedef struct {
    input_function called;
    const int *kind;                 /* [inputs] */
    const double *value;             /* [inputs]: of those that are fixed; the delay of those that are delayed */
    const int *scalar;               /* [inputs]: which scalar is delayed, algebraic first */
    const double *nodes;             /* [PAST_NODES]: of a step, in [0, 1] */
    double *times;                   /* [known + 1] */
    double *values;                  /* [known][scalars][PAST_NODES] */
} Inputs;

typedef struct {
    double *times, *errors;          /* [capacity] */
    double *scalars;                 /* [capacity][scalars], algebraic first */
    double *states;                  /* [capacity][size] */
    double *dense;                   /* [capacity][DENSE][size] */
} Steps;

/* Why a burst of steps came back. */
enum { LANDED, FULL, LOOK_AT_MESH, RISING, NO_RATE, STUCK, PIVOT, NO_INPUT };
/* Why the last step was refused. */
enum { NOTHING, INFEASIBLE, TOO_LARGE, NOT_FINITE, NO_VALUE, UNDECIDED };

/* Doubles of working memory that `felif_burst` needs. */
long felif_work(const System *s);

/* Makes up to `capacity` accepted steps from y (in the caller's order, size entries), which then holds the last one. */
int felif_burst(const System *s, const Scheme *scheme, const Inputs *in, Progress *p, Steps *out, double *y,
                double *work);

/* x = (shift M - sum_m c_m A_m)^-1 b for `count` right-hand sides in the caller's order; 0 unless a pivot is small. */
int felif_solve(const System *s, const double *c, double shift, const double *b, double *x, int count, double *work);

/* A band matrix A beside a mass matrix M, both as LAPACK stores bands, of one width: (kl + ku + 1) entries a column. */
typedef struct {
    int64_t n, kl, ku, rows, columns;
    const double *A, *mass;
    const double *U;                 /* [columns][n] */
    const double *G;                 /* [rows][n] */
    int64_t *envelope;               /* [4][n], written: see `envelope` of shifted.h */
} Shifted;

#define SOLVED 1e-11                 /* what a solution may leave of its equation, relative to the products in it */

/* K = G (s M - A)^-1 U at `count` complex shifts, [count][rows][columns] complex; left [count]: what the solutions
   leave of their equations (see SOLVED), NaN where there is none. */
void felif_resolvents(const Shifted *s, const double *shifts, int64_t count, double *K, double *left, double *work);

/* A Krylov space of (shift M - A - U G)^-1 M at a real shift, see shifted.h; rows and columns are of one number. */
int64_t felif_krylov(const Shifted *s, double shift, int64_t steps, int64_t padded, double *V, double *H,
                     double *work);

/* Pieces of n nodes and s points each: LU factors of band matrices as LAPACK leaves them, n s columns of 2 kl + ku + 1
   entries a piece, and what a low-rank part adds to a solution x: Q (G x). */
typedef struct {
    int64_t pieces, n, s, kl, ku, rank, reach;
    const double *lu;                /* [pieces][n s][2 kl + ku + 1] */
    const double *Q, *G;             /* [pieces][rank][n s] */
    const double *mass;              /* of the nodes, a band of width `reach` to both sides, as LAPACK stores it */
    const double *first;             /* [s] */
    double *small;                   /* [rank] */
    const int *pivots;               /* [pieces][n s] */
    const int64_t *above;            /* [pieces]: entries of a column of U above the diagonal, at most */
} Chain;

/* See chain.h; right may be NULL. */
void felif_chain(const Chain *c, const double *start, const double *right, double *out);

/* x, the right-hand side of one piece, becomes its solution. */
void felif_chain_piece(const Chain *c, int64_t piece, double *x);

/* The instruction set in use: "avx2" or "baseline". */
const char *felif_instructions(void);

#endif
