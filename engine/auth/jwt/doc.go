// Package jwt decides whom a JSON Web Token (RFC 7519) names, and whether it is genuine:
// signed by a key of the issuer's key set, meant for us, and of now (Dataiku contract,
// section 2).
//
// Signatures are asymmetric only: RS256 to RS512, PS256 to PS512, ES256 to ES512 and
// EdDSA. Which of them a token may use is decided by the key, never by the token: "none"
// and the HS family, with which a public key would be a shared secret, do not exist
// here. Encrypted tokens do not either.
//
// A key set that is fetched is kept until a newer one is there, however long its source
// is down. It is fetched again in the background when it is old, and at once when a
// token names a key that is not in it, but never twice within Retry: tokens of strangers
// cannot make this program call the issuer at will.
//
// Tokens that were found genuine are remembered by their SHA-256 until they expire or
// the key set changes, for the price of one hash instead of one signature.
package jwt
