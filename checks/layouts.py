"""The applications that a catalog names find and open their models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.model import Fault
    from modelready.suite.judging import Judge


def test_mflux_finds_it(mflux_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    The installed mflux, or the newest that is known, finds weights and tokenizers with no network.

    Mend: pin the commit that mflux asks for, and bring the folders that it opens; docs/mflux.md names both.
    """
    judge(mflux_faults)


def test_comfyui_lists_it(comfyui_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    ComfyUI lists the model's files: each lies in a folder that it reads, under a name that it shows.

    Mend: `save_as` puts a file into one of ComfyUI's folders; COMFYUI_PATH says where ComfyUI is.
    """
    judge(comfyui_faults)


def test_diffusers_opens_it(diffusers_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    Diffusers opens the folder: model_index.json and every component that it names are there.

    Mend: `modelready provision`; where the catalog leaves a component out, widen its `include`.
    """
    judge(diffusers_faults)


def test_transformers_opens_it(transformers_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    Transformers opens the folder: configuration, weights, code, tokenizer and processor are there.

    Mend: `modelready provision`; where the catalog leaves files out, widen its `include`.
    """
    judge(transformers_faults)


def test_llama_cpp_opens_it(llama_cpp_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    llama.cpp opens the model: a GGUF file is there, with all of its parts beside it.

    Mend: `modelready provision`; where the catalog leaves parts out, widen its `include`.
    """
    judge(llama_cpp_faults)


def test_whisper_cpp_opens_it(whisper_cpp_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    whisper.cpp opens the model: a file of its own format is there.

    Mend: choose a ggml-*.bin as the source; GGUF and PyTorch files are opened by others.
    """
    judge(whisper_cpp_faults)


def test_faster_whisper_opens_it(faster_whisper_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    faster-whisper opens the folder with no network: weights, vocabulary and tokenizer are there.

    Mend: `modelready provision`; where the catalog leaves files out, widen its `include`.
    """
    judge(faster_whisper_faults)


def test_vllm_finds_it(vllm_faults: tuple[Fault, ...], judge: Judge) -> None:
    """
    Under the name that it is given, vLLM finds the model and everything that it opens.

    Mend: `modelready provision`; MODEL_NAME and MODEL_REVISION name what the catalog names.
    """
    judge(vllm_faults)
