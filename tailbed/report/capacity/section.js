pictures("capacity", (place, own) => ({ scalability: drawScalability, predictions: drawPredictions })[own.kind](place, own));
