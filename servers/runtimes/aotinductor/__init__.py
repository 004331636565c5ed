"""AOTInductor packages on the CPU."""
