/* What the caller hands to the compiled core for a network of neurons. Arrays are the caller's, row by row. */
#ifndef FELIF_NETWORK_H
#define FELIF_NETWORK_H

#include <stdint.h>

/* A row of `steps`: what all neurons of a population do in a step; then (sum of shares up to here, place) of resets. */
enum { G, M, A, H, T0, CLOCK, KICK, DECAY, SHIFT, SPREAD, SLOPE, V_R, V_F, TAU, EPS, TABLE, ENTRIES };
/* A row of `found`. */
enum { FIRED, TOP, RESTING, FOUND };

typedef struct {
    int chunks, populations, entries; /* entries: of a row of `steps` */
    int64_t records, columns;         /* neurons whose spikes are recorded, and the length of their rows */
    int64_t table_size;
    const int64_t *chunk;             /* [chunks][3]: first neuron, the one after the last, population */
    double *v, *wake;                 /* wake, the end of their rest, is read where neurons rest */
    const double *pulls;              /* added to the drift of each neuron; NULL where there is nothing */
    const double *tables;             /* [populations][table_size] */
    double *steps;                    /* [populations][entries] */
    const double *ziggurat;
    uint64_t *place;                  /* of the network's generator */
    double *spikes;                   /* [records][columns]: how many, their times */
    double *found;                    /* [chunks][FOUND]: spikes, highest potential of the awake, who rests */
    int next, done, stop;             /* chunks that have been taken, and finished; whether helpers may leave */
} Neurons;

typedef struct {
    Neurons *neurons;
    int64_t first, last, past, batches_count, event_capacity;
    double dt, event_size, escape;
    int resets;
    const double *reset, *threshold, *rest; /* of each population; rest: mean time, minus a dead time */
    const double *lags;               /* [populations][populations], in steps */
    const double *sizes, *g, *a0, *kicks, *noise_kicks, *currents;
    const int64_t *batch_of, *bin_of;
    double *memory, *rates, *synchronous, *resting, *events;
    int64_t *batches;
    double *work;                     /* [WORK_ROWS][populations] and [populations][populations] */
    int64_t step, events_made;        /* where it ended, and how many events there are */
} Network;

/* Where the network has stopped. */
enum { FINISHED, ETERNAL };

/* One step of all neurons as `steps` has it. */
void felif_advance(Neurons *n);

/* Steps first ... last - 1 of the network. */
int felif_network(Network *n);

/* Called by other threads while one of the above runs: takes chunks until it has come to its end. */
void felif_help(Neurons *n);

/* The first `count` normal variates of a generator. */
void felif_normals(const double *ziggurat, uint64_t place, int64_t count, double *values);

#endif
