// Package auth knows the API keys: who holds one, what they may read, and whether a
// key that came with a request is genuine.
//
// A generated key is
//
//	0123456789abcdef.the-secret-part
//	└── prefix 16 ──┘ └─ 43 characters, 256 random bits ─┘
//
// and is shown once, when it is made. The file keys.json in the data folder (mode
// 0600) holds, for each key, its name, its prefix, a random salt and the lower-case hex
// SHA-256 of secret‖salt, its rights and its dates; never the secret. A salted SHA-256
// is enough for 256 random bits; the slow hashes that passwords need would make every
// request expensive.
//
// Keys brought from another system may have any form. They have no public prefix to
// look them up by, so they are found by the SHA-256 of the whole key‖the file's lookup
// salt.
//
// There is no cache of verified keys. A check is one SHA-256 of some eighty bytes,
// about 0.2 µs without an allocation, and any cache that keeps hashes instead of
// secrets would have to compute just that to look a key up; without it, a revoked key
// is refused by the next request and nothing grows when strangers send random keys.
package auth
