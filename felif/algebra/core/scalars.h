/* Inputs and scalars at a state: the small linear system of the algebraic ones, their gradients, and whether they exist. */

/* Solves A x = b for `count` columns b, which become x. 0 where A is singular. */
static int NAME(solve_small)(int n, double A[][MOST_SCALARS], int count, double *columns, long stride) {
    for (int k = 0; k < n; k++) {
        int best = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(A[i][k]) > fabs(A[best][k])) best = i;
        if (!(fabs(A[best][k]) > 0)) return 0;
        for (int j = 0; j < n && best != k; j++) { double t = A[k][j]; A[k][j] = A[best][j]; A[best][j] = t; }
        for (int c = 0; c < count && best != k; c++) {
            double *b = columns + c * stride, t = b[k];
            b[k] = b[best], b[best] = t;
        }
        for (int i = k + 1; i < n; i++) {
            const double m = A[i][k] / A[k][k];
            for (int j = k + 1; j < n; j++) A[i][j] -= m * A[k][j];
            for (int c = 0; c < count; c++) columns[c * stride + i] -= m * columns[c * stride + k];
        }
    }
    for (int c = 0; c < count; c++) {
        double *b = columns + c * stride;
        for (int i = n - 1; i >= 0; i--) {
            for (int j = i + 1; j < n; j++) b[i] -= A[i][j] * b[j];
            b[i] /= A[i][i];
        }
    }
    return 1;
}

/* x = own^-1 b */
static void NAME(through_own)(const System *s, const Point *at, double *b) {
    if (s->algebraic == 1) { b[0] /= at->own[0][0]; return; }
    double A[MOST_ALGEBRAIC][MOST_SCALARS];
    for (int i = 0; i < s->algebraic; i++)
        for (int j = 0; j < s->algebraic; j++) A[i][j] = at->own[i][j];
    NAME(solve_small)(s->algebraic, A, 1, b, 0);
}

/* By elimination with pivoting */
static double NAME(determinant)(const System *s, const Point *at) {
    const int n = s->algebraic;
    double A[MOST_ALGEBRAIC][MOST_ALGEBRAIC], found = 1;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) A[i][j] = at->own[i][j];
    for (int k = 0; k < n; k++) {
        int best = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(A[i][k]) > fabs(A[best][k])) best = i;
        if (best != k) found = -found;
        for (int j = 0; j < n && best != k; j++) { double t = A[k][j]; A[k][j] = A[best][j]; A[best][j] = t; }
        found *= A[k][k];
        if (found == 0) return 0;
        for (int i = k + 1; i < n; i++) {
            const double m = A[i][k] / A[k][k];
            for (int j = k + 1; j < n; j++) A[i][j] -= m * A[k][j];
        }
    }
    return found;
}

/* Whether Gershgorin's discs, in some scaling of the unknowns, lie to the right of 0. */
static int NAME(discs)(const System *s, const Point *at) {
    const int n = s->algebraic;
    double scale[MOST_ALGEBRAIC], next[MOST_ALGEBRAIC];
    for (int i = 0; i < n; i++) {
        scale[i] = 1;
        if (!(at->own[i][i] > 0)) return 0;
    }
    for (int round = 0; round < 16; round++) {
        int inside = 1;
        for (int i = 0; i < n; i++) {
            double radius = 0;
            for (int j = 0; j < n; j++)
                if (j != i) radius += fabs(at->own[i][j]) * scale[j];
            radius /= at->own[i][i];
            inside = inside && radius < scale[i];
            next[i] = 1 + radius;
        }
        if (inside) return 1;
        for (int i = 0; i < n; i++) scale[i] = next[i];
    }
    return 0;
}

/* Whether the determinant and the real parts of all eigenvalues of own are positive; sets the determinant. Of many
   scalars by discs, which may leave it undecided.
   The characteristic polynomial by Faddeev and LeVerrier, the signs by Routh's table. */
static int NAME(why_not)(const System *s, Point *at) {
    const int n = s->algebraic;
    if (n == 1) { at->determinant = at->own[0][0]; return at->determinant > 0 ? NOTHING : INFEASIBLE; }
    if (n > MOST_BY_ROUTH) {
        at->determinant = NAME(determinant)(s, at);
        return !(at->determinant > 0) ? INFEASIBLE : NAME(discs)(s, at) ? NOTHING : UNDECIDED;
    }
    double M[MOST_BY_ROUTH][MOST_BY_ROUTH] = {{0}}, c[MOST_BY_ROUTH + 1], table[2][MOST_BY_ROUTH + 2];
    c[0] = 1; /* det(x + own) = x^n + c_1 x^(n-1) + ... : all roots must have negative real parts */
    for (int k = 1; k <= n; k++) {
        double next[MOST_BY_ROUTH][MOST_BY_ROUTH], trace = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                next[i][j] = i == j ? c[k - 1] : 0;
                for (int l = 0; l < n; l++) next[i][j] -= at->own[i][l] * M[l][j];
            }
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) M[i][j] = next[i][j];
        for (int i = 0; i < n; i++)
            for (int l = 0; l < n; l++) trace -= at->own[i][l] * M[l][i];
        c[k] = -trace / k;
    }
    at->determinant = c[n];
    for (int k = 1; k <= n; k++)
        if (!(c[k] > 0)) return INFEASIBLE;
    for (int k = 0; k < n + 2; k++) {
        table[0][k] = 2 * k <= n ? c[2 * k] : 0;
        table[1][k] = 2 * k + 1 <= n ? c[2 * k + 1] : 0;
    }
    for (int row = 2; row <= n; row++) {
        double *above = table[row % 2], *last = table[(row + 1) % 2];
        const double ratio = above[0] / last[0];
        for (int k = 0; k <= n; k++) above[k] = above[k + 1] - ratio * last[k + 1];
        if (!(above[0] > 0)) return INFEASIBLE;
    }
    return NOTHING;
}

static double NAME(past)(const System *s, const Inputs *in, const Progress *p, int which, double t) {
    const int scalars = s->algebraic + s->differential;
    if (t <= p->past_start) return in->called(s->inputs + in->scalar[which], t);
    const double last = in->times[p->known], more = 8 * (nextafter(fabs(last), INFINITY) - fabs(last));
    if (t > last + more) return INFINITY; /* not known yet */
    int low = 0, high = p->known; /* times[low] <= t < times[high], or high is the last */
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (in->times[middle] <= t) low = middle; else high = middle;
    }
    const double place = (t - in->times[low]) / (in->times[low + 1] - in->times[low]);
    const double *values = in->values + ((long)low * scalars + in->scalar[which]) * PAST_NODES;
    double above = 0, below = 0;
    for (int k = 0; k < PAST_NODES; k++) {
        const double distance = place - in->nodes[k], weight = (k % 2 ? -1.0 : k % (PAST_NODES - 1) ? 1.0 : 0.5);
        if (distance == 0) return values[k];
        above += weight / distance * values[k], below += weight / distance;
    }
    return above / below;
}

static double NAME(input)(const System *s, const Inputs *in, const Progress *p, int which, double t) {
    if (in->kind[which] == FIXED_INPUT) return in->value[which];
    if (in->kind[which] == CALLED_INPUT) return in->called(which, t);
    return NAME(past)(s, in, p, which, t - in->value[which]);
}

/* z at (t, y); 0 or why there is none. */
static int NAME(look)(const System *s, const Inputs *in, const Progress *p, double t, const double *y, Point *at) {
    const int K = s->algebraic, known = 1 + s->inputs + s->differential, all = known + K;
    const long length = (long)s->degree * s->lanes;
    at->z[0] = 1;
    for (int i = 0; i < s->inputs; i++) {
        const double value = NAME(input)(s, in, p, i, t);
        if (isnan(value)) return NO_VALUE;
        if (isinf(value)) return INFEASIBLE;
        at->z[Z0 + i] = value;
    }
    for (int i = 0; i < s->differential; i++) at->z[Z0 + s->inputs + i] = y[s->differential_place[i]];
    at->determinant = 1;
    if (!K) return NOTHING;
    for (int k = 0; k < all; k++)
        for (int a = 0; a < K; a++) {
            const int *lanes = s->rows_lanes + 2 * (k * K + a);
            double g = s->numbers[k * K + a];
            if (lanes[1] > lanes[0]) g += NAME(dot)(s, s->rows + (k * K + a) * length, y, lanes[0], lanes[1]);
            at->g[k][a] = g;
        }
    double g[MOST_ALGEBRAIC] = {0};
    for (int a = 0; a < K; a++) {
        for (int k = 0; k < known; k++) g[a] += at->z[k] * at->g[k][a];
        for (int b = 0; b < K; b++) at->own[a][b] = (a == b ? s->integral[a] : 0) - at->g[known + b][a];
    }
    const int why = NAME(why_not)(s, at);
    if (at->determinant != at->determinant) return NOT_FINITE;
    if (why) return why;
    NAME(through_own)(s, at, g);
    for (int a = 0; a < K; a++) {
        at->z[known + a] = g[a];
        if (!isfinite(g[a])) return INFEASIBLE;
    }
    return NOTHING;
}

static void NAME(coefficients)(const System *s, const Point *at, double *c) {
    const int all = count_z(s);
    for (int m = 0; m < s->matrices; m++) {
        c[m] = 0;
        for (int k = 0; k < all; k++) c[m] += s->weights[m * all + k] * at->z[k];
    }
}

static void NAME(add_sources)(const System *s, const double *z, int first, int end, double *out) {
    for (int k = first; k < end; k++)
        for (int j = s->source_start[k]; j < s->source_start[k + 1]; j++)
            out[s->source_place[j]] += z[k] * s->source_value[j];
}

/* dF/dz_k at fixed other z */
static void NAME(direction)(const System *s, int k, const double *y, double *out) {
    const int all = count_z(s);
    double c[MOST_Z], unit[MOST_Z] = {0};
    int first = s->matrices, end = 0;
    for (int m = 0; m < s->matrices; m++) {
        c[m] = s->weights[m * all + k];
        if (c[m] != 0) { if (m < first) first = m; end = m + 1; }
    }
    if (end > first) NAME(apply)(s, c, first, end, y, out);
    else memset(out, 0, sizeof(double) * (size_t)((s->degree + 1) * s->lanes));
    unit[k] = 1;
    NAME(add_sources)(s, unit, k, k + 1, out);
}

/* d(algebraic scalars)/dy, without what goes through the differential scalars */
static void NAME(gradient)(const System *s, const Point *at, double *G, int *used) {
    const int K = s->algebraic, all = count_z(s), n = s->lanes;
    const long length = (long)s->degree * n, stride = vector_length(s);
    used[0] = n, used[1] = 0;
    for (int a = 0; a < K; a++) memset(G + a * stride, 0, sizeof(double) * (size_t)length);
    for (int k = 0; k < all; k++)
        for (int a = 0; a < K; a++) {
            const int *lanes = s->rows_lanes + 2 * (k * K + a);
            if (lanes[1] <= lanes[0]) continue;
            if (lanes[0] < used[0]) used[0] = lanes[0];
            if (lanes[1] > used[1]) used[1] = lanes[1];
            const double *row = s->rows + (k * K + a) * length;
            for (int i = 0; i < s->degree; i++)
                for (int e = lanes[0]; e < lanes[1]; e += WIDTH) {
                    double *g = G + a * stride + i * n + e;
                    STORE(g, LOAD(g) + at->z[k] * LOAD(row + i * n + e));
                }
        }
    if (used[1] < used[0]) used[0] = used[1] = 0;
    double inverse[MOST_ALGEBRAIC][MOST_ALGEBRAIC] = {{0}}; /* row b is column b of own^-1 */
    for (int b = 0; b < K; b++) {
        inverse[b][b] = 1;
        NAME(through_own)(s, at, inverse[b]);
    }
    for (int i = 0; i < s->degree; i++)
        for (int e = used[0]; e < used[1]; e += WIDTH) {
            NAME(vec) column[MOST_ALGEBRAIC];
            for (int b = 0; b < K; b++) column[b] = LOAD(G + b * stride + i * n + e);
            for (int a = 0; a < K; a++) {
                NAME(vec) sum = inverse[0][a] * column[0];
                for (int b = 1; b < K; b++) sum += inverse[b][a] * column[b];
                STORE(G + a * stride + i * n + e, sum);
            }
        }
}

/* Changes of the scalars, algebraic first, along a change of y. G: `gradient` at the point. */
static void NAME(along)(const System *s, const Point *at, const double *G, const int *used, const double *change,
                        double *out) {
    const int K = s->algebraic;
    const long stride = vector_length(s);
    for (int a = 0; a < K; a++) out[a] = NAME(dot)(s, G + a * stride, change, used[0], used[1]);
    for (int i = 0; i < s->differential; i++) {
        const double moved = out[K + i] = change[s->differential_place[i]];
        double through[MOST_ALGEBRAIC];
        for (int a = 0; a < K; a++) through[a] = moved * at->g[Z0 + s->inputs + i][a];
        if (K && moved != 0) NAME(through_own)(s, at, through);
        for (int a = 0; a < K && moved != 0; a++) out[a] += through[a];
    }
}
