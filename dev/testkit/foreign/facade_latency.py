"""Times what a Sigstore client waits for: a certificate and an entry in the log, over one connection.

usage: facade_latency.py COUNT
The service comes from CHANCERY_SERVER and CHANCERY_CA, tokens from ACTIONS_ID_TOKEN_REQUEST_URL. Prints milliseconds of each
pair of requests, one a line; making keys and tokens is not counted.
"""

import base64
import hashlib
import http.client
import json
import os
import ssl
import sys
import time
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate

SERVER = urlsplit(os.environ["CHANCERY_SERVER"])
TOKENS = urlsplit(os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"])
SECRET = os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def ask(connection, method, path, body=None, headers=None):
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, {"content-type": "application/json", **(headers or {})})
    response = connection.getresponse()
    text = response.read()
    if response.status not in (200, 201):
        raise SystemExit(f"{path}: {response.status} {text.decode()}")
    return json.loads(text)


def once(connection) -> float:
    path = f"{TOKENS.path}?{TOKENS.query}&audience=sigstore"
    token = ask(connection, "GET", path, headers={"authorization": f"Bearer {SECRET}"})["value"]
    middle = token.split(".")[1]
    subject = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))["sub"]
    key = ec.generate_private_key(ec.SECP256R1())
    sign = lambda data: key.sign(data, ec.ECDSA(hashes.SHA256()))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()
    public = {"publicKey": {"algorithm": "ECDSA", "content": pem}, "proofOfPossession": encoded(sign(subject.encode()))}
    artifact = os.urandom(32)
    signature = encoded(sign(artifact))
    begun = time.perf_counter()
    asked = {"credentials": {"oidcIdentityToken": token}, "publicKeyRequest": public}
    answer = ask(connection, "POST", "/api/v2/signingCert", asked)
    leaf = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"][0]
    der = load_pem_x509_certificate(leaf.encode()).public_bytes(serialization.Encoding.DER)
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": encoded(der)}}
    digest = encoded(hashlib.sha256(artifact).digest())
    entry = {"digest": digest, "signature": {"content": signature, "verifier": verifier}}
    ask(connection, "POST", "/api/v2/log/entries", {"hashedRekordRequestV002": entry})
    return (time.perf_counter() - begun) * 1e3


def main() -> int:
    context = ssl.create_default_context(cafile=os.environ["CHANCERY_CA"])
    connection = http.client.HTTPSConnection(SERVER.hostname, SERVER.port, context=context)
    once(connection)
    for _ in range(int(sys.argv[1])):
        print(f"{once(connection):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
