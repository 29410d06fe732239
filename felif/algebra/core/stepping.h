/* A network through many steps, its spikes delivered; its chunks are shared among threads. felif/particles/stepping.py
   says how steps are chosen and does the same; ADVANCE is the chunk function of the instruction set in use. */

#ifdef _WIN32
__declspec(dllimport) void __stdcall Sleep(unsigned long milliseconds);
#else
#include <time.h>
#endif

#define STEADY 0.5   /* longest kicks in units of sqrt(2 a0 h), while the rate is steady */
#define STRENGTH 0.1 /* and while it grows */
#define CHANGE 0.1
#define MEANWHILE 20.0
#define COUNTED 50.0 /* spikes in a step from which its rate is trusted */
#define DEEPEST 20   /* halvings of a step */
#define LONGEST 200.0
enum { LEVEL, LAST, MEMORY = 3 }; /* of what a network carries from one call to the next */
enum { WORK_ROWS = 5 };

/* Threads -------------------------------------------------------------------------------------------------------- */

/* Whoever waits sleeps soon: the machine may have other work. Between two steps there are microseconds. */
static void give_way(int waited) {
    if (waited < 2000) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
        return;
    }
#ifdef _WIN32
    Sleep(waited > 4000);
#else
    static const struct timespec nap = {0, 50000};
    nanosleep(&nap, 0);
#endif
}

/* Takes a chunk that nobody has taken; 0 where none is left. */
static int take_chunk(Neurons *n) {
    if (__atomic_load_n(&n->next, __ATOMIC_ACQUIRE) >= n->chunks) return 0;
    const int k = __atomic_fetch_add(&n->next, 1, __ATOMIC_ACQ_REL);
    if (k >= n->chunks) return 0;
    ADVANCE(n, k);
    __atomic_fetch_add(&n->done, 1, __ATOMIC_RELEASE);
    return 1;
}

static void help(Neurons *n) {
    for (int waited = 0; !__atomic_load_n(&n->stop, __ATOMIC_ACQUIRE);)
        if (take_chunk(n))
            waited = 0;
        else
            give_way(waited++);
}

/* One step of all neurons. Helpers may come late or not at all: only chunks that they have taken are waited for. */
static void advance(Neurons *n) {
    n->done = 0;
    __atomic_store_n(&n->next, 0, __ATOMIC_RELEASE);
    while (take_chunk(n)) {}
    for (int waited = 0; __atomic_load_n(&n->done, __ATOMIC_ACQUIRE) < n->chunks;) give_way(waited++);
    *n->place += (uint64_t)n->chunk[3 * (n->chunks - 1) + 1] * GOLDEN;
}

static void release(Neurons *n) { __atomic_store_n(&n->stop, 1, __ATOMIC_RELEASE); }

/* Steps ---------------------------------------------------------------------------------------------------------- */

static double dot(int64_t count, const double *x, const double *y) {
    double total = 0.0;
    for (int64_t k = 0; k < count; k++) total += x[k] * y[k];
    return total;
}

static double greatest(int64_t count, const double *x) {
    double most = x[0];
    for (int64_t k = 1; k < count; k++) most = x[k] > most ? x[k] : most;
    return most;
}

static void add(int64_t count, double *x, const double *y) {
    for (int64_t k = 0; k < count; k++) x[k] += y[k];
}

static void set_step(double *step, double g, double m, double a, double h, double t, double clock, double kick) {
    step[G] = g, step[M] = m, step[A] = a, step[H] = h, step[T0] = t, step[CLOCK] = clock, step[KICK] = kick;
    const Transition over = transition(step[TABLE] == 0.0 ? g : 0.0, m, a, h);
    step[DECAY] = over.decay, step[SHIFT] = over.shift, step[SPREAD] = over.spread, step[SLOPE] = over.slope;
}

/* Sums over the chunks of each population, per neuron; returns all spikes. */
static double count_found(const Neurons *n, const double *sizes, double *fired, double *top, double *resting) {
    for (int p = 0; p < n->populations; p++) fired[p] = resting[p] = 0.0, top[p] = -INFINITY;
    double total = 0.0;
    for (int k = 0; k < n->chunks; k++) {
        const int64_t kind = n->chunk[3 * k + 2];
        const double *found = n->found + FOUND * k;
        total += found[FIRED];
        fired[kind] += found[FIRED] / sizes[kind];
        resting[kind] += found[RESTING] / sizes[kind];
        top[kind] = found[TOP] > top[kind] ? found[TOP] : top[kind];
    }
    return total;
}

/* Delivers `queue`, spikes per neuron, at one instant until it is empty, and adds to `total` what fires; returns the
   generations. `ahead`: how far its kicks have moved each population already. */
static int cascade(const Network *n, double t, const double *kicks, double *queue, double *ahead, double *total,
                   double *top, double *resting, int *eternal) {
    Neurons *all = n->neurons;
    const int count = all->populations;
    const int alone = count == 1 && n->noise_kicks[0] == 0.0 && n->rest[0] == 0.0 && n->resets == 0;
    const double lap = alone && kicks[0] > 0.0 ? (n->threshold[0] - n->reset[0]) / kicks[0] : INFINITY;
    const double longest = LONGEST + greatest(count, queue), *const tables = all->tables;
    double before = greatest(count, queue), mark = 0.0, delivered = 0.0;
    int generations = 0;
    *eternal = 0;
    while (greatest(count, queue) > 0.0 && !*eternal) {
        for (int p = 0; p < count; p++) {
            double *step = all->steps + p * all->entries;
            const double push = dot(count, kicks + p * count, queue) - ahead[p];
            step[TABLE] = 0.0;
            set_step(step, 0.0, push, dot(count, n->noise_kicks + p * count, queue), 1.0, t, 0.0, 0.0);
            ahead[p] = 0.0;
        }
        delivered += greatest(count, queue);
        advance(all);
        count_found(all, n->sizes, queue, top, resting);
        add(count, total, queue);
        generations++;
        if (!alone)
            *eternal = delivered > longest && greatest(count, queue) > 0.0;
        else if (delivered - mark >= lap) {
            /* Whoever fired fires again in every lap, and others join: what a lap did not shorten no lap will. */
            *eternal = greatest(count, queue) >= before && lap <= 1.0;
            before = greatest(count, queue), mark = delivered;
        }
    }
    for (int p = 0; p < count; p++) all->steps[p * all->entries + TABLE] = tables[p * all->table_size + 1] > 0.0;
    return generations;
}

/* How often the next step halves dt; it is twice as long as the last one at most. last: (largest rate averaged over
   the past MEANWHILE dt, noise by spikes relative to a0 in the step before), which it updates. */
static int next_level(const Network *n, int level, double h, const double *fired, const double *kicks, double heard,
                      double *last) {
    const int count = n->neurons->populations;
    const double rate = greatest(count, fired) / h;
    double noise = 0.0;
    for (int p = 0; p < count; p++) {
        const double own = dot(count, n->noise_kicks + p * count, fired) / (h * n->a0[p]);
        noise = own > noise ? own : noise;
    }
    const double chance = 3.0 * sqrt(2.0 / (heard > 1.0 ? heard : 1.0)); /* of rates of two steps, to differ by */
    const int grows = rate > (1.0 + 2.0 * CHANGE + chance) * last[0];
    const double strength = grows ? STRENGTH : STEADY;
    const double change = (fabs(noise - last[1]) - (grows ? 0.0 : chance * noise)) / (CHANGE * (1.0 + noise));
    last[0] += (rate - last[0]) * -expm1(-h / (MEANWHILE * n->dt));
    last[1] = noise;
    double needed = level - 1;
    if (heard >= COUNTED) {
        for (int p = 0; p < count; p++) {
            const double push = fabs(dot(count, kicks + p * count, fired)) / h;
            if (!(push > 0.0)) continue;
            const double wanted = 2.0 * n->a0[p] * (strength / push) * (strength / push);
            if (wanted < n->dt) needed = fmax(needed, ceil(log2(n->dt / wanted)));
        }
        if (change > 0.5) needed = fmax(needed, level + ceil(log2(change)));
    }
    return (int)fmax(0.0, fmin(DEEPEST, needed));
}

static int run_network(Network *n) {
    Neurons *all = n->neurons;
    const int count = all->populations;
    const double dt = n->dt;
    const int64_t full = (int64_t)1 << DEEPEST;
    double *ahead = n->work, *fired = ahead + count, *top = fired + count, *rest = top + count, *total = rest + count;
    double *now = total + count, *pending = n->memory + MEMORY, *queue = pending + count, *at_rest = queue + count;
    double *foreseen = at_rest + count, *last = n->memory + LAST;
    int noisy = 0, coupled = 0, level = (int)n->memory[LEVEL];
    for (int k = 0; k < count * count; k++) {
        now[k] = n->lags[k] == 0.0 ? n->kicks[k] : 0.0;
        noisy |= n->noise_kicks[k] > 0.0;
        coupled |= n->noise_kicks[k] > 0.0 || now[k] != 0.0;
    }
    const int64_t row = 2 + count;
    for (n->step = n->first; n->step < n->last; n->step++) {
        const int64_t k = n->step;
        double *rates = n->rates + (n->past + k) * count;
        for (int64_t position = 0; position < full;) {
            while (position % (full >> level)) level++;
            const double h = dt / (double)((int64_t)1 << level), t = dt * ((double)k + (double)position / (double)full);
            for (int p = 0; p < count; p++) {
                double m = n->currents[(k - n->first) * count + p], a = n->a0[p];
                for (int j = 0; j < count; j++) {
                    const double lag = n->lags[p * count + j], part = lag - floor(lag);
                    const double *young = rates - (int64_t)floor(lag) * count, *old = young - count;
                    if (lag > 0.0) m += n->kicks[p * count + j] * ((1.0 - part) * young[j] + part * old[j]) / dt;
                }
                ahead[p] = dot(count, now + p * count, foreseen) * h;
                m += ahead[p] / h;
                if (noisy) {
                    m += dot(count, now + p * count, queue) / h;
                    a += dot(count, n->noise_kicks + p * count, queue) / h;
                }
                set_step(all->steps + p * all->entries, n->g[p], m, a, h, t, 1.0, pending[p]);
            }
            for (int p = 0; p < count; p++) pending[p] = queue[p] = 0.0;
            advance(all);
            const double heard = count_found(all, n->sizes, fired, top, rest);
            for (int c = 0; c < all->chunks; c++)
                n->batches[(n->bin_of[k] * n->batches_count + n->batch_of[c]) * count + all->chunk[3 * c + 2]] +=
                    (int64_t)all->found[FOUND * c + FIRED];
            add(count, rates, fired);
            for (int p = 0; p < count; p++) {
                n->resting[k * count + p] += 0.5 * (at_rest[p] + rest[p]) * h / dt;
                at_rest[p] = rest[p];
                foreseen[p] = heard >= COUNTED && !noisy ? fired[p] / h : 0.0;
            }
            position += full >> level;
            if (!coupled) continue;
            int crowd = 0;
            for (int p = 0; p < count; p++) {
                const double push = dot(count, now + p * count, fired) - ahead[p];
                const double noise = dot(count, n->noise_kicks + p * count, fired);
                crowd |= noisy ? noise > 0.5 * n->a0[p] * h || push > 0.5 * sqrt(2.0 * n->a0[p] * h)
                               : top[p] + push >= n->threshold[p];
            }
            level = next_level(n, level, h, fired, now, heard, last);
            if (crowd && n->escape == 0.0 && greatest(count, fired) > 0.0) {
                const double when = dt * ((double)k + (double)position / (double)full);
                int eternal;
                for (int p = 0; p < count; p++) queue[p] = fired[p], total[p] = 0.0;
                const int generations = cascade(n, when, now, queue, ahead, total, top, rest, &eternal);
                for (int p = 0; p < count; p++) queue[p] = foreseen[p] = 0.0;
                add(count, rates, total);
                for (int p = 0; p < count; p++)
                    if (n->rest[p] != 0.0) at_rest[p] += total[p];
                if (eternal || greatest(count, total) >= n->event_size) {
                    add(count, n->synchronous + k * count, total);
                    if (n->events_made < n->event_capacity) {
                        double *event = n->events + row * n->events_made++;
                        event[0] = when, event[1] = generations;
                        for (int p = 0; p < count; p++) event[2 + p] = eternal ? INFINITY : total[p];
                    }
                    level = level + 4 < DEEPEST ? level + 4 : DEEPEST;
                }
                if (eternal) return ETERNAL;
            } else if (noisy)
                for (int p = 0; p < count; p++) queue[p] = fired[p];
            else
                for (int p = 0; p < count; p++) pending[p] = dot(count, now + p * count, fired) - ahead[p];
        }
        n->memory[LEVEL] = level;
    }
    return FINISHED;
}
