#!/usr/bin/env bash
# bake.sh catalogs: put the catalogs in place.  bake.sh models NAME…: bring and certify models while the image is built.
set -euo pipefail

catalogs=/opt/catalogs
share=/opt/modelready/share

# Without a catalog of its own, the image has those of modelready, but for the one that is always required.
put_catalogs() {
    if ! compgen -G "$catalogs/*.toml" >/dev/null; then
        local shipped
        shipped=$(/opt/modelready/bin/python -P -c 'from modelready import packaged; print(packaged.folder("catalogs"))')
        cp "$shipped"/*.toml "$catalogs/"
        rm -f "$catalogs/starter.toml"
    fi
    modelready status --catalog "$catalogs" >/dev/null # a mistake in one of them ends the build
}

# What is mounted as a secret is given to this one command, and to nothing that stays.
secret() {
    if [ -s "/run/secrets/$1" ]; then
        tr -d '\r\n' <"/run/secrets/$1"
    fi
}

bake() {
    mkdir -p "$share" "$MODELS_DIR"
    printf '%s\n' "$@" >"$share/baked"
    if [ $# -eq 0 ]; then
        : >"$share/baked"
        echo 'BAKE names no model: nothing is baked, nothing to certify'
        return
    fi
    local require=() name
    for name in "$@"; do
        require+=(--require "$name")
    done
    HF_TOKEN=$(secret hf_token) CIVITAI_TOKEN=$(secret civitai_token) HF_HOME=/tmp/huggingface \
        modelready provision "${require[@]}" --certificate "$share/certificate.json"
    rm -rf /tmp/huggingface
}

case "${1:-}" in
    catalogs) put_catalogs ;;
    models) shift && bake "$@" ;;
    *) echo "bake.sh ${1:-}: expected catalogs, or models and their names" >&2 && exit 4 ;;
esac
