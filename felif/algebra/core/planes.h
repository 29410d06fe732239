/* What the caller hands to the compiled core for densities over (v, w): many small band matrices, one a line w = const,
   and transport across the lines. Planes are [n][lines]: lines lie innermost. */
#ifndef FELIF_PLANES_H
#define FELIF_PLANES_H

#include <stdint.h>

/* A_l = sum_k coefficients[k][l] bands[k], or matrices with entries of their own; entry (i, j) in column w + j - i. */
typedef struct {
    int64_t n, w, lines, kinds;
    const double *bands;        /* [kinds][n][2 w + 1], NULL where every line has its own */
    const double *coefficients; /* [kinds][lines] */
    const double *own;          /* [n][2 w + 1][lines] */
    int64_t *low, *high;        /* [n]: entries of a row, of the matrix and its factors, left and right of its diagonal */
    int64_t *start;             /* [n + 1]: where the entries of a row begin among all */
} Lines;

/* Fills low, high, start; the number of entries of a matrix. */
int64_t felif_lines_envelope(Lines *s);

/* LU factors of shift diag(mass) - A_l without pivoting, [blocks][entries][LINES]; returns the smallest pivot.
   work: entries LINES numbers. */
double felif_lines_factor(const Lines *s, double shift, const double *mass, double *factors, double *work);

/* x: the solutions for scale[l] b (scale NULL: b), on each line plus `correction` [n][lines] times
   sum_k rows[k] x[n - count + k] (NULL: nothing more). work: n LINES numbers. */
void felif_lines_solve(const Lines *s, const double *factors, const double *b, const double *scale, int64_t count,
                       const double *rows, const double *correction, double *x, double *work);

/* y = A_l x */
void felif_lines_multiply(const Lines *s, const double *x, double *y);

/* Transport across the lines; see felif/algebra/transport_kernels.py for what is what. */
typedef struct {
    int64_t n, cells, nodes;
    const double *c, *below, *above, *alpha, *blend, *inner, *volume, *left, *right, *mass, *widths;
    double *work;               /* [3 cells + 1] */
} Across;

enum { LINES = 32, MOST_NODES = 16 }; /* MOST_NODES: of a cell; DG has at most 9 */

void felif_polynomial_cells(const Across *s, const double *p, double *out);
void felif_limited_slopes(const Across *s, const double *p, double *out);
void felif_suspects(const Across *s, const double *p, const double *table, int count, double floor, int64_t *suspect);

#endif
