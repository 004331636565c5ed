"""A small convolutional network that reads handwritten digits: real weights, trained in seconds, no download."""
