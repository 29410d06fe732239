/* Solutions piece after piece, each of which begins where the one before ended: band LU factors of LAPACK (gbtrf), with
   pivots, and low-rank parts. Columns are contiguous in LAPACK's storage, and so are the loops here. They take four
   columns at once where that many are left and no rows are exchanged: x, which every column changes and the next one
   reads, is then loaded and stored a quarter as often. */

/* x[i] -= column[i] t[0] + column[next + i] t[1] + ..., i = 0 ... count - 1. */
INLINE void NAME(take_four)(double *restrict x, const double *restrict column, long next, const double *t, long count) {
    const double *b = column + next, *c = b + next, *d = c + next;
    long i = 0;
    for (; i + WIDTH <= count; i += WIDTH)
        STORE(x + i, LOAD(x + i) - LOAD(column + i) * t[0] - LOAD(b + i) * t[1]
                         - LOAD(c + i) * t[2] - LOAD(d + i) * t[3]);
    for (; i < count; i++) x[i] -= column[i] * t[0] + b[i] * t[1] + c[i] * t[2] + d[i] * t[3];
}

static void NAME(band_lu_solve)(const Chain *c, long piece, double *restrict x) {
    const long n = c->n * c->s, kl = c->kl, ku = c->kl + c->ku, w = kl + ku + 1, most = c->above[piece];
    const double *lu = c->lu + piece * n * w;
    const int *pivots = c->pivots + piece * n;
    for (long j = 0; j < n - 1; j++) {
        if (kl > 3 && j + 3 + kl < n && pivots[j] == j && pivots[j + 1] == j + 1 && pivots[j + 2] == j + 2 &&
            pivots[j + 3] == j + 3) {
            const double *first = lu + j * w + ku; /* column j, from its diagonal on */
            double t[4];
            for (long k = 0; k < 4; k++) {
                t[k] = x[j + k];
                for (long m = 0; m < k; m++) t[k] -= first[m * w + k - m] * t[m];
                x[j + k] = t[k];
            }
            NAME(take_four)(x + j + 4, first + 4, w - 1, t, kl - 3);
            for (long i = kl + 1; i < kl + 4; i++)
                for (long k = i - kl; k < 4; k++) x[j + i] -= first[k * w + i - k] * t[k];
            j += 3;
            continue;
        }
        const double *restrict column = lu + j * w + ku + 1, t = x[pivots[j]];
        const long below = kl < n - 1 - j ? kl : n - 1 - j;
        x[pivots[j]] = x[j];
        x[j] = t;
        for (long i = 0; i < below; i++) x[j + 1 + i] -= column[i] * t;
    }
    for (long j = n - 1; j >= 0; j--) {
        if (most > 3 && j - 3 - most >= 0) {
            const double *last = lu + j * w + ku; /* the diagonal of column j */
            double t[4];
            for (long k = 0; k < 4; k++) {
                t[k] = x[j - k];
                for (long m = 0; m < k; m++) t[k] -= last[-m * w + m - k] * t[m];
                x[j - k] = t[k] /= last[-k * w];
            }
            NAME(take_four)(x + j - most, last - most, 1 - w, t, most - 3);
            for (long i = most + 1; i < most + 4; i++)
                for (long k = i - most; k < 4; k++) x[j - i] -= last[-k * w + k - i] * t[k];
            j -= 3;
            continue;
        }
        const long above = most < j ? most : j;
        const double *restrict column = lu + j * w + ku - above, t = x[j] / column[above];
        double *restrict to = x + j - above;
        to[above] = t;
        for (long i = 0; i < above; i++) to[i] -= column[i] * t;
    }
    for (long r = 0; r < c->rank; r++) { /* + Q (G x), rows of G and Q one after the other */
        const double *restrict g = c->G + (piece * c->rank + r) * n;
        NAME(vec) parts = {0};
        double total = 0;
        long i = 0;
        for (; i + WIDTH <= n; i += WIDTH) parts += LOAD(g + i) * LOAD(x + i);
        for (; i < n; i++) total += g[i] * x[i];
        c->small[r] = total + NAME(sum_of)(parts);
    }
    for (long r = 0; r < c->rank; r++) {
        const double *restrict q = c->Q + (piece * c->rank + r) * n, t = c->small[r];
        for (long i = 0; i < n; i++) x[i] += q[i] * t;
    }
}

/* out[piece][node][point]: W x = right - (M y) (x) first, y the values at the last point of the piece before. */
static void NAME(chain)(const Chain *c, const double *start, const double *right, double *out) {
    const long n = c->n, s = c->s, w = 2 * c->reach + 1;
    const double *y = start;
    long stride = 1;
    for (long piece = 0; piece < c->pieces; piece++) {
        double *x = out + piece * n * s;
        if (right) memcpy(x, right + piece * n * s, n * s * sizeof(double));
        else memset(x, 0, n * s * sizeof(double));
        for (long i = 0; i < n; i++) {
            double t = 0;
            for (long j = i > c->reach ? i - c->reach : 0; j <= i + c->reach && j < n; j++)
                t += c->mass[j * w + c->reach + i - j] * y[j * stride];
            for (long k = 0; k < s; k++) x[i * s + k] -= t * c->first[k];
        }
        NAME(band_lu_solve)(c, piece, x);
        y = x + s - 1;
        stride = s;
    }
}
