"""Verifies a Sigstore bundle with sigstore-python, offline, against a private trusted root.

usage: verify_python.py TRUSTED_ROOT BUNDLE FILE IDENTITY ISSUER
Exit status 0 when it was accepted; the reason of a refusal is on stderr.
"""

import hashlib
import json
import sys

from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy


def main() -> int:
    trusted_root, bundle, file, identity, issuer = sys.argv[1:6]
    verifier = Verifier(trusted_root=TrustedRoot.from_file(trusted_root))
    with open(bundle, encoding="utf-8") as handle:
        parsed = Bundle.from_json(handle.read())
    expected = policy.Identity(identity=identity, issuer=issuer)
    with open(file, "rb") as handle:
        data = handle.read()
    if "dsseEnvelope" in json.loads(parsed.to_json()):
        _, payload = verifier.verify_dsse(parsed, expected)
        digests = [subject["digest"]["sha256"] for subject in json.loads(payload)["subject"]]
        if hashlib.sha256(data).hexdigest() not in digests:
            print("the statement is about another file", file=sys.stderr)
            return 1
    else:
        verifier.verify_artifact(data, parsed, expected)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as error:  # any refusal of the library
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
