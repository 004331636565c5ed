"""Wide residual networks (Zagoruyko and Komodakis, "Wide Residual Networks", 2016) of CIFAR-10's shape."""
