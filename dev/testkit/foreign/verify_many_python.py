"""Verifies many Sigstore bundles with sigstore-python in one process, offline, against a private trusted root.

usage: verify_many_python.py TRUSTED_ROOT IDENTITY ISSUER FILE...
The bundle of FILE is FILE.sigstore.json, and holds a DSSE envelope. Exit status 0 when all were accepted.
"""

import hashlib
import json
import sys
from pathlib import Path

from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy


def main() -> int:
    trusted_root, identity, issuer, *files = sys.argv[1:]
    verifier = Verifier(trusted_root=TrustedRoot.from_file(trusted_root))
    expected = policy.Identity(identity=identity, issuer=issuer)
    for file in files:
        parsed = Bundle.from_json(Path(f"{file}.sigstore.json").read_text(encoding="utf-8"))
        _, payload = verifier.verify_dsse(parsed, expected)
        digests = [subject["digest"]["sha256"] for subject in json.loads(payload)["subject"]]
        if hashlib.sha256(Path(file).read_bytes()).hexdigest() not in digests:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
