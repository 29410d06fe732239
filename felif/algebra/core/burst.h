/* Steps of a Rosenbrock scheme under error control, as felif/evolution/{rosenbrock,loop,step_control}.py make them. */

static long NAME(arrange)(const System *s, double *memory, Work *w) {
    const long n = vector_length(s), scalars = s->algebraic + s->differential;
    const long matrix = (long)(s->degree + 1) * (s->degree + 1) * s->lanes;
    double *next = memory;
    double **single[] = {&w->y, &w->y1, &w->stage, &w->right, &w->x, &w->F0, &w->Ft, &w->slope};
    for (int k = 0; k < 8; k++, next += n) *single[k] = next;
    for (int k = 0; k < STAGES; k++, next += n) w->K[k] = next;
    w->G = next, next += n * s->algebraic;
    w->U = next, next += n * scalars;
    w->Q = next, next += n * scalars;
    w->directions = next, next += n * s->inputs;
    w->J = next, next += matrix;
    w->W = next, next += matrix;
    w->V = next, next += 2 * (s->degree + 1) * s->lanes;
    w->T = next, next += 4 * s->lanes;
    return next - memory;
}

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

/* Whether the determinant and the real parts of all eigenvalues of own are positive; sets the determinant.
   The characteristic polynomial by Faddeev and LeVerrier, the signs by Routh's table. */
static int NAME(feasible)(const System *s, Point *at) {
    const int n = s->algebraic;
    if (n == 1) { at->determinant = at->own[0][0]; return at->determinant > 0; }
    double M[MOST_ALGEBRAIC][MOST_ALGEBRAIC] = {{0}}, c[MOST_ALGEBRAIC + 1], table[2][MOST_ALGEBRAIC + 2];
    c[0] = 1; /* det(x + own) = x^n + c_1 x^(n-1) + ... : all roots must have negative real parts */
    for (int k = 1; k <= n; k++) {
        double next[MOST_ALGEBRAIC][MOST_ALGEBRAIC], trace = 0;
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
        if (!(c[k] > 0)) return 0;
    for (int k = 0; k < n + 2; k++) {
        table[0][k] = 2 * k <= n ? c[2 * k] : 0;
        table[1][k] = 2 * k + 1 <= n ? c[2 * k + 1] : 0;
    }
    for (int row = 2; row <= n; row++) {
        double *above = table[row % 2], *last = table[(row + 1) % 2];
        for (int k = 0; k <= n; k++) above[k] = above[k + 1] - above[0] / last[0] * last[k + 1];
        if (!(above[0] > 0)) return 0;
    }
    return 1;
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
    const int exists = NAME(feasible)(s, at);
    if (at->determinant != at->determinant) return NOT_FINITE;
    if (!exists) return INFEASIBLE;
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

/* Everything that attempts of a step from (t, y) share. */
static int NAME(begin)(const System *s, const Inputs *in, const Progress *p, Work *w, Point *at) {
    const int K = s->algebraic, known = 1 + s->inputs + s->differential;
    const long stride = vector_length(s), length = (long)s->degree * s->lanes;
    const double t0 = fmin(fmax(p->t, p->low), p->high);
    const int why = NAME(look)(s, in, p, t0, w->y, at);
    if (why) return why;
    double c[MOST_Z];
    NAME(coefficients)(s, at, c);
    NAME(combine)(s, c, w->J);
    NAME(product)(s, w->J, w->y, w->F0);
    NAME(add_sources)(s, at->z, 0, count_z(s), w->F0);
    for (int a = 0; a < K; a++) NAME(direction)(s, known + a, w->y, w->U + a * stride);
    for (int i = 0; i < s->differential; i++)
        NAME(direction)(s, Z0 + s->inputs + i, w->y, w->U + (K + i) * stride);
    NAME(gradient)(s, at, w->G, w->used);
    for (int i = 0; i < s->inputs; i++) {
        if (in->kind[i] == FIXED_INPUT) continue;
        double *direction = w->directions + i * stride, through[MOST_ALGEBRAIC];
        NAME(direction)(s, Z0 + i, w->y, direction);
        for (int a = 0; a < K; a++) through[a] = at->g[Z0 + i][a];
        if (K) NAME(through_own)(s, at, through);
        for (int a = 0; a < K; a++)
            for (long k = 0; k < length; k++) direction[k] += through[a] * w->U[a * stride + k];
    }
    return NOTHING;
}

/* dF/dt at fixed y into Ft; whether there is any. A fourth-order forward difference of the inputs within `step`. */
static int NAME(time_derivative)(const System *s, const Inputs *in, const Progress *p, Work *w, double step) {
    static const double weights[5] = {-25, 48, -36, 16, -3};
    const long stride = vector_length(s), length = (long)s->degree * s->lanes;
    const double t0 = fmin(fmax(p->t, p->low), p->high), part = fmin(step / 4, 1e-3);
    int any = 0;
    for (int i = 0; i < s->inputs; i++) {
        if (in->kind[i] == FIXED_INPUT) continue;
        double slope = 0;
        for (int k = 0; k < 5; k++) slope += weights[k] * NAME(input)(s, in, p, i, t0 + k * part);
        slope /= 12 * part;
        if (slope == 0) continue;
        if (!any) memset(w->Ft, 0, sizeof(double) * (size_t)length);
        any = 1;
        for (long k = 0; k < length; k++) w->Ft[k] += slope * w->directions[i * stride + k];
    }
    return any;
}

/* Factors of shift M - J - U G. */
static int NAME(prepare)(const System *s, const Point *at, Work *w, double shift) {
    const int scalars = s->algebraic + s->differential;
    const long stride = vector_length(s), length = (long)s->degree * s->lanes;
    if (NAME(factor)(s, w->J, shift, w->W, w->V, w->T)) return 0;
    double small[MOST_SCALARS][MOST_SCALARS], column[MOST_SCALARS];
    for (int j = 0; j < scalars; j++) {
        NAME(solve)(s, w->W, w->V, w->T, w->U + j * stride, w->Q + j * stride);
        NAME(along)(s, at, w->G, w->used, w->Q + j * stride, column);
        for (int i = 0; i < scalars; i++) small[j][i] = (i == j) - column[i]; /* transposed */
    }
    if (scalars == 1) {
        if (small[0][0] == 0) return 0;
        for (long k = 0; k < length; k++) w->Q[k] /= small[0][0];
        return 1;
    }
    if (!scalars) return 1;
    double inverse[MOST_SCALARS * MOST_SCALARS] = {0};
    for (int j = 0; j < scalars; j++) inverse[j * MOST_SCALARS + j] = 1;
    if (!NAME(solve_small)(scalars, small, scalars, inverse, MOST_SCALARS)) return 0;
    for (long k = 0; k < length; k++) {
        double row[MOST_SCALARS];
        for (int j = 0; j < scalars; j++) {
            row[j] = 0; /* Q = X (1 - G X)^-1; column i of `inverse` is row i of that inverse */
            for (int i = 0; i < scalars; i++) row[j] += w->Q[i * stride + k] * inverse[i * MOST_SCALARS + j];
        }
        for (int j = 0; j < scalars; j++) w->Q[j * stride + k] = row[j];
    }
    return 1;
}

static void NAME(solve_all)(const System *s, const Point *at, Work *w, const double *b, double *x) {
    const int scalars = s->algebraic + s->differential, length = s->degree * s->lanes;
    const long stride = vector_length(s);
    double moved[MOST_SCALARS];
    NAME(solve)(s, w->W, w->V, w->T, b, x);
    NAME(along)(s, at, w->G, w->used, x, moved);
    for (int j = 0; j < scalars; j++) {
        const double *q = w->Q + j * stride;
        for (int k = 0; k < length; k += WIDTH) STORE(x + k, LOAD(x + k) + moved[j] * LOAD(q + k));
    }
}

/* y1 of a step h; 0 or why it cannot be made. */
static int NAME(attempt)(const System *s, const Scheme *scheme, const Inputs *in, const Progress *p, const Point *at,
                         Work *w, double h, int *pivot) {
    const int length = s->degree * s->lanes, all = count_z(s);
    const double t0 = fmin(fmax(p->t, p->low), p->high);
    *pivot = !NAME(prepare)(s, at, w, 1.0 / (h * scheme->gamma));
    if (*pivot) return NOT_FINITE;
    const int moving = NAME(time_derivative)(s, in, p, w, fmin(h, p->high - t0));
    for (int i = 0; i < STAGES; i++) {
        const double by_time = moving ? h * scheme->d[i] : 0.0;
        const double *right = w->F0;
        if (i) {
            Point there;
            double c[MOST_Z];
            for (int k = 0; k < length; k += WIDTH) {
                NAME(vec) stage = LOAD(w->y + k), known = {0};
                for (int j = 0; j < i; j++) {
                    const NAME(vec) earlier = LOAD(w->K[j] + k);
                    stage += scheme->a[i * STAGES + j] * earlier;
                    known += scheme->C[i * STAGES + j] * earlier;
                }
                STORE(w->stage + k, stage);
                STORE(w->right + k, known * (1.0 / h) * LOAD(s->mass + k));
            }
            const double t = fmin(fmax(p->t + scheme->c[i] * h, p->low), p->high);
            const int why = NAME(look)(s, in, p, t, w->stage, &there);
            if (why) return why;
            NAME(coefficients)(s, &there, c);
            NAME(apply)(s, c, 0, s->matrices, w->stage, w->x);
            NAME(add_sources)(s, there.z, 0, all, w->x);
            for (int k = 0; k < length; k += WIDTH) STORE(w->right + k, LOAD(w->right + k) + LOAD(w->x + k));
            right = w->right;
        } else if (by_time != 0) {
            memcpy(w->right, w->F0, sizeof(double) * (size_t)length);
            right = w->right;
        }
        if (by_time != 0)
            for (int k = 0; k < length; k += WIDTH)
                STORE(w->right + k, LOAD(w->right + k) + by_time * LOAD(w->Ft + k));
        NAME(solve_all)(s, at, w, right, w->K[i]);
    }
    for (int k = 0; k < length; k += WIDTH) {
        NAME(vec) sum = LOAD(w->y + k);
        for (int j = 0; j < STAGES; j++) sum += scheme->b[j] * LOAD(w->K[j] + k);
        STORE(w->y1 + k, sum);
    }
    return isfinite(NAME(dot)(s, w->y1, w->y1, 0, s->lanes)) ? NOTHING : NOT_FINITE;
}

/* Takes out of a step what rounding did to the conserved quantities. */
static void NAME(conserve)(const System *s, Progress *p, Work *w, double h) {
    const int length = s->degree * s->lanes;
    for (int q = 0; q < s->invariants; q++) {
        const double *weights = s->invariant_weights + (long)q * length;
        const double *carrier = s->invariant_carriers + (long)q * length;
        const double before = NAME(dot)(s, weights, w->y, 0, s->lanes);
        const double defect = NAME(dot)(s, weights, w->y1, 0, s->lanes) - before;
        if (defect == 0) continue;
        if (!(fabs(defect) < 1e-11 * fabs(before))) {
            const int entries = (s->degree + 1) * (s->degree + 1) * s->lanes;
            const double rate = NAME(largest)(w->J, entries) * NAME(largest)(w->y, length);
            if (!(fabs(defect) < 2e-15 * h * rate)) continue; /* the problem's own defect stays to be seen */
        }
        const double factor = defect / (before + defect);
        for (int k = 0; k < length; k += WIDTH)
            STORE(w->y1 + k, LOAD(w->y1 + k) * (1.0 - factor * LOAD(carrier + k)));
        p->rounding += fabs(defect);
    }
}

/* The error of arriving neurons over the tolerance; 0 where noise rules. */
static double NAME(arriving_error)(const System *s, const Progress *p, const double *z, const double *y,
                                   const double *error) {
    const int n = s->arriving, last = n - 1;
    if (!n) return 0;
    double noise = s->arriving_noise[0], end = s->speed[last], most = 0, worst = 0;
    for (int i = 0; i < s->inputs; i++) {
        noise += z[Z0 + i] * s->arriving_noise[1 + i];
        end += z[Z0 + i] * s->speed[(1 + i) * n + last];
    }
    const double share = s->spread * noise;
    if (!(end > share)) return 0;
    int against = -1; /* the last node at which the drift does not lead up */
    for (int round = 0; round < 3; round++)
        for (int k = 0; k < (round ? s->arriving_places : n); k++) {
            const int node = round ? s->arriving_place[2 * k + 1] : k;
            double speed = s->speed[node];
            for (int i = 0; i < s->inputs; i++) speed += z[Z0 + i] * s->speed[(1 + i) * n + node];
            if (!round) { if (speed <= 0) against = node; continue; }
            if (node <= against) continue;
            const int place = s->arriving_place[2 * k];
            const double flux = speed * fabs(y[place]);
            if (round == 1) { if (flux > most) most = flux; continue; }
            const double small = 1e-2 + share / end * most;
            const double part = speed * fabs(error[place]) / (p->atol + 0.4 * p->rtol * (flux + small));
            if (part > worst) worst = part;
        }
    return worst;
}

/* max( max|err| / (atol + rtol max|y|), scalars ): see ErrorNorm */
static double NAME(error_of)(const System *s, const Progress *p, Work *w, const Point *was, const Point *at, double h) {
    const int K = s->algebraic, length = s->degree * s->lanes;
    const double *error = w->K[STAGES - 1];
    if (!isfinite(NAME(dot)(s, error, error, 0, s->lanes))) return INFINITY;
    double worst = NAME(largest)(error, length) / (p->atol + p->rtol * NAME(largest)(w->y1, length) + 1e-300);
    const double arriving = NAME(arriving_error)(s, p, at->z, w->y1, error);
    if (!(arriving <= worst)) worst = arriving;
    double effect[MOST_SCALARS];
    for (int a = 0; a < K; a++) effect[a] = 0;
    const long rows = length;
    for (int k = 0; k < count_z(s) && K; k++)
        for (int a = 0; a < K; a++) {
            const int *lanes = s->rows_lanes + 2 * (k * K + a);
            if (lanes[1] > lanes[0] && at->z[k] != 0)
                effect[a] += at->z[k] * NAME(dot)(s, s->rows + (k * K + a) * rows, error, lanes[0], lanes[1]);
        }
    for (int i = 0; i < s->differential; i++) {
        effect[K + i] = error[s->differential_place[i]];
        for (int a = 0; a < K; a++) effect[a] += effect[K + i] * at->g[Z0 + s->inputs + i][a];
    }
    if (K) NAME(through_own)(s, at, effect);
    for (int j = 0; j < K + s->differential; j++) {
        const int k = j < K ? 1 + s->inputs + s->differential + j : Z0 + s->inputs + j - K;
        const double count = (at->z[k] > was->z[k] ? 1e-5 : 1e-3) / h;
        const double part = fabs(effect[j]) / (p->atol + p->rtol * (fabs(at->z[k]) + 1e-2 + count));
        if (!(part <= worst)) worst = part;
    }
    return worst;
}

/* 0.01 of the shortest time in which y or a scalar changes by itself */
static double NAME(first_step)(const System *s, const Progress *p, Work *w, const Point *at) {
    const int K = s->algebraic, length = s->degree * s->lanes;
    for (int k = 0; k < length; k += WIDTH) STORE(w->slope + k, LOAD(w->F0 + k) / LOAD(s->mass + k));
    const double size = NAME(largest)(w->y, length), change = NAME(largest)(w->slope, length);
    double fastest = size > 0 ? change / size : change > 0 ? 1e4 / p->span : 0, moved[MOST_SCALARS];
    NAME(along)(s, at, w->G, w->used, w->slope, moved);
    for (int j = 0; j < K + s->differential; j++) {
        const int k = j < K ? 1 + s->inputs + s->differential + j : Z0 + s->inputs + j - K;
        fastest = fmax(fastest, fabs(moved[j]) / (fabs(at->z[k]) + 1e-2));
    }
    return fmin(fastest > 0 ? 0.01 / fastest : INFINITY, 1e-2 * p->span);
}

/* Whether every reason to change the mesh certainly fails: see felif/assembly/watch.py */
static int NAME(mesh_serves)(const System *s, const double *y, const Point *at) {
    const int P = s->degree, n = s->lanes, all = count_z(s);
    for (int e = 0; e < n; e += WIDTH) {
        NAME(vec) one = {0}, two = {0};
        for (int i = 0; i <= P; i++) {
            const NAME(vec) value = i < P ? LOAD(y + i * n + e) : LOAD(y + e + 1);
            one += LOAD(s->tops + i * n + e) * value;
            two += LOAD(s->tops + (P + 1 + i) * n + e) * value;
        }
        if (!(NAME(largest_of)(NAME(magnitude)(one) + NAME(magnitude)(two)) <= 1)) return 0;
    }
    for (int k = 0; k < s->ends; k++)
        if (!(fabs(y[s->end_place[k]]) <= s->end_limit[k])) return 0;
    for (int k = 0; k < s->layers; k++) {
        const double *row = s->layer_table + k * (1 + 2 * all);
        double drift = 0, noise = 0;
        for (int j = 0; j < all; j++) drift += row[1 + j] * at->z[j], noise += row[1 + all + j] * at->z[j];
        if (!(row[0] * fabs(drift) <= noise)) return 0;
    }
    NAME(vec) low = {0}, high = {0};
    for (int k = 0; k < P * n; k += WIDTH) {
        low = NAME(smaller)(LOAD(y + k), low);
        high = NAME(larger)(LOAD(y + k), high);
    }
    return NAME(largest_of)(-low) <= s->undershoot * NAME(largest_of)(high);
}

/* Whether as many pairs of cells are smooth enough to become one as makes a new mesh worth its making. */
static int NAME(could_give_back)(const System *s, const double *y) {
    const int P = s->degree, n = s->lanes;
    int found = 0, before = 0;
    for (int cell = 0; cell < s->cells && s->worthwhile > 0; cell++) {
        int quiet = 1;
        for (int f = 0; f < s->fields && quiet; f++) {
            const int e = s->first_lane[f] + cell;
            double one = 0, two = 0;
            for (int i = 0; i <= P; i++) {
                const double value = i < P ? y[i * n + e] : y[e + 1];
                one += s->tops[i * n + e] * value, two += s->tops[(P + 1 + i) * n + e] * value;
            }
            quiet = fabs(one) + fabs(two) < s->smooth;
        }
        found += cell && before && quiet && s->pairs[cell - 1];
        before = quiet;
    }
    return found >= s->worthwhile;
}

static double NAME(spacing)(const Progress *p) {
    const double t = fmax(fabs(p->t), p->tiny);
    return nextafter(t, INFINITY) - t;
}

/* Values of the delayed scalars at the nodes of the step just made, for later steps. */
static int NAME(remember)(const System *s, const Inputs *in, Progress *p, Work *w, const double *dense, double t0,
                          double t1) {
    const int scalars = s->algebraic + s->differential;
    double *values = in->values + (long)p->known * scalars * PAST_NODES;
    for (int node = 0; node < PAST_NODES; node++) {
        const double x = in->nodes[node], in_x = x * (1 - x);
        Point at;
        memset(w->stage, 0, sizeof(double) * (size_t)(s->degree * s->lanes));
        for (int k = 0; k < s->size; k++) {
            const int place = s->place[k];
            const double D = dense[k] + x * (dense[s->size + k] + x * dense[2 * s->size + k]);
            w->stage[place] = (1 - x) * w->y[place] + x * w->y1[place] + in_x * D;
        }
        const double t = fmin(fmax(t0 + x * (t1 - t0), p->low), p->high);
        const int why = NAME(look)(s, in, p, t, w->stage, &at);
        if (why) return why;
        for (int j = 0; j < scalars; j++) {
            const int k = j < s->algebraic ? 1 + s->inputs + s->differential + j : Z0 + s->inputs + j - s->algebraic;
            values[j * PAST_NODES + node] = at.z[k];
        }
    }
    in->times[++p->known] = t1;
    return NOTHING;
}

/* The factor for the next step: see Controller.accepted */
static double NAME(growth)(const Scheme *scheme, Progress *p, double h, double error) {
    const int first = !(p->control_step > 0);
    error = fmax(error, first ? 1e-15 : 1e-6);
    double factor = 0.9 * pow(error, -scheme->exponent), most = 1e3;
    if (first) factor = ldexp(1.0, ilogb(factor));
    else {
        const double trend = h / p->control_step * pow(p->control_error / error, scheme->exponent);
        factor *= trend < 1 ? trend : p->control_starting ? pow(trend, 0.3) : 1.0;
        most = 6;
    }
    factor = fmin(fmax(factor, 0.2), p->control_rejected ? 1.0 : most);
    p->control_starting = p->control_starting && !p->control_rejected && factor >= 1;
    p->control_error = fmax(error, 1e-2), p->control_step = h, p->control_rejected = 0;
    return factor;
}

static int NAME(burst)(const System *s, const Scheme *scheme, const Inputs *in, Progress *p, Steps *out, double *y,
                       double *memory) {
    const int n = s->size, length = s->degree * s->lanes, scalars = s->algebraic + s->differential;
    Work work, *w = &work;
    NAME(arrange)(s, memory, w);
    memset(w->y, 0, sizeof(double) * (size_t)vector_length(s));
    memset(w->y1, 0, sizeof(double) * (size_t)vector_length(s));
    for (int k = 0; k < n; k++) w->y[s->place[k]] = y[k];
    p->made = 0;
    for (;;) {
        if (p->made >= p->capacity) return FULL;
        Point at, after;
        int why = NAME(begin)(s, in, p, w, &at);
        if (why) {
            p->failure = why, p->failure_value = at.determinant;
            return why == NO_VALUE ? NO_INPUT : NO_RATE;
        }
        const double spacing = NAME(spacing)(p);
        if (isnan(p->h)) {
            p->h = NAME(first_step)(s, p, w, &at);
            p->shortest = 64 * spacing;
            p->h = fmax(p->h, p->shortest), p->layer = p->t + 1024 * p->shortest;
        }
        double h, t1, error;
        int lands;
        for (;;) {
            const double left = p->end - p->t;
            h = fmin(p->h, p->max_step), lands = 0, t1 = p->t + h;
            if (h * (1 + 1e-10) >= left) t1 = p->end, lands = 1;
            else if (2 * h > left && !p->fixed) t1 = p->t + 0.5 * left;
            h = t1 - p->t;
            if (!lands && h < 8 * spacing) return STUCK;
            int pivot;
            why = NAME(attempt)(s, scheme, in, p, &at, w, h, &pivot);
            if (pivot) return PIVOT;
            p->factorisations++;
            error = INFINITY;
            if (!why) {
                NAME(conserve)(s, p, w, h);
                why = NAME(look)(s, in, p, fmin(fmax(t1, p->low), p->high), w->y1, &after);
                p->failure_value = after.determinant;
            }
            if (why == NO_VALUE) return NO_INPUT;
            if (!why) {
                error = NAME(error_of)(s, p, w, &at, &after, h);
                if (!(error < INFINITY)) why = NOT_FINITE;
            }
            if (!why && (error <= 1 || p->fixed)) break;
            if (!why && h <= 1.1 * p->shortest && error * p->accepted_rtol < 0.1) break;
            p->rejected++;
            p->control_rejected = 1;
            p->failure = why ? why : TOO_LARGE;
            if (!why) p->failure_value = error;
            if (p->fixed) return STUCK;
            p->h = why ? 0.25 * h : h * fmax(0.1, fmin(0.9, 0.9 * pow(error, -scheme->exponent)));
        }
        double *dense = out->dense + (long)p->made * DENSE * n, *state = out->states + (long)p->made * n;
        for (int d = 0; d < DENSE; d++) {
            for (int k = 0; k < length; k += WIDTH) {
                NAME(vec) sum = {0};
                for (int j = 0; j < STAGES; j++) sum += scheme->H[d * STAGES + j] * LOAD(w->K[j] + k);
                STORE(w->x + k, sum);
            }
            for (int k = 0; k < n; k++) dense[d * n + k] = w->x[s->place[k]];
        }
        if (p->known >= 0 && (why = NAME(remember)(s, in, p, w, dense, p->t, t1))) return why == NO_VALUE ? NO_INPUT : NO_RATE;
        for (int k = 0; k < n; k++) y[k] = state[k] = w->y1[s->place[k]];
        if (!(t1 < p->layer)) p->shortest = 0;
        out->times[p->made] = t1, out->errors[p->made] = error;
        double *row = out->scalars + (long)p->made * scalars;
        for (int j = 0; j < scalars; j++)
            row[j] = after.z[j < s->algebraic ? 1 + s->inputs + s->differential + j : Z0 + s->inputs + j - s->algebraic];
        if (!p->fixed) {
            if (lands && p->left_of_jump) p->h = NAN;
            else p->h = fmax(h * NAME(growth)(scheme, p, h, error), lands ? p->h : p->shortest);
        }
        double *old = w->y;
        w->y = w->y1, w->y1 = old;
        p->t = t1, p->made++;
        p->until_coarsening--;
        const int count_pairs = s->worthwhile >= 0 && p->until_coarsening == 0;
        p->finer = s->tops && !NAME(mesh_serves)(s, w->y, &after);
        p->coarser = count_pairs && NAME(could_give_back)(s, w->y);
        if (count_pairs && !p->coarser && 2 * p->coarsening_every <= LONGEST_PAUSE) p->coarsening_every *= 2;
        if (p->until_coarsening <= 0) p->until_coarsening = p->coarsening_every;
        if (lands) return LANDED;
        if (p->rate >= 0 && row[p->rate] > p->N_max) return RISING;
        if (p->finer || p->coarser) return LOOK_AT_MESH;
    }
}

static int NAME(solve_many)(const System *s, const double *c, double shift, const double *b, double *x, int count,
                            double *memory) {
    Work work, *w = &work;
    NAME(arrange)(s, memory, w);
    NAME(combine)(s, c, w->J);
    const int small = NAME(factor)(s, w->J, shift, w->W, w->V, w->T);
    memset(w->y, 0, sizeof(double) * (size_t)vector_length(s));
    for (int j = 0; j < count; j++) {
        for (int k = 0; k < s->size; k++) w->y[s->place[k]] = b[(long)j * s->size + k];
        NAME(solve)(s, w->W, w->V, w->T, w->y, w->x);
        for (int k = 0; k < s->size; k++) x[(long)j * s->size + k] = w->x[s->place[k]];
    }
    return small;
}
