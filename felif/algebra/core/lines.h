/* Band matrices of many lines at once. Lines lie innermost, in blocks of LINES: what an elimination does, it does to
   neighbouring numbers of LINES lines, and a block stays in the cache meanwhile. Of a matrix, and of its factors, only
   what lies within the envelope is touched: on cells of polynomials two thirds of the band. */

enum { NAME(GROUP) = 4 * WIDTH }; /* lines whose sums stay in registers */

/* row[0 ... LINES - 1] = entry (i, i + d) of the lines from `first` on; the last line stands for those after it */
static void NAME(entries)(const Lines *s, int64_t i, int64_t d, int64_t first, double *restrict row) {
    const int64_t columns = 2 * s->w + 1, size = s->lines - first < LINES ? s->lines - first : LINES;
    for (int l = 0; l < LINES; l++) row[l] = 0.0;
    if (s->own) {
        const double *own = s->own + (i * columns + s->w + d) * s->lines + first;
        for (int64_t l = 0; l < size; l++) row[l] = own[l];
    } else
        for (int64_t k = 0; k < s->kinds; k++) {
            const double entry = s->bands[(k * s->n + i) * columns + s->w + d];
            const double *c = s->coefficients + k * s->lines + first;
            if (entry == 0.0) continue;
            if (size == LINES)
                for (int l = 0; l < LINES; l++) row[l] += entry * c[l];
            else
                for (int64_t l = 0; l < size; l++) row[l] += entry * c[l];
        }
    for (int64_t l = size; l < LINES; l++) row[l] = row[size - 1];
}

/* LU of the block in `data`, its entries row by row; pivots become reciprocals. Returns the smallest pivot. */
static double NAME(block_factor)(const Lines *s, double *data) {
    double least[LINES], lowest = INFINITY;
    for (int l = 0; l < LINES; l++) least[l] = INFINITY;
    for (int64_t i = 0; i < s->n; i++) {
        double *own = data + (s->start[i] + s->low[i]) * LINES;
        for (int l = 0; l < LINES; l++) {
            least[l] = own[l] >= least[l] ? least[l] : own[l]; /* a NaN, too */
            own[l] = 1.0 / own[l];
        }
        for (int64_t r = i + 1; r < s->n && r <= i + s->w; r++) {
            if (s->low[r] < r - i) continue;
            double *at = data + (s->start[r] + s->low[r] + i - r) * LINES;
            for (int g = 0; g < LINES; g += NAME(GROUP)) {
                NAME(vec) factor[4];
                for (int q = 0; q < 4; q++) {
                    factor[q] = LOAD(at + g + q * WIDTH) * LOAD(own + g + q * WIDTH);
                    STORE(at + g + q * WIDTH, factor[q]);
                }
                for (int64_t d = 1; d <= s->high[i]; d++) {
                    const double *from = own + d * LINES + g;
                    double *to = at + d * LINES + g;
                    for (int q = 0; q < 4; q++)
                        STORE(to + q * WIDTH, LOAD(to + q * WIDTH) - factor[q] * LOAD(from + q * WIDTH));
                }
            }
        }
    }
    for (int l = 0; l < LINES; l++) lowest = least[l] >= lowest ? lowest : least[l];
    return lowest;
}

/* The factors of a block in the order in which `block_solve` reads them: lower rows downwards, then upper rows upwards. */
static double NAME(lines_factor)(const Lines *s, double shift, const double *mass, double *factors, double *work) {
    double least = INFINITY;
    for (int64_t first = 0; first < s->lines; first += LINES) {
        for (int64_t i = 0; i < s->n; i++)
            for (int64_t d = -s->low[i]; d <= s->high[i]; d++) {
                double *row = work + (s->start[i] + s->low[i] + d) * LINES;
                NAME(entries)(s, i, d, first, row);
                for (int l = 0; l < LINES; l++) row[l] = (d ? 0.0 : shift * mass[i]) - row[l];
            }
        const double lowest = NAME(block_factor)(s, work);
        least = lowest >= least ? least : lowest;
        for (int64_t i = 0; i < s->n; factors += s->low[i] * LINES, i++)
            memcpy(factors, work + s->start[i] * LINES, s->low[i] * LINES * sizeof(double));
        for (int64_t i = s->n - 1; i >= 0; factors += (s->high[i] + 1) * LINES, i--)
            memcpy(factors, work + (s->start[i] + s->low[i]) * LINES, (s->high[i] + 1) * LINES * sizeof(double));
    }
    return least;
}

/* z = what is solved for b = z, in a block */
static void NAME(block_solve)(const Lines *s, const double *data, double *z) {
    for (int64_t i = 0; i < s->n; data += s->low[i] * LINES, i++) {
        const double *from = z + (i - s->low[i]) * LINES;
        for (int g = 0; g < LINES; g += NAME(GROUP)) {
            NAME(vec) total[4];
            for (int q = 0; q < 4; q++) total[q] = LOAD(z + i * LINES + g + q * WIDTH);
            for (int64_t k = 0; k < s->low[i]; k++)
                for (int q = 0; q < 4; q++)
                    total[q] -= LOAD(data + k * LINES + g + q * WIDTH) * LOAD(from + k * LINES + g + q * WIDTH);
            for (int q = 0; q < 4; q++) STORE(z + i * LINES + g + q * WIDTH, total[q]);
        }
    }
    for (int64_t i = s->n - 1; i >= 0; data += (s->high[i] + 1) * LINES, i--) {
        double *own = z + i * LINES;
        for (int g = 0; g < LINES; g += NAME(GROUP)) {
            NAME(vec) total[4];
            for (int q = 0; q < 4; q++) total[q] = LOAD(own + g + q * WIDTH);
            for (int64_t k = 1; k <= s->high[i]; k++)
                for (int q = 0; q < 4; q++)
                    total[q] -= LOAD(data + k * LINES + g + q * WIDTH) * LOAD(own + k * LINES + g + q * WIDTH);
            for (int q = 0; q < 4; q++)
                STORE(own + g + q * WIDTH, total[q] * LOAD(data + g + q * WIDTH));
        }
    }
}

/* What lies in the next block of a row, which is far from this one in memory. */
static inline void NAME(fetch_next)(const double *row) {
    for (int l = 0; l < LINES; l += 8) __builtin_prefetch(row + LINES + l);
}

static void NAME(lines_solve)(const Lines *s, const double *factors, const double *b, const double *scale,
                              int64_t count, const double *rows, const double *correction, double *x, double *z) {
    const int64_t n = s->n, lines = s->lines;
    for (int64_t first = 0; first < lines; first += LINES) {
        const int64_t size = lines - first < LINES ? lines - first : LINES;
        double scales[LINES], out[LINES] = {0};
        for (int64_t l = 0; l < LINES; l++) scales[l] = l >= size ? 0.0 : scale ? scale[first + l] : 1.0;
        for (int64_t i = 0; i < n; i++) {
            const double *from = b + i * lines + first;
            NAME(fetch_next)(from);
            for (int64_t l = 0; l < size; l++) z[i * LINES + l] = from[l] * scales[l];
            for (int64_t l = size; l < LINES; l++) z[i * LINES + l] = 0.0;
        }
        NAME(block_solve)(s, factors + first * s->start[n], z);
        for (int64_t k = 0; correction && k < count; k++)
            for (int64_t l = 0; l < size; l++)
                out[l] += rows[k * lines + first + l] * z[(n - count + k) * LINES + l];
        for (int64_t i = 0; i < n; i++) {
            const double *own = z + i * LINES;
            double *to = x + i * lines + first;
            if (correction) {
                const double *more = correction + i * lines + first;
                NAME(fetch_next)(more);
                for (int64_t l = 0; l < size; l++) to[l] = own[l] + more[l] * out[l];
            } else
                for (int64_t l = 0; l < size; l++) to[l] = own[l];
        }
    }
}

/* y_i of lines first ... first + size - 1, a group or less, from the entries of row i times x */
INLINE void NAME(row_times)(const Lines *s, int64_t i, int64_t first, int size, const double *x, double *y) {
    enum { MANY = NAME(GROUP) };
    const int64_t columns = 2 * s->w + 1, lines = s->lines;
    const int64_t from = i - s->w > 0 ? i - s->w : 0, end = i + s->w + 1 < s->n ? i + s->w + 1 : s->n;
    double total[MANY] = {0}, part[MANY];
    for (int64_t k = 0; k < (s->own ? 1 : s->kinds); k++) {
        const double *row = s->own ? 0 : s->bands + (k * s->n + i) * columns + s->w - i;
        for (int l = 0; l < size; l++) part[l] = 0.0;
        for (int64_t j = from; j < end; j++) {
            const double *at = x + j * lines + first;
            if (s->own) {
                const double *own = s->own + (i * columns + s->w + j - i) * lines + first;
                for (int l = 0; l < size; l++) part[l] += own[l] * at[l];
            } else if (row[j] != 0.0)
                for (int l = 0; l < size; l++) part[l] += row[j] * at[l];
        }
        const double *c = s->own ? 0 : s->coefficients + k * lines + first;
        for (int l = 0; l < size; l++) total[l] += s->own ? part[l] : c[l] * part[l];
    }
    for (int l = 0; l < size; l++) y[l] = total[l];
}

static void NAME(lines_multiply)(const Lines *s, const double *x, double *y) {
    for (int64_t first = 0; first < s->lines; first += NAME(GROUP))
        for (int64_t i = 0; i < s->n; i++) {
            double *to = y + i * s->lines + first;
            if (s->lines - first >= NAME(GROUP)) {
                NAME(fetch_next)(x + i * s->lines + first);
                NAME(row_times)(s, i, first, NAME(GROUP), x, to);
            } else
                NAME(row_times)(s, i, first, (int)(s->lines - first), x, to);
        }
}
