/* Solutions piece after piece, each of which begins where the one before ended: band LU factors of LAPACK (gbtrf), with
   pivots, and low-rank parts. Columns are contiguous in LAPACK's storage, and so are the loops here. */

static void NAME(band_lu_solve)(const Chain *c, long piece, double *restrict x) {
    const long n = c->n * c->s, kl = c->kl, ku = c->kl + c->ku, w = kl + ku + 1;
    const double *lu = c->lu + piece * n * w;
    const int *pivots = c->pivots + piece * n;
    for (long j = 0; j < n - 1; j++) {
        const double *restrict column = lu + j * w + ku + 1, t = x[pivots[j]];
        const long below = kl < n - 1 - j ? kl : n - 1 - j;
        x[pivots[j]] = x[j];
        x[j] = t;
        for (long i = 0; i < below; i++) x[j + 1 + i] -= column[i] * t;
    }
    for (long j = n - 1; j >= 0; j--) {
        const long above = ku < j ? ku : j;
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
