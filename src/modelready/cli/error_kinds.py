"""Kinds of errors, what each means and what to do about it; docs/errors.md says the same in the same words."""

KINDS = {
    "request": (
        (
            "catalog, option or variable is wrong; no such model; nothing is required; a path or a ref is not "
            "what it must be"
        ),
        "correct what the message names",
    ),
    "not_found": (
        (
            "the repository, revision or file is not there, or may not be seen with this token; a pattern "
            "matches nothing; the repository has another name now"
        ),
        "correct the catalog, or set `HF_TOKEN`",
    ),
    "gated": ("the licence of the repository must be accepted", "accept it on the model's page, and set `HF_TOKEN`"),
    "unauthorised": (
        "the source refused the token, or wants one",
        "set `HF_TOKEN` to one that may read the repository",
    ),
    "rate_limited": ("the source answers 429 and goes on doing so", "wait, or set `HF_TOKEN` for a limit of your own"),
    "offline": ("the source cannot be reached at all", "look at the network, `HF_ENDPOINT`, and `HF_HUB_OFFLINE`"),
    "server_fault": ("the source answers, but not with what was asked for", "try later, or another mirror"),
    "stalled": (
        "the source went silent or too slow; or another process holds what is needed and does not move",
        "try again; look at the process that is named",
    ),
    "moved_revision": ("the source says something else than the lock", "look at what changed, then `modelready lock`"),
    "digest_mismatch": (
        "the bytes that arrived, twice, are not those that were promised",
        "look for a proxy between; correct the digest if the catalog is wrong",
    ),
    "disk_full": (
        "there is no room for what would have to be written",
        "free what the message names; what arrived is kept",
    ),
    "permission": ("a place cannot be written", "choose another, or mend its permissions"),
    "disabled": (
        "`DISABLE_MODEL_DOWNLOADS` forbids what would have to be brought",
        "unset it, or bring the files another way",
    ),
    "interrupted": ("the work was stopped; what arrived is kept", "run it again"),
}
