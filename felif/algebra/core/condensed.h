/* Linear algebra on condensed cells: products, factors and solutions, WIDTH cells at once.

   A matrix couples the nodes of a cell: entry (i, j) of cell e is a[(i (P+1) + j) lanes + e]. What is on the diagonal
   of a node that two cells share stands in the right one's (0, 0), so (P, P) is 0 everywhere. The inner nodes of each
   cell are eliminated by an LU without pivoting, which leaves a tridiagonal system for the nodes between cells. */

typedef double NAME(vec) __attribute__((vector_size(8 * WIDTH)));
typedef long long NAME(bits) __attribute__((vector_size(8 * WIDTH)));
typedef double NAME(stored) __attribute__((vector_size(8 * WIDTH), aligned(8)));
#define LOAD(p) ((NAME(vec))*(const NAME(stored) *)(p))
#define STORE(p, x) (*(NAME(stored) *)(p) = (x))

INLINE NAME(vec) NAME(magnitude)(NAME(vec) x) {
    const NAME(bits) mask = (NAME(bits)){0} + 0x7fffffffffffffffLL;
    return (NAME(vec))((NAME(bits))x & mask);
}

/* What is NaN in a is passed over. */
INLINE NAME(vec) NAME(larger)(NAME(vec) a, NAME(vec) b) {
    const NAME(bits) yes = a > b;
    return (NAME(vec))(((NAME(bits))a & yes) | ((NAME(bits))b & ~yes));
}

INLINE NAME(vec) NAME(smaller)(NAME(vec) a, NAME(vec) b) {
    const NAME(bits) yes = a < b;
    return (NAME(vec))(((NAME(bits))a & yes) | ((NAME(bits))b & ~yes));
}

INLINE double NAME(sum_of)(NAME(vec) x) {
    double total = 0;
    for (int l = 0; l < WIDTH; l++) total += x[l];
    return total;
}

INLINE double NAME(largest_of)(NAME(vec) x) {
    double most = x[0];
    for (int l = 1; l < WIDTH; l++) most = x[l] > most ? x[l] : most;
    return most;
}

/* sum_i row_i y_i over lanes from first to end */
static double NAME(dot)(const System *s, const double *row, const double *y, int first, int end) {
    NAME(vec) total = {0};
    for (int i = 0; i < s->degree; i++) {
        const double *r = row + i * s->lanes, *x = y + i * s->lanes;
        for (int e = first; e < end; e += WIDTH) total += LOAD(r + e) * LOAD(x + e);
    }
    return NAME(sum_of)(total);
}

static double NAME(largest)(const double *x, int length) {
    NAME(vec) most = {0};
    for (int k = 0; k < length; k += WIDTH) most = NAME(larger)(NAME(magnitude)(LOAD(x + k)), most);
    return NAME(largest_of)(most);
}

/* out = sum_m c_m A_m y over the first `matrices`, from `from` on */
INLINE void NAME(apply_of_degree)(const int P, const System *s, const double *c, int from, int to, const double *restrict y,
                            double *restrict out) {
    const int n = s->lanes, entries = (P + 1) * (P + 1);
    for (int e = 0; e < n; e += WIDTH) {
        NAME(vec) x[HIGHEST_DEGREE + 1];
        for (int j = 0; j < P; j++) x[j] = LOAD(y + j * n + e);
        x[P] = LOAD(y + e + 1);
        for (int i = 0; i <= P; i++) {
            NAME(vec) total = {0};
            for (int m = from; m < to; m++) {
                const double *a = s->A + ((long)m * entries + i * (P + 1)) * n + e;
                NAME(vec) part = LOAD(a) * x[0];
                for (int j = 1; j <= P; j++) part += LOAD(a + j * n) * x[j];
                total += c[m] * part;
            }
            STORE(out + i * n + e, total);
        }
    }
    const double *above = out + P * n;
    for (int e = n - 1; e > 0; e--) out[e] += above[e - 1];
}

/* J = sum_m c_m A_m, cell by cell */
static void NAME(combine)(const System *s, const double *c, double *restrict J) {
    const long length = (long)(s->degree + 1) * (s->degree + 1) * s->lanes;
    for (long k = 0; k < length; k += WIDTH) {
        NAME(vec) total = c[0] * LOAD(s->A + k);
        for (int m = 1; m < s->matrices; m++) total += c[m] * LOAD(s->A + m * length + k);
        STORE(J + k, total);
    }
}

/* sum_ij |J_ij y_j|: what rounding in the sum of J y is relative to */
static double NAME(magnitudes)(const System *s, const double *restrict J, const double *restrict y) {
    const int n = s->lanes, P = s->degree;
    NAME(vec) total = {0};
    for (int e = 0; e < n; e += WIDTH)
        for (int j = 0; j <= P; j++) {
            NAME(vec) column = {0};
            for (int i = 0; i <= P; i++) column += NAME(magnitude)(LOAD(J + (i * (P + 1) + j) * n + e));
            total += column * NAME(magnitude)(LOAD(y + (j < P ? j * n + e : e + 1)));
        }
    return NAME(sum_of)(total);
}

INLINE void NAME(product_of_degree)(const int P, const System *s, const double *restrict J, const double *restrict y,
                              double *restrict out) {
    const int n = s->lanes;
    for (int e = 0; e < n; e += WIDTH) {
        NAME(vec) x[HIGHEST_DEGREE + 1];
        for (int j = 0; j < P; j++) x[j] = LOAD(y + j * n + e);
        x[P] = LOAD(y + e + 1);
        for (int i = 0; i <= P; i++) {
            const double *a = J + i * (P + 1) * n + e;
            NAME(vec) total = LOAD(a) * x[0];
            for (int j = 1; j <= P; j++) total += LOAD(a + j * n) * x[j];
            STORE(out + i * n + e, total);
        }
    }
    const double *above = out + P * n;
    for (int e = n - 1; e > 0; e--) out[e] += above[e - 1];
}

/* Factors of shift M - J: W the cells' own, V what the inner nodes are of the two ends, T the tridiagonal system.
   0, or 1 where a pivot is small beside the diagonal entry it was. */
INLINE int NAME(factor_of_degree)(const int P, const System *s, const double *restrict J, double shift, double *restrict W,
                            double *restrict V, double *restrict T) {
    const int n = s->lanes, row = (P + 1) * n;
    NAME(vec) least = {0};
    least += 1.0;
    for (int e = 0; e < n; e += WIDTH) {
        NAME(vec) M[HIGHEST_DEGREE + 1][HIGHEST_DEGREE + 1], v[2][HIGHEST_DEGREE + 1];
        for (int i = 0; i <= P; i++)
            for (int j = 0; j <= P; j++) M[i][j] = -LOAD(J + i * row + j * n + e);
        for (int i = 0; i < P; i++) M[i][i] += shift * LOAD(s->mass + i * n + e);
        for (int k = 1; k < P; k++) {
            const NAME(vec) was = shift * LOAD(s->mass + k * n + e) - LOAD(J + k * row + k * n + e);
            least = NAME(smaller)(M[k][k] / was, least);
            M[k][k] = 1.0 / M[k][k];
            for (int i = k + 1; i < P; i++) {
                M[i][k] *= M[k][k];
                for (int j = k + 1; j < P; j++) M[i][j] -= M[i][k] * M[k][j];
            }
        }
        for (int side = 0; side < 2; side++) {
            const int c = side ? P : 0;
            for (int i = 1; i < P; i++) {
                NAME(vec) t = M[i][c];
                for (int j = 1; j < i; j++) t -= M[i][j] * v[side][j];
                v[side][i] = t;
            }
            for (int i = P - 1; i > 0; i--) {
                NAME(vec) t = v[side][i];
                for (int j = i + 1; j < P; j++) t -= M[i][j] * v[side][j];
                v[side][i] = t * M[i][i];
                STORE(V + side * row + i * n + e, v[side][i]);
            }
        }
        NAME(vec) own = M[0][0], right = M[0][P], left = M[P][0], last = M[P][P];
        for (int i = 1; i < P; i++) {
            own -= M[0][i] * v[0][i];
            right -= M[0][i] * v[1][i];
            left -= M[P][i] * v[0][i];
            last -= M[P][i] * v[1][i];
        }
        STORE(T + e, own);
        STORE(T + n + e, right);
        STORE(T + 2 * n + e, left);
        STORE(T + 3 * n + e, last);
        for (int i = 0; i <= P; i++)
            for (int j = 0; j <= P; j++) STORE(W + i * row + j * n + e, M[i][j]);
    }
    double *own = T, *right = T + n, *left = T + 2 * n, *last = T + 3 * n;
    double worst = least[0];
    for (int l = 1; l < WIDTH; l++) worst = least[l] < worst ? least[l] : worst;
    for (int e = n - 1; e > 0; e--) own[e] += last[e - 1];
    own[0] = 1 / own[0];
    for (int e = 1; e < n; e++) {
        const double m = left[e - 1] * own[e - 1], pivot = own[e] - m * right[e - 1];
        worst = pivot / own[e] < worst ? pivot / own[e] : worst;
        left[e - 1] = m;
        own[e] = 1 / pivot;
    }
    return !(worst > SMALL_PIVOT);
}

INLINE void NAME(solve_of_degree)(const int P, const System *s, const double *restrict W, const double *restrict V,
                            const double *restrict T, const double *restrict b, double *restrict x) {
    const int n = s->lanes, row = (P + 1) * n;
    double *ends = x, *carried = x + P * n;
    for (int e = 0; e < n; e += WIDTH) {
        NAME(vec) z[HIGHEST_DEGREE + 1];
        for (int i = 1; i < P; i++) {
            NAME(vec) t = LOAD(b + i * n + e);
            for (int j = 1; j < i; j++) t -= LOAD(W + i * row + j * n + e) * z[j];
            z[i] = t;
        }
        NAME(vec) first = LOAD(b + e), last = {0};
        for (int i = P - 1; i > 0; i--) {
            NAME(vec) t = z[i];
            for (int j = i + 1; j < P; j++) t -= LOAD(W + i * row + j * n + e) * z[j];
            z[i] = t * LOAD(W + i * row + i * n + e);
            first -= LOAD(W + i * n + e) * z[i];
            last -= LOAD(W + P * row + i * n + e) * z[i];
            STORE(x + i * n + e, z[i]);
        }
        STORE(ends + e, first);
        STORE(carried + e, last);
    }
    const double *own = T, *right = T + n, *left = T + 2 * n;
    double t = ends[0];
    for (int e = 1; e < n; e++) ends[e] = t = ends[e] + carried[e - 1] - left[e - 1] * t;
    ends[n - 1] = t = t * own[n - 1];
    for (int e = n - 2; e >= 0; e--) ends[e] = t = (ends[e] - right[e] * t) * own[e];
    for (int e = 0; e < n; e += WIDTH) {
        const NAME(vec) a = LOAD(ends + e), c = LOAD(ends + e + 1);
        for (int i = 1; i < P; i++)
            STORE(x + i * n + e,
                  LOAD(x + i * n + e) - LOAD(V + i * n + e) * a - LOAD(V + row + i * n + e) * c);
    }
}

static __attribute__((noinline)) void NAME(apply)(const System *s, const double *c, int from, int to, const double *y, double *out) {
    BY_DEGREE(NAME(apply_of_degree)(P, s, c, from, to, y, out))
}

static __attribute__((noinline)) void NAME(product)(const System *s, const double *J, const double *y, double *out) {
    BY_DEGREE(NAME(product_of_degree)(P, s, J, y, out))
}

static __attribute__((noinline)) int NAME(factor)(const System *s, const double *J, double shift, double *W, double *V, double *T) {
    int small = 0;
    BY_DEGREE(small = NAME(factor_of_degree)(P, s, J, shift, W, V, T))
    return small;
}

static __attribute__((noinline)) void NAME(solve)(const System *s, const double *W, const double *V, const double *T, const double *b,
                        double *x) {
    BY_DEGREE(NAME(solve_of_degree)(P, s, W, V, T, b, x))
}
