"""What the experiment concludes, in one sentence, and how sure that is."""
