#!/bin/sh
# Makes .venv from requirements.lock, with hashes checked. uv does it in seconds; pip is the way back if uv cannot be had.
set -eu
python="$1"
"$python" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 12)))' || {
    echo "runner needs Python 3.11; found $("$python" --version 2>&1). Try: make setup PYTHON=python3.11" >&2
    exit 2
}
rm -rf .venv/.ready
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "installing the locked packages into .venv (once)"
install_locked() {
    if [ -x .venv/uv/bin/uv ] || { "$python" -m venv .venv/uv && .venv/uv/bin/pip install --quiet --disable-pip-version-check "uv>=0.9"; }; then
        .venv/uv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock && return
    fi
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
}
# A registry that answers badly once often answers well a moment later; what is installed already is kept.
install_locked || { sleep 5; install_locked; } || { sleep 20; install_locked; }
# The package itself is used from src/ through a path file: no build step and nothing to fetch.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
# Compiled once, the packages load several times faster in every process; python may not be allowed to keep this by itself.
(cd "$site" && "$OLDPWD/.venv/bin/python" -m compileall -q -j 0 -x '/(tests?|plotly|mypy)/' .) || echo "some packages could not be compiled; everything works, a little slower" >&2
(cd src && pwd) > "$site/runner-src.pth"
printf '#!/bin/sh\nexec "$(dirname "$0")/python" -m runner "$@"\n' > .venv/bin/runner
chmod +x .venv/bin/runner
touch .venv/.ready
