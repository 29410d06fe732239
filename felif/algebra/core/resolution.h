/* Whether a mesh certainly serves a state, or could do with fewer cells. */

/* Whether the two highest modes of every cell, and the ends, are within what is allowed of the size of their field */
static int NAME(relatively_resolved)(const System *s, const double *y) {
    const int P = s->degree, n = s->lanes, ends = s->ends / s->fields;
    for (int f = 0; f < s->fields; f++) {
        const int first = s->first_lane[f];
        double size = 0, worst = 0;
        for (int e = first; e <= first + s->cells; e++)
            for (int i = 0; i < P; i++) size = fmax(size, fabs(y[i * n + e]));
        for (int e = first; e < first + s->cells; e++) {
            double one = 0, two = 0;
            for (int i = 0; i <= P; i++) {
                const double value = i < P ? y[i * n + e] : y[e + 1];
                one += s->tops[i * n + e] * value, two += s->tops[(P + 1 + i) * n + e] * value;
            }
            worst = fmax(worst, fabs(one) + fabs(two));
        }
        if (!(worst <= size)) return 0;
        for (int k = f * ends; k < (f + 1) * ends; k++)
            if (!(fabs(y[s->end_place[k]]) <= s->end_limit[k] * size)) return 0;
    }
    return 1;
}

/* Whether every reason to change the mesh certainly fails: see felif/assembly/watch.py */
static int NAME(mesh_serves)(const System *s, const double *y, const Point *at) {
    const int P = s->degree, n = s->lanes, all = count_z(s);
    if (s->relative) return NAME(relatively_resolved)(s, y);
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
