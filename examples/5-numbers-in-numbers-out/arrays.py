"""Sixteen sequences of five numbers a moment to one number a moment, from arrays: an LSTM of 16, Adam, squared error, 50 epochs."""

import numpy as np

import seqloom

rng = np.random.default_rng(0)
X, y = rng.normal(size=(16, 10, 5)), rng.normal(size=(16, 10, 1))
shape = ["model.encoder.width=16", "model.encoder.bidirectional=false", "model.decoder.width=16", "model.attention.kind=none"]
training = ["training.optimizer.kind=adam", "training.optimizer.learning_rate=0.01", "training.epochs=50", "training.threads=1"]
model = seqloom.train((X, y), dev=(X, y), out="runs/numbers", settings=shape + training, overwrite=True, quiet=True)
print(model.predict(X).shape, {name: round(value, 3) for name, value in model.evaluate((X, y))["model"].items()})
unseen = rng.normal(size=(500, 10, 5)), rng.normal(size=(500, 10, 1))
print("on noise it has not seen", {name: round(value, 3) for name, value in model.evaluate(unseen)["model"].items()})
