// Verifies a Sigstore bundle with @sigstore/verify, offline, against a private trusted root.
//
// usage: node verify.mjs MODULES TRUSTED_ROOT BUNDLE FILE IDENTITY ISSUER
//        node verify.mjs MODULES TRUSTED_ROOT BUNDLE FILE KEY.pem          a bare key's signature is in no log
// MODULES is the node_modules directory. Exit status 0 when it was accepted; the reason of a refusal is on stderr.
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [modules, rootFile, bundleFile, file, identity, issuer] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');

try {
  const root = TrustedRoot.fromJSON(JSON.parse(readFileSync(rootFile, 'utf8')));
  const bundle = bundleFromJSON(JSON.parse(readFileSync(bundleFile, 'utf8')));
  const artifact = readFileSync(file);
  const key = issuer ? undefined : createPublicKey(readFileSync(identity));
  const find = key && (() => ({ publicKey: key, validFor: () => true }));
  const verifier = new Verifier(toTrustMaterial(root, find), key ? { tlogThreshold: 0 } : {});
  const policy = key ? undefined : { subjectAlternativeName: identity, extensions: { issuer } };
  if (bundle.content.$case === 'dsseEnvelope') {
    verifier.verify(toSignedEntity(bundle), policy);
    const statement = JSON.parse(bundle.content.dsseEnvelope.payload.toString());
    const digest = createHash('sha256').update(artifact).digest('hex');
    if (!statement.subject.some((subject) => subject.digest.sha256 === digest)) {
      throw new Error('the statement is about another file');
    }
  } else {
    verifier.verify(toSignedEntity(bundle, artifact), policy);
  }
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exit(1);
}
