/* Transport across the lines: upwind fluxes between cells of polynomials, and of limited slopes. What is what, and the
   source, is in felif/algebra/transport_kernels.py; p and out are [n][cells nodes]. */

/* Vectors run over the nodes of a cell: `padded`, of which the last may be no nodes. */
INLINE void NAME(cells_of)(const int nodes, const Across *s, const double *p, double *out) {
    enum { MOST = MOST_NODES };
    const int many = (nodes + WIDTH - 1) / WIDTH, padded = many * WIDTH;
    const int64_t cells = s->cells;
    double *start = s->work, *end = start + cells, *flux = end + cells;
    double volume[MOST * MOST], left[MOST] = {0}, right[MOST] = {0};
    for (int i = 0; i < nodes; i++) left[i] = s->left[i], right[i] = s->right[i];
    for (int q = 0; q < nodes; q++)
        for (int i = 0; i < padded; i++) volume[q * padded + i] = i < nodes ? s->volume[q * nodes + i] : 0.0;
    flux[0] = flux[cells] = 0.0;
    for (int64_t v = 0; v < s->n; v++, p += cells * nodes, out += cells * nodes) {
        const double m = s->mass[v];
        for (int64_t j = 0; j < cells; j++) {
            const double *own = p + j * nodes, share = s->blend[j];
            double a = 0.0, b = 0.0;
            for (int i = 0; i < nodes; i++) a += left[i] * own[i], b += right[i] * own[i];
            start[j] = share > 0.0 ? (1.0 - share) * a + share * own[0] : a;
            end[j] = share > 0.0 ? (1.0 - share) * b + share * own[nodes - 1] : b;
        }
        for (int64_t j = 1; j < cells; j++)
            flux[j] = 0.5 * (s->below[j] * end[j - 1] + s->above[j] * start[j] - s->alpha[j] * (start[j] - end[j - 1]));
        for (int64_t j = 0; j < cells; j++) {
            const double *own = p + j * nodes, *c = s->c + j * nodes, share = s->blend[j];
            double *to = out + j * nodes, rates[MOST];
            NAME(vec) total[MOST / WIDTH];
            for (int k = 0; k < many; k++)
                total[k] = LOAD(left + k * WIDTH) * flux[j] - LOAD(right + k * WIDTH) * flux[j + 1];
            for (int q = 0; q < nodes; q++) {
                const double g = c[q] * own[q];
                for (int k = 0; k < many; k++) total[k] += LOAD(volume + q * padded + k * WIDTH) * g;
            }
            for (int k = 0; k < many; k++) STORE(rates + k * WIDTH, (1.0 - share) * m * total[k]);
            for (int i = 0; i < nodes; i++) to[i] += rates[i];
            if (!(share > 0.0)) continue;
            double before = flux[j];
            for (int i = 0; i < nodes; i++) {
                double after = flux[j + 1];
                if (i + 1 < nodes) {
                    const double jump = own[i + 1] - own[i];
                    after = 0.5 * (c[i] * own[i] + c[i + 1] * own[i + 1] - s->inner[j * (nodes - 1) + i] * jump);
                }
                to[i] += share * m * (before - after);
                before = after;
            }
        }
    }
}

static void NAME(polynomial_cells)(const Across *s, const double *p, double *out) {
    switch (s->nodes) {
    case 2: NAME(cells_of)(2, s, p, out); break;
    case 4: NAME(cells_of)(4, s, p, out); break;
    case 6: NAME(cells_of)(6, s, p, out); break;
    default: NAME(cells_of)((int)s->nodes, s, p, out);
    }
}

static void NAME(limited_slopes)(const Across *s, const double *p, double *out) {
    const int64_t cells = s->cells;
    double *half = s->work;
    half[0] = half[cells - 1] = 0.0;
    for (int64_t v = 0; v < s->n; v++, p += cells, out += cells) {
        for (int64_t j = 1; j + 1 < cells; j++) {
            const double a = (p[j] - p[j - 1]) / (s->widths[j] + s->widths[j - 1]);
            const double b = (p[j + 1] - p[j]) / (s->widths[j] + s->widths[j + 1]);
            const double least = fabs(a) < fabs(b) ? a : b; /* of two of the same sign */
            half[j] = a * b > 0.0 ? s->widths[j] * least : 0.0;
        }
        double before = 0.0;
        for (int64_t j = 0; j < cells; j++) {
            double after = 0.0;
            if (j + 1 < cells) {
                const double end = p[j] + half[j], start = p[j + 1] - half[j + 1];
                after = 0.5 * ((s->alpha[j + 1] + s->below[j + 1]) * end - (s->alpha[j + 1] - s->above[j + 1]) * start);
            }
            out[j] += s->mass[v] * (before - after);
            before = after;
        }
    }
}

/* Marks the cells in which a polynomial may fall below zero on some line v, as its values at samples tell:
   table[i][x] is shape function i at sample x, padded with its last sample to `count`, a multiple of 4. */
static void NAME(suspects)(const Across *s, const double *p, const double *table, int count, double floor,
                           int64_t *suspect) {
    const int64_t nodes = s->nodes;
    for (int64_t j = 0; j < s->cells; j++) suspect[j] = 0;
    for (int64_t v = 0; v < s->n; v++)
        for (int64_t j = 0; j < s->cells; j++, p += nodes) {
            NAME(vec) low = {0}, high = {0};
            low += INFINITY, high -= INFINITY;
            for (int x = 0; x < count; x += WIDTH) {
                NAME(vec) value = {0};
                for (int64_t i = 0; i < nodes; i++) value += LOAD(table + i * count + x) * p[i];
                low = NAME(smaller)(value, low);
                high = NAME(larger)(value, high);
            }
            const double least = -NAME(largest_of)(-low), most = NAME(largest_of)(high);
            const double size = most > -least ? most : -least, bound = size - floor;
            suspect[j] |= least < (0.1 * size < bound ? 0.1 * size : bound);
        }
}
