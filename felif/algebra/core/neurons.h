/* The neurons of a chunk through a step. felif/particles/neurons.py has the laws and their sources; this is the same
   neuron by neuron, with the same random numbers. */

#define BLOCK 512 /* neurons proposed at once: what they need stays in the first-level cache */

#ifndef FELIF_NEURONS_H
#define FELIF_NEURONS_H
#define NEGLIGIBLE 28.0 /* crossings of probability below e^-28 are not drawn */

typedef struct {
    double decay, shift, spread, slope;
} Transition;

/* What a neuron goes through in a step. */
typedef struct {
    const Neurons *all;
    const double *c, *table, *pulls;
    double end;
} Stage;

static Transition transition(double g, double m, double a, double h) {
    double decay = 1.0, shift = m * h, variance = 2.0 * a * h, sine = h;
    if (g != 0.0) {
        decay = exp(-g * h);
        shift = -m * expm1(-g * h) / g;
        variance = -a * expm1(-2.0 * g * h) / g;
        sine = sinh(g * h) / g;
    }
    return (Transition){decay, shift, sqrt(variance), a * sine > 1e-290 ? 1.0 / (a * sine) : 1e290};
}

/* f(v) between the points of a table (lowest point, points per unit, values ...), beyond it on its end pieces. */
static inline double table_drift(const double *table, int64_t size, double v) {
    const double z = (v - table[0]) * table[1], most = (double)(size - 4);
    double place = z > 0.0 ? z : 0.0;
    place = place < most ? place : most;
    const int64_t j = (int64_t)place;
    return table[2 + j] + (z - (double)j) * (table[3 + j] - table[2 + j]);
}

static inline double heun(const double *table, int64_t size, double x, double h, double push) {
    const double slope = table_drift(table, size, x);
    return x + push + 0.5 * h * (slope + table_drift(table, size, x + push + h * slope));
}

/* First time in (0, h) of a path that starts `below` the threshold, ends `beyond` away from it, and has met it. */
static double crossing_time(const Stage *s, double below, double beyond, double h, uint64_t *generator) {
    const double g = s->c[G], a = s->c[A];
    const double whole = g == 0.0 ? h : expm1(2.0 * g * h) / (2.0 * g), reach = exp(g * h) * beyond;
    const double mean = below / (reach > 1e-300 ? reach : 1e-300);
    double z = mean;
    if (a > 0.0) {
        const double normal = normal_of(s->all->ziggurat, drawn(generator));
        const double w = mean * (normal * normal) * (a * whole) / (below * below);
        z = mean / (1.0 + w + sqrt(w * (w + 2.0)));
        if (uniform(generator) * (mean + z) > mean) z = mean * (mean / z);
    }
    const double fraction = z < 1e300 ? z / (1.0 + z) : 1.0;
    const double t = g == 0.0 ? fraction * h : log1p(2.0 * g * whole * fraction) / (2.0 * g);
    return t < h ? t : h;
}

/* Time in (0, left) at which a neuron that goes from x to y fires; -1 if it does not. */
static double firing_time(const Stage *s, double x, double y, double left, double slope, uint64_t *generator) {
    const double threshold = s->c[V_F], eps = s->c[EPS];
    if (eps == 0.0) {
        const double below = threshold - x, beyond = threshold - y;
        if (beyond > 0.0) {
            const double q = below * beyond * slope;
            if (q > NEGLIGIBLE || uniform(generator) > exp(-q)) return -1.0;
        }
        return crossing_time(s, below, fabs(beyond), left, generator);
    }
    if (x > threshold) { /* symmetric splitting: the first half of the step belongs to x, the second to y */
        const double wait = eps * exponential(generator);
        if (wait < 0.5 * left) return wait;
    }
    if (y > threshold) {
        const double wait = eps * exponential(generator);
        if (wait < 0.5 * left) return 0.5 * left + wait;
    }
    return -1.0;
}

/* Where a neuron begins again: V_R, or a place that is drawn. */
static double reset(const Stage *s, uint64_t *generator) {
    const int entries = s->all->entries;
    if (entries == ENTRIES) return s->c[V_R];
    const double chance = uniform(generator);
    int k = ENTRIES;
    while (k + 2 < entries && chance > s->c[k]) k += 2;
    return s->c[k + 1];
}

/* Where x would be after `left`, and the slope of its crossings on the way. */
static double propose(const Stage *s, int64_t i, double x, double left, double *slope, uint64_t *generator) {
    const double *c = s->c, pull = s->pulls ? s->pulls[i] : 0.0;
    const double normal = normal_of(s->all->ziggurat, drawn(generator));
    if (c[TABLE] == 0.0) {
        const Transition over = transition(c[G], c[M] + pull, c[A], left);
        *slope = over.slope;
        return x * over.decay + over.shift + over.spread * normal;
    }
    const Transition over = transition(0.0, c[M], c[A], left);
    *slope = over.slope;
    return heun(s->table, s->all->table_size, x, left, over.shift + over.spread * normal);
}

/* Neuron i from x with `left` of the step left, y being proposed for its end; returns how often it fires. */
static int walk(const Stage *s, int64_t i, double x, double y, double left, double slope, uint64_t *generator) {
    const Neurons *all = s->all;
    const double *c = s->c;
    for (int fired = 0;;) {
        const double wait = left > 0.0 ? firing_time(s, x, y, left, slope, generator) : -1.0;
        if (wait < 0.0) {
            all->v[i] = y;
            return fired;
        }
        left -= wait;
        const double now = s->end - c[CLOCK] * left;
        if (i < all->records) {
            double *row = all->spikes + i * all->columns;
            row[0] += 1.0;
            if (row[0] < (double)all->columns) row[(int64_t)row[0]] = now;
        }
        fired++;
        if (c[TAU] != 0.0) { /* below 0: a dead time */
            all->wake[i] = now + (c[TAU] > 0.0 ? c[TAU] * exponential(generator) : -c[TAU]);
            all->v[i] = c[V_R];
            if (all->wake[i] >= s->end) return fired;
            left = s->end - all->wake[i];
        }
        x = reset(s, generator);
        y = propose(s, i, x, left, &slope, generator);
    }
}
#endif

/* Normal variates of the words `generator` + 1, ..., `generator` + size. */
static void NAME(normals)(const double *ziggurat, uint64_t generator, int size, double *restrict values) {
    uint64_t words[BLOCK];
    int outside[BLOCK], count = 0;
    for (int j = 0; j < size; j++) words[j] = mixed(generator + (uint64_t)(j + 1) * GOLDEN);
    for (int j = 0; j < size; j++) {
        const double *row = ziggurat + (words[j] & (ZIGGURAT_LAYERS - 1)) * ZIGGURAT_COLUMNS, u = abscissa(words[j]);
        union { double number; uint64_t bits; } x = {u * row[EDGE]};
        x.bits ^= (words[j] & 256) << 55;
        values[j] = x.number;
        outside[count] = j;
        count += !(u < row[RATIO]);
    }
    for (int k = 0; k < count; k++) values[outside[k]] = normal_of(ziggurat, words[outside[k]]);
}

/* y: where the neurons would be at the end of the step, from x = v + kick. */
static void NAME(propose_all)(const Stage *s, const double *pulls, int size, const double *restrict x,
                              double *restrict y) {
    const double *c = s->c, decay = c[DECAY], shift = c[SHIFT], spread = c[SPREAD], h = c[H];
    if (c[TABLE] != 0.0) {
        for (int j = 0; j < size; j++) y[j] = heun(s->table, s->all->table_size, x[j], h, shift + spread * y[j]);
        return;
    }
    for (int j = 0; j < size; j++) y[j] = x[j] * decay + shift + spread * y[j];
    const double gain = c[G] == 0.0 ? h : -expm1(-c[G] * h) / c[G];
    if (pulls)
        for (int j = 0; j < size; j++) y[j] += gain * pulls[j];
}

/* Whether neurons reach y without firing for certain; moves them there if they do. */
static void NAME(move_quiet)(const Stage *s, int size, const double *restrict x, const double *restrict y,
                             double *restrict v, int64_t *restrict quiet) {
    const double threshold = s->c[V_F], slope = s->c[SLOPE];
    if (s->c[EPS] > 0.0)
        for (int j = 0; j < size; j++) quiet[j] = (x[j] <= threshold) & (y[j] <= threshold);
    else
        for (int j = 0; j < size; j++)
            quiet[j] = (y[j] < threshold) & ((threshold - x[j]) * (threshold - y[j]) * slope > NEGLIGIBLE);
    for (int j = 0; j < size; j++) v[j] = quiet[j] ? y[j] : v[j];
}

static double NAME(highest)(int size, const double *restrict v, const int64_t *restrict awake) {
    double most[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    int j = 0;
    for (; j + 4 <= size; j += 4)
        for (int l = 0; l < 4; l++) {
            const double seen = awake[j + l] ? v[j + l] : -INFINITY;
            most[l] = seen > most[l] ? seen : most[l];
        }
    for (; j < size; j++) most[0] = awake[j] && v[j] > most[0] ? v[j] : most[0];
    for (int l = 1; l < 4; l++) most[0] = most[l] > most[0] ? most[l] : most[0];
    return most[0];
}

/* Chunk k through the step. */
static void NAME(chunk)(const Neurons *n, int k) {
    const int64_t first = n->chunk[3 * k], last = n->chunk[3 * k + 1], kind = n->chunk[3 * k + 2];
    const double *c = n->steps + kind * n->entries;
    const Stage stage = {n, c, n->tables + kind * n->table_size, n->pulls, c[T0] + c[CLOCK] * c[H]};
    const int rests = c[TAU] != 0.0;
    double top = -INFINITY, x[BLOCK], y[BLOCK];
    int64_t fired = 0, resting = 0, quiet[BLOCK];
    int others[BLOCK];
    for (int64_t start = first; start < last; start += BLOCK) {
        const int size = last - start < BLOCK ? (int)(last - start) : BLOCK;
        const uint64_t generator = *n->place + (uint64_t)start * GOLDEN;
        double *v = n->v + start, *wake = rests ? n->wake + start : 0;
        if (c[SPREAD] > 0.0)
            NAME(normals)(n->ziggurat, generator, size, y);
        else
            for (int j = 0; j < size; j++) y[j] = 0.0;
        for (int j = 0; j < size; j++) x[j] = v[j] + c[KICK];
        NAME(propose_all)(&stage, n->pulls ? n->pulls + start : 0, size, x, y);
        if (rests) /* who rests stays where it is, and is no candidate for the highest */
            for (int j = 0; j < size; j++) y[j] = wake[j] > c[T0] ? INFINITY : y[j];
        NAME(move_quiet)(&stage, size, x, y, v, quiet);
        const double highest = NAME(highest)(size, v, quiet);
        top = highest > top ? highest : top;
        int count = 0;
        for (int j = 0; j < size; j++) {
            others[count] = j;
            count += !quiet[j];
        }
        for (int m = 0; m < count; m++) {
            const int j = others[m];
            const int64_t i = start + j;
            double left = c[H], own = c[SLOPE], from = x[j], to = y[j];
            uint64_t own_generator = mixed(generator + (uint64_t)(j + 1) * GOLDEN);
            if (rests && wake[j] > c[T0]) {
                if (wake[j] >= stage.end) {
                    resting++;
                    continue;
                }
                left = stage.end - wake[j];
                from = reset(&stage, &own_generator);
                to = propose(&stage, i, from, left, &own, &own_generator);
            }
            fired += walk(&stage, i, from, to, left, own, &own_generator);
            if (rests && wake[j] > c[T0] && wake[j] >= stage.end)
                resting++;
            else
                top = v[j] > top ? v[j] : top;
        }
    }
    double *found = n->found + FOUND * k;
    found[FIRED] = (double)fired, found[TOP] = top, found[RESTING] = (double)resting;
}
