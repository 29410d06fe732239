/* What both versions of the core share: loops whose length is known when this is compiled, points, working memory. */

#define INLINE static inline __attribute__((always_inline))
#define SMALL_PIVOT 1e-7 /* over the diagonal entry that it was */


/* `call` with the degree P, a constant where it is one of the usual ones. */
#define BY_DEGREE(call)       \
    switch (s->degree) {      \
    case 6: { enum { P = 6 }; call; } break; \
    case 8: { enum { P = 8 }; call; } break; \
    default: { const int P = s->degree; call; } \
    }

enum { Z0 = 1 }; /* place of the first input in z */

typedef struct {
    double z[MOST_Z];                              /* 1, inputs, differential scalars, algebraic scalars */
    double g[MOST_Z][MOST_ALGEBRAIC];              /* r_z . y + rho_z */
    double own[MOST_ALGEBRAIC][MOST_ALGEBRAIC];    /* -dg/dN */
    double determinant;
} Point;

typedef struct { /* working memory: vectors of `length` and a lane more */
    double *y, *y1, *stage, *right, *x, *F0, *Ft, *slope, *K[STAGES], *G, *U, *Q, *directions;
    double *J, *W, *V, *T;
    int used[2];                                   /* lanes in which rows of G have entries */
} Work;

INLINE int count_z(const System *s) { return 1 + s->inputs + s->differential + s->algebraic; }
INLINE int vector_length(const System *s) { return (s->degree + 1) * s->lanes + LANES; }

