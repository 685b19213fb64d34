"""Words of a tokenizer beside the rows that weights have for them, and beside the same words in another file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.formats import configs, heads, safetensors, vocabularies

if TYPE_CHECKING:
    from modelready.formats.heads import Width
    from modelready.formats.vocabularies import Vocabulary
    from modelready.inspection.model_folders import ModelFolder, Told
    from modelready.model import PlacedFile


def words_and_rows(folder: ModelFolder, told: Told) -> None:
    """Hold words against the rows of the table of embeddings: more rows are padding, and usual."""
    config, rows = folder.config, heads.words(folder.tensors) if folder.config and folder.config.words else None
    if not config or not rows or not config.architecture:
        return
    told.compared += 1
    if rows.count < config.words:
        if not config.is_custom:
            why = f"counts {config.words:,} words, {rows.name} of {folder.weights[0].path} has {rows.count:,} rows"
            told.object(folder.files[configs.CONFIG].path, f"{why}: transformers refuses to load them")
    elif folder.vocabulary:
        _compare_words(*folder.vocabulary, rows, folder.weights[0], told)


def _compare_words(one: PlacedFile, vocabulary: Vocabulary, rows: Width, weights: PlacedFile, told: Told) -> None:
    where = f"{rows.name} of {weights.path} has rows up to {rows.count - 1:,}"
    if vocabulary.highest >= rows.count:
        told.object(one.path, f"has words up to number {vocabulary.highest:,}, {where}")
    elif beyond := [word for word, place in vocabulary.added.items() if place >= rows.count]:
        told.doubt(one.path, f"adds words without a row, like {safetensors.short(beyond[0])}: {where}")


def words_and_words(folder: ModelFolder, told: Told) -> None:
    """Hold vocab.json against tokenizer.json: some programs read the one, some the other."""
    if folder.words is None or folder.vocabulary is None or folder.vocabulary[0] is folder.words[0]:
        return
    told.compared += 1
    (one, listed), (other, whole) = folder.words, folder.vocabulary
    if differing := vocabularies.other_ids(whole, listed):
        first = safetensors.short(differing[0])
        told.doubt(one.path, f"gives {len(differing):,} words other numbers than {other.path} does, like {first}")


def merges_and_words(folder: ModelFolder, told: Told) -> None:
    """Hold merges against words: tokenizers refuses what is not in vocab.json, where there is no tokenizer.json."""
    merges = folder.files.get(vocabularies.MERGES)
    if merges is None or folder.words is None or vocabularies.WHOLE in folder.files:
        return
    one, vocabulary = folder.words
    try:
        lost = vocabularies.unmergeable(vocabulary, merges.place) if vocabulary.is_byte_level else None
    except (vocabularies.BrokenVocabulary, OSError):  # other formats have the same name: tokenizers.encode_text tells
        return
    told.compared += lost is not None
    if lost:
        why = f"merges {len(lost):,} words that {one.path} does not have, like {safetensors.short(lost[0])}"
        told.object(merges.path, why)
