"""What of a model is known, where its files lie, what they lack, and bringing exactly that."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import threading
from collections import Counter

import pytest

from modelready import errors
from modelready.downloads.jobs import Job
from modelready.downloads.progress import Progress
from modelready.environment import read
from modelready.layouts import Folder, HubCache
from modelready.model import Digest, Model, Source
from modelready.placing import Options, locate, places, plan_all, provision
from modelready.placing.examining import Examiner
from modelready.placing.planning import Planner
from modelready.sources import Sources
from modelready.transfer import Wanted, begin

IN_A_FOLDER = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\nlayout = "folder"\n'
IN_THE_CACHE = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n'
WEIGHTS = "model-00001-of-00002.safetensors"


def located(workshop, **options):
    """Locate the small model as a new command would."""
    asked = workshop.asked()
    return locate(asked.catalog.named("tiny"), asked.ground, **options)


def lacking(workshop, *, closely=True, **options):
    """Give what the small model lacks, told by this machine alone."""
    asked = workshop.asked()
    model = asked.catalog.named("tiny")
    layout = places.layout_of(model, asked.ground.settings)
    examiner = Examiner(asked.ground, **options)
    examine = examiner.closely if closely else examiner.at_a_glance
    return examine(locate(model, asked.ground), layout)


def flip(path):
    """Change a byte; length and time stay."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


# ---- who knows


def test_nothing_is_known_of_an_empty_machine(workshop):
    """And that is never taken for complete."""
    placed = located(workshop)

    assert (placed.known_by, placed.files, placed.revision) == ("", (), None)
    assert lacking(workshop).is_unsure


@pytest.mark.parametrize(
    ("catalog", "known_by"), [(IN_THE_CACHE, "trees"), (IN_A_FOLDER, "receipt")], ids=["cache", "folder"]
)
def test_after_provisioning_the_place_itself_knows(workshop, catalog, known_by):
    """Certifying needs neither network nor lock."""
    workshop.catalog = catalog

    workshop.bring()

    placed = located(workshop)
    assert (placed.known_by, len(placed.files)) == (known_by, 6)
    assert all(one.digests and one.place.is_file() for one in placed.files)
    assert lacking(workshop).is_nothing


def test_without_its_listing_a_snapshot_is_known_by_its_names(workshop):
    """Old versions of huggingface_hub wrote no listing; what the snapshot lacks cannot be told."""
    workshop.bring()
    shutil.rmtree(workshop.repo / "trees")

    placed = located(workshop)

    assert (placed.known_by, len(placed.files)) == ("snapshot", 6)
    assert all(one.digests for one in placed.files)
    assert lacking(workshop).is_unsure


def test_a_snapshot_without_a_wanted_file_knows_nothing(workshop):
    """Another application's files are no beginning of this model."""
    workshop.bring()
    shutil.rmtree(workshop.repo / "trees")
    workshop.catalog += 'include = ["*.gguf"]\n'

    assert located(workshop).known_by == ""


def test_the_lock_beats_what_lies_there(workshop, tiny):
    """It was committed by people who looked."""
    workshop.bring()
    content = (tiny / "words.json").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    workshop.lock({"words.json": {"size": len(content), "sha256": digest}}, revision=workshop.snapshot.name)

    placed = located(workshop)

    (file,) = placed.files
    assert placed.known_by == "lock"
    assert (file.path, file.digests[0].hex, file.digests[0].told_by) == ("words.json", digest, "lock")


def test_a_lock_without_digests_borrows_those_of_the_cache(workshop):
    """A weaker word is better than none."""
    workshop.bring()
    workshop.lock({"words.json": {"size": 14}}, revision=workshop.snapshot.name)

    (file,) = located(workshop).files

    assert [digest.told_by for digest in file.digests] == ["blob name"] or file.digests[0].told_by == "trees"


def test_a_lock_without_digests_on_an_empty_machine_has_none(workshop):
    """Nobody is there to borrow from."""
    workshop.lock({"words.json": {"size": 14}}, revision="c" * 40)

    (file,) = located(workshop).files

    assert file.digests == ()


def test_a_folder_filled_by_huggingface_hub_has_its_digests(workshop, tiny):
    """`hf download --local-dir` leaves notes beside the files."""
    workshop.catalog = IN_A_FOLDER + 'include = ["words.json"]\n[[model.file]]\npath = "words.json"\n'
    content = (tiny / "words.json").read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    notes = workshop.folder / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    (workshop.folder / "words.json").write_bytes(content)
    (notes / "words.json.metadata").write_text(f"{'c' * 40}\n{blob}\n{2e9}\n")

    placed = located(workshop)

    assert (placed.known_by, placed.files[0].digests[0].hex) == ("catalog", blob)
    assert lacking(workshop).right == placed.files


def test_a_receipt_for_other_patterns_is_not_believed(workshop):
    """The catalog wants other files now: what lies there is judged for what it is, and the source has to be asked."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()
    workshop.catalog = IN_A_FOLDER + 'include = ["*.json"]\n'

    placed = located(workshop)
    assert (placed.known_by, len(placed.files)) == ("folder", 3)
    assert lacking(workshop).is_unsure


@pytest.mark.parametrize("path", ["../../words.json", "/words.json", ".modelready/x.json"])
def test_a_receipt_that_names_a_place_outside_is_a_fault_of_that_file(workshop, path):
    """Whoever can write the receipt must not choose what is read."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()
    receipt = workshop.folder / ".modelready" / "tiny.json"
    text = json.loads(receipt.read_text())
    text["files"].append({"path": path, "save_as": "x", "size": None, "mtime_ns": None, "digests": {}})
    receipt.write_text(json.dumps(text))

    placed = located(workshop)

    assert [fault.path for fault in placed.faults] == [path]
    assert len(placed.files) == 6


@pytest.mark.parametrize("text", ["{commit}\n", " {commit}", "{commit}\r\n"])
def test_a_ref_with_white_space_is_read_for_what_it_means(workshop, text):
    """Another check tells of it; which files are meant is clear."""
    workshop.bring()
    (workshop.repo / "refs" / "main").write_text(text.format(commit=workshop.snapshot.name))

    placed = located(workshop)

    assert placed.revision == workshop.snapshot.name
    assert lacking(workshop).is_untidy


@pytest.mark.parametrize("spoil", ["", "nonsense", None], ids=["empty", "nonsense", "missing"])
def test_without_a_ref_the_only_snapshot_is_meant(workshop, spoil):
    """With two of them it would be a guess."""
    workshop.bring()
    ref = workshop.repo / "refs" / "main"
    ref.unlink() if spoil is None else ref.write_text(spoil)

    one = located(workshop).revision
    (workshop.repo / "snapshots" / ("d" * 40)).mkdir()
    two = located(workshop).revision

    assert (one, two) == (next(path.name for path in workshop.snapshot_folders if path.name != "d" * 40), None)


def test_a_pinned_revision_is_its_own_commit(workshop):
    """No ref has to be there."""
    workshop.catalog = IN_THE_CACHE.replace("acme/tiny", f"acme/tiny@{'d' * 40}")

    placed = located(workshop)

    assert placed.revision == "d" * 40
    assert placed.root.name == "d" * 40


# ---- where they lie


def test_a_named_file_has_a_place_before_anything_is_known(workshop):
    """It is required and judged even then; its place does not exist."""
    workshop.catalog += '[[model.file]]\npath = "a.bin"\nsize = 7\n'

    (file,) = located(workshop).files

    assert (file.path, file.size, file.is_named, file.place.exists()) == ("a.bin", 7, True, False)


def test_files_are_saved_under_the_names_asked_for(workshop):
    """ComfyUI wants its own folders."""
    workshop.catalog = (
        IN_A_FOLDER + 'include = ["words.json"]\n[[model.file]]\npath = "words.json"\nsave_as = "deep/first.json"\n'
    )

    workshop.bring()

    assert (workshop.folder / "deep" / "first.json").is_file()
    assert lacking(workshop).is_nothing


def test_the_catalogs_digest_beats_the_sources(workshop, tiny):
    """The strongest word of each algorithm counts; the others are kept."""
    digest = hashlib.sha256((tiny / WEIGHTS).read_bytes()).hexdigest()
    workshop.catalog += f'[[model.file]]\npath = "{WEIGHTS}"\nsha256 = "{digest}"\ndtype = "F32"\nmin_size = "1 KB"\n'
    workshop.bring()

    file = next(one for one in located(workshop).files if one.path == WEIGHTS)

    assert [(one.algorithm, one.told_by) for one in file.digests] == [("sha256", "catalog")]
    assert (file.dtype, file.min_size) == ("F32", 1000)


def test_a_pattern_without_match_is_a_fault_of_what_is_known(workshop):
    """The catalog asks for what the source does not have."""
    workshop.bring()
    workshop.catalog += 'include = ["*.json", "*.gguf"]\n'

    placed = located(workshop)

    assert [fault.path for fault in placed.faults] == ["*.gguf"]


def test_only_keeps_matching_files_and_tells_when_none_does(workshop):
    """--only is a choice of files, not of faults."""
    workshop.bring()

    some, none = located(workshop, only=("*.md", "w*")), located(workshop, only=("*.gguf",))

    assert [one.path for one in some.files] == ["read me.md", "words.json"]
    assert ([fault.message for fault in none.faults], none.files) == (["no file of the model matches --only"], ())


def test_a_model_without_a_folder_is_a_bug_where_one_is_needed():
    """The catalog refuses such a model, if it is required."""
    model = Model(name="tiny", source=Source("hf:acme/tiny", "hf", "acme/tiny"), layout="folder")

    with pytest.raises(AssertionError):
        places.folder_of(model)


# ---- what they lack


@pytest.mark.parametrize("catalog", [IN_THE_CACHE, IN_A_FOLDER], ids=["cache", "folder"])
@pytest.mark.parametrize(
    ("damage", "closely"),
    [
        pytest.param(lambda path: path.unlink(), False, id="deleted"),
        pytest.param(lambda path: os.truncate(path, 5), False, id="cut short"),
        pytest.param(flip, True, id="flipped"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), False, id="a folder"),
    ],
)
def test_exactly_the_damaged_file_is_brought_again(workshop, hub, catalog, damage, closely):
    """What a glance can see is seen at a glance; the rest by its digest."""
    workshop.catalog = catalog
    workshop.bring()
    place = next(one.place for one in located(workshop).files if one.path == WEIGHTS)
    damage(place.resolve())
    hub.forget()

    need, glance = lacking(workshop), lacking(workshop, closely=False)
    if not place.resolve().is_dir():
        job = workshop.bring()["tiny"]
        assert job.state == "completed"
        assert {one.file for one in hub.requests if one.kind == "get"} == {WEIGHTS}

    assert [one.path for one in need.fetch] == [WEIGHTS]
    assert bool(glance.fetch) is not closely


def test_a_name_lost_needs_no_bytes(workshop, hub):
    """The blob is there and right."""
    workshop.bring()
    (workshop.snapshot / WEIGHTS).unlink()
    hub.forget()

    need, job = lacking(workshop), workshop.bring()["tiny"]

    assert ([one.path for one in need.link], need.fetch) == ([WEIGHTS], ())
    assert (job.state, job.bytes_fetched, hub.bytes_sent()) == ("completed", 0, 0)


def test_a_blob_that_is_wrong_is_no_blob_to_link(workshop, hub):
    """Its name promises other bytes."""
    workshop.bring()
    flip((workshop.snapshot / WEIGHTS).resolve())
    (workshop.snapshot / WEIGHTS).unlink()

    need, job = lacking(workshop), workshop.bring()["tiny"]

    assert ([one.path for one in need.fetch], need.link) == ([WEIGHTS], ())
    assert job.state == "completed"


def test_a_digest_that_names_no_blob_is_enough_to_bring_a_file_into_the_cache(workshop, tiny):
    """Of some files only an md5 was published; the Hub tells by what the cache calls them."""
    md5 = hashlib.md5((tiny / "config.json").read_bytes(), usedforsecurity=False).hexdigest()
    workshop.catalog = IN_THE_CACHE + f'[[model.file]]\npath = "config.json"\nmd5 = "{md5}"\n'

    (job,) = workshop.bring().values()

    assert job.state == "completed"
    assert (workshop.snapshot / "config.json").read_bytes() == (tiny / "config.json").read_bytes()


def test_a_minimum_is_enough_where_the_size_is_not_known(workshop):
    """And too little is too little."""
    workshop.catalog = IN_A_FOLDER + 'include = ["x.bin"]\n[[model.file]]\npath = "x.bin"\nmin_size = "10 B"\n'
    workshop.folder.mkdir(parents=True)

    (workshop.folder / "x.bin").write_bytes(b"123456789")
    small = lacking(workshop)
    (workshop.folder / "x.bin").write_bytes(b"1234567890")
    enough = lacking(workshop)

    assert ([one.path for one in small.fetch], small.right) == (["x.bin"], ())
    assert ([one.path for one in enough.right], enough.fetch) == (["x.bin"], ())


def test_an_optional_file_that_the_source_does_not_have_may_be_absent(workshop):
    """It is judged when it is there."""
    workshop.catalog += '[[model.file]]\npath = "x.bin"\noptional = true\n'

    job = workshop.bring()["tiny"]

    assert job.state == "completed"
    assert lacking(workshop).is_nothing


def test_a_named_file_that_the_source_does_not_have_fails_the_model(workshop):
    """The catalog is wrong, and says where."""
    workshop.catalog += '[[model.file]]\npath = "x.bin"\n'

    job = workshop.bring()["tiny"]

    assert (job.state, job.error_kind) == ("failed", "not_found")
    assert "x.bin: matches no file of hf:acme/tiny" in job.error_what
    assert "catalog.toml:1" in job.error_remedy


def test_an_optional_file_with_a_digest_that_the_source_does_not_have_is_told(workshop):
    """It cannot be brought: the words say why."""
    workshop.catalog += f'[[model.file]]\npath = "x.bin"\noptional = true\nsha256 = "{"a" * 64}"\n'

    job = workshop.bring()["tiny"]

    assert job.state == "failed"
    assert "x.bin is named by the catalog, and its source has no such file" in job.error_what


def test_an_untidy_cache_is_tidied_without_fetching(workshop, hub):
    """Refs and listing are written again, leftovers removed."""
    workshop.bring()
    blob = (workshop.snapshot / WEIGHTS).resolve()
    (leftover := blob.with_name(f"{blob.name}.0badcafe.incomplete")).write_bytes(b"half")
    (workshop.repo / "refs" / "main").unlink()

    before, job = lacking(workshop), workshop.bring()["tiny"]

    assert (before.is_untidy, before.fetch) == (True, ())
    assert (job.state, job.bytes_fetched) == ("completed", 0)
    assert not leftover.exists()
    assert lacking(workshop).is_nothing


def test_a_lost_receipt_is_written_again(workshop, hub):
    """Where the lock knows the files, their bytes need not travel."""
    workshop.catalog = IN_A_FOLDER + 'include = ["words.json"]\n'
    workshop.bring()
    receipt = workshop.folder / ".modelready" / "tiny.json"
    receipt.unlink()

    job = workshop.bring()["tiny"]

    assert (job.state, job.bytes_fetched) == ("completed", 0)
    assert receipt.is_file()


# ---- bringing


def test_files_with_the_same_bytes_travel_once(workshop, hub, tiny):
    """The cache keeps one blob; each name leads to it."""
    for name in ("copy one.json", "copy two.json"):
        shutil.copy(tiny / "words.json", tiny / name)
    hub.add_repo("acme/tiny", tiny)

    job = workshop.bring()["tiny"]

    places = [workshop.snapshot / name for name in ("words.json", "copy one.json", "copy two.json")]
    assert job.state == "completed"
    assert len({place.resolve() for place in places}) == 1
    assert len([one for one in hub.requests if one.kind == "get" and one.file in {place.name for place in places}]) == 1


def test_twins_without_links_are_copied(workshop, hub, tiny):
    """HF_HUB_DISABLE_SYMLINKS: every name has bytes of its own."""
    shutil.copy(tiny / "words.json", tiny / "copy.json")
    hub.add_repo("acme/tiny", tiny)
    workshop.variables["HF_HUB_DISABLE_SYMLINKS"] = "1"

    job = workshop.bring()["tiny"]

    assert job.state == "completed"
    assert not (workshop.snapshot / "copy.json").is_symlink()
    assert (workshop.snapshot / "copy.json").read_bytes() == (workshop.snapshot / "words.json").read_bytes()


def test_a_model_brought_by_another_process_meanwhile_is_found(workshop, hub):
    """Plans are made before the lock is held."""
    asked = workshop.asked()
    model = asked.catalog.named("tiny")
    ((_, plan),) = plan_all([model], asked.ground, Options())
    workshop.bring()
    hub.forget()

    with Progress(Job("late", "tiny"), asked.ground.jobs) as progress:
        provision(plan, asked.ground, Options(), progress=progress, stop=threading.Event())

    assert hub.bytes_sent() == 0
    assert progress.job.files_done == 6


def test_bytes_brought_are_remembered_not_read_again(workshop):
    """Their digests were computed as they came."""
    workshop.bring()
    asked = workshop.asked()
    files = located(workshop).files

    known = asked.ground.ledger.recall_many([(one.place, ["sha256"]) for one in files])

    assert all("sha256" in known[one.place] for one in files)


def test_a_failed_download_keeps_what_arrived_and_says_how_much_is_left(workshop, hub, tiny):
    """The next plan counts only what is missing."""
    (tiny / "big.bin").write_bytes(os.urandom(3 << 20))
    hub.add_repo("acme/tiny", tiny)
    hub.drop_after("*big.bin", 2 << 20, times=1)
    hub.status("*big.bin", 404, kind="body", skip=1)
    failed = workshop.bring(connections=1)["tiny"]
    asked = workshop.asked()

    plan = Planner(asked.ground, Options(), Sources(asked.ground.settings)).closely(asked.catalog.named("tiny"))

    assert failed.state == "failed"
    assert 0 < plan.bytes_to_fetch < 3 << 20


@pytest.mark.parametrize("where", [IN_THE_CACHE, IN_A_FOLDER + 'include = ["*.json", "*.safetensors"]\n'])
def test_what_was_brought_only_half_is_known_to_be_half(workshop, hub, tiny, where):
    """The files that arrived must not pass for all there are."""
    hub.add_repo("acme/tiny", tiny)
    hub.status(f"*{WEIGHTS}", 404, kind="get")
    workshop.catalog = where

    job = workshop.bring()["tiny"]

    placed = located(workshop)
    assert job.state == "failed"
    assert placed.known_by in {"trees", "receipt"}
    assert WEIGHTS in {one.path for one in placed.files if not one.place.exists()}


def test_an_update_that_fails_leaves_the_old_version_its_receipt(workshop, hub, tiny):
    """What is complete and proved stays so until the new one is here."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()
    (tiny / "words.json").write_text('["horse"]')
    hub.add_repo("acme/tiny", tiny)
    hub.status("*words.json", 404, kind="get")

    jobs = workshop.bring(reread=True)

    assert lacking(workshop).is_nothing
    assert {job.state for job in jobs.values()} <= {"completed", "failed"}


def test_a_source_that_says_otherwise_than_the_lock_is_refused(workshop, hub):
    """A commit is for ever: somebody lies, or the lock was edited."""
    workshop.bring()
    commit = workshop.snapshot.name
    shutil.rmtree(workshop.repo)
    workshop.lock({"words.json": {"size": 14, "git_sha1": "d" * 40}}, revision=commit)

    job = workshop.bring()["tiny"]

    assert (job.state, job.error_kind) == ("failed", "moved_revision")
    assert "words.json is not what the lock says" in job.error_what
    assert "modelready lock --update tiny" in job.error_remedy


def test_models_that_turn_out_to_write_one_path_differently_are_not_brought(workshop, hub, tmp_path):
    """Whichever came second would spoil what was proved of the first."""
    upstream = tmp_path / "other"
    upstream.mkdir()
    (upstream / "config.json").write_text('{"model_type": "other"}')
    hub.add_repo("acme/other", upstream)
    shared = 'layout = "folder"\nfolder = "shared"\n'
    workshop.catalog = f'{IN_THE_CACHE}{shared}[[model]]\nname = "other"\nsource = "hf:acme/other"\n{shared}'

    jobs = workshop.bring()

    assert {job.state for job in jobs.values()} == {"failed"}
    assert "and so would 'config.json' of 'other': " in jobs["tiny"].error_what
    assert "save_as, or exclude" in jobs["other"].error_remedy
    assert not (workshop.place / "shared").exists()


def test_models_that_write_one_path_alike_share_it(workshop):
    """The same file of the same repository may belong to two models."""
    shared = 'layout = "folder"\nfolder = "shared"\n'
    again = IN_THE_CACHE.replace('"tiny"', '"again"', 1)
    workshop.catalog = f"{IN_THE_CACHE}{shared}{again}{shared}"

    jobs = workshop.bring()

    assert {job.state for job in jobs.values()} == {"completed"}


def test_disabled_downloads_name_the_variable(workshop, hub):
    """Nothing is asked."""
    workshop.variables["DISABLE_MODEL_DOWNLOADS"] = "yes"

    job = workshop.bring()["tiny"]

    assert (job.state, job.error_kind) == ("failed", "disabled")
    assert "DISABLE_MODEL_DOWNLOADS forbids" in job.error_what
    assert hub.requests == ()


def test_two_layouts_of_one_interface(tmp_path):
    """The catalog's word chooses."""
    source = Source("hf:acme/tiny", "hf", "acme/tiny")
    settings = read({"HF_HOME": str(tmp_path)})

    cache = places.layout_of(Model("tiny", source, "hub-cache"), settings)
    folder = places.layout_of(Model("tiny", source, "folder", folder=tmp_path), settings)

    assert (type(cache), type(folder)) == (HubCache, Folder)


def test_an_unreadable_source_is_told_with_a_remedy(workshop, hub):
    """The error of one model is a value among the plans."""
    hub.remove("acme/tiny")
    asked = workshop.asked()

    ((_, error),) = plan_all([asked.catalog.named("tiny")], asked.ground, Options())

    assert isinstance(error, errors.NotFound)


# ---- mending what is there in part


LARGE = "large.safetensors"
LARGE_SIZE = 3_000_000


@pytest.fixture
def large(workshop, hub, tiny):
    """Give the small model a file worth resuming; give its bytes."""
    content = random.Random(7).randbytes(LARGE_SIZE)
    (tiny / LARGE).write_bytes(content)
    hub.add_repo("acme/tiny", tiny)
    return content


def placed_large(workshop):
    return next(one.place for one in located(workshop).files if one.path == LARGE)


def brought_again(workshop, hub, **options):
    """Bring again; give how many bytes of the large file were asked for."""
    hub.forget()
    job = workshop.bring(**options)["tiny"]
    assert job.state == "completed"
    return hub.bytes_sent(LARGE)


@pytest.mark.parametrize("catalog", [IN_THE_CACHE, IN_A_FOLDER], ids=["cache", "folder"])
def test_of_a_file_cut_short_only_the_end_is_fetched(workshop, hub, large, catalog):
    """What is there of it is right, and its digest proves the whole."""
    workshop.catalog = catalog
    workshop.bring()
    os.truncate(placed_large(workshop).resolve(), LARGE_SIZE - 4096)

    sent = brought_again(workshop, hub)

    assert sent == 4096
    assert placed_large(workshop).read_bytes() == large
    assert {one.file for one in hub.requests if one.kind == "get"} == {LARGE}
    assert brought_again(workshop, hub) == 0
    assert hub.requests == ()


def test_what_was_appended_to_a_file_costs_no_byte(workshop, hub, large):
    """All of it is there; the digest says so."""
    workshop.bring()
    with placed_large(workshop).open("ab") as file:
        file.write(b"trailing")

    assert brought_again(workshop, hub) == 0
    assert placed_large(workshop).read_bytes() == large


def test_a_cut_file_that_begins_otherwise_is_fetched_whole(workshop, hub, large):
    """A wrong beginning costs its tail, and never a wrong file."""
    workshop.bring()
    blob = placed_large(workshop).resolve()
    os.truncate(blob, LARGE_SIZE - 4096)
    with blob.open("r+b") as file:
        file.write(b"other")

    assert brought_again(workshop, hub) == LARGE_SIZE + 4096
    assert placed_large(workshop).read_bytes() == large


def test_the_damaged_file_keeps_its_name_until_the_whole_one_is_proved(workshop, hub, large):
    """Who reads it meanwhile sees what was there, never a mixture."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()
    place = placed_large(workshop)
    os.truncate(place, LARGE_SIZE - 4096)
    hub.status(LARGE, 404, kind="body")

    job = workshop.bring()["tiny"]

    assert job.state == "failed"
    assert place.read_bytes() == large[:-4096]


def test_without_resuming_a_cut_file_is_fetched_whole(workshop, hub, large):
    """--no-resume believes nothing that lies here."""
    workshop.bring()
    os.truncate(placed_large(workshop).resolve(), LARGE_SIZE - 4096)

    assert brought_again(workshop, hub, resume=False) == LARGE_SIZE


def test_an_update_does_not_begin_with_the_old_version(workshop, hub, large, tiny):
    """Another digest was noted of it: its beginning is another's."""
    workshop.catalog = IN_A_FOLDER
    workshop.bring()
    (tiny / LARGE).write_bytes(random.Random(8).randbytes(LARGE_SIZE + 1))
    workshop.catalog = IN_A_FOLDER.replace("acme/tiny", f"acme/tiny@{hub.add_repo('acme/tiny', tiny)}")

    assert brought_again(workshop, hub) == LARGE_SIZE + 1
    assert placed_large(workshop).read_bytes() == (tiny / LARGE).read_bytes()


def test_what_a_killed_hf_download_left_is_gone_on_with(workshop, hub, large):
    """It gives each attempt a name of its own and begins at zero; the orphan is put to use, and away."""
    workshop.bring()
    blob = placed_large(workshop).resolve()
    orphan = blob.with_name(f"{blob.name}.0badcafe.incomplete")
    orphan.write_bytes(large[:2_000_000])
    blob.unlink()

    assert brought_again(workshop, hub) == 1_000_000
    assert blob.read_bytes() == large
    assert not orphan.exists()


def test_a_stop_while_the_beginning_is_copied_is_an_interruption(tmp_path):
    """Copying what is there of 40 GB takes a minute."""
    (source := tmp_path / "cut").write_bytes(bytes(LARGE_SIZE))
    wanted = Wanted("http://unused", tmp_path / "part", "x", LARGE_SIZE + 1, (Digest("sha256", "0" * 64),))
    stop = threading.Event()
    stop.set()

    with pytest.raises(errors.Interrupted):
        begin(wanted, [source], stop)

    assert begin(wanted, [source, tmp_path / "not there"], threading.Event()) == LARGE_SIZE
    assert begin(wanted, [source], threading.Event()) == 0  # that much is there already


def test_the_work_grows_with_the_files_and_not_with_their_square(workshop, hub):
    """Thousands of files are planned and put away; nothing is gone through anew for each of them."""
    few, many = (calls_for(workshop, hub, count) for count in (40, 160))

    assert many < 6 * few


def calls_for(workshop, hub, count):
    """Bring *count* files; count the calls of ours that plan and place them."""
    folder = workshop.place / "upstream" / f"of-{count}"
    folder.mkdir(parents=True)
    for one in range(count):
        (folder / f"{one:04}.dat").write_text(f"{count} {one}")
    hub.add_repo(f"acme/of-{count}", folder)
    workshop.catalog = f'[[model]]\nname = "of-{count}"\nsource = "hf:acme/of-{count}"\n'
    calls = Counter()

    def seen(frame, event, _):
        if event == "call" and (frame.f_code.co_filename == "<string>" or "placing" in frame.f_code.co_filename):
            calls[frame.f_code.co_name] += 1

    threading.setprofile(seen)  # the worker's threads begin with it
    try:
        jobs = workshop.bring()
    finally:
        threading.setprofile(None)
    assert jobs[f"of-{count}"].files_done == count
    return calls.total()
