/* One step of a Rosenbrock scheme and its error, as felif/evolution/{rosenbrock,step_control}.py make them. */

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
        if (!(fabs(defect) < p->control.rounding * fabs(before))) {
            const double rate = NAME(magnitudes)(s, w->J, w->y);
            if (!(fabs(defect) < DBL_EPSILON * h * rate)) continue; /* the problem's own defect stays to be seen */
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
            const double small = p->control.floor + share / end * most;
            const double part = speed * fabs(error[place]) / (p->atol + p->control.arriving * p->rtol * (flux + small));
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
        const double count = (at->z[k] > was->z[k] ? p->control.rising : p->control.count) / h;
        const double part = fabs(effect[j]) / (p->atol + p->rtol * (fabs(at->z[k]) + p->control.floor + count));
        if (!(part <= worst)) worst = part;
    }
    return worst;
}

/* A part of the shortest time in which y or a scalar changes by itself: see ErrorNorm.first_step */
static double NAME(first_step)(const System *s, const Progress *p, Work *w, const Point *at) {
    const int K = s->algebraic, length = s->degree * s->lanes;
    for (int k = 0; k < length; k += WIDTH) STORE(w->slope + k, LOAD(w->F0 + k) / LOAD(s->mass + k));
    const double size = NAME(largest)(w->y, length), change = NAME(largest)(w->slope, length);
    double fastest = size > 0 ? change / size : change > 0 ? 1 / (p->control.from_nothing * p->span) : 0, moved[MOST_SCALARS];
    NAME(along)(s, at, w->G, w->used, w->slope, moved);
    for (int j = 0; j < K + s->differential; j++) {
        const int k = j < K ? 1 + s->inputs + s->differential + j : Z0 + s->inputs + j - K;
        fastest = fmax(fastest, fabs(moved[j]) / (fabs(at->z[k]) + p->control.floor));
    }
    return fmin(fastest > 0 ? p->control.first / fastest : INFINITY, p->control.first_of_span * p->span);
}
