"""Files of a placed model that may run code: what is told of them, and what to do."""

import pytest
from pickle_bytes import STORAGE, SYSTEM, called, tensor, torch_zip, zipped

from modelready.inspection import code, weights
from modelready.model import PlacedFile

WHOLE = torch_zip(tensor(), ("data/0", STORAGE))
NET = torch_zip(called("acme.net", "Net", protocol=2))


def only(faults):
    (fault,) = faults
    return fault


def test_a_model_of_plain_weights_runs_nothing(write, weights, model_in):
    """Nothing is accused, whatever its name."""
    write("model.safetensors", weights("one"))
    write("pytorch_model.bin", WHOLE)
    write("config.json", {"model_type": "bert"})

    assert code.look(model_in().files) == code.Found()


def test_a_file_that_runs_code_is_told_by_what_it_imports(write, model_in):
    """And nobody is told how to let it."""
    write("model.pt", torch_zip(SYSTEM))

    fault = only(code.look(model_in().files).imported)

    assert (fault.path, fault.message) == ("model.pt", "archive/data.pkl imports os.system")
    assert (
        fault.remedy == "do not load it: it runs code of its author; take its safetensors version, where there is one"
    )


def test_an_unknown_class_is_told_with_the_way_through(write, model_in):
    """Who trusts the source copies a line into the catalog."""
    write("last.ckpt", NET)

    fault = only(code.look(model_in().files).imported)

    assert fault.message == "archive/data.pkl imports acme.net.Net"
    assert 'in its [[model.file]]: allow_globals = ["acme.net.Net"]' in fault.remedy


def test_what_the_catalog_allows_is_fine(write, model_in):
    """That very line."""
    write("last.ckpt", NET)

    assert code.look(model_in(rules={"last.ckpt": {"allow_globals": ("acme.net.Net",)}}).files) == code.Found()


def test_a_safetensors_file_beside_it_is_the_remedy(write, weights, model_in):
    """Most repositories have both."""
    write("unet/model.bin", NET)
    write("unet/model.safetensors", weights("one"))
    write("model.safetensors", weights("one"))

    remedy = only(code.look(model_in().files).imported).remedy

    assert remedy.startswith(
        "unet/model.safetensors lies beside it and runs nothing: leave this one out with `exclude`"
    )


def test_what_nobody_can_tell_has_no_way_through(write, model_in):
    """Allowing it would allow anything."""
    write("model.pkl", b"\x80\x02\x82\x07)R.")

    assert only(code.look(model_in().files).imported).remedy.startswith("do not load it: nobody can tell what it runs")


def test_many_names_are_counted(write, model_in):
    """A dozen are enough to know what it is."""
    write("model.pkl", b"\x80\x02" + b"".join(f"cacme.n{one}\nNet\n0".encode() for one in range(30)) + b"N.")

    fault = only(code.look(model_in().files).imported)

    assert fault.message.startswith("imports acme.n0.Net, acme.n1.Net, ")
    assert fault.message.endswith("acme.n11.Net; and 18 more")


def test_a_program_is_worth_a_warning(write, model_in):
    """TorchScript is code on purpose; under --strict the warning fails."""
    write("model.pt", torch_zip(b"\x80\x02N.", ("constants.pkl", b"\x80\x02)."), ("code/a.py", b"class A(Module):\n")))

    found = code.look(model_in().files)

    assert found.imported == ()
    assert "is a TorchScript program" in only(found.carried).message


def test_a_file_that_vanished_meanwhile_is_told(model_in):
    """Not a crash, not a pass."""
    fault = only(code.look(model_in(lost=["a.bin"]).files).imported)

    assert fault.message == "cannot be read: No such file or directory"


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "pytorch_model.bin", "model.pkl"])
def test_a_torch_file_that_is_not_whole_is_told(write, model_in, name):
    """By weights.are_whole, for a .bin by what it holds."""
    place = write(name, WHOLE[:-30])

    assert weights.is_inspected(place)
    assert "truncated" in only(weights.unwhole(model_in().files)).message
    assert code.look(model_in().files) == code.Found()


def test_a_bin_of_another_kind_is_not_called_whole(write):
    """Nobody looked."""
    assert not weights.is_inspected(write("ggml-base.bin", b"lmgg" + bytes(100)))


def test_a_damaged_twin_is_told_once(write, tmp_path):
    """A file whose directory lies runs code or is broken: either check refuses it."""
    place = write("model.pt", zipped(("archive/data.pkl", b"\x80\x02N.")).replace(b"PK\x01\x02", b"PK\x01\x03"))

    assert weights.unwhole([PlacedFile("model.pt", place)])
