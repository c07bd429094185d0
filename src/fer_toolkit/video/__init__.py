"""Faces followed through time: reading, tracking, smoothing, results as data, writing."""
