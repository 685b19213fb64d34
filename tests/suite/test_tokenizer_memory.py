"""A tokenizer proved once is not loaded again while its bytes and the libraries stay; --reread loads it."""

import os

import pytest

from modelready.mirror import Mirror

REPO = "acme/speaking"


@pytest.fixture
def broken_transformers(tmp_path):
    """Give a PYTHONPATH on which a transformers lies that cannot be imported; its version is still the old one."""
    folder = tmp_path / "broken" / "transformers"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('raise ImportError("loaded again")\n')
    return os.pathsep.join(filter(None, (str(folder.parent), os.environ.get("PYTHONPATH", ""))))


def test_a_proved_tokenizer_is_loaded_again_only_when_asked(
    judged, machine, hub: Mirror, speaking, broken_transformers
):
    """Importing transformers costs more than all the rest of certifying."""
    hub.add_repo(REPO, speaking)
    machine.catalog(f'[[model]]\nname = "speaking"\nsource = "hf:{REPO}"\n')
    assert machine.run("provision").returncode == 0
    machine.variables["PYTHONPATH"] = broken_transformers

    remembered, reread = judged(machine), judged(machine, "certify", "--reread")

    assert remembered.status == 0
    assert "tokenizers.encode_text[speaking]" in remembered.passed
    assert reread.failed == ["tokenizers.encode_text[speaking]"]
    assert "loaded again" in reread.text
