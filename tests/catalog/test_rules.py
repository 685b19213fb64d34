"""What the rows of a model say about one path."""

from dataclasses import replace
from pathlib import Path

import pytest

from modelready import rules
from modelready.errors import RequestError
from modelready.model import Digest, FileRule

SHA = Digest("sha256", "a" * 64, "catalog")
OTHER_SHA = Digest("sha256", "b" * 64, "catalog")
MD5 = Digest("md5", "c" * 32, "catalog")


def test_what_every_row_allows_may_be_imported(a_model):
    """One row names the file, another all checkpoints: a file may need classes of both."""
    model = a_model(
        files=(FileRule("*.ckpt", allow_globals=("a.B",)), FileRule("x.ckpt", allow_globals=("c.D", "a.B")))
    )

    rule = rules.rule_for(model, "x.ckpt")

    assert rule is not None
    assert rule.allow_globals == ("c.D", "a.B")


def test_rows_that_match_are_put_together_the_exact_one_first(a_model):
    """A pattern gives the floor for all files, a row of its own the exact figures of one."""
    model = a_model(
        files=(
            FileRule("*.bin", min_size=5, digests=(OTHER_SHA, MD5), dtype="F32", optional=True, line=1),
            FileRule("a.*", min_size=7, save_as="z", line=2),
            FileRule("a.bin", size=0, digests=(SHA,), dtype="BF16", line=3),
        )
    )

    rule = rules.rule_for(model, "a.bin")

    assert rule == FileRule("a.bin", min_size=5, size=0, digests=(SHA, MD5), save_as="z", dtype="BF16", line=3)


def test_a_path_without_a_row_has_no_rule(a_model):
    """Most files have none."""
    assert rules.rule_for(a_model(files=(FileRule("*.bin"),)), "a.txt") is None


def test_a_path_that_is_named_by_patterns_only_follows_them(a_model):
    """An optional pattern makes what it matches optional."""
    model = a_model(files=(FileRule("docs/", optional=True), FileRule("*", min_size=1)))

    assert rules.rule_for(model, "docs/a") == FileRule("docs/", min_size=1, optional=True)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param({"files": (FileRule("a.bin"), FileRule("*.txt"), FileRule("dir/"))}, ("a.bin",), id="rows"),
        pytest.param({"include": ("a", "*.b", "c"), "exclude": ("c*",)}, ("a",), id="include, less exclude"),
        pytest.param({"files": (FileRule("a"),), "include": ("a", "b")}, ("a", "b"), id="both, once"),
    ],
)
def test_paths_that_the_catalog_names_exactly(a_model, values, named):
    """They are required even where nothing else is known."""
    assert rules.named_paths(a_model(**values)) == named


def test_a_url_names_its_file_unless_the_server_does(a_model):
    """A plain URL has one file, and its name is the end of the URL."""
    model = a_model(source="https://h/a/x.bin?y=z")
    model = replace(model, source=replace(model.source, kind="url", address="https://h/a/x.bin?y=z"))
    told = replace(model, files=(FileRule("*", name_from="content-disposition"),))

    assert rules.named_paths(model) == ("x.bin",)
    assert rules.named_paths(told) == ()


def test_a_file_lies_under_its_path_or_where_the_catalog_saves_it(a_model):
    """save_as is under the model's folder."""
    model = a_model(files=(FileRule("split/*.bin", save_as="vae/x.bin"),))

    assert rules.destination(model, "split/ae.bin") == Path("/models/tiny/vae/x.bin")
    assert rules.destination(model, "config.json") == Path("/models/tiny/config.json")


def test_without_a_folder_there_is_no_destination(a_model):
    """A variable that is not set leaves a model that is not required without a folder."""
    with pytest.raises(RequestError, match="tiny: its folder is not known; set the variable"):
        rules.destination(a_model(folder=None), "x")
