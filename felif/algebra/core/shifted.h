/* Band matrices s M - A at real and complex shifts s, by LU without pivoting: what they do to a few columns at WIDTH
   shifts at once, and Krylov spaces of (s M - A - U G)^-1 M at a real one.

   Row i of a factored matrix is W[i w + d], d = kl + j - i, w = kl + ku + 1. Only what lies within the envelope of the
   matrix is touched. Every solution is put back into its equation: where that leaves too much the caller pivots. */

typedef struct { NAME(vec) re, im; } NAME(number);

INLINE NAME(number) NAME(times)(NAME(number) a, NAME(number) b) {
    return (NAME(number)){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

INLINE NAME(number) NAME(less)(NAME(number) a, NAME(number) b, NAME(number) c) { /* a - b c */
    return (NAME(number)){a.re - b.re * c.re + b.im * c.im, a.im - b.re * c.im - b.im * c.re};
}

INLINE NAME(number) NAME(fetch)(const double *p) { return (NAME(number)){LOAD(p), LOAD(p + WIDTH)}; }

INLINE void NAME(put)(double *p, NAME(number) x) {
    STORE(p, x.re);
    STORE(p + WIDTH, x.im);
}

INLINE NAME(vec) NAME(size_of)(NAME(number) x) { return NAME(larger)(NAME(magnitude)(x.re), NAME(magnitude)(x.im)); }

/* How many entries there are of row k to the right of the diagonal and to the left of it, of column k below and above:
   of the smallest envelope around A and M that LU without pivoting does not leave. */
typedef struct { const int64_t *right, *left, *below, *above; } NAME(extents);

static NAME(extents) NAME(envelope)(const Shifted *s) {
    const long n = s->n, kl = s->kl, ku = s->ku, w = kl + ku + 1;
    int64_t *right = s->envelope, *left = right + n, *below = left + n, *above = below + n;
    for (long k = 0; k < n; k++) right[k] = below[k] = 0;
    for (long j = 0; j < n; j++)
        for (long i = j > ku ? j - ku : 0; i <= j + kl && i < n; i++) {
            if (s->A[j * w + ku + i - j] == 0 && s->mass[j * w + ku + i - j] == 0) continue;
            if (i < j) right[i] = j - i;
            if (i > j) below[j] = i - j;
        }
    long across = 0, down = 0; /* the first column and row that no row and column before k reaches */
    for (long k = 0; k < n; k++) {
        if (k + right[k] < across - 1) right[k] = across - 1 - k;
        for (; across <= k + right[k]; across++) above[across] = across - k;
        if (k + below[k] < down - 1) below[k] = down - 1 - k;
        for (; down <= k + below[k]; down++) left[down] = down - k;
    }
    return (NAME(extents)){right, left, below, above};
}

/* K[rows][columns] of one group of shifts, and what is left of the columns when the solution is put back, relative to
   the products in it. */
static NAME(vec) NAME(resolvent)(const Shifted *s, NAME(extents) e, NAME(number) shift, double largest,
                                 double *restrict K, double *restrict W, double *restrict x) {
    const long n = s->n, kl = s->kl, ku = s->ku, w = kl + ku + 1, each = 2 * WIDTH, columns = s->columns;
    const NAME(vec) none = {0};
    for (long j = 0; j < n; j++) /* by columns, as LAPACK has them */
        for (long i = j - e.above[j]; i <= j + e.below[j]; i++) {
            const double a = s->A[j * w + ku + i - j], m = s->mass[j * w + ku + i - j];
            NAME(put)(W + (i * w + kl + j - i) * each, (NAME(number)){shift.re * m - a, shift.im * m});
        }
    for (long c = 0; c < columns; c++)
        for (long i = 0; i < n; i++) NAME(put)(x + (c * n + i) * each, (NAME(number)){none + s->U[c * n + i], none});
    for (long k = 0; k < n; k++) {
        double *pivot_row = W + (k * w + kl) * each;
        const NAME(number) pivot = NAME(fetch)(pivot_row);
        const NAME(vec) square = 1 / (pivot.re * pivot.re + pivot.im * pivot.im);
        const NAME(number) inverse = {pivot.re * square, -pivot.im * square};
        const long right = e.right[k];
        NAME(put)(pivot_row, inverse);
        for (long r = 1; r <= e.below[k]; r++) {
            double *row = pivot_row + r * (w - 1) * each;
            const NAME(number) factor = NAME(times)(NAME(fetch)(row), inverse);
            for (long d = 1; d <= right; d++)
                NAME(put)(row + d * each,
                          NAME(less)(NAME(fetch)(row + d * each), factor, NAME(fetch)(pivot_row + d * each)));
            for (long c = 0; c < columns; c++) {
                double *entry = x + (c * n + k + r) * each;
                NAME(put)(entry, NAME(less)(NAME(fetch)(entry), factor, NAME(fetch)(x + (c * n + k) * each)));
            }
        }
    }
    NAME(vec) worst = none;
    for (long c = 0; c < columns; c++) {
        double *y = x + c * n * each;
        NAME(vec) size = none, left = none;
        for (long i = n - 1; i >= 0; i--) {
            const double *row = W + (i * w + kl) * each;
            NAME(number) t = NAME(fetch)(y + i * each);
            for (long d = 1; d <= e.right[i]; d++)
                t = NAME(less)(t, NAME(fetch)(row + d * each), NAME(fetch)(y + (i + d) * each));
            t = NAME(times)(t, NAME(fetch)(row));
            NAME(put)(y + i * each, t);
            size = NAME(larger)(NAME(size_of)(t), size);
        }
        for (long i = 0; i < n; i++) {
            NAME(number) t = {none + s->U[c * n + i], none}, weighted = {none, none};
            for (long j = i - e.left[i]; j <= i + e.right[i]; j++) {
                const NAME(number) z = NAME(fetch)(y + j * each);
                const double a = s->A[j * w + ku + i - j], m = s->mass[j * w + ku + i - j];
                t.re += a * z.re;
                t.im += a * z.im;
                if (m == 0) continue;
                weighted.re += m * z.re;
                weighted.im += m * z.im;
            }
            left = NAME(larger)(NAME(size_of)(NAME(less)(t, shift, weighted)), left);
        }
        worst = NAME(larger)(left / (largest * size + 1e-300), worst);
        for (long r = 0; r < s->rows; r++) {
            NAME(number) t = {none, none};
            for (long i = 0; i < n; i++) {
                const NAME(number) z = NAME(fetch)(y + i * each);
                t.re += s->G[r * n + i] * z.re;
                t.im += s->G[r * n + i] * z.im;
            }
            NAME(put)(K + (r * columns + c) * each, t);
            worst += 0 * (t.re + t.im); /* NaN where there is no number */
        }
    }
    return worst;
}

static void NAME(resolvents)(const Shifted *s, const double *shifts, long count, double *K, double *left,
                             double *work) {
    const long entries = s->rows * s->columns, width = s->kl + s->ku + 1;
    double *own = work, *W = work + 2 * WIDTH * entries, *x = W + 2 * WIDTH * s->n * width, largest = 0;
    const NAME(extents) envelope = NAME(envelope)(s);
    for (long k = 0; k < s->n * width; k++) largest = fabs(s->A[k]) > largest ? fabs(s->A[k]) : largest;
    for (long first = 0; first < count; first += WIDTH) {
        NAME(number) shift;
        for (int l = 0; l < WIDTH; l++) {
            const long k = first + l < count ? first + l : count - 1;
            shift.re[l] = shifts[2 * k];
            shift.im[l] = shifts[2 * k + 1];
        }
        const NAME(vec) worst = NAME(resolvent)(s, envelope, shift, largest, own, W, x);
        for (int l = 0; l < WIDTH && first + l < count; l++) {
            left[first + l] = worst[l];
            for (long e = 0; e < entries; e++) {
                K[2 * ((first + l) * entries + e)] = own[e * 2 * WIDTH + l];
                K[2 * ((first + l) * entries + e) + 1] = own[e * 2 * WIDTH + WIDTH + l];
            }
        }
    }
}

INLINE double NAME(product_of)(const double *a, const double *b, long padded) {
    NAME(vec) sums[4] = {{0}, {0}, {0}, {0}}; /* so that one product does not wait for another */
    long k = 0;
    for (; k + 4 * WIDTH <= padded; k += 4 * WIDTH)
        for (int i = 0; i < 4; i++) sums[i] += LOAD(a + k + i * WIDTH) * LOAD(b + k + i * WIDTH);
    for (; k < padded; k += WIDTH) sums[0] += LOAD(a + k) * LOAD(b + k);
    return NAME(sum_of)(sums[0] + sums[1] + sums[2] + sums[3]);
}

INLINE void NAME(add)(double *a, double factor, const double *b, long padded) {
    for (long k = 0; k < padded; k += WIDTH) STORE(a + k, LOAD(a + k) + factor * LOAD(b + k));
}

/* Column by column: every entry is done once for each column, so that none waits for a sum. */
static void NAME(band_solve)(long n, long kl, long ku, NAME(extents) e, const double *restrict W, double *restrict x) {
    const long w = kl + ku + 1;
    for (long j = 0; j < n - 1; j++) {
        const double t = x[j], *column = W + (j + 1) * w + kl - 1;
        for (long i = 0; i < e.below[j]; i++) x[j + 1 + i] -= column[i * (w - 1)] * t;
    }
    for (long j = n - 1; j >= 0; j--) {
        const double t = x[j] * W[j * w + kl], *column = W + (j - 1) * w + kl + 1;
        x[j] = t;
        for (long i = 0; i < e.above[j]; i++) x[j - 1 - i] -= column[-i * (w - 1)] * t;
    }
}

/* Arnoldi's method for T = (shift M - A - U G)^-1 M from V[0], of length one: T V[k] = sum_j H[k][j] V[j], j <= k + 1.
   Rows of V, U and G are `padded` long, their ends zero. The number of columns of H; 0 where a small pivot or a first
   solution that does not fit its equation asks for pivoting. */
static long NAME(krylov)(const Shifted *s, double shift, long steps, long padded, double *V, double *H, double *work) {
    const long n = s->n, kl = s->kl, ku = s->ku, w = kl + ku + 1, rank = s->columns;
    const NAME(extents) e = NAME(envelope)(s);
    double *W = work, *Q = W + n * w, *small = Q + rank * padded, *z = small + rank * rank;
    for (long j = 0; j < n; j++)
        for (long i = j - e.above[j]; i <= j + e.below[j]; i++)
            W[i * w + kl + j - i] = shift * s->mass[j * w + ku + i - j] - s->A[j * w + ku + i - j];
    for (long k = 0; k < n; k++) {
        const double *pivot_row = W + k * w + kl;
        const double inverse = 1 / *pivot_row;
        for (long i = k + 1; i <= k + e.below[k]; i++) {
            double *row = W + i * w + kl + k - i;
            *row *= inverse;
            for (long d = 1; d <= e.right[k]; d++) row[d] -= *row * pivot_row[d];
        }
        W[k * w + kl] = inverse;
    }
    memcpy(Q, s->U, rank * padded * sizeof(double));
    for (long c = 0; c < rank; c++) NAME(band_solve)(n, kl, ku, e, W, Q + c * padded);
    for (long r = 0; r < rank; r++) /* 1 - G (shift M - A)^-1 U, and its inverse by Gauss and Jordan */
        for (long c = 0; c < rank; c++)
            small[r * rank + c] = (r == c) - NAME(product_of)(s->G + r * padded, Q + c * padded, padded);
    for (long k = 0; k < rank; k++) {
        const double inverse = 1 / small[k * rank + k];
        small[k * rank + k] = 1;
        for (long c = 0; c < rank; c++) small[k * rank + c] *= inverse;
        for (long r = 0; r < rank; r++) {
            if (r == k) continue;
            const double factor = small[r * rank + k];
            small[r * rank + k] = 0;
            for (long c = 0; c < rank; c++) small[r * rank + c] -= factor * small[k * rank + c];
        }
    }
    for (long k = 0; k < steps; k++) {
        const double *v = V + k * padded;
        double *x = V + (k + 1) * padded, *h = H + k * (steps + 1);
        double sizes = 0, left = 0;
        memset(x, 0, padded * sizeof(double));
        for (long j = 0; j < n; j++)
            for (long i = j - e.above[j]; i <= j + e.below[j]; i++) x[i] += s->mass[j * w + ku + i - j] * v[j];
        NAME(band_solve)(n, kl, ku, e, W, x);
        for (long r = 0; r < rank; r++) z[r] = NAME(product_of)(s->G + r * padded, x, padded);
        for (long c = 0; c < rank; c++) {
            double t = 0;
            for (long r = 0; r < rank; r++) t += small[c * rank + r] * z[r];
            NAME(add)(x, t, Q + c * padded, padded);
        }
        if (k == 0) {
            for (long r = 0; r < rank; r++) z[r] = NAME(product_of)(s->G + r * padded, x, padded);
            for (long i = 0; i < n; i++) {
                double t = 0, size = 0;
                for (long j = i - e.left[i]; j <= i + e.right[i]; j++) {
                    const long at = j * w + ku + i - j;
                    const double product = (shift * s->mass[at] - s->A[at]) * x[j];
                    t += product - s->mass[at] * v[j];
                    size += fabs(product);
                }
                for (long c = 0; c < rank; c++) t -= s->U[c * padded + i] * z[c];
                left = fabs(t) > left || t != t ? fabs(t) : left;
                sizes = size > sizes ? size : sizes;
                if (left != left) return 0;
            }
            if (!(left <= SOLVED * sizes)) return 0;
        }
        double before = sqrt(NAME(product_of)(x, x, padded));
        for (long j = 0; j <= k; j++) h[j] = 0;
        double norm = before, last;
        do { /* again where much of it went */
            last = norm;
            for (long j = 0; j <= k; j++) {
                const double t = NAME(product_of)(V + j * padded, x, padded);
                NAME(add)(x, -t, V + j * padded, padded);
                h[j] += t;
            }
            norm = sqrt(NAME(product_of)(x, x, padded));
        } while (norm < 0.5 * last && norm > 1e-13 * before);
        h[k + 1] = norm;
        if (!(norm > 1e-13 * before)) return k + 1;
        for (long i = 0; i < n; i++) x[i] /= norm;
    }
    return steps;
}
