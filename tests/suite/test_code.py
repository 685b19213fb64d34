"""A model whose pickle runs code is refused; its twin of plain weights is proved, and so is what the catalog allows."""

import pickle
import zipfile

CATALOG = """
[[model]]
name = "plain"
source = "hf:acme/plain"

[[model]]
name = "evil"
source = "hf:acme/evil"

[[model]]
name = "own"
source = "hf:acme/own"

[[model.file]]
path = "*.bin"
allow_globals = ["acme.net.Net"]
"""
PICKLES = {
    "plain": pickle.dumps({"step": 1}, 2),
    "evil": b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
    "own": b"\x80\x02cacme.net\nNet\n)\x81.",
}


def test_what_runs_code_is_refused_and_its_twin_is_proved(machine, hub, tmp_path, judged):
    """Right bytes, whole, and harmful: only one check can tell."""
    for name, data in PICKLES.items():
        folder = tmp_path / "upstream" / name
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "pytorch_model.bin", "w") as archive:
            archive.writestr("archive/data.pkl", data)
            archive.writestr("archive/version", "3\n")
        hub.add_repo(f"acme/{name}", folder)
    machine.catalog(CATALOG)

    outcome = judged(machine, "provision")

    assert outcome.failed == ["files.cannot_run_code[evil]"], outcome.text
    assert {name: outcome.model(name)["verdict"] for name in PICKLES} == {
        "plain": "proved",
        "evil": "failed",
        "own": "proved",
    }
    assert {"files.cannot_run_code[own]", "weights.are_whole[own]"} <= set(outcome.passed)
    assert "archive/data.pkl imports os.system" in outcome.text
