"""Leaky networks as their numbers alone, and random ones."""

from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Network:
    """All parameters that a closed form can depend on."""

    b: float = 0.0
    a0: float = 1.0
    a1: float = 0.0
    v_reset: float = 1.0
    v_fire: float = 2.0
    current: float = 0.0
    tau: float = 0.0
    eps: float = 0.0


networks = st.builds(
    lambda **values: Network(**{**values, "v_fire": values["v_reset"] + values["v_fire"]}),
    b=st.floats(-30, 30),
    a0=st.floats(0.05, 5),
    a1=st.sampled_from([0.0, 0.0, 0.3, 2.0]),
    v_reset=st.floats(-2, 2),
    v_fire=st.floats(0.1, 3),
    current=st.floats(-3, 5),
    tau=st.sampled_from([0.0, 0.0, 0.05, 1.0]),
    eps=st.sampled_from([0.0, 0.0, 0.05, 0.7]),
)
