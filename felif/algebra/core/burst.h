/* Steps under error control, as felif/evolution/loop.py makes them, until something is to be decided elsewhere. */

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
    const Control *c = &p->control;
    error = fmax(error, first ? c->least_first_error : c->least_error);
    double factor = c->safety * pow(error, -scheme->exponent), most = c->after_first;
    if (first) factor = ldexp(1.0, ilogb(factor));
    else {
        const double trend = h / p->control_step * pow(p->control_error / error, scheme->exponent);
        factor *= trend < 1 ? trend : p->control_starting ? pow(trend, c->upward) : 1.0;
        most = c->largest;
    }
    factor = fmin(fmax(factor, c->smallest), p->control_rejected ? 1.0 : most);
    p->control_starting = p->control_starting && !p->control_rejected && factor >= 1;
    p->control_error = fmax(error, c->least_kept), p->control_step = h, p->control_rejected = 0;
    return factor;
}

static int NAME(burst)(const System *s, const Scheme *scheme, const Inputs *in, Progress *p, Steps *out, double *y,
                       double *memory) {
    const int n = s->size, length = s->degree * s->lanes, scalars = s->algebraic + s->differential;
    Work work, *w = &work;
    const Control *c = &p->control;
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
            p->shortest = c->first_ulps * spacing;
            p->h = fmax(p->h, p->shortest), p->layer = p->t + c->layer * p->shortest;
        }
        double h, t1, error;
        int lands;
        for (;;) {
            const double left = p->end - p->t;
            h = fmin(p->h, p->max_step), lands = 0, t1 = p->t + h;
            if (h * (1 + c->whole) >= left) t1 = p->end, lands = 1;
            else if (2 * h > left && !p->fixed) t1 = p->t + 0.5 * left;
            h = t1 - p->t;
            if (!lands && h < c->shortest_ulps * spacing) return STUCK;
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
            if (why == UNDECIDED) return NO_RATE;
            if (!why) {
                error = NAME(error_of)(s, p, w, &at, &after, h);
                if (!(error < INFINITY)) why = NOT_FINITE;
            }
            if (!why && (error <= 1 || p->fixed)) break;
            if (!why && h <= c->longer * p->shortest && error * p->accepted_rtol < c->first_change) break;
            p->rejected++;
            p->control_rejected = 1;
            p->failure = why ? why : TOO_LARGE;
            if (!why) p->failure_value = error;
            if (p->fixed) return STUCK;
            const double less = fmin(c->refused_largest, c->safety * pow(error, -scheme->exponent));
            p->h = h * (why ? c->failed : fmax(c->refused_smallest, less));
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
        if (!p->fixed) p->h = fmax(h * NAME(growth)(scheme, p, h, error), lands ? p->h : p->shortest);
        double *old = w->y;
        w->y = w->y1, w->y1 = old;
        p->t = t1, p->made++;
        p->until_coarsening--;
        const int count_pairs = s->worthwhile >= 0 && p->until_coarsening == 0;
        p->finer = s->tops && !NAME(mesh_serves)(s, w->y, &after);
        p->coarser = count_pairs && NAME(could_give_back)(s, w->y);
        if (count_pairs && !p->coarser && 2 * p->coarsening_every <= p->longest_pause) p->coarsening_every *= 2;
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
