"""One-step schemes as data: the coefficients of what `integrate` can run (`schemes`).

Every abscissa lies in [0, 1]: a stage never looks beyond the step, so an input that jumps at the end of a step is
only seen from the left. (This is why ESDIRK43 is the pair of 2003 and not that of 2019, whose fifth abscissa is 1.04.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np


@dataclass(frozen=True, eq=False)
class RosenbrockTableau:
    """Coefficients of a Rosenbrock scheme in transformed variables (no matrix-vector products with J).

        W = M / (h gamma) - J
        W k_i = F(t + c_i h, y + sum_j a_ij k_j) + M sum_j (C_ij / h) k_j + h d_i F_t,      y_1 = y + sum_j b_j k_j
        err = sum_j e_j k_j,      y(t + theta h) = (1-theta) y + theta (y_1 + (1-theta) (D_1 + theta (D_2 + theta D_3)))

    with D = H k. Shapes: a, C (s, s) strictly lower triangular; b, c, d, e (s,); H (q, s).
    """

    gamma: float
    a: np.ndarray
    C: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    e: np.ndarray
    H: np.ndarray
    order: int
    error_order: int
    dense_order: int
    caution: float = 1.0  # how many times the estimate of the error overstates the error of N (measured)


@dataclass(frozen=True, eq=False)
class DiagonallyImplicitTableau:
    """Coefficients of a stiffly accurate, diagonally implicit Runge-Kutta pair with an explicit first stage.

        M k_i = F(t + c_i h, y + h sum_{j<=i} A_ij k_j),  A_ii = gamma for i > 0,      y_1 = y + h sum_j b_j k_j
        err = h sum_j (b_j - bhat_j) k_j

    `hermite`: dense output by the cubic through both ends and their slopes; otherwise by the chord, which keeps signs.
    """

    A: np.ndarray
    bhat: np.ndarray
    order: int
    error_order: int
    dense_order: int
    hermite: bool
    caution: float = 1.0  # as above

    @property
    def gamma(self) -> float:
        return float(self.A[-1, -1])

    @property
    def b(self) -> np.ndarray:
        return self.A[-1]

    @property
    def c(self) -> np.ndarray:
        return self.A.sum(axis=1)


@dataclass(frozen=True, eq=False)
class AdditiveTableau:
    """Coefficients of an additive pair: G explicit, I diagonally implicit with an explicit first stage.

        M Y_i = M y + h sum_{j<i} explicit_ij G_j + h sum_{j<=i} implicit_ij I_j,    implicit_ii = gamma for i > 0
        M y_1 = M y + h sum_j (b_explicit_j G_j + b_implicit_j I_j),    err with b - bhat in both

    `stability`: h times the spectral radius of the explicit part must not exceed it, for upwind discretisations of
    transport of every order. `positive`: one implicit stage, solved for y_1 itself.
    """

    explicit: np.ndarray
    implicit: np.ndarray
    b_explicit: np.ndarray
    b_implicit: np.ndarray
    bhat: np.ndarray
    interior: np.ndarray  # (stages, 3), of both parts: y(t + theta h) = y + h sum_jk interior_jk theta^(k+1) slope_j
    order: int
    error_order: int
    dense_order: int
    stability: float
    positive: bool = False
    caution: float = 1.0

    @property
    def hermite(self) -> bool:
        """Whether dense output is a cubic; otherwise the chord, which keeps signs."""
        return self.interior.size > 0

    @property
    def gamma(self) -> float:
        return float(self.implicit[-1, -1])

    @property
    def c(self) -> np.ndarray:
        return self.implicit.sum(axis=1)


def _lower(rows: list[list[float]]) -> np.ndarray:
    square = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        square[i, : len(row)] = row
    return square


def _rodas5p() -> RosenbrockTableau:
    sixth = [-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946]
    a = _lower(
        [
            [],
            [3.0],
            [2.849394379747939, 0.45842242204463923],
            [-6.954028509809101, 2.489845061869568, -10.358996098473584],
            [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
            sixth,
            [*sixth, 1.0],
            [*sixth, 1.0, 1.0],
        ]
    )
    C = _lower(
        [
            [],
            [-14.155112264123755],
            [-17.97296035885952, -2.859693295451294],
            [147.12150275711716, -1.41221402718213, 71.68940251302358],
            [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
            [24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471],
            [30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623]
            + [-28.087943162872662],
            [37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002]
            + [-54.66780262877968, -9.48861652309627],
        ]
    )
    c = [0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0]
    d = [0.21193756319429014, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069, 0, 0, 0]
    H = [
        [25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204]
        + [0.524948541321073, 1.1241088310450404, 0.4272876194431874, -0.17202221070155493],
        [-9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796]
        + [20.176138334709044, 15.98066361424651, -6.789040303419874, -6.710236069923372],
        [11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643]
        + [-52.072871366152654, -59.78993625266729, -0.15582684282751913, 4.883087185713722],
    ]
    last = np.zeros(8)
    last[7] = 1.0
    return RosenbrockTableau(
        gamma=0.21193756319429014,
        a=a,
        C=C,
        b=a[7] + last,
        c=np.array(c),
        d=np.array(d),
        e=last,
        H=np.array(H),
        order=5,
        error_order=4,
        caution=5.0,  # N of a relaxing network: error 5e-2 rtol without it
        dense_order=4,
    )


def _esdirk43() -> DiagonallyImplicitTableau:
    quarter = 1 / 4
    A = _lower(
        [
            [],
            [quarter, quarter],
            [8611 / 62500, -1743 / 31250, quarter],
            [5012029 / 34652500, -654441 / 2922500, 174375 / 388108, quarter],
            [15267082809 / 155376265600, -71443401 / 120774400, 730878875 / 902184768, 2285395 / 8070912, quarter],
            [82889 / 524892, 0.0, 15625 / 83664, 69875 / 102672, -2260 / 8211, quarter],
        ]
    )
    bhat = [4586570599 / 29645900160, 0.0, 178811875 / 945068544, 814220225 / 1159782912]
    bhat += [-3700637 / 11593932, 61727 / 225920]
    return DiagonallyImplicitTableau(A, np.array(bhat), order=4, error_order=3, dense_order=3, hermite=True)


def _trbdf2() -> DiagonallyImplicitTableau:
    w, d = sqrt(2) / 4, 1 - sqrt(2) / 2
    A = _lower([[], [d, d], [w, w, d]])
    bhat = np.array([(1 - w) / 3, w + 1 / 3, d / 3])  # of order 3: the estimate is the error of the scheme itself
    return DiagonallyImplicitTableau(A, bhat, order=2, error_order=2, dense_order=2, hermite=True)


def _backward_euler() -> DiagonallyImplicitTableau:
    # The explicit first stage does not enter y_1; it makes the error estimate h/2 (f_1 - f_0).
    A = _lower([[], [0.0, 1.0]])
    return DiagonallyImplicitTableau(A, np.array([0.5, 0.5]), order=1, error_order=1, dense_order=1, hermite=False)


def _ark43() -> AdditiveTableau:
    implicit = _esdirk43()
    explicit = _lower(
        [
            [],
            [1 / 2],
            [13861 / 62500, 6889 / 62500],
            [-116923316275 / 2393684061468, -2731218467317 / 15368042101831, 9408046702089 / 11113171139209],
            [-451086348788 / 2902428689909, -2682348792572 / 7519795681897, 12662868775082 / 11960479115383]
            + [3355817975965 / 11060851509271],
            [647845179188 / 3216320057751, 73281519250 / 8382639484533, 552539513391 / 3454668386233]
            + [3354512671639 / 8306763924573, 4040 / 17871],
        ]
    )
    b = implicit.b
    interior = np.array(
        [
            [6943876665148 / 7220017795957, -54480133 / 30881146, 6818779379841 / 7100303317025],
            [0.0, 0.0, 0.0],
            [7640104374378 / 9702883013639, -11436875 / 14766696, 2173542590792 / 12501825683035],
            [-20649996744609 / 7521556579894, 174696575 / 18121608, -31592104683404 / 5083833661969],
            [8854892464581 / 2390941311638, -12120380 / 966161, 61146701046299 / 7138195549469],
            [-11397109935349 / 6675773540249, 3843 / 706, -17219254887155 / 4939391667607],
        ]
    )
    # Stable on the imaginary axis up to 4.0, for upwind DG of degree 0 to 8 up to 4.19 / spectral radius (computed).
    return AdditiveTableau(
        explicit,
        implicit.A,
        b,
        b,
        implicit.bhat,
        interior,
        order=4,
        error_order=3,
        dense_order=3,
        stability=4.0,
        caution=0.2,  # Nbar of a learning network: error 2 rtol without it
    )


def _additive_euler() -> AdditiveTableau:
    # As backward Euler above; forward Euler for upwind finite volumes keeps signs up to 1 / largest outflow rate.
    explicit, implicit = _lower([[], [1.0]]), _lower([[], [0.0, 1.0]])
    return AdditiveTableau(
        explicit,
        implicit,
        np.array([1.0, 0.0]),
        np.array([0.0, 1.0]),
        np.array([0.5, 0.5]),
        np.zeros((2, 0)),
        order=1,
        error_order=1,
        dense_order=1,
        stability=1.0,
        positive=True,
    )


RODAS5P_COEFFICIENTS, ESDIRK43_COEFFICIENTS, TRBDF2_COEFFICIENTS = _rodas5p(), _esdirk43(), _trbdf2()
BACKWARD_EULER_COEFFICIENTS, ARK43_COEFFICIENTS, ADDITIVE_EULER_COEFFICIENTS = (
    _backward_euler(),
    _ark43(),
    _additive_euler(),
)
