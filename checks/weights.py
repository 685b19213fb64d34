"""Weight files are whole: what their headers promise lies in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.inspection import dtypes, external, parts, weights

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelready.inspection.findings import Findings
    from modelready.model import PlacedFile, PlacedModel
    from modelready.suite.judging import Judge


def test_are_whole(
    weight_files: tuple[PlacedFile, ...], model: PlacedModel, refused: Collection[str], judge: Judge
) -> None:
    """
    Header and offsets of every weight file cover it exactly, and external data are there.

    Mend: `modelready provision` replaces a file that was cut short or grew.
    """
    judge.warn((*weights.doubtful(weight_files), *external.unlisted(weight_files, model)))
    judge((*weights.unwhole(weight_files), *external.broken(weight_files, model, refused=refused)))


def test_have_every_shard(sharded_model: PlacedModel, refused: Collection[str], judge: Judge) -> None:
    """
    Every shard that an index or a name counts is there, and every tensor is in its shard.

    Mend: `modelready provision`; where the catalog leaves shards out, widen its `include`.
    """
    judge.warn(weights.doubtful_totals(sharded_model))
    judge((*weights.incomplete_shards(sharded_model, refused=refused), *parts.mixed(sharded_model, refused=refused)))


def test_are_not_blank(blank_weights: Findings, judge: Judge) -> None:
    """
    No weight that was looked at in safetensors files is blank or holds NaN: samples of each tensor, all with --reread.

    Mend: `modelready provision`; what its source publishes so, only its publisher can mend.
    """
    judge.warn(blank_weights.doubts)
    judge(blank_weights.faults)


def test_agree_with_partners(partner_findings: Findings, judge: Judge) -> None:
    """
    Labels, words and modules agree with the weights beside them, and tokenizer files with one another.

    Mend: `modelready provision`; bring both files from one revision of one source.
    """
    judge.warn(partner_findings.doubts)
    judge(partner_findings.faults)


def test_have_the_named_dtype(typed_files: tuple[PlacedFile, ...], judge: Judge) -> None:
    """
    The header of every weight file says the dtype that the catalog names.

    Mend: get the file that its name promises, or correct `dtype` in the catalog.
    """
    judge(dtypes.differing(typed_files))
