"""One-step schemes, and which coefficients each of them uses."""

from __future__ import annotations

from dataclasses import dataclass

from .tableaux import (
    ADDITIVE_EULER_COEFFICIENTS,
    ARK43_COEFFICIENTS,
    BACKWARD_EULER_COEFFICIENTS,
    ESDIRK43_COEFFICIENTS,
    RODAS5P_COEFFICIENTS,
    TRBDF2_COEFFICIENTS,
    AdditiveTableau,
    DiagonallyImplicitTableau,
    RosenbrockTableau,
)


@dataclass(frozen=True)
class Rodas5P:
    """Rosenbrock scheme of order 5 with 8 stages and one factorisation a step; L-stable, dense output of order 4.

    Notes
    -----
    Source: G. Steinebach, Construction of Rosenbrock-Wanner method Rodas5P, BIT Numer. Math. 63:27 (2023).

    Examples
    --------
    >>> import felif as fl
    >>> fl.Rodas5P().tableau.b.shape
    (8,)
    """

    @property
    def tableau(self) -> RosenbrockTableau:
        """Its coefficients."""
        return RODAS5P_COEFFICIENTS


@dataclass(frozen=True)
class ESDIRK43:
    """ESDIRK4(3)6L[2]SA: order 4 with an embedded order 3, 6 stages, stage order 2, L-stable; solved by Newton.

    Notes
    -----
    Source: C. A. Kennedy, M. H. Carpenter, Appl. Numer. Math. 44 (2003) 139-181, the implicit half of
    ARK4(3)6L[2]SA.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3)
    >>> fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.1, rtol=1e-3, scheme=fl.ESDIRK43()).outcome.name
    'finished'
    """

    @property
    def tableau(self) -> DiagonallyImplicitTableau:
        """Its coefficients."""
        return ESDIRK43_COEFFICIENTS


@dataclass(frozen=True)
class TRBDF2:
    """TR-BDF2: order 2, L-stable, error estimated by an embedded formula of order 3; solved by Newton.

    Notes
    -----
    Source: M. E. Hosea, L. F. Shampine, Appl. Numer. Math. 20 (1996) 21-37.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3)
    >>> fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.1, rtol=1e-3, scheme=fl.TRBDF2()).outcome.name
    'finished'
    """

    @property
    def tableau(self) -> DiagonallyImplicitTableau:
        """Its coefficients."""
        return TRBDF2_COEFFICIENTS


@dataclass(frozen=True)
class BackwardEuler:
    """Backward Euler, order 1. Keeps densities nonnegative where the space does (`Problem.frozen`).

    There each step ends with one solve at frozen scalars, (M/h - A(s_1)) y_1 = M y_0 / h: an M-matrix, whose
    elimination adds nonnegative numbers only, so the result is >= 0 in floating point too, and conservation is exact.
    Where a problem splits itself, its explicit part takes a forward Euler step (the same within its CFL limit).

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), space=fl.ExponentialFitting(), tol=1e-2)
    >>> run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.1, fixed_step=0.05, scheme=fl.BackwardEuler())
    >>> bool(run.series["min_n"].min() >= 0)
    True
    """

    @property
    def tableau(self) -> DiagonallyImplicitTableau:
        """Its coefficients."""
        return BACKWARD_EULER_COEFFICIENTS


@dataclass(frozen=True)
class ARK43:
    """ARK4(3)6L[2]SA: transport explicit, diffusion implicit; order 4 with an embedded order 3, 6 stages, L-stable.

    For problems that split themselves (`evolution.additive`): the learning network.

    Notes
    -----
    Source: C. A. Kennedy, M. H. Carpenter, Appl. Numer. Math. 44 (2003) 139-181, appendix C.

    Examples
    --------
    >>> import felif as fl
    >>> learning = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    >>> fl.discretize(learning, tol=1e-2).default_scheme == type(fl.ARK43()).__name__
    True
    """

    @property
    def tableau(self) -> AdditiveTableau:
        """Its coefficients."""
        return ARK43_COEFFICIENTS


Scheme = Rodas5P | ESDIRK43 | TRBDF2 | BackwardEuler | ARK43
SCHEMES: dict[str, type[Scheme]] = {scheme.__name__: scheme for scheme in Scheme.__args__}


def tableau_of(scheme: Scheme, additive: bool) -> RosenbrockTableau | DiagonallyImplicitTableau | AdditiveTableau:
    """The coefficients a scheme uses on a problem that splits itself, or does not. Raises ValueError."""
    if not additive:
        if isinstance(scheme, ARK43):
            raise ValueError(
                "scheme = ARK43(): this problem does not split itself; allowed are Rodas5P(), ESDIRK43(), ..."
            )
        return scheme.tableau
    if isinstance(scheme, BackwardEuler):
        return ADDITIVE_EULER_COEFFICIENTS
    if not isinstance(scheme, ARK43):
        raise ValueError(
            f"scheme = {scheme!r}: the transport of this problem is explicit; allowed are ARK43() and BackwardEuler()"
        )
    return ARK43_COEFFICIENTS
