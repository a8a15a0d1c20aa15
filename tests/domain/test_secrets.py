"""Secrets of a command line are masked, and nothing else is."""

from __future__ import annotations

import pytest

from envguard.domain.secrets import without_secrets


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("--token abc", "--token ***"),
        ("--hf-token abc --lr 1", "--hf-token *** --lr 1"),
        ("--hf_token=abc", "--hf_token=***"),
        ("--api-key abc", "--api-key ***"),
        ("--password= x", "--password= x"),
        ("--token --verbose", "--token --verbose"),
        ("env WANDB_API_KEY=abc HF_TOKEN=def python", "env WANDB_API_KEY=*** HF_TOKEN=*** python"),
        ("optimizer.auth.secret=abc", "optimizer.auth.secret=***"),
        ("https://ann:abc@example.org/x", "https://***@example.org/x"),
        ("https://ann:a@b@example.org/x@1", "https://***@example.org/x@1"),
        ("--index-url=https://abc@example.org/x", "--index-url=https://***@example.org/x"),
        ("--url postgresql://ann:abc@db/x", "--url postgresql://***@db/x"),
        ("--tokens-per-batch 4096 --keyframes 3", "--tokens-per-batch 4096 --keyframes 3"),
        ("--tokenizer bpe --monkey=1 --author ann", "--tokenizer bpe --monkey=1 --author ann"),
        ("ann@example.org model.key", "ann@example.org model.key"),
    ],
)
def test_values_that_look_like_secrets_are_masked(line: str, masked: str) -> None:
    assert " ".join(without_secrets(line.split(" "))) == masked


def test_a_value_of_several_lines_is_masked_as_a_whole() -> None:
    assert without_secrets(["--private-key=a\nb", "KEY=c\nd"]) == ("--private-key=***", "KEY=***")
