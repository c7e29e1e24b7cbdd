//! Private keys in PKCS#11 tokens, one worker process per token.
