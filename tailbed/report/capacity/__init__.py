"""What a demand needs: replicas, cost, and how well the models predict."""
