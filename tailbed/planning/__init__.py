"""How much capacity a demand needs: what one replica holds, found by measuring, and how many of them."""
