"""Print the shape of every array between two dates and their loss: the batch is always the first axis."""

import sys

import seqloom
from seqloom.batching import collate
from seqloom.corpus import encode_rows
from seqloom.prediction import to_tensors

model = seqloom.load(sys.argv[1] if len(sys.argv) > 1 else "runs/encoder-decoder")
network = model.translator.network
pairs = model.rows([("3 March 1984", "1984-03-03"), ("the 21st of June, 2040", "2040-06-21")])
batch = to_tensors(collate(list(encode_rows(pairs, model.fields, model.config.data, copy=False))), model.fields.target.size, "cpu")

embedded = network.source_input(batch.source)
encoded = network.encoder(embedded, batch.source_mask)
memory = network.decoder.prepare(encoded)
first = network.decoder.start(memory)  # the encoder's last state: a tensor each for h and c
decoded, _ = network.decode(batch.target_in, memory, first)  # teacher forced: the whole target at once
loss = network.head.loss(decoded, batch.target_out, batch.target_mask)

print("source ids", tuple(batch.source.shape), "-> embedded", tuple(embedded.shape))
print("encoder's last state", {name: tuple(state.shape) for name, state in encoded.final.items()})
print("decoder's first state", {name: bool((state == encoded.final[name]).all()) for name, state in first.items()}, "(True: the same)")
print("target in", batch.target_in[0].tolist(), "(1 is <s>, 0 is padding)")
print("target out", batch.target_out[0].tolist(), "(2 is </s>)")
print("decoder states", tuple(decoded.hidden.shape), "-> scores", tuple(network.head.log_probs(decoded).shape))
print(f"cross-entropy a symbol: {float(loss.nll / loss.count):.4f} nats")
