"""What a user of Hugging Face transformers writes to train a small Transformer on symbols of their own, and to translate with it.

    python hugging_face_script.py train SHAPE TEXTS STEPS
    python hugging_face_script.py translate SHAPE TEXTS BEAM LENGTH BATCH SOURCE OUTPUT

Runs in the environment of transformers, in the folder where the model is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from shapes import SHAPES, Shape, Texts
from torch.nn.utils.rnn import pad_sequence
from transformers import MarianConfig, MarianMTModel, Seq2SeqTrainer, Seq2SeqTrainingArguments

PAD, UNKNOWN, END = 0, 1, 2
SPECIAL = ["<pad>", "<unk>", "</s>"]
MODEL = "model"


def main() -> None:
    """Does what the arguments say."""
    command, name, folder, *rest = sys.argv[1:]
    shape, texts = SHAPES[name], Texts(Path(folder))
    if command == "train":
        train(shape, texts, int(rest[0]))
    else:
        beam, length, batch = (int(number) for number in rest[:3])
        translate(shape, texts, beam, length, batch, *(Path(path) for path in rest[3:]))


def train(shape: Shape, texts: Texts, steps: int) -> None:
    """So many updates on batches of like length, and a checkpoint."""
    source, target = (symbols(shape, texts, side) for side in ("source", "target"))
    pairs = zip(texts.lines("train", "source"), texts.lines("train", "target"), strict=True)
    rows = [{"input_ids": ids(a, source), "labels": ids(b, target)} for a, b in pairs]
    model = network(shape, len(source), len(target))
    trainer = Seq2SeqTrainer(model=model, args=arguments(shape, steps), train_dataset=rows, data_collator=collate)
    trainer.train()
    trainer.save_model(MODEL)


def translate(shape: Shape, texts: Texts, beam: int, length: int, batch: int, source: Path, output: Path) -> None:
    """Outputs of one length for the lines of a file, batches of like length."""
    known, answers = symbols(shape, texts, "source"), list(symbols(shape, texts, "target"))
    lines = [ids(line.split(), known) for line in source.read_text(encoding="utf-8").splitlines()]
    model, found = MarianMTModel.from_pretrained(MODEL).eval(), {}
    order = sorted(range(len(lines)), key=lambda number: len(lines[number]))
    for start in range(0, len(order), batch):
        numbers = order[start : start + batch]
        inputs = padded([lines[number] for number in numbers], PAD)
        with torch.inference_mode():
            outputs = model.generate(
                input_ids=inputs, attention_mask=(inputs != PAD).long(), num_beams=beam, do_sample=False,
                min_new_tokens=length, max_new_tokens=length,
            )  # fmt: skip
        for number, row in zip(numbers, outputs.tolist(), strict=True):
            found[number] = " ".join(answers[symbol] for symbol in row if symbol > END)
    output.write_text("".join(found[number] + "\n" for number in range(len(lines))), encoding="utf-8")


def symbols(shape: Shape, texts: Texts, side: str) -> dict[str, int]:
    """The number of each symbol."""
    return {symbol: number for number, symbol in enumerate([*SPECIAL, *texts.known(side, shape.min_count)])}


def ids(line: list[str], known: dict[str, int]) -> list[int]:
    """A line as numbers, with its end."""
    return [*(known.get(symbol, UNKNOWN) for symbol in line), END]


def collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """A batch (B, S), (B, T)."""
    inputs = padded([row["input_ids"] for row in rows], PAD)
    return {"input_ids": inputs, "attention_mask": (inputs != PAD).long(), "labels": padded([row["labels"] for row in rows], -100)}


def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
    """(B, longest)."""
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=fill)


def network(shape: Shape, source: int, target: int) -> MarianMTModel:
    """Nothing shared, nothing tied."""
    sizes: dict[str, Any] = {"d_model": shape.width, "dropout": shape.dropout, "max_position_embeddings": 256}
    for part in ("encoder", "decoder"):
        sizes |= {f"{part}_layers": shape.layers, f"{part}_attention_heads": shape.heads, f"{part}_ffn_dim": shape.feed_forward}
    special = {"pad_token_id": PAD, "eos_token_id": END, "forced_eos_token_id": None, "decoder_start_token_id": PAD, "bos_token_id": None}
    apart = {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False, "scale_embedding": True}
    return MarianMTModel(MarianConfig(vocab_size=source, decoder_vocab_size=target, **sizes, **special, **apart))


def arguments(shape: Shape, steps: int) -> Seq2SeqTrainingArguments:
    """Adam at one rate."""
    return Seq2SeqTrainingArguments(
        output_dir="trainer", max_steps=steps, per_device_train_batch_size=shape.pairs, learning_rate=shape.learning_rate,
        lr_scheduler_type="constant", max_grad_norm=1.0, train_sampling_strategy="group_by_length", use_cpu=True, optim="adamw_torch",
        dataloader_num_workers=0, remove_unused_columns=False, save_strategy="no", logging_strategy="no", report_to=[],
        disable_tqdm=True, seed=1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
