"""F(y) = 0 and its linearisation: Newton, steady states, spectra, Hardy/Poincare constants, continuation."""
