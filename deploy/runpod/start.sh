#!/usr/bin/env bash
# Bring and certify what the switches turn on, and what was baked in; start the server only when all of it is proved.
set -euo pipefail

baked=/opt/modelready/share/baked
certificate=${MODELREADY_CERTIFICATE:-$MODELS_DIR/certificate.json}

# A volume mounted over the folder hides what was baked into it: then it is brought there like everything else.
if [ -s "$baked" ]; then
    MODELREADY_REQUIRE="${MODELREADY_REQUIRE:+$MODELREADY_REQUIRE,}$(paste -sd, "$baked")"
    export MODELREADY_REQUIRE
fi

# A pod that is stopped while it downloads keeps what arrived: modelready hears of it, not only this script.
# What it brings is loaded next, so it stays in the memory that is to spare.
MODELREADY_KEEP_CACHED=true modelready provision --certificate "$certificate" &
provision=$!
trap 'kill -TERM "$provision" 2>/dev/null || true' TERM INT
status=0
wait "$provision" || status=$?
while kill -0 "$provision" 2>/dev/null; do # a signal ended only the waiting
    status=0
    wait "$provision" || status=$?
done
trap - TERM INT

case "$status" in
    0) echo 'start.sh: every model is proved; starting the server' ;;
    5)
        case "${ALLOW_NO_MODELS:-false}" in
            true | 1 | yes | on) echo 'start.sh: no model is turned on, as ALLOW_NO_MODELS allows; starting the server' ;;
            *)
                echo 'start.sh: no model is turned on: turn one on (above), or set ALLOW_NO_MODELS=true' >&2
                exit 5
                ;;
        esac
        ;;
    *)
        echo "start.sh: not every model is proved (exit $status): the server does not start; see above" >&2
        exit "$status"
        ;;
esac
exec "$@"
